"""What is live: one shared reader of the list for every wait and every refresh of the process."""

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

FIRST_INTERVAL = 0.5  # seconds between two reads of the list, when the first model has just been made
JOINED_INTERVAL = 1.0  # the same while more and more models are made: no more than 60 reads a minute
LONGEST_INTERVAL = 5.0
THROTTLED_INTERVAL = 15.0  # while the service is asking for pauses, creates go first
_GROWTH = 1.1  # the gap stays near a tenth of the time waited
_JITTER = 0.1
_WORK_FACTOR = 10  # reading a long list never takes more than about a tenth of the processor's time
_IDLE = 2.0  # seconds by which a read is late only where nobody waits: a wait looks once a second
REFRESH_AGE = 30.0  # seconds for which one list serves the refresh of a whole stack
GRACE = 30.0  # seconds in which a model just made may still be missing from reads (seen live, December 2025)


class Snapshot:
    """The list at one moment, looked up by full or short name.

    Attributes:
        taken_at: when the request was sent, on the reader's clock.
        listing: the list itself.
        failure: why there is none, otherwise None.
    """

    def __init__(self, taken_at: float, listing: Listing | None, failure: NebiusError | None) -> None:
        self.taken_at = taken_at
        self.listing = listing
        self.failure = failure
        self._by_name: dict[str, dict[str, Any]] = {}
        self._by_short: dict[str, list[str]] = {}
        for entry in listing.entries if listing else ():
            name = entry["name"]
            self._by_name[name] = entry
            self._by_short.setdefault(GeneratedName.parse(name).short, []).append(name)

    @property
    def is_whole(self) -> bool:
        """Whether a model that is not in it does not exist."""
        return self.listing is not None and self.listing.complete

    def find(self, name: str) -> ModelInfo | None:
        """The model of that full or short name; None where the list lacks it, or names two by it."""
        matches = [name] if name in self._by_name else self._matches(name)
        return ModelInfo.parse(self._by_name[matches[0]]) if len(matches) == 1 else None

    def holds(self, name: str) -> bool:
        """Whether the list has a model of that full or short name that is not told to be deleted."""
        return any(self._by_name[each].get("status") != DELETED for each in self._matches(name))

    def _matches(self, name: str) -> list[str]:
        wanted = GeneratedName.parse(name)
        return [other for other in self._by_short.get(wanted.short, ()) if wanted.names(other)]


class StatusReader:
    """Reads one project's list for everyone who waits: one request at a time, none while nobody waits."""

    def __init__(
        self,
        client: NebiusClient,
        ai_project_id: str | None,
        jitter: Callable[[], float] = random.random,
        work: Clock = time.thread_time,
    ) -> None:
        """Nothing is sent.

        Args:
            client: the account.
            ai_project_id: the project.
            jitter: a number from 0 to 1, each time another.
            work: seconds of the processor that the calling thread has taken.
        """
        self._work = work
        self._client = client
        self._project = ai_project_id
        self._clock = client.connection.clock
        self._jitter = jitter
        self._lock = threading.Lock()  # held during a read: who comes meanwhile takes its result
        # Who joins writes the first, who reads (under the lock) the others: nothing is overwritten.
        self._first_join = float("-inf")  # since the last read began
        self._asked_at = float("-inf")
        self._planned = float("-inf")
        self._interval = FIRST_INTERVAL
        self._spacing = JOINED_INTERVAL  # from the last read to one for the sake of who joined since
        self._snapshot: Snapshot | None = None
        self._valid_from = float("-inf")

    def join(self) -> float:
        """Begin to wait: the next read comes soon. Returns the moment, for :meth:`latest`."""
        now = self._clock()
        if self._first_join <= self._asked_at:
            self._first_join = now
        return now

    def elapsed(self, since: float) -> float:
        """Seconds since a moment that :meth:`join` gave."""
        return self._clock() - since

    def until_due(self) -> float:
        """Seconds until the next read is due."""
        return max(0.0, self._due() - self._clock())

    def _due(self) -> float:
        if self._first_join <= self._asked_at:
            return self._planned
        return min(self._planned, max(self._first_join + FIRST_INTERVAL, self._asked_at + self._spacing))

    def latest(self, deadline: Deadline) -> Snapshot | None:
        """The newest list, read anew where that is due; None where another thread's read outlasts the deadline."""
        if self._clock() >= self._due():
            if not self._lock.acquire(timeout=deadline.remaining()):
                return None
            try:
                if self._clock() >= self._due():
                    self._read(deadline, attempts=1)
            finally:
                self._lock.release()
        return self._snapshot

    def current(self, deadline: Deadline) -> Snapshot:
        """A list of the last half minute that no change of this process has outdated: what a refresh looks at."""
        return self._shared(REFRESH_AGE, deadline)

    def asked_now(self, deadline: Deadline) -> Snapshot:
        """A list asked for from now on, with whoever asks at the same time: what proves that a model is gone."""
        return self._shared(None, deadline)

    def _shared(self, age: float | None, deadline: Deadline) -> Snapshot:
        asked = self._clock()
        with self._lock:
            held = self._snapshot
            if held is not None and held.taken_at > asked:
                return held  # read while this call stood in line, whatever came of it
            if age is not None and held is not None and not held.failure:
                oldest = max(self._valid_from, self._clock() - age)
                if held.taken_at >= oldest:
                    return held
            return self._read(deadline, attempts=3)

    def outdate(self) -> None:
        """Make :meth:`current` read anew: a model was made or deleted."""
        self._valid_from = self._clock()

    def _read(self, deadline: Deadline, attempts: int) -> Snapshot:
        started, worked = self._clock(), self._work()
        if started >= self._planned + _IDLE:
            self._interval = FIRST_INTERVAL
        elif self._first_join > self._asked_at:
            self._interval = min(self._interval, JOINED_INTERVAL)
        self._asked_at = started
        listing, failure = None, None
        try:
            listing = self._client.list_models(self._project, deadline, attempts=attempts)
        except NebiusError as error:
            failure = error
        self._snapshot = Snapshot(started, listing, failure)
        self._plan(self._clock() - started, self._work() - worked)
        return self._snapshot

    def _plan(self, taken: float, work: float) -> None:
        """When to read next: later each time.

        A service that takes long is asked half of the time at the most, and a list that is long is read for a tenth.
        """
        shortest = (
            THROTTLED_INTERVAL if self._client.connection.gate.throttled else max(taken, _WORK_FACTOR * work)
        )
        shortest = min(shortest, THROTTLED_INTERVAL)
        self._spacing = max(JOINED_INTERVAL, shortest)
        interval = max(self._interval, shortest)
        self._planned = self._clock() + interval * (1 + _JITTER * (2 * self._jitter() - 1))
        self._interval = min(self._interval * _GROWTH, LONGEST_INTERVAL)


class StatusReaders:
    """One reader a project, made when first needed."""

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
