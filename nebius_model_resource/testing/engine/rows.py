"""What the display shows of each resource: one row, which the events of an operation update."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from .paths import value
from .urns import STACK_TYPE, name_of, qualified_type, type_of
from .wording import changes, diff_lines, diff_text, doing, done, planned

_REPLACING = {"create-replacement", "replace", "delete-replaced", "read-replacement"}


@dataclass
class Row:
    """One resource. `messages` are (severity, text), the ephemeral ones only in `live`; `errors` counts the errors."""

    urn: str
    parent: str = ""
    op: str = "same"
    status: str = ""
    began: float = 0.0
    seconds: float | None = None
    failed: bool = False
    errors: int = 0
    replaced: bool = False
    live: str = ""
    changed: dict[str, str] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)
    messages: list[tuple[str, str]] = field(default_factory=list)

    @property
    def type(self) -> str:
        """The resource's type."""
        return type_of(self.urn)

    @property
    def name(self) -> str:
        """The resource's name."""
        return name_of(self.urn)

    @property
    def sign_op(self) -> str:
        """The operation whose sign the row shows: the parts of a replacement show the replacement's."""
        return "replace" if self.op in _REPLACING else self.op

    def whole_status(self, kind: str) -> str:
        """The status in a table, which shows a finished replacement as one step and not as its last part."""
        over = kind == "preview" or self.seconds is not None
        if self.replaced and over and not self.failed:
            return planned("replace") if kind == "preview" else done("replace")
        return self.timed_status()

    def timed_status(self) -> str:
        """`created (1.20s)`, `creating (3s)`, or without seconds if there is nothing to time."""
        if not self.status:
            return ""
        if self.seconds is not None:
            return f"{self.status} ({self.seconds:.2f}s)"
        return f"{self.status} ({int(time.monotonic() - self.began)}s)" if self.began else self.status

    def info(self) -> str:
        """The last column: the live text, else the changes, and how many messages there are."""
        if self.live:
            return self.live
        warnings = sum(severity == "warning" for severity, _ in self.messages)
        counts = {"error": self.errors, "warning": warnings}
        counted = "; ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts.items() if count)
        texts = [diff_text(self.changed), counted]
        plain = [text for severity, text in self.messages if severity.startswith("info")]
        if plain and not counted:
            texts.append(plain[-1].splitlines()[0] if plain[-1].strip() else "")
        return "; ".join(text for text in texts if text)


class Rows:
    """All rows of one operation, by URN, in the order of their first event."""

    def __init__(self, kind: str, stack_urn: str = "") -> None:
        self.kind = kind
        self.by_urn: dict[str, Row] = {}
        self.stack_urn = stack_urn
        self.outputs_before: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}
        self.loose = Row("")  # for messages without a resource: the stack's row once there is one

    def row(self, urn: str, parent: str = "") -> Row:
        """The row of a URN, a new one if there is none."""
        row = self.by_urn.setdefault(urn, Row(urn))
        row.parent = row.parent or parent
        if qualified_type(urn) == STACK_TYPE and not self.stack_urn:
            self.stack_urn = urn
            row.messages += self.loose.messages
            row.errors += self.loose.errors
            self.loose = Row("")
        return row

    @property
    def errored(self) -> int:
        """How many resources have errors; the stack is one of them if the operation has failed."""
        return sum(row.errors > 0 for row in [self.loose, *self.by_urn.values()])

    def settle(self) -> None:
        """The operation is over: a resource with errors has failed, whatever the result of its last step."""
        for row in self.by_urn.values():
            if row.errors and self.kind != "preview":
                self._failed(row)

    @staticmethod
    def _failed(row: Row) -> None:
        row.failed, row.live = True, ""
        row.status = f"**{doing(row.op)} failed**".replace("** ", "**")
        row.seconds = None
        row.began = 0.0

    def begin(self, metadata: Any) -> Row:
        """A step has begun."""
        state = metadata.new or metadata.old
        row = self.row(metadata.urn, state.parent if state else "")
        op = metadata.op.value
        row.op = op
        row.replaced = row.replaced or op == "replace"
        row.status = planned(op) if self.kind == "preview" else doing(op)
        row.seconds = None
        if self.kind != "preview":
            row.began = time.monotonic()
        self._changes(row, metadata)
        return row

    def _changes(self, row: Row, metadata: Any) -> None:
        # The delete at the end of a replacement does not change what the row shows of the replacement.
        if metadata.old is None or metadata.new is None or metadata.op.value in ("same", "read"):
            return
        old, new = metadata.old.inputs or {}, metadata.new.inputs or {}
        if self.kind == "refresh":
            old, new = metadata.old.outputs or {}, metadata.new.outputs or {}
        detailed = {path: diff.diff_kind.value for path, diff in (metadata.detailed_diff or {}).items()}
        row.changed = changes(old, new, metadata.diffs or [], detailed)
        if detailed:
            old, new = self._compared(metadata)
        row.details = diff_lines(old, new, row.changed)
        if metadata.old.provider != metadata.new.provider:
            row.changed["provider"] = "~"

    def _compared(self, metadata: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values that a detailed diff is about, by path: mostly the old outputs and the new inputs."""
        old, new = metadata.old, metadata.new
        before, after = {}, {}
        for path, diff in metadata.detailed_diff.items():
            live = self.kind == "refresh" and not diff.input_diff
            before[path] = value((old.inputs if diff.input_diff else old.outputs) or {}, path)
            after[path] = value((new.outputs if live else new.inputs) or {}, path)
        return before, after

    def finish(self, metadata: Any) -> Row:
        """A step has succeeded, or a component's outputs are known."""
        row = self.row(metadata.urn)
        op = metadata.op.value
        if self.kind == "refresh" and metadata.new is not None and not metadata.new.custom:
            op = "same"  # the real engine's event is an update, though a component has nothing to read
        row.op, row.live = op, ""
        row.status = planned(op) if self.kind == "preview" else done(op)
        if self.kind != "preview":
            row.seconds = time.monotonic() - row.began
        if self.kind == "refresh":
            self._changes(row, metadata)
        if row.type == STACK_TYPE:
            self.outputs_before = dict(metadata.old.outputs or {}) if metadata.old else {}
            self.outputs = dict(metadata.new.outputs or {}) if metadata.new else {}
        return row

    def fail(self, metadata: Any) -> Row:
        """A step has failed."""
        row = self.row(metadata.urn)
        row.op = metadata.op.value
        self._failed(row)
        return row

    def say(self, diagnostic: Any) -> Row | None:
        """A message has come; returns the row it belongs to, None if there is none yet."""
        text = diagnostic.message.rstrip("\n")
        row = self._row_of(diagnostic.urn)
        if diagnostic.ephemeral:
            row.live = text.splitlines()[0] if text.strip() else ""
        else:
            row.messages.append((diagnostic.severity, text))
            row.errors += diagnostic.severity == "error"
        return row if row is not self.loose else None

    def verdict(self) -> None:
        """The operation has failed: an error of the stack, which is printed at the end and not among its messages."""
        self._row_of("").errors += 1

    def _row_of(self, urn: str) -> Row:
        urn = urn or self.stack_urn
        return self.row(urn, "" if urn == self.stack_urn else self.stack_urn) if urn else self.loose

    def tree(self) -> list[tuple[int, Row]]:
        """Rows with their depth, children under their parents."""
        children: dict[str, list[Row]] = {}
        for row in self.by_urn.values():
            parent = row.parent if row.parent in self.by_urn else ""
            if row.urn != self.stack_urn and not parent and self.stack_urn in self.by_urn:
                parent = self.stack_urn
            children.setdefault("" if row.urn == self.stack_urn else parent, []).append(row)
        found: list[tuple[int, Row]] = []

        def walk(urn: str, depth: int) -> None:
            for row in children.get(urn, []):
                found.append((depth, row))
                if row.urn:
                    walk(row.urn, depth + 1)

        walk("", 0)
        return found
