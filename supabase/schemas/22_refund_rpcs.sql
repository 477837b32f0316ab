-- Asking for a refund, and carrying it to the gateway. Operators ask; the service carries.

-- The attempt whose money is asked back: the one named, else the one that was credited, else the
-- latest that still has money.
create function coinslot.refundable_attempt(payment public.token_payments, payment_key text)
returns coinslot.payment_attempts
language sql stable set search_path = '' as $$
  select a.* from coinslot.payment_attempts a
  where a.payment_id = payment.id
    and a.payment_key = coalesce(refundable_attempt.payment_key, a.payment_key)
  order by a.credited desc, a.paid > a.refunded + a.withdrawn desc, a.id desc
  limit 1
$$;
comment on function coinslot.refundable_attempt(public.token_payments, text) is
'The attempt at a payment whose money a refund gives back.';
revoke all on function coinslot.refundable_attempt(public.token_payments, text) from public;

create function coinslot.check_refund(
  reason text, idempotency_key text, account jsonb
) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_argument text := case
    when (length(btrim(check_refund.reason)) between 1 and 200) is not true then 'reason'
    when (length(check_refund.idempotency_key) between 1 and 255) is not true
    then 'idempotency_key'
    when check_refund.account is not null and (
      check_refund.account ->> 'bank' ~ '^[A-Za-z0-9_]{1,40}$'
      and check_refund.account ->> 'account_number' ~ '^[0-9]{4,20}$'
      and length(check_refund.account ->> 'holder') between 1 and 60
      and coalesce(check_refund.account ->> 'phone', '00000000') ~ '^[0-9]{8,15}$'
    ) is not true then 'account'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
end
$$;
comment on function coinslot.check_refund(text, text, jsonb) is
'PT400 unless reason, key and account can be stored.';
revoke all on function coinslot.check_refund(text, text, jsonb) from public;

-- The refund of an earlier identical call, or null. An amount left out is whatever was left then.
create function coinslot.find_refund_replay(
  payment_id uuid, amount bigint, payment_key text, idempotency_key text
) returns coinslot.refunds
language plpgsql stable set search_path = '' as $$
declare
  v_refund coinslot.refunds;
begin
  select r.* into v_refund from coinslot.refunds r
  where r.payment_id = find_refund_replay.payment_id
    and r.idempotency_key = find_refund_replay.idempotency_key;
  if v_refund.amount <> find_refund_replay.amount
    or v_refund.payment_key <> find_refund_replay.payment_key
  then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  return v_refund;
end
$$;
comment on function coinslot.find_refund_replay(uuid, bigint, text, text) is
'The refund of an earlier identical call, or null.';
revoke all on function coinslot.find_refund_replay(uuid, bigint, text, text) from public;

-- Amount, attempt and tokens of a refund to be, or what speaks against it. Sets nothing aside yet.
-- While another is under way, also one that was begun at the gateway's console, how much is left is
-- not known.
create function coinslot.quote_refund(
  payment public.token_payments, amount bigint, payment_key text
) returns coinslot.refunds
language plpgsql stable set search_path = '' as $$
declare
  v_attempt coinslot.payment_attempts :=
    coinslot.refundable_attempt(payment, quote_refund.payment_key);
  v_refund coinslot.refunds;
  v_back bigint;
begin
  if v_attempt.refunding > 0 then
    perform coinslot.fail('refund_in_progress', jsonb_build_object(
      'refund_id', null, 'amount', v_attempt.refunding, 'status', 'pending'
    ));
  end if;
  v_refund.refundable := case when payment.live or not coinslot.is_live() then greatest(
    0, coalesce(v_attempt.paid - v_attempt.refunded - v_attempt.withdrawn, 0)
  ) else 0 end;
  v_refund.amount := coalesce(quote_refund.amount, v_refund.refundable);
  if quote_refund.amount not between 1 and coinslot.max_amount() then
    perform coinslot.fail('invalid_amount', jsonb_build_object('amount', quote_refund.amount));
  elsif v_refund.amount > v_refund.refundable or v_refund.refundable = 0 then
    perform coinslot.fail('not_refundable', jsonb_build_object(
      'refundable', v_refund.refundable, 'currency', payment.currency, 'status', payment.status
    ));
  end if;
  v_back := v_attempt.refunded + v_attempt.withdrawn;
  v_refund.tokens := case when v_attempt.credited then
    coinslot.tokens_to_reverse(payment.tokens, v_attempt.paid, v_back + v_refund.amount)
    - coinslot.tokens_to_reverse(payment.tokens, v_attempt.paid, v_back)
  else 0 end;
  v_refund.payment_id := payment.id;
  v_refund.order_id := payment.order_id;
  v_refund.user_id := payment.user_id;
  v_refund.gateway := v_attempt.gateway;
  v_refund.payment_key := v_attempt.payment_key;
  v_refund.currency := v_attempt.currency;
  v_refund.refunded_before := v_attempt.refunded;
  return v_refund;
end
$$;
comment on function coinslot.quote_refund(public.token_payments, bigint, text) is
'What a refund would give and take back, or PT400, PT409.';
revoke all on function coinslot.quote_refund(public.token_payments, bigint, text) from public;

-- Tokens of the order that were spent cannot go back with its money: refused, unless somebody
-- decides otherwise. Those that have expired need not. Money that no token goes back with is
-- nothing to a balance, not even to one below zero.
create function coinslot.check_unspent(refund coinslot.refunds) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets := coinslot.lock_wallet(refund.user_id);
  v_own record;
  v_fits bigint;
begin
  if refund.tokens = 0 then
    return;
  end if;
  v_wallet := coinslot.fold(refund.user_id, coinslot.wallet_time(v_wallet));
  select coalesce(sum(l.remaining), 0)::bigint as remaining,
    coalesce(sum(l.expired - l.covered), 0)::bigint as gone
  into v_own
  from public.token_lots l where l.payment_id = refund.payment_id;
  v_fits := greatest(0, v_wallet.tokens - v_wallet.held);
  if v_fits >= v_own.remaining then
    v_fits := v_own.remaining + v_own.gone;
  end if;
  if refund.tokens > v_fits and not refund.forced then
    perform coinslot.fail('tokens_already_spent', jsonb_build_object(
      'tokens', v_fits, 'required', refund.tokens, 'refundable', coinslot.money_for(refund, v_fits)
    ));
  end if;
end
$$;
comment on function coinslot.check_unspent(coinslot.refunds) is
'Locks and folds the wallet; PT409 unless the order''s own lots have the tokens of a refund, or the
refund is forced.';
revoke all on function coinslot.check_unspent(coinslot.refunds) from public;

create function coinslot.save_refund(refund coinslot.refunds, account jsonb)
returns coinslot.refunds
language plpgsql volatile set search_path = '' as $$
declare
  v_refund coinslot.refunds;
begin
  insert into coinslot.refunds as r (
    payment_id, order_id, user_id, gateway, payment_key, amount, currency, tokens,
    refunded_before, refundable, reason, requested_by, forced, idempotency_key
  ) values (
    refund.payment_id, refund.order_id, refund.user_id, refund.gateway, refund.payment_key,
    refund.amount, refund.currency, refund.tokens, refund.refunded_before, refund.refundable,
    refund.reason, refund.requested_by, refund.forced, refund.idempotency_key
  ) returning r.* into v_refund;
  if save_refund.account is not null then
    insert into coinslot.refund_accounts (refund_id, bank, account_number, holder, phone)
    values (
      v_refund.id, save_refund.account ->> 'bank', save_refund.account ->> 'account_number',
      save_refund.account ->> 'holder', save_refund.account ->> 'phone'
    );
  end if;
  return v_refund;
end
$$;
comment on function coinslot.save_refund(coinslot.refunds, jsonb) is 'Writes a quoted refund.';
revoke all on function coinslot.save_refund(coinslot.refunds, jsonb) from public;

create function coinslot.start_refund(
  order_id text, amount bigint, reason text, idempotency_key text, force boolean,
  payment_key text, account jsonb, requested_by uuid
) returns coinslot.refunds
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.token_payments;
  v_refund coinslot.refunds;
begin
  perform coinslot.check_refund(
    start_refund.reason, start_refund.idempotency_key, start_refund.account
  );
  select p.* into v_payment from public.token_payments p
  where p.order_id = start_refund.order_id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  v_refund := coinslot.find_refund_replay(
    v_payment.id, start_refund.amount, start_refund.payment_key, start_refund.idempotency_key
  );
  if v_refund.id is not null then
    return v_refund;
  end if;
  select r.* into v_refund from coinslot.refunds r
  where r.payment_id = v_payment.id and r.finished_at is null;
  if found then
    perform coinslot.fail('refund_in_progress', jsonb_build_object(
      'refund_id', v_refund.id, 'amount', v_refund.amount, 'status', v_refund.status
    ));
  end if;
  v_refund := coinslot.quote_refund(v_payment, start_refund.amount, start_refund.payment_key);
  v_refund.reason := btrim(start_refund.reason);
  v_refund.idempotency_key := start_refund.idempotency_key;
  v_refund.forced := coalesce(start_refund.force, false);
  v_refund.requested_by := start_refund.requested_by;
  perform coinslot.check_unspent(v_refund);
  v_refund := coinslot.save_refund(v_refund, start_refund.account);
  v_refund := coinslot.reserve_refund(v_refund);
  perform coinslot.record_event(
    v_payment, v_payment.status, 'refund', 'refund_requested', v_refund.payment_key
  );
  return v_refund;
end
$$;
comment on function coinslot.start_refund(
  text, bigint, text, text, boolean, text, jsonb, uuid
) is 'Asks for a refund and sets its tokens aside, once per order and key.';
revoke all on function coinslot.start_refund(
  text, bigint, text, text, boolean, text, jsonb, uuid
) from public;

create function coinslot.request_refund(
  order_id text, reason text, idempotency_key text, amount bigint, force boolean,
  payment_key text, account jsonb
) returns coinslot.refunds
language plpgsql volatile security definer set search_path = '' as $$
begin
  return coinslot.refund_as(
    coinslot.acting_operator('refund_order'), request_refund.order_id, request_refund.amount,
    request_refund.reason, request_refund.idempotency_key, request_refund.force,
    request_refund.payment_key, request_refund.account
  );
end
$$;
comment on function coinslot.request_refund(
  text, text, text, bigint, boolean, text, jsonb
) is 'See public.request_token_refund.';
revoke all on function coinslot.request_refund(
  text, text, text, bigint, boolean, text, jsonb
) from public;
grant execute on function coinslot.request_refund(
  text, text, text, bigint, boolean, text, jsonb
) to authenticated;

create function public.request_token_refund(
  order_id text, reason text, idempotency_key text, amount bigint default null,
  force boolean default false, payment_key text default null, account jsonb default null
) returns coinslot.refunds
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.request_refund(
    request_token_refund.order_id, request_token_refund.reason,
    request_token_refund.idempotency_key, request_token_refund.amount, request_token_refund.force,
    request_token_refund.payment_key, request_token_refund.account
  )
$$;
comment on function public.request_token_refund(text, text, text, bigint, boolean, text, jsonb) is
'Operators, finance or owner: asks for money of an order to be given back; by default all of it.';
revoke all on function public.request_token_refund(text, text, text, bigint, boolean, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.request_token_refund(
  text, text, text, bigint, boolean, text, jsonb
)
to authenticated;

create function coinslot.request_refund_for(
  order_id text, reason text, idempotency_key text, amount bigint, force boolean,
  payment_key text, account jsonb
) returns coinslot.refunds
language sql volatile security definer set search_path = '' as $$
  select coinslot.start_refund(
    request_refund_for.order_id, request_refund_for.amount, request_refund_for.reason,
    request_refund_for.idempotency_key, request_refund_for.force,
    request_refund_for.payment_key, request_refund_for.account, null
  )
$$;
comment on function coinslot.request_refund_for(
  text, text, text, bigint, boolean, text, jsonb
) is 'See public.request_token_refund_for.';
revoke all on function coinslot.request_refund_for(
  text, text, text, bigint, boolean, text, jsonb
) from public;
grant execute on function coinslot.request_refund_for(
  text, text, text, bigint, boolean, text, jsonb
) to service_role;

create function public.request_token_refund_for(
  order_id text, reason text, idempotency_key text, amount bigint default null,
  force boolean default false, payment_key text default null, account jsonb default null
) returns coinslot.refunds
language sql volatile set search_path = '' as $$
  select coinslot.request_refund_for(
    request_token_refund_for.order_id, request_token_refund_for.reason,
    request_token_refund_for.idempotency_key, request_token_refund_for.amount,
    request_token_refund_for.force, request_token_refund_for.payment_key,
    request_token_refund_for.account
  )
$$;
comment on function public.request_token_refund_for(
  text, text, text, bigint, boolean, text, jsonb
) is 'Service: the same as request_refund, on an operator''s word.';
revoke all on function public.request_token_refund_for(
  text, text, text, bigint, boolean, text, jsonb
) from public, anon, authenticated, service_role;
grant execute on function public.request_token_refund_for(
  text, text, text, bigint, boolean, text, jsonb
) to service_role;

create function coinslot.get_refund(refund_id uuid) returns coinslot.refunds
language sql stable security definer set search_path = '' as $$
  select r.* from coinslot.refunds r where r.id = get_refund.refund_id
$$;
comment on function coinslot.get_refund(uuid) is 'See public.coinslot_get_refund.';
revoke all on function coinslot.get_refund(uuid) from public;
grant execute on function coinslot.get_refund(uuid) to service_role;

create function public.coinslot_get_refund(refund_id uuid) returns coinslot.refunds
language sql stable set search_path = '' as $$
  select coinslot.get_refund(coinslot_get_refund.refund_id)
$$;
comment on function public.coinslot_get_refund(uuid) is 'Service: a refund, as it stands.';
revoke all on function public.coinslot_get_refund(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_get_refund(uuid) to service_role;

-- Support answers a buyer with it, and so sees why, and what the gateway said.
create function coinslot.list_token_refunds(order_id text) returns setof coinslot.refunds
language plpgsql stable security definer set search_path = '' as $$
begin
  perform coinslot.require_operator(variadic coinslot.operator_roles());
  perform from public.token_payments p where p.order_id = list_token_refunds.order_id;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  return query select r.* from coinslot.refunds r
  inner join public.token_payments p on p.id = r.payment_id
  where p.order_id = list_token_refunds.order_id
  order by r.created_at desc, r.id;
end
$$;
comment on function coinslot.list_token_refunds(text) is 'See public.list_token_refunds.';
revoke all on function coinslot.list_token_refunds(text) from public;
grant execute on function coinslot.list_token_refunds(text) to authenticated;

create function public.list_token_refunds(order_id text) returns setof coinslot.refunds
language sql stable
set search_path = '' set statement_timeout = '1s' as $$
  select * from coinslot.list_token_refunds(list_token_refunds.order_id)
$$;
comment on function public.list_token_refunds(text) is
'Operators: the refunds of an order, newest first.';
revoke all on function public.list_token_refunds(text)
from public, anon, authenticated, service_role;
grant execute on function public.list_token_refunds(text) to authenticated;

-- What the sidecar needs to take the next step of a refund. `key` names this try at the gateway.
create type public.coinslot_refund_job as (
  id uuid,
  key text,
  todo text,
  tries integer,
  reason text,
  amount bigint,
  refundable bigint,
  currency text,
  gateway text,
  payment_key text,
  account jsonb,
  payment public.token_payments
);
comment on type public.coinslot_refund_job is
'A refund taken up. todo: ask = ask the gateway for it, read = see what became of it.';
revoke all on type public.coinslot_refund_job from public;
grant usage on type public.coinslot_refund_job to service_role;

-- Leased for as long as the wait after it, a minute at least: whoever dies with it leaves it to the
-- next, who asks again under the same key. Nothing is asked for while the gateway is at it. What is
-- taken up a ninth time is shown to a person, also where the gateway cannot even be read.
create function coinslot.claim_refunds(batch integer, refund_id uuid)
returns setof public.coinslot_refund_job
language sql volatile security definer set search_path = '' as $$
  with due as materialized (
    select r.id from coinslot.refunds r
    where r.next_attempt_at <= clock_timestamp()
      and r.id = coalesce(claim_refunds.refund_id, r.id)
    order by r.next_attempt_at limit least(greatest(claim_refunds.batch, 1), 1000)
    for update skip locked
  ), taken as (
    update coinslot.refunds r set
      attempts = r.attempts + 1,
      next_attempt_at = clock_timestamp() + coinslot.refund_lease(r.attempts + 1)
    from due where r.id = due.id
    returning r.*
  ), shown as (
    insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
    select 'refund_unresolved', t.gateway, t.payment_key, t.order_id, jsonb_build_object(
      'refund_id', t.id, 'amount', t.amount, 'currency', t.currency, 'status', t.status,
      'tries', t.tries, 'answer', t.answer
    )
    from taken t where t.attempts > coinslot.refund_patience()
    on conflict (kind, gateway, payment_key, order_id) where resolved_at is null do nothing
  )
  select
    t.id, 'refund-' || t.id || '-' || t.tries,
    case when t.status = 'requested' and t.answer is null then 'ask' else 'read' end,
    t.tries, t.reason, t.amount, t.refundable, t.currency, t.gateway, t.payment_key,
    (
      select jsonb_strip_nulls(jsonb_build_object(
        'bank', a.bank, 'account_number', a.account_number, 'holder', a.holder, 'phone', a.phone
      )) from coinslot.refund_accounts a where a.refund_id = t.id
    ),
    p
  from taken t inner join public.token_payments p on p.id = t.payment_id
$$;
comment on function coinslot.claim_refunds(integer, uuid) is 'See public.coinslot_claim_refunds.';
revoke all on function coinslot.claim_refunds(integer, uuid) from public;
grant execute on function coinslot.claim_refunds(integer, uuid) to service_role;

create function public.coinslot_claim_refunds(batch integer default 20, refund_id uuid default null)
returns public.coinslot_refund_job[]
language sql volatile set search_path = '' as $$
  select array(select c from coinslot.claim_refunds(
    coinslot_claim_refunds.batch, coinslot_claim_refunds.refund_id
  ) c)
$$;
comment on function public.coinslot_claim_refunds(integer, uuid) is
'Service: refunds that are due, leased to the caller.';
revoke all on function public.coinslot_claim_refunds(integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_refunds(integer, uuid) to service_role;

-- The version grows with the answer: a read that was begun before it cannot decide what became of
-- the refund. The answer to an earlier try, or to one that is over, changes nothing.
create function coinslot.record_refund_answer(
  refund_id uuid, tries integer, answer text, failure_code text, failure_message text
) returns public.token_payments
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_payment public.token_payments;
  v_argument text := case
    when record_refund_answer.tries is null then 'tries'
    when (record_refund_answer.answer = any (coinslot.refund_answers())) is not true then 'answer'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
  update public.token_payments p set version = p.version + 1
  from coinslot.refunds r
  where r.id = record_refund_answer.refund_id and p.id = r.payment_id
  returning p.* into v_payment;
  if not found then
    perform coinslot.fail('invalid_argument', '{"argument": "refund_id"}');
  end if;
  update coinslot.refunds r set
    answer = record_refund_answer.answer,
    failure_code = left(record_refund_answer.failure_code, 100),
    failure_message = left(record_refund_answer.failure_message, 300)
  where r.id = record_refund_answer.refund_id and r.tries = record_refund_answer.tries
    and r.finished_at is null and r.answer is distinct from 'accepted';
  return v_payment;
end
$$;
comment on function coinslot.record_refund_answer(uuid, integer, text, text, text) is
'See public.coinslot_record_refund_answer.';
revoke all on function coinslot.record_refund_answer(uuid, integer, text, text, text)
from public;
grant execute on function coinslot.record_refund_answer(uuid, integer, text, text, text)
to service_role;

create function public.coinslot_record_refund_answer(
  refund_id uuid, tries integer, answer text, failure_code text default null,
  failure_message text default null
) returns public.token_payments
language sql volatile set search_path = '' as $$
  select coinslot.record_refund_answer(
    coinslot_record_refund_answer.refund_id, coinslot_record_refund_answer.tries,
    coinslot_record_refund_answer.answer, coinslot_record_refund_answer.failure_code,
    coinslot_record_refund_answer.failure_message
  )
$$;
comment on function public.coinslot_record_refund_answer(uuid, integer, text, text, text) is
'Service: what the gateway said to a refund; the payment, to be read now.';
revoke all on function public.coinslot_record_refund_answer(uuid, integer, text, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_record_refund_answer(uuid, integer, text, text, text)
to service_role;

-- The way out where no read will ever decide: the gateway took a refund on and lost it, or no
-- longer shows the payment. A person has looked there. Money that goes back after all is followed
-- all the same.
create function coinslot.close_refund(refund_id uuid, reason text) returns coinslot.refunds
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_payment public.token_payments;
  v_refund coinslot.refunds;
begin
  perform coinslot.check_text('reason', close_refund.reason, 300);
  select p.* into v_payment from public.token_payments p
  where p.id = (select r.payment_id from coinslot.refunds r where r.id = close_refund.refund_id)
  for update;
  update coinslot.refunds r set
    status = 'failed', failure_code = 'closed', failure_message = close_refund.reason,
    next_attempt_at = null, finished_at = clock_timestamp()
  where r.id = close_refund.refund_id and r.finished_at is null
  returning r.* into v_refund;
  if found then
    perform coinslot.end_refund(v_refund, v_payment, 'refund');
    return v_refund;
  end if;
  return coinslot.get_refund(close_refund.refund_id);
end
$$;
comment on function coinslot.close_refund(uuid, text) is 'See public.coinslot_close_refund.';
revoke all on function coinslot.close_refund(uuid, text) from public;
grant execute on function coinslot.close_refund(uuid, text) to service_role;

create function public.coinslot_close_refund(refund_id uuid, reason text) returns coinslot.refunds
language sql volatile set search_path = '' as $$
  select coinslot.close_refund(coinslot_close_refund.refund_id, coinslot_close_refund.reason)
$$;
comment on function public.coinslot_close_refund(uuid, text) is
'Service: gives up a refund that no read can decide, and frees its tokens; null if unknown.';
revoke all on function public.coinslot_close_refund(uuid, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_close_refund(uuid, text) to service_role;
