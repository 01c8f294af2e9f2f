"""Samplers that are not ours: by import path, or from OptunaHub."""

import importlib
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.samplers import BaseSampler

from nas.errors import InputError, one_line
from nas.search.samplers.strategy import Draw, Strategy

HUB = "hub"


@dataclass(frozen=True)
class Foreign(Strategy):
    """The class at `path`: module:Class, or hub:PACKAGE:Class of OptunaHub; `options` are its keyword arguments.

    It is made anew for each trial, with a `seed` where it takes one, and so is to learn from the study alone.
    """

    path: str = ""
    options: tuple[tuple[str, Any], ...] = ()

    name = "foreign"

    def make(self, draw: Draw) -> BaseSampler:
        """Runs the code. Raises `InputError` where there is none or it takes no such options."""
        found = load_class(self.path)
        given = dict(self.options)
        try:
            if "seed" in inspect.signature(found).parameters:
                given.setdefault("seed", draw.seed)
            sampler = found(**given)
        except (TypeError, ValueError) as error:
            raise InputError(f"{self.path}: cannot be made: {error}; expected options that it takes") from error
        if not isinstance(sampler, BaseSampler):
            raise InputError(f"{self.path}: found a {type(sampler).__name__}; expected a sampler of Optuna")
        return sampler


def load_class(path: str) -> Any:
    """What stands at an import path; modules in the current folder are found too.

    Raises `InputError` where there is none.
    """
    place, _, name = path.rpartition(":")
    try:
        module = _from_hub(place.removeprefix(f"{HUB}:")) if place.startswith(f"{HUB}:") else _imported(place)
    except ImportError as error:
        raise InputError(f"{path}: cannot be imported ({error}); expected module:Class or hub:PACKAGE:Class") from error
    if not callable(found := getattr(module, name, None)):
        raise InputError(f"{path}: {place} has no class {name}; expected module:Class")
    return found


def _imported(name: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    return importlib.import_module(name)


def _from_hub(package: str) -> Any:
    """A package of OptunaHub, fetched where it was not before. Raises `InputError` where it cannot be had."""
    try:
        hub = importlib.import_module("optunahub")
    except ImportError as error:
        raise InputError(
            f"{HUB}:{package}: the package optunahub is not installed; expected it, as from: "
            "pip install 'edgescale[hub]'"
        ) from error
    try:
        return hub.load_module(package)
    except Exception as error:  # of the network, of the archive, or of the code that is fetched
        said = one_line(str(error)) or type(error).__name__
        raise InputError(f"{HUB}:{package}: cannot be loaded ({said}); expected a package of OptunaHub") from error
