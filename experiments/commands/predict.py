"""`nas predict`: classifies pictures by a TFLite file."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from experiments.commands.command import Command, Result, positive, print_table


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.tflite", type=Path, help="a classifier, float or int8")
    parser.add_argument("images", metavar="IMAGE", type=Path, nargs="+", help="pictures of any size and format")
    parser.add_argument(
        "--labels",
        metavar="F",
        type=Path,
        help="one label a line (default: labels.txt beside the model, where there is one)",
    )
    parser.add_argument("--top", metavar="N", type=positive, default=5, help="how many classes to name (default: 5)")


def _run(arguments: Namespace) -> Result:
    from nas.export.predict import predict_pictures
    from nas.export.run import LiteModel

    predictions = predict_pictures(LiteModel(arguments.file), arguments.images, arguments.labels, arguments.top)
    return {
        "predictions": [
            {
                "image": prediction.image,
                "classes": [
                    {"index": guess.index, "label": guess.label, "probability": guess.probability}
                    for guess in prediction.top
                ],
            }
            for prediction in predictions
        ]
    }


def _show(result: Result) -> None:
    rows = [
        (prediction["image"] if place == 0 else "", c["label"], c["probability"])
        for prediction in result["predictions"]
        for place, c in enumerate(prediction["classes"])
    ]
    print_table(("picture", "class", "probability"), rows)


COMMAND = Command(
    "predict",
    "classify pictures",
    (
        "nas predict model_int8.tflite panda.jpg",
        "nas predict model_int8.tflite *.png --labels labels.txt --top 3 --json",
    ),
    _add_arguments,
    _run,
    _show,
)
