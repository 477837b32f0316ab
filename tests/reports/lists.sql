-- What the lists of the console are made of, beside year.sql: %(payments)s payments and ten times as
-- many entries of the ledger, in books that add up. What is rare is old.
set session_replication_role = replica;
insert into auth.users (id, email, created_at)
select md5('user ' || n)::uuid, 'buyer' || n || '@example.com', now() - interval '1 year'
from generate_series(0, %(wallets)s - 1) as n;
-- Of each order that was paid: its purchase, and its spends or its refund. Nine tokens of each are
-- left. Where a wallet was before it is the sum of its older ones.
create temporary table booked as
select
  m.*, m.paid and not m.back as kept, coalesce(sum(m.entries) over w, 0)::bigint as seq_before,
  coalesce(count(*) filter (where m.paid and not m.back) over w, 0) as kept_before
from made as m
window w as (
  partition by m.buyer order by m.n rows between unbounded preceding and 1 preceding
)
order by m.n;
analyze booked;
insert into public.token_ledger (
  user_id, seq, delta, balance, kind, caller, idempotency_key, payment_id, created_at
)
select
  b.user_id, b.seq_before + e, case when e = 1 then b.tokens when b.back then -b.tokens else -1 end,
  9 * b.kept_before + case when e > 1 and b.back then 0 else b.tokens + 1 - e end,
  case when e = 1 then 'purchase' when b.back then 'refund' else 'spend' end,
  case when e = 1 or b.back then 'system' else 'user' end,
  case when e > 1 and b.kept then 'spend ' || b.n || ' ' || e end,
  case when e = 1 or b.back then b.id end, b.at + e * interval '1 second'
from booked as b cross join lateral generate_series(1, b.entries) as e;
insert into public.token_wallets (
  user_id, tokens, seq, credited, folded_at, next_change_at, updated_at
)
select
  md5('user ' || u.n)::uuid, 9 * coalesce(s.kept, 0), coalesce(s.entries, 0),
  coalesce(s.tokens, 0), now(), 'infinity', now()
from generate_series(0, %(wallets)s - 1) as u (n)
left join (
  select b.buyer, count(*) filter (where b.kept) as kept,
    sum(b.tokens) filter (where b.kept) as tokens, sum(b.entries) as entries
  from booked as b group by b.buyer
) as s on s.buyer = u.n
on conflict (user_id) do update set
tokens = excluded.tokens, seq = excluded.seq, credited = excluded.credited,
folded_at = excluded.folded_at, next_change_at = excluded.next_change_at;
insert into public.token_lots (
  user_id, seq, kind, payment_id, price, price_tokens, tokens, remaining, spent, taken, paid,
  created_at
)
select
  b.user_id, b.seq_before + 1, 'purchase', b.id, 5000, b.tokens, b.tokens,
  case when b.back then 0 else b.tokens - d.spent end, d.spent,
  case when b.back then b.tokens else 0 end,
  true, b.at
from booked as b
inner join public.token_wallets as w on w.user_id = b.user_id
cross join lateral (
  select case
    when b.back then 0 else least(
      greatest(w.credited - w.tokens - b.tokens * b.kept_before, 0), b.tokens
    )
  end as spent
) as d
where b.paid order by b.n;
insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens, drawn_from, drawn_to, at)
select
  l.id, l.user_id, w.seq, 'spend', l.spent, b.tokens * b.kept_before,
  b.tokens * b.kept_before + l.spent, b.at
from public.token_lots as l
inner join booked as b on b.id = l.payment_id
inner join public.token_wallets as w on w.user_id = l.user_id
where l.spent > 0
union all
select l.id, l.user_id, l.seq + 1, 'refund', l.tokens, null, null, b.at
from public.token_lots as l inner join booked as b on b.id = l.payment_id where b.back;
insert into coinslot.token_holds (
  user_id, amount, captured, asked, status, idempotency_key, expires_at, created_at, resolved_at
)
select b.user_id, 1, 0, null::bigint, 'released', 'hold ' || b.n, b.at, b.at, b.at
from booked as b where b.n % 5 = 2
union all
select w.user_id, 1, 0, null, 'held', 'open', now() + interval '1 hour', now(), null
from public.token_wallets as w where w.tokens > 0 and right(w.user_id::text, 1) = '7';
update public.token_wallets as w set held = 1
where w.tokens > 0 and right(w.user_id::text, 1) = '7';
insert into public.token_payment_events (
  payment_id, user_id, from_status, to_status, tokens, source, created_at
)
select b.id, b.user_id, e.from_status, e.to_status, e.tokens, 'complete', b.at
from booked as b
cross join lateral (
  select null as from_status, 'pending' as to_status, 0 as tokens
  union all
  select 'pending', case when b.paid then 'completed' else 'expired' end,
    case when b.paid then b.tokens else 0 end
) as e;
update public.token_payments set status = case right(order_id, 4)
  when '0001' then 'review' else 'disputed' end
where right(order_id, 4) in ('0001', '0002') and status = 'completed';
insert into coinslot.refunds (
  id, payment_id, order_id, user_id, gateway, payment_key, amount, currency, tokens,
  refunded_before, refundable, reason, requested_by, forced, idempotency_key, status, created_at,
  finished_at, next_attempt_at
)
select
  md5('refund ' || p.order_id)::uuid, p.id, p.order_id, p.user_id, p.gateway, 'k' || p.order_id,
  5000, p.currency, 10, 0, 5000, 'because', md5('user 1')::uuid, false, 'k',
  case when p.created_at < now() - interval '364 days' then 'failed' else 'succeeded' end,
  p.created_at, p.created_at, null
from public.token_payments as p where p.status = 'refunded';
insert into coinslot.discrepancies (
  kind, gateway, payment_key, order_id, created_at, resolved_at, resolution
)
select
  case when n < 20 then 'wallet_full' else 'wrong_amount' end,
  case when n < 20 then 'toss' else 'portone' end, 'd' || n, 'ord_year' || lpad(n::text, 12, '0'),
  now() - interval '365 days' * (1 - n / (%(payments)s / 4.0)),
  case when n % 4 > 0 then now() end, case when n % 4 > 0 then 'it was looked at' else '' end
from generate_series(1, %(payments)s / 4) as n;
insert into coinslot.webhooks (
  gateway, event_id, event_type, order_id, payment_key, claims_paid, headers, body, outcome,
  attempts, received_at, waiting_since, finished_at, next_attempt_at
)
select
  m.gateway, 'e' || m.n, case when m.n < 20 then 'rare' else 'paid' end,
  'ord_year' || lpad(m.n::text, 12, '0'), 'k' || m.n, true, '{}', '{}',
  case when m.n < 20 then 'failed' else 'credited' end, 1, m.at, m.at,
  case when m.n >= 20 then m.at end, case when m.n < 20 then m.at end
from made as m;
insert into coinslot.endpoints (id, url, secret) values
(md5('endpoint')::uuid, 'https://app.example.com/hooks', 'v1.sealed');
insert into coinslot.outbox (id, type, version, user_id, seq, live, data, created_at)
select
  'evt_' || m.n, case when m.n < 20 then 'payment.refunded' else 'payment.completed' end, 1,
  m.user_id, m.n, false, '{}', m.at
from made as m;
insert into coinslot.deliveries (
  endpoint_id, event_id, user_id, seq, state, attempts, created_at, finished_at
)
select
  md5('endpoint')::uuid, 'evt_' || m.n, m.user_id, m.n,
  case when m.n < 20 then 'parked' else 'delivered' end, 1, m.at, m.at
from made as m;
insert into coinslot.promotions (id, kind, percent_off, max_uses_per_user)
select 'p' || n, 'percent', 10, 1 from generate_series(1, 40) as n;
insert into coinslot.promotion_codes (code, promotion)
select 'CODE' || n, 'p' || 1 + n % 4 from generate_series(1, %(payments)s / 2) as n;
insert into coinslot.promotion_uses (promotion, code, user_id, payment_id, status)
select
  'p' || 1 + m.n % 4, 'CODE' || 1 + m.n / 2, m.user_id, m.id,
  case when m.n % 9 = 0 then 'released' else 'used' end
from made as m where m.n % 2 = 0;
insert into public.token_products (id, kind, name, name_ko)
values ('plus', 'subscription', 'Plus', '플러스'), ('rare', 'subscription', 'Rare', '희귀');
insert into public.token_subscriptions (
  id, user_id, plan_id, family, gateway, live, status, every, amount, currency, tokens, rollover,
  time_zone, anchor, period_start, period_end, created_at, ended_at, end_reason
)
select
  md5('subscription ' || n)::uuid, md5('user ' || n % %(wallets)s)::uuid,
  case when n < 20 then 'rare' else 'plus' end, 'f' || n, 'toss', false,
  case when n < 20 then 'past_due' when n % 3 = 0 then 'active' else 'ended' end, 'month', 9900,
  'KRW', 300, 'none', 'Asia/Seoul', s.at, s.at, s.at + interval '1 month', s.at,
  case when n >= 20 and n % 3 > 0 then s.at + interval '40 days' end,
  case when n >= 20 and n % 3 > 0 then 'canceled' end
from generate_series(1, %(payments)s / 4) as n
cross join lateral (select now() - interval '365 days' * (1 - n / (%(payments)s / 4.0)) as at) as s;
insert into coinslot.recurring_moves (
  subscription_id, at, currency, live, plan_id, kind, worth, subscriptions
)
select s.id, s.created_at, 'KRW', false, s.plan_id, 'new', 9900, 1 from public.token_subscriptions s
union all
select s.id, s.ended_at, 'KRW', false, s.plan_id, 'churn', -9900, -1
from public.token_subscriptions as s where s.ended_at < now();
insert into coinslot.cash_receipts (
  payment_id, gateway, kind, status, amount, requested_at, updated_at
)
select m.id, m.gateway, 'income_deduction', case when m.n < 20 then 'failed' else 'issued' end,
  5000, m.at, m.at
from made as m where m.currency = 'KRW' and m.paid and m.method in ('transfer', 'virtual_account');
insert into coinslot.operator_actions (at, actor, role, action, subject, detail)
select
  m.at, md5('user ' || m.n % 2)::uuid, 'owner',
  case when m.n < 20 then 'orders_voided' when m.n % 2 = 0 then 'tokens_granted'
    else 'order_noted' end,
  case when m.n % 2 = 0 then m.user_id::text else 'ord_year' || lpad(m.n::text, 12, '0') end,
  '{"tokens": 1}'
from made as m;
set session_replication_role = origin;
