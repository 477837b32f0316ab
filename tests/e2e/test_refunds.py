"""Refunds at every gateway: the money goes back once, the tokens with it, whatever happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from coinslot.database.refunds import RefundRequest
from coinslot.services import opened
from tests.support.counters import Counter
from tests.support.shop import settings_on

if TYPE_CHECKING:
    import httpx

    from coinslot.settings.deployment import Settings
    from tests.support.office import Office


def without(counter: Counter) -> Settings:
    """Of a server that has PortOne V1, or Toss where the counter is V1's."""
    if counter.NAME != "portone-v1":
        return settings_on(counter.shop.stack)
    v1 = dict.fromkeys(("iamport_code", "iamport_api_key", "iamport_api_secret"))
    toss = {"toss_client_key": "test_ck_sandbox", "toss_secret_key": "test_sk_sandbox"}
    return settings_on(counter.shop.stack, **v1, **toss)


class TestRefund:
    async def test_all_of_it(self, office: Office) -> None:
        order_id, key = await office.counter.bought()
        answer = await office.refund(order_id)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["success"], body["refund"]["status"], body["refund"]["tokens"]) == (
            *(True, "succeeded"),
            10,
        )
        assert await office.counter.given_back(key) == office.counter.PRICE
        assert office.shop.row(order_id)["status"] == "refunded"
        assert await office.shop.tokens() == 5

    async def test_in_parts_the_last_of_which_takes_the_rest(self, office: Office) -> None:
        order_id, key = await office.counter.bought()
        price = office.counter.PRICE
        parts = [price * 3 // 10 - 1, price // 5]
        tokens = []
        for amount in (*parts, None):
            answer = await office.refund(order_id, amount=amount)
            assert answer.status_code == 200, answer.text
            tokens.append(await office.shop.tokens())
        assert tokens == [13, 11, 5]
        parts.append(price - sum(parts))
        assert office.refunds(order_id) == [("succeeded", part) for part in parts]
        assert await office.counter.given_back(key) == price

    async def test_the_same_key_refunds_once(self, office: Office) -> None:
        """Twenty times at once and once more after it."""
        order_id, key = await office.counter.bought()
        answers = await asyncio.gather(
            *(office.refund(order_id, "the same", amount=office.part) for _ in range(20))
        )
        assert {answer.status_code for answer in answers} <= {200, 202}
        await office.settled(order_id)
        assert (await office.refund(order_id, "the same", amount=office.part)).status_code == 200
        assert office.refunds(order_id) == [("succeeded", office.part)]
        assert await office.counter.given_back(key) == office.part
        other = await office.refund(order_id, "the same", amount=office.part - 1)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")

    async def test_two_keys_at_once(self, office: Office) -> None:
        """One is refunded, the other is told of it; asked again, there is nothing left."""
        order_id, key = await office.counter.bought()
        answers = await asyncio.gather(*(office.refund(order_id) for _ in range(2)))
        codes = sorted(answer.json().get("code", "done") for answer in answers)
        assert codes[0] == "done"
        assert codes[1] in {"refund_in_progress", "not_refundable"}
        again = await office.refund(order_id)
        assert (again.status_code, again.json()["code"]) == (409, "not_refundable")
        assert again.json()["refundable"] == 0
        assert await office.counter.given_back(key) == office.counter.PRICE
        assert await office.shop.tokens() == 5

    async def test_already_refunded_at_the_gateway(self, office: Office) -> None:
        """Which we have not heard of: the tokens follow, and no money goes back twice."""
        order_id, key = await office.counter.bought()
        await office.shop.play("refund", payment_key=key)
        answer = await office.refund(order_id)
        assert answer.status_code == 200, answer.text
        assert await office.counter.given_back(key) == office.counter.PRICE
        assert office.shop.row(order_id)["status"] == "refunded"

    async def test_another_part_was_refunded_at_the_gateway(self, office: Office) -> None:
        """What was refunded is taken back in any case, and never more than that is given."""
        order_id, key = await office.counter.bought()
        other = office.counter.PRICE // 5
        await office.shop.play("refund", payment_key=key, amount=other)
        await office.refund(order_id, amount=office.part)
        await office.settled(order_id)
        given_back = await office.counter.given_back(key)
        assert given_back in {other, other + office.part}
        assert office.shop.row(order_id)["refunded"] == given_back
        assert await office.shop.tokens() == 15 - 10 * given_back // office.counter.PRICE


class TestFault:
    async def test_answer_is_lost_after_the_money_went_back(self, office: Office) -> None:
        for kind in ("drop_after", "error_after"):
            order_id, key = await office.counter.bought()
            await office.counter.fail(kind, next=1, path=office.counter.REFUNDS)
            answer = await office.refund(order_id, amount=office.part)
            assert answer.status_code in {200, 202}, answer.text
            await office.settled(order_id)
            assert office.refunds(order_id) == [("succeeded", office.part)]
            assert await office.counter.given_back(key) == office.part

    async def test_gateway_fails_before_it_acts(self, office: Office) -> None:
        for kind in ("error_before", "rate_limit", "malformed"):
            order_id, key = await office.counter.bought()
            await office.counter.fail(kind, next=2, path=office.counter.REFUNDS)
            answer = await office.refund(order_id, amount=office.part)
            assert answer.status_code in {200, 202}, answer.text
            await office.settled(order_id)
            assert office.refunds(order_id) == [("succeeded", office.part)]
            assert await office.counter.given_back(key) == office.part

    async def test_gateway_is_down(self, office: Office) -> None:
        """The tokens are set aside all the while; the refund goes on by itself."""
        order_id, key = await office.counter.bought()
        await office.counter.fail("error_before")
        answer = await office.refund(order_id)
        assert (answer.status_code, answer.json()["refund"]["status"]) == (202, "requested")
        assert await office.shop.tokens() == 5
        await office.reconcile()
        assert await office.counter.given_back(key) == 0
        await office.counter.fail(None)
        await office.settled(order_id)
        assert office.refunds(order_id) == [("succeeded", office.counter.PRICE)]
        assert await office.counter.given_back(key) == office.counter.PRICE
        assert await office.shop.tokens() == 5


class TestServerWithoutTheGateway:
    async def test_gives_the_refund_up_at_once(self, office: Office) -> None:
        """Nothing stays set aside, and a server that has the gateway's keys refunds it."""
        order_id, key = await office.counter.bought()
        async with opened(without(office.counter)) as services:
            made = await services.refunds.refund(order_id, RefundRequest("why", "k"))
        assert (made.status, made.failure_code) == ("failed", "closed")
        assert await office.shop.tokens() == 15
        assert await office.counter.given_back(key) == 0
        assert (await office.refund(order_id)).status_code == 200


class TestFailed:
    async def test_succeeds_when_the_money_goes_back_after_all(self, office: Office) -> None:
        """Whoever asks under its key is told so, and the tokens went with the money, once."""
        order_id, key = await office.counter.bought()
        async with opened(without(office.counter)) as services:
            asked = RefundRequest("why", "k", amount=office.part)
            assert (await services.refunds.refund(order_id, asked)).status == "failed"
        await office.shop.play("refund", payment_key=key, amount=office.part)
        assert await office.counter.tell(order_id, key, paid=False) == [200]
        await office.shop.until(lambda: office.refunds(order_id) == [("succeeded", office.part)])
        answer = await office.refund(order_id, "k", amount=office.part)
        assert (answer.status_code, answer.json()["success"]) == (200, True)
        assert answer.json()["refund"]["failure_code"] is None
        assert await office.counter.given_back(key) == office.part
        assert await office.shop.tokens() == 11


class TestSpentTokens:
    async def test_are_not_refunded_unless_forced(self, office: Office) -> None:
        order_id, key = await office.counter.bought()
        await office.shop.rpc("spend_tokens", office.shop.buyer, amount=12, idempotency_key="k")
        refused = await office.refund(order_id)
        assert (refused.status_code, refused.json()["code"]) == (409, "tokens_already_spent")
        assert (refused.json()["tokens"], refused.json()["required"]) == (3, 10)
        assert await office.counter.given_back(key) == 0
        assert (await office.refund(order_id, force=True)).status_code == 200
        assert await office.shop.tokens() == -7

    async def test_race_of_refund_and_spend(self, office: Office) -> None:
        """Fifteen tokens, ten of them asked back while twenty spends of one come in: never below
        zero."""
        order_id, _ = await office.counter.bought()

        async def spend(number: int) -> int:
            answer: httpx.Response = await office.shop.http.post(
                f"{office.shop.stack.api_url}/rest/v1/rpc/spend_tokens",
                json={"amount": 1, "idempotency_key": str(number)},
                headers=office.shop.stack.headers(office.shop.buyer),
            )
            return answer.status_code

        refund, spent = await asyncio.gather(
            office.refund(order_id), asyncio.gather(*(spend(number) for number in range(20)))
        )
        taken = 10 if refund.status_code in {200, 202} else 0
        assert await office.shop.tokens() == 15 - taken - spent.count(200) >= 0


class TestRefused:
    async def test_who_and_what(self, office: Office) -> None:
        order_id, _ = await office.counter.bought()
        unpaid = await office.counter.order()
        url = f"{office.shop.sidecar}/payment/{order_id}/refund"
        jwt = {"Authorization": f"Bearer {office.admin.token}"}
        body = {"reason": "why"}
        answers = [
            await office.refund(order_id, person=office.shop.buyer),
            await office.shop.http.post(url, json=body),
            await office.shop.http.post(url, json=body, headers=jwt),
            await office.refund(unpaid),
            await office.refund("ord_0123456789abcdef"),
            await office.refund("nonsense"),
            await office.refund(order_id, amount=office.counter.PRICE + 1),
            await office.refund(order_id, amount=0),
            await office.refund(order_id, amount="5000"),
            await office.refund(order_id, reason=""),
            await office.refund(order_id, reason="r" * 201),
            await office.refund(order_id, paymentKey="another's"),
            await office.refund(order_id, tokens=1),
            await office.refund(order_id, account={"bank": "20", "accountNumber": "secret 1"}),
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
        assert not any("secret 1" in each.text for each in answers)
        assert office.refunds(order_id) == []
        assert await office.shop.tokens() == 15
