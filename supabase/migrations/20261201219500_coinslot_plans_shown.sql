-- A store is told where plans are sold, and people what is charged for the plan that comes next.

create or replace function coinslot.get_shop() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'business', s.business, 'links', s.links, 'refund_days', s.refund_days,
    'currencies', coalesce((
      select jsonb_agg(c.currency order by c.products desc, c.currency collate "C")
      from (
        select o.currency, count(*) as products from public.token_offers o group by o.currency
      ) c
    ), '[]'),
    'max_quantity', s.max_quantity,
    'takes_codes', exists (
      select from coinslot.promotions p
      where p.active and (p.ends_at is null or p.ends_at > statement_timestamp())
    ),
    'invitations', jsonb_build_object('reward', s.referral_reward, 'bonus', s.referral_bonus),
    'plans', jsonb_build_object(
      'gateways', coalesce((
        select jsonb_agg(g.id order by g.id) from coinslot.gateways g
        where g.active and g.unattended <> 'none'
      ), '[]'),
      'currencies', coalesce((
        select jsonb_agg(distinct o.currency) from public.token_plan_offers o
      ), '[]')
    )
  )
  from coinslot.settings s where s.id
$$;
comment on function coinslot.get_shop() is
'Who sells, under which terms, in which currencies, and where plans and top-ups are.';

-- What will be charged is what was agreed to, whatever the plan costs by then.
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
      then s.next_charge_at end,
    'end_reason', s.end_reason, 'ended_at', s.ended_at, 'created_at', s.created_at,
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
comment on function public.list_token_subscriptions() is
'Subscriptions of the signed-in user, open ones first: plan, price, tokens, period, next charge,
the plan from the next period on (next) at the price that was agreed to, method, and what they need.';
