"""Creating exactly one model with a POST whose answer may be lost.

No model exists if the service refuses, asks for a pause, or is not reached. A model may exist if the answer is lost,
cannot be read, or is a 5xx without ``Retry-After``. Then the list decides: the POST is sent again only after several
lists without the model.
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
_ALONE_SECONDS = 30.0  # to search for the model after the engine is gone


class Creator:
    """Sends the POSTs of one account; all threads of a process share it."""

    def __init__(
        self,
        client: NebiusClient,
        *,
        wall_clock: Clock = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``wall_clock`` gives Unix seconds if the answers have no ``Date``; ``jitter`` numbers from 0 to 1."""
        self._client = client
        self._clock = client.connection.clock
        self._wall_clock = wall_clock
        self._jitter = jitter
        self._lost_answers = LostAnswers()

    def claim(self, name: str) -> None:
        """A model has an owner: no create that lost its answer takes it."""
        self._lost_answers.claim(name)

    def create(self, inputs: Inputs, operation: Operation) -> ModelInfo:
        """Create one model.

        Raises:
            ApiError, NotSent, DeadlineExceeded: no model was created.
            AmbiguousCreate: several models could be the created one.
            AnswerLost: at the deadline it is not known whether a model was created.
            EngineGone: no model was created.
        """
        kind = Kind.of(inputs)
        started = self._clock()
        failures = 0
        while True:
            try:
                with self._lost_answers.during_post(kind):
                    info = self._client.create_model(inputs, operation.deadline)
                    self._lost_answers.claim(info.name)
                    return info
            except NotSent as error:
                failures += 1
                delay = backoff(failures, jitter=self._jitter)
                if error.permanent or delay >= operation.deadline.remaining():
                    raise
                operation.report.progress(f"{error}; retrying")
                operation.deadline.sleep(delay)
            except NebiusError as error:
                if not may_have_happened(error):
                    raise
                if found := self._find_lost(kind, started, error, operation):
                    return found

    def _find_lost(
        self, kind: Kind, started: float, lost: NebiusError, operation: Operation
    ) -> ModelInfo | None:
        """Search for the model of a lost answer, even if the engine goes away meanwhile: the caller then deletes it."""
        operation.report.progress("the answer was lost: searching the list for the model")
        try:
            return self._search(kind, started, lost, operation)
        except EngineGone:
            alone = Operation(self._client.connection.deadline(_ALONE_SECONDS))
            if found := self._search(kind, started, lost, alone):
                return found
            raise

    def _search(
        self, kind: Kind, started: float, lost: NebiusError, operation: Operation
    ) -> ModelInfo | None:
        looks = 0
        failure = lost
        while True:
            posts = self._lost_answers.posts_so_far(kind)
            if posts is not None:
                try:
                    listing = self._client.list_models(
                        kind.ai_project_id, operation.deadline, attempts=1, asked=kind.name
                    )
                except AccessDenied as error:
                    raise _outcome_unknown(kind, lost, error) from error
                except NebiusError as error:
                    failure = error
                else:
                    now = self._wall_clock() if listing.server_time is None else listing.server_time
                    since = now - (self._clock() - started)
                    if found := self._lost_answers.assign(kind, posts, listing.models(), since):
                        return found
                    if listing.complete:
                        looks += 1
                    else:
                        failure = UnusableAnswer("the list has unreadable entries")
                    if looks == _LOOKS:
                        self._lost_answers.not_created(kind)
                        return None
            delay = backoff(max(looks, 1), jitter=lambda: 1.0)
            if delay >= operation.deadline.remaining():
                raise _outcome_unknown(kind, lost, failure) from failure
            operation.deadline.sleep(delay)


def _outcome_unknown(kind: Kind, lost: NebiusError, failure: NebiusError) -> AnswerLost:
    listed = "the list does not show it yet" if failure is lost else f"the list cannot be read: {failure}"
    return AnswerLost(
        f"it is not known whether {kind.name!r} was created: {lost}; {listed}; before the next `pulumi up` run "
        "`pulumi stack export | nebius-models unknown`, which shows the model if it exists"
    )
