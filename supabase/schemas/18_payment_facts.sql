-- Facts: what all attempts at an order add up to, and the status that follows from it. Nothing here
-- writes: what is stored decides, whoever asks and however often.

-- What all attempts at an order add up to.
create type coinslot.payment_facts as (
  attempt_id bigint,
  payment_key text,
  method text,
  paid bigint,
  refunded bigint,
  disputed bigint,
  withdrawn bigint,
  tampered boolean,
  waiting boolean,
  voided boolean,
  canceled boolean,
  expired boolean,
  failed boolean,
  failure_reason text,
  virtual_account jsonb,
  expires_at timestamptz
);
comment on type coinslot.payment_facts is
'attempt_id: the attempt whose money counts, null while there is none.';

-- Null for what is no point in time: Postgres 15 cannot ask before it casts.
create function coinslot.parse_time(value text) returns timestamptz
language plpgsql stable set search_path = '' as $$
declare
  v_time timestamptz;
begin
  v_time := parse_time.value::timestamptz;
  return case when isfinite(v_time) then v_time end;
exception when data_exception then
  return null;
end
$$;
comment on function coinslot.parse_time(text) is 'A point in time, or null.';
revoke all on function coinslot.parse_time(text) from public;

-- The credited attempt counts for as long as the gateway says that it was paid, refunded or not;
-- else the first good one does. A second paid attempt is for a person to decide, and a bad one
-- never spoils a good one. Money that had gone back and is said to be on its way again (a transfer
-- to the buyer's account, made anew) is not back here: it counts as refunded until that has failed.
-- A debit that is under way at a bank has no account to pay into: whether it comes is the bank's to
-- say, on no date of ours. An account that is open for longer than its order waits for it is shown
-- as due when that ends. One that was there when the order was called off is not waited for: if its
-- gateway cannot close it, a deposit counts all the same. Read in one pass: nearly every order has
-- one attempt.
create function coinslot.payment_facts(payment public.token_payments)
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
comment on function coinslot.payment_facts(public.token_payments) is
'What the gateway has said of all attempts at an order, added up.';
revoke all on function coinslot.payment_facts(public.token_payments) from public;

-- The status of an order, as a function of its facts: the only place that decides it.
create function coinslot.payment_status(facts coinslot.payment_facts) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return case
    when facts.paid > 0 then case
      when facts.refunded >= facts.paid then 'refunded'
      when facts.disputed > 0 then 'disputed'
      when facts.withdrawn > 0 and facts.refunded + facts.withdrawn >= facts.paid
      then 'charged_back'
      when facts.refunded + facts.withdrawn > 0 then 'partially_refunded'
      else 'completed'
    end
    when facts.tampered then 'review'
    when facts.voided then 'voided'
    when facts.waiting and not facts.expired then 'awaiting_deposit'
    when facts.expired then 'expired'
    when facts.failed and not facts.canceled then 'failed'
    when facts.canceled then 'canceled'
    else 'pending'
  end;
end
$$;
comment on function coinslot.payment_status(coinslot.payment_facts) is 'Facts to status.';
revoke all on function coinslot.payment_status(coinslot.payment_facts) from public;
