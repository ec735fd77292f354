"""What the engine shows of an error: who refused what, why, what still exists, and the next command."""

from __future__ import annotations

import re

from nebius_model_resource._api.models import ACTIVE, ERROR, KNOWN_STATUSES, State
from nebius_model_resource._api.settings import Places
from nebius_model_resource._lifecycle.wait import unknown_status
from nebius_model_resource.errors import (
    AccessDenied,
    ApiError,
    BadRequest,
    DeadlineExceeded,
    Interrupted,
    NebiusError,
    NotFound,
    NotSent,
    Redirected,
    ServerFault,
    TransportError,
    Unfinished,
    UnknownStatus,
    UnusableArchive,
    ValidationFailed,
)

# What is true after a failure of each of the provider's methods, and what to do.
_LEFT = {
    "create": "nothing was created: run `pulumi up` again",
    "read": "the state is unchanged: run `pulumi refresh` again",
    "update": "the {noun} stays in the state: run `pulumi up` again",
    "delete": "the {noun} may still exist and stays in the state: run the same command again",
}
_STACK = Places()
_UNCHANGED = "nothing changed: run the same command again"
_RECORDED_KEY = (
    "this command uses the key that the last `pulumi up` recorded in the state; to use a new key, run `pulumi up`, "
    "`pulumi refresh --run-program` or `pulumi destroy --run-program`, or set the key in an environment variable "
    "(NEBIUS_API_KEY, or the one that nebius-models:apiKeyVariable names), which every command reads"
)
_WITHDRAWN = "if it is correct, the service may no longer offer custom models at this base URL"
_NO_LORA = (
    "choose a base model from that list; if it is empty, the service currently hosts no custom models for this "
    "account: ask its support about dedicated endpoints"
)
# What a refusal is about, by its status or by its words, in this order: what it says and what to check.
_BILLING = re.compile(r"\b(billing|payment|balance|funds?|credits?|unpaid|invoice)\b", re.IGNORECASE)
_QUOTA = re.compile(
    r"\b(quotas?|limits? (is |was |has been )?(reached|exceeded)|too many (custom )?(models|adapters|deployments))\b",
    re.IGNORECASE,
)
_OTHER_REFUSALS = {
    405: (
        "Nebius does not accept this call",
        "check the base URL, which may belong to another service",
    ),
    407: (
        "a proxy requires its own user and password",
        "check the proxy's address in HTTPS_PROXY (`http://user:password@host:port`)",
    ),
}


def explain(
    error: NebiusError, method: str, urn: str = "", places: Places = _STACK, noun: str = "model"
) -> str:
    """One line about an error: what failed, why, what exists now, and the next command.

    Args:
        error: what went wrong.
        method: the provider's method that failed, such as ``"create"``.
        urn: the resource's URN; empty where it is not known.
        places: where the settings of the operation stand.
        noun: what a resource of the type is called.
    """
    left = _LEFT.get(method, _UNCHANGED).format(noun=noun)
    if isinstance(error, BadRequest) and not _subject(error):
        return _refused(error, method, left, noun)
    if isinstance(error, NotFound) and method in ("read", "delete"):
        # A withdrawn service answers 404 for ever: then only the state can be cleaned up.
        left += f", or remove the {noun} from the state with `pulumi state delete '{urn or '<urn>'}'`"
    if about := _about(error, method, places):
        opening, remedy = about
        return f"{opening}: {error}; {remedy}; {left}" if remedy else f"{opening}: {error}; {left}"
    return f"{error}; {left}" if isinstance(error, (DeadlineExceeded, UnusableArchive)) else str(error)


def _about(error: NebiusError, method: str, places: Places) -> tuple[str, str] | None:
    """Who refused or failed, and what to check; None if the error itself says so."""
    if isinstance(error, ApiError) and (subject := _subject(error)):
        return subject
    if isinstance(error, AccessDenied):
        return "Nebius refused the key", _key_remedy(error, method, places)
    if isinstance(error, (NotFound, Redirected)):
        check = f"check {places.base_url}"
        return "Nebius answered", f"{check}; {_WITHDRAWN}" if isinstance(error, NotFound) else check
    if isinstance(error, NotSent):
        return "Nebius could not be reached", error.remedy or f"check the network and {places.base_url}"
    # The error of a create whose answer was lost already says what may exist.
    if isinstance(error, (ServerFault, TransportError)) and method != "create":
        return "Nebius gave no usable answer", ""
    return None


def _subject(error: ApiError) -> tuple[str, str] | None:
    """Opening and remedy of a refusal that is neither about the key nor about the inputs."""
    if not isinstance(error, (AccessDenied, BadRequest)) or error.status in (401, 422):
        return None  # a 422 is about the inputs, whatever its words
    if error.status == 402 or _BILLING.search(error.detail):
        return "Nebius refused for the account's billing", "check the account's balance and payment"
    if _QUOTA.search(error.detail):
        return (
            "Nebius refused for the account's quota",
            "delete unused models, or ask the service's support for more",
        )
    return _OTHER_REFUSALS.get(error.status)


def _key_remedy(error: AccessDenied, method: str, places: Places) -> str:
    if error.status != 401:
        check = f"check the key ({places.key}) and {places.project}"
        return f"the key has no permission for this, or not in this project: {check}"
    # An `up` runs the program and reads the current configuration.
    if places.recorded and method in ("read", "delete"):
        return _RECORDED_KEY
    return f"check the key ({places.key})"


def _refused(error: BadRequest, method: str, left: str, noun: str) -> str:
    if method != "create":
        return f"Nebius refused to {method} the {noun}: {error}; {left}"
    if "support lora" in error.detail.lower():
        return f"Nebius refused the {noun}: {error}; nothing was created: {_NO_LORA}"
    remedy = "change the input it names and run `pulumi up` again"
    return f"Nebius refused the {noun}: {error}; nothing was created: {remedy}"


def not_ready(error: Unfinished | ValidationFailed, urn: str = "", places: Places = _STACK) -> str:
    """An error whose model is recorded in the state as not ready."""
    state, cause = error.state, error.__cause__
    recorded = f"{error}; the model stays in the state"
    delete = "or `pulumi destroy` to delete it"
    if isinstance(error, ValidationFailed):
        replace = "run `pulumi up` to replace it"
        if state is not None and not state.inputs.wait_for_active:
            replace = f"change `source`, or fix the adapter and run `pulumi up --replace '{urn or '<urn>'}'`"
        return f"{recorded}: {replace}, {delete}"
    if isinstance(error, UnknownStatus):
        return f"{recorded}: ask the service what the status means, then run `pulumi up` again, {delete}"
    if isinstance(cause, AccessDenied):
        return f"{recorded}: {_key_remedy(cause, 'update', places)}, then run `pulumi up` again to continue waiting"
    if isinstance(error, Interrupted):
        return f"{recorded}: run `pulumi up` again to continue waiting, {delete}"
    return f"{recorded}: run `pulumi up` again to continue waiting (longer with {places.timeouts}), {delete}"


def not_created(name: str, error: ValidationFailed | Unfinished) -> str:
    """A failed validation of which nothing is left."""
    return f"{name!r} was not created: {error}; fix the adapter, then run `pulumi up` again"


def deleted_again(name: str, error: NebiusError) -> str:
    """An unfinished model that the state cannot record and that was deleted."""
    return f"{name!r} was not created: {error}; the model was deleted: run `pulumi up` to try again"


def orphaned(generated_name: str, error: NebiusError, failure: NebiusError) -> str:
    """An unfinished model that the state cannot record and that could not be deleted."""
    return (
        f"{error}; the state cannot record it and deleting it failed ({failure}): run "
        f"`nebius-models delete {generated_name}` before the next `pulumi up`"
    )


def bug(traceback: str, generated_name: str | None = None, places: Places = _STACK) -> str:
    """A fault of this package, with the model that it leaves outside of the state, if any."""
    left = ""
    if generated_name:
        left = (
            f"the model {generated_name!r} exists and is not in the state: adopt it "
            f"({places.adopt.format(id=generated_name)}) or run `nebius-models delete {generated_name}`; "
        )
    return f"{left}this is a bug in nebius_model_resource, please report it:\n{traceback}"


def status_warning(state: State) -> str | None:
    """What is wrong with an existing model; None if nothing is."""
    if state.status == ERROR:
        reason = state.status_reason or "the service gives no reason"
        return f"the model {state.generated_name!r} is in status 'error': {reason}"
    return unknown_status(state) if state.status and state.status not in KNOWN_STATUSES else None


def unready(state: State) -> str | None:
    """Why a model that was read is not what its resource declares; None if it is."""
    if warning := status_warning(state):
        return warning
    if state.status == ACTIVE or not state.inputs.wait_for_active:
        return None
    return f"the model {state.generated_name!r} is still {state.status}: `pulumi up` waits until it is active"


def gone(generated_name: str) -> str:
    """A model of the state that is replaced because it does not exist any more."""
    return f"the model {generated_name!r} no longer exists: a new one replaces it"


def nothing_found(id_: str, nouns: str = "models", places: Places = _STACK) -> str:
    """A model or file that is removed from the state while no other was found either."""
    again = f" and adopt the model again ({places.adopt.format(id=id_)})" if nouns == "models" else ""
    return (
        f"{id_!r} is removed from the state: this key sees none of the stack's {nouns} read so far; if it is another "
        f"account's key, set the right one{again}"
    )
