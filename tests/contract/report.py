"""The report of a run: a file that its user can read, and attach to an issue."""

from __future__ import annotations

import datetime as dt
import platform
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version

from tests.contract.outcome import AGREES, DIFFERS, NOT_REACHED, Outcome

WORDS = (AGREES, DIFFERS, NOT_REACHED)


@dataclass
class Run:
    """What one run found.

    Attributes:
        where: the host, or words that say it was the emulator.
        outcomes: one for each case, in the order of the run.
        calls: how many calls were sent.
        accepted: whether the service accepted the key.
        made: the names of the models that were created.
        leftovers: what could not be deleted.
        interrupted: whether the run was ended before its last case.
        at: when it began.
    """

    where: str
    outcomes: list[Outcome] = field(default_factory=list)
    calls: int = 0
    accepted: bool = False
    made: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    interrupted: bool = False
    at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.timezone.utc))

    def counts(self) -> dict[str, int]:
        """How many cases ended with each of the three words."""
        seen = Counter(outcome.word for outcome in self.outcomes)
        return {word: seen[word] for word in WORDS}

    def summary(self) -> str:
        """One line."""
        counted = ", ".join(f"{number} {word}" for word, number in self.counts().items())
        return f"{counted} ({self.calls} calls)" + ("; interrupted" if self.interrupted else "")


def file_name(day: dt.date) -> str:
    """Return the name of the report of a day."""
    return f"contract-report-{day.isoformat()}.md"


def markdown(run: Run) -> str:
    """Return the report; everything in it has passed the mask."""
    rows = [
        f"| {outcome.case.section} | {_cell(outcome.case.title)} | {_cell(outcome.said())} |"
        for outcome in sorted(run.outcomes, key=lambda each: each.case.section)
    ]
    lines = [
        f"# Contract of the custom-model API, {run.at:%Y-%m-%d}",
        "",
        f"- Begun {run.at:%Y-%m-%d %H:%M} UTC against {run.where}",
        f"- nebius-model-resource {version('nebius-model-resource')}, Python {platform.python_version()}",
        f"- {run.summary()}",
        f"- Models made: {', '.join(f'`{name}`' for name in run.made) or 'none'}",
        f"- Not deleted: {'; '.join(run.leftovers) or 'nothing'}",
        "",
        "| Section | Documented | Seen |",
        "|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
