"""The proxy that the environment names, over real sockets: named by host and port, and never used for loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.network import read_environment
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._api.transport import open_session
from nebius_model_resource.errors import NotSent
from tests.support.calls import (
    AWAY,
    KEY,
    LISTED,
    answering,
    keep_quiet,
    not_sent,
    unused_port,
    without_proxies,
)
from tests.support.hostile import RawServer, self_signed, tunnel


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxies(monkeypatch)


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
    """It fails at once and names the variable; no message shows user or password, and no connection is opened."""
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
    shown = f"{error} {error.remedy} {error!r} {error.__cause__!r}"
    assert not [secret for secret in SECRETS if secret in shown]


NOT_A_URL = (
    "HTTPS_PROXY is not the URL of a proxy",
    (
        "set HTTPS_PROXY to http://host:port or http://user:password@host:port, with each of '#', '/', '?', '@' "
        "and '%' in the password percent-encoded ('#' is %23)"
    ),
)
UNUSABLE = "the proxy in HTTPS_PROXY cannot be used: "
SET = "set HTTPS_PROXY to a proxy such as http://host:port, or unset it"


@pytest.mark.parametrize(
    ("url", "message", "remedy"),
    [
        ("http://", *NOT_A_URL),
        ("http://h:0", *NOT_A_URL),
        ("http://h h", *NOT_A_URL),
        ("http://h/p@x", *NOT_A_URL),
        ("http://h#p@x", *NOT_A_URL),
        ("ftp://h:1", f"{UNUSABLE}its scheme 'ftp' is none of http, https and socks5", SET),
        ("http://\u0142:x@h:1", f"{UNUSABLE}its user or password cannot be sent", SET),
        ("socks5://h:1", f"{UNUSABLE}SOCKS needs `pip install pysocks`", SET),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_with_the_fix(
    url: str, message: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the variable, what is wrong with its value, and what to set it to."""
    monkeypatch.setitem(requests.adapters.__dict__, "SOCKSProxyManager", _no_socks)
    monkeypatch.setenv("NO_PROXY", "other.example")
    monkeypatch.setenv("A_COPY", url)
    monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(NotSent) as caught:
        open_session(AWAY)
    assert (str(caught.value), caught.value.remedy, caught.value.permanent) == (message, remedy, True)


@pytest.mark.parametrize(
    ("text", "used"),
    [
        (" http://proxy.example:3128/ ", "http://proxy.example:3128/"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("//proxy.example", "http://proxy.example"),
        ("HTTPS://u:p@proxy.example", "https://u:p@proxy.example"),
        ("http://[::1]:3128", "http://[::1]:3128"),
    ],
)
def test_a_proxy_is_read_as_people_write_it(text: str, used: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have a scheme or not, and it holds only for the scheme of the base URL."""
    monkeypatch.setenv("ALL_PROXY", text)
    session = open_session(AWAY)
    assert session.proxies == {"https": used}
    assert not session.trust_env


@pytest.mark.parametrize(
    ("scheme", "port"),
    [("http", 80), ("https", 443), ("socks4", 1080), ("socks4a", 1080), ("socks5", 1080), ("socks5h", 1080)],
)
def test_a_proxy_has_the_port_of_its_scheme(scheme: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message shows host and port of the proxy, and the variable's value without user and password."""
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://u:p@proxy.example")
    with requests.Session() as session:
        proxy, verify = read_environment(session, AWAY)
    assert proxy
    assert (proxy.place, proxy.variable, verify) == (f"proxy.example:{port}", "HTTPS_PROXY", True)
    assert "u:p" not in repr(proxy)


def test_a_proxy_of_the_system_has_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS and Windows the system's own settings can name a proxy."""
    monkeypatch.setattr("requests.sessions.get_environ_proxies", lambda *_, **__: {"https": "ftp://x"})
    with pytest.raises(NotSent, match=r"^the proxy in the system's proxy setting cannot be used: "):
        open_session(AWAY)


def test_a_base_url_that_cannot_be_read_is_shown() -> None:
    """The settings refuse such a URL before, so no user sees this; it must still not be a traceback."""
    with pytest.raises(NotSent, match=r"^base URL 'https://\[x' cannot be read: \S") as caught:
        open_session("https://[x")
    assert caught.value.permanent


def _no_socks(*_: Any, **__: Any) -> None:
    """What requests uses if PySocks is not installed."""
    raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_the_variable_that_holds_the_proxy_is_named(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is any of the four, in the spelling that was used; a host that NO_PROXY names is reached without the proxy."""
    monkeypatch.setenv(variable, "http://proxy:port")
    assert f"{variable} is not the URL of a proxy" in str(not_sent(AWAY))
    monkeypatch.setenv("NO_PROXY", "nowhere.invalid")
    assert "no connection to the service:" in str(not_sent("https://nowhere.invalid"))
    monkeypatch.setenv(variable, " ")
    assert open_session(AWAY).proxies == {}


@pytest.mark.parametrize(
    ("answer", "said", "permanent"),
    [
        (b"HTTP/1.1 407 bob:s3cret is wrong\r\n\r\n", "answered 407 to CONNECT", True),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "answered 403 to CONNECT", True),
        (b"HTTP/1.1 302 Found\r\nLocation: http://bob:s3cret@x\r\n\r\n", "answered 302 to CONNECT", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "answered 204 to CONNECT", True),
        (b"HTTP/1.1 429 Slow down\r\n\r\n", "answered 429 to CONNECT", False),
        (b"HTTP/1.1 408 Slow\r\n\r\n", "answered 408 to CONNECT", False),
        (b"HTTP/1.1 499 x\r\n\r\n", "answered 499 to CONNECT", True),
        (b"HTTP/1.1 500 x\r\n\r\n", "answered 500 to CONNECT", False),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "answered 502 to CONNECT", False),
        (b"HTTP/1.1 503 x\r\nRetry-After: 1\r\n\r\n", "answered 503 to CONNECT", False),
        (b"220 bob:s3cret ESMTP\r\n", ": its answer to CONNECT is not HTTP", True),
        (b"", "closed", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", "EOF", False),
    ],
)
def test_a_proxy_that_does_not_connect_on(
    answer: bytes, said: str, permanent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the proxy by host and port and says what it did; its user and password never show."""
    with answering(answer) as proxy:
        place = proxy.url.removeprefix("http://")
        monkeypatch.setenv("HTTPS_PROXY", f"http://bob:s3cret@{place}")
        error = not_sent(AWAY)
        assert proxy.received[0].startswith(b"CONNECT models.example:443 ")
        assert KEY.encode() not in b"".join(proxy.received)
    assert f"proxy {place}" in str(error)
    assert said in str(error)
    assert error.permanent is permanent
    remedy = "check the network and the proxy that HTTPS_PROXY names"
    if " answered " not in str(error):
        assert str(error).startswith(f"no connection to the service through the proxy {place}: ")
    else:
        assert str(error) == f"the proxy {place} {said}"
        remedy = "check HTTPS_PROXY, or name the service's host in NO_PROXY to reach it without a proxy"
    assert error.remedy == ("check the user and password in HTTPS_PROXY" if " 407 " in str(error) else remedy)
    assert "bob" not in f"{error} {error.remedy} {error.__cause__!r}"


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is down, unknown or silent is named, and the call is tried again."""
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
    """The message does not call its certificate the service's, and a proxy without TLS fails at once."""
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


def test_a_proxy_forwards_the_request_and_never_sees_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy gets CONNECT and its own credentials, decoded; only the service gets the key."""
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
    """With each single variable, even an unreadable one, http and https go straight to loopback."""
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
