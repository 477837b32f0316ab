-- Refunds: money that an operator gives back, and the tokens that go with it.
--
-- A refund is asked for here, carried to the gateway by the sidecar, and ended by the funnel when a
-- fresh read shows what became of it. From the first moment its tokens are set aside, so that they
-- cannot be spent while the gateway is at it; the entry that takes them is written by the funnel
-- alone, from what the gateway says has been refunded in total, whoever asked for it.

create function coinslot.refund_answers() returns text[]
language sql immutable parallel safe set search_path = ''
return array['accepted', 'declined', 'spent', 'unknown'];
comment on function coinslot.refund_answers() is 'What gateways say to a refund, in our words.';
revoke all on function coinslot.refund_answers() from public;

create table coinslot.refunds (
  id uuid not null default gen_random_uuid(),
  payment_id uuid not null,
  order_id text not null,
  user_id uuid not null,
  gateway text not null,
  payment_key text not null,
  amount bigint not null,
  currency text not null,
  tokens bigint not null,
  refunded_before bigint not null,
  refundable bigint not null,
  reason text not null,
  requested_by uuid,
  forced boolean not null,
  idempotency_key text collate "C" not null,
  status text not null default 'requested',
  tries integer not null default 1,
  answer text,
  failure_code text,
  failure_message text,
  attempts bigint not null default 0,
  next_attempt_at timestamptz default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  reserved bigint not null default 0,
  covered bigint not null default 0,
  constraint refunds_pkey primary key (id),
  constraint refunds_idempotency_key_key unique (payment_id, idempotency_key),
  constraint refunds_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete restrict,
  constraint refunds_amount_positive check (amount between 1 and coinslot.max_amount()),
  constraint refunds_fits check (amount <= refundable and tokens >= 0 and refunded_before >= 0),
  constraint refunds_status_known
  check (status in ('requested', 'pending', 'succeeded', 'failed')),
  constraint refunds_answer_known check (answer = any(coinslot.refund_answers())),
  constraint refunds_open_or_finished check (
    (status in ('requested', 'pending')) = (finished_at is null)
    and (finished_at is null) = (next_attempt_at is not null)
  )
);
comment on table coinslot.refunds is 'Money asked back for an order, and what became of it.';
comment on column coinslot.refunds.payment_key is 'The attempt whose money is given back.';
comment on column coinslot.refunds.amount is 'Minor units to give back.';
comment on column coinslot.refunds.tokens is
'Tokens set aside until the gateway is clear about it.';
comment on column coinslot.refunds.refunded_before is
'Minor units refunded before it: it is done when there are so many more.';
comment on column coinslot.refunds.refundable is
'Minor units that were left then; gateways that can, compare it.';
comment on column coinslot.refunds.requested_by is 'The operator; null = the service itself.';
comment on column coinslot.refunds.forced is 'Also where the tokens were spent already.';
comment on column coinslot.refunds.status is
'requested: not seen at the gateway. pending: the gateway is at it. succeeded, failed: over, for as
long as the gateway shows it so.';
comment on column coinslot.refunds.tries is 'Number of the idempotency key that the gateway gets.';
comment on column coinslot.refunds.answer is
'What the gateway said to the present try; null = to be asked.';
comment on column coinslot.refunds.reserved is 'Tokens set aside in the lots of its order.';
comment on column coinslot.refunds.covered is
'Tokens that had expired: none are set aside for them.';
create unique index refunds_one_open on coinslot.refunds (payment_id)
where finished_at is null;
create index refunds_due on coinslot.refunds (next_attempt_at)
where next_attempt_at is not null;
create index refunds_user_id on coinslot.refunds (user_id, created_at desc);
create index refunds_newest on coinslot.refunds (created_at desc, id desc);
create index refunds_requested_by on coinslot.refunds (requested_by, created_at)
where requested_by is not null;

-- Why, and on whose word, is for operators; the buyer sees what and how far.
alter table coinslot.refunds enable row level security;
revoke all on table coinslot.refunds from anon, authenticated, service_role;
grant select (
  id, payment_id, order_id, user_id, amount, currency, tokens, status, created_at, finished_at
) on table coinslot.refunds to authenticated, service_role;
create policy "People read their own refunds" on coinslot.refunds
for select to authenticated using ((select auth.uid()) = user_id);

create view public.token_refunds with (security_invoker = true) as
select
  r.id,
  r.payment_id,
  r.order_id,
  r.user_id,
  r.amount,
  r.currency,
  r.tokens,
  r.status,
  r.created_at,
  r.finished_at
from coinslot.refunds as r;
comment on view public.token_refunds is 'Money given back, or on its way, as its buyer sees it.';
revoke all on table public.token_refunds from anon, authenticated, service_role;
grant select on table public.token_refunds to authenticated, service_role;

alter table coinslot.token_holds add constraint token_holds_refund_id_fkey
foreign key (refund_id) references coinslot.refunds (id) on delete restrict;

-- Personal, and needed only until the gateway has it.
create table coinslot.refund_accounts (
  refund_id uuid not null,
  bank text not null,
  account_number text not null,
  holder text not null,
  phone text,
  constraint refund_accounts_pkey primary key (refund_id),
  constraint refund_accounts_refund_id_fkey foreign key (refund_id)
  references coinslot.refunds (id) on delete cascade,
  constraint refund_accounts_shaped check (
    bank ~ '^[A-Za-z0-9_]{1,40}$' and account_number ~ '^[0-9]{4,20}$'
    and length(holder) between 1 and 60
  ),
  constraint refund_accounts_phone_shaped check (phone ~ '^[0-9]{8,15}$')
);
comment on table coinslot.refund_accounts is
'Where the money of a deposit goes back to; deleted when the refund is over.';
alter table coinslot.refund_accounts enable row level security;
revoke all on table coinslot.refund_accounts from anon, authenticated, service_role;
create policy "Nobody reads accounts through the API" on coinslot.refund_accounts
for select to anon, authenticated using (false);

-- How long after so many attempts the next one is due. A refund that is still open after the last
-- of these waits is shown to a person, and looked after daily.
create function coinslot.refund_wait(attempts bigint) returns interval
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(
    ('{5 seconds,30 seconds,2 minutes,10 minutes,30 minutes,1 hour,3 hours,6 hours}'::interval[])
    [greatest(refund_wait.attempts, 1)], interval '1 day'
  )
$$;
comment on function coinslot.refund_wait(bigint) is 'Time to the next attempt at a refund.';
revoke all on function coinslot.refund_wait(bigint) from public;

create function coinslot.refund_patience() returns bigint
language sql immutable parallel safe set search_path = ''
return 8;
comment on function coinslot.refund_patience() is
'Attempts after which a refund that is still open is shown to a person.';
revoke all on function coinslot.refund_patience() from public;

-- No shorter than any call to a gateway may last, so that none is asked beside another.
create function coinslot.refund_lease(attempts bigint) returns interval
language sql immutable parallel safe set search_path = ''
return greatest(interval '1 minute', coinslot.refund_wait(refund_lease.attempts));
comment on function coinslot.refund_lease(bigint) is
'Time that whoever asks a gateway for a refund has it to themselves.';
revoke all on function coinslot.refund_lease(bigint) from public;

create function coinslot.free_set_aside(refund coinslot.refunds) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_hold coinslot.token_holds;
  v_wallet public.token_wallets;
  v_now timestamptz;
begin
  if refund.tokens = 0 then
    return;
  end if;
  v_now := coinslot.wallet_time(coinslot.lock_wallet(refund.user_id));
  v_wallet := coinslot.fold(refund.user_id, v_now);
  perform coinslot.free_lots(refund, v_wallet.seq, coinslot.debt_of(v_wallet), v_now);
  select h.* into v_hold
  from coinslot.token_holds h where h.refund_id = refund.id and h.status = 'held' for update;
  if found then
    perform coinslot.resolve_hold(v_hold, 'released', 0);
  end if;
  perform coinslot.end_change(refund.user_id, v_now);
end
$$;
comment on function coinslot.free_set_aside(coinslot.refunds) is 'Frees the tokens of a refund.';
revoke all on function coinslot.free_set_aside(coinslot.refunds) from public;

-- What a fresh read makes of the refund that is open for its attempt. Done: the total has grown by
-- what was asked for, whoever caused that. Pending: with what is on its way it will have; less than
-- that is another refund. Failed: the gateway said no, or was at it and is no more, and the read
-- shows nothing; or it took it on, and hours later shows nothing of it. Unclear: it is asked again,
-- under a new key only where the old one is spent, and not before a call that may be under way is
-- over at any gateway.
create function coinslot.judge_refund(
  refund coinslot.refunds, attempt coinslot.payment_attempts
) returns coinslot.refunds
language plpgsql volatile set search_path = '' as $$
declare
  v_refund coinslot.refunds;
  v_target bigint := refund.refunded_before + refund.amount;
  v_vanished boolean := refund.answer = 'accepted'
    and refund.attempts > coinslot.refund_patience();
  v_status text := case
    when attempt.refunded >= v_target then 'succeeded'
    when attempt.refunded + attempt.refunding >= v_target then 'pending'
    when refund.status = 'pending' or refund.answer = 'declined' or v_vanished then 'failed'
    else 'requested'
  end;
  v_open boolean := v_status in ('requested', 'pending');
  v_ask boolean := v_status = 'requested' and refund.answer in ('spent', 'unknown');
begin
  update coinslot.refunds r set
    status = v_status,
    tries = r.tries + case when v_ask and r.answer = 'spent' then 1 else 0 end,
    answer = case when not v_ask then r.answer end,
    failure_code = case
      when v_status = 'succeeded' then null
      when v_vanished then 'vanished'
      else r.failure_code
    end,
    failure_message = case when v_status <> 'succeeded' then r.failure_message end,
    next_attempt_at = case
      when v_status = 'requested' and r.answer is null then r.next_attempt_at
      when v_ask then clock_timestamp() + coinslot.refund_lease(r.attempts)
      when v_open then clock_timestamp() + coinslot.refund_wait(r.attempts)
    end,
    finished_at = case when not v_open then clock_timestamp() end
  where r.id = refund.id
  returning r.* into v_refund;
  return v_refund;
end
$$;
comment on function coinslot.judge_refund(coinslot.refunds, coinslot.payment_attempts) is
'Moves an open refund to what a fresh read of its payment shows.';
revoke all on function coinslot.judge_refund(coinslot.refunds, coinslot.payment_attempts)
from public;

-- What every end of a refund does, with the payment locked: frees its tokens, forgets the account.
-- After one that failed the payment is read some more: should the money have gone back all the same
-- (a gateway's records may lag behind its answers), the tokens are to follow soon.
create function coinslot.end_refund(
  refund coinslot.refunds, payment public.token_payments, source text
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform coinslot.free_set_aside(refund);
  delete from coinslot.refund_accounts a where a.refund_id = refund.id;
  update coinslot.discrepancies d set resolved_at = clock_timestamp()
  where d.kind = 'refund_unresolved' and d.order_id = payment.order_id
    and d.resolved_at is null;
  perform coinslot.record_event(
    payment, payment.status, end_refund.source, 'refund_' || refund.status, refund.payment_key
  );
  if refund.status = 'failed' then
    perform coinslot.read_later(payment.id);
  end if;
end
$$;
comment on function coinslot.end_refund(coinslot.refunds, public.token_payments, text) is
'Tidies up after a refund that is over.';
revoke all on function coinslot.end_refund(coinslot.refunds, public.token_payments, text)
from public;

-- A refund that failed and whose money goes back all the same is no failed one: taken for that, it
-- would be asked for once more. Gateways say how much went back, and not for which of our requests:
-- so the rule is that of an open one, that the total has grown by as much, whoever caused that.
-- Each refund stands on what went back before it, and no two stand on the same money: one whose
-- place another has taken meanwhile goes on top of them all. The latest comes first, and none while
-- another is open, whose money it may be. The tokens have followed the total already.
create function coinslot.revive_refunds(
  payment public.token_payments, attempt coinslot.payment_attempts, source text
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_refund coinslot.refunds;
  v_before bigint;
begin
  for v_refund in
    select r.* from coinslot.refunds r
    where r.payment_id = payment.id and r.gateway = attempt.gateway
      and r.payment_key = attempt.payment_key and r.status = 'failed'
    order by r.created_at desc, r.id
  loop
    select case
      when bool_or(
        r.refunded_before < v_refund.refunded_before + v_refund.amount
        and v_refund.refunded_before < r.refunded_before + r.amount
      ) then max(r.refunded_before + r.amount)
      else v_refund.refunded_before
    end into v_before
    from coinslot.refunds r
    where r.payment_id = payment.id and r.gateway = attempt.gateway
      and r.payment_key = attempt.payment_key and r.status = 'succeeded';
    if attempt.refunded >= v_before + v_refund.amount then
      update coinslot.refunds r set
        status = 'succeeded', refunded_before = v_before, failure_code = null,
        failure_message = null, finished_at = clock_timestamp()
      where r.id = v_refund.id;
      perform coinslot.record_event(
        payment, payment.status, revive_refunds.source, 'refund_succeeded', attempt.payment_key
      );
    end if;
  end loop;
end
$$;
comment on function coinslot.revive_refunds(
  public.token_payments, coinslot.payment_attempts, text
) is 'Lets refunds that failed succeed where the money went back after all.';
revoke all on function coinslot.revive_refunds(
  public.token_payments, coinslot.payment_attempts, text
) from public;

-- Called by the funnel, after the tokens have followed the money, with the payment locked. A bank
-- may also undo a refund that had succeeded; what is on its way again is not undone.
create function coinslot.settle_refund(
  payment public.token_payments, attempt coinslot.payment_attempts, source text
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_refund coinslot.refunds;
begin
  update coinslot.refunds r set status = 'failed', failure_code = 'undone'
  where r.payment_id = payment.id and r.gateway = attempt.gateway
    and r.payment_key = attempt.payment_key
    and r.status = 'succeeded'
    and r.refunded_before + r.amount > attempt.refunded + attempt.refunding;
  select r.* into v_refund from coinslot.refunds r
  where r.payment_id = payment.id and r.gateway = attempt.gateway
    and r.payment_key = attempt.payment_key
    and r.finished_at is null;
  if found then
    v_refund := coinslot.judge_refund(v_refund, attempt);
    if v_refund.finished_at is null then
      return;
    end if;
    perform coinslot.end_refund(v_refund, payment, settle_refund.source);
  end if;
  if attempt.refunded > 0 then
    perform coinslot.revive_refunds(payment, attempt, settle_refund.source);
  end if;
end
$$;
comment on function coinslot.settle_refund(
  public.token_payments, coinslot.payment_attempts, text
) is 'Ends a refund that a fresh read decides, and frees its tokens.';
revoke all on function coinslot.settle_refund(
  public.token_payments, coinslot.payment_attempts, text
) from public;
