-- A year of %(payments)s orders in 42 ways, most of them paid, and what of it is summed elsewhere.
-- Of %(wallets)s wallets three are large: of a buyer who spends 391 tokens of each order one by one.
set session_replication_role = replica;
create temporary table made as
select
  m.*, md5('user ' || m.buyer)::uuid as user_id,
  9 + s.spends as tokens, s.spends,
  case when m.back then 2 when m.paid then 1 + s.spends else 0 end as entries
from (
  select
    n, now() - interval '365 days' * (1 - n / %(payments)s.0) as at, md5('order ' || n)::uuid as id,
    case
      when n % 500 = 0 then 7 when n % 500 = 1 then 11 when n % 1000 = 3 then 13
      else n % %(wallets)s
    end as buyer,
    (array['portone', 'toss', 'stripe'])[1 + n % 3] as gateway,
    (array[
      'card', 'kakaopay', 'naverpay', 'tosspay', 'transfer', 'virtual_account', 'mobile'
    ])[1 + n / 3 % 7] as method,
    case when n % 11 = 0 then 'USD' else 'KRW' end as currency, n % 7 <> 0 as paid,
    n % 15 = 4 and n % 7 <> 0 as back
  from generate_series(1, %(payments)s) as n
) as m
cross join lateral (select case when m.buyer in (7, 11, 13) then 391 else 11 end as spends) as s;
insert into public.token_payments (
  id, order_id, user_id, product_id, name, gateway, amount, currency, tokens, live, status, method,
  paid, refunded, expires_at, created_at, confirmed_at, updated_at
)
select
  m.id, 'ord_year' || lpad(m.n::text, 12, '0'), m.user_id, 'starter', 'Starter', m.gateway, 5000,
  m.currency, m.tokens, false,
  case when m.back then 'refunded' when m.paid then 'completed' else 'expired' end, m.method,
  case when m.paid then 5000 else 0 end, case when m.back then 5000 else 0 end,
  m.at + interval '1 hour', m.at, case when m.paid then m.at + interval '1 minute' end,
  m.at + interval '1 minute'
from made as m;
insert into coinslot.payment_attempts (
  payment_id, gateway, payment_key, state, amount, currency, live, paid, refunded, refunding,
  disputed, withdrawn, created_at, updated_at, failure_reason, credited
)
select
  m.id, m.gateway, k.state || m.n, k.state, 5000, m.currency, false,
  case when k.state = 'paid' then 5000 else 0 end,
  case when k.state = 'paid' and m.back then 5000 else 0 end, 0, 0, 0, m.at, m.at, k.reason,
  k.state = 'paid'
from made as m
cross join lateral (
  select case when m.paid then 'paid' else 'ready' end as state, null as reason
  union all
  select 'failed', (array['expired_card', 'limit_or_balance', 'issuer'])[1 + m.n % 3]
  where m.n % 9 = 0
) as k;
insert into coinslot.money_moves (
  payment_id, at, sold_at, currency, gateway, method, product_id, live, paid, refunded, withdrawn,
  vat, payments
)
select m.id, m.at, m.at, m.currency, m.gateway, m.method, 'starter', false, 5000, 0, 0, 455, 1
from made as m where m.paid
union all
select m.id, m.at, m.at, m.currency, m.gateway, m.method, 'starter', false, 0, 5000, 0, -455, 0
from made as m where m.back;
-- What went back had been used.
insert into coinslot.beyond_lots (payment_id, at, currency, live, refunded, breakage)
select m.id, m.at, m.currency, false, 5000, 0 from made as m where m.back;
insert into coinslot.token_sums
select coinslot.quarter_of(now() - g * interval '15 minutes'), k, false, false, 10, 5, 3
from generate_series(1, 35000) as g
cross join unnest(array['purchase', 'spend', 'signup_bonus', 'refund', 'expiry']) as k;
insert into coinslot.lot_sums
select coinslot.quarter_of(now() - g * interval '15 minutes'), c, false, k, false, 10, 500
from generate_series(1, 35000) as g
cross join unnest(array['sold', 'used', 'expired', 'taken']) as k
cross join unnest(array['KRW', 'USD']) as c;
-- Each day was audited once, and each payment listed.
insert into coinslot.audits (gateway, since, until, live, ended_at, finished_at)
select g, d, d + interval '1 day', false, d + interval '1 day', d + interval '1 day'
from unnest(array['portone', 'toss', 'stripe']) as g
cross join generate_series(
  date_trunc('day', now() - interval '365 days'), now(), interval '1 day'
) as d;
insert into coinslot.audit_lines (
  audit_id, payment_key, order_id, currency, moved_at, paid, refunded, our_paid, our_refunded,
  tokens, verdict
)
select
  a.id, 'paid' || m.n, 'ord_year' || lpad(m.n::text, 12, '0'), m.currency, m.at, 5000, 0, 5000, 0,
  m.tokens, 'matched'
from made as m
inner join coinslot.audits as a on a.gateway = m.gateway and a.since = date_trunc('day', m.at)
where m.paid;
insert into coinslot.audit_totals
select s.* from coinslot.audits as a cross join lateral coinslot.sum_audit_lines(a) as s;
set session_replication_role = origin;
