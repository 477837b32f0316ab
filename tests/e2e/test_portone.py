"""Buying tokens through PortOne, against the running stack."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.shop import Shop

NOT_VERIFIED = {"success": False, "error": "Payment not verified"}
DONE = {"success": True, "tokens": 10, "status": "completed"}


class TestPurchase:
    async def test_checkout_answers_what_the_plan_says(self, shop: Shop) -> None:
        answer = await shop.checkout("standard")
        order_id = answer.json()["orderId"]
        assert answer.status_code == 200
        assert answer.json() == {
            "orderId": order_id,
            "amount": 12000,
            "tokens": 30,
            "name": "Standard Pack",
            "orderName": "스탠다드 팩",
            "vbank_due": f"{shop.deposit_until(order_id, 'Asia/Seoul'):%Y%m%d%H%M}",
        }
        assert shop.row(order_id)["status"] == "pending"

    async def test_credits_once_however_often_it_is_confirmed(self, shop: Shop) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id, webhook="before")
        for _ in range(3):
            answer = await shop.complete(order_id, imp_uid)
            assert (answer.status_code, answer.json()) == (200, DONE)
            assert (await shop.webhook(order_id, imp_uid)).status_code == 200
        assert (await shop.tokens(), shop.purchases()) == (15, 1)

    async def test_confirmation_racing_its_webhooks_credits_once(self, shop: Shop) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id)
        answers = await asyncio.gather(
            shop.play("webhook", payment_key=imp_uid, times=50),
            *(shop.complete(order_id, imp_uid) for _ in range(50)),
        )
        delivered = [delivery["status"] for delivery in answers[0]["deliveries"]]
        assert delivered == [200] * 50
        assert [answer.json() for answer in answers[1:]] == [DONE] * 50
        assert (await shop.tokens(), shop.purchases()) == (15, 1)

    async def test_idempotency_key_makes_one_order(self, shop: Shop) -> None:
        answers = await asyncio.gather(
            *(shop.checkout(**{"Idempotency-Key": "one click"}) for _ in range(5))
        )
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["orderId"] for answer in answers}) == 1
        other = await shop.checkout("premium", **{"Idempotency-Key": "one click"})
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")

    async def test_window_opened_with_another_amount_refuses(self, shop: Shop) -> None:
        order_id = await shop.order()
        answer = await shop.http.post(
            f"{shop.stack.portone_url}/_sim/pay", json={"order_id": order_id, "amount": 100}
        )
        assert answer.json()["code"] == "amount_not_prepared"

    async def test_order_that_expired_is_credited_when_it_is_paid_after_all(
        self, shop: Shop
    ) -> None:
        order_id = await shop.order()
        shop.select(
            "update token_payments set expires_at = now() where order_id = %s returning 1", order_id
        )
        await shop.rpc("coinslot_run_maintenance")
        assert shop.row(order_id)["status"] == "expired"
        answer = await shop.complete(order_id, await shop.pay(order_id))
        assert (answer.json(), await shop.tokens()) == (DONE, 15)

    async def test_unknown_package(self, shop: Shop) -> None:
        answer = await shop.checkout("platinum")
        assert (answer.status_code, answer.json()["error"]) == (400, "Invalid package")


class TestNothingBought:
    @pytest.mark.parametrize(
        ("outcome", "status"), [("failed", "failed"), ("abandoned", "pending")]
    )
    async def test_failed_or_abandoned_payment_changes_no_balance(
        self, shop: Shop, outcome: str, status: str
    ) -> None:
        order_id = await shop.order()
        answer = await shop.complete(order_id, await shop.pay(order_id, outcome=outcome))
        expected = {**NOT_VERIFIED, "code": f"payment_{status}", "status": status}
        assert (answer.status_code, answer.json()) == (400, expected)
        assert (await shop.tokens(), shop.row(order_id)["status"]) == (5, status)

    @pytest.mark.parametrize("turn", [{"amount": 100}, {"amount": 50}, {"currency": "USD"}])
    async def test_payment_of_something_else_is_for_a_person_to_review(
        self, shop: Shop, turn: dict[str, Any]
    ) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id, force=True, **turn)
        for _ in range(2):
            answer = await shop.complete(order_id, imp_uid)
            assert (answer.status_code, answer.json()["error"]) == (400, "Amount mismatch")
        assert (await shop.tokens(), shop.row(order_id)["status"]) == (5, "review")
        assert len(shop.discrepancies(order_id)) == 1

    async def test_bad_attempt_does_not_spoil_a_good_one(self, shop: Shop) -> None:
        order_id = await shop.order()
        bad = await shop.pay(order_id, amount=100, force=True)
        await shop.complete(order_id, bad)
        good = await shop.pay(order_id, force=True)
        assert (await shop.complete(order_id, good)).json() == DONE
        assert (await shop.complete(order_id, bad)).json()["code"] == "amount_mismatch"
        assert await shop.tokens() == 15

    async def test_live_payment_buys_nothing_in_test_mode(self, shop: Shop) -> None:
        order_id = await shop.order()
        answer = await shop.complete(order_id, await shop.pay(order_id, live=True))
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_mode")
        assert (await shop.tokens(), shop.row(order_id)["status"]) == (5, "review")

    async def test_second_payment_of_an_order_is_left_for_a_person(self, shop: Shop) -> None:
        order_id, _ = await shop.bought()
        second = await shop.pay(order_id, force=True)
        assert (await shop.complete(order_id, second)).json() == DONE
        assert (await shop.tokens(), shop.purchases()) == (15, 1)
        assert shop.discrepancies(order_id) == ["duplicate_payment"]

    async def test_payment_of_another_order(self, shop: Shop) -> None:
        paid_order, imp_uid = await shop.bought()
        order_id = await shop.order()
        for _ in range(2):
            answer = await shop.complete(order_id, imp_uid)
            assert (answer.status_code, answer.json()) == (
                400,
                {**NOT_VERIFIED, "code": "wrong_order"},
            )
        assert (shop.row(order_id)["status"], shop.events(order_id)) == ("pending", ["wrong_order"])
        assert (shop.row(paid_order)["status"], await shop.tokens()) == ("completed", 15)

    async def test_payment_that_the_gateway_does_not_know(self, shop: Shop) -> None:
        order_id = await shop.order()
        answer = await shop.complete(order_id, "imp_000000000000")
        expected = {**NOT_VERIFIED, "code": "payment_unknown_at_gateway"}
        assert (answer.status_code, answer.json()) == (400, expected)
        assert shop.events(order_id) == ["payment_unknown_at_gateway"]
        assert shop.row(order_id)["status"] == "pending"

    async def test_order_that_does_not_exist(self, shop: Shop) -> None:
        answer = await shop.complete("ord_ffffffffffffffff", "imp_1")
        assert (answer.status_code, answer.json()["error"]) == (404, "Payment not found")


class TestRefunds:
    async def test_part_refunded_before_the_first_read_is_not_credited(self, shop: Shop) -> None:
        order_id = await shop.order("premium")
        imp_uid = await shop.pay(order_id)
        await shop.play("refund", payment_key=imp_uid, amount=7000)
        answer = await shop.complete(order_id, imp_uid)
        assert (answer.status_code, answer.json()["status"]) == (200, "partially_refunded")
        assert await shop.tokens() == 5 + 80

    async def test_refund_at_the_console_takes_the_tokens_back(self, shop: Shop) -> None:
        order_id, imp_uid = await shop.bought()
        await shop.play("refund", payment_key=imp_uid)
        assert (await shop.webhook(order_id, imp_uid, "cancelled")).status_code == 200
        await shop.followed(order_id)
        assert (await shop.tokens(), shop.row(order_id)["status"]) == (5, "refunded")
        assert (await shop.complete(order_id, imp_uid)).json()["code"] == "payment_refunded"


class TestVirtualAccount:
    async def test_waits_is_paid_and_is_taken_back(self, shop: Shop) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id, outcome="awaiting_deposit")
        waiting = await shop.complete(order_id, imp_uid)
        assert (waiting.status_code, waiting.json()) == (
            202,
            {"success": False, "status": "awaiting_deposit", "tokens": 10},
        )
        await shop.play("deposit", payment_key=imp_uid)
        await shop.webhook(order_id, imp_uid)
        await shop.followed(order_id)
        assert await shop.tokens() == 15
        await shop.play("undo_deposit", payment_key=imp_uid)
        await shop.webhook(order_id, imp_uid, "ready")
        await shop.followed(order_id)
        assert (await shop.tokens(), shop.row(order_id)["status"]) == (5, "awaiting_deposit")

    async def test_account_is_shown_to_its_owner_only(self, shop: Shop) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id, outcome="awaiting_deposit")
        anyone = await shop.complete(order_id, imp_uid)
        owner = await shop.complete(order_id, imp_uid, **shop.jwt)
        assert "virtual_account" not in anyone.json()
        account = owner.json()["virtual_account"]
        assert (owner.status_code, account["bank"], bool(account["due_at"])) == (
            202,
            "신한은행",
            True,
        )


class TestRedirect:
    async def test_buyer_comes_back_to_the_right_page(self, shop: Shop) -> None:
        order_id = await shop.order()
        failed = await shop.pay(order_id, outcome="failed")
        where = await shop.redirect(order_id, failed)
        assert where == f"/payment/fail?orderId={order_id}&code=payment_failed"
        paid = await shop.pay(order_id)
        assert await shop.redirect(order_id, paid) == f"/payment/success?orderId={order_id}"
        assert await shop.tokens() == 15

    async def test_buyer_who_has_yet_to_deposit(self, shop: Shop) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id, outcome="awaiting_deposit")
        where = await shop.redirect(order_id, imp_uid)
        assert where == f"/payment/success?orderId={order_id}&status=awaiting_deposit"


class TestWebhook:
    async def test_alone_is_enough(self, shop: Shop) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id)
        body = {"imp_uid": imp_uid, "merchant_uid": order_id, "status": "paid"}
        url = f"{shop.sidecar}/payment/portone/webhook"
        for answer in (
            await shop.http.post(url, json=body),
            await shop.http.post(url, data=body),
        ):
            assert (answer.status_code, answer.json()) == (200, {"received": True})
        await shop.followed(order_id)
        assert (await shop.tokens(), shop.purchases()) == (15, 1)

    async def test_for_an_unknown_order_leaves_nothing(self, shop: Shop) -> None:
        order_id = "ord_nobody_ever_made"  # and no other test of this stack tells of
        assert (await shop.webhook(order_id, "imp_1")).status_code == 200
        assert shop.inbox(order_id) == []

    async def test_forged_with_a_payment_of_another_order(self, shop: Shop) -> None:
        _, imp_uid = await shop.bought()
        order_id = await shop.order()
        assert (await shop.webhook(order_id, imp_uid)).status_code == 200
        assert await shop.followed(order_id) == ["refused"]
        assert shop.events(order_id) == ["wrong_order"]
        assert (await shop.tokens(), shop.row(order_id)["status"]) == (15, "pending")

    async def test_that_lies_credits_nothing(self, shop: Shop) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id, outcome="abandoned")
        assert (await shop.webhook(order_id, imp_uid)).status_code == 200
        await shop.until(lambda: shop.inbox(order_id) == [("not_yet", True)])
        assert (await shop.tokens(), shop.row(order_id)["status"]) == (5, "pending")

    async def test_that_overtakes_the_gateways_own_records_is_read_again(self, shop: Shop) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id, outcome="abandoned")
        await shop.webhook(order_id, imp_uid)
        await shop.until(lambda: shop.inbox(order_id) == [("not_yet", True)])
        await shop.play(f"payments/{imp_uid}", "PATCH", status="paid", paid_at=1)
        assert (await shop.followed(order_id), await shop.tokens()) == (["credited"], 15)

    async def test_is_followed_once_the_gateway_is_back(self, shop: Shop) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id)
        await shop.play("faults", "PUT", kind="error_before", next=2, path="/payments/")
        assert (await shop.webhook(order_id, imp_uid)).status_code == 200
        await shop.until(lambda: shop.inbox(order_id) == [("failed", True)])
        assert (await shop.followed(order_id), await shop.tokens()) == (["credited"], 15)
