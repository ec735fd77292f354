"""The command ``nebius-models``: look at the models and endpoints of an account, and bring models into Pulumi.

Exit codes: 0 done; 1 an error, or the answer no to a question; 2 wrong usage; 3 ``unknown`` found something;
130 interrupted. An error is one line on standard error; standard output has only the result.
"""

from __future__ import annotations

import io
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nebius_model_resource import errors
from nebius_model_resource._adapter import read
from nebius_model_resource._cli import arguments, codegen, plugin, stack_exports, table
from nebius_model_resource._provider import archives, lookups, messages
from nebius_model_resource._provider.listing import ENDPOINTS, FILES, MODELS, Collection
from nebius_model_resource._service.answers import one_line
from nebius_model_resource._service.client import CALL_SECONDS, Client
from nebius_model_resource._service.settings import BASE_URL, DEFAULT_BASE_URL, PROJECT, Configuration
from nebius_model_resource._service.types import Checkpoint, DedicatedEndpointInfo, FileInfo

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
    except errors.NebiusError as error:
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
    return _print(options, models, table.MODELS, "there are no custom models")


def _show(options: Namespace) -> int:
    """Show all fields of one model.

    examples:
      nebius-models show support-bot-AbCd
      nebius-models show --json meta-llama/Meta-Llama-3.1-8B-Instruct-LoRa:support-bot-AbCd
    """
    model = lookups.get_model(_client(options), options.name)
    print(table.as_json(model) if options.json else _details(model))
    return DONE


def _endpoints(options: Namespace) -> int:
    """List all dedicated endpoints of the project, newest first.

    examples:
      nebius-models endpoints
      nebius-models endpoints --json | jq -r '.[] | select(.enabled) | .routing_key'
    """
    endpoints = lookups.list_endpoints(_client(options, ENDPOINTS.base_url), _project(options))
    return _print(options, endpoints, table.ENDPOINTS, "there are no dedicated endpoints")


def _unknown(options: Namespace) -> int:
    """List the models, uploaded files and endpoints that none of the given stacks owns.

    A model is known if a resource of one of the stacks owns it, even one that waits for its deletion.
    A model that a stack only reads with CustomModel.get is unknown. Give the exports of every stack that owns
    models of the project: as files, or one after the other on standard input.

    The same holds for uploaded files and ModelArchive, and for dedicated endpoints and DedicatedEndpoint. Only files
    with a name that an upload of this package gives are listed, never other files of the project.

    examples:
      pulumi stack export | nebius-models unknown
      nebius-models unknown dev.json prod.json
      for stack in dev prod; do pulumi stack export --stack $stack; done | nebius-models unknown --names

    exit codes: 0 everything is known; 3 what is listed is unknown
    """
    if options.files in ([], ["-"]) and sys.stdin.isatty():
        return _fail(
            "nothing to read: run `pulumi stack export | nebius-models unknown`, or give files", USAGE
        )
    stacks = stack_exports.read_exports(_texts(options.files or ["-"]))
    client, project = _client(options), _project(options)
    control = _client(options, ENDPOINTS.base_url)
    listed = (
        (table.MODELS, lookups.list_models(client, project)),
        (table.FILES, _optional("uploaded files", lambda: _uploads(client, project))),
        (table.ENDPOINTS, _optional("endpoints", lambda: lookups.list_endpoints(control, project))),
    )
    unknown = [(columns, [thing for thing in things if not stacks.own(thing)]) for columns, things in listed]
    found = [thing for _, things in unknown for thing in things]
    tables = (
        table.table(columns, things, time.time(), map(stacks.note, things)) for columns, things in unknown
    )
    _write(options, found, "\n\n".join(filter(None, tables)))
    return FOUND if found else DONE


def _uploads(client: Client, project: str | None) -> list[FileInfo]:
    """The files of this package's uploads, newest first."""
    listing = client.list_files(project)
    if not listing.complete:
        _warn("the list of files is not complete: more files may be unknown")
    found = [file for file in listing.entries if archives.may_come_of(file)]
    return sorted(found, key=lambda file: file.created_at or 0, reverse=True)


def _optional(what: str, read: Callable[[], Sequence[stack_exports.Thing]]) -> Sequence[stack_exports.Thing]:
    """A list that the service may not have: a warning in its place, and the models still count."""
    try:
        return read()
    except (errors.AccessDenied, errors.BadRequest, errors.NotFound, errors.UnusableAnswer) as error:
        _warn(f"{what} are not checked, their list cannot be read: {error.message}")
        return []


def _program(options: Namespace) -> int:
    """Print Python that declares and adopts models.

    examples:
      nebius-models program support-bot-AbCd > __main__.py
      nebius-models program $(pulumi stack export | nebius-models unknown --names)
    """
    names = [name for name in options.names if _collection(name) is MODELS]
    if len(names) < len(options.names):
        _warn("only models are declared: files and endpoints are left out")
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
    return _print(options, lookups.checkpoints_of(_client(options), options.job), table.CHECKPOINTS)


def _delete(options: Namespace) -> int:
    """Delete one model, one uploaded file or one dedicated endpoint.

    Before the question the command shows the model or endpoint, or the file and the models that use it as their source.

    examples:
      nebius-models delete support-bot-AbCd
      nebius-models delete --yes support-bot-AbCd
      nebius-models delete file-01234567-89ab-cdef-0123-456789abcdef
      nebius-models delete dedicated/support-bot-0123abcd
    """
    if not options.yes and not sys.stdin.isatty():
        return _fail("standard input is not a terminal: give --yes to delete without a question", USAGE)
    collection = _collection(options.name)
    client = _client(options, collection.base_url)
    project = _project(options)
    try:
        thing = _look_up(client, collection, options.name, project)
        if not options.yes and not _confirmed(collection.noun, _effects(client, thing, project)):
            return _fail("not deleted")
        id_ = stack_exports.id_of(thing)
        collection.delete(client, id_, project, client.deadline(CALL_SECONDS))
    except errors.NotFound as error:
        raise errors.Missing(collection.noun, options.name) from error
    print(f"deleted {one_line(_name(thing))}")
    return DONE


def _collection(name: str) -> Collection[Any]:
    """What a name is the name of, by its form."""
    if stack_exports.is_file_id(name):
        return FILES
    return ENDPOINTS if name.startswith("dedicated/") else MODELS


def _look_up(client: Client, collection: Collection[Any], name: str, project: str | None) -> Any:
    """What is to be deleted; a model by its short or full name, an endpoint by its routing key."""
    if collection is FILES:
        return client.get_file(name)
    if collection is ENDPOINTS:
        return lookups.get_endpoint(client, name, project)
    return lookups.get_model(client, name)


def _effects(client: Client, thing: stack_exports.Thing, project: str | None) -> str:
    """What something is, and what its deletion does, as far as it is known."""
    if not isinstance(thing, FileInfo):
        return _details(thing)
    users = [
        model.generated_name for model in lookups.list_models(client, project) if model.source == thing.id
    ]
    effects = [_details(thing, size=table.size(thing.size), source_of=", ".join(users))]
    if users:
        effects.append(
            "the service does not document whether a model works without the file: delete the models first"
        )
    effects.append("a stack that owns the file uploads it again in the `pulumi up` after its next refresh")
    return "\n".join(effects)


def _details(found: stack_exports.Thing, **more: object) -> str:
    """All fields of one thing, one per line."""
    fields = {name.replace("_", " "): value for name, value in {**vars(found), **more}.items()}
    fields["created"] = table.date(fields.pop("created at"), time.time())
    return table.details(fields)


def _archive(options: Namespace) -> int:
    """Check the folder or zip of an adapter.

    PATH is a folder with adapter_config.json and adapter_model.safetensors, or a .zip with them at its root. The
    checks are those of a preview of ModelArchive. Nothing is sent, so this command needs no key.

    examples:
      nebius-models archive ./adapter
      nebius-models archive adapter.zip

    exit codes: 0 the adapter can be uploaded; 1 it cannot, and standard error says why
    """
    adapter = read(options.path)
    print(table.adapter(adapter))
    for warning in adapter.warnings:
        _warn(one_line(warning))
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
    "endpoints": _endpoints,
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


def _print(options: Namespace, found: Sequence[Any], columns: table.Columns, nothing: str = "") -> int:
    """Print a list; if it is empty, people read that there is nothing."""
    if not (found or options.json):
        print(nothing, file=sys.stderr)
    _write(options, found, table.table(columns, found, time.time()))
    return DONE


def _write(options: Namespace, found: Sequence[Any], text: str) -> None:
    if options.json:
        text = table.as_json(found)
    elif options.names_only:
        text = "\n".join(one_line(_name(each)) for each in found)
    if text:
        print(text)


def _name(thing: stack_exports.Thing | Checkpoint) -> str:
    """What other commands and resources take."""
    if isinstance(thing, Checkpoint):
        return thing.source
    key = thing.routing_key if isinstance(thing, DedicatedEndpointInfo) else None
    return key or stack_exports.id_of(thing)


def _configuration(options: Namespace, base_url: str = DEFAULT_BASE_URL) -> Configuration:
    given = vars(options)
    found = {BASE_URL: given.get("base_url"), PROJECT: given.get("ai_project_id")}
    return Configuration(found.get, "command", base_url)


def _client(options: Namespace, base_url: str = DEFAULT_BASE_URL) -> Client:
    """A client; ``base_url`` is the service if none is configured."""
    return Client(_configuration(options, base_url).settings())


def _project(options: Namespace) -> str | None:
    return _configuration(options).project()


def _texts(files: Sequence[str]) -> Iterator[tuple[str, str]]:
    for file in files:
        place = "standard input" if file == "-" else file
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise errors.UnreadableDeployment(
                f"{place} holds no deployment, it cannot be read ({error})"
            ) from error
        yield place, text


def _warn(message: str) -> None:
    print(f"nebius-models: warning: {message}", file=sys.stderr)


def _fail(message: str, code: int = FAILED) -> int:
    print(f"nebius-models: {message}", file=sys.stderr)
    return code
