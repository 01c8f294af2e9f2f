import socket
import sys
import time

import pytest

from nas.errors import InputError
from nas.search.trainer import Ended
from nas.search.workers.crew import Crew
from nas.search.workers.ray_cluster import RayActors, Resources
from tests.nas.search.workers.trainings import ARCHITECTURE, Epochs, alive, troubled, worker_pids
from tests.ray_cluster import two_nodes


def always(_epoch, _accuracy):
    return True


# Ray leaves files of its own open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def cluster():
    with two_nodes() as made:
        yield made


@pytest.fixture
def crew(cluster):
    """Makes crews on the cluster, and ends them."""
    made = []

    def make(prepare, count=2, **options):
        made.append(Crew(RayActors(prepare, count, cluster.address), **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_troubles_end_their_trials_alone(crew):
    one = crew(troubled, 1, seconds=3.0)
    ended = []
    for number in (1, 2, 4):
        one.start(number, ARCHITECTURE, always)
        ended.append(one.wait())
    assert ended == [
        Ended(1, None, "MemoryError: RESOURCE_EXHAUSTED: 1 GiB"),
        Ended(2, None, "took longer than the 3 s that a trial may take"),
        Ended(4, 0.5),
    ]


def test_a_dead_nodes_trial_goes_on_on_another_node(crew, cluster, tmp_path):
    heard, dead = [], []

    def judge(number):
        def judged(epoch, _accuracy):
            heard.append((number, epoch))
            if {n for n, _ in heard} == {0, 1} and not dead:
                dead.append(cluster.list_all_nodes()[-1])
                cluster.remove_node(dead[0], allow_graceful=False)
                while all(map(alive, worker_pids(tmp_path))):
                    time.sleep(0.01)
            return True

        return judged

    two = crew(Epochs(tmp_path, epochs=4, seconds=0.2))
    for number in range(2):
        two.start(number, ARCHITECTURE, judge(number))
    ended = sorted([two.wait(), two.wait()], key=lambda e: e.number)
    assert [(e.number, e.reason, e.accuracy is None) for e in ended] == [(0, "", False), (1, "", False)]
    assert len(worker_pids(tmp_path)) == 2  # there is no third node
    assert len({(tmp_path / f"pid-{number}").read_text() for number in range(2)}) == 1
    for number in range(2):
        assert [e for n, e in heard if n == number][-4:] == [1, 2, 3, 4]


def test_what_no_node_can_hold_is_refused(cluster):
    with pytest.raises(
        InputError, match=r"no node of the Ray cluster has 64 cores and 0 GPUs .* the largest has 1 and 0"
    ):
        RayActors(troubled, 1, cluster.address, Resources(cpus=64))


def test_an_address_that_does_not_answer_is_refused():
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'edgescale[ray]'")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(
            InputError, match=r"the Ray cluster at 127.0.0.1:\d+ does not answer \(Connection refused\)"
        ):
            RayActors(troubled, 1, f"127.0.0.1:{taken.getsockname()[1]}")


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"the package ray is not installed; .* pip install 'edgescale\[ray\]'"):
        RayActors(troubled, 1)


def test_a_worker_is_kept_to_its_resources():
    assert Resources(2, 0).environment["NPROC"] == "2"
    assert Resources(2, 0).environment["JAX_PLATFORMS"] == "cpu"
    assert Resources(1, 0.5).environment["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.450"
