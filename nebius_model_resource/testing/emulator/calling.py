"""What may be called, and the chat call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from .answers import Answer, Missing, Request, as_json

if TYPE_CHECKING:
    from .core import Service

# The service reports the time at which a base was added.
_BASES_CREATED = 1_735_689_600
# The fields come from a sample in a client's notes; the values are ours.
_MORE = {
    "name": "a model",
    "context_length": 131072,
    "architecture": {"modality": "text->text"},
    "quantization": "fp8",
    "pricing": {"prompt": "0.00000002", "completion": "0.00000006"},
    "per_request_limits": {"requests_per_minute": 60, "tokens_per_minute": 400_000, "burst_ratio": 1.0},
}


class NewCompletion(BaseModel):
    """The body of a call; sampling parameters and other fields are ignored."""

    model: str
    messages: list[dict[str, Any]] = Field(min_length=1)


def _bases(service: Service) -> list[str]:
    settings = service.settings
    return list(dict.fromkeys([*settings.base_models, *(settings.supported_bases or [])]))


def _catalogue(service: Service, request: Request) -> Answer:
    shown = [(base, _BASES_CREATED) for base in _bases(service)]
    project = service.project(request)
    if service.settings.custom_in_catalogue:
        shown += [(model.name, int(model.made_at)) for model in service.models.active(project)]
    more = _MORE if request.query.get("verbose") == "true" else {}
    entries = [
        {"id": name, "object": "model", "created": created, "owned_by": "system", **more}
        for name, created in shown
    ]
    return as_json({"object": "list", "data": entries})


def _complete(service: Service, request: Request) -> Answer:
    new = request.read(NewCompletion)
    if new.model not in _bases(service) and not _may_call(service, request, new.model):
        # Captured for an unknown model. The same answer for a model that is not active, or is called by its short
        # name, is our choice: nothing is documented.
        raise Missing("model", new.model)
    message = {"role": "assistant", "content": service.settings.completion_text}
    # A token is a word here.
    prompt = sum(len(str(each.get("content")).split()) for each in new.messages)
    usage = {"prompt_tokens": prompt, "completion_tokens": len(message["content"].split())}
    document = {
        "id": f"chatcmpl-{service.request_id()}",
        "object": "chat.completion",
        "created": int(service.clock()),
        "model": new.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {**usage, "total_tokens": sum(usage.values())},
    }
    return as_json(document)


def _may_call(service: Service, request: Request, name: str) -> bool:
    project = service.key_project(request.headers.get("authorization"))
    own = None if project == service.settings.default_project else project
    keys = {each.routing_key for each in service.endpoints.all(own) if each.is_routable}
    return name in {*keys, *(model.name for model in service.models.active(own))}


ROUTES = (
    ("GET", "/v1/models", _catalogue),
    ("POST", "/v1/chat/completions", _complete),
)
