-- The inbox: stored once, read as often as needed, finished with what the read came to.
begin;
\ir helpers/call.sql

create function pg_temp.order_of(user_id uuid, gateway text) returns text
language sql as $$
  select pg_temp.as_user(order_of.user_id, format(
    'select * from create_token_order(%L, %L)', 'starter', order_of.gateway
  )) ->> 'order_id'
$$;

-- Takes a webhook in, and answers the verdict. `event` empty = unsigned.
create function pg_temp.store(
  gateway text, event text, order_id text, key text default '', paid boolean default true,
  secret text default null, busy boolean default false
) returns text
language sql as $$
  select coalesce(a ->> 'verdict', pg_temp.refusal(a))
  from pg_temp.as_service(format(
    'select * from coinslot_store_webhook(%L, %L, %L, %L, %L, %L, %L, %L, %L, %L)', store.gateway,
    nullif(store.event, ''), 'an.event', nullif(store.order_id, ''), nullif(store.key, ''),
    store.paid, '{"h": "1"}', '{"b": 1}', store.secret, store.busy
  )) a
$$;

create function pg_temp.inbox(order_id text) returns text
language sql as $$
  select string_agg(concat_ws(
    ' ', w.outcome, 'deliveries=' || w.deliveries, 'attempts=' || w.attempts,
    case when w.next_attempt_at is null then 'done'
      else 'in ' || pg_temp.wait_until(w.next_attempt_at) || 's' end
  ), ', ' order by w.id)
  from coinslot.webhooks w where w.order_id = inbox.order_id
$$;

create function pg_temp.webhook_of(order_id text) returns bigint
language sql as $$
  select max(w.id) from coinslot.webhooks w where w.order_id = webhook_of.order_id
$$;

-- What the service is answered that has read a payment for webhooks.
create function pg_temp.applied(
  order_id text, gateway text, state text, paid bigint, webhook_ids bigint[],
  secret text default null, version bigint default null
) returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select * from coinslot_apply_gateway_payment(%L, %L, %L, %L, 5000, %L, false, %L, coalesce(%L, (
       select p.version from token_payments p where p.order_id = %L
     )), paid => %s, webhook_ids => %L, secret => %L)',
    applied.order_id, applied.gateway, 'key of ' || applied.order_id, applied.state, 'KRW',
    'webhook', applied.version, applied.order_id, applied.paid, applied.webhook_ids,
    applied.secret
  ))
$$;

create function pg_temp.apply(order_id text, gateway text, state text, paid bigint, secret text)
returns text
language sql as $$
  select concat_ws(' ', a ->> 'outcome', a #>> '{payment,status}', nullif(pg_temp.refusal(a), ''))
  from pg_temp.applied(
    apply.order_id, apply.gateway, apply.state, apply.paid,
    array[pg_temp.webhook_of(apply.order_id)], apply.secret
  ) a
$$;

-- The verdicts in one line, each under the event of its webhook.
create function pg_temp.verdicts(answer jsonb) returns text
language sql as $$
  select string_agg(concat_ws(
    ' ', w.event_id, v.outcome, case when v.finished then 'finished' else 'goes on' end
  ), ', ' order by v.webhook_id)
  from jsonb_to_recordset(answer -> 'webhooks') v (
    webhook_id bigint, outcome text, finished boolean
  )
  inner join coinslot.webhooks w on w.id = v.webhook_id
$$;

create function pg_temp.ids_of(order_id text) returns bigint[]
language sql as $$
  select array_agg(w.id order by w.id desc) from coinslot.webhooks w
  where w.order_id = ids_of.order_id
$$;

-- Time passes for a webhook: whatever it waits for is over.
create function pg_temp.pass(order_id text) returns void
language sql as $$
  select pg_temp.change(format(
    'update coinslot.webhooks set next_attempt_at = least(next_attempt_at, clock_timestamp()),
       taken_at = taken_at - interval ''1 hour'' where order_id = %L', pass.order_id
  ))
$$;

select plan(71);

select pg_temp.user_with(0) as buyer \gset
select pg_temp.order_of(:'buyer', 'portone') as unsigned \gset
select pg_temp.order_of(:'buyer', 'stripe') as signed \gset
select pg_temp.order_of(:'buyer', 'toss') as secret \gset
select pg_temp.order_of(:'buyer', 'stripe') as late \gset

-- Unsigned
select is(
  pg_temp.store('portone', '', 'ord_nobody_made_it'), 'unknown_order',
  'an unsigned webhook for an order we do not have'
);
select is(
  pg_temp.store('toss', '', :'unsigned'), 'unknown_order',
  'an unsigned webhook of one gateway says nothing about an order at another'
);
select is(
  (select count(*) from coinslot.webhooks), 0::bigint, '... neither is stored'
);
select is(pg_temp.store('portone', '', :'unsigned'), 'read', 'the first hint is read at once');
select is(
  pg_temp.store('portone', '', :'unsigned'), 'scheduled', 'hints beside it share its row'
);
select is(
  pg_temp.inbox(:'unsigned'), 'received deliveries=2 attempts=0 in 30s',
  '... which is leased to whoever reads'
);
select is(
  pg_temp.apply(:'unsigned', 'portone', 'ready', 0, null), 'unchanged pending',
  'a read that does not show the money yet'
);
select is(
  pg_temp.inbox(:'unsigned'), 'not_yet deliveries=2 attempts=1 in 3s',
  '... is repeated, soon where a hint came in between'
);
select pg_temp.pass(:'unsigned') as passed \gset
select is(
  pg_temp.as_service('select count(*) as n, min(order_id) as o from unnest(coinslot_claim_webhooks())'),
  jsonb_build_object('n', 1, 'o', :'unsigned'), 'what is due is claimed'
);
select is(
  pg_temp.as_service('select count(*) as n from unnest(coinslot_claim_webhooks())') -> 'n', '0',
  '... by one only'
);
select is(
  pg_temp.apply(:'unsigned', 'portone', 'paid', 5000, null), 'credited completed',
  'the money is there'
);
select is(
  pg_temp.inbox(:'unsigned'), 'credited deliveries=2 attempts=2 done',
  '... and the verdict is written with it'
);
select is(
  pg_temp.store('portone', '', :'unsigned', paid => false), 'scheduled',
  'having been seen settles no unsigned hint: it is read again, a little later'
);
select pg_temp.pass(:'unsigned') as passed \gset
select is(
  pg_temp.store('portone', '', :'unsigned', paid => false), 'read',
  '... or at once, if it was long ago'
);
select is(
  pg_temp.apply(:'unsigned', 'portone', 'paid', 5000, null), 'unchanged completed',
  '... and changes nothing'
);
select is(pg_temp.history(:'buyer'), 'purchase 10', 'one purchase, whatever was delivered');

-- Signed
select is(pg_temp.store('stripe', 'evt_1', :'signed'), 'read', 'a signed event');
select is(
  pg_temp.store('stripe', 'evt_1', :'signed'), 'scheduled', '... delivered again while it is read'
);
select pg_temp.pass(:'signed') as passed \gset
select is(
  pg_temp.store('stripe', 'evt_1', :'signed'), 'read',
  'a delivery takes over what a crash left behind'
);
select is(
  pg_temp.apply(:'signed', 'stripe', 'paid', 5000, null), 'credited completed', '... and ends it'
);
select is(pg_temp.store('stripe', 'evt_1', :'signed'), 'duplicate', 'a finished event stays so');
select is(
  pg_temp.store('stripe', 'evt_2', '', 'key of ' || :'signed'), 'read',
  'an event that names no order is found by its payment'
);
select is(
  (select w.order_id from coinslot.webhooks w where w.event_id = 'evt_2'), :'signed',
  '... and filed under its order'
);

-- A secret that the gateway repeats
select pg_temp.store('toss', '', :'secret') as first_hint \gset
select pg_temp.apply(:'secret', 'toss', 'awaiting_deposit', 0, 'ps_known') as applied \gset
select is(
  pg_temp.store('toss', '', :'secret', secret => 'ps_guessed'), 'forged',
  'a webhook without the secret of its payment is not worth a read'
);
select isnt(
  pg_temp.store('toss', '', :'secret', secret => 'ps_known'), 'forged', '... with it, it is'
);
select is(
  pg_temp.as_user(:'buyer',
    'select to_jsonb(p) ? ''secret'' as shown from token_payments p limit 1'),
  '{"shown": false}', 'the secret is not part of what its owner reads'
);

-- Failures
select pg_temp.store('stripe', 'evt_3', :'late') as first_hint \gset
select count(pg_temp.as_service(format(
  'select coinslot_finish_webhook(%s, ''failed'', ''gateway_timeout'', true)',
    pg_temp.webhook_of(:'late')
))) as failures from generate_series(1, 9) \gset
select is(
  pg_temp.inbox(:'late'), 'failed deliveries=1 attempts=9 in 86400s',
  'what cannot be read is tried again, ever more rarely'
);
select pg_temp.as_service(format(
  'select coinslot_finish_webhook(%s, ''failed'', '''', true)', pg_temp.webhook_of(:'late')
)) as given_up \gset
select is(
  pg_temp.inbox(:'late'), 'failed deliveries=1 attempts=10 done', '... and left in the end'
);
select is(
  pg_temp.as_service('select coinslot_replay_webhooks(outcome => ''failed'') as n') -> 'n', '1',
  'an operator makes what was left due again'
);
select is(
  pg_temp.as_service(
    'select string_agg(event_id, '','') as e from coinslot_list_webhooks(gateway => ''stripe'')'
  ) ->> 'e', 'evt_3,evt_2,evt_1', 'an operator lists by gateway, newest first'
);
-- What an unsigned hint cannot do to a genuine one
select pg_temp.order_of(:'buyer', 'portone') as delayed \gset
select pg_temp.store('portone', '', :'delayed') as forged \gset
select count(pg_temp.as_service(format(
  'select coinslot_finish_webhook(%s, ''not_yet'', '''', true)', pg_temp.webhook_of(:'delayed')
))) as reads from generate_series(1, 3) \gset
select is(
  pg_temp.inbox(:'delayed'), 'not_yet deliveries=1 attempts=3 in 60s',
  'a hint that came to nothing waits for a while'
);
select pg_temp.change(format(
  'update coinslot.webhooks set taken_at = taken_at - interval ''1 hour'' where order_id = %L',
  :'delayed'
)) as passed \gset
select is(
  pg_temp.store('portone', '', :'delayed'), 'read', '... but the next delivery is read at once'
);
select is(
  pg_temp.inbox(:'delayed'), 'not_yet deliveries=2 attempts=0 in 30s', '... with all its tries'
);
select count(pg_temp.as_service(format(
  'select coinslot_finish_webhook(%s, ''not_yet'', '''', true)', pg_temp.webhook_of(:'delayed')
))) as reads from generate_series(1, 4) \gset
select is(
  pg_temp.inbox(:'delayed'), 'not_yet deliveries=2 attempts=4 done',
  '... and is left to the reconciler when the order was asked about thrice'
);

-- Hints that name payments which nobody knows
select pg_temp.user_with(0) as flooder \gset
select pg_temp.order_of(:'flooder', 'portone') as flooded \gset
select pg_temp.store('portone', '', :'flooded', 'imp_forged') as stored \gset
select pg_temp.as_service(format(
  'select coinslot_finish_webhook(%s, ''not_yet'', '''', true)', pg_temp.webhook_of(:'flooded')
)) as unknown \gset
select is(
  (select w.payment_key from coinslot.webhooks w where w.order_id = :'flooded'), '',
  'a payment that the gateway does not know is asked about once: then only the order is'
);
select count(pg_temp.store('portone', '', :'flooded', 'imp_' || n)) as hints
from generate_series(1, 30) n \gset
select is(
  (select count(*) from coinslot.webhooks w where w.order_id = :'flooded'), 1::bigint,
  'invented payments fill no inbox'
);
select is(
  pg_temp.store('portone', '', :'flooded', 'imp_genuine'), 'scheduled',
  'a genuine one after them is not lost'
);
select is(
  (select w.other_keys[5:] from coinslot.webhooks w where w.order_id = :'flooded'), array[''],
  '... the gateway is asked for the order, after four of the others'
);
select pg_temp.pass(:'flooded') as passed \gset
select pg_temp.as_service(format(
  'select coinslot_finish_webhook(%s, ''refused'')', pg_temp.webhook_of(:'flooded')
)) as next \gset
select is(
  (select w.payment_key || pg_temp.inbox(w.order_id) from coinslot.webhooks w
   where w.order_id = :'flooded'),
  'imp_1refused deliveries=32 attempts=2 in 3s', '... and the reads are spaced'
);

-- A ration of reads, which others do not use up
select pg_temp.user_with(0) as forger \gset
select array_agg(pg_temp.order_of(:'forger', 'portone')) as forged_orders from generate_series(1, 5)
\gset
select is(
  (select array_agg(distinct pg_temp.store('portone', '', o, 'imp_a'))
   from unnest(:'forged_orders'::text[]) o), array['read'],
  'hints about a few orders of one user are read at once'
);
select pg_temp.change(format(
  'update coinslot.webhooks set next_attempt_at = null, taken_at = taken_at - interval ''1 hour''
   where order_id = any(%L)', :'forged_orders'
)) as passed \gset
select is(
  (select array_agg(distinct pg_temp.store('portone', '', o, 'imp_b'))
   from unnest(:'forged_orders'::text[]) o), array['scheduled'],
  '... and yet more of them wait'
);
select is(
  (select max(pg_temp.wait_until(w.next_attempt_at)) from coinslot.webhooks w
   where w.order_id = any(:'forged_orders'::text[])), 10::numeric,
  '... each two seconds longer'
);
select pg_temp.user_with(0) as genuine \gset
select is(
  pg_temp.store('portone', '', pg_temp.order_of(:'genuine', 'portone'), 'imp_a'), 'read',
  '... while those of others are read at once'
);

-- An order that is over
select pg_temp.order_of(:'genuine', 'portone') as over \gset
select pg_temp.store('portone', '', :'over') as first_hint \gset
select pg_temp.as_user(:'genuine', format('select * from cancel_token_order(%L)',
  :'over')) as canceled \gset
select pg_temp.apply(:'over', 'portone', 'canceled', 0, null) as applied \gset
select pg_temp.store('portone', '', :'over') as second_hint \gset
select is(
  pg_temp.inbox(:'over'), 'received deliveries=2 attempts=0 in 60s',
  'hints about an order that is over lead to a read a minute'
);

-- With no statistics at all, as after the first rush
insert into coinslot.webhooks (
  gateway, event_type, order_id, payment_key, claims_paid, headers, body, next_attempt_at
)
select 'portone', 'an.event', 'ord_of_somebody_' || n, 'imp_' || n, true, '{}', '{}', null
from generate_series(1, 500) n;
discard plans;
select t.idx_tup_fetch + t.seq_tup_read as read_before
from pg_stat_xact_all_tables t where t.relid = 'coinslot.webhooks'::regclass \gset
select pg_temp.order_of(:'buyer', 'portone') as rushed \gset
select pg_temp.store('portone', '', :'rushed', 'imp_rushed') as stored \gset
select cmp_ok(
  (select t.idx_tup_fetch + t.seq_tup_read - :read_before
   from pg_stat_xact_all_tables t where t.relid = 'coinslot.webhooks'::regclass), '<', 100::bigint,
  'a hint costs no walk through all others'
);

-- A server that has its hands full
select pg_temp.order_of(:'buyer', 'stripe') as busy \gset
select is(
  pg_temp.store('stripe', 'evt_busy', :'busy', busy => true), 'scheduled',
  'a server with its hands full stores a webhook and does not read'
);
select is(
  pg_temp.inbox(:'busy'), 'received deliveries=1 attempts=0 in 0s', '... so it is due at once'
);
select is(
  pg_temp.as_service(format(
    'select count(*) as n from unnest(coinslot_claim_webhooks()) where order_id = %L', :'busy'
  )), '{"n": 1}', '... for any server that sweeps'
);
select is(
  (select w.next_attempt_at - w.taken_at from coinslot.webhooks w where w.event_id = 'evt_busy'),
  coinslot.webhook_lease(), '... for exactly the lease, by which deliveries know that it is read'
);
select is(
  pg_temp.store('stripe', 'evt_busy', :'busy'), 'scheduled', '... and nobody else reads beside it'
);

-- The verdict is part of the answer
select pg_temp.order_of(:'buyer', 'stripe') as judged \gset
select pg_temp.store('stripe', 'evt_claim', :'judged') as stored \gset
select is(
  pg_temp.applied(
    :'judged', 'stripe', 'ready', 0, array[pg_temp.webhook_of(:'judged')]
  ) -> 'webhooks',
  jsonb_build_array(jsonb_build_object(
    'webhook_id', pg_temp.webhook_of(:'judged'), 'outcome', 'not_yet', 'finished', false
  )), 'a claim of money that the read does not show is read again, and the service is told so'
);
select is(
  a - 'payment', '{"outcome": "stale", "webhooks": []}', 'a stale read is a verdict on nothing'
) from pg_temp.applied(
  :'judged', 'stripe', 'paid', 5000, pg_temp.ids_of(:'judged'), version => 0
) a;
select is(
  pg_temp.inbox(:'judged'), 'not_yet deliveries=1 attempts=1 in 2s', '... and leaves it waiting'
);
select is(
  pg_temp.verdicts(pg_temp.applied(
    :'judged', 'stripe', 'paid', 5000, pg_temp.ids_of(:'judged')
  )), 'evt_claim credited finished', 'what was credited is finished'
);
select is(
  pg_temp.applied(:'judged', 'stripe', 'paid', 5000, pg_temp.ids_of(:'judged')) -> 'webhooks',
  '[]', 'one that had ended before is judged no more'
);
select is(
  pg_temp.applied(:'judged', 'stripe', 'paid', 5000, w.ids::bigint[]) -> 'webhooks', '[]',
  'no webhook, no verdict: ' || coalesce(w.ids, 'null')
) from (values ('{}'), (null), ('{0}')) w (ids);

-- Webhooks that share a read
select pg_temp.order_of(:'buyer', 'stripe') as shared \gset
select pg_temp.store('stripe', 'evt_paid', :'shared') as stored \gset
select pg_temp.store('stripe', 'evt_refunded', :'shared', paid => false) as stored \gset
select is(
  pg_temp.verdicts(pg_temp.applied(
    :'shared', 'stripe', 'ready', 0, pg_temp.ids_of(:'shared')
  )), 'evt_paid not_yet goes on, evt_refunded unchanged finished',
  'webhooks that share a read are judged each by what it claims'
);
select pg_temp.store('stripe', 'evt_disputed', :'shared', paid => false) as stored \gset
select is(
  pg_temp.verdicts(pg_temp.applied(
    :'shared', 'stripe', 'paid', 5000, pg_temp.ids_of(:'shared')
  )), 'evt_paid credited finished, evt_disputed credited finished',
  '... and finished together by what they were waiting for'
);
select is(
  (select r.reads from coinslot.payment_reads r
   inner join public.token_payments p on p.id = r.payment_id where p.order_id = :'shared'), 0,
  '... but the payment is read again: its credit need not be what each of them told of'
);
select is(
  pg_temp.history(:'buyer'), 'purchase 10, purchase 10, purchase 10, purchase 10',
  '... and credited once'
);

-- What could not be applied has a verdict, too
select pg_temp.order_of(:'buyer', 'stripe') as failing \gset
select pg_temp.store('stripe', 'evt_failing', :'failing') as stored \gset
create function pg_temp.finish(order_id text, again boolean) returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select outcome, finished from coinslot_finish_webhook(%s, %L, %L, %L)',
    pg_temp.webhook_of(finish.order_id), 'failed', 'gateway_timeout', finish.again
  ))
$$;
select is(
  pg_temp.finish(:'failing', true), '{"outcome": "failed", "finished": false}',
  'what could not be read goes on'
);
select pg_temp.store('stripe', 'evt_failing', :'failing') as delivered_again \gset
select is(
  pg_temp.finish(:'failing', false), '{"outcome": "failed", "finished": false}',
  '... so does what was delivered again meanwhile'
);
select pg_temp.pass(:'failing') as passed \gset
select pg_temp.as_service('select count(*) as n from unnest(coinslot_claim_webhooks())') as claimed \gset
select is(
  pg_temp.finish(:'failing', false), '{"outcome": "failed", "finished": true}', '... until it ends'
);
select is(
  pg_temp.finish(:'failing', false), '{"outcome": null, "finished": null}', '... once'
);
select pg_temp.store('stripe', 'evt_nobody', 'ord_nobody_made_it') as stored \gset
select is(
  pg_temp.verdicts(pg_temp.as_service(format(
    $$select * from coinslot_apply_gateway_payment('ord_nobody_made_it', 'stripe', 'pi_1', 'paid', 5000,
      'KRW', false, 'webhook', 0, paid => 5000, webhook_ids => '{%s}')$$,
    pg_temp.webhook_of('ord_nobody_made_it')
  ))), 'evt_nobody unknown_order finished', 'money for an order that nobody made has one as well'
);

-- The types of events that ever came
select is(
  (select e ->> 'types' from jsonb_array_elements(
    pg_temp.as_service('select coinslot_get_backlog() as b') #> '{b,events}'
  ) e where e ->> 'gateway' = 'stripe'),
  (select to_jsonb(array_agg(distinct w.event_type order by w.event_type))::text
    from coinslot.webhooks w where w.gateway = 'stripe'),
  'the backlog tells what ever came'
);
select pg_temp.change('delete from coinslot.webhooks') as purged \gset
select isnt(
  (select count(*) from coinslot.webhook_types t where t.gateway = 'stripe'), 0::bigint,
  '... also when the webhooks are gone'
);
select pg_temp.change(
  'insert into coinslot.webhooks (gateway, event_type, order_id, payment_key, claims_paid, headers, body)
   select ''portone'', ''made_up_'' || n, ''ord_made_up_'' || n, '''', false, ''{}'', ''{}''
   from generate_series(1, 40) n'
) as unsigned \gset
select is(
  (select count(*) from coinslot.webhook_types t where t.gateway = 'portone'), 30::bigint,
  'of types that anybody may make up a few are kept'
);
select pg_temp.change(
  'insert into coinslot.webhooks
     (gateway, event_id, event_type, order_id, payment_key, claims_paid, headers, body)
   values (''portone'', ''evt_signed'', ''Transaction.Paid'', '''', '''', false, ''{}'', ''{}'')'
) as signed \gset
select is(
  (select count(*) from coinslot.webhook_types t where t.event_type = 'Transaction.Paid'),
  1::bigint, '... and every signed one'
);
select * from finish();
rollback;
