"""The bounds that the package promises, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.rows import OPERATIONS, Row, Rows, difference

_MIB = 1024 * 1024
_NOISE = 0.10  # seconds by which two runs of the same command differ on a machine at rest


@dataclass(frozen=True)
class Finding:
    """One promise: its words, what was found, and whether it holds."""

    promise: str
    found: str
    met: bool


def check(rows: Rows) -> list[Finding]:
    """Hold each promise whose rows were measured against them."""
    return [*_no_slower(rows), *_few_lists(rows), *_side_by_side(rows), *_shares(rows), *_memory(rows)]


def lines(rows: Rows) -> list[tuple[str, str, str]]:
    """The findings as cells of a table."""
    return [(each.promise, each.found, "yes" if each.met else "**no**") for each in check(rows)]


def _no_slower(rows: Rows) -> Iterator[Finding]:
    """Compare by the medians, and by the turns in pairs: a slow moment of the machine affects both halves of a pair."""
    for operation, size in (("up", 100), ("preview", 100)):
        ours, naive = rows.one(size, 0, operation, "ours"), rows.one(size, 0, operation, "naive")
        if ours and naive:
            slower, _ = difference(ours.samples, naive.samples) or (0.0, 0.0)
            yield Finding(
                f"{operation} of {size} models that are active at once: not slower than the naive provider",
                f"{ours.seconds:.2f} s against {naive.seconds:.2f} s{_paired(ours, naive)}",
                ours.seconds <= naive.seconds and slower <= 0,
            )


def _few_lists(rows: Rows) -> Iterator[Finding]:
    for row in rows:
        if row.contender == "ours" and row.operation == "refresh" and row.models > 1:
            calls = row.calls.get("LIST", 0), row.calls.get("GET", 0)
            yield Finding(
                f"refresh of {row.models:,} models ({row.validation:g} s): at most 3 lists, no read by name",
                f"{calls[0]} and {calls[1]}",
                calls[0] <= 3 and calls[1] == 0,
            )


def _side_by_side(rows: Rows) -> Iterator[Finding]:
    """Waits cost the time of one wait; a hundred models with 64 at a time show the same as 64."""
    for row in rows:
        if row.contender != "ours" or row.operation != "up" or not row.validation:
            continue
        reads = row.calls.get("LIST", 0) + row.calls.get("GET", 0)
        if row.models in (64, 100):
            yield Finding(
                f"up of {row.models} models that validate for {row.validation:g} s: at most 20 reads",
                f"{reads}",
                reads <= 20,
            )
        plain = rows.one(row.models, 0, "up", "ours")
        if plain and row.models <= 64:
            longest = row.validation + 1
            yield Finding(
                f"up of {row.models} models that validate for {row.validation:g} s: at most {longest:g} s over the "
                "same without validation",
                f"{row.seconds - plain.seconds:.2f} s over {plain.seconds:.2f} s",
                row.seconds <= plain.seconds + longest,
            )


def _shares(rows: Rows) -> Iterator[Finding]:
    """Compare by the fastest of each, as `timeit` does: one run differs from the next by more than the bound."""
    for operation in OPERATIONS:
        pair = _pair(rows, 1000, operation)
        if pair:
            runs = min(len(row.samples) for row in pair) or 1
            ours, bare = (row.fastest for row in pair)
            share = (ours - bare) / ours
            yield Finding(
                f"{operation} of 1,000 models: the package's share of the time is under 5 %",
                f"{share:.1%} (fastest of {runs} {ours:.1f} s, the bare provider's {bare:.1f} s){_paired(*pair)}",
                share < 0.05 or ours - bare < _NOISE,
            )


def _memory(rows: Rows) -> Iterator[Finding]:
    """What the models add, from the smallest to the largest stack, beside what they add with the bare provider.

    Resident memory comes in steps of megabytes: one program takes 134 or 140 MiB at the same work. `--share` shows
    what Python's own objects take.
    """
    sizes = sorted({row.models for row in rows if row.contender == "ours" and row.validation == 0})
    if len(sizes) < 2 or sizes[-1] < 100:
        return
    for role in ("program", "host"):
        ours, bare = (_growth(rows, who, role, sizes[0], sizes[-1]) for who in ("ours", "bare"))
        if ours is not None and bare is not None:
            yield Finding(
                f"memory of the {role}, {sizes[0]} to {sizes[-1]:,} models: at most 5 MiB more growth than bare",
                f"{ours / _MIB:.1f} MiB against {bare / _MIB:.1f} MiB",
                ours - bare <= 5 * _MIB,
            )


def _growth(rows: Rows, contender: str, role: str, small: int, large: int) -> int | None:
    first, last = rows.one(small, 0, "up", contender), rows.one(large, 0, "up", contender)
    if first is None or last is None or role not in first.memory or role not in last.memory:
        return None
    return last.memory[role] - first.memory[role]


def _paired(ours: Row, other: Row) -> str:
    """How much the turns of two differ, which shows how far a comparison can be trusted."""
    found = difference(ours.samples, other.samples)
    return "; turns differ by {:+.2f} +- {:.2f} s".format(*found) if found else ""


def _pair(rows: Rows, models: int, operation: str) -> tuple[Row, Row] | None:
    ours, bare = (rows.one(models, 0, operation, who) for who in ("ours", "bare"))
    return (ours, bare) if ours and bare else None
