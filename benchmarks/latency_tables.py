"""The Markdown of the Edge TPU latency tables."""

import math
from collections.abc import Sequence
from typing import Any

from latency_fit import FITTED, TRACES, Score, score
from latency_reference import OTHER_NETWORK, Compiled

from nas.latency.edgetpu import EdgeTPU
from nas.ops import Trace

INTRODUCTION = """\
# Edge TPU latency: published against estimated

Written by `python benchmarks/latency.py` ({made_with}); there is no randomness in it.
**Every estimate here comes from op shapes; this project has measured nothing on an Edge TPU.**
Published milliseconds are the median of the rows of one attachment; attachments are never mixed.
"Left out" is the estimate with that network's rows taken out of the fit. Only the constants are refitted:
the form of the model was chosen with all rows in sight, so networks of another kind may be further off.
"""


def document(
    rows: Sequence[dict[str, Any]],
    scores: dict[tuple[str, str], Score],
    fitted: dict[str, EdgeTPU],
    sections: Sequence[str],
    made_with: str,
) -> str:
    """The whole file."""
    parts = [INTRODUCTION.format(made_with=made_with), _summary(scores)]
    parts += [_device(device, [row for row in rows if row["device"] == name]) for name, device in fitted.items()]
    return "\n".join([*parts, *sections])


def _summary(scores: dict[tuple[str, str], Score]) -> str:
    titles = {"model": "this model", "macs": "MACs only", "params": "parameters only"}
    lines = [
        [
            device,
            titles[rival],
            str(s.networks),
            percent(s.median),
            percent(s.worst),
            percent(s.within_10),
            percent(s.within_20),
            rank(s.spearman),
            rank(s.kendall),
        ]
        for (device, rival), s in scores.items()
    ]
    head = ["device", "by", "networks", "median error", "worst", "within 10 %", "within 20 %", "Spearman", "Kendall"]
    return "## Leaving one network out\n\n" + table(head, lines)


def _device(device: EdgeTPU, rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        true, left = float(row["published_ms"]), float(row["left_out_ms"])
        lines.append(
            [
                row["network"] + ("" if row["fitted"] == "yes" else " *"),
                str(row["rows"]),
                f"{true:.4g}",
                f"{float(row['estimate_ms']):.4g}",
                f"{left:.4g}",
                f"{left / true - 1:+.0%}",
                f"{float(row['macs_left_out_ms']) / true - 1:+.0%}",
                f"{float(row['params_left_out_ms']) / true - 1:+.0%}",
            ]
        )
    constants = ", ".join(f"{name} {getattr(device.constants, name):.4g}" for name in FITTED[device.name])
    notes = [f"\\* not fitted: {OTHER_NETWORK[r['network']]}." for r in rows if r["network"] in OTHER_NETWORK]
    head = ["network", "rows", "published ms", "estimate ms", "left out ms", "error", "MACs only", "parameters only"]
    body = f"## {device.name}\n\n{device.title}. Fitted: {constants}.\n\n{table(head, lines)}"
    return "\n".join([body, *notes, ""]) if notes else body


def bytes_table(device: EdgeTPU, models: Sequence[Compiled], sweeps: Sequence[Compiled]) -> str:
    """Bytes of parameters as the compiler laid them out, against the same predicted from shapes."""
    lines = []
    for m in models:
        kept, streamed = device.parameter_bytes(m.trace, m.per_channel)
        off = (kept + streamed) / (m.cached_bytes + m.streamed_bytes) - 1
        near = "yes" if _split_close(device, m) else "no"
        found = [str(count) for count in (m.cached_bytes, m.streamed_bytes, kept, streamed)]
        lines.append([m.model, "int8" if m.per_channel else "uint8", *found, f"{off:+.1%}", near])
    close, split = (sum(_split_close(device, m) for m in some) for some in (models, sweeps))
    both = f"{close + split} of {len(models) + len(sweeps)} ({(close + split) / (len(models) + len(sweeps)):.0%})"
    text = (
        f"{close} of these {len(models)} have both cached and streamed bytes within 5 % of the compiler's, and so\n"
        f"have {split} of the {len(sweeps)} sweep models (int8): {both} of the compiled models whose source is known.\n"
        "Not predicted: the one model here that streams although it would fit (`model_conv_128x128x3x32x7x75`), and a\n"
        "table of 48 kB that some models end with for softmax, which is much of a very small model.\n"
    )
    head = [
        "compiled model",
        "weights",
        "cached",
        "streamed",
        "predicted cached",
        "streamed",
        "error of the sum",
        "near",
    ]
    return "## Parameter bytes of compiled models\n\n" + table(head, lines) + "\n" + text


def _split_close(device: EdgeTPU, m: Compiled) -> bool:
    kept, streamed = device.parameter_bytes(m.trace, m.per_channel)
    total = m.cached_bytes + m.streamed_bytes
    near_kept = abs(kept - m.cached_bytes) <= 0.05 * max(m.cached_bytes, 1)
    return near_kept and abs(streamed - m.streamed_bytes) <= 0.05 * (m.streamed_bytes or total)


def two_networks_section(device: EdgeTPU, published: Sequence[tuple[str, float]]) -> str:
    """Why a device of few networks is off: what its one fitted constant would have to be for each of them."""
    lines = []
    for name, ms in published:
        latency = device.latency(TRACES[name])
        bus = sum(latency.parts[part] for part in ("weights_streamed", "input_output", "instructions"))
        bus += latency.parts["overhead"] - device.constants.round_trip_ms
        mib, rest = bus / device.constants.bus_ms_per_mib, latency.ms - bus
        streamed = latency.parts["weights_streamed"] / device.constants.bus_ms_per_mib
        lines.append([name, f"{ms:.4g}", f"{rest:.4g}", f"{mib:.3g}", f"{streamed:.3g}", f"{(ms - rest) / mib:.1f}"])
    text = (
        f"Only {len(published)} published classifiers name this attachment: each is predicted from the other alone.\n"
        "What its milliseconds leave for the bus, over the bytes that cross it, is the price of a byte that it asks\n"
        "for. The network that fits on the chip, with little beside its picture to send, asks for a higher one: a\n"
        "price for each transfer would explain it, but two networks cannot tell two constants and be left out too.\n"
    )
    head = ["network", "published ms", "ms off the bus", "MiB over the bus", "of it weights", "ms/MiB asked for"]
    return f"## Why {device.name} is off\n\n{text}\n" + table(head, lines)


def unstated_table(devices: Sequence[EdgeTPU], rows: Sequence[tuple[str, float, Trace]]) -> str:
    """Rows that no fit may use, because they do not say how the chip was attached."""
    lines = []
    estimates: list[list[float]] = [[] for _ in devices]
    for name, ms, trace in rows:
        for column, device in zip(estimates, devices, strict=True):
            column.append(device.latency(trace).ms)
        lines.append([name, f"{ms:.4g}", *(f"{column[-1]:.4g}" for column in estimates)])
    ranks = [score(column, [ms for _, ms, _ in rows]) for column in estimates]
    lines.append(["Spearman", "", *(rank(r.spearman) for r in ranks)])
    lines.append(["median error", "", *(percent(r.median) for r in ranks)])
    text = (
        "For orientation only; no fit saw these. coral-benchmarks reports small models at half of Google's own\n"
        "figures, so its milliseconds cannot be met by constants fitted to those.\n"
        "The NAS-Bench-201 networks are priced with every relu on the chip: how their files were written is not told,\n"
        "but published milliseconds this low leave no room for a host. In a file of TensorFlow 2.21 a relu that is an\n"
        "op of its own has version 2, which an early compiler is known to refuse and none to take: `nas cost` has the\n"
        "host compute what follows the first one.\n"
    )
    head = ["row", "published ms", *(f"{device.name} ms" for device in devices)]
    return "## Rows without a stated attachment\n\n" + table(head, lines) + "\n" + text


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines)) + "\n"


def percent(value: float) -> str:
    return f"{value:.1%}"


def rank(value: float) -> str:
    return "too few" if math.isnan(value) else f"{value:.2f}"
