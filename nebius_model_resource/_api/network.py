"""The proxy and the CA file that the environment names, checked before anything is sent.

``requests`` reads both at each request, reports some faults late, and prints a proxy's password.
"""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError
from urllib3.util import Url, parse_url

from nebius_model_resource._api.settings import is_loopback
from nebius_model_resource.errors import NotSent

if TYPE_CHECKING:
    import requests

_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")  # how OpenSSL finds a certificate in a folder


@dataclass(frozen=True)
class Proxy:
    """A proxy in front of the service.

    Attributes:
        url: with its user and password, if any; no message shows it.
        place: its host and port.
        variable: the environment variable that names it.
    """

    url: str = field(repr=False)
    place: str
    variable: str


def read_environment(session: requests.Session, base_url: str) -> tuple[Proxy | None, bool | str]:
    """The proxy for a base URL, and what to verify certificates with; loopback never has a proxy, as in curl and Go.

    Certificates are verified with the file or folder that a variable names, or (True) with those of ``requests``.

    Raises:
        NotSent: the base URL, the proxy's or the file cannot be used; always permanent.
    """
    from requests.utils import select_proxy

    try:
        found = session.merge_environment_settings(base_url, {}, None, None, None)
        target = urlsplit(base_url)
        url = None if is_loopback(target.hostname or "") else select_proxy(base_url, found["proxies"])
    except ValueError as error:
        raise NotSent(f"base URL {base_url!r} cannot be read: {error}", permanent=True) from error
    proxy = _read_proxy(url) if url and url.strip() else None
    verify = found["verify"] or True
    if isinstance(verify, str) and target.scheme == "https":
        _check_certificates(verify)
    return proxy, verify


def _read_proxy(text: str) -> Proxy:
    named = (name for name, value in os.environ.items() if name.lower().endswith("_proxy") and value == text)
    variable = next(named, "the system's proxy setting")
    text = text.strip()
    try:
        url = parse_url(text if "://" in text else f"http://{text.lstrip('/')}")
    except (HTTPError, ValueError):
        url = Url()
    # urllib3 ends the host at a "#", "/" or "?", also at one in a password.
    misread = "@" in url.request_uri + (url.fragment or "")
    if not url.host or url.port == 0 or misread:
        raise NotSent(
            f"{variable} is not the URL of a proxy",
            permanent=True,
            remedy=f"set {variable} to http://host:port or http://user:password@host:port, with each of '#', '/', "
            "'?', '@' and '%' in the password percent-encoded ('#' is %23)",
        )
    if url.scheme not in _PORTS:
        raise unusable_proxy(variable, f"its scheme {url.scheme!r} is none of http, https and socks5")
    return Proxy(url.url, f"{url.host}:{url.port or _PORTS[url.scheme]}", variable)


def unusable_proxy(variable: str, why: str) -> NotSent:
    """A proxy that no request can go through."""
    return NotSent(
        f"the proxy in {variable} cannot be used: {why}",
        permanent=True,
        remedy=f"set {variable} to a proxy such as http://host:port, or unset it",
    )


def _check_certificates(place: str) -> None:
    """Raise NotSent where a file or folder has no certificates in it."""
    variable = "REQUESTS_CA_BUNDLE" if os.environ.get("REQUESTS_CA_BUNDLE") else "CURL_CA_BUNDLE"
    try:
        if not Path(place).is_dir():
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(place)
            return
        if any(_HASHED.fullmatch(entry.name) for entry in Path(place).iterdir()):
            return
        why = "a folder without certificates that `openssl rehash` has named"
    except ssl.SSLError:
        why = "which holds no certificate in PEM form"
    except OSError as error:
        why = f"which cannot be read: {error.strerror}"
    raise NotSent(
        f"{variable} names {place!r}, {why}",
        permanent=True,
        remedy=f"set {variable} to a PEM file of CA certificates, or unset it",
    )
