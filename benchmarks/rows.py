"""Tables with a line for each network, measured one network a process: what one leaves in memory ends with it.

Lines that a table has already are kept, so that a script that was stopped goes on where it was.
"""

import os
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from zoo_networks import FAMILIES

from nas.files import write_text
from search_spaces.zoo import zoo_names

# glibc gives back at once what is freed: large networks leave no room for what one conversion has left to the next.
THRIFTY = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "100000"}


def arguments(about: str, out: Path) -> Namespace:
    """What the script was called with; `networks` are names."""
    parser = ArgumentParser(description=about, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help="names of `nas zoo`, or all (default: one of each family)")
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--again", action="store_true", help="measure again what the table has")
    parser.add_argument("--line", metavar="NETWORK", help="print the line of one network, and write nothing")
    found = parser.parse_args()
    found.networks = list(zoo_names()) if found.networks == ["all"] else found.networks or list(FAMILIES)
    return found


def fill(script: str, chosen: Namespace, columns: int, document: Callable[[Sequence[str]], str]) -> None:
    """Writes the table after every line; exits with 1 where a network could not be measured."""
    lines = {} if chosen.again else read_lines(chosen.out, columns)
    failed = []
    for name in chosen.networks:
        if name in lines:
            continue
        begin = time.monotonic()
        line = _measured(script, name)
        if line is None:
            failed.append(name)
            continue
        lines[name] = line
        print(f"{line} ({time.monotonic() - begin:.0f} s)", flush=True)
        write_text(chosen.out, document([lines[each] for each in _in_order(lines)]))
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


def read_lines(table: Path, columns: int) -> dict[str, str]:
    """A table's lines by network; none of a table with other columns."""
    lines = table.read_text(encoding="utf-8").splitlines() if table.is_file() else []
    rows = [(line, line.strip("|").split("|")) for line in lines if line.startswith("| ")]
    return {cells[0].strip(): line for line, cells in rows[1:] if len(cells) == columns}


def _measured(script: str, name: str) -> str | None:
    command = [sys.executable, script, "--line", name]
    done = subprocess.run(command, env={**os.environ, **THRIFTY}, stdout=subprocess.PIPE, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if line.startswith(f"| {name} |")]
    return found[-1] if found and done.returncode == 0 else None


def _in_order(names: Iterable[str]) -> list[str]:
    """One of each family first, then the others by name."""
    return sorted(names, key=lambda name: (FAMILIES.index(name) if name in FAMILIES else len(FAMILIES), name))
