"""`nas zoo`: the published networks by name, their counts beside the published figures."""

from argparse import ArgumentParser, Namespace
from typing import Any

from experiments.commands.command import Command, Result, print_table
from nas.errors import InputError, unknown


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("filter", metavar="TEXT", nargs="?", default="", help="only names that hold this text")


def _run(arguments: Namespace) -> Result:
    from search_spaces.zoo import zoo_names

    names = [name for name in zoo_names() if arguments.filter in name]
    if not names:
        raise InputError(unknown("network", arguments.filter, zoo_names()))
    return {"models": [_model(name) for name in names]}


def _model(name: str) -> dict[str, Any]:
    from search_spaces.zoo import zoo
    from search_spaces.zoo.figures import Published, counted, published

    counts, figures = counted(name), published(name) or Published(None, None, "", "")
    macs = None if figures.macs_m is None else round(figures.macs_m * 1e6)
    return {
        "name": name,
        "resolution": zoo(name).resolution,
        "params": counts.params,
        "statistics": counts.statistics,
        "macs": counts.macs,
        "published_params": figures.params,
        "published_macs": macs,
        "params_difference": None if figures.params is None else counts.params - figures.params,
        "macs_difference": None if macs is None else counts.macs / macs - 1,
        "source": figures.source,
        "note": figures.note,
    }


def _show(result: Result) -> None:
    models = result["models"]
    rows = [
        (
            m["name"],
            m["resolution"],
            m["params"],
            _millions(m["macs"]),
            "" if m["published_macs"] is None else f"{m['published_macs'] / 1e6:g}",
            "" if m["macs_difference"] is None else f"{m['macs_difference']:+.1%}",
            m["source"],
        )
        for m in models
    ]
    print_table(("network", "pixels", "parameters", "M MACs", "published", "differs", "source"), rows)
    notes: dict[str, list[str]] = {}
    for m in models:
        if m["note"]:
            notes.setdefault(m["note"], []).append(m["name"])
    for note, names in notes.items():
        print(f"{', '.join(names)}: {note}")


def _millions(macs: int) -> int | float:
    return round(macs / 1e6) if macs >= 1e9 else macs / 1e6


COMMAND = Command(
    "zoo",
    "list the published networks that can be named wherever an architecture is asked for",
    ("nas zoo", "nas zoo efficientnet", "nas zoo --json"),
    _add_arguments,
    _run,
    _show,
)
