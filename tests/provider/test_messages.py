"""The one line that people read of an error: what failed, why, what exists now, and what to do."""

from __future__ import annotations

import socket

import pytest

from nebius_model_resource import errors
from nebius_model_resource._cli.main import main
from nebius_model_resource._provider import messages
from nebius_model_resource._provider.models import CustomModels
from nebius_model_resource._provider.properties import State
from nebius_model_resource._provider.resource_type import explained
from nebius_model_resource._service.settings import Configuration
from nebius_model_resource.functions import QueryFailed, list_custom_models
from tests.support.engine_calls import CONFIG, URN, EngineCall, Failed
from tests.support.hostile import RawServer
from tests.support.virtual import KEY

NAME = "acme/Base-LoRa:bot-AbCd"
SET_KEY = "`pulumi config set --secret nebius-models:apiKey <key>`, or NEBIUS_API_KEY"
CREATED = "nothing was created: run `pulumi up` again"
UNCHANGED = "the state is unchanged: run `pulumi refresh` again"
STAYS = "the model stays in the state: run `pulumi up` again"
MAY_EXIST = "the model may still exist and stays in the state: run the same command again"
DROP = f", or remove the model from the state with `pulumi state delete '{URN}'`"
URL = "check nebius-models:baseUrl"
WITHDRAWN = f"{URL}; if it is correct, the service may no longer offer this at this base URL"
RIGHTS = (
    f"the key may not do this here: check the key ({SET_KEY}), nebius-models:aiProjectId and the account's quota and "
    "balance"
)
ROTATED = (
    "this command uses the key that the last `pulumi up` recorded in the state; to use a new key, run `pulumi up`, "
    "`pulumi refresh --run-program` or `pulumi destroy --run-program`, or set the key in an environment variable "
    "(NEBIUS_API_KEY, or the one that nebius-models:apiKeyVariable names), which every command reads"
)
NO_LORA = (
    "choose a base model from that list; if it is empty, the service currently hosts no custom models for this "
    "account: serve the weights with a DedicatedEndpoint"
)
LARGE = "it is too large for the service, or for a proxy in front of it: make it smaller"
BALANCE = "check the account's balance and quota, the base URL and the proxy"
MODEL_NO = "Nebius refused the model:"
HOSTS_NONE = "Model X does not support LoRA adapters. Supported models are: []."


def api(kind: type[errors.ApiError], status: int, detail: str = "no") -> errors.ApiError:
    """A refusal of the service."""
    return kind(f"{detail} (HTTP {status})", status=status, detail=detail)


DENIED, FORBIDDEN = api(errors.AccessDenied, 401), api(errors.AccessDenied, 403)
ABSENT, BAD, FAULT = api(errors.NotFound, 404), api(errors.BadRequest, 400), api(errors.ServerFault, 502)
REFUSED, PROXY = errors.NotSent("refused"), errors.NotSent("no proxy", remedy="unset HTTPS_PROXY")
NONE_YET = api(errors.BadRequest, 400, HOSTS_NONE)
CHANGE = "change the input it names and run `pulumi up` again"
KEY_NO, KEY_OFF = "Nebius refused the key: no (HTTP 401)", "Nebius refused the key: no (HTTP 403)"
NO, OFF, AWAY = "Nebius answered: no", "Nebius could not be reached", "Nebius gave no usable answer"
LINES: list[tuple[errors.NebiusError, str, str]] = [
    (DENIED, "create", f"{KEY_NO}; check the key ({SET_KEY}); {CREATED}"),
    (DENIED, "read", f"{KEY_NO}; {ROTATED}; {UNCHANGED}"),
    (DENIED, "update", f"{KEY_NO}; check the key ({SET_KEY}); {STAYS}"),
    (DENIED, "delete", f"{KEY_NO}; {ROTATED}; {MAY_EXIST}"),
    (DENIED, "query", f"{KEY_NO}; check the key ({SET_KEY})"),
    (FORBIDDEN, "read", f"{KEY_OFF}; {RIGHTS}; {UNCHANGED}"),
    (ABSENT, "create", f"{NO} (HTTP 404); {WITHDRAWN}; {CREATED}"),
    (ABSENT, "read", f"{NO} (HTTP 404); {WITHDRAWN}; {UNCHANGED}{DROP}"),
    (
        ABSENT,
        "update",
        f"{NO} (HTTP 404); {WITHDRAWN}; {STAYS}, with `--refresh` if the model was deleted elsewhere",
    ),
    (ABSENT, "delete", f"{NO} (HTTP 404); {WITHDRAWN}; {MAY_EXIST}{DROP}"),
    (ABSENT, "query", f"{NO} (HTTP 404); {WITHDRAWN}"),
    (api(errors.Redirected, 302), "create", f"{NO} (HTTP 302); {URL}; {CREATED}"),
    (BAD, "create", f"{MODEL_NO} no (HTTP 400); nothing was created: {CHANGE}"),
    (BAD, "read", f"Nebius refused to read the model: no (HTTP 400); {UNCHANGED}"),
    (BAD, "delete", f"Nebius refused to delete the model: no (HTTP 400); {MAY_EXIST}"),
    (BAD, "query", "Nebius refused: no (HTTP 400): change what the service names"),
    (NONE_YET, "create", f"{MODEL_NO} {HOSTS_NONE} (HTTP 400); nothing was created: {NO_LORA}"),
    (api(errors.BadRequest, 413), "create", f"{MODEL_NO} no (HTTP 413); nothing was created: {LARGE}"),
    (api(errors.BadRequest, 402), "create", f"{MODEL_NO} no (HTTP 402); nothing was created: {BALANCE}"),
    (REFUSED, "create", f"{OFF}: refused; check the network and nebius-models:baseUrl; {CREATED}"),
    (PROXY, "read", f"{OFF}: no proxy; unset HTTPS_PROXY; {UNCHANGED}"),
    (FAULT, "read", f"{AWAY}: no (HTTP 502); {UNCHANGED}"),
    (FAULT, "query", f"{AWAY}: no (HTTP 502); try again later"),
    (errors.AnswerLost("reset"), "delete", f"{AWAY}: reset; {MAY_EXIST}"),
    (errors.UnusableAnswer("no JSON"), "update", f"{AWAY}: no JSON; {STAYS}"),
    (errors.OutcomeUnknown("it is not known", "look", None), "create", "it is not known: look"),
    (errors.DeadlineExceeded("too late"), "create", f"too late; {CREATED}"),
    (errors.DeadlineExceeded("too late"), "check", "too late; nothing changed: run the same command again"),
    (errors.UnusableArchive("bot", "is no adapter"), "create", f"'bot': is no adapter; {CREATED}"),
    (errors.EngineGone("the engine is gone"), "create", "the engine is gone"),
]


@pytest.mark.parametrize(("error", "method", "text"), LINES)
def test_a_message_says_who_refused_what_is_left_and_what_to_do(
    error: errors.NebiusError, method: str, text: str
) -> None:
    """The complete line is pinned once for each class of error, and for each method where that matters."""
    assert messages.explain(error, method, Configuration(CONFIG.get), URN) == text


def test_the_place_of_a_setting_and_the_noun_are_those_of_the_reader() -> None:
    """A file is called a file, an unknown URN leaves a place for it, and settings have the names of where they are."""
    assert messages.explain(ABSENT, "read").endswith("`pulumi state delete '<urn>'`")
    assert "; the file stays in the state: run" in messages.explain(FAULT, "update", noun="file")
    plugin = Configuration({"nebius-models:plugin": "true"}.get)
    assert 'customTimeouts {create: "20m", update: "20m"}' in messages.not_ready(
        unfinished(), state(), "wait_for_active", "model", URN, plugin
    )
    provider = Configuration({"nebius-models:provider": "eu"}.get)
    assert "check the network and base_url of Provider 'eu'; " in messages.explain(REFUSED, "read", provider)
    variable = Configuration({"nebius-models:apiKeyVariable": "EU_KEY"}.get)
    named = "check the key (EU_KEY, named by nebius-models:apiKeyVariable)"
    assert named in messages.explain(DENIED, "read", variable)
    assert "check the network and --base-url" in messages.explain(
        REFUSED, "query", Configuration(asker="command")
    )


HTTP = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
ANSWERS = {
    b"": "Nebius could not be reached: ",
    HTTP % 401: "Nebius refused the key: ",
    HTTP % 404: "Nebius ans",
}


@pytest.mark.parametrize(("answer", "opening"), ANSWERS.items(), ids=["none", "401", "404"])
def test_functions_the_command_and_resources_say_the_same(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    call: EngineCall,
    answer: bytes,
    opening: str,
) -> None:
    """The same error has the same opening, reason and remedy for all three readers."""
    with RawServer(lambda connection, _head: connection.sendall(answer)) as server, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = server.url if answer else f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("NEBIUS_API_KEY", KEY)
        monkeypatch.setenv("NEBIUS_BASE_URL", url)
        with pytest.raises(QueryFailed) as function:
            list_custom_models()
        assert main(["list"]) != 0
        models = CustomModels(lambda _key: None)
        call.timeout = 1
        with pytest.raises(Failed) as resource, explained(call, "read", models.configuration, "model"):
            models.read(call, NAME, {})
    urls = ("nebius-models:baseUrl", "NEBIUS_BASE_URL")  # what a stack and a script call it
    places = [*((url, "--base-url") for url in urls), (SET_KEY, "NEBIUS_API_KEY")]
    texts = [str(function.value), capsys.readouterr().err.strip(), str(resource.value)]
    for place, other in places:
        texts = [text.replace(place, other) for text in texts]
    of_function, of_command, of_resource = texts
    assert of_function.startswith(opening)
    assert of_command.endswith(of_function)
    assert of_resource.startswith(f"{of_function}; {UNCHANGED}")


def state(status: str = "validating", *, waits: bool = True, reason: str | None = None) -> State:
    """A model of the state."""
    inputs = {"name": "bot", "base_model": "acme/Base", "source": "file-1", "wait_for_active": waits}
    return State(NAME, inputs, {"status": status, "status_reason": reason})


def unfinished(cause: Exception | None = None) -> errors.Unfinished:
    """A wait that did not end."""
    error = errors.Unfinished("slow", state=state())
    error.__cause__ = cause
    return error


DELETE, GO_ON = "or `pulumi destroy` to delete it", "run `pulumi up` again to continue waiting"
LONGER = 'custom_timeouts=CustomTimeouts(create="20m", update="20m")'
REPLACE = f"change `source`, or fix the adapter and run `pulumi up --replace '{URN}'`, {DELETE}"
KEPT: list[tuple[errors.NotReady, str]] = [
    (errors.ProvisioningFailed("bad", state=state()), f"run `pulumi up` to replace it, {DELETE}"),
    (errors.ProvisioningFailed("bad", state=state(waits=False)), REPLACE),
    (errors.Interrupted("slow", state=state()), f"{GO_ON}, {DELETE}"),
    (unfinished(errors.AnswerLost("reset")), f"{GO_ON} (longer with {LONGER}), {DELETE}"),
    (unfinished(DENIED), f"check the key ({SET_KEY}), then {GO_ON}"),
]


@pytest.mark.parametrize(("error", "remedy"), KEPT)
def test_a_model_in_the_state_comes_with_the_next_command(error: errors.NotReady, remedy: str) -> None:
    """For a model that is recorded as not ready, the line names what waits for it, replaces or deletes it."""
    assert error.state
    message = messages.not_ready(error, error.state, "wait_for_active", "model", URN)
    assert message == f"{error}; the model stays in the state: {remedy}"
