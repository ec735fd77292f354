"""The client against the emulator, over real HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import Inputs
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._api.transport import open_session
from nebius_model_resource.errors import (
    AccessDenied,
    AnswerLost,
    BadRequest,
    InvalidInputs,
    NotFound,
    NotSent,
    Redirected,
    ServerFault,
    UnusableAnswer,
)
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.hostile import self_signed

INPUTS = Inputs("bot", "meta-llama/Meta-Llama-3.1-8B-Instruct", "file-1")


@pytest.fixture
def client(emulator: Emulator) -> Iterator[NebiusClient]:
    """A client that repeats without pauses."""
    with NebiusClient(Settings(emulator.url, emulator.api_key), first_pause=0) as client:
        yield client


def test_a_model_is_created_listed_read_and_deleted(client: NebiusClient) -> None:
    """Each endpoint takes and returns what is documented, by full and by short name."""
    model = client.create_model(INPUTS)
    assert model.name.startswith("meta-llama/Meta-Llama-3.1-8B-Instruct-LoRa:bot-")
    [listed] = client.list_models().models()
    assert listed.name == model.name
    assert client.get_model(model.name).created_at == model.created_at
    assert client.get_model(model.name.split(":")[1]).name == model.name
    assert client.delete_model(model.name).status == "deleted"
    with pytest.raises(NotFound):
        client.get_model(model.name)


def test_only_the_fields_given_are_sent(client: NebiusClient, emulator: Emulator) -> None:
    """Without a description the field is not sent, and the project is a query parameter."""
    client.create_model(INPUTS)
    client.create_model(Inputs("b", "a/b", "file-1", description="text", ai_project_id="p"))
    first, second = emulator.requests(method="POST")
    assert first.body == {"name": "bot", "base_model": INPUTS.base_model, "source": "file-1"}
    assert first.query == {}
    assert second.body["description"] == "text"
    assert second.query == {"ai_project_id": "p"}


def test_the_segments_of_a_name_are_encoded_one_by_one(client: NebiusClient, emulator: Emulator) -> None:
    """A name cannot lead to another path or start a query."""
    for name in ("x?y=1", "x#y", "a b/ü:%2e%2e"):
        with pytest.raises(NotFound):
            client.get_model(name)
    for name in ("a/../../v1/models", "", "a//b", "."):
        with pytest.raises(InvalidInputs, match="cannot be the generated name"):
            client.delete_model(name)
    assert all(call.path.startswith("/v0/models/") and call.query == {} for call in emulator.requests())


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, BadRequest), (401, AccessDenied), (403, AccessDenied), (404, NotFound), (409, BadRequest)],
)
def test_a_refusal_has_the_words_of_the_service(
    client: NebiusClient, emulator: Emulator, status: int, error: type[Exception]
) -> None:
    """Status, detail and request id are in the error, and a refused call is not repeated."""
    emulator.add_fault(Fault(status=status, body={"detail": "no, thanks"}, times=None))
    with pytest.raises(error, match=rf"no, thanks \(HTTP {status}, request id \w+\)"):
        client.list_models()
    assert len(emulator.requests()) == 1


def test_every_bad_field_of_a_422_is_named(client: NebiusClient) -> None:
    """The list of faults becomes one line."""
    with pytest.raises(BadRequest, match=r"name: .*; base_model: ") as caught:
        client.create_model(Inputs(1, 2, "file-1"))  # type: ignore[arg-type]
    assert caught.value.status == 422


@pytest.mark.parametrize("action", ["reset", "close", "half_body", "html", "not_json"])
def test_a_read_is_repeated_until_it_succeeds(client: NebiusClient, emulator: Emulator, action: str) -> None:
    """After three unusable answers the fourth attempt gets the list."""
    emulator.add_fault(Fault.model_validate({"action": action, "times": 3}))
    assert client.list_models().entries == []
    assert len(emulator.requests()) == 4


def test_a_read_gives_up_after_four_attempts(client: NebiusClient, emulator: Emulator) -> None:
    """The last error is raised."""
    emulator.add_fault(Fault(status=502, times=None))
    with pytest.raises(ServerFault, match="HTTP 502"):
        client.list_models()
    assert len(emulator.requests()) == 4


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(status=500), ServerFault),
        (Fault(status=504, effect="after"), ServerFault),
        (Fault(action="reset", effect="after"), AnswerLost),
        (Fault(action="close"), AnswerLost),
        (Fault(action="half_body", effect="after"), AnswerLost),
        (Fault(action="html", status=200), UnusableAnswer),
        (Fault(action="wrong_json", body=[1, 2]), UnusableAnswer),
        (Fault(action="redirect", location="https://elsewhere.example/"), Redirected),
    ],
)
def test_a_post_is_never_repeated_blindly(
    client: NebiusClient, emulator: Emulator, fault: Fault, error: type[Exception]
) -> None:
    """Whatever goes wrong, only one POST is sent."""
    emulator.add_fault(fault)
    with pytest.raises(error):
        client.create_model(INPUTS)
    assert len(emulator.requests()) == 1


@pytest.mark.parametrize("form", ["seconds", "date", "unit"])
def test_a_throttled_post_is_sent_again_after_the_pause(emulator: Emulator, form: str) -> None:
    """429 means that nothing was created: the POST is sent again after the pause that the service asks for."""
    slept: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    header = {"seconds": "7", "unit": "7s", "date": "Wed, 01 Jan 2020 00:00:00 GMT"}[form]
    emulator.add_fault(Fault(status=429, headers={"Retry-After": header}))
    with NebiusClient(Settings(emulator.url, emulator.api_key), clock=lambda: now[0], sleep=sleep) as client:
        client.create_model(INPUTS, deadline=Deadline.after(60, lambda: now[0], sleep))
    assert len(emulator.requests(method="POST")) == 2
    assert sum(slept) == pytest.approx(0.0 if form == "date" else 7.0, abs=0.1)


def test_nothing_listening_is_surely_not_sent() -> None:
    """A refused connection is not a lost answer."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with (
        NebiusClient(Settings(f"http://127.0.0.1:{port}", "k"), first_pause=0) as client,
        pytest.raises(NotSent, match="no connection to the service: Connection refused"),
    ):
        client.create_model(INPUTS)


def test_a_netrc_entry_does_not_replace_the_key(
    client: NebiusClient, emulator: Emulator, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configured key is sent even if ~/.netrc has an entry for the host."""
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", netrc)
    assert client.list_models().entries == []


def test_proxies_and_certificates_of_the_environment_hold(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They are read when the session is opened, and a host that NO_PROXY names is reached directly."""
    for variable in ("https_proxy", "no_proxy", "NO_PROXY", "ALL_PROXY", "all_proxy", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    bundle = str(self_signed(tmp_path)[0])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    session = open_session("https://service.example")
    assert session.proxies["https"] == "http://proxy.example:3128"
    assert session.verify == bundle
    monkeypatch.setenv("NO_PROXY", "service.example")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    session = open_session("https://service.example")
    assert "https" not in session.proxies
    assert session.verify is True
