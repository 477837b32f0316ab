-- Buyers take back what they asked for, and stores know whether there is something to ask for.

-- Before the order is paid: after that the seller's duty may be to issue one unasked.
create function coinslot.withdraw_cash_receipt(order_id text) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_payment public.token_payments;
  v_receipt coinslot.cash_receipts;
begin
  select p.* into v_payment from public.token_payments p
  where p.order_id = withdraw_cash_receipt.order_id and p.user_id = v_user_id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  select r.* into v_receipt from coinslot.cash_receipts r
  where r.payment_id = v_payment.id for update;
  if not found then
    return false;
  elsif v_payment.confirmed_at is not null then
    perform coinslot.fail('cash_receipt_exists', jsonb_build_object('status', v_receipt.status));
  end if;
  delete from coinslot.cash_receipts r where r.payment_id = v_payment.id;
  return true;
end
$$;
comment on function coinslot.withdraw_cash_receipt(text) is
'See public.withdraw_token_cash_receipt.';
revoke all on function coinslot.withdraw_cash_receipt(text) from public;
grant execute on function coinslot.withdraw_cash_receipt(text) to authenticated;

create function public.withdraw_token_cash_receipt(order_id text) returns boolean
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.withdraw_cash_receipt(withdraw_token_cash_receipt.order_id)
$$;
comment on function public.withdraw_token_cash_receipt(text) is
'Takes back what the caller asked for by request_token_cash_receipt, and forgets the number; false
where nothing was asked. PT409 once the order is paid.';
revoke all on function public.withdraw_token_cash_receipt(text)
from public, anon, authenticated, service_role;
grant execute on function public.withdraw_token_cash_receipt(text) to authenticated;

-- The functions tell a server that is older or newer than the migrations what it would miss.
-- The shop, as its store shows it. Currencies are those in which something is on sale; a store has
-- a field for codes where there are any, and a page to invite where that is rewarded.
create or replace function coinslot.get_shop() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'business', s.business, 'links', s.links, 'refund_days', s.refund_days,
    'currencies', coalesce((
      select jsonb_agg(c.currency order by c.products desc, c.currency collate "C")
      from (
        select o.currency, count(*) as products from public.token_offers o group by o.currency
      ) c
    ), '[]'),
    'max_quantity', s.max_quantity,
    'takes_codes', exists (
      select from coinslot.promotions p
      where p.active and (p.ends_at is null or p.ends_at > statement_timestamp())
    ),
    'invitations', jsonb_build_object('reward', s.referral_reward, 'bonus', s.referral_bonus),
    'cash_receipts', s.cash_receipts,
    'plans', jsonb_build_object(
      'gateways', coalesce((
        select jsonb_agg(g.id order by g.id) from coinslot.gateways g
        where g.active and g.unattended <> 'none'
      ), '[]'),
      'at_will', coalesce((
        select jsonb_agg(g.id order by g.id) from coinslot.gateways g
        where g.active and g.unattended = 'at_will' and s.auto_top_up
      ), '[]'),
      'currencies', coalesce((
        select jsonb_agg(distinct o.currency) from public.token_plan_offers o
      ), '[]')
    )
  )
  from coinslot.settings s where s.id
$$;

-- What Coinslot calls its own in `public`. There may be more under these names, an app's overload:
-- what is ours calls the schema coinslot.
create or replace function coinslot.public_names() returns text[]
language sql immutable parallel safe set search_path = ''
return array[
  'accept_token_invitation', 'accept_token_refund', 'accept_token_refund_for', 'add_token_endpoint',
  'add_tokens', 'begin_token_method', 'cancel_token_order', 'cancel_token_subscription',
  'capture_token_hold', 'change_token_plan', 'check_token_code', 'coinslot_add_endpoint',
  'coinslot_add_operator', 'coinslot_apply_gateway_payment', 'coinslot_audit_open',
  'coinslot_audit_payments', 'coinslot_audit_report', 'coinslot_audit_unlisted',
  'coinslot_begin_audit', 'coinslot_cash_receipt', 'coinslot_check_installation',
  'coinslot_check_ledger', 'coinslot_claim_cash_receipts', 'coinslot_claim_charges',
  'coinslot_claim_closings', 'coinslot_claim_deliveries', 'coinslot_claim_forgets',
  'coinslot_claim_mails', 'coinslot_claim_payments', 'coinslot_claim_refunds',
  'coinslot_claim_top_ups', 'coinslot_claim_webhooks', 'coinslot_close_refund', 'coinslot_closing',
  'coinslot_delivery', 'coinslot_delivery_job', 'coinslot_due_audits', 'coinslot_earlier_method',
  'coinslot_endpoint', 'coinslot_erase_user', 'coinslot_export_user', 'coinslot_finish_audit',
  'coinslot_finish_cash_receipt', 'coinslot_finish_charge', 'coinslot_finish_closing',
  'coinslot_finish_delivery', 'coinslot_finish_forget', 'coinslot_finish_mail',
  'coinslot_finish_method', 'coinslot_finish_top_up', 'coinslot_finish_webhook',
  'coinslot_get_attempt_key', 'coinslot_get_backlog', 'coinslot_get_refund',
  'coinslot_get_settings', 'coinslot_go_live', 'coinslot_list_codes', 'coinslot_list_deliveries',
  'coinslot_list_discrepancies', 'coinslot_list_endpoints', 'coinslot_list_operators',
  'coinslot_list_plans', 'coinslot_list_products', 'coinslot_list_promotions',
  'coinslot_list_referrals', 'coinslot_list_refills', 'coinslot_list_webhooks', 'coinslot_mail_job',
  'coinslot_make_codes', 'coinslot_note_instrument', 'coinslot_open_payment',
  'coinslot_operator_account', 'coinslot_payment_to_read', 'coinslot_product',
  'coinslot_record_refund_answer', 'coinslot_refund_job', 'coinslot_refuse_mail',
  'coinslot_refuse_payment_attempt', 'coinslot_remove_operator', 'coinslot_remove_plan',
  'coinslot_remove_product', 'coinslot_replay_endpoint', 'coinslot_replay_webhooks',
  'coinslot_resolve_discrepancy', 'coinslot_return_payments', 'coinslot_return_webhooks',
  'coinslot_rotate_endpoint', 'coinslot_run_maintenance', 'coinslot_schema_version',
  'coinslot_set_code', 'coinslot_set_endpoint', 'coinslot_set_plan', 'coinslot_set_product',
  'coinslot_set_promotion', 'coinslot_set_refill', 'coinslot_set_seller', 'coinslot_set_tiers',
  'coinslot_set_unattended', 'coinslot_store_webhook', 'coinslot_test_endpoint',
  'coinslot_verify_ledger', 'coinslot_webhook_verdict', 'create_token_order', 'extend_token_hold',
  'get_token_document', 'get_token_invitation', 'get_token_method', 'get_token_top_up',
  'get_unpaid_token_order', 'get_user_tokens', 'hold_feature_for', 'hold_tokens_for',
  'list_expiring_tokens', 'list_token_cash_receipts', 'list_token_deliveries',
  'list_token_endpoints', 'list_token_holds', 'list_token_lots', 'list_token_mails',
  'list_token_methods', 'list_token_refills', 'list_token_refunds', 'list_token_subscriptions',
  'merge_token_wallets', 'pause_token_subscription', 'pay_token_subscription', 'quote_token_plan',
  'redeem_token_code', 'refund_spend_for', 'release_token_hold', 'remove_token_method',
  'replay_token_endpoint', 'request_token_cash_receipt', 'request_token_refund',
  'request_token_refund_for', 'resume_token_subscription', 'rotate_token_endpoint',
  'set_token_code', 'set_token_endpoint', 'set_token_group_for', 'set_token_mail',
  'set_token_promotion', 'set_token_refill', 'set_token_seller', 'set_token_subscription_method',
  'set_token_tiers', 'set_token_top_up', 'spend_tokens', 'spend_tokens_for', 'stop_token_top_up',
  'subscribe_token_plan', 'test_token_endpoint', 'token_capture_receipt', 'token_cash_receipts',
  'token_console_act', 'token_console_export', 'token_console_get', 'token_console_list',
  'token_console_report', 'token_console_search', 'token_documents', 'token_features',
  'token_hold_receipt', 'token_ledger', 'token_lots', 'token_merge_receipt', 'token_offers',
  'token_payment_events', 'token_payments', 'token_plan_offers', 'token_plans', 'token_prices',
  'token_products', 'token_receipt', 'token_redemption', 'token_refunds',
  'token_subscription_events', 'token_subscriptions', 'token_tiers', 'token_wallets', 'tokens',
  'update_profile', 'upgrade_token_plan', 'use_feature', 'use_feature_for', 'void_token_orders',
  'void_token_orders_for', 'withdraw_token_cash_receipt'
];

notify pgrst, 'reload schema';
