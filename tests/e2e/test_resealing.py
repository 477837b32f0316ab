"""A sealing key is taken out of use: everything that it has sealed opens without it afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest

from coinslot.billing.methods import seal, unsealed
from coinslot.billing.resealing import Resealing
from coinslot.database import Database
from coinslot.errors import CoinslotError, DatabaseUnavailable, SecretKeysMissing
from coinslot.outbox.endpoints import PURPOSE
from coinslot.sealed import SecretKeys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coinslot.database.service import ServiceDatabase
    from tests.support.shop import Shop

OLD, NEW = {"aged": b"o" * 32}, {"fresh": b"n" * 32}
BEFORE, BOTH, AFTER = SecretKeys(OLD), SecretKeys({**NEW, **OLD}), SecretKeys(NEW)
STORED = """
insert into coinslot.billing_keys (id, user_id, gateway, live, status, sealed)
values (%s, %s, 'toss', false, 'active', %s) returning id
"""
ROWS = """
with ours as (select unnest(%s::uuid[]) as id)
select 'endpoint', id::text, secret from coinslot.endpoints natural join ours
union all select 'endpoint', id::text, old_secret from coinslot.endpoints natural join ours
union all select 'billing_key', id::text, sealed from coinslot.billing_keys natural join ours
"""
GONE = """
with e as (delete from coinslot.endpoints where id = any(%s::uuid[])),
  k as (delete from coinslot.billing_keys where id = any(%s::uuid[])) select 1
"""


class Kept:
    """An endpoint that was rotated, and stored methods of a buyer, sealed with the old key."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.ids = [str(uuid4()) for _ in range(4)]

    async def seal(self, service: ServiceDatabase) -> None:
        endpoint, *methods = self.ids
        first, second = (BEFORE.seal(s, purpose=PURPOSE, owner=endpoint) for s in (b"1", b"2"))
        address = "https://example.com/hooks"
        await service.add_endpoint(
            endpoint, address, first, name="", types=["endpoint.test"], reason=""
        )
        await service.rotate_endpoint(endpoint, second, keep_seconds=3600, reason="")
        for each in methods:
            sealed = seal(BEFORE, each, {"key": each})
            self.shop.select(STORED, each, self.shop.buyer.id, sealed)

    def opened(self, keys: SecretKeys) -> list[Any]:
        rows = self.shop.select(ROWS, self.ids)
        return sorted(
            unsealed(keys, owner, sealed)["key"]
            if place == "billing_key"
            else keys.open(sealed, purpose=PURPOSE, owner=owner).decode()
            for place, owner, sealed in rows
        )

    @property
    def whole(self) -> list[str]:
        return sorted(["1", "2", *self.ids[1:]])


@pytest.fixture
async def kept(shop: Shop) -> AsyncIterator[Kept]:
    kept = Kept(shop)
    async with Database(shop.settings()) as database:
        await kept.seal(database.as_service())
    yield kept
    shop.select(GONE, kept.ids, kept.ids)


class Dying:
    """A database whose server dies once it has replaced that many."""

    def __init__(self, database: Database, after: int) -> None:
        self._service = database.as_service()
        self._left = after

    def as_service(self) -> Dying:
        return self

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the service has
        return getattr(self._service, name)

    async def reseal(self, sealed: Any) -> int:  # noqa: ANN401 - as it takes it
        if sealed and self._left == 0:
            raise DatabaseUnavailable
        self._left -= bool(sealed)
        return await self._service.reseal(sealed)


async def test_a_key_is_taken_out_of_use(kept: Kept) -> None:
    async with Database(kept.shop.settings()) as database:
        with pytest.raises(SecretKeysMissing):
            kept.opened(AFTER)
        done = await Resealing(database, BOTH).work_off(batch=2)
        assert (done.key, done.resealed) == ("fresh", 5)
        assert kept.opened(AFTER) == kept.whole
        again = await Resealing(database, BOTH).work_off()
        assert again.resealed == 0
        # Others use this database, with a key that is not ours.
        assert again.left == len(again.unreadable)
        assert not any(each in line for line in again.unreadable for each in kept.ids)


@pytest.mark.parametrize("after", range(5))
async def test_a_run_that_dies_halfway_is_begun_again(kept: Kept, after: int) -> None:
    async with Database(kept.shop.settings()) as database:
        dying = cast("Database", Dying(database, after))
        with pytest.raises(CoinslotError):
            await Resealing(dying, BOTH).work_off(batch=1)
        assert kept.opened(BOTH) == kept.whole
        done = await Resealing(database, BOTH).work_off(batch=1)
        assert done.resealed == 5 - after
        assert kept.opened(AFTER) == kept.whole


async def test_nothing_is_lost_without_the_old_key(kept: Kept) -> None:
    """It is named, and stays as it is."""
    async with Database(kept.shop.settings()) as database:
        done = await Resealing(database, AFTER).work_off()
        assert done.resealed == 0
        assert {each for each in kept.ids if any(each in line for line in done.unreadable)} == {
            *kept.ids
        }
        assert kept.opened(BEFORE) == kept.whole
        with pytest.raises(SecretKeysMissing):
            await Resealing(database, SecretKeys({})).work_off()
