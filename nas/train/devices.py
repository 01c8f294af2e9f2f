"""Several devices, of one host or many: each computes its share of every batch.

All hold the whole network. A step is one program for them together, so that batch norms
see the whole batch and the numbers are those of one device.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from nas.errors import InputError

_AXIS = "batch"


@dataclass(frozen=True)
class Devices:
    """Devices that share each batch, whose size is a multiple of their number."""

    mesh: Mesh

    @classmethod
    def of(cls, devices: Sequence[jax.Device]) -> "Devices":
        """These devices, of all hosts."""
        return cls(Mesh(np.array(devices), (_AXIS,)))

    def require_shares(self, batch_size: int) -> None:
        """Raises `InputError` where a batch has no equal shares for all devices."""
        if batch_size % (count := self.mesh.size):
            wanted = f"a multiple of {count}, the devices that share it"
            raise InputError(f"batch_size: found {batch_size}; expected {wanted}")

    @property
    def whole(self) -> NamedSharding:
        """Where an array lies of which every device has all."""
        return NamedSharding(self.mesh, PartitionSpec())

    @property
    def shares(self) -> NamedSharding:
        """Where an array lies of which every device has a share of the first axis."""
        return NamedSharding(self.mesh, PartitionSpec(_AXIS))

    def everywhere(self, tree: Any) -> Any:
        """The arrays on every device."""
        return jax.device_put(tree, self.whole)

    def split(self, array: Any) -> Any:
        """The array on the host, the same on every host, shared out by its first axis."""
        return jax.make_array_from_callback(array.shape, self.shares, lambda index: array[index])


def devices_to_use(count: int | None = None) -> Devices | None:
    """The first `count` devices; where it is None all of them, but one alone where they are CPUs.

    A computer's processor is one device already. None for one device.
    Raises `InputError` where there are fewer.
    """
    found = jax.devices()
    if count is None:
        count = 1 if found[0].platform == "cpu" and jax.process_count() == 1 else len(found)
    if not 1 <= count <= len(found):
        raise InputError(f"devices: found {count}; expected 1 to {len(found)}, the devices there are")
    return Devices.of(found[:count]) if count > 1 else None


def join_hosts() -> None:
    """Joins the other hosts of a training, where the environment says that there are any.

    JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID say so; every host runs
    the same command. To be called before anything asks JAX for its devices.
    Raises `InputError` where only some of them are given, or no numbers.
    """
    if jax.distributed.is_initialized() or "JAX_COORDINATOR_ADDRESS" not in os.environ:
        return
    numbers = []
    for name in ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID"):
        if not (found := os.environ.get(name, "")).isdigit():
            raise InputError(f"{name}: found '{found}'; expected a number beside JAX_COORDINATOR_ADDRESS")
        numbers.append(int(found))
    count, number = numbers
    jax.distributed.initialize(os.environ["JAX_COORDINATOR_ADDRESS"], count, number)
