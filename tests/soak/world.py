"""One service, one clock that jumps, and the real provider inside the real host's code, all in this process.

Requests are real HTTP; only the host's process and gRPC connection are left out, so that thousands of sequences can
run. Pauses cost no time: the clock jumps over them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

from pulumi.dynamic import Config, ConfigureRequest

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.connection import Connection
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import Inputs, ModelInfo
from nebius_model_resource._api.settings import Settings, load_settings
from nebius_model_resource._edges.call import Call as EngineCall
from nebius_model_resource._edges.custom_models import CustomModels
from nebius_model_resource._edges.dynamic import call as dynamic_host
from nebius_model_resource._edges.dynamic.edge import DynamicEdge
from nebius_model_resource._lifecycle.create import Creator
from nebius_model_resource._lifecycle.guardian import delete_all
from nebius_model_resource._lifecycle.lifecycle import Lifecycle
from nebius_model_resource._lifecycle.matching import Kind
from nebius_model_resource._lifecycle.notes import Note, Notes
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource._lifecycle.shared_list import GRACE
from nebius_model_resource.errors import AnswerLost
from nebius_model_resource.provider import CustomModelProvider
from nebius_model_resource.testing.emulator import Emulator
from tests.support.host_here import Context, ListeningEngine, host_code

ATTEMPT_SECONDS = 0.25
SECONDS = 90.0  # the deadline of an operation that has none of its own: shorter than the real one, for speed


dynamic_main = host_code()


class HostKilled(BaseException):
    """The host process ends here, without another line of its code."""


@dataclass
class Kill:
    """Which process dies, and at which point of an operation.

    Attributes:
        who: ``"engine"``, ``"host"`` or ``"both"``.
        at: how many points (a request about to be sent, an answer just come, a pause) pass before.
    """

    who: str
    at: int
    passed: int = 0
    done: bool = False


class Notebook(Notes):
    """The notes that a guardian process would have read by now."""

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        super().__init__(wall_clock)
        self.noted: dict[int, Note | None] = {}

    def _write(self, number: int, note: Note | None) -> None:
        self.noted[number] = note


class World:
    """The service and the host; a context manager, one at a time in a process."""

    current: World | None = None

    def __init__(self) -> None:
        self._skipped = 0.0
        self._lock = threading.Lock()
        self.emulator = Emulator(clock=self.wall, validation_seconds=3, seed=1)
        self.kill: Kill | None = None
        self.calls: list[Context] = []
        self.clients: list[SoakClient] = []
        self.points = 0
        self.notes = Notebook(self.wall)
        self.left: list[Note] = []
        self.in_doubt: list[Kind] = []  # POSTs that may have created a model

    def __enter__(self) -> World:  # noqa: PYI034 - Self is newer than Python 3.10
        World.current = self
        self._engine = mock.patch.object(dynamic_host, "current_engine", return_value=ListeningEngine())
        self._engine.start()
        self.emulator.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end_host()
        self.emulator.stop()
        self._engine.stop()
        World.current = None

    def wall(self) -> float:
        """Unix seconds."""
        return time.time() + self._skipped

    def clock(self) -> float:
        """Monotonic seconds."""
        return time.monotonic() + self._skipped

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._skipped += seconds

    def reset(self) -> None:
        """An empty service and a new host."""
        self.end_host()
        self.kill = None
        self.in_doubt.clear()
        self.left.clear()
        self.emulator.clear_faults()
        for model in self.emulator.models():
            self.emulator.remove_model(model["name"])
        self.emulator.store.items.clear()
        self.emulator.clear_requests()
        self.jump(120)

    def end_gaps(self) -> None:
        """Show every older model in all reads, however few there were: the gap depends on time."""
        store, settings = self.emulator.store, self.emulator.settings
        for model in store.live():
            if self.wall() - model.made_at > GRACE - 5:
                seen = {"reads": settings.missing_reads + 1, "lists": settings.missing_lists}
                store.restore([model.model_copy(update=seen)])

    def end_host(self) -> None:
        """The host ends, as after each operation of an engine; what it had in memory is gone."""
        dynamic_main._PROVIDER_CACHE.clear()
        for client in self.clients:
            client.connection.close()
        self.clients.clear()
        self.calls.clear()
        self.left.extend(note for note in self.notes.noted.values() if note)
        self.notes = Notebook(self.wall)

    def guard(self) -> None:
        """Do what the guardians of dead hosts do once the service answers again."""
        settings = Settings(self.emulator.url, self.emulator.api_key)
        with NebiusClient(settings, clock=self.clock, sleep=self.jump) as client:
            delete_all(self.left, client, self.wall)
        self.left.clear()

    def _begin_host(self) -> None:
        """Do what the host does with a provider for the first time."""
        with self._lock:
            if PROVIDER not in dynamic_main._PROVIDER_CACHE:
                config = {
                    "nebius-models:apiKey": self.emulator.api_key,
                    "nebius-models:baseUrl": self.emulator.url,
                    "nebius-models:preflight": "false",  # its requests run on the real clock
                }
                provider = SoakProvider()
                provider.configure(ConfigureRequest(Config(config, "soak")))
                dynamic_main._PROVIDER_CACHE[PROVIDER] = provider

    @property
    def engine_is_dead(self) -> bool:
        """Whether the host's answers reach no engine."""
        return bool(self.kill and self.kill.done and self.kill.who != "host")

    def point(self) -> None:
        """A point before or after which a kill can come."""
        self.points += 1
        kill = self.kill
        if kill is None or kill.done:
            return
        kill.passed += 1
        if kill.passed <= kill.at:
            return
        kill.done = True
        if kill.who == "engine":
            for call in self.calls:
                for callback in call.on_end:
                    callback()
            return
        raise HostKilled

    def call(self, method: str, request: Any) -> Any:
        """One call of the engine.

        Raises:
            CallFailed, HostKilled: instead of an answer.
        """
        servicer = dynamic_main.DynamicResourceProviderServicer()
        self._begin_host()
        context = Context()
        self.calls.append(context)
        try:
            return getattr(servicer, method)(request, context)
        finally:
            self.calls.remove(context)


def the_world() -> World:
    """The current world."""
    assert World.current is not None
    return World.current


class SoakConnection(Connection):
    """A connection whose requests are points at which a process may die."""

    def send(self, *args: Any, **kwargs: Any) -> Any:
        the_world().point()
        result = super().send(*args, **kwargs)
        the_world().point()
        return result


class SoakClient(NebiusClient):
    """A client on such a connection."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(settings, **options)
        self.connection = SoakConnection(settings, **options)


class SoakCreator(Creator):
    """Notes the POSTs that may have created a model when they end."""

    def create(self, inputs: Inputs, operation: Operation) -> ModelInfo:
        try:
            return super().create(inputs, operation)
        except (AnswerLost, HostKilled):
            the_world().in_doubt.append(Kind.of(inputs))
            raise


class SoakLifecycle(Lifecycle):
    """Creates models with such POSTs."""

    creator_class = SoakCreator


class SoakProvider(CustomModelProvider):
    """The provider in a world."""

    def configure(self, req: ConfigureRequest) -> None:
        self._edge = DynamicEdge(SoakModels(req.config.get))


class SoakModels(CustomModels):
    """What the provider decides, with the world's clock."""

    def lifecycle(self) -> Lifecycle:
        with self._lock:
            if self._lifecycle is None:
                world = the_world()
                client = SoakClient(
                    load_settings(self._lookup, {}),
                    clock=world.clock,
                    sleep=world.jump,
                    attempt_seconds=ATTEMPT_SECONDS,
                )
                world.clients.append(client)
                world.notes = Notebook(world.wall)
                self._lifecycle = SoakLifecycle(client, wall_clock=world.wall, notes=world.notes)
            return self._lifecycle

    def operation(self, call: EngineCall) -> Operation:
        world = the_world()

        def sleep(seconds: float) -> None:
            world.point()
            call.sleep(0)
            world.jump(seconds)

        return Operation(Deadline.after(call.timeout or SECONDS, world.clock, sleep))


PROVIDER = "pickled by reference"  # its value does not matter: the host finds it in its cache
