"""A residual network trained by PyTorch on CIFAR-10, as `train_cifar10_peer.py` asks.

Run by it with an interpreter that has torch and timm; knows nothing of this toolkit.
"""

import json
import math
import sys
import time
from typing import Any


def main(what: str, *told: str) -> None:
    import torch
    from timm_import import import_timm

    timm = import_timm()
    if what == "versions":
        print(json.dumps({"torch": torch.__version__, "timm": timm.__version__}))
        return
    print(json.dumps(_trained(torch, timm, what, json.loads(told[0]))))


def _trained(torch: Any, timm: Any, file: str, asked: dict[str, Any]) -> float:
    import numpy as np
    from train_step_timm import resnet

    torch.manual_seed(asked["seed"])
    arrays = np.load(file)
    images, tests = (torch.from_numpy(arrays[name]).permute(0, 3, 1, 2) for name in ("train_images", "test_images"))
    labels, truth = (torch.from_numpy(arrays[name]).long() for name in ("train_labels", "test_labels"))
    model = resnet(torch, timm, 10, asked["blocks"]).to(memory_format=torch.channels_last)
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    kernels = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim == 1]
    optimizer = torch.optim.SGD(
        [{"params": kernels, "weight_decay": asked["weight_decay"]}, {"params": others, "weight_decay": 0}],
        asked["learning_rate"],
        momentum=asked["momentum"],
        nesterov=True,
    )
    batch, epochs = asked["batch_size"], asked["epochs"]
    steps = len(images) // batch
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, _schedule(asked["warmup_epochs"] * steps, epochs * steps))
    started = time.monotonic()
    for epoch in range(epochs):
        model.train()
        for chosen in torch.randperm(len(images))[: steps * batch].split(batch):
            optimizer.zero_grad()
            pictures = _normalised(torch, _moved(torch, images[chosen], images.shape[-1] // 8))
            torch.nn.functional.cross_entropy(model(pictures), labels[chosen]).backward()
            optimizer.step()
            rates.step()
        print(f"torch  epoch {epoch + 1} of {epochs}  {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(_normalised(torch, part)).argmax(1) for part in tests.split(500)])
    right: float = (found == truth).float().mean().item()
    return right


def _schedule(warmup: int, total: int) -> Any:
    """A line upwards and half a cosine downwards, for each step that was taken."""
    return lambda step: (
        (step + 1) / warmup
        if step < warmup
        else (1 + math.cos(math.pi * (step + 1 - warmup) / (total - warmup + 1))) / 2
    )


def _normalised(torch: Any, pictures: Any) -> Any:
    return (pictures.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def _moved(torch: Any, pictures: Any, reach: int) -> Any:
    """(B, C, H, W) moved by up to so many pixels, the edge repeated where they left, and half of them mirrored."""
    count, side = pictures.shape[0], pictures.shape[-1]
    lines = [(torch.arange(side) + torch.randint(-reach, reach + 1, (count, 1))).clamp(0, side - 1) for _ in range(2)]
    lines[1] = torch.where(torch.rand(count, 1) < 0.5, lines[1].flip(1), lines[1])
    return pictures.permute(0, 2, 3, 1)[
        torch.arange(count)[:, None, None], lines[0][:, :, None], lines[1][:, None, :]
    ].permute(0, 3, 1, 2)


if __name__ == "__main__":
    main(*sys.argv[1:])
