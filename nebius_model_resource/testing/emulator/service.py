"""All the parts of one emulated service."""

from __future__ import annotations

import random
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from .faults import FaultTable
from .files import Files
from .job import Job
from .jobs import Jobs
from .keeping import StateFile
from .limits import RateLimit
from .model import Model
from .requests import RequestLog
from .sources import flaw_of
from .store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from .settings import Settings


class Service:
    """The models, jobs, files, faults, limit and request log that one application works on."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        state_file: Path | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._add_stores(StateFile(state_file) if state_file is not None else None)
        self.faults = FaultTable(settings.seed)
        self.limit = RateLimit(settings, clock)
        self.requests = RequestLog()
        self._random = random.Random(settings.seed)

    def _add_stores(self, keeper: StateFile | None) -> None:
        if keeper is None:
            self.files = Files(self.clock, self.settings.seed)
            self.jobs = Jobs(self.settings, self.clock, self.files)
            self.store = Store(self.settings, self.clock, None, self._flaw_of)
            return

        def save(part: str) -> Callable[[Iterable[Model | Job]], None]:
            return lambda things: keeper.save(part, [asdict(each) for each in things])

        self.files = Files(
            self.clock, self.settings.seed, lambda files: keeper.save("files", files), keeper.contents()
        )
        self.jobs = Jobs(self.settings, self.clock, self.files, save("jobs"))
        self.store = Store(self.settings, self.clock, save("models"), self._flaw_of)
        self.store.load(keeper.load("models", Model.from_dict))
        self.jobs.load(keeper.load("jobs", Job.from_dict))
        self.files.load(keeper.load("files", dict))

    def request_id(self) -> str:
        """Return a fresh value for `x-request-id`, a header seen live on every answer."""
        return f"{self._random.getrandbits(128):032x}"

    def key_project(self, authorization: str | None) -> str | None:
        """Return the project that an Authorization header acts for, None if the key is unknown."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return None
        if key == self.settings.api_key:
            return self.settings.default_project
        return self.settings.api_keys.get(key)

    def may_use(self, project: str, key_project: str | None) -> bool:
        """Return whether a key may act in a project: the master key in all, another in its own."""
        # It is not documented which projects a real key reaches.
        return key_project in {self.settings.default_project, project}

    def callable_bases(self) -> list[str]:
        """Return the base models that may be called."""
        return list(dict.fromkeys([*self.settings.base_models, *(self.settings.supported_bases or [])]))

    def may_call(self, name: str, key_project: str | None) -> bool:
        """Return whether a chat call may name this model: a base, or a custom model that is active."""
        if name in self.callable_bases():
            return True
        model = self.store.called(name)
        return model is not None and self.may_use(model.ai_project_id, key_project)

    def _flaw_of(self, source: str) -> str | None:
        return flaw_of(source, self.files, self.jobs, self.settings)
