"""One run of the engine: state, host, program and listeners put together, and taken apart again in every case."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .config import Config, Project, as_properties
from .deployment import Deployment, Identity
from .events import Events, Listener
from .host import Host
from .monitor import serving
from .program import TOLD, Order, Program
from .state import Journal, StateFile
from .values import Properties


@dataclass
class Setting:
    """What every operation on a stack needs to know."""

    project: Project
    stack: str
    python: str
    env: dict[str, str]
    config: Config
    parallel: int
    organization: str = "organization"
    program_args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How an operation ended."""

    succeeded: bool
    interrupted: bool
    changes: dict[str, int]
    outputs: Properties


def run(kind: str, setting: Setting, file: StateFile, listeners: list[Listener], *, dry_run: bool) -> Outcome:
    """Run one operation (`update`, `refresh` or `destroy`) to its end.

    Raises:
        EngineError: It could not begin. What goes wrong later is told to the listeners, and in the outcome.
    """
    with file.locked():
        base = file.read()
        events = Events(listeners, planning=dry_run)
        journal = Journal(file, base, dry_run=dry_run)
        with _deployed(kind, setting, events, journal, base, dry_run=dry_run) as (deployment, address):
            events.prelude(
                {key: "[secret]" if value.secret else value.value for key, value in setting.config.items()}
            )
            if base.pending and not dry_run and kind == "update":
                events.say(_pending_warning(base.pending), severity="warning", urn=deployment.stack_urn)
            with _interruptible(deployment):
                _STEPS[kind](deployment, setting, address)
            deployment.settle_stack()
            if deployment.step_failed or (dry_run and deployment.planner.errored):
                events.say("preview failed" if dry_run else "update failed", severity="error")
        if not dry_run:
            journal.save()
        events.summary()
        stack = next(
            (each for each in journal.snapshot().resources if each.urn == deployment.stack_urn), None
        )
        succeeded = not (deployment.failed or deployment.interrupted)
        return Outcome(
            succeeded, deployment.interrupted, dict(events.changes), stack.outputs if stack else {}
        )


def _pending_warning(pending: list[Any]) -> str:
    lines = [f"  * {resource.urn}, interrupted while {kind}" for resource, kind in pending]
    return "\n".join(
        [
            "Attempting to deploy or update resources with pending operations from a previous deployment.",
            *lines,
        ]
    )


@contextmanager
def _deployed(
    kind: str, setting: Setting, events: Events, journal: Journal, base: Any, *, dry_run: bool
) -> Iterator[tuple[Deployment, str]]:
    """A deployment with its server; nothing of it is left behind, whatever happens inside."""
    address: list[str] = []
    project = setting.project

    def make_host() -> Host:
        return Host(setting.python, address[0], project.name, project.root, setting.env, said)

    def said(line: str) -> None:
        events.say(line, urn=deployment.stack_urn)

    config = as_properties(setting.config) if kind == "update" else _recorded_config(base)
    deployment = Deployment(
        Identity(project.name, setting.stack, setting.organization),
        base,
        journal,
        events,
        make_host,
        config,
        parallel=setting.parallel,
        dry_run=dry_run,
    )
    with serving(deployment, threads=setting.parallel * 4 + 16) as listening:
        address.append(listening)
        try:
            yield deployment, listening
        finally:
            deployment.close()


def _recorded_config(base: Any) -> Properties:
    """The configuration kept with the provider: what a refresh and a destroy go by."""
    provider = next((resource for resource in base.resources if resource.is_provider), None)
    return dict(provider.inputs) if provider else {}


def _update(deployment: Deployment, setting: Setting, address: str) -> None:
    order = _order(setting, address, dry_run=deployment.dry_run)
    project = setting.project

    def said(line: str, severity: str) -> None:
        deployment.events.say(line, severity=severity, urn=deployment.stack_urn)

    cwd = project.main if project.main.is_dir() else project.main.parent
    with Program(setting.python, order, cwd, setting.env, said) as program:
        status = program.wait(deployment.given_up)
    if status is None or deployment.given_up.is_set():
        return
    if status not in (0, TOLD):
        deployment.report(deployment.stack_urn, f"the program ended with status {status} and did not say why")
    if status != 0:
        deployment.failed = True
        return
    deployment.delete_leftovers()


def _order(setting: Setting, address: str, *, dry_run: bool) -> Order:
    project = setting.project
    settings = {
        "monitor": address,
        "engine": address,
        "project": project.name,
        "stack": setting.stack,
        "parallel": setting.parallel,
        "dry_run": dry_run,
        "organization": setting.organization,
        "root_directory": str(project.root),
    }
    config = {key: value.value for key, value in setting.config.items()}
    secret_keys = [key for key, value in setting.config.items() if value.secret]
    return Order(str(project.main), config, secret_keys, settings)


def _refresh(deployment: Deployment, _setting: Setting, _address: str) -> None:
    deployment.refresh()


def _destroy(deployment: Deployment, _setting: Setting, _address: str) -> None:
    deployment.delete_leftovers()


_STEPS = {"update": _update, "refresh": _refresh, "destroy": _destroy}


@contextmanager
def _interruptible(deployment: Deployment) -> Iterator[None]:
    """Ctrl-C or SIGTERM once: finish what is in flight and end; twice: as ever."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def interrupt(_number: int, _frame: object) -> None:
        restore()
        # Not from inside the handler: it may have stopped this very thread while it held the lock on the events.
        threading.Thread(target=deployment.interrupt, daemon=True).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        restore()


def environment(extra: Mapping[str, str], work_dir: Path) -> dict[str, str]:
    """The environment of program and host: this process's and `extra`.

    `work_dir` stays what the host starts in and imports from.
    """
    env = {**os.environ, **extra, "PWD": str(work_dir)}
    env.pop("PULUMI_CONFIG", None)
    return env
