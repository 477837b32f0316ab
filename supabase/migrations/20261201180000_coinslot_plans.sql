-- Plans, what a period is, and what a contract allows.

do $$
declare
  v_relations constant text[] := array[
    'token_plan_offers', 'token_plans', 'token_subscription_events', 'token_subscriptions'
  ];
  v_functions constant text[] := array[
    'begin_token_method', 'cancel_token_subscription', 'change_token_plan',
    'coinslot_claim_charges', 'coinslot_claim_forgets', 'coinslot_claim_top_ups',
    'coinslot_earlier_method', 'coinslot_finish_charge', 'coinslot_finish_forget',
    'coinslot_finish_method', 'coinslot_finish_top_up', 'coinslot_list_plans',
    'coinslot_remove_plan', 'coinslot_set_plan', 'coinslot_set_unattended', 'get_token_method',
    'get_token_top_up', 'get_unpaid_token_order', 'list_token_methods',
    'list_token_subscriptions', 'pause_token_subscription', 'pay_token_subscription',
    'quote_token_plan', 'remove_token_method', 'resume_token_subscription',
    'set_token_subscription_method', 'set_token_top_up', 'stop_token_top_up',
    'subscribe_token_plan', 'upgrade_token_plan'
  ];
begin
  perform coinslot.refuse_problems('Coinslot cannot be upgraded yet', array(
    select format('%s: the name is Coinslot''s. Rename yours.', t.name)
    from (
      select format('table public.%s', c.relname) from pg_catalog.pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relname = any(v_relations)
      union all
      select format('function public.%s(%s)', p.proname,
        pg_catalog.pg_get_function_identity_arguments(p.oid))
      from pg_catalog.pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.proname = any(v_functions)
    ) t (name)
  ));
end
$$;

select coinslot.lock_for_upgrade(array[
  'coinslot.settings', 'coinslot.gateways', 'public.token_products'
]::regclass[]);

alter table coinslot.settings
add column subscription_grace interval not null default interval '8 days',
add column unpaid_subscription_lifetime interval not null default interval '1 day',
add column charge_from_hour integer not null default 9,
add column charge_until_hour integer not null default 20,
add column charge_spread interval not null default interval '1 hour',
add column auto_top_up boolean not null default true;
alter table coinslot.settings add constraint settings_subscriptions_in_range check (
  subscription_grace between interval '1 hour' and interval '27 days'
  and unpaid_subscription_lifetime between interval '1 hour' and interval '27 days'
  and charge_spread between interval '0' and interval '12 hours'
  and 0 <= charge_from_hour and charge_from_hour < charge_until_hour and charge_until_hour <= 24
) not valid;
alter table coinslot.settings validate constraint settings_subscriptions_in_range;

comment on column coinslot.settings.subscription_grace is
'How long a period may stay unpaid before its subscription ends.';
comment on column coinslot.settings.unpaid_subscription_lifetime is
'How long a new subscription waits for its first money.';
comment on column coinslot.settings.charge_from_hour is
'Stored methods are charged from this hour of the day on, and until charge_until_hour.';
comment on column coinslot.settings.auto_top_up is
'False charges for no top-up any more, at once.';
comment on column coinslot.settings.charge_spread is
'Charges that are due together are spread over this time.';

insert into coinslot.errors (message, sqlstate, hint) values
('plan_not_found', 'PT404', 'Choose a plan and a currency from token_plan_offers.'),
('method_not_found', 'PT404', 'Choose one of list_token_methods, or store another.'),
('subscription_not_found', 'PT404', 'Choose one of list_token_subscriptions.'),
('already_subscribed', 'PT409', 'Change or end the subscription in the detail instead.'),
('method_in_use', 'PT409', 'Give the subscription in the detail another method, or end it.'),
('method_taken', 'PT409', 'This method is stored already: use it, or store another.'),
('not_unattended', 'PT409', 'Pay through a gateway that may charge stored methods.'),
('subscription_state', 'PT409', 'Read the subscription again: its state does not allow this.'),
('too_many_methods', 'PT429', 'Wait the seconds that the detail says.');

alter table coinslot.gateways add column unattended text not null default 'none';
alter table coinslot.gateways add constraint gateways_unattended_known
check (unattended in ('none', 'periodic', 'at_will')) not valid;
alter table coinslot.gateways validate constraint gateways_unattended_known;
comment on column coinslot.gateways.unattended is
'How often the shop''s contract allows to charge a stored method while nobody is there.';

alter table public.token_products drop constraint token_products_kind_known;
alter table public.token_products add constraint token_products_kind_known
check (kind in ('token_pack', 'one_off', 'subscription')) not valid;
alter table public.token_products validate constraint token_products_kind_known;
comment on column public.token_products.kind is
'token_pack: credits tokens. one_off: credits none. subscription: a plan, see token_plans.';
create or replace view public.token_offers with (security_invoker = true) as
select -- noqa: ST06
  p.id,
  p.kind,
  p.name,
  p.name_ko,
  p.tokens,
  r.currency,
  r.amount,
  case when p.kind = 'token_pack' then greatest(0, floor(
    100 - 100.0 * r.amount * first_value(p.tokens) over pack
    / (p.tokens * first_value(r.amount) over pack)
  ))::integer else 0 end as discount_percent,
  p.tokens_last_days,
  p.tokens_end_at,
  coinslot.tiers_of(p.id, r.currency, r.amount, p.tokens) as tiers
from public.token_products as p
inner join public.token_prices as r on p.id = r.product_id
where
  p.active and p.kind <> 'subscription'
  and (p.tokens_end_at is null or p.tokens_end_at > statement_timestamp())
window pack as (partition by p.kind, r.currency order by p.tokens, r.amount);

-- Plans: tokens every month or every year, for a price. A plan is a product of the kind
-- subscription, with its prices by currency, and what stands here. Who has subscribed keeps the
-- price and the tokens that they agreed to, whatever becomes of the plan.

create table public.token_plans (
  id text not null,
  family text not null default 'main',
  every text not null,
  tokens bigint not null,
  rollover text not null default 'none',
  constraint token_plans_pkey primary key (id),
  constraint token_plans_id_fkey foreign key (id)
  references public.token_products (id) on delete restrict,
  constraint token_plans_family_named check (family ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint token_plans_every_known check (every in ('month', 'year')),
  constraint token_plans_tokens_in_range check (tokens between 1 and coinslot.max_amount()),
  constraint token_plans_rollover_known check (rollover in ('none', 'full'))
);
comment on table public.token_plans is 'Plans that people subscribe to.';
comment on column public.token_plans.family is 'Of the plans of a family a person has one.';
comment on column public.token_plans.every is 'month | year: how long a period is.';
comment on column public.token_plans.tokens is 'Tokens of each period that was paid for.';
comment on column public.token_plans.rollover is
'none: what is left ends with its period. full: it stays.';
alter table public.token_plans enable row level security;
revoke all on table public.token_plans from anon, authenticated, service_role;
grant select on table public.token_plans to anon, authenticated, service_role;
create policy "Everybody reads plans" on public.token_plans
for select to anon, authenticated using (true);

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
  r.amount
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
    'tokens', l.tokens, 'rollover', l.rollover, 'active', p.active, 'prices', coalesce((
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
    when check_plan.rollover not in ('none', 'full')
      then '{"argument": "rollover", "known": ["none", "full"]}'
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

-- Nothing that is set here changes what somebody has subscribed to.
create function coinslot.set_plan(
  id text, every text, name text, name_ko text, tokens bigint, prices jsonb, family text,
  rollover text
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_old public.token_plans;
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
  insert into public.token_products as p (id, kind, name, name_ko)
  values (set_plan.id, 'subscription', coalesce(set_plan.name, v_product.name),
    coalesce(set_plan.name_ko, v_product.name_ko, set_plan.name))
  on conflict on constraint token_products_pkey do update set name = excluded.name,
    name_ko = excluded.name_ko, active = true;
  insert into public.token_plans as l (id, family, every, tokens, rollover)
  values (set_plan.id, coalesce(set_plan.family, v_old.family, 'main'),
    coalesce(set_plan.every, v_old.every), coalesce(set_plan.tokens, v_old.tokens),
    coalesce(set_plan.rollover, v_old.rollover, 'none'))
  on conflict on constraint token_plans_pkey do update set family = excluded.family,
    every = excluded.every, tokens = excluded.tokens, rollover = excluded.rollover;
  perform coinslot.set_prices(set_plan.id, set_plan.prices);
  return (select l from coinslot.list_plans(set_plan.id) l);
end
$$;
comment on function coinslot.set_plan(text, text, text, text, bigint, jsonb, text, text) is
'See public.coinslot_set_plan.';
revoke all on function coinslot.set_plan(text, text, text, text, bigint, jsonb, text, text)
from public;
grant execute on function coinslot.set_plan(text, text, text, text, bigint, jsonb, text, text)
to service_role;

create function public.coinslot_set_plan(
  id text, every text default null, name text default null, name_ko text default null,
  tokens bigint default null, prices jsonb default null, family text default null,
  rollover text default null
) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.set_plan(
    coinslot_set_plan.id, coinslot_set_plan.every, coinslot_set_plan.name,
    coinslot_set_plan.name_ko, coinslot_set_plan.tokens, coinslot_set_plan.prices,
    coinslot_set_plan.family, coinslot_set_plan.rollover
  )
$$;
comment on function public.coinslot_set_plan(
  text, text, text, text, bigint, jsonb, text, text
) is
'Service: puts a plan on sale, or changes what is given of one. Who has subscribed keeps what they
agreed to.';
revoke all on function public.coinslot_set_plan(
  text, text, text, text, bigint, jsonb, text, text
) from public, anon, authenticated, service_role;
grant execute on function public.coinslot_set_plan(
  text, text, text, text, bigint, jsonb, text, text
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

-- What sells packs knows no plans.

create or replace function coinslot.list_products(id text default null)
returns setof public.coinslot_product
language sql stable security definer set search_path = '' as $$
  select p.id, p.kind, p.name, p.name_ko, p.tokens, p.active, coalesce((
    select jsonb_object_agg(r.currency, r.amount)
    from public.token_prices r where r.product_id = p.id
  ), '{}'), p.tokens_last_days, p.tokens_end_at
  from public.token_products p
  where p.kind <> 'subscription' and (list_products.id is null or p.id = list_products.id)
  order by p.kind desc, p.tokens, p.id
$$;

create or replace function coinslot.set_product(
  id text,
  name text default null,
  name_ko text default null,
  tokens bigint default null,
  prices jsonb default null,
  tokens_last_days integer default null,
  tokens_end_at timestamptz default null
) returns public.coinslot_product
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_old public.token_products;
  v_new public.coinslot_product;
begin
  perform coinslot.refuse_plan(set_product.id);
  perform coinslot.check_product(set_product.id, set_product.name, set_product.name_ko,
    set_product.tokens, set_product.prices);
  perform coinslot.check_product_expiry(
    set_product.tokens, set_product.tokens_last_days, set_product.tokens_end_at
  );
  select p.* into v_old from public.token_products p where p.id = set_product.id
  for no key update;
  if not found and (
    set_product.name is null or coalesce(jsonb_strip_nulls(set_product.prices), '{}') = '{}'
  ) then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', case when set_product.name is null then 'name' else 'prices' end,
      'reason', 'The product is new.'));
  end if;
  v_new.name := coalesce(set_product.name, v_old.name);
  v_new.name_ko := coalesce(set_product.name_ko, v_old.name_ko, set_product.name);
  v_new.tokens := coalesce(set_product.tokens, v_old.tokens, 0);
  insert into public.token_products as p (id, kind, name, name_ko, tokens)
  values (set_product.id, case when v_new.tokens > 0 then 'token_pack' else 'one_off' end,
    v_new.name, v_new.name_ko, v_new.tokens)
  on conflict on constraint token_products_pkey do update set kind = excluded.kind,
    name = excluded.name, name_ko = excluded.name_ko, tokens = excluded.tokens, active = true;
  perform coinslot.set_prices(set_product.id, set_product.prices);
  perform coinslot.set_expiry(
    set_product.id, set_product.tokens_last_days, set_product.tokens_end_at
  );
  select p.* into v_new from coinslot.list_products(set_product.id) p;
  return v_new;
end
$$;

create or replace function coinslot.remove_product(id text) returns text
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.refuse_plan(remove_product.id);
  delete from public.token_products p where p.id = remove_product.id;
  return case when found then 'deleted' end;
exception when foreign_key_violation or restrict_violation then
  update public.token_products p set active = false where p.id = remove_product.id;
  return 'switched_off';
end
$$;

create or replace function coinslot.product_on_sale(id text) returns public.token_products
language plpgsql stable set search_path = '' as $$
declare
  v_product public.token_products;
begin
  select p.* into v_product from public.token_products p
  where p.id = product_on_sale.id and p.active and p.kind <> 'subscription'
    and (p.tokens_end_at is null or p.tokens_end_at > clock_timestamp());
  if not found then
    perform coinslot.fail(
      'product_not_found', jsonb_build_object('product_id', left(product_on_sale.id, 63))
    );
  end if;
  return v_product;
end
$$;

notify pgrst, 'reload schema';
