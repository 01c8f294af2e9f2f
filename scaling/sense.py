"""Networks that compound scaling can make nothing of."""

from nas.errors import InputError
from nas.ops import LayerTrace, Trace


def require_sense(traced: Trace, origin: str, *, deeper: bool = True, larger: bool = True) -> None:
    """Raises `InputError` where the network has no use for more depth or for larger pictures.

    `deeper`, `larger`: whether its depth and its resolution are to change at all.
    """
    if (deeper or larger) and all(layer.kind == "dense" for layer in traced.layers if layer.block.params):
        raise InputError(
            f"{origin}: has only dense layers, so there is no depth or resolution to scale; "
            "expected convolutions, or width alone: --phi with --alpha 1 --beta 1.414 --gamma 1"
        )
    reader = next((layer for layer in traced.layers if _reads_every_pixel(layer)), None)
    if larger and reader is not None:
        height, width, _ = reader.block.in_shape
        raise InputError(
            f"{origin}: its {reader.kind} layer reads each of {height}x{width} places by itself, so a larger picture "
            "is no larger member; expected 'head pool' before it, or --gamma 1: --phi with --alpha 1.65 --gamma 1"
        )


def _reads_every_pixel(layer: LayerTrace) -> bool:
    shape = layer.block.in_shape
    return layer.kind in ("flatten", "dense") and len(shape) == 3 and shape[0] * shape[1] > 1
