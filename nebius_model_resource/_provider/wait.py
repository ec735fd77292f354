"""Waiting until one model or endpoint is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from nebius_model_resource import errors
from nebius_model_resource._provider.calls import Operation
from nebius_model_resource._provider.properties import State
from nebius_model_resource._service.types import DELETED, ERROR

if TYPE_CHECKING:
    from nebius_model_resource._provider.provisioned import ProvisionedType

GRACE = 30.0  # seconds for which reads may not show a new model (so in a capture of December 2025)
_STALE = 5.0  # seconds after a change for which a read may show the status from before
_TICK = 1.0  # seconds between two looks at the progress
# The next read comes after a tenth of the time waited, so that a long wait costs few requests, and after ten times
# the last read's time, so that a long list takes a tenth of it.
_SHORTEST = 0.5
_PART = 10
# Seconds at which the row shows the time waited, then each minute: in the log of a CI run each text is one more line.
_MARKS = (0, 10, 30)
_MINUTE = 60


class Wait:
    """One wait for one resource, on the list that all waits of the process share."""

    def __init__(
        self,
        kind: ProvisionedType,
        state: State,
        operation: Operation,
        grace: float = GRACE,
        sent: frozenset[str] = frozenset(),
    ) -> None:
        """Nothing is read.

        Args:
            kind: the resource type.
            state: the resource as last seen.
            operation: its deadline and progress.
            grace: for so many seconds it means nothing that reads do not show the resource.
            sent: the inputs that a change has sent.
        """
        self._kind = kind
        self._state = state
        self._things = kind.things(state.inputs.get("ai_project_id"))
        self._operation = operation
        self._deadline = operation.deadline
        self._grace = grace
        self._sent = sent
        self._restarts = bool(sent & kind.restarting)
        self._first_status, self._has_moved = state.status, False
        self._started = self._deadline.clock()
        self._after = self._started  # an earlier list says nothing new
        self._due = self._started + _SHORTEST
        self._failure: errors.NebiusError | None = None
        self._shown: tuple[str, int] | None = None

    def until_ready(self) -> State:
        """Wait.

        Raises:
            ProvisioningFailed: it ended in ``error``; it still exists.
            Vanished: it is gone.
            Unfinished: the deadline passed, the run was interrupted, or the key is refused; it is in the error.
        """
        self._show_progress()
        while not self._is_done():
            if self._deadline.passed():
                self._give_up(self._deadline.why_passed())
            pause = min(max(self._due - self._deadline.clock(), 0.02), _TICK, self._deadline.remaining())
            self._deadline.sleep(pause)
            self._show_progress()
        self._operation.progress(self._kind.shown(self._state))
        return self._state

    def _elapsed(self) -> float:
        return self._deadline.clock() - self._started

    def _show_progress(self) -> None:
        status, elapsed = self._kind.shown(self._state), self._elapsed()
        mark = int(elapsed // _MINUTE) * _MINUTE or max(mark for mark in _MARKS if mark <= elapsed)
        if (status, mark) == self._shown:
            return
        self._shown = status, mark
        text = f"{status} ({mark} s)" if mark else status
        if mark >= _MINUTE:
            failure = self._failure.message if self._failure else ""
            reason = self._state.reason or failure or "the service gives no reason"
            text += f": {reason}; {self._deadline.remaining():.0f} s left until the deadline"
        self._operation.progress(text)

    def _look(self) -> Any:
        """What the list shows, or a read if the list lacks it; None if it is not yet time, or not known."""
        now = self._deadline.clock()
        if now < self._due:
            return None
        pause = max(_SHORTEST, self._elapsed() / _PART)
        try:
            snapshot = self._things.newer_than(max(self._after, now - pause), self._deadline.once())
            self._after = snapshot.taken_at
            self._due = self._deadline.clock() + max(pause, _PART * snapshot.seconds)
            found = snapshot.find(self._state.id)
            if found is None or not found.status:
                found = self._things.read(self._state.id, snapshot, self._deadline.once()) or found
        except errors.DeadlineExceeded:
            return None  # nothing was sent: the last answer is an earlier one
        except errors.NebiusError as error:
            self._failure = error
            if isinstance(error, errors.AccessDenied) and (error.status == 401 or self._is_old()):
                self._give_up("the key was refused")
            return None
        if found is None and self._is_old():
            raise vanished(self._kind.noun, self._state.id)
        return found

    def _is_old(self) -> bool:
        return self._elapsed() >= self._grace

    def _is_done(self) -> bool:
        info = self._look()
        if info is None:
            return False
        self._state = state = self._kind.seen(self._state, info)
        if state.status == DELETED:
            raise vanished(self._kind.noun, state.id)
        # A read right after a change may still show what was before.
        self._has_moved |= state.status != self._first_status
        is_old = self._restarts and not self._has_moved and self._elapsed() < _STALE
        if state.status == ERROR and not is_old:
            raise failed(self._kind.noun, state)
        return not is_old and self._shows_changes(info) and self._kind.is_ready(state)

    def _shows_changes(self, info: Any) -> bool:
        """Whether the service reports the inputs that were sent."""
        table, inputs = self._kind.table, self._state.inputs
        return self._sent.isdisjoint(table.changed(inputs, table.live(inputs, info)))

    def _give_up(self, why: str) -> NoReturn:
        answer = f"; last answer: {self._failure.message}" if self._failure else ""
        reason = f" ({self._state.reason})" if self._state.reason else ""
        unfinished = errors.Interrupted if self._deadline.interrupted() else errors.Unfinished
        raise unfinished(
            f"the {self._kind.noun} {self._state.id!r} is still {self._kind.shown(self._state)}{reason} after "
            f"{self._elapsed():.0f} s: {why}{answer}",
            state=self._state,
        ) from self._failure


def failed(noun: str, state: State) -> errors.ProvisioningFailed:
    """The error for what ended in ``error``."""
    what = "validation failed" if noun == "model" else f"the {noun} {state.id!r} failed"
    return errors.ProvisioningFailed(f"{what}: {state.reason or 'the service gave no reason'}", state=state)


def vanished(noun: str, id_: str) -> errors.Vanished:
    """The error for what is gone although this run did not delete it."""
    return errors.Vanished(f"the {noun} {id_!r} was deleted outside of this run")
