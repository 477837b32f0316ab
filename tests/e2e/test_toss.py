"""Buying tokens through Toss, against the running stack."""

from __future__ import annotations

import asyncio
import unicodedata
from typing import TYPE_CHECKING

import pytest

from coinslot.services import opened
from tests.support.servers import until
from tests.support.toss_shop import READING, TossShop

if TYPE_CHECKING:
    from tests.support.shop import Shop


@pytest.fixture
def toss(shop: Shop) -> TossShop:
    return TossShop.of(shop)


class TestCreate:
    @pytest.mark.parametrize("amount", [13000, "13000", 13000.0, "13000.00"])
    @pytest.mark.parametrize("name", [READING, "Premium Fortune Reading"])
    async def test_amount_and_name_of_the_catalogue(
        self, toss: TossShop, amount: object, name: str
    ) -> None:
        answer = await toss.create({"amount": amount, "orderName": name})
        assert (answer.status_code, answer.json()["amount"]) == (200, 13000)
        assert answer.json()["tossConfig"]["orderName"] == name
        assert toss.row(answer.json()["orderId"])["product_id"] == "premium_reading"

    async def test_name_in_the_other_unicode_form(self, toss: TossShop) -> None:
        name = unicodedata.normalize("NFD", READING)
        assert (await toss.create({"amount": 13000, "orderName": name})).status_code == 200

    async def test_product_by_its_id(self, toss: TossShop) -> None:
        answer = (await toss.create({"productId": "premium"})).json()
        assert (answer["amount"], answer["tossConfig"]["orderName"]) == (35000, "프리미엄 팩")
        agreeing = {"productId": "starter", "amount": 5000, "orderName": "스타터 팩"}
        assert (await toss.create(agreeing)).status_code == 200

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"amount": 12999, "orderName": READING}, "amount_mismatch"),
            ({"amount": 1300000, "orderName": READING}, "amount_mismatch"),
            # Another product's price, and its price in another currency.
            ({"amount": 5000, "orderName": READING}, "amount_mismatch"),
            ({"amount": 1000, "orderName": READING}, "amount_mismatch"),
            ({"amount": 13000, "orderName": "사주팔자"}, "invalid_package"),
            ({"amount": 13000, "orderName": ""}, "invalid_package"),
            ({"amount": 13000.5, "orderName": READING}, "invalid_request"),
            ({"amount": "13,000", "orderName": READING}, "invalid_request"),
            ({"amount": "1e400", "orderName": READING}, "invalid_request"),
            ({"amount": True, "orderName": READING}, "invalid_request"),
            ({"amount": [13000], "orderName": READING}, "invalid_request"),
            ({"amount": 13000}, "invalid_request"),
            ({"orderName": READING}, "invalid_request"),
            ({"amount": 13000, "orderName": 5}, "invalid_request"),
            ({"productId": "platinum"}, "invalid_package"),
            ({"productId": "../starter"}, "invalid_package"),
            ({"productId": "starter", "amount": 13000, "orderName": READING}, "invalid_request"),
            ({"productId": "starter", "amount": 1}, "invalid_request"),
            ({"x": 1}, "invalid_request"),
            ([], "invalid_request"),
        ],
    )
    async def test_what_is_not_the_catalogues_makes_no_order(
        self, toss: TossShop, body: object, code: str
    ) -> None:
        answer = await toss.post("/create", body, **toss.jwt)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        made = toss.select("select count(*) from token_payments where user_id = %s", toss.buyer.id)
        assert made == [(0,)]

    async def test_needs_to_know_who_buys(self, toss: TossShop) -> None:
        body = {"productId": "starter"}
        assert (await toss.post("/create", body)).status_code == 401
        forged = {"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"}
        assert (await toss.post("/create", body, **forged)).status_code == 401

    async def test_idempotency_key_makes_one_order(self, toss: TossShop) -> None:
        key = {"Idempotency-Key": "one click"}
        answers = await asyncio.gather(*(toss.create(**key) for _ in range(5)))
        assert len({answer.json()["orderId"] for answer in answers}) == 1
        other = await toss.create({"productId": "premium"}, **key)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
        order_id = answers[0].json()["orderId"]
        await toss.confirm(order_id, await toss.pay(order_id))
        late = await toss.create(**key)
        assert (late.status_code, late.json()["code"]) == (400, "payment_completed")


class TestCard:
    async def test_is_paid_when_it_is_confirmed_and_not_before(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed()
        assert (toss.row(order_id)["status"], await toss.tokens()) == ("pending", 5)
        answer = (await toss.confirm(order_id, key, **toss.jwt)).json()
        assert answer["payment"]["status"] == "completed"
        assert answer["payment"]["method"] == "card"
        assert (await toss.tokens(), toss.purchases()) == (15, 1)

    async def test_answer_gives_no_secret_and_strangers_less(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed()
        for headers, user in (({}, None), (toss.jwt, toss.buyer.id)):
            answer = await toss.confirm(order_id, key, **headers)
            assert answer.json()["payment"].get("user_id") == user
            assert "secret" not in answer.text
            assert (await toss.at_toss(key))["secret"] not in answer.text
            assert (await toss.at_toss(key))["card"]["number"] not in answer.text
            assert answer.json()["tossPayment"]["paymentKey"] == key

    @pytest.mark.parametrize(
        ("language", "sentence"),
        [
            ("", "카드사에서 결제를 승인하지 않았어요."),
            ("ko-KR,ko;q=0.9,en;q=0.8", "카드사에서 결제를 승인하지 않았어요."),
            ("fr, en;q=0.3, ko;q=0.1", "Your card issuer didn\u2019t approve it."),
            ("en-US,en;q=0.9", "Your card issuer didn\u2019t approve it."),
        ],
    )
    async def test_decline_has_toss_code_and_words(
        self, toss: TossShop, language: str, sentence: str
    ) -> None:
        order_id, key = await toss.agreed(outcome="failed")
        answer = await toss.confirm(order_id, key, **{"Accept-Language": language})
        expected = {"success": False, "error": sentence, "code": "REJECT_CARD_COMPANY"}
        assert (answer.status_code, answer.json()) == (403, expected)
        assert await toss.tokens() == 5
        assert toss.events(order_id) == ["REJECT_CARD_COMPANY"]

    async def test_buyer_who_was_declined_pays_the_same_order_with_another_card(
        self, toss: TossShop
    ) -> None:
        order_id, declined = await toss.agreed(webhook="before", outcome="failed")
        assert (await toss.confirm(order_id, declined)).status_code == 403
        assert (await toss.confirm(order_id, declined)).status_code in {400, 403}
        await toss.followed(order_id)
        assert toss.row(order_id)["status"] == "failed"
        good = await toss.pay(order_id)
        assert (await toss.confirm(order_id, good)).status_code == 200
        assert (await toss.tokens(), toss.purchases()) == (15, 1)

    @pytest.mark.parametrize("method", ["CARD", "EASY_PAY"])
    @pytest.mark.parametrize("discount", [1000, 5000])
    async def test_points_and_promotions_pay_like_money(
        self, toss: TossShop, method: str, discount: int
    ) -> None:
        order_id, key = await toss.agreed(method=method, discount=discount)
        assert (await toss.confirm(order_id, key)).status_code == 200
        assert (toss.row(order_id)["status"], toss.row(order_id)["paid"]) == ("completed", 5000)
        assert (await toss.tokens(), toss.purchases()) == (15, 1)
        await toss.play("refund", payment_key=key, amount=2500)
        await toss.until(lambda: toss.row(order_id)["status"] == "partially_refunded")
        assert await toss.tokens() == 10

    async def test_refund_at_the_console_takes_the_share_back(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed()
        await toss.confirm(order_id, key)
        await toss.play("refund", payment_key=key, amount=2500)
        await toss.until(lambda: toss.row(order_id)["status"] == "partially_refunded")
        assert await toss.tokens() == 10
        assert (await toss.confirm(order_id, key)).json()["tossPayment"]["balanceAmount"] == 2500
        await toss.play("refund", payment_key=key)
        await toss.until(lambda: toss.row(order_id)["status"] == "refunded")
        assert await toss.tokens() == 5
        assert (await toss.confirm(order_id, key)).json()["code"] == "payment_refunded"

    async def test_product_without_tokens_is_bought_like_any_other(self, toss: TossShop) -> None:
        created = (await toss.create({"amount": 13000, "orderName": READING})).json()
        key = await toss.pay(created["orderId"], amount=13000)
        assert (await toss.confirm(created["orderId"], key, 13000)).status_code == 200
        assert (toss.row(created["orderId"])["status"], await toss.tokens()) == ("completed", 5)


class TestVirtualAccount:
    async def test_waits_for_the_deposit_and_shows_the_owner_where(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed(outcome="awaiting_deposit")
        anyone = await toss.confirm(order_id, key)
        owner = await toss.confirm(order_id, key, **toss.jwt)
        at_toss = (await toss.at_toss(key))["virtualAccount"]
        assert (anyone.status_code, owner.status_code) == (202, 202)
        assert (anyone.json()["success"], anyone.json()["status"]) == (False, "awaiting_deposit")
        assert at_toss["accountNumber"] not in anyone.text
        account = owner.json()["virtual_account"]
        assert account.pop("due_at").endswith("+00:00")
        assert account == {
            "bank": "우리은행",
            "account_number": at_toss["accountNumber"],
            "holder": at_toss["customerName"],
        }
        assert await toss.tokens() == 5

    async def test_deposit_credits_undone_reverses_and_made_again_restores(
        self, toss: TossShop
    ) -> None:
        order_id, key = await toss.agreed(outcome="awaiting_deposit")
        await toss.confirm(order_id, key)
        seen = []
        for step, status in (
            ("deposit", "completed"),
            ("undo_deposit", "awaiting_deposit"),
            ("deposit", "completed"),
        ):
            await toss.play(step, payment_key=key)
            await toss.until(lambda status=status: toss.row(order_id)["status"] == status)  # type: ignore[misc]
            seen.append(await toss.tokens())
        assert seen == [15, 5, 15]
        assert toss.purchases() == 1
        await toss.followed(order_id)

    async def test_deposit_after_the_order_would_have_expired(self, toss: TossShop) -> None:
        """The account is open for longer than the order was."""
        order_id, key = await toss.agreed(outcome="awaiting_deposit")
        await toss.confirm(order_id, key)
        toss.select(
            "update token_payments set expires_at = now(), expired_at = now(), status = 'expired', "
            "virtual_account = virtual_account where order_id = %s returning 1",
            order_id,
        )
        await toss.play("deposit", payment_key=key)
        await toss.until(lambda: toss.row(order_id)["status"] == "completed")
        assert await toss.tokens() == 15

    async def test_canceled_before_the_deposit_was_never_paid(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed(outcome="awaiting_deposit")
        await toss.confirm(order_id, key)
        await toss.play("refund", payment_key=key)
        await toss.until(lambda: toss.row(order_id)["status"] == "canceled")
        assert (toss.row(order_id)["paid"], await toss.tokens()) == (0, 5)
        await toss.followed(order_id)

    async def test_canceled_by_the_buyer_closes_the_account(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed(outcome="awaiting_deposit")
        await toss.confirm(order_id, key)
        canceled = await toss.rpc("cancel_token_order", toss.buyer, order_id=order_id)
        assert (canceled["status"], canceled["virtual_account"]) == ("canceled", None)
        async with opened(toss.settings()) as services:
            await services.reconciliations.once()

        async def is_closed() -> bool:
            return bool((await toss.at_toss(key))["status"] == "CANCELED")

        await until(is_closed)
        await toss.until(lambda: not toss.select("select 1 from coinslot.payment_closings"))
        assert (toss.row(order_id)["status"], await toss.tokens()) == ("canceled", 5)
