"""What a person reads about a model that is not as it should be, from the real host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime.proto import engine_pb2, provider_pb2
from pulumi.runtime.rpc import UNKNOWN

from nebius_model_resource._api.models import KNOWN_STATUSES
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.host import HostError
from tests.support.host_here import HostHere

NONE, SOME = provider_pb2.DiffResponse.DIFF_NONE, provider_pb2.DiffResponse.DIFF_SOME
ANSWER = {"detail": "Not Found"}


def made(service: Emulator, status: str = "active", reason: str | None = None, **changes: Any) -> str:
    """A model at the service in that status; an undocumented status is set in the list."""
    known = status in KNOWN_STATUSES
    told = {"status": status if known else "validating", **changes}
    name = service.add_model(**{"name": "bot", "base_model": "acme/Base", "source": "file-1", **told})
    service.change_model(name, status_reason=reason)
    if not known:
        entry = {**service.models()[0], "status": status}
        service.add_fault(Fault(method="GET", path="/v0/models", status=200, body=[entry], times=None))
    return name


def state(name: str, status: str, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs and the outputs of a state that holds the model."""
    inputs = {
        "name": "bot",
        "base_model": "acme/Base",
        "source": "file-1",
        "wait_for_active": True,
        **changes,
    }
    return inputs, {**inputs, "generated_name": name, "status": status, "created_at": 1}


def lasting(host: HostHere) -> list[str]:
    """The warnings that stay in the diagnostics."""
    warning = engine_pb2.LogSeverity.Value("WARNING")
    return [log.message for log in host.engine.logs if log.severity == warning and not log.ephemeral]


def refused(host: HostHere, method: str, name: str, outputs: dict[str, Any]) -> str:
    """The message of a read or a deletion that fails and records nothing."""
    with pytest.raises(HostError) as caught:
        getattr(host, method)(name, outputs)
    assert caught.value.kept is None
    return str(caught.value)


@pytest.mark.parametrize("recorded", ["validating", "error"])
def test_a_failed_model_is_replaced_with_its_reason(
    host: HostHere, emulator: Emulator, recorded: str
) -> None:
    """The diff names `status` as an output, and a warning that stays gives the service's reason once."""
    name = made(emulator, "error", "rank 512 is too large")
    inputs, outputs = state(name, recorded)
    outputs |= {"status_reason": "rank 512 is too large"} if recorded == "error" else {}
    for _ in range(2):
        answer = host.diff(name, outputs, inputs)
        assert list(answer.replaces) == ["status"]
        assert not answer.detailedDiff["status"].inputDiff
    assert lasting(host) == [f"the model {name!r} is in status 'error': rank 512 is too large"]
    # The engine shows the inputs of the replacement as the new value of a change.
    shown = "error" if recorded == "validating" else "active"
    assert host.check(inputs)[0]["status"] == shown
    assert "status" not in host.check(inputs, inputs)[0]
    host.diff(name, outputs, {**inputs, "description": "new"})
    assert "status" not in host.check(inputs)[0]


def test_a_failed_model_that_is_not_awaited_fails_its_update(host: HostHere, emulator: Emulator) -> None:
    """If no operation waits for it, a failed model stays and is named with its reason, and no new one is created."""
    name = made(emulator, "error", "rank 512 is too large")
    inputs, outputs = state(name, "validating", wait_for_active=False)
    answer = host.diff(name, outputs, inputs)
    assert (answer.changes, list(answer.replaces)) == (SOME, [])
    with pytest.raises(HostError) as caught:
        host.update(name, outputs, inputs)
    assert caught.value.message == (
        "validation failed: rank 512 is too large; the model stays in the state: change `source`, or fix the adapter "
        f"and run `pulumi up --replace '{host.urn('m', {})}'`, "
        "or `pulumi destroy` to delete it"
    )
    assert caught.value.kept is not None
    assert caught.value.kept.properties["status"] == "error"
    assert [model["name"] for model in emulator.models()] == [name]


@pytest.mark.parametrize("waits", [True, False])
def test_a_model_that_is_gone_is_replaced_and_named(host: HostHere, emulator: Emulator, waits: bool) -> None:
    """A model that was validating and is gone is created again, whether it is awaited or not."""
    inputs, outputs = state("acme/Base-LoRa:bot-GONE", "validating", wait_for_active=waits)
    assert list(host.diff("acme/Base-LoRa:bot-GONE", outputs, inputs).replaces) == ["status"]
    assert lasting(host) == ["the model 'acme/Base-LoRa:bot-GONE' no longer exists: a new one replaces it"]
    assert emulator.models() == []


CASES = [
    ("error", "bad rank", "the model {!r} is in status 'error': bad rank"),
    ("error", None, "the model {!r} is in status 'error': the service gives no reason"),
    (
        "failed",
        "see console",
        "the model {!r} has the unknown status 'failed' (see console); known are validating, active, error, deleted",
    ),
    ("validating", None, "the model {!r} is still validating: `pulumi up` waits until it is active"),
]


@pytest.mark.parametrize(("status", "reason", "text"), CASES)
def test_a_refresh_keeps_what_is_not_ready_and_says_why(
    host: HostHere, emulator: Emulator, status: str, reason: str | None, text: str
) -> None:
    """The engine gets a reason for an unhealthy model, with the outputs and inputs that were read."""
    name = made(emulator, status, reason, description="by hand")
    inputs, outputs = state(name, "active")
    with pytest.raises(HostError) as caught:
        host.read(name, outputs)
    kept = caught.value.kept
    assert kept is not None
    assert (kept.id, kept.reasons) == (name, [text.format(name)])
    assert kept.properties["status"] == status
    assert kept.inputs == {**inputs, "description": "by hand"}
    host.diff(name, kept.properties, inputs)
    assert lasting(host) == []  # the engine has shown it


def test_a_refresh_of_what_still_validates_is_no_change(host: HostHere, emulator: Emulator) -> None:
    """A model that validates has no diff, whether it is awaited or not, and one that is not awaited is healthy."""
    name = made(emulator, "validating")
    for waits in (True, False):
        inputs, outputs = state(name, "validating", wait_for_active=waits)
        assert host.diff(name, outputs, inputs).changes == NONE
    assert host.read(name, outputs)[1]["status"] == "validating"


@pytest.mark.parametrize("word", ["failed", "deprecated", "pending"])
def test_an_unknown_status_is_named_everywhere(host: HostHere, emulator: Emulator, word: str) -> None:
    """A create, a preview and an update name an undocumented status, and none of them advises to wait longer."""
    text = f"has the unknown status '{word}' (ask us); known are validating, active, error, deleted"
    name = made(emulator, word, "ask us")
    inputs, outputs = state(name, "validating")
    assert host.diff(name, outputs, inputs).changes == NONE
    assert lasting(host) == [f"the model {name!r} {text}"]
    with pytest.raises(HostError) as caught:
        host.update(name, outputs, inputs)
    assert caught.value.message == (
        f"the model {name!r} {text}; the model stays in the state: ask the service what the status means, then run "
        "`pulumi up` again, or `pulumi destroy` to delete it"
    )
    assert caught.value.kept is not None
    # A model that no operation waits for is created, and named as well.
    answer = {**emulator.models()[0], "name": "acme/Base-LoRa:lazy-AbCd", "status": word}
    emulator.add_fault(Fault(method="POST", status=200, body=answer))
    host.create({**inputs, "wait_for_active": False}, name="lazy")
    assert lasting(host)[1:] == [f"the model 'acme/Base-LoRa:lazy-AbCd' {text}"]


def test_get_of_a_failed_model_says_why(host: HostHere, emulator: Emulator) -> None:
    """`CustomModel.get` reads a failed model, and warns with the reason."""
    name = made(emulator, "error", "bad rank")
    assert host.read(name, {})[1]["status"] == "error"
    assert lasting(host) == [f"the model {name!r} is in status 'error': bad rank"]


def test_a_key_that_is_refused_in_a_wait_is_the_remedy(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """After a 401 in the middle of a wait the model stays, and the message is about the key and not about time-outs."""
    emulator.add_fault(Fault(method="GET", status=401, times=None))
    with pytest.raises(HostError, match="the key was refused") as caught:
        host.create(inputs)
    assert (
        "check the key (`pulumi config set --secret nebius-models:apiKey <key>`, or NEBIUS_API_KEY)"
        in str(caught.value)
    )
    assert "custom_timeouts" not in str(caught.value)
    assert caught.value.kept is not None


REFUSALS = [
    (402, "top up your account", "Nebius refused for the account's billing: top up your account"),
    (403, "insufficient balance", "Nebius refused for the account's billing: insufficient balance"),
    (
        403,
        "custom model quota exceeded",
        "Nebius refused for the account's quota: custom model quota exceeded",
    ),
    (400, "limit reached: 5 adapters", "Nebius refused for the account's quota: limit reached"),
    (403, "you are not a member", "Nebius refused the key: you are not a member"),
    (405, "Method Not Allowed", "Nebius does not accept this call: Method Not Allowed"),
    (407, "proxy login", "a proxy requires its own user and password: proxy login"),
    (422, "too many models in the name", "Nebius refused the model: too many models in the name"),
]


@pytest.mark.parametrize(("status", "detail", "opening"), REFUSALS)
def test_a_refusal_says_what_it_is_about(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any], status: int, detail: str, opening: str
) -> None:
    """The messages distinguish billing, quota, rights, the base URL and a proxy, in the service's words."""
    emulator.add_fault(Fault(method="POST", status=status, body={"detail": detail}, times=None))
    with pytest.raises(HostError) as caught:
        host.create(inputs)
    assert caught.value.message.startswith(opening)
    about_the_model = "change the input it names" in caught.value.message
    assert about_the_model == (status == 422)
    assert "nothing was created" in caught.value.message


@pytest.mark.parametrize("status", [404, 410])
def test_a_service_that_is_withdrawn_leaves_a_way_out(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any], status: int
) -> None:
    """If every route is gone, each operation says so, and a refresh and a deletion name `pulumi state delete`."""
    name = made(emulator)
    outputs = state(name, "active")[1]
    emulator.add_fault(Fault(status=status, body=ANSWER, times=None))
    with pytest.raises(HostError) as caught:
        host.create(inputs)
    messages = [
        caught.value.message,
        refused(host, "read", name, outputs),
        refused(host, "delete", name, outputs),
    ]
    for message in messages:
        assert "the service may no longer offer custom models at this base URL" in message
    for message in messages[1:]:
        assert f"`pulumi state delete '{host.urn('m', {})}'`" in message


def test_a_rotated_key_is_explained_where_the_recorded_one_is_used(
    host: HostHere, emulator: Emulator
) -> None:
    """Refresh and destroy with a key from the configuration name every way to use the new one."""
    name = made(emulator)
    outputs = state(name, "active")[1]
    emulator.settings.api_key = "another"
    for method in ("read", "delete"):
        message = refused(host, method, name, outputs)
        for way in ("up`", "refresh --run-program`", "destroy --run-program`"):
            assert f"`pulumi {way}" in message
        assert "NEBIUS_API_KEY" in message
        assert "recorded in the state" in message


@pytest.fixture
def host_of_the_environment(emulator: Emulator) -> Iterator[HostHere]:
    """A host whose key is the environment's."""
    environ = {"NEBIUS_API_KEY": emulator.api_key, "NEBIUS_BASE_URL": emulator.url}
    with HostHere({}, environ) as running:
        yield running


def test_a_refused_key_of_the_environment_is_not_a_recorded_one(
    host_of_the_environment: HostHere, emulator: Emulator
) -> None:
    """The message does not mention the state for a key that is read each time."""
    name = made(emulator)
    emulator.settings.api_key = "another"
    message = refused(host_of_the_environment, "read", name, state(name, "active")[1])
    assert "recorded" not in message
    assert "NEBIUS_API_KEY" in message


def test_a_key_that_sees_none_of_the_models_is_named(host: HostHere, emulator: Emulator) -> None:
    """A refresh that finds nothing warns in each row, and a refresh that has found a model does not."""
    gone = [f"acme/Base-LoRa:bot-{end}" for end in ("Aaaa", "Bbbb")]
    for name in gone:
        assert host.read(name, state(name, "active")[1], name=name[-4:])[0] == ""
    assert [text.partition(":")[0] for text in lasting(host)] == ["'acme/Base-LoRa"] * 2
    assert all("this key sees none of the stack's models" in text for text in lasting(host))
    name = made(emulator)
    host.read(name, state(name, "active")[1])
    host.read("acme/Base-LoRa:bot-Cccc", state("acme/Base-LoRa:bot-Cccc", "active")[1])
    assert len(lasting(host)) == 2


def test_wait_for_active_is_changed_in_place(host: HostHere, emulator: Emulator) -> None:
    """A change of `wait_for_active` is an update without a POST, and the output says what is declared."""
    name = made(emulator)
    _, outputs = state(name, "active")
    inputs, _ = state(name, "active", wait_for_active=False)
    answer = host.diff(name, outputs, inputs)
    assert (answer.changes, list(answer.replaces), list(answer.detailedDiff)) == (
        SOME,
        [],
        ["wait_for_active"],
    )
    assert host.update(name, outputs, inputs)["wait_for_active"] is False
    assert host.diff(name, outputs, {**inputs, "wait_for_active": UNKNOWN}).changes == NONE
    assert emulator.requests(method="POST") == []


@pytest.mark.parametrize(
    ("declared", "live"),
    [("text ", "text"), ("text\n", "text"), (" text", "text"), ("  ", None), ("text", "text\n")],
)
def test_white_space_around_a_description_replaces_nothing(
    host: HostHere, emulator: Emulator, declared: str, live: str | None
) -> None:
    """A service that trims descriptions does not make a live model differ from its declaration."""
    name = made(emulator, description=live)
    inputs, outputs = state(name, "active", description=declared)
    _, read, _ = host.read(name, outputs)
    assert host.diff(name, read, inputs).changes == NONE
