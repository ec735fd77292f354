"""`python -m nebius_model_resource.testing.engine`: the engine at a shell."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pulumi.automation import ConfigValue

from .errors import EngineError
from .stack import LocalStack
from .wording import Style, json_text

_HELP = {
    "preview": "show what `up` would do",
    "up": "create, update and delete what the program asks for",
    "refresh": "update the state from what is live",
    "destroy": "delete everything",
    "output": "print the stack's outputs",
    "export": "print the state",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(prog="python -m nebius_model_resource.testing.engine", description=__doc__)
    commands = root.add_subparsers(dest="command", required=True, metavar="{" + ",".join(_HELP) + "}")
    for name, words in _HELP.items():
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("--stack", "-s", required=True, help="the stack's name")
        command.add_argument("--cwd", "-C", type=Path, default=Path(), help="the folder with Pulumi.yaml")
        command.add_argument(
            "--state-dir", type=Path, help="where the states are (default: .local-state there)"
        )
        command.add_argument(
            "--config", "-c", action="append", default=[], metavar="K=V", help="a configuration value"
        )
        command.add_argument("--secret", action="append", default=[], metavar="K=V", help="a secret one")
        if name in ("preview", "up", "refresh", "destroy"):
            command.add_argument(
                "--parallel", "-p", type=int, help="steps at a time (default: four per core)"
            )
            command.add_argument("--diff", action="store_true", help="show what changes in each resource")
            if name != "destroy":
                command.add_argument(
                    "--expect-no-changes",
                    action="store_true",
                    help="fail in the end where something was changed",
                )
            if name in ("preview", "up"):
                command.add_argument(
                    "--replace", action="append", metavar="URN", help="replace this resource in any case"
                )
            if name != "refresh":
                command.add_argument("--refresh", "-r", action="store_true", help="refresh first")
            command.add_argument(
                "--run-program",
                action="store_true",
                help="refresh and destroy under the program's present names and configuration",
            )
            # The engine asks no questions: the options exist because the real command line has them.
            command.add_argument("--yes", "-y", action="store_true", help=argparse.SUPPRESS)
            command.add_argument("--skip-preview", "-f", action="store_true", help=argparse.SUPPRESS)
        if name in ("output", "export"):
            command.add_argument("--show-secrets", action="store_true", help="secrets in the clear")
        if name == "output":
            command.add_argument("--json", action="store_true", help="as one JSON object")
            command.add_argument("name", nargs="?", help="one output alone")
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 (failed), 7 (unexpected changes) or 130 (Ctrl-C)."""
    args = parser().parse_args(argv)
    try:
        config: dict[str, Any] = {**dict(map(_pair, args.config))}
        config.update({key: ConfigValue(value, secret=True) for key, value in map(_pair, args.secret)})
        stack = LocalStack.create_or_select(args.stack, args.cwd, config=config, state_dir=args.state_dir)
        return _COMMANDS.get(args.command, _operate)(stack, args)
    except EngineError as fault:
        # A failed operation has printed its error already.
        if not fault.stdout:
            print(f"error: {fault}", file=sys.stderr)
        return fault.code


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise EngineError(f"{text!r} is not of the form key=value")
    return key, value


def _operate(stack: LocalStack, args: argparse.Namespace) -> int:
    operation = getattr(stack, args.command)
    live = sys.stdout.isatty()
    names = ("refresh", "run_program", "replace", "expect_no_changes")
    asked = {name: getattr(args, name) for name in names if getattr(args, name, False)}
    style = Style.of_terminal()
    operation(parallel=args.parallel, diff=args.diff, on_output=_say, style=style, live=live, **asked)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _output(stack: LocalStack, args: argparse.Namespace) -> int:
    """Print outputs as `pulumi stack output` does."""
    found = stack.masked_outputs()
    if args.show_secrets:
        found = {key: each.value for key, each in stack.outputs().items()}
    if args.name and args.name not in found:
        raise EngineError(f"current stack does not have output property {args.name!r}")
    if args.json:
        print(json_text(found[args.name] if args.name else found, indent=2))
    elif args.name:
        print(_text(found[args.name]))
    else:
        print(f"Current stack outputs ({len(found)}):")
        rows = [("OUTPUT", "VALUE"), *((key, _text(found[key])) for key in sorted(found))]
        width = max(len(key) for key, _ in rows)
        lines = [f"    {key:<{width}}  {text}" for key, text in rows]
        print("\n".join(lines) if found else "    No output values currently in this stack")
    return 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def _export(stack: LocalStack, args: argparse.Namespace) -> int:
    deployment = stack.export_stack(show_secrets=args.show_secrets)
    print(json.dumps({"version": deployment.version, "deployment": deployment.deployment}, indent=4))
    return 0


_COMMANDS = {"output": _output, "export": _export}
