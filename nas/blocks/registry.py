"""The kinds of block there are, and how a line of an architecture becomes one of them."""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import Any, ClassVar, TypeVar, get_type_hints

from flax import nnx

from nas.architecture import Architecture, Layer, Value
from nas.blocks.activations import ACTIVATIONS
from nas.blocks.convolution import PADDINGS
from nas.blocks.layers import NORMS
from nas.errors import InputError, shortened, unknown
from nas.ops import Shape


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a line of an architecture may say about a block; a block's options extend it.

    Fields with well-known names are checked here; a block with further rules extends
    `check`. Both raise ValueError saying what was found and what would be right.
    """

    ranges: ClassVar[dict[str, tuple[float, float]]] = {
        "kernel": (1, 31),
        "stride": (1, 8),
        "dilation": (1, 16),
        "groups": (1, 4096),
        "group_size": (0, 4096),
        "channels": (1, 65536),
        "expansion": (0.1, 64),
        "se_ratio": (0, 4),
        "se_divisor": (1, 64),
        "expand_from": (0, 65536),
        "rate": (0, 0.95),
    }
    widths: ClassVar[tuple[str, ...]] = ("channels",)  # the options that a wider network has more of
    depths: ClassVar[tuple[str, ...]] = ()  # the options that a deeper network has more of, beside repeats
    flat: ClassVar[bool] = False  # whether the block also takes (B, C), as a dense layer gives it
    repeatable: ClassVar[bool] = True  # whether a deeper network has more of these blocks
    details: ClassVar[dict[str, str]] = {}  # the options that say more of another, and nothing where that is 0

    def __post_init__(self) -> None:
        for name, (low, high) in self.ranges.items():
            value = getattr(self, name, low)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}; expected {low} to {high}")
        activation = getattr(self, "activation", "none")
        if activation not in ACTIVATIONS:
            raise ValueError(unknown("activation", str(activation), ACTIVATIONS))
        padding = getattr(self, "padding", "same")
        if padding not in PADDINGS:
            raise ValueError(unknown("padding", str(padding), PADDINGS))
        norm = getattr(self, "norm", "batch")
        if norm not in NORMS:
            raise ValueError(unknown("norm", str(norm), NORMS))
        self.check()

    def check(self) -> None:
        """Rules of one block beyond the ranges."""

    def idle(self, name: str) -> bool:
        """Whether an option makes no difference beside the others."""
        return name in self.details and getattr(self, self.details[name]) == 0

    @property
    def reduces(self) -> int:
        """What the block divides the picture's height and width by."""
        return int(getattr(self, "stride", 1))

    @property
    def multiple(self) -> int:
        """What the block's channels, and those of its input, must be a multiple of."""
        return int(getattr(self, "groups", 1))


@dataclass(frozen=True)
class Block:
    """A kind of block with all its options settled: what distinct blocks are told apart by."""

    kind: str
    options: Options

    @cached_property
    def _hash(self) -> int:
        return hash((self.kind, self.options))

    def __hash__(self) -> int:
        return self._hash  # kept: blocks are the keys of every look-up

    def build(self, in_shape: Shape, rngs: nnx.Rngs) -> nnx.Module:
        """The Flax module for an input of (height, width, channels).

        Raises ValueError where the block cannot take such an input.
        """
        if len(in_shape) != 3 and not self.options.flat:
            raise ValueError("the input is flat; expected (height, width, channels), so before any dense layer")
        return KINDS[self.kind].module(in_shape, self.options, rngs=rngs)

    @cached_property
    def following(self) -> "Block":
        """The block as it repeats within a stage: the same without the stride."""
        if getattr(self.options, "stride", 1) == 1:
            return self
        return replace(self, options=replace(self.options, stride=1))  # type: ignore[call-arg]


@dataclass(frozen=True)
class Kind:
    """A registered kind of block: its options and the module that takes them."""

    name: str
    options: type[Options]
    module: Callable[..., nnx.Module]


KINDS: dict[str, Kind] = {}
ALWAYS_SAID = ("kernel", "stride", "expansion", "channels")

_Module = TypeVar("_Module", bound=type[nnx.Module])


def register(name: str, options: type[Options]) -> Callable[[_Module], _Module]:
    """Class decorator that makes a Flax module known to architectures under `name`.

    The module is built as `Module(in_shape, options, rngs=rngs)` with `in_shape`
    (height, width, channels), and called with (B, height, width, channels).
    """

    def add(module: _Module) -> _Module:
        if name in KINDS:
            raise ValueError(f"block '{name}' is registered already, by {KINDS[name].module}")
        KINDS[name] = Kind(name, options, module)
        return module

    return add


def resolve(layer: Layer, origin: str = "architecture") -> Block:
    """The block that a line of an architecture asks for.

    Raises `InputError` for an unknown block or option, a wrong type or range.
    """
    try:
        return _settled(layer.block, layer.options)
    except ValueError as error:
        where = f"{origin} line {layer.line}" if layer.line else f"{origin}: '{layer}'"
        raise InputError(f"{where}: {error}") from error


@lru_cache(maxsize=65536)
def _settled(name: str, said: tuple[tuple[str, Value], ...]) -> Block:
    """The block of kind `name` with the options said; ValueError says what is wrong with them."""
    if name not in KINDS:
        raise ValueError(unknown("block", name, KINDS))
    kind = KINDS[name]
    types = get_type_hints(kind.options)
    names = [f.name for f in fields(kind.options)]
    for option, value in said:
        if option not in names:
            raise ValueError(f"{name}: {unknown('option', option, names)}")
        if not _fits(value, types[option]):
            raise ValueError(f"{name}: {option} is '{shortened(str(value))}'; expected {types[option].__name__}")
    given: dict[str, Any] = dict(said)
    for f in fields(kind.options):
        if f.default is MISSING and f.name not in given:
            raise ValueError(f"{name}: says no {f.name}, which it needs")
    try:
        return Block(name, kind.options(**given))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def canonical(architecture: Architecture, origin: str = "architecture") -> Architecture:
    """The one spelling of an architecture: options in order, most left out at their default or where they are idle.

    What a reader looks for first (kernel, stride, expansion, channels) is always said. Equal
    networks have equal canonical architectures, except where it is the place of a block that makes
    an option idle, as of a skip between other shapes. Raises `InputError` as `resolve` does.
    """
    return replace(architecture, layers=tuple(_canonical_layer(layer, origin) for layer in architecture.layers))


def _canonical_layer(layer: Layer, origin: str) -> Layer:
    return replace(layer, options=_canonical_options(resolve(layer, origin)))


@lru_cache(maxsize=65536)
def _canonical_options(block: Block) -> tuple[tuple[str, Value], ...]:
    options = block.options
    values = [(f, getattr(options, f.name)) for f in fields(options) if not options.idle(f.name)]
    return tuple((f.name, value) for f, value in values if f.name in ALWAYS_SAID or value != f.default)


@lru_cache(maxsize=4096)
def takes(kind: str, option: str) -> bool:
    """Whether blocks of this kind have such an option."""
    return any(f.name == option for f in fields(KINDS[kind].options))


def _fits(value: Value, expected: type) -> bool:
    if expected is float:
        return isinstance(value, int | float)
    return isinstance(value, expected)
