"""What a person sees of an operation."""

from __future__ import annotations

import functools
import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from nebius_model_resource.testing.engine import LocalStack
from nebius_model_resource.testing.engine.cli import main
from nebius_model_resource.testing.engine.display import Display
from nebius_model_resource.testing.engine.events import Events
from nebius_model_resource.testing.engine.host import Change
from nebius_model_resource.testing.engine.operation import Outcome
from nebius_model_resource.testing.engine.resources import Resource
from nebius_model_resource.testing.engine.steps import Create, Replace, Same, Update
from nebius_model_resource.testing.engine.values import Secret
from nebius_model_resource.testing.engine.wording import Style
from tests.support.warm import warm_python

from .lab import PROGRAM
from .parts import after, item

STACK = "urn:pulumi:dev::lab::pulumi:pulumi:Stack::lab-dev"
KIND = "pulumi-python:dynamic:Item"


def resource(name: str, **inputs: Any) -> Resource:
    urn = f"urn:pulumi:dev::lab::{KIND}::{name}"
    return Resource(urn, KIND, custom=True, inputs=inputs, parent=STACK)


def stack(**outputs: Any) -> Resource:
    return Resource(STACK, "pulumi:pulumi:Stack", custom=False, outputs=outputs)


def shown(display: Display, *, succeeded: bool = True, changes: dict[str, int] | None = None) -> str:
    text = display.close(Outcome(succeeded, interrupted=False, changes=changes or {}, outputs={}))
    return re.sub(r"\d+(\.\d+)?s", "Ns", text)


def test_a_preview_is_a_table() -> None:
    """Each change has its sign, its place in the tree and the properties that change; unchanged ones are left out."""
    display = Display("preview", "dev", None)
    events = Events([display.show], planning=True)
    steps = [
        Same(stack(), stack()),
        Create(None, resource("new")),
        Update(resource("a", label="one", size=1), resource("a", label="two", n=2)),
        Replace(
            resource("b", kind="x"),
            resource("b", kind="y"),
            ["kind"],
            ["kind"],
            {"kind": Change("update-replace")},
        ),
        Same(resource("c"), resource("c")),
    ]
    for step in steps:
        events.before(step)
        events.after(step)
    assert shown(display, changes=dict(events.changes)) == "\n".join(
        [
            "Previewing update (dev):",
            "",
            "     Type                           Name     Plan     Info",
            "     pulumi:pulumi:Stack            lab-dev",
            " +   ├─ pulumi-python:dynamic:Item  new      create",
            " ~   ├─ pulumi-python:dynamic:Item  a        update   [diff: ~label,+n,-size]",
            " +-  └─ pulumi-python:dynamic:Item  b        replace  [diff: ~kind]",
            "",
            "Resources:",
            "    + 1 to create",
            "    ~ 1 to update",
            "    +-1 to replace",
            "    3 changes. 2 unchanged",
            "",
            "Duration: Ns",
            "",
        ]
    )


def test_branches_end_where_their_parents_do() -> None:
    """No line continues below the last child of a parent."""
    display = Display("preview", "dev", None)
    events = Events([display.show], planning=True)
    first, second = resource("r"), resource("s")
    under, last = resource("a"), resource("b")
    under.parent, last.parent = first.urn, second.urn
    for step in (Same(stack(), stack()), *(Create(None, each) for each in (first, under, second, last))):
        events.before(step)
        events.after(step)
    stems = [line.partition("pulumi-python")[0][5:] for line in shown(display).splitlines()[4:8]]
    assert stems == ["├─ ", "│  └─ ", "└─ ", "   └─ "]


def test_a_detailed_change_is_one_of_outputs_unless_it_says_otherwise() -> None:
    """Old values come from the outputs, also for a path, and from the inputs if the change is one of inputs."""
    old, new = (
        resource("a", status="ok", tags={"x": 1}, size=1),
        resource("a", status="on", tags={"x": 3}, size=3),
    )
    old.outputs = {"status": "off", "tags": {"x": 2}, "size": 2}
    update = Change("update")
    detailed = {"status": update, "tags.x": update, "size": Change("update", of_inputs=True)}
    display = Display("preview", "dev", None, diff=True)
    Events([display.show], planning=True).before(Update(old, new, [], [], detailed))
    assert '~ status: "off" => "on"\n    ~ tags.x: 2 => 3\n    ~ size: 1 => 3\n' in shown(display)


def test_a_failure_is_shown_once() -> None:
    """The row says that it failed; the reason is shown once, under the resource, in the diagnostics."""
    display = Display("update", "dev", None)
    events = Events([display.show], planning=False)
    step = Create(None, resource("a"))
    events.before(step)
    events.failed(step, "no room\nfor it")
    events.say("update failed", severity="error")
    text = shown(display, succeeded=False)
    assert " +  pulumi-python:dynamic:Item a **creating failed**\n" in text
    assert "  pulumi-python:dynamic:Item (a):\n    error: no room\n    for it\n" in text
    assert text.count("no room") == 1
    assert text.endswith("\nerror: update failed\n")


def test_nested_changes_are_listed_in_the_details_alone() -> None:
    """A row names a property once, with `~`; the details have each path with its own sign."""
    old, new = resource("a", tags={"x": 1, "y": 1}, l=[1]), resource("a", tags={"x": 2}, l=[1, 2], n=1)
    kinds = {"tags.x": "update", "tags.y": "delete", "l[1]": "add", "n": "add"}
    detailed = {path: Change(kind, of_inputs=True) for path, kind in kinds.items()}
    display = Display("preview", "dev", None, diff=True)
    Events([display.show], planning=True).before(Update(old, new, [], [], detailed))
    text = shown(display)
    assert "[diff: ~tags,~l,+n]" in text
    assert "    ~ tags.x: 1 => 2\n    - tags.y: 1\n    + l[1]: 2\n    + n: 1\n" in text


def test_a_crashed_program_fails_the_stack() -> None:
    """The stack's row has failed and counts as errored, whatever the result of its step."""
    display = Display("update", "dev", None)
    events = Events([display.show], planning=False)
    events.say("said before there is a stack")
    step = Create(None, stack())
    events.before(step)
    events.after(step)
    events.outputs(step)
    events.say("the program failed", severity="error")
    text = shown(display, succeeded=False, changes=dict(events.changes))
    assert " +  pulumi:pulumi:Stack lab-dev **creating failed**\n" in text
    assert "lab-dev created" not in text
    assert "Stack (lab-dev):\n    said before there is a stack\n    error: the program failed\n" in text
    assert "Resources:\n    + 1 created\n    1 errored\n" in text


def test_a_failed_step_counts_the_stack_too() -> None:
    """A failed resource counts as errored, and so does the stack of a failed operation."""
    display = Display("update", "dev", None)
    events = Events([display.show], planning=False)
    events.before(Same(stack(), stack()))
    step = Create(None, resource("a"))
    events.before(step)
    events.failed(step, "no room")
    events.say("update failed", severity="error")
    text = shown(display, succeeded=False)
    assert "    pulumi:pulumi:Stack lab-dev **failed**\n" in text
    assert "    2 errored\n" in text


def test_live_text_is_not_repeated() -> None:
    """On a plain output a running counter prints no further lines, and ephemeral text is not in the diagnostics."""
    lines: list[str] = []
    display = Display("update", "dev", lines.append)
    events = Events([display.show], planning=False)
    step = Create(None, resource("a"))
    events.before(step)
    for number in range(5):
        events.say(f"validating ({number} s)", urn=step.urn, ephemeral=True)
    events.say("active", urn=step.urn, ephemeral=True)
    events.after(step)
    assert [line.rsplit(") ", 1)[1] for line in lines[3:5]] == ["validating (0 s)", "active"]
    assert "Diagnostics" not in shown(display)


def test_outputs_show_what_changed() -> None:
    """A changed output is shown with both values, but a secret is never shown."""
    display = Display("update", "dev", None)
    events = Events([display.show], planning=False)
    events.outputs(Same(stack(a=1, b="x", s=Secret(1)), stack(a=2, b="x", s=Secret(2), n=[1])))
    assert 'Outputs:\n  ~ a: 1 => 2\n    b: "x"\n  + n: [1]\n    s: [secret]\n' in shown(display)


def test_a_terminal_sees_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The table is redrawn in place during the operation, with live text in its row, and is complete at the end."""
    display = Display("update", "dev", None, live=True, style=Style(colour=True))
    events = Events([display.show], planning=False)
    step = Create(None, resource("a"))
    events.before(step)
    events.say("validating (1 s)", urn=step.urn, ephemeral=True)
    deadline = time.monotonic() + 30
    drawn = ""
    while "validating (1 s)" not in drawn:
        assert time.monotonic() < deadline
        drawn += capsys.readouterr().out
        time.sleep(0.02)
    events.after(step)
    assert "created (Ns)" in shown(display)
    last = capsys.readouterr().out.rpartition("\033[J")[2]
    assert re.search(r"dynamic:Item  a +created \(\d", last)
    assert "validating" not in last


def test_colour_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain output has no escape sequences, and NO_COLOR is obeyed."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Style.of_terminal().sign("create") == "\033[32m+ \033[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Style.of_terminal().sign("create") == "+ "


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
    assert json.loads(run("output", "--json")) == {"all": {"a": ["[secret]"]}, "n": 1, "s": "[secret]"}
    assert run("output", "s", "--show-secrets") == "hush\n"
    assert run("output", "s") == "[secret]\n"
    assert run("output", "all") == '{"a":["[secret]"]}\n'
    assert run("output", "all", "--json") == '{\n  "a": [\n    "[secret]"\n  ]\n}\n'
    assert run("output", "all", "--show-secrets") == '{"a":["hush"]}\n'
    assert run("output") == (
        "Current stack outputs (3):\n"
        "    OUTPUT  VALUE\n"
        '    all     {"a":["[secret]"]}\n'
        "    n       1\n"
        "    s       [secret]\n"
    )
    exported = run("export")
    assert json.loads(exported)["version"] == 3
    assert "hush" not in exported
    assert "hidden" not in exported
    assert "3 unchanged" in run("refresh", "--diff")
    assert "3 unchanged" in run("preview", "--refresh")
    assert "b refreshed" in run("up", "--refresh", "--run-program")
    assert "3 unchanged" in run("up", "--expect-no-changes")
    forced = ["preview", *where, "--expect-no-changes", "--replace", "**::a"]
    assert main(forced) == 7, "as the CLI"
    told = capfd.readouterr().out
    assert "+-1 to replace" in told
    assert told.endswith("error: no changes were expected for preview but changes were proposed\n")
    assert "updated" not in run("refresh", "--run-program")
    assert "- 3 deleted" in run("destroy", "--refresh", "--run-program")
    assert run("output") == "Current stack outputs (0):\n    No output values currently in this stack\n"
    assert main(["output", *where, "missing"]) == 1
    assert "error: current stack does not have output property 'missing'" in capfd.readouterr().err
