-- Subscriptions: a plan as somebody agreed to it, its periods, and what is charged for each.
--
--   incomplete -> active -> past_due -> active
--        |          |  ^       |
--        v          v  |       v
--      ended     paused      ended       also ended: canceled, and its period is over
--
--   trialing -> active, past_due or ended: nothing was paid yet. Its first period begins with the
--   end of the trial, if its owner has agreed to the price.
--
-- A period belongs to one cycle, a cycle owns its orders, and an order is credited as every order
-- is: by what its gateway says of the money. Whatever is paid for a cycle that was paid before is a
-- duplicate. So no period is paid twice and kept, and none is given that was not paid.
--
-- Locks, after orders and wallets: the subscription, then its cycle and its charges.

create table public.token_subscriptions (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  plan_id text not null,
  family text not null,
  gateway text not null,
  live boolean not null,
  status text not null default 'incomplete',
  every text not null,
  amount bigint not null,
  currency text not null,
  tokens bigint not null,
  rollover text not null,
  next_plan_id text,
  method_id uuid,
  time_zone text not null,
  anchor timestamptz not null,
  period integer not null default 0,
  period_start timestamptz not null,
  period_end timestamptz not null,
  cancel_at_end boolean not null default false,
  pause_at_end boolean not null default false,
  needs text,
  next_charge_at timestamptz,
  grace_until timestamptz,
  end_reason text,
  version bigint not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  trial text,
  rollover_cap bigint,
  constraint token_subscriptions_pkey primary key (id),
  constraint token_subscriptions_plan_id_fkey foreign key (plan_id)
  references public.token_plans (id) on delete restrict,
  constraint token_subscriptions_next_plan_id_fkey foreign key (next_plan_id)
  references public.token_plans (id) on delete restrict,
  constraint token_subscriptions_gateway_fkey foreign key (gateway)
  references coinslot.gateways (id) on delete restrict,
  constraint token_subscriptions_method_id_fkey foreign key (method_id)
  references coinslot.billing_keys (id) on delete restrict,
  constraint token_subscriptions_status_known
  check (status in ('incomplete', 'trialing', 'active', 'past_due', 'paused', 'ended')),
  constraint token_subscriptions_trial_known check (
    trial in ('asked', 'agreed', 'over') and (trial is not null or status <> 'trialing')
  ),
  constraint token_subscriptions_every_known check (every in ('month', 'year')),
  constraint token_subscriptions_amount_positive
  check (amount between 1 and 9007199254740991),
  constraint token_subscriptions_tokens_positive
  check (tokens between 1 and 9007199254740991),
  constraint token_subscriptions_rollover_known check (rollover in ('none', 'cap', 'full')),
  constraint token_subscriptions_cap_with_rollover
  check ((rollover = 'cap') = (rollover_cap is not null) and rollover_cap > 0),
  constraint token_subscriptions_needs_known check (needs in ('method', 'authentication')),
  constraint token_subscriptions_period_forward check (period_start < period_end),
  constraint token_subscriptions_ended_charges_nothing check (
    (status = 'ended') = (ended_at is not null)
    and (status <> 'ended' or next_charge_at is null)
  )
);
comment on table public.token_subscriptions is 'Who has which plan, and what it costs them.';
comment on column public.token_subscriptions.amount is 'Minor units of a period, as agreed to.';
comment on column public.token_subscriptions.tokens is 'Tokens of a period, as agreed to.';
comment on column public.token_subscriptions.next_plan_id is 'The plan from the next period on.';
comment on column public.token_subscriptions.anchor is 'When its first period began.';
comment on column public.token_subscriptions.period is
'The number of the period that runs, or is being paid for.';
comment on column public.token_subscriptions.cancel_at_end is 'It ends with this period.';
comment on column public.token_subscriptions.pause_at_end is 'It pauses after this period.';
comment on column public.token_subscriptions.needs is
'What its owner has to do before it is charged again: another method, or an authentication.';
comment on column public.token_subscriptions.next_charge_at is
'When it is looked at next: to be charged, or to end.';
comment on column public.token_subscriptions.grace_until is
'Unpaid until then it ends; null = nothing is unpaid.';
comment on column public.token_subscriptions.trial is
'asked: it ends with its trial unless its owner agrees to the price. agreed: it is charged then.
over: its first period was paid. null = it had none.';
create unique index token_subscriptions_one_of_a_family
on public.token_subscriptions (user_id, family) where status <> 'ended';
create index token_subscriptions_newest on public.token_subscriptions (created_at desc, id desc);
create index token_subscriptions_user_id on public.token_subscriptions (user_id, created_at desc);
create index token_subscriptions_due on public.token_subscriptions (next_charge_at)
where next_charge_at is not null;
create index token_subscriptions_plan_id on public.token_subscriptions (plan_id);
create index token_subscriptions_next_plan_id on public.token_subscriptions (next_plan_id)
where next_plan_id is not null;
create index token_subscriptions_method_id on public.token_subscriptions (method_id);
create index token_subscriptions_gateway on public.token_subscriptions (gateway);
alter table public.token_subscriptions enable row level security;
revoke all on table public.token_subscriptions from anon, authenticated, service_role;
grant select on table public.token_subscriptions to authenticated, service_role;
create policy "People read their own subscriptions" on public.token_subscriptions
for select to authenticated using ((select auth.uid()) = user_id);

create table public.token_subscription_events (
  id bigint generated always as identity,
  subscription_id uuid not null,
  user_id uuid not null,
  event text not null,
  from_status text,
  to_status text not null,
  detail jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  constraint token_subscription_events_pkey primary key (id),
  constraint token_subscription_events_subscription_id_fkey foreign key (subscription_id)
  references public.token_subscriptions (id) on delete restrict
);
comment on table public.token_subscription_events is
'Everything that happened to a subscription, append-only.';
create index token_subscription_events_subscription_id
on public.token_subscription_events (subscription_id, id);
create index token_subscription_events_user_id
on public.token_subscription_events (user_id, id);
alter table public.token_subscription_events enable row level security;
revoke all on table public.token_subscription_events from anon, authenticated, service_role;
revoke all on sequence public.token_subscription_events_id_seq
from anon, authenticated, service_role;
grant select on table public.token_subscription_events to authenticated, service_role;
create policy "People read events of their own subscriptions" on public.token_subscription_events
for select to authenticated using ((select auth.uid()) = user_id);
create trigger token_subscription_events_kept
before delete on public.token_subscription_events
for each row execute function coinslot.refuse_change();
create trigger token_subscription_events_no_truncate
before truncate on public.token_subscription_events
for each statement execute function coinslot.refuse_change();

-- What somebody agreed to, as it was shown.
create table coinslot.subscription_consents (
  id bigint generated always as identity,
  subscription_id uuid not null,
  kind text not null,
  terms jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint subscription_consents_pkey primary key (id),
  constraint subscription_consents_subscription_id_fkey foreign key (subscription_id)
  references public.token_subscriptions (id) on delete restrict,
  constraint subscription_consents_kind_known check (
    kind in ('subscribe', 'change', 'resume', 'price')
  )
);
comment on table coinslot.subscription_consents is 'What people agreed to, and when.';
create index subscription_consents_subscription_id
on coinslot.subscription_consents (subscription_id);
alter table coinslot.subscription_consents enable row level security;
revoke all on table coinslot.subscription_consents from anon, authenticated, service_role;
create policy "Nobody reads consents through the API" on coinslot.subscription_consents
for select to anon, authenticated using (false);
create trigger subscription_consents_append_only
before update or delete on coinslot.subscription_consents
for each row execute function coinslot.refuse_change();

create table coinslot.subscription_cycles (
  id bigint generated always as identity,
  subscription_id uuid not null,
  number integer not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  plan_id text not null,
  every text not null,
  amount bigint not null,
  currency text not null,
  tokens bigint not null,
  rollover text not null,
  status text not null default 'due',
  tries integer not null default 0,
  first_try_at timestamptz,
  paid_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  rollover_cap bigint,
  constraint subscription_cycles_pkey primary key (id),
  constraint subscription_cycles_period_start_key unique (subscription_id, period_start),
  constraint subscription_cycles_subscription_id_fkey foreign key (subscription_id)
  references public.token_subscriptions (id) on delete restrict,
  constraint subscription_cycles_plan_id_fkey foreign key (plan_id)
  references public.token_plans (id) on delete restrict,
  constraint subscription_cycles_status_known check (status in ('due', 'paid', 'missed')),
  constraint subscription_cycles_period_forward check (period_start < period_end)
);
comment on table coinslot.subscription_cycles is
'Periods that were to be paid: each once, whoever asks for it.';
comment on column coinslot.subscription_cycles.rollover_cap is
'Of a rollover up to a limit: what goes over into the next period at most.';
comment on column coinslot.subscription_cycles.tries is 'Charges that were declined.';
create index subscription_cycles_plan_id on coinslot.subscription_cycles (plan_id);
alter table coinslot.subscription_cycles enable row level security;
revoke all on table coinslot.subscription_cycles from anon, authenticated, service_role;
create policy "Nobody reads cycles through the API" on coinslot.subscription_cycles
for select to anon, authenticated using (false);

create table coinslot.cycle_orders (
  payment_id uuid not null,
  cycle_id bigint not null,
  purpose text not null,
  dead boolean not null default false,
  terms jsonb,
  constraint cycle_orders_pkey primary key (payment_id),
  constraint cycle_orders_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete cascade,
  constraint cycle_orders_cycle_id_fkey foreign key (cycle_id)
  references coinslot.subscription_cycles (id) on delete restrict,
  constraint cycle_orders_purpose_known check (
    case purpose when 'renewal' then terms is null when 'change' then terms is not null end
  )
);
comment on table coinslot.cycle_orders is 'Orders that a cycle made.';
comment on column coinslot.cycle_orders.purpose is
'What it is for: only one order of a cycle is credited for each purpose.';
comment on column coinslot.cycle_orders.terms is
'Of a change: the plan that it buys, and the one before.';
comment on column coinslot.cycle_orders.dead is
'It cannot be paid any more, as its gateway has said: the next try makes another.';
create index cycle_orders_cycle_id on coinslot.cycle_orders (cycle_id, purpose);
alter table coinslot.cycle_orders enable row level security;
revoke all on table coinslot.cycle_orders from anon, authenticated, service_role;
create policy "Nobody reads orders of cycles through the API" on coinslot.cycle_orders
for select to anon, authenticated using (false);

-- Written before a gateway is asked. Whoever finds one open asks what became of it, and charges
-- again only under the same id, which is the idempotency key.
create table coinslot.cycle_charges (
  id uuid not null default gen_random_uuid(),
  cycle_id bigint not null,
  payment_id uuid not null,
  method_id uuid not null,
  state text not null default 'open',
  reason text,
  looks integer not null default 0,
  leased_until timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint cycle_charges_pkey primary key (id),
  constraint cycle_charges_cycle_id_fkey foreign key (cycle_id)
  references coinslot.subscription_cycles (id) on delete restrict,
  constraint cycle_charges_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete cascade,
  constraint cycle_charges_method_id_fkey foreign key (method_id)
  references coinslot.billing_keys (id) on delete restrict,
  constraint cycle_charges_state_known check (
    state in ('open', 'paid', 'soft', 'hard', 'authentication', 'ours', 'review')
  )
);
comment on table coinslot.cycle_charges is 'Each charge of a stored method, and what became of it.';
comment on column coinslot.cycle_charges.looks is
'How often somebody took it on: whoever has another number is late.';
create unique index cycle_charges_one_open on coinslot.cycle_charges (cycle_id)
where state = 'open';
create index cycle_charges_leased on coinslot.cycle_charges (leased_until) where state = 'open';
create index cycle_charges_payment_id on coinslot.cycle_charges (payment_id);
create index cycle_charges_method_id on coinslot.cycle_charges (method_id);
alter table coinslot.cycle_charges enable row level security;
revoke all on table coinslot.cycle_charges from anon, authenticated, service_role;
create policy "Nobody reads charges of cycles through the API" on coinslot.cycle_charges
for select to anon, authenticated using (false);

-- The caller has the wallet locked, so that of two orders that are paid at once one comes first.
create function coinslot.pays_again(payment_id uuid) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return exists (
    select from coinslot.cycle_orders o
    inner join coinslot.cycle_orders c
      on c.cycle_id = o.cycle_id and c.purpose = o.purpose and c.payment_id <> o.payment_id
    inner join public.token_payments p on p.id = c.payment_id
    where o.payment_id = pays_again.payment_id and p.confirmed_at is not null
  );
end
$$;
comment on function coinslot.pays_again(uuid) is
'True of an order for which another of the same cycle was credited.';
revoke all on function coinslot.pays_again(uuid) from public;

create function coinslot.note_subscription(
  subscription public.token_subscriptions, from_status text, event text,
  detail jsonb default '{}'
) returns void
language sql volatile set search_path = '' as $$
  insert into public.token_subscription_events (
    subscription_id, user_id, event, from_status, to_status, detail
  ) values (
    subscription.id, subscription.user_id, note_subscription.event,
    note_subscription.from_status, subscription.status, note_subscription.detail
  )
$$;
comment on function coinslot.note_subscription(public.token_subscriptions, text, text, jsonb) is
'Notes what happened to a subscription.';
revoke all on function coinslot.note_subscription(public.token_subscriptions, text, text, jsonb)
from public;

-- By day in the shop's zone, and not all at once: each at its own moment, which stays the same.
create function coinslot.charge_time(at timestamptz, zone text, id uuid) returns timestamptz
language plpgsql stable set search_path = '' as $$
declare
  v_settings coinslot.settings;
  v_local timestamp := charge_time.at at time zone charge_time.zone;
  v_hour numeric := extract(epoch from v_local::time) / 3600;
  v_share double precision := (
    hashtextextended(charge_time.id::text, 0) & 1023
  ) / 1024.0;
begin
  select s.* into v_settings from coinslot.settings s where s.id;
  if v_hour >= v_settings.charge_until_hour then
    v_local := date_trunc('day', v_local) + interval '1 day'
      + v_settings.charge_from_hour * interval '1 hour';
  elsif v_hour < v_settings.charge_from_hour then
    v_local := date_trunc('day', v_local) + v_settings.charge_from_hour * interval '1 hour';
  end if;
  return (v_local at time zone charge_time.zone) + v_settings.charge_spread * v_share;
end
$$;
comment on function coinslot.charge_time(timestamptz, text, uuid) is
'When what is due at this moment is charged.';
revoke all on function coinslot.charge_time(timestamptz, text, uuid) from public;

-- The last is on the day before the grace ends, as that is set to begin with.
create function coinslot.retry_wait(tries integer) returns interval
language sql immutable parallel safe set search_path = '' as $$
  select ('{1 day,3 days,5 days,7 days}'::interval[])[retry_wait.tries]
$$;
comment on function coinslot.retry_wait(integer) is
'How long after the first of so many declined charges the next is made; null = never.';
revoke all on function coinslot.retry_wait(integer) from public;

-- Orders before wallets before subscriptions. An order that was made since, and that somebody is
-- just applying a payment to, waits for us: it is not waited for, and judged as it then is.
create function coinslot.lock_subscription(id uuid, user_id uuid)
returns public.token_subscriptions
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_subscription public.token_subscriptions;
begin
  perform from public.token_payments p
  where p.id = any (array(
    select o.payment_id from coinslot.cycle_orders o
    inner join coinslot.subscription_cycles c on c.id = o.cycle_id
    where c.subscription_id = lock_subscription.id
      and (c.status = 'due' or o.purpose = 'change')
  ))
  order by p.id for update;
  perform coinslot.check_open(coinslot.lock_wallet(lock_subscription.user_id));
  select s.* into v_subscription from public.token_subscriptions s
  where s.id = lock_subscription.id and s.user_id = lock_subscription.user_id
  for update;
  if not found then
    perform coinslot.fail('subscription_not_found');
  end if;
  return v_subscription;
end
$$;
comment on function coinslot.lock_subscription(uuid, uuid) is
'Locks a subscription of a user, its open orders and the wallet; PT404.';
revoke all on function coinslot.lock_subscription(uuid, uuid) from public;

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

-- Whoever calls has it locked. Money that is taken after this moment bought nothing: its refund is
-- proposed. An order that a payment is being applied to at this moment is judged by that.
create function coinslot.void_cycle_orders(
  subscription_id uuid, payment_id uuid default null
) returns void
language sql volatile set search_path = '' set enable_seqscan = off as $$
  with due as materialized (
    select p.id, p.status from public.token_payments p
    where p.id = any (array(
      select o.payment_id from coinslot.cycle_orders o
      inner join coinslot.subscription_cycles c on c.id = o.cycle_id
      where c.subscription_id = void_cycle_orders.subscription_id
        and (c.status <> 'paid' or o.purpose = 'change')
        and o.payment_id = coalesce(void_cycle_orders.payment_id, o.payment_id)
    )) and p.paid = 0 and p.status in ('pending', 'failed', 'canceled', 'expired')
    for update skip locked
  ), voided as (
    update public.token_payments p set
      status = 'voided', voided_at = clock_timestamp(), updated_at = clock_timestamp()
    from due where p.id = due.id
    returning p.id, p.user_id, p.payment_key, due.status as from_status
  )
  insert into public.token_payment_events (
    payment_id, user_id, from_status, to_status, source, payment_key
  )
  select v.id, v.user_id, v.from_status, 'voided', 'subscription', v.payment_key from voided v
$$;
comment on function coinslot.void_cycle_orders(uuid, uuid) is
'Calls off the unpaid orders of a locked subscription, or one of them.';
revoke all on function coinslot.void_cycle_orders(uuid, uuid) from public;

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

create function coinslot.end_subscription(
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
  if end_subscription.reason in ('canceled', 'price_not_agreed') then
    perform coinslot.end_allowance(subscription);
  end if;
  return v_subscription;
end
$$;
comment on function coinslot.end_subscription(public.token_subscriptions, text) is
'Ends a locked subscription for good.';
revoke all on function coinslot.end_subscription(public.token_subscriptions, text) from public;

-- For a user who is deleted or merged, and for all test ones. The caller has the wallet locked.
create function coinslot.end_subscriptions(user_id uuid, reason text) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_subscription public.token_subscriptions;
begin
  for v_subscription in
    select s.* from public.token_subscriptions s
    where s.user_id = end_subscriptions.user_id and s.status <> 'ended'
    order by s.id for update
  loop
    perform coinslot.end_subscription(v_subscription, end_subscriptions.reason);
  end loop;
end
$$;
comment on function coinslot.end_subscriptions(uuid, text) is
'Ends the subscriptions of a user whose wallet is locked.';
revoke all on function coinslot.end_subscriptions(uuid, text) from public;
