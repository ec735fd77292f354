"""The settings of one account: key, base URL and project, where they are set, and what messages call them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address

from nebius_model_resource.errors import ConfigurationError

DEFAULT_BASE_URL = "https://api.studio.nebius.com"  # as documented for models
Lookup = Callable[[str], "str | None"]

# Not `nebius:`, which the default provider of the bridged `pulumi-nebius` package takes as its own.
API_KEY, API_KEY_VARIABLE = "nebius-models:apiKey", "nebius-models:apiKeyVariable"
BASE_URL, PROJECT = "nebius-models:baseUrl", "nebius-models:aiProjectId"
PREFLIGHT = "nebius-models:preflight"  # whether a preview asks the service about the inputs
PROVIDER = "nebius-models:provider"  # the name of an explicit provider, set by nothing else
PLUGIN = "nebius-models:plugin"  # set by the plugin alone: its arguments have the names of the schema
SETTINGS = (API_KEY, API_KEY_VARIABLE, BASE_URL, PROJECT, PREFLIGHT)
_VARIABLES = {API_KEY: "NEBIUS_API_KEY", BASE_URL: "NEBIUS_BASE_URL", PROJECT: "NEBIUS_AI_PROJECT_ID"}
_OPTIONS = {BASE_URL: "--base-url", PROJECT: "--ai-project-id"}
_VALUES = {API_KEY: "<key>", BASE_URL: "<url>", PROJECT: "<id>"}
_URL = re.compile(r"(\w+)://([\w.%-]+|\[[\da-f:.%]+\])(:\d{1,5})?(/[^?#]*)?", re.IGNORECASE)
_VERSIONS = re.compile(r"(?:/+v[01])*/*$", re.IGNORECASE)
_QUOTES = "\"'`\u00ab\u00b4\u00bb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a"


@dataclass(frozen=True)
class Settings:
    """What every call needs.

    Attributes:
        base_url: scheme, host and perhaps a path; without ``/v0`` or ``/v1`` and without a slash at its end.
        api_key: goes into the Authorization header and nowhere else, not even into ``repr``.
    """

    base_url: str
    api_key: str = field(repr=False)


class Configuration:
    """Where the settings of an account come from: a stack, an explicit provider, a script or the command.

    A value that the configuration lacks comes from the environment.
    """

    def __init__(
        self, lookup: Lookup | None = None, asker: str = "stack", default_base_url: str = DEFAULT_BASE_URL
    ) -> None:
        """Nothing is read before it is asked for.

        Args:
            lookup: the value of a setting by its full name (``nebius-models:apiKey``); None if it is not set.
            asker: who reads the messages: ``"stack"``, ``"script"`` or ``"command"``.
            default_base_url: the service, if none is configured.
        """
        self.lookup: Lookup = lookup or (lambda _name: None)
        self._asker = asker
        self._default_base_url = default_base_url

    # What messages call the settings, and how to set them.

    @property
    def is_plugin(self) -> bool:
        """Whether properties have the names of the plugin's schema."""
        return bool(self.lookup(PLUGIN))

    @property
    def is_key_recorded(self) -> bool:
        """Whether the engine records the key in the state, so that `refresh` and `destroy` use an old one."""
        return bool(self.lookup(API_KEY))

    def name(self, setting: str) -> str:
        """What a setting is called where it is set."""
        if provider := self.lookup(PROVIDER):
            return f"{self._argument(setting)} of Provider {provider!r}"
        names = {"command": _OPTIONS, "script": _VARIABLES}.get(self._asker, {})
        return names.get(setting, setting)

    def _argument(self, setting: str) -> str:
        name = setting.partition(":")[2]
        return name if self.is_plugin else re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)

    def remedy(self, setting: str) -> str:
        """How to set a setting."""
        variable = _VARIABLES[setting]
        if self.lookup(PROVIDER):
            return f"give {self.name(setting)}, or set {variable}"
        if self._asker == "command" and setting in _OPTIONS:
            return f"give {_OPTIONS[setting]} {_VALUES[setting]}, or set {variable}"
        if self._asker != "stack":
            return f"set the environment variable {variable}"
        secret, kind = ("--secret ", "the environment variable ") if setting == API_KEY else ("", "")
        return f"run `pulumi config set {secret}{setting} {_VALUES[setting]}`, or set {kind}{variable}"

    @property
    def key_place(self) -> str:
        """Where the key is set that is in use."""
        if variable := self.lookup(API_KEY_VARIABLE):
            return f"{variable.strip()}, named by {self.name(API_KEY_VARIABLE)}"
        if self.lookup(PROVIDER):
            return self.name(API_KEY)
        if self._asker != "stack":
            return _VARIABLES[API_KEY]
        return f"`pulumi config set --secret {API_KEY} <key>`, or {_VARIABLES[API_KEY]}"

    # The values.

    def settings(self) -> Settings:
        """The key and the base URL.

        Raises:
            ConfigurationError: there is no key, it cannot be sent in a header, or the base URL is neither https nor
                on loopback.
        """
        return Settings(self.base_url(), self.key())

    def project(self) -> str | None:
        """The project of resources that name none; None for the key's own.

        Raises:
            ConfigurationError: it is not an id.
        """
        value, place = self._first(PROJECT)
        if value and (fault := unclean(value)):
            raise ConfigurationError(f"the project in {place} {fault}: {self.remedy(PROJECT)}")
        return value

    def preflight(self) -> bool:
        """Whether a preview asks the service about the inputs of new models and endpoints; by default True.

        Raises:
            ConfigurationError: the value is neither true nor false.
        """
        value = self.lookup(PREFLIGHT)
        text = "true" if value is None else str(value).strip().lower()  # a `Provider` gives a bool
        if text not in ("true", "false"):  # it is not shown: it may be anything, even a key
            raise ConfigurationError(f"{self.name(PREFLIGHT)} must be true or false")
        return text == "true"

    def _first(self, setting: str) -> tuple[str | None, str]:
        """The first value that is set, and where."""
        variable = _VARIABLES[setting]
        places = ((self.lookup(setting), self.name(setting)), (os.environ.get(variable), variable))
        for value, place in places:
            if isinstance(value, str) and value.strip():
                return value.strip(), place
        return None, ""

    def key(self) -> str:
        """The key; see :meth:`settings`."""
        variable, named = (self.lookup(API_KEY_VARIABLE) or "").strip(), self.name(API_KEY_VARIABLE)
        key, place = self._first(API_KEY)
        remedy = self.remedy(API_KEY)
        if variable:  # a message without a key does not show it: it may be the key itself
            if self.lookup(API_KEY):
                raise ConfigurationError(f"{self.name(API_KEY)} and {named} are both set: remove one of them")
            key, place = os.environ.get(variable, "").strip(), variable
            remedy = f"set the environment variable that {named} names (give it a name, not the key)"
        if not key:
            raise ConfigurationError(f"no Nebius API key: {remedy}")
        if fault := unclean(key):
            raise ConfigurationError(f"the Nebius API key in {place} {fault}: {remedy}")
        return key

    def base_url(self) -> str:
        """The base URL; see :meth:`settings`."""
        given, place = self._first(BASE_URL)
        scheme, separator, rest = (given or self._default_base_url).partition("://")
        # Examples for OpenAI's client have the version at the end of the URL.
        url = f"{scheme.lower()}{separator}{_VERSIONS.sub('', rest)}"
        fault = _url_fault(url) if given else None
        if fault:  # the URL is not shown: it may hold a password, a token or the key
            raise ConfigurationError(f"the base URL in {place} {fault}: {self.remedy(BASE_URL)}")
        return url


def unknown_setting(name: str) -> str | None:
    """What to give in place of a setting that does not exist; None for one that does.

    Without this a misspelt ``baseURL`` would send the key to the default host.
    """
    known = [setting.partition(":")[2] for setting in SETTINGS]
    if name in known:
        return None
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    meant = f"give {close[0]!r}" if close else f"there are {', '.join(known)}"
    return f"there is no setting {name!r}: {meant}"


def unclean(value: str) -> str | None:
    """What does not belong to a key, a URL or an id; None where the value is clean. It does not repeat the value."""
    if value.lower().startswith("bearer"):
        return "begins with 'Bearer', give only what follows it"
    if any(mark in value for mark in _QUOTES):
        return "has quotes around it, remove them"
    if re.search(r"\s", value):
        return "has spaces or line breaks in it, remove them"
    is_plain = value.isascii() and value.isprintable()
    return None if is_plain else "has invisible or non-ASCII characters in it, type it again"


def _url_fault(url: str) -> str | None:
    must = f"it must be https, or http on loopback alone, such as {DEFAULT_BASE_URL!r}"
    if fault := unclean(url):
        return fault
    if "@" in url:
        return "has a user or password in it, which is never used: remove them"
    form = _URL.fullmatch(url)
    if not form:
        return f"is not a scheme, a host and perhaps a path: {must}"
    if form[1] == "https" or (form[1] == "http" and is_loopback(form[2].strip("[]").lower())):
        return None
    return f"would send the key unencrypted, or has another scheme: {must}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name alone, without a look-up."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
