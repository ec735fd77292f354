"""How an answer is understood."""

from __future__ import annotations

import pytest

from nebius_model_resource._api.answers import body_of, sent_at
from nebius_model_resource._api.transport import Answer
from nebius_model_resource.errors import (
    AccessDenied,
    ApiError,
    BadRequest,
    NebiusError,
    NotFound,
    Redirected,
    ServerFault,
    Throttled,
)
from tests.support.virtual import KEY


@pytest.mark.parametrize(
    ("code", "headers", "error"),
    [
        (300, {}, Redirected),
        (301, {"Location": "https://elsewhere.example"}, Redirected),
        (399, {}, Redirected),
        (400, {}, BadRequest),
        (401, {}, AccessDenied),
        (402, {}, BadRequest),
        (403, {}, AccessDenied),
        (404, {}, NotFound),
        (405, {}, BadRequest),
        (408, {}, ServerFault),
        (409, {}, BadRequest),
        (410, {}, NotFound),
        (422, {}, BadRequest),
        (429, {}, Throttled),
        (499, {}, BadRequest),
        (500, {}, ServerFault),
        (502, {}, ServerFault),
        (503, {}, ServerFault),
        (503, {"Retry-After": "3"}, Throttled),
        (500, {"Retry-After": "3"}, ServerFault),
        (504, {}, ServerFault),
        (599, {}, ServerFault),
        (199, {}, BadRequest),
    ],
)
def test_each_status_has_its_error(code: int, headers: dict[str, str], error: type[NebiusError]) -> None:
    """The error's class follows from the status, and from whether the service asks for a pause."""
    with pytest.raises(NebiusError) as caught:
        body_of(Answer(code, headers, b'{"detail": "no"}'), KEY)
    assert type(caught.value) is error
    assert caught.value.status == code  # type: ignore[attr-defined]
    asks = error is Throttled and headers
    assert caught.value.retry_after == (3 if asks else None)  # type: ignore[attr-defined]


@pytest.mark.parametrize("code", [200, 201, 204, 299])
def test_each_status_from_200_on_is_a_success(code: int) -> None:
    """Its body is returned as it was sent."""
    assert body_of(Answer(code, {}, b'{"a": [1]}'), KEY) == {"a": [1]}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(400, {}, b'{"detail": "no"}'), "no (HTTP 400)"),
        (Answer(400, {"x-request-id": "r7"}, b'{"detail": "no"}'), "no (HTTP 400, request id r7)"),
        (Answer(400, {"x-request-id": KEY}, b'{"detail": "no"}'), "no (HTTP 400, request id [api key])"),
        (Answer(500, {}, b""), "no reason given (HTTP 500)"),
        (Answer(500, {}, b"a\\b"), "a\\b (HTTP 500)"),
        (Answer(502, {}, b"<h1>Bad\ngateway"), "<h1>Bad gateway (HTTP 502)"),
        (Answer(403, {}, f"who is {KEY}?".encode()), "who is [api key]? (HTTP 403)"),
        (
            Answer(302, {"Location": f"/?key={KEY}"}, b"moved"),
            "a redirect to '/?key=[api key]', which is not followed so that the key goes nowhere else (HTTP 302)",
        ),
        (
            Answer(300, {"Location": "/there"}, b"moved"),
            "a redirect to '/there', which is not followed so that the key goes nowhere else (HTTP 300)",
        ),
        (
            Answer(302, {}, b"moved"),
            "a redirect to 'nowhere', which is not followed so that the key goes nowhere else (HTTP 302)",
        ),
        (
            Answer(200, {}, b"<html>" + b"x" * 900),
            f"the service answered 200 with something else than JSON: '<html>{'x' * 194}'",
        ),
    ],
)
def test_an_error_says_what_was_answered(answer: Answer, text: str) -> None:
    """It has the service's own words, the status and the request id, in one line and without the key."""
    with pytest.raises(NebiusError) as caught:
        body_of(answer, KEY)
    assert str(caught.value) == text


@pytest.mark.parametrize("code", [400, 429, 500])
def test_what_an_error_says_can_be_asked_for(code: int) -> None:
    """The status, the service's own words and the request id are its attributes."""
    with pytest.raises(ApiError, match=rf"^no \(HTTP {code}, request id r7\)$") as caught:
        body_of(Answer(code, {"x-request-id": "r7"}, b'{"detail": "no"}'), KEY)
    assert (caught.value.status, caught.value.detail, caught.value.request_id) == (code, "no", "r7")


@pytest.mark.parametrize(
    ("date", "seconds"),
    [("Fri, 15 Jan 2027 08:00:00 GMT", 1_800_000_000.0), ("yesterday", None), ("", None), (None, None)],
)
def test_the_clock_of_the_service_is_read_out_of_its_answers(date: str | None, seconds: float | None) -> None:
    """A `Date` that cannot be read counts as absent."""
    assert sent_at(Answer(200, {} if date is None else {"Date": date}, b"")) == seconds
