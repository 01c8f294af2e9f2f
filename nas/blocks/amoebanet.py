"""AmoebaNet-A (arXiv 1802.01548): cells found by regularized evolution, in NASNet's stack.

The cells are as in the released code. Dropping paths in training is left out.
"""

from nas.blocks.cells import Cells, CellsOptions, Plan
from nas.blocks.registry import register

NORMAL = Plan(
    (
        ("mean", 0),
        ("max", 0),
        ("sep3", 1),
        ("none", 1),
        ("none", 0),
        ("mean", 1),
        ("sep3", 0),
        ("sep5", 2),
        ("mean", 5),
        ("sep3", 0),
    ),
    output=(1, 3, 4, 6),
)
REDUCTION = Plan(
    (
        ("sep3", 1),
        ("mean", 0),
        ("max", 0),
        ("sep7", 2),
        ("max", 1),
        ("max", 0),
        ("sep3", 4),
        ("1x7", 0),
        ("mean", 1),
        ("sep7", 0),
    ),
    output=(2, 3, 4, 5, 6),
    stride=2,
)


@register("amoebanet_a", CellsOptions)
class AmoebanetA(Cells):
    """(B, H, W, C) to (B, H / 16, W / 16, 16 * channels) in three stages, every half rounded up."""

    normal, reduction = NORMAL, REDUCTION
