"""Taking over a model that exists already: is it the one that is declared?"""

from __future__ import annotations

from nebius_model_resource._api.models import (
    ACTIVE,
    Fault,
    GeneratedName,
    Inputs,
    ModelInfo,
    canonical_source,
    same_base,
    trimmed,
)


def missing(name: str) -> Fault:
    """There is nothing to adopt."""
    return Fault(
        "import_", f"there is no model {name!r} at the service: `nebius-models list` shows what there is"
    )


def differences(inputs: Inputs, live: ModelInfo, unknown: str | None = None) -> list[Fault]:
    """What speaks against taking a live model for the declared one, as far as the service tells it.

    Args:
        inputs: what is declared.
        live: the model.
        unknown: the placeholder of inputs not known yet, which are left alone.

    Returns:
        The faults, one per property; empty where nothing speaks against it.
    """
    faults = [] if live.status == ACTIVE else [_not_active(live)]
    for prop, given, found, same in _compared(inputs, live):
        if not same and (unknown is None or given != unknown):
            remedy = "declare what is live to adopt the model, or take `import_` away to make a new one"
            hidden = prop in inputs.secrets
            told = "a secret" if hidden else repr(given)
            faults.append(Fault(prop, f"given {told} / live {found!r}: {remedy}", hidden))
    return faults


def _not_active(live: ModelInfo) -> Fault:
    told = f"is {live.status}" if live.status else "has no status yet"
    reason = f" ({live.status_reason})" if live.status_reason else ""
    return Fault(
        "import_", f"{live.name!r} {told}{reason}: only an active model can be adopted, wait or name another"
    )


def _compared(inputs: Inputs, live: ModelInfo) -> list[tuple[str, str | None, str | None, bool]]:
    """Each property with what is given, what is live, and whether they are the same; untold is the same."""
    name = GeneratedName.parse(live.name)
    base, source = name.base or live.base_model, live.source
    return [
        ("name", inputs.name, name.custom, inputs.name == name.custom),
        ("base_model", inputs.base_model, base, base is None or same_base(inputs.base_model, base)),
        ("source", inputs.source, source, source is None or _same_source(inputs.source, source)),
        (
            "description",
            inputs.description,
            live.description,
            trimmed(inputs.description) == trimmed(live.description),
        ),
    ]


def _same_source(one: str, other: str) -> bool:
    return canonical_source(one) == canonical_source(other)
