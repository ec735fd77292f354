"""What happens in an operation, as the Automation API's own events, for each listener."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any

from pulumi.automation import events as pulumi_events

from .resources import Resource
from .steps import Refresh, Step
from .values import UNKNOWN_TEXT, Properties, Secret, Unknown

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
        self.errors = 0

    def _emit(self, **event: Any) -> None:
        with self._lock:
            made = EngineEvent(self._sequence, int(time.time()), **event)
            self._sequence += 1
            for listener in self._listeners:
                listener(made)

    def prelude(self, config: Mapping[str, str]) -> None:
        """The operation begins."""
        self._emit(prelude_event=pulumi_events.PreludeEvent(dict(config)))

    def before(self, step: Step) -> None:
        """A step begins."""
        self._emit(
            resource_pre_event=pulumi_events.ResourcePreEvent(
                metadata(step, step.op), planning=self._planning
            )
        )

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
        op = _shown_op(step)
        self._emit(res_outputs_event=pulumi_events.ResOutputsEvent(metadata(step, op), self._planning))

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
        with self._lock:
            self.errors += severity == "error"
        prefix = "" if severity.startswith("info") else f"{severity}: "
        self._emit(
            diagnostic_event=pulumi_events.DiagnosticEvent(
                message if message.endswith("\n") else message + "\n",
                color="never",
                severity=severity,
                ephemeral=ephemeral,
                urn=urn or None,
                prefix=prefix or None,
            )
        )

    def summary(self) -> None:
        """The operation is over."""
        seconds = int(time.monotonic() - self._began)
        changes: Any = dict(self.changes)
        self._emit(
            summary_event=pulumi_events.SummaryEvent(
                maybe_corrupt=False, duration_seconds=seconds, resource_changes=changes, policy_packs={}
            )
        )
        self._emit(cancel_event=pulumi_events.CancelEvent())


def _shown_op(step: Step) -> str:
    """The operation that a finished step is shown as; for a mere refresh, its outcome."""
    return step.outcome if isinstance(step, Refresh) and step.alone else step.op


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


def _read_anew(step: Step) -> bool:
    """Whether a read found something else than the last one; the first one does not count either."""
    return step.old is not None and step.old.outputs != step.resource.outputs


def _state(resource: Resource | None) -> pulumi_events.StepEventStateMetadata | None:
    if resource is None:
        return None
    return pulumi_events.StepEventStateMetadata(
        resource.type,
        resource.urn,
        resource.id,
        resource.parent,
        resource.provider,
        resource.custom,
        resource.delete,
        resource.protect,
        resource.retain_on_delete,
        shown(resource.inputs),
        shown(resource.outputs),
        list(resource.init_errors),
    )


def shown(properties: Properties) -> dict[str, Any]:
    """Properties as an event may carry them: no secret in the clear."""
    return {key: _shown(value) for key, value in properties.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, Unknown):
        return UNKNOWN_TEXT
    if isinstance(value, dict):
        return shown(value)
    return [_shown(part) for part in value] if isinstance(value, list) else value
