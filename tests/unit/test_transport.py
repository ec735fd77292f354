"""What was surely not sent, what may have been sent, and the way to the service; over real sockets."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3.exceptions
from urllib3.connection import HTTPConnection

from nebius_model_resource.client import NebiusClient
from nebius_model_resource.config import Settings
from nebius_model_resource.errors import AnswerLost, NebiusError, NotSent
from nebius_model_resource.models import Inputs
from nebius_model_resource.pace import Deadline
from nebius_model_resource.transport import Answer, exchange, open_session
from tests.support.hostile import RawServer, self_signed, tunnel

KEY = "sk-Zq9/very+secret=0451"
AWAY = "https://models.example"
LISTED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.lower().endswith(("_proxy", "_ca_bundle")) or variable == "SSLKEYLOGFILE":
            monkeypatch.delenv(variable)


def post(base_url: str, seconds: float = 4) -> NebiusError:
    """What a create fails with."""
    with NebiusClient(Settings(base_url, KEY), attempt_seconds=seconds / 2) as client:
        inputs = Inputs("bot", "acme/Base", "file-1")
        try:
            client.create_model(inputs, deadline=Deadline.after(seconds))
        except NebiusError as error:
            return error
        raise AssertionError("the create succeeded")


def not_sent(base_url: str, seconds: float = 4) -> NotSent:
    error = post(base_url, seconds)
    assert type(error) is NotSent, repr(error)
    assert str(error).isprintable()
    return error


def answering(
    text: bytes, certificate: tuple[Path, Path] | None = None, until: bytes = b"\r\n\r\n"
) -> RawServer:
    return RawServer(lambda connection, _: connection.sendall(text), certificate, until)


def keep_quiet(connection: socket.socket, _head: bytes) -> None:
    connection.recv(1)


def unused_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


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
    - {urllib3.exceptions.EmptyPoolError},  # of pools with a limit, which ours have not
    key=lambda kind: (kind.__module__, kind.__name__),
)


def made(kind: type[Exception]) -> Exception:
    """An error of that class, without what its own constructor would ask for."""
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
def test_every_error_is_told_by_the_moment_at_which_it_comes(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the head of the request goes out each error is NotSent, afterwards each is AnswerLost."""

    def fail(*_: Any, **__: Any) -> Any:
        raise made(kind)

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
                ):  # passed over: the answer is read
                    continue
                with pytest.raises(NebiusError) as caught:
                    send(server)
                assert type(caught.value) is expected, (name, caught.value)


@pytest.mark.parametrize("text", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]", b"220 no http\r\n"])
def test_what_may_have_been_sent_is_never_called_not_sent(
    text: bytes, tmp_path: Path, monkeypatch: Any
) -> None:
    """An answer that is missing, half or no HTTP is lost: directly, in TLS, through a proxy, on a kept connection."""
    with answering(text) as plain:
        assert type(post(plain.url)) is AnswerLost
    certificate = self_signed(tmp_path, "models.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    with answering(text, certificate) as service, RawServer(tunnel(service.url)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert type(post(AWAY)) is AnswerLost
        assert len(service.received) == 1


def test_a_kept_connection_that_breaks_may_have_carried_the_request() -> None:
    """A second request on a connection that the server has closed meanwhile is not called unsent."""

    def once(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
        connection.recv(65536)

    with RawServer(once) as server, NebiusClient(Settings(server.url, KEY)) as client:
        client.list_models()
        with pytest.raises(AnswerLost):
            client.create_model(Inputs("bot", "acme/Base", "file-1"))
        assert server.connections == 1


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
    """A host that no name can be is told at once; one that nobody knows may be known later."""
    assert not_sent(f"https://{host}").permanent is permanent


def test_a_connection_that_does_not_come_about_in_time() -> None:
    """A server whose queue is full, and one that never shakes hands, have received nothing."""
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
    """A server that speaks plain HTTP will not change; one that hangs up may."""
    with answering(text, until=b"") as server:
        assert not_sent(server.url.replace("http", "https")).permanent is permanent


def test_a_certificate_that_nobody_vouches_for_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy is REQUESTS_CA_BUNDLE, also for who has set SSL_CERT_FILE; with it the request goes through."""
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
    """The message names the variable and the file, and nothing is connected to."""
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
    assert f"{variable} names {str(path)!r}" in str(error)
    assert error.remedy
    assert variable in error.remedy


def test_a_folder_with_hashed_certificates_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `openssl rehash` makes is a CA folder: what it lacks is the certificate's fault, not the folder's."""
    certificate = self_signed(tmp_path)
    folder = tmp_path / "cas"
    folder.mkdir()
    (folder / "0123abcd.0").write_bytes(certificate[0].read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder))
    with answering(LISTED, certificate) as server:
        assert "certificate cannot be trusted" in str(not_sent(server.url))


def test_a_ca_file_means_nothing_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator on loopback is reached whatever the variable names."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nope/ca.pem")
    with answering(LISTED) as server, NebiusClient(Settings(server.url, KEY)) as client:
        assert client.list_models().entries == []


# --- through a proxy ---

SECRETS = ("bob", "s3", "cret")


@pytest.mark.parametrize(
    "url",
    [
        "http://bob:s3#cret@127.0.0.1:{port}",
        "http://bob:s3/cret@127.0.0.1:{port}",
        "http://bob:s3?cret@127.0.0.1:{port}",
        "http://bob:80/cret@127.0.0.1:{port}",
        "http://bob:80#cret@127.0.0.1:{port}",
        "http://bob:s3\\cret@127.0.0.1:{port}",
        "bob:s3#cret@127.0.0.1:{port}",
        "http://bob:s3cret@127.0.0.1:port",
        "http://bob:s3cret@127.0.0.1:99999",
        "http://bob:s3cret@127.0.0.1:0",
        "http://bob:s3cret@:{port}",
        "http://bob:s3cret@",
        "http://bob:s3cret@[::1",
        "http://bob:s3cret@exa mple:1",
        "http://bob:s3cret\u0142@127.0.0.1:{port}",
        "ftp://bob:s3cret@127.0.0.1:{port}",
        "socks5://bob:s3cret@127.0.0.1:{port}",
        "nonsense://bob:s3cret@127.0.0.1:{port}",
    ],
)
def test_a_proxy_url_that_cannot_work(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails at once and names the variable; nothing of user or password is told, nothing connected to."""
    if url.startswith("socks"):
        monkeypatch.setitem(requests.adapters.__dict__, "SOCKSProxyManager", _no_socks)
    with answering(b"") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", url.format(port=proxy.url.rpartition(":")[2]))
        error = not_sent(AWAY)
        assert proxy.connections == 0
    assert error.permanent
    assert error.remedy
    assert "HTTPS_PROXY" in str(error)
    assert "HTTPS_PROXY" in error.remedy
    told = f"{error} {error.remedy} {error!r} {error.__cause__!r}"
    assert not [secret for secret in SECRETS if secret in told]


def _no_socks(*_: Any, **__: Any) -> None:
    """What requests has in its place where PySocks is not installed."""
    raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_the_variable_that_holds_the_proxy_is_named(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any of the four, in the spelling that was used; a host that NO_PROXY names is not reached through it."""
    monkeypatch.setenv(variable, "http://proxy:port")
    assert f"{variable} is not the URL of a proxy" in str(not_sent(AWAY))
    monkeypatch.setenv("NO_PROXY", "nowhere.invalid")
    assert "no connection to the service:" in str(not_sent("https://nowhere.invalid"))
    monkeypatch.setenv(variable, " ")
    assert open_session(AWAY).proxies == {}


@pytest.mark.parametrize(
    ("answer", "told", "permanent"),
    [
        (b"HTTP/1.1 407 bob:s3cret is wrong\r\n\r\n", "answered 407 to CONNECT", True),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "answered 403 to CONNECT", True),
        (b"HTTP/1.1 302 Found\r\nLocation: http://bob:s3cret@x\r\n\r\n", "answered 302 to CONNECT", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "answered 204 to CONNECT", True),
        (b"HTTP/1.1 429 Slow down\r\n\r\n", "answered 429 to CONNECT", False),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "answered 502 to CONNECT", False),
        (b"HTTP/1.1 503 x\r\nRetry-After: 1\r\n\r\n", "answered 503 to CONNECT", False),
        (b"220 bob:s3cret ESMTP\r\n", "not HTTP", True),
        (b"", "closed", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", "EOF", False),
    ],
)
def test_a_proxy_that_does_not_connect_on(
    answer: bytes, told: str, permanent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the proxy by host and port and says what it did; its user and password never show."""
    with answering(answer) as proxy:
        place = proxy.url.removeprefix("http://")
        monkeypatch.setenv("HTTPS_PROXY", f"http://bob:s3cret@{place}")
        error = not_sent(AWAY)
        assert proxy.received[0].startswith(b"CONNECT models.example:443 ")
        assert KEY.encode() not in b"".join(proxy.received)
    assert f"proxy {place}" in str(error)
    assert told in str(error)
    assert error.permanent is permanent
    assert error.remedy
    assert "HTTPS_PROXY" in error.remedy
    assert ("user and password" in error.remedy) is (" 407 " in str(error))
    assert "bob" not in f"{error} {error.remedy} {error.__cause__!r}"


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Down, unknown or silent: it is named, and tried again."""
    place = f"127.0.0.1:{unused_port()}"
    monkeypatch.setenv("HTTPS_PROXY", f"http://bob:s3cret@{place}/")
    assert str(not_sent(AWAY)) == f"no connection to the proxy {place}: Connection refused"
    monkeypatch.setenv("HTTPS_PROXY", "bob:s3cret@nowhere.invalid")
    error = not_sent(AWAY)
    assert "no connection to the proxy nowhere.invalid:80: " in str(error)
    assert not error.permanent
    with RawServer(keep_quiet) as silent:
        monkeypatch.setenv("HTTPS_PROXY", silent.url)
        error = not_sent(AWAY, seconds=1)
        assert "timed out" in str(error).lower()
        assert not error.permanent


def test_a_proxy_behind_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its certificate is told apart from the service's, and one that speaks no TLS is told at once."""
    certificate = self_signed(tmp_path)
    refusal = b"HTTP/1.1 407 No\r\n\r\n"
    with answering(refusal, certificate) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        error = not_sent(AWAY)
        assert error.permanent
        assert f"the certificate of the proxy {proxy.url.removeprefix('https://')} cannot be trusted" in str(
            error
        )
        assert error.remedy
        assert "REQUESTS_CA_BUNDLE" in error.remedy
        assert proxy.received == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        assert "answered 407 to CONNECT" in str(not_sent(AWAY))
    with answering(refusal, until=b"") as plain:
        monkeypatch.setenv("HTTPS_PROXY", plain.url.replace("http", "https"))
        assert not_sent(AWAY).permanent


def test_a_proxy_carries_the_request_and_never_sees_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy hears CONNECT and its own credentials, decoded; the service alone hears the key."""
    certificate = self_signed(tmp_path, "models.example")
    with answering(LISTED, certificate) as service, RawServer(tunnel(service.url)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//bob:s3%23cret@"))
        with NebiusClient(Settings(AWAY, KEY)) as client:
            with pytest.raises(NotSent, match="the service's certificate cannot be trusted") as caught:
                client.list_models()
            assert proxy.url.removeprefix("http://") in str(caught.value)
            assert service.received == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        with NebiusClient(Settings(AWAY, KEY)) as client:
            assert client.list_models().entries == []
        assert f"Authorization: Bearer {KEY}".encode() in service.received[0]
        assert b"Proxy-Authorization: Basic Ym9iOnMzI2NyZXQ=" in proxy.received[-1]
        assert KEY.encode() not in b"".join(proxy.received)


PROXY_VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2", "[::1]"])
def test_loopback_never_goes_through_a_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With each variable alone, also one that no proxy can be read from, http and https go straight to loopback."""
    with answering(LISTED) as proxy:
        for variable in PROXY_VARIABLES:
            for value in (proxy.url, "http://bob:s3#cret@h"):
                with monkeypatch.context() as patch:
                    patch.setenv(variable, value)
                    assert open_session(f"http://{host}:8080").proxies == {}
                    for scheme in ("http", "https"):
                        error = not_sent(f"{scheme}://{host}:{unused_port()}", seconds=1)
                        assert "no connection to the service: " in str(error)
        assert proxy.connections == 0
