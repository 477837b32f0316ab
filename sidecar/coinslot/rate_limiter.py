"""The rate limiter: how often one user and one address may call.

A token counts for its user once Postgres has accepted it. Before that it counts for the address
alone, since an unverified token could use up somebody else's limit. Known users and strangers at
one address are counted apart, so that a flood of strangers stops nobody who is about to pay. The
windows slide, so that no burst fits between two of them.

Servers may share the storage. Where it does not answer, everybody is let in: selling is worth more
than counting.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, cast

import jwt
import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.storage import storage_from_string

from coinslot.errors import TooManyRequests
from coinslot.settings.limit_storage import SECONDS_TO_ANSWER, open_pool
from coinslot.settings.limits import GROUPS

if TYPE_CHECKING:
    from limits.aio.storage import Storage

    from coinslot.settings.limits import Group, LimitSettings

log = structlog.get_logger(__name__)

# Everybody is let in for so long after the storage has failed. Then it is asked again.
_SECONDS_LEFT_ALONE = 2.0
# The most token owners that are remembered. The least recently used goes first.
_KNOWN_TOKENS = 20_000
_SECONDS_BETWEEN_SWEEPS = 5.0
_NAMESPACE = "coinslot"


class RateLimiter:
    """Opened within a running loop; `close` ends its connections."""

    def __init__(self, settings: LimitSettings) -> None:
        self._resources = AsyncExitStack()
        shared = settings.coinslot_limit_storage
        storage = (
            OwnMemory() if shared is None else _redis(shared.get_secret_value(), self._resources)
        )
        self._strategy = SlidingWindowCounterRateLimiter(storage)
        self._troubles = _troubles(storage)
        self._user = {group: _rate(settings, group, 1) for group in GROUPS}
        factor = settings.coinslot_limit_address_factor
        self._address = {group: _rate(settings, group, factor) for group in GROUPS}
        self._owners = Owners()
        self._back_at = 0.0

    async def admit(self, group: Group, address: str, token: str | None) -> None:
        """Counts a call. Raises `TooManyRequests` where there were too many.

        A user's calls beyond the limit do not count for the address, which others may share.
        """
        owner = self._owners.of(token)
        if owner is None:
            await self._count(self._address[group], group, "address", address)
        else:
            await self._count(self._user[group], group, "user", owner)
            await self._count(self._address[group], group, "users at", address)

    def accepted(self, token: str) -> None:
        """Remembers the owner of a token that Postgres has accepted."""
        self._owners.learn(token)

    def refused(self, token: str) -> None:
        """Forgets the owner of a token that Postgres has refused."""
        self._owners.forget(token)

    async def close(self) -> None:
        await self._resources.aclose()

    async def _count(self, rate: RateLimitItem | None, *key: str) -> None:
        if rate is None or time.monotonic() < self._back_at:
            return
        try:
            # The storage's own time-outs come first, which end its connections in order.
            async with asyncio.timeout(3 * SECONDS_TO_ANSWER):
                admitted = await self._strategy.hit(rate, *key)
                self._answered()
                if admitted:
                    return
                stats = await self._strategy.get_window_stats(rate, *key)
        except self._troubles as error:
            self._failed(error)
            return
        wait = math.ceil(stats.reset_time - time.time())
        raise TooManyRequests(min(max(wait, 1), rate.get_expiry()))

    def _failed(self, error: Exception) -> None:
        """Logs once for calls that fail together. The error's text may hold a password: it is left
        out."""
        if time.monotonic() >= self._back_at:
            log.warning("limits_storage_away", error=type(error).__name__, letting_in="everybody")
        self._back_at = time.monotonic() + _SECONDS_LEFT_ALONE

    def _answered(self) -> None:
        if self._back_at:
            log.info("limits_storage_back")
            self._back_at = 0.0


class OwnMemory(MemoryStorage):
    """Forgets expired counters every few seconds.

    The library's own storage looks through all counters at every call: the cost of a flood from
    many addresses would grow with its square.
    """

    def __init__(self) -> None:
        super().__init__()
        self._next_sweep = 0.0

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        self._sweep()
        count = await self.get(key) + amount
        self.storage[key] = count
        if count == amount:
            self.expirations[key] = time.time() + expiry
        return count

    def _sweep(self) -> None:
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + _SECONDS_BETWEEN_SWEEPS
        now = time.time()
        for key in [key for key, end in self.expirations.items() if end <= now]:
            del self.expirations[key]
            self.storage.pop(key, None)


class Owners:
    """The owners of the tokens that Postgres has accepted. Keeps digests, never a token."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, str] = OrderedDict()

    def of(self, token: str | None) -> str | None:
        if token is None:
            return None
        digest = _digest(token)
        if digest in self._known:
            self._known.move_to_end(digest)
        return self._known.get(digest)

    def learn(self, token: str) -> None:
        digest = _digest(token)
        if digest in self._known:
            return
        subject = _subject(token)
        if subject is not None:
            self._known[digest] = subject
        if len(self._known) > _KNOWN_TOKENS:
            self._known.popitem(last=False)

    def forget(self, token: str) -> None:
        self._known.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _subject(token: str) -> str | None:
    """The user of a token whose signature Postgres has checked."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    subject = claims.get("sub")
    return subject if isinstance(subject, str) and subject else None


def _rate(settings: LimitSettings, group: Group, factor: int) -> RateLimitItem | None:
    rate = settings.rate(group)
    if rate is None:
        return None
    return RateLimitItemPerSecond(rate.amount * factor, rate.get_expiry(), _NAMESPACE)


def _redis(address: str, resources: AsyncExitStack) -> Storage:
    pool = open_pool(address)
    resources.push_async_callback(pool.aclose)
    options: dict[str, Any] = {"implementation": "redispy", "connection_pool": pool}
    return cast("Storage", storage_from_string(address, **options))


def _troubles(storage: Storage) -> tuple[type[Exception], ...]:
    found = storage.base_exceptions
    return (OSError, TimeoutError, *(found if isinstance(found, tuple) else (found,)))
