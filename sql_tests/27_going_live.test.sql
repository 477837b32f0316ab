-- Going live: what test payments gave is taken back, and no test payment gives anything afterwards.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
select plan(43);

create function pg_temp.go_live(dry_run boolean default false) returns jsonb
language sql as $$
  select pg_temp.as_service(format('select coinslot_go_live(%L) as report', go_live.dry_run))
  -> 'report'
$$;
create function pg_temp.order_of(user_id uuid, key text default null) returns text
language sql as $$
  select pg_temp.as_user(order_of.user_id, format(
    'select * from create_token_order(''starter'', ''portone'', idempotency_key => %L)', key
  )) ->> 'order_id'
$$;
-- One step about an order.
create function pg_temp.do(order_id text, step text) returns text
language sql as $$
  select pg_temp.step(p, step) from public.token_payments p where p.order_id = "do".order_id
$$;
create function pg_temp.status(order_id text) returns text
language sql as $$
  select p.status from public.token_payments p where p.order_id = status.order_id
$$;

select pg_temp.user_with(3) as mina, pg_temp.user_with(0) as alex, pg_temp.user_with(1) as gone,
  pg_temp.user_with(0) as phone, pg_temp.user_with(2) as desk \gset
select pg_temp.order_of(:'mina', 'cart') as paid, pg_temp.order_of(:'mina') as half,
  pg_temp.order_of(:'mina', 'open') as open, pg_temp.order_of(:'alex') as spent,
  pg_temp.order_of(:'alex') as asked, pg_temp.order_of(:'alex') as gave_back,
  pg_temp.order_of(:'gone') as left, pg_temp.order_of(:'phone') as moved,
  pg_temp.order_of(:'desk') as deposit \gset
select pg_temp.do(o.order_id, 'A:paid paid=5000')
from unnest(array[:'paid', :'half', :'spent', :'asked', :'gave_back', :'left',
  :'moved']) o (order_id) \g /dev/null
select pg_temp.do(:'half', 'A:paid paid=5000 refunded=2500') as half_back,
  pg_temp.do(:'gave_back', 'A:paid paid=5000 refunded=5000') as all_back,
  pg_temp.do(:'spent', '!spend 13') as spending,
  pg_temp.do(:'asked', '!refund force') as asking,
  pg_temp.do(:'deposit', 'A:awaiting_deposit') as waiting,
  pg_temp.do(:'moved', format('!merge %s', 2)) as merging,
  pg_temp.do(:'left', '!delete') as leaving \gset
select p.user_id as heir from public.token_payments p where p.order_id = :'moved' \gset
select is(pg_temp.wallet(:'alex'), 'tokens=7 held=10 seq=5', 'a refund has set tokens aside');

-- Asked first
select is(
  pg_temp.go_live(true) - 'payments',
  '{"mode": "test", "dry_run": true, "tokens": 55, "orders": 2, "refunds": 1}',
  'it says what it would take back, call off and end'
);
select is(
  array(
    select concat_ws(' ', p ->> 'tokens', p ->> 'balance')
    from jsonb_array_elements(pg_temp.go_live(true) -> 'payments') p
    where p ->> 'user_id' in (:'mina', :'alex') order by p ->> 'user_id' = :'mina', 1
  ), array['10 -13', '10 -13', '10 3', '5 3'], 'each payment, with the balance that is left'
);
select is(
  pg_temp.as_service('select coinslot_go_live() as report') #> '{report,dry_run}', 'true'::jsonb,
  'nobody goes live by leaving something out'
);
select is(pg_temp.history(:'mina'), 'grant 3, purchase 10, purchase 10, refund -5',
  'nothing moved');
select is(
  pg_temp.refusal(pg_temp.as_service('select coinslot_go_live(null) as report')),
  'PT400 invalid_argument {"argument": "dry_run"}', 'nor by leaving it open'
);
select is(
  pg_temp.refusal(pg_temp.as_owner('update coinslot.settings set mode = ''live'' returning id')),
  'PT409 test_tokens_left {"tokens": 55, "payments": 6}', 'nor with plain SQL'
);
select is((select s.mode from coinslot.settings s), 'test', 'it is no live database yet');

-- Done
select is(
  pg_temp.go_live() - 'payments',
  '{"mode": "live", "dry_run": false, "tokens": 55, "orders": 2, "refunds": 1}',
    'it says what it did'
);
select is((select s.mode from coinslot.settings s), 'live', 'and the database is live');
select is(
  array(select l.delta from public.token_ledger l
    where l.user_id = :'mina' and l.kind = 'test_reversal' order by 1),
  array[-10, -5]::bigint[], 'what is left of each test payment is taken back'
);
select is(pg_temp.wallet(:'mina'), 'tokens=3 held=0 seq=6', 'what was given otherwise stays');
select is(
  pg_temp.wallet(:'alex'), 'tokens=-13 held=0 seq=7', 'what was spent is a debt; nothing is held'
);
select is(pg_temp.wallet(:'gone'), 'tokens=1 held=0 seq=3 closed', 'from the deleted, too');
select is(pg_temp.wallet(:'heir'), 'tokens=2 held=0 seq=3', 'and from whoever was merged with');
select is(
  (select l.payment_id is not null and l.caller = 'system' from public.token_ledger l
   where l.user_id = :'heir' and l.kind = 'test_reversal'), true, 'each entry names its payment'
);
select is(
  pg_temp.do(:'spent', '?events'),
    'pending, pending>completed 10, completed>completed -10 test_payment',
  'and each order tells of it'
);
select is(pg_temp.do(:'asked', '?refund'), 'failed 1', 'a refund that was open is over');
select is(pg_temp.status(o.order_id), 'canceled', 'an unpaid test order is called off')
from unnest(array[:'open', :'deposit']) o (order_id);
select is(pg_temp.status(:'paid'), 'completed', 'a paid one stays what it was');
select is_empty(
  'select from coinslot.payment_reads r inner join public.token_payments p on p.id = r.payment_id
   where not p.live', 'none is read again'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');

-- Again
select is(
  pg_temp.go_live(),
  '{"mode": "live", "dry_run": false, "tokens": 0, "orders": 0, "refunds": 0, "payments": []}',
  'there is nothing to do a second time'
);
select is(pg_temp.wallet(:'mina'), 'tokens=3 held=0 seq=6', 'and nothing is taken twice');

-- Afterwards test payments are nothing
select is(
  pg_temp.do(:'open', 'A:paid paid=5000'), 'review review 3',
  'money of a test card for a test order is credited to nobody'
);
select is(pg_temp.do(:'open', '?open'), 'wrong_mode', 'and shown to a person');
select is(
  pg_temp.do(:'deposit', 'A:paid paid=5000 live=true'), 'review review 2',
  'real money for a test order waits for a person'
);
select is(pg_temp.do(:'deposit', '?open'), 'wrong_mode', 'who sees why');
select is(
  pg_temp.do(:'paid', 'A:paid paid=5000 refunded=1000'), 'refused completed 3',
  'what becomes of a test payment moves nothing'
);
select is(
  pg_temp.do(:'gave_back', 'A:paid paid=5000'), 'refused refunded -13',
  'not even where one comes back that gave nothing any more'
);
select is(
  pg_temp.do(:'paid', '!refund'),
  'PT409 not_refundable {"status": "completed", "currency": "KRW", "refundable": 0}',
  'nobody asks a gateway for the money of a test card'
);
select pg_temp.order_of(:'mina', 'cart') as live \gset
select isnt(:'live'::text, :'paid', 'the key of a test order makes a live one');
select is(
  pg_temp.do(:'live', 'B:paid paid=5000 live=false'), 'review review 3',
  'a test card pays for no live order'
);
select is(
  pg_temp.do(:'live', 'C:paid paid=5000'), 'credited completed 13', 'real money does'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');

-- Back to test payments, and live once more
select pg_temp.change('update coinslot.settings set mode = ''test''') \gset
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up in any mode');
select is(
  pg_temp.do(:'paid', 'A:paid paid=5000 refunded=1000'), 'moved partially_refunded 13',
  'what was taken back when it went live is not taken twice'
);
select is(
  pg_temp.do(:'paid', 'A:paid paid=5000'), 'moved completed 13', 'nor given back'
);
select pg_temp.order_of(:'alex') as again \gset
select is(pg_temp.do(:'again', 'A:paid paid=5000'), 'credited completed -3',
  'test cards pay again');
select is(pg_temp.go_live() -> 'tokens', '10'::jsonb, 'and what they gave is taken back again');
select is(pg_temp.wallet(:'mina'), 'tokens=13 held=0 seq=7', 'never what real money gave');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select * from finish();
rollback;
