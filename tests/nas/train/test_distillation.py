from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nas.architecture import Architecture
from nas.errors import InputError
from nas.network import initialise
from nas.train import Dataset, Recipe, train
from nas.train.augment.batch import Labels, normalise
from nas.train.compiled import compile_chain
from nas.train.distillation import Teacher
from nas.train.objective import loss_program
from nas.train.step import Chain, Step

PUPIL = "input 8x8x1\nstem conv c8\nhead pool\nhead dense c10"


def test_the_loss_is_between_labels_and_the_softened_outputs_of_the_teacher() -> None:
    mine, theirs = (np.random.default_rng(seed).normal(size=(4, 3)).astype(np.float32) for seed in (0, 1))
    classes = np.array([0, 1, 2, 0])
    loss, _ = loss_program(0, 2, (0.25, 3.0))(mine, Labels(classes), theirs)
    hard = -jax.nn.log_softmax(mine)[jnp.arange(4), classes].mean()
    p, q = jax.nn.softmax(theirs / 3), jax.nn.softmax(mine / 3)
    soft = (p * jnp.log(p / q)).sum(-1).mean()
    assert float(loss) == pytest.approx(float(0.75 * hard + 0.25 * 9 * soft) / 2, rel=1e-5)


def test_a_pupil_of_the_teacher_alone_comes_to_say_what_it_says(digits: Dataset, tmp_path: Path) -> None:
    teacher_text = PUPIL.replace("8x8", "12x12")
    network = initialise(Architecture.parse(teacher_text), 5)
    network.eval()
    teacher = Teacher(network, 12, weight=1, temperature=1)
    recipe = Recipe(epochs=12, batch_size=16, learning_rate=1e-2, augment=("flip",))
    trained = train(Architecture.parse(PUPIL), digits, recipe, teacher=teacher, checkpoints=tmp_path)
    assert trained.history[-1].loss < 0.3 * trained.history[0].loss
    with pytest.raises(InputError, match="holds a training with another teacher"):
        train(Architecture.parse(PUPIL), digits, recipe, teacher=Teacher(network, 12), checkpoints=tmp_path)


@pytest.mark.parametrize("by_block", [True, False])
def test_a_teacher_reads_whole_pictures_where_the_pupil_reads_smaller_ones(digits: Dataset, by_block: bool) -> None:
    pupil, teacher = (initialise(Architecture.parse(PUPIL), seed) for seed in (0, 5))
    teacher.eval()
    recipe = Recipe(batch_size=16, label_smoothing=0, augment=())
    chain = Chain.of(pupil, by_block)
    compiled = compile_chain(
        chain, recipe, chain.state(pupil, recipe), (8, 8, 1), side=4, teacher=Teacher(teacher, 8, 1, 2)
    )
    images, labels = digits.train.images[:16], digits.train.labels[:16]
    step = Step(np.zeros(len(chain.layouts) + 1, np.uint32), np.float32(0), np.float32(0))
    _, loss = compiled.step(chain.state(pupil, recipe), images, labels, step)
    whole = normalise(images)
    pupil.train()
    small = pupil(jax.image.resize(whole, (16, 4, 4, 1), "linear"))
    expected, _ = loss_program(0, 1, (1.0, 2.0))(small, Labels(labels), teacher(whole))
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)


def test_a_teacher_that_cannot_be_meant_is_refused() -> None:
    network = initialise(Architecture.parse(PUPIL), 0)
    with pytest.raises(InputError, match=r"teacher: weight: found 2; expected 0 to 1"):
        Teacher(network, 8, weight=2)
    with pytest.raises(InputError, match=r"teacher: temperature: found 0; expected 0.1 to 100"):
        Teacher(network, 8, temperature=0)
