"""Examples of every registered block, for the tests that all of them must pass.

A new kind of block needs a line in `EXAMPLES` for each of its variants.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from nas.architecture import Architecture
from nas.blocks import Block, resolve
from nas.network import fill

# Options of the block, shape it reads, shape it promises.
EXAMPLES = [
    ("amoebanet_a c8 cells=1 stages=1", (12, 12, 8), (3, 3, 32)),
    ("avg_pool k3 s2", (7, 7, 4), (4, 4, 4)),
    ("avg_pool k2 s2 padding=valid", (7, 7, 4), (3, 3, 4)),
    ("bottleneck k3 s2 c16 e2 se0.25", (8, 8, 8), (4, 4, 16)),
    ("bottleneck k3 c8 g2 e2", (8, 8, 8), (8, 8, 8)),
    ("bottleneck k3 s2 c16 stride_on=reduce", (9, 9, 8), (5, 5, 16)),
    ("conv k3 s2 c8 act=swish se0.5", (9, 9, 3), (5, 5, 8)),
    ("conv k3 c8 d2 g2 act=hard-swish norm=none", (8, 8, 4), (8, 8, 8)),
    ("conv k5 s2 c8 act=leaky-relu padding=valid norm=bias", (8, 8, 3), (2, 2, 8)),
    ("conv k4 c8 padding=symmetric", (8, 8, 3), (9, 9, 8)),
    ("darknet_residual c8", (8, 8, 8), (8, 8, 8)),
    ("darknet_residual s2 c16", (8, 8, 8), (4, 4, 16)),
    ("dense c10", (4, 4, 3), (10,)),
    ("dense c10 act=relu", (12,), (10,)),
    ("dense_layer growth=4 e2", (8, 8, 6), (8, 8, 10)),
    ("dropout rate=0.5", (4, 4, 3), (4, 4, 3)),
    ("fire squeeze=4 c16", (8, 8, 6), (8, 8, 16)),
    ("fire squeeze=4 c16 norm=bias", (8, 8, 6), (8, 8, 16)),
    ("flatten", (3, 3, 4), (36,)),
    ("fused_mbconv k3 s2 e4 c16 se0.5", (8, 8, 8), (4, 4, 16)),
    ("fused_mbconv k3 e1 c8", (8, 8, 8), (8, 8, 8)),
    ("fused_mbconv k3 e4 c8 group_size=8", (8, 8, 8), (8, 8, 8)),
    ("inception one=4 three_reduce=3 three=5 five_reduce=2 five=6 pool=7", (8, 8, 6), (8, 8, 22)),
    ("inception_35 one=4 five_reduce=2 five=5 double_reduce=3 double=6 pool=7", (8, 8, 6), (8, 8, 22)),
    ("inception_17 inner=4 branch=6", (9, 9, 6), (9, 9, 24)),
    ("inception_8 one=4 split=3 double_reduce=5 pool=6", (8, 8, 6), (8, 8, 22)),
    ("max_pool k3 s2", (7, 7, 4), (4, 4, 4)),
    ("max_pool k2 s3 padding=ceil", (6, 6, 4), (2, 2, 4)),
    ("max_pool k3 s2 padding=ceil", (8, 8, 4), (4, 4, 4)),
    ("max_pool k3 s2 padding=symmetric", (8, 8, 4), (4, 4, 4)),
    ("max_pool k4 s2 padding=symmetric", (8, 8, 4), (5, 5, 4)),
    ("max_pool k3 s2 padding=valid", (8, 8, 4), (3, 3, 4)),
    ("mbconv k5 s2 e4 c16 se0.25 act=swish", (9, 9, 8), (5, 5, 16)),
    ("mbconv k3 e1 c8 skip=0", (8, 8, 8), (8, 8, 8)),
    ("mbconv e2.5 c8 se0.25 se_of=expanded se_divisor=8 se_gate=hard-sigmoid se_activation=relu", (8, 8, 8), (8, 8, 8)),
    (
        "nasbench201 c8 ab=nor_conv_1x1 ac=skip_connect bc=avg_pool_3x3 bd=skip_connect cd=nor_conv_3x3",
        (6, 6, 8),
        (6, 6, 8),
    ),
    ("nasbench201 c4 ad=avg_pool_3x3", (6, 6, 4), (6, 6, 4)),
    ("nasbench201_reduction c16", (9, 9, 8), (5, 5, 16)),
    ("nasnet_a c8 cells=1 stages=1", (13, 13, 8), (4, 4, 48)),
    ("norm act=relu6", (4, 4, 3), (4, 4, 3)),
    ("normalise mean=0.485,0.456,0.406 std=0.229,0.224,0.225", (4, 4, 3), (4, 4, 3)),
    ("normalise mean=0.5 std=0.25", (4, 4, 1), (4, 4, 1)),
    ("pool", (5, 5, 4), (1, 1, 4)),
    ("preact_bottleneck k3 s2 c16", (8, 8, 8), (4, 4, 16)),
    ("preact_bottleneck k3 c8 e2 se0.5", (8, 8, 8), (8, 8, 8)),
    ("preact_residual k3 s2 c16", (8, 8, 8), (4, 4, 16)),
    ("preact_residual k3 c8 g2", (8, 8, 8), (8, 8, 8)),
    ("reduction_17 inner=4 three=5", (9, 9, 6), (4, 4, 15)),
    ("reduction_35 three=5 double_reduce=3 double=4", (9, 9, 6), (4, 4, 15)),
    ("residual k3 s2 c16 se0.25", (8, 8, 8), (4, 4, 16)),
    ("residual k3 c8", (8, 8, 8), (8, 8, 8)),
    ("residual k3 c8 g2 act=swish", (8, 8, 8), (8, 8, 8)),
    ("separable k3 s2 c16 se0.5", (8, 8, 8), (4, 4, 16)),
    ("shuffle c24 g3 s2 first_groups=1", (8, 8, 6), (4, 4, 24)),
    ("shuffle c24 g3", (8, 8, 24), (8, 8, 24)),
    ("shuffle c24 g3", (8, 8, 12), (8, 8, 24)),
    ("shuffle c4 e64 g1", (8, 8, 4), (8, 8, 4)),
    ("shuffle_v2 c16", (8, 8, 16), (8, 8, 16)),
    ("shuffle_v2 c16 s2", (8, 8, 6), (4, 4, 16)),
    ("transition", (7, 7, 6), (3, 3, 3)),
    ("transition compression=1 s1", (7, 7, 6), (7, 7, 6)),
]


def block_of(line: str) -> Block:
    """The block that a line of an architecture describes."""
    return resolve(Architecture.parse(f"input 8x8x3\nstage {line}").layers[0])


def module_of(line: str, in_shape: tuple[int, ...]) -> nnx.Module:
    """The block's module with fresh arrays."""
    return fill(lambda: block_of(line).build(in_shape, nnx.Rngs(0)), seed=0)


def run(module: nnx.Module, x: jax.Array) -> jax.Array:
    """The module's output for `x`, compiled."""
    return nnx.jit(lambda module, x: module(x))(module, x)


def picture(in_shape: tuple[int, ...], batch: int = 4) -> jax.Array:
    """Random numbers of shape (batch, *in_shape)."""
    return jnp.asarray(np.random.default_rng(0).normal(size=(batch, *in_shape)), jnp.float32)
