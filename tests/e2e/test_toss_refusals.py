"""Payments through Toss that are refused while nothing is taken yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.test_toss_confirm import bought, toss, untouched

if TYPE_CHECKING:
    from tests.support.shop import Shop
    from tests.support.toss_shop import TossShop

__all__ = ["toss"]


class TestRefusedBeforeTheMoneyIsTaken:
    async def still_only_agreed(self, toss: TossShop, key: str) -> bool:
        assert (await toss.at_toss(key))["status"] == "IN_PROGRESS"
        return True

    @pytest.mark.parametrize("amount", [4999, "100", 5000.5, "5000.00001", 0, -5000, True, None])
    async def test_other_amount(self, toss: TossShop, amount: object) -> None:
        order_id, key = await toss.agreed()
        answer = await toss.confirm(order_id, key, amount)
        assert answer.status_code == 400
        assert answer.json()["code"] in {"amount_mismatch", "invalid_request"}
        assert await self.still_only_agreed(toss, key)
        assert await untouched(toss, order_id)

    async def test_window_opened_with_another_amount(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed(amount=100)
        for amount in (100, 5000):
            assert (await toss.confirm(order_id, key, amount)).status_code == 400
        assert await self.still_only_agreed(toss, key)
        assert await untouched(toss, order_id)

    async def test_payment_of_another_order(self, toss: TossShop) -> None:
        _, key = await toss.agreed()
        order_id = await toss.order()
        answer = await toss.confirm(order_id, key)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND_PAYMENT_SESSION")
        assert await self.still_only_agreed(toss, key)
        assert toss.events(order_id) == ["NOT_FOUND_PAYMENT_SESSION"]

    async def test_order_of_another_gateway(self, toss: TossShop, shop: Shop) -> None:
        order_id = await shop.order()
        key = await toss.pay(order_id)
        answer = await toss.confirm(order_id, key)
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_gateway")
        assert await self.still_only_agreed(toss, key)
        assert await untouched(toss, order_id)

    async def test_order_of_another_user(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed()
        other = toss.stack.sign_up()
        answer = await toss.confirm(order_id, key, Authorization=f"Bearer {other.token}")
        assert (answer.status_code, answer.json()["error"]) == (404, "Payment not found")
        assert await self.still_only_agreed(toss, key)

    async def test_unknown_order_and_unknown_payment(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed()
        unknown = await toss.confirm("ord_ffffffffffffffff", key)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "order_not_found")
        nothing = await toss.confirm(order_id, "tgen_nosuchpayment")
        assert (nothing.status_code, nothing.json()["code"]) == (404, "NOT_FOUND_PAYMENT")
        for bad in ("", "x", "../../v1/x", "a" * 201, "tgen_1?x=1"):
            answer = await toss.confirm(order_id, bad)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_payment_key")
        assert await untouched(toss, order_id)

    @pytest.mark.parametrize("swept", [False, True])
    async def test_expired_order(self, toss: TossShop, swept: bool) -> None:
        order_id, key = await toss.agreed()
        toss.expire(order_id)
        if swept:
            await toss.rpc("coinslot_run_maintenance")
        answer = await toss.confirm(order_id, key)
        assert (answer.status_code, answer.json()["code"]) == (400, "payment_expired")
        assert await self.still_only_agreed(toss, key)

    async def test_canceled_order(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed()
        await toss.rpc("cancel_token_order", toss.buyer, order_id=order_id)
        answer = await toss.confirm(order_id, key)
        assert (answer.status_code, answer.json()["code"]) == (400, "payment_canceled")
        assert await self.still_only_agreed(toss, key)

    async def test_order_of_a_live_database_with_test_keys(self, toss: TossShop) -> None:
        order_id = await toss.order()
        with toss.stack.connect() as owner:
            owner.execute(
                "update public.token_payments set live = true where order_id = %s", [order_id]
            )
        key = await toss.pay(order_id)
        answer = await toss.confirm(order_id, key)
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_mode")
        assert await self.still_only_agreed(toss, key)
        assert toss.row(order_id)["status"] == "pending"

    async def test_second_payment_of_a_bought_order(self, toss: TossShop) -> None:
        order_id, first = await toss.agreed()
        second = await toss.pay(order_id)
        assert (await toss.confirm(order_id, first)).status_code == 200
        answer = await toss.confirm(order_id, second)
        assert (answer.status_code, answer.json()["code"]) == (400, "already_paid")
        assert await self.still_only_agreed(toss, second)
        assert await bought(toss, order_id)

    async def test_session_that_ended(self, toss: TossShop) -> None:
        order_id, key = await toss.agreed()
        await toss.play("clock", advance_s=601)
        try:
            answer = await toss.confirm(order_id, key, **{"Accept-Language": "en"})
        finally:
            await toss.play("clock", advance_s=-601)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND_PAYMENT_SESSION")
        assert (await toss.at_toss(key))["status"] == "EXPIRED"
        assert await untouched(toss, order_id)
