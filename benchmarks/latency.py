"""Fits latency models to published numbers and writes how far off they are.

    python benchmarks/latency.py [--reference DIR] [--out DIR] [--only TABLE] [--update]

Reads the published measurements in DIR (by default ../shared/reference; without them it says
so and does nothing). Writes `latency_edgetpu.md` and `latency_edgetpu.csv` of the Edge TPU's
model, and `latency_fitted.md` of predictors fitted to measurements, which takes a quarter of an
hour; `--only` writes one of the two. `--update` also writes the Edge TPU's fitted constants and
known error into the device files. What was measured on this machine is written by
`benchmarks/host_latency.py`.
"""

import argparse
import csv
import io
import json
import platform
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import latency_reference as reference
from latency_cells import CELLS, read_cells
from latency_fit import FITTED, TRACES, Predict, Score, baseline, fit, fit_instructions, leave_one_out, model, score
from latency_fitted import (
    MANY,
    SAMPLES,
    TITLE,
    cells_section,
    computed_section,
    noise_section,
    results,
)
from latency_reference import OTHER_NETWORK, Compiled, Published
from latency_speed import speed_section
from latency_tables import bytes_table, document, two_networks_section, unstated_table

from nas.files import write_text
from nas.latency import load_device
from nas.latency.device import FOLDER
from nas.latency.edgetpu import EdgeTPU

ROOT = Path(__file__).parent.parent
COLUMNS = (
    "device",
    "network",
    "fitted",
    "rows",
    "published_ms",
    "estimate_ms",
    "left_out_ms",
    "macs_left_out_ms",
    "params_left_out_ms",
)


def main(arguments: list[str] | None = None) -> int:
    """Writes the tables; 0 also where there is no reference to read."""
    options = _parser().parse_args(arguments)
    missing = [name for name in (*reference.FILES, CELLS) if not (options.reference / name).is_file()]
    if missing:
        print(f"skipped: {options.reference} has no {', '.join(missing)}; nothing was written")
        return 0
    if options.only != "fitted":
        _edgetpu(options)
    if options.only != "edgetpu":
        write_text(options.out / "latency_fitted.md", _fitted(options.reference))
        print(f"wrote {options.out / 'latency_fitted.md'}")
    return 0


def _fitted(folder: Path) -> str:
    cells = read_cells(folder)
    made_with = f"{_made_with()}, scikit-learn {version('scikit-learn')}"
    sections = (
        cells_section(cells, tuple(results(cells, SAMPLES))),
        noise_section(cells, MANY),
        computed_section(),
        "\n" + speed_section(),
    )
    return TITLE.format(made_with=made_with) + "".join(sections)


def _edgetpu(options: argparse.Namespace) -> None:
    rows: list[dict[str, Any]] = []
    scores: dict[tuple[str, str], Score] = {}
    fitted: dict[str, EdgeTPU] = {}
    for name, networks in reference.published(options.reference).items():
        device = _prepared(name, options.reference, fitted)
        seen = [p for p in networks if p.network not in OTHER_NETWORK]
        fitted[name] = fit(device, seen)
        rows += _rows(fitted[name], networks, seen, scores)
    if options.update:
        for name, device in fitted.items():
            _update(device, scores[name, "model"], [row for row in rows if row["device"] == name])
    stale = [name for name, device in fitted.items() if not _same(device, load_device(name))]
    _write(options.out, rows, scores, fitted, options.reference)
    if stale:
        print(f"device files of {', '.join(stale)} hold other constants than this fit; give --update to write them")
    print(f"wrote {options.out / 'latency_edgetpu.md'} and .csv")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, default=ROOT.parent / "shared" / "reference")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--only", choices=("edgetpu", "fitted"), help="write this table alone")
    parser.add_argument("--update", action="store_true", help="write the fitted constants into the device files")
    return parser


def _prepared(name: str, folder: Path, fitted: dict[str, EdgeTPU]) -> EdgeTPU:
    """The device with what comes from elsewhere than its own latencies set anew."""
    device = load_device(name)
    if not isinstance(device, EdgeTPU):
        raise TypeError(f"device {name} is a {device.kind}, and this fits the Edge TPU's model alone")
    base, per_op = fit_instructions(reference.instruction_sizes(folder))
    constants = replace(
        device.constants,
        instruction_base_bytes=round(base),
        instruction_bytes_per_op=round(per_op),
        host_ms_per_gmac=_short(reference.host_rates(folder)[name]),
    )
    if name == "edgetpu-usb2":
        chip = fitted["edgetpu-usb"].constants
        constants = replace(
            constants, conv_stretch=chip.conv_stretch, depthwise_cycles_per_row=chip.depthwise_cycles_per_row
        )
    return replace(device, constants=constants, _costs={})


def _rows(
    device: EdgeTPU, networks: list[Published], seen: list[Published], scores: dict[tuple[str, str], Score]
) -> list[dict[str, Any]]:
    """A row for every published network; the scores of the fitted ones go into `scores`."""
    rivals: dict[str, Predict] = {
        "model": model(device),
        "macs": baseline(lambda trace: trace.macs),
        "params": baseline(lambda trace: trace.params),
    }
    left_out: dict[str, dict[str, float]] = {}
    for rival, predict in rivals.items():
        estimates = leave_one_out(predict, seen)
        scores[device.name, rival] = score(estimates, [p.ms for p in seen])
        left_out[rival] = dict(zip((p.network for p in seen), estimates, strict=True))
        everyone = predict(seen)
        for p in networks:
            left_out[rival].setdefault(p.network, everyone(p.network))  # those that the fit never sees
    rows = []
    for p in networks:
        milliseconds = (device.latency(TRACES[p.network]).ms, *(left_out[rival][p.network] for rival in rivals))
        facts = (device.name, p.network, "no" if p.network in OTHER_NETWORK else "yes", len(p.rows), f"{p.ms:g}")
        rows.append(dict(zip(COLUMNS, (*facts, *(f"{ms:.3f}" for ms in milliseconds)), strict=True)))
    return rows


def _update(device: EdgeTPU, reached: Score, rows: list[dict[str, Any]]) -> None:
    """Writes fitted values and their provenance into a device file, leaving the rest as it is."""
    path = FOLDER / f"{device.name}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for name, entry in content["constants"].items():
        entry["value"] = _short(getattr(device.constants, name))
    used = [row for row in rows if row["fitted"] == "yes"]
    content["fitted_on"] = {
        "constants": list(FITTED[device.name]),
        "networks": [row["network"] for row in used],
        "rows": sum(row["rows"] for row in used),
        "attachments": list(reference.ATTACHMENTS[device.name]),
        "source": "edgetpu_measured_latency.csv",
        "by": "benchmarks/latency.py",
    }
    content["known_error"].update(
        median=round(reached.median, 4), worst=round(reached.worst, 4), networks=reached.networks
    )
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _same(fitted: EdgeTPU, stored: Any) -> bool:
    return all(
        abs(_short(value) - getattr(stored.constants, name)) < 1e-9 for name, value in vars(fitted.constants).items()
    )


def _short(value: float) -> float:
    """Four significant digits: more than the data carries."""
    return float(f"{value:.4g}")


def _write(
    out: Path,
    rows: list[dict[str, Any]],
    scores: dict[tuple[str, str], Score],
    fitted: dict[str, EdgeTPU],
    folder: Path,
) -> None:
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    compiled: list[Compiled] = reference.compiled(folder)
    usb, usb2 = fitted["edgetpu-usb"], fitted["edgetpu-usb2"]
    few = [(row["network"], float(row["published_ms"])) for row in rows if row["device"] == usb2.name]
    sections = [
        two_networks_section(usb2, few),
        bytes_table(usb, compiled, reference.sweeps(folder)),
        unstated_table([fitted["edgetpu-usb"], fitted["edgetpu-pcie"]], reference.unstated(folder)),
    ]
    write_text(out / "latency_edgetpu.csv", table.getvalue())
    write_text(out / "latency_edgetpu.md", document(rows, scores, fitted, sections, _made_with()))


def _made_with() -> str:
    return f"Python {platform.python_version()}, SciPy {version('scipy')}, NumPy {version('numpy')}"


if __name__ == "__main__":
    sys.exit(main())
