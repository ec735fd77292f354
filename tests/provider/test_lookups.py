"""Existing models and checkpoints, as programs, scripts and the command see them."""

from __future__ import annotations

from typing import Any

import pytest

from nebius_model_resource import errors
from nebius_model_resource._provider import lookups
from nebius_model_resource._provider.lookups import (
    checkpoints_of,
    get_endpoint,
    get_model,
    latest_checkpoint,
    list_endpoints,
    list_templates,
)
from nebius_model_resource._service.settings import Configuration
from nebius_model_resource._service.types import CustomModelInfo, EndpointTemplate
from tests.support.outcomes import says, status
from tests.support.virtual import Outcome, Service, done

NAME = "acme/Base-LoRa:bot-AAAA"


def test_a_model_is_seen_as_the_service_reports_it(service: Service) -> None:
    """Name and base come from the generated name, or from the answer where that has no base."""
    reported = {"description": "answers", "source": "file-1", "status_reason": "fine", "created_at": 7}
    service.add(NAME, **reported)
    seen = CustomModelInfo(NAME, "bot", "acme/Base", "file-1", "answers", "active", "fine", 7)
    assert get_model(service.client(), NAME) == seen
    assert lookups.list_models(service.client()) == [seen]
    service.always("GET", says({"name": "bot-AAAA", "base_model": "acme/Bass"}))
    assert get_model(service.client(), "bot-AAAA").base_model == "acme/Bass"


def test_the_newest_models_come_first(service: Service) -> None:
    """Deleted ones are left out, those without a time come last, and the list is the project's."""
    for created, code in ((5, "AAAA"), (None, "BBBB"), (9, "CCCC"), (1, "EEEE")):
        service.add(f"acme/Base-LoRa:bot-{code}", created_at=created)
    service.add("acme/Base-LoRa:bot-DDDD", status="deleted")
    names = [each.generated_name[-4:] for each in lookups.list_models(service.client(), "p")]
    assert names == ["CCCC", "AAAA", "EEEE", "BBBB"]
    assert service.requests[0].query == {"ai_project_id": "p"}


DELETED = says({"name": NAME, "status": "deleted"})
ADVICE = ": `nebius-models list` shows what there is$"


@pytest.mark.parametrize(
    ("outcome", "error", "text"),
    [
        (status(404), errors.Missing, f"^there is no model '{NAME}' at the service{ADVICE}"),
        (status(403), errors.Missing, f"at the service, or this key may not see it{ADVICE}"),
        (DELETED, errors.Missing, f"at the service, it was deleted{ADVICE}"),
        (status(401), errors.AccessDenied, "HTTP 401"),
        (status(500), errors.ServerFault, "HTTP 500"),
    ],
)
def test_a_model_that_is_not_seen_is_missing_or_not_known(
    service: Service, outcome: Outcome, error: type[errors.NebiusError], text: str
) -> None:
    """404, 410, 403 and a deleted model are reported as missing; every other error is unchanged."""
    service.always("GET", outcome)
    with pytest.raises(error, match=text) as caught:
        get_model(service.client(), NAME)
    assert type(caught.value) is error
    if isinstance(caught.value, errors.Missing):
        assert caught.value.name == NAME


def checkpoint(number: int, **reported: Any) -> dict[str, Any]:
    """A checkpoint as the service reports it."""
    return {"id": f"ftckpt_{number}", **reported}


@pytest.mark.parametrize(
    ("checkpoints", "order"),
    [
        ([checkpoint(3, step_number=30), checkpoint(1, step_number=9), checkpoint(2, step_number=10)], "123"),
        ([checkpoint(2, step_number=5, created_at=20), checkpoint(1, step_number=5, created_at=10)], "12"),
        ([checkpoint(2, metrics={"step": 20}), checkpoint(1, step_number=10)], "12"),
        ([checkpoint(2, step_number=0), checkpoint(1)], "12"),
    ],
)
def test_checkpoints_are_in_the_order_of_the_training(
    service: Service, checkpoints: list[dict[str, Any]], order: str
) -> None:
    """They are sorted by step, then by age, then as the service lists them; the last one is the latest."""
    service.jobs["ftjob-1"] = {"status": "succeeded", "model": "a/b", "checkpoints": checkpoints}
    found = checkpoints_of(service.client(), "ftjob-1")
    assert "".join(each.id[-1] for each in found) == order
    assert latest_checkpoint(service.client(), "ftjob-1") == found[-1]
    assert found[-1].source == f"ftjob-1:{found[-1].id}"


RUNNING = {"status": "running", "trained_steps": 13, "total_steps": 52}
LATER = "try again when it has succeeded"


@pytest.mark.parametrize(
    ("job", "why"),
    [
        ({"status": "failed", "error": {"message": "empty"}}, "failed: empty; use a job that succeeded"),
        ({"status": "failed"}, "failed: the service gives no reason; use a job that succeeded"),
        ({"status": "cancelled"}, "has not succeeded (status 'cancelled'): use a job that succeeded"),
        (RUNNING, f"is not finished (status 'running', 13 of 52 steps): {LATER}"),
        ({"status": "queued"}, f"is not finished (status 'queued'): {LATER}"),
        ({"status": "succeeded", "checkpoints": []}, "succeeded without a checkpoint: use another job"),
    ],
)
def test_a_job_without_a_usable_checkpoint_is_one_line(
    service: Service, job: dict[str, Any], why: str
) -> None:
    """The message has the job's status, error or progress, and what to do."""
    service.jobs["ftjob-1"] = job
    with pytest.raises(errors.CheckpointMissing) as caught:
        latest_checkpoint(service.client(), "ftjob-1")
    assert str(caught.value) == f"fine-tuning job 'ftjob-1' {why}"


@pytest.mark.parametrize("kind", ["JOB", "CHECKPOINTS"])
@pytest.mark.parametrize(
    ("outcome", "error", "text"),
    [
        (status(404), errors.CheckpointMissing, "no fine-tuning job 'ftjob-1' at the service: check the id"),
        (
            status(403),
            errors.CheckpointMissing,
            "'ftjob-1' at the service, or this key may not see it: check",
        ),
        (status(401), errors.AccessDenied, "HTTP 401"),
        (done, errors.UnusableAnswer, "is not complete"),
        (status(429, Retry_After="25"), errors.DeadlineExceeded, "more than is left"),
    ],
)
def test_a_job_that_is_not_seen_is_missing_or_not_known(
    service: Service, kind: str, outcome: Outcome, error: type[errors.NebiusError], text: str
) -> None:
    """This holds for both calls, which share one minute."""
    service.jobs["ftjob-1"] = {"status": "succeeded", "checkpoints": [checkpoint(1), {}]}
    service.always(kind, outcome)
    with pytest.raises(error, match=text):
        checkpoints_of(service.client(), "ftjob-1")
    assert service.time.now <= 62


def test_endpoints_and_templates_are_those_of_a_project(service: Service) -> None:
    """The list of the project counts, newest first, and each endpoint has the URL of its own region."""
    service.endpoints["e-1"] = {"id": "e-1", "routing_key": "dedicated/a", "created_at": 1}
    service.endpoints["e-2"] = {"id": "e-2", "routing_key": "dedicated/b", "region": "eu-west1"}
    service.templates = [
        {
            "name": "acme/Base",
            "type": "text",
            "metadata": {"vendor": "acme", "size_b": 8, "context_window_k": 128},
        }
    ]
    client = service.client()
    assert [each.endpoint_id for each in list_endpoints(client, "p")] == ["e-1", "e-2"]
    assert get_endpoint(client, "dedicated/b", "p").inference_url == "https://service.test/v1"
    [template] = list_templates(client, "p")
    assert template == EndpointTemplate("acme/Base", "text", "acme", 8.0, 128, {})
    assert [request.query for request in service.requests] == [{"ai_project_id": "p"}] * 3
    with pytest.raises(errors.Missing, match="there is no endpoint 'dedicated/c' at the service"):
        get_endpoint(client, "dedicated/c")


@pytest.mark.parametrize("given", [None, "q"])
def test_a_function_looks_in_the_project_that_is_given_or_configured(
    service: Service, given: str | None
) -> None:
    """An argument comes before the configuration; what has no such argument takes the configured project."""
    configured = Configuration({"nebius-models:aiProjectId": "p"}.get)
    service.endpoints["e-1"] = {"id": "e-1"}
    for function in (lookups.LIST_CUSTOM_MODELS, lookups.LIST_ENDPOINTS, lookups.LIST_TEMPLATES):
        function.call(service.client(), configured, given)
    lookups.GET_ENDPOINT.call(service.client(), configured, "e-1")
    assert [each.query["ai_project_id"] for each in service.requests] == [given or "p"] * 3 + ["p"]
