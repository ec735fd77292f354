"""Waiting until one model is active."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

from nebius_model_resource.client import NebiusClient
from nebius_model_resource.errors import (
    AccessDenied,
    ModelVanished,
    NebiusError,
    NotFound,
    Unfinished,
    ValidationFailed,
)
from nebius_model_resource.models import ACTIVE, DELETED, ERROR, GeneratedName, ModelInfo, State
from nebius_model_resource.pace import Deadline, Sleep
from nebius_model_resource.status import Snapshot, StatusReader

GRACE = 30.0  # seconds in which a model just made may still be missing from reads (seen live, December 2025)
_TICK = 1.0  # seconds between two updates of the progress
_WARN_AFTER = 60.0


def _ignore(_text: str) -> None:
    return None


@dataclass(frozen=True)
class Report:
    """Where progress is shown: texts that replace each other, and warnings; nowhere by default."""

    progress: Callable[[str], None] = _ignore
    warn: Callable[[str], None] = _ignore


class Wait:
    """One wait for one model, on the list that all waits of the process share."""

    def __init__(
        self,
        state: State,
        client: NebiusClient,
        reader: StatusReader,
        deadline: Deadline,
        sleep: Sleep,
        report: Report,
        grace: float = GRACE,
    ) -> None:
        self._state = state
        self._client = client
        self._reader = reader
        self._deadline = deadline
        self._sleep = sleep
        self._report = report
        self._grace = grace
        self._joined = reader.join()
        self._seen: Snapshot | None = None
        self._trouble: NebiusError | None = None
        self._warned = False
        self._shown = ""

    def until_active(self) -> State:
        """Wait.

        Raises:
            ValidationFailed: the service ended in ``error``; the model still exists.
            ModelVanished: the model is gone.
            Unfinished: the deadline passed, or the key is refused; the model is in the error.
        """
        while True:
            if self._deadline.passed():
                self._give_up("its deadline passed")
            self._sleep(min(max(self._reader.until_due(), 0.02), _TICK, self._deadline.remaining()))
            self._show()
            if (info := self._look()) and self._is_done(info):
                return self._state

    def _elapsed(self) -> float:
        return self._reader.elapsed(self._joined)

    def _show(self) -> None:
        text = f"{self._state.status} ({self._elapsed():.0f} s)"
        if text != self._shown:  # each is a call to the engine, which draws the row anew
            self._shown = text
            self._report.progress(text)
        if self._elapsed() >= _WARN_AFTER and not self._warned:
            self._warned = True
            reason = self._state.status_reason or self._trouble or "the service gives no reason"
            left = f"{self._deadline.remaining():.0f} s left until the deadline"
            self._report.warn(f"still {self._state.status} after {self._elapsed():.0f} s: {reason}; {left}")

    def _look(self) -> ModelInfo | None:
        """What the newest list says, or where it says nothing a read by name; None where there is no news."""
        snapshot = self._reader.latest(self._deadline, self._sleep)
        if snapshot is None or snapshot is self._seen or snapshot.taken_at < self._joined:
            return None
        self._seen = snapshot
        found = snapshot.find(self._state.generated_name)
        if found and found.status:
            return found
        try:
            return self._client.get_model(
                self._state.generated_name, deadline=self._deadline, sleep=self._sleep, attempts=1
            )
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
            raise ModelVanished(
                f"the model {self._state.generated_name!r} is gone though nobody here deleted it: {error}; "
                "run `pulumi up` again to make a new one"
            ) from error
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
            reason = info.status_reason or "the service gave no reason"
            raise ValidationFailed(f"validation failed: {reason}", state=self._state)
        if info.status == DELETED:
            raise ModelVanished(f"the model {full!r} was deleted by somebody else while it was awaited")
        return info.status == ACTIVE or (bool(info.status) and not self._state.inputs.wait_for_active)

    def _give_up(self, why: str) -> NoReturn:
        name = self._state.generated_name
        trouble = f"; last answer: {self._trouble}" if self._trouble else ""
        reason = f" ({self._state.status_reason})" if self._state.status_reason else ""
        raise Unfinished(
            f"the model {name!r} is still {self._state.status}{reason} after {self._elapsed():.0f} s: {why}{trouble}",
            state=self._state,
        ) from self._trouble
