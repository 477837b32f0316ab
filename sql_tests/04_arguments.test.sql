-- Bad input: every argument of every RPC is refused by name, and nothing is written.
begin;
\ir helpers/call.sql

create temporary table refusals (caller, statement, expected) as values
-- Amounts
('user', $$spend_tokens(0, 'k')$$, 'PT400 invalid_amount {"amount": 0}'),
('user', $$spend_tokens(-1, 'k')$$, 'PT400 invalid_amount {"amount": -1}'),
('user', $$spend_tokens(null, 'k')$$, 'PT400 invalid_amount {"amount": null}'),
('user', $$spend_tokens(9007199254740992, 'k')$$,
 'PT400 invalid_amount {"amount": 9007199254740992}'),
('user', $$spend_tokens(9223372036854775807, 'k')$$,
 'PT400 invalid_amount {"amount": 9223372036854775807}'),
('user', $$spend_tokens(-9223372036854775808, 'k')$$,
 'PT400 invalid_amount {"amount": -9223372036854775808}'),
('user', $$spend_tokens(9007199254740991, 'k')$$,
 'PT402 insufficient_tokens {"tokens": 10, "required": 9007199254740991}'),
('service', $$spend_tokens_for(%1$L, 0, 'k')$$, 'PT400 invalid_amount {"amount": 0}'),
('service', $$spend_tokens_for(%1$L, -5, 'k')$$, 'PT400 invalid_amount {"amount": -5}'),
('service', $$add_tokens(%1$L, 0, 'k')$$, 'PT400 invalid_amount {"amount": 0}'),
('service', $$add_tokens(%1$L, null, 'k')$$, 'PT400 invalid_amount {"amount": null}'),
('service', $$add_tokens(%1$L, 9007199254740992, 'k')$$,
 'PT400 invalid_amount {"amount": 9007199254740992}'),
('service', $$hold_tokens_for(%1$L, 0, 'k')$$, 'PT400 invalid_amount {"amount": 0}'),
('service', $$hold_tokens_for(%1$L, -1, 'k')$$, 'PT400 invalid_amount {"amount": -1}'),
('service', $$hold_tokens_for(%1$L, null, 'k')$$, 'PT400 invalid_amount {"amount": null}'),
-- Keys
('user', $$spend_tokens(1, null)$$, 'PT400 invalid_argument idempotency_key'),
('user', $$spend_tokens(1, '')$$, 'PT400 invalid_argument idempotency_key'),
('user', $$spend_tokens(1, repeat('k', 256))$$, 'PT400 invalid_argument idempotency_key'),
('user', $$spend_tokens(1, repeat('k', 10000))$$, 'PT400 invalid_argument idempotency_key'),
('user', $$use_feature('question', '')$$, 'PT400 invalid_argument idempotency_key'),
('user', $$use_feature('question', repeat('k', 10000))$$,
 'PT400 invalid_argument idempotency_key'),
('user', $$create_token_order('starter', 'portone', 'KRW', repeat('k', 256))$$,
 'PT400 invalid_argument idempotency_key'),
('service', $$spend_tokens_for(%1$L, 1, '')$$, 'PT400 invalid_argument idempotency_key'),
('service', $$use_feature_for(%1$L, 'question', null)$$,
 'PT400 invalid_argument idempotency_key'),
('service', $$add_tokens(%1$L, 1, '')$$, 'PT400 invalid_argument idempotency_key'),
('service', $$add_tokens(%1$L, -1, '', '', 'adjustment')$$,
 'PT400 invalid_argument idempotency_key'),
('service', $$hold_tokens_for(%1$L, 1, '')$$, 'PT400 invalid_argument idempotency_key'),
('service', $$hold_feature_for(%1$L, 'answer', repeat('k', 256))$$,
 'PT400 invalid_argument idempotency_key'),
-- Reasons and metadata
('user', $$spend_tokens(1, 'k', repeat('r', 501))$$, 'PT400 invalid_argument reason'),
('user', $$spend_tokens(1, 'k', null)$$, 'PT400 invalid_argument reason'),
('service', $$add_tokens(%1$L, 1, 'k', repeat('r', 501))$$, 'PT400 invalid_argument reason'),
('service', $$add_tokens(%1$L, -1, 'k', null, 'adjustment')$$, 'PT400 invalid_argument reason'),
('service', $$hold_tokens_for(%1$L, 1, 'k', repeat('r', 501))$$, 'PT400 invalid_argument reason'),
('user', $$spend_tokens(1, 'k', '', '[]')$$, 'PT400 invalid_argument metadata'),
('user', $$spend_tokens(1, 'k', '', '"text"')$$, 'PT400 invalid_argument metadata'),
('user', $$spend_tokens(1, 'k', '', 'null')$$, 'PT400 invalid_argument metadata'),
('user', $$spend_tokens(1, 'k', '', null)$$, 'PT400 invalid_argument metadata'),
('user', $$spend_tokens(1, 'k', '', jsonb_build_object('a', repeat('x', 4088)))$$,
 'PT400 invalid_argument metadata'),
('user', $$use_feature('question', 'k', '[]')$$, 'PT400 invalid_argument metadata'),
('service', $$use_feature_for(%1$L, 'question', 'k', '[]')$$, 'PT400 invalid_argument metadata'),
-- Features, holds and their lives
('user', $$use_feature('nonsense', 'k')$$, 'PT404 feature_not_found {"feature": "nonsense"}'),
('user', $$use_feature(null, 'k')$$, 'PT404 feature_not_found {"feature": null}'),
('user', $$use_feature('', 'k')$$, 'PT404 feature_not_found {"feature": ""}'),
('service', $$hold_feature_for(%1$L, 'nonsense', 'k')$$,
 'PT404 feature_not_found {"feature": "nonsense"}'),
('service', $$hold_tokens_for(%1$L, 1, 'k', '', 0)$$, 'PT400 invalid_argument ttl_seconds'),
('service', $$hold_tokens_for(%1$L, 1, 'k', '', -1)$$, 'PT400 invalid_argument ttl_seconds'),
('service', $$hold_tokens_for(%1$L, 1, 'k', '', 86401)$$, 'PT400 invalid_argument ttl_seconds'),
('service', $$hold_tokens_for(%1$L, 1, 'k', '', null)$$, 'PT400 invalid_argument ttl_seconds'),
('service', $$hold_feature_for(%1$L, 'answer', 'k', 0)$$, 'PT400 invalid_argument ttl_seconds'),
('service', $$capture_token_hold(null)$$, 'PT404 hold_not_found {"hold_id": null}'),
('service', $$capture_token_hold('00000000-0000-4000-8000-0000000000ff', 1)$$,
 'PT404 hold_not_found {"hold_id": "00000000-0000-4000-8000-0000000000ff"}'),
('service', $$release_token_hold('00000000-0000-4000-8000-0000000000ff')$$,
 'PT404 hold_not_found {"hold_id": "00000000-0000-4000-8000-0000000000ff"}'),
-- Orders
('user', $$create_token_order('nonsense', 'portone')$$,
 'PT404 product_not_found {"product_id": "nonsense"}'),
('user', $$create_token_order(null, 'portone')$$, 'PT404 product_not_found {"product_id": null}'),
('user', $$create_token_order('starter', 'nonsense')$$, 'PT400 invalid_argument gateway'),
('user', $$create_token_order('starter', null)$$, 'PT400 invalid_argument gateway'),
('user', $$create_token_order('starter', 'stripe', 'EUR')$$, 'PT400 invalid_argument currency'),
('user', $$create_token_order('starter', 'stripe', 'krw')$$, 'PT400 invalid_argument currency'),
('user', $$create_token_order('starter', 'portone', 'EUR')$$,
 'PT400 currency_not_taken {"gateway": "portone", "currencies": ["KRW"]}'),
('user', $$create_token_order('starter', 'toss', 'USD')$$,
 'PT400 currency_not_taken {"gateway": "toss", "currencies": ["KRW"]}'),
('user', $$create_token_order('starter', 'portone', null)$$, 'PT400 invalid_argument currency'),
('user', $$cancel_token_order('ord_unknown_unknown')$$, 'PT404 order_not_found {}'),
('user', $$cancel_token_order(null)$$, 'PT404 order_not_found {}'),
('service', $$coinslot_open_payment('ord_unknown_unknown')$$, 'PT404 order_not_found {}'),
('service', $$coinslot_open_payment(null)$$, 'PT404 order_not_found {}'),
('service', $$coinslot_refuse_payment_attempt('ord_unknown_unknown', 'imp_1', 'why', 'complete')$$,
 'PT404 order_not_found {}'),
('service', $$coinslot_refuse_payment_attempt(%2$L, repeat('p', 256), 'why', 'complete')$$,
 'PT400 invalid_argument payment_key'),
('service', $$coinslot_refuse_payment_attempt(%2$L, null, 'why', 'complete')$$,
 'PT400 invalid_argument payment_key'),
('service', $$coinslot_refuse_payment_attempt(%2$L, 'imp_1', repeat('r', 101), 'complete')$$,
 'PT400 invalid_argument reason'),
('service', $$coinslot_refuse_payment_attempt(%2$L, 'imp_1', 'why', null)$$,
 'PT400 invalid_argument source'),
-- Operators
('service', $$coinslot_add_operator(%1$L, null)$$, 'PT400 invalid_argument role'),
('service', $$coinslot_add_operator(%1$L, '')$$, 'PT400 invalid_argument role'),
('service', $$coinslot_add_operator(%1$L, 'Owner')$$, 'PT400 invalid_argument role'),
('service', $$coinslot_add_operator(null, 'owner')$$, 'PT404 user_not_found {"users": 0}'),
('service', $$coinslot_add_operator('', 'owner')$$, 'PT404 user_not_found {"users": 0}'),
('service', $$coinslot_add_operator(repeat('w', 10000), 'owner')$$,
 'PT404 user_not_found {"users": 0}'),
('service', $$coinslot_remove_operator(null)$$, 'PT404 user_not_found {"users": 0}'),
('service', $$coinslot_remove_operator('00000000-0000-4000-8000-0000000000ff')$$,
 'PT404 user_not_found {"users": 0}'),
('user', $$list_token_refunds('ord_unknown_unknown')$$,
 'PT403 forbidden {"roles": ["support", "finance", "owner"]}'),
('user', $$void_token_orders('starter')$$, 'PT403 forbidden {"roles": ["finance", "owner"]}'),
('service', $$void_token_orders_for('nonsense')$$,
 'PT404 product_not_found {"product_id": "nonsense"}'),
('service', $$void_token_orders_for(null)$$, 'PT404 product_not_found {"product_id": null}'),
-- Refunds
('user', $$accept_token_refund('ord_unknown_unknown')$$,
 'PT403 forbidden {"roles": ["finance", "owner"]}'),
('service', $$accept_token_refund_for('ord_unknown_unknown')$$, 'PT404 order_not_found {}'),
('service', $$accept_token_refund_for(null)$$, 'PT404 order_not_found {}'),
('service', $$accept_token_refund_for(%2$L)$$,
 'PT409 nothing_proposed {"status": "pending"}'),
('user', $$request_token_refund('ord_unknown_unknown', 'why', 'k')$$,
 'PT403 forbidden {"roles": ["finance", "owner"]}'),
('user', $$request_token_refund(null, null, null, -1, null, null, '[]')$$,
 'PT403 forbidden {"roles": ["finance", "owner"]}'),
('service', $$request_token_refund_for('ord_unknown_unknown', 'why', 'k')$$,
 'PT404 order_not_found {}'),
('service', $$request_token_refund_for(null, 'why', 'k')$$, 'PT404 order_not_found {}'),
('service', $$request_token_refund_for(%2$L, null, 'k')$$, 'PT400 invalid_argument reason'),
('service', $$request_token_refund_for(%2$L, '', 'k')$$, 'PT400 invalid_argument reason'),
('service', $$request_token_refund_for(%2$L, '   ', 'k')$$, 'PT400 invalid_argument reason'),
('service', $$request_token_refund_for(%2$L, repeat('r', 201), 'k')$$,
 'PT400 invalid_argument reason'),
('service', $$request_token_refund_for(%2$L, 'why', null)$$,
 'PT400 invalid_argument idempotency_key'),
('service', $$request_token_refund_for(%2$L, 'why', '')$$,
 'PT400 invalid_argument idempotency_key'),
('service', $$request_token_refund_for(%2$L, 'why', repeat('k', 256))$$,
 'PT400 invalid_argument idempotency_key'),
('service', $$request_token_refund_for(%2$L, 'why', 'k', 0)$$,
 'PT400 invalid_amount {"amount": 0}'),
('service', $$request_token_refund_for(%2$L, 'why', 'k', -1)$$,
 'PT400 invalid_amount {"amount": -1}'),
('service', $$request_token_refund_for(%2$L, 'why', 'k', 9007199254740992)$$,
 'PT400 invalid_amount {"amount": 9007199254740992}'),
('service', $$request_token_refund_for(%2$L, 'why', 'k', 9007199254740991)$$,
 'PT409 not_refundable {"status": "pending", "currency": "KRW", "refundable": 0}'),
('service', $$request_token_refund_for(%2$L, 'why', 'k', null, null, 'imp_1')$$,
 'PT409 not_refundable {"status": "pending", "currency": "KRW", "refundable": 0}'),
('service', $$coinslot_record_refund_answer('00000000-0000-4000-8000-0000000000ff', 1, 'accepted')$$,
 'PT400 invalid_argument refund_id'),
('service', $$coinslot_record_refund_answer(null, 1, 'accepted')$$,
 'PT400 invalid_argument refund_id'),
('service', $$coinslot_record_refund_answer('00000000-0000-4000-8000-0000000000ff', null, 'accepted')$$,
 'PT400 invalid_argument tries'),
('service', $$coinslot_record_refund_answer('00000000-0000-4000-8000-0000000000ff', 1, 'refused')$$,
 'PT400 invalid_argument answer'),
('service', $$coinslot_record_refund_answer('00000000-0000-4000-8000-0000000000ff', 1, null)$$,
 'PT400 invalid_argument answer'),
-- Audits
('service', $$coinslot_begin_audit('nonsense', '2026-01-01', '2026-02-01')$$,
 'PT400 invalid_argument gateway'),
('service', $$coinslot_begin_audit(null, '2026-01-01', '2026-02-01')$$,
 'PT400 invalid_argument gateway'),
('service', $$coinslot_begin_audit('toss', null, '2026-02-01')$$, 'PT400 invalid_argument since'),
('service', $$coinslot_begin_audit('toss', '2026-01-01', null)$$, 'PT400 invalid_argument until'),
('service', $$coinslot_begin_audit('toss', '2026-01-01', '2026-01-01')$$,
 'PT400 invalid_argument until'),
('service', $$coinslot_begin_audit('toss', '2026-01-01', '2025-01-01')$$,
 'PT400 invalid_argument until'),
('service', $$coinslot_finish_audit(0)$$, 'PT400 invalid_argument audit_id'),
('service', $$coinslot_finish_audit(null)$$, 'PT400 invalid_argument audit_id'),
-- Profiles and maintenance
('user', $$update_profile(repeat('n', 101))$$, 'PT400 invalid_argument display_name'),
('user', $$update_profile(null, 'Korean')$$, 'PT400 invalid_argument locale'),
('user', $$update_profile(null, '')$$, 'PT400 invalid_argument locale'),
('user', $$update_profile(null, 'en' || repeat('-aaaaaaaa', 4))$$,
 'PT400 invalid_argument locale'),
('service', $$coinslot_run_maintenance(0) as n$$, 'PT400 invalid_argument batch'),
('service', $$coinslot_run_maintenance(10001) as n$$, 'PT400 invalid_argument batch'),
('service', $$coinslot_run_maintenance(null) as n$$, 'PT400 invalid_argument batch');

-- What the gateway says, with one thing wrong at a time.
create temporary table malformed (arguments, argument) as values
($$'portone', 'imp_1', 'paid', -1, 'KRW', false, 'webhook', 1$$, 'amounts'),
($$'portone', 'imp_1', 'paid', null, 'KRW', false, 'webhook', 1$$, 'amounts'),
($$'portone', 'imp_1', 'paid', 5000, 'KRW', false, 'webhook', 1, paid => -1$$, 'amounts'),
($$'portone', 'imp_1', 'paid', 5000, 'KRW', false, 'webhook', 1, paid => null$$, 'amounts'),
($$'portone', 'imp_1', 'paid', 5000, 'KRW', false, 'webhook', 1, refunding => -1$$, 'amounts'),
($$'portone', 'imp_1', 'paid', 5000, 'KRW', false, 'webhook', 1, refunded => -1$$, 'amounts'),
($$'portone', 'imp_1', 'paid', 5000, 'KRW', false, 'webhook', 1, refunding => null$$, 'amounts'),
($$'portone', 'imp_1', 'paid', 5000, 'KRW', false, 'webhook', 1, disputed => -1$$, 'amounts'),
($$'portone', 'imp_1', 'paid', 5000, 'KRW', false, 'webhook', 1, withdrawn => null$$, 'amounts'),
($$'portone', 'imp_1', 'cancelled', 5000, 'KRW', false, 'webhook', 1$$, 'state'),
($$'portone', 'imp_1', null, 5000, 'KRW', false, 'webhook', 1$$, 'state'),
($$'', 'imp_1', 'paid', 5000, 'KRW', false, 'webhook', 1$$, 'gateway'),
($$null, 'imp_1', 'paid', 5000, 'KRW', false, 'webhook', 1$$, 'gateway'),
($$repeat('g', 32), 'imp_1', 'paid', 5000, 'KRW', false, 'webhook', 1$$, 'gateway'),
($$'portone', '', 'paid', 5000, 'KRW', false, 'webhook', 1$$, 'payment_key'),
($$'portone', null, 'paid', 5000, 'KRW', false, 'webhook', 1$$, 'payment_key'),
($$'portone', repeat('p', 256), 'paid', 5000, 'KRW', false, 'webhook', 1$$, 'payment_key'),
($$'portone', 'imp_1', 'paid', 5000, 'won', false, 'webhook', 1$$, 'currency'),
($$'portone', 'imp_1', 'paid', 5000, null, false, 'webhook', 1$$, 'currency'),
($$'portone', 'imp_1', 'paid', 5000, 'KRW', null, 'webhook', 1$$, 'live'),
($$'portone', 'imp_1', 'paid', 5000, 'KRW', false, 'Web Hook', 1$$, 'source'),
($$'portone', 'imp_1', 'paid', 5000, 'KRW', false, null, 1$$, 'source'),
($$'portone', 'imp_1', 'paid', 5000, 'KRW', false, 'webhook', null$$, 'version');
insert into refusals (caller, statement, expected)
select 'service', 'coinslot_apply_gateway_payment(%2$L, ' || m.arguments || ')',
  'PT400 invalid_argument ' || m.argument
from malformed m;

-- And what it sends.
insert into refusals (caller, statement, expected)
select 'service', 'coinslot_store_webhook(' || w.arguments || ')',
  'PT400 invalid_argument ' || w.argument
from (values
  ($$'paypal', 'e', 't', null, null, true, '{}', '{}'$$, 'gateway'),
  ($$null, 'e', 't', null, null, true, '{}', '{}'$$, 'gateway'),
  ($$'toss', '', 't', null, null, true, '{}', '{}'$$, 'event_id'),
  ($$'toss', repeat('e', 256), 't', null, null, true, '{}', '{}'$$, 'event_id'),
  ($$'toss', 'e', repeat('t', 101), null, null, true, '{}', '{}'$$, 'event_type'),
  ($$'toss', 'e', 't', repeat('o', 65), null, true, '{}', '{}'$$, 'order_id'),
  ($$'toss', 'e', 't', null, repeat('k', 256), true, '{}', '{}'$$, 'payment_key'),
  ($$'toss', 'e', 't', null, null, null, '{}', '{}'$$, 'claims_paid'),
  ($$'toss', 'e', 't', null, null, true, to_jsonb(repeat('h', 8191)), '{}'$$, 'headers'),
  ($$'toss', 'e', 't', null, null, true, '{}', to_jsonb(repeat('b', 65535))$$, 'body'),
  ($$'toss', 'e', 't', null, null, true, '{}', null$$, 'body')
) w (arguments, argument);

-- An account that no money can go to, and a gateway's list that is none.
insert into refusals (caller, statement, expected)
select
  'service', format('request_token_refund_for(%%2$L, %L, %L, account => %L)', 'why', 'k',
    a.account),
  'PT400 invalid_argument account'
from (values
  ('null'), ('[]'), ('"text"'), ('{}'),
  ('{"bank": "KAKAO", "account_number": "3333012345678"}'),
  ('{"bank": "KAKAO", "holder": "Mina"}'),
  ('{"account_number": "3333012345678", "holder": "Mina"}'),
  ('{"bank": "", "account_number": "3333012345678", "holder": "Mina"}'),
  ('{"bank": "KAKAO BANK", "account_number": "3333012345678", "holder": "Mina"}'),
  ('{"bank": "KAKAO", "account_number": "3333-01-2345678", "holder": "Mina"}'),
  ('{"bank": "KAKAO", "account_number": "333", "holder": "Mina"}'),
  ('{"bank": "KAKAO", "account_number": "333301234567833330123", "holder": "Mina"}'),
  ('{"bank": "KAKAO", "account_number": "3333012345678", "holder": ""}'),
  ('{"bank": "KAKAO", "account_number": "3333012345678", "holder": null}')
) a (account);
insert into refusals (caller, statement, expected)
select
  'service', format('coinslot_audit_payments(1, %L)', coalesce(
    l.lines, jsonb_build_array(
      '{"payment_key": "p", "currency": "KRW", "paid": 1, "live": false}'::jsonb || l.wrong::jsonb
    )::text
  )), 'PT400 invalid_argument lines'
from (values
  (null, '{"payment_key": null}'), (null, '{"payment_key": ""}'),
  (null, format('{"payment_key": "%s"}', repeat('p', 256))), (null, '{"currency": null}'),
  (null, '{"currency": "won"}'), (null, '{"paid": -1}'),
  (null, '{"paid": 1.5}'), (null, '{"paid": "much"}'), (null, '{"paid": 9007199254740992}'),
  (null, '{"paid": 99999999999999999999}'), (null, '{"refunded": -1}'),
  (null, '{"refunded": 9007199254740992}'), (null, '{"left": -1}'), (null, '{"live": "maybe"}'),
  (null, '{"missing": "maybe"}'), (null, '{"withdrawn": -1}'), (null, '{"moved_at": "soon"}'),
  ('{}', null), ('"text"', null), ('null', null), ('[1]', null), ('[null]', null), ('[[]]', null),
  ('[{}]', null)
) l (lines, wrong);
insert into refusals (caller, statement, expected) values
('service', 'coinslot_audit_payments(1, null)', 'PT400 invalid_argument lines'),
('service', 'coinslot_finish_webhook(1, ''done'')', 'PT400 invalid_argument outcome'),
('service', 'coinslot_finish_webhook(1, ''stale'')', 'PT400 invalid_argument outcome'),
('service', 'coinslot_finish_webhook(1, null)', 'PT400 invalid_argument outcome');
insert into refusals (caller, statement, expected)
select
  'service', format('coinslot_resolve_discrepancy(1, %L)', r.resolution),
  'PT400 invalid_argument resolution'
from (values (''), (' '), (null), (repeat('r', 501))) r (resolution);

select pg_temp.user_with(10) as mina \gset
select pg_temp.as_user(:'mina', $$select * from create_token_order('starter', 'portone')$$)
  ->> 'order_id' as order_id \gset
create function pg_temp.everything() returns text
language sql as $$
  select concat(
    (select jsonb_agg(to_jsonb(w) order by w.user_id) from public.token_wallets w),
    (select count(*) from public.token_ledger), (select count(*) from coinslot.token_holds),
    (select jsonb_agg(to_jsonb(p) order by p.id) from public.token_payments p),
    (select count(*) from public.token_payment_events), (select count(*) from coinslot.payment_attempts),
    (select count(*) from coinslot.discrepancies), (select jsonb_agg(p) from public.profiles p),
    (select count(*) from coinslot.refunds), (select count(*) from coinslot.refund_accounts),
    (select jsonb_agg(r) from coinslot.payment_reads r), (select count(*) from coinslot.audits),
    (select count(*) from coinslot.webhooks),
    (select count(*) from coinslot.audit_lines)
  )
$$;
select pg_temp.everything() as before \gset

select plan((select count(*)::integer from refusals) + 11);

select is(
  regexp_replace(
    pg_temp.refusal(a.answer), '\{.*"argument": "(\w+)".*\}', '\1'
  ),
  r.expected, left(r.statement, 90)
)
from refusals r
cross join lateral (
  select case r.caller
    when 'user' then pg_temp.as_user(:'mina', 'select * from ' || r.statement)
    else pg_temp.as_service('select * from ' || format(r.statement, :'mina', :'order_id'))
  end
) a (answer);
select is(pg_temp.everything(), :'before', 'not one of them wrote anything');

-- The longest that fits does fit
select is(
  pg_temp.as_user(:'mina', s.statement) -> 'replayed', 'false'::jsonb, 'fits: ' || s.statement
) from (values
  ($$select * from spend_tokens(1, repeat('k', 255))$$),
  ($$select * from spend_tokens(1, repeat('한', 255))$$),
  ($$select * from spend_tokens(1, 'r', repeat('글', 500))$$),
  ($$select * from spend_tokens(1, 'm', '', jsonb_build_object('a', repeat('x', 4087)))$$)
) s (statement);
select is(
  (select max(octet_length(l.metadata::text)) from public.token_ledger l), 4096,
  'metadata may have 4096 bytes'
);
select is(
  pg_temp.as_service(format(
    $$select * from hold_tokens_for(%L, 1, repeat('k', 255), repeat('r', 500), 86400)$$, :'mina'
  )) ->> 'status', 'held', 'a hold lives up to a day'
);
-- A number that is no bigint, and an object where an RPC wants text, never reach a function.
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens(9223372036854775808, 'k')$$) ->> 'code',
  '42883', 'a number beyond bigint finds no function'
);
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens('1.5', 'k')$$) ->> 'code', '22P02',
  'a fraction is no amount'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
-- Where a call would be felt it stands as a number.
select is_empty(
  $$ select s.source, m.number[1] from (
       select pg_get_constraintdef(c.oid) from pg_constraint c
       where c.connamespace in ('public'::regnamespace, 'coinslot'::regnamespace)
       union all
       select p.prosrc from pg_proc p
       where p.pronamespace in ('public'::regnamespace, 'coinslot'::regnamespace)
         and p.proname <> 'manifest' -- it holds all the others, and hashes
       union all
       select e.hint from coinslot.errors e
     ) s (source)
     cross join regexp_matches(s.source, '\d{16,}', 'g') m (number)
     where m.number[1] <> coinslot.max_amount()::text $$,
  'the largest amount is the same wherever it stands'
);
select * from finish();
rollback;
