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
    │   └── UnusableAnswer       an answer arrived, and is not what is documented
    ├── ApiError                 the service answered with an error status
    │   ├── BadRequest           400, 409, 422 and every other 4xx: the service's own refusal
    │   ├── AccessDenied         401, 403
    │   ├── NotFound             404, 410
    │   ├── Throttled            429, and 503 with Retry-After: not done, try again later
    │   ├── ServerFault          408 and 5xx: may have been done
    │   └── Redirected           3xx: never followed
    └── ModelError               a model that is not what was asked for
        ├── ValidationFailed     the service ended the validation with `error`
        ├── ModelVanished        the model is gone and this run did not delete it
        ├── Unfinished           the model exists and is not active yet
        │   ├── Interrupted      the run was stopped during the wait
        │   └── UnknownStatus    its status is not a documented one
        ├── DeadlineExceeded     time ran out before anything was created
        ├── AmbiguousCreate      more models match than were asked for
        ├── AdoptionRefused      the existing model is not the declared one
        ├── ModelMissing         there is no model of that name
        └── EngineGone           the engine went away during the wait

Every message is one line, names what was refused, and ends with what to do. No message holds a credential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nebius_model_resource._api.models import Fault, State


class NebiusError(Exception):
    """The root: every error that this package raises on purpose."""


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
    """A text is not the output of ``pulumi stack export``.

    Attributes:
        place: where the text is from.
    """

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place} holds no deployment, {why}: give what `pulumi stack export` prints")
        self.place = place


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


class NotSent(TransportError):
    """The request surely did not reach the service: it is safe to repeat.

    Attributes:
        permanent: True where repeating cannot help, as with an invalid certificate.
        remedy: what to do; None means to check the network and the base URL.
    """

    def __init__(self, message: str, *, permanent: bool = False, remedy: str | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.remedy = remedy


class AnswerLost(TransportError):
    """The request was sent and no complete answer arrived: it may have had its effect."""


class UnusableAnswer(TransportError):
    """The service answered with success and an undocumented body: the request may have had its effect."""


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


class AccessDenied(ApiError):
    """The key is missing, unknown or not allowed to do this (401, 403)."""


class NotFound(ApiError):
    """The service has no such thing (404, 410)."""


class Throttled(ApiError):
    """Nothing was done; try again later (429, and 503 with ``Retry-After``)."""


class ServerFault(ApiError):
    """The service or something in front of it failed (408, 5xx): the request may have had its effect."""


class Redirected(ApiError):
    """The service answered with a redirect, which is never followed: the key goes to no other host."""


class ModelError(NebiusError):
    """A model is not what was asked for."""


class ValidationFailed(ModelError):
    """The validation of a model ended with ``error``.

    Attributes:
        state: the failed model where it still exists, None where it was deleted.
    """

    def __init__(self, message: str, *, state: State | None = None) -> None:
        super().__init__(message)
        self.state = state


class ModelVanished(ModelError):
    """A model went away during the wait for it."""


class Unfinished(ModelError):
    """A model exists and did not become active in time.

    Attributes:
        state: all that is known of the model; its ``generated_name`` is what to wait for.
    """

    def __init__(self, message: str, *, state: State) -> None:
        super().__init__(message)
        self.state = state


class Interrupted(Unfinished):
    """A model exists and is not active yet, because the run was stopped during the wait for it."""


class UnknownStatus(Unfinished):
    """A model exists, and its status is not a documented one."""


class DeadlineExceeded(ModelError):
    """Time ran out before the service created, reported or deleted anything."""


class AmbiguousCreate(ModelError):
    """An answer was lost, and more models match the request than it can have created.

    Attributes:
        candidates: the generated names of those models.
    """

    def __init__(self, message: str, *, candidates: list[str]) -> None:
        super().__init__(message)
        self.candidates = candidates


class AdoptionRefused(ModelError):
    """An existing model differs from the declared one, or cannot be taken over.

    Attributes:
        faults: each difference, one per property.
    """

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.property}: {fault.reason}" for fault in faults))
        self.faults = faults


class ModelMissing(ModelError):
    """There is no model of that name.

    Attributes:
        name: the name that was looked for.
    """

    def __init__(self, name: str, hint: str = "") -> None:
        missing = f"there is no model {name!r} at the service{', ' if hint else ''}{hint}"
        super().__init__(f"{missing}: `nebius-models list` shows what there is")
        self.name = name


class EngineGone(ModelError):
    """The engine that asked for the model is no longer there to record it."""


def may_have_happened(error: BaseException) -> bool:
    """Whether the failed request may have had its effect."""
    return isinstance(error, (AnswerLost, UnusableAnswer, ServerFault))
