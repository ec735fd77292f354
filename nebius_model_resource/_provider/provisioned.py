"""Resources that take time after their POST: models and endpoints.

After each operation, what the service holds is in the state, or in the error, or deleted; nothing is created twice.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NoReturn

from nebius_model_resource import errors
from nebius_model_resource._provider import messages
from nebius_model_resource._provider.calls import Call, Changes, Found, Operation
from nebius_model_resource._provider.create import Creation
from nebius_model_resource._provider.properties import UNKNOWN, State
from nebius_model_resource._provider.resource_type import ResourceType
from nebius_model_resource._provider.wait import GRACE, Wait, failed, vanished
from nebius_model_resource._service.settings import Lookup
from nebius_model_resource._service.types import ERROR
from nebius_model_resource.errors import Fault

_CLEAN_UP_SECONDS = 30.0
_RESUME_GRACE = 3.0


@dataclass(frozen=True)
class _Left:
    """What a create of this process left behind: what it kept, or the POST whose outcome is not known."""

    inputs: Mapping[str, Any]
    state: State | None = None
    lost: errors.OutcomeUnknown | None = None


class ProvisionedType(ResourceType):
    """The resources of one type that become ready some time after their POST.

    Attributes:
        waits: the name of the input that says whether to wait.
        goal: what a resource is once it is ready, in messages.
        first_status: that of a new resource.
        restarting: the inputs whose change restarts a resource.
    """

    waiting = frozenset({"create", "update", "delete"})
    waits: ClassVar[str]
    goal: ClassVar[str]
    first_status: ClassVar[str]
    restarting: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, lookup: Lookup) -> None:
        super().__init__(lookup)
        self._left: dict[str, _Left] = {}  # by URN

    # What a type of resources adds to what is here.

    @abstractmethod
    def creation(self, inputs: Mapping[str, Any], operation: Operation) -> Creation[Any]:
        """What a create sends, and how to find what it created."""

    @abstractmethod
    def is_ready(self, state: State) -> bool:
        """Whether there is nothing to wait for."""

    @abstractmethod
    def why_not_adopted(self, state: State) -> str:
        """Why an existing resource cannot be adopted; empty if it can."""

    def shown(self, state: State) -> str:
        """The status, for people."""
        return state.status

    def after_create(self, state: State, _operation: Operation) -> State:
        """What a create sends after its POST."""
        return state

    def change(self, _state: State, _changed: Collection[str], _operation: Operation) -> frozenset[str]:
        """Change inputs in place; returns the names of those that were sent."""
        return frozenset()

    # Check and diff.

    def examine(
        self, call: Call, olds: Mapping[str, Any], inputs: dict[str, Any], faults: list[Fault]
    ) -> list[Fault]:
        """Compare what is to be adopted, and ask the service about what a new resource is created from."""
        import_id = inputs.pop("import_id", None)
        # Only a create adopts: the state is the same as after any other create.
        if faults or any(olds.get(name) for name in self.table.required):
            return []
        if import_id is None:
            if self.configuration.preflight():
                known = self.table.inputs_of(inputs)
                for warning in self.account().preflight.warnings(self.noun, known, call.secrets):
                    call.warn(warning)
            return []
        inputs["import_id"] = import_id
        if UNKNOWN in (import_id, inputs.get("ai_project_id")):
            return []
        info, faults = self._adoptable(import_id, inputs, self.operation(call))
        if info and not faults:
            call.progress(f"adopts {self.collection.id_of(info)}: nothing will be created")
        return faults

    def examine_live(self, call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> Changes:
        """What a resource needs that was not ready when it was last read."""
        state = self.table.state_of(id_, olds)
        if self.is_settled(state):
            return Changes({})
        live = self._known(call, state)
        if warning := self.status_warning(live) if live else messages.gone(id_, self.noun):
            call.warn(warning)
        waits = self.table.inputs_of(news).get(self.waits, True)
        # The update waits. One that does not wait fails and says why: creating a new one each time would hide that
        # none ever works.
        if live and (waits is not True or live.status != ERROR):
            return Changes({}, updates=waits is True or live.status == ERROR)
        return Changes({"status": "UPDATE"}, ["status"], of_inputs=False)

    def _known(self, call: Call, state: State) -> State | None:
        """What is known of a resource by now; None if it does not exist any more."""
        if state.status == ERROR:  # final
            return state
        try:
            return self.live(state, self.operation(call))
        except errors.NebiusError:
            return state

    # Create.

    def create(self, call: Call, props: dict[str, Any]) -> Found:
        """Create or adopt the resource, and wait until it is ready."""
        inputs = self.table.inputs_of(props)
        operation = self.operation(call, self.default_seconds)
        if import_id := props.get("import_id"):
            state = self._adopt(import_id, inputs, operation)
            return Found(state.id, state.bag())
        # An error hook that asks for another try makes the engine create again (pulumi#24683).
        left = self._left.pop(call.urn, None) if call.urn else None
        if left is None or left.inputs != inputs:
            left = _Left(inputs)
        try:
            if left.state:
                state = self._resume(left.state, operation)
            else:
                state = self._wait_for_new(self._post(inputs, operation, left.lost), operation)
        except errors.OutcomeUnknown as error:
            self._left[call.urn] = _Left(inputs, lost=error)
            raise
        except errors.NotReady as error:
            if error.state:
                self._left[call.urn] = _Left(inputs, error.state)
            self._keep(call, inputs, error)
        return Found(state.id, state.bag())

    def _post(
        self, inputs: Mapping[str, Any], operation: Operation, lost: errors.OutcomeUnknown | None
    ) -> State:
        """Create exactly one."""
        creation = self.creation(inputs, operation)
        info = self.account().creator.exactly_one(creation, operation, lost)
        return self.seen(State(creation.collection.id_of(info), inputs, {"status": self.first_status}), info)

    def _wait_for_new(self, state: State, operation: Operation) -> State:
        """Wait for what this call has created: it deletes what does not become usable."""
        try:
            try:
                return self._wait(self.after_create(state, operation), operation, GRACE)
            finally:
                # Neither success nor failure reaches an engine that is gone: this pause raises EngineGone instead.
                operation.deadline.sleep(0)
        except errors.EngineGone:
            self._clean_up(state)
            raise
        except errors.ProvisioningFailed as error:
            left = error.state or state
            text = f"{error}; the failed {self.noun} {left.id!r}"
            if self._clean_up(left):
                raise errors.ProvisioningFailed(f"{text} was deleted") from error
            raise errors.ProvisioningFailed(f"{text} could not be deleted", state=left) from error

    def _wait(
        self, state: State, operation: Operation, grace: float, sent: frozenset[str] = frozenset()
    ) -> State:
        """Wait if that is asked for, or still needed for the id."""
        if sent or not self.is_ready(state):
            state = Wait(self, state, operation, grace, sent).until_ready()
        if warning := self.status_warning(state):
            operation.warn(warning)
        return state

    def _clean_up(self, state: State) -> bool:
        """Delete what will not be in the state, in time of its own; True if it is gone."""
        try:
            self.remove(state, Operation(self.account().client.deadline(_CLEAN_UP_SECONDS)))
        except errors.NebiusError:
            return False
        return True

    def _keep(
        self, call: Call, inputs: Mapping[str, Any], error: errors.NotReady, *, may_delete: bool = True
    ) -> NoReturn:
        """Fail and record what exists in the state; if the host cannot do that, delete it."""
        state = error.state
        if state is None:
            call.fail(messages.not_created(inputs["name"], error, self.noun))
        message = messages.not_ready(error, state, self.waits, self.noun, call.urn, self.configuration)
        if not call.keep(message, state.id, state.bag(), state.inputs) and may_delete:
            self._left.pop(call.urn, None)
            try:
                self.remove(state, self.operation(call))
            except errors.NebiusError as failure:
                message = messages.orphaned(state.inputs.get("routing_key", state.id), error, failure)
            else:
                message = messages.deleted_again(inputs["name"], error, self.noun)
        call.fail(message)

    # Adoption.

    def _adopt(self, id_: str, inputs: Mapping[str, Any], operation: Operation) -> State:
        info, faults = self._adoptable(id_, inputs, operation)
        if info is None or faults:
            raise errors.AdoptionRefused(faults)
        state = self._taken(info, inputs)
        operation.progress(f"adopted {state.id}: nothing was created")
        return state

    def _taken(self, info: Any, declared: Mapping[str, Any]) -> State:
        """It belongs to a resource of this run: it is nobody's lost one, and is not deleted in the same run."""
        state = self.state_from(info, declared)
        self.adopted[self.key(state.id)] = info
        self.account().creator.taken.add(self.key(state.id))
        return state

    def _adoptable(
        self, id_: str, inputs: Mapping[str, Any], operation: Operation
    ) -> tuple[Any, list[Fault]]:
        """What exists under an id, and why it is not the declared resource: one fault per property.

        A value that the service does not return is no difference, nor is an input that is not known yet.
        """
        info = self.find(id_, inputs.get("ai_project_id"), operation)
        if info is None:
            return None, [Fault("import_", str(errors.Missing(self.noun, id_)))]
        live = self.state_from(info, inputs)
        found = [
            Fault(
                name,
                f"the live {self.noun} has {live.inputs.get(name)!r}: declare the live value to adopt the {self.noun}, "
                "or remove `import_` to create a new one",
            )
            for name in self.table.changed(inputs, live.inputs)
            if inputs.get(name) != UNKNOWN
        ]
        if why := self.why_not_adopted(live):
            found.insert(0, Fault("import_", f"{live.id!r} {why}"))
        return info, found

    def import_(self, call: Call, id_: str) -> Found | None:
        """Take an existing resource into the state with the inputs that declare it; None if there is none."""
        info = self.find(id_, self.project, self.operation(call))
        if info is None:
            return None
        live = self._taken(info, {"ai_project_id": self.project})
        if not all(name in live.inputs for name in self.table.required):
            call.fail(f"the service does not report what {live.id!r} was created from: read it with `get`")
        inputs = {
            name: value for name, value in live.inputs.items() if value != self.table.inputs[name].default
        }
        # No more than a warning: the plugin's protocol asks for a `get` in the same way, and would fail it.
        return replace(self.as_read(call, live), inputs=inputs)

    # Read.

    def is_new(self, state: State) -> bool:
        """Whether reads may not show a resource yet: it was just created, and no wait has seen it."""
        created = state.outputs.get("created_at")
        return state.status == self.first_status and created is not None and time.time() - created < GRACE

    def not_as_declared(self, state: State) -> str | None:
        """Why a resource is not what is declared: it failed, or is waited for and not ready."""
        if state.status == ERROR:
            return self.status_warning(state)
        if self.is_settled(state) or not state.inputs.get(self.waits):
            return None
        return f"the {self.noun} {state.id!r} is still {self.shown(state)}: `pulumi up` waits until it is {self.goal}"

    # Update.

    def update(self, call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        """Change inputs in place, and wait until the resource is ready; it is never deleted here."""
        inputs = self.table.inputs_of(news)
        state, operation = self.table.state_of(id_, olds), self.operation(call, self.default_seconds)
        changed = self.table.changed(state.inputs, inputs)
        state = replace(state, inputs=inputs)
        try:
            sent = self.change(state, changed, operation)
            return self._resume(state, operation, sent).bag()
        except errors.NotReady as error:
            self._keep(call, inputs, error, may_delete=False)

    def _resume(self, state: State, operation: Operation, sent: frozenset[str] = frozenset()) -> State:
        """Wait for a resource of the state; it is never deleted here."""
        try:
            live = self.live(state, operation)
        except errors.NebiusError:
            if not state.inputs.get(self.waits):
                raise
            live = state  # the wait reads again until its deadline
        if live is None:
            raise vanished(self.noun, state.id)
        live = replace(live, inputs=state.inputs)  # an update has the declared inputs
        if live.status == ERROR and not sent:
            raise failed(self.noun, live)
        return self._wait(live, operation, _RESUME_GRACE, sent)
