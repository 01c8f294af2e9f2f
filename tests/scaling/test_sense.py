import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.trace import trace
from scaling import require_sense

DENSE = trace(Architecture.parse("input 8x8x1\nhead dense c16 act=relu\nhead dense c10"))
FLAT = trace(Architecture.parse("input 8x8x1\nstem conv k3 c8\nhead dense c10"))
POOLED = trace(Architecture.parse("input 8x8x1\nstem conv k3 c8\nhead pool\nhead flatten\nhead dense c10"))


def test_dense_layers_alone_can_only_be_wider():
    require_sense(DENSE, "x", deeper=False, larger=False)
    with pytest.raises(InputError, match="x: has only dense layers"):
        require_sense(DENSE, "x", larger=False)


def test_a_head_that_reads_every_pixel_keeps_its_resolution():
    require_sense(FLAT, "x", larger=False)
    with pytest.raises(InputError, match="x: its dense layer reads each of 8x8 places by itself"):
        require_sense(FLAT, "x")


def test_a_pooled_head_is_no_obstacle():
    require_sense(POOLED, "x")
