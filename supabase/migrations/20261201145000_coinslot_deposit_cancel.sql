-- An order that waits for a deposit can be called off, and its account is closed at the gateway.

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
  perform coinslot.record_event(v_payment, v_before.status, 'user');
  return v_payment;
end
$$;

comment on function public.cancel_token_order(text) is
'Calls off an unpaid order of the signed-in user, also one that waits for a deposit.';

-- Of a user who was deleted, too.
create or replace function coinslot.cancel_orders(payment_ids uuid[]) returns void
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

create or replace function coinslot.close_orders(user_id uuid) returns void
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

drop function coinslot.cancelable_statuses();

-- The credited attempt counts for as long as the gateway says that it was paid, refunded or not;
-- else the first good one does. A second paid attempt is for a person to decide, and a bad one
-- never spoils a good one. Money that had gone back and is said to be on its way again (a transfer
-- to the buyer's account, made anew) is not back here: it counts as refunded until that has failed.
-- A debit that is under way at a bank has no account to pay into: whether it comes is the bank's to
-- say, on no date of ours. An account that is open for longer than its order waits for it is shown
-- as due when that ends. One that was there when the order was called off is not waited for: if its
-- gateway cannot close it, a deposit counts all the same. Read in one pass: nearly every order has
-- one attempt.
create or replace function coinslot.payment_facts(payment public.token_payments)
returns coinslot.payment_facts
language plpgsql stable set search_path = '' as $$
declare
  v_attempt coinslot.payment_attempts;
  v_counted coinslot.payment_attempts;
  v_waiting coinslot.payment_attempts;
  v_latest coinslot.payment_attempts;
  v_tampered boolean := false;
  v_canceled boolean := payment.canceled_at is not null;
  v_failed boolean := false;
  v_refunded bigint;
  v_due_at timestamptz;
  v_expires_at timestamptz := payment.expires_at;
begin
  for v_attempt in
    select a.* from coinslot.payment_attempts a where a.payment_id = payment.id
    order by a.credited desc, a.paid > a.refunded + a.withdrawn desc, a.id
  loop
    if v_attempt.paid > 0 and (v_attempt.credited or v_attempt.problem is null) then
      v_counted := case when v_counted.id is null then v_attempt else v_counted end;
    elsif v_attempt.paid > v_attempt.refunded + v_attempt.withdrawn then
      v_tampered := true;
    elsif v_attempt.problem is null and v_attempt.state = 'awaiting_deposit'
      and v_attempt.paid = 0
      and (v_attempt.virtual_account is null or payment.canceled_at < v_attempt.created_at)
      is not false and ((v_attempt.updated_at, v_attempt.id)
        > (v_waiting.updated_at, v_waiting.id)) is not false
    then
      v_waiting := v_attempt;
    end if;
    v_canceled := v_canceled or v_attempt.state = 'canceled';
    v_failed := v_failed or v_attempt.state = 'failed';
    if ((v_attempt.updated_at, v_attempt.id) > (v_latest.updated_at, v_latest.id)) is not false then
      v_latest := v_attempt;
    end if;
  end loop;
  v_refunded := v_counted.refunded;
  if v_counted.refunding > 0 and v_counted.payment_key = payment.payment_key then
    v_refunded := greatest(v_refunded, least(
      payment.refunded, v_refunded + v_counted.refunding, v_counted.paid - v_counted.withdrawn
    ));
  end if;
  if v_waiting.id is not null then
    v_due_at := coinslot.parse_time(v_waiting.virtual_account ->> 'due_at');
    if v_due_at > coalesce(payment.deposit_until, payment.expires_at) then
      v_due_at := coalesce(payment.deposit_until, payment.expires_at);
      v_waiting.virtual_account := v_waiting.virtual_account || jsonb_build_object('due_at', v_due_at);
    end if;
    v_expires_at := greatest(v_expires_at, v_due_at);
  end if;
  return row(
    v_counted.id,
    coalesce(v_counted.payment_key, v_waiting.payment_key),
    coalesce(v_counted.method, v_waiting.method),
    coalesce(v_counted.paid, 0), coalesce(v_refunded, 0),
    coalesce(v_counted.disputed, 0), coalesce(v_counted.withdrawn, 0),
    v_tampered, v_waiting.id is not null, payment.voided_at is not null, v_canceled,
    payment.expired_at is not null and v_expires_at <= clock_timestamp()
    and (v_waiting.id is null or v_waiting.virtual_account is not null), v_failed,
    case when v_counted.id is null then v_latest.failure_reason end,
    v_waiting.virtual_account, v_expires_at
  )::coinslot.payment_facts;
end
$$;

notify pgrst, 'reload schema';
