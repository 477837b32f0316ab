-- The way to pay that an order asks for, its names and its id, and the shop as its store shows it.
begin;
\ir helpers/call.sql
select plan(44);

create function pg_temp.order_by(user_id uuid, method text, key text default null) returns jsonb
language sql as $$
  select pg_temp.as_user(order_by.user_id, format(
    'select * from create_token_order(%L, %L, %L, %L, %L)', 'starter', 'toss', 'KRW', key, method
  ))
$$;
create function pg_temp.read_as(placed jsonb, state text, method text) returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select * from coinslot_apply_gateway_payment(%L, %L, %L, %L, 5000, %L, false, %L, '
    '(select version from public.token_payments where order_id = %L), method => %L)',
    placed ->> 'order_id', 'toss', concat('key ', method, placed ->> 'order_id'), state, 'KRW', 'test',
    placed ->> 'order_id', method
  )) -> 'payment'
$$;
create function pg_temp.set_shop(assignment text) returns text
language sql as $$
  select pg_temp.as_owner(format('update coinslot.settings set %s returning refund_days', assignment))
    ->> 'code'
$$;
select pg_temp.user_with(0) as mina, pg_temp.user_with(0) as alex \gset

-- The way to pay
select is(
  pg_temp.order_by(:'mina', m.id) ->> 'method', m.id, m.id || ' is kept as it was asked for'
) from unnest(coinslot.payment_methods()) m (id);
select is(
  pg_temp.refusal(pg_temp.order_by(:'mina', 'gold')) ~ '^PT400 invalid_argument .*method', true,
  'what nobody knows is refused'
);
select is(pg_temp.order_by(:'mina', null) ->> 'method', null, 'none need be named');
select is(
  pg_temp.as_user(:'mina', $$select * from create_token_order('starter', 'toss')$$) ->> 'method',
  null, 'nor given: older callers do not know of it'
);

-- Asked again under its key
select pg_temp.order_by(:'alex', 'card', 'k') as first \gset
select pg_temp.order_by(:'alex', 'kakaopay', 'k') as again \gset
select is(:'again'::jsonb ->> 'id', :'first'::jsonb ->> 'id', 'another way is the same order');
select is(:'again'::jsonb ->> 'method', 'kakaopay', 'which has the last way that was asked for');
select is(
  pg_temp.order_by(:'alex', null, 'k') ->> 'method', 'kakaopay', 'and keeps it where none is named'
);
select is(
  pg_temp.refusal(pg_temp.order_by(:'alex', 'gold', 'k')) ~ 'invalid_argument', true,
  'a repeated call is checked, too'
);
select is(
  pg_temp.read_as(:'first', 'ready', null) ->> 'method', 'kakaopay',
  'a gateway that names none leaves it'
);
select is(
  pg_temp.order_by(:'alex', 'transfer', 'k') ->> 'method', 'transfer',
  'and so it may be changed still'
);
select is(
  pg_temp.read_as(:'first', 'awaiting_deposit', 'virtual_account') ->> 'method',
  'virtual_account', 'what a gateway says of an account stands'
);
select is(
  pg_temp.order_by(:'alex', 'tosspay', 'k') ->> 'method', 'virtual_account',
  '... against whatever is asked'
);
select pg_temp.order_by(:'alex', 'card', 'over') as over \gset
select pg_temp.as_user(
  :'alex', format('select * from cancel_token_order(%L)', :'over'::jsonb ->> 'order_id')
) \gset
select is(
  pg_temp.order_by(:'alex', 'tosspay', 'over') ->> 'method', 'card', 'an order that is over is over'
);

-- Names
select is(
  array[:'first'::jsonb ->> 'name', :'first'::jsonb ->> 'name_ko'],
  array['Starter Pack', '스타터 팩'], 'an order has its product''s name in both languages'
);
select pg_temp.change($$update public.token_products set name_ko = '작은 팩' where id = 'starter'$$)
\gset
select is(
  pg_temp.order_by(:'alex', null, 'k') ->> 'name_ko', '스타터 팩', 'and keeps it'
);

-- Ids
select matches(
  :'first'::jsonb ->> 'order_id', '^[a-z0-9]{35}$', 'an order id has letters and digits only'
);
select is(pg_temp.set_shop('plain_order_ids = false'), null, 'beside servers of an older release');
select matches(
  pg_temp.order_by(:'mina', null) ->> 'order_id', '^ord_[a-z0-9]{32}$', '... it has theirs'
);
select is(i.id ~ coinslot.order_id_form(), i.ours, format('%s: ours is %s', i.id, i.ours))
from (values
  ('ord_0123456789ab', true), ('ord_' || repeat('f', 32), true), ('ord' || repeat('f', 32), true),
  ('ord' || repeat('F', 32), false), ('ord' || repeat('f', 31), false),
  ('order' || repeat('f', 32), false)
) i (id, ours);

-- The shop
select is(
  pg_temp.as_service('select coinslot_get_settings() -> ''shop'' as s') -> 's',
  '{"business": {}, "links": {}, "refund_days": 7, "currencies": ["KRW", "USD"],
    "max_quantity": 100, "takes_codes": false, "invitations": {"reward": 0, "bonus": 0}, "cash_receipts": "off",
    "plans": {"at_will": [], "gateways": [], "currencies": []}}',
  'a shop says nothing of itself at first'
);
select is(pg_temp.set_shop(
  $$business = '{"name": "Coinslot Inc.", "phone": "02-000-0000"}', refund_days = null,
  links = '{"terms": "https://example.com/terms", "support": "mailto:help@example.com"}'$$
), null, 'its owner says who sells');
select is(
  (pg_temp.as_service('select coinslot_get_settings() -> ''shop'' as s') -> 's')
    - array['currencies', 'max_quantity', 'takes_codes', 'invitations', 'cash_receipts', 'plans'],
  '{"business": {"name": "Coinslot Inc.", "phone": "02-000-0000"}, "refund_days": null,
    "links": {"terms": "https://example.com/terms", "support": "mailto:help@example.com"}}',
  'and so it is told'
);
select ok(pg_temp.as_service($$
  select coinslot_set_plan('plus', 'month', 'Plus', '플러스', 300, '{"KRW": 9900}')
$$) is not null and pg_temp.as_service($$
  select coinslot_set_unattended('toss', 'periodic')
$$) is not null, 'it sells a plan');
select is(
  pg_temp.as_service('select coinslot_get_settings() #> ''{shop,plans}'' as s') -> 's',
  '{"at_will": [], "gateways": ["toss"], "currencies": ["KRW"]}', 'and so it is told'
);
select is(pg_temp.set_shop(a.assignment), '23514', 'refused: ' || a.assignment) from (values
  ($$links = '{"terms": "javascript:alert(1)"}'$$), ($$links = '{"blog": "https://a.example"}'$$),
  ($$links = '{"terms": "mailto:a@example.com"}'$$), ($$business = '{"name": 1}'$$)
) a (assignment);
select is(pg_temp.set_shop(a.assignment), '23514', 'refused: ' || a.assignment) from (values
  ($$business = '[]'$$), ($$refund_days = 0$$)
) a (assignment);

select * from finish();
rollback;
