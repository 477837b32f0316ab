"""The rate limiter: who is counted together, how long a caller waits, what is kept."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import jwt
import pytest

from tests.support.limiters import CAFE, HOME, admitted, clock, limits, refusal, token_of
from tests.support.minute_windows import well_within_ten_minutes
from tests.support.redis_servers import redis, redis_program

__all__ = ["redis", "redis_program", "well_within_ten_minutes"]


class TestUser:
    async def test_is_counted_over_tokens_and_addresses(self) -> None:
        phone, laptop, other = token_of("mina"), token_of("mina"), token_of("alex")
        async with limits() as counted:
            for token in (phone, laptop, other):
                counted.accepted(token)
            assert await admitted(counted, 2, HOME, phone) == 2
            assert await admitted(counted, 2, CAFE, laptop) == 1
            assert await admitted(counted, 1, HOME, phone) == 0
            assert await admitted(counted, 3, HOME, other) == 3

    async def test_is_nobody_by_a_token_that_was_not_accepted(self) -> None:
        """It neither uses up what is hers, nor has a limit of its own."""
        hers, forged = token_of("mina"), token_of("mina", "another secret, long enough for HS256")
        async with limits() as counted:
            counted.accepted(hers)
            assert await admitted(counted, 20, CAFE, forged) == 15
            assert await admitted(counted, 1, CAFE, token_of("invented")) == 0
            assert await admitted(counted, 3, HOME, hers) == 3

    async def test_is_nobody_by_a_token_that_is_no_longer_accepted(self) -> None:
        old, new = token_of("mina"), token_of("mina")
        async with limits() as counted:
            counted.accepted(old)
            counted.accepted(new)
            counted.refused(old)
            assert await admitted(counted, 9, CAFE, old) == 9
            assert await admitted(counted, 3, HOME, new) == 3

    @pytest.mark.parametrize("token", ["a.b.c", jwt.encode({"role": "anon"}, "k" * 32)])
    async def test_is_nobody_where_the_token_names_none(self, token: str) -> None:
        async with limits() as counted:
            counted.accepted(token)
            assert await admitted(counted, 20, HOME, token) == 15

    async def test_who_is_refused_leaves_room_for_others_at_the_address(self) -> None:
        flooding = token_of("mina")
        async with limits() as counted:
            counted.accepted(flooding)
            assert await admitted(counted, 500, HOME, flooding) == 3
            others = [token_of(f"guest {number}") for number in range(5)]
            for token in others:
                counted.accepted(token)
            calls = [await admitted(counted, 3, HOME, token) for token in others]
            assert calls == [3, 3, 3, 3, 0]

    async def test_is_not_kept_out_by_strangers_at_the_address(self) -> None:
        hers = token_of("mina")
        async with limits() as counted:
            counted.accepted(hers)
            assert await admitted(counted, 500, HOME) == 15
            assert await admitted(counted, 3, HOME, hers) == 3

    async def test_of_a_group_says_nothing_of_another(self) -> None:
        async with limits() as counted:
            assert await admitted(counted, 15, HOME) == 15
            await counted.admit("reads", HOME, None)

    async def test_has_no_limit_where_it_is_off(self) -> None:
        async with limits("off") as counted:
            assert await admitted(counted, 1000, HOME) == 1000


class TestRecovery:
    @pytest.mark.parametrize("shared", [False, True], ids=["memory", "redis"])
    async def test_when_it_was_said(self, shared: bool, request: pytest.FixtureRequest) -> None:
        """A caller who waits as long as told is admitted, after one window at most."""
        changes: dict[str, Any] = {"coinslot_limit_address_factor": 1}
        if shared:
            changes["coinslot_limit_storage"] = request.getfixturevalue("redis").storage
        async with limits("2/2 seconds", **changes) as counted:
            for _ in range(3):
                await admitted(counted, 5, HOME)
                wait = (await refusal(counted, HOME)).retry_after
                assert 1 <= wait <= 2
                await asyncio.sleep(wait)
                await counted.admit("orders", HOME, None)

    @pytest.mark.parametrize("hours", [1, -1])
    async def test_of_a_clock_that_is_set_by_an_hour(
        self, monkeypatch: pytest.MonkeyPatch, hours: int
    ) -> None:
        async with limits("1/second") as counted:
            assert await admitted(counted, 9, HOME) == 5
            clock(monkeypatch, hours)
            assert await admitted(counted, 9, HOME) == 5
            refused = await refusal(counted, HOME)
            assert refused.retry_after == 1
            await asyncio.sleep(1)
            await counted.admit("orders", HOME, None)


class TestMemory:
    async def test_is_given_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("coinslot.rate_limiter._SECONDS_BETWEEN_SWEEPS", 0.5)
        async with limits("1/second") as counted:
            for number in range(3000):
                await counted.admit("orders", f"10.0.{number // 256}.{number % 256}", None)
            kept: Any = counted._strategy.storage  # noqa: SLF001 - the library's, which has no count of its own
            assert len(kept.storage) > 1000
            await asyncio.sleep(2.1)
            await counted.admit("reads", HOME, None)
            assert len(kept.storage) + len(kept.expirations) + len(kept.locks) < 10

    async def test_that_is_full_makes_no_call_slow(self) -> None:
        """A call with fifty thousand addresses in memory costs about what the first one does."""
        async with limits() as counted:
            began = time.process_time()
            for number in range(50_000):
                await counted.admit("orders", f"{number}", None)
            assert time.process_time() - began < 20

    async def test_holds_a_bounded_number_of_tokens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("coinslot.rate_limiter._KNOWN_TOKENS", 10)
        tokens = [token_of("mina") for _ in range(50)]
        async with limits() as counted:
            for token in tokens:
                counted.accepted(token)
            owners = counted._owners  # noqa: SLF001
            assert [token for token in tokens if owners.of(token)] == tokens[-10:]
