"""A search in a process that can be killed, and quickly started again.

`python -m tests.nas.search.workers.killed` loads all that a search needs, and then forks a
search for each line that it reads, a JSON list of the study's name, the storage, a folder, and the
numbers of workers and of architectures. It answers with the process's number; asked for that, it
answers with the exit code when the process has ended.
"""

import json
import os
import sys
import traceback
import warnings
from contextlib import closing
from pathlib import Path

import optuna

from nas.search import company, storage
from nas.search.budget import Budget
from nas.search.company import Shared
from nas.search.facts import Limits
from nas.search.storage import server_storage, sqlite_storage, the_study
from nas.search.workers.crew import Crew
from nas.search.workers.local import LocalProcesses
from tests.nas.search.assembled import DEVICE, SPACE, assemble, every, milliseconds
from tests.nas.search.workers.trainings import Epochs

storage.HEARTBEAT, storage.GRACE, company.HEARTBEAT = 1, 2, 0.5  # seconds, so that a dead search is found soon
LIMITS = Limits((DEVICE,), {DEVICE.name: 0.48})


def search(name, storage, folder, workers, architectures):
    """Searches from where an earlier start in the folder was killed; the study is in a server's database, or there."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = _study(name, storage, folder / "study.db")
    crew = Crew(LocalProcesses(Epochs(folder, seconds=0.01), workers), deaths=1000)
    made = assemble(study, LIMITS, crew, Budget(architectures), space=SPACE, sampler="tpe", seed=5)
    if storage:
        made.company = Shared(study, str(folder))
    list(made.run())


def _study(name, storage, file):
    """The study, in a file made whole before it gets its name, as by `nas run`."""
    if not storage and not file.exists():
        beside = file.with_name("made")
        beside.unlink(missing_ok=True)
        with closing(sqlite_storage(beside)) as kept:
            the_study(kept, name, "this test", ["maximize"])
        beside.replace(file)
    return the_study(server_storage(storage) if storage else sqlite_storage(file), name, "this test", ["maximize"])


def _forked(name, storage, folder, *settings):
    if (pid := os.fork()) != 0:
        return pid
    try:
        search(name, storage, Path(folder), *settings)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def main():
    """Serves until its input ends."""
    for architecture in every():
        milliseconds(architecture)
    warnings.simplefilter("ignore", RuntimeWarning)  # JAX warns of forks; it has begun nothing yet
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if isinstance(asked, int):
            print(os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1]), flush=True)
        else:
            print(_forked(*asked), flush=True)


if __name__ == "__main__":
    main()
