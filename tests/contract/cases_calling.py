"""Calling a model, and the list of what may be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.outcome import Case, DiffersError, section
from tests.contract.shapes import (
    ARRAY,
    OBJECT,
    TEXT,
    TEXT_OR_NULL,
    WHOLE,
    array,
    detail,
    fields,
    same,
    status,
)

if TYPE_CHECKING:
    from tests.contract.caller import Reply
    from tests.contract.visit import Visit

CASES: list[Case] = []
NO_MODEL = "nobody/has-no-such-model"
ENTRY = {"id": TEXT, "object": TEXT, "created": WHOLE, "owned_by": TEXT}


@section("8", CASES)
def chat(visit: Visit) -> str | None:
    """a chat call of the full name answers a completion that echoes the name"""
    name = visit.active()
    reply = _call(visit, name)
    status(reply, 200)
    document = reply.document
    note = fields(
        document, "the answer", id=TEXT, object=TEXT, created=WHOLE, model=TEXT, choices=ARRAY, usage=OBJECT
    )
    same("model", document["model"], name)
    same("object", document["object"], "chat.completion")
    for choice in document["choices"]:
        fields(choice, "a choice", index=WHOLE, message=OBJECT, finish_reason=TEXT)
        fields(choice["message"], "a message", role=TEXT, content=TEXT_OR_NULL)
    fields(document["usage"], "usage", prompt_tokens=WHOLE, completion_tokens=WHOLE, total_tokens=WHOLE)
    if not document["choices"]:
        raise DiffersError("there is no choice")
    return note


@section("8", CASES)
def chat_unknown(visit: Visit) -> None:
    """a chat call of an unknown model is 404 with the captured text"""
    reply = _call(visit, NO_MODEL)
    status(reply, 404)
    same("the text", detail(reply), f"The model `{NO_MODEL}` does not exist.")


@section("8", CASES)
def catalogue(visit: Visit) -> None:
    """GET /v1/models is a list object of models"""
    _catalogue(visit.caller.call("GET", "/v1/models", params=visit.query))


@section("8", CASES)
def catalogue_has_custom_models(visit: Visit) -> str:
    """GET /v1/models has the active custom model, or not (claimed by one client, not documented)"""
    name = visit.active()
    reply = visit.caller.call("GET", "/v1/models", params=visit.query)
    return "it has" if name in {each["id"] for each in _catalogue(reply)} else "it has not"


@section("8", CASES)
def catalogue_verbose(visit: Visit) -> str | None:
    """GET /v1/models?verbose=true tells more of each model"""
    reply = visit.caller.call("GET", "/v1/models", params={**visit.query, "verbose": "true"})
    entries = _catalogue(reply)
    further = ("name", "context_length", "architecture", "quantization", "pricing", "per_request_limits")
    lacking = [name for name in further if not any(name in each for each in entries)]
    if entries and lacking:
        raise DiffersError(f"no entry has {', '.join(repr(name) for name in lacking)}")
    return None if entries else "it is empty"


def _call(visit: Visit, model: str) -> Reply:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    return visit.caller.call("POST", "/v1/chat/completions", json=body, params=visit.query)


def _catalogue(reply: Reply) -> list[dict[str, str]]:
    status(reply, 200)
    fields(reply.document, "the answer", object=TEXT, data=ARRAY)
    same("object", reply.document["object"], "list")
    entries = array(reply.document["data"], "data")
    for each in entries:
        fields(each, "an entry", **ENTRY)
    return entries
