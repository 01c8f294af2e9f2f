"""`nas qat`: a trained network trained on as its int8 file computes."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from experiments.commands.command import DATA_OPTIONS, Command, Result, add_data, always

EPOCHS, LEARNING_RATE = 2, 1e-4  # weights that are trained already need little of both
# From its own outputs before, not from labels: what is to come out is the same network.
TEACHING = {"weight": 1.0, "temperature": 1.0}
_FIXED = {"warmup_epochs": 0, "weight_decay": 0}


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="RUN", help="the folder of a training, a run, an import or a checkpoint")
    parser.add_argument(
        "--ranges",
        choices=("max", "mse", "percentile"),
        default="mse",
        help="where ranges of activations end, which stay as the calibration pictures show them (default: mse)",
    )
    parser.add_argument("--epochs", metavar="N", type=int, default=EPOCHS, help=f"epochs (default: {EPOCHS})")
    parser.add_argument(
        "--learning-rate", metavar="R", type=float, default=LEARNING_RATE, help=f"(default: {LEARNING_RATE:g})"
    )
    parser.add_argument("--batch-size", metavar="N", type=int, help="pictures a step (default: 64)")
    parser.add_argument("--seed", metavar="N", type=int, help="what all that is random follows from (default: 0)")
    add_data(parser, "pictures to train on, as for `nas train` (default: RUN's)")
    parser.add_argument(
        "--set", metavar="a.b=c", action="append", default=[], help="any other setting of `nas train`; repeatable"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="the training's folder (default: RUN-int8)")


def _run(arguments: Namespace) -> Result:
    from experiments.qat_command import rounded_training, train_rounded
    from experiments.training import Training, settings

    source = Path(arguments.source)
    values: dict[Any, Any] = {
        path: ("nas qat", value) for path, value in rounded_training(source, arguments.data).items()
    }
    values |= {("teacher", key): ("nas qat", value) for key, value in TEACHING.items()}
    values |= {("recipe", key): ("nas qat", value) for key, value in _FIXED.items()}
    values[("rounding",)] = (f"--ranges {arguments.ranges}", arguments.ranges)
    for name, path in _OPTIONS.items():
        if (value := getattr(arguments, name)) is not None:
            values[path] = (f"--{name.replace('_', '-')} {value}", value)
    training = settings(values, arguments.set, Training, "nas qat")
    return train_rounded(training, arguments.out or source.absolute().with_name(f"{source.resolve().name}-int8"))


_OPTIONS = {
    "epochs": ("recipe", "epochs"),
    "learning_rate": ("recipe", "learning_rate"),
    "batch_size": ("recipe", "batch_size"),
    "seed": ("seed",),
    **DATA_OPTIONS,
}


def _show(result: Result) -> None:
    found, close = result["int8"], result["int8"]["closeness"]
    print(f"float before    {found['float_accuracy']:.2%} of {found['pictures']} test pictures")
    print(f"int8 file       {found['accuracy']:.2%}, the same answer for {found['agreement']:.2%}")
    print(
        f"as trained      {close['equal']:.2%} of its outputs are those of the rounded network to the last step, "
        f"none further than {close['steps']}"
    )
    print(f"edge tpu        would take {'all of it' if result['edgetpu'] else 'not all of it; nas check says why'}")
    print(f"file            {result['file']}")


COMMAND = Command(
    "qat",
    "train a network on as its int8 file computes, and write that file",
    (
        "nas qat runs/mine",
        "nas qat runs/quickstart --epochs 3 --learning-rate 3e-5 --out runs/quickstart-int8",
        "nas qat runs/theirs --data ./flowers --ranges max",
    ),
    _add_arguments,
    _run,
    _show,
    always,
)
