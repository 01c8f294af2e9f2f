"""The top of the page: the headline figures, and what was run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from experiments.report.folder import Run
from experiments.report.metrics import Data, Export, Machine
from experiments.report.numbers import count, duration, milliseconds, percent, plain, points, short
from experiments.report.trials import STATES


@dataclass(frozen=True)
class Tile:
    """One headline figure, with a line of what it means."""

    name: str
    figure: str
    aside: str = ""


class Verdict(NamedTuple):
    """Yes or no, and in words."""

    good: bool
    words: str


def tiles(run: Run) -> list[Tile]:
    """The figures a reader wants first; a dash stands for what is not known yet."""
    tally, winner = run.tally, run.winner
    cost = f"{short(winner.macs)} MACs" if winner else ""
    states = (
        f"{count(tally.trained)} trained, {count(tally.infeasible)} infeasible, {count(tally.architectures)} distinct"
    )
    return [
        Tile("Test accuracy", percent(run.test_accuracy), _of_the_winner(run)),
        Tile("int8 test accuracy", percent(run.metrics.int8_accuracy), _lost(run)),
        Tile(f"Latency ({run.evidence})", milliseconds(run.latency_ms), _limit(run)),
        Tile("Parameters", short(winner.params if winner else None), cost),
        Tile("Trials", count(tally.trials), states),
    ]


def facts(run: Run) -> list[tuple[str, str]]:
    """What was run, as (name, value); what the files do not say is left out."""
    metrics = run.metrics
    entries = [
        ("Data", _dataset(metrics.data)),
        ("Images", _images(metrics.data)),
        ("Search", _search(run)),
        ("Trials", _states(run)),
        ("Seed", "" if metrics.seed is None else str(metrics.seed)),
        ("Machine", machine(metrics.machine)),
        ("Time taken", ", ".join(f"{step} {duration(seconds)}" for step, seconds in metrics.seconds.items())),
        ("Versions", _listed(metrics.versions)),
    ]
    return [(name, value) for name, value in entries if value]


def machine(there: Machine | None) -> str:
    """The machine in one line, or nothing where it is not known."""
    if there is None:
        return ""
    return ", ".join(filter(None, [there.processor, f"{there.cores} cores" if there.cores else "", there.platform]))


def verdict(export: Export | None) -> Verdict:
    """Whether the Edge TPU would take the int8 file whole, in a few words."""
    ops = export.ops if export else ()
    total = sum(op.count for op in ops)
    left = sum(op.count for op in ops if not op.mapped)
    if left:
        return Verdict(False, f"{left} of {total} ops not mapped")
    if export and export.edgetpu is False:
        return Verdict(False, f"not taken, though all {total} ops could be mapped")
    return Verdict(True, f"all {total} ops mapped")


def _of_the_winner(run: Run) -> str:
    winner = run.winner
    if winner is None or winner.best_epoch is None:
        return "of the winner, in Flax"
    return f"of the winner after epoch {winner.best_epoch} of {winner.epochs}, as good as any in validation; in Flax"


def _lost(run: Run) -> str:
    int8, whole = run.metrics.int8_accuracy, run.test_accuracy
    return "" if int8 is None or whole is None else f"{points(int8 - whole)} points against Flax"


def _limit(run: Run) -> str:
    place = f"on {run.device}" if run.device else ""
    if run.setup.limit_ms is None:
        return place
    return f"limit {plain(run.setup.limit_ms)} ms {place}".strip()


def _dataset(data: Data | None) -> str:
    if data is None:
        return ""
    return f"{data.dataset}, {len(data.classes)} classes" if data.classes else data.dataset


def _images(data: Data | None) -> str:
    if data is None or data.train is None:
        return ""
    splits = f"{count(data.train)} to train, {count(data.validation)} to validate, {count(data.test)} to test"
    return f"{splits}; the search never saw the test images"


def _search(run: Run) -> str:
    setup = run.setup
    sampler = f"sampler {setup.sampler}" if setup.sampler else ""
    device = f"device {run.device}" if run.device else ""
    limit = f"limit {plain(setup.limit_ms)} ms of latency ({run.evidence})" if setup.limit_ms is not None else ""
    return ", ".join(filter(None, [sampler, device, limit]))


def _states(run: Run) -> str:
    if not run.tally.trials:
        return ""
    rare = ("pruned", "screened")  # only where the search ends trials early, or filters them
    counts = {state: getattr(run.tally, state) for state in STATES}
    ends = ", ".join(f"{count(number)} {state}" for state, number in counts.items() if number or state not in rare)
    return f"{count(run.tally.trials)} trials of {count(run.tally.architectures)} distinct networks: {ends}"


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{package} {version}" for package, version in versions.items())
