"""Creating exactly one thing with a POST whose answer may be lost: models, files and endpoints.

Nothing exists if the service refuses, asks for a pause, or is not reached. Something may exist if the answer is lost,
cannot be read, or is a 5xx without ``Retry-After``. Then the list decides: the POST is sent again only after several
lists without what it may have created.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from nebius_model_resource import errors
from nebius_model_resource._provider.calls import Operation
from nebius_model_resource._provider.listing import Collection, SharedList
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.retry import Deadline, repeat, was_not_sent

_LOOKS = 4  # complete lists without the new thing before the POST is sent again, about 5 s in all
_KNOWN_AGE = 3.0  # seconds: how old the list that is read before a POST may be
_ALONE_SECONDS = 30.0  # to search after the engine is gone
_NOT_YET = "the list does not show it yet"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Creation(Generic[_T]):
    """What to create, and how to find it.

    Attributes:
        name: the name that it is asked for by; creates of one name and list take turns.
        things: the list that shows it.
        send: sends the POST.
        fits: whether an entry of the list could be what the POST created.
        is_own: whether an entry has a name that nothing else can have; None if the name is no proof. With one the list
            need not be read before, and what has it besides the created one is deleted.
        adopt: how to take over one of several that fit, for a message.
    """

    name: str
    things: SharedList[_T]
    send: Callable[[], _T]
    fits: Callable[[_T], bool]
    is_own: Callable[[_T], bool] | None = None
    adopt: str = ""

    @property
    def collection(self) -> Collection[_T]:
        """Where it is created."""
        return self.things.collection


class Creator:
    """Sends the POSTs of one account; all threads of a process share it.

    Attributes:
        taken: the keys of what belongs to a resource of this process: nobody's lost ones.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.taken: set[str] = set()
        # A lock lives as long as creates hold it or wait for it: a process may create thousands of names.
        self._locks: WeakValueDictionary[Hashable, threading.Lock] = WeakValueDictionary()
        self._guard = threading.Lock()  # such a dictionary is not safe between threads

    def exactly_one(
        self, creation: Creation[_T], operation: Operation, lost: errors.OutcomeUnknown | None = None
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
        with self._guard:
            lock = self._locks.setdefault((creation.things, creation.name), threading.Lock())
        # Until the outcome is known no other create of the same name sends a POST: what appears belongs to this one.
        with operation.deadline.holding(lock):
            attempt = _Create(creation, operation, self)
            try:
                created = attempt.run(lost)
                if creation.is_own:  # otherwise the caller finds that the engine is gone, and deletes
                    operation.deadline.sleep(0)
            except errors.EngineGone:
                attempt.delete_others("", self.client.deadline(_ALONE_SECONDS))
                raise
            self.taken.add(creation.collection.key(creation.collection.id_of(created)))
            creation.things.changed()
            return created


class _Create(Generic[_T]):
    """One create, from the first look at the list until its outcome is known."""

    def __init__(self, creation: Creation[_T], operation: Operation, creator: Creator) -> None:
        self._creation = creation
        self._operation = operation
        self._deadline = operation.deadline
        self._creator = creator
        self._before: frozenset[str] | None = frozenset()  # what existed; None if that is not known
        self._posts = 0

    def run(self, lost: errors.OutcomeUnknown | None) -> _T:
        """See :meth:`Creator.exactly_one`."""
        self._deadline.sleep(0)  # an engine that is gone meanwhile records nothing
        report = self._operation.retrying
        if lost:
            self._before = lost.known
            if found := self._find(lost):
                return found
        elif not self._creation.is_own:
            self._before = repeat(self._known, self._deadline, report=report)
        created = repeat(self._post, self._deadline, repeats=was_not_sent, report=report)
        if self._posts > 1:  # a POST that looked lost may have been carried out late
            self.delete_others(self._creation.collection.id_of(created), self._deadline)
        return created

    def _known(self) -> frozenset[str] | None:
        """What exists before the first POST; None if the service refuses or breaks the list.

        A service that cannot be reached is met here, before anything can have been sent.
        """
        moment = self._creator.client.clock() - _KNOWN_AGE
        snapshot = self._creation.things.newer_than(moment, self._deadline.once())
        if isinstance(snapshot.failure, (errors.ApiError, errors.UnusableAnswer)):
            return None
        if snapshot.failure:
            raise snapshot.failure
        return snapshot.keys

    def _post(self) -> _T:
        """One POST, and the search for what it created if its answer is lost."""
        self._posts += 1
        try:
            return self._creation.send()
        except errors.NebiusError as error:
            # An earlier POST that was carried out late may be why this one is refused.
            is_refused = isinstance(error, errors.BadRequest) and self._posts > 1
            if not is_refused and not errors.may_have_happened(error):
                raise
            found = self._find(error)
            if found is None and is_refused:
                raise
            if found is None:
                raise errors.NotSent(f"{error.message}; the list shows that nothing was created") from error
            return found

    def _find(self, lost: errors.NebiusError) -> _T | None:
        """Search for what a lost answer created, even if the engine goes away meanwhile: the caller then deletes it."""
        self._operation.progress(
            f"the answer was lost: searching the list for the {self._creation.collection.noun}"
        )
        if self._before is None:
            raise self._unknown(lost, "the list could not be read before")
        try:
            return self._search(lost, self._deadline)
        except errors.EngineGone:
            if found := self._search(lost, self._creator.client.deadline(_ALONE_SECONDS)):
                return found
            raise

    def _search(self, lost: errors.NebiusError, deadline: Deadline) -> _T | None:
        creation, before, looks = self._creation, self._before or frozenset(), 0

        def look() -> _T | None:
            nonlocal looks
            snapshot = creation.things.fresh(deadline.once())
            if snapshot.failure:
                raise snapshot.failure
            keys = snapshot.keys - before - self._creator.taken
            new = [entry for key in keys for entry in snapshot.index[key] if creation.fits(entry)]
            if len(new) > 1 and not creation.is_own:
                raise _ambiguous(creation, sorted(map(creation.collection.id_of, new)))
            if new:
                return new[0]
            if not snapshot.complete:
                raise errors.UnusableAnswer("the list has unreadable entries")
            looks += 1
            if looks == _LOOKS:
                return None
            raise errors.UnusableAnswer(_NOT_YET)

        try:
            return repeat(look, deadline)
        except (errors.AmbiguousCreate, errors.EngineGone):
            raise
        except errors.NebiusError as error:
            text = error.message
            listed = text if text == _NOT_YET else f"the list cannot be read: {text}"
            raise self._unknown(lost, listed) from error

    def _unknown(self, lost: errors.NebiusError, listed: str) -> errors.OutcomeUnknown:
        return errors.OutcomeUnknown(
            f"it is not known whether {self._creation.name!r} was created: {lost.message}; {listed}",
            "before the next `pulumi up` run `pulumi stack export | nebius-models unknown`, which shows the "
            f"{self._creation.collection.noun} if it exists",
            self._before,
        )

    def delete_others(self, kept: str, deadline: Deadline) -> None:
        """Delete what has the name besides the created one; if that fails, `nebius-models unknown` shows it."""
        creation, things = self._creation, self._creation.things
        if creation.is_own is None:
            return
        try:
            snapshot = things.fresh(deadline)
            if snapshot.failure:
                raise snapshot.failure
            for entry in (entry for entries in snapshot.index.values() for entry in entries):
                if creation.is_own(entry) and creation.collection.id_of(entry) != kept:
                    things.delete(creation.collection.id_of(entry), deadline)
        except errors.EngineGone:
            raise
        except errors.NebiusError as error:
            self._operation.warn(
                f"{creation.name!r} may be there twice: {error.message}; "
                "run `pulumi stack export | nebius-models unknown`"
            )


def _ambiguous(creation: Creation[_T], ids: list[str]) -> errors.AmbiguousCreate:
    return errors.AmbiguousCreate(
        f"the answer to the creation of {creation.name!r} was lost, and {len(ids)} "
        f"{creation.collection.noun}s could be the new one: {', '.join(ids)}",
        f"adopt the right one ({creation.adopt}) or delete the wrong ones (`nebius-models delete NAME`), then run "
        "`pulumi up` again",
    )
