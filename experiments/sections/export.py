"""Which files an experiment ends with."""

from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field

from experiments.sections.section import Section, check_name, distinct, said
from nas.export.formats import FORMATS
from nas.export.quantization.method import NAMES as QUANTIZATIONS


def _with_tflite(names: tuple[str, ...]) -> tuple[str, ...]:
    """Only TFLite files are run beside the network."""
    lite = [name for name, form in FORMATS.items() if form.lite]
    if not any(name in lite for name in names):
        raise said(f"found {', '.join(names)}; expected at least one of {', '.join(lite)}")
    return names


ExportFormat = Annotated[str, AfterValidator(partial(check_name, "format", lambda: FORMATS))]


class Export(Section):
    """Which files are written, and whose they are said to be."""

    formats: Annotated[
        tuple[ExportFormat, ...],
        Field(strict=False, min_length=1, description=f"a list of {', '.join(FORMATS)}"),
        AfterValidator(distinct),
        AfterValidator(_with_tflite),
    ] = ("float32", "int8")
    author: str = Field("", max_length=200, description="who the files say has made them")
    license: str = Field("", max_length=200, description="the licence that the files name")
    quantization: Annotated[str, AfterValidator(partial(check_name, "quantization", lambda: QUANTIZATIONS))] = "max"
    int8_loss: float = Field(
        0.005, ge=0, le=1, description="accuracy (0 to 1) that int8 may lose before its layers are looked at"
    )
    calibration_images: int = Field(200, ge=1, description="how many pictures set the ranges of int8, at least 1")
