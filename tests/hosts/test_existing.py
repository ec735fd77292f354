"""Models that exist already: adopted with `import_`, imported by the engine, read with `get`, moved between edges."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from nebius_model_resource.testing.emulator import Emulator
from tests.support.host import URN, dynamic_only
from tests.support.host_here import Context, HostHere
from tests.support.plugin import PluginHere, native_urn

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
SOURCE = "ftjob-0123:ftckpt_4567"
NONE, SOME = provider_pb2.DiffResponse.DIFF_NONE, provider_pb2.DiffResponse.DIFF_SOME
MISSING = "there is no model 'bot-AbCd' at the service: `nebius-models list` shows what there is"
_numbers = itertools.count()
plugin_only = pytest.mark.parametrize("edge", ["plugin"], indirect=True)


def by_hand(service: Emulator, **changes: Any) -> str:
    """A model that was created without Pulumi."""
    return service.add_model(
        **{"name": "bot", "base_model": BASE, "source": SOURCE, "description": "by hand", **changes}
    )


def declared(generated_name: str | None, /, **changes: Any) -> dict[str, Any]:
    """The inputs that fit :func:`by_hand`, adopting that model."""
    return {
        "name": "bot",
        "base_model": BASE,
        "source": SOURCE,
        "description": "by hand",
        "wait_for_active": True,
        "import_id": generated_name,
        **changes,
    }


def live(service: Emulator, name: str) -> dict[str, Any]:
    """The outputs of that model, as a create would leave them."""
    [model] = [each for each in service.models() if each["name"] == name]
    outputs = {"generated_name": name, "status": "active", "created_at": model["created_at"]}
    return {key: value for key, value in {**declared(None), **outputs}.items() if value is not None}


def names(service: Emulator) -> list[str]:
    """The models at the service."""
    return [model["name"] for model in service.models()]


@pytest.fixture
def resource() -> str:
    """A resource name that no other test of the shared host uses."""
    return f"r{next(_numbers)}"


def told(host: HostHere, resource: str) -> list[str]:
    """What the row of a resource has shown."""
    return [log.message for log in host.engine.logs if log.urn == URN + resource]


# `import_` of a dynamic resource


@dynamic_only
def test_import_is_heeded_by_create_alone(host_here: HostHere, service: Emulator, resource: str) -> None:
    """It posts nothing; once the state holds the model, `import_` may stay, change or go without a diff."""
    name = by_hand(service)
    checked, faults = host_here.check(declared(name), name=resource)
    assert faults == []
    id_, outputs = host_here.create(checked, name=resource)
    assert (id_, outputs) == (name, live(service, name))
    assert {request.method for request in service.requests()} == {"GET"}
    for import_id in (name, "another-AbCd", None):
        checked, faults = host_here.check(declared(name, import_id=import_id), outputs, resource)
        assert faults == []
        assert "import_id" not in checked
        assert host_here.diff(id_, outputs, checked, resource).changes == NONE
    # A replacement that adopts its own model again keeps it.
    host_here.delete(id_, outputs, name=f"{resource}-old")
    assert told(host_here, f"{resource}-old") == [f"not deleted: {name!r} was adopted in this run"]
    assert names(service) == [name]


# `get`


def test_a_refresh_of_what_is_only_read_records_no_inputs(
    host: HostHere, emulator: Emulator, edge: str
) -> None:
    """Its state has no inputs and gets none: a preview would show them as removed. A failed model is a warning."""
    name = by_hand(emulator, status="error")
    provider = {"__provider": host.encode({})["__provider"]} if edge == "dynamic" else {}
    for properties in ({}, {"generated_name": name, "status": "active"}):
        bag = struct_pb2.Struct()
        bag.update(provider)
        request = provider_pb2.ReadRequest(
            id=name, urn=host.urn("bot", {}), properties=host.encode(properties), inputs=bag
        )
        answer = host.servicer_here.Read(request, Context())
        assert (answer.id, host.decode(answer.inputs)) == (name, {})
        assert host.decode(answer.properties)["status"] == "error"
    assert told(host, "bot") == [f"the model {name!r} is in status 'error': the service gives no reason"]


# `pulumi import`, and the option `import`, of the plugin


@plugin_only
@pytest.mark.parametrize("short", [False, True])
def test_an_import_has_the_inputs_that_declare_the_model(
    host_here: PluginHere, service: Emulator, resource: str, *, short: bool
) -> None:
    """By full or short name it has the full name as id, its inputs pass the check, and nothing differs."""
    name = by_hand(service)
    answer = host_here.import_(name.rpartition(":")[2] if short else name, resource)
    inputs = host_here.decode(answer.inputs)
    assert (answer.id, host_here.decode(answer.properties)) == (name, live(service, name))
    expected = {"name": "bot", "base_model": BASE, "source": SOURCE, "description": "by hand"}
    assert inputs == expected
    checked, faults = host_here.check(inputs, inputs, resource)
    assert (checked, faults) == (expected, [])
    assert host_here.diff(name, live(service, name), checked, resource).changes == NONE


@plugin_only
def test_what_cannot_be_imported_says_so(host_here: PluginHere, service: Emulator, resource: str) -> None:
    """A missing model has no answer, and one that has failed a warning: the engine fails a `get` that is not ready."""
    answer = host_here.import_("nope-AbCd")
    assert (answer.id, answer.HasField("properties"), answer.HasField("inputs")) == ("", False, False)
    name = by_hand(service, status="error")
    answer = host_here.import_(name, resource)
    assert (answer.id, host_here.decode(answer.inputs)["source"]) == (name, SOURCE)
    assert told(host_here, resource) == [
        f"the model {name!r} is in status 'error': the service gives no reason"
    ]


@plugin_only
def test_a_model_that_this_run_imports_is_not_deleted(
    host_here: PluginHere, service: Emulator, resource: str
) -> None:
    """The engine deletes what an import replaces, also where that is the same model; a later run deletes it."""
    name = by_hand(service)
    host_here.import_(name.rpartition(":")[2], resource)
    host_here.delete(name, live(service, name), name=resource)
    assert told(host_here, resource) == [f"not deleted: {name!r} was adopted in this run"]
    config = {"nebius-models:apiKey": service.api_key, "nebius-models:baseUrl": service.url}
    with PluginHere(config) as next_run:
        next_run.delete(name, live(service, name))
    assert names(service) == []


# The configured project


def test_existing_models_are_looked_for_in_their_project(emulator: Emulator, edge: str) -> None:
    """That of the arguments, else the configured one, is searched, and is an output and what an import declares."""
    name = by_hand(emulator)
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    config["nebius-models:aiProjectId"] = "aiproject-a"
    with (HostHere if edge == "dynamic" else PluginHere)(config) as host:
        assert host.read(name, {})[1]["ai_project_id"] == "aiproject-a"
        if isinstance(host, PluginHere):
            assert host.decode(host.import_(name).inputs)["ai_project_id"] == "aiproject-a"
        else:
            host.check(declared(name, ai_project_id="aiproject-b"))
    asked = {request.query.get("ai_project_id") for request in emulator.requests("GET", "/v0/models")}
    assert asked == {"aiproject-a"} | ({"aiproject-b"} if edge == "dynamic" else set())


# States that dynamic resources left, with the plugin


@plugin_only
@pytest.mark.parametrize("status", ["active", "validating"])
def test_a_dynamic_state_is_moved_by_one_update(host: PluginHere, emulator: Emulator, status: str) -> None:
    """The diff shows one added output and no replacement; the update writes the schema's names, without a POST."""
    name = by_hand(emulator)
    olds = struct_pb2.Struct()
    olds.update({"__provider": "pickled", **live(emulator, name), "status": status})
    news = host.encode(declared(None))
    request = provider_pb2.DiffRequest(id=name, urn=native_urn("m"), olds=olds, news=news)
    answer = host.servicer_here.Diff(request, Context())
    assert (answer.changes, list(answer.replaces), list(answer.detailedDiff)) == (SOME, [], ["generatedName"])
    assert answer.hasDetailedDiff
    assert not answer.detailedDiff["generatedName"].inputDiff  # it is an output
    update = provider_pb2.UpdateRequest(id=name, urn=native_urn("m"), olds=olds, news=news)
    moved = host.servicer_here.Update(update, Context()).properties
    assert host.decode(moved) == live(emulator, name)
    assert "generated_name" not in dict(moved)
    assert host.diff(name, host.decode(moved), declared(None)).changes == NONE
    # A change beside the move is the normal replacement, and names just that input.
    changed = host.encode(declared(None, description="new"))
    request = provider_pb2.DiffRequest(id=name, urn=native_urn("m"), olds=olds, news=changed)
    assert list(host.servicer_here.Diff(request, Context()).detailedDiff) == ["description"]
    assert emulator.requests("POST") + emulator.requests("DELETE") == []
