"""Several devices, of one host or many: each computes its share of every batch.

All hold the whole network. A step is one program for them together, so that batch norms
see the whole batch and the numbers are those of one device, unless the recipe wants them
to see each device's share. A processor passes for several devices; where batch norms see
shares, its threads do (`nas.train.threads`), which takes less time.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from nas.errors import InputError
from nas.train.recipe import Recipe
from nas.train.threads import Threads

_AXIS = "batch"


@dataclass(frozen=True)
class Devices:
    """Devices that share each batch, whose size is a multiple of their number."""

    mesh: Mesh

    @classmethod
    def of(cls, devices: Sequence[jax.Device]) -> "Devices":
        """These devices, of all hosts."""
        return cls(Mesh(np.array(devices), (_AXIS,)))

    @property
    def count(self) -> int:
        """How many they are."""
        return int(self.mesh.size)

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

    def mean_of_shares(self, run: Any, function: Callable[..., Any], split: Any, whole: Any) -> Any:
        """The mean over devices of `function(run, number, split, whole)`, of arrays.

        Each is given its number, its share of the arrays of `split`, and those of `whole`. To
        be called in a program that is being traced.
        """

        def own(split: Any, whole: Any) -> Any:
            return lax.pmean(function(run, lax.axis_index(_AXIS), split, whole), _AXIS)

        specs = PartitionSpec(_AXIS), PartitionSpec()
        # Unchecked: checking would have gradients added up among the devices within the function.
        return jax.shard_map(own, mesh=self.mesh, in_specs=specs, out_specs=specs[1], check_vma=False)(split, whole)


def divide_processor(count: int) -> None:
    """Has this computer's processor pass for `count` devices; to be called before anything asks JAX for its devices.

    Does nothing where JAX was asked before.
    """
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", count)


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


def sharing(recipe: Recipe, count: int | None = None, threads: bool = True) -> Devices | Threads | None:
    """What shares each of a recipe's batches: `count` devices, as `devices_to_use` has them.

    Where batch norms see shares, a processor passes for so many by its `threads`, unless it is to do without.
    Raises `InputError` as `devices_to_use` does, and where a batch, or a part of one, has no equal shares, or
    batch norms would see shares of a single picture.
    """
    apart = recipe.norms_over == "device"
    one_processor = jax.default_backend() == "cpu" and jax.process_count() == 1
    by_threads = threads and apart and one_processor and count and count > 1
    group = Threads(count) if count and by_threads else devices_to_use(count)
    parts = recipe.accumulate if apart else 1
    if group and recipe.batch_size % (group.count * parts):
        wanted = f"a multiple of {group.count * parts}, the devices that share "
        wanted += "it" if parts == 1 else f"each of its {parts} parts"
        raise InputError(f"batch_size: found {recipe.batch_size}; expected {wanted}")
    if group and apart and recipe.batch_size < (least := 2 * group.count * parts):
        why = "so that batch norms see two pictures on each device"
        raise InputError(f"batch_size: found {recipe.batch_size}; expected at least {least}, {why}")
    return group
