"""The fixtures that other projects get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nebius_model_resource.testing.pytest_plugin as plugin

EXAMPLE = """
from nebius_model_resource.testing.pytest_plugin import local_stack, nebius_emulator  # noqa: F401
"""


@pytest.mark.slow
def test_the_docstring_shows_a_test_that_passes(pytester: pytest.Pytester) -> None:
    """The test in the plugin's docstring runs unchanged."""
    documented = plugin.__doc__ or ""
    source = "\n".join(line.removeprefix("    ") for line in documented.split(":\n\n", 1)[1].splitlines())
    pytester.makepyfile(EXAMPLE + source)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)


def test_a_folder_is_a_program_too(local_stack: Any, tmp_path: Path) -> None:
    """A path is the project's folder, with or without `Path` around it."""
    (tmp_path / "Pulumi.yaml").write_text("name: given\nruntime: python\n")
    for number, folder in enumerate([tmp_path, str(tmp_path)]):
        assert local_stack(folder, name=f"s{number}").setting.project.root == tmp_path
