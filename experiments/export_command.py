"""`nas export` at work: one network, written in one format."""

import sys
from pathlib import Path
from typing import Any

from experiments.architectures import is_folder
from experiments.export_deployable import Wish, made_deployable
from experiments.export_source import THERE, Moved, Source, find_source, require_pictures
from experiments.sections.export import Export
from experiments.stages.export import calibration_pictures, card_of
from experiments.training import settings
from nas.errors import InputError, one_line
from nas.export.folder import size_of
from nas.export.formats import Format, Job, export, format_of
from nas.export.labels import NAME as LABELS
from nas.export.quantization.method import PLAIN, Method
from nas.export.tflite import FOR_EDGETPU
from nas.files import require_place, write_text


def export_model(
    source: str,
    format: str | None,
    out: Path,
    author: str = "",
    license: str = "",
    wish: Wish | None = None,
    method: Method | None = None,
    moved: Moved = THERE,
) -> dict[str, Any]:
    """Writes `source` to `out`, with a `wish` as the Edge TPU maps it; what `nas export --json` prints.

    Without a `format` the one that `out` ends as. Raises `InputError` for a source that is neither a
    finished run, a checkpoint nor an architecture, or has no pictures for a format that needs some,
    for a `method` of a format that has none, and for a file that cannot be written.
    """
    whose = {"author": author, "license": license}
    settings({(key,): (f"--{key} {one_line(said)}", said) for key, said in whose.items()}, (), Export, "nas export")
    form = format_of(out, format)
    if method is not None and form.name not in FOR_EDGETPU:
        raise InputError(f"--quantization: is of {' and '.join(FOR_EDGETPU)}; expected one of them for --format")
    _require_place(out, form)
    chosen, changes = find_source(source, form.calibrates, moved), list[str]()
    if wish is not None:
        chosen, changes = made_deployable(chosen, wish)
        chosen = chosen._replace(grid=None) if changes else chosen
    rounds = chosen.grid is not None and form.name in FOR_EDGETPU
    if rounds and method not in (None, PLAIN):
        raise InputError(f"--quantization: found {method}; expected none, as {source} was trained with its steps")
    if form.calibrates and not rounds:
        require_pictures(source, chosen)
    card = card_of(chosen.name, chosen.architecture, chosen.classes, author, license, chosen.trained)
    calibration = _calibration(chosen) if form.calibrates and not rounds else []
    shape = (1, *chosen.pictures.shape[1:])
    export(Job(chosen.network, shape, card, calibration, method or PLAIN, chosen.grid), form.name, out)
    _write_labels(out, chosen.classes)
    found = {"file": str(out), "format": form.name, "bytes": size_of(out), **_verdict(out, form)}
    if form.calibrates and not rounds:
        found["calibration"] = {"pictures": len(calibration), "seed": chosen.seed, "method": str(method or PLAIN)}
    return found if wish is None else {**found, "changes": changes}


def _calibration(source: Source) -> list[Any]:
    return calibration_pictures(source.pictures, source.calibration_images, source.seed)


def _verdict(out: Path, form: Format) -> dict[str, Any]:
    """What the Edge TPU would take of a TFLite file; it reads no other."""
    if not form.lite:
        return {"edgetpu": None, "reasons": []}
    from nas.export.edgetpu import check

    verdict = check(out)
    reasons = [f"{op.op}: {op.reason}" for op in verdict.ops if not op.mapped]
    return {"edgetpu": verdict.edgetpu, "reasons": reasons}


def _write_labels(out: Path, classes: tuple[str, ...]) -> None:
    """The classes' names beside the model, for programs that read no metadata; other names there are kept."""
    file, text = out.with_name(LABELS), "".join(f"{name}\n" for name in classes)
    if not classes or (file.exists() and file.read_text(encoding="utf-8-sig", errors="replace") == text):
        return
    if file.exists():
        print(f"nas export: {file} has other names and is left as it is", file=sys.stderr)
        return
    write_text(file, text)


def _require_place(out: Path, form: Format) -> None:
    """Finds out before the work, which may take minutes, whether its result can be written."""
    if is_folder(str(out)) and not form.mark:
        raise InputError(f"{out}: is a folder; expected a file to write, such as {out / f'model{form.suffix}'}")
    require_place(out, folder=bool(form.mark))
