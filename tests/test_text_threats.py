"""The threats through what can be written in a request, on the running stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import browser, shop
from tests.support.shop import Shop
from tests.support.threats import FREE, HOSTILE, MEGABYTE, Attacker, as_buyer, doors, error

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["browser", "shop"]


async def test_sql_through_every_text(
    shop: Shop, record_property: Callable[[str, object], None]
) -> None:
    """As the service, who may call everything: whatever gets that far is data, or is refused."""
    order_id, imp_uid = await shop.bought()
    plausible = _plausible(shop, order_id, imp_uid)
    with shop.stack.connect() as connection:
        found = doors(connection)
    before = _schema(shop)
    service = Attacker(shop, shop.stack.headers())
    for door in found:
        for kind, text in HOSTILE.items():
            body = json.dumps(door.filled(plausible, text))  # lone surrogates are escaped
            answer = await service.send(
                "POST",
                f"rpc/{door.rpc}",
                content=body,
                headers={"content-type": "application/json"},
            )
            assert answer.status_code < 500, (door.rpc, door.parameter, kind, answer.text[:300])
    assert _schema(shop) == before
    record_property("text parameters", len(found))
    record_property("hostile calls", len(found) * len(HOSTILE))


async def test_text_of_a_spend_is_kept_as_it_was_sent(shop: Shop) -> None:
    texts = [text for text in HOSTILE.values() if len(text) < 100 and text.isprintable()]
    for number, text in enumerate(texts[:FREE]):
        spend = {"amount": 1, "idempotency_key": f"{number}{text}", "reason": text}
        receipt = (await as_buyer(shop).rpc("spend_tokens", **spend, metadata={text: text})).json()
        assert (receipt["reason"], receipt["metadata"]) == (text, {text: text})


@pytest.mark.parametrize(
    "metadata", [{"a": "x" * 4096}, {"a": "x" * MEGABYTE}, {"a": "한" * 2000}, [1], "x", 1, None]
)
async def test_huge_or_shapeless_metadata(shop: Shop, metadata: object) -> None:
    spend = {"amount": 1, "idempotency_key": "k", "metadata": metadata}
    answer = await as_buyer(shop).rpc("spend_tokens", **spend)
    assert (answer.status_code, error(answer)) == (400, "invalid_argument")
    assert await shop.tokens() == FREE


def _schema(shop: Shop) -> list[tuple[Any, ...]]:
    return shop.select(
        "select c.relname, c.relkind, c.relacl::text from pg_class c"
        " where c.relnamespace in ('public'::regnamespace, 'coinslot'::regnamespace) order by 1"
    )


def _plausible(shop: Shop, order_id: str, imp_uid: str) -> dict[str, Any]:
    """Values of the other parameters, so that the text gets as far as it can."""
    return {
        "user_id": shop.buyer.id,
        "amount": 1,
        "idempotency_key": "k",
        "feature": "question",
        "product_id": "starter",
        "gateway": "portone",
        "currency": "KRW",
        "order_id": order_id,
        "payment_key": imp_uid,
        "state": "ready",
        "live": False,
        "source": "webhook",
        "version": 1,
        "reason": "r",
        "event_id": None,
        "event_type": "paid",
        "claims_paid": False,
        "headers": {},
        "body": {},
        "outcome": "refused",
        "answer": "unknown",
        "tries": 1,
        "since": "2001-01-01T00:00:00Z",
        "until": "2001-01-02T00:00:00Z",
        "lines": [],
        "audit_id": 0,
        "webhook_id": 0,
        "refund_id": "00000000-0000-4000-8000-00000000dead",
    }
