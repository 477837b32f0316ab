"""The comparison: each period that was paid for was given once, none was charged twice and kept."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, LiteralString

from tests.storm.verdict import Offence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.storm.verdict import Database, Row
    from tests.support.gateways.driver import Money

# `credited` are the orders that gave the period's tokens, `owned` all that were made for it.
_CYCLES: LiteralString = """
select c.id::text, c.number, c.status, c.tokens, c.amount, s.status as subscription,
  coalesce(array_agg(p.order_id) filter (where p.confirmed_at is not null), '{}') as credited,
  coalesce(array_agg(p.order_id) filter (where p.id is not null), '{}') as owned,
  coalesce(sum(l.tokens), 0)::bigint as given
from coinslot.subscription_cycles c
join public.token_subscriptions s on s.id = c.subscription_id
left join coinslot.cycle_orders o on o.cycle_id = c.id and o.purpose = 'renewal'
left join public.token_payments p on p.id = o.payment_id
left join lateral (
  select sum(l.delta) as tokens from public.token_ledger l
  where l.payment_id = p.id and l.kind = 'purchase'
) l on true
group by c.id, s.id
"""
_UNTOLD: LiteralString = """
select s.id::text, s.status, s.needs, s.next_charge_at from public.token_subscriptions s
where s.next_charge_at <= clock_timestamp() - interval '5 s'
  or s.status = 'past_due' and s.next_charge_at is null
"""
_OPEN: LiteralString = """
select h.id::text, h.looks, p.order_id, p.status from coinslot.cycle_charges h
join public.token_payments p on p.id = h.payment_id where h.state = 'open'
"""
_SHOWN: LiteralString = """
select payment_key from coinslot.discrepancies where resolved_at is null
"""
_TWO: LiteralString = """
select s.user_id::text, s.family from public.token_subscriptions s
where s.status <> 'ended' group by 1, 2 having count(*) > 1
"""

# Of orders that were paid though another one had given the period.
SECOND: LiteralString = """
select p.order_id, p.status, p.paid, p.refunded, p.confirmed_at is not null as credited,
  (select count(*) from public.token_ledger l where l.payment_id = p.id) as entries,
  exists (
    select from coinslot.discrepancies o where o.order_id = p.order_id
      and o.kind = 'duplicate_payment' and o.resolved_at is null
  ) as shown
from public.token_payments p join coinslot.cycle_orders c on c.payment_id = p.id
where exists (
  select from coinslot.discrepancies d
  where d.order_id = p.order_id and d.kind = 'duplicate_payment'
)
"""
# Fewer months than these may pass without one.
_ENOUGH = 60


def unfair(database: Database, money: list[Money]) -> Iterator[Offence]:
    shown = {row["payment_key"] for row in database.rows(_SHOWN)}
    kept = Counter(each.order_id for each in money if each.left > 0 and each.key not in shown)
    for row in database.rows(_CYCLES):
        yield from _given(row)
        if sum(kept[order] for order in row["owned"]) > 1:
            what = json.dumps(row, default=str)
            yield Offence("charged", f"charged twice, kept, and nobody is told: {what}")
    for query, what in ((_OPEN, "open charge"), (_UNTOLD, "forgotten"), (_TWO, "two at once")):
        for row in database.rows(query):
            yield Offence(what, json.dumps(row, default=str))


def _given(row: Row) -> Iterator[Offence]:
    what = json.dumps(row, default=str)
    paid = row["status"] == "paid"
    if len(row["credited"]) > 1:
        yield Offence("doubled", f"a period was given twice: {what}")
    elif paid != bool(row["credited"]):
        yield Offence("minted" if paid else "lost", f"paid and given differ: {what}")
    elif row["given"] != (row["tokens"] if paid else 0):
        yield Offence("minted", f"not the tokens of the period: {what}")


def second_payments(
    database: Database, money: list[Money], agreed: set[str], months: int
) -> Iterator[Offence]:
    """Each gives nothing. It is left for a person, or is back where one has agreed to that."""
    left = Counter[str]()
    for each in money:
        left[each.order_id] += each.left
    found = database.rows(SECOND)
    if not found and months >= _ENOUGH:
        yield Offence("missing", "no period was paid twice: the storm has not tried that")
    for row in found:
        back = row["order_id"] in agreed
        kept = left[row["order_id"]]
        right = kept == 0 and not row["shown"] if back else kept > 0 and row["shown"]
        if row["credited"] or row["entries"] or not right:
            what = json.dumps({**row, "agreed": back, "left": kept}, default=str)
            yield Offence(
                "twice", f"a second payment is not treated as one: {what}", row["order_id"]
            )
