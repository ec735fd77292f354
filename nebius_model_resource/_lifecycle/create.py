"""Making exactly one model with a POST whose answer may be lost.

Nothing was made: the service refused, asked for a pause, or was not reached. May have been made: the answer was
lost, cannot be read, or is a 5xx without ``Retry-After``. Then the list decides, and only where it has looked a few
times in vain is the POST sent again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from nebius_model_resource._api.backoff import backoff
from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.deadline import Clock
from nebius_model_resource._api.models import Inputs, ModelInfo
from nebius_model_resource._lifecycle.lost_answers import LostAnswers
from nebius_model_resource._lifecycle.matching import Kind
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource.errors import (
    AccessDenied,
    AnswerLost,
    EngineGone,
    NebiusError,
    NotSent,
    UnusableAnswer,
    may_have_happened,
)

_LOOKS = 4  # lists without the model before the POST is sent again: 0, 0.5, 1.5 and 3.5 s after the first
_ALONE_SECONDS = 30.0  # to look for what was made once the engine is gone


def _always() -> float:
    return 1.0


class Creator:
    """Posts for one account; one object serves every thread of a process."""

    def __init__(
        self,
        client: NebiusClient,
        *,
        wall_clock: Clock = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Nothing is sent.

        Args:
            client: the account.
            wall_clock: Unix seconds, used only where the service's answers have no ``Date``.
            jitter: a number from 0 to 1, each time another.
        """
        self._client = client
        self._clock = client.connection.clock
        self._wall_clock = wall_clock
        self._jitter = jitter
        self._lost_answers = LostAnswers()

    def claim(self, name: str) -> None:
        """A model is somebody's already: no create that loses its answer takes it."""
        self._lost_answers.claim(name)

    def create(self, inputs: Inputs, operation: Operation) -> ModelInfo:
        """Make one model.

        Raises:
            ApiError, NotSent, DeadlineExceeded: nothing was made.
            AmbiguousCreate: something was, and cannot be told from what others made.
            AnswerLost: the deadline came before it was known whether something was made.
            EngineGone: nothing was made.
        """
        kind = Kind.of(inputs)
        started = self._clock()
        failures = 0
        while True:
            try:
                with self._lost_answers.posting(kind):
                    info = self._client.create_model(inputs, operation.deadline)
                    self._lost_answers.claim(info.name)
                    return info
            except NotSent as error:
                failures += 1
                self._pause(error, failures, operation)
            except NebiusError as error:
                if not may_have_happened(error):
                    raise
                found = self._find_lost(kind, started, error, operation)
                if found:
                    return found

    def _pause(self, error: NotSent, failures: int, operation: Operation) -> None:
        delay = backoff(failures, jitter=self._jitter)
        if error.permanent or delay >= operation.deadline.remaining():
            raise error
        operation.report.progress(f"{error}; trying again")
        operation.deadline.sleep(delay)

    def _find_lost(
        self, kind: Kind, started: float, lost: NebiusError, operation: Operation
    ) -> ModelInfo | None:
        """Look for what a POST made, also where the engine goes away meanwhile: then the caller deletes it."""
        operation.report.progress("the answer was lost: looking whether the model was made")
        try:
            return self._look(kind, started, lost, operation)
        except EngineGone:
            alone = Operation(self._client.connection.deadline(_ALONE_SECONDS))
            if found := self._look(kind, started, lost, alone):
                return found
            raise

    def _look(self, kind: Kind, started: float, lost: NebiusError, operation: Operation) -> ModelInfo | None:
        looks = 0
        trouble = lost
        while True:
            mark = self._lost_answers.quiet_since(kind)
            if mark is not None:
                try:
                    listing = self._client.list_models(
                        kind.ai_project_id, operation.deadline, attempts=1, asked=kind.name
                    )
                except AccessDenied as error:
                    raise _undecided(kind, lost, error) from error
                except NebiusError as error:
                    trouble = error
                else:
                    now = self._wall_clock() if listing.server_time is None else listing.server_time
                    since = now - (self._clock() - started)
                    found = self._lost_answers.take(kind, mark, listing.models(), since)
                    if found:
                        return found
                    if not listing.complete:
                        trouble = UnusableAnswer("the list has entries that are no models")
                    looks += listing.complete
                    if looks == _LOOKS:
                        self._lost_answers.nothing_made(kind)
                        return None
            delay = backoff(max(looks, 1), jitter=_always)
            if delay >= operation.deadline.remaining():
                raise _undecided(kind, lost, trouble) from trouble
            operation.deadline.sleep(delay)


def _undecided(kind: Kind, lost: NebiusError, trouble: NebiusError) -> AnswerLost:
    looked = "the model is not in the list yet"
    if trouble is not lost:
        looked = f"the list cannot be read: {trouble}"
    return AnswerLost(
        f"whether {kind.name!r} was made is not known: {lost}; {looked}; before the next "
        "`pulumi up` run `pulumi stack export | nebius-models unknown`: it lists a model that was made"
    )
