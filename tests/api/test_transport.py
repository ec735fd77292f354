"""Which requests were surely not sent and which may have been sent, over real sockets."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3.exceptions
from urllib3.connection import HTTPConnection

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.connection import Connection
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import Inputs
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._api.transport import Answer, exchange, open_session
from nebius_model_resource.errors import AnswerLost, DeadlineExceeded, NebiusError, NotSent
from tests.support.calls import (
    AWAY,
    KEY,
    LISTED,
    answering,
    keep_quiet,
    not_sent,
    post,
    without_proxies,
)
from tests.support.hostile import RawServer, drip, self_signed, tunnel


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxies(monkeypatch)


# --- where an error is raised, not its class, says whether something was sent ---


def _below(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for child in root.__subclasses__():
        if not issubclass(child, Warning):
            yield from _below(child)


KINDS = sorted(
    {
        *_below(requests.RequestException),
        *_below(urllib3.exceptions.HTTPError),
        *_below(http.client.HTTPException),
        *_below(ConnectionError),
        *_below(ssl.SSLError),
        *_below(UnicodeError),
        urllib3.exceptions.ProxySchemeUnsupported,
        TimeoutError,
        socket.gaierror,
        OSError,
        ValueError,
    }
    - {urllib3.exceptions.EmptyPoolError},  # of pools with a limit; ours have none
    key=lambda kind: (kind.__module__, kind.__name__),
)


def error_of(kind: type[Exception]) -> Exception:
    """An error of that class, without the arguments that its own constructor needs."""
    if issubclass(kind, UnicodeError) and kind is not UnicodeError:
        return UnicodeError("words")
    if issubclass(kind, urllib3.exceptions.ProxyError):
        return kind("words", OSError("words"))
    error = kind.__new__(kind, "words")
    for name, value in {
        "partial": b"" if kind is http.client.IncompleteRead else 1,
        "expected": 2,
        "length": b"",
        "response": None,
    }.items():
        if issubclass(kind, http.client.HTTPException):
            setattr(error, name, value)
    if issubclass(kind, urllib3.exceptions.MaxRetryError):
        error.reason = None  # type: ignore[attr-defined]
    return error


def send(server: RawServer) -> Answer:
    with open_session(server.url) as session:
        return exchange(
            session, "POST", server.url, api_key=KEY, user_agent="x", params={}, body={"a": 1}, seconds=2
        )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_the_moment_of_an_error_decides_what_it_means(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the head of the request goes out each error is NotSent, afterwards each is AnswerLost."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error_of(kind)

    with answering(LISTED) as server:
        for owner, name, expected in (
            (requests.PreparedRequest, "prepare_body", NotSent),
            (requests.adapters.HTTPAdapter, "cert_verify", NotSent),
            (HTTPConnection, "_new_conn", NotSent),
            (HTTPConnection, "putrequest", NotSent),
            (HTTPConnection, "send", AnswerLost),
            (HTTPConnection, "getresponse", AnswerLost),
            (requests.adapters.HTTPAdapter, "build_response", AnswerLost),
            (urllib3.HTTPResponse, "read1", AnswerLost),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, fail)
                if kind is BrokenPipeError and name in (
                    "putrequest",
                    "send",
                ):  # ignored: the answer is read
                    continue
                with pytest.raises(NebiusError) as caught:
                    send(server)
                assert type(caught.value) is expected, (name, caught.value)


@pytest.mark.parametrize("text", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]", b"220 no http\r\n"])
def test_what_may_have_been_sent_is_never_called_not_sent(
    text: bytes, tmp_path: Path, monkeypatch: Any
) -> None:
    """An answer that is missing, cut off or not HTTP is lost: directly, in TLS and through a proxy."""
    with answering(text) as plain:
        assert type(post(plain.url)) is AnswerLost
    certificate = self_signed(tmp_path, "models.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    with answering(text, certificate) as service, RawServer(tunnel(service.url)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert type(post(AWAY)) is AnswerLost
        assert len(service.received) == 1


def test_an_open_connection_that_breaks_may_have_carried_the_request() -> None:
    """A second request on a connection that the server has closed is not NotSent."""

    def once(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
        connection.recv(65536)

    with RawServer(once) as server, NebiusClient(Settings(server.url, KEY)) as client:
        client.list_models()
        with pytest.raises(AnswerLost):
            client.create_model(Inputs("bot", "acme/Base", "file-1"))
        assert server.connections == 1


# --- one exchange ---


def test_a_request_is_sent_with_the_key_and_asks_for_json() -> None:
    """The body is JSON, nothing is compressed, and the query is encoded."""
    with answering(LISTED, until=b'"a"') as server, open_session(server.url) as session:
        answer = exchange(
            session,
            "POST",
            f"{server.url}/v0/x",
            api_key=KEY,
            user_agent="agent/1",
            params={"p": "a b"},
            body={"a": "é"},
            seconds=5,
        )
        head, _, body = server.received[0].partition(b"\r\n\r\n")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "2", b"[]")
    line, *headers = head.decode().split("\r\n")
    assert line == "POST /v0/x?p=a+b HTTP/1.1"
    assert {
        "Accept: application/json",
        "Accept-Encoding: identity",
        f"Authorization: Bearer {KEY}",
        "Content-Type: application/json",
        "User-Agent: agent/1",
    } < set(headers)
    assert body == b'{"a": "\\u00e9"}'


def test_no_answer_is_unpacked() -> None:
    """The request does not ask for compression, and a small answer could unpack to any size."""
    packed = LISTED.replace(b"Connection:", b"Content-Encoding: gzip\r\nConnection:")
    with answering(packed) as server:
        assert send(server).body == b"[]"


def test_a_read_has_no_body() -> None:
    """It also lacks the header that would announce one."""
    with answering(LISTED) as server, NebiusClient(Settings(server.url, KEY)) as client:
        client.list_models()
        assert b"content-type" not in server.received[0].lower()
        assert server.received[0].endswith(b"\r\n\r\n")


def test_no_redirect_is_followed() -> None:
    """The answer itself is returned, and the other address gets nothing."""
    with answering(LISTED) as other:
        moved = f"HTTP/1.1 302 x\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n".encode()
        with answering(moved) as server:
            answer = send(server)
            assert (answer.status, answer.headers["Location"]) == (302, other.url)
        assert other.connections == 0


@pytest.mark.parametrize(
    ("size", "longest"), [(1024 * 1024, 1024 * 1024), (0, 1024 * 1024), (100_000, 100_000)]
)
def test_an_answer_may_be_as_long_as_its_bound(size: int, longest: int) -> None:
    """A byte more is too much."""

    def sized(count: int) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % count + b"x" * count

    def ask(server: RawServer) -> Answer:
        with open_session(server.url) as session:
            return exchange(
                session,
                "GET",
                server.url,
                api_key=KEY,
                user_agent="x",
                params={},
                body=None,
                seconds=10,
                longest=longest,
            )

    with answering(sized(size)) as server:
        assert ask(server).body == b"x" * size
    with answering(sized(longest + 1)) as server:
        with pytest.raises(AnswerLost) as caught:
            ask(server)
        assert str(caught.value) == f"the answer is longer than {longest // 1024 // 1024} MiB"


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n["])
def test_an_answer_that_stops_is_lost_when_its_time_is_over(head: bytes) -> None:
    """This holds for headers and body: the time is for the complete answer."""

    def stall(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(head)
        connection.recv(1)

    with RawServer(stall) as server, open_session(server.url) as session:
        with pytest.raises(AnswerLost) as caught:
            exchange(
                session, "GET", server.url, api_key=KEY, user_agent="x", params={}, body=None, seconds=0.2
            )
        assert str(caught.value) in ("no answer in time", "the answer broke off: timed out")
        assert (str(caught.value) == "no answer in time") is (not head.endswith(b"["))


def test_bytes_that_drip_do_not_lengthen_the_time() -> None:
    """A socket's own time-out starts again with every byte, and ours does not; this answer would take half a minute."""
    text = b"HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n" + b"x" * 30_000
    with RawServer(drip(text, 0.001, lambda: server)) as server, open_session(server.url) as session:
        with pytest.raises(AnswerLost, match="the answer broke off: timed out"):
            exchange(session, "GET", server.url, api_key=KEY, user_agent="x", params={}, body=None, seconds=1)
        assert not server.ended.is_set()


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n["]
)
def test_an_interruption_ends_a_read_that_is_not_answered(
    head: bytes, secure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends before the headers, in them or in the body: the half hour that an answer may take does not pass."""
    asked = threading.Event()

    def stall(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(head)
        asked.set()
        connection.recv(1)

    certificate = self_signed(tmp_path) if secure else None
    if certificate:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    with (
        RawServer(stall, certificate) as server,
        closing(Connection(Settings(server.url, KEY))) as connection,
    ):
        deadline = Deadline.after(3600, interrupted=asked.is_set)
        with pytest.raises(DeadlineExceeded) as caught:
            connection.send("GET", "/", deadline, seconds=1800)
        assert str(caught.value) == "the run was interrupted before the answer came"
        assert len(server.received) == 1


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_an_interruption_does_not_cut_off_what_changes_something(method: str) -> None:
    """Its answer comes later and is used: only the answer says what the request did."""
    asked = threading.Event()

    def late(connection: socket.socket, _head: bytes) -> None:
        asked.set()
        server.ended.wait(2)  # several looks at the interruption
        connection.sendall(LISTED)

    with RawServer(late) as server, closing(Connection(Settings(server.url, KEY))) as connection:
        deadline = Deadline.after(600, interrupted=asked.is_set)
        assert connection.send(method, "/", deadline)[0] == []


def test_an_answer_may_come_in_parts_with_long_pauses() -> None:
    """A read that checks for an interruption between the parts loses no byte of the answer."""
    parts = [b"HTTP/1.1 200 OK\r\nContent-", b"Length: 6\r\n\r\n[1,", b"22]"]

    def pausing(connection: socket.socket, _head: bytes) -> None:
        for part in parts:
            connection.sendall(part)
            server.ended.wait(0.7)

    with RawServer(pausing) as server, closing(Connection(Settings(server.url, KEY))) as connection:
        deadline = Deadline.after(600, interrupted=lambda: False)
        assert connection.send("GET", "/", deadline)[0] == [1, 22]


@pytest.mark.parametrize("key", ["k\n", "\ud800"])
def test_what_no_header_can_carry_is_not_repeated(key: str) -> None:
    """The library's own words contain the header, and so the key."""
    with answering(LISTED) as server, open_session(server.url) as session:
        with pytest.raises(NotSent) as caught:
            exchange(session, "GET", server.url, api_key=key, user_agent="x", params={}, body=None, seconds=2)
        assert server.connections == 0
    assert str(caught.value) == "a header or the URL has characters that cannot be sent"
    assert caught.value.permanent


# --- why there is no connection ---


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason", "permanent"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused", False),
        (OSError(2, "No such file or directory", "/nope"), "No such file or directory", True),
        (OSError("words"), "words", False),
        (TimeoutError(), "TimeoutError", False),
        (ValueError("words"), "words", True),
        (UnicodeError("label too long"), "label too long", True),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "WRONG_VERSION_NUMBER", True),
        (ssl.SSLError(1, "TLSV1_ALERT_INTERNAL_ERROR"), "TLSV1_ALERT_INTERNAL_ERROR", False),
        (ssl.SSLEOFError(8, "EOF occurred"), "EOF occurred", False),
        (ssl.SSLZeroReturnError(6, "closed"), "closed", False),
        (ssl.SSLSyscallError(5, "syscall"), "syscall", False),
        (http.client.BadStatusLine("words"), "words", True),
        (http.client.RemoteDisconnected("closed"), "closed", False),
        (urllib3.exceptions.SSLError("words"), "words", True),
        (urllib3.exceptions.LocationParseError("x"), "Failed to parse: x", True),
        (
            _caused(urllib3.exceptions.HTTPError("<urllib3.Object at 0x1>: outer"), OSError(113, "No route")),
            "No route",
            False,
        ),
        (urllib3.exceptions.HTTPError("<urllib3.Object at 0x1>: words"), "words", False),
    ],
    ids=repr,
)
def test_a_connection_that_fails_says_why_and_whether_it_may_come(
    error: Exception, reason: str, permanent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the innermost cause; a wrong URL, file or protocol stays wrong and is not tried again."""

    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(HTTPConnection, "connect", fail)
    with answering(LISTED) as server, pytest.raises(NotSent) as caught:
        send(server)
    assert (str(caught.value), caught.value.permanent, caught.value.remedy) == (
        f"no connection to the service: {reason}",
        permanent,
        None,
    )
    assert caught.value.__cause__ is error


def test_a_certificate_that_is_refused_has_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be the service's, with the proxy on the way named, or the proxy's own."""
    trust = "set REQUESTS_CA_BUNDLE to a PEM file with the CA that signed it (SSL_CERT_FILE is not read)"

    def fail(_: object) -> None:
        raise ssl.SSLCertVerificationError(1, "self-signed certificate")

    monkeypatch.setattr(HTTPConnection, "connect", fail)
    with answering(LISTED) as server, pytest.raises(NotSent) as caught:
        send(server)
    assert (str(caught.value), caught.value.permanent, caught.value.remedy) == (
        "the service's certificate cannot be trusted: self-signed certificate",
        True,
        trust,
    )


def test_a_pool_that_another_thread_closed_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other failure before the request is permanent."""
    for error, permanent in (
        (urllib3.exceptions.ClosedPoolError(None, "closed"), False),  # type: ignore[arg-type]
        (requests.exceptions.InvalidURL("words"), True),
    ):

        def fail(*_: Any, error: Exception = error, **__: Any) -> Any:
            raise requests.exceptions.ConnectionError(error)

        with answering(LISTED) as server, monkeypatch.context() as patch:
            patch.setattr(requests.adapters.HTTPAdapter, "cert_verify", fail)
            with pytest.raises(NotSent, match=r"^the request cannot be sent: ") as caught:
                send(server)
        assert caught.value.permanent is permanent


def test_a_connection_that_breaks_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    """It breaks after the head was sent, before any answer."""

    def fail(*_: object) -> None:
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(HTTPConnection, "getresponse", fail)
    with answering(LISTED) as server, pytest.raises(AnswerLost) as caught:
        send(server)
    assert str(caught.value) == "the connection broke before the answer came: Connection reset by peer"


# --- the service without a proxy ---


@pytest.mark.parametrize(
    ("host", "permanent"),
    [
        ("a..b", True),
        ("a" * 64 + ".example", True),
        ("*.example", True),
        ("ö..example", True),
        ("h:99999", True),
        ("[::1", True),
        ("\u2100.example", True),
        ("nowhere.invalid", False),
    ],
)
def test_a_host_that_cannot_be_reached(host: str, permanent: bool) -> None:
    """An impossible host name is a permanent error; an unknown one may be known later."""
    assert not_sent(f"https://{host}").permanent is permanent


def test_a_connection_that_does_not_come_about_in_time() -> None:
    """A server whose queue is full, or that never completes the TLS handshake, has received nothing."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        error = not_sent(f"http://127.0.0.1:{address[1]}", seconds=1)
        for each in waiting:
            each.close()
    assert "timed out" in str(error).lower()
    with RawServer(keep_quiet) as silent:
        error = not_sent(silent.url.replace("http", "https"), seconds=1)
    assert "timed out" in str(error).lower()
    assert not error.permanent


@pytest.mark.parametrize(("text", "permanent"), [(LISTED, True), (b"", False)])
def test_no_tls_where_it_is_asked_for(text: bytes, permanent: bool) -> None:
    """A server that speaks plain HTTP is a permanent error; one that hangs up may recover."""
    with answering(text, until=b"") as server:
        assert not_sent(server.url.replace("http", "https")).permanent is permanent


def test_an_untrusted_certificate_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fix is REQUESTS_CA_BUNDLE, even if SSL_CERT_FILE is set; with it the request succeeds."""
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with answering(LISTED, certificate) as server:
        error = not_sent(server.url)
        assert error.permanent
        assert "the service's certificate cannot be trusted" in str(error)
        assert error.remedy
        assert "REQUESTS_CA_BUNDLE" in error.remedy
        assert server.received == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        with NebiusClient(Settings(server.url, KEY)) as client:
            assert client.list_models().entries == []
        monkeypatch.setenv("SSLKEYLOGFILE", "/nope/keys")
        error = not_sent(server.url)
        assert error.permanent
        assert len(server.received) == 1


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("kind", ["missing", "empty", "junk", "folder", "unreadable", "key"])
def test_a_ca_file_that_cannot_be_used(
    variable: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the variable and the file, and no connection is opened."""
    path = tmp_path / "ca.pem"
    if kind == "folder":
        path.mkdir()
        (path / "readme.txt").write_text("nothing")
    elif kind == "key":
        path = self_signed(tmp_path)[1]
    elif kind == "unreadable":  # root can read any file; this one answers with an input/output error
        path = Path("/proc/self/mem") if Path("/proc/self/mem").exists() else path
    elif kind != "missing":
        path.write_text({"empty": "", "junk": "-----BEGIN CERTIFICATE-----\n!\n"}[kind])
    monkeypatch.setenv(variable, str(path))
    with answering(LISTED) as server:
        error = not_sent(server.url.replace("http", "https"))
        assert server.connections == 0
    assert error.permanent
    why = {
        "missing": "which cannot be read: No such file or directory",
        "folder": "a folder without certificates that `openssl rehash` has named",
        "unreadable": "which cannot be read: ",
    }.get(kind, "which holds no certificate in PEM form")
    assert str(error).startswith(f"{variable} names {str(path)!r}, {why}")
    assert error.remedy == f"set {variable} to a PEM file of CA certificates, or unset it"


def test_a_folder_with_hashed_certificates_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output of `openssl rehash` is a CA folder: if a certificate is missing in it, the folder is not wrong."""
    certificate = self_signed(tmp_path)
    folder = tmp_path / "cas"
    folder.mkdir()
    (folder / "0123abcd.0").write_bytes(certificate[0].read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder))
    with answering(LISTED, certificate) as server:
        assert "certificate cannot be trusted" in str(not_sent(server.url))


def test_a_ca_file_means_nothing_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator on loopback is reached, whatever the variable names."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nope/ca.pem")
    with answering(LISTED) as server, NebiusClient(Settings(server.url, KEY)) as client:
        assert client.list_models().entries == []
