"""The state of a stack: one JSON file in Pulumi's own deployment format (version 3), replaced at every step."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import StateError
from .resources import Resource, from_json, now, refreshed, renamed, to_json
from .secrets import Crypter

PENDING = {"create": "creating", "update": "updating", "delete": "deleting", "read": "reading"}
_MAGIC_VERSION = "nebius_model_resource.testing.engine"


@dataclass
class Snapshot:
    """What a state file holds."""

    resources: list[Resource] = field(default_factory=list)
    pending: list[tuple[Resource, str]] = field(default_factory=list)


class StateFile:
    """The file; `read` and `write` are its only operations, `locked` keeps a second engine out."""

    def __init__(self, path: Path, crypter: Crypter) -> None:
        self.path = path
        self.crypter = crypter

    def read(self) -> Snapshot:
        """The snapshot; an empty one if there is no file yet.

        Raises:
            StateError: The file is not a version 3 deployment.
            SecretError: It holds secrets that the passphrase does not open.
        """
        if not self.path.exists():
            return Snapshot()
        try:
            document = json.loads(self.path.read_text())
        except ValueError as fault:
            raise StateError(f"{self.path} is not a state file: {fault}") from fault
        return self.snapshot(document)

    def snapshot(self, document: Any) -> Snapshot:
        """What a state file's content holds.

        Raises:
            StateError, SecretError: As for `read`.
        """
        try:
            deployment = document["deployment"]
            if document["version"] != 3:
                raise StateError(f"{self.path} is a deployment of version {document['version']!r}, not 3")
        except (KeyError, TypeError) as fault:
            raise StateError(f"{self.path} is not a state file: {fault}") from fault
        self._adopt_salt(deployment)
        return Snapshot(
            [from_json(record, self.crypter) for record in deployment.get("resources") or []],
            [
                (from_json(operation["resource"], self.crypter), operation["type"])
                for operation in deployment.get("pending_operations") or []
            ],
        )

    def _adopt_salt(self, deployment: dict[str, Any]) -> None:
        provider = deployment.get("secrets_providers") or {}
        if provider.get("type", "passphrase") != "passphrase":
            raise StateError(
                f"{self.path} keeps its secrets with {provider['type']!r}; only 'passphrase' is supported"
            )
        salt = (provider.get("state") or {}).get("salt")
        if salt:
            self.crypter.salt = salt

    def write(self, snapshot: Snapshot) -> None:
        """Replace the file at once: a reader sees the old or the new content, never a part."""
        text = json.dumps(self.document(snapshot), indent=4)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def document(self, snapshot: Snapshot, *, show_secrets: bool = False) -> dict[str, Any]:
        """The file's content, as `pulumi stack export` prints it."""
        crypter = None if show_secrets else self.crypter
        resources = [to_json(resource, crypter) for resource in snapshot.resources]
        pending = [
            {"resource": to_json(resource, crypter), "type": kind} for resource, kind in snapshot.pending
        ]
        time = now()
        manifest = {
            "time": time,
            "magic": hashlib.sha256(time.encode()).hexdigest(),
            "version": _MAGIC_VERSION,
        }
        deployment: dict[str, Any] = {"manifest": manifest}
        if self.crypter.salt:
            deployment["secrets_providers"] = {"type": "passphrase", "state": {"salt": self.crypter.salt}}
        if resources:
            deployment["resources"] = resources
        if pending:
            deployment["pending_operations"] = pending
        return {"version": 3, "deployment": {**deployment, "metadata": {}}}

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the stack against other engines; the lock ends with the process, however that ends.

        Raises:
            StateError: Another operation is under way on this stack.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(self.path.name + ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as fault:
                raise StateError(
                    "the stack is currently locked by another operation of this engine"
                ) from fault
            yield


class Journal:
    """The snapshot while an operation runs: what is new, what is finished, what is in flight."""

    def __init__(self, file: StateFile, base: Snapshot, *, dry_run: bool) -> None:
        self._file = file
        self._base = list(base.resources)
        self._new: list[Resource] = []
        self._done: set[Resource] = set()
        # A create that a killed run left unanswered stays on record until a person clears it (as with the real engine).
        self._left = [(resource, kind) for resource, kind in base.pending if kind == PENDING["create"]]
        self._pending: list[tuple[Resource, str]] = []
        self._lock = threading.RLock()
        self._dry_run = dry_run
        self.refreshing = False  # references to a resource that is gone may remain at any time

    def begin(self, resource: Resource, kind: str) -> None:
        """Record that the provider is about to be called for an operation."""
        with self._lock:
            if resource.additional_secret_outputs:
                # A resource that cannot be recorded must not be created.
                self._file.crypter.require_passphrase()
            self._pending.append((resource, PENDING[kind]))
            try:
                self.save()
            except BaseException:
                self._pending.pop()
                raise

    def end(self, resource: Resource, *, new: Resource | None = None, done: Resource | None = None) -> None:
        """Record that the operation on `resource` is over, and what it leaves."""
        with self._lock:
            self._pending = [entry for entry in self._pending if entry[0] is not resource]
            if done is not None:
                self._done.add(done)
            if new is not None and new not in self._new:
                self._new.append(new)
            self.save()

    def replace_base(self, found: dict[Resource, Resource | None]) -> list[Resource]:
        """Replace resources by what a refresh has found, and return all; None means that a resource is gone."""
        with self._lock:
            pairs = [(old, found.get(old, old)) for old in self._base]
            olds = [old for old, new in pairs if new is not None]
            news = refreshed([new for _, new in pairs if new is not None], tidied=True)
            self._base = [new for old, new in zip(olds, news, strict=True) if old not in self._done]
            self.save()
            return self._base

    def save(self) -> None:
        """Write the file; does nothing in a preview."""
        if not self._dry_run:
            with self._lock:
                self._file.write(self.snapshot())

    def snapshot(self) -> Snapshot:
        """What the state is at this moment."""
        with self._lock:
            new = [resource for resource in self._new if resource not in self._done]
            fresh = set(new)
            base = [each for each in self._base if each not in self._done and each not in fresh]
            resources = refreshed(new + base, tidied=False) if self.refreshing else new + base
            return Snapshot(renamed(resources), self._left + self._pending)
