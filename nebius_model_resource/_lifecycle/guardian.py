"""What outlives a killed host: a small process that deletes models which nobody will hold.

A host that dies in the middle of a create (``kill -9``, out of memory) can no longer tell the engine what it made,
and where it ends without knowing whether a lost POST made something, nobody looks again. So the host notes each
create in a pipe to a process of its own session. When the pipe ends, that process looks at what is still open: a
model known by name it deletes; for a POST without an answer it looks in the list for what was made between the
POST and the loss of its answer, and not by another create of that host. Mostly nothing is open, and it just ends.

The key goes through the pipe and nowhere else: no argument, no variable, no file.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nebius_model_resource._api.deadline import Clock, Deadline
from nebius_model_resource._api.models import DELETED, GeneratedName, ModelInfo
from nebius_model_resource._lifecycle.unanswered import CLOCK_GRAIN, Kind
from nebius_model_resource.errors import AccessDenied, AnswerLost, NebiusError, NotFound

if TYPE_CHECKING:
    from nebius_model_resource._api.client import Listing, NebiusClient
    from nebius_model_resource._api.settings import Settings

SECONDS = 900.0  # how long it tries after the end of its host
_LOCAL_SECONDS = 20.0  # the same with a service on this machine: an emulator that is gone keeps nothing
_LOOKS = 4
_PAUSE = 2.0
_GAP = 30.0  # seconds in which a model just made may be missing from the list
_LATE = 1.0  # seconds within which the service has made what it was asked for before an answer was lost
_log = logging.getLogger(__name__)
_CODE = """
import sys
text = sys.stdin.buffer.read()
sys.path.insert(0, sys.argv[1])
from nebius_model_resource._lifecycle.guardian import main
main(text)
"""


@dataclass(frozen=True)
class Open:
    """One create, as far as it is known.

    Attributes:
        kind: what it asked for.
        since: Unix seconds on this machine when it began.
        name: the model it made, None before an answer has told.
        until: Unix seconds after which it cannot have made anything, None while it goes on.
        done: nothing of it is left, or the state holds it.
    """

    kind: Kind
    since: float
    name: str | None = None
    until: float | None = None
    done: bool = False


class Notes:
    """Notes of the creates of one host; they go nowhere, but a :class:`Guardian` writes each of them down."""

    def __init__(self, wall_clock: Clock = time.time) -> None:
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._numbers = count()
        self._open: dict[int, Open] = {}  # these alone: a host makes thousands of models

    @contextmanager
    def create(self, kind: Kind) -> Iterator[Callable[[str], None]]:
        """One create; the value takes the name that it made.

        It is done when it ends well or as foreseen, except by :class:`AnswerLost` (whether something was made is not
        known) and :class:`LeftBehind`. A fault of our own leaves it open as well: nobody has told what it made.
        """
        index = self._add(Open(kind, self._wall_clock()))
        try:
            yield lambda name: self._change(index, name=name)
        except LeftBehind:
            raise
        except Exception as error:
            if isinstance(error, NebiusError) and not isinstance(error, AnswerLost):
                self._change(index, done=True)
            else:
                self._change(index, until=self._wall_clock())
            raise
        self._change(index, done=True)

    def _add(self, entry: Open) -> int:
        with self._lock:
            index = next(self._numbers)
            self._note(index, entry)
            return index

    def _change(self, index: int, **changes: Any) -> None:
        with self._lock:
            self._note(index, replace(self._open[index], **changes))

    def _note(self, index: int, entry: Open) -> None:
        self._open[index] = entry
        if entry.done:
            del self._open[index]
        self._write(index, entry)

    def _write(self, index: int, entry: Open) -> None:
        """Write one note down."""


class LeftBehind(NebiusError):
    """A model that was made, that nobody holds, and that could not be deleted."""


class Guardian(Notes):
    """Notes that a process of its own reads; the process begins with the first create."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._pipe: IO[bytes] | None = None

    def _write(self, index: int, entry: Open) -> None:
        try:
            if self._pipe is None:
                self._pipe = self._begin()
                _send(self._pipe, {"base_url": self._settings.base_url, "api_key": self._settings.api_key})
            # `asdict` copies deeply, which takes as long as the rest of a note.
            _send(self._pipe, {"index": index, **vars(entry), "kind": vars(entry.kind)})
        except OSError:  # no process can be had, or it is gone: the create goes on without
            _log.debug("creates are not guarded", exc_info=True)

    @staticmethod
    def _begin() -> IO[bytes] | None:
        root = Path(__file__).resolve().parents[2]
        process = subprocess.Popen(  # noqa: S603 - this interpreter, and a text of our own
            [sys.executable, "-I", "-c", _CODE, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # who kills the host with its group does not mean this one
        )
        return process.stdin


def _send(pipe: IO[bytes] | None, note: dict[str, Any]) -> None:
    if pipe is not None:
        pipe.write(json.dumps(note).encode() + b"\n")


def main(text: bytes) -> None:
    """Settle what the notes of a host that has ended leave open."""
    ended = time.time()
    first, _, rest = text.partition(b"\n")
    entries: dict[int, Open] = {}
    for line in rest.splitlines():
        try:
            note = json.loads(line)
        except ValueError:
            break  # cut off in the middle
        index = note.pop("index")
        entries[index] = Open(**{**note, "kind": Kind(**note["kind"])})
    if all(entry.done for entry in entries.values()):
        return
    from nebius_model_resource._api.client import NebiusClient
    from nebius_model_resource._api.settings import Settings

    settings = Settings(**json.loads(first))
    seconds = _LOCAL_SECONDS if settings.base_url.startswith("http:") else SECONDS
    settle(list(entries.values()), NebiusClient(settings), ended, seconds=seconds)


def settle(
    entries: list[Open],
    client: NebiusClient,
    ended: float,
    wall_clock: Clock = time.time,
    seconds: float = SECONDS,
) -> bool:
    """Delete what was made by creates that are still open.

    Args:
        entries: every create of the host, the done ones too: their models are somebody's.
        client: the account.
        ended: Unix seconds on this machine when the host ended.
        wall_clock: the clock that the entries were noted by.
        seconds: how long to try.

    Returns:
        Whether nothing is left open.
    """
    deadline = Deadline.after(seconds, client.clock)
    todo = [entry for entry in entries if not entry.done]
    taken = {GeneratedName.parse(entry.name).short for entry in entries if entry.name}
    settled = [
        _delete(client, entry.name, entry.kind, deadline, partial(_is_past, entry.since + _GAP, wall_clock))
        for entry in todo
        if entry.name
    ]
    unnamed = [entry for entry in todo if not entry.name]
    for kind in dict.fromkeys(entry.kind for entry in unnamed):
        lost = [replace(entry, until=entry.until or ended) for entry in unnamed if entry.kind == kind]
        others = {
            entry.kind.base_model
            for entry in unnamed
            if entry.kind != kind and entry.kind.family == kind.family
        }
        search = _Search(client, deadline, wall_clock, taken, others)
        settled.append(search.find_and_delete(lost))
    return all(settled)


@dataclass(frozen=True)
class _Search:
    """Looks for what POSTs without an answer made.

    Attributes:
        taken: short names that are somebody's.
        others: other flavours of the base for which models are being looked for.
    """

    client: NebiusClient
    deadline: Deadline
    wall_clock: Clock
    taken: set[str]
    others: set[str]

    def find_and_delete(self, lost: list[Open]) -> bool:
        """Delete what POSTs of one kind made; where more could be theirs than were sent, nothing is touched."""
        kind = lost[0].kind
        looks = 0
        while looks < _LOOKS:
            listing = self._listing(kind)
            if listing is not None:
                looks += 1
                found = self._candidates(listing, lost)
                if len(found) > len(lost):
                    return False
                if not all(_delete(self.client, model.name, kind, self.deadline) for model in found):
                    return False
                lost = lost[len(found) :]
                if not lost:
                    return True
            if self.deadline.remaining() <= _PAUSE:
                return False
            self.client.pause(_PAUSE)
        return True

    def _listing(self, kind: Kind) -> Listing | None:
        try:
            listing = self.client.list_models(kind.ai_project_id, deadline=self.deadline, asked=kind.name)
        except NebiusError:
            return None
        return listing if listing.whole else None

    def _candidates(self, listing: Listing, lost: list[Open]) -> list[ModelInfo]:
        kind = lost[0].kind
        ahead = 0.0 if listing.server_time is None else listing.server_time - self.wall_clock()
        if abs(ahead) <= CLOCK_GRAIN:
            ahead = 0.0  # a `Date` is of whole seconds, and servers keep one for a while: no sign of another clock
        since = min(entry.since for entry in lost) + ahead - CLOCK_GRAIN
        until = max(entry.until or 0.0 for entry in lost) + ahead + _LATE
        fitting = [
            model
            for model in listing.models()
            if model.created_at is not None
            and since <= model.created_at <= until
            and kind.fits(model)
            and GeneratedName.parse(model.name).short not in self.taken
            and model.status != DELETED
        ]
        return kind.choose(fitting, self.others)


def _is_past(moment: float, wall_clock: Clock) -> bool:
    return wall_clock() > moment


def _delete(
    client: NebiusClient,
    name: str,
    kind: Kind,
    deadline: Deadline,
    is_listed_by_now: Callable[[], bool] = lambda: True,
) -> bool:
    """Delete one model, again and again until it is gone; False where the time ran out."""
    while True:
        try:
            client.delete_model(name, deadline=deadline)
        except NotFound:
            return True
        except AccessDenied:
            if is_listed_by_now() and _is_absent(client, name, kind, deadline):
                return True
        except NebiusError:
            pass  # tried again below
        else:
            return True
        if deadline.remaining() <= _PAUSE:
            return False
        client.pause(_PAUSE)


def _is_absent(client: NebiusClient, name: str, kind: Kind, deadline: Deadline) -> bool:
    try:
        listing = client.list_models(kind.ai_project_id, deadline=deadline, asked=kind.name)
    except NebiusError:
        return False
    wanted = GeneratedName.parse(name)
    return listing.whole and not any(wanted.names(model.name) for model in listing.models())
