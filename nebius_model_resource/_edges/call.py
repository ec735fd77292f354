"""One call of the engine, as every edge hands it to what decides."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

from nebius_model_resource._api.settings import Places
from nebius_model_resource._edges import messages
from nebius_model_resource.errors import NebiusError


class Call(Protocol):
    """One call of the engine.

    Attributes:
        urn: the resource's URN, empty where it is not known.
        timeout: ``custom_timeouts`` for this operation in seconds, 0 where there is none.
        recorded: the names of the inputs in the state, where a read is given them; otherwise None.
        failed: whether :meth:`fail` was called.
    """

    urn: str
    timeout: float
    recorded: frozenset[str] | None
    failed: bool

    def sleep(self, seconds: float) -> None:
        """Pause, or until the run is interrupted.

        Raises:
            EngineGone: the engine has gone away.
        """

    def interrupted(self) -> bool:
        """Whether the person who started the run has stopped it."""

    def progress(self, text: str) -> None:
        """Show a text in the resource's row until the next one."""

    def note(self, text: str) -> None:
        """Show a text in the resource's row and in the diagnostics, once in a run."""

    def warn(self, text: str) -> None:
        """Show a warning in the resource's row and in the diagnostics, once in a run."""

    def keep(
        self,
        message: str,
        id_: str,
        properties: Mapping[str, Any],
        inputs: Mapping[str, Any] | None = None,
    ) -> bool:
        """Let the coming :meth:`fail` record the resource as existing and not ready; False where it cannot."""

    def fail(self, message: str) -> NoReturn:
        """End the call with one message.

        Raises:
            Exception: always.
        """


@contextmanager
def explained(call: Call, method: str, noun: str, places: Places) -> Iterator[None]:
    """Turn each of our errors into one message of the engine's.

    Args:
        call: the call.
        method: the provider's method, such as ``"create"``.
        noun: what a resource of the type is called.
        places: where the settings of the operation stand.
    """
    try:
        yield
    except NebiusError as error:
        call.fail(messages.explain(error, method, call.urn, places, noun))
    except Exception:
        if call.failed:
            raise
        call.fail(messages.bug(traceback.format_exc()))
