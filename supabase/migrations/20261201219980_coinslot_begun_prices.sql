-- A planned price that begins is noted, with who had planned it; the catalogue tells the latest.

-- By the note of the act: who planned it last, and when.
create function coinslot.planner_of(product_id text, currency text, starts_at timestamptz)
returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('planned_by', a.actor, 'planned_at', a.at)
  from coinslot.operator_actions a
  where a.subject = planner_of.product_id and a.action = 'price_planned'
    and a.detail ->> 'currency' = planner_of.currency
    and (a.detail ->> 'starts_at')::timestamptz = planner_of.starts_at
  order by a.id desc limit 1
$$;
comment on function coinslot.planner_of(text, text, timestamptz) is
'{planned_by, planned_at} of a planned price; null = it was planned by no operator.';
revoke all on function coinslot.planner_of(text, text, timestamptz) from public;

-- What has begun is written down before anything else is, which is newer than it. Nobody acts at
-- that moment: the log says that it began, with who had planned it.
create or replace function coinslot.begin_prices_of(product_id text) returns bigint
language sql volatile set search_path = '' as $$
  with begun as (
    delete from coinslot.planned_prices p
    where p.product_id = begin_prices_of.product_id and p.starts_at <= statement_timestamp()
    returning p.*
  ), last as (
    select distinct on (b.currency) b.currency, b.amount from begun b
    order by b.currency, b.starts_at desc
  ), noted as (
    insert into coinslot.operator_actions (actor, role, action, subject, detail)
    select 'coinslot', null, 'price_begun', b.product_id, jsonb_build_object(
      'currency', b.currency, 'starts_at', b.starts_at, 'to', jsonb_build_object('price', b.amount),
      'from', jsonb_build_object('price', coalesce(
        lag(b.amount) over (partition by b.currency order by b.starts_at), r.amount
      ))
    ) || coalesce(coinslot.planner_of(b.product_id, b.currency, b.starts_at), '{}')
    from begun b
    inner join public.token_prices r on r.product_id = b.product_id and r.currency = b.currency
    order by b.starts_at, b.currency
  ), written as (
    update public.token_prices r set amount = l.amount from last l
    where r.product_id = begin_prices_of.product_id and r.currency = l.currency
    returning 1
  )
  select count(*) from begun
$$;
comment on function coinslot.begin_prices_of(text) is
'Writes the prices of a product that have begun into token_prices, and notes each; how many had.';

-- From the moment on, whether the maintenance has noted it yet or not.
create function coinslot.begun_of(product_id text) returns jsonb
language sql stable set search_path = '' as $$
  with begun as (
    (select n.currency, n.starts_at, n.amount, coinslot.price_at(
      n.product_id, n.currency, r.amount, n.starts_at - interval '1 microsecond'
    ) as "from", coinslot.planner_of(n.product_id, n.currency, n.starts_at) as planned
    from coinslot.planned_prices n
    inner join public.token_prices r on r.product_id = n.product_id and r.currency = n.currency
    where n.product_id = begun_of.product_id and n.starts_at <= statement_timestamp())
    union all
    (select k.detail ->> 'currency', (k.detail ->> 'starts_at')::timestamptz,
      (k.detail #>> '{to,price}')::bigint, (k.detail #>> '{from,price}')::bigint, k.detail
    from (
      select a.* from coinslot.operator_actions a where a.subject = begun_of.product_id
      order by a.id desc limit 100
    ) k
    where k.action = 'price_begun')
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'currency', b.currency, 'starts_at', b.starts_at, 'amount', b.amount, 'from', b."from",
    'planned_at', b.planned -> 'planned_at',
    'planned_by', coinslot.actor_name(b.planned ->> 'planned_by')
  ) order by b.starts_at desc, b.currency), '[]')
  from (select b.* from begun b order by b.starts_at desc, b.currency limit 5) b
$$;
comment on function coinslot.begun_of(text) is
'The latest planned prices of a product that have begun:
[{currency, starts_at, amount, from, planned_at, planned_by}].';
revoke all on function coinslot.begun_of(text) from public;

create or replace function coinslot.list_catalogue() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(
    to_jsonb(p) || jsonb_build_object(
      'planned', coinslot.planned_of(p.id), 'begun', coinslot.begun_of(p.id)
    )
  ), '[]')
  from coinslot.list_products() p
$$;
comment on function coinslot.list_catalogue() is
'All products with their prices: now, planned, and the latest that have begun as planned.';
