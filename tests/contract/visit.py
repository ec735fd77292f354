"""One run's use of the service: what it created, what it may ask, and how it deletes everything."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from urllib.parse import quote

from tests.contract.caller import Caller, DiffersError, NotReachedError, RefusedError, Reply
from tests.support import adapters

INFIX = "-LoRa:"
DESCRIPTION = "made and deleted by scripts/contract"
ROWS = b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}'
MODELS, FILES, JOBS = "/v0/models", "/v1/files", "/v1/fine_tuning/jobs"
ENDPOINTS = "/v0/dedicated_endpoints"
_Result = TypeVar("_Result")


def _once(work: Callable[[Visit], _Result]) -> Callable[[Visit], _Result]:
    """Do something once in a run; a failure is recorded, so that no later case repeats it or differs because of it."""

    @wraps(work)
    def kept(visit: Visit) -> _Result:
        if work not in visit.results:
            try:
                visit.results[work] = work(visit)
            except (NotReachedError, DiffersError) as error:
                visit.results[work] = NotReachedError(str(error))
                raise
        result = visit.results[work]
        if isinstance(result, NotReachedError):
            raise result
        return result  # type: ignore[no-any-return]

    return kept


@dataclass
class Visit:
    """What the cases share; each thing is created once, under a unique name.

    Attributes:
        caller: sends the calls.
        base_model: of the model that is created.
        source: what it is created from; None if no model is to be created.
        project: the project to work in; None is the key's own.
        wait: how many seconds the model may take to become active.
        pause: seconds between two reads of it.
        spend: the body of the create of an endpoint, without the name; None if no endpoint is to be created.
        name: how the names of all that the run creates begin.
        results: what was done once.
    """

    caller: Caller
    base_model: str
    source: str | None = None
    project: str | None = None
    wait: float = 180.0
    pause: float = 5.0
    spend: dict[str, Any] | None = None
    name: str = field(default_factory=lambda: f"contract-{secrets.token_hex(4)}")
    results: dict[Callable[[Visit], Any], Any] = field(default_factory=dict)
    # By short name or id: collection, full name.
    _made: dict[str, tuple[str, str]] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _lost: bool = False  # whether something may have been created that no answer named

    @property
    def _query(self) -> dict[str, str]:
        return {"ai_project_id": self.project} if self.project else {}

    def get(self, path: str, *, cleaning: bool = False, **query: str) -> Reply:
        """Send a GET, with the project."""
        return self.caller.call("GET", path, params={**self._query, **query}, cleaning=cleaning)

    def read(self, name: str, *, encoded: bool = True) -> Reply:
        """Read a model by a name, sent percent-encoded or raw."""
        return self.caller.call("GET", f"{MODELS}/{quote(name, safe='' if encoded else '/:')}")

    def chat(self, model: str) -> Reply:
        """Call a model for one token."""
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
        return self.caller.call("POST", "/v1/chat/completions", json=body, params=self._query)

    def create(self, **body: Any) -> Reply:
        """Send a create; the model is deleted at the end, even if a refusal was expected."""
        return self._post(MODELS, MODELS, "name", json=body)

    def upload_archive(self) -> Reply:
        """Upload one small archive."""
        with TemporaryDirectory() as folder:
            archive = adapters.write_zip(Path(folder, f"{self.name}.zip"), adapters.files())
            sent = {"file": (archive.name, archive.read_bytes())}
        return self._post(f"{MODELS}/upload", FILES, "id", files=sent)

    def delete(self, collection: str, name: str, *, cleaning: bool = False) -> Reply:
        """Delete a model, a file or an endpoint by its name or id."""
        path, query = f"{collection}/{quote(name, safe='')}", self._query if collection == ENDPOINTS else {}
        reply = self.caller.call("DELETE", path, params=query, cleaning=cleaning)
        if reply.status in {200, 204} or (cleaning and reply.status == 404):
            self._gone.add(_short(name))
        elif cleaning:
            raise NotReachedError(reply.told())
        return reply

    @_once
    def upload(self) -> Reply:
        """The answer to the upload of one small training file."""
        sent = {"files": {"file": (f"{self.name}.jsonl", ROWS)}, "data": {"purpose": "fine-tune"}}
        return self._post(FILES, FILES, "id", **sent)

    def file_id(self) -> str:
        """The id of the uploaded training file."""
        identifier = _needs("a file", "the upload", self.upload()).text("id")
        if identifier is None:
            raise NotReachedError("needs a file, and the upload answered no id")
        return identifier

    @_once
    def job_id(self) -> str:
        """A job of the account: one that succeeded if the list has one, because it has checkpoints."""
        jobs = sorted(_entries(self.get(JOBS)), key=lambda job: job.get("status") != "succeeded")
        if not jobs:
            raise NotReachedError("needs a fine-tuning job, and there is none")
        return str(jobs[0].get("id"))

    @_once
    def endpoint_creation(self) -> Reply:
        """The answer to the one create of an endpoint."""
        if self.spend is None:
            raise NotReachedError("needs an endpoint, and --spend was not given")
        return self._post(ENDPOINTS, ENDPOINTS, "id", json={**self.spend, "name": self.name})

    def endpoint(self, field: str = "id") -> str:
        """The id of the endpoint, or another field of what its create answered."""
        return str(_needs("an endpoint", "its create", self.endpoint_creation()).text(field))

    @_once
    def creation(self) -> Reply:
        """The answer to the one create of the run."""
        if self.source is None:
            raise NotReachedError("needs a model, and no --source was given")
        sent = {"base_model": self.base_model, "source": self.source, "description": DESCRIPTION}
        return self.create(name=self.name, **sent)

    def created(self) -> Reply:
        """The answer to the create, unless it was a refusal."""
        return _needs("a model", "create", self.creation())

    def given_name(self) -> str:
        """The name in the answer to the create, full or short."""
        name = self.created().text("name")
        if name is None:
            raise NotReachedError("needs a model, and create answered no name")
        return name

    def short_name(self) -> str:
        """The short name of the model."""
        return _short(self.given_name())

    @_once
    def entry(self) -> dict[str, Any]:
        """The model in the list, found by the part after ``-LoRa:``; the list may be slightly out of date."""
        short = self.short_name()
        for pause in (self.pause, self.pause, 0):
            for each in _entries(self.get(MODELS)):
                if _short(str(each.get("name"))) == short:
                    return each
            time.sleep(pause)
        raise DiffersError("the model that was just made is not in the list")

    def full_name(self) -> str:
        """The full name of the model, from the list if the create returned the short one."""
        name = self.given_name()
        return name if INFIX in name else str(self.entry()["name"])

    @_once
    def first_read(self) -> Reply:
        """The very first read of the model by its name."""
        return self.read(self.full_name())

    @_once
    def settled(self) -> Reply:
        """The read by the full name that no longer finds the model validating; ``wait`` seconds may pass."""
        self.first_read()
        end = time.monotonic() + self.wait
        pause = self.pause
        while True:
            reply = self.read(self.full_name())
            status = reply.text("status") if reply.status == 200 else None
            if status not in {None, "validating"}:
                return reply
            if time.monotonic() > end:
                break
            time.sleep(pause)
            pause = min(pause * 1.5, self.pause * 3)
        if reply.status == 200 and not status:
            raise DiffersError(f"a read has no status for {self.wait:.0f} s")
        what = f"status {status!r}" if status else f"answered {reply.told()}"
        raise NotReachedError(f"not active after {self.wait:.0f} s: {what}")

    def active(self) -> str:
        """The full name of the model once it is active."""
        reply = self.settled()
        if reply.text("status") != "active":
            why = f"{reply.text('status')!r}, reason {reply.text('status_reason')!r}"
            raise NotReachedError(f"needs an active model; it is {why}")
        return self.full_name()

    @_once
    def deletion(self) -> Reply:
        """The answer to the delete of the model, by its full name."""
        return self.delete(MODELS, self.full_name())

    def deleted(self) -> str:
        """The full name of the model once it is deleted."""
        _needs("a deleted model", "the delete", self.deletion())
        return self.full_name()

    def clean(self) -> None:
        """Delete all that was created, even what no answer named; each deletion is tried three times."""
        if self._lost or self._left():
            _try(self._find)
        for collection, name in self._left():
            _try(partial(self.delete, collection, name, cleaning=True))

    def models(self) -> list[str]:
        """The models that were created, each by its longest known name."""
        return [name for collection, name in self._made.values() if collection == MODELS]

    def leftovers(self) -> list[str]:
        """A line for everything that may still be there."""
        kinds = {MODELS: "the model", FILES: "the file", ENDPOINTS: "the endpoint"}
        lines = [f"{kinds[collection]} {name}" for collection, name in self._left()]
        lost = f"perhaps something called {self.name}: an answer was lost and the lists could not be read"
        return [*lines, lost] if self._lost else lines

    def _left(self) -> list[tuple[str, str]]:
        return [made for short, made in self._made.items() if short not in self._gone]

    def _post(self, path: str, collection: str, field: str, **sent: Any) -> Reply:
        """Send a POST that creates something, and record what: a field of the answer names it."""
        try:
            reply = self.caller.call("POST", path, params=self._query, **sent)
        except RefusedError:
            raise
        except BaseException:  # even an interruption
            self._lost = True
            raise
        name = reply.text(field)
        if reply.status < 300 and name is not None:
            self._made[_short(name)] = collection, name
        elif reply.status < 300:
            self._lost = True
        return reply

    def _find(self) -> None:
        """Record what the lists have of this run."""
        for each in _entries(self.get(MODELS, cleaning=True)):
            short = _short(str(each.get("name")))
            if short.startswith(f"{self.name}-"):
                self._made[short] = MODELS, each["name"]
                self._gone |= {short} if each.get("status") == "deleted" else set()
        for collection, key in {FILES: "filename", **({ENDPOINTS: "name"} if self.spend else {})}.items():
            for each in _entries(self.get(collection, cleaning=True)):
                if str(each.get(key)).partition(".")[0] == self.name:
                    self._made[str(each.get("id"))] = collection, str(each.get("id"))
        self._lost = False


def _try(work: Callable[[], Any]) -> None:
    for pause in (0.2, 1.0, 0.0):
        with contextlib.suppress(NotReachedError, DiffersError):
            work()
            return
        time.sleep(pause)


def _needs(what: str, call: str, reply: Reply) -> Reply:
    if reply.status >= 300:
        raise NotReachedError(f"needs {what}, and {call} answered {reply.told()}")
    return reply


def _entries(reply: Reply) -> list[dict[str, Any]]:
    """The entries of a bare array or of a list object."""
    listed = reply.document.get("data") if isinstance(reply.document, dict) else reply.document
    if reply.status != 200 or not isinstance(listed, list):
        raise DiffersError("the list has no entries")
    return [each for each in listed if isinstance(each, dict)]


def _short(name: str) -> str:
    return name.rpartition(INFIX)[2]
