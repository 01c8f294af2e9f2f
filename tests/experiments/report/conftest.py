"""A run folder made up for these tests: its numbers are invented, its form is that of a real one."""

import csv
import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

COLUMNS = "number state digest validation_accuracy latency_ms params macs duplicate_of reason seconds architecture"
LIMIT_MS = 0.4
DEVICE = "edgetpu-usb"
EXPERIMENT = """\
name: quickstart
seed: 0
data: {dataset: digits}
search: {sampler: tpe, limits: {edgetpu-usb: 0.4}}
"""
BLOCKS = ("mbconv", "fused_mbconv", "bottleneck", "separable", "conv")


def architecture(source: random.Random) -> str:
    stages = [
        f"stage {source.choice(BLOCKS)} k{source.choice((3, 5))} s{stride} e{source.choice((2, 4, 6))}"
        f" c{width * source.choice((1, 2))} se{source.choice((0, 0.25))} act=relu6 x{source.choice((1, 2))}"
        for stride, width in ((1, 16), (2, 24), (2, 32))
    ]
    return "\n".join(["input 16x16x1", "stem  conv k3 s1 c16 act=relu6", *stages, "head  pool", "head  dense c10"])


def made_up_trials(count: int = 45) -> list[dict[str, Any]]:
    source = random.Random(7)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        latency = round(source.lognormvariate(-0.95, 0.55), 4)
        row: dict[str, Any] = dict.fromkeys(COLUMNS.split(), "")
        row |= {"number": number, "state": "trained", "digest": f"{source.getrandbits(48):012x}"}
        row |= {"latency_ms": latency, "params": int(60_000 * latency), "macs": int(6e6 * latency), "seconds": 4.5}
        row["architecture"] = architecture(source).replace("\n", "; ")
        first = next((old for old in rows if old["state"] == "trained"), None)
        if number in (11, 19, 28, 33, 40) and first:
            row |= {key: first[key] for key in ("digest", "latency_ms", "params", "macs", "architecture")}
            row |= {"state": "duplicate", "duplicate_of": first["number"], "seconds": 0.0}
            row["validation_accuracy"] = first["validation_accuracy"]
        elif number == 23:
            row |= {"state": "failed", "reason": "the loss became NaN in epoch 2"}
        elif latency > LIMIT_MS:
            row |= {"state": "infeasible", "reason": f"{latency} ms on {DEVICE} is over the limit of {LIMIT_MS} ms"}
        else:
            row["validation_accuracy"] = round(0.985 - 0.05 * 0.13 / latency + source.uniform(-0.012, 0.008), 4)
        rows.append(row)
    return rows


def best_trial(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return max((row for row in rows if row["state"] == "trained"), key=lambda row: row["validation_accuracy"])


def made_up_stages() -> list[dict[str, Any]]:
    side, width = 16, 1
    plan = [("stem", "conv", 16, 1), ("stage1.block1", "mbconv", 16, 1), ("stage1.block2", "mbconv", 16, 1)]
    plan += [("stage2.block1", "fused_mbconv", 24, 2), ("stage2.block2", "fused_mbconv", 24, 1)]
    plan += [("stage3.block1", "separable", 64, 2), ("head.conv", "conv", 128, 1)]
    stages = []
    for name, kind, channels, stride in plan:
        out = side // stride
        stage: dict[str, Any] = {"name": name, "kind": kind, "options": f"k3 s{stride} c{channels} act=relu6"}
        stage |= {"in_shape": [side, side, width], "out_shape": [out, out, channels]}
        stage |= {"params": 9 * width * channels, "macs": 9 * width * channels * out * out}
        stages.append(stage | {"latency_ms": round(0.008 + width * channels * out / 500_000, 5)})
        side, width = out, channels
    return [*stages, {**stages[-1], "name": "head.dense", "kind": "dense", "options": "c10", "latency_ms": 0.0092}]


def made_up_family() -> list[dict[str, Any]]:
    members = []
    for phi in range(8):
        member = {"name": f"b{phi}", "phi": phi, "resolution": 16 + 2 * phi, "width": round(1.1**phi, 3)}
        member |= {"depth": round(1.2**phi, 3), "channels": "16-24-64", "depths": f"{1 + phi // 2}-2-{1 + phi // 3}"}
        member |= {"params": int(21_474 * 1.6**phi), "macs": int(1_873_408 * 2**phi)}
        member |= {
            "latency_ms": round(0.31 * 1.55**phi, 4),
            "test_accuracy": (0.9833, 0.9861)[phi] if phi < 2 else None,
        }
        members.append(member)
    alone = {"name": "b1-width", "scaled_by": "width", "resolution": 16, "width": 1.4, "depth": 1.0}
    return [*members, members[1] | alone | {"phi": None, "test_accuracy": 0.9802, "latency_ms": 0.4912}]


def made_up_export() -> dict[str, Any]:
    rows = [
        {"format": "flax", "accuracy": 0.98333, "agreement": 1.0, "largest_difference": None, "bytes": 85_896},
        {"format": "float32", "accuracy": 0.98333, "agreement": 1.0, "largest_difference": 3.8e-6, "bytes": 91_240},
        {"format": "int8", "accuracy": 0.98056, "agreement": 0.99722, "largest_difference": 0.214, "bytes": 38_512},
    ]
    for row, latency in zip(rows, (1.92, 0.0871, 0.0512), strict=True):
        row["latency_ms"] = latency
    ops = [("CONV_2D", 3, 14), ("DEPTHWISE_CONV_2D", 3, 4), ("ADD", 2, 2), ("AVERAGE_POOL_2D", 2, 1)]
    mapped = [
        {"op": op, "version": version, "count": count, "mapped": True, "reason": "known to be accepted"}
        for op, version, count in ops
    ]
    refused = {"op": "HARD_SWISH", "version": 1, "count": 2, "mapped": False, "reason": "not among the supported ops"}
    return {"images": 360, "rows": rows, "edgetpu": False, "ops": [*mapped, refused]}


def made_up_evaluation() -> dict[str, Any]:
    confusion = [[36 if i == j else 0 for j in range(10)] for i in range(10)]
    for i, j, pictures in ((8, 1, 3), (9, 5, 2), (4, 7, 1)):
        confusion[i][i] -= pictures
        confusion[i][j] += pictures
    classes = [{"name": str(i), "pictures": 36, "accuracy": confusion[i][i] / 36} for i in range(10)]
    found = {"pictures": 360, "top1": 354 / 360, "top5": 1.0, "loss": 0.08, "calibration_error": 0.0431}
    return found | {"calibration": [], "classes": classes, "confusion": confusion}


def made_up_metrics(rows: list[dict[str, Any]]) -> dict[str, Any]:
    best = best_trial(rows)
    history = [
        {
            "epoch": e,
            "train_loss": round(2.3 * 0.9**e + 0.02, 4),
            "validation_accuracy": round(0.985 - 0.8 * 0.82**e, 4),
        }
        for e in range(1, 41)
    ]
    winner = {"trial": best["number"], "digest": best["digest"], "latency_ms": {DEVICE: best["latency_ms"]}}
    winner |= {"architecture": best["architecture"].replace("; ", "\n") + "\n", "params": best["params"]}
    winner |= {"macs": best["macs"], "validation_accuracy": best["validation_accuracy"], "test_accuracy": 0.98333}
    winner |= {
        "epochs": 40,
        "best_epoch": 38,
        "stages": made_up_stages(),
        "history": history,
        "evaluation": made_up_evaluation(),
    }
    states = [row["state"] for row in rows]
    counts = {state: states.count(state) for state in ("trained", "infeasible", "duplicate", "failed")}
    search = {"sampler": "tpe", "device": DEVICE, "limit_ms": LIMIT_MS, "trials": len(rows), "architectures": 40}
    return {
        "experiment": "quickstart",
        "seed": 0,
        "versions": {"python": "3.11.9", "jax": "0.10.2", "flax": "0.12.8", "optuna": "5.0.0", "tensorflow": "2.21.0"},
        "machine": {"cores": 2, "processor": "A Made-up Processor 3.1 GHz", "platform": "Linux x86_64"},
        "seconds": {"search": 131.4, "winner": 38.2, "family": 51.0, "export": 14.9},
        "data": {"dataset": "digits", "train": 1167, "validation": 270, "test": 360, "classes": list("0123456789")},
        "search": search | counts,
        "winner": winner,
        "family": made_up_family(),
        "export": made_up_export(),
        "test_accuracy": 0.98333,
        "int8_accuracy": 0.98056,
        "latency_ms": best["latency_ms"],
    }


def made_up_layers(count: int = 24) -> str:
    """A layers.csv, worst first: four that something helps, and more that are good enough than a chart shows."""
    helps = ("weights: quantization-aware training", "the mean is off: bias correction (+bias)")
    lines = ["place,op,name,snr,lost,weights_snr,constant,outlying,uneven,helps"]
    for number in range(count):
        name = f"Network/stage{number % 3}/block{number}/expand/conv;Network/relu6"
        weights, helped = ("", "") if number % 4 == 3 else ("40", helps[number % 2] if number < 4 else "")
        snr, lost = f"{18.4 + 1.3 * number:.4g}", f"{3.1 / (1 + number):.4g}"
        lines.append(f"{count - number},CONV_2D,{name},{snr},{lost},{weights},0.1,1.5,3,{helped}")
    return "\n".join(lines) + "\n"


def write_trials(folder: Path, rows: list[dict[str, Any]]) -> None:
    with (folder / "trials.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS.split())
        writer.writeheader()
        writer.writerows(rows)


def write_run(
    folder: Path,
    rows: list[dict[str, Any]] | None = None,
    metrics: dict[str, Any] | None = None,
    winner: str | None = None,
    experiment: str | None = None,
) -> Path:
    """A run folder with the files given, and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"winner.yaml": winner, "experiment.yaml": experiment}
    texts["metrics.json"] = json.dumps(metrics) if metrics is not None else None
    for name, text in texts.items():
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    if rows is not None:
        write_trials(folder, rows)
    return folder


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return made_up_trials()


@pytest.fixture
def metrics(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return made_up_metrics(rows)


@pytest.fixture
def winner_yaml(rows: list[dict[str, Any]]) -> str:
    best = best_trial(rows)
    keys = ("trial", "digest", "validation_accuracy", "params", "macs")
    winner = {key: best["number" if key == "trial" else key] for key in keys}
    winner |= {"name": "quickstart", "latency_ms": {DEVICE: best["latency_ms"]}, "how": "the most accurate of 21"}
    return str(yaml.safe_dump(winner | {"architecture": best["architecture"].replace("; ", "\n")}))


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    return partial(write_run, tmp_path / "a-run")


@pytest.fixture
def finished(make_run: Callable[..., Path], rows: list[dict[str, Any]], metrics: dict[str, Any]) -> Path:
    folder = make_run(rows, metrics, experiment=EXPERIMENT)
    (folder / "layers.csv").write_text(made_up_layers(), encoding="utf-8")
    return folder
