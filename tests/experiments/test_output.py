"""What is printed for people has names as they are, whatever brackets and colons they hold."""

import pytest

from experiments.commands.command import print_table
from experiments.progress import RunProgress

NAMES = ["cat [edited].jpg", "[/x]", "[bold]", "a:cat:.png", "end\\"]


@pytest.mark.parametrize("name", NAMES)
def test_tables_show_names_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_table((f"column {name}", "n"), [(f"cell {name}", 1)], title=f"title {name}")
    shown = capsys.readouterr().out
    assert all(f"{place} {name}" in shown for place in ("column", "cell", "title"))


@pytest.mark.parametrize("name", NAMES)
def test_progress_shows_names_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with RunProgress(3) as progress, progress.task(name, 1) as task:
        progress.stage(f"data: {name}", done=True)
        progress.say(f"said of {name}")
        task.update(1, f"note {name}")
    first, said, counted = capsys.readouterr().err.splitlines()
    assert first == f"[1/3] data: {name} (done before)"
    assert said == f"      said of {name}"
    assert counted == f"      {name} 1/1 note {name}"


@pytest.mark.parametrize("name", NAMES)
def test_bars_show_names_as_they_are(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    with RunProgress(1) as progress, progress.task(name, 2):
        pass
    assert f"      {name} " in capsys.readouterr().err
