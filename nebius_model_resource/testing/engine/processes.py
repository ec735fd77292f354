"""The processes that the engine starts, the program and the hosts: started, listened to, ended."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any


class Process:
    """A process whose output is read line by line; `end` it, so that it never outlives the engine."""

    def __init__(self, process: subprocess.Popen[str], say: Callable[..., Any]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.pid = process.pid
        self._process = process
        self._say = say
        self._streams = process.stdout, process.stderr
        self._readers = [self._follow(process.stderr, severity="info#err")]

    def first_line(self) -> str:
        """The first line of its standard output; empty if it has ended."""
        return self._streams[0].readline().strip()

    def listen(self) -> None:
        """Read its standard output from now on."""
        self._readers.append(self._follow(self._streams[0]))

    def _follow(self, stream: IO[str], **how: str) -> threading.Thread:
        def read() -> None:
            for line in stream:
                self._say(line.rstrip("\n"), **how)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def wait(self, given_up: threading.Event) -> int | None:
        """The exit status, or None if the operation was given up first."""
        while not given_up.is_set():
            try:
                status = self._process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                continue
            for reader in self._readers:
                reader.join(timeout=5)
            return status
        return None

    def end(self, patience: float) -> None:
        """End it if it runs, with force after `patience` seconds, and close what was read from it."""
        self._process.terminate()
        try:
            self._process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join(timeout=5)
        for stream in self._streams:
            stream.close()


def start(command: list[str], cwd: Path, env: Mapping[str, str], say: Callable[..., Any]) -> Process:
    """Start a process; `say` is called with each line that it prints, and with its severity.

    A session of its own keeps a terminal's Ctrl-C away, so that the calls in flight can finish.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    return Process(process, say)
