"""What a provider decides about one ``CustomModel``.

After each operation, a model that the service holds is in the state, or in the error, or deleted; none is created
twice.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from nebius_model_resource._provider import messages
from nebius_model_resource._provider.account import short_name
from nebius_model_resource._provider.calls import Call, Changes, Found, Operation
from nebius_model_resource._provider.create import Creation
from nebius_model_resource._provider.properties import MODEL, UNKNOWN, State
from nebius_model_resource._provider.resource_type import ResourceType
from nebius_model_resource._provider.wait import (
    GRACE,
    Wait,
    seen,
    unknown_status,
    validation_failed,
    vanished,
)
from nebius_model_resource._service.names import GeneratedName, unflavoured
from nebius_model_resource._service.retry import repeat
from nebius_model_resource._service.settings import Lookup
from nebius_model_resource._service.types import ACTIVE, ERROR, KNOWN_STATUSES, VALIDATING, ModelInfo
from nebius_model_resource.errors import (
    AccessDenied,
    AdoptionRefused,
    EngineGone,
    Fault,
    ModelMissing,
    NebiusError,
    NotFound,
    OutcomeUnknown,
    Unfinished,
    ValidationFailed,
)

_CLEAN_UP_SECONDS = 30.0
_RESUME_GRACE = 3.0
_ADOPT = "declare the live value to adopt the model, or remove `import_` to create a new one"


@dataclass(frozen=True)
class _Left:
    """What a create of this process left behind: the model that it kept, or the POST whose outcome is not known."""

    inputs: Mapping[str, Any]
    state: State | None = None
    lost: OutcomeUnknown | None = None


class CustomModels(ResourceType):
    """The models of one provider process."""

    table = MODEL
    noun = "model"
    waiting = frozenset({"create", "update", "delete"})
    default_seconds = 600.0  # for a model to become active: as long as published clients wait

    def __init__(self, lookup: Lookup) -> None:
        super().__init__(lookup)
        self._left: dict[str, _Left] = {}  # by URN

    # Check and diff.

    def examine(
        self, call: Call, olds: Mapping[str, Any], inputs: dict[str, Any], faults: list[Fault]
    ) -> list[Fault]:
        """Compare what is to be adopted, and ask the service about what a new model is created from."""
        import_id = inputs.pop("import_id", None)
        # Only a create adopts: the state is the same as after any other create.
        if faults or olds.get("base_model"):
            return []
        if import_id is None:
            if self.configuration.preflight():
                for warning in self.account().preflight.warnings(inputs, call.secrets):
                    call.warn(warning)
            return []
        inputs["import_id"] = import_id
        if UNKNOWN in (import_id, inputs.get("ai_project_id")):
            return []
        info = self._find(import_id, inputs.get("ai_project_id"), self.operation(call))
        faults = self._adoption_faults(import_id, inputs, info)
        if info and not faults:
            call.progress(f"adopts {info.name}: nothing will be created")
        return faults

    def diff(self, call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> Changes:
        """Name just the inputs that changed, as for every type.

        What this run has imported has only what the service reports: not its project, and perhaps not the flavour of
        its base model. There the declared values count.
        """
        if short_name(id_) in self.adopted:
            project, base = news.get("ai_project_id"), news.get("base_model")
            olds = {**olds, "ai_project_id": project}
            if base and unflavoured(base) == unflavoured(olds.get("base_model") or ""):
                olds["base_model"] = base
        return super().diff(call, id_, olds, news)

    def examine_live(self, call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> Changes:
        """What a model needs that was not active when it was last read."""
        state = self.table.state_of(id_, olds)
        if state.status == ACTIVE:
            return Changes({})
        live = self._live(call, state)
        if warning := messages.status_warning(live) if live else messages.gone(id_):
            call.warn(warning)
        waits = self.table.inputs_of(news).get("wait_for_active", True)
        # The update waits. One that does not wait fails and says why: creating a new model each time would hide that
        # none ever works.
        if live and (waits is not True or live.status != ERROR):
            return Changes({}, updates=waits is True or live.status == ERROR)
        return Changes({"status": "UPDATE"}, ["status"], of_inputs=False)

    def _live(self, call: Call, state: State) -> State | None:
        """What is known of a model by now; None if it does not exist any more."""
        if state.status == ERROR:  # final
            return state
        try:
            return self.live(state, self.operation(call))
        except NebiusError:
            return state

    # Create.

    def create(self, call: Call, props: dict[str, Any]) -> Found:
        """Create or adopt the model, and wait until it is active."""
        inputs = self.table.inputs_of(props)
        operation = self.operation(call)
        if import_id := props.get("import_id"):
            state = self._adopt(import_id, inputs, operation)
            return Found(state.id, state.bag())
        # An error hook that asks for another try makes the engine create again (pulumi#24683).
        left = self._left.pop(call.urn, None) if call.urn else None
        if left is None or left.inputs != inputs:
            left = _Left(inputs)
        try:
            state = left.state or self._post(inputs, operation, left.lost)
            state = self._resume(state, operation) if left.state else self._wait_for_new(state, operation)
        except OutcomeUnknown as error:
            self._left[call.urn] = _Left(inputs, lost=error)
            raise
        except (Unfinished, ValidationFailed) as error:
            if error.state:
                self._left[call.urn] = _Left(inputs, error.state)
            self._keep(call, inputs, error)
        return Found(state.id, state.bag())

    def _post(self, inputs: Mapping[str, Any], operation: Operation, lost: OutcomeUnknown | None) -> State:
        """Create exactly one model."""
        account, project = self.account(), inputs.get("ai_project_id")
        body, models = self.table.body(inputs), account.models(project)
        creation = Creation(
            noun="model",
            name=inputs["name"],
            things=models,
            send=lambda: account.client.create_model(body, project, operation.deadline),
            fits=lambda model: not self.table.changed(inputs, self.table.live(inputs, model)),
            adopt=messages.adopting(self.configuration),
        )
        info = account.creator.exactly_one(creation, operation, lost)
        models.changed()
        return seen(State(info.name, inputs, {"status": VALIDATING}), info)

    def _wait_for_new(self, state: State, operation: Operation) -> State:
        """Wait for a model that this call has created: it deletes what does not become usable."""
        try:
            try:
                return self._wait(state, operation, GRACE)
            finally:
                # Neither success nor failure reaches an engine that is gone: this pause raises EngineGone instead.
                operation.deadline.sleep(0)
        except EngineGone:
            self._clean_up(state)
            raise
        except ValidationFailed as error:
            failed = error.state or state
            text = f"{error}; the failed model {failed.id!r}"
            if self._clean_up(failed):
                raise ValidationFailed(f"{text} was deleted") from error
            raise ValidationFailed(f"{text} could not be deleted", state=failed) from error

    def _wait(self, state: State, operation: Operation, grace: float) -> State:
        """Wait for the full name, and for ``active`` if that is asked for."""
        full = GeneratedName.parse(state.id).is_full
        if state.status == ACTIVE and full:
            return state
        if full and not state.inputs.get("wait_for_active") and state.status != ERROR:
            if state.status not in KNOWN_STATUSES:
                operation.warn(unknown_status(state))
            return state
        account = self.account()
        models = account.models(state.inputs.get("ai_project_id"))
        return Wait(state, account.client, models, operation, grace).until_active()

    def _clean_up(self, state: State) -> bool:
        """Delete a model that will not be in the state, in time of its own; True if it is gone."""
        try:
            self.remove(state, Operation(self.account().client.deadline(_CLEAN_UP_SECONDS)))
        except NebiusError:
            return False
        return True

    def _keep(
        self,
        call: Call,
        inputs: Mapping[str, Any],
        error: Unfinished | ValidationFailed,
        *,
        may_delete: bool = True,
    ) -> NoReturn:
        """Fail and record the existing model in the state; if the host cannot do that, delete it."""
        state = error.state
        if state is None:
            call.fail(messages.not_created(inputs["name"], error))
        message = messages.not_ready(error, call.urn, self.configuration)
        try:
            recorded = call.keep(message, state.id, state.bag(), state.inputs)
        except Exception:  # noqa: BLE001 - a bug of ours must not delete a model
            call.fail(messages.bug(traceback.format_exc(), state.id, self.configuration))
        if not recorded and may_delete:
            self._left.pop(call.urn, None)
            try:
                self.remove(state, self.operation(call))
            except NebiusError as failure:
                message = messages.orphaned(state.id, error, failure)
            else:
                message = messages.deleted_again(inputs["name"], error)
        call.fail(message)

    # Adoption.

    def _adopt(self, name: str, inputs: Mapping[str, Any], operation: Operation) -> State:
        info = self._find(name, inputs.get("ai_project_id"), operation)
        faults = self._adoption_faults(name, inputs, info)
        if info is None or faults:
            raise AdoptionRefused(faults)
        self._take(info)
        operation.progress(f"adopted {info.name}: nothing was created")
        return seen(State(info.name, inputs), info)

    def _take(self, info: ModelInfo) -> None:
        """A model belongs to a resource of this run: it is nobody's lost one, and is not deleted in the same run."""
        self.adopted.add(short_name(info.name))
        self.account().creator.taken.add(short_name(info.name))

    def _adoption_faults(self, name: str, inputs: Mapping[str, Any], info: ModelInfo | None) -> list[Fault]:
        """Why a live model is not the declared one: one fault per property.

        A value that the service does not return is no difference, nor is an input that is not known yet.
        """
        if info is None:
            return [Fault("import_", str(ModelMissing(name)))]
        live = self.table.live(inputs, info)
        faults = [
            Fault(each, f"the live model has {live.get(each)!r}: {_ADOPT}")
            for each in self.table.changed(inputs, live)
            if inputs.get(each) != UNKNOWN
        ]
        if info.status == ACTIVE:
            return faults
        status = f"is {info.status}" if info.status else "has no status yet"
        reason = f" ({info.status_reason})" if info.status_reason else ""
        why = f"{info.name!r} {status}{reason}: only an active model can be adopted, wait or name another"
        return [Fault("import_", why), *faults]

    def import_(self, call: Call, id_: str) -> Found | None:
        """Take an existing model into the state with the inputs that declare it; None if there is none."""
        info = self._find(id_, self.project, self.operation(call))
        if info is None:
            return None
        live = self._state_from(info, self.project)
        if not (live.inputs.get("base_model") and live.inputs.get("source")):
            call.fail(f"the service does not report what {info.name!r} was created from: read it with `get`")
        self._take(info)
        inputs = {name: value for name, value in live.inputs.items() if name != "wait_for_active"}
        return self.found(call, live, inputs)

    # Read.

    @staticmethod
    def key(id_: str) -> str:
        """The short name."""
        return short_name(id_)

    def not_as_declared(self, state: State) -> str | None:
        """Why a model is not what is declared: it failed, or is awaited and not active."""
        return messages.unready(state)

    def existing(self, id_: str, project: str | None, operation: Operation) -> State:
        """A model that no state knows, with the inputs that the service reports."""
        info = self._find(id_, project, operation)
        if info is None:
            raise ModelMissing(id_)
        return self._state_from(info, project)

    def _state_from(self, info: ModelInfo, project: str | None) -> State:
        declared = {"ai_project_id": project} if project else {}
        inputs = {"wait_for_active": True, **self.table.live(declared, info)}
        return seen(State(info.name, inputs), info)

    def live(self, state: State, operation: Operation) -> State | None:
        """The live state of a model; None if neither the list nor a read by name shows it."""
        info = self._look_up(state.id, state.inputs.get("ai_project_id"), operation)
        if info is None:
            return state if self._is_new(state) else None
        return replace(seen(state, info), inputs=self.table.live(state.inputs, info))

    def _look_up(self, name: str, project: str | None, operation: Operation) -> ModelInfo | None:
        account, deadline = self.account(), operation.deadline
        return account.models(project).look_up(
            name, lambda: account.client.get_model(name, deadline), deadline
        )

    def _find(self, name: str, project: str | None, operation: Operation) -> ModelInfo | None:
        """An existing model by its full or short name; None if there is none that the key may see."""
        try:
            return self._look_up(name, project, operation)
        except AccessDenied as error:
            # The list was read and lacks it: then the service's 403 for a name is its 404.
            models = self.account().models(project)
            if error.status == 403 and not models.recent(operation.deadline).failure:
                return None
            raise

    @staticmethod
    def _is_new(state: State) -> bool:
        """Whether reads may not show a model yet: it was just created, and no wait has seen it."""
        created = state.outputs.get("created_at")
        return state.status == VALIDATING and created is not None and time.time() - created < GRACE

    # Update and delete.

    def update(self, call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        """Continue to wait for a model whose create did not finish, or change ``wait_for_active``."""
        inputs = self.table.inputs_of(news)
        state = replace(self.table.state_of(id_, olds), inputs=inputs)
        try:
            return self._resume(state, self.operation(call)).bag()
        except (Unfinished, ValidationFailed) as error:
            self._keep(call, inputs, error, may_delete=False)

    def _resume(self, state: State, operation: Operation) -> State:
        """Continue to wait for a model of the state; it is never deleted here."""
        live: State | None
        try:
            live = self.live(state, operation)
        except NebiusError:
            if not state.inputs.get("wait_for_active"):
                raise
            live = state  # the wait reads again until its deadline
        if live is None:
            raise vanished(state.id)
        live = replace(live, inputs=state.inputs)  # an update has the declared inputs
        if live.status == ERROR:
            raise ValidationFailed(validation_failed(live.reason), state=live)
        return self._wait(live, operation, _RESUME_GRACE)

    def remove(self, state: State, operation: Operation) -> None:
        """Delete a model; succeed if it does not exist any more."""
        account, deadline = self.account(), operation.deadline
        models = account.models(state.inputs.get("ai_project_id"))

        def send() -> object:
            # Reads and lists may not show a new model yet: its 404 or 403 proves nothing, and is asked again.
            return repeat(
                lambda: account.client.delete_model(state.id, deadline),
                deadline,
                repeats=lambda error: _hides(error) and self._is_new(state),
            )

        models.delete(state.id, send, deadline)


def _hides(error: NebiusError) -> bool:
    """Whether an answer leaves open that there is no such model: 404, and the 403 that stands for it."""
    return isinstance(error, NotFound) or (isinstance(error, AccessDenied) and error.status == 403)
