"""The two engines, each as a command line: Pulumi's CLI if there is one, else this package's small engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.service import KEY

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "scripts"))

import pulumi_engine  # noqa: E402 - a module of the scripts

_STACK = "bench"
_OWN_ENGINE = [sys.executable, "-m", "nebius_model_resource.testing.engine"]


def cli() -> str | None:
    """Pulumi's command line, None if there is none."""
    found = pulumi_engine.find()
    return str(found) if found else None


def describe(*, real: bool) -> str:
    """Which engine is measured, with its version."""
    if not real:
        return (
            "this project's own small engine (nebius_model_resource.testing.engine): no Pulumi CLI was used"
        )
    command = [str(cli()), "version"]
    env = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    version = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()
    return f"Pulumi CLI {version}, file backend"


class Stack:
    """One contender's stack in a folder of its own, with its own backend and Pulumi home.

    Args:
        folder: an empty folder for all of it.
        contender: a module of `benchmarks/programs`.
        url: where the service listens.
        parallel: steps at a time.
        real: whether to use Pulumi's CLI.
    """

    def __init__(self, folder: Path, contender: str, url: str, *, parallel: int, real: bool) -> None:
        self._project = folder / "project"
        self._state = folder / "state"
        self._parallel = parallel
        self._real = real
        for path in (self._project, self._state):
            path.mkdir(parents=True)
        self._env = environment(folder, self._state, url)
        program = f"from benchmarks.programs.{contender} import declare\n\ndeclare()\n"
        (self._project / "__main__.py").write_text(program)
        (self._project / "Pulumi.yaml").write_text(json.dumps(_project_file(contender)))
        # The others do not ask the service about a new model: with the same calls the times can be compared.
        settings = {"config": {"nebius-models:preflight": "false"}}
        (self._project / f"Pulumi.{_STACK}.yaml").write_text(json.dumps(settings))
        if real:
            self._ask("stack", "init", _STACK)

    def run(self, operation: str, models: int) -> processes.Usage:
        """Do one operation and measure it.

        Raises:
            CommandFailed: it failed.
        """
        options = ["--parallel", str(self._parallel)]
        if operation != "preview":
            options += ["--yes", "--skip-preview"]
        env = {**self._env, "BENCHMARK_MODELS": str(models)}
        return processes.run(self._command(operation, *options), env, self._project)

    def state_bytes(self) -> int | None:
        """Mean bytes of one model in the exported state, as compact JSON; None if it holds no model."""
        # The small engine has no command for it: its file is what the other one exports.
        text = self._ask("stack", "export") if self._real else self._file().read_text()
        resources: list[dict[str, Any]] = json.loads(text)["deployment"].get("resources") or []
        sizes = [len(json.dumps(each, separators=(",", ":"))) for each in resources if _is_model(each)]
        return round(sum(sizes) / len(sizes)) if sizes else None

    def _file(self) -> Path:
        """The state of the small engine."""
        [file] = self._state.rglob(f"{_STACK}.json")
        return file

    def _command(self, *words: str) -> list[str]:
        if self._real:
            stack = [] if words[:2] == ("stack", "init") else ["--stack", _STACK]
            return [str(cli()), *words, *stack, "--non-interactive", "--color", "never"]
        return [*_OWN_ENGINE, *words, "--stack", _STACK, "--state-dir", str(self._state)]

    def _ask(self, *words: str) -> str:
        done = subprocess.run(
            self._command(*words),
            env=self._env,
            cwd=self._project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise processes.CommandFailed(f"`{' '.join(words)}` ended with an error:\n{done.stderr}")
        return done.stdout


def _is_model(resource: Mapping[str, Any]) -> bool:
    return str(resource["type"]).startswith("pulumi-python:")


def _project_file(contender: str) -> dict[str, Any]:
    """Pulumi.yaml (JSON is YAML); the interpreter is the one that runs the benchmark."""
    in_venv = sys.prefix != sys.base_prefix
    options = {"virtualenv": sys.prefix} if in_venv else {}
    return {"name": f"bench-{contender}", "runtime": {"name": "python", "options": options}}


def environment(folder: Path, state: Path, url: str) -> dict[str, str]:
    """The environment of everything that is measured: this clone, a service, and an engine's own home and state."""
    # A shell may have set variables that speed up or slow down Python. Users do not have them.
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "NEBIUS_AI_PROJECT_ID")
    clean = {name: value for name, value in os.environ.items() if name not in dropped}
    return {
        **clean,
        "PATH": os.pathsep.join(_folders()),
        "PYTHONPATH": str(ROOT),
        "NEBIUS_API_KEY": KEY,
        "NEBIUS_BASE_URL": url,
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "benchmark",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def _folders() -> list[str]:
    """PATH: the interpreter's own folder first, then the CLI's."""
    found = pulumi_engine.find()
    cli_folder = [str(found.parent)] if found else []
    return [str(Path(sys.executable).parent), *cli_folder, os.environ.get("PATH", os.defpath)]
