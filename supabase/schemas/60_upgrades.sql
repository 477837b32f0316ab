-- Upgrades: a dearer plan of the same length at once, for the rest of the period. Money before
-- tokens: both are the difference for the time that is left, rounded down, once in a period. So
-- going to and fro gives nothing that was not paid for.

create function coinslot.share_left(
  difference bigint, period_start timestamptz, period_end timestamptz, at timestamptz
) returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select div(
    share_left.difference::numeric
    * greatest(0, floor(extract(epoch from share_left.period_end - share_left.at))),
    greatest(1, floor(extract(epoch from share_left.period_end - share_left.period_start)))
  )::bigint
$$;
comment on function coinslot.share_left(bigint, timestamptz, timestamptz, timestamptz) is
'The share of a difference for the seconds of a period that are left, rounded down.';
revoke all on function coinslot.share_left(bigint, timestamptz, timestamptz, timestamptz)
from public;

create function coinslot.may_upgrade(subscription public.token_subscriptions) returns boolean
language sql stable set search_path = '' as $$
  select subscription.status = 'active' and not subscription.cancel_at_end
    and subscription.period_end > clock_timestamp() and exists (
      select from coinslot.subscription_cycles c
      where c.subscription_id = subscription.id
        and c.period_start = subscription.period_start and c.status = 'paid'
        and not exists (
          select from coinslot.cycle_charges h
          where h.cycle_id = c.id and h.state in ('open', 'review')
        ) and not exists (
          select from coinslot.cycle_orders o
          inner join public.token_payments p on p.id = o.payment_id
          where o.cycle_id = c.id and o.purpose = 'change' and p.confirmed_at is not null
        )
    )
$$;
comment on function coinslot.may_upgrade(public.token_subscriptions) is
'True of a paid period in which no plan was changed at once, nor is about to be.';
revoke all on function coinslot.may_upgrade(public.token_subscriptions) from public;

-- Null where it is no upgrade, or none that could be charged.
create function coinslot.upgrade_difference(
  subscription public.token_subscriptions, terms public.token_subscriptions,
  out amount bigint, out tokens bigint
)
language plpgsql stable set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  if terms.family <> subscription.family or terms.every <> subscription.every
    or terms.rollover <> subscription.rollover or terms.amount <= subscription.amount
    or terms.tokens <= subscription.tokens or not coinslot.may_upgrade(subscription)
  then
    return;
  end if;
  amount := coinslot.share_left(
    terms.amount - subscription.amount, subscription.period_start, subscription.period_end, v_now
  );
  tokens := coinslot.share_left(
    terms.tokens - subscription.tokens, subscription.period_start, subscription.period_end, v_now
  );
  if least(amount, tokens) < 1 then
    amount := null;
    tokens := null;
  end if;
end
$$;
comment on function coinslot.upgrade_difference(
  public.token_subscriptions, public.token_subscriptions
) is 'What another plan costs and gives for the rest of the period.';
revoke all on function coinslot.upgrade_difference(
  public.token_subscriptions, public.token_subscriptions
) from public;

create function coinslot.quote_plan(subscription_id uuid, plan_id text) returns jsonb
language plpgsql stable security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_subscription public.token_subscriptions;
  v_terms public.token_subscriptions;
  v_difference record;
begin
  select s.* into v_subscription from public.token_subscriptions s
  where s.id = quote_plan.subscription_id and s.user_id = v_user_id;
  if not found then
    perform coinslot.fail('subscription_not_found');
  end if;
  v_terms := coinslot.plan_terms(quote_plan.plan_id, v_subscription.currency);
  v_difference := coinslot.upgrade_difference(v_subscription, v_terms);
  return jsonb_build_object(
    'plan_id', v_terms.plan_id, 'currency', v_terms.currency,
    'at_once', v_difference.amount is not null, 'amount', v_difference.amount,
    'tokens', v_difference.tokens, 'next_amount', v_terms.amount, 'next_tokens', v_terms.tokens,
    'period_end', v_subscription.period_end
  );
end
$$;
comment on function coinslot.quote_plan(uuid, text) is 'See public.quote_token_plan.';
revoke all on function coinslot.quote_plan(uuid, text) from public;
grant execute on function coinslot.quote_plan(uuid, text) to authenticated;

create function public.quote_token_plan(subscription_id uuid, plan_id text) returns jsonb
language sql stable
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.quote_plan(quote_token_plan.subscription_id, quote_token_plan.plan_id)
$$;
comment on function public.quote_token_plan(uuid, text) is
'What another plan would cost the signed-in user: {plan_id, currency, at_once, amount, tokens,
next_amount, next_tokens, period_end}. Not at_once: from the next period on.';
revoke all on function public.quote_token_plan(uuid, text)
from public, anon, authenticated, service_role;
grant execute on function public.quote_token_plan(uuid, text) to authenticated;

-- It can be paid until the period is over, and then buys nothing.
create function coinslot.make_upgrade(
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
comment on function coinslot.make_upgrade(
  public.token_subscriptions, public.token_subscriptions, bigint, bigint
) is 'Makes the order of an upgrade, and has it charged.';
revoke all on function coinslot.make_upgrade(
  public.token_subscriptions, public.token_subscriptions, bigint, bigint
) from public;

-- Five in a day that nobody paid for: each is a charge of some card.
create function coinslot.check_upgrading(subscription_id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  if (
    select count(*) >= 5 from coinslot.subscription_cycles c
    inner join coinslot.cycle_orders o on o.cycle_id = c.id and o.purpose = 'change'
    inner join public.token_payments p on p.id = o.payment_id
    where c.subscription_id = check_upgrading.subscription_id
      and p.created_at > clock_timestamp() - interval '1 day'
  ) then
    perform coinslot.fail('too_many_orders', '{"max_per_day": 5, "retry_after": 86400}');
  end if;
end
$$;
comment on function coinslot.check_upgrading(uuid) is
'PT429 for another upgrade of somebody who tried enough of them.';
revoke all on function coinslot.check_upgrading(uuid) from public;

create function coinslot.upgrade_plan(subscription_id uuid, plan_id text, consent jsonb)
returns public.token_subscriptions
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_subscription public.token_subscriptions := coinslot.lock_subscription(
    upgrade_plan.subscription_id, coinslot.current_user_id()
  );
  v_terms public.token_subscriptions;
  v_difference record;
begin
  v_terms := coinslot.plan_terms(upgrade_plan.plan_id, v_subscription.currency);
  v_difference := coinslot.upgrade_difference(v_subscription, v_terms);
  if v_difference.amount is null then
    perform coinslot.refuse_state(v_subscription);
  end if;
  perform coinslot.check_upgrading(v_subscription.id);
  perform coinslot.own_method(v_subscription.method_id, v_subscription.gateway);
  perform coinslot.note_consent(v_subscription, 'change', v_terms, upgrade_plan.consent);
  perform coinslot.make_upgrade(
    v_subscription, v_terms, v_difference.amount, v_difference.tokens
  );
  perform coinslot.note_subscription(
    v_subscription, v_subscription.status, 'upgrading',
    jsonb_build_object('plan_id', v_terms.plan_id, 'amount', v_difference.amount)
  );
  return v_subscription;
end
$$;
comment on function coinslot.upgrade_plan(uuid, text, jsonb) is 'See public.upgrade_token_plan.';
revoke all on function coinslot.upgrade_plan(uuid, text, jsonb) from public;
grant execute on function coinslot.upgrade_plan(uuid, text, jsonb) to authenticated;

create function public.upgrade_token_plan(
  subscription_id uuid, plan_id text, consent jsonb default '{}'
) returns public.token_subscriptions
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.upgrade_plan(
    upgrade_token_plan.subscription_id, upgrade_token_plan.plan_id, upgrade_token_plan.consent
  )
$$;
comment on function public.upgrade_token_plan(uuid, text, jsonb) is
'Changes to a dearer plan at once, once the difference for the rest of the period is paid; PT409
where quote_token_plan says that it is not at_once.';
revoke all on function public.upgrade_token_plan(uuid, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.upgrade_token_plan(uuid, text, jsonb) to authenticated;

-- In the transaction that credits its order. Paid when its period was over, it changed nothing.
create function coinslot.follow_upgrade(
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
comment on function coinslot.follow_upgrade(
  public.token_subscriptions, coinslot.subscription_cycles, public.token_payments, jsonb
) is 'Gives a locked subscription the plan that was paid for.';
revoke all on function coinslot.follow_upgrade(
  public.token_subscriptions, coinslot.subscription_cycles, public.token_payments, jsonb
) from public;

-- Of an upgrade whose money all went back the plan before counts again.
create function coinslot.follow_refund(payment public.token_payments) returns void
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
comment on function coinslot.follow_refund(public.token_payments) is
'Has a subscription follow the return of all money of an upgrade.';
revoke all on function coinslot.follow_refund(public.token_payments) from public;
