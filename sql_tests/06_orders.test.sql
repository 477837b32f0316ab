-- Catalogue and orders: a price is the catalogue's and never the caller's, and an order keeps it.
begin;
\ir helpers/call.sql
select plan(60);

-- The catalogue as the plan has it, with a single thing beside the packs
select pg_temp.change($$ select coinslot.set_product(
  'premium_reading', 'Premium Fortune Reading', '사주팔자 프리미엄 해석',
  prices => '{"KRW": 13000, "USD": 1000}'
) $$) \gset
select is(
  (select jsonb_agg(to_jsonb(o) - array['tokens_last_days', 'tokens_end_at', 'tiers'] order by o.id, o.currency) from public.token_offers o),
  '[
    {"id": "premium", "kind": "token_pack", "name": "Premium Pack", "name_ko": "프리미엄 팩",
     "tokens": 100, "currency": "KRW", "amount": 35000, "discount_percent": 30},
    {"id": "premium", "kind": "token_pack", "name": "Premium Pack", "name_ko": "프리미엄 팩",
     "tokens": 100, "currency": "USD", "amount": 2800, "discount_percent": 30},
    {"id": "premium_reading", "kind": "one_off", "name": "Premium Fortune Reading",
     "name_ko": "사주팔자 프리미엄 해석", "tokens": 0, "currency": "KRW", "amount": 13000,
     "discount_percent": 0},
    {"id": "premium_reading", "kind": "one_off", "name": "Premium Fortune Reading",
     "name_ko": "사주팔자 프리미엄 해석", "tokens": 0, "currency": "USD", "amount": 1000,
     "discount_percent": 0},
    {"id": "standard", "kind": "token_pack", "name": "Standard Pack", "name_ko": "스탠다드 팩",
     "tokens": 30, "currency": "KRW", "amount": 12000, "discount_percent": 20},
    {"id": "standard", "kind": "token_pack", "name": "Standard Pack", "name_ko": "스탠다드 팩",
     "tokens": 30, "currency": "USD", "amount": 960, "discount_percent": 20},
    {"id": "starter", "kind": "token_pack", "name": "Starter Pack", "name_ko": "스타터 팩",
     "tokens": 10, "currency": "KRW", "amount": 5000, "discount_percent": 0},
    {"id": "starter", "kind": "token_pack", "name": "Starter Pack", "name_ko": "스타터 팩",
     "tokens": 10, "currency": "USD", "amount": 400, "discount_percent": 0}
  ]'::jsonb,
  'what is on sale, at what price, with discounts of 20 and 30 %'
);
select is(
  pg_temp.call('anon', null, 'select count(*) as n from token_offers') -> 'n', '8'::jsonb,
  'a visitor sees the offers before signing in'
);
select is(
  (select jsonb_object_agg(f.feature, f.tokens) from public.token_features f),
  '{"question": 1, "answer": 2}'::jsonb, 'and what features cost'
);

create function pg_temp.order_of(
  user_id uuid, product text default 'starter', currency text default 'KRW', key text default null
) returns jsonb
language sql as $$
  select pg_temp.as_user(order_of.user_id, format(
    'select * from create_token_order(%L, %L, %L, %L)', product, 'portone', currency, key
  ))
$$;
create function pg_temp.cancel(user_id uuid, order_id text) returns jsonb
language sql as $$
  select pg_temp.as_user(cancel.user_id, format('select * from cancel_token_order(%L)', order_id))
$$;
select pg_temp.user_with(0) as mina, pg_temp.user_with(0) as alex \gset

-- Making an order
select pg_temp.order_of(:'mina') as first \gset
select is(
  :'first'::jsonb - array['id', 'order_id', 'expires_at', 'deposit_until', 'created_at',
    'updated_at'],
  jsonb_build_object(
    'user_id', :'mina', 'product_id', 'starter', 'name', 'Starter Pack', 'name_ko', '스타터 팩',
    'gateway', 'portone', 'amount', 5000, 'currency', 'KRW', 'tokens', 10, 'live', false, 'status', 'pending',
    'method', null, 'payment_key', null, 'paid', 0, 'refunded', 0, 'disputed', 0, 'withdrawn', 0,
    'failure_reason', null, 'virtual_account', null, 'version', 1, 'idempotency_key', null,
    'canceled_at', null, 'expired_at', null, 'voided_at', null, 'confirmed_at', null,
    'tokens_last_days', null, 'tokens_end_at', null, 'quantity', 1, 'list_amount', null,
    'promo_code', null
  ), 'an order is pending, at the catalogue''s price'
);
select matches(
  :'first'::jsonb ->> 'order_id', coinslot.order_id_form(), 'its id has its shape'
);
select is(
  (:'first'::jsonb ->> 'expires_at')::timestamptz - (:'first'::jsonb ->> 'created_at')::timestamptz
  between interval '3599 s' and interval '3601 s', true, 'it is open for an hour'
);
select is(
  (select jsonb_agg(jsonb_build_array(e.from_status, e.to_status, e.source, e.tokens))
   from public.token_payment_events e where e.user_id = :'mina'),
  '[[null, "pending", "user", 0]]', 'and its making is an event'
);
select is(pg_temp.wallet(:'mina'), 'tokens=0 held=0 seq=0', 'which gives no tokens');
select isnt(
  pg_temp.order_of(:'mina') ->> 'order_id', :'first'::jsonb ->> 'order_id',
  'without a key, each call is an order'
);
select is(
  (select jsonb_build_array(o -> 'product_id', o -> 'amount', o -> 'currency', o -> 'tokens')
   from pg_temp.as_user(
     :'mina', $$select * from create_token_order('premium', 'stripe', 'USD')$$
   ) o),
  '["premium", 2800, "USD", 100]', 'a currency has its own price'
);
select is(
  pg_temp.refusal(pg_temp.order_of(:'mina', 'premium', 'USD')),
  'PT400 currency_not_taken {"gateway": "portone", "currencies": ["KRW"]}',
  'a gateway sells in its own currencies only'
);
select is(
  pg_temp.order_of(:'mina', 'premium_reading') -> 'tokens', '0'::jsonb, 'a single thing buys none'
);

-- Keys
select pg_temp.order_of(:'mina', 'standard', 'KRW', 'k1') as keyed \gset
select is(
  pg_temp.order_of(:'mina', 'standard', 'KRW', 'k1'), :'keyed', 'a repeated call is the same order'
);
select is(
  pg_temp.refusal(a.answer), 'PT409 idempotency_key_reused {}', 'its key makes no other order'
) from (values
  (pg_temp.order_of(:'mina', 'starter', 'KRW', 'k1')),
  (pg_temp.order_of(:'mina', 'standard', 'USD', 'k1'))
) a (answer);
select isnt(
  pg_temp.order_of(:'alex', 'standard', 'KRW', 'k1') ->> 'order_id', :'keyed'::jsonb ->> 'order_id',
  'somebody else''s key is another key'
);
select isnt(
  pg_temp.order_of(:'alex', 'standard', 'KRW', '') ->> 'order_id',
  pg_temp.order_of(:'alex', 'standard', 'KRW', '') ->> 'order_id', 'an empty key is none'
);

-- The catalogue changes; orders do not
select pg_temp.change($$update public.token_prices set amount = 6000
  where product_id = 'standard' and currency = 'KRW'$$) \gset
select pg_temp.change($$update public.token_products set tokens = 33, name = 'Bigger'
  where id = 'standard'$$) \gset
select is(
  (select array[p.amount, p.tokens] from public.token_payments p
   where p.order_id = :'keyed'::jsonb ->> 'order_id'),
  array[12000, 30]::bigint[], 'an order keeps the price and tokens it was made with'
);
select is(
  pg_temp.order_of(:'mina', 'standard', 'KRW', 'k1'), :'keyed', 'also to a repeated call'
);
select is(
  pg_temp.order_of(:'alex', 'standard') -> 'amount', '6000'::jsonb, 'a new one has the new price'
);
select pg_temp.change($$update public.token_products set active = false where id = 'standard'$$) \gset
select is(
  pg_temp.refusal(pg_temp.order_of(:'mina', 'standard')),
  'PT404 product_not_found {"product_id": "standard"}', 'what is off sale is not sold'
);
select is(
  pg_temp.order_of(:'mina', 'standard', 'KRW', 'k1'), :'keyed', 'but an order for it is repeated'
);
select is_empty(
  $$select from public.token_offers where id = 'standard'$$, 'and it is no longer offered'
);
select pg_temp.change($$update coinslot.gateways set active = false where id = 'portone'$$) \gset
select is(
  pg_temp.refusal(pg_temp.order_of(:'mina')) ~ '^PT400 invalid_argument .*gateway', true,
  'a gateway that is switched off takes no new orders'
);
select pg_temp.change($$update coinslot.gateways set active = true where id = 'portone'$$) \gset
select pg_temp.change($$update coinslot.settings set mode = 'live'$$) \gset
select is(
  pg_temp.order_of(:'mina') -> 'live', 'true'::jsonb, 'an order knows whether it is about money'
);
select is(
  (pg_temp.as_service('select coinslot_get_settings() as s') -> 's')
    - array['rpcs', 'now', 'schema_version', 'oldest_sidecar', 'shop'],
  '{"mode": "live", "signup_bonus": 5, "max_open_orders": 20, "max_hold_seconds": 86400,
    "order_lifetime_seconds": 3600, "gateways": ["portone", "stripe", "toss"]}',
  'and the service can ask'
);
select is(
  pg_temp.as_service('select coinslot_get_settings() as s') -> 's' -> 'rpcs'
    @> '["create_token_order", "get_user_tokens", "coinslot_return_webhooks"]',
  true, 'also for what there is to call'
);
select is(
  pg_temp.as_service(
    'select coinslot_get_settings() as s, coinslot_schema_version() as version'
  ) #- '{s,rpcs}' @> jsonb_build_object(
    's', jsonb_build_object(
      'schema_version', coinslot.schema_version(), 'oldest_sidecar', coinslot.oldest_sidecar()
    ),
    'version', coinslot.schema_version()
  ),
  true, 'and for the release, on its own as well'
);
select pg_temp.change($$update coinslot.settings set mode = 'test'$$) \gset

-- The cap
select pg_temp.user_with(0) as hoarder \gset
select is(
  (select count(*) from generate_series(1, 20)
   where pg_temp.order_of(:'hoarder') ->> 'status' = 'pending'),
  20::bigint, 'twenty open orders are many'
);
select matches(
  pg_temp.refusal(pg_temp.order_of(:'hoarder')),
  '^PT429 too_many_orders {"retry_after": 3[56][0-9]{2}, "max_open_orders": 20}$',
  'one more is too many, until the first of them expires'
);
select pg_temp.cancel(:'hoarder', (
  select min(p.order_id) from public.token_payments p where p.user_id = :'hoarder'
)) as canceled \gset
select is(
  pg_temp.order_of(:'hoarder', 'starter', 'KRW', 'last') ->> 'status', 'pending',
  'cancelling one makes room'
);
select is(
  pg_temp.order_of(:'hoarder', 'starter', 'KRW', 'last') ->> 'status', 'pending',
  'a repeated call needs none'
);
select pg_temp.change(format($$update public.token_payments
  set created_at = created_at - interval '3 days' where user_id = %L$$, :'hoarder')) \gset
select matches(
  pg_temp.refusal(pg_temp.order_of(:'hoarder')), '^PT429 too_many_orders .*"max_open_orders": 20}$',
  'an order that is open for longer than usual takes room as long as it is'
);
select pg_temp.change(format($$update public.token_payments set expires_at = clock_timestamp()
  where user_id = %L$$, :'hoarder')) \gset
select is(
  pg_temp.order_of(:'hoarder') ->> 'status', 'pending', 'an order past its time takes no room'
);
select is(pg_temp.order_of(:'alex') ->> 'status', 'pending', 'nor does somebody else''s');

-- What waits for a deposit is open, for as long as it may be paid
select pg_temp.user_with(0) as patient \gset
select pg_temp.change('update coinslot.settings set max_open_orders = 2') \gset
create function pg_temp.wait_for_deposit(user_id uuid, account text) returns text
language sql as $$
  select pg_temp.as_service(format(
    'select * from coinslot_apply_gateway_payment(%L, ''portone'', %1$L, ''awaiting_deposit'', 5000,
       ''KRW'', false, ''webhook'', 1, virtual_account => %L)', o.made ->> 'order_id', account
  )) #>> '{payment,status}'
  from pg_temp.order_of(wait_for_deposit.user_id) o (made)
$$;
select is(
  array[
    pg_temp.wait_for_deposit(:'patient', '{"bank": "KB", "due_at": "2999-01-01T00:00:00Z"}'),
    pg_temp.wait_for_deposit(:'patient', null)
  ], array['awaiting_deposit', 'awaiting_deposit'], 'an account, and a bank''s debit'
);
select is(
  (select count(*) from public.token_payments p where p.user_id = :'patient'
   and p.expires_at > clock_timestamp() + interval '7 days'), 0::bigint,
  'whatever its account says, an order waits for a week'
);
select matches(
  pg_temp.refusal(pg_temp.order_of(:'patient')),
  '^PT429 too_many_orders {"retry_after": [0-9]+, "max_open_orders": 2}$', 'both are open'
);
select pg_temp.change(format($$update public.token_payments set expires_at = clock_timestamp()
  where user_id = %L$$, :'patient')) \gset
select is(
  pg_temp.order_of(:'patient') ->> 'status', 'pending', 'an account past its date takes no room'
);
select pg_temp.change('update coinslot.settings set max_open_orders = 20') \gset

-- The cap of an hour
select pg_temp.user_with(0) as fickle \gset
select pg_temp.change('update coinslot.settings set max_unpaid_orders_per_hour = 3') \gset
create function pg_temp.change_mind(user_id uuid) returns text
language sql as $$
  select pg_temp.cancel(change_mind.user_id, o.made ->> 'order_id') ->> 'status'
  from pg_temp.order_of(change_mind.user_id) o (made)
$$;
select is(
  array(select pg_temp.change_mind(:'fickle') from generate_series(1, 3)),
  array['canceled', 'canceled', 'canceled'], 'whoever orders and cancels has no order open'
);
select matches(
  pg_temp.refusal(pg_temp.order_of(:'fickle')),
  '^PT429 too_many_orders {"retry_after": 3[56][0-9]{2}, "max_unpaid_orders_per_hour": 3}$',
  'and does not do so without end'
);
select is(
  pg_temp.order_of(pg_temp.user_with(0)) ->> 'status', 'pending', 'which is nobody else''s trouble'
);
select pg_temp.change(format($$update public.token_payments
  set created_at = created_at - interval '50 minutes' where user_id = %L$$, :'fickle')) \gset
select matches(
  pg_temp.refusal(pg_temp.order_of(:'fickle')), '"retry_after": (600|5[0-9]{2}),',
  'the detail says when there is room'
);
select pg_temp.change(format($$update public.token_payments
  set created_at = created_at - interval '10 minutes' where user_id = %L$$, :'fickle')) \gset
select is(pg_temp.order_of(:'fickle') ->> 'status', 'pending', 'an hour later there is');
select pg_temp.change('update coinslot.settings set max_unpaid_orders_per_hour = 100') \gset

-- Cancelling
select is(
  pg_temp.cancel(:'mina', :'first'::jsonb ->> 'order_id') ->> 'status', 'canceled',
  'an unpaid order can be called off'
);
select is(
  pg_temp.cancel(:'mina', :'first'::jsonb ->> 'order_id') ->> 'status', 'canceled',
  'twice is once'
);
select is(
  (select array_agg(e.to_status order by e.id) from public.token_payment_events e
   inner join public.token_payments p on p.id = e.payment_id
   where p.order_id = :'first'::jsonb ->> 'order_id'),
  array['pending', 'canceled'], 'and one event'
);
select is(
  pg_temp.refusal(pg_temp.cancel(:'alex', :'keyed'::jsonb ->> 'order_id')),
  'PT404 order_not_found {}', 'another''s order is not there to be canceled'
);
select is(
  (select p.status from public.token_payments p where p.order_id = :'keyed'::jsonb ->> 'order_id'),
  'pending', 'and stays as it is'
);
alter table public.token_payments disable trigger token_payments_status_moved;
create function pg_temp.cancel_when(status text, order_id text) returns jsonb
language plpgsql as $$
begin
  update public.token_payments p set status = cancel_when.status
  where p.order_id = cancel_when.order_id;
  return pg_temp.cancel((
    select p.user_id from public.token_payments p where p.order_id = cancel_when.order_id
  ), cancel_when.order_id);
end
$$;
select is(
  pg_temp.refusal(pg_temp.cancel_when(s.status, :'keyed'::jsonb ->> 'order_id')),
  format('PT409 illegal_transition {"to": "canceled", "from": "%s"}', s.status),
  'nobody cancels what is ' || s.status
) from unnest(array[
  'awaiting_deposit', 'completed', 'partially_refunded', 'refunded', 'disputed', 'charged_back',
  'expired', 'review'
]) s (status);
alter table public.token_payments enable trigger token_payments_status_moved;

-- A deleted user buys nothing
delete from auth.users where id = :'alex';
select is(
  pg_temp.refusal(pg_temp.order_of(:'alex')), 'PT404 wallet_not_found {}',
  'a deleted user makes no orders'
);

-- What others see
select is(
  pg_temp.as_user(:'mina', $$select count(distinct user_id) as n from token_payments$$) -> 'n',
  '1'::jsonb, 'people see their own orders'
);
select is(
  pg_temp.as_user(:'mina',
    $$select count(distinct user_id) as n from token_payment_events$$) -> 'n',
  '1'::jsonb, 'and their own events'
);
select * from finish();
rollback;
