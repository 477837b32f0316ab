-- Settings of cash receipts and renewals in the console.

create or replace function coinslot.console_settings() returns jsonb
language sql immutable parallel safe set search_path = ''
return '{
  "signup_bonus": "count", "low_mark": "count?", "low_margin": "count",
  "expiring_ahead": "seconds?", "returned_lifetime": "seconds", "refund_days": "count?",
  "links": "texts", "order_lifetime": "seconds", "deposit_lifetime": "seconds",
  "max_open_orders": "count", "max_quantity": "count", "anonymous_purchases": "switch",
  "referral_reward": "count", "referral_bonus": "count", "referral_wait": "seconds",
  "max_referrals": "count", "auto_top_up": "switch", "subscription_grace": "seconds",
  "charge_from_hour": "count", "charge_until_hour": "count", "declines_in_a_row": "count?",
  "refunds_in_a_row": "count?", "endpoint_patience": "seconds", "renewal_ahead": "seconds?",
  "yearly_renewal_ahead": "seconds?", "cash_receipts": "choice",
  "cash_receipts_from": "count"
}'::jsonb;

create or replace function coinslot.is_setting(kind text, value jsonb) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select case
    when jsonb_typeof(is_setting.value) = 'null' then is_setting.kind like '%?'
    when is_setting.kind = 'switch' then jsonb_typeof(is_setting.value) = 'boolean'
    when is_setting.kind = 'choice' then jsonb_typeof(is_setting.value) = 'string'
    when is_setting.kind = 'texts' then jsonb_typeof(is_setting.value) = 'object'
    else jsonb_typeof(is_setting.value) = 'number'
      and is_setting.value::text ~ '^[0-9]{1,10}$' end
$$;

create or replace function coinslot.write_settings(settings coinslot.settings) returns void
language plpgsql volatile set search_path = '' as $$
begin
  update coinslot.settings s set
    signup_bonus = settings.signup_bonus, low_mark = settings.low_mark,
    low_margin = settings.low_margin, expiring_ahead = settings.expiring_ahead,
    returned_lifetime = settings.returned_lifetime, refund_days = settings.refund_days,
    links = settings.links, order_lifetime = settings.order_lifetime,
    deposit_lifetime = settings.deposit_lifetime, max_open_orders = settings.max_open_orders,
    max_quantity = settings.max_quantity, anonymous_purchases = settings.anonymous_purchases,
    referral_reward = settings.referral_reward, referral_bonus = settings.referral_bonus,
    referral_wait = settings.referral_wait, max_referrals = settings.max_referrals,
    auto_top_up = settings.auto_top_up, subscription_grace = settings.subscription_grace,
    charge_from_hour = settings.charge_from_hour, charge_until_hour = settings.charge_until_hour,
    declines_in_a_row = settings.declines_in_a_row, refunds_in_a_row = settings.refunds_in_a_row,
    endpoint_patience = settings.endpoint_patience, renewal_ahead = settings.renewal_ahead,
    yearly_renewal_ahead = settings.yearly_renewal_ahead, cash_receipts = settings.cash_receipts,
    cash_receipts_from = settings.cash_receipts_from
  where s.id;
end
$$;

notify pgrst, 'reload schema';
