"""A training in which the network computes as its int8 file does: quantization-aware training."""

from nas.errors import InputError
from nas.network import Network
from nas.rounding.grid import Grid
from nas.rounding.network import Rounding, roundings
from nas.train.recipe import Recipe

# What a recipe must leave out: numbers that are not on the grid, and pictures of other sizes.
_AS_IN_FILES = {"dropout": 0, "stochastic_depth": 0, "precision": "float32", "progressive_stages": 1}


def block_roundings(
    network: Network, in_shape: tuple[int, ...], recipe: Recipe, grid: Grid | None
) -> tuple[Rounding, ...]:
    """How each block is rounded for pictures of `in_shape` (H, W, C); empty without a grid.

    The network is left in evaluation with it: batch norms are folded and their statistics
    stay as they are. Raises `InputError` for a recipe that cannot be followed so, and for
    the grid of another network.
    """
    if grid is None:
        return ()
    for name, wanted in _AS_IN_FILES.items():
        if (found := getattr(recipe, name)) != wanted:
            raise InputError(f"{name}: found {found}; expected {wanted} in training that is rounded to int8")
    network.eval()  # type: ignore[no-untyped-call]
    return roundings(network, in_shape, grid)
