"""The application: the routes behind the gate."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError

from . import answers
from .admin import steering_routes
from .catalogue import catalogue_routes
from .completions import completion_routes
from .gate import Gate
from .routes import model_routes, respond
from .service import Service
from .serving import current_service
from .tuning import job_routes
from .uploads import file_routes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.routing import BaseRoute

    from .settings import Settings


def create_app(
    settings: Settings, clock: Callable[[], float] = time.time, state_file: Path | None = None
) -> FastAPI:
    """Return the emulated service as an application; its parts are at `app.state.service`.

    Args:
        settings: read on every call, so it may be changed while the application runs.
        clock: gives Unix time in seconds.
        state_file: stores models, jobs and files from one run to the next; None keeps them in memory only.

    Raises:
        ValueError: `state_file` exists and is not a state file.
    """
    service = Service(settings, clock, state_file)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.service = service
    app.add_exception_handler(RequestValidationError, _unprocessable)
    app.router.routes.extend(_routes())
    app.add_middleware(Gate, service=service)
    return app


@functools.cache
def _routes() -> tuple[BaseRoute, ...]:
    """Return the routes, which every service of this process shares: creating them takes longer than 20 calls."""
    service = current_service()
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    # The uploads come first: the path of a model would match theirs as well.
    app.include_router(file_routes(service))
    app.include_router(model_routes(service))
    app.include_router(catalogue_routes(service))
    app.include_router(completion_routes(service))
    app.include_router(job_routes(service))
    app.include_router(steering_routes(service))
    return tuple(app.router.routes)


async def _unprocessable(_request: Request, error: Exception) -> Response:
    # The framework's own handler fails on input that is not valid Unicode.
    items = error.errors() if isinstance(error, RequestValidationError) else []
    return respond(answers.error(422, jsonable_encoder(items)))
