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
from .values import SECRET, SIGNATURE, UNKNOWN_TEXT, Secret, Unknown, changed

_ROUNDS = 1_000_000
_CHECK = "pulumi"
_REMEDY = "but there is no passphrase: set PULUMI_CONFIG_PASSPHRASE"


@functools.lru_cache(maxsize=8)
def _key(passphrase: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ROUNDS, 32)


class Crypter:
    """Encrypts and decrypts with one passphrase; derives its key only for the first secret."""

    def __init__(self, passphrase: str | None, salt: str | None = None) -> None:
        self.passphrase = passphrase
        self.salt = salt

    def encrypt(self, text: str) -> str:
        """The text as `v1:nonce:ciphertext`.

        Raises:
            SecretError: There is no passphrase, or it is not the one the salt belongs to.
        """
        if self.passphrase is None:
            raise SecretError(f"a secret must be written to the state {_REMEDY}")
        if self.salt is None:
            raw = random.token_bytes(8)
            check = _seal(_key(self.passphrase, raw), _CHECK)
            self.salt = f"v1:{base64.b64encode(raw).decode()}:{check}"
        return _seal(self._verified_key(self.passphrase, self.salt), text)

    def decrypt(self, sealed: str) -> str:
        """The text behind `v1:nonce:ciphertext`.

        Raises:
            SecretError: No passphrase, a wrong one, or not a ciphertext of this kind.
        """
        if self.passphrase is None or self.salt is None:
            raise SecretError(f"the state holds secrets {_REMEDY}")
        return _open(self._verified_key(self.passphrase, self.salt), sealed)

    def _verified_key(self, passphrase: str, salt: str) -> bytes:
        _, raw, check = salt.split(":", 2)
        key = _key(passphrase, base64.b64decode(raw))
        if _open(key, check) != _CHECK:
            raise SecretError("incorrect passphrase")
        return key


def _seal(key: bytes, text: str) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = random.token_bytes(12)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), None)
    return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"


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


def seal(value: Any, crypter: Crypter | None) -> Any:
    """The value as a deployment holds it: each secret as its ciphertext, or without a crypter as its plaintext."""

    def sealed(each: Any) -> Any:
        if isinstance(each, Secret):
            text = json.dumps(each.value, separators=(",", ":"))
            return {
                SIGNATURE: SECRET,
                **({"ciphertext": crypter.encrypt(text)} if crypter else {"plaintext": text}),
            }
        return UNKNOWN_TEXT if isinstance(each, Unknown) else each

    return changed(value, sealed)


def unseal(value: Any, crypter: Crypter) -> Any:
    """The value of a state file, with each ciphertext a `Secret` again."""

    def opened(each: Any) -> Any:
        if not (isinstance(each, dict) and each.get(SIGNATURE) == SECRET):
            return each
        return Secret(json.loads(crypter.decrypt(each["ciphertext"])))

    return changed(value, opened)
