"""More threads for a pool like the host's, while its calls wait."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nebius_model_resource._dynamic.threads import Threads, locals_with
from tests.support.processes import wait_until

SOON = 60  # seconds, for events that take milliseconds


class Server:
    """A pool of two threads, whose calls wait until they are released."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(2)
        self.threads = Threads()
        self.released = threading.Event()
        self.lock = threading.Lock()
        self.running = 0

    def call(self, *, waits: bool = True) -> int:
        """One call; returns the thread that served it."""
        with self.threads.call(waits=waits):
            with self.lock:
                self.running += 1
            assert self.released.wait(SOON)
            return threading.get_ident()


@pytest.fixture
def server() -> Server:
    """A server without calls."""
    return Server()


def test_calls_that_wait_do_not_hold_up_others(server: Server) -> None:
    """Twenty calls wait in a pool of two, each in a thread of its own; four are free, also after many quick calls."""
    for quick in [server.pool.submit(int) for _ in range(200)]:
        quick.result(SOON)
    assert server.threads.idle()
    calls = [server.pool.submit(server.call) for _ in range(20)]
    wait_until(lambda: server.running == 20, "all calls wait")
    assert len(server.pool._threads) == 24
    assert not server.threads.idle()
    assert server.pool.submit(threading.get_ident).result(SOON)
    server.released.set()
    assert len({call.result(SOON) for call in calls}) == 20
    assert server.threads.idle()
    server.pool.shutdown()


def test_the_pool_starts_no_thread_that_cannot_start(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a limit of three threads a fourth call takes its turn; in the host an error would end gRPC's server."""
    start = threading.Thread.start

    def limited(thread: threading.Thread) -> None:
        if len(server.pool._threads) >= 3:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    calls = [server.pool.submit(server.call)]
    for _ in range(3):
        wait_until(lambda: server.running == len(calls), "the call waits")
        calls.append(server.pool.submit(server.call))
    server.released.set()
    assert len({call.result(SOON) for call in calls}) == 3
    server.pool.shutdown()


def test_calls_that_do_not_wait_share_the_pools_own_threads(server: Server) -> None:
    """Quick calls make room for no thread."""
    calls = [server.pool.submit(server.call, waits=False) for _ in range(6)]
    server.released.set()
    assert len({call.result(SOON) for call in calls}) <= 2
    server.pool.shutdown()


def test_outside_of_a_pool_a_call_is_just_served(server: Server) -> None:
    """Without the pool's frames there is no other thread than the calling one."""
    server.released.set()
    before = threading.active_count()
    assert server.call() == threading.get_ident()
    assert threading.active_count() == before
    assert server.threads.idle()


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), AttributeError, TypeError])
def test_a_pool_that_takes_no_more_threads_keeps_its_size(
    server: Server, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    """A call that waits is served by the pool's own thread, and the pool does not try to start one for the next."""
    with monkeypatch.context() as patch:

        def start(_pool: object) -> None:
            raise error

        server.pool.submit(int).result(SOON)
        patch.setattr(ThreadPoolExecutor, "_adjust_thread_count", start)
        sizes: list[int] = []

        def wait() -> None:
            with server.threads.call(waits=True):
                sizes.append(server.pool._max_workers)

        # The pool's only thread takes it from the queue: `submit` would start another one.
        item = type("Item", (), {"run": staticmethod(wait)})()
        server.pool._work_queue.put(item)
        wait_until(lambda: sizes, "the call is served")
    assert sizes == [2]
    wait_until(server.threads.idle, "the call is over")
    assert server.pool._max_workers == 2
    server.pool.shutdown()


def test_a_failing_call_is_counted_down(server: Server) -> None:
    """After an error no call counts as running."""
    with pytest.raises(ZeroDivisionError), server.threads.call(waits=True):
        raise ZeroDivisionError
    assert server.threads.idle()


def test_the_nearest_frame_with_all_the_names_is_found() -> None:
    """A frame that has only some of the names is skipped."""

    def outer() -> object:
        one, two = "outer", "outer"
        return inner(), one, two

    def inner() -> object:
        one = "inner"
        return locals_with("one", "two")["one"], one

    assert outer() == (("outer", "inner"), "outer", "outer")
    with pytest.raises(LookupError, match="no_such_name_anywhere"):
        locals_with("no_such_name_anywhere")
