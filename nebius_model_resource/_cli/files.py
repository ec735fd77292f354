"""Uploaded files, as ``nebius-models`` looks at them."""

from __future__ import annotations

import re

from nebius_model_resource._api.files import FileInfo, Files
from nebius_model_resource._cli.stack_exports import Stacks
from nebius_model_resource._lifecycle.archives import is_archive
from nebius_model_resource.errors import (
    AccessDenied,
    ApiError,
    ServerFault,
    Throttled,
    UnusableAnswer,
)

# A short generated name may start with `file-` as well, but ends with a hyphen and four letters.
_ID = re.compile(r"file-(?!(?:.*-)?[A-Za-z]{4}$)[^/:]+")


def is_id(name: str) -> bool:
    """Whether a name is the id of a file, and not a generated name."""
    return bool(_ID.fullmatch(name))


def unknown(files: Files, project: str | None, stacks: Stacks) -> tuple[list[FileInfo], str]:
    """The files of this package's uploads that no stack owns, newest first, and a warning or an empty text.

    The list of files is not documented: a service without it causes a warning, and the models still count.

    Raises:
        ServerFault, Throttled, TransportError: the list could not be read now, and may be readable later.
    """
    try:
        listing = files.list_all(project)
    except (ServerFault, Throttled):
        raise
    except (ApiError, UnusableAnswer) as error:
        if isinstance(error, AccessDenied) and error.status == 401:
            raise
        return [], f"uploaded files are not checked, the list of files cannot be read: {error}"
    found = [file for file in listing.files if is_archive(file) and not stacks.own_file(file)]
    warning = "" if listing.complete else "the list of files is not complete: more files may be unknown"
    return sorted(found, key=lambda file: file.created_at or 0, reverse=True), warning
