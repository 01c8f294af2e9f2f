import jax
import pytest

from nas.errors import InputError
from nas.train.hosts import Hosts, first_says, hosts_of_environment, is_first, join_hosts, read_hosts


def test_hosts_are_read_as_a_command_line_spells_them() -> None:
    assert read_hosts("node0:7000,2,1") == Hosts("node0:7000", 2, 1)
    assert read_hosts("[::1]:7000,1,0") == Hosts("[::1]:7000", 1, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("node0", "--hosts: found 'node0'; expected ADDRESS:PORT,COUNT,NUMBER, as in node0:7000,2,0 on the first"),
        ("node0,2,0", "expected ADDRESS:PORT"),
        ("node0:7000,2", "expected ADDRESS:PORT"),
        ("node0:7000,2,2", "found number 2 of 2 hosts; expected them counted from 0"),
        ("node0:7000,0,0", "found number 0 of 0 hosts"),
    ],
)
def test_what_are_no_hosts_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read_hosts(text)
    assert said in str(error.value)


def test_the_environment_may_say_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hosts_of_environment() is None
    monkeypatch.setenv("JAX_PROCESS_ID", "1")
    with pytest.raises(InputError, match="JAX_COORDINATOR_ADDRESS: found nothing beside JAX_PROCESS_ID; expected"):
        hosts_of_environment()
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "localhost:1")
    with pytest.raises(InputError, match="JAX_NUM_PROCESSES: found ''; expected a number"):
        join_hosts()
    monkeypatch.setenv("JAX_NUM_PROCESSES", "2")
    assert hosts_of_environment() == Hosts("localhost:1", 2, 1)


def test_a_host_by_itself_is_the_first() -> None:
    join_hosts()  # nothing says that there are others
    assert not jax.distributed.is_initialized()
    assert is_first()
    assert first_says("so") == "so"
