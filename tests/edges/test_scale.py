"""What many models cost the service and the host: calls that do not grow with the stack, and few connections."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import psutil
import pytest

from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.host import DynamicHost, mostly_waits

pytestmark = mostly_waits

AT_ONCE = 64  # `pulumi up --parallel 64`


@pytest.fixture
def engine() -> Iterator[ThreadPoolExecutor]:
    """The threads of an engine that runs that many steps at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool


@pytest.fixture
def host(host_process: DynamicHost) -> DynamicHost:
    """A process of its own: its threads and connections are counted."""
    return host_process


def create(
    host: DynamicHost, engine: ThreadPoolExecutor, inputs: dict[str, Any], count: int
) -> dict[str, dict[str, Any]]:
    """Create that many models; returns the outputs of each by its id."""
    made = engine.map(
        lambda number: host.create({**inputs, "name": f"m{number}"}, name=f"m{number}"), range(count)
    )
    return dict(made)


def reads(service: Emulator) -> tuple[int, list[str]]:
    """How often the list was read, and which models were read by name."""
    paths = [request.path for request in service.requests("GET")]
    return paths.count("/v0/models"), [path for path in paths if path != "/v0/models"]


def held(service: Emulator, inputs: dict[str, Any], count: int) -> dict[str, dict[str, Any]]:
    """Models that a stack has held for a while, as its state has them."""
    names = [
        service.add_model(name=f"m{number}", base_model=inputs["base_model"], source=inputs["source"])
        for number in range(count)
    ]
    return {name: {**inputs, "generated_name": name, "status": "active", "created_at": 1} for name in names}


def connections(host: DynamicHost, service: Emulator) -> set[int]:
    """The host's ends of its connections to the service."""
    port = int(service.url.rpartition(":")[2])
    return {
        each.laddr.port
        for each in psutil.Process(host.process.pid).net_connections("tcp")
        if each.status == psutil.CONN_ESTABLISHED and each.raddr.port == port
    }


@pytest.mark.slow
def test_sixty_four_waits_of_four_seconds_cost_twenty_reads_at_most(
    shared_host: DynamicHost, service: Emulator, engine: ThreadPoolExecutor, inputs: dict[str, Any]
) -> None:
    """All waits share one reader of the list, and no model is read by itself."""
    service.settings.validation_seconds = 4
    made = create(shared_host, engine, inputs, AT_ONCE)
    assert {outputs["status"] for outputs in made.values()} == {"active"}
    assert sorted(made) == sorted(model["name"] for model in service.models())
    lists, by_name = reads(service)
    assert 0 < lists <= 20
    assert by_name == []


def test_a_list_that_takes_its_time_is_asked_for_once_at_a_time(
    shared_host: DynamicHost, service: Emulator, engine: ThreadPoolExecutor, inputs: dict[str, Any]
) -> None:
    """Sixteen waits share each read: there are only as many lists as fit one after another into their time."""
    service.settings.validation_seconds = 2
    service.add_fault(Fault(method="GET", path="/v0/models", action="delay", seconds=0.5, times=None))
    create(shared_host, engine, inputs, 16)
    begun = [request.time for request in service.requests("GET")]
    assert len(begun) >= 2
    assert all(later - earlier >= 0.5 for earlier, later in pairwise(begun))


def test_models_active_in_the_answer_to_their_post_cost_nothing_more(
    shared_host: DynamicHost, service: Emulator, engine: ThreadPoolExecutor, inputs: dict[str, Any]
) -> None:
    """A hundred of them cost a hundred POSTs and nothing else."""
    service.settings.active_on_create = True
    made = create(shared_host, engine, inputs, 100)
    assert len(made) == 100
    assert [request.method for request in service.requests()] == ["POST"] * 100


def test_a_refresh_of_a_thousand_models_costs_three_lists_at_most(
    host: DynamicHost, emulator: Emulator, engine: ThreadPoolExecutor, inputs: dict[str, Any]
) -> None:
    """However many models a stack has, a refresh reads the list, and reads no model by itself."""
    state = held(emulator, inputs, 1000)
    found = list(engine.map(lambda each: host.read(*each)[0], state.items()))
    assert found == list(state)
    lists, by_name = reads(emulator)
    assert 0 < lists <= 3
    assert by_name == []


def test_each_model_that_the_list_lacks_is_read_by_name_once(
    host: DynamicHost, emulator: Emulator, engine: ThreadPoolExecutor, inputs: dict[str, Any]
) -> None:
    """A model that is gone leaves the state after one read by name; the others cost no read of their own."""
    state = held(emulator, inputs, 40)
    gone = list(state)[::8]
    for name in gone:
        emulator.remove_model(name)
    found = list(engine.map(lambda each: host.read(*each)[0], state.items()))
    assert found == ["" if name in gone else name for name in state]
    lists, by_name = reads(emulator)
    assert 0 < lists <= 3
    assert sorted(by_name) == sorted(f"/v0/models/{name}" for name in gone)


def test_deletions_of_what_is_gone_already_look_at_the_list_together(
    host: DynamicHost, emulator: Emulator, engine: ThreadPoolExecutor, inputs: dict[str, Any]
) -> None:
    """If another client deleted a stack's models, a destroy does not read the list for each of them."""
    state = held(emulator, inputs, 40)
    for name in state:
        emulator.remove_model(name)
    emulator.add_fault(Fault(method="GET", path="/v0/models", action="delay", seconds=1, times=None))
    list(engine.map(lambda each: host.delete(*each), state.items()))
    assert len(emulator.requests("DELETE")) == 40
    lists, by_name = reads(emulator)
    assert 0 < lists <= 3
    assert by_name == []


def test_connections_are_kept_for_as_many_calls_as_there_are_at_a_time(
    host: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """A hundred calls at once open a hundred connections at most, and another hundred calls open no further one."""
    emulator.settings.active_on_create = True
    emulator.add_fault(Fault(method="POST", action="delay", seconds=1, times=None))
    with ThreadPoolExecutor(100) as engine:
        create(host, engine, inputs, 100)
        before = connections(host, emulator)
        assert AT_ONCE < len(before) <= 100
        create(host, engine, inputs, 100)
        assert connections(host, emulator) <= before


@pytest.mark.slow
def test_a_hundred_creates_take_what_the_rate_limit_dictates(
    host: DynamicHost, emulator: Emulator, engine: ThreadPoolExecutor, inputs: dict[str, Any]
) -> None:
    """At sixty calls a minute, forty of them have to wait, one second each; a tenth more is allowed."""
    emulator.settings.active_on_create = True
    emulator.settings.rate_limit_per_minute = 60
    made = create(host, engine, inputs, 100)
    assert sorted(made) == sorted(model["name"] for model in emulator.models())
    assert len(made) == 100
    times = [request.time for request in emulator.requests("POST") if request.status == 200]
    assert times[-1] - times[0] <= 40 * 1.1
