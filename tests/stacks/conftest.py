"""One stack, on Pulumi's engine if there is a CLI, and always on the project's small one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError, ConfigValue

from nebius_model_resource.testing.emulator import Emulator
from nebius_model_resource.testing.engine import EngineError, LocalStack
from nebius_model_resource.testing.engine.secrets import Crypter
from tests.support.native import Native
from tests.support.stacks import PASSPHRASE, cli_stack, environment, has_cli, program_with, write_program
from tests.support.warm import warm_python

FAILED = (CommandError, EngineError)
MakeStack = Callable[..., Any]


ENGINES = [
    pytest.param(
        "cli",
        marks=[
            pytest.mark.cli,
            pytest.mark.slow,  # every test takes ten seconds and more
            pytest.mark.skipif(not has_cli(), reason="no Pulumi CLI on PATH"),
            pytest.mark.timeout(600),  # some tests run the CLI twenty times, for 2 to 15 s each
        ],
    ),
    "local",
]


@pytest.fixture
def make_cli_stack(tmp_path: Path, emulator: Emulator) -> MakeStack:
    """Creates stacks that are configured for the emulator, on Pulumi's engine."""
    return functools.partial(cli_stack, tmp_path, emulator)


@pytest.fixture(params=ENGINES)
def make_stack(
    request: pytest.FixtureRequest, tmp_path: Path, emulator: Emulator, make_cli_stack: MakeStack
) -> MakeStack:
    """Creates stacks that are configured for the emulator, on either engine."""

    def on_local(
        program: str | None = None, config: Mapping[str, str] | None = None, name: str = "test"
    ) -> Any:
        stack = LocalStack.create_or_select(
            name,
            write_program(tmp_path, program or program_with()),
            config={
                "nebius-models:apiKey": ConfigValue(emulator.api_key, secret=True),
                "nebius-models:baseUrl": emulator.url,
                **(config or {}),
            },
            env_vars=environment(tmp_path),
            state_dir=tmp_path / "local",
            python=warm_python(),
        )
        stack.file.crypter.salt = shared_salt()
        return stack

    return make_cli_stack if request.param == "cli" else on_local


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Native:
    """The native plugin and its SDK."""
    return Native(tmp_path_factory.mktemp("plugin"))


@functools.cache
def shared_salt() -> str:
    """One salt for all local stacks: a key takes a third of a second to derive, once for each salt."""
    crypter = Crypter(PASSPHRASE)
    crypter.encrypt("")
    assert crypter.salt
    return crypter.salt


def names(*emulators: Emulator) -> list[str]:
    """The models at the service, sorted."""
    return sorted(model["name"] for emulator in emulators for model in emulator.models())


def wrote(emulator: Emulator) -> list[str]:
    """The methods of the requests that change something."""
    return [request.method for request in emulator.requests() if request.method != "GET"]


def hurried(**inputs: Any) -> str:
    """A program whose model has four seconds to become active: a busy machine needs two for the POST."""
    timeouts = "pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create='4s', update='4s'))"
    return program_with(**inputs).replace(")\npulumi", f", opts={timeouts})\npulumi", 1)


def set_variable(stack: Any, name: str, value: str) -> None:
    """Set an environment variable of the stack's operations."""
    variables = stack.workspace.env_vars if hasattr(stack, "workspace") else stack.setting.env_vars
    variables[name] = value


def preview(stack: Any) -> tuple[Any, list[str]]:
    """The result of a preview, and the warnings that stay."""
    events: list[Any] = []
    result = stack.preview(on_event=events.append)
    found = [event.diagnostic_event for event in events if event.diagnostic_event]
    return result, [
        each.message.strip() for each in found if each.severity == "warning" and not each.ephemeral
    ]


def replace_program(stack: Any, program: str) -> None:
    """Change the stack's program, as a commit would."""
    folder = stack.workspace.work_dir if hasattr(stack, "workspace") else stack.setting.project.root
    (Path(folder) / "__main__.py").write_text(program)


def held(stack: Any) -> list[str]:
    """The ids of the models in the stack's state, sorted."""
    return sorted(each["id"] for each in custom_models(stack))


def custom_models(stack: Any) -> list[dict[str, Any]]:
    """The models in the stack's state."""
    resources = stack.export_stack().deployment.get("resources") or []
    return [each for each in resources if each["type"] == "pulumi-python:dynamic/nebius:CustomModel"]
