"""The private side of Pulumi's dynamic-provider host: the one module that knows it, with :mod:`.threads`.

The host (``pulumi/dynamic/__main__.py``) passes a provider less than a native plugin gets. The rest is in the frames
that called us. Each reach below is optional: if a name is missing, a debug line says so and the provider works
without it. Tested with the SDKs 3.230 to 3.272.

============================  =======================================  =====================================
what is reached               why (and who asks for it)                without it
============================  =======================================  =====================================
``request`` in the host's     the URN for messages and progress, and   progress is not shown; the default
method                        ``custom_timeouts`` (pulumi#12987)       deadline holds; a refreshed `get` has
                                                                       inputs in the state
``context.abort``             one line instead of a traceback          the message is a traceback's last line
                              (pulumi/docs#14501)
``context`` trailers          ``ErrorResourceInitFailed``: a model     an unfinished model is deleted and
                              that exists and is not ready is stored   the create fails; a refresh says
                              (pulumi#15958, #5210, #18009)            nothing of a model that is not ready
``context.add_callback``      the engine is gone: clean up, and end    the operation ends as if nothing
                              (pulumi#6065)                            had happened
``sys.argv[-1]``              the engine's address: live progress in   no progress
                              the resource's row (pulumi#6065)
``fields`` in ``Diff``        ``detailedDiff``: just the changed       the preview lists every output of a
                              inputs (pulumi#13839)                    replaced model as removed
``work_queue`` of the         a thread more for each call that waits   waits share the host's four threads
thread pool                   (pulumi#18249); ``threads.py``
============================  =======================================  =====================================

A row becomes unnecessary when the host passes the thing itself: ``request`` and ``context`` as parameters of the
provider's methods, the diff as a field of ``DiffResult``, the threads as an option.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import Any, NoReturn

from pulumi.dynamic import DiffResult

from nebius_model_resource._dynamic.threads import Threads, locals_with
from nebius_model_resource._engine import (
    TRAILER,
    Engine,
    EngineCall,
    detailed_diff,
    end_with,
    not_ready_details,
    struct_of,
)
from nebius_model_resource._provider.calls import Changes

_log = logging.getLogger(__name__)
_PROVIDER = "__provider"


@contextmanager
def _reach(what: str) -> Iterator[None]:
    """Reach for a private name that may be missing or changed; continue without it.

    Only the reach belongs inside: any other error is a bug of ours and must not look like an old host.
    """
    try:
        yield
    except (AttributeError, LookupError, NotImplementedError, TypeError, ValueError):
        _log.debug("this dynamic-provider host does not let us reach %s", what, exc_info=True)


class HostCall(EngineCall):
    """One call of the engine, as far as it can be reached; see :class:`nebius_model_resource._provider.calls.Call`.

    It is never interrupted: the host answers ``Cancel`` itself, and the provider never learns of it.
    """

    secrets: frozenset[str] = frozenset()  # the host takes the marks off

    def __init__(self) -> None:
        """Search the calling frames: to be created inside a method that the host has called."""
        super().__init__(current_engine())
        self._request: Any = None
        self._context: Any = None
        with _reach("the request"):
            found = locals_with("request", "context")
            self._request, self._context = found["request"], found["context"]
            self.urn = self._request.urn
            self.timeout = float(getattr(self._request, "timeout", 0))
            self.seed = getattr(self._request, "randomSeed", b"")
            if "inputs" in self._request.DESCRIPTOR.fields_by_name and self._request.HasField("inputs"):
                self.recorded = frozenset(self._request.inputs)
        with _reach("the end of the call"):
            self.watch(self._context)

    def keep(self, message: str, id_: str, properties: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
        """Let the coming :meth:`fail` record the resource in the state, as existing and not ready.

        Args:
            message: what is wrong with the resource.
            id_: its id.
            properties: its outputs, plain values.
            inputs: its inputs.

        Returns:
            Whether the engine will record it; if not, only the caller knows of the resource.
        """
        provider = self._provider()
        if provider is None:
            return False
        bags = (struct_of({**bag, _PROVIDER: provider}) for bag in (properties, inputs))
        details = not_ready_details(message, id_, *bags)
        with _reach("the call's trailers"):
            self._context.set_trailing_metadata(((TRAILER, details),))
            self.engine.silence(message)
            return True
        return False

    def _provider(self) -> str | None:
        """The pickled provider in the request, if the call's end can be reached too; otherwise None."""
        with _reach("the provider in the request"):
            # An update has the properties in `news`, all others in `properties`.
            given = getattr(self._request, "news", None) or self._request.properties
            return str(given[_PROVIDER]) if callable(self._context.abort) else None
        return None

    def fail(self, message: str) -> NoReturn:
        """End the operation with one message and no traceback.

        Raises:
            Exception: always; it must reach the host.
        """
        self.failed = True
        end = None
        with _reach("the call's end"):
            abort = self._context.abort
            if callable(abort):
                import grpc

                # The host answers every exception with abort(…, traceback): for this call we replace it.
                self._context.abort = end = lambda *_: abort(grpc.StatusCode.UNKNOWN, message)
        if end:  # older hosts answer none (SDK 3.243)
            end()
        raise RuntimeError(message)


_threads = Threads()


@lru_cache(maxsize=1)
def current_engine() -> Engine:
    """The engine whose host this is, and with which it ends: the host's last argument is its address."""
    host, _, port = sys.argv[-1].rpartition(":")
    if host and port.isdigit():
        engine = Engine(sys.argv[-1])
        end_with(lambda: engine, _threads.idle)
        return engine
    _log.debug("this dynamic-provider host does not let us reach the engine's address")
    return Engine("")


class DetailedDiff(DiffResult):
    """A diff that names just the changed inputs, each with its kind, as a native plugin's does.

    The host copies ``changes``, ``replaces`` and ``delete_before_replace`` into ``fields`` and builds its answer from
    them; while it reads the last one, we add the other fields.
    """

    def __init__(self, found: Changes) -> None:
        """Say what changed."""
        super().__init__(changes=bool(found.kinds) or found.updates, replaces=list(found.replaces))
        self._found = found

    @property
    def delete_before_replace(self) -> bool:
        """Always False; reading it completes the host's ``fields``."""
        if not self._found.kinds:  # usually nothing has changed, and such an answer has no details
            return False
        details = detailed_diff(self._found)
        caller = sys._getframe(1)
        with _reach("the fields of the diff"):
            caller.f_locals["fields"].update(detailedDiff=details, hasDetailedDiff=True)
        return False

    @delete_before_replace.setter
    def delete_before_replace(self, _value: bool | None) -> None:
        """Set by the base class, to nothing."""


@contextmanager
def serve(*, waits: bool) -> Iterator[HostCall]:
    """Serve one call of the engine.

    Args:
        waits: whether the call may take long, so that other calls need a thread meanwhile.
    """
    with _threads.call(waits=waits), closing(HostCall()) as call:
        yield call
