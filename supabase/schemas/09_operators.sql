-- Operators: the shop's own people, who act on orders that are not theirs.
--
-- Who is one is a row here, read at the moment of the call. Nothing in auth.users makes anybody an
-- operator: apps keep roles of their own in app_metadata, people write user_metadata about
-- themselves, and a JWT keeps what it was signed with.

create function coinslot.operator_roles() returns text[]
language sql immutable parallel safe set search_path = ''
return array['support', 'finance', 'owner'];
comment on function coinslot.operator_roles() is 'The roles, each of which may more than the last.';
revoke all on function coinslot.operator_roles() from public;

create function coinslot.are_limits(given jsonb) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select jsonb_typeof(are_limits.given) = 'object' and not exists (
    select from jsonb_each(
      case jsonb_typeof(are_limits.given) when 'object' then are_limits.given end
    ) e
    cross join lateral jsonb_each(case
      when e.key = 'tokens_a_day' then jsonb_build_object('XXX', e.value)
      when e.key = 'refunds_a_day' and jsonb_typeof(e.value) = 'object' then e.value
      else '{"": null}' end
    ) l
    where l.key !~ '^[A-Z]{3}$' or case jsonb_typeof(l.value)
      when 'number' then l.value::numeric not between 0 and 9007199254740991
        or l.value::numeric <> trunc(l.value::numeric)
      else true end
  )
$$;
comment on function coinslot.are_limits(jsonb) is
'True for {tokens_a_day, refunds_a_day: {currency: minor units}}, or a part of it.';
revoke all on function coinslot.are_limits(jsonb) from public;

-- Without a foreign key: Auth deletes users, and never waits for this table, nor for a lock on it.
-- The row of a deleted user gives nobody anything.
create table coinslot.operators (
  user_id uuid not null,
  role text not null,
  since timestamptz not null default clock_timestamp(),
  limits jsonb not null default '{}',
  constraint operators_pkey primary key (user_id),
  constraint operators_role_known check (role = any(coinslot.operator_roles())),
  constraint operators_limits_known check (coinslot.are_limits(limits))
);
comment on table coinslot.operators is 'Who may act on what is not theirs, and how far.';
comment on column coinslot.operators.role is
'support reads, and does what limits allow. finance refunds, too. owner does everything, and one
always stays.';
comment on column coinslot.operators.limits is
'{tokens_a_day, refunds_a_day: {currency: minor units}}, in 24 hours. Where there is none support
may do nothing of it, and the others without limit.';
comment on column coinslot.operators.since is 'When they got this role.';
alter table coinslot.operators enable row level security;
revoke all on table coinslot.operators from anon, authenticated, service_role;
create policy "Nobody reads operators through the API" on coinslot.operators
for select to anon, authenticated using (false);

create function coinslot.own_role() returns text
language sql stable security definer set search_path = '' as $$
  select o.role from coinslot.operators o where o.user_id = auth.uid()
$$;
comment on function coinslot.own_role() is 'The role of the signed-in operator; null = none.';
revoke all on function coinslot.own_role() from public;

-- What operators do, and what is done about them, is kept for good. The actor is the user whose JWT
-- a call had, or else the database role: the service's of a command, the owner's of SQL.
create table coinslot.operator_actions (
  id bigint generated always as identity,
  at timestamptz not null default clock_timestamp(),
  actor text not null default coalesce(
    auth.uid()::text, nullif(current_setting('role'), 'none'), session_user
  ),
  action text not null,
  subject text not null,
  reason text not null default '',
  detail jsonb not null default '{}',
  role text default coinslot.own_role(),
  constraint operator_actions_pkey primary key (id),
  constraint operator_actions_action_named check (action ~ '^[a-z][a-z_]*$'),
  constraint operator_actions_reason_short check (length(reason) <= 500)
);
comment on table coinslot.operator_actions is 'What was done by whom, append-only.';
comment on column coinslot.operator_actions.actor is 'A user''s id, or a database role.';
comment on column coinslot.operator_actions.subject is 'Id of what it was done to.';
comment on column coinslot.operator_actions.role is 'That the actor had then; null = no operator.';
create index operator_actions_subject on coinslot.operator_actions (subject, id);
create index operator_actions_actor on coinslot.operator_actions (actor, id);
alter table coinslot.operator_actions enable row level security;
revoke all on table coinslot.operator_actions from anon, authenticated, service_role;
create policy "Nobody reads actions through the API" on coinslot.operator_actions
for select to anon, authenticated using (false);

create trigger operator_actions_append_only before update or delete or truncate
on coinslot.operator_actions
for each statement execute function coinslot.refuse_change();

-- By trigger, so that a statement of SQL is noted like a command. An operator's own change has its
-- reason in a setting of its transaction.
create function coinslot.note_operator() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  insert into coinslot.operator_actions (action, subject, reason, detail) values (
    case tg_op when 'INSERT' then 'operator_added' when 'DELETE' then 'operator_removed'
      else 'operator_changed' end,
    coalesce(new.user_id, old.user_id),
    left(coalesce(current_setting('coinslot.reason', true), ''), 500),
    jsonb_build_object('from_role', old.role, 'to_role', new.role) || jsonb_strip_nulls(
      jsonb_build_object(
        'from_limits', nullif(old.limits, '{}'), 'to_limits', nullif(new.limits, '{}')
      )
    )
  );
  return null;
end
$$;
comment on function coinslot.note_operator() is
'Trigger on operators: notes who became or is no longer one.';
revoke all on function coinslot.note_operator() from public;

create trigger operators_noted after insert or update or delete on coinslot.operators
for each row execute function coinslot.note_operator();

create function coinslot.may_act(account auth.users) returns boolean
language sql stable set search_path = '' as $$
  select account.deleted_at is null
    and (account.banned_until is null or account.banned_until <= clock_timestamp())
$$;
comment on function coinslot.may_act(auth.users) is 'False for the deleted and for the banned.';
revoke all on function coinslot.may_act(auth.users) from public;

-- The one place that decides it. The roles stand in the detail of a refusal, so that whoever is
-- refused knows whom to ask.
create function coinslot.require_operator(variadic roles text[]) returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
begin
  if not exists (
    select from coinslot.operators o
    inner join auth.users u on u.id = o.user_id
    where o.user_id = v_user_id and o.role = any(require_operator.roles) and coinslot.may_act(u)
  ) then
    perform coinslot.fail('forbidden', jsonb_build_object('roles', require_operator.roles));
  end if;
  return v_user_id;
end
$$;
comment on function coinslot.require_operator(text[]) is
'The signed-in operator, who has one of these roles; or PT401, PT403.';
revoke all on function coinslot.require_operator(text[]) from public;

-- An address counts only once it is confirmed: anybody may sign up with somebody else's. Users who
-- come through SSO may share one.
create function coinslot.user_named(who text) returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_who text := lower(btrim(user_named.who));
  v_ids uuid[];
begin
  v_ids := array(
    select u.id from auth.users u
    where u.deleted_at is null and (
      u.id::text = v_who
      or lower(u.email) = v_who and u.email_confirmed_at is not null and not u.is_anonymous
    )
  );
  if cardinality(v_ids) <> 1 then
    perform coinslot.fail('user_not_found', jsonb_build_object('users', cardinality(v_ids)));
  end if;
  return v_ids[1];
end
$$;
comment on function coinslot.user_named(text) is
'The user of this id or of this confirmed e-mail; PT404 unless it is exactly one.';
revoke all on function coinslot.user_named(text) from public;

-- Owners are removed one at a time, so that two who remove each other at the same moment leave one.
-- A lock on rows would miss the row that is just being made an owner's. Calls of operators only
-- read, and wait for nothing here. The row lock is for a transaction whose snapshot is older than
-- its turn: an owner who was removed meanwhile is an error there.
create function coinslot.keep_an_owner(but_for uuid) returns void
language plpgsql volatile set search_path = '' as $$
begin
  lock table coinslot.operators in share row exclusive mode;
  if not exists (
    select from coinslot.operators o
    where o.user_id = keep_an_owner.but_for and o.role = 'owner'
  ) then
    return;
  end if;
  perform from coinslot.operators o
  inner join auth.users u on u.id = o.user_id
  where o.user_id <> keep_an_owner.but_for and o.role = 'owner' and coinslot.may_act(u)
  for update of o;
  if not found then
    perform coinslot.fail('last_owner');
  end if;
end
$$;
comment on function coinslot.keep_an_owner(uuid) is
'Locks the operators; PT409 if this is an owner and no other one can act.';
revoke all on function coinslot.keep_an_owner(uuid) from public;

-- Limits that are not given stay.
create function coinslot.add_operator(who text, role text, limits jsonb default null)
returns coinslot.operators
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid;
  v_operator coinslot.operators;
begin
  if add_operator.role = any(coinslot.operator_roles()) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "role", "example": "owner"}');
  elsif not coinslot.are_limits(coalesce(add_operator.limits, '{}')) then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'limits',
      'example', '{"tokens_a_day": 100, "refunds_a_day": {"KRW": 50000}}'::jsonb
    ));
  end if;
  v_user_id := coinslot.user_named(add_operator.who);
  if add_operator.role <> 'owner' then
    perform coinslot.keep_an_owner(v_user_id);
  end if;
  insert into coinslot.operators as o (user_id, role, limits)
  values (v_user_id, add_operator.role, coalesce(add_operator.limits, '{}'))
  on conflict (user_id) do update set role = excluded.role,
    since = case when o.role = excluded.role then o.since else excluded.since end,
    limits = coalesce(add_operator.limits, o.limits)
  where o.role <> excluded.role or o.limits <> add_operator.limits;
  select o.* into v_operator from coinslot.operators o where o.user_id = v_user_id;
  return v_operator;
end
$$;
comment on function coinslot.add_operator(text, text, jsonb) is 'See public.coinslot_add_operator.';
revoke all on function coinslot.add_operator(text, text, jsonb) from public;
grant execute on function coinslot.add_operator(text, text, jsonb) to service_role;

create function public.coinslot_add_operator(who text, role text, limits jsonb default null)
returns coinslot.operators
language sql volatile set search_path = '' as $$
  select coinslot.add_operator(
    coinslot_add_operator.who, coinslot_add_operator.role, coinslot_add_operator.limits
  )
$$;
comment on function public.coinslot_add_operator(text, text, jsonb) is
'Service: gives a user, named by id or by confirmed e-mail, the role support, finance or owner, and
limits: {tokens_a_day, refunds_a_day: {currency: minor units}}. Limits that are not given stay.';
revoke all on function public.coinslot_add_operator(text, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_add_operator(text, text, jsonb) to service_role;

-- By id also somebody whom Auth has deleted.
create function coinslot.remove_operator(who text) returns coinslot.operators
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := (
    select o.user_id from coinslot.operators o
    where o.user_id::text = lower(btrim(remove_operator.who))
  );
  v_operator coinslot.operators;
begin
  v_user_id := coalesce(v_user_id, coinslot.user_named(remove_operator.who));
  perform coinslot.keep_an_owner(v_user_id);
  delete from coinslot.operators o where o.user_id = v_user_id returning o.* into v_operator;
  return v_operator;
end
$$;
comment on function coinslot.remove_operator(text) is 'See public.coinslot_remove_operator.';
revoke all on function coinslot.remove_operator(text) from public;
grant execute on function coinslot.remove_operator(text) to service_role;

create function public.coinslot_remove_operator(who text) returns coinslot.operators
language sql volatile set search_path = '' as $$
  select coinslot.remove_operator(coinslot_remove_operator.who)
$$;
comment on function public.coinslot_remove_operator(text) is
'Service: makes an operator, named by id or by confirmed e-mail, a user like any other.';
revoke all on function public.coinslot_remove_operator(text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_remove_operator(text) to service_role;

create type public.coinslot_operator_account as (
  user_id uuid,
  email text,
  role text,
  since timestamptz,
  active boolean,
  limits jsonb
);
comment on type public.coinslot_operator_account is
'An operator and their account. Not active: deleted or banned, so that every call is refused.';
revoke all on type public.coinslot_operator_account from public;

create function coinslot.list_operators() returns setof public.coinslot_operator_account
language sql stable security definer set search_path = '' as $$
  select o.user_id, u.email, o.role, o.since, u.id is not null and coinslot.may_act(u), o.limits
  from coinslot.operators o
  left join auth.users u on u.id = o.user_id
  order by o.since, o.user_id
$$;
comment on function coinslot.list_operators() is 'See public.coinslot_list_operators.';
revoke all on function coinslot.list_operators() from public;
grant execute on function coinslot.list_operators() to service_role;

create function public.coinslot_list_operators() returns public.coinslot_operator_account[]
language sql stable set search_path = '' as $$
  select array(select o from coinslot.list_operators() o)
$$;
comment on function public.coinslot_list_operators() is 'Service: the operators, oldest first.';
revoke all on function public.coinslot_list_operators()
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_operators() to service_role;
