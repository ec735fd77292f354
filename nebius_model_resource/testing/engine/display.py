"""What a person reads about an operation: progress, then a summary like Pulumi's."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from .events import EngineEvent
from .report import diagnostics, outputs, summary
from .rows import Row, Rows
from .table import render
from .urns import is_default_provider
from .wording import Style

_TITLES = {
    "preview": "Previewing update",
    "update": "Updating",
    "refresh": "Refreshing",
    "destroy": "Destroying",
}
_REFRESH_SECONDS = 0.25


class Display:
    """Listens to an operation and prints it: lines on a plain output, a live table on a terminal."""

    def __init__(
        self,
        kind: str,
        stack: str,
        on_output: Callable[[str], Any] | None,
        *,
        diff: bool = False,
        live: bool = False,
        style: Style | None = None,
    ) -> None:
        self._kind = kind
        self._style = style or Style(colour=False)
        self._on_output = on_output
        self._diff = diff
        self._rows = Rows(kind)
        self._lines: list[str] = []
        self._last: dict[str, str] = {}
        self._printed: dict[str, int] = {}  # how many of a row's messages have been printed
        self._began = time.monotonic()
        self._live = LiveTable(self._rows, self._style) if live else None
        self._print(self._style.bold(f"{_TITLES[kind]} ({stack}):"), "")
        if self._live:
            self._live.start()

    def _print(self, *lines: str) -> None:
        for line in lines:
            self._lines.append(line)
            if self._on_output:
                self._on_output(line)

    def show(self, event: EngineEvent) -> None:
        """Handle one event; events come one at a time."""
        with self._live.lock if self._live else threading.Lock():
            row = self._take(event)
            # The stack is done when the operation is: its last line comes then.
            early = row is not None and event.res_outputs_event and row.urn == self._rows.stack_urn
            if row is not None and not early:
                self._progress(row)

    def _take(self, event: EngineEvent) -> Row | None:
        rows = self._rows
        step = event.resource_pre_event or event.res_outputs_event or event.res_op_failed_event
        if step and is_default_provider(step.metadata.urn):
            return None
        if event.resource_pre_event:
            return rows.begin(event.resource_pre_event.metadata)
        if event.res_outputs_event:
            return rows.finish(event.res_outputs_event.metadata)
        if event.res_op_failed_event:
            return rows.fail(event.res_op_failed_event.metadata)
        if event.diagnostic_event:
            return self._said_now(event.diagnostic_event)
        return None

    def _said_now(self, diagnostic: Any) -> Row | None:
        if _is_verdict(diagnostic):
            self._rows.verdict()
            return None
        row = self._rows.say(diagnostic)
        # An error is shown once, in the diagnostics; a failed step's row says that it failed.
        return row if diagnostic.severity != "error" else None

    def _progress(self, row: Row) -> None:
        """One line about a row, unless the last one about it said the same; none in a table or a preview."""
        if self._live or self._kind == "preview":
            return
        fresh = [
            text for severity, text in row.messages[self._printed.get(row.urn, 0) :] if severity != "error"
        ]
        self._printed[row.urn] = len(row.messages)
        message = row.live or "".join(fresh[-1:])
        changed = row.info() if row.changed else ""
        first = message.splitlines()[0] if message.strip() else changed
        if row.op == "same" and not first and not row.failed:
            return
        # A counter alone (`validating (12 s)`) does not make another line.
        key = re.sub(r"[\d.]+", "", f"{row.status} {first}")
        if self._last.get(row.urn) == key:
            return
        self._last[row.urn] = key
        status = self._style.error(row.timed_status()) if row.failed else row.timed_status()
        self._print(f" {self._style.sign(row.op)} {row.type} {row.name} {status} {first}".rstrip())

    def close(self, outcome: Any) -> str:
        """Print the end of it; returns everything printed."""
        self._rows.settle()
        if self._rows.stack_urn:
            self._progress(self._rows.row(self._rows.stack_urn))
        self.stop()
        if self._live:
            self._lines += render(self._rows, Style(colour=False))
        elif self._kind == "preview":
            self._print(*render(self._rows, self._style))
        if self._diff:
            self._print(*_details(self._rows))
        self._print(*diagnostics(self._rows, self._style))
        self._print(*outputs(self._rows, self._style))
        self._print(*summary(self._kind, outcome.changes, self._rows.errored, self._style))
        self._print(f"Duration: {max(1, round(time.monotonic() - self._began))}s")
        if not outcome.succeeded:
            self._print("", self._style.error(self.reason(outcome)))
        return "\n".join(self._lines) + "\n"

    def stop(self) -> None:
        """End the drawing on a terminal; safe to call twice. An operation that never began needs no more than this."""
        if self._live:
            self._live.stop()

    def reason(self, outcome: Any) -> str:
        """The closing line of a failure."""
        what = "preview" if self._kind == "preview" else self._kind
        if outcome.unexpected:
            return f"error: no changes were expected for {what} but changes were proposed"
        return f"error: {what} {'canceled' if outcome.interrupted else 'failed'}"


def _is_verdict(diagnostic: Any) -> bool:
    """Whether this is the real engine's closing message on a failed operation, which is printed at the end anyway."""
    return not diagnostic.urn and diagnostic.message.strip() in ("update failed", "preview failed")


def _details(rows: Rows) -> list[str]:
    lines = []
    for _, row in rows.tree():
        if row.details:
            lines += [f"  {row.type} ({row.name}):", *(f"    {line}" for line in row.details)]
    return [*lines, ""] if lines else []


class LiveTable:
    """The table on a terminal, drawn over itself four times a second."""

    def __init__(self, rows: Rows, style: Style) -> None:
        self.lock = threading.RLock()
        self._rows = rows
        self._style = style
        self._height = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._redraw, daemon=True)

    def start(self) -> None:
        """Begin to draw."""
        self._thread.start()

    def stop(self) -> None:
        """Draw the final table, which stays on the screen."""
        if not self._over.is_set():
            self._over.set()
            self._thread.join()
            self._draw()

    def _redraw(self) -> None:
        while not self._over.wait(_REFRESH_SECONDS):
            self._draw()

    def _draw(self) -> None:
        with self.lock:
            lines = render(self._rows, self._style, fit=True)
            up = f"\033[{self._height}A\033[J" if self._height else ""
            sys.stdout.write(up + "".join(line + "\n" for line in lines))
            sys.stdout.flush()
            self._height = len(lines)
