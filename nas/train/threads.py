"""Threads of one processor that share every batch, each with batch norms of its own.

XLA computes most operations of a small network on one core, so a step leaves the others
idle. Here every thread takes its share through all the blocks with none waiting for
another, by the same compiled programs that one device uses.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import jax
import numpy as np

from nas.train.program import program


class Sharing(Protocol):
    """Runs programs in their order, and the same ones for several shares beside one another."""

    def __call__(self, program: Any, /, *arguments: Any) -> Any:
        """The program's results for these arguments."""

    def beside(self, count: int, compute: "Callable[[Sharing, int], Any]") -> list[Any]:
        """What `compute` gives for each number below `count`, with a runner of its own for the same programs."""


@dataclass(frozen=True)
class Threads:
    """So many threads that share each batch, whose size is a multiple of their number."""

    count: int

    def everywhere(self, tree: Any) -> Any:
        """The arrays where all threads find them."""
        return jax.device_put(tree)

    def mean_of_shares(self, run: Any, function: Callable[..., Any], split: Any, whole: Any) -> Any:
        """The mean over threads of `function(run, number, split, whole)`, of arrays.

        Each is given a runner and a number, its share of the arrays of `split` by their first axis, and `whole`.
        """
        shares = run(_shares_program(self.count), split)

        def own(runner: Sharing, number: int) -> Any:
            return function(runner, np.array([number]), shares[number], whole)

        found = run.beside(self.count, own)
        return jax.tree.map(lambda *leaves: run(_mean_program(), leaves), *found)


@cache
def _shares_program(count: int) -> Any:
    """Arrays to as many shares of their first axis, in order."""

    def shares(arrays: Any) -> list[Any]:
        def of(number: int) -> Any:
            def share(array: jax.Array) -> jax.Array:
                size = array.shape[0] // count
                return array[number * size : (number + 1) * size]

            return jax.tree.map(share, arrays)

        return [of(number) for number in range(count)]

    return program(shares, f"shares {count}")


@cache
def _mean_program() -> Any:
    """Arrays of one shape to their mean."""
    return program(lambda leaves: sum(leaves) / len(leaves), "mean")


@cache
def hands(count: int) -> ThreadPoolExecutor:
    """Threads for shares alone: what else this process computes beside a step must not hold one up."""
    return ThreadPoolExecutor(count, "share")
