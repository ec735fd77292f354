"""The native examples, word for word, each with the language host on PATH."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from nebius_model_resource.testing.emulator import Emulator
from tests.support.stacks import environment, has_cli

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.cli,
    pytest.mark.slow,
    pytest.mark.xdist_group("plugin"),
    pytest.mark.timeout(600),  # the CLI installs the plugin and the packages of the language
    pytest.mark.skipif(not has_cli(), reason="no Pulumi CLI on PATH"),
]


def needs(language: str) -> pytest.MarkDecorator:
    """Skip the test if the language host is missing."""
    host = f"pulumi-language-{language}"
    return pytest.mark.skipif(shutil.which(host) is None, reason=f"no {host} on PATH")


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

    def pulumi(self, *arguments: str) -> str:
        """The output of a command; the test fails if the command fails."""
        done = subprocess.run(
            ["pulumi", *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def configure(self, emulator: Emulator) -> None:
        """A stack for the emulator."""
        self.pulumi("stack", "init", "test")
        self.pulumi("config", "set", "--secret", "nebius-models:apiKey", emulator.api_key)
        self.pulumi("config", "set", "nebius-models:baseUrl", emulator.url)


@pytest.mark.parametrize(
    "example",
    [
        pytest.param("native-python", marks=needs("python")),
        pytest.param("native-typescript", marks=needs("nodejs")),
        pytest.param("native-yaml", marks=needs("yaml")),
    ],
)
def test_an_example_runs_in_its_language(example: str, tmp_path: Path, emulator: Emulator) -> None:
    """Install, preview, up, a second preview without a change, and destroy work, and so does the function."""
    project = Project(example, tmp_path)
    project.pulumi("install")
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


@needs("yaml")
def test_the_plugin_is_added_to_a_project(tmp_path: Path, emulator: Emulator) -> None:
    """`pulumi package add` with the folder's path writes what the example has, and the resource can be declared."""
    project = Project("native-yaml", tmp_path)
    file = project.folder / "Pulumi.yaml"
    written = file.read_text()
    line = "packages:\n  nebius-models: ../../plugin\n"
    assert line in written
    file.write_text(written.replace(line, ""))
    project.pulumi("package", "add", "../../plugin")
    assert "nebius-models: ../../plugin" in file.read_text()
    project.configure(emulator)
    project.pulumi("up", "--yes", "--skip-preview")
    assert len(emulator.models()) == 1
