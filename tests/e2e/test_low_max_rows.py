"""A project whose "Max rows" is low: lists are paged by what was received, and nothing is cut."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import psycopg
import pytest
import pytest_asyncio

from coinslot.cli.webhooks import _matching
from coinslot.gateways.base import WebhookEvent
from coinslot.services import opened
from devstack.postgres import SUPERUSER
from tests.support.shop import settings_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from coinslot.services import Services
    from tests.support.stacks import LocalStack, Person

MOST = 3


def _rows(stack: LocalStack) -> int:
    found = httpx.get(f"{stack.api_url}/rest/v1/token_offers", headers=stack.headers())
    return len(found.raise_for_status().json())


def _configure(stack: LocalStack, change: str, *, low: bool) -> None:
    url = stack.settings.database_url(SUPERUSER)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(f"alter role authenticator {change}")
        database.execute("notify pgrst, 'reload config'")
    give_up = time.monotonic() + 20
    while (_rows(stack) <= MOST) is not low:
        assert time.monotonic() < give_up
        time.sleep(0.05)


@pytest.fixture(scope="module")
def low(stack: LocalStack) -> Iterator[LocalStack]:
    assert _rows(stack) > MOST
    _configure(stack, f"set pgrst.db_max_rows = '{MOST}'", low=True)
    yield stack
    _configure(stack, "reset pgrst.db_max_rows", low=False)


@pytest.fixture(scope="module")
def person(stack: LocalStack) -> Person:
    return stack.sign_up()


@pytest_asyncio.fixture
async def services(low: LocalStack) -> AsyncIterator[Services]:
    async with opened(settings_on(low)) as services:
        yield services


async def test_history_goes_on_to_its_end(
    low: LocalStack, services: Services, person: Person
) -> None:
    user = services.database.as_user(person.token)
    made = [
        (await user.create_order("starter", "portone", idempotency_key=uuid4().hex)).order_id
        for _ in range(8)
    ][::-1]
    headers = {"Authorization": f"Bearer {person.token}"}

    def page(**query: object) -> tuple[list[str], str | None]:
        address = f"{low.sidecar_url}/payment/history/me"
        said = httpx.get(address, params=query, headers=headers).raise_for_status().json()  # type: ignore[arg-type]
        return [each["order_id"] for each in said["payments"]], said["next"]

    assert page(limit=100) == (made, None)
    first, following = page(limit=5)
    assert (first, page(limit=5, before=following)) == (made[:5], (made[5:], None))


async def test_every_offer_can_be_bought(services: Services, person: Person) -> None:
    user = services.database.as_user(person.token)
    offers = [each async for each in user.offers("KRW")]
    assert len(offers) > MOST
    for offer in offers:
        assert await services.orders.product_named(person.token, offer.name, offer.amount, "KRW")


async def test_webhooks_are_listed_to_the_last(services: Services) -> None:
    event_type, service = f"kind-{uuid4().hex}", services.database.as_service()
    order_id = f"ord_{uuid4().hex}"
    for number in range(8):
        key = f"{event_type}-{number}"
        event = WebhookEvent(event_type, order_id, None, claims_paid=False, event_id=key)
        await service.store_webhook("stripe", event.arguments())
    assert len(await _matching(services, "stripe", None, order_id)) == 8
    assert len(await _matching(services, "stripe", None, order_id, 5)) == 5


async def test_audit_sees_every_line(services: Services) -> None:
    service, since = services.database.as_service(), datetime(2020, 1, 1, tzinfo=UTC)
    audit_id = await service.begin_audit("toss", since, since + timedelta(days=1), again=True)
    assert audit_id
    lines = [
        {
            "payment_key": f"key-{n}",
            "order_id": f"ord_{n:012}",
            "currency": "KRW",
            "paid": 1,
            "refunded": 0,
            "live": False,
        }
        for n in range(8)
    ]
    await service.audit_payments(audit_id, lines)
    assert len(await service.audit_open(audit_id, None)) == 8
    assert len(await service.audit_report(audit_id, None)) == 8


async def test_an_operator_sees_every_product(low: LocalStack, services: Services) -> None:
    with low.connect() as owner:
        (there,) = (
            owner.execute("select count(*) from token_products where kind <> 'subscription'")
        ).fetchone() or ()
    assert len(await services.database.as_service().list_products()) == there > MOST
