"""The accesses to private names of the host, on several SDKs, and what happens if a name is missing."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.host import DynamicHost, HostError, warm_host

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


class TestReached:
    """Each access of `dynamic_host.py`, seen from the engine's side."""

    def test_a_refusal_is_one_line(
        self, host: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
    ) -> None:
        """The engine receives the message alone: no traceback, no prefix of gRPC's."""
        emulator.settings.supported_bases = []
        with pytest.raises(HostError) as caught:
            host.create(inputs)
        assert caught.value.message.startswith("Nebius refused the model: Base model")
        assert "\n" not in caught.value.message

    def test_a_bug_keeps_its_traceback(self, host: DynamicHost, inputs: dict[str, Any]) -> None:
        """An error of our own is reported as such, with everything that helps to find it."""
        with pytest.raises(HostError) as caught:
            host.diff("x", {**inputs, "source": ["a state that we never write"]}, inputs)
        assert "bug in nebius_model_resource" in caught.value.message
        assert "Traceback" in caught.value.message

    def test_the_diff_names_the_changed_inputs_alone(self, host: DynamicHost, inputs: dict[str, Any]) -> None:
        """A changed, an added and a removed input arrive as a detailed diff and as reasons to replace."""
        olds = {**inputs, "generated_name": "x", "status": "active", "created_at": 1}
        news = {**inputs, "name": "other", "description": None, "ai_project_id": "p"}
        answer = host.diff("x", olds, news)
        kind = provider_pb2.PropertyDiff
        assert answer.hasDetailedDiff
        assert {name: each.kind for name, each in answer.detailedDiff.items()} == {
            "name": kind.UPDATE_REPLACE,
            "description": kind.DELETE_REPLACE,
            "ai_project_id": kind.ADD_REPLACE,
        }
        assert sorted(answer.replaces) == ["ai_project_id", "description", "name"]
        assert not answer.deleteBeforeReplace

    def test_an_unfinished_model_is_kept(
        self, host: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
    ) -> None:
        """The deadline of `custom_timeouts` holds, and the model reaches the engine as partial state."""
        emulator.settings.validation_seconds = 3600
        with pytest.raises(HostError, match=r"still validating.*the deadline passed") as caught:
            host.create(inputs, timeout=4)
        kept = caught.value.kept
        assert kept is not None
        assert kept.id == kept.properties["generated_name"] == emulator.models()[0]["name"]
        assert kept.reasons == [caught.value.message]

    def test_the_time_outs_of_update_and_delete_are_obeyed(
        self, host: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
    ) -> None:
        """A resumed wait and a refused deletion end at their own deadlines, and both keep the model."""
        name = emulator.add_model(
            name="bot", base_model=inputs["base_model"], source=inputs["source"], status="validating"
        )
        olds = {**inputs, "generated_name": name, "status": "validating", "created_at": 1}
        with pytest.raises(HostError, match=r"still validating.*the deadline passed") as caught:
            host.update(name, olds, inputs, timeout=2)
        assert caught.value.kept is not None
        assert caught.value.kept.id == name
        emulator.add_fault(Fault(method="DELETE", status=500, times=None))
        with pytest.raises(HostError, match="the model may still exist and stays in the state"):
            host.delete(name, olds, timeout=2)
        assert [model["name"] for model in emulator.models()] == [name]

    def test_progress_is_shown_in_the_row_of_the_resource(
        self, host: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
    ) -> None:
        """The row of a model shows each status, with texts that leave no trace."""
        emulator.settings.validation_seconds = 3
        host.create(inputs, name="bot")
        assert [log.message for log in host.engine.logs] == ["validating", "active"]
        assert all(log.ephemeral and log.urn.endswith("::bot") for log in host.engine.logs)
        assert host.output == ""

    def test_waits_do_not_share_four_threads(
        self, host: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
    ) -> None:
        """Twenty-four models are created before the first is active, and the number of threads falls afterwards."""
        emulator.settings.validation_seconds = 3600
        with ThreadPoolExecutor(24) as pool:
            waits = [pool.submit(host.create, {**inputs, "name": f"m{number}"}) for number in range(24)]
            _until(lambda: len(emulator.models()) == 24)
            for model in emulator.models():
                emulator.change_model(model["name"], status="active")
            assert len({wait.result()[0] for wait in waits}) == 24

        def idle() -> bool:
            host.check(inputs)
            return _threads(host) <= 24

        _until(idle)

    def test_the_end_of_the_engine_is_seen(
        self, host: DynamicHost, emulator: Emulator, inputs: dict[str, Any]
    ) -> None:
        """When the engine goes away during a wait, the model is deleted and the host ends by itself."""
        emulator.settings.validation_seconds = 60
        call = host.create_later(inputs)
        _until(lambda: len(emulator.models()) == 1)
        host.engine.stop()
        call.cancel()
        host.process.wait(timeout=60)
        assert emulator.models() == []


def _threads(host: DynamicHost) -> int:
    import psutil

    return int(psutil.Process(host.process.pid).num_threads())


def _until(holds: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


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
    "EngineStub": ("import pulumi.runtime.proto.engine_pb2_grpc as e; del e.EngineStub", KEEPS),
    "ErrorResourceInitFailed": (
        "import pulumi.runtime.proto.provider_pb2 as p; del p.ErrorResourceInitFailed",
        DELETES,
    ),
    "PropertyDiff": ("import pulumi.runtime.proto.provider_pb2 as p; del p.PropertyDiff", KEEPS),
    "google.rpc": ("sys.modules['google.rpc.status_pb2'] = None", DELETES),
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
        _until(lambda: "does not let us reach" in host.output)


def _deadline_loses_nothing(
    host: DynamicHost, emulator: Emulator, inputs: dict[str, Any], *, keeps: bool | None, timed: bool
) -> None:
    """If the time-out cannot be read, a failed validation ends the wait instead."""
    emulator.settings.validation_seconds = 3600
    call = host.create_later(inputs, timeout=4)
    _until(lambda: len(emulator.models()) == 1)
    [model] = emulator.models()
    if not timed:
        emulator.change_model(model["name"], status="error", status_reason="bad")
    kept = HostError(call.exception(timeout=60)).kept
    if keeps is not None:
        assert (kept is not None) == keeps
    assert ([kept.id] if kept else []) == [each["name"] for each in emulator.models()]
