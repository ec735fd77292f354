"""The one place where words for people are put together: who refused what, why, what still exists, and what to do.

Resources, functions and the command use it, so that they say the same.
"""

from __future__ import annotations

from nebius_model_resource import errors
from nebius_model_resource._provider.properties import State
from nebius_model_resource._service.settings import API_KEY_VARIABLE, BASE_URL, PROJECT, Configuration

TYPES = {"model": "CustomModel", "file": "ModelArchive", "endpoint": "DedicatedEndpoint"}
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
    "account: serve the weights with a DedicatedEndpoint"
)
_STACK = Configuration()


def explain(
    error: errors.NebiusError,
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
    if isinstance(error, errors.BadRequest):
        return _refused(error, method, left, noun)
    if isinstance(error, errors.NotFound) and method == "update":
        left += f", with `--refresh` if the {noun} was deleted elsewhere"
    if isinstance(error, errors.NotFound) and method in ("read", "delete"):
        # A withdrawn service answers 404 for ever: then only the state can be cleaned up.
        left += f", or remove the {noun} from the state with `pulumi state delete '{urn or '<urn>'}'`"
    if about := _about(error, method, configuration):
        opening, remedy = about
        return "; ".join(filter(None, (f"{opening}: {error.message}", remedy, left)))
    if isinstance(error, (errors.DeadlineExceeded, errors.UnusableArchive)):
        return f"{error}; {left}" if left else str(error)
    return str(error)


def _about(error: errors.NebiusError, method: str, configuration: Configuration) -> tuple[str, str] | None:
    """Who refused or failed, and what to check; None if the error itself says so."""
    if isinstance(error, errors.AccessDenied):
        return "Nebius refused the key", key_remedy(error, method, configuration)
    if isinstance(error, (errors.NotFound, errors.Redirected)):
        check = f"check {configuration.name(BASE_URL)}"
        return "Nebius answered", f"{check}; {_WITHDRAWN}" if isinstance(error, errors.NotFound) else check
    if isinstance(error, errors.NotSent):
        remedy = error.remedy
        if remedy == errors.NotSent.remedy:
            remedy = f"check the network and {configuration.name(BASE_URL)}"
        return "Nebius could not be reached", remedy
    if isinstance(error, (errors.ServerFault, errors.TransportError)) and not isinstance(
        error, errors.OutcomeUnknown
    ):
        return "Nebius gave no usable answer", error.remedy if method == "query" else ""
    return None


def key_remedy(error: errors.AccessDenied, method: str, configuration: Configuration) -> str:
    """What to check where the service refused the key."""
    place = configuration.key_place
    if error.status != 401:
        project = configuration.name(PROJECT)
        return f"the key may not do this here: check the key ({place}), {project} and the account's quota and balance"
    # An `up` runs the program and reads the current configuration.
    if configuration.is_key_recorded and method in ("read", "delete"):
        return _RECORDED_KEY
    return f"check the key ({place})"


def _refused(error: errors.BadRequest, method: str, left: str, noun: str) -> str:
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
    error: errors.NotReady,
    state: State,
    waits: str,
    noun: str,
    urn: str = "",
    configuration: Configuration = _STACK,
) -> str:
    """An error whose resource is recorded in the state as not ready; ``waits`` is its input that says to wait."""
    cause = error.__cause__
    recorded = f"{error}; the {noun} stays in the state"
    delete = "or `pulumi destroy` to delete it"
    if isinstance(error, errors.ProvisioningFailed):
        replace = "run `pulumi up` to replace it"
        if noun == "endpoint":
            replace += " by a new one, change an input to try again in place"
        elif not state.inputs.get(waits):
            replace = f"change `source`, or fix the adapter and run `pulumi up --replace '{urn or '<urn>'}'`"
        return f"{recorded}: {replace}, {delete}"
    if isinstance(cause, errors.AccessDenied):
        remedy = key_remedy(cause, "update", configuration)
        return f"{recorded}: {remedy}, then run `pulumi up` again to continue waiting"
    if isinstance(error, errors.Interrupted):
        return f"{recorded}: run `pulumi up` again to continue waiting, {delete}"
    time = "20m" if noun == "model" else "2h"
    longer = f'custom_timeouts=CustomTimeouts(create="{time}", update="{time}")'
    if configuration.is_plugin:
        longer = f'customTimeouts {{create: "{time}", update: "{time}"}}'
    return f"{recorded}: run `pulumi up` again to continue waiting (longer with {longer}), {delete}"


def not_created(name: str, error: errors.NebiusError, noun: str) -> str:
    """What failed before it was ready, and of which nothing is left."""
    fix = "fix the adapter" if noun == "model" else "change what the reason names"
    return f"{name!r} was not created: {error}; {fix}, then run `pulumi up` again"


def deleted_again(name: str, error: errors.NebiusError, noun: str) -> str:
    """What is not ready, cannot be recorded in the state, and was deleted."""
    return f"{name!r} was not created: {error}; the {noun} was deleted: run `pulumi up` to try again"


def orphaned(id_: str, error: errors.NebiusError, failure: errors.NebiusError) -> str:
    """What is not ready, cannot be recorded in the state, and could not be deleted."""
    return (
        f"{error}; the state cannot record it and deleting it failed ({failure.message}): run "
        f"`nebius-models delete {id_}` before the next `pulumi up`"
    )


def adopting(configuration: Configuration, id_: str = "NAME", type_: str = "CustomModel") -> str:
    """How to adopt a resource."""
    if configuration.is_plugin:
        return f"`pulumi import nebius-models:index:{type_} <name> {id_}`"
    return f'import_="{id_}"'


def bug(traceback: str) -> str:
    """A fault of this package."""
    return f"this is a bug in nebius_model_resource, please report it:\n{traceback}"


def failure(state: State, noun: str) -> str:
    """What exists and has failed."""
    return f"the {noun} {state.id!r} is in status 'error': {state.reason or 'the service gives no reason'}"


def gone(id_: str, noun: str) -> str:
    """What the state has and does not exist any more, so that it is replaced."""
    return f"the {noun} {id_!r} no longer exists: a new one replaces it"


def nothing_found(id_: str, noun: str, configuration: Configuration) -> str:
    """What is removed from the state while no other was found either."""
    again = ""
    if noun != "file":
        again = f" and adopt the {noun} again ({adopting(configuration, id_, TYPES[noun])})"
    return (
        f"{id_!r} is removed from the state: this key sees none of the stack's {noun}s read so far; if it is another "
        f"account's key, set the right one{again}"
    )
