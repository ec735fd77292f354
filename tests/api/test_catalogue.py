"""The list of models that the service has for calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nebius_model_resource._api.catalogue import listed_models
from nebius_model_resource._api.connection import Connection
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._api.transport import MAX_LIST, Answer
from nebius_model_resource.errors import ServerFault, UnusableAnswer
from tests.support.virtual import VirtualTime


class Service:
    """Gives one answer, and records the requests."""

    def __init__(self, status: int, body: Any) -> None:
        self.time = VirtualTime()
        self.answer = Answer(status, {}, json.dumps(body).encode())
        self.given: list[dict[str, Any]] = []
        self.connection = Connection(
            Settings("https://service.test", "key"),
            clock=self.time.clock,
            sleep=self.time.sleep,
            exchange=self,
        )

    def __call__(self, _session: Any, method: str, url: str, **given: Any) -> Answer:
        """Answer one request, in place of :func:`.transport.exchange`."""
        self.given.append({"method": method, "url": url, **given})
        return self.answer


@pytest.mark.parametrize("project", ["aiproject-1", None, ""])
def test_the_ids_of_the_list_are_read(project: str | None) -> None:
    """One request is sent within the deadline, with the project in the query if there is one, for up to 16 MiB."""
    service = Service(
        200, {"object": "list", "data": [{"id": "a/b"}, {"id": "c/d", "x": 1}], "has_more": False}
    )
    found = listed_models(service.connection, project, service.time.deadline(20))
    assert found == {"a/b", "c/d"}
    [given] = service.given
    assert (given["method"], given["url"]) == ("GET", "https://service.test/v1/models")
    assert given["params"] == ({"ai_project_id": project} if project else {})
    assert (given["seconds"], given["longest"]) == (10, MAX_LIST)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"data": {"id": "a/b"}},
        {"data": [{"id": "a/b"}, {"id": 1}]},
        {"data": [{"id": "a/b"}, "c/d"]},
        {"data": [{"id": "a/b"}], "has_more": True},
    ],
)
@pytest.mark.parametrize(("options", "attempts"), [({}, 4), ({"attempts": 1}, 1)])
def test_a_list_that_may_lack_models_is_none(body: Any, options: dict[str, int], attempts: int) -> None:
    """It is read again, four times in all unless the caller says otherwise."""
    service = Service(200, body)
    with pytest.raises(UnusableAnswer) as unusable:
        listed_models(service.connection, None, service.time.deadline(60), **options)
    assert str(unusable.value) == "the service answered the list of models with something else"
    assert len(service.given) == attempts


def test_a_fault_is_retried_until_the_deadline() -> None:
    """If the next pause would be longer than the time left, the fault is raised."""
    service = Service(500, {})
    with pytest.raises(ServerFault):
        listed_models(service.connection, None, service.time.deadline(0.2))
    assert len(service.given) == 1
