"""README says what is true, and no more."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nebius_model_resource import CustomModel
from nebius_model_resource.resource import _OUTPUTS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_every_argument_and_output_has_its_row() -> None:
    """The two tables name each argument and each output of the resource."""
    arguments = set(inspect.signature(CustomModel.__init__).parameters) - {"self", "resource_name"}
    rows = set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE))
    assert arguments | set(_OUTPUTS) <= rows
    assert rows <= arguments | set(_OUTPUTS)


@pytest.mark.parametrize("link", re.findall(r"\]\(((?!http)[^)#]+)\)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    """What README points to is in the repository."""
    assert (ROOT / link).exists()


def test_the_first_two_commands_are_the_two_commands() -> None:
    """The first thing that a newcomer is told to type is scripts/up, the second scripts/test."""
    commands = re.findall(r"^(scripts/\w+)", README, re.MULTILINE)
    assert commands[:2] == ["scripts/up", "scripts/test"]


def test_the_example_and_its_test_work_word_for_word(tmp_path: Path) -> None:
    """The program at the top passes the ten-line test further down."""
    program, test = blocks("python")
    project = tmp_path / "path/to/the/project"
    project.mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: support\nruntime: python\n")
    (project / "__main__.py").write_text(program.replace('"ftjob-…:ftckpt_…"', '"ftjob-1:ftckpt_1"'))
    (tmp_path / "test_stack.py").write_text(test)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NEBIUS_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
