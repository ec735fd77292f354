"""The end of a call before its work is done: the engine goes away, or the person who started the run stops it."""

from __future__ import annotations

from typing import Any

import pytest

from nebius_model_resource._plugin.call import PluginCall
from nebius_model_resource._provider.properties import MODEL
from nebius_model_resource.errors import EngineGone
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.hosts.conftest import Kind
from tests.support.host import HostError, mostly_waits
from tests.support.host_here import CallFailed, Context, HostHere, ListeningEngine
from tests.support.plugin import PluginHere
from tests.support.processes import wait_until

pytestmark = mostly_waits

INPUTS = {"name": "bot", "base_model": "acme/Base", "source": "file-1", "wait_for_active": True}
plugin_only = pytest.mark.parametrize("edge", ["plugin"], indirect=True)


def failed(later: Any) -> CallFailed:
    """The error of a call that is under way."""
    error = later.exception(timeout=60)
    assert isinstance(error, CallFailed)
    return error


# The engine is gone

PHASES: dict[str, list[dict[str, Any]]] = {
    "list": [{"method": "GET", "action": "delay", "seconds": 1}],
    "post": [{"method": "POST", "action": "delay", "effect": "after", "seconds": 1}],
    "pause": [{"method": "POST", "status": 429, "headers": {"Retry-After": "300"}, "times": None}],
    "wait": [],
}


@pytest.mark.parametrize("phase", PHASES)
def test_an_engine_that_is_gone_leaves_nothing(
    host: HostHere, emulator: Emulator, kind: Kind, phase: str
) -> None:
    """Whatever a create does at that moment, nothing is left that no engine can record, and the line is short."""
    emulator.settings.update(validation_seconds=600, endpoint_seconds=600)
    for fault in PHASES[phase]:
        emulator.add_fault(Fault(path=kind.path, **fault))
    later = host.create_later(kind.inputs, timeout=500)
    begun = {"list": lambda: emulator.requests("GET"), "pause": lambda: emulator.requests("POST")}
    wait_until(begun.get(phase, lambda: kind.ids(emulator)), "the phase has begun")
    host.lose_engine()
    assert str(failed(later)) == "the engine is gone"
    assert kind.ids(emulator) == []


def test_a_call_that_is_over_before_it_begins_has_lost_its_engine() -> None:
    """gRPC accepts no callback for it any more; a call that is served has its engine until its end."""

    class Closed(Context):
        def add_callback(self, _callback: object) -> bool:
            return False

    request = type("Request", (), {"urn": "urn:x", "timeout": 90})()
    with pytest.raises(EngineGone, match=r"^the engine is gone$"):
        PluginCall(request, Closed(), ListeningEngine(), MODEL).sleep(600)
    running = PluginCall(request, Context(), ListeningEngine(), MODEL)
    running.sleep(0)
    assert (running.timeout, running.interrupted()) == (90.0, False)


# The run is stopped (the host of dynamic providers answers `Cancel` itself)


@plugin_only
def test_cancel_ends_every_call_that_runs(host_here: PluginHere, service: Emulator, kind: Kind) -> None:
    """The first Ctrl-C ends every wait: each is partial state, and its next update goes on without a POST."""
    service.settings.update(validation_seconds=600, endpoint_seconds=600)
    calls = {
        name: host_here.create_later(kind.named(name), timeout=500, name=name)
        for name in ("one", "two", "three")
    }
    wait_until(lambda: len(kind.ids(service)) == len(calls), "all exist")
    host_here.servicer_here.Cancel(None, Context())
    kept = []
    for call in calls.values():
        error = HostError(failed(call), host_here.decode)
        assert error.kept is not None
        assert (error.kept.reasons, error.kept.properties["status"]) == ([error.message], kind.first)
        assert f"the run was interrupted; the {kind.noun} stays in the state" in error.message
        kept.append(error.kept)
    assert sorted(each.id for each in kept) == sorted(kind.ids(service))
    posts = len(service.requests("POST"))
    for each in kept:
        kind.becomes_ready(service, each.id)
        found = host_here.update(each.id, {**kind.inputs, **each.properties}, {**kind.inputs, **each.inputs})
        assert found["status"] in ("active", "running")
    assert len(service.requests("POST")) == posts


@plugin_only
def test_cancel_is_harmless_where_nothing_runs(host_here: PluginHere) -> None:
    """The engine also sends it at each normal end: later calls are not interrupted."""
    host_here.servicer_here.Cancel(None, Context())
    _, outputs = host_here.create(INPUTS, name="later")
    assert outputs["status"] == "active"
    assert host_here.servicer_here.idle()
