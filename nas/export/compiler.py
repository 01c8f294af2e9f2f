"""Google's `edgetpu_compiler`, where it is installed: the one verdict that is no prediction.

Its report has the same words in versions 2.1, 15 and 16; they are quoted in
google-coral/edgetpu#60 and #427 (reports), #512 (a failure) and #631 (an op's version).
"""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nas.errors import InputError, one_line
from nas.files import write_bytes

PROGRAM = "edgetpu_compiler"
SECONDS = 300  # it stops by itself after 180
MAPPED = "Mapped to Edge TPU"
_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_VERSION = re.compile(r"Edge TPU Compiler version (\S+)")
_CACHED = re.compile(r"On-chip memory used for caching model parameters: ([\d.]+)(B|KiB|MiB|GiB)")
_STREAMED = re.compile(r"Off-chip memory used for streaming uncached model parameters: ([\d.]+)(B|KiB|MiB|GiB)")
_ROW = re.compile(r"^([A-Za-z][\w-]*)\s+(\d+)\s+(\S.*?)\s*$")
_FAILURE = re.compile(r"^(ERROR: |Compilation failed: |Invalid model: |Internal compiler error|Model not quantized)")


@dataclass(frozen=True)
class LoggedOp:
    """One line of the compiler's table: so many operators of a kind, and what became of them."""

    op: str
    count: int
    status: str


@dataclass(frozen=True)
class Compiled:
    """What the compiler said of one file.

    `cached` and `streamed` are bytes of weights, rounded as the log prints them; None
    where the log does not say. `file` is what it wrote; None where it failed, and
    `failure` says why.
    """

    version: str
    ops: tuple[LoggedOp, ...]
    cached: int | None = None
    streamed: int | None = None
    file: Path | None = None
    failure: str = ""

    @property
    def mapped(self) -> int:
        """Operators that run on the Edge TPU."""
        return sum(op.count for op in self.ops if op.status == MAPPED)

    @property
    def total(self) -> int:
        """All operators."""
        return sum(op.count for op in self.ops)


def find_compiler() -> str | None:
    """Where the compiler is on the PATH, or None."""
    return shutil.which(PROGRAM)


def compile_file(program: str, model: Path) -> Compiled:
    """Compiles a .tflite file; what comes out is kept beside it as NAME_edgetpu.tflite.

    Raises `InputError` where the program cannot be run, does not end, or says nothing known.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [program, "-s", "-o", folder, str(model.absolute())],
                capture_output=True,
                timeout=SECONDS,
                check=False,
                text=True,
                errors="replace",
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(
                f"{program}: cannot be run ({one_line(str(error))}); expected Google's compiler"
            ) from error
        compiled = parse_log(done.stdout + "\n" + done.stderr)
        made = Path(folder) / f"{model.stem}_edgetpu.tflite"
        if done.returncode or not made.is_file():
            reason = compiled.failure or f"it ended with exit code {done.returncode} and no file"
            return Compiled(compiled.version, compiled.ops, failure=reason)
        kept = model.with_name(made.name)
        write_bytes(kept, made.read_bytes())
    return Compiled(compiled.version, compiled.ops, compiled.cached, compiled.streamed, kept)


def parse_log(text: str) -> Compiled:
    """What the compiler prints, with the table that its option -s adds.

    Raises `InputError` for a text in which nothing is known.
    """
    lines = [line.strip() for line in text.splitlines()]
    version = _VERSION.search(text)
    ops = tuple(_ops(lines))
    failures = [line for line in lines if _FAILURE.match(line)]
    if version is None and not ops and not failures:
        found = next((line for line in lines if line), "nothing")
        raise InputError(f"{PROGRAM}: printed '{one_line(found)[:80]}'; expected its version and a table of operators")
    cached, streamed = (_bytes(pattern.search(text)) for pattern in (_CACHED, _STREAMED))
    failure = "; ".join(failures)
    return Compiled(version.group(1) if version else "unknown", ops, cached, streamed, failure=failure)


def _ops(lines: list[str]) -> list[LoggedOp]:
    """The rows below the table's head."""
    heads = [number for number, line in enumerate(lines) if line.split() == ["Operator", "Count", "Status"]]
    rows = (_ROW.match(line) for line in lines[heads[-1] + 1 :]) if heads else ()
    return [LoggedOp(row.group(1), int(row.group(2)), row.group(3)) for row in rows if row]


def _bytes(found: re.Match[str] | None) -> int | None:
    return None if found is None else round(float(found.group(1)) * _UNITS[found.group(2)])
