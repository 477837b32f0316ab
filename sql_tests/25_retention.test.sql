-- Retention: what goes after its time, and all that stays however old it is.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
select plan(49);

-- Nothing waits for the years that pass here.
create function pg_temp.age(order_id text, passed interval default '200 days') returns void
language plpgsql as $$
begin
  perform pg_temp.change(format(
    'update public.token_payments set created_at = created_at - %1$L::interval,
       updated_at = updated_at - %1$L::interval, expires_at = expires_at - %1$L::interval
     where order_id = %2$L', age.passed, age.order_id
  ));
  perform pg_temp.change(format(
    'update coinslot.payment_attempts a set updated_at = a.updated_at - %1$L::interval
     from public.token_payments p where p.id = a.payment_id and p.order_id = %2$L',
    age.passed, age.order_id
  ));
  perform pg_temp.change(format(
    'update coinslot.webhooks set finished_at = finished_at - %1$L::interval
     where order_id = %2$L', age.passed, age.order_id
  ));
end
$$;
-- As after the last read that its status asks for.
create function pg_temp.read_enough(order_id text) returns void
language sql as $$
  select pg_temp.change(format(
    'delete from coinslot.payment_reads r using public.token_payments p
     where p.id = r.payment_id and p.order_id = %L', read_enough.order_id
  ))
$$;
create function pg_temp.purged(kind text, batch integer default 500) returns text
language sql as $$
  select coalesce(a #>> array['n', 'purged', purged.kind], pg_temp.refusal(a))
  from pg_temp.as_service(format('select coinslot_run_maintenance(%s) as n', purged.batch)) a
$$;
create function pg_temp.order_of(user_id uuid, gateway text default 'portone') returns text
language sql as $$
  select pg_temp.as_user(order_of.user_id, format(
    'select * from create_token_order(%L, %L)', 'starter', order_of.gateway
  )) ->> 'order_id'
$$;
create function pg_temp.played(order_id text, step text) returns text
language sql as $$
  select pg_temp.step(p, played.step)
  from public.token_payments p where p.order_id = played.order_id
$$;
create function pg_temp.is_there(order_id text) returns boolean
language sql as $$
  select exists (select from public.token_payments p where p.order_id = is_there.order_id)
$$;
select pg_temp.user_with(0) as mina \gset

-- An order that came to nothing
select pg_temp.order_of(:'mina') as over \gset
select pg_temp.played(:'over', 'D:failed failure_reason=declined') as step \gset
select pg_temp.played(:'over', '!cancel') as step \gset
select pg_temp.read_enough(:'over') \gset
select pg_temp.age(:'over', '170 days') \gset
select is(pg_temp.purged('unpaid_orders'), '0', 'an order that came to nothing is kept its time');
select pg_temp.age(:'over', '11 days') \gset
select is(pg_temp.purged('unpaid_orders'), '1', '... and goes after it');
select is(pg_temp.is_there(:'over'), false, '... whole, with its attempts and its events');
select is(
  (select count(*) from coinslot.verify_ledger(null, null)), 0::bigint,
   '... and the books are sound'
);

-- Late news of it
create function pg_temp.late(step text) returns text
language sql as $$
  select concat_ws(' ', a ->> 'outcome', a -> 'payment' ->> 'status', nullif(pg_temp.refusal(a), ''))
  from pg_temp.invoke('coinslot_apply_gateway_payment', jsonb_build_object(
    'order_id', 'ord_purged_by_now', 'gateway', 'stripe', 'payment_key', 'pi_late',
    'amount', 5000, 'currency', 'KRW', 'live', false, 'source', 'webhook', 'version', 0
  ) || pg_temp.words('x ' || late.step)) a
$$;
select is(
  pg_temp.as_service(format(
    'select * from coinslot_store_webhook(%L, null, %L, %L, %L, true, %L, %L)',
    'portone', 'an.event', :'over', 'imp_1', '{}', '{}'
  )) ->> 'verdict', 'unknown_order', 'an unsigned hint about it is about nothing'
);
select is(
  pg_temp.as_service(format(
    'select * from coinslot_store_webhook(%L, %L, %L, %L, %L, true, %L, %L)',
    'stripe', 'evt_late', 'an.event', :'over', 'pi_1', '{}', '{}'
  )) ->> 'verdict', 'read', '... a signed one leads to a read'
);
select is(
  pg_temp.late('state=failed'), 'unknown_order', '... which concludes nothing without money'
);
select is(
  (select count(*) from coinslot.discrepancies), 0::bigint, '... and asks nobody anything'
);
select is(pg_temp.late('state=paid paid=5000'), 'unknown_order', '... and credits none');
select is(
  (select string_agg(d.kind || ' ' || d.order_id, ', ') from coinslot.discrepancies d),
  'unknown_order ord_purged_by_now', '... but leaves it for a person'
);
select is(
  (select string_agg(l.verdict, ', ') from coinslot.compare_payments('portone', jsonb_build_array(
    jsonb_build_object('payment_key', 'imp_1', 'order_id', :'over', 'currency', 'KRW',
      'paid', 5000, 'refunded', 0, 'live', false, 'paid_at', now())
  )) l), 'unknown', '... as the audit does, where no webhook ever comes'
);

-- All that is needed stays, though it is years old
create temporary table needed (why text, steps text[]);
insert into needed values
('what was paid', '{A:paid paid=5000}'),
('what was refunded', '{A:paid paid=5000,A:paid paid=5000 refunded=5000}'),
('what was charged back', '{A:paid paid=5000,A:paid paid=5000 withdrawn=5000}'),
('what is disputed', '{A:paid paid=5000,A:paid paid=5000 disputed=5000}'),
('what is for review', '{A:paid paid=100 amount=100}'),
('money that went back before it was seen here',
  '{A:paid paid=100 amount=100 refunded=100,!cancel}'),
('what was paid after it had been called off', '{!cancel,A:paid paid=5000}'),
('what waits for a deposit', '{A:awaiting_deposit}'),
('what can still be paid', '{A:ready}');
create temporary table kept (why text, order_id text);
do $$
declare
  v_needed record;
  v_order text;
  v_step text;
begin
  for v_needed in select * from needed loop
    v_order := pg_temp.order_of(pg_temp.user_with(0));
    foreach v_step in array v_needed.steps loop
      perform pg_temp.played(v_order, v_step);
    end loop;
    perform pg_temp.read_enough(v_order);
    insert into kept values (v_needed.why, v_order);
  end loop;
end
$$;
select pg_temp.change(
  'update public.token_payments set created_at = created_at - interval ''9 years'',
     updated_at = updated_at - interval ''9 years'''
) \gset
select is(pg_temp.purged('unpaid_orders'), '0', 'of old orders none goes that is needed');
select is(pg_temp.is_there(k.order_id), true, '... ' || k.why) from kept k;
select is(
  (select p.status from public.token_payments p inner join kept k using (order_id)
   where k.why like 'money that went back%'), 'canceled', '... even where the order is called off'
);

-- What came to nothing and may be asked for yet
create temporary table asked (why text, order_id text);
insert into asked
select w, pg_temp.order_of(:'mina') from unnest(array[
  'is to be read', 'has a webhook to follow', 'is for a person', 'was for a person'
]) w;
select pg_temp.played(a.order_id, '!cancel') from asked a \g /dev/null
select pg_temp.read_enough(a.order_id) from asked a where a.why <> 'is to be read' \g /dev/null
select pg_temp.as_service(format(
  'select * from coinslot_store_webhook(%L, null, %L, %L, %L, true, %L, %L)',
  'portone', 'an.event', a.order_id, 'imp_2', '{}', '{}'
)) from asked a where a.why = 'has a webhook to follow' \g /dev/null
insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, resolved_at)
select 'wrong_order', 'portone', 'imp_3', a.order_id,
  case when a.why = 'was for a person' then now() end
from asked a where a.why like '%a person';
select pg_temp.age(a.order_id, '9 years') from asked a \g /dev/null
select is(pg_temp.purged('unpaid_orders'), '0', 'an order that somebody may ask for stays');
select is(pg_temp.is_there(a.order_id), true, '... since it ' || a.why) from asked a;
select is(
  (select count(*) from coinslot.verify_ledger(null, null)), 0::bigint, 'and the books are sound'
);

-- History
select matches(
  pg_temp.as_owner(format(
    'delete from public.token_payment_events e using public.token_payments p
     where p.id = e.payment_id and p.order_id = %L', k.order_id
  )) ->> 'error', 'append_only', 'nobody deletes the events of ' || k.why
) from kept k where k.why in ('what was paid', 'what can still be paid');
select pg_temp.order_of(:'mina') as fresh \gset
select pg_temp.played(:'fresh', '!cancel') as step \gset
select pg_temp.read_enough(:'fresh') \gset
select is(
  pg_temp.as_owner(format(
    'delete from public.token_payment_events e using public.token_payments p
     where p.id = e.payment_id and p.order_id = %L', :'fresh'
  )) ->> 'error', 'append_only', '... nor those of one that was called off today'
);

-- The settings
select pg_temp.age(:'fresh', '40 days') \gset
select matches(
  pg_temp.as_owner('update coinslot.settings set keep_unpaid_orders = ''29 days''') ->> 'error',
  'settings_kept_long_enough', 'a month is the least'
);
select pg_temp.change('update coinslot.settings set keep_unpaid_orders = null') \gset
select is(pg_temp.purged('unpaid_orders'), '0', 'none is kept for ever');
select pg_temp.change('update coinslot.settings set keep_unpaid_orders = ''30 days''') \gset
select is(pg_temp.purged('unpaid_orders'), '1', 'a shorter time counts at once');

-- Webhooks
select pg_temp.change(
  'update coinslot.webhooks set finished_at = clock_timestamp(), next_attempt_at = null'
) \gset
insert into coinslot.webhooks (
  gateway, event_id, event_type, order_id, payment_key, claims_paid, headers, body, finished_at,
  next_attempt_at
) values
('stripe', 'evt_old_1', 'e', '', 'pi_1', true, '{}', '{}', now() - interval '91 days', null),
('stripe', 'evt_old_2', 'e', '', 'pi_1', true, '{}', '{}', now() - interval '91 days', null),
('stripe', 'evt_new', 'e', '', 'pi_1', true, '{}', '{}', now() - interval '89 days', null),
('stripe', 'evt_due', 'e', '', 'pi_1', true, '{}', '{}', null, now() - interval '91 days'),
('stripe', 'evt_asked', 'e', 'ord_purged_by_now', 'pi_1', true, '{}', '{}',
  now() - interval '91 days', null);
select is(pg_temp.purged('webhooks', 1), '1', 'an old webhook goes, in batches');
select is(pg_temp.purged('webhooks'), '1', '... until none is left');
select is(
  (select string_agg(w.event_id, ', ' order by w.event_id) from coinslot.webhooks w
   where w.event_id like 'evt_%' and w.event_id <> 'evt_late'), 'evt_asked, evt_due, evt_new',
  '... but what is not followed yet, and what a person still has to decide about'
);

-- Lines of audits
insert into coinslot.audits (gateway, since, until, live, finished_at) values
('toss', '2020-01-01', '2020-01-02', false, now() - interval '91 days'),
('toss', '2020-01-02', '2020-01-03', false, now() - interval '89 days'),
('toss', '2020-01-03', '2020-01-04', false, null);
insert into coinslot.audit_lines (audit_id, payment_key, order_id, currency, paid, verdict)
select a.id, v.verdict, '', 'KRW', 1, v.verdict
from coinslot.audits a
cross join unnest(array[
  'matched', 'later', 'foreign', 'other_mode', 'unread', 'unknown', 'different', 'missing'
]) v (verdict)
where a.gateway = 'toss';
select is(pg_temp.purged('audit_lines'), '4', 'of an old audit goes what asks nothing of anybody');
select is(
  (select string_agg(l.verdict, ', ' order by l.verdict) from coinslot.audit_lines l
   inner join coinslot.audits a on a.id = l.audit_id and a.since = '2020-01-01'),
  'different, missing, unknown, unread', '... and what does stays'
);
select is(
  (select count(*) from coinslot.audits a where a.gateway = 'toss'), 3::bigint,
  '... with the audit, so that nobody does its window again'
);

-- Checks of the ledger
insert into coinslot.ledger_checks (started_at, finished_at, done, wallets) values
(now() - interval '95 days', now() - interval '95 days', 65536, 0),
(now() - interval '94 days', now() - interval '94 days', 65536, 2),
(now() - interval '93 days', now() - interval '93 days', 65536, 0);
select is(pg_temp.purged('ledger_checks'), '1', 'an old check that found nothing goes');
select is(
  (select string_agg(c.wallets::text, ', ' order by c.id) from coinslot.ledger_checks c), '2, 0',
  '... but not the last one, nor one that found something'
);

-- Holders of virtual accounts
select pg_temp.order_of(:'mina') as deposited, pg_temp.order_of(:'mina') as awaited \gset
create function pg_temp.holders(order_id text) returns text
language sql as $$
  select concat_ws(', ', p.virtual_account ->> 'holder', a.virtual_account ->> 'holder',
    p.virtual_account ->> 'bank')
  from public.token_payments p inner join coinslot.payment_attempts a on a.payment_id = p.id
  where p.order_id = holders.order_id
$$;
select pg_temp.invoke('coinslot_apply_gateway_payment', jsonb_build_object(
  'order_id', p.order_id, 'gateway', 'portone', 'state', 'awaiting_deposit', 'amount', p.amount,
  'payment_key', 'V ' || p.order_id, 'currency', p.currency, 'live', false, 'source', 'webhook',
  'version', p.version,
  'virtual_account', '{"bank": "KB", "account_number": "1", "holder": "Kim", "due_at": "2099-01-01"}'
)) from public.token_payments p where p.order_id in (:'deposited', :'awaited') \g /dev/null
select pg_temp.played(
  :'deposited',
  'V:paid paid=5000 virtual_account={"bank":"KB","account_number":"1","holder":"Kim","due_at":"2099-01-01"}'
) as deposited_step \gset
select is(
  pg_temp.holders(:'deposited'), 'Kim, Kim, KB', 'the holder of an account is told with it'
);
select pg_temp.age(:'deposited') \gset
select pg_temp.age(:'awaited') \gset
select pg_temp.change(format('update public.token_payments set expires_at = now() + interval ''1 day'' where order_id = %L', :'awaited')) \gset
select is(pg_temp.purged('account_holders'), '1', 'and goes, once the order has long been over');
select is(pg_temp.holders(:'deposited'), 'KB', '... from the order and from its attempt');
select is(pg_temp.holders(:'awaited'), 'Kim, Kim, KB', '... but not while somebody has to pay in');
select is(
  pg_temp.played(:'deposited', 'V:paid paid=5000'), 'unchanged completed 10',
  '... and the next read of it moves nothing'
);

-- Rations of hints
select pg_temp.change('delete from coinslot.hint_rations') \gset
select pg_temp.change(
  'insert into coinslot.hint_rations (user_id, used_until)
   select gen_random_uuid(), now() + e.used * interval ''1 hour''
   from unnest(array[-2, -1, 1]) e (used)'
) \gset
select is(pg_temp.purged('hint_rations'), '2', 'rations that are whole again go');
select is(
  (select count(*) from coinslot.hint_rations r where r.used_until > now()), 1::bigint,
  '... and what is used up stays so'
);
select * from finish();
rollback;
