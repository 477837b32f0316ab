-- The console's pages of subscriptions and of events out: what operators read and do there.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/staff.sql
select no_plan();
select pg_temp.change('update coinslot.settings set signup_bonus = 0, charge_from_hour = 0,
  charge_until_hour = 24, charge_spread = ''0''') \g /dev/null
select pg_temp.as_service('select coinslot_set_unattended(''portone'', ''periodic'')') \g /dev/null
select pg_temp.as_service($$select coinslot_set_plan('plus', 'month', 'Plus', '플러스', 300,
  '{"KRW": 9900}')$$) \g /dev/null
select pg_temp.sign_up('mina.kim@example.com') as mina, pg_temp.sign_up('alex@example.com') as alex \gset

create function pg_temp.subscribe(buyer uuid) returns uuid
language plpgsql as $$
declare
  v_method uuid := pg_temp.as_user(buyer, 'select begin_token_method(''portone'') as t') #>> '{t,id}';
begin
  perform pg_temp.as_service(format(
    'select coinslot_finish_method(%L, ''sealed'', %L, ''Hyundai'', ''1234'')', v_method, v_method
  ));
  return pg_temp.as_user(buyer, format(
    'select * from subscribe_token_plan(''plus'', ''portone'', ''KRW'', %L)', v_method
  )) ->> 'id';
end
$$;
create function pg_temp.charge(subscription uuid, outcome text default 'paid') returns text
language plpgsql as $$
declare
  v_claim jsonb := pg_temp.as_service(format(
    'select c from unnest(coinslot_claim_charges(array[''portone''], 5, %L)) c', subscription
  )) -> 'c';
begin
  if outcome <> 'paid' then
    return pg_temp.as_service(format('select coinslot_finish_charge(%L, %s, %L, ''expired_card'') as t',
      v_claim ->> 'id', v_claim ->> 'lease', outcome)) ->> 't';
  end if;
  return pg_temp.read(v_claim #>> '{payment,order_id}', 'A:paid paid=9900');
end
$$;
select pg_temp.subscribe(:'mina') as first, pg_temp.subscribe(:'alex') as second \gset
select pg_temp.charge(:'first'), pg_temp.charge(:'second', 'soft') \g /dev/null

-- ---- subscriptions ----

select is(
  jsonb_path_query_array(pg_temp.list('support', 'subscriptions'), '$.items[*].id'),
  jsonb_build_array(:'second', :'first'), 'subscriptions, newest first'
);
select is(
  jsonb_path_query_array(pg_temp.list('finance', 'subscriptions', f.filters), '$.items[*].id'),
  f.found, concat('subscriptions of ', f.filters)
) from (values
  ('{"status": ["active"]}'::jsonb, jsonb_build_array(:'first')),
  ('{"status": ["incomplete", "past_due"]}', jsonb_build_array(:'second')),
  (jsonb_build_object('user', :'mina'::uuid), jsonb_build_array(:'first')),
  (jsonb_build_object('user', :'mina'::uuid, 'status', array['ended']), '[]'),
  ('{"plan": "plus", "gateway": "portone", "currency": "KRW", "live": false}',
    jsonb_build_array(:'second', :'first')),
  ('{"plan": "pro"}', '[]'), ('{"live": true}', '[]'), ('{"until": "2020-01-01"}', '[]')
) f (filters, found);
select pg_temp.list('owner', 'subscriptions', '{}', null, 1) as page \gset
select is(
  jsonb_path_query_array(
    pg_temp.list('owner', 'subscriptions', '{}', :'page'::jsonb ->> 'next', 1), '$.items[*].id'),
  jsonb_build_array(:'first'), 'the next page begins where the last one ended'
);
select is(pg_temp.list('owner', 'subscriptions', '{}', null, 2) ->> 'next', null, 'the end is told');
select is(pg_temp.list('owner', 'subscriptions', f) ->> 'code', 'PT400', 'no filter ' || f::text)
from unnest(array['{"status": "active"}', '{"state": "x"}', '{"user": "mina"}']::jsonb[]) f;
select is(
  pg_temp.list(r.role, 'subscriptions') #>> '{items,1,email}', r.email, r.role || ' sees'
) from (values ('support', 'm***@example.com'), ('owner', 'mina.kim@example.com')) r (role, email);

select pg_temp.get('support', 'subscription', :'first') as one \gset
select is(:'one'::jsonb #> '{subscription,method}',
  '{"brand": "Hyundai", "last_four": "1234", "broken": false, "removed": false}', 'its card');
select is(:'one'::jsonb #- '{subscription,method}' ? 'sealed', false, '... and nothing to charge it with');
select is(
  (:'one'::jsonb #> '{cycles,0,orders,0}') - 'order_id',
  '{"purpose": "renewal", "status": "completed", "amount": 9900, "paid": 9900, "refunded": 0,
    "withdrawn": 0}', 'a period with its order'
);
select is(jsonb_path_query_array(:'one'::jsonb, '$.charges[*].state'), '["paid"]', 'its charge');
select is(jsonb_path_query_array(:'one'::jsonb, '$.timeline[*].event'), '["started", "subscribed"]',
  'what happened to it');
select is(
  jsonb_path_query_array(pg_temp.get('support', 'subscription', :'second'), '$.charges[*].reason'),
  '["expired_card"]', 'why a charge was declined'
);
select is(:'one'::jsonb -> 'can', '{"cancel": true, "at_once": false, "refund_order": false}',
  'what support may');
select is(pg_temp.refusal(pg_temp.get('owner', 'subscription', i)), 'PT404 subscription_not_found {}',
  'no subscription ' || coalesce(i, 'null'))
from unnest(array['x', null, '00000000-0000-0000-0000-000000000000']) i;
select is(pg_temp.get('owner', 'order', :'one'::jsonb #>> '{cycles,0,orders,0,order_id}')
  #>> '{order,subscription_id}', :'first', 'an order leads to its subscription');
select is(pg_temp.as_user(pg_temp.staff('support'), format('select token_console_search(%L) as n', :'first'))
  #>> '{n,subscriptions,0,id}', :'first', 'found by its id');

-- Ending one
select is(
  pg_temp.act('support', 'cancel_subscription', :'first', key => 'c') - 'period_end',
  jsonb_build_object('id', :'first', 'status', 'active', 'cancel_at_end', true, 'ended_at', null),
  'what is paid for stays until its period ends'
);
select is(pg_temp.act('support', 'cancel_subscription', :'first', key => 'c') ->> 'id', :'first',
  'made again it is answered again');
select is(pg_temp.actions(:'first'), 'subscription_canceled support because', '... and was noted once');
select is(pg_temp.act('owner', 'cancel_subscription', :'first') ->> 'error', 'changed_meanwhile',
  'somebody was faster');
select is(
  pg_temp.get('owner', 'subscription', :'first') #> '{timeline,0}' ->> 'action',
  'subscription_canceled', 'it is in the timeline'
);
select is((select e.detail from public.token_subscription_events e
  where e.subscription_id = :'first' and e.event = 'canceled'), '{"by": "operator"}',
  'its owner sees that it was not them');
select is(pg_temp.get('owner', 'subscription', :'first') #> '{can,cancel}', 'false', 'it is canceled');
select is(pg_temp.act('finance', 'cancel_subscription', :'second') ->> 'status', 'ended',
  'what is not paid ends at once');
select is(pg_temp.act('owner', 'cancel_subscription', 'x') ->> 'error', 'subscription_not_found',
  'there is none');
select is(pg_temp.act('finance', 'refund_order', :'one'::jsonb #>> '{cycles,0,orders,0,order_id}')
  ->> 'status', 'requested', 'a period is refunded as its order');
select is((select count(*) from coinslot.verify_ledger(null, null)), 0::bigint, 'the books add up');

-- ---- recurring revenue ----

create function pg_temp.recurring(report text, step text default 'all') returns jsonb
language sql as $$
  select coinslot.make_report(report, jsonb_build_object(
    'from', current_date - 2, 'to', current_date + 2, 'step', step)) -> 'rows'
$$;
select is(
  (pg_temp.recurring('recurring') -> 0) - 'day' - 'churn_percent' - 'net_churn_percent' - 'lost_percent',
  '{"currency": "KRW", "opening": 0, "new": 9900, "reactivation": 0, "expansion": 0,
    "contraction": 0, "churn": 0, "closing": 9900, "started": 1, "ended": 0, "subscriptions": 1}',
  'who paid counts, until the period ends and though it is canceled; who never paid does not'
);
update public.token_subscriptions s set next_charge_at = clock_timestamp() - interval '1 hour',
  period_start = s.period_start - interval '32 days', period_end = clock_timestamp() - interval '1 hour',
  anchor = s.anchor - interval '32 days'
where s.id = :'first';
update coinslot.subscription_cycles c set period_start = c.period_start - interval '32 days'
where c.subscription_id = :'first';
select pg_temp.as_service(format('select c from unnest(coinslot_claim_charges(array[''portone''], 5, %L)) c', :'first'))
\g /dev/null
select is(pg_temp.recurring('recurring') #> '{0,churn}', '9900', '... when it has ended');
select is((pg_temp.recurring('churn') -> 0) - 'day',
  '{"label": "canceled", "plan": "plus", "currency": "KRW", "ended": 1, "churn": 9900}', '... and why');
select pg_temp.subscribe(:'mina') as again \gset
select pg_temp.charge(:'again') \g /dev/null
select is(pg_temp.recurring('recurring') #> '{0,reactivation}', '9900', 'who comes back is not new');
select isnt(pg_temp.as_owner('delete from coinslot.recurring_moves') ->> 'code', null, 'moves stay');

select is((
  select string_agg(coinslot.monthly_worth(jsonb_populate_record(s, jsonb_build_object(
    'status', v.status, 'every', v.every)))::text, ' ' order by v.n)
  from public.token_subscriptions s cross join (values
    (1, 'active', 'month'), (2, 'past_due', 'month'), (3, 'active', 'year'), (4, 'paused', 'month'),
    (5, 'incomplete', 'month'), (6, 'ended', 'year')) v (n, status, every)
  where s.id = :'first'
), '9900 9900 825 0 0 0', 'what runs, or is behind, is worth its price a month, a yearly one a twelfth');

-- ---- what became of orders, from running totals ----

-- One order of five minutes past midnight yesterday, in Seoul; the others are of today.
select date_trunc('day', now() at time zone 'Asia/Seoul') at time zone 'Asia/Seoul' as today \gset
select pg_temp.change(format('update public.token_payments p set created_at = %L where p.order_id = %L',
  :'today'::timestamptz - interval '1 day' + interval '5 minutes',
  :'one'::jsonb #>> '{cycles,0,orders,0,order_id}')) \g /dev/null
select pg_temp.recurring('funnel', 'day') as before \gset
select is((select sum((r ->> 'orders')::integer) from jsonb_array_elements(:'before'::jsonb) r), 3::bigint,
  'three orders');
select is(coinslot.total_orders(:'today'::timestamptz - interval '3 days', :'today'), 1::bigint, 'one until midnight');
select is(coinslot.total_orders(:'today', :'today'::timestamptz + interval '2 days'), 2::bigint, '... two after it');
update coinslot.report_progress set orders_to = :'today'::timestamptz + interval '2 days';
select is(pg_temp.recurring('funnel', 'day'), :'before'::jsonb, 'summed or not, it is the same');
select is(pg_temp.recurring('funnel') #> '{0,paid}', '2', 'over both days two were paid');
update coinslot.report_progress set orders_to = null;

-- ---- events out ----

select '00000000-0000-0000-0000-00000000000a' as hook \gset
select pg_temp.as_service(format(
  'select coinslot_add_endpoint(%L, ''https://app.example.com/hooks'', ''v1.main.AAAA'')', :'hook'
)) \g /dev/null
select coinslot.emit('wallet.low', :'mina', '{"tokens": 1}') as event from generate_series(1, 3) \g /dev/null

select is(pg_temp.get('support', 'endpoints') #>> '{endpoints,0,url}', 'https://app.example.com/hooks',
  'endpoints');
select is(pg_temp.get('support', 'endpoints') #>> '{endpoints,0,secret_key}', 'main',
  '... with the name of the key that sealed its secret');
select is(pg_temp.get('support', 'endpoints')::text like '%AAAA%', false, '... and no secret');
select is(pg_temp.get('support', 'endpoints') -> 'can',
  '{"set_endpoint": false, "test_endpoint": false, "replay_endpoint": false}', 'support looks');
select is(jsonb_array_length(pg_temp.list('support', 'deliveries', f.filters) -> 'items'), f.found,
  concat('deliveries of ', f.filters))
from (values
  (jsonb_build_object('endpoint', :'hook'), 3),
  (jsonb_build_object('endpoint', :'hook', 'state', 'pending'), 3),
  (jsonb_build_object('endpoint', :'hook', 'state', 'parked'), 0),
  (jsonb_build_object('endpoint', :'hook', 'type', 'wallet.low'), 3),
  (jsonb_build_object('endpoint', :'hook', 'event', 'evt_none'), 0)
) f (filters, found);
select is(pg_temp.list('owner', 'deliveries', f) ->> 'code', c, 'no deliveries of ' || f::text)
from (values ('{}'::jsonb, 'PT404'), ('{"endpoint": "x"}', 'PT404'), ('{"endpoint": "x", "y": "z"}', 'PT400'))
v (f, c);
select pg_temp.list('owner', 'deliveries', jsonb_build_object('endpoint', :'hook'), null, 2) as page \gset
select is(
  jsonb_array_length(pg_temp.list('owner', 'deliveries', jsonb_build_object('endpoint', :'hook'),
    :'page'::jsonb ->> 'next', 2) -> 'items'), 1, 'they go on');
select is(
  pg_temp.get('support', 'delivery', :'page'::jsonb #>> '{items,0,id}') #>> '{body,data,seq}',
  :'page'::jsonb #>> '{items,0,seq}', 'what is sent'
);
select is(pg_temp.get('support', 'delivery', 'x') ->> 'error', 'unknown_id', 'no delivery');

-- What owners do with them
select is(pg_temp.act(r.role, a, :'hook', '{"active": false}') ->> 'code', 'PT403', r.role || ' may not ' || a)
from (values ('support'), ('finance')) r (role)
cross join unnest(array['set_endpoint', 'test_endpoint', 'replay_endpoint']) a;
select is(pg_temp.act('owner', 'test_endpoint', :'hook') ? 'event_id', true, 'it is tried');
select is(pg_temp.act('owner', 'set_endpoint', :'hook', '{"active": false}') -> 'active', 'false',
  'it is switched off');
select is((select string_agg(distinct d.state, ' ') from coinslot.deliveries d), 'parked',
  '... and what was to be sent is parked');
select is(pg_temp.act('owner', a, :'hook') ->> 'error', 'endpoint_off', 'one that is off: ' || a)
from unnest(array['test_endpoint', 'replay_endpoint']) a;
select is(pg_temp.act('owner', 'set_endpoint', :'hook',
  '{"active": true, "types": ["payment.completed"], "name": "Main"}') -> 'types',
  '["payment.completed"]', 'it is on again, and told of less');
select is(pg_temp.act('owner', 'replay_endpoint', :'hook', '{}', 'r') -> 'deliveries', '3',
  'what was parked is sent again');
select is(pg_temp.act('owner', 'replay_endpoint', :'hook', '{}', 'r') -> 'deliveries', '3', '... once');
select is(pg_temp.act('owner', 'set_endpoint', :'hook', a) ->> 'code', 'PT400', 'not ' || a::text)
from unnest(array['{"types": ["nothing.such"]}', '{"types": "all"}', '{"active": "yes"}', '{"url": "ftp://x"}']::jsonb[]) a;
select is(pg_temp.act('owner', 'set_endpoint', 'x') ->> 'error', 'endpoint_not_found', 'no endpoint');
select is(pg_temp.actions(:'hook'),
  'endpoint_added , endpoint_tested owner because, endpoint_changed owner because, '
  'endpoint_changed owner because, endpoint_replayed owner because', 'each was noted once');
select is(pg_temp.get('support', 'attention') -> 'endpoints', '0', 'nobody needs to look');
select pg_temp.change('update coinslot.endpoints set failing_since = clock_timestamp()') \g /dev/null
select is(pg_temp.get('support', 'attention') -> 'endpoints', '1', '... until one fails');

-- ---- settings ----

create function pg_temp.set(changes jsonb, expected jsonb default '{}', role text default 'owner')
returns text
language sql as $$
  select case when a ? 'code' then concat_ws(' ', a ->> 'error', a #>> '{details,argument}',
    a #>> '{details,setting}') else 'done' end
  from pg_temp.act(role, 'set_settings', 'settings', jsonb_build_object(
    'changes', changes, 'expected', expected)) a
$$;
select is(pg_temp.set('{"signup_bonus": 3}', role => r), 'forbidden', r || ' sets nothing')
from unnest(array['support', 'finance']) r;
select is(pg_temp.get('support', 'settings') -> 'can',
  '{"set_settings": false, "set_seller": false, "set_unattended": false}', 'support reads');
select is((select array_agg(k order by k) from jsonb_object_keys(pg_temp.get('support', 'settings') -> 'settings') k),
  (select array_agg(k order by k) from jsonb_object_keys(coinslot.console_settings()) k), 'what it knows');
select is((select count(*) from jsonb_object_keys(coinslot.console_settings()) k
  where not exists (select from pg_attribute a where a.attrelid = 'coinslot.settings'::regclass and a.attname = k)),
  0::bigint, 'each is a setting');
select is(pg_temp.set('{"signup_bonus": 3, "returned_lifetime": 1209600, "low_mark": 10}',
  '{"signup_bonus": 0}'), 'done', 'three at once');
select is((select concat_ws(' ', s.signup_bonus, s.returned_lifetime, s.low_mark, s.low_margin) from coinslot.settings s),
  '3 14 days 10 5', '... are set, and no other');
select is((select a.detail || jsonb_build_object('by', a.role, 'why', a.reason) from coinslot.operator_actions a
  where a.action = 'settings_changed'),
  '{"from": {"signup_bonus": 0, "returned_lifetime": 604800, "low_mark": null},
    "to": {"signup_bonus": 3, "returned_lifetime": 1209600, "low_mark": 10}, "by": "owner", "why": "because"}',
  '... and kept with what was before');
select is(pg_temp.set('{"signup_bonus": 4}', '{"signup_bonus": 0}'), 'changed_meanwhile signup_bonus',
  'somebody was faster');
select is(pg_temp.set(c.changes::jsonb), c.said, 'set ' || c.changes) from (values
  ('{"low_mark": null}', 'done'), ('{"signup_bonus": null}', 'invalid_argument signup_bonus'),
  ('{"mode": "live"}', 'invalid_argument mode'), ('{"identity_salt": "x"}', 'invalid_argument identity_salt'),
  ('{"signup_bonus": -1}', 'invalid_argument signup_bonus'),
  ('{"signup_bonus": 1.5}', 'invalid_argument signup_bonus'),
  ('{"signup_bonus": "3"}', 'invalid_argument signup_bonus'),
  ('{"max_open_orders": 0}', 'invalid_argument max_open_orders'),
  ('{"max_open_orders": 9999999999}', 'invalid_argument max_open_orders'),
  ('{"charge_from_hour": 20, "charge_until_hour": 9}', 'invalid_argument charge_from_hour, charge_until_hour'),
  ('{"anonymous_purchases": "no"}', 'invalid_argument anonymous_purchases'),
  ('{"anonymous_purchases": false}', 'done'),
  ('{"links": {"terms": "javascript:alert(1)"}}', 'invalid_argument links'),
  ('{"links": {"terms": "https://example.com/terms"}}', 'done'),
  ('{"order_lifetime": 0}', 'invalid_argument order_lifetime'),
  ('{"cash_receipts": "sometimes"}', 'invalid_argument cash_receipts'),
  ('{"cash_receipts": null}', 'invalid_argument cash_receipts'),
  ('{"cash_receipts": "choice"}', 'invalid_argument cash_receipts'),
  ('{"cash_receipts": "always", "cash_receipts_from": 100000}', 'done'),
  ('{"renewal_ahead": 2592000}', 'invalid_argument renewal_ahead'),
  ('{"renewal_ahead": 432000, "yearly_renewal_ahead": null}', 'done'),
  ('{"order_lifetime": 5400}', 'done'), ('{}', 'invalid_argument changes')
) c (changes, said);
select is((select s.order_lifetime::text from coinslot.settings s), '01:30:00', 'an hour and a half');
select is((select concat_ws(' ', s.cash_receipts, s.cash_receipts_from, s.renewal_ahead, s.yearly_renewal_ahead) from coinslot.settings s),
  'always 100000 5 days', 'cash receipts for all, and five days'' notice of a month');
select is((select a.detail -> 'from' from coinslot.operator_actions a where a.detail -> 'to' ? 'cash_receipts'),
  '{"cash_receipts": "off", "cash_receipts_from": 1}', '... with what was before');
select is(pg_temp.act('owner', 'set_seller', 'seller', '{"business": {"name": "Acme"}, "tax_status": "general"}')
  ->> 'tax_status', 'general', 'who sells');
select is(pg_temp.get('owner', 'settings') #>> '{seller,business,name}', 'Acme', '... is shown');
select is(pg_temp.act('finance', 'set_seller', 'seller', '{"business": {"name": "Mine"}}') ->> 'code', 'PT403',
  '... and is the owner''s to say');
select is(pg_temp.act('owner', 'set_unattended', 'toss', '{"unattended": "at_will"}') ->> 'unattended', 'at_will',
  'what a contract allows');
select is(pg_temp.act('owner', 'set_unattended', g, jsonb_build_object('unattended', u)) ->> 'code', 'PT400',
  concat('not ', u, ' at ', g)) from (values ('toss', 'often'), ('nobody', 'none')) v (g, u);
select is((select string_agg(a.action || ' ' || a.subject, ', ' order by a.id) from coinslot.operator_actions a
  where a.action in ('seller_set', 'unattended_set')), 'seller_set seller, unattended_set toss', 'both were noted');

-- Pages up to a time: strictly before it, one by one as all at once
create function pg_temp.pages(list text, until timestamptz) returns jsonb
language plpgsql as $$
declare
  v_found jsonb := '[]';
  v_page jsonb := '{"next": null}';
begin
  loop
    v_page := pg_temp.list('owner', pages.list, jsonb_build_object('until', pages.until),
      v_page ->> 'next', 1);
    v_found := v_found || jsonb_path_query_array(v_page -> 'items', '$[*].order_id');
    exit when v_page ->> 'next' is null;
  end loop;
  return v_found;
end
$$;
select cmp_ok((select count(distinct p.created_at) from public.token_payments p), '>', 2::bigint, 'orders of some times');
select is(pg_temp.pages('orders', u.created_at), (
  select coalesce(jsonb_agg(p.order_id order by p.created_at desc, p.id desc), '[]')
  from public.token_payments p where p.created_at < u.created_at
), 'orders up to another') from public.token_payments u;
select is(
  (select count(*) from jsonb_array_elements(
    pg_temp.list('owner', 'customers', jsonb_build_object('until', u.created_at)) -> 'items'
  ) c where (c ->> 'last_order_at')::timestamptz >= u.created_at), 0::bigint, 'customers up to an order'
) from public.token_payments u;
select is((select concat_ws(' ', w.at, w.id) from coinslot.walk_from(c.after, c.until) w), c.expected, c.what)
from (values
  (null, null, 'infinity ffffffff-ffff-ffff-ffff-ffffffffffff', 'a list begins with the newest'),
  (null, '1970-01-01T00:00:03Z', '1970-01-01 00:00:03+00 00000000-0000-0000-0000-000000000000', 'or before a time'),
  ('2000000_11111111-1111-1111-1111-111111111111', '1970-01-01T00:00:03Z',
    '1970-01-01 00:00:02+00 11111111-1111-1111-1111-111111111111', 'a page after that goes on where the last one ended'),
  ('3000000_11111111-1111-1111-1111-111111111111', '1970-01-01T00:00:03Z',
    '1970-01-01 00:00:03+00 00000000-0000-0000-0000-000000000000', '... and not at the time itself')
) c (after, until, expected, what);
select * from finish();
rollback;
