from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.report.folder import read_run
from experiments.report.metrics import Export
from experiments.report.summary import facts, machine, tiles, verdict

MakeRun = Callable[..., Path]
OPS = [{"op": "ADD", "count": 3, "mapped": True}, {"op": "HARD_SWISH", "count": 2, "mapped": False}]


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2212", "-")


def test_tiles_show_the_headline_figures(finished: Path) -> None:
    run = read_run(finished)
    shown = {tile.name: (_plain(tile.figure), _plain(tile.aside)) for tile in tiles(run)}
    assert run.winner is not None
    assert shown["Test accuracy"] == (
        "98.33 %",
        "of the winner after epoch 38 of 40, as good as any in validation; in Flax",
    )
    assert shown["int8 test accuracy"] == ("98.06 %", "-0.28 points against Flax")
    assert shown["Latency (estimate)"] == (f"{run.latency_ms:.3f} ms", "limit 0.4 ms on edgetpu-usb")
    assert shown["Parameters"][0] == f"{(run.winner.params or 0) / 1000:.1f} k"
    assert shown["Trials"] == ("45", "21 trained, 18 infeasible, 40 distinct")


def test_tiles_of_a_run_just_begun_are_dashes(make_run: MakeRun) -> None:
    shown = [tile.figure for tile in tiles(read_run(make_run(experiment="name: begun\n")))]
    assert shown == ["\u2013", "\u2013", "\u2013", "\u2013", "0"]


def test_facts_say_what_was_run(finished: Path) -> None:
    shown = {name: _plain(value) for name, value in facts(read_run(finished))}
    assert shown == {
        "Data": "digits, 10 classes",
        "Images": "1,167 to train, 270 to validate, 360 to test; the search never saw the test images",
        "Search": "sampler tpe, device edgetpu-usb, limit 0.4 ms of latency (estimate)",
        "Trials": "45 trials of 40 distinct networks: 21 trained, 18 infeasible, 5 duplicate, 1 failed",
        "Seed": "0",
        "Machine": "A Made-up Processor 3.1 GHz, 2 cores, Linux x86_64",
        "Time taken": "search 2 min 11 s, winner 38.2 s, family 51.0 s, export 14.9 s",
        "Versions": "python 3.11.9, jax 0.10.2, flax 0.12.8, optuna 5.0.0, tensorflow 2.21.0",
    }


def test_facts_leave_out_what_is_not_known(make_run: MakeRun, rows: list[dict[str, Any]]) -> None:
    assert [name for name, _ in facts(read_run(make_run(rows)))] == ["Trials"]
    assert machine(None) == ""


def test_verdict_counts_the_ops_that_are_not_mapped() -> None:
    assert verdict(Export.model_validate({"ops": OPS})) == (False, "2 of 5 ops not mapped")


def test_verdict_is_yes_where_every_op_is_mapped() -> None:
    assert verdict(Export.model_validate({"ops": OPS[:1], "edgetpu": True})) == (True, "all 3 ops mapped")


def test_verdict_is_no_where_the_file_is_refused_for_another_reason() -> None:
    assert not verdict(Export.model_validate({"ops": OPS[:1], "edgetpu": False})).good
