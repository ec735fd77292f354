"""The models of the emulator: created, read, listed and deleted by the API, and changed outside of it."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import names, states
from .model import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .settings import Settings

CHANGEABLE = frozenset(
    {"base_model", "source", "description", "ai_project_id", "made_at", "status", "status_reason"}
)


class ModelMissingError(LookupError):
    """No such model, or one that is not visible yet.

    `status` is the code to answer while a new model is not visible, and None for a name that is unknown.
    """

    def __init__(self, name: str, status: int | None = None) -> None:
        super().__init__(f"no model {name!r}")
        self.name = name
        self.status = status


class Store:
    """Keeps models by name; safe to use from several threads.

    Args:
        settings: read on every call, so changes take effect at once.
        clock: gives Unix time in seconds.
        on_change: called with all models, deleted ones too, after each change to be stored.
        flaw_of: with the setting `check_sources`, returns what is wrong with a source when a validation ends.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        on_change: Callable[[Iterable[Model]], None] | None = None,
        flaw_of: Callable[[str], str | None] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._on_change = on_change
        self._flaw_of = flaw_of
        self._lock = threading.RLock()
        self._random = random.Random(settings.seed)
        self._models: dict[str, Model] = {}
        self._full_names: dict[str, str] = {}

    def load(self, models: Iterable[Model]) -> None:
        """Load the models of an earlier run."""
        with self._lock:
            for model in models:
                self._keep(model)

    def known(self) -> int:
        """The number of models, deleted ones too."""
        return len(self._models)

    def clear(self) -> None:
        """Remove every model without a trace, the deleted ones too."""
        with self._lock:
            self._models.clear()
            self._full_names.clear()

    def create(
        self,
        *,
        name: str,
        base_model: str,
        source: str,
        description: str | None = None,
        ai_project_id: str | None = None,
    ) -> Model:
        """Create a model as the service would: `validating`, or `active` with `active_on_create`."""
        status = states.ACTIVE if self._settings.active_on_create else states.VALIDATING
        return self._make(
            status,
            custom_name=name,
            base_model=base_model,
            source=source,
            description=description,
            ai_project_id=self._settings.project_of(ai_project_id),
        )

    def read(self, name: str) -> Model:
        """Return the model of a full or short name; each read advances its validation.

        Raises:
            ModelMissingError: unknown, deleted, or still in its read-after-create gap.
        """
        with self._lock:
            model = self._find(name)
            if not model.is_live and self._settings.after_delete == "gone":
                raise ModelMissingError(name)
            if model.is_live and not model.settled:
                model = self._keep(replace(model, reads=model.reads + 1))
                if model.reads <= self._settings.missing_reads:
                    raise ModelMissingError(name, self._settings.missing_status)
            return self._seen(model)

    def select(self, ai_project_id: str | None = None) -> list[Model]:
        """Return the models of a project, newest last; a list advances validations as a read does."""
        project = self._settings.project_of(ai_project_id)
        keep_deleted = self._settings.after_delete == "deleted"
        with self._lock:
            mine = [model for model in self._models.values() if model.ai_project_id == project]
            shown = [model for model in mine if (model.is_live or keep_deleted) and self._is_listed(model)]
            return [self._seen(model) for model in shown]

    def delete(self, name: str) -> Model:
        """Delete a model and return what it was.

        Raises:
            ModelMissingError: unknown or deleted before.
        """
        with self._lock:
            model = self._find(name)
            if not model.is_live:
                raise ModelMissingError(name)
            return self._move(model, states.DELETED)

    def active(self, ai_project_id: str) -> list[Model]:
        """Return the models of a project that may be called, newest last; this advances validations."""
        with self._lock:
            mine = [model for model in self.live() if model.ai_project_id == ai_project_id]
            return [model for model in map(self._seen, mine) if model.status == states.ACTIVE]

    def called(self, full_name: str) -> Model | None:
        """Return the active model of a full name, or None; a call advances its validation as a read does."""
        with self._lock:
            model = self._models.get(full_name)
            if model is None or not model.is_live:
                return None
            model = self._seen(model)
            return model if model.status == states.ACTIVE else None

    def live(self) -> list[Model]:
        """Return all models not deleted, newest last, without counting as a read."""
        with self._lock:
            return [model for model in self._models.values() if model.is_live]

    def add(
        self,
        *,
        name: str,
        base_model: str,
        source: str,
        description: str | None = None,
        status: str = states.ACTIVE,
        ai_project_id: str | None = None,
    ) -> Model:
        """Create a model by hand; it stays in `status` whatever is read.

        Raises:
            ValueError: `status` is none of the four.
        """
        return self._make(
            states.check_state(status),
            custom_name=name,
            base_model=base_model,
            source=source,
            description=description,
            ai_project_id=self._settings.project_of(ai_project_id),
            settled=True,
        )

    def change(self, name: str, **fields: Any) -> Model:
        """Set fields of a live model by hand, any status included.

        Raises:
            ModelMissingError: no live model of this name.
            ValueError: a field is unknown, or a status is none of the four.
        """
        if unknown := set(fields) - CHANGEABLE:
            raise ValueError(f"cannot change {sorted(unknown)}; allowed are {sorted(CHANGEABLE)}")
        if "status" in fields:
            states.check_state(fields["status"])
        with self._lock:
            model = self._find(name)
            if not model.is_live:
                raise ModelMissingError(name)
            settled = model.settled or "status" in fields
            return self._save(replace(model, settled=settled, **fields))

    def _make(self, status: str, *, custom_name: str, base_model: str, **fields: Any) -> Model:
        drop_fast = self._settings.infix_on_fast == "drop"
        with self._lock:
            short = self._unused_short_name(custom_name)
            return self._save(
                Model(
                    name=names.full_name(base_model, short, drop_fast=drop_fast),
                    short_name=short,
                    custom_name=custom_name,
                    base_model=base_model,
                    made_at=self._clock(),
                    status=status,
                    **fields,
                )
            )

    def _unused_short_name(self, name: str) -> str:
        while (short := names.short_name(name, self._random)) in self._full_names:
            pass
        return short

    def _find(self, name: str) -> Model:
        model = self._models.get(name) or self._models.get(self._full_names.get(name, ""))
        if model is None:
            raise ModelMissingError(name)
        return model

    def _is_listed(self, model: Model) -> bool:
        if model.settled or model.lists >= self._settings.missing_lists:
            return True
        self._keep(replace(model, lists=model.lists + 1))
        return False

    def _seen(self, model: Model) -> Model:
        if model.status != states.VALIDATING or model.settled:
            return model
        if not self._is_validated(model):
            return self._keep(replace(model, seen_validating=model.seen_validating + 1))
        reason = self._failure(model)
        return self._move(model, states.ACTIVE if reason is None else states.ERROR, reason)

    def _failure(self, model: Model) -> str | None:
        reason = self._settings.failure_of(model.custom_name, model.source)
        if reason is None and self._settings.check_sources and self._flaw_of is not None:
            return self._flaw_of(model.source)
        return reason

    def _is_validated(self, model: Model) -> bool:
        seen_enough = model.seen_validating >= self._settings.validating_reads
        return seen_enough and self._clock() - model.made_at >= self._settings.validation_seconds

    def _move(self, model: Model, status: str, reason: str | None = None) -> Model:
        return self._save(
            replace(model, status=states.check_transition(model.status, status), status_reason=reason)
        )

    def _keep(self, model: Model) -> Model:
        self._models[model.name] = model
        self._full_names[model.short_name] = model.name
        return model

    def _save(self, model: Model) -> Model:
        self._keep(model)
        if self._on_change is not None:
            self._on_change(self._models.values())
        return model
