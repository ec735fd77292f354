"""What ``from nebius_model_resource import CustomModel`` adds to a program that has imported ``pulumi.dynamic``.

The class is imported too, as in every program: the package's name alone may load nothing yet.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from statistics import median

BOUND = 15.0  # milliseconds
_LATE = ("requests", "urllib3", "fastapi", "uvicorn", "nebius_model_resource.testing")
_SCRIPT = """
import json, sys, time
import pulumi, pulumi.dynamic
before = set(sys.modules)
started, worked = time.perf_counter(), time.process_time()
from nebius_model_resource import CustomModel
taken, work = time.perf_counter() - started, time.process_time() - worked
print(json.dumps([1000 * taken, 1000 * work, sorted(set(sys.modules) - before)]))
"""


@dataclass(frozen=True)
class Startup:
    """Milliseconds in each fresh interpreter (by the clock, and of the processor), and the modules that it loaded."""

    samples: list[float]
    work: list[float]
    modules: list[str]

    def text(self) -> str:
        """The figure, its bound, and what was loaded too early."""
        early = [name for name in self.modules if name.startswith(_LATE)]
        middle = median(self.samples)
        met = "met" if middle <= BOUND else "MISSED"
        return (
            f"from nebius_model_resource import CustomModel, after pulumi and pulumi.dynamic: {middle:.1f} ms "
            f"(median of {len(self.samples)} fresh interpreters, fastest {min(self.samples):.1f} ms, "
            f"slowest {max(self.samples):.1f} ms; processor time {median(self.work):.1f} ms; "
            f"bound {BOUND:g} ms: {met})\n"
            f"modules loaded with it: {len(self.modules)}; "
            f"loaded too early: {', '.join(early) if early else 'none'}"
        )


def measure(runs: int = 21) -> Startup:
    """Import in fresh interpreters, with byte code cached as in an installed package."""
    _once()
    found = [_once() for _ in range(runs)]
    return Startup([taken for taken, _, _ in found], [work for _, work, _ in found], found[-1][2])


def _once() -> tuple[float, float, list[str]]:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], env=env, capture_output=True, text=True, check=True
    )
    taken, work, modules = json.loads(done.stdout)
    return taken, work, modules
