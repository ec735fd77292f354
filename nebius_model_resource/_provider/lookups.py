"""Existing models, checkpoints and endpoints, as programs, scripts and the command see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from nebius_model_resource import errors
from nebius_model_resource._provider.listing import ENDPOINTS, MODELS, Collection
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.names import inference_url
from nebius_model_resource._service.retry import Deadline
from nebius_model_resource._service.settings import Configuration
from nebius_model_resource._service.types import (
    DELETED,
    Checkpoint,
    CustomModelInfo,
    DedicatedEndpointInfo,
    EndpointTemplate,
    Job,
)

_SECONDS = 60.0  # for all calls that one look-up needs
SUCCEEDED, _FAILED = "succeeded", "failed"
_T = TypeVar("_T")
_WAITING = ("validating_files", "queued", "running")


def list_models(client: Client, project: str | None = None) -> list[CustomModelInfo]:
    """All models of a project that are not deleted, newest first.

    Raises:
        ApiError, TransportError: the list could not be read.
    """
    live = [model for model in client.list_models(project).entries if model.status != DELETED]
    return sorted(live, key=lambda model: model.created_at or 0, reverse=True)


def get_model(client: Client, name: str) -> CustomModelInfo:
    """One model by its generated name, full or short.

    Raises:
        Missing: the model does not exist, or is deleted.
        ApiError, TransportError: it is not known whether the model exists.
    """
    try:
        model = client.get_model(name)
    except errors.NotFound as error:
        raise errors.Missing("model", name) from error
    except errors.AccessDenied as error:
        if error.status != 403:
            raise
        # The service's 403 hides whether the model exists (so in published captures of other endpoints).
        raise errors.Missing("model", name, hint="or this key may not see it") from error
    if model.status == DELETED:
        raise errors.Missing("model", name, hint="it was deleted")
    return model


def list_endpoints(client: Client, project: str | None = None) -> list[DedicatedEndpointInfo]:
    """All dedicated endpoints of a project, newest first.

    Raises:
        ApiError, TransportError: the list could not be read.
    """
    found = client.list_endpoints(project).entries
    base_url = client.settings.base_url
    shown = [replace(each, inference_url=inference_url(base_url, each.region)) for each in found]
    return sorted(shown, key=lambda endpoint: endpoint.created_at or 0, reverse=True)


def get_endpoint(client: Client, name: str, project: str | None = None) -> DedicatedEndpointInfo:
    """One dedicated endpoint by its id or its routing key.

    Raises:
        Missing: the list of the project does not have it.
        ApiError, TransportError: the list could not be read.
    """
    for endpoint in list_endpoints(client, project):
        if name in (endpoint.endpoint_id, endpoint.routing_key):
            return endpoint
    raise errors.Missing("endpoint", name)


def list_templates(client: Client, project: str | None = None) -> list[EndpointTemplate]:
    """What dedicated endpoints can serve, in the order of the service.

    Raises:
        ApiError, TransportError: the list could not be read.
    """
    return list(client.list_templates(project).entries)


def checkpoints_of(client: Client, job_id: str) -> list[Checkpoint]:
    """All checkpoints of a job that succeeded, at least one, in the order of the training: the last one is final.

    Raises:
        CheckpointMissing: the job does not exist, has not succeeded, or has no checkpoint.
        ApiError, TransportError: the service did not return them.
    """
    deadline = client.deadline(_SECONDS)
    try:
        job = client.get_job(job_id, deadline)
        if job.status != SUCCEEDED:
            raise errors.CheckpointMissing(f"fine-tuning job {job_id!r} {why_not(job)}")
        checkpoints = complete_checkpoints(client, job, deadline)
    except (errors.NotFound, errors.AccessDenied) as error:
        if error.status == 401:
            raise
        hidden = ", or this key may not see it" if isinstance(error, errors.AccessDenied) else ""
        raise errors.CheckpointMissing(
            f"there is no fine-tuning job {job_id!r} at the service{hidden}",
            "check the id, and that the key belongs to the job's project",
        ) from error
    if not checkpoints:
        raise errors.CheckpointMissing(
            f"fine-tuning job {job_id!r} succeeded without a checkpoint", "use another job"
        )
    return sorted(checkpoints, key=_order)


def complete_checkpoints(client: Client, job: Job, deadline: Deadline) -> tuple[Checkpoint, ...]:
    """The checkpoints of a job in the service's order.

    Raises:
        UnusableAnswer: the list is not complete: without one entry another would pass for the latest.
    """
    listing = client.list_checkpoints(job, deadline)
    if not listing.complete:
        raise errors.UnusableAnswer(f"the service's list of the checkpoints of {job.id!r} is not complete")
    return listing.entries


def latest_checkpoint(client: Client, job_id: str) -> Checkpoint:
    """The final checkpoint of a job; errors as for :func:`checkpoints_of`."""
    return checkpoints_of(client, job_id)[-1]


def _order(checkpoint: Checkpoint) -> tuple[float, int]:
    step = checkpoint.step_number
    return (checkpoint.metrics.get("step", -1) if step is None else step, checkpoint.created_at or 0)


def why_not(job: Job) -> str:
    """Why a job that has not succeeded cannot be used, and what to do; its id goes in front."""
    if job.status == _FAILED:
        return f"failed: {job.error or 'the service gives no reason'}; use a job that succeeded"
    if job.status in _WAITING:
        steps = f", {job.trained_steps or 0} of {job.total_steps} steps" if job.total_steps else ""
        return f"is not finished (status {job.status!r}{steps}): try again when it has succeeded"
    return f"has not succeeded (status {job.status!r}): use a job that succeeded"


@dataclass(frozen=True)
class Function(Generic[_T]):
    """A function that programs call.

    Attributes:
        name: as in Python; the schema has it in camel case.
        look_up: what it calls with a client, its argument and, with ``in_project``, the configured project.
        argument: the name of its argument.
        results: the name of the list that the plugin returns; empty if it returns one thing.
        in_project: whether it looks in one project; an argument of that name has the project itself.
        collection: what it is about.
    """

    name: str
    look_up: Callable[..., _T]
    argument: str
    results: str = ""
    in_project: bool = False
    collection: Collection[Any] = MODELS

    def call(self, client: Client, configuration: Configuration, argument: Any) -> _T:
        """Look up.

        Raises:
            NebiusError: what ``look_up`` raises; or the argument is missing.
        """
        if self.argument == PROJECT_ARGUMENT:
            return self.look_up(client, argument or configuration.project())
        if not argument or not isinstance(argument, str):
            wrong = f"must be a text, not {type(argument).__name__}" if argument else "missing: give a text"
            raise errors.InvalidInputs([errors.Fault(self.argument, wrong)])
        return self.look_up(client, argument, *[configuration.project()] * self.in_project)


PROJECT_ARGUMENT = "ai_project_id"  # the only one that a call need not give
LIST_CUSTOM_MODELS = Function("list_custom_models", list_models, PROJECT_ARGUMENT, "models")
GET_CUSTOM_MODEL = Function("get_custom_model", get_model, "name")
GET_CHECKPOINTS = Function("get_fine_tuning_checkpoints", checkpoints_of, "job_id", "checkpoints")
GET_LATEST_CHECKPOINT = Function("get_latest_checkpoint", latest_checkpoint, "job_id")
LIST_ENDPOINTS = Function(
    "list_dedicated_endpoints", list_endpoints, PROJECT_ARGUMENT, "endpoints", collection=ENDPOINTS
)
GET_ENDPOINT = Function("get_dedicated_endpoint", get_endpoint, "id", in_project=True, collection=ENDPOINTS)
LIST_TEMPLATES = Function(
    "list_endpoint_templates", list_templates, PROJECT_ARGUMENT, "templates", collection=ENDPOINTS
)
