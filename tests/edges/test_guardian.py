"""Hosts that are killed with real signals: what they created does not stay behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.host import DynamicHost, HostError, mostly_waits

pytestmark = mostly_waits
INPUTS = {"name": "bot", "base_model": "acme/Base", "source": "file-1"}
SECONDS = 60.0  # long, for a busy machine; the awaited event takes two seconds


def wait_until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"not within {SECONDS:.0f} s: {what}"
        time.sleep(0.02)


@pytest.fixture
def host(host_process: DynamicHost) -> DynamicHost:
    """A process of its own: it is killed."""
    return host_process


def guardians(host: DynamicHost) -> set[int]:
    """Only the guardians of this host: other tests run at the same time."""
    return {child.pid for child in psutil.Process(host.process.pid).children()}


def gone(pids: set[int]) -> bool:
    return not pids & {pid for pid in pids if psutil.pid_exists(pid)}


def made(emulator: Emulator) -> list[dict[str, Any]]:
    return emulator.models()


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_host_killed_while_it_waits(host: DynamicHost, emulator: Emulator, number: int) -> None:
    """A host killed while a model validates leaves no model and no process."""
    emulator.settings.validation_seconds = 60
    _running = host.create_later(INPUTS)
    wait_until(lambda: len(emulator.requests("GET")) > 1, "the host waits")
    mine = guardians(host)
    assert len(mine) == 1
    os.kill(host.process.pid, number)
    wait_until(lambda: not made(emulator), "the model is deleted")
    wait_until(lambda: gone(mine), "the guardian has ended")
    assert len(emulator.requests("DELETE")) == 1


def test_only_what_is_known_by_name_is_deleted(host: DynamicHost, emulator: Emulator) -> None:
    """The guardian deletes the one model that it knows, and sends nothing else: it does not look for lost POSTs."""
    emulator.settings.validation_seconds = 60
    _waiting = host.create_later({**INPUTS, "name": "known"}, name="known")
    wait_until(lambda: len(emulator.requests("GET")) > 1, "the host waits")
    emulator.add_fault(Fault(method="POST", action="delay", effect="after", seconds=30))
    _running = host.create_later(INPUTS)
    wait_until(lambda: len(made(emulator)) == 2, "the model is made")
    [known] = [model["name"] for model in made(emulator) if model["custom_name"] == "known"]
    mine = guardians(host)
    assert len(mine) == 1
    assert emulator.requests("DELETE") == []
    os.kill(host.process.pid, signal.SIGKILL)
    host.process.wait(SECONDS)
    ended = time.time()
    wait_until(lambda: gone(mine), "the guardian has ended")
    [left] = made(emulator)
    assert left["custom_name"] == "bot"
    sent = [(call.method, call.path) for call in emulator.requests() if call.time > ended]
    assert sent == [("DELETE", f"/v0/models/{known}")]


@pytest.mark.slow
def test_host_killed_and_the_service_away(host: DynamicHost, emulator: Emulator) -> None:
    """The guardian tries again if the service does not answer at once."""
    emulator.settings.validation_seconds = 60
    emulator.add_fault(Fault(method="DELETE", status=401, times=1))
    emulator.add_fault(Fault(method="DELETE", action="reset", times=1))
    _running = host.create_later(INPUTS)
    wait_until(lambda: len(emulator.requests("GET")) > 1, "the host waits")
    os.kill(host.process.pid, signal.SIGKILL)
    wait_until(lambda: not made(emulator), "the model is deleted")


@pytest.mark.slow
def test_models_of_finished_creates_stay(host: DynamicHost, emulator: Emulator) -> None:
    """When a host is killed, the model of a finished create stays, and an equal model that it awaits is deleted."""
    held, _ = host.create(INPUTS)
    emulator.settings.validation_seconds = 60
    emulator.clear_requests()
    _running = host.create_later(INPUTS, name="m2")
    wait_until(lambda: len(emulator.requests("GET")) > 1, "the host waits for the second")
    mine = guardians(host)
    os.kill(host.process.pid, signal.SIGKILL)
    wait_until(lambda: gone(mine), "the guardian has ended")
    assert [model["name"] for model in made(emulator)] == [held]


@pytest.mark.slow
def test_engine_killed_while_a_lost_answer_is_looked_for(host: DynamicHost, emulator: Emulator) -> None:
    """When the engine is gone, the host ends by itself, and the model of its lost POST is deleted."""
    emulator.settings.missing_lists = 4
    emulator.add_fault(Fault(method="POST", action="close", effect="after"))
    _running = host.create_later(INPUTS)
    wait_until(lambda: len(emulator.requests("GET")) > 1, "the host looks")
    host.engine.stop()
    host.channel.close()
    host.process.wait(SECONDS)
    wait_until(lambda: not made(emulator), "the model is deleted")


def test_engine_killed_while_the_model_validates(host: DynamicHost, emulator: Emulator) -> None:
    """When the engine is gone, the host deletes the model it waits for, and ends."""
    emulator.settings.validation_seconds = 60
    _running = host.create_later(INPUTS)
    wait_until(lambda: len(emulator.requests("GET")) > 1, "the host waits")
    host.engine.stop()
    host.channel.close()
    host.process.wait(SECONDS)
    assert made(emulator) == []


BROKEN = """
import runpy
from nebius_model_resource._lifecycle.wait import Wait
def broken(*_):
    raise ZeroDivisionError
Wait.until_active = broken
runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)
"""


BROKEN_RECORD = """
import runpy
from nebius_model_resource._edges.dynamic.call import HostCall
def broken(*_):
    raise ZeroDivisionError
HostCall.keep = broken
runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)
"""


def test_a_fault_of_ours_deletes_no_model(emulator: Emulator, tmp_path: Path) -> None:
    """If a bug keeps an unfinished model out of the state, the message names the model, and the model stays."""
    prelude = tmp_path / "host.py"
    prelude.write_text(BROKEN_RECORD)
    emulator.settings.validation_seconds = 60
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    with DynamicHost(config, prelude=prelude) as host:
        with pytest.raises(HostError, match="ZeroDivisionError") as caught:
            host.create(INPUTS, timeout=4)
        mine = guardians(host)
    [left] = made(emulator)
    assert f"the model {left['name']!r} exists and is not in the state: adopt it" in caught.value.message
    wait_until(lambda: gone(mine), "the guardian has ended")
    assert emulator.requests("DELETE") == []


def test_our_own_fault_after_the_post_leaves_nothing(emulator: Emulator, tmp_path: Path) -> None:
    """A create that fails on a bug after its POST says so, and the model is deleted when the host ends."""
    prelude = tmp_path / "host.py"
    prelude.write_text(BROKEN)
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    with DynamicHost(config, prelude=prelude) as host:
        with pytest.raises(HostError, match="ZeroDivisionError"):
            host.create(INPUTS)
        assert len(made(emulator)) == 1
    wait_until(lambda: not made(emulator), "the model is deleted")
