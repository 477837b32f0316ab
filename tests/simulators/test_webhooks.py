"""Webhooks as PortOne V1 sends them: JSON or a form, unsigned, and not about failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sanic import Request, Sanic, response

from tests.simulators.calls import ORDER, SAMPLES, cancel
from tests.support.servers import running, wait_until

if TYPE_CHECKING:
    from tests.support.portone import Simulated


class TestWebhooks:
    async def receive(self, sim: Simulated, play: Any, **settings: Any) -> list[Any]:  # noqa: ANN401
        """The webhooks that arrive at their address while `play` goes on."""
        got: list[Any] = []
        app = Sanic(f"receiver-{id(got)}", configure_logging=False)
        app.config.TOUCHUP = app.config.AUTO_EXTEND = False

        @app.post("/hook")
        async def hook(request: Request) -> response.HTTPResponse:
            got.append(
                (
                    request.content_type,
                    request.json
                    if "json" in request.content_type
                    else {name: values[0] for name, values in (request.form or {}).items()},
                )
            )
            return response.empty(status=settings.get("answer", 200))

        async with running(app) as url:
            chosen = {name: value for name, value in settings.items() if name != "answer"}
            await sim.control(
                "PUT", "settings", enabled=True, url=f"{url}/hook", spacing_s=0, **chosen
            )
            await play()
            expected = 1 + settings.get("retries", 0)
            await wait_until(lambda: len(sim.simulator.sender.deliveries) >= expected)
        return got

    async def test_payment_is_announced_as_json(self, sim: Simulated) -> None:
        got = await self.receive(sim, lambda: sim.pay(ORDER, amount=5000))
        imp_uid = sim.simulator.payments()[0]["imp_uid"]
        sample = {**SAMPLES["webhook_paid"], "imp_uid": imp_uid, "merchant_uid": ORDER}
        assert got == [("application/json", sample)]

    async def test_virtual_account_is_announced_as_a_form(self, sim: Simulated) -> None:
        got = await self.receive(
            sim, lambda: sim.pay(ORDER, amount=5000, outcome="awaiting_deposit"), format="form"
        )
        assert got[0][0] == "application/x-www-form-urlencoded"
        assert got[0][1]["status"] == SAMPLES["webhook_vbank_issued"]["status"]

    async def test_console_refund_is_announced_with_its_id(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000)
        got = await self.receive(
            sim, lambda: sim.control("POST", "refund", payment_key=imp_uid, amount=1000)
        )
        assert set(got[0][1]) == set(SAMPLES["webhook_cancelled"])
        assert got[0][1]["status"] == "cancelled"

    async def test_server_error_is_tried_again_where_that_is_agreed(self, sim: Simulated) -> None:
        got = await self.receive(sim, lambda: sim.pay(ORDER, amount=5000), retries=2, answer=503)
        assert len(got) == 3

    async def test_failure_is_not_announced(self, sim: Simulated) -> None:
        async def play() -> None:
            await sim.pay(ORDER, amount=5000, outcome="failed")
            await sim.pay(ORDER, amount=5000)

        assert [body["status"] for _, body in await self.receive(sim, play)] == ["paid"]

    async def test_api_cancel_is_announced_only_if_asked(self, sim: Simulated) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000)

        async def play() -> None:
            await cancel(sim, imp_uid, amount=1000)
            await cancel(sim, imp_uid, amount=500, enable_webhook=True)

        got = await self.receive(sim, play)
        assert [body["cancellation_id"][-2:] for _, body in got] == ["-2"]

    async def test_forged_ones_say_what_they_like(self, sim: Simulated) -> None:
        forged = {"merchant_uid": "ord_of_another", "status": "paid"}
        got = await self.receive(
            sim, lambda: sim.control("POST", "webhook", payment_key="imp_9", forge=forged)
        )
        assert got == [("application/json", {"imp_uid": "imp_9", **forged})]
