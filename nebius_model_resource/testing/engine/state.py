"""The state of a stack: one JSON file in Pulumi's own deployment format (version 3), replaced at every step."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .errors import StateError
from .resources import Resource, from_json, tidied, to_json
from .secrets import Crypter

_VERSION = "nebius_model_resource.testing.engine"


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
            return self.snapshot(json.loads(self.path.read_text()))
        except (ValueError, KeyError, TypeError) as fault:
            raise StateError(f"{self.path} is not a state file: {fault!r}") from fault

    def snapshot(self, document: Any) -> Snapshot:
        """What a state file's content holds.

        Raises:
            StateError, SecretError: As for `read`.
        """
        deployment = document["deployment"]
        if document["version"] != 3:
            raise StateError(f"{self.path} is a deployment of version {document['version']!r}, not 3")
        provider = deployment.get("secrets_providers") or {}
        self.crypter.salt = (provider.get("state") or {}).get("salt") or self.crypter.salt
        resources = [from_json(record, self.crypter) for record in deployment.get("resources") or []]
        pending = deployment.get("pending_operations") or []
        return Snapshot(
            resources, [(from_json(each["resource"], self.crypter), each["type"]) for each in pending]
        )

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
        time = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        deployment: dict[str, Any] = {"manifest": {"time": time, "magic": "", "version": _VERSION}}
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
        # SQLite alone of the standard library has such a lock on every system. The file stays empty.
        place = self.path.with_name(self.path.name + ".lock")
        with contextlib.closing(sqlite3.connect(place, timeout=0, isolation_level=None)) as lock:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as fault:
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
        self._left = [(resource, kind) for resource, kind in base.pending if kind == "creating"]
        self._pending: list[tuple[Resource, str]] = []
        self._lock = threading.RLock()
        self._dry_run = dry_run

    def begin(self, resource: Resource, kind: str) -> None:
        """Record that the provider is about to be called for an operation."""
        with self._lock:
            self._pending.append((resource, kind))
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
            present = [found.get(old, old) for old in self._base if old not in self._done]
            self._base = [each for each in present if each is not None]
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
            return Snapshot(tidied(new + base), self._left + self._pending)
