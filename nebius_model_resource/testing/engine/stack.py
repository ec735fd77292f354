"""`LocalStack`: a stack on this engine, in the shape of `pulumi.automation.Stack`."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pulumi.automation import (
    Deployment,
    DestroyResult,
    OutputValue,
    PreviewResult,
    RefreshResult,
    UpdateSummary,
    UpResult,
)

from .config import load_project, load_stack_config, merged, qualified
from .display import Display
from .errors import EngineError, unsupported
from .events import Events
from .operation import Setting, environment, run
from .planner import Order
from .secrets import Crypter
from .state import StateFile
from .urns import STACK_TYPE
from .values import Secret, plain

PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"
# The options of every operation, and those that only some have.
_OPTIONS = {"parallel", "diff", "on_output", "on_event", "run_program"}
_MORE: dict[str, set[str]] = {
    "preview": {"refresh", "replace"},
    "update": {"refresh", "replace"},
    "refresh": set(),
    "destroy": {"refresh"},
}


class LocalStack:
    """One stack: a project folder, a configuration, and a state file of its own.

    `create_or_select` creates it; its methods mirror those of `pulumi.automation.Stack`: a test can take either. The
    options of its operations are these; every other one is refused:

    - `parallel`: steps at a time; by default four times the number of cores.
    - `diff`: show what changes in each resource.
    - `on_output`, `on_event`: called with each line of what is shown, and with each event.
    - `refresh`: refresh first (not for `refresh`).
    - `run_program`: refresh or destroy each resource under the name and configuration that the program has for it.
    - `replace`: URNs of resources to replace, whatever their diff is (for `preview` and `up`).
    """

    def __init__(self, setting: Setting, file: StateFile) -> None:
        self.name = setting.stack
        self.setting = setting
        self.file = file

    @classmethod
    def create_or_select(
        cls,
        stack_name: str,
        work_dir: str | Path,
        *,
        config: Mapping[str, Any] | None = None,
        env_vars: Mapping[str, str] | None = None,
        state_dir: str | Path | None = None,
        python: str = sys.executable,
        passphrase: str | None = None,
    ) -> LocalStack:
        """The stack of that name, a new one if there is none.

        Args:
            stack_name: The stack's name; an organization before it, divided by `/`, is ignored.
            work_dir: The folder with Pulumi.yaml.
            config: Values by key, over those of the project and of `Pulumi.<stack>.yaml`: a string, or a
                `pulumi.automation.ConfigValue` (which can be secret).
            env_vars: Environment for the program and the host, over this process's.
            state_dir: The folder for `<project>/<stack>.json`; default `.local-state` in `work_dir`.
            python: The interpreter for program and host.
            passphrase: For secrets; default the environment's PULUMI_CONFIG_PASSPHRASE.

        Raises:
            ConfigError: The project or its configuration cannot be used.
        """
        root = Path(work_dir).resolve()
        project = load_project(root)
        name = stack_name.rpartition("/")[2]
        env = environment(env_vars or {}, root)
        crypter = Crypter(env.get(PASSPHRASE) if passphrase is None else passphrase)
        folder = Path(state_dir) if state_dir else root / ".local-state"
        path = folder / project.name / f"{name}.json"
        setting = Setting(
            project,
            name,
            python,
            env,
            merged(project, load_stack_config(project, name, crypter), config or {}),
            4 * (os.cpu_count() or 1),
        )
        return cls(setting, StateFile(path.resolve(), crypter))

    def set_config(self, key: str, value: Any) -> None:
        """Set one configuration value: a string or a `pulumi.automation.ConfigValue`."""
        self.set_all_config({key: value})

    def set_all_config(self, config: Mapping[str, Any]) -> None:
        """Set several configuration values."""
        self.setting.config = merged(self.setting.project, self.setting.config, config)

    def remove_config(self, key: str) -> None:
        """Remove one configuration value."""
        self.setting.config.pop(qualified(key, self.setting.project.name), None)

    def preview(self, **options: Any) -> PreviewResult:
        """Show what `up` would do, without doing it.

        Raises:
            EngineError: The `up` would fail.
        """
        summary, printed = self._run("preview", options)
        changes: Any = summary.resource_changes
        return PreviewResult(printed, "", changes)

    def up(self, **options: Any) -> UpResult:
        """Create, update and delete what the program asks for.

        Raises:
            EngineError: A step or the program failed; the state has what was done until then.
        """
        summary, printed = self._run("update", options)
        return UpResult(printed, "", summary, self.outputs())

    def refresh(self, **options: Any) -> RefreshResult:
        """Update the state from what is live.

        Raises:
            EngineError: A resource could not be read; the others have been.
        """
        summary, printed = self._run("refresh", options)
        return RefreshResult(printed, "", summary)

    def destroy(self, **options: Any) -> DestroyResult:
        """Delete everything; the program is run only with `run_program`.

        Raises:
            EngineError: A resource could not be deleted; the state has what is left.
        """
        summary, printed = self._run("destroy", options)
        return DestroyResult(printed, "", summary)

    def outputs(self) -> dict[str, OutputValue]:
        """The stack's outputs as the last `up` left them, secrets in the clear."""
        resources = self.file.read().resources
        found = next((each.outputs for each in resources if each.type == STACK_TYPE), {})
        return {key: OutputValue(plain(value), isinstance(value, Secret)) for key, value in found.items()}

    def export_stack(self) -> Any:
        """The state as a `pulumi.automation.Deployment` (version 3).

        Its secrets are in the clear, as `pulumi.automation` returns them; in the file they are always encrypted.
        """
        document = self.file.document(self.file.read(), show_secrets=True)
        return Deployment(document["version"], document["deployment"])

    def _run(self, kind: str, given: dict[str, Any]) -> tuple[UpdateSummary, str]:
        for name in given.keys() - _OPTIONS - _MORE[kind]:
            raise unsupported(f"{'up' if kind == 'update' else kind}({name}=…) is")
        options = defaultdict(lambda: None, given)
        order = Order(
            "update" if kind == "preview" else kind,
            dry_run=kind == "preview",
            refresh=bool(options["refresh"]),
            program=bool(options["run_program"]),
            replace=tuple(options["replace"] or ()),
        )
        display = Display(kind, self.name, options["on_output"], diff=bool(options["diff"]))
        listeners = [display.show, *([options["on_event"]] if options["on_event"] else [])]
        events = Events(listeners, planning=order.dry_run)
        setting = replace(self.setting, parallel=options["parallel"] or self.setting.parallel)
        began = datetime.now(timezone.utc)
        outcome = run(order, setting, self.file, events)
        printed = display.close(outcome, events.changes)
        if not outcome.succeeded:
            reason = display.reason(outcome)
            # The codes of the CLI, except 130: the CLI exits with 1 after Ctrl-C, too.
            code = 130 if outcome.interrupted else 1
            text = f"\n code: {code}\n stdout: {printed}\n stderr: {reason}"
            raise EngineError(text, stdout=printed, stderr=reason, code=code)
        summary = UpdateSummary(
            kind=kind,
            start_time=began,
            message="",
            environment={},
            result="succeeded",
            config={},
            end_time=datetime.now(timezone.utc),
            resource_changes=dict(events.changes),  # type: ignore[arg-type]
        )
        return summary, printed
