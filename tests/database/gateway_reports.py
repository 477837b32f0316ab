"""Reports of a gateway about an attempt: Hypothesis chooses."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.database.model_payments import Order, Read
from tests.database.people import Call

_DUE = {"soon": {"bank": "Shinhan"}, "late": {"due_at": "2099-01-01T00:00:00Z"}}


@dataclass(frozen=True)
class GatewayReport:
    """As far as it does not depend on the order: totals are cut to what was paid."""

    state: str
    refunded: int
    refunding: int
    disputed: int
    withdrawn: int
    wrong: str
    account: str

    def of(self, order: Order, key: str) -> Read:
        paid = order.amount if self.state == "paid" else 0
        read = Read(
            gateway=order.gateway,
            key=key,
            state=self.state,
            amount=order.amount,
            currency=order.currency,
            live=False,
            paid=paid,
            refunded=min(self.refunded, paid),
            refunding=min(self.refunding, paid),
            disputed=min(self.disputed, paid),
            withdrawn=min(self.withdrawn, paid),
            account=self.account if self.state == "awaiting_deposit" else "",
        )
        return self._spoilt(read)

    def _spoilt(self, read: Read) -> Read:
        match self.wrong:
            case "gateway":
                return replace(read, gateway="toss")
            case "currency":
                return replace(read, currency="USD")
            case "mode":
                return replace(read, live=True)
            case "amount":
                return replace(read, amount=read.amount + 1, paid=read.paid and read.paid + 1)
            case "paid":
                return replace(read, paid=read.paid and read.paid - 1)
        return read


PAID = GatewayReport("paid", 0, 0, 0, 0, "", "")

_totals = st.sampled_from([0, 0, 0, 0, 1, 499, 500, 501, 2500, 4999, 5000, 13000])
_rarely = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1, 2500])
_states = st.sampled_from(["paid", "paid", "ready", "awaiting_deposit", "failed", "canceled"])
_flaws = st.sampled_from([*[""] * 12, "gateway", "currency", "mode", "amount", "paid"])
_accounts = st.sampled_from(["", "soon", "late"])

reports = st.builds(GatewayReport, _states, _totals, _rarely, _totals, _totals, _flaws, _accounts)
refund_reports = st.builds(
    GatewayReport, st.just("paid"), _totals, _rarely, _totals, _totals, st.just(""), st.just("")
)


def applied(order_id: str, read: Read, version: int) -> Call:
    """The call that applies a read which was begun when the order had this version."""
    arguments = {
        "order_id": order_id,
        "gateway": read.gateway,
        "payment_key": read.key,
        "state": read.state,
        "amount": read.amount,
        "currency": read.currency,
        "live": read.live,
        "source": "webhook",
        "version": version,
        "paid": read.paid,
        "refunded": read.refunded,
        "refunding": read.refunding,
        "disputed": read.disputed,
        "withdrawn": read.withdrawn,
    }
    if read.account:
        arguments["virtual_account"] = Jsonb(_DUE[read.account])
    return Call("coinslot_apply_gateway_payment", arguments)
