"""A larger network with a smaller one's weights, that computes what the smaller one does.

In the manner of Net2Net (arXiv 1511.05641): first the same function, then training. Widening
keeps the smaller network's channels as the first of the larger one's, and what new
channels give to them is nothing: the weights in between are zero. Unlike copies of channels
that is exact with batch norms in training too, and leaves no two channels the same. Blocks
that a deeper network has more of begin as the identity.

No block says how it is to be grown. What was kept is measured: both networks compute
the same pictures, block by block.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import numpy as np

from nas.architecture import Architecture, Layer
from nas.errors import InputError
from nas.network import initialise, steps
from nas.train.names import network_arrays
from scaling.identity import Array, Arrays, applied, as_identity, of_block, with_arrays

SAME = 1e-4  # of the largest output: what counts as the same function
COMPARED = 16  # pictures


@dataclass(frozen=True)
class Grown:
    """The larger network's arrays by name, and how far it is from the smaller one.

    `difference` is the largest of any output as a share of the largest output, None where the
    number of classes differs; `first` names the block after which it is first more than
    `SAME`, "" where it never is. `added` counts the blocks that the smaller network does not have.
    """

    arrays: Arrays
    difference: float | None
    first: str
    added: int

    @property
    def same(self) -> bool:
        """Whether both compute the same."""
        return self.difference is not None and self.difference <= SAME

    def __str__(self) -> str:
        blocks = f"{self.added} blocks added, " if self.added else ""
        if self.difference is None:
            return f"{blocks}fresh outputs, for another number of classes"
        if self.same:
            return f"{blocks}computes the same: outputs differ by {self.difference:.1g} of the largest"
        return f"{blocks}computes nearly the same: outputs differ by {self.difference:.1%}, from {self.first} on"


def grow(
    small: Architecture, arrays: Mapping[str, Array], large: Architecture, pictures: Array | None = None, seed: int = 0
) -> Grown:
    """The arrays of `large` that make it compute what `small` does with `arrays`, as nearly as its blocks allow.

    Both are compared at the resolution of `small`, on `pictures` (B, H, W, C) in -1..1 of that
    size, by which norms of added blocks are set too; on noise where there are none. What is
    new is drawn from `seed`. Raises `InputError` where `large` is not `small` made larger.
    """
    require_larger(small, large)
    if pictures is None:
        shape = (COMPARED, small.resolution, small.resolution, small.channels)
        pictures = np.random.default_rng(seed).uniform(-1, 1, shape)
    shown = jax.device_put(np.asarray(pictures[:COMPARED], np.float32))
    at_small = large.with_input(small.resolution)
    before, network = dict(initialise(small).blocks()), initialise(at_small, seed)
    after, new, old = dict(network.blocks()), network_arrays(network), dict(arrays)
    kept_classes = small.classes == large.classes
    classifier = [name for name in after if any(array.ndim > 1 for array in of_block(new, name).values())][-1]
    theirs = mine = shown
    first, difference = "", 0.0
    for step in steps(at_small):
        name, block = step.name, after[step.name]
        if name in before:
            inherited = of_block(old, name) if kept_classes or name != classifier else {}
            arrays_now = _widened_block(inherited, of_block(new, name))
            theirs = applied(with_arrays(before[name], of_block(old, name)), theirs)
        else:
            arrays_now = as_identity(step, block, mine)
        new |= {f"{name}.{own}": array for own, array in arrays_now.items()}
        mine = applied(with_arrays(block, arrays_now), mine)
        difference = _difference(theirs, mine)
        first = first or (name if difference > SAME else "")
    return Grown(new, difference if kept_classes else None, first, len(after.keys() - before.keys()))


def widened(old: Array, new: Array) -> Array:
    """The array `new` with `old` in it: first channels first, kernels in the middle.

    Of a kernel (kh, kw, in, out) what leads from new inputs to old outputs is zero.
    """
    result = np.array(new)
    places = [slice(size) for size in old.shape]
    if old.ndim == 4:
        result[..., : old.shape[-1]] = 0
        for axis in (0, 1):
            begin = (new.shape[axis] - old.shape[axis]) // 2
            places[axis] = slice(begin, begin + old.shape[axis])
    result[tuple(places)] = old
    return result


def require_larger(small: Architecture, large: Architecture) -> None:
    """Raises `InputError` unless `large` has the lines of `small`, each of at least its repeats and channels.

    Both have to read pictures of as many channels.
    """
    if small.channels != large.channels:
        raise InputError(
            f"--grow: found weights for pictures with {small.channels} channels; "
            f"expected {large.channels}, as this network reads"
        )
    if len(small.layers) != len(large.layers):
        raise InputError(
            f"--grow: found weights of {len(small.layers)} lines; expected those of a smaller member of one family, "
            f"which has the {len(large.layers)} lines of this network"
        )
    for number, (one, other) in enumerate(zip(small.layers, large.layers, strict=True), start=1):
        if (one.part, one.block) != (other.part, other.block):
            raise _mismatch(number, one, f"a {other.part} of {other.block}")
        if one.repeats > other.repeats or (number < len(small.layers) and _channels(one) > _channels(other)):
            raise _mismatch(number, one, f"no more than '{other}'")


def _mismatch(number: int, found: Layer, expected: str) -> InputError:
    return InputError(f"--grow: line {number} of the weights' network: found '{found}'; expected {expected}")


def _channels(layer: Layer) -> int:
    return int(layer.get("channels") or 0)


def _widened_block(old: Arrays, new: Arrays) -> Arrays:
    """A block's arrays with the smaller block's in them, where they have room for them."""
    return {
        name: widened(old[name], array) if name in old and _has_room(array, old[name]) else array
        for name, array in new.items()
    }


def _has_room(new: Array, old: Array) -> bool:
    return new.ndim == old.ndim and all(mine >= theirs for mine, theirs in zip(new.shape, old.shape, strict=True))


def _difference(theirs: jax.Array, mine: jax.Array) -> float:
    """The largest difference of channels that both have, as a share of the largest value; infinite between shapes."""
    if theirs.shape[:-1] != mine.shape[:-1]:
        return float("inf")
    channels = min(theirs.shape[-1], mine.shape[-1])
    one, other = np.asarray(theirs)[..., :channels], np.asarray(mine)[..., :channels]
    return float(np.abs(one - other).max() / max(np.abs(one).max(), 1e-9))
