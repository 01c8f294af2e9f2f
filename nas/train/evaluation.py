"""How good a classifier's outputs are, beyond the share that is right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15  # of confidence, as in arXiv 1706.04599
FEW = 5  # the first so many answers count for `top5`


@dataclass(frozen=True)
class ClassResult:
    """One class: how many pictures it has, and the share (0 to 1) of them that are recognised; None of none."""

    name: str
    pictures: int
    accuracy: float | None


@dataclass(frozen=True)
class Bin:
    """Answers of about one confidence: how many, their mean confidence, and the share of them that is right."""

    answers: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """What outputs say of labelled pictures. All shares are 0 to 1.

    `top5` is None for five classes or fewer. `loss` is the mean cross-entropy in nats.
    `calibration_error` is the expected calibration error over 15 bins of equal width of the
    confidence in the first answer (arXiv 1706.04599, equation 3). `confusion[i][j]` counts
    pictures of class i that are taken for class j.
    """

    pictures: int
    top1: float
    top5: float | None
    loss: float
    calibration_error: float
    calibration: tuple[Bin, ...]  # the bins with any answers in them
    classes: tuple[ClassResult, ...]
    confusion: tuple[tuple[int, ...], ...]


def evaluate(outputs: NDArray[np.float32], labels: NDArray[np.int32], classes: Sequence[str]) -> Evaluation:
    """The evaluation of logits (N, classes) for pictures of the classes (N,)."""
    chances = _softmax(outputs.astype(np.float64))
    answers = np.argmax(outputs, axis=-1)
    confusion = np.zeros((len(classes), len(classes)), int)
    np.add.at(confusion, (labels, answers), 1)
    bins = _calibration(chances.max(-1), answers == labels)
    own = chances[np.arange(len(labels)), labels]
    return Evaluation(
        pictures=len(labels),
        top1=float(np.mean(answers == labels)),
        top5=_among_first(outputs, labels) if len(classes) > FEW else None,
        loss=float(-np.mean(np.log(np.maximum(own, np.finfo(np.float64).tiny)))),
        calibration_error=sum(b.answers * abs(b.accuracy - b.confidence) for b in bins) / len(labels),
        calibration=bins,
        classes=tuple(_class_result(*row) for row in zip(classes, confusion, range(len(classes)), strict=True)),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
    )


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    result: NDArray[np.float64] = powers / powers.sum(-1, keepdims=True)
    return result


def _among_first(outputs: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """The share of pictures whose class is among the five largest outputs."""
    first = np.argpartition(-outputs, FEW - 1, axis=-1)[:, :FEW]
    return float(np.mean((first == labels[:, None]).any(-1)))


def _calibration(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Bins of confidence, each with its upper end."""
    places = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return tuple(
        Bin(int(chosen.sum()), float(confidence[chosen].mean()), float(right[chosen].mean()))
        for chosen in (places == number for number in range(BINS))
        if chosen.any()
    )


def _class_result(name: str, row: NDArray[np.int64], index: int) -> ClassResult:
    pictures = int(row.sum())
    return ClassResult(name, pictures, float(row[index] / pictures) if pictures else None)
