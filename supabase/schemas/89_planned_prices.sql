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
