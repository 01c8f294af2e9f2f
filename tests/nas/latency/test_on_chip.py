from nas.architecture import Architecture
from nas.latency import load_device
from nas.latency.on_chip import Weights, crossings, weights
from nas.trace import trace

SMALL = trace(Architecture.parse("input 8x8x3\nstem conv k3 c64\nhead pool\nhead dense c10"))
LARGE = trace(Architecture.parse("input 8x8x3\nstem conv k1 c2048\nstage conv k1 c4096 x2\nhead pool\nhead dense c10"))


def test_weights_stay_until_the_memory_is_full():
    device = load_device("edgetpu-usb")
    small, large = weights(device, SMALL), weights(device, LARGE)
    assert small.cached > 0 == small.streamed
    assert large.streamed > 4096 * 4096 - 2**23


def test_devices_without_such_a_memory_say_nothing():
    class Phone:
        name = "phone"

    assert weights(Phone(), SMALL) is None


def test_crossings_mark_the_first_that_streams():
    stays, streams = Weights(5, 0), Weights(5, 1)
    assert crossings([stays, streams, streams, stays, streams]) == [False, True, False, False, True]
    assert crossings([streams, streams]) == [False, False]
    assert crossings([None, None]) == [False, False]
    assert crossings([]) == []
