"""Refunds at every gateway: the money goes back once, the tokens with it, whatever happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from coinslot.database.refunds import RefundRequest
from coinslot.services import opened
from tests.support.checkouts import Checkout, at_one
from tests.support.gateways import STRIPE
from tests.support.shop import settings_on

if TYPE_CHECKING:
    import httpx

    from coinslot.settings.deployment import Settings
    from tests.support.refund_desks import RefundDesk


def without(checkout: Checkout) -> Settings:
    """Of a server that has PortOne V1, or Toss where the checkout is V1's."""
    if checkout.driver.name != "portone-v1":
        return settings_on(checkout.shop.stack)
    v1 = dict.fromkeys(("iamport_code", "iamport_api_key", "iamport_api_secret"))
    toss = {"toss_client_key": "test_ck_sandbox", "toss_secret_key": "test_sk_sandbox"}
    return settings_on(checkout.shop.stack, **v1, **toss)


class TestRefund:
    async def test_all_of_it(self, refund_desk: RefundDesk) -> None:
        order_id, key = await refund_desk.checkout.bought()
        answer = await refund_desk.refund(order_id)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["success"], body["refund"]["status"], body["refund"]["tokens"]) == (
            *(True, "succeeded"),
            10,
        )
        assert await refund_desk.checkout.returned(key) == refund_desk.checkout.driver.price
        assert refund_desk.shop.row(order_id)["status"] == "refunded"
        assert await refund_desk.shop.tokens() == 5

    async def test_in_parts_the_last_of_which_takes_the_rest(self, refund_desk: RefundDesk) -> None:
        order_id, key = await refund_desk.checkout.bought()
        price = refund_desk.checkout.driver.price
        parts = [price * 3 // 10 - 1, price // 5]
        tokens = []
        for amount in (*parts, None):
            answer = await refund_desk.refund(order_id, amount=amount)
            assert answer.status_code == 200, answer.text
            tokens.append(await refund_desk.shop.tokens())
        assert tokens == [13, 11, 5]
        parts.append(price - sum(parts))
        assert refund_desk.refunds(order_id) == [("succeeded", part) for part in parts]
        assert await refund_desk.checkout.returned(key) == price

    async def test_the_same_key_refunds_once(self, refund_desk: RefundDesk) -> None:
        """Twenty times at once and once more after it."""
        order_id, key = await refund_desk.checkout.bought()
        answers = await asyncio.gather(
            *(refund_desk.refund(order_id, "the same", amount=refund_desk.part) for _ in range(20))
        )
        assert {answer.status_code for answer in answers} <= {200, 202}
        await refund_desk.settled(order_id)
        assert (
            await refund_desk.refund(order_id, "the same", amount=refund_desk.part)
        ).status_code == 200
        assert refund_desk.refunds(order_id) == [("succeeded", refund_desk.part)]
        assert await refund_desk.checkout.returned(key) == refund_desk.part
        other = await refund_desk.refund(order_id, "the same", amount=refund_desk.part - 1)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")

    @at_one(STRIPE)
    async def test_two_keys_at_once(self, refund_desk: RefundDesk) -> None:
        """One is refunded, the other is told of it; asked again, there is nothing left."""
        order_id, key = await refund_desk.checkout.bought()
        answers = await asyncio.gather(*(refund_desk.refund(order_id) for _ in range(2)))
        codes = sorted(answer.json().get("code", "done") for answer in answers)
        assert codes[0] == "done"
        assert codes[1] in {"refund_in_progress", "not_refundable"}
        again = await refund_desk.refund(order_id)
        assert (again.status_code, again.json()["code"]) == (409, "not_refundable")
        assert again.json()["refundable"] == 0
        assert await refund_desk.checkout.returned(key) == refund_desk.checkout.driver.price
        assert await refund_desk.shop.tokens() == 5

    async def test_already_refunded_at_the_gateway(self, refund_desk: RefundDesk) -> None:
        """Which we have not heard of: the tokens follow, and no money goes back twice."""
        order_id, key = await refund_desk.checkout.bought()
        await refund_desk.shop.play("refund", payment_key=key)
        answer = await refund_desk.refund(order_id)
        assert answer.status_code == 200, answer.text
        assert await refund_desk.checkout.returned(key) == refund_desk.checkout.driver.price
        assert refund_desk.shop.row(order_id)["status"] == "refunded"

    async def test_another_part_was_refunded_at_the_gateway(self, refund_desk: RefundDesk) -> None:
        """Refunded tokens are taken back in any case, and never more than that is given."""
        order_id, key = await refund_desk.checkout.bought()
        other = refund_desk.checkout.driver.price // 5
        await refund_desk.shop.play("refund", payment_key=key, amount=other)
        await refund_desk.refund(order_id, amount=refund_desk.part)
        await refund_desk.settled(order_id)
        returned = await refund_desk.checkout.returned(key)
        assert returned in {other, other + refund_desk.part}
        assert refund_desk.shop.row(order_id)["refunded"] == returned
        assert (
            await refund_desk.shop.tokens()
            == 15 - 10 * returned // refund_desk.checkout.driver.price
        )


class TestFault:
    async def test_answer_is_lost_after_the_money_went_back(self, refund_desk: RefundDesk) -> None:
        for kind in ("drop_after", "error_after"):
            order_id, key = await refund_desk.checkout.bought()
            await refund_desk.checkout.fail(
                kind, next=1, path=refund_desk.checkout.driver.refund_path
            )
            answer = await refund_desk.refund(order_id, amount=refund_desk.part)
            assert answer.status_code in {200, 202}, answer.text
            await refund_desk.settled(order_id)
            assert refund_desk.refunds(order_id) == [("succeeded", refund_desk.part)]
            assert await refund_desk.checkout.returned(key) == refund_desk.part

    @at_one(STRIPE)
    async def test_gateway_fails_before_it_acts(self, refund_desk: RefundDesk) -> None:
        for kind in ("error_before", "rate_limit", "malformed"):
            order_id, key = await refund_desk.checkout.bought()
            await refund_desk.checkout.fail(
                kind, next=2, path=refund_desk.checkout.driver.refund_path
            )
            answer = await refund_desk.refund(order_id, amount=refund_desk.part)
            assert answer.status_code in {200, 202}, answer.text
            await refund_desk.settled(order_id)
            assert refund_desk.refunds(order_id) == [("succeeded", refund_desk.part)]
            assert await refund_desk.checkout.returned(key) == refund_desk.part

    @at_one(STRIPE)
    async def test_gateway_is_down(self, refund_desk: RefundDesk) -> None:
        """The tokens are set aside all the while; the refund goes on by itself."""
        order_id, key = await refund_desk.checkout.bought()
        await refund_desk.checkout.fail("error_before")
        answer = await refund_desk.refund(order_id)
        assert (answer.status_code, answer.json()["refund"]["status"]) == (202, "requested")
        assert await refund_desk.shop.tokens() == 5
        await refund_desk.reconcile()
        assert await refund_desk.checkout.returned(key) == 0
        await refund_desk.checkout.fail(None)
        await refund_desk.settled(order_id)
        assert refund_desk.refunds(order_id) == [("succeeded", refund_desk.checkout.driver.price)]
        assert await refund_desk.checkout.returned(key) == refund_desk.checkout.driver.price
        assert await refund_desk.shop.tokens() == 5


@at_one(STRIPE)
class TestServerWithoutTheGateway:
    async def test_gives_the_refund_up_at_once(self, refund_desk: RefundDesk) -> None:
        """Nothing stays set aside, and a server that has the gateway's keys refunds it."""
        order_id, key = await refund_desk.checkout.bought()
        async with opened(without(refund_desk.checkout)) as services:
            made = await services.refunds.refund(order_id, RefundRequest("why", "k"))
        assert (made.status, made.failure_code) == ("failed", "closed")
        assert await refund_desk.shop.tokens() == 15
        assert await refund_desk.checkout.returned(key) == 0
        assert (await refund_desk.refund(order_id)).status_code == 200


@at_one(STRIPE)
class TestFailed:
    async def test_succeeds_when_the_money_goes_back_after_all(
        self, refund_desk: RefundDesk
    ) -> None:
        """A call under its key is told so, and the tokens went with the money, once."""
        order_id, key = await refund_desk.checkout.bought()
        async with opened(without(refund_desk.checkout)) as services:
            asked = RefundRequest("why", "k", amount=refund_desk.part)
            assert (await services.refunds.refund(order_id, asked)).status == "failed"
        await refund_desk.shop.play("refund", payment_key=key, amount=refund_desk.part)
        assert await refund_desk.checkout.tell(order_id, key, paid=False) == [200]
        await refund_desk.shop.until(
            lambda: refund_desk.refunds(order_id) == [("succeeded", refund_desk.part)]
        )
        answer = await refund_desk.refund(order_id, "k", amount=refund_desk.part)
        assert (answer.status_code, answer.json()["success"]) == (200, True)
        assert answer.json()["refund"]["failure_code"] is None
        assert await refund_desk.checkout.returned(key) == refund_desk.part
        assert await refund_desk.shop.tokens() == 11


@at_one(STRIPE)
class TestSpentTokens:
    async def test_are_not_refunded_unless_forced(self, refund_desk: RefundDesk) -> None:
        order_id, key = await refund_desk.checkout.bought()
        await refund_desk.shop.rpc(
            "spend_tokens", refund_desk.shop.buyer, amount=12, idempotency_key="k"
        )
        refused = await refund_desk.refund(order_id)
        assert (refused.status_code, refused.json()["code"]) == (409, "tokens_already_spent")
        assert (refused.json()["tokens"], refused.json()["required"]) == (3, 10)
        assert await refund_desk.checkout.returned(key) == 0
        assert (await refund_desk.refund(order_id, force=True)).status_code == 200
        assert await refund_desk.shop.tokens() == -7

    async def test_race_of_refund_and_spend(self, refund_desk: RefundDesk) -> None:
        """Fifteen tokens, ten of them asked back while twenty spends of one come in: never below
        zero."""
        order_id, _ = await refund_desk.checkout.bought()

        async def spend(number: int) -> int:
            answer: httpx.Response = await refund_desk.shop.http.post(
                f"{refund_desk.shop.stack.api_url}/rest/v1/rpc/spend_tokens",
                json={"amount": 1, "idempotency_key": str(number)},
                headers=refund_desk.shop.stack.headers(refund_desk.shop.buyer),
            )
            return answer.status_code

        refund, spent = await asyncio.gather(
            refund_desk.refund(order_id), asyncio.gather(*(spend(number) for number in range(20)))
        )
        taken = 10 if refund.status_code in {200, 202} else 0
        assert await refund_desk.shop.tokens() == 15 - taken - spent.count(200) >= 0


@at_one(STRIPE)
class TestRefused:
    async def test_who_and_what(self, refund_desk: RefundDesk) -> None:
        order_id, _ = await refund_desk.checkout.bought()
        unpaid = await refund_desk.checkout.order()
        url = f"{refund_desk.shop.sidecar}/payment/{order_id}/refund"
        jwt = {"Authorization": f"Bearer {refund_desk.operator.token}"}
        body = {"reason": "why"}
        answers = [
            await refund_desk.refund(order_id, person=refund_desk.shop.buyer),
            await refund_desk.shop.http.post(url, json=body),
            await refund_desk.shop.http.post(url, json=body, headers=jwt),
            await refund_desk.refund(unpaid),
            await refund_desk.refund("ord_0123456789abcdef"),
            await refund_desk.refund("nonsense"),
            await refund_desk.refund(order_id, amount=refund_desk.checkout.driver.price + 1),
            await refund_desk.refund(order_id, amount=0),
            await refund_desk.refund(order_id, amount="5000"),
            await refund_desk.refund(order_id, reason=""),
            await refund_desk.refund(order_id, reason="r" * 201),
            await refund_desk.refund(order_id, paymentKey="another's"),
            await refund_desk.refund(order_id, tokens=1),
            await refund_desk.refund(order_id, account={"bank": "20", "accountNumber": "secret 1"}),
        ]
        assert [(each.status_code, each.json()["code"]) for each in answers] == [
            (403, "forbidden"),
            (401, "unauthenticated"),
            (400, "invalid_request"),
            (409, "not_refundable"),
            (404, "order_not_found"),
            (404, "order_not_found"),
            (409, "not_refundable"),
            (400, "invalid_request"),
            (400, "invalid_request"),
            (400, "invalid_request"),
            (400, "invalid_request"),
            (409, "not_refundable"),
            (400, "invalid_request"),
            (400, "invalid_request"),
        ]
        assert answers[0].json()["roles"] == ["finance", "owner"]
        assert not any("secret 1" in each.text for each in answers)
        assert refund_desk.refunds(order_id) == []
        assert await refund_desk.shop.tokens() == 15
