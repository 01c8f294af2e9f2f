"""Searches put together from their parts, with a stand-in for training that any process computes alike."""

import itertools

import optuna

from nas.latency import load_device
from nas.search.best import ACCURATE
from nas.search.budget import Budget
from nas.search.facts import Limits, facts
from nas.search.in_process import InProcess
from nas.search.judging import Judging
from nas.search.ledger import Ledger
from nas.search.record import read_records
from nas.search.recorder import Recorder
from nas.search.search import Search
from nas.search.steps import Deduplicate, LookUp, Train, WithinLimits
from nas.search.trainer import Ended
from search_spaces import SearchSpace

SPACE = SearchSpace.parse(
    """input 16x16x1
stem  conv k3 c{8,16}
stage {mbconv,conv} k{3,5} s2 e{2,4} c{16,48} x{1,2,3}
head  pool
head  dense c10
"""
)
DEVICE = load_device("edgetpu-usb")
EPOCHS = 4


def milliseconds(architecture):
    return facts(architecture, (DEVICE,)).latency_ms[DEVICE.name]


def every(space=SPACE):
    """All architectures of a space."""
    return [space.build(dict(zip(space.choices, c, strict=True))) for c in itertools.product(*space.choices.values())]


def score(architecture):
    """Wider and deeper is better."""
    stage = architecture.layers[1]
    return 0.5 + (stage.get("channels") * stage.repeats + stage.get("kernel")) / 400


class Failed(Exception):
    """What a stand-in for training raises where it would fail."""


def trainer_of(train):
    """Trains in this process by a function of number and architecture that gives an accuracy."""

    def trained(number, architecture, judge):
        try:
            accuracy = train(number, architecture)
        except Failed as failure:
            return Ended(number, None, str(failure))
        for epoch in range(1, EPOCHS):
            reached = accuracy * epoch / EPOCHS
            if not judge(epoch, reached):
                return Ended(number, reached, stopped=True)
        judge(EPOCHS, accuracy)
        return Ended(number, accuracy)

    return InProcess(trained)


class LastFirst:
    """Trains several at once, of which the one begun last is always the first to end."""

    def __init__(self, capacity, train=lambda _number, a: score(a)):
        self.capacity, self._train = capacity, train
        self.begun, self.most, self.closed = [], 0, False

    def start(self, number, architecture, judge):
        self.begun.append((number, architecture, judge))
        self.most = max(self.most, len(self.begun))

    def wait(self):
        number, architecture, judge = self.begun.pop()
        accuracy = self._train(number, architecture)
        judge(1, accuracy)
        return Ended(number, accuracy)

    def close(self):
        self.closed = True


def make_search(limit, *, study=None, train=lambda _number, a: score(a), architectures=20, **changes):
    """A search in memory, or in the study that is given."""
    limits = Limits((DEVICE,), {DEVICE.name: limit})
    study = study or make_study([o.direction for o in changes.get("objectives", ACCURATE)])
    return assemble(study, limits, changes.pop("trainer", None) or trainer_of(train), Budget(architectures), **changes)


def make_study(directions=("maximize",), storage=None):
    """A study in memory, or in a storage that is given."""
    return optuna.create_study(storage=storage, study_name="s", directions=directions, load_if_exists=True)


def assemble(
    study,
    limits,
    trainer,
    budget,
    *,
    space=SPACE,
    sampler="tpe",
    seed=0,
    rungs=None,
    objectives=ACCURATE,
    screen=lambda _ledger: [],
):
    """The default line of steps, with those that `screen` makes of the ledger before the training."""
    records = read_records(study)
    ledger, judging = Ledger(records), Judging(study, objectives, rungs)
    judging.take_up(records)
    steps = [Deduplicate(ledger), LookUp(limits), WithinLimits(limits), *screen(ledger), Train(trainer, judging)]
    recorder = Recorder(study, objectives)
    return Search(study, space, steps, recorder, budget, trainer, sampler, ledger, seed)
