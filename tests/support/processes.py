"""The processes of a run of the CLI."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import psutil

SECONDS = 100.0  # long, because a machine may be busy


def wait_until(holds: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    """Wait for a condition; the test fails if it does not hold in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


def begin(command: str, folder: Path, environ: Mapping[str, str]) -> psutil.Popen:
    """A command of the CLI at work on the stack of a folder, in a session of its own."""
    return psutil.Popen(
        ["pulumi", command, "--yes", "--skip-preview", "--stack", "test"],
        cwd=folder / "project",
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def family_of(cli: psutil.Popen) -> list[psutil.Process]:
    """The processes that the engine started."""
    return list(cli.children(recursive=True))


def has_ended(process: psutil.Process) -> bool:
    """Whether it runs no more; nobody may have collected its status yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def bury(family: Iterable[psutil.Process]) -> None:
    """End the process that a killed CLI leaves behind: its own language host, not one of ours."""
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
