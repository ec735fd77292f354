"""Stacks of the native plugin on the real engine: one SDK for a session, without an environment per stack."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

import nebius_model_resource
from tests.support.stacks import cli_stack, environment, program_with

if TYPE_CHECKING:
    from pulumi.automation import Stack

    from nebius_model_resource.testing.emulator import Emulator

CUSTOM_MODEL = "nebius-models:index:CustomModel"
_SDK = Path(__file__).with_name("native_sdk.py")
_SCHEMA = Path(nebius_model_resource.__file__).parent / "_plugin" / "schema.json"
_PLUGIN = "#!{python}\nfrom nebius_model_resource._plugin.server import main\n\nmain()\n"
_PROJECT = "plugins:\n  providers:\n    - name: nebius-models\n      path: {folder}\n"
_GENERATES = "needs `pulumi package add`: this Python language host lacks GeneratePackage"


class Native:
    """The plugin and its Python SDK in one folder."""

    def __init__(self, folder: Path) -> None:
        """Write the plugin's executable and the SDK."""
        self.folder = folder
        plugin = folder / "pulumi-resource-nebius-models"
        plugin.write_text(_PLUGIN.format(python=sys.executable))
        plugin.chmod(0o755)
        self.packages = folder / "python"
        sdk = self.packages / "pulumi_nebius_models"
        sdk.mkdir(parents=True)
        shutil.copy(_SDK, sdk / "__init__.py")
        shutil.copy(_SCHEMA, sdk)

    @property
    def project_lines(self) -> str:
        """What Pulumi.yaml needs for the plugin, in place of `pulumi package add`."""
        return _PROJECT.format(folder=self.folder)

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
        project.write_text(project.read_text() + self.project_lines)
        stack.workspace.env_vars = {**stack.workspace.env_vars, "PYTHONPATH": str(self.packages)}
        return stack


def needs_host(language: str) -> pytest.MarkDecorator:
    """Skip the test if the language host is missing."""
    host = f"pulumi-language-{language}"
    return pytest.mark.skipif(shutil.which(host) is None, reason=f"no {host} on PATH")


def need_package_add() -> None:
    """Skip the test if the Python language host is too old to run a plugin from its folder and to generate an SDK."""
    host = subprocess.Popen(["pulumi-language-python", "127.0.0.1:9"], stdout=subprocess.PIPE, text=True)
    try:
        assert host.stdout
        with grpc.insecure_channel(f"127.0.0.1:{int(host.stdout.readline())}") as channel:
            stub = language_pb2_grpc.LanguageRuntimeStub(channel)
            stub.GeneratePackage(language_pb2.GeneratePackageRequest())
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNIMPLEMENTED:
            pytest.skip(_GENERATES)
    finally:
        host.kill()
        host.communicate()


def native(program: str) -> str:
    """A program of the Python package, with the native one in its place."""
    return program.replace("nebius_model_resource", "pulumi_nebius_models")


def records(stack: Stack) -> list[dict[str, Any]]:
    """The records in the state of the resources that a provider created."""
    deployment = stack.export_stack().deployment or {}
    resources = deployment.get("resources") or []
    return [each for each in resources if each.get("custom") and not each["type"].startswith("pulumi:")]
