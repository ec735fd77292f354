"""Models, files and checkpoints as text for people, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone

from nebius_model_resource._api.files import FileInfo
from nebius_model_resource._api.fine_tuning import Checkpoint
from nebius_model_resource._api.redact import harmless
from nebius_model_resource._contents import in_units
from nebius_model_resource._lifecycle.lookups import CustomModelInfo

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
_EMPTY = "-"


def models_table(models: Sequence[CustomModelInfo], now: float, notes: Sequence[str] = ()) -> str:
    """One line per model; a column of notes if there is at least one."""
    headings = ["NAME", "STATUS", "AGE", "SOURCE", "DESCRIPTION"]
    rows = [
        [model.generated_name, model.status, age(model.created_at, now), model.source, model.description]
        for model in models
    ]
    if any(notes):
        headings.append("NOTE")
        rows = [[*row, note] for row, note in zip(rows, notes, strict=True)]
    return _table(headings, rows)


def files_table(files: Sequence[FileInfo], now: float, notes: Sequence[str]) -> str:
    """One line per file; a column of notes if there is at least one."""
    headings = ["FILE", "SIZE", "AGE", "FILE NAME"]
    rows = [[file.id, _size(file.size), age(file.created_at, now), file.filename] for file in files]
    if any(notes):
        headings.append("NOTE")
        rows = [[*row, note] for row, note in zip(rows, notes, strict=True)]
    return _table(headings, rows)


def _size(size: int | None) -> str:
    return "" if size is None else in_units(size)


def checkpoints_table(checkpoints: Sequence[Checkpoint], now: float) -> str:
    """One line per checkpoint."""
    rows = [
        [
            "" if each.step_number is None else str(each.step_number),
            age(each.created_at, now),
            *(
                f"{each.metrics[loss]:.4g}" if loss in each.metrics else ""
                for loss in ("train_loss", "valid_loss")
            ),
            each.source,
        ]
        for each in checkpoints
    ]
    return _table(["STEP", "AGE", "TRAIN LOSS", "VALID LOSS", "SOURCE"], rows)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str | None]]) -> str:
    lines = [headings, *([_cell(text) for text in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(text: str | None) -> str:
    # Other people choose these texts: they must not control the reader's terminal.
    return harmless(text or "") or _EMPTY


def details(model: CustomModelInfo, now: float) -> str:
    """All fields of one model, one per line."""
    lines = {
        "generated name": model.generated_name,
        "name": model.name,
        "base model": model.base_model,
        "source": model.source,
        "description": model.description,
        "status": model.status,
        "status reason": model.status_reason,
        "created": _date(model.created_at, now),
    }
    return _lines(lines)


def file_details(file: FileInfo, users: Sequence[str], now: float) -> str:
    """All fields of one file, one per line, and the models that use it."""
    return _lines(
        {
            "file": file.id,
            "file name": file.filename,
            "size": _size(file.size),
            "purpose": file.purpose,
            "created": _date(file.created_at, now),
            "source of": ", ".join(users),
        }
    )


def _lines(lines: dict[str, str | None]) -> str:
    return "\n".join(f"{name + ':':16}{_cell(text)}" for name, text in lines.items())


def _date(created_at: int | None, now: float) -> str | None:
    if created_at is None:
        return None
    try:
        date = datetime.fromtimestamp(created_at, tz=timezone.utc)
    except (OverflowError, OSError, ValueError):
        return str(created_at)
    return f"{date:%Y-%m-%d %H:%M:%S} UTC ({age(created_at, now)} ago)"


def age(created_at: int | None, now: float) -> str:
    """The time since a Unix time in the largest unit that fits: ``3 d``, ``5 h``, ``12 min``, ``40 s``."""
    if created_at is None:
        return _EMPTY
    seconds = max(0, int(now) - created_at)
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def as_json(found: CustomModelInfo | Sequence[CustomModelInfo | FileInfo | Checkpoint]) -> str:
    """The fields of one model, or of each object of a list, by their names."""
    if isinstance(found, CustomModelInfo):
        return json.dumps(asdict(found), indent=2)
    return json.dumps([asdict(each) for each in found], indent=2)
