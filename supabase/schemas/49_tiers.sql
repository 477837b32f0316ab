-- Volume discounts: several packs in one order, and tiers by their number. The price of an order is
-- computed here, and kept in it: what its gateway must have been paid is that.

-- What no gateway charges less than, and in what steps: a discount never goes below it. A price of
-- the catalogue may: it is the shop's own. Where nobody knows the least there is no discount.
create table coinslot.charges (
  currency text not null,
  least bigint,
  step bigint not null default 1,
  constraint charges_pkey primary key (currency),
  constraint charges_currency_shaped check (currency ~ '^[A-Z]{3}$'),
  constraint charges_positive check (least > 0 and step > 0)
);
comment on table coinslot.charges is 'The smallest amounts that a discount may lead to.';
comment on column coinslot.charges.least is 'Minor units; null = nobody knows: no discount.';
comment on column coinslot.charges.step is
'Amounts are multiples of it: a third decimal that is not 0 cannot be charged.';
alter table coinslot.charges enable row level security;
revoke all on table coinslot.charges from anon, authenticated, service_role;
create policy "Nobody reads charges through the API" on coinslot.charges
for select to anon, authenticated using (false);
-- Won: what is wanted of a bank account, which is more than of a card. The others: of a currency
-- that is also the one of the shop's bank account; of three-decimal ones no least is known.
insert into coinslot.charges (currency, least) values
('KRW', 200), ('USD', 50), ('AED', 200), ('AUD', 50), ('BRL', 50), ('CAD', 50), ('CHF', 50),
('CZK', 1500), ('DKK', 250), ('EUR', 50), ('GBP', 30), ('HKD', 400), ('HUF', 17500), ('INR', 50),
('JPY', 50), ('MXN', 1000), ('MYR', 200), ('NOK', 300), ('NZD', 50), ('PLN', 200), ('RON', 200),
('SEK', 300), ('SGD', 50), ('THB', 1000);
insert into coinslot.charges (currency, step) values
('BHD', 10), ('JOD', 10), ('KWD', 10), ('OMR', 10), ('TND', 10);

create table public.token_tiers (
  product_id text not null,
  quantity integer not null,
  percent_off integer not null,
  constraint token_tiers_pkey primary key (product_id, quantity),
  constraint token_tiers_product_id_fkey foreign key (product_id)
  references public.token_products (id) on delete cascade,
  constraint token_tiers_quantity_several check (quantity between 2 and 1000),
  constraint token_tiers_percent_off_in_range check (percent_off between 1 and 90)
);
comment on table public.token_tiers is 'How much cheaper several packs in one order are.';
comment on column public.token_tiers.quantity is 'From so many packs on.';
comment on column public.token_tiers.percent_off is 'Of the price of all of them.';
alter table public.token_tiers enable row level security;
revoke all on table public.token_tiers from anon, authenticated, service_role;
grant select on table public.token_tiers to anon, authenticated, service_role;
create policy "Everybody reads tiers" on public.token_tiers
for select to anon, authenticated using (true);

-- Rounded down, in the buyer's favour, and never above what it would cost without a discount.
create function coinslot.discounted(listed bigint, amount numeric, currency text)
returns bigint
language sql stable set search_path = '' as $$
  select case when c.least is null then discounted.listed
    else least(discounted.listed::numeric, greatest(
      c.least, floor(discounted.amount / c.step) * c.step
    ))::bigint
  end
  from (select discounted.currency as code) o
  left join coinslot.charges c on c.currency = o.code
$$;
comment on function coinslot.discounted(bigint, numeric, text) is
'A discounted amount as it can be charged; the whole one where nobody knows what can be.';
revoke all on function coinslot.discounted(bigint, numeric, text) from public;
grant execute on function coinslot.discounted(bigint, numeric, text) to service_role;

create function coinslot.tiered(product_id text, currency text, price bigint, quantity integer)
returns bigint
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return (
    select case when t.percent_off is null then tiered.price * tiered.quantity
      else coinslot.discounted(
        tiered.price * tiered.quantity,
        tiered.price::numeric * tiered.quantity * (100 - t.percent_off) / 100, tiered.currency
      ) end
    from (select tiered.quantity as packs) o
    left join lateral (
      select i.percent_off from public.token_tiers i
      where i.product_id = tiered.product_id and i.quantity <= o.packs
      order by i.quantity desc limit 1
    ) t on true
  );
end
$$;
comment on function coinslot.tiered(text, text, bigint, integer) is
'What so many packs cost together.';
revoke all on function coinslot.tiered(text, text, bigint, integer) from public;

-- For everybody who reads what is on sale, and who sees no charges: hence not as whoever asks.
create function coinslot.tiers_of(product_id text, currency text, price bigint, tokens bigint)
returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'quantity', t.quantity, 'percent_off', t.percent_off, 'tokens', tiers_of.tokens * t.quantity,
    'amount', coinslot.tiered(
      tiers_of.product_id, tiers_of.currency, tiers_of.price, t.quantity
    )
  ) order by t.quantity), '[]')
  from public.token_tiers t where t.product_id = tiers_of.product_id
$$;
comment on function coinslot.tiers_of(text, text, bigint, bigint) is
'The tiers of a product with what they cost: [{quantity, percent_off, tokens, amount}].';
revoke all on function coinslot.tiers_of(text, text, bigint, bigint) from public;
grant execute on function coinslot.tiers_of(text, text, bigint, bigint)
to anon, authenticated, service_role;

-- New columns come last.
create or replace view public.token_offers with (security_invoker = true) as
select -- noqa: ST06
  p.id,
  p.kind,
  p.name,
  p.name_ko,
  p.tokens,
  r.currency,
  n.amount,
  case when p.kind = 'token_pack' then greatest(0, floor(
    100 - 100.0 * n.amount * first_value(p.tokens) over pack
    / (p.tokens * first_value(n.amount) over pack)
  ))::integer else 0 end as discount_percent,
  p.tokens_last_days,
  p.tokens_end_at,
  coinslot.tiers_of(p.id, r.currency, n.amount, p.tokens) as tiers
from public.token_products as p
inner join public.token_prices as r on p.id = r.product_id
cross join lateral coinslot.price_now(r.product_id, r.currency, r.amount) as n (amount)
where
  p.active and p.kind <> 'subscription'
  and (p.tokens_end_at is null or p.tokens_end_at > statement_timestamp())
window pack as (partition by p.kind, r.currency order by p.tokens, n.amount);
comment on column public.token_offers.tiers is
'Several in one order: [{quantity, percent_off, tokens, amount}], of all of them together.';

-- Several of a single thing are several orders: an app delivers one for each.
create function coinslot.check_quantity(product public.token_products, quantity integer)
returns void
language plpgsql stable set search_path = '' as $$
declare
  v_most integer := case when product.tokens = 0 then 1 else (
    select least(s.max_quantity, coinslot.max_amount() / product.tokens)
    from coinslot.settings s where s.id
  ) end;
begin
  if (check_quantity.quantity between 1 and v_most) is not true then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'quantity', 'min', 1, 'max', v_most
    ));
  end if;
end
$$;
comment on function coinslot.check_quantity(public.token_products, integer) is
'PT400 unless so many of a product can be in one order.';
revoke all on function coinslot.check_quantity(public.token_products, integer) from public;

create function coinslot.check_tiers(tiers jsonb) returns void
language plpgsql stable set search_path = '' as $$
begin
  if jsonb_typeof(check_tiers.tiers) is distinct from 'object' or exists (
    select from jsonb_each(
      case jsonb_typeof(check_tiers.tiers) when 'object' then check_tiers.tiers end
    ) e
    where e.key !~ '^[1-9][0-9]{0,3}$' or e.key::numeric not between 2 and 1000
      or jsonb_typeof(e.value) <> 'number' or e.value::text !~ '^[0-9]{1,2}$'
      or e.value::text::numeric not between 1 and 90
  ) then
    perform coinslot.fail('invalid_argument', '{"argument": "tiers", "example": {"5": 10}}');
  end if;
end
$$;
comment on function coinslot.check_tiers(jsonb) is 'PT400 for what cannot be tiers.';
revoke all on function coinslot.check_tiers(jsonb) from public;

create function coinslot.get_tiers(product_id text) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_object_agg(t.quantity, t.percent_off), '{}')
  from public.token_tiers t where t.product_id = get_tiers.product_id
$$;
comment on function coinslot.get_tiers(text) is 'The tiers of a product: {quantity: percent off}.';
revoke all on function coinslot.get_tiers(text) from public;

-- All tiers of a product at once: what is not given is gone.
create function coinslot.set_tiers(product_id text, tiers jsonb, reason text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_old jsonb := coinslot.get_tiers(set_tiers.product_id);
begin
  perform coinslot.check_tiers(set_tiers.tiers);
  perform from public.token_products p
  where p.id = set_tiers.product_id and p.kind = 'token_pack' for no key update;
  if not found then
    perform coinslot.fail(
      'product_not_found', jsonb_build_object('product_id', left(set_tiers.product_id, 63))
    );
  end if;
  delete from public.token_tiers t where t.product_id = set_tiers.product_id;
  insert into public.token_tiers (product_id, quantity, percent_off)
  select set_tiers.product_id, e.key::integer, e.value::text::integer
  from jsonb_each(set_tiers.tiers) e;
  perform coinslot.note_action('tiers_set', set_tiers.product_id, set_tiers.reason,
    jsonb_build_object('from', v_old, 'to', set_tiers.tiers));
  return coinslot.get_tiers(set_tiers.product_id);
end
$$;
comment on function coinslot.set_tiers(text, jsonb, text) is 'See public.coinslot_set_tiers.';
revoke all on function coinslot.set_tiers(text, jsonb, text) from public;
grant execute on function coinslot.set_tiers(text, jsonb, text) to service_role;

create function public.coinslot_set_tiers(product_id text, tiers jsonb, reason text default '')
returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.set_tiers(
    coinslot_set_tiers.product_id, coinslot_set_tiers.tiers, coinslot_set_tiers.reason
  )
$$;
comment on function public.coinslot_set_tiers(text, jsonb, text) is
'Service: sets all volume discounts of a pack: {quantity: percent off}, such as {"5": 10}.';
revoke all on function public.coinslot_set_tiers(text, jsonb, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_set_tiers(text, jsonb, text) to service_role;

create function coinslot.set_token_tiers(product_id text, reason text, tiers jsonb) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.require_owner(set_token_tiers.reason);
  return coinslot.set_tiers(
    set_token_tiers.product_id, set_token_tiers.tiers, set_token_tiers.reason
  );
end
$$;
comment on function coinslot.set_token_tiers(text, text, jsonb) is 'See public.set_token_tiers.';
revoke all on function coinslot.set_token_tiers(text, text, jsonb) from public;
grant execute on function coinslot.set_token_tiers(text, text, jsonb) to authenticated;

create function public.set_token_tiers(product_id text, reason text, tiers jsonb) returns jsonb
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.set_token_tiers(
    set_token_tiers.product_id, set_token_tiers.reason, set_token_tiers.tiers
  )
$$;
comment on function public.set_token_tiers(text, text, jsonb) is
'Operators, owner: the same as coinslot_set_tiers, with a reason.';
revoke all on function public.set_token_tiers(text, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.set_token_tiers(text, text, jsonb) to authenticated;
