"""What only the native plugin has: previews, imports, interruptions, functions, moved states."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2

from nebius_model_resource import __version__
from nebius_model_resource._api.fine_tuning import Checkpoint
from nebius_model_resource._api.models import Inputs, State
from nebius_model_resource._edges.custom_models import CustomModels
from nebius_model_resource._edges.plugin.bags import schema_name
from nebius_model_resource._edges.plugin.call import PluginCall
from nebius_model_resource._edges.plugin.servicer import PluginServicer, schema
from nebius_model_resource._lifecycle.lookups import CustomModelInfo
from nebius_model_resource.errors import EngineGone
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.adapters import files, write_folder
from tests.support.host import HostError
from tests.support.host_here import CallFailed, Context, HostHere, ListeningEngine
from tests.support.jobs import train
from tests.support.plugin import PluginHere, account, native_urn

ROOT = Path(__file__).resolve().parents[2]
NONE, SOME = 1, 2
BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"


def configuration(emulator: Emulator, **more: Any) -> dict[str, Any]:
    """The stack's configuration, by full keys."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    return config | {f"nebius-models:{name}": value for name, value in more.items()}


@pytest.fixture
def plugin(emulator: Emulator) -> Iterator[PluginHere]:
    """The plugin in this process, configured for the emulator."""
    running = PluginHere(configuration(emulator))
    with running:
        yield running


def call(plugin: PluginHere, method: str, request: Any) -> Any:
    """One call without the bags of the dynamic resource."""
    return getattr(plugin.servicer_here, method)(request, Context())


def struct(**values: Any) -> struct_pb2.Struct:
    """A bag on the wire."""
    bag = struct_pb2.Struct()
    bag.update(values)
    return bag


def plain(bag: struct_pb2.Struct) -> dict[str, Any]:
    """A bag from the wire, with its marks."""
    values = rpc.deserialize_properties(bag, keep_unknowns=True)
    return {name: "?" if type(value).__name__ == "Unknown" else value for name, value in values.items()}


def shown(plugin: HostHere) -> list[str]:
    """The texts that stay in the diagnostics."""
    return [log.message for log in plugin.engine.logs if not log.ephemeral]


# Previews


def test_a_preview_sends_no_post(plugin: PluginHere, emulator: Emulator) -> None:
    """A create in a preview returns which outputs are not known yet, and sends nothing."""
    inputs = struct(name="bot", baseModel=BASE, source="file-1")
    request = provider_pb2.CreateRequest(urn=native_urn("bot"), properties=inputs, preview=True)
    answer = call(plugin, "Create", request)
    assert answer.id == ""
    unknown = dict.fromkeys(["generatedName", "status", "statusReason", "createdAt"], "?")
    assert plain(answer.properties) == {"name": "bot", "baseModel": BASE, "source": "file-1", **unknown}
    assert emulator.requests() == []


def test_a_preview_uploads_no_file(plugin: PluginHere, emulator: Emulator, tmp_path: Path) -> None:
    """A create of an archive in a preview sends nothing, and its id is not known yet."""
    folder = write_folder(tmp_path / "adapter", files())
    urn = native_urn("adapter", "ModelArchive")
    checked = call(plugin, "Check", provider_pb2.CheckRequest(urn=urn, news=struct(path=str(folder))))
    request = provider_pb2.CreateRequest(urn=urn, properties=checked.inputs, preview=True)
    answer = plain(call(plugin, "Create", request).properties)
    assert (answer["path"], len(answer["sha256"]), answer["fileId"]) == (str(folder), 64, "?")
    assert emulator.requests() == []


@pytest.mark.parametrize(("status", "expected"), [("active", "active"), ("validating", "?")])
def test_a_preview_of_an_update_sends_nothing(
    plugin: PluginHere, emulator: Emulator, status: str, expected: str
) -> None:
    """The status is not known yet if the update waits for it; everything else comes from the state."""
    olds = {
        "name": "bot",
        "baseModel": BASE,
        "source": "file-1",
        "generatedName": "bot-AbCd",
        "status": status,
    }
    request = provider_pb2.UpdateRequest(
        id="bot-AbCd",
        urn=native_urn("bot"),
        olds=struct(**olds, statusReason="queued"),
        news=struct(name="bot", baseModel=BASE, source="file-1", waitForActive=False),
        preview=True,
    )
    answer = plain(call(plugin, "Update", request).properties)
    reason = {"statusReason": "queued"} if status == "active" else {}
    assert answer == {**olds, **reason, "status": expected, "waitForActive": False}
    assert emulator.requests() == []


def test_a_preview_of_an_update_of_a_file_has_no_status(plugin: PluginHere) -> None:
    """A file has no status, and the outputs for another path with the same content are known at once."""
    olds = {"path": "a", "sha256": "0" * 64, "fileId": "file-1"}
    request = provider_pb2.UpdateRequest(
        id="file-1",
        urn=native_urn("adapter", "ModelArchive"),
        olds=struct(**olds),
        news=struct(path="b", sha256="0" * 64),
        preview=True,
    )
    assert plain(call(plugin, "Update", request).properties) == {**olds, "path": "b"}


def test_the_name_of_the_resource_is_the_default(plugin: PluginHere) -> None:
    """A model without a name gets its resource's, even inside a component."""
    for urn, name in (
        (native_urn("support"), "support"),
        ("urn:pulumi:s::p::my:index:Team$nebius-models:index:CustomModel::a-b", "a-b"),
        (native_urn("a::b::c"), "a::b::c"),  # refused, with its complete name
    ):
        request = provider_pb2.CheckRequest(urn=urn, news=struct(baseModel=BASE, source="file-1"))
        assert plain(call(plugin, "Check", request).inputs)["name"] == name


# Imports


@pytest.mark.parametrize("short", [False, True])
def test_an_import_has_the_inputs_that_declare_the_model(
    plugin: PluginHere, emulator: Emulator, *, short: bool
) -> None:
    """An import by full or short name has the full name as id, its inputs pass the check, and nothing differs."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1", description="d")
    answer = plugin.import_(name.rpartition(":")[2] if short else name)
    inputs = plain(answer.inputs)
    assert answer.id == name
    assert inputs == {"name": "bot", "baseModel": BASE, "source": "file-1", "description": "d"}
    outputs = plain(answer.properties)
    assert (outputs["generatedName"], outputs["status"]) == (name, "active")
    checked = call(
        plugin,
        "Check",
        provider_pb2.CheckRequest(urn=native_urn("m"), olds=answer.inputs, news=struct(**inputs)),
    )
    assert list(checked.failures) == []
    request = provider_pb2.DiffRequest(
        id=name, urn=native_urn("m"), olds=answer.properties, news=checked.inputs, old_inputs=answer.inputs
    )
    assert call(plugin, "Diff", request).changes == NONE


def test_an_import_in_a_configured_project_names_it(emulator: Emulator) -> None:
    """The configured project is an input of an imported model, as of a created one."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1")
    project = emulator.settings.default_project
    plugin = PluginHere(configuration(emulator, aiProjectId=project))
    with plugin:
        assert plain(plugin.import_(name).inputs)["aiProjectId"] == project


def test_an_import_of_a_missing_model_finds_nothing(plugin: PluginHere) -> None:
    """The engine itself says that the resource does not exist."""
    answer = plugin.import_("nope-AbCd")
    assert (answer.id, answer.HasField("properties"), answer.HasField("inputs")) == ("", False, False)


def test_an_import_of_a_model_that_is_not_ready_is_partial_state(
    plugin: PluginHere, emulator: Emulator
) -> None:
    """The model is recorded with the reason, as in a refresh, so that the next `up` acts on it."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1", status="error")
    with pytest.raises(HostError, match="is in status 'error'") as caught:
        plugin.import_(name)
    kept = caught.value.kept
    assert kept is not None
    assert (kept.id, kept.properties["status"], kept.inputs["source"]) == (name, "error", "file-1")


def test_an_import_of_a_model_with_an_unknown_source_is_refused(
    plugin: PluginHere, emulator: Emulator
) -> None:
    """A program without a source would replace the model: one line says so, and what to use."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1")
    emulator.add_fault(
        Fault(method="GET", path="/v0/models", status=200, body=[{"name": name, "status": "active"}])
    )
    with pytest.raises(HostError, match=r"does not report what .* was created from: read it with `get`"):
        plugin.import_(name)


def test_a_model_that_this_run_imports_is_not_deleted(plugin: PluginHere, emulator: Emulator) -> None:
    """The engine deletes what an import replaces, also where that is the same model; a later run deletes it."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1")
    outputs = plain(plugin.import_(name.rpartition(":")[2]).properties)
    request = provider_pb2.DeleteRequest(id=name, urn=native_urn("old"), properties=struct(**outputs))
    call(plugin, "Delete", request)
    assert shown(plugin) == [f"not deleted: {name!r} was adopted in this run"]
    assert len(emulator.models()) == 1
    with PluginHere(configuration(emulator)) as next_run:
        next_run.delete(name, {"status": "active"})
    assert emulator.models() == []


def test_a_file_cannot_be_imported(plugin: PluginHere, emulator: Emulator) -> None:
    """No folder is known to hold the same content: one line says what to do."""
    with pytest.raises(HostError) as caught:
        plugin.import_("file-1", kind="ModelArchive")
    assert caught.value.message == (
        "the file 'file-1' cannot be imported: upload it again, or read it with `ModelArchive.get`"
    )


def test_a_refresh_of_what_is_only_read_records_no_inputs(plugin: PluginHere, emulator: Emulator) -> None:
    """Its state has no inputs and gets none: a preview would show them as removed. A failed model is a warning."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1", status="error")
    for properties in ({}, {"generatedName": name, "status": "active"}):
        request = provider_pb2.ReadRequest(
            id=name, urn=native_urn("bot"), properties=struct(**properties), inputs=struct()
        )
        answer = call(plugin, "Read", request)
        assert (answer.id, answer.HasField("inputs")) == (name, False)
        assert plain(answer.properties)["status"] == "error"
    assert shown(plugin) == [f"the model {name!r} is in status 'error': the service gives no reason"]


# The end of a call


def served(context: Context) -> PluginCall:
    """A create that is under way."""
    request = provider_pb2.CreateRequest(urn=native_urn("bot"), timeout=90)
    return PluginCall(request, context, ListeningEngine())


def test_a_call_that_ends_while_it_is_served_has_lost_its_engine() -> None:
    """Its next pause says so, however long it is; the end of a finished call means nothing."""
    context = Context()
    over = served(context)
    assert (over.timeout, over.interrupted()) == (90.0, False)
    over.sleep(0)
    over.end()
    [end] = context.on_end
    end()
    over.sleep(0)

    context = Context()
    running = served(context)
    [end] = context.on_end
    end()
    with pytest.raises(EngineGone, match=r"^the engine is gone$"):
        running.sleep(600)


def test_a_call_that_is_over_before_it_begins_has_lost_its_engine() -> None:
    """gRPC accepts no callback for it any more."""

    class Closed(Context):
        def add_callback(self, _callback: object) -> bool:
            return False

    with pytest.raises(EngineGone):
        served(Closed()).sleep(600)


def test_a_fault_of_ours_is_reported_as_one(plugin: PluginHere, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message of a bug has the traceback and asks for a report, and the plugin continues to serve."""

    def fails(*_: object) -> None:
        raise ZeroDivisionError("in the middle")

    monkeypatch.setattr(CustomModels, "diff", fails)
    with pytest.raises(HostError, match=r"(?s)this is a bug in nebius_model_resource, .*in the middle"):
        plugin.diff("bot-AbCd", {"name": "bot"}, {"name": "bot"})
    assert plugin.servicer_here.idle()


# Interruptions


def test_cancel_ends_a_wait_and_keeps_the_model(plugin: PluginHere, emulator: Emulator) -> None:
    """The model stays in the state with a message of its own, and the next operation continues without a POST."""
    emulator.settings.update(validation_seconds=600)
    later = plugin.create_later({"name": "bot", "base_model": BASE, "source": "file-1"}, timeout=500)
    while not emulator.models():
        time.sleep(0.01)
    call(plugin, "Cancel", None)
    with pytest.raises(CallFailed) as caught:
        later.result(timeout=60)
    error = HostError(caught.value, plugin.decode)
    assert error.kept is not None
    assert error.kept.reasons == [error.message]
    assert error.kept.properties["status"] == "validating"
    name = error.kept.id
    assert error.message.startswith(f"the model '{name}' is still validating after ")
    assert error.message.endswith(
        " s: the run was interrupted; the model stays in the state: run `pulumi up` again to continue waiting, "
        "or `pulumi destroy` to delete it"
    )
    emulator.change_model(name, status="active")
    outputs = plugin.update(
        name, error.kept.properties, {"name": "bot", "base_model": BASE, "source": "file-1"}
    )
    assert outputs["status"] == "active"
    assert len(emulator.requests("POST")) == 1


def test_cancel_of_a_rate_limited_create_creates_nothing(plugin: PluginHere, emulator: Emulator) -> None:
    """A create that waits for the service's rate limit ends at once, and says that nothing was created."""
    emulator.add_fault(Fault(method="POST", status=429, headers={"Retry-After": "300"}, times=None))
    later = plugin.create_later({"name": "bot", "base_model": BASE, "source": "file-1"}, timeout=500)
    while not emulator.requests("POST"):
        time.sleep(0.01)
    call(plugin, "Cancel", None)
    with pytest.raises(CallFailed) as caught:
        later.result(timeout=60)
    assert str(caught.value) == (
        "the run was interrupted before the request was sent; nothing was created: run `pulumi up` again"
    )
    assert emulator.models() == []


def test_cancel_is_harmless_where_nothing_runs(plugin: PluginHere) -> None:
    """The engine also sends it at each normal end: later calls are not interrupted."""
    call(plugin, "Cancel", None)
    _, outputs = plugin.create({"name": "bot", "base_model": BASE, "source": "file-1"})
    assert outputs["status"] == "active"
    assert plugin.servicer_here.idle()


# States that dynamic resources left


def left(name: str, **more: Any) -> struct_pb2.Struct:
    """The outputs of a dynamic resource."""
    return struct(
        __provider="pickled",
        name="bot",
        base_model=BASE,
        source="file-1",
        wait_for_active=True,
        generated_name=name,
        **more,
    )


def diff_of(plugin: PluginHere, name: str, olds: struct_pb2.Struct, **news: Any) -> Any:
    """The diff after a change of the import line, with more inputs."""
    inputs = struct(name="bot", baseModel=BASE, source="file-1", **news)
    request = provider_pb2.DiffRequest(id=name, urn=native_urn("bot"), olds=olds, news=inputs)
    return call(plugin, "Diff", request)


@pytest.mark.parametrize("status", ["active", "validating"])
def test_a_dynamic_state_is_moved_by_one_update(plugin: PluginHere, emulator: Emulator, status: str) -> None:
    """The diff shows one added output and no replacement; the update writes the names of the schema, without a POST."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1")
    olds = left(name, status=status, created_at=1)
    answer = diff_of(plugin, name, olds)
    assert (answer.changes, list(answer.replaces), list(answer.detailedDiff)) == (SOME, [], ["generatedName"])
    assert answer.hasDetailedDiff
    assert not answer.detailedDiff["generatedName"].inputDiff  # it is an output
    request = provider_pb2.UpdateRequest(
        id=name, urn=native_urn("bot"), olds=olds, news=struct(name="bot", baseModel=BASE, source="file-1")
    )
    outputs = plain(call(plugin, "Update", request).properties)
    assert (outputs["generatedName"], outputs["baseModel"], outputs["status"]) == (name, BASE, "active")
    assert not any("_" in name for name in outputs)
    assert emulator.requests("POST") + emulator.requests("DELETE") == []
    assert diff_of(plugin, name, struct(**outputs)).changes == NONE


def test_a_change_beside_the_move_replaces_once(plugin: PluginHere) -> None:
    """A changed description is the normal replacement, and names just that input."""
    answer = diff_of(plugin, "bot-AbCd", left("bot-AbCd", status="active"), description="new")
    assert (list(answer.replaces), list(answer.detailedDiff)) == (["description"], ["description"])


def test_a_dynamic_file_is_moved_by_one_update(plugin: PluginHere, emulator: Emulator) -> None:
    """The same holds for an uploaded file."""
    inputs = {"path": "./adapter", "sha256": "0" * 64}
    olds = struct(**inputs, file_id="file-1", filename="a.zip", size=3, created_at=1)
    urn = native_urn("adapter", "ModelArchive")
    answer = call(
        plugin, "Diff", provider_pb2.DiffRequest(id="file-1", urn=urn, olds=olds, news=struct(**inputs))
    )
    assert (answer.changes, list(answer.replaces), list(answer.detailedDiff)) == (SOME, [], ["fileId"])
    request = provider_pb2.UpdateRequest(id="file-1", urn=urn, olds=olds, news=struct(**inputs))
    outputs = plain(call(plugin, "Update", request).properties)
    assert outputs == {**inputs, "fileId": "file-1", "filename": "a.zip", "size": 3, "createdAt": 1}
    assert emulator.requests() == []


# Secrets


def test_a_secret_input_stays_a_secret(plugin: PluginHere, emulator: Emulator) -> None:
    """An input that the engine marks as secret comes back marked from a check, a create, a preview and a refresh."""
    secret = rpc.wrap_rpc_secret("hush")
    news = struct(name="bot", baseModel=BASE, source="file-1", description=secret)
    checked = call(plugin, "Check", provider_pb2.CheckRequest(urn=native_urn("bot"), news=news)).inputs
    assert plain(checked)["description"] == secret
    for preview in (True, False):
        request = provider_pb2.CreateRequest(urn=native_urn("bot"), properties=checked, preview=preview)
        created = call(plugin, "Create", request)
        assert plain(created.properties)["description"] == secret
        assert plain(created.properties)["source"] == "file-1"
    assert emulator.models()[0]["description"] == "hush"
    request = provider_pb2.ReadRequest(
        id=created.id, urn=native_urn("bot"), properties=created.properties, inputs=checked
    )
    read = call(plugin, "Read", request)
    assert plain(read.properties)["description"] == plain(read.inputs)["description"] == secret


def test_a_secret_stays_one_in_an_update(plugin: PluginHere, emulator: Emulator) -> None:
    """A mark in the state or in the program is enough, in a preview as well."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1", description="hush")
    secret = rpc.wrap_rpc_secret("hush")
    for old, new in ((secret, "hush"), ("hush", secret)):
        for preview in (True, False):
            inputs = {"name": "bot", "baseModel": BASE, "source": "file-1"}
            request = provider_pb2.UpdateRequest(
                id=name,
                urn=native_urn("bot"),
                olds=struct(**inputs, description=old, generatedName=name, status="active"),
                news=struct(**inputs, description=new, waitForActive=False),
                preview=preview,
            )
            assert plain(call(plugin, "Update", request).properties)["description"] == secret


def test_a_refresh_marks_what_only_the_inputs_mark(plugin: PluginHere, emulator: Emulator) -> None:
    """This also holds for a model that is not ready, whose inputs are recorded in partial state."""
    name = emulator.add_model(
        name="bot", base_model=BASE, source="file-1", description="hush", status="error"
    )
    secret = rpc.wrap_rpc_secret("hush")
    inputs = {"name": "bot", "baseModel": BASE, "source": "file-1"}
    request = provider_pb2.ReadRequest(
        id=name,
        urn=native_urn("bot"),
        properties=struct(**inputs, description="hush", generatedName=name, status="active"),
        inputs=struct(**inputs, description=secret),
    )
    with pytest.raises(CallFailed) as caught:
        call(plugin, "Read", request)
    assert caught.value.code() == grpc.StatusCode.UNKNOWN
    kept = HostError(caught.value, plain).kept
    assert kept is not None
    assert kept.properties["description"] == kept.inputs["description"] == secret
    assert shown(plugin) == []  # the engine itself shows the reason


def test_a_secret_is_marked_in_partial_state_too(plugin: PluginHere, emulator: Emulator) -> None:
    """A model that is not ready in time is recorded with the same marks."""
    emulator.settings.update(validation_seconds=600)
    secret = rpc.wrap_rpc_secret("hush")
    inputs = struct(name="bot", baseModel=BASE, source="file-1", description=secret)
    request = provider_pb2.CreateRequest(urn=native_urn("bot"), properties=inputs, timeout=0.3)
    with pytest.raises(CallFailed) as caught:
        call(plugin, "Create", request)
    [(_, details)] = caught.value.trailing_metadata()
    assert b"hush" in details
    kept = HostError(caught.value, plain).kept
    assert kept is not None
    assert kept.properties["description"] == secret


def test_a_fault_of_a_secret_input_shows_nothing_of_it(plugin: PluginHere) -> None:
    """The failure names no property to the engine, which would show the value, and its text has no value."""
    news = struct(name="bot", baseModel=BASE, source=rpc.wrap_rpc_secret("s3cret words"))
    answer = call(plugin, "Check", provider_pb2.CheckRequest(urn=native_urn("bot"), news=news))
    [failure] = answer.failures
    assert failure.property == ""
    assert "s3cret" not in failure.reason


def test_an_unknown_secret_is_unknown(plugin: PluginHere) -> None:
    """A secret that is not known yet passes the check, and stays secret and unknown."""
    secret = rpc.wrap_rpc_secret(rpc.UNKNOWN)
    news = struct(name="bot", baseModel=BASE, source=secret)
    answer = call(plugin, "Check", provider_pb2.CheckRequest(urn=native_urn("bot"), news=news))
    assert list(answer.failures) == []
    assert dict(answer.inputs["source"]) == secret


# The account


@pytest.mark.parametrize(
    ("olds", "news", "expected"),
    [
        ({"apiKey": "a"}, {"apiKey": "a"}, {}),
        ({"apiKey": "a"}, {"apiKey": "b"}, {"apiKey": "UPDATE"}),
        ({}, {"baseUrl": "b"}, {"baseUrl": "ADD"}),
        ({"baseUrl": "b"}, {}, {"baseUrl": "DELETE"}),
    ],
)
def test_another_account_replaces_nothing(
    plugin: PluginHere, olds: dict[str, str], news: dict[str, str], expected: dict[str, str]
) -> None:
    """A changed setting is an update of the provider alone."""
    answer = call(plugin, "DiffConfig", provider_pb2.DiffRequest(olds=struct(**olds), news=struct(**news)))
    kinds = provider_pb2.PropertyDiff.Kind
    found = {name: kinds.Name(detail.kind) for name, detail in answer.detailedDiff.items()}
    assert (found, answer.changes, list(answer.replaces)) == (expected, SOME if expected else NONE, [])


def test_any_configuration_passes_its_own_check(plugin: PluginHere) -> None:
    """The check returns it unchanged; the check of a resource reports what is wrong, environment included."""
    answer = call(plugin, "CheckConfig", provider_pb2.CheckRequest(news=struct(apiKey="k", preflight=True)))
    assert dict(answer.inputs) == {"apiKey": "k", "preflight": True}


def test_a_message_names_the_explicit_provider(emulator: Emulator) -> None:
    """The message about a refused key names the explicit provider, or the stack for the default provider."""
    for name, place in (
        ("eu", "apiKey of Provider 'eu'"),
        ("default-eu", "apiKey of Provider 'default-eu'"),
        ("default", "nebius-models:apiKey"),
        ("default_0_1_0", "nebius-models:apiKey"),
    ):
        config = {"nebius-models:apiKey": "wrong", "nebius-models:baseUrl": emulator.url}
        with (
            PluginHere({**config, "nebius-models:provider": name}) as plugin,
            pytest.raises(HostError) as caught,
        ):
            plugin.create({"name": "bot", "base_model": BASE, "source": "file-1"})
        assert place in caught.value.message


@pytest.mark.parametrize("switch", [False, "false"])
def test_the_preflight_is_switched_off(emulator: Emulator, switch: object) -> None:
    """A bool of an explicit provider and a text of the stack's configuration switch it off."""
    plugin = PluginHere(configuration(emulator, preflight=switch))
    with plugin:
        plugin.check({"name": "bot", "base_model": "acme/Unknown", "source": "file-none"})
        assert emulator.requests() == []
        assert shown(plugin) == []


def test_the_hint_for_a_longer_deadline_is_that_of_the_schema(plugin: PluginHere, emulator: Emulator) -> None:
    """No message uses a name that only Python has for the option."""
    emulator.settings.update(validation_seconds=600)
    with pytest.raises(HostError, match=r'longer with customTimeouts \{create: "20m", update: "20m"\}'):
        plugin.create({"name": "bot", "base_model": BASE, "source": "file-1"}, timeout=0.3)


def test_a_message_says_how_another_language_adopts_a_model(plugin: PluginHere, emulator: Emulator) -> None:
    """`pulumi import` works in each of them; `import_` is Python's."""
    id_, outputs = plugin.create({"name": "bot", "base_model": BASE, "source": "file-1"})
    emulator.remove_model(id_)
    with PluginHere(configuration(emulator)) as next_run:
        assert next_run.read(id_, outputs)[0] == ""
        [warning] = shown(next_run)
    assert f"`pulumi import nebius-models:index:CustomModel <name> {id_}`" in warning
    assert "import_" not in warning


def test_a_warning_names_the_input_as_the_schema_does(plugin: PluginHere) -> None:
    """It says `aiProjectId` and not the name that Python has for it."""
    plugin.check({"name": "bot", "base_model": BASE, "source": "file-1", "ai_project_id": "project-1"})
    assert any(text.startswith("aiProjectId 'project-1' looks like") for text in shown(plugin))


# Functions


def invoke(plugin: PluginHere, function: str, **arguments: Any) -> Any:
    """The answer of a function."""
    request = provider_pb2.InvokeRequest(tok=f"nebius-models:index:{function}", args=struct(**arguments))
    return call(plugin, "Invoke", request)


def test_models_are_looked_up(plugin: PluginHere, emulator: Emulator) -> None:
    """The functions find one model by its short name, or all; values that the service does not report are missing."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1", description="d")
    found = plain(getattr(invoke(plugin, "getCustomModel", name=name.rpartition(":")[2]), "return"))
    assert (found["generatedName"], found["baseModel"], found["source"]) == (name, BASE, "file-1")
    assert found["description"] == "d"
    listed = plain(getattr(invoke(plugin, "listCustomModels"), "return"))
    assert listed == {"models": [found]}


def test_models_are_listed_in_their_project(emulator: Emulator) -> None:
    """The argument comes first, then the configuration, then the key's own project."""
    plugin = PluginHere(configuration(emulator, aiProjectId="aiproject-b"))
    with plugin:
        invoke(plugin, "listCustomModels", aiProjectId="aiproject-a")
        invoke(plugin, "listCustomModels")
    asked = [request.query.get("ai_project_id") for request in emulator.requests()]
    assert asked == ["aiproject-a", "aiproject-b"]


def test_checkpoints_are_looked_up(plugin: PluginHere, emulator: Emulator) -> None:
    """One function returns all checkpoints of a job in the order of the training, the other only the final one."""
    job = train(emulator)
    emulator.finish_job(job)
    [*_, last] = plain(getattr(invoke(plugin, "getFineTuningCheckpoints", jobId=job), "return"))[
        "checkpoints"
    ]
    assert plain(getattr(invoke(plugin, "getLatestCheckpoint", jobId=job), "return")) == last
    assert last["source"] == f"{job}:{last['id']}"
    assert last["jobId"] == job


def test_a_function_without_its_argument_says_which(plugin: PluginHere) -> None:
    """A missing or an empty name is a failure of that property."""
    for arguments in ({}, {"name": ""}, {"name": 3}):
        [failure] = invoke(plugin, "getCustomModel", **arguments).failures
        assert (failure.property, failure.reason) == ("name", "missing: give a text")


def test_a_function_refuses_what_is_no_id(plugin: PluginHere) -> None:
    """The argument has the schema's name, and the text has the fix."""
    [failure] = invoke(plugin, "getLatestCheckpoint", jobId="ftckpt-1").failures
    assert failure.property == "jobId"
    assert failure.reason.startswith(
        "'ftckpt-1' is the id of a checkpoint: give the id of its fine-tuning job"
    )


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        ("getCustomModel", {"name": "nope-AbCd"}, "there is no model 'nope-AbCd' at the service"),
        ("getLatestCheckpoint", {"jobId": "ftjob-none"}, "there is no fine-tuning job 'ftjob-none'"),
        ("getNothing", {}, "nebius-models has no function 'nebius-models:index:getNothing'"),
    ],
)
def test_a_function_fails_with_one_line(
    plugin: PluginHere, function: str, arguments: dict[str, Any], text: str
) -> None:
    """The line names what is missing, without a traceback."""
    with pytest.raises(CallFailed) as caught:
        invoke(plugin, function, **arguments)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_resource_is_refused(plugin: PluginHere) -> None:
    """One line names a type that the schema lacks."""
    urn = native_urn("m", "Other")
    with pytest.raises(CallFailed, match="nebius-models has no such resource"):
        call(plugin, "Check", provider_pb2.CheckRequest(urn=urn))


# The plugin itself


def test_the_schema_has_every_field_of_the_dataclasses() -> None:
    """Inputs, outputs and results have the fields of the core, and no others."""
    document = json.loads(schema())
    model = document["resources"]["nebius-models:index:CustomModel"]
    inputs = {field.name for field in dataclasses.fields(Inputs)} - {"import_id", "secrets"}
    outputs = inputs | {field.name for field in dataclasses.fields(State)} - {"inputs"}
    assert set(model["inputProperties"]) == {schema_name(name) for name in inputs}
    assert set(model["properties"]) == {schema_name(name) for name in outputs}
    for kind in (CustomModelInfo, Checkpoint):
        fields = {schema_name(field.name) for field in dataclasses.fields(kind)}
        assert set(document["types"][f"nebius-models:index:{kind.__name__}"]["properties"]) == fields
    assert document["config"]["variables"] == document["provider"]["inputProperties"]
    assert document["provider"]["inputProperties"]["apiKey"]["secret"] is True


def test_an_sdk_has_the_same_name_wherever_the_plugin_comes_from() -> None:
    """The CLI (3.260) calls a package without a namespace after the first folder of its git URL."""
    document = json.loads(schema())
    assert (document["namespace"], document["name"]) == ("pulumi", "nebius-models")


def test_every_function_of_the_schema_can_be_called(plugin: PluginHere) -> None:
    """The plugin knows each of them."""
    for token in json.loads(schema())["functions"]:
        answer: Any
        try:
            answer = invoke(plugin, token.rpartition(":")[2])
        except CallFailed as error:
            answer = str(error)
        assert "has no function" not in str(answer)


def test_the_plugin_presents_itself(plugin: PluginHere, emulator: Emulator) -> None:
    """It returns the package's version and its schema, and accepts secrets."""
    assert call(plugin, "GetPluginInfo", None) == plugin_pb2.PluginInfo(version=__version__)
    assert json.loads(call(plugin, "GetSchema", None).schema)["version"] == __version__
    answer = call(plugin, "Configure", account(configuration(emulator)))
    assert (answer.acceptSecrets, answer.supportsPreview) == (True, True)


def test_an_engine_attaches_to_a_plugin_that_runs_already() -> None:
    """This is for a debugger: texts go to the engine that attached last."""
    opened: list[str] = []

    def engine(address: str) -> ListeningEngine:
        opened.append(address)
        return ListeningEngine()

    servicer = PluginServicer(engine)
    servicer.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:9"), Context())
    answer = servicer.Handshake(
        provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:8"), Context()
    )
    assert answer.accept_secrets
    assert opened == ["", "127.0.0.1:9", "127.0.0.1:8"]
