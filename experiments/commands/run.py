"""`nas run`: the whole chain from one YAML file, or the rest of it.

It has no `--hosts`: a search's trainings are many and small, and hosts do better with one each
than with a share of each, as `search.engine: ray` gives them. What is too large for one host is
trained by `nas train winner.yaml --hosts`.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from experiments.commands.command import Command, Result, always, positive


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("experiment", metavar="EXPERIMENT.yaml", type=Path, help="what to search, train and export")
    parser.add_argument("--out", metavar="DIR", type=Path, help="the run's folder (default: runs/NAME)")
    parser.add_argument(
        "--workers", metavar="N", type=positive, help="processes that train the search's trials (default: this one)"
    )
    parser.add_argument(
        "--allow-code", action="store_true", help="let a sampler run that the experiment names by import path"
    )
    parser.add_argument(
        "--set", metavar="a.b=c", action="append", default=[], help="a setting in place of the file's; may be repeated"
    )


def _run(arguments: Namespace) -> Result:
    from experiments.runner import run_experiment
    from experiments.schema import load_experiment

    workers = [] if arguments.workers is None else [f"search.workers={arguments.workers}"]
    experiment = load_experiment(arguments.experiment, [*arguments.set, *workers])
    out = arguments.out or experiment.out or Path("runs") / experiment.name
    metrics = run_experiment(experiment, out, allow_code=arguments.allow_code)
    return {
        "winner": metrics["winner"]["architecture"],
        "test_accuracy": metrics["test_accuracy"],
        "int8_accuracy": metrics["int8_accuracy"],
        "latency_ms": metrics["latency_ms"],
        "device": metrics["search"]["device"],
        "evidence": metrics["search"]["evidence"],
        "trials": metrics["search"]["trials"],
        "trained": metrics["search"]["trained"],
        "infeasible": metrics["search"]["infeasible"],
        "out": str(out),
    }


def _show(result: Result) -> None:
    print(result["winner"])
    print(f"test accuracy   {result['test_accuracy']:.2%}")
    if result["int8_accuracy"] is not None:
        print(f"  as int8       {result['int8_accuracy']:.2%}")
    print(f"latency         {result['latency_ms']:.4g} ms on {result['device']} ({result['evidence']})")
    print(f"trials          {result['trials']}, {result['trained']} trained, {result['infeasible']} infeasible")
    print(f"report          {result['out']}/report.html")


COMMAND = Command(
    "run",
    "run an experiment: search, train the winner, scale it, export it, report; or go on with one",
    (
        "nas run experiments/quickstart.yaml",
        "nas run experiments/quickstart.yaml --out /tmp/quick --set search.limits.edgetpu-usb=0.35",
        "nas run experiments/quickstart.yaml --workers 2",
        "nas run experiments/cifar10_edgetpu.yaml --set data.data_dir=~/tensorflow_datasets",
    ),
    _add_arguments,
    _run,
    _show,
    always,
)
