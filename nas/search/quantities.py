"""Names of what is known of a network; nothing is imported for them."""

# Counted from the trace, before any training. Bytes are those of the network as deployed in int8:
# its weights, and the most of its activations that are alive at once.
QUANTITIES = ("params", "macs", "bytes", "peak_memory")

ACCURACY = "accuracy"  # on the validation split, 0 to 1
INT8_ACCURACY = "int8_accuracy"  # the same of the network's int8 file
SCORES = (ACCURACY, INT8_ACCURACY)  # known only of what was trained
