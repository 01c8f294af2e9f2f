"""Runs the quickstart from its search to its report with each strategy.

    python benchmarks/search_strategies.py [--set search.architectures=8 ...] [--strategies tpe local ...]

Each is `nas run experiments/quickstart.yaml --set search.sampler=STRATEGY` in a folder of its own under
`runs/strategies`, and goes on there when the same command is given again. Members of the family are not trained.
Writes `results/search_strategies.md`. What cannot run here, as gp without PyTorch, is in the table with the reason.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from experiment import markdown
from machine import header

from nas.files import write_text
from nas.search.samplers import sampler_names

ROOT = Path(__file__).parents[1]
EXPERIMENT = ROOT / "experiments" / "quickstart.yaml"
ALWAYS = ("scale.train=[]",)
PACKAGES = ("edgescale", "jax", "flax", "optuna")
COLUMNS = ("strategy", "trials", "trained", "infeasible", "test %", "int8 %", "ms (estimate)", "minutes of search")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", nargs="+", default=sampler_names())
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c", help="as for `nas run`")
    parser.add_argument("--runs", type=Path, default=Path("runs/strategies"))
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    rows = [row(strategy, options.runs.absolute(), options.set) for strategy in options.strategies]
    write_text(options.out / "search_strategies.md", table(rows, options.set))
    if any(len(one) < len(COLUMNS) for one in rows):
        sys.exit("some strategies did not reach their report; the table says why")


def row(strategy: str, runs: Path, settings: Sequence[str]) -> tuple[str, ...]:
    """What came out, or the strategy and the one line that it ended with."""
    folder = runs / strategy.replace(" ", "-").replace("=", "-")
    said = [word for setting in (f"search.sampler={strategy}", *ALWAYS, *settings) for word in ("--set", setting)]
    command = [sys.executable, "-m", "experiments", "run", str(EXPERIMENT), *said, "--out", str(folder), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not (folder / "report.html").exists():
        lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        print(f"{strategy}: {lines[-1]}", flush=True)
        return strategy, lines[-1].replace(str(ROOT), "").replace("|", "/")
    found = json.loads(done.stdout)
    seconds = json.loads((folder / "metrics.json").read_text())["seconds"]["search"]
    print(f"{strategy}: {found['test_accuracy']:.2%}", flush=True)
    return (
        strategy,
        str(found["trials"]),
        str(found["trained"]),
        str(found["infeasible"]),
        f"{100 * found['test_accuracy']:.2f}",
        f"{100 * found['int8_accuracy']:.2f}",
        f"{found['latency_ms']:.4f}",
        f"{seconds / 60:.1f}",
    )


def table(rows: Sequence[tuple[str, ...]], settings: Sequence[str]) -> str:
    """The rows as Markdown."""
    changed = " ".join(f"`--set {setting}`" for setting in (*ALWAYS, *settings))
    return "\n\n".join(
        [
            "# Every strategy on the quickstart",
            "Written by `benchmarks/search_strategies.py`.",
            markdown(("what", "found"), [*header(PACKAGES), ("experiment", f"`{EXPERIMENT.name}` {changed}, seed 0")]),
            "From the search to the report, each once: this shows that they work, not which is better. The winner is "
            "trained from scratch and tested on pictures that no search saw.",
            markdown(COLUMNS, rows),
        ]
    ) + "\n"  # fmt: skip


if __name__ == "__main__":
    main()
