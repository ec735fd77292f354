"""The threads beside the host's own, on a pool like the host's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from nebius_model_resource._edges.dynamic.threads import Threads, frame_with

SOON = 30  # seconds, for events that take milliseconds


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


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
    return Server()


def test_calls_that_wait_do_not_hold_up_others(server: Server) -> None:
    """Twenty calls wait at the same time in a pool of two threads, each in a thread of its own."""
    assert server.threads.idle()
    calls = [server.pool.submit(server.call) for _ in range(20)]
    until(lambda: server.running == 20)
    assert not server.threads.idle()
    server.released.set()
    assert len({call.result(SOON) for call in calls}) == 20
    assert server.threads.idle()
    server.pool.shutdown()


def test_calls_that_do_not_wait_share_the_pools_own_threads(server: Server) -> None:
    """Quick calls start no thread of their own."""
    calls = [server.pool.submit(server.call, waits=False) for _ in range(6)]
    until(lambda: server.running == 2)
    assert not server.threads.idle()
    time.sleep(0.05)
    assert server.running == 2
    server.released.set()
    assert len({call.result(SOON) for call in calls}) <= 2
    assert server.threads.idle()
    server.pool.shutdown()


def test_the_threads_end_after_the_last_wait(server: Server) -> None:
    """Half a second after the last wait only the pool's own threads are left."""
    before = threading.active_count()
    calls = [server.pool.submit(server.call) for _ in range(8)]
    until(lambda: server.running == 8)
    assert threading.active_count() > before + 8
    server.released.set()
    for call in calls:
        call.result(SOON)
    until(lambda: threading.active_count() <= before + 2)
    again = [server.pool.submit(server.call) for _ in range(8)]
    until(lambda: server.running == 16)
    for call in again:
        call.result(SOON)
    server.pool.shutdown()
    until(lambda: threading.active_count() <= before)


def test_a_pool_that_shuts_down_ends_the_threads_beside_it(server: Server) -> None:
    """The end of the pool reaches its own threads and those beside them, even while calls wait."""
    before = threading.active_count()
    calls = [server.pool.submit(server.call) for _ in range(4)]
    until(lambda: server.running == 4)
    server.pool.shutdown(wait=False)
    server.released.set()
    for call in calls:
        call.result(SOON)
    until(lambda: threading.active_count() <= before)


class Quick(Threads):
    """Threads that end soon after the last call that needs them."""

    _idle_seconds = 0.01


def test_a_pool_of_one_thread_serves_others_whenever_a_call_waits() -> None:
    """A stand-in starts with the first wait, stays while the call waits, and starts again for the next wait."""
    server = Server()
    server.pool, server.threads = ThreadPoolExecutor(1), Quick()
    server.pool.submit(int).result(SOON)  # the pool's thread exists
    before = threading.active_count()
    for _ in range(3):
        server.released.clear()
        waiting = server.pool.submit(server.call)
        until(lambda: threading.active_count() == before + 1)
        time.sleep(0.1)  # a stand-in that ends too early would have ended by now
        assert server.pool.submit(threading.get_ident).result(SOON)
        server.released.set()
        waiting.result(SOON)
        until(lambda: threading.active_count() == before)
    server.pool.shutdown()


def test_outside_of_a_pool_a_call_is_just_served(server: Server) -> None:
    """Without the pool's frames there is no other thread than the calling one."""
    server.released.set()
    before = threading.active_count()
    assert server.call() == threading.get_ident()
    assert threading.active_count() == before
    assert server.threads.idle()


class Item:
    """An item that a pool's thread runs."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.given: tuple[object, ...] = ()

    def run(self, *given: object) -> None:
        """Record the pool's context."""
        self.given = given
        self.done.set()


@pytest.mark.parametrize("context", [None, "workers"])
def test_the_frame_of_the_pool_is_known_by_its_names(context: str | None) -> None:
    """A stand-in serves the queue of the nearest frame with both names, and passes the pool's context to its items."""
    threads, item = Quick(), Item()
    pool: SimpleQueue[Item] = SimpleQueue()
    pool.put(item)

    def wait() -> None:
        with threads.call(waits=True):
            assert item.done.wait(SOON)

    def only_a_queue() -> None:
        work_queue = SimpleQueue[Item]()
        wait()
        assert work_queue.empty()

    def only_a_reference() -> None:
        executor_reference = "another"
        only_a_queue()
        assert executor_reference

    def from_3_10(executor_reference: object, work_queue: SimpleQueue[Item]) -> None:
        only_a_reference()
        assert (executor_reference, work_queue) == (None, pool)

    def from_3_14(executor_reference: object, ctx: str, work_queue: SimpleQueue[Item]) -> None:
        only_a_reference()
        assert (executor_reference, ctx, work_queue) == (None, context, pool)

    if context:
        from_3_14(None, context, pool)
    else:
        from_3_10(None, pool)
    assert item.given == ((context,) if context else ())


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
        frame = frame_with("one", "two")
        assert frame is not None
        return frame.f_locals["one"], one

    def direct() -> object:
        one, two = "direct", "direct"
        frame = frame_with("one", "two")
        assert frame is not None
        return frame.f_locals["one"], one, two

    assert outer() == (("outer", "inner"), "outer", "outer")
    assert direct() == ("direct", "direct", "direct")
    assert frame_with("no_such_name_anywhere") is None
