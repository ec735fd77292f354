"""Stacks of the native plugin on the real engine: one generated SDK for a session, without an environment per stack."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nebius_model_resource
from tests.support.stacks import cli_stack, environment, program_with

if TYPE_CHECKING:
    from pulumi.automation import Stack

    from nebius_model_resource.testing.emulator import Emulator

CUSTOM_MODEL = "nebius-models:index:CustomModel"
_SCHEMA = Path(nebius_model_resource.__file__).parent / "_edges" / "plugin" / "schema.json"
_PLUGIN = "#!{python}\nfrom nebius_model_resource._edges.plugin.server import main\n\nmain()\n"
_PROJECT = "plugins:\n  providers:\n    - name: nebius-models\n      path: {folder}\n"
_METADATA = "Metadata-Version: 2.1\nName: pulumi_nebius_models\nVersion: 0.0.0\n"


class Native:
    """The plugin and its Python SDK in one folder."""

    def __init__(self, folder: Path) -> None:
        """Write the plugin's executable, and generate the SDK."""
        self.folder = folder
        plugin = folder / "pulumi-resource-nebius-models"
        plugin.write_text(_PLUGIN.format(python=sys.executable))
        plugin.chmod(0o755)
        generate = [
            "pulumi",
            "package",
            "gen-sdk",
            str(_SCHEMA),
            "--language",
            "python",
            "--out",
            str(folder),
        ]
        _run(generate, env=environment(folder))
        self.packages = folder / "python"
        # An installation of the SDK would add its version.
        record = self.packages / "pulumi_nebius_models-0.0.0.dist-info"
        record.mkdir()
        (record / "METADATA").write_text(_METADATA)

    def environment(self, folder: Path) -> dict[str, str]:
        """What the CLI needs for a stack in that folder."""
        return {**environment(folder), "PYTHONPATH": str(self.packages)}

    def stack(
        self,
        folder: Path,
        emulator: Emulator,
        program: str | None = None,
        config: Mapping[str, str] | None = None,
    ) -> Stack:
        """A stack that is configured for the emulator and uses the plugin; see :func:`cli_stack`."""
        stack = cli_stack(folder, emulator, program or native(program_with()), config)
        project = Path(stack.workspace.work_dir) / "Pulumi.yaml"
        project.write_text(project.read_text() + _PROJECT.format(folder=self.folder))
        stack.workspace.env_vars = {**stack.workspace.env_vars, "PYTHONPATH": str(self.packages)}
        return stack


def native(program: str) -> str:
    """A program of the Python package, with the native one in its place."""
    return program.replace("nebius_model_resource", "pulumi_nebius_models")


def records(stack: Stack) -> list[dict[str, Any]]:
    """The records in the state of the resources that a provider created."""
    deployment = stack.export_stack().deployment or {}
    resources = deployment.get("resources") or []
    return [each for each in resources if each.get("custom") and not each["type"].startswith("pulumi:")]


def _run(command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    subprocess.run(command, env=env, check=True, capture_output=True, timeout=120)
