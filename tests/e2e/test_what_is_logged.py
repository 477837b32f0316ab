"""A day's traffic at every gateway, and then the logs: each line about an order names it, and
nothing in them opens anything or tells who somebody is."""

from __future__ import annotations

import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest_asyncio

from tests.support.checkouts import EVERY, Checkout
from tests.support.gateways import PORTONE_V2, STRIPE, TOSS
from tests.support.logbook import Logbook, forms, leaks
from tests.support.portone_v2 import API_SECRET, CHANNEL, SECRET, STORE
from tests.support.portone_v2_shop import v2_url
from tests.support.refund_desks import RefundDesk, operator_of
from tests.support.shop import Shop
from tests.support.sizes import sized

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.stacks import LocalStack

PERSONAL = {
    "name": "표식민수",
    "email": "minsu.marker@personal.example",
    "phone": "010-9182-7364",
    "account": "11029384756123",
    "card": "4929-1234-5678-9012",
}
FORGED_ID = "forged-request-id-of-a-client"
_FAULTS = (
    *("delay", "error_before", "error_after", "drop_after", "malformed", "html", "rate_limit"),
    "refused",
)
# Where each gateway has what it knows of the buyer, and what it must not say where a sum is due.
_BUYER: dict[str, dict[str, Any]] = {
    "portone-v1": {
        "buyer_name": PERSONAL["name"],
        "buyer_email": PERSONAL["email"],
        "buyer_tel": PERSONAL["phone"],
        "card_number": PERSONAL["card"],
    },
    "portone-v2": {
        "customer": {
            "name": PERSONAL["name"],
            "email": PERSONAL["email"],
            "phoneNumber": PERSONAL["phone"],
        }
    },
    "toss": {"customerName": PERSONAL["name"], "customerEmail": PERSONAL["email"]},
    "stripe": {
        "receipt_email": PERSONAL["email"],
        "shipping": {"name": PERSONAL["name"], "phone": PERSONAL["phone"]},
    },
}
_NONSENSE: dict[str, dict[str, Any]] = {
    "portone-v1": {"amount": PERSONAL["email"]},
    "portone-v2": {"amount": {"total": PERSONAL["email"]}},
    "toss": {"totalAmount": PERSONAL["email"]},
    "stripe": {"amount": PERSONAL["email"]},
}


@dataclass
class Day:
    """The events of a day, and the parts of them that no log may show."""

    logbook: Logbook
    secrets: set[str]
    orders: dict[str, str] = field(default_factory=dict)
    """By whatever may stand in a line about them: their id, and their payments' keys."""

    def texts(self) -> dict[str, str]:
        return self.logbook.texts()


@pytest_asyncio.fixture(scope="module", params=sized(["v1"], proofs=["v1", "v2"]))
async def day(
    request: Any,  # noqa: ANN401 - pytest's
    stack: LocalStack,
    browser: httpx.AsyncClient,
) -> AsyncIterator[Day]:
    """A sidecar that logs as in production serves every gateway, of PortOne one version; people
    buy at each but once."""
    drivers = [driver for driver in EVERY if (driver is PORTONE_V2) == (request.param == "v2")]
    keys = _v2_keys(stack) if request.param == "v2" else {}
    async with _server_with(stack, keys) as env:
        logbook = Logbook(stack.manager.processes)
        buyer = stack.sign_up(f"{token_hex(4)}.{PERSONAL['email']}")
        shop = Shop(stack, browser, buyer, stack.sidecar_url)
        operator = operator_of(shop)
        day = Day(logbook, {*_secrets(stack, env), *PERSONAL.values(), FORGED_ID})
        day.secrets |= {buyer.token, buyer.email, operator.token, operator.email}
        for driver in drivers:
            await _at_the_gateway(day, RefundDesk(Checkout.at(driver, shop), operator))
        await _nonsense_from_outside(day, shop)
        await _reconcile(day, shop)
        yield day


def test_nothing_secret_and_nobody_is_in_any_log(day: Day) -> None:
    """The same look finds what is there: the orders, and each secret in any form."""
    texts = day.texts()
    assert leaks(texts, day.secrets) == []
    assert {leak.rpartition(" in ")[0] for leak in leaks(texts, day.orders.values())} == {
        *day.orders.values()
    }
    for secret in day.secrets:
        for form in forms(secret):
            planted = {**texts, "sidecar": f'{texts["sidecar"]}{{"event": "x {form}"}}\n'}
            assert f"{secret} in sidecar" in leaks(planted, {secret})


def test_each_line_about_an_order_names_it_and_each_request_has_an_id_of_ours(day: Day) -> None:
    lines = day.logbook.lines()
    assert lines
    for line in lines:
        text = json.dumps(line)
        about = {order for mark, order in day.orders.items() if mark in text}
        assert about <= {line.get("order_id")}, line
    # No order, and no work beside the requests, has the id of somebody else's.
    named = sorted((line for line in lines if "request_id" in line), key=lambda a: a["request_id"])
    assert named
    for _, each in groupby(named, key=lambda line: line["request_id"]):
        of_one = list(each)
        assert len({line["order_id"] for line in of_one if "order_id" in line}) <= 1, of_one
        assert sum(line["event"] == "request" for line in of_one) <= 1
    beside = [line for line in lines if "work" in line]
    assert {line["work"] for line in beside} >= {"reconcile"}
    assert not any("request_id" in line for line in beside)


@asynccontextmanager
async def _server_with(stack: LocalStack, keys: dict[str, str]) -> AsyncIterator[dict[str, str]]:
    """The stack's own sidecar, restarted; its environment."""
    manager = stack.manager
    [program] = [each for each in manager.programs if each.name == "sidecar"]
    ours = {
        "COINSLOT_LOG_FORMAT": "json",
        "COINSLOT_GATEWAY_TIMEOUT": "1",
        "COINSLOT_RECONCILE_SECONDS": "1",
        **keys,
    }
    changed = replace(program, env={**program.env, **ours})
    manager.processes.stop(program)
    manager.processes.start(changed)
    try:
        manager.processes.wait_ready(changed)
        yield dict(changed.env)
    finally:
        manager.processes.stop(changed)
        manager.processes.start(program)
        manager.processes.wait_ready(program)


def _v2_keys(stack: LocalStack) -> dict[str, str]:
    return {
        "PORTONE_API_SECRET": API_SECRET,
        "PORTONE_STORE_ID": STORE,
        "PORTONE_CHANNEL_KEY": CHANNEL,
        "PORTONE_WEBHOOK_SECRETS": SECRET,
        "PORTONE_API_URL": v2_url(stack),
    }


def _secrets(stack: LocalStack, env: dict[str, str]) -> set[str]:
    names = ("SECRET", "SERVICE_ROLE_KEY", "ANON_KEY", "API_KEY")
    found = {value for name, value in env.items() if any(each in name for each in names)}
    keys = stack.keys
    return found | {keys.jwt_secret, keys.service_role, keys.anon, keys.secret, keys.publishable}


async def _at_the_gateway(day: Day, refund_desk: RefundDesk) -> None:
    """Only the webhooks of this story are sent."""
    await refund_desk.shop.play("settings", "PUT", enabled=False)
    try:
        await _bought_and_refunded(day, refund_desk)
        await _everything_fails(day, refund_desk.checkout)
    finally:
        await refund_desk.shop.play("settings", "PUT", enabled=True)


async def _bought_and_refunded(day: Day, refund_desk: RefundDesk) -> None:
    checkout, shop = refund_desk.checkout, refund_desk.checkout.shop
    order_id, key = await checkout.bought()
    day.orders |= {order_id: order_id, key: order_id}
    await _secrets_of_a_payment(day, checkout, key)
    await shop.play(f"payments/{key}", "PATCH", **_BUYER[checkout.driver.name])
    for forged in (False, True):
        await _tell(checkout, order_id, key, forged=forged)
    await shop.followed(order_id)
    account = {"bank": "88", "accountNumber": PERSONAL["account"], "holder": PERSONAL["name"]}
    await refund_desk.refund(order_id, amount=refund_desk.part, account=account)
    await refund_desk.refund(order_id, amount=10**9, reason=PERSONAL["name"])
    if checkout.driver is STRIPE:
        await shop.play("dispute", payment_key=key, status="needs_response")
        await checkout.tell(order_id, key, paid=False)


async def _secrets_of_a_payment(day: Day, checkout: Checkout, key: str) -> None:
    """Collects what the gateway keeps with it, and what the page pays it with."""
    books = await checkout.books(key)
    if checkout.driver is STRIPE:
        day.secrets.add(books["client_secret"])
    if checkout.driver is TOSS:
        day.secrets.add(books["secret"])


async def _everything_fails(day: Day, checkout: Checkout) -> None:
    order_id = await checkout.order()
    key = await checkout.pay(order_id)
    day.orders |= {order_id: order_id, key: order_id}
    for kind in _FAULTS:
        await checkout.fail(kind, next=3, delay_s=2 if kind == "delay" else 0)
        await checkout.come_back(order_id, key)
        await checkout.fail(None)
    right = await checkout.books(key)
    wrong = _NONSENSE[checkout.driver.name]
    await checkout.shop.play(f"payments/{key}", "PATCH", **wrong, **_BUYER[checkout.driver.name])
    await checkout.come_back(order_id, key)
    await _tell(checkout, order_id, key)
    await checkout.shop.play(f"payments/{key}", "PATCH", **{name: right[name] for name in wrong})
    await checkout.come_back(order_id, key)


async def _reconcile(day: Day, shop: Shop) -> None:
    """The work beside the requests has its say, too."""
    await shop.order()
    shop.select("update coinslot.payment_reads set next_read_at = now() returning 1")
    await shop.until(lambda: any("work" in line for line in day.logbook.lines()))


async def _tell(checkout: Checkout, order_id: str, key: str, *, forged: bool = False) -> None:
    """A webhook that tells more of the buyer than anybody wants to know."""
    event = checkout.driver.event(order_id, key, paid=True) | PERSONAL | {"buyer": PERSONAL}
    if isinstance(event.get("data"), dict):
        event["data"] |= {"customer": PERSONAL, "secret": FORGED_ID}
    raw = json.dumps(event).encode()
    headers = {"X-Request-ID": FORGED_ID, **checkout.driver.signature(raw, ours=not forged)}
    url = f"{checkout.shop.sidecar}/payment/{checkout.driver.gateway}/webhook"
    await checkout.shop.http.post(url, content=raw, headers=headers)


async def _nonsense_from_outside(day: Day, shop: Shop) -> None:
    claims = {"role": "authenticated", "sub": shop.buyer.id, "exp": int(time.time()) - 60}
    expired = shop.stack.keys.sign(claims)
    forged = jwt.encode(claims, "another secret of more than 32 characters", algorithm="HS256")
    day.secrets |= {expired, forged}
    json_type = {"Content-Type": "application/json"}
    email, name = PERSONAL["email"], PERSONAL["name"]
    sent: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"/payment/{expired}", {}),
        ("GET", f"/payment/{email}", {}),
        ("GET", f"/{email}/{PERSONAL['phone']}?token={expired}&card={PERSONAL['card']}", {}),
        ("GET", f"/payments/complete?imp_uid={email}&merchant_uid={name}", {}),
        ("GET", f"/payment/history/me?before={email}", {"headers": shop.jwt}),
        ("POST", f"/payment/{email}/webhook", {"json": PERSONAL}),
        ("POST", "/payment/toss/webhook", {"content": email, "headers": json_type}),
        ("POST", "/api/payments/complete", {"json": {"paymentKey": email, "impUid": forged}}),
        ("POST", "/api/payments/complete", {"content": f"{{{name}", "headers": json_type}),
        ("POST", "/payment/toss/create", {"json": {"amount": 5000, "orderName": name}}),
        ("POST", "/payment/stripe/create", {"json": {"productId": email}}),
        ("POST", "/api/payments/checkout", {"json": {"packageId": email}}),
    ]
    for token in (expired, forged, shop.buyer.token, email.encode().hex()):
        about = {"Authorization": f"Bearer {token}", "X-Request-ID": FORGED_ID}
        for method, path, options in sent:
            given = {**options, "headers": {**options.get("headers", {}), **about}}
            answer = await shop.http.request(method, f"{shop.sidecar}{path}", **given)
            assert answer.status_code < 500, (path, answer.text)
            assert answer.headers["x-request-id"] != FORGED_ID
