"""Calls of the service, bounded in number, time and size."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.auth

from tests.contract.outcome import DiffersError, NotReachedError, RefusedError

MAX_CALLS = 60
MAX_SECONDS = 900.0
MAX_BYTES = 8_000_000
TIMEOUT = (10.0, 30.0)
OWN_KEY = ""
BAD_KEY = "not-a-key-of-anybody"
_NO_DETAIL = "without a text"


@dataclass
class Reply:
    """An answer; header names are in lower case."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def document(self) -> Any:
        """The body as JSON.

        Raises:
            DiffersError: it is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise DiffersError(f"answered {self.status} with a body that is not JSON") from None

    def told(self) -> str:
        """Return the status code and, of an error, the service's words and the id for its support."""
        if self.status < 400:
            return str(self.status)
        request_id = self.headers.get("x-request-id")
        return f"{self.status} {self._words()!r}" + (f" (request {request_id})" if request_id else "")

    def _words(self) -> str:
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return _NO_DETAIL
        detail = document.get("detail") if isinstance(document, dict) else None
        # An array repeats what was sent; the case about 422 checks its shape.
        return detail if isinstance(detail, str) else _NO_DETAIL


class Caller:
    """Sends calls to one base URL with one key; a context manager.

    Attributes:
        calls: how many were sent.
        accepted: whether the service accepted a call with the own key.

    Args:
        base_url: without a slash at the end.
        key: the API key; it goes into the Authorization header and nowhere else.
        clock: gives seconds that never go back.
    """

    def __init__(self, base_url: str, key: str, clock: Any = time.monotonic) -> None:
        self.base_url = base_url
        self.calls = 0
        self.accepted = False
        self._key = key
        self._clock = clock
        self._end = clock() + MAX_SECONDS
        self._session = requests.Session()
        # A key for an emulator on this machine does not go to a proxy.
        self._session.trust_env = not is_loopback(base_url)

    def __enter__(self) -> Caller:  # noqa: PYI034 - Self is newer than Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def call(
        self, method: str, path: str, *, key: str | None = OWN_KEY, cleaning: bool = False, **options: Any
    ) -> Reply:
        """Send one call and return the answer whatever its status; redirects are not followed.

        Args:
            method: GET, POST or DELETE.
            path: from the base URL on, encoded as it is to be sent.
            key: a key to use instead of the own one, or None for no key.
            cleaning: the call deletes what was created, and is sent even beyond the bounds.
            options: ``json``, ``files``, ``data`` or ``params``, as requests has them.

        Raises:
            NotReachedError: no answer came, or the service is broken; the call may have had its effect.
            RefusedError: the service is busy or refuses the key, or the bounds are passed.
        """
        if not cleaning and (self.calls >= MAX_CALLS or self._clock() > self._end):
            raise RefusedError(f"the run stops after {MAX_CALLS} calls or {MAX_SECONDS:.0f} s")
        self.calls += 1
        reply = self._send(method, path, key, options)
        if reply.status >= 500:
            raise NotReachedError(f"{method} answered {reply.told()}")
        if reply.status == 429:
            raise RefusedError(f"{method} answered {reply.told()}")
        if reply.status == 401 and key == OWN_KEY:
            raise RefusedError(f"the key is refused: {reply.told()}")
        self.accepted = self.accepted or key == OWN_KEY
        return reply

    def _send(self, method: str, path: str, key: str | None, options: dict[str, Any]) -> Reply:
        given = self._key if key == OWN_KEY else key
        # As `auth` and not as a header: otherwise requests would replace the key by a login of ~/.netrc.
        auth = _Bearer(given)
        url = self.base_url + path
        bounds: dict[str, Any] = {"timeout": TIMEOUT, "allow_redirects": False, "stream": True}
        try:
            with self._session.request(method, url, auth=auth, **bounds, **options) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Reply(answer.status_code, self._body(answer), headers)
        except requests.RequestException as error:
            # The error's own text contains the URL, and so the project.
            raise NotReachedError(f"no answer to {method} ({type(error).__name__})") from None

    def _body(self, answer: requests.Response) -> bytes:
        body = b""
        end = self._clock() + TIMEOUT[1]
        for part in answer.iter_content(65536):
            body += part
            if len(body) > MAX_BYTES or self._clock() > end:
                raise NotReachedError(f"an answer had more than {MAX_BYTES} bytes or took too long")
        return body


def is_loopback(url: str) -> bool:
    """Return whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class _Bearer(requests.auth.AuthBase):
    """Puts a key into the Authorization header, or leaves the header out."""

    def __init__(self, key: str | None) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key is not None:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request
