-- What people do with subscriptions, by RPC: subscribe, cancel and undo that, pause, resume, change
-- the plan from the next period on, change the method, pay again.

create function coinslot.own_method(method_id uuid, gateway text) returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
begin
  if not exists (
    select from coinslot.billing_keys k
    where k.id = own_method.method_id and k.user_id = v_user_id
      and k.gateway = own_method.gateway and k.status = 'active' and k.broken_at is null
      and k.live = coinslot.is_live()
  ) then
    perform coinslot.fail('method_not_found');
  end if;
  return own_method.method_id;
end
$$;
comment on function coinslot.own_method(uuid, text) is
'The method, if it is one of the signed-in user at this gateway that can be charged; PT404.';
revoke all on function coinslot.own_method(uuid, text) from public;

-- A page that was opened before a price changed shows another one than is charged. It says in its
-- consent which it showed, and nobody is charged any other.
create function coinslot.check_shown(consent jsonb, amount bigint, currency text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if nullif(check_shown.consent -> 'amount', 'null') <> to_jsonb(check_shown.amount) then
    perform coinslot.fail('changed_meanwhile', jsonb_build_object(
      'amount', check_shown.amount, 'currency', check_shown.currency
    ));
  end if;
end
$$;
comment on function coinslot.check_shown(jsonb, bigint, text) is
'PT409 where a page says that it showed another price than this.';
revoke all on function coinslot.check_shown(jsonb, bigint, text) from public;

create function coinslot.note_consent(
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
comment on function coinslot.note_consent(
  public.token_subscriptions, text, public.token_subscriptions, jsonb
) is 'Keeps what somebody agreed to, and what the page says that it showed.';
revoke all on function coinslot.note_consent(
  public.token_subscriptions, text, public.token_subscriptions, jsonb
) from public;

-- Five in an hour that nobody paid for: each is a charge of some card.
create function coinslot.check_subscribing(user_id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  if (
    select count(*) >= 5 from public.token_subscriptions s
    where s.user_id = check_subscribing.user_id and s.created_at > clock_timestamp() - interval '1 hour'
      and not exists (
        select from coinslot.subscription_cycles c
        where c.subscription_id = s.id and c.status = 'paid'
      )
  ) then
    perform coinslot.fail('too_many_orders', '{"max_per_hour": 5, "retry_after": 3600}');
  end if;
end
$$;
comment on function coinslot.check_subscribing(uuid) is
'PT429 for another subscription of somebody who began enough of them and paid for none.';
revoke all on function coinslot.check_subscribing(uuid) from public;

create function coinslot.begin_subscription(
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
comment on function coinslot.begin_subscription(
  uuid, public.token_subscriptions, text, uuid
) is 'Writes a subscription that is to be charged at once.';
revoke all on function coinslot.begin_subscription(
  uuid, public.token_subscriptions, text, uuid
) from public;

-- Called again for a plan that is not paid yet it is the same subscription: two browsers make one.
-- At another price it is refused: the first would be charged, and the second was agreed to.
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

create function coinslot.refuse_state(subscription public.token_subscriptions) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform coinslot.fail('subscription_state', jsonb_build_object(
    'status', subscription.status, 'cancel_at_end', subscription.cancel_at_end
  ));
end
$$;
comment on function coinslot.refuse_state(public.token_subscriptions) is
'PT409: a subscription is not in a state that allows this.';
revoke all on function coinslot.refuse_state(public.token_subscriptions) from public;

-- What was paid for stays until its period is over, and so does a trial. What is not paid ends at
-- once, with all that would be charged for it.
create function coinslot.end_with_period(
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
revoke all on function coinslot.end_with_period(public.token_subscriptions, jsonb) from public;

create function coinslot.cancel_subscription(subscription_id uuid)
returns public.token_subscriptions
language sql volatile security definer set search_path = '' as $$
  select coinslot.end_with_period(coinslot.lock_subscription(
    cancel_subscription.subscription_id, coinslot.current_user_id()
  ))
$$;
comment on function coinslot.cancel_subscription(uuid) is 'See public.cancel_token_subscription.';
revoke all on function coinslot.cancel_subscription(uuid) from public;
grant execute on function coinslot.cancel_subscription(uuid) to authenticated;

create function public.cancel_token_subscription(subscription_id uuid)
returns public.token_subscriptions
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.cancel_subscription(cancel_token_subscription.subscription_id)
$$;
comment on function public.cancel_token_subscription(uuid) is
'Ends a subscription of the signed-in user with the period that is paid, or its trial; at once if
there is none.';
revoke all on function public.cancel_token_subscription(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.cancel_token_subscription(uuid) to authenticated;

-- Canceled or to be paused, it goes on. Paused, it begins anew: now, with a period of its own, and
-- with the plan that its owner chose.
create function coinslot.resume_subscription(subscription_id uuid, consent jsonb)
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
revoke all on function coinslot.resume_subscription(uuid, jsonb) from public;
grant execute on function coinslot.resume_subscription(uuid, jsonb) to authenticated;

create function public.resume_token_subscription(
  subscription_id uuid, consent jsonb default '{}'
) returns public.token_subscriptions
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.resume_subscription(
    resume_token_subscription.subscription_id, resume_token_subscription.consent
  )
$$;
comment on function public.resume_token_subscription(uuid, jsonb) is
'Takes back that a subscription of the signed-in user ends or pauses. A paused one begins anew, with
the plan that was chosen, and is charged now.';
revoke all on function public.resume_token_subscription(uuid, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.resume_token_subscription(uuid, jsonb) to authenticated;

create function coinslot.pause_subscription(subscription_id uuid)
returns public.token_subscriptions
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_before public.token_subscriptions := coinslot.lock_subscription(
    pause_subscription.subscription_id, coinslot.current_user_id()
  );
  v_after public.token_subscriptions;
begin
  if v_before.status = 'paused' or v_before.pause_at_end then
    return v_before;
  elsif v_before.status <> 'active' or v_before.cancel_at_end then
    perform coinslot.refuse_state(v_before);
  end if;
  update public.token_subscriptions s set
    pause_at_end = true, version = s.version + 1, updated_at = clock_timestamp()
  where s.id = v_before.id
  returning s.* into v_after;
  perform coinslot.note_subscription(v_after, v_before.status, 'to_pause');
  return v_after;
end
$$;
comment on function coinslot.pause_subscription(uuid) is 'See public.pause_token_subscription.';
revoke all on function coinslot.pause_subscription(uuid) from public;
grant execute on function coinslot.pause_subscription(uuid) to authenticated;

create function public.pause_token_subscription(subscription_id uuid)
returns public.token_subscriptions
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.pause_subscription(pause_token_subscription.subscription_id)
$$;
comment on function public.pause_token_subscription(uuid) is
'Pauses a subscription of the signed-in user when its period is over.';
revoke all on function public.pause_token_subscription(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.pause_token_subscription(uuid) to authenticated;

-- From the next period on, whichever way: nobody gets the tokens of two plans for one price by
-- going to and fro. Of one that is paused that is the day it is resumed. The plan that one has
-- takes the wish back.
create function coinslot.change_plan(subscription_id uuid, plan_id text, consent jsonb)
returns public.token_subscriptions
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_before public.token_subscriptions := coinslot.lock_subscription(
    change_plan.subscription_id, coinslot.current_user_id()
  );
  v_terms public.token_subscriptions;
  v_after public.token_subscriptions;
begin
  if v_before.status not in ('active', 'paused') or v_before.cancel_at_end then
    perform coinslot.refuse_state(v_before);
  end if;
  if change_plan.plan_id <> v_before.plan_id then
    v_terms := coinslot.plan_terms(change_plan.plan_id, v_before.currency);
    if v_terms.family <> v_before.family then
      perform coinslot.fail(
        'plan_not_found', jsonb_build_object('family', v_before.family)
      );
    end if;
    perform coinslot.note_consent(v_before, 'change', v_terms, change_plan.consent);
  end if;
  update public.token_subscriptions s set
    next_plan_id = nullif(change_plan.plan_id, s.plan_id),
    version = s.version + 1, updated_at = clock_timestamp()
  where s.id = v_before.id
  returning s.* into v_after;
  perform coinslot.note_subscription(v_after, v_before.status, 'to_change', jsonb_build_object(
    'plan_id', coalesce(v_after.next_plan_id, v_after.plan_id)
  ));
  return v_after;
end
$$;
comment on function coinslot.change_plan(uuid, text, jsonb) is 'See public.change_token_plan.';
revoke all on function coinslot.change_plan(uuid, text, jsonb) from public;
grant execute on function coinslot.change_plan(uuid, text, jsonb) to authenticated;

create function public.change_token_plan(
  subscription_id uuid, plan_id text, consent jsonb default '{}'
) returns public.token_subscriptions
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.change_plan(
    change_token_plan.subscription_id, change_token_plan.plan_id, change_token_plan.consent
  )
$$;
comment on function public.change_token_plan(uuid, text, jsonb) is
'Changes to another plan of the family when the period is over, or a paused one is resumed; to the
present one: takes it back.';
revoke all on function public.change_token_plan(uuid, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.change_token_plan(uuid, text, jsonb) to authenticated;

-- Going to and fro between methods charges none of them more often than once in ten minutes.
create function coinslot.soonest_charge(method_id uuid) returns timestamptz
language sql stable set search_path = '' as $$
  select greatest(clock_timestamp(), max(h.created_at) + interval '10 minutes')
  from coinslot.cycle_charges h where h.method_id = soonest_charge.method_id
$$;
comment on function coinslot.soonest_charge(uuid) is 'When a stored method may be charged again.';
revoke all on function coinslot.soonest_charge(uuid) from public;

-- What waits for another method is charged at once. The old one stays stored.
create function coinslot.set_subscription_method(subscription_id uuid, method_id uuid)
returns public.token_subscriptions
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_before public.token_subscriptions := coinslot.lock_subscription(
    set_subscription_method.subscription_id, coinslot.current_user_id()
  );
  v_after public.token_subscriptions;
begin
  if v_before.status = 'ended' then
    perform coinslot.refuse_state(v_before);
  end if;
  perform coinslot.own_method(set_subscription_method.method_id, v_before.gateway);
  if v_before.method_id = set_subscription_method.method_id then
    return v_before;
  end if;
  update public.token_subscriptions s set
    method_id = set_subscription_method.method_id, needs = null,
    next_charge_at = case when s.status in ('incomplete', 'past_due')
      then coinslot.soonest_charge(set_subscription_method.method_id)
      else s.next_charge_at end,
    version = s.version + 1, updated_at = clock_timestamp()
  where s.id = v_before.id
  returning s.* into v_after;
  perform coinslot.note_subscription(v_after, v_before.status, 'method_changed');
  return v_after;
end
$$;
comment on function coinslot.set_subscription_method(uuid, uuid) is
'See public.set_token_subscription_method.';
revoke all on function coinslot.set_subscription_method(uuid, uuid) from public;
grant execute on function coinslot.set_subscription_method(uuid, uuid) to authenticated;

create function public.set_token_subscription_method(subscription_id uuid, method_id uuid)
returns public.token_subscriptions
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.set_subscription_method(
    set_token_subscription_method.subscription_id, set_token_subscription_method.method_id
  )
$$;
comment on function public.set_token_subscription_method(uuid, uuid) is
'Has a subscription of the signed-in user charged by another stored method at its gateway; what is
unpaid at once.';
revoke all on function public.set_token_subscription_method(uuid, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.set_token_subscription_method(uuid, uuid) to authenticated;

-- Once in ten minutes: those who issue cards count declines.
create function coinslot.pay_subscription(subscription_id uuid)
returns public.token_subscriptions
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_before public.token_subscriptions := coinslot.lock_subscription(
    pay_subscription.subscription_id, coinslot.current_user_id()
  );
  v_after public.token_subscriptions;
  v_last timestamptz;
begin
  if v_before.status not in ('incomplete', 'past_due') then
    perform coinslot.refuse_state(v_before);
  end if;
  select max(h.created_at) into v_last from coinslot.cycle_charges h
  inner join coinslot.subscription_cycles c on c.id = h.cycle_id
  where c.subscription_id = v_before.id;
  if v_last > clock_timestamp() - interval '10 minutes' then
    perform coinslot.fail('too_many_orders', jsonb_build_object(
      'retry_after', ceil(extract(epoch from v_last + interval '10 minutes' - clock_timestamp()))
    ));
  end if;
  update public.token_subscriptions s set
    next_charge_at = clock_timestamp(), version = s.version + 1, updated_at = clock_timestamp()
  where s.id = v_before.id
  returning s.* into v_after;
  return v_after;
end
$$;
comment on function coinslot.pay_subscription(uuid) is 'See public.pay_token_subscription.';
revoke all on function coinslot.pay_subscription(uuid) from public;
grant execute on function coinslot.pay_subscription(uuid) to authenticated;

create function public.pay_token_subscription(subscription_id uuid)
returns public.token_subscriptions
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.pay_subscription(pay_token_subscription.subscription_id)
$$;
comment on function public.pay_token_subscription(uuid) is
'Has what is unpaid of a subscription of the signed-in user charged again, now.';
revoke all on function public.pay_token_subscription(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.pay_token_subscription(uuid) to authenticated;

create function coinslot.remove_method(method_id uuid) returns void
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_subscription uuid;
begin
  perform coinslot.check_open(coinslot.lock_wallet(v_user_id));
  if not exists (
    select from coinslot.billing_keys k
    where k.id = remove_method.method_id and k.user_id = v_user_id
  ) then
    perform coinslot.fail('method_not_found');
  end if;
  select s.id into v_subscription from public.token_subscriptions s
  where s.method_id = remove_method.method_id and s.status <> 'ended' and not s.cancel_at_end
  limit 1;
  if found then
    perform coinslot.fail(
      'method_in_use', jsonb_build_object('subscription_id', v_subscription)
    );
  end if;
  perform coinslot.drop_method(remove_method.method_id);
end
$$;
comment on function coinslot.remove_method(uuid) is 'See public.remove_token_method.';
revoke all on function coinslot.remove_method(uuid) from public;
grant execute on function coinslot.remove_method(uuid) to authenticated;

create function public.remove_token_method(method_id uuid) returns void
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.remove_method(remove_token_method.method_id)
$$;
comment on function public.remove_token_method(uuid) is
'Removes a stored method of the signed-in user, at its gateway, too; PT409 while it is charged for a
subscription.';
revoke all on function public.remove_token_method(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.remove_token_method(uuid) to authenticated;

create function coinslot.list_subscriptions() returns setof jsonb
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
comment on function coinslot.list_subscriptions() is 'See public.list_token_subscriptions.';
revoke all on function coinslot.list_subscriptions() from public;
grant execute on function coinslot.list_subscriptions() to authenticated;

create function public.list_token_subscriptions() returns setof jsonb
language sql stable
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.list_subscriptions()
$$;
comment on function public.list_token_subscriptions() is
'Subscriptions of the signed-in user, open ones first: plan, price, tokens, period, next charge,
from when on they are told of it (renewal_told_at), the plan from the next period on (next) at the
price that was agreed to, a higher price that they are asked to agree to (price), method, and what
they need.';
revoke all on function public.list_token_subscriptions()
from public, anon, authenticated, service_role;
grant execute on function public.list_token_subscriptions() to authenticated;

-- The order that waits for its owner to authenticate, on a page.
create function coinslot.unpaid_order(subscription_id uuid) returns public.token_payments
language plpgsql stable security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_order public.token_payments;
begin
  select p.* into v_order
  from public.token_subscriptions s
  inner join coinslot.subscription_cycles c
    on c.subscription_id = s.id and c.period_start = s.period_start and c.status = 'due'
  inner join coinslot.cycle_orders o on o.cycle_id = c.id and not o.dead
  inner join public.token_payments p on p.id = o.payment_id
  where s.id = unpaid_order.subscription_id and s.user_id = v_user_id
    and s.needs = 'authentication' and p.paid = 0 and p.status in ('pending', 'failed')
  order by p.created_at desc limit 1;
  if not found then
    perform coinslot.fail('subscription_not_found');
  end if;
  return v_order;
end
$$;
comment on function coinslot.unpaid_order(uuid) is 'See public.get_unpaid_token_order.';
revoke all on function coinslot.unpaid_order(uuid) from public;
grant execute on function coinslot.unpaid_order(uuid) to authenticated;

create function public.get_unpaid_token_order(subscription_id uuid)
returns public.token_payments
language sql stable
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.unpaid_order(get_unpaid_token_order.subscription_id)
$$;
comment on function public.get_unpaid_token_order(uuid) is
'The order of a subscription of the signed-in user that waits for an authentication.';
revoke all on function public.get_unpaid_token_order(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.get_unpaid_token_order(uuid) to authenticated;

-- ---- with accounts and books ----

-- Of two open subscriptions of a family, which one person cannot have, the other's ends. What was
-- paid for it is kept.
create function coinslot.move_subscriptions(from_user uuid, into_user uuid) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_subscription public.token_subscriptions;
begin
  for v_subscription in
    select s.* from public.token_subscriptions s
    where s.user_id = move_subscriptions.from_user and s.status <> 'ended' and exists (
      select from public.token_subscriptions o
      where o.user_id = move_subscriptions.into_user and o.family = s.family
        and o.status <> 'ended'
    )
    order by s.id for update
  loop
    perform coinslot.end_subscription(v_subscription, 'merged');
  end loop;
  update public.token_subscriptions s set user_id = move_subscriptions.into_user,
    version = s.version + 1
  where s.user_id = move_subscriptions.from_user;
  update public.token_subscription_events e set user_id = move_subscriptions.into_user
  where e.user_id = move_subscriptions.from_user;
  perform coinslot.end_top_up(move_subscriptions.from_user);
  update coinslot.billing_keys k set user_id = move_subscriptions.into_user
  where k.user_id = move_subscriptions.from_user;
end
$$;
comment on function coinslot.move_subscriptions(uuid, uuid) is
'Gives subscriptions and stored methods of a user to another. The caller has both wallets locked.';
revoke all on function coinslot.move_subscriptions(uuid, uuid) from public;

create function coinslot.drop_methods(user_id uuid) returns void
language sql volatile set search_path = '' as $$
  select coinslot.drop_method(k.id) from coinslot.billing_keys k
  where k.user_id = drop_methods.user_id and k.status <> 'removed' order by k.id
$$;
comment on function coinslot.drop_methods(uuid) is 'Removes all stored methods of a user.';
revoke all on function coinslot.drop_methods(uuid) from public;

-- With the database live nobody is charged for what was begun with test cards.
create function coinslot.end_test_subscriptions() returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_subscription public.token_subscriptions;
begin
  for v_subscription in
    select s.* from public.token_subscriptions s where not s.live and s.status <> 'ended'
    order by s.id for update
  loop
    perform coinslot.end_subscription(v_subscription, 'test');
  end loop;
  update coinslot.billing_keys k set status = 'removed', removed_at = clock_timestamp(),
    sealed = null, key_hash = null, forget_at = null
  where not k.live and k.status <> 'removed';
  delete from coinslot.payment_closings c using public.token_payments p
  where p.id = c.payment_id and not p.live;
end
$$;
comment on function coinslot.end_test_subscriptions() is
'Ends what was subscribed to with test money, and forgets its methods.';
revoke all on function coinslot.end_test_subscriptions() from public;

create function coinslot.verify_subscriptions(from_user uuid, to_user uuid)
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
comment on function coinslot.verify_subscriptions(uuid, uuid) is
'Cycles whose orders do not bear them out, and trials whose lots do not.';
revoke all on function coinslot.verify_subscriptions(uuid, uuid) from public;
