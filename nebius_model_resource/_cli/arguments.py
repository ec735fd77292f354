"""The command line of ``nebius-models``: its commands, options and help."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter

_ABOUT = """\
Look at the custom models of a Nebius AI Studio (Token Factory) account, and bring them into Pulumi.

The key is read from the environment variable NEBIUS_API_KEY and from nowhere else."""

_EXAMPLES = """\
examples:
  nebius-models list
  pulumi stack export | nebius-models unknown
  nebius-models program support-bot-AbCd > __main__.py

exit codes: 0 done; 1 an error, or a question answered with no; 2 wrong usage;
            3 `unknown` has found models; 130 interrupted"""

_LIST = """\
examples:
  nebius-models list
  nebius-models list --json | jq -r '.[] | select(.status == "error") | .generated_name'
  nebius-models program $(nebius-models list --names)"""

_SHOW = """\
examples:
  nebius-models show support-bot-AbCd
  nebius-models show --json meta-llama/Meta-Llama-3.1-8B-Instruct-LoRa:support-bot-AbCd"""

_UNKNOWN = """\
A model is known where a resource of one of the stacks owns it, also one that waits to be deleted; one that
is only read with CustomModel.get is not. Give the exports of every stack that holds models of the project,
in files or one after the other on standard input.

examples:
  pulumi stack export | nebius-models unknown
  nebius-models unknown dev.json prod.json
  for stack in dev prod; do pulumi stack export --stack $stack; done | nebius-models unknown --names

exit codes: 0 every model is known; 3 the models listed are not"""

_PROGRAM = """\
examples:
  nebius-models program support-bot-AbCd > __main__.py
  nebius-models program $(pulumi stack export | nebius-models unknown --names)"""

_DELETE = """\
examples:
  nebius-models delete support-bot-AbCd
  nebius-models delete --yes support-bot-AbCd"""


def parser() -> ArgumentParser:
    """The parser; what it returns has ``command`` and the options of that command."""
    whole = ArgumentParser(
        "nebius-models", description=_ABOUT, epilog=_EXAMPLES, formatter_class=RawDescriptionHelpFormatter
    )
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, about: str, details: str) -> ArgumentParser:
        command = commands.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            epilog=details,
            formatter_class=RawDescriptionHelpFormatter,
        )
        command.add_argument(
            "--ai-project-id",
            metavar="ID",
            help="the project (default: NEBIUS_AI_PROJECT_ID, else the key's own)",
        )
        command.add_argument("--base-url", metavar="URL", help="the service (default: NEBIUS_BASE_URL)")
        return command

    name = "the generated name, full or short (`support-bot-AbCd`)"
    _add_forms(add("list", "list all custom models of the project, newest first", _LIST))
    show = add("show", "tell all that the service tells of one model", _SHOW)
    show.add_argument("name", metavar="NAME", help=name)
    show.add_argument("--json", action="store_true", help="as JSON")
    unknown = add("unknown", "list the models that none of the given stacks holds", _UNKNOWN)
    unknown.add_argument(
        "files", metavar="FILE", nargs="*", help="what `pulumi stack export` printed; - is standard input"
    )
    _add_forms(unknown)
    program = add("program", "print the Python that declares and adopts models", _PROGRAM)
    program.add_argument("names", metavar="NAME", nargs="+", help=name)
    delete = add("delete", "delete one model", _DELETE)
    delete.add_argument("name", metavar="NAME", help=name)
    delete.add_argument("--yes", action="store_true", help="do not ask")
    return whole


def _add_forms(command: ArgumentParser) -> None:
    forms = command.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="as JSON")
    forms.add_argument("--names", dest="names_only", action="store_true", help="the generated names alone")
