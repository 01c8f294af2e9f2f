"""`nas train`: one network, trained by itself."""

import re
import shlex
from argparse import ArgumentParser, Namespace
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from experiments.commands.command import DATA_OPTIONS, Command, Result, add_data, always, positive


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "arch", metavar="ARCH", help="a name of `nas zoo`, an architecture's file, or the folder of a run or training"
    )
    add_data(
        parser,
        "digits, a folder with one of pictures a class such as ./flowers, an .npz file, "
        "or a data set of tensorflow-datasets (default: digits)",
    )
    parser.add_argument("--epochs", metavar="N", type=int, help="how often every picture is seen (default: 30)")
    parser.add_argument("--batch-size", metavar="N", type=int, help="pictures a step (default: 64)")
    parser.add_argument("--learning-rate", metavar="R", type=float, help="the highest learning rate")
    parser.add_argument("--resolution", metavar="R", type=positive, help="side of the pictures (default: ARCH's)")
    parser.add_argument("--seed", metavar="N", type=int, help="what all that is random follows from (default: 0)")
    parser.add_argument(
        "--init", metavar="FROM", help="weights to start from: the folder of a training, run or checkpoint; or keras"
    )
    parser.add_argument(
        "--grow",
        action="store_true",
        default=None,
        help="--init is a smaller network's: ARCH begins as the same function",
    )
    parser.add_argument(
        "--freeze", metavar="PART", help="what of them stays as it is at first: backbone, or up to a part as stage3"
    )
    parser.add_argument(
        "--freeze-epochs", metavar="N", type=int, help="for how long (default: a quarter of the epochs)"
    )
    parser.add_argument(
        "--teacher", metavar="FROM", help="a network to learn from too: the folder of a training, run or checkpoint"
    )
    parser.add_argument(
        "--distill-weight", metavar="W", type=float, help="the teacher's share of the loss, 0 to 1 (default: 0.5)"
    )
    parser.add_argument(
        "--temperature", metavar="T", type=float, help="what the outputs of both are divided by for it (default: 4)"
    )
    parser.add_argument(
        "--set", metavar="a.b=c", action="append", default=[], help="any other setting of data or recipe; repeatable"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="the training's folder (default: runs/ARCH-DATA)")
    parser.add_argument(
        "--devices",
        metavar="N",
        type=positive,
        help="how many share each batch; a processor passes for so many, which takes it less time with --set "
        "recipe.norms_over=device (default: every GPU or TPU, or the processor as one)",
    )
    parser.add_argument(
        "--hosts",
        metavar="ADDRESS:PORT,COUNT,NUMBER",
        help="share each batch with other hosts, which run the same command, see the same folder and have the same "
        "data: where the first is to be reached, how many there are, which this is, from 0 "
        "(default: what JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID say)",
    )


_OPTIONS = {
    **DATA_OPTIONS,
    "epochs": ("recipe", "epochs"),
    "batch_size": ("recipe", "batch_size"),
    "learning_rate": ("recipe", "learning_rate"),
    "seed": ("seed",),
    "init": ("init",),
    "grow": ("grow",),
    "freeze": ("freeze",),
    "freeze_epochs": ("freeze_epochs",),
    "teacher": ("teacher", "network"),
    "distill_weight": ("teacher", "weight"),
    "temperature": ("teacher", "temperature"),
}


def _run(arguments: Namespace) -> Result:
    from experiments.training import Training, settings
    from nas.errors import InputError
    from nas.train.devices import divide_processor
    from nas.train.hosts import chatter_aside, hosts_of_environment, join_hosts, read_hosts

    hosts = hosts_of_environment() if arguments.hosts is None else read_hosts(arguments.hosts)
    if hosts and arguments.devices:
        raise InputError(f"--devices {arguments.devices}: found {hosts.count} hosts; expected none, each brings all")
    values: dict[Any, Any] = {
        path: (f"--{name.replace('_', '-')} {value}", value)
        for name, path in _OPTIONS.items()
        if (value := getattr(arguments, name)) is not None
    }
    _require_teacher(arguments)
    name, text = _architecture(arguments)
    values |= {("name",): (name, name), ("architecture",): (name, text)}
    training = settings(values, arguments.set, Training)
    out = arguments.out or Path("runs") / _folder(f"{name}-{training.data.dataset.removeprefix(f'{Path.cwd()}/')}")
    if arguments.devices and training.recipe.norms_over == "batch":  # else a processor's threads share batches
        divide_processor(arguments.devices)
    with chatter_aside() if join_hosts(hosts) else nullcontext():  # both before anything asks JAX for its devices
        from experiments.train_command import train_network

        return train_network(training, out, arguments.devices)


def _require_teacher(arguments: Namespace) -> None:
    """Refuses what says how to learn from a network where none is named; raises `InputError`."""
    from nas.errors import InputError

    named = arguments.teacher or any(re.match(r"\s*teacher(\.network)?\s*=", setting) for setting in arguments.set)
    for name in ("distill_weight", "temperature"):
        value = getattr(arguments, name)
        if value is not None and not named:
            option = f"--{name.replace('_', '-')} {value}"
            raise InputError(f"{option}: found no --teacher; expected a network to learn from")


def _architecture(arguments: Namespace) -> tuple[str, str]:
    """Its name and text, at the resolution asked for; of a network with weights of Keras as Keras has it."""
    from experiments.architectures import load_architecture
    from experiments.starting import is_keras, keras_network

    name, architecture, _ = load_architecture(arguments.arch)
    if arguments.init and is_keras(arguments.init):
        from search_spaces.keras_weights import keras_architecture

        keras = keras_architecture(keras_network(arguments.init, name))
        architecture = keras.with_input(architecture.resolution) if name == arguments.arch else architecture
    return name, architecture.with_input(arguments.resolution).text


def _folder(text: str) -> str:
    """The text as a folder's name."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text.removesuffix(".npz")).strip("-.") or "training"


def _show(result: Result) -> None:
    test = result["test"]
    print(f"test accuracy      {test['top1']:.2%} of {test['pictures']} pictures, epoch {result['best_epoch']}")
    if test["top5"] is not None:
        print(f"  among first 5    {test['top5']:.2%}")
    print(f"calibration error  {test['calibration_error']:.2%}")
    worst = min((c for c in result["classes"] if c["accuracy"] is not None), key=lambda c: c["accuracy"])
    print(f"hardest class      {worst['name']}, {worst['accuracy']:.2%}")
    print(
        f"speed              {result['images_per_second']:,.0f} images/s, {result['data_share']:.1%} waiting for data"
    )
    if result["undecodable"]:
        print(f"left out           {result['undecodable']}")
    print(f"folder             {result['out']}; nas export {shlex.quote(result['out'])} --out model.tflite")


COMMAND = Command(
    "train",
    "train one network; or go on with it",
    (
        "nas train mobilenet-v1-0.25-128 --data ./flowers --epochs 20",
        "nas train cifar10-conv --data cifar10 --data-dir ~/tensorflow_datasets --set recipe.optimizer=sgd",
        "nas train mobilenet-v2 --data ./flowers --init keras --freeze backbone",
        "nas train runs/quickstart --data more.npz --init runs/quickstart --freeze backbone --freeze-epochs 3",
        "nas train cifar10-conv --data cifar10 --teacher runs/resnet18-cifar10 --distill-weight 0.7",
        "nas train mobilenet-v2 --data ./flowers --devices 8 --set recipe.norms_over=device",
        "nas train mobilenet-v2 --data /all/flowers --out /all/mine --hosts node0:7000,2,1",
    ),
    _add_arguments,
    _run,
    _show,
    always,
)
