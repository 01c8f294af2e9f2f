"""What a device answers: milliseconds, their parts, and the layers that cost them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from nas.errors import InputError
from nas.ops import Trace

Evidence = Literal["estimate", "measured", "fitted"]
Why = Literal["compute", "memory", "streaming", "instructions", "host"]


class OutOfReach(InputError):
    """A network is too far from anything that a fitted device was fitted on; the message is one line.

    `by` is how far: the number of layers with ops that the device does not know, below 1 where it knows all.
    """

    def __init__(self, said: str, by: float = 1.0):
        super().__init__(said)
        self.by = by


class LayerLatency(NamedTuple):
    """One layer's share of the milliseconds, and what most of it is spent on.

    `compute`: multiply-accumulates; `memory`: on-chip reads of weights and activations;
    `streaming`: weights that do not fit on the chip and cross the bus at every inference;
    `instructions`: too little work to outweigh sending the layer's instructions;
    `host`: ops that the device does not take, and all that come after them.
    """

    name: str
    ms: float
    why: Why


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one inference, batch 1.

    `parts` sum to `ms`: compute (all work on the chip), weights_streamed, input_output,
    instructions, overhead (what every inference pays), host. `layers` sum to `ms` less
    input_output and overhead, which belong to no layer. A measured latency is of the whole
    network: its only part is `measured`, and it has no layers.

    `beyond` says where the network is outside of what a fitted device has measured ("" where it is
    not). `margin` is the share of `ms` that nine in ten predictions were right within, as many
    times wider as the network is beyond; None where no such share is known.
    """

    ms: float
    parts: Mapping[str, float]
    layers: tuple[LayerLatency, ...]
    evidence: Evidence
    beyond: str = ""
    margin: float | None = None


@dataclass(frozen=True)
class KnownError:
    """How far off a device's numbers were on networks that its fit had not seen.

    `median` and `worst` are shares of the published milliseconds (0.1 is 10 %), over
    `networks` networks, by `method`.
    """

    median: float
    worst: float
    networks: int
    method: str


class Named(Protocol):
    """What a device says of itself."""

    @property
    def name(self) -> str:
        """The name that experiments use."""

    @property
    def kind(self) -> str:
        """What sort of device or model this is."""

    @property
    def title(self) -> str:
        """One line for people."""


class Device(Named, Protocol):
    """Anything that tells a network's latency from its trace."""

    @property
    def evidence(self) -> Evidence:
        """Whether the milliseconds are measured, fitted to measurements, or estimated."""

    @property
    def known_error(self) -> KnownError | None:
        """How wrong the numbers have been; None where they are the measurements themselves."""

    def latency(self, trace: Trace) -> Latency:
        """Milliseconds of `trace` for one picture."""
