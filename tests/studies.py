"""Studies in files, opened as any user of Optuna does, and closed again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optuna.storages import RDBStorage


@contextmanager
def storage_in(folder: Path) -> Iterator[RDBStorage]:
    """That of the study in a folder."""
    storage = RDBStorage(f"sqlite:///{folder / 'study.db'}")
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()
