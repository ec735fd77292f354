"""What a person reads about an operation: a line for each step, then a summary like Pulumi's."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from .events import EngineEvent
from .urns import STACK_TYPE, is_default_provider, name_of, type_of
from .values import UNKNOWN_TEXT

_TITLES = {
    "preview": "Previewing update",
    "update": "Updating",
    "refresh": "Refreshing",
    "destroy": "Destroying",
}
_SIGNS = {"create": "+", "add": "+", "delete": "-", "replace": "+-", "read": ">"}
_SIGNS |= {"update": "~", "refresh": "~"}
_NOTHING = "same", "replace"  # what does nothing: a replacement has its parts as steps of their own


class Display:
    """Listens to an operation and prints it, line by line."""

    def __init__(
        self, kind: str, stack: str, on_output: Callable[[str], Any] | None, *, diff: bool = False
    ) -> None:
        self._kind = kind
        self._on_output = on_output
        self._diff = diff
        self._lines: list[str] = []
        self._began = time.monotonic()
        self._started: dict[str, tuple[str, float]] = {}  # the operation on each URN, and when it began
        self._last: dict[str, str] = {}
        self._messages: dict[str, list[str]] = {}
        self._errored: set[str] = set()
        self._stack = ""
        self._outputs: dict[str, Any] = {}
        self._print(f"{_TITLES[kind]} ({stack}):", "")

    def _print(self, *lines: str) -> None:
        for line in lines:
            self._lines.append(line)
            if self._on_output:
                self._on_output(line)

    def show(self, event: EngineEvent) -> None:
        """Handle one event; events come one at a time."""
        for told, handle in (
            (event.resource_pre_event, self._begin),
            (event.res_outputs_event, self._finish),
            (event.res_op_failed_event, self._fail),
        ):
            if told and not is_default_provider(told.metadata.urn):
                handle(told.metadata)
        if event.diagnostic_event:
            self._say(event.diagnostic_event)

    def _begin(self, step: Any) -> None:
        op = step.op.value
        self._started[step.urn] = op, time.monotonic()
        if type_of(step.urn) == STACK_TYPE:
            self._stack = step.urn
        # In a preview a replacement is one line, and in an operation its parts are lines.
        if op != "same" and (step.logical if self._kind == "preview" else op != "replace"):
            self._row(step.urn, op, self._changes(step))

    def _finish(self, step: Any) -> None:
        op = step.op.value
        if step.urn == self._stack and step.new:
            self._outputs = step.new.outputs or {}
        if self._kind != "preview" and op not in _NOTHING:
            began = self._started.get(step.urn, (op, time.monotonic()))[1]
            self._started[step.urn] = op, began
            changed = self._changes(step) if self._kind == "refresh" else {}
            self._row(step.urn, f"{op} done ({time.monotonic() - began:.2f}s)", changed)

    def _fail(self, step: Any) -> None:
        self._errored.add(step.urn)
        self._row(step.urn, f"**{step.op.value} failed**", {})

    def _say(self, diagnostic: Any) -> None:
        urn, text = diagnostic.urn or "", diagnostic.message.rstrip("\n")
        error = diagnostic.severity == "error"
        if diagnostic.ephemeral or (urn and not error and self._kind != "preview"):
            op, began = self._started.get(urn, ("same", time.monotonic()))
            first = text.partition("\n")[0]
            self._row(urn, f"{op} ({int(time.monotonic() - began)}s) {first}", {})
        if not diagnostic.ephemeral:
            mark = "" if diagnostic.severity.startswith("info") else f"{diagnostic.severity}: "
            self._messages.setdefault(urn, []).append(mark + text)
        if error:
            self._errored.add(urn)

    def _row(self, urn: str, text: str, changed: Mapping[str, tuple[str, str]]) -> None:
        """One line about a resource, unless the last one about it said the same: a counter alone is no news."""
        key = re.sub(r"[\d.]+", "", text)
        if self._last.get(urn) != key:
            self._last[urn] = key
            names = ",".join(sign + name for name, (sign, _) in changed.items())
            info = f" [diff: {names}]" if names else ""
            sign = _SIGNS.get(self._started.get(urn, ("", 0.0))[0].split("-")[0], "")
            self._print(f" {sign:<2} {type_of(urn)} {name_of(urn)} {text}{info}")
        if self._diff:
            self._print(*(f"      {line}" for _, line in changed.values()))

    def _changes(self, step: Any) -> dict[str, tuple[str, str]]:
        """The sign of each changed property, and a line about it."""
        if step.old is None or step.new is None or step.op.value in ("same", "read"):
            return {}
        found = {}
        for path, diff in (step.detailed_diff or {}).items():
            # As on the CLI, a change inside a property is one of the property.
            name = re.split(r"[.\[]", path)[0]
            before = step.old.inputs if diff.input_diff else step.old.outputs
            kind = diff.diff_kind.value.removesuffix("-replace")
            sign = _SIGNS[kind] if name == path else "~"
            found[name] = _change(name, sign, before or {}, step.new.inputs or {})
        if not found:
            bag = "outputs" if self._kind == "refresh" else "inputs"
            before, after = (getattr(each, bag) or {} for each in (step.old, step.new))
            keys = sorted((before.keys() | after.keys()) - {"__provider"})
            for name in [key for key in keys if before.get(key) != after.get(key)]:
                sign = "~" if name in before and name in after else "-" if name in before else "+"
                found[name] = _change(name, sign, before, after)
        return found

    def close(self, outcome: Any, changes: Mapping[str, int]) -> str:
        """Print the end of it; returns everything printed."""
        self._print("", *self._diagnostics())
        if self._outputs and self._kind == "update":
            outputs = (f"    {name}: {_value(value)}" for name, value in sorted(self._outputs.items()))
            self._print("Outputs:", *outputs, "")
        self._print("Resources:", *self._summary(changes), "")
        self._print(f"Duration: {max(1, round(time.monotonic() - self._began))}s")
        if not outcome.succeeded:
            self._print("", self.reason(outcome))
        return "\n".join(self._lines) + "\n"

    def reason(self, outcome: Any) -> str:
        """The closing line of a failure."""
        return f"error: {self._kind} {'canceled' if outcome.interrupted else 'failed'}"

    def _diagnostics(self) -> list[str]:
        """Every lasting message under its resource, each one once; the stack's are those of no other resource."""
        loose = self._messages.pop("", [])
        if loose:
            self._messages[self._stack] = [*loose, *self._messages.get(self._stack, [])]
        lines = []
        for urn, messages in self._messages.items():
            about = f"  {type_of(urn)} ({name_of(urn)}):" if urn else "  the stack:"
            body = [f"    {line}" for message in dict.fromkeys(messages) for line in message.split("\n")]
            lines += [about, *body, ""]
        return ["Diagnostics:", *lines] if lines else []

    def _summary(self, changes: Mapping[str, int]) -> list[str]:
        """`+ 2 to create` in a preview, else `+ 2 created`; `3 unchanged`, `1 errored`."""
        preview = self._kind == "preview"
        lines = [
            f"    {_SIGNS.get(op, ''):<2}{count} {f'to {op}' if preview else op + 'd' * op.endswith('e')}"
            for op, count in sorted(changes.items())
            if op != "same"
        ]
        same, errored = changes.get("same"), len(self._errored)
        lines += [
            f"    {count} {words}" for count, words in ((same, "unchanged"), (errored, "errored")) if count
        ]
        return lines or ["    none"]


def _change(name: str, sign: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str]:
    """The sign, and `~ label: "a" => "b"`."""
    old, new = _value(before.get(name)), _value(after.get(name))
    return sign, f"{sign} {name}: " + {"+": new, "-": old}.get(sign, f"{old} => {new}")


def _value(value: Any) -> str:
    """A property's value on one line."""
    if value in (UNKNOWN_TEXT, "[secret]"):
        return "[unknown]" if value == UNKNOWN_TEXT else "[secret]"
    return json.dumps(value, ensure_ascii=False, default=str)
