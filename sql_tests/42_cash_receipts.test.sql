-- Cash receipts: one question at a time for each order, the same until it is answered, over the
-- money that the order holds; and whose they are, known to as few as can be.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

select plan(94);

select pg_temp.sign_up('ann@example.com') as ann, pg_temp.sign_up('ben@example.com') as ben \gset
select pg_temp.change($$update coinslot.settings set cash_receipts = 'on_request'$$) \g /dev/null

create function pg_temp.order_of(user_id uuid) returns text
language sql as $$
  select pg_temp.as_user(user_id, $o$select * from create_token_order('starter', 'portone')$o$) ->> 'order_id'
$$;
create function pg_temp.ask(user_id uuid, order_id text, kind text, number text) returns jsonb
language sql as $$
  select pg_temp.as_user(user_id, format(
    'select request_token_cash_receipt(%L, %L, %L) as a', order_id, kind, number
  ))
$$;
create function pg_temp.withdraw(user_id uuid, order_id text) returns jsonb
language sql as $$
  select pg_temp.as_user(user_id, format('select withdraw_token_cash_receipt(%L) as w', order_id))
$$;
create function pg_temp.paid(order_id text, more text default '') returns text
language sql as $$ select pg_temp.read(order_id, 'A:paid paid=5000 method=transfer' || more) $$;
-- One claim, as `amount wanted asked attempt answers tries`; null where nothing is due.
create function pg_temp.claim() returns text
language sql as $$
  select string_agg(concat_ws(
    ' ', c ->> 'amount', c ->> 'wanted', coalesce(c ->> 'asked', '-'), c ->> 'attempt',
    c ->> 'answers', c ->> 'tries'
  ), ', ')
  from jsonb_array_elements(pg_temp.as_service('select coinslot_claim_cash_receipts(''portone'') as c') -> 'c') c
$$;
create function pg_temp.told(order_id text, status text, amount bigint, more text default '') returns text
language sql as $$
  select pg_temp.as_service(format(
    'select coinslot_finish_cash_receipt(%L, %s, %L, %s%s) as s', told.order_id, r.lease, told.status, told.amount, more
  )) ->> 's'
  from coinslot.cash_receipts r inner join token_payments p on p.id = r.payment_id
  where p.order_id = told.order_id
$$;
create function pg_temp.pass(span text) returns void
language sql as $$
  select pg_temp.change(format(
    'update coinslot.cash_receipts r set leased_until = r.leased_until - %1$L::interval,
      next_try_at = r.next_try_at - %1$L::interval, changed_at = r.changed_at - %1$L::interval,
      updated_at = r.updated_at - %1$L::interval', span
  ))
$$;
create function pg_temp.shown(order_id text) returns text
language sql as $$
  select concat_ws(' ', r.status, r.amount, r.failure_code)
  from coinslot.cash_receipts r inner join token_payments p on p.id = r.payment_id
  where p.order_id = shown.order_id
$$;

-- ---- who may ask for what ----

select is(coinslot.is_business_number(n), expected, 'a business number is checked: ' || n)
from (values ('1234567891', true), ('1234567890', false), ('123456789', false), ('', false), ('12345678911', false)) v (n, expected);
select is(coinslot.is_business_number(null), null, '... or is none');

select pg_temp.order_of(:'ann') as order_id \gset
select is(pg_temp.ask(:'ben', :'order_id', 'income_deduction', '01012345678') ->> 'error', 'order_not_found', 'another''s order has none');
select is(pg_temp.ask(:'ann', :'order_id', 'self_issued', '01012345678') -> 'details' ->> 'argument', 'kind', 'nobody asks in nobody''s name');
select is(pg_temp.ask(:'ann', :'order_id', k, n) -> 'details' ->> 'argument', 'number', 'a number has to fit: ' || n)
from (values
  ('income_deduction', '0212345678'), ('income_deduction', '0100001234'), ('income_deduction', '010123456'),
  ('expenditure_proof', '01012345678'), ('expenditure_proof', '1234567890')
) v (k, n);
select is(pg_temp.ask(:'ann', :'order_id', 'income_deduction', '010-1234-5678') -> 'a' ->> 'number', '*******5678', 'it is answered masked');
select is(pg_temp.ask(:'ann', :'order_id', 'expenditure_proof', '123-45-67891') -> 'a' ->> 'kind', 'expenditure_proof', 'it can be corrected before it is asked for');
select is(pg_temp.ask(:'ann', :'order_id', 'income_deduction', '010-1234-5678') -> 'a' ->> 'status', 'requested', '... as often as one likes');
select is(pg_temp.as_user(:'ann', 'select count(*) as n from token_cash_receipts') -> 'n', '1', 'its owner reads it');
select is(pg_temp.as_user(:'ben', 'select count(*) as n from token_cash_receipts') -> 'n', '0', 'and nobody else');
select is(pg_temp.as_user(:'ann', 'select count(*) as n from coinslot.cash_receipt_numbers') ->> 'code', '42501', 'whole numbers are nobody''s');
select is(pg_temp.as_user(:'ann', 'select list_token_cash_receipts()') ->> 'error', 'forbidden', 'the list is operators''');

select is(pg_temp.claim(), null, 'nothing is asked before the order is paid');

select pg_temp.order_of(:'ann') as changed \gset
select pg_temp.ask(:'ann', :'changed', 'income_deduction', '01012345678') \g /dev/null
select is(pg_temp.withdraw(:'ben', :'changed') ->> 'error', 'order_not_found', 'nobody takes back what another asked for');
select is(pg_temp.withdraw(:'ann', :'changed') -> 'w', 'true', 'what was asked for is taken back before it is paid');
select is(pg_temp.withdraw(:'ann', :'changed') -> 'w', 'false', '... once');
select is((select count(*) from coinslot.cash_receipt_numbers), 1::bigint, '... and the number is forgotten');
select pg_temp.paid(:'changed') \g /dev/null
select is(pg_temp.claim(), null, '... so that nothing is asked when it is paid');
select is(pg_temp.withdraw(:'ann', :'changed') -> 'w', 'false', 'of an order without a request there is nothing to take back');

select pg_temp.paid(:'order_id') \g /dev/null
select is(pg_temp.withdraw(:'ann', :'order_id') ->> 'error', 'cash_receipt_exists', 'once it is paid it stays asked for');

-- ---- one question at a time ----

select is(pg_temp.claim(), '0 5000 5000 1 0 1', 'once it is paid it is asked for');
select is(pg_temp.claim(), null, '... by one');
select is(pg_temp.ask(:'ann', :'order_id', 'expenditure_proof', '1234567891') ->> 'error', 'cash_receipt_exists', 'it cannot be corrected then');
select is(pg_temp.ask(:'ann', :'order_id', 'income_deduction', '01012345678') -> 'a' ->> 'status', 'requested', '... and the same is the same');
select pg_temp.paid(:'order_id', ' refunded=2000') \g /dev/null
select is(pg_temp.claim(), null, 'a refund does not cut the lease short');
select pg_temp.pass('10 minutes') \g /dev/null
select is(pg_temp.ask(:'ann', :'order_id', 'expenditure_proof', '1234567891') ->> 'error', 'cash_receipt_exists', '... nor is it corrected after a lost answer');
select is(pg_temp.claim(), '0 3000 5000 1 0 2', 'after a lost answer the same is asked, whatever was refunded meanwhile');
select is(pg_temp.as_service(format('select coinslot_finish_cash_receipt(%L, 1, ''failed'', 0) as s', :'order_id')) ->> 's', 'requested', 'a late answer counts for nothing');
select is(pg_temp.told(:'order_id', 'issued', 5000, ', receipt_key => ''T1'', issue_number => ''G1'''), 'in_progress', 'the gateway''s yes is not the tax office''s');
select is(pg_temp.claim(), '5000 3000 3000 1 1 1', 'then the refund is followed');
select is(pg_temp.told(:'order_id', 'issued', 0), 'in_progress', 'a gateway may cancel all or nothing');
select is(pg_temp.claim(), '0 3000 3000 2 2 1', '... and the rest is issued anew');
select is(pg_temp.told(:'order_id', 'issued', 3000), 'in_progress', '... over what the order holds');
select is(pg_temp.told(:'order_id', 'failed', 0), 'in_progress', 'an answer counts once');
select is(pg_temp.claim(), null, 'it is looked at later');
select pg_temp.pass('47 hours') \g /dev/null
select is(pg_temp.claim(), null, '... not before the tax office has had its time');
select pg_temp.pass('1 hour') \g /dev/null
select is(pg_temp.claim(), '3000 3000 - 2 3 1', '... and then only read');
select is(pg_temp.told(:'order_id', 'issued', 3000), 'issued', 'issued');
select pg_temp.paid(:'order_id') \g /dev/null
select is(pg_temp.claim(), '3000 5000 0 2 3 1', 'of a refund that did not arrive it is cancelled');
select is(pg_temp.told(:'order_id', 'issued', 0), 'in_progress', '...');
select is(pg_temp.claim(), '0 5000 5000 3 4 1', '... and issued anew: no gateway makes one larger');
select pg_temp.told(:'order_id', 'in_progress', 5000) \g /dev/null
select pg_temp.paid(:'order_id', ' refunded=5000') \g /dev/null
select is(pg_temp.claim(), '5000 0 0 3 5 1', 'with the last of the money it is cancelled');
select is(pg_temp.told(:'order_id', 'failed', 5000, ', failure_code => ''NTS_ERROR'''), 'in_progress', 'a cancel may be refused');
select is(pg_temp.claim(), null, '... and is not repeated at once');
select pg_temp.pass('1 day') \g /dev/null
select is(pg_temp.claim(), '5000 0 0 3 6 2', '... but a day later, as another question');
select is(pg_temp.told(:'order_id', 'in_progress', 0), 'cancelled', 'cancelled');
select pg_temp.pass('1 day') \g /dev/null
select is(pg_temp.claim(), '0 0 - 3 7 1', 'the tax office''s word is read of a cancel, too');
select is(pg_temp.told(:'order_id', 'issued', 0, ', final => true'), 'cancelled', '...');
select pg_temp.pass('30 days') \g /dev/null
select is(pg_temp.claim(), null, '... and that was it');

-- ---- what fails ----

select pg_temp.order_of(:'ben') as failing \gset
select pg_temp.ask(:'ben', :'failing', 'income_deduction', '01099998888') \g /dev/null
select pg_temp.paid(:'failing') \g /dev/null
select pg_temp.claim() \g /dev/null
select is(pg_temp.told(:'failing', 'failed', 0, ', failure_code => ''TS1'''), 'failed', 'a refused issue is over');
select pg_temp.paid(:'failing', ' refunded=2000') \g /dev/null
select is(pg_temp.claim(), null, '... also when a part is refunded');
select is(pg_temp.ask(:'ben', :'failing', 'income_deduction', '01099997777') -> 'a' ->> 'status', 'requested', '... until its owner corrects it');
select is(pg_temp.claim(), '0 3000 3000 2 1 1', '... which is another question');
select pg_temp.told(:'failing', 'issued', 3000) \g /dev/null
select pg_temp.pass('2 days') \g /dev/null
select pg_temp.claim() \g /dev/null
select is(pg_temp.told(:'failing', 'cancelled', 0), 'cancelled', 'what somebody cancelled at the gateway stays so');
select pg_temp.paid(:'failing', ' refunded=3000') \g /dev/null
select is(pg_temp.claim(), null, '... and is not issued anew for a refund');

-- ---- told of ----

create function pg_temp.told_of(order_id text) returns text
language sql as $$
  select string_agg(concat_ws(' ', e.type, e.data ->> 'amount', coalesce(e.data ->> 'failure_code', e.data ->> 'issue_number')), ', ' order by e.seq)
  from coinslot.outbox e where e.type like 'cash%' and e.data ->> 'order_id' = told_of.order_id
$$;
select is(pg_temp.told_of(:'order_id'), 'cash_receipt.issued 3000 G1', 'its buyer''s events have it once the tax office has');
select is(pg_temp.told_of(:'failing'), 'cash_receipt.failed 0 TS1', '... and what it refused');
select is(
  (select jsonb_agg(k order by k) from coinslot.outbox e, jsonb_object_keys(e.data) k where e.type = 'cash_receipt.failed'),
  '["amount", "currency", "failure_code", "gateway", "kind", "order_id", "status"]', 'no event has a number of a person'
);
insert into coinslot.mailer (seen_at) values (clock_timestamp()) on conflict (id) do update set seen_at = excluded.seen_at;
select pg_temp.order_of(:'ann') as gone \gset
select pg_temp.ask(:'ann', :'gone', 'income_deduction', '01012345678') \g /dev/null
select pg_temp.paid(:'gone') \g /dev/null
select pg_temp.change(format(
  'delete from coinslot.cash_receipt_numbers where payment_id = (select p.id from token_payments p where p.order_id = %L)', :'gone'
)) \g /dev/null
select is(pg_temp.claim(), null, 'without a number there is nobody to name');
select is(pg_temp.told_of(:'gone'), 'cash_receipt.failed 0 number_gone', '... which is told of, too');
select is((select string_agg(m.kind, ', ') from coinslot.mails m where m.kind like 'cash%'), 'cash_receipt_failed', '... and mailed to who asked');
select pg_temp.change($$update coinslot.cash_receipts set kind = 'self_issued', status = 'requested' where failure_code = 'number_gone'$$) \g /dev/null
select pg_temp.change($$update coinslot.cash_receipts set status = 'failed' where kind = 'self_issued'$$) \g /dev/null
select is((select count(*) from coinslot.mails m where m.kind like 'cash%'), 1::bigint, '... but not to who asked for nothing');
select pg_temp.change($$delete from coinslot.cash_receipts where kind = 'self_issued'$$) \g /dev/null

select pg_temp.order_of(:'ben') as silent \gset
select pg_temp.ask(:'ben', :'silent', 'income_deduction', '01099998888') \g /dev/null
select pg_temp.paid(:'silent') \g /dev/null
select pg_temp.claim() \g /dev/null
select pg_temp.told(:'silent', 'in_progress', 5000) \g /dev/null
select pg_temp.pass('15 days') \g /dev/null
select is(pg_temp.claim(), '5000 5000 - 1 1 1', 'the tax office may say nothing');
select is(pg_temp.told(:'silent', 'in_progress', 5000), 'failed', '... for two weeks');
select is(pg_temp.shown(:'silent'), 'failed 5000 no_word', '... which a person looks into');
select is(pg_temp.ask(:'ben', :'silent', 'income_deduction', '01099997777') ->> 'error', 'cash_receipt_exists', '... and nobody asks for another');

select pg_temp.order_of(:'ben') as other_mode \gset
select pg_temp.ask(:'ben', :'other_mode', 'income_deduction', '01099998888') \g /dev/null
select pg_temp.paid(:'other_mode') \g /dev/null
select pg_temp.change(format('update token_payments set live = true where order_id = %L', :'other_mode')) \g /dev/null
select is(pg_temp.claim(), null, 'keys of one mode know no payment of the other');
select pg_temp.change(format('update token_payments set live = false where order_id = %L', :'other_mode')) \g /dev/null
select is(pg_temp.claim(), '0 5000 5000 1 0 1', '... and what they know they ask for');

-- ---- unasked, in other ways, and not at all ----

select pg_temp.change($$update coinslot.settings set cash_receipts = 'always', cash_receipts_from = 5001$$) \g /dev/null
select pg_temp.order_of(:'ann') as small \gset
select pg_temp.paid(:'small') \g /dev/null
select is(pg_temp.shown(:'small'), null, 'below the seller''s amount there is none unasked');
select pg_temp.change($$update coinslot.settings set cash_receipts_from = 5000$$) \g /dev/null
select pg_temp.order_of(:'ann') as unasked, pg_temp.order_of(:'ann') as by_card \gset
select pg_temp.paid(:'unasked') \g /dev/null
select is(pg_temp.as_service('select (coinslot_claim_cash_receipts(''portone''))[1].number as n') ->> 'n', '0100001234', 'from it on there is one, of nobody');
select pg_temp.read(:'by_card', 'A:paid paid=5000 method=card') \g /dev/null
select is(pg_temp.shown(:'by_card'), null, 'a card has none');
select is(pg_temp.ask(:'ann', :'by_card', 'income_deduction', '01012345678') -> 'details' ->> 'why', 'method', '... also not for who asks');
select pg_temp.order_of(:'ann') as switched \gset
select pg_temp.paid(:'switched') \g /dev/null
select is(pg_temp.claim(), '0 5000 5000 1 0 1', 'a deposit has one');
select pg_temp.told(:'switched', 'issued', 5000) \g /dev/null
select is(split_part(pg_temp.read(:'switched', 'B:paid paid=5000 method=card'), ' ', 1) || coalesce(pg_temp.claim(), ''), 'duplicate',
  'a second payment beside it changes nothing');
select is(split_part(pg_temp.read(:'switched', 'A:awaiting_deposit'), ' ', 1), 'moved', 'the bank undoes the deposit, and the card''s counts');
select is(pg_temp.claim(), '5000 0 0 1 1 1', '... so that the receipt is cancelled');
select is(split_part(pg_temp.read(:'by_card', 'B:paid paid=5000 method=transfer'), ' ', 1) || coalesce(pg_temp.claim(), ''), 'duplicate',
  'cash beside a card');
select is(split_part(pg_temp.read(:'by_card', 'A:canceled'), ' ', 1), 'moved', 'the card''s is undone, and the cash counts');
select is(pg_temp.claim(), '0 5000 5000 1 0 1', '... which has a receipt');
select pg_temp.change($$update coinslot.settings set cash_receipts = 'off'$$) \g /dev/null
select is(pg_temp.ask(:'ann', :'small', 'income_deduction', '01012345678') -> 'details' ->> 'why', 'off', 'a seller may have none at all');

-- ---- whose it is, in the end ----

select ok(
  pg_temp.as_service(format('select coinslot_export_user(%L, ''cash_receipts'') as e', :'ben'))::text ~ '01099997777',
  'a copy of a person''s data has the number'
);
select pg_temp.change(format('select coinslot.blank_user(%L)', :'ben')) \g /dev/null
select is(
  pg_temp.as_service(format('select coinslot_export_user(%L, ''cash_receipts'') as e', :'ben')) #> '{e,rows,0,whose}',
  'null', '... and none once they are erased'
);
select is((select count(*) from coinslot.cash_receipts r where r.number like '%7777'), 0::bigint, '... nor its last digits');
select pg_temp.pass('91 days') \g /dev/null
create function pg_temp.due(order_id text, at text) returns void
language sql as $$
  select pg_temp.change(format(
    'update coinslot.cash_receipts r set next_try_at = %L from token_payments p
      where p.id = r.payment_id and p.order_id = %L', due.at, due.order_id
  ))
$$;
select pg_temp.due(:'order_id', 'tomorrow') \g /dev/null
select is(coinslot.purge_cash_receipt_numbers(500), 0::bigint, 'a number is kept while something is to be asked for');
select pg_temp.due(:'order_id', null) \g /dev/null
select is(coinslot.purge_cash_receipt_numbers(500), 1::bigint, 'numbers go once nothing is to come of their receipts');
select is((select count(*) from coinslot.cash_receipts r where r.number is not null), 1::bigint, '... and the last four digits stay');

select * from finish();
rollback;
