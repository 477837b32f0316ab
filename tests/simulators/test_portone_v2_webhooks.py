"""Webhooks as PortOne V2 sends them: signed with each secret, retried, Ready before the result."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sanic import Request, Sanic, response
from standardwebhooks import Webhook, WebhookVerificationError

from tests.support.portone_v2 import NEXT_SECRET, ORDER, SECRET
from tests.support.servers import running, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.portone_v2 import SimulatedV2

Got = list[tuple[dict[str, str], bytes]]


@asynccontextmanager
async def receiving(v2: SimulatedV2, *answers: int, **settings: object) -> AsyncIterator[Got]:
    """Run a server at the webhooks' address; it answers these statuses, then 200."""
    got: Got = []
    app = Sanic(f"receiver-{id(got)}", configure_logging=False)
    app.config.TOUCHUP = app.config.AUTO_EXTEND = False

    @app.post("/hook")
    async def hook(request: Request) -> response.HTTPResponse:
        got.append((dict(request.headers), request.body))
        return response.empty(status=answers[len(got) - 1] if len(got) <= len(answers) else 200)

    async with running(app) as url:
        await v2.control("PUT", "settings", enabled=True, url=f"{url}/hook", **settings)
        yield got


def types(got: Got) -> list[str]:
    """The webhooks received, each verified with the secret by the library as it is."""
    return [Webhook(SECRET).verify(body, headers)["type"] for headers, body in got]


class TestEvents:
    @pytest.mark.parametrize(
        ("outcome", "result"),
        [
            ("paid", ["Transaction.Ready", "Transaction.Paid"]),
            ("failed", ["Transaction.Ready", "Transaction.Failed"]),
            ("awaiting_deposit", ["Transaction.Ready", "Transaction.VirtualAccountIssued"]),
            ("abandoned", ["Transaction.Ready"]),
        ],
    )
    async def test_window_is_announced_before_its_result(
        self, v2: SimulatedV2, outcome: str, result: list[str]
    ) -> None:
        async with receiving(v2) as got:
            transaction = await v2.pay(outcome=outcome, webhook="before")
        assert types(got) == result
        sent = Webhook(SECRET).verify(got[-1][1], got[-1][0])
        assert set(sent) == {"type", "timestamp", "data"}
        assert sent["data"] == {
            "storeId": "store-sandbox",
            "paymentId": ORDER,
            "transactionId": transaction,
        }

    async def test_cancellations_carry_their_id_and_api_ones_can_be_silent(
        self, v2: SimulatedV2
    ) -> None:
        key = await v2.pay()
        async with receiving(v2) as got:
            await v2.call("POST", "/cancel", reason="x", amount=100, skipWebhook=True)
            await v2.control("POST", "refund", payment_key=key, amount=1000)
            await wait_until(lambda: len(got) == 1)
            await v2.call("POST", "/cancel", reason="x")
            await wait_until(lambda: len(got) == 2)
        assert types(got) == ["Transaction.PartialCancelled", "Transaction.Cancelled"]
        assert b"cancellationId" in got[0][1]

    async def test_dispute(self, v2: SimulatedV2) -> None:
        key = await v2.pay()
        async with receiving(v2) as got:
            await v2.control("POST", "dispute", payment_key=key, status="created")
            await wait_until(lambda: len(got) == 1)
            await v2.control("POST", "dispute", payment_key=key, status="lost")
            await wait_until(lambda: len(got) == 3)
        assert types(got) == [
            "Transaction.DisputeCreated",
            "Transaction.DisputeResolved",
            "Transaction.Cancelled",
        ]


class TestSignature:
    async def test_either_of_two_secrets_is_enough(self, v2: SimulatedV2) -> None:
        async with receiving(v2, secrets=[SECRET, NEXT_SECRET]) as got:
            await v2.pay(webhook="before")
        for secret in (SECRET, NEXT_SECRET):
            Webhook(secret).verify(got[-1][1], got[-1][0])

    @pytest.mark.parametrize(
        ("signature", "complaint"),
        [("wrong", "No matching"), ("none", "Missing"), ("old", "too old"), ("new", "too new")],
    )
    async def test_forged_one_does_not_verify(
        self, v2: SimulatedV2, signature: str, complaint: str
    ) -> None:
        key = await v2.pay()
        async with receiving(v2) as got:
            forge = {"signature": signature, "paymentId": "ord_of-another"}
            await v2.control("POST", "webhook", payment_key=key, forge=forge)
        with pytest.raises(WebhookVerificationError, match=complaint):
            Webhook(SECRET).verify(got[0][1], got[0][0])
        assert b"ord_of-another" in got[0][1]

    async def test_type_of_a_later_api_is_signed_like_any(self, v2: SimulatedV2) -> None:
        key = await v2.pay()
        async with receiving(v2) as got:
            forge = {"signature": "valid", "type": "Transaction.Teleported"}
            await v2.control("POST", "webhook", payment_key=key, forge=forge)
        assert types(got) == ["Transaction.Teleported"]


class TestDelivery:
    async def test_is_retried_five_times_with_one_id(self, v2: SimulatedV2) -> None:
        key = await v2.pay()
        async with receiving(v2, *[500] * 9) as got:
            sent = await v2.control("POST", "webhook", payment_key=key)
        assert (len(got), sent["deliveries"][0]["status"]) == (6, 500)
        assert len({headers["webhook-id"] for headers, _ in got}) == 1

    @pytest.mark.parametrize("first", [404, 500, 302])
    async def test_is_sent_again_until_it_is_taken(self, v2: SimulatedV2, first: int) -> None:
        key = await v2.pay()
        async with receiving(v2, first) as got:
            await v2.control("POST", "webhook", payment_key=key)
        assert len(got) == 2

    async def test_distances_grow_by_the_schedule(self, v2: SimulatedV2) -> None:
        """One minute takes 1 ms here: 1 + 4 + 16 + 64 + 256 ms in all."""
        key = await v2.pay()
        async with receiving(v2, *[500] * 9, minute_s=0.001):
            began = time.monotonic()
            await v2.control("POST", "webhook", payment_key=key)
        assert time.monotonic() - began >= 0.341

    async def test_duplicates_have_the_id_of_the_first(self, v2: SimulatedV2) -> None:
        async with receiving(v2) as got:
            key = await v2.pay(webhook="before")
            await v2.control("POST", "webhook", payment_key=key, times=3)
            await v2.call("POST", "/resend-webhook")
        ids = [headers["webhook-id"] for headers, _ in got]
        assert (len(ids), len(set(ids))) == (6, 2)

    async def test_is_sent_again_on_request(self, v2: SimulatedV2) -> None:
        await v2.pay()
        async with receiving(v2) as got:
            status, body = await v2.call("POST", "/resend-webhook")
            assert (status, body["webhook"]["status"]) == (200, "SUCCEEDED")
            again = await v2.call("POST", "/resend-webhook", webhookId=body["webhook"]["id"])
            unknown = await v2.call("POST", "/resend-webhook", webhookId="another")
        assert types(got) == ["Transaction.Paid"] * 2
        assert again[1]["webhook"]["id"] == body["webhook"]["id"]
        assert unknown == (404, {"type": "WEBHOOK_NOT_FOUND"})

    @pytest.mark.parametrize("form", [False, True])
    async def test_older_version_has_another_body(self, v2: SimulatedV2, form: bool) -> None:
        async with receiving(v2, version="2024-01-01", format="form" if form else "json") as got:
            key = await v2.pay(webhook="before")
        headers, body = got[-1]
        if form:
            assert body == f"payment_id={ORDER}&tx_id={key}&status=Paid".encode()
            Webhook(SECRET).verify(body, headers, json_parse=False)
        else:
            expected: dict[str, Any] = {"payment_id": ORDER, "tx_id": key, "status": "Paid"}
            assert Webhook(SECRET).verify(body, headers) == expected
