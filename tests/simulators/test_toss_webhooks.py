"""Webhooks as Toss sends them: their events, their headers, their repetitions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sanic import Request, Sanic, response

from tests.support.servers import running, wait_until

if TYPE_CHECKING:
    from tests.support.toss import SimulatedToss

SAMPLES = json.loads((Path(__file__).parents[1] / "gateways" / "toss" / "samples.json").read_text())
ORDER = "ord_0123456789ab"
PREFIX = "tosspayments-webhook-transmission"


@dataclass(frozen=True)
class _Sleeping:
    """asyncio as the sender uses it, with nights that pass at once."""

    sleep: Callable[[float], Awaitable[None]]

    create_task = staticmethod(asyncio.create_task)


class TestWebhooks:
    async def receive(
        self,
        toss: SimulatedToss,
        play: Callable[[], Awaitable[object]],
        expected: int,
        *answers: int,
        **settings: object,
    ) -> list[Any]:
        """Headers and bodies that reach the webhooks' address; it answers 200 after `answers`."""
        got: list[Any] = []
        app = Sanic(f"receiver-{id(got)}", configure_logging=False)
        app.config.TOUCHUP = app.config.AUTO_EXTEND = False

        @app.post("/hook")
        async def hook(request: Request) -> response.HTTPResponse:
            got.append((request.headers, request.json))
            return response.empty(status=[*answers, 200][min(len(got) - 1, len(answers))])

        async with running(app) as url:
            chosen = {"enabled": True, "url": f"{url}/hook", "spacing_s": 0, "retries": 7}
            await toss.control("PUT", "settings", **{**chosen, **settings})
            await play()
            await wait_until(lambda: len(toss.simulator.sender.deliveries) >= expected)
        assert len(got) == expected
        return got

    async def test_done_is_announced_with_the_headers_of_the_sample(
        self, toss: SimulatedToss
    ) -> None:
        key = await toss.pay(ORDER, 11000, webhook="beside")
        got = await self.receive(toss, lambda: toss.confirm(key, ORDER, 11000), 1)
        headers, body = got[0]
        sample = SAMPLES["webhook_payment_status_changed"]
        assert set(body) == set(sample)
        assert set(body["data"]) == set(sample["data"])
        assert (body["data"]["status"], body["data"]["paymentKey"]) == ("DONE", key)
        # The zone is left out, as Toss leaves it out.
        assert len(body["createdAt"]) == len(sample["createdAt"])
        for name, value in SAMPLES["webhook_headers"].items():
            assert len(headers[name]) == len(value)
        assert headers[f"{PREFIX}-retried-count"] == "0"

    async def test_agreeing_is_not_announced(self, toss: SimulatedToss) -> None:
        async def play() -> None:
            key = await toss.pay(ORDER, webhook="beside")
            await toss.confirm(key, ORDER)

        assert [body["data"]["status"] for _, body in await self.receive(toss, play, 1)] == ["DONE"]

    async def test_deposit_is_announced_in_both_ways(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER, outcome="awaiting_deposit")
        await toss.confirm(key, ORDER)
        got = await self.receive(toss, lambda: toss.control("POST", "deposit", payment_key=key), 2)
        flat = next(body for _, body in got if "eventType" not in body)
        assert set(flat) == set(SAMPLES["webhook_deposit_callback"])
        assert (flat["status"], flat["orderId"]) == ("DONE", ORDER)
        assert flat["secret"] == toss.simulator.payments()[0]["secret"]
        assert {"PAYMENT_STATUS_CHANGED"} == {b["eventType"] for _, b in got if "eventType" in b}

    async def test_second_confirm_is_announced_as_aborted(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER, webhook="beside")

        async def play() -> None:
            await toss.confirm(key, ORDER)
            await toss.confirm(key, ORDER)

        got = await self.receive(toss, play, 2)
        assert sorted(body["data"]["status"] for _, body in got) == ["ABORTED", "DONE"]
        assert (await toss.call("GET", f"/{key}")).json()["status"] == "DONE"

    async def test_session_that_ends_is_announced_and_an_account_that_does_is_not(
        self, toss: SimulatedToss
    ) -> None:
        account = await toss.pay("ord_with_account", outcome="awaiting_deposit", webhook="beside")
        await toss.confirm(account, "ord_with_account")
        key = await toss.pay(ORDER, webhook="beside")

        async def play() -> None:
            await toss.control("POST", "clock", advance_s=8 * 86400)
            await toss.call("GET", f"/{account}")
            await toss.call("GET", f"/{key}")

        got = await self.receive(toss, play, 1)
        assert [body["data"]["status"] for _, body in got] == ["EXPIRED"]

    async def test_any_answer_but_200_is_tried_again_as_one_transmission(
        self, toss: SimulatedToss
    ) -> None:
        key = await toss.pay(ORDER, webhook="beside")
        got = await self.receive(toss, lambda: toss.confirm(key, ORDER), 4, 500, 404, 302)
        headers = [headers for headers, _ in got]
        assert [each[f"{PREFIX}-retried-count"] for each in headers] == ["0", "1", "2", "3"]
        assert len({each[f"{PREFIX}-id"] for each in headers}) == 1

    async def test_seven_times_and_no_more(self, toss: SimulatedToss) -> None:
        key = await toss.pay(ORDER, webhook="beside")
        await self.receive(toss, lambda: toss.confirm(key, ORDER), 8, *[500] * 9)

    async def test_distance_grows_fourfold_from_the_unit_that_is_set(
        self, toss: SimulatedToss, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        key = await toss.pay(ORDER, webhook="beside")
        monkeypatch.setattr("simulators.toss.webhook.asyncio", _Sleeping(sleep))
        failing = [500] * 9
        await self.receive(toss, lambda: toss.confirm(key, ORDER), 8, *failing, spacing_s=60)
        minutes = [seconds / 60 for seconds in slept if seconds]
        assert minutes == [1, 4, 16, 64, 256, 1024, 4096]

    async def test_cancel_of_a_method_abroad_is_announced_by_its_payment_key(
        self, toss: SimulatedToss
    ) -> None:
        key = await toss.pay(ORDER, 11000)
        await toss.confirm(key, ORDER, 11000)
        await toss.call("POST", f"/{key}/cancel", {"cancelReason": "user request"})
        event = {"event": "CANCEL_STATUS_CHANGED"}
        got = await self.receive(
            toss, lambda: toss.control("POST", "webhook", payment_key=key, forge=event), 1
        )
        sample = SAMPLES["webhook_cancel_status_changed"]
        assert set(got[0][1]) == set(sample)
        assert set(got[0][1]["data"]) == set(sample["data"])

    @pytest.mark.parametrize(("status", "decided"), [("succeeded", "DONE"), ("failed", "ABORTED")])
    async def test_end_of_a_cancel_abroad_leads_to_its_payment(
        self, toss: SimulatedToss, status: str, decided: str
    ) -> None:
        key = await toss.paid(ORDER, 11000, method="FOREIGN_EASY_PAY")
        await toss.cancel(key)
        got = await self.receive(
            toss,
            lambda: toss.control("POST", "refund_status", payment_key=key, status=status),
            1,
        )
        body = got[0][1]
        assert (body["eventType"], body["data"]["cancelStatus"]) == (
            "CANCEL_STATUS_CHANGED",
            decided,
        )
        event = toss.gateway().parse_webhook({}, json.dumps(body).encode())
        assert event is not None
        assert (event.payment_key, event.claims_paid) == (key, False)
        read = await toss.gateway().read(event.order_id, event.payment_key)
        assert (read.refunded, read.refunding) == (11000 if decided == "DONE" else 0, 0)
