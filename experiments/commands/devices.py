"""`nas devices`: which devices there are, what their numbers are, and how far off those have been."""

from argparse import ArgumentParser, Namespace

from experiments.commands.command import Command, Result, print_table


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="DEVICE", nargs="*", help="a device's name or file (default: the built-in ones, and devices/)"
    )


def _run(arguments: Namespace) -> Result:
    from nas.errors import InputError
    from nas.latency import device_names, find_device
    from nas.latency.device import own_device_names

    if arguments.files:
        return {"devices": [_entry(find_device(name)) for name in arguments.files], "unusable": []}
    devices, unusable = [], []
    for name in (*device_names(), *own_device_names()):
        try:
            devices.append(_entry(find_device(name)))
        except InputError as error:  # one file must not hide the others
            unusable.append(str(error))
    return {"devices": devices, "unusable": unusable}


def _entry(device: object) -> Result:
    """What is known of one device; its error is None where the numbers are measurements."""
    from nas.latency.latency import KnownError

    known = getattr(device, "known_error", None)
    error = known if isinstance(known, KnownError) else None
    return {
        "name": getattr(device, "name", ""),
        "kind": getattr(device, "kind", ""),
        "evidence": getattr(device, "evidence", ""),
        "title": getattr(device, "title", ""),
        "known_error": error
        and {"median": error.median, "worst": error.worst, "networks": error.networks, "method": error.method},
    }


def _show(result: Result) -> None:
    rows = [(d["name"], d["kind"], d["evidence"], _error(d["known_error"]), d["title"]) for d in result["devices"]]
    print_table(("device", "kind", "evidence", "known error", "what it is"), rows)
    for message in result["unusable"]:
        print(f"left out: {message}")


def _error(known: Result | None) -> str:
    if known is None:
        return "none: measured"
    return f"median {known['median']:.1%}, worst {known['worst']:.1%} of {known['networks']}"


COMMAND = Command(
    "devices",
    "list the devices that latency is known for, and how",
    ("nas devices", "nas devices devices/litert-process.json --json"),
    _add_arguments,
    _run,
    _show,
)
