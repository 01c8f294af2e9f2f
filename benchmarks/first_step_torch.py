"""The first training step of PyTorch's timm, eager or by torch.compile.

Run by `first_step.py` with an interpreter that has torch and timm; knows nothing of this toolkit.
"""

import json
import sys
import time


def main(how: str, *sizes: str) -> None:
    started = time.perf_counter()
    import torch
    from timm_import import import_timm

    timm = import_timm()
    imported = time.perf_counter() - started
    if how == "versions":
        print(json.dumps({"torch": torch.__version__, "timm": timm.__version__}))
        return
    batch, side, classes = map(int, sizes)
    images, labels = torch.rand(batch, 3, side, side) * 2 - 1, torch.randint(classes, (batch,))
    started = time.perf_counter()
    model = timm.create_model("efficientnet_b0", num_classes=classes).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=1e-4, nesterov=True)
    network = torch.compile(model) if how == "compile" else model
    torch.nn.functional.cross_entropy(network(images), labels).backward()
    optimizer.step()
    print(json.dumps({"seconds": time.perf_counter() - started, "imports": imported}))


if __name__ == "__main__":
    main(*sys.argv[1:])
