"""The processes of a run of the CLI."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable

import psutil

SECONDS = 100.0  # long, because a machine may be busy


def wait_until(holds: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    """Wait for a condition; the test fails if it does not hold in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


def family_of(cli: psutil.Popen) -> list[psutil.Process]:
    """The processes that the engine started, without the guardian, which has a session of its own."""
    return [process for process in cli.children(recursive=True) if not _is_guardian(process)]


def guardians_of(cli: psutil.Popen) -> list[psutil.Process]:
    """The guardians of the hosts that the engine started."""
    return [process for process in cli.children(recursive=True) if _is_guardian(process)]


def _is_guardian(process: psutil.Process) -> bool:
    return any("nebius_model_resource._lifecycle.guardian" in text for text in process.cmdline())


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
