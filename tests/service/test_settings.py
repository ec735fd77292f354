"""Where the settings come from, what they may be, and what messages say, word for word."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebius_model_resource._service.settings import (
    API_KEY,
    API_KEY_VARIABLE,
    BASE_URL,
    DEFAULT_BASE_URL,
    PLUGIN,
    PREFLIGHT,
    PROJECT,
    PROVIDER,
    Configuration,
    unclean,
)
from nebius_model_resource.errors import ConfigurationError

SET_KEY = "run `pulumi config set --secret nebius-models:apiKey <key>`, or set the environment variable NEBIUS_API_KEY"
SET_URL = "run `pulumi config set nebius-models:baseUrl <url>`, or set NEBIUS_BASE_URL"
SET_VARIABLE = "set the environment variable NEBIUS_"
MUST = "it must be https, or http on loopback alone, such as 'https://api.studio.nebius.com'"
HTTPS = f"would send the key unencrypted, or has another scheme: {MUST}"
FORM = f"is not a scheme, a host and perhaps a path: {MUST}"
QUOTES, SPACES = "has quotes around it, remove them", "has spaces or line breaks in it, remove them"
ODD = "has invisible or non-ASCII characters in it, type it again"
SPACED = f"the Nebius API key in {API_KEY} {SPACES}: {SET_KEY}"
USER = "has a user or password in it, which is never used: remove them"
NAMED = f"set the environment variable that {API_KEY_VARIABLE} names (give it a name, not the key)"
NOT_SET = f"no Nebius API key: {NAMED}"


def configured(*values: dict[str, str], asker: str = "stack") -> Configuration:
    """A configuration with those values."""
    return Configuration({name: text for each in values for name, text in each.items()}.get, asker)


def refusal(read: Callable[[], object]) -> str:
    """The one line with which the settings are refused."""
    with pytest.raises(ConfigurationError) as caught:
        read()
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_the_stack_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting comes from the first place that has it, and white space around it is removed."""
    for name in ("API_KEY", "BASE_URL", "AI_PROJECT_ID"):
        monkeypatch.setenv(f"NEBIUS_{name}", f" https://{name}\n")
    settings = configured().settings()
    assert (settings.api_key, settings.base_url) == ("https://API_KEY", "https://BASE_URL")
    assert configured().project() == "https://AI_PROJECT_ID"
    stack = configured({API_KEY: " k ", BASE_URL: "https://x/", PROJECT: "p"})
    assert (stack.settings().api_key, stack.settings().base_url, stack.project()) == ("k", "https://x", "p")
    for name in ("MY_KEY", "_k1", "A" * 64):
        monkeypatch.setenv(name, " k\n")
        assert configured({API_KEY_VARIABLE: f" {name} "}).settings().api_key == "k"
    assert Configuration({API_KEY: 7, PROJECT: ""}.get).project() == "https://AI_PROJECT_ID"  # type: ignore[arg-type]


def test_there_are_defaults_and_no_key_in_a_repr() -> None:
    """Without a base URL, the documented host is used; there need be no project."""
    configuration = configured({API_KEY: "sesame"})
    assert configuration.settings().base_url == DEFAULT_BASE_URL
    assert "sesame" not in repr(configuration.settings())
    assert configuration.project() is None
    assert configuration.preflight()


@pytest.mark.parametrize(
    ("config", "environ", "message"),
    [
        ({}, {}, f"no Nebius API key: {SET_KEY}"),
        ({API_KEY: " "}, {"NEBIUS_API_KEY": "\n"}, f"no Nebius API key: {SET_KEY}"),
        ({API_KEY: "a b"}, {}, SPACED),
        (
            {},
            {"NEBIUS_API_KEY": "é"},
            f"the Nebius API key in NEBIUS_API_KEY {ODD}: {SET_KEY}",
        ),
        (
            {API_KEY: "k", API_KEY_VARIABLE: "MY_KEY"},
            {"MY_KEY": "k"},
            f"{API_KEY} and {API_KEY_VARIABLE} are both set: remove one of them",
        ),
        ({API_KEY_VARIABLE: " MY_KEY\n"}, {"MY_KEY": " ", "NEBIUS_API_KEY": "k"}, NOT_SET),
        ({API_KEY_VARIABLE: "My_Key"}, {}, NOT_SET),
        (
            {API_KEY_VARIABLE: "MY_KEY"},
            {"MY_KEY": '"k"'},
            f"the Nebius API key in MY_KEY {QUOTES}: {NAMED}",
        ),
        (
            {API_KEY: "a b", BASE_URL: "ftp://x"},
            {},
            f"the base URL in {BASE_URL} {HTTPS}: {SET_URL}",
        ),
    ],
)
def test_a_message_has_the_place_the_fault_and_the_fix(
    config: dict[str, str], environ: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first fault is named, without the key and without a name of a variable that may be the key."""
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    assert refusal(configured(config).settings) == message


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://x.example", "https://x.example"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:1", "http://[::1]:1"),
        ("http://127.9.9.9/v1", "http://127.9.9.9"),
        (f"{DEFAULT_BASE_URL}//v0//", DEFAULT_BASE_URL),
        (f" {DEFAULT_BASE_URL}:8443/V1\r\n", f"{DEFAULT_BASE_URL}:8443"),
        ("HTTPS://gw.example/A://b/v1/", "https://gw.example/A://b"),
        ("https://gw.example/v1beta", "https://gw.example/v1beta"),
        ("https://gw.example/api/v10/", "https://gw.example/api/v10"),
    ],
)
def test_the_version_at_the_end_of_a_base_url_is_removed(given: str, used: str) -> None:
    """One variable works for this package and OpenAI's client; a gateway's own path stays."""
    assert configured({API_KEY: "k", BASE_URL: given}).settings().base_url == used


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://api.studio.nebius.com", HTTPS),
        ("http://localhost.evil.example", HTTPS),
        ("ftp://x/sesame", HTTPS),
        ("https://", FORM),
        ("https://host:port", FORM),
        ("http://[::1", FORM),
        ("https://x?token=s3cret", FORM),
        ("https://user:s3/cr?et@host/v1", USER),
        ("user:s3cret@host", USER),
        ("api.studio.nebius.com/v1", FORM),
        ("sesame", FORM),
        ("'https://x'", QUOTES),
        ("https://api studio", SPACES),
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused(url: str, fault: str) -> None:
    """Each kind of wrong URL has its fix; it is not shown, since it may hold a password, a token or the key."""
    message = refusal(configured({API_KEY: "sesame", BASE_URL: url}).settings)
    assert message == f"the base URL in {BASE_URL} {fault}: {SET_URL}"


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ('"{}"', QUOTES),
        ("{}'", QUOTES),
        ("\u201c{}\u201d", QUOTES),
        ("Bearer {}", "begins with 'Bearer', give only what follows it"),
        ("bearer{}", "begins with 'Bearer', give only what follows it"),
        ("{} # the key", SPACES),
        ("{0}\n{0}", SPACES),
        ("\ufeff{}", ODD),
        ("{}\u200b", ODD),
        ("{}/-_.=+", None),
        ("", None),
    ],
)
def test_what_was_copied_with_a_value_is_named(form: str, fault: str | None) -> None:
    """It holds for keys, projects and base URLs; the message never repeats the value."""
    value = form.format("sesame")
    assert unclean(value) == fault
    if fault:
        for read in (configured({API_KEY: value}).settings, configured({PROJECT: value}).project):
            message = refusal(read)
            assert f" {fault}: run `pulumi config set " in message
            assert "sesame" not in message


# The middle is a text that no message contains: a key must not be a part of a message's own words.
@given(
    st.builds("{}Zq9{}".format, st.text(min_size=6), st.text(min_size=3)),
    st.sampled_from(["{}", '"{}"', "Bearer {}", "{} # key", "{}\n", "\ufeff{}", "{}é"]),
)
def test_no_key_is_ever_in_a_message(key: str, form: str) -> None:
    """Whatever the key is, and wherever it was pasted, no message repeats it."""
    text = form.format(key)
    for config in (
        {API_KEY: text, BASE_URL: f"ftp://{text}"},
        {API_KEY: key, BASE_URL: f"https://{key}@h"},
        {API_KEY_VARIABLE: text},
        {PROJECT: f"{text}\nx"},
    ):
        configuration = configured(config)
        for read in (configuration.key, configuration.base_url, configuration.project):
            try:
                read()
            except ConfigurationError as error:
                assert key.strip() not in str(error)  # noqa: PT017 - it need not be raised


EU = "of Provider 'eu', or set NEBIUS"


@pytest.mark.parametrize(
    ("config", "asker", "key", "url", "place"),
    [
        ({}, "stack", SET_KEY, SET_URL, f"`pulumi config set --secret {API_KEY} <key>`, or NEBIUS_API_KEY"),
        ({}, "script", f"{SET_VARIABLE}API_KEY", f"{SET_VARIABLE}BASE_URL", "NEBIUS_API_KEY"),
        (
            {},
            "command",
            f"{SET_VARIABLE}API_KEY",
            "give --base-url <url>, or set NEBIUS_BASE_URL",
            "NEBIUS_API_KEY",
        ),
        (
            {PROVIDER: "eu"},
            "stack",
            f"give api_key {EU}_API_KEY",
            f"give base_url {EU}_BASE_URL",
            "api_key of Provider 'eu'",
        ),
        (
            {PROVIDER: "eu", PLUGIN: "yes"},
            "stack",
            f"give apiKey {EU}_API_KEY",
            f"give baseUrl {EU}_BASE_URL",
            "apiKey of Provider 'eu'",
        ),
    ],
)
def test_each_reader_is_shown_how_to_set_a_value(
    config: dict[str, str], asker: str, key: str, url: str, place: str
) -> None:
    """A stack configures, a script sets variables, a command has options, and an explicit provider arguments."""
    asked = configured(config, asker=asker)
    assert (asked.remedy(API_KEY), asked.remedy(BASE_URL)) == (key, url)
    assert refusal(asked.settings) == f"no Nebius API key: {key}"
    assert (asked.key_place, asked.is_key_recorded) == (place, False)
    named = configured(config, {API_KEY_VARIABLE: " MY_KEY "}, asker=asker)
    assert named.key_place == f"MY_KEY, named by {named.name(API_KEY_VARIABLE)}"
    wrong = configured(config, {API_KEY: "k", PROJECT: "a b"}, asker=asker)
    assert refusal(wrong.project) == f"the project in {wrong.name(PROJECT)} {SPACES}: {wrong.remedy(PROJECT)}"
    assert wrong.is_key_recorded


@pytest.mark.parametrize(("value", "on"), [("true", True), (" False ", False), (True, True), (False, False)])
def test_the_preflight_is_true_or_false(value: object, on: bool) -> None:
    """Another value is not shown: it may be anything, even a key."""
    assert Configuration({PREFLIGHT: value}.get).preflight() is on  # type: ignore[arg-type]
    message = refusal(configured({PREFLIGHT: "sesame"}).preflight)
    assert message == "nebius-models:preflight must be true or false"
