"""What every kind of thing at the service has in common: it is stored by id, and may outlive the process."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from .answers import NO_ACCESS, Missing, error

if TYPE_CHECKING:
    from .core import Service

Item = TypeVar("Item", bound=BaseModel)


class Store(Generic[Item]):
    """Things of one kind by id, oldest first; the service's lock guards them.

    A new kind of thing is a frozen model of pydantic, so that a reader never sees half a change, and a store that
    derives from this one and names its `family`, so that a state file holds it too.
    """

    kind: ClassVar[str]  # in messages
    family: ClassVar[str]  # in `Service.stores` and in a state file
    model: ClassVar[type[BaseModel]]
    key: ClassVar[str] = "id"  # the field that is the id

    def __init__(self, service: Service) -> None:
        self.service = service
        self.settings = service.settings
        self.clock = service.clock
        self.random = random.Random(service.settings.seed)
        self.items: dict[str, Item] = {}
        service.stores[self.family] = self

    def note(self, item: Item) -> Item:
        """Add or replace a thing."""
        self.items[getattr(item, self.key)] = item
        return item

    def put(self, item: Item) -> Item:
        """Add or replace a thing, and write the state file."""
        self.note(item)
        self.service.save()
        return item

    def fresh_id(self, prefix: str) -> str:
        """Return a random id that no thing has."""
        drawn = f"{prefix}{self.random.getrandbits(128):032x}"
        # With a seed, a second run draws the ids of the first.
        return self.fresh_id(prefix) if drawn in self.items else drawn

    def find(self, identifier: str) -> Item:
        """Return the thing of an id.

        Raises:
            Missing: there is none.
        """
        if identifier not in self.items:
            raise Missing(self.kind, identifier)
        return self.items[identifier]

    def remove(self, identifier: str) -> Item:
        """Delete a thing for good, and return what it was.

        Raises:
            Missing: there is none.
        """
        item = self.find(identifier)
        del self.items[identifier]
        self.service.save()
        return item

    def missing(self, identifier: str, status: int = 404) -> Missing:
        """Return the error for an id that is unknown, as the setting `hidden_missing` wants it."""
        missing = Missing(self.kind, identifier)
        if status != 404 or self.settings.hidden_missing:
            missing.answer = error(403 if status == 404 else status, NO_ACCESS)
        return missing

    def dump(self) -> list[dict[str, Any]]:
        """Return all things as JSON has them."""
        return [item.model_dump() for item in list(self.items.values())]

    def restore(self, stored: Iterable[Any]) -> None:
        """Load things, or what `dump` returned; fields of other versions are ignored."""
        for each in stored:
            self.note(self.model.model_validate(each))  # type: ignore[arg-type]  # `model` is the class of `Item`


def load(path: Path, stores: Mapping[str, Store[Any]]) -> None:
    """Fill stores from a state file, if there is one.

    Raises:
        ValueError: the file is not one of ours.
    """
    if not path.exists():
        return
    try:
        content = json.loads(path.read_text("utf-8"))
        for name, store in stores.items():
            # A file of an earlier version has models only.
            store.restore(content[name] if name == "models" else content.get(name, []))
    except (KeyError, TypeError, AttributeError, ValueError) as mistake:
        raise ValueError(f"{path} is not a state file of the emulator: {mistake}") from mistake


def save(path: Path, stores: Mapping[str, Store[Any]]) -> None:
    """Write a state file, always as a whole: a killed emulator leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.write_text(json.dumps({name: store.dump() for name, store in stores.items()}, indent=1), "utf-8")
    draft.replace(path)
