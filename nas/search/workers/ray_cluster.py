"""Workers that are actors of a Ray cluster.

Every node has the same packages installed, and sees the run's folder under the same path.
"""

import logging
import os
import pickle
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any, cast

from nas.errors import InputError
from nas.search.workers.shares import threads
from nas.search.workers.worker import Died, Event, Prepare, Ready, Refused, Reported, Task, Worker, prepared, trained

SECONDS_TO_ANSWER = 10.0  # for the cluster's address
_SHARE = 0.9  # of a GPU's memory, where several workers have it


@dataclass(frozen=True)
class Resources:
    """What a worker has of a node; a GPU may be shared."""

    cpus: float = 1.0
    gpus: float = 0.0

    def fit(self, node: dict[str, float]) -> bool:
        """Whether a node of so much could ever hold a worker."""
        return self.cpus <= node.get("CPU", 0) and self.gpus <= node.get("GPU", 0)

    @property
    def environment(self) -> dict[str, str]:
        """Variables that keep JAX to them."""
        variables = threads(max(1, int(self.cpus)))
        if not self.gpus:
            variables["JAX_PLATFORMS"] = "cpu"
        elif self.gpus < 1:
            variables["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{_SHARE * self.gpus:.3f}"
        return variables


class RayActors:
    """An `Engine` of `count` actors on the cluster at `address`, HOST:PORT.

    Without an address it is the one of RAY_ADDRESS, or else the one that runs on this machine.
    Raises `InputError` where Ray is not installed, the cluster does not answer, or none of its
    nodes could hold a worker.
    """

    def __init__(self, prepare: Prepare, count: int, address: str | None = None, each: Resources | None = None):
        self.capacity = count
        self._each = each or Resources()
        self._prepare = pickle.dumps(prepare)
        self._ray = _ray()
        _join(self._ray, address)
        nodes: list[dict[str, float]] = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if not any(map(self._each.fit, nodes)):
            self.close()
            most = max(nodes, key=lambda node: (node.get("GPU", 0), node.get("CPU", 0)), default={})
            raise InputError(
                f"no node of the Ray cluster has {self._each.cpus:g} cores and {self._each.gpus:g} GPUs for a worker; "
                f"the largest has {most.get('CPU', 0):g} and {most.get('GPU', 0):g}"
            )

    def hire(self) -> "Actor":
        """An actor, which begins as soon as a node has room for it."""
        remote = self._ray.remote(Session).options(
            num_cpus=self._each.cpus,
            num_gpus=self._each.gpus,
            runtime_env={"env_vars": self._each.environment},
        )
        return Actor(self._ray, remote.remote(self._prepare))

    def next_event(self, workers: Sequence[Worker], seconds: float | None) -> tuple[Worker, Event] | None:
        """What one of the actors says next, the death of its node included; None where none does in so many seconds."""
        by_answer = {actor.answer_to_come: actor for actor in cast(Sequence[Actor], workers) if actor.answer_to_come}
        answers, _ = self._ray.wait(list(by_answer), num_returns=1, timeout=seconds)
        if not answers:
            return None
        actor = by_answer[answers[0]]
        return actor, actor.receive()

    def close(self) -> None:
        """Leaves the cluster."""
        self._ray.shutdown()


class Actor:
    """A `Worker`: each call of its session answers with what it says next."""

    def __init__(self, ray: Any, session: Any):
        self._ray, self._session = ray, session
        self.answer_to_come: Any = session.next.remote(None)

    def give(self, task: Task) -> None:
        """Begins the trial."""
        self.answer_to_come = self._session.next.remote(task)

    def answer(self, go_on: bool) -> None:
        """Says whether the trial that reported an epoch is to go on."""
        self.answer_to_come = self._session.next.remote(go_on)

    def receive(self) -> Event:
        """What it says, once it does."""
        answer, self.answer_to_come = self.answer_to_come, None
        try:
            return cast(Event, self._ray.get(answer))
        except self._ray.exceptions.RayError as error:
            said = [line.strip() for line in str(error).splitlines() if line.strip()]
            return Died(f"because {said[0].rstrip('.')}" if said else "")

    def end(self) -> None:
        """Ends it at once, whatever it does; of a node that is gone nothing is left to end."""
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(self._session)


class Session:
    """What an actor is: it trains in a thread, so that a call can return while the training waits for its judge."""

    def __init__(self, prepare: bytes):
        self._prepare = prepare
        self._inbox: SimpleQueue[bool] = SimpleQueue()
        self._outbox: SimpleQueue[Event] = SimpleQueue()

    def next(self, said: Task | bool | None) -> Event:
        """What comes next, told nothing at first, then a trial, or the judge's word on its last epoch."""
        if said is None:
            self._train = prepared(self._prepare)
            return self._train if isinstance(self._train, Refused) else Ready()
        if isinstance(said, Task):
            Thread(target=self._work, args=(said,), daemon=True).start()
        else:
            self._inbox.put(said)
        return self._outbox.get()

    def _work(self, task: Task) -> None:
        def judge(epoch: int, accuracy: float) -> bool:
            self._outbox.put(Reported(epoch, accuracy))
            return self._inbox.get()

        if not isinstance(self._train, Refused):
            self._outbox.put(trained(self._train, task, judge))


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "the package ray is not installed; expected it, as from: pip install 'edgescale[ray]'"
        ) from error
    return ray


def _join(ray: Any, address: str | None) -> None:
    """Raises `InputError` where there is no cluster, or one of another version."""
    if address:
        _require_answer(address)
    try:
        ray.init(address=address or "auto", log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = address or "RAY_ADDRESS or on this machine"
        said = " ".join(str(error).split())[:200]
        raise InputError(f"no Ray cluster can be joined at {where} ({said}); expected one of `ray start`") from error


def _require_answer(address: str) -> None:
    """Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise InputError(f"the Ray cluster at {address} does not answer ({said}); expected HOST:PORT of one") from error
