"""Keeping models in a file from one run to the next."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from .model import Model

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class StateFile:
    """A JSON file of models, replaced as a whole so that a killed emulator leaves no half file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> list[Model]:
        """Return the models kept, none if there is no file yet.

        Raises:
            ValueError: the file is not one of ours.
        """
        if not self.path.exists():
            return []
        try:
            return [Model.from_dict(stored) for stored in json.loads(self.path.read_text("utf-8"))["models"]]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{self.path} is not a state file of the emulator: {error}") from error

    def save(self, models: Iterable[Model]) -> None:
        """Replace what is kept."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(self.path.name + ".new")
        draft.write_text(json.dumps({"models": [asdict(model) for model in models]}, indent=1), "utf-8")
        draft.replace(self.path)
