"""Errors, as a user sees them.

EngineError                an operation failed; carries what was printed
├── Refused                the program asked for something this engine does not do
├── ConfigError            project, stack or configuration files are unusable
├── SecretError            a secret cannot be written or read with the passphrase at hand
└── StateError             the state file is not what it should be
"""

from __future__ import annotations

from typing import Any

from pulumi.automation.errors import CommandError


class EngineError(CommandError):
    """An operation failed; a `pulumi.automation.CommandError`, so that a test can expect either engine's.

    Attributes:
        stdout: Everything that was printed.
        stderr: The closing error line.
        code: The exit status a shell sees.
    """

    def __init__(self, message: str, *, stdout: str = "", stderr: str = "", code: int = 1) -> None:
        result: Any = message  # CommandError takes anything that prints as its message
        super().__init__(result)
        self.stdout = stdout
        self.stderr = stderr
        self.code = code


class Refused(EngineError):
    """The program or an operation asks for what this engine does not do."""


def unsupported(what: str) -> Refused:
    """The refusal of what Pulumi's own engine has; `what` ends in `is` or `are`."""
    return Refused(f"{what} not supported by this engine; Pulumi's own has it: scripts/engine builds it")


class ConfigError(EngineError):
    """A project or configuration file is missing or unreadable, or holds what cannot be used here."""


class SecretError(EngineError):
    """No passphrase for a secret, or the wrong one."""


class StateError(EngineError):
    """The state file cannot be read as a version 3 deployment."""


class StepFailed(Exception):
    """Between the parts of the engine: a provider's method failed.

    Attributes:
        urn: The resource that the call was about.
        id, outputs, inputs: What the provider reported of a resource that exists nevertheless.
        reasons: Why that resource is not finished (partial state); None if there is no such resource.
    """

    def __init__(self, message: str, urn: str = "") -> None:
        super().__init__(message)
        self.urn = urn
        self.id = ""
        self.outputs: dict[str, Any] = {}
        self.inputs: dict[str, Any] | None = None
        self.reasons: list[str] | None = None


class Bail(Exception):
    """Between the parts of the engine: the operation ends here; what is wrong has been reported already."""


class Unavailable(Exception):
    """Between the parts of the engine: the operation is being given up; the program's calls are refused."""
