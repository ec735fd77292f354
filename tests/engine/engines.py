"""The two engines that can play a scenario, behind one interface."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import pulumi.automation
import yaml
from pulumi.automation.events import EngineEvent

from nebius_model_resource.testing.engine import EngineError, LocalStack
from tests.support.warm import warm_python

from .lab import CONFIG, PASSPHRASE

SALT = "v1:LulKuSgwIDc=:v1:2BmwUa3a9Xfi/FHV:VgQQFWteH9KyLy7jr2hOuqUCoxhviA=="


class Played(Protocol):
    """A stack as a scenario needs it."""

    def run(
        self, op: str, flags: Sequence[str], on_event: Callable[[EngineEvent], Any], parallel: int | None
    ) -> bool:
        """Run one operation; returns whether it succeeded."""

    def set_config(self, key: str, value: str) -> None:
        """Set a plain configuration value."""

    def deployment(self) -> dict[str, Any]:
        """The state as in the file."""


def real_version() -> str | None:
    """The version of the CLI on PATH, without a leading `v`, or None if there is none."""
    cli = shutil.which("pulumi")
    if cli is None:
        return None
    env = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    return (
        subprocess.run([cli, "version"], capture_output=True, text=True, check=True, env=env)
        .stdout.strip()
        .removeprefix("v")
    )


class RealStack:
    """A stack on the CLI that is on PATH, with a backend and a home of its own beside `folder`.

    The Automation API creates and configures it. Operations call the CLI as the Automation API does, with the same log
    of events, but without the four further processes that the API starts after each for outputs and history: each takes
    a second.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._backend = folder.parent / f"{folder.name}-backend"
        self._backend.mkdir()
        project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
        # The interpreter that runs the tests is the one that has the SDK.
        project["runtime"] = {"name": "python", "options": {"virtualenv": str(Path(sys.prefix))}}
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        env = {
            "PULUMI_BACKEND_URL": f"file://{self._backend}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_HOME": str(folder.parent / f"{folder.name}-home"),
        }
        # The log of events is one of the flags that the CLI accepts only from the Automation API.
        self._env = {**os.environ, **env, "PULUMI_DEBUG_COMMANDS": "true"}
        options = pulumi.automation.LocalWorkspaceOptions(env_vars=env)
        self._stack = pulumi.automation.create_stack("dev", work_dir=str(folder), opts=options)
        self._stack.set_all_config(dict(CONFIG))

    def run(
        self, op: str, flags: Sequence[str], on_event: Callable[[EngineEvent], Any], parallel: int | None
    ) -> bool:
        """Run one operation; returns whether it succeeded."""
        log = self._folder.parent / "events.jsonl"
        log.write_text("")
        common = ["--stack", "dev", "--non-interactive", "--event-log", str(log)]
        common += ["--skip-preview", "--yes"] if op != "preview" else []
        common += ["--parallel", str(parallel)] if parallel else []
        command = ["pulumi", op, *common, *flags]
        ended = subprocess.run(command, cwd=self._folder, env=self._env, capture_output=True, check=False)
        for line in log.read_text().splitlines():
            on_event(EngineEvent.from_json(json.loads(line)))
        return ended.returncode == 0

    def set_config(self, key: str, value: str) -> None:
        """Set a plain configuration value."""
        self._stack.set_config(key, pulumi.automation.ConfigValue(value))

    def deployment(self) -> dict[str, Any]:
        """The state as in the file."""
        document = json.loads((self._backend / ".pulumi" / "stacks" / "lab" / "dev.json").read_text())
        found: dict[str, Any] = document["checkpoint"].get("latest") or {}
        return found


def warm_stack(folder: Path, **options: Any) -> LocalStack:
    """A stack on this package's engine whose program and hosts start at once."""
    return LocalStack.create_or_select("dev", folder, python=warm_python(), **options)


class OwnStack:
    """A stack on this package's engine."""

    def __init__(self, folder: Path) -> None:
        states = folder.parent / f"{folder.name}-state"
        self.stack = warm_stack(folder, config=CONFIG, state_dir=states, passphrase=PASSPHRASE)
        # One salt for all: a key takes a third of a second to derive, and is derived once for each salt.
        self.stack.file.crypter.salt = SALT

    def run(
        self, op: str, flags: Sequence[str], on_event: Callable[[EngineEvent], Any], parallel: int | None
    ) -> bool:
        """Run one operation; returns whether it succeeded."""
        options: dict[str, Any] = {}
        for flag in flags:
            name, sign, value = flag.removeprefix("--").partition("=")
            option = name.replace("-", "_")
            options[option] = [*options.get(option, []), value] if sign else True
        try:
            getattr(self.stack, op)(on_event=on_event, parallel=parallel, **options)
        except EngineError as fault:
            if not fault.stdout:
                raise
            return False
        return True

    def set_config(self, key: str, value: str) -> None:
        """Set a plain configuration value."""
        self.stack.set_config(key, value)

    def deployment(self) -> dict[str, Any]:
        """The state as in the file."""
        path = self.stack.file.path
        found: dict[str, Any] = json.loads(path.read_text())["deployment"] if path.exists() else {}
        return found
