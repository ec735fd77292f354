"""What happens in an operation, as the Automation API's own events, for each listener."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from threading import RLock
from typing import Any

from pulumi.automation import events as pulumi_events

from .resources import Resource
from .steps import Refresh, Step
from .values import shown

EngineEvent = pulumi_events.EngineEvent
Listener = Callable[[EngineEvent], None]


class Events:
    """Creates the events of one operation, in one order for all listeners, and counts the changes."""

    def __init__(self, listeners: list[Listener], *, planning: bool) -> None:
        self._listeners = listeners
        self._planning = planning
        self._lock = RLock()
        self._sequence = 0
        self._began = time.monotonic()
        self.changes: Counter[str] = Counter()

    def _emit(self, **event: Any) -> None:
        with self._lock:
            made = EngineEvent(self._sequence, int(time.time()), **event)
            self._sequence += 1
            for listener in self._listeners:
                listener(made)

    def before(self, step: Step) -> None:
        """A step begins."""
        event = pulumi_events.ResourcePreEvent(metadata(step, step.op), planning=self._planning)
        self._emit(resource_pre_event=event)

    def after(self, step: Step) -> None:
        """A step has succeeded."""
        op = _shown_op(step)
        with self._lock:
            if step.logical and not step.internal and (op != "read" or _read_anew(step)):
                self.changes[op] += 1
        # A component's outputs are shown when the program registers them; its former ones say nothing.
        if self._planning or step.resource.custom or op == "delete" or isinstance(step, Refresh):
            self.outputs(step)

    def outputs(self, step: Step) -> None:
        """A step's outputs are known."""
        event = pulumi_events.ResOutputsEvent(metadata(step, _shown_op(step)), self._planning)
        self._emit(res_outputs_event=event)

    def failed(self, step: Step, message: str) -> None:
        """A step has failed."""
        text = f"Preview failed: {message}" if self._planning else message
        self.say(text, severity="error", urn="" if step.internal else step.urn)
        if not self._planning:
            count = sum(self.changes.values())
            failed = pulumi_events.ResOpFailedEvent(metadata(step, step.op), status=0, steps=count)
            self._emit(res_op_failed_event=failed)

    def say(self, message: str, *, severity: str = "info", urn: str = "", ephemeral: bool = False) -> None:
        """A message for a reader, under the resource of `urn`."""
        event = pulumi_events.DiagnosticEvent(
            message if message.endswith("\n") else message + "\n",
            color="never",
            severity=severity,
            ephemeral=ephemeral,
            urn=urn or None,
            prefix=None if severity.startswith("info") else f"{severity}: ",
        )
        self._emit(diagnostic_event=event)

    def summary(self) -> None:
        """The operation is over."""
        seconds = int(time.monotonic() - self._began)
        changes: Any = dict(self.changes)
        event = pulumi_events.SummaryEvent(
            maybe_corrupt=False, duration_seconds=seconds, resource_changes=changes, policy_packs={}
        )
        self._emit(summary_event=event)


def _shown_op(step: Step) -> str:
    """The operation that a finished step is shown as; for a mere refresh, its outcome."""
    return step.outcome if isinstance(step, Refresh) and step.logical else step.op


def _read_anew(step: Step) -> bool:
    """Whether a read found something else than the last one; the first one does not count either."""
    return step.old is not None and step.old.outputs != step.resource.outputs


def metadata(step: Step, op: str) -> pulumi_events.StepEventMetadata:
    """What an event says about its step."""
    diffs = {
        path: pulumi_events.PropertyDiff(pulumi_events.DiffKind(change.kind), input_diff=change.of_inputs)
        for path, change in (step.detailed or {}).items()
    }
    return pulumi_events.StepEventMetadata(
        pulumi_events.OpType(op),
        step.urn,
        step.resource.type,
        step.resource.provider,
        _state(step.old),
        _state(step.new),
        list(step.keys),
        list(step.diffs),
        diffs,
        step.logical,
    )


def _state(resource: Resource | None) -> pulumi_events.StepEventStateMetadata | None:
    if resource is None:
        return None
    names = ("type", "urn", "id", "parent", "provider", "custom", "delete", "retain_on_delete", "init_errors")
    return pulumi_events.StepEventStateMetadata(
        protect=False,
        inputs=shown(resource.inputs),
        outputs=shown(resource.outputs),
        **{name: getattr(resource, name) for name in names},
    )
