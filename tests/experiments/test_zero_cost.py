"""Scores of untrained networks on an experiment's own pictures."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from experiments.zero_cost import PICTURES, zero_cost_score
from nas.architecture import Architecture
from nas.train import at_resolution, load_dataset

NETWORK = Architecture.parse("input 8x8x3\nstem conv k3 s2 c4\nhead pool\nhead dense c2")


@pytest.fixture
def pictures(tmp_path):
    """Pictures of two classes, of which some cannot be decoded."""
    generator = np.random.default_rng(0)
    for name in ("ants", "bees"):
        (tmp_path / name).mkdir()
        for number in range(30):
            file = tmp_path / name / f"{number}.png"
            Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8)).save(file)
            if number % 3 == 0:
                file.write_bytes(b"no picture")
    return load_dataset(f"{tmp_path}/", unreadable=0.5)


def test_pictures_that_cannot_be_decoded_are_not_drawn(pictures):
    assert len(at_resolution(pictures, 8).train) < PICTURES < len(pictures.train)
    experiment = SimpleNamespace(seed=0)
    context = SimpleNamespace(experiment=experiment, dataset=pictures, sized=partial(at_resolution, pictures))
    assert np.isfinite(zero_cost_score(context, "gradient_norm")(NETWORK))
