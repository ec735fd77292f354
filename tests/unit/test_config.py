from __future__ import annotations

import pytest

from nebius_model_resource.config import DEFAULT_BASE_URL, ai_project_id, load_settings
from nebius_model_resource.errors import ConfigurationError

EMPTY: dict[str, str] = {}


def test_the_stack_comes_before_the_environment() -> None:
    """Each setting is taken from the stack's configuration first."""
    stack = {
        "nebius:apiKey": "from-stack",
        "nebius:baseUrl": "https://one.example/",
        "nebius:aiProjectId": "p1",
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
    """Without a base URL the one of the documentation is used."""
    assert load_settings({"nebius:apiKey": "k"}.get, {}).base_url == DEFAULT_BASE_URL


def test_a_key_shows_in_no_repr() -> None:
    """Printing the settings does not print the key."""
    assert "sesame" not in repr(load_settings({"nebius:apiKey": "sesame"}.get, {}))


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
    assert load_settings({"nebius:apiKey": "k", "nebius:baseUrl": url}.get, {}).base_url == url


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
    """A base URL that would leak the key, or is none, is named with what to do."""
    with pytest.raises(ConfigurationError, match="pulumi config set nebius:baseUrl") as caught:
        load_settings({"nebius:apiKey": "k", "nebius:baseUrl": url}.get, {})
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "line\nend", "ключ"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    """The message names the remedy and not the key."""
    with pytest.raises(ConfigurationError, match="NEBIUS_API_KEY") as caught:
        load_settings({"nebius:apiKey": key}.get, {})
    assert key not in str(caught.value)
