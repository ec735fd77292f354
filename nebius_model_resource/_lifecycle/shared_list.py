"""One shared reader of the list for all waits and refreshes of the process."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from nebius_model_resource._api.client import Listing, NebiusClient
from nebius_model_resource._api.deadline import Clock, Deadline
from nebius_model_resource._api.models import DELETED, GeneratedName, ModelInfo
from nebius_model_resource.errors import NebiusError

FIRST_INTERVAL = 0.5  # seconds between two reads of the list, right after the first model was created
JOINED_INTERVAL = 1.0  # the same while more models are created: at most 60 reads a minute
LONGEST_INTERVAL = 5.0
THROTTLED_INTERVAL = 15.0  # while the service asks for pauses: creates go first
_GROWTH = 1.1  # keeps the interval near a tenth of the time waited
_JITTER = 0.1
_WORK_FACTOR = 10  # reading a long list takes at most about a tenth of the processor's time
_IDLE = 2.0  # a read that is so many seconds late shows that no wait is going on: a wait looks once a second
REFRESH_AGE = 30.0  # seconds for which one list serves the refresh of a stack
GRACE = 30.0  # seconds for which reads may not show a new model (seen live, December 2025)


class Snapshot:
    """The list at one moment.

    Attributes:
        taken_at: when it was requested, on the reader's clock.
        failure: why it could not be read, otherwise None.
        is_complete: whether a model that it does not show does not exist.
    """

    def __init__(self, taken_at: float, listing: Listing | None, failure: NebiusError | None) -> None:
        self.taken_at = taken_at
        self.failure = failure
        self.is_complete = listing is not None and listing.complete
        self._by_short: dict[str, list[dict[str, Any]]] = {}
        for entry in listing.entries if listing else ():
            self._by_short.setdefault(GeneratedName.parse(entry["name"]).short, []).append(entry)

    def find(self, name: str) -> ModelInfo | None:
        """The model with that full or short name; None if there is none, or if a short name fits several."""
        entries = self._entries(name)
        exact = [entry for entry in entries if entry["name"] == name]
        if not exact and len(entries) != 1:
            return None
        return ModelInfo.parse((exact or entries)[-1])

    def holds(self, name: str) -> bool:
        """Whether the list has a model with that full or short name that is not deleted."""
        return any(entry.get("status") != DELETED for entry in self._entries(name))

    def _entries(self, name: str) -> list[dict[str, Any]]:
        wanted = GeneratedName.parse(name)
        return [entry for entry in self._by_short.get(wanted.short, ()) if wanted.names(entry["name"])]


class StatusReader:
    """Reads the list of one project for all who wait: one request at a time, none while nobody waits."""

    def __init__(
        self,
        client: NebiusClient,
        ai_project_id: str | None,
        jitter: Callable[[], float] = random.random,
        work: Clock = time.thread_time,
    ) -> None:
        """``jitter`` gives numbers from 0 to 1; ``work`` the processor seconds that the calling thread has used."""
        self._client = client
        self._project = ai_project_id
        self._jitter = jitter
        self._work = work
        self._clock = client.connection.clock
        self._lock = threading.Lock()  # held during a read: a thread that comes meanwhile takes its result
        self._snapshot: Snapshot | None = None
        self._valid_from = float("-inf")
        # The plan of the reads. `join` writes the first, a read under the lock the others: nothing is overwritten.
        self._first_join = float("-inf")  # since the last read began
        self._read_at = float("-inf")
        self._planned = float("-inf")
        self._earliest = float("-inf")  # no read for a new wait comes before this
        self._interval = FIRST_INTERVAL

    def join(self) -> float:
        """Start to wait: the next read comes soon. Returns the moment, on the reader's clock."""
        now = self._clock()
        if self._first_join <= self._read_at:
            self._first_join = now
        return now

    def until_due(self) -> float:
        """Seconds until the next read is due."""
        return max(0.0, self._due() - self._clock())

    def _due(self) -> float:
        if self._first_join <= self._read_at:
            return self._planned
        return min(self._planned, max(self._first_join + FIRST_INTERVAL, self._earliest))

    def latest(self, deadline: Deadline) -> Snapshot | None:
        """The newest list, read again if that is due; None if another thread's read outlasts the deadline."""
        if self._clock() >= self._due():
            if not self._lock.acquire(timeout=deadline.remaining()):
                return None
            try:
                if self._clock() >= self._due():
                    self._read(deadline, attempts=1)
            finally:
                self._lock.release()
        return self._snapshot

    def recent(self, deadline: Deadline) -> Snapshot:
        """A list of the last half minute, and from after the last change of this process: enough for a refresh."""
        return self._shared(REFRESH_AGE, deadline)

    def fresh(self, deadline: Deadline) -> Snapshot:
        """A list requested from now on, shared with all who ask meanwhile: it proves that a model is gone."""
        return self._shared(None, deadline)

    def _shared(self, age: float | None, deadline: Deadline) -> Snapshot:
        asked = self._clock()
        with self._lock:
            held = self._snapshot
            if held is not None and held.taken_at > asked:
                return held  # another thread read it while this one waited for the lock; it may have failed
            if age is not None and held is not None and not held.failure:
                oldest = max(self._valid_from, self._clock() - age)
                if held.taken_at >= oldest:
                    return held
            return self._read(deadline, attempts=3)

    def invalidate(self) -> None:
        """Make :meth:`recent` read again: a model was created or deleted."""
        self._valid_from = self._clock()

    def _read(self, deadline: Deadline, attempts: int) -> Snapshot:
        started, worked = self._clock(), self._work()
        if started >= self._planned + _IDLE:
            self._interval = FIRST_INTERVAL
        elif self._first_join > self._read_at:
            self._interval = min(self._interval, JOINED_INTERVAL)
        self._read_at = started
        listing, failure = None, None
        try:
            listing = self._client.list_models(self._project, deadline, attempts=attempts)
        except NebiusError as error:
            failure = error
        self._snapshot = Snapshot(started, listing, failure)
        self._plan(self._clock() - started, self._work() - worked)
        return self._snapshot

    def _plan(self, taken: float, work: float) -> None:
        """Plan the next read: later each time, and later still if the service is slow or the list is long."""
        throttled = self._client.connection.gate.throttled
        shortest = (
            THROTTLED_INTERVAL if throttled else min(max(taken, _WORK_FACTOR * work), THROTTLED_INTERVAL)
        )
        self._earliest = self._read_at + max(JOINED_INTERVAL, shortest)
        jitter = 1 + _JITTER * (2 * self._jitter() - 1)
        self._planned = self._clock() + max(self._interval, shortest) * jitter
        self._interval = min(self._interval * _GROWTH, LONGEST_INTERVAL)


class StatusReaders:
    """One reader for each project, created on first use."""

    def __init__(self, client: NebiusClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._readers: dict[str | None, StatusReader] = {}

    def of(self, ai_project_id: str | None) -> StatusReader:
        """The reader of that project's list."""
        with self._lock:
            if ai_project_id not in self._readers:
                self._readers[ai_project_id] = StatusReader(self._client, ai_project_id)
            return self._readers[ai_project_id]
