"""The accesses to the host's private names: the code works without a missing name, and reports a bug of ours."""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2
from google.rpc import code_pb2, status_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2

from nebius_model_resource._edges.dynamic import call as dynamic_call
from nebius_model_resource._edges.dynamic.call import (
    DetailedDiff,
    HostCall,
    OperationFailed,
    current_engine,
)
from nebius_model_resource._edges.engine import Engine
from nebius_model_resource._edges.results import Changes
from tests.support.host import URN
from tests.support.host_here import ListeningEngine

OUTPUTS = {"name": "bot"}


class Context:
    """The context that gRPC passes to the host's methods."""

    def __init__(self, *, open_: bool = True) -> None:
        self.sent: list[Any] = []
        self.callbacks: list[Callable[[], None]] = []
        self._open = open_

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Accept it, unless the call is over already."""
        self.callbacks.append(callback)
        return self._open

    def set_trailing_metadata(self, pairs: Any) -> None:
        """Record it."""
        self.sent.append(pairs)

    def abort(self, code: Any, message: str) -> None:
        """End the call as gRPC does."""
        raise OperationFailed(f"{code}: {message}")


class Broken:
    """Fails with an error that no missing name can cause."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(name)


def create_request() -> Any:
    bag = struct_pb2.Struct()
    bag.update({"__provider": "pickled"})
    return provider_pb2.CreateRequest(urn="urn:x", timeout=90, properties=bag)


def call_within(request: Any, context: Any) -> HostCall:
    """A call as the host makes it, from a frame with both names."""
    assert request is not context
    return HostCall()


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["host"])


def test_everything_is_reached() -> None:
    """With a complete host the URN and the time-out are known, and the resource is recorded."""
    context = Context()
    call = call_within(create_request(), context)
    assert (call.urn, call.timeout) == ("urn:x", 90.0)
    assert call.keep("why", "id", OUTPUTS)
    [[(name, sent)]] = context.sent
    assert name == "grpc-status-details-bin"
    status = status_pb2.Status.FromString(sent)
    assert (status.code, status.message) == (code_pb2.UNKNOWN, "why")
    kept = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(kept)
    assert (kept.id, list(kept.reasons)) == ("id", ["why"])
    assert dict(kept.properties) == {**OUTPUTS, "__provider": "pickled"}
    assert not call.failed
    with pytest.raises(OperationFailed, match=r"UNKNOWN.*why"):
        call.fail("why")
    assert call.failed


def test_a_call_outside_of_a_host_knows_nothing() -> None:
    """Without the host's frame there is no URN, time-out or recorded input, and the call still runs."""
    call = HostCall()
    assert (call.urn, call.timeout, call.recorded) == ("", 0.0, None)
    assert (call.ended, call.failed, call.gone.is_set()) == (False, False, False)


def test_the_frame_of_the_host_has_both_names() -> None:
    """A nearer frame with only one of them is skipped."""

    def only_a_context() -> HostCall:
        context = "another"
        call = HostCall()
        assert context
        return call

    def only_a_request() -> HostCall:
        request = "another"
        call = only_a_context()
        assert request
        return call

    def host(request: Any, context: Any) -> HostCall:
        assert request is not context
        return only_a_request()

    assert host(create_request(), Context()).urn == "urn:x"


@pytest.mark.parametrize("recorded", [None, {"name": "bot", "source": "file-1"}])
def test_a_read_has_the_names_of_the_recorded_inputs(recorded: dict[str, str] | None) -> None:
    """A read has no time-out; an import has no inputs in the state."""
    bag = None
    if recorded is not None:
        bag = struct_pb2.Struct()
        bag.update(recorded)
    call = call_within(provider_pb2.ReadRequest(urn="urn:x", inputs=bag), Context())
    assert (call.urn, call.timeout) == ("urn:x", 0.0)
    assert call.recorded == (None if recorded is None else frozenset(recorded))


def test_the_end_of_a_call_means_that_the_engine_is_gone() -> None:
    """A call that ends while it is served has lost its engine; a call that is over, or still runs, has not."""
    context = Context()
    call = call_within(create_request(), context)
    assert not call.gone.is_set()
    call.ended = True
    [end] = context.callbacks
    end()
    assert not call.gone.is_set()
    call.ended = False
    end()
    assert call.gone.is_set()
    assert call_within(create_request(), Context(open_=False)).gone.is_set()


def test_what_the_engine_shows_of_a_kept_resource_is_not_shown_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The engine itself warns of a resource that is recorded as not ready."""
    engine = ListeningEngine()
    monkeypatch.setattr(dynamic_call, "current_engine", lambda: engine)
    call = call_within(create_request(), Context())
    call.warn("before")
    assert call.keep("why", "id", OUTPUTS)
    call.warn("why")
    assert [log.message for log in engine.logs] == ["before"]


class WithoutNames:
    """A request or a context of another kind."""


class WithoutTrailers(Context):
    """A context that takes no trailers."""

    set_trailing_metadata = None  # type: ignore[assignment]


REQUEST, PROVIDER, TRAILERS = "the request", "the provider in the request", "the call's trailers"
END, ABORT = "the end of the call", "the call's end"


@pytest.mark.parametrize(
    ("request_", "context", "missing"),
    [
        (WithoutNames(), Context(), [REQUEST, PROVIDER]),
        (create_request(), WithoutNames(), [END, PROVIDER, ABORT]),
        (create_request(), WithoutTrailers(), [TRAILERS]),
        (WithoutNames(), WithoutNames(), [REQUEST, END, PROVIDER, ABORT]),
    ],
)
def test_the_code_works_without_the_missing_names(
    request_: Any, context: Any, missing: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Without a name nothing is recorded, the message is a plain exception or an abort, and a debug line names it."""
    caplog.set_level("DEBUG", "nebius_model_resource._edges.dynamic.call")
    caplog.clear()
    call = call_within(request_, context)
    assert not call.keep("why", "id", OUTPUTS)
    call.progress("working")
    with pytest.raises(OperationFailed, match="why"):
        call.fail("why")
    line = "this dynamic-provider host does not let us reach "
    reached = [text.removeprefix(line) for text in caplog.messages]
    assert [text for text in reached if text != "the engine's address"] == missing


def test_a_fault_of_ours_is_let_through_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that no missing name can cause is not blamed on an old host."""
    with pytest.raises(ZeroDivisionError):
        call_within(Broken(), Context())
    with pytest.raises(ZeroDivisionError):
        call_within(create_request(), Broken())

    call = call_within(create_request(), Context())
    monkeypatch.setattr(struct_pb2.Struct, "update", Broken().__getattr__)
    with pytest.raises(ZeroDivisionError):
        call.keep("why", "id", OUTPUTS)
    monkeypatch.undo()

    call = call_within(create_request(), Context())
    call._context = Broken()
    with pytest.raises(ZeroDivisionError):
        call.keep("why", "id", OUTPUTS)
    with pytest.raises(ZeroDivisionError):
        call.fail("why")

    with pytest.raises(ValueError, match="SIDEWAYS"):
        _ = DetailedDiff(Changes({"name": "SIDEWAYS"})).delete_before_replace


def test_a_host_without_detailed_diffs_names_the_change(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A debug line names what is missing, and the diff has its properties without the details."""
    monkeypatch.delattr(provider_pb2, "PropertyDiff")
    caplog.set_level("DEBUG")
    diff = DetailedDiff(Changes({"name": "UPDATE"}, replaces=True))
    assert not diff.delete_before_replace
    assert (diff.changes, diff.replaces) == (True, ["name"])
    assert caplog.messages == ["this dynamic-provider host does not let us reach the engine's detailed diff"]


def test_an_engine_that_records_nothing_unready_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the engine's error for it nothing is recorded, and a debug line says so."""
    call = call_within(create_request(), Context())
    monkeypatch.delattr(provider_pb2, "ErrorResourceInitFailed")
    caplog.set_level("DEBUG")
    assert not call.keep("why", "id", OUTPUTS)
    line = "this dynamic-provider host does not let us reach the engine's error for what is not ready"
    assert caplog.messages == [line]


def test_a_text_is_sent_as_it_is_shown() -> None:
    """One request has the severity, the text and the row, and ends after two seconds at most."""
    sent = []
    stub = SimpleNamespace(Log=lambda request, timeout: sent.append((request, timeout)))
    Engine("127.0.0.1:9", stub).send("WARNING", "careful", URN, ephemeral=True)
    warning = engine_pb2.LogSeverity.Value("WARNING")
    expected = engine_pb2.LogRequest(severity=warning, message="careful", urn=URN, ephemeral=True)
    assert sent == [(expected, 2)]


def test_an_engine_that_is_gone_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that cannot be delivered is dropped, but a bug of ours on its way is raised."""

    class Gone(grpc.RpcError):  # type: ignore[misc]
        pass

    def stub(error: Exception) -> Any:
        def log(*_: Any, **__: Any) -> None:
            raise error

        return SimpleNamespace(Log=log)

    Engine("127.0.0.1:9", stub(Gone())).log("INFO", "working", URN)
    with pytest.raises(ZeroDivisionError):
        Engine("127.0.0.1:9", stub(ZeroDivisionError())).log("WARNING", "careful", URN)


def test_an_engine_without_its_log_is_still_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose SDK lacks the log's service shows nothing, and still knows that its engine is there."""
    monkeypatch.delattr(engine_pb2_grpc, "EngineStub")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr("sys.argv", ["host", address])
        engine = current_engine()
        engine.log("INFO", "working", URN)
        assert engine.is_there()
    assert not engine.is_there()
    monkeypatch.setattr("sys.argv", ["host"])
    assert not current_engine().is_there()


def test_an_engine_that_is_silent_for_a_second_may_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a refused connection proves that nothing listens: a provider must not end before its engine."""

    def too_busy(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("socket.create_connection", too_busy)
    assert Engine("127.0.0.1:9", None).is_there()


def test_a_call_whose_end_cannot_be_called_fails_with_its_message() -> None:
    """A host whose `abort` is not a method still reports what failed."""
    context = Context()
    context.abort = None  # type: ignore[assignment, method-assign]
    with pytest.raises(OperationFailed, match=r"^why$"):
        call_within(create_request(), context).fail("why")


def test_a_lasting_text_is_shown_once_and_progress_each_time() -> None:
    """An engine that calls twice in a run shows a note once; without a URN there is no row to show it in."""
    engine = ListeningEngine()
    for _ in range(2):
        engine.log("WARNING", "careful", URN)
        engine.log("INFO", "working", URN, ephemeral=True)
        engine.log("INFO", "nowhere", "")
    engine.silence("known")
    engine.log("WARNING", "known", URN)
    assert [(log.message, log.ephemeral, log.severity) for log in engine.logs] == [
        ("careful", False, 2),
        ("working", True, 1),
        ("working", True, 1),
    ]
