# ruff: noqa: D102 - `Step` documents `begin`, `apply` and `end`
"""Steps: one provider call each, with its effect on the state.

A step is planned (`planner`), announced, begun in the journal, applied, shown and ended in the journal, in this
order, as in the real engine.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from . import urns, values
from .errors import StepFailed
from .host import Change, Hosts
from .resources import Resource
from .state import Journal


@dataclass(frozen=True)
class World:
    """What steps act on: the hosts of providers, and whether this is only a preview.

    `say`: shows a message, as `Events.say` does.
    """

    hosts: Hosts
    dry_run: bool
    say: Callable[..., None]


# What the journal calls an operation that it records before the provider is called, by the first word of the step's.
_RECORDED = {"create": "creating", "update": "updating", "delete": "deleting", "read": "reading"}
_RECORDED["discard"] = "deleting"


@dataclass(eq=False)
class Step:
    """One step; as it is, it does nothing: what is only shown, or dropped from the state.

    Attributes:
        keys, diffs, detailed: What caused a replacement, what changed, and how, by property path.
        logical: Whether it counts as a change of its own, and not as a part of one.
        failure: What an unfinished create, update or read reported of the resource, which exists nevertheless.
    """

    old: Resource | None
    new: Resource | None
    keys: list[str] = field(default_factory=list)
    diffs: list[str] = field(default_factory=list)
    detailed: dict[str, Change] | None = None
    op: str = "same"
    logical: bool = True
    failure: StepFailed | None = None

    @property
    def resource(self) -> Resource:
        """The resource the step is about: the new one if there is one."""
        resource = self.new or self.old
        assert resource is not None
        return resource

    @property
    def urn(self) -> str:
        """The URN that the step is announced under."""
        return self.resource.urn

    @property
    def internal(self) -> bool:
        """Whether the display leaves this step out."""
        return urns.is_default_provider(self.urn)

    @property
    def settles(self) -> bool:
        """Whether the record of the old resource goes when this has succeeded."""
        return False

    @property
    def _recorded(self) -> str:
        return _RECORDED.get(self.op.split("-")[0], "")

    def begin(self, journal: Journal) -> None:
        """Record the operation before the provider is called."""
        if self._recorded:
            journal.begin(self.resource, self._recorded)

    def apply(self, world: World) -> None:
        """Carry it out.

        Raises:
            StepFailed: The provider failed, and there is no resource.
        """

    def end(self, journal: Journal, *, lasting: bool) -> None:
        """Record the result; `lasting` is false if a failure has changed nothing."""
        if self._recorded or self.settles:
            new = self.new if lasting else None
            journal.end(self.resource, new=new, done=self.old if lasting and self.settles else None)

    def _settle(self, failed: StepFailed) -> None:
        """Use what an unfinished create, update or read reported.

        Raises:
            StepFailed: It reported no resource.
        """
        if failed.reasons is None:
            raise failed
        new = self.resource
        new.id, new.outputs, new.init_errors = failed.id, dict(failed.outputs), list(failed.reasons)
        self.failure = failed


class Same(Step):
    """Nothing to do: id and outputs stay, the rest is what the program declares now."""

    settles = True

    def apply(self, world: World) -> None:
        assert self.old is not None
        new = self.resource
        new.id, new.outputs = self.old.id, self.old.outputs
        if new.is_provider:
            world.hosts.declare(new)


@dataclass(eq=False)
class Create(Step):
    """A new resource, or the new one of a replacement (then not `logical`: the step `replace` counts).

    The old one of a replacement is deleted at the end.
    """

    op: str = "create"

    def apply(self, world: World) -> None:
        new = self.resource
        new.id, new.outputs = "", dict(new.inputs) if new.custom else {}
        if new.is_provider:
            new.id = str(uuid.uuid4())
            world.hosts.declare(new)
        # This kind of host cannot say in a preview which outputs will be there.
        elif new.custom and not world.dry_run:
            try:
                new.id, new.outputs = world.hosts.of(new).create(new)
            except StepFailed as failed:
                self._settle(failed)
        if self.old is not None:
            self.old.delete = True


@dataclass(eq=False)
class Update(Step):
    """A change in place; it also continues an unfinished create whose inputs have not changed."""

    op: str = "update"
    settles = True

    def apply(self, world: World) -> None:
        old, new = self.old, self.resource
        assert old is not None
        new.id = old.id
        new.outputs = dict(new.inputs) if new.custom else {}
        if new.is_provider:
            world.hosts.declare(new)
        elif new.custom and not world.dry_run:
            try:
                new.outputs = world.hosts.of(new).update(old, new)
            except StepFailed as failed:
                self._settle(failed)
                new.inputs = dict(old.inputs)


@dataclass(eq=False)
class Delete(Step):
    """Delete a resource."""

    op: str = "delete"
    settles = True

    def __post_init__(self) -> None:
        if self.resource.external:
            # A resource that this stack does not own is only removed from the state.
            self.op = self.op.replace("delete", "discard")

    def apply(self, world: World) -> None:
        old = self.resource
        spared = old.external or old.retain_on_delete or old.is_provider
        if old.custom and not (world.dry_run or spared):
            world.hosts.of(old).delete(old)


@dataclass(eq=False)
class Read(Step):
    """`get`: record a resource that this stack does not own; not `logical` in place of one that it owns."""

    op: str = "read"

    @property
    def settles(self) -> bool:
        """What this stack owned is deleted at the end."""
        return self.logical

    def apply(self, world: World) -> None:
        new, asked = self.resource, self.resource.id
        if asked == values.UNKNOWN_TEXT:
            new.outputs = {}
            return
        # The host's answer always holds `__provider`, so what is gone counts as found, as in the real engine.
        try:
            new.id, new.outputs, _ = world.hosts.of(new).read(new.urn, new, new.inputs)
        except StepFailed as failed:
            self._settle(failed)
        new.id = new.id or asked
        if self.old is not None:
            self.old.delete = self.old.delete or not self.logical


@dataclass(eq=False)
class Refresh(Step):
    """Read the live values; `outcome` is the result.

    `logical`: nothing else is done to the resource in this operation, so that a reader sees the outcome.
    `declared`: the resource as the program declares it, if the program runs first: it is read and recorded under that
    URN.
    """

    op: str = "refresh"
    logical: bool = False
    declared: Resource | None = None
    outcome: str = "same"

    @property
    def resource(self) -> Resource:
        """The resource under its present URN."""
        return self.new or self._asked

    @property
    def _asked(self) -> Resource:
        asked = self.declared or self.old
        assert asked is not None
        return asked

    @property
    def settles(self) -> bool:
        """Without the program, everything that was read is recorded at once."""
        return self.declared is not None

    @property
    def internal(self) -> bool:
        """If the program runs, the display shows only what is read."""
        asked = self._asked
        return super().internal or (self.declared is not None and (asked.is_provider or not asked.custom))

    def apply(self, world: World) -> None:
        old = self.old
        assert old is not None
        if not old.custom or old.is_provider:
            self.new = old
            if self.declared is not None:
                # The real engine reports this too, although nothing was read.
                self.new, self.outcome = copy.copy(old), "update"
            return
        id_, outputs, inputs, errors = self._read(world, old)
        if not id_:
            self.outcome, self.new = "delete", None
            return
        self.new = new = copy.copy(self._asked)
        new.id, new.outputs, new.init_errors = id_, outputs, errors
        new.inputs = old.inputs if inputs is None else inputs
        self._compare(world, old, new)

    def _read(
        self, world: World, old: Resource
    ) -> tuple[str, values.Properties, values.Properties | None, list[str]]:
        try:
            return *world.hosts.of(self._asked).read(self.urn, old, old.outputs), []
        except StepFailed as failed:
            if failed.reasons is None:
                raise
            text = "\n* ".join(["Refreshed resource is in an unhealthy state:", *failed.reasons])
            world.say(text, severity="warning", urn=self.urn)
            return failed.id, dict(failed.outputs), failed.inputs, failed.reasons

    def _compare(self, world: World, old: Resource, new: Resource) -> None:
        if old.external:
            self.outcome = "update" if new.outputs != old.outputs else "same"
            return
        # The diff of a program run on the live values, with old and new exchanged.
        diff = world.hosts.of(self._asked).diff(new.urn, new, old.inputs)
        self.diffs, self.keys = diff.diffs, diff.replaces
        self.outcome = "update" if diff.changes else "same"
