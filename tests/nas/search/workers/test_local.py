import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nas.errors import InputError
from nas.search.trainer import Ended
from nas.search.workers.crew import Crew
from nas.search.workers.local import LocalProcesses
from nas.search.workers.shares import own_cores, own_gpus, shares
from tests.nas.search.workers.trainings import (
    ARCHITECTURE,
    EPOCHS,
    Epochs,
    alive,
    stillborn,
    troubled,
    unprepared,
    worker_pids,
)

ROOT = Path(__file__).parents[4]


def always(_epoch, _accuracy):
    return True


@pytest.fixture
def crew():
    """Makes crews of local processes, and ends them."""
    made = []

    def make(prepare, count=1, **options):
        made.append(Crew(LocalProcesses(prepare, count), **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_two_workers_train_at_once_and_judges_are_asked(crew, tmp_path):
    two, heard = crew(Epochs(tmp_path, seconds=0.05), 2), []
    assert two.capacity == 2
    for number in range(2):
        two.start(number, ARCHITECTURE, lambda e, a, n=number: heard.append((n, e, a)) or (n, e) != (1, 2))
    ended = sorted([two.wait(), two.wait()], key=lambda e: e.number)
    assert [(e.number, e.stopped) for e in ended] == [(0, False), (1, True)]
    assert ended[0].measures == {"cores": max(1, len(own_cores()) // 2)}
    assert [e for n, e, _ in heard if n == 0] == [1, 2, 3]
    assert [(e, a) for n, e, a in heard if n == 1][-1] == (2, ended[1].accuracy)
    first = {(tmp_path / f"pid-{number}").read_text() for number in range(2)}
    assert len(first) == 2
    two.start(2, ARCHITECTURE, always)
    assert two.wait().accuracy == pytest.approx(ended[0].accuracy, abs=1e-5)
    assert (tmp_path / "pid-2").read_text() in first  # workers stay for the next trial
    two.close()
    assert not [pid for pid in worker_pids(tmp_path) if alive(pid)]


def test_a_killed_workers_trial_goes_on_in_another(crew, tmp_path):
    pids, epochs = [], []

    def judge(epoch, _accuracy):
        epochs.append(epoch)
        pids.append(int((tmp_path / "pid-0").read_text()))
        if len(pids) <= 1 or (len(pids) == 3 and len(set(pids)) == 2):
            os.kill(pids[-1], signal.SIGKILL)
        return True

    one = crew(Epochs(tmp_path))
    one.start(0, ARCHITECTURE, judge)
    ended = one.wait()
    assert (ended.accuracy, ended.reason) == (Epochs(tmp_path).train(0, ARCHITECTURE, always).accuracy, "")
    assert epochs == [1, 1, 2, 1, 2, 3]  # those before are told again, and not trained again
    assert len(set(pids)) == 3


def test_a_trial_that_ends_its_workers_has_failed_and_others_go_on(crew):
    one = crew(troubled, seconds=2.0)
    ended = []
    for number in (0, 1, 2, 4):
        one.start(number, ARCHITECTURE, always)
        ended.append(one.wait())
    assert ended == [
        Ended(0, None, "3 workers ended while training it, the last with exit code 7"),
        Ended(1, None, "MemoryError: RESOURCE_EXHAUSTED: 1 GiB"),
        Ended(2, None, "took longer than the 2 s that a trial may take"),
        Ended(4, 0.5),
    ]


@pytest.mark.parametrize(
    ("prepare", "number", "said"),
    [
        (troubled, 3, "checkpoints: No space left on device"),
        (unprepared, 0, "data: found none; expected some"),
        (stillborn, 0, "3 workers in a row ended before they were ready, the last with exit code 3"),
    ],
)
def test_what_concerns_every_trial_ends_the_search(crew, prepare, number, said):
    one = crew(prepare)
    one.start(number, ARCHITECTURE, always)
    with pytest.raises(InputError, match=said):
        one.wait()


DRIVER = """
import sys
from pathlib import Path
from nas.search.workers.crew import Crew
from nas.search.workers.local import LocalProcesses
from tests.nas.search.workers.trainings import ARCHITECTURE, Epochs
crew = Crew(LocalProcesses(Epochs(Path(sys.argv[1]), 1000, 1000.0), 2))
for number in range(2):
    crew.start(number, ARCHITECTURE, lambda e, a: True)
crew.wait()
"""


def test_no_worker_outlives_a_killed_search(tmp_path):
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path)], cwd=ROOT)
    while len(list(tmp_path.glob("pid-*"))) < 2:
        assert driver.poll() is None
        time.sleep(0.01)
    pids = worker_pids(tmp_path)
    os.kill(pids[0], signal.SIGSTOP)  # one that cannot find out by itself
    driver.kill()
    driver.wait()
    while [pid for pid in pids if alive(pid)]:
        time.sleep(0.01)


def test_what_a_worker_prints_is_kept(tmp_path):
    crew = Crew(LocalProcesses(troubled, 1, tmp_path / "logs"))
    crew.start(1, ARCHITECTURE, always)
    assert crew.wait().accuracy is None
    crew.close()
    assert "MemoryError" in (tmp_path / "logs" / "worker-0.log").read_text()


def test_shares_are_even_and_gpus_go_round():
    assert [share.cores for share in shares(2, [0, 1, 2, 3, 4], [])] == [(0, 1), (2, 3, 4)]
    assert [share.cores for share in shares(3, [0, 7], [])] == [(0,), (0,), (7,)]
    assert shares(1, [4, 5], [])[0].environment["NPROC"] == "2"
    three = [share.environment for share in shares(3, [0, 1, 2], ["0", "GPU-f"])]
    assert [e["CUDA_VISIBLE_DEVICES"] for e in three] == ["0", "GPU-f", "0"]
    assert [e["XLA_PYTHON_CLIENT_MEM_FRACTION"] for e in three] == ["0.450", "0.900", "0.450"]


@pytest.mark.parametrize(
    ("platforms", "found"),
    [(None, ["3"]), ("", ["3"]), ("cuda,cpu", ["3"]), ("gpu", ["3"]), ("cpu", []), ("cpu,tpu", [])],
)
def test_gpus_are_those_that_jax_would_use(monkeypatch, platforms, found):
    monkeypatch.setattr("nas.search.workers.shares.find_spec", lambda _: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    if platforms is not None:
        monkeypatch.setenv("JAX_PLATFORMS", platforms)
    assert own_gpus() == found


def test_epochs_are_counted(tmp_path):
    assert Epochs(tmp_path).train(0, ARCHITECTURE, always).accuracy > 0
    assert len(list((tmp_path / "trial-0").iterdir())) == EPOCHS
