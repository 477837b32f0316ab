-- Orders: what the signed-in user may do to a payment. Everything else about it is the gateway's
-- word, which arrives through apply_gateway_payment().

create function coinslot.record_event(
  payment public.token_payments, from_status text, source text, reason text default '',
  payment_key text default null, tokens bigint default 0
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into public.token_payment_events (
    payment_id, user_id, from_status, to_status, tokens, source, reason, payment_key
  ) values (
    payment.id, payment.user_id, record_event.from_status, payment.status, record_event.tokens,
    record_event.source, record_event.reason, record_event.payment_key
  );
end
$$;
comment on function coinslot.record_event(public.token_payments, text, text, text, text, bigint) is
'Notes what happened to a payment: from_status led to what it is now.';
revoke all on function coinslot.record_event(public.token_payments, text, text, text, text, bigint)
from public;

-- Before any gateway is asked: it might take another amount of another currency for it.
create function coinslot.selling_gateway(gateway text, currency text) returns text
language plpgsql stable set search_path = '' as $$
declare
  v_gateway coinslot.gateways;
begin
  select g.* into v_gateway
  from coinslot.gateways g where g.id = selling_gateway.gateway and g.active;
  if not found then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'gateway', 'known', (
        select jsonb_agg(g.id order by g.id) from coinslot.gateways g where g.active
      )
    ));
  end if;
  if selling_gateway.currency <> all (v_gateway.currencies) then
    perform coinslot.fail('currency_not_taken', jsonb_build_object(
      'gateway', v_gateway.id, 'currencies', v_gateway.currencies
    ));
  end if;
  return v_gateway.id;
end
$$;
comment on function coinslot.selling_gateway(text, text) is
'The gateway, if it takes orders in this currency; PT400 otherwise.';
revoke all on function coinslot.selling_gateway(text, text) from public;

-- What nobody could use is not sold.
create function coinslot.product_on_sale(id text) returns public.token_products
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
comment on function coinslot.product_on_sale(text) is 'A product that is on sale; PT404.';
revoke all on function coinslot.product_on_sale(text) from public;

-- An order keeps how long its tokens last, as it keeps its price. Its name says how many there are:
-- a gateway's window shows it.
create function coinslot.order_of(product public.token_products, quantity integer)
returns public.token_payments
language plpgsql stable set search_path = '' as $$
declare
  v_order public.token_payments;
  v_times text := case when order_of.quantity > 1 then ' × ' || order_of.quantity else '' end;
begin
  perform coinslot.check_quantity(product, order_of.quantity);
  v_order.product_id := product.id;
  v_order.name := product.name || v_times;
  v_order.name_ko := product.name_ko || v_times;
  v_order.quantity := order_of.quantity;
  v_order.tokens := product.tokens * order_of.quantity;
  v_order.tokens_last_days := product.tokens_last_days;
  v_order.tokens_end_at := product.tokens_end_at;
  return v_order;
end
$$;
comment on function coinslot.order_of(public.token_products, integer) is
'An order of so many of a product, without a price yet.';
revoke all on function coinslot.order_of(public.token_products, integer) from public;

create function coinslot.quote_order(
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
comment on function coinslot.quote_order(uuid, text, text, text, text, integer) is
'Name, tokens and price of an order, or what is wrong with it.';
revoke all on function coinslot.quote_order(uuid, text, text, text, text, integer) from public;

create function coinslot.find_order_replay(
  user_id uuid, product_id text, gateway text, currency text, idempotency_key text,
  quantity integer, promo_code text
) returns public.token_payments
language plpgsql stable set search_path = '' as $$
declare
  v_payment public.token_payments;
begin
  if find_order_replay.idempotency_key is null then
    return v_payment;
  end if;
  select p.* into v_payment from public.token_payments p
  where p.user_id = find_order_replay.user_id
    and p.idempotency_key = find_order_replay.idempotency_key;
  if found and (
    v_payment.product_id, v_payment.gateway, v_payment.currency, v_payment.quantity,
    v_payment.promo_code
  ) is distinct from (
    find_order_replay.product_id, find_order_replay.gateway, find_order_replay.currency,
    find_order_replay.quantity, find_order_replay.promo_code
  ) then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  return v_payment;
end
$$;
comment on function coinslot.find_order_replay(uuid, text, text, text, text, integer, text) is
'The order of an earlier identical call, or null.';
revoke all on function coinslot.find_order_replay(uuid, text, text, text, text, integer, text)
from public;

-- Two caps: of what is open at a time, which cancelling makes room in, and of what comes to nothing
-- within an hour, so that whoever orders and cancels without end stops, too. What waits for a
-- deposit is open, and what waits for a bank's debit, on no date of ours. An order that somebody
-- paid for counts for neither. `retry_after` is seconds.
create function coinslot.check_order_limits(user_id uuid) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_settings coinslot.settings;
  v_now timestamptz := clock_timestamp();
  v_orders record;
begin
  select s.* into v_settings from coinslot.settings s where s.id;
  -- Of the user's own orders, sorted out here: asked for by `status` or `expires_at`, a planner
  -- without statistics would go through the open orders of everybody.
  select
    count(*) filter (where o.is_open) as open,
    min(p.expires_at) filter (where o.is_open and p.expires_at > v_now) as closes_at,
    count(*) filter (where p.paid = 0 and p.created_at > v_now - interval '1 hour') as unpaid,
    min(p.created_at) filter (where p.paid = 0 and p.created_at > v_now - interval '1 hour')
    + interval '1 hour' as forgotten_at
  into v_orders
  from public.token_payments p
  cross join lateral (
    select p.status in ('pending', 'awaiting_deposit') and (
      p.expires_at > v_now or p.status = 'awaiting_deposit' and p.virtual_account is null
    ) as is_open
  ) o
  where p.user_id = check_order_limits.user_id
    and case when o.is_open or p.paid = 0 and p.created_at > v_now - interval '1 hour'
      then not coinslot.is_of_a_cycle(p.id) else false end;
  if v_orders.open >= v_settings.max_open_orders then
    perform coinslot.fail('too_many_orders', jsonb_build_object(
      'max_open_orders', v_settings.max_open_orders,
      'retry_after', ceil(extract(epoch from coalesce(
        v_orders.closes_at - v_now, v_settings.order_lifetime
      )))
    ));
  end if;
  if v_orders.unpaid >= v_settings.max_unpaid_orders_per_hour then
    perform coinslot.fail('too_many_orders', jsonb_build_object(
      'max_unpaid_orders_per_hour', v_settings.max_unpaid_orders_per_hour,
      'retry_after', ceil(extract(epoch from v_orders.forgotten_at - v_now))
    ));
  end if;
end
$$;
comment on function coinslot.check_order_limits(uuid) is
'Refuses another order of a user who has enough of them. The caller has the wallet locked.';
revoke all on function coinslot.check_order_limits(uuid) from public;

-- Anonymous is who Auth says is, at this moment: a JWT may be older than the identity.
create function coinslot.check_buyer(user_id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  if not (select s.anonymous_purchases from coinslot.settings s where s.id) and exists (
    select from auth.users u where u.id = check_buyer.user_id and u.is_anonymous
  ) then
    perform coinslot.fail('account_required');
  end if;
end
$$;
comment on function coinslot.check_buyer(uuid) is
'PT403 for an anonymous user where those may not buy.';
revoke all on function coinslot.check_buyer(uuid) from public;

-- A merge locks the orders of a user before the wallet, and so must know that no more are made: it
-- takes this lock alone, and whoever makes an order together with others.
create function coinslot.account_lock(user_id uuid) returns bigint
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return hashtextextended('coinslot.account ' || account_lock.user_id::text, 0);
end
$$;
comment on function coinslot.account_lock(uuid) is 'Name of the advisory lock of an account.';
revoke all on function coinslot.account_lock(uuid) from public;

create function coinslot.payment_methods() returns text[]
language sql immutable parallel safe set search_path = ''
return array[
  'card', 'kakaopay', 'naverpay', 'tosspay', 'transfer', 'virtual_account', 'mobile', 'applepay',
  'googlepay', 'link'
];
comment on function coinslot.payment_methods() is 'The ways to pay that an order can ask for.';
revoke all on function coinslot.payment_methods() from public;

create function coinslot.check_method(method text) returns void
language plpgsql immutable set search_path = '' as $$
begin
  if check_method.method <> all (coinslot.payment_methods()) then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'method', 'known', to_jsonb(coinslot.payment_methods())
    ));
  end if;
end
$$;
comment on function coinslot.check_method(text) is
'PT400 for a way to pay that nobody knows; null is none.';
revoke all on function coinslot.check_method(text) from public;

-- Whoever opens the window of an order once more may have chosen another way. What its gateway has
-- said of money, or of an account for it, stands. The caller has the wallet locked, which comes
-- after orders: an order that somebody else has locked is being paid, and keeps its way.
create function coinslot.ask_again(payment public.token_payments, method text)
returns public.token_payments
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.token_payments;
begin
  update public.token_payments p
  set method = ask_again.method, updated_at = clock_timestamp()
  where p.id = (
    select t.id from public.token_payments t
    where t.id = payment.id and t.status = 'pending'
      and t.method is distinct from ask_again.method and ask_again.method is not null
    for update skip locked
  )
  returning p.* into v_payment;
  return case when v_payment.id is null then payment else v_payment end;
end
$$;
comment on function coinslot.ask_again(public.token_payments, text) is
'The order of a repeated call, with the way to pay that is asked for now.';
revoke all on function coinslot.ask_again(public.token_payments, text) from public;

create function coinslot.write_order(quoted public.token_payments)
returns public.token_payments
language plpgsql volatile set search_path = '' as $$
declare
  v_settings coinslot.settings;
  v_order public.token_payments;
begin
  select s.* into v_settings from coinslot.settings s where s.id;
  insert into public.token_payments as p (
    order_id, user_id, product_id, name, name_ko, gateway, method, amount, currency, tokens, live,
    idempotency_key, tokens_last_days, tokens_end_at, quantity, list_amount, promo_code,
    expires_at, deposit_until
  ) values (
    coinslot.new_order_id(v_settings.plain_order_ids), quoted.user_id, quoted.product_id,
    quoted.name, quoted.name_ko, quoted.gateway, quoted.method, quoted.amount, quoted.currency,
    quoted.tokens, v_settings.mode = 'live', quoted.idempotency_key, quoted.tokens_last_days,
    quoted.tokens_end_at, quoted.quantity, nullif(quoted.list_amount, quoted.amount),
    quoted.promo_code, clock_timestamp() + v_settings.order_lifetime,
    clock_timestamp() + greatest(v_settings.order_lifetime, v_settings.deposit_lifetime)
  ) returning p.* into v_order;
  perform coinslot.record_event(v_order, null, 'user');
  return v_order;
end
$$;
comment on function coinslot.write_order(public.token_payments) is 'Writes a quoted order.';
revoke all on function coinslot.write_order(public.token_payments) from public;

-- The wallet's lock puts the orders of one user in a row, so that two calls with one key make one
-- order and no cap can be passed by asking twice at once.
create function coinslot.create_order(
  product_id text, gateway text, currency text, idempotency_key text, method text,
  quantity integer, promo_code text
) returns public.token_payments
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_key text := nullif(create_order.idempotency_key, '');
  v_code text := nullif(coinslot.normal_code(create_order.promo_code), '');
  v_order public.token_payments;
begin
  perform coinslot.check_text('idempotency_key', coalesce(v_key, '-'), 255);
  perform coinslot.check_method(create_order.method);
  perform pg_advisory_xact_lock_shared(coinslot.account_lock(v_user_id));
  perform coinslot.check_open(coinslot.lock_wallet(v_user_id));
  v_order := coinslot.find_order_replay(
    v_user_id, create_order.product_id, create_order.gateway, create_order.currency, v_key,
    create_order.quantity, v_code
  );
  if v_order.id is not null then
    return coinslot.ask_again(v_order, create_order.method);
  end if;
  perform coinslot.check_buyer(v_user_id);
  perform coinslot.check_order_limits(v_user_id);
  v_order := coinslot.quote_order(
    v_user_id, create_order.product_id, create_order.gateway, create_order.currency, v_key,
    create_order.quantity
  );
  v_order.method := create_order.method;
  v_order := coinslot.apply_code(v_order, v_code);
  return coinslot.reserve_use(coinslot.write_order(v_order));
end
$$;
comment on function coinslot.create_order(text, text, text, text, text, integer, text) is
'See public.create_token_order.';
revoke all on function coinslot.create_order(text, text, text, text, text, integer, text)
from public;
grant execute on function coinslot.create_order(text, text, text, text, text, integer, text)
to authenticated;

create function public.create_token_order(
  product_id text, gateway text, currency text default 'KRW', idempotency_key text default null,
  method text default null, quantity integer default 1, promo_code text default null
) returns public.token_payments
language plpgsql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
begin
  return coinslot.create_order(
    create_token_order.product_id, create_token_order.gateway, create_token_order.currency,
    create_token_order.idempotency_key, create_token_order.method, create_token_order.quantity,
    create_token_order.promo_code
  );
end
$$;
comment on function public.create_token_order(text, text, text, text, text, integer, text) is
'Makes an order of the signed-in user at the catalogue''s price, of several packs with its volume
discount, with a code that was checked at what that makes of it. With a key: once per key.';
revoke all on function public.create_token_order(text, text, text, text, text, integer, text)
from public, anon, authenticated, service_role;
grant execute on function public.create_token_order(text, text, text, text, text, integer, text)
to authenticated;

-- A debit that is under way at a bank cannot be called off: it has no account to pay into.
create function coinslot.can_cancel(payment public.token_payments) returns boolean
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return payment.status in ('pending', 'failed')
    or payment.status = 'awaiting_deposit' and payment.virtual_account is not null;
end
$$;
comment on function coinslot.can_cancel(public.token_payments) is
'True while an order can be called off.';
revoke all on function coinslot.can_cancel(public.token_payments) from public;

-- Cancelling is a wish, not a fact about money: should the gateway take the money all the same, the
-- order is completed, as long as its price stands.
create function coinslot.cancel_order(order_id text) returns public.token_payments
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_before public.token_payments;
  v_payment public.token_payments;
begin
  select p.* into v_before from public.token_payments p
  where p.order_id = cancel_order.order_id and p.user_id = v_user_id
  for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  if v_before.status = 'canceled' then
    return v_before;
  end if;
  if not coinslot.can_cancel(v_before) or coinslot.is_of_a_cycle(v_before.id) then
    perform coinslot.fail(
      'illegal_transition', jsonb_build_object('from', v_before.status, 'to', 'canceled')
    );
  end if;
  update public.token_payments p
  set status = 'canceled', canceled_at = clock_timestamp(), updated_at = clock_timestamp(),
    virtual_account = null
  where p.id = v_before.id
  returning p.* into v_payment;
  perform coinslot.release_use(v_payment.id);
  perform coinslot.record_event(v_payment, v_before.status, 'user');
  return v_payment;
end
$$;
comment on function coinslot.cancel_order(text) is 'See public.cancel_token_order.';
revoke all on function coinslot.cancel_order(text) from public;
grant execute on function coinslot.cancel_order(text) to authenticated;

create function public.cancel_token_order(order_id text) returns public.token_payments
language plpgsql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
begin
  return coinslot.cancel_order(cancel_token_order.order_id);
end
$$;
comment on function public.cancel_token_order(text) is
'Calls off an unpaid order of the signed-in user, also one that waits for a deposit.';
revoke all on function public.cancel_token_order(text)
from public, anon, authenticated, service_role;
grant execute on function public.cancel_token_order(text) to authenticated;

-- For a user who was deleted. The caller has the orders locked.
create function coinslot.cancel_orders(payment_ids uuid[]) returns void
language sql volatile set search_path = '' as $$
  with unpaid as (
    select p.id, p.status from public.token_payments p where p.id = any (cancel_orders.payment_ids)
  ), canceled as (
    update public.token_payments p set
      status = 'canceled', canceled_at = clock_timestamp(), updated_at = clock_timestamp(),
      virtual_account = null
    from unpaid u where p.id = u.id
    returning p.id, p.user_id, u.status as from_status
  )
  insert into public.token_payment_events (payment_id, user_id, from_status, to_status, source)
  select c.id, c.user_id, c.from_status, 'canceled', 'user_deleted' from canceled c
$$;
comment on function coinslot.cancel_orders(uuid[]) is 'Cancels unpaid orders.';
revoke all on function coinslot.cancel_orders(uuid[]) from public;

-- Orders are locked before the wallet, as everywhere. One that was being made meanwhile is there
-- once the wallet is locked: then nothing is waited for, so that no two can wait for each other.
create function coinslot.close_orders(user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform coinslot.cancel_orders(array(
    select p.id from public.token_payments p
    where p.user_id = close_orders.user_id and coinslot.can_cancel(p)
    order by p.id for update
  ));
  perform coinslot.lock_wallet(close_orders.user_id);
  perform coinslot.cancel_orders(array(
    select p.id from public.token_payments p
    where p.user_id = close_orders.user_id and coinslot.can_cancel(p)
    for update skip locked
  ));
end
$$;
comment on function coinslot.close_orders(uuid) is
'Cancels the unpaid orders of a user and locks the wallet.';
revoke all on function coinslot.close_orders(uuid) from public;
