"""Running the emulator in a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from . import documents, job_documents
from .app import create_app
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .faults import Fault
    from .requests import RecordedRequest
    from .service import Service
    from .store import Store

START_SECONDS = 10.0
SETTLING_TURNS = 4


class _OpenProtocol(H11Protocol):
    """HTTP whose connection the application can reach, so that faults can break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        connection: socket.socket = transport.get_extra_info("socket")
        # Header and body leave in two writes; without this the second waits 40 ms for the client's acknowledgement.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class _PromptServer(uvicorn.Server):
    """A server that stops at once, whatever its connections are doing."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._stopping: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Ask the server to end, from any thread."""
        self.should_exit = True
        if self._loop is not None and self._stopping is not None:
            # A loop that is closed has nothing left to stop.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        # The original checks ten times a second whether it should end; tests start hundreds of emulators.
        while not await self.on_tick(0):
            if self._stopping is not None:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), timeout=1.0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        # A connection just accepted shows up, and an aborted one is closed, a turn of the loop later.
        for _ in range(SETTLING_TURNS):
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process that runs the emulator."""
        yield


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # A name may have addresses of both kinds; IPv4 is what most clients try first.
        family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        return socket.create_server(address, family=family, backlog=2048)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise OSError(f"cannot listen on host {host!r}, port {port}: {reason}") from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"http://{host}:{port}"


class Emulator:
    """The emulated service on a local port, as a context manager.

    Args:
        host: name or address to listen on, IPv4 or IPv6.
        port: port to listen on; 0 takes a free one.
        clock: gives Unix time in seconds, for created times, validation and the rate limit. With another clock than
            the machine's, answers have no `Date`: it would be the machine's.
        state_file: stores models, jobs and files from one run to the next; None keeps them in memory only.
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
        app = create_app(self.settings, clock, Path(state_file) if state_file is not None else None)
        self.service: Service = app.state.service
        self._address = (host.strip("[]"), port)
        self._url = ""
        self._server = _PromptServer(
            uvicorn.Config(
                app,
                http=_OpenProtocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                date_header=clock is time.time,
                # Longer than the pauses of a client that polls; otherwise it would find closed connections.
                timeout_keep_alive=75,
                h11_max_incomplete_event_size=1 << 18,
            )
        )
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Emulator:  # noqa: PYI034 - Self is newer than Python 3.10
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, and return once connections are accepted.

        Raises:
            OSError: the host is unknown or not of this machine, or the port is taken.
            RuntimeError: the server did not start.
        """
        listener = _listen(*self._address)
        self._url = _url(listener)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="emulator", daemon=True
        )
        self._thread.start()
        if not self._server.ready.wait(START_SECONDS):
            raise RuntimeError("the emulator did not start")

    def stop(self) -> None:
        """End all connections and the thread; may be called twice."""
        self._server.stop()
        if self._thread is not None:
            self._thread.join()

    @property
    def url(self) -> str:
        """Address of the service, without a slash at the end.

        Raises:
            RuntimeError: the emulator was never started.
        """
        if not self._url:
            raise RuntimeError("the emulator was never started")
        return self._url

    @property
    def api_key(self) -> str:
        """The key that works."""
        return self.settings.api_key

    @property
    def store(self) -> Store:
        """The models."""
        return self.service.store

    def models(self) -> list[dict[str, Any]]:
        """Return everything known about each live model, newest last; this is not a read of the API."""
        return [documents.whole(model) for model in self.store.live()]

    def jobs(self) -> list[dict[str, Any]]:
        """Return the fine-tuning jobs as the API shows them, newest first."""
        return [job_documents.job(job) for job in self.service.jobs.select()]

    def files(self) -> list[dict[str, Any]]:
        """Return the files as the API shows them, newest last."""
        return self.service.files.select()

    def remove_file(self, file_id: str) -> None:
        """Delete a file outside of the API.

        Raises:
            LookupError: no such file.
        """
        if not self.service.files.delete(file_id):
            raise LookupError(file_id)

    def finish_job(self, job_id: str, status: str = "succeeded", message: str | None = None) -> None:
        """End a running job outside of the API.

        Raises:
            LookupError: no such job.
            ValueError: `status` is none of succeeded, failed and cancelled, or the job has ended.
        """
        self.service.jobs.finish(job_id, status, message)

    def requests(self, method: str | None = None, path: str | None = None) -> list[RecordedRequest]:
        """Return the calls so far, oldest first; `path` may be a glob, None is any."""
        return self.service.requests.select(method, path)

    def clear_requests(self) -> None:
        """Forget the calls so far."""
        self.service.requests.clear()

    def add_fault(self, fault: Fault) -> str:
        """Add a fault rule after the existing ones, and return its id."""
        return self.service.faults.add(fault)

    def clear_faults(self) -> None:
        """Drop all fault rules."""
        self.service.faults.clear()

    def add_model(
        self,
        *,
        name: str,
        base_model: str,
        source: str,
        description: str | None = None,
        status: str = "active",
        ai_project_id: str | None = None,
    ) -> str:
        """Create a model outside of the API and return its full name; it stays in `status`.

        Raises:
            ValueError: `status` is none of the four.
        """
        return self.store.add(
            name=name,
            base_model=base_model,
            source=source,
            description=description,
            status=status,
            ai_project_id=ai_project_id,
        ).name

    def change_model(self, full_name: str, **fields: Any) -> None:
        """Set fields of a model outside of the API, such as `status` or `description`.

        Raises:
            LookupError: no live model of this name.
            ValueError: a field is unknown, or a status is none of the four.
        """
        self.store.change(full_name, **fields)

    def remove_model(self, full_name: str) -> None:
        """Delete a model outside of the API.

        Raises:
            LookupError: no live model of this name.
        """
        self.store.delete(full_name)
