"""How the Edge TPU lays out an op: on tiles and cells, and in bytes.

The chip is a grid of 4x4 tiles of 64 cells, each of which does 4 int8
multiply-accumulates a cycle: 4096 in all. A map is cut into 16 rectangles, one a tile;
within a tile each cell computes one output channel of one pixel and takes 4 input
channels a cycle. With at most 16 or 32 output channels the cells share out several pixels.
What does not divide evenly leaves cells idle. Facts: libedgetpu's chip structures (grid,
cells); the cycle estimates of compiled models (rounding of channels).
"""

import math

from nas.ops import Op, Shape

SIDE = 4  # tiles in a row, and in a column
TILES = SIDE * SIDE
CELLS = 64  # in a tile
LANES = 4  # multiply-accumulates of a cell in a cycle, one for each of 4 input channels
BIAS_BYTES = 4  # of an output channel
CHANNEL_BYTES = 8  # bias and multiplier of an output channel quantized on its own


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple that is not below `value`."""
    return -(-value // multiple) * multiple


def spatial(shape: Shape) -> tuple[int, int, int]:
    """(height, width, channels); a vector is a map of one pixel."""
    height, width, channels = shape if len(shape) == 3 else (1, 1, math.prod(shape))
    return height, width, channels


def tile_pixels(shape: Shape) -> int:
    """Pixels of a map that the fullest tile holds."""
    height, width, _ = spatial(shape)
    return -(-height // SIDE) * -(-width // SIDE)


def conv_cycles(op: Op) -> int | float:
    """Cycles of a convolution or dense layer at 4096 multiply-accumulates a cycle, none lost but by rounding."""
    _, _, in_channels = spatial(op.in_shape)
    _, _, out_channels = spatial(op.out_shape)
    depth = op.kernel[0] * op.kernel[1] * round_up(in_channels // op.groups, LANES) // LANES
    return tile_pixels(op.out_shape) * depth * op.groups * _passes(op.out_shape, out_channels // op.groups)


def depthwise_rows(op: Op) -> float:
    """Kernel rows that the fullest tile goes through, 64 channels at a time, in a depthwise convolution.

    Such an op can use one of a cell's 4 lanes at most and waits for its inputs: published
    latencies of networks with 3x3 and 5x5 kernels agree on a price for a row, not for a tap.
    """
    _, _, channels = spatial(op.out_shape)
    return tile_pixels(op.out_shape) * op.kernel[0] * _cells(channels) / CELLS


def touched_elements(op: Op) -> int:
    """Elements that the fullest tile goes through for an elementwise op, a pool or a copy."""
    height, width, channels = spatial(op.out_shape)
    _, _, in_channels = spatial(op.in_shape)
    reads = tile_pixels(op.in_shape) * in_channels
    if op.kind.endswith("_pool") and (height, width) != (1, 1):
        reads = max(reads, tile_pixels(op.out_shape) * op.kernel[0] * op.kernel[1] * channels)
    return max(reads, tile_pixels(op.out_shape) * channels)


def weight_bytes(op: Op, per_channel: bool = True) -> int:
    """Bytes that an op's parameters take in the compiled model.

    `per_channel`: int8 with a scale for every output channel, as the exporter writes it; else
    the older uint8 with one scale a layer, which is packed closer. A depthwise kernel is
    stored 4 times over, for the lanes that it does not use.
    """
    if not op.weights:
        return 0
    _, _, in_channels = spatial(op.in_shape)
    _, _, out_channels = spatial(op.out_shape)
    window = op.kernel[0] * op.kernel[1]
    extra = CHANNEL_BYTES if per_channel else BIAS_BYTES
    if op.kind == "depthwise_conv":
        multiple = CELLS if per_channel else CELLS // LANES
        return (LANES * window + extra) * round_up(out_channels, multiple)
    if op.kind in ("conv", "dense"):
        of_group = out_channels // op.groups
        padded = op.groups * (round_up(of_group, CELLS) if per_channel else _cells(of_group))
        return (window * round_up(in_channels // op.groups, LANES) + extra) * padded
    return round_up(op.weights, CELLS)


def activation_bytes(shape: Shape) -> int:
    """Bytes that a map takes on the chip, with every tile as full as the fullest."""
    _, _, channels = spatial(shape)
    return TILES * tile_pixels(shape) * round_up(channels, LANES)


def peak_bytes(ops: tuple[Op, ...], in_shape: Shape) -> int:
    """The most bytes of activations alive at once while `ops` run in order."""
    last_use = {number: index for index, op in enumerate(ops) for number in op.inputs}
    alive = {0: activation_bytes(in_shape)}
    peak = alive[0]
    for index, op in enumerate(ops):
        alive[op.output] = activation_bytes(op.out_shape)
        peak = max(peak, sum(alive.values()))
        for number in [n for n in alive if n != op.output and last_use.get(n, -1) <= index]:
            del alive[number]
    return peak


def _cells(channels: int) -> int:
    """Cells that `channels` output channels occupy: several pixels share 64 cells where they fit."""
    for shared in (16, 32):
        if channels <= shared:
            return shared
    return round_up(channels, CELLS)


def _passes(shape: Shape, channels: int) -> float:
    """How often the cells of the busiest tile go round for all output channels of a pixel.

    A map of fewer than 4x4 pixels leaves tiles free; channels beyond 64 go to those.
    """
    height, width, _ = spatial(shape)
    passes = _cells(channels) / CELLS
    free = TILES // (min(height, SIDE) * min(width, SIDE))
    return passes if passes <= 1 else math.ceil(passes / free)
