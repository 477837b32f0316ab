-- The funnel, where the gateway's word does not fit the order: recorded, shown, never credited, and
-- never in the way of money that does fit.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

select pg_temp.change(
  $$insert into coinslot.gateways (id, name) values ('othergate', 'Another gateway')$$
) \gset

create temporary table stories (protects, steps, expected) as values
('too little money is reviewed, not credited',
 array['A:paid amount=100 paid=100', 'A:paid amount=100 paid=100', '?history', '?open', '?events'],
 array['review review 0', 'unchanged review 0', '', 'wrong_amount',
   'pending, pending>review wrong_amount']),
('what a person has dealt with is shown again with news, and not before',
 array['A:paid amount=100 paid=100', '!resolve', '?open', 'A:paid amount=100 paid=100', '?open',
   'A:paid amount=100 paid=100 refunded=50', '?open', '?history'],
 array['review review 0', 'by hand', null, 'unchanged review 0', null, 'review review 0',
   'wrong_amount', '']),
('too much money is reviewed too',
 array['A:paid amount=50000 paid=50000', '?open'], array['review review 0', 'wrong_amount']),
('the right price, of which less was paid, is reviewed',
 array['A:paid paid=4999', '?open'], array['review review 0', 'wrong_amount']),
('five thousand cents are not five thousand won',
 array['A:paid currency=USD paid=5000', '?open'], array['review review 0', 'wrong_currency']),
('test money buys nothing where money is real, nor the reverse',
 array['A:paid live=true paid=5000', '?open'], array['review review 0', 'wrong_mode']),
('another gateway''s payment is not this order''s',
 array['A:paid gateway=othergate paid=5000', '?open'],
 array['review review 0', 'wrong_gateway']),
('a bad attempt first does not spoil the good one after it',
 array['A:paid amount=100 paid=100', 'B:paid paid=5000', '?history', '?open'],
 array['review review 0', 'credited completed 10', 'purchase 10', 'wrong_amount']),
('a bad attempt afterwards does not spoil the good one before it',
 array['B:paid paid=5000', 'A:paid amount=100 paid=100', 'A:paid amount=100 paid=100', '?history',
   '?open'],
 array['credited completed 10', 'review completed 10', 'unchanged completed 10', 'purchase 10',
   'wrong_amount']),
('refunding a bad attempt beside a good one takes none of its tokens',
 array['B:paid paid=5000', 'A:paid amount=100 paid=100', 'A:paid amount=100 paid=100 refunded=100',
   '?history', '?open', '?resolved'],
 array['credited completed 10', 'review completed 10', 'review completed 10', 'purchase 10', null,
   'wrong_amount']),
('a review ends when the money has gone back',
 array['A:paid amount=100 paid=100', 'A:canceled amount=100 paid=100 refunded=100', '?open',
   '?resolved', 'B:paid paid=5000'],
 array['review review 0', 'review canceled 0', null, 'wrong_amount', 'credited completed 10']),
('a bad attempt that took no money needs nobody',
 array['A:ready amount=100', 'A:canceled amount=100', '?history'],
 array['unchanged pending 0', 'moved canceled 0', '']),
('a review ends when the gateway comes to say what was ordered',
 array['A:paid amount=4000 paid=4000', 'A:paid paid=5000', '?history', '?open', '?resolved'],
 array['review review 0', 'credited completed 10', 'purchase 10', null, 'wrong_amount']),
('two bad attempts are two things for a person',
 array['A:paid amount=100 paid=100', 'B:paid live=true paid=5000', '?open'],
 array['review review 0', 'review review 0', 'wrong_amount, wrong_mode']),
('money for a deleted user is for a person to give back',
 array['!delete', 'A:paid paid=5000', 'A:paid paid=5000', '?history', '?open',
   'A:canceled paid=5000 refunded=5000', '?open', '?resolved'],
 array['gone', 'review review 0', 'unchanged review 0', '', 'wallet_closed', 'review canceled 0',
   null, 'wallet_closed']),
('a deposit undone and made again for a deleted user is for a person too',
 array['A:paid paid=5000', '!delete', 'A:awaiting_deposit', 'A:paid paid=5000', '?history',
   '?open'],
 array['credited completed 10', 'gone', 'reversed awaiting_deposit 0', 'review review 0',
   'purchase 10, refund -10', 'wallet_closed']),
('a wallet that would burst takes no purchase',
 array['!fill', 'A:paid paid=5000', '?open', 'A:paid paid=5000 refunded=5000', '?open'],
 array['9007199254740991', 'review review 9007199254740991', 'wallet_full',
   'review pending 9007199254740991', null]),
('nor gives one back what a refund took, until there is room',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=5000', '!fill', 'A:paid paid=5000',
   'A:paid paid=5000', '?open', '!spend 10', 'A:paid paid=5000', '?open', '?resolved', '?history'],
 array['credited completed 10', 'reversed refunded 0', '9007199254740991',
   'refused refunded 9007199254740991', 'refused refunded 9007199254740991', 'wallet_full',
   '9007199254740981', 'restored completed 9007199254740991', null, 'wallet_full',
   'purchase 10, refund -10, grant 9007199254740991, spend -10, reversal 10']),
('a credited attempt that suddenly says something else moves nothing',
 array['A:paid paid=5000', 'A:paid amount=100 paid=100', 'A:paid currency=USD paid=5000',
   '?history', '?open', 'A:paid paid=5000 refunded=5000'],
 array['credited completed 10', 'refused completed 10', 'refused completed 10', 'purchase 10',
   'wrong_amount, wrong_currency', 'reversed refunded 0']),
('a gateway nobody registered is refused by name',
 array['A:paid gateway=nonsense paid=5000', '?history'],
 array['PT400 invalid_argument {"argument": "gateway"}', '']),
('a due date that is none is refused by name',
 array['A:awaiting_deposit virtual_account={"due_at":"soon"}',
   'A:awaiting_deposit virtual_account={"due_at":"infinity"}'],
 array['PT400 invalid_argument {"argument": "virtual_account"}',
   'PT400 invalid_argument {"argument": "virtual_account"}']),
('amounts nobody can pay are refused by name',
 array['A:paid paid=9223372036854775807 refunded=1', 'A:paid paid=0'],
 array['PT400 invalid_argument {"argument": "amounts"}',
   'PT400 invalid_argument {"argument": "amounts"}']);

select plan((select count(*)::integer from stories) + 25);
select is(pg_temp.play('starter', s.steps), s.expected, s.protects) from stories s;

-- Money for an order nobody made
create function pg_temp.unknown(payment_key text, extra text) returns text
language sql as $$
  select concat_ws(' ', a ->> 'outcome', nullif(a -> 'payment', 'null')::text) from pg_temp.as_service(
    'select * from coinslot_apply_gateway_payment(''ord_nobody_made_it'', ''portone'', '
    || quote_literal(payment_key) || ', ''ready'', 5000, ''KRW'', false, ''webhook'', null'
    || extra || ')'
  ) a
$$;
create function pg_temp.open_of(payment_key text) returns bigint
language sql as $$
  select count(*) from coinslot.discrepancies d
  where d.order_id = 'ord_nobody_made_it' and d.payment_key = open_of.payment_key
    and d.kind = 'unknown_order' and d.resolved_at is null
$$;
select is(pg_temp.unknown('imp_1', ''), 'unknown_order', 'an unknown order has no payment');
select is(pg_temp.open_of('imp_1'), 0::bigint, 'without money nobody needs to look');
select is(
  pg_temp.unknown('imp_2', ', paid => 5000, refunded => 5000'), 'unknown_order',
  'money that has gone back already'
);
select is(pg_temp.open_of('imp_2'), 0::bigint, 'needs nobody either');
select is(
  pg_temp.unknown('imp_3', ', paid => 5000'), 'unknown_order', 'money that is still there'
) from generate_series(1, 2);
select is(pg_temp.open_of('imp_3'), 1::bigint, 'is one thing for a person, however often it comes');
select is(
  (select d.detail from coinslot.discrepancies d where d.payment_key = 'imp_3'),
  '{"state": "ready", "amount": 5000, "currency": "KRW", "paid": 5000, "refunded": 0,
    "withdrawn": 0, "live": false}', 'who learns what it is about'
);
select is(
  pg_temp.as_service('select * from coinslot_list_discrepancies(1)') - array['id', 'created_at',
    'detail'],
  '{"kind": "unknown_order", "gateway": "portone", "payment_key": "imp_3",
    "order_id": "ord_nobody_made_it", "resolved_at": null, "resolution": ""}',
  'from the list of what is open'
);
select is(
  pg_temp.as_service('select count(*) as n from coinslot_list_discrepancies(1000)') -> 'n',
  (select to_jsonb(count(*)) from coinslot.discrepancies where resolved_at is null),
  'which is complete'
);
select is(
  (pg_temp.as_service(
    format('select * from coinslot_list_discrepancies(1, %s)', max(d.id))
  ) ->> 'id')::bigint,
  (select max(d.id) from coinslot.discrepancies d
   where d.resolved_at is null and d.id < (select max(m.id) from coinslot.discrepancies m)),
  'and pages by id'
) from coinslot.discrepancies d;

-- Until somebody has dealt with it
select d.id as imp_3 from coinslot.discrepancies d where d.payment_key = 'imp_3' \gset
create function pg_temp.dealt_with(discrepancy_id bigint, resolution text) returns text
language sql as $$
  select concat_ws(' ', v ->> 'payment_key', v ->> 'resolution', v ->> 'resolved_at' is not null)
  from pg_temp.as_service(format(
    'select * from coinslot_resolve_discrepancy(%s, %L)', discrepancy_id, resolution
  )) v
$$;
select is(
  pg_temp.dealt_with(:imp_3, 'sent back by hand'), 'imp_3 sent back by hand t', 'a person ends it'
);
select is(pg_temp.dealt_with(:imp_3, 'again'), 'imp_3 sent back by hand t', 'once');
select is(pg_temp.open_of('imp_3'), 0::bigint, 'it is no longer open');
select is(
  pg_temp.unknown('imp_3', ', paid => 5000'), 'unknown_order', 'the same money told of again'
);
select is(pg_temp.open_of('imp_3'), 1::bigint, 'is shown again');
select is(
  pg_temp.as_service($$select coinslot_resolve_discrepancy(0, 'none') is null as unknown$$),
  '{"unknown": true}', 'there is none of this number'
);

-- One payment of the gateway, claimed for two orders
select pg_temp.user_with(0) as mina, pg_temp.user_with(0) as thief \gset
select pg_temp.as_user(:'mina', $$select * from create_token_order('starter', 'portone')$$)
  ->> 'order_id' as mine \gset
select pg_temp.as_user(:'thief', $$select * from create_token_order('starter', 'portone')$$)
  ->> 'order_id' as theirs \gset
select is(
  pg_temp.read(:'mine', 'A:paid paid=5000'), 'credited completed 10', 'a payment is credited'
);
select is(
  pg_temp.read(:'theirs', 'A:paid paid=5000'), 'credited completed 10',
  'and so is another one'
);
select is(
  pg_temp.as_service(format(
    $$select * from coinslot_apply_gateway_payment(%L, 'portone', %L, 'paid', 5000, 'KRW', false, 'complete',
      (select version from coinslot_open_payment(%1$L)), paid => 5000)$$, :'theirs', 'A ' || :'mine'
  )) ->> 'outcome', 'refused', 'but no payment is credited to two orders'
);
select is(pg_temp.wallet(:'thief'), 'tokens=10 held=0 seq=1', 'so nobody gets tokens by it');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
-- Whoever knows an order id can claim to have paid it
select pg_temp.user_with(0) as claimant \gset
select pg_temp.as_user(:'claimant', $$select * from create_token_order('starter', 'portone')$$)
  ->> 'order_id' as claimed \gset
select count(pg_temp.as_service(format(
  'select coinslot_refuse_payment_attempt(%L, %L, ''payment_unknown_at_gateway'', ''complete'')',
  :'claimed', 'imp_' || n
))) as claims from generate_series(1, 60) n \gset
select is(
  (select count(*) from public.token_payment_events e
   where e.reason = 'payment_unknown_at_gateway'),
  50::bigint, 'invented payments fill no history'
);

-- Deleting a user
delete from auth.users u where u.id = :'claimant';
select is(
  (select p.status from public.token_payments p where p.order_id = :'claimed'), 'canceled',
  'nobody takes money for an order of a deleted user'
);
select is(
  (select e.source from public.token_payment_events e
   inner join public.token_payments p on p.id = e.payment_id
   where p.order_id = :'claimed' and e.to_status = 'canceled'), 'user_deleted', '... which is noted'
);
select * from finish();
rollback;
