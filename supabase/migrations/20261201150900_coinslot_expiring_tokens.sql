-- Tokens that expire: grants with a time, and products whose tokens last so long. Nothing expires
-- unless somebody says so.
--
-- Calls are told by the names of their arguments: who does not know the new ones calls as before.
set local lock_timeout = '3s';

create function coinslot.check_expiry(expires_at timestamptz, now timestamptz) returns void
language plpgsql stable set search_path = '' as $$
begin
  if check_expiry.expires_at <= check_expiry.now
    or check_expiry.expires_at >= '10000-01-01 00:00:00+00'
  then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'expires_at', 'after', check_expiry.now, 'before', '10000-01-01T00:00:00Z'
    ));
  end if;
end
$$;
comment on function coinslot.check_expiry(timestamptz, timestamptz) is
'PT400 for a time that has passed, or beyond the year 9999; null = never is right.';
revoke all on function coinslot.check_expiry(timestamptz, timestamptz) from public;

drop function public.add_tokens(uuid, bigint, text, text, text);
drop function coinslot.add_tokens(uuid, bigint, text, text, text);

-- Granting by hand or by an app's own rules. A grant adds; an adjustment corrects and may also
-- take, but never what the user does not have. A repeated call is told what it did the first time,
-- though its time may have passed.
create function coinslot.add_tokens(
  user_id uuid, amount bigint, idempotency_key text, reason text, kind text,
  expires_at timestamptz default null
) returns public.token_receipt
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_entry public.token_ledger := coinslot.new_entry(
    add_tokens.user_id, add_tokens.kind, add_tokens.amount, 'service',
    add_tokens.idempotency_key, null, add_tokens.reason
  );
  v_wallet public.token_wallets;
  v_now timestamptz;
  v_receipt public.token_receipt;
begin
  if (add_tokens.kind in ('grant', 'adjustment')) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "kind"}');
  elsif add_tokens.amount < 0 and add_tokens.expires_at is not null then
    perform coinslot.fail('invalid_argument', '{"argument": "expires_at"}');
  end if;
  perform coinslot.check_call(
    case
      when add_tokens.kind = 'adjustment' and add_tokens.amount between -coinslot.max_amount() and 0
      then -add_tokens.amount
      else add_tokens.amount
    end,
    add_tokens.idempotency_key, add_tokens.reason, '{}'
  );
  if add_tokens.amount < 0 then
    return coinslot.debit_slowly(v_entry);
  end if;
  v_wallet := coinslot.lock_wallet(add_tokens.user_id);
  v_receipt := coinslot.find_replay(v_entry);
  if v_receipt.seq is not null then
    return v_receipt;
  end if;
  perform coinslot.check_open(v_wallet);
  if v_wallet.held > 0 then
    perform coinslot.refuse_held_key(add_tokens.user_id, add_tokens.idempotency_key);
  end if;
  v_now := coinslot.wallet_time(v_wallet);
  perform coinslot.check_expiry(add_tokens.expires_at, v_now);
  if v_wallet.tokens > coinslot.max_amount() - add_tokens.amount then
    perform coinslot.fail('invalid_amount', jsonb_build_object('tokens', v_wallet.tokens));
  end if;
  return coinslot.post_credit(v_entry, v_wallet, v_now, add_tokens.expires_at);
end
$$;
comment on function coinslot.add_tokens(uuid, bigint, text, text, text, timestamptz) is
'See public.add_tokens.';
revoke all on function coinslot.add_tokens(uuid, bigint, text, text, text, timestamptz) from public;
grant execute on function coinslot.add_tokens(uuid, bigint, text, text, text, timestamptz)
to service_role;

create function public.add_tokens(
  user_id uuid, amount bigint, idempotency_key text, reason text default '',
  kind text default 'grant', expires_at timestamptz default null
) returns public.token_receipt
language sql volatile set search_path = '' as $$
  select coinslot.add_tokens(
    add_tokens.user_id, add_tokens.amount, add_tokens.idempotency_key, add_tokens.reason,
    add_tokens.kind, add_tokens.expires_at
  )
$$;
comment on function public.add_tokens(uuid, bigint, text, text, text, timestamptz) is
'Service: gives a user tokens (kind grant) or corrects a balance (kind adjustment, may be
negative), once per idempotency key of the service. With expires_at they expire then.';
revoke all on function public.add_tokens(uuid, bigint, text, text, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function public.add_tokens(uuid, bigint, text, text, text, timestamptz)
to service_role;

-- ---- products ----

-- New columns come last.
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
  p.tokens_end_at
from public.token_products as p
inner join public.token_prices as r on p.id = r.product_id
where p.active and (p.tokens_end_at is null or p.tokens_end_at > statement_timestamp())
window pack as (partition by p.kind, r.currency order by p.tokens, r.amount);
comment on column public.token_offers.tokens_last_days is
'Days after the purchase that its tokens expire; null = no such rule.';
comment on column public.token_offers.tokens_end_at is
'When its tokens expire; null = no such rule. With neither they never do.';

-- squawk-ignore changing-column-type
alter type public.coinslot_product add attribute tokens_last_days integer;
alter type public.coinslot_product add attribute tokens_end_at timestamptz;
comment on type public.coinslot_product is
'A product with its prices by currency in minor units. Not active: off sale. How long its tokens
last: null = for ever.';

create or replace function coinslot.list_products(id text default null)
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

drop function public.coinslot_set_product(text, text, text, bigint, jsonb);
drop function coinslot.set_product(text, text, text, bigint, jsonb);

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

-- ---- orders ----

-- An order keeps how long its tokens last, as it keeps its price. What nobody could use is not
-- sold.
create or replace function coinslot.quote_order(
  user_id uuid, product_id text, gateway text, currency text, idempotency_key text
) returns public.token_payments
language plpgsql stable set search_path = '' as $$
declare
  v_order public.token_payments;
begin
  select p.id, p.name, p.tokens, p.tokens_last_days, p.tokens_end_at
  into v_order.product_id, v_order.name, v_order.tokens, v_order.tokens_last_days,
    v_order.tokens_end_at
  from public.token_products p
  where p.id = quote_order.product_id and p.active
    and (p.tokens_end_at is null or p.tokens_end_at > clock_timestamp());
  if not found then
    perform coinslot.fail(
      'product_not_found', jsonb_build_object('product_id', left(quote_order.product_id, 63))
    );
  end if;
  v_order.gateway := coinslot.selling_gateway(quote_order.gateway, quote_order.currency);
  select r.currency, r.amount into v_order.currency, v_order.amount
  from public.token_prices r
  where r.product_id = quote_order.product_id and r.currency = quote_order.currency;
  if not found then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'currency', 'known', (
        select jsonb_agg(r.currency order by r.currency)
        from public.token_prices r where r.product_id = quote_order.product_id
      )
    ));
  end if;
  v_order.user_id := quote_order.user_id;
  v_order.idempotency_key := quote_order.idempotency_key;
  return v_order;
end
$$;

create or replace function coinslot.write_order(quoted public.token_payments)
returns public.token_payments
language plpgsql volatile set search_path = '' as $$
declare
  v_settings coinslot.settings;
  v_order public.token_payments;
begin
  select s.* into v_settings from coinslot.settings s where s.id;
  insert into public.token_payments as p (
    order_id, user_id, product_id, name, name_ko, gateway, method, amount, currency, tokens, live,
    idempotency_key, tokens_last_days, tokens_end_at, expires_at, deposit_until
  ) values (
    coinslot.new_order_id(v_settings.plain_order_ids), quoted.user_id, quoted.product_id,
    quoted.name,
    (select d.name_ko from public.token_products d where d.id = quoted.product_id),
    quoted.gateway, quoted.method, quoted.amount, quoted.currency, quoted.tokens,
    v_settings.mode = 'live', quoted.idempotency_key, quoted.tokens_last_days,
    quoted.tokens_end_at, clock_timestamp() + v_settings.order_lifetime,
    clock_timestamp() + greatest(v_settings.order_lifetime, v_settings.deposit_lifetime)
  ) returning p.* into v_order;
  perform coinslot.record_event(v_order, null, 'user');
  return v_order;
end
$$;

notify pgrst, 'reload schema';
