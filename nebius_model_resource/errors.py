"""What can go wrong, as one tree.

::

    NebiusError
    ├── ConfigurationError       no API key, or a base URL that cannot be used
    ├── InvalidInputs            inputs that the service cannot accept
    ├── UnreadableDeployment     a text that is not the output of `pulumi stack export`
    ├── UnusableArchive          a folder or zip that holds no adapter the service can take
    ├── TransportError           no usable answer arrived
    │   ├── NotSent              the request surely did not reach the service
    │   ├── AnswerLost           the request may have had its effect
    │   │   └── OutcomeUnknown   a POST may have created something, and the list does not say
    │   └── UnusableAnswer       an answer arrived, and is not what is documented
    ├── ApiError                 the service answered with an error status
    │   ├── BadRequest           400, 409, 422 and every other 4xx: the service's own refusal
    │   ├── AccessDenied         401, 403
    │   ├── NotFound             404, 410
    │   ├── Throttled            429, and 503 with Retry-After: not done, try again later
    │   ├── ServerFault          408 and 5xx: may have been done
    │   └── Redirected           3xx: never followed
    ├── ResourceError            a model, file or endpoint is not what was asked for
    │   ├── NotReady             a model or endpoint exists, or existed, and is not ready
    │   │   ├── ProvisioningFailed   it ended in `error`
    │   │   └── Unfinished       it exists and is not ready yet
    │   │       └── Interrupted      the run was stopped during the wait
    │   ├── Vanished             it is gone and this run did not delete it
    │   ├── DeadlineExceeded     time ran out before anything was created
    │   ├── AmbiguousCreate      more models match than were asked for
    │   ├── AdoptionRefused      the existing model or endpoint is not the declared one
    │   ├── Missing              there is no model, file or endpoint of that name or id
    │   ├── CheckpointMissing    a fine-tuning job has no checkpoint to use
    │   └── EngineGone           the engine went away during the wait
    └── QueryFailed              a function of a program failed (in `functions`, since it is also Pulumi's RunError)
        ├── ModelNotFound
        ├── EndpointNotFound
        └── CheckpointNotFound

Every message is one line, names what was refused, and ends with what to do. No message holds a credential.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from nebius_model_resource._provider.properties import State


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one input.

    Attributes:
        property: the input's name.
        reason: what was given, what is allowed, and what to do.
    """

    property: str
    reason: str


class NebiusError(Exception):
    """The root: every error that this package raises on purpose.

    Attributes:
        message: what went wrong.
        remedy: what to do, where the message does not say it.
    """

    remedy: str = ""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        if remedy:
            self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}" if self.remedy else self.message


class ConfigurationError(NebiusError):
    """The API key or the base URL is missing or cannot be used."""


class InvalidInputs(NebiusError):
    """Inputs that cannot work.

    Attributes:
        faults: every fault found, one per property, for a caller with form fields of its own.
    """

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.property}: {fault.reason}" for fault in faults))
        self.faults = faults


class UnreadableDeployment(NebiusError):
    """A text is not the output of ``pulumi stack export``."""

    remedy = "give what `pulumi stack export` prints"


class UnusableArchive(NebiusError):
    """A folder or zip cannot be uploaded as an adapter.

    Attributes:
        path: the folder or zip, as it was given.
        reason: what is wrong with it, and what to do.
    """

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{str(path)!r}: {reason}")
        self.path: str = str(path)
        self.reason: str = reason


class TransportError(NebiusError):
    """No usable answer arrived from the service."""

    remedy = "try again later"


class NotSent(TransportError):
    """The request surely did not reach the service: it is safe to repeat.

    Attributes:
        permanent: True where repeating cannot help, as with an invalid certificate.
    """

    remedy = "check the network and the base URL"

    def __init__(self, message: str, *, permanent: bool = False, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.permanent = permanent


class AnswerLost(TransportError):
    """The request was sent and no complete answer arrived: it may have had its effect."""


class OutcomeUnknown(AnswerLost):
    """A POST whose answer was lost may have created something, and the list does not say whether it did.

    Attributes:
        known: the ids that existed before the POST; None if the list could not be read.
    """

    def __init__(self, message: str, remedy: str, known: frozenset[str] | None) -> None:
        super().__init__(message, remedy)
        self.known = known


class UnusableAnswer(TransportError):
    """An answer broke off, or is not what is documented: the request may have had its effect."""


class ApiError(NebiusError):
    """The service answered with an error status.

    Attributes:
        status: the HTTP status code.
        detail: the service's own words, safe for a terminal.
        request_id: what the service's support asks for; None where the answer had none.
        retry_after: seconds that the service asks to wait; None where it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        detail: str,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail
        self.request_id = request_id
        self.retry_after = retry_after


class BadRequest(ApiError):
    """The service refused the request; repeating it changes nothing."""

    remedy = "change what the service names"


class AccessDenied(ApiError):
    """The key is missing, unknown or not allowed to do this (401, 403)."""

    remedy = "check the API key and the project"


class NotFound(ApiError):
    """The service has no such thing (404, 410)."""

    remedy = "check the name and the base URL"


class Throttled(ApiError):
    """Nothing was done; try again later (429, and 503 with ``Retry-After``)."""

    remedy = "try again later"


class ServerFault(ApiError):
    """The service or something in front of it failed (408, 5xx): the request may have had its effect."""

    remedy = "try again later"


class Redirected(ApiError):
    """The service answered with a redirect, which is never followed: the key goes to no other host."""

    remedy = "check the base URL"


class ResourceError(NebiusError):
    """A model, file or endpoint is not what was asked for."""


class NotReady(ResourceError):
    """A model or endpoint did not become ready.

    Attributes:
        state: all that is known of it, if it still exists; None if it was deleted.
    """

    def __init__(self, message: str, *, state: State | None = None) -> None:
        super().__init__(message)
        self.state = state


class ProvisioningFailed(NotReady):
    """A model or endpoint ended in the status ``error``."""


class Unfinished(NotReady):
    """A model or endpoint exists and did not become ready in time."""


class Vanished(ResourceError):
    """A model or endpoint went away during the wait for it."""

    remedy = "run `pulumi up` again to create a new one"


class Interrupted(Unfinished):
    """A model or endpoint is not ready yet, because the run was stopped during the wait for it."""


class DeadlineExceeded(ResourceError):
    """Time ran out before the service created, reported or deleted anything."""


class AmbiguousCreate(ResourceError):
    """An answer was lost, and more models match the request than it can have created."""


class AdoptionRefused(InvalidInputs, ResourceError):
    """What exists differs from what is declared, or cannot be taken over; each difference is a fault."""


class Missing(ResourceError):
    """There is no model, file or endpoint of that name or id.

    Attributes:
        noun: ``"model"``, ``"file"`` or ``"endpoint"``.
        name: the name or id that was looked for.
    """

    _REMEDIES: ClassVar = {
        "model": "`nebius-models list` shows what there is",
        "file": "check the id and the project",
        "endpoint": "`nebius-models endpoints` shows what there is",
    }

    def __init__(self, noun: str, name: str, hint: str = "") -> None:
        separator = ", " if hint else ""
        super().__init__(f"there is no {noun} {name!r} at the service{separator}{hint}", self._REMEDIES[noun])
        self.noun = noun
        self.name = name


class CheckpointMissing(ResourceError):
    """A job has no checkpoint to use: it does not exist, has not succeeded, or has none."""


class EngineGone(ResourceError):
    """The engine that made the call is no longer there to record the outcome."""


def may_have_happened(error: BaseException) -> bool:
    """Whether the failed request may have had its effect."""
    return isinstance(error, (AnswerLost, UnusableAnswer, ServerFault))
