"""Training a network from its first step to its last."""

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from nas.architecture import Architecture
from nas.errors import InputError
from nas.network import Network, initialise
from nas.train.checkpoint import Checkpoints
from nas.train.compiled import Compiled, compile_chain, use_cache_on_disk
from nas.train.data import Dataset, at_resolution
from nas.train.evaluate import in_batches, share_right
from nas.train.optimizer import learning_rates
from nas.train.recipe import Recipe
from nas.train.step import Chain, State, Step, evaluated

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
) -> Trained:
    """Trains a network on the training split, and scores it on the validation split after every epoch.

    With a folder for `checkpoints` the latest epoch is kept there, and the same call
    goes on from it to the numbers that an uninterrupted training gives. `by_block` says
    how it is compiled (see `nas.train.compiled`): where it does not, by block on CPUs alone.

    Raises `InputError` where network and pictures do not fit or the folder is of another
    training, and `TrainingFailed` where the loss is no longer a number.
    """
    begun = time.monotonic()
    _require_fit(architecture, dataset, recipe)
    use_cache_on_disk()
    dataset = at_resolution(dataset, architecture.resolution)
    network = initialise(architecture, seed)
    chain = Chain.of(network, jax.default_backend() == "cpu" if by_block is None else by_block)
    state = chain.state(network, recipe)
    history: list[Epoch] = []
    first_step = 0.0
    with ExitStack() as stack:
        if checkpoints is not None:
            saved = stack.enter_context(Checkpoints(checkpoints, architecture, recipe, seed, network))
            state, past = saved.latest(state)
            history = [Epoch(**epoch) for epoch in past]
        before = history[-1].seconds if history else 0.0
        if len(history) < recipe.epochs:
            compiled = compile_chain(chain, recipe, state, dataset.train.images.shape[1:])
            epochs = _Epochs(compiled, dataset, recipe, seed, len(chain.layouts))
        for number in range(len(history) + 1, recipe.epochs + 1):
            started = time.monotonic()
            state, loss = epochs.train(state, number)
            trained = time.monotonic() - started
            first_step = first_step or epochs.first_step - begun
            right = epochs.score(state)
            seconds = before + time.monotonic() - begun
            speed = epochs.steps * recipe.batch_size / trained
            left = (time.monotonic() - started) * (recipe.epochs - number)
            history.append(Epoch(number, loss, right, speed, seconds, left))
            if checkpoints is not None:
                saved.save(number, state, [asdict(epoch) for epoch in history])
            if progress:
                progress(history[-1])
    chain.write(network, *evaluated(state))
    network.eval()  # type: ignore[no-untyped-call]
    return Trained(network, tuple(history), first_step)


class _Epochs:
    """The epochs of one training: which pictures come when, and all that is random, follow from seed and epoch."""

    def __init__(self, compiled: Compiled, dataset: Dataset, recipe: Recipe, seed: int, blocks: int):
        self.compiled, self.dataset, self.recipe, self.seed, self.blocks = compiled, dataset, recipe, seed, blocks
        self.steps = len(dataset.train) // recipe.batch_size
        self.rates = learning_rates(recipe, self.steps)
        self.first_step = 0.0  # when it ended

    def train(self, state: State, number: int) -> tuple[State, float]:
        """The state after an epoch, and its mean loss. Raises `TrainingFailed` where that is no number."""
        pictures = self.dataset.train
        generator = np.random.default_rng([self.seed, number])
        order = generator.permutation(len(pictures))[: self.steps * self.recipe.batch_size].reshape(self.steps, -1)
        seeds = generator.integers(2**32, size=(self.steps, self.blocks + 1), dtype=np.uint32)
        losses: list[Any] = []
        for index, chosen in enumerate(order):
            total = (number - 1) * self.steps + index
            keep = min(self.recipe.ema, (1 + total) / (10 + total))  # the first weights are soon forgotten
            factors = Step(seeds[index], self.rates[total], np.float32(keep))
            state, loss = self.compiled.step(state, pictures.images[chosen], pictures.labels[chosen], factors)
            losses.append(loss)
            if index >= AHEAD:
                losses[index - AHEAD] = self._checked(losses[index - AHEAD], number, index - AHEAD)
            if not self.first_step:
                jax.block_until_ready(state)
                self.first_step = time.monotonic()
        tail = range(max(0, self.steps - AHEAD), self.steps)
        losses[tail.start :] = [self._checked(losses[index], number, index) for index in tail]
        return jax.block_until_ready(state), float(np.mean(losses))

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
        outputs = in_batches(lambda batch: self.compiled.predict(weights, statistics, batch), validation.images)
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
