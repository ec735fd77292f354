"""All the parts of one emulated service, held together."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from .faults import FaultTable
from .files import Files
from .keeping import StateFile
from .limits import RateLimit
from .requests import RequestLog
from .sources import flaw_of
from .store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .settings import Settings


class Service:
    """The store, files, faults, limit and request log that one application works on."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        state_file: Path | None = None,
    ) -> None:
        keeper = StateFile(state_file) if state_file is not None else None
        self.settings = settings
        self.clock = clock
        self.files = Files(clock, settings.seed)
        self.store = Store(settings, clock, keeper.save if keeper else None, self._flaw_of)
        self.faults = FaultTable(settings.seed)
        self.limit = RateLimit(settings, clock)
        self.requests = RequestLog()
        self._random = random.Random(settings.seed)
        if keeper is not None:
            self.store.load(keeper.load())

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

    def _flaw_of(self, source: str) -> str | None:
        return flaw_of(source, self.files, self.settings)
