"""Runs one command and measures what each of its processes takes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_PAUSE = 0.1  # seconds between two looks; the kernel records the peak between them
_SEARCH_EVERY = 3  # looks: finding new processes costs more than reading known ones
_TAIL = 3000  # characters of a failed command's output that are shown


class CommandFailed(Exception):
    """A command that was to be measured ended with an error; the text holds the end of what it printed."""


@dataclass
class Usage:
    """What one command took.

    Attributes:
        seconds: wall time from its start to its end.
        spent: processor seconds of each process as last seen, with its role.
        memory: peak resident bytes by role; the largest where several processes have one role.
        threads: most threads of the dynamic-provider host at any look.
        threads_after: its threads at the last look.
        output: what the command printed.
    """

    seconds: float = 0.0
    spent: dict[int, tuple[str, float]] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    threads: int = 0
    threads_after: int = 0
    output: str = ""

    def cpu(self) -> dict[str, float]:
        """Processor seconds by role, without what a process did after the last look at it."""
        total: dict[str, float] = {}
        for role, seconds in self.spent.values():
            total[role] = round(total.get(role, 0.0) + seconds, 3)
        return total


def role_of(command: Sequence[str]) -> str | None:
    """Which part of an operation a process is, None for a process that does not count (a shell, pip)."""
    words = " ".join(command)
    if "pulumi.dynamic" in words and "python" in Path(command[0]).name:
        return "host"
    if "pulumi-language-python-exec" in words or "engine/launcher.py" in words:
        return "program"
    if Path(command[0]).name == "pulumi-language-python":
        return "language"
    if Path(command[0]).name == "pulumi" or "nebius_model_resource.testing.engine" in words:
        return "cli"
    return None


class Watch:
    """The processes of one command."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._roles: dict[psutil.Process, str | None] = {}
        self._looks = 0
        self.usage = Usage()

    def look(self) -> None:
        """Take one sample."""
        if self._looks % _SEARCH_EVERY == 0:
            self._search()
        self._looks += 1
        for process, role in self._roles.items():
            if role is not None:
                with contextlib.suppress(psutil.Error, OSError):
                    self._sample(process, role)

    def _sample(self, process: psutil.Process, role: str) -> None:
        peak, threads = _peak_and_threads(process)
        times = process.cpu_times()
        self.usage.spent[process.pid] = role, times.user + times.system
        memory = self.usage.memory
        memory[role] = max(memory.get(role, 0), peak)
        if role == "host" and threads:
            self.usage.threads = max(self.usage.threads, threads)
            self.usage.threads_after = threads

    def _search(self) -> None:
        with contextlib.suppress(psutil.Error):
            for process in [self._root, *self._root.children(recursive=True)]:
                # A process may have no role yet: it gets one when it becomes another program.
                if self._roles.get(process) is None:
                    self._roles[process] = _role(process)

    def end_all(self) -> None:
        """End the processes of the command that still run; psutil takes no other process for one that is gone."""
        self._search()
        for process in self._roles:
            with contextlib.suppress(psutil.Error):
                process.kill()


def _role(process: psutil.Process) -> str | None:
    try:
        return role_of(process.cmdline() or [""])
    except psutil.Error:
        return None


def _peak_and_threads(process: psutil.Process) -> tuple[int, int]:
    """Peak resident bytes and threads now; off Linux the peak is only the largest of the looks."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return process.memory_info().rss, process.num_threads()
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    # A process that is ending has no memory any more.
    return int(fields.get("VmHWM", "0 kB").split()[0]) * 1024, int(fields.get("Threads", "0"))


def run(command: Sequence[str], env: Mapping[str, str], cwd: Path, limit: float = 7200.0) -> Usage:
    """Run a command to its end.

    Raises:
        CommandFailed: it ended with an error, or did not end within the limit.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        watch = Watch(process.pid)
        try:
            while process.poll() is None and time.perf_counter() - started < limit:
                watch.look()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_PAUSE)
            watch.usage.seconds = time.perf_counter() - started
        finally:
            watch.end_all()
            process.wait()
        output.seek(0)
        watch.usage.output = output.read().decode("utf-8", "replace")
    if process.returncode != 0:
        words = " ".join([os.fspath(Path(command[0]).name), *command[1:4]])
        raise CommandFailed(f"`{words} …` ended with {process.returncode}:\n{watch.usage.output[-_TAIL:]}")
    return watch.usage
