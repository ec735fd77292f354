"""The emulated service as a function from request to answer: no sockets, no threads, no sleep, its clock a parameter.

    service = Service(Settings(active_on_create=True), clock=lambda: now)
    answer = service.answer(Request("GET", "/v0/models", {"authorization": "Bearer emulator-key"}))

A test in the same process that has a virtual clock puts this in place of the HTTP exchange of a client. Two things are
left to it: `pause` lets time pass where a fault delays the call, and an answer with a `fault` did not arrive:

    answer = service.answer(request, pause=time.advance)
    if answer.fault is not None:  # reset, close, half_body, hang, slow, endless or huge
        time.advance(seconds if answer.fault.action == "hang" else 0)
        raise AnswerLost

`Fault(action="reset", effect="after")` loses the answer to a call that takes place, `effect="before"` loses the call.
Rules of `service.faults` hit calls by method, path and name, as they do over HTTP.
"""

from __future__ import annotations

import math
import random
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from fnmatch import fnmatchcase
from pathlib import Path
from threading import RLock
from typing import Any

from . import admin, calling, endpoints, files, jobs, models
from .answers import NO_ACCESS, Answer, Refused, Request, error
from .faults import FaultTable
from .settings import Settings
from .store import load, save

# The uploads come before the models: the path of a model would match theirs as well.
ROUTES = [
    (method, re.compile(pattern), handler)
    for routes in (files.ROUTES, models.ROUTES, endpoints.ROUTES, calling.ROUTES, jobs.ROUTES, admin.ROUTES)
    for method, pattern, handler in routes
]
NO_TOKEN = "Couldn't authenticate. Reason: token is not present"
BAD_TOKEN = "Couldn't authenticate. Reason: Unable authenticate"


@dataclass
class RecordedRequest:
    """One call; `status` is None until there is an answer, and stays None if the client gets none.

    `path` is decoded; `headers` have lower-case names; `time` is Unix seconds.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    time: float
    request_id: str
    status: int | None = None


class Service:
    """The emulated service; safe to call from several threads.

    Args:
        settings: read on every call, so that a change takes effect at once.
        clock: gives Unix time in seconds.
        state_file: stores what was made (not the bytes of files) from one run to the next; None keeps nothing.

    Attributes:
        stores: by the name that each has in a state file.
        lock: held while a call changes or reads things; whoever reaches into the stores from outside takes it.

    Raises:
        ValueError: `state_file` exists and is not a state file.
    """

    def __init__(
        self, settings: Settings, clock: Callable[[], float] = time.time, state_file: Path | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.lock = RLock()
        self.faults = FaultTable()
        self.requests: deque[RecordedRequest] = deque(maxlen=100_000)
        self._used, self._used_at = 0.0, -math.inf  # of the rate limit
        self._random = random.Random(settings.seed)
        self.stores: dict[str, Any] = {}
        self.models = models.Models(self)
        self.files = files.Files(self)
        self.jobs = jobs.Jobs(self)
        self.endpoints = endpoints.Endpoints(self)
        self._state_file = state_file
        if state_file is not None:
            load(state_file, self.stores)

    def answer(
        self,
        request: Request,
        pause: Callable[[float], None] = lambda _seconds: None,
    ) -> Answer:
        """Return the answer to one request.

        Args:
            request: with its complete body, except for an upload that a fault cuts off.
            pause: lets seconds pass, for faults that delay the call; by default none pass.
        """
        if request.path.startswith("/_emulator/"):
            return self._performed(request)
        with self.lock:
            record = self._record(request)
            fault = self.faults.take(request)
        answer = self._performed(request) if fault is None else fault.spoil(request, self._performed, pause)
        answer.headers["x-request-id"] = record.request_id
        answer.headers["date"] = formatdate(self.clock(), usegmt=True)
        if answer.fault is None or answer.fault.action not in {"reset", "close", "hang"}:
            record.status = answer.status
        return answer

    def save(self) -> None:
        """Write the state file, if there is one."""
        if self._state_file is not None:
            save(self._state_file, self.stores)

    def recorded(self, method: str | None = None, path: str | None = None) -> list[RecordedRequest]:
        """Return the calls of a method and of a path, which may be a glob, oldest first; None is any."""
        found = [each for each in self.requests if method in {None, each.method}]
        return [each for each in found if path is None or path == each.path or fnmatchcase(each.path, path)]

    def request_id(self) -> str:
        """Return a fresh value for `x-request-id`, a header on every captured answer."""
        return f"{self._random.getrandbits(128):032x}"

    def key_project(self, authorization: str | None) -> str | None:
        """Return the project that an Authorization header acts for, None if the key is unknown."""
        keys = {**self.settings.api_keys, self.settings.api_key: self.settings.default_project}
        scheme, _, key = (authorization or "").partition(" ")
        return keys.get(key) if scheme.lower() == "bearer" else None

    def project(self, request: Request) -> str:
        """Return the project that a request is about: the one in its query, or that of its key.

        Raises:
            Refused: 403, because the key acts for another project. Which projects a real key reaches is not documented.
        """
        own = self.key_project(request.headers.get("authorization"))
        asked = request.query.get("ai_project_id")
        project = str(own) if asked in {None, "", "null"} else str(asked)
        if own not in {self.settings.default_project, project}:
            raise Refused(403, NO_ACCESS)
        return project

    def _record(self, request: Request) -> RecordedRequest:
        asked = (request.method, request.path, request.query, dict(request.headers))
        record = RecordedRequest(*asked, request.document, self.clock(), self.request_id())
        self.requests.append(record)
        return record

    def _performed(self, request: Request) -> Answer:
        with self.lock:
            try:
                self._admit(request)
                return self._routed(request)
            except Refused as refused:
                return refused.answer
            except ValueError as mistake:  # such as a setting that is not allowed
                return error(422, str(mistake))

    def _admit(self, request: Request) -> None:
        """Check the key and the rate limit."""
        authorization = request.headers.get("authorization")
        if request.path.startswith(("/v0/", "/v1/")) and self.key_project(authorization) is None:
            raise Refused(401, NO_TOKEN if authorization is None else BAD_TOKEN)
        if request.path.startswith("/v0/") and self.settings.rate_limit_per_minute:
            self._count(self.settings.rate_limit_per_minute, self.clock())

    def _count(self, limit: int, now: float) -> None:
        """Count a call against the rate limit: a bucket of a minute's calls that fills up evenly.

        The documentation describes windows of fifteen minutes for inference, and nothing for these routes.
        """
        self._used = max(0.0, self._used - max(0.0, now - self._used_at) * limit / 60)
        self._used_at = now
        if self._used + 1 > limit:
            # Code and header are documented, the text is ours.
            wait = math.ceil((self._used + 1 - limit) * 60 / limit)
            raise Refused(429, "Rate limit exceeded", {"retry-after": str(wait)})
        self._used += 1

    def _routed(self, request: Request) -> Answer:
        found = False
        for method, pattern, handler in ROUTES:
            if match := pattern.fullmatch(request.path):
                if method == request.method:
                    return handler(self, request, *match.groups())
                found = True
        raise Refused(405, "Method Not Allowed") if found else Refused(404, "Not Found")
