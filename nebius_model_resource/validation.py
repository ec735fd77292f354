"""Inputs as they arrive -> every fault of every property.

What the service does not document (which characters a name may hold, how long a text may be) is refused only
where it could not work: the generated name puts the custom one behind ``/`` and ``:``, and into a URL.
"""

from __future__ import annotations

import re
from typing import Any

from nebius_model_resource.models import Fault, Source

_BASE_MODEL = re.compile(r"[^\s/:]+/[^\s/:]+")
_SOURCE_FORMS = "'ftjob-…:ftckpt_…', 'file-…' or 'huggingface.co/<org>/<repo>'"
_SHOWN = 80


def find_faults(inputs: dict[str, Any], unknown: Any = None) -> list[Fault]:
    """Look at every property and tell every fault, one per property.

    Args:
        inputs: the property bag; what it lacks is absent.
        unknown: the placeholder of a value not known yet, which is left alone.

    Returns:
        The faults in the order of the properties; empty where all can be sent.
    """
    faults = []
    for prop, check in _CHECKS.items():
        value = inputs.get(prop)
        if unknown is not None and _holds(value, unknown):
            continue
        if reason := check(value):
            faults.append(Fault(prop, reason))
    return faults


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
    example = "a name such as 'support-bot'"
    if fault := _required_text_fault(value, example):
        return fault
    if bad := sorted(set(re.findall(r"[\s/:]", value))):
        found = ", ".join("a blank" if mark.isspace() else repr(mark) for mark in bad)
        return f"was given {shown(value)}, which has {found}: {example}, without blanks, '/' or ':'"
    return _control_fault(value)


def _base_model_fault(value: Any) -> str | None:
    example = "'vendor/model', such as 'meta-llama/Meta-Llama-3.1-8B-Instruct'"
    if fault := _required_text_fault(value, example):
        return fault
    if not _BASE_MODEL.fullmatch(value):
        return f"was given {shown(value)}, must be {example}"
    return _control_fault(value)


def _source_fault(value: Any) -> str | None:
    if fault := _required_text_fault(value, _SOURCE_FORMS):
        return fault
    if value != value.strip():
        return f"was given {shown(value)}, has blanks around it: take them away"
    if Source.parse(value):
        return None
    return f"was given {shown(value)}, must be {_SOURCE_FORMS}{_nearly(value)}"


def _nearly(value: str) -> str:
    """Which of the three forms a wrong source was most likely meant to be, and what it lacks."""
    if value.startswith("ftckpt"):
        return ": a checkpoint needs its job in front, 'ftjob-…:" + shown(value)[1:-1] + "'"
    if value.startswith("ftjob"):
        return ": a fine-tuning job needs one of its checkpoints behind it, '…:ftckpt_…'"
    if value.lower().startswith("file"):
        return ": a file's id is 'file-' and what the Files API gave"
    if "huggingface.co" in value or "hf.co" in value:
        return ": a Hugging Face source is the repository alone, 'huggingface.co/<org>/<repo>'"
    if re.fullmatch(r"[\w.-]+/[\w.-]+", value):
        return f": if it is a Hugging Face repository, give 'huggingface.co/{value}'"
    return ""


def _optional_text_fault(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return None
    return f"was given {shown(value)}, must be text, or left out"


def _project_fault(value: Any) -> str | None:
    if fault := _optional_text_fault(value):
        return fault
    if value and re.search(r"\s", value):
        return f"was given {shown(value)}, must not hold blanks"
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
