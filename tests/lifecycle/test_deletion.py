"""Deleting one model: which answers mean that it is gone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nebius_model_resource._api.transport import Answer
from nebius_model_resource._lifecycle.deletion import delete_model
from nebius_model_resource._lifecycle.shared_list import StatusReader
from nebius_model_resource.errors import (
    AccessDenied,
    BadRequest,
    DeadlineExceeded,
    NebiusError,
    NotFound,
    ServerFault,
    TransportError,
)
from tests.support.virtual import Call, Outcome, Service, Shown, done, garbled, lost, no_pause, says, status

NAME = "acme/Base-LoRa:bot-AAAA"
SHORT = "bot-AAAA"


def limited(service: Service, call: Call) -> Answer:
    """A list that first asks for a pause."""
    return (status(429, Retry_After="3") if service.sent("LIST")[1:] == [] else NONE)(service, call)


THERE = [{"name": NAME, "status": "active"}]
NONE = says([])


@dataclass(frozen=True)
class Case:
    """What the service answers, and the result."""

    deletes: tuple[Outcome, ...]
    listed: Outcome = NONE
    is_new: bool = False
    name: str = NAME
    fails: type[NebiusError] | None = None
    lists: int = 0
    sent: int = 1


CASES = {
    "done": Case((done,)),
    "done, new": Case((done,), is_new=True),
    "404, not listed": Case((status(404),), lists=1),
    "410, not listed": Case((status(410),), lists=1),
    "404, new": Case((status(404),), is_new=True, fails=NotFound),
    "404, listed": Case((status(404),), says(THERE), lists=1, fails=NotFound),
    "404, listed by its full name": Case((status(404),), says(THERE), lists=1, name=SHORT, fails=NotFound),
    "404, listed by its short name": Case((status(404),), says([{"name": SHORT}]), lists=1, fails=NotFound),
    "404, listed as deleted": Case((status(404),), says([{"name": NAME, "status": "deleted"}]), lists=1),
    "404, another is listed": Case((status(404),), says([{"name": "acme/Base-LoRa:bot-BBBB"}]), lists=1),
    "404, the list fails": Case((status(404),), status(500), lists=3, fails=ServerFault),
    "404, the list is 404": Case((status(404),), status(404), lists=1, fails=NotFound),
    "404, the list is refused": Case((status(404),), status(401), lists=1, fails=AccessDenied),
    "404, the list is rate-limited": Case((status(404),), limited, lists=2),
    "404, not all of the list is read": Case((status(404),), says([{}]), lists=1),
    "401": Case((status(401),), fails=AccessDenied),
    "403, not listed": Case((status(403),), lists=1),
    "403, listed": Case((status(403),), says(THERE), lists=1, fails=AccessDenied),
    "403, new": Case((status(403),), is_new=True, fails=AccessDenied),
    "403, not all of the list is read": Case((status(403),), says([{}]), lists=1, fails=AccessDenied),
    "403, the list fails": Case((status(403),), garbled(), lists=3, fails=TransportError),
    "400": Case((status(400),), fails=BadRequest),
    "fails nine times": Case((status(500),) * 9, sent=10),
    "lost with its effect": Case((lost(effect=True, at_once=True),), lists=1, sent=2),
    "rate-limited": Case((status(429, Retry_After="3"),), sent=2),
    "rate-limited for too long": Case((status(429, Retry_After="300"),), fails=DeadlineExceeded),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_model_is_gone_or_the_error_says_why_not(service: Service, shown: Shown, case: Case) -> None:
    """A list decides after 404 and 403; every other error is raised."""
    service.add(NAME)
    service.next("DELETE", *case.deletes)
    service.always("LIST", case.listed)
    client = service.client(sleep=no_pause)
    arguments = (client, case.name, StatusReader(client, None), shown.operation(60))
    if case.fails:
        with pytest.raises(case.fails):
            delete_model(*arguments, is_new=case.is_new)
    else:
        delete_model(*arguments, is_new=case.is_new)
    assert len(service.sent("LIST")) == case.lists
    assert len(service.sent("DELETE")) == case.sent


@pytest.mark.parametrize("code", [403, 404])
def test_no_list_from_before_settles_a_delete(service: Service, shown: Shown, code: int) -> None:
    """A list that lacked the model before it was refused proves nothing."""
    client = service.client()
    reader = StatusReader(client, None)
    operation = shown.operation(60)
    reader.recent(operation.deadline)
    service.time.advance(1)
    service.add(NAME)
    service.next("DELETE", status(code))
    with pytest.raises(NebiusError):
        delete_model(client, NAME, reader, operation, is_new=False)
    assert len(service.sent("LIST")) == 2
