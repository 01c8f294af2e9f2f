"""Pictures a second in training: ResNet-20 of this toolkit and of timm's blocks, in turns."""

from dataclasses import replace
from statistics import median

from train_step import RECIPE, STEPS, alternate, ours
from train_step_timm import LAYOUTS, RESNET20, Timm

from nas.architecture import Architecture

BATCH, TURNS = 128, 6
OURS = "this toolkit"


def speeds(architecture: Architecture, torch: str | None, devices: int) -> list[tuple[str, ...]]:
    """(what, pictures a second, how many times theirs); without `torch`, an interpreter, ours alone.

    With several `devices` also when these share each batch.
    """
    peers = {OURS: ours(architecture, BATCH)}
    if devices > 1:
        shared = replace(RECIPE, norms_over="device")
        peers[f"{OURS}, {devices} devices"] = ours(architecture, BATCH, shared, devices)
    timm = Timm(torch) if torch else None
    said = ""
    if timm:
        asked = architecture.classes, BATCH, architecture.resolution
        peers |= {what: timm.turn(RESNET20, *asked, last, STEPS) for what, last in LAYOUTS.items()}
        said = f" ({', '.join(f'{name} {version}' for name, version in timm.versions.items())}, eager)"
    seconds = {name: median(found) for name, found in alternate(peers, TURNS).items()}
    return [
        (f"{name}{said if name in LAYOUTS else ''}", f"{BATCH / found:,.0f}", f"{found / seconds[OURS]:.2f}")
        for name, found in seconds.items()
    ]
