"""Rows as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.rows import CALLS, Row, Rows

HEAD = (
    "operation",
    "provider",
    "seconds",
    "fastest",
    "runs",
    "CPU s",
    "CLI MiB",
    "program MiB",
    "host MiB",
    "host threads",
    *CALLS,
    "state bytes/model",
)
_MIB = 1024 * 1024


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table, aligned for readers of the source: the first two columns to the left, figures to the right."""
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]

    def row(cells: Sequence[str]) -> str:
        return (
            "| "
            + " | ".join(
                cell.ljust(width) if column < 2 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
            )
            + " |"
        )

    rule = (
        "|"
        + "|".join(
            "-" * (width + 2) if column < 2 else "-" * (width + 1) + ":"
            for column, width in enumerate(widths)
        )
        + "|"
    )
    return "\n".join([row(head), rule, *(row(line) for line in lines)])


def result(rows: Rows) -> str:
    """All rows, one table for each validation and size."""
    cells = sorted({(row.validation, row.models) for row in rows})
    parts = []
    for validation, models in cells:
        lines = [_line(row) for row in rows if (row.validation, row.models) == (validation, models)]
        parts.append(f"### {title(models, validation)}\n\n{markdown(HEAD, lines)}")
    return "\n\n".join(parts)


def title(models: int, validation: float) -> str:
    """What one table is about."""
    what = "active at once" if validation == 0 else f"active after {validation:g} s"
    return f"{models:,} model{'s' if models != 1 else ''}, {what}"


def _line(row: Row) -> list[str]:
    threads = f"{row.threads} / {row.threads_after}" if row.threads else "-"
    return [
        row.operation,
        row.contender,
        f"{row.seconds:.2f}",
        f"{row.fastest:.2f}",
        str(len(row.samples) or 1),
        f"{sum(row.cpu.values()):.2f}" if row.cpu else "-",
        *(_mib(row.memory.get(role)) for role in ("cli", "program", "host")),
        threads,
        *(str(row.calls.get(kind, 0) or "-") for kind in CALLS),
        f"{row.state_bytes:,}" if row.state_bytes else "-",
    ]


def _mib(size: int | None) -> str:
    return f"{size / _MIB:.0f}" if size else "-"
