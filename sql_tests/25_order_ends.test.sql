-- An order ends everywhere: what is to be closed at the gateways, and money that comes too late.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

create temporary table stories (product, protects, steps, expected) as values
-- Closings
('starter', 'a canceled order is closed at its gateway, once',
 array['A:ready', '!cancel', '?closings', '!close', '?closings', 'A:canceled', '!close'],
 array['unchanged pending 0', 'canceled', 'round 1, 0 tries', 'A', null, 'unchanged canceled 0',
   'not due']),
('starter', 'an expired one is, also where no attempt is known',
 array['!expire', '?closings', '!close', '!close'],
 array['1', 'round 1, 0 tries', 'nothing known', 'not due']),
('starter', 'so is one that was declined: its time ends, too',
 array['A:failed', '?closings', '!expire', '?closings', '!close', '?events'],
 array['moved failed 0', null, '1', 'round 1, 0 tries', 'A',
   'pending, pending>failed, failed>expired']),
('starter', 'an attempt that begins after the order has ended is closed, too',
 array['!cancel', '!close', 'A:ready', '?closings', '!close', 'A:ready', '?closings', '!close'],
 array['canceled', 'nothing known', 'unchanged canceled 0', 'round 1, 0 tries', 'A',
   'unchanged canceled 0', null, 'not due']),
('starter', 'an order that goes on after all is not closed',
 array['!cancel', 'A:paid paid=5000', '?closings', '!close', '?closings'],
 array['canceled', 'credited completed 10', 'round 1, 0 tries', 'not due', null]),
('starter', 'nor is one whose buyer goes on to an account',
 array['!cancel', 'A:awaiting_deposit', '!close', '?closings'],
 array['canceled', 'moved awaiting_deposit 0', 'not due', null]),
-- Late money
('starter', 'late money for a price that is still asked is credited',
 array['!long_ago', 'A:paid paid=5000', '?open'],
 array['1', 'credited completed 10', null]),
('starter', 'late money for a price that is asked no more is for a person, and goes back',
 array['!long_ago', '!reprice', 'A:paid paid=5000', 'A:paid paid=5000', '?history', '?open',
   '!accept', '!accept', '!claim', '!answer accepted', 'A:paid paid=5000 refunded=5000', '?refund',
   '?open', '!accept', '?history'],
 array['1', 'dearer', 'review review 0', 'unchanged review 0', '', 'late_payment',
   '5000 requested 1', '5000 requested 1', 'ask 1', 'requested 1 accepted', 'review expired 0',
   'succeeded 1 accepted', null, '5000 succeeded 1 accepted', '']),
('premium', 'a price that rises in the order''s time or its grace is not that of the order',
 array['!reprice', 'A:paid paid=35000', '?open'],
 array['dearer', 'credited completed 100', null]),
('premium', 'the grace has its price as well', array['!expire', '!reprice', 'A:paid paid=35000'],
 array['1', 'dearer', 'credited completed 100']),
('premium', 'a canceled order has its price for as long',
 array['!cancel', '!reprice', 'A:paid paid=35000'],
 array['canceled', 'dearer', 'credited completed 100']),
('premium', 'and no longer',
 array['!cancel', '!long_ago', '!reprice', 'A:paid paid=35000', '?open'],
 array['canceled', '0', 'dearer', 'review review 0', 'late_payment']),
('premium_reading', 'the moment counts when the buyer paid, not when we hear of it',
 array['!long_ago', '!reprice', 'A:paid paid=13000 taken_at=2026-01-01T00:00:00Z', '?open'],
 array['1', 'dearer', 'credited completed 0', null]),
('premium_reading', 'a gateway''s clock that is ahead makes nothing late',
 array['!expire', '!reprice', 'A:paid paid=13000 taken_at=2999-01-01T00:00:00Z', '?open'],
 array['1', 'dearer', 'credited completed 0', null]),
('standard', 'an account that its order no longer waits for is no longer waited for',
 array['!long_ago', 'A:awaiting_deposit virtual_account={"due_at":"2999-01-01T00:00Z"}', '!close',
   '!reprice', 'A:paid paid=12000', '?open'],
 array['1', 'unchanged expired 0', 'A', 'dearer', 'review review 0', 'late_payment']),
('standard', 'what was left to a person stays so while the money goes back in parts',
 array['!long_ago', '!reprice', 'A:paid paid=12000', '!cheaper',
   'A:paid paid=12000 refunded=1000', '?open', '?history'],
 array['1', 'dearer', 'review review 0', 'cheaper', 'review review 0', 'late_payment', '']),
-- Voiding
('starter', 'a voided order is closed, and money for it is for a person, whatever is asked',
 array['A:ready', '!void', '!void', '?closings', '!close', 'A:paid paid=5000', '?open', '!accept',
   'A:paid paid=5000 refunded=5000', '?refund', '?open', '?history', '?events'],
 array['unchanged pending 0', 'voided', 'voided', 'round 1, 0 tries', 'A', 'review review 0',
   'voided_order',
   '5000 requested 1', 'review voided 0', 'succeeded 1', null, '',
   'pending, pending>voided, voided>review voided_order, review>review refund_requested, '
   'review>voided voided_order, voided>voided refund_succeeded']),
('starter', 'whoever had paid before it was voided has bought',
 array['!void', 'A:paid paid=5000 taken_at=2026-01-01T00:00:00Z', '?open'],
 array['voided', 'credited completed 10', null]),
('starter', 'a voided order stays so, whatever is read of its attempts',
 array['!void', 'A:awaiting_deposit', 'B:failed', 'C:canceled', 'D:ready', '!expire', '!cancel'],
 array['voided', 'unchanged voided 0', 'unchanged voided 0', 'unchanged voided 0',
   'unchanged voided 0',
   '0', null]),
('starter', 'canceled and expired orders that have their price yet are voided, too',
 array['!cancel', '!void', 'A:paid paid=5000'], array['canceled', 'voided', 'review review 0']),
('starter', 'paid ones are not', array['A:paid paid=5000', '!void', '?history'],
 array['credited completed 10', 'completed', 'purchase 10']),
('starter', 'a second payment proposes its refund',
 array['A:paid paid=5000', 'B:paid paid=5000', '!accept', 'B:paid paid=5000 refunded=5000',
   '?refund', '?open', '?history'],
 array['credited completed 10', 'duplicate completed 10', '5000 requested 1',
   'duplicate completed 10', 'succeeded 1', null, 'purchase 10']),
('starter', 'a proposal whose refund failed can be agreed to again',
 array['!void', 'A:paid paid=5000', '!accept', '!answer declined', 'A:paid paid=5000', '!accept',
   '?refund'],
 array['voided', 'review review 0', '5000 requested 1', 'requested 1 declined',
   'unchanged review 0',
   '5000 failed 1 declined, requested 1', 'failed 1 declined, requested 1']),
('starter', 'nothing proposed, nothing given back', array['A:paid paid=5000', '!accept', '?refund'],
 array['credited completed 10', 'PT409 nothing_proposed {"status": "completed"}', null]);

select plan((select count(*)::integer from stories) + 11);
select is(pg_temp.play(s.product, s.steps), s.expected, s.protects) from stories s;

-- The list of what is to be closed
select pg_temp.user_with(0) as mina, pg_temp.user_with(0) as owner \gset
create function pg_temp.canceled_order(user_id uuid) returns text
language sql as $$
  select pg_temp.as_user(canceled_order.user_id, format(
    'select * from cancel_token_order(%L)', pg_temp.as_user(
      canceled_order.user_id, 'select * from create_token_order(''starter'', ''portone'')'
    ) ->> 'order_id'
  )) ->> 'order_id'
$$;
create function pg_temp.claimed(gateway text) returns text
language sql as $$
  select a ->> 'orders' from pg_temp.as_service(format(
    'select count(*) as orders from unnest(coinslot_claim_closings(%L, 1000)) c', gateway
  )) a
$$;
delete from coinslot.payment_closings;
select pg_temp.canceled_order(:'mina') as order_id \gset
select is(pg_temp.claimed('toss'), '0', 'a gateway closes its own orders');
select is(pg_temp.claimed('portone'), '1', 'one that is due is given to one caller');
select is(pg_temp.claimed('portone'), '0', 'and to no other for a minute');
select pg_temp.as_service(format(
  'select coinslot_finish_closing(%L, 7) as done', :'order_id'
)) as answer \gset
select is(
  (select c.round from coinslot.payment_closings c), 1::bigint,
  'whoever closed less than there is has not ended it'
);
create function pg_temp.tried(times integer) returns bigint
language plpgsql as $$
begin
  perform pg_temp.change(
    'update coinslot.payment_closings set next_try_at = clock_timestamp()'
  );
  return (select sum(pg_temp.claimed('portone')::bigint) from generate_series(1, tried.times));
end
$$;
select is(
  (select sum(pg_temp.tried(1)) from generate_series(1, 20)), 7::numeric,
  'it is tried eight times in all'
);
select is_empty('select * from coinslot.payment_closings', 'and then given up');
select is(
  (select sum(coinslot.closing_wait(n)) from generate_series(0, 20) n),
  interval '2 days 20 hours 36 minutes', 'after about three days'
);

-- Who may
select pg_temp.change(format('select coinslot.add_operator(%L, %L)', :'owner', 'owner')) \gset
select is(
  pg_temp.as_user(:'owner', $$select void_token_orders('standard') as n$$), '{"n": 0}',
  'an owner may end the orders of a product'
);
select is(
  pg_temp.refusal(pg_temp.as_user(:'mina', $$select void_token_orders('standard') as n$$)),
  'PT403 forbidden {"roles": ["finance", "owner"]}', 'nobody else may'
);
select is(
  pg_temp.refusal(pg_temp.as_user(
    :'owner', format('select * from accept_token_refund(%L)', :'order_id')
  )), 'PT409 nothing_proposed {"status": "canceled"}', 'nor agree to what is not proposed'
);

-- A deleted buyer's orders are closed as well
delete from coinslot.payment_closings;
select pg_temp.as_user(:'mina', $$select * from create_token_order('starter', 'portone')$$)
  ->> 'status' as made \gset
delete from auth.users where id = :'mina';
select is(pg_temp.claimed('portone'), '1', 'the open orders of somebody deleted are closed');
select * from finish();
rollback;
