-- The manifest: how this release looks in this database, object by object, with a statement that
-- makes each again. A check compares with it, and a repair takes from it.
--
-- It is a function. Functions go where the schema goes and never where only data goes, so data that
-- is restored from an older release does not bring an older manifest. Nobody writes it by hand:
-- each release ends with write_manifest().
--
-- Facts are what reads the same on every Postgres, 15 to 18, and after a restore. The body of a
-- function is its source. What Postgres writes anew from what it has parsed it writes with other
-- brackets when it has read that again, and some releases name the table of each column.

-- What Coinslot calls its own in `public`. There may be more under these names, an app's overload:
-- what is ours calls the schema coinslot.
create function coinslot.public_names() returns text[]
language sql immutable parallel safe set search_path = ''
return array[
  'add_tokens', 'cancel_token_order', 'capture_token_hold', 'coinslot_add_operator',
  'coinslot_apply_gateway_payment', 'coinslot_audit_payments', 'coinslot_audit_report',
  'coinslot_audit_unlisted', 'coinslot_begin_audit', 'coinslot_check_installation',
  'coinslot_check_ledger', 'coinslot_claim_payments', 'coinslot_claim_refunds',
  'coinslot_claim_webhooks', 'coinslot_close_refund', 'coinslot_finish_audit',
  'coinslot_finish_webhook', 'coinslot_get_backlog', 'coinslot_get_refund', 'coinslot_get_settings',
  'coinslot_go_live', 'coinslot_list_discrepancies', 'coinslot_list_operators',
  'coinslot_list_products', 'coinslot_list_webhooks', 'coinslot_open_payment',
  'coinslot_operator_account', 'coinslot_payment_to_read', 'coinslot_product',
  'coinslot_record_refund_answer', 'coinslot_refund_job', 'coinslot_refuse_payment_attempt',
  'coinslot_remove_operator', 'coinslot_remove_product', 'coinslot_replay_webhooks',
  'coinslot_resolve_discrepancy', 'coinslot_return_payments', 'coinslot_return_webhooks',
  'coinslot_run_maintenance', 'coinslot_schema_version', 'coinslot_set_product',
  'coinslot_store_webhook', 'coinslot_verify_ledger', 'coinslot_webhook_verdict',
  'create_token_order', 'extend_token_hold', 'get_user_tokens', 'hold_feature_for',
  'hold_tokens_for', 'list_token_holds', 'list_token_refunds', 'merge_token_wallets',
  'refund_spend_for', 'release_token_hold', 'request_token_refund', 'request_token_refund_for',
  'spend_tokens', 'spend_tokens_for', 'token_capture_receipt', 'token_features',
  'token_hold_receipt', 'token_ledger', 'token_merge_receipt', 'token_offers',
  'token_payment_events', 'token_payments', 'token_prices', 'token_products', 'token_receipt',
  'token_refunds', 'token_wallets', 'tokens', 'update_profile', 'use_feature', 'use_feature_for'
];
comment on function coinslot.public_names() is 'The names in public that are Coinslot''s.';
revoke all on function coinslot.public_names() from public;

create function coinslot.as_parsed(written text) returns text
language sql immutable parallel safe set search_path = ''
return regexp_replace(regexp_replace(written, '\m\w+\.', '', 'g'), '[()\s]', '', 'g');
comment on function coinslot.as_parsed(text) is
'A clause without brackets, spaces and the names of tables, which say nothing of it.';
revoke all on function coinslot.as_parsed(text) from public;

-- Only of the roles of the API: what else has rights is the project's own affair.
create function coinslot.grants_in(acl aclitem[]) returns text[]
language sql stable set search_path = '' as $$
  select coalesce(array_agg(g.line order by g.line collate "C"), '{}')
  from (
    select a.privilege_type || ' to ' || coalesce(r.rolname, 'public') as line
    from aclexplode(grants_in.acl) a
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
      'grants', coinslot.grants_in(coalesce(p.proacl, acldefault('f', p.proowner)))
    ),
    pg_get_functiondef(p.oid) || format(
      E';\ncomment on function %s is %L', p.oid::regprocedure, obj_description(p.oid, 'pg_proc')
    )
  from pg_catalog.pg_proc p
  inner join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.prokind = 'f' and p.oid <> coalesce(to_regprocedure('coinslot.manifest()'), 0)
    and (n.nspname = 'coinslot' or (
      n.nspname = 'public' and p.proname = any(coinslot.public_names())
      and p.proname <> 'tokens' and strpos(p.prosrc, 'coinslot.') > 0
    ))
$$;
comment on function coinslot.present_functions() is 'Coinslot''s functions as they are.';
revoke all on function coinslot.present_functions() from public;

create function coinslot.own_relations()
returns table (oid oid, kind text, name text, grants text[], secured boolean, options text[])
language sql stable set search_path = '' as $$
  select c.oid, c.relkind::text, format('%I.%I', n.nspname, c.relname),
    coinslot.grants_in(coalesce(c.relacl, acldefault('r', c.relowner))) || array(
      select regexp_replace(g.line, ' to ', format(' (%s) to ', a.attname))
      from pg_catalog.pg_attribute a, unnest(coinslot.grants_in(a.attacl)) g (line)
      where a.attrelid = c.oid and a.attacl is not null and not a.attisdropped
      order by a.attname collate "C", g.line collate "C"
    ),
    c.relrowsecurity, c.reloptions
  from pg_catalog.pg_class c
  inner join pg_catalog.pg_namespace n on n.oid = c.relnamespace
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
    jsonb_build_object('grants', coinslot.grants_in(n.nspacl)), null
  from pg_catalog.pg_namespace n where n.nspname = 'coinslot'
  union all
  select 'table', r.name, jsonb_build_object('grants', r.grants, 'row_security', r.secured), null
  from coinslot.own_relations() r where r.kind = 'r'
  union all
  select 'view', r.name, jsonb_build_object(
      'grants', r.grants, 'options', r.options,
      'query', coinslot.as_parsed(pg_get_viewdef(r.oid))
    ),
    format('create or replace view %s%s as %s', r.name,
      format(' with (%s)', array_to_string(r.options, ', ')), pg_get_viewdef(r.oid))
  from coinslot.own_relations() r where r.kind = 'v'
$$;
comment on function coinslot.present_relations() is 'Coinslot''s tables and views as they are.';
revoke all on function coinslot.present_relations() from public;

create function coinslot.present_policies()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select 'policy', format('%s on %s', quote_ident(p.polname), r.name), jsonb_build_object(
      'command', p.polcmd, 'roles', roles.names,
      'using', coinslot.as_parsed(pg_get_expr(p.polqual, p.polrelid))
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

-- Not-null is a constraint from Postgres 18 on and a column's property before.
create function coinslot.present_parts()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select 'constraint', format('%I on %s', c.conname, r.name),
    jsonb_build_object('validated', c.convalidated),
    format('alter table %s drop constraint if exists %I, add constraint %2$I %s',
      r.name, c.conname, pg_get_constraintdef(c.oid))
  from coinslot.own_relations() r
  inner join pg_catalog.pg_constraint c on c.conrelid = r.oid and c.contype in ('c', 'f', 'p', 'u')
  union all
  select 'index', i.indexrelid::regclass::text,
    jsonb_build_object('unique', i.indisunique, 'valid', i.indisvalid),
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
$$;
comment on function coinslot.present_rows() is 'The rows of a release as they are.';
revoke all on function coinslot.present_rows() from public;

create function coinslot.present_objects()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select * from coinslot.present_functions()
  union all select * from coinslot.present_relations()
  union all select * from coinslot.present_policies()
  union all select * from coinslot.present_parts()
  union all select * from coinslot.present_triggers()
  union all select * from coinslot.present_rows()
$$;
comment on function coinslot.present_objects() is 'Everything that a release consists of.';
revoke all on function coinslot.present_objects() from public;

create function coinslot.write_manifest() returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_objects jsonb;
begin
  select jsonb_agg(to_jsonb(o) order by o.kind collate "C", o.name collate "C") into v_objects
  from coinslot.present_objects() o;
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
'Takes what is here for this release; the last statement of its migrations.';
revoke all on function coinslot.write_manifest() from public;

select coinslot.write_manifest();
