"""Networks of our own form with the weights of TFLite files made elsewhere.

    import_tflite(Path("mobilenet_v1_0.25_128_quant.tflite"), zoo("mobilenet-v1-0.25-128"))

Layers are found by following both networks from the output back to the input, as for
Keras' models: no names are compared, and the first layer that differs is named.
"""

from search_spaces.tflite_weights.transfer import Imported, import_tflite

__all__ = ["Imported", "import_tflite"]
