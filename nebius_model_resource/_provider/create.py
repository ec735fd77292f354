"""Creating exactly one thing with a POST whose answer may be lost: models, and files.

Nothing exists if the service refuses, asks for a pause, or is not reached. Something may exist if the answer is lost,
cannot be read, or is a 5xx without ``Retry-After``. Then the list decides: the POST is sent again only after several
lists without what it may have created.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from nebius_model_resource._provider.calls import Operation
from nebius_model_resource._provider.listing import SharedList
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.retry import Deadline, repeat, was_not_sent
from nebius_model_resource.errors import (
    AmbiguousCreate,
    ApiError,
    EngineGone,
    NebiusError,
    NotSent,
    OutcomeUnknown,
    UnusableAnswer,
    may_have_happened,
)

_LOOKS = 4  # complete lists without the new thing before the POST is sent again, about 5 s in all
_KNOWN_AGE = 3.0  # seconds: how old the list that is read before a POST may be
_ALONE_SECONDS = 30.0  # to search after the engine is gone
_NOT_YET = "the list does not show it yet"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Creation(Generic[_T]):
    """What to create, and how to find it.

    Attributes:
        noun: what it is called in messages: ``"model"`` or ``"file"``.
        name: the name that it is asked for by; creates of one name and list take turns.
        things: the list that shows it.
        send: sends the POST.
        fits: whether an entry of the list could be what the POST created.
        is_unique: whether nothing else can have that name, so that the list need not be read before.
        adopt: how to take over one of several that fit, for a message.
    """

    noun: str
    name: str
    things: SharedList[_T]
    send: Callable[[], _T]
    fits: Callable[[_T], bool]
    is_unique: bool = False
    adopt: str = ""

    def key(self, entry: _T) -> str:
        """What all ids of one thing have in common."""
        return self.things.key(self.things.id_of(entry))


class Creator:
    """Sends the POSTs of one account; all threads of a process share it.

    Attributes:
        taken: the keys of what belongs to a resource of this process: nobody's lost ones.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self.taken: set[str] = set()
        self._lock = threading.Lock()
        self._locks: defaultdict[Hashable, threading.Lock] = defaultdict(threading.Lock)

    def exactly_one(
        self, creation: Creation[_T], operation: Operation, lost: OutcomeUnknown | None = None
    ) -> _T:
        """Create one thing.

        Args:
            creation: what to create.
            operation: its deadline and progress.
            lost: what an earlier attempt of this process ended in: its POST may have created the thing.

        Raises:
            ApiError, TransportError, DeadlineExceeded: nothing was created.
            AmbiguousCreate: several things could be the created one.
            OutcomeUnknown: at the deadline it is not known whether something was created.
            EngineGone: nothing was created.
        """
        with self._lock:
            lock = self._locks[creation.things, creation.name]
        # Until the outcome is known no other create of the same name sends a POST: what appears belongs to this one.
        with operation.deadline.holding(lock):
            operation.deadline.sleep(0)  # an engine that is gone meanwhile records nothing
            before = lost.known if lost else self._known(creation, operation)
            created = self._find(creation, operation, before, lost) if lost else None
            if created is None:
                created = repeat(
                    lambda: self._send(creation, operation, before),
                    operation.deadline,
                    repeats=was_not_sent,
                    report=operation.retrying,
                )
            self.taken.add(creation.key(created))
            return created

    def _known(self, creation: Creation[_T], operation: Operation) -> frozenset[str] | None:
        """What exists before the first POST; None if the service refuses or breaks the list.

        A service that cannot be reached is met here, before anything can have been sent.
        """
        if creation.is_unique:
            return frozenset()

        def read() -> frozenset[str] | None:
            moment = self._client.clock() - _KNOWN_AGE
            snapshot = creation.things.newer_than(moment, operation.deadline.once())
            if isinstance(snapshot.failure, (ApiError, UnusableAnswer)):
                return None
            if snapshot.failure:
                raise snapshot.failure
            return frozenset(snapshot.index)

        return repeat(read, operation.deadline, report=operation.retrying)

    def _send(self, creation: Creation[_T], operation: Operation, before: frozenset[str] | None) -> _T:
        """One POST, and the search for what it created if its answer is lost."""
        try:
            return creation.send()
        except NebiusError as error:
            if not may_have_happened(error):
                raise
            found = self._find(creation, operation, before, error)
            if found is None:
                raise NotSent(f"{error.message}; the list shows that nothing was created") from error
            return found

    def _find(
        self, creation: Creation[_T], operation: Operation, before: frozenset[str] | None, lost: NebiusError
    ) -> _T | None:
        """Search for what a lost answer created, even if the engine goes away meanwhile: the caller then deletes it."""
        operation.progress(f"the answer was lost: searching the list for the {creation.noun}")
        if before is None:
            raise _unknown(creation, before, lost, "the list could not be read before")
        try:
            return self._search(creation, before, lost, operation.deadline)
        except EngineGone:
            if found := self._search(creation, before, lost, self._client.deadline(_ALONE_SECONDS)):
                return found
            raise

    def _search(
        self, creation: Creation[_T], before: frozenset[str], lost: NebiusError, deadline: Deadline
    ) -> _T | None:
        looks = 0

        def look() -> _T | None:
            nonlocal looks
            snapshot = creation.things.fresh(deadline.once())
            if snapshot.failure:
                raise snapshot.failure
            keys = snapshot.index.keys() - before - self.taken
            new = [entry for key in keys for entry in snapshot.index[key] if creation.fits(entry)]
            if len(new) > 1:
                raise _ambiguous(creation, sorted(map(creation.things.id_of, new)))
            if new:
                return new[0]
            if not snapshot.complete:
                raise UnusableAnswer("the list has unreadable entries")
            looks += 1
            if looks == _LOOKS:
                return None
            raise UnusableAnswer(_NOT_YET)

        try:
            return repeat(look, deadline)
        except (AmbiguousCreate, EngineGone):
            raise
        except NebiusError as error:
            text = error.message
            listed = text if text == _NOT_YET else f"the list cannot be read: {text}"
            raise _unknown(creation, before, lost, listed) from error


def _ambiguous(creation: Creation[_T], ids: list[str]) -> AmbiguousCreate:
    return AmbiguousCreate(
        f"the answer to the creation of {creation.name!r} was lost, and {len(ids)} {creation.noun}s could be the new "
        f"one: {', '.join(ids)}",
        f"adopt the right one ({creation.adopt}) or delete the wrong ones (`nebius-models delete NAME`), then run "
        "`pulumi up` again",
        candidates=ids,
    )


def _unknown(
    creation: Creation[_T], before: frozenset[str] | None, lost: NebiusError, listed: str
) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"it is not known whether {creation.name!r} was created: {lost.message}; {listed}",
        "before the next `pulumi up` run `pulumi stack export | nebius-models unknown`, which shows the "
        f"{creation.noun} if it exists",
        before,
    )
