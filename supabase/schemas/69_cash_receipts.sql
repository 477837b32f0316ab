-- Cash receipts (현금영수증): what a seller in Korea tells the tax office of a deposit or a transfer.
--
-- One row for each order that is to have one, asked for by its buyer, or made unasked where the
-- seller's setting says so. A server brings the receipt at the gateway to the money that the order
-- holds: it issues one when the order was paid, takes off it what is refunded, and cancels it. What
-- the gateway is being asked for is written before it is asked, and stays until there is an answer:
-- so what is asked again after a lost answer is the same, under the same key.
--
-- A gateway says yes before the tax office has looked. So a receipt is issued only when a later
-- look has found it so.

create table coinslot.cash_receipts (
  payment_id uuid not null,
  gateway text not null,
  kind text not null,
  number text,
  status text not null default 'requested',
  amount bigint not null default 0,
  asked bigint,
  attempt integer not null default 0,
  answers integer not null default 0,
  asked_on date[] not null default '{}',
  by_gateway boolean not null default false,
  receipt_key text,
  issue_number text,
  failure_code text,
  failure_message text,
  tries integer not null default 0,
  lease bigint not null default 0,
  leased_until timestamptz,
  next_try_at timestamptz,
  requested_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz,
  issued_at timestamptz,
  updated_at timestamptz not null default clock_timestamp(),
  called_off boolean not null default false,
  constraint cash_receipts_pkey primary key (payment_id),
  constraint cash_receipts_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete cascade,
  constraint cash_receipts_gateway_fkey foreign key (gateway)
  references coinslot.gateways (id) on delete restrict,
  constraint cash_receipts_kind_known
  check (kind in ('income_deduction', 'expenditure_proof', 'self_issued')),
  constraint cash_receipts_number_masked check (number ~ '^[*]{4,}[0-9]{4}$'),
  constraint cash_receipts_status_known
  check (status in ('requested', 'in_progress', 'issued', 'failed', 'cancelled')),
  constraint cash_receipts_amounts_not_negative check (amount >= 0 and asked >= 0)
);
comment on table coinslot.cash_receipts is 'Cash receipts of orders, and what became of them.';
comment on column coinslot.cash_receipts.kind is
'income_deduction: of a person. expenditure_proof: of a business. self_issued: of nobody named.';
comment on column coinslot.cash_receipts.number is 'Who it is of, but for the last four digits.';
comment on column coinslot.cash_receipts.amount is
'Minor units that it stands for at the gateway, as far as that has said so.';
comment on column coinslot.cash_receipts.asked is
'What the gateway is being asked to make of the amount; null = it has answered.';
comment on column coinslot.cash_receipts.attempt is 'Number of the issue that is asked for.';
comment on column coinslot.cash_receipts.answers is
'How often the gateway has answered what it was asked: a part of the key of the next question.';
comment on column coinslot.cash_receipts.asked_on is
'Days on which the gateway was asked, in Seoul: it lists receipts by them.';
comment on column coinslot.cash_receipts.by_gateway is
'The gateway issued it with the payment, and follows its refunds itself.';
comment on column coinslot.cash_receipts.changed_at is 'When the amount last changed.';
comment on column coinslot.cash_receipts.called_off is
'An operator wants none, whatever money the order holds.';
create index cash_receipts_due on coinslot.cash_receipts (gateway, next_try_at)
where next_try_at is not null;
create index cash_receipts_newest on coinslot.cash_receipts (requested_at desc, payment_id desc);
create index cash_receipts_updated_at on coinslot.cash_receipts (updated_at);
create index cash_receipts_failed on coinslot.cash_receipts (requested_at)
where status = 'failed';

-- Whose order it is now decides, also after its user was merged into another.
alter table coinslot.cash_receipts enable row level security;
revoke all on table coinslot.cash_receipts from anon, authenticated, service_role;
grant select (
  payment_id, kind, number, status, amount, issue_number, failure_code, requested_at, issued_at,
  updated_at
) on table coinslot.cash_receipts to authenticated, service_role;
create policy "People read the cash receipts of their own payments" on coinslot.cash_receipts
for select to authenticated using (exists (
  select from public.token_payments as p
  where p.id = cash_receipts.payment_id and p.user_id = (select auth.uid())
));

create view public.token_cash_receipts with (security_invoker = true) as
select
  r.payment_id,
  p.order_id,
  p.user_id,
  r.kind,
  r.number,
  r.status,
  r.amount,
  p.currency,
  r.issue_number,
  r.failure_code,
  r.requested_at,
  r.issued_at,
  r.updated_at
from coinslot.cash_receipts as r
inner join public.token_payments as p on r.payment_id = p.id;
comment on view public.token_cash_receipts is 'Cash receipts as their buyer sees them.';
revoke all on table public.token_cash_receipts from anon, authenticated, service_role;
grant select on table public.token_cash_receipts to authenticated, service_role;

-- Personal, and needed until nothing is to be asked for any more.
create table coinslot.cash_receipt_numbers (
  payment_id uuid not null,
  number text not null,
  constraint cash_receipt_numbers_pkey primary key (payment_id),
  constraint cash_receipt_numbers_payment_id_fkey foreign key (payment_id)
  references coinslot.cash_receipts (payment_id) on delete cascade,
  constraint cash_receipt_numbers_shaped check (number ~ '^[0-9]{10,19}$')
);
comment on table coinslot.cash_receipt_numbers is
'Whose cash receipts are: phone, card or business numbers, until they are purged.';
alter table coinslot.cash_receipt_numbers enable row level security;
revoke all on table coinslot.cash_receipt_numbers from anon, authenticated, service_role;
create policy "Nobody reads numbers through the API" on coinslot.cash_receipt_numbers
for select to anon, authenticated using (false);

-- Ways to pay that are cash to the tax office.
create function coinslot.is_cash(method text) returns boolean
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return coalesce(is_cash.method in ('transfer', 'virtual_account'), false);
end
$$;
comment on function coinslot.is_cash(text) is 'True of a way to pay that has a cash receipt.';
revoke all on function coinslot.is_cash(text) from public;

create function coinslot.wanted_cash_receipt(payment public.token_payments) returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select case
    when payment.confirmed_at is not null and coinslot.is_cash(payment.method)
    then coinslot.held_money(payment)
    else 0
  end
$$;
comment on function coinslot.wanted_cash_receipt(public.token_payments) is
'Minor units that the cash receipt of an order is to stand for.';
revoke all on function coinslot.wanted_cash_receipt(public.token_payments) from public;

create function coinslot.wanted_of(
  receipt coinslot.cash_receipts, payment public.token_payments
) returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select case when receipt.called_off then 0 else coinslot.wanted_cash_receipt(payment) end
$$;
comment on function coinslot.wanted_of(coinslot.cash_receipts, public.token_payments) is
'Minor units that this receipt is to stand for.';
revoke all on function coinslot.wanted_of(coinslot.cash_receipts, public.token_payments)
from public;

create function coinslot.cash_receipt_wait(tries integer) returns interval
language sql immutable parallel safe set search_path = '' as $$
  select coalesce((
    '{1 minute,5 minutes,30 minutes,2 hours,6 hours,12 hours}'::interval[]
  )[greatest(cash_receipt_wait.tries, 1)], interval '1 day')
$$;
comment on function coinslot.cash_receipt_wait(integer) is
'Time to the next try after so many without an answer.';
revoke all on function coinslot.cash_receipt_wait(integer) from public;

create function coinslot.last_issue() returns integer
language sql immutable parallel safe set search_path = ''
return 12;
comment on function coinslot.last_issue() is
'Times that one order''s receipt is issued at the most: after that a person looks.';
revoke all on function coinslot.last_issue() from public;

-- Not every gateway tells the tax office's word on what it has accepted: two days without a no.
create function coinslot.tax_office_days() returns interval
language sql immutable parallel safe set search_path = ''
return interval '2 days';
comment on function coinslot.tax_office_days() is
'Time after which the tax office has looked at what a gateway has sent it.';
revoke all on function coinslot.tax_office_days() from public;

-- ---- asking ----

-- No gateway checks that kind and number fit: one that does not is refused a day later.
create function coinslot.is_business_number(number text) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select is_business_number.number ~ '^[0-9]{10}$' and (
    select sum(d.digit * d.weight) + max(case d.place when 9 then d.digit * 5 / 10 end)
      + max(case d.place when 10 then d.digit end)
    from (
      select
        n.place, n.digit::integer as digit, ('{1,3,7,1,3,7,1,3,5,0}'::integer[])[n.place] as weight
      from string_to_table(
        case when is_business_number.number ~ '^[0-9]{10}$' then is_business_number.number end, null
      ) with ordinality n (digit, place)
    ) d
  ) % 10 = 0
$$;
comment on function coinslot.is_business_number(text) is
'True of ten digits that can be a business registration number.';
revoke all on function coinslot.is_business_number(text) from public;

create function coinslot.nobodys_number() returns text
language sql immutable parallel safe set search_path = ''
return '0100001234';
comment on function coinslot.nobodys_number() is
'The tax office''s number for a receipt that names nobody: ten digits.';
revoke all on function coinslot.nobodys_number() from public;

create function coinslot.cash_receipt_number(kind text, number text) returns text
language plpgsql stable set search_path = '' as $$
declare
  v_number text := translate(cash_receipt_number.number, ' -', '');
begin
  if coalesce(kind not in ('income_deduction', 'expenditure_proof'), true) then
    perform coinslot.fail('invalid_argument', '{"argument": "kind"}');
  elsif (case kind
    when 'expenditure_proof' then coinslot.is_business_number(v_number)
    else v_number ~ '^(01[0-9]{8,9}|[0-9]{13,19})$' and v_number <> coinslot.nobodys_number()
  end) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "number"}');
  end if;
  return v_number;
end
$$;
comment on function coinslot.cash_receipt_number(text, text) is
'The digits of a number that fits the kind: a phone or cash receipt card, or a business; PT400.';
revoke all on function coinslot.cash_receipt_number(text, text) from public;

create function coinslot.masked(number text) returns text
language sql immutable parallel safe set search_path = ''
return repeat('*', length(masked.number) - 4) || right(masked.number, 4);
comment on function coinslot.masked(text) is 'A number of which the last four digits are shown.';
revoke all on function coinslot.masked(text) from public;

-- A deposit that was paid in another way has none, and one whose money is gone.
create function coinslot.check_cash_receipt(payment public.token_payments) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_why text := case
    when (select s.cash_receipts from coinslot.settings s where s.id) = 'off' then 'off'
    when payment.currency <> 'KRW' then 'currency'
    when num_nonnulls(payment.method, payment.confirmed_at) > 0
      and not coinslot.is_cash(payment.method)
    then 'method'
    when payment.confirmed_at is not null and coinslot.held_money(payment) = 0
      or coinslot.has_ended(payment.status) then 'over'
  end;
begin
  if v_why is not null then
    perform coinslot.fail('no_cash_receipt', jsonb_build_object('why', v_why));
  end if;
end
$$;
comment on function coinslot.check_cash_receipt(public.token_payments) is
'PT409 for an order that can have no cash receipt.';
revoke all on function coinslot.check_cash_receipt(public.token_payments) from public;

-- A request can be corrected until the gateway has been asked, and again once it has failed for
-- certain: after a question without an answer there may be a receipt.
create function coinslot.save_cash_receipt(
  payment public.token_payments, kind text, number text
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_receipt coinslot.cash_receipts;
begin
  select r.* into v_receipt from coinslot.cash_receipts r where r.payment_id = payment.id for update;
  if found and (
    v_receipt.asked is not null or v_receipt.amount > 0 or v_receipt.by_gateway
    or v_receipt.leased_until > clock_timestamp() or v_receipt.status = 'cancelled'
    or v_receipt.attempt >= coinslot.last_issue()
  ) then
    if (v_receipt.kind, v_receipt.number) is distinct from (
      save_cash_receipt.kind, coinslot.masked(save_cash_receipt.number)
    ) then
      perform coinslot.fail(
        'cash_receipt_exists', jsonb_build_object('status', v_receipt.status)
      );
    end if;
    return;
  end if;
  insert into coinslot.cash_receipts as r (payment_id, gateway, kind, number, next_try_at)
  values (
    payment.id, payment.gateway, save_cash_receipt.kind,
    coinslot.masked(save_cash_receipt.number),
    case when payment.confirmed_at is not null then clock_timestamp() end
  )
  on conflict on constraint cash_receipts_pkey do update set
    kind = excluded.kind, number = excluded.number, status = 'requested', tries = 0,
    failure_code = null, failure_message = null, next_try_at = excluded.next_try_at,
    updated_at = clock_timestamp();
  insert into coinslot.cash_receipt_numbers as n (payment_id, number)
  values (payment.id, save_cash_receipt.number)
  on conflict on constraint cash_receipt_numbers_pkey do update set number = excluded.number;
end
$$;
comment on function coinslot.save_cash_receipt(public.token_payments, text, text) is
'Keeps what a buyer asks for, unless the gateway has been asked already; PT409.';
revoke all on function coinslot.save_cash_receipt(public.token_payments, text, text) from public;

create function coinslot.request_cash_receipt(order_id text, kind text, number text)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_number text := coinslot.cash_receipt_number(
    request_cash_receipt.kind, request_cash_receipt.number
  );
  v_payment public.token_payments;
begin
  select p.* into v_payment from public.token_payments p
  where p.order_id = request_cash_receipt.order_id and p.user_id = v_user_id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  perform coinslot.check_cash_receipt(v_payment);
  perform coinslot.save_cash_receipt(v_payment, request_cash_receipt.kind, v_number);
  return (
    select jsonb_build_object(
      'order_id', v_payment.order_id, 'kind', r.kind, 'number', r.number, 'status', r.status
    )
    from coinslot.cash_receipts r where r.payment_id = v_payment.id
  );
end
$$;
comment on function coinslot.request_cash_receipt(text, text, text) is
'See public.request_token_cash_receipt.';
revoke all on function coinslot.request_cash_receipt(text, text, text) from public;
grant execute on function coinslot.request_cash_receipt(text, text, text) to authenticated;

create function public.request_token_cash_receipt(order_id text, kind text, number text)
returns jsonb
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.request_cash_receipt(
    request_token_cash_receipt.order_id, request_token_cash_receipt.kind,
    request_token_cash_receipt.number
  )
$$;
comment on function public.request_token_cash_receipt(text, text, text) is
'Asks for the cash receipt of the caller''s own order: income_deduction by a phone number or a cash
receipt card, expenditure_proof by a business number. {order_id, kind, number, status}, the number
but for its last four digits hidden. PT409 where the order can have none, or the gateway has been
asked already.';
revoke all on function public.request_token_cash_receipt(text, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.request_token_cash_receipt(text, text, text) to authenticated;

-- Before the order is paid: after that the seller's duty may be to issue one unasked.
create function coinslot.withdraw_cash_receipt(order_id text) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_payment public.token_payments;
  v_receipt coinslot.cash_receipts;
begin
  select p.* into v_payment from public.token_payments p
  where p.order_id = withdraw_cash_receipt.order_id and p.user_id = v_user_id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  select r.* into v_receipt from coinslot.cash_receipts r
  where r.payment_id = v_payment.id for update;
  if not found then
    return false;
  elsif v_payment.confirmed_at is not null then
    perform coinslot.fail('cash_receipt_exists', jsonb_build_object('status', v_receipt.status));
  end if;
  delete from coinslot.cash_receipts r where r.payment_id = v_payment.id;
  return true;
end
$$;
comment on function coinslot.withdraw_cash_receipt(text) is
'See public.withdraw_token_cash_receipt.';
revoke all on function coinslot.withdraw_cash_receipt(text) from public;
grant execute on function coinslot.withdraw_cash_receipt(text) to authenticated;

create function public.withdraw_token_cash_receipt(order_id text) returns boolean
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.withdraw_cash_receipt(withdraw_token_cash_receipt.order_id)
$$;
comment on function public.withdraw_token_cash_receipt(text) is
'Takes back what the caller asked for by request_token_cash_receipt, and forgets the number; false
where nothing was asked. PT409 once the order is paid.';
revoke all on function public.withdraw_token_cash_receipt(text)
from public, anon, authenticated, service_role;
grant execute on function public.withdraw_token_cash_receipt(text) to authenticated;

-- ---- following the money ----

-- A lease is not cut short: who has it may be asking the gateway. What has failed, or was cancelled
-- by somebody else, is not issued anew because a part is refunded. The same money may have come in
-- another way: by a second attempt, when the bank undid the first.
create function coinslot.follow_cash_receipt() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  update coinslot.cash_receipts r set
    tries = case when r.asked is null then 0 else r.tries end, updated_at = v_now,
    next_try_at = greatest(v_now, r.leased_until)
  where r.payment_id = new.id and (
    r.amount > 0 or r.asked is not null or r.status in ('requested', 'in_progress')
    or r.status = 'cancelled'
    and (coinslot.held_money(old) = 0 or not coinslot.is_cash(old.method))
  );
  if not found and (
    old.confirmed_at is null or old.method is not null and not coinslot.is_cash(old.method)
  ) and new.currency = 'KRW' and coinslot.is_cash(new.method)
  then
    insert into coinslot.cash_receipts (payment_id, gateway, kind, next_try_at)
    select new.id, new.gateway, 'self_issued', v_now
    from coinslot.settings s
    where s.id and s.cash_receipts = 'always' and s.cash_receipts_from <= new.paid
    on conflict on constraint cash_receipts_pkey do nothing;
  end if;
  return null;
end
$$;
comment on function coinslot.follow_cash_receipt() is
'Trigger: has the cash receipt of an order brought to the money that it holds.';
revoke all on function coinslot.follow_cash_receipt() from public;
create trigger token_payments_cash_receipt after update on public.token_payments
for each row when (
  new.confirmed_at is not null and (
    old.confirmed_at is null or old.paid <> new.paid or old.refunded <> new.refunded
    or old.withdrawn <> new.withdrawn or old.method <> new.method
  )
)
execute function coinslot.follow_cash_receipt();

-- ---- a server's work ----

create type public.coinslot_cash_receipt as (
  payment public.token_payments,
  kind text,
  number text,
  amount bigint,
  wanted bigint,
  asked bigint,
  tax_free bigint,
  attempt integer,
  answers integer,
  tries integer,
  asked_on date [],
  by_gateway boolean,
  receipt_key text,
  lease bigint
);
comment on type public.coinslot_cash_receipt is
'A cash receipt to be brought from its amount to what is asked for; asked is null: to be read.';
revoke all on type public.coinslot_cash_receipt from public;
grant usage on type public.coinslot_cash_receipt to service_role;

-- Of one that never was: the order was paid in another way, or its money is gone, or whose number
-- it is to have is not known any more.
create function coinslot.end_unasked(receipt coinslot.cash_receipts, wanted bigint) returns boolean
language plpgsql volatile set search_path = '' as $$
declare
  v_status text;
  v_code text;
begin
  if receipt.amount > 0 or receipt.asked is not null then
    return false;
  elsif end_unasked.wanted = 0 then
    if receipt.asked_on <> '{}' then
      return false;
    end if;
    v_status := 'cancelled';
    v_code := case when not exists (
      select from public.token_payments p
      where p.id = receipt.payment_id and coinslot.is_cash(p.method)
    ) then 'not_cash' end;
  elsif receipt.attempt >= coinslot.last_issue() then
    v_status := 'failed';
    v_code := 'never_fits';
  elsif receipt.kind <> 'self_issued' and not exists (
    select from coinslot.cash_receipt_numbers n where n.payment_id = receipt.payment_id
  ) then
    v_status := 'failed';
    v_code := 'number_gone';
  else
    return false;
  end if;
  update coinslot.cash_receipts r set
    status = v_status, failure_code = v_code, next_try_at = null, updated_at = clock_timestamp()
  where r.payment_id = receipt.payment_id;
  return true;
end
$$;
comment on function coinslot.end_unasked(coinslot.cash_receipts, bigint) is
'Ends a receipt that no gateway is to be asked for; false where one is.';
revoke all on function coinslot.end_unasked(coinslot.cash_receipts, bigint) from public;

-- No gateway makes a receipt larger: it is cancelled, and issued anew.
create function coinslot.ask_cash_receipt(receipt coinslot.cash_receipts, wanted bigint)
returns coinslot.cash_receipts
language plpgsql volatile set search_path = '' as $$
declare
  v_asked bigint := coalesce(receipt.asked, case
    when receipt.amount = ask_cash_receipt.wanted then null
    when receipt.amount = 0 or receipt.amount > ask_cash_receipt.wanted
    then ask_cash_receipt.wanted
    else 0
  end);
  v_today date := (clock_timestamp() at time zone 'Asia/Seoul')::date;
  v_receipt coinslot.cash_receipts;
begin
  update coinslot.cash_receipts r set
    asked = v_asked, tries = r.tries + 1, lease = r.lease + 1,
    attempt = r.attempt + case when r.asked is null and r.amount = 0 and v_asked > 0
      then 1 else 0 end,
    asked_on = case when v_asked is null or v_today = any (r.asked_on) then r.asked_on
      else r.asked_on || v_today end,
    leased_until = clock_timestamp() + interval '1 minute',
    next_try_at = clock_timestamp() + coinslot.cash_receipt_wait(r.tries + 1)
  where r.payment_id = receipt.payment_id
  returning r.* into v_receipt;
  return v_receipt;
end
$$;
comment on function coinslot.ask_cash_receipt(coinslot.cash_receipts, bigint) is
'Writes what its gateway is asked for, and leases the receipt to who asks.';
revoke all on function coinslot.ask_cash_receipt(coinslot.cash_receipts, bigint) from public;

-- Keys are of one mode: those of a live shop know no test payment. A receipt that ends here is told
-- of: so payments are locked, which comes before wallets, and these one after the other by their
-- ids.
create function coinslot.claim_cash_receipts(gateway text, batch integer)
returns setof public.coinslot_cash_receipt
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_receipt coinslot.cash_receipts;
  v_payment public.token_payments;
  v_wanted bigint;
begin
  for v_receipt in
    with due as materialized (
      select r.payment_id, p.user_id
      from coinslot.cash_receipts r
      inner join public.token_payments p on p.id = r.payment_id
      where r.gateway = claim_cash_receipts.gateway and r.next_try_at <= clock_timestamp()
        and (r.leased_until is null or r.leased_until <= clock_timestamp())
        and p.live = coinslot.is_live()
      order by r.next_try_at limit least(greatest(claim_cash_receipts.batch, 1), 1000)
      for no key update of p skip locked for update of r skip locked
    )
    select r.* from due d
    inner join coinslot.cash_receipts r on r.payment_id = d.payment_id
    order by d.user_id, d.payment_id
  loop
    select p.* into v_payment from public.token_payments p where p.id = v_receipt.payment_id;
    v_wanted := coinslot.wanted_of(v_receipt, v_payment);
    if not coinslot.end_unasked(v_receipt, v_wanted) then
      v_receipt := coinslot.ask_cash_receipt(v_receipt, v_wanted);
      return next row(
        v_payment, v_receipt.kind, case v_receipt.kind
          when 'self_issued' then coinslot.nobodys_number()
          else (
            select n.number from coinslot.cash_receipt_numbers n
            where n.payment_id = v_receipt.payment_id
          )
        end, v_receipt.amount, v_wanted, v_receipt.asked,
        coalesce((coinslot.tax_within(v_payment, v_receipt.asked)).tax_free, 0),
        v_receipt.attempt, v_receipt.answers, v_receipt.tries, v_receipt.asked_on,
        v_receipt.by_gateway, v_receipt.receipt_key, v_receipt.lease
      )::public.coinslot_cash_receipt;
    end if;
  end loop;
end
$$;
comment on function coinslot.claim_cash_receipts(text, integer) is
'See public.coinslot_claim_cash_receipts.';
revoke all on function coinslot.claim_cash_receipts(text, integer) from public;
grant execute on function coinslot.claim_cash_receipts(text, integer) to service_role;

create function public.coinslot_claim_cash_receipts(gateway text, batch integer default 20)
returns public.coinslot_cash_receipt[]
language sql volatile set search_path = '' as $$
  select array(select c from coinslot.claim_cash_receipts(
    coinslot_claim_cash_receipts.gateway, coinslot_claim_cash_receipts.batch
  ) c)
$$;
comment on function public.coinslot_claim_cash_receipts(text, integer) is
'Service: cash receipts that are to be issued, changed or looked at at a gateway, leased to the
caller.';
revoke all on function public.coinslot_claim_cash_receipts(text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_cash_receipts(text, integer) to service_role;

-- What an answer makes of a receipt. Refused: an issue for good, a cancel is asked for again a day
-- later, since the tax office may not have had the receipt yet. At another amount than the order's
-- money: the next step is due, unless the gateway takes it by itself. At the same: issued once the
-- tax office has had its time, and until then it is looked at again.
create function coinslot.judge_cash_receipt(
  receipt coinslot.cash_receipts, wanted bigint, said text, final boolean,
  out status text, out next_try_at timestamptz, out failure text
)
language plpgsql stable set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_looked_at timestamptz := receipt.changed_at + coinslot.tax_office_days();
begin
  status := 'in_progress';
  if said = 'cancelled' and receipt.asked is null then
    status := 'cancelled';
  elsif said = 'failed' and receipt.amount = 0 then
    status := case wanted when 0 then 'cancelled' else 'failed' end;
  elsif receipt.amount <> wanted and receipt.answers >= 30 then
    status := 'failed';
    failure := 'never_fits';
  elsif said = 'failed' and receipt.amount <> wanted then
    next_try_at := v_now + interval '1 day';
  elsif receipt.amount <> wanted and receipt.by_gateway and receipt.tries >= 8 then
    status := 'failed';
    failure := 'does_not_follow';
  elsif receipt.amount <> wanted then
    next_try_at := v_now + case when receipt.tries > 0 or receipt.by_gateway
      then coinslot.cash_receipt_wait(receipt.tries) else interval '0' end;
  elsif final or said <> 'in_progress' and v_looked_at <= v_now then
    status := case wanted when 0 then 'cancelled' else 'issued' end;
  elsif v_looked_at + interval '12 days' <= v_now then
    status := case wanted when 0 then 'cancelled' else 'failed' end;
    failure := 'no_word';
  else
    status := case wanted when 0 then 'cancelled' else 'in_progress' end;
    next_try_at := case said
      when 'in_progress' then v_now + interval '1 day'
      else greatest(v_looked_at, v_now + interval '1 minute')
    end;
  end if;
end
$$;
comment on function coinslot.judge_cash_receipt(coinslot.cash_receipts, bigint, text, boolean) is
'The status of a receipt that its gateway has told of, and when it is looked at again.';
revoke all on function coinslot.judge_cash_receipt(coinslot.cash_receipts, bigint, text, boolean)
from public;

create function coinslot.apply_cash_receipt(
  before coinslot.cash_receipts, wanted bigint, said text, amount bigint, final boolean,
  told jsonb
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_receipt coinslot.cash_receipts := before;
  v_judged record;
begin
  v_receipt.amount := apply_cash_receipt.amount;
  v_receipt.by_gateway := before.by_gateway or coalesce((told ->> 'by_gateway')::boolean, false);
  if before.asked is not null or before.amount <> apply_cash_receipt.amount then
    v_receipt.answers := before.answers + 1;
  end if;
  if before.amount <> apply_cash_receipt.amount then
    v_receipt.changed_at := clock_timestamp();
    v_receipt.tries := case said when 'failed' then before.tries else 0 end;
  end if;
  v_receipt.changed_at := coalesce(v_receipt.changed_at, clock_timestamp());
  v_judged := coinslot.judge_cash_receipt(v_receipt, wanted, said, final);
  update coinslot.cash_receipts r set
    status = v_judged.status, amount = v_receipt.amount, asked = null,
    answers = v_receipt.answers, by_gateway = v_receipt.by_gateway,
    receipt_key = coalesce(told ->> 'receipt_key', r.receipt_key),
    issue_number = coalesce(told ->> 'issue_number', r.issue_number),
    failure_code = coalesce(v_judged.failure, case said when 'failed' then told ->> 'failure_code' end),
    failure_message = case said when 'failed' then told ->> 'failure_message' end,
    tries = case when v_receipt.amount = wanted and said <> 'failed' then 0 else v_receipt.tries end,
    leased_until = null, next_try_at = v_judged.next_try_at, changed_at = v_receipt.changed_at,
    issued_at = coalesce(r.issued_at, case v_judged.status when 'issued' then clock_timestamp() end),
    updated_at = clock_timestamp()
  where r.payment_id = before.payment_id;
end
$$;
comment on function coinslot.apply_cash_receipt(
  coinslot.cash_receipts, bigint, text, bigint, boolean, jsonb
) is 'Writes what a gateway has answered.';
revoke all on function coinslot.apply_cash_receipt(
  coinslot.cash_receipts, bigint, text, bigint, boolean, jsonb
) from public;

-- An answer of an earlier lease is late: somebody else has asked meanwhile, and hears the same.
create function coinslot.finish_cash_receipt(
  order_id text, lease bigint, said text, amount bigint, final boolean, told jsonb
) returns text
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_payment public.token_payments;
  v_receipt coinslot.cash_receipts;
begin
  if coalesce(said not in ('in_progress', 'issued', 'failed', 'cancelled'), true) then
    perform coinslot.fail('invalid_argument', '{"argument": "status"}');
  elsif coalesce(finish_cash_receipt.amount not between 0 and coinslot.max_amount(), true) then
    perform coinslot.fail('invalid_amount');
  end if;
  perform coinslot.check_text('receipt_key', coalesce(told ->> 'receipt_key', ''), 200);
  perform coinslot.check_text('issue_number', coalesce(told ->> 'issue_number', ''), 100);
  perform coinslot.check_text('failure_code', coalesce(told ->> 'failure_code', ''), 100);
  perform coinslot.check_text('failure_message', coalesce(told ->> 'failure_message', ''), 500);
  select p.* into v_payment from public.token_payments p
  where p.order_id = finish_cash_receipt.order_id for no key update;
  select r.* into v_receipt from coinslot.cash_receipts r
  where r.payment_id = v_payment.id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  if v_receipt.lease = finish_cash_receipt.lease and v_receipt.leased_until is not null then
    perform coinslot.apply_cash_receipt(
      v_receipt, coinslot.wanted_of(v_receipt, v_payment), finish_cash_receipt.said,
      finish_cash_receipt.amount, finish_cash_receipt.final, told
    );
  end if;
  return (
    select r.status from coinslot.cash_receipts r where r.payment_id = v_payment.id
  );
end
$$;
comment on function coinslot.finish_cash_receipt(text, bigint, text, bigint, boolean, jsonb) is
'See public.coinslot_finish_cash_receipt.';
revoke all on function coinslot.finish_cash_receipt(text, bigint, text, bigint, boolean, jsonb)
from public;
grant execute on function coinslot.finish_cash_receipt(text, bigint, text, bigint, boolean, jsonb)
to service_role;

create function public.coinslot_finish_cash_receipt(
  order_id text, lease bigint, status text, amount bigint, final boolean default false,
  by_gateway boolean default false, receipt_key text default null, issue_number text default null,
  failure_code text default null, failure_message text default null
) returns text
language sql volatile set search_path = '' as $$
  select coinslot.finish_cash_receipt(
    coinslot_finish_cash_receipt.order_id, coinslot_finish_cash_receipt.lease,
    coinslot_finish_cash_receipt.status, coinslot_finish_cash_receipt.amount,
    coalesce(coinslot_finish_cash_receipt.final, false), jsonb_build_object(
      'by_gateway', coinslot_finish_cash_receipt.by_gateway,
      'receipt_key', coinslot_finish_cash_receipt.receipt_key,
      'issue_number', coinslot_finish_cash_receipt.issue_number,
      'failure_code', coinslot_finish_cash_receipt.failure_code,
      'failure_message', coinslot_finish_cash_receipt.failure_message
    )
  )
$$;
comment on function public.coinslot_finish_cash_receipt(
  text, bigint, text, bigint, boolean, boolean, text, text, text, text
) is
'Service: what a gateway has said of a cash receipt: in_progress, issued, failed or cancelled, and
the amount that it stands for now; final is the tax office''s own word. The receipt''s status.';
revoke all on function public.coinslot_finish_cash_receipt(
  text, bigint, text, bigint, boolean, boolean, text, text, text, text
) from public, anon, authenticated, service_role;
grant execute on function public.coinslot_finish_cash_receipt(
  text, bigint, text, bigint, boolean, boolean, text, text, text, text
) to service_role;

-- ---- operators, and the end of what is personal ----

create function coinslot.list_cash_receipts(status text, after text, page_size integer)
returns jsonb
language plpgsql stable security definer set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_from record := coinslot.read_cursor(list_cash_receipts.after);
  v_size integer := least(greatest(coalesce(list_cash_receipts.page_size, 50), 1), 500);
  v_items jsonb;
  v_last text;
begin
  perform coinslot.require_operator(variadic coinslot.operator_roles());
  with walk as materialized (
    (select r.* from coinslot.cash_receipts r
    where list_cash_receipts.status is distinct from 'failed'
      and (r.requested_at, r.payment_id) < (v_from.at, v_from.id)
    order by r.requested_at desc, r.payment_id desc limit coinslot.walk_for(to_jsonb(list_cash_receipts.status), v_size))
    union all
    (select r.* from coinslot.cash_receipts r
    where list_cash_receipts.status = 'failed' and r.status = 'failed'
      and r.requested_at <= v_from.at
      and (r.requested_at, r.payment_id) < (v_from.at, v_from.id)
    order by r.requested_at desc, r.payment_id desc limit coinslot.walk_for(null, v_size))
  ), found as (
    select w.* from walk w
    where list_cash_receipts.status is null or w.status = list_cash_receipts.status
    order by w.requested_at desc, w.payment_id desc limit v_size + 1
  )
  select jsonb_agg(jsonb_build_object(
    'order_id', p.order_id, 'user_id', p.user_id, 'gateway', f.gateway, 'kind', f.kind,
    'number', f.number, 'status', f.status, 'amount', f.amount, 'currency', p.currency,
    'wanted', coinslot.wanted_of(r, p), 'by_gateway', f.by_gateway,
    'receipt_key', f.receipt_key, 'issue_number', f.issue_number,
    'failure_code', f.failure_code, 'failure_message', f.failure_message,
    'requested_at', f.requested_at, 'issued_at', f.issued_at, 'updated_at', f.updated_at,
    'next_try_at', f.next_try_at,
    'cursor', coinslot.cursor_of(f.requested_at, f.payment_id::text)
  ) order by f.requested_at desc, f.payment_id desc), (
    select coinslot.cursor_of(e.requested_at, e.payment_id::text) from (
      select w.requested_at, w.payment_id from walk w
      order by w.requested_at desc, w.payment_id desc offset coinslot.walk_length() - 1
    ) e
  ) into v_items, v_last
  from found f
  inner join coinslot.cash_receipts r on r.payment_id = f.payment_id
  inner join public.token_payments p on p.id = f.payment_id;
  return coinslot.page_of(v_items, v_size, v_last);
end
$$;
comment on function coinslot.list_cash_receipts(text, text, integer) is
'See public.list_token_cash_receipts.';
revoke all on function coinslot.list_cash_receipts(text, text, integer) from public;
grant execute on function coinslot.list_cash_receipts(text, text, integer) to authenticated;

create function public.list_token_cash_receipts(
  status text default null, after text default null, page_size integer default 50
) returns jsonb
language sql stable
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.list_cash_receipts(
    list_token_cash_receipts.status, list_token_cash_receipts.after,
    list_token_cash_receipts.page_size
  )
$$;
comment on function public.list_token_cash_receipts(text, text, integer) is
'Operators: cash receipts, newest first, of one status or all: {items, next}, where next is the
after of the page that follows. Numbers are hidden but for their last four digits.';
revoke all on function public.list_token_cash_receipts(text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.list_token_cash_receipts(text, text, integer) to authenticated;

-- Nothing is asked of an order any more whose receipt is due at no time. Of a partial refund later
-- than that, a receipt that has to be issued anew fails: there is nobody to name.
create function coinslot.purge_cash_receipt_numbers(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_before timestamptz := (
    select clock_timestamp() - s.keep_cash_receipt_numbers from coinslot.settings s
  );
  v_count bigint;
begin
  with due as materialized (
    select r.payment_id
    from coinslot.cash_receipts r
    inner join coinslot.cash_receipt_numbers n on n.payment_id = r.payment_id
    inner join public.token_payments p on p.id = r.payment_id
    where r.updated_at < v_before and r.next_try_at is null
      and p.status not in ('pending', 'awaiting_deposit', 'review')
    order by r.updated_at limit purge_cash_receipt_numbers.batch
    for update of r skip locked
  )
  delete from coinslot.cash_receipt_numbers n using due where n.payment_id = due.payment_id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function coinslot.purge_cash_receipt_numbers(integer) is
'Deletes numbers of cash receipts of which nothing is to come; how many.';
revoke all on function coinslot.purge_cash_receipt_numbers(integer) from public;
