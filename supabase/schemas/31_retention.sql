-- Retention: what nobody needs any more goes, by kind and after the time that the settings give
-- (coinslot.settings, in foundation.sql).
-- Payments that saw money, their attempts, refunds and events, the ledger and every discrepancy
-- stay for ever: the law asks for years of them, and every rule about money counts on them.
--
-- Each step takes a batch of the oldest and skips what is locked, so nobody waits for it.

-- An order that came to nothing for good: no money was ever seen of it, nothing is still to be
-- read, and no person was ever asked about it. However short a time is set, it is not so within a
-- month.
create function coinslot.is_abandoned(payment public.token_payments) returns boolean
language sql stable set search_path = '' as $$
  select
    payment.status in ('failed', 'canceled', 'expired', 'voided')
    and payment.confirmed_at is null
    and greatest(payment.paid, payment.refunded, payment.disputed, payment.withdrawn) = 0
    and payment.updated_at < clock_timestamp() - interval '30 days'
    and not exists (
      select from coinslot.payment_attempts a where a.payment_id = payment.id
        and greatest(a.paid, a.refunded, a.refunding, a.disputed, a.withdrawn) > 0
    )
    and not exists (select from coinslot.refunds r where r.payment_id = payment.id)
    and not exists (select from public.token_ledger l where l.payment_id = payment.id)
    and not exists (select from coinslot.payment_reads r where r.payment_id = payment.id)
    and not exists (select from coinslot.discrepancies d where d.order_id = payment.order_id)
    and not exists (
      select from coinslot.webhooks w
      where w.order_id = payment.order_id and w.next_attempt_at is not null
    )
$$;
comment on function coinslot.is_abandoned(public.token_payments) is
'True of an order that never saw money and never will be asked for.';
revoke all on function coinslot.is_abandoned(public.token_payments) from public;

-- The events of an order go with it and not before, whoever deletes.
create function coinslot.guard_event() returns trigger
language plpgsql stable set search_path = '' as $$
begin
  if exists (
    select from public.token_payments p
    where p.id = old.payment_id and coinslot.is_abandoned(p)
  ) then
    return old;
  end if;
  perform coinslot.fail('append_only', jsonb_build_object('table', tg_table_name));
  return null;
end
$$;
comment on function coinslot.guard_event() is
'Trigger: an event is deleted with an abandoned order only.';
revoke all on function coinslot.guard_event() from public;
create trigger token_payment_events_removed before delete on public.token_payment_events
for each row execute function coinslot.guard_event();

-- Late money for one of them is money for an order that nobody knows: that is for a person.
create function coinslot.purge_orders(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_before timestamptz := (select clock_timestamp() - s.keep_unpaid_orders from coinslot.settings s);
  v_ids uuid[] := array(
    select p.id from public.token_payments p
    where p.status in ('failed', 'canceled', 'expired', 'voided')
      and p.created_at < v_before and p.updated_at < v_before and coinslot.is_abandoned(p)
    order by p.created_at limit purge_orders.batch
    for update skip locked
  );
begin
  delete from public.token_payment_events e where e.payment_id = any (v_ids);
  delete from coinslot.payment_attempts a where a.payment_id = any (v_ids);
  delete from public.token_payments p where p.id = any (v_ids);
  return cardinality(v_ids);
end
$$;
comment on function coinslot.purge_orders(integer) is
'Deletes old orders that came to nothing; how many.';
revoke all on function coinslot.purge_orders(integer) from public;

-- What a person still has to decide about may need what was told of it.
create function coinslot.purge_webhooks(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_before timestamptz := (select clock_timestamp() - s.keep_webhooks from coinslot.settings s);
  v_ids bigint[] := array(
    select w.id from coinslot.webhooks w
    where w.finished_at < v_before and w.next_attempt_at is null and not exists (
      select from coinslot.discrepancies d
      where d.order_id = w.order_id and d.order_id <> '' and d.resolved_at is null
    )
    order by w.finished_at limit purge_webhooks.batch
    for update skip locked
  );
begin
  delete from coinslot.webhooks w where w.id = any (v_ids);
  return cardinality(v_ids);
end
$$;
comment on function coinslot.purge_webhooks(integer) is 'Deletes old webhooks; how many.';
revoke all on function coinslot.purge_webhooks(integer) from public;

-- Of audits that are over; the audit itself stays, so that its window is not done again, and what
-- its lines came to.
create function coinslot.purge_audit_lines(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_count bigint;
begin
  with due as materialized (
    select l.audit_id, l.payment_key
    from coinslot.settings s
    inner join coinslot.audits a on a.finished_at < clock_timestamp() - s.keep_audit_lines
    inner join coinslot.audit_lines l
      on l.audit_id = a.id and l.verdict in ('matched', 'later', 'foreign', 'other_mode')
    limit purge_audit_lines.batch
    for update of l skip locked
  )
  delete from coinslot.audit_lines l using due
  where l.audit_id = due.audit_id and l.payment_key = due.payment_key;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function coinslot.purge_audit_lines(integer) is
'Deletes old lines of audits that ask nothing of anybody; how many.';
revoke all on function coinslot.purge_audit_lines(integer) from public;

-- One that found something stays, and so does the latest: the next is due a day after it.
create function coinslot.purge_ledger_checks(batch integer) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_count bigint;
begin
  with due as materialized (
    select c.id
    from coinslot.ledger_checks c
    inner join coinslot.settings s on c.finished_at < clock_timestamp() - s.keep_ledger_checks
    where c.wallets = 0
      and c.id < (select max(f.id) from coinslot.ledger_checks f where f.finished_at is not null)
    order by c.id limit purge_ledger_checks.batch
    for update of c skip locked
  )
  delete from coinslot.ledger_checks c using due where c.id = due.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function coinslot.purge_ledger_checks(integer) is
'Deletes old checks that found nothing; how many.';
revoke all on function coinslot.purge_ledger_checks(integer) from public;

-- The holder may be the buyer. Of an account that is still waited for it is shown; of an order that
-- is over nobody asks for it. Bank and number stay, by which a deposit can be traced.
create function coinslot.purge_account_holders(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_before timestamptz := (
    select clock_timestamp() - s.keep_account_holders from coinslot.settings s
  );
  v_ids uuid[] := array(
    select p.id
    from coinslot.payment_attempts a
    inner join public.token_payments p on p.id = a.payment_id
    where a.virtual_account ? 'holder' and a.updated_at < v_before and p.updated_at < v_before
      and p.status not in ('pending', 'awaiting_deposit', 'review')
    order by a.updated_at limit purge_account_holders.batch
    for update of p skip locked
  );
begin
  update coinslot.payment_attempts a set virtual_account = a.virtual_account - 'holder'
  where a.payment_id = any (v_ids) and a.virtual_account ? 'holder';
  update public.token_payments p set virtual_account = p.virtual_account - 'holder'
  where p.id = any (v_ids) and p.virtual_account ? 'holder';
  return cardinality(v_ids);
end
$$;
comment on function coinslot.purge_account_holders(integer) is
'Blanks the holders of old virtual accounts; orders.';
revoke all on function coinslot.purge_account_holders(integer) from public;

-- A ration that has been made up for is none: whoever hints again begins with a whole one.
create function coinslot.purge_hint_rations(batch integer) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_count bigint;
begin
  with due as materialized (
    select r.user_id from coinslot.hint_rations r where r.used_until < clock_timestamp()
    order by r.used_until limit purge_hint_rations.batch
    for update skip locked
  )
  delete from coinslot.hint_rations r using due where r.user_id = due.user_id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function coinslot.purge_hint_rations(integer) is
'Deletes rations of which nothing is used any more; how many.';
revoke all on function coinslot.purge_hint_rations(integer) from public;

create function coinslot.purge(batch integer) returns jsonb
language sql volatile set search_path = '' as $$
  select jsonb_build_object(
    'unpaid_orders', coinslot.purge_orders(purge.batch),
    'webhooks', coinslot.purge_webhooks(purge.batch),
    'audit_lines', coinslot.purge_audit_lines(purge.batch),
    'ledger_checks', coinslot.purge_ledger_checks(purge.batch),
    'account_holders', coinslot.purge_account_holders(purge.batch),
    'hint_rations', coinslot.purge_hint_rations(purge.batch),
    'hashes', coinslot.purge_hashes(purge.batch),
    'cash_receipt_numbers', coinslot.purge_cash_receipt_numbers(purge.batch)
  )
$$;
comment on function coinslot.purge(integer) is
'Deletes a batch of each kind that has been kept long enough; how many of each.';
revoke all on function coinslot.purge(integer) from public;
