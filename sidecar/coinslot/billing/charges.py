"""Charges of subscriptions and top-ups: what the database lists is charged once, and then read.

The database has written a charge before it is claimed here. Whoever dies in the middle leaves it
open: it is claimed again when its lease is over, and looked up first. Money is settled by the
funnel, as everywhere; nothing here decides what it buys.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from structlog.contextvars import bound_contextvars

from coinslot.billing.methods import billing_of, unsealed
from coinslot.errors import (
    AmountNotChargeable,
    CoinslotError,
    GatewayUnavailable,
    PaymentRefused,
    PaymentUnknownAtGateway,
    SecretKeysMissing,
    SecretUnreadable,
)
from coinslot.gateways.base import gateway_named
from coinslot.gateways.billing import Charge, Declined, decline
from coinslot.payments.open_orders import as_order
from coinslot.payments.settlements import fact_about

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinslot.database import Database
    from coinslot.database.billing_records import ClaimedCharge
    from coinslot.database.records import OrderRecord
    from coinslot.gateways.base import Gateway, GatewayPayment
    from coinslot.payments.settlements import Settled, Settlements
    from coinslot.sealed import SecretKeys
    from coinslot.shutdown import Shutdown

log = structlog.get_logger(__name__)

_SOURCE = "subscription"


class Charges:
    def __init__(
        self,
        database: Database,
        gateways: Mapping[str, Gateway],
        settlements: Settlements,
        keys: SecretKeys,
        shutdown: Shutdown,
        *,
        at_once: int,
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._settlements = settlements
        self._keys = keys
        self._shutdown = shutdown
        self._at_once = at_once

    async def work_off(self) -> int:
        """Makes what is due, so many at a time. Returns how many."""
        made = 0
        for claim in (self._claimed, self._claimed_top_ups):
            while not self._shutdown.has_begun() and (batch := await claim()):
                await asyncio.gather(*map(self._made, batch))
                made += len(batch)
        return made

    async def of(self, subscription_id: str) -> int:
        """Makes what is due of one subscription, for somebody who waits. Returns how much."""
        batch = await self._claimed(subscription_id)
        await asyncio.gather(*map(self._made, batch))
        return len(batch)

    async def to_authenticate(self, token: str, subscription_id: str) -> dict[str, Any]:
        """The order that waits for its owner, with what the page needs to have it authenticated.

        What was authenticated before is credited now, whether its webhook has come or not.
        """
        order = await self._database.as_user(token).unpaid_order(subscription_id)
        gateway = gateway_named(self._gateways, order.gateway)
        known = await self._settlements.attempt_key(order)
        prepared = await gateway.prepare(as_order(order, payment_key=known))
        if prepared.attempt is not None and prepared.attempt.paid:
            await self._applied(gateway, order, prepared.attempt)
        return {"order_id": order.order_id, "gateway": order.gateway, "browser": prepared.browser}

    async def _claimed(self, subscription_id: str | None = None) -> list[ClaimedCharge]:
        if not (names := self._charging()):
            return []
        return await self._database.as_service().claim_charges(
            names, self._at_once, subscription_id
        )

    async def _claimed_top_ups(self) -> list[ClaimedCharge]:
        if not (names := self._charging()):
            return []
        return await self._database.as_service().claim_top_ups(names, self._at_once)

    def _charging(self) -> list[str]:
        """The gateways that can charge, if this server can open what it has sealed."""
        if not self._keys.keys:
            return []
        return [name for name, each in self._gateways.items() if each.billing is not None]

    async def _made(self, claimed: ClaimedCharge) -> None:
        """A charge that stays open is looked up by whoever claims it next."""
        order = claimed.payment
        with bound_contextvars(order_id=order.order_id, gateway=claimed.gateway):
            try:
                await self._make(claimed)
            except (SecretKeysMissing, SecretUnreadable) as error:
                log.warning("method_unreadable", method_id=claimed.method_id, code=error.code)
                await self._finish(claimed, Declined("ours", error.code))
            except CoinslotError as error:
                log.warning("charge_open", code=error.code)
            except Exception:
                log.exception("charge_open")

    async def _make(self, claimed: ClaimedCharge) -> None:
        gateway = gateway_named(self._gateways, claimed.gateway)
        billing = billing_of(self._gateways, claimed.gateway)
        if claimed.again and await self._is_settled(claimed, gateway):
            return
        if claimed.over:
            await self._finish(claimed, Declined("ours", "order_over", dead=True))
            return
        charge = self._charge(claimed)
        opened = await billing.open(charge)
        if opened is not None:
            if await self._took(claimed, await self._applied(gateway, claimed.payment, opened)):
                return
            charge = replace(charge, order=replace(charge.order, payment_key=opened.payment_key))
        try:
            declined = await billing.charge(charge)
        except AmountNotChargeable:
            declined = Declined("ours", "amount_too_small")
        await self._follow(claimed, gateway, charge.order.payment_key, declined)

    def _charge(self, claimed: ClaimedCharge) -> Charge:
        return Charge(
            id=claimed.id,
            order=as_order(claimed.payment, payment_key=claimed.payment_key),
            customer=claimed.customer,
            secret=unsealed(self._keys, claimed.method_id, claimed.sealed or ""),
            looks=claimed.lease,
            began=datetime.fromisoformat(claimed.created_at),
        )

    async def _is_settled(self, claimed: ClaimedCharge, gateway: Gateway) -> bool:
        """True where the look-up of a charge that got no answer has found money, or what may yet
        become some."""
        settled = await self._read(claimed, gateway, claimed.payment_key)
        if settled is None:
            return False
        return await self._took(claimed, settled) or settled.fact.state == "awaiting_deposit"

    async def _follow(
        self,
        claimed: ClaimedCharge,
        gateway: Gateway,
        payment_key: str | None,
        declined: Declined | None,
    ) -> None:
        """Reads what the charge came to. What is neither paid nor declined stays open."""
        settled = await self._read(claimed, gateway, payment_key)
        if settled is not None and await self._took(claimed, settled):
            return
        if declined is None and settled is not None:
            declined = _declined(settled.fact)
        if declined is None:
            raise GatewayUnavailable
        await self._finish(claimed, declined)

    async def _took(self, claimed: ClaimedCharge, settled: Settled) -> bool:
        """True where there is money. Where it was credited, the funnel has ended the charge; where
        not, a person decides."""
        if not settled.fact.paid:
            return False
        if settled.order.confirmed_at is None:
            log.error("charge_not_credited", outcome=settled.outcome)
            await self._database.as_service().finish_charge(claimed, "review", settled.outcome)
        else:
            log.info("charged", amount=settled.order.amount, currency=settled.order.currency)
        return True

    async def _finish(self, claimed: ClaimedCharge, declined: Declined) -> None:
        log.info("charge_declined", kind=declined.kind, reason=declined.reason)
        await self._database.as_service().finish_charge(
            claimed, declined.kind, declined.reason, dead=declined.dead
        )

    async def _read(
        self, claimed: ClaimedCharge, gateway: Gateway, payment_key: str | None
    ) -> Settled | None:
        """The payment that the gateway shows for the order, applied; None where it knows of none.

        The order is opened before the gateway is asked, so that a newer read is not undone."""
        order = await self._settlements.open(claimed.payment.order_id)
        try:
            fact = await fact_about(order, gateway, payment_key)
        except PaymentUnknownAtGateway:
            return None
        except PaymentRefused as refusal:
            raise GatewayUnavailable(code=refusal.code) from refusal
        return await self._applied(gateway, order, fact)

    async def _applied(self, gateway: Gateway, order: OrderRecord, fact: GatewayPayment) -> Settled:
        settled = await self._settlements.apply(order, fact, _SOURCE)
        if settled.outcome == "stale":
            key = fact.payment_key
            return await self._settlements.settle(gateway, order.order_id, key, _SOURCE)
        return settled


def _declined(fact: GatewayPayment) -> Declined | None:
    """The decline that a payment without money shows, if it is one."""
    if fact.state == "failed":
        return decline(fact.failure_reason)
    if fact.state == "canceled":
        return Declined("ours", "canceled", dead=True)
    return None
