"""One HTTP exchange: bounded in time and size, with every error of ``requests`` turned into one of ours.

Import it inside functions alone: ``requests`` costs a program about 50 ms, so that only the first call loads it.
"""

from __future__ import annotations

import http.client
import io
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3 import encode_multipart_formdata
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError, NewConnectionError

from nebius_model_resource._service.answers import without_key
from nebius_model_resource._service.client import Upload
from nebius_model_resource._service.retry import never
from nebius_model_resource._service.settings import is_loopback
from nebius_model_resource.errors import AnswerLost, NotSent, UnusableAnswer

POOL_SIZE = 1024  # more than any engine takes steps at a time; connections open only when needed
MAX_ANSWER = 16 * 1024 * 1024  # bytes; the list of 10,000 models takes about 7 MB
CONNECT_SECONDS = 10.0
STALL_SECONDS = 30.0  # in which no part of an uploaded body is taken
_CHUNK = 64 * 1024
_TURN = 0.5  # seconds until a read that may be interrupted looks whether it was
_USER_AGENT = "nebius-model-resource (Pulumi provider)"
_CA_REMEDY = "set REQUESTS_CA_BUNDLE to a PEM file with the CA that signed it (SSL_CERT_FILE is not read)"
_PROXIES = ("https_proxy", "all_proxy")
_CREDENTIALS = re.compile(r"//\S+@")
_FAILURES = (OSError, HTTPError, http.client.HTTPException, ValueError)  # requests' own are among the first


@dataclass(frozen=True)
class Answer:
    """The status code, the headers (any case) and the complete body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Multipart:
    """A multipart body with one file, which is sent as it is read: it is never in memory as one.

    Attributes:
        content_type: the body's type with its boundary.
    """

    def __init__(self, file: Upload, sent: Callable[[int], None]) -> None:
        """Nothing is read.

        Args:
            file: the file.
            sent: called with the bytes sent so far, after each chunk; what it raises ends the upload.
        """
        part = {"file": (file.filename, b"", "application/zip")}
        empty, self.content_type = encode_multipart_formdata(part)
        self._end = b"\r\n--" + self.content_type.rpartition("boundary=")[2].encode() + b"--\r\n"
        self._start = empty.removesuffix(self._end)
        self._file, self._sent = file, sent

    def __len__(self) -> int:
        return len(self._start) + self._file.length + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        done = 0
        self._sent(done)
        yield self._start
        for chunk in self._file.chunks():
            yield chunk
            done += len(chunk)
            self._sent(done)
        yield self._end


# Of this thread's request: `interrupted`, asked while the answer is read, and whether it `began` over TLS.
_request = threading.local()


class _DeadlineReader(io.RawIOBase):
    """A socket's bytes until a deadline or an interruption: a socket's own time-out starts again with every byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, seconds: float) -> None:
        self._raw = raw
        self._socket = sock
        self._deadline = time.monotonic() + seconds
        self._interrupted = getattr(_request, "interrupted", never)

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
        raw: Any = self.fp
        self.fp = io.BufferedReader(_DeadlineReader(raw.detach(), sock, sock.gettimeout() or 0.0))


class _Connection(HTTPConnection):
    response_class = _BoundedResponse


class _TLSConnection(HTTPSConnection):
    response_class = _BoundedResponse

    def request(self, *args: Any, **kwargs: Any) -> None:
        _request.began = True  # proxy and handshake are behind it: no error is theirs from now on
        super().request(*args, **kwargs)


_BOUNDED: dict[Any, Any] = {HTTPConnection: _Connection, HTTPSConnection: _TLSConnection}


class _Adapter(HTTPAdapter):
    """Connections with bounded answers; those through SOCKS are bounded by urllib3 alone, byte by byte."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _BOUNDED.get(pool.ConnectionCls, pool.ConnectionCls)
        return pool


class _Session(requests.Session):
    """Leaves a redirect alone: ``requests`` reads its body without a bound and its address even if none is followed."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - a name of requests'
        return None


def open_session(base_url: str) -> requests.Session:
    """A session whose connections stay open; safe to share between threads.

    The environment's proxies and certificates for ``base_url`` are read here, once: ``requests`` does it at each
    request, which takes a third of the processor time of a call. Loopback never has a proxy, as in curl and Go.
    """
    session = _Session()
    adapter = _Adapter(pool_connections=4, pool_maxsize=POOL_SIZE, pool_block=False)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    found = session.merge_environment_settings(base_url, {}, None, None, None)
    if not is_loopback(urlsplit(base_url).hostname or ""):
        session.proxies = found["proxies"]
    session.verify = found["verify"]
    session.trust_env = False
    return session


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    api_key: str,
    params: Mapping[str, str],
    body: Mapping[str, Any] | Multipart | None,
    seconds: float,
    interrupted: Callable[[], bool] = never,
) -> Answer:
    """Send one request, follow no redirect, and read the complete answer.

    ``seconds`` is the time for the connection (at most 10 s), and again the time for the complete answer. An upload may
    take as long as it needs: only 30 s without progress end it. ``interrupted`` ends the wait for the answer within a
    second.

    Raises:
        NotSent: the request surely did not reach the service.
        AnswerLost: it may have, and no answer arrived.
        UnusableAnswer: the answer broke off, or is longer than 16 MiB.
    """
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Authorization": f"Bearer {api_key}",
        "User-Agent": _USER_AGENT,
    }
    upload = body if isinstance(body, Multipart) else None
    if upload:
        headers["Content-Type"] = upload.content_type
    _request.interrupted, _request.began = interrupted, False
    try:
        response = session.request(
            method,
            url,
            params=dict(params),
            data=upload,
            json=None if upload else body,
            headers=headers,
            timeout=(min(STALL_SECONDS if upload else CONNECT_SECONDS, seconds), seconds),
            allow_redirects=False,
            stream=True,
        )
    except _FAILURES as error:
        _raise_ours(error, api_key)
    try:
        with response:
            return Answer(response.status_code, response.headers, _read(response.raw))
    except _FAILURES as error:
        raise UnusableAnswer(f"the answer broke off: {_reason(error, api_key)}") from error


def _read(raw: urllib3.BaseHTTPResponse) -> bytes:
    """The body, unless it is longer than any real answer."""
    body = bytearray()
    while chunk := raw.read1(_CHUNK, decode_content=False):
        body += chunk
        if len(body) > MAX_ANSWER:
            raise UnusableAnswer(f"the answer is longer than {MAX_ANSWER // 1024 // 1024} MiB")
    return bytes(body)


def _raise_ours(error: Exception, api_key: str) -> NoReturn:
    """Raise our error for one of ``requests``: its class says whether the request was sent.

    The tests play each case over sockets. Only a TLS handshake or a CONNECT that hangs or breaks looks like a lost
    answer though nothing was sent.
    """
    inner = getattr(error.args[0], "reason", None) if error.args else None  # that of urllib3's MaxRetryError
    if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(inner, NewConnectionError):
        raise NotSent(f"no connection to the service: {_reason(error, api_key)}") from error
    if isinstance(error, requests.exceptions.Timeout):
        raise AnswerLost("no answer in time") from error
    # Once the request began, urllib3 blames the proxy for what the service breaks off.
    if type(error) is requests.exceptions.ConnectionError or _request.began:
        raise AnswerLost(f"the connection broke before the answer came: {_reason(error, api_key)}") from error
    _not_sent(error, api_key)


def _not_sent(error: Exception, api_key: str) -> NoReturn:
    """Raise for a proxy, a certificate, a CA file, a URL or a header that does not work: nothing was sent."""
    reason, cause = _reason(error, api_key), _innermost(error)
    if isinstance(error, requests.exceptions.SSLError):
        broken = isinstance(cause, ssl.SSLEOFError)  # the other side hung up in the handshake
        message = f"no secure connection to the service: {reason}"
        raise NotSent(message, permanent=not broken, remedy="" if broken else _CA_REMEDY) from error
    variable = next((name for name in os.environ if name.lower() in _PROXIES), "HTTPS_PROXY")
    message = f"the request cannot be sent: {reason}"
    remedy = f"check {variable}, REQUESTS_CA_BUNDLE and the base URL"
    permanent = True
    if isinstance(error, requests.exceptions.ProxyError):
        message = f"no connection through the proxy that {variable} names: {reason}"
        remedy = f"check {variable}, or name the service's host in NO_PROXY"
        permanent = not isinstance(cause, (ConnectionError, TimeoutError, socket.gaierror))
    raise NotSent(message, permanent=permanent, remedy=remedy) from None  # the error may hold a password


def _innermost(error: BaseException) -> BaseException:
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def _reason(error: BaseException, api_key: str) -> str:
    """The innermost cause in the library's words, on one line, without key, user and password."""
    error = _innermost(error)
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if isinstance(error, (UnicodeError, LocationParseError)):  # their words repeat a header or a password
        words = "a header or the URL of a proxy has characters that cannot be sent"
    words = _CREDENTIALS.sub("//", words.rpartition(">: ")[2])
    return " ".join(without_key(words, api_key).split()) or type(error).__name__
