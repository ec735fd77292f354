"""Plans the steps for what the program registers: one resource at a time, in the order of the registrations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from . import urns
from .errors import Bail, Refused
from .host import Diff
from .resources import Goal, Resource
from .steps import Create, Delete, Read, Refresh, Same, Step, Update, World
from .values import Properties, Secret

Report = Callable[[str, str], None]  # (urn, message): an error that a reader must see


@dataclass(frozen=True)
class Order:
    """What to run: `kind` is `update`, `refresh` or `destroy`.

    `refresh`: what is live is read first. `program`: the program is run for that, or for the destroy.
    `replace`: the URNs to replace whatever their diff is.
    """

    kind: str
    dry_run: bool = False
    refresh: bool = False
    program: bool = False
    replace: tuple[str, ...] = ()

    @property
    def refreshes_first(self) -> bool:
        """Whether everything in the state is refreshed before anything else."""
        return self.refresh and not self.asking

    @property
    def asking(self) -> bool:
        """Whether each resource is refreshed when the program declares it."""
        return self.program and (self.kind == "refresh" or (self.kind == "update" and self.refresh))

    @property
    def runs_program(self) -> bool:
        """Whether the program is run at all."""
        return self.kind == "update" or self.program


@dataclass
class Registration:
    """What the program registers and what the state holds for it: `old`, found under the present URN or an alias."""

    goal: Goal
    old: Resource | None
    new: Resource

    @property
    def owned(self) -> bool:
        """Whether this is something that a provider creates: no component, and no provider."""
        return self.goal.custom and not self.new.is_provider


class Graph:
    """Which resources of a state need which others; `names` are the new URNs of those found under an alias."""

    def __init__(self, resources: Iterable[Resource], names: Mapping[str, str]) -> None:
        self._names = names
        self._by_urn: dict[str, list[Resource]] = {}
        for resource in resources:
            self._by_urn.setdefault(names.get(resource.urn, resource.urn), []).append(resource)

    def needed_by(self, resource: Resource) -> set[Resource]:
        """What must outlive `resource`; a resource to be deleted does not count as the live one of the same URN."""
        found: set[Resource] = set()
        for urn in resource.needs():
            same = self._by_urn.get(self._names.get(urn, urn), [])
            live = [each for each in same if not each.delete]
            found.update(live if live and not resource.delete else same)
        return found - {resource}

    def layers(self, condemned: Iterable[Resource]) -> list[list[Resource]]:
        """`condemned` in the order of deletion: each layer is deleted after the one before it."""
        left = list(condemned)
        layers: list[list[Resource]] = []
        while left:
            remaining = set(left)
            # A cycle cannot come out of a program; a broken state file must not hang the engine.
            layer = [each for each in left if not self.needed_by(each) & remaining] or list(left)
            layers.append(layer)
            left = [each for each in left if each not in layer]
        return layers[::-1]


@dataclass
class Planner:
    """Plans the steps of one operation. Not thread-safe: the deployment requests one plan at a time.

    Attributes:
        order: What the program is run for.
        renamed: The alias under which each new URN was found.
        retained: URNs that are declared and therefore not to be deleted at the end.
        skipped: URNs that are declared and not created in this operation.
    """

    stack: str
    project: str
    olds: list[Resource]
    world: World
    report: Report
    order: Order
    renamed: dict[str, str] = field(default_factory=dict)
    retained: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rebase(self.olds)
        self._seen: set[str] = set()
        self._aliased: dict[str, str] = {}  # old URN -> the new one that claims it
        self._doomed: list[Resource] = []  # declared by a program that runs for a destroy

    def rebase(self, olds: list[Resource]) -> None:
        """Plan from what the state holds now."""
        self.olds = olds
        self.live = {old.urn: old for old in olds if not old.delete}

    def find(self, goal: Goal, provider: str) -> Registration:
        """What the state holds of one resource of the program; `provider` is the reference recorded with it.

        Raises:
            Bail: Its name is taken, which has been reported.
        """
        urn = self._claim(goal.parent, goal.type, goal.name)
        old = self._find_old(urn, goal.aliases, goal.parent)
        new = goal.new_resource(urn)
        new.provider, new.alias = provider, self.renamed.get(urn, "")
        return Registration(goal, old, new)

    def refresh(self, found: Registration) -> Refresh | None:
        """The step that reads its live values, under its URN in the program."""
        if found.old is None:
            return None
        self.retained.add(found.new.urn)
        return Refresh(found.old, None, declared=found.new, logical=self.order.kind == "refresh")

    def refreshed(self, found: Registration, step: Refresh) -> None:
        """Plan from its live values."""
        presents = [step.new if each is found.old else each for each in self.olds]
        self.olds = [each for each in presents if each is not None]
        found.old = step.new

    def steps(self, found: Registration) -> list[Step]:
        """The steps for one resource of the program; none if its record in the state does not change.

        Raises:
            Bail: The resource is not valid, which has been reported.
            StepFailed: The provider's `check` or `diff` failed.
        """
        goal, old, new = found.goal, found.old, found.new
        if self.order.kind != "update":
            left = self._left_alone(found)
            if left is not None:
                return left
        fresh = old is None or old.external or new.urn in self.order.replace
        if found.owned:
            self._check(goal, new, {} if old is None or fresh else old.inputs)
        self.retained.add(new.urn)
        if old is None:
            return [Create(None, new)]
        if old.external:
            create = Create(old, new, op="create-replacement", logical=False)
            return [create, Step(old, new, op="replace")]
        diff = self._diff(old, new)
        if diff.changes and diff.replaces:
            return self._replace(found, old, diff)
        # Unchanged and unfinished: an update continues it.
        if diff.changes or old.init_errors:
            return [Update(old, new, diff.replaces, diff.diffs, diff.detailed)]
        return [Same(old, new)]

    def _left_alone(self, found: Registration) -> list[Step] | None:
        """A refresh or a destroy does not change what the program declares; None: this resource is an exception."""
        old, new = found.old, found.new
        destroying = self.order.kind == "destroy"
        lacking = not self.skipped.isdisjoint(new.needs())
        if not (found.owned or lacking):
            if destroying:
                self._doomed.append(new)
            return None
        if old is None or (lacking and destroying):
            self.skipped.add(new.urn)
            new.outputs = old.outputs if old else {}
            return [Step(None, new)]
        if not destroying:
            return []
        if old.external:
            raise Refused(
                f"{new.urn} is only read in the state, and owned by this program: the CLI panics here"
            )
        self._doomed.append(new)
        self.retained.add(new.urn)
        new.inputs = old.inputs
        return [Same(old, new)]

    def _claim(self, parent: str, type_: str, name: str) -> str:
        urn = urns.make(self.stack, self.project, parent, type_, name)
        if urn in self._seen or urn in self._aliased:
            self._refuse(urn, f"Duplicate resource URN '{urn}'; try giving it a unique name")
        self._seen.add(urn)
        return urn

    def _refuse(self, urn: str, message: str) -> None:
        self.report(urn, message)
        raise Bail

    def _find_old(self, urn: str, aliases: list[str], parent: str) -> Resource | None:
        if urn in self.live:
            return self.live[urn]
        if parent in self.renamed:
            # An SDK sends these only for a resource with aliases of its own.
            former = [urns.inherited(each, parent, self.renamed[parent]) for each in (urn, *aliases)]
            aliases = [*aliases, *former]
        alias = next((each for each in aliases if each in self.live), None)
        if alias is None:
            return None
        if alias in self._seen or alias in self._aliased:
            self._refuse(urn, f"Duplicate resource alias '{alias}' applied to resource with URN '{urn}'")
        self._aliased[alias] = urn
        self.renamed[urn] = alias
        return self.live[alias]

    def _check(self, goal: Goal, new: Resource, olds: Properties) -> None:
        """Use the inputs as the provider's check returns them."""
        new.inputs, failures = self.world.hosts.of(new).check(new.urn, olds, new.inputs)
        for name, reason in failures:
            given = goal.properties.get(name)
            # The real engine prints a secret here.
            text = "[secret]" if isinstance(given, Secret) else f"{{{'<nil>' if given is None else given}}}"
            about = f": property {name} value {text}" if name else ""
            self.report(new.urn, f"{new.type} resource '{new.name}'{about} has a problem: {reason}")
        if failures:
            raise Bail

    def _diff(self, old: Resource, new: Resource) -> Diff:
        if new.urn in self.order.replace:
            return Diff(changes=True, replaces=["id"])
        if not new.custom or new.is_provider:
            return Diff(changes=(old.outputs if new.is_provider else old.inputs) != new.inputs)
        return self.world.hosts.of(new).diff(new.urn, old, new.inputs)

    def _replace(self, found: Registration, old: Resource, diff: Diff) -> list[Step]:
        goal, new = found.goal, found.new
        if found.owned and new.urn not in self.order.replace:
            # Values carried over from the old one must not get into the new one.
            new.inputs = dict(goal.properties)
            self._check(goal, new, {})
        change = (old, new, diff.replaces, diff.diffs, diff.detailed)
        create = Create(*change, op="create-replacement", logical=False)
        return [create, Step(*change, op="replace")]

    def read(self, new: Resource) -> list[Step]:
        """The steps for a resource that the program only reads (`get`)."""
        new.urn = self._claim(new.parent, new.type, urns.name_of(new.urn))
        old = self._find_old(new.urn, [], new.parent)
        self.retained.add(new.urn)
        if old is not None and not old.external and old.id != new.id:
            if self.order.kind != "update":
                raise Refused(
                    f"{new.urn} is {old.id!r} in the state, and the program only reads {new.id!r}: "
                    "the CLI breaks the state here; run `up` first, or leave out `--run-program`"
                )
            read = Read(old, new, op="read-replacement", logical=False)
            return [read, Step(old, new, op="replace")]
        if self.order.kind == "destroy":
            self._doomed.append(new)
        return [Read(old, new)]

    def deletes(self) -> list[list[Step]]:
        """The deletes of what the program has not declared, in layers that run one after another."""
        steps = {new: Delete(new, None) for new in self._doomed}
        unseen = set(self.unseen())
        for old in self.olds:
            if old.delete:
                steps[old] = Delete(old, None, op="delete-replaced", logical=False)
            elif old in unseen:
                steps[old] = Delete(old, None)
        graph = Graph([*self.olds, *self._doomed], self._aliased)
        return [[steps[old] for old in layer] for layer in graph.layers(steps)]

    def unseen(self) -> list[Resource]:
        """What the state holds and the program has not declared."""
        return [old for old in self.olds if self._aliased.get(old.urn, old.urn) not in self.retained]
