"""The command line of ``nebius-models``: its commands, options and help."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter

_ABOUT = """\
Look at the custom models of a Nebius AI Studio (Token Factory) account, and bring them into Pulumi.

The command reads the key only from the environment variable NEBIUS_API_KEY; `archive` and `plugin` need none."""

_EXAMPLES = """\
examples:
  nebius-models list
  pulumi stack export | nebius-models unknown
  nebius-models program support-bot-AbCd > __main__.py

exit codes: 0 done; 1 an error, or the answer no to a question; 2 wrong usage;
            3 `unknown` found models or files; 130 interrupted"""

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
A model is known if a resource of one of the stacks owns it, even one that waits for its deletion.
A model that a stack only reads with CustomModel.get is unknown. Give the exports of every stack that owns
models of the project: as files, or one after the other on standard input.

The same holds for uploaded files and ModelArchive. Only files with a name that an upload of this package gives are
listed, never other files of the project.

examples:
  pulumi stack export | nebius-models unknown
  nebius-models unknown dev.json prod.json
  for stack in dev prod; do pulumi stack export --stack $stack; done | nebius-models unknown --names

exit codes: 0 every model and file is known; 3 the models and files listed are unknown"""

_PROGRAM = """\
examples:
  nebius-models program support-bot-AbCd > __main__.py
  nebius-models program $(pulumi stack export | nebius-models unknown --names)"""

_CHECKPOINTS = """\
The checkpoints are in the order of the training: the last one is the final one.

examples:
  nebius-models checkpoints ftjob-0123
  nebius-models checkpoints --names ftjob-0123 | tail -1"""

_ARCHIVE = """\
PATH is a folder with adapter_config.json and adapter_model.safetensors, or a .zip with them at its root. The checks
are those of a preview of ModelArchive. Nothing is sent, so this command needs no key.

examples:
  nebius-models archive ./adapter
  nebius-models archive adapter.zip

exit codes: 0 the adapter can be uploaded; 1 it cannot, and standard error says why"""

_PLUGIN = """\
The plugin has the resources for every language of Pulumi. It runs this Python, with the package installed here. Install
it again after an upgrade of the package.

examples:
  nebius-models plugin install
  pulumi package add nebius-models

exit codes: 0 the plugin is installed; 1 it is not, and standard error says why"""

_DELETE = """\
Before the question the command shows the model, or the file and the models that use it as their source.

examples:
  nebius-models delete support-bot-AbCd
  nebius-models delete --yes support-bot-AbCd
  nebius-models delete file-01234567-89ab-cdef-0123-456789abcdef"""

_NAME = "the generated name, full or short (`support-bot-AbCd`)"


def parser() -> ArgumentParser:
    """The parser; its result has ``command`` and the options of that command."""
    top = ArgumentParser(
        "nebius-models", description=_ABOUT, epilog=_EXAMPLES, formatter_class=RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, about: str, details: str, *, offline: bool = False) -> ArgumentParser:
        command = commands.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            epilog=details,
            formatter_class=RawDescriptionHelpFormatter,
        )
        if offline:
            return command
        command.add_argument("--base-url", metavar="URL", help="the service (default: NEBIUS_BASE_URL)")
        command.add_argument(
            "--ai-project-id",
            metavar="ID",
            help="the project (default: NEBIUS_AI_PROJECT_ID, else the key's own)",
        )
        return command

    _add_forms(add("list", "list all custom models of the project, newest first", _LIST), "generated names")
    show = add("show", "show all fields of one model", _SHOW)
    show.add_argument("name", metavar="NAME", help=_NAME)
    show.add_argument("--json", action="store_true", help="print JSON")
    unknown = add(
        "unknown", "list the models and uploaded files that none of the given stacks owns", _UNKNOWN
    )
    unknown.add_argument(
        "files", metavar="FILE", nargs="*", help="the output of `pulumi stack export`; - is standard input"
    )
    _add_forms(unknown, "generated names and the ids of files")
    program = add("program", "print Python that declares and adopts models", _PROGRAM)
    program.add_argument("names", metavar="NAME", nargs="+", help=_NAME)
    checkpoints = add("checkpoints", "list the checkpoints of one fine-tuning job", _CHECKPOINTS)
    checkpoints.add_argument("job", metavar="JOB", help="the id of a job that succeeded (ftjob-…)")
    _add_forms(checkpoints, "sources, as CustomModel takes them")
    archive = add("archive", "check the folder or zip of an adapter", _ARCHIVE, offline=True)
    archive.add_argument("path", metavar="PATH", help="the folder or .zip")
    plugin = add("plugin", "install the native plugin for Pulumi's CLI", _PLUGIN, offline=True)
    plugin.add_argument("action", choices=["install"], help="what to do")
    delete = add("delete", "delete one model or one uploaded file", _DELETE)
    delete.add_argument("name", metavar="NAME", help=f"{_NAME}, or the id of a file (`file-…`)")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    return top


def _add_forms(command: ArgumentParser, names: str) -> None:
    forms = command.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print JSON")
    forms.add_argument("--names", dest="names_only", action="store_true", help=f"print only the {names}")
