"""The same random sequences on Pulumi's own engine, in real time: without kills, which tests/stacks holds.

A model that a sequence adopts or only reads is created here like the others: both need to know the service's names.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.soak.programs import INPUTS
from tests.soak.sequences import Sequence, Step, Violation, draw
from tests.support.stacks import cli_stack, environment, run_pulumi, write_program

SECONDS = 20  # for each create, update and delete
HEAD = """
from pulumi import Alias, CustomTimeouts, ResourceOptions
from nebius_model_resource import CustomModel

TIMEOUTS = CustomTimeouts(create="{0}s", update="{0}s", delete="{0}s")
"""
UNKNOWN = "it is not known whether"  # a POST without an answer whose list could not be read


def program_of(models: Mapping[str, Mapping[str, Any]]) -> str:
    """The program of a step."""
    lines = [HEAD.format(SECONDS)]
    for resource, model in models.items():
        given = {name: model[name] for name in INPUTS if model.get(name) is not None}
        aliases = ", ".join(f"Alias(name={name!r})" for name in model.get("was", []))
        opts = f"ResourceOptions(custom_timeouts=TIMEOUTS, aliases=[{aliases}])"
        lines.append(f"CustomModel({resource!r}, **{given!r}, opts={opts})")
    return "\n".join(lines) + "\n"


class RealStack:
    """One stack on the CLI that is on PATH, with a service of its own."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.folder = folder
        self.emulator = emulator
        self.stack = cli_stack(folder, emulator, HEAD.format(SECONDS), {"nebius-models:preflight": "false"})

    def run(self, step: Step) -> tuple[bool, str]:
        """Run one operation; whether it succeeded, and what it printed."""
        work_dir = write_program(self.folder, program_of(step.program))
        flags = ["--refresh"] * step.refresh + ["--run-program"] * step.by_program
        flags += [] if step.operation == "preview" else ["--yes", "--skip-preview"]
        done = run_pulumi(
            work_dir, environment(self.folder), step.operation, "--stack", "test", "--non-interactive", *flags
        )
        return done.returncode == 0, done.stdout + done.stderr

    def held(self) -> list[str]:
        """The ids of the models in the state."""
        resources = (self.stack.export_stack().deployment or {}).get("resources") or []
        return [each["id"] for each in resources if each["type"].endswith(":CustomModel")]


def play(sequence: Sequence) -> None:
    """Play a sequence, and then one `up` without faults.

    Raises:
        Violation: state and service do not agree.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator(validation_seconds=1, **sequence.settings) as emulator,
    ):
        stack = RealStack(Path(folder), emulator)
        printed = []
        for step in sequence.steps:
            emulator.settings.failing_sources = {"file-2": "no adapter"} if step.failing else {}
            for fault in step.faults:
                emulator.add_fault(Fault(**fault))
            printed.append(stack.run(step)[1])
            emulator.clear_faults()
        emulator.settings.failing_sources = {}
        for model in emulator.models():
            if model["status"] == "error":
                emulator.change_model(model["name"], status="active")
        last = sequence.steps[-1]
        succeeded, text = stack.run(Step("up", last.program))
        if not succeeded:
            raise Violation(f"an up without faults failed: {text}")
        held, live = stack.held(), {model["name"] for model in emulator.models()}
        lost = any(UNKNOWN in text for text in printed)
        if len(set(held)) != len(held) or not set(held) <= live or (live - set(held) and not lost):
            raise Violation(f"the state holds {sorted(held)}, the service {sorted(live)}")


def soak(first: int, count: int, minutes: float) -> tuple[int, list[int]]:
    """Play sequences; returns how many, and the seeds of those that broke the promise."""
    end, broken, played = time.monotonic() + minutes * 60, [], 0
    for seed in range(first, first + count):
        if time.monotonic() > end:
            break
        sequence = draw(random.Random(seed))
        try:
            play(sequence)
        except Violation as violation:
            broken.append(seed)
            print(f"seed {seed}: {violation}\n  {sequence}", flush=True)  # noqa: T201 - this is a command
        played += 1
    return played, broken
