-- Calls of operators: who may do what, once per idempotency key, with a reason.
--
-- Every action of the console is one call of token_console_act(). The role is read at the call, and
-- kept from being changed until the call has committed: whoever takes a role away knows, when that
-- is done, that nothing more is done with it. What an action did is a row of operator_actions in
-- the same transaction; its answer is kept here, so that a call which is made again gets it again.

create function coinslot.roles_for(action text) returns text[]
language sql immutable parallel safe set search_path = ''
return case
  when action in ('note_order', 'note_customer', 'recheck_order', 'cancel_subscription')
    then array['support', 'finance', 'owner']
  when action = 'reveal_customer' then array['support', 'owner']
  when action = any(array[
    'refund_order', 'force_refund', 'accept_refund', 'close_refund', 'grant_tokens', 'take_tokens',
    'resolve_case', 'replay_webhook', 'replay_webhooks', 'void_orders', 'export', 'start_export',
    'remove_export', 'retry_cash_receipt', 'cancel_cash_receipt'
  ]) then array['finance', 'owner']
  when action = any(array[
    'set_product', 'remove_product', 'set_promotion', 'set_code', 'make_codes', 'set_operator',
    'remove_operator', 'set_endpoint', 'test_endpoint', 'replay_endpoint', 'set_settings',
    'set_seller', 'set_unattended', 'plan_price', 'unplan_price'
  ]) then array['owner']
end;
comment on function coinslot.roles_for(text) is
'The roles that may do it; null = there is no such action.';
revoke all on function coinslot.roles_for(text) from public;

-- Support refunds and gives where somebody has set a limit for it.
create function coinslot.may_do(operator coinslot.operators, action text) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(
    operator.role = any(coinslot.roles_for(may_do.action))
    or operator.role = 'support' and case may_do.action
      when 'refund_order' then operator.limits ? 'refunds_a_day'
      when 'grant_tokens' then operator.limits ? 'tokens_a_day'
    end, false
  )
$$;
comment on function coinslot.may_do(coinslot.operators, text) is
'True if an operator may do it, by their role and their limits.';
revoke all on function coinslot.may_do(coinslot.operators, text) from public;

create table coinslot.operator_calls (
  user_id uuid not null,
  idempotency_key text collate "C" not null,
  request jsonb not null,
  answer jsonb not null,
  at timestamptz not null default clock_timestamp(),
  constraint operator_calls_pkey primary key (user_id, idempotency_key)
);
comment on table coinslot.operator_calls is 'Actions that were called for, and what was answered.';
comment on column coinslot.operator_calls.user_id is 'The operator, who chose the key.';
alter table coinslot.operator_calls enable row level security;
revoke all on table coinslot.operator_calls from anon, authenticated, service_role;
create policy "Nobody reads calls through the API" on coinslot.operator_calls
for select to anon, authenticated using (false);
create trigger operator_calls_append_only before update or delete or truncate
on coinslot.operator_calls
for each statement execute function coinslot.refuse_change();

-- The operator who is about to do it. Their calls take turns, so that a limit is not passed by two
-- at once; the lock is the first that a call takes. The row is locked against whoever changes it: a
-- role that is taken away meanwhile is waited for, and is gone.
create function coinslot.acting_operator(action text) returns coinslot.operators
language plpgsql volatile set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_operator coinslot.operators;
begin
  perform pg_advisory_xact_lock(hashtextextended('coinslot.operator ' || v_user_id, 0));
  select o.* into v_operator
  from coinslot.operators o inner join auth.users u on u.id = o.user_id
  where o.user_id = v_user_id and coinslot.may_do(o, acting_operator.action)
    and coinslot.may_act(u)
  for share of o;
  if not found then
    perform coinslot.fail(
      'forbidden', jsonb_build_object('roles', coinslot.roles_for(acting_operator.action))
    );
  end if;
  return v_operator;
end
$$;
comment on function coinslot.acting_operator(text) is
'The signed-in operator, who may do it until the end of the transaction; or PT401, PT403.';
revoke all on function coinslot.acting_operator(text) from public;

-- For what only reads: without a lock.
create function coinslot.reading_operator() returns coinslot.operators
language sql stable set search_path = '' as $$
  select o.* from coinslot.operators o
  where o.user_id = coinslot.require_operator(variadic coinslot.operator_roles())
$$;
comment on function coinslot.reading_operator() is 'The signed-in operator, or PT401, PT403.';
revoke all on function coinslot.reading_operator() from public;

-- What is left of a limit; null = there is none. Support has none by default, which is nothing.
create function coinslot.limit_of(operator coinslot.operators, currency text) returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(
    case when limit_of.currency is null then (operator.limits ->> 'tokens_a_day')::bigint
      else (operator.limits #>> array['refunds_a_day', limit_of.currency])::bigint end,
    case when operator.role = 'support' or (
      limit_of.currency is not null and operator.limits ? 'refunds_a_day'
    ) then 0 end
  )
$$;
comment on function coinslot.limit_of(coinslot.operators, text) is
'Tokens they may give in a day, or minor units of a currency they may refund; null = any.';
revoke all on function coinslot.limit_of(coinslot.operators, text) from public;

-- Actions are numbered as they come: what is an hour older than the day has a smaller number.
create function coinslot.left_to(operator coinslot.operators, currency text) returns bigint
language sql stable set search_path = '' as $$
  select greatest(0, l.most - case when left_to.currency is null then (
    select coalesce(sum((a.detail ->> 'tokens')::bigint), 0)
    from coinslot.operator_actions a
    where a.actor = operator.user_id::text and a.action = 'tokens_granted'
      and a.at > clock_timestamp() - interval '1 day' and a.id > coalesce((
        select max(b.id) from coinslot.operator_actions b
        where b.at < clock_timestamp() - interval '25 hours'
      ), 0)
  ) else (
    select coalesce(sum(r.amount), 0) from coinslot.refunds r
    where r.requested_by = operator.user_id and r.currency = left_to.currency
      and r.status <> 'failed' and r.created_at > clock_timestamp() - interval '1 day'
  ) end)::bigint
  from coinslot.limit_of(operator, left_to.currency) l (most)
  where l.most is not null
$$;
comment on function coinslot.left_to(coinslot.operators, text) is
'What is left of limit_of() for the next 24 hours; null = any.';
revoke all on function coinslot.left_to(coinslot.operators, text) from public;

-- Called after it was done, in whose transaction nothing is left of what was too much.
create function coinslot.check_limit(
  operator coinslot.operators, currency text, before bigint, amount bigint
) returns void
language plpgsql stable set search_path = '' as $$
begin
  if check_limit.before < check_limit.amount then
    perform coinslot.fail('limit_reached', jsonb_strip_nulls(jsonb_build_object(
      'limit', coinslot.limit_of(operator, check_limit.currency), 'left', check_limit.before,
      'currency', check_limit.currency
    )));
  end if;
end
$$;
comment on function coinslot.check_limit(coinslot.operators, text, bigint, bigint) is
'PT403 if it is more than was left of the operator''s limit.';
revoke all on function coinslot.check_limit(coinslot.operators, text, bigint, bigint) from public;

-- Which part of an address an operator sees. The owner sees all; whoever else needs to know asks
-- for it by reveal_customer, which is noted.
create function coinslot.shown_email(email text, operator coinslot.operators) returns text
language sql immutable parallel safe set search_path = '' as $$
  select case when operator.role = 'owner' or shown_email.email is null then shown_email.email
    else left(shown_email.email, 1) || '***'
      || substr(shown_email.email, strpos(shown_email.email, '@')) end
$$;
comment on function coinslot.shown_email(text, coinslot.operators) is
'The address, or m***@example.com.';
revoke all on function coinslot.shown_email(text, coinslot.operators) from public;

-- By id, which an index has: an actor may be a database role, too.
create function coinslot.actor_name(actor text) returns text
language sql stable set search_path = '' as $$
  select coalesce((
    select u.email from auth.users u
    where u.id = case
      when actor_name.actor ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      then actor_name.actor::uuid end
  ), actor_name.actor)
$$;
comment on function coinslot.actor_name(text) is 'The address of an operator, or who else acted.';
revoke all on function coinslot.actor_name(text) from public;

-- Filters are scalars by name, or lists of texts; one that is not known would be taken for a filter
-- that found everything.
create function coinslot.check_filters(filters jsonb, known text[]) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_argument text;
begin
  if jsonb_typeof(check_filters.filters) <> 'object' then
    perform coinslot.fail('invalid_argument', '{"argument": "filters"}');
  end if;
  select min(e.key) into v_argument from jsonb_each(check_filters.filters) e
  where e.key <> all (check_filters.known) or length(e.value::text) > 500
    or case e.key
      when 'status' then jsonb_typeof(e.value) <> 'array'
      when 'live' then jsonb_typeof(e.value) <> 'boolean'
      else jsonb_typeof(e.value) <> 'string' end
    or e.key in ('since', 'until') and coinslot.parse_time(e.value #>> '{}') is null
    or e.key = 'user' and e.value #>> '{}' !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', left(v_argument, 100), 'known', check_filters.known
    ));
  end if;
end
$$;
comment on function coinslot.check_filters(jsonb, text[]) is
'PT400 for filters that a list does not have, or that nothing can be compared with.';
revoke all on function coinslot.check_filters(jsonb, text[]) from public;

-- A cursor says where a page ended, and nothing else: what may be read is decided at each call.
create function coinslot.cursor_of(at timestamptz, id text) returns text
language sql stable parallel safe set search_path = '' as $$
  select (extract(epoch from cursor_of.at) * 1000000)::bigint || '_' || cursor_of.id
$$;
comment on function coinslot.cursor_of(timestamptz, text) is
'Where a page of what is ordered by time and id ended.';
revoke all on function coinslot.cursor_of(timestamptz, text) from public;

create function coinslot.read_cursor(after text, out at timestamptz, out id uuid)
language plpgsql stable set search_path = '' as $$
begin
  if read_cursor.after !~ '^-?[0-9]{1,17}_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    perform coinslot.fail('invalid_argument', '{"argument": "after"}');
  end if;
  at := coalesce(
    timestamptz 'epoch' + split_part(after, '_', 1)::bigint * interval '1 microsecond', 'infinity'
  );
  id := coalesce(nullif(split_part(after, '_', 2), ''), 'ffffffff-ffff-ffff-ffff-ffffffffffff')::uuid;
end
$$;
comment on function coinslot.read_cursor(text) is
'The place of a cursor; of none the beginning, which is the newest.';
revoke all on function coinslot.read_cursor(text) from public;

-- A page before `until` begins there, and not at the newest: a scan that is told both reads all
-- that is in between.
create function coinslot.walk_from(after text, until text, out at timestamptz, out id uuid)
language plpgsql stable set search_path = '' as $$
begin
  select c.at, c.id into at, id from coinslot.read_cursor(walk_from.after) c;
  if walk_from.until::timestamptz <= at then
    at := walk_from.until::timestamptz;
    id := '00000000-0000-0000-0000-000000000000'::uuid;
  end if;
end
$$;
comment on function coinslot.walk_from(text, text) is
'The place that a page comes after: its cursor''s, or the end of the time that is asked for.';
revoke all on function coinslot.walk_from(text, text) from public;

create function coinslot.read_number(after text) returns bigint
language plpgsql immutable set search_path = '' as $$
begin
  if read_number.after !~ '^[0-9]{1,15}$' then
    perform coinslot.fail('invalid_argument', '{"argument": "after"}');
  end if;
  return coalesce(read_number.after::bigint, coinslot.max_amount());
end
$$;
comment on function coinslot.read_number(text) is
'The place of a cursor that is a number; of none the beginning.';
revoke all on function coinslot.read_number(text) from public;

-- One row more than a page was read, which tells whether there is another. Where a walk ended
-- before it had found a page, `walked_to` is where it goes on.
create function coinslot.page_of(items jsonb, page_size integer, walked_to text default null)
returns jsonb
language sql immutable parallel safe set search_path = '' as $$
  select case when jsonb_array_length(page_of.items) > page_of.page_size then jsonb_build_object(
    'items', page_of.items - page_of.page_size,
    'next', page_of.items -> (page_of.page_size - 1) -> 'cursor'
  ) else jsonb_build_object(
    'items', coalesce(page_of.items, '[]'), 'next', to_jsonb(page_of.walked_to)
  ) end
$$;
comment on function coinslot.page_of(jsonb, integer, text) is
'{items, next}: a page of a list, and what the next one comes after; null = there is none.';
revoke all on function coinslot.page_of(jsonb, integer, text) from public;
