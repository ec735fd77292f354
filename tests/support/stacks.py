"""Stacks on the real engine, each with a project folder, a state and a Pulumi home of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pulumi.automation import Stack

    from nebius_model_resource.testing.emulator import Emulator

PASSPHRASE = "test"
PROJECT = "name: models\nruntime:\n  name: python\n  options:\n    virtualenv: {venv}\n"
PROGRAM = """
import pulumi
from nebius_model_resource import CustomModel

bot = CustomModel({arguments})
pulumi.export("generated_name", bot.generated_name)
pulumi.export("status", bot.status)
pulumi.export("created_at", bot.created_at)
"""


def has_cli() -> bool:
    """Whether a Pulumi CLI is on PATH."""
    return shutil.which("pulumi") is not None


def program_with(resource: str = "bot", **arguments: Any) -> str:
    """A program that declares one model."""
    given = {
        "base_model": "meta-llama/Meta-Llama-3.1-8B-Instruct",
        "source": "ftjob-0123:ftckpt_4567",
        **arguments,
    }
    texts = [f"{name}={value!r}" for name, value in given.items() if value is not None]
    return PROGRAM.format(arguments=", ".join([repr(resource), *texts]))


def environment(folder: Path) -> dict[str, str]:
    """The variables with which a CLI keeps everything in one folder and uses no settings from elsewhere."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NEBIUS_", "PULUMI_"))}
    state = folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    return {
        **clean,
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "NO_COLOR": "1",
    }


def run_pulumi(
    work_dir: Path, environ: Mapping[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run the CLI in a project's folder."""
    return subprocess.run(
        ["pulumi", *arguments],
        cwd=work_dir,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def write_program(folder: Path, program: str) -> Path:
    """A project folder with that program, which the interpreter of the tests runs."""
    work_dir = folder / "project"
    work_dir.mkdir(parents=True, exist_ok=True)
    (work_dir / "Pulumi.yaml").write_text(PROJECT.format(venv=Path(sys.prefix)))
    (work_dir / "__main__.py").write_text(program)
    return work_dir


def cli_stack(
    folder: Path,
    emulator: Emulator,
    program: str | None = None,
    config: Mapping[str, str] | None = None,
    name: str = "test",
) -> Stack:
    """A stack on the real engine, configured for the emulator; the key is a secret of its configuration.

    Args:
        folder: a temporary folder; all files of the stack stay in it.
        emulator: the service.
        program: the text of ``__main__.py``; one model if left out.
        config: more configuration.
        name: the stack's name; two stacks of one folder share program and backend.
    """
    from pulumi.automation import ConfigValue, LocalWorkspaceOptions, create_or_select_stack

    work_dir = write_program(folder, program or program_with())
    stack = create_or_select_stack(
        name,
        work_dir=str(work_dir),
        opts=LocalWorkspaceOptions(env_vars=environment(folder), pulumi_home=str(folder / "home")),
    )
    stack.set_all_config(
        {
            "nebius-models:apiKey": ConfigValue(emulator.api_key, secret=True),
            "nebius-models:baseUrl": ConfigValue(emulator.url),
            **{key: ConfigValue(value) for key, value in (config or {}).items()},
        }
    )
    return stack
