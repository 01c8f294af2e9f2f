"""The engine: architectures, blocks, costs, latency, search, training and export."""

from nas.emitters import ask_in_flags

ask_in_flags()  # before anything uses JAX
