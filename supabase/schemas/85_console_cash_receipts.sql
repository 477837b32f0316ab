-- Cash receipts in the console: what became of one, and what a person does about it.

create function coinslot.cash_receipt_item(
  payment public.token_payments, operator coinslot.operators
) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'kind', r.kind, 'number', r.number, 'status', r.status, 'amount', r.amount,
    'wanted', coinslot.wanted_of(r, payment), 'currency', payment.currency,
    'by_gateway', r.by_gateway, 'called_off', r.called_off, 'issue_number', r.issue_number,
    'failure_code', r.failure_code, 'failure_message', r.failure_message,
    'requested_at', r.requested_at, 'issued_at', r.issued_at, 'next_try_at', r.next_try_at,
    'can_retry', coinslot.may_do(operator, 'retry_cash_receipt')
      and coinslot.can_retry_receipt(r, payment),
    'can_cancel', coinslot.may_do(operator, 'cancel_cash_receipt')
      and coinslot.can_cancel_receipt(r)
  )
  from coinslot.cash_receipts r where r.payment_id = payment.id
$$;
comment on function coinslot.cash_receipt_item(public.token_payments, coinslot.operators) is
'The cash receipt of an order, and what the operator may do with it; or null.';
revoke all on function coinslot.cash_receipt_item(public.token_payments, coinslot.operators)
from public;

-- Where there is one already, its next step is taken; where there is none, there has to be money,
-- and somebody to name.
create function coinslot.can_retry_receipt(
  receipt coinslot.cash_receipts, payment public.token_payments
) returns boolean
language sql stable set search_path = '' as $$
  select receipt.status in ('failed', 'cancelled') and receipt.asked is null and (
    receipt.amount > 0
    or coinslot.wanted_cash_receipt(payment) > 0 and receipt.attempt < coinslot.last_issue()
    and (receipt.kind = 'self_issued' or exists (
      select from coinslot.cash_receipt_numbers n where n.payment_id = receipt.payment_id
    ))
  )
$$;
comment on function coinslot.can_retry_receipt(
  coinslot.cash_receipts, public.token_payments
) is 'True of a receipt that can be asked for again.';
revoke all on function coinslot.can_retry_receipt(coinslot.cash_receipts, public.token_payments)
from public;

-- What a gateway issued with the payment follows the payment's refunds, and nobody else.
create function coinslot.can_cancel_receipt(receipt coinslot.cash_receipts) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select receipt.status <> 'cancelled' and not receipt.called_off and not receipt.by_gateway
$$;
comment on function coinslot.can_cancel_receipt(coinslot.cash_receipts) is
'True of a receipt that can be called off.';
revoke all on function coinslot.can_cancel_receipt(coinslot.cash_receipts) from public;

-- A lease is not cut short: a receipt that is being issued is cancelled afterwards.
create function coinslot.act_on_cash_receipt(action text, order_id text, reason text)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_cancels boolean := act_on_cash_receipt.action = 'cancel_cash_receipt';
  v_payment public.token_payments;
  v_receipt coinslot.cash_receipts;
begin
  select p.* into v_payment from public.token_payments p
  where p.order_id = act_on_cash_receipt.order_id for no key update;
  select r.* into v_receipt from coinslot.cash_receipts r
  where r.payment_id = v_payment.id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  elsif not (case when v_cancels then coinslot.can_cancel_receipt(v_receipt)
    else coinslot.can_retry_receipt(v_receipt, v_payment) end)
  then
    perform coinslot.fail('changed_meanwhile', jsonb_build_object('status', v_receipt.status));
  end if;
  update coinslot.cash_receipts r set
    called_off = v_cancels, tries = 0, updated_at = clock_timestamp(),
    status = case when v_cancels then r.status when r.amount > 0 then 'in_progress'
      else 'requested' end,
    failure_code = null, failure_message = null,
    next_try_at = greatest(clock_timestamp(), r.leased_until)
  where r.payment_id = v_payment.id;
  perform coinslot.note_action(
    case when v_cancels then 'cash_receipt_called_off' else 'cash_receipt_retried' end,
    v_payment.order_id, act_on_cash_receipt.reason,
    jsonb_build_object('status', v_receipt.status, 'failure_code', v_receipt.failure_code)
  );
  return jsonb_build_object('order_id', v_payment.order_id);
end
$$;
comment on function coinslot.act_on_cash_receipt(text, text, text) is
'Asks for a cash receipt again, or has it cancelled whatever money the order holds.';
revoke all on function coinslot.act_on_cash_receipt(text, text, text) from public;
