"""The command ``nebius-models``: look at the models of an account, and bring them into Pulumi.

Exit codes: 0 done; 1 an error, or the answer no to a question; 2 wrong usage; 3 ``unknown`` found models or files;
130 interrupted. An error is one line on standard error; standard output has only the result.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from nebius_model_resource._api import settings
from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.files import FileInfo, Files
from nebius_model_resource._api.fine_tuning import Checkpoint
from nebius_model_resource._api.redact import harmless, masked
from nebius_model_resource._cli import archive, arguments, codegen, files, plugin, stack_exports, table
from nebius_model_resource._lifecycle import checkpoints, lookups
from nebius_model_resource.errors import (
    AccessDenied,
    ModelMissing,
    NebiusError,
    NotFound,
    NotSent,
    UnreadableDeployment,
)

DONE, FAILED, USAGE, FOUND, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments; by default those of the process.

    Returns:
        The exit code.
    """
    options = arguments.parser().parse_args(argv)
    try:
        code = _COMMANDS[options.command](options)
        sys.stdout.flush()
    except NebiusError as error:
        return _fail(_message(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader closed the pipe. Python would write again at exit, and print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return code


def _list(options: Namespace) -> int:
    client = _client(options)
    models = lookups.list_models(client, _project(options))
    if models or options.json:
        _print_models(options, client, models)
    else:
        print("there are no custom models", file=sys.stderr)
    return DONE


def _show(options: Namespace) -> int:
    client = _client(options)
    model = lookups.get_model(client, options.name)
    print(table.as_json(model) if options.json else _details(client, model))
    return DONE


def _unknown(options: Namespace) -> int:
    if options.files in ([], ["-"]) and sys.stdin.isatty():
        return _fail(
            "nothing to read: run `pulumi stack export | nebius-models unknown`, or give files", USAGE
        )
    stacks = stack_exports.read_exports(_texts(options.files or ["-"]))
    client = _client(options)
    project = _project(options)
    models = [model for model in lookups.list_models(client, project) if not stacks.own(model)]
    uploads, warning = files.unknown(Files(client.connection), project, stacks)
    if warning:
        _warn(warning)
    if models or uploads or options.json:
        now = time.time()
        tables = [
            table.models_table(models, now, [stacks.note(model) for model in models]) if models else "",
            table.files_table(uploads, now, [stacks.file_note(file) for file in uploads]) if uploads else "",
        ]
        names = [model.generated_name for model in models] + [file.id for file in uploads]
        _print(options, [*models, *uploads], names, _masked(client, "\n\n".join(filter(None, tables))))
    return FOUND if models or uploads else DONE


def _program(options: Namespace) -> int:
    names = [name for name in options.names if not files.is_id(name)]
    if not names:
        return _fail(
            "a program cannot adopt an uploaded file: declare a ModelArchive, which uploads it again"
        )
    if len(names) < len(options.names):
        _warn("a program cannot adopt an uploaded file: ids of files are left out")
    client = _client(options)
    # By generated name: a model given by its short and its full name is declared once.
    models = {model.generated_name: model for model in (lookups.get_model(client, n) for n in names)}
    print(codegen.program(list(models.values()), options.ai_project_id), end="")
    return DONE


def _checkpoints(options: Namespace) -> int:
    connection = _client(options).connection
    found = checkpoints.checkpoints_of(connection, options.job)
    _print(options, found, [each.source for each in found], table.checkpoints_table(found, time.time()))
    return DONE


def _delete(options: Namespace) -> int:
    if not options.yes and not sys.stdin.isatty():
        return _fail("standard input is not a terminal: give --yes to delete without a question", USAGE)
    client = _client(options)
    if files.is_id(options.name):
        return _delete_file(options, client)
    model = lookups.get_model(client, options.name)
    if not options.yes and not _confirmed("model", _details(client, model)):
        return _fail("not deleted")
    try:
        client.delete_model(model.generated_name)
    except NotFound as error:
        raise ModelMissing(options.name, hint="it was deleted in the meantime") from error
    print(f"deleted {harmless(model.generated_name)}")
    return DONE


def _delete_file(options: Namespace, client: NebiusClient) -> int:
    service = Files(client.connection)
    try:
        file = service.get(options.name)
        if not options.yes and not _confirmed("file", _effects(options, client, file)):
            return _fail("not deleted")
        service.delete(file.id)
    except NotFound:
        return _fail(f"there is no file {options.name!r} at the service")
    print(f"deleted {harmless(file.id)}")
    return DONE


def _effects(options: Namespace, client: NebiusClient, file: FileInfo) -> str:
    """What the deletion of a file does, as far as it is known."""
    models = lookups.list_models(client, _project(options))
    users = [model.generated_name for model in models if model.source == file.id]
    effects = ["a stack that owns the file uploads it again in the `pulumi up` after its next refresh"]
    if users:
        effects.insert(
            0, "the service does not document whether a model works without the file: delete the models first"
        )
    return _masked(client, "\n".join([table.file_details(file, users, time.time()), *effects]))


def _archive(options: Namespace) -> int:
    return archive.run(options.path)


def _plugin(_options: Namespace) -> int:
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


def _details(client: NebiusClient, model: lookups.CustomModelInfo) -> str:
    return _masked(client, table.details(model, time.time()))


def _masked(client: NebiusClient, text: str) -> str:
    return masked(text, client.connection.settings.api_key)


def _print_models(
    options: Namespace,
    client: NebiusClient,
    models: Sequence[lookups.CustomModelInfo],
) -> None:
    text = _masked(client, table.models_table(models, time.time()))
    _print(options, models, [model.generated_name for model in models], text)


def _print(
    options: Namespace,
    found: Sequence[lookups.CustomModelInfo | FileInfo | Checkpoint],
    names: Sequence[str],
    text: str,
) -> None:
    if options.json:
        print(table.as_json(found))
    elif options.names_only:
        print("\n".join(map(harmless, names)))
    else:
        print(text)


def _client(options: Namespace) -> NebiusClient:
    lookup = {settings.BASE_URL: options.base_url}.get
    return NebiusClient(settings.load_settings(lookup, places=settings.COMMAND))


def _project(options: Namespace) -> str | None:
    lookup = {settings.PROJECT: options.ai_project_id}.get
    if hint := settings.project_hint(lookup, places=settings.COMMAND):
        _warn(hint)
    return settings.ai_project_id(lookup, places=settings.COMMAND)


def _texts(files: Sequence[str]) -> Iterator[tuple[str, str]]:
    for file in files:
        place = "standard input" if file == "-" else file
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        except OSError as error:
            raise UnreadableDeployment(place, f"it cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise UnreadableDeployment(place, "it is not UTF-8") from error
        yield place, text


def _warn(message: str) -> None:
    print(f"nebius-models: warning: {message}", file=sys.stderr)


def _fail(message: str, code: int = FAILED) -> int:
    print(f"nebius-models: {message}", file=sys.stderr)
    return code


def _message(error: NebiusError) -> str:
    if isinstance(error, AccessDenied):
        return f"Nebius refused the key: {error}; check NEBIUS_API_KEY, and --ai-project-id if you give it"
    if isinstance(error, NotSent):
        remedy = error.remedy or "check the network, and NEBIUS_BASE_URL or --base-url"
        return f"Nebius could not be reached: {error}; {remedy}"
    return str(error)
