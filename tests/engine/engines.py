"""The two engines that can play a scenario; both classes have the same methods."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from pulumi.automation.events import EngineEvent

from nebius_model_resource.testing.engine import EngineError, LocalStack
from nebius_model_resource.testing.engine.secrets import Crypter
from tests.support.warm import warm_python

from .lab import CONFIG, PASSPHRASE

# One salt for all: a key takes a third of a second to derive, and is derived once for each salt.
SALT = "v1:LulKuSgwIDc=:v1:2BmwUa3a9Xfi/FHV:VgQQFWteH9KyLy7jr2hOuqUCoxhviA=="
OnEvent = Callable[[EngineEvent], Any]


def has_cli() -> bool:
    """Whether a Pulumi CLI is on PATH."""
    return shutil.which("pulumi") is not None


class RealStack:
    """A stack on the CLI that is on PATH, with a backend and a home of its own beside `folder`.

    It calls the CLI as the Automation API does, with the same log of events, but without the processes that the API
    starts before and after each operation: each takes a second.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._backend = folder.parent / f"{folder.name}-backend"
        self._backend.mkdir()
        self._log = folder.parent / "events.jsonl"
        # Before each operation the language host lists all packages in search of plugins, which takes half a second.
        pip = folder.parent / "quick" / "pip"
        pip.mkdir(parents=True)
        (pip / "__main__.py").write_text("print('[]')\n")
        self._env = {
            **os.environ,
            # A language host that does not know the option `virtualenv` takes the first Python.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(pip.parent),
            "PULUMI_BACKEND_URL": self._backend.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_HOME": str(folder.parent / f"{folder.name}-home"),
            # The log of events is one of the flags that the CLI accepts only from the Automation API.
            "PULUMI_DEBUG_COMMANDS": "true",
        }
        crypter = Crypter(PASSPHRASE, SALT)
        self._values = {
            key: {"secure": crypter.encrypt(value.value)} if value.secret else value.value
            for key, value in CONFIG.items()
        }
        self._write_settings()
        self._call("stack", "init", "dev", "--non-interactive").check_returncode()

    def run(self, op: str, flags: Sequence[str], on_event: OnEvent) -> bool:
        """Run one operation; returns whether it succeeded."""
        self._log.write_text("")
        # A killed CLI leaves its lock, which `pulumi cancel` would remove.
        shutil.rmtree(self._backend / ".pulumi" / "locks", ignore_errors=True)
        ended = self._call(*self._words(op), "--parallel", "1", *flags)
        for line in self._log.read_text().splitlines():
            on_event(EngineEvent.from_json(json.loads(line)))
        return ended.returncode == 0

    def start(self, op: str) -> subprocess.Popen[bytes]:
        """Start one operation in a process of its own."""
        command = ["pulumi", *self._words(op)]
        return subprocess.Popen(command, cwd=self._folder, env=self._env, stdout=subprocess.DEVNULL)

    def set_config(self, key: str, value: str) -> None:
        """Set a plain configuration value."""
        self._values[key] = value
        self._write_settings()

    def deployment(self) -> dict[str, Any]:
        """The state as in the file."""
        document = json.loads((self._backend / ".pulumi" / "stacks" / "lab" / "dev.json").read_text())
        found: dict[str, Any] = document["checkpoint"].get("latest") or {}
        return found

    def _words(self, op: str) -> list[str]:
        words = [op, "--stack", "dev", "--non-interactive", "--event-log", str(self._log)]
        return words if op == "preview" else [*words, "--skip-preview", "--yes"]

    def _call(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["pulumi", *words], cwd=self._folder, env=self._env, capture_output=True, check=False
        )

    def _write_settings(self) -> None:
        (self._folder / "Pulumi.dev.yaml").write_text(
            yaml.safe_dump({"encryptionsalt": SALT, "config": self._values})
        )


def warm_stack(folder: Path, **options: Any) -> LocalStack:
    """A stack on this package's engine whose program and hosts start at once."""
    return LocalStack.create_or_select("dev", folder, python=warm_python(), **options)


class OwnStack:
    """A stack on this package's engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._states = folder.parent / f"{folder.name}-state"
        self.stack = warm_stack(folder, config=CONFIG, state_dir=self._states, passphrase=PASSPHRASE)
        self.stack.file.crypter.salt = SALT

    def run(self, op: str, flags: Sequence[str], on_event: OnEvent) -> bool:
        """Run one operation; returns whether it succeeded."""
        options: dict[str, Any] = {}
        for flag in flags:
            name, sign, value = flag.removeprefix("--").partition("=")
            option = name.replace("-", "_")
            options[option] = [*options.get(option, []), value] if sign else True
        try:
            getattr(self.stack, op)(on_event=on_event, parallel=1, **options)
        except EngineError as fault:
            if not fault.stdout:
                raise
            return False
        return True

    def start(self, op: str) -> subprocess.Popen[bytes]:
        """Start one operation in a process of its own."""
        command = [sys.executable, "-m", "nebius_model_resource.testing.engine", op, "--stack", "dev"]
        command += ["--cwd", str(self._folder), "--state-dir", str(self._states)]
        for key, value in CONFIG.items():
            command += ["--secret" if value.secret else "--config", f"{key}={value.value}"]
        env = {**os.environ, "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
        return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)

    def set_config(self, key: str, value: str) -> None:
        """Set a plain configuration value."""
        self.stack.set_config(key, value)

    def deployment(self) -> dict[str, Any]:
        """The state as in the file."""
        path = self.stack.file.path
        found: dict[str, Any] = json.loads(path.read_text())["deployment"] if path.exists() else {}
        return found
