"""`nas zoo`: the published networks by name."""

from argparse import ArgumentParser, Namespace

from experiments.commands.command import Command, Result, print_table
from nas.errors import InputError, unknown


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("filter", metavar="TEXT", nargs="?", default="", help="only names that hold this text")


def _run(arguments: Namespace) -> Result:
    from nas.trace import trace
    from search_spaces.zoo import zoo, zoo_names

    names = [name for name in zoo_names() if arguments.filter in name]
    if not names:
        raise InputError(unknown("network", arguments.filter, zoo_names()))
    models = []
    for name in names:
        architecture = zoo(name)
        traced = trace(architecture, name)
        models.append(
            {"name": name, "params": traced.params, "macs": traced.macs, "resolution": architecture.resolution}
        )
    return {"models": models}


def _show(result: Result) -> None:
    rows = [(m["name"], m["params"], m["macs"] / 1e6, m["resolution"]) for m in result["models"]]
    print_table(("network", "parameters", "M MACs", "resolution"), rows)


COMMAND = Command(
    "zoo",
    "list the published networks that can be named wherever an architecture is asked for",
    ("nas zoo", "nas zoo efficientnet", "nas zoo --json"),
    _add_arguments,
    _run,
    _show,
)
