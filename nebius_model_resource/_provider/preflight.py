"""What the service does not know of a model or endpoint that is about to be created.

The service's lists are no contract, so a preview only warns. Where the service does not answer as expected, there is no
warning. Every question is asked once, so that many models cost few requests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

from nebius_model_resource import errors
from nebius_model_resource._provider.lookups import SUCCEEDED, complete_checkpoints, why_not
from nebius_model_resource._provider.properties import UNKNOWN
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.names import Source, unflavoured
from nebius_model_resource._service.retry import Deadline
from nebius_model_resource._service.types import Checkpoint, Job

SECONDS = 10.0  # for all questions of a process; one request may take half of what is left
_ELSEWHERE = "(deleted, or of another project?)"
_T = TypeVar("_T")


class Preflight:
    """Asks about the models and endpoints of one account.

    Safe to share between threads, which wait for each other's answers.
    """

    def __init__(self, client: Client, uploaded: set[str]) -> None:
        """Sends nothing.

        Args:
            client: the account's client.
            uploaded: the ids of the files uploaded in this run, which a list read earlier lacks.
        """
        self._client = client
        self._uploaded = uploaded
        self._lock = threading.Lock()
        self._answers: dict[Hashable, Any] = {}
        self._left = SECONDS

    def warnings(self, noun: str, inputs: Mapping[str, Any], secrets: frozenset[str]) -> list[str]:
        """What the service does not know, one line each; empty where it knows all, or cannot say.

        Args:
            noun: ``"model"`` or ``"endpoint"``.
            inputs: its inputs, without faults; those that are not known yet are left alone.
            secrets: inputs that are left alone too.
        """
        known = {name: value for name, value in inputs.items() if value != UNKNOWN and name not in secrets}
        what = f"the {noun} {known['name']!r}" if "name" in known else f"the {noun}"
        doubts = []
        with self._lock:
            for question in self._questions(noun, known, inputs.get("ai_project_id")):
                with suppress(errors.NebiusError):
                    doubts.append(question())
        return [f"{doubt}; creating {what} will probably fail" for doubt in doubts if doubt]

    def _questions(
        self, noun: str, known: Mapping[str, Any], project: str | None
    ) -> Iterator[Callable[[], str | None]]:
        source = Source.parse(known.get("source", ""))
        if project != UNKNOWN and noun == "endpoint":
            yield lambda: self._template(known, project)
        if project != UNKNOWN and "base_model" in known:
            yield lambda: self._base_model(known["base_model"], project)
        if project != UNKNOWN and source and source.kind == "file":
            yield lambda: self._file(source.text, project)
        if source and source.kind == "checkpoint":
            yield lambda: self._checkpoint(*source.text.split(":"))

    def _once(self, about: Hashable, ask: Callable[[Deadline], _T]) -> _T:
        """One answer of the service, or its error, asked for once.

        Raises:
            NebiusError: the service did not answer; or an earlier question showed that it cannot be asked at all.
        """
        if about not in self._answers:
            deadline = self._client.deadline(self._left).once()
            try:
                self._answers[about] = ask(deadline)
            except errors.NebiusError as error:
                self._answers[about] = error
                if isinstance(error, (errors.NotSent, errors.AnswerLost, errors.DeadlineExceeded)) or (
                    isinstance(error, errors.AccessDenied) and error.status == 401
                ):
                    self._left = 0.0
                    raise
            self._left = min(self._left, deadline.remaining())
        answer = self._answers[about]
        if isinstance(answer, errors.NebiusError):
            raise answer
        return cast("_T", answer)

    def _base_model(self, base_model: str, project: str | None) -> str | None:
        listing = self._once(("models", project), partial(self._client.list_base_models, project))
        listed = {unflavoured(id_) for id_ in listing.entries}
        if not listed or not listing.complete or unflavoured(base_model) in listed:
            return None
        meant = next(
            (id_ for id_ in sorted(listing.entries) if _spelling(id_) == _spelling(base_model)), None
        )
        hint = f" (did you mean {meant!r}?)" if meant else ""
        return f"the service does not list the base model {base_model!r}{hint}"

    def _template(self, known: Mapping[str, Any], project: str | None) -> str | None:
        """The first of model, flavor, and what the flavor's details list, that the templates lack."""
        listing = self._once(("templates", project), partial(self._client.list_templates, project))
        templates = {template.name: template.flavors for template in listing.entries}
        model, flavor = known.get("model_name"), known.get("flavor_name")
        if not templates or not listing.complete or model is None:
            return None
        if model not in templates:
            return f"no template has the model_name {model!r} (there are {_some(templates)})"
        flavors = templates[model]
        if flavor is None or not flavors:
            return None
        if flavor not in flavors:
            return f"the template {model!r} has no flavor {flavor!r} (there are {_some(flavors)})"
        details = flavors[flavor] if isinstance(flavors[flavor], dict) else {}
        for name in ("gpu_type", "gpu_count", "region"):
            # The form of the details is not documented: a list under the name or its plural can be read.
            listed = details.get(f"{name}s", details.get(name))
            if isinstance(listed, list) and listed and name in known and known[name] not in listed:
                return f"the flavor {flavor!r} of {model!r} has no {name} {known[name]!r} (there are {_some(listed)})"
        return None

    def _file(self, file_id: str, project: str | None) -> str | None:
        listing = self._once(("files", project), partial(self._client.list_files, project))
        known = {file.id for file in listing.entries} | self._uploaded
        if not listing.complete or file_id in known:
            return None
        # It is not documented that the list has every file: the first one that it lacks is asked for by its id.
        try:
            self._once(("first missing file", project), partial(self._client.get_file, file_id))
        except errors.NotFound:
            return f"the service does not know the file {file_id!r} {_ELSEWHERE}"
        return None

    def _checkpoint(self, job_id: str, checkpoint_id: str) -> str | None:
        try:
            job, checkpoints = self._once(("job", job_id), partial(self._job, job_id))
        except errors.NotFound:
            return f"the service does not know the fine-tuning job {job_id!r} {_ELSEWHERE}"
        if job.status != SUCCEEDED:
            return f"fine-tuning job {job_id!r} {why_not(job)}"
        if any(checkpoint.id == checkpoint_id for checkpoint in checkpoints):
            return None
        return f"fine-tuning job {job_id!r} has no checkpoint {checkpoint_id!r}"

    def _job(self, job_id: str, deadline: Deadline) -> tuple[Job, tuple[Checkpoint, ...]]:
        job = self._client.get_job(job_id, deadline)
        return job, complete_checkpoints(self._client, job, deadline) if job.status == SUCCEEDED else ()


def _some(names: Iterable[Any]) -> str:
    """The first names of many."""
    return ", ".join(repr(name) for name in [*names][:5])


def _spelling(base_model: str) -> str:
    """What is the same in usual spellings of one base.

    Training knows ``meta-llama/Llama-3.1-8B-Instruct``, which is hosted as ``meta-llama/Meta-Llama-3.1-8B-Instruct``
    (a capture of December 2025).
    """
    return unflavoured(base_model).lower().replace("/meta-llama", "/llama")
