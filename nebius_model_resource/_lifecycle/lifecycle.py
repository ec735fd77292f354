"""Create, read, update and delete of one model, on dataclasses; knows nothing of Pulumi.

After each of them, a model that the service holds is either returned, or in the error (:class:`Unfinished`,
:class:`ValidationFailed`), or deleted; none is created twice.
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
from nebius_model_resource._lifecycle.wait import Wait, unknown_status, validation_failed, vanished
from nebius_model_resource.errors import (
    AccessDenied,
    AdoptionRefused,
    EngineGone,
    ModelVanished,
    NebiusError,
    NotFound,
    ValidationFailed,
)

_CLEAN_UP_SECONDS = 30.0
_RESUME_GRACE = 3.0
_UNSEEN_PAUSE = 2.0  # before the deletion of a model that reads may not show yet is retried


class Lifecycle:
    """The operations on one account's models; all threads of a process share it."""

    creator_class = Creator

    def __init__(
        self, client: NebiusClient, *, wall_clock: Clock = time.time, notes: Notes | None = None
    ) -> None:
        """``wall_clock`` gives Unix seconds; ``notes`` take each new model, to be deleted if this process dies."""
        self._notes = notes or Notes(wall_clock)
        self._wall_clock = wall_clock
        self._client = client
        self._readers = StatusReaders(client)
        self._creator = self.creator_class(client, wall_clock=wall_clock)

    def create(self, inputs: Inputs, operation: Operation) -> State:
        """Create or adopt a model, and wait until it is active, unless ``wait_for_active`` is off.

        Raises:
            ApiError, TransportError, DeadlineExceeded, AdoptionRefused: no model was created.
            AmbiguousCreate: an answer was lost, and several models could be the created one.
            ValidationFailed: the model ended in ``error`` and was deleted; otherwise it is in the error.
            ModelVanished, EngineGone: no model exists.
            Unfinished: the model exists and is in the error.
        """
        if inputs.import_id:
            return self._adopt(inputs, inputs.import_id, operation)
        info = self._creator.create(inputs, operation)
        state = State(inputs, info.name, info.status or VALIDATING, info.status_reason, info.created_at)
        with self._notes.hold(info.name, inputs.ai_project_id):
            self._readers.of(inputs.ai_project_id).invalidate()
            try:
                return self._wait_for_new(state, operation)
            except EngineGone as error:
                if not self._clean_up(state):
                    raise LeftBehind(f"{error}, and {info.name!r} could not be deleted") from error
                raise
            except ValidationFailed as error:
                failed = error.state or state
                text = f"{error}; the failed model {failed.generated_name!r}"
                if self._clean_up(failed):
                    raise ValidationFailed(f"{text} was deleted") from error
                raise ValidationFailed(f"{text} could not be deleted", state=failed) from error

    def _wait_for_new(self, state: State, operation: Operation) -> State:
        try:
            return self._wait(state, operation, GRACE)
        finally:
            # Neither success nor failure reaches an engine that is gone: this pause raises EngineGone instead.
            operation.deadline.sleep(0)

    def resume(self, state: State, operation: Operation) -> State:
        """Continue to wait for a model of the state; it is never deleted here.

        Raises:
            ValidationFailed, Unfinished: with what is now known of the model.
            ModelVanished: it is gone.
            ApiError, TransportError: the model could not be read, and ``wait_for_active`` is off.
        """
        try:
            live = self.read(state, operation)
        except NebiusError:
            if not state.inputs.wait_for_active:
                raise
            live = state  # the wait reads again until its deadline
        if live is None:
            raise ModelVanished(vanished(state.generated_name))
        live = replace(live, inputs=state.inputs)  # an update has the declared inputs
        if live.status == ERROR:
            raise ValidationFailed(validation_failed(live.status_reason), state=live)
        return self._wait(live, operation, _RESUME_GRACE)

    def _wait(self, state: State, operation: Operation, grace: float) -> State:
        """Wait for the full name, and for ``active`` if that is asked for."""
        full = GeneratedName.parse(state.generated_name).is_full
        if state.status == ACTIVE and full:
            return state
        if full and not state.inputs.wait_for_active and state.status != ERROR:
            if state.status not in KNOWN_STATUSES:
                operation.report.warn(unknown_status(state))
            return state
        reader = self._readers.of(state.inputs.ai_project_id)
        return Wait(state, self._client, reader, operation, grace).until_active()

    def read(self, state: State, operation: Operation) -> State | None:
        """The live state of a model; None if neither the list nor a read by name shows it.

        Raises:
            ApiError, TransportError: it is not known whether the model exists; 401 and 403 are among these.
        """
        info = self._find(state.generated_name, state.inputs.ai_project_id, operation)
        if info is None:
            return state if self._is_new(state) else None
        return live_state(state, info)

    def _is_new(self, state: State) -> bool:
        """Whether reads may not show a model yet: it was just created, and no wait has seen it."""
        created = state.created_at
        return state.status == VALIDATING and created is not None and self._wall_clock() - created < GRACE

    def find(self, name: str, ai_project_id: str | None, operation: Operation) -> ModelInfo | None:
        """An existing model by its full or short name; None if there is none that the key may see.

        Raises:
            ApiError, TransportError: it is not known whether the model exists.
        """
        try:
            return self._find(name, ai_project_id, operation)
        except AccessDenied as error:
            # The list was read and lacks it: then the service's 403 for a name is its 404 (seen live elsewhere).
            if error.status == 403 and not self._readers.of(ai_project_id).recent(operation.deadline).failure:
                return None
            raise

    def _find(self, name: str, ai_project_id: str | None, operation: Operation) -> ModelInfo | None:
        snapshot = self._readers.of(ai_project_id).recent(operation.deadline)
        info = snapshot.find(name)
        if info is None or info.status is None:
            try:
                info = self._client.get_model(name, operation.deadline)
            except NotFound:
                if snapshot.failure:  # everything may be 404, as behind a wrong base URL
                    raise snapshot.failure from None
                return None
        return None if info.status == DELETED else info

    def delete(self, state: State, operation: Operation) -> None:
        """Delete a model; succeed if it does not exist.

        Raises:
            ApiError, TransportError, DeadlineExceeded: the model may still exist.
        """
        reader = self._readers.of(state.inputs.ai_project_id)
        while True:
            is_new = self._is_new(state)
            try:
                delete_model(self._client, state.generated_name, reader, operation, is_new=is_new)
            except NotFound:
                if not is_new or operation.deadline.remaining() <= _UNSEEN_PAUSE:
                    raise
                operation.deadline.sleep(_UNSEEN_PAUSE)
            else:
                reader.invalidate()
                return

    def _clean_up(self, state: State) -> bool:
        """Delete a model that will not be in the state, in time of its own; True if it is gone."""
        try:
            self.delete(state, Operation(self._client.connection.deadline(_CLEAN_UP_SECONDS)))
        except NebiusError:
            return False
        return True

    def adoption_faults(self, inputs: Inputs, live: ModelInfo, unknown: str | None = None) -> list[Fault]:
        """As :func:`.differences`, without the key in any reason."""
        key = self._client.connection.settings.api_key
        faults = differences(inputs, live, unknown)
        return [replace(fault, reason=masked(fault.reason, key)) for fault in faults]

    def _adopt(self, inputs: Inputs, name: str, operation: Operation) -> State:
        info = self.find(name, inputs.ai_project_id, operation)
        faults = [missing(name)] if info is None else self.adoption_faults(inputs, info)
        if info is None or faults:
            raise AdoptionRefused(faults)
        self._creator.claim(info.name)
        operation.report.progress(f"adopted {info.name}: nothing was created")
        return State(replace(inputs, import_id=None), info.name, ACTIVE, info.status_reason, info.created_at)


def live_state(state: State, info: ModelInfo) -> State:
    """A model's state with its live values; an input changes only if the service returns another value."""
    inputs = replace(state.inputs, description=info.description)
    if info.source and canonical_source(inputs.source) != canonical_source(info.source):
        inputs = replace(inputs, source=info.source)
    full = info.name if GeneratedName.parse(info.name).is_full else state.generated_name
    return State(
        inputs, full, info.status or state.status, info.status_reason, info.created_at or state.created_at
    )
