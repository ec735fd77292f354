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
        process.kill()


def test_without_a_cli_the_command_says_what_to_install(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints one line and exits with 1."""
    assert not (folder / "pulumi").exists()
    assert main(["plugin", "install"]) == 1
    said = "nebius-models: there is no `pulumi` on PATH: install it (https://www.pulumi.com/docs/install/)\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    ("ends", "reason"),
    [("echo 'no  space left' >&2; exit 3", "no space left"), ("exit 3", "it exited with 3")],
)
def test_a_cli_that_fails_is_reported_in_its_own_words(
    folder: Path, capsys: pytest.CaptureFixture[str], ends: str, reason: str
) -> None:
    """The report is one line, whatever the CLI prints."""
    write_cli(folder, ends)
    assert main(["plugin", "install"]) == 1
    assert capsys.readouterr() == ("", f"nebius-models: `pulumi plugin install` failed: {reason}\n")
