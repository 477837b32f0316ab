"""The rate limiter: who is counted together, how long a caller waits, what is kept."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jwt
import pytest
from redis.asyncio import Redis as Client
from structlog.testing import capture_logs

from coinslot.errors import TooManyRequests
from coinslot.rate_limiter import RateLimiter
from tests.support.minute_windows import well_within_ten_minutes
from tests.support.redis_servers import Redis, redis, redis_program
from tests.support.servers import PATIENCE
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["redis", "redis_program", "well_within_ten_minutes"]

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
