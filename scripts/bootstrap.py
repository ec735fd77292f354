"""Creates `.venv` in the clone and runs a script in it: a fresh clone needs only Python and pip."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 10)


def enter(extra: str) -> None:
    """Continue in the clone's own environment, and create it if it does not exist.

    Args:
        extra: which of the package's extras the script needs.
    """
    if Path(sys.prefix) != VENV:
        _use_new_enough_python()
        _make(extra)
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    _install(extra)


def _use_new_enough_python() -> None:
    """Start again with a newer interpreter if `python3` is too old."""
    if sys.version_info >= OLDEST:
        return
    for minor in range(20, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])
    sys.exit(
        "Python 3.10 or newer is needed; this is %s, and no newer one is on PATH" % sys.version.split()[0]
    )


def _make(extra: str) -> None:
    if not PYTHON.exists():
        print("creating .venv (a few seconds) …", flush=True)
        made = subprocess.run(
            [sys.executable, "-m", "venv", str(VENV)], check=False, capture_output=True, text=True
        )
        if made.returncode != 0:
            shutil.rmtree(VENV, ignore_errors=True)
            sys.exit(
                f"cannot create .venv: {(made.stdout + made.stderr).strip()}\n"
                "(on Debian and Ubuntu: apt-get install python3-venv)"
            )
    _install(extra)


def _install(extra: str) -> None:
    """Install the package from the clone, unless that was done before."""
    described = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()[:16]
    stamp = VENV / f"installed-{extra}-{described}"
    if stamp.exists():
        return
    print(f"installing the package and its extra `{extra}` into .venv (up to a minute) …", flush=True)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    if subprocess.run([*pip, "--editable", f"{ROOT}[{extra}]"], check=False).returncode != 0:
        sys.exit(
            "pip could not install the package: see its message above; a package index must be reachable"
        )
    stamp.touch()
