"""supabase-py, unmodified: its blocking client and its asynchronous one."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from supabase import (
    AsyncClientOptions,
    AuthApiError,
    PostgrestAPIError,
    acreate_client,
    create_client,
)
from supabase.lib.client_options import SyncClientOptions

from tests.e2e.surface import CASH_RECEIPTS, surface
from tests.support.subscribers import SUBSCRIBED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.e2e.surface import Surface
    from tests.support.stacks import LocalStack

    Connect = Callable[[], Awaitable[Any]]

PASSWORD = "correct horse"
REFUSED = "42501"


async def settled(result: Any) -> Any:  # noqa: ANN401 - of either client
    return await result if inspect.isawaitable(result) else result


@dataclass(frozen=True)
class User:
    """One of the two clients, signed in. Their builders are called alike."""

    client: Any
    id: str

    async def rows(self, query: Any) -> Any:  # noqa: ANN401
        return (await settled(query.execute())).data

    async def rpc(self, rpc: str, **arguments: object) -> Any:  # noqa: ANN401
        return await self.rows(self.client.rpc(rpc, arguments))

    async def tokens(self) -> int:
        return int(await self.rpc("get_user_tokens"))

    async def refused(self, query: Any) -> PostgrestAPIError:  # noqa: ANN401
        with pytest.raises(PostgrestAPIError) as refusal:
            await settled(query.execute())
        return refusal.value

    async def refused_rpc(self, rpc: str, **arguments: object) -> PostgrestAPIError:
        return await self.refused(self.client.rpc(rpc, arguments))


@pytest.fixture(params=["blocking", "async"])
async def connect(request: pytest.FixtureRequest, stack: LocalStack) -> AsyncIterator[Connect]:
    """Makes clients, with the old kind of key and the new. They are lent connections, which they
    would not close themselves.
    """
    with httpx.Client(timeout=30) as http:
        async with httpx.AsyncClient(timeout=30) as async_http:

            async def connect() -> Any:  # noqa: ANN401
                if request.param == "blocking":
                    options = SyncClientOptions(httpx_client=http, auto_refresh_token=False)
                    return create_client(stack.api_url, stack.keys.anon, options)
                later = AsyncClientOptions(httpx_client=async_http, auto_refresh_token=False)
                return await acreate_client(stack.api_url, stack.keys.publishable, later)

            yield connect


async def sign_up(connect: Connect) -> User:
    client = await connect()
    credentials = {"email": f"{uuid4()}@example.com", "password": PASSWORD}
    answer = await settled(client.auth.sign_up(credentials))
    return User(client, answer.user.id)


@pytest.fixture
async def user(connect: Connect) -> User:
    return await sign_up(connect)


@pytest.fixture
async def stranger(connect: Connect) -> User:
    return await sign_up(connect)


@pytest.fixture
async def visitor(connect: Connect) -> User:
    """Not signed in."""
    return User(await connect(), "")


@pytest.fixture(scope="module")
def shown(stack: LocalStack) -> Surface:
    with stack.connect() as connection:
        return surface(connection)


async def test_signing_up_gives_5_tokens_however_they_are_read(user: User) -> None:
    assert await user.tokens() == 5
    table = user.client.table
    assert await user.rows(table("token_wallets").select("tokens, held")) == [
        {"tokens": 5, "held": 0}
    ]
    assert await user.rows(table("profiles").select("tokens").single()) == {"tokens": 5}


async def test_wrong_password_signs_nobody_in(visitor: User) -> None:
    credentials = {"email": "mina@example.com", "password": "battery staple"}
    with pytest.raises(AuthApiError):
        await settled(visitor.client.auth.sign_in_with_password(credentials))


async def test_spending_answers_the_entry_and_its_replay_the_same_one(user: User) -> None:
    spend = {"amount": 2, "idempotency_key": "click", "metadata": {"page": 7}}
    first = await user.rpc("spend_tokens", **spend)
    expected = {"user_id": user.id, "seq": 2, "delta": -2, "balance": 3, "metadata": {"page": 7}}
    assert first | expected == first
    assert first["replayed"] is False
    assert await user.rpc("spend_tokens", **spend) == {**first, "replayed": True}
    assert await user.tokens() == 3


async def test_key_that_was_used_for_another_amount_is_refused(user: User) -> None:
    await user.rpc("spend_tokens", amount=2, idempotency_key="click")
    refusal = await user.refused_rpc("spend_tokens", amount=1, idempotency_key="click")
    assert (refusal.code, refusal.message) == ("PT409", "idempotency_key_reused")
    assert await user.tokens() == 3


async def test_feature_costs_what_its_price_list_says(user: User, visitor: User) -> None:
    for price in await visitor.rows(visitor.client.table("token_features").select("*")):
        feature = price["feature"]
        entry = await user.rpc("use_feature", feature=feature, idempotency_key=feature)
        assert (entry["feature"], entry["delta"]) == (feature, -price["tokens"])


async def test_overspending_says_what_there_is_and_what_it_takes(user: User) -> None:
    await user.rpc("spend_tokens", amount=3, idempotency_key="first")
    refusal = await user.refused_rpc("spend_tokens", amount=4, idempotency_key="second")
    assert (refusal.code, refusal.message) == ("PT402", "insufficient_tokens")
    assert json.loads(refusal.details or "") == {"tokens": 2, "required": 4}
    assert await user.tokens() == 2


async def test_history_is_paged_by_seq_newest_first_each_entry_once(user: User) -> None:
    for key in "abcd":
        await user.rpc("spend_tokens", amount=1, idempotency_key=key)
    pages: list[list[int]] = []
    before = 2**53 - 1
    while not pages or pages[-1]:
        query = user.client.table("token_ledger").select("seq").lt("seq", before)
        page = await user.rows(query.order("seq", desc=True).limit(2))
        pages.append([entry["seq"] for entry in page])
        before = min(pages[-1], default=0)
    assert pages == [[5, 4], [3, 2], [1], []]


async def test_anybody_sees_what_is_on_sale(visitor: User) -> None:
    offers = visitor.client.table("token_offers").select("id, tokens, amount, discount_percent")
    assert await visitor.rows(offers.eq("currency", "KRW").order("amount")) == [
        {"id": "starter", "tokens": 10, "amount": 5000, "discount_percent": 0},
        {"id": "standard", "tokens": 30, "amount": 12000, "discount_percent": 20},
        {"id": "premium_reading", "tokens": 0, "amount": 13000, "discount_percent": 0},
        {"id": "premium", "tokens": 100, "amount": 35000, "discount_percent": 30},
    ]


async def be_refunded(user: User, stack: LocalStack) -> None:
    """As the sidecar does: an order is paid, and its money asked back."""
    order = await user.rpc("create_token_order", product_id="starter", gateway="portone")
    async with stack.supabase(key=stack.keys.service_role) as client:
        service = User(client, "")
        await service.rpc(
            "coinslot_apply_gateway_payment",
            **{name: order[name] for name in ("order_id", "amount", "currency", "live", "version")},
            gateway="portone",
            payment_key=order["order_id"],
            state="paid",
            paid=order["amount"],
            source="webhook",
        )
        await service.rpc(
            "request_token_refund_for",
            order_id=order["order_id"],
            reason="why",
            idempotency_key="k",
        )


def subscribe(user: User, stack: LocalStack) -> None:
    """As the owner, who may do what the sidecar does."""
    with stack.connect() as connection:
        connection.execute(SUBSCRIBED, {"user": user.id})


async def ask_for_receipt(user: User, stack: LocalStack) -> None:
    """Of an order that is yet to be paid."""
    order = await user.rpc("create_token_order", product_id="starter", gateway="portone")
    asked = {"kind": "income_deduction", "number": "01012345678"}
    with stack.connect() as connection:
        connection.execute(CASH_RECEIPTS, ["on_request"])
        await user.rpc("request_token_cash_receipt", order_id=order["order_id"], **asked)
        connection.execute(CASH_RECEIPTS, ["off"])


async def test_nobody_reads_anothers_rows_in_any_table(
    user: User, stranger: User, visitor: User, shown: Surface, stack: LocalStack
) -> None:
    await be_refunded(user, stack)
    subscribe(user, stack)
    await ask_for_receipt(user, stack)
    for relation in shown.private:

        def theirs(who: User, name: str = relation.name, owner: str = relation.owner) -> Any:  # noqa: ANN401
            return who.client.table(name).select("*").eq(owner, user.id)

        assert await user.rows(theirs(user)), f"nothing to protect in {relation.name}"
        assert await stranger.rows(theirs(stranger)) == []
        all_rows = await stranger.rows(stranger.client.table(relation.name).select("*"))
        assert {row[relation.owner] for row in all_rows} <= {stranger.id}
        assert (await visitor.refused(theirs(visitor))).code == REFUSED


async def test_nobody_writes_a_table_signed_in_or_not(
    user: User, visitor: User, shown: Surface
) -> None:
    for relation in shown.relations:
        for who in (user, visitor):
            table, first = who.client.table(relation.name), relation.columns[0]
            writes = {
                "insert": table.insert(relation.row),
                "upsert": table.upsert(relation.row),
                "update": table.update(relation.row).not_.is_(first, "null"),
                "delete": table.delete().not_.is_(first, "null"),
            }
            for verb, write in writes.items():
                code = (await who.refused(write)).code
                # A view that nobody could write anyway says so first.
                allowed = {REFUSED, "55000"} if relation.is_view else {REFUSED}
                assert code in allowed, f"{verb} {relation.name}: {code}"
    assert await user.tokens() == 5


async def test_nobody_calls_what_is_for_the_service(user: User, shown: Surface) -> None:
    for rpc in shown.service_rpcs:
        for_me = {"user_id": user.id} if "user_id" in rpc.parameters else {}
        refusal = await user.refused_rpc(rpc.name, **{**rpc.arguments, **for_me})
        assert refusal.code == REFUSED, rpc.name
    assert await user.tokens() == 5


async def test_whoever_is_not_signed_in_calls_nothing(visitor: User, shown: Surface) -> None:
    for rpc in shown.rpcs:
        assert (await visitor.refused_rpc(rpc.name, **rpc.arguments)).code == REFUSED, rpc.name


async def test_internal_schema_is_out_of_reach(user: User) -> None:
    internals = user.client.schema("coinslot")
    for query in (
        internals.from_("token_holds").select("*"),
        internals.from_("settings").update({"signup_bonus": 9}).eq("id", "true"),
        internals.rpc("add_tokens", {"user_id": user.id}),
    ):
        assert (await user.refused(query)).code == "PGRST106"
