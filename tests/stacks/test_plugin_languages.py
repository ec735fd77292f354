"""The native examples, word for word, each with the language host that Pulumi's CLI has on PATH."""

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
    """Skip without the language host."""
    host = f"pulumi-language-{language}"
    return pytest.mark.skipif(shutil.which(host) is None, reason=f"no {host} on PATH")


@pytest.mark.parametrize(
    "example",
    [
        pytest.param("native-python", marks=needs("python")),
        pytest.param("native-typescript", marks=needs("nodejs")),
        pytest.param("native-yaml", marks=needs("yaml")),
    ],
)
def test_an_example_runs_in_its_language(example: str, tmp_path: Path, emulator: Emulator) -> None:
    """Install, preview, up, a second preview without a change, and destroy, with what the function returns."""
    folder = tmp_path / "examples" / example
    left_out = shutil.ignore_patterns("sdks", "node_modules", ".venv", "Pulumi.*.yaml")
    shutil.copytree(ROOT / "examples" / example, folder, ignore=left_out)
    (tmp_path / "plugin").mkdir()
    for file in ("PulumiPlugin.yaml", "__main__.py"):
        shutil.copy(ROOT / "plugin" / file, tmp_path / "plugin")
    (tmp_path / "plugin" / "requirements.txt").write_text(f"{ROOT}\n")

    def pulumi(*arguments: str) -> str:
        done = subprocess.run(
            ["pulumi", *arguments],
            cwd=folder,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pulumi("install")
    pulumi("stack", "init", "test")
    pulumi("config", "set", "--secret", "nebius-models:apiKey", emulator.api_key)
    pulumi("config", "set", "nebius-models:baseUrl", emulator.url)
    pulumi("preview")
    assert emulator.requests("POST") == []
    pulumi("up", "--yes", "--skip-preview")
    [model] = emulator.models()
    assert json.loads(pulumi("stack", "output", "--json")) == {
        "generatedName": model["name"],
        "status": "active",
        "source": "huggingface.co/acme/support-lora",
    }
    pulumi("preview", "--expect-no-changes")
    pulumi("destroy", "--yes", "--skip-preview")
    assert emulator.models() == []
