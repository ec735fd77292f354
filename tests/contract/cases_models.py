"""Custom models: list, create and read."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from tests.contract.outcome import Case, DiffersError, NotReachedError, section
from tests.contract.shapes import (
    ARRAY,
    NUMBER_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    WHOLE,
    array,
    detail,
    fields,
    lacks,
    same,
    status,
)
from tests.contract.visit import DESCRIPTION, INFIX

if TYPE_CHECKING:
    from tests.contract.caller import Reply
    from tests.contract.visit import Visit

CASES: list[Case] = []
REFUSAL = "does not support LoRa inference yet"
DAY = 86_400
CREATED: dict[str, tuple[type, ...]] = {
    "name": TEXT,
    "base_model": TEXT,
    "source": TEXT,
    "created_at": WHOLE,
    "status": TEXT,
}
READ: dict[str, tuple[type, ...]] = {
    "type": TEXT,
    "name": TEXT,
    "status": TEXT,
    "status_reason": TEXT_OR_NULL,
    "checkpoint_id": TEXT_OR_NULL,
    "job_id": TEXT_OR_NULL,
    "file_id": TEXT_OR_NULL,
    "url": TEXT_OR_NULL,
    "created_at": WHOLE,
    "description": TEXT_OR_NULL,
    "vendor": TEXT_OR_NULL,
    "tags": ARRAY,
    "use_cases": ARRAY,
    "quality": NUMBER_OR_NULL,
    "context_window_k": NUMBER_OR_NULL,
    "size_b": NUMBER_OR_NULL,
}
ORIGINS = ("checkpoint_id", "job_id", "file_id", "url")


@section("2", CASES)
def bare_list(visit: Visit) -> None:
    """the list of models is a bare JSON array of objects with a name"""
    reply = visit.read_list()
    status(reply, 200)
    for each in array(reply.document, "the list"):
        fields(each, "an entry", name=TEXT)


@section("0", CASES)
def offered(visit: Visit) -> str:
    """create makes a model, or refuses the base as it does since July 2026"""
    reply = visit.creation()
    if reply.status == 400:
        if REFUSAL not in detail(reply):
            raise NotReachedError(f"create answered {reply.told()}")
        return f"refuses: {detail(reply)}"
    status(reply, 200, 201)
    return "makes a model"


@section("3", CASES)
def created_fields(visit: Visit) -> str | None:
    """create answers the documented fields, the description included, and no id"""
    document = visit.created()
    note = fields(document, "the answer", **CREATED, description=TEXT_OR_NULL)
    lacks(document, "the answer", "id")
    return note


@section("3", CASES)
def created_values(visit: Visit) -> None:
    """create repeats base, source and description, and is validating as of now"""
    document = visit.created()
    fields(document, "the answer", **CREATED, description=TEXT_OR_NULL)
    for name, given in (("base_model", visit.plan.base_model), ("source", visit.plan.source)):
        if document[name] != given:
            # The source is private, so neither value is shown.
            raise DiffersError(f"{name!r} is not the one that was sent")
    same("description", document["description"], DESCRIPTION)
    same("status", document["status"], "validating")
    if abs(document["created_at"] - time.time()) > DAY:
        raise DiffersError("created_at is not Unix time in seconds")


@section("3", CASES)
def name_form(visit: Visit) -> str:
    """the name is <base>-LoRa:<name>-<four letters>; create answers it full (2025) or short (Apr 2025)"""
    name = visit.given_name()
    short = name.rpartition(INFIX)[2]
    if not re.fullmatch(re.escape(visit.name) + "-[A-Za-z]{4}", short):
        raise DiffersError(f"the short name is {short!r}")
    full = visit.full_name()
    base = visit.plan.base_model
    head = full.rpartition(INFIX)[0]
    if head not in {base, base.removesuffix("-fast")}:
        raise DiffersError(f"the full name is {full!r}")
    kept = "" if head == base else ", without -fast as documented"
    return ("full" if INFIX in name else "short") + kept


@section("2", CASES)
def listed(visit: Visit) -> str | None:
    """the list has the new model under its full name, with the fields of a read"""
    entry = visit.entry()
    if INFIX not in entry["name"]:
        raise DiffersError(f"the list has the name {entry['name']!r}")
    return fields(entry, "the entry", **READ)


@section("4", CASES)
def first_read(visit: Visit) -> str:
    """the first read finds the model, or not yet, or without a status (seen in Dec 2025)"""
    reply = visit.first_read()
    code = status(reply, 200, 404, 403)
    if code != 200:
        return f"not yet: answered {code}"
    fields(reply.document, "the answer", name=TEXT)
    if "status" not in reply.document:
        return "without a status"
    return f"status {reply.document['status']!r}"


@section("4", CASES)
def becomes_active(visit: Visit) -> None:
    """a model that validates becomes active, and then has no status_reason"""
    document = visit.settled()
    if document["status"] not in {"active", "error"}:
        raise DiffersError(f"the status is {document['status']!r}")
    visit.active()
    same("status_reason", document.get("status_reason"), None)


@section("4", CASES)
def read_fields(visit: Visit) -> str | None:
    """a read has the fields seen live"""
    document = visit.settled()
    note = fields(document, "the answer", **READ)
    same("type", document["type"], "text2text")
    return note


@section("4", CASES)
def read_lacks(visit: Visit) -> None:
    """a read has no base_model and no source"""
    lacks(visit.settled(), "the answer", "base_model", "source")


@section("4", CASES)
def read_values(visit: Visit) -> str:
    """a read repeats created_at and description, and tells where the model came from"""
    document = visit.settled()
    fields(document, "the answer", **READ)
    same("created_at", document["created_at"], visit.created()["created_at"])
    same("description", document["description"], DESCRIPTION)
    given = [name for name in ORIGINS if document[name] is not None]
    source = str(visit.plan.source)
    wanted = {"ftjob-": ["checkpoint_id", "job_id"], "file-": ["file_id"]}
    for start, names in wanted.items():
        if source.startswith(start):
            same("what is not null", given, names)
    return f"not null: {', '.join(given) or 'none'}; vendor {document['vendor']!r}"


@section("2", CASES)
def by_short_name(visit: Visit) -> None:
    """a model is read by its short name"""
    visit.settled()
    _is_found(visit, visit.read(visit.short_name()))


@section("2", CASES)
def by_raw_name(visit: Visit) -> None:
    """a model is read by its full name as it is"""
    visit.settled()
    _is_found(visit, visit.read(visit.full_name(), encoded=False))


@section("2", CASES)
def by_encoded_name(visit: Visit) -> None:
    """a model is read by its full name, percent-encoded"""
    visit.settled()
    _is_found(visit, visit.read(visit.full_name()))


def _is_found(visit: Visit, reply: Reply) -> None:
    status(reply, 200)
    document: Any = reply.document
    fields(document, "the answer", name=TEXT, status=TEXT)
    same("name", document["name"], visit.full_name())
