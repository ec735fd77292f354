"""`LocalStack`: a stack on this engine, in the shape of `pulumi.automation.Stack`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import results
from .config import Config, load_project, load_stack_config, merged, qualified
from .display import Display
from .errors import EngineError
from .events import Listener, shown
from .operation import Order, Outcome, Setting, environment, run
from .secrets import Crypter
from .state import StateFile
from .urns import STACK_TYPE
from .values import Properties

OnOutput = Callable[[str], Any]
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"


class LocalStack:
    """One stack: a project folder, a configuration, and a state file of its own.

    `create_or_select` creates it; its methods mirror those of `pulumi.automation.Stack`: a test can take either.
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
        state_file: str | Path | None = None,
        state_dir: str | Path | None = None,
        python: str = sys.executable,
        parallel: int | None = None,
        passphrase: str | None = None,
    ) -> LocalStack:
        """The stack of that name, a new one if there is none.

        Args:
            stack_name: The stack's name; an organization may precede it, divided by `/`.
            work_dir: The folder with Pulumi.yaml.
            config: Values by key, over those of the project and of `Pulumi.<stack>.yaml`: a string, or a
                `pulumi.automation.ConfigValue` (which can be secret).
            env_vars: Environment for the program and the host, over this process's.
            state_file: The state file itself.
            state_dir: The folder for `<project>/<stack>.json`; default `.local-state` in `work_dir`.
            python: The interpreter for program and host.
            parallel: Steps at a time; default four times the number of cores.
            passphrase: For secrets; default the environment's PULUMI_CONFIG_PASSPHRASE.

        Raises:
            ConfigError: The project or its configuration cannot be used.
        """
        root = Path(work_dir).resolve()
        project = load_project(root)
        organization, _, name = stack_name.rpartition("/")
        extra = dict(env_vars or {})
        crypter = Crypter(
            passphrase if passphrase is not None else extra.get(PASSPHRASE, os.environ.get(PASSPHRASE))
        )
        merged_config = merged(project, load_stack_config(project, name, crypter), config or {})
        folder = Path(state_dir) if state_dir else root / ".local-state"
        path = Path(state_file) if state_file else folder / project.name / f"{name}.json"
        setting = Setting(
            project,
            name,
            python,
            environment(extra, root),
            merged_config,
            parallel or 4 * (os.cpu_count() or 1),
            organization.rpartition("/")[0] or organization or "organization",
        )
        return cls(setting, StateFile(path.resolve(), crypter))

    def set_config(self, key: str, value: Any) -> None:
        """Set one configuration value: a string or a `pulumi.automation.ConfigValue`."""
        self.setting.config = merged(self.setting.project, self.setting.config, {key: value})

    def set_all_config(self, config: Mapping[str, Any]) -> None:
        """Set several configuration values."""
        self.setting.config = merged(self.setting.project, self.setting.config, config)

    def get_config(self, key: str) -> Any:
        """One configuration value, secrets in the clear.

        Raises:
            KeyError: There is none of that name.
        """
        return self.setting.config[qualified(key, self.setting.project.name)]

    def get_all_config(self) -> Config:
        """All configuration values by qualified key."""
        return dict(self.setting.config)

    def remove_config(self, key: str) -> None:
        """Remove one configuration value."""
        self.setting.config.pop(qualified(key, self.setting.project.name), None)

    def preview(
        self,
        *,
        parallel: int | None = None,
        diff: bool = False,
        on_output: OnOutput | None = None,
        on_event: Listener | None = None,
        refresh: bool = False,
        run_program: bool = False,
        replace: list[str] | None = None,
        expect_no_changes: bool = False,
        **options: Any,
    ) -> results.PreviewResult:
        """Show what `up` would do, without doing it; the arguments are those of `up`.

        Raises:
            EngineError: The `up` would fail.
        """
        outcome, printed, _ = self._run(
            Order("update", dry_run=True, refresh=refresh, program=run_program, replace=tuple(replace or ())),
            parallel,
            on_output,
            on_event,
            diff=diff,
            expect_no_changes=expect_no_changes,
            options=options,
        )
        changes: Any = outcome.changes
        return results.PreviewResult(printed, "", changes)

    def up(
        self,
        *,
        parallel: int | None = None,
        diff: bool = False,
        on_output: OnOutput | None = None,
        on_event: Listener | None = None,
        refresh: bool = False,
        run_program: bool = False,
        replace: list[str] | None = None,
        expect_no_changes: bool = False,
        **options: Any,
    ) -> results.UpResult:
        """Create, update and delete what the program asks for.

        Args:
            parallel: Steps at a time.
            diff: Show what changes in each resource.
            on_output: Called with each line of what is shown.
            on_event: Called with each event.
            refresh: Refresh first.
            run_program: Refresh each resource under the name and configuration that the program has for it.
            replace: URNs of resources to replace, whatever their diff is.
            expect_no_changes: Fail at the end if something was changed.
            options: Nothing else is supported.

        Raises:
            EngineError: A step or the program failed; the state has what was done until then.
        """
        outcome, printed, summary = self._run(
            Order("update", refresh=refresh, program=run_program, replace=tuple(replace or ())),
            parallel,
            on_output,
            on_event,
            diff=diff,
            expect_no_changes=expect_no_changes,
            options=options,
        )
        return results.UpResult(printed, "", summary, results.output_map(outcome.outputs))

    def refresh(
        self,
        *,
        parallel: int | None = None,
        diff: bool = False,
        on_output: OnOutput | None = None,
        on_event: Listener | None = None,
        run_program: bool = False,
        expect_no_changes: bool = False,
        **options: Any,
    ) -> results.RefreshResult:
        """Update the state from what is live; `run_program` and `expect_no_changes` as for `up`.

        Raises:
            EngineError: A resource could not be read; the others have been.
        """
        _, printed, summary = self._run(
            Order("refresh", program=run_program),
            parallel,
            on_output,
            on_event,
            diff=diff,
            expect_no_changes=expect_no_changes,
            options=options,
        )
        return results.RefreshResult(printed, "", summary)

    def destroy(
        self,
        *,
        parallel: int | None = None,
        diff: bool = False,
        on_output: OnOutput | None = None,
        on_event: Listener | None = None,
        refresh: bool = False,
        run_program: bool = False,
        **options: Any,
    ) -> results.DestroyResult:
        """Delete everything.

        The program is run only with `run_program`, which deletes each resource under the name that it has there.
        `refresh` refreshes first.

        Raises:
            EngineError: A resource could not be deleted; the state has what is left.
        """
        _, printed, summary = self._run(
            Order("destroy", refresh=refresh, program=run_program),
            parallel,
            on_output,
            on_event,
            diff=diff,
            options=options,
        )
        return results.DestroyResult(printed, "", summary)

    def outputs(self) -> dict[str, results.OutputValue]:
        """The stack's outputs as the last `up` left them, secrets in the clear."""
        return results.output_map(self._outputs())

    def masked_outputs(self) -> dict[str, Any]:
        """The stack's outputs with `[secret]` in place of each secret, nested ones included."""
        return shown(self._outputs())

    def _outputs(self) -> Properties:
        resources = self.file.read().resources
        stack = next((each for each in resources if each.type == STACK_TYPE), None)
        return stack.outputs if stack else {}

    def export_stack(self, *, show_secrets: bool = True) -> Any:
        """The state as a `pulumi.automation.Deployment` (version 3).

        Its secrets are in the clear, as `pulumi.automation` returns them; in the file they are always encrypted.
        """
        from pulumi.automation import Deployment

        document = self.file.document(self.file.read(), show_secrets=show_secrets)
        return Deployment(document["version"], document["deployment"])

    def _run(
        self,
        order: Order,
        parallel: int | None,
        on_output: OnOutput | None,
        on_event: Listener | None,
        *,
        diff: bool,
        options: dict[str, Any],
        expect_no_changes: bool = False,
    ) -> tuple[Outcome, str, results.UpdateSummary]:
        kind = "preview" if order.dry_run else order.kind
        _refuse_options("up" if kind == "update" else kind, options)
        display = Display(
            kind, self.name, on_output, diff=diff, live=bool(options.get("live")), style=options.get("style")
        )
        listeners = [display.show, *([on_event] if on_event else [])]
        setting = self.setting
        if parallel:
            setting = Setting(**{**setting.__dict__, "parallel": parallel})
        began = datetime.now(timezone.utc)
        try:
            outcome = run(order, setting, self.file, listeners, expect_no_changes=expect_no_changes)
            printed = display.close(outcome)
        finally:
            display.stop()
        if not outcome.succeeded:
            reason = display.reason(outcome)
            # The codes of CLI 3.260, except 130: the CLI exits with 1 after Ctrl-C, too.
            code = 130 if outcome.interrupted else 7 if outcome.unexpected else 1
            text = f"\n code: {code}\n stdout: {printed}\n stderr: {reason}"
            raise EngineError(text, stdout=printed, stderr=reason, code=code)
        summary = results.UpdateSummary(
            kind=kind,
            start_time=began,
            message="",
            environment={},
            result="succeeded",
            config={
                key: {"value": each.value, "secret": each.secret} for key, each in setting.config.items()
            },
            end_time=datetime.now(timezone.utc),
            resource_changes=dict(outcome.changes),  # type: ignore[arg-type]
        )
        return outcome, printed, summary


_HARMLESS = {
    "style",
    "live",
    "color",
    "show_secrets",
    "message",
    "on_error",
    "suppress_progress",
    "suppress_outputs",
    "debug",
}


def _refuse_options(kind: str, options: dict[str, Any]) -> None:
    for name, value in options.items():
        if value is not None and value is not False and name not in _HARMLESS:
            raise EngineError(f"{kind}({name}=…) is not supported by this engine")
