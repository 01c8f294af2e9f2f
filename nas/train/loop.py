"""Training a network from its first step to its last."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from nas.architecture import Architecture
from nas.errors import InputError
from nas.network import Network, initialise
from nas.rounding.grid import Grid
from nas.train.allocation import keep_freed_memory
from nas.train.checkpoint import Checkpoints
from nas.train.compiled import Compiled, compile_chain, use_cache_on_disk
from nas.train.data import Dataset, at_resolution
from nas.train.devices import Devices, sharing
from nas.train.distillation import Teacher
from nas.train.evaluate import in_batches, share_right
from nas.train.hosts import is_first
from nas.train.log import Log, Stopwatch
from nas.train.progressive import Growth
from nas.train.recipe import Recipe
from nas.train.rounded import block_roundings
from nas.train.step import Chain, State, Step, evaluated
from nas.train.stochastic_depth import draw_branches
from nas.train.threads import Threads
from nas.train.transfer import Start, frozen_blocks, phased_rates, take_over

AHEAD = 2  # steps that may be under way while the next is called; more would only hold memory


class TrainingFailed(RuntimeError):
    """Training cannot go on; the message is the reason."""


@dataclass(frozen=True)
class Epoch:
    """How an epoch went: `loss` is the mean over its steps, accuracy a share (0 to 1)."""

    epoch: int  # from 1
    loss: float
    validation_accuracy: float
    images_per_second: float  # in training alone
    seconds: float  # of training, from its start
    seconds_left: float
    learning_rate: float = 0.0  # of its last step
    data_share: float = 0.0  # how much of the time in training was spent waiting for pictures, 0 to 1


@dataclass(frozen=True)
class Trained:
    """A trained network, and how it came about."""

    network: Network
    history: tuple[Epoch, ...]
    first_step_seconds: (
        float  # from the call to the end of the first step: building and compiling; 0 where none was left
    )

    @property
    def seconds(self) -> float:
        """Seconds that the training took, over all its sittings."""
        return self.history[-1].seconds

    @property
    def validation_accuracy(self) -> float:
        """Accuracy (0 to 1) on the validation split after the last epoch."""
        return self.history[-1].validation_accuracy


def train(
    architecture: Architecture,
    dataset: Dataset,
    recipe: Recipe,
    *,
    seed: int = 0,
    checkpoints: Path | None = None,
    progress: Callable[[Epoch], None] | None = None,
    by_block: bool | None = None,
    teacher: Teacher | None = None,
    devices: int | None = None,
    start: Start | None = None,
    log: Path | None = None,
    grid: Grid | None = None,
) -> Trained:
    """Trains a network on the training split, and scores it on the validation split after every epoch.

    With a folder for `checkpoints` the latest epoch and the best are kept there, and the same
    call goes on from the latest to the numbers that an uninterrupted training gives. `log` is
    the folder for metrics.jsonl and TensorBoard's events, that of the checkpoints where it
    does not say. With a `start` the weights are not all fresh, and some may be frozen for a
    while. `by_block` says how it is compiled (see `nas.train.compiled`): where it does not,
    by block on CPUs alone. With a `teacher` the network learns from its outputs too.
    `devices` is how many share each batch: where it does not say, all, but for CPUs;
    `join_hosts` adds other hosts', which all see the folders. With a `grid` all is rounded as
    in an int8 file that has it, and batch norms keep their statistics: those of the `start`.

    Raises `InputError` where network and pictures do not fit or the folder is of another
    training, and `TrainingFailed` where the loss is no longer a number.
    """
    begun = time.monotonic()
    keep_freed_memory()
    _require_fit(architecture, dataset, recipe)
    use_cache_on_disk()
    dataset = at_resolution(dataset, architecture.resolution)
    network = initialise(architecture, seed)
    frozen = frozen_blocks(network, start, take_over(network, start)) if start else 0
    group = sharing(recipe, devices, threads=by_block is not False)
    if by_block is None:
        by_block = jax.default_backend() == "cpu" and not isinstance(group, Devices)
    rounding = block_roundings(network, dataset.train.images.shape[1:], recipe, grid)
    chain = Chain.of(network, by_block, rounding)
    state = chain.state(network, recipe)
    others = _told_by(dataset, recipe, group, start, teacher, grid)
    kept = Checkpoints(checkpoints, architecture, recipe, seed, network, others) if checkpoints else None
    first_step = 0.0
    with _Folders(kept, log or checkpoints) as folders:
        state, history = folders.latest(state)
        if len(history) < recipe.epochs:
            freezing = (frozen, start.epochs) if start and frozen else (0, 0)
            epochs = _Epochs(chain, dataset, recipe, seed, teacher, group, freezing)
            for state in epochs.run(state, history, begun):  # noqa: B020
                folders.write(state, history)
                if progress:
                    progress(history[-1])
            first_step = epochs.first_step - begun
    chain.write(network, *evaluated(state))
    network.eval()  # type: ignore[no-untyped-call]
    return Trained(network, tuple(history), first_step)


def _told_by(
    dataset: Dataset,
    recipe: Recipe,
    group: Devices | Threads | None,
    start: Start | None,
    teacher: Teacher | None,
    grid: Grid | None,
) -> dict[str, Any]:
    """What tells a training from another with the same network, recipe and seed."""
    shares = group.count if group and recipe.norms_over == "device" else 1  # of a batch, that batch norms see
    always = {"validation": len(dataset.validation), "pictures": len(dataset.train), "devices": shares}
    sometimes = {
        "start": start and start.about,
        "teacher": teacher and teacher.text,
        "grid": grid and grid.digest,
    }
    return always | {what: said for what, said in sometimes.items() if said}


class _Folders(ExitStack):
    """What a training leaves on disk, where it has folders: its checkpoints and its log."""

    def __init__(self, checkpoints: Checkpoints | None, log: Path | None):
        super().__init__()
        self.checkpoints, self.log = checkpoints and self.enter_context(checkpoints), log
        self.writer: Log | None = None

    def latest(self, fresh: State) -> tuple[State, list[Epoch]]:
        """The state that was kept last and the epochs up to it, or the fresh state and none."""
        if not self.checkpoints:
            return fresh, []
        state, past = self.checkpoints.latest(fresh)
        return state, [Epoch(**epoch) for epoch in past]

    def write(self, state: State, history: Sequence[Epoch]) -> None:
        """Keeps the state after the last of the epochs, and logs that one."""
        rows = [asdict(epoch) for epoch in history]
        if self.checkpoints:
            self.checkpoints.save(history[-1].epoch, state, rows)
        if self.log and not self.writer and is_first():
            self.writer = self.enter_context(Log(self.log, len(history) - 1))
        if self.writer:
            self.writer.write(rows)


class _Epochs:
    """The epochs of one training: which pictures come when, and all that is random, follow from seed and epoch."""

    def __init__(
        self,
        chain: Chain,
        dataset: Dataset,
        recipe: Recipe,
        seed: int,
        teacher: Teacher | None = None,
        devices: Devices | Threads | None = None,
        frozen: tuple[int, int] = (0, 0),  # how many blocks, for how many epochs
    ):
        self.chain, self.dataset, self.recipe, self.seed = chain, dataset, recipe, seed
        self.growth, self.devices = Growth(recipe, dataset.train.images.shape[1]), devices
        self.compiled_for = partial(
            compile_chain,
            recipe=recipe,
            image_shape=dataset.train.images.shape[1:],
            teacher=teacher,
            devices=devices,
        )
        self.compiled: Compiled | None = None
        self.side = 0  # of the pictures that it is compiled for
        self.frozen, self.frozen_epochs = frozen
        self.frozen_now = 0
        self.steps = len(dataset.train) // recipe.batch_size
        self.rates = phased_rates(recipe, self.steps, self.frozen_epochs)
        self.first_step = 0.0  # when it ended
        self.waited = 0.0  # seconds for pictures in the last epoch

    def run(self, state: State, history: list[Epoch], begun: float) -> Iterator[State]:
        """The state after each epoch that the history lacks, to which it is added, in a sitting begun at `begun`."""
        before = history[-1].seconds if history else 0.0
        state = self.devices.everywhere(state) if self.devices else state
        for number in range(len(history) + 1, self.recipe.epochs + 1):
            started = time.monotonic()
            state, loss = self.train(state, number)
            trained = time.monotonic() - started
            right = self.score(state)
            ended = time.monotonic()
            epoch = Epoch(
                number,
                loss,
                right,
                images_per_second=self.steps * self.recipe.batch_size / trained,
                seconds=before + ended - begun,
                seconds_left=(ended - started) * (self.recipe.epochs - number),
                learning_rate=self.rate_after(number),
                data_share=self.waited / trained,
            )
            history.append(epoch)
            yield state

    def train(self, state: State, number: int) -> tuple[State, float]:
        """The state after an epoch, and its mean loss. Raises `TrainingFailed` where that is no number."""
        pictures = self.dataset.train
        side, strength = self.growth.at(number)
        compiled = self._compiled(state, side, self.frozen if number <= self.frozen_epochs else 0)
        generator = np.random.default_rng([self.seed, number])
        order = generator.permutation(len(pictures))[: self.steps * self.recipe.batch_size].reshape(self.steps, -1)
        seeds = generator.integers(2**32, size=(self.steps, len(self.chain.layouts) + 1), dtype=np.uint32)
        losses: list[Any] = []
        batches = Stopwatch(pictures.batches(order))
        for index, (images, labels) in enumerate(batches):
            total = (number - 1) * self.steps + index
            keep = min(self.recipe.ema, (1 + total) / (10 + total))  # the first weights are soon forgotten
            branches = draw_branches(self.chain, self.recipe, generator)
            factors = Step(seeds[index], self.rates[total], np.float32(keep), branches, strength)
            state, loss = compiled.step(state, images, labels, factors)
            losses.append(loss)
            if index >= AHEAD:
                losses[index - AHEAD] = self._checked(losses[index - AHEAD], number, index - AHEAD)
            if not self.first_step:
                jax.block_until_ready(state)
                self.first_step = time.monotonic()
        self.waited = batches.seconds
        tail = range(max(0, self.steps - AHEAD), self.steps)
        losses[tail.start :] = [self._checked(losses[index], number, index) for index in tail]
        return jax.block_until_ready(state), float(np.mean(losses))

    def rate_after(self, number: int) -> float:
        """The learning rate of an epoch's last step."""
        return float(self.rates[number * self.steps - 1])

    def _compiled(self, state: State, side: int, frozen: int) -> Compiled:
        """The network compiled for pictures of a side with its first blocks frozen, and no longer for any other."""
        if self.compiled is None or (side, frozen) != (self.side, self.frozen_now):
            chain = replace(self.chain, frozen=frozen)
            self.compiled, self.side, self.frozen_now = self.compiled_for(chain, state=state, side=side), side, frozen
        return self.compiled

    def _checked(self, loss: Any, number: int, index: int) -> float:
        if not math.isfinite(value := float(loss)):
            raise TrainingFailed(
                f"the loss became {value} at step {index + 1} of epoch {number}, "
                f"at a learning rate of {self.rates[(number - 1) * self.steps + index]:.2g}"
            )
        return value

    def score(self, state: State) -> float:
        """Accuracy (0 to 1) on the validation split. Raises `TrainingFailed` where outputs are no numbers."""
        weights, statistics = evaluated(state)
        validation = self.dataset.validation
        compiled = self._compiled(state, self.side, self.frozen_now)
        outputs = in_batches(lambda batch: compiled.predict(weights, statistics, batch), validation.images)
        if not np.isfinite(outputs).all():
            raise TrainingFailed("the network's outputs on the validation pictures are not numbers")
        return share_right(outputs, validation)


def _require_fit(architecture: Architecture, dataset: Dataset, recipe: Recipe) -> None:
    channels = dataset.train.images.shape[-1]
    if architecture.channels != channels:
        raise InputError(
            f"architecture: its input has {architecture.channels} channels; expected the {channels} of {dataset.name}"
        )
    if architecture.classes != len(dataset.classes):
        raise InputError(
            f"architecture: has {architecture.classes} outputs; "
            f"expected {len(dataset.classes)}, the classes of {dataset.name}"
        )
    if recipe.batch_size > len(dataset.train):
        raise InputError(
            f"batch_size: found {recipe.batch_size}; "
            f"expected at most {len(dataset.train)}, the training pictures of {dataset.name}"
        )
    Growth(recipe, architecture.resolution).require_fit(architecture)
