"""Errors that need no model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.caller import BAD_KEY
from tests.contract.outcome import Case, DiffersError, section
from tests.contract.shapes import TEXT, array, detail, fields, same, status

if TYPE_CHECKING:
    from tests.contract.visit import Visit

CASES: list[Case] = []
NO_TOKEN = "Couldn't authenticate. Reason: token is not present"
BAD_TOKEN = "Couldn't authenticate. Reason: Unable authenticate"
NO_ACCESS = "You don't have access to the resource or it does not exist"
NO_BASE = "nobody/has-no-such-base"
NO_MODEL = "meta-llama/Meta-Llama-3.1-8B-Instruct-LoRa:nobody-has-this-one-ZzZz"


@section("5", CASES)
def no_key(visit: Visit) -> None:
    """a call without a key is 401"""
    reply = visit.caller.call("GET", "/v0/models", key=None)
    status(reply, 401)
    same("the text", detail(reply), NO_TOKEN)


@section("5", CASES)
def bad_key(visit: Visit) -> None:
    """a call with a key that is none is 401"""
    reply = visit.caller.call("GET", "/v0/models", key=BAD_KEY)
    status(reply, 401)
    same("the text", detail(reply), BAD_TOKEN)


@section("5", CASES)
def request_id(visit: Visit) -> None:
    """answers carry x-request-id"""
    if not visit.read_list().headers.get("x-request-id"):
        raise DiffersError("no header x-request-id")


@section("5", CASES)
def unknown_model(visit: Visit) -> str:
    """an unknown model is 404, or the 403 that hides what there is (not documented which)"""
    reply = visit.read(NO_MODEL)
    code = status(reply, 404, 403)
    if code == 403:
        same("the text", detail(reply), NO_ACCESS)
    return f"answered {code} {detail(reply)!r}"


@section("5", CASES)
def wrong_body(visit: Visit) -> None:
    """a create with a wrong body is 422 and names every field"""
    reply = visit.post(name=1)
    status(reply, 422)
    fields(reply.document, "the error", detail=(list,))
    items = array(reply.document["detail"], "detail")
    for item in items:
        fields(item, "an item of detail", loc=(list,), msg=TEXT, type=TEXT)
    named = {str(item["loc"][-1]) for item in items if item["loc"]}
    if lacking := {"name", "base_model", "source"} - named:
        raise DiffersError(f"detail does not name {', '.join(sorted(lacking))}")


@section("5", CASES)
def unsupported_base(visit: Visit) -> str:
    """a create on a base that is not supported is 400 with the list of those that are"""
    reply = visit.post(name=visit.name, base_model=NO_BASE, source="huggingface.co/nobody/nothing")
    status(reply, 400)
    text = detail(reply)
    wanted = f"Base model {NO_BASE} does not support LoRa inference yet, list of supported models: "
    if not text.startswith(wanted):
        raise DiffersError(f"the text is {text!r}")
    return f"supported models: {text.removeprefix(wanted)}"
