"""How an answer is compared with the documentation: by kinds of values, rarely by the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.contract.outcome import DiffersError

if TYPE_CHECKING:
    from tests.contract.caller import Reply

NULL = type(None)
TEXT = (str,)
TEXT_OR_NULL = (str, NULL)
WHOLE = (int,)
NUMBER_OR_NULL = (int, float, NULL)
ARRAY = (list,)
OBJECT = (dict,)
YES_NO = (bool,)

_WORDS = {str: "a string", int: "a whole number", float: "a number", list: "an array", dict: "an object"}
_NAMES_SHOWN = 12


def kind(value: Any) -> str:
    """Return what a value is, without its content."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return _WORDS.get(type(value), type(value).__name__)


def status(reply: Reply, *allowed: int) -> int:
    """Return the status code of a reply if it is an allowed one."""
    if reply.status not in allowed:
        wanted = " or ".join(str(each) for each in allowed)
        raise DiffersError(f"answered {reply.told()}, not {wanted}")
    return reply.status


def fields(document: Any, what: str, **kinds: tuple[type, ...]) -> str | None:
    """Check that an object has these fields, each of its kind; the error names all that differ.

    Returns:
        The names of further fields, as a note, or None.
    """
    if not isinstance(document, dict):
        raise DiffersError(f"{what} is {kind(document)}, not an object")
    wrong = [f"no field {name!r}" for name in kinds if name not in document]
    wrong += [
        f"{name!r} is {kind(document[name])}"
        for name, allowed in kinds.items()
        if name in document and not _is(document[name], allowed)
    ]
    if wrong:
        raise DiffersError(f"{what}: {', '.join(wrong)}")
    further = sorted(str(name) for name in document if name not in kinds)
    return f"with further fields: {', '.join(further[:_NAMES_SHOWN])}" if further else None


def lacks(document: Any, what: str, *names: str) -> None:
    """Check that an object does not have any of these fields."""
    there = [name for name in names if isinstance(document, dict) and name in document]
    if there:
        raise DiffersError(f"{what} has {', '.join(repr(name) for name in there)}")


def array(document: Any, what: str) -> list[Any]:
    """Return a document that is an array."""
    if not isinstance(document, list):
        raise DiffersError(f"{what} is {kind(document)}, not an array")
    return document


def detail(reply: Reply) -> str:
    """Return the text of an error, which has one string as its top-level ``detail``."""
    document = reply.document
    fields(document, "the error", detail=TEXT)
    text: str = document["detail"]
    return text


def same(what: str, seen: Any, wanted: Any) -> None:
    """Check a value that is ours or the service's own; never used for other people's data."""
    if seen != wanted:
        raise DiffersError(f"{what} is {seen!r}, not {wanted!r}")


def _is(value: Any, allowed: tuple[type, ...]) -> bool:
    if isinstance(value, bool):
        return bool in allowed
    return isinstance(value, allowed)
