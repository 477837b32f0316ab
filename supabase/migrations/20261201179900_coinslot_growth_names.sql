-- The maintenance does their work, the books prove them, and their names are Coinslot's. What was
-- added unchecked is checked, while people go on.

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
    'referrals_settled', coinslot.settle_referrals(run_maintenance.batch)
  );
end
$$;

comment on function public.coinslot_run_maintenance(integer) is
'Service: expires orders, holds and tokens, deletes what was kept long enough, tells wallets of new
rules, and rewards referrals; {orders_expired, wallets_swept, wallets_expired, purged,
wallets_with_lots, wallets_told, referrals_settled}.';

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
  'coinslot_close_refund', 'coinslot_closing', 'coinslot_due_audits', 'coinslot_finish_audit',
  'coinslot_finish_closing', 'coinslot_finish_webhook', 'coinslot_get_attempt_key',
  'coinslot_get_backlog', 'coinslot_get_refund', 'coinslot_get_settings', 'coinslot_go_live',
  'coinslot_list_codes', 'coinslot_list_discrepancies', 'coinslot_list_operators',
  'coinslot_list_products', 'coinslot_list_promotions', 'coinslot_list_referrals',
  'coinslot_list_refills', 'coinslot_list_webhooks', 'coinslot_make_codes',
  'coinslot_note_instrument', 'coinslot_open_payment', 'coinslot_operator_account',
  'coinslot_payment_to_read', 'coinslot_product', 'coinslot_record_refund_answer',
  'coinslot_refund_job', 'coinslot_refuse_payment_attempt', 'coinslot_remove_operator',
  'coinslot_remove_product', 'coinslot_replay_webhooks', 'coinslot_resolve_discrepancy',
  'coinslot_return_payments', 'coinslot_return_webhooks', 'coinslot_run_maintenance',
  'coinslot_schema_version', 'coinslot_set_code', 'coinslot_set_product', 'coinslot_set_promotion',
  'coinslot_set_refill', 'coinslot_set_tiers', 'coinslot_store_webhook', 'coinslot_verify_ledger',
  'coinslot_webhook_verdict', 'create_token_order', 'extend_token_hold', 'get_token_invitation',
  'get_user_tokens', 'hold_feature_for', 'hold_tokens_for', 'list_expiring_tokens',
  'list_token_holds', 'list_token_lots', 'list_token_refills', 'list_token_refunds',
  'merge_token_wallets', 'redeem_token_code', 'refund_spend_for', 'release_token_hold',
  'request_token_refund', 'request_token_refund_for', 'set_token_code', 'set_token_group_for',
  'set_token_promotion', 'set_token_refill', 'set_token_tiers', 'spend_tokens', 'spend_tokens_for',
  'token_capture_receipt', 'token_features', 'token_hold_receipt', 'token_ledger', 'token_lots',
  'token_merge_receipt', 'token_offers', 'token_payment_events', 'token_payments', 'token_prices',
  'token_products', 'token_receipt', 'token_redemption', 'token_refunds', 'token_tiers',
  'token_wallets', 'tokens', 'update_profile', 'use_feature', 'use_feature_for',
  'void_token_orders', 'void_token_orders_for'
];

alter table public.token_ledger validate constraint token_ledger_kind_known;
alter table public.token_payments validate constraint token_payments_quantity_positive;
alter table public.token_payments validate constraint token_payments_list_amount_fits;
alter table coinslot.lot_draws validate constraint lot_draws_cause_known;

notify pgrst, 'reload schema';
