"""Custom models: created, read, listed and deleted by the API, and changed outside of it."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from .answers import Answer, Refused, Request, as_json
from .store import Store

if TYPE_CHECKING:
    from .core import Service

State = Literal["validating", "active", "error", "deleted"]
CHANGEABLE = {"base_model", "source", "description", "ai_project_id", "made_at", "status", "status_reason"}
_BASE = re.compile(r"[^/\s]+/[^/\s]+")
# Captured in Dec 2025 for an adapter of Llama 3.1 8B. An adapter inherits them from its base; here all bases are alike.
TRAITS = {
    "tags": ["128K context", "small", "JSON mode", "lora"],
    "use_cases": ["lora"],
    "quality": 73,
    "context_window_k": 128,
    "size_b": 8.03,
}


class NewModel(BaseModel):
    """The documented body of a create; fields beyond these are ignored."""

    name: str
    base_model: str
    source: str
    description: str | None = None


class ModelByHand(NewModel, extra="forbid"):
    """What creates a model outside of the API."""

    status: State = "active"
    ai_project_id: str | None = None


class Model(BaseModel, frozen=True):
    """A model.

    `made_at` is in Unix seconds with fractions, for the time of validation; the API shows whole seconds. `settled`
    says that it was made by hand: it has no read-after-create gap and no validation.
    """

    name: str
    short_name: str
    custom_name: str
    base_model: str
    source: str
    description: str | None
    ai_project_id: str
    made_at: float
    status: State
    status_reason: str | None = None
    seen_validating: int = 0
    reads: int = 0
    lists: int = 0
    settled: bool = False

    @property
    def is_live(self) -> bool:
        """Whether the model has not been deleted."""
        return self.status != "deleted"

    def created(self, *, short: bool = False) -> dict[str, Any]:
        """Return what create and delete answer: exactly the documented fields, and no id."""
        document = self.model_dump(include={"name", "base_model", "source", "status", "description"})
        return {**document, "created_at": int(self.made_at), **({"name": self.short_name} if short else {})}

    def entry(self) -> dict[str, Any]:
        """Return what reads and lists answer: the fields captured in 2025, never `base_model` or `source`."""
        job, _, checkpoint = self.source.partition(":")
        is_job, is_file = self.source.startswith("ftjob-"), self.source.startswith("file-")
        vendor = self.base_model.partition("/")[0]
        return {
            "type": "text2text",
            "name": self.name,
            "status": self.status,
            "status_reason": self.status_reason,
            "checkpoint_id": checkpoint if is_job else None,
            "job_id": job if is_job else None,
            "file_id": self.source if is_file else None,
            "url": None if is_job or is_file else self.source,
            "created_at": int(self.made_at),
            "description": self.description,
            # Captured: the vendor is not the first part of the name. Only this pair is known.
            "vendor": "meta" if vendor == "meta-llama" else vendor,
            **TRAITS,
        }

    def whole(self) -> dict[str, Any]:
        """Return everything known about the model, for tests and the admin routes."""
        more = {"short_name", "custom_name", "status_reason", "ai_project_id"}
        return {**self.created(), **self.model_dump(include=more)}


class Models(Store[Model]):
    """The models by full name."""

    kind, family, model, key = "model", "models", Model, "name"

    def live(self) -> list[Model]:
        """Return all models not deleted, newest last, without counting as a read."""
        return [model for model in list(self.items.values()) if model.is_live]

    def find(self, identifier: str, *, live: bool = True) -> Model:
        """Return the model of a full or short name.

        Raises:
            Missing: there is none, or, with `live`, it was deleted.
        """
        same = (model for model in self.items.values() if model.short_name == identifier)
        model = self.items.get(identifier) or next(same, None)
        if model is None or (live and not model.is_live):
            raise self.missing(identifier)
        return model

    def create(self, new: NewModel, project: str) -> Model:
        """Create a model as the service would: `validating`, or `active` with `active_on_create`."""
        return self._make(new, project, status="active" if self.settings.active_on_create else "validating")

    def add(self, **given: Any) -> Model:
        """Create a model by hand, from the fields of `ModelByHand`; it stays in its status whatever is read.

        Raises:
            ValueError: a field is missing, unknown or of a wrong type, or the status is none of the four.
        """
        new = ModelByHand(**given)
        project = new.ai_project_id or self.settings.default_project
        return self._make(new, project, status=new.status, settled=True)

    def change(self, name: str, **changes: Any) -> Model:
        """Set fields of a live model by hand, any status included.

        Raises:
            Missing: no live model of this name.
            ValueError: a field is unknown or of a wrong type, or a status is none of the four.
        """
        if wrong := changes.keys() - CHANGEABLE:
            raise ValueError(f"cannot change {sorted(wrong)}; allowed are {sorted(CHANGEABLE)}")
        model = self.find(name)
        settled = model.settled or "status" in changes
        return self.put(Model(**{**model.model_dump(), "settled": settled, **changes}))

    def delete(self, name: str) -> Model:
        """Delete a model and return what it was.

        Raises:
            Missing: unknown or deleted before.
        """
        model = self.find(name)
        return self.put(model.model_copy(update={"status": "deleted", "status_reason": None}))

    def read(self, name: str) -> Model:
        """Return the model of a full or short name; each read advances its validation.

        Raises:
            Missing: unknown, deleted, or still in its read-after-create gap.
        """
        model = self.find(name, live=self.settings.after_delete == "gone")
        if model.is_live and not model.settled:
            model = self.note(model.model_copy(update={"reads": model.reads + 1}))
            if model.reads <= self.settings.missing_reads:
                raise self.missing(name, self.settings.missing_status)
        return self._seen(model)

    def entries(self, project: str) -> list[dict[str, Any]]:
        """Return the list of a project's models, newest last; a list advances validations as a read does."""
        keep_deleted = self.settings.after_delete == "deleted"
        mine = [model for model in self.items.values() if model.ai_project_id == project]
        shown = [model for model in mine if (model.is_live or keep_deleted) and self._is_listed(model)]
        return [self._seen(model).entry() for model in shown]

    def active(self, project: str | None = None) -> list[Model]:
        """Return the models that may be called, of one project or all; this advances validations."""
        mine = [model for model in self.live() if project in {None, model.ai_project_id}]
        return [model for model in map(self._seen, mine) if model.status == "active"]

    def _make(self, new: NewModel, project: str, **more: Any) -> Model:
        drop_fast = self.settings.infix_on_fast == "drop"
        base = new.base_model.removesuffix("-fast") if drop_fast else new.base_model
        # Ten suffixes captured in 2025 have this form.
        short = f"{new.name}-{''.join(self.random.choices(string.ascii_letters, k=4))}"
        name = f"{base}-LoRa:{short}"
        if name in self.items:  # with a seed, a second run draws the suffixes of the first
            return self._make(new, project, **more)
        names = {"name": name, "short_name": short, "custom_name": new.name}
        given = {**new.model_dump(), **names, "ai_project_id": project, "made_at": self.clock(), **more}
        return self.put(Model(**given))

    def _is_listed(self, model: Model) -> bool:
        if model.settled or model.lists >= self.settings.missing_lists:
            return True
        self.note(model.model_copy(update={"lists": model.lists + 1}))
        return False

    def _seen(self, model: Model) -> Model:
        """The model after a look at it: a validation ends with the first look after its time."""
        if model.status != "validating" or model.settled:
            return model
        too_early = self.clock() - model.made_at < self.settings.validation_seconds
        if too_early or model.seen_validating < self.settings.validating_reads:
            # Counts of looks change with every read and are not worth a state file.
            return self.note(model.model_copy(update={"seen_validating": model.seen_validating + 1}))
        by_source = self.settings.failing_sources.get(model.source)
        reason = self.settings.failing_names.get(model.custom_name, by_source)
        status = "active" if reason is None else "error"
        return self.put(model.model_copy(update={"status": status, "status_reason": reason}))


def _create(service: Service, request: Request) -> Answer:
    new, project = request.read(NewModel), service.project(request)
    supported = service.settings.supported_bases
    if not (_BASE.fullmatch(new.base_model) if supported is None else new.base_model in supported):
        # The text of captures of Jul 2026.
        what = f"Base model {new.base_model} does not support LoRa inference yet"
        raise Refused(400, f"{what}, list of supported models: {supported or []}")
    return _answer(service, service.models.create(new, project))


def _read(service: Service, _request: Request, name: str) -> Answer:
    model = service.models.read(name)
    document = model.entry()
    is_first = model.is_live and model.reads == service.settings.missing_reads + 1
    if is_first and service.settings.first_read_without_status:
        del document["status"]
    return as_json(document)


def _answer(service: Service, model: Model) -> Answer:
    return as_json(model.created(short=service.settings.short_name_on_create))


ROUTES = (
    ("POST", "/v0/models", _create),
    ("GET", "/v0/models", lambda service, asked: as_json(service.models.entries(service.project(asked)))),
    ("GET", "/v0/models/(.+)", _read),
    ("DELETE", "/v0/models/(.+)", lambda service, _, name: _answer(service, service.models.delete(name))),
)
