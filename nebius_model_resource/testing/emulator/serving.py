"""The service that a call is for, as Flask has its `current_app`: one set of routes serves every service."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from .service import Service

SERVING: ContextVar[Service] = ContextVar("service")


class _Current:
    def __getattr__(self, name: str) -> Any:
        return getattr(SERVING.get(), name)


def current_service() -> Service:
    """Return a proxy for the service of the current call."""
    return cast("Service", _Current())
