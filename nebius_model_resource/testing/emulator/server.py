"""The core on a real socket, and the faults that need one."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http.client import responses
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import Any, TypeVar

from .answers import Answer, Request
from .core import RecordedRequest, Service
from .faults import Fault
from .models import Models
from .settings import Settings

Result = TypeVar("Result")
CHUNK, HUGE = b"a" * 65536, 16_384  # together a gigabyte


class _Handler(BaseHTTPRequestHandler):
    """Serves one connection; the library reads the heads of requests, the core answers."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        headers = {name.lower(): text for name, text in self.headers.items()}
        request, length = Request(self.command, self.path, headers), int(headers.get("content-length", 0))
        if length:
            request = replace(request, body=self.rfile.read(length))
        if len(request.body) < length:
            self.close_connection = True  # the client has left
            return
        answer = self.server.service.answer(request, self._pause)
        if answer.fault is None:
            self._send(answer)
        else:
            self.close_connection = True
            getattr(self, f"_{answer.fault.action}")(answer, answer.fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        """Say nothing: `Emulator.requests` has the calls."""

    def _pause(self, seconds: float) -> None:
        if self.server.stopping.wait(seconds):
            raise ConnectionAbortedError("the emulator ends")

    def _send(self, answer: Answer) -> None:
        # HTTP allows these two no body.
        body = b"" if answer.status in {204, 304} else answer.body
        self._send_head(answer, {"content-length": str(len(body))}, body)

    def _send_head(self, answer: Answer, more: dict[str, str], body: bytes = b"") -> None:
        lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in {**more, **answer.headers}.items()]
        # In one piece: the second would wait for the client's acknowledgement of the first.
        self.connection.sendall("\r\n".join([*lines, "\r\n"]).encode("latin-1") + body)

    def _left(self, seconds: float) -> bool:
        """Wait, and return early with True if the client leaves or the emulator ends."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            return bool(selector.select(seconds))

    # What is done in place of sending an answer; the connection is closed afterwards.

    def _reset(self, _answer: Answer, _fault: Fault) -> None:
        # Without lingering the kernel sends RST and not FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _close(self, _answer: Answer, _fault: Fault) -> None:
        pass

    def _hang(self, _answer: Answer, fault: Fault) -> None:
        self._left(fault.seconds)

    def _half_body(self, answer: Answer, _fault: Fault) -> None:
        length = len(answer.body)
        self._send_head(answer, {"content-length": str(length)}, answer.body[: length // 2])

    def _slow(self, answer: Answer, fault: Fault) -> None:
        self._send_head(answer, {"content-length": str(len(answer.body))})
        for index in range(len(answer.body)):
            if self._left(fault.seconds):
                return
            self.connection.sendall(answer.body[index : index + 1])

    def _endless(self, answer: Answer, _fault: Fault) -> None:
        self._send_head(answer, {"transfer-encoding": "chunked"})
        while True:
            self.connection.sendall(b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))

    def _huge(self, answer: Answer, _fault: Fault) -> None:
        self._send_head(answer, {"content-length": str(HUGE * len(CHUNK))})
        for _ in range(HUGE):
            self.connection.sendall(CHUNK)


class _Server(ThreadingTCPServer):
    """Accepts connections in a thread, and serves each in another, until it is stopped."""

    allow_reuse_address = True
    request_queue_size = 2048

    def __init__(self, service: Service, host: str, port: int) -> None:
        self.service = service
        self.stopping = threading.Event()
        self.connections: set[socket.socket] = set()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError, UnicodeError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            raise OSError(f"cannot listen on host {host!r}, port {port}: {reason}") from error
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End all connections and threads."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()  # waits for the threads

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection."""
        # An error of the socket means that the client has left, or that the emulator ends.
        with request, suppress(OSError):
            _Handler(request, client_address, self)
        self.connections.discard(request)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the library's names
        """Note a connection before its thread starts."""
        self.connections.add(request)
        return True


class Emulator:
    """The emulated service on a local port, as a context manager.

    Args:
        host: name or address to listen on, IPv4 or IPv6.
        port: port to listen on; 0 takes a free one.
        clock: gives Unix time in seconds, for created times, validation, the rate limit and the header `Date`.
        state_file: stores what was made (not the bytes of files) from one run to the next; None keeps nothing.
        settings: any field of `Settings`.

    Raises:
        ValueError: a setting is unknown or its value not allowed, or `state_file` is not a state file.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        state_file: str | Path | None = None,
        **settings: Any,
    ) -> None:
        self.settings = Settings(**settings)
        self.service = Service(self.settings, clock, Path(state_file) if state_file is not None else None)
        self._address = (host.strip("[]"), port)
        self._url = ""
        self._server: _Server | None = None

    def __enter__(self) -> Emulator:  # noqa: PYI034 - Self is newer than Python 3.10
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; connections are accepted when this returns.

        Raises:
            OSError: the host is unknown or not of this machine, or the port is taken.
        """
        self._server = _Server(self.service, *self._address)
        host, port, *_ = self._server.socket.getsockname()
        self._url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def stop(self) -> None:
        """End all connections and threads; may be called twice."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    @property
    def url(self) -> str:
        """Address of the service, without a slash at the end; empty before the start."""
        return self._url

    @property
    def api_key(self) -> str:
        """The key that works."""
        return self.settings.api_key

    @property
    def store(self) -> Models:
        """The models."""
        return self.service.models

    def models(self) -> list[dict[str, Any]]:
        """Return everything known about each live model, newest last; this is not a read of the API."""
        return [model.whole() for model in self.store.live()]

    def jobs(self) -> list[dict[str, Any]]:
        """Return the fine-tuning jobs as the API shows them, newest first."""
        return self._safely(self.service.jobs.shown)

    def files(self) -> list[dict[str, Any]]:
        """Return the files as the API shows them, newest last."""
        return self.service.files.dump()

    def endpoints(self) -> list[dict[str, Any]]:
        """Return the dedicated endpoints as the API shows them, newest last; `service.endpoints` changes them."""
        return [each.shown() for each in self._safely(self.service.endpoints.all)]

    def requests(self, method: str | None = None, path: str | None = None) -> list[RecordedRequest]:
        """Return the calls so far, oldest first; `path` may be a glob, None is any."""
        return self._safely(self.service.recorded, method, path)

    def clear_requests(self) -> None:
        """Forget the calls so far."""
        self.service.requests.clear()

    def add_fault(self, fault: Fault) -> str:
        """Add a fault rule after the existing ones, and return its id."""
        return self._safely(self.service.faults.add, fault)

    def clear_faults(self) -> None:
        """Drop all fault rules."""
        self._safely(self.service.faults.clear)

    def add_model(self, **fields: Any) -> str:
        """Create a model outside of the API and return its full name; it stays in its status.

        Args:
            fields: `name`, `base_model` and `source`, and if wanted `description`, `status` ("active") and
                `ai_project_id`.

        Raises:
            ValueError: a field is missing, unknown or of a wrong type, or the status is none of the four.
        """
        return self._safely(self.store.add, **fields).name

    def change_model(self, full_name: str, **fields: Any) -> None:
        """Set fields of a model outside of the API, such as `status` or `description`.

        Raises:
            LookupError: no live model of this name.
            ValueError: a field is unknown, or a status is none of the four.
        """
        self._safely(self.store.change, full_name, **fields)

    def remove_model(self, full_name: str) -> None:
        """Delete a model outside of the API.

        Raises:
            LookupError: no live model of this name.
        """
        self._safely(self.store.delete, full_name)

    def add_job(self, **fields: Any) -> str:
        """Add a running fine-tuning job and return its id; after the setting `job_seconds` it has succeeded.

        Args:
            fields: `model`, and if wanted `checkpoints` (step -> metrics) and `ai_project_id`.

        Raises:
            ValueError: a field is missing, unknown or of a wrong type.
        """
        return self._safely(self.service.jobs.add, **fields).id

    def finish_job(self, job_id: str, status: str = "succeeded", message: str | None = None) -> None:
        """End a running job.

        Raises:
            LookupError: no such job.
            ValueError: `status` is none of succeeded, failed and cancelled, or the job has ended.
        """
        self._safely(self.service.jobs.finish, job_id, status, message)

    def _safely(self, work: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        with self.service.lock:
            return work(*args, **kwargs)
