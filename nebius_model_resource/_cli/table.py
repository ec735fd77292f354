"""Models as text for people, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone

from nebius_model_resource._api.redact import harmless
from nebius_model_resource._lifecycle.lookups import CustomModelInfo

_HEADINGS = ("NAME", "STATUS", "AGE", "SOURCE", "DESCRIPTION")
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
_UNTOLD = "-"  # what the service does not tell


def age(created_at: int | None, now: float) -> str:
    """How long ago a Unix time was, in the largest unit that fits: ``3 d``, ``5 h``, ``12 min``, ``40 s``."""
    if created_at is None:
        return _UNTOLD
    seconds = max(0, int(now) - created_at)
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def table(models: Sequence[CustomModelInfo], now: float, notes: Sequence[str] = ()) -> str:
    """One line a model under a line of headings; a column of notes where there is one."""
    rows = [_row(model, now) for model in models]
    headings: tuple[str, ...] = _HEADINGS
    if any(notes):
        headings = (*_HEADINGS, "NOTE")
        rows = [(*row, note or _UNTOLD) for row, note in zip(rows, notes, strict=True)]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (headings, *rows)
    ]
    return "\n".join(lines)


def _row(model: CustomModelInfo, now: float) -> tuple[str, ...]:
    cells = (
        model.generated_name,
        model.status,
        age(model.created_at, now),
        model.source,
        model.description,
    )
    # Whoever may make a model chooses these texts: none may steer the reader's terminal.
    return tuple(harmless(cell or "") or _UNTOLD for cell in cells)


def details(model: CustomModelInfo, now: float) -> str:
    """All that the service tells of one model, a line each."""
    lines = {
        "generated name": model.generated_name,
        "name": model.name,
        "base model": model.base_model,
        "source": model.source,
        "description": model.description,
        "status": model.status,
        "status reason": model.status_reason,
        "created": _moment(model.created_at, now),
    }
    return "\n".join(f"{name + ':':16}{harmless(text or '') or _UNTOLD}" for name, text in lines.items())


def _moment(created_at: int | None, now: float) -> str | None:
    if created_at is None:
        return None
    try:
        moment = datetime.fromtimestamp(created_at, tz=timezone.utc)
    except (OverflowError, OSError, ValueError):  # a number that is no time
        return str(created_at)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC ({age(created_at, now)} ago)"


def as_json(models: Sequence[CustomModelInfo] | CustomModelInfo) -> str:
    """The fields of :class:`CustomModelInfo` by their names; a list for a list."""
    if isinstance(models, CustomModelInfo):
        return json.dumps(asdict(models), indent=2)
    return json.dumps([asdict(model) for model in models], indent=2)
