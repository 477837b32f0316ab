"""Buying tokens through PortOne V2, against the running stack, V1 beside it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.services import opened
from tests.support.portone_v2 import CHANNEL, NEXT_SECRET, STORE
from tests.support.shop import settings_on

if TYPE_CHECKING:
    from tests.support.portone_v2_shop import ShopV2

DONE = {"success": True, "tokens": 10, "status": "completed"}
NOT_VERIFIED = {"success": False, "error": "Payment not verified"}


class TestPurchase:
    async def test_checkout_answers_what_the_browser_sdk_takes(self, v2_shop: ShopV2) -> None:
        answer = await v2_shop.checkout("standard")
        order_id = answer.json()["orderId"]
        assert (answer.status_code, answer.json()) == (
            200,
            {
                "orderId": order_id,
                "amount": 12000,
                "tokens": 30,
                "name": "Standard Pack",
                "storeId": STORE,
                "channelKey": CHANNEL,
                "paymentId": order_id,
                "orderName": "스탠다드 팩",
                "totalAmount": 12000,
                "currency": "KRW",
                "virtualAccount": {
                    "accountExpiry": {
                        "dueDate": f"{v2_shop.deposit_until(order_id, 'UTC'):%Y-%m-%dT%H:%M:%SZ}"
                    }
                },
            },
        )

    async def test_credits_once_however_often_and_however_it_is_completed(
        self, v2_shop: ShopV2
    ) -> None:
        order_id = await v2_shop.order()
        transaction = await v2_shop.pay(order_id, webhook="before")
        for answer in (
            await v2_shop.finish(order_id),
            await v2_shop.finish(order_id, **v2_shop.jwt),
            await v2_shop.complete(order_id, transaction),
        ):
            assert (answer.status_code, answer.json()) == (200, DONE)
        assert await v2_shop.told(transaction) == 200
        await v2_shop.followed(order_id)
        assert (await v2_shop.tokens(), v2_shop.purchases()) == (15, 1)
        assert v2_shop.row(order_id)["payment_key"] == transaction

    async def test_webhook_alone_is_enough(self, v2_shop: ShopV2) -> None:
        order_id = await v2_shop.order()
        await v2_shop.pay(order_id, webhook="before")
        assert "credited" in await v2_shop.followed(order_id)
        assert (await v2_shop.tokens(), v2_shop.purchases()) == (15, 1)

    async def test_window_opened_with_another_amount_refuses(self, v2_shop: ShopV2) -> None:
        order_id = await v2_shop.order()
        answer = await v2_shop.http.post(
            f"{v2_shop.stack.settings.simulators_url}/portone-v2/_sim/pay",
            json={"order_id": order_id, "amount": 100},
        )
        assert answer.json()["code"] == "AmountNotEqualToPredefined"

    async def test_checkout_says_that_the_gateway_is_away(self, v2_shop: ShopV2) -> None:
        await v2_shop.play("faults", "PUT", kind="error_before", path="/pre-register")
        answer = await v2_shop.checkout()
        assert (answer.status_code, answer.json()["code"]) == (502, "gateway_unavailable")

    @pytest.mark.parametrize("name", ["paymentId", "payment_id"])
    async def test_buyer_on_a_phone_comes_back_to_the_right_page(
        self, v2_shop: ShopV2, name: str
    ) -> None:
        order_id = await v2_shop.order()
        await v2_shop.pay(order_id, outcome="failed")
        query = {name: order_id, "code": "FAILURE_TYPE_PG", "message": "no"}
        failed = await self.redirected(v2_shop, **query)
        assert failed == f"/payment/fail?orderId={order_id}&code=payment_failed"
        await v2_shop.pay(order_id)
        paid = await self.redirected(v2_shop, **{name: order_id})
        assert (paid, await v2_shop.tokens()) == (f"/payment/success?orderId={order_id}", 15)

    async def test_buyer_on_a_phone_is_back_before_portone_shows_the_payment(
        self, v2_shop: ShopV2
    ) -> None:
        order_id = await v2_shop.order()
        await v2_shop.pay(order_id, outcome="abandoned")
        where = f"/payment/fail?orderId={order_id}&code=payment_pending"
        assert await self.redirected(v2_shop, paymentId=order_id) == f"{where}&claimed=true"
        gave_up = {"paymentId": order_id, "code": "PAY_PROCESS_CANCELED"}
        assert await self.redirected(v2_shop, **gave_up) == where

    @staticmethod
    async def redirected(shop: ShopV2, **query: str) -> str:
        answer = await shop.http.get(f"{shop.sidecar}/payments/complete", params=query)
        assert answer.status_code == 303
        return answer.headers["location"].removeprefix(shop.stack.env["FRONTEND_URL"])


class TestNothingBought:
    @pytest.mark.parametrize(
        ("outcome", "status"), [("failed", "failed"), ("abandoned", "pending")]
    )
    async def test_declined_or_abandoned(self, v2_shop: ShopV2, outcome: str, status: str) -> None:
        order_id = await v2_shop.order()
        await v2_shop.pay(order_id, outcome=outcome)
        answer = await v2_shop.finish(order_id)
        expected = {**NOT_VERIFIED, "code": f"payment_{status}", "status": status}
        assert (answer.status_code, answer.json()) == (400, expected)
        assert (await v2_shop.tokens(), v2_shop.row(order_id)["status"]) == (5, status)
        await v2_shop.pay(order_id)
        assert (await v2_shop.finish(order_id)).json() == DONE

    @pytest.mark.parametrize(
        ("turn", "status", "code"),
        [
            ({"amount": 100}, "review", "amount_mismatch"),
            ({"currency": "USD"}, "review", "amount_mismatch"),
            ({"live": True}, "review", "wrong_mode"),
        ],
    )
    async def test_something_else_was_paid(
        self, v2_shop: ShopV2, turn: dict[str, Any], status: str, code: str
    ) -> None:
        order_id = await v2_shop.order()
        await v2_shop.pay(order_id, force=True, **turn)
        for _ in range(2):
            answer = await v2_shop.finish(order_id)
            assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert (await v2_shop.tokens(), v2_shop.row(order_id)["status"]) == (5, status)
        assert len(v2_shop.discrepancies(order_id)) == 1

    async def test_never_opened(self, v2_shop: ShopV2) -> None:
        order_id = await v2_shop.order()
        answer = await v2_shop.finish(order_id)
        assert (answer.status_code, answer.json()["code"]) == (400, "payment_unknown_at_gateway")

    @pytest.mark.parametrize("discount", [1000, 5000])
    async def test_promotion_pays_like_money(self, v2_shop: ShopV2, discount: int) -> None:
        order_id = await v2_shop.order()
        await v2_shop.pay(order_id, discount=discount)
        assert (await v2_shop.finish(order_id)).json() == DONE
        assert v2_shop.row(order_id)["paid"] == 5000

    async def test_status_of_a_later_api_moves_nothing(self, v2_shop: ShopV2) -> None:
        order_id = await v2_shop.order()
        key = await v2_shop.pay(order_id)
        await v2_shop.finish(order_id)
        await v2_shop.play(f"payments/{key}", "PATCH", status="TELEPORTED")
        answer = await v2_shop.finish(order_id)
        assert (answer.status_code, answer.json()["code"]) == (502, "gateway_nonsense")
        assert (await v2_shop.tokens(), v2_shop.row(order_id)["status"]) == (15, "completed")


class TestMoneyGoesBack:
    async def test_in_parts_at_the_console_and_then_all(self, v2_shop: ShopV2) -> None:
        order_id = await v2_shop.order("premium")
        key = await v2_shop.pay(order_id)
        await v2_shop.finish(order_id)
        for amount, tokens, status in (
            (7000, 5 + 80, "partially_refunded"),
            (None, 5, "refunded"),
        ):
            await v2_shop.play("refund", payment_key=key, amount=amount)
            await v2_shop.until(lambda wanted=status: v2_shop.row(order_id)["status"] == wanted)  # type: ignore[misc]
            assert await v2_shop.tokens() == tokens

    async def test_dispute_is_lost_to_the_bank(self, v2_shop: ShopV2) -> None:
        order_id = await v2_shop.order()
        key = await v2_shop.pay(order_id)
        await v2_shop.finish(order_id)
        await v2_shop.play("dispute", payment_key=key, status="created")
        await v2_shop.until(lambda: v2_shop.row(order_id)["status"] == "disputed")
        await v2_shop.play("dispute", payment_key=key, status="lost")
        await v2_shop.until(lambda: v2_shop.row(order_id)["status"] == "charged_back")
        assert (await v2_shop.tokens(), v2_shop.row(order_id)["withdrawn"]) == (5, 5000)

    async def test_dispute_is_won(self, v2_shop: ShopV2) -> None:
        order_id = await v2_shop.order()
        key = await v2_shop.pay(order_id)
        await v2_shop.finish(order_id)
        for status, becomes in (("created", "disputed"), ("won", "completed")):
            await v2_shop.play("dispute", payment_key=key, status=status)
            await v2_shop.until(lambda wanted=becomes: v2_shop.row(order_id)["status"] == wanted)  # type: ignore[misc]
        assert await v2_shop.tokens() == 15


class TestVirtualAccount:
    async def test_waits_is_paid_and_is_taken_back(self, v2_shop: ShopV2) -> None:
        order_id = await v2_shop.order()
        key = await v2_shop.pay(order_id, outcome="awaiting_deposit")
        waiting = await v2_shop.finish(order_id, **v2_shop.jwt)
        account = waiting.json()["virtual_account"]
        assert (waiting.status_code, waiting.json()["status"]) == (202, "awaiting_deposit")
        assert (account["bank"], bool(account["due_at"])) == ("신한은행", True)
        assert await v2_shop.tokens() == 5
        await v2_shop.play("deposit", payment_key=key)
        await v2_shop.until(lambda: v2_shop.row(order_id)["status"] == "completed")
        assert await v2_shop.tokens() == 15
        await v2_shop.play("undo_deposit", payment_key=key)
        await v2_shop.until(lambda: v2_shop.row(order_id)["status"] == "awaiting_deposit")
        assert await v2_shop.tokens() == 5


class TestWebhook:
    async def test_either_of_two_secrets_signs_while_one_replaces_the_other(
        self, v2_shop: ShopV2
    ) -> None:
        await v2_shop.play("settings", "PUT", secrets=[NEXT_SECRET])
        order_id = await v2_shop.order()
        await v2_shop.pay(order_id, webhook="before")
        assert "credited" in await v2_shop.followed(order_id)

    @pytest.mark.parametrize("format_", ["json", "form"])
    async def test_older_version(self, v2_shop: ShopV2, format_: str) -> None:
        await v2_shop.play("settings", "PUT", version="2024-01-01", format=format_)
        order_id = await v2_shop.order()
        await v2_shop.pay(order_id, webhook="before")
        assert "credited" in await v2_shop.followed(order_id)

    @pytest.mark.parametrize(
        "body",
        [
            {"type": "Transaction.Paid", "data": {"paymentId": "", "transactionId": "tx"}},
            {"payment_id": "", "tx_id": "tx", "status": "Paid"},
        ],
    )
    async def test_unsigned_is_not_even_looked_at(
        self, v2_shop: ShopV2, body: dict[str, Any]
    ) -> None:
        order_id = await v2_shop.order()
        await v2_shop.pay(order_id)
        named = body.get("data", body)
        named["paymentId" if "data" in body else "payment_id"] = order_id
        answer = await v2_shop.http.post(f"{v2_shop.sidecar}/payment/portone/webhook", json=body)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
        assert (v2_shop.inbox(order_id), await v2_shop.tokens()) == ([], 5)

    async def test_not_about_a_payment_is_taken_and_forgotten(self, v2_shop: ShopV2) -> None:
        order_id = await v2_shop.order()
        key = await v2_shop.pay(order_id)
        for kind in ("BillingKey.Issued", "Transaction.Teleported"):
            assert await v2_shop.told(key, signature="valid", type=kind) == 200
        assert v2_shop.inbox(order_id) == []


class TestBesideV1:
    async def test_payment_begun_with_v1_ends_with_v1(self, v2_shop: ShopV2) -> None:
        v1 = v2_shop.v1()
        completed, told = await v2_shop.order(), await v2_shop.order()
        imp_uid = await v1.pay(completed, amount=5000)
        assert (await v1.complete(completed, imp_uid)).json() == DONE
        imp_uid = await v1.pay(told, amount=5000)
        assert (await v1.webhook(told, imp_uid)).status_code == 200
        assert await v1.followed(told) == ["credited"]
        assert (await v1.tokens(), v1.purchases()) == (25, 2)
        await v1.play("refund", payment_key=imp_uid)
        await v1.webhook(told, imp_uid, "cancelled")
        await v1.until(lambda: v1.row(told)["status"] == "refunded")
        assert await v1.tokens() == 15

    async def test_order_paid_at_both_is_credited_once(self, v2_shop: ShopV2) -> None:
        order_id = await v2_shop.order()
        await v2_shop.pay(order_id)
        imp_uid = await v2_shop.v1().pay(order_id, amount=5000)
        await asyncio.gather(v2_shop.finish(order_id), v2_shop.complete(order_id, imp_uid))
        assert (await v2_shop.tokens(), v2_shop.purchases()) == (15, 1)
        assert v2_shop.discrepancies(order_id) == ["duplicate_payment"]


class TestServerWithV1Alone:
    """Beside one that has V2's keys: what it cannot see is not missing."""

    async def test_audit_leaves_its_payments_out(self, v2_shop: ShopV2) -> None:
        order_id = (await v2_shop.checkout()).json()["orderId"]
        key = await v2_shop.pay(order_id)
        assert (await v2_shop.finish(order_id)).status_code == 200
        since = datetime.now(UTC) - timedelta(minutes=1)
        async with opened(settings_on(v2_shop.stack)) as services:
            audit = await services.audits.audit(
                "portone", since, since + timedelta(minutes=2), again=True
            )
            assert audit
            lines = [line.payment_key async for line in services.audits.report(audit.id)]
        assert key not in lines
        assert v2_shop.discrepancies(order_id) == []
