"""The route of chat completions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from . import answers
from .answers import Answer
from .routes import respond

if TYPE_CHECKING:
    from .service import Service

STREAM_TYPE = "text/event-stream; charset=utf-8"


class Message(BaseModel):
    """One turn of a chat; fields beyond these are ignored."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """What OpenAI's clients may ask of a stream."""

    include_usage: bool = False


class NewCompletion(BaseModel):
    """The body of a call; sampling parameters and other fields are ignored."""

    model: str
    messages: list[Message] = Field(min_length=1)
    n: int | None = Field(default=None, ge=1, le=128)
    stream: bool | None = None
    stream_options: StreamOptions | None = None


def completion_routes(service: Service) -> APIRouter:
    """Return the chat call."""
    router = APIRouter()

    @router.post("/v1/chat/completions")
    async def complete(request: Request, new: NewCompletion, ai_project_id: str | None = None) -> Response:  # noqa: ARG001 - documented, without effect here
        key_project = service.key_project(request.headers.get("authorization"))
        return respond(_complete(service, new, key_project))

    return router


def _complete(service: Service, new: NewCompletion, key_project: str | None) -> Answer:
    if not service.may_call(new.model, key_project):
        # Seen live for an unknown model. The same answer for a model that is still validating, has failed,
        # or is called by its short name is our choice: nothing is documented.
        return answers.unknown_model(new.model, hidden=False)
    # Seen live next to `x-request-id`.
    headers = {"x-inference-id": service.request_id()}
    identity = {
        "id": f"chatcmpl-{service.request_id()}",
        "created": int(service.clock()),
        "model": new.model,
        "service_tier": None,
        "system_fingerprint": None,
    }
    if new.stream:
        return Answer(200, _stream(service, new, identity), {"content-type": STREAM_TYPE, **headers})
    document = {
        **identity,
        "object": "chat.completion",
        "choices": [_choice(index, service.settings.completion_text) for index in range(new.n or 1)],
        "usage": _usage(service, new),
        "prompt_logprobs": None,
    }
    return answers.as_json(document, headers=headers)


def _choice(index: int, text: str) -> dict[str, Any]:
    """Return a choice with all fields of one seen live in Dec 2025."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text,
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
        "tool_calls": [],
        "reasoning_content": None,
    }
    return {
        "index": index,
        "message": message,
        "finish_reason": "stop",
        "logprobs": None,
        "stop_reason": None,
    }


def _usage(service: Service, new: NewCompletion) -> dict[str, Any]:
    # A token is a word here.
    prompt = sum(len(_text(message).split()) for message in new.messages)
    completion = len(service.settings.completion_text.split()) * (new.n or 1)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "completion_tokens_details": None,
        "prompt_tokens_details": None,
    }


def _text(message: Message) -> str:
    if isinstance(message.content, list):
        return " ".join(str(part.get("text", "")) for part in message.content)
    return message.content or ""


def _stream(service: Service, new: NewCompletion, identity: dict[str, Any]) -> bytes:
    """Return all events of a stream, in the form that OpenAI's clients read; no capture of one was found."""
    chunk = {**identity, "object": "chat.completion.chunk"}
    chunks: list[dict[str, Any]] = []
    for index in range(new.n or 1):
        deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": part} for part in _parts(service.settings.completion_text)]
        chunks += [{**chunk, "choices": [_part(index, delta)]} for delta in deltas]
        chunks.append({**chunk, "choices": [_part(index, {}, "stop")]})
    if new.stream_options is not None and new.stream_options.include_usage:
        chunks.append({**chunk, "choices": [], "usage": _usage(service, new)})
    lines = [f"data: {json.dumps(each, separators=(',', ':'))}\n\n" for each in chunks]
    return "".join([*lines, "data: [DONE]\n\n"]).encode("ascii")


def _parts(text: str) -> list[str]:
    first, *rest = text.split(" ")
    return [first, *(f" {word}" for word in rest)]


def _part(index: int, delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}
