"""Waiting until one model is active."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.models import (
    ACTIVE,
    DELETED,
    ERROR,
    KNOWN_STATUSES,
    GeneratedName,
    ModelInfo,
    State,
)
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource._lifecycle.shared_list import GRACE, Snapshot, StatusReader
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

_TICK = 1.0  # seconds between two looks at the progress
# Seconds at which the row shows the time waited, then each minute: the engine shows a clock of its own, and in the
# log of a CI run each text is one more line.
_FIRST_MARKS = (10, 30)
_MINUTE = 60


class Wait:
    """One wait for one model, on the list that all waits of the process share."""

    def __init__(
        self,
        state: State,
        client: NebiusClient,
        reader: StatusReader,
        operation: Operation,
        grace: float = GRACE,
    ) -> None:
        """``grace``: for so many seconds it means nothing that reads do not show the model."""
        self._state = state
        self._client = client
        self._reader = reader
        self._deadline = operation.deadline
        self._report = operation.report
        self._grace = grace
        self._started = reader.join()
        self._snapshot: Snapshot | None = None
        self._failure: NebiusError | None = None
        self._shown: tuple[str, int] | None = None

    def until_active(self) -> State:
        """Wait.

        Raises:
            ValidationFailed: the validation ended in ``error``; the model still exists.
            ModelVanished: the model is gone.
            Unfinished: the deadline passed, the run was interrupted, or the key is refused; the model is in the error.
        """
        while True:
            if self._deadline.passed():
                self._give_up(self._deadline.why_passed())
            pause = min(max(self._reader.until_due(), 0.02), _TICK, self._deadline.remaining())
            self._deadline.sleep(pause)
            self._show_progress()
            if (info := self._look()) and self._is_done(info):
                self._report.progress(self._state.status)
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
            reason = self._state.status_reason or self._failure or "the service gives no reason"
            text += f": {reason}; {self._deadline.remaining():.0f} s left until the deadline"
        self._report.progress(text)

    def _look(self) -> ModelInfo | None:
        """The model in the newest list, or read by name if the list does not show it; None if nothing is new."""
        snapshot = self._reader.latest(self._deadline)
        if snapshot is None or snapshot is self._snapshot or snapshot.taken_at < self._started:
            return None
        self._snapshot = snapshot
        found = snapshot.find(self._state.generated_name)
        if found and found.status:
            return found
        try:
            return self._client.get_model(self._state.generated_name, self._deadline, attempts=1)
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
            raise ModelVanished(vanished(self._state.generated_name, error)) from error

    def _is_done(self, info: ModelInfo) -> bool:
        full = info.name if GeneratedName.parse(info.name).is_full else self._state.generated_name
        self._state = replace(
            self._state,
            generated_name=full,
            status=info.status or self._state.status,
            status_reason=info.status_reason,
            created_at=info.created_at or self._state.created_at,
        )
        if info.status == ERROR:
            raise ValidationFailed(validation_failed(info.status_reason), state=self._state)
        if info.status == DELETED:
            raise ModelVanished(vanished(full))
        if info.status and info.status not in KNOWN_STATUSES:
            raise UnknownStatus(unknown_status(self._state), state=self._state)
        return info.status == ACTIVE or (bool(info.status) and not self._state.inputs.wait_for_active)

    def _give_up(self, why: str) -> NoReturn:
        name, status = self._state.generated_name, self._state.status
        answer = f"; last answer: {self._failure}" if self._failure else ""
        reason = f" ({self._state.status_reason})" if self._state.status_reason else ""
        unfinished = Interrupted if self._deadline.interrupted() else Unfinished
        raise unfinished(
            f"the model {name!r} is still {status}{reason} after {self._elapsed():.0f} s: {why}{answer}",
            state=self._state,
        ) from self._failure


def _mark(elapsed: float) -> int:
    """The last moment at which the row shows the time waited; 0 before the first."""
    if elapsed >= _MINUTE:
        return int(elapsed // _MINUTE) * _MINUTE
    return max((mark for mark in _FIRST_MARKS if elapsed >= mark), default=0)


def validation_failed(reason: str | None) -> str:
    """The message for a model that ended in ``error``."""
    return f"validation failed: {reason or 'the service gave no reason'}"


def vanished(name: str, error: NebiusError | None = None) -> str:
    """The message for a model that is gone although this run did not delete it."""
    answer = f": {error}" if error else ""
    return f"the model {name!r} was deleted outside of this run{answer}; run `pulumi up` again to create a new one"


def unknown_status(state: State) -> str:
    """The message for a model whose status is not documented."""
    reason = f" ({state.status_reason})" if state.status_reason else ""
    known = ", ".join(KNOWN_STATUSES)
    return f"the model {state.generated_name!r} has the unknown status {state.status!r}{reason}; known are {known}"
