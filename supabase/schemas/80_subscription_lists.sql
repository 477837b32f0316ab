-- What operators read of subscriptions, and how they end one on the word of its owner.

create function coinslot.method_item(method_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'brand', k.brand, 'last_four', k.last_four, 'broken', k.broken_at is not null,
    'removed', k.status = 'removed'
  )
  from coinslot.billing_keys k where k.id = method_item.method_id
$$;
comment on function coinslot.method_item(uuid) is 'A stored method as operators see it.';
revoke all on function coinslot.method_item(uuid) from public;

create function coinslot.subscription_item(
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
comment on function coinslot.subscription_item(public.token_subscriptions, coinslot.operators) is
'A subscription as a line of a list.';
revoke all on function coinslot.subscription_item(public.token_subscriptions, coinslot.operators)
from public;

create function coinslot.list_subscriptions_of(
  operator coinslot.operators, filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_from record;
  v_since timestamptz;
  v_items jsonb;
  v_last text;
begin
  perform coinslot.check_filters(list_subscriptions_of.filters, array[
    'status', 'plan', 'gateway', 'user', 'currency', 'live', 'since', 'until'
  ]);
  v_from := coinslot.walk_from(list_subscriptions_of.after, filters ->> 'until');
  v_since := coalesce((filters ->> 'since')::timestamptz, '-infinity');
  with walk as materialized (
    (select s.* from public.token_subscriptions s
    where not filters ? 'user' and (s.created_at, s.id) < (v_from.at, v_from.id)
      and s.created_at >= v_since
    order by s.created_at desc, s.id desc limit coinslot.walk_for(filters - array['since', 'until'], page_size))
    union all
    (select s.* from public.token_subscriptions s
    where s.user_id = (filters ->> 'user')::uuid and (s.created_at, s.id) < (v_from.at, v_from.id)
      and s.created_at >= v_since
    order by s.created_at desc, s.id desc limit coinslot.walk_for(filters - array['user', 'since', 'until'], page_size))
  ), found as (
    select w.* from walk w
    where (not filters ? 'status' or filters -> 'status' ? w.status)
      and (not filters ? 'plan' or w.plan_id = filters ->> 'plan')
      and (not filters ? 'gateway' or w.gateway = filters ->> 'gateway')
      and (not filters ? 'currency' or w.currency = filters ->> 'currency')
      and (not filters ? 'live' or w.live = (filters ->> 'live')::boolean)
    order by w.created_at desc, w.id desc limit list_subscriptions_of.page_size + 1
  )
  select jsonb_agg(
    coinslot.subscription_item(f.*, operator) order by f.created_at desc, f.id desc
  ), (
    select coinslot.cursor_of(e.created_at, e.id::text) from (
      select w.created_at, w.id from walk w
      order by w.created_at desc, w.id desc offset coinslot.walk_length() - 1
    ) e
  ) into v_items, v_last from found f;
  return coinslot.page_of(v_items, list_subscriptions_of.page_size, v_last);
end
$$;
comment on function coinslot.list_subscriptions_of(
  coinslot.operators, jsonb, text, integer
) is 'Subscriptions, newest first.';
revoke all on function coinslot.list_subscriptions_of(coinslot.operators, jsonb, text, integer)
from public;

-- ---- one of them ----

create function coinslot.cycles_of(subscription_id uuid) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'number', c.number, 'period_start', c.period_start, 'period_end', c.period_end,
    'plan_id', c.plan_id, 'amount', c.amount, 'currency', c.currency, 'tokens', c.tokens,
    'status', c.status, 'tries', c.tries, 'paid_at', c.paid_at,
    'orders', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'order_id', p.order_id, 'purpose', o.purpose, 'status', p.status, 'amount', p.amount,
        'paid', p.paid, 'refunded', p.refunded, 'withdrawn', p.withdrawn
      ) order by p.created_at, p.id), '[]')
      from coinslot.cycle_orders o inner join public.token_payments p on p.id = o.payment_id
      where o.cycle_id = c.id
    )
  ) order by c.period_start desc), '[]')
  from (
    select y.* from coinslot.subscription_cycles y
    where y.subscription_id = cycles_of.subscription_id
    order by y.period_start desc limit 36
  ) c
$$;
comment on function coinslot.cycles_of(uuid) is 'The latest periods with their orders.';
revoke all on function coinslot.cycles_of(uuid) from public;

create function coinslot.charges_of(subscription_id uuid) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'at', h.created_at, 'finished_at', h.finished_at, 'state', h.state, 'reason', h.reason,
    'looks', h.looks, 'number', h.number, 'order_id', p.order_id, 'amount', p.amount,
    'currency', p.currency, 'method', coinslot.method_item(h.method_id)
  ) order by h.created_at desc, h.id), '[]')
  from (
    select g.*, c.number from coinslot.subscription_cycles c
    inner join coinslot.cycle_orders o on o.cycle_id = c.id
    inner join coinslot.cycle_charges g on g.payment_id = o.payment_id
    where c.subscription_id = charges_of.subscription_id
    order by g.created_at desc limit 50
  ) h
  inner join public.token_payments p on p.id = h.payment_id
$$;
comment on function coinslot.charges_of(uuid) is
'The latest charges of a stored method, and what became of each.';
revoke all on function coinslot.charges_of(uuid) from public;

create function coinslot.subscription_timeline(subscription_id uuid) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off as $$
  select coalesce(jsonb_agg(t.line order by t.at desc, t.kind, t.id desc), '[]') from (
    (select e.created_at as at, 'event' as kind, e.id, jsonb_build_object(
      'at', e.created_at, 'kind', 'event', 'event', e.event, 'from', e.from_status,
      'to', e.to_status, 'detail', e.detail
    ) as line
    from public.token_subscription_events e
    where e.subscription_id = subscription_timeline.subscription_id
    order by e.id desc limit 200)
    union all
    (select c.created_at, 'consent', c.id, jsonb_build_object(
      'at', c.created_at, 'kind', 'consent', 'consent', c.kind, 'terms', c.terms
    )
    from coinslot.subscription_consents c
    where c.subscription_id = subscription_timeline.subscription_id
    order by c.id desc limit 50)
    union all
    (select a.at, 'action', a.id, jsonb_build_object(
      'at', a.at, 'kind', 'action', 'action', a.action, 'role', a.role, 'reason', a.reason,
      'actor', coinslot.actor_name(a.actor), 'detail', a.detail
    )
    from coinslot.operator_actions a
    where a.subject = subscription_timeline.subscription_id::text
    order by a.id desc limit 50)
  ) t
$$;
comment on function coinslot.subscription_timeline(uuid) is
'What happened to a subscription, what was agreed to and what operators did, newest first.';
revoke all on function coinslot.subscription_timeline(uuid) from public;

create function coinslot.read_subscription(id text) returns public.token_subscriptions
language plpgsql stable set search_path = '' as $$
declare
  v_subscription public.token_subscriptions;
begin
  if read_subscription.id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select s.* into v_subscription from public.token_subscriptions s
    where s.id = read_subscription.id::uuid;
  end if;
  if v_subscription.id is null then
    perform coinslot.fail('subscription_not_found');
  end if;
  return v_subscription;
end
$$;
comment on function coinslot.read_subscription(text) is 'A subscription of anybody; PT404.';
revoke all on function coinslot.read_subscription(text) from public;

create function coinslot.get_subscription(operator coinslot.operators, id text) returns jsonb
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
comment on function coinslot.get_subscription(coinslot.operators, text) is
'A subscription with its periods, charges and timeline, and what the operator may do with it.';
revoke all on function coinslot.get_subscription(coinslot.operators, text) from public;

-- As its owner would. Somebody who was faster is told.
create function coinslot.cancel_as(id text, reason text) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_before public.token_subscriptions := coinslot.read_subscription(cancel_as.id);
  v_after public.token_subscriptions;
begin
  v_before := coinslot.lock_subscription(v_before.id, v_before.user_id);
  if v_before.status = 'ended' or v_before.cancel_at_end then
    perform coinslot.fail('changed_meanwhile', jsonb_build_object(
      'status', v_before.status, 'cancel_at_end', v_before.cancel_at_end
    ));
  end if;
  v_after := coinslot.end_with_period(v_before, '{"by": "operator"}');
  perform coinslot.note_action('subscription_canceled', v_after.id::text, cancel_as.reason,
    jsonb_build_object(
      'user_id', v_after.user_id, 'plan_id', v_after.plan_id, 'ends_at', case
        when v_after.cancel_at_end then v_after.period_end else v_after.ended_at end,
      'from', jsonb_build_object('status', v_before.status, 'cancel_at_end', false),
      'to', jsonb_build_object(
        'status', v_after.status, 'cancel_at_end', v_after.cancel_at_end
      )));
  return jsonb_build_object(
    'id', v_after.id, 'status', v_after.status, 'cancel_at_end', v_after.cancel_at_end,
    'period_end', v_after.period_end, 'ended_at', v_after.ended_at
  );
end
$$;
comment on function coinslot.cancel_as(text, text) is
'Ends a subscription with the period that is paid, or at once, on the word of an operator.';
revoke all on function coinslot.cancel_as(text, text) from public;
