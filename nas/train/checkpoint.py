"""Checkpoints: the network under its stable names, and what a training needs to go on from it."""

from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp  # type: ignore[import-untyped]
from flax import nnx

from nas.architecture import Architecture
from nas.errors import InputError
from nas.network import Network
from nas.train.recipe import Recipe
from nas.train.step import Chain, State


class Checkpoints:
    """The latest checkpoint of one training, in a folder of its own.

    Each is written beside the one before and takes its place when it is whole.
    """

    def __init__(self, folder: Path, architecture: Architecture, recipe: Recipe, seed: int, network: Network):
        self.folder, self.chain, self.network = folder, Chain.of(network), network
        self.about: dict[str, Any] = {"architecture": architecture.text, "recipe": asdict(recipe), "seed": seed}
        self.about["recipe"]["augment"] = list(recipe.augment)
        options = ocp.CheckpointManagerOptions(max_to_keep=1, cleanup_tmp_directories=True)
        self._manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._manager.close()

    def save(self, epoch: int, state: State, history: list[dict[str, Any]]) -> None:
        """Begins to write the state after an epoch; returns before it is written."""
        about = ocp.args.JsonSave({**self.about, "history": history})
        arrays = ocp.args.StandardSave(jax.tree.map(np.array, self._arrays(state)))
        self._manager.save(epoch, args=ocp.args.Composite(about=about, arrays=arrays))

    def latest(self, fresh: State) -> tuple[State, list[dict[str, Any]]]:
        """The state that was saved last and its history, or the fresh state and none.

        Raises `InputError` where the folder holds another training or is damaged.
        """
        epoch = self._manager.latest_step()
        if epoch is None:
            return fresh, []
        about = self._restored(epoch, about=ocp.args.JsonRestore())
        self._require_same(about)
        template = jax.tree.map(ocp.utils.to_shape_dtype_struct, self._arrays(fresh))
        arrays = self._restored(epoch, arrays=ocp.args.StandardRestore(template))
        return self._state(arrays, fresh), about["history"]

    def _restored(self, epoch: int, **part: Any) -> Any:
        """One part of a checkpoint, named by the only argument."""
        (name,) = part
        try:
            return self._manager.restore(epoch, args=ocp.args.Composite(**part))[name]
        except Exception as error:  # Orbax and what it reads with raise a dozen kinds for files that are cut short
            reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            raise InputError(
                f"{self.folder / str(epoch)}: cannot be restored ({reason}); "
                f"expected a whole checkpoint, delete {self.folder} to train again"
            ) from error

    def _require_same(self, about: dict[str, Any]) -> None:
        for what, mine in self.about.items():
            if about.get(what) != mine:
                raise InputError(
                    f"{self.folder}: holds a training with another {what} ({_difference(about.get(what), mine)}); "
                    "expected an empty folder, or that of the same training"
                )

    def _arrays(self, state: State) -> dict[str, Any]:
        """Everything of a state as named arrays; averages as a second network."""
        arrays = {"network": self._named(state.weights, state.statistics), "moments": jax.tree.leaves(state.moments)}
        if state.average:
            arrays["average"] = self._named(*state.average)
        return arrays

    def _state(self, arrays: dict[str, Any], fresh: State) -> State:
        weights, statistics = self._vectors(arrays["network"])
        moments = jax.tree.unflatten(jax.tree.structure(fresh.moments), arrays["moments"])
        average = self._vectors(arrays["average"]) if "average" in arrays else ()
        return jax.device_put(State(weights, statistics, moments, average))  # type: ignore[no-any-return]

    def _named(self, weights: Any, statistics: Any) -> Any:
        self.chain.write(self.network, weights, statistics)
        return nnx.to_pure_dict(nnx.state(self.network, (nnx.Param, nnx.BatchStat)))

    def _vectors(self, named: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        nnx.update(self.network, named)
        return self.chain.vectors(self.network)


def _difference(theirs: Any, mine: Any) -> str:
    """What differs first, in a few words."""
    if isinstance(theirs, dict):
        theirs, mine = [f"{k} {v}" for k, v in theirs.items()], [f"{k} {v}" for k, v in mine.items()]
    else:
        theirs, mine = str(theirs).splitlines(), str(mine).splitlines()
    pairs = [*zip(theirs, mine, strict=False)] + [(line, "nothing") for line in theirs[len(mine) :]]
    pairs += [("nothing", line) for line in mine[len(theirs) :]]
    theirs, mine = next(pair for pair in pairs if pair[0] != pair[1])
    return f"'{theirs}' there, '{mine}' here"
