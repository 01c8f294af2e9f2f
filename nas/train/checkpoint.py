"""Checkpoints: the network under its stable names, and what a training needs to go on from it."""

import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp  # type: ignore[import-untyped]
from flax import nnx

from nas.architecture import Architecture
from nas.errors import InputError
from nas.network import Network, initialise
from nas.train.names import difference, named, shapes_of
from nas.train.recipe import Recipe
from nas.train.step import Chain, State

BESIDE = 2**18  # bytes that a checkpoint takes beside its arrays, generously
_LOG = logging.getLogger("absl")
_DEFAULTS = asdict(Recipe())  # what keys are that an earlier version did not have yet
# What an earlier version did not note, and so cannot differ in; as messages have it.
_NOTED_LATER = {
    "validation": "number of pictures to validate",
    "pictures": "number of pictures to train on",
    "devices": "number of devices whose batch norms see a share",
}
SCORE = "validation_accuracy"  # what the best checkpoint has as much of as any


class Checkpoints:
    """The latest and the best checkpoint of one training, in a folder of its own.

    Each is written beside the ones before, and one of those is deleted only when it is whole.
    `others` is what else tells the training from any other, by what messages call it; of it `validation`
    is the number of pictures on which each epoch was scored.
    """

    def __init__(
        self,
        folder: Path,
        architecture: Architecture,
        recipe: Recipe,
        seed: int,
        network: Network,
        others: Mapping[str, Any],
    ):
        self.folder, self.chain, self.network = folder, Chain.of(network), network
        self.about: dict[str, Any] = {
            "architecture": architecture.text,
            "recipe": asdict(recipe),
            "seed": seed,
            **others,
        }
        self.about["recipe"]["augment"] = list(recipe.augment)
        self._best = _LatestAndBest(others.get("validation", 0))
        options = ocp.CheckpointManagerOptions(preservation_policy=self._best, cleanup_tmp_directories=True)
        self._log_level = _LOG.level
        _LOG.setLevel(logging.CRITICAL)  # Orbax logs a failure several times, at length; it is raised here too
        try:
            with _writing(folder):
                self._manager = ocp.CheckpointManager(folder.absolute(), options=options)
        except InputError:
            _LOG.setLevel(self._log_level)
            raise

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with _writing(self.folder):
                self._manager.close()
        except InputError:
            if kind is None:  # else what ends the training already is what matters
                raise
        finally:
            _LOG.setLevel(self._log_level)

    def save(self, epoch: int, state: State, history: list[dict[str, Any]]) -> None:
        """Begins to write the state after an epoch; returns before it is written.

        Raises `InputError` where it cannot be written, or the one before could not.
        """
        about = ocp.args.JsonSave({**self.about, "history": history})
        arrays = jax.tree.map(np.array, self._arrays(state))
        _require_room(self.folder, sum(array.nbytes for array in jax.tree.leaves(arrays)))
        self._best.history = history
        with _writing(self.folder):
            self._manager.save(epoch, args=ocp.args.Composite(about=about, arrays=ocp.args.StandardSave(arrays)))

    def latest(self, fresh: State) -> tuple[State, list[dict[str, Any]]]:
        """The state that was saved last and its history, or the fresh state and none.

        Raises `InputError` where the folder holds another training or is damaged.
        """
        epoch = self._manager.latest_step()
        if epoch is None:
            return fresh, []
        about = _restored(self._manager, self.folder, epoch, about=ocp.args.JsonRestore())
        self._require_same(about)
        self._best.history = about["history"]
        template = jax.tree.map(ocp.utils.to_shape_dtype_struct, self._arrays(fresh))
        arrays = _restored(self._manager, self.folder, epoch, arrays=ocp.args.StandardRestore(template))
        return self._state(arrays, fresh), about["history"]

    def _require_same(self, about: dict[str, Any]) -> None:
        noted = {what: said for what, said in self.about.items() if what in _NOTED_LATER}
        about = {**noted, **about, "recipe": {**_DEFAULTS, **about["recipe"]}}
        for what in {**self.about, **about}:
            if what == "history" or about.get(what) == self.about.get(what):
                continue
            raise InputError(
                f"{self.folder}: holds a training with another {_NOTED_LATER.get(what, what)} "
                f"({self._said(what, about.get(what))}); "
                "expected an empty folder, or that of the same training"
            )

    def _said(self, what: str, theirs: Any) -> str:
        """How theirs differs: the first line, and of architectures the parameters."""
        mine = self.about.get(what)
        said = _difference(theirs, mine)
        if what != "architecture":
            return said
        with suppress(InputError):  # of a block that is no more
            both = (shapes_of(Architecture.parse(str(text))) for text in (theirs, mine))
            return "; ".join(filter(None, (said, difference(*both))))
        return said

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


@dataclass(frozen=True)
class Kept:
    """A trained network from a checkpoint, in evaluation, and what is known of its training."""

    network: Network
    architecture: Architecture
    epoch: int
    history: tuple[dict[str, Any], ...]  # of the epochs up to it


def load_trained(folder: Path, best: bool = True) -> Kept:
    """The network of a training's checkpoints, after its best epoch in validation or else its last; changes nothing.

    Where averages of the weights were kept, those. Raises `InputError` where there is no
    checkpoint, or none that can be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: does not exist; expected the checkpoints of a training")
    with ocp.CheckpointManager(folder.absolute(), options=ocp.CheckpointManagerOptions(create=False)) as manager:
        epochs = manager.all_steps()
        if not epochs:
            raise InputError(f"{folder}: holds no checkpoint; expected a training that ended an epoch")
        about = _restored(manager, folder, max(epochs), about=ocp.args.JsonRestore())
        epoch = best_epoch(epochs, about["history"], about.get("validation", 0)) if best else max(epochs)
        arrays = _restored(manager, folder, epoch, arrays=ocp.args.StandardRestore())
    architecture = Architecture.parse(about["architecture"], str(folder))
    network = initialise(architecture)
    values = arrays.get("average", arrays["network"])
    _require_shapes(folder, {name: leaf.shape for name, leaf in named(values).items()}, architecture)
    nnx.update(network, jax.device_put(values))
    network.eval()  # type: ignore[no-untyped-call]
    return Kept(network, architecture, epoch, tuple(about["history"][:epoch]))


def best_epoch(epochs: Iterable[int], history: Iterable[dict[str, Any]], pictures: int) -> int:
    """Of some epochs the last whose accuracy in validation is as good as the highest of all.

    As good: within one standard error of it, of so many `pictures` (the rule of Breiman et al. 1984,
    section 3.4.3, which prefers the simpler tree). Fewer say nothing, and later epochs have lower
    learning rates. Where none of these is, the best of them.
    """
    scores = {row["epoch"]: row[SCORE] for row in history}
    highest = max(scores.values(), default=0)
    enough = highest - sqrt(highest * (1 - highest) / pictures) if pictures else highest
    return max(epochs, key=lambda epoch: (min(scores.get(epoch, -1), enough), epoch))


def _require_shapes(folder: Path, theirs: dict[str, Any], architecture: Architecture) -> None:
    if said := difference(theirs, shapes_of(architecture)):
        raise InputError(f"{folder}: is not of the architecture that it names ({said}); expected a whole checkpoint")


class _LatestAndBest:
    """Says which checkpoints are kept, in the form in which Orbax asks."""

    def __init__(self, validation: int) -> None:
        self.validation = validation  # pictures
        self.history: list[dict[str, Any]] = []

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:  # noqa: ARG002
        epochs = [checkpoint.step for checkpoint in checkpoints]
        if not epochs:
            return []
        kept = {max(epochs), best_epoch(epochs, self.history, self.validation)}
        return [epoch in kept for epoch in epochs]


def _require_room(folder: Path, size: int) -> None:
    """Finds out before a checkpoint is begun: half-written ones would only take more room."""
    free = shutil.disk_usage(folder).free
    if free < size + BESIDE:
        raise InputError(
            f"{folder}: a checkpoint cannot be written (No space left on device, {free:,} bytes are free); "
            f"expected room for {size + BESIDE:,} bytes, what was written before is kept"
        )


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Says in one line what keeps a checkpoint from being written."""
    try:
        yield
    except Exception as error:  # Orbax wraps what the system says in a dozen kinds
        raise InputError(
            f"{folder}: a checkpoint cannot be written ({_reason(error)}); "
            "expected room and rights for it, what was written before is kept"
        ) from error


def _restored(manager: Any, folder: Path, epoch: int, **part: Any) -> Any:
    """One part of a checkpoint, named by the only argument."""
    (name,) = part
    try:
        return manager.restore(epoch, args=ocp.args.Composite(**part))[name]
    except Exception as error:  # Orbax and what it reads with raise a dozen kinds for files that are cut short
        raise InputError(
            f"{folder / str(epoch)}: cannot be restored ({_reason(error)}); "
            f"expected a whole checkpoint, delete {folder} to train again"
        ) from error


def _reason(error: BaseException) -> str:
    """What the system said, where it did, else the first line."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    text = str(error)
    if "No space left on device" in text:
        return "No space left on device"
    return text.splitlines()[0][:120] if text else type(error).__name__


def _difference(theirs: Any, mine: Any) -> str:
    """What differs first, in a few words."""
    if isinstance(theirs, dict) and isinstance(mine, dict):
        theirs, mine = [f"{k} {v}" for k, v in theirs.items()], [f"{k} {v}" for k, v in mine.items()]
    else:
        theirs, mine = (str("nothing" if side is None else side).splitlines() for side in (theirs, mine))
    pairs = [*zip(theirs, mine, strict=False)] + [(line, "nothing") for line in theirs[len(mine) :]]
    pairs += [("nothing", line) for line in mine[len(theirs) :]]
    theirs, mine = next(pair for pair in pairs if pair[0] != pair[1])
    return f"'{theirs}' there, '{mine}' here"
