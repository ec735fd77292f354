"""Interrupted runs: each operation ends at once, with an outcome that the engine can record."""

from __future__ import annotations

import pytest

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import Inputs, State
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._lifecycle.lifecycle import Lifecycle
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource.errors import AnswerLost, DeadlineExceeded, Interrupted, NotSent, ValidationFailed
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.virtual import Service, VirtualTime, lost, no_pause, not_sent, slow, status

INPUTS = Inputs("bot", "acme/Base", "file-1")
NAME = "acme/Base-LoRa:bot-AAAA"
MOMENT = 20.0  # of the interruption; the deadline is at 600


def lifecycle(service: Service) -> Lifecycle:
    """The operations on the virtual clock."""
    return Lifecycle(service.client(sleep=no_pause), wall_clock=service.time.wall)


@pytest.fixture
def operation(time: VirtualTime) -> Operation:
    """An operation that is interrupted after 20 of its 600 s."""
    return Operation(time.interrupted_at(MOMENT))


def test_a_wait_ends_and_keeps_the_model(time: VirtualTime, service: Service, operation: Operation) -> None:
    """The error has the model, still validating, and nothing deletes it."""
    with pytest.raises(
        Interrupted, match=r"still validating after \d+ s: the run was interrupted$"
    ) as caught:
        lifecycle(service).create(INPUTS, operation)
    assert time.now == MOMENT
    assert (caught.value.state.generated_name, caught.value.state.status) == (NAME, "validating")
    assert list(service.models) == [NAME]


def test_an_interruption_between_two_requests_is_no_answer(
    time: VirtualTime, service: Service, operation: Operation
) -> None:
    """The read by name is not sent, and the message does not present that as the service's last answer."""
    service.hidden.add(NAME)
    service.always("LIST", slow(MOMENT))
    with pytest.raises(Interrupted, match=r"still validating after \d+ s: the run was interrupted$"):
        lifecycle(service).create(INPUTS, operation)
    assert service.sent("GET") == []


@pytest.mark.parametrize("path", ["/v0/models", "/v0/models/*"])
def test_a_read_that_hangs_is_cut_off(emulator: Emulator, path: str) -> None:
    """Over real HTTP, where an answer may take an hour: the wait ends, and the hanging read is no last answer."""
    emulator.settings.update(validation_seconds=600)
    emulator.add_fault(Fault(method="GET", path=path, action="hang", times=None))
    # Because the list lacks the model, it is read by name.
    emulator.add_fault(Fault(method="GET", path="/v0/models", action="wrong_json", body=[], times=None))
    deadline = Deadline.after(7200, interrupted=lambda: bool(emulator.requests("GET", path)))
    with (
        NebiusClient(Settings(emulator.url, emulator.api_key), attempt_seconds=3600) as client,
        pytest.raises(Interrupted, match=r"still validating after \d+ s: the run was interrupted$") as caught,
    ):
        Lifecycle(client).create(INPUTS, Operation(deadline))
    assert [caught.value.state.generated_name] == [model["name"] for model in emulator.models()]


def test_a_resumed_wait_ends_too(time: VirtualTime, service: Service, operation: Operation) -> None:
    """An update that continues a wait can be interrupted any number of times."""
    service.add(NAME, status="validating")
    with pytest.raises(Interrupted, match="the run was interrupted"):
        lifecycle(service).resume(State(INPUTS, NAME, "validating"), operation)
    assert time.now == MOMENT
    assert list(service.models) == [NAME]


def test_a_pause_that_the_service_asks_for_ends(
    time: VirtualTime, service: Service, operation: Operation
) -> None:
    """Nothing was created, and the message about the interruption says so."""
    service.always("POST", status(429, effect=False, **{"Retry-After": "300"}))
    with pytest.raises(DeadlineExceeded, match=r"^the run was interrupted before the request was sent$"):
        lifecycle(service).create(INPUTS, operation)
    assert time.now == MOMENT
    assert len(service.sent("POST")) == 1


def test_a_create_that_cannot_reach_the_service_ends(
    time: VirtualTime, service: Service, operation: Operation
) -> None:
    """The last error is reported, and nothing was sent."""
    service.always("POST", not_sent())
    with pytest.raises((NotSent, DeadlineExceeded)):
        lifecycle(service).create(INPUTS, operation)
    assert time.now <= MOMENT
    assert service.models == {}


def test_the_search_for_a_lost_model_ends(time: VirtualTime, service: Service, operation: Operation) -> None:
    """The message says that it is not known whether the model exists, and names the command that shows it."""
    service.next("POST", lost(effect=True, at_once=True))
    service.always("LIST", status(500))
    with pytest.raises(AnswerLost, match=r"not known whether 'bot' was created.*nebius-models unknown"):
        lifecycle(service).create(INPUTS, operation)
    assert time.now <= MOMENT


def test_a_deletion_that_is_held_back_ends(time: VirtualTime, service: Service, operation: Operation) -> None:
    """The model may still exist, so the caller keeps it in the state."""
    service.add(NAME)
    service.always("DELETE", status(429, effect=False, **{"Retry-After": "300"}))
    with pytest.raises(DeadlineExceeded, match="the run was interrupted"):
        lifecycle(service).delete(State(INPUTS, NAME, "active"), operation)
    assert time.now == MOMENT


def test_a_failed_validation_is_cleaned_up_all_the_same(time: VirtualTime, service: Service) -> None:
    """An interruption does not stop the deletion of a failed model: nothing is left behind."""
    service.new_status = "error"
    service.always("DELETE", status(429, effect=False, **{"Retry-After": "3"}))
    time.at(6, service.recover)
    operations = Lifecycle(service.client(), wall_clock=time.wall)
    with pytest.raises(ValidationFailed, match=r"was deleted$"):
        operations.create(INPUTS, Operation(time.interrupted_at(3)))
    assert service.models == {}
