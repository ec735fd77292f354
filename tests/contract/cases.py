"""All cases, in the order of a run: first those that create nothing, last the deletion."""

from __future__ import annotations

import re
import time
from typing import Any

from tests.contract.caller import DiffersError, NotReachedError
from tests.contract.shapes import ABSENT, Is, answered, matched
from tests.contract.visit import DESCRIPTION, ENDPOINTS, FILES, INFIX, JOBS, MODELS, ROWS, Visit

NO_BASE, NO_MODEL = "nobody/has-no-such-base", "nobody/has-no-such-model"
REFUSAL = "does not support LoRa inference yet"
GONE = (404, 403)

CREATED = {"name": str, "base_model": str, "source": str, "created_at": int, "status": str}
ORIGINS = ("checkpoint_id", "job_id", "file_id", "url")
READ = {
    **dict.fromkeys(("name", "status"), str),
    **dict.fromkeys((*ORIGINS, "status_reason", "description", "vendor"), str | None),
    **dict.fromkeys(("tags", "use_cases"), list),
    **dict.fromkeys(("quality", "context_window_k", "size_b"), float | int | None),
    "type": Is("text2text"),
    "created_at": int,
}
FILE = {"id": str, "bytes": int, "created_at": int, "filename": str, "object": Is("file"), "purpose": str}
JOB = {
    **dict.fromkeys(("id", "model"), str),
    **dict.fromkeys(("training_file", "organization_id"), str | None),
    "created_at": int,
    "finished_at": float | int | None,
    "status": Is("validating_files", "queued", "running", "succeeded", "failed", "cancelled"),
    "hyperparameters": dict,
    "result_files": list,
    "object": Is("fine_tuning.job"),
}
CHECKPOINT = {
    "id": str,
    "created_at": int,
    "metrics": dict,
    "step_number": int,
    "object": Is("fine_tuning.job.checkpoint"),
}
COMPLETION = {
    "id": str,
    "object": Is("chat.completion"),
    "created": int,
    "choices": [{"index": int, "message": {"role": str, "content": str | None}, "finish_reason": str}],
    "usage": {"prompt_tokens": int, "completion_tokens": int, "total_tokens": int},
}
METADATA = {
    **dict.fromkeys(("vendor", "huggingface_url"), str | None),
    **dict.fromkeys(("context_window_k", "size_b"), float | int | None),
    "license": {"url": str | None, "name": str | None},
}
TEMPLATE = {"name": str, "type": str, "metadata": METADATA, "flavors": dict}
DEPLOYMENT = {
    "ready_replicas": int,
    "status": Is("starting", "running", "updating", "stopping", "stopped", "error"),
    "readiness": Is("ready", "partially_ready", "not_ready"),
}
ENDPOINT = {
    **dict.fromkeys(("id", "name", "routing_key", "model_name", "flavor_name", "gpu_type", "region"), str),
    **dict.fromkeys(("description", "custom_weights_id"), str | None),
    "created_at": str,
    "enabled": bool,
    "gpu_count": int,
    "deployment": DEPLOYMENT,
    "scaling": {"min_replicas": int, "max_replicas": int},
}
DATE_TIME = r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-].+)"
BASE = {"id": str, "object": str, "created": int, "owned_by": str}
FURTHER = ("name", "context_length", "architecture", "quantization", "pricing", "per_request_limits")


def _page(shape: Any) -> dict[str, Any]:
    return {"object": Is("list"), "data": [shape]}


def _error(text: str) -> dict[str, Any]:
    return {"detail": Is(text)}


class Cases(Visit):
    """Each method called `section_<number>_<case>` is a case, and its docstring the title.

    It returns what it saw if several variants agree, or raises `DiffersError` or `NotReachedError`.
    """

    def section_5_no_key(self) -> None:
        """a call without a key is 401"""
        reply = self.caller.call("GET", MODELS, key=None)
        answered(reply, 401, shape=_error("Couldn't authenticate. Reason: token is not present"))

    def section_5_bad_key(self) -> None:
        """a call with a key that is none is 401"""
        reply = self.caller.call("GET", MODELS, key="not-a-key-of-anybody")
        answered(reply, 401, shape=_error("Couldn't authenticate. Reason: Unable authenticate"))

    def section_5_request_id(self) -> None:
        """answers carry x-request-id"""
        if not self.get(MODELS).headers.get("x-request-id"):
            raise DiffersError("no header x-request-id")

    def section_5_unknown_model(self) -> str:
        """an unknown model is 404, or the 403 that hides what there is (not documented which)"""
        reply = self.read(f"{NO_BASE}{INFIX}nobody-has-this-one-ZzZz")
        hidden = "You don't have access to the resource or it does not exist"
        answered(reply, *GONE, shape=_error(hidden) if reply.status == 403 else {"detail": str})
        return f"answered {reply.status} {reply.text('detail')!r}"

    def section_5_wrong_body(self) -> None:
        """a create with a wrong body is 422 and names every field"""
        reply = self.create(name=1)
        answered(reply, 422, shape={"detail": [{"loc": list, "msg": str, "type": str}]})
        named = {str(item["loc"][-1]) for item in reply.document["detail"] if item["loc"]}
        if lacking := {"name", "base_model", "source"} - named:
            raise DiffersError(f"detail does not name {', '.join(sorted(lacking))}")

    def section_5_unsupported_base(self) -> str:
        """a create on a base that is not supported is 400 with the list of those that are"""
        reply = self.create(name=self.name, base_model=NO_BASE, source="huggingface.co/nobody/nothing")
        answered(reply, 400, shape={"detail": str})
        text = str(reply.text("detail"))
        wanted = f"Base model {NO_BASE} {REFUSAL}, list of supported models: "
        if not text.startswith(wanted):
            raise DiffersError(f"the text is {text!r}")
        return f"supported models: {text.removeprefix(wanted)}"

    def section_2_bare_list(self) -> None:
        """the list of models is a bare JSON array of objects with a name"""
        answered(self.get(MODELS), shape=[{"name": str}])

    def section_0_offered(self) -> str:
        """create makes a model, or refuses the base as it does since July 2026"""
        reply = self.creation()
        if reply.status == 400 and REFUSAL in (reply.text("detail") or ""):
            return f"refuses: {reply.text('detail')}"
        if reply.status == 400:
            raise NotReachedError(f"create answered {reply.told()}")
        answered(reply, 200, 201)
        return "makes a model"

    def section_3_created(self) -> str | None:
        """create answers the documented fields and no id; it repeats what was sent, and is validating as of now"""
        document = self.created().document
        sent = {
            "base_model": Is(self.base_model, shown=False),
            "source": Is(self.source, shown=False),
            "description": Is(DESCRIPTION),
            "status": Is("validating"),
        }
        note = matched(document, {**CREATED, **sent, "id": ABSENT})
        if abs(document["created_at"] - time.time()) > 86_400:
            raise DiffersError("created_at is not Unix time in seconds")
        return note

    def section_3_name_form(self) -> str:
        """the name is <base>-LoRa:<name>-<four letters>; create answers it full (2025) or short (Apr 2025)"""
        if not re.fullmatch(re.escape(self.name) + "-[A-Za-z]{4}", self.short_name()):
            raise DiffersError(f"the short name is {self.short_name()!r}")
        head, base = self.full_name().rpartition(INFIX)[0], self.base_model
        if head not in {base, base.removesuffix("-fast")}:
            raise DiffersError(f"the full name is {self.full_name()!r}")
        kept = "" if head == base else ", without -fast as documented"
        return ("full" if INFIX in self.given_name() else "short") + kept

    def section_2_listed(self) -> str | None:
        """the list has the new model under its full name, with the fields of a read"""
        entry = self.entry()
        if INFIX not in entry["name"]:
            raise DiffersError(f"the list has the name {entry['name']!r}")
        return matched(entry, READ)

    def section_4_first_read(self) -> str:
        """the first read finds the model, or not yet, or without a status (seen in Dec 2025)"""
        reply = self.first_read()
        answered(reply, 200, *GONE)
        if reply.status != 200:
            return f"not yet: answered {reply.status}"
        matched(reply.document, {"name": str})
        return f"status {reply.document['status']!r}" if "status" in reply.document else "without a status"

    def section_4_becomes_active(self) -> None:
        """a model that validates becomes active, and then has no status_reason"""
        document = self.settled().document
        matched(document, {"status": Is("active", "error")})
        self.active()
        matched({"status_reason": None, **document}, {"status_reason": Is(None)})

    def section_4_read_fields(self) -> str | None:
        """a read has the fields of published captures, and neither base_model nor source"""
        return matched(self.settled().document, {**READ, "base_model": ABSENT, "source": ABSENT})

    def section_4_read_values(self) -> str:
        """a read repeats created_at and description, and tells where the model came from"""
        document, source = self.settled().document, str(self.source)
        created_at = Is(self.created().document["created_at"])
        matched(document, {**READ, "created_at": created_at, "description": Is(DESCRIPTION)})
        given = [name for name in ORIGINS if document[name] is not None]
        for start, names in {"ftjob-": ["checkpoint_id", "job_id"], "file-": ["file_id"]}.items():
            if source.startswith(start) and given != names:
                raise DiffersError(f"what is not null is {given}, not {names}")
        return f"not null: {', '.join(given) or 'none'}; vendor {document['vendor']!r}"

    def section_2_by_short_name(self) -> None:
        """a model is read by its short name"""
        self.settled()
        answered(self.read(self.short_name()), shape=self._named())

    def section_2_by_raw_name(self) -> None:
        """a model is read by its full name as it is"""
        self.settled()
        answered(self.read(self.full_name(), encoded=False), shape=self._named())

    def section_2_by_encoded_name(self) -> None:
        """a model is read by its full name, percent-encoded"""
        self.settled()
        answered(self.read(self.full_name()), shape=self._named())

    def section_8_chat(self) -> str | None:
        """a chat call of the full name answers a completion that echoes the name"""
        name = self.active()
        reply = self.chat(name)
        note = answered(reply, shape={**COMPLETION, "model": Is(name)})
        if not reply.document["choices"]:
            raise DiffersError("there is no choice")
        return note

    def section_8_chat_unknown(self) -> None:
        """a chat call of an unknown model is 404 with the captured text"""
        answered(self.chat(NO_MODEL), 404, shape=_error(f"The model `{NO_MODEL}` does not exist."))

    def section_8_catalogue(self) -> str:
        """GET /v1/models is a list object; it has the active custom model, or not (claimed by one, not documented)"""
        reply = self.get("/v1/models")
        answered(reply, shape=_page(BASE))
        return "it has" if self.active() in {each["id"] for each in reply.document["data"]} else "it has not"

    def section_8_catalogue_verbose(self) -> str | None:
        """GET /v1/models?verbose=true tells more of each model"""
        reply = self.get("/v1/models", verbose="true")
        answered(reply, shape=_page(BASE))
        entries = reply.document["data"]
        lacking = [name for name in FURTHER if not any(name in each for each in entries)]
        if entries and lacking:
            raise DiffersError(f"no entry has {', '.join(repr(name) for name in lacking)}")
        return None if entries else "it is empty"

    def section_6_upload(self) -> str | None:
        """an upload answers the documented file"""
        note = answered(self.upload(), shape={**FILE, "bytes": Is(len(ROWS)), "purpose": Is("fine-tune")})
        if not self.file_id().startswith("file-"):
            raise DiffersError("the id does not begin with file-")
        return note

    def section_6_upload_archive(self) -> str:
        """an upload of an archive answers the documented file (not documented with which purpose)"""
        reply = self.upload_archive()
        answered(reply, shape=FILE)
        return f"purpose {reply.text('purpose')!r}"

    def section_6_read_file(self) -> None:
        """a file is read by its id and is what the upload answered"""
        reply = self.caller.call("GET", f"{FILES}/{self.file_id()}")
        answered(reply, shape={**FILE, "id": Is(self.file_id()), "bytes": Is(len(ROWS))})

    def section_6_content(self) -> str:
        """the content of a file is what was uploaded, or a redirect to it"""
        reply = self.caller.call("GET", f"{FILES}/{self.file_id()}/content")
        answered(reply, 200, 301, 302, 303, 307, 308)
        if reply.status != 200:
            return f"redirects with {reply.status}"
        if reply.body != ROWS:
            raise DiffersError("the bytes are others")
        return "the bytes"

    def section_6_list_files(self) -> str | None:
        """the files are a list object"""
        return answered(self.get(FILES), shape=_page(FILE))

    def section_6_delete_file(self) -> None:
        """a file is deleted, and then is 404"""
        reply = self.delete(FILES, self.file_id())
        answered(reply, shape={"id": str, "object": str, "deleted": bool})
        answered(self.caller.call("GET", f"{FILES}/{self.file_id()}"), 404)

    def section_7_list_jobs(self) -> str | None:
        """the fine-tuning jobs are a list object with has_more"""
        reply = self.get(JOBS, limit="2")
        answered(reply, shape={**_page(JOB), "has_more": bool})
        return None if reply.document["data"] else "there is no job to look at"

    def section_7_known_job(self) -> str | None:
        """a job is read by its id, with the fields of the list"""
        reply = self.caller.call("GET", f"{JOBS}/{self.job_id()}")
        return answered(reply, shape={**JOB, "id": Is(self.job_id(), shown=False)})

    def section_7_checkpoints(self) -> str | None:
        """the checkpoints of a job are a list object with has_more, and name the job"""
        reply = self.caller.call("GET", f"{JOBS}/{self.job_id()}/checkpoints")
        checkpoint = {**CHECKPOINT, "fine_tuning_job_id": Is(self.job_id(), shown=False)}
        answered(reply, shape={**_page(checkpoint), "has_more": bool})
        return None if reply.document["data"] else "there is no checkpoint to look at"

    def section_7_unknown_job(self) -> str:
        """an unknown job is 404 or 403 (not documented which)"""
        reply = self.get(f"{JOBS}/ftjob-{'0' * 32}")
        answered(reply, *GONE)
        return f"answered {reply.told()}"

    def section_9_templates(self) -> str:
        """the templates of endpoints are a list object; the form of a flavor's details is not documented"""
        reply = self.get(f"{ENDPOINTS}/templates")
        answered(reply, shape=_page(TEMPLATE))
        details = [found for each in reply.document["data"] for found in each["flavors"].values()]
        return f"a flavor's details: {details[0]!r}" if details else "there is no flavor to look at"

    def section_9_list_endpoints(self) -> str | None:
        """the endpoints are a list object"""
        return answered(self.get(ENDPOINTS), shape=_page(ENDPOINT))

    def section_9_created_endpoint(self) -> None:
        """create answers 201 with the endpoint under `endpoint`: what was sent, a routing key and a date-time"""
        reply = self.endpoint_creation()
        sent = {name: Is(value, shown=False) for name, value in (self.spend or {}).items()}
        answered(reply, 201, shape={"endpoint": {**ENDPOINT, **sent}})
        key, created_at = self.endpoint("routing_key"), self.endpoint("created_at")
        if not (key.startswith("dedicated/") and re.fullmatch(DATE_TIME, created_at)):
            raise DiffersError(f"routing_key is {key!r}, created_at {created_at!r}")

    def section_9_chat_before_ready(self) -> None:
        """a chat call of the routing key is 404 before the endpoint is ready"""
        answered(self.chat(self.endpoint("routing_key")), 404)

    def section_9_endpoint_by_id(self) -> str:
        """an endpoint is read by its id, or there is no such route (sources conflict)"""
        reply = self.get(f"{ENDPOINTS}/{self.endpoint()}")
        answered(reply, 200, 404, 405, shape=ENDPOINT if reply.status == 200 else None)
        return f"answered {reply.status}"

    def section_9_update_endpoint(self) -> str:
        """an update answers the changed endpoint, bare or under `endpoint` (sources conflict)"""
        path, changed = f"{ENDPOINTS}/{self.endpoint()}", {**ENDPOINT, "description": Is(DESCRIPTION)}
        reply = self.caller.call("PATCH", path, json={"description": DESCRIPTION}, params=self._query)
        is_wrapped = reply.status == 200 and "endpoint" in reply.document
        answered(reply, shape={"endpoint": changed} if is_wrapped else changed)
        return "wrapped" if is_wrapped else "bare"

    def section_9_delete_endpoint(self) -> str:
        """a delete answers 200 or 204, and a second one finds nothing or succeeds again (not documented which)"""
        first, second = (self.delete(ENDPOINTS, self.endpoint()) for _ in range(2))
        answered(first, 200, 204)
        answered(second, 200, 204, *GONE)
        return f"answered {first.status}, then {second.status}"

    def section_2_deletion(self) -> str | None:
        """a delete answers the object of the create with status deleted"""
        name = Is(self.full_name(), self.short_name())
        return answered(self.deletion(), shape={**CREATED, "name": name, "status": Is("deleted")})

    def section_4_read_after_delete(self) -> str:
        """a deleted model is not found or has the status deleted (not documented which)"""
        reply = self.read(self.deleted())
        answered(reply, 200, *GONE)
        if reply.status != 200:
            return f"answered {reply.told()}"
        matched(reply.document, {"status": Is("deleted")})
        return "still there, as deleted"

    def section_4_list_after_delete(self) -> str:
        """the list has no longer the deleted model, or has it as deleted (not documented which)"""
        name, reply = self.deleted(), self.get(MODELS)
        answered(reply, shape=[{"name": str}])
        mine = [each for each in reply.document if each["name"] == name]
        matched(mine, [{"status": Is("deleted")}])
        return "as deleted" if mine else "not there"

    def section_4_second_delete(self) -> str:
        """a second delete finds nothing, or succeeds again (not documented which)"""
        reply = self.delete(MODELS, self.deleted())
        answered(reply, 200, *GONE)
        return f"answered {reply.told()}"

    def _named(self) -> dict[str, Any]:
        return {**READ, "name": Is(self.full_name())}


CASES = [name for name in vars(Cases) if name.startswith("section_")]
