-- Plans: tokens every month or every year, for a price. A plan is a product of the kind
-- subscription, with its prices by currency, and what stands here. Who has subscribed keeps the
-- price and the tokens that they agreed to, whatever becomes of the plan.

create table public.token_plans (
  id text not null,
  family text not null default 'main',
  every text not null,
  tokens bigint not null,
  rollover text not null default 'none',
  trial_days integer not null default 0,
  trial_tokens bigint not null default 0,
  rollover_cap bigint,
  constraint token_plans_pkey primary key (id),
  constraint token_plans_id_fkey foreign key (id)
  references public.token_products (id) on delete restrict,
  constraint token_plans_family_named check (family ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint token_plans_every_known check (every in ('month', 'year')),
  constraint token_plans_tokens_in_range check (tokens between 1 and coinslot.max_amount()),
  constraint token_plans_rollover_known check (rollover in ('none', 'cap', 'full')),
  constraint token_plans_cap_with_rollover check (
    (rollover = 'cap') = (rollover_cap is not null)
    and rollover_cap between 1 and coinslot.max_amount()
  ),
  -- No longer than a consent to the price counts that was given when it began.
  constraint token_plans_trial_in_range check (
    trial_days between 0 and 30 and trial_tokens between 0 and tokens
    and (trial_days > 0 or trial_tokens = 0)
  )
);
comment on table public.token_plans is 'Plans that people subscribe to.';
comment on column public.token_plans.family is 'Of the plans of a family a person has one.';
comment on column public.token_plans.every is 'month | year: how long a period is.';
comment on column public.token_plans.tokens is 'Tokens of each period that was paid for.';
comment on column public.token_plans.rollover is
'none: what is left ends with its period. cap: some of it goes over into the next. full: it stays.';
comment on column public.token_plans.rollover_cap is
'How many tokens go over into the next period at most, of all that are left.';
comment on column public.token_plans.trial_days is
'Days without money that a person has once in a family; 0 = none.';
comment on column public.token_plans.trial_tokens is
'Tokens that a trial gives; they end with it.';
alter table public.token_plans enable row level security;
revoke all on table public.token_plans from anon, authenticated, service_role;
grant select on table public.token_plans to anon, authenticated, service_role;
create policy "Everybody reads plans" on public.token_plans
for select to anon, authenticated using (true);

-- What a trial needs before it is charged is public: it is shown before one begins.
create function coinslot.trial_asks() returns boolean
language sql stable security definer set search_path = '' as $$
  select s.trial_needs_consent from coinslot.settings s where s.id
$$;
comment on function coinslot.trial_asks() is
'True where a trial ends unless its owner agrees to the price while it runs.';
revoke all on function coinslot.trial_asks() from public;
grant execute on function coinslot.trial_asks() to anon, authenticated, service_role;

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
  coinslot.trial_asks() as trial_asks,
  coinslot.charge_hours() as charge_hours
from public.token_plans as l
inner join public.token_products as p on l.id = p.id
inner join public.token_prices as r on p.id = r.product_id
where p.active;
comment on view public.token_plan_offers is
'Plans that are on sale: one row for each plan and currency.';
revoke all on table public.token_plan_offers from anon, authenticated, service_role;
grant select on table public.token_plan_offers to anon, authenticated, service_role;

create function coinslot.refuse_plan(id text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if exists (select from public.token_plans l where l.id = refuse_plan.id) then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'id', 'reason', 'It is a plan: coinslot_set_plan and coinslot_remove_plan.'
    ));
  end if;
end
$$;
comment on function coinslot.refuse_plan(text) is 'PT400 for a plan where a product is meant.';
revoke all on function coinslot.refuse_plan(text) from public;

create function coinslot.list_plans(id text default null) returns setof jsonb
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
comment on function coinslot.list_plans(text) is 'See public.coinslot_list_plans.';
revoke all on function coinslot.list_plans(text) from public;
grant execute on function coinslot.list_plans(text) to service_role;

create function public.coinslot_list_plans() returns setof jsonb
language sql stable set search_path = '' as $$
  select coinslot.list_plans()
$$;
comment on function public.coinslot_list_plans() is
'Service: all plans with their prices, those off sale as well.';
revoke all on function public.coinslot_list_plans()
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_plans() to service_role;

create function coinslot.check_plan(
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
comment on function coinslot.check_plan(text, text, bigint, text) is
'PT400 for what cannot be a plan; null is always right.';
revoke all on function coinslot.check_plan(text, text, bigint, text) from public;

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

create function coinslot.remove_plan(id text) returns boolean
language sql volatile security definer set search_path = '' as $$
  with off as (
    update public.token_products p set active = false
    where p.id = remove_plan.id and p.kind = 'subscription'
    returning p.id
  )
  select exists (select from off)
$$;
comment on function coinslot.remove_plan(text) is 'See public.coinslot_remove_plan.';
revoke all on function coinslot.remove_plan(text) from public;
grant execute on function coinslot.remove_plan(text) to service_role;

create function public.coinslot_remove_plan(id text) returns boolean
language sql volatile set search_path = '' as $$
  select coinslot.remove_plan(coinslot_remove_plan.id)
$$;
comment on function public.coinslot_remove_plan(text) is
'Service: takes a plan off sale, and leaves those who have it; false: there is no such plan.';
revoke all on function public.coinslot_remove_plan(text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_remove_plan(text) to service_role;

-- A stored method is charged while nobody is there. Contracts say how often that may be: the shop
-- says what its contract allows, and until then no plan is sold at a gateway.
create function coinslot.set_unattended(gateway text, unattended text) returns text
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_unattended text;
begin
  if set_unattended.unattended in ('none', 'periodic', 'at_will') is not true then
    perform coinslot.fail(
      'invalid_argument',
      '{"argument": "unattended", "known": ["none", "periodic", "at_will"]}'
    );
  end if;
  update coinslot.gateways g set unattended = set_unattended.unattended
  where g.id = set_unattended.gateway
  returning g.unattended into v_unattended;
  if not found then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'gateway', 'known', (
        select jsonb_agg(g.id order by g.id) from coinslot.gateways g
      )
    ));
  end if;
  return v_unattended;
end
$$;
comment on function coinslot.set_unattended(text, text) is 'See public.coinslot_set_unattended.';
revoke all on function coinslot.set_unattended(text, text) from public;
grant execute on function coinslot.set_unattended(text, text) to service_role;

create function public.coinslot_set_unattended(gateway text, unattended text) returns text
language sql volatile set search_path = '' as $$
  select coinslot.set_unattended(
    coinslot_set_unattended.gateway, coinslot_set_unattended.unattended
  )
$$;
comment on function public.coinslot_set_unattended(text, text) is
'Service: says what the contract with a gateway allows: none | periodic | at_will.';
revoke all on function public.coinslot_set_unattended(text, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_set_unattended(text, text) to service_role;

-- ---- periods ----

-- Always from the anchor, never from the last end: whoever begins on the 31st goes on with the
-- 31st after a month that has none. In the zone of the shop, whatever that of the session is.
create function coinslot.period_at(anchor timestamptz, zone text, every text, number integer)
returns timestamptz
language sql stable set search_path = '' as $$
  select (
    (period_at.anchor at time zone period_at.zone)
    + period_at.number * case period_at.every
      when 'year' then interval '1 year' else interval '1 month' end
  ) at time zone period_at.zone
$$;
comment on function coinslot.period_at(timestamptz, text, text, integer) is
'When the period of this number begins, which is when the one before it ends.';
revoke all on function coinslot.period_at(timestamptz, text, text, integer) from public;

create function coinslot.period_of(
  anchor timestamptz, zone text, every text, at timestamptz
) returns integer
language plpgsql stable set search_path = '' as $$
declare
  v_months integer := (
    extract(year from period_of.at at time zone period_of.zone)
    - extract(year from period_of.anchor at time zone period_of.zone)
  ) * 12 + extract(month from period_of.at at time zone period_of.zone)
  - extract(month from period_of.anchor at time zone period_of.zone);
  v_number integer := case period_of.every
    when 'year' then floor(v_months / 12.0)::integer else v_months end;
begin
  while coinslot.period_at(anchor, zone, every, v_number) > period_of.at loop
    v_number := v_number - 1;
  end loop;
  while coinslot.period_at(anchor, zone, every, v_number + 1) <= period_of.at loop
    v_number := v_number + 1;
  end loop;
  return v_number;
end
$$;
comment on function coinslot.period_of(timestamptz, text, text, timestamptz) is
'The number of the period that has this moment in it: its beginning is, its end is not.';
revoke all on function coinslot.period_of(timestamptz, text, text, timestamptz) from public;
