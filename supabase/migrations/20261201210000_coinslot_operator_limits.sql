-- Operators have limits, and lists of what they look after.
--
-- Two indexes are of all payments. Who has millions makes them before, under the same names, with
-- `create index concurrently`: they are not made again here.

do $$
declare
  v_functions constant text[] := array[
    'token_console_act', 'token_console_export', 'token_console_get', 'token_console_list',
    'token_console_report', 'token_console_search'
  ];
begin
  perform coinslot.refuse_problems('Coinslot cannot be upgraded yet', array(
    select format('function public.%s(%s): the name is Coinslot''s. Rename yours.', p.proname,
      pg_catalog.pg_get_function_identity_arguments(p.oid))
    from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname = any(v_functions)
  ));
end
$$;

select coinslot.lock_for_upgrade(array[
  'public.token_payments', 'coinslot.refunds', 'coinslot.discrepancies', 'coinslot.operators',
  'coinslot.operator_actions', 'coinslot.errors'
]::regclass[]);

insert into coinslot.errors (message, sqlstate, hint) values
('limit_reached', 'PT403', 'Ask somebody with a higher limit; the detail says what is left.'),
('unknown_id', 'PT404', 'Check the id; the detail says of what.'),
('changed_meanwhile', 'PT409', 'Read it again: somebody has dealt with it since.');

create index if not exists token_payments_newest
on public.token_payments (created_at desc, id desc);
create index if not exists token_payments_remarkable
on public.token_payments (created_at desc, id desc)
where status in (
  'awaiting_deposit', 'review', 'partially_refunded', 'refunded', 'disputed', 'charged_back'
);
create index token_payments_disputed on public.token_payments (created_at)
where status = 'disputed';
create index discrepancies_unresolved on coinslot.discrepancies (id) where resolved_at is null;
create index refunds_newest on coinslot.refunds (created_at desc, id desc);
create index refunds_requested_by on coinslot.refunds (requested_by, created_at)
where requested_by is not null;

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

create function coinslot.own_role() returns text
language sql stable security definer set search_path = '' as $$
  select o.role from coinslot.operators o where o.user_id = auth.uid()
$$;
comment on function coinslot.own_role() is 'The role of the signed-in operator; null = none.';
revoke all on function coinslot.own_role() from public;

alter table coinslot.operators add column limits jsonb not null default '{}';
alter table coinslot.operators add constraint operators_limits_known
check (coinslot.are_limits(limits));
comment on column coinslot.operators.role is
'support reads, and does what limits allow. finance refunds, too. owner does everything, and one
always stays.';
comment on column coinslot.operators.limits is
'{tokens_a_day, refunds_a_day: {currency: minor units}}, in 24 hours. Where there is none support
may do nothing of it, and the others without limit.';

-- The default of what is there already is null, and it stays so.
alter table coinslot.operator_actions add column role text;
alter table coinslot.operator_actions alter column role set default coinslot.own_role();
comment on column coinslot.operator_actions.role is 'That the actor had then; null = no operator.';
create index operator_actions_subject on coinslot.operator_actions (subject, id);
create index operator_actions_actor on coinslot.operator_actions (actor, id);

create or replace function coinslot.note_operator() returns trigger
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

drop function public.coinslot_add_operator(text, text);
drop function coinslot.add_operator(text, text);

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

alter type public.coinslot_operator_account add attribute limits jsonb;

create or replace function coinslot.list_operators() returns setof public.coinslot_operator_account
language sql stable security definer set search_path = '' as $$
  select o.user_id, u.email, o.role, o.since, u.id is not null and coinslot.may_act(u), o.limits
  from coinslot.operators o
  left join auth.users u on u.id = o.user_id
  order by o.since, o.user_id
$$;

create function coinslot.make_webhooks_due(ids bigint[]) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_count bigint;
begin
  with matching as materialized (
    select w.id from coinslot.webhooks w
    where w.id = any (make_webhooks_due.ids) order by w.id for update
  )
  update coinslot.webhooks w set
    outcome = 'received', attempts = 0, finished_at = null, waiting_since = clock_timestamp(),
    next_attempt_at = clock_timestamp()
  from matching m where w.id = m.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function coinslot.make_webhooks_due(bigint[]) is
'Has webhooks read for again, as if they had just come; how many.';
revoke all on function coinslot.make_webhooks_due(bigint[]) from public;

create or replace function coinslot.replay_webhooks(gateway text, outcome text, order_id text)
returns bigint
language sql volatile security definer set search_path = '' as $$
  select coinslot.make_webhooks_due(array(
    select w.id from coinslot.webhooks w
    where (replay_webhooks.gateway is null or w.gateway = replay_webhooks.gateway)
      and (replay_webhooks.outcome is null or w.outcome = replay_webhooks.outcome)
      and (replay_webhooks.order_id is null or w.order_id = replay_webhooks.order_id)
  ))
$$;

notify pgrst, 'reload schema';
