"""The account that the resources of one provider process belong to."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from nebius_model_resource._api import settings
from nebius_model_resource._api.models import Fault
from nebius_model_resource._edges.call import Call
from nebius_model_resource.errors import ConfigurationError

if TYPE_CHECKING:
    from nebius_model_resource._api.client import NebiusClient
    from nebius_model_resource._api.files import Files
    from nebius_model_resource._lifecycle.operation import Operation


class Account:
    """What every resource type needs of the stack's configuration.

    Attributes:
        places: where the settings are set, for messages.
        noun: what a resource is called in messages.
        default_seconds: how long an operation may take without ``custom_timeouts``.
    """

    noun = "model"
    default_seconds = 600.0  # for a model to become active: as long as published clients wait

    def __init__(self, lookup: settings.Lookup) -> None:
        """Nothing is sent, and nothing is read, before the first operation.

        Args:
            lookup: the stack's configuration, by its full keys.
        """
        self._lookup = lookup
        self.places = settings.places_of(lookup)

    def project_faults(self, call: Call, inputs: dict[str, Any], secrets: frozenset[str]) -> list[Fault]:
        """Fill in the configured project if the resource names none, and warn of an odd one."""
        given = inputs.get("ai_project_id")
        if given is None:
            try:
                if self.project:
                    inputs["ai_project_id"] = self.project
            except ConfigurationError as error:
                return [Fault("", str(error))]
            hint = settings.project_hint(self._lookup)
        else:
            shown = isinstance(given, str) and "ai_project_id" not in secrets
            hint = settings.odd_project(given, self.places.project_input) if shown else None
        if hint:
            call.warn(hint)
        return []

    @cached_property
    def project(self) -> str | None:
        """The configured project; None for the key's own."""
        return settings.ai_project_id(self._lookup)

    @cached_property
    def configuration_faults(self) -> list[Fault]:
        """What is wrong with the key, the base URL or the switch of the preflight."""
        faults = []
        for read in (settings.load_settings, settings.preflight):
            try:
                read(self._lookup)
            except ConfigurationError as error:
                faults.append(Fault("", str(error)))
        return faults

    def client(self) -> NebiusClient:
        """The account's client, which all resource types of a process share.

        Raises:
            ConfigurationError: no key, or an unusable base URL.
        """
        return _client_of(settings.load_settings(self._lookup))

    def files(self) -> Files:
        """The account's files, which all resource types of a process share.

        Raises:
            ConfigurationError: no key, or an unusable base URL.
        """
        return _files_of(settings.load_settings(self._lookup))

    def operation(self, call: Call) -> Operation:
        """The operation that a call stands for: its deadline, its pauses and its progress."""
        from nebius_model_resource._api.deadline import Deadline
        from nebius_model_resource._lifecycle.operation import Operation, Report

        seconds = call.timeout or self.default_seconds
        deadline = Deadline.after(seconds, sleep=call.sleep, interrupted=call.interrupted)
        return Operation(deadline, Report(call.progress, call.warn))


@lru_cache(maxsize=8)
def _client_of(loaded: settings.Settings) -> NebiusClient:
    """One client for each account, so that a pause that the service asks for holds for every resource type."""
    from nebius_model_resource._api.client import NebiusClient

    return NebiusClient(loaded)


@lru_cache(maxsize=8)
def _files_of(loaded: settings.Settings) -> Files:
    from nebius_model_resource._api.files import Files

    return Files(_client_of(loaded).connection)
