"""``nebius-models plugin install``: the native plugin for Pulumi's CLI, run by this Python."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from nebius_model_resource import __version__
from nebius_model_resource.errors import NebiusError

NAME = "nebius-models"
# `-m` would put the program's folder first, where a `types.py` or `queue.py` may be.
_CODE = (
    "import sys; sys.path[:1] == [''] and sys.path.pop(0); "
    "from nebius_model_resource._plugin.server import main; main()"
)


def starter(python: str, *, windows: bool) -> tuple[str, str]:
    """The file that starts the plugin: its name, as Pulumi's CLI looks for it, and its text.

    Args:
        python: the path of the interpreter; it may hold blanks.
        windows: whether the file is for Windows, where the CLI looks for a ``.exe`` or ``.cmd``
            (``getCandidateExtensions`` in its ``workspace/plugins.go``).
    """
    name = f"pulumi-resource-{NAME}"
    if windows:
        return f"{name}.cmd", f'@"{python.replace("%", "%%")}" -c "{_CODE}" %*\n'
    return name, f'#!/bin/sh\nexec {shlex.quote(python)} -c {shlex.quote(_CODE)} "$@"\n'


def install() -> str:
    """Install the plugin; returns what was done.

    The CLI copies a small script that starts this Python, so that the plugin is the package installed beside it.

    Raises:
        NebiusError: there is no CLI, or it failed.
    """
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise NebiusError("there is no `pulumi` on PATH: install it (https://www.pulumi.com/docs/install/)")
    with TemporaryDirectory() as folder:
        name, text = starter(sys.executable, windows=os.name == "nt")
        script = Path(folder, name)
        # Windows reads a script in the console's code page, which Python calls `oem`.
        script.write_text(text, encoding="oem" if os.name == "nt" else "utf-8")
        script.chmod(0o755)
        # The folder and not the file, to which the CLI would give the name of a `.exe` on Windows.
        command = [pulumi, "plugin", "install", "resource", NAME, __version__, "--file", folder]
        done = subprocess.run([*command, "--reinstall"], capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace")
        reason = " ".join(said.split()) or f"it exited with {done.returncode}"
        raise NebiusError(f"`pulumi plugin install` failed: {reason}")
    return f"installed the plugin {NAME} {__version__}, which {sys.executable} runs"
