"""Play every scenario on the Pulumi CLI that is on PATH, and record what was observed.

    python -m tests.engine.record            # all of them, into tests/engine/observed.json
    python -m tests.engine.record alias …    # those whose names hold a word, the rest stays

Run it again for a new release of the CLI, and read the difference in the file before committing it.
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .engines import RealStack, real_version
from .lab import play
from .scenarios import SCENARIOS

OBSERVED = Path(__file__).parent / "observed.json"


def load() -> dict[str, Any]:
    """The observations by scenario, with their place and time."""
    found: dict[str, Any] = {"scenarios": {}}
    if OBSERVED.exists():
        found = json.loads(OBSERVED.read_text())
    return found


def main(words: list[str]) -> None:
    """Record the scenarios whose names hold one of `words`; all without words."""
    version = real_version()
    if version is None:
        sys.exit("there is no pulumi on PATH")
    for scenario in SCENARIOS:
        if words and not any(word in scenario.name for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            turns = play(scenario, Path(folder) / "lab", RealStack)
        _save(scenario.name, turns, version)
        outcome = "ok" if all(turn["succeeded"] for turn in turns) else "with failures"
        print(scenario.name, outcome, flush=True)  # noqa: T201 - a command


def _save(name: str, turns: list[dict[str, Any]], version: str) -> None:
    """Write one scenario's turns to the file, and remove those of scenarios that no longer exist."""
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        names = {scenario.name for scenario in SCENARIOS}
        kept = {known: old for known, old in load()["scenarios"].items() if known in names}
        about = {
            "cli": version,
            "sdk": importlib.metadata.version("pulumi"),
            "python": ".".join(map(str, sys.version_info[:2])),
            "date": datetime.now(timezone.utc).date().isoformat(),
        }
        OBSERVED.write_text(_text(about, {**kept, name: turns}))


def _text(about: dict[str, Any], scenarios: dict[str, list[dict[str, Any]]]) -> str:
    """JSON with one line for each turn: the changes of a release appear as readable lines."""
    parts = []
    for name, turns in sorted(scenarios.items()):
        lines = ",\n".join("   " + json.dumps(turn, sort_keys=True, separators=(",", ":")) for turn in turns)
        parts.append(f"  {json.dumps(name)}: [\n{lines}\n  ]")
    body = ",\n".join(parts)
    return f'{{\n "about": {json.dumps(about, sort_keys=True)},\n "scenarios": {{\n{body}\n }}\n}}\n'


if __name__ == "__main__":
    main(sys.argv[1:])
