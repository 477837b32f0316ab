"""Every RPC through the sidecar's client, against the running stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sanic import Request, Sanic, response

from coinslot.database import Database
from coinslot.database.caller import RpcMissing
from coinslot.errors import DatabaseError, DatabaseUnavailable, Unauthorized
from coinslot.gateways.base import WebhookEvent
from coinslot.server.error_answers import status_of
from tests.support.servers import running
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.stacks import LocalStack, Person


@pytest_asyncio.fixture
async def database(stack: LocalStack) -> AsyncIterator[Database]:
    keys = {
        "supabase_anon_key": stack.keys.anon,
        "supabase_service_role_key": stack.keys.service_role,
    }
    async with Database(settings(supabase_url=stack.api_url, **keys)) as database:
        yield database


@pytest.fixture
def person(stack: LocalStack) -> Person:
    return stack.sign_up()


def key() -> str:
    return uuid4().hex


async def test_refusal_has_its_four_fields(database: Database, person: Person) -> None:
    with pytest.raises(DatabaseError) as caught:
        await database.as_user(person.token).call("spend_tokens", amount=6, idempotency_key=key())
    refusal = caught.value
    assert (status_of(refusal), refusal.sqlstate, refusal.code) == (
        402,
        "PT402",
        "insufficient_tokens",
    )
    assert refusal.explained == {"tokens": 5, "required": 6}
    assert str(refusal).startswith("Buy tokens")


async def test_person_orders_and_finds_the_order(database: Database, person: Person) -> None:
    user = database.as_user(person.token)
    order = await user.create_order("starter", "portone", idempotency_key=key())
    assert (order.amount, order.currency, order.tokens, order.status) == (
        5000,
        "KRW",
        10,
        "pending",
    )
    assert await user.order(order.order_id) == order
    dollars = await user.create_order("starter", "stripe", "USD")
    assert await user.orders(1) == [dollars]
    assert await user.orders(5, (dollars.created_at, dollars.id)) == [order]


async def test_service_settles_a_payment(database: Database, person: Person) -> None:
    service = database.as_service()
    order = await database.as_user(person.token).create_order("starter", "portone")
    opened = await service.open_payment(order.order_id)
    webhook = WebhookEvent("paid", order.order_id, None, claims_paid=True, event_id=key())
    stored = await service.store_webhook("portone", webhook.arguments())
    assert stored.webhook_id is not None
    fact = {"payment_key": f"imp_{key()[:12]}", "state": "paid", "amount": 5000, "paid": 5000}
    applied = await service.apply_gateway_payment(
        order.order_id,
        "portone",
        "complete",
        opened.version,
        {**fact, "currency": "KRW", "live": False},
        webhook_ids=[stored.webhook_id],
    )
    (verdict,) = applied.webhooks
    assert (verdict.webhook_id, verdict.outcome, verdict.finished) == (
        stored.webhook_id,
        "credited",
        True,
    )
    assert applied.outcome == "credited"
    assert applied.order is not None
    assert (applied.order.status, applied.order.version > opened.version) == ("completed", True)
    await service.refuse_payment_attempt(order.order_id, "imp_2", "wrong_order", "webhook")


async def test_service_keeps_an_inbox(database: Database, person: Person) -> None:
    service = database.as_service()
    order = await database.as_user(person.token).create_order("starter", "portone")
    event = WebhookEvent("a\x00b" + "c" * 200, order.order_id, None, True, key(), {"a": "b"}, {})
    stored = await service.store_webhook("portone", event.arguments())
    assert (stored.verdict, stored.order is not None) == ("read", True)
    assert (await service.store_webhook("portone", event.arguments())).verdict == "scheduled"
    nothing = WebhookEvent("", "ord_ffffffffffff", None, claims_paid=False)
    unknown = await service.store_webhook("portone", nothing.arguments())
    assert (unknown.verdict, unknown.webhook_id, unknown.order) == ("unknown_order", None, None)
    assert stored.webhook_id is not None
    verdict = await service.finish_webhook(stored.webhook_id, "refused", "because")
    assert verdict is not None
    # It was delivered a second time in between, so that it is read once more.
    assert (verdict.outcome, verdict.finished) == ("refused", False)
    assert await service.finish_webhook(0, "refused") is None
    (row,) = await service.list_webhooks("portone", order_id=order.order_id)
    assert (row.id, row.outcome, row.detail) == (stored.webhook_id, "refused", "because")
    assert (row.event_type, row.payment_key, row.deliveries) == ("ab" + "c" * 98, "", 2)
    assert await service.list_webhooks(order_id=order.order_id, before=row.id) == []
    assert await service.replay_webhooks(outcome="refused", order_id=order.order_id) == 1
    assert await service.replay_webhooks(outcome="refused", order_id=order.order_id) == 0


async def test_person_sees_what_is_on_sale(database: Database, person: Person) -> None:
    offers = [each async for each in database.as_user(person.token).offers("USD")]
    assert {offer.currency for offer in offers} == {"USD"}
    assert {offer.name for offer in offers} >= {"Starter Pack", "Premium Fortune Reading"}


async def test_service_looks_after_the_books(database: Database, person: Person) -> None:
    service = database.as_service()
    assert (await service.run_maintenance(10)).orders_expired >= 0
    assert (await service.get_settings()).mode == "test"
    assert isinstance(await service.list_discrepancies(1), list)
    assert await service.resolve_discrepancy(0, "there is none") is None


@pytest.mark.parametrize("token", ["a.b.c", "nonsense"])
async def test_token_that_is_none(database: Database, token: str) -> None:
    with pytest.raises(Unauthorized):
        await database.as_user(token).call("get_user_tokens")


async def test_person_is_not_the_service(
    stack: LocalStack, database: Database, person: Person
) -> None:
    disguised = settings(
        supabase_url=stack.api_url,
        supabase_anon_key=stack.keys.anon,
        supabase_service_role_key=f"{stack.keys.service_role[:-4]}AAAA",
    )
    async with Database(disguised) as other:
        with pytest.raises(DatabaseUnavailable):
            await other.as_service().open_payment("ord_0123456789ab")


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (503, {"code": "PGRST002", "message": "no connection"}, "database_unavailable"),
        (500, {"code": "55P03", "message": "lock timeout"}, "database_busy"),
        (502, "<html>bad gateway</html>", "database_unavailable"),
        (404, {"code": "PGRST202", "message": "no such function"}, "database_mismatch"),
        (400, {"code": "22P02", "message": "invalid input"}, "database_mismatch"),
    ],
)
async def test_failure_that_is_no_refusal(status: int, body: Any, code: str) -> None:  # noqa: ANN401
    app = Sanic(f"broken-{key()}", configure_logging=False)
    app.config.TOUCHUP = app.config.AUTO_EXTEND = False

    @app.post("/rest/v1/rpc/coinslot_get_settings")
    async def answer(_request: Request) -> response.HTTPResponse:
        if isinstance(body, str):
            return response.html(body, status=status)
        return response.json(body, status=status)

    async with running(app) as url, Database(settings(supabase_url=url)) as database:
        with pytest.raises(DatabaseUnavailable) as caught:
            await database.as_service().get_settings()
    assert (status_of(caught.value), caught.value.code) == (503, code)
    assert isinstance(caught.value, RpcMissing) == ("PGRST202" in str(body))
