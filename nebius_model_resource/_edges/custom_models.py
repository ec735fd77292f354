"""What a provider decides about one ``CustomModel``, whichever edge the engine calls."""

from __future__ import annotations

import threading
import traceback
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from pulumi.runtime.rpc import UNKNOWN

from nebius_model_resource._api import settings
from nebius_model_resource._api.models import (
    ACTIVE,
    DELETED,
    ERROR,
    VALIDATING,
    Fault,
    GeneratedName,
    Inputs,
    ModelInfo,
    State,
    changed_inputs,
    whole_number,
)
from nebius_model_resource._edges import messages
from nebius_model_resource._edges.account import Account
from nebius_model_resource._edges.bags import INPUTS, change_kind, input_bag, inputs_of, output_bag, state_of
from nebius_model_resource._edges.call import Call
from nebius_model_resource._edges.results import Changes, Checked, Found, failure
from nebius_model_resource._lifecycle.validation import find_faults
from nebius_model_resource.errors import (
    NebiusError,
    Unfinished,
    ValidationFailed,
)

if TYPE_CHECKING:
    from nebius_model_resource._lifecycle.lifecycle import Lifecycle
    from nebius_model_resource._lifecycle.operation import Operation
    from nebius_model_resource._lifecycle.preflight import Preflight


class CustomModels(Account):
    """Decides about the models of one provider process; safe to share between threads.

    Property bags have the names of the Python resource, whatever the edge calls them.
    """

    waiting = frozenset({"create", "update", "delete"})  # the others are quick, or share one read of the list

    def __init__(self, lookup: settings.Lookup) -> None:
        super().__init__(lookup)
        self._lock = threading.Lock()
        self._lifecycle: Lifecycle | None = None
        # What this process did in this run, by short name: it never knows which other stack owns a model.
        self._adopted: set[str] = set()
        self._read: dict[str, str] = {}  # by URN
        self._found_any = False
        self._replaced: dict[str, str] = {}  # by URN: the status to show where a model is replaced for it
        self._secrets: dict[str, frozenset[str]] = {}  # by URN: what no message may repeat

    def check(self, call: Call, olds: dict[str, Any], news: dict[str, Any]) -> Checked:
        """Report every fault of every property, and fill in the configured project."""
        inputs = {name: news[name] for name in INPUTS if news.get(name) not in (None, "")}
        secrets = self._secrets[call.urn] = frozenset(news.get("secret_inputs") or ())
        faults = find_faults(news, UNKNOWN, secrets)
        faults += self.project_faults(call, inputs, secrets) + self.configuration_faults
        if olds.get("base_model"):
            # Only a create adopts: the state is the same as after any other create.
            inputs.pop("import_id", None)
        elif not faults:
            faults = self._adoption_faults(call, replace(inputs_of(inputs), secrets=secrets))
            if not faults and "import_id" not in inputs:
                self._warn_of_unknowns(call, replace(inputs_of(inputs), secrets=secrets))
            if status := self._replaced.get(call.urn):
                # The engine takes the new value of any change from the inputs; nothing else reads it there.
                inputs["status"] = status
        return Checked(inputs, [failure(fault) for fault in faults])

    def diff(self, call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> Changes:
        """Name just the inputs that changed: each needs a new model, created before the old one is deleted."""
        old, new = inputs_of(olds), inputs_of(news)
        self._replaced.pop(call.urn, None)  # a refresh of the same run may have found another reason
        if changed := changed_inputs(old, new):
            kinds = {name: change_kind(olds.get(name), news.get(name)) for name in changed}
            return Changes(kinds, replaces=True)
        if olds.get("status") != ACTIVE and (diff := self._status_diff(call, state_of(id_, olds), new)):
            return diff
        same = news.get("wait_for_active") == UNKNOWN or old.wait_for_active == new.wait_for_active
        kinds = {} if same else {"wait_for_active": "UPDATE"}
        return Changes(kinds)

    def _status_diff(self, call: Call, state: State, new: Inputs) -> Changes | None:
        """What a model needs that was not active when it was last read; None if nothing."""
        live = self._live(call, state)
        if warning := messages.status_warning(live) if live else messages.gone(state.generated_name):
            call.warn(warning)
        if live and live.status != ERROR:
            return None
        if live and not new.wait_for_active:
            # Its update fails and says why: creating a new model each time would hide that none ever works.
            return Changes({}, updates=True)
        status = live.status if live else DELETED
        if call.urn:
            self._replaced[call.urn] = status if status != state.status else ACTIVE
        return Changes({"status": "UPDATE"}, replaces=True, of_inputs=False)

    def _live(self, call: Call, state: State) -> State | None:
        """What is known of a model by now; None if it does not exist any more."""
        if state.status == ERROR:  # final
            return state
        try:
            return self.lifecycle().read(state, self.operation(call))
        except NebiusError:
            return state

    def create(self, call: Call, props: dict[str, Any]) -> Found:
        """Create or adopt the model, and wait until it is active."""
        inputs = replace(inputs_of(props), secrets=self._secrets.get(call.urn, frozenset()))
        try:
            state = self.lifecycle().create(inputs, self.operation(call))
        except (Unfinished, ValidationFailed) as error:
            self._keep(call, inputs, error)
        if inputs.import_id:
            self._adopted.add(GeneratedName.parse(state.generated_name).short)
        return Found(state.generated_name, output_bag(state))

    def read(self, call: Call, id_: str, props: dict[str, Any]) -> Found | None:
        """Read what is live; None if the model does not exist any more."""
        operation = self.operation(call)
        if "status" not in props:
            return self._get(call, id_, props, operation)
        live = self.lifecycle().read(state_of(id_, props), operation)
        if live is None:
            if not self._found_any:
                call.warn(messages.nothing_found(id_, places=self.places))
            return None
        self._found_any = True
        if call.recorded is not None and "base_model" not in call.recorded:  # what `CustomModel.get` reads
            return self._as_read(call, live)
        outputs, inputs = output_bag(live), input_bag(live.inputs)
        reason = messages.unready(live)
        if reason and call.keep(reason, live.generated_name, outputs, inputs):
            call.fail(reason)  # the engine warns, and keeps what was read
        return Found(live.generated_name, outputs, inputs)

    def update(self, call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        """Continue to wait for a model whose create did not finish, or change ``wait_for_active``."""
        state = State(
            inputs_of(news),
            id_,
            olds.get("status", VALIDATING),
            created_at=whole_number(olds.get("created_at")),
        )
        try:
            state = self.lifecycle().resume(state, self.operation(call))
        except (Unfinished, ValidationFailed) as error:
            self._keep(call, state.inputs, error, may_delete=False)
        return output_bag(state)

    def delete(self, call: Call, id_: str, props: dict[str, Any]) -> None:
        """Delete the model; succeed if it does not exist any more.

        A model that this run has adopted with an import, or that the same resource now reads with ``get``, is not
        deleted.
        """
        short = GeneratedName.parse(id_).short
        if short in self._adopted:
            call.note(f"not deleted: {id_!r} was adopted in this run")
            return
        if call.urn and self._read.get(call.urn) == short:
            call.note(f"not deleted: this resource now reads {id_!r} with `CustomModel.get`")
            return
        self.lifecycle().delete(state_of(id_, props), self.operation(call))

    def lifecycle(self) -> Lifecycle:
        """The operations on the account's models, created on first use."""
        with self._lock:
            if self._lifecycle is None:
                from nebius_model_resource._lifecycle.guardian import Guardian
                from nebius_model_resource._lifecycle.lifecycle import Lifecycle

                client = self.client()
                self._lifecycle = Lifecycle(client, notes=Guardian(client.connection.settings))
            return self._lifecycle

    @cached_property
    def _preflight(self) -> Preflight:
        from nebius_model_resource._lifecycle.preflight import Preflight

        return Preflight(self.files())

    def _keep(
        self,
        call: Call,
        inputs: Inputs,
        error: Unfinished | ValidationFailed,
        *,
        may_delete: bool = True,
    ) -> NoReturn:
        """Fail and record the existing model in the state; if the host cannot do that, delete it."""
        state = error.state
        if state is None:
            call.fail(messages.not_created(inputs.name, error))
        message = messages.not_ready(error, call.urn, self.places)
        try:
            recorded = call.keep(message, state.generated_name, output_bag(state))
        except Exception:  # noqa: BLE001 - a bug of ours must not delete a model
            call.fail(messages.bug(traceback.format_exc(), state.generated_name, self.places))
        if not recorded and may_delete:
            message = self._delete_again(call, inputs.name, error, state)
        call.fail(message)

    def _delete_again(self, call: Call, name: str, error: NebiusError, state: State) -> str:
        """Delete a model that this host cannot record; returns the message."""
        try:
            self.lifecycle().delete(state, self.operation(call))
        except NebiusError as failure:
            return messages.orphaned(state.generated_name, error, failure)
        return messages.deleted_again(name, error)

    def _get(self, call: Call, id_: str, props: dict[str, Any], operation: Operation) -> Found:
        """Serve ``CustomModel.get``: all that the service reports."""
        project = props.get("ai_project_id") or self.project
        info = self.lifecycle().find(id_, project, operation)
        if info is None:
            call.fail(f"there is no model {id_!r} at the service: `nebius-models list` shows what there is")
        self._read[call.urn] = GeneratedName.parse(info.name).short
        return self._as_read(call, _state_from(info, project))

    def import_(self, call: Call, id_: str) -> Found | None:
        """Take an existing model into the state with the inputs that declare it; None if there is none."""
        info = self.lifecycle().find(id_, self.project, self.operation(call))
        if info is None:
            return None
        live = _state_from(info, self.project)
        if not (live.inputs.base_model and live.inputs.source):
            call.fail(f"the service does not report what {info.name!r} was created from: read it with `get`")
        self._adopted.add(GeneratedName.parse(live.generated_name).short)
        outputs, inputs = output_bag(live), input_bag(live.inputs)
        del inputs["wait_for_active"]  # the default
        reason = messages.unready(live)
        if reason and call.keep(reason, live.generated_name, outputs, inputs):
            call.fail(reason)
        return Found(live.generated_name, outputs, inputs)

    @staticmethod
    def _as_read(call: Call, live: State) -> Found:
        """A model that the stack does not own: it has no inputs, or a preview would show them as removed."""
        if warning := messages.status_warning(live):
            call.warn(warning)
        return Found(live.generated_name, output_bag(live))

    def _warn_of_unknowns(self, call: Call, inputs: Inputs) -> None:
        """Show what the service does not know of a model that is about to be created."""
        if settings.preflight(self._lookup):
            for warning in self._preflight.warnings(inputs, UNKNOWN):
                call.warn(warning)

    def _adoption_faults(self, call: Call, inputs: Inputs) -> list[Fault]:
        """What prevents a declared adoption, so that the preview shows it."""
        from nebius_model_resource._lifecycle.adoption import missing

        name, project = inputs.import_id, inputs.ai_project_id
        if not name or UNKNOWN in (name, project):
            return []
        models = self.lifecycle()
        info = models.find(name, project, self.operation(call))
        if info is None:
            return [missing(name)]
        faults = models.adoption_faults(inputs, info, UNKNOWN)
        if not faults:
            call.progress(f"adopts {info.name}: nothing will be created")
        return faults


def _state_from(info: ModelInfo, project: str | None) -> State:
    """A model that no state knows, with the inputs that the service reports."""
    from nebius_model_resource._lifecycle.lifecycle import live_state

    name = GeneratedName.parse(info.name)
    inputs = Inputs(name.custom, name.base or info.base_model or "", info.source or "", ai_project_id=project)
    return live_state(State(inputs, info.name, info.status or ""), info)
