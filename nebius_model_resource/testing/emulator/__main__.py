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
from collections.abc import Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic.fields import FieldInfo

from .core import RecordedRequest
from .server import Emulator
from .settings import Settings

PARENT_CHECK_SECONDS = 0.5
_OPTIONS: dict[Any, dict[str, Any]] = {
    bool: {"action": argparse.BooleanOptionalAction},
    int: {"type": int, "metavar": "N"},
    float: {"type": float, "metavar": "N"},
    str: {"metavar": "TEXT"},
    list[str]: {"action": "append", "metavar": "TEXT"},
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line: an option for each setting that is not a dictionary."""
    arguments = argparse.ArgumentParser(
        prog="python -m nebius_model_resource.testing.emulator",
        description="Emulate the custom-model API of Nebius AI Studio.",
    )
    arguments.add_argument("--host", default="127.0.0.1", help="name or address to listen on; ::1 for IPv6")
    arguments.add_argument("--port", type=int, default=0, help="0, the default, takes a free port")
    arguments.add_argument(
        "--state-file", type=Path, help="keep models, jobs and files in this JSON file and next to it"
    )
    arguments.add_argument(
        "--exit-with-parent", action="store_true", help="end when the starting process does"
    )
    arguments.add_argument("--log", action="store_true", help="one line for each call, on standard error")
    # Options not given are left out, so that each default is in one place: the settings.
    group = arguments.add_argument_group("behaviour", argument_default=argparse.SUPPRESS)
    for name, field in Settings.model_fields.items():
        if options := _options(field):
            group.add_argument(f"--{name.replace('_', '-')}", help=field.description, **options)
    refuse = "refuse every base, as the service did in Jul 2026"
    group.add_argument(
        "--refuse-every-base", dest="supported_bases", action="store_const", const=[], help=refuse
    )
    return arguments


def _options(field: FieldInfo) -> dict[str, Any] | None:
    """Return what argparse is told about a setting; None for one that has no option."""
    kinds = get_args(field.annotation)
    return _OPTIONS.get(kinds[0] if NoneType in kinds else field.annotation)


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
        emulator.service.on_answer = _log if with_log else None
        emulator.start()
    except (OSError, ValueError) as error:
        print(f"the emulator cannot start: {error}", file=sys.stderr)
        return 1
    print(f"listening on {emulator.url}", flush=True)
    while not ended.wait(PARENT_CHECK_SECONDS if with_parent else None):
        if os.getppid() != parent:
            break
    emulator.stop()
    return 0


def _log(request: RecordedRequest) -> None:
    # The path alone: the query and the headers may have secrets in them.
    print(f"{request.method} {request.raw_path} {request.status or '-'}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
