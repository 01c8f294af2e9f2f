"""Text of users, and places to write to, found out before the work."""

from pathlib import Path

import pytest

from nas.errors import InputError
from nas.files import read_text, require_place


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


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_text_is_read_without_its_byte_order_mark(tmp_path: Path, mark: bytes) -> None:
    (tmp_path / "names.txt").write_bytes(mark + "ä\nb\n".encode())
    assert read_text(tmp_path / "names.txt", "names") == "ä\nb\n"


@pytest.mark.parametrize(
    ("name", "reason"), [("none.txt", "No such file or directory"), ("latin.txt", "is no UTF-8 text at byte 1")]
)
def test_text_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "latin.txt").write_bytes("aä".encode("latin-1"))
    with pytest.raises(InputError) as caught:
        read_text(tmp_path / name, "names", "list ")
    assert str(caught.value) == f"list {tmp_path / name}: cannot be read ({reason}); expected names"
