"""Inputs as they arrive -> every fault of every property.

What the service does not document (which characters a name may hold, how long a text may be) is refused only
where it could not work: the generated name puts the custom one behind ``/`` and ``:``, and into a URL.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from nebius_model_resource._api import pasted
from nebius_model_resource._api.models import Fault, Source
from nebius_model_resource._lifecycle import hints

_BASE_MODEL = re.compile(r"[^\s/:]+/[^\s/:]+")
_SOURCE_FORMS = "'ftjob-…:ftckpt_…', 'file-…' or 'huggingface.co/<org>/<repo>'"
_NAME = "a name such as 'support-bot'"
_VENDOR_MODEL = "'vendor/model', such as 'meta-llama/Meta-Llama-3.1-8B-Instruct'"
_SHOWN = 80

# What is said of a value that must not be repeated.
_RULES = {
    "name": f"must be {_NAME}, without blanks, '/' or ':'",
    "base_model": f"must be {_VENDOR_MODEL}",
    "source": f"must be {_SOURCE_FORMS}",
    "description": "must be text, or left out",
    "ai_project_id": "must be an id without blanks or quotes, or left out",
    "wait_for_active": "must be True or False",
    "import_id": "must be the generated name of a model",
}


def find_faults(inputs: dict[str, Any], unknown: Any = None, secrets: Collection[str] = ()) -> list[Fault]:
    """Look at every property and tell every fault, one per property.

    Args:
        inputs: the property bag; what it lacks is absent.
        unknown: the placeholder of a value not known yet, which is left alone.
        secrets: the properties whose values are secret.

    Returns:
        The faults in the order of the properties; empty where all can be sent.
    """
    faults = []
    for prop, check in _CHECKS.items():
        value = inputs.get(prop)
        if unknown is not None and _holds(value, unknown):
            continue
        if (reason := check(value)) is None:
            continue
        if hidden := _hidden_reason(prop, value, secret=prop in secrets):
            faults.append(Fault(prop, hidden, hidden=True))
        else:
            faults.append(Fault(prop, reason + _hint(prop, value, inputs)))
    return faults


def _hidden_reason(prop: str, value: Any, *, secret: bool) -> str | None:
    """What to tell of a bad value that nobody may show; None where it can be shown."""
    if value in (None, ""):
        return None
    if secret:
        return f"was given a secret that is not usable, {_RULES[prop]}"
    if isinstance(value, (list, dict)):  # a part of it may be secret
        kind = "list" if isinstance(value, list) else "dictionary"
        return f"was given a {kind}, must be text: {_RULES[prop]}"
    if not isinstance(value, str) or not pasted.may_hold_a_credential(value):
        return None
    given = "was given a text that is not shown, since it looks as if a password or token is in it"
    if prop == "source" and (source := hints.repository_within(value)):
        return f"{given}: give the repository alone, {source!r}"
    return f"{given}: {_RULES[prop]}"


def _hint(prop: str, value: Any, inputs: dict[str, Any]) -> str:
    if prop != "source" or not isinstance(value, str):
        return ""
    hint = hints.source_hint(value, inputs.get("base_model"))
    return f": {hint}" if hint else ""


def _holds(value: Any, unknown: Any) -> bool:
    return isinstance(value, str) and value == unknown


def shown(value: Any) -> str:
    """A value as a message shows it: quoted, one line, cut where it is long, whole numbers without ``.0``."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def _required_text_fault(value: Any, example: str) -> str | None:
    if value is None:
        return f"missing: give {example}"
    if not isinstance(value, str):
        return f"was given {shown(value)}, must be text: give {example}"
    if not value.strip():
        return f"was given {shown(value)}, must not be empty: give {example}"
    return None


def _name_fault(value: Any) -> str | None:
    if fault := _required_text_fault(value, _NAME):
        return fault
    if bad := sorted(set(re.findall(r"[\s/:]", value))):
        found = ", ".join("a blank" if mark.isspace() else repr(mark) for mark in bad)
        return f"was given {shown(value)}, which has {found}: {_NAME}, without blanks, '/' or ':'"
    return _control_fault(value)


def _base_model_fault(value: Any) -> str | None:
    if fault := _required_text_fault(value, _VENDOR_MODEL):
        return fault
    if not _BASE_MODEL.fullmatch(value):
        return f"was given {shown(value)}, must be {_VENDOR_MODEL}"
    return _control_fault(value)


def _source_fault(value: Any) -> str | None:
    if fault := _required_text_fault(value, _SOURCE_FORMS):
        return fault
    if value != value.strip():
        return f"was given {shown(value)}, has blanks around it: take them away"
    if Source.parse(value):
        return None
    return f"was given {shown(value)}, must be {_SOURCE_FORMS}"


def _optional_text_fault(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return None
    return f"was given {shown(value)}, must be text, or left out"


def _project_fault(value: Any) -> str | None:
    if fault := _optional_text_fault(value):
        return fault
    if value and (fault := pasted.fault(value)):
        return f"was given {shown(value)}, which {fault}: an id must not hold blanks or quotes"
    return None


def _flag_fault(value: Any) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    return f"was given {shown(value)}, must be True or False"


def _control_fault(value: str) -> str | None:
    return None if value.isprintable() else f"was given {shown(value)}, must hold printable characters only"


_CHECKS = {
    "name": _name_fault,
    "base_model": _base_model_fault,
    "source": _source_fault,
    "description": _optional_text_fault,
    "ai_project_id": _project_fault,
    "wait_for_active": _flag_fault,
    "import_id": _project_fault,
}
