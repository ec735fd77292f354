"""Measure what stacks of models cost: ``python benchmarks/run.py``; README.md says what the figures mean."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

if __package__ in (
    None,
    "",
):  # run as a file: Python looks for modules beside it, and this package is one folder above
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import engines, machine, matrix, report, share, startup, throttled
from benchmarks.processes import CommandFailed
from benchmarks.rows import CONTENDERS, Rows

_T = TypeVar("_T")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(prog="python benchmarks/run.py", description=__doc__)
    whole.add_argument("--models", type=_list_of(int), default=[1, 10, 100, 1000], metavar="N,…")
    whole.add_argument("--validation", type=_list_of(float), default=[0, 4], metavar="SECONDS,…")
    whole.add_argument("--parallel", type=int, default=64, metavar="STEPS")
    whole.add_argument("--only", type=_contenders, default=list(CONTENDERS), metavar=",".join(CONTENDERS))
    whole.add_argument("--repeat", type=int, default=1, metavar="K", help="the median of K runs counts")
    whole.add_argument(
        "--turns",
        type=int,
        default=5,
        metavar="K",
        help="previews and refreshes in a round; their median counts",
    )
    whole.add_argument("--out", type=Path, metavar="DIR", help="write results.json, .md and .png there")
    whole.add_argument("--add", action="store_true", help="keep rows in DIR that this run does not measure")
    whole.add_argument("--cold", action="store_true", help="no unmeasured first run, for a quick look")
    whole.add_argument(
        "--engine", choices=("auto", "cli", "own"), default="auto", help="default: the CLI if any"
    )
    modes = whole.add_mutually_exclusive_group()
    modes.add_argument("--startup", action="store_true", help="measure the import alone")
    modes.add_argument("--share", action="store_true", help="measure the package's own work for each model")
    modes.add_argument("--throttled", action="store_true", help="measure 100 creates at 60 calls a minute")
    return whole


def _list_of(read: Callable[[str], _T]) -> Callable[[str], list[_T]]:
    return lambda text: [read(part) for part in text.split(",")]


def _contenders(text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := set(chosen) - set(CONTENDERS):
        raise argparse.ArgumentTypeError(f"{sorted(unknown)} take no part: {', '.join(CONTENDERS)}")
    return chosen


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _measure(args: argparse.Namespace, *, real: bool) -> None:
    plan = matrix.Plan(
        args.models, args.validation, args.only, args.parallel, args.repeat, args.turns, real, args.cold
    )
    about = machine.describe(engines.describe(real=real))
    about["how"] = f"--parallel {args.parallel}; each row tells how often it was run"
    rows = report.load(args.out) if args.out and args.add else Rows()
    for cell in matrix.measure(plan, _say):
        rows = rows.joined(cell)
        if args.out:
            report.write(args.out, about, rows)
    print(report.text(about, rows))


def main(argv: Sequence[str] | None = None) -> int:
    """Run; returns the exit status."""
    args = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the processes below end as well
    real = engines.cli() is not None if args.engine == "auto" else args.engine == "cli"
    if real and engines.cli() is None:
        _say("there is no `pulumi` on PATH")
        return 2
    try:
        if args.startup:
            print(startup.measure().text())
        elif args.share:
            print("\n".join(each.text() for each in share.measure()))
        elif args.throttled:
            print(engines.describe(real=real))
            print(throttled.measure(parallel=args.parallel, real=real, say=_say).text())
        else:
            _measure(args, real=real)
    except CommandFailed as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
