"""Webhooks over HTTP, servers that are killed, and the commands an operator has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from coinslot.services import opened
from devstack.settings import ROOT
from tests.support.commands import operate
from tests.support.own_servers import own_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.shop import Shop


@pytest_asyncio.fixture(autouse=True)
async def told_by_nobody_else(shop: Shop) -> AsyncIterator[None]:
    """The gateway sends no webhook by itself: the tests do."""
    await shop.play("settings", "PUT", enabled=False)
    yield
    await shop.play("settings", "PUT", enabled=True)


async def command(shop: Shop, *arguments: str) -> str:
    status, out, err = await operate(shop.stack, "webhooks", *arguments)
    assert status == 0, err
    return out


async def killed_between_answer_and_apply(shop: Shop) -> tuple[str, str]:
    """An order whose webhook was answered by a server that was killed before it had read."""
    order_id = await shop.order()
    imp_uid = await shop.pay(order_id)
    async with own_server(shop.stack) as (url, server):
        await shop.play("faults", "PUT", kind="delay", delay_s=30, next=1, path=imp_uid)
        answer = await replace(shop, sidecar=url).webhook(order_id, imp_uid)
        assert (answer.status_code, answer.json()) == (200, {"received": True})
        server.send_signal(signal.SIGKILL)
        server.wait()
    await shop.play("faults", "PUT")
    assert shop.inbox(order_id) == [("received", True)]
    assert await shop.tokens() == 5
    return order_id, imp_uid


class TestServerKilledBetweenAnswerAndApply:
    async def test_replay_finishes_its_work(self, shop: Shop) -> None:
        order_id, _ = await killed_between_answer_and_apply(shop)
        shown = await command(shop, "replay", "--order", order_id)
        assert "credited" in shown
        assert "1 replayed, 0 of them to be tried again" in shown
        assert (await shop.tokens(), shop.purchases()) == (15, 1)

    async def test_another_server_finishes_its_work_when_the_lease_is_over(
        self, shop: Shop
    ) -> None:
        order_id, imp_uid = await killed_between_answer_and_apply(shop)
        # A redelivery is not needed, and does no harm while another may still be at it.
        await shop.webhook(order_id, imp_uid)
        # The rest of the half minute need not be waited for.
        leased = shop.select(
            "update coinslot.webhooks set next_attempt_at = now() "
            "where order_id = %s and next_attempt_at > now() returning 1",
            order_id,
        )
        assert len(leased) == 1
        async with opened(shop.settings()) as another:
            await another.inbox.work_off()
        assert await shop.followed(order_id) == ["credited"]
        assert (await shop.tokens(), shop.purchases()) == (15, 1)


class TestCommands:
    async def test_list_shows_what_became_of_each_and_no_secret(self, shop: Shop) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id)
        await shop.webhook(order_id, imp_uid)
        other = await shop.order()
        await shop.webhook(other, "imp_000000000000")
        assert await shop.followed(order_id) == ["credited"]
        await shop.until(lambda: [outcome for outcome, _ in shop.inbox(other)] == ["not_yet"])
        shown = "".join([await command(shop, "list", "--order", o) for o in (order_id, other)])
        lines = [line for line in shown.splitlines() if order_id in line or other in line]
        assert len(lines) == 2
        assert all(part in lines[0] for part in ("portone", "paid", imp_uid, "credited"))
        assert other in lines[1]
        assert "not_yet" in lines[1]
        secrets = ("SERVICE_ROLE", "SECRET", "KEY")
        for name, value in shop.stack.env.items():
            assert not any(part in name for part in secrets) or value not in shown

    @pytest.mark.parametrize("choice", ["gateway", "outcome"])
    async def test_replay_and_list_take_what_was_chosen_only(self, shop: Shop, choice: str) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id)
        await shop.webhook(order_id, imp_uid)
        await shop.followed(order_id)
        right, wrong = {
            "gateway": ("portone", "toss"),
            "outcome": ("credited", "forged"),
        }[choice]
        chosen = ("--order", order_id, f"--{choice}")
        assert order_id in await command(shop, "list", *chosen, right)
        assert order_id not in await command(shop, "list", *chosen, wrong)
        assert "0 replayed" in await command(shop, "replay", *chosen, wrong)
        assert "1 replayed, 0 of them" in await command(shop, "replay", *chosen, right)
        assert (await shop.followed(order_id), shop.purchases()) == (["unchanged"], 1)

    async def test_replay_after_a_repair_at_the_gateway(self, shop: Shop) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id)
        await shop.play(f"payments/{imp_uid}", "PATCH", merchant_uid="mistaken")
        await shop.webhook(order_id, imp_uid)
        assert await shop.followed(order_id) == ["refused"]
        await shop.play(f"payments/{imp_uid}", "PATCH", merchant_uid=order_id)
        assert "credited" in await command(
            shop, "replay", "--outcome", "refused", "--order", order_id
        )
        assert await shop.tokens() == 15

    def test_settings_that_are_wrong_are_named(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "coinslot", "webhooks", "list"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            cwd=ROOT / "tests",
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert "SUPABASE_URL is not set" in done.stderr


class TestSchedule:
    async def test_claim_of_money_that_is_never_there_is_looked_into_at_growing_distances(
        self, shop: Shop
    ) -> None:
        order_id = await shop.order()
        imp_uid = await shop.pay(order_id, outcome="abandoned")
        await shop.webhook(order_id, imp_uid)
        waits = [await self._next_wait(shop, order_id, attempt) for attempt in (1, 2, 3)]
        assert waits == pytest.approx([2, 10, 60], abs=2)
        assert (await shop.tokens(), shop.row(order_id)["status"]) == (5, "pending")

    async def _next_wait(self, shop: Shop, order_id: str, attempt: int) -> float:
        """Seconds, as scheduled after that attempt, which then need not be waited for."""

        def scheduled() -> list[tuple[float]]:
            return shop.select(
                "select extract(epoch from next_attempt_at - now())::float from coinslot.webhooks "
                "where order_id = %s and attempts = %s and outcome = 'not_yet'",
                order_id,
                attempt,
            )

        await shop.until(lambda: scheduled() != [])
        wait = scheduled()[0][0]
        shop.select(
            "update coinslot.webhooks set next_attempt_at = now() where order_id = %s returning 1",
            order_id,
        )
        return wait
