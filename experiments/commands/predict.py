"""`nas predict`: classifies pictures by a TFLite file."""

import csv
import io
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from experiments.commands.command import Command, Result, pair_of_numbers, positive, print_table

SHOWN = 50  # pictures whose classes are printed, where they are written to a file too
NAMED = 5  # pictures that could not be decoded


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.tflite", type=Path, help="a classifier, float or quantized")
    parser.add_argument(
        "images", metavar="IMAGE", type=Path, nargs="+", help="pictures of any size and format, or folders of them"
    )
    parser.add_argument(
        "--labels",
        metavar="F",
        type=Path,
        help="one label a line (default: those in the model's metadata, else labels.txt beside it)",
    )
    parser.add_argument("--top", metavar="N", type=positive, default=5, help="how many classes to name (default: 5)")
    parser.add_argument("--out", metavar="FILE.csv", type=Path, help="write a table of all pictures' classes")
    parser.add_argument("--threads", metavar="N", type=positive, default=1, help="of the runtime (default: 1)")
    parser.add_argument(
        "--resize",
        choices=("crop", "stretch"),
        default="crop",
        help="how a picture gets the input's shape, as data.resize in training (default: crop, the middle of it)",
    )
    parser.add_argument(
        "--input-range",
        metavar="LOW,HIGH",
        type=pair_of_numbers,
        help="what a float model takes for dark and bright (default: what its metadata say, else -1,1 "
        "or what it prepares itself tells)",
    )


def _run(arguments: Namespace) -> Result:
    from experiments.progress import RunProgress
    from nas.export.predict import predict_pictures
    from nas.export.run import LiteModel
    from nas.files import require_place

    if arguments.out:
        require_place(arguments.out)
    model = LiteModel(arguments.file, threads=arguments.threads, reads=arguments.input_range)
    with RunProgress(1) as progress, progress.task("classify pictures", 0) as task:
        update = task.count if sys.stderr.isatty() or _many(arguments.images) else None
        found = predict_pictures(
            model, arguments.images, arguments.labels, arguments.top, arguments.resize, progress=update
        )
    result = {
        "predictions": [
            {
                "image": prediction.image,
                "classes": [
                    {"index": guess.index, "label": guess.label, "probability": guess.probability}
                    for guess in prediction.top
                ],
            }
            for prediction in found.pictures
        ],
        "pictures": len(found.pictures),
        "undecodable": found.undecodable,
        "seconds": found.seconds,
        "pictures_per_second": found.pictures_per_second,
        "out": str(arguments.out) if arguments.out else None,
    }
    if arguments.out:
        _write(arguments.out, result)
    return result


def _many(images: list[Path]) -> bool:
    return len(images) > 1 or any(path.is_dir() for path in images)


def _write(out: Path, result: Result) -> None:
    """One row for each class of each picture; bytes of a name that are no UTF-8 are written as escapes."""
    from nas.files import write_bytes

    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("picture", "place", "index", "class", "probability"))
    for prediction in result["predictions"]:
        for place, c in enumerate(prediction["classes"], start=1):
            writer.writerow((prediction["image"], place, c["index"], c["label"], f"{c['probability']:.6f}"))
    write_bytes(out, stream.getvalue().encode(errors="backslashreplace"))


def _show(result: Result) -> None:
    shown = result["predictions"][:SHOWN] if result["out"] else result["predictions"]
    rows = [
        (prediction["image"] if place == 0 else "", c["label"], c["probability"])
        for prediction in shown
        for place, c in enumerate(prediction["classes"])
    ]
    print_table(("picture", "class", "probability"), rows)
    if result["out"]:
        print(f"all in {result['out']}")
    if result["pictures"] > 1:
        rate = f"{result['pictures_per_second']:,.1f} pictures a second"
        print(f"{result['pictures']:,} pictures in {result['seconds']:.2f} s: {rate}, decoding included")
    if bad := result["undecodable"]:
        named = ", ".join(f"{name} ({reason})" for name, reason in list(bad.items())[:NAMED])
        more = ", ..." if len(bad) > NAMED else ""
        print(f"{len(bad)} of {len(bad) + result['pictures']} pictures cannot be decoded: {named}{more}")


COMMAND = Command(
    "predict",
    "classify pictures",
    (
        "nas predict model_int8.tflite panda.jpg",
        "nas predict model_int8.tflite *.png --labels labels.txt --top 3 --json",
        "nas predict model_int8.tflite pictures/ --out classes.csv",
    ),
    _add_arguments,
    _run,
    _show,
)
