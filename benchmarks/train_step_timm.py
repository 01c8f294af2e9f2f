"""Training steps of PyTorch's timm, in a process of another interpreter.

`Timm` is this side of it; run as a script the file is the other side, which knows nothing
of this toolkit: it reads a line for each turn and answers with the seconds of its steps.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

RESNET20 = "resnet-20"  # not timm's own
LAYOUTS = {"timm": False, "timm, channels_last": True}  # PyTorch's own order of an array's axes, and the other


class Timm:
    """The process, which waits while others have their turn."""

    def __init__(self, python: str):
        self._process = subprocess.Popen([python, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.versions: dict[str, str] = self._ask("versions")

    def turn(self, *what: Any) -> Callable[[], list[float]]:
        """Turns of (network, classes, pictures, their side, whether the channels are last, steps)."""
        return lambda: self._ask(what)

    def _ask(self, what: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(what), file=self._process.stdin, flush=True)
        if not (answer := self._process.stdout.readline()):
            raise SystemExit("the interpreter given by --torch ended; expected one that has torch and timm")
        return json.loads(answer)


def _serve() -> None:
    import torch
    from timm_import import import_timm

    timm = import_timm()
    steps: dict[Any, Callable[[], None]] = {}
    for line in sys.stdin:
        what = json.loads(line)
        if what == "versions":
            print(json.dumps({"torch": torch.__version__, "timm": timm.__version__}), flush=True)
            continue
        *network, count = what
        key = tuple(network)
        if key not in steps:
            steps[key] = _step(torch, timm, *network)
        print(json.dumps([_seconds(steps[key]) for _ in range(count)]), flush=True)


def _step(
    torch: Any, timm: Any, name: str, classes: int, batch: int, side: int, channels_last: bool
) -> Callable[[], None]:
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = resnet(torch, timm, classes, 3) if name == RESNET20 else timm.create_model(name, num_classes=classes)
    model.to(memory_format=layout).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=1e-4, nesterov=True)
    images = (torch.rand(batch, 3, side, side) * 2 - 1).to(memory_format=layout)
    labels = torch.randint(classes, (batch,))

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def resnet(torch: Any, timm: Any, classes: int, each: int) -> Any:
    """A network of arXiv 1512.03385 for CIFAR-10, which timm has not, of so many of timm's blocks in each stage."""
    nn, block = torch.nn, timm.models.resnet.BasicBlock
    layers, channels = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for width in (16, 32, 64):
        for index in range(each):
            stride = 2 if width > 16 and index == 0 else 1
            down = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))
            layers.append(block(channels, width, stride, None if channels == width else down))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


def _seconds(step: Callable[[], None]) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


if __name__ == "__main__":
    _serve()
