"""int8 that keeps its accuracy: ranges of activations, biases that make up for errors, and where errors come from."""
