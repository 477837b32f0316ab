-- Before they subscribe, people read the day on which they are charged next.

select coinslot.lock_for_upgrade(array['public.token_plan_offers']::regclass[]);

-- Whoever subscribes later in the day is charged on the day after from then on, which they read
-- before.
create function coinslot.charge_hours() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('time_zone', s.time_zone, 'until', s.charge_until_hour)
  from coinslot.settings s where s.id
$$;
comment on function coinslot.charge_hours() is
'The hour of the day until which stored methods are charged, and where: {time_zone, until}.';
revoke all on function coinslot.charge_hours() from public;
grant execute on function coinslot.charge_hours() to anon, authenticated, service_role;

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
  l.rollover_cap,
  coinslot.trial_asks() as trial_asks,
  coinslot.charge_hours() as charge_hours
from public.token_plans as l
inner join public.token_products as p on l.id = p.id
inner join public.token_prices as r on p.id = r.product_id
where p.active;
