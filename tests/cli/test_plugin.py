"""`nebius-models plugin install`: how it calls Pulumi's CLI, and what it prints when that fails."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from nebius_model_resource import __version__
from nebius_model_resource._cli.main import main
from nebius_model_resource._cli.plugin import starter

# The command runs nothing of POSIX; these tests write shell scripts.
posix = pytest.mark.skipif(sys.platform == "win32", reason="stands in for the CLI with a shell script")
# Stands in for the CLI: it records its arguments, and copies the folder that it would install.
CLI = """#!/bin/sh
echo "$@" > {folder}/arguments
cp -r "$7" {folder}/installed
{ends}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH besides the system's."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def write_script(place: Path, text: str) -> None:
    place.write_text(text)
    place.chmod(0o755)


def write_cli(folder: Path, ends: str = "exit 0") -> None:
    write_script(folder / "pulumi", CLI.format(folder=folder, ends=ends))


@posix
def test_the_cli_installs_a_script_that_starts_this_python(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin has the package's version, and serves with the package installed here, even under an odd path."""
    write_cli(folder)
    python = folder / "a $HOME's python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    assert main(["plugin", "install"]) == 0
    said = f"installed the plugin nebius-models {__version__}, which {python} runs\n"
    assert capsys.readouterr() == (said, "")
    words = (folder / "arguments").read_text().split()
    assert words[:5] == ["plugin", "install", "resource", "nebius-models", __version__]
    assert (words[5], words[7:]) == ("--file", ["--reinstall"])
    assert not Path(words[6]).exists()
    [script] = (folder / "installed").iterdir()
    assert script.name == "pulumi-resource-nebius-models"
    with subprocess.Popen([script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdigit()
        assert process.poll() is None  # without an engine it waits until one attaches
        process.kill()


def test_on_windows_the_script_is_a_cmd() -> None:
    """The CLI looks for that name; `%` is doubled, and only the path and the code are in quotes."""
    name, text = starter(r"C:\Program Files\100%\python.exe", windows=True)
    assert name == "pulumi-resource-nebius-models.cmd"
    assert text.startswith(r'@"C:\Program Files\100%%\python.exe" -c "import sys;')
    assert text.endswith('import main; main()" %*\n')
    assert (text.count('"'), text.count("%")) == (4, 3)


@posix
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
