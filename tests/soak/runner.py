"""Runs many sequences, each from a seed of its own, and reports what they did."""

from __future__ import annotations

import argparse
import datetime as dt
import platform
import random
import sys
import time
from collections import Counter
from importlib.metadata import version

from tests.soak import real
from tests.soak.sequences import Figures, Violation, draw, run
from tests.soak.world import World


def soak(first: int, count: int, minutes: float = float("inf")) -> tuple[Figures, list[int]]:
    """Run sequences; returns the figures, and the seeds of those that broke the promise."""
    figures, broken = Figures(), []
    end = time.monotonic() + minutes * 60
    with World() as world:
        for seed in range(first, first + count):
            if time.monotonic() > end:
                break
            sequence = draw(random.Random(seed))
            try:
                run(world, sequence, figures)
            except Violation as violation:
                broken.append(seed)
                print(f"seed {seed}: {violation}\n  {sequence}", flush=True)  # noqa: T201 - this is a command
    return figures, broken


def main(argv: list[str] | None = None) -> int:
    """Run, print, and return the exit code: 1 if a sequence broke the promise."""
    arguments = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    arguments.add_argument("sequences", type=int, help="how many sequences to run")
    arguments.add_argument("--seed", type=int, default=0, help="the first; each sequence has the next one")
    arguments.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many minutes")
    arguments.add_argument("--engine", choices=["cli", "local"], default="local", help="which engine to use")
    options = arguments.parse_args(argv)
    started = time.monotonic()
    if options.engine == "cli":
        played, broken = real.soak(options.seed, options.sequences, options.minutes)
        print(f"{played} sequences in {time.monotonic() - started:.0f} s; broke the promise: {broken}")  # noqa: T201
        return 1 if broken else 0
    figures, broken = soak(options.seed, options.sequences, options.minutes)
    seconds = time.monotonic() - started
    print(report(figures, broken, options.seed, seconds))  # noqa: T201
    return 1 if broken else 0


def report(figures: Figures, broken: list[int], first: int, seconds: float) -> str:
    """The figures, for a person."""
    run_ = figures.sequences + len(broken)
    versions = ", ".join(f"{name} {version(name)}" for name in ("pulumi", "requests", "urllib3", "grpcio"))
    return "\n".join(
        [
            f"{run_} sequences (seeds {first} to {first + run_ - 1}) in {seconds:.0f} s",
            f"{run_ / max(seconds, 0.001):.1f} a second; {len(broken)} broke the promise: {broken}",
            f"operations: {_counted(figures.operations)}; {figures.failed} of them failed",
            f"what they did: {_counted(figures.done)}",
            f"faults that hit: {_counted(figures.faults)}",
            f"killed: {_counted(figures.kills)}",
            f"{figures.requests} requests, {figures.models} models created",
            f"{dt.datetime.now(dt.timezone.utc):%d %B %Y}, Python {platform.python_version()}, {versions}",
        ]
    )


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common()) or "none"


if __name__ == "__main__":
    sys.exit(main())
