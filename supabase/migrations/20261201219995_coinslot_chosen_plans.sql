-- A plan that was chosen before a pause counts from the day the subscription is resumed.

-- A plan that was chosen counts from the next period on, at the price that was agreed to.
create function coinslot.with_chosen_plan(subscription public.token_subscriptions)
returns public.token_subscriptions
language plpgsql stable set search_path = '' as $$
declare
  v_next public.token_subscriptions := subscription;
  v_agreed jsonb;
begin
  if subscription.next_plan_id is null then
    return subscription;
  end if;
  select c.terms into v_agreed from coinslot.subscription_consents c
  where c.subscription_id = subscription.id and c.kind = 'change'
    and c.terms ->> 'plan_id' = subscription.next_plan_id
  order by c.id desc limit 1;
  v_next.plan_id := subscription.next_plan_id;
  v_next.every := v_agreed ->> 'every';
  v_next.tokens := (v_agreed ->> 'tokens')::bigint;
  v_next.amount := (v_agreed ->> 'amount')::bigint;
  v_next.rollover := v_agreed ->> 'rollover';
  v_next.rollover_cap := (v_agreed ->> 'rollover_cap')::bigint;
  v_next.next_plan_id := null;
  return v_next;
end
$$;
comment on function coinslot.with_chosen_plan(public.token_subscriptions) is
'A subscription with the plan that its owner chose for the next period.';
revoke all on function coinslot.with_chosen_plan(public.token_subscriptions) from public;

-- Of what was missed while nobody charged, nothing is charged: the period that runs now is. A plan
-- that was chosen, or a higher price that was agreed to, counts from here on.
create or replace function coinslot.next_period(subscription public.token_subscriptions)
returns public.token_subscriptions
language plpgsql volatile set search_path = '' as $$
declare
  v_next public.token_subscriptions := coinslot.with_chosen_plan(subscription);
  v_now timestamptz := clock_timestamp();
  v_ask coinslot.price_asks := coinslot.price_ask(subscription);
begin
  if subscription.next_plan_id is null and v_ask.answer = 'agreed' then
    v_next.amount := v_ask.amount;
  elsif v_next.every <> subscription.every then
    v_next.anchor := subscription.period_end;
    v_next.period := -1;
  end if;
  v_next.period := greatest(
    v_next.period + 1,
    coinslot.period_of(v_next.anchor, v_next.time_zone, v_next.every, v_now)
  );
  v_next.period_start := coinslot.period_at(
    v_next.anchor, v_next.time_zone, v_next.every, v_next.period
  );
  v_next.period_end := coinslot.period_at(
    v_next.anchor, v_next.time_zone, v_next.every, v_next.period + 1
  );
  update public.token_subscriptions s set
    plan_id = v_next.plan_id, tokens = v_next.tokens, amount = v_next.amount,
    rollover = v_next.rollover, rollover_cap = v_next.rollover_cap, every = v_next.every, anchor = v_next.anchor,
    next_plan_id = v_next.next_plan_id, period = v_next.period,
    period_start = v_next.period_start, period_end = v_next.period_end,
    version = s.version + 1, updated_at = v_now
  where s.id = subscription.id
  returning s.* into v_next;
  if v_next.period_start > subscription.period_end then
    perform coinslot.note_subscription(v_next, v_next.status, 'skipped', jsonb_build_object(
      'from', subscription.period_end, 'to', v_next.period_start
    ));
  end if;
  return v_next;
end
$$;
comment on function coinslot.next_period(public.token_subscriptions) is
'Moves a locked subscription to the period that runs now.';

-- Canceled or to be paused, it goes on. Paused, it begins anew: now, with a period of its own, and
-- with the plan that its owner chose.
create or replace function coinslot.resume_subscription(subscription_id uuid, consent jsonb)
returns public.token_subscriptions
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_before public.token_subscriptions := coinslot.lock_subscription(
    resume_subscription.subscription_id, coinslot.current_user_id()
  );
  v_after public.token_subscriptions;
  v_now timestamptz := clock_timestamp();
begin
  if v_before.status in ('trialing', 'active') and not v_before.cancel_at_end
    and not v_before.pause_at_end
  then
    return v_before;
  elsif v_before.status not in ('trialing', 'active', 'paused') or exists (
    select from coinslot.cycle_charges h
    inner join coinslot.subscription_cycles c on c.id = h.cycle_id
    where c.subscription_id = v_before.id and h.state in ('open', 'review')
  ) then
    perform coinslot.refuse_state(v_before);
  end if;
  v_after := v_before;
  if v_before.status = 'paused' then
    v_after := coinslot.with_chosen_plan(v_before);
    perform coinslot.void_cycle_orders(v_before.id);
    update coinslot.subscription_cycles c set status = 'missed'
    where c.subscription_id = v_before.id and c.status = 'due';
    delete from coinslot.price_asks a
    where a.subscription_id = v_before.id and a.starts_at >= v_before.period_end;
    v_after.anchor := v_now;
    v_after.period := 0;
    v_after.period_start := v_now;
    v_after.period_end := coinslot.period_at(v_now, v_after.time_zone, v_after.every, 1);
    v_after.next_charge_at := v_now;
  end if;
  update public.token_subscriptions s set
    plan_id = v_after.plan_id, every = v_after.every, amount = v_after.amount,
    tokens = v_after.tokens, rollover = v_after.rollover, rollover_cap = v_after.rollover_cap,
    next_plan_id = v_after.next_plan_id, cancel_at_end = false, pause_at_end = false,
    anchor = v_after.anchor, period = v_after.period, period_start = v_after.period_start,
    period_end = v_after.period_end, next_charge_at = v_after.next_charge_at, needs = null,
    version = s.version + 1, updated_at = v_now
  where s.id = v_before.id
  returning s.* into v_after;
  perform coinslot.note_consent(v_after, 'resume', v_after, resume_subscription.consent);
  perform coinslot.note_subscription(v_after, v_before.status, 'kept');
  return v_after;
end
$$;
comment on function coinslot.resume_subscription(uuid, jsonb) is
'See public.resume_token_subscription.';
