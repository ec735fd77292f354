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

from nebius_model_resource._service.client import Client
from nebius_model_resource._service.settings import Settings
from nebius_model_resource.provider import CustomModelProvider
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.hosts.conftest import KINDS, Kind
from tests.stacks.conftest import custom_models
from tests.support.host import PROVIDER, DynamicHost, HostError, mostly_waits
from tests.support.host_here import HostHere
from tests.support.stacks import cli_stack, has_cli, program_with

pytestmark = mostly_waits

KEY = "sk-Zq9/very+secret=0451"
ESCAPED = "".join(f"\\u{ord(mark):04x}" for mark in KEY)
INPUTS = {"name": "quiet", "base_model": "acme/Base", "source": "file-1"}

# Logs of every library at debug level, as a user who debugs the host has them.
PRELUDE = """
import logging, runpy
logging.basicConfig(level=logging.DEBUG)
runpy.run_module("pulumi.dynamic", run_name="__main__")
"""


def echoes() -> list[dict[str, Any]]:
    """Every place in which an answer can hold the key."""
    detail = f"your key {KEY} is wrong, Bearer {KEY}"
    return [
        *({"action": "echo_key", "status": status} for status in (400, 401, 404, 500)),
        {"status": 502, "body": f"<html>{detail}</html>"},
        {"status": 400, "body": f'{{"detail": "key {ESCAPED}"}}'},
        {"status": 422, "body": {"detail": [{"loc": ["body", KEY], "msg": detail, "input": KEY}]}},
        {"status": 400, "body": {KEY: {"x": detail}}},
        {"status": 400, "body": "x" * 595 + detail},
        {"status": 400, "headers": {"x-request-id": KEY}},
        {"action": "redirect", "location": f"https://elsewhere.example/?key={KEY}"},
        {"status": 429, "headers": {"Retry-After": "0"}, "body": {"detail": detail}},
        {"status": 200, "body": detail},
        {"action": "wrong_json", "body": {"name": "x-abcd", "status": KEY, "status_reason": detail}},
    ]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """A service with that key."""
    with Emulator(validation_seconds=0.1, endpoint_seconds=0.1, api_key=KEY) as running:
        yield running


@pytest.fixture(scope="module")
def debugged(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DynamicHost]:
    """A host whose libraries log everything."""
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


def try_everything(host: DynamicHost, emulator: Emulator, name: str, fault: Fault, kind: Kind) -> list[str]:
    """Run each operation under one fault; returns everything that was revealed."""
    emulator.clear_faults()
    held, props = kind.add(emulator, "quiet")
    news = {**props, "description": "new", "wait_for_ready": False}
    emulator.add_fault(fault)
    return [
        *texts_of(lambda: host.create(kind.named(name), timeout=0.6, name=name)),
        *texts_of(lambda: host.read(held, props, name=name)),
        *texts_of(lambda: host.update(held, props, news, timeout=0.6, name=name)),
        *texts_of(lambda: host.delete(held, props, timeout=0.6, name=name)),
    ]


@pytest.mark.parametrize(
    ("method", "every"),
    [
        ("POST", 1),
        ("DELETE", 4),
        ("GET", 7),
        ("PATCH", 4),
        pytest.param("DELETE", 1, marks=pytest.mark.slow),
        pytest.param("GET", 1, marks=pytest.mark.slow),
    ],
)
def test_key_is_nowhere(debugged: DynamicHost, emulator: Emulator, method: str, every: int) -> None:
    """No operation shows the key under any fault that sends it back, not even in debug logs."""
    told: list[str] = []
    for number, fault in enumerate(echoes()[::every]):
        # A service that always asks for pauses is called until the deadline: for a read, ten minutes.
        times = 2 if fault.get("status") == 429 else None
        for kind in KINDS.values():
            spoilt = Fault(method=method, times=times, **fault)
            told += try_everything(debugged, emulator, f"m{number}", spoilt, kind)
    emulator.clear_faults()
    told += texts_of(lambda: debugged.check({"name": "a b"}))
    everything = "\n".join([*told, debugged.output])
    assert "urllib3" in debugged.output  # the debug logs are on
    for secret in (KEY, ESCAPED, KEY.replace("/", "\\/"), KEY[6:]):
        assert secret not in everything


def test_data_stays_as_it_is_sent_back(emulator: Emulator) -> None:
    """A name or description in which the user wrote the key is the same in every answer, even after a lost one."""
    name, description = f"bot-{KEY.replace('/', '-')}", f"told {KEY}\nsecond \x1b[1mbold\t \u202e"
    emulator.clear_faults()
    emulator.add_fault(Fault(method="POST", action="close", effect="after"))
    inputs = {**INPUTS, "name": name, "description": description}
    with HostHere({"nebius-models:apiKey": KEY, "nebius-models:baseUrl": emulator.url}) as host:
        id_, outputs = host.create(inputs)
        _, read, read_inputs = host.read(id_, outputs)
        assert not host.diff(id_, outputs, inputs).replaces
    assert [model["name"] for model in emulator.models() if name in model["name"]] == [id_]
    assert outputs["description"] == description
    assert (read, read_inputs["description"]) == (outputs, description)


def test_reprs_and_pickles_hold_no_key() -> None:
    """No object that holds the key shows it, and what is pickled into the state has no data at all."""
    settings = Settings("https://api.studio.nebius.com", KEY)
    objects = [settings, Client(settings), CustomModelProvider()]
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
