"""What the provider does inside the host: property bags in, property bags out, and nothing else.

A thin edge on ``lifecycle.py``; another one, such as a native plugin's, can stand beside it.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    UpdateResult,
)
from pulumi.output import Unknown
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
    State,
    changed_inputs,
    whole_number,
)
from nebius_model_resource._edges import messages
from nebius_model_resource._edges.bags import INPUTS, change_kind, input_bag, inputs_of, output_bag, state_of
from nebius_model_resource._edges.dynamic.call import DetailedDiff, HostCall, serve
from nebius_model_resource._lifecycle.validation import find_faults
from nebius_model_resource.errors import (
    ConfigurationError,
    EngineGone,
    NebiusError,
    Unfinished,
    ValidationFailed,
)

if TYPE_CHECKING:
    from nebius_model_resource._lifecycle.lifecycle import Lifecycle
    from nebius_model_resource._lifecycle.operation import Operation

_WAITING = ("create", "update", "delete")  # the others are quick, or share one read of the list
_T = TypeVar("_T")


def _served(method: Callable[..., _T]) -> Callable[..., _T]:
    """Give a method the engine's call, and turn each of our errors into one message of the engine's."""

    @wraps(method)
    def served(self: DynamicEdge, *args: Any) -> _T:
        with serve(waits=method.__name__ in _WAITING) as call:
            try:
                return method(self, call, *map(_with_placeholders, args))
            except NebiusError as error:
                call.fail(messages.told(error, method.__name__, call.urn, self._places))
            except Exception:
                if call.failed:
                    raise
                call.fail(messages.bug(traceback.format_exc()))

    return served


def _with_placeholders(argument: Any) -> Any:
    """A property bag in which what is not known yet is the SDK's text for it, as the engine sent it."""
    if not isinstance(argument, dict):
        return argument
    return {name: UNKNOWN if isinstance(value, Unknown) else value for name, value in argument.items()}


class DynamicEdge:
    """Checks, compares, makes, reads and deletes custom models for one host process; safe to share between threads."""

    def __init__(self, lookup: settings.Lookup) -> None:
        """Nothing is sent, and nothing asked for, before the first operation.

        Args:
            lookup: the stack's configuration, by its full keys.
        """
        self._lookup = lookup
        self._places = settings.places_of(lookup)
        self._lock = threading.Lock()
        self._lifecycle: Lifecycle | None = None
        # What this host did in this run, by short name: it never knows who else holds a model.
        self._adopted: set[str] = set()
        self._read: dict[str, str] = {}  # by URN
        self._found_any = False
        self._replaced: dict[str, str] = {}  # by URN: the status to show where a model is replaced for it
        self._secrets: dict[str, frozenset[str]] = {}  # by URN: what no message may repeat

    @_served
    def check(self, call: HostCall, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Every fault of every property; the project filled in from the configuration."""
        inputs = {name: news[name] for name in INPUTS if news.get(name) not in (None, "")}
        secrets = self._secrets[call.urn] = frozenset(news.get("secret_inputs") or ())
        faults = find_faults(news, UNKNOWN, secrets)
        faults += self._settle_project(call, inputs, secrets) + self._configuration_faults
        if olds.get("base_model"):
            # Heeded by create alone: the state is as if the model had been made here.
            inputs.pop("import_id", None)
        elif not faults:
            faults = self._adoption_faults(call, replace(inputs_of(inputs), secrets=secrets))
            if status := self._replaced.get(call.urn):
                # The engine shows the new value of any change out of the inputs; nothing else reads it there.
                inputs["status"] = status
        return CheckResult(inputs, [_failure(fault) for fault in faults])

    @_served
    def diff(self, call: HostCall, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Name just the inputs that changed: each needs a new model, made before the old one goes."""
        old, new = inputs_of(olds), inputs_of(news)
        self._replaced.pop(call.urn, None)  # a refresh of the same run may have found another reason
        if changed := changed_inputs(old, new):
            kinds = {name: change_kind(olds.get(name), news.get(name)) for name in changed}
            return DetailedDiff(kinds, replaces=True)
        if olds.get("status") != ACTIVE and (diff := self._status_diff(call, state_of(id_, olds), new)):
            return diff
        same = news.get("wait_for_active") == UNKNOWN or old.wait_for_active == new.wait_for_active
        kinds = {} if same else {"wait_for_active": "UPDATE"}
        return DetailedDiff(kinds, replaces=False)

    def _status_diff(self, call: HostCall, state: State, new: Inputs) -> DiffResult | None:
        """What a model asks for that was not active when it was last read; None where that is nothing."""
        live = self._live(call, state)
        if warning := messages.status_warning(live) if live else messages.gone(state.generated_name):
            call.warn(warning)
        if live and live.status != ERROR:
            return None
        if live and not new.wait_for_active:
            # Its update fails and says why: a new model each time would hide that none ever works.
            return DetailedDiff({}, replaces=False, changes=True)
        status = live.status if live else DELETED
        if call.urn:
            self._replaced[call.urn] = status if status != state.status else ACTIVE
        return DetailedDiff({"status": "UPDATE"}, replaces=True, of_inputs=False)

    def _live(self, call: HostCall, state: State) -> State | None:
        """What is known of a model by now; None where it is gone."""
        if state.status == ERROR:  # for good
            return state
        try:
            return self._models().read(state, self._operation(call))
        except NebiusError:
            return state

    @_served
    def create(self, call: HostCall, props: dict[str, Any]) -> CreateResult:
        """Make the model and wait until it is active."""
        inputs = replace(inputs_of(props), secrets=self._secrets.get(call.urn, frozenset()))
        try:
            state = self._models().create(inputs, self._operation(call))
        except (Unfinished, ValidationFailed) as error:
            self._keep(call, inputs, error)
        if inputs.import_id:
            self._adopted.add(GeneratedName.parse(state.generated_name).short)
        return CreateResult(state.generated_name, output_bag(state))

    @_served
    def read(self, call: HostCall, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read what is live; a model that is gone leaves the state."""
        operation = self._operation(call)
        if "status" not in props:
            return self._get(call, id_, props, operation)
        live = self._models().read(state_of(id_, props), operation)
        if live is None:
            if not self._found_any:
                call.warn(messages.nothing_found(id_))
            return ReadResult(None, {}, {})
        self._found_any = True
        if call.recorded is not None and "base_model" not in call.recorded:  # what `CustomModel.get` reads
            return self._as_read(call, live)
        outputs, inputs = output_bag(live), input_bag(live.inputs)
        reason = messages.unready(live)
        if reason and call.keep(reason, live.generated_name, outputs, inputs):
            call.fail(reason)  # the engine warns, and keeps what was read
        return ReadResult(live.generated_name, outputs, inputs)

    @_served
    def update(self, call: HostCall, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Go on waiting for a model whose create did not finish, or take a changed ``wait_for_active`` over."""
        state = State(
            inputs_of(news),
            id_,
            olds.get("status", VALIDATING),
            created_at=whole_number(olds.get("created_at")),
        )
        try:
            state = self._models().resume(state, self._operation(call))
        except (Unfinished, ValidationFailed) as error:
            self._keep(call, state.inputs, error, may_delete=False)
        return UpdateResult(output_bag(state))

    @_served
    def delete(self, call: HostCall, id_: str, props: dict[str, Any]) -> None:
        """Delete the model; one that is gone already is a success.

        A model that this run has adopted with ``import_``, or that this very resource now reads with ``get``, is
        left alone.
        """
        short = GeneratedName.parse(id_).short
        if short in self._adopted:
            call.note(f"not deleted: {id_!r} was adopted with `import_` in this run")
            return
        if call.urn and self._read.get(call.urn) == short:
            call.note(f"not deleted: this resource now reads {id_!r} with `CustomModel.get`")
            return
        self._models().delete(state_of(id_, props), self._operation(call))

    def _settle_project(self, call: HostCall, inputs: dict[str, Any], secrets: frozenset[str]) -> list[Fault]:
        """Fill the configured project in where the resource names none, and say what is odd about either."""
        given = inputs.get("ai_project_id")
        if given is None:
            try:
                if self._project:
                    inputs["ai_project_id"] = self._project
            except ConfigurationError as error:
                return [Fault("", str(error))]
            hint = settings.project_hint(self._lookup)
        else:
            shown = isinstance(given, str) and "ai_project_id" not in secrets
            hint = settings.odd_project(given, "ai_project_id") if shown else None
        if hint:
            call.warn(hint)
        return []

    @cached_property
    def _project(self) -> str | None:
        return settings.ai_project_id(self._lookup)

    @cached_property
    def _configuration_faults(self) -> list[Fault]:
        try:
            settings.load_settings(self._lookup)
        except ConfigurationError as error:
            return [Fault("", str(error))]
        return []

    def _models(self) -> Lifecycle:
        with self._lock:
            if self._lifecycle is None:
                from nebius_model_resource._api.client import NebiusClient
                from nebius_model_resource._lifecycle.guardian import Guardian
                from nebius_model_resource._lifecycle.lifecycle import Lifecycle

                loaded = settings.load_settings(self._lookup)
                self._lifecycle = Lifecycle(NebiusClient(loaded), notes=Guardian(loaded))
            return self._lifecycle

    @staticmethod
    def _operation(call: HostCall) -> Operation:
        from nebius_model_resource._api.deadline import Deadline
        from nebius_model_resource._lifecycle.lifecycle import DEFAULT_SECONDS
        from nebius_model_resource._lifecycle.operation import Operation, Report

        def sleep(seconds: float) -> None:
            if call.gone.wait(seconds):
                raise EngineGone("the engine is gone")

        deadline = Deadline.after(call.timeout or DEFAULT_SECONDS, sleep=sleep)
        return Operation(deadline, Report(call.progress, call.warn))

    def _keep(
        self,
        call: HostCall,
        inputs: Inputs,
        error: Unfinished | ValidationFailed,
        *,
        may_delete: bool = True,
    ) -> NoReturn:
        """Fail, with what exists recorded in the state; where the host cannot do that, delete it."""
        state = error.state
        if state is None:
            call.fail(messages.failed(inputs.name, error))
        message = messages.kept(error, call.urn, self._places)
        try:
            kept = call.keep(message, state.generated_name, output_bag(state))
        except Exception:  # noqa: BLE001 - a bug of ours is no reason to delete a model
            call.fail(messages.bug(traceback.format_exc(), state.generated_name))
        if not kept and may_delete:
            message = self._let_go(call, inputs.name, error, state)
        call.fail(message)

    def _let_go(self, call: HostCall, name: str, error: NebiusError, state: State) -> str:
        """Delete a model that this host cannot keep in the state; what to tell of it."""
        try:
            self._models().delete(state, self._operation(call))
        except NebiusError as failure:
            return messages.orphaned(state.generated_name, error, failure)
        return messages.let_go(name, error)

    def _get(self, call: HostCall, id_: str, props: dict[str, Any], operation: Operation) -> ReadResult:
        """Serve ``CustomModel.get``: all that the service tells, and nothing held."""
        from nebius_model_resource._lifecycle.lifecycle import live_state

        project = props.get("ai_project_id") or self._project
        info = self._models().existing(id_, project, operation)
        if info is None:
            call.fail(f"there is no model {id_!r} at the service: `nebius-models list` shows what there is")
        name = GeneratedName.parse(info.name)
        self._read[call.urn] = name.short
        inputs = Inputs(name.custom, name.base or "", info.source or "", ai_project_id=project)
        live = live_state(State(inputs, info.name, info.status or ""), info)
        return self._as_read(call, live)

    @staticmethod
    def _as_read(call: HostCall, live: State) -> ReadResult:
        """A model that the stack does not own: it has no inputs, or a preview would show them as taken away."""
        if warning := messages.status_warning(live):
            call.warn(warning)
        return ReadResult(live.generated_name, output_bag(live))

    def _adoption_faults(self, call: HostCall, inputs: Inputs) -> list[Fault]:
        """What keeps a declared adoption from happening, told at preview already."""
        from nebius_model_resource._lifecycle.adoption import missing

        name, project = inputs.import_id, inputs.ai_project_id
        if not name or UNKNOWN in (name, project):
            return []
        models = self._models()
        info = models.existing(name, project, self._operation(call))
        if info is None:
            return [missing(name)]
        faults = models.adoption_faults(inputs, info, UNKNOWN)
        if not faults:
            call.progress(f"adopts {info.name}: nothing will be created")
        return faults


def _failure(fault: Fault) -> CheckFailure:
    """A fault as the engine shows it; `import_` is an option, so that the engine knows no value to show of it."""
    if fault.property in ("import_", "import_id"):
        return CheckFailure("", f"`import_`: {fault.reason}")
    if fault.hidden:  # the engine (3.260) shows the value of a property that it is told, even a secret one
        return CheckFailure("", f"`{fault.property}`: {fault.reason}")
    return CheckFailure(fault.property, fault.reason)
