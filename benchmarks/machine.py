"""What every table says of where it was measured."""

import os
import platform
from importlib.metadata import version

from experiments.metrics import processor
from nas.processor import instruction_sets


def header(packages: tuple[str, ...], **others: str) -> list[tuple[str, str]]:
    """Rows of (what, found): the machine, and the versions of these packages and of others given."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in packages}, **others}
    return [
        ("machine", f"{processor()}, {os.cpu_count()} cores, {instruction_sets()[-1]}"),
        ("versions", ", ".join(f"{name} {found}" for name, found in versions.items())),
    ]
