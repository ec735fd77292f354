"""One HTTP exchange: bounded in time and size, with every error of ``requests`` turned into one of ours.

Loaded when the first call is about to be made (``requests`` costs a program about 50 ms): import it inside
functions alone.
"""

from __future__ import annotations

import http.client
import io
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from nebius_model_resource.errors import AnswerLost, NotSent, TransportError

if TYPE_CHECKING:
    import requests

POOL_SIZE = 1024  # no engine takes as many steps at a time; what is not needed is never opened
MAX_LIST = 16 * 1024 * 1024  # bytes; the list of 10,000 models takes about 7 MB
MAX_ANSWER = 1024 * 1024  # bytes; any other answer: one model has less than 1 kB
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What came back: the status code, the headers (any case) and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _DeadlineReader(io.RawIOBase):
    """A socket's bytes until a moment: a socket's own time-out begins anew with every byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, seconds: float) -> None:
        self._raw = raw
        self._socket = sock
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(remaining)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    """Takes the read time-out as the time for the whole answer, headers and body."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        seconds = sock.gettimeout()
        if seconds is not None and isinstance(self.fp, io.BufferedReader):
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_DeadlineReader(raw, sock, seconds))


@contextmanager
def _nothing_sent(connection: HTTPConnection) -> Iterator[None]:
    """While a connection is being made: a time-out or a broken handshake says that nothing was sent.

    urllib3 (2.8) reports both as it does for an answer that never came.
    """
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise
    except (TimeoutError, ssl.SSLError) as error:
        raise NewConnectionError(connection, str(error) or "timed out") from error


class _HTTPConnection(HTTPConnection):
    response_class = _BoundedResponse


class _HTTPSConnection(HTTPSConnection):
    response_class = _BoundedResponse

    def connect(self) -> None:
        with _nothing_sent(self):
            super().connect()


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


def open_session(base_url: str) -> requests.Session:
    """A session that keeps connections alive for as many threads as wait; safe to share between them.

    What the environment says of proxies and certificates for ``base_url`` is read here, once: ``requests`` would
    go through every variable at each request, which takes a third of the processor time of a call.
    """
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=POOL_SIZE, pool_block=False)
    adapter.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    found = session.merge_environment_settings(base_url, {}, None, None, None)
    session.proxies.update(found["proxies"])
    session.verify = found["verify"]
    session.trust_env = False
    return session


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    api_key: str,
    user_agent: str,
    params: Mapping[str, str],
    body: Mapping[str, Any] | None,
    seconds: float,
    longest: int = MAX_ANSWER,
) -> Answer:
    """Send one request, follow no redirect, and read the whole answer.

    ``seconds`` is the most that the connection may take, and again the most for the whole answer.

    Raises:
        NotSent: the request surely did not reach the service.
        AnswerLost: it may have, and the answer did not come whole.
    """
    import requests

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As `auth`, not as a header of the session: a header would lose against an entry in ~/.netrc.
        request.headers["Authorization"] = f"Bearer {api_key}"
        return request

    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": user_agent}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        with session.request(
            method,
            url,
            params=dict(params),
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
            auth=authorize,
            timeout=(min(10.0, seconds), seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = _read(response.raw, seconds, longest)
            return Answer(response.status_code, response.headers, content)
    except requests.RequestException as error:
        raise _translated(error) from error
    except (HTTPError, http.client.HTTPException, OSError) as error:
        raise AnswerLost(f"the answer broke off: {_reason(error)}") from error


def _read(raw: urllib3.BaseHTTPResponse, seconds: float, longest: int) -> bytes:
    """The body, given up where it is longer than any real answer or takes too long."""
    deadline = time.monotonic() + seconds
    chunks: list[bytes] = []
    size = 0
    while chunk := raw.read1(_CHUNK, decode_content=False):
        size += len(chunk)
        chunks.append(chunk)
        if size > longest:
            raise AnswerLost(f"the answer is longer than {longest // 1024 // 1024} MiB and was not read on")
        if time.monotonic() > deadline:
            raise AnswerLost(f"the answer did not end within {seconds:.0f} s")
    return b"".join(chunks)


def _translated(error: requests.RequestException) -> TransportError:
    """The one of ours that tells whether the request may have reached the service."""
    import requests

    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    reason = _reason(cause if isinstance(cause, BaseException) else error)
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE" in reason.upper():
        return NotSent(f"the service's certificate cannot be trusted: {reason}", permanent=True)
    if isinstance(error, (requests.ConnectTimeout, requests.exceptions.ProxyError)):
        return NotSent(f"no connection to the service: {reason}")
    if isinstance(cause, NewConnectionError):  # includes a name that cannot be resolved
        return NotSent(f"no connection to the service: {reason}")
    # The same classes tell of an answer's bad headers, but then there is an error of urllib3 within.
    if isinstance(error, ValueError) and not isinstance(cause, HTTPError):
        return NotSent(f"the request cannot be sent: {reason}", permanent=True)
    if isinstance(error, requests.Timeout):
        return AnswerLost("no answer in time")
    return AnswerLost(f"the connection broke before the answer came: {reason}")


def _reason(error: BaseException) -> str:
    """The innermost cause in words; what urllib3 puts around it names objects, not reasons."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).rpartition(">: ")[2] or type(error).__name__
