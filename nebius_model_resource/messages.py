"""What the engine shows of an error: who refused what, why, what still exists, and the next command."""

from __future__ import annotations

from nebius_model_resource.errors import (
    AccessDenied,
    BadRequest,
    DeadlineExceeded,
    NebiusError,
    NotFound,
    NotSent,
    Redirected,
    ServerFault,
    TransportError,
    Unfinished,
    ValidationFailed,
)

# What is true after a failure of each of the provider's methods, and what to do.
_LEFT = {
    "create": "nothing was made: run `pulumi up` again",
    "read": "the state is as it was: run `pulumi refresh` again",
    "update": "the model stays in the state: run `pulumi up` again",
    "delete": "the model may still exist and stays in the state: run the same command again",
}
_UNCHANGED = "nothing was changed: run the same command again"
_CHECK_KEY = "check the key (`pulumi config set --secret nebius:apiKey <key>`, or NEBIUS_API_KEY)"
_CHECK_RIGHTS = "the key may not do this, or not in this project: check nebius:apiKey and nebius:aiProjectId"
_NO_LORA = (
    "choose a base model from that list; where it is empty, the service hosts no custom models for this account "
    "at present: ask its support about dedicated endpoints"
)
_LOST = (ServerFault, TransportError)
_OPENINGS: tuple[tuple[tuple[type[NebiusError], ...], str], ...] = (
    ((NotFound, Redirected), "Nebius answered: {}; check nebius:baseUrl"),
    ((NotSent,), "Nebius could not be reached: {}; check the network and nebius:baseUrl"),
    (_LOST, "Nebius gave no usable answer: {}"),
    ((DeadlineExceeded,), "{}"),
)


def told(error: NebiusError, method: str) -> str:
    """An error as one line for the person at the engine.

    Args:
        error: what went wrong.
        method: the provider's method that failed, such as ``"create"``.
    """
    left = _LEFT.get(method, _UNCHANGED)
    if isinstance(error, AccessDenied):
        remedy = _CHECK_KEY if error.status == 401 else _CHECK_RIGHTS
        return f"Nebius refused the key: {error}; {remedy}; {left}"
    if isinstance(error, BadRequest):
        return _refused(error, method, left)
    for kinds, words in _OPENINGS:
        # A create whose answer was lost says for itself what may exist.
        if isinstance(error, kinds) and not (method == "create" and kinds is _LOST):
            return f"{words.format(error)}; {left}"
    return str(error)


def _refused(error: BadRequest, method: str, left: str) -> str:
    if method != "create":
        return f"Nebius refused to {method} the model: {error}; {left}"
    if "support lora" in error.detail.lower():
        return f"Nebius refused the model: {error}; nothing was made: {_NO_LORA}"
    return (
        f"Nebius refused the model: {error}; nothing was made: change what it names and run `pulumi up` again"
    )


def kept(error: Unfinished | ValidationFailed) -> str:
    """An error whose model is recorded in the state as not ready."""
    if isinstance(error, ValidationFailed):
        return f"{error}; it is kept in the state: run `pulumi up` to replace it, or `pulumi destroy` to delete it"
    return (
        f"{error}; it is kept in the state: run `pulumi up` again to go on waiting (longer with "
        'custom_timeouts=CustomTimeouts(create="20m", update="20m")), or `pulumi destroy` to delete it'
    )


def failed(name: str, error: ValidationFailed | Unfinished) -> str:
    """A failed validation of which nothing is left."""
    return f"{name!r} was not made: {error}; mend the adapter, then run `pulumi up` again"


def let_go(name: str, error: NebiusError) -> str:
    """An unfinished model that could not be kept in the state and was deleted."""
    return f"{name!r} was not made: {error}; the model was deleted: run `pulumi up` to try again"


def orphaned(generated_name: str, error: NebiusError, failure: NebiusError) -> str:
    """An unfinished model that could neither be kept in the state nor deleted."""
    return (
        f"{error}; it could neither be kept in the state nor deleted ({failure}): run "
        f"`nebius-models delete {generated_name}` before the next `pulumi up`"
    )
