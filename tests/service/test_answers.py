"""How an answer is understood, and where the key is taken out."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from nebius_model_resource._service.answers import body_of, one_line, parse_retry_after, without_key
from nebius_model_resource._service.http import Answer
from nebius_model_resource.errors import (
    AccessDenied,
    ApiError,
    BadRequest,
    NotFound,
    Redirected,
    ServerFault,
    Throttled,
    UnusableAnswer,
)
from tests.support.virtual import EPOCH

KEY = "sk-0123456789abc"  # the shortest key that is looked for
MASK = "[api key]"
DATA = ("name", "base_model", "source", "description", "id", "filename", "url", "created_by")


STATUSES: dict[type[ApiError], tuple[int, ...]] = {
    AccessDenied: (401, 403),
    BadRequest: (199, 400, 402, 409, 413, 422, 499),
    NotFound: (404, 410),
    Redirected: (300, 302, 399),
    ServerFault: (408, 500, 502, 503, 504, 599),
    Throttled: (429,),
}


@pytest.mark.parametrize("pause", [None, "3"])
@pytest.mark.parametrize(
    ("code", "error"), [(code, error) for error, codes in STATUSES.items() for code in codes]
)
def test_each_status_has_its_error(code: int, error: type[ApiError], pause: str | None) -> None:
    """The class follows from the status and from a pause that is asked for; what was answered is in attributes."""
    headers = {"x-request-id": "r7", **({"Retry-After": pause} if pause else {})}
    if pause and code == 503:
        error = Throttled
    with pytest.raises(ApiError) as caught:
        body_of(Answer(code, headers, b'{"detail": "no"}'), KEY)
    assert type(caught.value) is error
    assert (caught.value.status, caught.value.request_id) == (code, "r7")
    assert caught.value.retry_after == (3 if error is Throttled and pause else None)
    assert caught.value.remedy
    if error is not Redirected:
        assert caught.value.detail == "no"
        assert str(caught.value) == f"no (HTTP {code}, request id r7): {error.remedy}"


def test_each_status_from_200_on_is_a_success() -> None:
    """Its body is returned as it was sent."""
    for code in (200, 201, 204, 299):
        assert body_of(Answer(code, {}, b'{"a": [1]}'), KEY) == {"a": [1]}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"detail": "no"}, "no"),
        ({"detail": "no", "message": "yes"}, "no"),
        ({"detail": f"no\n{KEY}"}, f"no {MASK}"),
        ({"detail": [f"a {KEY}", 7]}, f"a {MASK}; 7"),
        ({"detail": [{"loc": ["body", "name"], "msg": f"too long: {KEY}"}]}, f"name: too long: {MASK}"),
        ({"message": [{"loc": ["body", "a", 1], "msg": "x"}]}, "a.1: x"),
        ({"detail": [{"loc": ["body"], "msg": "x"}, {"loc": "name", "msg": "y"}, {"msg": "z"}]}, "x; y; z"),
        ({"detail": [{"loc": ["name"]}]}, "name: {'loc': ['name']}"),
        ({"detail": [{"name": KEY}]}, f"{{'name': '{MASK}'}}"),
        ({"detail": []}, '{"detail": []}'),
        ({"error": KEY}, f'{{"error": "{MASK}"}}'),
        ({"name": KEY, KEY: 1}, f'{{"name": "{MASK}", "{MASK}": 1}}'),
        (b"", "no reason given"),
        (b"<h1>\xff\n502", "<h1>\ufffd 502"),
        (f'{{"error": "sk-\\u00301{KEY[5:]}"}}'.encode(), f'{{"error": "{MASK}"}}'),
        (b"x" * 9000, "x" * 600 + "… (4800 characters)"),
        (b" " * 4790 + KEY.encode(), MASK),
        (b"[" * 100_000, "[" * 600 + "… (4800 characters)"),
        (
            b"<!DOCTYPE html><title>413 Request Entity Too Large</title><style>p {}</style><script>x()</script>nginx",
            "413 Request Entity Too Large nginx",
        ),
        (b"<html>" + b"<script>" * 200_000, "no reason given"),
    ],
)
def test_the_reason_is_found_in_the_body_of_an_error(body: Any, detail: str) -> None:
    """It is the text or list in `detail`, else `message`, else the beginning of the body, without the key."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(BadRequest) as caught:
        body_of(Answer(413, {}, raw), KEY)
    assert caught.value.detail == detail
    assert caught.value.message == f"{detail} (HTTP 413)"


@pytest.mark.parametrize(
    ("headers", "place"),
    [({"Location": "/there"}, "/there"), ({"Location": f"/?key={KEY}\n"}, f"/?key={MASK}"), ({}, "nowhere")],
)
def test_a_redirect_says_where_to(headers: dict[str, str], place: str) -> None:
    """It is not followed; the key is in no header that is shown."""
    with pytest.raises(Redirected) as caught:
        body_of(Answer(302, {"x-request-id": f"r-{KEY}", **headers}, b"moved"), KEY)
    assert caught.value.message == (
        f"a redirect to {place!r}, which is not followed so that the key goes nowhere else "
        f"(HTTP 302, request id r-{MASK})"
    )


def test_a_success_that_is_not_json_is_shown() -> None:
    """Its first 200 characters are, without the key."""
    for text, shown in (("<h1>" + "x" * 900, "<h1>" + "x" * 196), (f"who is {KEY}", f"who is {MASK}")):
        with pytest.raises(UnusableAnswer) as caught:
            body_of(Answer(200, {}, text.encode()), KEY)
        assert caught.value.message == f"the service answered 200 with something else than JSON: {shown!r}"


def test_the_key_is_taken_out_of_words_and_not_out_of_data() -> None:
    """A name, a description or a source with the key in it stays what it is: a model must be found by its name."""
    data = dict.fromkeys(DATA, f"a {KEY}")
    words = {
        "status": KEY,
        "status_reason": f"see {KEY} and {KEY}",
        "error": {"message": f"bad {KEY}", "detail": KEY},
    }
    raw = json.dumps([{**data, **words, "created_at": 7, "job": data}]).encode()
    cleaned = json.loads(json.dumps(words).replace(KEY, MASK))
    assert body_of(Answer(200, {}, raw), KEY) == [{**data, **cleaned, "created_at": 7, "job": data}]
    # A key of fewer than 16 characters, such as "test", occurs in ordinary texts.
    assert without_key("a test", "test") == "a test"
    assert without_key(f"a {KEY}", KEY[:15]) == f"a {KEY}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" a ", "a"),
        ("a\nb\x1b[31m\tc", "a b [31m c"),
        ("\u202eabc", "abc"),
        ("ключ é", "ключ é"),
        ("x" * 600, "x" * 600),
        ("x" * 601, "x" * 600 + "… (601 characters)"),
        ("x" * 300 + "\n" + "y" * 300, "x" * 300 + " " + "y" * 299 + "… (601 characters)"),
    ],
)
def test_a_text_is_made_one_printable_line(text: str, shown: str) -> None:
    """Control characters become blanks, and a text of more than 600 characters is cut with its length."""
    assert one_line(text) == shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("1", 1), (" 2.5 ", 2.5)),
        ("Fri, 15 Jan 2027 08:00:10 GMT", 10),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("Fri, 15 Jan 2027 09:00:10 +0100", 10),
        ("Fri, 15 Jan 2027 08:00:10 -0000", 10),
        *((text, None) for text in ("soon", "-3", "1s", "\u0661", "", None)),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(
    monkeypatch: pytest.MonkeyPatch, text: str | None, seconds: float | None
) -> None:
    """Seconds and a date are understood in any time zone; anything else is not."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        assert parse_retry_after(text, now=lambda: EPOCH) == seconds
    time.tzset()
