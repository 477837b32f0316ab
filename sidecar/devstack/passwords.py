"""Password hashes of the local Auth stand-in: `$scrypt$N$r$p$salt$key`, salt and key in base64."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

_N, _R, _P = 2**14, 8, 1


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    key = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P)
    return f"$scrypt${_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(key).decode()}"


def password_matches(password: str, stored: str | None) -> bool:
    """True if the password has this hash. False also for a hash of another kind, or none."""
    try:
        _, kind, n, r, p, salt, key = (stored or "").split("$")
    except ValueError:
        return False
    if kind != "scrypt":
        return False
    given = hashlib.scrypt(
        password.encode(), salt=b64decode(salt), n=int(n), r=int(r), p=int(p), maxmem=2**26
    )
    return hmac.compare_digest(given, b64decode(key))
