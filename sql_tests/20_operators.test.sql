-- Operators: who becomes one, whom an address stands for, and that an owner stays.
begin;
\ir helpers/call.sql
select plan(75);

create function pg_temp.add(who text, role text) returns jsonb
language sql as $$
  select pg_temp.as_service(format('select * from coinslot_add_operator(%L, %L)', who, role))
$$;
create function pg_temp.remove(who text) returns jsonb
language sql as $$
  select pg_temp.as_service(format('select * from coinslot_remove_operator(%L)', who))
$$;
create function pg_temp.operators() returns text
language sql as $$
  select coalesce(string_agg(
    format('%s %s', split_part(o.email, '@', 1), o.role) || case when o.active then '' else ' -' end,
    ', ' order by o.role, o.email
  ), '') from unnest(public.coinslot_list_operators()) o
$$;
select pg_temp.sign_up('mina@example.com') as mina, pg_temp.sign_up('alex@example.com') as alex,
  pg_temp.sign_up('claim@example.com', false) as unconfirmed \gset

-- Adding
select is(pg_temp.operators(), '', 'in the beginning nobody is an operator');
select is(
  pg_temp.add(' Mina@Example.com ', 'owner') - 'since',
  jsonb_build_object('user_id', :'mina', 'role', 'owner', 'limits', '{}'::jsonb), 'an address, however it is spelt'
);
select is(pg_temp.add(upper(:'alex'), 'support') ->> 'user_id', :'alex', 'a user id');
select is(pg_temp.operators(), 'mina owner, alex support', 'both are listed');
select o.since as first_since from coinslot.operators o where o.user_id = :'alex' \gset
select is(
  (pg_temp.add(:'alex', 'support') ->> 'since')::timestamptz, :'first_since',
  'adding again changes nothing'
);
select is(
  (pg_temp.add(:'alex', 'finance') ->> 'since')::timestamptz > :'first_since', true,
  'another role takes the place of the first, from now on'
);
select is(pg_temp.operators(), 'alex finance, mina owner', '... and is the only one');

-- Whom an address stands for
insert into auth.users (id, email, email_confirmed_at, is_sso_user) values
(gen_random_uuid(), 'two@example.com', now(), true),
(gen_random_uuid(), 'two@example.com', now(), true);
insert into auth.users (id, email, email_confirmed_at, deleted_at)
values (gen_random_uuid(), 'gone@example.com', now(), now());
select is(pg_temp.refusal(call.answer), 'PT404 user_not_found ' || w.detail, w.what)
from (values
  ('one that nobody has', 'nobody@example.com', '{"users": 0}'),
  ('one that somebody claims and has not confirmed', 'claim@example.com', '{"users": 0}'),
  ('one of a deleted user', 'gone@example.com', '{"users": 0}'),
  ('one that several have', 'two@example.com', '{"users": 2}'),
  ('a part of one', '@example.com', '{"users": 0}'),
  ('a pattern', '%', '{"users": 0}')
) w (what, who, detail)
cross join lateral (
  select pg_temp.add(w.who, 'owner') union all select pg_temp.remove(w.who)
) call (answer);
select is(pg_temp.add(:'unconfirmed', 'support') ->> 'role', 'support',
  'by id it is the user meant');

-- Who may not say so
select is(
  pg_temp.call(r.role, :'alex', s.statement) ->> 'code', '42501', r.role || ': ' || s.statement
) from unnest(array['anon', 'authenticated']) r (role)
cross join (values
  ($$select * from coinslot_add_operator('alex@example.com', 'owner')$$),
  ($$select * from coinslot.add_operator('alex@example.com', 'owner')$$),
  ($$select * from coinslot_remove_operator('mina@example.com')$$),
  ('select * from coinslot_list_operators()'),
  ('select coinslot.require_operator(''finance'')'),
  ($$insert into coinslot.operators (user_id, role) values (auth.uid(), 'owner') returning 1$$),
  ($$update coinslot.operators set role = 'owner' returning 1$$),
  ('delete from coinslot.operators returning 1'),
  ('select count(*) from coinslot.operators')
) s (statement);
select is(
  pg_temp.as_service(s.statement) ->> 'code', '42501', 'not even the service: ' || s.statement
) from (values
  ($$insert into coinslot.operators (user_id, role) values (gen_random_uuid(), 'owner')
     returning 1$$),
  ($$update coinslot.operators set role = 'owner' returning 1$$),
  ('delete from coinslot.operators returning 1'),
  ('select count(*) from coinslot.operators')
) s (statement);
select is(
  pg_temp.as_owner($$insert into coinslot.operators (user_id, role)
    values (gen_random_uuid(), 'admin') returning 1$$) ->> 'code', '23514',
  'there is no other role'
);

-- The last owner stays
create function pg_temp.ban(user_id uuid, until timestamptz) returns void
language sql as $$ update auth.users u set banned_until = ban.until where u.id = ban.user_id $$;
select is(pg_temp.refusal(call.answer), 'PT409 last_owner {}', call.what)
from (values
  ('the last owner is not removed', pg_temp.remove('mina@example.com')),
  ('... and not demoted', pg_temp.add(:'mina', 'finance')),
  ('... not even to read', pg_temp.add(:'mina', 'support'))
) call (what, answer);
select is(pg_temp.add(:'mina', 'owner') ->> 'role', 'owner', 'once more an owner: nothing changes');
select pg_temp.add(:'alex', 'owner') ->> 'role' as alex_role \gset
select pg_temp.ban(:'alex', now() + interval '1 hour') \gset
select is(
  pg_temp.operators(), 'alex owner -, mina owner, claim support', 'a banned owner is not active'
);
select is(
  pg_temp.refusal(pg_temp.remove(:'mina')), 'PT409 last_owner {}', '... and no other owner'
);
select is(pg_temp.remove(:'alex') ->> 'role', 'owner', '... and may be removed');
select pg_temp.add(:'alex', 'owner') ->> 'role' as alex_role \gset
select pg_temp.ban(:'alex', now() - interval '1 second') \gset
select is(pg_temp.add(:'mina', 'support') ->> 'role', 'support',
  'beside a second one, the first goes');
select is(
  pg_temp.refusal(pg_temp.remove('alex@example.com')), 'PT409 last_owner {}',
  '... and the second is the last'
);

-- What was done is kept
create function pg_temp.actions(subject uuid) returns text
language sql as $$
  select string_agg(format('%s %s %s>%s', a.actor, a.action, a.detail ->> 'from_role',
    a.detail ->> 'to_role'), ', ' order by a.id)
  from coinslot.operator_actions a where a.subject = actions.subject::text
$$;
select is(
  pg_temp.actions(:'mina'),
  'service_role operator_added >owner, service_role operator_changed owner>support',
  'who became what is noted, once for each change'
);
select is(
  pg_temp.as_owner(format('select coinslot.add_operator(%L, %L)', :'mina', 'finance')) ? 'error',
  false, 'the owner of the database acts with SQL'
);
select pg_temp.change(format(
  'update coinslot.operators set role = %L where user_id = %L', 'support', :'mina'
)) \gset
select ok(
  pg_temp.actions(:'mina') like '%>support, postgres operator_changed support>finance, '
  'postgres operator_changed finance>support', '... and is noted, by a function or without'
);
select is(
  pg_temp.refusal(pg_temp.as_owner(a.statement)),
  'PT403 append_only {"table": "operator_actions"}', 'not even the owner: ' || a.statement
) from (values ('update coinslot.operator_actions set actor = ''x'' returning 1'),
  ('delete from coinslot.operator_actions returning 1'),
  ('truncate coinslot.operator_actions')) a (statement);

-- Removing
select is(
  pg_temp.remove('mina@example.com') - 'since',
  jsonb_build_object('user_id', :'mina', 'role', 'support', 'limits', '{}'::jsonb),
  'an operator is removed'
);
select is(
  pg_temp.remove('mina@example.com') -> 'user_id', 'null'::jsonb, '... once'
);
select ok(
  pg_temp.actions(:'mina') like '%>support, service_role operator_removed support>',
  '... which is noted once, too'
);
delete from auth.users u where u.id = :'unconfirmed';
select is(
  array(select (o.user_id, o.email, o.role, o.active)::text
        from unnest(public.coinslot_list_operators()) o where not o.active),
  array[format('(%s,,support,f)', :'unconfirmed')], 'who was deleted stays in the list, inactive'
);
select is(pg_temp.remove(:'unconfirmed') ->> 'role', 'support', '... until removed by id');
select is(pg_temp.operators(), 'alex owner', 'one is left');
select is(
  (select count(*) from auth.users u where u.id in (:'mina', :'alex')), 2::bigint,
  'nobody loses their account by that'
);

-- What an owner alone may, called with nothing at all by those who read and refund
select pg_temp.as_service(format('select * from coinslot_add_operator(%L, %L)', pg_temp.sign_up(r || '@example.com'), r))
from unnest(array['support', 'finance']) r \g /dev/null
select is(
  array(
    select distinct pg_temp.refusal(pg_temp.as_user(o.user_id, format('select %I(%s)', c.rpc, (
      select string_agg('null::' || format_type(t.id, null), ', ') from pg_proc p
      cross join unnest(p.proargtypes) t (id) where p.oid = c.rpc::text::regproc
    )))) from coinslot.operators o where o.role in ('support', 'finance')
  ),
  array['PT403 forbidden {"roles": ["owner"]}'], c.rpc || '()'
) from unnest(array[
  'set_token_refill', 'set_token_tiers', 'set_token_promotion', 'set_token_code', 'set_token_seller',
  'add_token_endpoint', 'set_token_endpoint', 'rotate_token_endpoint', 'replay_token_endpoint', 'test_token_endpoint'
]) c (rpc);

select * from finish();
rollback;
