import json
import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from plotly.offline import get_plotlyjs

from experiments.report import write_report
from nas.errors import InputError

MakeRun = Callable[..., Path]
Data = dict[str, Any]
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
CHARTS = ["front", "progress", "stages", "training", "confusion", "family", "scaling", "layers"]
SECTIONS = ["run", "front", "progress", "winner", "training", "evaluation", "family", "export", "edgetpu"]
LAYERS = "quantization"  # a section that is there where layers were looked at


class Outline(HTMLParser):
    """The page's elements, whether each is closed, and the text that a reader sees."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data + " " * (self.open[-1:] == ["dt"])


def _page(folder: Path) -> str:
    """The page without the chart library, which is not ours to check."""
    page = write_report(folder).read_text(encoding="utf-8")
    library = get_plotlyjs()
    assert page.count(library) == 1
    return page.replace(library, "")


def _seen(page: str) -> str:
    return re.sub(r"\s+", " ", Outline(page).text.replace("\u00a0", " "))


def test_report_is_written_into_the_run_folder_and_nothing_else(finished: Path) -> None:
    before = {path.name for path in finished.iterdir()}
    assert write_report(finished) == finished / "report.html"
    assert {path.name for path in finished.iterdir()} == before | {"report.html"}


def test_report_written_again_is_the_same(finished: Path) -> None:
    first = write_report(finished).read_bytes()
    assert write_report(finished).read_bytes() == first


def test_page_refers_to_nothing_outside_itself(finished: Path) -> None:
    page = _page(finished)
    assert not re.search(r"https?:|//[a-z]", page)
    links = [value for _, attrs in Outline(page).found for key, value in attrs.items() if key in ("src", "href")]
    assert all(link is not None and link.startswith(("#", "data:")) for link in links)
    policies = [a["content"] for _, a in Outline(page).found if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies
    assert str(policies[0]).startswith("default-src 'none';")


def test_page_is_well_formed_and_its_links_lead_somewhere(finished: Path) -> None:
    outline = Outline(_page(finished))
    assert outline.open == []
    ids = [attrs["id"] for _, attrs in outline.found if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {f"#{name}" for name in ids} >= {attrs["href"] for tag, attrs in outline.found if tag == "a"}
    assert any(attrs.get("name") == "viewport" for _, attrs in outline.found)


def test_page_has_its_sections_in_order(finished: Path) -> None:
    sections = [attrs.get("id") for tag, attrs in Outline(_page(finished)).found if tag == "section"]
    assert sections == [*SECTIONS, LAYERS]


def test_page_has_a_figure_for_each_chart(finished: Path) -> None:
    figures = re.findall(r'<script type="application/json" data-chart="chart-(\w+)">(.*?)</script>', _page(finished))
    assert [name for name, _ in figures] == CHARTS
    assert all(json.loads(text)["data"] for _, text in figures)


def test_page_says_what_was_found(finished: Path, metrics: Data) -> None:
    seen = _seen(_page(finished))
    for said in ("98.33 %", "98.06 %", "limit 0.4 ms", "Seed 0", "1,167 to train", "A Made-up Processor", "jax 0.10.2"):
        assert said in seen
    for stage in metrics["winner"]["stages"]:
        assert stage["name"] in seen
    for member in metrics["family"]:
        assert member["name"] in seen
    assert "HARD_SWISH" in seen
    assert "not among the supported ops" in seen
    assert "2 of 23 ops not mapped" in seen
    assert seen.count("not trained") >= 6
    assert "This run is not finished" not in seen


def test_page_says_which_milliseconds_are_estimates_and_which_are_measured(finished: Path) -> None:
    page = _page(finished)
    heads = [unescape(head.replace("<br>", " ")) for head in re.findall(r"<th[^>]*>([^/]*?ms.*?)</th>", page)]
    assert len(heads) == 4
    assert heads.count("Latency, ms (estimate)") == 3
    assert heads.count("Latency, ms (measured on this machine)") == 1
    titles = re.findall(r'"text":"(Latency[^"]*)"', page)
    assert titles == ["Latency, ms (estimate)"] * 4
    assert "Latency (estimate)" in page


def test_page_marks_the_winner_on_the_front(finished: Path, metrics: Data) -> None:
    assert f"{metrics['winner']['trial']} (winner)" in _seen(_page(finished))


def test_page_escapes_what_comes_from_files(make_run: MakeRun, rows: list[Data], metrics: Data) -> None:
    for row in rows:
        row |= {"digest": EVIL, "reason": EVIL, "architecture": EVIL}
    evil = _with_every_text(metrics, EVIL)
    evil["winner"]["latency_ms"] = {EVIL: 0.3}
    evil["versions"] = {EVIL: EVIL}
    evil["seconds"] = {EVIL: 1.0}
    folder = make_run(rows, evil, winner=f"how: {json.dumps(EVIL)}", experiment=f"name: {json.dumps(EVIL)}")
    quoted = '"' + EVIL.replace('"', '""') + '"'
    layers = f"place,op,name,snr,lost,weights_snr,helps\n1,{quoted},{quoted},1,1,,{quoted}\n"
    (folder / "layers.csv").write_text(layers, encoding="utf-8")
    page = _page(folder)
    assert "alert(1)</script>" not in page
    assert "<img" not in page
    outline = Outline(page)
    assert outline.open == []
    assert [tag for tag, _ in outline.found].count("script") == len(CHARTS) + 2
    assert not any(key.startswith("on") for _, attrs in outline.found for key in attrs)
    assert EVIL in outline.text
    for _, text in re.findall(r'data-chart="chart-(\w+)">(.*?)</script>', page):
        assert "<script" not in json.dumps(json.loads(text))


def _with_every_text(part: Any, text: str) -> Any:
    if isinstance(part, dict):
        return {key: _with_every_text(value, text) for key, value in part.items()}
    if isinstance(part, list):
        return [_with_every_text(value, text) for value in part]
    return text if isinstance(part, str) else part


def test_page_of_a_run_just_begun_says_what_is_missing(make_run: MakeRun) -> None:
    page = _page(make_run(experiment="name: begun\n"))
    seen = _seen(page)
    assert "This run is not finished. Still missing: the search's trials, the winner," in seen
    assert seen.count("Not there yet:") == 8
    assert "data-chart=" not in page
    assert Outline(page).open == []


def test_page_of_a_run_in_its_search_shows_the_trials(make_run: MakeRun, rows: list[Data]) -> None:
    page = _page(make_run(rows[:30]))
    assert re.findall(r'data-chart="chart-(\w+)"', page) == ["front", "progress"]
    seen = _seen(page)
    assert "Still missing: the winner, the winner's accuracy on the test split, the family, the export." in seen
    assert "Not there yet: the winner, which is known when the search has ended." in seen


def test_page_of_a_run_after_its_search_shows_the_winner(make_run: MakeRun, rows: list[Data], winner_yaml: str) -> None:
    seen = _seen(_page(make_run(rows, winner=winner_yaml)))
    assert "the most accurate of 21" in seen
    assert "stem conv k3 s1 c16" in seen
    assert "Not there yet: the winner's blocks." in seen


@pytest.mark.parametrize("absent", ["winner", "family", "export", "search", "data", "machine", "versions", "seconds"])
def test_page_is_whole_without_any_one_part_of_the_metrics(
    make_run: MakeRun, rows: list[Data], metrics: Data, absent: str
) -> None:
    del metrics[absent]
    assert Outline(_page(make_run(rows, metrics))).open == []


@pytest.mark.parametrize("members", [0, 1])
def test_page_says_why_the_winner_was_not_scaled(
    make_run: MakeRun, rows: list[Data], metrics: Data, members: int
) -> None:
    metrics |= {"family": metrics["family"][:members], "not_scaled": "the winner cannot be scaled to b1: it has no <b>"}
    page = _page(make_run(rows, metrics))
    assert Outline(page).open == []
    seen = _seen(page)
    assert "Some members are left out: the winner cannot be scaled to b1: it has no <b>." in unescape(seen)
    assert "Not there yet: the family" not in seen


def test_page_takes_numbers_that_are_none_or_nan(make_run: MakeRun, rows: list[Data], metrics: Data) -> None:
    metrics["winner"]["history"][0]["train_loss"] = float("nan")
    metrics["winner"]["stages"][0]["latency_ms"] = None
    metrics["export"]["rows"][0] = {"format": "flax"}
    metrics["search"]["limit_ms"] = None
    page = _page(make_run(rows, metrics))
    assert "NaN" not in "".join(re.findall(r'data-chart="[\w-]+">(.*?)</script>', page)).replace("became NaN", "")


def test_report_of_a_folder_that_is_no_run_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run folder"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_report_of_a_broken_run_leaves_the_old_report(finished: Path) -> None:
    old = write_report(finished).read_bytes()
    (finished / "metrics.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError):
        write_report(finished)
    assert (finished / "report.html").read_bytes() == old
