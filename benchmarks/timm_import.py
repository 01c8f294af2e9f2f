"""timm, of an interpreter whose torchvision has no compiled operators for its torch."""

from types import ModuleType

from torch import library

_NMS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def import_timm() -> ModuleType:
    """Imports timm, which imports torchvision, whose operators are declared here and never called."""
    for operator in ("nms", "qnms"):
        library.define(f"torchvision::{operator}", _NMS)
    import timm

    return timm
