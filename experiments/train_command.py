"""Trains one network by itself, from fresh weights or from trained ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.data import open_data, sized
from experiments.evaluation import write_evaluation
from experiments.progress import RunProgress
from experiments.rounding import FILE as GRID
from experiments.rounding import training_grid
from experiments.stages.winner import dump_yaml
from experiments.starting import Weights, load_weights, prepared_as, some_pictures
from experiments.teaching import load_teacher, require_classes
from experiments.training import Training, TrainingFolder
from nas.architecture import Architecture
from nas.blocks.normalise import normalised, require_colours
from nas.errors import InputError
from nas.files import write_text
from nas.network import Network, initialise, steps
from nas.train import Dataset, Epoch, Trained, TrainingFailed, train
from nas.train.allocation import keep_freed_memory
from nas.train.checkpoint import Kept, load_trained
from nas.train.devices import sharing
from nas.train.distillation import Teacher
from nas.train.hosts import first_says, is_first
from nas.train.loading import is_path
from nas.train.transfer import Start, Taken, frozen_blocks, take_over
from scaling.grow import grow
from scaling.scale import total_stride

STAGES = 3
COLOURS = (1, 3)


def train_network(training: Training, out: Path, devices: int | None = None) -> dict[str, Any]:
    """Trains in the folder `out`, or the rest of it; what `nas train --json` prints.

    `devices` is how many share each batch, as `nas.train.train` has it.

    Raises `InputError` where that cannot be done, or the folder is another's.
    """
    keep_freed_memory()
    with _claimed(out, training) as folder, RunProgress(STAGES) as progress:
        return _Session(training, folder, progress, devices).run()


def _claimed(out: Path, training: Training) -> TrainingFolder:
    """The folder, which of several hosts the first holds for all; where it cannot, all end."""
    folder, complaint = TrainingFolder(out), ""
    if is_first():
        try:
            folder = TrainingFolder.claim(out, training)
        except InputError as error:
            complaint = str(error)
    if heard := first_says(complaint):
        raise InputError(heard)
    return folder


class _Session:
    """One start of a training."""

    def __init__(self, training: Training, folder: TrainingFolder, progress: RunProgress, devices: int | None):
        self.training, self.folder, self.progress, self.devices = training, folder, progress, devices
        progress.stage(f"data: {training.data.dataset}")
        given = Architecture.parse(training.architecture)
        self.weights = load_weights(training.init, training.name) if training.init else None
        self.stored = open_data(training.data, training.seed, progress, _channels(training, given))
        self.architecture = self._adapted(given, self.stored)
        self.start = self._start()
        self.teacher = self._teacher()
        self.dataset = sized(self.stored, self.architecture.resolution, progress)
        require_classes(folder.path, self.architecture, self.dataset, "data.dataset")  # of an earlier start
        self.grid = training_grid(folder.path, training, self.architecture, self.dataset, self.start)
        self._require_batch()
        self._say_data()

    def run(self) -> dict[str, Any]:
        if is_first():
            self.folder.keep(self.training)
            write_text(self.folder.path / "labels.txt", "".join(f"{name}\n" for name in self.dataset.classes))
            if self.grid:
                self.grid.save(self.folder.path / GRID)
        trained = self._train()
        best = load_trained(self.folder.checkpoint)
        self.progress.stage(f"evaluate epoch {best.epoch}, as good as any in validation")
        test, classes = self.dataset.test, self.dataset.classes
        found = write_evaluation(self.folder.path, best.network, test, classes, self.grid)
        if is_first():
            self._write_architecture(best, found)
        return self._result(trained, best, found)

    def _adapted(self, given: Architecture, dataset: Dataset) -> Architecture:
        """The architecture for these pictures and classes, each change said."""
        architecture, name, prepared_by = given, self.training.name, ""
        if self.weights:
            architecture = prepared_as(architecture, self.weights.architecture)
            prepared_by = "" if architecture is given else f"--init {self.training.init}"
        if self.training.data.normalise:
            said = self.training.data.normalise
            architecture, prepared_by = normalised(architecture, said.mean, said.std), "data.normalise"
        if (classes := len(dataset.classes)) != architecture.classes:
            self.progress.say(f"{name}: its {architecture.classes} outputs made {classes}, one for each class")
            architecture = architecture.with_classes(classes)
        if dataset.channels != architecture.channels:
            self.progress.say(f"{name}: its input of {architecture.channels} channels made {dataset.channels}")
            architecture = architecture.with_input(channels=dataset.channels)
        if prepared_by:
            require_colours(architecture, prepared_by)
        needed = total_stride(architecture)
        if architecture.resolution < needed:
            raise InputError(
                f"--resolution: found {architecture.resolution}; "
                f"expected at least {needed}, by which the strides of {name} divide a side"
            )
        steps(architecture, name)  # refuses what cannot be built
        return architecture

    def _start(self) -> Start | None:
        """Where to start from, with what is taken over and frozen said."""
        training, epochs = self.training, self.training.recipe.epochs
        if training.freeze_epochs is not None and not training.freeze:
            raise InputError("--freeze-epochs: found no --freeze; expected a part to freeze, such as backbone")
        if training.frozen_epochs > epochs:
            raise InputError(f"--freeze-epochs: found {training.frozen_epochs}; expected at most {epochs}, all epochs")
        if self.weights is None:
            if training.freeze:
                raise InputError("--freeze: found no --init; expected trained weights to freeze")
            if training.grow:
                raise InputError("--grow: found no --init; expected the weights of a smaller network")
            return None
        arrays = self._grown(self.weights) if training.grow else self.weights.arrays
        start = Start(str(training.init), arrays, training.freeze or "", training.frozen_epochs)
        network = initialise(self.architecture)
        taken = take_over(network, start)
        self.progress.say(f"{training.init}: {taken}")
        self._say_frozen(network, start, taken)
        return start

    def _grown(self, smaller: Weights) -> Mapping[str, Any]:
        """The weights widened and deepened to this architecture, with what became of them said."""
        pictures = some_pictures(self.stored, smaller.architecture.resolution)
        grown = grow(smaller.architecture, smaller.arrays, self.architecture, pictures, self.training.seed)
        self.progress.say(f"{self.training.init} grown: {grown}")
        return grown.arrays

    def _teacher(self) -> Teacher | None:
        """What to learn from beside the labels, said."""
        if self.training.teacher is None:
            return None
        teacher = load_teacher(self.training.teacher, self.stored, "--teacher")
        self.progress.say(f"{self.training.teacher.network}: {teacher}")
        return teacher

    def _say_frozen(self, network: Network, start: Start, taken: Taken) -> None:
        if not start.freeze or not start.epochs:
            return
        count = frozen_blocks(network, start, taken)
        if not count:
            raise InputError(f"--freeze {start.freeze}: the first block has fresh weights; expected weights that fit")
        rest = max(0, self.training.recipe.epochs - start.epochs)
        self.progress.say(
            f"{count} of {len(network.names)} blocks frozen for {start.epochs} epochs, then {rest} epochs of all"
        )

    def _require_batch(self) -> None:
        size, count = self.training.recipe.batch_size, len(self.dataset.train)
        if size > count:
            raise InputError(f"recipe.batch_size: found {size}; expected at most {count}, the pictures to train on")
        sharing(self.training.recipe, self.devices)

    def _say_data(self) -> None:
        sizes = [len(split) for split in self.dataset.splits()]
        self.progress.say("{} pictures to train on, {} to validate, {} to test".format(*sizes))
        height, width = self.stored.train.images.shape[1:3]
        side = self.architecture.resolution
        if height and (height, width) != (side, side):
            self.progress.say(f"pictures of {height}x{width} are made {side}x{side}; --resolution says another size")

    def _train(self) -> Trained:
        recipe = self.training.recipe
        self.progress.stage(f"train {self.training.name} for {recipe.epochs} epochs")
        try:
            with self.progress.task("epochs", recipe.epochs) as task:
                return train(
                    self.architecture,
                    self.dataset,
                    recipe,
                    seed=self.training.seed,
                    checkpoints=self.folder.checkpoint,
                    log=self.folder.path,
                    start=self.start,
                    teacher=self.teacher,
                    grid=self.grid,
                    progress=lambda epoch: task.update(epoch.epoch, _note(epoch)),
                    devices=self.devices,
                )
        except TrainingFailed as error:
            raise InputError(f"recipe.learning_rate: {error}; expected a lower one") from error

    def _write_architecture(self, best: Kept, found: dict[str, Any]) -> None:
        content = {
            "name": self.training.name,
            "architecture": best.architecture.text,
            "data": self.dataset.name,
            "epoch": best.epoch,
            "validation_accuracy": best.history[-1]["validation_accuracy"],
            "test_accuracy": found["top1"],
        }
        write_text(self.folder.path / "architecture.yaml", dump_yaml(content))

    def _result(self, trained: Trained, best: Kept, found: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": self.training.name,
            "data": self.dataset.name,
            "out": str(self.folder.path),
            "epochs": len(trained.history),
            "best_epoch": best.epoch,
            "validation_accuracy": best.history[-1]["validation_accuracy"],
            "test": {key: found[key] for key in ("pictures", "top1", "top5", "loss", "calibration_error")},
            "classes": found["classes"],
            "seconds": trained.seconds,
            "images_per_second": trained.history[-1].images_per_second,
            "data_share": _data_share(trained),
            "undecodable": self.stored.complaint or None,
        }


def _channels(training: Training, architecture: Architecture) -> int | None:
    """The colour channels of pictures where nobody says: of files, and for trained weights, the network's."""
    follows = is_path(training.data.dataset) or training.init
    return architecture.channels if follows and architecture.channels in COLOURS else None


def _note(epoch: Epoch) -> str:
    return (
        f"loss {epoch.loss:.3f} validation {epoch.validation_accuracy:.2%} "
        f"{epoch.images_per_second:,.0f} images/s, {epoch.data_share:.1%} of it waiting for data"
    )


def _data_share(trained: Trained) -> float:
    """How much of the time in training was spent waiting for pictures."""
    times = [1 / epoch.images_per_second for epoch in trained.history]  # all epochs have as many pictures
    waited = [time * epoch.data_share for time, epoch in zip(times, trained.history, strict=True)]
    return sum(waited) / sum(times)
