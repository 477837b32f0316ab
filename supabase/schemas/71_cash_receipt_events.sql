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
