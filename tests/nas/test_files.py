"""Places to write to, found out before the work."""

from pathlib import Path

import pytest

from nas.errors import InputError
from nas.files import require_place


@pytest.mark.parametrize("path", ["file/model.tflite", "file/below/model.tflite", "folder"])
def test_a_place_that_cannot_be_written_to_is_refused_in_one_line(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"cannot be written \(.*\); expected a place to write to") as caught:
        require_place(tmp_path / path)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "kept"


def test_a_place_is_made_where_it_can_be(tmp_path: Path) -> None:
    require_place(tmp_path / "new" / "model.tflite")
    require_place(tmp_path / "new", folder=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["new"]
