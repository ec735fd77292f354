"""`python -m nebius_model_resource.testing.engine`: the engine at a shell."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pulumi.automation import ConfigValue

from .errors import EngineError
from .stack import LocalStack

_HELP = {
    "preview": "show what `up` would do",
    "up": "create, update and delete what the program asks for",
    "refresh": "update the state from what is live",
    "destroy": "delete everything",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(prog="python -m nebius_model_resource.testing.engine", description=__doc__)
    commands = root.add_subparsers(dest="command", required=True, metavar="{" + ",".join(_HELP) + "}")
    for name, words in _HELP.items():
        add = commands.add_parser(name, help=words, description=words).add_argument
        add("--stack", "-s", required=True, help="the stack's name")
        add("--cwd", "-C", type=Path, default=Path(), help="the folder with Pulumi.yaml")
        add("--state-dir", type=Path, help="where the states are (default: .local-state there)")
        add("--config", "-c", action="append", default=[], metavar="K=V", help="a configuration value")
        add("--secret", action="append", default=[], metavar="K=V", help="a secret one")
        add("--parallel", "-p", type=int, help="steps at a time (default: four per core)")
        add("--diff", action="store_true", help="show what changes in each resource")
        add("--refresh", "-r", action="store_true", help="refresh first")
        program = "refresh and destroy under the program's present names and configuration"
        add("--run-program", action="store_true", help=program)
        add("--replace", action="append", metavar="URN", help="replace this resource in any case")
        # The engine asks no questions: the options exist because the real command line has them.
        add("--yes", "-y", action="store_true", help=argparse.SUPPRESS)
        add("--skip-preview", "-f", action="store_true", help=argparse.SUPPRESS)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 (failed) or 130 (Ctrl-C)."""
    args = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    try:
        config: dict[str, Any] = dict(map(_pair, args.config))
        config.update({key: ConfigValue(value, secret=True) for key, value in map(_pair, args.secret)})
        stack = LocalStack.create_or_select(args.stack, args.cwd, config=config, state_dir=args.state_dir)
        _operate(stack, args)
    except EngineError as fault:
        # A failed operation has printed its error already.
        if not fault.stdout:
            print(f"error: {fault}", file=sys.stderr)
        return fault.code
    return 0


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise EngineError(f"{text!r} is not of the form key=value")
    return key, value


def _operate(stack: LocalStack, args: argparse.Namespace) -> None:
    names = ("parallel", "diff", "refresh", "run_program", "replace")
    options = {name: getattr(args, name) for name in names if getattr(args, name)}
    getattr(stack, args.command)(on_output=lambda line: print(line, flush=True), **options)


if __name__ == "__main__":
    sys.exit(main())
