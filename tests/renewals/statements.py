"""The database as the owner sees it: a subscription as it stands, and time that passes for it."""

from __future__ import annotations

from typing import LiteralString

SHOWN: LiteralString = """
select s.id::text, s.status, s.needs, s.plan_id, s.cancel_at_end, s.next_charge_at,
  s.next_charge_at <= clock_timestamp() as due,
  exists (
    select from coinslot.cycle_charges h join coinslot.subscription_cycles c on c.id = h.cycle_id
    where c.subscription_id = s.id and h.state = 'open'
  ) as open
from public.token_subscriptions s where s.user_id = %s order by s.created_at desc, s.id limit 1
"""
LAST_PAID: LiteralString = """
select p.order_id, p.payment_key, p.gateway, p.amount
from coinslot.subscription_cycles c
join coinslot.cycle_orders o on o.cycle_id = c.id
join public.token_payments p on p.id = o.payment_id
where c.subscription_id = %s and p.status = 'completed' order by p.confirmed_at desc limit 1
"""
# The period that runs has ended a minute ago, and whatever was before it is as long ago as it was.
OVER: LiteralString = """
with moved as (
  select s.id, s.period, s.period_start as began, s.every, s.anchor, s.time_zone as zone,
    coinslot.period_at(s.anchor, s.time_zone, s.every, s.period) as starts
  from (
    select t.id, t.period, t.period_start, t.every, t.time_zone,
      clock_timestamp() - interval '1 minute'
      - (t.period + 1) * case t.every when 'year' then interval '1 year' else interval '1 month' end
      as anchor
    from public.token_subscriptions t where t.id = %(id)s
  ) s
), cycles as (
  update coinslot.subscription_cycles c set
    period_start = c.period_start + (m.starts - m.began),
    period_end = case when c.period_start = m.began
      then coinslot.period_at(m.anchor, m.zone, m.every, m.period + 1)
      else c.period_end + (m.starts - m.began) end
  from moved m where c.subscription_id = m.id
)
update public.token_subscriptions t set
  anchor = m.anchor, next_charge_at = clock_timestamp(), period_start = m.starts,
  period_end = coinslot.period_at(m.anchor, m.zone, m.every, m.period + 1)
from moved m where t.id = m.id
"""
PROCESSING: LiteralString = """
select a.payment_key from coinslot.cycle_charges h
join coinslot.subscription_cycles c on c.id = h.cycle_id
join public.token_subscriptions s on s.id = c.subscription_id
join coinslot.payment_attempts a on a.payment_id = h.payment_id
where s.user_id = %s and h.state = 'open' and a.state = 'awaiting_deposit'
"""
# Everybody locks the wallet first, and time itself does so here.
LOCK: LiteralString = "select from public.token_wallets where user_id = %s for update"
