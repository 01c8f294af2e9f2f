"""`nas export`: a network as a file for devices."""

from argparse import SUPPRESS, ArgumentParser, Namespace
from pathlib import Path

from experiments.commands.command import Command, Result, add_data, positive
from nas.errors import InputError
from nas.export.formats import DEFAULT, FORMATS
from nas.export.quantization.method import NAMES, PLAIN, Method

SUBSTITUTES = ("relu6", "swish")
EPOCHS = 3
_DEPLOYABLE = ("activation", "without_se", "retrain_epochs")


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="ARCH_OR_RUN",
        help="the folder of a run (its trained winner), of a training or of a checkpoint, "
        "or an architecture (fresh weights)",
    )
    formats = "; ".join(f"{form.name}: {form.about}" for form in FORMATS.values())
    parser.add_argument("--format", choices=tuple(FORMATS), help=f"{formats} (default: as FILE ends, else {DEFAULT})")
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="what to write")
    parser.add_argument(
        "--quantization",
        choices=NAMES,
        default=SUPPRESS,
        metavar="METHOD",
        help=f"of int8 and uint8, as `nas quantization` compares them: {', '.join(NAMES)} (default: {PLAIN})",
    )
    add_data(
        parser, "where ARCH_OR_RUN's pictures are now, which ranges of int8 are found by (default: where they were)"
    )
    parser.add_argument("--author", default="", help="who the file says has made it")
    parser.add_argument("--license", default="", help="the licence that the file names")
    parser.add_argument(
        "--make-deployable",
        action="store_true",
        help="first substitute what the Edge TPU does not map, and train on where ARCH_OR_RUN was trained",
    )
    parser.add_argument(
        "--activation",
        choices=SUBSTITUTES,
        default=SUPPRESS,
        help=f"with it: what stands for hard-swish (default: {SUBSTITUTES[0]})",
    )
    parser.add_argument(
        "--without-se", action="store_true", default=SUPPRESS, help="with it: leave out squeeze-and-excitation too"
    )
    parser.add_argument(
        "--retrain-epochs",
        metavar="N",
        type=positive,
        default=SUPPRESS,
        help=f"with it: epochs to train on (default: {EPOCHS})",
    )


def _run(arguments: Namespace) -> Result:
    from experiments.export_command import export_model
    from experiments.export_deployable import Wish
    from experiments.export_source import Moved

    given = [name for name in _DEPLOYABLE if hasattr(arguments, name)]
    if given and not arguments.make_deployable:
        option = given[0].replace("_", "-")
        raise InputError(f"--{option}: is of a network made deployable; expected --make-deployable with it")
    activation = getattr(arguments, "activation", SUBSTITUTES[0])
    wish = Wish(activation, not hasattr(arguments, "without_se"), getattr(arguments, "retrain_epochs", EPOCHS))
    return export_model(
        arguments.source,
        arguments.format,
        arguments.out,
        arguments.author,
        arguments.license,
        wish if arguments.make_deployable else None,
        Method.parse(arguments.quantization) if hasattr(arguments, "quantization") else None,
        Moved(arguments.data, arguments.data_dir),
    )


def _show(result: Result) -> None:
    print(f"{result['file']}: {result['bytes']:,} bytes")
    for change in result.get("changes", ()):
        print(f"  {change}")
    if result["edgetpu"] is None:
        return
    print("the Edge TPU would take " + ("all of it" if result["edgetpu"] else "not all of it:"))
    for reason in result["reasons"]:
        print(f"  {reason}")


COMMAND = Command(
    "export",
    "write a run's winner, or any architecture, as TFLite, SavedModel, ONNX or Core ML",
    (
        "nas export runs/quickstart --format int8 --out model.tflite",
        "nas export mobilenet-v1 --format float16 --out mobilenet.tflite",
        "nas export mobilenet-v3-small --make-deployable --activation swish --out small.tflite",
        "nas export runs/quickstart --format coreml --out Model.mlpackage --author Me --license MIT",
    ),
    _add_arguments,
    _run,
    _show,
)
