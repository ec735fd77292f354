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
    ModelVanished,
    NebiusError,
    NotFound,
    Unfinished,
    UnknownStatus,
    ValidationFailed,
)

_TICK = 1.0  # seconds between two looks at the progress
# Seconds waited at which the row says so, then each minute: the engine has a clock of its own in the row, and in the
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
        self._state = state
        self._client = client
        self._reader = reader
        self._operation = operation
        self._grace = grace
        self._joined = reader.join()
        self._seen: Snapshot | None = None
        self._trouble: NebiusError | None = None
        self._shown: tuple[str, int] | None = None

    def until_active(self) -> State:
        """Wait.

        Raises:
            ValidationFailed: the service ended in ``error``; the model still exists.
            ModelVanished: the model is gone.
            Unfinished: the deadline passed, or the key is refused; the model is in the error.
        """
        while True:
            if self._operation.deadline.passed():
                self._give_up("its deadline passed")
            self._operation.deadline.sleep(
                min(max(self._reader.until_due(), 0.02), _TICK, self._operation.deadline.remaining())
            )
            self._show()
            if (info := self._look()) and self._is_done(info):
                self._operation.report.progress(self._state.status)
                return self._state

    def _elapsed(self) -> float:
        return self._reader.elapsed(self._joined)

    def _show(self) -> None:
        status, mark = self._state.status, _mark(self._elapsed())
        if (status, mark) == self._shown:
            return
        self._shown = status, mark
        text = f"{status} ({mark} s)" if mark else status
        if mark >= _MINUTE:
            reason = self._state.status_reason or self._trouble or "the service gives no reason"
            text += f": {reason}; {self._operation.deadline.remaining():.0f} s left until the deadline"
        self._operation.report.progress(text)

    def _look(self) -> ModelInfo | None:
        """What the newest list says, or where it says nothing a read by name; None where there is no news."""
        snapshot = self._reader.latest(self._operation.deadline)
        if snapshot is None or snapshot is self._seen or snapshot.taken_at < self._joined:
            return None
        self._seen = snapshot
        found = snapshot.find(self._state.generated_name)
        if found and found.status:
            return found
        try:
            return self._client.get_model(self._state.generated_name, self._operation.deadline, attempts=1)
        except NebiusError as error:
            self._trouble = error
            if not (snapshot.failure and isinstance(error, NotFound)):
                self._judge(error)  # behind a wrong base URL, say, everything is 404
            return None

    def _judge(self, error: NebiusError) -> None:
        """Let a failed read pass where time may mend it."""
        if isinstance(error, AccessDenied) and error.status == 401:
            self._give_up("the key was refused")
        if self._elapsed() < self._grace:
            return
        if isinstance(error, NotFound):
            raise ModelVanished(vanished(self._state.generated_name, error)) from error
        if isinstance(error, AccessDenied):
            self._give_up("the key was refused")

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
            raise ModelVanished(f"the model {full!r} was deleted by somebody else while it was awaited")
        if info.status and info.status not in KNOWN_STATUSES:
            raise UnknownStatus(unknown_status(self._state), state=self._state)
        return info.status == ACTIVE or (bool(info.status) and not self._state.inputs.wait_for_active)

    def _give_up(self, why: str) -> NoReturn:
        name = self._state.generated_name
        trouble = f"; last answer: {self._trouble}" if self._trouble else ""
        reason = f" ({self._state.status_reason})" if self._state.status_reason else ""
        raise Unfinished(
            f"the model {name!r} is still {self._state.status}{reason} after {self._elapsed():.0f} s: {why}{trouble}",
            state=self._state,
        ) from self._trouble


def _mark(elapsed: float) -> int:
    """The last of the moments at which the row says how long the wait takes; 0 before the first."""
    if elapsed >= _MINUTE:
        return int(elapsed // _MINUTE) * _MINUTE
    return max((mark for mark in _FIRST_MARKS if elapsed >= mark), default=0)


def validation_failed(reason: str | None) -> str:
    """What to say of a model that ended in ``error``."""
    return f"validation failed: {reason or 'the service gave no reason'}"


def vanished(name: str, error: NebiusError | None = None) -> str:
    """What to say of a model that is gone and that this run did not delete."""
    told = f": {error}" if error else ""
    return (
        f"the model {name!r} was deleted outside of this run{told}; run `pulumi up` again to make a new one"
    )


def unknown_status(state: State) -> str:
    """What to say of a model whose status is none of the documented ones."""
    reason = f" ({state.status_reason})" if state.status_reason else ""
    known = ", ".join(KNOWN_STATUSES)
    return f"the model {state.generated_name!r} has the unknown status {state.status!r}{reason}; known are {known}"
