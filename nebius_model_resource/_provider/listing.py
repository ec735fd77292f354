"""One list of a project's models, files or endpoints, shared by all calls of the process."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, TypeVar

from nebius_model_resource._service.client import Client
from nebius_model_resource._service.names import CONTROL_PLANE, short_name
from nebius_model_resource._service.retry import Deadline, never, repeat
from nebius_model_resource._service.settings import DEFAULT_BASE_URL
from nebius_model_resource._service.types import (
    DELETED,
    CustomModelInfo,
    DedicatedEndpointInfo,
    FileInfo,
    Listing,
)
from nebius_model_resource.errors import AccessDenied, NebiusError, NotFound

_REFRESH_AGE = 30.0  # seconds for which one list serves the refresh of a stack
_FAILURE_AGE = 1.0  # seconds for which a list that could not be read is not asked for again
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Collection(Generic[_T]):
    """Models, files or endpoints: how the service lists, reads and deletes them.

    Attributes:
        noun: what one of them is called in messages.
        list: the list of a project.
        delete: deletes the one of an id.
        get: reads the one of an id; None if only the list shows it.
        id_of: the id of an entry.
        key: what all ids of one thing have in common, such as the short name of a model.
        is_gone: whether an entry is deleted, though the list still has it.
        base_url: the service, if none is configured.
    """

    noun: str
    list: Callable[[Client, str | None, Deadline], Listing[_T]]
    delete: Callable[[Client, str, str | None, Deadline], object]
    get: Callable[[Client, str, Deadline], _T] | None = None
    id_of: Callable[[_T], str] = attrgetter("id")
    key: Callable[[str], str] = str
    is_gone: Callable[[_T], bool] = lambda _entry: False
    base_url: str = DEFAULT_BASE_URL


MODELS = Collection[CustomModelInfo](
    "model",
    Client.list_models,
    lambda client, name, _project, deadline: client.delete_model(name, deadline),
    Client.get_model,
    attrgetter("generated_name"),
    short_name,
    lambda model: model.status == DELETED,
)
FILES = Collection[FileInfo](
    "file",
    Client.list_files,
    lambda client, id_, _project, deadline: client.delete_file(id_, deadline),
    Client.get_file,
)
# That one endpoint can be read by its id is documented in one place, and missing in another.
ENDPOINTS = Collection[DedicatedEndpointInfo](
    "endpoint",
    Client.list_endpoints,
    Client.delete_endpoint,
    id_of=attrgetter("endpoint_id"),
    base_url=CONTROL_PLANE,
)


@dataclass(frozen=True)
class Snapshot(Generic[_T]):
    """The list at one moment.

    Attributes:
        taken_at: when it was requested, on the client's clock.
        seconds: how long the request took.
        failure: why it could not be read, otherwise None.
        complete: whether it was read without unreadable entries: what it lacks does not exist.
        index: what it has, by the key of each id.
        keys: those keys, to keep them longer than the list.
        of: the shared list.
    """

    taken_at: float
    seconds: float
    failure: NebiusError | None
    complete: bool
    index: Mapping[str, list[_T]]
    keys: frozenset[str]
    of: SharedList[_T]

    def find(self, id_: str) -> _T | None:
        """The entry with that id; None if there is none, or if a short name fits several."""
        key, id_of = self.of.collection.key(id_), self.of.collection.id_of
        entries = self.index.get(key, [])
        exact = [entry for entry in entries if id_of(entry) == id_]
        if exact:
            return exact[-1]
        # A full name never means another full one.
        fitting = [entry for entry in entries if key in (id_, id_of(entry))]
        return fitting[0] if len(fitting) == 1 else None


class SharedList(Generic[_T]):
    """Reads one list for all who need it: one request at a time, none while nobody asks.

    Attributes:
        collection: what it is the list of.
    """

    def __init__(self, client: Client, collection: Collection[_T], project: str | None) -> None:
        """Reads nothing.

        Args:
            client: the account's client.
            collection: what to list.
            project: the project; None for the key's own.
        """
        self.collection = collection
        self._client = client
        self._project = project
        self._clock = client.clock
        # The C library keeps, for each thread, some of the memory that a list takes: one thread reads all of them.
        self._reader = ThreadPoolExecutor(max_workers=1)
        self._lock = threading.Lock()  # held during a read: a thread that comes meanwhile takes its result
        self._snapshot: Snapshot[_T] | None = None
        self._changed_at = float("-inf")

    def changed(self) -> None:
        """This process has created or deleted something: a refresh must not use an older list."""
        self._changed_at = self._clock()

    def newer_than(self, moment: float, deadline: Deadline) -> Snapshot[_T]:
        """A list that was requested after a moment, or since this call.

        Raises:
            DeadlineExceeded: another thread's request outlasts the deadline.
        """
        asked = self._clock()
        with deadline.holding(self._lock):
            held = self._snapshot
            if held is not None:
                oldest = max(moment, asked - _FAILURE_AGE) if held.failure else moment
                if held.taken_at > min(oldest, asked):
                    return held
            self._snapshot = held = None  # the next list takes as much memory
            self._snapshot = self._read(deadline)
            return self._snapshot

    def recent(self, deadline: Deadline) -> Snapshot[_T]:
        """A list of the last seconds, and from after the last change of this process."""
        return self.newer_than(max(self._changed_at, self._clock() - _REFRESH_AGE), deadline)

    def fresh(self, deadline: Deadline) -> Snapshot[_T]:
        """A list requested from now on: it proves that something is gone."""
        return self.newer_than(self._clock(), deadline)

    def _read(self, deadline: Deadline) -> Snapshot[_T]:
        try:
            reading = self._reader.submit(self._request, deadline)
        except RuntimeError:  # this process is ending, or no further thread can start
            return self._request(deadline)
        return reading.result()

    def _request(self, deadline: Deadline) -> Snapshot[_T]:
        started = self._clock()
        listing: Listing[_T] = Listing((), complete=False)
        failure = None
        try:
            listing = self.collection.list(self._client, self._project, deadline)
        except NebiusError as error:
            failure = error
        index: defaultdict[str, list[_T]] = defaultdict(list)
        for entry in listing.entries:
            index[self.collection.key(self.collection.id_of(entry))].append(entry)
        seconds = self._clock() - started
        return Snapshot(started, seconds, failure, listing.complete, index, frozenset(index), self)

    def look_up(self, id_: str, deadline: Deadline) -> _T | None:
        """What exists under an id, by the list and then by a read of its own; None if neither shows it.

        Raises:
            ApiError, TransportError: it is not known whether it exists; 401 and 403 are among these.
        """
        snapshot = self.recent(deadline)
        entry = snapshot.find(id_) or self.read(id_, snapshot, deadline)
        return None if entry is None or self.collection.is_gone(entry) else entry

    def read(self, id_: str, snapshot: Snapshot[_T], deadline: Deadline) -> _T | None:
        """What a list lacks, by a read of its own; None if that does not show it either.

        Raises:
            ApiError, TransportError: it is not known whether it exists.
        """
        if get := self.collection.get:
            with suppress(NotFound):
                return get(self._client, id_, deadline)
        if snapshot.failure:  # without a list everything may be 404, as behind a wrong base URL
            raise snapshot.failure
        return None

    def delete(self, id_: str, deadline: Deadline, is_new: Callable[[], bool] = never) -> None:
        """Delete something; succeed if it does not exist.

        Behind a wrong base URL everything is 404, and a 403 does not say whether a thing exists. So a list that is
        requested after such an answer decides.

        Args:
            id_: the id.
            deadline: how long that may take.
            is_new: whether the service may not show it yet: then such an answer proves nothing, and is asked again.

        Raises:
            ApiError, TransportError, DeadlineExceeded: it may still exist.
        """
        try:
            repeat(
                lambda: self.collection.delete(self._client, id_, self._project, deadline),
                deadline,
                repeats=lambda error: _hides(error) and is_new(),
            )
        except (NotFound, AccessDenied) as error:
            if error.status == 401:
                raise
            snapshot = self.fresh(deadline)
            if snapshot.failure:
                raise snapshot.failure from error
            # An unreadable entry may be the thing itself: that leaves a 403 undecided.
            undecided = isinstance(error, AccessDenied) and not snapshot.complete
            entry = snapshot.find(id_)
            if undecided or (entry is not None and not self.collection.is_gone(entry)):
                raise
        self.changed()


def _hides(error: NebiusError) -> bool:
    """Whether an answer leaves open that there is no such thing: 404, and the 403 that stands for it."""
    return isinstance(error, NotFound) or (isinstance(error, AccessDenied) and error.status == 403)
