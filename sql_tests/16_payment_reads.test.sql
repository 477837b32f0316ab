-- The reconciler's schedule: whatever may still change is read, ever more rarely; the rest is not.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

create temporary table stories (protects, steps, expected) as values
-- What is on it
('an order that is not paid yet', array['?reads'], array['reads=0 in 120s']),
('a deposit that is awaited', array['A:awaiting_deposit', '?reads'],
 array['moved awaiting_deposit 0', 'reads=0 in 120s']),
('a declined card: the next one may be good', array['A:failed', '?reads'],
 array['moved failed 0', 'reads=0 in 120s']),
('an order that was called off: the gateway may take the money all the same',
 array['!cancel', '?reads'], array['canceled', 'reads=0 in 120s']),
('an order that expired: so it may', array['!expire', '?reads'], array['1', 'reads=0 in 120s']),
('an order of a deleted user: so it may', array['!delete', '?reads'],
 array['gone', 'reads=0 in 120s']),
('money that was not what was ordered, until it has gone back and for a while after',
 array['A:paid amount=100 paid=100', '?reads', 'A:canceled amount=100 paid=100 refunded=100',
   '?reads'],
 array['review review 0', 'reads=0 in 120s', 'review canceled 0', 'reads=0 in 120s']),
('a dispute, until it is decided',
 array['A:paid paid=5000', 'A:paid paid=5000 disputed=5000', '?reads',
   'A:paid paid=5000 withdrawn=5000', '?reads'],
 array['credited completed 10', 'moved disputed 10', 'reads=0 in 120s', 'reversed charged_back 0',
   null]),
('not what is paid, in part or all refunded',
 array['A:paid paid=5000', '?reads', 'A:paid paid=5000 refunded=1000', '?reads',
   'A:paid paid=5000 refunded=5000', '?reads', '!later', '!reconcile'],
 array['credited completed 10', null, 'reversed partially_refunded 8', null, 'reversed refunded 0',
   null, 'due', null]),
('again, where a bank undoes a deposit',
 array['A:paid paid=5000', '?reads', 'A:awaiting_deposit', '?reads'],
 array['credited completed 10', null, 'reversed awaiting_deposit 0', 'reads=0 in 120s']),

-- How often
('the distances grow to six hours',
 array['!reconcile', '!later', '!reconcile', '?reads', '!later', '!reconcile', '?reads', '!later',
   '!reconcile', '?reads', '!later', '!reconcile', '?reads', '!later', '!reconcile', '?reads',
   '!later', '!reconcile', '?reads', '!later', '!reconcile', '?reads', '!later', '!reconcile',
   '?reads'],
 array[null, 'due', 'claimed', 'reads=1 in 300s', 'due', 'claimed', 'reads=2 in 600s', 'due',
   'claimed', 'reads=3 in 1200s', 'due', 'claimed', 'reads=4 in 2400s', 'due', 'claimed',
   'reads=5 in 4800s', 'due', 'claimed', 'reads=6 in 10800s', 'due', 'claimed',
   'reads=7 in 21600s', 'due', 'claimed', 'reads=8 in 21600s']),
('what is claimed is not claimed again before its time',
 array['!later', '!reconcile', '!reconcile', '?reads'],
 array['due', 'claimed', null, 'reads=1 in 300s']),
('reading that changes nothing changes no distance',
 array['!later', '!reconcile', 'A:ready', 'B:failed version=1', '?reads'],
 array['due', 'claimed', 'unchanged pending 0', 'stale pending 0', 'reads=1 in 300s']),
('with every change of the status it starts over',
 array['!later', '!reconcile', '!later', '!reconcile', '?reads', 'A:failed', '?reads', '!later',
   '!reconcile', '!cancel', '?reads', '!later', '!reconcile', 'A:awaiting_deposit', '?reads'],
 array['due', 'claimed', 'due', 'claimed', 'reads=2 in 600s', 'moved failed 0', 'reads=0 in 120s',
   'due', 'claimed A', 'canceled', 'reads=0 in 120s', 'due', 'claimed A',
   'moved awaiting_deposit 0', 'reads=0 in 120s']),
('and what is due already stays due', array['!later', 'A:failed', '!reconcile', '?reads'],
 array['due', 'moved failed 0', 'claimed A', 'reads=1 in 300s']),
('the attempt that was read last is the one the order is known by',
 array['A:ready', 'B:failed', '!later', '!reconcile', 'A:failed', '!later', '!reconcile'],
 array['unchanged pending 0', 'moved failed 0', 'due', 'claimed B', 'unchanged failed 0', 'due',
   'claimed A']);

select plan((select count(*)::integer from stories) + 36);
select is(pg_temp.play('starter', s.steps), s.expected, s.protects) from stories s;

-- Every state says how often
select is(
  array(
    select concat_ws(' ', s.status, coalesce(s.reads::text, 'always'))
    from coinslot.payment_statuses s order by 1
  ),
  array['awaiting_deposit always', 'canceled 20', 'charged_back 0', 'completed 0',
    'disputed always', 'expired 20', 'failed 20', 'partially_refunded 0', 'pending always',
    'refunded 0', 'review always', 'voided 20'], 'how often each state is read'
);

-- An order of one's own, for what follows
create function pg_temp.order_of(gateway text) returns text
language sql as $$
  select pg_temp.as_user(pg_temp.user_with(0), format(
    'select * from create_token_order(%L, %L)', 'starter', order_of.gateway
  )) ->> 'order_id'
$$;
create function pg_temp.at(order_id text, step text) returns text
language sql as $$
  select pg_temp.step(p, at.step) from public.token_payments p where p.order_id = at.order_id
$$;
create function pg_temp.claim(gateway text, batch integer default 20) returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select coalesce(jsonb_agg((c.payment).order_id), %L) as ids from unnest(coinslot_claim_payments(%L, %L)) c',
    '[]', claim.gateway, claim.batch
  )) -> 'ids'
$$;
create function pg_temp.set_reads(order_id text, reads integer, ago interval default '0 s')
returns void
language sql as $$
  select pg_temp.change(format(
    'update coinslot.payment_reads r set reads = %s, next_read_at = clock_timestamp() - %L::interval
     from public.token_payments p where p.order_id = %L and r.payment_id = p.id',
    set_reads.reads, set_reads.ago, set_reads.order_id
  ))
$$;
select pg_temp.order_of('toss') as old_, pg_temp.order_of('toss') as new_,
  pg_temp.order_of('toss') as third_, pg_temp.order_of('stripe') as other_ \gset

-- By gateway, by batch, the longest due first
select is(pg_temp.claim('toss'), '[]', 'nothing is due yet');
select count(pg_temp.set_reads(o.id, 0, o.ago)) as due from (values
  (:'old_', interval '3 s'), (:'new_', '1 s'), (:'third_', '2 s'), (:'other_', '9 s')
) o (id, ago) \gset
select is(pg_temp.claim('toss', 1), jsonb_build_array(:'old_'), 'the longest due comes first');
select is(
  (select jsonb_agg(o.id order by o.id) from jsonb_array_elements(pg_temp.claim('toss')) o (id)),
  (select jsonb_agg(o.id order by o.id) from unnest(array[:'new_', :'third_']) o (id)),
  'then the others of that gateway'
);
select is(pg_temp.claim('toss'), '[]', 'none of them twice');
select is(pg_temp.claim('nonsense'), '[]', 'a gateway nobody registered has nothing due');
select is(pg_temp.claim(null), '[]', 'nor has none');
select is(
  pg_temp.claim('stripe', 0), jsonb_build_array(:'other_'), 'a batch is one at the least'
);
select is(
  pg_temp.as_service(
    'select count(*) as n from unnest(coinslot_claim_payments(''toss'', 100000))'
  ) -> 'n', '0',
  '... and a thousand at the most, whatever is asked for'
);

-- Users take turns
create function pg_temp.due_of(user_id uuid, orders integer, ago interval) returns text[]
language sql as $$
  with made as materialized (
    select pg_temp.as_user(due_of.user_id, format(
      'select * from create_token_order(%L, %L)', 'starter', 'portone'
    )) ->> 'order_id' as id
    from generate_series(1, due_of.orders)
  )
  select array_agg(m.id) from made m, lateral (
    select pg_temp.set_reads(m.id, 0, due_of.ago) offset 0
  ) s
$$;
select count(pg_temp.due_of(pg_temp.user_with(0), 20, '1 hour')) as crowd
from generate_series(1, 6) \gset
select pg_temp.user_with(0) as seventh \gset
select pg_temp.due_of(:'seventh', 3, '1 minute') as waiting \gset
select pg_temp.as_service(format(
  'select * from coinslot_store_webhook(''portone'', null, ''paid'', %L, ''imp_1'', true, ''{}'', ''{}'')',
  (:'waiting'::text[])[3]
)) as hinted \gset
select pg_temp.claim('portone', 7) as first_turns \gset
select is(
  (select array_agg(o.id order by o.n)
   from jsonb_array_elements_text(:'first_turns') with ordinality o (id, n)
   where o.id = any (:'waiting'::text[])),
  (:'waiting'::text[])[3:3],
  'a user''s order is not behind all that others have due, and the likeliest is first'
);
select is(
  (select count(distinct p.user_id) from jsonb_array_elements_text(:'first_turns') o (id)
   inner join public.token_payments p on p.order_id = o.id), 7::bigint,
  '... each user has one turn'
);
select is(
  (:'first_turns'::jsonb) ->> 0, (:'waiting'::text[])[3],
  '... and of one turn those go first of which money is likely'
);

-- What could not be read
select is(
  pg_temp.as_service(format('select coinslot_return_payments(array[%L, %L])', :'old_',
    'ord_nobody_made_it'))
  ? 'error', false, 'what could not be read is given back'
);
select is(pg_temp.at(:'old_', '?reads'), 'reads=0 in 30s', '... soon due, and not counted');
select is(pg_temp.at(:'new_', '?reads'), 'reads=1 in 300s', '... the others are left alone');
select count(pg_temp.as_service(format('select coinslot_return_payments(array[%L])',
  :'old_'))) as returned
from generate_series(1, 3) \gset
select is(
  pg_temp.at(:'old_', '?reads'), 'reads=0 in 30s', '... giving it back again delays nothing'
);
select pg_temp.set_reads(:'old_', 4) as reads \gset
select pg_temp.as_service(format('select coinslot_return_payments(array[%L])',
  :'old_')) as returned \gset
select is(pg_temp.claim('toss'), jsonb_build_array(:'old_'), 'what is due stays due');
select is(pg_temp.at(:'old_', '?reads'), 'reads=4 in 2400s', '... one read less is counted');
select is(
  pg_temp.as_service('select coinslot_return_payments(' || a.argument || ')') ? 'error', false,
  'giving back nothing: ' || a.argument
) from (values ('null'), ('array[]::text[]')) a (argument);

-- Enough
select pg_temp.set_reads(:'old_', 1000) as reads \gset
select is(
  pg_temp.claim('toss'), jsonb_build_array(:'old_'), 'what is not paid is read for as long as it is'
);
select pg_temp.as_user((select p.user_id from public.token_payments p where p.order_id = :'old_'),
  format('select * from cancel_token_order(%L)', :'old_')) ->> 'status' as canceled \gset
select pg_temp.set_reads(:'old_', 19) as reads \gset
select is(
  pg_temp.claim('toss'), jsonb_build_array(:'old_'), 'a canceled order is read twenty times'
);
select pg_temp.at(:'old_', '!later') as due \gset
select is(pg_temp.claim('toss'), '[]', '... and then no more');
select is(pg_temp.at(:'old_', '?reads'), null, '... and is off the schedule');

-- A webhook that tells of more than its read shows
create function pg_temp.hint(order_id text, claims_paid boolean, step text) returns text
language plpgsql as $$
declare
  v_stored jsonb := pg_temp.as_service(format(
    'select * from coinslot_store_webhook(%L, null, %L, %L, %L, %L, %L, %L)', 'portone', 'an.event',
    hint.order_id, 'A ' || hint.order_id, hint.claims_paid, '{}', '{}'
  ));
begin
  return pg_temp.read(
    hint.order_id, format('%s webhook_ids={%s}', hint.step, v_stored ->> 'webhook_id')
  );
end
$$;
select pg_temp.order_of('portone') as order_id \gset
select is(
  pg_temp.hint(:'order_id', true, 'A:paid paid=5000'), 'credited completed 10', 'an order is paid'
);
select pg_temp.order_of('portone') as order_id \gset
select pg_temp.read(:'order_id', 'A:paid paid=5000') as paid \gset
select pg_temp.hint(:'order_id', true, 'A:paid paid=5000') as told \gset
select is(pg_temp.at(:'order_id', '?reads'), null, 'hearing that it is leads to no read');
select pg_temp.hint(:'order_id', true, 'A:paid paid=5000') as repeated \gset
select is(
  pg_temp.at(:'order_id', '?reads'), 'reads=0 in 120s',
  'but a second hint in the same row may have been about something else'
);
select pg_temp.read(:'order_id', 'A:paid paid=5000 refunded=5000') as refunded \gset
select pg_temp.order_of('portone') as order_id \gset
select is(
  pg_temp.hint(:'order_id', false, 'A:paid paid=5000'), 'credited completed 10',
  'hearing of a refund whose payment is all that can be seen credits the payment'
);
select is(pg_temp.at(:'order_id', '?reads'), 'reads=0 in 120s', '... and the refund is looked for');
select pg_temp.read(:'order_id', 'A:paid paid=5000 refunded=5000') as refunded \gset
select pg_temp.order_of('portone') as order_id \gset
select pg_temp.read(:'order_id', 'A:paid paid=5000') as paid \gset
select pg_temp.hint(:'order_id', false, 'A:paid paid=5000 refunded=1000') as refunded \gset
select is(
  pg_temp.at(:'order_id', '?reads'), null,
  'nor does hearing of a refund that is there to be seen'
);
select pg_temp.hint(:'order_id', false, 'A:paid paid=5000 refunded=1000') as refunded \gset
select is(
  pg_temp.at(:'order_id', '?reads'), 'reads=0 in 120s', 'one that is not to be seen does'
);
select is(
  (select array_agg(concat_ws(', ', pg_temp.at(:'order_id', '!later'),
     pg_temp.at(:'order_id', '!reconcile'), pg_temp.at(:'order_id', '?reads')) order by n)
   from generate_series(1, 5) n),
  array['due, claimed A, reads=1 in 300s', 'due, claimed A, reads=2 in 600s',
    'due, claimed A, reads=3 in 1200s', 'due', 'due'], '... three, and no more'
);
select count(pg_temp.hint(:'order_id', false, 'A:paid paid=5000 refunded=1000')) as hints
from generate_series(1, 3) \gset
select pg_temp.at(:'order_id', '!later') || pg_temp.at(:'order_id', '!reconcile') as claimed \gset
select pg_temp.hint(:'order_id', false, 'A:paid paid=5000 refunded=1000') as again \gset
select is(
  pg_temp.at(:'order_id', '?reads'), 'reads=0 in 120s', 'another hint starts it over'
);
select pg_temp.read(:'order_id', 'A:paid paid=5000 refunded=5000') as refunded \gset
select is(
  pg_temp.at(:'order_id', '?reads'), null, 'what was hinted at ends it: the order is refunded'
);
select is(
  (select array_agg(distinct p.status) from public.token_payments p
   inner join coinslot.payment_statuses s on s.status = p.status
   inner join coinslot.payment_reads r on r.payment_id = p.id where s.reads = 0), null,
  'nothing settled is left on the schedule'
);
select is_empty(
  $$select p.order_id from public.token_payments p
    inner join coinslot.payment_statuses s on s.status = p.status and s.reads is null
    where not exists (select from coinslot.payment_reads r where r.payment_id = p.id)$$,
  'and nothing open is missing from it'
);
select * from finish();
rollback;
