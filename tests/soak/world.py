"""One service, one clock that jumps, and the real provider inside the real host's code, all in this process.

Requests are real HTTP; only the host's process and gRPC connection are left out, so that thousands of sequences can
run. Pauses cost no time: the clock jumps over them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest import mock

from pulumi.dynamic import Config, ConfigureRequest

from nebius_model_resource._dynamic import host as dynamic_host
from nebius_model_resource._provider import provisioned
from nebius_model_resource._provider.account import Account
from nebius_model_resource._provider.calls import Call, Found, Operation
from nebius_model_resource._provider.models import CustomModels
from nebius_model_resource._provider.properties import State
from nebius_model_resource._provider.wait import GRACE
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.retry import Deadline
from nebius_model_resource._service.settings import Lookup, Settings
from nebius_model_resource.errors import OutcomeUnknown
from nebius_model_resource.provider import CustomModelProvider
from nebius_model_resource.testing.emulator import Emulator
from tests.support.host_here import Context, ListeningEngine, host_code

ATTEMPT_SECONDS = 0.25
SECONDS = 90.0  # the deadline of an operation that has none of its own: shorter than the real one, for speed
PROVIDER = "pickled by reference"  # its value does not matter: the host finds it in its cache

dynamic_main = host_code()


class HostKilled(BaseException):
    """The host process ends here, without another line of its code."""


@dataclass
class Kill:
    """Which process dies, and at which point of an operation.

    Attributes:
        who: ``"engine"``, ``"host"`` or ``"both"``.
        left: how many points (a request about to be sent, an answer just come, a pause) pass before.
    """

    who: str
    left: int
    done: bool = False


class World:
    """The service and the host; a context manager, one at a time in a process.

    Attributes:
        in_doubt: the inputs of creates that may have left a model in no state: the host was killed, the outcome of
            the POST is not known, or an engine that is gone could not be told that the deletion failed.
    """

    def __init__(self) -> None:
        self._skipped = 0.0
        self._lock = threading.Lock()
        self.emulator = Emulator(clock=self.wall, validation_seconds=3, seed=1)
        self.kill: Kill | None = None
        self.calls: list[Context] = []
        self.in_doubt: list[Mapping[str, Any]] = []
        self._account: Account | None = None
        self._patches = ExitStack()

    def __enter__(self) -> World:  # noqa: PYI034 - Self is newer than Python 3.10
        for patch in (
            mock.patch.object(dynamic_host, "current_engine", return_value=ListeningEngine()),
            mock.patch.object(provisioned, "time", SimpleNamespace(time=self.wall)),
        ):
            self._patches.enter_context(patch)
        self.emulator.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end_host()
        self.emulator.stop()
        self._patches.close()

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
        self._account = None
        self.calls.clear()

    def account(self, settings: Settings) -> Account:
        """The account of the present host."""
        with self._lock:
            if self._account is None:
                client = Client(settings, clock=self.clock, sleep=self.jump, exchange=self._exchange)
                self._account = Account(client)
            return self._account

    def _exchange(self, *request: Any, seconds: float, **given: Any) -> Any:
        """Send a request; before and after it a process may die."""
        from nebius_model_resource._service.http import exchange

        self.point()
        answer = exchange(*request, seconds=min(seconds, ATTEMPT_SECONDS), **given)
        self.point()
        return answer

    def operation(self, call: Call, seconds: float = SECONDS) -> Operation:
        """An operation on the world's clock; at each pause a process may die."""

        def sleep(seconds: float) -> None:
            self.point()
            call.sleep(0)
            self.jump(seconds)

        return Operation(Deadline.after(call.timeout or min(seconds, SECONDS), self.clock, sleep))

    def _begin_host(self) -> None:
        """Do what the host does with a provider for the first time."""
        with self._lock:
            if PROVIDER not in dynamic_main._PROVIDER_CACHE:
                config = {
                    "nebius-models:apiKey": self.emulator.api_key,
                    "nebius-models:baseUrl": self.emulator.url,
                    "nebius-models:preflight": "false",  # its requests run on the real clock
                }
                provider = SoakProvider(self)
                provider.configure(ConfigureRequest(Config(config, "soak")))
                dynamic_main._PROVIDER_CACHE[PROVIDER] = provider

    @property
    def engine_is_dead(self) -> bool:
        """Whether the host's answers reach no engine."""
        return bool(self.kill and self.kill.done and self.kill.who != "host")

    def point(self) -> None:
        """A point before or after which a kill can come."""
        kill = self.kill
        if kill is None or kill.done:
            return
        kill.left -= 1
        if kill.left >= 0:
            return
        kill.done = True
        if kill.who != "engine":
            raise HostKilled
        for call in self.calls:
            for callback in call.on_end:
                callback()

    def call(self, method: str, request: Any) -> Any:
        """One call of the engine.

        Raises:
            CallFailed, HostKilled: instead of an answer.
        """
        self._begin_host()
        context = Context()
        self.calls.append(context)
        try:
            return getattr(dynamic_main.DynamicResourceProviderServicer(), method)(request, context)
        finally:
            self.calls.remove(context)


class SoakProvider(CustomModelProvider):
    """The provider in a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def configure(self, req: ConfigureRequest) -> None:
        self._resources = SoakModels(req.config.get, self._world)


class SoakModels(CustomModels):
    """What the provider decides, with the world's clock and account."""

    def __init__(self, lookup: Lookup, world: World) -> None:
        super().__init__(lookup)
        self._world = world

    def account(self) -> Account:
        return self._world.account(self.configuration.settings())

    def operation(self, call: Call, seconds: float = SECONDS) -> Operation:
        return self._world.operation(call)

    def create(self, call: Call, props: dict[str, Any]) -> Found:
        try:
            return super().create(call, props)
        except (OutcomeUnknown, HostKilled):
            self._world.in_doubt.append(self.table.inputs_of(props))
            raise

    def _clean_up(self, state: State) -> bool:
        deleted = super()._clean_up(state)
        if not deleted and self._world.engine_is_dead:
            self._world.in_doubt.append(state.inputs)
        return deleted
