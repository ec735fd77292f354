"""The table "In create", row by row, and the same for delete and read: the real host against the faulty service."""

from __future__ import annotations

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import pytest

from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.host import HostError
from tests.support.host_here import HostHere

EDGES = [
    pytest.param(edge, marks=pytest.mark.xdist_group(f"faults {edge}")) for edge in ("dynamic", "plugin")
]

LOST: dict[str, dict[str, Any]] = {
    "500": {"action": "status", "status": 500},
    "502": {"action": "status", "status": 502},
    "504": {"action": "status", "status": 504},
    "408": {"action": "status", "status": 408},
    "bare-503": {"action": "status", "status": 503},
    "reset": {"action": "reset"},
    "close": {"action": "close"},
    "html": {"action": "html", "status": 504},
    "html-200": {"action": "html", "status": 200},
    "half-body": {"action": "half_body"},
    "not-json": {"action": "not_json"},
    "no-name": {"action": "wrong_json", "body": {"status": "validating"}},
    "invalid-utf8": {"action": "invalid_utf8"},
    "read-timeout": {"action": "hang"},
}
EFFECTS: tuple[Literal["after", "before"], ...] = ("after", "before")


def posts(emulator: Emulator, name: str) -> int:
    return sum(call.body["name"] == name for call in emulator.requests("POST", "/v0/models"))


def names(emulator: Emulator) -> list[str]:
    return [model["name"] for model in emulator.models()]


def outdate(host: HostHere) -> None:
    """Make the next refresh read a new list, by a deletion."""
    ghost = "acme/Base-LoRa:ghost-abcd"
    host.delete(
        ghost, {"name": "ghost", "base_model": "acme/Base", "source": "file-1", "generated_name": ghost}
    )


@dataclass
class Outcome:
    made: list[str]
    posts: int
    held: str


@pytest.fixture(scope="module", params=EDGES)
def edge(request: pytest.FixtureRequest) -> str:
    """Each edge on one worker: these tests mostly wait, and otherwise several workers would wait at the same time."""
    return str(request.param)


@pytest.fixture(scope="module")
def outcomes(shared_host: HostHere, shared_emulator: Emulator) -> dict[str, Outcome]:
    """Every way to lose the answer to a POST, with and without a created model, all at once."""
    cases = {f"{key}-{effect}": (fault, effect) for key, fault in LOST.items() for effect in EFFECTS}
    for name, (fault, effect) in cases.items():
        shared_emulator.add_fault(Fault(method="POST", path="/v0/models", name=name, effect=effect, **fault))

    def create(name: str) -> str:
        inputs = {"name": name, "base_model": "acme/Base", "source": "file-1"}
        # A request may take half of the time left: the other half is for the search and a second POST.
        timeout = {"read-timeout-after": 10, "read-timeout-before": 16}.get(name, 60)
        return shared_host.create(inputs, timeout=timeout, name=name)[0]

    with ThreadPoolExecutor(len(cases)) as pool:
        held = dict(zip(cases, pool.map(create, cases), strict=True))
    made = shared_emulator.models()
    return {
        name: Outcome(
            [model["name"] for model in made if f":{name}-" in model["name"]],
            posts(shared_emulator, name),
            held[name],
        )
        for name in cases
    }


@pytest.mark.parametrize("fault", LOST)
def test_lost_answer_of_a_model_that_was_created(outcomes: dict[str, Outcome], fault: str) -> None:
    """The created model is found in the list: there is one model, in the state, and one POST."""
    outcome = outcomes[f"{fault}-after"]
    assert outcome.made == [outcome.held]
    assert outcome.posts == 1


@pytest.mark.parametrize("fault", LOST)
def test_lost_answer_with_nothing_created(outcomes: dict[str, Outcome], fault: str) -> None:
    """If the list lacks a model after a few looks, the POST is sent once more: one model is in the state."""
    outcome = outcomes[f"{fault}-before"]
    assert outcome.made == [outcome.held]
    assert outcome.posts == 2


def test_sixteen_equal_creates_that_lose_their_answers(shared_host: HostHere, service: Emulator) -> None:
    """Sixteen equal creates at once, each without its first answer, give sixteen models with sixteen owners."""
    service.add_fault(Fault(method="POST", action="reset", effect="after", times=16))
    inputs = {"name": "twin", "base_model": "acme/Base", "source": "file-1"}
    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(lambda n: shared_host.create(inputs, timeout=30, name=f"twin{n}")[0], range(16)))
    assert sorted(ids) == sorted(names(service))
    assert len(set(ids)) == 16
    assert posts(service, "twin") == 16


def test_some_of_many_equal_creates_lose_their_answers(shared_host: HostHere, service: Emulator) -> None:
    """If some answers come, some are lost and some POSTs create nothing, each create still owns one model."""
    service.add_fault(Fault(method="POST", action="close", effect="after", times=3))
    service.add_fault(Fault(method="POST", action="status", status=500, effect="before", times=3, skip=2))
    inputs = {"name": "mixed", "base_model": "acme/Base", "source": "file-1"}
    with ThreadPoolExecutor(10) as pool:
        ids = list(pool.map(lambda n: shared_host.create(inputs, timeout=60, name=f"mixed{n}")[0], range(10)))
    assert sorted(ids) == sorted(names(service))
    assert len(set(ids)) == 10


def test_more_candidates_than_creates_stop(shared_host: HostHere, service: Emulator) -> None:
    """If another client creates an equal model at that moment, nothing is guessed: all are named, none is touched."""
    inputs = {"name": "both", "base_model": "acme/Base", "source": "file-1"}
    service.add_fault(Fault(method="POST", action="hang", effect="after", name="both", seconds=3))
    future = shared_host.create_later(inputs, timeout=20)
    while not names(service):
        time.sleep(0.01)
    service.add_model(**inputs)  # before the connection is closed, and so before the first look
    with pytest.raises(Exception, match="2 models could be the new one") as caught:
        future.result()
    assert all(name in str(caught.value) for name in names(service))
    assert len(names(service)) == 2
    assert posts(service, "both") == 1


def test_broken_list_does_not_create_a_second_model(shared_host: HostHere, service: Emulator) -> None:
    """A list with unreadable entries does not prove that nothing was created: there is no second POST."""
    service.add_fault(Fault(method="POST", action="close", effect="after"))
    service.add_fault(Fault(method="GET", action="wrong_json", body=[{"name": 7}], times=5))
    id_, _ = shared_host.create({"name": "seen", "base_model": "acme/Base", "source": "file-1"})
    assert names(service) == [id_]
    assert posts(service, "seen") == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_refusals_fail_at_once(shared_host: HostHere, service: Emulator, status: int) -> None:
    """A refused POST is sent once and creates nothing, and one line has the service's words and the request id."""
    service.add_fault(Fault(method="POST", status=status, body={"detail": "the words of the service"}))
    with pytest.raises(HostError, match="the words of the service") as caught:
        shared_host.create({"name": "no", "base_model": "acme/Base", "source": "file-1"})
    [call] = service.requests("POST")
    assert f"request id {call.request_id}" in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.kept is None
    assert names(service) == []


@pytest.mark.parametrize("status", [429, 503])
def test_pause_asked_for(host: HostHere, emulator: Emulator, status: int) -> None:
    """429, and 503 with Retry-After, mean that nothing was done: after the pause the POST is sent again."""
    emulator.add_fault(Fault(method="POST", status=status, headers={"Retry-After": "1"}, times=2))
    inputs = {"name": "paused", "base_model": "acme/Base", "source": "file-1", "wait_for_active": False}
    id_, _ = host.create(inputs)
    assert names(emulator) == [id_]
    sent = [call.time for call in emulator.requests("POST")]
    assert len(sent) == 3
    assert all(later - earlier >= 0.95 for earlier, later in pairwise(sent))


def test_deadline_within_a_pause(host: HostHere, emulator: Emulator) -> None:
    """A pause that is longer than the deadline ends the create at once, and nothing is created."""
    emulator.add_fault(Fault(method="POST", status=429, headers={"Retry-After": "90"}))
    with pytest.raises(HostError, match="rate limit asks for a pause"):
        host.create({"name": "late", "base_model": "acme/Base", "source": "file-1"}, timeout=30)
    assert names(emulator) == []


@pytest.mark.parametrize(
    ("settings", "faults"),
    [
        ({"missing_reads": 2}, []),
        ({"missing_reads": 2, "missing_status": 403, "missing_lists": 2}, []),
        ({"first_read_without_status": True, "missing_lists": 1}, []),
        ({"short_name_on_create": True}, []),
        ({"short_name_on_create": True, "missing_lists": 2}, []),
        ({}, [Fault(method="GET", status=500, times=3), Fault(method="GET", action="reset", times=3)]),
        ({}, [Fault(method="GET", action="html", times=2), Fault(method="GET", action="half_body", times=2)]),
        ({}, [Fault(method="GET", status=403, times=2)]),
    ],
)
def test_bad_reads_while_waiting(
    shared_host: HostHere, service: Emulator, settings: dict[str, Any], faults: list[Fault]
) -> None:
    """A create waits while reads fail right after the POST: one POST, one active model, its full name."""
    service.settings.update(**settings)
    for fault in faults:
        service.add_fault(fault)
    id_, outputs = shared_host.create({"name": "slow", "base_model": "acme/Base", "source": "file-1"})
    assert [id_] == names(service)
    assert outputs["status"] == "active"
    assert posts(service, "slow") == 1


def test_key_refused_while_waiting(shared_host: HostHere, service: Emulator) -> None:
    """If the key is refused after the POST, the model stays in the state, and `update` continues with a good key."""
    service.add_fault(Fault(method="GET", status=401, times=2))
    inputs = {"name": "kept", "base_model": "acme/Base", "source": "file-1"}
    with pytest.raises(HostError, match="the key was refused") as caught:
        shared_host.create(inputs)
    kept = caught.value.kept
    assert kept is not None
    assert names(service) == [kept.id]
    service.clear_faults()
    assert shared_host.update(kept.id, kept.properties, inputs)["status"] == "active"
    assert posts(service, "kept") == 1


def test_network_away_until_the_deadline(shared_host: HostHere, service: Emulator) -> None:
    """If no read succeeds until the deadline, the model stays in the state."""
    service.add_fault(Fault(method="GET", action="reset", times=None))
    with pytest.raises(HostError, match="the deadline passed") as caught:
        shared_host.create({"name": "cut", "base_model": "acme/Base", "source": "file-1"}, timeout=4)
    assert caught.value.kept is not None
    assert names(service) == [caught.value.kept.id]


def test_deleted_by_another_client_while_awaited(shared_host: HostHere, service: Emulator) -> None:
    """A model that another client deletes while it is awaited fails the create, and nothing stays in the state."""
    service.settings.update(after_delete="deleted", validation_seconds=60)
    future = shared_host.create_later({"name": "gone", "base_model": "acme/Base", "source": "file-1"})
    while not names(service):
        time.sleep(0.02)
    service.remove_model(names(service)[0])
    with pytest.raises(Exception, match="was deleted outside of this run") as caught:
        future.result()
    assert HostError(caught.value).kept is None


def test_failed_validation_whose_clean_up_is_refused(shared_host: HostHere, service: Emulator) -> None:
    """A model in `error` that cannot be deleted stays in the state, and a later delete removes it."""
    service.settings.failing_names = {"bad": "no adapter_model.safetensors"}
    service.add_fault(Fault(method="DELETE", status=401))
    with pytest.raises(HostError, match=r"no adapter_model\.safetensors.*could not be deleted") as caught:
        shared_host.create({"name": "bad", "base_model": "acme/Base", "source": "file-1"})
    kept = caught.value.kept
    assert kept is not None
    assert kept.properties["status"] == "error"
    assert names(service) == [kept.id]
    shared_host.delete(kept.id, kept.properties)
    assert names(service) == []


@pytest.fixture
def model(shared_host: HostHere, service: Emulator) -> tuple[str, dict[str, Any]]:
    """One active model: id and outputs; the list that refreshes share is read again, as after any change."""
    inputs = {"name": "held", "base_model": "acme/Base", "source": "file-1"}
    id_ = service.add_model(**inputs)
    outdate(shared_host)
    service.clear_requests()
    return id_, {**inputs, "generated_name": id_, "status": "active"}


DELETE_FAULTS = ["500", "502", "504", "bare-503", "reset", "close", "html", "half-body", "not-json"]


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("fault", DELETE_FAULTS)
def test_delete_is_repeated(
    shared_host: HostHere, service: Emulator, model: tuple[str, Any], fault: str, effect: Any
) -> None:
    """A delete whose answer is lost is sent again, whether or not the model was deleted, and succeeds."""
    service.add_fault(Fault(method="DELETE", effect=effect, **LOST[fault]))
    shared_host.delete(*model, timeout=20)
    assert names(service) == []
    assert len(service.requests("DELETE")) == 2


def test_delete_continues_until_its_deadline(
    shared_host: HostHere, service: Emulator, model: tuple[str, Any]
) -> None:
    """A delete is not given up after a few failures, only at its deadline, and then it fails."""
    service.add_fault(Fault(method="DELETE", status=503, times=3))
    shared_host.delete(*model, timeout=40)
    assert names(service) == []
    assert len(service.requests("DELETE")) == 4
    service.add_fault(Fault(method="DELETE", action="reset", times=None))
    with pytest.raises(HostError, match="the connection broke"):
        shared_host.delete(*model, timeout=3)


@pytest.mark.parametrize("after", ["gone", "deleted"])
def test_deleting_what_is_gone(
    shared_host: HostHere, service: Emulator, model: tuple[str, Any], after: Any
) -> None:
    """If the model is gone already, by 404 or by `deleted`, the deletion succeeds."""
    service.settings.after_delete = after
    service.remove_model(model[0])
    shared_host.delete(*model)


def test_answer_deleted_is_a_success(
    shared_host: HostHere, service: Emulator, model: tuple[str, Any]
) -> None:
    """The answer `{"status": "deleted"}` to a second delete is a success as well."""
    body = {"name": model[0], "status": "deleted", "base_model": "b", "source": "s", "created_at": 1}
    service.add_fault(Fault(method="DELETE", action="wrong_json", body=body, effect="after"))
    shared_host.delete(*model)
    assert len(service.requests("DELETE")) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_refused_delete_fails(
    shared_host: HostHere, service: Emulator, model: tuple[str, Any], status: int
) -> None:
    """A refused key never counts as deleted."""
    service.add_fault(Fault(method="DELETE", status=status, times=None))
    with pytest.raises(HostError, match="Nebius refused the key"):
        shared_host.delete(*model)
    assert names(service) == [model[0]]


def test_hidden_403_on_delete_is_settled_by_the_list(
    shared_host: HostHere, service: Emulator, model: tuple[str, Any]
) -> None:
    """If a 403 hides whether the model exists, a list without it means it is gone; a refused list proves nothing."""
    service.settings.hidden_missing = True
    service.remove_model(model[0])
    service.add_fault(Fault(method="GET", path="/v0/models", status=403, times=1))
    with pytest.raises(HostError, match="Nebius refused the key"):
        shared_host.delete(*model)
    shared_host.delete(*model)


READ_FAULTS: dict[str, dict[str, Any]] = {
    **{str(status): {"status": status} for status in (400, 401, 403, 500, 503)},
    "html": {"action": "html", "status": 200},
    "reset": {"action": "reset"},
    "half-body": {"action": "half_body"},
    "object": {"action": "wrong_json", "body": {}},
    "null": {"action": "wrong_json", "body": None},
    "data": {"action": "wrong_json", "body": {"data": []}},
    "redirect": {"action": "redirect"},
}


@pytest.mark.parametrize("fault", READ_FAULTS)
def test_bad_list_drops_nothing(
    shared_host: HostHere, service: Emulator, model: tuple[str, Any], fault: str
) -> None:
    """If the list is refused, broken or something else, the model is found by name, and stays."""
    service.add_fault(Fault(method="GET", path="/v0/models", times=None, **READ_FAULTS[fault]))
    id_, outputs, _ = shared_host.read(*model)
    assert id_ == model[0]
    assert outputs["status"] == "active"


@pytest.fixture(scope="module")
def bad_reads(shared_host: HostHere, shared_emulator: Emulator) -> dict[str, BaseException | None]:
    """The errors of a refresh under each fault of every read, all at once."""
    made = {}
    for key in READ_FAULTS:
        inputs = {"name": f"read-{key}", "base_model": "acme/Base", "source": "file-1"}
        id_ = shared_emulator.add_model(**inputs)
        made[key] = id_, {**inputs, "generated_name": id_, "status": "active"}
    outdate(shared_host)
    shared_emulator.add_fault(Fault(method="GET", path="/v0/models", status=500, times=None))
    for key, fault in READ_FAULTS.items():
        shared_emulator.add_fault(Fault(method="GET", path=f"*:read-{key}-*", times=None, **fault))

    def read(key: str) -> BaseException | None:
        try:
            shared_host.read(*made[key])
        except HostError as error:
            return error
        return None

    with ThreadPoolExecutor(len(made)) as pool:
        results = dict(zip(made, pool.map(read, made), strict=True))
    shared_emulator.clear_faults()
    return results


@pytest.mark.parametrize("fault", READ_FAULTS)
def test_bad_read_fails_and_drops_nothing(bad_reads: dict[str, BaseException | None], fault: str) -> None:
    """If no read shows whether the model exists, the refresh fails: a failed read does not change the state."""
    error = bad_reads[fault]
    assert isinstance(error, HostError)
    assert re.fullmatch(r"[^\n]+", error.message)


def test_list_that_lacks_a_model_is_confirmed_by_name(
    shared_host: HostHere, service: Emulator, model: tuple[str, Any]
) -> None:
    """A model that the list lacks is dropped only if its own URL answers 404 as well."""
    service.add_fault(Fault(method="GET", path="/v0/models", action="wrong_json", body=[], times=None))
    id_, _, _ = shared_host.read(*model)
    assert id_ == model[0]
    service.remove_model(model[0])
    outdate(shared_host)
    assert shared_host.read(*model)[0] == ""
    counted = Counter(call.path for call in service.requests("GET"))
    assert counted[f"/v0/models/{model[0]}"] == 2


def test_404_everywhere_drops_nothing(
    shared_host: HostHere, service: Emulator, model: tuple[str, Any]
) -> None:
    """Behind a wrong base URL everything is 404: neither a refresh nor a delete treats the model as gone."""
    service.add_fault(Fault(method="*", action="html", status=404, times=None))
    with pytest.raises(HostError, match="404"):
        shared_host.read(*model)
    with pytest.raises(HostError, match="404"):
        shared_host.delete(*model)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_key_drops_nothing(
    shared_host: HostHere, service: Emulator, model: tuple[str, Any], status: int
) -> None:
    """If every call refuses the key, the refresh fails with what to do, and the model stays in the state."""
    service.add_fault(Fault(method="GET", status=status, times=None))
    with pytest.raises(HostError, match="Nebius refused the key") as caught:
        shared_host.read(*model)
    assert "nebius-models:apiKey" in caught.value.message or "NEBIUS_API_KEY" in caught.value.message
