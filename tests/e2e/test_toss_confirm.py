"""Taking money through Toss: once, or not at all, however the answer fares."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.toss_shop import TossShop

if TYPE_CHECKING:
    from tests.support.shop import Shop


@pytest.fixture
def toss(shop: Shop) -> TossShop:
    return TossShop.of(shop)


async def bought(toss: TossShop, order_id: str) -> bool:
    """Paid, and credited once."""
    row = toss.row(order_id)
    assert (row["status"], row["paid"]) == ("completed", 5000)
    assert (await toss.tokens(), toss.purchases()) == (15, 1)
    return True


async def untouched(toss: TossShop, order_id: str, status: str = "pending") -> bool:
    assert (toss.row(order_id)["status"], await toss.tokens()) == (status, 5)
    return True


class TestOnce:
    async def test_repeated_confirm_answers_success_again(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed(webhook="before")
        answers = [(await toss.confirm(order_id, key)) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert len({answer.text.split("tossPayment")[1] for answer in answers}) == 1
        assert await bought(toss, order_id)

    async def test_confirm_racing_its_webhooks_fifty_times_credits_once(
        self, toss: TossShop
    ) -> None:
        order_id, key = await toss.agreed(webhook="beside")
        answers = await asyncio.gather(
            toss.play("webhook", payment_key=key, times=50, forge={"status": "DONE"}),
            *(toss.confirm(order_id, key) for _ in range(50)),
        )
        assert [each["status"] for each in answers[0]["deliveries"]] == [200] * 50
        assert [answer.status_code for answer in answers[1:]] == [200] * 50
        await toss.followed(order_id)
        assert await bought(toss, order_id)

    async def test_fifty_orders_each_racing_its_own_webhook_are_credited_once_each(
        self, toss: TossShop
    ) -> None:
        for _ in range(50):
            order_id, key = await toss.agreed(webhook="beside")
            answer, _ = await asyncio.gather(
                toss.confirm(order_id, key), toss.told(key, status="DONE")
            )
            assert answer.status_code == 200
        assert (await toss.tokens(), toss.purchases()) == (5 + 50 * 10, 50)

    async def test_two_sidecars_confirming_at_once_take_the_money_once(
        self, toss: TossShop
    ) -> None:
        """Toss answers one of them that the call is under way, or that all is done."""
        order_id, key = await toss.agreed()
        await toss.play(f"payments/{key}", "PATCH", approval={"seconds": 0.2})
        confirmed, elsewhere = await asyncio.gather(
            toss.confirm(order_id, key), toss.confirm_at_toss(order_id, key)
        )
        assert confirmed.status_code == 200, confirmed.text
        assert (
            elsewhere.status_code == 200
            or elsewhere.json()["code"] == "IDEMPOTENT_REQUEST_PROCESSING"
        )
        assert await bought(toss, order_id)

    async def test_abort_reported_after_a_double_confirm_is_no_reversal(
        self, toss: TossShop
    ) -> None:
        order_id, key = await toss.agreed()
        await toss.confirm(order_id, key)
        assert await toss.told(key, status="ABORTED") == 200
        assert await toss.followed(order_id) == ["unchanged"]
        assert await bought(toss, order_id)


class TestDoubt:
    """An answer may not say whether the money was taken; reading the payment does."""

    @pytest.mark.parametrize("kind", ["drop_after", "error_after", "malformed", "html"])
    async def test_answer_lost_after_the_money_was_taken(self, toss: TossShop, kind: str) -> None:
        order_id, key = await toss.agreed()
        async with toss.fault(kind, next=1, path="/confirm"):
            answer = await toss.confirm(order_id, key)
        assert (answer.status_code, answer.json()["tossPayment"]["status"]) == (200, "DONE")
        assert await bought(toss, order_id)

    @pytest.mark.parametrize(
        "code", ["ALREADY_PROCESSED_PAYMENT", "PROVIDER_ERROR", "CARD_PROCESSING_ERROR"]
    )
    async def test_code_that_leaves_it_open(self, toss: TossShop, code: str) -> None:
        order_id, key = await toss.agreed()
        await toss.play(f"payments/{key}", "PATCH", approval={"code": code, "taken": True})
        assert (await toss.confirm(order_id, key)).status_code == 200
        assert await bought(toss, order_id)

    async def test_refusal_because_another_payment_has_bought_the_order(
        self, toss: TossShop
    ) -> None:
        """Nobody has heard of that one: it is found, and credited."""
        order_id, first = await toss.agreed()
        second = await toss.pay(order_id)
        await toss.taken(order_id, first)
        answer = await toss.confirm(order_id, second)
        assert (answer.status_code, answer.json()["code"]) == (400, "already_paid")
        assert await bought(toss, order_id)

    @pytest.mark.parametrize("seconds", [-120, 120])
    async def test_stored_yes_to_money_that_has_gone_back_since(
        self, toss: TossShop, seconds: int
    ) -> None:
        """Given two minutes ago; or just now, by a clock that is two minutes ahead of ours."""
        order_id, key = await toss.agreed()
        await toss.play("clock", advance_s=seconds)
        try:
            await toss.taken(order_id, key)
        finally:
            await toss.play("clock", advance_s=-seconds)
        canceled = await toss.http.post(
            f"{toss.toss_url}/v1/payments/{key}/cancel",
            json={"cancelReason": "console"},
            auth=("test_sk_sandbox", ""),
        )
        assert canceled.status_code == 200, canceled.text
        answer = await toss.confirm(order_id, key)
        assert (answer.status_code, answer.json()["code"]) == (400, "payment_refunded")
        assert await untouched(toss, order_id, "refunded")

    async def test_approval_that_failed_in_the_end(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed()
        await toss.play(f"payments/{key}", "PATCH", approval={"code": "UNKNOWN_PAYMENT_ERROR"})
        answer = await toss.confirm(order_id, key)
        assert (answer.status_code, answer.json()["code"]) == (400, "UNKNOWN_PAYMENT_ERROR")
        assert answer.json()["error"] == "요청을 처리하지 못했습니다."
        assert await untouched(toss, order_id, "failed")

    async def test_temporary_error_is_got_past_by_confirming_again(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed()
        plan = {"code": "PROVIDER_ERROR", "stumbles": 2}
        await toss.play(f"payments/{key}", "PATCH", approval=plan)
        answer = await toss.confirm(order_id, key)
        assert (answer.status_code, answer.json()["code"]) == (502, "confirm_unknown")
        assert await untouched(toss, order_id)
        assert (await toss.confirm(order_id, key)).status_code == 200
        assert await bought(toss, order_id)

    @pytest.mark.parametrize("kind", ["error_before", "rate_limit"])
    async def test_gateway_down_leaves_the_order_to_be_confirmed_later(
        self, toss: TossShop, kind: str
    ) -> None:
        order_id, key = await toss.agreed()
        async with toss.fault(kind, path="/v1/payments"):
            answer = await toss.confirm(order_id, key)
        assert (answer.status_code, answer.json()["code"]) == (502, "confirm_unknown")
        assert await untouched(toss, order_id)
        assert (await toss.confirm(order_id, key)).status_code == 200
        assert await bought(toss, order_id)

    async def test_call_that_had_no_effect_is_not_taken_for_a_payment(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed()
        async with toss.fault("error_before", next=1, path="/confirm"):
            answer = await toss.confirm(order_id, key)
        assert (answer.status_code, answer.json()["code"]) == (502, "confirm_unknown")
        assert await untouched(toss, order_id)

    async def test_money_taken_unseen_is_credited_by_the_webhook(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed(webhook="none")
        async with toss.fault("error_after", path="/v1/payments"):
            assert (await toss.confirm(order_id, key)).status_code == 502
        assert await untouched(toss, order_id)
        assert await toss.told(key) == 200
        assert await toss.followed(order_id) == ["credited"]
        assert await bought(toss, order_id)

    async def test_webhook_while_the_gateway_is_down_is_worked_off_later(
        self, toss: TossShop
    ) -> None:
        order_id, key = await toss.agreed(webhook="none")
        async with toss.fault("error_after", path="/v1/payments"):
            await toss.confirm(order_id, key)
            assert await toss.told(key) == 200
            await toss.until(lambda: toss.inbox(order_id) == [("failed", True)])
        assert await toss.followed(order_id) == ["credited"]
        assert await bought(toss, order_id)


class TestTooLate:
    async def test_abandoned_order_expires(self, toss: TossShop) -> None:
        order_id = await toss.order()
        await toss.play("pay", order_id=order_id, amount=5000, outcome="abandoned", webhook="none")
        toss.expire(order_id)
        await toss.rpc("coinslot_run_maintenance")
        assert await untouched(toss, order_id, "expired")

    async def test_money_taken_before_expiry_and_seen_after_it_is_credited(
        self, toss: TossShop
    ) -> None:
        order_id, key = await toss.agreed()
        async with toss.fault("error_after", path="/v1/payments"):
            assert (await toss.confirm(order_id, key)).status_code == 502
        toss.expire(order_id)
        await toss.rpc("coinslot_run_maintenance")
        assert toss.row(order_id)["status"] == "expired"
        assert (await toss.confirm(order_id, key)).status_code == 200
        assert await bought(toss, order_id)
