"""One run's use of the service: what it created, what it may ask, and how it deletes everything."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from tests.contract.caller import Caller, Reply
from tests.contract.outcome import DiffersError, NotReachedError, RefusedError

INFIX = "-LoRa:"
DESCRIPTION = "made and deleted by scripts/contract"
ROWS = b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}'
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Plan:
    """What a run is given.

    Attributes:
        base_model: of the model that is created.
        source: what it is created from; None if no model is to be created.
        project: the project to work in; None is the key's own.
        wait: how many seconds the model may take to become active.
        pause: seconds between two reads of it.
    """

    base_model: str
    source: str | None = None
    project: str | None = None
    wait: float = 180.0
    pause: float = 5.0


class Visit:
    """What the cases share; each thing is created once, under a unique name."""

    def __init__(self, caller: Caller, plan: Plan) -> None:
        self.caller = caller
        self.plan = plan
        self.name = f"contract-{secrets.token_hex(4)}"
        self.made: list[str] = []
        self._kept: dict[str, tuple[Any, Exception | None]] = {}
        self._gone: set[str] = set()
        self._files: set[str] = set()
        self._uncertain: set[str] = set()

    @property
    def file_name(self) -> str:
        """The name of the uploaded file."""
        return f"{self.name}.jsonl"

    @property
    def query(self) -> dict[str, str]:
        """The query of calls for which a project is documented."""
        return {"ai_project_id": self.plan.project} if self.plan.project else {}

    def post(self, **body: Any) -> Reply:
        """Send a create; the model is deleted at the end, even if a refusal was expected."""
        with self._noted("models"):
            reply = self.caller.call("POST", "/v0/models", json=body, params=self.query)
        if reply.status < 300:
            self._note("models", _text(reply, "name"), self.made.append)
        return reply

    def read_list(self, *, cleaning: bool = False) -> Reply:
        """Read the list of custom models."""
        return self.caller.call("GET", "/v0/models", params=self.query, cleaning=cleaning)

    def read(self, name: str, *, encoded: bool = True) -> Reply:
        """Read a model by a name, sent percent-encoded or raw."""
        return self.caller.call("GET", f"/v0/models/{quote(name, safe='' if encoded else '/:')}")

    def creation(self) -> Reply:
        """The answer to the one create of the run."""
        if self.plan.source is None:
            raise NotReachedError("needs a model, and no --source was given")
        return self._once(
            "creation",
            lambda: self.post(
                name=self.name,
                base_model=self.plan.base_model,
                source=self.plan.source,
                description=DESCRIPTION,
            ),
        )

    def created(self) -> Any:
        """The answer to the create, whatever it is, unless it was a refusal."""
        reply = self.creation()
        if reply.status >= 300:
            raise NotReachedError(f"needs a model, and create answered {reply.told()}")
        return reply.document

    def given_name(self) -> str:
        """The name in the answer to the create, full or short."""
        document = self.created()
        if not isinstance(document, dict) or not isinstance(document.get("name"), str):
            raise NotReachedError("needs a model, and create answered no name")
        return str(document["name"])

    def short_name(self) -> str:
        """The short name of the model."""
        return _short(self.given_name())

    def entry(self) -> dict[str, Any]:
        """The model in the list, found by the part after ``-LoRa:``; the list may be slightly out of date."""
        short = self.short_name()
        for pause in (self.plan.pause, self.plan.pause, 0):
            for each in self._entries(self.read_list()):
                if _short(each["name"]) == short:
                    return each
            time.sleep(pause)
        raise DiffersError("the model that was just made is not in the list")

    def full_name(self) -> str:
        """The full name of the model, from the list if the create returned the short one."""
        name = self.given_name()
        return name if INFIX in name else str(self._once("entry", self.entry)["name"])

    def first_read(self) -> Reply:
        """The very first read of the model by its name."""
        name = self.full_name()
        return self._once("first read", lambda: self.read(name))

    def settled(self) -> dict[str, Any]:
        """The model once it no longer validates, as read by its full name; at most ``wait`` seconds."""
        return self._once("settled", self._settle)

    def active(self) -> str:
        """The full name of the model once it is active."""
        document = self.settled()
        if document["status"] != "active":
            why = f"{document['status']!r}, reason {document.get('status_reason')!r}"
            raise NotReachedError(f"needs an active model; it is {why}")
        return self.full_name()

    def deletion(self) -> Reply:
        """The answer to the delete of the model, by its full name."""
        return self._once("deletion", self._delete)

    def remove_again(self) -> Reply:
        """Delete the model a second time."""
        return self._remove(self.full_name())

    def upload(self) -> Reply:
        """The answer to the upload of one small file."""
        return self._once("upload", self._upload)

    def remove_file(self, identifier: str, *, cleaning: bool = False) -> Reply:
        """Delete a file."""
        path = f"/v1/files/{quote(identifier, safe='')}"
        reply = self.caller.call("DELETE", path, cleaning=cleaning)
        if reply.status in {200, 204, 404}:
            self._files.discard(identifier)
        return reply

    def clean(self) -> None:
        """Delete all that was created, even a model that no answer named; each deletion is tried three times."""
        self._try(self._find_models)
        self._try(self._find_files)
        for name in self.left():
            self._try(partial(self._take_away, name))
        for identifier in sorted(self._files):
            self._try(partial(self.remove_file, identifier, cleaning=True))

    def models(self) -> list[str]:
        """The models that were created, each by the longest known name."""
        return list({_short(name): name for name in sorted(self.made, key=len)}.values())

    def left(self) -> list[str]:
        """The models that were created and not deleted."""
        return [name for name in self.models() if _short(name) not in self._gone]

    def leftovers(self) -> list[str]:
        """A line for everything that may still be there."""
        lines = [f"the model {name}" for name in self.left()]
        lines += [f"the file {identifier}" for identifier in sorted(self._files)]
        lines += [
            f"perhaps one of the {kind}, called {self.name}: an answer was lost and the list could not be read"
            for kind in sorted(self._uncertain)
        ]
        return lines

    def _settle(self) -> dict[str, Any]:
        self.first_read()
        name = self.full_name()
        end = time.monotonic() + self.plan.wait
        pause = self.plan.pause
        while True:
            reply = self.read(name)
            document = reply.document if reply.status == 200 else {}
            seen = document.get("status", "") if isinstance(document, dict) else ""
            if seen not in {"", "validating"}:
                return dict(document)
            if time.monotonic() > end:
                if reply.status == 200 and not seen:
                    raise DiffersError(f"a read has no status for {self.plan.wait:.0f} s")
                what = f"status {seen!r}" if seen else f"answered {reply.told()}"
                raise NotReachedError(f"not active after {self.plan.wait:.0f} s: {what}")
            time.sleep(pause)
            pause = min(pause * 1.5, self.plan.pause * 3)

    def _delete(self) -> Reply:
        return self._remove(self.full_name())

    def _remove(self, name: str, *, cleaning: bool = False) -> Reply:
        path = f"/v0/models/{quote(name, safe='')}"
        reply = self.caller.call("DELETE", path, cleaning=cleaning)
        if reply.status in {200, 204}:
            self._gone.add(_short(name))
        return reply

    def _take_away(self, name: str) -> None:
        reply = self._remove(name, cleaning=True)
        if reply.status == 404:
            self._gone.add(_short(name))
        elif reply.status >= 300:
            raise NotReachedError(reply.told())

    def _find_models(self) -> None:
        """Record the models of this run that the list has although no answer named them."""
        if "models" not in self._uncertain and not self.left():
            return
        for each in self._entries(self.read_list(cleaning=True)):
            short = _short(each["name"])
            if short.startswith(f"{self.name}-") and each.get("status") != "deleted":
                self.made.append(each["name"])
        self._uncertain.discard("models")

    def _find_files(self) -> None:
        if "files" not in self._uncertain:
            return
        reply = self.caller.call("GET", "/v1/files", params=self.query, cleaning=True)
        document = reply.document
        shown = document.get("data") if isinstance(document, dict) else None
        if not isinstance(shown, list):
            raise DiffersError("the list of files has no data")
        mine = [each for each in shown if isinstance(each, dict) and each.get("filename") == self.file_name]
        self._files.update(each["id"] for each in mine if isinstance(each.get("id"), str))
        self._uncertain.discard("files")

    def _upload(self) -> Reply:
        sent: dict[str, Any] = {"files": {"file": (self.file_name, ROWS)}, "data": {"purpose": "fine-tune"}}
        with self._noted("files"):
            reply = self.caller.call("POST", "/v1/files", params=self.query, **sent)
        if reply.status < 300:
            self._note("files", _text(reply, "id"), self._files.add)
        return reply

    def _note(self, kind: str, name: str | None, keep: Callable[[str], None]) -> None:
        if name is None:
            self._uncertain.add(kind)
        else:
            keep(name)

    @contextlib.contextmanager
    def _noted(self, kind: str) -> Iterator[None]:
        """Record that something may have been created that no answer named, even if the run is interrupted."""
        try:
            yield
        except RefusedError:
            raise
        except BaseException:
            self._uncertain.add(kind)
            raise

    def _try(self, work: Callable[[], Any]) -> None:
        for pause in (0.2, 1.0, 0.0):
            try:
                work()
            except (NotReachedError, DiffersError):
                time.sleep(pause)
            else:
                return

    def _once(self, key: str, work: Callable[[], _Result]) -> _Result:
        """Do something once; a failure is recorded, so that no later case repeats it or differs because of it."""
        if key not in self._kept:
            try:
                self._kept[key] = work(), None
            except (NotReachedError, DiffersError) as error:
                self._kept[key] = None, error
                raise
        result, failure = self._kept[key]
        if failure is not None:
            raise NotReachedError(str(failure))
        return result  # type: ignore[no-any-return]

    @staticmethod
    def _entries(reply: Reply) -> list[dict[str, Any]]:
        document = reply.document if reply.status == 200 else None
        if not isinstance(document, list):
            raise DiffersError("the list is not a bare array")
        return [each for each in document if isinstance(each, dict) and isinstance(each.get("name"), str)]


def _short(name: str) -> str:
    return name.rpartition(INFIX)[2]


def _text(reply: Reply, field: str) -> str | None:
    """A text field of an answer, None if there is none."""
    with contextlib.suppress(DiffersError):
        document = reply.document
        value = document.get(field) if isinstance(document, dict) else None
        return value if isinstance(value, str) else None
    return None
