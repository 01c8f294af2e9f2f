"""Pictures a second in training: ResNet-20 of this toolkit and of timm's blocks, in turns."""

from statistics import median

from train_step import STEPS, alternate, ours
from train_step_timm import RESNET20, Timm

from nas.architecture import Architecture

BATCH, TURNS = 128, 6


def speeds(architecture: Architecture, torch: str | None) -> list[tuple[str, ...]]:
    """(what, pictures a second, how many times theirs); without `torch`, an interpreter, ours alone."""
    peers = {"ours": ours(architecture, BATCH)}
    timm = Timm(torch) if torch else None
    if timm:
        peers["timm"] = timm.turn(RESNET20, architecture.classes, BATCH, architecture.resolution, STEPS)
    seconds = {name: median(found) for name, found in alternate(peers, TURNS).items()}
    rows = [("this toolkit", f"{BATCH / seconds['ours']:,.0f}", "")]
    if timm:
        said = ", ".join(f"{name} {version}" for name, version in timm.versions.items())
        rows.append(
            (f"timm eager ({said})", f"{BATCH / seconds['timm']:,.0f}", f"{seconds['timm'] / seconds['ours']:.2f}")
        )
    return rows
