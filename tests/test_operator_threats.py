"""The threats by somebody who would be an operator, on the running stack."""

from __future__ import annotations

from uuid import uuid4

import jwt

from tests.e2e.conftest import browser, shop
from tests.support.refund_desks import operator_of
from tests.support.shop import Shop
from tests.support.stacks import PASSWORD
from tests.support.threats import FREE, NOT_ALLOWED, STARTER, Attacker, as_buyer, error, with_token

__all__ = ["browser", "shop"]


async def test_operator_by_own_metadata(shop: Shop) -> None:
    """Supabase Auth lets everybody write raw_user_meta_data about themselves."""
    order_id, _ = await shop.bought()
    auth = f"{shop.stack.api_url}/auth/v1"
    claimed = {"app_metadata": {"role": "owner"}, "data": {"role": "owner"}, "role": "owner"}
    await shop.http.put(f"{auth}/user", json=claimed, headers=shop.stack.headers(shop.buyer))
    account = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD}
    key = {"apikey": shop.stack.keys.anon}
    made = (await shop.http.post(f"{auth}/signup", json=account | claimed, headers=key)).json()
    for attacker in (as_buyer(shop), with_token(shop, made["access_token"])):
        await _refused_as_operator(attacker, order_id)


async def test_operator_by_metadata_of_the_app(shop: Shop) -> None:
    """Apps keep roles of their own there, which say nothing here."""
    order_id, _ = await shop.bought()
    url = f"{shop.stack.api_url}/auth/v1/admin/users/{shop.buyer.id}"
    for role in ("admin", "owner"):
        body = {"app_metadata": {"role": role, "coinslot_role": role}}
        assert (await shop.http.put(url, json=body, headers=shop.stack.headers())).is_success
        await _refused_as_operator(as_buyer(shop), order_id)


async def test_operator_by_a_token_of_before(shop: Shop) -> None:
    """Rightly signed, and what it claims is no longer true, or never was: the table decides."""
    order_id, _ = await shop.bought()
    claims = jwt.decode(shop.buyer.token, options={"verify_signature": False})
    token = shop.stack.keys.sign(claims | {"app_metadata": {"role": "owner"}})
    await _refused_as_operator(with_token(shop, token), order_id)
    was = operator_of(shop, "owner")
    operator_of(shop, "owner")
    assert (
        await with_token(shop, was.token).rpc("list_token_refunds", order_id=order_id)
    ).is_success
    shop.select("select coinslot.remove_operator(%s)", was.id)
    await _refused_as_operator(with_token(shop, was.token), order_id)
    assert await shop.tokens() == FREE + STARTER


async def _refused_as_operator(attacker: Attacker, order_id: str) -> None:
    refund = {"order_id": order_id, "reason": "mine", "idempotency_key": "r"}
    mine = {"subject": attacker.shop.buyer.id, "reason": "mine", "idempotency_key": "a"}
    for answer in (
        await attacker.rpc("request_token_refund", **refund),
        await attacker.rpc("token_console_get", what="customer", id=attacker.shop.buyer.id),
        await attacker.rpc("token_console_list", list="orders"),
        await attacker.rpc("token_console_search", q=order_id),
        await attacker.rpc(
            "token_console_act", action="grant_tokens", **mine, arguments={"tokens": 1000}
        ),
        await attacker.rpc(
            "token_console_act", action="set_operator", **mine, arguments={"role": "owner"}
        ),
        await attacker.rpc("list_token_refunds", order_id=order_id),
        await attacker.rpc("coinslot_add_operator", who=attacker.shop.buyer.id, role="owner"),
    ):
        assert answer.status_code == 403
        assert error(answer) in {"forbidden", NOT_ALLOWED}
