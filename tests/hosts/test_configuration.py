"""What comes before a create: the account's settings, questions about new models, and one more input in the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2
from pulumi.runtime.rpc import UNKNOWN

from nebius_model_resource._plugin import servicer
from nebius_model_resource._provider import models
from nebius_model_resource._provider.properties import MODEL, Property, Table
from nebius_model_resource.testing.emulator import Emulator
from tests.hosts.conftest import Kind
from tests.support.host import URN, HostError
from tests.support.host_here import HostHere
from tests.support.hostile import Meddler
from tests.support.plugin import PluginHere

FILE = {"source": "file-none"}
NO_FILE = "the service does not know the file 'file-none' (deleted, or of another project?)"
WARNING = 2


def warned(host: HostHere) -> list[tuple[str, str]]:
    """Each warning, as the resource's name and what is not known."""
    return [
        (log.urn.removeprefix(URN), log.message.partition(";")[0])
        for log in host.engine.logs
        if log.severity == WARNING
    ]


def configured(emulator: Emulator, **more: Any) -> dict[str, Any]:
    """A configuration with more keys of `nebius-models:`."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    return config | {f"nebius-models:{name}": value for name, value in more.items()}


def here(edge: str) -> type[HostHere]:
    """The code of an edge in this process."""
    return HostHere if edge == "dynamic" else PluginHere


# The account's settings


def test_faults_of_the_settings_are_reported_at_preview(emulator: Emulator, kind: Kind, edge: str) -> None:
    """Key, base URL, project and switch are reported at once, each with its place, and no key is shown."""
    environ = {
        "NEBIUS_API_KEY": "'sesame'",
        "NEBIUS_BASE_URL": "http://models.example",
        "NEBIUS_AI_PROJECT_ID": "aiproject 1",
    }
    with here(edge)({"nebius-models:preflight": "no"}, environ) as host:
        _, faults = host.check(kind.inputs)
    assert [prop for prop, _ in faults] == [""] * 4
    project, key, url, switch = (reason for _, reason in faults)
    assert "the project in NEBIUS_AI_PROJECT_ID has spaces" in project
    assert "the Nebius API key in NEBIUS_API_KEY has quotes around it" in key
    assert "in NEBIUS_BASE_URL would send the key unencrypted" in url
    assert switch == "nebius-models:preflight must be true or false"
    assert "sesame" not in repr(faults)
    assert emulator.requests() == []


# Questions about new models


def test_only_a_model_that_is_created_is_asked_about(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any], edge: str
) -> None:
    """Old inputs, a fault, and unknown or secret values send nothing; each row of a new model has its warning."""
    old = {**inputs, **FILE}
    host.check(old, old)
    host.check({**old, "name": "a b"})
    host.check({**inputs, "base_model": UNKNOWN, "source": UNKNOWN})
    host.check({**old, "ai_project_id": UNKNOWN})
    if edge == "plugin":
        marked = {name: rpc.wrap_rpc_secret(old[name]) for name in ("source", "base_model")}
        host.check({**old, **marked})
    else:  # an adoption
        known = emulator.add_model(name="m", base_model=inputs["base_model"], source="file-none")
        host.check({**old, "import_id": known})
        host.check({**old, "import_id": UNKNOWN})
    assert emulator.requests(path="/v1/*") == []
    assert warned(host) == []
    for name in ("one", "two"):  # what the engine sends for a new model and for a replacement
        checked, faults = host.check({**old, "name": name}, name=name)
        assert (checked["source"], faults) == ("file-none", [])
    assert warned(host) == [("one", NO_FILE), ("two", NO_FILE)]


# One more input: a text, and texts by name


class Larger(models.CustomModels):
    """Models with two more inputs."""

    table = Table(*MODEL.properties.values(), Property("cost_center"), Property("label_texts", dict))


MORE = {"cost_center": "research", "label_texts": {"team": "a", "api_key": "b"}}


@pytest.fixture
def larger(emulator: Emulator, edge: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostHere]:
    """An edge whose models have the larger table; the service reports the two as they were sent."""

    def echo(_method: str, path: str, _status: int, body: Any) -> Any:
        posted = {post.body["name"]: post.body for post in emulator.requests("POST")}

        def whole(entry: dict[str, Any]) -> dict[str, Any]:
            sent = posted.get(entry["name"].rpartition(":")[2].rpartition("-")[0], {})
            return {**entry, **{name: sent[name] for name in MORE if name in sent}}

        if not path.startswith("/v0/models") or "detail" in body:
            return body
        return [whole(each) for each in body] if isinstance(body, list) else whole(body)

    monkeypatch.setattr(models, "CustomModels", Larger)
    monkeypatch.setitem(servicer.TYPES, "CustomModel", Larger)
    with (
        Meddler(emulator.url, echo) as front,
        here(edge)({**configured(emulator), "nebius-models:baseUrl": front.url}) as host,
    ):
        yield host


def test_a_larger_table_is_enough_for_two_more_inputs(
    larger: HostHere, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """They are checked, sent, recorded, read and compared, a map with its own spelling of names."""
    given = {**inputs, **MORE}
    assert larger.check(given) == (given, [])
    wrong = {"cost_center": 5, "label_texts": {"team": 5}}
    assert larger.check({**inputs, **wrong})[1] == [
        ("cost_center", "must be str"),
        ("label_texts", "must be dict"),
    ]
    unknown = {**given, "cost_center": UNKNOWN, "label_texts": {"team": UNKNOWN}}
    assert larger.check(unknown) == (unknown, [])
    id_, outputs = larger.create(given)
    [post] = emulator.requests("POST")
    assert {name: post.body[name] for name in MORE} == MORE
    assert {name: outputs[name] for name in MORE} == MORE
    assert larger.diff(id_, outputs, given).changes == provider_pb2.DiffResponse.DIFF_NONE
    _, read, read_inputs = larger.read(id_, outputs)
    assert (read, read_inputs) == (outputs, given)
    other = {**inputs, "cost_center": "sales", "label_texts": {"team": "b"}}
    answer = larger.diff(id_, outputs, other)
    assert set(answer.replaces) == set(answer.detailedDiff) == set(MORE)
    assert set(larger.diff(id_, outputs, inputs).replaces) == set(MORE)
    post.body |= {"cost_center": "by hand", "label_texts": {"team": "b"}}
    larger.delete("acme/Base-LoRa:gone-AbCd", given)  # after a change the list is read again
    assert larger.read(id_, outputs)[2] == {**given, "cost_center": "by hand", "label_texts": {"team": "b"}}


def test_a_secret_of_two_more_inputs_is_recorded_in_partial_state(
    larger: HostHere, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """A mark on the map, or on a text in it, does not keep a model from being checked, created and recorded."""
    emulator.settings.validation_seconds = 600
    for labels in (
        rpc.wrap_rpc_secret(MORE["label_texts"]),
        {"team": rpc.wrap_rpc_secret("a"), "api_key": "b"},
    ):
        checked, faults = larger.check({**inputs, **MORE, "label_texts": labels})
        assert faults == []
        with pytest.raises(HostError) as caught:
            larger.create({**checked, "label_texts": labels}, timeout=2, name=repr(labels))
        assert caught.value.kept is not None
        assert caught.value.kept.inputs["label_texts"] == MORE["label_texts"]
