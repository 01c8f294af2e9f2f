"""Networks of the zoo with the weights of `keras.applications`.

    import_keras("EfficientNetB0", "efficientnet-b0")                        # trained on ImageNet
    import_keras(keras.applications.MobileNet(alpha=0.5), "mobilenet-v1-0.5-224")

Layers are found by following both networks from the output back to the input; no names
are compared. A kernel or a picture of another size anywhere is refused, naming both layers.
"""

from search_spaces.keras_weights.transfer import import_keras, keras_architecture

__all__ = ["import_keras", "keras_architecture"]
