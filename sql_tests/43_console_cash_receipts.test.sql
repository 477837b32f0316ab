-- Cash receipts in the console: asked for again after a failure, called off, and found by those who
-- are to do it.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/staff.sql
select no_plan();

select pg_temp.sign_up('ann@example.com') as ann \gset
select pg_temp.change($$update coinslot.settings set cash_receipts = 'on_request'$$) \g /dev/null
create function pg_temp.bought(buyer uuid) returns text
language plpgsql as $$
declare
  v_order text := pg_temp.as_user(buyer, $q$select order_id from create_token_order('starter', 'portone')$q$)
    ->> 'order_id';
begin
  perform pg_temp.as_user(buyer, format(
    'select request_token_cash_receipt(%L, ''income_deduction'', ''01012345678'')', v_order
  ));
  perform pg_temp.read(v_order, 'A:paid paid=5000 method=transfer');
  return v_order;
end
$$;
-- What is asked of the gateway now, as `amount asked`.
create function pg_temp.claim() returns text
language sql as $$
  select string_agg(concat_ws(' ', c ->> 'amount', coalesce(c ->> 'asked', '-')), ', ')
  from jsonb_array_elements(
    pg_temp.as_service('select coinslot_claim_cash_receipts(''portone'') as c') -> 'c'
  ) c
$$;
create function pg_temp.told(order_id text, status text, amount bigint) returns text
language sql as $$
  select pg_temp.as_service(format(
    'select coinslot_finish_cash_receipt(%L, %s, %L, %s, final => true) as s',
    told.order_id, r.lease, told.status, told.amount
  )) ->> 's'
  from coinslot.cash_receipts r inner join token_payments p on p.id = r.payment_id
  where p.order_id = told.order_id
$$;
create function pg_temp.can(role text, order_id text) returns text
language sql as $$
  select concat_ws(' ', c ->> 'status', c ->> 'wanted', c ->> 'can_retry', c ->> 'can_cancel')
  from (select pg_temp.get(role, 'order', order_id) -> 'cash_receipt') o (c)
$$;

select pg_temp.bought(:'ann') as order_id \gset
select is(pg_temp.can('finance', :'order_id'), 'requested 5000 false true', 'an order shows its receipt');
select is(pg_temp.can('support', :'order_id'), 'requested 5000 false false', '... and what one may do about it');
select is(pg_temp.get('finance', 'order', :'order_id') #>> '{cash_receipt,number}', '*******5678', '... and no number of a person');
select is(pg_temp.get('support', 'attention') -> 'cash_receipts', '0', 'nobody needs to look');
select is(pg_temp.act('finance', 'retry_cash_receipt', :'order_id') ->> 'error', 'changed_meanwhile', 'what has not failed is not asked for again');
select pg_temp.claim() \g /dev/null
select is(pg_temp.told(:'order_id', 'failed', 0), 'failed', 'it fails');
select is(pg_temp.get('support', 'attention') -> 'cash_receipts', '1', '... and needs somebody');
select is(
  jsonb_path_query_array(pg_temp.list('support', 'cash_receipts', '{"state": "failed"}'), '$.items[*].order_id'),
  jsonb_build_array(:'order_id'), '... who finds it'
);
select is(pg_temp.list('support', 'cash_receipts', '{"state": "issued"}') -> 'items', '[]', '... among those that failed');
select is(pg_temp.act('support', 'retry_cash_receipt', :'order_id') ->> 'code', 'PT403', 'support may not');
select is(pg_temp.act('finance', 'retry_cash_receipt', :'order_id') ->> 'order_id', :'order_id', 'finance asks again');
select is(pg_temp.can('finance', :'order_id'), 'requested 5000 false true', '... once');
select is(pg_temp.claim(), '0 5000', '... and so does the server');
select is(
  (select concat_ws(' ', a.action, a.detail ->> 'status') from coinslot.operator_actions a where a.subject = :'order_id'),
  'cash_receipt_retried failed', '... which is kept'
);

-- Called off while it is being issued: what was asked for ends first.
select is(pg_temp.act('finance', 'cancel_cash_receipt', :'order_id') ->> 'order_id', :'order_id', 'a receipt is called off');
select is(pg_temp.act('finance', 'cancel_cash_receipt', :'order_id') ->> 'error', 'changed_meanwhile', '... once');
select is(pg_temp.claim(), null, '... and no lease is cut short');
select is(pg_temp.told(:'order_id', 'issued', 5000), 'in_progress', '... so that it may be issued first');
select is(pg_temp.claim(), '5000 0', '... and is cancelled then, though the order keeps its money');
select is(pg_temp.told(:'order_id', 'issued', 0), 'cancelled', 'cancelled');
select is(pg_temp.get('support', 'attention') -> 'cash_receipts', '0', '... and needs nobody');
select is(pg_temp.can('finance', :'order_id'), 'cancelled 0 true false', 'it may be asked for after all');
select is(pg_temp.act('owner', 'retry_cash_receipt', :'order_id') ->> 'order_id', :'order_id', '...');
select is(pg_temp.claim(), '0 5000', '... over the money of the order');

-- What failed because there is nobody to name cannot be asked for.
select pg_temp.bought(:'ann') as nobody \gset
select pg_temp.change(format(
  'delete from coinslot.cash_receipt_numbers where payment_id = (select p.id from token_payments p where p.order_id = %L)', :'nobody'
)) \g /dev/null
select pg_temp.claim() \g /dev/null
select is(pg_temp.can('finance', :'nobody'), 'failed 5000 false true', 'without a number nothing is asked again');
select is(pg_temp.act('finance', 'cancel_cash_receipt', :'nobody') ->> 'order_id', :'nobody', '... but it is called off');
select is(pg_temp.claim(), null, '...');
select is(pg_temp.can('finance', :'nobody'), 'cancelled 0 false false', '... so that it needs nobody');

-- What a gateway has issued by itself follows the payment.
select pg_temp.bought(:'ann') as own \gset
select pg_temp.change('update coinslot.cash_receipts set by_gateway = true where status = ''requested''') \g /dev/null
select is(pg_temp.can('owner', :'own'), 'requested 5000 false false', 'the gateway''s own is not called off here');
select is(pg_temp.act('owner', 'cancel_cash_receipt', 'ord_of_nobody') ->> 'error', 'order_not_found', 'what there is not is not found');

select * from finish();
rollback;
