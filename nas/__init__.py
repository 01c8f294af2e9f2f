"""The engine: architectures, blocks, costs, latency, search, training and export."""
