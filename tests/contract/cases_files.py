"""Files and fine-tuning jobs; no case starts a job, because that costs money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.contract.outcome import Case, DiffersError, NotReachedError, section
from tests.contract.shapes import (
    ARRAY,
    NUMBER_OR_NULL,
    OBJECT,
    TEXT,
    TEXT_OR_NULL,
    WHOLE,
    YES_NO,
    array,
    fields,
    same,
    status,
)
from tests.contract.visit import ROWS

if TYPE_CHECKING:
    from tests.contract.visit import Visit

CASES: list[Case] = []
FILE: dict[str, tuple[type, ...]] = {
    "id": TEXT,
    "bytes": WHOLE,
    "created_at": WHOLE,
    "filename": TEXT,
    "object": TEXT,
    "purpose": TEXT,
}
JOB: dict[str, tuple[type, ...]] = {
    "id": TEXT,
    "created_at": WHOLE,
    "finished_at": NUMBER_OR_NULL,
    "status": TEXT,
    "model": TEXT,
    "training_file": TEXT_OR_NULL,
    "hyperparameters": OBJECT,
    "result_files": ARRAY,
    "object": TEXT,
    "organization_id": TEXT_OR_NULL,
}
STATES = {"validating_files", "queued", "running", "succeeded", "failed", "cancelled"}
REDIRECTS = (301, 302, 303, 307, 308)


@section("6", CASES)
def upload(visit: Visit) -> str | None:
    """an upload answers the documented file"""
    document = _answered(visit)
    note = fields(document, "the answer", **FILE)
    same("object", document["object"], "file")
    same("bytes", document["bytes"], len(ROWS))
    same("purpose", document["purpose"], "fine-tune")
    if not document["id"].startswith("file-"):
        raise DiffersError("the id does not begin with file-")
    return note


@section("6", CASES)
def read_file(visit: Visit) -> None:
    """a file is read by its id and is what the upload answered"""
    document = _uploaded(visit)
    reply = visit.caller.call("GET", _path(document))
    status(reply, 200)
    fields(reply.document, "the answer", **FILE)
    same("id", reply.document["id"], document["id"])


@section("6", CASES)
def content(visit: Visit) -> str:
    """the content of a file is what was uploaded, or a redirect to it"""
    reply = visit.caller.call("GET", _path(_uploaded(visit)) + "/content")
    code = status(reply, 200, *REDIRECTS)
    if code != 200:
        return f"redirects with {code}"
    if reply.body != ROWS:
        raise DiffersError("the bytes are others")
    return "the bytes"


@section("6", CASES)
def list_files(visit: Visit) -> str | None:
    """the files are a list object"""
    _uploaded(visit)
    reply = visit.caller.call("GET", "/v1/files", params=visit.query)
    status(reply, 200)
    note = fields(reply.document, "the answer", object=TEXT, data=ARRAY)
    for each in array(reply.document["data"], "data"):
        fields(each, "an entry", **FILE)
    return note


@section("6", CASES)
def delete_file(visit: Visit) -> None:
    """a file is deleted, and then is 404"""
    document = _uploaded(visit)
    reply = visit.remove_file(document["id"])
    status(reply, 200)
    fields(reply.document, "the answer", id=TEXT, object=TEXT, deleted=YES_NO)
    status(visit.caller.call("GET", _path(document)), 404)


@section("7", CASES)
def list_jobs(visit: Visit) -> str | None:
    """the fine-tuning jobs are a list object with has_more"""
    query = {**visit.query, "limit": "2"}
    reply = visit.caller.call("GET", "/v1/fine_tuning/jobs", params=query)
    status(reply, 200)
    fields(reply.document, "the answer", object=TEXT, data=ARRAY, has_more=YES_NO)
    jobs = array(reply.document["data"], "data")
    for each in jobs:
        fields(each, "a job", **JOB)
        if each["status"] not in STATES:
            raise DiffersError(f"a job has the status {each['status']!r}")
    return None if jobs else "there is no job to look at"


@section("7", CASES)
def unknown_job(visit: Visit) -> str:
    """an unknown job is 404 or 403 (not documented which)"""
    reply = visit.caller.call("GET", f"/v1/fine_tuning/jobs/ftjob-{'0' * 32}")
    status(reply, 404, 403)
    return f"answered {reply.told()}"


def _answered(visit: Visit) -> Any:
    reply = visit.upload()
    if reply.status >= 300:
        raise NotReachedError(f"needs a file, and the upload answered {reply.told()}")
    return reply.document


def _uploaded(visit: Visit) -> dict[str, Any]:
    document = _answered(visit)
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        raise NotReachedError("needs a file, and the upload answered no id")
    return document


def _path(document: dict[str, Any]) -> str:
    return f"/v1/files/{quote(str(document['id']), safe='')}"
