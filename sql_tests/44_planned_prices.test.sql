-- Planned prices: from a moment on something costs something else, for whoever orders then.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/staff.sql
select no_plan();
select pg_temp.sign_up('mina.kim@example.com') as mina \gset

create function pg_temp.plan(role text, arguments jsonb, product text default 'starter') returns jsonb
language sql as $$ select pg_temp.act(role, 'plan_price', product, arguments) $$;
create function pg_temp.order_now(key text default null, quantity integer default 1) returns jsonb
language sql as $$
  select pg_temp.as_user((select id from auth.users where email = 'mina.kim@example.com'),
    format('select order_id, amount from create_token_order(''starter'', ''portone'', ''KRW'', %L, quantity => %s)', key, quantity))
$$;
create function pg_temp.costs() returns text
language sql as $$
  select concat_ws(' ', pg_temp.order_now() ->> 'amount',
    pg_temp.call('anon', null, $q$select amount from token_offers where id = 'starter' and currency = 'KRW'$q$) ->> 'amount',
    (select p #>> '{prices,KRW}' from jsonb_array_elements(pg_temp.get('support', 'catalogue')) p where p ->> 'id' = 'starter'))
$$;
-- The moment of the plan has come.
create function pg_temp.comes() returns void
language sql as $$ select pg_temp.change('update coinslot.planned_prices set starts_at = starts_at - interval ''1 day''') $$;
select now() + interval '1 hour' as soon, now() + interval '2 hours' as later \gset

-- ---- planning ----

select is(pg_temp.refusal(pg_temp.plan(r, '{}')), 'PT403 forbidden {"roles": ["owner"]}', r || ' plans no price')
from unnest(array['support', 'finance']) r;
select is(pg_temp.plan('owner', b.arguments, b.product) ->> 'error', b.error, b.arguments::text)
from (values
  ('{"currency": "KRW", "amount": 6000}'::jsonb, 'starter', 'invalid_argument'),
  ('{"currency": "KRW", "amount": 6000, "starts_at": "2020-01-01T00:00:00Z"}', 'starter', 'invalid_argument'),
  ('{"currency": "KRW", "amount": 6000, "starts_at": "infinity"}', 'starter', 'invalid_argument'),
  (jsonb_build_object('currency', 'EUR', 'amount', 6000, 'starts_at', :'soon'::timestamptz), 'starter', 'invalid_argument'),
  (jsonb_build_object('currency', 'KRW', 'amount', 0, 'starts_at', :'soon'::timestamptz), 'starter', 'invalid_argument'),
  (jsonb_build_object('currency', 'KRW', 'amount', 6000, 'starts_at', :'soon'::timestamptz, 'expected', 4000), 'starter', 'changed_meanwhile'),
  (jsonb_build_object('currency', 'KRW', 'amount', 6000, 'starts_at', :'soon'::timestamptz), 'nothing', 'product_not_found')
) b (arguments, product, error);
select pg_temp.as_service($$select coinslot_set_plan('plus', 'month', 'Plus', '플러스', 300, '{"KRW": 9900}')$$) \g /dev/null
select is(pg_temp.plan('owner', jsonb_build_object('currency', 'KRW', 'amount', 6000, 'starts_at', :'soon'::timestamptz), 'plus') ->> 'error',
  'invalid_argument', 'a plan''s price is agreed to, and not changed by a date');
select is(
  pg_temp.act('owner', 'plan_price', 'starter', jsonb_build_object('currency', 'KRW', 'amount', 7000, 'starts_at', :'later'::timestamptz, 'expected', 5000)),
  jsonb_build_array(jsonb_build_object('currency', 'KRW', 'amount', 7000, 'from', 5000, 'starts_at', :'later'::timestamptz)),
  'a price is planned, with what it was before'
);
select is(
  jsonb_path_query_array(pg_temp.act('owner', 'plan_price', 'starter', jsonb_build_object('currency', 'KRW', 'amount', 6000, 'starts_at', :'soon'::timestamptz)), '$[*].from'),
  '[5000, 6000]', 'an earlier one is what the later one changes'
);
select is(pg_temp.costs(), '5000 5000 5000', 'until then nothing is different');
select is(pg_temp.actions('starter'), 'price_planned owner because, price_planned owner because', 'both are noted');
select is(
  (select a.detail from coinslot.operator_actions a where a.subject = 'starter' order by a.id desc limit 1),
  jsonb_build_object('currency', 'KRW', 'starts_at', :'soon'::timestamptz, 'from', '{"price": 5000}'::jsonb, 'to', '{"price": 6000}'::jsonb),
  '... with before and after'
);
select is(pg_temp.call(r, null, 'select count(*) from coinslot.planned_prices') ->> 'code', '42501', r || ' does not see what is planned')
from unnest(array['anon', 'authenticated', 'service_role']) r;
select is(
  array[coinslot.price_at('starter', 'KRW', 5000, :'soon'::timestamptz - interval '1 microsecond'),
    coinslot.price_at('starter', 'KRW', 5000, :'soon'), coinslot.price_at('starter', 'KRW', 5000, :'later'),
    coinslot.price_at('starter', 'USD', 400, :'later')], array[5000, 6000, 7000, 400]::bigint[], 'it is so from its microsecond on'
);
select is(
  jsonb_array_length(pg_temp.act('owner', 'unplan_price', 'starter', jsonb_build_object('currency', 'KRW', 'starts_at', :'later'::timestamptz))),
  1, 'one is taken back'
);
select is(pg_temp.act('owner', 'unplan_price', 'starter', jsonb_build_object('currency', 'KRW', 'starts_at', :'later'::timestamptz)) ->> 'error',
  'changed_meanwhile', '... once');
select matches(pg_temp.actions('starter'), 'price_unplanned owner because$', '... which is noted');

-- ---- its moment ----

select pg_temp.order_now('mine') as mine, pg_temp.order_now() as open \gset
select pg_temp.comes() \g /dev/null
select is(pg_temp.costs(), '6000 6000 6000', 'from then on it is the price of orders, offers and the catalogue');
create function pg_temp.begun(role text default 'support') returns jsonb
language sql as $$
  select p -> 'begun' from jsonb_array_elements(pg_temp.get(role, 'catalogue')) p where p ->> 'id' = 'starter'
$$;
select is(
  pg_temp.begun() - '{}'::text[], jsonb_build_array(jsonb_build_object('currency', 'KRW', 'amount', 6000, 'from', 5000,
    'starts_at', :'soon'::timestamptz - interval '1 day', 'planned_at', null, 'planned_by', null)),
  'the catalogue tells that it began, before anybody noted it'
);
select is(pg_temp.order_now(null, 5) ->> 'amount', '30000', '... of several in one');
select is(pg_temp.order_now('mine'), :'mine'::jsonb, 'an order that was made keeps its own');
select is(pg_temp.read(:'open'::jsonb ->> 'order_id', 'A:paid paid=5000'), 'credited completed 15', '... and is paid at it');
select is((select coinslot.is_asked(p) from token_payments p where p.order_id = :'mine'::jsonb ->> 'order_id'), false, 'late money buys nothing at the old price');
select pg_temp.order_now('new') as new \gset
select is((select coinslot.is_asked(p) from token_payments p where p.order_id = :'new'::jsonb ->> 'order_id'), true, '... but at the new one');
select is((select r.amount from token_prices r where (r.product_id, r.currency) = ('starter', 'KRW')), 5000::bigint, 'before anybody wrote it down');
select is(
  pg_temp.act('owner', 'unplan_price', 'starter', jsonb_build_object('currency', 'KRW', 'starts_at', :'soon'::timestamptz - interval '1 day')) ->> 'error',
  'changed_meanwhile', 'what has begun is not taken back'
);
select is(
  pg_temp.act('owner', 'set_product', 'starter', '{"prices": {"USD": 500}, "expected": {"KRW": 5000, "USD": 400}}') ->> 'error',
  'changed_meanwhile', 'who saw the price of before is told'
);

-- Written down, and what is newer counts. Here the moment came by moving it: so the note of the act is of another moment.
select pg_temp.change(format($q$insert into coinslot.operator_actions (actor, action, subject, detail) values (%L, 'price_planned', 'starter', %L)$q$,
  pg_temp.staff('owner'), jsonb_build_object('currency', 'KRW', 'starts_at', :'soon'::timestamptz - interval '1 day'))) \g /dev/null
select is(pg_temp.begun() #>> '{0,planned_by}', 'owner@example.com', '... and who had planned it');
select is((select count(*) from coinslot.operator_actions a where a.action = 'price_begun'), 0::bigint, 'nobody has noted it');
select is(pg_temp.as_service('select coinslot_run_maintenance() as n') #>> '{n,prices_begun}', '1', 'the maintenance writes it down');
select is((select r.amount from token_prices r where (r.product_id, r.currency) = ('starter', 'KRW')), 6000::bigint, '... as the price');
select is(pg_temp.costs(), '6000 6000 6000', '... and nothing is different');
select is(
  (select jsonb_agg(jsonb_build_array(a.actor, a.role, a.subject, a.detail - 'planned_at')) from coinslot.operator_actions a where a.action = 'price_begun'),
  jsonb_build_array(jsonb_build_array('coinslot', null, 'starter', jsonb_build_object('currency', 'KRW', 'starts_at', :'soon'::timestamptz - interval '1 day',
    'from', '{"price": 5000}'::jsonb, 'to', '{"price": 6000}'::jsonb, 'planned_by', pg_temp.staff('owner')))),
  'that it began is in the audit log, by nobody, with before and after and who had planned it'
);
select ok((select a.detail ? 'planned_at' from coinslot.operator_actions a where a.action = 'price_begun'), '... and when');
select is(
  (select jsonb_build_array(i ->> 'actor_name', i ->> 'planned_by_name') from jsonb_array_elements(pg_temp.list('support', 'actions', '{"action": "price_begun"}') -> 'items') i),
  '["coinslot", "owner@example.com"]', '... as operators read it'
);
select is(pg_temp.begun() #>> '{0,planned_by}', 'owner@example.com', 'the catalogue tells the same');
select is(pg_temp.as_service('select coinslot_run_maintenance() as n') #>> '{n,prices_begun}', '0', 'it begins once');
select is((select count(*) from coinslot.planned_prices), 0::bigint, '... nor planned any more');
select pg_temp.plan('owner', jsonb_build_object('currency', 'KRW', 'amount', 8000, 'starts_at', :'soon'::timestamptz)),
  pg_temp.plan('owner', jsonb_build_object('currency', 'KRW', 'amount', 9000, 'starts_at', :'later'::timestamptz)) \g /dev/null
select pg_temp.comes() \g /dev/null
select is(pg_temp.costs(), '9000 9000 9000', 'of two that have begun the latest counts');
select pg_temp.plan('owner', jsonb_build_object('currency', 'KRW', 'amount', 9999, 'starts_at', :'later'::timestamptz)) \g /dev/null
select is(coinslot.begin_prices_of('starter'), 2::bigint, 'both are written down at once');
select is(
  (select jsonb_agg(jsonb_build_array(a.detail #> '{from,price}', a.detail #> '{to,price}') order by a.id) from coinslot.operator_actions a where a.action = 'price_begun'),
  '[[5000, 6000], [6000, 8000], [8000, 9000]]', '... and noted, each after the one before'
);
select is(jsonb_path_query_array(pg_temp.begun(), '$[*].amount'), '[9000, 8000, 6000]', 'the catalogue tells the latest first');
select is((select r.amount from token_prices r where (r.product_id, r.currency) = ('starter', 'KRW')), 9000::bigint, '... of which the latest stays');
select is(pg_temp.costs(), '9000 9000 9000', '... and what is to come stays planned');
select is(jsonb_path_query_array(coinslot.planned_of('starter'), '$[*].amount'), '[9999]', '... as it was');
select pg_temp.comes() \g /dev/null
select is(pg_temp.costs(), '9999 9999 9999', '... until it begins');
select is(pg_temp.act('owner', 'set_product', 'starter', '{"prices": {"KRW": 4000}}') #>> '{prices,KRW}', '4000', 'a price that is set since then');
select is(pg_temp.costs(), '4000 4000 4000', '... counts');
select pg_temp.plan('owner', jsonb_build_object('currency', 'KRW', 'amount', 8000, 'starts_at', :'soon'::timestamptz)) \g /dev/null
select pg_temp.as_service('select coinslot_set_product(''starter'', prices => ''{"KRW": null}'')') \g /dev/null
select is((select count(*) from coinslot.planned_prices), 0::bigint, 'a price that is taken away has none planned');
select pg_temp.as_service('select coinslot_set_product(''starter'', prices => ''{"KRW": 5000}'')') \g /dev/null
select is(
  (select array_agg(pg_temp.plan('owner', jsonb_build_object('currency', 'KRW', 'amount', 6000 + n, 'starts_at', :'soon'::timestamptz + n * interval '1 day')) ->> 'error')
  from generate_series(1, 11) n)::text, '{NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,invalid_argument}', 'ten are planned at the most'
);
select * from finish();
rollback;
