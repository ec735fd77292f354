"""The key goes into one header and nowhere else, whatever fails and whatever the service sends back."""

from __future__ import annotations

import json
import pickle
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._lifecycle.guardian import Guardian
from nebius_model_resource._lifecycle.lifecycle import Lifecycle
from nebius_model_resource.provider import CustomModelProvider
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.stacks.conftest import custom_models
from tests.support.host import PROVIDER, DynamicHost, HostError, mostly_waits, warm_host
from tests.support.hostile import Meddler
from tests.support.stacks import cli_stack, has_cli, program_with

pytestmark = mostly_waits

KEY = "sk-Zq9/very+secret=0451"
ESCAPED = "".join(f"\\u{ord(mark):04x}" for mark in KEY)
ROGUE = "\x1b]0;title\x07\x1b[31mred\x1b[0m\r\n\tnext\u202eline\x00 end"

# Logs of every library at debug level, as a user who debugs the host has them.
PRELUDE = """
import logging, runpy
logging.basicConfig(level=logging.DEBUG)
runpy.run_module("pulumi.dynamic", run_name="__main__")
"""


def echoes() -> list[tuple[str, dict[str, Any]]]:
    """Every place in which an answer can hold the key."""
    detail = f"your key {KEY} is wrong, Bearer {KEY}"
    cases: list[tuple[str, dict[str, Any]]] = [
        *((f"echo-{status}", {"action": "echo_key", "status": status}) for status in (400, 401, 403, 404, 500, 504)),
        ("text", {"status": 502, "body": f"<html>{detail}</html>"}),
        ("escaped", {"status": 400, "body": f'{{"detail": "key {ESCAPED}"}}'}),
        ("list", {"status": 422, "body": {"detail": [{"loc": ["body", KEY], "msg": detail, "input": KEY}]}}),
        ("message", {"status": 400, "body": {"message": detail}}),
        ("odd", {"status": 400, "body": {KEY: {"x": detail}}}),
        ("odd-escaped", {"status": 400, "body": f'{{"error": "key {ESCAPED}"}}'}),
        ("far", {"status": 400, "body": "x" * 595 + detail}),
        ("request-id", {"status": 400, "headers": {"x-request-id": KEY}}),
        ("location", {"action": "redirect", "location": f"https://elsewhere.example/?key={KEY}"}),
        ("throttled", {"status": 429, "headers": {"Retry-After": "0"}, "body": {"detail": detail}}),
        ("success", {"action": "wrong_json", "body": detail}),
        ("no-json", {"status": 200, "body": detail}),
        ("status", {"action": "wrong_json", "body": {"name": "x-abcd", "status": KEY, "status_reason": detail}}),
        ("half", {"action": "half_body", "status": 200}),
        ("reset", {"action": "reset"}),
    ]  # fmt: skip
    return cases


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(validation_seconds=0.1, api_key=KEY) as running:
        yield running


@pytest.fixture(scope="module")
def host(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DynamicHost]:
    prelude = tmp_path_factory.mktemp("host") / "prelude.py"
    prelude.write_text(PRELUDE)
    config = {"nebius-models:apiKey": KEY, "nebius-models:baseUrl": emulator.url}
    with DynamicHost(config, prelude=prelude, environ={"PULUMI_DEBUG_GRPC": ""}) as running:
        yield running


def texts_of(call: Any) -> list[str]:
    """Everything that a call reveals: answer, error, what is recorded, traceback."""
    try:
        return [repr(call())]
    except HostError as error:
        return [error.message, repr(error), repr(error.kept), traceback.format_exc()]


def try_everything(host: DynamicHost, emulator: Emulator, name: str, fault: Fault) -> list[str]:
    """Run each operation under one fault; returns everything that was revealed."""
    inputs = {"name": "quiet", "base_model": "acme/Base", "source": "file-1"}
    emulator.clear_faults()
    held = emulator.add_model(**inputs)
    props = {**inputs, "generated_name": held, "status": "active"}
    emulator.add_fault(fault)
    return [
        *texts_of(lambda: host.create(inputs, timeout=0.6, name=name)),
        *texts_of(lambda: host.read(held, props, name=name)),
        *texts_of(lambda: host.update(held, props, inputs, timeout=0.6, name=name)),
        *texts_of(lambda: host.diff(held, props, inputs, name=name)),
        *texts_of(lambda: host.delete(held, props, timeout=0.6, name=name)),
    ]


@pytest.mark.parametrize(
    ("method", "every"),
    [
        ("POST", 1),
        ("DELETE", 4),
        ("GET", 7),
        pytest.param("DELETE", 1, marks=pytest.mark.slow),
        pytest.param("GET", 1, marks=pytest.mark.slow),
    ],
)
def test_key_is_nowhere(host: DynamicHost, emulator: Emulator, method: str, every: int) -> None:
    """No operation shows the key under any fault that sends it back, not even in debug logs."""
    told: list[str] = []
    for number, (_, fault) in enumerate(echoes()[::every]):
        # A service that always asks for pauses is called until the deadline: for a read, ten minutes.
        times = 2 if fault.get("status") == 429 else None
        told += try_everything(host, emulator, f"m{number}", Fault(method=method, times=times, **fault))
    emulator.clear_faults()
    told += texts_of(lambda: host.check({"name": "a b"}))
    everything = "\n".join([*told, host.output])
    assert "urllib3" in host.output  # the debug logs are on
    for secret in (KEY, ESCAPED, KEY.replace("/", "\\/"), KEY[6:]):
        assert secret not in everything


def test_failed_validation_with_the_key_in_its_reason(host: DynamicHost, emulator: Emulator) -> None:
    """A `status_reason` that holds the key, terminal escapes and line ends is shown and recorded without them."""
    emulator.settings.failing_names = {"bad": f"{ROGUE} {KEY}"}
    emulator.add_fault(Fault(method="DELETE", status=401))
    with pytest.raises(HostError, match="red") as caught:
        host.create({"name": "bad", "base_model": "acme/Base", "source": "file-1"})
    kept = caught.value.kept
    assert kept is not None
    assert caught.value.message.isprintable()
    assert kept.properties["status_reason"].isprintable()
    assert KEY not in repr(kept) + caught.value.message
    with pytest.raises(HostError, match="red") as caught:
        host.read(kept.id, kept.properties, name="bad")
    assert caught.value.kept is not None
    outputs = caught.value.kept.properties
    assert outputs["status_reason"].isprintable()
    assert KEY not in repr(outputs)


SHORT = "test"
DESCRIPTION = "a latest test"


def test_a_short_key_is_looked_for_in_no_text(tmp_path: Path) -> None:
    """With a key of four letters, names, ids, descriptions, reasons and the service's words do not change."""
    inputs = {"name": "test-bot", "base_model": "acme/test-Base", "source": "huggingface.co/test/latest"}
    with (
        Emulator(validation_seconds=0.1, api_key=SHORT) as emulator,
        warm_host({"nebius-models:apiKey": SHORT, "nebius-models:baseUrl": emulator.url}) as host,
    ):
        emulator.add_fault(Fault(method="POST", action="close", effect="after"))
        id_, outputs = host.create({**inputs, "description": DESCRIPTION})
        assert [model["name"] for model in emulator.models()] == [id_]
        assert outputs["description"] == DESCRIPTION
        _, live, read = host.read(id_, outputs)
        assert live == outputs
        assert read["source"] == inputs["source"]
        assert not host.diff(id_, outputs, {**inputs, "description": DESCRIPTION}).replaces
        emulator.add_fault(Fault(method="POST", status=400, body={"detail": "the latest test failed"}))
        with pytest.raises(HostError, match="the latest test failed"):
            host.create({**inputs, "name": "m"}, name="m")
        host.delete(id_, outputs)
        assert emulator.models() == []


def test_data_stays_as_it_is_sent_back(host: DynamicHost, emulator: Emulator) -> None:
    """A name or description in which the user wrote the key is the same in every answer."""
    emulator.clear_faults()
    name, description = f"bot-{KEY.replace('/', '-')}", f"told {KEY}"
    inputs = {"name": name, "base_model": "acme/Base", "source": "file-1", "description": description}
    id_, outputs = host.create(inputs, name="data")
    assert outputs["description"] == description
    assert host.read(id_, outputs, name="data")[1] == outputs
    host.delete(id_, outputs, name="data")


NAMED = "name-0123456789abcdef"


def named(body: Any) -> Any:
    """A model, or each model of a list, with the key in its name."""
    if isinstance(body, list):
        return [named(each) for each in body]
    return {**body, "name": body["name"].replace("-LoRa:", f"-LoRa:{NAMED}")} if "name" in body else body


@pytest.mark.parametrize("endpoint", ["POST", "LIST", "READ", "DELETE"])
def test_a_name_with_the_key_in_it_is_not_used(endpoint: str) -> None:
    """Nothing with the key in its name gets into the state or a message, and no model is lost because of that."""

    def meddle(method: str, path: str, _status: int, body: Any) -> Any:
        kind = method if method != "GET" else "LIST" if path == "/v0/models" else "READ"
        return named(body) if kind == endpoint else body

    inputs = {"name": "bot", "base_model": "acme/Base", "source": "file-1"}
    with (
        Emulator(validation_seconds=0.1, api_key=NAMED) as emulator,
        Meddler(emulator.url, meddle) as front,
        warm_host({"nebius-models:apiKey": NAMED, "nebius-models:baseUrl": front.url}) as host,
    ):
        id_, outputs = host.create(inputs, timeout=10)
        told = [repr((id_, outputs)), *texts_of(lambda: host.read(id_, outputs))]
        assert [model["name"] for model in emulator.models()] == [id_]
        if (
            endpoint == "LIST"
        ):  # a 403 hides whether a model exists, and this list does not say that it is gone
            emulator.add_fault(Fault(method="DELETE", status=403))
            with pytest.raises(HostError, match="403"):
                host.delete(id_, {**outputs, "created_at": 1})
        told += texts_of(lambda: host.delete(id_, outputs, timeout=10))
        assert emulator.models() == []
        told.append(host.output)
    assert NAMED not in "".join(told)


def test_a_long_key_in_a_name_that_was_asked_for() -> None:
    """A user who puts the key into a name gets that name, even through a lost answer: it is data."""
    inputs = {"name": NAMED, "base_model": "acme/Base", "source": "file-1"}
    with (
        Emulator(validation_seconds=0.1, api_key=NAMED) as emulator,
        warm_host({"nebius-models:apiKey": NAMED, "nebius-models:baseUrl": emulator.url}) as host,
    ):
        emulator.add_fault(Fault(method="POST", action="close", effect="after"))
        id_, outputs = host.create(inputs, timeout=20)
        assert [model["name"] for model in emulator.models()] == [id_]
        assert host.read(id_, outputs)[0] == id_
        host.delete(id_, outputs)
        assert emulator.models() == []


def test_a_description_with_the_key_is_shown_without_it() -> None:
    """An adoption that fails for a description shows it without the key."""

    def meddle(_method: str, _path: str, _status: int, body: Any) -> Any:
        entries = body if isinstance(body, list) else [body]
        changed = [{**entry, "description": f"told {KEY}"} for entry in entries]
        return changed if isinstance(body, list) else changed[0]

    with Emulator(validation_seconds=0, api_key=KEY) as emulator, Meddler(emulator.url, meddle) as front:
        held = emulator.add_model(name="bot", base_model="acme/Base", source="file-1")
        with warm_host({"nebius-models:apiKey": KEY, "nebius-models:baseUrl": front.url}) as host:
            inputs = {"name": "bot", "base_model": "acme/Base", "source": "file-1", "description": "mine"}
            inputs["import_id"] = held
            _, [(_, reason)] = host.check(inputs)
            assert "live 'told [api key]'" in reason
            with pytest.raises(HostError, match=re.escape("live 'told [api key]'")):
                host.create(inputs)


@pytest.mark.parametrize("status", [400, 401, 422, 500])
def test_control_characters_are_made_harmless(host: DynamicHost, emulator: Emulator, status: int) -> None:
    """Line ends, terminal escapes and direction marks in the service's words are removed from what people read."""
    emulator.clear_faults()
    emulator.add_fault(Fault(method="*", status=status, body={"detail": ROGUE}, times=None))
    with pytest.raises(HostError, match="title") as caught:
        host.create({"name": "odd", "base_model": "acme/Base", "source": "file-1"}, timeout=1)
    emulator.clear_faults()
    assert caught.value.message.isprintable()


def test_long_texts_are_cut_with_their_length(host: DynamicHost, emulator: Emulator) -> None:
    """A text that is too long to read is cut, and its length is shown."""
    emulator.add_fault(Fault(method="POST", status=400, body={"detail": "word " * 2000}))
    with pytest.raises(HostError, match=r"… \(9999 characters\)") as caught:
        host.create({"name": "long", "base_model": "acme/Base", "source": "file-1"})
    assert len(caught.value.message) < 1000


def test_description_stays_as_it_was_sent(host: DynamicHost, emulator: Emulator) -> None:
    """A description is the user's own text: it comes back unchanged, even through a lost answer."""
    description = "first\nsecond \x1b[1mbold\t “quoted” \u202e"
    inputs = {"name": "desc", "base_model": "acme/Base", "source": "file-1", "description": description}
    emulator.add_fault(Fault(method="POST", action="close", effect="after"))
    id_, outputs = host.create(inputs, name="desc")
    assert outputs["description"] == description
    assert host.read(id_, outputs, name="desc")[2]["description"] == description


def test_reprs_and_pickles_hold_no_key() -> None:
    """No object that holds the key shows it, and what is pickled into the state has no data at all."""
    settings = Settings("https://api.studio.nebius.com", KEY)
    client = NebiusClient(settings)
    objects = [settings, client, Lifecycle(client), Guardian(settings), CustomModelProvider()]
    assert KEY not in "".join(map(repr, objects)) + "".join(map(str, objects))
    assert KEY.encode() not in pickle.dumps(CustomModelProvider())
    assert len(PROVIDER) < 200


@pytest.mark.cli
@pytest.mark.slow
@pytest.mark.skipif(not has_cli(), reason="no pulumi on PATH")
def test_key_is_nowhere_on_the_real_engine(tmp_path: Path) -> None:
    """With `-v=9`, in success and failure, no key is in stdout, stderr, logs, the state file or `__provider`."""
    said: list[str] = []

    def run(operation: Any) -> None:
        try:
            operation(
                on_output=said.append, on_error=said.append, log_verbosity=9, log_to_std_err=True, debug=True
            )
        except CommandError as error:
            said.append(str(error))

    with Emulator(validation_seconds=0.1, api_key=KEY) as emulator:
        stack = cli_stack(tmp_path, emulator, program_with(name="bot"))
        emulator.add_fault(Fault(method="POST", action="echo_key", status=400))
        run(stack.up)
        emulator.add_fault(Fault(method="POST", action="echo_key", status=504, effect="after"))
        run(stack.up)
        emulator.add_fault(Fault(method="GET", action="echo_key", times=None))
        run(stack.refresh)
        emulator.clear_faults()
        run(stack.preview)
        # The state file is searched below; this export has the configuration's secrets in the clear, as requested.
        state = json.dumps(custom_models(stack))
        emulator.add_fault(Fault(method="DELETE", action="echo_key"))
        run(stack.destroy)
        run(stack.destroy)
        assert emulator.models() == []
    everything = "\n".join([*said, state])
    assert "[api key]" in everything
    # The engine's own log at this level has every provider's configuration in the clear: we cannot change that.
    ours = [
        line
        for line in everything.splitlines()
        if not re.search(r"RPC\[Provider\[\w+\]\.Configure\(\)", line)
    ]
    lines = [line for line in ours if KEY in line]
    assert not lines, [line[:300].replace(KEY, "<KEY>") for line in lines[:10]]
    for path in tmp_path.rglob("*"):
        if path.is_file() and "node_modules" not in path.parts:
            assert KEY.encode() not in path.read_bytes(), path
