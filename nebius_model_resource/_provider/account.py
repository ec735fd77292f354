"""One account: its client, and what all resource types of a process share."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

from nebius_model_resource._provider.create import Creator
from nebius_model_resource._provider.listing import Collection, SharedList
from nebius_model_resource._provider.preflight import Preflight
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.settings import Settings

_T = TypeVar("_T")


class Account:
    """One account; all threads of a process share it.

    Attributes:
        client: sends the requests.
        creator: sends the POSTs.
        uploaded: the ids of the files that this run uploaded.
        preflight: asks about what is about to be created.
    """

    def __init__(self, client: Client) -> None:
        """Sends nothing."""
        self.client = client
        self.creator = Creator(client)
        self.uploaded: set[str] = set()
        self.preflight = Preflight(client, self.uploaded)
        self._lists: dict[tuple[Collection[Any], str | None], SharedList[Any]] = {}

    def things(self, collection: Collection[_T], project: str | None) -> SharedList[_T]:
        """The list of a project's models, files or endpoints."""
        return self._lists.setdefault((collection, project), SharedList(self.client, collection, project))


@lru_cache(maxsize=8)
def account_of(settings: Settings) -> Account:
    """The account of some settings: all resource types share it, and so a pause that the service asks for."""
    return Account(Client(settings))
