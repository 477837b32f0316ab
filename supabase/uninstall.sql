-- Leaving: takes Coinslot out of a database, and nothing else. Run export.sql first, and stop the
-- sidecar. It also clears up an installation that stopped halfway.
--
-- Where something of yours leans on Coinslot, or money is on its way, it says so in one list and
-- changes nothing. Afterwards tell the Supabase CLI: docs/uninstall.md says how.
begin;

-- Sign-ups wait while the triggers of auth.users go, and nobody waits long.
set local lock_timeout = '10s';
set local search_path = '';
set local client_min_messages = warning;

-- Tables of the app may have the names, and it may have a schema of this name: then Coinslot was
-- refused here and is not there. It is told by its settings, or by the comment on its schema where
-- the first migration stopped; where the schema was dropped, by what still calls it.
create function pg_temp.is_here() returns boolean
language sql stable as $$
  select exists (
    select from pg_catalog.pg_namespace n
    where n.nspname = 'coinslot' and (
      starts_with(obj_description(n.oid, 'pg_namespace'), 'Coinslot internals')
      or exists (
        select from pg_catalog.pg_attribute a
        where a.attrelid = to_regclass('coinslot.settings') and a.attname = 'identity_salt'
      )
    )
    union all
    select from pg_catalog.pg_proc p
    where p.oid = to_regprocedure('public.get_user_tokens()') and p.prosrc like '%coinslot.%'
      and to_regnamespace('coinslot') is null
  )
$$;

-- There may be an app's overload under one of the names: functions of ours call Coinslot.
create function pg_temp.ours() returns table (class regclass, oid oid, kind text)
language sql stable as $$
  with names as (
    select unnest(array[
      'accept_token_invitation', 'accept_token_refund', 'accept_token_refund_for',
      'add_token_endpoint', 'add_tokens', 'answer_token_price', 'begin_token_method',
      'cancel_token_order', 'cancel_token_subscription', 'capture_token_hold',
      'change_token_plan', 'check_token_code', 'coinslot_add_endpoint', 'coinslot_add_operator',
      'coinslot_apply_gateway_payment', 'coinslot_audit_open', 'coinslot_audit_payments',
      'coinslot_audit_report', 'coinslot_audit_unlisted', 'coinslot_begin_audit',
      'coinslot_cash_receipt', 'coinslot_check_installation', 'coinslot_check_ledger',
      'coinslot_claim_cash_receipts', 'coinslot_claim_charges', 'coinslot_claim_closings',
      'coinslot_claim_deliveries', 'coinslot_claim_forgets', 'coinslot_claim_mails',
      'coinslot_claim_payments', 'coinslot_claim_refunds', 'coinslot_claim_top_ups',
      'coinslot_claim_webhooks', 'coinslot_close_refund', 'coinslot_closing', 'coinslot_delivery',
      'coinslot_delivery_job', 'coinslot_due_audits', 'coinslot_earlier_method',
      'coinslot_endpoint', 'coinslot_erase_user', 'coinslot_export_user', 'coinslot_finish_audit',
      'coinslot_finish_cash_receipt', 'coinslot_finish_charge', 'coinslot_finish_closing',
      'coinslot_finish_delivery', 'coinslot_finish_forget', 'coinslot_finish_mail',
      'coinslot_finish_method', 'coinslot_finish_top_up', 'coinslot_finish_webhook',
      'coinslot_get_attempt_key', 'coinslot_get_backlog', 'coinslot_get_refund',
      'coinslot_get_settings', 'coinslot_go_live', 'coinslot_list_codes',
      'coinslot_list_deliveries', 'coinslot_list_discrepancies', 'coinslot_list_endpoints',
      'coinslot_list_operators', 'coinslot_list_plans', 'coinslot_list_products',
      'coinslot_list_promotions', 'coinslot_list_referrals', 'coinslot_list_refills',
      'coinslot_list_sealed', 'coinslot_list_webhooks', 'coinslot_mail_job',
      'coinslot_make_codes', 'coinslot_note_instrument', 'coinslot_open_payment',
      'coinslot_operator_account', 'coinslot_payment_to_read', 'coinslot_product',
      'coinslot_propose_price', 'coinslot_record_refund_answer', 'coinslot_refund_job',
      'coinslot_refuse_mail', 'coinslot_refuse_payment_attempt', 'coinslot_remove_operator',
      'coinslot_remove_plan', 'coinslot_remove_product', 'coinslot_replay_endpoint',
      'coinslot_replay_webhooks', 'coinslot_reseal', 'coinslot_resolve_discrepancy',
      'coinslot_return_payments', 'coinslot_return_webhooks', 'coinslot_rotate_endpoint',
      'coinslot_run_maintenance', 'coinslot_schema_version', 'coinslot_set_code',
      'coinslot_set_endpoint', 'coinslot_set_plan', 'coinslot_set_product',
      'coinslot_set_promotion', 'coinslot_set_refill', 'coinslot_set_seller',
      'coinslot_set_tiers', 'coinslot_set_unattended', 'coinslot_store_webhook',
      'coinslot_test_endpoint', 'coinslot_verify_ledger', 'coinslot_webhook_verdict',
      'coinslot_withdraw_price', 'create_token_order', 'extend_token_hold', 'get_token_document',
      'get_token_invitation', 'get_token_method', 'get_token_top_up', 'get_unpaid_token_order',
      'get_user_tokens', 'hold_feature_for', 'hold_tokens_for', 'list_expiring_tokens',
      'list_token_cash_receipts', 'list_token_deliveries', 'list_token_endpoints',
      'list_token_holds', 'list_token_lots', 'list_token_mails', 'list_token_methods',
      'list_token_refills', 'list_token_refunds', 'list_token_subscriptions',
      'merge_token_wallets', 'pause_token_subscription', 'pay_token_subscription',
      'quote_token_plan', 'redeem_token_code', 'refund_spend_for', 'release_token_hold',
      'remove_token_method', 'replay_token_endpoint', 'request_token_cash_receipt',
      'request_token_refund', 'request_token_refund_for', 'resume_token_subscription',
      'rotate_token_endpoint', 'set_token_code', 'set_token_endpoint', 'set_token_group_for',
      'set_token_mail', 'set_token_promotion', 'set_token_refill', 'set_token_seller',
      'set_token_subscription_method', 'set_token_tiers', 'set_token_top_up', 'spend_tokens',
      'spend_tokens_for', 'stop_token_top_up', 'subscribe_token_plan', 'test_token_endpoint',
      'token_capture_receipt', 'token_cash_receipts', 'token_console_act', 'token_console_export',
      'token_console_get', 'token_console_list', 'token_console_report', 'token_console_search',
      'token_documents', 'token_features', 'token_hold_receipt', 'token_ledger', 'token_lots',
      'token_merge_receipt', 'token_offers', 'token_payment_events', 'token_payments',
      'token_plan_offers', 'token_plans', 'token_prices', 'token_products', 'token_receipt',
      'token_redemption', 'token_refunds', 'token_subscription_events', 'token_subscriptions',
      'token_tiers', 'token_wallets', 'tokens', 'update_profile', 'upgrade_token_plan',
      'use_feature', 'use_feature_for', 'void_token_orders', 'void_token_orders_for',
      'withdraw_token_cash_receipt'
    ]) as name
  ), relations as (
    select c.oid, c.relkind from pg_catalog.pg_class c
    where c.relnamespace = to_regnamespace('coinslot')
      or c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'c')
      and c.relname in (select n.name from names n)
      or c.oid = to_regclass('public.profiles')
      and obj_description(c.oid, 'pg_class') = 'What a person shows of themselves.'
  )
  select 'pg_catalog.pg_class'::regclass, r.oid, r.relkind::text from relations r
  union all
  select 'pg_catalog.pg_type'::regclass, u.oid, null
  from pg_catalog.pg_type t
  cross join lateral unnest(array[t.oid, t.typarray]) u (oid)
  where t.typrelid in (select r.oid from relations r)
    or t.typnamespace = to_regnamespace('coinslot')
  union all
  select 'pg_catalog.pg_proc'::regclass, p.oid, 'f' from pg_catalog.pg_proc p
  where p.pronamespace = to_regnamespace('coinslot')
    or p.pronamespace = 'public'::regnamespace and strpos(p.prosrc, 'coinslot.') > 0
    and p.proname in (select n.name from names n)
    -- The computed field that an import has put in place of a column.
    or starts_with(
      p.prosrc,
      'select case when w.closed_at is null then coinslot.available(w) else 0 end '
      'from public.token_wallets w where w.user_id = profile.'
    )
$$;

-- What would go with ours and is not ours: views, functions, foreign keys, columns, triggers. Of
-- our tables go their own constraints, indexes, defaults and policies.
create function pg_temp.leaning() returns setof text
language sql stable as $$
  select distinct pg_describe_object(d.classid, d.objid, d.objsubid) || ': it is yours.'
  from pg_catalog.pg_depend d
  inner join pg_temp.ours() o on o.class = d.refclassid and o.oid = d.refobjid
  left join pg_catalog.pg_trigger t on d.classid = t.tableoid and d.objid = t.oid
  where d.deptype in ('n', 'a') and d.classid <> 'pg_catalog.pg_publication_rel'::regclass
    and not coalesce(starts_with(t.tgname, 'coinslot_'), false)
    and not exists (
      select from pg_temp.ours() f where f.oid = coalesce(
        t.tgfoid,
        (select w.ev_class from pg_catalog.pg_rewrite w
          where d.classid = w.tableoid and d.objid = w.oid),
        (select coalesce(nullif(c.conrelid, 0), c.contypid) from pg_catalog.pg_constraint c
          where d.classid = c.tableoid and d.objid = c.oid),
        (select a.adrelid from pg_catalog.pg_attrdef a
          where d.classid = a.tableoid and d.objid = a.oid),
        (select y.polrelid from pg_catalog.pg_policy y
          where d.classid = y.tableoid and d.objid = y.oid),
        (select i.indrelid from pg_catalog.pg_index i
          where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = i.indexrelid),
        (select s.refobjid from pg_catalog.pg_depend s
          inner join pg_catalog.pg_class q on q.oid = s.objid and q.relkind = 'S'
          where d.classid = s.classid and d.objid = s.objid and s.deptype in ('a', 'i')),
        d.objid
      )
    )
  union
  -- No name of ours stands for two functions, and each of ours has a comment.
  select format('function %s: it is yours.', p.oid::regprocedure)
  from pg_temp.ours() o
  inner join pg_catalog.pg_proc p on p.oid = o.oid and p.pronamespace = 'public'::regnamespace
  where o.kind = 'f' and p.proname <> 'tokens' and obj_description(p.oid, 'pg_proc') is null
    and exists (
      select from pg_temp.ours() f
      inner join pg_catalog.pg_proc q on q.oid = f.oid and q.pronamespace = p.pronamespace
      where f.kind = 'f' and q.proname = p.proname and q.oid <> p.oid
    )
  union
  -- What the app has added to our table of profiles is nowhere else.
  select format('column %I of table public.profiles: it is yours.', a.attname)
  from pg_temp.ours() o
  inner join pg_catalog.pg_attribute a on o.oid = a.attrelid and a.attnum > 0
  where o.kind = 'r' and o.oid = to_regclass('public.profiles') and not a.attisdropped
    and a.attname not in ('id', 'display_name', 'locale', 'created_at')
$$;

create function pg_temp.on_its_way(problem text, relation text, condition text) returns text
language plpgsql as $$
declare
  v_count bigint := 0;
begin
  if to_regclass(relation) is not null then
    execute format('select count(*) from %s where %s', relation, condition) into v_count;
  end if;
  return case when v_count > 0 then format('%s %s', v_count, problem) end;
end
$$;

do $$
declare
  v_problems text[];
  v_drops text[];
  v_drop text;
begin
  if not pg_temp.is_here() then
    raise warning 'Coinslot is not in this database: nothing was changed.';
    return;
  end if;
  v_problems := array(select pg_temp.leaning() order by 1) || array_remove(array[
    pg_temp.on_its_way('refunds are open: end them.', 'coinslot.refunds', 'finished_at is null'),
    pg_temp.on_its_way('orders await a deposit: cancel them, or wait until they expire.',
      'public.token_payments', 'status = ''awaiting_deposit''')
  ], null);
  if cardinality(v_problems) > 0 then
    raise exception using
      errcode = 'dependent_objects_still_exist',
      message = 'Coinslot cannot be taken out yet, and nothing was changed:' || E'\n- '
        || array_to_string(v_problems, E'\n- ');
  end if;
  if to_regclass('cron.job') is not null then
    execute 'select cron.unschedule(j.jobid) from cron.job j where j.jobname = $1'
    using 'coinslot maintenance';
  end if;
  -- By now nothing but ours goes with any of it. Auth's triggers go with what they call: their
  -- tables are not ours to alter.
  v_drops := array(
    select format('drop function if exists %s cascade', o.oid::regprocedure)
    from pg_temp.ours() o where o.kind = 'f'
    union all
    select format('drop %s if exists %s cascade',
      case o.kind when 'r' then 'table' when 'v' then 'view' else 'type' end, o.oid::regclass)
    from pg_temp.ours() o where o.kind in ('r', 'v', 'c')
  );
  foreach v_drop in array v_drops
  loop
    execute v_drop;
  end loop;
  drop schema if exists coinslot cascade;
end
$$;

drop function pg_temp.leaning(), pg_temp.ours(), pg_temp.on_its_way(text, text, text);
drop function pg_temp.is_here();
commit;
