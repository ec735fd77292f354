"""The routes under `/_emulator/`, a prefix that the service does not have, to steer it from another process.

None needs a key or leaves a record. A `ValueError` is answered with 422.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .answers import Answer, Request, as_json
from .faults import Fault

_REQUESTS, _FAULTS, _SETTINGS = "/_emulator/requests", "/_emulator/faults", "/_emulator/settings"
_MODELS, _JOBS = "/_emulator/models", "/_emulator/jobs"


def _fields(request: Request) -> dict[str, Any]:
    if not isinstance(request.document, dict):
        raise ValueError("the body is not a JSON object")  # noqa: TRY004 - the answer is 422
    return request.document


def _clear(things: Any) -> Answer:
    things.clear()
    return Answer(204)


def _settings(service: Any, request: Request) -> Answer:
    service.settings.update(**_fields(request) if request.method == "PATCH" else {})
    return as_json(service.settings.model_dump())


def _requests(service: Any, request: Request) -> Answer:
    return as_json([asdict(each) for each in service.recorded(**request.query)])


def _add_fault(service: Any, request: Request) -> Answer:
    return as_json({"id": service.faults.add(Fault(**_fields(request)))}, 201)


def _change_model(service: Any, request: Request, name: str) -> Answer:
    return as_json(service.models.change(name, **_fields(request)).whole())


ROUTES = (
    ("GET", _REQUESTS, _requests),
    ("DELETE", _REQUESTS, lambda service, _: _clear(service.requests)),
    ("GET", _FAULTS, lambda service, _: as_json(service.faults.describe())),
    ("POST", _FAULTS, _add_fault),
    ("DELETE", _FAULTS, lambda service, _: _clear(service.faults)),
    ("GET", _SETTINGS, _settings),
    ("PATCH", _SETTINGS, _settings),
    ("GET", _MODELS, lambda service, _: as_json([model.whole() for model in service.models.live()])),
    ("POST", _MODELS, lambda service, asked: as_json(service.models.add(**_fields(asked)).whole(), 201)),
    ("PATCH", f"{_MODELS}/(.+)", _change_model),
    ("DELETE", f"{_MODELS}/(.+)", lambda service, _, name: as_json(service.models.delete(name).whole())),
    ("POST", _JOBS, lambda service, asked: as_json(service.jobs.add(**_fields(asked)).shown(), 201)),
)
