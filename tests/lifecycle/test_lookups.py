"""Existing models, as programs and the command see them."""

from __future__ import annotations

import pytest

from nebius_model_resource._lifecycle.lookups import CustomModelInfo, get_model, list_models
from nebius_model_resource.errors import AccessDenied, ModelMissing, NebiusError, ServerFault
from tests.support.virtual import Outcome, Service, says, status

NAME = "acme/Base-LoRa:bot-AAAA"


def test_a_model_is_seen_as_the_service_returns_it(service: Service) -> None:
    """Name and base come from the generated name, the rest is unchanged."""
    reported = {"description": "answers", "source": "file-1", "status_reason": "fine", "created_at": 7}
    service.add(NAME, **reported)
    seen = CustomModelInfo(NAME, "bot", "acme/Base", "file-1", "answers", "active", "fine", 7)
    assert get_model(service.client(), NAME) == seen
    assert list_models(service.client()) == [seen]


def test_the_base_of_a_short_name_is_what_the_service_returns(service: Service) -> None:
    """If the name has no base, that of the answer is used."""
    service.always("GET", says({"name": "bot-AAAA", "base_model": "acme/Bass"}))
    assert get_model(service.client(), "bot-AAAA").base_model == "acme/Bass"


def test_the_newest_models_come_first(service: Service) -> None:
    """Deleted ones are left out, those without a time come last, and the list is the project's."""
    for created, code in ((5, "AAAA"), (None, "BBBB"), (9, "CCCC"), (1, "EEEE")):
        service.add(f"acme/Base-LoRa:bot-{code}", created_at=created)
    service.add("acme/Base-LoRa:bot-DDDD", status="deleted")
    names = [each.generated_name[-4:] for each in list_models(service.client(), "p")]
    assert names == ["CCCC", "AAAA", "EEEE", "BBBB"]
    assert service.calls[0].query == {"ai_project_id": "p"}


ADVICE = r": `nebius-models list` shows what there is$"


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (status(404), ModelMissing, rf"^there is no model '{NAME}' at the service{ADVICE}"),
        (status(410), ModelMissing, rf"^there is no model '{NAME}' at the service{ADVICE}"),
        (status(403), ModelMissing, rf"at the service, or this key may not see it{ADVICE}"),
        (says({"name": NAME, "status": "deleted"}), ModelMissing, rf"at the service, it was deleted{ADVICE}"),
        (status(401), AccessDenied, "HTTP 401"),
        (status(500), ServerFault, "HTTP 500"),
    ],
)
def test_a_model_that_is_not_seen_is_missing_or_not_known(
    service: Service, answer: Outcome, error: type[NebiusError], text: str
) -> None:
    """404, 410, 403 and a deleted model are reported as missing; every other error is unchanged."""
    service.always("GET", answer)
    with pytest.raises(error, match=text) as caught:
        get_model(service.client(), NAME)
    assert type(caught.value) is error
    if isinstance(caught.value, ModelMissing):
        assert caught.value.name == NAME
