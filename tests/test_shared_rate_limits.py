"""Limits that several servers share in a Redis, also while it is away."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from redis.asyncio import Redis as Client
from structlog.testing import capture_logs

from coinslot.rate_limiter import RateLimiter
from tests.support.limiters import CAFE, HOME, admitted, clock, limits, refusal, token_of
from tests.support.minute_windows import well_within_ten_minutes
from tests.support.redis_servers import Redis, redis, redis_program
from tests.support.servers import PATIENCE

__all__ = ["redis", "redis_program", "well_within_ten_minutes"]


class TestShared:
    async def test_by_servers(self, redis: Redis) -> None:
        hers, storage = token_of("mina"), {"coinslot_limit_storage": redis.storage}
        async with limits(**storage) as first, limits(**storage) as second:
            for each in (first, second):
                each.accepted(hers)
            assert await admitted(first, 2, HOME, hers) == 2
            assert await admitted(second, 2, CAFE, hers) == 1
            assert await admitted(second, 12, HOME) == 12
            assert await admitted(first, 9, HOME) == 3

    async def test_by_one_whose_clock_is_an_hour_off(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The time is Redis': what one counts wrongly would shut out all others for an hour."""
        storage = {"coinslot_limit_storage": redis.storage}
        async with limits("1/second", **storage) as first, limits("1/second", **storage) as second:
            with monkeypatch.context() as patch:
                clock(patch, 1)
                assert await admitted(first, 9, HOME) == 5
                assert (await refusal(first, HOME)).retry_after == 1
            assert await admitted(second, 9, HOME) == 0
            await asyncio.sleep(1.1)
            await second.admit("orders", HOME, None)

    async def test_keeps_no_token_and_nothing_for_long(self, redis: Redis) -> None:
        hers = token_of("mina")
        async with limits("3/minute", coinslot_limit_storage=redis.storage) as counted:
            counted.accepted(hers)
            await admitted(counted, 5, HOME, hers)
        async with Client(port=redis.port, decode_responses=True) as client:
            keys = [str(key) for key in await client.keys()]
            lives = [await client.ttl(key) for key in keys]
        assert len(keys) == 2
        assert all(part not in key for key in keys for part in hers.split("."))
        assert all(0 < seconds <= 120 for seconds in lives)


class TestStorageGone:
    @pytest.fixture(autouse=True)
    def briefly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("coinslot.rate_limiter._SECONDS_LEFT_ALONE", 0.5)

    @pytest.mark.parametrize("how", ["killed", "hanging"])
    async def test_in_the_middle(self, redis: Redis, how: str) -> None:
        """Everybody is let in, at once, and it is told once; then everything is counted again."""
        leave, come_back = {
            "killed": (redis.kill, redis.start),
            "hanging": (redis.hang, redis.go_on),
        }[how]
        async with limits(coinslot_limit_storage=redis.storage) as counted:
            assert await admitted(counted, 20, HOME) == 15
            with capture_logs() as logged:
                leave()
                assert await timed(counted, 50) < 2
                assert await timed(counted, 50) < 0.5
                assert said(logged, "limits_storage_away") == 1
                come_back()
                await until_refused(counted)
            assert (said(logged, "limits_storage_back"), said(logged, "limits_storage_away")) in {
                (1, 1),
                (1, 2),
            }

    async def test_from_the_beginning(self, redis_program: str) -> None:
        nowhere = Redis(redis_program)
        async with limits(coinslot_limit_storage=nowhere.storage) as counted:
            assert await timed(counted, 50) < 2

    async def test_without_telling_its_password(self, redis_program: str) -> None:
        nowhere = Redis(redis_program)
        storage = nowhere.storage.replace("//", "//coinslot:hush-hush@")
        async with limits(coinslot_limit_storage=storage) as counted:
            with capture_logs() as logged:
                await counted.admit("orders", HOME, None)
        assert said(logged, "limits_storage_away") == 1
        assert "hush-hush" not in str(logged)


class TestIdleConnections:
    """They are closed by who hosts a Redis: that is no reason to let anybody in."""

    @pytest.fixture(autouse=True)
    def patiently(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a slow machine: that one is slow to answer is another matter."""
        for module in ("rate_limiter", "settings.limit_storage"):
            monkeypatch.setattr(f"coinslot.{module}.SECONDS_TO_ANSWER", PATIENCE)

    @pytest.mark.parametrize("how", ["closed after a second", "killed"])
    async def test_that_were_closed_let_nobody_in(self, redis: Redis, how: str) -> None:
        async with (
            limits("2/minute", coinslot_limit_storage=redis.storage) as counted,
            Client(port=redis.port) as other,
        ):
            await other.config_set("timeout", 1 if how != "killed" else 0)
            with capture_logs() as logged:
                let_in = 0
                for _ in range(3):
                    let_in += await admitted(counted, 50, HOME)
                    await all_closed(other, kill=how == "killed")
            assert (let_in, [line["event"] for line in logged]) == (10, [])


async def all_closed(other: Client, *, kill: bool) -> None:
    """Ends every connection to Redis but this one: at once, or by waiting for Redis to do so."""
    if kill:
        await other.execute_command("CLIENT", "KILL", "SKIPME", "yes")  # type: ignore[no-untyped-call]
    async with asyncio.timeout(PATIENCE):
        while len(await other.client_list()) > 1:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def timed(counted: RateLimiter, calls: int) -> float:
    """Seconds for so many calls at once, all of which are admitted."""
    began = time.monotonic()
    assert await admitted(counted, calls, HOME) == calls
    return time.monotonic() - began


async def until_refused(counted: RateLimiter) -> None:
    async with asyncio.timeout(PATIENCE):
        while await admitted(counted, 20, HOME) == 20:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


def said(logged: list[Any], event: str) -> int:
    return sum(line["event"] == event for line in logged)
