"""How an answer is compared with the documentation: by kinds of values, rarely by the values.

A shape is a type such as `int | None`, an `Is`, a list with the shape of every item, or a dict with the shape of each
field, `ABSENT` for what there may not be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from tests.contract.caller import DiffersError, Reply

ABSENT = object()
_WORDS = {
    type(None): "null",
    bool: "a boolean",
    str: "a string",
    int: "a whole number",
    float: "a number",
    list: "an array",
    dict: "an object",
}


class Is:
    """A value that is ours or the service's own, one of those given; never used for other people's data."""

    def __init__(self, *allowed: Any, shown: bool = True) -> None:
        """A value that is not shown is private: a message shows neither it nor a wrong one."""
        self.allowed = allowed
        self._shown = shown

    def fault(self, value: Any) -> str:
        """What a wrong value is."""
        if not self._shown:
            return "is not the one that was sent"
        if type(value) is not type(self.allowed[0]):
            return f"is {_WORDS[type(value)]}"
        return f"is {value!r}, not {' or '.join(repr(each) for each in self.allowed)}"


def answered(reply: Reply, *allowed: int, shape: Any = None) -> str | None:
    """Check that a reply has one of the allowed status codes, by default 200, and its body a shape; see `matched`."""
    allowed = allowed or (200,)
    if reply.status not in allowed:
        raise DiffersError(f"answered {reply.told()}, not {' or '.join(map(str, allowed))}")
    return None if shape is None else matched(reply.document, shape)


def matched(document: Any, shape: Any) -> str | None:
    """Check a body against a shape; the error names all that differs.

    Returns:
        The names of further fields, as a note, or None.

    Raises:
        DiffersError: it has another shape.
    """
    if faults := list(dict.fromkeys(_faults(document, shape, "the answer"))):
        raise DiffersError(", ".join(faults))
    further = sorted(document.keys() - shape.keys()) if isinstance(shape, dict) else []
    return f"with further fields: {', '.join(further)}" if further else None


def _faults(value: Any, shape: Any, what: str) -> Iterator[str]:
    kind = type(value)
    if isinstance(shape, Is):
        if value not in shape.allowed:
            yield f"{what} {shape.fault(value)}"
    elif not isinstance(shape, list | dict):
        if kind not in (get_args(shape) or (shape,)):
            yield f"{what} is {_WORDS[kind]}"
    elif kind is not type(shape):
        yield f"{what} is {_WORDS[kind]}, not {_WORDS[type(shape)]}"
    elif isinstance(shape, list):
        for item in value:
            yield from _faults(item, shape[0], f"an item of {what}")
    else:
        yield from _field_faults(value, shape, what)


def _field_faults(value: dict[str, Any], shape: dict[str, Any], what: str) -> Iterator[str]:
    for name, inner in shape.items():
        if (name in value) is (inner is ABSENT):
            yield f"{what} has {'a' if name in value else 'no'} field {name!r}"
        elif name in value:
            yield from _faults(value[name], inner, repr(name))
