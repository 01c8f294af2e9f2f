import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nas.errors import InputError
from nas.train.loading import load_dataset
from nas.train.pictures import Pictures

PREPARED = Path(os.environ.get("EDGESCALE_TFDS", Path(__file__).parents[4] / "shared" / "tfds"))

# In a process of its own, which alone can show what is imported.
SCRIPT = """
import json, sys
from nas.train import load_dataset
calls = []
d = load_dataset("mnist", data_dir=sys.argv[1], validation=0.1, progress=lambda *call: calls.append(call))
print(json.dumps({
    "sizes": [len(d.train), len(d.validation), len(d.test)],
    "shape": d.train.images.shape[1:],
    "type": str(d.train.images.dtype),
    "classes": d.classes,
    "ones": int((d.test.labels == 1).sum()),
    "brightest": int(d.test.images.max()),
    "calls": calls[-1],
    "ordered": calls == sorted(calls),
    "tensorflow": "tensorflow" in sys.modules,
}))
"""


@pytest.mark.skipif(
    not (PREPARED / "mnist").is_dir(), reason=f"no MNIST at {PREPARED}: EDGESCALE_TFDS says where it is"
)
def test_prepared_data_is_read_whole_without_tensorflow() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT, str(PREPARED)], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    facts = json.loads(run.stdout)
    assert facts["sizes"] == [54_000, 6_000, 10_000]
    assert facts["shape"] == [28, 28, 1]
    assert facts["type"] == "uint8"
    assert facts["classes"] == list("0123456789")
    assert facts["ones"] == 1135  # of MNIST's test split, as published
    assert facts["brightest"] == 255
    assert facts["calls"] == [70_000, 70_000]
    assert facts["ordered"]
    assert not facts["tensorflow"]


@pytest.mark.skipif(not (PREPARED / "mnist").is_dir(), reason=f"no MNIST at {PREPARED}")
@pytest.mark.parametrize(
    ("splits", "said"),
    [
        ({"test": "holdout"}, "data.splits.test: 'mnist' has no split 'holdout'; expected among train, test"),
        ({"train": "train[:90%]", "validation": "train[80%:]"}, "share 6000 pictures; expected splits that do not"),
        ({"validation": "test"}, r"test \(test\) and validation \(test\) share 10000 pictures"),
        ({"validation": "train[90%:"}, r"data.splits.validation: found 'train\[90%:'"),
    ],
)
def test_splits_that_overlap_or_do_not_exist_are_refused(splits: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        load_dataset("mnist", data_dir=PREPARED, splits=splits)
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(not (PREPARED / "mnist").is_dir(), reason=f"no MNIST at {PREPARED}")
def test_pictures_beyond_the_memory_are_decoded_as_they_are_read() -> None:
    splits = {"train": "train[:64]", "validation": "train[64:96]", "test": "test[:32]"}
    held = load_dataset("mnist", data_dir=PREPARED, splits=splits)
    read = load_dataset("mnist", data_dir=PREPARED, splits=splits, memory=1e-9)
    assert isinstance(read.train.images, Pictures)
    for mine, theirs in zip(read.splits(), held.splits(), strict=True):
        assert np.array_equal(np.asarray(mine.images), theirs.images)
        assert np.array_equal(mine.labels, theirs.labels)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cifar10", "is not prepared at .*; say where it is with --data-dir FOLDER, in an experiment data.data_dir"),
        ("mnits", "cannot find 'mnits' .*; did you mean 'mnist'?"),
        ("DIGITS", "cannot find 'DIGITS' .*; did you mean 'digits'?"),
        ("mnist:9.9.9", "cannot find 'mnist:9.9.9' .*cannot be loaded at version 9.9.9"),
        ("what is this", "cannot find 'what is this'"),
    ],
)
def test_data_that_is_not_there_is_refused_in_one_line(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        load_dataset(name, data_dir=tmp_path)
    assert str(raised.value).startswith("data.dataset: ")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300
