"""What both sides of an import are made of: convolutions with what norm folds into them, and scales of channels."""

from dataclasses import dataclass, field

from nas.blocks.xla_convolution import Padding
from nas.export.constants import Array
from search_spaces.keras_weights.graph import Weighted

CONVOLUTION = "convolution"  # dense layers too, as 1x1 convolutions
AFFINE = "scale and shift"  # a batch norm that no convolution comes before
UNKNOWN = ""  # the activation of a layer that does not say


@dataclass(frozen=True)
class Window:
    """How a kernel goes over the picture: the step and the rows and columns added, of height and width."""

    stride: tuple[int, int] = (1, 1)
    padding: Padding = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)

    def __str__(self) -> str:
        dilated = "" if self.dilation == (1, 1) else f", dilation {self.dilation}"
        return f"stride {self.stride}, padding {self.padding}{dilated}"


@dataclass(frozen=True, eq=False)
class Layer(Weighted):
    """A layer, its window where it has one, and the activation at its end: none, relu, relu6, or not known."""

    window: Window = field(default=Window(), kw_only=True)
    activation: str = field(default=UNKNOWN, kw_only=True)


@dataclass(frozen=True, eq=False)
class FileLayer(Layer):
    """`kernel` is (height, width, input channels of a group, output channels) of a convolution, (C,) of a scale."""

    kernel: Array = field(kw_only=True)
    bias: Array = field(kw_only=True)
    open: bool = field(default=False, kw_only=True)  # one reader, no activation: what follows may be folded in
