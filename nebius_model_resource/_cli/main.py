"""The command ``nebius-models``: look at the models of an account, and bring them into Pulumi.

Exit codes: 0 done; 1 an error, or the answer no to a question; 2 wrong usage; 3 ``unknown`` found models or files;
130 interrupted. An error is one line on standard error; standard output has only the result.
"""

from __future__ import annotations

import io
import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from nebius_model_resource._cli import archive, arguments, codegen, plugin, stack_exports, table
from nebius_model_resource._provider import lookups, messages
from nebius_model_resource._service.answers import one_line
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.settings import BASE_URL, PROJECT, Configuration
from nebius_model_resource._service.types import Checkpoint, FileInfo
from nebius_model_resource.errors import ModelMissing, NebiusError, NotFound, UnreadableDeployment

DONE, FAILED, USAGE, FOUND, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments; by default those of the process.

    Returns:
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may have no letter for what the service sends
            stream.reconfigure(errors="backslashreplace")
    options = arguments.parser(_COMMANDS).parse_args(argv)
    try:
        code = _COMMANDS[options.command](options)
        sys.stdout.flush()
    except NebiusError as error:
        return _fail(messages.explain(error, "query", _configuration(options)))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader closed the pipe. Python would write again at exit, and print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return code


def _list(options: Namespace) -> int:
    """List all custom models of the project, newest first.

    examples:
      nebius-models list
      nebius-models list --json | jq -r '.[] | select(.status == "error") | .generated_name'
      nebius-models program $(nebius-models list --names)
    """
    models = lookups.list_models(_client(options), _project(options))
    if models or options.json:
        text = table.table(table.MODELS, models, time.time())
        _print(options, models, [model.generated_name for model in models], text)
    else:
        print("there are no custom models", file=sys.stderr)
    return DONE


def _show(options: Namespace) -> int:
    """Show all fields of one model.

    examples:
      nebius-models show support-bot-AbCd
      nebius-models show --json meta-llama/Meta-Llama-3.1-8B-Instruct-LoRa:support-bot-AbCd
    """
    model = lookups.get_model(_client(options), options.name)
    print(table.as_json(model) if options.json else _details(model))
    return DONE


def _unknown(options: Namespace) -> int:
    """List the models and uploaded files that none of the given stacks owns.

    A model is known if a resource of one of the stacks owns it, even one that waits for its deletion.
    A model that a stack only reads with CustomModel.get is unknown. Give the exports of every stack that owns
    models of the project: as files, or one after the other on standard input.

    The same holds for uploaded files and ModelArchive. Only files with a name that an upload of this package gives are
    listed, never other files of the project.

    examples:
      pulumi stack export | nebius-models unknown
      nebius-models unknown dev.json prod.json
      for stack in dev prod; do pulumi stack export --stack $stack; done | nebius-models unknown --names

    exit codes: 0 every model and file is known; 3 the models and files listed are unknown
    """
    if options.files in ([], ["-"]) and sys.stdin.isatty():
        return _fail(
            "nothing to read: run `pulumi stack export | nebius-models unknown`, or give files", USAGE
        )
    stacks = stack_exports.read_exports(_texts(options.files or ["-"]))
    client, project = _client(options), _project(options)
    models = [model for model in lookups.list_models(client, project) if not stacks.own(model)]
    files, warning = stack_exports.unknown_files(client, project, stacks)
    if warning:
        _warn(warning)
    if models or files or options.json:
        now = time.time()
        tables = [
            table.table(table.MODELS, models, now, [stacks.note(each) for each in models]),
            table.table(table.FILES, files, now, [stacks.file_note(each) for each in files]),
        ]
        names = [model.generated_name for model in models] + [file.id for file in files]
        _print(options, [*models, *files], names, "\n\n".join(filter(None, tables)))
    return FOUND if models or files else DONE


def _program(options: Namespace) -> int:
    """Print Python that declares and adopts models.

    examples:
      nebius-models program support-bot-AbCd > __main__.py
      nebius-models program $(pulumi stack export | nebius-models unknown --names)
    """
    names = [name for name in options.names if not stack_exports.is_file_id(name)]
    if len(names) < len(options.names):
        _warn("ids of files are left out: declare a ModelArchive, which uploads the file again")
    if not names:
        return FAILED
    client = _client(options)
    # By generated name: a model given by its short and its full name is declared once.
    models = {model.generated_name: model for model in (lookups.get_model(client, n) for n in names)}
    print(codegen.program(list(models.values()), _project(options)), end="")
    return DONE


def _checkpoints(options: Namespace) -> int:
    """List the checkpoints of one fine-tuning job.

    The checkpoints are in the order of the training: the last one is the final one.

    examples:
      nebius-models checkpoints ftjob-0123
      nebius-models checkpoints --names ftjob-0123 | tail -1
    """
    found = lookups.checkpoints_of(_client(options), options.job)
    text = table.table(table.CHECKPOINTS, found, time.time())
    _print(options, found, [each.source for each in found], text)
    return DONE


def _delete(options: Namespace) -> int:
    """Delete one model or one uploaded file.

    Before the question the command shows the model, or the file and the models that use it as their source.

    examples:
      nebius-models delete support-bot-AbCd
      nebius-models delete --yes support-bot-AbCd
      nebius-models delete file-01234567-89ab-cdef-0123-456789abcdef
    """
    if not options.yes and not sys.stdin.isatty():
        return _fail("standard input is not a terminal: give --yes to delete without a question", USAGE)
    client = _client(options)
    if stack_exports.is_file_id(options.name):
        return _delete_file(options, client)
    model = lookups.get_model(client, options.name)
    if not options.yes and not _confirmed("model", _details(model)):
        return _fail("not deleted")
    try:
        client.delete_model(model.generated_name)
    except NotFound as error:
        raise ModelMissing(options.name, hint="it was deleted in the meantime") from error
    print(f"deleted {one_line(model.generated_name)}")
    return DONE


def _delete_file(options: Namespace, client: Client) -> int:
    try:
        file = client.get_file(options.name)
        if not options.yes and not _confirmed("file", _effects(options, client, file)):
            return _fail("not deleted")
        client.delete_file(file.id)
    except NotFound:
        return _fail(f"there is no file {options.name!r} at the service")
    print(f"deleted {one_line(file.id)}")
    return DONE


def _effects(options: Namespace, client: Client, file: FileInfo) -> str:
    """What a file is, and what its deletion does, as far as it is known."""
    models = lookups.list_models(client, _project(options))
    users = [model.generated_name for model in models if model.source == file.id]
    effects = [_details(file, size=table.size(file.size), source_of=", ".join(users))]
    if users:
        effects.append(
            "the service does not document whether a model works without the file: delete the models first"
        )
    effects.append("a stack that owns the file uploads it again in the `pulumi up` after its next refresh")
    return "\n".join(effects)


def _details(found: lookups.CustomModelInfo | FileInfo, **more: object) -> str:
    """All fields of one model or file, one per line."""
    fields = {name.replace("_", " "): value for name, value in {**vars(found), **more}.items()}
    fields["created"] = table.date(fields.pop("created at"), time.time())
    return table.details(fields)


def _archive(options: Namespace) -> int:
    """Check the folder or zip of an adapter.

    PATH is a folder with adapter_config.json and adapter_model.safetensors, or a .zip with them at its root. The
    checks
    are those of a preview of ModelArchive. Nothing is sent, so this command needs no key.

    examples:
      nebius-models archive ./adapter
      nebius-models archive adapter.zip

    exit codes: 0 the adapter can be uploaded; 1 it cannot, and standard error says why
    """
    archive.run(options.path)
    return DONE


def _plugin(_options: Namespace) -> int:
    """Install the native plugin for Pulumi's CLI.

    The plugin has the resources for every language of Pulumi. It runs this Python, with the package installed here.
    Install it again after an upgrade of the package.

    examples:
      nebius-models plugin install
      pulumi package add nebius-models

    exit codes: 0 the plugin is installed; 1 it is not, and standard error says why
    """
    print(plugin.install())
    return DONE


_COMMANDS = {
    "list": _list,
    "show": _show,
    "unknown": _unknown,
    "program": _program,
    "checkpoints": _checkpoints,
    "archive": _archive,
    "plugin": _plugin,
    "delete": _delete,
}


def _confirmed(noun: str, details: str) -> bool:
    print(details, file=sys.stderr)
    print(f"delete this {noun}? this cannot be undone [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _print(
    options: Namespace,
    found: Sequence[lookups.CustomModelInfo | FileInfo | Checkpoint],
    names: Sequence[str],
    text: str,
) -> None:
    if options.json:
        print(table.as_json(found))
    elif options.names_only:
        print("\n".join(map(one_line, names)))
    else:
        print(text)


def _configuration(options: Namespace) -> Configuration:
    given = vars(options)
    found = {BASE_URL: given.get("base_url"), PROJECT: given.get("ai_project_id")}
    return Configuration(found.get, "command")


def _client(options: Namespace) -> Client:
    return Client(_configuration(options).settings())


def _project(options: Namespace) -> str | None:
    return _configuration(options).project()


def _texts(files: Sequence[str]) -> Iterator[tuple[str, str]]:
    for file in files:
        place = "standard input" if file == "-" else file
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UnreadableDeployment(place, f"it cannot be read ({error})") from error
        yield place, text


def _warn(message: str) -> None:
    print(f"nebius-models: warning: {message}", file=sys.stderr)


def _fail(message: str, code: int = FAILED) -> int:
    print(f"nebius-models: {message}", file=sys.stderr)
    return code
