"""NASNet-A (arXiv 1707.07012): two kinds of cell, found by search on CIFAR-10, stacked.

As in Keras, pools with a stride see zeros around the picture. Dropping paths in training
(scheduled drop path) is left out.
"""

from nas.blocks.cells import Cells, CellsOptions, Plan
from nas.blocks.registry import register

NORMAL = Plan(
    (
        ("sep5", 0),
        ("sep3", 1),
        ("sep5", 1),
        ("sep3", 1),
        ("mean", 0),
        ("none", 1),
        ("mean", 1),
        ("mean", 1),
        ("sep3", 0),
        ("none", 0),
    ),
    output=(1, 2, 3, 4, 5, 6),
)
REDUCTION = Plan(
    (
        ("sep5", 0),
        ("sep7", 1),
        ("max", 0),
        ("sep7", 1),
        ("mean", 0),
        ("sep5", 1),
        ("none", 3),
        ("mean", 2),
        ("sep3", 2),
        ("max", 0),
    ),
    output=(3, 4, 5, 6),
    stride=2,
    zeros_around=True,
)


@register("nasnet_a", CellsOptions)
class NasnetA(Cells):
    """(B, H, W, C) to (B, H / 16, W / 16, 24 * channels) in three stages, every half rounded up."""

    normal, reduction = NORMAL, REDUCTION
