"""Which resource of the stack holds which model, as far as the host of one operation has seen.

The engine tells a provider neither the state nor the program, only one resource after the other, in an order of its
own. So each resource says what it holds (``diff``) or wants to adopt (``check``), and whoever comes second is told.
A model is known here by its short name, which is in every spelling of its name.
"""

from __future__ import annotations

import threading

from nebius_model_resource.models import GeneratedName


class Holders:
    """The holders of one operation; safe to share between threads.

    Resources are told apart by their URNs.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claims: dict[str, str] = {}  # by declared adoption or by state: the first to say so
        self._held: dict[str, str] = {}  # by state
        self._adopted: dict[str, str] = {}  # in this operation
        self._reads: dict[str, str] = {}  # by URN: what a resource reads without owning it

    def adopt(self, name: str, urn: str) -> str | None:
        """A resource that does not exist yet declares to adopt a model; why it must not, otherwise None."""
        short = GeneratedName.parse(name).short
        with self._lock:
            if self._held.get(short) == urn:
                return (
                    f"{name!r} is the model that this change replaces, and would be deleted after it: "
                    "take `import_` away to make a new one, or take the change back"
                )
            other = self._claims.setdefault(short, urn)
            if other == urn:
                return None
            return f"{name!r} is held or adopted by another resource of this stack, {other}: declare it once"

    def hold(self, name: str, urn: str) -> str | None:
        """A resource holds a model in the state; why it must not, otherwise None."""
        short = GeneratedName.parse(name).short
        with self._lock:
            self._held[short] = urn
            other = self._claims.setdefault(short, urn)
            if other == urn:
                return None
            return (
                f"the model {name!r} is held by this resource, and held or adopted by {other} as well: "
                "declare it once; where both are in the state already, `pulumi state delete` one of them"
            )

    def adopted(self, name: str, urn: str) -> None:
        """A resource has taken a model over."""
        with self._lock:
            self._adopted[GeneratedName.parse(name).short] = urn

    def read(self, name: str, urn: str) -> None:
        """A resource reads that model without owning it."""
        with self._lock:
            self._reads[urn] = GeneratedName.parse(name).short

    def keeper(self, name: str, urn: str) -> str | None:
        """The resource for whose sake a deletion must leave a model alone, None where it need not.

        Where one resource has adopted what another held, or what its own predecessor held, the engine still
        deletes the old one.

        Args:
            name: the model.
            urn: the resource whose deletion is asked for.
        """
        short = GeneratedName.parse(name).short
        with self._lock:
            if short in self._adopted:
                return self._adopted[short]
            if self._reads.get(urn) == short:
                return urn
            holder = self._held.get(short, urn)
            return holder if holder != urn else None
