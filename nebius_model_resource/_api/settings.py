"""The API key, the base URL and the project: from the stack's configuration, then from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from nebius_model_resource._api import pasted
from nebius_model_resource.errors import ConfigurationError

DEFAULT_BASE_URL = "https://api.studio.nebius.com"  # as documented; Token Factory's host is in README
Lookup = Callable[[str], "str | None"]

# Not `nebius:`, which the default provider of the bridged `pulumi-nebius` package takes as its own.
API_KEY, API_KEY_VARIABLE = "nebius-models:apiKey", "nebius-models:apiKeyVariable"
BASE_URL, PROJECT = "nebius-models:baseUrl", "nebius-models:aiProjectId"
PROVIDER = "nebius-models:provider"  # set by an explicit provider alone: its name
_VARIABLES = {API_KEY: "NEBIUS_API_KEY", BASE_URL: "NEBIUS_BASE_URL", PROJECT: "NEBIUS_AI_PROJECT_ID"}
_VARIABLE_NAME = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)
_MUST = f"must be https, or http on loopback alone, such as {DEFAULT_BASE_URL!r}"
_VERSION = re.compile(r"/+v[01](?=/)", re.IGNORECASE)
_VERSIONS = re.compile(r"(?:/+v[01])*/*$", re.IGNORECASE)
_LONGEST_HOST = 60  # a longer text without a scheme may be anything, even a key


@dataclass(frozen=True)
class Reader:
    """Who reads the messages, and so which ways of setting a value they name.

    Attributes:
        places: what the lookup's keys are called where they are set; empty where only the environment is asked.
        remedies: how to set each of them.
    """

    places: Mapping[str, str]
    remedies: Mapping[str, str]


STACK = Reader(
    {key: key for key in (*_VARIABLES, API_KEY_VARIABLE)},
    {
        API_KEY: f"run `pulumi config set --secret {API_KEY} <key>`, "
        f"or set the environment variable {_VARIABLES[API_KEY]}",
        BASE_URL: f"run `pulumi config set {BASE_URL} <url>`, or set {_VARIABLES[BASE_URL]}",
        PROJECT: f"run `pulumi config set {PROJECT} <id>`, or set {_VARIABLES[PROJECT]}",
    },
)
SCRIPT = Reader({}, {key: f"set the environment variable {variable}" for key, variable in _VARIABLES.items()})
COMMAND = Reader(
    {BASE_URL: "--base-url", PROJECT: "--ai-project-id"},
    {
        **SCRIPT.remedies,
        BASE_URL: f"give --base-url <url>, or set {_VARIABLES[BASE_URL]}",
        PROJECT: f"give --ai-project-id <id>, or set {_VARIABLES[PROJECT]}",
    },
)


@dataclass(frozen=True)
class Places:
    """Where the settings of an operation stand, as its messages name them.

    Attributes:
        key: how to set the key.
        base_url, project: where they are set.
        recorded: whether the key stands in the state, so that `refresh` and `destroy` use an old one.
    """

    key: str = f"`pulumi config set --secret {API_KEY} <key>`, or {_VARIABLES[API_KEY]}"
    base_url: str = BASE_URL
    project: str = PROJECT
    recorded: bool = False


def places_of(lookup: Lookup) -> Places:
    """Where the settings of a stack's operation stand."""
    places = reader_of(lookup).places
    key = Places.key if places[API_KEY] == API_KEY else places[API_KEY]
    if variable := lookup(API_KEY_VARIABLE):
        key = f"{variable.strip()}, named by {places[API_KEY_VARIABLE]}"
    return Places(key, places[BASE_URL], places[PROJECT], recorded=bool(lookup(API_KEY)))


def reader_of(lookup: Lookup) -> Reader:
    """Whoever reads a message of a stack's operation: it names the explicit provider, where there is one."""
    name = lookup(PROVIDER)
    if not name:
        return STACK
    arguments = {API_KEY: "api_key", API_KEY_VARIABLE: "api_key_variable", BASE_URL: "base_url"}
    arguments[PROJECT] = "ai_project_id"
    places = {key: f"{argument} of Provider {name!r}" for key, argument in arguments.items()}
    remedies = {key: f"give {places[key]}, or set {variable}" for key, variable in _VARIABLES.items()}
    remedies[API_KEY] = f"give api_key or api_key_variable of Provider {name!r}, or set {_VARIABLES[API_KEY]}"
    return Reader(places, remedies)


@dataclass(frozen=True)
class Settings:
    """What every call needs.

    Attributes:
        base_url: scheme, host and perhaps a path; without ``/v0`` or ``/v1`` and without a slash at its end.
        api_key: goes into the Authorization header and nowhere else, not even into ``repr``.
    """

    base_url: str
    api_key: str = field(repr=False)


def ai_project_id(
    lookup: Lookup, environ: Mapping[str, str] = os.environ, reader: Reader | None = None
) -> str | None:
    """The project that models belong to where a resource does not say it; None for the key's own.

    Raises:
        ConfigurationError: it is no id.
    """
    reader = reader or reader_of(lookup)
    value, place = _first(lookup, environ, PROJECT, reader)
    if value and (fault := pasted.fault(value)):
        raise ConfigurationError(f"the project in {place} {fault}: {reader.remedies[PROJECT]}")
    return value


def project_hint(
    lookup: Lookup, environ: Mapping[str, str] = os.environ, reader: Reader | None = None
) -> str | None:
    """What is odd about the configured project though it may work; None where nothing is."""
    value, place = _first(lookup, environ, PROJECT, reader or reader_of(lookup))
    return odd_project(value, place) if value else None


def odd_project(value: str, place: str) -> str | None:
    """What is odd about a project's id though it may work: the service does not document the form of its ids."""
    if not value.startswith("project-"):
        return None
    return (
        f"{place} {value!r} looks like a project of Nebius AI Cloud; Token Factory's begin with 'aiproject-'"
    )


def load_settings(
    lookup: Lookup, environ: Mapping[str, str] = os.environ, reader: Reader | None = None
) -> Settings:
    """Find the key and the base URL.

    Args:
        lookup: the stack's configuration, by its full key; gives None for what is not set.
        environ: the environment, asked second.
        reader: who reads the error; whoever runs the stack where it is left out.

    Raises:
        ConfigurationError: there is no key, it cannot be sent in a header, or the base URL is neither https
            nor on loopback, or more than a base.
    """
    reader = reader or reader_of(lookup)
    faults = []
    key = None
    try:
        key = _key(lookup, environ, reader)
    except ConfigurationError as error:
        faults.append(str(error))
    given, url_place = _first(lookup, environ, BASE_URL, reader)
    url = _trimmed(given or DEFAULT_BASE_URL)
    if fault := _url_fault(url):
        # A key that is refused may stand in the URL as well.
        known = key or _first(lookup, environ, API_KEY, reader)[0]
        shown = _shown(given or url, known)
        faults.append(f"the base URL{shown} in {url_place} {fault}: {reader.remedies[BASE_URL]}")
    if faults or key is None:
        raise ConfigurationError("; ".join(faults))
    return Settings(url, key)


def _key(lookup: Lookup, environ: Mapping[str, str], reader: Reader) -> str:
    """The key.

    Raises:
        ConfigurationError: there is none, or it cannot be one.
    """
    if variable := (lookup(API_KEY_VARIABLE) or "").strip():
        key, place = _named_key(variable, lookup, environ, reader), variable
        remedy = f"set the environment variable {variable}"
    else:
        found, place = _first(lookup, environ, API_KEY, reader)
        remedy = reader.remedies[API_KEY]
        if found is None:
            raise ConfigurationError(f"no Nebius API key: {remedy}")
        key = found
    if fault := _key_fault(key):
        raise ConfigurationError(f"the Nebius API key in {place} {fault}: {remedy}")
    return key


def _named_key(variable: str, lookup: Lookup, environ: Mapping[str, str], reader: Reader) -> str:
    """The key in the environment variable that the configuration names."""
    place = reader.places[API_KEY_VARIABLE]
    if lookup(API_KEY):
        raise ConfigurationError(f"{reader.places[API_KEY]} and {place} are both set: remove one of them")
    if not _VARIABLE_NAME.fullmatch(variable):  # it is not shown: it may be the key itself
        raise ConfigurationError(
            f"{place} is not the name of an environment variable: give its name, not the key"
        )
    if key := environ.get(variable, "").strip():
        return key
    # A key that was given in place of a name is seldom upper case alone: nothing else is shown.
    which = f"{variable}, which {place} names," if variable.isupper() else f"that {place} names"
    raise ConfigurationError(
        f"no Nebius API key: the environment variable {which} is not set: set it to the key"
    )


def _first(lookup: Lookup, environ: Mapping[str, str], key: str, reader: Reader) -> tuple[str | None, str]:
    """The first value that is set, and where it stands."""
    variable = _VARIABLES[key]
    for value, place in ((lookup(key), reader.places.get(key, key)), (environ.get(variable), variable)):
        if isinstance(value, str) and value.strip():
            return value.strip(), place
    return None, ""


def _key_fault(key: str) -> str | None:
    if fault := pasted.fault(key):
        return fault
    return None if key.isascii() else "has characters in it that no key has (non-ASCII), copy it anew"


def _trimmed(url: str) -> str:
    """A base URL as the calls need it: examples for OpenAI's client have the version at its end."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.lower()}{separator}{_VERSIONS.sub('', rest)}" if separator else url


def _url_fault(url: str) -> str | None:
    if fault := pasted.fault(url):
        return fault
    if "@" in url:
        return "has a user or password in it, which is never used: take them away"
    if "://" not in url:
        return _scheme_fault(url)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return f"cannot be read: it {_MUST}"
    if not host or "?" in url or "#" in url or not re.fullmatch(r"[\w.:%-]+", host):
        return f"is not a scheme, a host and perhaps a path: it {_MUST}"
    return _parts_fault(parts, host)


def _scheme_fault(url: str) -> str:
    host = re.split(r"[/:]", url)[0]
    if not (re.fullmatch(r"[\w-]+(\.[\w-]+)+", host) or is_loopback(host)):
        return f"is no URL: it {_MUST}"
    return f"has no scheme, put {'http://' if is_loopback(host) else 'https://'} in front"


def _parts_fault(parts: SplitResult, host: str) -> str | None:
    if parts.scheme not in ("http", "https"):
        return f"has another scheme: it {_MUST}"
    if parts.scheme == "http" and not is_loopback(host):
        return f"would send the key in the clear: it {_MUST}"
    if version := _VERSION.search(parts.path):
        base = f"{parts.scheme}://{parts.netloc}{parts.path[: version.start()]}"
        return f"is the address of a call, not a base: give {base!r}"
    return None


def _shown(url: str, key: str | None) -> str:
    """A URL for a message, left out where it may hold a password, a token or a key."""
    secret = (
        (key and key in url) or re.search(r"[@?#]", url) or ("://" not in url and len(url) > _LONGEST_HOST)
    )
    return "" if secret or pasted.fault(url) else f" {url!r}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name, without asking anybody."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
