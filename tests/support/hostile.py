"""Servers that do what no framework allows: raw bytes, bad certificates, answers changed on their way."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Handler = Callable[[socket.socket, bytes], None]
Meddle = Callable[[str, str, int, Any], Any]


class _Server(ThreadingHTTPServer):
    request_queue_size = 256  # with the default of five, many connections at once are reset


class RawServer:
    """Reads each request's head and lets a function answer with any bytes; a context manager.

    Attributes:
        received: the heads of all requests.
        connections: how many were accepted.
    """

    def __init__(
        self,
        handler: Handler,
        certificate: tuple[Path, Path] | None = None,
        until: bytes | None = b"\r\n\r\n",
    ) -> None:
        """Listen on a free port; the answer begins when ``until`` has come, or at once where it is None."""
        self._handler = handler
        self._until = until
        self._tls: ssl.SSLContext | None = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.received: list[bytes] = []
        self.connections = 0
        self.ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> RawServer:  # noqa: PYI034 - Self is newer than Python 3.10
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        for thread in self._threads:
            thread.join()

    @property
    def url(self) -> str:
        """Where it listens; ``https`` with a certificate."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while not self.ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(60)
            stream = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            with stream:
                head = b""
                while self._until is not None and (not head or self._until not in head):
                    part = stream.recv(65536)
                    if not part:
                        return
                    head += part
                self.received.append(head)
                self._handler(stream, head)


def drip(text: bytes, pause: float, server: Callable[[], RawServer]) -> Handler:
    """One byte after each pause."""

    def handle(connection: socket.socket, _head: bytes) -> None:
        for byte in text:
            if server().ended.wait(pause):
                return
            connection.sendall(bytes([byte]))

    return handle


class Meddler:
    """A server in front of the service that changes the JSON of its answers; a context manager."""

    def __init__(self, target: str, meddle: Meddle) -> None:
        """Forward to a base URL; ``meddle(method, path, status, body)`` returns the body to send."""
        address = urlsplit(target).netloc

        class Proxy(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _forward(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else None
                upstream = http.client.HTTPConnection(address, timeout=60)
                upstream.request(self.command, self.path, body, dict(self.headers))
                answer = upstream.getresponse()
                parsed = json.loads(answer.read())
                upstream.close()
                changed = meddle(self.command, self.path, answer.status, parsed)
                content = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
                self.send_response_only(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(content)

            do_GET = do_POST = do_DELETE = _forward  # noqa: N815 - http.server's names

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Proxy)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Meddler:  # noqa: PYI034 - Self is newer than Python 3.10
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"


def tunnel(target: str) -> Handler:
    """What a proxy does for CONNECT, for any host: bytes go to and from a server of this machine."""
    address = urlsplit(target)

    def handle(connection: socket.socket, _head: bytes) -> None:
        assert address.hostname
        assert address.port
        with socket.create_connection((address.hostname, address.port)) as upstream:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(upstream, connection))
            back.start()
            _pump(connection, upstream)
            back.join()

    return handle


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    with contextlib.suppress(OSError):  # even after a reset: otherwise the other side waits for its time-out
        target.shutdown(socket.SHUT_WR)


def self_signed(folder: Path, host: str = "127.0.0.1") -> tuple[Path, Path]:
    """A self-signed certificate for an address or host, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{host}.pem", folder / f"{host}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def _general_name(host: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
