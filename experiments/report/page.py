"""A run folder becomes one HTML page that needs nothing else: no network, no other file."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from experiments.report import numbers
from experiments.report.charts.confusion import confusion_chart
from experiments.report.charts.family import family_chart
from experiments.report.charts.figure import graph_objects
from experiments.report.charts.front import front_chart, front_trials
from experiments.report.charts.layers import SHOWN, layers_chart
from experiments.report.charts.progress import progress_chart
from experiments.report.charts.scaling import scaling_chart
from experiments.report.charts.stages import stages_chart
from experiments.report.charts.training import training_chart
from experiments.report.folder import Run, read_run
from experiments.report.mistakes import most_frequent
from experiments.report.summary import facts, machine, tiles, verdict
from nas.files import write_text

FILTERS = (
    "percent",
    "points",
    "count",
    "short",
    "digits",
    "tiny",
    "plain",
    "milliseconds",
    "size",
    "duration",
    "shape",
)


def write_report(run: Path) -> Path:
    """Writes `report.html` into the run folder, from the files in it alone, and says where it is.

    A run that is still under way gets a report of what there is, which says what is
    missing. Raises `InputError` where `run` is no run folder, one of its files is
    broken, or the page cannot be written.
    """
    page = render(read_run(run))
    path = run / "report.html"
    write_text(path, page)
    return path


def render(run: Run) -> str:
    """The page. Whatever comes from the run's files is escaped."""
    environment = Environment(
        loader=PackageLoader("experiments.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({name: getattr(numbers, name) for name in FILTERS})
    # The library is ours to trust and must not be escaped; a closing tag inside it would end the script early.
    library = Markup(get_plotlyjs().replace("</script", "<\\/script"))
    charts = {name: _embedded(figure) for name, figure in _charts(run).items() if figure is not None}
    template = environment.get_template("page.html")
    return template.render(
        run=run,
        charts=charts,
        tiles=tiles(run),
        facts=facts(run),
        front=front_trials(run.trials),
        machine=machine(run.metrics.machine),
        mistakes=most_frequent(run.winner.evaluation if run.winner else None),
        verdict=verdict(run.metrics.export),
        shown_layers=SHOWN,
        library=library,
    )


def _charts(run: Run) -> dict[str, graph_objects.Figure | None]:
    stages = run.winner.stages if run.winner else ()
    history = run.winner.history if run.winner else ()
    return {
        "front": front_chart(run),
        "progress": progress_chart(run),
        "stages": stages_chart(stages, run.evidence),
        "training": training_chart(history),
        "confusion": confusion_chart(run.winner.evaluation if run.winner else None),
        "family": family_chart(run.metrics.family or (), run.evidence),
        "scaling": scaling_chart(run.metrics.family or (), run.evidence),
        "layers": layers_chart(run.layers),
    }


def _embedded(figure: graph_objects.Figure) -> Markup:
    """A figure as JSON that no text in it can break out of."""
    text = figure.to_json()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
