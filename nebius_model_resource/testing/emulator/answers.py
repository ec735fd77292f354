"""Ready answers of the API, mostly its errors, and how one is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Send

NO_TOKEN = "Couldn't authenticate. Reason: token is not present"
BAD_TOKEN = "Couldn't authenticate. Reason: Unable authenticate"
NO_ACCESS = "You don't have access to the resource or it does not exist"
UNKNOWN_FILE = "The file `{}` does not exist."


@dataclass
class Answer:
    """A complete answer: status code, headers (names in lower case) and body."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    async def send(self, send: Send) -> None:
        """Send it, with its true length unless a header says otherwise."""
        # HTTP allows these two no body.
        body = b"" if self.status in {204, 304} else self.body
        headers = {"content-length": str(len(body)), **self.headers}
        await send({"type": "http.response.start", "status": self.status, "headers": wire(headers)})
        await send({"type": "http.response.body", "body": body})


def wire(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI has them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def as_json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer with a JSON body."""
    # Plain ASCII, so that even half a surrogate pair sent to us can be echoed.
    body = json.dumps(content, separators=(",", ":")).encode("ascii")
    return Answer(status, body, {"content-type": "application/json", **(headers or {})})


def error(status: int, detail: Any, headers: dict[str, str] | None = None) -> Answer:
    """Return an error in the FastAPI style seen live: one top-level `detail`."""
    return as_json({"detail": detail}, status, headers)


def unknown_model(name: str, *, hidden: bool) -> Answer:
    """Return the answer to an unknown name.

    The 404 was seen live on chat calls. Below `/v0` neither form is documented; the 403 was seen live on
    other resources.
    """
    if hidden:
        return error(403, NO_ACCESS)
    return error(404, f"The model `{name}` does not exist.")


def unsupported_base(base_model: str, supported: list[str]) -> Answer:
    """Return the refusal of a base, with the text seen live in Jul 2026."""
    text = (
        f"Base model {base_model} does not support LoRa inference yet, list of supported models: {supported}"
    )
    return error(400, text)
