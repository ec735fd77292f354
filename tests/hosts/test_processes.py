"""What only a process has: how it ends, its threads and connections, and what many calls at once cost the service."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.host import DynamicHost, dynamic_only, mostly_waits, warm_host
from tests.support.plugin import PluginProcess
from tests.support.processes import wait_until

# A process that does not end by itself meets this bound.
pytestmark = [mostly_waits, pytest.mark.timeout(120)]

AT_ONCE = 64  # `pulumi up --parallel 64`


def ended(process: subprocess.Popen[str]) -> int:
    """The code with which a process ends by itself."""
    return process.wait(timeout=60)


# How it ends


def test_an_idle_plugin_ends_with_its_engine(emulator: Emulator) -> None:
    """A killed engine cannot stop its plugins."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    with PluginProcess(config) as running:
        running.engine.stop()
        assert ended(running.process) == 0
        assert running.output == ""


def test_no_process_ends_during_another_calls_clean_up(
    host_process: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """Without an engine every model in flight is deleted, however long one deletion takes; then the process ends."""
    emulator.settings.validation_seconds = 600
    emulator.add_fault(Fault(method="DELETE", path="*slow*", action="delay", seconds=3))
    names = ("quick", "slow", "other")
    calls = [host_process.create_later({**inputs, "name": name}, timeout=500, name=name) for name in names]
    wait_until(lambda: len(emulator.models()) == len(names), "all models exist")
    host_process.engine.stop()
    for call in calls:
        call.cancel()
    assert ended(host_process.process) == 0
    assert emulator.models() == []
    assert len(emulator.requests("DELETE")) == len(names)


def test_a_process_ends_with_an_engine_that_goes_after_its_calls(
    host_process: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """An engine that is still there when its last call is cancelled and cleaned up takes the process along later."""
    emulator.settings.validation_seconds = 600
    call = host_process.create_later(inputs, timeout=500)
    wait_until(emulator.models, "the model exists")
    call.cancel()
    wait_until(lambda: not emulator.models(), "the model is deleted")
    host_process.check(inputs)
    assert host_process.process.poll() is None
    host_process.engine.stop()
    assert ended(host_process.process) == 0


# Threads

LIMITED = """
import runpy, threading
start = threading.Thread.start
def limited(thread):
    others = [each for each in threading.enumerate() if each.name.startswith("ThreadPoolExecutor")]
    if thread.name.startswith("ThreadPoolExecutor") and len(others) >= 4:
        raise RuntimeError("can't start new thread")
    start(thread)
threading.Thread.start = limited
runpy.run_module("pulumi.dynamic", run_name="__main__")
"""


@dynamic_only
def test_where_no_thread_can_start_the_hosts_own_serve(
    emulator: Emulator, edge: str, inputs: dict[str, Any], tmp_path: Path
) -> None:
    """With a limit of threads, as in some containers, later creates take their turn, and the host goes on."""
    assert edge == "dynamic"
    prelude = tmp_path / "host.py"
    prelude.write_text(LIMITED)
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    emulator.settings.validation_seconds = 3600
    with warm_host(config, prelude=prelude) as host:
        calls = [
            host.create_later({**inputs, "name": f"m{number}"}, name=f"m{number}") for number in range(4)
        ]
        wait_until(lambda: len(emulator.models()) == 4, "four models exist")
        calls += [
            host.create_later({**inputs, "name": f"n{number}"}, name=f"n{number}") for number in range(4)
        ]
        emulator.settings.validation_seconds = 0
        assert len({call.result(timeout=60).id for call in calls}) == 8
        assert host.check(inputs)[1] == []
        assert host.output == ""


def test_waits_do_not_hold_up_each_other(
    host_process: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """Twenty-four models are created before the first is active, and a check is answered, after many checks as well."""
    emulator.settings.validation_seconds = 3600
    with ThreadPoolExecutor(24) as engine:
        list(engine.map(host_process.check, [inputs] * 400))
    waits = [
        host_process.create_later({**inputs, "name": f"m{number}"}, name=f"m{number}") for number in range(24)
    ]
    wait_until(lambda: len(emulator.models()) == 24, "all models exist")
    assert host_process.check(inputs)[1] == []
    for model in emulator.models():
        emulator.change_model(model["name"], status="active")
    assert len({wait.result(timeout=60).id for wait in waits}) == 24


# What many calls cost


def create(
    host: DynamicHost, engine: ThreadPoolExecutor, inputs: dict[str, Any], count: int
) -> dict[str, dict[str, Any]]:
    """Create that many models; returns the outputs of each by its id."""
    return dict(
        engine.map(
            lambda number: host.create({**inputs, "name": f"m{number}"}, name=f"m{number}"), range(count)
        )
    )


def held(service: Emulator, inputs: dict[str, Any], count: int) -> dict[str, dict[str, Any]]:
    """Models that a stack has held for a while, as its state has them."""
    names = [
        service.add_model(name=f"m{number}", base_model=inputs["base_model"], source=inputs["source"])
        for number in range(count)
    ]
    return {name: {**inputs, "generated_name": name, "status": "active", "created_at": 1} for name in names}


def reads(service: Emulator) -> tuple[int, list[str]]:
    """How often the list was read, and which models were read by name."""
    paths = [request.path for request in service.requests("GET")]
    return paths.count("/v0/models"), sorted(path for path in paths if path != "/v0/models")


def connections(host: DynamicHost, service: Emulator) -> set[int]:
    """The host's ends of its connections to the service."""
    port = int(service.url.rpartition(":")[2])
    return {
        each.laddr.port
        for each in psutil.Process(host.process.pid).net_connections("tcp")
        if each.status == psutil.CONN_ESTABLISHED and each.raddr.port == port
    }


def test_models_active_at_once_cost_a_post_each(
    host_process: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """A hundred of them cost a hundred POSTs and a few lists, over at most a hundred connections, which stay open."""
    emulator.settings.active_on_create = True
    emulator.add_fault(Fault(method="POST", action="delay", seconds=0.5, times=None))
    with ThreadPoolExecutor(AT_ONCE) as engine:
        assert len(create(host_process, engine, inputs, 100)) == 100
        before = connections(host_process, emulator)
        assert len(emulator.requests("POST")) == 100
        assert reads(emulator)[0] <= 5
        assert len(before) <= AT_ONCE
        create(host_process, engine, inputs, 50)
        assert connections(host_process, emulator) <= before


def test_a_refresh_and_a_destroy_read_the_list_for_all_models(
    host_process: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """Only a model that the list lacks is read by its name, once; deletions of what is gone share a list as well."""
    state = held(emulator, inputs, 200)
    gone = list(state)[::40]
    for name in gone:
        emulator.remove_model(name)
    with ThreadPoolExecutor(AT_ONCE) as engine:
        found = list(engine.map(lambda each: host_process.read(*each)[0], state.items()))
        assert found == ["" if name in gone else name for name in state]
        assert reads(emulator) == (1, sorted(f"/v0/models/{name}" for name in gone))
        for name in set(state) - set(gone):
            emulator.remove_model(name)
        emulator.clear_requests()
        emulator.add_fault(Fault(method="GET", path="/v0/models", action="delay", seconds=1, times=None))
        list(engine.map(lambda each: host_process.delete(*each), list(state.items())[:AT_ONCE]))
    assert len(emulator.requests("DELETE")) == AT_ONCE
    lists, by_name = reads(emulator)
    assert 0 < lists <= 3
    assert by_name == []
