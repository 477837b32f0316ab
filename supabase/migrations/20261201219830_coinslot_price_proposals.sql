-- A higher price is a proposal to each who has subscribed at a lower one.

select coinslot.lock_for_upgrade(array[
  'coinslot.settings', 'public.token_plans', 'public.token_subscriptions', 'coinslot.mail_kinds'
]::regclass[]);

alter table coinslot.settings
add column price_notice interval not null default interval '7 days';
alter table coinslot.settings
add constraint settings_price_notice_in_range
check (price_notice between interval '0' and interval '27 days') not valid;
alter table coinslot.settings validate constraint settings_price_notice_in_range;
comment on column coinslot.settings.price_notice is
'How long before a period its subscriber is asked to agree to its higher price, at the latest.';

insert into coinslot.event_types (type, description) values
('subscription.price_proposed', 'Its owner is asked to agree to a higher price.'),
('subscription.price_declined', 'Its owner does not agree to a higher price.');
insert into coinslot.mail_kinds (kind, event_type, only_if) values
('subscription_price', 'subscription.price_proposed', null);
update coinslot.mail_kinds k set
  only_if = '$.previous_status != "incomplete"
    && ($.reason == "canceled" || $.reason == "unpaid" || $.reason == "trial_over"
      || $.reason == "price_not_agreed")'
where k.kind = 'subscription_ended';

create table coinslot.price_proposals (
  id bigint generated always as identity,
  plan_id text not null,
  currency text not null,
  amount bigint not null,
  from_at timestamptz not null,
  ends boolean not null,
  created_at timestamptz not null default clock_timestamp(),
  withdrawn_at timestamptz,
  constraint price_proposals_pkey primary key (id),
  constraint price_proposals_plan_id_fkey foreign key (plan_id)
  references public.token_plans (id) on delete restrict,
  constraint price_proposals_amount_positive check (amount between 1 and 9007199254740991)
);
comment on table coinslot.price_proposals is 'Prices that subscribers are asked to agree to.';
comment on column coinslot.price_proposals.from_at is
'It is for periods that begin then or later.';
comment on column coinslot.price_proposals.ends is
'True: who does not agree has no further period. False: they keep their price.';
create unique index price_proposals_one_of_a_price
on coinslot.price_proposals (plan_id, currency) where withdrawn_at is null;
alter table coinslot.price_proposals enable row level security;
revoke all on table coinslot.price_proposals from anon, authenticated, service_role;
create policy "Nobody reads proposals through the API" on coinslot.price_proposals
for select to anon, authenticated using (false);

create table coinslot.price_asks (
  subscription_id uuid not null,
  proposal_id bigint not null,
  plan_id text not null,
  amount bigint not null,
  ends boolean not null,
  starts_at timestamptz not null,
  answer text,
  created_at timestamptz not null default clock_timestamp(),
  answered_at timestamptz,
  constraint price_asks_pkey primary key (subscription_id, proposal_id),
  constraint price_asks_subscription_id_fkey foreign key (subscription_id)
  references public.token_subscriptions (id) on delete restrict,
  constraint price_asks_proposal_id_fkey foreign key (proposal_id)
  references coinslot.price_proposals (id) on delete restrict,
  constraint price_asks_answer_known check (
    answer in ('agreed', 'declined') and (answer is null) = (answered_at is null)
  )
);
comment on table coinslot.price_asks is 'Who was asked to agree to which price, and said what.';
comment on column coinslot.price_asks.starts_at is
'When the period begins that it is for: the end of the one in which somebody was asked.';
create index price_asks_proposal_id on coinslot.price_asks (proposal_id);
alter table coinslot.price_asks enable row level security;
revoke all on table coinslot.price_asks from anon, authenticated, service_role;
create policy "Nobody reads questions through the API" on coinslot.price_asks
for select to anon, authenticated using (false);

-- Of another plan, of another period than the one that follows, and of a proposal that was
-- withdrawn before somebody agreed, there is nothing to answer.
create function coinslot.price_ask(subscription public.token_subscriptions)
returns coinslot.price_asks
language sql stable set search_path = '' set enable_seqscan = off as $$
  select a.* from coinslot.price_asks a
  inner join coinslot.price_proposals o on o.id = a.proposal_id
  where a.subscription_id = subscription.id and a.plan_id = subscription.plan_id
    and a.starts_at = subscription.period_end and a.amount > subscription.amount
    and (o.withdrawn_at is null or a.answer is not distinct from 'agreed')
  order by a.proposal_id desc limit 1
$$;
comment on function coinslot.price_ask(public.token_subscriptions) is
'The price that somebody was asked to agree to for their next period, if there is one.';
revoke all on function coinslot.price_ask(public.token_subscriptions) from public;

create function coinslot.ends_by_price(subscription public.token_subscriptions) returns boolean
language sql stable set search_path = '' as $$
  select coalesce(a.ends and a.answer is distinct from 'agreed', false)
    and subscription.next_plan_id is null
  from coinslot.price_ask(subscription) a
$$;
comment on function coinslot.ends_by_price(public.token_subscriptions) is
'True of one that ends with its period unless its owner agrees to a price.';
revoke all on function coinslot.ends_by_price(public.token_subscriptions) from public;

-- What it costs from now on is the price on offer. The one before is withdrawn. Of two operators
-- who propose at once the second waits for the first, and withdraws what that one has proposed.
create function coinslot.propose_price(
  plan_id text, currency text, from_at timestamptz, ends boolean
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_proposal coinslot.price_proposals;
  v_amount bigint;
begin
  select r.amount into v_amount from public.token_prices r
  inner join public.token_plans l on l.id = r.product_id
  where r.product_id = propose_price.plan_id and r.currency = propose_price.currency
  for no key update of r;
  if not found then
    perform coinslot.fail(
      'plan_not_found', jsonb_build_object('plan_id', left(propose_price.plan_id, 63))
    );
  end if;
  perform coinslot.withdraw_price(propose_price.plan_id, propose_price.currency);
  insert into coinslot.price_proposals (plan_id, currency, amount, from_at, ends)
  values (propose_price.plan_id, propose_price.currency, v_amount,
    coalesce(propose_price.from_at, clock_timestamp()), propose_price.ends is not false)
  returning * into v_proposal;
  return jsonb_build_object(
    'plan_id', v_proposal.plan_id, 'currency', v_proposal.currency, 'amount', v_proposal.amount,
    'from_at', v_proposal.from_at, 'ends', v_proposal.ends, 'subscriptions', (
      select count(*) from public.token_subscriptions s
      where s.plan_id = v_proposal.plan_id and s.currency = v_proposal.currency
        and s.status <> 'ended' and s.amount < v_proposal.amount and s.live = coinslot.is_live()
    )
  );
end
$$;
comment on function coinslot.propose_price(text, text, timestamptz, boolean) is
'See public.coinslot_propose_price.';
revoke all on function coinslot.propose_price(text, text, timestamptz, boolean) from public;
grant execute on function coinslot.propose_price(text, text, timestamptz, boolean)
to service_role;

create function public.coinslot_propose_price(
  plan_id text, currency text, from_at timestamptz default null, ends boolean default true
) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.propose_price(
    coinslot_propose_price.plan_id, coinslot_propose_price.currency,
    coinslot_propose_price.from_at, coinslot_propose_price.ends
  )
$$;
comment on function public.coinslot_propose_price(text, text, timestamptz, boolean) is
'Service: asks everybody who pays less for a plan to agree to the price on offer, for periods that
begin at from_at or later. Who does not agree has no further period, or keeps their price if ends is
false. {plan_id, currency, amount, from_at, ends, subscriptions}.';
revoke all on function public.coinslot_propose_price(text, text, timestamptz, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_propose_price(text, text, timestamptz, boolean)
to service_role;

create function coinslot.withdraw_price(plan_id text, currency text) returns boolean
language sql volatile security definer set search_path = '' as $$
  with withdrawn as (
    update coinslot.price_proposals o set withdrawn_at = clock_timestamp()
    where o.plan_id = withdraw_price.plan_id and o.currency = withdraw_price.currency
      and o.withdrawn_at is null
    returning o.id
  )
  select exists (select from withdrawn)
$$;
comment on function coinslot.withdraw_price(text, text) is 'See public.coinslot_withdraw_price.';
revoke all on function coinslot.withdraw_price(text, text) from public;
grant execute on function coinslot.withdraw_price(text, text) to service_role;

create function public.coinslot_withdraw_price(plan_id text, currency text) returns boolean
language sql volatile set search_path = '' as $$
  select coinslot.withdraw_price(
    coinslot_withdraw_price.plan_id, coinslot_withdraw_price.currency
  )
$$;
comment on function public.coinslot_withdraw_price(text, text) is
'Service: asks nobody any more to agree to a price. Who has agreed pays it; false: none was asked.';
revoke all on function public.coinslot_withdraw_price(text, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_withdraw_price(text, text) to service_role;

-- Whose notice would be too short is asked in the period that follows. A wallet that is in use is
-- passed by until the next time.
create function coinslot.ask_for_prices(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_notice interval := (select s.price_notice from coinslot.settings s where s.id);
  v_due record;
  v_subscription public.token_subscriptions;
  v_asked bigint := 0;
begin
  for v_due in
    select s.id, s.user_id, o.id as proposal_id, o.amount, o.ends
    from coinslot.price_proposals o
    inner join public.token_subscriptions s on s.plan_id = o.plan_id and s.currency = o.currency
    where o.withdrawn_at is null and s.status = 'active' and s.amount < o.amount
      and s.live = coinslot.is_live() and s.period_end >= o.from_at
      and s.period_end between clock_timestamp() + v_notice
        and clock_timestamp() + interval '30 days'
      and not s.cancel_at_end and not s.pause_at_end and s.next_plan_id is null and not exists (
        select from coinslot.price_asks a
        where a.subscription_id = s.id and a.proposal_id = o.id
      )
    order by s.id limit ask_for_prices.batch
  loop
    perform from public.token_wallets w where w.user_id = v_due.user_id for update skip locked;
    continue when not found;
    select s.* into v_subscription from public.token_subscriptions s
    where s.id = v_due.id and s.user_id = v_due.user_id and s.status = 'active'
      and s.amount < v_due.amount and s.period_end > clock_timestamp() + v_notice
      and not s.cancel_at_end and not s.pause_at_end and s.next_plan_id is null
    for update skip locked;
    continue when not found;
    insert into coinslot.price_asks (
      subscription_id, proposal_id, plan_id, amount, ends, starts_at
    ) values (
      v_subscription.id, v_due.proposal_id, v_subscription.plan_id, v_due.amount, v_due.ends,
      v_subscription.period_end
    ) on conflict do nothing;
    -- Another server was here before, and has asked.
    continue when not found;
    perform coinslot.note_subscription(
      v_subscription, 'active', 'price_proposed', jsonb_build_object(
        'amount', v_due.amount, 'from', v_subscription.period_end, 'ends', v_due.ends
      )
    );
    v_asked := v_asked + 1;
  end loop;
  return v_asked;
end
$$;
comment on function coinslot.ask_for_prices(integer) is
'Asks subscribers to agree to a higher price, each once; how many.';
revoke all on function coinslot.ask_for_prices(integer) from public;

-- Who said no may say yes, and the other way round, until the period is over.
create function coinslot.answer_proposal(
  subscription public.token_subscriptions, agrees boolean, amount bigint, consent jsonb
) returns public.token_subscriptions
language plpgsql volatile set search_path = '' as $$
declare
  v_ask coinslot.price_asks := coinslot.price_ask(subscription);
  v_answer text := case when answer_proposal.agrees then 'agreed' else 'declined' end;
  v_terms public.token_subscriptions := subscription;
begin
  if v_ask.amount is null or subscription.status <> 'active' or subscription.cancel_at_end then
    perform coinslot.refuse_state(subscription);
  elsif answer_proposal.agrees and answer_proposal.amount is distinct from v_ask.amount then
    perform coinslot.fail('changed_meanwhile', jsonb_build_object('amount', v_ask.amount));
  elsif v_ask.answer = v_answer then
    return subscription;
  end if;
  update coinslot.price_asks a set answer = v_answer, answered_at = clock_timestamp()
  where a.subscription_id = v_ask.subscription_id and a.proposal_id = v_ask.proposal_id;
  if v_answer = 'agreed' then
    v_terms.amount := v_ask.amount;
    v_terms.period_start := subscription.period_end;
    perform coinslot.note_consent(v_terms, 'price', v_terms, answer_proposal.consent);
  end if;
  update public.token_subscriptions s set
    version = s.version + 1, updated_at = clock_timestamp()
  where s.id = subscription.id
  returning s.* into v_terms;
  perform coinslot.note_subscription(
    v_terms, subscription.status, 'price_' || v_answer, jsonb_build_object(
      'amount', v_ask.amount, 'from', v_ask.starts_at, 'ends', v_ask.ends
    )
  );
  return v_terms;
end
$$;
comment on function coinslot.answer_proposal(
  public.token_subscriptions, boolean, bigint, jsonb
) is 'Writes what the owner of a locked subscription says to a price.';
revoke all on function coinslot.answer_proposal(
  public.token_subscriptions, boolean, bigint, jsonb
) from public;

-- Of what was missed while nobody charged, nothing is charged: the period that runs now is. A plan
-- that was chosen for the next period counts from here on, at the price that was agreed to, and so
-- does a higher price of the plan.
create or replace function coinslot.next_period(subscription public.token_subscriptions)
returns public.token_subscriptions
language plpgsql volatile set search_path = '' as $$
declare
  v_next public.token_subscriptions := subscription;
  v_now timestamptz := clock_timestamp();
  v_agreed jsonb;
  v_ask coinslot.price_asks := coinslot.price_ask(subscription);
begin
  if v_next.next_plan_id is null and v_ask.answer = 'agreed' then
    v_next.amount := v_ask.amount;
  elsif v_next.next_plan_id is not null then
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

-- Of a locked subscription that is due. Nobody else makes its order: that is made under this lock.
-- A merge of its owner waits or is waited for by nobody.
create or replace function coinslot.advance_subscription(subscription public.token_subscriptions)
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
  if end_subscription.reason in ('canceled', 'price_not_agreed') then
    perform coinslot.end_allowance(subscription);
  end if;
  return v_subscription;
end
$$;

-- A yes is to the price that was shown, and to no other: that after a trial, or a higher one.
create or replace function coinslot.answer_price(
  subscription_id uuid, agrees boolean, amount bigint, consent jsonb
) returns public.token_subscriptions
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_before public.token_subscriptions := coinslot.lock_subscription(
    answer_price.subscription_id, coinslot.current_user_id()
  );
  v_after public.token_subscriptions;
begin
  if v_before.status <> 'trialing' then
    return coinslot.answer_proposal(
      v_before, coalesce(answer_price.agrees, false), answer_price.amount, answer_price.consent
    );
  elsif v_before.period >= 0 then
    perform coinslot.refuse_state(v_before);
  elsif answer_price.agrees is not true then
    return coinslot.end_with_period(v_before);
  elsif answer_price.amount is distinct from v_before.amount then
    perform coinslot.fail(
      'changed_meanwhile', jsonb_build_object('amount', v_before.amount)
    );
  elsif v_before.trial = 'agreed' and not v_before.cancel_at_end then
    return v_before;
  end if;
  update public.token_subscriptions s set
    trial = 'agreed', cancel_at_end = false, version = s.version + 1,
    updated_at = clock_timestamp()
  where s.id = v_before.id
  returning s.* into v_after;
  v_before.period_start := v_before.period_end;
  perform coinslot.note_consent(v_before, 'price', v_after, answer_price.consent);
  perform coinslot.note_subscription(v_after, 'trialing', 'price_agreed', jsonb_build_object(
    'amount', v_after.amount, 'from', v_after.period_end
  ));
  return v_after;
end
$$;

comment on function public.answer_token_price(uuid, boolean, bigint, jsonb) is
'The signed-in user agrees to what is charged after a trial, or to a higher price from the next
period on, or does not. amount is the price that the page showed; PT409 if it is another.';

-- Canceled or to be paused, it goes on. Paused, it begins anew: now, with a period of its own.
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
    perform coinslot.void_cycle_orders(v_before.id);
    update coinslot.subscription_cycles c set status = 'missed'
    where c.subscription_id = v_before.id and c.status = 'due';
    delete from coinslot.price_asks a
    where a.subscription_id = v_before.id and a.starts_at >= v_before.period_end;
    v_after.anchor := v_now;
    v_after.period := 0;
    v_after.period_start := v_now;
    v_after.period_end := coinslot.period_at(v_now, v_before.time_zone, v_before.every, 1);
    v_after.next_charge_at := v_now;
  end if;
  update public.token_subscriptions s set
    cancel_at_end = false, pause_at_end = false, anchor = v_after.anchor,
    period = v_after.period, period_start = v_after.period_start,
    period_end = v_after.period_end, next_charge_at = v_after.next_charge_at, needs = null,
    version = s.version + 1, updated_at = v_now
  where s.id = v_before.id
  returning s.* into v_after;
  perform coinslot.note_consent(v_after, 'resume', v_after, resume_subscription.consent);
  perform coinslot.note_subscription(v_after, v_before.status, 'kept');
  return v_after;
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
    ), 'needs', s.needs, 'grace_until', coalesce(
      s.grace_until,
      case s.status when 'incomplete' then s.created_at + t.unpaid_subscription_lifetime end
    ), 'renewal_told_at', s.next_charge_at
      - case s.every when 'year' then t.yearly_renewal_ahead else t.renewal_ahead end,
    'next_charge_at', case when not s.cancel_at_end and not s.pause_at_end
      and s.trial is distinct from 'asked' and not coinslot.ends_by_price(s)
      then s.next_charge_at end,
    'trial', s.trial, 'price', (
      select jsonb_build_object(
        'amount', a.amount, 'from', a.starts_at, 'ends', a.ends, 'answer', a.answer
      )
      from coinslot.price_ask(s) a
      where a.amount is not null and s.status = 'active' and not s.cancel_at_end
        and s.next_plan_id is null
    ), 'end_reason', s.end_reason, 'ended_at', s.ended_at, 'created_at', s.created_at,
    'method', (
      select jsonb_build_object(
        'id', k.id, 'brand', k.brand, 'last_four', k.last_four, 'broken', k.broken_at is not null
      )
      from coinslot.billing_keys k where k.id = s.method_id and k.status = 'active'
    )
  )
  from public.token_subscriptions s
  inner join public.token_products p on p.id = s.plan_id
  inner join coinslot.settings t on t.id
  where s.user_id = coinslot.current_user_id()
  order by s.ended_at desc nulls first, s.created_at desc limit 50
$$;

comment on function public.list_token_subscriptions() is
'Subscriptions of the signed-in user, open ones first: plan, price, tokens, period, next charge,
from when on they are told of it (renewal_told_at), the plan from the next period on (next) at the
price that was agreed to, a higher price that they are asked to agree to (price), method, and what
they need.';

create or replace function coinslot.verify_subscriptions(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language sql stable set search_path = '' as $$
  select s.user_id, v.problem, v.expected, v.found
  from public.token_subscriptions s
  inner join coinslot.subscription_cycles c on c.subscription_id = s.id
  cross join lateral (
    select count(*) filter (where o.purpose = 'renewal') as credited,
      count(*) filter (where o.purpose = 'change') as changed
    from coinslot.cycle_orders o
    inner join public.token_payments p on p.id = o.payment_id
    where o.cycle_id = c.id and p.confirmed_at is not null
  ) o
  cross join lateral (
    values
    ('cycle_without_its_money', case when c.status = 'paid' then 1 else 0 end, least(o.credited, 1)),
    ('cycle_paid_twice', least(o.credited, 1), o.credited),
    ('cycle_changed_twice', least(o.changed, 1), o.changed),
    ('cycle_not_agreed', 1, (
      select count(*) from (
        select from coinslot.subscription_consents k
        where k.subscription_id = s.id and (k.terms ->> 'amount')::bigint = c.amount
          and k.terms ->> 'currency' = c.currency
        limit 1
      ) k
    ))
  ) v (problem, expected, found)
  where (verify_subscriptions.from_user is null or s.user_id >= verify_subscriptions.from_user)
    and (verify_subscriptions.to_user is null or s.user_id <= verify_subscriptions.to_user)
    and v.expected <> v.found
  union all
  select s.user_id, 'trial_tokens', g.tokens, coalesce(l.tokens, 0)
  from public.token_subscriptions s
  inner join coinslot.trial_grants g on g.subscription_id = s.id
  left join public.token_lots l
    on l.id = g.lot_id and l.payment_id is null and s.trial is not null
  where (verify_subscriptions.from_user is null or s.user_id >= verify_subscriptions.from_user)
    and (verify_subscriptions.to_user is null or s.user_id <= verify_subscriptions.to_user)
    and g.tokens <> coalesce(l.tokens, 0)
$$;

-- In the order in which they happened, where one row brings several.
create or replace function coinslot.subscription_moves(
  change public.token_subscription_events, subscription public.token_subscriptions
) returns table (type text, more jsonb)
language sql stable set search_path = '' as $$
  select m.type, m.more from (
    values
    ('subscription.trial_started', jsonb_build_object(
        'trial_tokens', change.detail -> 'tokens', 'charge_at', subscription.next_charge_at,
        'agreed', subscription.trial = 'agreed'),
      change.event = 'trial_started'),
    -- A trial that is no longer than that has its notice at once.
    ('subscription.trial_ending', coinslot.trial_data(subscription),
      change.event = 'trial_started' and subscription.next_charge_at - subscription.created_at <= (
        select s.trial_ahead from coinslot.settings s where s.id
      )),
    ('subscription.price_agreed', jsonb_build_object('from', change.detail -> 'from',
        'amount', change.detail -> 'amount'),
      change.event = 'price_agreed'),
    ('subscription.price_proposed', jsonb_build_object('from', change.detail -> 'from',
        'next_amount', change.detail -> 'amount', 'ends', change.detail -> 'ends'),
      change.event = 'price_proposed'),
    ('subscription.price_declined', jsonb_build_object('from', change.detail -> 'from',
        'next_amount', change.detail -> 'amount', 'ends', change.detail -> 'ends'),
      change.event = 'price_declined'),
    ('subscription.started', jsonb_build_object('order_id', change.detail -> 'order_id'),
      change.event = 'started'),
    ('subscription.renewed', jsonb_build_object('order_id', change.detail -> 'order_id',
        'previous_status', change.from_status),
      change.event in ('renewed', 'recovered')),
    ('subscription.resumed', jsonb_build_object('order_id', change.detail -> 'order_id'),
      change.event = 'resumed'),
    ('subscription.payment_failed', jsonb_build_object('class', change.detail -> 'class',
        'attempt', (
          select c.tries from coinslot.subscription_cycles c
          where c.subscription_id = subscription.id
            and c.period_start = subscription.period_start
        ),
        'retry_at', change.detail -> 'next_charge_at', 'ends_at', subscription.grace_until),
      change.event = 'declined'),
    ('subscription.past_due', jsonb_build_object('ends_at', subscription.grace_until),
      change.to_status = 'past_due' and change.from_status <> 'past_due'),
    ('subscription.canceled', jsonb_build_object('reason', change.event),
      change.event in ('canceled', 'disputed')),
    ('subscription.pausing', '{}', change.event = 'to_pause'),
    ('subscription.kept', '{}', change.event = 'kept' and change.from_status in ('trialing', 'active')),
    ('subscription.paused', '{}', change.event = 'paused'),
    ('subscription.change_scheduled',
      jsonb_build_object('next_plan_id', subscription.next_plan_id), change.event = 'to_change'),
    ('subscription.changed', jsonb_build_object('order_id', change.detail -> 'order_id'),
      change.event in ('upgraded', 'upgrade_refunded')),
    ('subscription.upgrade_failed', jsonb_build_object('class', change.detail -> 'class'),
      change.event = 'upgrade_declined'),
    ('subscription.method_changed', '{}', change.event = 'method_changed'),
    ('subscription.ended', jsonb_build_object('reason', subscription.end_reason,
        'previous_status', change.from_status),
      change.event = 'ended')
  ) m (type, more, happened)
  where m.happened
$$;

-- With the plan of the next period, as somebody agreed to it.
create or replace function coinslot.renewal_data(subscription public.token_subscriptions)
returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.subscription_data(subscription)
    || jsonb_build_object('charge_at', subscription.next_charge_at) || coalesce((
      select jsonb_build_object('amount', a.amount) from coinslot.price_ask(subscription) a
      where a.answer = 'agreed'
    ), '{}') || coalesce((
      select jsonb_build_object(
        'plan_id', c.terms -> 'plan_id', 'every', c.terms -> 'every',
        'amount', c.terms -> 'amount', 'tokens', c.terms -> 'tokens'
      )
      from coinslot.subscription_consents c
      where c.subscription_id = subscription.id and c.kind = 'change'
        and c.terms ->> 'plan_id' = subscription.next_plan_id
      order by c.id desc limit 1
    ), '{}')
$$;

-- What is not paid, and what ends or pauses, or waits for a yes to its price, is charged for no
-- next period. A wallet that is in use is moving: the walk stops there, and goes on the next time.
create or replace function coinslot.remind_of_renewals(every text, batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_walk coinslot.event_walks;
  v_until timestamptz := clock_timestamp() + (
    select case remind_of_renewals.every when 'year' then s.yearly_renewal_ahead
      when 'trial' then s.trial_ahead else s.renewal_ahead end
    from coinslot.settings s where s.id
  );
  v_due record;
  v_subscription public.token_subscriptions;
  v_last uuid;
  v_told bigint := 0;
begin
  select k.* into v_walk from coinslot.event_walks k
  where k.name = case remind_of_renewals.every when 'year' then 'yearly_renewals'
    when 'trial' then 'trials' else 'renewals' end
  for update skip locked;
  if not found or v_until is null then
    return 0;
  end if;
  for v_due in
    select s.id, s.user_id, s.next_charge_at from public.token_subscriptions s
    where s.next_charge_at >= v_walk.at and s.next_charge_at <= v_until
      and (s.next_charge_at, s.id::text) > (v_walk.at, v_walk.after_id)
      and case when s.status = 'trialing' then 'trial' else s.every end = remind_of_renewals.every
      and s.status in ('trialing', 'active')
    order by s.next_charge_at, s.id::text limit remind_of_renewals.batch
  loop
    v_last := v_due.id;
    perform from public.token_wallets w where w.user_id = v_due.user_id for update skip locked;
    if not found then
      exit;
    end if;
    v_walk.at := v_due.next_charge_at;
    v_walk.after_id := v_due.id;
    select s.* into v_subscription from public.token_subscriptions s
    where s.id = v_due.id and s.user_id = v_due.user_id
      and s.status = case remind_of_renewals.every when 'trial' then 'trialing' else 'active' end
      and (s.status = 'active' or s.next_charge_at - s.created_at > v_until - clock_timestamp())
      and s.next_charge_at = v_due.next_charge_at and s.next_charge_at > clock_timestamp()
      and s.live = coinslot.is_live() and not s.cancel_at_end and not s.pause_at_end
      and not coinslot.ends_by_price(s);
    if found then
      v_told := v_told + 1;
      perform coinslot.emit(
        case v_subscription.status when 'trialing' then 'subscription.trial_ending'
          else 'subscription.renewal_due' end,
        v_due.user_id, coinslot.renewal_data(v_subscription)
        || case v_subscription.status when 'trialing' then coinslot.trial_data(v_subscription)
          else '{}' end
      );
    end if;
  end loop;
  if v_last is null then
    v_walk.at := v_until;
    v_walk.after_id := '';
  end if;
  perform coinslot.end_walk(v_walk);
  return v_told;
end
$$;

create or replace function coinslot.run_maintenance(batch integer) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  if (run_maintenance.batch between 1 and 10000) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "batch", "min": 1, "max": 10000}');
  end if;
  return jsonb_build_object(
    'orders_expired', coinslot.expire_orders(run_maintenance.batch),
    'wallets_swept', coinslot.expire_holds(run_maintenance.batch),
    'wallets_expired', coinslot.expire_tokens(run_maintenance.batch),
    'purged', coinslot.purge(run_maintenance.batch),
    'wallets_with_lots', coinslot.backfill_lots(run_maintenance.batch),
    'wallets_told', coinslot.spread_refills(run_maintenance.batch),
    'referrals_settled', coinslot.settle_referrals(run_maintenance.batch),
    'deposits_told', coinslot.remind_of_deposits(run_maintenance.batch),
    'expiries_told', coinslot.remind_of_expiry(run_maintenance.batch),
    'renewals_told', coinslot.remind_of_renewals('month', run_maintenance.batch)
      + coinslot.remind_of_renewals('year', run_maintenance.batch)
      + coinslot.remind_of_renewals('trial', run_maintenance.batch)
      + coinslot.ask_for_prices(run_maintenance.batch),
    'wallets_armed', coinslot.arm_wallets(run_maintenance.batch),
    'events_purged', coinslot.purge_events(run_maintenance.batch),
    'exports_purged', coinslot.purge_exports(run_maintenance.batch),
    'prices_begun', coinslot.begin_prices(run_maintenance.batch),
    'summed', coinslot.sum_reports(run_maintenance.batch)
  );
end
$$;

notify pgrst, 'reload schema';
