"""Plans the steps for what the program registers: one resource at a time, in the order of the registrations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from . import paths, urns, values
from .errors import Bail, DiffUnavailable, PathError, Refused, StepFailed
from .graph import Graph
from .host import Change, Diff
from .registration import Purpose, Registration
from .resources import Goal, Resource
from .steps import (
    Create,
    Delete,
    Read,
    Refresh,
    RemovePending,
    Replace,
    Same,
    Skip,
    Step,
    Update,
)
from .wording import given_text
from .world import World

_INIT_ERROR = "#initerror"  # what `replace_on_changes` calls an unfinished resource
Report = Callable[[str, str], None]  # (urn, message): an error that a reader must see


@dataclass
class Planner:
    """Plans the steps of one operation. Not thread-safe: the deployment requests one plan at a time."""

    stack: str
    project: str
    olds: list[Resource]
    world: World
    report: Report
    purpose: Purpose = Purpose.UPDATE
    targets: Callable[[str], bool] = lambda _urn: (
        False
    )  # whether a URN is to be replaced whatever its diff is
    renamed: dict[str, str] = field(default_factory=dict)  # new URN -> the alias it was found under
    seen: set[str] = field(default_factory=set)
    # Same, updated, replaced, read or refreshed: not to be deleted at the end.
    retained: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)  # declared, and not created in this operation
    created: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    errored: bool = False

    def __post_init__(self) -> None:
        self.rebase(self.olds)
        self._aliased: dict[str, str] = {}  # old URN -> the new one that claims it
        self._deleted_early: set[Resource] = set()
        self._invalid = (
            False  # an alias is claimed twice: reported at once, but the provider still checks the inputs
        )
        self._dependent_keys: dict[str, list[str]] = {}
        self._doomed: list[Resource] = []  # declared by a program that runs for a destroy

    def rebase(self, olds: list[Resource]) -> None:
        """Plan from what the state holds now."""
        self.olds = olds
        self.live = {old.urn: old for old in olds if not old.delete}
        self.graph = Graph(olds)

    def find(self, goal: Goal, provider: str) -> Registration:
        """What the state holds of one resource of the program; `provider` is the reference recorded with it.

        Raises:
            Bail: Its name is taken, which has been reported.
        """
        urn = self._claim(goal.parent, goal.type, goal.name)
        old = self._find_old(urn, goal.aliases, goal.parent)
        new = goal.new_resource(urn, old)
        new.provider, new.alias = provider, self.renamed.get(urn, "")
        return Registration(goal, old, new)

    def refresh(self, found: Registration) -> Refresh | None:
        """The step that reads its live values, under its URN in the program.

        Raises:
            Refused: It is a component or a provider under another name.
        """
        if found.old is None:
            return None
        if found.old.urn != found.new.urn and not found.owned:
            raise Refused(
                f"{found.old.urn} has another name in the program: "
                "the CLI panics where it refreshes a renamed component or provider by the program"
            )
        self.retained.add(found.new.urn)
        alone = self.purpose is Purpose.REFRESH
        return Refresh(found.old, None, declared=found.new, alone=alone, logical=alone)

    def refreshed(self, found: Registration, step: Refresh) -> None:
        """Plan from its live values."""
        assert found.old is not None
        if step.new is not None:
            self.graph.stands_for(step.new, found.old)
        found.old = step.new

    def steps(self, found: Registration) -> list[Step]:
        """The steps for one resource of the program; none if its record in the state does not change.

        Raises:
            Bail: The resource is not valid, which has been reported.
            StepFailed: The provider's `check` or `diff` failed.
        """
        goal, old, new = found.goal, found.old, found.new
        if self.purpose is not Purpose.UPDATE:
            left = self._left_alone(found)
            if left is not None:
                return left
        urn = new.urn
        recreating = urn in self.world.condemned
        if found.owned:
            fresh = recreating or (old and old.external) or self.targets(urn)
            self._check(goal, new, None if fresh else old)
        elif new.is_provider and old is not None:
            new.inputs = self.world.restored(urn, goal.properties, old.inputs, goal.ignore_changes)
        if self._invalid:
            raise Bail
        if recreating and old is not None:
            return self._recreate(old, new)
        if old is not None and old.external:
            self.created.add(urn)
            return [Create(old, new, op="create-replacement", logical=False, retires=True), Replace(old, new)]
        if old is None:
            self.created.add(urn)
            return [Create(None, new)]
        return self._steps_from_diff(goal, old, new) or self._same(old, new)

    def _left_alone(self, found: Registration) -> list[Step] | None:
        """A refresh or a destroy does not change what the program declares; None: this resource is an exception."""
        old, new = found.old, found.new
        lacking = not self.skipped.isdisjoint(new.needs())
        if not (found.owned or lacking):
            if self.purpose is Purpose.DESTROY:
                self._doomed.append(new)
            return None
        if old is None or (lacking and self.purpose is Purpose.DESTROY):
            self.skipped.add(new.urn)
            new.outputs = old.outputs if old else {}
            return [Skip(None, new)]
        if self.purpose is Purpose.REFRESH:
            return []
        if old.external:
            raise Refused(
                f"{new.urn} is only read in the state, and owned by this program: the CLI panics here"
            )
        self._doomed.append(new)
        new.inputs = old.inputs
        return self._same(old, new)

    def _claim(self, parent: str, type_: str, name: str) -> str:
        urn = urns.make(self.stack, self.project, parent, type_, name)
        if urn in self.seen:
            self.report(urn, f"Duplicate resource URN '{urn}'; try giving it a unique name")
            raise Bail
        self.seen.add(urn)
        return urn

    def _find_old(self, urn: str, aliases: list[urns.Alias], parent: str) -> Resource | None:
        if urn in self._aliased:
            claimed = self._aliased[urn]
            self.report(
                urn, f"Duplicate resource URN '{urn}' conflicting with alias on resource with URN '{claimed}'"
            )
            self._invalid = True
        if urn in self.live:
            return self.live[urn]
        identity = urns.Identity(self.stack, self.project, parent, urns.type_of(urn), urns.name_of(urn))
        for alias in identity.former(aliases, self.renamed):
            if alias in self.live:
                self._take_alias(urn, alias)
                return self.live[alias]
        return None

    def _take_alias(self, urn: str, alias: str) -> None:
        other = urn if alias in self.seen else self._aliased.get(alias)
        if other is not None:
            conflict = f"conflicting with resource with URN '{other}'"
            self.report(
                urn, f"Duplicate resource alias '{alias}' applied to resource with URN '{urn}' {conflict}"
            )
            self._invalid = True
        self._aliased[alias] = urn
        self.renamed[urn] = alias

    def _check(self, goal: Goal, new: Resource, old: Resource | None) -> None:
        """Use the inputs as the provider's check returns them."""
        olds, wanted = {}, goal.properties
        if old is not None:
            olds = old.inputs
            wanted = self.world.restored(new.urn, wanted, olds, goal.ignore_changes)
        inputs, failures = self.world.hosts.of(new).check(new.urn, olds, wanted)
        for name, reason in failures:
            shown = (
                f": property {name} value {given_text(goal.properties.get(name))} has a problem"
                if name
                else " has a problem"
            )
            self.report(new.urn, f"{new.type} resource '{new.name}'{shown}: {reason}")
        if failures:
            raise Bail
        new.inputs = inputs

    def _same(self, old: Resource, new: Resource) -> list[Step]:
        self.retained.add(new.urn)
        return [Same(old, new)]

    def _recreate(self, old: Resource, new: Resource) -> list[Step]:
        """Create a resource again that was deleted early, because a resource it depends on was deleted first."""
        self.world.condemned.discard(new.urn)
        self._replacing(new.urn)
        keys = self._dependent_keys.get(old.urn, [])
        return [Replace(old, new), Create(old, new, keys, op="create-replacement", logical=False)]

    def _replacing(self, urn: str) -> None:
        self.retained.add(urn)
        self.replaced.add(urn)

    def _steps_from_diff(self, goal: Goal, old: Resource, new: Resource) -> list[Step]:
        diff = self._diff(old, new)
        _apply_replace_on_changes(new.urn, diff, goal.replace_on_changes, unfinished=bool(old.init_errors))
        if old.pending_replacement or (diff.changes and diff.asks_replacement):
            return self._replace(goal, old, new, diff)
        # Unchanged and unfinished: an update continues it.
        if diff.changes or old.init_errors:
            self.retained.add(new.urn)
            return [Update(old, new, diff.replaces, diff.diffs, diff.detailed)]
        return []

    def _diff(self, old: Resource, new: Resource) -> Diff:
        if self.targets(new.urn):
            return Diff.made_up(replaces=["id"])
        if new.deleted_with in self.replaced:
            return Diff.made_up(replaces=["deletedWith"])
        if bool(old.provider) != bool(new.provider):
            return Diff.made_up(replaces=["provider"])
        if not new.custom or new.is_provider:
            return Diff.made_up(changes=(old.outputs if new.is_provider else old.inputs) != new.inputs)
        return self._ask_diff(new, old, new.inputs)

    def _ask_diff(self, new: Resource, old: Resource, inputs: values.Properties) -> Diff:
        try:
            return self.world.diff(new.urn, old, new, inputs, new.ignore_changes)
        except DiffUnavailable as unavailable:
            self.world.say(new.urn, str(unavailable), "warning")
            return Diff.made_up()

    def _replace(self, goal: Goal, old: Resource, new: Resource, diff: Diff) -> list[Step]:
        if old.protect and new.protect:
            self._refuse_protected(new.urn)
        self._replacing(new.urn)
        if goal.custom and not new.is_provider and not self.targets(new.urn):
            # Values carried over from the old one must not get into the new one.
            new.inputs = dict(goal.properties)
            self._check(goal, new, None)
        first = (
            diff.delete_before_replace if goal.delete_before_replace is None else goal.delete_before_replace
        )
        change = (old, new, diff.replaces, diff.diffs, diff.detailed)
        create = Create(*change, op="create-replacement", logical=False, retires=not first)
        if not first:
            return [create, Replace(*change)]
        steps = self._delete_dependents(old)
        if not old.pending_replacement:
            self.world.condemned.add(old.urn)
            steps.append(_delete_replaced(old, stays=True))
        return [*steps, Replace(*change), create]

    def _refuse_protected(self, urn: str) -> None:
        self.report(
            urn,
            f'unable to replace resource "{urn}"\nas it is currently marked for protection. To unprotect the resource, '
            "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`",
        )
        self.errored = True
        # A preview continues, so that it shows the change which asks for this.
        if not self.world.dry_run:
            raise Bail

    def _delete_dependents(self, root: Resource) -> list[Step]:
        """Delete first what would be replaced anyway when `root` is replaced."""
        steps: list[Step] = []
        for dependent, keys in reversed(self._replaced_with(root)):
            if dependent in self._deleted_early:
                continue
            if dependent.protect and not dependent.delete:
                self._refuse_protected(dependent.urn)
                raise Bail
            self._dependent_keys[dependent.urn] = keys
            steps.append(
                _delete_replaced(dependent, stays=True) if not dependent.delete else Delete(dependent, None)
            )
            self.world.condemned.add(dependent.urn)
            self._deleted_early.add(dependent)
        return steps

    def _replaced_with(self, root: Resource) -> list[tuple[Resource, list[str]]]:
        gone = {root.urn}
        found = []
        for dependent in self.graph.dependents(root, self.retained | self.created | self.world.condemned):
            keys = self._keys_replaced(dependent, gone)
            if keys is not None:
                gone.add(dependent.urn)
                found.append((dependent, keys))
        return found

    def _keys_replaced(self, dependent: Resource, gone: set[str]) -> list[str] | None:
        """Which properties would replace `dependent` if the values from `gone` became unknown; None: none would."""
        if not dependent.custom or dependent.external:
            return None
        if dependent.deleted_with in gone or dependent.provider_urn in gone:
            return []
        unknown = {key for key, listed in dependent.property_dependencies.items() if gone & set(listed)}
        if not unknown & dependent.inputs.keys():
            return None
        inputs = {key: values.UNKNOWN if key in unknown else value for key, value in dependent.inputs.items()}
        diff = self._ask_diff(dependent, dependent, inputs)
        _apply_replace_on_changes(dependent.urn, diff, dependent.replace_on_changes, unfinished=False)
        return diff.replaces if diff.asks_replacement else None

    def read(self, new: Resource) -> list[Step]:
        """The steps for a resource that the program only reads (`get`)."""
        new.urn = self._claim(new.parent, new.type, urns.name_of(new.urn))
        old = self._find_old(new.urn, [], new.parent)
        new.alias = self.renamed.get(new.urn, "")
        self.retained.add(new.urn)
        if old is not None and not old.external and old.id != new.id:
            if self.purpose is not Purpose.UPDATE:
                raise Refused(
                    f"{new.urn} is {old.id!r} in the state, and the program only reads {new.id!r}: "
                    "CLI 3.260 breaks the state here; run `up` first, or leave out `--run-program`"
                )
            self.replaced.add(new.urn)
            return [Read(old, new, op="read-replacement", logical=False, retires=True), Replace(old, new)]
        if self.purpose is Purpose.DESTROY:
            self._doomed.append(new)
        return [Read(old, new)]

    def deletes(self) -> list[list[Step]]:
        """The deletes of what the program has not declared, in layers that run one after another."""
        steps: dict[Resource, Step] = {}
        for new in self._doomed:
            steps[new] = Delete(new, None)
            self.world.condemned.add(new.urn)
            self.graph.add(new)
        for held in self.olds:
            old = self.graph.present(held)
            if old.delete:
                if old not in self._deleted_early:
                    steps[old] = _delete_replaced(old, stays=False)
            elif self._aliased.get(old.urn, old.urn) not in self.retained | self.created:
                steps[old] = RemovePending(old, None) if old.pending_replacement else Delete(old, None)
            if old in steps:
                self.world.condemned.add(old.urn)
        return [[steps[old] for old in layer] for layer in self.graph.layers(steps)]

    def unseen(self) -> list[Resource]:
        """What the state holds and the program has not declared."""
        return [old for old in self.olds if self._aliased.get(old.urn, old.urn) not in self.retained]


def _delete_replaced(old: Resource, *, stays: bool) -> Delete:
    return Delete(old, None, op="delete-replaced", logical=False, stays=stays, replacing=True)


def _apply_replace_on_changes(urn: str, diff: Diff, patterns: list[str], *, unfinished: bool) -> None:
    """Let the changes that `replace_on_changes` names ask for a replacement."""
    if not (diff.changes or unfinished):
        return
    try:
        wanted = [paths.parse(pattern) for pattern in patterns]
    except PathError as fault:
        failure = StepFailed(f"replace_on_changes: {fault}")
        failure.urn = urn
        raise failure from fault

    def forced(path: str) -> bool:
        return any(paths.contains(pattern, path) for pattern in wanted)

    detailed = diff.detailed or {}
    if diff.changes:
        diff.replaces += [key for key in diff.diffs if key not in diff.replaces and forced(key)]
        detailed.update({path: change.to_replace() for path, change in detailed.items() if forced(path)})
    if unfinished and forced(_INIT_ERROR):
        diff.replaces.append(_INIT_ERROR)
        diff.changes = True
        if diff.detailed is not None:
            detailed[_INIT_ERROR] = Change("update-replace")
