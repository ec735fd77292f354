"""A dynamic provider whose world is one JSON file, with knobs that make any of its methods fail.

The host's working directory is the project's folder, so the world (``world.json``), the knobs (``knobs.json``) and the
record of calls (``calls.jsonl``) are beside this file. It is imported by name, hence pickled by reference.
"""

from __future__ import annotations

import fcntl
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pulumi
from pulumi import dynamic

HERE = Path.cwd()
CONFIGURATION = ("lab:account", "lab:color", "lab:token", "other:token")


@contextmanager
def world() -> Iterator[dict[str, Any]]:
    """The world's items by id, locked against the host's other threads and written back."""
    with (HERE / "world.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = HERE / "world.json"
        items = json.loads(path.read_text()) if path.exists() else {}
        yield items
        path.write_text(json.dumps(items, indent=1))


def knob(method: str, key: str) -> Any:
    """What the knobs say for this method of this item: None, or a message, a number, a dictionary."""
    path = HERE / "knobs.json"
    knobs = json.loads(path.read_text()) if path.exists() else {}
    return knobs.get(f"{method}:{key}", knobs.get(method))


def plain(value: Any) -> Any:
    """The value with unknowns and pickles shown as words, so that two engines' records compare."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in sorted(value.items()) if key != "__provider"}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return (
        "<unknown>"
        if value == pulumi.runtime.rpc.UNKNOWN or isinstance(value, pulumi.output.Unknown)
        else value
    )


def arrived(name: str) -> Any:
    """A variable of the host's own method that has called the provider: `request` or `context`."""
    frame = sys._getframe(1)
    while not {"request", "context"} <= set(frame.f_locals):
        assert frame.f_back is not None, "not called by a host"
        frame = frame.f_back
    return frame.f_locals[name]


def record(method: str, **fields: Any) -> None:
    """Append one call to the record, with its URN and its time-out, and the account of the host if it has one."""
    request = arrived("request")
    call = {"call": method, "urn": request.urn}
    if getattr(request, "timeout", 0):
        call["timeout"] = request.timeout
    if "lab:account" in Shelf.config:
        call["account"] = Shelf.config["lab:account"]
    with (HERE / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps({**call, **{key: plain(value) for key, value in fields.items()}}) + "\n")


def fail(method: str, key: str) -> None:
    """Raise what the knob for this call holds; with `until` it waits for a file of that name instead."""
    order = knob(method, key)
    while isinstance(order, dict):
        time.sleep(0.05)
        if (HERE / order["until"]).exists():
            return
    if order is not None:
        raise RuntimeError(str(order))


def abort_partially(
    id_: str, outs: dict[str, Any], reasons: list[str], inputs: dict[str, Any] | None = None
) -> None:
    """Report partial state as the engine's protocol does: an error whose details carry the resource."""
    import grpc
    from google.protobuf import struct_pb2
    from google.rpc import status_pb2
    from pulumi.runtime.proto import errors_pb2, provider_pb2  # noqa: F401

    context = arrived("context")
    properties = struct_pb2.Struct()
    properties.update(outs)
    detail = provider_pb2.ErrorResourceInitFailed(id=id_, properties=properties, reasons=reasons)
    if inputs is not None:
        detail.inputs.update(inputs)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message="unfinished")
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, "unfinished")


class Shelf(dynamic.ResourceProvider):
    """Items with `key`, `label` (updatable), `kind` (forces a replacement) and `link` (forces one too)."""

    serialize_as_secret_always = False
    config: ClassVar[dict[str, Any]] = {}

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Store the configuration; that of an explicit provider, which has an account, is recorded too."""
        found = {key: req.config.get(key) for key in CONFIGURATION}
        # A host has one configuration.
        Shelf.config = {key: value for key, value in found.items() if value is not None}
        if "lab:account" in Shelf.config:
            record("configure", config=Shelf.config)

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Refuse the item if the knob `check:<key>` says so, as a fault of `label`."""
        record("check", olds=olds, news=news)
        order = knob("check", str(news.get("key")))
        failures = [dynamic.CheckFailure("label", order)] if order else []
        return dynamic.CheckResult(news, failures)

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Any of `kind`, `key` and `link` replaces; `label` and the rest update."""
        record("diff", id=id_, olds=olds, news=news)
        key = str(news.get("key"))
        fail("diff", key)
        names = sorted((olds.keys() | news.keys()) - {"__provider", "serial", "stamp"})
        changed = [name for name in names if olds.get(name) != news.get(name)]
        replaces = [name for name in changed if name in ("kind", "key", "link")]
        return dynamic.DiffResult(changes=bool(changed), replaces=replaces)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Put an item into the world under a fresh id."""
        record("create", props=props)
        key = str(props.get("key"))
        for stream, text in (knob("say", key) or {}).items():
            print(text, file={"out": sys.stdout, "err": sys.stderr}[stream])
        fail("create", key)
        with world() as items:
            serial = 1 + max((int(item["serial"]) for item in items.values()), default=0)
            id_ = f"{key}-{sum(name.rsplit('-', 1)[0] == key for name in items) + 1}"
            while id_ in items:
                id_ += "x"
            items[id_] = {**_own(props), "serial": serial}
        outs = {**props, "stamp": f"made:{key}"}
        unfinished = knob("partial", key)
        if unfinished:
            abort_partially(id_, outs, [unfinished])
        return dynamic.CreateResult(id_, outs)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return what the world holds now, with inputs; an empty id if the item is gone."""
        record("read", id=id_, props=props)
        fail("read", str(props.get("key")))
        with world() as items:
            item = items.get(id_)
        if item is None:
            return dynamic.ReadResult("", {})
        seen = {name: value for name, value in item.items() if name != "serial"}
        stamp = {"stamp": props["stamp"]} if "stamp" in props else {"stamp": f"read:{id_}"}
        unfinished = knob("partial-read", str(props.get("key")))
        if unfinished:
            seen["__provider"] = props["__provider"]
            abort_partially(id_, {**seen, **stamp}, unfinished, seen)
        return dynamic.ReadResult(id_, {**seen, **stamp}, dict(seen))

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Change the item in place."""
        record("update", id=id_, olds=olds, news=news)
        key = str(news.get("key"))
        fail("update", key)
        with world() as items:
            items[id_] = {**items.get(id_, {"serial": 0}), **_own(news)}
        outs = {**news, "stamp": f"updated:{key}"}
        unfinished = knob("partial-update", key)
        if unfinished:
            abort_partially(id_, outs, [unfinished])
        return dynamic.UpdateResult(outs)

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Remove the item."""
        record("delete", id=id_, props=props)
        fail("delete", str(props.get("key")))
        with world() as items:
            items.pop(id_, None)


def _own(props: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in props.items() if name not in ("__provider", "stamp")}


class Item(dynamic.Resource, name="Item"):
    """One thing on the shelf."""

    stamp: pulumi.Output[str]
    key: pulumi.Output[str]
    label: pulumi.Output[str]

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        defaults = {"key": name, "label": None, "kind": None, "link": None, "stamp": None}
        super().__init__(Shelf(), name, {**defaults, **props}, opts)


class Rack(pulumi.ComponentResource):
    """A component that holds items; `kind` is the last part of its type."""

    def __init__(self, name: str, kind: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"lab:index:{kind}", name, None, opts)
