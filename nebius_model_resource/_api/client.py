"""The service's custom-model endpoints, one method each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nebius_model_resource._api import redact
from nebius_model_resource._api.answers import sent_at
from nebius_model_resource._api.connection import ATTEMPT_SECONDS, READ_ATTEMPTS, Connection
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import Fault, ModelInfo, canonical_source
from nebius_model_resource.errors import InvalidInputs, UnusableAnswer

if TYPE_CHECKING:
    from nebius_model_resource._api.models import Inputs
    from nebius_model_resource._api.settings import Settings

_MODELS = "/v0/models"


@dataclass(frozen=True)
class Listing:
    """The models of one project.

    Attributes:
        entries: the list as the service sent it, with the key masked in a status or its reason. Entries that are no
            models, or whose names hold the key, are left out.
        server_time: the service's own clock (Unix seconds), None where the answer has no ``Date``.
        complete: False where entries were left out: a model that such a list lacks may still exist.
    """

    entries: list[dict[str, Any]]
    server_time: float | None = None
    complete: bool = True

    def models(self) -> list[ModelInfo]:
        """Each entry as a model."""
        return [model for entry in self.entries if (model := ModelInfo.parse(entry))]


class NebiusClient:
    """One account's custom models over HTTP; safe to share between threads.

    Attributes:
        connection: sends the requests; clients of other endpoints of the same account share it.
    """

    def __init__(self, settings: Settings, **options: Any) -> None:
        """Sends nothing; the options are those of :class:`.Connection`."""
        self.connection = Connection(settings, **options)
        self._key = settings.api_key

    def __enter__(self) -> NebiusClient:  # noqa: PYI034 - Self is typing's from 3.11 on
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def create_model(self, inputs: Inputs, deadline: Deadline | None = None) -> ModelInfo:
        """``POST /v0/models`` with just the fields given, sent again only where nothing was done.

        Returns:
            The model as the service reports it; its name may be the short one (seen live, April 2025).

        Raises:
            BadRequest, AccessDenied, NotFound, Redirected: refused, nothing was created.
            NotSent: nothing was created.
            AnswerLost, UnusableAnswer, ServerFault: a model may have been created.
            DeadlineExceeded: rate-limited until the deadline, nothing was created.
        """
        params = _project(inputs.ai_project_id)
        body = {
            "name": inputs.name,
            "base_model": inputs.base_model,
            "source": canonical_source(inputs.source),
        }
        if inputs.description:
            body["description"] = inputs.description

        def create(deadline: Deadline) -> ModelInfo:
            parsed, _ = self.connection.send("POST", _MODELS, deadline, params=params, body=body)
            asked = " ".join(map(str, vars(inputs).values()))
            return self._model(
                parsed, asked, "the service answered with success and without the model's name"
            )

        deadline = deadline or self.connection.deadline(ATTEMPT_SECONDS)
        return self.connection.repeat(create, deadline, attempts=1)

    def list_models(
        self,
        ai_project_id: str | None = None,
        deadline: Deadline | None = None,
        *,
        attempts: int = READ_ATTEMPTS,
        asked: str = "",
    ) -> Listing:
        """``GET /v0/models``: one array, no paging (documented, and seen live).

        ``asked`` is the name that the caller looks for, if any.

        Raises:
            ApiError, TransportError: the list could not be read.
        """
        from nebius_model_resource._api.transport import MAX_LIST

        params = _project(ai_project_id)

        def read(deadline: Deadline) -> Listing:
            parsed, answer = self.connection.send("GET", _MODELS, deadline, params=params, longest=MAX_LIST)
            if not isinstance(parsed, list):
                raise UnusableAnswer(
                    "the service answered the list of models with something else than a list"
                )
            # An entry that holds the key is left out like one that is no model. No model is lost by it: the list is
            # then incomplete, so that no model counts as absent, and one whose own inputs hold the key is still found.
            entries = [
                entry
                for entry in parsed
                if (model := ModelInfo.parse(entry)) and not self._leaks(model, asked)
            ]
            for entry in entries:
                for field in ("status", "status_reason"):  # what people read; the rest is data
                    if isinstance(text := entry.get(field), str):
                        entry[field] = redact.masked(text, self._key)
            return Listing(entries, sent_at(answer), complete=len(entries) == len(parsed))

        return self.connection.repeat(read, deadline, attempts)

    def get_model(
        self, name: str, deadline: Deadline | None = None, *, attempts: int = READ_ATTEMPTS
    ) -> ModelInfo:
        """``GET /v0/models/{name}`` by a short or full name.

        Raises:
            NotFound: there is no such model.
            AccessDenied: the key may not see it; the service hides whether it exists (seen live).
            ApiError, TransportError: it could not be read.
        """
        wrong = f"the service answered {name!r} with something else than a model"
        return self._call("GET", name, deadline, attempts, wrong)

    def delete_model(self, name: str, deadline: Deadline | None = None) -> ModelInfo:
        """``DELETE /v0/models/{name}`` by a short or full name, repeated until the deadline.

        Raises:
            NotFound: there is no such model (any more).
            ApiError, TransportError: it may still exist.
        """
        wrong = f"the service answered the deletion of {name!r} with something else"
        return self._call("DELETE", name, deadline, None, wrong)

    def _call(
        self, method: str, name: str, deadline: Deadline | None, attempts: int | None, wrong: str
    ) -> ModelInfo:
        path = _path(name)

        def call(deadline: Deadline) -> ModelInfo:
            parsed, _ = self.connection.send(method, path, deadline)
            return self._model(parsed, name, wrong)

        return self.connection.repeat(call, deadline, attempts)

    def _model(self, parsed: Any, asked: str, wrong: str) -> ModelInfo:
        """The model in an answer; ``asked`` are the inputs of the call.

        Raises:
            UnusableAnswer: there is none, or its name would carry the key into the state and every message. Where
                the inputs hold the key themselves, the name may.
        """
        model = ModelInfo.parse(parsed, self._key)
        if model is None:
            raise UnusableAnswer(wrong)
        if self._leaks(model, asked):
            raise UnusableAnswer("the service sent the API key back in the name of a model")
        return model

    def _leaks(self, model: ModelInfo, asked: str) -> bool:
        return redact.holds(model.name, self._key) and not redact.holds(asked, self._key)


def _project(ai_project_id: str | None) -> dict[str, str]:
    return {"ai_project_id": ai_project_id} if ai_project_id else {}


def _path(name: str) -> str:
    """The model's path: each segment of its name is encoded, the slashes between them are not."""
    segments = name.split("/")
    # An empty segment or one of dots leads to another path, whatever the encoding.
    if any(segment in ("", ".", "..") for segment in segments):
        raise InvalidInputs([Fault("name", f"{name!r} cannot be the generated name of a model")])
    return f"{_MODELS}/" + "/".join(quote(segment, safe="") for segment in segments)
