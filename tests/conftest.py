"""Strict surroundings for every test: two fake devices, and no implicit rank promotion."""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
