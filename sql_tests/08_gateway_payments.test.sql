-- The funnel, where the gateway says what was ordered: credit once, whatever comes how often.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

create temporary table stories (product, protects, steps, expected) as values
('starter', 'a paid order is credited once, however often it is read',
 array['A:paid paid=5000', 'A:paid paid=5000', 'A:paid paid=5000 version=1', '?history', '?events'],
 array['credited completed 10', 'unchanged completed 10', 'unchanged completed 10', 'purchase 10',
   'pending, pending>completed 10']),
('premium_reading', 'a single thing is completed and credits nothing',
 array['A:paid paid=13000', 'A:paid paid=13000', '?history'],
 array['credited completed 0', 'unchanged completed 0', '']),
('starter', 'an order that was only looked at stays as it was',
 array['A:ready', 'A:ready', '?history'],
 array['unchanged pending 0', 'unchanged pending 0', '']),
('starter', 'a declined card credits nothing, and the next one may be good',
 array['A:failed failure_reason=declined', 'B:paid paid=5000', 'A:failed failure_reason=declined',
   '?history', '?events'],
 array['moved failed 0', 'credited completed 10', 'unchanged completed 10', 'purchase 10',
   'pending, pending>failed, failed>completed 10']),
('starter', 'a failed attempt that is read after a good one spoils nothing',
 array['B:paid paid=5000', 'A:failed', 'A:canceled', 'C:ready', '?open'],
 array['credited completed 10', 'unchanged completed 10', 'unchanged completed 10',
   'unchanged completed 10', null]),
('starter', 'a payment that was called off before it was paid is canceled',
 array['A:canceled', 'B:failed', '?history'],
 array['moved canceled 0', 'unchanged canceled 0', '']),
('starter', 'the gateway took the money after the buyer canceled',
 array['!cancel', 'A:ready', 'A:paid paid=5000', '?history'],
 array['canceled', 'unchanged canceled 0', 'credited completed 10', 'purchase 10']),
('starter', 'the gateway took the money after the order expired',
 array['!expire', 'A:ready', 'A:paid paid=5000', '?history'],
 array['1', 'unchanged expired 0', 'credited completed 10', 'purchase 10']),
('starter', 'the gateway took the money after it had failed and been canceled',
 array['A:failed', '!cancel', 'A:paid paid=5000'],
 array['moved failed 0', 'canceled', 'credited completed 10']),
('starter', 'a deposit is waited for, and credited when it comes',
 array['A:awaiting_deposit', 'A:awaiting_deposit', 'A:paid paid=5000', '?events'],
 array['moved awaiting_deposit 0', 'unchanged awaiting_deposit 0', 'credited completed 10',
   'pending, pending>awaiting_deposit, awaiting_deposit>completed 10']),
('starter', 'a deposit that never comes expires, and is still credited when it does',
 array['A:awaiting_deposit virtual_account={"bank":"Shinhan"}', '!expire', 'A:ready',
   'A:paid paid=5000'],
 array['moved awaiting_deposit 0', '1', 'unchanged expired 0', 'credited completed 10']),
('starter', 'a debit that is under way at a bank outlives the order''s time',
 array['!expire', 'A:awaiting_deposit', '!expire', 'A:paid paid=5000'],
 array['1', 'moved awaiting_deposit 0', '0', 'credited completed 10']),
('starter', 'a debit that the bank refuses leaves the order open for as long as it was',
 array['A:awaiting_deposit', '!expire', 'A:ready failure_reason=refused', '!expire', '?events'],
 array['moved awaiting_deposit 0', '0', 'moved pending 0', '1',
   'pending, pending>awaiting_deposit, awaiting_deposit>pending, pending>expired']),
('starter', 'a virtual account issued after the order was canceled or had failed is waited for',
 array['A:failed', '!cancel', 'B:awaiting_deposit virtual_account={"bank":"Shinhan"}', '!cancel',
   'B:canceled'],
 array['moved failed 0', 'canceled', 'moved awaiting_deposit 0', 'canceled', 'unchanged canceled 0']),
('starter', 'one that was there when it was canceled is not, and a deposit counts all the same',
 array['A:awaiting_deposit virtual_account={"bank":"Shinhan"}', '!cancel', '!cancel',
   'A:awaiting_deposit virtual_account={"bank":"Kookmin"}', 'B:failed', 'A:paid paid=5000', '?history'],
 array['moved awaiting_deposit 0', 'canceled', 'canceled', 'unchanged canceled 0',
   'unchanged canceled 0', 'credited completed 10', 'purchase 10']),
('starter', 'a debit that is under way cannot be called off',
 array['A:awaiting_deposit', '!cancel', 'A:paid paid=5000'],
 array['moved awaiting_deposit 0', null, 'credited completed 10']),
('starter', 'an account issued after the order expired keeps it open for as long as it says',
 array['!expire', 'A:awaiting_deposit virtual_account={"due_at":"2999-01-01T00:00Z"}', '!expire'],
 array['1', 'moved awaiting_deposit 0', '1']),
('starter', 'the bank undoes a deposit, and it is deposited again',
 array['A:awaiting_deposit', 'A:paid paid=5000', 'A:awaiting_deposit', 'A:awaiting_deposit',
   'A:paid paid=5000', '?history', '?open'],
 array['moved awaiting_deposit 0', 'credited completed 10', 'reversed awaiting_deposit 0',
   'unchanged awaiting_deposit 0', 'credited completed 10', 'purchase 10, refund -10, reversal 10',
   null]),
('starter', 'a deposit undone is made good by another attempt',
 array['A:paid paid=5000', 'A:awaiting_deposit', 'B:paid paid=5000', 'A:canceled', '?history'],
 array['credited completed 10', 'reversed awaiting_deposit 0', 'credited completed 10',
   'unchanged completed 10', 'purchase 10, refund -10, reversal 10']),
('starter', 'a second payment of one order gives nothing and is shown to a person',
 array['A:paid paid=5000', 'B:paid paid=5000', 'B:paid paid=5000', 'A:paid paid=5000', '?history',
   '?open', 'B:canceled paid=5000 refunded=5000', '?open', '?resolved'],
 array['credited completed 10', 'duplicate completed 10', 'unchanged completed 10',
   'unchanged completed 10', 'purchase 10', 'duplicate_payment', 'duplicate completed 10', null,
   'duplicate_payment']),
('starter', 'an attempt that began first and was paid second is the second payment',
 array['A:ready', 'B:paid paid=5000', 'A:paid paid=5000', 'A:paid paid=5000 refunded=5000',
   '?history', '?resolved'],
 array['unchanged pending 0', 'credited completed 10', 'duplicate completed 10',
   'duplicate completed 10', 'purchase 10', 'duplicate_payment']),
('starter', 'refunding the second payment leaves the first one''s tokens alone, and the reverse',
 array['A:paid paid=5000', 'B:paid paid=5000', 'B:paid paid=5000 refunded=2500',
   'A:paid paid=5000 refunded=5000', '?history'],
 array['credited completed 10', 'duplicate completed 10', 'duplicate completed 10',
   'reversed refunded 0', 'purchase 10, refund -10']);

select plan((select count(*)::integer from stories) + 16);
select is(pg_temp.play(s.product, s.steps), s.expected, s.protects) from stories s;

-- What an order shows of it
select pg_temp.user_with(0) as mina \gset
select pg_temp.as_user(:'mina', $$select * from create_token_order('starter', 'portone')$$)
  ->> 'order_id' as order_id \gset
create function pg_temp.due_in(days integer) returns text
language sql as $$
  select to_char(now() + make_interval(days => days), 'YYYY-MM-DD"T"HH24:MI:SSOF')
$$;
create function pg_temp.shown(order_id text) returns jsonb
language sql as $$
  select to_jsonb(p) - array['id', 'order_id', 'user_id', 'created_at', 'updated_at', 'product_id',
    'name', 'gateway', 'amount', 'currency', 'tokens', 'live', 'idempotency_key', 'confirmed_at',
    'expires_at', 'deposit_until', 'canceled_at', 'expired_at', 'voided_at', 'disputed',
    'withdrawn', 'name_ko', 'tokens_last_days', 'tokens_end_at', 'quantity', 'list_amount',
    'promo_code']
  from public.token_payments p where p.order_id = shown.order_id
$$;
select pg_temp.read(:'order_id', 'A:failed failure_reason=declined method=card') as read \gset
select is(
  pg_temp.shown(:'order_id'),
  '{"status": "failed", "method": null, "payment_key": null, "paid": 0, "refunded": 0,
    "failure_reason": "declined", "virtual_account": null, "version": 2}',
  'a failure shows its reason'
);
select pg_temp.read(
  :'order_id', 'B:awaiting_deposit method=vbank virtual_account='
  || '{"bank":"KB","account_number":"1","holder":"C","due_at":"' || d.due_at || '"}'
) as read from pg_temp.due_in(3) d (due_at) \gset
select is(
  (pg_temp.shown(:'order_id') - 'payment_key') #- '{virtual_account,due_at}',
  '{"status": "awaiting_deposit", "method": "vbank", "paid": 0, "refunded": 0,
    "failure_reason": null, "version": 3, "virtual_account": {"bank": "KB", "account_number": "1",
    "holder": "C"}}',
  'a virtual account shows where to pay in'
);
select is(
  (select p.expires_at from public.token_payments p where p.order_id = :'order_id'),
  pg_temp.due_in(3)::timestamptz, 'and keeps the order open until then'
);
select pg_temp.as_service('select coinslot_run_maintenance() as n') #>> '{n,orders_expired}'
  as expired \gset
select is(:'expired'::text, '0', 'the sweeper leaves it alone');
select is(
  pg_temp.read(:'order_id', 'B:paid paid=5000 method=vbank'), 'credited completed 10',
  'the deposit comes'
);
select is(
  pg_temp.shown(:'order_id') - array['payment_key', 'virtual_account'],
  '{"status": "completed", "method": "vbank", "paid": 5000, "refunded": 0,
    "failure_reason": null, "version": 4}', 'a paid order shows what was paid'
);
select is(
  (select p.confirmed_at from public.token_payments p where p.order_id = :'order_id') is not null,
   true,
  'and when'
);
select is(
  (select p.payment_key from public.token_payments p where p.order_id = :'order_id'),
  'B ' || :'order_id', 'and by which attempt'
);
select is(
  (select l.payment_id from public.token_ledger l where l.user_id = :'mina'),
  (select p.id from public.token_payments p where p.order_id = :'order_id'),
  'the entry names the payment'
);
select is(
  pg_temp.as_user(:'mina', 'select kind, delta, balance from token_ledger'),
  '{"kind": "purchase", "delta": 10, "balance": 10}', 'and the buyer reads it'
);

-- Claims that the gateway does not bear out
select is(
  pg_temp.as_service(format(
    $$select coinslot_refuse_payment_attempt(%L, 'imp_x', 'unknown at the gateway', 'complete')$$,
    :'order_id'
  )) ? 'error', false, 'a false claim is noted'
) from generate_series(1, 3);
select is(
  (select jsonb_agg(jsonb_build_array(
     e.from_status, e.to_status, e.payment_key, e.reason, e.source
   )) from public.token_payment_events e where e.payment_key = 'imp_x'),
  '[["completed", "completed", "imp_x", "unknown at the gateway", "complete"]]',
  'once, moving nothing'
);
select is(
  (select p.version from public.token_payments p where p.order_id = :'order_id'), 4::bigint,
  'and makes no read of the gateway stale'
);
select is(
  pg_temp.as_service(format($$select * from coinslot_open_payment(%L)$$, :'order_id')) -> 'version',
  '4'::jsonb, 'the version is read before the gateway is'
);
select * from finish();
rollback;
