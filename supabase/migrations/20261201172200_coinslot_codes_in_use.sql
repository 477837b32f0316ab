-- Orders of several packs, and with codes: the price that tiers and a code make is part of an
-- order, and its first money uses the code.

drop function public.create_token_order(text, text, text, text, text);
drop function coinslot.create_order(text, text, text, text, text);
drop function coinslot.quote_order(uuid, text, text, text, text);
drop function coinslot.find_order_replay(uuid, text, text, text, text);

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
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '300ms' as $$
  select coinslot.create_order(
    create_token_order.product_id, create_token_order.gateway, create_token_order.currency,
    create_token_order.idempotency_key, create_token_order.method, create_token_order.quantity,
    create_token_order.promo_code
  )
$$;
comment on function public.create_token_order(text, text, text, text, text, integer, text) is
'Makes an order of the signed-in user at the catalogue''s price, of several packs with its volume
discount, with a code that was checked at what that makes of it. With a key: once per key.';
revoke all on function public.create_token_order(text, text, text, text, text, integer, text)
from public, anon, authenticated, service_role;
grant execute on function public.create_token_order(text, text, text, text, text, integer, text)
to authenticated;

-- Cancelling is a wish, not a fact about money: should the gateway take the money all the same, the
-- order is completed, as long as its price stands.
create or replace function coinslot.cancel_order(order_id text) returns public.token_payments
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
  if not coinslot.can_cancel(v_before) then
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

-- News of an attempt that was read after everything that was applied before. A refund under way,
-- whoever began it, is looked after until it is over.
create or replace function coinslot.apply_news(
  before public.token_payments, attempt coinslot.payment_attempts, source text,
  out outcome text, out payment public.token_payments
)
language plpgsql volatile set search_path = '' as $$
declare
  v_settled record;
  v_known boolean := attempt.id is not null;
begin
  attempt.problem := coinslot.attempt_problem(before, attempt);
  if attempt.credited and attempt.problem is not null then
    outcome := 'refused';
    payment := coinslot.refuse_attempt(before, attempt, attempt.problem, source);
    return;
  end if;
  -- The first good attempt with money is credited, and stored as that.
  attempt.credited := attempt.credited
    or before.confirmed_at is null and attempt.paid > 0 and attempt.problem is null;
  attempt.id := coinslot.save_attempt(attempt, before.order_id);
  if attempt.id is null then
    outcome := 'refused';
    payment := coinslot.refuse_attempt(before, attempt, 'wrong_order', source);
    return;
  end if;
  v_settled := coinslot.settle_payment(before, attempt, source);
  outcome := v_settled.outcome;
  payment := v_settled.payment;
  perform coinslot.follow_money(before, payment);
  if v_known then
    perform coinslot.settle_refund(payment, attempt, source);
  end if;
  if attempt.refunding > 0 then
    perform coinslot.read_later(payment.id);
  end if;
  if attempt.state = 'failed' or outcome = 'reversed' then
    perform coinslot.note_habits(payment);
  end if;
  -- An attempt that began after its order had ended, or beside it, is open yet.
  if attempt.paid = 0 and attempt.state <> 'canceled' and coinslot.has_ended(payment.status) then
    perform coinslot.close_later(payment.id);
  end if;
end
$$;

notify pgrst, 'reload schema';
