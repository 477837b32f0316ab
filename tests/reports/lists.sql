-- What the lists of the console are made of, beside year.sql: %(payments)s payments and ten times as
-- many entries of the ledger. One buyer in a thousand is a large one, and what is rare is old.
set session_replication_role = replica;
insert into auth.users (id, email, created_at)
select md5('user ' || n)::uuid, 'buyer' || n || '@example.com', now() - interval '1 year'
from generate_series(0, 19999) as n;
insert into public.token_wallets (user_id, tokens, seq)
select md5('user ' || n)::uuid, 0, 0 from generate_series(0, 19999) as n
on conflict do nothing;
-- A fifth of them is of one wallet.
insert into public.token_ledger (user_id, seq, delta, balance, kind, caller, created_at)
select
  md5('user ' || case when n % 5 = 0 then 7 else n % 20000 end)::uuid, n, 1, n,
  case when n < 50 then 'adjustment' when n % 2 = 0 then 'spend' else 'purchase' end, 'system',
  now() - interval '365 days' * (1 - n / (10.0 * %(payments)s))
from generate_series(1, 10 * %(payments)s) as n;
update public.token_payments set status = case right(order_id, 4)
  when '0001' then 'review' when '0002' then 'disputed' else 'refunded' end
where right(order_id, 1) in ('1', '2', '3') and paid > 0;
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
  md5('subscription ' || n)::uuid, md5('user ' || n % 20000)::uuid,
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
insert into coinslot.audits (gateway, since, until, ended_at, finished_at)
select g, d, d + interval '1 day', d + interval '1 day', d + interval '1 day'
from unnest(array['portone', 'toss', 'stripe']) as g
cross join generate_series(now() - interval '365 days', now(), interval '1 day') as d;
set session_replication_role = origin;
