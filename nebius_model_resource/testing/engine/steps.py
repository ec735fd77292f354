# ruff: noqa: D102 - `Step` documents `begin`, `apply` and `end`
"""Steps: one provider call each, with its effect on the state.

A step is planned (`planner`), announced, begun in the journal, applied, shown and ended in the journal, in this
order, as in the real engine.
"""

from __future__ import annotations

import copy
import uuid
from dataclasses import dataclass, field, replace

from . import values
from .errors import StepFailed
from .host import Change
from .resources import Resource, now
from .state import Journal
from .world import World

_INVERTED = {
    "add": "delete",
    "delete": "add",
    "add-replace": "delete-replace",
    "delete-replace": "add-replace",
}


@dataclass(eq=False)
class Step:
    """One step. `keys` caused a replacement, `diffs` changed, `detailed` says how, by property path."""

    old: Resource | None
    new: Resource | None
    keys: list[str] = field(default_factory=list)
    diffs: list[str] = field(default_factory=list)
    detailed: dict[str, Change] | None = None
    op: str = ""
    logical: bool = True

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
        return self.resource.is_default_provider

    def begin(self, journal: Journal) -> None:
        """Record the operation before the provider is called."""

    def apply(self, world: World) -> None:
        """Carry it out.

        Raises:
            StepFailed: The provider failed; with `reasons` the resource exists nevertheless.
        """

    def end(self, journal: Journal, *, lasting: bool) -> None:
        """Record the result; `lasting` is false if a failure has changed nothing."""


@dataclass(eq=False)
class Same(Step):
    """Nothing to do: id and outputs stay, the rest is what the program declares now."""

    op: str = "same"

    def apply(self, world: World) -> None:
        assert self.old is not None
        assert self.new is not None
        self.new.id, self.new.outputs = self.old.id, self.old.outputs
        if self.new.is_provider:
            world.hosts.declare(self.new)

    def end(self, journal: Journal, *, lasting: bool) -> None:
        if lasting:
            journal.end(self.resource, new=self.new, done=self.old)


@dataclass(eq=False)
class Skip(Step):
    """A resource that the program declares and this operation neither creates nor records."""

    op: str = "same"


@dataclass(eq=False)
class Create(Step):
    """A new resource, or the new one of a replacement (then not `logical`: the `Replace` step counts)."""

    op: str = "create"
    retires: bool = False  # the old one is to be deleted at the end

    def begin(self, journal: Journal) -> None:
        journal.begin(self.resource, "create")

    def apply(self, world: World) -> None:
        new = self.resource
        failure: StepFailed | None = None
        try:
            new.id, new.outputs = self._create(world, new)
            if new.is_provider:
                world.hosts.declare(new)
        except StepFailed as failed:
            if failed.reasons is None:
                raise
            failure = _settle(new, failed)
        new.created = new.modified = now()
        if self.retires and self.old is not None:
            self.old.delete = True
        if failure is not None:
            raise failure

    def _create(self, world: World, new: Resource) -> tuple[str, values.Properties]:
        if not new.custom:
            return "", {}
        if new.is_provider:
            return values.UNKNOWN_TEXT if world.dry_run else str(uuid.uuid4()), dict(new.inputs)
        host = world.hosts.of(new)
        return ("", host.preview(new)) if world.dry_run else host.create(new)

    def end(self, journal: Journal, *, lasting: bool) -> None:
        replaced = self.old if self.old is not None and self.old.pending_replacement else None
        journal.end(self.resource, new=self.resource if lasting else None, done=replaced if lasting else None)


@dataclass(eq=False)
class Update(Step):
    """A change in place; it also continues an unfinished create whose inputs have not changed."""

    op: str = "update"

    def begin(self, journal: Journal) -> None:
        journal.begin(self.resource, "update")

    def apply(self, world: World) -> None:
        old, new = self.old, self.resource
        assert old is not None
        new.id, new.created, new.modified = old.id, old.created, old.modified
        failure: StepFailed | None = None
        if new.is_provider:
            new.outputs = dict(new.inputs)
            world.hosts.declare(new)
        elif new.custom:
            host = world.hosts.of(new)
            try:
                new.outputs = host.preview(new) if world.dry_run else host.update(old, new)
            except StepFailed as failed:
                if failed.reasons is None:
                    raise
                failure = _settle(new, failed)
                new.inputs = dict(old.inputs)
        if new.custom:
            new.modified = now()
        if failure is not None:
            raise failure

    def end(self, journal: Journal, *, lasting: bool) -> None:
        journal.end(self.resource, new=self.new if lasting else None, done=self.old if lasting else None)


@dataclass(eq=False)
class Replace(Step):
    """What the display shows for a create and a delete that belong together; does nothing itself."""

    op: str = "replace"


@dataclass(eq=False)
class Delete(Step):
    """Delete a resource; with `stays` its record stays until its replacement exists (delete before replace)."""

    op: str = "delete"
    stays: bool = False
    replacing: bool = False

    def __post_init__(self) -> None:
        if self.resource.external:
            # A resource that this stack does not own is only removed from the state.
            self.op = self.op.replace("delete", "discard")

    def begin(self, journal: Journal) -> None:
        journal.begin(self.resource, "delete")

    def apply(self, world: World) -> None:
        old = self.resource
        if not self.replacing and old.protect:
            raise StepFailed(_PROTECTED.format(urn=old.urn))
        spared = old.external or old.retain_on_delete or old.deleted_with in world.condemned
        if old.custom and not (world.dry_run or spared or old.is_provider):
            world.hosts.of(old).delete(old)
        if self.stays:
            old.pending_replacement = True

    def end(self, journal: Journal, *, lasting: bool) -> None:
        journal.end(self.resource, done=self.resource if lasting and not self.stays else None)


_PROTECTED = (
    'resource "{urn}" cannot be deleted\n'
    "because it is protected. To unprotect the resource, either remove the `protect` flag from the resource in your "
    "Pulumi program and run `pulumi up`, or use the command:\n`pulumi state unprotect '{urn}'`"
)


@dataclass(eq=False)
class RemovePending(Step):
    """Drop the record of a resource whose replacement was never created and is no longer wanted."""

    op: str = "remove-pending-replace"
    logical: bool = False

    def end(self, journal: Journal, *, lasting: bool) -> None:  # noqa: ARG002
        journal.end(self.resource, done=self.old)


@dataclass(eq=False)
class Read(Step):
    """`get`: record a resource that this stack does not own."""

    op: str = "read"
    retires: bool = False

    def begin(self, journal: Journal) -> None:
        journal.begin(self.resource, "read")

    def apply(self, world: World) -> None:
        new = self.resource
        if new.id == values.UNKNOWN_TEXT:
            new.outputs = {}
            return
        failure: StepFailed | None = None
        # The host's answer always holds `__provider`, so what is gone counts as found, as in the real engine.
        try:
            id_, new.outputs, _ = world.hosts.of(new).read(new.urn, new, new.inputs)
        except StepFailed as failed:
            if failed.reasons is None:
                raise
            id_ = failed.id
            failure = _settle(new, failed)
        new.id = id_ or new.id
        if self.retires and self.old is not None:
            self.old.delete = True
        if self.old is not None:
            new.created, new.modified = self.old.created, self.old.modified
            if (new.inputs, new.outputs) != (self.old.inputs, self.old.outputs):
                new.modified = now()
        if failure is not None:
            raise failure

    def end(self, journal: Journal, *, lasting: bool) -> None:
        done = self.old if lasting and not self.retires else None
        journal.end(self.resource, new=self.new if lasting else None, done=done)


@dataclass(eq=False)
class Refresh(Step):
    """Read the live values; `outcome` is the result.

    `alone`: nothing else is done to the resource in this operation, so that a reader sees the outcome.
    `declared`: the resource as the program declares it, if the program runs first: it is read and recorded under that
    URN.
    """

    op: str = "refresh"
    logical: bool = False
    alone: bool = False
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
    def internal(self) -> bool:
        """If the program runs, the display shows only what is read."""
        asked = self._asked
        return super().internal or (self.declared is not None and (asked.is_provider or not asked.custom))

    def apply(self, world: World) -> None:
        old = self.old
        assert old is not None
        if not old.custom or old.is_provider or old.pending_replacement:
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
        if (new.inputs, new.outputs) != (old.inputs, old.outputs):
            new.modified = now()
        self._compare(world, old, new)

    def end(self, journal: Journal, *, lasting: bool) -> None:
        # Without the program, everything that was read is recorded at once.
        if self.declared is not None and lasting:
            journal.end(self.resource, new=self.new, done=self.old)

    def _read(
        self, world: World, old: Resource
    ) -> tuple[str, values.Properties, values.Properties | None, list[str]]:
        try:
            id_, outputs, inputs = world.hosts.of(self._asked).read(self.urn, old, old.outputs)
        except StepFailed as failed:
            if failed.reasons is None:
                raise
            reasons = failed.reasons
            text = "\n* ".join(["Refreshed resource is in an unhealthy state:", *reasons])
            world.say(self.urn, text, "warning")
            return failed.id, dict(failed.outputs or {}), failed.inputs, reasons
        return id_, outputs, inputs, []

    def _compare(self, world: World, old: Resource, new: Resource) -> None:
        if old.external:
            self.outcome = "update" if new.outputs != old.outputs else "same"
            return
        # The diff of a program run on the live values, with old and new exchanged.
        diff = world.diff(new.urn, new, self._asked, old.inputs, old.ignore_changes)
        self.diffs = diff.diffs
        self.keys = diff.replaces
        if diff.detailed is not None:
            self.detailed = {
                path: replace(change, kind=_INVERTED.get(change.kind, change.kind))
                for path, change in diff.detailed.items()
            }
        self.outcome = "update" if diff.changes else "same"


def _settle(new: Resource, failed: StepFailed) -> StepFailed:
    """Use what an unfinished create or update reported."""
    new.id = failed.id
    new.outputs = dict(failed.outputs or {})
    new.init_errors = list(failed.reasons or [])
    return failed
