-- The error registry is complete, used, and what a caller really gets.
begin;
\ir helpers/call.sql

select pg_temp.user_with(3) as mina, pg_temp.user_with(0) as hoarder,
  pg_temp.user_with(0) as alone, pg_temp.user_with(0) as nameless, pg_temp.user_with(0) as merged,
  pg_temp.user_with(1) as worker, pg_temp.user_with(0) as staff,
  pg_temp.user_with(0) as subscriber \gset
select pg_temp.change($$ select coinslot.add_endpoint(
  '00000000-0000-4000-8000-0000000000fe', 'https://app.example.com/', 'v1.main.AAAA', '', null, ''
) $$) \g /dev/null
select pg_temp.change($$ select coinslot.set_endpoint(
  '00000000-0000-4000-8000-0000000000fe', null, null, null, false, false, ''
) $$) \g /dev/null
create temporary table provocations (message, code, caller, statement, details) as values
('invalid_amount', 'PT400', 'user', $$select * from spend_tokens(0, 'k')$$, '{"amount": 0}'),
('invalid_argument', 'PT400', 'service', $$select coinslot_run_maintenance(0)$$,
 '{"argument": "batch", "min": 1, "max": 10000}'),
('currency_not_taken', 'PT400', 'user',
 $$select * from create_token_order('starter', 'portone', 'USD')$$,
 '{"gateway": "portone", "currencies": ["KRW"]}'),
('unauthenticated', 'PT401', 'nobody', $$select * from spend_tokens(1, 'k')$$, '{}'),
('insufficient_tokens', 'PT402', 'user', $$select * from spend_tokens(4, 'k')$$,
 '{"tokens": 3, "required": 4}'),
('account_required', 'PT403', 'nameless',
 $$select * from create_token_order('starter', 'portone')$$, '{}'),
('limit_reached', 'PT403', 'staff',
 $$select token_console_act('grant_tokens', %1$L, 'why', 'k', '{"tokens": 3}')$$,
 '{"left": 2, "limit": 2}'),
('unknown_id', 'PT404', 'staff', $$select token_console_get('webhook', '0')$$,
 '{"what": "webhook"}'),
('changed_meanwhile', 'PT409', 'staff',
 $$select token_console_act('resolve_case', '999999999', 'why', 'k')$$,
 '{"resolution": "gone", "resolved_at": "2026-01-01T00:00:00+00:00"}'),
('too_many_exports', 'PT409', 'staff',
 $$select token_console_act('start_export', 'orders', 'why', 'sixth', '{"format": "csv"}')$$, '{"most": 5}'),
('append_only', 'PT403', 'owner', $$delete from public.token_ledger returning 1$$,
 '{"table": "token_ledger"}'),
('forbidden', 'PT403', 'user',
 $$select * from request_token_refund('ord_unknown_order', 'why', 'k')$$,
 '{"roles": ["finance", "owner"]}'),
('identity_required', 'PT403', 'user',
 $$select * from create_token_order('starter', 'portone', promo_code => 'cheaper')$$, '{}'),
('table_closed', 'PT403', 'owner', $$delete from public.old_payments$$,
 '{"table": "public.old_payments"}'),
('endpoint_not_found', 'PT404', 'service',
 $$select * from coinslot_set_endpoint('00000000-0000-4000-8000-0000000000ff')$$,
 '{"id": "00000000-0000-4000-8000-0000000000ff"}'),
('endpoint_off', 'PT409', 'service',
 $$select * from coinslot_test_endpoint('00000000-0000-4000-8000-0000000000fe')$$,
 '{"reason": "operator"}'),
('order_not_found', 'PT404', 'user', $$select * from cancel_token_order('ord_unknown_order')$$,
 '{}'),
('code_not_found', 'PT404', 'user',
 $$select * from create_token_order('starter', 'portone', promo_code => 'nonsense')$$, '{}'),
('account_exists', 'PT409', 'service', $$select coinslot_erase_user(%L, 'why')$$, '{}'),
('not_erasable', 'PT409', 'service', $$select coinslot_erase_user(%9$L, 'why')$$,
 '{"orders": 1, "paid_tokens": 10}'),
('document_not_found', 'PT404', 'user', $$select get_token_document('R2026-000001')$$, '{}'),
('product_not_found', 'PT404', 'user', $$select * from create_token_order('nonsense', 'portone')$$,
 '{"product_id": "nonsense"}'),
('hold_not_found', 'PT404', 'service',
 $$select * from release_token_hold('00000000-0000-4000-8000-0000000000ff')$$,
 '{"hold_id": "00000000-0000-4000-8000-0000000000ff"}'),
('spend_not_found', 'PT404', 'service', $$select * from refund_spend_for(%L, 'r', 'nothing')$$,
 '{"spends": []}'),
('feature_not_found', 'PT404', 'user', $$select * from use_feature('nonsense', 'k')$$,
 '{"feature": "nonsense"}'),
('user_not_found', 'PT404', 'service',
 $$select * from coinslot_add_operator('nobody@example.com', 'owner')$$, '{"users": 0}'),
('wallet_not_found', 'PT404', 'service',
 $$select * from add_tokens('00000000-0000-4000-8000-0000000000ff', 1, 'k')$$, '{}'),
('idempotency_key_reused', 'PT409', 'service',
 $$select * from spend_tokens_for(%L, 1, 'opening balance')$$, '{}'),
('illegal_transition', 'PT409', 'owner',
 $$insert into public.token_payments (
   user_id, product_id, name, gateway, amount, currency, tokens, live, status, expires_at
 ) values (gen_random_uuid(), 'starter', 'x', 'portone', 1, 'KRW', 1, false, 'completed', now())
 returning 1$$, '{"from": null, "to": "completed"}'),
('hold_resolved', 'PT409', 'service', $$select * from release_token_hold(%2$L)$$,
 '{"status": "released", "captured": 0}'),
('spend_refunded', 'PT409', 'service', $$select * from refund_spend_for(%8$L, 'r2', 'work')$$,
 '{"left": 0, "spent": 1}'),
('test_tokens_left', 'PT409', 'owner',
 $$update coinslot.settings set mode = 'live' returning 1$$, '{"tokens": 30, "payments": 3}'),
('last_owner', 'PT409', 'service', $$select * from coinslot_remove_operator(%6$L)$$, '{}'),
('not_refundable', 'PT409', 'service', $$select * from request_token_refund_for(%3$L, 'why', 'k')$$,
 '{"refundable": 0, "currency": "KRW", "status": "pending"}'),
('no_cash_receipt', 'PT409', 'alex',
 $$select request_token_cash_receipt(%2$L, 'income_deduction', '01012345678')$$, '{"why": "method"}'),
('cash_receipt_exists', 'PT409', 'alex',
 $$select request_token_cash_receipt(%1$L, 'income_deduction', '01012345678')$$,
 '{"status": "in_progress"}'),
('nothing_proposed', 'PT409', 'service', $$select * from accept_token_refund_for(%3$L)$$,
 '{"status": "pending"}'),
('refund_in_progress', 'PT409', 'service',
 $$select * from request_token_refund_for(%4$L, 'why', 'k2')$$,
 '{"refund_id": null, "amount": 1000, "status": "pending"}'),
('tokens_already_spent', 'PT409', 'service',
 $$select * from request_token_refund_for(%5$L, 'why', 'k')$$, '{"tokens": 1, "required": 10, "refundable": 999}'),
('wallet_merged', 'PT409', 'service', $$select * from add_tokens(%7$L, 1, 'k')$$,
 '{"user_id": "merged", "merged_into": "mina"}'),
('code_not_usable', 'PT409', 'user',
 $$select * from create_token_order('premium', 'portone', promo_code => 'cheaper')$$,
 '{"reason": "not_for_this"}'),
('too_many_codes', 'PT429', 'hoarder', $$select check_token_code('nonsense')$$, '{}'),
('plan_not_found', 'PT404', 'subscriber',
 $$select subscribe_token_plan('nonsense', 'portone', 'KRW', '00000000-0000-4000-8000-0000000000a1')$$,
 '{"plan_id": "nonsense"}'),
('method_not_found', 'PT404', 'user', $$select get_token_method('00000000-0000-4000-8000-0000000000a1')$$,
 '{}'),
('subscription_not_found', 'PT404', 'user',
 $$select cancel_token_subscription('00000000-0000-4000-8000-0000000000b1')$$, '{}'),
('already_subscribed', 'PT409', 'subscriber',
 $$select subscribe_token_plan('pro', 'portone', 'KRW', '00000000-0000-4000-8000-0000000000a1')$$,
 '{"status": "active", "plan_id": "plus",
   "subscription_id": "00000000-0000-4000-8000-0000000000b1"}'),
('subscription_state', 'PT409', 'subscriber',
 $$select pay_token_subscription('00000000-0000-4000-8000-0000000000b1')$$,
 '{"status": "active", "cancel_at_end": false}'),
('trial_not_offered', 'PT409', 'subscriber', $$select subscribe_token_plan(
   'other', 'portone', 'KRW', '00000000-0000-4000-8000-0000000000a1', trial => 'asked')$$,
 '{"reason": "none"}'),
('method_in_use', 'PT409', 'subscriber',
 $$select remove_token_method('00000000-0000-4000-8000-0000000000a1')$$,
 '{"subscription_id": "00000000-0000-4000-8000-0000000000b1"}'),
('method_taken', 'PT409', 'service', $$select coinslot_finish_method(
   '00000000-0000-4000-8000-0000000000a2', 'sealed', 'first')$$, '{}'),
('not_unattended', 'PT409', 'subscriber', $$select begin_token_method('toss')$$,
 '{"gateway": "toss", "allowed": ["portone"]}'),
('top_up_barred', 'PT409', 'subscriber', $$select set_token_top_up(
   'starter', 'portone', 'KRW', '00000000-0000-4000-8000-0000000000a1', 5, 5000)$$,
 '{"reason": "money_back"}'),
('too_many_methods', 'PT429', 'hoarder', $$select begin_token_method('portone')$$,
 '{"max_per_hour": 10}'),
('too_many_orders', 'PT429', 'hoarder', $$select * from create_token_order('starter', 'portone')$$,
 '{"max_open_orders": 1}');

select pg_temp.as_service(format($$select * from hold_tokens_for(%L, 1, 'h')$$, :'mina'))
  ->> 'id' as hold_id \gset
select pg_temp.change(format('select coinslot.release_hold(%L)', :'hold_id')) \gset
select pg_temp.as_service(format($$select * from spend_tokens_for(%L, 1, 'work')$$,
  :'worker')) as s,
  pg_temp.as_service(format($$select * from refund_spend_for(%L, 'r', 'work')$$,
    :'worker')) as r \gset
select pg_temp.change(format('select coinslot.add_operator(%L, %L)', :'alone', 'owner')) \gset
select pg_temp.change(format(
  'select coinslot.add_operator(%L, %L, %L)', :'staff', 'finance', '{"tokens_a_day": 2}'
)) \gset
insert into coinslot.discrepancies (
  id, kind, gateway, payment_key, order_id, resolved_at, resolution
) overriding system value
values (999999999, 'unknown_order', 'portone', '', '', '2026-01-01 00:00:00+00', 'gone');
select pg_temp.as_service(format(
  $$select * from merge_token_wallets(%L, %L, 'm')$$, :'merged', :'mina'
)) ->> 'tokens' as moved \gset
update auth.users set is_anonymous = true where id = :'nameless';
select pg_temp.change('update coinslot.settings set anonymous_purchases = false') \gset
select pg_temp.change('update coinslot.settings set max_open_orders = 1') \gset
select pg_temp.change('create table public.old_payments (id bigint)') \gset
select pg_temp.change($$select coinslot.set_promotion(
  'cheaper', '{"kind": "percent", "percent_off": 50, "products": ["starter"]}', ''
)$$) \gset
select pg_temp.change($$select coinslot.set_code('cheaper', 'cheaper', null, true, '')$$) \gset
insert into coinslot.checked_codes (user_id, code) values (:'mina', 'CHEAPER');
insert into coinslot.code_rations (user_id, used_until)
values (:'hoarder', clock_timestamp() + interval '1 day');
insert into coinslot.exports (user_id, list, filters, format, oldest, until)
select :'staff', 'orders', '{}', 'csv', now(), now() from generate_series(1, 5);
select pg_temp.change($$select coinslot.close_table('public.old_payments')$$) \gset
select pg_temp.as_user(:'hoarder', $$select * from create_token_order('starter', 'portone')$$)
  ->> 'status' as ordered \gset

-- One who has a plan, and one who stores cards without end.
select pg_temp.change($$select coinslot.set_unattended('portone', 'at_will')$$) \gset
select pg_temp.change($$select coinslot.set_plan(
  p.id, 'month', p.id, p.id, 300, '{"KRW": 9900}', p.family, 'none'
) from (values ('plus', 'main'), ('pro', 'main'), ('other', 'other')) p (id, family)$$) \gset
insert into coinslot.billing_keys (id, user_id, gateway, live, status, sealed, key_hash) values
('00000000-0000-4000-8000-0000000000a1', :'subscriber', 'portone', false, 'active', 'sealed', 'first'),
('00000000-0000-4000-8000-0000000000a2', :'subscriber', 'portone', false, 'begun', null, null);
insert into coinslot.billing_keys (user_id, gateway, live)
select :'hoarder', 'portone', false from generate_series(1, 10);
insert into public.token_subscriptions (
  id, user_id, plan_id, family, gateway, live, status, every, amount, currency, tokens, rollover,
  method_id, time_zone, anchor, period_start, period_end
) values (
  '00000000-0000-4000-8000-0000000000b1', :'subscriber', 'plus', 'main', 'portone', false, 'active',
  'month', 9900, 'KRW', 300, 'none', '00000000-0000-4000-8000-0000000000a1', 'UTC', now(), now(),
  now() + interval '1 month'
);

-- Orders of a third user: unpaid, being refunded at the gateway's console, and spent.
select pg_temp.user_with(0) as alex \gset
create function pg_temp.order_of(user_id uuid, facts text) returns text
language plpgsql as $$
declare
  v_order jsonb := pg_temp.as_user(
    order_of.user_id, 'select * from create_token_order(''starter'', ''portone'')'
  );
begin
  if order_of.facts <> '' then
    perform pg_temp.as_service(format(
      'select * from coinslot_apply_gateway_payment(%L, ''portone'', %1$L, ''paid'', 5000, ''KRW'', false,
        ''webhook'', 1, paid => 5000, %s)', v_order ->> 'order_id', order_of.facts
    ));
  end if;
  return v_order ->> 'order_id';
end
$$;
select pg_temp.change('update coinslot.settings set max_open_orders = 20') \gset
select pg_temp.order_of(:'alex', '') as unpaid,
  pg_temp.order_of(:'alex', 'refunding => 1000') as refunding,
  pg_temp.order_of(:'alex', 'refunded => 0') as spent \gset
select pg_temp.order_of(:'subscriber', 'refunded => 5000') as sent_back \gset
insert into coinslot.top_up_orders (payment_id, user_id)
select p.id, p.user_id from public.token_payments p where p.order_id = :'sent_back';
select pg_temp.change($$update coinslot.settings set cash_receipts = 'on_request'$$) \gset
insert into coinslot.cash_receipts (payment_id, gateway, kind, status, asked)
select p.id, p.gateway, 'income_deduction', 'in_progress', 5000
from public.token_payments p where p.order_id = :'unpaid';
select pg_temp.user_with(0) as gone \gset
select pg_temp.order_of(:'gone', 'disputed => 5000') as disputed \gset
delete from auth.users where id = :'gone';
select pg_temp.as_user(:'alex',
  $$select * from spend_tokens(19, 'k')$$) ->> 'balance' as left_ \gset
select pg_temp.change('update coinslot.settings set max_open_orders = 1') \gset

select plan((select count(*)::integer from provocations) + 9);

-- Code, message, details and hint, as PostgREST passes them on; how long to wait is another number
-- each time
select is(
  case p.caller
    when 'user' then pg_temp.as_user(:'mina', p.statement)
    when 'hoarder' then pg_temp.as_user(:'hoarder', p.statement)
    when 'subscriber' then pg_temp.as_user(:'subscriber', p.statement)
    when 'nameless' then pg_temp.as_user(:'nameless', p.statement)
    when 'staff' then pg_temp.as_user(:'staff', format(p.statement, :'mina'))
    when 'alex' then pg_temp.as_user(:'alex', format(p.statement, :'unpaid', :'refunding'))
    when 'nobody' then pg_temp.as_user(null, p.statement)
    when 'owner' then pg_temp.as_owner(p.statement)
    else pg_temp.as_service(format(
      p.statement, :'mina', :'hold_id', :'unpaid', :'refunding', :'spent', :'alone', :'merged',
      :'worker', :'gone'
    ))
  end #- '{details, retry_after}',
  jsonb_build_object(
    'error', p.message, 'code', p.code, 'hint', e.hint,
    'details', replace(replace(p.details, '"merged"', to_json(:'merged'::text)::text),
      '"mina"', to_json(:'mina'::text)::text)::jsonb
  ),
  p.message || ' is ' || p.code
) from provocations p left join coinslot.errors e on e.message = p.message;

-- The registry and the functions agree
create temporary view raised as
select p.oid::regprocedure::text as function, m.message[1] as message
from pg_proc p
cross join regexp_matches(p.prosrc, 'coinslot\.fail\(\s*''(\w+)''', 'g') m (message)
where p.pronamespace in ('public'::regnamespace, 'coinslot'::regnamespace)
  and p.proname <> 'manifest'; -- which holds the text of all the others
select is_empty(
  $$select * from raised r where not exists (
    select from coinslot.errors e where e.message = r.message
  )$$, 'no function raises what is not registered'
);
select set_eq(
  'select message from provocations', 'select distinct message from raised',
  'whatever a function raises is provoked above'
);
select set_eq(
  'select message from provocations',
  'select message from coinslot.errors', 'and is what is registered'
);
select is_empty(
  $$select p.oid::regprocedure from pg_proc p
    where p.pronamespace in ('public'::regnamespace, 'coinslot'::regnamespace)
      and p.prosrc ~ 'coinslot\.fail\(\s*[^''\s]'
      and p.proname <> 'manifest'$$,
  'no message is made up at run time: all can be found by reading'
);
select is(
  array(
    select p.proname::text from pg_proc p
    where p.pronamespace in ('public'::regnamespace, 'coinslot'::regnamespace)
      and p.proname <> 'manifest'
      and p.prosrc ~* '\mraise\s+(exception|sqlstate|using|''|\w+ using)'
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    order by 1
  ),
  array['fail', 'refuse_problems'],
  'one place raises what callers are told, one what the owner is told'
);
select is_empty(
  $$select * from coinslot.errors
    where sqlstate !~ '^PT4[0-9]{2}$' or message !~ '^[a-z_]+$' or hint !~ '^[A-Z].*\.$'$$,
  'an error is a status, a token a program can switch on, and a sentence for a person'
);
select isnt(
  pg_temp.as_owner($$select coinslot.fail('no_such_error')$$) ->> 'code', null,
  'an unregistered error is an error all the same'
);

-- Nobody signed in
select is(
  pg_temp.as_user(null, 'select ' || f.call) ->> 'error', 'unauthenticated',
  'a JWT without a user is a refusal: ' || f.call
) from (values ('get_user_tokens()')) f (call);
select is(
  (select count(*) from unnest(array[
    $$spend_tokens(1, 'k')$$, $$use_feature('question', 'k')$$, $$update_profile('x')$$,
    $$create_token_order('starter', 'portone')$$, $$cancel_token_order('ord_unknown_order')$$,
    $$request_token_refund('ord_unknown_order', 'why', 'k')$$,
      $$list_token_refunds('ord_unknown_order')$$,
    $$accept_token_refund('ord_unknown_order')$$, $$void_token_orders('starter')$$
  ]) f (call) where pg_temp.as_user(null, 'select ' || f.call) ->> 'code' = 'PT401'),
  9::bigint, 'for everything a user may call'
);
select * from finish();
rollback;
