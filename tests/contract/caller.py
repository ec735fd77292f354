"""Calls of the service, bounded in number and time."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from nebius_model_resource._service.settings import is_loopback

MAX_CALLS = 80
MAX_SECONDS = 900.0
TIMEOUT = (10.0, 30.0)
OWN_KEY = ""


class DiffersError(Exception):
    """The service does not answer as documented; the text says how, in shapes and without private data."""


class NotReachedError(Exception):
    """The case could not be tried; the text says why."""


class RefusedError(NotReachedError):
    """The call did nothing: it was not sent, or the service turned it away."""


@dataclass
class Reply:
    """An answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def document(self) -> Any:
        """The body as JSON; another body differs."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise DiffersError(f"answered {self.status} with a body that is not JSON") from None

    def text(self, name: str) -> str | None:
        """A text field of the body, or of what it wraps as `endpoint`; None if there is none."""
        with contextlib.suppress(DiffersError, AttributeError):
            value = self.document.get("endpoint", self.document).get(name)
            return value if isinstance(value, str) else None
        return None

    def told(self) -> str:
        """Return the status code and, of an error, the service's words and the id for its support."""
        if self.status < 400:
            return str(self.status)
        # Only a text is told: an array of faults repeats what was sent.
        detail, request_id = self.text("detail"), self.headers.get("x-request-id")
        words = "without a text" if detail is None else repr(detail)
        return f"{self.status} {words}" + (f" (request {request_id})" if request_id else "")


class Caller:
    """Sends calls to one base URL with one key.

    Attributes:
        calls: how many were sent.
        accepted: whether the service accepted a call with the own key.
    """

    def __init__(self, base_url: str, key: str) -> None:
        """The key goes into the Authorization header and nowhere else."""
        self.calls = 0
        self.accepted = False
        self._base_url = base_url
        self._key = key
        self._end = time.monotonic() + MAX_SECONDS

    def call(
        self, method: str, path: str, *, key: str | None = OWN_KEY, cleaning: bool = False, **options: Any
    ) -> Reply:
        """Send one call and return the answer whatever its status; redirects are not followed.

        Args:
            method: GET, POST, PATCH or DELETE.
            path: from the base URL on, encoded as it is to be sent.
            key: to use instead of the own one; None for no key.
            cleaning: whether to send the call even beyond the bounds, because it deletes what was created.
            options: as requests has them.

        Raises:
            NotReachedError: no answer came, or the service is broken; a `RefusedError` where nothing was done.
        """
        if not cleaning and (self.calls >= MAX_CALLS or time.monotonic() > self._end):
            raise RefusedError(f"the run stops after {MAX_CALLS} calls or {MAX_SECONDS:.0f} s")
        self.calls += 1
        reply = self._send(method, path, self._key if key == OWN_KEY else key, options)
        if reply.status >= 500:
            raise NotReachedError(f"{method} answered {reply.told()}")
        if reply.status == 429 or (reply.status == 401 and key == OWN_KEY):
            raise RefusedError(f"the service refuses the key or is busy: {reply.told()}")
        self.accepted = self.accepted or key == OWN_KEY
        return reply

    def _send(self, method: str, path: str, key: str | None, options: dict[str, Any]) -> Reply:
        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            if key is not None:
                request.headers["Authorization"] = f"Bearer {key}"
            return request

        url = self._base_url + path
        with requests.Session() as session:
            # A key for an emulator on this machine does not go to a proxy.
            session.trust_env = not is_loopback(urlsplit(url).hostname or "")
            try:
                # As `auth` and not as a header: otherwise requests would replace the key by a login of ~/.netrc.
                answer = session.request(
                    method, url, auth=authorize, timeout=TIMEOUT, allow_redirects=False, **options
                )
            except requests.RequestException as error:
                # The error's own text contains the URL, and so the project.
                raise NotReachedError(f"no answer to {method} ({type(error).__name__})") from None
            return Reply(answer.status_code, answer.content, answer.headers)
