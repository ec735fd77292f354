"""The accesses to private names of the host: on several SDKs, and what happens where a name is missing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import struct_pb2
from google.rpc.status_pb2 import Status
from pulumi.output import Unknown
from pulumi.runtime.proto import provider_pb2
from pulumi.runtime.rpc import UNKNOWN

from nebius_model_resource._dynamic import host as dynamic_host
from nebius_model_resource._dynamic.host import DetailedDiff, HostCall, current_engine
from nebius_model_resource._engine import Engine, not_ready_details, struct_of, with_placeholders
from nebius_model_resource._provider.calls import Changes
from nebius_model_resource.testing.emulator import Emulator
from tests.support.host import URN, DynamicHost, FakeEngine, HostError, warm_host
from tests.support.host_here import CallFailed, Context, ListeningEngine
from tests.support.processes import wait_until

# On one worker, as these tests mostly wait; the bound is far below the ten minutes that a create has by itself.
pytestmark = [pytest.mark.xdist_group("host contract"), pytest.mark.timeout(120)]

ROOT = Path(__file__).resolve().parents[2]
SDKS = ["3.230.0", "3.243.0", "3.260.0", "newest"]


@pytest.fixture(
    scope="session",
    params=["installed", *(pytest.param(sdk, marks=pytest.mark.slow) for sdk in SDKS)],
)
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter that has the package and one version of the SDK."""
    if request.param == "installed":
        return sys.executable
    fcntl = pytest.importorskip("fcntl", reason="Windows has no such locks")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    venv = shared / f"sdk-{request.param}"
    with (shared / f"{venv.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of one run share what the first one creates
        if not (venv / "ready").exists():
            _make(venv, request.param)
    return str(venv / "bin" / "python")


def _make(venv: Path, version: str) -> None:
    sdk = "pulumi" if version == "newest" else f"pulumi=={version}"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, sdk, str(ROOT)], check=True)
    (venv / "ready").touch()


@pytest.fixture
def host(python: str, emulator: Emulator, tmp_path: Path) -> Iterator[DynamicHost]:
    """The host of that SDK; started in a folder from which the clone itself cannot be imported."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    with DynamicHost(config, python=python, cwd=tmp_path) as running:
        yield running


def test_each_private_name_is_reached(host: DynamicHost, emulator: Emulator, inputs: dict[str, Any]) -> None:
    """A refusal is one line, a diff names its inputs, the deadline keeps an unfinished model, a row has progress."""
    emulator.settings.update(supported_bases=[], validation_seconds=3600)
    with pytest.raises(HostError, match=r"^Nebius refused the model: Base model") as caught:
        host.create(inputs)
    assert caught.value.message.isprintable()
    emulator.settings.supported_bases = None
    kind = provider_pb2.PropertyDiff
    news = {**inputs, "name": "other", "description": None, "ai_project_id": "p"}
    answer = host.diff("x", {**inputs, "generated_name": "x", "status": "active"}, news)
    assert {name: each.kind for name, each in answer.detailedDiff.items()} == {
        "name": kind.UPDATE_REPLACE,
        "description": kind.DELETE_REPLACE,
        "ai_project_id": kind.ADD_REPLACE,
    }
    assert answer.hasDetailedDiff
    with pytest.raises(HostError, match=r"still validating.*the deadline passed") as caught:
        host.create(inputs, timeout=3, name="bot")
    kept = caught.value.kept
    assert kept is not None
    assert kept.id == kept.properties["generated_name"] == emulator.models()[0]["name"]
    assert [log.message for log in host.engine.logs if log.urn.endswith("::bot")] == ["validating"]
    assert host.output == ""


def test_more_calls_wait_than_the_host_has_threads(
    host: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """Six wait at the same time; when the engine goes away their models are deleted, and the host ends by itself."""
    emulator.settings.validation_seconds = 3600
    calls = [host.create_later({**inputs, "name": f"m{number}"}, name=f"m{number}") for number in range(6)]
    wait_until(lambda: len(emulator.models()) == 6, "all models exist")
    host.engine.stop()
    for call in calls:
        call.cancel()
    assert host.process.wait(timeout=60) == 0
    assert emulator.models() == []


# Each prelude removes one private name, as a future host may, and then runs the host's own source.
RUN = """
import logging, pathlib, sys
for name in [name for name in sys.modules if name.startswith("nebius_model_resource")]:
    del sys.modules[name]  # so that it is imported without the name, as in a process of its own
import pulumi.dynamic
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
for noisy in ("asyncio", "urllib3.connectionpool", "grpc", "grpc._cython.cygrpc"):
    logging.getLogger(noisy).setLevel(logging.WARNING)
source = (pathlib.Path(pulumi.dynamic.__file__).parent / "__main__.py").read_text()
{removal}
exec(compile(source, "host", "exec"), {{"__name__": "__main__"}})
"""
RENAME = "import re; source = re.sub(r'\\b{name}\\b', '{name}_renamed', source)"
KEEPS, DELETES = True, False
UNTIMED = {"request", "context"}  # without these the time-out of the operation cannot be read
REMOVALS = {
    "request": (RENAME.format(name="request"), DELETES),
    "context": (RENAME.format(name="context"), DELETES),
    "fields": (RENAME.format(name="fields"), KEEPS),
    "abort": (
        (
            "import grpc._server as s; s._Context.__setattr__ = lambda self, name, value: object.__setattr__"
            "(self, name, value) if name != 'abort' else (_ for _ in ()).throw(AttributeError(name))"
        ),
        None,
    ),
    "set_trailing_metadata": ("import grpc._server as s; del s._Context.set_trailing_metadata", DELETES),
    "add_callback": ("import grpc._server as s; del s._Context.add_callback", KEEPS),
    "argv": ("sys.argv.append('more')", KEEPS),
    "worker": (
        (
            "import concurrent.futures.thread as t, inspect; exec(inspect.getsource(t._worker)"
            ".replace('work_queue', 'queue_').replace('executor_reference', 'reference'), t.__dict__)"
        ),
        KEEPS,
    ),
}


@pytest.mark.parametrize("name", REMOVALS)
def test_without_one_private_name_the_provider_works_plainly(
    name: str, emulator: Emulator, inputs: dict[str, Any], tmp_path: Path
) -> None:
    """If any one name is missing, a model is created, compared, refused and deleted, and no deadline loses anything."""
    removal, keeps = REMOVALS[name]
    prelude = tmp_path / "host.py"
    prelude.write_text(RUN.format(removal=removal))
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    with warm_host(config, prelude=prelude) as host:
        checked, faults = host.check(inputs)
        assert faults == []
        id_, outputs = host.create(checked)
        assert outputs["status"] == "active"
        assert list(host.diff(id_, outputs, {**checked, "description": "second"}).replaces) == ["description"]
        assert host.diff(id_, outputs, checked).changes == provider_pb2.DiffResponse.DIFF_NONE
        emulator.settings.supported_bases = []
        with pytest.raises(HostError) as caught:
            host.create(checked)
        assert "does not support LoRa inference yet" in caught.value.message.strip().splitlines()[-1]
        emulator.settings.supported_bases = None
        host.delete(id_, outputs)
        _deadline_loses_nothing(host, emulator, checked, keeps=keeps, timed=name not in UNTIMED)
        wait_until(lambda: "does not let us reach" in host.output, "a debug line names it")


def _deadline_loses_nothing(
    host: DynamicHost, emulator: Emulator, inputs: dict[str, Any], *, keeps: bool | None, timed: bool
) -> None:
    """If the time-out cannot be read, a failed validation ends the wait instead."""
    emulator.settings.validation_seconds = 3600
    call = host.create_later(inputs, timeout=4)
    wait_until(lambda: len(emulator.models()) == 1, "the model exists")
    [model] = emulator.models()
    if not timed:
        emulator.change_model(model["name"], status="error", status_reason="bad")
    kept = HostError(call.exception(timeout=60)).kept
    if keeps is not None:
        assert (kept is not None) == keeps
    assert ([kept.id] if kept else []) == [each["name"] for each in emulator.models()]


# A call outside of a process


class WithoutNames:
    """A request or a context of another kind."""


class Closed(Context):
    """The context of a call that is over."""

    def add_callback(self, _callback: object) -> bool:
        """Take none."""
        return False


class WithoutTrailers(Context):
    """A context that takes no trailers."""

    set_trailing_metadata = None  # type: ignore[assignment]


def create_request() -> Any:
    """A request with a time-out."""
    bag = struct_pb2.Struct()
    bag.update({"__provider": "pickled"})
    return provider_pb2.CreateRequest(urn="urn:x", timeout=90, properties=bag)


def call_within(request: Any, context: Any) -> HostCall:
    """A call as the host makes it, from a frame with both names; a nearer frame has only one of them."""

    def nearer() -> HostCall:
        context = "another"
        call = HostCall()
        assert context
        return call

    assert request is not context
    return nearer()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ListeningEngine:
    """An engine that records what it is asked to show."""
    listening = ListeningEngine()
    monkeypatch.setattr(dynamic_host, "current_engine", lambda: listening)
    return listening


def test_a_call_has_what_the_host_knows(engine: ListeningEngine) -> None:
    """URN, time-out, the names of the recorded inputs, and the end; what the engine shows is not shown twice."""
    context = Context()
    call = call_within(create_request(), context)
    assert (call.urn, call.timeout, call.recorded) == ("urn:x", 90.0, None)
    assert call.keep("why", "id", {"name": "bot"}, {})
    call.warn("why")
    call.warn("else")
    assert [log.message for log in engine.logs] == ["else"]
    [end] = context.on_end
    end()
    assert call.gone
    context = Context()
    call = call_within(create_request(), context)
    call.close()
    [end] = context.on_end
    end()
    assert not call.gone
    assert call_within(create_request(), Closed()).gone
    bag = struct_pb2.Struct()
    bag.update({"name": "bot"})
    assert call_within(provider_pb2.ReadRequest(inputs=bag), Context()).recorded == frozenset(["name"])
    outside = HostCall()
    assert (outside.urn, outside.timeout, outside.seed) == ("", 0.0, b"")
    assert (outside.recorded, outside.failed, outside.gone) == (None, False, False)


@pytest.mark.parametrize(
    ("request_", "context"),
    [
        (WithoutNames(), Context()),
        (create_request(), WithoutNames()),
        (create_request(), WithoutTrailers()),
        (WithoutNames(), WithoutNames()),
    ],
)
@pytest.mark.usefixtures("engine")
def test_without_its_names_a_call_records_nothing_and_fails_plainly(request_: Any, context: Any) -> None:
    """The message reaches the host as the text of an exception, or through `abort`."""
    call = call_within(request_, context)
    assert not call.keep("why", "id", {}, {})
    call.progress("working")
    with pytest.raises((RuntimeError, CallFailed), match=r"^why$"):
        call.fail("why")
    assert call.failed


@pytest.mark.usefixtures("engine")
def test_a_fault_of_ours_is_not_blamed_on_the_host() -> None:
    """An error that no missing name can cause is let through."""

    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise ZeroDivisionError(name)

    for request, context in ((Broken(), Context()), (create_request(), Broken())):
        with pytest.raises(ZeroDivisionError):
            call_within(request, context)
    with pytest.raises(ValueError, match="SIDEWAYS"):
        _ = DetailedDiff(Changes({"name": "SIDEWAYS"})).delete_before_replace


def test_an_engine_shows_lasting_texts_once_and_progress_each_time() -> None:
    """A run shows a note once; without a URN there is no row; an engine that is gone shows nothing."""
    server = FakeEngine()
    engine = Engine(server.address)
    for _ in range(2):
        engine.log("WARNING", "careful", URN)
        engine.log("INFO", "working", URN, ephemeral=True)
        engine.log("INFO", "nowhere", "")
    shown = [(log.message, log.ephemeral, log.severity) for log in server.logs]
    assert shown == [("careful", False, 2), ("working", True, 1), ("working", True, 1)]
    assert {log.urn for log in server.logs} == {URN}
    assert not engine.is_gone()
    server.stop()
    engine.log("INFO", "later", URN)
    assert engine.is_gone()


def test_what_goes_to_the_engine_is_as_it_reads_it() -> None:
    """A value that is not known is its text, in lists too; partial state is a status with the code UNKNOWN."""
    assert with_placeholders({"a": [Unknown(), 1]}) == {"a": [UNKNOWN, 1]}  # type: ignore[no-untyped-call]
    status = Status.FromString(not_ready_details("slow", "m", struct_of({}), struct_of({})))
    assert (status.code, status.message, len(status.details)) == (2, "slow", 1)


def test_an_engine_that_has_just_been_killed_is_gone() -> None:
    """Its socket takes a connection for a moment, which ends when the system closes the socket."""
    with socket.create_server(("127.0.0.1", 0)) as dying:
        closing = threading.Timer(0.2, dying.close)
        closing.start()
        assert Engine(f"127.0.0.1:{dying.getsockname()[1]}").is_gone()
        closing.join()


def test_only_a_refused_connection_proves_that_an_engine_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is silent, and one whose address is not known, may be there."""

    def too_busy(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", too_busy)
    assert not Engine("127.0.0.1:9").is_gone()
    monkeypatch.setattr("sys.argv", ["host"])
    assert not current_engine().is_gone()
    current_engine().log("INFO", "working", URN)
