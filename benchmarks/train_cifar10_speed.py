"""Pictures a second in training ResNet-20: this toolkit, as one device and as several, and timm's blocks, in turns.

    python benchmarks/train_cifar10_speed.py [--devices COUNT] [--torch PYTHON]

PYTHON is an interpreter that has torch and timm; without one the table has no such rows. Writes
results/train_cifar10_speed.md.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import median

from experiment import markdown
from machine import header
from train_cifar10 import RESNET
from train_step import RECIPE, STEPS, alternate, ours
from train_step_timm import LAYOUTS, RESNET20, Timm

from nas.files import write_text
from nas.train.devices import divide_processor

RESULTS = Path(__file__).parent / "results"
BATCH, TURNS = 128, 6
OURS = "this toolkit"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=2, help="as how many the processor passes (default: 2)")
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has torch and timm")
    options = parser.parse_args()
    divide_processor(options.devices)
    timm = Timm(options.torch) if options.torch else None
    text = [
        "# Pictures a second in training",
        "Written by `benchmarks/train_cifar10_speed.py`.",
        markdown(("what", "found"), header(("jax", "flax", "optax"), **(timm.versions if timm else {}))),
        f"ResNet-20 in training, {BATCH} pictures of 32x32 a step, taking turns; medians of {TURNS * STEPS} steps. "
        "Several devices are what the processor passes for; batch norms see the whole batch, or each share, which "
        "threads then compute.",
        markdown(("what", "images/s", "this toolkit / this"), speeds(timm, options.devices)),
    ]
    write_text(RESULTS / "train_cifar10_speed.md", "\n\n".join(text) + "\n")


def speeds(timm: Timm | None, devices: int) -> list[tuple[str, ...]]:
    """(what, pictures a second, how many times as many the toolkit sees as one device)."""
    peers = {OURS: ours(RESNET, BATCH)}
    for over, said in (("batch", ""), ("device", ", norms over each")) if devices > 1 else ():
        recipe = replace(RECIPE, norms_over=over)
        peers[f"{OURS}, {devices} devices{said}"] = ours(RESNET, BATCH, recipe, devices)
    if timm:
        asked = RESNET.classes, BATCH, RESNET.resolution
        peers |= {what: timm.turn(RESNET20, *asked, last, STEPS) for what, last in LAYOUTS.items()}
    seconds = {name: median(found) for name, found in alternate(peers, TURNS).items()}
    return [(name, f"{BATCH / found:,.0f}", f"{found / seconds[OURS]:.2f}") for name, found in seconds.items()]


if __name__ == "__main__":
    main()
