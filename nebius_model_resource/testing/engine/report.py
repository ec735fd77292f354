"""The closing sections: diagnostics, outputs, the count of changes."""

from __future__ import annotations

from typing import Any

from .rows import Rows
from .wording import Style, diff_lines, done, value_text

_ORDER = [
    "create",
    "update",
    "replace",
    "delete",
    "read",
    "create-replacement",
    "delete-replaced",
    "refresh",
    "discard",
]


def diagnostics(rows: Rows, style: Style) -> list[str]:
    """Every lasting message under its resource; a line that is repeated immediately is shown once."""
    lines: list[str] = []
    for row in rows.by_urn.values():
        body = _messages(row.messages, style)
        if body:
            lines += [f"  {style.bold(f'{row.type} ({row.name}):')}", *body, ""]
    loose = _messages(rows.loose.messages, style)
    if loose:
        lines += [*loose, ""]
    return [style.bold("Diagnostics:"), *lines] if lines else []


def _messages(messages: list[tuple[str, str]], style: Style) -> list[str]:
    lines: list[str] = []
    before = None
    for severity, text in messages:
        if (severity, text) == before:
            continue
        before = (severity, text)
        mark = "" if severity.startswith("info") else f"{severity}: "
        first, *rest = (mark + text).split("\n")
        lines += [
            "    " + (style.error(first) if severity == "error" else first),
            *("    " + line for line in rest),
        ]
    return lines


def outputs(rows: Rows, style: Style) -> list[str]:
    """The stack's outputs, changed ones marked; nothing if a preview changes none."""
    before, after = rows.outputs_before, rows.outputs
    changed = {
        name: "+" if name not in before else "-" if name not in after else "~"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) or (name in before) != (name in after)
    }
    if (rows.kind == "preview" and not changed) or not (before or after) or rows.kind == "refresh":
        return []
    texts = dict(zip(changed, diff_lines(before, after, changed), strict=True))
    lines = []
    for name in sorted(before.keys() | after.keys()):
        if name in texts:
            # On a stack without former outputs every output is new: signs would add nothing.
            sign, text = texts[name][0], texts[name][2:]
            lines.append(f"  {style.sign(_OPS[sign]) if before else '  '}{text}")
        elif rows.kind != "preview":
            lines.append(f"    {name}: {value_text(after[name])}")
    return [style.bold("Outputs:"), *lines, ""]


_OPS = {"+": "create", "~": "update", "-": "delete"}


def summary(kind: str, changes: dict[str, Any], errored: int, style: Style) -> list[str]:
    """`+ 2 created`, `~ 1 updated`, `3 unchanged`, `1 errored`; in a preview `+ 2 to create`."""
    lines = []
    for op in _ORDER:
        if changes.get(op):
            words = f"{changes[op]} to {op}" if kind == "preview" else f"{changes[op]} {done(op)}"
            lines.append(f"    {style.sign(op)}{words}")
    same = changes.get("same", 0)
    total = sum(changes.values()) - same
    if total and same:
        lines.append(f"    {total} change{'s' * (total > 1)}. {same} unchanged")
    elif same:
        lines.append(f"    {same} unchanged")
    if errored:
        lines.append("    " + style.error(f"{errored} errored"))
    return [style.bold("Resources:"), *(lines or ["    none"]), ""]
