"""Create, read, update, delete and diff of one model, on dataclasses; knows nothing of Pulumi.

What is promised after any of them: a model that the service holds is either returned, or in the error
(:class:`Unfinished`, :class:`ValidationFailed`), or deleted again; none is made twice.
"""

from __future__ import annotations

import time
from dataclasses import replace

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.deadline import Clock
from nebius_model_resource._api.models import (
    ACTIVE,
    DELETED,
    ERROR,
    KNOWN_STATUSES,
    VALIDATING,
    Fault,
    GeneratedName,
    Inputs,
    ModelInfo,
    State,
    canonical_source,
)
from nebius_model_resource._api.redact import masked
from nebius_model_resource._lifecycle.adoption import differences, missing
from nebius_model_resource._lifecycle.create import Creator
from nebius_model_resource._lifecycle.deletion import delete_model
from nebius_model_resource._lifecycle.notes import LeftBehind, Notes
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource._lifecycle.shared_list import GRACE, StatusReaders
from nebius_model_resource._lifecycle.wait import (
    Wait,
    unknown_status,
    validation_failed,
    vanished,
)
from nebius_model_resource.errors import (
    AccessDenied,
    AdoptionRefused,
    EngineGone,
    ModelVanished,
    NebiusError,
    NotFound,
    Unfinished,
    ValidationFailed,
)

DEFAULT_SECONDS = 600.0  # to become active: as long as published clients wait
_CLEAN_UP_SECONDS = 30.0
_RESUME_GRACE = 3.0
_UNSEEN_PAUSE = 2.0  # between two tries to delete a model that reads may lack yet


class Lifecycle:
    """The operations on one account's models; one object serves every thread of a process."""

    creator_class = Creator

    def __init__(
        self, client: NebiusClient, *, wall_clock: Clock = time.time, notes: Notes | None = None
    ) -> None:
        """Nothing is sent.

        Args:
            client: the account.
            wall_clock: Unix seconds, used only where the service's answers have no ``Date``.
            notes: where each model is noted until it is held, for whoever cleans up when this process dies.
        """
        self._notes = notes or Notes(wall_clock)
        self._wall_clock = wall_clock
        self._client = client
        self._readers = StatusReaders(client)
        self._creator = self.creator_class(client, wall_clock=wall_clock)

    def create(self, inputs: Inputs, operation: Operation) -> State:
        """Make a model, or adopt one, and wait until it is active, unless ``wait_for_active`` is off.

        Raises:
            ApiError, TransportError, DeadlineExceeded, AdoptionRefused: nothing was made.
            AmbiguousCreate: an answer was lost, and what it made cannot be told apart.
            ValidationFailed: the model ended in ``error`` and was deleted; where it could not be, it is in the error.
            ModelVanished, EngineGone: nothing is left.
            Unfinished: the model exists and is in the error.
        """
        if inputs.import_id:
            return self._adopt(inputs, inputs.import_id, operation)
        info = self._creator.create(inputs, operation)
        with self._notes.hold(info.name, inputs.ai_project_id):
            return self._await(inputs, info, operation)

    def _await(self, inputs: Inputs, info: ModelInfo, operation: Operation) -> State:
        self._readers.of(inputs.ai_project_id).outdate()
        state = State(inputs, info.name, info.status or VALIDATING, info.status_reason, info.created_at)
        try:
            state = self._settle_while_heard(state, operation)
        except EngineGone as error:
            if not self._clean_up(state):
                raise LeftBehind(f"{error}, and {state.generated_name!r} could not be deleted") from error
            raise
        except ValidationFailed as error:
            raise self._after_failure(error, error.state or state) from error
        return state

    def _settle_while_heard(self, state: State, operation: Operation) -> State:
        """Wait, and tell neither success nor failure to an engine that is gone by then."""
        try:
            state = self._settle(state, operation, GRACE)
        except (Unfinished, ValidationFailed):
            operation.deadline.sleep(0)
            raise
        operation.deadline.sleep(0)
        return state

    def resume(self, state: State, operation: Operation) -> State:
        """Go on waiting for a model that the stack holds already; it is never deleted here.

        Raises:
            ValidationFailed, Unfinished: with what is now known of the model.
            ModelVanished: it is gone.
            ApiError, TransportError: the model is not awaited, and could not be read.
        """
        try:
            live = self.read(state, operation)
        except NebiusError:
            if not state.inputs.wait_for_active:
                raise
            live = state  # the wait reads again until its deadline
        if live is None:
            raise ModelVanished(vanished(state.generated_name))
        live = replace(live, inputs=state.inputs)  # an update has the inputs that are declared
        if live.status == ERROR:
            raise ValidationFailed(validation_failed(live.status_reason), state=live)
        return self._settle(live, operation, _RESUME_GRACE)

    def read(self, state: State, operation: Operation) -> State | None:
        """What is live of a model; None where it is gone for sure: absent in the list, and by name as well.

        Raises:
            ApiError, TransportError: it is not known whether the model exists; 401 and 403 are among these.
        """
        info = self.find(state.generated_name, state.inputs.ai_project_id, operation)
        if info is None:
            return state if self._is_new(state) else None
        return live_state(state, info)

    def _is_new(self, state: State) -> bool:
        """Whether a model may be missing from every read because it was made just now and was not awaited."""
        made = state.created_at
        return state.status == VALIDATING and made is not None and self._wall_clock() - made < GRACE

    def find(self, name: str, ai_project_id: str | None, operation: Operation) -> ModelInfo | None:
        """A model by its full or short name, out of the shared list or by itself; None where it is gone."""
        snapshot = self._readers.of(ai_project_id).current(operation.deadline)
        info = snapshot.find(name)
        if info is None or info.status is None:
            try:
                info = self._client.get_model(name, operation.deadline)
            except NotFound:
                if snapshot.failure:  # behind a wrong base URL, say, everything is 404
                    raise snapshot.failure from None
                return None
        return None if info.status == DELETED else info

    def delete(self, state: State, operation: Operation) -> None:
        """Delete a model; one that is gone already is a success.

        Raises:
            ApiError, TransportError, DeadlineExceeded: the model may still exist.
        """
        reader = self._readers.of(state.inputs.ai_project_id)
        while is_new := self._is_new(state):
            try:
                delete_model(self._client, state.generated_name, reader, operation, is_new=is_new)
                break
            except NotFound:  # perhaps not to be seen yet: believed once it is old enough
                if operation.deadline.remaining() <= _UNSEEN_PAUSE:
                    raise
                operation.deadline.sleep(_UNSEEN_PAUSE)
        else:
            delete_model(self._client, state.generated_name, reader, operation, is_new=False)
        reader.outdate()

    def existing(self, name: str, ai_project_id: str | None, operation: Operation) -> ModelInfo | None:
        """A model that others made; None where there is none that the key may see.

        Raises:
            ApiError, TransportError: it is not known whether the model exists.
        """
        try:
            return self.find(name, ai_project_id, operation)
        except AccessDenied as error:
            # The list was read and lacks it: then the service's 403 for a name is its 404 (seen live elsewhere).
            snapshot = self._readers.of(ai_project_id).current(operation.deadline)
            if error.status == 403 and not snapshot.failure:
                return None
            raise

    def adoption_faults(self, inputs: Inputs, live: ModelInfo, unknown: str | None = None) -> list[Fault]:
        """What speaks against taking a live model for the declared one, without the key in any reason.

        Args:
            inputs: what is declared.
            live: the model.
            unknown: the placeholder of inputs not known yet, which are left alone.
        """
        key = self._client.connection.settings.api_key
        faults = differences(inputs, live, unknown)
        return [replace(fault, reason=masked(fault.reason, key)) for fault in faults]

    def _adopt(self, inputs: Inputs, name: str, operation: Operation) -> State:
        info = self.existing(name, inputs.ai_project_id, operation)
        faults = [missing(name)] if info is None else self.adoption_faults(inputs, info)
        if info is None or faults:
            raise AdoptionRefused(faults)
        self._creator.claim(info.name)
        operation.report.progress(f"adopted {info.name}: nothing was created")
        return State(replace(inputs, import_id=None), info.name, ACTIVE, info.status_reason, info.created_at)

    def _settle(self, state: State, operation: Operation, grace: float) -> State:
        """Wait for the status that was asked for, and for the full name."""
        full = GeneratedName.parse(state.generated_name).is_full
        if state.status == ACTIVE and full:
            return state
        if full and not state.inputs.wait_for_active and state.status != ERROR:
            if state.status not in KNOWN_STATUSES:
                operation.report.warn(unknown_status(state))
            return state
        reader = self._readers.of(state.inputs.ai_project_id)
        wait = Wait(state, self._client, reader, operation, grace=grace)
        return wait.until_active()

    def _after_failure(self, error: ValidationFailed, failed: State) -> ValidationFailed:
        """Delete a model whose validation failed, and say what is left."""
        name = failed.generated_name
        if self._clean_up(failed):
            return ValidationFailed(
                f"{error}; the failed model {name!r} was deleted and nothing is left of it"
            )
        return ValidationFailed(f"{error}; the failed model {name!r} could not be deleted", state=failed)

    def _clean_up(self, state: State) -> bool:
        """Delete what nobody will hold, in time of its own; True where it is gone."""
        try:
            self.delete(state, Operation(self._client.connection.deadline(_CLEAN_UP_SECONDS)))
        except NebiusError:
            return False
        return True


def live_state(state: State, info: ModelInfo) -> State:
    """A held model brought up to date; an input changes only where the service tells another."""
    inputs = replace(state.inputs, description=info.description)
    if info.source and canonical_source(inputs.source) != canonical_source(info.source):
        inputs = replace(inputs, source=info.source)
    full = info.name if GeneratedName.parse(info.name).is_full else state.generated_name
    return State(
        inputs, full, info.status or state.status, info.status_reason, info.created_at or state.created_at
    )
