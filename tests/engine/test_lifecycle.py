"""Processes: none is left behind, and what a killed or stopped run did is recorded."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pulumi.automation import ConfigValue

from nebius_model_resource.testing.engine import EngineError, LocalStack

from .engines import warm_stack
from .lab import PROGRAM
from .parts import after, item

PATIENCE = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of two items, the second after the first."""
    folder = tmp_path / "lab"
    shutil.copytree(PROGRAM, folder)
    (folder / "scenario.json").write_text(json.dumps({"resources": [item("a"), item("b", opts=after("a"))]}))
    return folder


@pytest.fixture
def stack(folder: Path) -> LocalStack:
    return warm_stack(folder, passphrase="x")


@pytest.fixture
def cold_stack(folder: Path) -> LocalStack:
    """A stack with the same processes as a user's."""
    return LocalStack.create_or_select("dev", folder, passphrase="x")


@pytest.fixture
def engine(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`up` in a process of its own, in the middle of creating `a`."""
    (folder / "knobs.json").write_text(json.dumps({"create:a": {"pause": 3}}))
    command = [
        sys.executable,
        "-m",
        "nebius_model_resource.testing.engine",
        "up",
        "--stack",
        "dev",
        "--cwd",
        str(folder),
    ]
    env = {**os.environ, "PULUMI_CONFIG_PASSPHRASE": "x"}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        until(lambda: '"create"' in text(folder / "calls.jsonl"))
        yield process
        process.kill()


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def until(done: Any) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.05)


def children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def test_nothing_is_left_running(cold_stack: LocalStack, folder: Path) -> None:
    """After success and after failure, neither host nor program is running."""
    cold_stack.up()
    assert children(os.getpid()) == []
    (folder / "knobs.json").write_text(json.dumps({"diff": "no"}))
    with pytest.raises(EngineError):
        cold_stack.up()
    assert children(os.getpid()) == []


def test_each_provider_has_a_host_of_its_own(stack: LocalStack, folder: Path) -> None:
    """Two explicit providers and the default one have three hosts in every operation, and none of them is left."""
    accounts = [{"name": name, "provider": {"lab:account": name}} for name in ("eu", "us")]
    items = [
        item("a", opts={"provider": "eu"}),
        item("b", opts={"provider": "us"}),
        item("c", opts=after("b")),
    ]
    (folder / "scenario.json").write_text(json.dumps({"resources": [*accounts, *items]}))
    hosts: list[int] = []

    def count(_event: Any) -> None:
        running = [each for each in children(os.getpid()) if "pulumi.dynamic" in each.cmdline()]
        hosts.append(len(running))

    for operation in (stack.up, stack.refresh, stack.destroy):
        hosts.clear()
        operation(on_event=count)
        assert max(hosts) == 3
        assert children(os.getpid()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_finishes_what_is_in_flight(
    engine: subprocess.Popen[str], stack: LocalStack, number: signal.Signals
) -> None:
    """After one Ctrl-C the current create is finished and recorded, nothing more begins, and no process stays."""
    started = children(engine.pid)
    engine.send_signal(number)
    out, _ = engine.communicate(timeout=PATIENCE)
    assert engine.returncode == 130
    assert "error: update canceled" in out
    assert "Traceback" not in out
    deployment = stack.export_stack().deployment
    assert [each["id"] for each in deployment["resources"] if "Item" in each["type"]] == ["a-1"]
    assert "pending_operations" not in deployment
    assert not [process for process in started if process.is_running()]


def test_a_killed_run_loses_the_step_in_flight_at_most(
    engine: subprocess.Popen[str], stack: LocalStack, folder: Path
) -> None:
    """After `kill -9` the current create is in the state as pending, and the next run warns about it."""
    started = children(engine.pid)
    engine.kill()
    engine.wait()
    for process in started:  # a host whose engine is gone continues its call
        process.kill()
    psutil.wait_procs(started)
    deployment = stack.export_stack().deployment
    pending = deployment["pending_operations"]
    assert [(each["type"], each["resource"]["urn"].rsplit("::")[-1]) for each in pending] == [
        ("creating", "a")
    ]
    (folder / "knobs.json").write_text("{}")
    result = stack.up()
    assert "interrupted while creating" in result.stdout
    assert result.summary.resource_changes == {"create": 2, "same": 1}


def test_a_failure_stops_no_step_in_flight(stack: LocalStack, folder: Path) -> None:
    """Steps that run beside a failing step are finished and recorded; what depends on either does not begin."""
    resources = [item("bad"), item("good"), item("c", opts=after("good")), item("d", opts=after("bad"))]
    (folder / "scenario.json").write_text(json.dumps({"resources": resources}))
    knobs = {"create:bad": {"pause": 0.3, "error": "no room"}, "create:good": {"pause": 2.0}}
    (folder / "knobs.json").write_text(json.dumps(knobs))
    with pytest.raises(EngineError, match="no room"):
        stack.up(parallel=4)
    deployment = stack.export_stack().deployment
    assert [each["id"] for each in deployment["resources"] if "Item" in each["type"]] == ["good-1"]
    assert "pending_operations" not in deployment


def test_steps_run_side_by_side_up_to_a_bound(stack: LocalStack, folder: Path) -> None:
    """Four creates take the time of one if four may run at once, and of two if two may."""
    names = ["p", "q", "r", "s"]
    (folder / "scenario.json").write_text(json.dumps({"resources": [item(name) for name in names]}))
    (folder / "knobs.json").write_text(json.dumps({"create": {"pause": 0.6}}))
    running, most = 0, 0

    def watch(event: Any) -> None:
        nonlocal running, most
        for told, change in ((event.resource_pre_event, 1), (event.res_outputs_event, -1)):
            if told is not None and "Item" in told.metadata.type:
                running += change
                most = max(most, running)

    stack.up(parallel=2, on_event=watch)
    assert most == 2


def test_what_a_provider_prints_is_shown(tmp_path: Path) -> None:
    """Its prints appear under the stack, its logs under their resource, and live text not at all."""
    (tmp_path / "Pulumi.yaml").write_text("name: talk\nruntime: python\n")
    (tmp_path / "talker.py").write_text(TALKER)
    (tmp_path / "__main__.py").write_text(
        "import talker\ntalker.Talk(talker.Talker(), 'a', {})\nprint('a word')\n"
    )
    stack = warm_stack(tmp_path, passphrase="x")
    events: list[Any] = []
    result = stack.up(on_event=events.append)
    told = {
        (
            event.diagnostic_event.message.strip(),
            (event.diagnostic_event.urn or "").rsplit("::")[-1],
            event.diagnostic_event.ephemeral,
        )
        for event in events
        if event.diagnostic_event
    }
    assert {("printed", "", False), ("a word", "", False)} <= told
    assert "  pulumi:pulumi:Stack (talk-dev):\n" in result.stdout
    assert {("waiting", "a", True), ("careful", "a", False)} <= told
    assert re.search(r" \+  pulumi-python:dynamic:Resource a creating \(\d+s\) waiting\n", result.stdout)
    assert "    warning: careful\n" in result.stdout
    assert "    waiting" not in result.stdout


TALKER = """
import sys
import grpc
from pulumi import dynamic
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

class Talker(dynamic.ResourceProvider):
    def create(self, props):
        print("printed")
        frame = sys._getframe(1)
        with grpc.insecure_channel(sys.argv[-1]) as channel:
            engine = engine_pb2_grpc.EngineStub(channel)
            urn = frame.f_locals["request"].urn
            engine.Log(engine_pb2.LogRequest(severity=1, message="waiting", urn=urn, ephemeral=True))
            engine.Log(engine_pb2.LogRequest(severity=2, message="careful", urn=urn))
        return dynamic.CreateResult("id", {})

class Talk(dynamic.Resource):
    pass
"""


def test_configuration_reaches_program_and_provider(tmp_path: Path) -> None:
    """Both get every value under its full key; the provider gets secrets in the clear, and the state never does."""
    (tmp_path / "Pulumi.yaml").write_text("name: conf\nruntime: python\nconfig:\n  colour: {default: red}\n")
    (tmp_path / "teller.py").write_text(TELLER)
    (tmp_path / "__main__.py").write_text(
        "import pulumi, teller\n"
        "told = teller.Tell(teller.Teller(), 'a', {'length': None})\n"
        "pulumi.export('length', told.length)\n"
        "pulumi.export('colour', pulumi.Config().require('colour'))\n"
        "pulumi.export('key', pulumi.Config('ns').require_secret('key'))\n"
    )
    config = {"ns:key": ConfigValue("hush-hush", secret=True)}
    stack = warm_stack(tmp_path, config=config, passphrase="x")
    outputs = {key: (each.value, each.secret) for key, each in stack.up().outputs.items()}
    assert outputs == {"length": (9, False), "colour": ("red", False), "key": ("hush-hush", True)}
    assert "hush-hush" not in stack.file.path.read_text()
    without = warm_stack(tmp_path, passphrase="x")
    assert without.destroy().summary.resource_changes == {"delete": 2}, "the configuration is the state's"


TELLER = """
from pulumi import Output, dynamic

class Teller(dynamic.ResourceProvider):
    serialize_as_secret_always = False

    def configure(self, req):
        self.key = req.config.require("ns:key")

    def create(self, props):
        return dynamic.CreateResult("id", {"length": len(self.key)})

    def delete(self, id_, props):
        assert self.key == "hush-hush"

class Tell(dynamic.Resource):
    length: Output[int]
"""


def test_an_exported_resource_keeps_its_secrets(stack: LocalStack, folder: Path) -> None:
    """The masked outputs hold no secret of an exported resource; the plain outputs hold them all."""
    parts = {"deep": [1, {"secret": {"k": "hush"}}]}
    plan = {
        "resources": [item("a", pw={"secret": "hush"}, parts=parts)],
        "exports": {"a": {"all_of": "a"}, "list": [{"secret": "hush"}]},
    }
    (folder / "scenario.json").write_text(json.dumps(plan))
    shown = stack.up().stdout
    masked = stack.masked_outputs()
    assert "hush" not in json.dumps(masked) + shown
    assert masked["a"]["pw"] == "[secret]"
    assert masked["list"] == ["[secret]"]
    assert stack.outputs()["a"].value["parts"] == {"deep": [1, {"k": "hush"}]}


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("sys.exit(3)", "program exited with non-zero exit code: 3"),
        ("sys.exit('bye')", "program exited with non-zero exit code: 1"),
        ("made['a'].stamp.apply(lambda _: sys.exit(4))", "program exited with non-zero exit code: 4"),
    ],
)
def test_a_program_that_exits_has_no_traceback(
    stack: LocalStack, folder: Path, ending: str, words: str
) -> None:
    """The message has only the program's exit status, and the operation's own exit status is 1."""
    (folder / "scenario.json").write_text(json.dumps({"resources": [item("a")], "end": ending}))
    with pytest.raises(EngineError, match=words) as caught:
        stack.up()
    assert "Traceback" not in caught.value.stdout
    assert "    1 errored\n" in caught.value.stdout
    assert caught.value.code == 1
    assert "\n code: 1\n" in str(caught.value)
    assert "bye" not in ending or "    bye\n" in caught.value.stdout


def test_a_program_that_exits_with_0_succeeds(stack: LocalStack, folder: Path) -> None:
    """`sys.exit(0)` is a normal end."""
    plan = {"resources": [item("a")], "exports": {"x": 1}, "end": "sys.exit(0)"}
    (folder / "scenario.json").write_text(json.dumps(plan))
    result = stack.up()
    assert result.summary.resource_changes == {"create": 2}
    assert result.outputs["x"].value == 1


def test_results_have_the_automation_apis_shape(stack: LocalStack, folder: Path) -> None:
    """A test can read the same results from this stack as from one of the Automation API."""
    plan = {"resources": [item("a")], "exports": {"n": 1, "s": {"secret": "x"}}}
    (folder / "scenario.json").write_text(json.dumps(plan))
    lines: list[str] = []
    events: list[Any] = []
    preview = stack.preview(on_output=lines.append, on_event=events.append)
    assert preview.change_summary == {"create": 2}
    assert preview.stdout.splitlines() == "\n".join(lines).splitlines()
    assert events[-1].cancel_event is not None
    assert {event.resource_pre_event.metadata.op.value for event in events if event.resource_pre_event} == {
        "create"
    }
    up = stack.up(parallel=1)
    assert up.summary.result == "succeeded"
    assert up.summary.resource_changes == {"create": 2}
    assert {key: (each.value, each.secret) for key, each in up.outputs.items()} == {
        "n": (1, False),
        "s": ("x", True),
    }
    assert stack.outputs().keys() == up.outputs.keys()
    assert stack.refresh().summary.resource_changes == {"same": 2}
    assert stack.destroy().summary.resource_changes == {"delete": 2}
    assert stack.outputs() == {}


def test_configuration_comes_from_everywhere(tmp_path: Path, stack: LocalStack, folder: Path) -> None:
    """Given values win over the stack's file, and the file over the project's defaults; keys get the project's name."""
    (folder / "Pulumi.yaml").write_text(
        "name: lab\nruntime: python\nconfig:\n  a: {default: 1}\n  b: {default: two}\n  other:c: three\n"
    )
    (folder / "Pulumi.dev.yaml").write_text("config:\n  lab:b: file\n  lab:d: {x: [1]}\n")
    made = warm_stack(folder, config={"d": "given"}, passphrase="x")
    made.set_config("other:config:key", ConfigValue("hush", secret=True))
    values = {key: each.value for key, each in made.get_all_config().items()}
    assert values == {
        "lab:a": "1",
        "lab:b": "file",
        "other:c": "three",
        "lab:d": "given",
        "other:key": "hush",
    }
    assert made.get_config("other:key").secret
    made.remove_config("a")
    assert "lab:a" not in made.get_all_config()


def test_a_project_created_by_the_cli_can_be_used(folder: Path) -> None:
    """A configuration file with secrets that the CLI encrypted under a passphrase opens with that passphrase."""
    (folder / "Pulumi.dev.yaml").write_text(
        "encryptionsalt: v1:hxCYvkYOunk=:v1:Wo4jea4SFp+LKNmu:gLER9pg5floQgK+6elcxDzxPR0PdSQ==\n"
        "config:\n  nebius-models:apiKey:\n    secure: v1:z67FTYs9Aguve1TC:+yrCYc4vVs7GCqnqCX71UExBExw=\n"
    )
    stack = warm_stack(folder, passphrase="x")
    assert stack.get_config("nebius-models:apiKey").value == "k123"
    assert stack.get_config("nebius-models:apiKey").secret
