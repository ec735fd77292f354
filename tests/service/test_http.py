"""One HTTP exchange over real sockets: what was sent, how long an answer may take, and what errors say."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from nebius_model_resource._service.client import Client
from nebius_model_resource._service.http import MAX_ANSWER, Multipart, open_session
from nebius_model_resource._service.retry import Deadline
from nebius_model_resource._service.settings import Settings
from nebius_model_resource.errors import (
    AnswerLost,
    DeadlineExceeded,
    NebiusError,
    NotSent,
    TransportError,
    UnusableAnswer,
    may_have_happened,
)
from tests.service.conftest import Zip
from tests.support.calls import (
    AWAY,
    HEAD,
    KEY,
    LISTED,
    answering,
    close,
    full_port,
    half_a_head,
    keep_quiet,
    leave_tls,
    reset,
    say,
    send,
    unused_port,
)
from tests.support.hostile import Handler, RawServer, drip, self_signed, tunnel

PROXY = "http://bob:s3cret@127.0.0.1:{port}"
SECRETS = ("bob", "s3", "cret")
TLS_REMEDY = "set REQUESTS_CA_BUNDLE to a PEM file with the CA that signed it (SSL_CERT_FILE is not read)"
PROXY_REMEDY = "check HTTPS_PROXY, or name the service's host in NO_PROXY"
OTHER_REMEDY = "check HTTPS_PROXY, REQUESTS_CA_BUNDLE and the base URL"


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every time-out that this thread gives a socket, in seconds; really a sixtieth, but for that of a handshake."""
    given: list[float] = []
    set_, here = socket.socket.settimeout, threading.current_thread()

    def settimeout(self: socket.socket, seconds: float | None) -> None:
        if seconds and threading.current_thread() is here:
            given.append(seconds)
            seconds /= 1 if seconds == 10 else 60
        set_(self, seconds)

    monkeypatch.setattr(socket.socket, "settimeout", settimeout)
    return given


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1, and its key."""
    return self_signed(tmp_path_factory.mktemp("certificate"))


# What the class of an error says: was the request sent?


@dataclass(frozen=True)
class Case:
    """One way for a POST to fail."""

    error: type[TransportError]
    says: str  # the beginning of the message
    answer: Handler = close  # what the server does
    url: str = "http://127.0.0.1:{port}"  # where the POST goes
    proxy: str = ""  # HTTPS_PROXY
    tls: bool = False  # whether the server speaks TLS
    trusted: bool | None = True  # None: the CA file is not there
    until: bytes | None = b"\r\n\r\n"  # what the server waits for
    api_key: str = KEY
    remedy: str | None = None  # None: what the class says
    permanent: bool = False


def unsendable(**how: Any) -> Case:
    """A URL, a proxy or a header with which nothing can be sent."""
    return Case(NotSent, UNSENDABLE, **{"url": AWAY, **how}, remedy=OTHER_REMEDY, permanent=True)


def refusing_proxy(status: str) -> Case:
    """A proxy that does not connect on."""
    answer = say(f"HTTP/1.1 {status}\r\n\r\n".encode())
    said = f"{NO_PROXY}Tunnel connection failed: {status}"
    return Case(NotSent, said, answer, AWAY, PROXY, remedy=PROXY_REMEDY, permanent=True)


NO_CONNECTION = "no connection to the service: "
NO_PROXY = "no connection through the proxy that HTTPS_PROXY names: "
NOT_SECURE = "no secure connection to the service: "
UNSENDABLE = "the request cannot be sent: "
BROKE = "the connection broke before the answer came: "
LATE = "no answer in time"
TIMED_OUT = (LATE, f"{NO_CONNECTION}timed out")
SECURE = "https://127.0.0.1:{port}"
UNUSED = "http://127.0.0.1:{unused}"
TLS: dict[str, Any] = {"url": SECURE, "remedy": TLS_REMEDY, "permanent": True}
CASES = {
    "connection refused": Case(NotSent, NO_CONNECTION + "Connection refused", url=UNUSED),
    "no such host": Case(NotSent, NO_CONNECTION, url="https://nowhere.invalid"),
    "connect time-out": Case(NotSent, TIMED_OUT[1], url="http://127.0.0.1:{full}"),
    "certificate not trusted": Case(NotSent, NOT_SECURE, tls=True, trusted=False, **TLS),
    "no TLS": Case(NotSent, NOT_SECURE, say(LISTED), until=b"", **TLS),
    "TLS handshake closed": Case(NotSent, NOT_SECURE, close, SECURE, until=b""),
    "no CA file": unsendable(url=SECURE, trusted=None),
    "proxy refused": Case(NotSent, NO_PROXY, url=AWAY, proxy=UNUSED, remedy=PROXY_REMEDY),
    "proxy without TLS": Case(
        NotSent, NO_PROXY, say(LISTED), AWAY, SECURE, until=b"", remedy=PROXY_REMEDY, permanent=True
    ),
    "CONNECT 407": refusing_proxy("407 Proxy Authentication Required"),
    "proxy without a host": unsendable(proxy="http://bob:s3cret@:{port}"),
    "SOCKS without its package": unsendable(proxy="socks5://bob:s3cret@127.0.0.1:{port}"),
    "SOCKS of no version": unsendable(proxy="socks9://bob:s3cret@127.0.0.1:{port}"),
    "proxy of another scheme": unsendable(proxy="ftp://bob:s3cret@127.0.0.1:{port}"),
    "proxy's password cannot be sent": unsendable(proxy="http://bob:s3cret\u0142@127.0.0.1:{port}"),
    "header that cannot be sent": unsendable(url=UNUSED, api_key="\ud800 a key that is long"),
    **{
        f"proxy {url!r}": unsendable(proxy=f"http://bob:{url}")
        for url in (
            "s3#cret@127.0.0.1:1",
            "s3/cret@127.0.0.1:1",
            "s3cret@127.0.0.1:port",
            "s3cret@[::1",
            "s3cret@exa mple:1",
        )
    },
    # Nothing was sent in these four; the class of the error does not tell.
    "TLS handshake hangs": Case(AnswerLost, LATE, keep_quiet, SECURE, until=b""),
    "TLS handshake reset": Case(AnswerLost, BROKE, reset, SECURE, until=b""),
    "CONNECT hangs": Case(AnswerLost, LATE, keep_quiet, AWAY, PROXY),
    "CONNECT closed": Case(AnswerLost, BROKE, close, AWAY, PROXY),
    "closed at once": Case(AnswerLost, BROKE, close, until=None),
    "closed after the request": Case(AnswerLost, BROKE, close),
    "reset after the request": Case(AnswerLost, BROKE, reset),
    "no HTTP": Case(AnswerLost, BROKE, say(b"220 ESMTP\r\n\r\n")),
    "no answer": Case(AnswerLost, LATE, keep_quiet),
    "no answer, with TLS": Case(AnswerLost, LATE, keep_quiet, SECURE, tls=True),
    "TLS breaks after the request": Case(AnswerLost, BROKE, leave_tls, SECURE, tls=True),
    "half a head": Case(AnswerLost, LATE, half_a_head),
    "half a body": Case(UnusableAnswer, "the answer broke off: ", say(HEAD + b"["), until=b"}"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_class_of_an_error_says_whether_the_request_may_have_had_its_effect(
    case: Case, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What reached a server is never called not sent, and no message shows the key or the proxy's password."""
    monkeypatch.setitem(requests.adapters.__dict__, "SOCKSProxyManager", _no_socks)
    bundle = tmp_path / "none.pem" if case.trusted is None else certificate[0]
    if case.trusted is not False:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    held: list[socket.socket] = []
    full = full_port(held) if "{full}" in case.url else 0
    with RawServer(case.answer, certificate if case.tls else None, case.until) as server:
        ports = {"port": server.url.rpartition(":")[2], "unused": unused_port(), "full": full}
        if case.proxy:
            monkeypatch.setenv("HTTPS_PROXY", case.proxy.format(**ports))
        seconds = 0.5 if case.says in TIMED_OUT else 30
        with pytest.raises(TransportError) as caught:
            send(case.url.format(**ports), seconds=seconds, api_key=case.api_key)
        received = [head for head in server.received if head.startswith(b"POST")]
    for each in held:
        each.close()
    error = caught.value
    assert type(error) is case.error
    assert str(error).startswith(case.says)
    assert str(error).isprintable()
    assert (error.remedy, getattr(error, "permanent", False)) == (
        type(error).remedy if case.remedy is None else case.remedy,
        case.permanent,
    )
    assert may_have_happened(error) or not received
    shown = f"{error} {error!r} {error.__cause__!r}"
    assert not [secret for secret in (*SECRETS, case.api_key) if secret in shown]


def _no_socks(url: str, **_: Any) -> None:
    """What requests uses if PySocks is not installed, and what PySocks says of a version that does not exist."""
    if url.startswith("socks5"):
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")
    raise ValueError(f"Unable to determine SOCKS version from {url}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2", "[::1]"])
def test_loopback_never_goes_through_a_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With any variable, even an unreadable one, http and https go straight to loopback."""
    for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        for url in (f"http://{host}:8080", f"https://{host}:8080"):
            with monkeypatch.context() as patch:
                patch.setenv(variable, "http://bob:s3#cret@h")
                assert open_session(url).proxies == {}


def test_proxies_and_certificates_of_the_environment_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read when the session is opened, and a host that NO_PROXY names is reached directly."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/some/ca.pem")
    session = open_session(AWAY)
    assert session.proxies["https"] == "http://proxy.example:3128"
    assert session.verify == "/some/ca.pem"
    monkeypatch.setenv("NO_PROXY", "models.example")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    session = open_session(AWAY)
    assert "https" not in session.proxies
    assert session.verify is True


def test_a_proxy_forwards_the_request_and_never_sees_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy gets CONNECT and its own credentials, decoded; only the service gets the key."""
    away = self_signed(tmp_path, "models.example")
    with answering(LISTED, away) as service, RawServer(tunnel(service.url)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//bob:s3%23cret@"))
        with pytest.raises(
            NotSent, match=r"no secure connection to the service: .*CERTIFICATE_VERIFY_FAILED"
        ):
            send(AWAY)
        assert service.received == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(away[0]))
        assert send(AWAY, "GET").body == b"[]"
        assert f"Authorization: Bearer {KEY}".encode() in service.received[0]
        assert b"Proxy-Authorization: Basic Ym9iOnMzI2NyZXQ=" in proxy.received[-1]
        assert KEY.encode() not in b"".join(proxy.received)


@pytest.mark.parametrize("answer", [close, reset, leave_tls, say(b"220 ESMTP\r\n\r\n"), say(HEAD + b"[")])
def test_what_went_through_a_proxy_may_have_had_its_effect(
    answer: Handler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that breaks off behind a proxy is not taken for a proxy that does not connect on."""
    away = self_signed(tmp_path, "models.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(away[0]))
    with RawServer(answer, away) as service, RawServer(tunnel(service.url)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(TransportError) as caught:
            send(AWAY)
        assert may_have_happened(caught.value)
        assert len(service.received) == 1


def test_an_open_connection_that_breaks_may_have_carried_the_request() -> None:
    """A second request on a connection that the server has closed is not called not sent."""

    def once(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
        connection.recv(65536)

    with RawServer(once) as server:
        client = Client(Settings(server.url, KEY))
        client.list_models()
        with pytest.raises(AnswerLost):
            client.create_model({"name": "bot"}, None)
        assert server.connections == 1


# One exchange.


def test_a_request_is_sent_with_the_key_and_asks_for_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The body is JSON, nothing is compressed, the query is encoded, and ~/.netrc does not replace the key."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with answering(LISTED, until=b'"a"') as server:
        answer = send(f"{server.url}/v0/x", params={"p": "a b"}, body={"a": "é"})
        head, _, body = server.received[0].partition(b"\r\n\r\n")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "2", b"[]")
    line, *headers = head.decode().split("\r\n")
    assert line == "POST /v0/x?p=a+b HTTP/1.1"
    assert {
        "Accept: application/json",
        "Accept-Encoding: identity",
        f"Authorization: Bearer {KEY}",
        "Content-Type: application/json",
        "User-Agent: nebius-model-resource (Pulumi provider)",
    } < set(headers)
    assert body == b'{"a": "\\u00e9"}'


def test_no_answer_is_unpacked_and_no_redirect_followed() -> None:
    """A small answer could unpack to any size, and the key goes to no other address; a read has no body."""
    with answering(LISTED) as other:
        for place in (other.url, "http://["):
            head = f"302 x\r\nLocation: {place}\r\nContent-Encoding: gzip".encode()
            with answering(LISTED.replace(b"200 OK", head)) as server:
                answer = send(server.url, "GET")
            assert (answer.status, answer.headers["Location"], answer.body) == (302, place, b"[]")
        assert other.connections == 0
    assert b"content-type" not in server.received[0].lower()
    assert server.received[0].endswith(b"\r\n\r\n")


def test_an_answer_may_have_16_mib() -> None:
    """A byte more is too much, whether its length is announced or not."""
    for size, length in ((MAX_ANSWER, True), (MAX_ANSWER + 1, True), (MAX_ANSWER + 1, False)):
        head = b"Content-Length: %d\r\n" % size if length else b""
        text = b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head + b"\r\n" + b"x" * size
        with answering(text) as server:
            if size == MAX_ANSWER:
                assert len(send(server.url, "GET").body) == size
                continue
            with pytest.raises(UnusableAnswer, match=r"^the answer is longer than 16 MiB: "):
                send(server.url, "GET")


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(("head", "error"), [(HEAD, UnusableAnswer), (b"HTTP/1.1 200 OK\r\nA: ", AnswerLost)])
def test_bytes_that_drip_do_not_lengthen_the_time(
    head: bytes,
    error: type[TransportError],
    secure: bool,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A socket's own time-out starts again with every byte, and ours does not; this answer would take minutes."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))

    def handler(connection: socket.socket, request: bytes) -> None:
        connection.sendall(head.replace(b"9", b"60000"))
        drip(b"x" * 60_000, 0.005, lambda: server)(connection, request)

    said = r"^no answer in time|^the answer broke off: timed out"
    with RawServer(handler, certificate if secure else None) as server, pytest.raises(error, match=said):
        send(server.url, seconds=1)


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\n", HEAD + b"["])
def test_an_interruption_ends_a_read_within_a_second(
    begun: bytes,
    secure: bool,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    timers: list[float],
) -> None:
    """It ends before the headers, in them or in the body: the read waits for a second at most until it looks again."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    asked = threading.Event()
    looks = itertools.count()

    def stall(connection: socket.socket, head: bytes) -> None:
        connection.sendall(begun)
        asked.set()
        keep_quiet(connection, head)

    with RawServer(stall, certificate if secure else None) as server:
        client = Client(Settings(server.url, KEY))
        deadline = Deadline.after(3600, interrupted=lambda: asked.is_set() and next(looks) > 0)
        with pytest.raises(DeadlineExceeded, match=r"^the run was interrupted before the answer came$"):
            client.call("GET", "/", lambda body: body, deadline, seconds=1800)
        assert timers[-1] <= 1
        assert len(server.received) == 1


@pytest.mark.usefixtures("timers")
def test_an_answer_may_come_in_parts_with_pauses() -> None:
    """A read that looks for an interruption between the parts loses no byte of the answer."""
    parts = [b"HTTP/1.1 200 OK\r\nContent-", b"Length: 6\r\n\r\n[1,", b"22]"]
    looks: list[int] = []

    def look() -> bool:
        looks.append(1)
        return False

    def pausing(connection: socket.socket, _head: bytes) -> None:
        for part in parts:
            seen = len(looks)
            while len(looks) < seen + 3:
                server.ended.wait(0.01)
            connection.sendall(part)

    with RawServer(pausing) as server:
        answer = send(server.url, "GET", seconds=60, interrupted=look)
    assert json.loads(answer.body) == [1, 22]


# Uploads.


def test_an_upload_is_one_part_of_known_length() -> None:
    """Each attempt begins again, and tells the bytes of the file that were sent."""
    sent: list[int] = []
    body = Multipart(Zip(b"ab", b"", b"cd"), sent.append)
    assert sent == []
    content = b"".join(body)
    assert sent == [0, 2, 2, 4]
    assert b"".join(body) == content
    kind, _, boundary = body.content_type.partition("; boundary=")
    assert kind == "multipart/form-data"
    assert len(body) == len(content)
    assert content.decode().split("\r\n") == [
        f"--{boundary}",
        'Content-Disposition: form-data; name="file"; filename="ä%22.zip"',
        "Content-Type: application/zip",
        "",
        "abcd",
        f"--{boundary}--",
        "",
    ]
    with answering(LISTED, until=boundary.encode() + b"--") as server:
        send(server.url, body=body)
        head, _, arrived = server.received[0].partition(b"\r\n\r\n")
    assert arrived == content
    assert f"content-length: {len(content)}\r\n".encode() in head.lower() + b"\r\n"
    assert b"transfer-encoding" not in head.lower()


def test_an_upload_that_stalls_ends_after_thirty_seconds(timers: list[float]) -> None:
    """A service that stops taking the body loses the upload then, and not at the deadline."""
    sent: list[int] = []
    with RawServer(lambda *_: (server.ended.wait(), None)[1]) as server:
        with pytest.raises(AnswerLost, match=r"^the connection broke before the answer came: "):
            send(server.url, body=Multipart(Zip(*[bytes(1_000_000)] * 40), sent.append), seconds=3600)
        assert sent[-1] < 40_000_000
    assert set(timers) == {30}


def test_what_ends_an_upload_is_let_through() -> None:
    """An error of the caller's own, raised between two chunks, is not turned into one of the connection."""

    def end(_sent: int) -> None:
        raise NebiusError("the engine is gone")

    with RawServer(keep_quiet) as server, pytest.raises(NebiusError, match=r"^the engine is gone$"):
        send(server.url, body=Multipart(Zip(b"a"), end))
