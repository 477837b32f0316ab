-- What is watched: the backlog, and the daily check of the ledger.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
select plan(42);

-- The figures of one gateway, or of one kind of discrepancy, in one line: seconds in tens.
create function pg_temp.backlog(list text, named text) returns text
language sql as $$
  select string_agg(concat_ws(' ', b.row ->> 'due', b.row ->> 'waiting', b.row ->> 'open',
    b.row ->> 'payments', round((b.row ->> 'overdue_seconds')::numeric, -1),
    round((b.row ->> 'oldest_seconds')::numeric, -1)), ', ')
  from jsonb_array_elements(pg_temp.as_service('select coinslot_get_backlog() as b') #> array['b', list])
    b (row)
  where backlog.named in (b.row ->> 'gateway', b.row ->> 'kind')
$$;
create function pg_temp.check_ledger() returns text
language sql as $$
  select concat_ws(' ', c ->> 'finished', c ->> 'wallets', c #>> '{problems,0,problem}')
  from (select pg_temp.as_service('select coinslot_check_ledger() as c') -> 'c') a (c)
$$;
-- As when a day has passed, or so much of one.
create function pg_temp.age(passed interval default '1 day') returns void
language sql as $$
  select pg_temp.change(format(
    'update coinslot.ledger_checks set started_at = started_at - %L::interval', age.passed
  ))
$$;

-- Nothing waits
select is(pg_temp.backlog(b.list, 'portone'), b.found, 'a gateway with nothing to do: ' || b.list)
from (values ('payments', '0'), ('webhooks', '0'), ('refunds', '0'), ('reviews', '0'),
  ('closings', '0'))
  b (list, found);
select is(pg_temp.backlog('discrepancies', 'wrong_amount'), null, 'and nothing for a person');
select is(
  pg_temp.as_service('select coinslot_get_backlog() as b') #> '{b,ledger}', 'null',
    'no check was made yet'
);

-- Something does
select pg_temp.user_with(0) as mina \gset
create function pg_temp.order_of(user_id uuid) returns text
language sql as $$
  select pg_temp.as_user(order_of.user_id, format(
    'select * from create_token_order(%L, %L)', 'starter', 'portone'
  )) ->> 'order_id'
$$;
select pg_temp.order_of(:'mina') as paid, pg_temp.order_of(:'mina') as tampered,
  pg_temp.order_of(:'mina') as due \gset
select is(pg_temp.backlog('payments', 'portone'), '0', 'orders that are not due are not behind');
select pg_temp.change(format(
  'update coinslot.payment_reads r set next_read_at = now() - interval ''90 seconds''
   from public.token_payments p where p.id = r.payment_id and p.order_id = %L', :'due'
)) \gset
select is(pg_temp.backlog('payments', 'portone'), '1 90', 'one has been due for a while');
select is(pg_temp.backlog('payments', 'toss'), '0', '... at one gateway');

select is(
  pg_temp.read(:'tampered', 'T:paid amount=100 paid=100'), 'review review 0', 'a wrong amount'
);
select is(pg_temp.backlog('reviews', 'portone'), '1', 'is for review');
select is(pg_temp.backlog('discrepancies', 'wrong_amount'), '1', '... and a discrepancy');
select is(pg_temp.backlog('discrepancies', 'portone'), '1', '... of its gateway');

select is(pg_temp.read(:'paid', 'A:paid paid=5000'), 'credited completed 10', 'an order is paid');
select pg_temp.as_service(format(
  'select * from request_token_refund_for(%L, %L, %L)', :'paid', 'why', 'r'
)) ->> 'status' as status \gset
select pg_temp.change(
  'update coinslot.refunds set created_at = now() - interval ''1 hour'''
) \gset
select is(pg_temp.backlog('refunds', 'portone'), '1 3600', 'a refund is open');
select is(
  pg_temp.as_service('select coinslot_get_backlog() as b') #>> '{b,holds}', '1',
    '... and holds its tokens'
);

select pg_temp.order_of(:'mina') as over \gset
select pg_temp.as_user(:'mina', format('select * from cancel_token_order(%L)', :'over')) ->> 'status' as status \gset
select is(pg_temp.backlog('closings', 'portone'), '1 0', 'an order that is over waits to be closed');
select pg_temp.change(
  'update coinslot.payment_closings set next_try_at = next_try_at - interval ''50 seconds'''
) \gset
select is(pg_temp.backlog('closings', 'portone'), '1 50', '... and nobody closes it');
select pg_temp.as_service(
  'select count(*) as n from unnest(coinslot_claim_closings(''portone''))'
) as n \gset
select is(pg_temp.backlog('closings', 'portone'), '1', '... until somebody is at it');

-- Webhooks wait from the first delivery that the present work answers
create function pg_temp.deliver() returns text
language sql as $$
  select pg_temp.as_service(format(
    'select verdict, webhook_id from coinslot_store_webhook(%L, null, %L, %L, %L, true, %L, %L)',
    'portone', 'paid', (select p.order_id from public.token_payments p where p.status = 'completed'),
    'imp_1', '{}', '{}'
  )) ->> 'verdict'
$$;
create function pg_temp.later(passed interval) returns void
language sql as $$
  select pg_temp.change(format(
    'update coinslot.webhooks set waiting_since = waiting_since - %1$L::interval,
     taken_at = taken_at - %1$L::interval, next_attempt_at = next_attempt_at - %1$L::interval',
    later.passed
  ))
$$;
select is(pg_temp.deliver(), 'read', 'a webhook is taken');
select is(pg_temp.backlog('webhooks', 'portone'), '1 0', '... and waits, not overdue');
select pg_temp.later('50 seconds') \gset
select is(pg_temp.backlog('webhooks', 'portone'), '1 20 50', 'whoever took it has died');
select pg_temp.as_service(
  'select coinslot_finish_webhook(max(w.id), ''unchanged'') as f from unnest(coinslot_claim_webhooks(10)) w'
) as f \gset
select is(pg_temp.backlog('webhooks', 'portone'), '0', 'the next finished it');
select pg_temp.later('10 seconds') \gset
select is(pg_temp.deliver(), 'read', 'the same hint comes again');
select is(pg_temp.backlog('webhooks', 'portone'), '1 0', '... and is no older than it is');
select pg_temp.as_service('select coinslot_replay_webhooks() as n') as n \gset
select is(pg_temp.backlog('webhooks', 'portone'), '1 0 0', 'a replay counts from now');

-- The ledger, once a day
select is(pg_temp.check_ledger(), 'true 0', 'a new database is checked at once, and is sound');
select is(
  pg_temp.as_service('select coinslot_get_backlog() as b') #>> '{b,ledger,wallets}', '0',
    '... as is shown'
);
select is(pg_temp.check_ledger(), '', 'it is not due again');
select pg_temp.age('23 hours 59 minutes') \gset
select is(pg_temp.check_ledger(), '', '... all day');
select pg_temp.change(format(
  'update public.token_wallets set tokens = tokens + 1 where user_id = %L', :'mina'
)) \gset
select pg_temp.age('2 minutes') \gset
select is(pg_temp.check_ledger(), 'true 1 tokens', 'somebody has tokens that no entry gave');
select is(
  pg_temp.as_service('select coinslot_get_backlog() as b') #>> '{b,ledger,wallets}', '1',
    '... as is shown'
);
select is(
  pg_temp.as_service('select * from coinslot_list_discrepancies()') #> '{detail,problems,0}',
  jsonb_build_object('user_id', :'mina', 'problem', 'tokens', 'expected', 10, 'found', 11),
  '... and listed for a person'
);
select pg_temp.age() \gset
select is(pg_temp.check_ledger(), 'true 1 tokens', 'nobody has mended it');
select is(pg_temp.backlog('discrepancies', 'ledger_unsound'), '1', '... which is listed once');

-- In steps, if it is large
select pg_temp.change(format(
  'update public.token_wallets set tokens = tokens - 1 where user_id = %L', :'mina'
)) \gset
create or replace function coinslot.ledger_check_step() returns integer
language sql stable as 'select 30000';
select pg_temp.age() \gset
select is(
  array(select pg_temp.check_ledger() from generate_series(1, 4)),
  array['false 0', 'false 0', 'true 0', ''], 'it goes on where it was'
);
select is(
  pg_temp.backlog('discrepancies', 'ledger_unsound'), null, 'sound again, it is listed no more'
);
select is(
  array[coinslot.first_user(0), coinslot.first_user(30000), coinslot.first_user(65536)],
  array[null, '75300000-0000-0000-0000-000000000000', null]::uuid[],
  'the steps leave nobody out: the first has no beginning, the last no end'
);
select pg_temp.as_service(format(
  'select coinslot_resolve_discrepancy(%s, %L)', d.id, 'sent back at the console'
)) as resolved from coinslot.discrepancies d where d.kind = 'wrong_amount' \gset
select is(
  pg_temp.backlog('reviews', 'portone'), '0', 'an order that a person has decided waits no more'
);

select is(
  pg_temp.call(r.role, null, 'select coinslot_get_backlog()') ->> 'code', '42501',
    r.role || ' sees nothing'
) from unnest(array['anon', 'authenticated']) r (role);

select * from finish();
rollback;
