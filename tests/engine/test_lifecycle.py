"""Processes: none is left behind, and what a killed or stopped run did is recorded."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pulumi.automation import ConfigValue

from nebius_model_resource.testing.engine import EngineError, LocalStack
from tests.support.processes import wait_until

from .engines import warm_stack
from .lab import PROGRAM, kill_all
from .parts import after, item

PATIENCE = 60.0  # seconds


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
def engine(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`up` in a process of its own, in the middle of creating `a`."""
    (folder / "knobs.json").write_text(json.dumps({"create:a": {"until": "go"}}))
    command = [sys.executable, "-m", "nebius_model_resource.testing.engine", "up"]
    command += ["--stack", "dev", "--cwd", str(folder)]
    env = {**os.environ, "PULUMI_CONFIG_PASSPHRASE": "x"}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        calls = folder / "calls.jsonl"
        wait_until(lambda: calls.exists() and '"create"' in calls.read_text(), "the create has begun")
        yield process
        process.kill()


def children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def test_nothing_is_left_running(folder: Path) -> None:
    """After success and after failure, neither host nor program of a user's stack is running."""
    cold_stack = LocalStack.create_or_select("dev", folder, passphrase="x")
    cold_stack.up()
    assert children(os.getpid()) == []
    (folder / "knobs.json").write_text(json.dumps({"diff": "no"}))
    with pytest.raises(EngineError):
        cold_stack.up()
    assert children(os.getpid()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_finishes_what_is_in_flight(
    engine: subprocess.Popen[str], stack: LocalStack, folder: Path, number: signal.Signals
) -> None:
    """After one Ctrl-C the current create is finished and recorded, nothing more begins, and no process stays."""
    started = children(engine.pid)
    [program] = [process for process in started if any("launcher.py" in word for word in process.cmdline())]
    engine.send_signal(number)
    program.wait(PATIENCE)  # the engine ends it first
    (folder / "go").touch()
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
    kill_all(psutil.Process(engine.pid))
    deployment = stack.export_stack().deployment
    pending = deployment["pending_operations"]
    assert [(each["type"], each["resource"]["urn"].rsplit("::")[-1]) for each in pending] == [
        ("creating", "a")
    ]
    (folder / "knobs.json").write_text("{}")
    result = stack.up()
    assert "interrupted while creating" in result.stdout
    assert result.summary.resource_changes == {"create": 2, "same": 1}


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("sys.exit(3)", "program exited with non-zero exit code: 3"),
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


def test_results_have_the_automation_apis_shape(stack: LocalStack, folder: Path) -> None:
    """A test can read the same results from this stack as from one of the Automation API."""
    plan = {"resources": [item("a")], "exports": {"n": 1, "s": {"secret": "x"}}}
    (folder / "scenario.json").write_text(json.dumps(plan))
    lines: list[str] = []
    events: list[Any] = []
    preview = stack.preview(on_output=lines.append, on_event=events.append)
    assert preview.change_summary == {"create": 2}
    assert preview.stdout.splitlines() == "\n".join(lines).splitlines()
    assert events[-1].summary_event is not None
    up = stack.up(parallel=1)
    assert up.summary.resource_changes == {"create": 2}
    found = {key: (each.value, each.secret) for key, each in up.outputs.items()}
    assert found == {"n": (1, False), "s": ("x", True)}
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
    made.set_config("other:key", ConfigValue("hush", secret=True))
    values = {key: each.value for key, each in made.setting.config.items()}
    given = {"lab:d": "given", "other:key": "hush"}
    assert values == {"lab:a": "1", "lab:b": "file", "other:c": "three", **given}
    assert made.setting.config["other:key"].secret
    made.remove_config("a")
    assert "lab:a" not in made.setting.config
