"""A calibration from beginning to end: choose, export, measure, fit, judge, write the device file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiments.calibration import Wanted, chosen, measure_all
from experiments.held_out import judge
from experiments.lock import held
from experiments.measurements import FIT, HELD_OUT, Measurements, Row, read_measurements
from experiments.progress import RunProgress
from experiments.untrained import export_all
from nas.errors import InputError
from nas.files import read_text, write_text
from nas.latency import MeasurementFailed, MeasuringDevice, find_device
from nas.latency.device import FORMAT
from nas.trace import trace
from search_spaces import SearchSpace

STAGES = 3


@dataclass(frozen=True)
class Plan:
    """What is measured: `samples` architectures of `space` to fit on and `held_out` to judge by, chosen by `seed`."""

    device: str
    space: str
    samples: int
    held_out: int
    seed: int
    models: Path
    measurements: Path
    jobs: int = 1


def calibrate(plan: Plan, name: str, out: Path, export_only: bool = False) -> dict[str, Any]:
    """Writes the predictor's device file, and says how far off it is; or, `export_only`, stops before measuring.

    The same call goes on where one was cut short. Raises `InputError` for a device that measures
    nothing, a space that is too small, measurements that fail, and a table that another process writes.
    """
    device = find_device(plan.device)
    if not isinstance(device, MeasuringDevice):
        raise InputError(f"device {device.name}: predicts ({device.kind}); expected one that measures, such as host")
    space = read_space(plan.space)
    with RunProgress(STAGES) as progress, progress.task("choose networks", 0) as task:
        wanted = chosen(space, plan.samples, plan.held_out, plan.seed, task.count)
    with held(plan.measurements), RunProgress(STAGES) as progress:
        table = Measurements(plan.measurements, device.name, device.precision)
        _export(wanted, table, device, plan, progress)
        if export_only:
            count = sum(map(len, wanted.values()))
            return {"models": count, "precision": device.precision, "folder": str(plan.models)}
        _measure(wanted, table, device, plan, progress)
        progress.stage("fit")
        rows = {s: [table.rows[a.digest] for a in wanted[s] if a.digest in table.rows] for s in wanted}
        title = f"{device.title.split(' (')[0]}, predicted from {len(rows[FIT])} measurements (fitted)"
        return _fit(rows, device.name, name, title, out, plan.seed)


def brought_along(device: str, measurements: Path, name: str, out: Path, seed: int) -> dict[str, Any]:
    """Fits to a table of measurements; rows whose `split` is held-out judge the fit.

    Raises `InputError` for a table that cannot be used.
    """
    table = read_measurements(measurements)
    rows = {split: [row for row in table if row.split == split] for split in (FIT, HELD_OUT)}
    title = f"{device}, predicted from {len(rows[FIT])} measurements (fitted)"
    return _fit(rows, device, name, title, out, seed)


def read_space(source: str) -> SearchSpace:
    """A space by its name, in a .arch file, or in an experiment's YAML."""
    from search_spaces import load_space

    path = Path(source)
    if path.suffix in (".yaml", ".yml"):
        from experiments.schema import load_experiment

        return load_experiment(path).search_space()
    if path.suffix != ".arch" and path.name == source:
        return load_space(source)
    return SearchSpace.parse(read_text(path, "a search space"), str(path))


def _export(wanted: Wanted, table: Measurements, device: MeasuringDevice, plan: Plan, progress: RunProgress) -> None:
    """Writes the files of all that is not measured yet."""
    needed = [a for architectures in wanted.values() for a in architectures if a.digest not in table.rows]
    progress.stage(f"export {len(needed)} untrained networks as {device.precision} to {plan.models}", not needed)
    with progress.task("networks", len(needed)) as task:
        for count, _ in enumerate(export_all(needed, device.precision, plan.models, plan.jobs), start=1):
            task.update(count)


def _measure(wanted: Wanted, table: Measurements, device: MeasuringDevice, plan: Plan, progress: RunProgress) -> None:
    total = sum(map(len, wanted.values()))
    before = sum(a.digest in table.rows for architectures in wanted.values() for a in architectures)
    progress.stage(f"measure on {device.name}, keeping what comes in {plan.measurements}", before == total)
    with progress.task("measurements", total) as task:
        for _, result in measure_all(device, wanted, plan.models, table):
            if isinstance(result, MeasurementFailed):
                progress.say(str(result))
                continue
            before += 1
            task.update(before, f"{result.ms:.4g} ms")


def _fit(rows: dict[str, list[Row]], device: str, name: str, title: str, out: Path, seed: int) -> dict[str, Any]:
    """Fits, judges by the held-out rows where there are any, and writes the device file."""
    from nas.latency.fitted import fit_device

    samples = rows[FIT]
    fitted = fit_device(
        name, title, [trace(row.architecture) for row in samples], [row.ms for row in samples], seed=seed
    )
    head = {"format": FORMAT, "name": name, "kind": "fitted", "title": title, "evidence": "fitted"}
    content = {**head, **fitted.content()}
    errors, method = dict(fitted.report), fitted.known_error.method
    if rows[HELD_OUT]:
        judged = judge(fitted, rows[HELD_OUT])
        content["known_error"] = asdict(judged.known_error)
        errors, method = judged.content(), judged.known_error.method
    write_text(out, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return {
        "out": str(out),
        "name": name,
        "device": device,
        "fitted_on": len(samples),
        "method": method,
        "errors": errors,
    }
