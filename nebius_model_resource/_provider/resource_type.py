"""What every resource type does in the same way, from its table of properties."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from nebius_model_resource._provider import messages
from nebius_model_resource._provider.account import Account, account_of
from nebius_model_resource._provider.calls import Call, Changes, Checked, Found, Operation, change_kind
from nebius_model_resource._provider.listing import Collection, SharedList
from nebius_model_resource._provider.properties import State, Table, may_hold_a_credential
from nebius_model_resource._service.retry import Deadline
from nebius_model_resource._service.settings import Configuration, Lookup
from nebius_model_resource._service.types import ERROR
from nebius_model_resource.errors import AccessDenied, ConfigurationError, Fault, Missing, NebiusError


class ResourceType(ABC):
    """The resources of one type in one provider process; safe to share between threads.

    Property bags have the names of the Python resource, whatever the language of the program.

    Attributes:
        table: the properties.
        collection: where the service has the resources.
        waiting: the methods that may take long; the others are quick, or share one read of a list.
        default_seconds: how long a create or update may take without ``custom_timeouts``; all else has ten minutes.
    """

    table: ClassVar[Table]
    collection: ClassVar[Collection[Any]]
    waiting: ClassVar[frozenset[str]]
    default_seconds: ClassVar[float]

    def __init__(self, lookup: Lookup) -> None:
        """Nothing is sent, and nothing is read, before the first operation.

        Args:
            lookup: the account's configuration, by its full keys.
        """
        self.configuration = Configuration(lookup, default_base_url=self.collection.base_url)
        # What this process did in this run: it never knows which other stack owns a model.
        self.adopted: dict[str, Any] = {}  # by key, what the service reports
        self._read: dict[str, str] = {}  # by URN: the key of what `get` reads there
        self._found_any = False

    # What a resource type adds to what is here.

    @abstractmethod
    def examine(
        self, call: Call, olds: Mapping[str, Any], inputs: dict[str, Any], faults: list[Fault]
    ) -> list[Fault]:
        """What else is wrong with the inputs, besides the faults found so far; may add inputs, and warn."""

    def examine_live(self, _call: Call, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> Changes:
        """What a resource needs though its inputs have not changed; one that is complete needs nothing."""
        return Changes({})

    @abstractmethod
    def create(self, call: Call, props: dict[str, Any]) -> Found:
        """Create the resource, or adopt it."""

    @abstractmethod
    def update(self, call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        """Continue a create that did not finish, or change what can change in place; returns the outputs."""

    @abstractmethod
    def import_(self, call: Call, id_: str) -> Found | None:
        """Take an existing resource into the state with the inputs that declare it; None if there is none."""

    @abstractmethod
    def seen(self, state: State, info: Any) -> State:
        """A state with what the service reports."""

    def complete(self, _inputs: dict[str, Any]) -> None:
        """Add the inputs that the provider gives itself."""
        return

    def is_new(self, _state: State) -> bool:
        """Whether reads may not show a resource yet."""
        return False

    def is_settled(self, _state: State) -> bool:
        """Whether an `up` may leave a resource of the state alone, though it is not ready."""
        return True

    def not_as_declared(self, _state: State) -> str | None:
        """Why a resource that was read is not what is declared, though its inputs are; None if it is."""
        return None

    # What all have in common.

    def check(self, call: Call, olds: dict[str, Any], news: dict[str, Any]) -> Checked:
        """Report every fault of every property, and fill in the configured project."""
        names = (*self.table.inputs, "import_id")
        inputs = {name: news[name] for name in names if news.get(name) not in (None, "")}
        faults = self.table.faults(news) + self.configuration_faults
        if not self.configuration_faults and self.project:
            inputs.setdefault("ai_project_id", self.project)
        faults += self.examine(call, olds, inputs, faults)
        return Checked(inputs, [self._failure(call, news, fault) for fault in faults])

    @staticmethod
    def _failure(call: Call, news: Mapping[str, Any], fault: Fault) -> tuple[str, str]:
        """A fault as the engine takes it: it shows the value of a property that is named, even a secret one (3.260)."""
        name = fault.property
        hidden = name in call.secrets or may_hold_a_credential(news.get(name))
        if name == "import_" or hidden:
            return "", f"`{name}`: {fault.reason}"
        return name, fault.reason

    def diff(self, call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> Changes:
        """Name just the inputs that changed; those that the service cannot change need a new resource."""
        old, new = self.table.inputs_of(olds), self.table.inputs_of(news)
        if adopted := self.adopted.get(self.key(id_)):
            # An import has only what the service reports: where it reports nothing, the declared value counts.
            old = {**old, **self.table.live(new, adopted)}
        changed = self.table.changed(old, new)
        # The engine replaces nothing that it has just imported: a difference ends the run and changes nothing.
        table = [self.table.inputs[name] for name in changed]
        replaces = [each.name for each in table if each.replaces or (adopted and each.sent)]
        found = Changes({}) if replaces else self.examine_live(call, id_, olds, news)
        if found.kinds or not changed:
            return found
        return Changes({name: change_kind(olds.get(name), news.get(name)) for name in changed}, replaces)

    @cached_property
    def project(self) -> str | None:
        """The configured project; None for the key's own."""
        return self.configuration.project()

    @cached_property
    def configuration_faults(self) -> list[Fault]:
        """What is wrong with the account's settings."""
        faults, given = [], self.configuration
        for read in (given.project, given.key, given.base_url, given.preflight):
            try:
                read()
            except ConfigurationError as error:
                faults.append(Fault("", str(error)))
        return faults

    def account(self) -> Account:
        """The account, with its client.

        Raises:
            ConfigurationError: no key, or an unusable base URL.
        """
        return account_of(self.configuration.settings())

    def operation(self, call: Call, seconds: float = 600.0) -> Operation:
        """The operation that a call stands for: its deadline, its pauses and its progress."""
        clock = self.account().client.clock
        deadline = Deadline.after(call.timeout or seconds, clock, call.sleep, call.interrupted)
        return Operation(deadline, call.progress, call.warn)

    def read(self, call: Call, id_: str, props: dict[str, Any]) -> Found | None:
        """Read what is live; None if it does not exist any more."""
        operation, project = self.operation(call), props.get("ai_project_id") or self.project
        if next(iter(self.table.outputs)) not in props:  # a `get`
            live = self.existing(id_, project, operation)
            self._read[call.urn] = self.key(live.id)
            return self.as_read(call, live)
        found = self.live(self.table.state_of(id_, props), operation)
        if found is None:
            if not self._found_any:
                call.warn(messages.nothing_found(id_, self.noun, self.configuration))
            return None
        self._found_any = True
        # What a `get` reads has no inputs.
        if call.recorded is not None and call.recorded.isdisjoint(self.table.required):
            return self.as_read(call, found)
        # A default that the program does not give is no input: it would show as drift.
        inputs = {
            name: value
            for name, value in found.inputs.items()
            if call.recorded is None or name in call.recorded or self.table.inputs[name].default in (None, "")
        }
        return self.found(call, found, inputs)

    def found(self, call: Call, live: State, inputs: dict[str, Any]) -> Found:
        """A resource that the stack owns; the engine warns of one that is not as declared, and keeps what was read."""
        reason = self.not_as_declared(live)
        if reason and call.keep(reason, live.id, live.bag(), inputs):
            call.fail(reason)
        return Found(live.id, live.bag(), inputs)

    def as_read(self, call: Call, live: State) -> Found:
        """A resource that the stack does not own: it has no inputs, or a preview would show them as removed."""
        if warning := self.status_warning(live):
            call.warn(warning)
        return Found(live.id, live.bag())

    def status_warning(self, state: State) -> str | None:
        """What is wrong with an existing resource; None if nothing is."""
        return messages.failure(state, self.noun) if state.status == ERROR else None

    def delete(self, call: Call, id_: str, props: dict[str, Any]) -> None:
        """Delete the resource; succeed if it does not exist any more.

        What this run has adopted with an import, or what the same resource now reads with ``get``, is not deleted.
        """
        if self.key(id_) in self.adopted:
            call.note(f"not deleted: {id_!r} was adopted in this run")
        elif call.urn and self._read.get(call.urn) == self.key(id_):
            call.note(f"not deleted: this resource now reads {id_!r} with `get`")
        else:
            self.remove(self.table.state_of(id_, props), self.operation(call))

    # The service.

    @property
    def noun(self) -> str:
        """What a resource is called in messages."""
        return self.collection.noun

    def key(self, id_: str) -> str:
        """What all ids of one thing have in common."""
        return self.collection.key(id_)

    def things(self, project: str | None) -> SharedList[Any]:
        """The list of a project."""
        return self.account().things(self.collection, project)

    def find(self, id_: str, project: str | None, operation: Operation) -> Any:
        """What the service reports under an id; None if there is nothing that the key may see."""
        things = self.things(project)
        try:
            return things.look_up(id_, operation.deadline)
        except AccessDenied as error:
            # The list was read and lacks it: then the service's 403 for a name is its 404.
            if error.status == 403 and not things.recent(operation.deadline).failure:
                return None
            raise

    def existing(self, id_: str, project: str | None, operation: Operation) -> State:
        """A resource that no state knows, with the inputs that the service reports.

        Raises:
            Missing: there is none that the key may see.
        """
        info = self.find(id_, project, operation)
        if info is None:
            raise Missing(self.noun, id_)
        return self.state_from(info, {"ai_project_id": project})

    def state_from(self, info: Any, declared: Mapping[str, Any]) -> State:
        """The state of what the service reports; where it reports nothing, the declared values count."""
        inputs = self.table.live(self.table.inputs_of(declared), info)
        self.complete(inputs)
        return self.seen(State(self.collection.id_of(info), inputs), info)

    def live(self, state: State, operation: Operation) -> State | None:
        """The live state of a resource; None if it does not exist any more."""
        # It is nobody's lost one, though the list that a create reads before its POST may not show it yet.
        self.account().creator.taken.add(self.key(state.id))
        things = self.things(state.inputs.get("ai_project_id") or self.project)
        info = things.look_up(state.id, operation.deadline)
        if info is None:
            return state if self.is_new(state) else None
        return replace(self.seen(state, info), inputs=self.table.live(state.inputs, info))

    def remove(self, state: State, operation: Operation) -> None:
        """Delete a resource; succeed if it does not exist any more."""
        things = self.things(state.inputs.get("ai_project_id"))
        things.delete(state.id, operation.deadline, lambda: self.is_new(state))


@contextmanager
def explained(call: Call, method: str, configuration: Configuration, noun: str) -> Iterator[None]:
    """Turn each of our errors into one message of the engine's.

    Args:
        call: the call.
        method: the provider's method, such as ``"create"``.
        configuration: where the settings of the account are set.
        noun: what a resource of the type is called.
    """
    try:
        yield
    except NebiusError as error:
        call.fail(messages.explain(error, method, configuration, call.urn, noun))
    except Exception:
        if call.failed:
            raise
        call.fail(messages.bug(traceback.format_exc()))
