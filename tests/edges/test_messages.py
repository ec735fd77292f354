"""Each line that the engine shows of an error, pinned: what failed, why, what exists now, and the next command."""

from __future__ import annotations

from typing import Any

import pytest

from nebius_model_resource import errors
from nebius_model_resource._api.models import Inputs, State
from nebius_model_resource._api.settings import Places
from nebius_model_resource._edges import messages

URN = "urn:pulumi:prod::bots::pulumi-python:dynamic/nebius:CustomModel::bot"
NAME = "acme/Base-LoRa:bot-AbCd"
SET_KEY = "`pulumi config set --secret nebius-models:apiKey <key>`, or NEBIUS_API_KEY"
RECORDED = Places(recorded=True)
CREATED = "nothing was created: run `pulumi up` again"
UNCHANGED = "the state is unchanged: run `pulumi refresh` again"
STAYS = "the model stays in the state: run `pulumi up` again"
MAY_EXIST = "the model may still exist and stays in the state: run the same command again"
LATER = (
    "run `pulumi up` again to continue waiting (longer with "
    'custom_timeouts=CustomTimeouts(create="20m", update="20m")), or `pulumi destroy` to delete it'
)


def denied(status: int, detail: str = "no") -> errors.AccessDenied:
    return errors.AccessDenied(f"{detail} (HTTP {status})", status=status, detail=detail)


def refused(status: int, detail: str = "no") -> errors.BadRequest:
    return errors.BadRequest(f"{detail} (HTTP {status})", status=status, detail=detail)


def absent(status: int = 404) -> errors.NotFound:
    return errors.NotFound(f"no (HTTP {status})", status=status, detail="no")


BILLING = "check the account's balance and payment"
QUOTA = "delete unused models, or ask the service's support for more"
WITHDRAWN = (
    "check nebius-models:baseUrl; if it is correct, the service may no longer offer custom models at this "
    "base URL"
)
RIGHTS = (
    f"the key has no permission for this, or not in this project: check the key ({SET_KEY}) and "
    "nebius-models:aiProjectId"
)
ROTATED = (
    "this command uses the key that the last `pulumi up` recorded in the state; to use a new key, run `pulumi up`, "
    "`pulumi refresh --run-program` or `pulumi destroy --run-program`, or set the key in an environment variable "
    "(NEBIUS_API_KEY, or the one that nebius-models:apiKeyVariable names), which every command reads"
)
NO_LORA = (
    "choose a base model from that list; if it is empty, the service currently hosts no custom models for this "
    "account: ask its support about dedicated endpoints"
)
DROP = f", or remove the model from the state with `pulumi state delete '{URN}'`"

EXPLAINED = [
    (denied(401), "create", f"Nebius refused the key: no (HTTP 401); check the key ({SET_KEY}); {CREATED}"),
    (denied(401), "update", f"Nebius refused the key: no (HTTP 401); check the key ({SET_KEY}); {STAYS}"),
    (denied(403), "read", f"Nebius refused the key: no (HTTP 403); {RIGHTS}; {UNCHANGED}"),
    (denied(403), "delete", f"Nebius refused the key: no (HTTP 403); {RIGHTS}; {MAY_EXIST}"),
    (
        denied(401, "no balance"),
        "create",
        f"Nebius refused the key: no balance (HTTP 401); check the key ({SET_KEY}); {CREATED}",
    ),
    (
        denied(403, "unpaid invoice"),
        "create",
        f"Nebius refused for the account's billing: unpaid invoice (HTTP 403); {BILLING}; {CREATED}",
    ),
    (
        refused(402),
        "delete",
        f"Nebius refused for the account's billing: no (HTTP 402); {BILLING}; {MAY_EXIST}",
    ),
    (
        refused(400, "Quota exceeded"),
        "create",
        f"Nebius refused for the account's quota: Quota exceeded (HTTP 400); {QUOTA}; {CREATED}",
    ),
    (
        refused(409, "too many custom models"),
        "create",
        f"Nebius refused for the account's quota: too many custom models (HTTP 409); {QUOTA}; {CREATED}",
    ),
    (
        refused(422, "quota"),
        "create",
        (
            "Nebius refused the model: quota (HTTP 422); nothing was created: change the input it names and run "
            "`pulumi up` again"
        ),
    ),
    (
        refused(400, "Model X does not support LoRA adapters. Supported models are: []."),
        "create",
        (
            "Nebius refused the model: Model X does not support LoRA adapters. Supported models are: []. (HTTP 400); "
            f"nothing was created: {NO_LORA}"
        ),
    ),
    (refused(409, "locked"), "delete", f"Nebius refused to delete the model: locked (HTTP 409); {MAY_EXIST}"),
    (refused(400), "read", f"Nebius refused to read the model: no (HTTP 400); {UNCHANGED}"),
    (refused(400), "update", f"Nebius refused to update the model: no (HTTP 400); {STAYS}"),
    (
        refused(405),
        "create",
        (
            "Nebius does not accept this call: no (HTTP 405); check the base URL, which may belong to another service; "
            f"{CREATED}"
        ),
    ),
    (
        refused(407),
        "read",
        (
            "a proxy requires its own user and password: no (HTTP 407); check the proxy's address in HTTPS_PROXY "
            f"(`http://user:password@host:port`); {UNCHANGED}"
        ),
    ),
    (absent(), "create", f"Nebius answered: no (HTTP 404); {WITHDRAWN}; {CREATED}"),
    (absent(), "read", f"Nebius answered: no (HTTP 404); {WITHDRAWN}; {UNCHANGED}{DROP}"),
    (absent(410), "delete", f"Nebius answered: no (HTTP 410); {WITHDRAWN}; {MAY_EXIST}{DROP}"),
    (absent(), "update", f"Nebius answered: no (HTTP 404); {WITHDRAWN}; {STAYS}"),
    (
        errors.Redirected("elsewhere", status=302, detail="elsewhere"),
        "create",
        f"Nebius answered: elsewhere; check nebius-models:baseUrl; {CREATED}",
    ),
    (
        errors.NotSent("Connection refused"),
        "create",
        "Nebius could not be reached: Connection refused; check the network and nebius-models:baseUrl; "
        + CREATED,
    ),
    (
        errors.NotSent("no proxy", remedy="unset HTTPS_PROXY"),
        "read",
        f"Nebius could not be reached: no proxy; unset HTTPS_PROXY; {UNCHANGED}",
    ),
    (
        errors.ServerFault("HTTP 502", status=502, detail=""),
        "read",
        f"Nebius gave no usable answer: HTTP 502; {UNCHANGED}",
    ),
    (errors.AnswerLost("reset"), "delete", f"Nebius gave no usable answer: reset; {MAY_EXIST}"),
    (errors.UnusableAnswer("no JSON"), "update", f"Nebius gave no usable answer: no JSON; {STAYS}"),
    (errors.AnswerLost("it is not known"), "create", "it is not known"),
    (errors.ServerFault("HTTP 502", status=502, detail=""), "create", "HTTP 502"),
    (errors.DeadlineExceeded("too late"), "create", f"too late; {CREATED}"),
    (errors.DeadlineExceeded("too late"), "check", "too late; nothing changed: run the same command again"),
    (errors.EngineGone("the engine is gone"), "create", "the engine is gone"),
]


@pytest.mark.parametrize(("error", "method", "text"), EXPLAINED)
def test_a_message_says_who_refused_what_is_left_and_what_to_do(
    error: errors.NebiusError, method: str, text: str
) -> None:
    """The complete line is pinned for each kind of failure and each operation."""
    assert messages.explain(error, method, URN) == text


@pytest.mark.parametrize(
    ("status", "method", "places", "remedy"),
    [
        (401, "read", RECORDED, ROTATED),
        (401, "delete", RECORDED, ROTATED),
        (401, "create", RECORDED, f"check the key ({SET_KEY})"),
        (403, "read", RECORDED, RIGHTS),
        (401, "read", Places(key="X_KEY"), "check the key (X_KEY)"),
    ],
)
def test_a_recorded_key_is_explained_where_it_is_used(
    status: int, method: str, places: Places, remedy: str
) -> None:
    """Refresh and destroy use the key in the state, if there is one; every other command reads the current one."""
    text = messages.explain(denied(status), method, URN, places)
    assert text.startswith(f"Nebius refused the key: no (HTTP {status}); {remedy}; ")


def test_an_unknown_urn_leaves_a_place_for_it() -> None:
    """If the host does not report the URN, the command shows where it belongs."""
    assert messages.explain(absent(), "read").endswith("`pulumi state delete '<urn>'`")
    failed = errors.ValidationFailed("bad", state=state(waits=False))
    assert "`pulumi up --replace '<urn>'`" in messages.not_ready(failed)


def state(status: str = "validating", *, waits: bool = True, reason: str | None = None) -> State:
    return State(Inputs("bot", "acme/Base", "file-1", wait_for_active=waits), NAME, status, reason)


def unfinished(cause: Exception | None = None) -> errors.Unfinished:
    error = errors.Unfinished("slow", state=state())
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            errors.ValidationFailed("bad", state=state()),
            "bad; the model stays in the state: run `pulumi up` to replace it, or `pulumi destroy` to delete it",
        ),
        (
            errors.ValidationFailed("bad"),
            "bad; the model stays in the state: run `pulumi up` to replace it, or `pulumi destroy` to delete it",
        ),
        (
            errors.ValidationFailed("bad", state=state(waits=False)),
            (
                "bad; the model stays in the state: change `source`, or fix the adapter and run `pulumi up --replace "
                f"'{URN}'`, or `pulumi destroy` to delete it"
            ),
        ),
        (
            errors.UnknownStatus("odd", state=state("odd")),
            (
                "odd; the model stays in the state: ask the service what the status means, then run `pulumi up` again, "
                "or `pulumi destroy` to delete it"
            ),
        ),
        (unfinished(), f"slow; the model stays in the state: {LATER}"),
        (unfinished(errors.AnswerLost("reset")), f"slow; the model stays in the state: {LATER}"),
        (
            unfinished(denied(401)),
            (
                f"slow; the model stays in the state: check the key ({SET_KEY}), then run `pulumi up` again to "
                "continue waiting"
            ),
        ),
        (
            unfinished(denied(403)),
            f"slow; the model stays in the state: {RIGHTS}, then run `pulumi up` again to continue waiting",
        ),
    ],
)
def test_a_model_in_the_state_comes_with_the_next_command(
    error: errors.Unfinished | errors.ValidationFailed, text: str
) -> None:
    """For a model that is recorded as not ready, the line names the command that awaits, replaces or deletes it."""
    assert messages.not_ready(error, URN) == text


def test_a_model_that_is_not_in_the_state_is_accounted_for() -> None:
    """Each error of a create that leaves nothing in the state says whether a model is left."""
    slow = errors.Unfinished("slow", state=state())
    assert (
        messages.not_created("bot", errors.ValidationFailed("bad"))
        == "'bot' was not created: bad; fix the adapter, then run `pulumi up` again"
    )
    assert (
        messages.deleted_again("bot", slow)
        == "'bot' was not created: slow; the model was deleted: run `pulumi up` to try again"
    )
    assert messages.orphaned(NAME, slow, errors.AnswerLost("reset")) == (
        f"slow; the state cannot record it and deleting it failed (reset): run `nebius-models delete {NAME}` before "
        "the next `pulumi up`"
    )
    assert messages.bug("Traceback") == "this is a bug in nebius_model_resource, please report it:\nTraceback"
    assert messages.bug("Traceback", NAME) == (
        f"the model '{NAME}' exists and is not in the state: adopt it (import_=\"{NAME}\") or run "
        f"`nebius-models delete {NAME}`; this is a bug in nebius_model_resource, please report it:\nTraceback"
    )


UNKNOWN_STATUS = (
    f"the model '{NAME}' has the unknown status 'paused'{{}}; known are validating, active, error, deleted"
)


@pytest.mark.parametrize(
    ("live", "warning", "unready"),
    [
        (state("active"), None, None),
        (state("active", waits=False), None, None),
        (
            state("validating"),
            None,
            f"the model '{NAME}' is still validating: `pulumi up` waits until it is active",
        ),
        (state("validating", waits=False), None, None),
        (state("error"), f"the model '{NAME}' is in status 'error': the service gives no reason", ...),
        (state("error", reason="rank"), f"the model '{NAME}' is in status 'error': rank", ...),
        (
            state("error", waits=False),
            f"the model '{NAME}' is in status 'error': the service gives no reason",
            ...,
        ),
        (state("paused"), UNKNOWN_STATUS.format(""), ...),
        (state("paused", waits=False, reason="why"), UNKNOWN_STATUS.format(" (why)"), ...),
        (state(""), None, f"the model '{NAME}' is still : `pulumi up` waits until it is active"),
    ],
)
def test_what_is_wrong_with_a_model_that_was_read(live: State, warning: str | None, unready: Any) -> None:
    """A failed or unknown status is a warning; a model that still validates is not ready if it is awaited."""
    assert messages.status_warning(live) == warning
    assert messages.unready(live) == (warning if unready is ... else unready)


def test_a_model_that_is_gone_is_named() -> None:
    """A replacement and a removal from the state say why."""
    assert messages.gone(NAME) == f"the model '{NAME}' no longer exists: a new one replaces it"
    assert messages.nothing_found(NAME) == (
        f"'{NAME}' is removed from the state: this key sees none of the stack's models read so far; if it is another "
        f'account\'s key, set the right one and adopt the model again (import_="{NAME}")'
    )
