"""Deliveries of one wallet while claims and verdicts of several servers overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString
from uuid import UUID, uuid4

import pytest

from tests.database.people import Bank, Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDPOINT: LiteralString = (
    "insert into coinslot.endpoints (id, url, types, secret) "
    "values (%s, 'https://app.example.com/hook', '{wallet.low}', 'v1.a.b')"
)
_EMIT: LiteralString = (
    "select coinslot.emit('wallet.low', %s, '{\"tokens\": 3, \"mark\": 5}') as id"
)
_CLAIM: LiteralString = (
    "select id, attempt, event_id from coinslot.claim_deliveries('{}', 16) where endpoint_id = %s"
)
_ARRIVED: LiteralString = (
    "select coinslot.finish_delivery(%s, %s, 'delivered', 200, null, null, 1, null)"
)


@pytest.fixture
def endpoint(bank: Bank) -> Iterator[UUID]:
    found = uuid4()
    bank.change(_ENDPOINT, found)
    yield found
    bank.change("delete from coinslot.endpoints where id = %s", found)


def claimed(connection: Connection, endpoint: UUID) -> list[dict[str, object]]:
    return connection.execute(_CLAIM, [endpoint]).fetchall()


def test_the_next_goes_out_though_it_was_looked_at_during_the_verdict(
    bank: Bank, endpoint: UUID
) -> None:
    """A claim sees the first one still under way, and its verdict sees the next one due:
    put off by the one, and called by nobody, it would wait for half a minute."""
    user = bank.user()
    [first] = bank.rows(_EMIT, user)
    with bank.connect() as one, bank.connect() as other:
        other.execute("set lock_timeout = '2s'")
        [job] = claimed(one, endpoint)
        assert job["event_id"] == first["id"]
        [second] = bank.rows(_EMIT, user)
        with one.transaction():
            one.execute(_ARRIVED, [job["id"], job["attempt"]])
            assert claimed(other, endpoint) == []
        assert [each["event_id"] for each in claimed(other, endpoint)] == [second["id"]]


def test_one_that_waits_is_put_off_and_called(bank: Bank, endpoint: UUID) -> None:
    user = bank.user()
    for _ in range(3):
        bank.rows(_EMIT, user)
    waits: LiteralString = (
        "select id from coinslot.deliveries where endpoint_id = %s and attempts = 0 "
        "and next_attempt_at > clock_timestamp() + interval '20 seconds'"
    )
    with bank.connect() as one:
        [job] = claimed(one, endpoint)
        assert claimed(one, endpoint) == []
        assert len(bank.rows(waits, endpoint)) == 2
        one.execute(_ARRIVED, [job["id"], job["attempt"]])
        assert len(claimed(one, endpoint)) == 1
        assert len(bank.rows(waits, endpoint)) == 1
