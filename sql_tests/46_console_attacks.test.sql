-- What somebody tries with the calls of the console: filters that are patterns or statements, cursors
-- of other lists, cells that are formulas, and reports of odd zones and long times.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/staff.sql
select no_plan();
select pg_temp.sign_up('mina.kim@example.com') as mina \gset
create function pg_temp.bought() returns text
language plpgsql as $$
declare
  v_order text := pg_temp.as_user((select id from auth.users where email = 'mina.kim@example.com'),
    $q$select order_id from create_token_order('starter', 'portone')$q$) ->> 'order_id';
begin
  perform pg_temp.read(v_order, 'A:paid paid=5000');
  return v_order;
end
$$;
select pg_temp.bought() as first, pg_temp.bought() as second \gset
create function pg_temp.found(list text, filters jsonb) returns text
language sql as $$
  select coalesce(l ->> 'error', jsonb_array_length(l -> 'items')::text) from pg_temp.list('finance', list, filters) l
$$;

-- ---- filters are compared, and are neither patterns nor statements ----
select is(pg_temp.found('orders', '{}'), '2', 'there are two orders');
select is(pg_temp.found(f.list, f.filters), f.found, f.list || ' ' || f.filters)
from (values
  ('orders', '{"gateway": ".*"}'::jsonb, '0'), ('orders', '{"gateway": "%"}', '0'), ('orders', '{"product": "start_r"}', '0'),
  ('orders', '{"method": "(a+)+$"}', '0'), ('orders', '{"code": "\\"}', '0'),
  ('orders', '{"product": "'' or true --"}', '0'), ('orders', '{"gateway": "$1"}', '0'),
  ('orders', '{"status": ["completed'' or true --"]}', '0'), ('orders', '{"status": ["review'') or (true"]}', '0'),
  ('orders', '{"status": "completed"}', 'invalid_argument'), ('orders', '{"live": "true or true"}', 'invalid_argument'),
  ('orders', '{"user": ".*"}', 'invalid_argument'), ('orders', '{"user": "%"}', 'invalid_argument'),
  ('orders', '{"since": "now() - interval ''1 day''"}', 'invalid_argument'), ('orders', '{"since": "x"}', 'invalid_argument'),
  ('orders', '{"order": "amount desc"}', 'invalid_argument'), ('orders', '{"sort": "amount"}', 'invalid_argument'),
  ('orders', '{"order_by": "1; drop table token_payments"}', 'invalid_argument'), ('orders', '{"limit": "1000000"}', 'invalid_argument'),
  ('orders', '{"email": "mina"}', 'invalid_argument'), ('orders', '[]', 'invalid_argument'),
  ('orders; select', '{}', 'invalid_argument'),
  ('webhooks', '{"outcome": "%"}', '0'), ('webhooks', '{"order": ".*"}', '0'), ('actions', '{"subject": "%"}', '0'),
  ('actions', '{"actor": ".*"}', '0'), ('cases', '{"kind": ".*"}', '0'), ('cash_receipts', '{"state": "%"}', '0'),
  ('subscriptions', '{"plan": "%"}', '0')
) f (list, filters, found);
select is(pg_temp.found('orders', jsonb_build_object('gateway', repeat('(a+)+', 200))), 'invalid_argument', 'a filter is short');
select is(
  (select jsonb_array_length(s -> 'orders') + jsonb_array_length(s -> 'customers')
  from pg_temp.as_user(pg_temp.staff('support'), format('select token_console_search(%L) as n', q)) a, lateral (select a -> 'n' as s) b), 0,
  'search finds the whole and no pattern: ' || q
)
from unnest(array['ord%', '.*.*', 'mina.kim@%', '%@example.com', '''; --']) q;

-- ---- cursors ----
select pg_temp.list('owner', 'orders', '{}', null, 1) ->> 'next' as page, pg_temp.list('owner', 'entries', jsonb_build_object('user', :'mina'), null, 1) ->> 'next' as entry \gset
select is(pg_temp.list('support', 'orders', '{}', :'page', 1) #>> '{items,0,email}', 'm***@example.com', 'an owner''s cursor shows support what support may see');
select is(pg_temp.as_user(:'mina', format('select token_console_list(''orders'', ''{}'', %L)', :'page')) ->> 'error', 'forbidden', '... and a buyer nothing');
select is(pg_temp.list('owner', c.list, '{}', c.after) ->> 'error', 'invalid_argument', c.list || ' after ' || c.after)
from (values
  ('orders', :'entry'), ('actions', :'page'), ('cases', :'page'), ('orders', 'infinity_x'), ('orders', ''' or true --'), ('orders', '-1'),
  ('orders', repeat('9', 200)), ('webhooks', '1; select 1'), ('refunds', '999999999999999999_ffffffff-ffff-ffff-ffff-ffffffffffff')
) c (list, after);
select is(jsonb_array_length(pg_temp.list('owner', 'orders', '{}', '-99999999999999999_ffffffff-ffff-ffff-ffff-ffffffffffff') -> 'items'), 0, 'before everything there is nothing');
select is(jsonb_array_length(pg_temp.list('owner', 'orders', '{}', null, s) -> 'items'), n, 'a page of ' || s)
from (values (-5, 1), (0, 1), (1, 1), (2147483647, 2)) v (s, n);

-- ---- cells ----
select is(
  coinslot.csv_lines(jsonb_build_array(jsonb_build_object('a', c)), array['a']) ->> 0,
  '"''' || replace(c, '"', '""') || '"', 'no formula: ' || c
)
from unnest(array[
  '=1+1', '+1', '-1', '@SUM(1)', E'\t=1', E'\r=1', E'\n=1', '  =1', '=HYPERLINK("http://x","y")', '＝1+1', '＋1', '－1', '＠SUM(1)', E'\t\n＝1'
]) c;
select is(
  coinslot.csv_lines(jsonb_build_array(jsonb_build_object('a', c)), array['a']) ->> 0, '"' || c || '"', 'nothing is added to: ' || c
)
from unnest(array['a=1', 'mina@example.com', '1-1', '홍길동', '5,000']) c;
select is(coinslot.csv_lines('[{"a": -5, "b": null, "c": true}]', array['a', 'b', 'c']) ->> 0, '-5,,true', 'numbers are numbers');

-- ---- reports ----
create function pg_temp.told(report text, options jsonb) returns jsonb
language sql as $$
  select coalesce(a -> 'n', a) from pg_temp.as_user(pg_temp.staff('support'), format('select token_console_report(%L, %L) as n', report, options)) a
$$;
select ok(pg_temp.told(r, jsonb_build_object('from', '2017-01-01', 'to', '2026-12-31', 'zone', z)) ? 'rows', r || ' of ten years by day in ' || z)
from unnest(coinslot.report_names()) r cross join unnest(array['Asia/Kolkata', 'UTC', 'America/St_Johns']) z;
select is(pg_temp.told('sales', jsonb_build_object('from', '2016-01-01', 'to', '2026-12-31')) ->> 'error', 'invalid_argument', 'but not of more');
select is(pg_temp.told('sales', jsonb_build_object('from', '2026-01-01', 'to', '2026-01-31') || b) ->> 'error', 'invalid_argument', 'a report with ' || b::text)
from unnest(array['{"zone": "Asia/Kolkata'' or true --"}', '{"zone": "../../etc/passwd"}', '{"step": "day; select 1"}', '{"currency": "KRW", "order": "paid"}']::jsonb[]) b;
select is(pg_temp.told('sales', jsonb_build_object('from', '2026-01-01', 'to', '2026-01-31', 'currency', c)) -> 'rows', '[]', 'no currency is ' || c)
from unnest(array['.*', '%', 'K_W', '''; --']) c;
insert into coinslot.order_totals (currency, gateway, method, live, at, orders, opened, tried, declined, paid, first_try)
select 'KRW', 'g' || n, 'card', false, '2020-01-01', 1, 1, 1, 0, 1, 1 from generate_series(1, 20) n;
select is(pg_temp.told('funnel', jsonb_build_object('from', '2017-01-01', 'to', '2026-12-31')) #>> '{details,argument}', 'step', 'ten years by day in twenty ways are too many rows, which is said');
select ok(pg_temp.told('funnel', jsonb_build_object('from', '2017-01-01', 'to', '2026-12-31', 'step', 'month')) ? 'rows', '... and by month they are not');

-- What is rare is added up, and nothing is left out
update coinslot.report_progress set orders_to = now();
insert into coinslot.decline_sums (at, currency, gateway, method, live, reason, attempts)
select '2020-01-01 00:00Z', 'KRW', 'toss', 'card', false, 'reason ' || n, n from generate_series(1, 12000) n;
select is(
  (select array[count(*), sum((r ->> 'attempts')::bigint)::bigint, count(*) filter (where r ->> 'label' = 'other')]
  from jsonb_array_elements(pg_temp.told('declines', '{"from": "2020-01-01", "to": "2020-01-31", "step": "all"}') -> 'rows') r),
  array[10001, 12000 * 12001 / 2, 1]::bigint[], 'ten thousand reasons are told apart, and the rest is one row'
);
select is(
  (select array[count(*), sum((r ->> 'attempts')::bigint)::bigint]
  from jsonb_array_elements(pg_temp.told('declines', '{"from": "2019-06-01", "to": "2020-05-31"}') -> 'rows') r),
  array[28, 12000 * 12001 / 2]::bigint[], 'of a year by day fewer, and as many attempts'
);
-- ---- limits are of the money that goes back ----
select pg_temp.as_user(:'mina', 'select order_id from create_token_order(''starter'', ''portone'')') ->> 'order_id' as foreign \gset
select is(pg_temp.read(:'foreign', 'A:paid currency=USD paid=5000'), 'review review 25', 'an order that was paid in another currency than asked');
select is(pg_temp.refusal(pg_temp.act('limited', 'refund_order', :'foreign', '{"amount": 2000}')),
  'PT403 limit_reached {"left": 0, "limit": 0, "currency": "USD"}', '... goes back within a limit of that one');
select is(pg_temp.act('finance', 'refund_order', :'foreign', '{"amount": 2000}') ->> 'currency', 'USD', '... by who has none');

select * from finish();
rollback;
