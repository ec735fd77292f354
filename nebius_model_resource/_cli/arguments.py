"""Look at the custom models and endpoints of a Nebius AI Studio (Token Factory) account, and bring models into Pulumi.

The command reads the key only from the environment variable NEBIUS_API_KEY; `archive` and `plugin` need none.

examples:
  nebius-models list
  pulumi stack export | nebius-models unknown
  nebius-models program support-bot-AbCd > __main__.py

exit codes: 0 done; 1 an error, or the answer no to a question; 2 wrong usage;
            3 `unknown` found something; 130 interrupted
"""

# This text is the help of `nebius-models`, as the docstring of each command is that command's help.

from __future__ import annotations

import inspect
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping
from typing import Any

_NAME = "the generated name, full or short (`support-bot-AbCd`)"
_OFFLINE = ("archive", "plugin")


def parser(commands: Mapping[str, Callable[[Namespace], int]]) -> ArgumentParser:
    """The parser; its result has ``command`` and the options of that command.

    Args:
        commands: what each command does; its docstring is the help.
    """
    about, heading, examples = (__doc__ or "").partition("examples:\n")
    epilog, form = heading + examples, RawDescriptionHelpFormatter
    top = ArgumentParser("nebius-models", description=about, epilog=epilog, formatter_class=form)
    parsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    added = {name: _add(parsers, name, inspect.getdoc(run) or "") for name, run in commands.items()}
    added["show"].add_argument("name", metavar="NAME", help=_NAME)
    added["show"].add_argument("--json", action="store_true", help="print JSON")
    added["unknown"].add_argument(
        "files", metavar="FILE", nargs="*", help="the output of `pulumi stack export`; - is standard input"
    )
    added["program"].add_argument("names", metavar="NAME", nargs="+", help=_NAME)
    added["checkpoints"].add_argument("job", metavar="JOB", help="the id of a job that succeeded (ftjob-…)")
    added["archive"].add_argument("path", metavar="PATH", help="the folder or .zip")
    added["plugin"].add_argument("action", choices=["install"], help="what to do")
    added["delete"].add_argument("name", metavar="NAME", help=f"{_NAME}, the id of a file, or a routing key")
    added["delete"].add_argument("--yes", action="store_true", help="do not ask")
    _add_forms(added["list"], "generated names")
    _add_forms(added["endpoints"], "routing keys")
    _add_forms(added["unknown"], "generated names, the ids of files and routing keys")
    _add_forms(added["checkpoints"], "sources, as CustomModel takes them")
    return top


def _add(parsers: Any, name: str, text: str) -> ArgumentParser:
    about, _, details = text.partition("\n\n")
    command: ArgumentParser = parsers.add_parser(
        name,
        help=about[0].lower() + about[1:].rstrip("."),
        description=about,
        epilog=details,
        formatter_class=RawDescriptionHelpFormatter,
    )
    if name not in _OFFLINE:
        command.add_argument("--base-url", metavar="URL", help="the service (default: NEBIUS_BASE_URL)")
        project = "the project (default: NEBIUS_AI_PROJECT_ID, else the key's own)"
        command.add_argument("--ai-project-id", metavar="ID", help=project)
    return command


def _add_forms(command: ArgumentParser, names: str) -> None:
    forms = command.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print JSON")
    forms.add_argument("--names", dest="names_only", action="store_true", help=f"print only the {names}")
