"""Inputs as they arrive -> every fault of every property.

What the service does not document (which characters a name may hold, how long a text may be) is refused only if it
cannot work: the generated name puts the declared one after ``/`` and ``:``, and into a URL.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from nebius_model_resource._api import pasted
from nebius_model_resource._api.models import Fault, Source
from nebius_model_resource._lifecycle import hints

_ALLOWED = {
    "name": "a name such as 'support-bot', without white space, '/' or ':'",
    "base_model": "'vendor/model', such as 'meta-llama/Meta-Llama-3.1-8B-Instruct'",
    "source": "'ftjob-…:ftckpt_…', 'file-…' or 'huggingface.co/<org>/<repo>'",
    "description": "text, or left out",
    "ai_project_id": "an id without white space or quotes, or left out",
    "wait_for_active": "True or False",
    "import_id": "the generated name of a model",
}
_REQUIRED = {"name": r"[^\s/:]+", "base_model": r"[^\s/:]+/[^\s/:]+", "source": r".*"}  # with a pattern each
_SHOWN = 80


def find_faults(inputs: dict[str, Any], unknown: Any = None, secrets: Collection[str] = ()) -> list[Fault]:
    """One fault for each property of a bag that cannot work, in the order of the properties.

    A value that is the ``unknown`` placeholder is not checked; those of ``secrets`` are not shown.
    """
    faults = []
    for prop in _ALLOWED:
        value = inputs.get(prop)
        if unknown is not None and isinstance(value, str) and value == unknown:
            continue
        if (reason := _reason(prop, value)) is None:
            continue
        if hidden := _hidden_reason(prop, value, secret=prop in secrets):
            faults.append(Fault(prop, hidden, hidden=True))
            continue
        hint = (
            hints.source_hint(value, inputs.get("base_model"))
            if prop == "source" and isinstance(value, str)
            else ""
        )
        faults.append(Fault(prop, f"{reason}: {hint}" if hint else reason))
    return faults


def _reason(prop: str, value: Any) -> str | None:
    """What is wrong with a value; None if nothing is."""
    if value is None:
        return f"missing: give {_ALLOWED[prop]}" if prop in _REQUIRED else None
    problem = _required_problem(prop, value) if prop in _REQUIRED else _optional_problem(prop, value)
    return f"was given {shown(value)}, {problem}" if problem else None


def _required_problem(prop: str, value: Any) -> str | None:
    allowed = _ALLOWED[prop]
    if not isinstance(value, str):
        return f"must be text: give {allowed}"
    if not value.strip():
        return f"must not be empty: give {allowed}"
    if prop == "source":
        if value != value.strip():
            return "has white space around it: remove it"
        return None if Source.parse(value) else f"must be {allowed}"
    if not re.fullmatch(_REQUIRED[prop], value):
        return f"must be {allowed}"
    return None if value.isprintable() else "must contain only printable characters"


def _optional_problem(prop: str, value: Any) -> str | None:
    if prop == "wait_for_active":
        return None if isinstance(value, bool) else f"must be {_ALLOWED[prop]}"
    if not isinstance(value, str):
        return f"must be {_ALLOWED[prop]}"
    if prop in ("ai_project_id", "import_id") and value and (fault := pasted.fault(value)):
        return f"which {fault}: must be {_ALLOWED[prop]}"
    return None


def _hidden_reason(prop: str, value: Any, *, secret: bool) -> str | None:
    """The reason without the value, if that must not be shown; otherwise None."""
    rule = f"must be {_ALLOWED[prop]}"
    if value in (None, ""):
        return None
    if secret:
        return f"was given a secret that cannot be used, {rule}"
    if isinstance(value, (list, dict)):  # a part of it may be secret
        kind = "list" if isinstance(value, list) else "dictionary"
        return f"was given a {kind}, must be text: {rule}"
    if not isinstance(value, str) or not pasted.may_hold_a_credential(value):
        return None
    given = "was given a text that is not shown because it may contain a password or token"
    if prop == "source" and (source := hints.repository_within(value)):
        return f"{given}: give only the repository, {source!r}"
    return f"{given}: {rule}"


def shown(value: Any) -> str:
    """A value as a message shows it: quoted, on one line, cut if it is long, whole numbers without ``.0``."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
