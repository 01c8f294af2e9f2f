import socket
import threading
from contextlib import closing

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import event

from nas.errors import InputError
from nas.search.storage import server_storage, sqlite_storage, the_study
from tests.mariadb import mariadb
from tests.postgresql import PASSWORD, postgresql

UP = ["maximize"]


@pytest.fixture(scope="module", params=[postgresql, mariadb])
def server(request):
    """A server, or a skipped test."""
    with request.param() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGESCALE_TEST_PASSWORD", PASSWORD)
        yield running


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_a_server_that_is_away_for_a_while_loses_nothing(server):
    with closing(server_storage(server.address)) as storage:
        study = the_study(storage, "away", "one", UP)
        trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
        server.stop()
        threading.Timer(0.3, server.start).start()
        trial.set_user_attr("outcome", "trained")
        study.tell(trial, 0.5)
        assert [(t.value, t.user_attrs) for t in study.get_trials()] == [(0.5, {"outcome": "trained"})]


def test_a_server_that_stays_away_is_one_line_without_the_password(server):
    with closing(server_storage(server.address, patience=0.2)) as storage:
        study = the_study(storage, "gone", "one", UP)
        server.stop()
        try:
            with pytest.raises(
                InputError, match=r"cannot be reached or written any more \(.*(refused|Lost connection).*\); the search"
            ) as said:
                study.ask()
        finally:
            server.start()
        assert str(said.value).startswith(server.address)
        assert PASSWORD not in str(said.value)
        assert study.ask().number == 0  # and can be gone on with


def test_a_result_that_was_kept_but_not_confirmed_is_not_lost(server, monkeypatch):
    with closing(server_storage(server.address)) as storage:
        study = the_study(storage, "confirmed", "one", UP)
        trial, commit, lost = study.ask(), storage.scoped_session.session_factory.class_.commit, []

        def cut(session):
            commit(session)
            if not lost:
                lost.append(True)
                raise optuna.storages._rdb.storage.sqlalchemy_exc.OperationalError(
                    "COMMIT", {}, OSError("connection lost")
                )

        monkeypatch.setattr(storage.scoped_session.session_factory.class_, "commit", cut)
        storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [0.5])
        assert lost
        assert study.get_trials()[0].value == 0.5


def test_searches_of_a_study_take_turns(server):
    one, two = server_storage(server.address), server_storage(server.address)
    with closing(one), closing(two):
        order, waits = [], threading.Event()

        def after():
            waits.set()
            with two.turn("a study"):
                order.append("two")

        with one.turn("a study"):
            other = threading.Thread(target=after)
            other.start()
            waits.wait()
            other.join(0.2)
            order.append("one")
        other.join()
        assert order == ["one", "two"]


def test_an_address_that_does_not_answer_is_refused(monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("PASSWORD", "secret")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"postgresql+psycopg://me:${{PASSWORD}}@127.0.0.1:{taken.getsockname()[1]}/x"
        with pytest.raises(InputError, match=r"does not answer or cannot be used \(.*refused\)") as said:
            server_storage(address)
    assert "secret" not in str(said.value)


def test_a_wrong_password_is_refused_and_not_shown(server, monkeypatch):
    monkeypatch.setenv("EDGESCALE_TEST_PASSWORD", "secret")
    with pytest.raises(
        InputError, match=r"password authentication failed for user \"me\"|Access denied for user 'me'"
    ) as said:
        server_storage(server.address)
    assert "secret" not in str(said.value)


@pytest.mark.parametrize("held", ["sqlite:///x", "x"])
def test_what_the_environment_holds_is_checked(monkeypatch, held):
    monkeypatch.setenv("ADDRESS", held)
    with pytest.raises(InputError, match="ADDRESS}: stands for no address of a database"):
        server_storage("${ADDRESS}")


def test_a_missing_package_is_named():
    with pytest.raises(InputError, match=r"the package for mysql\+mysqldb is not installed; .*'edgescale\[mysql\]'"):
        server_storage("mysql+mysqldb://localhost/x")


def test_a_study_of_another_experiment_is_refused(tmp_path):
    with closing(sqlite_storage(tmp_path / "study.db")) as storage:
        the_study(storage, "mine", "one", UP)
        assert the_study(storage, "mine", "one", UP).study_name == "mine"
        with pytest.raises(InputError, match=r"study.db: the study 'mine' there was made by another experiment"):
            the_study(storage, "mine", "two", UP)


def test_a_full_disk_is_one_line(tmp_path):
    with closing(sqlite_storage(tmp_path / "study.db", patience=0.0)) as storage:
        trial = the_study(storage, "mine", "one", UP).ask()
        storage.close()

        @event.listens_for(storage.engine, "connect")
        def fill(connection, _record):
            connection.execute("PRAGMA max_page_count=1")  # which stands for as many as there are

        def go_on():
            for number in range(100):
                trial.set_user_attr(f"large {number}", "x" * 1000)

        with pytest.raises(InputError, match=r"study.db: .* \(database or disk is full\); the search goes on from"):
            go_on()
