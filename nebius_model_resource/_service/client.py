"""The service's endpoints, one line each.

* Any call is retried after 429, or 503 with ``Retry-After``: nothing was done. One pause holds for the process.
* A GET, PATCH or DELETE is also retried after a failed connection, a reset, a time-out, 408, 500, 502, 503, 504 or an
  answer that cannot be read, with backoff and jitter.
* A POST is not: its caller first looks whether it had its effect.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote

from nebius_model_resource._service.answers import body_of, is_throttled, parse_retry_after
from nebius_model_resource._service.imports import own_libraries
from nebius_model_resource._service.retry import Clock, Deadline, Gate, Sleep, never, repeat
from nebius_model_resource._service.types import (
    Checkpoint,
    CustomModelInfo,
    DedicatedEndpointInfo,
    EndpointTemplate,
    FileInfo,
    Job,
    Listing,
)
from nebius_model_resource.errors import (
    DeadlineExceeded,
    Fault,
    InvalidInputs,
    TransportError,
    UnusableAnswer,
)

if TYPE_CHECKING:
    from nebius_model_resource._service.http import Answer
    from nebius_model_resource._service.settings import Settings

ATTEMPT_SECONDS = 30.0  # one request; a call has its deadline
CALL_SECONDS = 60.0  # for a call whose caller gives no deadline
ANSWER_SECONDS = 300.0  # after an upload's last byte: the service may check hundreds of MB before it answers
_ATTEMPTS = {"POST": 1, "PATCH": None, "DELETE": None}  # those of a GET are its deadline's
_MOST_PAGES = 1_000
_ENDPOINTS = "/v0/dedicated_endpoints"
_PAGE = "20"  # a job has one checkpoint per epoch, and at most 20 epochs
_T = TypeVar("_T")


class Upload(Protocol):
    """A file to upload.

    Attributes:
        filename: its name.
        length: its bytes.
    """

    filename: str
    length: int

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, from the beginning at each call."""


class Client:
    """One account's calls; safe to share between threads. TCP connections stay open.

    A method raises what its request ends in: ``NotFound``, ``AccessDenied``, ``BadRequest`` and the other
    ``ApiError`` where the service refuses; ``NotSent`` where nothing was sent; ``AnswerLost``, ``UnusableAnswer`` and
    ``ServerFault`` where the request may have had its effect; ``DeadlineExceeded`` where nothing was sent in time.

    Attributes:
        settings: base URL and key.
        gate: holds every call back while the service asks for a pause.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        exchange: Callable[..., Answer] | None = None,
    ) -> None:
        """Sends nothing; the first call loads ``requests``.

        Args:
            settings: base URL and key.
            clock: monotonic seconds.
            sleep: pauses a call that has no deadline of its own.
            exchange: sends one request; by default :func:`.http.exchange`.
        """
        self.settings = settings
        self.clock = clock
        self.gate = Gate(clock)
        self._sleep = sleep
        self._exchange = exchange
        self._lock = threading.Lock()
        self._session: Any = None

    def deadline(self, seconds: float) -> Deadline:
        """A deadline on this client's clock."""
        return Deadline.after(seconds, self.clock, self._sleep)

    # Models.

    def create_model(
        self, body: Mapping[str, Any], project: str | None, deadline: Deadline | None = None
    ) -> CustomModelInfo:
        """``POST /v0/models``; the answer's name may be the short one (published in April 2025)."""
        return self.call("POST", "/v0/models", CustomModelInfo.parse, deadline, _project(project), body)

    def list_models(
        self, project: str | None = None, deadline: Deadline | None = None
    ) -> Listing[CustomModelInfo]:
        """``GET /v0/models``: one array, no paging (documented, and so in published captures)."""
        parse = partial(Listing.parse, parse=CustomModelInfo.parse)
        return self.call("GET", "/v0/models", parse, deadline, _project(project))

    def get_model(self, name: str, deadline: Deadline | None = None) -> CustomModelInfo:
        """``GET /v0/models/{name}`` by a short or full name; a 403 may mean that there is no such model."""
        return self.call("GET", _path("/v0/models", name), CustomModelInfo.parse, deadline)

    def delete_model(self, name: str, deadline: Deadline | None = None) -> CustomModelInfo:
        """``DELETE /v0/models/{name}`` by a short or full name, repeated until the deadline."""
        return self.call("DELETE", _path("/v0/models", name), CustomModelInfo.parse, deadline)

    def list_base_models(self, project: str | None, deadline: Deadline) -> Listing[str]:
        """``GET /v1/models``: the ids of the listed models."""
        return self._pages("/v1/models", _id, deadline, str, _project(project))

    # Files.

    def upload(
        self,
        file: Upload,
        project: str | None,
        deadline: Deadline,
        sent: Callable[[int], None] = lambda _bytes: None,
    ) -> FileInfo:
        """``POST /v0/models/upload``: one multipart part, ``file``.

        Args:
            file: what to upload.
            project: the project; None for the key's own.
            deadline: how long the upload may take; it also ends when 30 s pass without progress.
            sent: called with the bytes sent so far, after each chunk; what it raises ends the upload.
        """
        with own_libraries():
            from nebius_model_resource._service.http import Multipart

        path, body = "/v0/models/upload", partial(Multipart, file, sent)
        return self.call("POST", path, FileInfo.parse, deadline, _project(project), body, ANSWER_SECONDS)

    def get_file(self, file_id: str, deadline: Deadline | None = None) -> FileInfo:
        """``GET /v1/files/{id}``."""
        return self.call("GET", _path("/v1/files", file_id), FileInfo.parse, deadline)

    def list_files(self, project: str | None = None, deadline: Deadline | None = None) -> Listing[FileInfo]:
        """``GET /v1/files``, all pages; that the list has pages is not documented."""
        return self._pages("/v1/files", FileInfo.parse, deadline, attrgetter("id"), _project(project))

    def delete_file(self, file_id: str, deadline: Deadline | None = None) -> None:
        """``DELETE /v1/files/{id}``, repeated until the deadline; the form of its answer is not documented."""
        self.call("DELETE", _path("/v1/files", file_id), bool, deadline)

    # Fine-tuning.

    def get_job(self, job_id: str, deadline: Deadline) -> Job:
        """``GET /v1/fine_tuning/jobs/{id}``."""
        parse = partial(Job.parse, job_id=job_id)
        return self.call("GET", _path("/v1/fine_tuning/jobs", job_id), parse, deadline)

    def list_checkpoints(self, job: Job, deadline: Deadline) -> Listing[Checkpoint]:
        """``GET /v1/fine_tuning/jobs/{id}/checkpoints``, all pages, in the service's order."""
        path, parse = _path("/v1/fine_tuning/jobs", job.id), partial(Checkpoint.parse, job=job)
        return self._pages(f"{path}/checkpoints", parse, deadline, attrgetter("id"), {"limit": _PAGE})

    # Dedicated endpoints, as far as they are documented (September 2026).

    def create_endpoint(
        self, body: Mapping[str, Any], project: str | None, deadline: Deadline | None = None
    ) -> DedicatedEndpointInfo:
        """``POST /v0/dedicated_endpoints``."""
        return self.call("POST", _ENDPOINTS, DedicatedEndpointInfo.parse, deadline, _project(project), body)

    def list_endpoints(
        self, project: str | None = None, deadline: Deadline | None = None
    ) -> Listing[DedicatedEndpointInfo]:
        """``GET /v0/dedicated_endpoints``: the only read of endpoints that is certain to exist."""
        parse, id_of = DedicatedEndpointInfo.parse, attrgetter("endpoint_id")
        return self._pages(_ENDPOINTS, parse, deadline, id_of, _project(project))

    def change_endpoint(
        self, id_: str, body: Mapping[str, Any], project: str | None, deadline: Deadline | None = None
    ) -> DedicatedEndpointInfo:
        """``PATCH /v0/dedicated_endpoints/{id}``, repeated until the deadline: it sets values, and adds none."""
        path, parse = _path(_ENDPOINTS, id_), DedicatedEndpointInfo.parse
        return self.call("PATCH", path, parse, deadline, _project(project), body)

    def delete_endpoint(self, id_: str, project: str | None, deadline: Deadline | None = None) -> None:
        """``DELETE /v0/dedicated_endpoints/{id}``, repeated until the deadline; its answer is not documented."""
        self.call("DELETE", _path(_ENDPOINTS, id_), bool, deadline, _project(project))

    def list_templates(
        self, project: str | None = None, deadline: Deadline | None = None
    ) -> Listing[EndpointTemplate]:
        """``GET /v0/dedicated_endpoints/templates``."""
        parse, id_of = EndpointTemplate.parse, attrgetter("name")
        return self._pages(f"{_ENDPOINTS}/templates", parse, deadline, id_of, _project(project))

    # What every endpoint of the API needs.

    def call(
        self,
        method: str,
        path: str,
        parse: Callable[[Any], _T | None],
        deadline: Deadline | None = None,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        seconds: float = ATTEMPT_SECONDS,
    ) -> _T:
        """Send a request through the gate, and again where that is safe.

        Args:
            method: of HTTP. A GET is tried four times or as often as the deadline says, a PATCH or DELETE until the
                deadline.
            path: what follows the base URL.
            parse: reads the parsed body; None where it is not what is documented.
            deadline: how long all attempts together may take; by default a minute.
            params: the query.
            body: sent as JSON; or a function that gives what is sent as it is read, for each attempt.
            seconds: the longest wait for an answer.

        Raises:
            ApiError, TransportError: the service refused, failed or did not answer.
            DeadlineExceeded: nothing was sent, or a read was interrupted.
        """
        within = deadline or self.deadline(CALL_SECONDS)

        def once() -> _T:
            result = parse(self._send(method, path, within, params or {}, body, seconds))
            if result is None:
                raise UnusableAnswer(
                    f"the service answered {method} {path} with something else than is documented"
                )
            return result

        attempts = within.attempts if method == "GET" else _ATTEMPTS[method]
        return repeat(once, within, attempts=attempts)

    def _pages(
        self,
        path: str,
        parse: Callable[[Any], _T | None],
        deadline: Deadline | None,
        id_of: Callable[[_T], str],
        params: Mapping[str, str],
    ) -> Listing[_T]:
        """A list with ``has_more`` and ``after``, until a page has nothing new."""
        found: dict[str, _T] = {}
        complete = has_more = True
        after: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            listing, has_more = self.call(
                "GET", path, partial(Listing.page, parse=parse), deadline, {**params, **after}
            )
            complete = complete and listing.complete
            new = {id_of(each): each for each in listing.entries if id_of(each) not in found}
            found.update(new)
            if not has_more or not new:
                break
            after = {"after": id_of(listing.entries[-1])}
        return Listing(tuple(found.values()), complete and not has_more)

    def _send(
        self, method: str, path: str, deadline: Deadline, params: Mapping[str, str], body: Any, seconds: float
    ) -> Any:
        """Send one request once the gate lets it through; returns the parsed body."""
        session = self._open()
        from nebius_model_resource._service.http import exchange

        self.gate.wait(deadline)
        if deadline.passed():
            raise DeadlineExceeded(f"{deadline.why_passed()} before the request was sent")
        # What changes something gets its answer first: only the answer says what it did.
        interrupted = deadline.interrupted if method == "GET" else never
        started = self.clock()
        try:
            answer = (self._exchange or exchange)(
                session,
                method,
                self.settings.base_url + path,
                api_key=self.settings.api_key,
                params=params,
                body=body() if callable(body) else body,
                # Half of what is left: the rest is for finding out what a lost answer created.
                seconds=min(seconds, max(0.5, deadline.remaining() / 2)),
                interrupted=interrupted,
            )
        except TransportError:
            if interrupted():
                raise DeadlineExceeded(f"{deadline.why_passed()} before the answer came") from None
            raise
        if is_throttled(answer):
            self.gate.refused(started, parse_retry_after(answer.headers.get("Retry-After")))
        else:
            self.gate.passed()
        return body_of(answer, self.settings.api_key)

    def _open(self) -> Any:
        with self._lock:
            if self._session is None:
                with own_libraries():
                    from nebius_model_resource._service.http import open_session

                self._session = open_session(self.settings.base_url)
            return self._session


def _id(entry: Any) -> str | None:
    id_ = entry.get("id") if isinstance(entry, dict) else None
    return id_ if isinstance(id_, str) else None


def _project(project: str | None) -> dict[str, str]:
    return {"ai_project_id": project} if project else {}


def _path(collection: str, name: str) -> str:
    """The path of one thing: its name is encoded, but for the slashes in it."""
    # An empty segment or one of dots leads to another path, whatever the encoding.
    if {"", ".", ".."} & set(name.split("/")):
        raise InvalidInputs([Fault("name", f"{name!r} cannot be the name or id of anything at the service")])
    return f"{collection}/{quote(name)}"
