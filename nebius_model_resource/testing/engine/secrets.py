"""Encryption of secrets under a passphrase, in the format of Pulumi's own passphrase provider.

Facts of the format (observed in stacks of CLI 3.260): AES-256-GCM with a 12-byte nonce, key by PBKDF2-HMAC-SHA256
with 1,000,000 rounds over an 8-byte salt, written `v1:<nonce>:<ciphertext>`; the salt is stored as
`v1:<salt>:<the word "pulumi", encrypted>`, which reveals a wrong passphrase. So a state exported here opens there.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import secrets as random
from typing import Any

from .errors import SecretError
from .values import SECRET, SIGNATURE, UNKNOWN_TEXT, Properties, Secret, Unknown

_ROUNDS = 1_000_000
_CHECK = "pulumi"
NO_PASSPHRASE = (
    "a secret must be written to the state but there is no passphrase: set PULUMI_CONFIG_PASSPHRASE"
)


@functools.lru_cache(maxsize=8)
def _key(passphrase: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ROUNDS, 32)


class Crypter:
    """Encrypts and decrypts with one passphrase; derives its key only for the first secret."""

    def __init__(self, passphrase: str | None, salt: str | None = None) -> None:
        self.passphrase = passphrase
        self.salt = salt
        self._checked = False

    def encrypt(self, text: str) -> str:
        """The text as `v1:nonce:ciphertext`.

        Raises:
            SecretError: There is no passphrase, or it is not the one the salt belongs to.
        """
        self.require_passphrase()
        assert self.passphrase is not None
        if self.salt is None:
            raw = random.token_bytes(8)
            check = self._seal(_key(self.passphrase, raw), _CHECK)
            self.salt = f"v1:{base64.b64encode(raw).decode()}:{check}"
            self._checked = True
        return self._seal(self._verified_key(), text)

    def require_passphrase(self) -> None:
        """Make sure that secrets can be written.

        Raises:
            SecretError: There is no passphrase.
        """
        if self.passphrase is None:
            raise SecretError(NO_PASSPHRASE)

    def decrypt(self, sealed: str) -> str:
        """The text behind `v1:nonce:ciphertext`.

        Raises:
            SecretError: No passphrase, a wrong one, or not a ciphertext of this kind.
        """
        if self.passphrase is None or self.salt is None:
            raise SecretError(
                "the state holds secrets but there is no passphrase: set PULUMI_CONFIG_PASSPHRASE"
            )
        return self._open(self._verified_key(), sealed)

    def _verified_key(self) -> bytes:
        if self.passphrase is None or self.salt is None:
            raise SecretError(NO_PASSPHRASE)
        _, raw, check = self.salt.split(":", 2)
        key = _key(self.passphrase, base64.b64decode(raw))
        if not self._checked and self._open(key, check) != _CHECK:
            raise SecretError("incorrect passphrase")
        self._checked = True
        return key

    @staticmethod
    def _seal(key: bytes, text: str) -> str:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = random.token_bytes(12)
        sealed = AESGCM(key).encrypt(nonce, text.encode(), None)
        return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"

    @staticmethod
    def _open(key: bytes, sealed: str) -> str:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        version, _, rest = sealed.partition(":")
        nonce, _, body = rest.partition(":")
        if version != "v1" or not body:
            raise SecretError("a secret is not encrypted the way this engine does it (v1)")
        try:
            return AESGCM(key).decrypt(base64.b64decode(nonce), base64.b64decode(body), None).decode()
        except InvalidTag as fault:
            raise SecretError("incorrect passphrase: a secret cannot be decrypted with it") from fault


class _Inner(Crypter):
    """For a secret inside a secret: Pulumi marks it and does not encrypt it a second time."""

    def __init__(self) -> None:
        super().__init__(None)

    def encrypt(self, text: str) -> str:
        """The text unchanged: it is encrypted as a part of the outer secret."""
        return text


def seal(value: Any, crypter: Crypter | None) -> Any:
    """The value as a deployment holds it: each secret as its ciphertext, or without a crypter as its plaintext."""
    if isinstance(value, Secret):
        text = json.dumps(seal(value.value, _Inner() if crypter else None), separators=(",", ":"))
        hidden = {"ciphertext": crypter.encrypt(text)} if crypter else {"plaintext": text}
        return {SIGNATURE: SECRET, **hidden}
    if isinstance(value, Unknown):
        return UNKNOWN_TEXT
    if isinstance(value, dict):
        return {key: seal(part, crypter) for key, part in sorted(value.items())}
    return [seal(part, crypter) for part in value] if isinstance(value, list) else value


def unseal(value: Any, crypter: Crypter, *, inner: bool = False) -> Any:
    """The value of a state file with each ciphertext a `Secret` again; `inner`: it is inside a secret."""
    if isinstance(value, list):
        return [unseal(part, crypter, inner=inner) for part in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == SECRET:
        return Secret(unseal(json.loads(_opened(value, crypter, inner=inner)), crypter, inner=True))
    return {key: unseal(part, crypter, inner=inner) for key, part in value.items()}


def _opened(secret: dict[str, str], crypter: Crypter, *, inner: bool) -> str:
    """The JSON of a secret. Inside a secret it is in the clear, unless an earlier release of this engine wrote it."""
    if "plaintext" in secret:
        return secret["plaintext"]
    sealed = secret["ciphertext"]
    return sealed if inner and not sealed.startswith("v1:") else crypter.decrypt(sealed)


def unseal_properties(properties: dict[str, Any], crypter: Crypter) -> Properties:
    """`unseal` for a property bag."""
    return {key: unseal(value, crypter) for key, value in properties.items()}
