"""``nebius-models``: look at the custom models of an account, and bring them into Pulumi.

Exit codes: 0 done; 1 an error, or a question answered with no; 2 wrong usage; 3 ``unknown`` has found models;
130 interrupted. Errors are one line on standard error; standard output has the answer and nothing else.
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
from nebius_model_resource._api.redact import harmless, masked
from nebius_model_resource._cli import arguments, codegen, stack_exports, table
from nebius_model_resource._lifecycle import lookups
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
    """Run one command; the process's arguments where none are given.

    Returns:
        The exit code.
    """
    options = arguments.parser().parse_args(argv)
    try:
        code = _COMMANDS[options.command](options)
        sys.stdout.flush()
    except NebiusError as error:
        return _fail(_told(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough. Python would try once more at exit, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return code


def _list(options: Namespace) -> int:
    client = _client(options)
    models = lookups.list_models(client, _project(options))
    if not models and not options.json:
        print("there are no custom models", file=sys.stderr)
        return DONE
    _show_many(options, client, models)
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
    holdings = stack_exports.read_holdings(_texts(options.files or ["-"]))
    client = _client(options)
    models = lookups.list_models(client, _project(options))
    unknown = [model for model in models if not holdings.holds(model)]
    if unknown or options.json:
        _show_many(options, client, unknown, [holdings.note(model) for model in unknown])
    return FOUND if unknown else DONE


def _program(options: Namespace) -> int:
    client = _client(options)
    models = {}
    for name in options.names:
        model = lookups.get_model(client, name)
        models[model.generated_name] = model  # one given twice, by both its names, is declared once
    print(codegen.program(list(models.values()), options.ai_project_id), end="")
    return DONE


def _delete(options: Namespace) -> int:
    if not options.yes and not sys.stdin.isatty():
        return _fail(
            "standard input is no terminal to ask at: give --yes to delete without a question", USAGE
        )
    client = _client(options)
    model = lookups.get_model(client, options.name)
    if not options.yes and not _confirmed(_details(client, model)):
        return _fail("not deleted")
    try:
        client.delete_model(model.generated_name)
    except NotFound as error:
        raise ModelMissing(options.name, hint="somebody else deleted it just now") from error
    print(f"deleted {harmless(model.generated_name)}")
    return DONE


_COMMANDS = {"list": _list, "show": _show, "unknown": _unknown, "program": _program, "delete": _delete}


def _confirmed(details: str) -> bool:
    print(details, file=sys.stderr)
    print("delete this model? it cannot be brought back [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _details(client: NebiusClient, model: lookups.CustomModelInfo) -> str:
    return masked(table.details(model, time.time()), client.connection.settings.api_key)


def _show_many(
    options: Namespace,
    client: NebiusClient,
    models: Sequence[lookups.CustomModelInfo],
    notes: Sequence[str] = (),
) -> None:
    if options.json:
        print(table.as_json(models))
    elif options.names_only:
        print("\n".join(harmless(model.generated_name) for model in models))
    else:
        print(masked(table.table(models, time.time(), notes), client.connection.settings.api_key))


def _client(options: Namespace) -> NebiusClient:
    lookup = {settings.BASE_URL: options.base_url}.get
    return NebiusClient(settings.load_settings(lookup, places=settings.COMMAND))


def _project(options: Namespace) -> str | None:
    lookup = {settings.PROJECT: options.ai_project_id}.get
    if hint := settings.project_hint(lookup, places=settings.COMMAND):
        print(f"nebius-models: warning: {hint}", file=sys.stderr)
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


def _fail(message: str, code: int = FAILED) -> int:
    print(f"nebius-models: {message}", file=sys.stderr)
    return code


def _told(error: NebiusError) -> str:
    if isinstance(error, AccessDenied):
        return f"Nebius refused the key: {error}; check NEBIUS_API_KEY, and --ai-project-id where you give it"
    if isinstance(error, NotSent):
        remedy = error.remedy or "check the network, and NEBIUS_BASE_URL or --base-url"
        return f"Nebius could not be reached: {error}; {remedy}"
    return str(error)
