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
    """The program uses a feature that this engine does not support; the real engine may support it."""


class ConfigError(EngineError):
    """A project or configuration file is missing or unreadable, or holds what cannot be used here."""


class SecretError(EngineError):
    """No passphrase for a secret, or the wrong one."""


class StateError(EngineError):
    """The state file cannot be read as a version 3 deployment."""


class StepFailed(Exception):
    """Between the parts of the engine: a provider's method failed.

    `reasons` is set if the resource exists nevertheless (partial state).
    """

    def __init__(
        self,
        message: str,
        *,
        id_: str = "",
        outputs: dict[str, object] | None = None,
        inputs: dict[str, object] | None = None,
        reasons: list[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.urn = ""
        self.id = id_
        self.outputs = outputs
        self.inputs = inputs
        self.reasons = reasons


class PathError(Exception):
    """Between the parts of the engine: a text is not a property path."""


class DiffUnavailable(Exception):
    """Between the parts of the engine: it is unknown what changes; the text is shown to a person."""


class Bail(Exception):
    """Between the parts of the engine: the operation ends here; what is wrong has been reported already."""


class Unavailable(Exception):
    """Between the parts of the engine: the operation is being given up; the program's calls are refused."""
