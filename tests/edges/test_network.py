"""The connection to the service on the real host: faults of proxy and CA file come at once, and leave nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest

from nebius_model_resource.testing.emulator import Emulator
from tests.support.calls import without_proxies
from tests.support.host import DynamicHost, HostError, mostly_waits, warm_host
from tests.support.hostile import RawServer, self_signed, tunnel

KEY = "sk-Zq9/very+secret=0451"
AWAY = {"nebius-models:apiKey": KEY, "nebius-models:baseUrl": "https://models.example"}
INPUTS = {"name": "bot", "base_model": "acme/Base", "source": "file-1"}
NOTHING_MADE = "; nothing was created: run `pulumi up` again"


# An operation that fails at once ends long before its deadline of ten minutes.
pytestmark = [mostly_waits, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxies(monkeypatch)


def refused(call: Any) -> str:
    with pytest.raises(HostError) as caught:
        call()
    return str(caught.value)


def all_gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=60)[1]


def answering(text: bytes) -> RawServer:
    return RawServer(lambda connection, _: connection.sendall(text))


NO_CA_FILE = (
    "Nebius could not be reached: REQUESTS_CA_BUNDLE names '/nope/ca.pem', which cannot be read: No such file or "
    "directory; set REQUESTS_CA_BUNDLE to a PEM file of CA certificates, or unset it"
)
NO_PROXY_URL = (
    "Nebius could not be reached: HTTPS_PROXY is not the URL of a proxy; set HTTPS_PROXY to http://host:port or "
    "http://user:password@host:port, with each of '#', '/', '?', '@' and '%' in the password percent-encoded "
    "('#' is %23)"
)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"REQUESTS_CA_BUNDLE": "/nope/ca.pem"}, NO_CA_FILE),
        ({"HTTPS_PROXY": "http://bob:s3#cret@127.0.0.1:18129"}, NO_PROXY_URL),
    ],
)
def test_what_cannot_work_fails_at_once_and_leaves_no_process(environ: dict[str, str], told: str) -> None:
    """Every operation ends with one line and the fix, long before its deadline, and creates nothing."""
    with DynamicHost(AWAY, environ=environ) as host:
        assert refused(lambda: host.create(INPUTS)) == told + NOTHING_MADE
        props = {**INPUTS, "generated_name": "acme/Base-LoRa:bot-AbCd", "status": "active"}
        for call in (
            lambda: host.read("acme/Base-LoRa:bot-AbCd", props),
            lambda: host.delete("acme/Base-LoRa:bot-AbCd", props),
        ):
            assert told in refused(call)
        processes = psutil.Process(host.process.pid).children()
        assert "s3" not in host.output
    assert all_gone(processes)


@pytest.mark.parametrize(("status", "timeout"), [(407, 0), (502, 4)])
def test_a_proxy_that_refuses_is_named_and_leaves_no_process(status: int, timeout: float) -> None:
    """407 fails at once; 502 is tried again until the deadline, and then the error says that nothing was created."""
    with answering(b"HTTP/1.1 %d No\r\n\r\n" % status) as proxy:
        place = proxy.url.removeprefix("http://")
        with DynamicHost(AWAY, environ={"HTTPS_PROXY": f"http://bob:s3cret@{place}"}) as host:
            message = refused(lambda: host.create(INPUTS, timeout=timeout))
            processes = psutil.Process(host.process.pid).children()
        assert f"the proxy {place} answered {status} to CONNECT; check " in message
        assert message.endswith(NOTHING_MADE)
        assert "bob" not in message + host.output
        assert KEY.encode() not in b"".join(proxy.received)
        assert all_gone(processes)
        assert (len(proxy.received) == 1) is (status == 407)


def test_a_create_goes_through_once_the_proxy_does(tmp_path: Path) -> None:
    """If a proxy answers 503 twice and then connects, one request reaches the service, and no key reaches the proxy."""
    certificate = self_signed(tmp_path, "models.example")
    refusal = b'{"detail": "no such base"}'
    answer = b"HTTP/1.1 400 No\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(refusal), refusal)
    # Read the complete body: a close with unread bytes resets the connection, and the answer may be lost.
    with RawServer(lambda connection, _: connection.sendall(answer), certificate, until=b'"}') as service:
        through = tunnel(service.url)

        def open_later(connection: Any, head: bytes) -> None:
            if proxy.connections < 3:
                connection.sendall(b"HTTP/1.1 503 Busy\r\n\r\n")
            else:
                through(connection, head)

        with RawServer(open_later) as proxy:
            environ = {"HTTPS_PROXY": proxy.url, "REQUESTS_CA_BUNDLE": str(certificate[0])}
            with warm_host(AWAY, environ=environ) as host:
                assert "no such base" in refused(lambda: host.create(INPUTS, timeout=30))
        assert proxy.connections == 3
        assert len(service.received) == 1
        assert KEY.encode() in service.received[0]
        assert KEY.encode() not in b"".join(proxy.received)


@pytest.mark.parametrize("host_name", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_loopback_never_goes_through_a_proxy(host_name: str) -> None:
    """With every proxy variable set, in both spellings, a model is created and deleted, and no proxy is used."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    with Emulator(host="0.0.0.0", validation_seconds=0.1) as emulator, answering(b"") as proxy:
        port = emulator.url.rpartition(":")[2]
        config = {
            "nebius-models:apiKey": emulator.api_key,
            "nebius-models:baseUrl": f"http://{host_name}:{port}",
        }
        environ = {spelled: proxy.url for name in names for spelled in (name, name.lower())}
        # Without this, gRPC itself would use the lower-case variables for the host's connection to the engine.
        environ["no_grpc_proxy"] = "127.0.0.1,localhost"
        with warm_host(config, environ=environ) as host:
            id_, outputs = host.create(INPUTS)
            assert [model["name"] for model in emulator.models()] == [id_]
            host.delete(id_, outputs)
        assert emulator.models() == []
        assert proxy.connections == 0
