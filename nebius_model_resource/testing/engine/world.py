"""What planning and steps act on: the providers, and the display of messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from . import paths, values
from .host import Change, Diff
from .hosts import Hosts
from .resources import Resource


@dataclass
class World:
    """What steps act on: the hosts of providers, and whether this is only a preview.

    `say`: shows a message, given the URN that it is about, the text and the severity.
    """

    hosts: Hosts
    dry_run: bool
    say: Callable[[str, str, str], None]
    condemned: set[str] = field(default_factory=set)

    def restored(
        self,
        urn: str,
        news: values.Properties,
        olds: values.Properties,
        ignored: list[str],
        *,
        deep: bool = True,
    ) -> values.Properties:
        """New properties with the ignored ones set back to what they were; a message names what cannot be ignored."""
        result, failed = paths.restored(news, olds, ignored, deep=deep)
        if failed:
            listed = json.dumps(", ".join(failed), ensure_ascii=False)
            self.say(urn, f"cannot ignore changes in added or removed elements of the path: {listed}", "info")
        return result

    def diff(
        self, urn: str, old: Resource, asked: Resource, news: values.Properties, ignored: list[str]
    ) -> Diff:
        """What changes between a recorded resource and new inputs, for the provider of `asked`.

        If the provider does not say, the inputs are compared.
        """
        diff = self.hosts.of(asked).diff(urn, old, news, ignored)
        if diff.changes is None:
            # As on the CLI, this restores ignored values inside a property in the new inputs themselves.
            wanted = self.restored(urn, news, old.inputs, ignored, deep=False)
            found = paths.changes(values.plain(old.inputs), values.plain(wanted))
            diff.changes = bool(found)
            if found:
                diff.diffs = sorted({str(path[0]) for path in found})
                diff.detailed = {
                    paths.text(path): Change(kind, of_inputs=True)
                    for path, kind in sorted(found.items(), key=str)
                }
        return diff
