-- Secrets that servers have sealed: listed by their key, and replaced only as they were read.
begin;
\ir helpers/call.sql
select no_plan();

select pg_temp.sign_up('ann@example.com') as ann \gset
create function pg_temp.add(url text, secret text) returns uuid
language sql as $$
  select (pg_temp.as_service(format(
    'select id from coinslot_add_endpoint(%L, %L, %L)', gen_random_uuid(), add.url, add.secret
  )) ->> 'id')::uuid
$$;
create function pg_temp.sealed_with_others(key_id text, after text default null) returns text
language sql as $$
  select concat_ws(' ', r ->> 'left', (
    select string_agg((i ->> 'place') || ':' || (i ->> 'sealed'), ' ' order by i ->> 'place', i ->> 'sealed')
    from jsonb_array_elements(r -> 'items') i
  )) from pg_temp.as_service(format(
    'select coinslot_list_sealed(%L, %L) as r', key_id, after
  )) a (a), lateral (select a -> 'r') b (r)
$$;
create function pg_temp.reseal(place text, owner uuid, before text, sealed text) returns text
language sql as $$
  select coalesce(a ->> 'n', a ->> 'error') from pg_temp.as_service(format(
    'select coinslot_reseal(%L) as n', jsonb_build_array(jsonb_build_object(
      'place', place, 'owner', owner, 'before', before, 'sealed', sealed
    ))
  )) a
$$;

select is(pg_temp.sealed_with_others('new'), '0', 'nothing is sealed at first');
select pg_temp.add('https://a.example.com', 'v1.old.AAAA') as one \gset
select pg_temp.add('https://b.example.com', 'v1.new.BBBB') as two \gset
select pg_temp.change(format(
  'insert into coinslot.billing_keys (user_id, gateway, live, status, sealed) values (%L, ''portone'', false, ''active'', ''v1.old.CCCC'') returning id', :'ann'
)) \g /dev/null
select k.id as method from coinslot.billing_keys k \gset
select is(pg_temp.sealed_with_others('new'), '2 billing_key:v1.old.CCCC endpoint:v1.old.AAAA', 'what another key has sealed is listed');
select is(
  pg_temp.sealed_with_others('new', jsonb_build_object('place', 'billing_key', 'owner', :'method')::text),
  '2 endpoint:v1.old.AAAA', '... from one on'
);
select is(pg_temp.reseal('endpoint', :'one', 'v1.old.ZZZZ', 'v1.new.DDDD'), '0', 'what has changed meanwhile stays');
select is(pg_temp.reseal('endpoint', :'one', 'v1.old.AAAA', 'plain'), 'invalid_argument', 'what is not sealed is refused');
select is(pg_temp.reseal('wallet', :'one', 'v1.old.AAAA', 'v1.new.DDDD'), 'invalid_argument', '... and any other place');
select is(pg_temp.reseal('endpoint', :'one', 'v1.old.AAAA', 'v1.new.DDDD'), '1', 'as it was read it is replaced');
select is(pg_temp.reseal('endpoint', :'one', 'v1.old.AAAA', 'v1.new.EEEE'), '0', '... once');
select is(pg_temp.reseal('billing_key', :'method', 'v1.old.CCCC', 'v1.new.FFFF'), '1', 'a stored method, too');
select is(pg_temp.sealed_with_others('new'), '0', 'so that none is left');

-- The old secret of one that was rotated signs until its time is over.
select pg_temp.as_service(format('select * from coinslot_rotate_endpoint(%L, ''v1.newer.GGGG'', 3600)', :'two')) \g /dev/null
select is(pg_temp.sealed_with_others('newer'), '3 billing_key:v1.new.FFFF endpoint:v1.new.DDDD endpoint_old:v1.new.BBBB', 'an old secret is sealed, too');
select is(pg_temp.reseal('endpoint_old', :'two', 'v1.new.BBBB', 'v1.newer.HHHH'), '1', '... and replaced');
select is((select e.secret || ' ' || e.old_secret from coinslot.endpoints e where e.id = :'two'), 'v1.newer.GGGG v1.newer.HHHH', '... alone');
select pg_temp.change($$update coinslot.endpoints set old_secret_until = clock_timestamp() where old_secret is not null$$) \g /dev/null
select is(pg_temp.sealed_with_others('other'), '3 billing_key:v1.new.FFFF endpoint:v1.new.DDDD endpoint:v1.newer.GGGG', '... until nothing is signed with it');

select * from finish();
rollback;
