"""Secrets as they are kept in the database: sealed with a key of this program's settings.

A sealed value opens only with a key that is set, and only for the purpose and the owner that it
was sealed for: a row that took another row's value would open nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coinslot.errors import SecretKeysMissing, SecretUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = "v1"
_ENTRY = re.compile(r"([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/_-]+={0,2})")


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """Keys by id, in the order in which they are set. The first seals, each opens."""

    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"SecretKeys({', '.join(self.keys)})"

    @property
    def current(self) -> str | None:
        """The id of the key that seals, None where no key is set."""
        return next(iter(self.keys), None)

    def seal(self, secret: bytes, *, purpose: str, owner: str) -> str:
        """The secret as `v1.<key id>.<base64url>`, different each time.

        `purpose` names a kind of secret, `owner` the row that it stands in. Raises
        `SecretKeysMissing` where no key is set.
        """
        key_id = self.current
        if key_id is None:
            raise SecretKeysMissing
        nonce = os.urandom(_NONCE_BYTES)
        bound = _bound_to(key_id, purpose, owner)
        body = nonce + AESGCM(self.keys[key_id]).encrypt(nonce, secret, bound)
        return f"{_VERSION}.{key_id}.{base64.urlsafe_b64encode(body).decode().rstrip('=')}"

    def open(self, sealed: str, *, purpose: str, owner: str) -> bytes:
        """The secret again.

        Raises `SecretKeysMissing` where its key is not set, and `SecretUnreadable` for what was
        changed, or sealed for another purpose or owner.
        """
        key_id, body = _parts(sealed)
        key = self.keys.get(key_id)
        if key is None:
            sentence = f"COINSLOT_SECRET_KEYS has no key '{key_id}', with which this was sealed"
            raise SecretKeysMissing(sentence)
        nonce, rest = body[:_NONCE_BYTES], body[_NONCE_BYTES:]
        try:
            return AESGCM(key).decrypt(nonce, rest, _bound_to(key_id, purpose, owner))
        except InvalidTag as error:
            raise SecretUnreadable from error

    def is_current(self, sealed: str) -> bool:
        """False for a value that should be sealed anew, before its key is taken away."""
        return _parts(sealed)[0] == self.current


def parse_keys(entries: Iterable[str]) -> SecretKeys:
    """The keys of `id:base64` entries. Raises `ValueError` with a sentence that quotes no key."""
    keys: dict[str, bytes] = {}
    for entry in entries:
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise ValueError("lists keys as id:base64, separated by commas")
        key_id, text = found.groups()
        key = _decoded(text)
        if key is None or len(key) != KEY_BYTES:
            message = f"has a key '{key_id}' that is not {KEY_BYTES} random bytes: {HOW_TO_MAKE}"
            raise ValueError(message)
        if key_id in keys:
            message = f"has the id '{key_id}' twice"
            raise ValueError(message)
        keys[key_id] = key
    return SecretKeys(keys)


HOW_TO_MAKE = f"openssl rand -base64 {KEY_BYTES}"
"""The command that makes a key."""


def _bound_to(key_id: str, purpose: str, owner: str) -> bytes:
    return json.dumps([_VERSION, key_id, purpose, owner]).encode()


def _parts(sealed: str) -> tuple[str, bytes]:
    version, _, rest = sealed.partition(".")
    key_id, _, text = rest.partition(".")
    body = _decoded(text)
    if version != _VERSION or body is None or len(body) <= _NONCE_BYTES:
        raise SecretUnreadable
    return key_id, body


def _decoded(text: str) -> bytes | None:
    """Either alphabet, with or without the signs at its end."""
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
