"""What `nas scale ARCH --search` does: short trainings find the proportions to scale a network in."""

import csv
import io
from contextlib import closing
from functools import lru_cache, partial
from math import sqrt
from pathlib import Path
from typing import Any

from experiments.data import open_data, sized
from experiments.progress import RunProgress
from experiments.proportion_settings import ProportionFolder, ProportionSearch
from experiments.proportion_study import ProportionStudy
from experiments.stages.winner import dump_yaml
from nas.architecture import Architecture
from nas.errors import InputError
from nas.files import write_text
from nas.latency import load_device
from nas.search.in_process import InProcess
from nas.search.trainer import Ended, Judge
from nas.trace import trace
from nas.train import Dataset, Epoch, TrainingFailed, train
from nas.train.data import with_pictures
from scaling import Proportion, proportions, require_sense

STAGES = 3
COLUMNS = ("alpha", "beta", "gamma", "times", "resolution", "params", "macs", "accuracy", "reason")


def search_proportions(settings: ProportionSearch, out: Path) -> dict[str, Any]:
    """Searches in the folder `out`, or the rest of it; what `nas scale --search --json` prints.

    Raises `InputError` where that cannot be done, or the folder is another's.
    """
    with ProportionFolder.claim(out, settings) as folder, RunProgress(STAGES) as progress:
        return _Search(settings, folder, progress).run()


class _Search:
    """One start of a search."""

    def __init__(self, settings: ProportionSearch, folder: ProportionFolder, progress: RunProgress):
        self.settings, self.folder, self.progress = settings, folder, progress
        progress.stage(f"data: {settings.data.dataset}")
        given = Architecture.parse(settings.architecture)
        self.dataset = open_data(settings.data, settings.seed, progress, given.channels)
        self.baseline = given.with_classes(len(self.dataset.classes)).with_input(channels=self.dataset.channels)
        require_sense(trace(self.baseline, settings.name), settings.name)
        self.sized = lru_cache(maxsize=2)(lambda resolution: sized(self.dataset, resolution, progress))

    def run(self) -> dict[str, Any]:
        self.progress.stage(f"proportions that cost about twice as much ({self.settings.cost})")
        found = proportions(self.baseline, self._cost(), self.settings.parts, self.settings.rules)
        self.progress.say(f"{len(found)} networks to train for {self.settings.recipe.epochs} epochs")
        self.folder.keep(self.settings)
        self.progress.stage("train them")
        with ProportionStudy(self.folder.path, self.settings.name) as study:
            with self.progress.task("proportions", len(found)) as task, closing(InProcess(self._train)) as trainer:
                for done, (number, ended) in enumerate(study.run(found, trainer), start=1):
                    self._say(found[number], ended)
                    task.update(done)
                    write_text(self.folder.path / "proportions.csv", _table(found, study.ended()))
            return self._result(found, study.ended())

    def _cost(self) -> Any:
        if self.settings.cost == "macs":
            return lambda architecture: float(trace(architecture, self.settings.name).macs)
        device = load_device(self.settings.cost)
        return lambda architecture: device.latency(trace(architecture, self.settings.name)).ms

    def _train(self, number: int, architecture: Architecture, judge: Judge) -> Ended:
        """One training, from where an earlier start of it was stopped."""
        epochs = self.settings.recipe.epochs
        try:
            with self.progress.task(f"network {number} epochs", epochs) as task:
                trained = train(
                    architecture,
                    self._pictures(architecture.resolution),
                    self.settings.recipe,
                    seed=self.settings.seed,
                    checkpoints=(self.folder.path / "checkpoints" / f"proportion-{number:03}").absolute(),
                    progress=partial(_told, task, judge),
                )
        except TrainingFailed as error:
            return Ended(number, None, str(error))
        return Ended(number, trained.validation_accuracy)

    def _pictures(self, resolution: int) -> Dataset:
        return with_pictures(self.sized(resolution), self.settings.pictures, self.settings.seed)

    def _say(self, one: Proportion, ended: Ended) -> None:
        reached = ended.reason if ended.accuracy is None else f"{ended.accuracy:.2%}"
        self.progress.say(f"{_spelled(one)}, {one.times:.2f} times the cost: {reached}")

    def _result(self, found: list[Proportion], ended: dict[int, Ended]) -> dict[str, Any]:
        """Everything that was found, the most accurate first."""
        rows = sorted(
            (_row(one, ended[number]) for number, one in enumerate(found)), key=lambda row: -(row["accuracy"] or -1)
        )
        best = rows[0]
        if best["accuracy"] is None:
            raise InputError(
                f"recipe.learning_rate: no network could be trained: {best['reason']}; expected a lower one"
            )
        error = sqrt(best["accuracy"] * (1 - best["accuracy"]) / len(self.dataset.validation))
        chosen = {name: best[name] for name in ("alpha", "beta", "gamma")}
        result = {
            "baseline": self.settings.name,
            "data": self.dataset.name,
            "cost": self.settings.cost,
            "coefficients": chosen,
            "accuracy": best["accuracy"],
            "standard_error": error,
            "as_good": sum(best["accuracy"] - (row["accuracy"] or 0) <= error for row in rows),
            "rows": rows,
            "out": str(self.folder.path),
        }
        kept = {key: value for key, value in result.items() if key not in ("rows", "out")}
        write_text(self.folder.path / "coefficients.yaml", dump_yaml(kept))
        return result


def _told(task: Any, judge: Judge, epoch: Epoch) -> None:
    task.update(epoch.epoch, f"loss {epoch.loss:.3f} {epoch.validation_accuracy:.2%}")
    judge(epoch.epoch, epoch.validation_accuracy)


def _row(one: Proportion, ended: Ended | None) -> dict[str, Any]:
    traced = trace(one.member)
    return {
        "alpha": one.coefficients.alpha,
        "beta": one.coefficients.beta,
        "gamma": one.coefficients.gamma,
        "times": round(one.times, 4),
        "resolution": one.member.resolution,
        "params": traced.params,
        "macs": traced.macs,
        "accuracy": ended.accuracy if ended else None,
        "reason": ended.reason if ended else "",
    }


def _table(found: list[Proportion], ended: dict[int, Ended]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(one, ended.get(number)) for number, one in enumerate(found))
    return text.getvalue()


def _spelled(one: Proportion) -> str:
    own = one.coefficients
    return f"alpha {own.alpha:g}, beta {own.beta:g}, gamma {own.gamma:g}"
