"""The setup guide about Toss Payments, in its order and under its names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coinslot.order_ids import ORDER_ID
from coinslot.settings.deployment import SettingsError
from tests.support.commands import operate
from tests.support.toss_shop import READING, TossShop

if TYPE_CHECKING:
    from tests.support.shop import Shop

BODY = {"amount": 13000, "orderName": READING}


@pytest.fixture
def toss(shop: Shop) -> TossShop:
    return TossShop.of(shop)


async def created(toss: TossShop) -> dict[str, Any]:
    return dict((await toss.create(BODY)).json())


async def returned(toss: TossShop, config: dict[str, Any], **turn: object) -> dict[str, Any]:
    """The query of `successUrl`, for a buyer in the widget: every value is a string."""
    query = await toss.play("pay", order_id=config["orderId"], amount=config["amount"], **turn)
    return {name: str(value) for name, value in query.items()}


ADDED_BY_SQL = """
select coinslot.set_product('guide_by_sql', 'A reading by SQL', prices => '{"KRW": 9900}')
"""
ADD = ("products", "set", "guide_by_command", "--name", "A reading by command")


class TestPart0TheProduct:
    """Coinslot brings packs of tokens. A single thing is the app's own, added first."""

    async def test_0_1_is_added_by_one_command_or_one_statement(self, toss: TossShop) -> None:
        status, out, _ = await operate(toss.stack, *ADD, "--price", "KRW=9900")
        assert (status, "9900 KRW" in out) == (0, True)
        toss.select(ADDED_BY_SQL)
        for name in ("A reading by command", "A reading by SQL"):
            answer = await toss.create({"amount": 9900, "orderName": name})
            assert (answer.status_code, answer.json()["amount"]) == (200, 9900)

    async def test_0_2_is_taken_off_sale_again(self, toss: TossShop) -> None:
        await operate(toss.stack, *ADD, "--price", "KRW=9900")
        toss.select(ADDED_BY_SQL)
        status, _, _ = await operate(toss.stack, "products", "remove", "guide_by_command")
        assert status == 0
        toss.select("select coinslot.remove_product('guide_by_sql')")
        for name in ("A reading by command", "A reading by SQL"):
            answer = await toss.create({"amount": 9900, "orderName": name})
            assert (answer.status_code, answer.json()["error"]) == (400, "Invalid package")


class TestPart1Setup:
    async def test_1_4_create_payment_order(self, toss: TossShop) -> None:
        answer = await toss.create(BODY)
        order_id = answer.json()["orderId"]
        assert ORDER_ID.fullmatch(order_id)
        frontend = toss.stack.env["FRONTEND_URL"]
        assert (answer.status_code, answer.json()) == (
            200,
            {
                "success": True,
                "orderId": order_id,
                "paymentId": toss.row(order_id)["id"],
                "amount": 13000,
                "currency": "KRW",
                "tossConfig": {
                    "clientKey": toss.stack.env["TOSS_CLIENT_KEY"],
                    "orderId": order_id,
                    "orderName": READING,
                    "amount": 13000,
                    "successUrl": f"{frontend}/payment/success",
                    "failUrl": f"{frontend}/payment/fail",
                    "dueDate": f"{toss.deposit_until(order_id, 'Asia/Seoul'):%Y-%m-%dT%H:%M:%S}",
                },
            },
        )

    async def test_1_5_widget_gets_all_it_needs(self, toss: TossShop) -> None:
        config = (await created(toss))["tossConfig"]
        used = {"amount", "orderId", "orderName", "successUrl", "failUrl", "clientKey"}
        assert set(config) == {*used, "dueDate"}
        assert config["clientKey"].startswith("test_ck_")

    async def test_1_6_confirm_payment_with_the_strings_of_the_address(
        self, toss: TossShop
    ) -> None:
        query = await returned(toss, (await created(toss))["tossConfig"])
        assert set(query) == {"paymentKey", "orderId", "amount"}
        answer = await toss.post("/confirm", query)
        assert (answer.status_code, set(answer.json())) == (
            200,
            {"success", "payment", "tossPayment"},
        )
        assert answer.json()["success"] is True

    @pytest.mark.parametrize(
        ("selected", "outcome", "ends"),
        [
            ("Payment completed", "paid", "completed"),
            ("Payment failed", "failed", "failed"),
            ("Payment cancelled", "paid", "refunded"),
        ],
    )
    async def test_1_7_webhook(
        self, toss: TossShop, selected: str, outcome: str, ends: str
    ) -> None:
        config = (await created(toss))["tossConfig"]
        query = await returned(toss, config, outcome=outcome, webhook="beside")
        await toss.post("/confirm", query)
        if selected == "Payment cancelled":
            await toss.play("refund", payment_key=query["paymentKey"])
        await toss.until(lambda: toss.row(config["orderId"])["status"] == ends)
        await toss.followed(config["orderId"])


class TestPart3Reference:
    async def test_post_payment_toss_create(self, toss: TossShop) -> None:
        answer = await created(toss)
        shown = {"success", "orderId", "paymentId", "amount", "currency", "tossConfig"}
        assert set(answer) == shown

    async def test_post_payment_toss_confirm(self, toss: TossShop) -> None:
        config = (await created(toss))["tossConfig"]
        key = (await returned(toss, config))["paymentKey"]
        body = {"paymentKey": key, "orderId": config["orderId"], "amount": 13000}
        answer = (await toss.post("/confirm", body)).json()
        assert answer["success"] is True
        assert answer["payment"] == {
            "order_id": config["orderId"],
            "amount": 13000,
            "currency": "KRW",
            "status": "completed",
            "tokens": 0,
            "payment_method": "toss",
        }
        kept = ("paymentKey", "orderId", "status", "totalAmount", "method")
        assert [answer["tossPayment"][name] for name in kept] == [
            key,
            config["orderId"],
            "DONE",
            13000,
            "카드",
        ]

    async def test_post_payment_toss_webhook(self, toss: TossShop) -> None:
        config = (await created(toss))["tossConfig"]
        data = {"orderId": config["orderId"], "paymentKey": "tgen_unknown", "status": "EXPIRED"}
        event = {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "x", "data": data}
        answer = await toss.post("/webhook", event)
        assert (answer.status_code, answer.json()) == (200, {"received": True})

    async def test_get_payment_by_order_id_and_history(self, toss: TossShop) -> None:
        config = (await created(toss))["tossConfig"]
        await toss.post("/confirm", await returned(toss, config))
        one = await toss.http.get(f"{toss.sidecar}/payment/{config['orderId']}", headers=toss.jwt)
        payment = one.json()["payment"]
        shown = {
            "order_id": config["orderId"],
            "user_id": toss.buyer.id,
            "amount": 13000,
            "currency": "KRW",
            "status": "completed",
            "payment_method": "toss",
        }
        assert {name: payment[name] for name in shown} == shown
        assert payment["confirmed_at"] > payment["created_at"]
        history = await toss.http.get(f"{toss.sidecar}/payment/history/me", headers=toss.jwt)
        assert (history.json()["success"], history.json()["count"]) == (True, 1)
        assert history.json()["payments"] == [payment]


class TestPart4Testing:
    async def test_4_1_test_card(self, toss: TossShop) -> None:
        """4500 9900 0000 0086: Toss takes any card in its test environment, and charges none."""
        order_id = await toss.order("premium")
        key = await toss.pay(order_id, amount=35000, method="CARD")
        assert (await toss.confirm(order_id, key, "35000")).status_code == 200
        assert (await toss.at_toss(key))["card"]["number"].startswith("45009900")
        assert await toss.tokens() == 105


class TestTroubleshooting:
    async def test_payment_not_found(self, toss: TossShop) -> None:
        """«Check that payment was created successfully and order_id matches»"""
        answer = await toss.confirm("ord_1699999999_abc123", "tgen_unknown", 13000)
        assert (answer.status_code, answer.json()["error"]) == (404, "Payment not found")
        shown = await toss.http.get(
            f"{toss.sidecar}/payment/ord_1699999999_abc123", headers=toss.jwt
        )
        assert (shown.status_code, shown.json()["error"]) == (404, "Payment not found")

    async def test_invalid_client_key(self, toss: TossShop) -> None:
        """«Verify TOSS_CLIENT_KEY in .env is correct»: a wrong one is named at start."""
        with pytest.raises(SettingsError, match="TOSS_CLIENT_KEY is an invalid client key"):
            toss.settings(toss_client_key="test_sk_swapped", toss_secret_key="test_sk_x")

    @pytest.mark.parametrize("amount", [13000.000001, "13000.1", 12999.99, 1300])
    async def test_payment_confirmation_failed(self, toss: TossShop, amount: object) -> None:
        """«Check that amount matches exactly (no floating point issues)»"""
        config = (await created(toss))["tossConfig"]
        key = (await returned(toss, config, webhook="none"))["paymentKey"]
        answer = await toss.confirm(config["orderId"], key, amount)
        assert (answer.status_code, answer.json()["code"]) in [
            (400, "amount_mismatch"),
            (400, "invalid_request"),
        ]
        if amount == 1300:
            assert answer.json()["error"] == "Payment confirmation failed"
        assert (await toss.at_toss(key))["status"] == "IN_PROGRESS"
