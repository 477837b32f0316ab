-- A charge of what is over is not made again: who has left, has switched the top-up off or has
-- removed the card would be charged for it. It is looked up, for what was taken before.

create or replace function coinslot.describe_charge(charge_id uuid, again boolean) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', h.id, 'lease', h.looks, 'again', describe_charge.again,
    'over', coinslot.has_ended(p.status) or p.expires_at <= clock_timestamp()
      or c.status = 'missed' or s.status = 'ended' or s.cancel_at_end
      or s.method_id is distinct from h.method_id or k.status <> 'active'
      or k.broken_at is not null or g.unattended = 'none' or coinslot.charge_bar(s) is not null,
    'gateway', p.gateway,
    'subscription_id', c.subscription_id, 'method_id', k.id, 'customer', k.customer,
    'sealed', k.sealed,
    'payment', to_jsonb(p), 'payment_key', (
      select a.payment_key from coinslot.payment_attempts a
      where a.payment_id = p.id and a.gateway = p.gateway
      order by a.updated_at desc, a.id desc limit 1
    ), 'created_at', h.created_at
  )
  from coinslot.cycle_charges h
  inner join coinslot.subscription_cycles c on c.id = h.cycle_id
  inner join public.token_subscriptions s on s.id = c.subscription_id
  inner join coinslot.billing_keys k on k.id = h.method_id
  inner join public.token_payments p on p.id = h.payment_id
  inner join coinslot.gateways g on g.id = p.gateway
  where h.id = describe_charge.charge_id
$$;

create or replace function coinslot.describe_top_up_charge(charge_id uuid, again boolean)
returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', h.id, 'lease', h.looks, 'again', describe_top_up_charge.again,
    'over', coinslot.has_ended(p.status) or p.expires_at <= clock_timestamp()
      or t.status <> 'on' or not s.auto_top_up or k.status <> 'active'
      or (t.product_id, t.currency, t.amount, t.method_id)
      <> (p.product_id, p.currency, p.amount, h.method_id)
      or coinslot.top_up_bar(t) is not null or coinslot.left_for_top_up(w) >= t.threshold,
    'gateway', p.gateway, 'subscription_id', null, 'method_id', k.id, 'customer', k.customer, 'sealed', k.sealed,
    'payment', to_jsonb(p), 'payment_key', (
      select a.payment_key from coinslot.payment_attempts a
      where a.payment_id = p.id and a.gateway = p.gateway
      order by a.updated_at desc, a.id desc limit 1
    ), 'created_at', h.created_at
  )
  from coinslot.top_up_charges h
  inner join coinslot.top_ups t on t.user_id = h.user_id
  inner join coinslot.billing_keys k on k.id = h.method_id
  inner join public.token_payments p on p.id = h.payment_id
  inner join public.token_wallets w on w.user_id = h.user_id
  inner join coinslot.settings s on s.id
  where h.id = describe_top_up_charge.charge_id
$$;
