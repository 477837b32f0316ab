-- The manifest: how this release looks in this database, object by object, with a statement that
-- makes each again. A check compares with it, and a repair takes from it.
--
-- It is a function. Functions go where the schema goes and never where only data goes, so data that
-- is restored from an older release does not bring an older manifest. Nobody writes it by hand: the
-- last migration of a release ends with write_manifest(), and the first of one that finds a release
-- here begins with begin_upgrade().
--
-- Facts are what reads the same on every Postgres, 15 to 18, and after a restore. The body of a
-- function is its source. What Postgres writes anew from what it has parsed it writes with other
-- brackets when it has read that again, and some releases name the table of each column.

-- What Coinslot calls its own in `public`. There may be more under these names, an app's overload:
-- what is ours calls the schema coinslot.
create function coinslot.public_names() returns text[]
language sql immutable parallel safe set search_path = ''
return array[
  'accept_token_invitation', 'accept_token_refund', 'accept_token_refund_for',
  'add_token_endpoint', 'add_tokens', 'answer_token_price', 'begin_token_method',
  'cancel_token_order', 'cancel_token_subscription', 'capture_token_hold', 'change_token_plan',
  'check_token_code', 'coinslot_add_endpoint', 'coinslot_add_operator',
  'coinslot_apply_gateway_payment', 'coinslot_audit_open', 'coinslot_audit_payments',
  'coinslot_audit_report', 'coinslot_audit_unlisted', 'coinslot_begin_audit',
  'coinslot_cash_receipt', 'coinslot_check_installation', 'coinslot_check_ledger',
  'coinslot_claim_cash_receipts', 'coinslot_claim_charges', 'coinslot_claim_closings',
  'coinslot_claim_deliveries', 'coinslot_claim_forgets', 'coinslot_claim_mails',
  'coinslot_claim_payments', 'coinslot_claim_refunds', 'coinslot_claim_top_ups',
  'coinslot_claim_webhooks', 'coinslot_close_refund', 'coinslot_closing', 'coinslot_delivery',
  'coinslot_delivery_job', 'coinslot_due_audits', 'coinslot_earlier_method', 'coinslot_endpoint',
  'coinslot_erase_user', 'coinslot_export_user', 'coinslot_finish_audit',
  'coinslot_finish_cash_receipt', 'coinslot_finish_charge', 'coinslot_finish_closing',
  'coinslot_finish_delivery', 'coinslot_finish_forget', 'coinslot_finish_mail',
  'coinslot_finish_method', 'coinslot_finish_top_up', 'coinslot_finish_webhook',
  'coinslot_get_attempt_key', 'coinslot_get_backlog', 'coinslot_get_refund',
  'coinslot_get_settings', 'coinslot_go_live', 'coinslot_list_codes', 'coinslot_list_deliveries',
  'coinslot_list_discrepancies', 'coinslot_list_endpoints', 'coinslot_list_operators',
  'coinslot_list_plans', 'coinslot_list_products', 'coinslot_list_promotions',
  'coinslot_list_referrals', 'coinslot_list_refills', 'coinslot_list_sealed',
  'coinslot_list_webhooks', 'coinslot_mail_job', 'coinslot_make_codes',
  'coinslot_note_instrument', 'coinslot_open_payment', 'coinslot_operator_account',
  'coinslot_payment_to_read', 'coinslot_product', 'coinslot_propose_price',
  'coinslot_record_refund_answer', 'coinslot_refund_job', 'coinslot_refuse_mail',
  'coinslot_refuse_payment_attempt', 'coinslot_remove_operator', 'coinslot_remove_plan',
  'coinslot_remove_product', 'coinslot_replay_endpoint', 'coinslot_replay_webhooks',
  'coinslot_reseal', 'coinslot_resolve_discrepancy', 'coinslot_return_payments',
  'coinslot_return_webhooks', 'coinslot_rotate_endpoint', 'coinslot_run_maintenance',
  'coinslot_schema_version', 'coinslot_set_code', 'coinslot_set_endpoint', 'coinslot_set_plan',
  'coinslot_set_product', 'coinslot_set_promotion', 'coinslot_set_refill', 'coinslot_set_seller',
  'coinslot_set_tiers', 'coinslot_set_unattended', 'coinslot_store_webhook',
  'coinslot_test_endpoint', 'coinslot_verify_ledger', 'coinslot_webhook_verdict',
  'coinslot_withdraw_price', 'create_token_order', 'extend_token_hold', 'get_token_document',
  'get_token_invitation', 'get_token_method', 'get_token_top_up', 'get_unpaid_token_order',
  'get_user_tokens', 'hold_feature_for', 'hold_tokens_for', 'list_expiring_tokens',
  'list_token_cash_receipts', 'list_token_deliveries', 'list_token_endpoints', 'list_token_holds',
  'list_token_lots', 'list_token_mails', 'list_token_methods', 'list_token_refills',
  'list_token_refunds', 'list_token_subscriptions', 'merge_token_wallets',
  'pause_token_subscription', 'pay_token_subscription', 'quote_token_plan', 'redeem_token_code',
  'refund_spend_for', 'release_token_hold', 'remove_token_method', 'replay_token_endpoint',
  'request_token_cash_receipt', 'request_token_refund', 'request_token_refund_for',
  'resume_token_subscription', 'rotate_token_endpoint', 'set_token_code', 'set_token_endpoint',
  'set_token_group_for', 'set_token_mail', 'set_token_promotion', 'set_token_refill',
  'set_token_seller', 'set_token_subscription_method', 'set_token_tiers', 'set_token_top_up',
  'spend_tokens', 'spend_tokens_for', 'stop_token_top_up', 'subscribe_token_plan',
  'test_token_endpoint', 'token_capture_receipt', 'token_cash_receipts', 'token_console_act',
  'token_console_export', 'token_console_get', 'token_console_list', 'token_console_report',
  'token_console_search', 'token_documents', 'token_features', 'token_hold_receipt',
  'token_ledger', 'token_lots', 'token_merge_receipt', 'token_offers', 'token_payment_events',
  'token_payments', 'token_plan_offers', 'token_plans', 'token_prices', 'token_products',
  'token_receipt', 'token_redemption', 'token_refunds', 'token_subscription_events',
  'token_subscriptions', 'token_tiers', 'token_wallets', 'tokens', 'update_profile',
  'upgrade_token_plan', 'use_feature', 'use_feature_for', 'void_token_orders',
  'void_token_orders_for', 'withdraw_token_cash_receipt'
];
comment on function coinslot.public_names() is 'The names in public that are Coinslot''s.';
revoke all on function coinslot.public_names() from public;

create function coinslot.as_parsed(written text) returns text
language sql immutable parallel safe set search_path = ''
return regexp_replace(regexp_replace(written, '\m\w+\.', '', 'g'), '[()\s]', '', 'g');
comment on function coinslot.as_parsed(text) is
'A clause without brackets, spaces and the names of tables, which say nothing of it.';
revoke all on function coinslot.as_parsed(text) from public;

-- Everything of Coinslot's belongs to one role: what its functions may do, they may do as that
-- one. Whoever restores may choose another, so it is the one that has most of them.
create function coinslot.usual_owner() returns oid
language sql stable set search_path = '' as $$
  select mode() within group (order by p.proowner)
  from pg_catalog.pg_proc p where p.pronamespace = 'coinslot'::regnamespace
$$;
comment on function coinslot.usual_owner() is 'The role that Coinslot''s things belong to.';
revoke all on function coinslot.usual_owner() from public;

-- Only of the roles of the API: what else has rights is the project's own affair.
create function coinslot.grants_in(acl aclitem[]) returns text[]
language sql stable set search_path = '' as $$
  select coalesce(array_agg(g.line order by g.line collate "C"), '{}')
  from (
    select a.privilege_type || ' to ' || coalesce(r.rolname, 'public') || o.option as line
    from aclexplode(grants_in.acl) a
    inner join (values ('', true), (' with grant option', false)) o (option, always)
      on o.always or a.is_grantable
    left join pg_catalog.pg_roles r on r.oid = a.grantee
    where a.grantee = 0 or r.rolname in ('anon', 'authenticated', 'service_role')
  ) g
$$;
comment on function coinslot.grants_in(aclitem[]) is 'What the roles of the API may do, as lines.';
revoke all on function coinslot.grants_in(aclitem[]) from public;

-- A computed field is none of a release: it goes with a table of the app, and an import makes it
-- anew for the column that the app has.
create function coinslot.present_functions()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select 'function',
    format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)),
    jsonb_build_object(
      'body', encode(sha256(convert_to(
        coalesce(coinslot.as_parsed(pg_get_function_sqlbody(p.oid)), p.prosrc), 'UTF8'
      )), 'hex'),
      'arguments', pg_get_function_arguments(p.oid), 'result', pg_get_function_result(p.oid),
      'definer', p.prosecdef, 'volatility', p.provolatile, 'settings', to_jsonb(p.proconfig),
      'strict', p.proisstrict, 'parallel', p.proparallel, 'owner', nullif(p.proowner, u)::regrole,
      'grants', coinslot.grants_in(coalesce(p.proacl, acldefault('f', p.proowner)))
    ),
    pg_get_functiondef(p.oid) || format(
      E';\ncomment on function %s is %L', p.oid::regprocedure, obj_description(p.oid, 'pg_proc')
    )
  from pg_catalog.pg_proc p
  inner join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  cross join coinslot.usual_owner() u
  where p.prokind = 'f' and p.oid <> coalesce(to_regprocedure('coinslot.manifest()'), 0)
    and (n.nspname = 'coinslot' or (
      n.nspname = 'public' and p.proname = any(coinslot.public_names())
      and p.proname <> 'tokens' and strpos(p.prosrc, 'coinslot.') > 0
    ))
$$;
comment on function coinslot.present_functions() is 'Coinslot''s functions as they are.';
revoke all on function coinslot.present_functions() from public;

create function coinslot.own_relations() returns table (
  oid oid, kind text, name text, owner regrole, grants text[], secured boolean, forced boolean,
  options text[]
)
language sql stable set search_path = '' as $$
  select c.oid, c.relkind::text, format('%I.%I', n.nspname, c.relname),
    nullif(c.relowner, u)::regrole,
    coinslot.grants_in(coalesce(c.relacl, acldefault('r', c.relowner))) || array(
      select regexp_replace(g.line, ' to ', format(' (%s) to ', a.attname))
      from pg_catalog.pg_attribute a, unnest(coinslot.grants_in(a.attacl)) g (line)
      where a.attrelid = c.oid and a.attacl is not null and not a.attisdropped
      order by a.attname collate "C", g.line collate "C"
    ),
    c.relrowsecurity, c.relforcerowsecurity, c.reloptions
  from pg_catalog.pg_class c
  inner join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  cross join coinslot.usual_owner() u
  where c.relkind in ('r', 'v')
    and (n.nspname = 'coinslot' or (
      n.nspname = 'public' and c.relname = any(coinslot.public_names())
    ))
$$;
comment on function coinslot.own_relations() is 'Coinslot''s tables and views, with their grants.';
revoke all on function coinslot.own_relations() from public;

create function coinslot.present_relations()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select 'schema', 'coinslot',
    jsonb_build_object(
      'grants', coinslot.grants_in(n.nspacl), 'owner', nullif(n.nspowner, u)::regrole
    ), null
  from pg_catalog.pg_namespace n
  cross join coinslot.usual_owner() u
  where n.nspname = 'coinslot'
  union all
  select 'table', r.name, jsonb_build_object(
      'grants', r.grants, 'owner', r.owner, 'row_security', r.secured,
      'forced_row_security', r.forced
    ), null
  from coinslot.own_relations() r where r.kind = 'r'
  union all
  select 'view', r.name, jsonb_build_object(
      'grants', r.grants, 'owner', r.owner, 'options', r.options,
      'query', coinslot.as_parsed(pg_get_viewdef(r.oid))
    ),
    format('create or replace view %s%s as %s', r.name,
      format(' with (%s)', array_to_string(r.options, ', ')), pg_get_viewdef(r.oid))
  from coinslot.own_relations() r where r.kind = 'v'
$$;
comment on function coinslot.present_relations() is 'Coinslot''s tables and views as they are.';
revoke all on function coinslot.present_relations() from public;

-- What the arguments and answers of functions are made of.
create function coinslot.present_types()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select 'type', t.oid::regtype::text, jsonb_build_object(
      'fields', f.fields, 'owner', nullif(t.typowner, u)::regrole,
      'grants', coinslot.grants_in(coalesce(t.typacl, acldefault('T', t.typowner)))
    ),
    format(E'create type %s as (%s);\ncomment on type %1$s is %L',
      t.oid::regtype, f.fields, obj_description(t.oid, 'pg_type'))
  from pg_catalog.pg_type t
  inner join pg_catalog.pg_class c on c.oid = t.typrelid and c.relkind = 'c'
  cross join coinslot.usual_owner() u
  cross join lateral (
    select string_agg(
      format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum
    ) as fields
    from pg_catalog.pg_attribute a where a.attrelid = c.oid and not a.attisdropped
  ) f
  where t.typnamespace = 'coinslot'::regnamespace
    or t.typnamespace = 'public'::regnamespace and t.typname = any(coinslot.public_names())
$$;
comment on function coinslot.present_types() is 'Coinslot''s types as they are.';
revoke all on function coinslot.present_types() from public;

create function coinslot.present_columns()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select 'column', format('%I of %s', a.attname, r.name), jsonb_build_object(
      'type', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
      'default', coinslot.as_parsed(d.expression), 'identity', a.attidentity,
      'generated', a.attgenerated, 'collation', nullif(a.attcollation, t.typcollation)::regcollation
    ),
    format(
      'alter table %s alter column %I %s not null', r.name, a.attname,
      case when a.attnotnull then 'set' else 'drop' end
    ) || case when a.attidentity = '' and a.attgenerated = '' then format(
      ', alter column %I %s', a.attname, coalesce('set default ' || d.expression, 'drop default')
    ) else '' end
  from coinslot.own_relations() r
  inner join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0
  inner join pg_catalog.pg_type t on t.oid = a.atttypid
  left join lateral (
    select pg_get_expr(f.adbin, f.adrelid) as expression
    from pg_catalog.pg_attrdef f where f.adrelid = a.attrelid and f.adnum = a.attnum
  ) d on true
  where r.kind = 'r' and not a.attisdropped
$$;
comment on function coinslot.present_columns() is 'Columns of Coinslot''s tables as they are.';
revoke all on function coinslot.present_columns() from public;

create function coinslot.present_policies()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select 'policy', format('%s on %s', quote_ident(p.polname), r.name), jsonb_build_object(
      'command', p.polcmd, 'roles', roles.names, 'permissive', p.polpermissive,
      'using', coinslot.as_parsed(pg_get_expr(p.polqual, p.polrelid)),
      'check', coinslot.as_parsed(pg_get_expr(p.polwithcheck, p.polrelid))
    ),
    format(
      'drop policy if exists %1$I on %2$s; '
      'create policy %1$I on %2$s for select to %3$s using (%4$s)',
      p.polname, r.name, array_to_string(roles.names, ', '), pg_get_expr(p.polqual, p.polrelid)
    )
  from coinslot.own_relations() r
  inner join pg_catalog.pg_policy p on p.polrelid = r.oid
  cross join lateral (
    select array_agg(g.rolname::text order by g.rolname) as names
    from pg_catalog.pg_roles g where g.oid = any(p.polroles)
  ) roles
$$;
comment on function coinslot.present_policies() is 'Policies of Coinslot''s tables as they are.';
revoke all on function coinslot.present_policies() from public;

-- Not-null is a constraint from Postgres 18 on and a column's property before. A foreign key is as
-- good as its triggers, which a restore of data may have left disabled.
create function coinslot.present_parts()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select 'constraint', format('%I on %s', c.conname, r.name),
    jsonb_build_object(
      'validated', c.convalidated,
      'definition', coinslot.as_parsed(pg_get_constraintdef(c.oid)),
      'enforced', not exists (
        select from pg_catalog.pg_trigger t where t.tgconstraint = c.oid and t.tgenabled <> 'O'
      )
    ),
    format('alter table %s drop constraint if exists %I, add constraint %2$I %s',
      r.name, c.conname, pg_get_constraintdef(c.oid))
  from coinslot.own_relations() r
  inner join pg_catalog.pg_constraint c on c.conrelid = r.oid and c.contype in ('c', 'f', 'p', 'u')
  union all
  select 'index', i.indexrelid::regclass::text,
    jsonb_build_object(
      'unique', i.indisunique, 'valid', i.indisvalid,
      'definition', coinslot.as_parsed(pg_get_indexdef(i.indexrelid))
    ),
    format('drop index if exists %s; %s', i.indexrelid::regclass, pg_get_indexdef(i.indexrelid))
  from coinslot.own_relations() r
  inner join pg_catalog.pg_index i on i.indrelid = r.oid
  where not exists (
    select from pg_catalog.pg_constraint c where c.conindid = i.indexrelid
  )
$$;
comment on function coinslot.present_parts() is
'Constraints and indexes of Coinslot''s tables as they are.';
revoke all on function coinslot.present_parts() from public;

-- Ours call a function of ours, and are on our own tables: one that closes a table of the app is of
-- no release. Those on Auth's tables are ours by their name, or one that calls something else would
-- count as missing.
create function coinslot.present_triggers()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select 'trigger', format('%I on %s', t.tgname, t.tgrelid::regclass),
    jsonb_build_object(
      'enabled', t.tgenabled, 'calls', t.tgfoid::regprocedure,
      'definition', coinslot.as_parsed(pg_get_triggerdef(t.oid))
    ),
    pg_get_triggerdef(t.oid)
  from pg_catalog.pg_trigger t
  inner join pg_catalog.pg_class c on c.oid = t.tgrelid
  inner join pg_catalog.pg_proc p on p.oid = t.tgfoid
  where not t.tgisinternal and (
    p.pronamespace = 'coinslot'::regnamespace and (
      c.relnamespace = 'coinslot'::regnamespace
      or c.relnamespace = 'public'::regnamespace and c.relname = any(coinslot.public_names())
    )
    or c.relnamespace = to_regnamespace('auth') and starts_with(t.tgname, 'coinslot_')
  )
$$;
comment on function coinslot.present_triggers() is
'Triggers of Coinslot on its own tables and on Auth''s as they are.';
revoke all on function coinslot.present_triggers() from public;

-- Rows that belong to the release and not to the shop, which decides all of a gateway but its id.
create function coinslot.present_rows()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select 'rows', 'coinslot.errors ' || e.message, to_jsonb(e), null from coinslot.errors e
  union all
  select 'rows', 'coinslot.gateways ' || g.id, '{}',
    jsonb_build_object('id', g.id, 'name', g.name)::text
  from coinslot.gateways g
  union all
  select 'rows', 'coinslot.payment_statuses ' || s.status, to_jsonb(s), null
  from coinslot.payment_statuses s
  union all
  select 'rows', format('coinslot.payment_transitions %s %s', t.from_status, t.to_status),
    to_jsonb(t), null
  from coinslot.payment_transitions t
  union all
  select 'rows', 'coinslot.event_types ' || e.type, to_jsonb(e), null from coinslot.event_types e
  union all
  -- Which of them are sent is the shop's.
  select 'rows', 'coinslot.mail_kinds ' || m.kind, to_jsonb(m) - 'active', to_jsonb(m)::text
  from coinslot.mail_kinds m
  union all
  -- Without these the maintenance walks nowhere; how far it has come is the shop's.
  select 'rows', 'coinslot.event_walks ' || w.name, '{}', jsonb_build_object('name', w.name)::text
  from coinslot.event_walks w
  where w.name <> 'low_mark'
  union all
  select 'rows', 'coinslot.report_progress', '{}', '{"id": true}' from coinslot.report_progress
$$;
comment on function coinslot.present_rows() is 'The rows of a release as they are.';
revoke all on function coinslot.present_rows() from public;

create function coinslot.present_objects()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select * from coinslot.present_functions()
  union all select * from coinslot.present_types()
  union all select * from coinslot.present_relations()
  union all select * from coinslot.present_columns()
  union all select * from coinslot.present_policies()
  union all select * from coinslot.present_parts()
  union all select * from coinslot.present_triggers()
  union all select * from coinslot.present_rows()
$$;
comment on function coinslot.present_objects() is 'Everything that a release consists of.';
revoke all on function coinslot.present_objects() from public;

-- Calls take tables in more than one order, so an upgrade that waits for the second of two tables
-- may wait for a call that waits for the first. It therefore takes all of them or none, and waits
-- for less long than the calls of users wait for a lock: none of them fails by its waiting.
create function coinslot.lock_for_upgrade(tables regclass[]) returns void
language plpgsql volatile set search_path = '' set lock_timeout = '70ms' as $$
declare
  v_tables text := (select string_agg(t::text, ', ') from unnest(lock_for_upgrade.tables) t);
begin
  for v_try in 1..100 loop
    begin
      execute format('lock table %s in access exclusive mode', v_tables);
      return;
    exception when lock_not_available or deadlock_detected then
      perform pg_catalog.pg_sleep(0.05 + random() * 0.1);
    end;
  end loop;
  perform coinslot.refuse_problems('Coinslot cannot be upgraded now', array[
    v_tables || ': somebody has them in use, a backup maybe. Push again when that is over.'
  ]);
end
$$;
comment on function coinslot.lock_for_upgrade(regclass[]) is
'Locks tables that a migration is about to change: all at once, or not at all.';
revoke all on function coinslot.lock_for_upgrade(regclass[]) from public;

-- What begin_upgrade() found changed by hand, and the migrations have left so, does not become of
-- the release by them: the manifest goes on saying what the release has.
create function coinslot.write_manifest() returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_before jsonb := coinslot.found_at_upgrade();
  v_objects jsonb;
begin
  if v_before is not null then
    drop function coinslot.unfinished_upgrade();
  end if;
  select jsonb_agg(to_jsonb(o) order by o.kind collate "C", o.name collate "C") into v_objects
  from coinslot.present_objects() o;
  if v_before <> '[]' then
    v_objects := coinslot.without_deviations(v_objects, v_before);
  end if;
  execute format(
    'create or replace function coinslot.manifest() returns jsonb '
    'language sql immutable set search_path = %L as %L', '', format('select %L::jsonb', v_objects)
  );
  comment on function coinslot.manifest() is 'The objects of this release: see write_manifest.';
  revoke all on function coinslot.manifest() from public;
  return jsonb_array_length(v_objects);
end
$$;
comment on function coinslot.write_manifest() is
'Takes what is here for this release, and ends its upgrade; the last statement of its migrations.';
revoke all on function coinslot.write_manifest() from public;
