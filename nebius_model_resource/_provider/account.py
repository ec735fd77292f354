"""One account: its client, and what all resource types of a process share."""

from __future__ import annotations

import threading
from functools import lru_cache, partial
from operator import attrgetter

from nebius_model_resource._provider.create import Creator
from nebius_model_resource._provider.listing import SharedList
from nebius_model_resource._provider.preflight import Preflight
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.names import GeneratedName
from nebius_model_resource._service.settings import Settings
from nebius_model_resource._service.types import DELETED, FileInfo, ModelInfo


def short_name(name: str) -> str:
    """The part of a model's full or short name that both have."""
    return GeneratedName.parse(name).short


class Account:
    """One account; all threads of a process share it.

    Attributes:
        client: sends the requests.
        creator: sends the POSTs.
        uploaded: the ids of the files that this run uploaded.
        preflight: asks about new models.
    """

    def __init__(self, client: Client) -> None:
        """Sends nothing."""
        self.client = client
        self.creator = Creator(client)
        self.uploaded: set[str] = set()
        self.preflight = Preflight(client, self.uploaded)
        self._lock = threading.Lock()
        self._models: dict[str | None, SharedList[ModelInfo]] = {}
        self._files: dict[str | None, SharedList[FileInfo]] = {}

    def models(self, project: str | None) -> SharedList[ModelInfo]:
        """The list of a project's models."""
        with self._lock:
            if project not in self._models:
                self._models[project] = SharedList(
                    partial(self.client.list_models, project),
                    self.client.clock,
                    id_of=attrgetter("name"),
                    key=short_name,
                    is_gone=lambda model: model.status == DELETED,
                )
            return self._models[project]

    def files(self, project: str | None) -> SharedList[FileInfo]:
        """The list of a project's files."""
        with self._lock:
            if project not in self._files:
                read = partial(self.client.list_files, project)
                self._files[project] = SharedList(read, self.client.clock, id_of=attrgetter("id"))
            return self._files[project]


@lru_cache(maxsize=8)
def account_of(settings: Settings) -> Account:
    """The account of some settings: all resource types share it, and so a pause that the service asks for."""
    return Account(Client(settings))
