"""Which resources of a state need which others."""

from __future__ import annotations

from collections.abc import Iterable

from .resources import Resource


class Graph:
    """The dependencies of a list of resources in order: what is needed comes first."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = list(resources)
        self._by_urn: dict[str, list[Resource]] = {}
        for resource in self.resources:
            self._by_urn.setdefault(resource.urn, []).append(resource)
        self._presents: dict[Resource, Resource] = {}
        self._origins: dict[Resource, Resource] = {}

    def stands_for(self, present: Resource, origin: Resource) -> None:
        """Record that a refresh turned `origin` into `present`, which takes its place."""
        self._presents[origin], self._origins[present] = present, origin

    def present(self, origin: Resource) -> Resource:
        """What a refresh turned a resource into; the resource itself if there was no refresh."""
        return self._presents.get(origin, origin)

    def add(self, resource: Resource) -> None:
        """Add what was not in the state before."""
        self._by_urn.setdefault(resource.urn, []).append(resource)

    def needed_by(self, resource: Resource) -> set[Resource]:
        """What must outlive `resource`; a resource to be deleted does not count as the live one of the same URN."""
        resource = self._origins.get(resource, resource)
        found: set[Resource] = set()
        for urn in resource.needs():
            same = self._by_urn.get(urn, [])
            live = [each for each in same if not each.delete]
            found.update(live if live and not resource.delete else same)
        found.discard(resource)
        return {self.present(each) for each in found}

    def all_needed_by(self, resource: Resource) -> set[Resource]:
        """What must outlive `resource`, directly or through others."""
        found: set[Resource] = set()
        left = [resource]
        while left:
            fresh = self.needed_by(left.pop()) - found
            found |= fresh
            left += fresh
        return found

    def dependents(self, root: Resource, ignored: set[str]) -> list[Resource]:
        """Everything that directly or indirectly needs `root` by property or `depends_on`, in order; no children."""
        root = self._origins.get(root, root)
        reached = {root.urn}
        found = []
        for resource in self.resources[self.resources.index(root) + 1 :]:
            needs = set(resource.dependencies) | {
                urn for listed in resource.property_dependencies.values() for urn in listed
            }
            needs |= {resource.provider_urn, resource.deleted_with}
            if resource.urn not in ignored and needs & reached:
                reached.add(resource.urn)
                found.append(self.present(resource))
        return found

    def layers(self, condemned: Iterable[Resource]) -> list[list[Resource]]:
        """`condemned` in the order of deletion: each layer is deleted after the one before it."""
        left = list(condemned)
        layers: list[list[Resource]] = []
        while left:
            remaining = set(left)
            layer = [each for each in left if not self.needed_by(each) & remaining]
            # A cycle cannot come out of a program; a broken state file must not hang the engine.
            layer = layer or list(left)
            layers.append(layer)
            left = [each for each in left if each not in layer]
        return layers[::-1]
