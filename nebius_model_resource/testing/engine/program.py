"""The user's program as a process: started, listened to, ended."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

from .launcher import ORDER, REPORTED

__all__ = ["REPORTED", "Order", "Program"]


@dataclass(frozen=True)
class Order:
    """What the program's process needs: where the engine listens, the stack, its configuration."""

    program: str
    config: dict[str, str]
    secret_keys: list[str]
    settings: dict[str, Any]

    def text(self) -> str:
        """The order as the launcher reads it."""
        return json.dumps(self.__dict__)


class Program:
    """One run of the program; use it as a context manager, so that its process never outlives the engine."""

    def __init__(
        self, python: str, order: Order, cwd: Path, env: Mapping[str, str], say: Callable[[str, str], None]
    ) -> None:
        launcher = Path(__file__).with_name("launcher.py")
        self._process = subprocess.Popen(
            [python, "-u", str(launcher)],
            cwd=cwd,
            env={**env, ORDER: order.text()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # The engine handles Ctrl-C: it finishes the steps in flight first.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            _follow(self._process.stdout, lambda line: say(line, "info")),
            _follow(self._process.stderr, lambda line: say(line, "info#err")),
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def wait(self, given_up: threading.Event, pause: float = 0.02) -> int | None:
        """The exit status, or None if the operation was given up first."""
        while not given_up.is_set():
            try:
                status = self._process.wait(timeout=pause)
            except subprocess.TimeoutExpired:
                continue
            for reader in self._readers:
                reader.join(timeout=5)
            return status
        return None

    def stop(self) -> None:
        """End the process if it runs, and close what was read from it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for reader in self._readers:
            reader.join(timeout=5)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


def _follow(stream: IO[str], say: Callable[[str], None]) -> threading.Thread:
    def read() -> None:
        for line in stream:
            say(line.rstrip("\n"))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
