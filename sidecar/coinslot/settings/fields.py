"""The kinds of values that settings have, and the rules that hold for an address in live mode."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Mode = Literal["test", "live"]

_LOOPBACK = re.compile(r"^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|::1?)$")


def _address(value: str) -> str:
    if not _can_be_called(value):
        raise ValueError("must be an address such as https://example.com, without user or password")
    return value.rstrip("/")


def _can_be_called(address: str) -> bool:
    """False, too, for one with a password: addresses are logged, and secrets have settings."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    if not address.isprintable() or re.search(r"[\s@?#]", address):
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return [each.strip() for each in value.split(",") if each.strip()]


Address = Annotated[str, AfterValidator(_address)]
"""An http address, kept without the slash at its end."""

Listed = Annotated[list[str], NoDecode, BeforeValidator(_split)]
"""Values separated by commas."""

ListedSecrets = Annotated[list[SecretStr], NoDecode, BeforeValidator(_split)]
"""Secrets separated by commas."""

BuyerFields = Annotated[list[Literal["name", "phone", "email"]], NoDecode, BeforeValidator(_split)]
"""The fields that a store asks its buyer for, separated by commas."""


def by_method(setting: str, takes: Iterable[str]) -> Callable[[list[str]], list[str]]:
    """A validator of a list of `method=value`, each method once and of those that are taken."""

    def check(entries: list[str]) -> list[str]:
        methods = [entry.partition("=")[0] for entry in entries]
        odd = [each for each in entries if not re.fullmatch(r"\w+=[\x21-\x7e]+", each)]
        if odd or not set(methods) <= set(takes) or len(set(methods)) < len(methods):
            message = f"lists {setting} as method=key, each once, of {', '.join(takes)}"
            raise ValueError(message)
        return entries

    return check


SECONDS_TO_REFUND = 50.0
"""The time that all calls to a gateway for one refund have together. Less than the database's
lease: no other server may ask while this one still does."""

GatewaySeconds = Annotated[float, Field(gt=0, le=SECONDS_TO_REFUND)]
"""The time that one call to a gateway may take."""


SHORTEST_SECRET = 8
"""Logs blank a secret wherever it turns up: a shorter one would blank parts of ordinary words."""


def secrets_in(settings: Iterable[tuple[str, object]]) -> Iterator[tuple[str, str]]:
    """Each secret value with the name of its setting."""
    for name, value in settings:
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, SecretStr):
                yield name, each.get_secret_value()


def short_secrets(settings: Iterable[tuple[str, object]]) -> list[str]:
    """A sentence for each secret that is too short to be one."""
    return [
        f"{name.upper()} has fewer than {SHORTEST_SECRET} characters: set the whole secret"
        for name, secret in secrets_in(settings)
        if len(secret) < SHORTEST_SECRET
    ]


def unclean(settings: Iterable[tuple[str, object]]) -> list[str]:
    """A sentence for each text that brought more than itself: a line break, a space at an end, of a
    secret also a letter that no key has.

    A header could not carry it, and a gateway would say no more than that the key is wrong.
    """
    return [
        f"{name.upper()} has a line break, a space or a letter where none belongs: set it without"
        for name, value in settings
        if any(map(_is_unclean, value if isinstance(value, list) else [value]))
    ]


def _is_unclean(value: object) -> bool:
    if isinstance(value, SecretStr):
        return not re.fullmatch(r"[!-~]*", value.get_secret_value())
    return isinstance(value, str) and (value != value.strip() or not value.isprintable())


def exposed(name: str, address: str) -> list[str]:
    """The reasons why live mode refuses this address."""
    parts = urlsplit(address)
    problems = []
    if parts.scheme != "https":
        problems.append(f"{name} must be https in live mode")
    if _LOOPBACK.match(parts.hostname or ""):
        problems.append(f"{name} points at this machine, which live mode refuses")
    return problems
