import json
import struct
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event

from nas.architecture import Architecture
from nas.errors import InputError
from nas.train import Dataset, Epoch, Recipe, train
from nas.train.log import Log, Stopwatch

PLAIN = Architecture.parse("input 8x8x1\nstem conv k3 c8\nhead pool\nhead dense c10\n")


class _Stopped(Exception):
    pass


def _events(folder: Path) -> Iterator[Event]:
    """The events in a folder's files, whose records are a length, a check, the content and a check."""
    for file in sorted(folder.glob("events*")):
        data = file.read_bytes()
        place = 0
        while place < len(data):
            (length,) = struct.unpack_from("<Q", data, place)
            yield Event.FromString(data[place + 12 : place + 12 + length])
            place += 16 + length


def test_every_epoch_is_written_once_even_where_the_training_was_stopped(digits: Dataset, tmp_path: Path) -> None:
    def stop(report: Epoch) -> None:
        if report.epoch == 1:
            raise _Stopped

    recipe = Recipe(epochs=3, batch_size=32, warmup_epochs=0)
    with pytest.raises(_Stopped):
        train(PLAIN, digits, recipe, checkpoints=tmp_path / "c", log=tmp_path, progress=stop)
    trained = train(PLAIN, digits, recipe, checkpoints=tmp_path / "c", log=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == [asdict(epoch) for epoch in trained.history]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert lines[0]["learning_rate"] > lines[1]["learning_rate"] > lines[2]["learning_rate"] > 0
    assert all(0 <= line["data_share"] < 1 for line in lines)
    values = {(event.step, v.tag): v.simple_value for event in _events(tmp_path) for v in event.summary.value}
    for epoch in trained.history:
        assert values[epoch.epoch, "training/loss"] == pytest.approx(epoch.loss)
        assert values[epoch.epoch, "validation/accuracy"] == pytest.approx(epoch.validation_accuracy)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file: cannot be written \(.*\); expected room and rights"):
        Log(tmp_path / "file", 0)


def test_the_stopwatch_gives_every_item() -> None:
    watch = Stopwatch(range(3))
    assert list(watch) == [0, 1, 2]
    assert watch.seconds >= 0
