from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.network import initialise
from nas.train import Dataset, Epoch, Recipe, Split, train
from nas.train.names import network_arrays
from nas.train.optimizer import learning_rates
from nas.train.transfer import SLOWER, Start, frozen_blocks, phased_rates, take_over

RECIPE = Recipe(epochs=4, batch_size=16, learning_rate=1e-2, warmup_epochs=0)


class _Stopped(Exception):
    pass


@pytest.fixture(scope="module")
def three(digits: Dataset) -> Dataset:
    """The first three digits."""

    def few(split: Split) -> Split:
        return split.take(np.flatnonzero(split.labels < 3))

    train, validation, test = map(few, digits.splits())
    return replace(digits, name="three", train=train, validation=validation, test=test, classes=("0", "1", "2"))


@pytest.fixture(scope="module")
def start(small: Architecture) -> Start:
    """Weights of the network for ten classes, with statistics that are not the fresh ones."""
    arrays = network_arrays(initialise(small, 7))
    changed = {name: array + 0.1 if name.endswith((".mean", ".var")) else array for name, array in arrays.items()}
    return Start("elsewhere", changed, "backbone", 2)


def test_what_agrees_is_taken_over(small: Architecture, start: Start) -> None:
    network = initialise(small.with_classes(3))
    taken = take_over(network, start)
    mine = network_arrays(network)
    assert set(taken.fresh) == {"head3.block1.conv.bias", "head3.block1.conv.kernel"}
    assert taken.taken == len(mine) - 2
    for name, array in mine.items():
        assert name in taken.fresh or np.array_equal(array, start.arrays[name])
    assert f"{taken.taken} of {len(mine)} arrays taken over; fresh: head3.block1.conv.bias" in str(taken)


def test_of_another_architecture_nothing_is_taken_over(start: Start) -> None:
    other = Architecture.parse("input 8x8x1\nstem conv k5 c10\nhead pool\nhead dense c3\n")
    with pytest.raises(InputError, match=r"elsewhere: is of another architecture \(\d+ parameters differ: ") as raised:
        take_over(initialise(other), start)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("part", "classes", "blocks"),
    [("backbone", 3, 6), ("backbone", 10, 6), ("stage1", 3, 3), ("head1", 3, 5), ("", 3, 0)],
)
def test_blocks_up_to_a_part_are_frozen(
    small: Architecture, start: Start, part: str, classes: int, blocks: int
) -> None:
    network = initialise(small.with_classes(classes))
    chosen = replace(start, freeze=part)
    assert frozen_blocks(network, chosen, take_over(network, chosen)) == blocks


def test_fresh_blocks_and_what_follows_are_not_frozen(small: Architecture, start: Start) -> None:
    network = initialise(Architecture.parse(small.text.replace("stage mbconv k3", "stage mbconv k5")))
    assert frozen_blocks(network, start, take_over(network, start)) == 3
    with pytest.raises(InputError, match="--freeze: unknown part 'stage9'; did you mean 'stage2'"):
        frozen_blocks(network, replace(start, freeze="stage9"), take_over(network, start))


def test_the_head_learns_alone_and_then_everything(small: Architecture, start: Start, three: Dataset) -> None:
    architecture = small.with_classes(3)
    first = train(architecture, three, replace(RECIPE, epochs=2, schedule="constant"), start=start)
    arrays = network_arrays(first.network)
    changed = {
        name for name in arrays if name.startswith("head3") or not np.array_equal(arrays[name], start.arrays[name])
    }
    assert changed == {"head3.block1.conv.bias", "head3.block1.conv.kernel"}
    whole = train(architecture, three, RECIPE, start=start)
    arrays = network_arrays(whole.network)
    same = [n for n in arrays if not n.startswith("head3") and np.array_equal(arrays[n], start.arrays[n])]
    assert same == []


def test_frozen_trainings_resume_to_the_same_numbers_however_compiled(
    small: Architecture, start: Start, three: Dataset, tmp_path: Path
) -> None:
    def stop(report: Epoch) -> None:
        if report.epoch == 3:
            raise _Stopped

    architecture, recipe = small.with_classes(3), replace(RECIPE, ema=0.9)
    whole = train(architecture, three, recipe, start=start)
    with pytest.raises(_Stopped):
        train(architecture, three, recipe, start=start, checkpoints=tmp_path, progress=stop)
    resumed = train(architecture, three, recipe, start=start, checkpoints=tmp_path)
    assert [(e.loss, e.validation_accuracy) for e in resumed.history] == [
        (e.loss, e.validation_accuracy) for e in whole.history
    ]
    in_one = train(architecture, three, recipe, start=start, by_block=False)
    assert [e.loss for e in in_one.history] == pytest.approx([e.loss for e in whole.history], rel=1e-4)
    for other in (None, replace(start, epochs=1), replace(start, arrays=network_arrays(initialise(small, 8)))):
        with pytest.raises(InputError, match="holds a training with another start"):
            train(architecture, three, recipe, start=other, checkpoints=tmp_path)


def test_both_phases_have_a_schedule_of_their_own() -> None:
    recipe = replace(RECIPE, epochs=10, warmup_epochs=1)
    rates = phased_rates(recipe, 5, 4)
    assert rates.shape == (50,)
    assert rates.max() == rates[4] == pytest.approx(1e-2)
    assert rates[20:].max() == rates[24] == pytest.approx(SLOWER * 1e-2)
    assert rates[19] < 1e-3
    for first in (0, 10):
        assert np.array_equal(phased_rates(recipe, 5, first), learning_rates(recipe, 5))
