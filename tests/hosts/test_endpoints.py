"""Dedicated endpoints through both edges: the wire, previews, many at once, and where nothing is configured."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from nebius_model_resource import QueryFailed, list_dedicated_endpoints, list_endpoint_templates
from nebius_model_resource._cli.main import main
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.hosts.conftest import KINDS, OWN
from tests.support.calls import without_proxies
from tests.support.host import HostError
from tests.support.host_here import Context, HostHere
from tests.support.hostile import RawServer
from tests.support.plugin import PluginHere, native_urn

KIND = KINDS["endpoint"]
# As a program gives them: the provider adds the routing key and the URL, and every number is a float on the wire.
GIVEN = {name: value for name, value in KIND.inputs.items() if name not in ("routing_key", "inference_url")}


def checked(host: HostHere, olds: Any = None, **changes: Any) -> dict[str, Any]:
    """The inputs after a check without faults."""
    inputs, faults = host.check({**GIVEN, **changes}, olds)
    assert faults == []
    return {**OWN, **inputs}


def test_an_endpoint_is_created_changed_stopped_and_deleted(host_here: HostHere, service: Emulator) -> None:
    """What is sent is what the emulator takes, which refuses a float; its routing key and URL never change.

    A refused update changes nothing.
    """
    inputs = checked(host_here)
    id_, outputs = host_here.create(inputs)
    [made] = service.endpoints()
    assert (id_, made["routing_key"], made["enabled"]) == (made["id"], inputs["routing_key"], True)
    live = {"endpoint_id": id_, "status": "running", "readiness": "ready", "ready_replicas": 1}
    assert {**OWN, **outputs, "created_at": 1} == {**inputs, **live, "created_at": 1}
    assert host_here.diff(id_, {**OWN, **outputs}, inputs).changes == provider_pb2.DiffResponse.DIFF_NONE
    for changes in ({"gpu_count": 2, "max_replicas": 4, "description": "new"}, {"enabled": False}):
        news = checked(host_here, {**OWN, **outputs}, **changes)
        assert (news["routing_key"], news["inference_url"]) == (inputs["routing_key"], f"{service.url}/v1")
        outputs = host_here.update(id_, {**OWN, **outputs}, news)
        assert {name: outputs[name] for name in changes} == changes
    assert outputs["status"] == "stopped"
    service.add_fault(Fault(method="PATCH", status=422))
    with pytest.raises(HostError, match=r"refused to update the endpoint: .*; the endpoint stays in the"):
        host_here.update(id_, {**OWN, **outputs}, {**news, "gpu_count": 4})
    read_id, read, read_inputs = host_here.read(id_, {**OWN, **outputs})
    assert (read_id, read, {**OWN, **read_inputs}) == (id_, outputs, news)
    for _ in range(2):
        host_here.delete(id_, {**OWN, **outputs})
    assert service.endpoints() == []
    assert host_here.read(id_, {**OWN, **outputs})[0] == ""


def test_the_engines_seed_decides_the_routing_key(host_here: HostHere) -> None:
    """A preview and its update have one seed, so that both have one key; without a seed each key is new."""
    seeds = (b"\x0f" * 32, b"\x0f" * 32, b"", b"")
    keys = [host_here.check(GIVEN, seed=seed)[0]["routing_key"] for seed in seeds]
    assert keys[0] == keys[1] == f"dedicated/{GIVEN['name']}-0f0f0f0f"
    assert len({*keys}) == 3


DIFFS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"gpu_count": 2.0, "description": ""}, {"description": "DELETE", "gpu_count": "UPDATE"}),
    ({"region": "us-central1", "name": "other"}, {"name": "UPDATE", "region": "UPDATE_REPLACE"}),
    ({"custom_weights_id": rpc.UNKNOWN}, {"custom_weights_id": "ADD"}),
]


@pytest.mark.parametrize(("changes", "expected"), DIFFS)
def test_a_diff_replaces_only_for_what_replaces(
    host_here: HostHere, service: Emulator, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    """An input that can change in place is shown as changed, no more, also beside one that replaces."""
    state = {**KIND.inputs, "description": "old", "endpoint_id": "e", "status": "running"}
    answer = host_here.diff("e", state, {**KIND.inputs, "description": "old", **changes})
    name_of = provider_pb2.PropertyDiff.Kind.Name
    assert {name: name_of(detail.kind) for name, detail in answer.detailedDiff.items()} == expected
    assert list(answer.replaces) == [name for name, kind in expected.items() if kind.endswith("REPLACE")]
    assert service.requests() == []


def test_fifty_creates_share_the_lists(host: HostHere, emulator: Emulator) -> None:
    """Fifty endpoints that start at once cost fewer than fifty lists, and their refresh costs one."""
    emulator.settings.endpoint_seconds = 1
    with ThreadPoolExecutor(50) as pool:
        made = list(pool.map(lambda name: host.create(KIND.named(name), name=name)[0], map(str, range(50))))
    assert sorted(made) == sorted(KIND.ids(emulator))
    assert len(emulator.requests("POST", KIND.path)) == 50
    assert len(emulator.requests("GET", KIND.path)) < 50
    emulator.clear_requests()
    for id_ in made:  # a refresh
        host.read(id_, {**KIND.inputs, "endpoint_id": id_, "status": "running"})
    assert len(emulator.requests()) <= 1


@pytest.mark.parametrize("edge", ["plugin"], indirect=True)
def test_previews_know_the_routing_key(host_here: PluginHere, service: Emulator) -> None:
    """In the preview of a create and of an update it is known, as the URL is; only real outputs are not."""
    inputs = host_here.encode(checked(host_here))
    urn = native_urn("m", "DedicatedEndpoint")
    request = provider_pb2.CreateRequest(urn=urn, properties=inputs, preview=True)
    created = host_here.servicer_here.Create(request, Context()).properties
    olds = host_here.encode({**host_here.decode(inputs), "endpoint_id": "e", "status": "starting"})
    update = provider_pb2.UpdateRequest(id="e", urn=urn, olds=olds, news=inputs, preview=True)
    updated = host_here.servicer_here.Update(update, Context()).properties
    for bag in (created, updated):
        known = [bag[name] == inputs[name] for name in ("routingKey", "inferenceUrl")]
        assert (known, bag["status"]) == ([True, True], rpc.UNKNOWN)
    assert (created["endpointId"], updated["endpointId"]) == (rpc.UNKNOWN, "e")
    assert service.requests("POST") + service.requests("PATCH") == []


def test_the_current_host_is_asked_where_none_is_configured(
    edge: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resources, functions and the command call it for endpoints, and that of the region in the URL of the calls."""
    asked: list[str] = []

    def refuse(connection: Any, head: bytes) -> None:
        asked.append(head.decode().split()[1])
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    without_proxies(monkeypatch)
    monkeypatch.setattr("nebius_model_resource._service.retry._FIRST_PAUSE", 0.0)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with RawServer(refuse) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        config = {"nebius-models:apiKey": "sk-0123456789", "nebius-models:preflight": "false"}
        with (HostHere if edge == "dynamic" else PluginHere)(config, {"HTTPS_PROXY": proxy.url}) as host:
            inputs = checked(host, region="us-central1")
            with pytest.raises(HostError):
                host.read("e", {**inputs, "endpoint_id": "e", "status": "running"})
        monkeypatch.setenv("NEBIUS_API_KEY", "sk-0123456789")
        for function in (list_dedicated_endpoints, list_endpoint_templates):
            with pytest.raises(QueryFailed):
                function()
        assert main(["endpoints"]) == main(["delete", "--yes", "dedicated/bot-0123"]) == 1
    assert inputs["inference_url"] == "https://api.tokenfactory.us-central1.nebius.com/v1"
    assert set(asked) == {"api.tokenfactory.nebius.com:443"}
    assert len(asked) >= 5
