"""What every call passes before it reaches a route: the record, faults, the key and the rate limit."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from . import answers
from .answers import Answer
from .requests import RecordedRequest
from .serving import SERVING
from .spoilers import Call, spoil

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .service import Service

STEERING = "/_emulator/"
GUARDED = ("/v0/", "/v1/")
LIMITED = "/v0/"


class Gate:
    """ASGI middleware around the routes; steering calls pass untouched and leave no record."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        SERVING.set(self.service)
        if scope["type"] != "http" or scope["path"].startswith(STEERING):
            await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        body = None if _is_upload(headers) else await _read(receive)
        record = self._record(scope, headers, body)
        try:
            await self._answer(scope, receive, _stamped(send, record), record, body)
        finally:
            self.service.requests.end(record)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, record: RecordedRequest, body: bytes | None
    ) -> None:
        if self.service.settings.latency_seconds:
            await asyncio.sleep(self.service.settings.latency_seconds)

        async def perform() -> Answer:
            return await self._perform(scope, _replayed(body, receive), record)

        hit = self.service.faults.take(record.method, record.path, _custom_name(record.body))
        if hit is None:
            await (await perform()).send(send)
            return
        record.fault, fault = hit
        await spoil(fault, Call(scope, _replayed(body, receive), send, record.headers, perform))

    async def _perform(self, scope: Scope, receive: Receive, record: RecordedRequest) -> Answer:
        headers: dict[str, str] = {}
        refusal = self._refusal(record, headers)
        if refusal is not None:
            # Like a proxy that buffers: a client that still sends would lose the answer.
            while (await receive()).get("more_body", False):
                pass
            return refusal
        answer = await _collect(self.app, scope, receive)
        answer.headers.update(headers)
        return answer

    def _refusal(self, record: RecordedRequest, headers: dict[str, str]) -> Answer | None:
        """Return the answer to a call that reaches no route, and add the headers of the limit."""
        if record.path.startswith(GUARDED) and not record.authorized:
            return answers.error(401, answers.BAD_TOKEN if record.has_authorization else answers.NO_TOKEN)
        if record.path.startswith(LIMITED):
            allowance = self.service.limit.take()
            headers.update(allowance.headers)
            if not allowance.passed:
                # The code and headers are documented, the text is ours.
                return answers.error(429, "Rate limit exceeded", headers)
        return None

    def _record(self, scope: Scope, headers: dict[str, str], body: bytes | None) -> RecordedRequest:
        authorization = headers.get("authorization")
        record = RecordedRequest(
            method=scope["method"],
            path=scope["path"],
            raw_path=scope.get("raw_path", b"").decode("latin-1") or scope["path"],
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers=headers,
            body=_parsed(body),
            has_authorization=authorization is not None,
            authorized=self.service.key_project(authorization) is not None,
            time=self.service.clock(),
            request_id=self.service.request_id(),
        )
        self.service.requests.add(record)
        return record


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _is_upload(headers: dict[str, str]) -> bool:
    # An archive may have hundreds of megabytes, so it goes to its route as it comes.
    return headers.get("content-type", "").startswith("multipart/")


def _parsed(body: bytes | None) -> Any:
    try:
        return json.loads(body or b"null")
    except (ValueError, RecursionError):
        return None


def _custom_name(body: Any) -> str | None:
    name = body.get("name") if isinstance(body, dict) else None
    return name if isinstance(name, str) else None


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes | None, receive: Receive) -> Receive:
    if body is None:
        return receive
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _stamped(send: Send, record: RecordedRequest) -> Send:
    async def stamp(message: Message) -> None:
        if message["type"] == "http.response.start":
            record.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", record.request_id.encode())]
        await send(message)

    return stamp


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    answer = Answer(500, b"")

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]
            }
        else:
            answer.body += message.get("body", b"")

    await app(scope, receive, collect)
    return answer
