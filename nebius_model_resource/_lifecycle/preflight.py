"""What the service does not know of a model that is about to be created: its base model, and its source.

Only a warning comes of it, since the service's lists are no contract. Where the service does not answer as expected,
nothing comes of it. Every question is asked once, so that many models cost few requests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from nebius_model_resource._api.catalogue import listed_models
from nebius_model_resource._api.connection import Connection
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.files import Files
from nebius_model_resource._api.fine_tuning import Checkpoint, Job, get_job, list_checkpoints
from nebius_model_resource._api.models import Inputs, Source, unflavoured
from nebius_model_resource._api.redact import harmless
from nebius_model_resource._lifecycle.checkpoints import SUCCEEDED, why_not
from nebius_model_resource.errors import NebiusError, NotFound

SECONDS = 10.0  # for all questions of a process; one request may take half of what is left
_ELSEWHERE = "(deleted, or of another project?)"
_T = TypeVar("_T")


class Preflight:
    """Asks about the models of one account; safe to share between threads, which wait for each other's answers."""

    def __init__(self, files: Files) -> None:
        """Sends nothing.

        Args:
            files: the account's files; its connection serves the other questions.
        """
        self._files = files
        self._connection: Connection = files.connection
        self._lock = threading.Lock()
        self._answers: dict[Hashable, Any] = {}
        self._left = SECONDS
        self._failed = False

    def warnings(self, inputs: Inputs, unknown: str) -> list[str]:
        """What the service does not know, one line each; empty where it knows all, or cannot say.

        Args:
            inputs: a model without faults.
            unknown: the value of an input that is not known yet; such inputs and secret ones are left alone.
        """

        def is_open(name: str) -> bool:
            return name not in inputs.secrets and getattr(inputs, name) != unknown

        found: list[str | None] = []
        in_project = inputs.ai_project_id != unknown
        with self._lock:
            if is_open("base_model") and in_project:
                found.append(self._ask(self._base_model, inputs.base_model, inputs.ai_project_id))
            source = Source.parse(inputs.source) if is_open("source") else None
            if source and source.kind == "file" and in_project:
                found.append(self._ask(self._file, source.text, inputs.ai_project_id))
            elif source and source.kind == "checkpoint":
                found.append(self._ask(self._checkpoint, *source.text.split(":")))
        model = f"the model {inputs.name!r}" if is_open("name") else "the model"
        key = self._connection.settings.api_key
        return [harmless(f"{each}; creating {model} will probably fail", key) for each in found if each]

    def _ask(self, question: Callable[..., str | None], *about: str | None) -> str | None:
        """One question's answer; after the first failure nothing more is asked."""
        try:
            return question(*about)
        except NebiusError:
            self._failed = True
            return None

    def _once(self, about: Hashable, call: Callable[[Deadline], _T]) -> _T | None:
        """The answer to a call that is sent once; None where nothing more is asked."""
        if about not in self._answers:
            if self._failed or self._left <= 0:
                return None
            deadline = self._connection.deadline(self._left)
            try:
                self._answers[about] = call(deadline)
            finally:
                self._left = deadline.remaining()
        return cast("_T", self._answers[about])

    def _base_model(self, base_model: str, project: str | None) -> str | None:
        listed = self._once(
            ("models", project), lambda left: listed_models(self._connection, project, left, attempts=1)
        )
        if not listed or unflavoured(base_model) in {unflavoured(id_) for id_ in listed}:
            return None
        meant = next((id_ for id_ in sorted(listed) if _spelling(id_) == _spelling(base_model)), None)
        hint = f" (did you mean {meant!r}?)" if meant else ""
        return f"the service does not list the base model {base_model!r}{hint}"

    def _file(self, file_id: str, project: str | None) -> str | None:
        files = self._once(("files", project), lambda left: self._files.list_all(project, left, attempts=1))
        if files is None or not files.complete or file_id in self._files.uploaded:
            return None
        if file_id in {file.id for file in files.files}:
            return None
        # It is not documented that the list has every file: the first one that it lacks is asked for by its id.
        if self._once(("first missing file", project), lambda left: self._exists(file_id, left)) is False:
            return f"the service does not know the file {file_id!r} {_ELSEWHERE}"
        return None

    def _exists(self, file_id: str, deadline: Deadline) -> bool:
        try:
            self._files.get(file_id, deadline, attempts=1)
        except NotFound:
            return False
        return True

    def _checkpoint(self, job_id: str, checkpoint_id: str) -> str | None:
        asked = self._once(("job", job_id), lambda left: (self._job(job_id, left),))
        if asked is None:
            return None
        [found] = asked
        if found is None:
            return f"the service does not know the fine-tuning job {job_id!r} {_ELSEWHERE}"
        job, checkpoints = found
        if job.status != SUCCEEDED:
            return f"fine-tuning job {job_id!r} {why_not(job)}"
        if any(checkpoint.id == checkpoint_id for checkpoint in checkpoints):
            return None
        return f"fine-tuning job {job_id!r} has no checkpoint {checkpoint_id!r}"

    def _job(self, job_id: str, deadline: Deadline) -> tuple[Job, list[Checkpoint]] | None:
        """A job with its checkpoints, if it succeeded; None if the service does not know it."""
        try:
            job = get_job(self._connection, job_id, deadline, attempts=1)
        except NotFound:
            return None
        if job.status != SUCCEEDED:
            return job, []
        return job, list_checkpoints(self._connection, job, deadline, attempts=1)


def _spelling(base_model: str) -> str:
    """What is the same in usual spellings of one base.

    Training knows ``meta-llama/Llama-3.1-8B-Instruct``, which is hosted as ``meta-llama/Meta-Llama-3.1-8B-Instruct``
    (seen live, December 2025).
    """
    return unflavoured(base_model).lower().replace("/meta-llama", "/llama")
