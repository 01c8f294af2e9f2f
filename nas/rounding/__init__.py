"""A Flax network computed as an int8 file of it computes: weights and activations rounded to the file's steps.

Training such a network is quantization-aware training (arXiv 1712.05877, section 3).
"""
