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
  prices jsonb
);
comment on type public.coinslot_product is
'A product with its prices by currency in minor units. Not active: off sale.';
revoke all on type public.coinslot_product from public;

create function coinslot.list_products(id text default null)
returns setof public.coinslot_product
language sql stable security definer set search_path = '' as $$
  select p.id, p.kind, p.name, p.name_ko, p.tokens, p.active, coalesce((
    select jsonb_object_agg(r.currency, r.amount)
    from public.token_prices r where r.product_id = p.id
  ), '{}'), p.tokens_last_days, p.tokens_end_at
  from public.token_products p
  where list_products.id is null or p.id = list_products.id
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

-- The foreign key of orders decides, so that an order which is just being made is seen as well.
-- Postgres 18 has another name for what it says.
create function coinslot.remove_product(id text) returns text
language plpgsql volatile security definer set search_path = '' as $$
begin
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
