"""Existing models, as programs, scripts and the command see them."""

from __future__ import annotations

from dataclasses import dataclass

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.models import DELETED, GeneratedName, ModelInfo
from nebius_model_resource.errors import AccessDenied, ModelMissing, NotFound


@dataclass(frozen=True)
class CustomModelInfo:
    """One model at the service; a value that the service does not return is None.

    Attributes:
        generated_name: what ``/v1/chat/completions`` takes as ``model``, and what ``import_`` and
            ``CustomModel.get`` take.
        name: the declared name, without the four letters.
        base_model: as the generated name shows it. The service may leave a flavour such as ``-fast`` out of the name
            (documented so, seen otherwise).
        source: put together from the ids that the service returns.
        description: the text given at creation.
        status: ``validating``, ``active`` or ``error``.
        status_reason: the service's words about the status.
        created_at: Unix time in whole seconds.
    """

    generated_name: str
    name: str
    base_model: str | None
    source: str | None
    description: str | None
    status: str | None
    status_reason: str | None
    created_at: int | None

    @classmethod
    def of(cls, model: ModelInfo) -> CustomModelInfo:
        """The public view of an answer."""
        name = GeneratedName.parse(model.name)
        return cls(
            generated_name=model.name,
            name=name.custom,
            base_model=name.base or model.base_model,
            source=model.source,
            description=model.description,
            status=model.status,
            status_reason=model.status_reason,
            created_at=model.created_at,
        )


def list_models(client: NebiusClient, ai_project_id: str | None = None) -> list[CustomModelInfo]:
    """All models of a project that are not deleted, newest first.

    Raises:
        ApiError, TransportError: the list could not be read.
    """
    models = client.list_models(ai_project_id).models()
    live = [CustomModelInfo.of(model) for model in models if model.status != DELETED]
    return sorted(live, key=lambda model: model.created_at or 0, reverse=True)


def get_model(client: NebiusClient, name: str) -> CustomModelInfo:
    """One model by its generated name, full or short.

    Raises:
        ModelMissing: the model does not exist, or is deleted.
        ApiError, TransportError: it is not known whether the model exists.
    """
    try:
        model = client.get_model(name)
    except NotFound as error:
        raise ModelMissing(name) from error
    except AccessDenied as error:
        if error.status != 403:
            raise
        # The service answers 403 in words that hide whether the model exists (seen live).
        raise ModelMissing(name, hint="or this key may not see it") from error
    if model.status == DELETED:
        raise ModelMissing(name, hint="it was deleted")
    return CustomModelInfo.of(model)
