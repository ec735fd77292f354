"""Fixtures for tests of stacks with custom models: no account, no network beyond loopback, no Pulumi CLI.

Installed as a pytest plugin with this package; costs nothing until a test uses a fixture. A complete test of a stack:

    PROGRAM = '''
    import pulumi
    from nebius_model_resource import CustomModel
    bot = CustomModel("bot", base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source="huggingface.co/org/lora")
    pulumi.export("model", bot.generated_name)
    '''

    def test_bot(local_stack, nebius_emulator):
        stack = local_stack(PROGRAM)
        assert stack.up().summary.resource_changes == {"create": 2}
        assert stack.outputs()["model"].value in {model["name"] for model in nebius_emulator.models()}
        assert stack.preview().change_summary == {"same": 2}
        stack.destroy()
        assert nebius_emulator.models() == []
"""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nebius_model_resource.testing.emulator import Emulator
    from nebius_model_resource.testing.engine import LocalStack

_PROJECT = "name: {name}\nruntime: python\n"


@pytest.fixture
def nebius_emulator() -> Iterator[Emulator]:
    """The service's emulator on a free port of loopback: `url`, `api_key`, `models()`, `requests()`."""
    from nebius_model_resource.testing.emulator import Emulator

    # Long enough to be seen validating, short enough for a test.
    with Emulator(validation_seconds=0.5) as emulator:
        yield emulator


@pytest.fixture
def local_stack(nebius_emulator: Emulator, tmp_path: Path) -> Iterator[Callable[..., LocalStack]]:
    """A factory of stacks on the emulator: `local_stack(program, config=…, name="test", **options)`.

    `program` is the folder of a project, or the source of a program. `config` goes over `nebius-models:apiKey` and
    `nebius-models:baseUrl`, which are the emulator's; `options` are those of `LocalStack.create_or_select`. What is
    left of a stack is destroyed at the end of the test.
    """
    from nebius_model_resource.testing.engine import LocalStack

    stacks: list[LocalStack] = []

    def make(
        program: str | Path, *, config: Mapping[str, Any] | None = None, name: str = "test", **options: Any
    ) -> LocalStack:
        stack = LocalStack.create_or_select(
            name,
            _project(program, tmp_path, len(stacks)),
            config={**_service(nebius_emulator), **(config or {})},
            **{"state_dir": tmp_path / "state", "passphrase": "test", **options},
        )
        stacks.append(stack)
        return stack

    yield make
    for stack in reversed(stacks):
        _clean(stack)


def _service(emulator: Emulator) -> dict[str, Any]:
    from pulumi.automation import ConfigValue

    return {
        "nebius-models:apiKey": ConfigValue(emulator.api_key, secret=True),
        "nebius-models:baseUrl": emulator.url,
    }


def _project(program: str | Path, folder: Path, number: int) -> Path:
    """The project's folder, created from a source if one was given."""
    if isinstance(program, Path) or "\n" not in program:
        return Path(program)
    project = folder / f"program{number}"
    project.mkdir()
    (project / "__main__.py").write_text(textwrap.dedent(program))
    (project / "Pulumi.yaml").write_text(_PROJECT.format(name=f"program{number}"))
    return project


def _clean(stack: LocalStack) -> None:
    from nebius_model_resource.testing.engine import EngineError

    # A test may leave a stack broken on purpose and does not fail for it: the emulator ends with everything in it.
    with contextlib.suppress(EngineError):
        if stack.file.read().resources:
            stack.destroy()
