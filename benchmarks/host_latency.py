"""How well latency on this machine's CPU is predicted, from measurements of other networks.

    python benchmarks/host_latency.py [--measure]

Fits to `results/host_int8.csv` and writes `results/latency_host.md`. `--measure` first measures all
of it anew, which takes half an hour and a machine with nothing else to do; then the rows held
out once more, to see how well measurements repeat, and as many others, which nobody had seen
when the predictor's features were chosen. Cut short, the same command goes on; the tables in `results/`
are replaced when all of it is measured.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from experiment import markdown
from machine import header

from experiments.calibrate_command import Plan, calibrate, read_space
from experiments.calibration import chosen, measure_all
from experiments.held_out import judge
from experiments.measurements import FIT, HELD_OUT, Measurements, Row, read_measurements
from experiments.untrained import export_all
from nas.files import write_text
from nas.latency import MeasuringDevice, find_device
from nas.latency.fit import Report, score
from nas.latency.fitted import fit_device
from nas.ops import Trace
from nas.trace import trace

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
TABLE = RESULTS / "host_int8.csv"
AGAIN = RESULTS / "host_int8_again.csv"
FRESH = RESULTS / "host_int8_fresh.csv"
MACHINE = RESULTS / "host_int8.json"  # where and with what the tables were measured
SPACE = "experiments/cifar10_edgetpu.yaml"
SAMPLES, OTHERS, SEED = 150, 100, 0
FRESH_SEED = 20240
PACKAGES = ("edgescale", "ai-edge-litert", "numpy", "scikit-learn", "jax", "flax", "tensorflow-cpu")
COLUMNS = (
    "predicted by",
    "within 5 %",
    "within 10 %",
    "within 20 %",
    "RMSPE",
    "median",
    "worst",
    "Spearman",
    "Kendall",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="measure everything anew, keeping the files in build/")
    if parser.parse_args().measure:
        measure()
    table = read_measurements(TABLE)
    rows = {split: [row for row in table if row.split == split] for split in (FIT, HELD_OUT)}
    write_text(RESULTS / "latency_host.md", document(rows))
    print(f"wrote {RESULTS / 'latency_host.md'}")


def measure() -> None:
    """Measures as `nas calibrate` does, and the rows held out a second time."""
    models = ROOT / "build" / "host_int8"
    unfinished = {table: models / table.name for table in (TABLE, AGAIN, FRESH)}
    plan = Plan("host", str(ROOT / SPACE), SAMPLES, OTHERS, SEED, models, unfinished[TABLE])
    calibrate(plan, "host-cifar10", models / "device.json")
    host = find_device("host")
    if not isinstance(host, MeasuringDevice):
        raise TypeError("host predicts; expected a device that measures")
    others = [row.architecture for row in read_measurements(plan.measurements) if row.split == HELD_OUT]
    fresh = chosen(read_space(plan.space), SAMPLES, OTHERS, FRESH_SEED)[HELD_OUT]
    list(export_all(fresh, host.precision, models))
    for table, architectures in ((AGAIN, others), (FRESH, fresh)):
        kept = Measurements(unfinished[table], host.name, host.precision)
        list(measure_all(host, {HELD_OUT: architectures}, models, kept))
    for table, path in unfinished.items():
        path.replace(table)
    write_text(MACHINE, json.dumps(dict(header(PACKAGES)), indent=1) + "\n")


def document(rows: dict[str, list[Row]]) -> str:
    """The tables as Markdown."""
    traces = {split: [trace(row.architecture) for row in rows[split]] for split in rows}
    milliseconds = {split: np.array([row.ms for row in rows[split]]) for split in rows}
    fitted = fit_device("host-cifar10", "host", traces[FIT], milliseconds[FIT].tolist(), seed=SEED)
    again = {row.architecture.digest: row.ms for row in read_measurements(AGAIN)}
    second = np.array([again[row.architecture.digest] for row in rows[HELD_OUT]])
    scores = {
        f"`nas calibrate`, {len(rows[FIT])} samples": judge(fitted, rows[HELD_OUT]).report,
        f"the same, on {OTHERS} further networks": judge(fitted, read_measurements(FRESH)).report,
        "a line over MACs": _line(traces, milliseconds, lambda t: t.macs),
        "a line over parameters": _line(traces, milliseconds, lambda t: t.params),
        "the same networks measured a second time": score(second, milliseconds[HELD_OUT]),
    }
    machine = json.loads(MACHINE.read_text(encoding="utf-8"))
    measured = np.concatenate(list(milliseconds.values()))
    facts = [
        ("device", "`host`: int8, one thread, XNNPACK, untrained networks"),
        ("space", f"that of `{SPACE}`; {len(rows[FIT])} chosen to cover it, {len(rows[HELD_OUT])} others at random"),
        ("seed", str(SEED)),
        ("milliseconds", f"{measured.min():.3g} to {measured.max():.3g}, median {np.median(measured):.3g}"),
        *machine.items(),
    ]
    return "\n\n".join(
        [
            "# Latency on this machine's CPU, predicted",
            "Written by `benchmarks/host_latency.py` from `host_int8.csv` (measured). All errors are on networks "
            "chosen at random, which no fit saw; the further ones were drawn and measured after the predictor was "
            "finished.",
            markdown(("what", "found"), facts),
            markdown(COLUMNS, [(name, *_cells(report)) for name, report in scores.items()]),
        ]
    ) + "\n"  # fmt: skip


def _line(
    traces: dict[str, list[Trace]], milliseconds: dict[str, np.ndarray], quantity: Callable[[Trace], int]
) -> Report:
    """A straight line fitted to relative errors, as the predictor is."""
    columns = {split: np.array([[1.0, quantity(t)] for t in traces[split]]) for split in traces}
    weighted = columns[FIT] / milliseconds[FIT][:, None]
    found = np.linalg.lstsq(weighted, np.ones(len(weighted)), rcond=None)[0]
    return score(columns[HELD_OUT] @ found, milliseconds[HELD_OUT])


def _cells(report: Report) -> Sequence[str]:
    shares = (report.within_5, report.within_10, report.within_20)
    errors = (report.rmspe, report.median, report.worst)
    return (
        *(f"{share:.0%}" for share in shares),
        *(f"{error:.1%}" for error in errors),
        f"{report.spearman:.3f}",
        f"{report.kendall:.3f}",
    )


if __name__ == "__main__":
    main()
