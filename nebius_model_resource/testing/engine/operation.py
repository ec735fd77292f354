"""One run of the engine: it connects state, host, program and listeners, and always ends them."""

from __future__ import annotations

import functools
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .config import Config, Project, as_properties
from .deployment import Deployment, Identity
from .events import Events, Listener
from .host import Host
from .monitor import serving
from .program import REPORTED, Program
from .program import Order as ProgramOrder
from .registration import Purpose
from .state import Journal, StateFile
from .values import Properties


@dataclass
class Setting:
    """What every operation on a stack needs to know."""

    project: Project
    stack: str
    python: str
    env_vars: dict[str, str]
    config: Config
    parallel: int
    organization: str = "organization"
    program_args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """What to run: `kind` is `update`, `refresh` or `destroy`.

    `refresh`: what is live is read first. `program`: the program is run for that, or for the destroy.
    `replace`: the URNs to replace whatever their diff is; `*` stands for a part of one, `**` for any parts.
    """

    kind: str
    dry_run: bool = False
    refresh: bool = False
    program: bool = False
    replace: tuple[str, ...] = ()

    def targets(self, urn: str) -> bool:
        """Whether the resource of that URN is to be replaced."""
        return any(_glob(pattern).fullmatch(urn) for pattern in self.replace)

    @property
    def purpose(self) -> Purpose:
        """What the program is run for, if it is."""
        return Purpose[self.kind.upper()]

    @property
    def refreshes_first(self) -> bool:
        """Whether everything in the state is refreshed before anything else."""
        return self.refresh and not self.asking

    @property
    def asking(self) -> bool:
        """Whether each resource is refreshed when the program declares it."""
        return self.program and (self.kind == "refresh" or (self.kind == "update" and self.refresh))

    @property
    def runs_program(self) -> bool:
        """Whether the program is run at all."""
        return self.kind == "update" or self.program


@dataclass(frozen=True)
class Outcome:
    """How an operation ended."""

    succeeded: bool
    interrupted: bool
    changes: dict[str, int]
    outputs: Properties
    unexpected: bool = False  # there were changes where none were expected


def run(
    order: Order,
    setting: Setting,
    file: StateFile,
    listeners: list[Listener],
    *,
    expect_no_changes: bool = False,
) -> Outcome:
    """Run one operation to its end; with `expect_no_changes` any change is a failure.

    Raises:
        EngineError: It could not begin. What goes wrong later is in the events and in the outcome.
    """
    dry_run = order.dry_run
    with file.locked():
        base = file.read()
        events = Events(listeners, planning=dry_run)
        journal = Journal(file, base, dry_run=dry_run)
        with _deployed(order, setting, events, journal, base) as (deployment, address):
            events.prelude(
                {key: "[secret]" if value.secret else value.value for key, value in setting.config.items()}
            )
            if base.pending and not dry_run and order.kind == "update" and not order.refreshes_first:
                events.say(_pending_warning(base.pending), severity="warning", urn=deployment.stack_urn)
            with _interruptible(deployment):
                carry_out(order, deployment, lambda: _run_program(deployment, setting, address))
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
        changed = any(count for op, count in events.changes.items() if op not in _QUIET)
        unexpected = succeeded and expect_no_changes and changed
        return Outcome(
            succeeded and not unexpected,
            deployment.interrupted,
            dict(events.changes),
            stack.outputs if stack else {},
            unexpected,
        )


# What happens without changing anything.
_QUIET = {"same", "read", "read-replacement", "discard"}


@functools.lru_cache
def _glob(pattern: str) -> re.Pattern[str]:
    parts = (re.escape(part).replace(r"\*", "[^:]*") for part in pattern.split("**"))
    return re.compile(".*".join(parts))


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
    order: Order, setting: Setting, events: Events, journal: Journal, base: Any
) -> Iterator[tuple[Deployment, str]]:
    """A deployment with its server; both are ended, whatever happens inside."""
    address: list[str] = []
    project = setting.project

    def make_host() -> Host:
        return Host(
            setting.python, address[0], project.name, project.root, setting.env_vars, events.say, complained
        )

    def complained(line: str) -> None:
        events.say(line, severity="info#err")

    deployment = Deployment(
        Identity(project.name, setting.stack, setting.organization),
        base,
        journal,
        events,
        make_host,
        as_properties(setting.config),
        parallel=setting.parallel,
        dry_run=order.dry_run,
        purpose=order.purpose,
        targets=order.targets,
        asking=order.asking,
    )
    with serving(deployment, threads=setting.parallel * 4 + 16) as listening:
        address.append(listening)
        try:
            yield deployment, listening
        finally:
            deployment.close()


# Without a `$`, a shell may have taken it.
_ESCAPED = {True: " Did you forget to escape $ in your shell?", False: ""}


def carry_out(order: Order, deployment: Deployment, run_program: Callable[[], bool]) -> None:
    """Carry out the order; `run_program` returns whether the work after the program may start."""
    if order.refreshes_first:
        deployment.refresh(alone=False)
        if deployment.failed:
            return
    missing = [
        urn
        for urn in order.replace
        if "*" not in urn and all(old.urn != urn for old in deployment.planner.olds)
    ]
    for urn in missing:
        deployment.report("", f"Target '{urn}' could not be found in the stack.{_ESCAPED['$' not in urn]}")
    if missing or (order.runs_program and not run_program()):
        return
    if order.kind == "refresh":
        deployment.refresh(alone=True)
    else:
        deployment.delete_leftovers()


def _run_program(deployment: Deployment, setting: Setting, address: str) -> bool:
    order = _program_order(setting, address, dry_run=deployment.dry_run)
    project = setting.project

    def said(line: str, severity: str) -> None:
        deployment.events.say(line, severity=severity)

    cwd = project.main if project.main.is_dir() else project.main.parent
    with Program(setting.python, order, cwd, setting.env_vars, said) as program:
        status = program.wait(deployment.given_up)
    if status is None or deployment.given_up.is_set():
        return False
    if status not in (0, REPORTED):
        # As the CLI words it; a program that a signal has ended has status -1.
        code = max(status, -1)
        deployment.report("", f"an unhandled error occurred: program exited with non-zero exit code: {code}")
    if status != 0:
        deployment.failed = True
    return status == 0


def _program_order(setting: Setting, address: str, *, dry_run: bool) -> ProgramOrder:
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
    return ProgramOrder(str(project.main), config, secret_keys, settings)


@contextmanager
def _interruptible(deployment: Deployment) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM finishes what is in flight and ends; the second has its usual effect."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def interrupt(_number: int, _frame: object) -> None:
        restore()
        # Not from inside the handler: it may have interrupted this thread while it held the lock on the events.
        threading.Thread(target=deployment.interrupt, daemon=True).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        restore()


def environment(extra: Mapping[str, str], work_dir: Path) -> dict[str, str]:
    """The environment of program and host: this process's and `extra`.

    The host starts in `work_dir` and imports from it.
    """
    env = {**os.environ, **extra, "PWD": str(work_dir)}
    env.pop("PULUMI_CONFIG", None)
    return env
