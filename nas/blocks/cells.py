"""Cells and stacks of them, as NASNet and AmoebaNet have them.

A cell makes five sums of two operations each, on states made so far. State 0 is the
output of the cell before, state 1 that of the one before it, both brought to the cell's
number of channels; states 2 to 6 are the sums. Which operations on which states, and
what is concatenated at the end, is data.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx

from nas.blocks.activations import ACTIVATIONS
from nas.blocks.cell_operations import ActConvNorm, Chain, Pool, adjusted, one_by_seven, separable
from nas.blocks.registry import Options
from nas.ops import Shape


@dataclass(frozen=True)
class Plan:
    """The ten operations of a cell, each with the state it reads, and the states that come out.

    Operations are "sep3", "sep5", "sep7" (separable, twice), "mean" and "max" (of 3x3),
    "1x7" (and 7x1, in a bottleneck) and "none". `stride` is of operations on the states
    from outside. `zeros_around`: pools with a stride see zeros around the picture.
    """

    operations: tuple[tuple[str, int], ...]
    output: tuple[int, ...]
    stride: int = 1
    zeros_around: bool = False


class Cell(nnx.Module):
    """p and x, of shapes (height, width, channels), to one tensor with `channels` for every state in the output.

    The first cell of a network takes p, which is x then, as it is (`adjusts` is false).
    """

    def __init__(
        self, plan: Plan, p: Shape, x: Shape, channels: int, activation: str, rngs: nnx.Rngs, *, adjusts: bool
    ):
        self.plan = plan
        self.adjust = adjusted(p, x, channels, activation, rngs) if adjusts else None
        self.begin = ActConvNorm(x[2], channels, 1, 1, activation, rngs)
        reads = [channels, channels if adjusts else p[2]] + [channels] * 5
        self.operations = nnx.List(
            [
                _operation(plan, name, reads[state], channels, plan.stride if state < 2 else 1, activation, rngs)
                for name, state in plan.operations
            ]
        )

    def __call__(self, p: jax.Array, x: jax.Array) -> jax.Array:
        states = [self.begin(x), p if self.adjust is None else self.adjust(p)]
        half: jax.Array | None = None
        for operation, (_, state) in zip(self.operations, self.plan.operations, strict=True):
            done = operation(states[state])
            if half is None:
                half = done
            else:
                states.append(half + done)
                half = None
        return jnp.concatenate([states[index] for index in self.plan.output], -1)


def _operation(
    plan: Plan, name: str, in_channels: int, channels: int, stride: int, activation: str, rngs: nnx.Rngs
) -> nnx.Module:
    if name.startswith("sep"):
        return separable(in_channels, channels, int(name.removeprefix("sep")), stride, activation, rngs)
    if name in ("mean", "max"):
        return Pool(name == "max", in_channels, channels, stride, plan.zeros_around, rngs)
    if name == "1x7":
        return one_by_seven(in_channels, channels, stride, activation, rngs)
    same = stride == 1 and in_channels == channels
    return Chain() if same else ActConvNorm(in_channels, channels, 1, stride, activation, rngs)


@dataclass(frozen=True, kw_only=True)
class CellsOptions(Options):
    """`channels`: of every state in the first of the `stages`; they double from stage to stage.

    `cells`: normal cells of a stage. `skip_reduction=1`: the cell after a reduction reads
    past it, as in NASNet-A large.
    """

    channels: int
    cells: int = 4
    stages: int = 3
    skip_reduction: int = 0
    activation: str = "relu"

    depths = ("cells",)
    repeatable = False

    def check(self) -> None:
        if self.channels < 4:
            raise ValueError(f"channels is {self.channels}; expected at least 4, of which the first cell has a quarter")
        if not 1 <= self.cells <= 100:
            raise ValueError(f"cells is {self.cells}; expected 1 to 100")
        if not 1 <= self.stages <= 6:
            raise ValueError(f"stages is {self.stages}; expected 1 to 6")
        if self.skip_reduction not in (0, 1):
            raise ValueError(f"skip_reduction is {self.skip_reduction}; expected 0 or 1")

    @property
    def reduces(self) -> int:
        return int(2 ** (self.stages + 1))


class Cells(nnx.Module):
    """Two reductions, then the stages of normal cells with reductions between, and the activation.

    One block rather than one for each cell, since cells read two of the tensors before them.
    """

    normal: ClassVar[Plan]
    reduction: ClassVar[Plan]

    def __init__(self, in_shape: Shape, options: CellsOptions, *, rngs: nnx.Rngs):
        o = options
        cells: list[Cell] = []
        skips: list[bool] = []
        p = x = in_shape
        for plan, channels in self._plans(o):
            cells.append(Cell(plan, p, x, channels, o.activation, rngs, adjusts=bool(cells)))
            skips.append(plan is self.reduction and len(cells) > 2 and bool(o.skip_reduction))
            out = (-(-x[0] // plan.stride), -(-x[1] // plan.stride), channels * len(plan.output))
            p, x = p if skips[-1] else x, out
        self.cells, self.skips = nnx.List(cells), tuple(skips)
        self.activation = o.activation

    def _plans(self, options: CellsOptions) -> list[tuple[Plan, int]]:
        """Plan and channels of every cell, in order."""
        c = options.channels
        plans = [(self.reduction, c // 4), (self.reduction, c // 2)]
        for stage in range(options.stages):
            plans += [(self.reduction, c * 2**stage)] * (stage > 0) + [(self.normal, c * 2**stage)] * options.cells
        return plans

    def __call__(self, x: jax.Array) -> jax.Array:
        p = x
        for cell, skips in zip(self.cells, self.skips, strict=True):
            p, x = p if skips else x, cell(p, x)
        return ACTIVATIONS[self.activation](x)
