"""Runs the cases, prints what each found and writes the report; `scripts/contract` calls it."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nebius_model_resource._service.settings import Configuration
from nebius_model_resource.errors import ConfigurationError
from nebius_model_resource.testing.emulator import Emulator
from tests.contract.caller import Caller, DiffersError, NotReachedError
from tests.contract.cases import CASES, Cases

EMULATOR = "the emulator"
BASE_MODEL = "meta-llama/Meta-Llama-3.1-8B-Instruct"
ENDPOINT = (
    '{"model_name": "meta-llama/Llama-3.3-70B-Instruct", "flavor_name": "base", "region": "eu-north1", '
    '"gpu_type": "gpu-h100-sxm", "gpu_count": 1, "scaling": {"min_replicas": 1, "max_replicas": 1}}'
)
AGREES = "agrees"
DIFFERS = "differs"
NOT_REACHED = "not reached"
LONGEST = 300


class Mask:
    """Replaces what never leaves the suite: the key, the project and the source of the user who runs it."""

    def __init__(self, key: str, project: str | None = None, source: str | None = None) -> None:
        words = {project: "[project]", source: "[source]", key: "[api key]"}
        # A source has the id of a job and of a checkpoint, and the service may return either.
        words |= {part: "[source]" for part in (source or "").split(":") if len(part) > 5}
        self._words = {word: words[word] for word in sorted(filter(None, words), key=len, reverse=True)}

    def __call__(self, text: str) -> str:
        """Return the text on one line, shortened, without private values and control characters."""
        for word, mask in self._words.items():
            text = text.replace(word, mask)
        text = re.sub(r"[^\x20-\x7e\xa0-\uffff]+", " ", text)
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


@dataclass(frozen=True)
class Outcome:
    """What a case found: one of the three words, and a text that may be empty."""

    case: str
    word: str
    text: str = ""

    def titled(self) -> tuple[str, str]:
        """Return the section of the notes on the service that describes the shape, and what the case checks."""
        return self.case.split("_")[1], str(getattr(Cases, self.case).__doc__)

    def said(self) -> str:
        """Return word and text, such as ``differs: the answer has no field 'name'``."""
        return f"{self.word}: {self.text}" if self.text else self.word

    def row(self) -> str:
        """Return what the report says about the case."""
        cells = [*self.titled(), self.said()]
        escaped = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;") for cell in cells)
        return f"| {' | '.join(escaped)} |"


@dataclass
class Run:
    """What one run found: an outcome for each case, unless it was interrupted; all that it tells passes the mask."""

    visit: Cases
    where: str
    mask: Mask
    outcomes: list[Outcome] = field(default_factory=list)
    interrupted: bool = False

    def leftovers(self) -> list[str]:
        """What could not be deleted."""
        return [self.mask(each) for each in self.visit.leftovers()]

    def counts(self) -> dict[str, int]:
        """How many cases ended with each of the three words."""
        seen = Counter(outcome.word for outcome in self.outcomes)
        return {word: seen[word] for word in (AGREES, DIFFERS, NOT_REACHED)}

    def summary(self) -> str:
        """One line."""
        counted = ", ".join(f"{number} {word}" for word, number in self.counts().items())
        return f"{counted} ({self.visit.caller.calls} calls)" + ("; interrupted" if self.interrupted else "")


def markdown(run: Run) -> str:
    """Return the report; everything in it has passed the mask."""
    now = dt.datetime.now(dt.timezone.utc)
    lines = [
        f"# Contract of the custom-model API, {now:%Y-%m-%d}",
        "",
        f"- Ended {now:%Y-%m-%d %H:%M} UTC against {run.where}",
        f"- nebius-model-resource {version('nebius-model-resource')}, Python {platform.python_version()}",
        f"- {run.summary()}",
        f"- Models made: {', '.join(f'`{run.mask(name)}`' for name in run.visit.models()) or 'none'}",
        f"- Not deleted: {'; '.join(run.leftovers()) or 'nothing'}",
        "",
        "| Section | Documented | Seen |",
        "|---|---|---|",
        *sorted((outcome.row() for outcome in run.outcomes), key=lambda row: row[:3]),
    ]
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    """The command line of ``scripts/contract``."""
    arguments = argparse.ArgumentParser(
        prog="scripts/contract",
        description="Check the documented shapes of the custom-model API: against the emulator, or with --live "
        "against the service, with NEBIUS_API_KEY, NEBIUS_BASE_URL and NEBIUS_AI_PROJECT_ID.",
    )
    arguments.add_argument("--live", action="store_true", help="use the service and your key")
    arguments.add_argument(
        "--source",
        default=os.environ.get("NEBIUS_CONTRACT_SOURCE"),
        help="what the model is made from (or NEBIUS_CONTRACT_SOURCE); without one no model is made",
    )
    arguments.add_argument(
        "--base-model",
        default=os.environ.get("NEBIUS_CONTRACT_BASE_MODEL", BASE_MODEL),
        help=f"the model's base (or NEBIUS_CONTRACT_BASE_MODEL); {BASE_MODEL} by default",
    )
    arguments.add_argument("--wait", type=float, default=180.0, metavar="S", help="seconds it may validate")
    arguments.add_argument(
        "--spend",
        type=json.loads,
        metavar="JSON",
        help="also make, change and delete a dedicated endpoint, which COSTS MONEY by the hour: the body of its "
        f"create without the name, such as {ENDPOINT}; without it the run reads the templates and the list alone",
    )
    arguments.add_argument(
        "--report", type=Path, metavar="FILE", help="write the report here; by default only with --live"
    )
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run all cases, print each, write the report.

    Returns:
        The exit code, as in docs/contract.md. Against the emulator nothing may be out of reach either.
    """
    options = parser().parse_args(argv)
    try:
        return _live(options) if options.live else _on_emulator(options)
    except (ConfigurationError, OSError) as error:
        print(f"contract: {error}", file=sys.stderr)
        return 2


def _live(options: argparse.Namespace) -> int:
    configuration = Configuration(asker="script")
    settings, project = configuration.settings(), configuration.project()
    path = options.report or Path(f"contract-report-{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}.md")
    caller = Caller(settings.base_url, settings.api_key)
    visit = Cases(caller, options.base_model, options.source, project, options.wait, spend=options.spend)
    mask = Mask(settings.api_key, project, options.source)
    return _report(visit, urlsplit(settings.base_url).netloc, mask, path)


def _on_emulator(options: argparse.Namespace) -> int:
    source = options.source or "huggingface.co/org/lora"
    with emulated(options.base_model) as emulator:
        caller = Caller(emulator.url, emulator.api_key)
        spend = options.spend or json.loads(ENDPOINT)
        visit = Cases(caller, options.base_model, source, None, options.wait, pause=0.2, spend=spend)
        return _report(visit, EMULATOR, Mask(emulator.api_key), options.report)


@contextmanager
def emulated(base_model: str = BASE_MODEL, **settings: Any) -> Iterator[Emulator]:
    """Run an emulator that supports one base, and has a job with a checkpoint."""
    given = {"validation_seconds": 0.05, "supported_bases": [base_model], "job_seconds": 3600.0}
    with Emulator(**{**given, "endpoint_seconds": 3600.0, **settings}) as emulator:
        emulator.add_job(model=base_model, checkpoints={1: {"train_loss": 0.5}})
        yield emulator


def check(visit: Cases, where: str, mask: Mask) -> Run:
    """Try all cases, print each, and delete what they created, even if something ends the run midway."""
    run = Run(visit, where, mask)
    print(f"against {where}")
    try:
        for case in CASES:
            outcome = _judge(case, visit, mask)
            run.outcomes.append(outcome)
            print("section {}  {}\n            {}".format(*outcome.titled(), outcome.said()))
    except KeyboardInterrupt:
        run.interrupted = True
        print("interrupted; deleting what was made")
    finally:
        with suppress(KeyboardInterrupt):
            visit.clean()
    run.outcomes += [Outcome(case, NOT_REACHED, "interrupted") for case in CASES[len(run.outcomes) :]]
    return run


def _judge(case: str, visit: Cases, mask: Mask) -> Outcome:
    try:
        return Outcome(case, AGREES, mask(getattr(visit, case)() or ""))
    except DiffersError as error:
        return Outcome(case, DIFFERS, mask(str(error)))
    except NotReachedError as error:
        return Outcome(case, NOT_REACHED, mask(str(error)))
    except Exception as error:  # noqa: BLE001 - no answer of a service may end the run before it has cleaned up
        return Outcome(case, DIFFERS, f"an answer that this case cannot read ({type(error).__name__})")


def _report(visit: Cases, where: str, mask: Mask, path: Path | None) -> int:
    if path is not None:
        path.open("a").close()  # an error before the first call
    run = check(visit, where, mask)
    print(run.summary())
    for each in run.leftovers():
        print(f"not deleted: {each}")
    if path is not None:
        path.write_text(markdown(run), "utf-8")
        print(f"report: {path}")
    if run.interrupted:
        return 130
    counts = run.counts()
    bad = counts[DIFFERS] or run.leftovers() or (where == EMULATOR and counts[NOT_REACHED])
    return 1 if bad or not visit.caller.accepted else 0
