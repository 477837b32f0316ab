"""The Redis that several servers count in: its address, and the connections to it.

An address is refused at start for whatever would fail with the first call. No sentence repeats any
part of it: one that is written wrongly may have its password anywhere.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from redis.asyncio import BlockingConnectionPool

SECONDS_TO_ANSWER = 0.5
_CONNECTIONS = 8
_SCHEMES = {
    "async+redis": "redis",
    "async+rediss": "rediss",
    "async+redis+unix": "unix",
}
_CHOICES = {
    "ssl_cert_reqs": ("none", "optional", "required"),
    "ssl_check_hostname": ("true", "false", "yes", "no"),
    "protocol": ("2", "3"),
}
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_OPTIONS = ("db", *_CHOICES, *_FILES)
_FORM = "is the address of a Redis, such as async+redis://user:password@host:6379/0"


def problem(address: str) -> str | None:
    """The sentence for what is wrong with the address; None where it can be used."""
    if find_spec("redis") is None:
        return "needs the Python package redis, which is not installed"
    try:
        parts = urlsplit(address)
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        well_formed = _well_formed(address, parts)
    except ValueError:
        return _FORM
    if not well_formed:
        return f"{_FORM}, with %40 for @ and %2F for / in the password"
    wrong = _wrong_option(parts.scheme, dict(given))
    if wrong is None and not _can_be_opened(address):
        return _FORM
    return wrong


def open_pool(address: str) -> BlockingConnectionPool:
    """Connects with the first call.

    Who hosts a Redis closes connections that are idle, or moves it. So a call that finds its
    connection closed opens it anew before it fails: others would be let in uncounted. A Redis that
    does not answer in time is not asked twice.
    """
    # Only who shares limits has the package.
    from redis.asyncio import BlockingConnectionPool  # noqa: PLC0415
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.exceptions import ConnectionError as ConnectionLost  # noqa: PLC0415

    return BlockingConnectionPool.from_url(
        address.removeprefix("async+").replace("redis+unix://", "unix://"),
        max_connections=_CONNECTIONS,
        timeout=SECONDS_TO_ANSWER,
        socket_connect_timeout=SECONDS_TO_ANSWER,
        socket_timeout=SECONDS_TO_ANSWER,
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionLost,)),
    )


def _well_formed(address: str, parts: SplitResult) -> bool:
    """Raises `ValueError` for a port that is none."""
    number = parts.path.removeprefix("/")
    if parts.scheme not in _SCHEMES or parts.fragment or not address.isprintable():
        return False
    if _SCHEMES[parts.scheme] == "unix":
        return len(number) > 0 and "@" not in number
    return bool(parts.hostname) and parts.port != 0 and (not number or _is_number(number))


def _wrong_option(scheme: str, given: Mapping[str, str]) -> str | None:
    for name, value in given.items():
        if name not in _OPTIONS:
            return f"has an option other than {', '.join(_OPTIONS)}"
        if name.startswith("ssl_") and _SCHEMES[scheme] != "rediss":
            return f"has the option {name}, which only async+rediss:// takes"
        if name in _CHOICES and value.lower() not in _CHOICES[name]:
            return f"has an option {name} that is none of {', '.join(_CHOICES[name])}"
        if name in _FILES and not Path(value).is_file():
            return f"has an option {name} that names no file"
        if name == "db" and not _is_number(value):
            return "has an option db that is no number"
    return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _can_be_opened(address: str) -> bool:
    """Makes a connection without connecting it: the package takes what is in the address."""
    try:
        pool: Any = open_pool(address)
        pool.make_connection()
    except Exception:  # noqa: BLE001 - whatever the package says of a wrong one
        return False
    return True
