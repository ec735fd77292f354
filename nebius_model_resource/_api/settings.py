"""The API key, the base URL and the project: from the stack's configuration, then from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from nebius_model_resource._api import pasted
from nebius_model_resource.errors import ConfigurationError

DEFAULT_BASE_URL = "https://api.studio.nebius.com"  # as documented; Token Factory's host is in README
Lookup = Callable[[str], "str | None"]

# Not `nebius:`, which the default provider of the bridged `pulumi-nebius` package takes as its own.
API_KEY, API_KEY_VARIABLE = "nebius-models:apiKey", "nebius-models:apiKeyVariable"
BASE_URL, PROJECT = "nebius-models:baseUrl", "nebius-models:aiProjectId"
PREFLIGHT = "nebius-models:preflight"  # whether to ask the service about what a new model is created from
PROVIDER = "nebius-models:provider"  # the name of an explicit provider, set by nothing else
PLUGIN = "nebius-models:plugin"  # set by the plugin alone: its arguments are called as in the schema
_VARIABLES = {API_KEY: "NEBIUS_API_KEY", BASE_URL: "NEBIUS_BASE_URL", PROJECT: "NEBIUS_AI_PROJECT_ID"}
_ARGUMENTS = {
    API_KEY: "api_key",
    API_KEY_VARIABLE: "api_key_variable",
    BASE_URL: "base_url",
    PROJECT: "ai_project_id",
    PREFLIGHT: "preflight",
}
_SET_KEY = f"`pulumi config set --secret {API_KEY} <key>`, or"
_VARIABLE_NAME = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)
_MUST = f"must be https, or http on loopback alone, such as {DEFAULT_BASE_URL!r}"
_HOST = re.compile(r"[\w-]+(\.[\w-]+)+")
_VERSION = re.compile(r"/+v[01](?=/)", re.IGNORECASE)
_VERSIONS = re.compile(r"(?:/+v[01])*/*$", re.IGNORECASE)
_LONGEST_FLAG = 12
_LONGEST_HOST = 60  # a longer text without a scheme may be anything, even a key


@dataclass(frozen=True)
class Places:
    """Where the settings are set and how to set them, as messages say it; by default for a stack.

    Attributes:
        names: what each setting is called where it is set.
        remedies: how to set each.
        key: where the key is set that is in use.
        recorded: whether the key is recorded in the state, so that `refresh` and `destroy` use an old one.
        timeouts: the option for a longer deadline.
        adopt: how to adopt the model ``{id}``.
        project_input: what a resource calls its project.
    """

    names: Mapping[str, str] = field(default_factory=lambda: {key: key for key in _ARGUMENTS})
    remedies: Mapping[str, str] = field(
        default_factory=lambda: {
            API_KEY: f"run {_SET_KEY} set the environment variable {_VARIABLES[API_KEY]}",
            BASE_URL: f"run `pulumi config set {BASE_URL} <url>`, or set {_VARIABLES[BASE_URL]}",
            PROJECT: f"run `pulumi config set {PROJECT} <id>`, or set {_VARIABLES[PROJECT]}",
        }
    )
    key: str = f"{_SET_KEY} {_VARIABLES[API_KEY]}"
    recorded: bool = False
    timeouts: str = 'custom_timeouts=CustomTimeouts(create="20m", update="20m")'
    adopt: str = 'import_="{id}"'
    project_input: str = "ai_project_id"

    @property
    def base_url(self) -> str:
        """What the base URL is called."""
        return self.names[BASE_URL]

    @property
    def project(self) -> str:
        """What the project is called."""
        return self.names[PROJECT]


STACK = Places()
SCRIPT = replace(
    STACK, remedies={key: f"set the environment variable {variable}" for key, variable in _VARIABLES.items()}
)
COMMAND = Places(
    {**STACK.names, BASE_URL: "--base-url", PROJECT: "--ai-project-id"},
    {
        **SCRIPT.remedies,
        BASE_URL: f"give --base-url <url>, or set {_VARIABLES[BASE_URL]}",
        PROJECT: f"give --ai-project-id <id>, or set {_VARIABLES[PROJECT]}",
    },
)


def places_of(lookup: Lookup) -> Places:
    """Where the settings of a stack's operation are set: its configuration, or an explicit provider by its name."""
    places, arguments = STACK, _ARGUMENTS
    if lookup(PLUGIN):
        places = replace(
            STACK,
            timeouts='customTimeouts {create: "20m", update: "20m"}',
            adopt="`pulumi import nebius-models:index:CustomModel <name> {id}`",
            project_input="aiProjectId",
        )
        arguments = {key: key.partition(":")[2] for key in _ARGUMENTS}
    if name := lookup(PROVIDER):
        names = {key: f"{argument} of Provider {name!r}" for key, argument in arguments.items()}
        remedies = {key: f"give {names[key]}, or set {variable}" for key, variable in _VARIABLES.items()}
        remedies[API_KEY] = (
            f"give {arguments[API_KEY]} or {arguments[API_KEY_VARIABLE]} of Provider {name!r}, "
            f"or set {_VARIABLES[API_KEY]}"
        )
        places = replace(places, names=names, remedies=remedies, key=names[API_KEY])
    if variable := lookup(API_KEY_VARIABLE):
        places = replace(places, key=f"{variable.strip()}, named by {places.names[API_KEY_VARIABLE]}")
    return replace(places, recorded=bool(lookup(API_KEY)))


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
    lookup: Lookup, environ: Mapping[str, str] = os.environ, places: Places | None = None
) -> str | None:
    """The project of models whose resource names none; None for the key's own.

    Raises:
        ConfigurationError: it is not an id.
    """
    places = places or places_of(lookup)
    value, place = _first(PROJECT, lookup, environ, places)
    if value and (fault := pasted.fault(value)):
        raise ConfigurationError(f"the project in {place} {fault}: {places.remedies[PROJECT]}")
    return value


def project_hint(
    lookup: Lookup, environ: Mapping[str, str] = os.environ, places: Places | None = None
) -> str | None:
    """What is odd about the configured project though it may work; None where nothing is."""
    value, place = _first(PROJECT, lookup, environ, places or places_of(lookup))
    return odd_project(value, place) if value else None


def odd_project(value: str, place: str) -> str | None:
    """What is odd about a project's id though it may work: the service does not document the form of its ids."""
    if not value.startswith("project-"):
        return None
    return (
        f"{place} {value!r} looks like a project of Nebius AI Cloud; Token Factory's begin with 'aiproject-'"
    )


def preflight(lookup: Lookup) -> bool:
    """Whether to ask the service about the base model and the source of a new model; by default True.

    Raises:
        ConfigurationError: the value is neither true nor false.
    """
    value = lookup(PREFLIGHT)
    # The argument of a `Provider` arrives as a bool.
    text = "true" if value is None else str(value).strip().lower()
    if text not in ("true", "false"):
        # A long text may be anything, even a key.
        shown = f" was given {value!r}, which" if len(text) <= _LONGEST_FLAG else ""
        raise ConfigurationError(f"{places_of(lookup).names[PREFLIGHT]}{shown} must be true or false")
    return text == "true"


def load_settings(
    lookup: Lookup, environ: Mapping[str, str] = os.environ, places: Places | None = None
) -> Settings:
    """Find the key and the base URL.

    Args:
        lookup: the stack's configuration, by its full key; returns None for what is not set.
        environ: the environment, for what the configuration lacks.
        places: what the error calls the settings; by default the stack's own.

    Raises:
        ConfigurationError: there is no key, it cannot be sent in a header, or the base URL is neither https
            nor on loopback, or more than a base.
    """
    places = places or places_of(lookup)
    faults = []
    key = ""
    try:
        key = _key(lookup, environ, places)
    except ConfigurationError as error:
        faults.append(str(error))
    given, place = _first(BASE_URL, lookup, environ, places)
    given = given or DEFAULT_BASE_URL
    url = _trimmed(given)
    if fault := _url_fault(url):
        # The URL may hold a key that was refused.
        known = key or _first(API_KEY, lookup, environ, places)[0]
        shown = _shown(given, known)
        faults.append(f"the base URL{shown} in {place} {fault}: {places.remedies[BASE_URL]}")
    if faults:
        raise ConfigurationError("; ".join(faults))
    return Settings(url, key)


def _key(lookup: Lookup, environ: Mapping[str, str], places: Places) -> str:
    key: str | None
    if variable := (lookup(API_KEY_VARIABLE) or "").strip():
        key, place = _named_key(variable, lookup, environ, places), variable
        remedy = f"set the environment variable {variable}"
    else:
        key, place = _first(API_KEY, lookup, environ, places)
        remedy = places.remedies[API_KEY]
    if not key:
        raise ConfigurationError(f"no Nebius API key: {remedy}")
    fault = pasted.fault(key)
    if not (fault or key.isascii()):
        fault = "has characters in it that no key has (non-ASCII), copy it again"
    if fault:
        raise ConfigurationError(f"the Nebius API key in {place} {fault}: {remedy}")
    return key


def _named_key(variable: str, lookup: Lookup, environ: Mapping[str, str], places: Places) -> str:
    """The key in the environment variable that the configuration names."""
    place = places.names[API_KEY_VARIABLE]
    if lookup(API_KEY):
        raise ConfigurationError(f"{places.names[API_KEY]} and {place} are both set: remove one of them")
    if not _VARIABLE_NAME.fullmatch(variable):  # it is not shown: it may be the key itself
        raise ConfigurationError(
            f"{place} is not the name of an environment variable: give its name, not the key"
        )
    if key := environ.get(variable, "").strip():
        return key
    # A key given in place of a name is seldom all upper case: no other text is shown.
    which = f"{variable}, which {place} names," if variable.isupper() else f"that {place} names"
    raise ConfigurationError(
        f"no Nebius API key: the environment variable {which} is not set: set it to the key"
    )


def _first(key: str, lookup: Lookup, environ: Mapping[str, str], places: Places) -> tuple[str | None, str]:
    """The first value that is set, and where."""
    variable = _VARIABLES[key]
    for value, place in ((lookup(key), places.names[key]), (environ.get(variable), variable)):
        if isinstance(value, str) and value.strip():
            return value.strip(), place
    return None, ""


def _trimmed(url: str) -> str:
    """A base URL as the calls need it: examples for OpenAI's client have the version at its end."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.lower()}{separator}{_VERSIONS.sub('', rest)}"


def _url_fault(url: str) -> str | None:
    if fault := pasted.fault(url):
        return fault
    if "@" in url:
        return "has a user or password in it, which is never used: remove them"
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
    if is_loopback(host):
        return "has no scheme, put http:// in front"
    return "has no scheme, put https:// in front" if _HOST.fullmatch(host) else f"is no URL: it {_MUST}"


def _parts_fault(parts: SplitResult, host: str) -> str | None:
    if parts.scheme not in ("http", "https"):
        return f"has another scheme: it {_MUST}"
    if parts.scheme == "http" and not is_loopback(host):
        return f"would send the key unencrypted: it {_MUST}"
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
    """Whether a host is this machine by its name alone, without a look-up."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
