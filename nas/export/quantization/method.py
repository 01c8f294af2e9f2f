"""How an int8 file gets its numbers, by name: "max", "mse", "percentile", with "+equal" and "+bias" or without."""

from dataclasses import dataclass

from nas.errors import InputError, unknown

RANGES = ("max", "mse", "percentile")
EQUAL, BIAS = "equal", "bias"


@dataclass(frozen=True)
class Method:
    """Where the ranges of activations end, and what is done to weights and biases.

    `ranges` is "max": at the least and the largest value that the calibration pictures
    show, as TensorFlow has it; "percentile": at all but 1 in 10,000 of the values; "mse":
    where the squared error of quantizing the values is least. With `equalize` channels are
    first made alike in size across layers, and with `correct_bias` the mean error of each
    channel is at last taken out of the biases (arXiv 1906.04721, sections 4.1 and 4.2).
    """

    ranges: str = "max"
    equalize: bool = False
    correct_bias: bool = False

    @classmethod
    def parse(cls, text: str) -> "Method":
        """The method called `text`, such as "mse+bias". Raises `InputError` where there is none."""
        ranges, *more = text.split("+")
        if ranges not in RANGES or len(set(more)) < len(more) or not {*more} <= {EQUAL, BIAS}:
            raise InputError(f"quantization: {unknown('method', text, NAMES)}")
        return cls(ranges, EQUAL in more, BIAS in more)

    def __str__(self) -> str:
        more = (f"+{EQUAL}" if self.equalize else "") + (f"+{BIAS}" if self.correct_bias else "")
        return self.ranges + more


PLAIN = Method()
NAMES = tuple(
    str(Method(ranges, equal, bias)) for bias in (False, True) for equal in (False, True) for ranges in RANGES
)
