"""Runs one scenario on either engine and writes down what can be compared.

A scenario is a list of turns. Each turn may change the program, the knobs of the provider and its world, and then runs
one operation. The record of a turn has: whether it succeeded, the provider's calls with their time-outs, the step
events, the errors, warnings and other messages, the counts, and the state in its order, secrets decrypted. What cannot
be equal on two engines is left out (times, source positions, the provider's random id, tracebacks) or compared without
its order (what independent resources do at the same time).
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from pulumi.automation import ConfigValue

from nebius_model_resource.testing.engine.secrets import Crypter
from tests.support.processes import wait_until

from .parts import KIND, STACK

PROGRAM = Path(__file__).parent / "programs" / "lab"
PASSPHRASE = "correct horse"
CONFIG = {"lab:color": ConfigValue("red"), "other:token": ConfigValue("t0ken", secret=True)}
MakeStack = Callable[[Path], Any]


@dataclass(frozen=True)
class Turn:
    """One operation with its flags, as the CLI spells them, and what is changed before it.

    What is not given does not change, except how the program ends: `crash` is the text of an exception, `end` an
    expression that is evaluated. `prints` are texts by stream, `out` or `err`; each begins with `said`.
    `killed_at`: the engine and all that it started are killed while that item is created.
    """

    op: str = "up"
    resources: list[dict[str, Any]] | None = None
    exports: dict[str, Any] | None = None
    crash: str | None = None
    end: str | None = None
    prints: Mapping[str, str] = field(default_factory=dict)
    logs: list[list[str]] | None = None
    knobs: dict[str, Any] | None = None
    remove: tuple[str, ...] = ()
    edit: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    killed_at: str = ""


@dataclass(frozen=True)
class Scenario:
    """Turns on one stack, whose resources come one after another, so that the order of everything is compared."""

    name: str
    turns: list[Turn]


def play(scenario: Scenario, folder: Path, make_stack: MakeStack) -> list[dict[str, Any]]:
    """Run every turn in `folder`; returns what is to be compared, turn by turn."""
    shutil.copytree(
        PROGRAM, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "__init__.py")
    )
    plan: dict[str, Any] = {"resources": [], "exports": {}}
    (folder / "scenario.json").write_text(json.dumps(plan))
    stack = make_stack(folder)
    return [_turn(turn, plan, folder, stack) for turn in scenario.turns]


def _turn(turn: Turn, plan: dict[str, Any], folder: Path, stack: Any) -> dict[str, Any]:
    _prepare(turn, plan, folder)
    for key, value in turn.config.items():
        stack.set_config(key, value)
    events: list[Any] = []
    killed = turn.killed_at and _killed(turn, folder, stack)
    succeeded = not killed and stack.run(turn.op, turn.flags, events.append)
    summaries = [event.summary_event.resource_changes for event in events if event.summary_event]
    calls = [json.loads(line) for line in _lines(folder / "calls.jsonl")]
    steps = [told for event in events if (told := _step(event)) is not None]
    return {
        "op": " ".join([turn.op, *turn.flags]),
        "succeeded": succeeded,
        "counts": {key: count for each in summaries for key, count in sorted(each.items()) if count},
        "calls": calls,
        "steps": steps,
        "errors": sorted({line for event in events if (line := _error(event)) is not None}),
        "said": sorted({line for event in events if (line := _said(event)) is not None}),
        "state": _state(stack.deployment()),
        "world": json.loads((folder / "world.json").read_text()) if (folder / "world.json").exists() else {},
    }


def _killed(turn: Turn, folder: Path, stack: Any) -> bool:
    """Kill the engine and all that it started during a create."""
    with stack.start(turn.op) as engine:
        try:
            begun = f'"create", "urn": "{STACK.rpartition("pulumi:pulumi")[0]}{KIND}::{turn.killed_at}"'
            wait_until(lambda: any(begun in line for line in _lines(folder / "calls.jsonl")), begun)
        finally:
            kill_all(psutil.Process(engine.pid))
    return True


def kill_all(process: psutil.Process) -> None:
    """Kill a process and its descendants: a host whose engine is gone continues its call."""
    processes = [process, *process.children(recursive=True)]
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(processes[1:])


def _prepare(turn: Turn, plan: dict[str, Any], folder: Path) -> None:
    if turn.resources is not None:
        plan["resources"] = turn.resources
    if turn.exports is not None:
        plan["exports"] = turn.exports
    plan.update(crash=turn.crash, logs=turn.logs, end=turn.end, prints=dict(turn.prints))
    (folder / "scenario.json").write_text(json.dumps(plan))
    if turn.knobs is not None:
        (folder / "knobs.json").write_text(json.dumps(turn.knobs))
    (folder / "calls.jsonl").write_text("")
    if turn.remove or turn.edit:
        world = json.loads((folder / "world.json").read_text())
        kept = {
            id_: {**item, **turn.edit.get(id_, {})} for id_, item in world.items() if id_ not in turn.remove
        }
        (folder / "world.json").write_text(json.dumps(kept))


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _step(event: Any) -> dict[str, Any] | None:
    for kind in ("resource_pre_event", "res_outputs_event", "res_op_failed_event"):
        told = getattr(event, kind)
        if told is not None:
            data = told.metadata
            return {
                "event": kind,
                "op": data.op.value,
                "urn": data.urn,
                "keys": sorted(data.keys or []),
                "diffs": sorted(data.diffs or []),
                "detailed": {
                    path: diff.diff_kind.value for path, diff in sorted((data.detailed_diff or {}).items())
                },
            }
    return None


def _error(event: Any) -> str | None:
    """An error without its traceback: the resource it is of, and its last line."""
    told = event.diagnostic_event
    if told is None or told.severity != "error":
        return None
    text = told.message.replace("<{%reset%}>", "").strip()
    return f"{told.urn or ''}: {text.splitlines()[-1] if text else ''}"


def _said(event: Any) -> str | None:
    """A message that is not an error, with its severity and resource."""
    told = event.diagnostic_event
    if told is None or told.severity in ("error", "debug"):
        return None
    # The real engine says more about pending operations, with the console of AWS as its example.
    text = told.message.replace("<{%reset%}>", "").partition("\nThese resources are in an unk")[0].strip()
    # Only the intended lines of standard error: the traceback of a program that is being ended is random.
    if told.severity == "info#err" and not text.startswith("said"):
        return None
    return f"{told.severity} {told.urn or ''}: {text}"


_LEFT_OUT = {"created", "modified", "sourcePosition", "stackTrace"}


def _state(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """The resources in the order of the file, and the operations in flight."""
    provider = deployment.get("secrets_providers") or {}
    crypter = Crypter(PASSPHRASE, provider.get("state", {}).get("salt"))
    pending = [
        {"type": entry["type"], "resource": _resource(entry["resource"], crypter)}
        for entry in deployment.get("pending_operations") or []
    ]
    return {
        "resources": [_resource(record, crypter) for record in deployment.get("resources") or []],
        "pending": sorted(pending, key=json.dumps),
    }


def _resource(record: Mapping[str, Any], crypter: Crypter) -> dict[str, Any]:
    kept = {
        name: _plain(value, crypter)
        for name, value in sorted(record.items())
        if name not in _LEFT_OUT and value
    }
    if "provider" in kept:
        kept["provider"] = kept["provider"].rpartition("::")[0]
    if record["type"].startswith("pulumi:providers:"):
        kept["id"] = "(random)"
    # Pulumi's engine lists some properties that depend on nothing.
    needs = kept.pop("propertyDependencies", {})
    kept["needs"] = {key: listed for key, listed in needs.items() if listed}
    if "dependencies" in kept:
        kept["dependencies"] = sorted(kept["dependencies"])
    return kept


def _plain(value: Any, crypter: Crypter, *, within: bool = False) -> Any:
    """The value with each secret decrypted; Pulumi marks parts of a secret once more, which changes nothing."""
    if isinstance(value, list):
        return [_plain(part, crypter, within=within) for part in value]
    if not isinstance(value, dict):
        return value
    if "ciphertext" in value:
        sealed = value["ciphertext"]
        if within:
            return _plain(json.loads(sealed), crypter, within=True)
        return {"(secret)": _plain(json.loads(crypter.decrypt(sealed)), crypter, within=True)}
    return {key: _plain(part, crypter, within=within) for key, part in sorted(value.items())}
