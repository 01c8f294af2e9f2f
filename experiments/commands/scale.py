"""`nas scale`: a family from one network by compound scaling."""

from argparse import ArgumentParser, Namespace

from experiments.commands.command import Command, Result, print_table


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("arch", metavar="ARCH", help="a name of `nas zoo`, an architecture's file, or a run's folder")
    parser.add_argument(
        "--to", metavar="MEMBERS", default="b0..b7", help="members as b0..b7 or b0,b3 (default: b0..b7)"
    )
    parser.add_argument("--device", metavar="D", default="edgetpu-usb", help="device whose latency is shown")


def _run(arguments: Namespace) -> Result:
    from experiments.architectures import load_architecture
    from nas.latency import load_device
    from nas.trace import trace
    from scaling import family, parse_members

    device = load_device(arguments.device)
    names = parse_members(arguments.to)
    name, architecture, origin = load_architecture(arguments.arch)
    members = []
    for member in family(architecture, names):
        traced = trace(member.architecture, f"{origin} as {member.name}")
        members.append(
            {
                "name": member.name,
                "params": traced.params,
                "macs": traced.macs,
                "resolution": member.architecture.resolution,
                "width": member.width,
                "depth": member.depth,
                "latency_ms": {device.name: device.latency(traced).ms},
                "architecture": member.architecture.text,
            }
        )
    return {"baseline": name, "device": device.name, "evidence": device.evidence, "members": members}


def _show(result: Result) -> None:
    device = result["device"]
    rows = [
        (m["name"], m["resolution"], m["width"], m["depth"], m["params"], m["macs"] / 1e6, m["latency_ms"][device])
        for m in result["members"]
    ]
    columns = ("member", "resolution", "width", "depth", "parameters", "M MACs", f"{device} ms ({result['evidence']})")
    print_table(columns, rows, title=f"{result['baseline']}, scaled")


COMMAND = Command(
    "scale",
    "scale a network to an EfficientNet-style family",
    ("nas scale efficientnet-b0 --to b0..b7", "nas scale runs/quickstart/winner.yaml --to b0,b2,b4 --json"),
    _add_arguments,
    _run,
    _show,
)
