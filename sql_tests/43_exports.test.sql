-- Exports of whole lists: who takes what out, page by page, up to a fixed moment.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/staff.sql
select no_plan();
select pg_temp.change('update coinslot.settings set signup_bonus = 3') \g /dev/null
select pg_temp.sign_up('mina.kim@example.com') as mina, pg_temp.sign_up('alex@example.com') as alex \gset

create function pg_temp.paid(buyer uuid) returns text
language plpgsql as $$
declare
  v_order text := pg_temp.as_user(buyer, $q$select order_id from create_token_order('starter', 'portone')$q$)
    ->> 'order_id';
begin
  perform pg_temp.read(v_order, 'A:paid paid=5000');
  return v_order;
end
$$;
-- All of it as it was so long ago.
create function pg_temp.earlier(by interval) returns void
language sql as $$
  select pg_temp.change(format('
    alter table token_ledger disable trigger user; alter table coinslot.operator_actions disable trigger user;
    update token_payments set created_at = created_at - %1$L::interval;
    update token_ledger set created_at = created_at - %1$L::interval;
    update coinslot.operator_actions set at = at - %1$L::interval;
    alter table token_ledger enable trigger user; alter table coinslot.operator_actions enable trigger user',
    earlier.by))
$$;
create function pg_temp.begun(role text, list text, filters jsonb default '{}', format text default 'jsonl')
returns text language sql as $$
  select pg_temp.act(role, 'start_export', list, jsonb_build_object('filters', filters, 'format', format)) ->> 'id'
$$;
create function pg_temp.page(role text, id text, after text default null, size integer default 1000)
returns jsonb language sql as $$
  select pg_temp.list(role, 'export', jsonb_build_object('export', id), after, size)
$$;
-- Every line of the file, read in pages of so many rows.
create function pg_temp.lines(role text, id text, size integer default 1000) returns jsonb
language plpgsql as $$
declare
  v_page jsonb;
  v_lines jsonb := '[]';
  v_after text;
begin
  loop
    v_page := pg_temp.page(role, id, v_after, size);
    v_lines := v_lines || (v_page -> 'items');
    v_after := v_page ->> 'next';
    exit when v_after is null;
  end loop;
  return v_lines;
end
$$;
create function pg_temp.told(lines jsonb, name text) returns text
language sql as $$
  select string_agg(l #>> array[told.name], ' ' order by o)
  from jsonb_array_elements_text(lines) with ordinality e (t, o), lateral (select e.t::jsonb as l) j
$$;

select pg_temp.paid(:'mina') as first \gset
select pg_temp.paid(:'mina') as second \gset
select pg_temp.paid(:'alex') as third \gset
select pg_temp.earlier('1 hour') \g /dev/null
select pg_temp.change(format($$update token_payments set created_at = created_at - interval '2 hours' where order_id = %L$$, :'first')) \g /dev/null

-- ---- who ----

select is(
  pg_temp.refusal(pg_temp.act('support', 'start_export', 'orders', '{"format": "csv"}')),
  'PT403 forbidden {"roles": ["finance", "owner"]}', 'support exports nothing'
);
select is(pg_temp.refusal(pg_temp.act('owner', 'start_export', b.subject, b.arguments)), b.refusal, b.subject || b.arguments)
from (values
  ('wallets', '{"format": "csv"}'::jsonb, 'PT400 invalid_argument {"known": ["orders", "refunds", "subscriptions", "entries", "cash_receipts", "actions"], "argument": "subject"}'),
  ('orders', '{}', 'PT400 invalid_argument {"known": ["csv", "jsonl"], "argument": "format"}'),
  ('orders', '{"format": "xls"}', 'PT400 invalid_argument {"known": ["csv", "jsonl"], "argument": "format"}'),
  ('cash_receipts', '{"format": "csv", "filters": {"user": "me"}}', 'PT400 invalid_argument {"known": ["status", "gateway", "since", "until"], "argument": "user"}'),
  ('entries', '{"format": "csv", "filters": {"until": "soon"}}', 'PT400 invalid_argument {"argument": "until"}')
) b (subject, arguments, refusal);
select pg_temp.begun('finance', 'orders') as orders \gset
select is(pg_temp.page('owner', :'orders') ->> 'error', 'unknown_id', 'nobody reads another''s export');
select is(pg_temp.act('owner', 'remove_export', :'orders') ->> 'error', 'unknown_id', '... nor ends it');
select is(pg_temp.get('owner', 'exports'), '[]', '... nor sees it');
select is(
  jsonb_path_query_array(pg_temp.get('finance', 'exports'), '$[*].list'), '["orders"]', 'but one''s own'
);
select is(pg_temp.actions('orders'), 'list_exported finance because', 'that it was taken is noted');
select is(
  (select a.detail - 'id' - 'until' from coinslot.operator_actions a where a.subject = 'orders'),
  '{"format": "jsonl", "filters": {}}', '... with what was asked for'
);
select pg_temp.change(format('update coinslot.operators set role = ''support'' where user_id = %L', pg_temp.staff('finance'))) \g /dev/null
select is(pg_temp.page('finance', :'orders') ->> 'error', 'forbidden', 'whose role is gone reads no further');
select pg_temp.change(format('update coinslot.operators set role = ''finance'' where user_id = %L', pg_temp.staff('finance'))) \g /dev/null

-- ---- what ----

select is(pg_temp.told(pg_temp.lines('finance', :'orders'), 'order_id'),
  concat_ws(' ', :'third', :'second', :'first'), 'all orders, newest first');
select is(pg_temp.told(pg_temp.lines('finance', :'orders', 1), 'order_id'),
  concat_ws(' ', :'third', :'second', :'first'), '... the same in pages of one');
select is(pg_temp.told(pg_temp.lines('finance', :'orders'), 'email'),
  'a***@example.com m***@example.com m***@example.com', 'addresses are masked by role');
select pg_temp.paid(:'alex') as late \gset
select is(pg_temp.told(pg_temp.lines('finance', :'orders', 2), 'order_id'),
  concat_ws(' ', :'third', :'second', :'first'), 'what is younger than the request is not in it');
select pg_temp.begun('owner', 'orders') as soon \gset
select is(pg_temp.told(pg_temp.lines('owner', :'soon'), 'order_id'),
  concat_ws(' ', :'third', :'second', :'first'), 'nor is what was just being made');
select is(pg_temp.told(pg_temp.lines('owner', :'soon'), 'email'),
  'alex@example.com mina.kim@example.com mina.kim@example.com', 'the owner sees all of an address');
select pg_temp.begun('owner', 'orders', jsonb_build_object('user', :'mina'::uuid)) as hers \gset
select is(pg_temp.told(pg_temp.lines('owner', :'hers'), 'order_id'), concat_ws(' ', :'second', :'first'), 'filters count');
select pg_temp.begun('owner', 'orders', jsonb_build_object('until', now() - interval '3 hours')) as old \gset
select is(pg_temp.lines('owner', :'old'), '[]', 'an earlier end counts');
select is(
  (select array_agg(round((pg_temp.page('finance', :'orders', null, n) ->> 'share')::numeric, 2) order by n)
  from generate_series(1, 3) n), array[0.33, 0.33, 1], 'how much is read, of all'
);

-- A file that a spreadsheet opens
select pg_temp.change($$update token_payments set name = '=1+1', name_ko = '스타터 "팩"'$$) \g /dev/null
select pg_temp.begun('owner', 'orders', '{}', 'csv') as file \gset
select pg_temp.lines('owner', :'file', 2) as lines \gset
select is(:'lines'::jsonb ->> 0, U&'\FEFF' || array_to_string(coinslot.export_columns('orders'), ','),
  'a CSV file begins with a mark and a heading, once');
select is(jsonb_array_length(:'lines'), 4, '... and has a line for each row');
select matches(:'lines'::jsonb ->> 3, format('^"%s",.*,"''=1\+1","스타터 ""팩""",1,10,"KRW",5000,5000,', :'first'),
  '... in which no cell is a formula');

-- ---- how many, for how long ----

select is(pg_temp.act('owner', 'start_export', 'orders', '{"format": "csv"}') ->> 'error', null, 'a fifth is begun');
select is(
  pg_temp.refusal(pg_temp.act('owner', 'start_export', 'orders', '{"format": "csv"}')),
  'PT409 too_many_exports {"most": 5}', '... and not a sixth'
);
select is(pg_temp.act('owner', 'remove_export', :'old') ->> 'id', :'old', 'one is removed');
select is(pg_temp.page('owner', :'old') ->> 'error', 'unknown_id', '... and read no further');
select pg_temp.begun('owner', 'entries') as entries \gset
select isnt(:'entries'::text, null, '... which makes room');
select is(coinslot.purge_exports(10), 0::bigint, 'nothing expires today');
select pg_temp.change(format('update coinslot.exports set expires_at = now() where id = %L', :'hers')) \g /dev/null
select is(pg_temp.page('owner', :'hers') ->> 'error', 'unknown_id', 'what has expired is read no further');
select is(pg_temp.as_service('select coinslot_run_maintenance() as n') #>> '{n,exports_purged}', '1', '... and deleted');

-- ---- the ledger ----

select is(
  (select count(*) from jsonb_array_elements(pg_temp.lines('owner', :'entries', 2))),
  (select count(*) from token_ledger l where l.created_at < now() - interval '30 minutes'), 'every entry'
);
select is(
  (select jsonb_agg(jsonb_build_array(e ->> 'user_id', (e ->> 'seq')::bigint, (e ->> 'balance')::bigint) order by o)
  from jsonb_array_elements_text(pg_temp.lines('owner', :'entries', 2)) with ordinality t (t, o), lateral (select t::jsonb as e) j),
  (select jsonb_agg(jsonb_build_array(l.user_id, l.seq, l.balance) order by l.user_id, l.seq)
  from token_ledger l where l.created_at < now() - interval '30 minutes'), '... wallet by wallet, once'
);
select is((pg_temp.page('owner', :'entries', '7_x')) ->> 'error', 'invalid_argument', 'a cursor that is none is refused');
select pg_temp.act('owner', 'remove_export', :'soon'), pg_temp.act('owner', 'remove_export', :'file') \g /dev/null
select pg_temp.begun('owner', 'entries', jsonb_build_object('user', :'mina'::uuid, 'kind', 'purchase')) as packs \gset
select is(pg_temp.told(pg_temp.lines('owner', :'packs', 1), 'order_id'), concat_ws(' ', :'first', :'second'), 'purchases of one wallet');

-- ---- what was done, and receipts ----

select pg_temp.begun('owner', 'actions', jsonb_build_object('since', now() - interval '90 minutes')) as done \gset
select is(pg_temp.told(pg_temp.lines('owner', :'done'), 'action'), 'operator_changed operator_added operator_added operator_added operator_added',
  'what was done, up to a minute ago');
select pg_temp.act('owner', 'remove_export', :'done') \g /dev/null
select pg_temp.change(format($$insert into coinslot.cash_receipts (payment_id, gateway, kind, number, requested_at)
  select p.id, p.gateway, 'income_deduction', '****1234', now() - interval '1 hour' from token_payments p where p.order_id = %L$$, :'third')) \g /dev/null
select pg_temp.begun('owner', 'cash_receipts', '{"status": ["requested"]}') as receipts \gset
select is(
  (pg_temp.lines('owner', :'receipts') ->> 0)::jsonb - 'requested_at' - 'user_id',
  jsonb_build_object('order_id', :'third', 'status', 'requested', 'live', false, 'kind', 'income_deduction', 'number', '****1234',
    'currency', 'KRW', 'amount', 0, 'issue_number', null, 'issued_at', null, 'failure_code', null,
    'gateway', 'portone', 'email', 'alex@example.com'), 'a cash receipt, its number hidden'
);
select is(jsonb_array_length(pg_temp.lines('owner', pg_temp.begun('owner', l))), 0, 'none: ' || l)
from unnest(array['refunds', 'subscriptions']) l where pg_temp.act('owner', 'remove_export', :'receipts') is not null;

-- Each column of a file is one of the rows'.
select is(
  (select array_agg(c) from unnest(coinslot.export_columns('orders')) c
  where not (pg_temp.lines('finance', :'orders') ->> 0)::jsonb ? c), null, 'all columns of orders are there'
);
select * from finish();
rollback;
