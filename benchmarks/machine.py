"""What every table says of where it was measured."""

import os
import platform
from importlib.metadata import version
from typing import Any

import numpy as np

from experiments.metrics import processor


def header(packages: tuple[str, ...], **others: str) -> list[tuple[str, str]]:
    """Rows of (what, found): the machine, and the versions of these packages and of others given."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in packages}, **others}
    return [
        ("machine", f"{processor()}, {os.cpu_count()} cores{_instructions()}"),
        ("versions", ", ".join(f"{name} {found}" for name, found in versions.items())),
    ]


def _instructions() -> str:
    """The widest vectors that the processor computes, on which speeds depend: X86_V3 has AVX2, X86_V4 AVX-512."""
    config: dict[str, Any] = np.show_config(mode="dicts") or {}
    extensions = config["SIMD Extensions"]
    known = [*extensions["baseline"], *extensions["found"]]
    return f", {known[-1]}" if known else ""
