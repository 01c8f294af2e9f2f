"""The same steps on one device and shared by several, which a processor pretends to have.

Run as a script it is the process that has them.
"""

import json
import os
import subprocess
import sys

import numpy as np

from nas.architecture import Architecture

COUNTS = (1, 2, 4)
PICTURES = 96  # to train on, in three steps


def shared_steps(architecture: Architecture) -> list[tuple[str, ...]]:
    """For each number of devices the loss of an epoch and how far the weights are from those of one device."""
    flags = f"--xla_force_host_platform_device_count={max(COUNTS)}"
    command = [sys.executable, __file__, architecture.text]
    done = subprocess.run(
        command, env={**os.environ, "XLA_FLAGS": flags}, stdout=subprocess.PIPE, text=True, check=True
    )
    return [tuple(row) for row in json.loads(done.stdout.splitlines()[-1])]


def main(text: str) -> None:
    import jax
    from flax import nnx

    from nas.train import Dataset, Recipe, train
    from nas.train.data import Split

    generator = np.random.default_rng(0)

    def split(count: int) -> Split:
        images = generator.integers(256, size=(count, 32, 32, 3), dtype=np.uint8)
        return Split(images, generator.integers(10, size=count, dtype=np.int32))

    dataset = Dataset("noise", split(PICTURES), split(32), split(32), tuple(map(str, range(10))))
    recipe = Recipe(epochs=1, batch_size=32, optimizer="sgd", learning_rate=0.05, augment=("flip",))
    rows, alone = [], None
    for count in COUNTS:
        trained = train(Architecture.parse(text), dataset, recipe, devices=count)
        weights = [np.asarray(leaf) for leaf in jax.tree.leaves(nnx.state(trained.network, nnx.Param))]
        alone = alone or weights
        furthest = max(float(np.abs(mine - its).max()) for mine, its in zip(weights, alone, strict=True))
        rows.append((str(count), f"{trained.history[-1].loss:.6f}", f"{furthest:.1e}"))
    print(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1])
