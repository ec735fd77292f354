"""The API key, the base URL and the project: from the stack's configuration, then from the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from nebius_model_resource.errors import ConfigurationError

DEFAULT_BASE_URL = "https://api.studio.nebius.com"  # as documented; Token Factory's host is in README
Lookup = Callable[[str], "str | None"]


@dataclass(frozen=True)
class Settings:
    """What every call needs.

    Attributes:
        base_url: scheme, host and perhaps a path; without a slash at its end.
        api_key: goes into the Authorization header and nowhere else, not even into ``repr``.
    """

    base_url: str
    api_key: str = field(repr=False)


def ai_project_id(lookup: Lookup, environ: Mapping[str, str] = os.environ) -> str | None:
    """The project that models belong to where a resource does not say it; None for the key's own."""
    return _first(lookup, environ, "nebius:aiProjectId", "NEBIUS_AI_PROJECT_ID")


def load_settings(lookup: Lookup, environ: Mapping[str, str] = os.environ) -> Settings:
    """Find the key and the base URL.

    Args:
        lookup: the stack's configuration, by its full key; gives None for what is not set.
        environ: the environment, asked second.

    Raises:
        ConfigurationError: there is no key, it cannot be sent in a header, or the base URL is neither https
            nor on loopback.
    """
    key = _first(lookup, environ, "nebius:apiKey", "NEBIUS_API_KEY")
    url = _first(lookup, environ, "nebius:baseUrl", "NEBIUS_BASE_URL") or DEFAULT_BASE_URL
    faults = [fault for fault in (_key_fault(key), _url_fault(url)) if fault]
    if faults or key is None:
        raise ConfigurationError("; ".join(faults))
    return Settings(url.rstrip("/"), key)


def _first(lookup: Lookup, environ: Mapping[str, str], key: str, variable: str) -> str | None:
    for value in (lookup(key), environ.get(variable)):
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def _key_fault(key: str | None) -> str | None:
    remedy = (
        "run `pulumi config set --secret nebius:apiKey <key>`, or set the environment variable NEBIUS_API_KEY"
    )
    if key is None:
        return f"no Nebius API key: {remedy}"
    if not key.isascii() or not key.isprintable() or " " in key:
        return (
            f"the Nebius API key holds characters that no key has (blanks, line ends or non-ASCII): {remedy}"
        )
    return None


def _url_fault(url: str) -> str | None:
    remedy = (
        f"must be https, or http on loopback alone, such as {DEFAULT_BASE_URL!r}: "
        "run `pulumi config set nebius:baseUrl <url>`, or set NEBIUS_BASE_URL"
    )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return f"base URL {url!r} cannot be read: it {remedy}"
    if parts.username or parts.password:
        return f"base URL with a user or password in front of {host!r}: take them away; it {remedy}"
    if not host or parts.query or parts.fragment:
        return f"base URL {url!r} is not a scheme, a host and perhaps a path: it {remedy}"
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
        return None
    return f"base URL {url!r} would send the key in the clear: it {remedy}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
