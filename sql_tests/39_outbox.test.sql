-- The outbox: what is written of each fact, in which order, and what is told ahead.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

select plan(43);
select pg_temp.change('update coinslot.settings set signup_bonus = 0') \g /dev/null

create temporary table people (name, id) as
select n, pg_temp.sign_up(n || '@example.com') from unnest(array[
  'ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida'
]) n;
create function pg_temp.id(name text) returns uuid
language sql as $$ select p.id from people p where p.name = id.name $$;
create function pg_temp.told(name text) returns text
language sql as $$
  select coalesce(string_agg(o.type, ', ' order by o.seq), '') from coinslot.outbox o
  where o.user_id = pg_temp.id(told.name)
$$;
create function pg_temp.last_data(name text) returns jsonb
language sql as $$
  select o.data from coinslot.outbox o where o.user_id = pg_temp.id(last_data.name)
  order by o.seq desc limit 1
$$;
create function pg_temp.orders(name text) returns text
language sql as $$
  select o ->> 'order_id' from pg_temp.as_user(
    pg_temp.id(orders.name), 'select * from create_token_order(''starter'', ''portone'')'
  ) o
$$;
create function pg_temp.maintained(what text) returns text
language sql as $$
  select pg_temp.as_service('select coinslot_run_maintenance() as n') -> 'n' ->> maintained.what
$$;
create function pg_temp.spend(name text, tokens bigint) returns text
language sql as $$
  select coalesce(a ->> 'balance', a ->> 'error') from pg_temp.as_user(pg_temp.id(spend.name), format(
    'select * from spend_tokens(%s, %L)', tokens, gen_random_uuid()
  )) a
$$;
create function pg_temp.give(name text, tokens bigint) returns text
language sql as $$
  select coalesce(a ->> 'balance', a ->> 'error') from pg_temp.as_service(format(
    'select * from add_tokens(%L, %s, %L)', pg_temp.id(give.name), tokens, gen_random_uuid()
  )) a
$$;

-- ---- orders ----

select pg_temp.orders('ann') as ann \gset
select is(pg_temp.told('ann'), '', 'an order that was made is no event');
select pg_temp.read(:'ann', 'A:failed') \g /dev/null
select pg_temp.read(:'ann', 'B:paid paid=5000') \g /dev/null
select is(pg_temp.told('ann'), 'payment.failed, payment.completed', 'a decline, then the money');
select is(
  pg_temp.last_data('ann') - 'order_id',
  '{"status": "completed", "gateway": "portone", "product_id": "starter", "quantity": 1, "amount": 5000,
    "currency": "KRW", "paid": 5000, "refunded": 0, "tokens": 10}',
  'ids and figures of that moment, and no more'
);
select pg_temp.read(:'ann', 'B:paid paid=5000') \g /dev/null
select is(pg_temp.told('ann'), 'payment.failed, payment.completed', 'a read that brings nothing new');
select pg_temp.read(:'ann', 'B:paid paid=5000 refunded=1') \g /dev/null
select pg_temp.read(:'ann', 'B:paid paid=5000 refunded=2') \g /dev/null
select is(
  (select string_agg(o.data ->> 'amount_refunded', ', ' order by o.seq) from coinslot.outbox o
    where o.user_id = pg_temp.id('ann') and o.type = 'payment.refunded'),
  '1, 1', 'each refund, though it takes no token and moves no status'
);
select pg_temp.read(:'ann', 'B:paid paid=5000 refunded=1') \g /dev/null
select is(pg_temp.last_data('ann') ->> 'amount_undone', '1', 'money that is here again');
select is(
  (select array_agg(o.seq order by o.seq) from coinslot.outbox o where o.user_id = pg_temp.id('ann')),
  array[1, 2, 3, 4, 5]::bigint[], 'numbers have no gap'
);

select pg_temp.orders('ben') as ben \gset
select pg_temp.read(:'ben', 'A:paid paid=5000 disputed=5000') \g /dev/null
select is(pg_temp.told('ben'), 'payment.completed, payment.disputed', 'two that one read brought');
select pg_temp.read(:'ben', 'A:paid paid=5000 disputed=0 withdrawn=5000') \g /dev/null
select is(pg_temp.last_data('ben') ->> 'outcome', 'lost', 'a dispute that was lost');
select pg_temp.orders('cat') as cat \gset
select pg_temp.read(:'cat', 'A:paid paid=4000 amount=4000') \g /dev/null
select is(pg_temp.told('cat'), 'payment.review', 'money that does not fit');
select is(
  (select o.data ->> 'kind' from coinslot.outbox o where o.type = 'discrepancy.opened'
    and o.data ->> 'order_id' = :'cat'),
  'wrong_amount', '... is a case, about no wallet'
);
select is(
  (select count(*) from coinslot.outbox o where o.type = 'discrepancy.opened' and o.seq is not null),
  0::bigint, '... and has no number'
);

-- ---- deposits ----

select pg_temp.orders('dan') as dan \gset
select pg_temp.read(:'dan', format(
  'A:awaiting_deposit virtual_account={"bank":"KB","account_number":"1234567","due_at":"%s"}',
  to_char(now() + interval '3 days', 'YYYY-MM-DD"T"HH24:MI:SSOF":00"')
)) as said \gset
select is(pg_temp.told('dan'), 'deposit.issued', 'an account to pay into');
select is(pg_temp.last_data('dan') ? 'virtual_account', false, '... which is not in the event');
select is(pg_temp.maintained('deposits_told'), '0', 'not due yet');
select pg_temp.change(format(
  'update public.token_payments set expires_at = clock_timestamp() + interval ''26 hours'' where order_id = %L', :'dan'
)) \g /dev/null
select pg_temp.change('update coinslot.event_walks set at = clock_timestamp() + interval ''25 hours'' where name = ''deposits''') \g /dev/null
select is(pg_temp.maintained('deposits_told'), '0', '... nor within a day');
select pg_temp.change(format(
  'update public.token_payments set expires_at = clock_timestamp() + interval ''23 hours'' where order_id = %L', :'dan'
)) \g /dev/null
select pg_temp.change('update coinslot.event_walks set at = clock_timestamp() + interval ''22 hours'', after_id = '''' where name = ''deposits''') \g /dev/null
select is(pg_temp.maintained('deposits_told'), '1', 'a day before it is due');
select is(pg_temp.maintained('deposits_told'), '0', '... once');
select pg_temp.change(format(
  'update public.token_payments set expires_at = clock_timestamp() - interval ''1 hour'' where order_id = %L', :'dan'
)) \g /dev/null
select pg_temp.maintained('orders_expired') \g /dev/null
select is(pg_temp.told('dan'), 'deposit.issued, deposit.due, deposit.expired', 'until it is over');

-- ---- low tokens ----

select pg_temp.give('eve', 100) \g /dev/null
select pg_temp.spend('eve', 95) \g /dev/null
select is(pg_temp.told('eve'), '', 'without a mark nothing is low');
select pg_temp.change('update coinslot.settings set low_mark = 10, low_margin = 5') \g /dev/null
select isnt(pg_temp.maintained('wallets_armed'), '0', 'wallets are told of the mark');
select is(pg_temp.maintained('wallets_armed'), '0', '... once');
select pg_temp.spend('eve', 1) \g /dev/null
select is(pg_temp.told('eve'), '', 'who is below it already is not told');
select pg_temp.give('eve', 7) \g /dev/null
select pg_temp.spend('eve', 2) \g /dev/null
select is(pg_temp.told('eve'), '', 'within the margin it is not armed');
select pg_temp.give('eve', 6) \g /dev/null
select pg_temp.spend('eve', 5) \g /dev/null
select is(pg_temp.told('eve'), '', 'at the mark it is not low');
select pg_temp.spend('eve', 1) \g /dev/null
select is(pg_temp.told('eve'), 'wallet.low', 'below it is');
select is(pg_temp.last_data('eve'), '{"tokens": 9, "mark": 10}', '... with what is left');
select pg_temp.spend('eve', 1) \g /dev/null
select is(pg_temp.told('eve'), 'wallet.low', '... once');
select pg_temp.give('eve', 3) \g /dev/null
select pg_temp.spend('eve', 2) \g /dev/null
select is(pg_temp.told('eve'), 'wallet.low', '... and not again within the margin');

select pg_temp.give('fay', 40) \g /dev/null
select is(
  (select w.low_mark from public.token_wallets w where w.user_id = pg_temp.id('fay')), 10::bigint,
  'a credit arms a wallet'
);
select pg_temp.as_service(format(
  'select * from hold_tokens_for(%L, 25, %L)', pg_temp.id('fay'), 'h1'
)) ->> 'id' as hold \gset
select is(pg_temp.told('fay'), '', 'what is held and left is above the mark');
set constraints all deferred;
select pg_temp.as_service(format('select * from capture_token_hold(%L)', :'hold')) \g /dev/null
set constraints all immediate;
select is(pg_temp.told('fay'), '', 'a capture takes nothing that was available');
select pg_temp.as_service(format(
  'select * from hold_tokens_for(%L, 10, %L)', pg_temp.id('fay'), 'h2'
)) ->> 'id' as hold \gset
select is(pg_temp.told('fay'), 'wallet.low', 'a hold makes it low');
select pg_temp.as_service(format('select * from release_token_hold(%L)', :'hold')) \g /dev/null
select pg_temp.as_service(format(
  'select * from hold_tokens_for(%L, 10, %L)', pg_temp.id('fay'), 'h3'
)) \g /dev/null
select is(pg_temp.told('fay'), 'wallet.low, wallet.low', 'its release arms it again');
select is(
  (select count(*) from coinslot.level_checks), 0::bigint, 'no check is left behind'
);
select is(
  (select count(*) from public.token_wallets w where w.tokens - w.held < w.low_mark), 0::bigint,
  'no wallet is armed and below its mark'
);

-- ---- tokens that expire ----

select pg_temp.as_service(format(
  'select * from add_tokens(%L, 8, %L, expires_at => %L)', pg_temp.id('gus'), 'k', now() + interval '20 days'
)) \g /dev/null
select pg_temp.as_service(format(
  'select * from add_tokens(%L, 5, %L, expires_at => %L)', pg_temp.id('gus'), 'k2', now() + interval '20 days'
)) \g /dev/null
select pg_temp.spend('gus', 3) \g /dev/null
select is(pg_temp.maintained('expiries_told'), '0', 'too early');
select pg_temp.change('update coinslot.settings set expiring_ahead = ''19 days 23 hours''') \g /dev/null
select pg_temp.change('update coinslot.event_walks set at = clock_timestamp(), after_id = '''' where name = ''expiry''') \g /dev/null
select pg_temp.change(format(
  'update public.token_lots set expires_at = now() + interval ''19 days'', created_at = now() - interval ''9 days'' where user_id = %L', pg_temp.id('gus')
)) \g /dev/null
select is(pg_temp.maintained('expiries_told'), '1', 'both lots at once');
select is(pg_temp.maintained('expiries_told'), '0', '... and once');
select is(pg_temp.last_data('gus') ->> 'tokens', '10', '... what is left of them');

-- ---- merges ----

select pg_temp.as_service(format(
  'select * from merge_token_wallets(%L, %L, %L)', pg_temp.id('hal'), pg_temp.id('ida'), 'm1'
)) \g /dev/null
select is(pg_temp.told('ida'), 'wallet.merged', 'a merge is told where the tokens are');

-- ---- what is undone ----

select throws_ok(
  $$ update coinslot.outbox set type = 'wallet.low' $$, 'PT403', 'append_only', 'events are not changed'
);
select pg_temp.change('update coinslot.settings set keep_events = ''30 days''') \g /dev/null
select is(pg_temp.maintained('events_purged'), '0', 'what is young stays');

select * from finish();
rollback;
