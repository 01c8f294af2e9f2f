"""Random changes of pictures in training, by name, computed on the device inside the step.

`kinds` says what there is and reads it, without JAX; `batch` does it.
"""
