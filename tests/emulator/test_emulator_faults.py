"""Faults whose answers the core makes up; no socket."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Emulator, Fault
from nebius_model_resource.testing.emulator.faults import HTML

from .conftest import Api, Clock


def test_a_status_fault_answers_instead(emulator: Emulator, api: Api) -> None:
    """A status fault answers with its code, headers and body once, and the call has no effect."""
    told: dict[str, Any] = {"status": 429, "headers": {"Retry-After": "7"}, "body": {"detail": "slow down"}}
    emulator.add_fault(Fault(method="POST", **told))
    answer = api.create()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json() == {"detail": "slow down"}
    assert emulator.models() == []
    assert api.create().status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "body"),
    [
        ({}, 503, '{"detail":"Service Unavailable"}'),
        ({"status": 599}, 599, '{"detail":"Unknown"}'),
        ({"status": 500, "body": "text"}, 500, "text"),
        ({"status": 500, "body": [1]}, 500, "[1]"),
        ({"action": "html"}, 502, HTML.format(title="502 Bad Gateway")),
        ({"action": "html", "status": 200}, 200, HTML.format(title="200 OK")),
        ({"action": "not_json"}, 200, "{this is not json"),
        ({"action": "wrong_json", "body": {"name": 5}}, 200, '{"name":5}'),
        ({"action": "wrong_json"}, 200, "null"),
        ({"action": "echo_key"}, 401, '{"detail":"not accepted: Bearer emulator-key"}'),
        ({"action": "echo_key", "status": 500}, 500, '{"detail":"not accepted: Bearer emulator-key"}'),
    ],
)
def test_made_up_answers(
    emulator: Emulator, api: Api, fields: dict[str, Any], status: int, body: str
) -> None:
    """Each fault that invents an answer gives the stated code and body."""
    emulator.add_fault(Fault(**fields))
    answer = api.call("GET", "/v0/models")
    assert (answer.status_code, answer.text) == (status, body)
    assert emulator.requests()[-1].status == status


def test_redirects(emulator: Emulator, api: Api) -> None:
    """A redirect has its code and place; without a place it leads to itself, for ever if the rule says so."""
    emulator.add_fault(Fault(action="redirect", status=302, location="http://other.test/"))
    emulator.add_fault(Fault(action="redirect", times=None))
    answers = [api.call("GET", "/v0/models?ai_project_id=null") for _ in range(3)]
    seen = [(each.status_code, each.headers["location"]) for each in answers]
    assert seen == [(302, "http://other.test/"), *[(307, "/v0/models?ai_project_id=null")] * 2]


@pytest.mark.parametrize(("effect", "made_at"), [("before", 60), ("after", 0)])
def test_a_delay_is_before_or_after_the_effect(
    emulator: Emulator, api: Api, clock: Clock, effect: Any, made_at: int
) -> None:
    """A delayed call takes place before or after its seconds, and gets the true answer."""
    begun = clock.now
    emulator.add_fault(Fault(action="delay", seconds=60, effect=effect))
    created = api.create().json()
    assert created["created_at"] == int(begun + made_at)
    assert clock.now == begun + 60


@pytest.mark.parametrize("action", ["reset", "close", "half_body", "hang", "endless", "huge"])
@pytest.mark.parametrize(("effect", "made"), [("before", 0), ("after", 1)])
def test_the_effect_says_whether_the_call_takes_place(
    emulator: Emulator, api: Api, action: Any, effect: Any, made: int
) -> None:
    """An answer that a caller in the process must treat as lost says so, and the model is there only if made before."""
    emulator.add_fault(Fault(action=action, effect=effect, method="POST"))
    answer = api.create()
    assert answer.fault is not None
    assert answer.fault.action == action
    assert len(emulator.models()) == made
    assert api.create().fault is None


def test_a_rule_hits_what_it_matches(emulator: Emulator, api: Api) -> None:
    """Method, path and custom name all have to match; the star of a glob also matches slashes."""
    emulator.add_fault(Fault(method="POST", path="/v0/models", name="bad*", times=None))
    emulator.add_fault(Fault(method="DELETE", path="/v0/models/*-LoRa:*", status=500, times=None))
    name = api.created()
    assert api.create(name="bad-one").status_code == 503
    assert api.call("POST", "/v0/models", data=b"no json").status_code == 422
    assert api.delete(name).status_code == 500
    assert api.read(name).status_code == 200


def test_skip_and_times(emulator: Emulator, api: Api) -> None:
    """A rule lets the first calls pass, hits its number of times and ends; the next rule follows."""
    emulator.add_fault(Fault(skip=2, times=2))
    emulator.add_fault(Fault(status=500, skip=2, times=None))
    statuses = [api.call("GET", "/v0/models").status_code for _ in range(6)]
    assert statuses == [200, 200, 503, 503, 500, 500]
    rule, _ = emulator.service.faults.describe()
    assert (rule["hits"], rule["left"]) == (2, 0)
    emulator.clear_faults()
    assert api.call("GET", "/v0/models").status_code == 200


def test_many_calls_at_once_use_a_rule_exactly_its_times(emulator: Emulator, clock: Clock) -> None:
    """With 64 threads at once, a rule hits as often as it says, and every other create creates one model."""
    emulator.add_fault(Fault(method="POST", times=100))
    statuses: list[int] = []

    def create() -> None:
        api = Api(emulator, clock)
        statuses.extend(api.create().status_code for _ in range(5))

    threads = [threading.Thread(target=create) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses.count(503), statuses.count(200)) == (100, 220)
    assert len({model["name"] for model in emulator.models()}) == 220


@pytest.mark.parametrize("fields", [{"action": "explode"}, {"times": 0}, {"status": 100}, {"colour": "red"}])
def test_a_rule_that_cannot_work_is_refused(fields: dict[str, Any]) -> None:
    """A rule that could only fail when it hits is refused when it is added."""
    with pytest.raises(ValueError, match=next(iter(fields))):
        Fault(**fields)
