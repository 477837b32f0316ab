-- Receipts and credit notes: one for each movement of money, numbered without gaps, never changed.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

create temporary table stories (product, protects, steps, expected) as values
('starter', 'a payment has one receipt, however often it is read; nothing is said of taxes',
 array['A:paid paid=5000', 'A:paid paid=5000', '?documents'],
 array['credited completed 10', 'unchanged completed 10', 'r0 payment 5000']),
('premium_reading', 'so has one for no tokens',
 array['A:paid paid=13000', '?documents'], array['credited completed 0', 'r0 payment 13000']),
('starter', 'an order that is not paid has none',
 array['A:failed', 'A:awaiting_deposit virtual_account={"bank":"Shinhan"}', '?documents'],
 array['moved failed 0', 'moved awaiting_deposit 0', null]),
('starter', 'refunds have credit notes, by what is new of them',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=2000', 'A:paid paid=5000 refunded=2000',
   'A:canceled paid=5000 refunded=5000', '?documents'],
 array['credited completed 10', 'reversed partially_refunded 6', 'unchanged partially_refunded 6',
   'reversed refunded 0', 'r0 payment 5000, c0 refund 2000, c1 refund 3000']),
('starter', 'money that came and went unseen has both',
 array['A:canceled paid=5000 refunded=5000', '?documents'],
 array['credited refunded 0', 'r0 payment 5000, c0 refund 5000']),
('starter', 'a refund larger than its receipt credits no more than that',
 array['A:paid paid=5000', 'A:canceled paid=5000 refunded=9000', '?documents'],
 array['credited completed 10', 'reversed refunded 0', 'r0 payment 5000, c0 refund 5000']),
('starter', 'an open dispute has none, a lost one has, and what comes back is received again',
 array['A:paid paid=5000', 'A:paid paid=5000 disputed=5000', '?documents',
   'A:paid paid=5000 withdrawn=5000', '?documents', 'A:paid paid=5000', '?documents'],
 array['credited completed 10', 'moved disputed 10', 'r0 payment 5000', 'reversed charged_back 0',
   'r0 payment 5000, c0 dispute 5000', 'restored completed 10',
   'r0 payment 5000, c0 dispute 5000, r1 restored 5000']),
('starter', 'a deposit that was undone is no money, and may come again',
 array['A:paid paid=5000', 'A:awaiting_deposit virtual_account={"bank":"Shinhan"}', 'A:paid paid=5000',
   '?documents'],
 array['credited completed 10', 'reversed awaiting_deposit 0', 'credited completed 10',
   'r0 payment 5000, c0 undone 5000, r1 restored 5000']),
('starter', 'taxes are the gateway''s, and those of parts add up to those of the whole',
 array['A:paid paid=5000 vat=455 tax_free=0', 'A:paid paid=5000 refunded=2000 vat=273 tax_free=0',
   'A:paid paid=5000 refunded=3500 vat=136 tax_free=0', 'A:canceled paid=5000 refunded=5000 vat=0 tax_free=0',
   '?documents'],
 array['credited completed 10', 'reversed partially_refunded 6', 'reversed partially_refunded 3',
   'reversed refunded 0', 'r0 payment 5000 455 0 gateway, c0 refund 2000 182 0 gateway, '
   || 'c1 refund 1500 137 0 gateway, c2 refund 1500 136 0 gateway']),
('starter', 'where it does not split what is left, the receipt is',
 array['A:paid paid=5000 vat=364 tax_free=1000', 'A:paid paid=5000 refunded=2500', '?documents'],
 array['credited completed 10', 'reversed partially_refunded 5',
   'r0 payment 5000 364 1000 gateway, c0 refund 2500 182 500 gateway']),
('starter', 'taxes of what is left are those of a whole that was never seen, in proportion',
 array['A:paid paid=5000 refunded=2000 vat=273 tax_free=0', '?documents'],
 array['credited partially_refunded 6',
   'r0 payment 5000 455 0 gateway, c0 refund 2000 182 0 gateway']),
('starter', 'a split that cannot be is none',
 array['A:paid paid=5000 vat=5001 tax_free=0', '?documents'],
 array['credited completed 10', 'r0 payment 5000']),
('starter', 'nor is one below zero',
 array['A:paid paid=5000 vat=-1 tax_free=0', '?documents'],
 array['credited completed 10', 'r0 payment 5000']),
('starter', 'nor one of money on its way back',
 array['A:paid paid=5000 refunding=5000 vat=455 tax_free=0', '?documents'],
 array['credited completed 10', 'r0 payment 5000']),
('starter', 'who bought may become somebody else',
 array['A:paid paid=5000', '!merge 0', 'A:paid paid=5000 refunded=5000', '?documents'],
 array['credited completed 10', '10', 'reversed refunded 0', 'r0 payment 5000, c0 refund 5000']),
('starter', '... or be deleted',
 array['A:paid paid=5000', '!delete', 'A:paid paid=5000 refunded=5000', '?documents'],
 array['credited completed 10', 'gone', 'reversed refunded 0', 'r0 payment 5000, c0 refund 5000']);

select plan(60);
select is(pg_temp.play(s.product, s.steps), s.expected, s.protects) from stories s;

-- ---- by the seller's tax status ----

create function pg_temp.under(tax_status text, steps text[]) returns text
language plpgsql as $$
begin
  perform pg_temp.change(format('update coinslot.settings set tax_status = %L', tax_status));
  return (pg_temp.play('starter', steps || '{?documents}'))[cardinality(steps) + 1];
end
$$;
select is(pg_temp.under(s.tax_status, s.steps), s.expected, s.protects) from (values
  ('general', array['A:paid paid=5000'], 'r0 payment 5000 455 0 computed', 'prices in won have VAT in them'),
  ('general', array['A:paid paid=5000', 'A:paid paid=5000 refunded=1667', 'A:paid paid=5000 refunded=3334',
    'A:paid paid=5000 refunded=5000'], 'r0 payment 5000 455 0 computed, c0 refund 1667 152 0 computed, '
    || 'c1 refund 1667 152 0 computed, c2 refund 1666 151 0 computed', '... by differences of totals'),
  ('general', array['A:paid paid=5000 vat=364 tax_free=1000'], 'r0 payment 5000 364 1000 gateway', '... unless the gateway says'),
  ('simplified', array['A:paid paid=5000 vat=455 tax_free=0'], 'r0 payment 5000', 'small sellers split nothing'),
  ('exempt', array['A:paid paid=5000 vat=455 tax_free=0', 'A:paid paid=5000 refunded=2000'],
    'r0 payment 5000 0 5000 computed, c0 refund 2000 0 2000 computed', 'all is free of tax'),
  ('mixed', array['A:paid paid=5000'], 'r0 payment 5000', 'what is taxed is the gateway''s to say'),
  ('none', array['A:paid paid=5000', 'A:paid paid=5000 refunded=2000 vat=273 tax_free=0'],
    'r0 payment 5000, c0 refund 2000', 'a credit note splits no more than its receipt')
) s (tax_status, steps, expected, protects);
select is(coinslot.share(1, t.amount, 11), t.vat, format('VAT in %s', t.amount)) from (values
  (5::bigint, 0::bigint), (6, 1), (7000, 636), (12000, 1091), (35000, 3182), (9007199254740991, 818836295885545)
) t (amount, vat);

-- ---- numbers ----

select is_empty($$
  select d.number from public.token_documents d
  where d.number not in (
    coinslot.document_number(d.live, d.kind, d.year, d.serial)
  )
$$, 'numbers are those of their series');
select is_empty($$
  select s.kind from coinslot.document_series s
  where s.last <> (
    select count(*) from public.token_documents d where (d.live, d.kind, d.year) = (s.live, s.kind, s.year)
  )
$$, '... without gaps');
select is(coinslot.document_number(n.live, n.kind, 2026, n.serial), n.number, 'as people read them')
from (values
  (true, 'receipt', 1::bigint, 'R2026-000001'), (true, 'credit_note', 45, 'C2026-000045'),
  (false, 'receipt', 1234567, 'TEST-R2026-1234567')
) n (live, kind, serial, number);
select is(coinslot.next_serial(true, 'receipt', y.year), y.expected, 'each year begins with one')
from (values (1999, 1::bigint), (1999, 2), (2000, 1)) y (year, expected);
select is(
  (select array_agg(v.problem || ' ' || v.expected || ' ' || v.found order by v.expected) from coinslot.verify_ledger(null, null) v),
  array['document_series 1 0', 'document_series 2 0'], 'a number without its document is found'
);
select is_empty('select * from coinslot.verify_ledger(gen_random_uuid(), null)', '... once');
delete from coinslot.document_series where year < 2001;

-- ---- what is frozen, and who reads it ----

select pg_temp.sign_up('ann@example.com') as ann, pg_temp.sign_up('ben@example.com') as ben \gset
create function pg_temp.bought(user_id uuid) returns text
language plpgsql as $$
declare
  v_order_id text := pg_temp.as_user(user_id, $o$select * from create_token_order('starter', 'portone')$o$)
    ->> 'order_id';
begin
  perform pg_temp.read(v_order_id, 'A:paid paid=5000');
  return (select d.number from public.token_documents d where d.order_id = v_order_id);
end
$$;
select pg_temp.as_service($$select coinslot_set_seller(
  '{"name": "<b>Moon</b> & \"Sons\"", "registration": "123-45-67891"}', 'general')$$) \g /dev/null
select pg_temp.bought(:'ann') as number \gset
select is(pg_temp.as_service($$select coinslot_set_seller('{"name": "Sun", "registration": null}', 'none', 'Europe/Berlin') as s$$),
  '{"s": {"business": {"name": "Sun"}, "tax_status": "none", "time_zone": "Europe/Berlin"}}',
  'what is given is set, null is taken away');
select pg_temp.change($$update token_products set name = 'Dear' where id = 'starter'$$) \g /dev/null
select is(
  (select array[d.seller ->> 'name', d.seller ->> 'registration', d.name, d.tax_status, d.time_zone]
   from public.token_documents d where d.number = :'number'),
  array['<b>Moon</b> & "Sons"', '123-45-67891', 'Starter Pack', 'general', 'Asia/Seoul'],
  'a document says what was so when it was issued'
);
select is(
  pg_temp.as_user(:'ann', format('select get_token_document(%L) as d', :'number')) #>> '{d,gateway_name}',
  'PortOne', 'its owner reads it'
);
select is(pg_temp.as_user(:'ann', 'select number from token_documents'), jsonb_build_object('number', :'number'),
  '... and sees it among theirs');
select is(pg_temp.as_user(:'ben', format('select get_token_document(%L)', :'number')) ->> 'error',
  'document_not_found', 'nobody else does');
select is(pg_temp.as_user(:'ben', 'select count(*) from token_documents'), '{"count": 0}', '... nor is shown it');
select pg_temp.as_service(format('select merge_token_wallets(%L, %L, ''m'')', :'ann', :'ben')) \g /dev/null
select is(pg_temp.as_user(:'ben', format('select get_token_document(%L) as d', :'number')) #>> '{d,number}',
  :'number', 'until it is theirs');
select is(pg_temp.as_owner(c.change) ->> 'error', 'append_only', 'nothing in it changes: ' || c.change) from (values
  ('update public.token_documents set amount = 1'), ('delete from public.token_documents'),
  ('truncate public.token_documents')
) c (change);

-- ---- the seller ----

select is(pg_temp.refusal(pg_temp.as_service(format('select coinslot_set_seller(%s)', s.arguments))),
  format('PT400 invalid_argument {"argument": "%s"}', s.argument), s.what) from (values
  ($$'{"fax": "1"}'$$, 'business', 'a detail that nobody knows'),
  ($$'{"name": ""}'$$, 'business', 'one that is empty'),
  ($$'[]'$$, 'business', 'no object'),
  ($$null, 'rich'$$, 'tax_status', 'no such status'),
  ($$null, null, 'Mars/Olympus'$$, 'time_zone', 'no such place')
) s (arguments, argument, what);
select is(pg_temp.as_user(:'ben', $$select set_token_seller('why')$$) ->> 'error', 'forbidden', 'an owner sets it');
insert into coinslot.operators (user_id, role) values (:'ben', 'owner');
select is(pg_temp.as_user(:'ben', $$select set_token_seller('moved', '{"address": "Seoul"}') as s$$) #>> '{s,business,address}',
  'Seoul', '... with a reason');
select is(
  (select array[a.reason, a.detail #>> '{to,business,address}'] from coinslot.operator_actions a order by a.id desc limit 1),
  array['moved', 'Seoul'], '... which is kept'
);

-- ---- from when on ----

select pg_temp.change('update coinslot.settings set documents_since = null') \g /dev/null
select pg_temp.as_user(:'ben', $$select * from create_token_order('starter', 'portone')$$) ->> 'order_id' as old_order \gset
select pg_temp.read(:'old_order', 'A:paid paid=5000') \g /dev/null
select pg_temp.change('update coinslot.settings set documents_since = clock_timestamp()') \g /dev/null
select pg_temp.read(:'old_order', 'A:paid paid=5000 refunded=2000') \g /dev/null
select is_empty(format('select from public.token_documents d where d.order_id = %L', :'old_order'),
  'what was credited before there were documents has none');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select pg_temp.change('alter table public.token_documents disable trigger token_documents_append_only') \g /dev/null
select pg_temp.change($$update public.token_documents set amount = amount + 1 where kind = 'credit_note' and serial = 1$$) \g /dev/null
select is(
  (select array_agg(v.problem || ' ' || v.expected || ' ' || v.found order by v.expected) from coinslot.verify_ledger(null, null) v),
  array['documents 0 -1'], 'and would not'
);
select * from finish();
rollback;
