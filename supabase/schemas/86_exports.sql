-- Exports: whole lists as files, however long, page by page.
--
-- An export is what was asked for and up to when; the file is nowhere. Each page is read when it is
-- asked for, after the cursor of the page before, as the lists are: so an export costs no storage,
-- leaves no second copy of what is personal, needs no server beside the database, and goes on where
-- it stopped, wherever. No row is in it twice, and none that was there before is missed: what it is
-- ordered by never changes, and what is younger than the request is not in it. A row is as it was
-- when its page was read.

create table coinslot.exports (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  list text not null,
  filters jsonb not null,
  format text not null,
  oldest timestamptz not null,
  until timestamptz not null,
  started_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null default clock_timestamp() + interval '1 day',
  constraint exports_pkey primary key (id),
  constraint exports_format_known check (format in ('csv', 'jsonl'))
);
comment on table coinslot.exports is 'Lists that operators are taking out, until they expire.';
comment on column coinslot.exports.user_id is 'The operator, who alone reads its pages.';
comment on column coinslot.exports.oldest is 'No row is from before.';
comment on column coinslot.exports.until is 'Rows made before are in it.';
create index exports_user_id on coinslot.exports (user_id);
create index exports_expires_at on coinslot.exports (expires_at);
alter table coinslot.exports enable row level security;
revoke all on table coinslot.exports from anon, authenticated, service_role;
create policy "Nobody reads exports through the API" on coinslot.exports
for select to anon, authenticated using (false);

create function coinslot.max_exports() returns integer
language sql immutable parallel safe set search_path = ''
return 5;
comment on function coinslot.max_exports() is 'Exports that an operator has at a time, at most.';
revoke all on function coinslot.max_exports() from public;

-- Who orders now has begun a moment ago: what is not yet committed has that long.
create function coinslot.export_margin() returns interval
language sql immutable parallel safe set search_path = ''
return interval '1 minute';
comment on function coinslot.export_margin() is 'Age of the youngest rows of an export.';
revoke all on function coinslot.export_margin() from public;

create function coinslot.export_columns(list text) returns text[]
language sql immutable parallel safe set search_path = '' as $$
  select string_to_array(case export_columns.list
    when 'orders' then 'order_id created_at confirmed_at status live gateway method product_id '
      'name name_ko quantity tokens currency amount paid refunded withdrawn disputed promo_code '
      'user_id email'
    when 'refunds' then 'id created_at finished_at status live order_id gateway payment_key currency '
      'amount tokens reason forced failure_code requested_by user_id email'
    when 'subscriptions' then 'id created_at status plan_id name name_ko family every currency '
      'amount tokens gateway live period_start period_end next_charge_at cancel_at_end end_reason '
      'ended_at user_id email'
    when 'entries' then 'user_id seq created_at kind delta balance feature reason caller order_id'
    when 'cash_receipts' then 'order_id requested_at status live kind number currency amount '
      'issue_number issued_at failure_code gateway user_id email'
    when 'actions' then 'id at action subject actor actor_name role reason detail'
  end, ' ')
$$;
comment on function coinslot.export_columns(text) is
'The columns of a list that can be exported, in order; null = there is no such list.';
revoke all on function coinslot.export_columns(text) from public;

-- The whole ledger, wallet by wallet, by the only index that it has: each call looks at so many
-- entries, and at all of those wallets that are in between.
create function coinslot.export_entries(
  filters jsonb, until timestamptz, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_user uuid;
  v_seq bigint;
  v_only uuid;
  v_items jsonb;
  v_last text;
begin
  if export_entries.after !~ '^[0-9]{1,15}_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    perform coinslot.fail('invalid_argument', '{"argument": "after"}');
  end if;
  perform coinslot.check_filters(
    export_entries.filters, array['user', 'kind', 'since', 'until']
  );
  v_user := coalesce(
    split_part(export_entries.after, '_', 2), '00000000-0000-0000-0000-000000000000'
  )::uuid;
  v_seq := coalesce(split_part(export_entries.after, '_', 1), '0')::bigint;
  v_only := (filters ->> 'user')::uuid;
  with walk as materialized (
    (select l.* from public.token_ledger l
    where v_only is null and (l.user_id, l.seq) > (v_user, v_seq)
    order by l.user_id, l.seq limit coinslot.walk_length())
    union all
    (select l.* from public.token_ledger l
    where l.user_id = v_only and l.seq > v_seq
    order by l.user_id, l.seq limit coinslot.walk_length())
  ), found as (
    select w.* from walk w
    where w.created_at < export_entries.until
      and w.created_at >= coalesce((filters ->> 'since')::timestamptz, '-infinity')
      and (not filters ? 'kind' or w.kind = filters ->> 'kind')
    order by w.user_id, w.seq limit export_entries.page_size + 1
  )
  select jsonb_agg(jsonb_build_object(
    'user_id', f.user_id, 'seq', f.seq, 'created_at', f.created_at, 'kind', f.kind,
    'delta', f.delta, 'balance', f.balance, 'feature', f.feature, 'reason', f.reason,
    'caller', f.caller, 'order_id', (
      select p.order_id from public.token_payments p where p.id = f.payment_id
    ), 'cursor', f.seq || '_' || f.user_id
  ) order by f.user_id, f.seq), (
    select w.seq || '_' || w.user_id from walk w
    order by w.user_id, w.seq offset coinslot.walk_length() - 1
  ) into v_items, v_last from found f;
  return coinslot.page_of(v_items, export_entries.page_size, v_last);
end
$$;
comment on function coinslot.export_entries(jsonb, timestamptz, text, integer) is
'Entries of all ledgers, wallet by wallet.';
revoke all on function coinslot.export_entries(jsonb, timestamptz, text, integer) from public;

create function coinslot.export_receipts(
  operator coinslot.operators, filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_from record;
  v_items jsonb;
  v_last text;
begin
  perform coinslot.check_filters(
    export_receipts.filters, array['status', 'gateway', 'since', 'until']
  );
  v_from := coinslot.walk_from(export_receipts.after, filters ->> 'until');
  with walk as materialized (
    select r.* from coinslot.cash_receipts r
    where (r.requested_at, r.payment_id) < (v_from.at, v_from.id)
      and r.requested_at >= coalesce((filters ->> 'since')::timestamptz, '-infinity')
    order by r.requested_at desc, r.payment_id desc limit coinslot.walk_length()
  ), found as (
    select w.* from walk w
    where (not filters ? 'status' or filters -> 'status' ? w.status)
      and (not filters ? 'gateway' or w.gateway = filters ->> 'gateway')
    order by w.requested_at desc, w.payment_id desc limit export_receipts.page_size + 1
  )
  select jsonb_agg(jsonb_build_object(
    'order_id', p.order_id, 'requested_at', f.requested_at, 'status', f.status, 'live', p.live,
    'kind', f.kind, 'number', f.number, 'currency', p.currency, 'amount', f.amount,
    'issue_number', f.issue_number, 'issued_at', f.issued_at, 'failure_code', f.failure_code,
    'gateway', f.gateway, 'user_id', p.user_id, 'email', coinslot.shown_email(
      (select u.email from auth.users u where u.id = p.user_id), operator
    ), 'cursor', coinslot.cursor_of(f.requested_at, f.payment_id::text)
  ) order by f.requested_at desc, f.payment_id desc), (
    select coinslot.cursor_of(e.requested_at, e.payment_id::text) from (
      select w.requested_at, w.payment_id from walk w
      order by w.requested_at desc, w.payment_id desc offset coinslot.walk_length() - 1
    ) e
  ) into v_items, v_last
  from found f inner join public.token_payments p on p.id = f.payment_id;
  return coinslot.page_of(v_items, export_receipts.page_size, v_last);
end
$$;
comment on function coinslot.export_receipts(coinslot.operators, jsonb, text, integer) is
'Cash receipts, newest first.';
revoke all on function coinslot.export_receipts(coinslot.operators, jsonb, text, integer)
from public;

-- What is personal is masked for the role that the operator has now.
create function coinslot.export_rows(
  operator coinslot.operators, export coinslot.exports, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_filters jsonb := export.filters || jsonb_build_object('until', export.until);
begin
  return case export.list
    when 'orders' then coinslot.list_orders(operator, v_filters, after, page_size)
    when 'refunds' then coinslot.list_refunds(operator, v_filters, after, page_size)
    when 'subscriptions'
      then coinslot.list_subscriptions_of(operator, v_filters, after, page_size)
    when 'entries' then coinslot.export_entries(v_filters, export.until, after, page_size)
    when 'cash_receipts' then coinslot.export_receipts(operator, v_filters, after, page_size)
    else coinslot.list_actions(v_filters, after, page_size)
  end;
end
$$;
comment on function coinslot.export_rows(coinslot.operators, coinslot.exports, text, integer) is
'A page of what an export is of.';
revoke all on function coinslot.export_rows(coinslot.operators, coinslot.exports, text, integer)
from public;

create function coinslot.oldest_row(list text) returns timestamptz
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return case oldest_row.list
    when 'orders' then (select min(p.created_at) from public.token_payments p)
    when 'refunds' then (select min(r.created_at) from coinslot.refunds r)
    when 'subscriptions' then (select min(s.created_at) from public.token_subscriptions s)
    when 'cash_receipts' then (select min(r.requested_at) from coinslot.cash_receipts r)
    when 'actions' then (
      select a.at from coinslot.operator_actions a order by a.id limit 1
    )
  end;
end
$$;
comment on function coinslot.oldest_row(text) is 'When the first row of a list was made, or null.';
revoke all on function coinslot.oldest_row(text) from public;

-- Of what is ordered by time, how much of the time is read; of wallets, how many, as far as their
-- ids are random.
create function coinslot.export_share(export coinslot.exports, next text) returns numeric
language sql stable set search_path = '' as $$
  select round(least(1, greatest(0, case
    when export_share.next is null then 1
    when export.list = 'entries' and export.filters ? 'user' then 0
    when export.list = 'entries' then (
      'x' || left(split_part(export_share.next, '_', 2), 8)
    )::bit(32)::bigint / 4294967296.0
    when export.list = 'actions' then 1 - export_share.next::numeric / (
      select max(a.id) from coinslot.operator_actions a
    )
    else (
      extract(epoch from export.until) - split_part(export_share.next, '_', 1)::numeric / 1000000
    ) / greatest(1, extract(epoch from export.until - export.oldest))
  end)), 4)
$$;
comment on function coinslot.export_share(coinslot.exports, text) is
'How much of an export is read, from 0 to 1.';
revoke all on function coinslot.export_share(coinslot.exports, text) from public;

create function coinslot.export_lines(export coinslot.exports, items jsonb, first boolean)
returns jsonb
language sql stable set search_path = '' as $$
  select case when export.format = 'csv' then
    case when export_lines.first then jsonb_build_array(
      U&'\FEFF' || array_to_string(coinslot.export_columns(export.list), ',')
    ) else '[]' end
    || coinslot.csv_lines(export_lines.items, coinslot.export_columns(export.list))
  else (
    select coalesce(jsonb_agg((i.item - 'cursor')::text order by i.place), '[]')
    from jsonb_array_elements(export_lines.items) with ordinality i (item, place)
  ) end
$$;
comment on function coinslot.export_lines(coinslot.exports, jsonb, boolean) is
'Rows as lines of a file; the first page of a CSV file begins with its heading.';
revoke all on function coinslot.export_lines(coinslot.exports, jsonb, boolean) from public;

create function coinslot.own_export(operator coinslot.operators, id text)
returns coinslot.exports
language plpgsql stable set search_path = '' as $$
declare
  v_export coinslot.exports;
begin
  if own_export.id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select e.* into v_export from coinslot.exports e
    where e.id = own_export.id::uuid and e.user_id = operator.user_id
      and e.expires_at > clock_timestamp();
  end if;
  if v_export.id is null then
    perform coinslot.fail('unknown_id', '{"what": "export"}');
  end if;
  return v_export;
end
$$;
comment on function coinslot.own_export(coinslot.operators, text) is
'An export of this operator that has not expired; PT404.';
revoke all on function coinslot.own_export(coinslot.operators, text) from public;
