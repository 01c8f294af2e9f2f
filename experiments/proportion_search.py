"""What `nas scale ARCH --search` does: short trainings find the proportions to scale a network in."""

import csv
import io
from contextlib import closing
from math import sqrt
from pathlib import Path
from typing import Any

from experiments.data import open_data
from experiments.progress import RunProgress
from experiments.proportion_settings import ProportionFolder, ProportionSearch
from experiments.proportion_study import ProportionStudy
from experiments.proportion_training import make_trainer
from experiments.stages.winner import dump_yaml
from nas.architecture import Architecture
from nas.blocks.normalise import normalised, require_colours
from nas.errors import InputError
from nas.files import write_text
from nas.latency import load_device
from nas.search.trainer import Ended
from nas.trace import trace
from nas.train.allocation import keep_freed_memory
from scaling import Proportion, proportions, require_sense

STAGES = 3
COLUMNS = ("alpha", "beta", "gamma", "times", "resolution", "params", "macs", "accuracy", "reason")


def search_proportions(settings: ProportionSearch, out: Path, workers: int = 0) -> dict[str, Any]:
    """Searches in the folder `out`, or the rest of it; what `nas scale --search --json` prints.

    So many `workers` train at the same time; with 0 this process does, one network after another.

    Raises `InputError` where that cannot be done, or the folder is another's.
    """
    with ProportionFolder.claim(out, settings) as folder, RunProgress(STAGES) as progress:
        return _Search(settings, folder, progress, workers).run()


class _Search:
    """One start of a search."""

    def __init__(self, settings: ProportionSearch, folder: ProportionFolder, progress: RunProgress, workers: int):
        keep_freed_memory()
        self.settings, self.folder, self.progress, self.workers = settings, folder, progress, workers
        progress.stage(f"data: {settings.data.dataset}")
        given = Architecture.parse(settings.architecture)
        self.dataset = open_data(settings.data, settings.seed, progress, given.channels)
        self.baseline = given.with_classes(len(self.dataset.classes)).with_input(channels=self.dataset.channels)
        if said := settings.data.normalise:
            self.baseline = normalised(self.baseline, said.mean, said.std)
            require_colours(self.baseline, "data.normalise")
        require_sense(trace(self.baseline, settings.name), settings.name)

    def run(self) -> dict[str, Any]:
        self.progress.stage(f"proportions that cost about twice as much ({self.settings.cost})")
        found = proportions(self.baseline, self._cost(), self.settings.parts, self.settings.rules)
        self.progress.say(f"{len(found)} networks to train for {self.settings.recipe.epochs} epochs")
        self.folder.keep(self.settings)
        self.progress.stage("train them")
        trainer = make_trainer(self.settings, self.folder.path, self.dataset, self.progress, self.workers)
        with ProportionStudy(self.folder.path, self.settings.name) as study:
            with self.progress.task("proportions", len(found)) as task, closing(trainer):
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
            "rules": self.settings.options,
            "accuracy": best["accuracy"],
            "standard_error": error,
            "as_good": sum(best["accuracy"] - (row["accuracy"] or 0) <= error for row in rows),
            "rows": rows,
            "out": str(self.folder.path),
        }
        kept = {key: value for key, value in result.items() if key not in ("rows", "out")}
        write_text(self.folder.path / "coefficients.yaml", dump_yaml(kept))
        return result


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
