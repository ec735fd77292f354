"""What can go wrong, as one tree.

::

    NebiusError
    ├── ConfigurationError       no API key, or a base URL that cannot be used
    ├── InvalidInputs            inputs that the service could not accept
    ├── UnreadableDeployment     a text that is not what `pulumi stack export` prints
    ├── TransportError           no answer that can be used came back
    │   ├── NotSent              the request surely did not reach the service
    │   ├── AnswerLost           the request may have had its effect
    │   └── UnusableAnswer       an answer came, and is not what is documented
    ├── ApiError                 the service answered with an error status
    │   ├── BadRequest           400, 409, 422 and every other 4xx: the service's own refusal
    │   ├── AccessDenied         401, 403
    │   ├── NotFound             404, 410
    │   ├── Throttled            429, and 503 with Retry-After: not done, to be tried later
    │   ├── ServerFault          408 and 5xx: may have been done
    │   └── Redirected           3xx: never followed
    └── ModelError               a model that is not what was asked for
        ├── ValidationFailed     the service ended the validation with `error`
        ├── ModelVanished        the model is gone though nobody here deleted it
        ├── Unfinished           the model exists and is not active yet
        │   └── UnknownStatus    its status is none that is documented
        ├── DeadlineExceeded     time ran out before anything was made
        ├── AmbiguousCreate      more models could be the one that was asked for than were asked for
        ├── AdoptionRefused      the existing model is not the declared one
        ├── ModelMissing         there is no model of that name
        └── EngineGone           the engine went away while the model was awaited

Every message is one line, names what was refused, and ends with what to do. No message holds a credential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nebius_model_resource._api.models import Fault, State


class NebiusError(Exception):
    """The root: whatever this package raises on purpose."""


class ConfigurationError(NebiusError):
    """The API key or the base URL is missing or cannot be used."""


class InvalidInputs(NebiusError):
    """Inputs that could not work.

    Attributes:
        faults: every fault found, one per property; what a caller shows beside its own form fields.
    """

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.property}: {fault.reason}" for fault in faults))
        self.faults = faults


class UnreadableDeployment(NebiusError):
    """A text is not what ``pulumi stack export`` prints.

    Attributes:
        place: where the text is from.
    """

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place} holds no deployment, {why}: give what `pulumi stack export` prints")
        self.place = place


class TransportError(NebiusError):
    """No answer that can be used came back from the service."""


class NotSent(TransportError):
    """The request surely did not reach the service, so that it may be repeated.

    Attributes:
        permanent: True where repeating cannot help, as with a certificate that is not valid.
        remedy: what to do, where it is something else than to check the network and the base URL.
    """

    def __init__(self, message: str, *, permanent: bool = False, remedy: str | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.remedy = remedy


class AnswerLost(TransportError):
    """The request was sent and its answer never came whole: it may have had its effect."""


class UnusableAnswer(TransportError):
    """The service answered with success and a body that is not what is documented."""


class ApiError(NebiusError):
    """The service answered with an error status.

    Attributes:
        status: the HTTP status code.
        detail: the service's own words, made harmless for a terminal.
        request_id: what the service's support asks for; None where the answer had none.
    """

    def __init__(self, message: str, *, status: int, detail: str, request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail
        self.request_id = request_id


class BadRequest(ApiError):
    """The service refused what was asked; asking again changes nothing."""


class AccessDenied(ApiError):
    """The key is missing, unknown or not allowed to do this (401, 403)."""


class NotFound(ApiError):
    """There is no such thing at the service (404, 410)."""


class Throttled(ApiError):
    """Nothing was done; try again later (429, and 503 with ``Retry-After``).

    Attributes:
        retry_after: seconds to wait, None where the service did not say.
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
        super().__init__(message, status=status, detail=detail, request_id=request_id)
        self.retry_after = retry_after


class ServerFault(ApiError):
    """The service, or something in front of it, failed (408, 5xx): the request may have had its effect."""


class Redirected(ApiError):
    """The service answered with a redirect. None is followed, so that the key goes nowhere else."""


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
    """A model went away while it was awaited."""


class Unfinished(ModelError):
    """A model exists and did not become active in time; what is known of it must not be lost.

    Attributes:
        state: all that is known of the model; its ``generated_name`` is what to wait on.
    """

    def __init__(self, message: str, *, state: State) -> None:
        super().__init__(message)
        self.state = state


class UnknownStatus(Unfinished):
    """A model exists, and its status is none of the documented ones: nobody can say what it waits for."""


class DeadlineExceeded(ModelError):
    """Time ran out before the service had made, told or deleted anything."""


class AmbiguousCreate(ModelError):
    """An answer was lost, and more models could be the one it told of than can be told apart.

    Attributes:
        candidates: the generated names of those models.
    """

    def __init__(self, message: str, *, candidates: list[str]) -> None:
        super().__init__(message)
        self.candidates = candidates


class AdoptionRefused(ModelError):
    """An existing model is not the one that is declared, or cannot be taken over.

    Attributes:
        faults: each difference, one per property.
    """

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.property}: {fault.reason}" for fault in faults))
        self.faults = faults


class ModelMissing(ModelError):
    """There is no model of the name that was asked for.

    Attributes:
        name: that name.
    """

    def __init__(self, name: str, hint: str = "") -> None:
        told = f"there is no model {name!r} at the service{', ' if hint else ''}{hint}"
        super().__init__(f"{told}: `nebius-models list` shows what there is")
        self.name = name


class EngineGone(ModelError):
    """The engine that asked for the model is no longer there to record it."""


def may_have_happened(error: BaseException) -> bool:
    """Whether a request that failed so may have had its effect all the same."""
    return isinstance(error, (AnswerLost, UnusableAnswer, ServerFault))
