"""The Markdown of the Edge TPU latency tables."""

import math
from collections.abc import Sequence
from typing import Any

from latency_fit import FITTED, Score, score
from latency_reference import OTHER_NETWORK, Compiled

from nas.latency import layout
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
            _percent(s.median),
            _percent(s.worst),
            _percent(s.within_10),
            _percent(s.within_20),
            _rank(s.spearman),
            _rank(s.kendall),
        ]
        for (device, rival), s in scores.items()
    ]
    head = ["device", "by", "networks", "median error", "worst", "within 10 %", "within 20 %", "Spearman", "Kendall"]
    return "## Leaving one network out\n\n" + _table(head, lines)


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
    body = f"## {device.name}\n\n{device.title}. Fitted: {constants}.\n\n{_table(head, lines)}"
    return "\n".join([body, *notes, ""]) if notes else body


def bytes_table(device: EdgeTPU, models: Sequence[Compiled], sweeps: Sequence[Compiled]) -> str:
    """Bytes of parameters as the compiler laid them out, against the same predicted from shapes."""
    lines = []
    close = 0
    for m in models:
        found = m.cached_bytes + m.streamed_bytes
        expected = sum(layout.weight_bytes(op, m.per_channel) for op in m.trace.ops)
        close += abs(expected / found - 1) <= 0.05
        lines.append(
            [m.model, "int8" if m.per_channel else "uint8", str(found), str(expected), f"{expected / found - 1:+.1%}"]
        )
    split = sum(_split_close(device, m) for m in sweeps)
    text = (
        f"{close} of {len(models)} within 5 %. Not predicted: the one model here that streams although it would fit "
        f"(`model_conv_128x128x3x32x7x75`), and a table of 48 kB that int8 models end with for softmax.\n"
        f"Of the {len(sweeps)} sweep models (int8), {split} have both cached and streamed bytes within 5 %.\n"
    )
    head = ["compiled model", "weights", "compiler's bytes", "predicted", "error"]
    return "## Parameter bytes of compiled models\n\n" + _table(head, lines) + "\n" + text


def _split_close(device: EdgeTPU, m: Compiled) -> bool:
    kept, streamed = device.parameter_bytes(m.trace)
    total = m.cached_bytes + m.streamed_bytes
    near_kept = abs(kept - m.cached_bytes) <= 0.05 * max(m.cached_bytes, 1)
    return near_kept and abs(streamed - m.streamed_bytes) <= 0.05 * (m.streamed_bytes or total)


def unstated_table(devices: Sequence[EdgeTPU], rows: Sequence[tuple[str, float, Trace]]) -> str:
    """Rows that no fit may use, because they do not say how the chip was attached."""
    lines = []
    estimates: list[list[float]] = [[] for _ in devices]
    for name, ms, trace in rows:
        for column, device in zip(estimates, devices, strict=True):
            column.append(device.latency(trace).ms)
        lines.append([name, f"{ms:.4g}", *(f"{column[-1]:.4g}" for column in estimates)])
    ranks = [score(column, [ms for _, ms, _ in rows]) for column in estimates]
    lines.append(["Spearman", "", *(_rank(r.spearman) for r in ranks)])
    lines.append(["median error", "", *(_percent(r.median) for r in ranks)])
    text = (
        "For orientation only; no fit saw these. coral-benchmarks reports small models at half of Google's own\n"
        "figures, so its milliseconds cannot be met by constants fitted to those.\n"
    )
    head = ["row", "published ms", *(f"{device.name} ms" for device in devices)]
    return "## Rows without a stated attachment\n\n" + _table(head, lines) + "\n" + text


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines)) + "\n"


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _rank(value: float) -> str:
    return "too few" if math.isnan(value) else f"{value:.2f}"
