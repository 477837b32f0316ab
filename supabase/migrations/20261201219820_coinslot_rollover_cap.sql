-- What is left of a period goes over into the next, up to a limit.

select coinslot.lock_for_upgrade(array[
  'public.token_plans', 'public.token_subscriptions', 'coinslot.subscription_cycles',
  'public.token_lots'
]::regclass[]);

comment on column public.token_lots.seq is
'The ledger entry that made it; 0 = it came from a wallet that was merged, was carried over from a
period of a plan, or a refund failed.';
alter table public.token_plans add column rollover_cap bigint;
alter table public.token_plans
drop constraint token_plans_rollover_known,
add constraint token_plans_rollover_known
check (rollover in ('none', 'cap', 'full')) not valid,
add constraint token_plans_cap_with_rollover check (
  (rollover = 'cap') = (rollover_cap is not null)
  and rollover_cap between 1 and coinslot.max_amount()
) not valid;
alter table public.token_plans validate constraint token_plans_rollover_known;
alter table public.token_plans validate constraint token_plans_cap_with_rollover;
comment on column public.token_plans.rollover is
'none: what is left ends with its period. cap: some of it goes over into the next. full: it stays.';
comment on column public.token_plans.rollover_cap is
'How many tokens go over into the next period at most, of all that are left.';
alter table public.token_subscriptions add column rollover_cap bigint;
alter table public.token_subscriptions
drop constraint token_subscriptions_rollover_known,
add constraint token_subscriptions_rollover_known
check (rollover in ('none', 'cap', 'full')) not valid,
add constraint token_subscriptions_cap_with_rollover
check ((rollover = 'cap') = (rollover_cap is not null) and rollover_cap > 0) not valid;
alter table public.token_subscriptions validate constraint token_subscriptions_rollover_known;
alter table public.token_subscriptions validate constraint token_subscriptions_cap_with_rollover;
alter table coinslot.subscription_cycles add column rollover_cap bigint;
comment on column coinslot.subscription_cycles.rollover_cap is
'Of a rollover up to a limit: what goes over into the next period at most.';

drop view public.token_plan_offers;
create view public.token_plan_offers with (security_invoker = true) as
select
  p.id,
  l.family,
  l.every,
  p.name,
  p.name_ko,
  l.tokens,
  l.rollover,
  r.currency,
  r.amount,
  l.trial_days,
  l.trial_tokens,
  l.rollover_cap,
  coinslot.trial_asks() as trial_asks
from public.token_plans as l
inner join public.token_products as p on l.id = p.id
inner join public.token_prices as r on p.id = r.product_id
where p.active;
comment on view public.token_plan_offers is
'Plans that are on sale: one row for each plan and currency.';
revoke all on table public.token_plan_offers from anon, authenticated, service_role;
grant select on table public.token_plan_offers to anon, authenticated, service_role;

create or replace function coinslot.list_plans(id text default null) returns setof jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'id', p.id, 'family', l.family, 'every', l.every, 'name', p.name, 'name_ko', p.name_ko,
    'tokens', l.tokens, 'rollover', l.rollover, 'rollover_cap', l.rollover_cap,
    'trial_days', l.trial_days, 'trial_tokens', l.trial_tokens, 'active', p.active, 'prices', coalesce((
      select jsonb_object_agg(r.currency, r.amount)
      from public.token_prices r where r.product_id = p.id
    ), '{}')
  )
  from public.token_plans l inner join public.token_products p on p.id = l.id
  where list_plans.id is null or l.id = list_plans.id
  order by l.family, l.every, l.tokens, l.id
$$;

create or replace function coinslot.check_plan(
  family text, every text, tokens bigint, rollover text
) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_problem jsonb := case
    when check_plan.family !~ '^[a-z][a-z0-9_]{0,62}$'
      then '{"argument": "family", "example": "main"}'
    when check_plan.every not in ('month', 'year')
      then '{"argument": "every", "known": ["month", "year"]}'
    when check_plan.tokens not between 1 and coinslot.max_amount()
      then '{"argument": "tokens", "example": 300}'
    when check_plan.rollover not in ('none', 'cap', 'full')
      then '{"argument": "rollover", "known": ["none", "cap", "full"]}'
  end::jsonb;
begin
  if v_problem is not null then
    perform coinslot.fail('invalid_argument', v_problem);
  end if;
end
$$;

create function coinslot.check_cap(plan public.token_plans) returns void
language plpgsql stable set search_path = '' as $$
begin
  if (plan.rollover = 'cap') <> (plan.rollover_cap is not null)
    or plan.rollover_cap not between 1 and coinslot.max_amount()
  then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'rollover_cap', 'reason', 'It goes with the rollover cap, and is 1 at least.'
    ));
  end if;
end
$$;
comment on function coinslot.check_cap(public.token_plans) is
'PT400 for a rollover up to a limit without one, and for a limit of any other.';
revoke all on function coinslot.check_cap(public.token_plans) from public;

drop function public.coinslot_set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint
);
drop function coinslot.set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint
);

-- Nothing that is set here changes what somebody has subscribed to.
create function coinslot.set_plan(
  id text, every text, name text, name_ko text, tokens bigint, prices jsonb, family text,
  rollover text, trial_days integer default null, trial_tokens bigint default null,
  rollover_cap bigint default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_old public.token_plans;
  v_new public.token_plans;
  v_product public.token_products;
begin
  perform coinslot.check_product(
    set_plan.id, set_plan.name, set_plan.name_ko, set_plan.tokens, set_plan.prices
  );
  perform coinslot.check_plan(
    set_plan.family, set_plan.every, set_plan.tokens, set_plan.rollover
  );
  select p.* into v_product from public.token_products p where p.id = set_plan.id
  for no key update;
  select l.* into v_old from public.token_plans l where l.id = set_plan.id;
  if v_product.id is not null and v_old.id is null then
    perform coinslot.fail('invalid_argument', '{"argument": "id", "reason": "It is a product."}');
  elsif v_old.id is null and (num_nulls(set_plan.name, set_plan.every, set_plan.tokens) > 0
    or coalesce(jsonb_strip_nulls(set_plan.prices), '{}') = '{}')
  then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', case when set_plan.name is null then 'name' when set_plan.every is null
        then 'every' when set_plan.tokens is null then 'tokens' else 'prices' end,
      'reason', 'The plan is new.'));
  end if;
  v_new.id := set_plan.id;
  v_new.family := coalesce(set_plan.family, v_old.family, 'main');
  v_new.every := coalesce(set_plan.every, v_old.every);
  v_new.tokens := coalesce(set_plan.tokens, v_old.tokens);
  v_new.rollover := coalesce(set_plan.rollover, v_old.rollover, 'none');
  v_new.trial_days := coalesce(set_plan.trial_days, v_old.trial_days, 0);
  v_new.trial_tokens := coalesce(
    set_plan.trial_tokens, case when v_new.trial_days > 0 then v_old.trial_tokens end, 0
  );
  v_new.rollover_cap := coalesce(
    set_plan.rollover_cap, case when v_new.rollover = 'cap' then v_old.rollover_cap end
  );
  perform coinslot.check_trial(v_new);
  perform coinslot.check_cap(v_new);
  insert into public.token_products as p (id, kind, name, name_ko)
  values (set_plan.id, 'subscription', coalesce(set_plan.name, v_product.name),
    coalesce(set_plan.name_ko, v_product.name_ko, set_plan.name))
  on conflict on constraint token_products_pkey do update set name = excluded.name,
    name_ko = excluded.name_ko, active = true;
  insert into public.token_plans select v_new.*
  on conflict on constraint token_plans_pkey do update set family = excluded.family,
    every = excluded.every, tokens = excluded.tokens, rollover = excluded.rollover,
    trial_days = excluded.trial_days, trial_tokens = excluded.trial_tokens,
    rollover_cap = excluded.rollover_cap;
  perform coinslot.set_prices(set_plan.id, set_plan.prices);
  return (select l from coinslot.list_plans(set_plan.id) l);
end
$$;
comment on function coinslot.set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint, bigint
) is 'See public.coinslot_set_plan.';
revoke all on function coinslot.set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint, bigint
) from public;
grant execute on function coinslot.set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint, bigint
) to service_role;

create function public.coinslot_set_plan(
  id text, every text default null, name text default null, name_ko text default null,
  tokens bigint default null, prices jsonb default null, family text default null,
  rollover text default null, trial_days integer default null, trial_tokens bigint default null,
  rollover_cap bigint default null
) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.set_plan(
    coinslot_set_plan.id, coinslot_set_plan.every, coinslot_set_plan.name,
    coinslot_set_plan.name_ko, coinslot_set_plan.tokens, coinslot_set_plan.prices,
    coinslot_set_plan.family, coinslot_set_plan.rollover, coinslot_set_plan.trial_days,
    coinslot_set_plan.trial_tokens, coinslot_set_plan.rollover_cap
  )
$$;
comment on function public.coinslot_set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint, bigint
) is
'Service: puts a plan on sale, or changes what is given of one. Who has subscribed keeps what they
agreed to.';
revoke all on function public.coinslot_set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint, bigint
) from public, anon, authenticated, service_role;
grant execute on function public.coinslot_set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint, bigint
) to service_role;

-- The terms of a plan, as somebody is about to agree to them.
create or replace function coinslot.plan_terms(plan_id text, currency text)
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

create or replace function coinslot.open_cycle(subscription public.token_subscriptions)
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

-- Of what was missed while nobody charged, nothing is charged: the period that runs now is. A plan
-- that was chosen for the next period counts from here on, at the price that was agreed to.
create or replace function coinslot.next_period(subscription public.token_subscriptions)
returns public.token_subscriptions
language plpgsql volatile set search_path = '' as $$
declare
  v_next public.token_subscriptions := subscription;
  v_now timestamptz := clock_timestamp();
  v_agreed jsonb;
begin
  if v_next.next_plan_id is not null then
    select c.terms into v_agreed from coinslot.subscription_consents c
    where c.subscription_id = v_next.id and c.kind = 'change'
      and c.terms ->> 'plan_id' = v_next.next_plan_id
    order by c.id desc limit 1;
    v_next.plan_id := v_next.next_plan_id;
    v_next.tokens := (v_agreed ->> 'tokens')::bigint;
    v_next.amount := (v_agreed ->> 'amount')::bigint;
    v_next.rollover := v_agreed ->> 'rollover';
    v_next.rollover_cap := (v_agreed ->> 'rollover_cap')::bigint;
    if v_next.every <> v_agreed ->> 'every' then
      v_next.every := v_agreed ->> 'every';
      v_next.anchor := subscription.period_end;
      v_next.period := -1;
    end if;
    v_next.next_plan_id := null;
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

-- The tokens of a period last until the next one is charged, and a little longer. Those that may go
-- over into the next wait for its money, for as long as that may take.
create or replace function coinslot.cycle_tokens_end(
  subscription public.token_subscriptions, cycle coinslot.subscription_cycles
) returns timestamptz
language sql stable set search_path = '' as $$
  select case when cycle.rollover <> 'full' then interval '1 hour' + coinslot.charge_time(
    cycle.period_end, subscription.time_zone, subscription.id
  ) + case when cycle.rollover = 'cap' then s.subscription_grace else interval '0' end end
  from coinslot.settings s where s.id
$$;

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

-- What is left of a period that was to go over into the next one waits for that. There is none: it
-- ends now, as what was left of any other has. Spends so far are drawn before that.
create function coinslot.end_allowance(subscription public.token_subscriptions) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_now timestamptz;
begin
  if subscription.rollover <> 'cap' and not exists (
    select from coinslot.subscription_cycles c
    where c.subscription_id = subscription.id and c.rollover = 'cap'
  ) then
    return;
  end if;
  v_now := coinslot.wallet_time(coinslot.lock_wallet(subscription.user_id));
  perform coinslot.fold(subscription.user_id, v_now);
  update public.token_lots l set expires_at = v_now + interval '1 hour'
  from coinslot.allowance_lots(subscription, v_now) a
  where l.id = a.id and l.expires_at > v_now + interval '1 hour';
  perform coinslot.note_change(subscription.user_id, v_now);
end
$$;
comment on function coinslot.end_allowance(public.token_subscriptions) is
'Ends the tokens of the periods of a subscription that has none any more, an hour from now.';
revoke all on function coinslot.end_allowance(public.token_subscriptions) from public;

create or replace function coinslot.end_subscription(
  subscription public.token_subscriptions, reason text
) returns public.token_subscriptions
language plpgsql volatile set search_path = '' as $$
declare
  v_subscription public.token_subscriptions;
begin
  perform coinslot.void_cycle_orders(subscription.id);
  update coinslot.subscription_cycles c set status = 'missed'
  where c.subscription_id = subscription.id and c.status = 'due';
  update public.token_subscriptions s set
    status = 'ended', end_reason = end_subscription.reason, ended_at = clock_timestamp(),
    next_charge_at = null, grace_until = null, needs = null, next_plan_id = null,
    cancel_at_end = false, pause_at_end = false,
    version = s.version + 1, updated_at = clock_timestamp()
  where s.id = subscription.id and s.status <> 'ended'
  returning s.* into v_subscription;
  if not found then
    return subscription;
  end if;
  perform coinslot.note_subscription(
    v_subscription, subscription.status, 'ended',
    jsonb_build_object('reason', end_subscription.reason)
  );
  if end_subscription.reason = 'canceled' then
    perform coinslot.end_allowance(subscription);
  end if;
  return v_subscription;
end
$$;

-- In the transaction that credits an order, after its wallet. What has ended stays so: the period
-- that was paid for is given, and no other follows.
create or replace function coinslot.follow_cycle(payment public.token_payments) returns void
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

create or replace function coinslot.note_consent(
  subscription public.token_subscriptions, kind text, terms public.token_subscriptions,
  consent jsonb
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if coalesce(length(note_consent.consent::text), 0) > 2000
    or jsonb_typeof(note_consent.consent) <> 'object'
  then
    perform coinslot.fail('invalid_argument', '{"argument": "consent", "max_length": 2000}');
  end if;
  perform coinslot.check_shown(note_consent.consent, terms.amount, terms.currency);
  insert into coinslot.subscription_consents (subscription_id, kind, terms)
  values (subscription.id, note_consent.kind, jsonb_build_object(
    'plan_id', terms.plan_id, 'every', terms.every, 'amount', terms.amount,
    'currency', terms.currency, 'tokens', terms.tokens, 'rollover', terms.rollover,
    'rollover_cap', terms.rollover_cap, 'method_id', subscription.method_id, 'from', subscription.period_start,
    'shown', coalesce(note_consent.consent, '{}')
  ));
end
$$;

create or replace function coinslot.begin_subscription(
  user_id uuid, terms public.token_subscriptions, gateway text, method_id uuid
) returns public.token_subscriptions
language plpgsql volatile set search_path = '' as $$
declare
  v_subscription public.token_subscriptions;
  v_now timestamptz := clock_timestamp();
  v_zone text := (select s.time_zone from coinslot.settings s where s.id);
begin
  insert into public.token_subscriptions (
    user_id, plan_id, family, gateway, live, every, amount, currency, tokens, rollover,
    rollover_cap, method_id, time_zone, anchor, period_start, period_end, next_charge_at
  ) values (
    begin_subscription.user_id, terms.plan_id, terms.family, begin_subscription.gateway,
    coinslot.is_live(), terms.every, terms.amount, terms.currency, terms.tokens, terms.rollover,
    terms.rollover_cap, begin_subscription.method_id, v_zone, v_now, v_now,
    coinslot.period_at(v_now, v_zone, terms.every, 1), v_now
  ) returning * into v_subscription;
  perform coinslot.open_cycle(v_subscription);
  perform coinslot.note_subscription(v_subscription, null, 'subscribed');
  return v_subscription;
end
$$;

-- Its first period is number 0, as anybody's, and begins with the end of the trial.
create or replace function coinslot.begin_trial(
  user_id uuid, terms public.token_subscriptions, gateway text, method_id uuid, trial text
) returns public.token_subscriptions
language plpgsql volatile set search_path = '' as $$
declare
  v_plan public.token_plans;
  v_settings coinslot.settings;
  v_subscription public.token_subscriptions;
  v_id uuid := gen_random_uuid();
  v_now timestamptz := clock_timestamp();
  v_end timestamptz;
begin
  select l.* into strict v_plan from public.token_plans l where l.id = terms.plan_id;
  select s.* into strict v_settings from coinslot.settings s where s.id;
  if begin_trial.trial not in ('asked', 'agreed') then
    perform coinslot.fail('invalid_argument', '{"argument": "trial", "known": ["asked", "agreed"]}');
  elsif v_plan.trial_days = 0 then
    perform coinslot.refuse_trial('none');
  elsif begin_trial.trial = 'agreed' and v_settings.trial_needs_consent then
    perform coinslot.refuse_trial('asked');
  elsif exists (
    select from auth.users u where u.id = begin_trial.user_id and u.is_anonymous
  ) then
    perform coinslot.fail('account_required');
  elsif not exists (
    select from coinslot.confirmed_identities c where c.user_id = begin_trial.user_id
  ) then
    -- By which else would the next account be known?
    perform coinslot.fail('identity_required');
  end if;
  v_end := (
    (v_now at time zone v_settings.time_zone) + make_interval(days => v_plan.trial_days)
  ) at time zone v_settings.time_zone;
  insert into public.token_subscriptions (
    id, user_id, plan_id, family, gateway, live, status, trial, every, amount, currency, tokens,
    rollover, rollover_cap, method_id, time_zone, anchor, period, period_start, period_end,
    next_charge_at
  ) values (
    v_id, begin_trial.user_id, terms.plan_id, terms.family, begin_trial.gateway,
    coinslot.is_live(), 'trialing', begin_trial.trial, terms.every, terms.amount, terms.currency,
    terms.tokens, terms.rollover, terms.rollover_cap, begin_trial.method_id, v_settings.time_zone,
    v_end, -1, v_now, v_end, coinslot.charge_time(v_end, v_settings.time_zone, v_id)
  ) returning * into v_subscription;
  perform coinslot.mark_trial(v_subscription);
  perform coinslot.give_trial_tokens(v_subscription, v_plan.trial_tokens);
  perform coinslot.note_subscription(v_subscription, null, 'trial_started', jsonb_build_object(
    'tokens', v_plan.trial_tokens, 'ends_at', v_end
  ));
  return v_subscription;
end
$$;

create or replace function coinslot.list_subscriptions() returns setof jsonb
language sql stable security definer
set search_path = '' set enable_seqscan = off as $$
  select jsonb_build_object(
    'id', s.id, 'plan_id', s.plan_id, 'name', p.name, 'name_ko', p.name_ko, 'family', s.family,
    'gateway', s.gateway, 'status', s.status, 'every', s.every, 'amount', s.amount,
    'currency', s.currency, 'tokens', s.tokens, 'rollover', s.rollover,
    'rollover_cap', s.rollover_cap, 'period_start', s.period_start, 'period_end', s.period_end,
    'cancel_at_end', s.cancel_at_end, 'pause_at_end', s.pause_at_end,
    'next_plan_id', s.next_plan_id, 'next', (
      select jsonb_build_object(
        'plan_id', n.id, 'name', n.name, 'name_ko', n.name_ko, 'every', c.terms -> 'every',
        'amount', c.terms -> 'amount', 'currency', s.currency, 'tokens', c.terms -> 'tokens'
      )
      from coinslot.subscription_consents c
      inner join public.token_products n on n.id = s.next_plan_id
      where c.subscription_id = s.id and c.kind = 'change'
        and c.terms ->> 'plan_id' = s.next_plan_id
      order by c.id desc limit 1
    ), 'needs', s.needs, 'grace_until', s.grace_until,
    'next_charge_at', case when not s.cancel_at_end and not s.pause_at_end
      and s.trial is distinct from 'asked' then s.next_charge_at end,
    'trial', s.trial, 'end_reason', s.end_reason, 'ended_at', s.ended_at, 'created_at', s.created_at,
    'method', (
      select jsonb_build_object(
        'id', k.id, 'brand', k.brand, 'last_four', k.last_four, 'broken', k.broken_at is not null
      )
      from coinslot.billing_keys k where k.id = s.method_id and k.status = 'active'
    )
  )
  from public.token_subscriptions s
  inner join public.token_products p on p.id = s.plan_id
  where s.user_id = coinslot.current_user_id()
  order by s.ended_at desc nulls first, s.created_at desc limit 50
$$;

-- It can be paid until the period is over, and then buys nothing.
create or replace function coinslot.make_upgrade(
  subscription public.token_subscriptions, terms public.token_subscriptions,
  amount bigint, tokens bigint
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_cycle coinslot.subscription_cycles;
  v_order public.token_payments;
begin
  select c.* into strict v_cycle from coinslot.subscription_cycles c
  where c.subscription_id = subscription.id and c.period_start = subscription.period_start;
  insert into public.token_payments as p (
    order_id, user_id, product_id, name, name_ko, gateway, amount, currency, tokens, live,
    tokens_end_at, expires_at
  )
  select coinslot.new_order_id(s.plain_order_ids), subscription.user_id, d.id, d.name, d.name_ko,
    subscription.gateway, make_upgrade.amount, subscription.currency, make_upgrade.tokens,
    subscription.live, coinslot.cycle_tokens_end(subscription, v_cycle), subscription.period_end
  from public.token_products d cross join coinslot.settings s
  where d.id = terms.plan_id and s.id
  returning p.* into v_order;
  insert into coinslot.cycle_orders (payment_id, cycle_id, purpose, terms)
  values (v_order.id, v_cycle.id, 'change', jsonb_build_object(
    'plan_id', terms.plan_id, 'amount', terms.amount, 'tokens', terms.tokens,
    'rollover_cap', terms.rollover_cap,
    'before', jsonb_build_object('plan_id', subscription.plan_id, 'amount', subscription.amount,
      'tokens', subscription.tokens, 'rollover_cap', subscription.rollover_cap)
  ));
  perform coinslot.record_event(v_order, null, 'subscription');
  insert into coinslot.cycle_charges (cycle_id, payment_id, method_id, leased_until)
  values (v_cycle.id, v_order.id, subscription.method_id, clock_timestamp());
end
$$;

-- In the transaction that credits its order. Paid when its period was over, it changed nothing.
create or replace function coinslot.follow_upgrade(
  subscription public.token_subscriptions, cycle coinslot.subscription_cycles,
  payment public.token_payments, terms jsonb
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_after public.token_subscriptions;
begin
  update coinslot.cycle_charges h set state = 'paid', finished_at = clock_timestamp()
  where h.payment_id = payment.id and h.state = 'open';
  update public.token_subscriptions s set
    plan_id = follow_upgrade.terms ->> 'plan_id',
    amount = (follow_upgrade.terms ->> 'amount')::bigint,
    tokens = (follow_upgrade.terms ->> 'tokens')::bigint,
    rollover_cap = case when s.rollover = 'cap' then coalesce(
      (follow_upgrade.terms ->> 'rollover_cap')::bigint, s.rollover_cap
    ) end, next_plan_id = null, version = s.version + 1, updated_at = clock_timestamp()
  where s.id = subscription.id and s.status <> 'ended' and s.period_start = cycle.period_start
  returning s.* into v_after;
  if found then
    update coinslot.subscription_cycles c set rollover_cap = v_after.rollover_cap
    where c.id = cycle.id;
    perform coinslot.note_subscription(
      v_after, subscription.status, 'upgraded', jsonb_build_object('order_id', payment.order_id)
    );
  else
    perform coinslot.note_subscription(subscription, subscription.status, 'paid_late');
  end if;
end
$$;

-- Of an upgrade whose money all went back the plan before counts again.
create or replace function coinslot.follow_refund(payment public.token_payments) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_subscription public.token_subscriptions;
begin
  update public.token_subscriptions s set
    plan_id = o.terms #>> '{before,plan_id}', amount = (o.terms #>> '{before,amount}')::bigint,
    tokens = (o.terms #>> '{before,tokens}')::bigint,
    rollover_cap = case when s.rollover = 'cap' then coalesce(
      (o.terms #>> '{before,rollover_cap}')::bigint, s.rollover_cap
    ) end, version = s.version + 1, updated_at = clock_timestamp()
  from coinslot.cycle_orders o
  inner join coinslot.subscription_cycles c on c.id = o.cycle_id
  where o.payment_id = payment.id and o.purpose = 'change' and s.id = c.subscription_id
    and s.status <> 'ended' and s.plan_id = o.terms ->> 'plan_id'
  returning s.* into v_subscription;
  if found then
    update coinslot.subscription_cycles c set rollover_cap = v_subscription.rollover_cap
    from coinslot.cycle_orders o
    where o.payment_id = payment.id and c.id = o.cycle_id and c.rollover = 'cap'
      and v_subscription.rollover = 'cap';
    perform coinslot.note_subscription(
      v_subscription, v_subscription.status, 'upgrade_refunded',
      jsonb_build_object('order_id', payment.order_id)
    );
  end if;
end
$$;

create or replace function coinslot.get_subscription(operator coinslot.operators, id text)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_subscription public.token_subscriptions := coinslot.read_subscription(get_subscription.id);
begin
  return jsonb_build_object(
    'subscription', coinslot.subscription_item(v_subscription, operator) || jsonb_build_object(
      'time_zone', v_subscription.time_zone, 'rollover', v_subscription.rollover,
      'rollover_cap', v_subscription.rollover_cap, 'version', v_subscription.version
    ),
    'customer', coinslot.customer_item(v_subscription.user_id, operator),
    'cycles', coinslot.cycles_of(v_subscription.id),
    'charges', coinslot.charges_of(v_subscription.id),
    'timeline', coinslot.subscription_timeline(v_subscription.id),
    'can', jsonb_build_object(
      'cancel', v_subscription.status <> 'ended' and not v_subscription.cancel_at_end
        and coinslot.may_do(operator, 'cancel_subscription'),
      'at_once', v_subscription.status not in ('trialing', 'active'),
      'refund_order', coinslot.may_do(operator, 'refund_order')
    )
  );
end
$$;

notify pgrst, 'reload schema';
