"""Is an existing model the one that is declared?"""

from __future__ import annotations

from nebius_model_resource._api.models import (
    ACTIVE,
    Fault,
    Inputs,
    ModelInfo,
    canonical_source,
    same_base,
    trimmed,
)
from nebius_model_resource._lifecycle.lookups import CustomModelInfo

_REMEDY = "declare the live value to adopt the model, or remove `import_` to create a new one"


def missing(name: str) -> Fault:
    """The model to adopt does not exist."""
    return Fault(
        "import_", f"there is no model {name!r} at the service: `nebius-models list` shows what there is"
    )


def differences(inputs: Inputs, live: ModelInfo, unknown: str | None = None) -> list[Fault]:
    """Why a live model is not the declared one: one fault per property.

    A value that the service does not return is no difference, nor is an input that is the ``unknown`` placeholder.
    """
    found = CustomModelInfo.of(live)
    base, source, description = found.base_model, found.source, found.description
    compared = [
        ("name", found.name, inputs.name == found.name),
        ("base_model", base, base is None or same_base(inputs.base_model, base)),
        ("source", source, source is None or canonical_source(inputs.source) == canonical_source(source)),
        ("description", description, trimmed(inputs.description) == trimmed(description)),
    ]
    faults = [] if live.status == ACTIVE else [_not_active(live)]
    for prop, value, same in compared:
        given = getattr(inputs, prop)
        if same or (unknown is not None and given == unknown):
            continue
        hidden = prop in inputs.secrets
        faults.append(
            Fault(prop, f"given {'a secret' if hidden else repr(given)} / live {value!r}: {_REMEDY}", hidden)
        )
    return faults


def _not_active(live: ModelInfo) -> Fault:
    status = f"is {live.status}" if live.status else "has no status yet"
    reason = f" ({live.status_reason})" if live.status_reason else ""
    return Fault(
        "import_",
        f"{live.name!r} {status}{reason}: only an active model can be adopted, wait or name another",
    )
