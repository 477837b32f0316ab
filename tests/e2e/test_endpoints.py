"""Events on their way: from a payment to a receiver that knows only Standard Webhooks."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sanic.response import text

from coinslot.services import opened
from tests.support.commands import operate
from tests.support.own_servers import own_server
from tests.support.receivers import Receiver, receiver
from tests.support.refund_desks import operator_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.shop import Shop


async def command(shop: Shop, *words: str) -> Any:  # noqa: ANN401 - JSON
    status, said, wrong = await operate(shop.stack, "endpoints", *words, "--json")
    assert status == 0, wrong
    return json.loads(said)


@asynccontextmanager
async def told(shop: Shop, *types: str) -> AsyncIterator[tuple[Receiver, str]]:
    """A receiver that the running sidecar tells of these, and the endpoint's id."""
    async with receiver() as there:
        words = [word for each in types for word in ("--type", each)]
        added = await command(shop, "add", there.url, *words)
        there.secrets.append(added["secret"])
        endpoint = added["endpoint"]["id"]
        try:
            yield there, endpoint
        finally:
            await command(shop, "disable", endpoint)


async def test_a_purchase_is_told_once_and_signed(shop: Shop) -> None:
    async with told(shop) as (there, _):
        order_id, _ = await shop.bought()
        await there.until(lambda: "payment.completed" in there.types(shop.buyer.id))
        (event,) = there.of(shop.buyer.id)
        assert event["data"]["order_id"] == order_id
        assert (event["version"], event["livemode"]) == (1, False)
        assert there.headers[-1]["webhook-id"] == event["id"]
        assert there.forged == 0


async def test_events_of_a_wallet_come_in_their_order_though_one_fails_at_first(shop: Shop) -> None:
    failed: set[str] = set()

    def once(event: dict[str, Any]) -> Any:  # noqa: ANN401 - Sanic's
        if event["id"] in failed:
            return text("thanks")
        failed.add(event["id"])
        return text("not now", status=503, headers={"Retry-After": "1"})

    async with told(shop, "payment.completed", "payment.refunded") as (there, endpoint):
        there.answer = once
        order_id, imp_uid = await shop.bought()
        await shop.play("refund", payment_key=imp_uid, amount=1000)
        await shop.complete(order_id, imp_uid)
        await there.until(lambda: len(there.of(shop.buyer.id)) == 2)
        seen = [(each["type"], each["data"]["seq"]) for each in there.of(shop.buyer.id)]
        assert [kind for kind, _ in seen] == ["payment.completed"] * 2
        _hurry(shop, endpoint)
        await there.until(lambda: len(there.of(shop.buyer.id)) >= 4)
        kinds = there.types(shop.buyer.id)
        assert kinds == ["payment.completed"] * 2 + ["payment.refunded"] * 2


async def test_one_that_stalls_delays_no_other(shop: Shop) -> None:
    async with told(shop, "payment.completed") as (slow, _), told(shop) as (quick, _):
        slow.stall_s = 20
        for _ in range(3):
            await shop.bought()
        async with asyncio.timeout(10):
            await quick.until(lambda: len(quick.of(shop.buyer.id)) == 3)
        assert slow.of(shop.buyer.id) == []


async def test_a_redirect_is_not_followed(shop: Shop) -> None:
    async with receiver() as there:
        added = await command(shop, "add", there.url.replace("/hooks", "/moved"))
        there.secrets.append(added["secret"])
        endpoint = added["endpoint"]["id"]
        status, printed, _ = await operate(shop.stack, "endpoints", "test", endpoint, "--json")
        assert status == 1
        said = json.loads(printed)
        assert (said["status"], said["error"], said["state"]) == (307, "redirect", "pending")
        assert there.verified == []
        await command(shop, "disable", endpoint)


async def test_a_secret_is_rotated_while_both_are_taken(shop: Shop) -> None:
    async with told(shop, "payment.completed") as (there, endpoint):
        rotated = await command(shop, "rotate", endpoint, "--keep-hours", "1")
        old, there.secrets[:] = list(there.secrets), []
        there.secrets.append(rotated["secret"])
        tested = await command(shop, "test", endpoint)
        assert tested["state"] == "delivered"
        there.secrets[:] = old
        assert (await command(shop, "test", endpoint))["state"] == "delivered"
        await command(shop, "rotate", endpoint, "--keep-hours", "0")
        _, printed, _ = await operate(shop.stack, "endpoints", "test", endpoint, "--json")
        assert json.loads(printed)["status"] == 401


async def test_what_was_missed_is_replayed_by_time_and_by_id(shop: Shop) -> None:
    async with told(shop, "payment.completed") as (there, endpoint):
        await command(shop, "disable", endpoint)
        order_id, _ = await shop.bought()
        await command(shop, "enable", endpoint)
        assert there.verified == []
        assert (await command(shop, "replay", endpoint, "--since", "1h"))["deliveries"] >= 1
        await there.until(lambda: bool(there.of(shop.buyer.id)))
        (event,) = there.of(shop.buyer.id)
        assert event["data"]["order_id"] == order_id
        assert (await command(shop, "replay", endpoint, "--event", event["id"]))["deliveries"] == 1
        await there.until(lambda: len(there.of(shop.buyer.id)) == 2)
        assert there.of(shop.buyer.id) == [event, event]
        log = await command(shop, "log", endpoint, "--state", "delivered")
        assert [each["type"] for each in log] == ["payment.completed"] * len(log)


async def test_an_owner_adds_by_route_and_others_may_not(shop: Shop) -> None:
    owner = operator_of(shop, "owner")
    async with receiver() as there:
        body = {"url": there.url, "reason": "to grant access", "types": ["payment.completed"]}
        url = f"{shop.sidecar}/endpoints"
        refused = await shop.http.post(url, json=body, headers=shop.jwt)
        assert (refused.status_code, refused.json()["roles"]) == (403, ["owner"])
        jwt = {"Authorization": f"Bearer {owner.token}"}
        added = await shop.http.post(url, json=body, headers=jwt)
        assert added.status_code == 201, added.text
        there.secrets.append(added.json()["secret"])
        endpoint = added.json()["endpoint"]["id"]
        await shop.bought()
        await there.until(lambda: bool(there.of(shop.buyer.id)))
        rotated = await shop.http.post(
            f"{url}/{endpoint}/rotate", json={"reason": "it was in a log"}, headers=jwt
        )
        assert rotated.status_code == 200
        listed = await shop.rpc("list_token_endpoints", owner)
        assert all("secret" not in each for each in listed)
        await command(shop, "disable", endpoint)


@pytest.mark.parametrize("url", ["http://10.0.0.1/hook", "https://169.254.169.254/", "ftp://a.b/"])
async def test_an_address_of_no_public_network_is_refused(shop: Shop, url: str) -> None:
    status, _, wrong = await operate(shop.stack, "endpoints", "add", url)
    assert status == 1
    assert "address_refused" in wrong


async def test_a_process_that_dies_after_it_sent_leaves_it_to_the_next(shop: Shop) -> None:
    """Killed between the answer and the report: told twice, with one id, and lost never."""
    async with told(shop, "payment.completed") as (there, endpoint):
        there.stall_s = 3
        async with own_server(shop.stack) as (_, server):
            await shop.bought()
            await _until_claimed(shop, endpoint)
            server.kill()
        there.stall_s = 0
        _hurry(shop, endpoint)
        await there.until(lambda: bool(there.of(shop.buyer.id)))
        assert len({each["id"] for each in there.of(shop.buyer.id)}) == 1


async def test_work_off_sends_all_that_is_due(shop: Shop) -> None:
    """As a schedule has it done where nothing runs between two requests."""
    settings = shop.settings(coinslot_secret_keys=shop.stack.env["COINSLOT_SECRET_KEYS"])
    async with told(shop, "payment.completed") as (there, _):
        await shop.bought()
        async with opened(settings) as services:
            await services.deliveries.work_off()
        await there.until(lambda: bool(there.of(shop.buyer.id)))


def _hurry(shop: Shop, endpoint: str) -> None:
    """Waits and leases are over."""
    shop.select(
        "update coinslot.deliveries set next_attempt_at = now()"
        " where endpoint_id = %s and state = 'pending' returning id",
        endpoint,
    )


async def _until_claimed(shop: Shop, endpoint: str) -> None:
    await shop.until(
        lambda: bool(
            shop.select(
                "select from coinslot.deliveries where endpoint_id = %s and attempts > 0", endpoint
            )
        )
    )
