"""What only the native plugin has: previews, marks of secrets, its own configuration, functions, attached engines."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from nebius_model_resource import __version__, _engine
from nebius_model_resource._plugin import server, servicer
from nebius_model_resource._plugin.servicer import PluginServicer, schema
from nebius_model_resource._provider.properties import ARCHIVE, ENDPOINT, MODEL, camel
from nebius_model_resource.testing.emulator import Emulator
from tests.support.adapters import files, write_folder
from tests.support.host import FakeEngine, HostError
from tests.support.host_here import CallFailed, Context, HostHere, ListeningEngine
from tests.support.jobs import train
from tests.support.plugin import PluginHere, account, native_urn
from tests.support.processes import wait_until

NONE, SOME = provider_pb2.DiffResponse.DIFF_NONE, provider_pb2.DiffResponse.DIFF_SOME
BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
GIVEN = {"name": "bot", "baseModel": BASE, "source": "file-1"}
SECRET = rpc.wrap_rpc_secret("hush")


def configuration(emulator: Emulator, **more: Any) -> dict[str, Any]:
    """The stack's configuration, by full keys."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    return config | {f"nebius-models:{name}": value for name, value in more.items()}


@pytest.fixture(scope="module")
def edge() -> str:
    """The plugin alone."""
    return "plugin"


@pytest.fixture
def plugin(host_here: PluginHere) -> PluginHere:
    """The plugin in this process."""
    return host_here


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


def test_a_preview_creates_nothing(plugin: PluginHere, service: Emulator, tmp_path: Path) -> None:
    """A create in a preview says which outputs are not known yet, with the marks, and sends nothing."""
    inputs = struct(**GIVEN, description=SECRET)
    request = provider_pb2.CreateRequest(urn=native_urn("bot"), properties=inputs, preview=True)
    answer = call(plugin, "Create", request)
    unknown = dict.fromkeys(["generatedName", "status", "statusReason", "createdAt"], "?")
    assert (answer.id, plain(answer.properties)) == ("", {**GIVEN, "description": SECRET, **unknown})
    folder = write_folder(tmp_path / "adapter", files())
    urn = native_urn("adapter", "ModelArchive")
    checked = call(plugin, "Check", provider_pb2.CheckRequest(urn=urn, news=struct(path=str(folder)))).inputs
    request = provider_pb2.CreateRequest(urn=urn, properties=checked, preview=True)
    archive = plain(call(plugin, "Create", request).properties)
    assert (archive["path"], len(archive["sha256"]), archive["fileId"]) == (str(folder), 64, "?")
    assert service.requests() == []


@pytest.mark.parametrize(("status", "expected"), [("active", "active"), ("validating", "?")])
def test_a_preview_of_an_update_sends_nothing(
    plugin: PluginHere, service: Emulator, status: str, expected: str
) -> None:
    """The status is not known yet if the update waits for it; everything else comes from the state."""
    olds = {**GIVEN, "generatedName": "bot-AbCd", "status": status}
    request = provider_pb2.UpdateRequest(
        id="bot-AbCd",
        urn=native_urn("bot"),
        olds=struct(**olds, statusReason="queued"),
        news=struct(**GIVEN, waitForActive=False),
        preview=True,
    )
    reason = {"statusReason": "queued"} if status == "active" else {}
    outputs = plain(call(plugin, "Update", request).properties)
    assert outputs == {**olds, **reason, "status": expected, "waitForActive": False}
    assert service.requests() == []


def test_the_name_of_the_resource_is_the_default(plugin: PluginHere) -> None:
    """A model without a name gets its resource's, even inside a component."""
    for urn, name in (
        (native_urn("support"), "support"),
        ("urn:pulumi:s::p::my:index:Team$nebius-models:index:CustomModel::a-b", "a-b"),
        (native_urn("a::b::c"), "a::b::c"),  # refused, with its complete name
    ):
        request = provider_pb2.CheckRequest(urn=urn, news=struct(baseModel=BASE, source="file-1"))
        assert plain(call(plugin, "Check", request).inputs)["name"] == name


def test_what_is_said_has_the_names_of_the_schema(plugin: PluginHere, service: Emulator) -> None:
    """Faults have the schema's names, and a lost model is adopted with the command for every language."""
    news = struct(**{**GIVEN, "baseModel": "no"}, aiProjectId="a b", waitForActive="no")
    answer = call(plugin, "Check", provider_pb2.CheckRequest(urn=native_urn("bot"), news=news))
    assert [fault.property for fault in answer.failures] == ["baseModel", "aiProjectId", "waitForActive"]
    name = service.add_model(name="bot", base_model=BASE, source="file-1")
    service.remove_model(name)
    with PluginHere(configuration(service)) as next_run:
        assert next_run.read(name, {"generated_name": name, "status": "active"})[0] == ""
        [warning] = shown(next_run)
    assert f"(`pulumi import nebius-models:index:CustomModel <name> {name}`)" in warning


# Secrets


def test_a_secret_input_stays_a_secret(plugin: PluginHere, service: Emulator) -> None:
    """An input that the engine marks as secret comes back marked from each call, in a preview as well."""
    news = struct(**GIVEN, description=SECRET)
    checked = call(plugin, "Check", provider_pb2.CheckRequest(urn=native_urn("bot"), news=news)).inputs
    assert plain(checked) == {**GIVEN, "description": SECRET}
    request = provider_pb2.CreateRequest(urn=native_urn("bot"), properties=checked)
    created = call(plugin, "Create", request)
    assert plain(created.properties)["description"] == SECRET
    assert plain(created.properties)["source"] == "file-1"
    assert service.models()[0]["description"] == "hush"
    request = provider_pb2.ReadRequest(
        id=created.id, urn=native_urn("bot"), properties=created.properties, inputs=checked
    )
    read = call(plugin, "Read", request)
    assert plain(read.properties)["description"] == plain(read.inputs)["description"] == SECRET
    request = provider_pb2.DiffRequest(
        id=created.id, urn=native_urn("bot"), olds=created.properties, news=checked
    )
    assert call(plugin, "Diff", request).changes == NONE
    olds = struct(**GIVEN, description="hush", generatedName=created.id, status="active")  # without a mark
    for preview in (True, False):
        request = provider_pb2.UpdateRequest(
            id=created.id, urn=native_urn("bot"), olds=olds, news=checked, preview=preview
        )
        assert plain(call(plugin, "Update", request).properties)["description"] == SECRET


def test_a_secret_is_marked_in_partial_state_too(plugin: PluginHere, service: Emulator) -> None:
    """A create that runs out of time, and a refresh of a model that is not ready, record outputs and inputs marked."""
    service.settings.validation_seconds = 600
    inputs = struct(**GIVEN, description=SECRET)
    request = provider_pb2.CreateRequest(urn=native_urn("late"), properties=inputs, timeout=2)
    with pytest.raises(CallFailed) as caught:
        call(plugin, "Create", request)
    kept = HostError(caught.value, plain).kept
    assert kept is not None
    assert kept.properties["description"] == kept.inputs["description"] == SECRET
    request = provider_pb2.ReadRequest(
        id=kept.id, urn=native_urn("late"), properties=struct(**kept.properties), inputs=struct(**kept.inputs)
    )
    with pytest.raises(CallFailed, match="is still validating") as caught:
        call(plugin, "Read", request)
    kept = HostError(caught.value, plain).kept
    assert kept is not None
    assert kept.properties["description"] == kept.inputs["description"] == SECRET
    assert shown(plugin) == []  # the engine itself shows the reason


def test_an_unknown_secret_is_unknown(plugin: PluginHere) -> None:
    """A secret that is not known yet passes the check, and stays secret and unknown."""
    secret = rpc.wrap_rpc_secret(rpc.UNKNOWN)
    news = struct(**{**GIVEN, "source": secret})
    answer = call(plugin, "Check", provider_pb2.CheckRequest(urn=native_urn("bot"), news=news))
    assert (list(answer.failures), dict(answer.inputs["source"])) == ([], secret)


# The account


def check_config(plugin: PluginHere, **given: Any) -> Any:
    """The answer to the check of an account's settings."""
    urn = "urn:pulumi:test::test::pulumi:providers:nebius-models::default_0_1_0"
    return call(plugin, "CheckConfig", provider_pb2.CheckRequest(urn=urn, news=struct(**given)))


@pytest.mark.parametrize(
    ("given", "meant"),
    [("baseURL", "give 'baseUrl'"), ("api_key", "give 'apiKey'"), ("region", "there are apiKey, ")],
)
def test_a_misspelt_setting_is_refused_with_the_right_one(plugin: PluginHere, given: str, meant: str) -> None:
    """Ignored, it would send the key to the default host. Its value is not shown: it may be the key."""
    answer = check_config(plugin, apiKey=SECRET, **{given: "https://eu.example"})
    [failure] = answer.failures
    assert failure.property == ""
    assert failure.reason.startswith(f"there is no setting {given!r}: {meant}")


OTHERS = {"preflight": True, "version": "0.1.0", "__internal": {}}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"apiKey": "hush", **OTHERS}, {"apiKey": SECRET, **OTHERS}),
        *(
            (each, each)
            for each in ({}, {"apiKey": SECRET}, {"apiKey": rpc.UNKNOWN}, {"apiKeyVariable": "EU_KEY"})
        ),
    ],
)
def test_a_plain_key_is_marked_as_a_secret(
    plugin: PluginHere, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    """Whatever the language of the program, the state then holds it encrypted; all else passes without a word."""
    answer = check_config(plugin, **given)
    assert (list(answer.failures), answer.inputs, shown(plugin)) == ([], struct(**kept), [])


@pytest.mark.parametrize(
    ("olds", "news", "expected"),
    [
        ({"apiKey": "a"}, {"apiKey": "a"}, {}),
        ({"apiKey": "a"}, {"apiKey": "b"}, {"apiKey": "UPDATE"}),
        ({"baseUrl": "b"}, {"preflight": "false"}, {"baseUrl": "DELETE", "preflight": "ADD"}),
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


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("eu", "apiKey of Provider 'eu'"),
        ("default-eu", "apiKey of Provider 'default-eu'"),
        ("default_0_1_0", "nebius-models:apiKey"),
    ],
)
def test_a_message_names_the_explicit_provider(service: Emulator, name: str, place: str) -> None:
    """The message about a refused key names it, or the stack for the default provider; a function has no state."""
    config = {"nebius-models:apiKey": "wrong", "nebius-models:baseUrl": service.url}
    plugin = PluginHere({**config, "nebius-models:provider": name})
    with plugin:
        with pytest.raises(HostError, match=f"check the key .*{place}"):
            plugin.create({"name": "bot", "base_model": BASE, "source": "file-1"})
        with pytest.raises(CallFailed, match=rf"check the key .*{place}[^;]*\)$"):
            result(plugin, "listCustomModels")


# Functions


def invoke(plugin: PluginHere, function: str, **arguments: Any) -> Any:
    """The answer of a function."""
    request = provider_pb2.InvokeRequest(tok=f"nebius-models:index:{function}", args=struct(**arguments))
    return call(plugin, "Invoke", request)


def result(plugin: PluginHere, function: str, **arguments: Any) -> dict[str, Any]:
    """What a function returns."""
    return plain(getattr(invoke(plugin, function, **arguments), "return"))


def test_models_and_checkpoints_are_looked_up(plugin: PluginHere, service: Emulator) -> None:
    """One model by its short name, or all; all checkpoints of a job, or the final one; absent values are missing."""
    name = service.add_model(name="bot", base_model=BASE, source="file-1")
    found = result(plugin, "getCustomModel", name=name.rpartition(":")[2])
    assert (found["generatedName"], found["baseModel"], found["source"]) == (name, BASE, "file-1")
    assert "description" not in found
    assert result(plugin, "listCustomModels") == {"models": [found]}
    job = train(service)
    service.finish_job(job)
    [*_, last] = result(plugin, "getFineTuningCheckpoints", jobId=job)["checkpoints"]
    assert result(plugin, "getLatestCheckpoint", jobId=job) == last
    assert (last["source"], last["jobId"]) == (f"{job}:{last['id']}", job)


def test_endpoints_and_templates_are_looked_up(plugin: PluginHere, service: Emulator) -> None:
    """One endpoint by its routing key, or all of them, with the URL of its calls; and all templates."""
    made = service.service.endpoints.add(name="bot", gpu_count=2)
    found = result(plugin, "getDedicatedEndpoint", id=made.routing_key)
    assert (found["endpointId"], found["inferenceUrl"]) == (made.id, f"{service.url}/v1")
    assert found.keys().isdisjoint({"customWeightsId", "description"})
    assert result(plugin, "listDedicatedEndpoints") == {"endpoints": [found]}
    assert result(plugin, "listEndpointTemplates")["templates"][0]["contextWindowK"] == 128


@pytest.mark.parametrize(
    ("function", "arguments", "property_", "reason"),
    [
        ("getCustomModel", {}, "name", "missing: give a text"),
        ("getDedicatedEndpoint", {"id": 3}, "id", "must be a text, not float"),
        ("getFineTuningCheckpoints", {"job_id": "ftjob-1"}, "jobId", "missing: give a text"),
    ],
)
def test_a_wrong_argument_is_a_failure_of_that_argument(
    plugin: PluginHere, function: str, arguments: dict[str, Any], property_: str, reason: str
) -> None:
    """It has the schema's name, and the text has the fix."""
    [failure] = invoke(plugin, function, **arguments).failures
    assert failure.property == property_
    assert failure.reason.startswith(reason)


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        ("getCustomModel", {"name": "nope-AbCd"}, "there is no model 'nope-AbCd' at the service"),
        (
            "getDedicatedEndpoint",
            {"id": "dedicated/none"},
            "there is no endpoint 'dedicated/none' at the service",
        ),
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
    assert str(caught.value).isprintable()


# The plugin itself


def test_the_schema_has_every_property_and_function(plugin: PluginHere) -> None:
    """Inputs and outputs are those of the tables, each function can be called, and the key is secret."""
    document = json.loads(schema())
    for name, table in zip(servicer.TYPES, (MODEL, ARCHIVE, ENDPOINT), strict=True):
        resource = document["resources"][f"nebius-models:index:{name}"]
        assert set(resource["properties"]) == set(map(camel, table.properties))
        assert set(resource["inputProperties"]) <= set(map(camel, table.inputs))
    assert document["config"]["variables"]["apiKey"]["secret"] is True
    for token in document["functions"]:
        invoke(plugin, token.rpartition(":")[2])


def test_the_plugin_presents_itself(plugin: PluginHere, service: Emulator) -> None:
    """It returns the package's version and its schema, accepts secrets, and refuses a type that the schema lacks."""
    assert call(plugin, "GetPluginInfo", None) == plugin_pb2.PluginInfo(version=__version__)
    assert json.loads(call(plugin, "GetSchema", None).schema)["version"] == __version__
    answer = call(plugin, "Configure", account(configuration(service)))
    assert (answer.acceptSecrets, answer.supportsPreview) == (True, True)
    with pytest.raises(CallFailed, match="nebius-models has no such resource"):
        call(plugin, "Check", provider_pb2.CheckRequest(urn=native_urn("m", "Other")))


def test_an_attached_plugin_serves_one_engine_after_another(service: Emulator) -> None:
    """Texts go to the engine that attached last, and it remembers nothing of the one before."""
    opened: dict[str, ListeningEngine] = {}

    def engine(address: str) -> ListeningEngine:
        opened[address] = ListeningEngine()
        return opened[address]

    servicer = PluginServicer(engine)
    name = service.add_model(name="bot", base_model=BASE, source="file-1")
    state = struct(**GIVEN, generatedName=name, status="active")
    read = provider_pb2.ReadRequest(id=name, urn=native_urn("bot"), properties=state, inputs=struct(**GIVEN))
    create = provider_pb2.CreateRequest(urn=native_urn("m"), properties=struct(**GIVEN))
    found = []
    for address in ("127.0.0.1:9", "127.0.0.1:8"):
        servicer.Attach(plugin_pb2.PluginAttach(address=address), Context())
        request = provider_pb2.ProviderHandshakeRequest(engine_address=address)
        assert servicer.Handshake(request, Context()).accept_secrets
        servicer.Configure(account(configuration(service)), Context())
        found.append(servicer.Read(read, Context()).id)
        servicer.Create(create, Context())
        servicer.Cancel(None, Context())
        if found == [name]:
            service.remove_model(name)
    assert found == [name, ""]
    texts = {
        address: [log.message for log in engine.logs if "active" in log.message]
        for address, engine in opened.items()
    }
    assert texts == {"": [], "127.0.0.1:9": ["active"], "127.0.0.1:8": ["active"]}


def test_the_server_names_its_port_and_ends_with_its_engine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first line is the port; it answers while the engine is there, and then ends at once, without an error."""
    engine, made, codes, printed = FakeEngine(), list[Any](), list[int](), list[str]()
    make = grpc.server

    def remembered(*args: Any, **options: Any) -> Any:
        made.append(make(*args, **options))
        return made[0]

    def a_line_is_printed() -> bool:
        printed.append(capsys.readouterr().out)
        return "\n" in "".join(printed)

    monkeypatch.setattr(grpc, "server", remembered)
    monkeypatch.setattr("os._exit", codes.append)
    monkeypatch.setattr("sys.argv", ["plugin", engine.address])
    monkeypatch.setattr(_engine, "_WATCH_SECONDS", 0.05)
    serving = threading.Thread(target=server.main, daemon=True)
    serving.start()
    wait_until(a_line_is_printed, "the port is printed")
    with grpc.insecure_channel(f"127.0.0.1:{int(''.join(printed))}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        assert stub.GetPluginInfo(empty_pb2.Empty()).version == __version__
        assert codes == []
        engine.stop()
        wait_until(lambda: codes, "the engine's end is noticed")
    assert codes == [0]
    made[0].stop(None)
    serving.join()
