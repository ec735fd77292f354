from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebius_model_resource._api.settings import (
    COMMAND,
    DEFAULT_BASE_URL,
    SCRIPT,
    Places,
    ai_project_id,
    load_settings,
    preflight,
    project_hint,
)
from nebius_model_resource.errors import ConfigurationError

EMPTY: dict[str, str] = {}
HOST = "https://api.studio.nebius.com"


def base_url(url: str) -> str:
    return load_settings({"nebius-models:apiKey": "k"}.get, {"NEBIUS_BASE_URL": url}).base_url


def refusal(environ: dict[str, str], **options: Any) -> str:
    """The reason for which that environment is refused."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(EMPTY.get, {"NEBIUS_API_KEY": "k", **environ}, **options)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_the_stack_comes_before_the_environment() -> None:
    """Each setting is taken from the stack's configuration first."""
    stack = {
        "nebius-models:apiKey": "from-stack",
        "nebius-models:baseUrl": "https://one.example/",
        "nebius-models:aiProjectId": "p1",
    }
    environ = {
        "NEBIUS_API_KEY": "from-env",
        "NEBIUS_BASE_URL": "https://two.example",
        "NEBIUS_AI_PROJECT_ID": "p2",
    }
    settings = load_settings(stack.get, environ)
    assert (settings.api_key, settings.base_url) == ("from-stack", "https://one.example")
    assert ai_project_id(stack.get, environ) == "p1"
    settings = load_settings(EMPTY.get, environ)
    assert (settings.api_key, settings.base_url) == ("from-env", "https://two.example")
    assert ai_project_id(EMPTY.get, environ) == "p2"


def test_the_documented_host_is_the_default() -> None:
    """Without a base URL, the documented one is used."""
    assert load_settings({"nebius-models:apiKey": "k"}.get, {}).base_url == DEFAULT_BASE_URL


def test_a_key_shows_in_no_repr() -> None:
    """Printing the settings does not print the key."""
    assert "sesame" not in repr(load_settings({"nebius-models:apiKey": "sesame"}.get, {}))


@pytest.mark.parametrize(
    "url",
    [
        "https://x.example",
        "http://127.0.0.1:80",
        "http://localhost:8080",
        "http://[::1]:1",
        "http://127.9.9.9",
    ],
)
def test_https_and_loopback_are_accepted(url: str) -> None:
    """The key travels encrypted, or does not leave the machine."""
    assert load_settings({"nebius-models:apiKey": "k", "nebius-models:baseUrl": url}.get, {}).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.studio.nebius.com",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "ftp://x",
        "nonsense",
        "https://user:pw@host",
        "https://host?x=1",
        "https://host:port",
        "http://[::1",
    ],
)
def test_other_urls_are_refused_with_the_remedy(url: str) -> None:
    """A base URL that would leak the key, or is not a URL, is named with what to do."""
    with pytest.raises(ConfigurationError, match="pulumi config set nebius-models:baseUrl") as caught:
        load_settings({"nebius-models:apiKey": "k", "nebius-models:baseUrl": url}.get, {})
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "line\nend", "ключ"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    """The message names the fix and does not show the key."""
    with pytest.raises(ConfigurationError, match="NEBIUS_API_KEY") as caught:
        load_settings({"nebius-models:apiKey": key}.get, {})
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (f"{HOST}/v1/", HOST),
        (f"{HOST}/v1", HOST),
        (f"{HOST}/v0", HOST),
        (f"{HOST}//v0//", HOST),
        (f"{HOST}/V1", HOST),
        (f"{HOST}:8443/v1", f"{HOST}:8443"),
        (f" {HOST}/v1\r\n", HOST),
        ("HTTPS://API.studio.nebius.com/v1/", "https://API.studio.nebius.com"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
        ("https://gw.example/nebius/v1/", "https://gw.example/nebius"),
        ("https://gw.example/nebius/", "https://gw.example/nebius"),
        ("HTTPS://gw.example/A://b/v1", "https://gw.example/A://b"),
        ("https://gw.example/v1beta", "https://gw.example/v1beta"),
        ("https://gw.example/api/v10", "https://gw.example/api/v10"),
    ],
)
def test_the_version_at_the_end_of_a_base_url_is_removed(given: str, used: str) -> None:
    """One variable works for this package and OpenAI's client; a gateway's own path stays."""
    assert base_url(given) == used


@pytest.mark.parametrize(
    ("given", "base"),
    [
        (f"{HOST}/v1/models", HOST),
        (f"{HOST}/v0/models/", HOST),
        (f"{HOST}/v1/chat/completions", HOST),
        (f"{HOST}:443//v1//fine_tuning/jobs", f"{HOST}:443"),
        ("https://gw.example/nebius/v1/embeddings", "https://gw.example/nebius"),
        ("http://localhost:1/v1/files", "http://localhost:1"),
    ],
)
def test_the_address_of_a_call_is_refused_with_its_base(given: str, base: str) -> None:
    """A path after the version is not part of a base URL, and the message has the base URL to use."""
    assert f"is the address of a call, not a base: give {base!r}" in refusal({"NEBIUS_BASE_URL": given})


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "api.studio.nebius.com/v1",
            "'api.studio.nebius.com/v1' in NEBIUS_BASE_URL has no scheme, put https://",
        ),
        ("localhost:8080", "has no scheme, put http:// in front"),
        (f'"{HOST}"', "has quotes around it"),
        (f"NEBIUS_BASE_URL={HOST}", "begins with the name of a setting"),
        ("${{ vars.BASE_URL }}", "is a placeholder that was never filled in"),
        ("https://api studio", "has spaces or line breaks in it"),
        ("https:/api.studio.nebius.com", "is no URL"),
        (f"{HOST},", "is not a scheme, a host and perhaps a path"),
        ("ftp://x", "has another scheme"),
        ("https://user:s3/cr?et@host/v1", "has a user or password in it"),
        ("user:s3cret@host", "has a user or password in it"),
        (f"{HOST}?token=s3cret", "is not a scheme, a host and perhaps a path"),
        ("eyJhbGciOiJIUzI1NiJ9." + "s3cret" * 10, "the base URL in NEBIUS_BASE_URL has no scheme"),
    ],
)
def test_a_base_url_that_cannot_be_used_has_its_fix_in_the_message(url: str, said: str) -> None:
    """Each kind of wrong URL has a message of its own, without user, password, token or key."""
    message = refusal({"NEBIUS_BASE_URL": url})
    assert said in message
    assert "s3" not in message
    assert "cr?et" not in message


PASTED = [
    ('"{}"', "has quotes around it"),
    ("'{}'", "has quotes around it"),
    ("\u201c{}\u201d", "has quotes around it"),
    ("\u2018{}\u2019", "has quotes around it"),
    ('{}"', "has quotes around it"),
    ("Bearer {}", "begins with 'Bearer'"),
    ("Authorization: bearer {}", "begins with 'Bearer'"),
    ("NEBIUS_API_KEY={}", "begins with the name of a setting"),
    ("export NEBIUS_API_KEY={}", "begins with the name of a setting"),
    ("nebius-models:apiKey: {}", "begins with the name of a setting"),
    ("{} # the key", "has spaces or line breaks in it"),
    ("{0}\n{0}", "has spaces or line breaks in it"),
    ("{}\\n", "ends with a line break written as"),
    ("${{{}}}", "is a placeholder that was never filled in"),
    ("<{}>", "is a placeholder that was never filled in"),
    ("\ufeff{}", "has invisible characters in it"),
    ("{}é", "has characters in it that no key has"),
]


@pytest.mark.parametrize(("form", "said"), PASTED)
def test_a_key_that_was_pasted_with_more_is_refused_and_not_shown(form: str, said: str) -> None:
    """The message names the variable, the extra text and the fix, in one line without the key."""
    message = refusal({"NEBIUS_API_KEY": form.format("sesame")})
    assert f"the Nebius API key in NEBIUS_API_KEY {said}" in message
    assert "sesame" not in message


# The middle is a text that no message contains: a key must not be a part of a message's own words.
KEYS = st.builds("{}Zq9{}".format, st.text(min_size=6), st.text(min_size=3))


@given(KEYS, st.sampled_from(PASTED))
def test_no_key_is_ever_in_a_message(key: str, pasted: tuple[str, str]) -> None:
    """Whatever the key is, and wherever it was pasted, no message repeats it."""
    text = pasted[0].format(key)
    for environ in ({"NEBIUS_API_KEY": text}, {"NEBIUS_API_KEY": key, "NEBIUS_BASE_URL": f"https://{key}@h"}):
        try:
            load_settings(EMPTY.get, environ)
        except ConfigurationError as error:
            assert key.strip() not in str(error)  # noqa: PT017 - it need not be raised


@pytest.mark.parametrize("key", ["eyJh.b-c_d", "v1.abc==", "nebius_abc==", "sk-Zq9/very+secret=0451"])
def test_a_clean_key_is_used_unchanged(key: str) -> None:
    """Every character of real keys is allowed, and white space around the key is removed."""
    assert load_settings(EMPTY.get, {"NEBIUS_API_KEY": f" {key}\n"}).api_key == key


@pytest.mark.parametrize(
    ("project", "said"),
    [
        ("a b", "has spaces or line breaks in it"),
        ('"aiproject-1"', "has quotes around it"),
        ("NEBIUS_AI_PROJECT_ID=aiproject-1", "begins with the name of a setting"),
        ("$PROJECT", "is a placeholder that was never filled in"),
    ],
)
def test_a_project_is_refused_with_the_place_it_came_from(project: str, said: str) -> None:
    """The configuration key or the variable is named, with how to set it again."""
    with pytest.raises(ConfigurationError) as caught:
        ai_project_id({"nebius-models:aiProjectId": project}.get, {})
    assert str(caught.value).startswith(f"the project in nebius-models:aiProjectId {said}")
    assert "`pulumi config set nebius-models:aiProjectId <id>`" in str(caught.value)
    with pytest.raises(ConfigurationError, match="the project in NEBIUS_AI_PROJECT_ID"):
        ai_project_id(EMPTY.get, {"NEBIUS_AI_PROJECT_ID": project})


def test_a_project_of_the_cloud_gets_a_hint_and_is_taken() -> None:
    """The form of the ids is not documented: an id that looks wrong may work."""
    environ = {"NEBIUS_AI_PROJECT_ID": "project-e00x"}
    assert ai_project_id(EMPTY.get, environ) == "project-e00x"
    assert project_hint(EMPTY.get, environ) == (
        "NEBIUS_AI_PROJECT_ID 'project-e00x' looks like a project of Nebius AI Cloud; "
        "Token Factory's begin with 'aiproject-'"
    )
    assert project_hint(EMPTY.get, {"NEBIUS_AI_PROJECT_ID": "aiproject-e00x"}) is None
    assert project_hint(EMPTY.get, {}) is None


@pytest.mark.parametrize(("letters", "shown"), [(12, " was given 'kkkkkkkkkkkk', which"), (13, "")])
def test_a_switch_that_may_be_a_key_is_not_shown(letters: int, shown: str) -> None:
    """Up to twelve letters are shown: no key is that short."""
    with pytest.raises(ConfigurationError) as caught:
        preflight({"nebius-models:preflight": "k" * letters}.get)
    assert str(caught.value) == f"nebius-models:preflight{shown} must be true or false"


@pytest.mark.parametrize("places", [SCRIPT, COMMAND])
def test_no_message_outside_of_a_stack_asks_to_configure_one(places: Places) -> None:
    """Outside of a program the messages name only variables, and those of the command only its options."""
    message = refusal({"NEBIUS_API_KEY": "", "NEBIUS_BASE_URL": "ftp://x"}, places=places)
    assert "pulumi" not in message
    assert "NEBIUS_API_KEY" in message
    assert ("--base-url <url>" in message) == (places is COMMAND)
    with pytest.raises(ConfigurationError) as caught:
        ai_project_id({"nebius-models:aiProjectId": "a b"}.get, {}, places)
    assert "pulumi" not in str(caught.value)
