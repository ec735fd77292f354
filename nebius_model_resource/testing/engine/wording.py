"""Words, signs and colours for operations; how values and changes are written."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from . import paths
from .values import UNKNOWN_TEXT, Secret

SIGNS = {
    "same": " ",
    "create": "+",
    "update": "~",
    "delete": "-",
    "replace": "+-",
    "create-replacement": "++",
    "delete-replaced": "--",
    "read": ">",
    "read-replacement": ">>",
    "refresh": "~",
    "remove-pending-replace": "~",
    "discard": "<",
    "discard-replaced": "<<",
}
_PLAN = {
    "same": "",
    "create-replacement": "create replacement",
    "delete-replaced": "delete original",
    "read-replacement": "read for replacement",
    "remove-pending-replace": "discard",
    "discard-replaced": "discard original",
}
_DOING = {
    "same": "",
    "create": "creating",
    "update": "updating",
    "delete": "deleting",
    "replace": "replacing",
    "create-replacement": "creating replacement",
    "delete-replaced": "deleting original",
    "read": "reading",
    "read-replacement": "reading for replacement",
    "refresh": "refreshing",
    "remove-pending-replace": "discarding",
    "discard": "discarding",
    "discard-replaced": "discarding original",
}
_DONE = {
    "same": "",
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "replace": "replaced",
    "create-replacement": "created replacement",
    "delete-replaced": "deleted original",
    "read": "read",
    "read-replacement": "read for replacement",
    "refresh": "refreshed",
    "remove-pending-replace": "discarded",
    "discard": "discarded",
    "discard-replaced": "discarded original",
}
_COLOURS = {"+": 32, "~": 33, "-": 31, "+-": 35, "++": 32, "--": 31, ">": 36, ">>": 36}
_SPOKEN_FOR = {"__provider"}


def planned(op: str) -> str:
    """The words of a preview."""
    return _PLAN.get(op, op)


def doing(op: str) -> str:
    """The words while an operation runs."""
    return _DOING.get(op, op)


def done(op: str) -> str:
    """The words when an operation is over."""
    return _DONE.get(op, op)


class Style:
    """Colours, if they are wanted: on a terminal, unless NO_COLOR is set."""

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour

    @classmethod
    def of_terminal(cls) -> Style:
        """The style for the present standard output."""
        return cls(
            colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )

    def paint(self, text: str, code: int) -> str:
        """The text in a colour."""
        return f"\033[{code}m{text}\033[0m" if self.colour and text.strip() else text

    def sign(self, op: str) -> str:
        """The operation's sign, two columns wide."""
        sign = SIGNS.get(op, " ")
        return self.paint(f"{sign:<2}", _COLOURS.get(sign, 0)) if sign.strip() else "  "

    def bold(self, text: str) -> str:
        """The text in bold."""
        return self.paint(text, 1)

    def error(self, text: str) -> str:
        """The text as an error."""
        return self.paint(text, 31)


_ESCAPES = re.compile(r"\033\[[0-9;?]*[A-Za-z]")


def width(text: str) -> int:
    """How many columns the text takes."""
    return len(_ESCAPES.sub("", text))


def json_text(value: Any, *, indent: int = 0, margin: str = "") -> str:
    """A value as JSON in the CLI's form: names sorted, numbers as Go writes them; on one line without `indent`."""
    if isinstance(value, (dict, list)) and value:
        inner = margin + " " * indent
        gap, start, end = (": ", f"\n{inner}", f"\n{margin}") if indent else (":", "", "")
        parts = (
            [json.dumps(key, ensure_ascii=False) + gap for key in sorted(value)]
            if isinstance(value, dict)
            else [""] * len(value)
        )
        items = [value[key] for key in sorted(value)] if isinstance(value, dict) else value
        texts = [
            start + part + json_text(item, indent=indent, margin=inner)
            for part, item in zip(parts, items, strict=True)
        ]
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return opening + ",".join(texts) + end + closing
    return _number_text(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _number_text(number: float) -> str:
    if number and not 1e-6 <= abs(number) < 1e21:
        return repr(number).replace("e-0", "e-")
    return format(Decimal(repr(number)), "f")


def value_text(value: Any) -> str:
    """A property's value on one line."""
    if value == UNKNOWN_TEXT:
        return "[unknown]"
    if value == "[secret]":
        return "[secret]"
    return json.dumps(value, ensure_ascii=False, default=str)


def given_text(value: Any) -> str:
    """A value as a message about a refused input writes it: `{text}`, but never a secret.

    The real engine prints the secret itself there.
    """
    if isinstance(value, Secret):
        return "[secret]"
    return f"{{{'<nil>' if value is None else value}}}"


def changes(
    old: Mapping[str, Any], new: Mapping[str, Any], diffs: list[str], detailed: Mapping[str, str]
) -> dict[str, str]:
    """Each changed property with `+`, `-` or `~`; the provider's own diff wins over a comparison."""
    if detailed:
        signs = {"add": "+", "delete": "-", "update": "~"}
        return {path: signs[kind.removesuffix("-replace")] for path, kind in detailed.items()}
    names = diffs or [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    kinds = {(True, False): "-", (False, True): "+"}
    return {name: kinds.get((name in old, name in new), "~") for name in names if name not in _SPOKEN_FOR}


def diff_text(changed: Mapping[str, str]) -> str:
    """`[diff: ~label,+size]`, or nothing; a change inside a property counts as one of the property, as on the CLI."""
    tops: dict[str, str] = {}
    for path, sign in changed.items():
        top = paths.top(path)
        tops[top] = sign if path == top else "~"
    return "[diff: " + ",".join(sign + name for name, sign in tops.items()) + "]" if tops else ""


def diff_lines(old: Mapping[str, Any], new: Mapping[str, Any], changed: Mapping[str, str]) -> list[str]:
    """`~ label: "a" => "b"` for each change."""
    lines = []
    for name, sign in changed.items():
        before, after = value_text(old.get(name)), value_text(new.get(name))
        shown = {"+": after, "-": before}.get(sign, f"{before} => {after}")
        lines.append(f"{sign} {name}: {shown}")
    return lines
