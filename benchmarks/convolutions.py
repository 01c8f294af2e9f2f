"""Convolutions and their gradients: as this toolkit has XLA compute them in training, and as plain JAX does.

    python benchmarks/convolutions.py

Each is timed by turns with the other, forward, backward to its input and backward to its kernel, in processor time,
so that work beside it disturbs little. Writes results/convolutions.md.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import jax
import numpy as np
from experiment import markdown
from machine import header

from nas.blocks.convolution import same_padding
from nas.blocks.xla_convolution import dense_convolution, library_convolution
from nas.files import write_text
from nas.train.program import compiler_options

RESULTS = Path(__file__).parent / "results"
BATCH, TURNS = 64, 8
SHAPES = (  # side of the picture, stride, channels, outputs; the kernel is 3x3
    *((32, 1, 3, outputs) for outputs in (8, 16, 24, 32)),
    *((64, 2, 3, outputs) for outputs in (16, 24, 32)),
    *((32, 1, 8, outputs) for outputs in (8, 16)),
    *((32, 1, 16, outputs) for outputs in (8, 16)),
    *((32, 2, 16, outputs) for outputs in (16, 32)),
    (56, 1, 16, 16),
    (16, 1, 32, 32),
    (16, 2, 32, 64),
    (8, 1, 64, 64),
    (32, 1, 24, 96),
    (32, 2, 24, 192),
    (16, 1, 32, 256),
)


def main() -> None:
    rows = [measure(*shape) for shape in SHAPES]
    ways = ("forward", "to the input", "to the kernel")
    titles = ("pictures", "stride", "kernel", *(title for way in ways for title in (f"{way}, ms", "JAX / ours")))
    text = [
        "# Convolutions and their gradients",
        f"Written by `benchmarks/convolutions.py`: {BATCH} pictures a time, milliseconds of the processor for ours, "
        f"and how many times as many plain JAX takes; medians of {TURNS} turns. Ours is `dense_convolution` of "
        "`nas/blocks/xla_convolution.py`, compiled as training compiles it: one code for all convolutions of a "
        "program, whose gradients of kernels weigh most, and which costs where less than 1 stands.",
        markdown(("what", "found"), header(("jax", "jaxlib"))),
        markdown(titles, rows),
    ]
    write_text(RESULTS / "convolutions.md", "\n\n".join(text) + "\n")


def measure(side: int, stride: int, channels: int, outputs: int) -> tuple[str, ...]:
    """A line of the table."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(BATCH, side, side, channels)).astype(np.float32)
    kernel = generator.normal(size=(3, 3, channels, outputs)).astype(np.float32)
    padding = same_padding((side, side), (3, 3), stride)
    ours = partial(dense_convolution, padding=padding, stride=stride, dilation=1)
    theirs = partial(library_convolution, padding=padding, stride=stride, dilation=1, groups=1)
    grad = generator.normal(size=(BATCH, side // stride, side // stride, outputs)).astype(np.float32)

    def timed(way: Callable[..., Any], *arguments: Any) -> tuple[str, str]:
        compiled = [
            jax.jit(partial(way, convolution)).lower(x, kernel, *arguments).compile(options)
            for convolution, options in ((ours, compiler_options()), (theirs, {}))
        ]
        return compared(*(partial(run, x, kernel, *arguments) for run in compiled))

    # Nothing asks for the gradient of a picture.
    cells = timed(forward) + (timed(to_input, grad) if channels > 3 else ("", ""))
    return f"{side}x{side}", str(stride), f"3x3x{channels}x{outputs}", *cells, *timed(to_kernel, grad)


def forward(convolution: Callable[..., jax.Array], x: jax.Array, kernel: jax.Array) -> Any:
    """The convolution itself."""
    return convolution(x, kernel)


def to_input(convolution: Callable[..., jax.Array], x: jax.Array, kernel: jax.Array, grad: jax.Array) -> Any:
    """The gradient of the input."""
    return jax.vjp(lambda x: convolution(x, kernel), x)[1](grad)[0]


def to_kernel(convolution: Callable[..., jax.Array], x: jax.Array, kernel: jax.Array, grad: jax.Array) -> Any:
    """The gradient of the kernel."""
    return jax.vjp(lambda kernel: convolution(x, kernel), kernel)[1](grad)[0]


def compared(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[str, str]:
    """Milliseconds of ours, and how many times that theirs take."""
    seconds(ours), seconds(theirs)  # to warm up
    turns = [(seconds(ours), seconds(theirs)) for _ in range(TURNS)]
    mine, other = (median(found) for found in zip(*turns, strict=True))
    return f"{1000 * mine:.1f}", f"{other / mine:.2f}"


def seconds(run: Callable[[], Any]) -> float:
    """Of the processor, for one run."""
    begun = time.process_time()
    jax.block_until_ready(run())
    return time.process_time() - begun


if __name__ == "__main__":
    main()
