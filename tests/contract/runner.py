"""Runs the cases and prints what each found; `scripts/contract` calls it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nebius_model_resource._api.settings import DEFAULT_BASE_URL
from tests.contract.caller import Caller, is_loopback
from tests.contract.cases import CASES
from tests.contract.masks import Mask
from tests.contract.outcome import AGREES, DIFFERS, NOT_REACHED, Case, DiffersError, NotReachedError, Outcome
from tests.contract.report import Run, file_name, markdown
from tests.contract.visit import Plan, Visit

if TYPE_CHECKING:
    from collections.abc import Iterator

Say = Callable[[str], None]
BASE_MODEL = "meta-llama/Meta-Llama-3.1-8B-Instruct"
USAGE = 2


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
    arguments.add_argument(
        "--wait", type=float, default=180.0, metavar="S", help="seconds that the model may validate"
    )
    arguments.add_argument(
        "--report", type=Path, metavar="FILE", help="write the report here; by default only with --live"
    )
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run all cases, print each, write the report.

    Returns:
        0 if nothing differs; against the emulator nothing may be out of reach either. 1 if something differs, was not
        deleted, or the service did not accept the key. 2 if the run cannot begin. 130 after an interruption.
    """
    options = parser().parse_args(argv)
    try:
        return _live(options) if options.live else _on_emulator(options)
    except _Unusable as error:
        print(f"contract: {error}", file=sys.stderr)
        return USAGE


class _Unusable(Exception):
    """The run cannot begin; the text is one line."""


def _live(options: argparse.Namespace) -> int:
    key = os.environ.get("NEBIUS_API_KEY", "")
    if not key or any(not "!" <= letter <= "~" for letter in key):
        raise _Unusable("--live needs a key: export NEBIUS_API_KEY=<key>, without blanks")
    url = _base_url(os.environ.get("NEBIUS_BASE_URL") or DEFAULT_BASE_URL)
    project = os.environ.get("NEBIUS_AI_PROJECT_ID") or None
    plan = Plan(options.base_model, options.source, project, options.wait)
    path = options.report or Path(file_name(Run("").at.date()))
    _check_writable(path)
    mask = Mask(key, project, options.source)
    with Caller(url, key) as caller:
        run = check(Visit(caller, plan), CASES, str(urlsplit(url).netloc), mask, print)
    return _end(run, path, all_reached=False)


def _on_emulator(options: argparse.Namespace) -> int:
    from tests.contract.emulated import emulated

    if options.report is not None:
        _check_writable(options.report)
    source = options.source or "huggingface.co/org/lora"
    plan = Plan(options.base_model, source, None, options.wait, pause=0.2)
    with emulated(options.base_model) as emulator, Caller(emulator.url, emulator.api_key) as caller:
        run = check(Visit(caller, plan), CASES, "the emulator", Mask(emulator.api_key), print)
    return _end(run, options.report, all_reached=True)


def check(visit: Visit, cases: Sequence[Case], where: str, mask: Mask, say: Say) -> Run:
    """Try all cases and delete what they created, even if something ends the run midway."""
    run = Run(where)
    say(f"against {where}")
    with _ended_by_signals():
        try:
            for case in cases:
                run.outcomes.append(judge(case, visit, mask))
                say(line(run.outcomes[-1]))
        except KeyboardInterrupt:
            run.interrupted = True
            say("interrupted; deleting what was made")
        try:
            visit.clean()
        except KeyboardInterrupt:
            say("interrupted again")
    run.outcomes += [Outcome(case, NOT_REACHED, "interrupted") for case in cases[len(run.outcomes) :]]
    run.calls, run.accepted = visit.caller.calls, visit.caller.accepted
    run.made = [mask(name) for name in visit.models()]
    run.leftovers = [mask(each) for each in visit.leftovers()]
    return run


def judge(case: Case, visit: Visit, mask: Mask) -> Outcome:
    """Try one case."""
    try:
        seen = case.check(visit)
    except DiffersError as error:
        return Outcome(case, DIFFERS, mask(str(error)))
    except NotReachedError as error:
        return Outcome(case, NOT_REACHED, mask(str(error)))
    except Exception as error:  # noqa: BLE001 - no answer of a service may end the run before it has cleaned up
        return Outcome(case, DIFFERS, f"an answer that this case cannot read ({type(error).__name__})")
    return Outcome(case, AGREES, mask(seen or ""))


def line(outcome: Outcome) -> str:
    """Return what is printed about one case."""
    return f"section {outcome.case.section}  {outcome.case.title}\n            {outcome.said()}"


def _end(run: Run, path: Path | None, *, all_reached: bool) -> int:
    print(run.summary())
    for each in run.leftovers:
        print(f"not deleted: {each}")
    if path is not None:
        path.write_text(markdown(run), "utf-8")
        print(f"report: {path}")
    counts = run.counts()
    if run.interrupted:
        return 130
    bad = counts[DIFFERS] or run.leftovers or not run.accepted or (all_reached and counts[NOT_REACHED])
    return 1 if bad else 0


def _base_url(given: str) -> str:
    try:
        parts = urlsplit(given.strip())
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host = None
    # The value is not shown: it may contain a password.
    if not host or parts.username or parts.query or parts.fragment:
        raise _Unusable("NEBIUS_BASE_URL must be an address such as https://api.tokenfactory.nebius.com")
    url = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
    for version in ("/v1", "/v0"):
        url = url.removesuffix(version)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(url)):
        raise _Unusable("NEBIUS_BASE_URL must begin with https://; http is taken for loopback alone")
    return url


def _check_writable(path: Path) -> None:
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise _Unusable(f"cannot write the report {str(path)!r}: {error.strerror}") from error


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Treat a signal that ends the process like Ctrl-C, so that it cleans up."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    kept = [(number, signal.signal(number, interrupt)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in kept:
            signal.signal(number, handler)
