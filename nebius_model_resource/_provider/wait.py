"""Waiting until one model is active."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from nebius_model_resource._provider.calls import Operation
from nebius_model_resource._provider.listing import SharedList, Snapshot
from nebius_model_resource._provider.properties import State
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.names import GeneratedName
from nebius_model_resource._service.types import ACTIVE, DELETED, ERROR, KNOWN_STATUSES, ModelInfo
from nebius_model_resource.errors import (
    AccessDenied,
    DeadlineExceeded,
    Interrupted,
    ModelVanished,
    NebiusError,
    NotFound,
    Unfinished,
    UnknownStatus,
    ValidationFailed,
)

GRACE = 30.0  # seconds for which reads may not show a new model (so in a capture of December 2025)
_TICK = 1.0  # seconds between two looks at the progress
# The next read comes after a tenth of the time waited, so that a long wait costs few requests, and after ten times
# the last read's time, so that a long list takes a tenth of it.
_SHORTEST = 0.5
_PART = 10
# Seconds at which the row shows the time waited, then each minute: the engine shows a clock of its own, and in the
# log of a CI run each text is one more line.
_FIRST_MARKS = (10, 30)
_MINUTE = 60


class Wait:
    """One wait for one model, on the list that all waits of the process share."""

    def __init__(
        self,
        state: State,
        client: Client,
        models: SharedList[ModelInfo],
        operation: Operation,
        grace: float = GRACE,
    ) -> None:
        """``grace``: for so many seconds it means nothing that reads do not show the model."""
        self._state = state
        self._client = client
        self._models = models
        self._operation = operation
        self._deadline = operation.deadline
        self._grace = grace
        self._started = self._deadline.clock()
        self._after = self._started  # an earlier list says nothing new
        self._due = self._started + _SHORTEST
        self._failure: NebiusError | None = None
        self._shown: tuple[str, int] | None = None

    def until_active(self) -> State:
        """Wait.

        Raises:
            ValidationFailed: the validation ended in ``error``; the model still exists.
            ModelVanished: the model is gone.
            Unfinished: the deadline passed, the run was interrupted, or the key is refused; the model is in the error.
        """
        self._show_progress()
        while not self._is_done(self._look()):
            if self._deadline.passed():
                self._give_up(self._deadline.why_passed())
            pause = min(max(self._due - self._deadline.clock(), 0.02), _TICK, self._deadline.remaining())
            self._deadline.sleep(pause)
            self._show_progress()
        self._operation.progress(self._state.status)
        return self._state

    def _elapsed(self) -> float:
        return self._deadline.clock() - self._started

    def _show_progress(self) -> None:
        status, mark = self._state.status, _mark(self._elapsed())
        if (status, mark) == self._shown:
            return
        self._shown = status, mark
        text = f"{status} ({mark} s)" if mark else status
        if mark >= _MINUTE:
            failure = self._failure.message if self._failure else ""
            reason = self._state.reason or failure or "the service gives no reason"
            text += f": {reason}; {self._deadline.remaining():.0f} s left until the deadline"
        self._operation.progress(text)

    def _look(self) -> ModelInfo | None:
        """The model in the list, or read by name if the list lacks it; None if it is not yet time, or not known."""
        now = self._deadline.clock()
        if now < self._due:
            return None
        pause = max(_SHORTEST, self._elapsed() / _PART)
        try:
            snapshot = self._models.newer_than(max(self._after, now - pause), self._deadline.once())
        except DeadlineExceeded:
            return None
        self._after = snapshot.taken_at
        self._due = self._deadline.clock() + max(pause, _PART * snapshot.seconds)
        found = snapshot.find(self._state.id)
        return found if found and found.status else self._read(snapshot)

    def _read(self, snapshot: Snapshot[ModelInfo]) -> ModelInfo | None:
        try:
            return self._client.get_model(self._state.id, self._deadline.once())
        except DeadlineExceeded:
            return None  # nothing was sent: the last answer is an earlier one
        except NebiusError as error:
            self._failure = error
            if not (snapshot.failure and isinstance(error, NotFound)):
                self._judge(error)  # otherwise everything may be 404, as behind a wrong base URL
            return None

    def _judge(self, error: NebiusError) -> None:
        """Ignore a failed read if a later one may succeed."""
        is_old = self._elapsed() >= self._grace
        if isinstance(error, AccessDenied) and (is_old or error.status == 401):
            self._give_up("the key was refused")
        if isinstance(error, NotFound) and is_old:
            raise vanished(self._state.id, error) from error

    def _is_done(self, info: ModelInfo | None) -> bool:
        if info is None:
            return False
        self._state = seen(self._state, info)
        if info.status == ERROR:
            raise ValidationFailed(validation_failed(info.status_reason), state=self._state)
        if info.status == DELETED:
            raise vanished(self._state.id)
        if info.status and info.status not in KNOWN_STATUSES:
            raise UnknownStatus(unknown_status(self._state), state=self._state)
        return info.status == ACTIVE or (bool(info.status) and not self._state.inputs.get("wait_for_active"))

    def _give_up(self, why: str) -> NoReturn:
        answer = f"; last answer: {self._failure.message}" if self._failure else ""
        reason = f" ({self._state.reason})" if self._state.reason else ""
        unfinished = Interrupted if self._deadline.interrupted() else Unfinished
        raise unfinished(
            f"the model {self._state.id!r} is still {self._state.status}{reason} after {self._elapsed():.0f} s: "
            f"{why}{answer}",
            state=self._state,
        ) from self._failure


def seen(state: State, info: ModelInfo) -> State:
    """A model's state with what the service reports of it; the short name of an answer never replaces the full one."""
    full = info.name if GeneratedName.parse(info.name).is_full else state.id
    outputs = {
        "generated_name": full,
        "status": info.status or state.status,
        "status_reason": info.status_reason,
        "created_at": info.created_at or state.outputs.get("created_at"),
    }
    return replace(state, id=full, outputs=outputs)


def _mark(elapsed: float) -> int:
    """The last moment at which the row shows the time waited; 0 before the first."""
    if elapsed >= _MINUTE:
        return int(elapsed // _MINUTE) * _MINUTE
    return max((mark for mark in _FIRST_MARKS if elapsed >= mark), default=0)


def validation_failed(reason: str | None) -> str:
    """The message for a model that ended in ``error``."""
    return f"validation failed: {reason or 'the service gave no reason'}"


def vanished(id_: str, error: NebiusError | None = None) -> ModelVanished:
    """The error for a model that is gone although this run did not delete it."""
    answer = f": {error.message}" if error else ""
    return ModelVanished(f"the model {id_!r} was deleted outside of this run{answer}")


def unknown_status(state: State) -> str:
    """The message for a model whose status is not documented."""
    reason = f" ({state.reason})" if state.reason else ""
    known = ", ".join(KNOWN_STATUSES)
    return f"the model {state.id!r} has the unknown status {state.status!r}{reason}; known are {known}"
