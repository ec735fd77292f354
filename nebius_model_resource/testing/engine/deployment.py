"""One operation from its first step to its last: which step may run when, and what happens when one fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from . import urns
from .errors import Bail, EngineError, StepFailed, Unavailable
from .events import Events
from .host import Calls, Hosts
from .planner import Order, Planner, Registration
from .resources import Goal, Resource
from .state import Journal, Snapshot
from .steps import Refresh, Step, World
from .values import Properties, hide_outputs

_T = TypeVar("_T")


@dataclass(frozen=True)
class Identity:
    """Which stack of which project is operated on."""

    project: str
    stack: str


class Deployment:
    """The engine's side of one operation. Any thread may call its methods.

    It plans one resource at a time (as the real engine does), and runs `parallel` steps at a time. After the first
    failure it starts no further step; it finishes and records those in flight.
    """

    def __init__(
        self,
        identity: Identity,
        base: Snapshot,
        journal: Journal,
        events: Events,
        make_host: Callable[[], Calls],
        config: Properties,
        order: Order,
        *,
        parallel: int,
    ) -> None:
        """Nothing is started yet."""
        self.address = ""  # where the program and the hosts find the engine
        self.identity = identity
        self.events = events
        self.journal = journal
        self.dry_run = order.dry_run
        self.given_up = threading.Event()
        self.failed = False
        self._asking = order.asking
        self._config = config
        self._hosts = Hosts(make_host, base.resources)
        self._planning = threading.Lock()
        self._provider = ""
        self._pool = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="step")
        self._registered: dict[str, Step] = {}
        self._stack_outputs: Properties | None = None
        self._world = World(self._hosts, order.dry_run, events.say)
        whose = identity.stack, identity.project
        self.planner = Planner(*whose, base.resources, self._world, self.report, order)

    @property
    def stack_urn(self) -> str:
        """The URN of the stack's own resource."""
        name = f"{self.identity.project}-{self.identity.stack}"
        return urns.make(self.identity.stack, self.identity.project, "", urns.STACK_TYPE, name)

    def report(self, urn: str, message: str) -> None:
        """Report an error that makes the operation fail."""
        self.failed = True
        self.events.say(message, severity="error", urn=urn)

    def give_up(self) -> None:
        """Start nothing more; steps in flight finish."""
        self.given_up.set()

    def close(self) -> None:
        """Wait for what is in flight, then end the hosts."""
        self._pool.shutdown(wait=True)
        self._hosts.close()

    def register(self, goal: Goal) -> Resource:
        """Create or change one resource of the program, and return the result.

        Raises:
            Unavailable: The operation is being given up, because of this resource or another.
        """
        found = self._planned(lambda: self._find(goal))
        self._ask(found, lambda steps: self._pool.submit(self._run_chain, steps).result())
        steps, future = self._plan(lambda: self.planner.steps(found))
        future.result()
        resource = steps[-1].resource if steps else found.old
        assert resource is not None
        return resource

    def read(self, new: Resource) -> Resource:
        """Record a resource that the program only reads (`get`).

        Raises:
            Unavailable: As for `register`.
        """

        def plan() -> list[Step]:
            new.provider = new.provider or self._default_provider()
            return self.planner.read(new)

        steps, future = self._plan(plan)
        future.result()
        return steps[-1].resource

    def _find(self, goal: Goal) -> Registration:
        served = goal.custom and goal.type != urns.PROVIDER_TYPE
        return self.planner.find(goal, (goal.provider or self._default_provider()) if served else "")

    def _ask(self, found: Registration, run: Callable[[list[Step]], None]) -> None:
        """Refresh one resource if the program is run for that."""
        refresh = self.planner.refresh(found) if self._asking else None
        if refresh is not None:
            run([refresh])
            self.planner.refreshed(found, refresh)

    def _default_provider(self) -> str:
        """The reference to the default provider, which is registered when it is first needed."""
        if not self._provider:
            goal = Goal(urns.PROVIDER_TYPE, "default", custom=True, properties=self._config)
            found = self.planner.find(goal, "")
            self._ask(found, self._run_chain)
            steps = self.planner.steps(found)
            self._run_chain(steps)
            self._provider = steps[-1].resource.reference
        return self._provider

    def _plan(self, plan: Callable[[], list[Step]]) -> tuple[list[Step], Future[None]]:
        def hand_over() -> tuple[list[Step], Future[None]]:
            steps = plan()
            for step in steps:
                if step.logical and step.new is not None:
                    self._registered[step.urn] = step
            # Under the lock of planning: steps begin in the order in which they were planned.
            return steps, self._pool.submit(self._run_chain, steps)

        return self._planned(hand_over)

    def _planned(self, plan: Callable[[], _T]) -> _T:
        with self._planning:
            if self.given_up.is_set():
                raise Unavailable
            try:
                return plan()
            except Bail:
                self.failed = True
            except StepFailed as failed:
                self.report(failed.urn, str(failed))
            except EngineError as fault:
                self.report(self.stack_urn, str(fault))
            self.give_up()
            raise Unavailable

    def _run_chain(self, steps: list[Step]) -> None:
        for step in steps:
            if self.given_up.is_set():
                raise Unavailable
            try:
                self._run(step)
                continue
            except StepFailed:
                self.failed = True
            except EngineError as fault:
                self.report(self.stack_urn, str(fault))
            self.give_up()
            raise Unavailable

    def _run(self, step: Step) -> None:
        self.events.before(step)
        step.begin(self.journal)
        try:
            step.apply(self._world)
        except StepFailed as failed:
            step.failure = failed
        except BaseException:
            step.end(self.journal, lasting=False)
            raise
        new, failure = step.new, step.failure
        if new is not None and step.op != "replace":
            new.outputs = hide_outputs(new.outputs, new.inputs)
        if failure is None:
            self.events.after(step)
        else:
            self.events.failed(step, str(failure))
        step.end(self.journal, lasting=failure is None or failure.reasons is not None)
        if failure is not None:
            raise failure

    def register_outputs(self, urn: str, outputs: Properties) -> None:
        """Record a component's outputs; those of the stack wait for the end of the operation."""
        if urns.qualified_type(urn) == urns.STACK_TYPE:
            self._stack_outputs = outputs
            return
        self._set_outputs(self._registered.pop(urn), outputs)

    def settle_stack(self) -> None:
        """Set the stack's outputs: the program's, and the former ones too if the operation has failed."""
        step = self._registered.get(self.stack_urn)
        if self._stack_outputs is not None and step is not None:
            former = step.old.outputs if step.old is not None and self.failed else {}
            self._set_outputs(step, {**former, **self._stack_outputs})

    def _set_outputs(self, step: Step, outputs: Properties) -> None:
        step.resource.outputs = outputs
        self.events.outputs(step)
        self.journal.save()

    def delete_leftovers(self) -> None:
        """Delete what the program no longer declares, and what replacements have left."""
        if not self.planner.olds:
            # As the real engine does, although a destroy may just have created components.
            return
        for layer in self.planner.deletes():
            futures = [self._pool.submit(self._run_chain, [step]) for step in layer]
            for future in futures:
                fault = future.exception()
                if fault is not None and not isinstance(fault, Unavailable):
                    raise fault
            if self.given_up.is_set():
                return

    def refresh(self, *, alone: bool) -> None:
        """Refresh what the state holds and no program has declared; a resource that cannot be read stops no other.

        `alone`: nothing else is done in this operation.
        """
        steps = {each: Refresh(each, None, logical=alone) for each in self.planner.unseen()}
        for future in [self._pool.submit(self._run_refresh, step) for step in steps.values()]:
            future.result()
        left = self.journal.replace_base({old: step.new for old, step in steps.items()})
        if not alone:
            self.planner.rebase(left)

    def _run_refresh(self, step: Refresh) -> None:
        if self.given_up.is_set():
            return
        try:
            self._run(step)
        except StepFailed:
            self.failed = True
            step.new = step.old
        except EngineError as fault:
            self.report(self.stack_urn, str(fault))
            step.new = step.old
