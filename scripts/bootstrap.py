"""Creates `.venv`, or `.venv-3.13`, in the clone and runs a script in it: a fresh clone needs only Python and pip."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 10)
# Prints the version and the path that stays valid outside of the shims of pyenv.
ABOUT = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"


def python_of(venv: Path) -> Path:
    """The interpreter of an environment; the environment's other programs are beside it."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


PYTHON = python_of(VENV)


def enter(extra: str, python: str | None = None) -> None:
    """Continue in the clone's own environment, and create it if it does not exist.

    Args:
        extra: which of the package's extras the script needs.
        python: a version, such as ``3.13``, or the path of an interpreter: continue in ``.venv-<version>``,
            an environment of that Python. Without it ``.venv`` has the Python that started the script.
    """
    if python:
        version, interpreter = _find(python)
        venv = ROOT / f".venv-{version}"
    elif Path(sys.prefix).match(f"{ROOT}/.venv-*"):
        venv, interpreter = Path(sys.prefix), sys.executable  # a test that runs another script
    else:
        _use_new_enough_python()
        venv, interpreter = VENV, sys.executable
    if Path(sys.prefix) != venv:
        _make(venv, interpreter)
        _install(venv, extra)
        _go_on_with(str(python_of(venv)))
    _install(venv, extra)


def _find(python: str) -> tuple[str, str]:
    """The version and the path of an interpreter; ends the script if there is none or it is too old."""
    name, environ = python, dict(os.environ)
    if os.sep not in python:
        name = f"python{python}"
        environ["PYENV_VERSION"] = python  # a shim of pyenv starts this version; other interpreters ignore it
    try:
        asked = subprocess.run(
            [name, "-c", ABOUT], check=True, capture_output=True, text=True, env=environ, timeout=60
        )
        version, interpreter = asked.stdout.strip().split(" ", 1)
    except (OSError, subprocess.SubprocessError, ValueError):
        sys.exit(
            f"no Python {python!r} here: give a version on PATH, such as 3.13, or the path of an interpreter"
        )
    if tuple(map(int, version.split("."))) < OLDEST:
        sys.exit(f"Python {version} is too old: 3.10 or newer is needed")
    return version, interpreter


def _go_on_with(python: str) -> NoReturn:
    """Run the script with another interpreter, in place of this one."""
    if os.name == "nt":  # where execv ends this process at once, and the console does not wait
        sys.exit(subprocess.run([python, *sys.argv], check=False).returncode)
    os.execv(python, [python, *sys.argv])


def _use_new_enough_python() -> None:
    """Start again with a newer interpreter if `python3` is too old."""
    if sys.version_info >= OLDEST:
        return
    for minor in range(20, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            _go_on_with(newer)
    sys.exit(
        "Python 3.10 or newer is needed; this is %s, and no newer one is on PATH" % sys.version.split()[0]
    )


def _make(venv: Path, interpreter: str) -> None:
    if python_of(venv).exists():
        return
    print(f"creating {venv.name} (a few seconds) …", flush=True)
    made = subprocess.run([interpreter, "-m", "venv", str(venv)], check=False, capture_output=True, text=True)
    if made.returncode != 0:
        shutil.rmtree(venv, ignore_errors=True)
        sys.exit(
            f"cannot create {venv.name}: {(made.stdout + made.stderr).strip()}\n"
            "(on Debian and Ubuntu: apt-get install python3-venv)"
        )


def _install(venv: Path, extra: str) -> None:
    """Install the package from the clone, unless that was done before."""
    described = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()[:16]
    stamp = venv / f"installed-{extra}-{described}"
    if stamp.exists():
        return
    print(f"installing the package and its extra `{extra}` into {venv.name} (up to a minute) …", flush=True)
    pip = [str(python_of(venv)), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    if subprocess.run([*pip, "--editable", f"{ROOT}[{extra}]"], check=False).returncode != 0:
        sys.exit(
            "pip could not install the package: see its message above; a package index must be reachable"
        )
    stamp.touch()
