"""One run of the engine: it connects state, host, program and listeners, and always ends them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from . import launcher
from .config import Config, Project, as_properties
from .deployment import Deployment, Identity
from .events import Events
from .host import Host
from .launcher import ORDER, REPORTED
from .monitor import serving
from .planner import Order
from .processes import start
from .state import Journal, Snapshot, StateFile


@dataclass
class Setting:
    """What every operation on a stack needs to know."""

    project: Project
    stack: str
    python: str
    env_vars: dict[str, str]
    config: Config
    parallel: int


@dataclass(frozen=True)
class Outcome:
    """How an operation ended."""

    succeeded: bool
    interrupted: bool = False


def run(order: Order, setting: Setting, file: StateFile, events: Events) -> Outcome:
    """Run one operation to its end.

    Raises:
        EngineError: It could not begin. What goes wrong later is in the events and in the outcome.
    """
    project = setting.project

    def make_host() -> Host:
        address = deployment.address
        return Host(setting.python, address, project.name, project.root, setting.env_vars, events.say)

    with file.locked():
        base = file.read()
        journal = Journal(file, base, dry_run=order.dry_run)
        deployment = Deployment(
            Identity(project.name, setting.stack),
            base,
            journal,
            events,
            make_host,
            as_properties(setting.config),
            order,
            parallel=setting.parallel,
        )
        with serving(deployment, threads=setting.parallel * 4 + 16), closing(deployment):
            if base.pending and not order.dry_run and order.kind != "refresh" and not order.refreshes_first:
                events.say(_pending_warning(base), severity="warning")
            interrupted = False
            try:
                carry_out(order, deployment, lambda: _run_program(deployment, setting))
            except KeyboardInterrupt:
                # What is in flight is finished and recorded; a second one has its usual effect.
                interrupted = True
                deployment.give_up()
            deployment.settle_stack()
        if not order.dry_run:
            journal.save()
    events.summary()
    return Outcome(not (deployment.failed or interrupted), interrupted)


def _pending_warning(base: Snapshot) -> str:
    first = f"Attempting to deploy or update resources with {len(base.pending)} pending operations"
    lines = [f"  * {resource.urn}, interrupted while {kind}" for resource, kind in base.pending]
    return "\n".join([f"{first} from previous deployment.", *lines])


def carry_out(order: Order, deployment: Deployment, run_program: Callable[[], bool]) -> None:
    """Carry out the order; `run_program` returns whether the work after the program may start."""
    if order.refreshes_first:
        deployment.refresh(alone=False)
        if deployment.failed:
            return
    known = {old.urn for old in deployment.planner.olds}
    missing = [urn for urn in order.replace if urn not in known]
    for urn in missing:
        deployment.report("", f"Target '{urn}' could not be found in the stack.")
    if missing or (order.runs_program and not run_program()):
        return
    if order.kind == "refresh":
        deployment.refresh(alone=True)
    else:
        deployment.delete_leftovers()


def _run_program(deployment: Deployment, setting: Setting) -> bool:
    project = setting.project
    settings = {
        "monitor": deployment.address,
        "engine": deployment.address,
        "project": project.name,
        "stack": setting.stack,
        "parallel": setting.parallel,
        "dry_run": deployment.dry_run,
        "root_directory": str(project.root),
    }
    order = {
        "program": str(project.main),
        "config": {key: value.value for key, value in setting.config.items()},
        "secret_keys": [key for key, value in setting.config.items() if value.secret],
        "settings": settings,
    }
    cwd = project.main if project.main.is_dir() else project.main.parent
    env = {**setting.env_vars, ORDER: json.dumps(order)}
    program = start([setting.python, "-u", launcher.__file__], cwd, env, deployment.events.say)
    program.listen()
    try:
        status = program.wait(deployment.given_up)
    finally:
        program.end(patience=2)
    if status is None or deployment.given_up.is_set():
        return False
    if status not in (0, REPORTED):
        words = "an unhandled error occurred: program exited with non-zero exit code"
        deployment.report("", f"{words}: {status}")
    deployment.failed |= status != 0
    return status == 0


def environment(extra: Mapping[str, str], work_dir: Path) -> dict[str, str]:
    """The environment of program and host: this process's and `extra`.

    The host starts in `work_dir` and imports from it.
    """
    env = {**os.environ, **extra, "PWD": str(work_dir)}
    env.pop("PULUMI_CONFIG", None)
    return env
