-- Whoever changes a subscription or a top-up has the wallet of its owner locked first, as events of
-- the wallet are numbered under that lock.

-- For whoever serves nobody in particular. Who changes a subscription has the wallet of its owner
-- locked first: events of the wallet are numbered under that lock. A merge changes the owner.
create function coinslot.lock_with_wallet(subscription_id uuid)
returns public.token_subscriptions
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid;
  v_subscription public.token_subscriptions;
begin
  loop
    select s.user_id into v_user_id from public.token_subscriptions s
    where s.id = lock_with_wallet.subscription_id;
    exit when not found;
    perform coinslot.lock_wallet(v_user_id);
    select s.* into v_subscription from public.token_subscriptions s
    where s.id = lock_with_wallet.subscription_id and s.user_id = v_user_id
    for update;
    exit when found;
  end loop;
  return v_subscription;
end
$$;
comment on function coinslot.lock_with_wallet(uuid) is
'Locks the wallet of whoever has a subscription, and then the subscription.';
revoke all on function coinslot.lock_with_wallet(uuid) from public;

-- Charges whose outcome nobody told come first: again = true, so they are looked up, not made. Of
-- what is due, a wallet that is in use passes its subscription by until the next call.
create or replace function coinslot.claim_charges(
  gateways text[], batch integer, subscription_id uuid
) returns setof jsonb
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_subscription public.token_subscriptions;
  v_charge uuid;
begin
  return query
  with due as materialized (
    select h.id from coinslot.cycle_charges h
    inner join public.token_payments p on p.id = h.payment_id
    inner join coinslot.subscription_cycles c on c.id = h.cycle_id
    where h.state = 'open' and h.leased_until <= clock_timestamp()
      and p.gateway = any (claim_charges.gateways) and p.live = coinslot.is_live()
      and c.subscription_id = coalesce(claim_charges.subscription_id, c.subscription_id)
    order by h.leased_until limit least(greatest(claim_charges.batch, 1), 1000)
    for update of h skip locked
  ), claimed as (
    update coinslot.cycle_charges h set
      looks = h.looks + 1, leased_until = clock_timestamp() + coinslot.charge_wait(h.looks + 1)
    from due where h.id = due.id
    returning h.id, h.looks
  )
  select coinslot.describe_charge(c.id, true) || jsonb_build_object('lease', c.looks)
  from claimed c;
  for v_subscription in
    select s.* from public.token_subscriptions s
    inner join public.token_wallets w on w.user_id = s.user_id
    where s.next_charge_at <= clock_timestamp() and s.gateway = any (claim_charges.gateways)
      and s.id = coalesce(claim_charges.subscription_id, s.id)
    order by s.next_charge_at limit least(greatest(claim_charges.batch, 1), 1000)
    for update skip locked
  loop
    v_charge := coinslot.advance_subscription(v_subscription);
    if v_charge is not null then
      return next coinslot.describe_charge(v_charge, false);
    end if;
  end loop;
end
$$;

-- Of what was paid the funnel has said so already. `dead`: the order cannot be paid any more.
create or replace function coinslot.finish_charge(
  charge_id uuid, lease integer, outcome text, reason text, dead boolean
) returns boolean
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_subscription public.token_subscriptions;
  v_cycle coinslot.subscription_cycles;
  v_charge coinslot.cycle_charges;
begin
  if finish_charge.outcome in ('soft', 'hard', 'authentication', 'ours', 'review') is not true
  then
    perform coinslot.fail('invalid_argument', '{"argument": "outcome"}');
  end if;
  v_subscription := coinslot.lock_with_wallet((
    select c.subscription_id from coinslot.cycle_charges h
    inner join coinslot.subscription_cycles c on c.id = h.cycle_id
    where h.id = finish_charge.charge_id
  ));
  update coinslot.cycle_charges h set
    state = finish_charge.outcome, reason = left(finish_charge.reason, 100),
    finished_at = clock_timestamp()
  where h.id = finish_charge.charge_id and h.state = 'open' and h.looks = finish_charge.lease
  returning h.* into v_charge;
  if not found then
    return false;
  end if;
  update coinslot.cycle_orders o set dead = true
  where o.payment_id = v_charge.payment_id and finish_charge.dead;
  if finish_charge.outcome = 'hard' then
    update coinslot.billing_keys k set broken_at = clock_timestamp()
    where k.id = v_charge.method_id and finish_charge.reason = 'method_gone'
      and k.broken_at is null;
  end if;
  select c.* into strict v_cycle from coinslot.subscription_cycles c
  where c.id = v_charge.cycle_id;
  if exists (
    select from coinslot.cycle_orders o
    where o.payment_id = v_charge.payment_id and o.purpose = 'change'
  ) then
    -- No other: the next period may just be charged.
    perform coinslot.void_cycle_orders(v_subscription.id, v_charge.payment_id);
    perform coinslot.note_subscription(v_subscription, v_subscription.status, 'upgrade_declined',
      jsonb_build_object('class', finish_charge.outcome, 'reason', left(finish_charge.reason, 100))
    );
  elsif v_cycle.status = 'due' and v_cycle.period_start = v_subscription.period_start then
    perform coinslot.follow_decline(
      v_subscription, v_cycle, finish_charge.outcome, finish_charge.reason
    );
  end if;
  return true;
end
$$;

create or replace function coinslot.claim_top_ups(gateways text[], batch integer)
returns setof jsonb
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_top_up coinslot.top_ups;
  v_charge uuid;
begin
  return query
  with due as materialized (
    select h.id from coinslot.top_up_charges h
    inner join public.token_payments p on p.id = h.payment_id
    where h.state = 'open' and h.leased_until <= clock_timestamp()
      and p.gateway = any (claim_top_ups.gateways) and p.live = coinslot.is_live()
    order by h.leased_until limit least(greatest(claim_top_ups.batch, 1), 1000)
    for update of h skip locked
  ), claimed as (
    update coinslot.top_up_charges h set
      looks = h.looks + 1, leased_until = clock_timestamp() + coinslot.charge_wait(h.looks + 1)
    from due where h.id = due.id
    returning h.id, h.looks
  )
  select coinslot.describe_top_up_charge(c.id, true) || jsonb_build_object('lease', c.looks)
  from claimed c;
  for v_top_up in
    select t.* from coinslot.top_ups t
    inner join public.token_wallets w on w.user_id = t.user_id
    where t.status = 'on' and t.next_look_at <= clock_timestamp()
      and t.gateway = any (claim_top_ups.gateways)
      and (select s.auto_top_up from coinslot.settings s where s.id)
    order by t.next_look_at limit least(greatest(claim_top_ups.batch, 1), 1000)
    for update skip locked
  loop
    v_charge := coinslot.advance_top_up(v_top_up);
    if v_charge is not null then
      return next coinslot.describe_top_up_charge(v_charge, false);
    end if;
  end loop;
end
$$;

-- Its order is given up: the next one is another. An order that a payment is being applied to at
-- this moment is judged by that.
create or replace function coinslot.finish_top_up(
  charge_id uuid, lease integer, outcome text, reason text
) returns boolean
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := (
    select h.user_id from coinslot.top_up_charges h where h.id = finish_top_up.charge_id
  );
  v_top_up coinslot.top_ups;
  v_charge coinslot.top_up_charges;
  -- Nothing was declined: what it was for is over.
  v_over boolean := finish_top_up.outcome = 'ours' and finish_top_up.reason = 'order_over';
  v_wait interval;
begin
  if finish_top_up.outcome in ('soft', 'hard', 'authentication', 'ours', 'review') is not true
  then
    perform coinslot.fail('invalid_argument', '{"argument": "outcome"}');
  end if;
  perform coinslot.lock_wallet(v_user_id);
  select t.* into v_top_up from coinslot.top_ups t where t.user_id = v_user_id for update;
  update coinslot.top_up_charges h set
    state = finish_top_up.outcome, reason = left(finish_top_up.reason, 100),
    finished_at = clock_timestamp()
  where h.id = finish_top_up.charge_id and h.state = 'open' and h.looks = finish_top_up.lease
  returning h.* into v_charge;
  if not found then
    return false;
  end if;
  perform coinslot.void_top_up_order(v_charge.payment_id);
  v_wait := case finish_top_up.outcome
    when 'soft' then coinslot.top_up_wait(v_top_up.failures + 1)
    when 'ours' then case when v_over then interval '1 hour' else interval '1 day' end end;
  update coinslot.top_ups t set
    failures = t.failures + case when v_over then 0 else 1 end,
    next_look_at = clock_timestamp() + coalesce(v_wait, '1 day'),
    status = case when t.status = 'on' and v_wait is null then 'suspended' else t.status end,
    reason = case when v_wait is null then case finish_top_up.outcome
      when 'review' then 'money_in_review' when 'authentication' then 'authentication'
      else 'declined' end else t.reason end,
    updated_at = clock_timestamp()
  where t.user_id = v_charge.user_id;
  return true;
end
$$;

-- Locks are taken in the order of all others: orders by id, wallets by id. The setting and its lock
-- come before them, as in the funnel.
create or replace function coinslot.lock_test_orders() returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform from coinslot.settings s where s.id for update;
  perform pg_advisory_xact_lock(coinslot.mode_lock());
  perform from public.token_payments p where not p.live order by p.id for update;
  perform from public.token_wallets w
  where w.user_id in (
    select p.user_id from public.token_payments p where not p.live
    union all
    select s.user_id from public.token_subscriptions s where not s.live and s.status <> 'ended'
    union all
    select k.user_id from coinslot.billing_keys k where not k.live and k.status <> 'removed'
  )
  order by w.user_id for update;
end
$$;

comment on function coinslot.lock_test_orders() is
'Locks the mode, all test orders, and the wallets of their buyers and of subscribers.';
