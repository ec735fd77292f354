"""The emulated service as a process of its own, so that no contender's figures include its work."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import Any

import requests

from benchmarks.rows import CALLS

KEY = "benchmark-key"
_READY = "listening on "


class Service:
    """One emulator; a context manager that ends it."""

    def __init__(self, **settings: Any) -> None:
        command = [sys.executable, "-m", "nebius_model_resource.testing.emulator"]
        self._process = subprocess.Popen(
            [*command, "--exit-with-parent", "--api-key", KEY],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith(_READY):
            self.stop()
            raise RuntimeError(f"the emulator did not start: {line!r}")
        self.url = line.removeprefix(_READY).strip()
        self._session = requests.Session()
        self._session.trust_env = False
        self.set(**settings)

    def __enter__(self) -> Service:  # noqa: PYI034 - Self is newer than Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def set(self, **settings: Any) -> None:
        """Change how it behaves."""
        if settings:
            self._steer("PATCH", "settings", settings)

    def validate_for(self, seconds: float) -> None:
        """Let new models validate for that long; with 0 the answer to the POST already says active."""
        self.set(validation_seconds=seconds, active_on_create=seconds == 0)

    def forget_requests(self) -> None:
        """Begin a new request log."""
        self._steer("DELETE", "requests")

    def requests(self) -> list[dict[str, Any]]:
        """The calls since, oldest first."""
        found: list[dict[str, Any]] = self._steer("GET", "requests")
        return found

    def calls(self) -> dict[str, int]:
        """How many calls of each kind have come in since."""
        found = Counter(kind(request["method"], request["path"]) for request in self.requests())
        return {name: found[name] for name in CALLS if found[name]}

    def count(self) -> int:
        """How many models there are."""
        return len(self._steer("GET", "models"))

    def _steer(self, method: str, what: str, body: Any = None) -> Any:
        answer = self._session.request(method, f"{self.url}/_emulator/{what}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def kind(method: str, path: str) -> str:
    """The kind of a call: a GET of all models is a LIST."""
    return "LIST" if method == "GET" and path.rstrip("/") == "/v0/models" else method
