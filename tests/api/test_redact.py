"""What people read in the service's words: one line, of bounded length, without the key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nebius_model_resource._api.redact import detail_of, excerpt, harmless, holds, masked

KEY = "sk-0123456789abc"  # the shortest key that is searched for
MASK = "[api key]"


@pytest.mark.parametrize(
    ("text", "secret", "shown"),
    [
        (f"a {KEY} b {KEY}", KEY, f"a {MASK} b {MASK}"),
        (f"a {KEY}", "", f"a {KEY}"),
        ("a test", "test", "a test"),
        (f"a {KEY}", KEY[:15], f"a {KEY}"),
        ("a b", KEY, "a b"),
    ],
)
def test_a_key_is_masked_wherever_it_is(text: str, secret: str, shown: str) -> None:
    """A key of fewer than 16 characters, such as "test", occurs in ordinary texts and is not searched for."""
    assert masked(text, secret) == shown
    assert harmless(text, secret) == shown
    assert holds(text, secret) is (shown != text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        (" a ", "a"),
        ("a  b", "a b"),
        ("a\nb\x1b[31m\tc", "a b [31m c"),
        ("\u202eabc", "abc"),
        ("ключ é", "ключ é"),
        ("x" * 600, "x" * 600),
        ("x" * 601, "x" * 600 + "… (601 characters)"),
        ("\n" + "x" * 600, "x" * 600),
        ("x" * 300 + "\n" + "y" * 300, "x" * 300 + " " + "y" * 299 + "… (601 characters)"),
    ],
)
def test_a_text_is_made_one_printable_line(text: str, shown: str) -> None:
    """Control characters become blanks, and a text of more than 600 characters is cut with its length."""
    assert harmless(text) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"", ""),
        (b"<h1>\xff\n502", "<h1>\ufffd 502"),
        (f"see {KEY}".encode(), f"see {MASK}"),
        (b"x" * 9000, "x" * 600 + "… (4800 characters)"),
        (b" " * 4790 + KEY.encode(), MASK),
    ],
)
def test_a_body_is_shown_by_its_beginning(raw: bytes, shown: str) -> None:
    """The key is masked before the cut, because a cut could leave half of it."""
    assert excerpt(raw, KEY) == shown


def _detail(body: Any, raw: bytes | None = None) -> str:
    return detail_of(body, json.dumps(body).encode() if raw is None else raw, KEY)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"detail": "no"}, "no"),
        ({"message": "no"}, "no"),
        ({"detail": "no", "message": "yes"}, "no"),
        ({"detail": f"no\n{KEY}"}, f"no {MASK}"),
        ({"detail": [f"a {KEY}", 7]}, f"a {MASK}; 7"),
        ({"detail": [{"loc": ["body", "name"], "msg": "too long"}]}, "name: too long"),
        (
            {"detail": [{"loc": ["body", "a", 1], "msg": "x"}, {"loc": ["query", "p"], "msg": "y"}]},
            "a.1: x; query.p: y",
        ),
        ({"detail": [{"loc": ["body"], "msg": "x"}]}, "x"),
        ({"detail": [{"loc": "name", "msg": "x"}]}, "x"),
        ({"detail": [{"msg": "x"}]}, "x"),
        ({"detail": [{"loc": ["name"]}]}, "name: {'loc': ['name']}"),
        ({"detail": []}, ""),
        ({"detail": " "}, '{"detail": " "}'),
        ({"detail": 7}, '{"detail": 7}'),
        ({"error": "no"}, '{"error": "no"}'),
        (["no"], '["no"]'),
        ("no", '"no"'),
    ],
)
def test_the_reason_is_found_in_the_body_of_an_error(body: Any, detail: str) -> None:
    """It is the text or the list in `detail`, else `message`, else the body itself."""
    assert _detail(body) == detail


def test_a_body_without_words_gives_no_reason() -> None:
    """An empty body, or one that is not JSON, does not raise an error."""
    assert _detail(None, b"") == "no reason given"
    assert _detail(None, b"<h1>\\u0041") == "<h1>\\u0041"
    assert _detail({"a": "b"}, b'{"a": "b"}') == '{"a": "b"}'


@pytest.mark.parametrize("secret", [KEY, 'sk-"0123456789/abc', "sk-\\0123456789\u00e9bc"])
@pytest.mark.parametrize("form", ["error", "list", "name"])
def test_the_key_in_another_spelling_of_json_is_masked(secret: str, form: str) -> None:
    r"""A `\u0073` is an `s`: a body with a backslash is shown in its simplest spelling, in names and values."""
    spelled = "".join(f"\\u{ord(letter):04x}" for letter in secret)
    raw = {"error": f'{{"a": "{spelled} é"}}', "list": f'["{spelled} é"]', "name": f'{{"{spelled} é": 1}}'}[
        form
    ]
    detail = detail_of(json.loads(raw), raw.encode(), secret)
    assert detail == json.dumps(json.loads(raw), ensure_ascii=False).replace(
        json.dumps(secret, ensure_ascii=False)[1:-1], MASK
    )
    assert f"{MASK} é" in detail


def test_half_a_surrogate_pair_and_a_deep_body_are_shown_somehow() -> None:
    """JSON can hold characters that no text can, and more levels than Python can follow."""
    assert _detail({"a": "\ud800"}) == '{"a": "?"}'
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert detail_of(deep, b"\\", KEY) == "no reason given"
