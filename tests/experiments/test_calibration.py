"""Choosing and measuring: nothing that was measured is lost, and what fails says so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from experiments.calibration import chosen, measure_all
from experiments.measurements import FIT, HELD_OUT, Measurements
from nas.architecture import Architecture
from nas.errors import InputError
from nas.latency import Measurement, MeasurementFailed
from nas.latency.measuring import Precision
from search_spaces import SearchSpace

SPACE = SearchSpace.parse(
    "input 8x8x1\nstem conv k{3,5} s2 c{8,16,24,32}\nstage {conv,mbconv} c{8,16}\nhead pool\nhead dense c10"
)


@dataclass
class Board:
    """A stand-in whose measurements are counted, and fail for the files in `broken`."""

    broken: Sequence[str] = ()
    parallel: int = 1
    name: str = "board"
    kind: str = "command"
    title: str = "Board"
    evidence: Literal["measured"] = "measured"
    precision: Precision = "int8"
    asked: list[str] = field(default_factory=list)

    def measure(self, model: Path) -> Measurement:
        self.asked.append(model.name)
        if any(model.name.startswith(digest) for digest in self.broken):
            raise MeasurementFailed(f"board: {model.name} does not run")
        return Measurement(1.0 + len(self.asked))


def run(board: Board, wanted: dict[str, list[Architecture]], folder: Path) -> Measurements:
    table = Measurements(folder / "board.csv", board.name, board.precision)
    list(measure_all(board, wanted, folder, table))
    return table


@pytest.fixture
def wanted() -> dict[str, list[Architecture]]:
    return chosen(SPACE, 12, 4, seed=0)


def test_chosen_are_distinct_and_the_same_for_a_seed(wanted: dict[str, list[Architecture]]) -> None:
    digests = [architecture.digest for architectures in wanted.values() for architecture in architectures]
    assert len(set(digests)) == 16
    assert wanted == chosen(SPACE, 12, 4, seed=0)
    assert wanted[HELD_OUT] != chosen(SPACE, 12, 4, seed=1)[HELD_OUT]


def test_chosen_of_a_space_that_is_too_small() -> None:
    with pytest.raises(InputError, match=r"holds no 30 \+ 4 distinct architectures; found 32"):
        chosen(SPACE, 30, 4, seed=0)


@pytest.mark.parametrize("parallel", [1, 3])
def test_measure_all_measures_each_once(wanted: dict[str, list[Architecture]], tmp_path: Path, parallel: int) -> None:
    board = Board(parallel=parallel)
    table = run(board, wanted, tmp_path)
    assert len(board.asked) == len(set(board.asked)) == 16
    assert [row.split for row in table.rows.values()].count(FIT) == 12
    run(board, wanted, tmp_path)
    assert len(board.asked) == 16


def test_measure_all_goes_on_after_one_that_fails(wanted: dict[str, list[Architecture]], tmp_path: Path) -> None:
    board = Board(broken=[wanted[FIT][3].digest])
    with pytest.raises(MeasurementFailed, match=r"does not run; 1 could not be measured, 15 measurements are in .*csv"):
        run(board, wanted, tmp_path)
    board.broken = ()
    assert len(run(board, wanted, tmp_path).rows) == 16
    assert len(board.asked) == 15 + 2 + 1


def test_measure_all_ends_where_the_first_fails(wanted: dict[str, list[Architecture]], tmp_path: Path) -> None:
    board = Board(broken=[a.digest for a in wanted[FIT]])
    with pytest.raises(MeasurementFailed, match="1 failed in a row, nothing was measured before"):
        run(board, wanted, tmp_path)
    assert len(board.asked) == 1


def test_measure_all_ends_where_all_fail(wanted: dict[str, list[Architecture]], tmp_path: Path) -> None:
    board = Board(broken=[a.digest for a in wanted[FIT][5:]])
    with pytest.raises(MeasurementFailed, match="3 failed in a row, 5 measurements are in"):
        run(board, wanted, tmp_path)
    assert len(board.asked) == 8
