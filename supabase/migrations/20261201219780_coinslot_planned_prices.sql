-- Prices that are planned.

select coinslot.lock_for_upgrade(array[
  'public.token_products', 'public.token_prices'
]::regclass[]);

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

-- What has begun is written down before anything else is, which is newer than it.
create function coinslot.begin_prices_of(product_id text) returns bigint
language sql volatile set search_path = '' as $$
  with begun as (
    delete from coinslot.planned_prices p
    where p.product_id = begin_prices_of.product_id and p.starts_at <= statement_timestamp()
    returning p.*
  ), last as (
    select distinct on (b.currency) b.currency, b.amount from begun b
    order by b.currency, b.starts_at desc
  ), written as (
    update public.token_prices r set amount = l.amount from last l
    where r.product_id = begin_prices_of.product_id and r.currency = l.currency
    returning 1
  )
  select count(*) from begun
$$;
comment on function coinslot.begin_prices_of(text) is
'Writes the prices of a product that have begun into token_prices; how many had.';
revoke all on function coinslot.begin_prices_of(text) from public;

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

-- Each with the price that is asked just before.
create function coinslot.planned_of(product_id text) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'currency', n.currency, 'starts_at', n.starts_at, 'amount', n.amount,
    'from', coinslot.price_at(
      n.product_id, n.currency, r.amount, n.starts_at - interval '1 microsecond'
    )
  ) order by n.starts_at, n.currency), '[]')
  from coinslot.planned_prices n
  inner join public.token_prices r on r.product_id = n.product_id and r.currency = n.currency
  where n.product_id = planned_of.product_id and n.starts_at > statement_timestamp()
$$;
comment on function coinslot.planned_of(text) is
'Prices of a product that are still to begin: [{currency, starts_at, amount, from}].';
revoke all on function coinslot.planned_of(text) from public;

create or replace function coinslot.list_products(id text default null)
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
  perform coinslot.begin_prices_of(set_product.id);
  perform coinslot.set_prices(set_product.id, set_product.prices);
  perform coinslot.set_expiry(
    set_product.id, set_product.tokens_last_days, set_product.tokens_end_at
  );
  select p.* into v_new from coinslot.list_products(set_product.id) p;
  return v_new;
end
$$;

create or replace function coinslot.quote_order(
  user_id uuid, product_id text, gateway text, currency text, idempotency_key text,
  quantity integer
) returns public.token_payments
language plpgsql stable set search_path = '' as $$
declare
  v_product public.token_products := coinslot.product_on_sale(quote_order.product_id);
  v_order public.token_payments := coinslot.order_of(v_product, quote_order.quantity);
begin
  v_order.gateway := coinslot.selling_gateway(quote_order.gateway, quote_order.currency);
  select r.currency, coinslot.tiered(r.product_id, r.currency, n.amount, v_order.quantity),
    n.amount * v_order.quantity
  into v_order.currency, v_order.amount, v_order.list_amount
  from public.token_prices r
  cross join coinslot.price_now(r.product_id, r.currency, r.amount) n (amount)
  where r.product_id = quote_order.product_id and r.currency = quote_order.currency;
  if not found then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'currency', 'known', (
        select jsonb_agg(r.currency order by r.currency)
        from public.token_prices r where r.product_id = quote_order.product_id
      )
    ));
  end if;
  if v_order.list_amount > coinslot.max_amount() then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'quantity', 'min', 1,
      'max', coinslot.max_amount() / (v_order.list_amount / v_order.quantity)
    ));
  end if;
  v_order.user_id := quote_order.user_id;
  v_order.idempotency_key := quote_order.idempotency_key;
  return v_order;
end
$$;

create or replace function coinslot.is_asked(payment public.token_payments) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select from public.token_products d
    inner join public.token_prices r on r.product_id = d.id
    cross join coinslot.price_now(r.product_id, r.currency, r.amount) n (amount)
    where d.id = payment.product_id and d.active
      and d.tokens * payment.quantity = payment.tokens and r.currency = payment.currency
      and coinslot.tiered(r.product_id, r.currency, n.amount, payment.quantity) = payment.amount
  )
$$;

create or replace function coinslot.top_up_bar(top_up coinslot.top_ups) returns text
language sql stable set search_path = '' set enable_seqscan = off as $$
  select case
    when top_up.live <> coinslot.is_live() then 'test'
    when not exists (
      select from coinslot.gateways g where g.id = top_up.gateway and g.unattended = 'at_will'
    ) then 'not_allowed'
    when exists (
      select from auth.users u
      where u.id = top_up.user_id and u.banned_until > clock_timestamp()
    ) then 'banned'
    when exists (
      select from coinslot.top_up_orders o
      inner join public.token_payments p on p.id = o.payment_id
      where o.user_id = top_up.user_id and o.created_at > clock_timestamp() - interval '30 days'
        and p.refunded + p.withdrawn + p.disputed > 0
    ) then 'money_back'
    when exists (
      select from coinslot.top_up_charges h
      inner join public.token_payments p on p.id = h.payment_id
      where h.user_id = top_up.user_id and h.state = 'review' and p.status = 'review'
    ) then 'money_in_review'
    when not exists (
      select from coinslot.billing_keys k
      where k.id = top_up.method_id and k.status = 'active' and k.broken_at is null
    ) then 'no_method'
    when not exists (
      select from public.token_products d
      inner join public.token_prices r on r.product_id = d.id
      where d.id = top_up.product_id and d.active and d.tokens = top_up.tokens
        and r.currency = top_up.currency
        and coinslot.price_now(r.product_id, r.currency, r.amount) = top_up.amount
    ) then 'price_changed'
  end
$$;

create or replace function coinslot.roles_for(action text) returns text[]
language sql immutable parallel safe set search_path = ''
return case
  when action in ('note_order', 'note_customer', 'recheck_order', 'cancel_subscription')
    then array['support', 'finance', 'owner']
  when action = 'reveal_customer' then array['support', 'owner']
  when action = any(array[
    'refund_order', 'force_refund', 'accept_refund', 'close_refund', 'grant_tokens', 'take_tokens',
    'resolve_case', 'replay_webhook', 'replay_webhooks', 'void_orders', 'export', 'start_export',
    'remove_export'
  ]) then array['finance', 'owner']
  when action = any(array[
    'set_product', 'remove_product', 'set_promotion', 'set_code', 'make_codes', 'set_operator',
    'remove_operator', 'set_endpoint', 'test_endpoint', 'replay_endpoint', 'set_settings',
    'set_seller', 'set_unattended', 'plan_price', 'unplan_price'
  ]) then array['owner']
end;

create or replace function coinslot.list_catalogue() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(
    to_jsonb(p) || jsonb_build_object('planned', coinslot.planned_of(p.id))
  ), '[]')
  from coinslot.list_products() p
$$;
comment on function coinslot.list_catalogue() is
'All products with their prices, and those that are planned.';

create or replace function coinslot.console_me(operator coinslot.operators) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'user_id', operator.user_id, 'role', operator.role, 'limits', operator.limits,
    'email', (select u.email from auth.users u where u.id = operator.user_id),
    'live', coinslot.is_live(),
    'gateways', (
      select jsonb_object_agg(g.id, g.name) from coinslot.gateways g where g.active
    ),
    'statuses', (select jsonb_agg(s.status order by s.status) from coinslot.payment_statuses s),
    'currencies', (
      select coalesce(jsonb_agg(distinct r.currency), '[]') from public.token_prices r
    ),
    'can', (
      select jsonb_object_agg(a, coinslot.may_do(operator, a))
      from unnest(array[
        'note_order', 'note_customer', 'recheck_order', 'refund_order', 'grant_tokens',
        'reveal_customer', 'take_tokens', 'accept_refund', 'close_refund', 'resolve_case',
        'replay_webhook', 'replay_webhooks', 'void_orders', 'force_refund', 'export',
        'set_product', 'remove_product', 'set_promotion', 'set_code', 'make_codes',
        'set_operator', 'remove_operator', 'cancel_subscription', 'set_endpoint', 'test_endpoint',
        'replay_endpoint', 'set_settings', 'set_seller', 'set_unattended', 'plan_price'
      ]) a
    )
  )
$$;

-- Prices that are planned: from a time on something costs something else.

create function coinslot.max_planned() returns integer
language sql immutable parallel safe set search_path = ''
return 10;
comment on function coinslot.max_planned() is 'Planned prices of a product in a currency, at most.';
revoke all on function coinslot.max_planned() from public;

-- Under the lock of the product, as all of its prices are changed: of two operators one is told.
create function coinslot.plan_price(
  product_id text, currency text, amount bigint, starts_at timestamptz, expected bigint,
  reason text
) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_from bigint;
begin
  select coinslot.price_at(
    r.product_id, r.currency, r.amount, plan_price.starts_at - interval '1 microsecond'
  ) into v_from
  from public.token_prices r
  where r.product_id = plan_price.product_id and r.currency = plan_price.currency;
  if not found then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'currency', 'reason', 'The product has no price in it.'
    ));
  elsif (plan_price.amount between 1 and coinslot.max_amount()) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "amount", "min": 1}');
  elsif (
    plan_price.starts_at > clock_timestamp()
    and plan_price.starts_at < clock_timestamp() + interval '2 years'
  ) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "starts_at", "years": 2}');
  elsif plan_price.expected <> v_from then
    perform coinslot.fail('changed_meanwhile', jsonb_build_object('amount', v_from));
  elsif (
    select count(*) from coinslot.planned_prices p
    where p.product_id = plan_price.product_id and p.currency = plan_price.currency
      and p.starts_at <> plan_price.starts_at
  ) >= coinslot.max_planned() then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'starts_at', 'most', coinslot.max_planned()
    ));
  end if;
  insert into coinslot.planned_prices as p (product_id, currency, starts_at, amount) values (
    plan_price.product_id, plan_price.currency, plan_price.starts_at, plan_price.amount
  ) on conflict on constraint planned_prices_pkey do update set amount = excluded.amount;
  perform coinslot.note_action('price_planned', plan_price.product_id, plan_price.reason,
    jsonb_build_object('currency', plan_price.currency, 'starts_at', plan_price.starts_at,
      'from', jsonb_build_object('price', v_from),
      'to', jsonb_build_object('price', plan_price.amount)));
  return coinslot.planned_of(plan_price.product_id);
end
$$;
comment on function coinslot.plan_price(text, text, bigint, timestamptz, bigint, text) is
'Plans a price of a product that the caller has locked; what is planned now.';
revoke all on function coinslot.plan_price(text, text, bigint, timestamptz, bigint, text)
from public;

-- What has begun is the price, and is changed as one.
create function coinslot.unplan_price(
  product_id text, currency text, starts_at timestamptz, reason text
) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_amount bigint;
begin
  delete from coinslot.planned_prices p
  where p.product_id = unplan_price.product_id and p.currency = unplan_price.currency
    and p.starts_at = unplan_price.starts_at and p.starts_at > clock_timestamp()
  returning p.amount into v_amount;
  if not found then
    perform coinslot.fail('changed_meanwhile', jsonb_build_object(
      'planned', coinslot.planned_of(unplan_price.product_id)
    ));
  end if;
  perform coinslot.note_action('price_unplanned', unplan_price.product_id, unplan_price.reason,
    jsonb_build_object('currency', unplan_price.currency, 'starts_at', unplan_price.starts_at,
      'price', v_amount));
  return coinslot.planned_of(unplan_price.product_id);
end
$$;
comment on function coinslot.unplan_price(text, text, timestamptz, text) is
'Takes a planned price back that has not begun; what is planned now.';
revoke all on function coinslot.unplan_price(text, text, timestamptz, text) from public;

create function coinslot.act_on_price(
  action text, product_id text, reason text, arguments jsonb
) returns jsonb
language plpgsql volatile set search_path = '' as $$
begin
  perform coinslot.refuse_plan(act_on_price.product_id);
  perform from public.token_products p where p.id = act_on_price.product_id for no key update;
  if not found then
    perform coinslot.fail(
      'product_not_found', jsonb_build_object('product_id', left(act_on_price.product_id, 63))
    );
  elsif act_on_price.action = 'plan_price' then
    return coinslot.plan_price(
      act_on_price.product_id, arguments ->> 'currency',
      coinslot.whole_number(arguments, 'amount'), coinslot.time_argument(arguments, 'starts_at'),
      coinslot.whole_number(arguments, 'expected'), act_on_price.reason
    );
  end if;
  return coinslot.unplan_price(
    act_on_price.product_id, arguments ->> 'currency',
    coinslot.time_argument(arguments, 'starts_at'), act_on_price.reason
  );
end
$$;
comment on function coinslot.act_on_price(text, text, text, jsonb) is
'Plans a price or takes it back on the word of an operator.';
revoke all on function coinslot.act_on_price(text, text, text, jsonb) from public;

-- Waits for nobody: who changes a product writes down what has begun, too.
create function coinslot.begin_prices(batch integer) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_product text;
  v_begun bigint := 0;
begin
  for v_product in
    select d.id from public.token_products d
    where d.id in (
      select p.product_id from coinslot.planned_prices p
      where p.starts_at <= clock_timestamp() order by p.starts_at limit begin_prices.batch
    )
    order by d.id for no key update skip locked
  loop
    v_begun := v_begun + coinslot.begin_prices_of(v_product);
  end loop;
  return v_begun;
end
$$;
comment on function coinslot.begin_prices(integer) is
'Writes prices that have begun into token_prices; how many.';
revoke all on function coinslot.begin_prices(integer) from public;

create or replace function coinslot.do_action(
  operator coinslot.operators, action text, subject text, reason text, idempotency_key text,
  arguments jsonb
) returns jsonb
language plpgsql volatile set search_path = '' as $$
begin
  case
    when action = 'refund_order' then
      return to_jsonb(coinslot.refund_as(operator, subject,
        coinslot.whole_number(arguments, 'amount'), reason,
        coinslot.own_key(operator, idempotency_key), arguments -> 'force' = 'true',
        arguments ->> 'payment_key', nullif(arguments -> 'account', 'null')));
    when action = 'accept_refund' then
      return to_jsonb(coinslot.accept_as(
        operator, subject, nullif(arguments -> 'account', 'null'), reason));
    when action = 'close_refund' then
      return coinslot.close_as(subject, reason);
    when action in ('grant_tokens', 'take_tokens') then
      return coinslot.act_on_tokens(operator, coinslot.subject_user(subject),
        action = 'grant_tokens', coinslot.whole_number(arguments, 'tokens'), reason,
        idempotency_key, coinslot.time_argument(arguments, 'expires_at'));
    when action in ('note_order', 'recheck_order') then
      return coinslot.act_on_order(action, subject, reason);
    when action in ('note_customer', 'reveal_customer') then
      return coinslot.act_on_customer(action, coinslot.subject_user(subject), reason);
    when action = 'resolve_case' then
      return coinslot.act_on_case(subject, reason);
    when action = 'replay_webhook' then
      return coinslot.replay_as(coalesce(subject, ''), null, null, reason);
    when action = 'replay_webhooks' then
      return coinslot.replay_as(null, nullif(subject, ''), arguments ->> 'outcome', reason);
    when action = 'void_orders' then
      return jsonb_build_object('orders', coinslot.void_as(subject, reason));
    when action in ('set_product', 'remove_product') then
      return coinslot.act_on_product(action, subject, reason, arguments);
    when action in ('plan_price', 'unplan_price') then
      return coinslot.act_on_price(action, subject, reason, arguments);
    when action = 'set_promotion' then
      return to_jsonb(coinslot.set_promotion(subject, arguments, reason));
    when action = 'set_code' then
      return to_jsonb(coinslot.set_code(subject, arguments ->> 'promotion',
        coinslot.small_number(arguments, 'max_uses'),
        coalesce((arguments -> 'active') <> 'false', true), reason));
    when action = 'make_codes' then
      return to_jsonb(coinslot.make_codes(
        subject, coinslot.small_number(arguments, 'number'), reason));
    when action = 'cancel_subscription' then
      return coinslot.cancel_as(subject, reason);
    when action in ('set_endpoint', 'test_endpoint', 'replay_endpoint') then
      return coinslot.act_on_endpoint(action, subject, reason, arguments);
    when action in ('start_export', 'remove_export') then
      return coinslot.act_on_export(operator, action, subject, reason, arguments);
    when action in ('set_settings', 'set_seller', 'set_unattended') then
      return coinslot.act_on_settings(action, subject, reason, arguments);
    else
      return coinslot.act_on_operator(action, subject, reason, arguments);
  end case;
end
$$;

create or replace function coinslot.run_maintenance(batch integer) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  if (run_maintenance.batch between 1 and 10000) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "batch", "min": 1, "max": 10000}');
  end if;
  return jsonb_build_object(
    'orders_expired', coinslot.expire_orders(run_maintenance.batch),
    'wallets_swept', coinslot.expire_holds(run_maintenance.batch),
    'wallets_expired', coinslot.expire_tokens(run_maintenance.batch),
    'purged', coinslot.purge(run_maintenance.batch),
    'wallets_with_lots', coinslot.backfill_lots(run_maintenance.batch),
    'wallets_told', coinslot.spread_refills(run_maintenance.batch),
    'referrals_settled', coinslot.settle_referrals(run_maintenance.batch),
    'deposits_told', coinslot.remind_of_deposits(run_maintenance.batch),
    'expiries_told', coinslot.remind_of_expiry(run_maintenance.batch),
    'renewals_told', coinslot.remind_of_renewals('month', run_maintenance.batch)
      + coinslot.remind_of_renewals('year', run_maintenance.batch),
    'wallets_armed', coinslot.arm_wallets(run_maintenance.batch),
    'events_purged', coinslot.purge_events(run_maintenance.batch),
    'exports_purged', coinslot.purge_exports(run_maintenance.batch),
    'prices_begun', coinslot.begin_prices(run_maintenance.batch),
    'summed', coinslot.sum_reports(run_maintenance.batch)
  );
end
$$;

create or replace function public.coinslot_run_maintenance(batch integer default 500) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.run_maintenance(coinslot_run_maintenance.batch)
$$;
comment on function public.coinslot_run_maintenance(integer) is
'Service: expires orders, holds and tokens, deletes what was kept long enough, tells wallets of new
rules, rewards referrals, tells ahead of what is due, and adds up reports; {orders_expired,
wallets_swept, wallets_expired, purged, wallets_with_lots, wallets_told, referrals_settled,
deposits_told, expiries_told, renewals_told, wallets_armed, events_purged, exports_purged,
prices_begun, summed}.';

notify pgrst, 'reload schema';
