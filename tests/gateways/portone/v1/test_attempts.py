"""An order of PortOne V1 read without a key: its attempt that matters for the money is found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from coinslot.errors import GatewayUnavailable, PaymentUnknownAtGateway
from coinslot.gateways.portone.v1 import adapter as portone
from tests.simulators.calls import ORDER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.portone import Simulated

PAID, FAILED, OPENED = "paid", "failed", "abandoned"
WAITING, DEPOSITED = "awaiting_deposit", "deposited"
PART, ALL = "part back", "all back"


async def attempt(sim: Simulated, how: str, **turn: object) -> str:
    """One attempt, as it was left."""
    outcome = {PART: PAID, ALL: PAID, DEPOSITED: WAITING}.get(how, how)
    turn = {"amount": 5000, "outcome": outcome, "force": True, **turn}
    imp_uid = await sim.pay(ORDER, **turn)
    if how == DEPOSITED:
        await sim.control("POST", "deposit", payment_key=imp_uid)
    if how in {PART, ALL}:
        part = {"amount": 1000} if how == PART else {}
        await sim.control("POST", "refund", payment_key=imp_uid, **part)
    await sim.control("POST", "clock", advance_s=1)
    return imp_uid


@pytest.mark.parametrize(
    ("attempts", "counts"),
    [
        ([PAID], 0),
        ([FAILED, PAID], 1),
        # Paid, and then the window opened again.
        ([PAID, OPENED], 0),
        ([PAID, FAILED, OPENED, WAITING], 0),
        ([PART, OPENED], 0),
        ([DEPOSITED, FAILED], 0),
        ([ALL, OPENED], 0),
        ([ALL, WAITING], 0),
        ([ALL, PAID, OPENED], 1),
        ([PAID, ALL], 0),
        ([WAITING, OPENED], 0),
        ([WAITING, FAILED], 0),
        ([FAILED, OPENED], 1),
        ([OPENED, FAILED], 1),
        ([PAID, PAID], 1),
    ],
)
async def test_attempt_with_the_money_counts(
    sim: Simulated, attempts: list[str], counts: int
) -> None:
    made = [await attempt(sim, how) for how in attempts]
    found = await sim.gateway().read(ORDER, None)
    assert found.payment_key == made[counts]
    assert found == await sim.gateway().read(None, made[counts])


@pytest.fixture
async def calls(sim: Simulated) -> AsyncIterator[tuple[Simulated, list[str]]]:
    """The addresses that are asked for."""
    asked: list[str] = []

    async def note(request: httpx.Request) -> None:
        asked.append(request.url.path)

    async with httpx.AsyncClient(event_hooks={"request": [note]}) as http:
        yield replace(sim, http=http), asked


async def test_is_one_call(calls: tuple[Simulated, list[str]]) -> None:
    sim, asked = calls
    for how in (PAID, OPENED, OPENED):
        await attempt(sim, how)
    gateway = sim.gateway()
    await gateway.read(ORDER, None)
    asked.clear()
    await gateway.read(ORDER, None)
    assert asked == [f"/portone-v1/payments/findAll/{ORDER}"]


async def test_money_does_not_hide_behind_more_attempts_than_a_page_holds(
    calls: tuple[Simulated, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portone, "_ATTEMPTS", 3)
    sim, asked = calls
    paid = await attempt(sim, PAID)
    for _ in range(7):
        await attempt(sim, OPENED)
    asked.clear()
    assert (await sim.gateway().read(ORDER, None)).payment_key == paid
    assert sum("findAll" in path for path in asked) == 3


@pytest.mark.parametrize("order_id", ["ord_of-nobody", None, "../payments/status/paid"])
async def test_unknown_order(sim: Simulated, order_id: str | None) -> None:
    await attempt(sim, PAID)
    with pytest.raises(PaymentUnknownAtGateway):
        await sim.gateway().read(order_id, None)


async def test_live_mode_sees_no_test_attempt(sim: Simulated) -> None:
    await attempt(sim, PAID, live=False)
    with pytest.raises(PaymentUnknownAtGateway):
        await sim.gateway(live=True).read(ORDER, None)
    real = await attempt(sim, OPENED, live=True)
    assert (await sim.gateway(live=True).read(ORDER, None)).payment_key == real


@pytest.mark.parametrize(
    "changes",
    [{"merchant_uid": "ord_another-one-00"}, {"status": "teleported"}, {"amount": None}],
)
async def test_answer_that_makes_no_sense_is_no_answer(
    sim: Simulated, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    await attempt(sim, PAID)
    payment = {**sim.simulator.payments()[0], **changes}
    await answered(sim, {"next": 0, "list": [payment]}, monkeypatch)


@pytest.mark.parametrize("response", [{"list": []}, {"next": 0, "list": ["?"]}, None], ids=repr)
async def test_answer_that_is_no_list_is_no_answer(
    sim: Simulated, response: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    await answered(sim, response, monkeypatch)


async def answered(sim: Simulated, response: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """PortOne answers this about the order, and it counts as nonsense."""
    gateway = sim.gateway()
    with pytest.raises(PaymentUnknownAtGateway):
        await gateway.read("ord_of-nobody", None)
    answer = httpx.Response(200, json={"code": 0, "message": None, "response": response})

    async def request(*_: object, **__: object) -> httpx.Response:
        return answer

    monkeypatch.setattr(sim.http, "request", request)
    with pytest.raises(GatewayUnavailable) as caught:
        await gateway.read(ORDER, None)
    assert caught.value.code == "gateway_nonsense"
