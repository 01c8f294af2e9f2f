"""Which pictures go around which residual blocks, step by step (arXiv 1603.09382)."""

from typing import Any

import numpy as np

from nas.train.recipe import Recipe
from nas.train.step import Chain


def drop_rates(chain: Chain, last: float) -> tuple[float | None, ...]:
    """How often each block of a chain is left out; None for what is outside the stages.

    In proportion to its place, `last` being that of one after the last, as EfficientNet
    has it. In the stages blocks that have no skip are counted too, and not left out.
    """
    total, before, rates = sum(chain.in_stages), 0, []
    for inside in chain.in_stages:
        rates.append(last * before / total if inside else None)
        before += inside
    return tuple(rates)


def draw_branches(chain: Chain, recipe: Recipe, generator: np.random.Generator) -> tuple[Any, ...]:
    """For each block what `nas.blocks.stochastic_depth` multiplies branches by, or None; nothing drawn where not asked.

    Drawn on the host: a few numbers a block, and no random generator for every block to compile.
    """
    if not recipe.stochastic_depth:
        return ()
    return tuple(
        None if rate is None else ((generator.random(recipe.batch_size) >= rate) / (1 - rate)).astype(np.float32)
        for rate in drop_rates(chain, recipe.stochastic_depth)
    )
