"""The page in a real browser, where there is one."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.report import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --enable-logging=stderr --v=0 --virtual-time-budget=10000 --dump-dom"
)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")


def _opened(page: Path, profile: Path) -> tuple[str, list[str]]:
    """The page after its scripts have run, and what they wrote to the console."""
    command = [str(BROWSER), *FLAGS.split(), f"--user-data-dir={profile}", page.resolve().as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_browser_draws_every_chart_and_has_nothing_to_complain_of(finished: Path, tmp_path: Path) -> None:
    document, console = _opened(write_report(finished), tmp_path / "profile")
    assert console == []
    assert document.count('class="chart js-plotly-plot"') == 8
    assert "limit 0.4 ms" in document
    assert 'stroke="var(' not in document


def test_browser_opens_a_partial_report_without_a_complaint(
    make_run: Callable[..., Path], rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    document, console = _opened(write_report(make_run(rows[:20])), tmp_path / "profile")
    assert console == []
    assert document.count('class="chart js-plotly-plot"') == 2
