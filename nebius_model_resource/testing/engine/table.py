"""Rows as a table: sign, type with its place in the tree, name, status, info."""

from __future__ import annotations

import shutil

from .rows import Row, Rows
from .wording import Style, width


def render(rows: Rows, style: Style, *, fit: bool = False) -> list[str]:
    """The table's lines, an empty one after it; with `fit`, cut to the terminal's size."""
    shown = _shown(rows)
    if not shown:
        return []
    stems = _stems(rows, shown)
    cells = [("Type", "Name", "Plan" if rows.kind == "preview" else "Status", "Info")]
    cells += [
        (stem + row.type, row.name, row.whole_status(rows.kind), row.info())
        for stem, row in zip(stems, shown, strict=True)
    ]
    widths = [max(width(line[column]) for line in cells) for column in range(3)]
    lines = []
    for index, line in enumerate(cells):
        row = shown[index - 1] if index else None
        body = "  ".join(
            [*(cell.ljust(widths[column]) for column, cell in enumerate(line[:3])), line[3]]
        ).rstrip()
        lines.append(_line(body, row, style, fit=fit))
    if fit:
        lines = lines[: max(3, shutil.get_terminal_size().lines - 2)]
    return [*lines, ""]


def _line(body: str, row: Row | None, style: Style, *, fit: bool) -> str:
    if fit:
        body = body[: shutil.get_terminal_size().columns - 6]
    if row is None:
        return "     " + style.bold(body)
    return f" {style.sign(row.sign_op)}  " + (style.error(body) if row.failed else body)


def _shown(rows: Rows) -> list[Row]:
    """Rows worth a line: what changes or has messages, and its parents."""
    by_urn = {row.urn: row for _, row in rows.tree()}
    wanted = {
        urn for urn, row in by_urn.items() if row.op != "same" or row.messages or row.failed or row.live
    }
    for urn in list(wanted):
        parent = by_urn[urn].parent
        while parent in by_urn and parent not in wanted:
            wanted.add(parent)
            parent = by_urn[parent].parent
    wanted |= {rows.stack_urn} & by_urn.keys()
    return [row for urn, row in by_urn.items() if urn in wanted]


def _stems(rows: Rows, shown: list[Row]) -> list[str]:
    """The branches before each type: a line continues downwards past rows whose parent has another child below."""
    depth_of = {row.urn: depth for depth, row in rows.tree()}
    depths = [depth_of[row.urn] for row in shown]
    stems: list[str] = []
    going: set[int] = set()  # depths at which a later row of the same parent follows, seen from below
    for depth in reversed(depths):
        last = depth not in going
        going = {other for other in going if other < depth} | {depth}
        branch = "└─ " if last else "├─ "
        trunk = "".join("│  " if level in going else "   " for level in range(1, depth))
        stems.append(trunk + branch if depth else "")
    return stems[::-1]
