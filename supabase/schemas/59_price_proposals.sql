-- A higher price is a proposal, to each who has subscribed at a lower one: nobody is charged a price
-- that they have not agreed to. Each is asked once, no sooner than 30 days before the period that it
-- is to begin with, as no earlier consent counts, and no later than the notice that they are owed.
-- Without a yes they keep their price, or their subscription ends with that period.

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
