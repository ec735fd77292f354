"""What the service does not know of a model that is about to be created: its base model, and its source.

The service's lists are no contract, so a preview only warns. Where the service does not answer as expected, there is no
warning. Every question is asked once, so that many models cost few requests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from nebius_model_resource._provider.lookups import SUCCEEDED, complete_checkpoints, why_not
from nebius_model_resource._provider.properties import UNKNOWN
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.names import Source, unflavoured
from nebius_model_resource._service.retry import Deadline
from nebius_model_resource._service.types import Checkpoint, Job
from nebius_model_resource.errors import (
    AccessDenied,
    AnswerLost,
    DeadlineExceeded,
    NebiusError,
    NotFound,
    NotSent,
)

SECONDS = 10.0  # for all questions of a process; one request may take half of what is left
_ELSEWHERE = "(deleted, or of another project?)"
_T = TypeVar("_T")


class Preflight:
    """Asks about the models of one account; safe to share between threads, which wait for each other's answers."""

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

    def warnings(self, inputs: Mapping[str, Any], secrets: frozenset[str]) -> list[str]:
        """What the service does not know, one line each; empty where it knows all, or cannot say.

        Args:
            inputs: a model without faults; inputs that are not known yet are left alone.
            secrets: inputs that are left alone too.
        """
        known = {name for name, value in inputs.items() if value != UNKNOWN} - secrets
        model = f"the model {inputs['name']!r}" if "name" in known else "the model"
        with self._lock:
            return [f"{each}; creating {model} will probably fail" for each in self._doubts(inputs, known)]

    def _doubts(self, inputs: Mapping[str, Any], known: set[str]) -> Iterator[str]:
        project = inputs.get("ai_project_id")
        source = Source.parse(inputs["source"]) if "source" in known else None
        questions: list[Callable[[], str | None]] = []
        if "base_model" in known and project != UNKNOWN:
            questions.append(lambda: self._base_model(inputs["base_model"], project))
        if source and source.kind == "file" and project != UNKNOWN:
            questions.append(lambda: self._file(source.text, project))
        elif source and source.kind == "checkpoint":
            questions.append(lambda: self._checkpoint(*source.text.split(":")))
        for question in questions:
            try:
                doubt = question()
            except NebiusError:
                continue
            if doubt:
                yield doubt

    def _once(self, about: Hashable, ask: Callable[[Deadline], _T]) -> _T:
        """One answer of the service, or its error, asked for once.

        Raises:
            NebiusError: the service did not answer; or an earlier question showed that it cannot be asked at all.
        """
        if about not in self._answers:
            deadline = self._client.deadline(self._left).once()
            try:
                self._answers[about] = ask(deadline)
            except NebiusError as error:
                self._answers[about] = error
                if isinstance(error, (NotSent, AnswerLost, DeadlineExceeded)) or (
                    isinstance(error, AccessDenied) and error.status == 401
                ):
                    self._left = 0.0
                    raise
            self._left = min(self._left, deadline.remaining())
        answer = self._answers[about]
        if isinstance(answer, NebiusError):
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

    def _file(self, file_id: str, project: str | None) -> str | None:
        listing = self._once(("files", project), partial(self._client.list_files, project))
        known = {file.id for file in listing.entries} | self._uploaded
        if not listing.complete or file_id in known:
            return None
        # It is not documented that the list has every file: the first one that it lacks is asked for by its id.
        try:
            self._once(("first missing file", project), partial(self._client.get_file, file_id))
        except NotFound:
            return f"the service does not know the file {file_id!r} {_ELSEWHERE}"
        return None

    def _checkpoint(self, job_id: str, checkpoint_id: str) -> str | None:
        try:
            job, checkpoints = self._once(("job", job_id), partial(self._job, job_id))
        except NotFound:
            return f"the service does not know the fine-tuning job {job_id!r} {_ELSEWHERE}"
        if job.status != SUCCEEDED:
            return f"fine-tuning job {job_id!r} {why_not(job)}"
        if any(checkpoint.id == checkpoint_id for checkpoint in checkpoints):
            return None
        return f"fine-tuning job {job_id!r} has no checkpoint {checkpoint_id!r}"

    def _job(self, job_id: str, deadline: Deadline) -> tuple[Job, tuple[Checkpoint, ...]]:
        job = self._client.get_job(job_id, deadline)
        return job, complete_checkpoints(self._client, job, deadline) if job.status == SUCCEEDED else ()


def _spelling(base_model: str) -> str:
    """What is the same in usual spellings of one base.

    Training knows ``meta-llama/Llama-3.1-8B-Instruct``, which is hosted as ``meta-llama/Meta-Llama-3.1-8B-Instruct``
    (a capture of December 2025).
    """
    return unflavoured(base_model).lower().replace("/meta-llama", "/llama")
