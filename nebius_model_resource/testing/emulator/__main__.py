"""Run the emulator as a program: `python -m nebius_model_resource.testing.emulator`.

The first and only line on standard output is `listening on http://HOST:PORT`, written once connections are
accepted. SIGTERM and SIGINT end it with exit code 0.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .server import Emulator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .requests import RecordedRequest

PARENT_CHECK_SECONDS = 0.5
MAX_PORT = 65535


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    arguments = argparse.ArgumentParser(
        prog="python -m nebius_model_resource.testing.emulator",
        description="Emulate the custom-model API of Nebius AI Studio.",
    )
    arguments.add_argument(
        "--host", default="127.0.0.1", help="name or address to listen on; 127.0.0.1 by default, ::1 for IPv6"
    )
    arguments.add_argument(
        "--port", type=_port, default=0, metavar="N", help="0, the default, takes a free port"
    )
    arguments.add_argument(
        "--state-file", type=Path, help="keep models, jobs and files in this JSON file and next to it"
    )
    arguments.add_argument(
        "--exit-with-parent", action="store_true", help="end when the starting process does"
    )
    arguments.add_argument("--log", action="store_true", help="one line for each call, on standard error")
    _add_settings(arguments)
    return arguments


def _add_settings(arguments: argparse.ArgumentParser) -> None:
    # Options not given are left out, so that each default is in one place: the settings.
    group = arguments.add_argument_group("behaviour", argument_default=argparse.SUPPRESS)
    group.add_argument("--api-key", metavar="KEY", help="the key that works; emulator-key by default")
    group.add_argument(
        "--validation-seconds", type=float, metavar="S", help="shortest time a model is validating"
    )
    group.add_argument(
        "--validating-reads", type=int, metavar="N", help="how often it is seen validating at least"
    )
    group.add_argument("--job-seconds", type=float, metavar="S", help="time that a fine-tuning job runs")
    group.add_argument("--check-sources", action="store_true", help="bad or unknown uploads end in error")
    bases = group.add_mutually_exclusive_group()
    bases.add_argument(
        "--supported-base",
        dest="supported_bases",
        metavar="BASE",
        action="append",
        default=argparse.SUPPRESS,
        help="accept this base only; may be repeated",
    )
    bases.add_argument(
        "--refuse-every-base",
        dest="supported_bases",
        action="store_const",
        const=[],
        default=argparse.SUPPRESS,
        help="refuse every base, as the service did in Jul 2026",
    )
    group.add_argument(
        "--short-name-on-create", action="store_true", help="create and delete answer with the short name"
    )
    group.add_argument(
        "--first-read-without-status", action="store_true", help="the first read by name has no status"
    )
    group.add_argument("--missing-reads", type=int, metavar="N", help="the first N reads by name fail")
    group.add_argument("--hidden-missing", action="store_true", help="unknown names answer 403")
    group.add_argument(
        "--rate-limit", dest="rate_limit_per_minute", type=int, metavar="N", help="calls a minute"
    )


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text} is no port; ports are 0 to {MAX_PORT}")
    return port


def main(argv: Sequence[str] | None = None) -> int:
    """Run until a signal comes or, if that option is set, the parent ends; return the exit code."""
    options: dict[str, Any] = vars(parser().parse_args(argv))
    with_log, with_parent = options.pop("log"), options.pop("exit_with_parent")
    # Read before anything else: otherwise a parent that ends during the start would go unnoticed.
    parent = os.getppid() if with_parent else None
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        emulator = Emulator(**options)
        emulator.service.requests.on_end = _log if with_log else None
        emulator.start()
    except (OSError, ValueError) as error:
        print(f"the emulator cannot start: {error}", file=sys.stderr)
        return 1
    print(f"listening on {emulator.url}", flush=True)
    _wait(ended, parent)
    emulator.stop()
    return 0


def _wait(ended: threading.Event, parent: int | None) -> None:
    while not ended.wait(PARENT_CHECK_SECONDS if parent is not None else None):
        if os.getppid() != parent:
            return


def _log(request: RecordedRequest) -> None:
    print(request.line(), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
