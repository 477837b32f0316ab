-- Operators of each role, and what they read and do. Needs call.sql.

create temporary table staff as
select r.role, pg_temp.sign_up(r.role || '@example.com') as id
from unnest(array['support', 'limited', 'finance', 'owner']) r (role);
grant select on staff to authenticated, service_role;
select pg_temp.as_service(format(
  'select coinslot_add_operator(%L, %L)', s.id,
  case s.role when 'limited' then 'support' else s.role end
)) from staff s \g /dev/null
select pg_temp.as_service(format(
  'select coinslot_add_operator(%L, %L, %L)', s.id, 'support',
  '{"tokens_a_day": 30, "refunds_a_day": {"KRW": 3000}}'
)) from staff s where s.role = 'limited' \g /dev/null

create function pg_temp.staff(role text) returns uuid
language sql as $$ select s.id from staff s where s.role = staff.role $$;
create function pg_temp.get(role text, what text, id text default null) returns jsonb
language sql as $$
  select coalesce(a -> 'n', a) from pg_temp.as_user(
    pg_temp.staff(role), format('select token_console_get(%L, %L) as n', what, id)
  ) a
$$;
create function pg_temp.list(role text, list text, filters jsonb default '{}',
  after text default null, size integer default 50) returns jsonb
language sql as $$
  select coalesce(a -> 'n', a) from pg_temp.as_user(pg_temp.staff(role), format(
    'select token_console_list(%L, %L, %L, %s) as n', list, filters, after, size
  )) a
$$;
create function pg_temp.act(role text, action text, subject text, arguments jsonb default '{}',
  key text default gen_random_uuid()::text, reason text default 'because') returns jsonb
language sql as $$
  select coalesce(a #> '{n,answer}', a -> 'n', a) from pg_temp.as_user(pg_temp.staff(role), format(
    'select token_console_act(%L, %L, %L, %L, %L) as n', action, subject, reason, key, arguments
  )) a
$$;
create function pg_temp.actions(subject text) returns text
language sql as $$
  select string_agg(concat_ws(' ', a.action, a.role, a.reason), ', ' order by a.id)
  from coinslot.operator_actions a where a.subject = actions.subject
$$;
