-- The names of lots are Coinslot's, and what was added unchecked is checked, while people go on.

create or replace function coinslot.public_names() returns text[]
language sql immutable parallel safe set search_path = ''
return array[
  'accept_token_refund', 'accept_token_refund_for', 'add_tokens', 'cancel_token_order',
  'capture_token_hold', 'coinslot_add_operator', 'coinslot_apply_gateway_payment',
  'coinslot_audit_open', 'coinslot_audit_payments', 'coinslot_audit_report',
  'coinslot_audit_unlisted', 'coinslot_begin_audit', 'coinslot_check_installation',
  'coinslot_check_ledger', 'coinslot_claim_closings', 'coinslot_claim_payments',
  'coinslot_claim_refunds', 'coinslot_claim_webhooks', 'coinslot_close_refund', 'coinslot_closing',
  'coinslot_due_audits', 'coinslot_finish_audit', 'coinslot_finish_closing',
  'coinslot_finish_webhook', 'coinslot_get_attempt_key', 'coinslot_get_backlog',
  'coinslot_get_refund', 'coinslot_get_settings', 'coinslot_go_live', 'coinslot_list_discrepancies',
  'coinslot_list_operators', 'coinslot_list_products', 'coinslot_list_webhooks',
  'coinslot_open_payment', 'coinslot_operator_account', 'coinslot_payment_to_read',
  'coinslot_product', 'coinslot_record_refund_answer', 'coinslot_refund_job',
  'coinslot_refuse_payment_attempt', 'coinslot_remove_operator', 'coinslot_remove_product',
  'coinslot_replay_webhooks', 'coinslot_resolve_discrepancy', 'coinslot_return_payments',
  'coinslot_return_webhooks', 'coinslot_run_maintenance', 'coinslot_schema_version',
  'coinslot_set_product', 'coinslot_store_webhook', 'coinslot_verify_ledger',
  'coinslot_webhook_verdict', 'create_token_order', 'extend_token_hold', 'get_user_tokens',
  'hold_feature_for', 'hold_tokens_for', 'list_expiring_tokens', 'list_token_holds',
  'list_token_lots', 'list_token_refunds', 'merge_token_wallets', 'refund_spend_for',
  'release_token_hold', 'request_token_refund', 'request_token_refund_for', 'spend_tokens',
  'spend_tokens_for', 'token_capture_receipt', 'token_features', 'token_hold_receipt',
  'token_ledger', 'token_lots', 'token_merge_receipt', 'token_offers', 'token_payment_events',
  'token_payments', 'token_prices', 'token_products', 'token_receipt', 'token_refunds',
  'token_wallets', 'tokens', 'update_profile', 'use_feature', 'use_feature_for',
  'void_token_orders', 'void_token_orders_for'
];

alter table public.token_ledger validate constraint token_ledger_kind_known;
alter table public.token_products validate constraint token_products_expiry_fits;
alter table coinslot.settings validate constraint settings_returned_lifetime_not_negative;

notify pgrst, 'reload schema';
