"""Run the emulator as a program: `python -m nebius_model_resource.testing.emulator`.

The first and only line on standard output is `listening on http://HOST:PORT`, written once connections are
accepted. SIGTERM and SIGINT end it with exit code 0.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic.fields import FieldInfo

from .server import Emulator
from .settings import Settings

_OPTIONS: dict[Any, dict[str, Any]] = {
    bool: {"action": argparse.BooleanOptionalAction},
    int: {"type": int, "metavar": "N"},
    float: {"type": float, "metavar": "N"},
    str: {"metavar": "TEXT"},
    list[str]: {"action": "append", "metavar": "TEXT"},
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line: an option for each setting that is not a dictionary."""
    name = "python -m nebius_model_resource.testing.emulator"
    arguments = argparse.ArgumentParser(name, description="Emulate the custom-model API of Nebius AI Studio.")
    arguments.add_argument("--host", default="127.0.0.1", help="name or address to listen on; ::1 for IPv6")
    arguments.add_argument("--port", type=int, default=0, help="0, the default, takes a free port")
    arguments.add_argument("--state-file", type=Path, help="keep what was made in this JSON file")
    arguments.add_argument("--exit-with-parent", action="store_true", help="end when the parent does")
    # Options not given are left out, so that each default is in one place: the settings.
    more = arguments.add_argument_group("behaviour", argument_default=argparse.SUPPRESS)
    told = dict(re.findall(r"^ +(\w+): (.+)$", str(Settings.__doc__), re.MULTILINE))
    for name, field in Settings.model_fields.items():
        if options := _options(field):
            more.add_argument(f"--{name.replace('_', '-')}", help=told[name], **options)
    why = "refuse every base, as in Jul 2026"
    more.add_argument("--refuse-every-base", dest="supported_bases", action="store_const", const=[], help=why)
    return arguments


def _options(field: FieldInfo) -> dict[str, Any] | None:
    """Return what argparse is told about a setting; None for one that has no option."""
    kinds = get_args(field.annotation)
    return _OPTIONS.get(kinds[0] if NoneType in kinds else field.annotation)


def main(argv: Sequence[str] | None = None) -> int:
    """Run until a signal comes or, if that option is set, the parent ends; return the exit code."""
    options: dict[str, Any] = vars(parser().parse_args(argv))
    with_parent = options.pop("exit_with_parent")
    # Read before anything else: otherwise a parent that ends during the start would go unnoticed.
    parent = os.getppid() if with_parent else None
    try:
        emulator = Emulator(**options)
        emulator.start()
    except (OSError, ValueError) as error:
        print(f"the emulator cannot start: {error}", file=sys.stderr)
        return 1
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    print(f"listening on {emulator.url}", flush=True)
    while not ended.wait(0.5 if with_parent else None):
        if os.getppid() != parent:
            break
    emulator.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
