"""Deleting the model; these cases come last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.cases_models import CREATED
from tests.contract.outcome import Case, DiffersError, NotReachedError, section
from tests.contract.shapes import TEXT, array, fields, same, status

if TYPE_CHECKING:
    from tests.contract.visit import Visit

CASES: list[Case] = []


@section("2", CASES)
def deletion(visit: Visit) -> str | None:
    """a delete answers the object of the create with status deleted"""
    reply = visit.deletion()
    status(reply, 200)
    note = fields(reply.document, "the answer", **CREATED)
    same("status", reply.document["status"], "deleted")
    if reply.document["name"] not in {visit.full_name(), visit.short_name()}:
        raise DiffersError(f"the name is {reply.document['name']!r}")
    return note


@section("4", CASES)
def read_after_delete(visit: Visit) -> str:
    """a deleted model is not found or has the status deleted (not documented which)"""
    _deleted(visit)
    reply = visit.read(visit.full_name())
    if status(reply, 404, 403, 200) == 200:
        fields(reply.document, "the answer", status=TEXT)
        same("status", reply.document["status"], "deleted")
        return "still there, as deleted"
    return f"answered {reply.told()}"


@section("4", CASES)
def list_after_delete(visit: Visit) -> str:
    """the list has no longer the deleted model, or has it as deleted (not documented which)"""
    _deleted(visit)
    reply = visit.read_list()
    status(reply, 200)
    name = visit.full_name()
    entries = [each for each in array(reply.document, "the list") if isinstance(each, dict)]
    mine = [each.get("status") for each in entries if each.get("name") == name]
    if mine and mine != ["deleted"]:
        raise DiffersError(f"the list has it with status {mine[0]!r}")
    return "as deleted" if mine else "not there"


@section("4", CASES)
def second_delete(visit: Visit) -> str:
    """a second delete finds nothing, or succeeds again (not documented which)"""
    _deleted(visit)
    reply = visit.remove_again()
    status(reply, 404, 403, 200)
    return f"answered {reply.told()}"


def _deleted(visit: Visit) -> None:
    reply = visit.deletion()
    if reply.status >= 300:
        raise NotReachedError(f"needs a deleted model, and the delete answered {reply.told()}")
