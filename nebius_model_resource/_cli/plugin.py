"""``nebius-models plugin install``: the native plugin for Pulumi's CLI, run by this Python."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from nebius_model_resource import __version__
from nebius_model_resource.errors import NebiusError

NAME = "nebius-models"
_STARTER = """\
#!/bin/sh
exec {python} -c {code} "$@"
"""
# `-m` would put the program's folder first, where a `types.py` or `queue.py` may be.
_CODE = (
    "import sys; sys.path[:1] == [''] and sys.path.pop(0); "
    "from nebius_model_resource._plugin.server import main; main()"
)


class NotInstalled(NebiusError):
    """Pulumi's CLI did not install the plugin."""


def install() -> str:
    """Install the plugin; returns what was done.

    The CLI copies a small script that starts this Python, so that the plugin is the package installed beside it.

    Raises:
        NotInstalled: there is no CLI, or it failed.
    """
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise NotInstalled("there is no `pulumi` on PATH: install it (https://www.pulumi.com/docs/install/)")
    with TemporaryDirectory() as folder:
        starter = Path(folder) / f"pulumi-resource-{NAME}"
        starter.write_text(
            _STARTER.format(python=shlex.quote(sys.executable), code=shlex.quote(_CODE)), encoding="utf-8"
        )
        starter.chmod(0o755)
        command = [pulumi, "plugin", "install", "resource", NAME, __version__, "--file", str(starter)]
        done = subprocess.run([*command, "--reinstall"], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        reason = " ".join(done.stderr.split()) or f"it exited with {done.returncode}"
        raise NotInstalled(f"`pulumi plugin install` failed: {reason}")
    return f"installed the plugin {NAME} {__version__}, which {sys.executable} runs"
