"""What the messages of the settings say, word for word: the place, the fault and the fix."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from nebius_model_resource._api import pasted
from nebius_model_resource._api.settings import (
    COMMAND,
    SCRIPT,
    STACK,
    Places,
    ai_project_id,
    is_loopback,
    load_settings,
    odd_project,
    places_of,
    project_hint,
)
from nebius_model_resource.errors import ConfigurationError

KEY, VARIABLE = "nebius-models:apiKey", "nebius-models:apiKeyVariable"
URL, PROJECT = "nebius-models:baseUrl", "nebius-models:aiProjectId"
EMPTY: dict[str, str] = {}
EXPLICIT = {"nebius-models:provider": "eu"}
SET_KEY = "run `pulumi config set --secret nebius-models:apiKey <key>`, or set the environment variable NEBIUS_API_KEY"
SET_URL = "run `pulumi config set nebius-models:baseUrl <url>`, or set NEBIUS_BASE_URL"
MUST = "it must be https, or http on loopback alone, such as 'https://api.studio.nebius.com'"


def refusal(
    config: Mapping[str, str], environ: Mapping[str, str] | None = None, places: Places | None = None
) -> str:
    """The reason for which these settings are refused."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(config.get, environ or {}, places)
    return str(caught.value)


@pytest.mark.parametrize(
    ("config", "environ", "message"),
    [
        ({}, {}, f"no Nebius API key: {SET_KEY}"),
        ({KEY: " "}, {"NEBIUS_API_KEY": "\n"}, f"no Nebius API key: {SET_KEY}"),
        (
            {KEY: "a b"},
            {},
            f"the Nebius API key in {KEY} has spaces or line breaks in it, remove them: {SET_KEY}",
        ),
        (
            {},
            {"NEBIUS_API_KEY": "é"},
            (
                "the Nebius API key in NEBIUS_API_KEY has characters in it that no key has (non-ASCII), copy it again: "
                f"{SET_KEY}"
            ),
        ),
        (
            {KEY: "k", VARIABLE: "MY_KEY"},
            {"MY_KEY": "k"},
            f"{KEY} and {VARIABLE} are both set: remove one of them",
        ),
        (
            {VARIABLE: "my-key"},
            {"my-key": "k"},
            f"{VARIABLE} is not the name of an environment variable: give its name, not the key",
        ),
        (
            {VARIABLE: "A" * 65},
            {"A" * 65: "k"},
            f"{VARIABLE} is not the name of an environment variable: give its name, not the key",
        ),
        (
            {VARIABLE: " MY_KEY\n"},
            {"MY_KEY": " ", "NEBIUS_API_KEY": "k"},
            (
                f"no Nebius API key: the environment variable MY_KEY, which {VARIABLE} names, is not set: set it to "
                "the key"
            ),
        ),
        (
            {VARIABLE: "My_Key"},
            {},
            f"no Nebius API key: the environment variable that {VARIABLE} names is not set: set it to the key",
        ),
        (
            {VARIABLE: "MY_KEY"},
            {"MY_KEY": '"k"'},
            "the Nebius API key in MY_KEY has quotes around it, remove them: set the environment variable MY_KEY",
        ),
        (
            {KEY: "k", URL: "ftp://x"},
            {},
            f"the base URL 'ftp://x' in {URL} has another scheme: {MUST}: {SET_URL}",
        ),
        (
            {KEY: "k", URL: " http://x.example "},
            {"NEBIUS_BASE_URL": "https://y.example"},
            f"the base URL 'http://x.example' in {URL} would send the key unencrypted: {MUST}: {SET_URL}",
        ),
        (
            {KEY: "k"},
            {"NEBIUS_BASE_URL": "http://["},
            f"the base URL 'http://[' in NEBIUS_BASE_URL cannot be read: {MUST}: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "https://x:y"},
            {},
            f"the base URL 'https://x:y' in {URL} cannot be read: {MUST}: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "https://x,y"},
            {},
            f"the base URL 'https://x,y' in {URL} is not a scheme, a host and perhaps a path: {MUST}: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "https://"},
            {},
            f"the base URL 'https://' in {URL} is not a scheme, a host and perhaps a path: {MUST}: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "https://x?y"},
            {},
            f"the base URL in {URL} is not a scheme, a host and perhaps a path: {MUST}: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "https://x#y"},
            {},
            f"the base URL in {URL} is not a scheme, a host and perhaps a path: {MUST}: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "me@x"},
            {},
            f"the base URL in {URL} has a user or password in it, which is never used: remove them: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "'https://x'"},
            {},
            f"the base URL in {URL} has quotes around it, remove them: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "localhost:80/x"},
            {},
            f"the base URL 'localhost:80/x' in {URL} has no scheme, put http:// in front: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "127.0.0.1"},
            {},
            f"the base URL '127.0.0.1' in {URL} has no scheme, put http:// in front: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "x.example"},
            {},
            f"the base URL 'x.example' in {URL} has no scheme, put https:// in front: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "x." + "e" * 58},
            {},
            f"the base URL 'x.{'e' * 58}' in {URL} has no scheme, put https:// in front: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "x." + "e" * 59},
            {},
            f"the base URL in {URL} has no scheme, put https:// in front: {SET_URL}",
        ),
        (
            {KEY: "k", URL: "ftp://" + "e" * 60},
            {},
            f"the base URL 'ftp://{'e' * 60}' in {URL} has another scheme: {MUST}: {SET_URL}",
        ),
        ({KEY: "k", URL: "nonsense"}, {}, f"the base URL 'nonsense' in {URL} is no URL: {MUST}: {SET_URL}"),
        (
            {KEY: "k", URL: "https://x/a/v1/models"},
            {},
            (
                f"the base URL 'https://x/a/v1/models' in {URL} is the address of a call, not a base: "
                f"give 'https://x/a': {SET_URL}"
            ),
        ),
        (
            {KEY: "sesame", URL: "ftp://x/sesame"},
            {},
            f"the base URL in {URL} has another scheme: {MUST}: {SET_URL}",
        ),
        (
            {KEY: "é-sesame", URL: "ftp://x/é-sesame"},
            {},
            (
                f"the Nebius API key in {KEY} has characters in it that no key has (non-ASCII), copy it again: "
                f"{SET_KEY}; the base URL in {URL} has another scheme: {MUST}: {SET_URL}"
            ),
        ),
    ],
)
def test_a_message_has_the_place_the_fault_and_the_fix(
    config: dict[str, str], environ: dict[str, str], message: str
) -> None:
    """It is one line, without the key, and without a URL that may hold a key."""
    assert refusal(config, environ) == message


def test_the_variable_that_is_named_gives_the_key() -> None:
    """Its name may be in upper or lower case, and white space around name and key is removed."""
    for name in ("MY_KEY", "_k1", "A" * 64):
        settings = load_settings({VARIABLE: f" {name} "}.get, {name: " k\n", "NEBIUS_API_KEY": "other"})
        assert settings.api_key == "k"


@pytest.mark.parametrize(
    ("places", "key", "url", "project"),
    [
        (
            STACK,
            SET_KEY,
            SET_URL,
            "run `pulumi config set nebius-models:aiProjectId <id>`, or set NEBIUS_AI_PROJECT_ID",
        ),
        (
            SCRIPT,
            "set the environment variable NEBIUS_API_KEY",
            "set the environment variable NEBIUS_BASE_URL",
            "set the environment variable NEBIUS_AI_PROJECT_ID",
        ),
        (
            COMMAND,
            "set the environment variable NEBIUS_API_KEY",
            "give --base-url <url>, or set NEBIUS_BASE_URL",
            "give --ai-project-id <id>, or set NEBIUS_AI_PROJECT_ID",
        ),
        (
            None,
            "give api_key or api_key_variable of Provider 'eu', or set NEBIUS_API_KEY",
            "give base_url of Provider 'eu', or set NEBIUS_BASE_URL",
            "give ai_project_id of Provider 'eu', or set NEBIUS_AI_PROJECT_ID",
        ),
    ],
)
def test_each_reader_is_shown_how_to_set_a_value(
    places: Places | None, key: str, url: str, project: str
) -> None:
    """A stack configures, a script sets variables, a command has options, and an explicit provider arguments."""
    places = places or places_of(EXPLICIT.get)
    assert refusal({}, {}, places) == f"no Nebius API key: {key}"
    config = {KEY: "k", URL: "nonsense", PROJECT: "a b"}
    assert refusal(config, {}, places) == (
        f"the base URL 'nonsense' in {places.base_url} is no URL: {MUST}: {url}"
    )
    with pytest.raises(ConfigurationError) as caught:
        ai_project_id(config.get, {}, places)
    assert str(caught.value) == (
        f"the project in {places.project} has spaces or line breaks in it, remove them: {project}"
    )


@pytest.mark.parametrize(
    ("config", "key", "base_url", "project"),
    [
        ({}, f"`pulumi config set --secret {KEY} <key>`, or NEBIUS_API_KEY", URL, PROJECT),
        ({VARIABLE: " MY_KEY "}, f"MY_KEY, named by {VARIABLE}", URL, PROJECT),
        (
            EXPLICIT,
            "api_key of Provider 'eu'",
            "base_url of Provider 'eu'",
            "ai_project_id of Provider 'eu'",
        ),
        (
            {**EXPLICIT, VARIABLE: "MY_KEY"},
            "MY_KEY, named by api_key_variable of Provider 'eu'",
            "base_url of Provider 'eu'",
            "ai_project_id of Provider 'eu'",
        ),
    ],
)
def test_where_the_settings_in_use_are_set(
    config: dict[str, str], key: str, base_url: str, project: str
) -> None:
    """It is the configuration, the variable that it names, or the arguments of an explicit provider."""
    places = places_of(config.get)
    assert (places.key, places.base_url, places.project) == (key, base_url, project)
    assert not places.recorded
    assert places_of({**config, KEY: "k"}.get).recorded


def test_the_settings_find_out_by_themselves_who_reads() -> None:
    """If no reader is given, an explicit provider is named."""
    config = {**EXPLICIT, PROJECT: "a b", VARIABLE: "MY_KEY", KEY: "k"}
    assert refusal(config) == (
        "api_key of Provider 'eu' and api_key_variable of Provider 'eu' are both set: remove one of them"
    )
    with pytest.raises(ConfigurationError, match=r"^the project in ai_project_id of Provider 'eu' has"):
        ai_project_id(config.get, {})
    hint = project_hint({**EXPLICIT, PROJECT: " project-1 "}.get, {})
    assert hint == (
        "ai_project_id of Provider 'eu' 'project-1' looks like a project of Nebius AI Cloud; "
        "Token Factory's begin with 'aiproject-'"
    )
    assert project_hint({PROJECT: "project-1"}.get, {}, COMMAND) == odd_project(
        "project-1", "--ai-project-id"
    )


def test_the_environment_is_asked_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting comes from there by default."""
    for name, value in (("API_KEY", "k"), ("BASE_URL", "https://x.example"), ("AI_PROJECT_ID", "project-1")):
        monkeypatch.setenv(f"NEBIUS_{name}", value)
    settings = load_settings(EMPTY.get)
    assert (settings.api_key, settings.base_url) == ("k", "https://x.example")
    assert ai_project_id(EMPTY.get) == "project-1"
    assert (project_hint(EMPTY.get) or "").startswith("NEBIUS_AI_PROJECT_ID 'project-1' looks like")


@pytest.mark.parametrize("value", [7, None, ["k"], ""])
def test_a_value_that_is_no_text_is_none(value: object) -> None:
    """The environment's value is used instead."""
    lookup = {PROJECT: value}.get
    assert ai_project_id(lookup, {"NEBIUS_AI_PROJECT_ID": "p"}) == "p"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("x.localhost", False),
        ("Localhost", False),
        ("", False),
    ],
)
def test_this_machine_is_known_by_its_name(host: str, loopback: bool) -> None:
    """No look-up is made: a name server can answer anything."""
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("'x'", "has quotes around it, remove them"),
        ("x\u00bb", "has quotes around it, remove them"),
        ("bearer x", "begins with 'Bearer', give only what follows it"),
        ("Bearer", "begins with 'Bearer', give only what follows it"),
        ("set BASE_URL: x", "begins with the name of a setting, give only the value"),
        ("$env:apikey=x", "begins with the name of a setting, give only the value"),
        ("%KEY%", "is a placeholder that was never filled in, give the value itself"),
        ("***", "is a placeholder that was never filled in, give the value itself"),
        ("{{ key }}", "is a placeholder that was never filled in, give the value itself"),
        ("x\\r", r"ends with a line break written as '\n', remove it"),
        ("x\ty", "has spaces or line breaks in it, remove them"),
        ("x\u200by", "has invisible characters in it, type it again"),
        ("bearer-x", None),
        ("monkey=x", None),
        ("x=y", None),
        ("x*", None),
        ("x'y", None),
        ("", None),
    ],
)
def test_what_was_copied_too_is_named(value: str, text: str | None) -> None:
    """The message names only what cannot belong to a key, a URL or an id."""
    assert pasted.fault(value) == text


@pytest.mark.parametrize(
    ("text", "may_hold"),
    [
        ("https://me@x", True),
        ("me:pw@x", True),
        ("me@x.example", True),
        ("https://x?token=1", True),
        ("hf_12345678", True),
        ("hf_1234567", False),
        ("API_KEY: x", True),
        ("huggingface.co/a/b", False),
        ("https://x/a?b", False),
        ("", False),
    ],
)
def test_a_credential_in_a_text_is_suspected(text: str, may_hold: bool) -> None:
    """Users, passwords, tokens and parameters are found, in upper and lower case."""
    assert pasted.may_hold_a_credential(text) is may_hold
