"""The checklist of the plan that Coinslot was created from, item by item, on the running stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.shop import Shop

FREE, STARTER = 5, 10
QUESTION, ANSWER = 1, 2


async def pages_balances(shop: Shop) -> set[int]:
    """Each way in which a page may read the balance; one element when they agree."""
    (profile,) = await read(shop, "profiles", "tokens")
    (wallet,) = await read(shop, "token_wallets", "tokens,held")
    return {await shop.tokens(), profile["tokens"], wallet["tokens"] - wallet["held"]}


async def read(shop: Shop, table: str, columns: str) -> list[dict[str, int]]:
    """The buyer's rows, as the buyer."""
    url = f"{shop.stack.api_url}/rest/v1/{table}?select={columns}"
    answer = await shop.http.get(url, headers=shop.stack.headers(shop.buyer))
    rows: list[dict[str, int]] = answer.raise_for_status().json()
    return rows


async def test_1_new_user_gets_5_free_tokens(shop: Shop) -> None:
    assert await pages_balances(shop) == {FREE}
    history = shop.select(
        "select kind, delta, balance from token_ledger where user_id = %s", shop.buyer.id
    )
    assert history == [("signup_bonus", FREE, FREE)]


@pytest.mark.parametrize(("feature", "price"), [("question", QUESTION), ("answer", ANSWER)])
class Test2And3Generation:
    async def test_decreases_the_tokens_by_its_price_once(
        self, shop: Shop, feature: str, price: int
    ) -> None:
        for _ in range(2):
            await shop.rpc("use_feature", shop.buyer, feature=feature, idempotency_key="request")
        assert await pages_balances(shop) == {FREE - price}

    async def test_on_a_server_decreases_them_when_it_succeeds(
        self, shop: Shop, feature: str, price: int
    ) -> None:
        hold = await shop.rpc(
            "hold_feature_for", user_id=shop.buyer.id, feature=feature, idempotency_key="request"
        )
        await shop.rpc("capture_token_hold", hold_id=hold["id"])
        assert await pages_balances(shop) == {FREE - price}

    async def test_on_a_server_costs_nothing_when_it_fails(
        self, shop: Shop, feature: str, price: int
    ) -> None:
        hold = await shop.rpc(
            "hold_feature_for", user_id=shop.buyer.id, feature=feature, idempotency_key="request"
        )
        assert await pages_balances(shop) == {FREE - price}
        await shop.rpc("release_token_hold", hold_id=hold["id"])
        assert await pages_balances(shop) == {FREE}

    async def test_is_refused_without_enough_tokens(
        self, shop: Shop, feature: str, price: int
    ) -> None:
        left = price - 1
        await shop.rpc("spend_tokens", shop.buyer, amount=FREE - left, idempotency_key="before")
        answer = await shop.http.post(
            f"{shop.stack.api_url}/rest/v1/rpc/use_feature",
            json={"feature": feature, "idempotency_key": "request"},
            headers=shop.stack.headers(shop.buyer),
        )
        assert (answer.status_code, answer.json()["message"]) == (402, "insufficient_tokens")
        assert await pages_balances(shop) == {left}


async def test_4_payment_flow_works_with_a_test_card(shop: Shop) -> None:
    order = (await shop.checkout("starter")).json()
    imp_uid = await shop.pay(order["orderId"], method="card")
    assert shop.row(order["orderId"])["status"] == "pending"
    answer = await shop.complete(order["orderId"], imp_uid)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    paid = shop.row(order["orderId"])
    assert (paid["status"], paid["method"], paid["live"]) == ("completed", "card", False)
    assert (paid["paid"], paid["payment_key"]) == (order["amount"], imp_uid)


async def test_5_tokens_are_added_after_a_successful_payment(shop: Shop) -> None:
    order_id = await shop.order("starter")
    imp_uid = await shop.pay(order_id)
    assert await pages_balances(shop) == {FREE}
    answers = [await shop.complete(order_id, imp_uid) for _ in range(2)]
    assert [answer.json()["tokens"] for answer in answers] == [STARTER] * 2
    assert await pages_balances(shop) == {FREE + STARTER}


@pytest.mark.parametrize("outcome", ["failed", "abandoned"])
async def test_6_payment_that_failed_adds_no_tokens(shop: Shop, outcome: str) -> None:
    order_id = await shop.order("starter")
    imp_uid = await shop.pay(order_id, outcome=outcome)
    assert (await shop.complete(order_id, imp_uid)).json()["success"] is False
    await shop.webhook(order_id, imp_uid)
    assert await pages_balances(shop) == {FREE}
    assert shop.purchases() == 0


async def test_7_page_shows_the_new_balance_after_every_step(shop: Shop) -> None:
    shown = [await pages_balances(shop)]
    await shop.rpc("use_feature", shop.buyer, feature="question", idempotency_key="question")
    shown.append(await pages_balances(shop))
    await shop.bought("starter")
    shown.append(await pages_balances(shop))
    await shop.rpc("use_feature", shop.buyer, feature="answer", idempotency_key="answer")
    shown.append(await pages_balances(shop))
    now = FREE - QUESTION
    assert shown == [{FREE}, {now}, {now + STARTER}, {now + STARTER - ANSWER}]
