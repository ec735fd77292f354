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
from .host import Calls
from .hosts import Hosts
from .planner import Planner
from .registration import Purpose, Registration
from .resources import Goal, Resource
from .state import Journal, Snapshot
from .steps import Delete, Refresh, Step
from .values import Properties, hide_outputs
from .world import World

_T = TypeVar("_T")


@dataclass(frozen=True)
class Identity:
    """Which stack of which project is operated on."""

    project: str
    stack: str
    organization: str = "organization"


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
        *,
        parallel: int,
        dry_run: bool,
        purpose: Purpose = Purpose.UPDATE,
        targets: Callable[[str], bool] = lambda _urn: False,
        asking: bool = False,
    ) -> None:
        """Nothing is started yet. `asking`: each resource that the program declares is refreshed first."""
        self.identity = identity
        self.events = events
        self.journal = journal
        self.dry_run = dry_run
        self.given_up = threading.Event()
        self.interrupted = False
        self.failed = False
        self.step_failed = False
        self._asking = asking
        self._config = config
        self._hosts = Hosts(make_host, base.resources)
        self._planning = threading.Lock()
        self._provider = ""
        self._refused: list[Resource] = []  # protected, and therefore not deleted
        self._pool = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="step")
        self._registered: dict[str, Step] = {}
        self._stack_outputs: Properties | None = None
        self.world = World(
            self._hosts, dry_run, lambda urn, text, severity: events.say(text, severity=severity, urn=urn)
        )
        self.planner = Planner(
            identity.stack, identity.project, base.resources, self.world, self.report, purpose, targets
        )
        journal.refreshing = asking

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

    def interrupt(self) -> None:
        """`give_up` because the user asked for it."""
        self.interrupted = True
        self.give_up()

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
        refresh = self.planner.refresh(found) if self._asking else None
        if refresh is not None:
            self._pool.submit(self._run_chain, [refresh]).result()
            self.planner.refreshed(found, refresh)
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
                self.give_up()
                raise Unavailable from None
            except StepFailed as failed:
                self.report(failed.urn, str(failed))
                self.give_up()
                raise Unavailable from None
            except EngineError as fault:
                self.report(self.stack_urn, str(fault))
                self.give_up()
                raise Unavailable from None

    def _default_provider(self) -> str:
        """The reference to the default provider, which is registered when it is first needed."""
        if not self._provider:
            goal = Goal(urns.PROVIDER_TYPE, "default", custom=True, properties=self._config)
            found = self.planner.find(goal, "")
            refresh = self.planner.refresh(found) if self._asking else None
            if refresh is not None:
                self._run_chain([refresh])
                self.planner.refreshed(found, refresh)
            steps = self.planner.steps(found)
            self._run_chain(steps)
            self._provider = steps[-1].resource.reference
        return self._provider

    def _run_chain(self, steps: list[Step]) -> None:
        for step in steps:
            if self.given_up.is_set():
                raise Unavailable
            try:
                self._run(step)
            except StepFailed:
                self.failed = True
                # A refresh for the program counts as planning.
                self.step_failed |= not isinstance(step, Refresh)
                # The message names every protected resource: nothing was done to any of them.
                if isinstance(step, Delete) and step.resource.protect and not step.replacing:
                    self._refused.append(step.resource)
                else:
                    self.give_up()
                raise Unavailable from None
            except EngineError as fault:
                self.report(self.stack_urn, str(fault))
                self.give_up()
                raise Unavailable from None

    def _run(self, step: Step) -> None:
        self.events.before(step)
        step.begin(self.journal)
        try:
            step.apply(self.world)
        except StepFailed as failed:
            self._hide(step)
            self.events.failed(step, str(failed))
            step.end(self.journal, lasting=failed.reasons is not None)
            raise
        except BaseException:
            step.end(self.journal, lasting=False)
            raise
        self._hide(step)
        self.events.after(step)
        step.end(self.journal, lasting=True)

    @staticmethod
    def _hide(step: Step) -> None:
        new = step.new
        if new is not None and step.op != "replace":
            new.outputs = hide_outputs(new.outputs, new.inputs, new.additional_secret_outputs)

    def register_outputs(self, urn: str, outputs: Properties) -> None:
        """Record a component's outputs; those of the stack wait for the end of the operation."""
        if urns.qualified_type(urn) == urns.STACK_TYPE:
            self._stack_outputs = outputs
            return
        step = self._registered.pop(urn, None)
        if step is None:
            raise EngineError(f"cannot complete a resource {urn!r} whose registration isn't pending")
        step.resource.outputs = outputs
        self.events.outputs(step)
        self.journal.save()

    def settle_stack(self) -> None:
        """Set the stack's outputs: the program's, and the former ones too if the operation has failed."""
        step = self._registered.get(self.stack_urn)
        if self._stack_outputs is None or step is None:
            return
        former = step.old.outputs if step.old is not None and self.failed else {}
        step.resource.outputs = {**former, **self._stack_outputs}
        self.events.outputs(step)
        self.journal.save()

    def delete_leftovers(self) -> None:
        """Delete what the program no longer declares, and what replacements have left."""
        if not self.planner.olds:
            # As the real engine does, although a destroy may just have created components.
            return
        try:
            layers = self.planner.deletes()
        except StepFailed as failed:
            self.report("", str(failed))
            return
        for layer in layers:
            # What a protected resource needs stays; other deletes continue.
            spared = {
                needed
                for protected in self._refused
                for needed in self.planner.graph.all_needed_by(protected)
            }
            self._run_all([step for step in layer if step.resource not in spared])
            if self.given_up.is_set():
                return

    def refresh(self, *, alone: bool) -> None:
        """Refresh what the state holds and no program has declared; a resource that cannot be read stops no other.

        `alone`: nothing else is done in this operation.
        """
        steps = {each: Refresh(each, None, alone=alone, logical=alone) for each in self.planner.unseen()}
        futures = [self._pool.submit(self._run_refresh, step) for step in steps.values()]
        for future in futures:
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
            self.failed = self.step_failed = True
            step.new = step.old
        except EngineError as fault:
            self.report(self.stack_urn, str(fault))
            step.new = step.old

    def _run_all(self, layer: list[Step]) -> None:
        futures = [self._pool.submit(self._run_chain, [step]) for step in layer]
        for future in futures:
            fault = future.exception()
            if fault is not None and not isinstance(fault, Unavailable):
                raise fault
