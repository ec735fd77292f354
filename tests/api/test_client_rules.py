"""What is repeated, when, and until when; and how each answer is understood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from nebius_model_resource._api.backoff import backoff
from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import Inputs
from nebius_model_resource._api.transport import MAX_ANSWER, MAX_LIST, Answer
from nebius_model_resource.errors import (
    AnswerLost,
    DeadlineExceeded,
    InvalidInputs,
    NebiusError,
    NotSent,
    ServerFault,
    UnusableAnswer,
)
from tests.support.virtual import KEY, Outcome, Service, VirtualTime, garbled, lost, not_sent, says, status

NAME = "acme/Base-LoRa:bot-AAAA"
INPUTS = Inputs("bot", "acme/Base", "file-1")
Ask = Callable[[NebiusClient, Deadline], Any]
ASK: dict[str, Ask] = {
    "POST": lambda client, deadline: client.create_model(INPUTS, deadline=deadline),
    "LIST": lambda client, deadline: client.list_models(deadline=deadline),
    "GET": lambda client, deadline: client.get_model(NAME, deadline=deadline),
    "DELETE": lambda client, deadline: client.delete_model(NAME, deadline=deadline),
}
PASSING = {
    "not sent": not_sent(),
    "lost": lost(effect=False, at_once=True),
    "408": status(408),
    "500": status(500),
    "502": status(502),
    "503": status(503),
    "504": status(504),
    "no JSON": garbled(),
    "something else": says(7),
}
FINAL = {
    "400": status(400),
    "401": status(401),
    "403": status(403),
    "404": status(404),
    "409": status(409),
    "410": status(410),
    "422": status(422),
    "301": status(301),
    "never to be sent": not_sent(permanent=True),
}


@dataclass(frozen=True)
class Rule:
    """How often a call that always fails is sent, and the error at the end."""

    kind: str
    outcome: Outcome
    sent: int


RULES = {
    **{
        f"{kind} {name}": Rule(kind, outcome, 4)
        for kind in ("LIST", "GET")
        for name, outcome in PASSING.items()
    },
    **{f"POST {name}": Rule("POST", outcome, 1) for name, outcome in PASSING.items()},
    **{f"{kind} {name}": Rule(kind, outcome, 1) for kind in ASK for name, outcome in FINAL.items()},
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_read_is_sent_four_times_and_a_refused_call_once(service: Service, rule: Rule) -> None:
    """A fault that may pass is repeated only for a read; a fault that a repetition cannot change is never repeated."""
    service.add(NAME)
    service.always(rule.kind, rule.outcome)
    with pytest.raises(NebiusError):
        ASK[rule.kind](service.client(), service.time.deadline(600))
    assert len(service.sent(rule.kind)) == rule.sent


@pytest.mark.parametrize("kind", ["LIST", "GET", "DELETE"])
@pytest.mark.parametrize("outcome", PASSING.values(), ids=PASSING)
def test_a_call_that_may_be_repeated_gets_its_answer(service: Service, kind: str, outcome: Outcome) -> None:
    """The third try's answer is the call's, after pauses of at most 0.5 and 1 s."""
    service.add(NAME)
    service.next(kind, outcome, outcome)
    assert ASK[kind](service.client(), service.time.deadline(600))
    first, second, third = service.sent(kind)
    assert 0.25 <= second - first <= 0.5
    assert 0.5 <= third - second <= 1


@pytest.mark.parametrize("outcome", PASSING.values(), ids=PASSING)
def test_a_delete_is_repeated_until_its_deadline(service: Service, outcome: Outcome) -> None:
    """The pauses grow up to five seconds, and a pause that would outlast the deadline does not begin."""
    service.always("DELETE", outcome)
    with pytest.raises(NebiusError):
        ASK["DELETE"](service.client(), service.time.deadline(120))
    sent = service.sent("DELETE")
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert max(gaps) <= 5
    assert min(gaps[5:]) >= 2.5
    assert 115 <= sent[-1] < 120


def test_pauses_are_random(service: Service) -> None:
    """Two hosts that failed at the same time do not try again at the same time."""
    service.always("DELETE", status(500))
    with pytest.raises(ServerFault):
        ASK["DELETE"](service.client(), service.time.deadline(60))
    assert len(set(service.time.slept)) == len(service.time.slept)


@pytest.mark.parametrize("kind", ASK)
def test_a_call_pauses_with_the_sleep_of_its_deadline(service: Service, kind: str) -> None:
    """An operation pauses with its own sleep, which raises when the engine is gone."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        service.time.advance(seconds)

    service.add(NAME)
    client = service.client()
    service.next(kind, status(429, Retry_After="3"), *((status(500),) if kind != "POST" else ()))
    deadline = service.time.deadline(60, sleep)
    calls: dict[str, Callable[[], object]] = {
        "POST": lambda: client.create_model(INPUTS, deadline),
        "LIST": lambda: client.list_models(None, deadline),
        "GET": lambda: client.get_model(NAME, deadline),
        "DELETE": lambda: client.delete_model(NAME, deadline),
    }
    calls[kind]()
    assert slept[0] == 3
    assert service.time.slept == []


@pytest.mark.parametrize("kind", ASK)
def test_nothing_is_sent_after_the_deadline(service: Service, kind: str) -> None:
    """A call is not sent after its deadline."""
    with pytest.raises(DeadlineExceeded, match=r"^the deadline passed before the request was sent$"):
        ASK[kind](service.client(), Deadline(service.time.now, service.time.clock))
    assert service.calls == []


@pytest.mark.parametrize("kind", ASK)
@pytest.mark.parametrize(
    ("left", "seconds"), [(0.1, 0.5), (1, 0.5), (8, 4), (59, 29.5), (60, 30), (6000, 30)]
)
def test_one_request_takes_half_of_the_time_that_is_left(
    service: Service, kind: str, left: float, seconds: float
) -> None:
    """It takes at most thirty seconds, and at least half a second."""
    service.add(NAME)
    ASK[kind](service.client(), service.time.deadline(left))
    assert service.calls[0].seconds == pytest.approx(seconds)


def test_without_a_deadline_a_create_has_half_a_minute_and_the_others_a_minute(service: Service) -> None:
    """A call without a deadline still ends."""
    calls: dict[str, Callable[[NebiusClient], object]] = {
        "POST": lambda client: client.create_model(INPUTS),
        "LIST": lambda client: client.list_models(),
        "GET": lambda client: client.get_model(NAME),
        "DELETE": lambda client: client.delete_model(NAME),
    }
    for kind, call in calls.items():
        service.add(NAME)
        seconds = 30 if kind == "POST" else 60
        service.next(kind, status(429, Retry_After=str(seconds - 0.5)))
        call(service.client())
        service.next(kind, status(429, Retry_After=str(seconds + 0.5)))
        with pytest.raises(DeadlineExceeded):
            call(service.client())


@pytest.mark.parametrize("kind", ASK)
@pytest.mark.parametrize(
    ("code", "header", "seconds"),
    [(429, "7", 7), (429, "7s", 7), (429, "1500ms", 1.5), (429, "1m", 60), (503, "7", 7), (429, "soon", 1)],
)
def test_the_pause_that_the_service_asks_for_is_respected(
    service: Service, kind: str, code: int, header: str, seconds: float
) -> None:
    """The call is sent again after `Retry-After`, in seconds or its own unit, any number of times."""
    service.add(NAME)
    service.next(kind, *(status(code, Retry_After=header),) * 6)
    ASK[kind](service.client(), service.time.deadline(600))
    gaps = [later - earlier for earlier, later in pairwise(service.sent(kind))]
    assert len(gaps) == 6
    assert gaps[0] == pytest.approx(seconds)
    assert min(gaps) >= seconds - 1e-6
    assert max(gaps) <= max(seconds, 2) + 1e-6


def test_one_refusal_holds_back_every_call_of_the_client(service: Service) -> None:
    """Another thread's call waits for the pause as well."""
    client = service.client()
    service.next("LIST", status(429, Retry_After="9"))
    with pytest.raises(DeadlineExceeded, match="asks for a pause of 9 s, which is more than is left"):
        ASK["LIST"](client, service.time.deadline(5))
    ASK["POST"](client, service.time.deadline(60))
    assert service.sent("POST") == [9]
    assert client.connection.gate.throttled


def test_only_a_list_may_be_long(service: Service) -> None:
    """A list may take 16 MiB, any other answer one; each call is sent where it belongs, with the key."""
    sent: list[tuple[str, str, dict[str, Any]]] = []

    def exchange(session: Any, method: str, url: str, **given: Any) -> Answer:
        sent.append((method, url, given))
        return service(session, method, url, **given)

    service.add(NAME)
    settings = service.client().connection.settings
    with NebiusClient(
        settings, clock=service.time.clock, sleep=service.time.sleep, exchange=exchange
    ) as client:
        for ask in ASK.values():
            ask(client, service.time.deadline(60))
    path = "https://service.test/v0/models"
    one = f"{path}/acme/Base-LoRa%3Abot-AAAA"
    assert [(method, url) for method, url, _ in sent] == [
        ("POST", path),
        ("GET", path),
        ("GET", one),
        ("DELETE", one),
    ]
    assert [given["longest"] for *_, given in sent] == [MAX_ANSWER, MAX_LIST, MAX_ANSWER, MAX_ANSWER]
    assert {given["api_key"] for *_, given in sent} == {KEY}
    assert {given["user_agent"] for *_, given in sent} == {"nebius-model-resource (Pulumi provider)"}


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 0.5), (2, 1), (3, 2), (4, 4), (5, 5), (6, 5), (50, 5), (5000, 5)]
)
def test_a_backoff_doubles_up_to_five_seconds(failures: int, longest: float) -> None:
    """Half of it is random, and no number of failures makes it longer."""
    assert backoff(failures, jitter=lambda: 1.0) == longest
    assert backoff(failures, jitter=lambda: 0.5) == 0.75 * longest
    assert backoff(failures, jitter=lambda: 0.0) == 0.5 * longest


def test_a_backoff_begins_where_its_caller_says() -> None:
    """The given first pause doubles as the default one does."""
    assert [backoff(failures, 0.1, lambda: 1.0) for failures in (1, 2, 3)] == [0.1, 0.2, 0.4]
    assert backoff(50, 0.001, lambda: 1.0) == 1.024  # doubled ten times at most


def test_a_deadline_counts_down_to_zero(time: VirtualTime) -> None:
    """The time left is never negative, and the deadline has passed at the exact moment."""
    deadline = time.deadline(5)
    assert (deadline.remaining(), deadline.passed()) == (5, False)
    time.advance(5)
    assert (deadline.remaining(), deadline.passed()) == (0, True)
    time.advance(1)
    assert (deadline.remaining(), deadline.passed()) == (0, True)


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("POST", {"status": "active"}, "the service answered with success and without the model's name"),
        ("POST", {"name": f"a-LoRa:{KEY}"}, "the service sent the API key back in the name of a model"),
        ("LIST", {}, "the service answered the list of models with something else than a list"),
        ("GET", [], f"the service answered {NAME!r} with something else than a model"),
        ("DELETE", 7, f"the service answered the deletion of {NAME!r} with something else"),
    ],
)
def test_a_success_that_is_no_answer_is_named(service: Service, kind: str, body: Any, text: str) -> None:
    """The message says which call got which answer."""
    service.always(kind, says(body))
    with pytest.raises(UnusableAnswer) as caught:
        ASK[kind](service.client(), service.time.deadline(5))
    assert str(caught.value) == text


def test_a_list_has_its_time_and_whether_it_is_complete(service: Service) -> None:
    """Entries that are not models, or whose names are the key, are left out; the key in a reason is masked."""
    entries = [{"name": NAME, "status": KEY, "status_reason": f"see {KEY}"}, {}, 7, {"name": f"x{KEY}"}]
    service.next("LIST", says(entries), says(entries[:1]))
    partial = service.client().list_models()
    assert partial.entries == [{"name": NAME, "status": "[api key]", "status_reason": "see [api key]"}]
    assert partial.server_time == service.wall()
    assert not partial.complete
    assert service.client().list_models().complete


def test_the_key_in_the_status_of_a_model_is_masked(service: Service) -> None:
    """People also read the status and reason of a single model."""
    service.add(NAME, status=KEY, status_reason=f"see {KEY}")
    model = service.client().get_model(NAME)
    assert (model.status, model.status_reason) == ("[api key]", "see [api key]")


def test_a_model_asked_for_by_a_name_with_the_key_is_found(service: Service) -> None:
    """If the caller's own words hold the key, the service's words may hold it too."""
    name = f"acme/Base-LoRa:{KEY}-AAAA"
    service.add(name)
    client = service.client()
    assert client.get_model(name).name == name
    assert [each.name for each in client.list_models(asked=KEY).models()] == [name]
    assert client.create_model(Inputs(KEY, "acme/Base", "file-1")).name
    assert client.delete_model(name).name == name


def test_a_call_without_a_deadline_ends_after_a_minute(service: Service) -> None:
    """A delete that always fails is given up by the client's own clock."""
    service.always("DELETE", status(500))
    with pytest.raises(ServerFault):
        service.client().delete_model(NAME)
    assert 50 <= service.time.now < 60


def test_a_closed_client_opens_new_connections(service: Service) -> None:
    """The call after a close has a session of its own."""
    sessions: list[Any] = []

    def exchange(session: Any, *_: Any, **__: Any) -> Answer:
        sessions.append(session)
        return service.answer([])

    client = NebiusClient(service.client().connection.settings, exchange=exchange)
    for _ in range(2):
        client.list_models()
        client.list_models()
        client.connection.close()
    first, same, second, _ = sessions
    assert first is same
    assert first is not second
    assert type(second) is type(first)


def test_the_first_pause_is_the_clients_own(service: Service) -> None:
    """A client that was given no pause repeats at once."""
    service.always("GET", status(500))
    with pytest.raises(ServerFault):
        service.client(first_pause=0).get_model(NAME)
    assert service.sent("GET") == [0] * 4


def test_a_name_is_sent_segment_by_segment(service: Service) -> None:
    """Characters that could start another path or a query are encoded, and a name that is another path is refused."""
    urls: list[str] = []

    def exchange(_session: Any, _method: str, url: str, **_: Any) -> Answer:
        urls.append(url)
        return service.answer({"name": "x"})

    with NebiusClient(service.client().connection.settings, exchange=exchange) as client:
        client.get_model("X a/b?c:%/ü/X")
        with pytest.raises(InvalidInputs) as caught:
            client.get_model("a/../b")
    assert urls == ["https://service.test/v0/models/X%20a/b%3Fc%3A%25/%C3%BC/X"]
    assert [fault.property for fault in caught.value.faults] == ["name"]


def test_the_key_in_an_error_of_the_transport_is_masked(service: Service) -> None:
    """No error of a connection shows the key."""

    def answer(_service: Service, _call: object) -> Answer:
        raise NotSent(f"cannot connect with {KEY}", permanent=True)

    service.always("GET", answer)
    with pytest.raises(NotSent, match=r"^cannot connect with \[api key\]$"):
        service.client().get_model(NAME)


def test_a_lost_answer_stays_lost_for_a_post(service: Service) -> None:
    """The error says that the service may have created something."""
    service.next("POST", lost(effect=True))
    with pytest.raises(AnswerLost, match=r"^no answer in time$"):
        service.client().create_model(INPUTS)
    assert service.time.now == 15
