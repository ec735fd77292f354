"""What each fault does to an answer."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from . import answers
from .answers import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from .faults import Fault

CHUNK = b"a" * 65536
HTML = "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1><hr>nginx</body></html>"
FLOOD = 500
DEPTH = 100_000


@dataclass
class Call:
    """A call whose answer is about to be spoilt; `perform` lets it take place and returns the true answer."""

    scope: Scope
    receive: Receive
    send: Send
    headers: dict[str, str]
    perform: Callable[[], Awaitable[Answer]]

    def target(self) -> str:
        """Return path and query as they were sent."""
        query = self.scope["query_string"].decode("latin-1")
        path: str = self.scope.get("raw_path", self.scope["path"].encode()).decode("latin-1")
        return f"{path}?{query}" if query else path

    async def take(self, size: int | None) -> None:
        """Read that many bytes of the body and drop them; None is all of it."""
        taken = 0
        while size is None or taken < size:
            message = await self.receive()
            taken += len(message.get("body", b""))
            if not message.get("more_body", False):
                return

    async def ended(self) -> None:
        """Wait until the client has gone."""
        while (await self.receive())["type"] != "http.disconnect":
            pass


async def spoil(fault: Fault, call: Call) -> None:
    """Answer a call as the fault says."""
    if fault.action in _RETIMED:
        await _RETIMED[fault.action](fault, call)
        return
    truth = None
    if fault.effect == "after":
        truth = await call.perform()
    else:
        await call.take(fault.received)
    if fault.action in _MADE_UP:
        answer = _MADE_UP[fault.action](fault, call)
        await Answer(answer.status, answer.body, {**answer.headers, **_lower(fault.headers)}).send(call.send)
        return
    await _BROKEN[fault.action](fault, call, truth)


# Complete answers that say something else.


def _status(fault: Fault, _call: Call) -> Answer:
    status = fault.status or 503
    if fault.body is None:
        return answers.error(status, _phrase(status))
    if isinstance(fault.body, str):
        return Answer(status, fault.body.encode(), {"content-type": "text/plain; charset=utf-8"})
    return answers.as_json(fault.body, status)


def _html(fault: Fault, _call: Call) -> Answer:
    status = fault.status or 502
    page = HTML.format(title=f"{status} {_phrase(status)}")
    return Answer(status, page.encode(), {"content-type": "text/html"})


def _not_json(fault: Fault, _call: Call) -> Answer:
    return Answer(fault.status or 200, b"{this is not json", {"content-type": "application/json"})


def _wrong_json(fault: Fault, _call: Call) -> Answer:
    return answers.as_json(fault.body, fault.status or 200)


def _redirect(fault: Fault, call: Call) -> Answer:
    location = fault.location or call.target()
    return Answer(fault.status or 307, b"", {"location": location})


def _header_flood(fault: Fault, _call: Call) -> Answer:
    flood = {f"x-flood-{number}": "a" * 100 for number in range(FLOOD)}
    return answers.as_json({}, fault.status or 200, flood)


def _invalid_utf8(fault: Fault, _call: Call) -> Answer:
    return Answer(fault.status or 200, b'{"name": "\xff\xfe\xfa"}', {"content-type": "application/json"})


def _deep_json(fault: Fault, _call: Call) -> Answer:
    return Answer(fault.status or 200, b"[" * DEPTH + b"]" * DEPTH, {"content-type": "application/json"})


def _echo_key(fault: Fault, call: Call) -> Answer:
    return answers.error(fault.status or 401, f"not accepted: {call.headers.get('authorization', '')}")


_MADE_UP: dict[str, Callable[[Fault, Call], Answer]] = {
    "status": _status,
    "html": _html,
    "not_json": _not_json,
    "wrong_json": _wrong_json,
    "redirect": _redirect,
    "header_flood": _header_flood,
    "invalid_utf8": _invalid_utf8,
    "deep_json": _deep_json,
    "echo_key": _echo_key,
}

# True answers at the wrong time.


async def _delay(fault: Fault, call: Call) -> None:
    if fault.effect == "before":
        await asyncio.sleep(fault.seconds)
    answer = await call.perform()
    if fault.effect == "after":
        await asyncio.sleep(fault.seconds)
    await answer.send(call.send)


async def _slow(fault: Fault, call: Call) -> None:
    answer = await call.perform()
    await _start(call, answer.status, {"content-length": str(len(answer.body)), **answer.headers})
    gone = asyncio.ensure_future(call.ended())
    for index in range(len(answer.body)):
        await asyncio.wait({gone}, timeout=fault.seconds)
        if gone.done():
            return
        await _part(call, answer.body[index : index + 1])
    gone.cancel()
    await _part(call, b"", more=False)


_RETIMED: dict[str, Callable[[Fault, Call], Awaitable[None]]] = {"delay": _delay, "slow": _slow}

# Answers that do not arrive completely.


async def _reset(_fault: Fault, call: Call, _truth: Answer | None) -> None:
    transport = _transport(call)
    # Without lingering the kernel sends RST and not FIN.
    transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    transport.abort()
    await call.ended()


async def _close(_fault: Fault, call: Call, _truth: Answer | None) -> None:
    _transport(call).close()
    await call.ended()


async def _hang(fault: Fault, call: Call, truth: Answer | None) -> None:
    gone = asyncio.ensure_future(call.ended())
    await asyncio.wait({gone}, timeout=fault.seconds)
    gone.cancel()
    await _close(fault, call, truth)


async def _half_body(fault: Fault, call: Call, truth: Answer | None) -> None:
    answer = truth or answers.as_json({"detail": "half of this will be lost"}, fault.status or 200)
    await _start(call, answer.status, {"content-length": str(len(answer.body)), **answer.headers})
    await _part(call, answer.body[: len(answer.body) // 2])
    await _close(fault, call, truth)


async def _endless(fault: Fault, call: Call, _truth: Answer | None) -> None:
    await _start(
        call, fault.status or 200, {"content-type": "application/json", "transfer-encoding": "chunked"}
    )
    await _part(call, b'{"detail": "')
    await _pour(call, None)


async def _huge(fault: Fault, call: Call, _truth: Answer | None) -> None:
    headers = {"content-type": "application/json", "content-length": str(fault.bytes)}
    await _start(call, fault.status or 200, headers)
    if await _pour(call, fault.bytes):
        await _part(call, b"", more=False)


_BROKEN: dict[str, Callable[[Fault, Call, Answer | None], Awaitable[None]]] = {
    "reset": _reset,
    "close": _close,
    "hang": _hang,
    "half_body": _half_body,
    "endless": _endless,
    "huge": _huge,
}


async def _pour(call: Call, size: int | None) -> bool:
    """Send `size` bytes, None for no end, and return whether the client took them all."""
    gone = asyncio.ensure_future(call.ended())
    try:
        while size is None or size > 0:
            chunk = CHUNK if size is None else CHUNK[:size]
            await _part(call, chunk)
            # Sending does not wait while the client reads fast enough, and other calls need a turn.
            await asyncio.sleep(0)
            if gone.done():
                return False
            size = None if size is None else size - len(chunk)
        return True
    finally:
        gone.cancel()


async def _start(call: Call, status: int, headers: dict[str, str]) -> None:
    await call.send({"type": "http.response.start", "status": status, "headers": answers.wire(headers)})


async def _part(call: Call, body: bytes, *, more: bool = True) -> None:
    await call.send({"type": "http.response.body", "body": body, "more_body": more})


def _transport(call: Call) -> asyncio.Transport:
    transport: Any = call.scope.get("state", {}).get("transport")
    if not isinstance(transport, asyncio.Transport):
        raise TypeError("this fault needs the emulator's own server, which shows its connections")
    return transport


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
