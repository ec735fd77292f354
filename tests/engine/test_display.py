"""What a person sees of an operation."""

from __future__ import annotations

import functools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from nebius_model_resource.testing.engine import LocalStack
from nebius_model_resource.testing.engine.__main__ import main
from nebius_model_resource.testing.engine.display import Display
from nebius_model_resource.testing.engine.events import Events
from nebius_model_resource.testing.engine.host import Change
from nebius_model_resource.testing.engine.operation import Outcome
from nebius_model_resource.testing.engine.resources import Resource
from nebius_model_resource.testing.engine.steps import Create, Same, Step, Update
from nebius_model_resource.testing.engine.values import Secret
from tests.support.warm import warm_python

from .lab import PROGRAM
from .parts import KIND, STACK, after, item


def resource(name: str, **inputs: Any) -> Resource:
    return Resource(
        STACK.replace("pulumi:pulumi:Stack::lab-dev", f"{KIND}::{name}"), KIND, custom=True, inputs=inputs
    )


def stack(**outputs: Any) -> Resource:
    return Resource(STACK, "pulumi:pulumi:Stack", custom=False, outputs=outputs)


def shown(display: Display, events: Events, *, succeeded: bool = True) -> str:
    return re.sub(r"\d+(\.\d+)?s", "Ns", display.close(Outcome(succeeded), events.changes))


def listening(kind: str, *, diff: bool = False) -> tuple[Display, Events, list[str]]:
    lines: list[str] = []
    display = Display(kind, "dev", lines.append, diff=diff)
    return display, Events([display.show], planning=kind == "preview"), lines


def test_a_preview_lists_what_changes() -> None:
    """Each change has its sign and the properties that change, with old and new value; unchanged ones are left out."""
    display, events, _ = listening("preview", diff=True)
    old, new = resource("b", kind="x", tags={"x": 1}), resource("b", kind="y", tags={"x": 2})
    old.outputs = {"kind": "z", "tags": {"x": 1}}
    detailed = {"kind": Change("update-replace"), "tags.x": Change("update", of_inputs=True)}
    change = (old, new, ["kind"], ["kind"], detailed)
    steps = [
        Same(stack(), stack()),
        Create(None, resource("new")),
        Update(resource("a", label="one", size=1), resource("a", label="two", n=2)),
        Create(*change, op="create-replacement", logical=False),
        Step(*change, op="replace"),
        Same(resource("c"), resource("c")),
    ]
    for step in steps:
        events.before(step)
        events.after(step)
    expected = f"""\
Previewing update (dev):

 +  {KIND} new create
 ~  {KIND} a update [diff: ~label,+n,-size]
      ~ label: "one" => "two"
      + n: 2
      - size: 1
 +- {KIND} b replace [diff: ~kind,~tags]
      ~ kind: "z" => "y"
      ~ tags: {{"x": 1}} => {{"x": 2}}

Resources:
    + 1 to create
    +-1 to replace
    ~ 1 to update
    2 unchanged

Duration: Ns
"""
    assert shown(display, events) == expected


def test_a_failure_is_shown_once() -> None:
    """The row says that it failed; the reason is shown once, under the resource, in the diagnostics."""
    display, events, _ = listening("update")
    events.before(Same(stack(), stack()))
    step = Create(None, resource("a"))
    events.before(step)
    events.failed(step, "no room\nfor it")
    events.say("said without a resource")
    events.say("the program failed", severity="error")
    text = shown(display, events, succeeded=False)
    assert f" +  {KIND} a **create failed**\n" in text
    assert f"  {KIND} (a):\n    error: no room\n    for it\n" in text
    assert text.count("no room") == 1
    assert "Stack (lab-dev):\n    said without a resource\n    error: the program failed\n" in text
    assert "    2 errored\n" in text
    assert text.endswith("\nerror: update failed\n")


def test_outputs_are_listed_without_secrets() -> None:
    """The outputs of the stack are listed at the end, but a secret is never shown."""
    display, events, _ = listening("update")
    events.before(Same(stack(), stack()))
    events.outputs(Same(stack(), stack(a=2, s=Secret(2), n=[1, {"x": Secret(1)}])))
    assert 'Outputs:\n    a: 2\n    n: [1, {"x": "[secret]"}]\n    s: [secret]\n' in shown(display, events)


def test_a_stack_at_the_shell(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of the shell works on one stack, from preview to destroy."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "x")
    warm = functools.partial(LocalStack.create_or_select, python=warm_python())
    monkeypatch.setattr(LocalStack, "create_or_select", warm)
    folder = tmp_path / "lab"
    shutil.copytree(PROGRAM, folder)
    plan = {
        "resources": [item("a"), item("b", opts=after("a"))],
        "exports": {"s": {"secret": "hush"}, "n": 1, "all": {"a": [{"secret": "hush"}]}},
    }
    (folder / "scenario.json").write_text(json.dumps(plan))
    where = ["--stack", "dev", "--cwd", str(folder), "--state-dir", str(tmp_path / "state")]

    def run(*command: str) -> str:
        assert main([command[0], *where, *command[1:]]) == 0, capfd.readouterr()
        return capfd.readouterr().out

    assert "+ 3 to create" in run("preview", "--config", "lab:color=red", "--secret", "other:token=hidden")
    assert "+ 3 created" in run("up", "--secret", "other:token=hidden", "--parallel", "2", "--yes")
    [state] = (tmp_path / "state").rglob("dev.json")
    assert json.loads(state.read_text())["version"] == 3
    assert "hush" not in state.read_text()
    assert "hidden" not in state.read_text()
    assert "3 unchanged" in run("refresh", "--diff")
    assert "b refresh done" in run("up", "--refresh", "--run-program")
    urn = STACK.replace("pulumi:pulumi:Stack::lab-dev", f"{KIND}::a")
    assert "+-1 to replace" in run("preview", "--replace", urn)
    assert main(["refresh", *where, "--replace", urn]) == 1
    assert "error: refresh(replace=…) is not supported by this engine" in capfd.readouterr().err
    assert "- 3 deleted" in run("destroy", "--refresh", "--run-program")
