"""What outlives a killed host: a small process that deletes the models which that host has made and nobody holds.

A host that dies in the middle of a create (``kill -9``, out of memory) can no longer tell the engine what it made. So
it notes each model by its name, once the POST has answered, in a pipe to a process of its own session. When the pipe
ends, that process deletes what is still noted, and nothing else. Mostly nothing is, and it just ends.

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
from nebius_model_resource._lifecycle.notes import Made, Notes
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource._lifecycle.shared_list import GRACE, StatusReader
from nebius_model_resource.errors import NebiusError

if TYPE_CHECKING:
    from nebius_model_resource._api.client import NebiusClient
    from nebius_model_resource._api.settings import Settings

SECONDS = 900.0  # how long it tries after the end of its host
_LOCAL_SECONDS = 20.0  # the same with a service on this machine: an emulator that is gone keeps nothing
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
    """Notes that a process of its own reads; the process begins with the first model."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._pipe: IO[bytes] | None = None

    def _write(self, number: int, made: Made | None) -> None:
        try:
            if self._pipe is None:
                self._pipe = self._begin()
                _send(self._pipe, {"base_url": self._settings.base_url, "api_key": self._settings.api_key})
            _send(self._pipe, {"number": number, "made": vars(made) if made else None})
        except OSError:  # no process can be had, or it is gone: the create goes on without
            _log.debug("models are not guarded", exc_info=True)

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
    """Delete what the notes of a host that has ended leave open."""
    first, _, rest = text.partition(b"\n")
    noted: dict[int, dict[str, Any] | None] = {}
    for line in rest.splitlines():
        try:
            note = json.loads(line)
        except ValueError:
            break  # cut off in the middle
        noted[note["number"]] = note["made"]
    left = [Made(**made) for made in noted.values() if made]
    if not left:
        return
    from nebius_model_resource._api.client import NebiusClient
    from nebius_model_resource._api.settings import Settings

    settings = Settings(**json.loads(first))
    seconds = _LOCAL_SECONDS if settings.base_url.startswith("http:") else SECONDS
    delete_all(left, NebiusClient(settings), seconds=seconds)


def delete_all(
    left: Iterable[Made], client: NebiusClient, wall_clock: Clock = time.time, seconds: float = SECONDS
) -> list[Made]:
    """Delete models, again and again until they are gone.

    Args:
        left: the models.
        client: the account.
        wall_clock: the clock that the models were noted by.
        seconds: how long to try, for all of them together.

    Returns:
        The models that may still exist.
    """
    deadline = client.connection.deadline(seconds)
    todo = list(left)
    while True:
        todo = [made for made in todo if not _is_gone(made, client, deadline, wall_clock)]
        if not todo or deadline.remaining() <= _PAUSE:
            return todo
        deadline.sleep(_PAUSE)


def _is_gone(made: Made, client: NebiusClient, deadline: Deadline, wall_clock: Clock) -> bool:
    reader = StatusReader(client, made.ai_project_id)
    is_new = wall_clock() < made.at + GRACE
    try:
        delete_model(client, made.name, reader, Operation(deadline), is_new=is_new)
    except NebiusError:
        return False
    return True
