"""The table of measurements: grows line by line, survives a kill, and refuses what cannot be."""

from pathlib import Path

import pytest

from experiments.measurements import FIT, HELD_OUT, Measurements, read_measurements
from nas.architecture import Architecture
from nas.errors import InputError
from nas.latency import Measurement

TEXT = "input 8x8x1; stem conv k3 s2 c{}; head pool; head dense c10"


def network(channels: int) -> Architecture:
    return Architecture.parse(TEXT.format(channels).replace("; ", "\n"))


def table(path: Path) -> Measurements:
    return Measurements(path, "mine", "int8")


def test_add_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "mine.csv"
    kept = table(path)
    kept.add(network(8), Measurement(1.25, 0.01, 40, "board 3"))
    kept.add(network(16), Measurement(2.5), HELD_OUT)
    assert [(row.ms, row.split) for row in read_measurements(path)] == [(1.25, FIT), (2.5, HELD_OUT)]
    assert table(path).rows.keys() == kept.rows.keys()


def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    kept = table(path)
    kept.add(network(8), Measurement(1.0))
    whole = path.read_bytes()
    kept.add(network(16), Measurement(2.0))
    for length in range(len(whole) + 1, path.stat().st_size):
        (tmp_path / "cut.csv").write_bytes(path.read_bytes()[:length])
        again = table(tmp_path / "cut.csv")
        assert [row.ms for row in again.rows.values()] == [1.0]
        assert (tmp_path / "cut.csv").read_bytes() == whole
    again.add(network(16), Measurement(3.0))
    assert [row.ms for row in read_measurements(tmp_path / "cut.csv")] == [1.0, 3.0]


@pytest.mark.parametrize(("device", "precision"), [("other", "int8"), ("mine", "float32")])
def test_measurements_of_another_device_are_not_mixed_in(tmp_path: Path, device: str, precision: str) -> None:
    Measurements(tmp_path / "mine.csv", device, precision).add(network(8), Measurement(1.0))
    with pytest.raises(
        InputError, match=f"holds measurements of {device} as {precision}; expected those of mine as int8"
    ):
        table(tmp_path / "mine.csv")


@pytest.mark.parametrize(
    "content",
    [
        "a letter that lost its last line end",
        "architecture,ms\nmobilenet-v1,3",
        "ms,architecture\n3,mobilenet-v1\n",
        "digest,architecture,ms\n,mobilenet-v1,3",
        "device,digest,architecture,ms,spread,runs,board,precision,split\nmine,,mobilenet-v1,3,,,,int8,fit\n",
    ],
)
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=r"theirs\.csv line 1: has other columns .*; expected digest, .* a new file"):
        table(path)
    assert path.read_text() == content


def test_a_header_that_a_kill_cut_short_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("digest,archit")
    table(tmp_path / "mine.csv").add(network(8), Measurement(1.0))
    assert [row.ms for row in read_measurements(tmp_path / "mine.csv")] == [1.0]


def test_read_measurements_takes_names_files_and_texts(tmp_path: Path) -> None:
    (tmp_path / "own.arch").write_text(network(8).text)
    path = tmp_path / "brought.csv"
    own, text = tmp_path / "own.arch", TEXT.format(16)
    path.write_text(f"architecture,ms\nmobilenet-v1-0.25-128,1\n{own},2\n{text},3\n{text},4\n")
    rows = read_measurements(path)
    assert [row.ms for row in rows] == [1, 2, 4]  # of the same network the last
    assert rows[2].architecture.layers[0].get("channels") == 16


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "",
            "line 1: has no column 'architecture'; expected measurements, a CSV file with the columns architecture, ms",
        ),
        ("architecture,milliseconds\n", "line 1: has no column 'ms'"),
        ("architecture,ms\nmobilenet-v1,0\n", "line 2: ms is '0'; expected milliseconds, a number above 0"),
        (
            "architecture,ms\nmobilenet-v1,1e308\n",
            "ms is '1e308'; expected milliseconds, a number above 0, 10000000 at",
        ),
        ("architecture,ms\nmobilenet-v1,-1\n", "line 2: ms is '-1'"),
        ("architecture,ms\nmobilenet-v1,fast\n", "line 2: ms is 'fast'"),
        ("architecture,ms\nmobilenet-v1,nan\n", "line 2: ms is 'nan'"),
        ("architecture,ms\nmobilenet-v1\n", "line 2: found 1 fields; expected 2, one for each column"),
        ("architecture,ms\nmobilenet-v1,1,5\n", "line 2: found 3 fields; expected 2"),
        ("architecture,ms\n,1\n", "line 2: has no architecture"),
        (
            "architecture,ms\nmobilenet-v1,1\nmobilenet-v11,1\n",
            "line 3: zoo: unknown network 'mobilenet-v11'; did you mean",
        ),
        ("architecture,ms\ninput 8x8x1; stem cnv c8,1\n", "line 2 line 2: unknown block 'cnv'"),
        ("architecture,ms,split\nmobilenet-v1,1,test\n", "line 2: split is 'test'; expected fit or held-out"),
        ('architecture,ms\n"mobilenet-v1,1\n', "brought.csv"),
    ],
)
def test_read_measurements_refuses_in_one_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "brought.csv"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_measurements(path)
    assert said in str(caught.value)


def test_read_measurements_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: cannot be read .No such file"):
        read_measurements(tmp_path / "none.csv")
