-- Volume discounts: what several packs cost, who pays how much, and what goes back with it.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

select plan(46);

create temporary table buyer as select pg_temp.user_with(0) as id;
create function pg_temp.buy(product text, arguments jsonb) returns jsonb
language sql as $$
  select pg_temp.as_user((select b.id from buyer b), format(
    'select * from create_token_order(%L, %L', buy.product, coalesce(buy.arguments ->> 'gateway', 'portone')
  ) || coalesce(string_agg(format(', %I => %L', a.key, a.value), ''), '') || ')')
  from jsonb_each_text(buy.arguments - 'gateway') a
$$;
create function pg_temp.bought(product text, arguments jsonb) returns text
language plpgsql as $$
declare
  v_order jsonb := pg_temp.buy(bought.product, bought.arguments);
begin
  return case when v_order ? 'error' then pg_temp.refusal(v_order)
    else concat_ws(' ', v_order ->> 'amount', v_order ->> 'list_amount', v_order ->> 'tokens') end;
end
$$;

-- ---- tiers ----

select is(pg_temp.as_service($$select coinslot_set_tiers('starter', '{"5": 10, "10": 20}') as t$$),
  '{"t": {"5": 10, "10": 20}}', 'the service sets tiers');
select is(pg_temp.as_service($$select coinslot_set_tiers('starter', '{"5": 10, "20": 25}') as t$$),
  '{"t": {"5": 10, "20": 25}}', '... all of a product at once');
select is(pg_temp.refusal(pg_temp.as_service(format('select coinslot_set_tiers(%L, %L)', t.product, t.tiers))),
  t.expected, t.what)
from (values
  ('tiers are an object', 'starter', '[]', 'PT400 invalid_argument {"example": {"5": 10}, "argument": "tiers"}'),
  ('one pack is none', 'starter', '{"1": 10}', 'PT400 invalid_argument {"example": {"5": 10}, "argument": "tiers"}'),
  ('a number is one', 'starter', '{"five": 10}', 'PT400 invalid_argument {"example": {"5": 10}, "argument": "tiers"}'),
  ('nothing is free', 'starter', '{"5": 100}', 'PT400 invalid_argument {"example": {"5": 10}, "argument": "tiers"}'),
  ('a percent is whole', 'starter', '{"5": 9.5}', 'PT400 invalid_argument {"example": {"5": 10}, "argument": "tiers"}'),
  ('a single thing has none', 'premium_reading', '{"5": 10}', 'PT404 product_not_found {"product_id": "premium_reading"}'),
  ('nor has nothing', 'nothing', '{}', 'PT404 product_not_found {"product_id": "nothing"}')
) t (what, product, tiers, expected);
select is((
  select o ->> 'tiers' from pg_temp.call('anon', null,
    $$select tiers from token_offers where id = 'starter' and currency = 'KRW'$$) o
), '[{"amount": 22500, "tokens": 50, "quantity": 5, "percent_off": 10}, '
  '{"amount": 75000, "tokens": 200, "quantity": 20, "percent_off": 25}]', 'everybody sees what they cost');
select is((select o.tiers::text from token_offers o where o.id = 'premium' and o.currency = 'KRW'), '[]',
  '... and that others have none');

-- ---- orders ----

select is(pg_temp.bought(o.product, o.arguments::jsonb), o.expected, o.what) from (values
  ('an order is of one pack', 'starter', '{}', '5000 10'),
  ('several have no discount below a tier', 'starter', '{"quantity": 4}', '20000 40'),
  ('a tier begins with its number', 'starter', '{"quantity": 5}', '22500 25000 50'),
  ('... and goes on to the next', 'starter', '{"quantity": 19}', '85500 95000 190'),
  ('the highest that is reached counts', 'starter', '{"quantity": 20}', '75000 100000 200'),
  ('in every currency', 'starter', '{"quantity": 5, "currency": "USD", "gateway": "stripe"}', '1800 2000 50'),
  ('a product without tiers', 'standard', '{"quantity": 5}', '60000 150'),
  ('none', 'starter', '{"quantity": 0}', 'PT400 invalid_argument {"max": 100, "min": 1, "argument": "quantity"}'),
  ('too many', 'starter', '{"quantity": 101}', 'PT400 invalid_argument {"max": 100, "min": 1, "argument": "quantity"}'),
  ('less than none', 'starter', '{"quantity": -5}', 'PT400 invalid_argument {"max": 100, "min": 1, "argument": "quantity"}'),
  ('several of a single thing', 'premium_reading', '{"quantity": 2}', 'PT400 invalid_argument {"max": 1, "min": 1, "argument": "quantity"}'),
  ('nothing said', 'starter', '{"quantity": null}', 'PT400 invalid_argument {"max": 100, "min": 1, "argument": "quantity"}')
) o (what, product, arguments, expected);
select is(pg_temp.buy('starter', '{"quantity": 3, "idempotency_key": "k"}') ->> 'name', 'Starter Pack × 3',
  'its name says how many');
select is(pg_temp.buy('starter', '{"quantity": 3, "idempotency_key": "k"}') ->> 'name_ko', '스타터 팩 × 3',
  '... in both languages, and a key finds it again');
select is(pg_temp.bought('starter', '{"quantity": 4, "idempotency_key": "k"}'),
  'PT409 idempotency_key_reused {}', '... and no other number of packs');

-- ---- what can be charged ----

select is(coinslot.discounted(d.listed, d.amount, d.currency), d.expected::bigint, d.what) from (values
  ('rounded down, for the buyer', 10000, 806.99, 'USD', 806),
  ('never below what is charged', 10000, 20, 'USD', 50),
  ('... nor above what it would cost', 30, 20, 'USD', 30),
  ('none where nobody knows the least', 10000, 8000, 'ZMW', 10000),
  ('... of a currency with steps as well', 10000, 1999, 'KWD', 10000)
) d (what, listed, amount, currency, expected);
update coinslot.charges set least = 100 where currency = 'KWD';
select is(coinslot.discounted(10000, 1999, 'KWD'), 1990::bigint, 'what the shop says of one counts, in its steps');
select pg_temp.change($$
  select coinslot.set_product('drop', 'Drop', tokens => 1, prices => '{"KRW": 600}');
$$) \g /dev/null
select pg_temp.as_service($$select coinslot_set_tiers('drop', '{"2": 90}')$$) \g /dev/null
select is(pg_temp.bought('drop', '{"quantity": 2}'), '200 1200 2', 'a tier stops at the least');
select pg_temp.change($$
  select coinslot.set_product('sea', 'Sea', tokens => 9007199254740, prices => '{"KRW": 900719925474099}');
$$) \g /dev/null
select is(pg_temp.bought('sea', '{"quantity": 11}'),
  'PT400 invalid_argument {"max": 10, "min": 1, "argument": "quantity"}', 'no order is beyond the largest amount');

-- ---- money ----

create function pg_temp.play_packs(quantity integer, steps text[]) returns text[]
language plpgsql as $$
declare
  v_user uuid := pg_temp.user_with(0);
  v_order public.token_payments;
  v_step text;
  v_answers text[];
begin
  perform pg_temp.as_user(v_user, format(
    'select create_token_order(''starter'', ''portone'', quantity => %s)', play_packs.quantity
  ));
  select p.* into strict v_order from public.token_payments p where p.user_id = v_user;
  foreach v_step in array steps loop
    if v_step like '!tiers %' then
      perform pg_temp.as_service(format(
        'select coinslot_set_tiers(''starter'', %L)', substr(v_step, 8)
      ));
      continue;
    end if;
    v_answers := v_answers || pg_temp.step(v_order, v_step);
    select p.* into strict v_order from public.token_payments p where p.id = v_order.id;
  end loop;
  return v_answers;
end
$$;
select is(pg_temp.play_packs(s.quantity, s.steps), s.expected, s.what) from (values
  ('what was paid is what it cost', 5, array['A:paid paid=22500'], array['credited completed 50']),
  ('... and not what it would have cost', 5, array['A:paid paid=25000 amount=25000', '?open'],
    array['review review 0', 'wrong_amount']),
  ('a part of the money takes a part of the tokens', 5,
    array['A:paid paid=22500', 'A:paid paid=22500 refunded=11250', 'A:paid paid=22500 refunded=22500'],
    array['credited completed 50', 'reversed partially_refunded 25', 'reversed refunded 0']),
  ('late money buys what is still sold for it', 5, array['!long_ago', 'A:paid paid=22500'],
    array['1', 'credited completed 50']),
  ('... and is for a person where the tier is gone', 5,
    array['!tiers {}', '!long_ago', 'A:paid paid=22500', '?open', '!tiers {"5": 10}'],
    array['1', 'review review 0', 'late_payment'])
) s (what, quantity, steps, expected);

-- ---- owners ----

create temporary table staff (role, id) as
select r, pg_temp.sign_up(r || '@example.com') from unnest(array['support', 'finance', 'owner']) r;
select pg_temp.as_service(format('select coinslot_add_operator(%L, %L)', s.id, s.role)) from staff s
order by s.role desc \g /dev/null
create function pg_temp.as_staff(role text, statement text) returns text
language sql as $$
  select coalesce(a ->> 't', pg_temp.refusal(a))
  from pg_temp.as_user((select s.id from staff s where s.role = as_staff.role), statement) a
$$;
select is(pg_temp.as_staff('owner', $$select set_token_tiers('starter', 'a sale', '{"3": 5}') as t$$), '{"3": 5}',
  'an owner sets tiers');
select is(pg_temp.as_staff('finance', $$select set_token_tiers('starter', 'a sale', '{"3": 5}') as t$$),
  'PT403 forbidden {"roles": ["owner"]}', '... and nobody else');
select is(pg_temp.as_staff('owner', $$select set_token_tiers('starter', ' ', '{"3": 5}') as t$$),
  'PT400 invalid_argument {"argument": "reason", "min_length": 1}', '... without a reason');
select is((select array[a.actor, a.subject, a.reason, a.detail::text] from coinslot.operator_actions a
    where a.action = 'tiers_set' order by a.id desc limit 1),
  array[(select s.id::text from staff s where s.role = 'owner'), 'starter', 'a sale',
    '{"to": {"3": 5}, "from": {"5": 10}}'], 'it is noted who did, and why');
select is(pg_temp.as_staff('owner', $$select id as t from set_token_refill('daily', 'free', 5, 'day', 'UTC')$$),
  'daily', 'an owner makes a rule of refills');
select is(pg_temp.as_staff('support', $$select set_token_refill('daily', 'free', 5, 'day', 'UTC') as t$$),
  'PT403 forbidden {"roles": ["owner"]}', '... and nobody else');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');

select * from finish();
rollback;
