from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.report.folder import read_run
from nas.errors import InputError

Data = dict[str, Any]
MakeRun = Callable[..., Path]
EVERYTHING = (
    "the search's trials",
    "the winner",
    "the winner's accuracy on the test split",
    "the family",
    "the export",
)


def test_run_that_has_ended_misses_nothing(finished: Path) -> None:
    run = read_run(finished)
    assert run.missing == ()
    assert (run.name, run.device, run.setup.limit_ms) == ("quickstart", "edgetpu-usb", 0.4)
    assert run.test_accuracy == 0.98333
    assert run.latency_ms == run.metrics.latency_ms


def test_run_just_begun_misses_everything_but_knows_its_plan(make_run: MakeRun) -> None:
    run = read_run(make_run(experiment="name: begun\nseed: 3\nsearch: {sampler: random, limits: {edgetpu-usb: 2.5}}\n"))
    assert run.missing == EVERYTHING
    assert (run.name, run.metrics.seed) == ("begun", 3)
    assert (run.setup.sampler, run.device, run.setup.limit_ms) == ("random", "edgetpu-usb", 2.5)


def test_run_in_its_search_has_trials_and_no_winner(make_run: MakeRun, rows: list[Data]) -> None:
    run = read_run(make_run(rows[:20]))
    assert run.missing == EVERYTHING[1:]
    assert run.tally.trials == 20
    assert (run.name, run.winner, run.device, run.latency_ms) == ("a-run", None, "", None)


def test_run_after_its_search_has_the_winner_of_winner_yaml(
    make_run: MakeRun, rows: list[Data], winner_yaml: str
) -> None:
    run = read_run(make_run(rows, winner=winner_yaml))
    assert run.missing == EVERYTHING[2:]
    assert run.winner is not None
    assert run.winner.how == "the most accurate of 21"
    assert run.device == "edgetpu-usb"
    assert run.latency_ms == run.winner.latency_ms["edgetpu-usb"]


def test_run_takes_only_the_reason_from_winner_yaml_once_there_are_metrics(
    make_run: MakeRun, rows: list[Data], metrics: Data, winner_yaml: str
) -> None:
    run = read_run(make_run(rows, metrics, winner=winner_yaml))
    assert run.winner is not None
    assert run.winner.how == "the most accurate of 21"
    assert len(run.winner.stages) == 8


@pytest.mark.parametrize(("absent", "missing"), [("family", ("the family",)), ("export", ("the export",))])
def test_run_without_a_part_of_its_metrics_misses_that(
    make_run: MakeRun, rows: list[Data], metrics: Data, absent: str, missing: tuple[str, ...]
) -> None:
    del metrics[absent]
    assert read_run(make_run(rows, metrics)).missing == missing


def test_run_whose_winner_cannot_be_scaled_misses_nothing(make_run: MakeRun, rows: list[Data], metrics: Data) -> None:
    run = read_run(make_run(rows, {**metrics, "family": [], "not_scaled": "the winner cannot be scaled to b1: why"}))
    assert run.missing == ()
    assert run.metrics.not_scaled == "the winner cannot be scaled to b1: why"


def test_run_without_a_table_of_trials_shows_the_counts_of_its_metrics(make_run: MakeRun, metrics: Data) -> None:
    run = read_run(make_run(metrics=metrics))
    assert run.tally.trials == 45
    assert run.missing == ("the search's trials",)


def test_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="is no run folder; expected one that holds experiment"):
        read_run(tmp_path)


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: is no folder; expected the folder of a run"):
        read_run(tmp_path / "nowhere")


def test_folder_that_is_a_file_is_refused(finished: Path) -> None:
    with pytest.raises(InputError, match=r"metrics\.json: is no folder"):
        read_run(finished / "metrics.json")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("metrics.json", b'{"experiment": "q', "metrics.json line 1: is no JSON"),
        ("metrics.json", b"", "metrics.json line 1: is no JSON"),
        ("metrics.json", b"[1]", "metrics.json: found [1]; expected a section with keys such as experiment"),
        ("metrics.json", b"\xff\xfe", "metrics.json: cannot be read (is no UTF-8 text at byte 0)"),
        (
            "metrics.json",
            b'{"search": {"limit_ms": "fast"}}',
            "search.limit_ms: found 'fast'; expected a number or null",
        ),
        ("metrics.json", b'{"family": [{"name": "b0"}, {}]}', "family.1.name: is missing; expected text"),
        ("winner.yaml", b"trial: [1\nparams: }", "winner.yaml: is no YAML ("),
        ("winner.yaml", b"!!python/object:os.system {}", "winner.yaml: is no YAML (could not determine"),
        ("winner.yaml", b"params: many", "winner.yaml: params: found 'many'; "),
        ("layers.csv", b"place,op\n1,CONV_2D\n", "layers.csv line 1: has no column 'name'"),
        (
            "layers.csv",
            b"place,op,name,snr,lost,weights_snr,helps\n1,CONV_2D,a,nan,0,,\n",
            "layers.csv line 2: snr is 'nan'; expected a finite number",
        ),
        (
            "layers.csv",
            b"place,op,name,snr,lost,weights_snr,helps\n1\n",
            "layers.csv line 2: found 1 fields; expected 7",
        ),
        (
            "experiment.yaml",
            b"",
            "experiment.yaml: found nothing; expected a section with keys such as name, seed, data",
        ),
        ("experiment.yaml", b"search: {limits: 4}", "experiment.yaml: search.limits: found 4; "),
    ],
)
def test_broken_file_is_refused_in_one_line(finished: Path, name: str, content: bytes, said: str) -> None:
    (finished / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        read_run(finished)
    assert said in str(error.value)
    assert str(finished / name) in str(error.value)
    assert "\n" not in str(error.value)
