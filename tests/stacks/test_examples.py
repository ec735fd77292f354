"""The stacks of `examples/`, word for word, on each engine there is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import ConfigValue, LocalWorkspaceOptions, create_or_select_stack

from nebius_model_resource.testing.emulator import Emulator
from nebius_model_resource.testing.engine import LocalStack
from tests.stacks.conftest import ENGINES, names
from tests.support.jobs import train
from tests.support.stacks import environment
from tests.support.warm import warm_python

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MakeExample = Callable[..., Any]


@pytest.fixture(params=ENGINES)
def make_example(request: pytest.FixtureRequest, tmp_path: Path, emulator: Emulator) -> MakeExample:
    """Creates a stack from a copy of one example, configured for the emulator, on either engine."""

    def make(example: str, variables: dict[str, str] | None = None, **config: str) -> Any:
        folder = tmp_path / example
        shutil.copytree(EXAMPLES / example, folder, ignore=shutil.ignore_patterns("__pycache__"))
        project = folder / "Pulumi.yaml"
        project.write_text(project.read_text().replace("virtualenv: .venv", f"virtualenv: {sys.prefix}"))
        [name] = re.findall(r"^name: (\S+)", project.read_text(), re.MULTILINE)
        values: dict[str, Any] = {
            "nebius-models:apiKey": ConfigValue(emulator.api_key, secret=True),
            "nebius-models:baseUrl": ConfigValue(emulator.url),
            **{f"{name}:{key}": ConfigValue(value) for key, value in config.items()},
        }
        environ = {**environment(tmp_path), **(variables or {})}
        if request.param == "local":
            return LocalStack.create_or_select(
                "test",
                folder,
                config=values,
                env_vars=environ,
                state_dir=tmp_path / "local",
                python=warm_python(),
            )
        options = LocalWorkspaceOptions(env_vars=environ, pulumi_home=str(tmp_path / "home"))
        stack = create_or_select_stack("test", work_dir=str(folder), opts=options)
        stack.set_all_config(values)
        return stack

    return make


@pytest.fixture
def eu() -> Iterator[Emulator]:
    """The service of the second account."""
    with Emulator(api_key="key-of-the-eu-account-0123456789", validation_seconds=0.3) as running:
        yield running


def assert_ends(stack: Any, *emulators: Emulator) -> None:
    """A second preview shows no change, and destroy leaves nothing."""
    assert set(stack.preview().change_summary) == {"same"}
    stack.destroy()
    assert names(*emulators) == []


def test_a_team_has_two_models_and_a_route_to_one_of_them(
    make_example: MakeExample, emulator: Emulator
) -> None:
    """The component's models are created, the route gets the generated name, and a second up changes nothing."""
    stack = make_example("team")
    outputs = stack.up().outputs
    assert sorted(outputs["models"].value) == names(emulator)
    assert outputs["route"].value == f"/tickets -> {outputs['models'].value[0]}"
    assert_ends(stack, emulator)


def test_two_accounts_have_a_model_each(make_example: MakeExample, emulator: Emulator, eu: Emulator) -> None:
    """Each model is in its own account, and destroy deletes both."""
    stack = make_example("two-accounts", {"NEBIUS_API_KEY_EU": eu.api_key}, euUrl=eu.url)
    outputs = stack.up().outputs
    assert [outputs["here"].value] == names(emulator)
    assert [outputs["eu"].value] == names(eu)
    assert_ends(stack, emulator, eu)


def test_a_model_comes_from_the_final_checkpoint_of_a_job(
    make_example: MakeExample, emulator: Emulator
) -> None:
    """The model has the last of three checkpoints and its step as description, and a second up changes nothing."""
    emulator.settings.job_seconds = 0
    job = train(emulator)
    stack = make_example("fine-tuned", job=job)
    outputs = stack.up().outputs
    [model] = emulator.models()
    assert (outputs["model"].value, model["description"]) == (model["name"], f"step 39 of {job}")
    assert model["source"].startswith(f"{job}:ftckpt_")
    assert outputs["metrics"].value == {"step": 39, "train_loss": 0.25}
    assert_ends(stack, emulator)


def test_a_model_comes_from_a_folder(make_example: MakeExample, emulator: Emulator, tmp_path: Path) -> None:
    """The script's adapter is uploaded and becomes the source of the model, and a second up changes nothing."""
    stack = make_example("from-a-folder")
    subprocess.run([sys.executable, "make_adapter.py"], cwd=tmp_path / "from-a-folder", check=True)
    outputs = stack.up().outputs
    [model] = emulator.models()
    [file] = emulator.files()
    assert (outputs["model"].value, outputs["file"].value) == (model["name"], file["id"])
    assert model["source"] == file["id"]
    assert_ends(stack, emulator)
    assert emulator.files() == []


def test_an_endpoint_answers_and_is_stopped_for_the_night(
    make_example: MakeExample, emulator: Emulator
) -> None:
    """The question gets the answer of the endpoint, and `enabled` false in the configuration stops the endpoint."""
    emulator.settings.endpoint_seconds = 0.3
    stack = make_example("endpoint")
    outputs = stack.up().outputs
    [endpoint] = emulator.endpoints()
    assert outputs["model"].value == endpoint["routing_key"]
    assert outputs["answer"].value == emulator.settings.completion_text
    stack.set_config("endpoint:enabled", ConfigValue("false"))
    stack.up()
    [stopped] = emulator.endpoints()
    assert (stopped["id"], stopped["enabled"]) == (endpoint["id"], False)
    assert_ends(stack, emulator)
    assert emulator.endpoints() == []
