import os
from pathlib import Path

import pytest

from nas.errors import InputError
from nas.train.room import SIZE, make_room, megabytes


def test_what_was_not_used_for_longest_makes_way(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for age, folder in enumerate([*folders, *folders]):
        folder.mkdir(exist_ok=True)
        (folder / str(age)).write_bytes(bytes(300_000))
        os.utime(folder / str(age), (1000 - age, 1000 - age))
    assert make_room(folders, 1.0) == 2  # to three quarters of a megabyte
    assert sorted(file.name for folder in folders for file in folder.iterdir()) == [".looked", "0", "1"]
    (folders[0] / "large").write_bytes(bytes(2_000_000))
    assert make_room(folders, 1.0) == 0  # looked through today
    os.utime(folders[0] / ".looked", (0, 0))
    assert make_room(folders, 4.0) == 0
    os.utime(folders[0] / ".looked", (0, 0))
    assert make_room(folders, 0) == 3
    assert make_room([tmp_path / "nowhere"], 0) == 0


def test_the_most_that_programs_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGESCALE_CACHE_SIZE", raising=False)
    assert megabytes() == SIZE
    monkeypatch.setenv("EDGESCALE_CACHE_SIZE", "100")
    assert megabytes() == 100
    for said in ("much", "-1", "nan"):
        monkeypatch.setenv("EDGESCALE_CACHE_SIZE", said)
        with pytest.raises(InputError, match=f"EDGESCALE_CACHE_SIZE: found '{said}'; expected megabytes, 0 or more"):
            megabytes()
