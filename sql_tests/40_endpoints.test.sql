-- Endpoints: who may change them, what is sent in which order, what becomes of what fails.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

select plan(63);
select pg_temp.change('update coinslot.settings set signup_bonus = 0') \g /dev/null
create temporary table people (name, id) as
select n, pg_temp.sign_up(n || '@example.com') from unnest(array['ann', 'ben', 'olga', 'sam']) n;
create function pg_temp.id(name text) returns uuid
language sql as $$ select p.id from people p where p.name = id.name $$;
select pg_temp.change(format('select coinslot.add_operator(%L, ''owner'')', pg_temp.id('olga'))) \g /dev/null
select pg_temp.change(format('select coinslot.add_operator(%L, ''support'')', pg_temp.id('sam'))) \g /dev/null

create function pg_temp.endpoint(number integer) returns uuid
language sql immutable as $$ select ('00000000-0000-0000-0000-00000000000' || number)::uuid $$;
create function pg_temp.add(number integer, more text default '') returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select * from coinslot_add_endpoint(%L, ''https://app.example.com/hooks'', ''v1.main.AAAA''%s)',
    pg_temp.endpoint(number), more
  ))
$$;
-- An event about somebody, and one about nobody.
create function pg_temp.happens(name text, type text default 'wallet.low') returns text
language sql as $$ select coinslot.emit(type, pg_temp.id(name), '{"n": 1}') $$;
create temporary table claims (job jsonb);
create function pg_temp.claim(batch integer default 20) returns text
language plpgsql as $$
declare
  v_jobs jsonb := pg_temp.as_service(format(
    'select coalesce(jsonb_agg(to_jsonb(c)), ''[]'') as r from unnest(coinslot_claim_deliveries(''{}'', %s)) c', claim.batch
  )) -> 'r';
begin
  insert into claims select j from jsonb_array_elements(v_jobs) j;
  return (
    select coalesce(string_agg(
      format('%s:%s', right(j ->> 'endpoint_id', 1), coalesce(o.seq::text, '-')), ' '
      order by j ->> 'endpoint_id', (j ->> 'id')::bigint
    ), '')
    from jsonb_array_elements(v_jobs) j inner join coinslot.outbox o on o.id = j ->> 'event_id'
  );
end
$$;
create function pg_temp.finish(number integer, seq bigint, outcome text, more text default '') returns text
language sql as $$
  select coalesce(a ->> 'r', a ->> 'error') from (
    select d.id, d.attempts from coinslot.deliveries d
    where d.endpoint_id = pg_temp.endpoint(number) and d.seq = finish.seq and d.user_id = pg_temp.id('ann')
  ) d cross join lateral pg_temp.as_service(format(
    'select coinslot_finish_delivery(%s, %s, %L, 500%s) as r', d.id, d.attempts, outcome, more
  )) a
$$;
-- The lease or the wait of everything is over.
create function pg_temp.later() returns void
language sql as $$
  update coinslot.deliveries d set next_attempt_at = clock_timestamp() where d.state = 'pending'
$$;

-- ---- who may ----

select is(pg_temp.add(1) ->> 'active', 'true', 'the service adds one');
select is(pg_temp.add(1) ->> 'secret', null, '... and is shown no secret');
select is(
  pg_temp.as_user(pg_temp.id('ann'), 'select * from list_token_endpoints()') ->> 'error', 'forbidden',
  'a buyer sees none'
);
select is(
  pg_temp.as_user(pg_temp.id('sam'), 'select * from list_token_endpoints()') ->> 'url',
  'https://app.example.com/hooks', 'support does'
);
select is(
  pg_temp.as_user(pg_temp.id('sam'), format('select * from set_token_endpoint(%L, ''x'', active => false)', pg_temp.endpoint(1))) ->> 'error',
  'forbidden', '... and changes nothing'
);
select is(
  pg_temp.as_user(pg_temp.id('olga'), format('select * from set_token_endpoint(%L, '' '', active => false)', pg_temp.endpoint(1))) ->> 'error',
  'invalid_argument', 'an owner says why'
);
select is(
  pg_temp.as_user(pg_temp.id('olga'), format('select * from set_token_endpoint(%L, ''a new name'', name => ''app'')', pg_temp.endpoint(1))) ->> 'name',
  'app', '... and changes it'
);
select is(
  (select a.action || ' ' || a.reason from coinslot.operator_actions a order by a.id desc limit 1),
  'endpoint_changed a new name', '... which is noted'
);
select is(pg_temp.add(2, ', types => ''{nonsense}''') -> 'details' ->> 'unknown', '["nonsense"]', 'types are known');
select is(pg_temp.add(2, ', types => ''{}''') ->> 'error', 'invalid_argument', '... and some');
select is(
  pg_temp.as_service(format('select * from coinslot_add_endpoint(%L, ''https://u:p@example.com/'', ''v1.a.b'')', pg_temp.endpoint(3))) ->> 'error',
  'invalid_argument', 'no password in an address'
);
select is(
  pg_temp.as_service(format('select * from coinslot_add_endpoint(%L, ''https://example.com/'', ''whsec_plain'')', pg_temp.endpoint(3))) ->> 'error',
  'invalid_argument', 'a secret comes sealed'
);
select is(
  pg_temp.as_service('select * from coinslot_set_endpoint(gen_random_uuid(), active => true)') ->> 'error',
  'endpoint_not_found', 'one that is not there'
);
select is(
  pg_temp.as_service(format('select * from coinslot_rotate_endpoint(%L, ''v1.new.BBBB'')', pg_temp.endpoint(1))) ->> 'secret_key',
  'new', 'a new secret'
);
select pg_temp.add(2, ', types => ''{wallet.low}''') \g /dev/null

-- ---- what goes out ----

select pg_temp.happens('ann') as e1 \gset
select pg_temp.happens('ann', 'payment.completed') \g /dev/null
select pg_temp.happens('ann') \g /dev/null
select pg_temp.happens('ben') \g /dev/null
select is(pg_temp.claim(), '1:1 1:1 2:1 2:1', 'the first of each wallet, to each that wants it');
select is(
  (select c.job -> 'secrets' from claims c where c.job ->> 'endpoint_id' = pg_temp.endpoint(1)::text limit 1),
  '["v1.new.BBBB", "v1.main.AAAA"]', 'the new secret and the old one'
);
select is(
  (select (c.job ->> 'body')::jsonb - 'timestamp' from claims c where c.job ->> 'event_id' = :'e1' limit 1),
  jsonb_build_object('id', :'e1', 'type', 'wallet.low', 'version', 1, 'livemode', false, 'data',
    jsonb_build_object('n', 1, 'seq', 1, 'user_id', pg_temp.id('ann'))), 'the body'
);
select is(
  (select bool_and(d.attempts = (c.job ->> 'attempt')::integer) from claims c
    inner join coinslot.deliveries d on d.id = (c.job ->> 'id')::bigint), true, 'a claim knows its number'
);
select is(pg_temp.claim(), '', 'what is claimed is nobody else''s');
select is(pg_temp.finish(1, 1, 'delivered'), 'delivered', 'it arrived');
select is(pg_temp.claim(), '1:2', 'then the next goes out');
select is(pg_temp.finish(1, 2, 'failed'), 'pending', 'one that failed');
select ok(
  (select d.next_attempt_at < clock_timestamp() + interval '10 seconds' from coinslot.deliveries d
   where d.endpoint_id = pg_temp.endpoint(1) and d.seq = 2 and d.user_id = pg_temp.id('ann')),
  '... is sent again in seconds'
);
select is(pg_temp.claim(), '', '... waits, and so does what comes after it');
select pg_temp.later() \g /dev/null
select is(pg_temp.claim(), '1:2 1:1 2:1 2:1', 'leases that are over are claimed again');
select is(
  pg_temp.as_service(format('select coinslot_finish_delivery(%s, 1, ''failed'', 599) as r', (
    select d.id from coinslot.deliveries d where d.endpoint_id = pg_temp.endpoint(1) and d.seq = 2
  ))) ->> 'r', 'pending', 'a claim that was lost says nothing of a failure'
);
select is(
  (select concat_ws(' ', d.attempts, d.next_attempt_at > clock_timestamp() + interval '1 minute',
      d.status is distinct from 599)
    from coinslot.deliveries d where d.endpoint_id = pg_temp.endpoint(1) and d.seq = 2),
  '2 t t', '... the lease goes on'
);
select is(
  pg_temp.as_service(format('select coinslot_finish_delivery(%s, 1, ''delivered'') as r', (
    select d.id from coinslot.deliveries d where d.endpoint_id = pg_temp.endpoint(1) and d.seq = 2
  ))) ->> 'r', 'delivered', '... but that it arrived it may say'
);
select is(pg_temp.finish(1, 2, 'failed'), 'delivered', 'which nobody undoes');

-- ---- out of tries ----

select pg_temp.claim() \g /dev/null
update coinslot.deliveries d set attempts = 9 where d.endpoint_id = pg_temp.endpoint(1) and d.seq = 3;
select is(pg_temp.finish(1, 3, 'failed'), 'pending', 'the ninth try');
update coinslot.deliveries d set attempts = 10 where d.endpoint_id = pg_temp.endpoint(1) and d.seq = 3;
select pg_temp.happens('ann') \g /dev/null
select is(pg_temp.finish(1, 3, 'failed'), 'parked', 'the tenth: parked');
select is(pg_temp.claim(), '1:4', '... and the next goes out');
select isnt(
  (select e.failing_since from coinslot.endpoints e where e.id = pg_temp.endpoint(1)), null, 'it is failing'
);
select is(pg_temp.finish(1, 4, 'delivered'), 'delivered', 'until something arrives');
select is(
  (select e.failing_since from coinslot.endpoints e where e.id = pg_temp.endpoint(1)), null, '... then it is not'
);
select is(
  pg_temp.as_service(format('select coinslot_replay_endpoint(%L) as r', pg_temp.endpoint(1))) -> 'r',
  '{"next": null, "deliveries": 1}', 'what is parked is replayed'
);
select is(pg_temp.claim(), '1:3', '... and goes out');
select is(
  pg_temp.as_service(format('select coinslot_replay_endpoint(%L, event_id => %L) as r', pg_temp.endpoint(1), :'e1')) -> 'r' ->> 'deliveries',
  '1', 'so is one that had arrived, by its id'
);
select is(
  pg_temp.as_service(format('select coinslot_replay_endpoint(%L, since => now() - interval ''1 hour'') as r', pg_temp.endpoint(2))) -> 'r' ->> 'deliveries',
  '0', 'all of an hour: what is to be sent anyway is not counted'
);

-- ---- off ----

select is(
  extract(epoch from coinslot.delivery_wait(1)) || ' ' || extract(epoch from coinslot.delivery_wait(9)) || ' '
  || coalesce(coinslot.delivery_wait(10)::text, 'none'), '5.000000 86400.000000 none', 'the schedule'
);
select pg_temp.later() \g /dev/null
select pg_temp.claim() \g /dev/null
select pg_temp.finish(1, 3, 'failed', ', retry_after => 3600') \g /dev/null
select ok(
  (select d.next_attempt_at > clock_timestamp() + interval '59 minutes' from coinslot.deliveries d
    where d.endpoint_id = pg_temp.endpoint(1) and d.seq = 3), 'who asks for time gets it'
);
update coinslot.endpoints e set failing_since = now() - interval '6 days' where e.id = pg_temp.endpoint(1);
select pg_temp.later() \g /dev/null
select pg_temp.claim() \g /dev/null
select is(pg_temp.finish(1, 3, 'failed'), 'parked', 'what has failed for long');
select is(
  (select e.active || ' ' || e.off_reason from coinslot.endpoints e where e.id = pg_temp.endpoint(1)),
  'false failing', '... is switched off'
);
select is(
  (select o.data ->> 'reason' from coinslot.outbox o where o.type = 'endpoint.disabled'), 'failing', '... and told of'
);
select is(
  (select count(*) from coinslot.deliveries d where d.endpoint_id = pg_temp.endpoint(1) and d.state = 'pending'),
  0::bigint, '... with all that was to be sent parked'
);
select pg_temp.happens('ann') \g /dev/null
select is(
  (select count(*) from coinslot.deliveries d where d.endpoint_id = pg_temp.endpoint(1) and d.seq = 5), 0::bigint,
  'one that is off is told nothing'
);
select is(
  pg_temp.as_service(format('select coinslot_test_endpoint(%L) as r', pg_temp.endpoint(1))) ->> 'error',
  'endpoint_off', '... nor tried'
);
-- One that was being sent when it was switched off.
update coinslot.deliveries d set state = 'pending', finished_at = null, next_attempt_at = clock_timestamp()
where d.id = (select max(p.id) from coinslot.deliveries p where p.endpoint_id = pg_temp.endpoint(1) and p.seq is not null);
select is(
  pg_temp.as_service(format('select * from coinslot_set_endpoint(%L, active => true)', pg_temp.endpoint(1))) ->> 'active',
  'true', 'switched on again'
);
select is(pg_temp.claim() ~ '1:', false, '... it begins with what happens then');
select pg_temp.as_service(format('select coinslot_test_endpoint(%L) as r', pg_temp.endpoint(1))) \g /dev/null
select is(pg_temp.claim(), '1:-', 'a test goes out, to it alone');
select is(
  (select pg_temp.as_service(format('select coinslot_finish_delivery(%s, %s, ''gone'', 410) as r', c.job ->> 'id', c.job ->> 'attempt')) ->> 'r'
    from claims c where c.job ->> 'type' = 'endpoint.test'), 'parked', 'one that says it is gone'
);
select is(
  (select e.off_reason from coinslot.endpoints e where e.id = pg_temp.endpoint(1)), 'gone', '... is off at once'
);
select is(
  pg_temp.as_user(pg_temp.id('sam'), format('select * from list_token_deliveries(%L)', pg_temp.endpoint(1))) ->> 'type',
  'endpoint.test', 'the log'
);

-- ---- very many of one wallet ----

-- All that is due is Ann's, and much older than what is looked at in a claim; then comes one of Ben's.
delete from coinslot.deliveries;
delete from coinslot.endpoints;
select pg_temp.add(9) \g /dev/null
select pg_temp.happens('ann') from generate_series(1, 200) \g /dev/null
-- The first one is due last.
update coinslot.deliveries set created_at = now() - interval '1 hour',
  next_attempt_at = now() - interval '1 hour' - seq * interval '1 second';
create function pg_temp.in_turn(times integer) returns bigint
language plpgsql as $$
declare
  v_taken bigint := 0;
  v_job jsonb;
begin
  for n in 1 .. times loop
    delete from claims;
    perform pg_temp.claim(2);
    for v_job in select c.job from claims c loop
      v_taken := v_taken + 1;
      perform pg_temp.as_service(format(
        'select coinslot_finish_delivery(%s, %s, ''delivered'', 200) as r', v_job ->> 'id', v_job ->> 'attempt'
      ));
    end loop;
  end loop;
  return v_taken;
end
$$;
select is(pg_temp.in_turn(10), 10::bigint, 'however many of a wallet are due, each claim takes its next');
select is(
  (select string_agg(d.seq::text, ' ' order by d.finished_at) from coinslot.deliveries d where d.state = 'delivered'),
  (select string_agg(s.seq::text, ' ' order by s.seq) from (
    select d.seq from coinslot.deliveries d order by d.seq limit 10
  ) s),
  '... in its order'
);
select pg_temp.happens('ben') \g /dev/null
select pg_temp.in_turn(20) \g /dev/null
select is(
  (select d.state from coinslot.deliveries d where d.user_id = pg_temp.id('ben')), 'delivered',
  'and others are not kept waiting until all of them are sent'
);

-- ---- what ends while it is under way, and events of others ----

delete from claims;
update coinslot.deliveries set state = 'delivered', finished_at = now() where state = 'pending';
select pg_temp.happens('sam') as early \gset
select pg_temp.claim() \g /dev/null
create function pg_temp.set(more text) returns text
language sql as $$
  select coalesce(a ->> 'active', a ->> 'error' || ' ' || coalesce(a #>> '{details,argument}', '')) from pg_temp.as_service(format(
    'select * from coinslot_set_endpoint(%L%s)', pg_temp.endpoint(9), more
  )) a
$$;
create function pg_temp.replay(event text) returns text
language sql as $$
  select coalesce(a #>> '{r,deliveries}', a ->> 'error') from pg_temp.as_service(format(
    'select coinslot_replay_endpoint(%L, event_id => %L) as r', pg_temp.endpoint(9), event
  )) a
$$;
create function pg_temp.verdict(outcome text) returns text
language sql as $$
  select pg_temp.as_service(format(
    'select coinslot_finish_delivery(%s, %s, %L, 200) as r', c.job ->> 'id', c.job ->> 'attempt', outcome
  )) ->> 'r' from claims c
$$;
select pg_temp.set(', active => false') \g /dev/null
select is(pg_temp.verdict('failed'), 'parked', 'one that is under way when its endpoint is switched off stays parked');
select is(pg_temp.verdict('delivered'), 'delivered', '... unless it arrives');
select pg_temp.set(', active => true, types => ''{payment.completed}''') \g /dev/null
select is(pg_temp.replay(:'early'), '1', 'what an endpoint was told of may be sent again');
select is(pg_temp.replay(:'early'), '0', '... once');
select pg_temp.happens('sam') as other \gset
select is(pg_temp.replay(:'other'), 'invalid_argument', 'an event of another endpoint is none of its');
select is(pg_temp.replay('evt_of_nobody'), 'invalid_argument', '... nor one that there is not');
select is(pg_temp.set(format(', name => %L', repeat('a', 101))), 'invalid_argument name', 'a name is short');

select * from finish();
rollback;
