"""Models, files, endpoints, checkpoints and adapters as text for people, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from nebius_model_resource._adapter import Adapter
from nebius_model_resource._contents import in_units
from nebius_model_resource._service.answers import one_line

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
# The columns of a table, and the lines of what is shown of one thing: how to get each value, given the time.
Columns = Mapping[str, Callable[[Any, float], object]]
MODELS: Columns = {
    "NAME": lambda model, _: model.generated_name,
    "STATUS": lambda model, _: model.status,
    "AGE": lambda model, now: age(model.created_at, now),
    "SOURCE": lambda model, _: model.source,
    "DESCRIPTION": lambda model, _: model.description,
}
FILES: Columns = {
    "FILE": lambda file, _: file.id,
    "SIZE": lambda file, _: size(file.size),
    "AGE": lambda file, now: age(file.created_at, now),
    "FILE NAME": lambda file, _: file.filename,
}
ENDPOINTS: Columns = {
    "ROUTING KEY": lambda endpoint, _: endpoint.routing_key,
    "STATUS": lambda endpoint, _: endpoint.status,
    "READY": lambda endpoint, _: endpoint.ready_replicas,
    "AGE": lambda endpoint, now: age(endpoint.created_at, now),
    "MODEL": lambda endpoint, _: endpoint.model_name,
    "GPUS": lambda endpoint, _: f"{endpoint.gpu_count} x {endpoint.gpu_type}",
    "REGION": lambda endpoint, _: endpoint.region,
}
CHECKPOINTS: Columns = {
    "STEP": lambda each, _: each.step_number,
    "AGE": lambda each, now: age(each.created_at, now),
    "TRAIN LOSS": lambda each, _: _rounded(each.metrics.get("train_loss")),
    "VALID LOSS": lambda each, _: _rounded(each.metrics.get("valid_loss")),
    "SOURCE": lambda each, _: each.source,
}


def table(columns: Columns, things: Sequence[Any], now: float, notes: Iterable[str] = ()) -> str:
    """One line per thing, empty without things; a column of notes if there is at least one."""
    if not things:
        return ""
    rows = [[_cell(value(thing, now)) for value in columns.values()] for thing in things]
    headings, notes = list(columns), list(notes)
    if any(notes):
        headings.append("NOTE")
        rows = [[*row, _cell(note)] for row, note in zip(rows, notes, strict=True)]
    lines = [headings, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def details(fields: Mapping[str, object]) -> str:
    """One field per line."""
    return "\n".join(f"{name + ':':16}{_cell(value)}" for name, value in fields.items())


def adapter(read: Adapter) -> str:
    """What is in the adapter of an archive, one field per line."""
    config, files = read.config, read.listing.files
    alpha = f" (alpha {config['lora_alpha']})" if "lora_alpha" in config else ""
    modules = config.get("target_modules")
    dtypes = ", ".join(sorted({tensor.dtype for tensor in read.tensors.values()}))
    fields = {
        "path": read.path,
        "rank": f"{config.get('r', '-')}{alpha}",
        "base model": config.get("base_model_name_or_path"),
        "target modules": ", ".join(sorted(map(str, modules))) if isinstance(modules, list) else modules,
        "tensors": f"{len(read.tensors)} ({dtypes})",
        "files": ", ".join(name for name, _ in files),
        "size": f"{in_units(read.listing.size)} ({read.listing.size} bytes)",
        "sha256": read.sha256,
    }
    return details(fields)


def _cell(value: object) -> str:
    # Other people choose these texts: they must not control the reader's terminal.
    return one_line("" if value is None else str(value)) or "-"


def _rounded(number: float | None) -> str | None:
    return None if number is None else f"{number:.4g}"


def size(size: int | None) -> str | None:
    """A size in the unit that fits."""
    return None if size is None else in_units(size)


def date(created_at: int | None, now: float) -> str | None:
    """A Unix time as a date, and how long ago it was."""
    if created_at is None:
        return None
    moment = datetime.fromtimestamp(created_at, tz=timezone.utc)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC ({age(created_at, now)} ago)"


def age(created_at: int | None, now: float) -> str | None:
    """The time since a Unix time in the largest unit that fits: ``3 d``, ``5 h``, ``12 min``, ``40 s``."""
    if created_at is None:
        return None
    seconds = max(0, int(now) - created_at)
    length, unit = next(((length, unit) for length, unit in _UNITS if seconds >= length), (1, "s"))
    return f"{seconds // length} {unit}"


def as_json(found: Any) -> str:
    """The fields of one thing, or of each thing of a list, by their names."""
    shown = [asdict(each) for each in found] if isinstance(found, (list, tuple)) else asdict(found)
    return json.dumps(shown, indent=2)
