"""A small process that outlives a killed host and deletes the models which that host was creating.

A host that dies during a create (``kill -9``, out of memory) cannot report the model to the engine. So it notes each
model by name, once the POST has answered, in a pipe to a process in a session of its own. When the pipe ends, that
process deletes the models whose notes are still open, and nothing else. Usually there are none, and it ends.

The key goes through the pipe and nowhere else: no argument, no variable, no file.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nebius_model_resource._api.deadline import Clock, Deadline
from nebius_model_resource._lifecycle.deletion import delete_model
from nebius_model_resource._lifecycle.notes import Note, Notes
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource._lifecycle.shared_list import GRACE, StatusReader
from nebius_model_resource.errors import NebiusError

if TYPE_CHECKING:
    from nebius_model_resource._api.client import NebiusClient
    from nebius_model_resource._api.settings import Settings

SECONDS = 900.0  # how long it retries after the end of its host
_LOCAL_SECONDS = 20.0  # the same if the service runs on this machine, such as an emulator
_PAUSE = 2.0
_log = logging.getLogger(__name__)
_CODE = """
import sys
text = sys.stdin.buffer.read()
sys.path.insert(0, sys.argv[1])
from nebius_model_resource._lifecycle.guardian import main
main(text)
"""


class Guardian(Notes):
    """Notes for a process that starts with the first of them."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._pipe: IO[bytes] | None = None

    def _write(self, number: int, note: Note | None) -> None:
        try:
            if self._pipe is None:
                self._pipe = _start()
                self._send({"base_url": self._settings.base_url, "api_key": self._settings.api_key})
            self._send({"number": number, "note": vars(note) if note else None})
        except OSError:  # the process cannot start, or is gone: the create continues without it
            _log.debug("models are not guarded", exc_info=True)

    def _send(self, line: dict[str, Any]) -> None:
        if self._pipe is not None:
            self._pipe.write(json.dumps(line).encode() + b"\n")


def _start() -> IO[bytes] | None:
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(  # noqa: S603 - this interpreter, and a text of our own
        [sys.executable, "-I", "-c", _CODE, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,  # a signal to the host's process group does not reach it
    ).stdin


def main(text: bytes) -> None:
    """Delete the models whose notes a host left open."""
    account, _, lines = text.partition(b"\n")
    notes: dict[int, dict[str, Any] | None] = {}
    for line in lines.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            break  # the host died while it wrote this line
        notes[entry["number"]] = entry["note"]
    left = [Note(**note) for note in notes.values() if note]
    if not left:
        return
    from nebius_model_resource._api.client import NebiusClient
    from nebius_model_resource._api.settings import Settings

    settings = Settings(**json.loads(account))
    seconds = _LOCAL_SECONDS if settings.base_url.startswith("http:") else SECONDS
    delete_all(left, NebiusClient(settings), seconds=seconds)


def delete_all(
    left: Iterable[Note], client: NebiusClient, wall_clock: Clock = time.time, seconds: float = SECONDS
) -> list[Note]:
    """Delete models and retry for so many seconds; return those that may still exist."""
    deadline = client.connection.deadline(seconds)
    todo = list(left)
    while True:
        todo = [note for note in todo if not _is_gone(note, client, deadline, wall_clock)]
        if not todo or deadline.remaining() <= _PAUSE:
            return todo
        deadline.sleep(_PAUSE)


def _is_gone(note: Note, client: NebiusClient, deadline: Deadline, wall_clock: Clock) -> bool:
    reader = StatusReader(client, note.ai_project_id)
    is_new = wall_clock() < note.at + GRACE
    try:
        delete_model(client, note.name, reader, Operation(deadline), is_new=is_new)
    except NebiusError:
        return False
    return True
