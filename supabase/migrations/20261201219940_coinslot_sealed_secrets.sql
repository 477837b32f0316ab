-- Secrets that servers have sealed: read and sealed anew, so that a key can be taken out of use.
--
-- A secret is replaced only where it still is what was read: whoever seals another meanwhile has
-- sealed it with a key of today.

create function coinslot.sealed_secrets() returns table (
  place text, owner uuid, sealed text
)
language sql stable set search_path = '' as $$
  select 'billing_key', k.id, k.sealed from coinslot.billing_keys k where k.sealed is not null
  union all
  select 'endpoint', e.id, e.secret from coinslot.endpoints e
  union all
  -- One whose time is over signs nothing any more.
  select 'endpoint_old', e.id, e.old_secret from coinslot.endpoints e
  where e.old_secret_until > clock_timestamp()
$$;
comment on function coinslot.sealed_secrets() is 'All that servers have sealed and still open.';
revoke all on function coinslot.sealed_secrets() from public;

create function coinslot.list_sealed(key_id text, after jsonb, page_size integer) returns jsonb
language sql stable security definer set search_path = '' as $$
  with others as materialized (
    select s.place, s.owner, s.sealed from coinslot.sealed_secrets() s
    where split_part(s.sealed, '.', 2) is distinct from list_sealed.key_id
  ), page as (
    select o.* from others o
    where list_sealed.after is null
      or (o.place, o.owner) > (list_sealed.after ->> 'place', (list_sealed.after ->> 'owner')::uuid)
    order by o.place, o.owner
    limit least(greatest(coalesce(list_sealed.page_size, 100), 1), 1000)
  )
  select jsonb_build_object(
    'left', (select count(*) from others),
    'items', (
      select coalesce(jsonb_agg(to_jsonb(p) order by p.place, p.owner), '[]') from page p
    )
  )
$$;
comment on function coinslot.list_sealed(text, jsonb, integer) is
'See public.coinslot_list_sealed.';
revoke all on function coinslot.list_sealed(text, jsonb, integer) from public;
grant execute on function coinslot.list_sealed(text, jsonb, integer) to service_role;

create function public.coinslot_list_sealed(
  key_id text, after jsonb default null, page_size integer default 100
) returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.list_sealed(
    coinslot_list_sealed.key_id, coinslot_list_sealed.after, coinslot_list_sealed.page_size
  )
$$;
comment on function public.coinslot_list_sealed(text, jsonb, integer) is
'Service: secrets that are sealed with another key than this: {left, items}, where an item has
place, owner and sealed; after = the last item of the page before.';
revoke all on function public.coinslot_list_sealed(text, jsonb, integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_sealed(text, jsonb, integer) to service_role;

create function coinslot.reseal_one(place text, owner uuid, before text, sealed text)
returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  if (reseal_one.sealed ~ '^v1\.') is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "sealed"}');
  end if;
  case place
    when 'billing_key' then
      update coinslot.billing_keys k set sealed = reseal_one.sealed
      where k.id = reseal_one.owner and k.sealed = reseal_one.before;
    when 'endpoint' then
      update coinslot.endpoints e set secret = reseal_one.sealed
      where e.id = reseal_one.owner and e.secret = reseal_one.before;
    when 'endpoint_old' then
      update coinslot.endpoints e set old_secret = reseal_one.sealed
      where e.id = reseal_one.owner and e.old_secret = reseal_one.before;
    else
      perform coinslot.fail('invalid_argument', '{"argument": "place"}');
  end case;
  return found;
end
$$;
comment on function coinslot.reseal_one(text, uuid, text, text) is
'Puts a secret in the place of the same one under another key; false where it changed meanwhile.';
revoke all on function coinslot.reseal_one(text, uuid, text, text) from public;

create function coinslot.reseal(items jsonb) returns bigint
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_item jsonb;
  v_count bigint := 0;
begin
  if jsonb_typeof(reseal.items) is distinct from 'array'
    or jsonb_array_length(reseal.items) > 1000
  then
    perform coinslot.fail('invalid_argument', '{"argument": "items"}');
  end if;
  for v_item in
    select i.value from jsonb_array_elements(reseal.items) i
    order by i.value ->> 'place', i.value ->> 'owner'
  loop
    v_count := v_count + coinslot.reseal_one(
      v_item ->> 'place', (v_item ->> 'owner')::uuid, v_item ->> 'before', v_item ->> 'sealed'
    )::integer;
  end loop;
  return v_count;
end
$$;
comment on function coinslot.reseal(jsonb) is 'See public.coinslot_reseal.';
revoke all on function coinslot.reseal(jsonb) from public;
grant execute on function coinslot.reseal(jsonb) to service_role;

create function public.coinslot_reseal(items jsonb) returns bigint
language sql volatile set search_path = '' as $$
  select coinslot.reseal(coinslot_reseal.items)
$$;
comment on function public.coinslot_reseal(jsonb) is
'Service: secrets sealed anew, each as place, owner, before and sealed; how many were still as
before.';
revoke all on function public.coinslot_reseal(jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_reseal(jsonb) to service_role;

-- What Coinslot calls its own in `public`. There may be more under these names, an app's overload:
-- what is ours calls the schema coinslot.
create or replace function coinslot.public_names() returns text[]
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

notify pgrst, 'reload schema';
