"""Packages that one format needs and the rest of the project does not."""

import importlib
from typing import Any

from nas.errors import InputError
from nas.export.quiet import quiet


def load_extra(module: str, extra: str) -> Any:
    """A module of an optional package; raises `InputError` that names the extra where it is not installed."""
    try:
        with quiet():
            return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise InputError(
            f"export: {package} is not installed, and it writes this format; "
            f"expected it after: pip install 'edgescale[{extra}]'"
        ) from error
