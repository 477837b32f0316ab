-- The catalogue: what is sold, and for how much. A price is never taken from a request.

-- Currencies that people pay in, by ISO 4217: none for funds, metals and tests. A code that nobody
-- knows would be found out by the first buyer, at the gateway.
create function coinslot.currencies() returns text[]
language sql immutable parallel safe set search_path = ''
return string_to_array(
  'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD '
  'CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS '
  'GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW '
  'KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR '
  'MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR '
  'SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX '
  'USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG', ' '
);
comment on function coinslot.currencies() is 'Currencies that a price may be in.';
revoke all on function coinslot.currencies() from public;

create table public.token_products (
  id text not null,
  kind text not null,
  name text not null,
  name_ko text not null,
  tokens bigint not null default 0,
  active boolean not null default true,
  tokens_last_days integer,
  tokens_end_at timestamptz,
  constraint token_products_pkey primary key (id),
  constraint token_products_id_named check (id ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint token_products_kind_known check (kind in ('token_pack', 'one_off', 'subscription')),
  constraint token_products_tokens_fit_kind check (
    tokens between 0 and coinslot.max_amount() and (kind = 'token_pack') = (tokens > 0)
  ),
  constraint token_products_expiry_fits check (
    num_nonnulls(tokens_last_days, tokens_end_at) <= 1 and tokens_last_days between 1 and 36500
    and tokens_end_at < '10000-01-01 00:00:00+00'
  )
);
comment on table public.token_products is 'What is sold: packs of tokens, and single things.';
comment on column public.token_products.kind is
'token_pack: credits tokens. one_off: credits none. subscription: a plan, see token_plans.';
comment on column public.token_products.active is 'False takes it off sale; its orders stay valid.';
comment on column public.token_products.tokens_last_days is
'Days after they were credited; null = no such rule.';
comment on column public.token_products.tokens_end_at is
'When all of them expire; null = no such rule. With neither they never do.';

alter table public.token_products enable row level security;
revoke all on table public.token_products from anon, authenticated, service_role;
grant select on table public.token_products to anon, authenticated, service_role;
create policy "Everybody reads products" on public.token_products
for select to anon, authenticated using (true);

create table public.token_prices (
  product_id text not null,
  currency text not null,
  amount bigint not null,
  constraint token_prices_pkey primary key (product_id, currency),
  constraint token_prices_product_id_fkey foreign key (product_id)
  references public.token_products (id) on delete cascade,
  constraint token_prices_currency_is_iso_4217 check (currency = any(coinslot.currencies())),
  constraint token_prices_amount_positive check (amount between 1 and coinslot.max_amount())
);
comment on table public.token_prices is 'Price of a product in each currency it is sold in.';
comment on column public.token_prices.amount is 'Minor units: won for KRW, cents for USD.';

alter table public.token_prices enable row level security;
revoke all on table public.token_prices from anon, authenticated, service_role;
grant select on table public.token_prices to anon, authenticated, service_role;
create policy "Everybody reads prices" on public.token_prices
for select to anon, authenticated using (true);

-- A price that is to be asked from a time on. Until then nobody but operators sees it. From then on
-- it is the price, whoever has written it into token_prices since or not: so there is no gap. An
-- order has the price of when it was called for.
create table coinslot.planned_prices (
  product_id text not null,
  currency text not null,
  starts_at timestamptz not null,
  amount bigint not null,
  constraint planned_prices_pkey primary key (product_id, currency, starts_at),
  constraint planned_prices_product_id_fkey foreign key (product_id, currency)
  references public.token_prices (product_id, currency) on delete cascade,
  constraint planned_prices_amount_positive check (amount between 1 and coinslot.max_amount())
);
comment on table coinslot.planned_prices is
'Prices that are asked from a time on, until they are written into token_prices.';
create index planned_prices_starts_at on coinslot.planned_prices (starts_at);
alter table coinslot.planned_prices enable row level security;
revoke all on table coinslot.planned_prices from anon, authenticated, service_role;
create policy "Nobody reads planned prices through the API" on coinslot.planned_prices
for select to anon, authenticated using (false);

create function coinslot.price_at(
  product_id text, currency text, amount bigint, at timestamptz
) returns bigint
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return coalesce((
    select p.amount from coinslot.planned_prices p
    where p.product_id = price_at.product_id and p.currency = price_at.currency
      and p.starts_at <= price_at.at
    order by p.starts_at desc limit 1
  ), price_at.amount);
end
$$;
comment on function coinslot.price_at(text, text, bigint, timestamptz) is
'The price at a time, of a row of token_prices.';
revoke all on function coinslot.price_at(text, text, bigint, timestamptz) from public;

create function coinslot.price_now(product_id text, currency text, amount bigint) returns bigint
language plpgsql stable security definer set search_path = '' as $$
begin
  return coinslot.price_at(
    price_now.product_id, price_now.currency, price_now.amount, statement_timestamp()
  );
end
$$;
comment on function coinslot.price_now(text, text, bigint) is
'The price that is asked now, of a row of token_prices.';
revoke all on function coinslot.price_now(text, text, bigint) from public;
grant execute on function coinslot.price_now(text, text, bigint)
to anon, authenticated, service_role;

-- Three packs to begin with. Single things are each app's own.
insert into public.token_products (id, kind, name, name_ko, tokens) values
('starter', 'token_pack', 'Starter Pack', '스타터 팩', 10),
('standard', 'token_pack', 'Standard Pack', '스탠다드 팩', 30),
('premium', 'token_pack', 'Premium Pack', '프리미엄 팩', 100);

insert into public.token_prices (product_id, currency, amount) values
('starter', 'KRW', 5000), ('starter', 'USD', 400),
('standard', 'KRW', 12000), ('standard', 'USD', 960),
('premium', 'KRW', 35000), ('premium', 'USD', 2800);

-- The discount compares a token's price with its price in the smallest pack of the same currency,
-- rounded down: a badge never promises more than is given.
create view public.token_offers with (security_invoker = true) as
select
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
  p.tokens_end_at
from public.token_products as p
inner join public.token_prices as r on p.id = r.product_id
where p.active and (p.tokens_end_at is null or p.tokens_end_at > statement_timestamp())
window pack as (partition by p.kind, r.currency order by p.tokens, r.amount);
comment on view public.token_offers is 'What is on sale: one row for each product and currency.';
comment on column public.token_offers.discount_percent is
'How much cheaper a token is than in the smallest pack.';
comment on column public.token_offers.tokens_last_days is
'Days after the purchase that its tokens expire; null = no such rule.';
comment on column public.token_offers.tokens_end_at is
'When its tokens expire; null = no such rule. With neither they never do.';
revoke all on table public.token_offers from anon, authenticated, service_role;
grant select on table public.token_offers to anon, authenticated, service_role;
