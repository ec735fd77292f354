"""The native examples, each with its language host on PATH: as they are, and with the plugin named by its folder."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from nebius_model_resource.testing.emulator import Emulator
from tests.support.native import Native, need_package_add, needs_host
from tests.support.stacks import environment, has_cli, run_pulumi

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.cli,
    pytest.mark.slow,
    pytest.mark.xdist_group("plugin"),
    pytest.mark.timeout(600),  # the CLI installs the plugin and the packages of the language
    pytest.mark.skipif(not has_cli(), reason="no Pulumi CLI on PATH"),
]


PACKAGE = "packages:\n  nebius-models: ../../plugin\n"


class Project:
    """A copy of an example, beside a copy of `plugin/`."""

    def __init__(self, example: str, folder: Path) -> None:
        self.folder = folder / "examples" / example
        self._environment = environment(folder)
        left_out = shutil.ignore_patterns("sdks", "node_modules", ".venv", "Pulumi.*.yaml")
        shutil.copytree(ROOT / "examples" / example, self.folder, ignore=left_out)
        (folder / "plugin").mkdir()
        for file in ("PulumiPlugin.yaml", "__main__.py"):
            shutil.copy(ROOT / "plugin" / file, folder / "plugin")
        (folder / "plugin" / "requirements.txt").write_text(f"{ROOT}\n")

    def replace(self, old: str, new: str) -> None:
        """Change Pulumi.yaml, which has the old text."""
        file = self.folder / "Pulumi.yaml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def use(self, plugin: Native) -> None:
        """Take the plugin, and its SDK for Python, from a folder: nothing is installed."""
        self.replace(PACKAGE, plugin.project_lines)
        self._environment = plugin.environment(self.folder.parents[1])

    def pulumi(self, *arguments: str) -> str:
        """The output of a command; the test fails if the command fails."""
        done = run_pulumi(self.folder, self._environment, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def configure(self, emulator: Emulator) -> None:
        """A stack for the emulator."""
        self.pulumi("stack", "init", "test")
        self.pulumi("config", "set", "--secret", "nebius-models:apiKey", emulator.api_key)
        self.pulumi("config", "set", "nebius-models:baseUrl", emulator.url)


def live(project: Project, emulator: Emulator) -> None:
    """Preview, up, a second preview without a change, and destroy work, and so does the function."""
    project.configure(emulator)
    project.pulumi("preview")
    assert emulator.requests("POST") == []
    project.pulumi("up", "--yes", "--skip-preview")
    [model] = emulator.models()
    assert json.loads(project.pulumi("stack", "output", "--json")) == {
        "generatedName": model["name"],
        "status": "active",
        "source": "huggingface.co/acme/support-lora",
    }
    project.pulumi("preview", "--expect-no-changes")
    project.pulumi("destroy", "--yes", "--skip-preview")
    assert emulator.models() == []


PYTHON = pytest.param("native-python", marks=needs_host("python"))
TYPESCRIPT = pytest.param("native-typescript", marks=needs_host("nodejs"))
YAML = pytest.param("native-yaml", marks=needs_host("yaml"))


@pytest.mark.parametrize("example", [PYTHON, YAML])
def test_an_example_runs_with_the_plugin_of_a_folder(
    plugin: Native, tmp_path: Path, emulator: Emulator, example: str
) -> None:
    """Its whole life works: in Python with the SDK of the tests, in YAML without one."""
    project = Project(example, tmp_path)
    project.use(plugin)
    if example == "native-python":
        project.replace("virtualenv: .venv", f"virtualenv: {sys.prefix}")
    live(project, emulator)


@pytest.mark.parametrize("example", [PYTHON, TYPESCRIPT, YAML])
def test_an_example_runs_in_its_language(example: str, tmp_path: Path, emulator: Emulator) -> None:
    """Word for word, its whole life works after `pulumi install`."""
    need_package_add()
    project = Project(example, tmp_path)
    project.pulumi("install")
    live(project, emulator)


@needs_host("yaml")
def test_the_plugin_is_added_to_a_project(tmp_path: Path, emulator: Emulator) -> None:
    """`pulumi package add` with the folder's path writes what the example has, and the resource can be declared."""
    need_package_add()
    project = Project("native-yaml", tmp_path)
    project.replace(PACKAGE, "")
    project.pulumi("package", "add", "../../plugin")
    assert "nebius-models: ../../plugin" in (project.folder / "Pulumi.yaml").read_text()
    project.configure(emulator)
    project.pulumi("up", "--yes", "--skip-preview")
    assert len(emulator.models()) == 1


COMPONENT = """
import pulumi
from pulumi.provider.experimental import component_provider_host
from nebius_model_resource import CustomModel

class Arguments(dict):
    pass

class Bot(pulumi.ComponentResource):
    def __init__(self, name: str, args: Arguments, opts: pulumi.ResourceOptions | None = None):
        super().__init__("bots:index:Bot", name, {}, opts)
        CustomModel(name, base_model="a/b", source="file-1", opts=pulumi.ResourceOptions(parent=self))

component_provider_host(name="bots", components=[Bot])
"""
BOTS = "".join(f"  {name}:\n    type: bots:index:Bot\n" for name in ("one", "two"))


@needs_host("yaml")
def test_a_component_package_warns_of_a_plain_key_once(tmp_path: Path, emulator: Emulator) -> None:
    """Its models are declared in a process without a stack; a secret key causes no warning."""
    (tmp_path / "component.py").write_text(COMPONENT)
    starter = tmp_path / "pulumi-resource-bots"
    starter.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {tmp_path}/component.py "$@"\n')
    starter.chmod(0o755)
    folder = tmp_path / "project"
    folder.mkdir()
    plugins = "plugins:\n  providers:\n  - name: bots\n    path: ..\n"
    (folder / "Pulumi.yaml").write_text(f"name: models\nruntime: yaml\n{plugins}resources:\n{BOTS}")
    variables = environment(tmp_path)
    run_pulumi(folder, variables, "stack", "init", "test")
    run_pulumi(folder, variables, "config", "set", "nebius-models:baseUrl", emulator.url)
    for options, warnings in (([], 1), (["--secret"], 0)):
        setting = ("nebius-models:apiKey", emulator.api_key)
        run_pulumi(folder, variables, "config", "set", *options, *setting)
        done = run_pulumi(folder, variables, "preview", "--diff")
        assert done.returncode == 0, done.stdout + done.stderr
        assert (done.stdout + done.stderr).count("apiKey is not a secret") == warnings
