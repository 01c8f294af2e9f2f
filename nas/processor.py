"""What the processor here can compute by."""

import platform

import numpy as np


def instruction_sets() -> tuple[str, ...]:
    """Its kind, and the sets of instructions that NumPy finds, the widest last: X86_V3 has AVX2, X86_V4 AVX-512."""
    extensions = np.show_config(mode="dicts").get("SIMD Extensions", {})  # NumPy leaves out what is empty
    return (platform.machine(), *extensions.get("baseline", ()), *extensions.get("found", ()))
