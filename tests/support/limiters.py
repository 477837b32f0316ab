"""A rate limiter of orders, and how many calls it admits."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jwt
import pytest

from coinslot.errors import TooManyRequests
from coinslot.rate_limiter import RateLimiter
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOME, CAFE = "192.0.2.1", "192.0.2.2"


@asynccontextmanager
async def limits(rate: str = "3/10 minutes", **changes: Any) -> AsyncIterator[RateLimiter]:  # noqa: ANN401
    """Of orders; an address has five times as much."""
    opened = RateLimiter(settings(coinslot_limit_orders=rate, **changes))
    try:
        yield opened
    finally:
        await opened.close()


def token_of(user: str, signed_with: str = "of the project, long enough for HS256") -> str:
    return jwt.encode({"sub": user, "jti": uuid4().hex}, signed_with)


async def admitted(limits: RateLimiter, times: int, address: str, token: str | None = None) -> int:
    """The number of these calls, made at once, that are admitted."""
    answers = await asyncio.gather(
        *(limits.admit("orders", address, token) for _ in range(times)), return_exceptions=True
    )
    refusals = [answer for answer in answers if answer is not None]
    assert all(isinstance(refusal, TooManyRequests) for refusal in refusals), refusals
    return times - len(refusals)


async def refusal(limits: RateLimiter, address: str, token: str | None = None) -> TooManyRequests:
    with pytest.raises(TooManyRequests) as caught:
        await limits.admit("orders", address, token)
    return caught.value


def clock(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """From now on this process is so many hours ahead."""
    real = time.monotonic() - time.time()
    monkeypatch.setattr(time, "time", lambda: time.monotonic() - real + hours * 3600)
