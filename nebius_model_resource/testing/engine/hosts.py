"""The hosts of one operation: one for each provider resource, configured with its inputs and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .errors import DiffUnavailable, EngineError
from .host import Calls, Diff
from .resources import Resource
from .values import UNKNOWN_TEXT, Properties, Unknown, holds


@dataclass
class _Held:
    """A host with its configuration; it starts with its first use."""

    urn: str
    config: Properties
    calls: Calls | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stop(self) -> None:
        """End it if it runs."""
        with self.lock:
            if self.calls is not None:
                self.calls.stop()


class Hosts:
    """Finds the host of a resource by the provider that it refers to. Any thread may call its methods."""

    def __init__(self, make: Callable[[], Calls], recorded: Iterable[Resource]) -> None:
        """Nothing is started yet.

        Args:
            make: creates a host, which is started then.
            recorded: the resources of the state: they serve what no program has declared.
        """
        self._make = make
        self._recorded = {_key(each.reference): each for each in recorded if each.is_provider}
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def declare(self, provider: Resource) -> None:
        """Use a provider with its present inputs from now on.

        It gets another host if its inputs or its name have changed, as with the real engine.
        """
        key = _key(provider.reference)
        with self._lock:
            former = self._held.get(key)
            if former is not None and (former.urn, former.config) == (provider.urn, provider.inputs):
                return
            self._held[key] = _Held(provider.urn, provider.inputs)
        if former is not None:
            former.stop()

    def of(self, resource: Resource) -> Calls:
        """The host of the provider that a resource refers to.

        Raises:
            EngineError: There is no such provider, or its host did not start.
        """
        key = _key(resource.provider)
        with self._lock:
            if key not in self._held:
                if key not in self._recorded:
                    raise EngineError(f"unknown provider '{resource.provider}' for resource {resource.urn}")
                recorded = self._recorded[key]
                self._held[key] = _Held(recorded.urn, recorded.inputs)
            held = self._held[key]
        with held.lock:
            if held.calls is None:
                calls = Unconfigured() if holds(held.config, Unknown) else self._make()
                held.calls = calls
                calls.start(held.config)
            return held.calls

    def close(self) -> None:
        """End every host."""
        for held in self._held.values():
            held.stop()


def _key(reference: str) -> str:
    """The id: it stays the same in a rename. In a preview a new provider has none, and is known by its URN."""
    urn, _, id_ = reference.rpartition("::")
    return urn if id_ == UNKNOWN_TEXT else id_


class Unconfigured(Calls):
    """The answers in a preview for a provider with inputs that are not known yet: no host is asked."""

    def start(self, config: Properties) -> None:
        """There is nothing to start."""

    def stop(self) -> None:
        """There is nothing to stop."""

    def check(self, urn: str, olds: Properties, news: Properties) -> tuple[Properties, list[tuple[str, str]]]:  # noqa: ARG002
        """The inputs, unchanged."""
        return news, []

    def diff(self, urn: str, old: Resource, news: Properties, ignored: list[str]) -> Diff:  # noqa: ARG002
        """It is unknown.

        Raises:
            DiffUnavailable: In any case.
        """
        raise DiffUnavailable(
            "The provider for this resource has inputs that are not known during preview.\n"
            "This preview may not correctly represent the changes that will be applied during an update."
        )

    def preview(self, new: Resource) -> Properties:  # noqa: ARG002
        """No output is known."""
        return {}

    def read(
        self,
        urn: str,  # noqa: ARG002
        resource: Resource,  # noqa: ARG002
        state: Properties,  # noqa: ARG002
    ) -> tuple[str, Properties, Properties | None]:
        """Nothing is known."""
        return "", {}, {}
