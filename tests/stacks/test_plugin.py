"""The native plugin on the real engine, for a Python program."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from pulumi.automation import CommandError

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import names, replace_program, wrote
from tests.support import processes
from tests.support.adapters import files, write_folder
from tests.support.native import CUSTOM_MODEL, Native, native, needs_host, records
from tests.support.processes import SECONDS, bury, family_of, has_ended, wait_until
from tests.support.stacks import has_cli, program_with, run_pulumi

pytestmark = [
    pytest.mark.cli,
    pytest.mark.slow,
    pytest.mark.xdist_group("plugin"),
    pytest.mark.timeout(600),  # a test runs the CLI up to ten times, for 2 to 30 s each
    pytest.mark.skipif(not has_cli(), reason="no Pulumi CLI on PATH"),
]

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
HEAD = f"""
import pulumi
from pulumi import CustomTimeouts, Output, ResourceOptions
from nebius_model_resource import CustomModel, ModelArchive, Provider

B = dict(base_model="{BASE}", source="huggingface.co/a/b")
HURRIED = CustomTimeouts(create="3s", update="3s")
"""
MakeNative = Callable[..., Any]


@pytest.fixture
def make(plugin: Native, tmp_path: Path, emulator: Emulator) -> MakeNative:
    """Creates stacks of the plugin, configured for the emulator."""

    def make(program: str | None = None, config: dict[str, str] | None = None) -> Any:
        return plugin.stack(tmp_path, emulator, program, config)

    return make


@pytest.fixture
def pulumi(plugin: Native, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the CLI on the stack."""

    environ = plugin.environment(tmp_path)
    return lambda *arguments: run_pulumi(tmp_path / "project", environ, *arguments, "--stack", "test")


@pytest.fixture
def begin_up(plugin: Native, tmp_path: Path, emulator: Emulator) -> Iterator[Callable[[], psutil.Popen]]:
    """Starts an ``up`` in a session of its own, and returns while a model is validating."""
    started: list[psutil.Popen] = []

    def is_validating() -> bool:
        methods = [request.method for request in emulator.requests()]
        return "POST" in methods and methods[-1] == "GET"

    def begin() -> psutil.Popen:
        cli = processes.begin("up", tmp_path, plugin.environment(tmp_path))
        started.append(cli)
        wait_until(is_validating, "a wait")
        return cli

    yield begin
    for cli in started:
        bury([*(family_of(cli) if cli.is_running() else ()), cli])
        cli.wait(SECONDS)


def ids(stack: Any) -> dict[str, str]:
    """The ids in the state, by the resource's name."""
    return {each["urn"].rpartition("::")[2]: each["id"] for each in records(stack)}


def state_text(tmp_path: Path) -> str:
    """The state's file, where secrets are encrypted."""
    return (tmp_path / "state" / ".pulumi" / "stacks" / "models" / "test.json").read_text()


def detailed_diffs(stack: Any) -> dict[str, set[str]]:
    """The changes that a preview shows, by the resource's name."""
    events: list[Any] = []
    stack.preview(on_event=events.append)
    steps = [event.resource_pre_event.metadata for event in events if event.resource_pre_event]
    return {step.urn.rpartition("::")[2]: set(step.detailed_diff) for step in steps if step.detailed_diff}


def test_the_life_of_a_model(make: MakeNative, emulator: Emulator) -> None:
    """Preview sends nothing, up posts once, a change replaces, drift shows, a lost model comes back, all is deleted."""
    stack = make(native(program_with(description="first")))
    stack.preview()
    assert wrote(emulator) == []
    outputs = stack.up().outputs
    [model] = emulator.models()
    assert {name: output.value for name, output in outputs.items()} == {
        "generated_name": model["name"],
        "status": "active",
        "created_at": model["created_at"],
    }
    assert set(stack.preview().change_summary) == {"same"}
    assert wrote(emulator) == ["POST"]

    replace_program(stack, native(program_with(description="second")))
    assert detailed_diffs(stack) == {"bot": {"description"}}
    assert '~ description: "first" => "second"' in stack.preview(diff=True).stdout
    stack.up()
    assert wrote(emulator) == ["POST", "POST", "DELETE"]
    [name] = names(emulator)
    assert ids(stack) == {"bot": name} != {"bot": model["name"]}

    emulator.change_model(name, description="by hand")
    stack.refresh()
    assert detailed_diffs(stack) == {"bot": {"description"}}
    emulator.remove_model(name)
    stack.up(refresh=True)
    [name] = names(emulator)
    assert ids(stack) == {"bot": name}
    stack.destroy()
    assert names(emulator) == []


@needs_host("yaml")
def test_models_are_imported_with_their_program(
    plugin: Native, make: MakeNative, emulator: Emulator, pulumi: Any, tmp_path: Path
) -> None:
    """An import by full or short name, alone or in bulk, prints a program without changes; a missing name fails."""
    stack = make()
    project = tmp_path / "project" / "Pulumi.yaml"
    # The language host prints the program. That of YAML does so in every version.
    yaml_project = f"name: models\nruntime: yaml\n{plugin.project_lines}"
    project.write_text(yaml_project)
    found = [
        emulator.add_model(name=f"bot{n}", base_model=BASE, source="file-1", description='says "hi"')
        for n in range(4)
    ]
    given = [name.rpartition(":")[2] if n % 2 else name for n, name in enumerate(found)]
    bulk = {
        "resources": [{"type": CUSTOM_MODEL, "name": f"bot{n}", "id": given[n]} for n in (2, 3)],
    }
    (tmp_path / "bulk.json").write_text(json.dumps(bulk))
    resources: dict[str, Any] = {}
    for what in ([CUSTOM_MODEL, "bot0", given[0]], [CUSTOM_MODEL, "bot1", given[1]], ["-f", "../bulk.json"]):
        printed = tmp_path / "printed.yaml"
        done = pulumi("import", *what, "--yes", "--protect=false", "--out", str(printed))
        assert done.returncode == 0, done.stdout + done.stderr
        resources |= yaml.safe_load(printed.read_text())["resources"]
    assert sorted(ids(stack).values()) == found
    project.write_text(yaml_project + yaml.safe_dump({"resources": resources}))
    assert set(stack.preview().change_summary) == {"same"}
    missing = pulumi("import", CUSTOM_MODEL, "none", "nope-AbCd", "--yes")
    assert missing.returncode != 0
    assert "resource 'nope-AbCd' does not exist" in missing.stdout + missing.stderr
    assert wrote(emulator) == []


def test_an_interrupted_wait_continues_in_the_next_up(
    make: MakeNative, emulator: Emulator, begin_up: Any
) -> None:
    """Ctrl-C ends a run soon and records the model as not ready; the next up waits for it and posts nothing."""
    emulator.settings.validation_seconds = 3600
    stack = make()
    cli = begin_up()
    cli.send_signal(signal.SIGINT)
    cli.wait(SECONDS)
    [held] = records(stack)
    [error] = held["initErrors"]
    assert "the run was interrupted" in error
    assert [held["id"]] == names(emulator)
    assert not stack.export_stack().deployment.get("pending_operations")

    emulator.settings.validation_seconds = 0
    stack.up()
    [held] = records(stack)
    assert (held["outputs"]["status"], held.get("initErrors")) == ("active", None)
    assert wrote(emulator) == ["POST"]


def test_the_plugin_ends_with_a_killed_engine(make: MakeNative, emulator: Emulator, begin_up: Any) -> None:
    """After kill -9 of the engine during a validation, the model is deleted, and no process of the plugin stays."""
    emulator.settings.validation_seconds = 3600
    make()
    cli = begin_up()
    family = family_of(cli)
    plugins = [each for each in family if any("resource-nebius-models" in text for text in each.cmdline())]
    assert plugins
    cli.kill()
    cli.wait(SECONDS)
    wait_until(lambda: not names(emulator), "the model is deleted")
    wait_until(lambda: all(map(has_ended, plugins)), "the plugin ends")
    bury(family)


MOVED = """
other = Provider("other", api_key="other-key-0123456789", base_url=pulumi.Config("nebius-models").require("baseUrl"))
adapter = ModelArchive("adapter", path="adapter")
CustomModel("bot", base_model=B["base_model"], source=adapter.file_id)
CustomModel("abroad", **B, opts=ResourceOptions(provider=other))
"""


def test_dynamic_resources_become_native_ones(make: MakeNative, emulator: Emulator, tmp_path: Path) -> None:
    """After a change of the import line, one up rewrites the state: ids stay, nothing is sent, no change is left.

    Each explicit provider has an account of its own, and its key is encrypted.
    """
    emulator.settings.api_keys = {"other-key-0123456789": "aiproject-e00other"}
    stack = make(HEAD + MOVED)
    write_folder(tmp_path / "project" / "adapter", files())
    stack.up()
    before = ids(stack)
    assert len(before) == 3
    emulator.clear_requests()
    replace_program(stack, native(HEAD + MOVED))
    stack.up()
    assert ids(stack) == before
    assert {each["type"].partition(":")[0] for each in records(stack)} == {"nebius-models"}
    assert set(stack.preview(refresh=True).change_summary) == {"same"}
    assert wrote(emulator) == []
    assert "other-key" not in state_text(tmp_path)
    new = 'CustomModel("new", **B, opts=ResourceOptions(provider=other))\n'
    replace_program(stack, native(HEAD + MOVED + new))
    stack.up()
    assert emulator.models()[-1]["ai_project_id"] == "aiproject-e00other"
    stack.destroy()
    assert (names(emulator), emulator.files()) == ([], [])


def test_unfinished_and_changed_dynamic_resources_become_native_ones(
    make: MakeNative, emulator: Emulator
) -> None:
    """A model that a dynamic resource left unfinished is waited for, and a change is one normal replacement."""
    line = 'CustomModel("{}", **B, description="{}", opts=ResourceOptions(custom_timeouts=HURRIED))\n'
    emulator.settings.active_on_create = True
    stack = make(HEAD + line.format("changed", "first"))
    stack.up()
    emulator.settings.active_on_create = False
    emulator.settings.validation_seconds = 3600
    replace_program(stack, HEAD + line.format("changed", "first") + line.format("late", "late"))
    with pytest.raises(CommandError, match="the deadline passed"):
        stack.up()
    before = ids(stack)
    emulator.settings.validation_seconds = 0
    emulator.clear_requests()
    replace_program(stack, native(HEAD + line.format("changed", "second") + line.format("late", "late")))
    assert detailed_diffs(stack)["changed"] == {"description"}
    stack.up()
    after = ids(stack)
    assert after["late"] == before["late"]
    assert after["changed"] != before["changed"]
    assert sorted(wrote(emulator)) == ["DELETE", "POST"]
    assert sorted(after.values()) == names(emulator)
    assert set(stack.preview().change_summary) == {"same"}


SECRETS = """
first = CustomModel("first", **B, description=Output.secret("{hidden}"),
                    opts=ResourceOptions(additional_secret_outputs=["created_at"]))
second = CustomModel("second", **B, description=first.generated_name)
third = CustomModel("third", **B, description="{ignored}", opts=ResourceOptions(ignore_changes=["description"]))
pulumi.export("created_at", first.created_at)
pulumi.export("status", first.status)
"""


def test_secrets_unknown_values_and_ignored_changes(
    make: MakeNative, emulator: Emulator, tmp_path: Path
) -> None:
    """A secret is encrypted and never printed, even by a failing check; unknown and ignored inputs work."""
    stack = make(native(HEAD + SECRETS.format(hidden="hushhush", ignored="a")))
    printed = stack.preview(diff=True).stdout
    done = stack.up()
    printed += done.stdout
    assert (done.outputs["created_at"].secret, done.outputs["status"].secret) == (True, False)
    models = {model["name"].rpartition(":")[2][:-5]: model for model in emulator.models()}
    assert models["first"]["description"] == "hushhush"
    assert models["second"]["description"] == models["first"]["name"]

    replace_program(stack, native(HEAD + SECRETS.format(hidden="hushhush2", ignored="b")))
    printed += stack.preview(diff=True).stdout
    assert detailed_diffs(stack) == {"first": {"description"}, "second": {"description"}}
    printed += stack.refresh().stdout
    invalid = 'CustomModel("bad", base_model=Output.secret("hush hush"), source="file-1")\n'
    replace_program(stack, native(HEAD + invalid))
    with pytest.raises(CommandError, match="`base_model`: must be ") as caught:
        stack.preview()
    printed += str(caught.value)
    assert "hush" not in printed
    assert "hush" not in state_text(tmp_path)


def test_many_models_wait_at_the_same_time(make: MakeNative, emulator: Emulator) -> None:
    """All models that the engine creates at the same time become active, each with one POST."""
    emulator.settings.validation_seconds = 4
    count = 300
    stack = make(native(f'{HEAD}for n in range({count}):\n    CustomModel(f"bot{{n}}", **B)\n'))
    stack.up(parallel=count)
    assert sorted(ids(stack).values()) == names(emulator)
    assert [each["outputs"]["status"] for each in records(stack)] == ["active"] * count
    assert wrote(emulator) == ["POST"] * count


@pytest.mark.parametrize(
    ("resource", "line"),
    [
        ("bot", 'CustomModel("bot", **B, opts=ResourceOptions(import_="{short}"))\n'),
        ("bot", 'CustomModel.get("bot", "{short}")\n'),
        ("new", 'CustomModel("new", name="bot", **B, opts=ResourceOptions(import_="{short}"))\n'),
    ],
)
def test_a_model_that_is_imported_or_read_again_is_not_deleted(
    make: MakeNative, emulator: Emulator, resource: str, line: str
) -> None:
    """The engine takes the short name for another model, and deletes what is replaced or removed: the same one."""
    stack = make(native(HEAD + 'CustomModel("bot", **B)\n'))
    stack.up()
    [name] = names(emulator)
    replace_program(stack, native(HEAD + line.format(short=name.rpartition(":")[2])))
    stack.up()
    assert names(emulator) == [name]
    assert wrote(emulator) == ["POST"]
    assert ids(stack) == {resource: name}
    assert set(stack.preview().change_summary) == {"same"}
