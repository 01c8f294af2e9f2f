from collections.abc import Callable
from dataclasses import replace
from math import log10
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from experiments.report.charts.confusion import confusion_chart
from experiments.report.charts.family import family_chart
from experiments.report.charts.figure import log_axis, wants_log
from experiments.report.charts.front import front_chart, front_trials
from experiments.report.charts.layers import SHOWN, layers_chart
from experiments.report.charts.progress import progress_chart
from experiments.report.charts.scaling import scaling_chart
from experiments.report.charts.stages import stages_chart
from experiments.report.charts.training import training_chart
from experiments.report.charts.trial import describe
from experiments.report.folder import Run, read_run
from experiments.report.metrics import Epoch, Evaluation, Member, Stage
from experiments.report.mistakes import most_frequent
from experiments.report.objectives import Member as OnFront
from experiments.report.objectives import ObjectiveFront
from experiments.report.trials import Trial, best_so_far

MakeRun = Callable[..., Path]


@pytest.fixture
def run(finished: Path) -> Run:
    return read_run(finished)


@pytest.fixture
def begun(make_run: MakeRun) -> Run:
    return read_run(make_run(experiment="name: begun\n"))


def _traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def test_front_chart_draws_each_trained_trial_at_its_accuracy_and_latency(run: Run) -> None:
    trained = [trial for trial in run.trials if trial.state == "trained"]
    drawn = _traces(front_chart(run))["trained"]
    assert list(drawn.x) == [trial.latency_ms for trial in trained]
    assert list(drawn.y) == [trial.accuracy for trial in trained]
    assert all(f"Trial {trial.number}:" in text for trial, text in zip(trained, drawn.hovertext, strict=True))


def test_front_chart_draws_the_front_as_a_rising_step(run: Run) -> None:
    drawn = _traces(front_chart(run))["Pareto front"]
    assert list(drawn.x) == sorted(drawn.x)
    assert list(drawn.y) == sorted(drawn.y)
    assert list(drawn.x) == [trial.latency_ms for trial in front_trials(run.trials)]
    assert drawn.line.shape == "hv"


def test_front_chart_marks_the_winner_and_the_limit(run: Run) -> None:
    figure: Any = front_chart(run)
    assert run.winner is not None
    star = _traces(figure)["winner"]
    assert (list(star.x), list(star.y)) == ([run.latency_ms], [run.winner.validation_accuracy])
    (line,) = figure.layout.shapes
    assert (line.x0, line.x1) == (0.4, 0.4)
    (label,) = figure.layout.annotations
    assert label.text == "limit 0.4 ms"
    assert label.x == (log10(0.4) if figure.layout.xaxis.type == "log" else 0.4)


def test_front_chart_shows_untrained_trials_in_a_strip_and_gives_them_no_accuracy(run: Run) -> None:
    traces = _traces(front_chart(run))
    for state in ("infeasible", "failed"):
        others = [trial for trial in run.trials if trial.state == state]
        assert list(traces[state].x) == [trial.latency_ms for trial in others]
        assert set(traces[state].y) == {0}
        assert traces[state].yaxis == "y2"
    assert traces["trained"].yaxis == "y"


def test_front_chart_shows_what_ended_early_at_the_accuracy_it_had_come_to(run: Run) -> None:
    early = Trial(45, "pruned", latency_ms=0.3, accuracies=(0.5, 0.7), reason="behind")
    screened = Trial(46, "screened", latency_ms=0.2)
    traces = _traces(front_chart(replace(run, trials=(*run.trials, early, screened))))
    assert (list(traces["ended early"].x), list(traces["ended early"].y)) == ([0.3], [0.7])
    assert (list(traces["screened"].x), traces["screened"].yaxis) == ([0.2], "y2")
    assert list(traces["Pareto front"].x) == list(_traces(front_chart(run))["Pareto front"].x)


def test_front_chart_of_several_objectives_has_their_front_without_a_line(run: Run) -> None:
    trained = [trial for trial in run.trials if trial.point][:3]
    members = tuple(OnFront(trial.number, trial.digest, (0.9, 1.0, 2.0)) for trial in trained)
    front = ObjectiveFront(("accuracy", "latency", "params"), members)
    drawn = _traces(front_chart(replace(run, front=front)))["Pareto front"]
    assert list(drawn.x) == [trial.latency_ms for trial in trained]
    assert drawn.mode == "markers"


def test_front_chart_needs_a_trial_with_a_latency(begun: Run) -> None:
    assert front_chart(begun) is None
    assert front_chart(replace(begun, trials=(Trial(0, "failed"),))) is None


def test_front_chart_of_infeasible_trials_alone_has_neither_front_nor_winner(run: Run) -> None:
    others = tuple(trial for trial in run.trials if trial.state == "infeasible")
    assert list(_traces(front_chart(replace(run, trials=others)))) == ["infeasible"]


def test_progress_chart_shows_the_best_so_far_to_the_last_trial(run: Run) -> None:
    drawn = _traces(progress_chart(run))["best so far"]
    assert list(zip(drawn.x, drawn.y, strict=True))[:-1] == best_so_far(run.trials)
    assert (drawn.x[-1], drawn.y[-1]) == (44, drawn.y[-2])


def test_progress_chart_gives_each_other_state_a_row(run: Run) -> None:
    figure: Any = progress_chart(run)
    assert list(figure.layout.yaxis2.ticktext) == ["failed", "duplicate", "infeasible"]
    for place, state in enumerate(("failed", "duplicate", "infeasible")):
        drawn = _traces(figure)[state]
        assert list(drawn.x) == [trial.number for trial in run.trials if trial.state == state]
        assert set(drawn.y) == {place}


def test_progress_chart_needs_trials(begun: Run) -> None:
    assert progress_chart(begun) is None


def test_stages_chart_has_a_bar_for_each_block_from_the_top(run: Run) -> None:
    assert run.winner is not None
    figure: Any = stages_chart(run.winner.stages)
    assert list(figure.data[0].x) == [stage.latency_ms for stage in run.winner.stages]
    assert list(figure.layout.yaxis.ticktext) == [stage.name for stage in run.winner.stages]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert "estimate" in figure.layout.xaxis.title.text


def test_stages_chart_needs_a_latency() -> None:
    assert stages_chart([]) is None
    assert stages_chart([Stage(name="stem")]) is None


def test_training_chart_draws_accuracy_and_loss_by_epoch() -> None:
    history = [Epoch(epoch=1, train_loss=2.0, validation_accuracy=0.4), Epoch(epoch=2, train_loss=1.0)]
    figure: Any = training_chart(history)
    accuracy, loss = figure.data
    assert (list(accuracy.x), list(accuracy.y)) == ([1, 2], [0.4, None])
    assert (list(loss.x), list(loss.y)) == ([1, 2], [2.0, 1.0])
    assert training_chart([]) is None


def test_family_chart_gives_accuracy_only_to_trained_members(run: Run) -> None:
    figure: Any = family_chart(run.metrics.family or ())
    accuracy, macs, latency = figure.data
    assert list(accuracy.y) == [0.9833, 0.9861] + [None] * 6
    assert [note.text for note in figure.layout.annotations] == ["not trained"] * 6
    assert [note.x for note in figure.layout.annotations] == list(range(2, 8))
    assert None not in macs.y
    assert None not in latency.y
    assert "estimate" in figure.layout.yaxis3.title.text
    assert family_chart([]) is None


def test_family_chart_of_one_member_is_drawn() -> None:
    figure: Any = family_chart([Member(name="b0", macs=1000, latency_ms=0.0)])
    assert list(figure.layout.xaxis.ticktext) == ["b0"]


def test_scaling_chart_draws_members_and_single_dimensions_from_the_same_start(run: Run) -> None:
    figure: Any = scaling_chart(run.metrics.family or ())
    compound, _, width, _ = figure.data
    assert (compound.name, list(compound.y)) == ("compound", [0.9833, 0.9861])
    assert (width.name, list(width.y)) == ("width alone", [0.9833, 0.9802])
    assert width.x[0] == compound.x[0]
    assert [figure.layout.xaxis.title.text, figure.layout.xaxis2.title.text] == ["MACs", "Latency, ms (estimate)"]


def test_scaling_chart_needs_two_members_with_an_accuracy(run: Run) -> None:
    assert scaling_chart((run.metrics.family or ())[1:8]) is None


def test_charts_escape_what_the_library_would_read_as_markup() -> None:
    trial = Trial(1, "failed", reason="<a href='x'>a</a>", architecture=("<b>input</b>",))
    assert "<a" not in describe(trial)
    assert "<b>" not in describe(trial)
    figure: Any = stages_chart([Stage(name="<i>stem</i>", kind="<u>", latency_ms=1.0)])
    assert "<i" not in figure.to_json().replace("\\u003c", "<")


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        (Trial(4, "trained", accuracy=0.5, latency_ms=0.25), ["Trial 4: 50.00 % validation", "0.250 ms (estimate)"]),
        (Trial(5, "infeasible", reason="too slow"), ["Trial 5: infeasible", "Not trained: too slow"]),
        (Trial(8, "screened", reason="few params"), ["Trial 8: screened", "Not trained: few params"]),
        (Trial(9, "pruned", accuracies=(0.25,)), ["Trial 9: ended early at 25.00", "after epoch 1"]),
        (Trial(6, "duplicate", duplicate_of=2), ["Trial 6: duplicate of trial 2"]),
        (Trial(7, "failed", reason="NaN"), ["Trial 7: failed", "NaN"]),
    ],
)
def test_describe_says_what_became_of_a_trial(trial: Trial, said: list[str]) -> None:
    text = describe(trial).replace("\u00a0", " ")
    assert all(part in text for part in said)
    assert "None" not in text


def test_log_axis_writes_its_ticks_in_full() -> None:
    axis = log_axis([0.15, 1.7])
    assert axis["type"] == "log"
    assert {"0.2", "0.5", "1"} <= set(axis["ticktext"])
    assert [float(text) for text in axis["ticktext"]] == pytest.approx(axis["tickvals"])


def test_log_is_wanted_for_a_wide_range_of_positive_values_only() -> None:
    assert wants_log([0.1, 1.0])
    assert not wants_log([0.3, 0.5])
    assert not wants_log([0.0, 1.0])
    assert not wants_log([])


def test_confusion_shows_every_class_in_the_order_of_the_file(metrics: dict[str, Any]) -> None:
    evaluation = Evaluation.model_validate(metrics["winner"]["evaluation"])
    figure = confusion_chart(evaluation)
    assert figure is not None
    (squares,) = figure.data
    assert list(squares.x) == list(squares.y) == [str(digit) for digit in range(10)]
    assert squares.z[8][1] == pytest.approx(3 / 36)
    assert squares.text[8][1] == "3"
    assert "8 taken for 1" in squares.hovertext[8][1]
    assert confusion_chart(None) is None


def test_most_frequent_mistakes_come_first(metrics: dict[str, Any]) -> None:
    mistakes = most_frequent(Evaluation.model_validate(metrics["winner"]["evaluation"]))
    assert [(m.name, m.answer, m.pictures) for m in mistakes] == [("8", "1", 3), ("9", "5", 2), ("4", "7", 1)]
    assert most_frequent(None) == ()


def test_a_confusion_that_is_no_square_is_refused(metrics: dict[str, Any]) -> None:
    damaged = {**metrics["winner"]["evaluation"], "confusion": [[1, 2]]}
    with pytest.raises(ValidationError, match="confusion is no square"):
        Evaluation.model_validate(damaged)


def test_layers_chart_draws_the_worst_layers_first_and_tells_those_that_can_be_helped(run: Run) -> None:
    drawn = _traces(layers_chart(run.layers))
    assert list(drawn["could be helped"].y) == [0, 1, 2]
    assert sorted([*drawn["could be helped"].y, *drawn["good enough"].y]) == list(range(SHOWN))
    assert list(drawn["could be helped"].x) == [layer.snr for layer in run.layers[:3]]
    assert "weights: quantization-aware training" in drawn["could be helped"].hovertext[0]
    assert layers_chart(()) is None
