-- Keys are of one mode: those of a live shop know no test payment. A receipt that ends here is told
-- of: so payments are locked, which comes before wallets, and these one after the other by their
-- ids.
create or replace function coinslot.claim_cash_receipts(gateway text, batch integer)
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
    v_wanted := coinslot.wanted_cash_receipt(v_payment);
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

-- Cash receipts, told of: those that the tax office has, and those that it will not have.

insert into coinslot.event_types (type, description) values
('cash_receipt.issued', 'The tax office has the cash receipt of an order.'),
('cash_receipt.failed', 'An order has no cash receipt, or one that does not fit it.');

-- Who asked may ask again where there is none yet. Of any other a person decides.
insert into coinslot.mail_kinds (kind, event_type, roles, only_if) values
('cash_receipt', 'cash_receipt.issued', null, '$.kind != "self_issued"'),
('cash_receipt_failed', 'cash_receipt.failed', null, '$.kind != "self_issued" && $.amount == 0'),
('cash_receipt_case', 'cash_receipt.failed', '{finance,owner}', null);

create function coinslot.tell_of_cash_receipt() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_payment public.token_payments;
begin
  select p.* into strict v_payment from public.token_payments p where p.id = new.payment_id;
  perform coinslot.emit('cash_receipt.' || new.status, v_payment.user_id, jsonb_build_object(
    'order_id', v_payment.order_id, 'gateway', new.gateway, 'kind', new.kind,
    'status', new.status, 'amount', new.amount, 'currency', v_payment.currency
  ) || case new.status
    when 'failed' then jsonb_build_object('failure_code', new.failure_code)
    else jsonb_build_object('issue_number', new.issue_number)
  end);
  return null;
end
$$;
comment on function coinslot.tell_of_cash_receipt() is
'Trigger: writes that a cash receipt was issued, or failed.';
revoke all on function coinslot.tell_of_cash_receipt() from public;
create trigger cash_receipts_told after update of status on coinslot.cash_receipts
for each row when (new.status in ('issued', 'failed') and old.status <> new.status)
execute function coinslot.tell_of_cash_receipt();

notify pgrst, 'reload schema';
