"""What is known of the Edge TPU compiler: which ops it maps, which versions it takes.

Read from the tables in `data/`, whose README says where each fact comes from.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

NEWEST_COMPILER = "16.0"
_NAMES = {"LSTM": "UNIDIRECTIONAL_SEQUENCE_LSTM"}
_EVIDENCE = {
    "A": "a camera vendor's copy of Coral's op table",
    "C": "Coral's release notes",
    "D": "a third-party developer guide",
    "I": "issue threads of google-coral/edgetpu",
    "L": "compiler logs",
    "P": "compiled models",
    "Q": "a quotation of Coral's page",
    "R": "recollection, not documentation",
}


@dataclass(frozen=True)
class SupportedOp:
    """A row of the op table."""

    mapped: bool
    restrictions: str
    evidence: str

    @property
    def source(self) -> str:
        """Where the row comes from, in words."""
        return sources(self.evidence)


@dataclass(frozen=True)
class Versions:
    """What is known of the versions of one op.

    `accepted` maps a version to a model that has it, `logged` to a compiler log that
    implies it, `refused` to the compiler and the thread that reports the refusal.
    """

    accepted: dict[int, str]
    logged: dict[int, str]
    refused: dict[int, tuple[str, str]]


def sources(letters: str) -> str:
    """The sources that evidence letters stand for, remarks in brackets kept.

    >>> sources("C, R (rule)")
    "Coral's release notes; recollection, not documentation (rule)"
    """
    return "; ".join(_EVIDENCE[part.strip()[0]] + part.strip()[1:] for part in letters.split(","))


@lru_cache(maxsize=1)
def supported_ops() -> dict[str, SupportedOp]:
    """The op table by TFLite's name of the op."""
    return {
        _NAMES.get(row["tflite_op"], row["tflite_op"]): SupportedOp(
            row["mapped"] == "yes", row["restrictions"], row["evidence"]
        )
        for row in _rows("edgetpu_supported_ops.csv")
    }


@lru_cache(maxsize=1)
def known_versions() -> dict[str, Versions]:
    """What is known of op versions, by TFLite's name of the op."""
    known: dict[str, Versions] = {}

    def of(row: dict[str, str]) -> Versions:
        return known.setdefault(row["op"], Versions({}, {}, {}))

    for row in _rows("edgetpu_accepted_op_versions.csv"):
        of(row).accepted[int(row["version"])] = row["example"]
    for row in _rows("edgetpu_logged_op_versions.csv"):
        of(row).logged[int(row["version"])] = row["where"]
    for row in _rows("edgetpu_rejected_op_versions.csv"):
        version = int(row["rejected_version"].split()[0])
        of(row).refused[version] = (row["compiler"], row["where"])
    return known


@dataclass(frozen=True)
class VersionVerdict:
    """Whether the compiler takes an op of some version, and how that is known.

    `stops` where it is known to refuse the whole file because of it.
    """

    taken: bool
    reason: str
    stops: bool = False


def judge_version(op: str, version: int) -> VersionVerdict:
    """What the tables say of one version of an op.

    Taken where a compiled model has it or one newer, or where nothing speaks against it
    (then the reason says that it is unverified). Not taken where the newest compiler
    refused it or one older, where an older compiler did and nothing shows that a newer
    one takes it, and where it is above everything known to be taken.
    """
    known = known_versions().get(op, Versions({}, {}, {}))
    refusals = {number: found for number, found in known.refused.items() if number <= version}
    final = [number for number, (compiler, _) in refusals.items() if compiler == NEWEST_COMPILER]
    if final:
        return VersionVerdict(False, _refused(version, max(final), known), stops=True)
    if version in known.accepted:
        return VersionVerdict(True, f"version {version} is in a compiled model ({known.accepted[version]})")
    if version in known.logged:
        return VersionVerdict(
            True,
            f"version {version} is unverified: no compiled model at hand has it, "
            f"but a log of compiler {NEWEST_COMPILER} implies it ({known.logged[version]})",
        )
    newest = max([*known.accepted, *known.logged], default=0)
    if version < newest:
        return VersionVerdict(True, f"version {version} is older than {newest}, which the compiler is known to take")
    if refusals:
        return VersionVerdict(False, _refused(version, max(refusals), known), stops=True)
    if newest:
        return VersionVerdict(
            False, f"version {version} is unverified, and newer than {newest}, the newest known to be accepted"
        )
    return VersionVerdict(True, f"version {version} is unverified: no compiled model and no refusal is known")


def in_table(op: str) -> tuple[bool, str]:
    """Whether the tables have an op mapped, whatever its version and what it works on, and why."""
    row = supported_ops().get(op)
    if row is None and op not in known_versions():
        return False, f"is not in the op table ({sources('A')})"
    if row is not None and not row.mapped:
        return False, f"is not mapped: {row.restrictions} ({row.source})"
    return True, f"in the op table ({row.source})" if row else "not in the op table, but in compiled models"


def judge_op(op: str, version: int) -> tuple[bool, str]:
    """Whether the tables have an op of some version mapped, whatever it works on, and why."""
    listed, reason = in_table(op)
    if not listed:
        return False, reason
    judged = judge_version(op, version)
    return judged.taken, f"{reason}; {judged.reason}" if judged.taken else judged.reason


def _refused(version: int, known: int, versions: Versions) -> str:
    compiler, where = versions.refused[known]
    what = f"version {version} stops" if known == version else f"version {version} is newer than {known}, which stops"
    return f"{what} compiler {compiler} ({where})"


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("nas.export").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
