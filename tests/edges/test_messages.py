from __future__ import annotations

import pytest

from nebius_model_resource import errors
from nebius_model_resource._edges.messages import told

DETAIL = {"status": 400, "detail": "no"}


@pytest.mark.parametrize(
    ("error", "method", "text"),
    [
        (
            errors.AccessDenied("bad key (HTTP 401)", status=401, detail=""),
            "create",
            (
                "Nebius refused the key: bad key (HTTP 401); check the key (`pulumi config set --secret "
                "nebius-models:apiKey <key>`, or NEBIUS_API_KEY); nothing was made: run `pulumi up` again"
            ),
        ),
        (
            errors.BadRequest("locked (HTTP 409)", status=409, detail="locked"),
            "delete",
            (
                "Nebius refused to delete the model: locked (HTTP 409); the model may still exist and stays in the "
                "state: run the same command again"
            ),
        ),
        (
            errors.BadRequest("name too long", status=422, detail="name too long"),
            "create",
            (
                "Nebius refused the model: name too long; nothing was made: change what it names and run `pulumi up` "
                "again"
            ),
        ),
        (
            errors.NotSent("no connection to the service: Connection refused"),
            "create",
            (
                "Nebius could not be reached: no connection to the service: Connection refused; check the network and "
                "nebius-models:baseUrl; nothing was made: run `pulumi up` again"
            ),
        ),
        (
            errors.ServerFault("HTTP 502", status=502, detail=""),
            "read",
            "Nebius gave no usable answer: HTTP 502; the state is as it was: run `pulumi refresh` again",
        ),
        (errors.AnswerLost("whether it was made is not known"), "create", "whether it was made is not known"),
    ],
)
def test_a_message_says_who_refused_what_is_left_and_what_to_do(
    error: errors.NebiusError, method: str, text: str
) -> None:
    """The whole line is pinned for each kind of failure."""
    assert told(error, method) == text
