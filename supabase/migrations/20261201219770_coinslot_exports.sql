-- Exports of whole lists.

insert into coinslot.errors (message, sqlstate, hint) values
('too_many_exports', 'PT409', 'Remove one of them: each stays for a day.');

create or replace function coinslot.roles_for(action text) returns text[]
language sql immutable parallel safe set search_path = ''
return case
  when action in ('note_order', 'note_customer', 'recheck_order', 'cancel_subscription')
    then array['support', 'finance', 'owner']
  when action = 'reveal_customer' then array['support', 'owner']
  when action = any(array[
    'refund_order', 'force_refund', 'accept_refund', 'close_refund', 'grant_tokens', 'take_tokens',
    'resolve_case', 'replay_webhook', 'replay_webhooks', 'void_orders', 'export', 'start_export',
    'remove_export'
  ]) then array['finance', 'owner']
  when action = any(array[
    'set_product', 'remove_product', 'set_promotion', 'set_code', 'make_codes', 'set_operator',
    'remove_operator', 'set_endpoint', 'test_endpoint', 'replay_endpoint', 'set_settings',
    'set_seller', 'set_unattended'
  ]) then array['owner']
end;

create or replace function coinslot.list_actions(
  filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_before bigint := coinslot.read_number(list_actions.after);
  v_items jsonb;
  v_last text;
begin
  perform coinslot.check_filters(
    list_actions.filters, array['actor', 'action', 'subject', 'since', 'until']
  );
  with walk as materialized (
    (select a.* from coinslot.operator_actions a
    where not filters ?| array['actor', 'subject'] and a.id < v_before
    order by a.id desc limit coinslot.walk_for(filters, page_size))
    union all
    (select a.* from coinslot.operator_actions a
    where filters ? 'subject'
      and a.subject between filters ->> 'subject' and filters ->> 'subject' and a.id < v_before
    order by a.subject desc, a.id desc limit coinslot.walk_for(filters - 'subject', page_size))
    union all
    (select a.* from coinslot.operator_actions a
    where filters ? 'actor' and not filters ? 'subject'
      and a.actor between filters ->> 'actor' and filters ->> 'actor' and a.id < v_before
    order by a.actor desc, a.id desc limit coinslot.walk_for(filters - 'actor', page_size))
  ), found as (
    select k.* from walk k
    where (not filters ? 'actor' or k.actor = filters ->> 'actor')
      and (not filters ? 'action' or k.action = filters ->> 'action')
      and k.at < coalesce((filters ->> 'until')::timestamptz, 'infinity')
      and k.at >= coalesce((filters ->> 'since')::timestamptz, '-infinity')
    order by k.id desc limit list_actions.page_size + 1
  )
  select jsonb_agg(to_jsonb(f) || jsonb_build_object(
    'cursor', f.id::text, 'actor_name', coinslot.actor_name(f.actor),
    'planned_by_name', coinslot.actor_name(f.detail ->> 'planned_by')
  ) order by f.id desc), (
    select min(k.id)::text from walk k having count(*) = coinslot.walk_length()
  ) into v_items, v_last from found f;
  return coinslot.page_of(v_items, list_actions.page_size, v_last);
end
$$;

create or replace function coinslot.csv_lines(rows jsonb, columns text[]) returns jsonb
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(jsonb_agg(l.line order by l.place), '[]')
  from (
    select r.place, string_agg(case coalesce(jsonb_typeof(v.value), 'null')
      when 'null' then ''
      when 'number' then v.written
      when 'boolean' then v.written
      else '"' || replace(
        case when v.written ~ '^\s*[=+@\-\t\r＝＋－＠]' then '''' else '' end || v.written, '"', '""'
      ) || '"' end, ',' order by c.place) as line
    from jsonb_array_elements(csv_lines.rows) with ordinality r (item, place)
    cross join unnest(csv_lines.columns) with ordinality c (name, place)
    cross join lateral (
      select r.item -> c.name as value, r.item ->> c.name as written
    ) v
    group by r.place
  ) l
$$;
comment on function coinslot.csv_lines(jsonb, text[]) is
'Rows as lines of a CSV file, in their order: a list of texts.';
revoke all on function coinslot.csv_lines(jsonb, text[]) from public;

create or replace function coinslot.as_csv(rows jsonb, columns text[]) returns text
language sql immutable parallel safe set search_path = '' as $$
  select U&'\FEFF' || array_to_string(as_csv.columns, ',') || E'\r\n' || coalesce(
    string_agg(l.line || E'\r\n', '' order by l.place), ''
  )
  from jsonb_array_elements_text(coinslot.csv_lines(as_csv.rows, as_csv.columns))
  with ordinality l (line, place)
$$;

drop function coinslot.csv_cell(jsonb);

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

-- Exports as operators ask for them. That one was asked for is noted; its pages are read as those
-- of a list are.

create function coinslot.start_export(
  operator coinslot.operators, list text, reason text, arguments jsonb
) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_export coinslot.exports;
begin
  if coinslot.export_columns(start_export.list) is null then
    perform coinslot.fail('invalid_argument', '{"argument": "subject", "known": ["orders",
      "refunds", "subscriptions", "entries", "cash_receipts", "actions"]}');
  elsif (arguments ->> 'format' in ('csv', 'jsonl')) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "format", "known": ["csv", "jsonl"]}');
  elsif (
    select count(*) from coinslot.exports e
    where e.user_id = operator.user_id and e.expires_at > clock_timestamp()
  ) >= coinslot.max_exports() then
    perform coinslot.fail(
      'too_many_exports', jsonb_build_object('most', coinslot.max_exports())
    );
  end if;
  v_export.user_id := operator.user_id;
  v_export.list := start_export.list;
  v_export.filters := coalesce(nullif(arguments -> 'filters', 'null'), '{}');
  v_export.format := arguments ->> 'format';
  v_export.until := clock_timestamp() - coinslot.export_margin();
  perform coinslot.export_rows(operator, v_export, null, 1);
  v_export.until := least(v_export.until, coinslot.time_argument(v_export.filters, 'until'));
  v_export.oldest := least(v_export.until, coalesce(
    coinslot.time_argument(v_export.filters, 'since'), coinslot.oldest_row(v_export.list)
  ));
  insert into coinslot.exports (user_id, list, filters, format, oldest, until) values (
    v_export.user_id, v_export.list, v_export.filters, v_export.format, v_export.oldest,
    v_export.until
  ) returning * into v_export;
  perform coinslot.note_action('list_exported', v_export.list, start_export.reason,
    jsonb_build_object('id', v_export.id, 'format', v_export.format, 'until', v_export.until,
      'filters', v_export.filters));
  return jsonb_build_object(
    'id', v_export.id, 'format', v_export.format, 'until', v_export.until
  );
end
$$;
comment on function coinslot.start_export(coinslot.operators, text, text, jsonb) is
'Begins the export of a list, and notes who takes what.';
revoke all on function coinslot.start_export(coinslot.operators, text, text, jsonb) from public;

create function coinslot.remove_export(operator coinslot.operators, id text) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_export coinslot.exports := coinslot.own_export(operator, remove_export.id);
begin
  delete from coinslot.exports e where e.id = v_export.id;
  return jsonb_build_object('id', v_export.id);
end
$$;
comment on function coinslot.remove_export(coinslot.operators, text) is
'Ends an export: no page of it is read any more.';
revoke all on function coinslot.remove_export(coinslot.operators, text) from public;

create function coinslot.act_on_export(
  operator coinslot.operators, action text, subject text, reason text, arguments jsonb
) returns jsonb
language plpgsql volatile set search_path = '' as $$
begin
  if act_on_export.action = 'start_export' then
    return coinslot.start_export(operator, subject, reason, arguments);
  end if;
  return coinslot.remove_export(operator, subject);
end
$$;
comment on function coinslot.act_on_export(coinslot.operators, text, text, text, jsonb) is
'Begins or ends an export.';
revoke all on function coinslot.act_on_export(coinslot.operators, text, text, text, jsonb)
from public;

create function coinslot.get_exports(operator coinslot.operators) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(
    jsonb_agg(to_jsonb(e) - 'user_id' order by e.started_at desc, e.id), '[]'
  )
  from coinslot.exports e
  where e.user_id = operator.user_id and e.expires_at > clock_timestamp()
$$;
comment on function coinslot.get_exports(coinslot.operators) is
'The exports of this operator that have not expired, newest first.';
revoke all on function coinslot.get_exports(coinslot.operators) from public;

-- Whoever may not export any more reads no further.
create function coinslot.read_export(
  operator coinslot.operators, filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_export coinslot.exports;
  v_page jsonb;
begin
  if not coinslot.may_do(operator, 'start_export') then
    perform coinslot.fail(
      'forbidden', jsonb_build_object('roles', coinslot.roles_for('start_export'))
    );
  end if;
  perform coinslot.check_filters(read_export.filters, array['export']);
  v_export := coinslot.own_export(operator, read_export.filters ->> 'export');
  v_page := coinslot.export_rows(
    operator, v_export, read_export.after, least(greatest(read_export.page_size, 1), 1000)
  );
  return jsonb_build_object(
    'items', coinslot.export_lines(v_export, v_page -> 'items', read_export.after is null),
    'next', v_page -> 'next', 'rows', jsonb_array_length(v_page -> 'items'),
    'share', coinslot.export_share(v_export, v_page ->> 'next')
  );
end
$$;
comment on function coinslot.read_export(coinslot.operators, jsonb, text, integer) is
'{items, next, rows, share}: lines of the file of an export, after those of the page before.';
revoke all on function coinslot.read_export(coinslot.operators, jsonb, text, integer) from public;

create function coinslot.purge_exports(batch integer) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_count bigint;
begin
  with due as materialized (
    select e.id from coinslot.exports e where e.expires_at <= clock_timestamp()
    order by e.expires_at limit purge_exports.batch
    for update skip locked
  )
  delete from coinslot.exports e using due where e.id = due.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function coinslot.purge_exports(integer) is 'Deletes exports that expired; how many.';
revoke all on function coinslot.purge_exports(integer) from public;

create or replace function coinslot.console_get(what text, id text) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_operator coinslot.operators := coinslot.reading_operator();
begin
  if console_get.what in ('customer', 'proof')
    and (console_get.id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') is not true
  then
    perform coinslot.fail('user_not_found', '{"users": 0}');
  end if;
  case console_get.what
    when 'me' then return coinslot.console_me(v_operator);
    when 'attention' then return coinslot.attention();
    when 'order' then return coinslot.get_order(v_operator, console_get.id);
    when 'customer' then return coinslot.get_customer(v_operator, console_get.id::uuid);
    when 'proof' then return coinslot.prove_wallet(console_get.id::uuid);
    when 'webhook' then return coinslot.get_webhook(v_operator, console_get.id);
    when 'catalogue' then return coinslot.list_catalogue();
    when 'team' then return coinslot.list_team();
    when 'subscription' then return coinslot.get_subscription(v_operator, console_get.id);
    when 'settings' then return coinslot.get_console_settings(v_operator);
    when 'endpoints' then return coinslot.get_endpoints(v_operator);
    when 'endpoint' then return coinslot.get_endpoint(v_operator, console_get.id);
    when 'delivery' then return coinslot.get_delivery(v_operator, console_get.id);
    when 'exports' then return coinslot.get_exports(v_operator);
    else
      perform coinslot.fail('invalid_argument', jsonb_build_object(
        'argument', 'what', 'known', array[
          'me', 'attention', 'order', 'customer', 'proof', 'webhook', 'catalogue', 'team',
          'subscription', 'settings', 'endpoints', 'endpoint', 'delivery', 'exports'
        ]
      ));
  end case;
  return null;
end
$$;

create or replace function public.token_console_get(what text, id text default null) returns jsonb
language sql stable set search_path = '' set statement_timeout = '1s' as $$
  select coinslot.console_get(token_console_get.what, token_console_get.id)
$$;
comment on function public.token_console_get(text, text) is
'Operators: one thing in full, with what may be done with it: me, attention, order, customer, proof
(of a wallet''s ledger), webhook, catalogue, team, subscription, settings, endpoints, endpoint,
delivery, exports.';

create or replace function coinslot.console_list(
  list text, filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_me coinslot.operators := coinslot.reading_operator();
  v_filters jsonb := coalesce(console_list.filters, '{}');
  v_size integer := least(greatest(coalesce(console_list.page_size, 50), 1), 100);
begin
  if length(console_list.after) > 100 then
    perform coinslot.fail('invalid_argument', '{"argument": "after"}');
  end if;
  case console_list.list
    when 'orders' then return coinslot.list_orders(v_me, v_filters, after, v_size);
    when 'refunds' then return coinslot.list_refunds(v_me, v_filters, after, v_size);
    when 'customers' then return coinslot.list_customers(v_me, v_filters, after, v_size);
    when 'entries' then return coinslot.list_entries(v_filters, after, v_size);
    when 'cases' then return coinslot.list_cases(v_me, v_filters, after, v_size);
    when 'webhooks' then return coinslot.list_webhooks_of(v_filters, after, v_size);
    when 'promotions' then return coinslot.list_promotions_of(v_filters, after, v_size);
    when 'codes' then return coinslot.list_codes_of(v_filters, after, v_size);
    when 'actions' then return coinslot.list_actions(v_filters, after, v_size);
    when 'subscriptions' then
      return coinslot.list_subscriptions_of(v_me, v_filters, after, v_size);
    when 'deliveries' then return coinslot.list_deliveries_of(v_filters, after, v_size);
    when 'export' then
      return coinslot.read_export(v_me, v_filters, after, coalesce(console_list.page_size, 50));
    else
      perform coinslot.fail('invalid_argument', jsonb_build_object(
        'argument', 'list', 'known', array[
          'orders', 'refunds', 'customers', 'entries', 'cases', 'webhooks', 'promotions', 'codes',
          'actions', 'subscriptions', 'deliveries', 'export'
        ]
      ));
  end case;
  return null;
end
$$;

create or replace function public.token_console_list(
  list text, filters jsonb default '{}', after text default null, page_size integer default 50
) returns jsonb
language sql stable set search_path = '' set statement_timeout = '1s' as $$
  select coinslot.console_list(
    token_console_list.list, token_console_list.filters, token_console_list.after,
    token_console_list.page_size
  )
$$;
comment on function public.token_console_list(text, jsonb, text, integer) is
'Operators: a page of a list as {items, next}: orders, refunds, customers, entries, cases, webhooks,
promotions, codes, actions, subscriptions, deliveries; lines of an export; after = next of the page
before.';

create or replace function coinslot.do_action(
  operator coinslot.operators, action text, subject text, reason text, idempotency_key text,
  arguments jsonb
) returns jsonb
language plpgsql volatile set search_path = '' as $$
begin
  case
    when action = 'refund_order' then
      return to_jsonb(coinslot.refund_as(operator, subject,
        coinslot.whole_number(arguments, 'amount'), reason,
        coinslot.own_key(operator, idempotency_key), arguments -> 'force' = 'true',
        arguments ->> 'payment_key', nullif(arguments -> 'account', 'null')));
    when action = 'accept_refund' then
      return to_jsonb(coinslot.accept_as(
        operator, subject, nullif(arguments -> 'account', 'null'), reason));
    when action = 'close_refund' then
      return coinslot.close_as(subject, reason);
    when action in ('grant_tokens', 'take_tokens') then
      return coinslot.act_on_tokens(operator, coinslot.subject_user(subject),
        action = 'grant_tokens', coinslot.whole_number(arguments, 'tokens'), reason,
        idempotency_key, coinslot.time_argument(arguments, 'expires_at'));
    when action in ('note_order', 'recheck_order') then
      return coinslot.act_on_order(action, subject, reason);
    when action in ('note_customer', 'reveal_customer') then
      return coinslot.act_on_customer(action, coinslot.subject_user(subject), reason);
    when action = 'resolve_case' then
      return coinslot.act_on_case(subject, reason);
    when action = 'replay_webhook' then
      return coinslot.replay_as(coalesce(subject, ''), null, null, reason);
    when action = 'replay_webhooks' then
      return coinslot.replay_as(null, nullif(subject, ''), arguments ->> 'outcome', reason);
    when action = 'void_orders' then
      return jsonb_build_object('orders', coinslot.void_as(subject, reason));
    when action in ('set_product', 'remove_product') then
      return coinslot.act_on_product(action, subject, reason, arguments);
    when action = 'set_promotion' then
      return to_jsonb(coinslot.set_promotion(subject, arguments, reason));
    when action = 'set_code' then
      return to_jsonb(coinslot.set_code(subject, arguments ->> 'promotion',
        coinslot.small_number(arguments, 'max_uses'),
        coalesce((arguments -> 'active') <> 'false', true), reason));
    when action = 'make_codes' then
      return to_jsonb(coinslot.make_codes(
        subject, coinslot.small_number(arguments, 'number'), reason));
    when action = 'cancel_subscription' then
      return coinslot.cancel_as(subject, reason);
    when action in ('set_endpoint', 'test_endpoint', 'replay_endpoint') then
      return coinslot.act_on_endpoint(action, subject, reason, arguments);
    when action in ('start_export', 'remove_export') then
      return coinslot.act_on_export(operator, action, subject, reason, arguments);
    when action in ('set_settings', 'set_seller', 'set_unattended') then
      return coinslot.act_on_settings(action, subject, reason, arguments);
    else
      return coinslot.act_on_operator(action, subject, reason, arguments);
  end case;
end
$$;

create or replace function coinslot.run_maintenance(batch integer) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  if (run_maintenance.batch between 1 and 10000) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "batch", "min": 1, "max": 10000}');
  end if;
  return jsonb_build_object(
    'orders_expired', coinslot.expire_orders(run_maintenance.batch),
    'wallets_swept', coinslot.expire_holds(run_maintenance.batch),
    'wallets_expired', coinslot.expire_tokens(run_maintenance.batch),
    'purged', coinslot.purge(run_maintenance.batch),
    'wallets_with_lots', coinslot.backfill_lots(run_maintenance.batch),
    'wallets_told', coinslot.spread_refills(run_maintenance.batch),
    'referrals_settled', coinslot.settle_referrals(run_maintenance.batch),
    'deposits_told', coinslot.remind_of_deposits(run_maintenance.batch),
    'expiries_told', coinslot.remind_of_expiry(run_maintenance.batch),
    'renewals_told', coinslot.remind_of_renewals('month', run_maintenance.batch)
      + coinslot.remind_of_renewals('year', run_maintenance.batch),
    'wallets_armed', coinslot.arm_wallets(run_maintenance.batch),
    'events_purged', coinslot.purge_events(run_maintenance.batch),
    'exports_purged', coinslot.purge_exports(run_maintenance.batch),
    'summed', coinslot.sum_reports(run_maintenance.batch)
  );
end
$$;

create or replace function public.coinslot_run_maintenance(batch integer default 500) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.run_maintenance(coinslot_run_maintenance.batch)
$$;
comment on function public.coinslot_run_maintenance(integer) is
'Service: expires orders, holds and tokens, deletes what was kept long enough, tells wallets of new
rules, rewards referrals, tells ahead of what is due, and adds up reports; {orders_expired,
wallets_swept, wallets_expired, purged, wallets_with_lots, wallets_told, referrals_settled,
deposits_told, expiries_told, renewals_told, wallets_armed, events_purged, exports_purged,
summed}.';

notify pgrst, 'reload schema';
