-- Trials: days of a plan without money, once for a person and a family.

do $$
declare
  v_functions constant text[] := array[
    'answer_token_price', 'coinslot_list_sealed', 'coinslot_propose_price', 'coinslot_reseal',
    'coinslot_withdraw_price', 'withdraw_token_cash_receipt'
  ];
begin
  perform coinslot.refuse_problems('Coinslot cannot be upgraded yet', array(
    select format(
      'function public.%s(%s): the name is Coinslot''s. Rename yours.',
      p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)
    )
    from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname = any(v_functions)
  ));
end
$$;

select coinslot.lock_for_upgrade(array[
  'coinslot.settings', 'public.token_plans', 'coinslot.billing_keys', 'public.token_subscriptions',
  'coinslot.subscription_consents', 'public.token_lots'
]::regclass[]);

alter table coinslot.settings
add column trial_needs_consent boolean not null default true,
add column trial_ahead interval default interval '7 days';
alter table coinslot.settings
add constraint settings_trials_told_in_range check (
  trial_ahead > interval '0' and trial_ahead <= interval '30 days'
) not valid;
alter table coinslot.settings validate constraint settings_trials_told_in_range;
comment on column coinslot.settings.trial_needs_consent is
'A trial ends unkept unless its owner agrees to the price while it runs; false: to subscribe is to
agree.';
comment on column coinslot.settings.trial_ahead is
'How long before a trial ends its owner is told what is charged then; null = never.';

insert into coinslot.errors (message, sqlstate, hint) values
('trial_not_offered', 'PT409', 'Subscribe without a trial, at the price; the detail says why.');

alter table public.token_plans
add column trial_days integer not null default 0,
add column trial_tokens bigint not null default 0;
-- No longer than a consent to the price counts that was given when it began.
alter table public.token_plans
add constraint token_plans_trial_in_range check (
  trial_days between 0 and 30 and trial_tokens between 0 and tokens
  and (trial_days > 0 or trial_tokens = 0)
) not valid;
alter table public.token_plans validate constraint token_plans_trial_in_range;
comment on column public.token_plans.trial_days is
'Days without money that a person has once in a family; 0 = none.';
comment on column public.token_plans.trial_tokens is
'Tokens that a trial gives; they end with it.';

-- What a trial needs before it is charged is public: it is shown before one begins.
create function coinslot.trial_asks() returns boolean
language sql stable security definer set search_path = '' as $$
  select s.trial_needs_consent from coinslot.settings s where s.id
$$;
comment on function coinslot.trial_asks() is
'True where a trial ends unless its owner agrees to the price while it runs.';
revoke all on function coinslot.trial_asks() from public;
grant execute on function coinslot.trial_asks() to anon, authenticated, service_role;

create or replace view public.token_plan_offers with (security_invoker = true) as
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
  coinslot.trial_asks() as trial_asks
from public.token_plans as l
inner join public.token_products as p on l.id = p.id
inner join public.token_prices as r on p.id = r.product_id
where p.active;

create or replace function coinslot.list_plans(id text default null) returns setof jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'id', p.id, 'family', l.family, 'every', l.every, 'name', p.name, 'name_ko', p.name_ko,
    'tokens', l.tokens, 'rollover', l.rollover, 'trial_days', l.trial_days,
    'trial_tokens', l.trial_tokens, 'active', p.active, 'prices', coalesce((
      select jsonb_object_agg(r.currency, r.amount)
      from public.token_prices r where r.product_id = p.id
    ), '{}')
  )
  from public.token_plans l inner join public.token_products p on p.id = l.id
  where list_plans.id is null or l.id = list_plans.id
  order by l.family, l.every, l.tokens, l.id
$$;

create function coinslot.check_trial(plan public.token_plans) returns void
language plpgsql stable set search_path = '' as $$
begin
  if plan.trial_days not between 0 and 30 then
    perform coinslot.fail('invalid_argument', '{"argument": "trial_days", "max": 30}');
  elsif plan.trial_tokens not between 0 and (
    case when plan.trial_days > 0 then plan.tokens else 0 end
  ) then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'trial_tokens', 'max', case when plan.trial_days > 0 then plan.tokens else 0 end
    ));
  end if;
end
$$;
comment on function coinslot.check_trial(public.token_plans) is
'PT400 for a trial that is too long, or gives more than a period does.';
revoke all on function coinslot.check_trial(public.token_plans) from public;

drop function public.coinslot_set_plan(text, text, text, text, bigint, jsonb, text, text);
drop function coinslot.set_plan(text, text, text, text, bigint, jsonb, text, text);

-- Nothing that is set here changes what somebody has subscribed to.
create function coinslot.set_plan(
  id text, every text, name text, name_ko text, tokens bigint, prices jsonb, family text,
  rollover text, trial_days integer default null, trial_tokens bigint default null
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
  perform coinslot.check_trial(v_new);
  insert into public.token_products as p (id, kind, name, name_ko)
  values (set_plan.id, 'subscription', coalesce(set_plan.name, v_product.name),
    coalesce(set_plan.name_ko, v_product.name_ko, set_plan.name))
  on conflict on constraint token_products_pkey do update set name = excluded.name,
    name_ko = excluded.name_ko, active = true;
  insert into public.token_plans select v_new.*
  on conflict on constraint token_plans_pkey do update set family = excluded.family,
    every = excluded.every, tokens = excluded.tokens, rollover = excluded.rollover,
    trial_days = excluded.trial_days, trial_tokens = excluded.trial_tokens;
  perform coinslot.set_prices(set_plan.id, set_plan.prices);
  return (select l from coinslot.list_plans(set_plan.id) l);
end
$$;
comment on function coinslot.set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint
) is 'See public.coinslot_set_plan.';
revoke all on function coinslot.set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint
) from public;
grant execute on function coinslot.set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint
) to service_role;

create function public.coinslot_set_plan(
  id text, every text default null, name text default null, name_ko text default null,
  tokens bigint default null, prices jsonb default null, family text default null,
  rollover text default null, trial_days integer default null, trial_tokens bigint default null
) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.set_plan(
    coinslot_set_plan.id, coinslot_set_plan.every, coinslot_set_plan.name,
    coinslot_set_plan.name_ko, coinslot_set_plan.tokens, coinslot_set_plan.prices,
    coinslot_set_plan.family, coinslot_set_plan.rollover, coinslot_set_plan.trial_days,
    coinslot_set_plan.trial_tokens
  )
$$;
comment on function public.coinslot_set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint
) is
'Service: puts a plan on sale, or changes what is given of one. Who has subscribed keeps what they
agreed to.';
revoke all on function public.coinslot_set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint
) from public, anon, authenticated, service_role;
grant execute on function public.coinslot_set_plan(
  text, text, text, text, bigint, jsonb, text, text, integer, bigint
) to service_role;

alter table coinslot.billing_keys add column card_hash text collate "C";
comment on column coinslot.billing_keys.card_hash is
'Of the card, by whatever key it was stored, where the gateway tells which card it is.';

drop function public.coinslot_finish_method(uuid, text, text, text, text);
drop function coinslot.finish_method(uuid, text, text, text, text);

-- Called again it changes nothing: the answer may have been lost. One gateway's key is stored once.
create function coinslot.finish_method(
  method_id uuid, sealed text, key_hash text, brand text, last_four text, fingerprint text
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_method coinslot.billing_keys;
begin
  if num_nulls(finish_method.sealed, finish_method.key_hash) > 0 then
    perform coinslot.fail('invalid_argument', '{"argument": "sealed"}');
  end if;
  update coinslot.billing_keys k set
    status = 'active', sealed = finish_method.sealed, key_hash = finish_method.key_hash,
    brand = left(finish_method.brand, 40), last_four = right(finish_method.last_four, 4),
    card_hash = (
      select encode(sha256(convert_to(
        s.identity_salt || k.gateway || ' ' || left(finish_method.fingerprint, 200), 'UTF8'
      )), 'hex')
      from coinslot.settings s where s.id and finish_method.fingerprint <> ''
    ), added_at = clock_timestamp()
  where k.id = finish_method.method_id and k.status = 'begun'
  returning k.* into v_method;
  if not found then
    select k.* into v_method from coinslot.billing_keys k
    where k.id = finish_method.method_id and k.status = 'active';
    if not found then
      perform coinslot.fail('method_not_found');
    end if;
  end if;
  return jsonb_build_object(
    'id', v_method.id, 'gateway', v_method.gateway, 'status', v_method.status,
    'brand', v_method.brand, 'last_four', v_method.last_four
  );
exception when unique_violation then
  perform coinslot.fail('method_taken');
  return null;
end
$$;
comment on function coinslot.finish_method(uuid, text, text, text, text, text) is
'See public.coinslot_finish_method.';
revoke all on function coinslot.finish_method(uuid, text, text, text, text, text) from public;
grant execute on function coinslot.finish_method(uuid, text, text, text, text, text)
to service_role;

create function public.coinslot_finish_method(
  method_id uuid, sealed text, key_hash text, brand text default null,
  last_four text default null, fingerprint text default null
) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.finish_method(
    coinslot_finish_method.method_id, coinslot_finish_method.sealed,
    coinslot_finish_method.key_hash, coinslot_finish_method.brand,
    coinslot_finish_method.last_four, coinslot_finish_method.fingerprint
  )
$$;
comment on function public.coinslot_finish_method(uuid, text, text, text, text, text) is
'Service: keeps what a gateway gave for a method that was begun, encrypted. fingerprint: by which
the gateway knows the card again.';
revoke all on function public.coinslot_finish_method(uuid, text, text, text, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_finish_method(uuid, text, text, text, text, text)
to service_role;

-- What could be charged is kept no longer than it has to be.
create or replace function coinslot.finish_forget(method_id uuid) returns void
language sql volatile security definer set search_path = '' as $$
  update coinslot.billing_keys k set
    forget_at = null, sealed = null, key_hash = null, card_hash = null
  where k.id = finish_forget.method_id and k.status = 'removed'
$$;

alter table public.token_subscriptions add column trial text;
alter table public.token_subscriptions
drop constraint token_subscriptions_status_known,
add constraint token_subscriptions_status_known
check (status in ('incomplete', 'trialing', 'active', 'past_due', 'paused', 'ended')) not valid,
add constraint token_subscriptions_trial_known check (
  trial in ('asked', 'agreed', 'over') and (trial is not null or status <> 'trialing')
) not valid;
alter table public.token_subscriptions validate constraint token_subscriptions_status_known;
alter table public.token_subscriptions validate constraint token_subscriptions_trial_known;
comment on column public.token_subscriptions.trial is
'asked: it ends with its trial unless its owner agrees to the price. agreed: it is charged then.
over: its first period was paid. null = it had none.';
alter table coinslot.subscription_consents
drop constraint subscription_consents_kind_known,
add constraint subscription_consents_kind_known check (
  kind in ('subscribe', 'change', 'resume', 'price')
) not valid;
alter table coinslot.subscription_consents validate constraint subscription_consents_kind_known;

-- A decline that time may mend is tried again, on the days of retry_wait. Any other waits for its
-- owner, and for no longer than the grace.
create or replace function coinslot.follow_decline(
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
end
$$;

-- An hour without an answer is told, once. The grace ends this, too: money that is found later is
-- judged as late.
create or replace function coinslot.await_charge(
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

create table coinslot.trial_marks (
  family text not null,
  mark text collate "C" not null,
  live boolean not null,
  subscription_id uuid not null,
  constraint trial_marks_pkey primary key (family, mark, live),
  constraint trial_marks_subscription_id_fkey foreign key (subscription_id)
  references public.token_subscriptions (id) on delete restrict
);
comment on table coinslot.trial_marks is
'Hashes of the identities and cards that have had the trial of a family.';
create index trial_marks_subscription_id on coinslot.trial_marks (subscription_id);
alter table coinslot.trial_marks enable row level security;
revoke all on table coinslot.trial_marks from anon, authenticated, service_role;
create policy "Nobody reads marks of trials through the API" on coinslot.trial_marks
for select to anon, authenticated using (false);

create table coinslot.trial_grants (
  subscription_id uuid not null,
  lot_id bigint not null,
  tokens bigint not null,
  constraint trial_grants_pkey primary key (subscription_id),
  constraint trial_grants_subscription_id_fkey foreign key (subscription_id)
  references public.token_subscriptions (id) on delete restrict,
  constraint trial_grants_lot_id_key unique (lot_id),
  constraint trial_grants_lot_id_fkey foreign key (lot_id)
  references public.token_lots (id) on delete restrict
);
comment on table coinslot.trial_grants is 'What each trial gave, once.';
alter table coinslot.trial_grants enable row level security;
revoke all on table coinslot.trial_grants from anon, authenticated, service_role;
create policy "Nobody reads grants of trials through the API" on coinslot.trial_grants
for select to anon, authenticated using (false);
create trigger trial_grants_append_only before update or delete on coinslot.trial_grants
for each row execute function coinslot.refuse_change();

create function coinslot.refuse_trial(reason text) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform coinslot.fail('trial_not_offered', jsonb_build_object('reason', refuse_trial.reason));
end
$$;
comment on function coinslot.refuse_trial(text) is
'PT409: somebody has no trial. none: there is none. had: they have had it. asked: none that is
charged after it without another consent.';
revoke all on function coinslot.refuse_trial(text) from public;

-- Who shares any of them with somebody before has had the trial. Of two at once the second waits
-- for the first, sorted, after its wallet.
create function coinslot.mark_trial(subscription public.token_subscriptions) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_marks text[] := array(
    select c.identity_hash from coinslot.confirmed_identities c
    where c.user_id = subscription.user_id
    union
    select k.card_hash from coinslot.billing_keys k
    where k.id = subscription.method_id and k.card_hash is not null
    order by 1
  );
  v_new bigint;
begin
  with marked as (
    insert into coinslot.trial_marks (family, mark, live, subscription_id)
    select subscription.family, m.mark, subscription.live, subscription.id
    from unnest(v_marks) with ordinality m (mark, place) order by m.place
    on conflict do nothing
    returning mark
  )
  select count(*) into v_new from marked;
  if v_new < cardinality(v_marks) or exists (
    select from public.token_subscriptions s
    where s.user_id = subscription.user_id and s.family = subscription.family
      and s.live = subscription.live and s.trial is not null and s.id <> subscription.id
  ) then
    perform coinslot.refuse_trial('had');
  end if;
end
$$;
comment on function coinslot.mark_trial(public.token_subscriptions) is
'Uses up the trial of a family for a person and a card; PT409 where it was used up before.';
revoke all on function coinslot.mark_trial(public.token_subscriptions) from public;

-- Until the first period is charged, and a little longer, as those of a period.
create function coinslot.give_trial_tokens(
  subscription public.token_subscriptions, tokens bigint
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets;
  v_receipt public.token_receipt;
begin
  if give_trial_tokens.tokens = 0 then
    return;
  end if;
  v_wallet := coinslot.lock_wallet(subscription.user_id);
  v_receipt := coinslot.post_credit(
    coinslot.new_entry(
      subscription.user_id, 'grant', give_trial_tokens.tokens, 'system', reason => 'trial',
      metadata => jsonb_build_object('subscription_id', subscription.id)
    ),
    v_wallet, coinslot.wallet_time(v_wallet),
    subscription.next_charge_at + interval '1 hour'
  );
  insert into coinslot.trial_grants (subscription_id, lot_id, tokens)
  select subscription.id, l.id, l.tokens from public.token_lots l
  where l.user_id = subscription.user_id and l.seq = v_receipt.seq;
end
$$;
comment on function coinslot.give_trial_tokens(public.token_subscriptions, bigint) is
'Gives the tokens of a trial that has just begun; the wallet is locked.';
revoke all on function coinslot.give_trial_tokens(public.token_subscriptions, bigint) from public;

-- Its first period is number 0, as anybody's, and begins with the end of the trial.
create function coinslot.begin_trial(
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
    rollover, method_id, time_zone, anchor, period, period_start, period_end, next_charge_at
  ) values (
    v_id, begin_trial.user_id, terms.plan_id, terms.family, begin_trial.gateway,
    coinslot.is_live(), 'trialing', begin_trial.trial, terms.every, terms.amount, terms.currency,
    terms.tokens, terms.rollover, begin_trial.method_id, v_settings.time_zone, v_end, -1, v_now,
    v_end, coinslot.charge_time(v_end, v_settings.time_zone, v_id)
  ) returning * into v_subscription;
  perform coinslot.mark_trial(v_subscription);
  perform coinslot.give_trial_tokens(v_subscription, v_plan.trial_tokens);
  perform coinslot.note_subscription(v_subscription, null, 'trial_started', jsonb_build_object(
    'tokens', v_plan.trial_tokens, 'ends_at', v_end
  ));
  return v_subscription;
end
$$;
comment on function coinslot.begin_trial(uuid, public.token_subscriptions, text, uuid, text) is
'Writes a subscription that is charged for the first time when its trial is over.';
revoke all on function coinslot.begin_trial(uuid, public.token_subscriptions, text, uuid, text)
from public;

-- A yes is to the price that was shown, and to no other.
create function coinslot.answer_price(
  subscription_id uuid, agrees boolean, amount bigint, consent jsonb
) returns public.token_subscriptions
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_before public.token_subscriptions := coinslot.lock_subscription(
    answer_price.subscription_id, coinslot.current_user_id()
  );
  v_after public.token_subscriptions;
begin
  if v_before.status <> 'trialing' or v_before.period >= 0 then
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
comment on function coinslot.answer_price(uuid, boolean, bigint, jsonb) is
'See public.answer_token_price.';
revoke all on function coinslot.answer_price(uuid, boolean, bigint, jsonb) from public;
grant execute on function coinslot.answer_price(uuid, boolean, bigint, jsonb) to authenticated;

create function public.answer_token_price(
  subscription_id uuid, agrees boolean, amount bigint default null, consent jsonb default '{}'
) returns public.token_subscriptions
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.answer_price(
    answer_token_price.subscription_id, answer_token_price.agrees, answer_token_price.amount,
    answer_token_price.consent
  )
$$;
comment on function public.answer_token_price(uuid, boolean, bigint, jsonb) is
'The signed-in user agrees to what is charged after a trial, or does not: then it ends with the
trial. amount is the price that the page showed; PT409 if it is another.';
revoke all on function public.answer_token_price(uuid, boolean, bigint, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.answer_token_price(uuid, boolean, bigint, jsonb)
to authenticated;

drop function public.subscribe_token_plan(text, text, text, uuid, jsonb);
drop function coinslot.subscribe(text, text, text, uuid, jsonb);

-- Called again for a plan that is not paid yet it is the same subscription: two browsers make one.
-- Nobody is charged who asked for a trial: they have it as the page showed it, or are refused.
create function coinslot.subscribe(
  plan_id text, gateway text, currency text, method_id uuid, consent jsonb, trial text
) returns public.token_subscriptions
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_terms public.token_subscriptions;
  v_subscription public.token_subscriptions;
begin
  perform pg_advisory_xact_lock_shared(coinslot.account_lock(v_user_id));
  perform coinslot.check_open(coinslot.lock_wallet(v_user_id));
  perform coinslot.check_buyer(v_user_id);
  v_terms := coinslot.plan_terms(subscribe.plan_id, subscribe.currency);
  perform coinslot.check_shown(subscribe.consent, v_terms.amount, v_terms.currency);
  perform coinslot.selling_gateway(subscribe.gateway, subscribe.currency);
  perform coinslot.require_unattended(subscribe.gateway);
  perform coinslot.own_method(subscribe.method_id, subscribe.gateway);
  select s.* into v_subscription from public.token_subscriptions s
  where s.user_id = v_user_id and s.family = v_terms.family and s.status <> 'ended';
  if v_subscription.status = (
    case when subscribe.trial is null then 'incomplete' else 'trialing' end
  ) and v_subscription.plan_id = v_terms.plan_id and v_subscription.gateway = subscribe.gateway
    and v_subscription.method_id = subscribe.method_id and (
      v_subscription.amount, v_subscription.currency, v_subscription.tokens, v_subscription.every
    ) = (v_terms.amount, v_terms.currency, v_terms.tokens, v_terms.every)
  then
    return v_subscription;
  elsif v_subscription.id is not null then
    perform coinslot.fail('already_subscribed', jsonb_build_object(
      'subscription_id', v_subscription.id, 'plan_id', v_subscription.plan_id,
      'status', v_subscription.status
    ));
  end if;
  perform coinslot.check_subscribing(v_user_id);
  if subscribe.trial is not null then
    v_subscription := coinslot.begin_trial(
      v_user_id, v_terms, subscribe.gateway, subscribe.method_id, subscribe.trial
    );
  else
    v_subscription := coinslot.begin_subscription(
      v_user_id, v_terms, subscribe.gateway, subscribe.method_id
    );
  end if;
  perform coinslot.note_consent(v_subscription, 'subscribe', v_terms, subscribe.consent);
  return v_subscription;
end
$$;
comment on function coinslot.subscribe(text, text, text, uuid, jsonb, text) is
'See public.subscribe_token_plan.';
revoke all on function coinslot.subscribe(text, text, text, uuid, jsonb, text) from public;
grant execute on function coinslot.subscribe(text, text, text, uuid, jsonb, text)
to authenticated;

create function public.subscribe_token_plan(
  plan_id text, gateway text, currency text, method_id uuid, consent jsonb default '{}',
  trial text default null
) returns public.token_subscriptions
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.subscribe(
    subscribe_token_plan.plan_id, subscribe_token_plan.gateway, subscribe_token_plan.currency,
    subscribe_token_plan.method_id, subscribe_token_plan.consent, subscribe_token_plan.trial
  )
$$;
comment on function public.subscribe_token_plan(text, text, text, uuid, jsonb, text) is
'Subscribes the signed-in user to a plan, to be charged by a stored method from now on. consent is
what the page showed, and is kept; PT409 if its amount is another than the price. trial: begins with
the trial, or not at all; asked: it ends unless answer_token_price agrees to the price; agreed: it
is charged after it.';
revoke all on function public.subscribe_token_plan(text, text, text, uuid, jsonb, text)
from public, anon, authenticated, service_role;
grant execute on function public.subscribe_token_plan(text, text, text, uuid, jsonb, text)
to authenticated;

-- What was paid for stays until its period is over, and so does a trial. What is not paid ends at
-- once, with all that would be charged for it.
create or replace function coinslot.end_with_period(
  subscription public.token_subscriptions, detail jsonb default '{}'
) returns public.token_subscriptions
language plpgsql volatile set search_path = '' as $$
declare
  v_after public.token_subscriptions;
begin
  if subscription.status = 'ended' or subscription.cancel_at_end then
    return subscription;
  elsif subscription.status not in ('trialing', 'active') then
    return coinslot.end_subscription(subscription, 'canceled');
  end if;
  update public.token_subscriptions s set
    cancel_at_end = true, pause_at_end = false, next_plan_id = null,
    version = s.version + 1, updated_at = clock_timestamp()
  where s.id = subscription.id
  returning s.* into v_after;
  perform coinslot.note_subscription(
    v_after, subscription.status, 'canceled', end_with_period.detail
  );
  return v_after;
end
$$;
comment on function coinslot.end_with_period(public.token_subscriptions, jsonb) is
'Ends a locked subscription with the period that is paid, or its trial; at once without one.';

comment on function public.cancel_token_subscription(uuid) is
'Ends a subscription of the signed-in user with the period that is paid, or its trial; at once if
there is none.';

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
    'period_start', s.period_start, 'period_end', s.period_end,
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
    ('cycle_changed_twice', least(o.changed, 1), o.changed)
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
comment on function coinslot.verify_subscriptions(uuid, uuid) is
'Cycles whose orders do not bear them out, and trials whose lots do not.';

-- Hashes keep people from taking a bonus, a code or a reward twice, for as long as that is worth
-- knowing more of somebody who is gone.
create or replace function coinslot.purge_hashes(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_before timestamptz := (select clock_timestamp() - s.keep_identities from coinslot.settings s);
  v_erased uuid[] := array(
    select e.user_id from coinslot.erasures e where e.keeps_hashes and e.finished_at < v_before
    order by e.finished_at limit purge_hashes.batch for update skip locked
  );
  v_ids uuid[] := array(
    select h from unnest(v_erased) u, unnest(coinslot.histories_of(u)) h
  );
begin
  if v_erased = '{}' then
    return 0;
  end if;
  delete from coinslot.identities i where i.user_id = any (v_ids);
  delete from coinslot.refill_identities i where i.user_id = any (v_ids);
  delete from coinslot.referral_identities i using coinslot.referrals r
  where r.id = i.referral_id and r.referred = any (v_ids);
  delete from coinslot.promotion_identities i using coinslot.promotion_uses u
  where u.id = i.use_id and u.user_id = any (v_ids);
  delete from coinslot.trial_marks m using public.token_subscriptions s
  where s.id = m.subscription_id and s.user_id = any (v_ids);
  delete from coinslot.instruments i using public.token_payments p
  where p.id = i.payment_id and p.user_id = any (v_ids);
  update coinslot.erasures e set keeps_hashes = false where e.user_id = any (v_erased);
  return cardinality(v_erased);
end
$$;

create or replace function coinslot.subscription_item(
  subscription public.token_subscriptions, operator coinslot.operators
) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', subscription.id, 'user_id', subscription.user_id,
    'email', coinslot.shown_email(
      (select u.email from auth.users u where u.id = subscription.user_id), operator
    ),
    'plan_id', subscription.plan_id, 'name', p.name, 'name_ko', p.name_ko,
    'family', subscription.family, 'gateway', subscription.gateway, 'live', subscription.live,
    'status', subscription.status, 'every', subscription.every, 'amount', subscription.amount,
    'currency', subscription.currency, 'tokens', subscription.tokens,
    'period_start', subscription.period_start, 'period_end', subscription.period_end,
    'cancel_at_end', subscription.cancel_at_end, 'pause_at_end', subscription.pause_at_end,
    'next_plan_id', subscription.next_plan_id, 'needs', subscription.needs,
    'next_charge_at', case when not subscription.cancel_at_end and not subscription.pause_at_end
      then subscription.next_charge_at end,
    'grace_until', subscription.grace_until, 'end_reason', subscription.end_reason,
    'ended_at', subscription.ended_at, 'created_at', subscription.created_at,
    'trial', subscription.trial, 'method', coinslot.method_item(subscription.method_id),
    'cursor', coinslot.cursor_of(subscription.created_at, subscription.id::text)
  )
  from public.token_products p where p.id = subscription.plan_id
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
      'version', v_subscription.version
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

create function coinslot.is_recurring(subscription public.token_subscriptions) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select subscription.status in ('active', 'past_due')
    and subscription.trial is distinct from 'agreed'
$$;
comment on function coinslot.is_recurring(public.token_subscriptions) is
'True of a subscription that runs, and was paid for.';
revoke all on function coinslot.is_recurring(public.token_subscriptions) from public;

create or replace function coinslot.monthly_worth(subscription public.token_subscriptions)
returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select case when coinslot.is_recurring(subscription)
    then case subscription.every when 'year' then subscription.amount / 12
      else subscription.amount end
    else 0 end
$$;

-- Who had a plan of this family before comes back.
create or replace function coinslot.note_recurring() returns trigger
language plpgsql volatile security definer set search_path = '' set enable_seqscan = off as $$
declare
  v_before bigint := coinslot.monthly_worth(old);
  v_after bigint := coinslot.monthly_worth(new);
  v_runs integer := coinslot.is_recurring(new)::integer - coinslot.is_recurring(old)::integer;
begin
  if v_before = v_after and v_runs = 0 then
    return null;
  end if;
  insert into coinslot.recurring_moves (
    subscription_id, currency, live, plan_id, kind, worth, subscriptions, reason
  ) values (
    new.id, new.currency, new.live, new.plan_id, case
      when v_runs < 0 then 'churn'
      when v_runs = 0 and v_after > v_before then 'expansion'
      when v_runs = 0 then 'contraction'
      when exists (
        select from public.token_subscriptions s
        inner join coinslot.recurring_moves m on m.subscription_id = s.id
        where s.user_id = new.user_id and s.family = new.family
      ) then 'reactivation'
      else 'new'
    end, v_after - v_before, v_runs,
    case when v_runs < 0 then coalesce(new.end_reason, new.status) end
  );
  return null;
end
$$;

notify pgrst, 'reload schema';
