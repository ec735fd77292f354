"""One HTTP exchange: bounded in time and size, with every error of ``requests`` turned into one of ours.

Import it inside functions alone: ``requests`` costs a program about 50 ms, so that only the first call loads it.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ClosedPoolError, HTTPError, SSLError

from nebius_model_resource._api.deadline import never
from nebius_model_resource._api.network import Proxy, read_environment, unusable_proxy
from nebius_model_resource.errors import AnswerLost, NotSent, TransportError

if TYPE_CHECKING:
    import requests
    from requests.adapters import HTTPAdapter

POOL_SIZE = 1024  # more than any engine takes steps at a time; connections open only when needed
MAX_LIST = 16 * 1024 * 1024  # bytes; the list of 10,000 models takes about 7 MB
MAX_ANSWER = 1024 * 1024  # bytes; one model has less than 1 kB
_STALL_SECONDS = 30.0  # in which no part of a body is taken
_CHUNK = 64 * 1024
_TURN = 0.5  # seconds until a read that may be interrupted looks whether it was
_REFUSAL = re.compile(r"Tunnel connection failed: (\d+)")  # http.client's words, in Python 3.10 to 3.14
_TRUST = "set REQUESTS_CA_BUNDLE to a PEM file with the CA that signed it (SSL_CERT_FILE is not read)"


@dataclass(frozen=True)
class Answer:
    """The status code, the headers (any case) and the complete body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Stream(ABC):
    """A body that is sent as it is read, once for each attempt; its length is known in advance."""

    content_type: str

    @abstractmethod
    def __len__(self) -> int:
        """How many bytes there are."""

    @abstractmethod
    def __iter__(self) -> Iterator[bytes]:
        """The bytes from the beginning."""


class _DeadlineReader(io.RawIOBase):
    """A socket's bytes until a deadline or an interruption: a socket's own time-out starts again with every byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, seconds: float) -> None:
        self._raw = raw
        self._socket = sock
        self._deadline = time.monotonic() + seconds
        self._interrupted = _request.interrupted

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        while (remaining := self._deadline - time.monotonic()) > 0 and not self._interrupted():
            self._socket.settimeout(min(remaining, _TURN))
            with suppress(TimeoutError):
                # Not through the raw file, which refuses to be read again after a time-out.
                return self._socket.recv_into(buffer)
        raise TimeoutError("timed out")

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    """Takes the read time-out as the time for the complete answer, headers and body."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        seconds = sock.gettimeout()
        if seconds is not None and isinstance(self.fp, io.BufferedReader):
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_DeadlineReader(raw, sock, seconds))


class _WatchedConnection(HTTPConnection):
    """Separates what failed before a byte of a request was sent from what failed later; mixed into urllib3's classes.

    The place where an error is raised shows that, and its class does not: urllib3 (2.8) has one class for a TLS
    handshake and an answer that time out, and three more for the errors of a proxy.
    """

    response_class = _BoundedResponse
    via: Proxy | None = None

    def connect(self) -> None:
        """Connect, through the proxy and up to the end of the TLS handshake; the request follows."""
        try:
            super().connect()
        except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
            failure = _not_connected(error, self.via, reached=self.has_connected_to_proxy)
            raise failure from (None if self.via else error)  # a proxy's words may repeat what it was sent

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        """Send the head of the request, which until now was only collected."""
        if self.sock is None:
            self.connect()
        if self.sock is not None:
            self.sock.settimeout(self.timeout)  # one that is used again has the time of its last answer
        _request.sent = True
        super().endheaders(*args, **kwargs)


# This thread's request. `sent`: whether any byte of it may have left; `interrupted`: asked while it is answered.
_request = threading.local()


def _watch(manager: PoolManager, via: Proxy | None = None) -> None:
    """Mix the watched connection into a manager's own classes, which are others for SOCKS."""

    def watched(pool: Any) -> type:
        connection = type("Connection", (_WatchedConnection, pool.ConnectionCls), {"via": via})
        return type("Pool", (pool,), {"ConnectionCls": connection})

    pools = manager.pool_classes_by_scheme.items()
    manager.pool_classes_by_scheme = {scheme: watched(pool) for scheme, pool in pools}


def open_session(base_url: str) -> requests.Session:
    """A session whose connections stay open; safe to share between threads.

    The environment's proxies and certificates for ``base_url`` are read here, once: ``requests`` does it at each
    request, which takes a third of the processor time of a call.

    Raises:
        NotSent: the proxy or the CA file that the environment names cannot be used.
    """
    import requests

    session = requests.Session()
    proxy, session.verify = read_environment(session, base_url)
    adapter = _adapter(proxy)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    if proxy:
        session.proxies = {urlsplit(base_url).scheme: proxy.url}
        try:
            adapter.proxy_manager_for(proxy.url)
        except ValueError as error:
            missing = isinstance(error, requests.exceptions.InvalidSchema)
            why = "SOCKS needs `pip install pysocks`" if missing else "its user or password cannot be sent"
            raise unusable_proxy(proxy.variable, why) from None
    session.trust_env = False
    return session


def _adapter(via: Proxy | None) -> HTTPAdapter:
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            if not known:
                _watch(manager, via)
            return manager

    adapter = Adapter(pool_connections=4, pool_maxsize=POOL_SIZE, pool_block=False)
    _watch(adapter.poolmanager)
    return adapter


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    api_key: str,
    user_agent: str,
    params: Mapping[str, str],
    body: Mapping[str, Any] | Stream | None,
    seconds: float,
    longest: int = MAX_ANSWER,
    interrupted: Callable[[], bool] = never,
) -> Answer:
    """Send one request, follow no redirect, and read the complete answer.

    ``seconds`` is the time for the connection (at most 10 s), and again the time for the complete answer. A stream may
    take as long as it needs: only 30 s without progress end it. ``interrupted`` ends the wait for the answer within a
    second.

    Raises:
        NotSent: the request surely did not reach the service.
        AnswerLost: it may have, and no complete answer arrived.
    """

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As `auth`, not as a header: an entry in ~/.netrc replaces a header.
        request.headers["Authorization"] = f"Bearer {api_key}"
        return request

    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": user_agent}
    stream = body if isinstance(body, Stream) else None
    if stream:
        headers["Content-Type"] = stream.content_type
    _request.sent, _request.interrupted = False, interrupted
    try:
        response = session.request(
            method,
            url,
            params=dict(params),
            data=stream,
            json=None if stream else body,
            headers=headers,
            auth=authorize,
            timeout=(min(_STALL_SECONDS if stream else 10.0, seconds), seconds),
            allow_redirects=False,
            stream=True,
        )
    except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
        raise _translated(error) from error
    try:
        with response:
            return Answer(response.status_code, response.headers, _read(response.raw, longest))
    except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
        raise AnswerLost(f"the answer broke off: {_reason(error)}") from error


def _read(raw: urllib3.BaseHTTPResponse, longest: int) -> bytes:
    """The body, unless it is longer than any real answer."""
    body = bytearray()
    while chunk := raw.read1(_CHUNK, decode_content=False):
        body += chunk
        if len(body) > longest:
            raise AnswerLost(f"the answer is longer than {longest // 1024 // 1024} MiB")
    return bytes(body)


def _translated(error: Exception) -> TransportError:
    """Our error for one of ``requests``, by whether this thread's request was sent."""
    import requests

    if _request.sent:
        if isinstance(error, requests.Timeout):
            return AnswerLost("no answer in time")
        return AnswerLost(f"the connection broke before the answer came: {_reason(error)}")
    # The words of these, of which http.client raises the plain ValueError, repeat the header.
    if isinstance(error, (requests.exceptions.InvalidHeader, UnicodeError)) or type(error) is ValueError:
        return NotSent("a header or the URL has characters that cannot be sent", permanent=True)
    # A later attempt can succeed only where another thread has just closed the connection pool.
    passes = any(isinstance(inner, ClosedPoolError) for inner in error.args)
    return NotSent(f"the request cannot be sent: {_reason(error)}", permanent=not passes)


def _not_connected(error: Exception, via: Proxy | None, *, reached: bool) -> NotSent:
    """Why there is no connection, and whether a later attempt can have one; ``reached`` is true of the proxy."""
    reason = _reason(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        whose, through = "the service's certificate", ""
        if via and reached:
            through = f" (through the proxy {via.place})"
        elif via:
            whose = f"the certificate of the proxy {via.place}"
        return NotSent(f"{whose} cannot be trusted: {reason}{through}", permanent=True, remedy=_TRUST)
    permanent = not _may_pass(error)
    if not via:
        return NotSent(f"no connection to the service: {reason}", permanent=permanent)
    if refusal := _REFUSAL.match(str(error)):
        return _refused_by_proxy(via, int(refusal[1]))
    if isinstance(error, http.client.HTTPException) and not isinstance(error, ConnectionError):
        # Its words are the proxy's own, which may repeat the password that it was sent.
        reason = "its answer to CONNECT is not HTTP"
    place = f"the service through the proxy {via.place}" if reached else f"the proxy {via.place}"
    remedy = f"check the network and the proxy that {via.variable} names"
    return NotSent(f"no connection to {place}: {reason}", permanent=permanent, remedy=remedy)


def _refused_by_proxy(via: Proxy, status: int) -> NotSent:
    remedy = f"check {via.variable}, or name the service's host in NO_PROXY to reach it without a proxy"
    if status == 407:
        remedy = f"check the user and password in {via.variable}"
    return NotSent(
        f"the proxy {via.place} answered {status} to CONNECT",
        permanent=status < 500 and status not in (408, 429),
        remedy=remedy,
    )


def _may_pass(error: Exception) -> bool:
    """Whether a later attempt can connect: not with a wrong URL, file or protocol."""
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)):
        return True
    if isinstance(error, ssl.SSLError):
        return "INTERNAL_ERROR" in str(error)
    if isinstance(error, http.client.HTTPException):
        return isinstance(error, ConnectionError)
    if isinstance(error, OSError):
        return error.filename is None
    return not isinstance(error, (ValueError, SSLError))


def _reason(error: BaseException) -> str:
    """The innermost cause in words: urllib3's own errors around it name objects, not reasons."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).rpartition(">: ")[2] or type(error).__name__
