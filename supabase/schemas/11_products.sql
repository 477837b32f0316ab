-- Changing what is sold: the calls of the shop's own people, with the service key or as SQL.
--
-- An order keeps the name, the tokens and the price that it was made with, so that nothing here
-- changes an order that is there.

create type public.coinslot_product as (
  id text,
  kind text,
  name text,
  name_ko text,
  tokens bigint,
  active boolean,
  prices jsonb,
  tokens_last_days integer,
  tokens_end_at timestamptz
);
comment on type public.coinslot_product is
'A product with its prices by currency in minor units. Not active: off sale. How long its tokens
last: null = for ever.';
revoke all on type public.coinslot_product from public;

create function coinslot.list_products(id text default null)
returns setof public.coinslot_product
language sql stable security definer set search_path = '' as $$
  select p.id, p.kind, p.name, p.name_ko, p.tokens, p.active, coalesce((
    select jsonb_object_agg(
      r.currency, coinslot.price_now(r.product_id, r.currency, r.amount)
    )
    from public.token_prices r where r.product_id = p.id
  ), '{}'), p.tokens_last_days, p.tokens_end_at
  from public.token_products p
  where p.kind <> 'subscription' and (list_products.id is null or p.id = list_products.id)
  order by p.kind desc, p.tokens, p.id
$$;
comment on function coinslot.list_products(text) is 'See public.coinslot_list_products.';
revoke all on function coinslot.list_products(text) from public;
grant execute on function coinslot.list_products(text) to service_role;

create function public.coinslot_list_products() returns public.coinslot_product[]
language sql stable set search_path = '' as $$
  select array(select p from coinslot.list_products() p)
$$;
comment on function public.coinslot_list_products() is
'Service: all products with their prices, those off sale as well.';
revoke all on function public.coinslot_list_products()
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_products() to service_role;

-- The same bounds as the tables have, told as errors that a program can read.
create function coinslot.check_product(
  id text, name text, name_ko text, tokens bigint, prices jsonb
) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_unknown text;
begin
  if check_product.id ~ '^[a-z][a-z0-9_]{0,62}$' is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "id", "example": "premium_reading"}');
  end if;
  perform coinslot.check_text('name', coalesce(check_product.name, ''), 100);
  perform coinslot.check_text('name_ko', coalesce(check_product.name_ko, ''), 100);
  if btrim(check_product.name) = '' or btrim(check_product.name_ko) = '' then
    perform coinslot.fail('invalid_argument', '{"argument": "name", "example": "A reading"}');
  end if;
  if check_product.tokens not between 0 and coinslot.max_amount() then
    perform coinslot.fail('invalid_argument', '{"argument": "tokens", "example": 10}');
  end if;
  if jsonb_typeof(check_product.prices) <> 'object' or exists (
    select from jsonb_each(
      case jsonb_typeof(check_product.prices) when 'object' then check_product.prices end
    ) e
    where case jsonb_typeof(e.value)
      when 'null' then false
      when 'number' then (e.value)::numeric not between 1 and coinslot.max_amount()
        or (e.value)::numeric <> trunc((e.value)::numeric)
      else true end
  ) then
    perform coinslot.fail('invalid_argument', '{"argument": "prices", "example": {"KRW": 5000}}');
  end if;
  select min(k.code) into v_unknown from jsonb_object_keys(check_product.prices) k (code)
  where k.code <> all (coinslot.currencies());
  if v_unknown is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'prices', 'currency', v_unknown, 'reason', 'ISO 4217 has no such currency.'
    ));
  end if;
end
$$;
comment on function coinslot.check_product(text, text, text, bigint, jsonb) is
'PT400 for what cannot be a product; null is always right.';
revoke all on function coinslot.check_product(text, text, text, bigint, jsonb) from public;

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
create function coinslot.begin_prices_of(product_id text) returns bigint
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
revoke all on function coinslot.begin_prices_of(text) from public;

create function coinslot.set_prices(product_id text, prices jsonb) returns void
language sql volatile set search_path = '' as $$
  delete from public.token_prices r
  where r.product_id = set_prices.product_id
    and jsonb_typeof(set_prices.prices -> r.currency) = 'null';
  insert into public.token_prices (product_id, currency, amount)
  select set_prices.product_id, e.key, (e.value)::bigint
  from jsonb_each(jsonb_strip_nulls(set_prices.prices)) e order by e.key
  on conflict on constraint token_prices_pkey do update set amount = excluded.amount
$$;
comment on function coinslot.set_prices(text, jsonb) is
'Sets the prices in these currencies and leaves the others; null takes a price away.';
revoke all on function coinslot.set_prices(text, jsonb) from public;

-- 0 days, and a date without end, take the rule away; to give one takes the other away.
create function coinslot.check_product_expiry(
  tokens bigint, tokens_last_days integer, tokens_end_at timestamptz
) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_argument text := case
    when tokens_last_days not between 0 and 36500 then 'tokens_last_days'
    when isfinite(tokens_end_at) and (
      tokens_end_at <= clock_timestamp() or tokens_end_at >= '10000-01-01 00:00:00+00'
    ) or tokens_end_at = '-infinity' then 'tokens_end_at'
    when num_nonnulls(nullif(tokens_last_days, 0), nullif(tokens_end_at, 'infinity')) = 2
      or tokens = 0
      and num_nonnulls(nullif(tokens_last_days, 0), nullif(tokens_end_at, 'infinity')) > 0
    then 'tokens_last_days'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', v_argument, 'example', case v_argument
        when 'tokens_last_days' then to_jsonb(365)
        else to_jsonb(date_trunc('day', clock_timestamp() + interval '1 year')) end
    ));
  end if;
end
$$;
comment on function coinslot.check_product_expiry(bigint, integer, timestamptz) is
'PT400 for a rule that no tokens can have; null leaves the rule that there is.';
revoke all on function coinslot.check_product_expiry(bigint, integer, timestamptz) from public;

create function coinslot.set_expiry(
  product_id text, tokens_last_days integer, tokens_end_at timestamptz
) returns void
language sql volatile set search_path = '' as $$
  update public.token_products p set
    tokens_last_days = case when p.tokens > 0 then nullif(set_expiry.tokens_last_days, 0) end,
    tokens_end_at = case when p.tokens > 0 then nullif(set_expiry.tokens_end_at, 'infinity') end
  where p.id = set_expiry.product_id
    and (num_nonnulls(set_expiry.tokens_last_days, set_expiry.tokens_end_at) > 0 or p.tokens = 0)
$$;
comment on function coinslot.set_expiry(text, integer, timestamptz) is
'Sets how long the tokens of a product last; nothing given leaves it.';
revoke all on function coinslot.set_expiry(text, integer, timestamptz) from public;

-- What is given is set, the rest stays: called twice, it is as it was after the first call. The
-- product is locked until its prices are in, but not against orders that refer to it.
create function coinslot.set_product(
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
  perform coinslot.begin_prices_of(set_product.id);
  perform coinslot.set_prices(set_product.id, set_product.prices);
  perform coinslot.set_expiry(
    set_product.id, set_product.tokens_last_days, set_product.tokens_end_at
  );
  select p.* into v_new from coinslot.list_products(set_product.id) p;
  return v_new;
end
$$;
comment on function coinslot.set_product(
  text, text, text, bigint, jsonb, integer, timestamptz
) is 'See public.coinslot_set_product.';
revoke all on function coinslot.set_product(
  text, text, text, bigint, jsonb, integer, timestamptz
) from public;
grant execute on function coinslot.set_product(
  text, text, text, bigint, jsonb, integer, timestamptz
) to service_role;

create function public.coinslot_set_product(
  id text,
  name text default null,
  name_ko text default null,
  tokens bigint default null,
  prices jsonb default null,
  tokens_last_days integer default null,
  tokens_end_at timestamptz default null
) returns public.coinslot_product
language sql volatile set search_path = '' as $$
  select coinslot.set_product(coinslot_set_product.id, coinslot_set_product.name,
    coinslot_set_product.name_ko, coinslot_set_product.tokens, coinslot_set_product.prices,
    coinslot_set_product.tokens_last_days, coinslot_set_product.tokens_end_at)
$$;
comment on function public.coinslot_set_product(
  text, text, text, bigint, jsonb, integer, timestamptz
) is
'Service: puts a product on sale, or changes what is given of one; 0 tokens: a single thing. Its
tokens expire so many days after a purchase, or at a time; 0 or infinity: never.';
revoke all on function public.coinslot_set_product(
  text, text, text, bigint, jsonb, integer, timestamptz
)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_set_product(
  text, text, text, bigint, jsonb, integer, timestamptz
) to service_role;

-- The foreign key of orders decides, so that an order which is just being made is seen as well.
-- Postgres 18 has another name for what it says.
create function coinslot.remove_product(id text) returns text
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
comment on function coinslot.remove_product(text) is 'See public.coinslot_remove_product.';
revoke all on function coinslot.remove_product(text) from public;
grant execute on function coinslot.remove_product(text) to service_role;

create function public.coinslot_remove_product(id text) returns text
language sql volatile set search_path = '' as $$
  select coinslot.remove_product(coinslot_remove_product.id)
$$;
comment on function public.coinslot_remove_product(text) is
'Service: takes a product off sale: deleted, or switched_off if it has orders; null: no such one.';
revoke all on function public.coinslot_remove_product(text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_remove_product(text) to service_role;
