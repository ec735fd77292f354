"""The one place where words for people are put together: who refused what, why, what still exists, and what to do.

Resources, functions and the command use it, so that they say the same.
"""

from __future__ import annotations

from nebius_model_resource._provider.properties import State
from nebius_model_resource._provider.wait import unknown_status
from nebius_model_resource._service.settings import API_KEY_VARIABLE, BASE_URL, PROJECT, Configuration
from nebius_model_resource._service.types import ACTIVE, ERROR, KNOWN_STATUSES
from nebius_model_resource.errors import (
    AccessDenied,
    BadRequest,
    DeadlineExceeded,
    Interrupted,
    NebiusError,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Redirected,
    ServerFault,
    TransportError,
    Unfinished,
    UnknownStatus,
    UnusableArchive,
    ValidationFailed,
)

# What is true after a failure of each of the provider's methods, and what to do. A function has no state.
_LEFT = {
    "create": "nothing was created: run `pulumi up` again",
    "read": "the state is unchanged: run `pulumi refresh` again",
    "update": "the {noun} stays in the state: run `pulumi up` again",
    "delete": "the {noun} may still exist and stays in the state: run the same command again",
    "query": "",
}
_UNCHANGED = "nothing changed: run the same command again"
_RECORDED_KEY = (
    "this command uses the key that the last `pulumi up` recorded in the state; to use a new key, run `pulumi up`, "
    "`pulumi refresh --run-program` or `pulumi destroy --run-program`, or set the key in an environment variable "
    f"(NEBIUS_API_KEY, or the one that {API_KEY_VARIABLE} names), which every command reads"
)
_WITHDRAWN = "if it is correct, the service may no longer offer this at this base URL"
_NO_LORA = (
    "choose a base model from that list; if it is empty, the service currently hosts no custom models for this "
    "account: ask its support about dedicated endpoints"
)
_STACK = Configuration()


def explain(
    error: NebiusError,
    method: str,
    configuration: Configuration = _STACK,
    urn: str = "",
    noun: str = "model",
) -> str:
    """One line about an error: what failed, why, what exists now, and what to do.

    Args:
        error: what went wrong.
        method: the provider's method that failed, such as ``"create"``; ``"query"`` for a function or the command.
        configuration: where the settings of the account are set.
        urn: the resource's URN; empty where it is not known.
        noun: what a resource of the type is called.
    """
    left = _LEFT.get(method, _UNCHANGED).format(noun=noun)
    if isinstance(error, BadRequest):
        return _refused(error, method, left, noun)
    if isinstance(error, NotFound) and method in ("read", "delete"):
        # A withdrawn service answers 404 for ever: then only the state can be cleaned up.
        left += f", or remove the {noun} from the state with `pulumi state delete '{urn or '<urn>'}'`"
    if about := _about(error, method, configuration):
        opening, remedy = about
        return _joined(f"{opening}: {error.message}", remedy, left)
    if isinstance(error, (DeadlineExceeded, UnusableArchive)):
        return _joined(str(error), "", left)
    return str(error)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _about(error: NebiusError, method: str, configuration: Configuration) -> tuple[str, str] | None:
    """Who refused or failed, and what to check; None if the error itself says so."""
    if isinstance(error, AccessDenied):
        return "Nebius refused the key", key_remedy(error, method, configuration)
    if isinstance(error, (NotFound, Redirected)):
        check = f"check {configuration.name(BASE_URL)}"
        return "Nebius answered", f"{check}; {_WITHDRAWN}" if isinstance(error, NotFound) else check
    if isinstance(error, NotSent):
        remedy = error.remedy
        if remedy == NotSent.remedy:
            remedy = f"check the network and {configuration.name(BASE_URL)}"
        return "Nebius could not be reached", remedy
    if isinstance(error, (ServerFault, TransportError)) and not isinstance(error, OutcomeUnknown):
        return "Nebius gave no usable answer", error.remedy if method == "query" else ""
    return None


def key_remedy(error: AccessDenied, method: str, configuration: Configuration) -> str:
    """What to check where the service refused the key."""
    place = configuration.key_place
    if error.status != 401:
        project = configuration.name(PROJECT)
        return f"the key may not do this here: check the key ({place}), {project} and the account's quota and balance"
    # An `up` runs the program and reads the current configuration.
    if configuration.is_key_recorded and method in ("read", "delete"):
        return _RECORDED_KEY
    return f"check the key ({place})"


def _refused(error: BadRequest, method: str, left: str, noun: str) -> str:
    if method == "query":
        return f"Nebius refused: {error}"
    if method != "create":
        return f"Nebius refused to {method} the {noun}: {error.message}; {left}"
    remedy = "change the input it names and run `pulumi up` again"
    if "support lora" in error.detail.lower():
        remedy = _NO_LORA
    elif error.status == 413:
        remedy = "it is too large for the service, or for a proxy in front of it: make it smaller"
    elif error.status not in (400, 409, 422):  # such as 402, 405, or 407 of a proxy: no input is to blame
        remedy = "check the account's balance and quota, the base URL and the proxy"
    return f"Nebius refused the {noun}: {error.message}; nothing was created: {remedy}"


def not_ready(
    error: Unfinished | ValidationFailed, urn: str = "", configuration: Configuration = _STACK
) -> str:
    """An error whose model is recorded in the state as not ready."""
    state, cause = error.state, error.__cause__
    recorded = f"{error}; the model stays in the state"
    delete = "or `pulumi destroy` to delete it"
    if isinstance(error, ValidationFailed):
        replace = "run `pulumi up` to replace it"
        if state is not None and not state.inputs.get("wait_for_active"):
            replace = f"change `source`, or fix the adapter and run `pulumi up --replace '{urn or '<urn>'}'`"
        return f"{recorded}: {replace}, {delete}"
    if isinstance(error, UnknownStatus):
        return f"{recorded}: ask the service what the status means, then run `pulumi up` again, {delete}"
    if isinstance(cause, AccessDenied):
        remedy = key_remedy(cause, "update", configuration)
        return f"{recorded}: {remedy}, then run `pulumi up` again to continue waiting"
    if isinstance(error, Interrupted):
        return f"{recorded}: run `pulumi up` again to continue waiting, {delete}"
    longer = 'custom_timeouts=CustomTimeouts(create="20m", update="20m")'
    if configuration.is_plugin:
        longer = 'customTimeouts {create: "20m", update: "20m"}'
    return f"{recorded}: run `pulumi up` again to continue waiting (longer with {longer}), {delete}"


def not_created(name: str, error: ValidationFailed | Unfinished) -> str:
    """A failed validation of which nothing is left."""
    return f"{name!r} was not created: {error}; fix the adapter, then run `pulumi up` again"


def deleted_again(name: str, error: NebiusError) -> str:
    """An unfinished model that the state cannot record and that was deleted."""
    return f"{name!r} was not created: {error}; the model was deleted: run `pulumi up` to try again"


def orphaned(id_: str, error: NebiusError, failure: NebiusError) -> str:
    """An unfinished model that the state cannot record and that could not be deleted."""
    return (
        f"{error}; the state cannot record it and deleting it failed ({failure.message}): run "
        f"`nebius-models delete {id_}` before the next `pulumi up`"
    )


def adopting(configuration: Configuration, id_: str = "NAME") -> str:
    """How to adopt a model."""
    if configuration.is_plugin:
        return f"`pulumi import nebius-models:index:CustomModel <name> {id_}`"
    return f'import_="{id_}"'


def bug(traceback: str, id_: str | None = None, configuration: Configuration = _STACK) -> str:
    """A fault of this package, with the model that it leaves outside of the state, if any."""
    left = ""
    if id_:
        adopt = adopting(configuration, id_)
        left = (
            f"the model {id_!r} exists and is not in the state: adopt it ({adopt}) or run "
            f"`nebius-models delete {id_}`; "
        )
    return f"{left}this is a bug in nebius_model_resource, please report it:\n{traceback}"


def status_warning(state: State) -> str | None:
    """What is wrong with an existing model; None if nothing is."""
    if state.status == ERROR:
        return f"the model {state.id!r} is in status 'error': {state.reason or 'the service gives no reason'}"
    return unknown_status(state) if state.status and state.status not in KNOWN_STATUSES else None


def unready(state: State) -> str | None:
    """Why a model that was read is not what its resource declares; None if it is."""
    if warning := status_warning(state):
        return warning
    if state.status == ACTIVE or not state.inputs.get("wait_for_active"):
        return None
    return f"the model {state.id!r} is still {state.status}: `pulumi up` waits until it is active"


def gone(id_: str) -> str:
    """A model of the state that is replaced because it does not exist any more."""
    return f"the model {id_!r} no longer exists: a new one replaces it"


def nothing_found(id_: str, noun: str, configuration: Configuration) -> str:
    """A model or file that is removed from the state while no other was found either."""
    again = f" and adopt the model again ({adopting(configuration, id_)})" if noun == "model" else ""
    return (
        f"{id_!r} is removed from the state: this key sees none of the stack's {noun}s read so far; if it is another "
        f"account's key, set the right one{again}"
    )
