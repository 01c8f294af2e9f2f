"""Bytes of weights and activations, by hand and against the networks' own arrays."""

from nas.architecture import Architecture
from nas.memory import FORMATS, Memory, block_memory, memory
from nas.ops import BlockTrace, LayerTrace, Op, Trace
from nas.trace import trace

FLOAT32, INT8 = FORMATS


def of(text: str) -> Memory:
    return memory(trace(Architecture.parse(text)), INT8)


def test_convolution_holds_its_input_and_its_output():
    assert of("input 8x8x3\nstem conv k3 s2 c4 act=relu6") == (3 * 3 * 3 * 4 + 4 * 4, 4 * 4 * 4, 8 * 8 * 3 + 4 * 4 * 4)


def test_skip_keeps_the_input_until_it_is_added():
    # During the second convolution and during the addition three tensors of 8x8x4 are alive.
    assert of("input 8x8x4\nstage residual c4").peak == 3 * 256
    assert of("input 8x8x4\nstage conv k3 c4 x2").peak == 2 * 256


def test_swish_is_deployed_as_two_operations():
    # The sigmoid's result waits for the product, beside the convolution's own.
    assert of("input 8x8x4\nstem conv c4 act=swish").peak == 3 * 256
    assert of("input 8x8x4\nstem conv c4 act=hard-swish").peak == 2 * 256


def test_squeeze_and_excitation_holds_what_it_scales():
    # 8x8x16 expanded, scaled, and the block's input for the skip; the gate is 1x1x16.
    assert of("input 8x8x8\nstage mbconv k3 e2 c8 se0.5 act=relu").peak == 512 + 2 * 1024 + 16


def test_tensor_lives_until_its_last_reader_whatever_is_between():
    ops = (
        Op("conv", (4, 4, 1), (4, 4, 10), (0,), 1),
        Op("conv", (4, 4, 10), (4, 4, 2), (1,), 2),
        Op("conv", (4, 4, 2), (4, 4, 3), (2,), 3),
        Op("concat", (4, 4, 10), (4, 4, 13), (1, 3), 4),
    )
    block = BlockTrace(ops, (4, 4, 1), (4, 4, 13), 0, 0)
    assert block_memory(block, INT8).peak == 16 * (10 + 3 + 13)


def test_block_that_does_nothing_holds_its_input():
    assert block_memory(BlockTrace((), (4, 4, 2), (4, 4, 2), 0, 0), INT8) == (0, 0, 32)


def test_network_peaks_where_its_highest_block_does():
    traced = trace(Architecture.parse("input 16x16x3\nstem conv c8\nstage mbconv e4 c8 s2\nhead pool\nhead dense c3"))
    peaks = [block_memory(layer.block, INT8).peak for layer in traced.layers]
    assert memory(traced, INT8).peak == max(peaks) == peaks[1]


def test_float32_takes_four_bytes_of_everything():
    traced = trace(Architecture.parse("input 8x8x3\nstem conv k3 c4\nhead pool\nhead dense c2"))
    small, large = memory(traced, INT8), memory(traced, FLOAT32)
    assert (large.activations, large.peak) == (4 * small.activations, 4 * small.peak)
    biases = 4 + 2
    assert large.weights == 4 * (small.weights - 3 * biases)


def test_equal_blocks_are_counted_once():
    traced = trace(Architecture.parse("input 8x8x8\nstage mbconv c8 x3\nhead dense c2"))
    first, *_ = traced.layers
    thrice = Trace((first, LayerTrace("again", first.kind, first.block), LayerTrace("last", first.kind, first.block)))
    assert memory(thrice, INT8).weights == 3 * block_memory(first.block, INT8).weights
    assert memory(thrice, INT8).peak == block_memory(first.block, INT8).peak
