"""How far a predictor is off on architectures that its fit did not see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.measurements import Row
from nas.errors import InputError
from nas.latency import Device, KnownError
from nas.latency.fit import Report, score
from nas.trace import trace

METHOD = "networks that the fit had not seen, chosen at random"


@dataclass(frozen=True)
class HeldOut:
    """The errors on the networks that were predicted, and how many the predictor refused."""

    report: Report
    refused: int

    @property
    def known_error(self) -> KnownError:
        """The errors as a device tells them."""
        return KnownError(self.report.median, self.report.worst, self.report.networks, METHOD)

    def content(self) -> dict[str, Any]:
        """The numbers by name, as JSON has them."""
        return {**self.report.content(), "refused": self.refused}


def judge(device: Device, rows: Sequence[Row]) -> HeldOut:
    """Predicts each row and compares; raises `InputError` where the device refuses all of them."""
    predicted, measured, refusals = [], [], []
    for row in rows:
        try:
            predicted.append(device.latency(trace(row.architecture)).ms)
            measured.append(row.ms)
        except InputError as error:
            refusals.append(str(error))
    if not measured:
        raise InputError(f"{device.name}: refuses all {len(rows)} architectures held out: {refusals[0]}")
    return HeldOut(score(np.array(predicted), np.array(measured)), len(refusals))
