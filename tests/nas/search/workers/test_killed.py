"""Nothing is lost: searches whose processes are killed at random moments end as if they had not been."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import optuna
import pytest

from nas.search.record import read_records
from nas.search.storage import server_storage, sqlite_storage
from tests.nas.search.workers.trainings import EPOCHS, alive, worker_pids
from tests.postgresql import PASSWORD, postgresql

ROOT = Path(__file__).parents[4]
KILLS = 25
TRIALS = 12  # distinct architectures that each search considers
LONGEST = 0.3  # seconds between two kills


@pytest.fixture(scope="module")
def searches():
    """A process that starts searches: gives a storage, a folder and a number of workers."""
    command = [sys.executable, "-m", "tests.nas.search.workers.killed"]
    environment = {**os.environ, "EDGESCALE_TEST_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"

        def ask(question):
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        def begin(storage, folder, workers=1, name=None):
            return ask([name or folder.name, storage, str(folder), workers, TRIALS])

        begin.ended = ask
        yield begin
        process.stdin.close()


@pytest.fixture(scope="module")
def server():
    """PostgreSQL, or a skipped test."""
    with postgresql() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGESCALE_TEST_PASSWORD", PASSWORD)
        yield running


@pytest.fixture
def folders():
    """Makes folders, in memory where there is such a place: a search waits for its disk more than a hundred times."""
    made = []

    def make():
        memory = Path("/dev/shm")
        place = memory if os.access(memory, os.W_OK) else None
        made.append(Path(tempfile.mkdtemp(prefix="edgescale-killed-", dir=place)))
        return made[-1]

    yield make
    for folder in made:
        shutil.rmtree(folder)


def trials_of(storage, folder, name=None):
    """Number, outcome, architecture, score and the rest of each trial, but for what a clock says."""
    with closing(server_storage(storage) if storage else sqlite_storage(folder / "study.db")) as kept:
        study = optuna.load_study(storage=kept, study_name=name or folder.name)
        assert [trial.number for trial in study.get_trials() if not trial.state.is_finished()] == []
        return [
            (r.number, r.outcome, r.architecture.text, r.accuracy, r.duplicate_of, r.reason)
            for r in read_records(study)
        ]


def disturb(searches, chance, storage, folder, workers=1, most=KILLS):
    """Kills the search or one of its workers at random moments, `most` times or until it ends; says who was."""
    killed = []
    driver = searches(storage, folder, workers)
    while alive(driver) and len(killed) < most:
        who = chance.choice(["driver", "worker"])
        time.sleep(chance.uniform(0, LONGEST))
        victim = driver if who == "driver" else running_worker(driver, folder)
        if not victim or not alive(driver):
            break
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(victim, signal.SIGKILL)
            killed.append(who)
        if who == "driver" and searches.ended(driver) == -signal.SIGKILL:
            driver = searches(storage, folder, workers)
        elif who == "driver":
            return killed
    assert searches.ended(driver) == 0
    while [pid for pid in worker_pids(folder) if alive(pid)]:
        time.sleep(0.01)
    return killed


def running_worker(driver, folder):
    """A worker of the search, which is waited for while the search runs."""
    while alive(driver):
        for pid in worker_pids(folder):
            if alive(pid):
                return pid
        time.sleep(0.001)
    return None


@pytest.mark.parametrize("kept_in", ["file", "server"])
def test_searches_killed_at_25_moments_end_as_if_undisturbed(searches, folders, kept_in, request):
    storage = request.getfixturevalue("server").address if kept_in == "server" else None
    whole = folders()
    assert searches.ended(searches(None, whole)) == 0
    undisturbed = trials_of(None, whole)
    trained = [number for number, outcome, *_ in undisturbed if outcome == "trained"]
    killed, chance = [], random.Random(0)
    while len(killed) < KILLS:
        folder = folders()
        killed += disturb(searches, chance, storage, folder, most=KILLS - len(killed))
        assert trials_of(storage, folder) == undisturbed
        assert all(len(list((folder / f"trial-{n}").iterdir())) == EPOCHS for n in trained)
    assert set(killed) == {"driver", "worker"}


def test_two_workers_lose_and_repeat_nothing(searches, folders):
    folder = folders()
    assert disturb(searches, random.Random(1), None, folder, workers=2, most=6)
    trials = trials_of(None, folder)
    first = [text for _, outcome, text, *_ in trials if outcome != "duplicate"]
    assert len(first) == len(set(first)) >= TRIALS
    assert not [trial for trial in trials if trial[1] == "failed"]


def test_two_searches_share_a_study_and_one_takes_up_what_a_killed_one_left(searches, folders, server):
    one, two = folders(), folders()
    drivers = [searches(server.address, folder, name="shared") for folder in (one, two)]
    while not list(two.glob("trial-*/epoch-1")):
        assert alive(drivers[1])
        time.sleep(0.001)
    os.kill(drivers[1], signal.SIGKILL)
    assert [searches.ended(driver) for driver in drivers] == [0, -signal.SIGKILL]
    trials = trials_of(server.address, one, "shared")
    trained = [text for _, outcome, text, *_ in trials if outcome == "trained"]
    assert len(trained) == len(set(trained))
    assert len({text for _, _, text, *_ in trials}) >= TRIALS
    assert [number for number, *_ in trials] == list(range(len(trials)))
