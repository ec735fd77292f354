"""`nebius-models plugin install`: how it calls Pulumi's CLI, and what it prints when that fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nebius_model_resource import __version__
from nebius_model_resource._cli.main import main

# Stands in for the CLI: it records its arguments, and copies the file that it would install.
CLI = """#!/bin/sh
echo "$@" > {folder}/arguments
cp "$7" {folder}/starter
{ends}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH besides the system's."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def write_cli(folder: Path, ends: str = "exit 0") -> None:
    cli = folder / "pulumi"
    cli.write_text(CLI.format(folder=folder, ends=ends))
    cli.chmod(0o755)


def test_the_cli_installs_a_script_that_starts_this_python(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plugin has the package's version, and its script serves with the package installed here."""
    write_cli(folder)
    assert main(["plugin", "install"]) == 0
    said = f"installed the plugin nebius-models {__version__}, which {sys.executable} runs\n"
    assert capsys.readouterr() == (said, "")
    words = (folder / "arguments").read_text().split()
    assert words[:5] == ["plugin", "install", "resource", "nebius-models", __version__]
    assert (words[5], words[7:]) == ("--file", ["--reinstall"])
    assert not Path(words[6]).exists()
    with subprocess.Popen([folder / "starter"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdigit()
        assert process.poll() is None  # without an engine it waits until one attaches
        process.kill()


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (None, "there is no `pulumi` on PATH: install it (https://www.pulumi.com/docs/install/)"),
        ("echo 'no  space left' >&2; exit 3", "`pulumi plugin install` failed: no space left"),
        ("exit 3", "`pulumi plugin install` failed: it exited with 3"),
    ],
)
def test_a_cli_that_is_missing_or_fails_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], ends: str | None, said: str
) -> None:
    """The command says what to install, or the CLI's own words, and exits with 1."""
    if ends:
        write_cli(folder, ends)
    assert main(["plugin", "install"]) == 1
    assert capsys.readouterr() == ("", f"nebius-models: {said}\n")
