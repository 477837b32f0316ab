-- The books prove what was issued, and the names are Coinslot's.

create or replace function coinslot.verify_ledger(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language sql stable security definer set search_path = '' as $$
  select * from coinslot.verify_wallets(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_keys(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_sources(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_attempts(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_merges(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_spend_refunds(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_lots(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_kept(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_draws(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_lot_entries(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_places(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_refills(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_promotions(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_referrals(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_documents(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_series(verify_ledger.from_user)
$$;

-- What Coinslot calls its own in `public`. There may be more under these names, an app's overload:
-- what is ours calls the schema coinslot.
create or replace function coinslot.public_names() returns text[]
language sql immutable parallel safe set search_path = ''
return array[
  'accept_token_invitation', 'accept_token_refund', 'accept_token_refund_for', 'add_tokens',
  'cancel_token_order', 'capture_token_hold', 'check_token_code', 'coinslot_add_operator',
  'coinslot_apply_gateway_payment', 'coinslot_audit_open', 'coinslot_audit_payments',
  'coinslot_audit_report', 'coinslot_audit_unlisted', 'coinslot_begin_audit',
  'coinslot_check_installation', 'coinslot_check_ledger', 'coinslot_claim_closings',
  'coinslot_claim_payments', 'coinslot_claim_refunds', 'coinslot_claim_webhooks',
  'coinslot_close_refund', 'coinslot_closing', 'coinslot_due_audits', 'coinslot_erase_user',
  'coinslot_export_user', 'coinslot_finish_audit', 'coinslot_finish_closing',
  'coinslot_finish_webhook', 'coinslot_get_attempt_key', 'coinslot_get_backlog',
  'coinslot_get_refund', 'coinslot_get_settings', 'coinslot_go_live', 'coinslot_list_codes',
  'coinslot_list_discrepancies', 'coinslot_list_operators', 'coinslot_list_products',
  'coinslot_list_promotions', 'coinslot_list_referrals', 'coinslot_list_refills',
  'coinslot_list_webhooks', 'coinslot_make_codes', 'coinslot_note_instrument',
  'coinslot_open_payment', 'coinslot_operator_account', 'coinslot_payment_to_read',
  'coinslot_product', 'coinslot_record_refund_answer', 'coinslot_refund_job',
  'coinslot_refuse_payment_attempt', 'coinslot_remove_operator', 'coinslot_remove_product',
  'coinslot_replay_webhooks', 'coinslot_resolve_discrepancy', 'coinslot_return_payments',
  'coinslot_return_webhooks', 'coinslot_run_maintenance', 'coinslot_schema_version',
  'coinslot_set_code', 'coinslot_set_product', 'coinslot_set_promotion', 'coinslot_set_refill',
  'coinslot_set_seller', 'coinslot_set_tiers', 'coinslot_store_webhook', 'coinslot_verify_ledger',
  'coinslot_webhook_verdict', 'create_token_order', 'extend_token_hold', 'get_token_document',
  'get_token_invitation', 'get_user_tokens', 'hold_feature_for', 'hold_tokens_for',
  'list_expiring_tokens', 'list_token_holds', 'list_token_lots', 'list_token_refills',
  'list_token_refunds', 'merge_token_wallets', 'redeem_token_code', 'refund_spend_for',
  'release_token_hold', 'request_token_refund', 'request_token_refund_for', 'set_token_code',
  'set_token_group_for', 'set_token_promotion', 'set_token_refill', 'set_token_seller',
  'set_token_tiers', 'spend_tokens', 'spend_tokens_for', 'token_capture_receipt', 'token_documents',
  'token_features', 'token_hold_receipt', 'token_ledger', 'token_lots', 'token_merge_receipt',
  'token_offers', 'token_payment_events', 'token_payments', 'token_prices', 'token_products',
  'token_receipt', 'token_redemption', 'token_refunds', 'token_tiers', 'token_wallets', 'tokens',
  'update_profile', 'use_feature', 'use_feature_for', 'void_token_orders', 'void_token_orders_for'
];

-- A table of the app: an ordinary one, whose owner asks. Coinslot's own are out of bounds.
create or replace function coinslot.table_problems(app_table regclass) returns setof text
language sql stable set search_path = '' as $$
  select format('%s: %s', table_problems.app_table, p.problem)
  from pg_catalog.pg_class c
  cross join lateral (values
    (c.relnamespace = 'coinslot'::regnamespace or c.oid = any(array[
      'public.token_documents', 'public.token_features', 'public.token_ledger',
      'public.token_lots', 'public.token_payment_events',
      'public.token_payments', 'public.token_plans', 'public.token_prices',
      'public.token_products', 'public.token_subscription_events',
      'public.token_subscriptions', 'public.token_tiers', 'public.token_wallets'
    ]::regclass[]), 'it is Coinslot''s own.'),
    (c.relkind <> 'r' or c.relispartition or c.relhassubclass, 'it is no ordinary table.'),
    (not pg_has_role(c.relowner, 'usage'), current_user || ' does not own it.')
  ) p (applies, problem)
  where c.oid = table_problems.app_table and p.applies
$$;

notify pgrst, 'reload schema';
