-- Cycles: what is due is claimed, charged, looked up, and what a decline leads to.

-- The terms of a plan, as somebody is about to agree to them.
create function coinslot.plan_terms(plan_id text, currency text)
returns public.token_subscriptions
language plpgsql stable set search_path = '' as $$
declare
  v_terms public.token_subscriptions;
begin
  select o.id, o.family, o.every, o.tokens, o.rollover, o.rollover_cap, o.amount, o.currency
  into v_terms.plan_id, v_terms.family, v_terms.every, v_terms.tokens, v_terms.rollover,
    v_terms.rollover_cap, v_terms.amount, v_terms.currency
  from public.token_plan_offers o
  where o.id = plan_terms.plan_id and o.currency = plan_terms.currency;
  if not found then
    perform coinslot.fail(
      'plan_not_found', jsonb_build_object('plan_id', left(plan_terms.plan_id, 63))
    );
  end if;
  return v_terms;
end
$$;
comment on function coinslot.plan_terms(text, text) is 'What a plan on sale is; PT404.';
revoke all on function coinslot.plan_terms(text, text) from public;

create function coinslot.open_cycle(subscription public.token_subscriptions)
returns coinslot.subscription_cycles
language plpgsql volatile set search_path = '' as $$
declare
  v_cycle coinslot.subscription_cycles;
begin
  insert into coinslot.subscription_cycles (
    subscription_id, number, period_start, period_end, plan_id, every, amount, currency, tokens,
    rollover, rollover_cap
  ) values (
    subscription.id, subscription.period, subscription.period_start, subscription.period_end,
    subscription.plan_id, subscription.every, subscription.amount, subscription.currency,
    subscription.tokens, subscription.rollover, subscription.rollover_cap
  )
  on conflict on constraint subscription_cycles_period_start_key do nothing
  returning * into v_cycle;
  if not found then
    select c.* into strict v_cycle from coinslot.subscription_cycles c
    where c.subscription_id = subscription.id and c.period_start = subscription.period_start;
  end if;
  return v_cycle;
end
$$;
comment on function coinslot.open_cycle(public.token_subscriptions) is
'The cycle of the period that a locked subscription is in, made once.';
revoke all on function coinslot.open_cycle(public.token_subscriptions) from public;

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
create function coinslot.next_period(subscription public.token_subscriptions)
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
revoke all on function coinslot.next_period(public.token_subscriptions) from public;

-- The tokens of a period last until the next one is charged, and a little longer. Those that may go
-- over into the next wait for its money, for as long as that may take.
create function coinslot.cycle_tokens_end(
  subscription public.token_subscriptions, cycle coinslot.subscription_cycles
) returns timestamptz
language sql stable set search_path = '' as $$
  select case when cycle.rollover <> 'full' then interval '1 hour' + coinslot.charge_time(
    cycle.period_end, subscription.time_zone, subscription.id
  ) + case when cycle.rollover = 'cap' then s.subscription_grace else interval '0' end end
  from coinslot.settings s where s.id
$$;
comment on function coinslot.cycle_tokens_end(
  public.token_subscriptions, coinslot.subscription_cycles
) is 'When the tokens of a period end; null = never.';
revoke all on function coinslot.cycle_tokens_end(
  public.token_subscriptions, coinslot.subscription_cycles
) from public;

-- It may be paid for as long as the period waits for its money, and no longer.
create function coinslot.make_cycle_order(
  subscription public.token_subscriptions, cycle coinslot.subscription_cycles
) returns public.token_payments
language plpgsql volatile set search_path = '' as $$
declare
  v_settings coinslot.settings;
  v_order public.token_payments;
  v_until timestamptz;
begin
  select s.* into v_settings from coinslot.settings s where s.id;
  v_until := coalesce(subscription.grace_until, clock_timestamp() + case subscription.status
    when 'incomplete' then v_settings.unpaid_subscription_lifetime
    else v_settings.subscription_grace end) + interval '1 day';
  insert into public.token_payments as p (
    order_id, user_id, product_id, name, name_ko, gateway, amount, currency, tokens, live,
    tokens_end_at, expires_at
  )
  select coinslot.new_order_id(v_settings.plain_order_ids), subscription.user_id, d.id, d.name,
    d.name_ko, subscription.gateway, cycle.amount, cycle.currency, cycle.tokens,
    subscription.live, coinslot.cycle_tokens_end(subscription, cycle), v_until
  from public.token_products d where d.id = cycle.plan_id
  returning p.* into v_order;
  insert into coinslot.cycle_orders (payment_id, cycle_id, purpose)
  values (v_order.id, cycle.id, 'renewal');
  perform coinslot.record_event(v_order, null, 'subscription');
  return v_order;
end
$$;
comment on function coinslot.make_cycle_order(
  public.token_subscriptions, coinslot.subscription_cycles
) is 'Makes an order of a cycle, at the price that was agreed to.';
revoke all on function coinslot.make_cycle_order(
  public.token_subscriptions, coinslot.subscription_cycles
) from public;

-- The order that the next charge is of: the last one, unless its gateway has said that it is dead.
-- One that has money, or may yet get some, is never followed by another.
create function coinslot.cycle_order(
  subscription public.token_subscriptions, cycle coinslot.subscription_cycles
) returns public.token_payments
language plpgsql volatile set search_path = '' as $$
declare
  v_order public.token_payments;
begin
  select p.* into v_order from coinslot.cycle_orders o
  inner join public.token_payments p on p.id = o.payment_id
  where o.cycle_id = cycle.id and o.purpose = 'renewal'
    and (p.paid > 0 or p.status = 'review' or not o.dead)
  order by p.paid > 0 desc, p.status = 'review' desc, p.created_at desc limit 1;
  if found and (v_order.paid > 0 or v_order.status not in ('canceled', 'expired', 'voided')) then
    return v_order;
  end if;
  return coinslot.make_cycle_order(subscription, cycle);
end
$$;
comment on function coinslot.cycle_order(
  public.token_subscriptions, coinslot.subscription_cycles
) is 'The order by which a cycle is to be paid.';
revoke all on function coinslot.cycle_order(
  public.token_subscriptions, coinslot.subscription_cycles
) from public;

-- ---- after a charge ----

-- A decline that time may mend is tried again, on the days of retry_wait. Any other waits for its
-- owner, and for no longer than the grace.
create function coinslot.follow_decline(
  subscription public.token_subscriptions, cycle coinslot.subscription_cycles,
  outcome text, reason text
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_cycle coinslot.subscription_cycles;
  v_subscription public.token_subscriptions;
  v_grace timestamptz;
  v_retry timestamptz;
begin
  if subscription.cancel_at_end and subscription.status in ('trialing', 'active', 'past_due') then
    perform coinslot.end_subscription(subscription, 'canceled');
    return;
  end if;
  update coinslot.subscription_cycles c set
    tries = c.tries + case when follow_decline.outcome = 'ours' then 0 else 1 end,
    first_try_at = coalesce(c.first_try_at, v_now)
  where c.id = cycle.id
  returning c.* into v_cycle;
  if subscription.status in ('trialing', 'active', 'past_due') then
    v_grace := coalesce(subscription.grace_until, v_cycle.first_try_at + (
      select s.subscription_grace from coinslot.settings s where s.id
    ));
  elsif subscription.status = 'incomplete' then
    v_grace := subscription.created_at + (
      select s.unpaid_subscription_lifetime from coinslot.settings s where s.id
    );
  end if;
  v_retry := case follow_decline.outcome
    when 'soft' then case when subscription.status in ('trialing', 'active', 'past_due')
      then v_cycle.first_try_at + coinslot.retry_wait(v_cycle.tries) end
    when 'ours' then v_now + interval '1 hour'
  end;
  update public.token_subscriptions s set
    status = case when s.status in ('trialing', 'active') then 'past_due' else s.status end,
    grace_until = case when s.status in ('trialing', 'active', 'past_due') then v_grace end,
    next_charge_at = case when s.status = 'paused' then null else least(v_retry, v_grace) end,
    needs = case follow_decline.outcome when 'hard' then 'method'
      when 'authentication' then 'authentication' end,
    version = s.version + 1, updated_at = v_now
  where s.id = subscription.id and s.status <> 'ended'
  returning s.* into v_subscription;
  if found then
    perform coinslot.note_subscription(
      v_subscription, subscription.status, 'declined', jsonb_strip_nulls(jsonb_build_object(
        'class', follow_decline.outcome, 'reason', left(follow_decline.reason, 100),
        'next_charge_at', case when v_retry < v_grace then v_retry end, 'ends_at', v_grace
      ))
    );
  end if;
end
$$;
comment on function coinslot.follow_decline(
  public.token_subscriptions, coinslot.subscription_cycles, text, text
) is 'What a declined charge leads to, of a locked subscription.';
revoke all on function coinslot.follow_decline(
  public.token_subscriptions, coinslot.subscription_cycles, text, text
) from public;

-- ---- what goes over into the next period ----

-- Of the order that was paid last the tokens are drawn last.
create function coinslot.allowance_lots(
  subscription public.token_subscriptions, now timestamptz, cycle_id bigint default null
) returns setof public.token_lots
language sql stable set search_path = '' set enable_seqscan = off as $$
  select l.* from coinslot.subscription_cycles c
  inner join coinslot.cycle_orders o on o.cycle_id = c.id
  inner join public.token_lots l on l.payment_id = o.payment_id
  where c.subscription_id = subscription.id and c.id is distinct from allowance_lots.cycle_id
    and l.user_id = subscription.user_id and l.remaining > 0
    and l.expires_at > allowance_lots.now and l.expires_at < 'infinity'
  order by l.expires_at desc, l.priority desc, l.paid desc, l.id desc
$$;
comment on function coinslot.allowance_lots(public.token_subscriptions, timestamptz, bigint) is
'Lots of the periods of a subscription, but for one of them, that live and end.';
revoke all on function coinslot.allowance_lots(public.token_subscriptions, timestamptz, bigint)
from public;

-- It stays what its order paid for, and goes back with that money: no entry, and no token more or
-- less. It is drawn before those of the new period.
create function coinslot.carry_lot(
  lot public.token_lots, tokens bigint, seq bigint, expires_at timestamptz
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  update public.token_lots l set
    remaining = l.remaining - carry_lot.tokens, taken = l.taken + carry_lot.tokens
  where l.id = lot.id;
  insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens)
  values (lot.id, lot.user_id, carry_lot.seq, 'moved', carry_lot.tokens);
  lot.seq := 0;
  lot.tokens := carry_lot.tokens;
  lot.expires_at := carry_lot.expires_at;
  lot.priority := -1;
  lot.created_at := null;
  perform coinslot.make_lot(lot, 0);
end
$$;
comment on function coinslot.carry_lot(public.token_lots, bigint, bigint, timestamptz) is
'Moves tokens of a lot that is about to end into one that ends with the next period.';
revoke all on function coinslot.carry_lot(public.token_lots, bigint, bigint, timestamptz)
from public;

-- When the next period is paid, by the terms of the one before it. The wallet is folded first, so
-- that what was spent until now was drawn. What is too much ends within the hour. A lot of which
-- all went over lives on, for what comes back to it: of a spend, or a refund that fails.
create function coinslot.carry_over(
  subscription public.token_subscriptions, cycle coinslot.subscription_cycles,
  payment public.token_payments
) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_left bigint := (
    select case when c.rollover = 'cap' then c.rollover_cap end
    from coinslot.subscription_cycles c
    where c.subscription_id = subscription.id and c.status = 'paid'
      and c.period_start < cycle.period_start
    order by c.period_start desc limit 1
  );
  v_now timestamptz;
  v_wallet public.token_wallets;
  v_lot public.token_lots;
  v_part bigint;
begin
  if v_left is null then
    return;
  end if;
  v_now := coinslot.wallet_time(coinslot.lock_wallet(subscription.user_id));
  v_wallet := coinslot.fold(subscription.user_id, v_now);
  for v_lot in select a.* from coinslot.allowance_lots(subscription, v_now, cycle.id) a loop
    v_part := least(v_left, v_lot.remaining);
    v_left := v_left - v_part;
    if v_part > 0 then
      perform coinslot.carry_lot(
        v_lot, v_part, v_wallet.seq, coinslot.order_expiry(payment, v_now)
      );
    end if;
    update public.token_lots l set
      expires_at = least(l.expires_at, v_now + interval '1 hour')
    where l.id = v_lot.id and l.remaining > 0;
  end loop;
  perform coinslot.note_change(subscription.user_id, v_now);
end
$$;
comment on function coinslot.carry_over(
  public.token_subscriptions, coinslot.subscription_cycles, public.token_payments
) is 'Takes what is left of the period before over into one that was just paid, up to its limit.';
revoke all on function coinslot.carry_over(
  public.token_subscriptions, coinslot.subscription_cycles, public.token_payments
) from public;

-- In the transaction that credits an order, after its wallet. What has ended stays so: the period
-- that was paid for is given, and no other follows.
create function coinslot.follow_cycle(payment public.token_payments) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_order coinslot.cycle_orders;
  v_cycle coinslot.subscription_cycles;
  v_before public.token_subscriptions;
  v_after public.token_subscriptions;
begin
  select o.* into v_order from coinslot.cycle_orders o where o.payment_id = payment.id;
  if not found then
    return;
  end if;
  select c.* into strict v_cycle from coinslot.subscription_cycles c where c.id = v_order.cycle_id;
  select s.* into strict v_before from public.token_subscriptions s
  where s.id = v_cycle.subscription_id for update;
  if v_order.purpose = 'change' then
    perform coinslot.follow_upgrade(v_before, v_cycle, payment, v_order.terms);
    return;
  end if;
  update coinslot.subscription_cycles c set status = 'paid', paid_at = clock_timestamp()
  where c.id = v_cycle.id;
  update coinslot.cycle_charges h set state = 'paid', finished_at = clock_timestamp()
  where h.cycle_id = v_cycle.id and h.state = 'open';
  if v_before.status = 'ended' or v_before.period_start <> v_cycle.period_start then
    perform coinslot.note_subscription(v_before, v_before.status, 'paid_late');
    return;
  end if;
  update public.token_subscriptions s set
    status = 'active', grace_until = null, needs = null,
    trial = case when s.trial is not null then 'over' end,
    next_charge_at = coinslot.charge_time(s.period_end, s.time_zone, s.id),
    version = s.version + 1, updated_at = clock_timestamp()
  where s.id = v_before.id
  returning s.* into v_after;
  perform coinslot.note_subscription(v_after, v_before.status, case
    when v_before.status = 'incomplete' or v_before.trial = 'agreed' then 'started'
    when v_before.status = 'paused' then 'resumed'
    when v_before.status = 'past_due' then 'recovered' else 'renewed' end,
    jsonb_build_object('order_id', payment.order_id, 'period_end', v_after.period_end)
  );
  perform coinslot.carry_over(v_after, v_cycle, payment);
end
$$;
comment on function coinslot.follow_cycle(public.token_payments) is
'Has a subscription follow the first money of its order.';
revoke all on function coinslot.follow_cycle(public.token_payments) from public;

-- Who disputes a charge is charged no more.
create function coinslot.follow_dispute(payment public.token_payments) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_subscription public.token_subscriptions;
begin
  update public.token_subscriptions s set
    cancel_at_end = true, version = s.version + 1, updated_at = clock_timestamp()
  where s.status in ('active', 'past_due', 'paused') and not s.cancel_at_end and s.id = (
    select c.subscription_id from coinslot.cycle_orders o
    inner join coinslot.subscription_cycles c on c.id = o.cycle_id
    where o.payment_id = payment.id
  )
  returning s.* into v_subscription;
  if found then
    perform coinslot.note_subscription(
      v_subscription, v_subscription.status, 'disputed',
      jsonb_build_object('order_id', payment.order_id)
    );
  end if;
end
$$;
comment on function coinslot.follow_dispute(public.token_payments) is
'Ends a subscription with its period when one of its charges is disputed.';
revoke all on function coinslot.follow_dispute(public.token_payments) from public;

-- ---- claiming ----

-- The lease of a charge that nobody knows the outcome of; longer than any call to a gateway.
create function coinslot.charge_wait(looks integer) returns interval
language sql immutable parallel safe set search_path = '' as $$
  select (
    '{3 minutes,5 minutes,10 minutes,30 minutes,1 hour,2 hours,6 hours}'::interval[]
  )[least(charge_wait.looks + 1, 7)]
$$;
comment on function coinslot.charge_wait(integer) is 'Time to the next look at an open charge.';
revoke all on function coinslot.charge_wait(integer) from public;

-- An hour without an answer is told, once. The grace ends this, too: money that is found later is
-- judged as late.
create function coinslot.await_charge(
  subscription public.token_subscriptions, cycle coinslot.subscription_cycles
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_since timestamptz := (
    select h.created_at from coinslot.cycle_charges h
    where h.cycle_id = cycle.id and h.state = 'open'
  );
  v_told boolean := subscription.status not in ('trialing', 'active')
    or v_since > clock_timestamp() - interval '1 hour';
  v_subscription public.token_subscriptions;
begin
  update public.token_subscriptions s set
    status = case when v_told then s.status else 'past_due' end,
    grace_until = case when v_told then s.grace_until else v_since + (
      select o.subscription_grace from coinslot.settings o where o.id
    ) end,
    next_charge_at = clock_timestamp() + interval '10 minutes',
    version = s.version + 1
  where s.id = subscription.id
  returning s.* into v_subscription;
  if not v_told then
    perform coinslot.note_subscription(v_subscription, subscription.status, 'unanswered');
  end if;
end
$$;
comment on function coinslot.await_charge(
  public.token_subscriptions, coinslot.subscription_cycles
) is 'Waits for the answer to an open charge of a locked subscription.';
revoke all on function coinslot.await_charge(
  public.token_subscriptions, coinslot.subscription_cycles
) from public;

create function coinslot.begin_charge(
  subscription public.token_subscriptions, cycle coinslot.subscription_cycles
) returns uuid
language plpgsql volatile set search_path = '' as $$
declare
  v_order public.token_payments;
  v_id uuid;
begin
  if exists (
    select from coinslot.cycle_charges h where h.cycle_id = cycle.id and h.state = 'open'
  ) then
    perform coinslot.await_charge(subscription, cycle);
    return null;
  elsif not exists (
    select from coinslot.billing_keys k
    where k.id = subscription.method_id and k.status = 'active' and k.broken_at is null
  ) or not exists (
    select from coinslot.gateways g where g.id = subscription.gateway and g.unattended <> 'none'
  ) then
    perform coinslot.follow_decline(subscription, cycle, 'hard', 'no_method');
    return null;
  end if;
  v_order := coinslot.cycle_order(subscription, cycle);
  if v_order.paid > 0 or v_order.status = 'review' then
    perform coinslot.follow_decline(subscription, cycle, 'review', 'money_in_review');
    return null;
  end if;
  insert into coinslot.cycle_charges (cycle_id, payment_id, method_id, leased_until)
  values (cycle.id, v_order.id, subscription.method_id,
    clock_timestamp() + coinslot.charge_wait(0))
  returning id into v_id;
  update public.token_subscriptions s set
    next_charge_at = clock_timestamp() + coinslot.charge_wait(0)
  where s.id = subscription.id;
  return v_id;
end
$$;
comment on function coinslot.begin_charge(
  public.token_subscriptions, coinslot.subscription_cycles
) is 'Writes a charge that is about to be made; null where none may be.';
revoke all on function coinslot.begin_charge(
  public.token_subscriptions, coinslot.subscription_cycles
) from public;

-- Why somebody is not charged, or null. Banned, they could not use what they pay for.
create function coinslot.charge_bar(subscription public.token_subscriptions) returns text
language sql stable set search_path = '' as $$
  select case
    when not subscription.live and coinslot.is_live() then 'test'
    when not exists (
      select from public.token_wallets w
      where w.user_id = subscription.user_id and w.closed_at is null
    ) then 'user_deleted'
    when exists (
      select from auth.users u
      where u.id = subscription.user_id and u.banned_until > clock_timestamp()
    ) then 'banned'
  end
$$;
comment on function coinslot.charge_bar(public.token_subscriptions) is
'Why a subscription is not charged at all, or null.';
revoke all on function coinslot.charge_bar(public.token_subscriptions) from public;

-- Of a locked subscription that is due. Nobody else makes its order: that is made under this lock.
-- A merge of its owner waits or is waited for by nobody.
create function coinslot.advance_subscription(subscription public.token_subscriptions)
returns uuid
language plpgsql volatile set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_bar text := coinslot.charge_bar(subscription);
  v_subscription public.token_subscriptions := subscription;
begin
  if not pg_try_advisory_xact_lock_shared(coinslot.account_lock(subscription.user_id)) then
    return null;
  elsif v_bar is not null then
    perform coinslot.end_subscription(subscription, v_bar);
    return null;
  elsif subscription.status in ('trialing', 'active') and not exists (
    select from coinslot.subscription_cycles c
    where c.subscription_id = subscription.id and c.period_start = subscription.period_start
      and c.status = 'due'
  ) then
    if subscription.period_end > v_now then
      update public.token_subscriptions s set
        next_charge_at = coinslot.charge_time(s.period_end, s.time_zone, s.id)
      where s.id = subscription.id;
      return null;
    elsif subscription.cancel_at_end then
      perform coinslot.end_subscription(subscription, 'canceled');
      return null;
    elsif subscription.status = 'trialing' and subscription.trial <> 'agreed' then
      perform coinslot.end_subscription(subscription, 'trial_over');
      return null;
    elsif coinslot.ends_by_price(subscription) and not subscription.pause_at_end then
      perform coinslot.end_subscription(subscription, 'price_not_agreed');
      return null;
    elsif subscription.pause_at_end then
      update public.token_subscriptions s set
        status = 'paused', pause_at_end = false, next_charge_at = null,
        version = s.version + 1, updated_at = v_now
      where s.id = subscription.id
      returning s.* into v_subscription;
      perform coinslot.note_subscription(v_subscription, 'active', 'paused');
      return null;
    end if;
    v_subscription := coinslot.next_period(subscription);
  elsif subscription.status = 'past_due' and subscription.grace_until <= v_now then
    perform coinslot.end_subscription(subscription, 'unpaid');
    return null;
  elsif subscription.status = 'incomplete' and subscription.created_at + (
    select s.unpaid_subscription_lifetime from coinslot.settings s where s.id
  ) <= v_now then
    perform coinslot.end_subscription(subscription, 'not_started');
    return null;
  end if;
  return coinslot.begin_charge(v_subscription, coinslot.open_cycle(v_subscription));
end
$$;
comment on function coinslot.advance_subscription(public.token_subscriptions) is
'Does what is due of a locked subscription; the charge that is to be made, or null.';
revoke all on function coinslot.advance_subscription(public.token_subscriptions) from public;

-- Of what is over, nothing is taken any more: it is only looked up, for what was taken before. Over
-- is what would not be begun now either, and a charge of a method that its owner has changed since.
create function coinslot.describe_charge(charge_id uuid, again boolean) returns jsonb
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
comment on function coinslot.describe_charge(uuid, boolean) is
'A charge with all that a gateway is told of it.';
revoke all on function coinslot.describe_charge(uuid, boolean) from public;

-- Charges whose outcome nobody told come first: again = true, so they are looked up, not made. Of
-- what is due, a wallet that is in use passes its subscription by until the next call.
create function coinslot.claim_charges(
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
comment on function coinslot.claim_charges(text[], integer, uuid) is
'See public.coinslot_claim_charges.';
revoke all on function coinslot.claim_charges(text[], integer, uuid) from public;
grant execute on function coinslot.claim_charges(text[], integer, uuid) to service_role;

create function public.coinslot_claim_charges(
  gateways text[], batch integer default 20, subscription_id uuid default null
) returns jsonb[]
language sql volatile set search_path = '' as $$
  select array(select coinslot.claim_charges(
    coinslot_claim_charges.gateways, coinslot_claim_charges.batch,
    coinslot_claim_charges.subscription_id
  ))
$$;
comment on function public.coinslot_claim_charges(text[], integer, uuid) is
'Service: charges that are to be made, and those whose outcome is to be looked up (again), leased to
the caller; of one subscription where it is given.';
revoke all on function public.coinslot_claim_charges(text[], integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_charges(text[], integer, uuid) to service_role;

-- Of what was paid the funnel has said so already. `dead`: the order cannot be paid any more.
create function coinslot.finish_charge(
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
comment on function coinslot.finish_charge(uuid, integer, text, text, boolean) is
'See public.coinslot_finish_charge.';
revoke all on function coinslot.finish_charge(uuid, integer, text, text, boolean) from public;
grant execute on function coinslot.finish_charge(uuid, integer, text, text, boolean)
to service_role;

create function public.coinslot_finish_charge(
  charge_id uuid, lease integer, outcome text, reason text default null,
  dead boolean default false
) returns boolean
language sql volatile set search_path = '' as $$
  select coinslot.finish_charge(
    coinslot_finish_charge.charge_id, coinslot_finish_charge.lease,
    coinslot_finish_charge.outcome, coinslot_finish_charge.reason, coinslot_finish_charge.dead
  )
$$;
comment on function public.coinslot_finish_charge(uuid, integer, text, text, boolean) is
'Service: a charge was declined: soft, hard, authentication, ours or review. False: somebody else
has finished it, or has it now. dead: its order cannot be paid any more.';
revoke all on function public.coinslot_finish_charge(uuid, integer, text, text, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_finish_charge(uuid, integer, text, text, boolean)
to service_role;
