-- Audits: a gateway's list of payments beside ours, and what of it needs a person.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
select plan(82);

select now() - interval '1 day' as since, now() + interval '1 day' as until \gset
create function pg_temp.begin_audit(
  since timestamptz, until timestamptz, again boolean default false, gateway text default 'portone'
) returns bigint
language sql as $$
  select (pg_temp.as_service(format(
    'select coinslot_begin_audit(%L, %L, %L, %L) as id', begin_audit.gateway, begin_audit.since,
    begin_audit.until, begin_audit.again
  )) ->> 'id')::bigint
$$;
-- What an audit says of lines as the gateway lists them: each like this one, but for what is given.
create function pg_temp.audit(audit_id bigint, lines jsonb) returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select jsonb_agg(to_jsonb(l) - %L order by l.payment_key collate "C") as lines
     from coinslot_audit_payments(%s, %L) l', 'audit_id', audit.audit_id, (
      select coalesce(jsonb_agg(jsonb_build_object(
        'order_id', '', 'currency', 'KRW', 'paid_at', '2026-01-02T03:04:05Z', 'paid', 5000,
        'refunded', 0, 'live', false
      ) || l.line order by l.n), '[]')
      from jsonb_array_elements(audit.lines) with ordinality l (line, n)
    )
  )) -> 'lines'
$$;
create function pg_temp.verdict(audit_id bigint, line jsonb) returns text
language sql as $$
  select pg_temp.audit(verdict.audit_id, jsonb_build_array(verdict.line)) #>> '{0,verdict}'
$$;
create function pg_temp.finish(audit_id bigint) returns jsonb
language sql as $$
  select pg_temp.as_service(format('select coinslot_finish_audit(%s) as totals', finish.audit_id))
  -> 'totals'
$$;
create function pg_temp.order_of(user_id uuid, gateway text default 'portone') returns text
language sql as $$
  select pg_temp.as_user(order_of.user_id, format(
    'select * from create_token_order(%L, %L)', 'starter', order_of.gateway
  )) ->> 'order_id'
$$;
-- What audits have left for a person.
create function pg_temp.found() returns text
language sql as $$
  select string_agg(format('%s %s', d.kind, split_part(d.payment_key, ' ', 1)), ', '
    order by d.payment_key, d.kind)
  from coinslot.discrepancies d where d.kind like 'audit%' and d.resolved_at is null
$$;
create function pg_temp.kept(audit_id bigint) returns bigint
language sql as $$
  select count(*) from coinslot.audit_lines l where l.audit_id = kept.audit_id
$$;
create function pg_temp.age(minutes integer) returns void
language sql as $$
  select pg_temp.change(format(
    'update coinslot.audits set started_at = clock_timestamp() - interval ''%s minutes''', minutes
  ))
$$;

-- One process does a window
select pg_temp.begin_audit('2025-01-01', '2025-02-01') as january \gset
select isnt(:january, null, 'an audit begins');
select is(pg_temp.begin_audit('2025-01-01', '2025-02-01'), null, '... once at a time');
select ok(
  pg_temp.begin_audit('2025-02-01', '2025-03-01') > :january, 'another window is another audit'
);
select ok(
  pg_temp.begin_audit('2025-01-01', '2025-02-01', gateway => 'toss') > :january,
  '... and so is another gateway'
);
select pg_temp.audit(:january, '[{"payment_key": "old"}]') as line \gset
select pg_temp.age(59) as passed \gset
select is(
  pg_temp.begin_audit('2025-01-01', '2025-02-01'), null, 'whoever is at it has an hour'
);
select is(pg_temp.kept(:january), 1::bigint, '... and keeps the lines');
select pg_temp.age(61) as passed \gset
select is(
  pg_temp.begin_audit('2025-01-01', '2025-02-01'), :january::bigint, 'then another may take over'
);
select is(pg_temp.kept(:january), 0::bigint, '... from the start');
select is(pg_temp.begin_audit('2025-01-01', '2025-02-01'), null, '... with an hour of its own');
select is(pg_temp.finish(:january), '[]', 'an audit of nothing ends with nothing');
select pg_temp.age(1440) as passed \gset
select is(
  pg_temp.begin_audit('2025-01-01', '2025-02-01'), null, 'what is done is done, however long ago'
);
select is(pg_temp.audit(:january, '[{"payment_key": "late"}]'), 'null', '... and takes no lines');
select is(
  pg_temp.begin_audit('2025-01-01', '2025-02-01', again => true), :january::bigint,
  '... unless it is to be done again'
) from generate_series(1, 2);
select is(
  pg_temp.begin_audit('2025-01-01', '2025-02-01', again => null), null, 'null is no again'
);

-- Orders as they come about, and what the gateway's list may say of them
select pg_temp.user_with(0) as mina \gset
select pg_temp.order_of(:'mina') as plain, pg_temp.order_of(:'mina') as refunded,
  pg_temp.order_of(:'mina') as withdrawn, pg_temp.order_of(:'mina') as doubled,
  pg_temp.order_of(:'mina') as tampered, pg_temp.order_of(:'mina') as unpaid \gset
select is(
  array[
    pg_temp.read(:'plain', 'A:paid paid=5000'),
    pg_temp.read(:'refunded', 'B:paid paid=5000 refunded=1000'),
    pg_temp.read(:'withdrawn', 'C:paid paid=5000 refunded=1000 withdrawn=1000'),
    pg_temp.read(:'doubled', 'D:paid paid=5000'), pg_temp.read(:'doubled', 'E:paid paid=5000'),
    pg_temp.read(:'tampered', 'F:paid amount=100 paid=100'), pg_temp.read(:'unpaid', 'G:failed')
  ],
  array['credited completed 10', 'credited partially_refunded 18',
    'credited partially_refunded 24', 'credited completed 34', 'duplicate completed 34',
    'review review 34', 'moved failed 34'], 'orders of all kinds'
);
select pg_temp.begin_audit(:'since', :'until') as audit \gset

create temporary table lines (protects, line, expected) as values
('as we have it', jsonb_build_object('payment_key', 'A ' || :'plain', 'order_id', :'plain'),
 'matched'),
('a payment that names no order', jsonb_build_object('payment_key', 'A ' || :'plain'), 'matched'),
('... which is null', jsonb_build_object('payment_key', 'A ' || :'plain', 'order_id', null),
 'matched'),
('a refund we know of', jsonb_build_object('payment_key', 'B ' || :'refunded', 'refunded', 1000),
 'matched'),
('what banks withdrew is refunded, too',
 jsonb_build_object('payment_key', 'C ' || :'withdrawn', 'refunded', 2000), 'matched'),
('a duplicate that a person knows of', jsonb_build_object('payment_key', 'E ' || :'doubled'),
 'matched'),
('money that was not what was ordered, and known as such',
 jsonb_build_object('payment_key', 'F ' || :'tampered', 'paid', 100), 'matched'),
('more paid than we know of',
 jsonb_build_object('payment_key', 'A ' || :'plain', 'paid', 5001), 'different'),
('less', jsonb_build_object('payment_key', 'A ' || :'plain', 'paid', 4999), 'different'),
('a refund we do not know of',
 jsonb_build_object('payment_key', 'A ' || :'plain', 'refunded', 1), 'different'),
('a refund it does not know of', jsonb_build_object('payment_key', 'B ' || :'refunded'),
 'different'),
('... or not, as is the habit of its gateway',
 jsonb_build_object('payment_key', 'C ' || :'withdrawn', 'refunded', 1000), 'matched'),
('neither', jsonb_build_object('payment_key', 'C ' || :'withdrawn', 'refunded', 1500),
 'different'),
('another currency',
 jsonb_build_object('payment_key', 'A ' || :'plain', 'currency', 'USD'), 'different'),
('another order of ours',
 jsonb_build_object('payment_key', 'A ' || :'plain', 'order_id', :'refunded'), 'different'),
('an order that is not ours',
 jsonb_build_object('payment_key', 'A ' || :'plain', 'order_id', 'ord_nobody_made_it'),
 'different'),
('money for what we think has failed', jsonb_build_object('payment_key', 'G ' || :'unpaid'),
 'different'),
('a payment we have never heard of',
 '{"payment_key": "nobody", "order_id": "ord_nobody_made_it"}', 'unknown'),
('... also where it names an order of ours',
 jsonb_build_object('payment_key', 'nobody', 'order_id', :'plain'), 'unknown'),
('a list that does not tell refunds',
 jsonb_build_object('payment_key', 'A ' || :'plain', 'refunded', null), 'unread'),
('... of a payment unknown to us',
 '{"payment_key": "nobody", "order_id": "ord_nobody_made_it", "refunded": null}', 'unread'),
('a payment that is not for tokens', '{"payment_key": "shoes", "order_id": "shop-1"}', 'foreign'),
('... nor for any order', '{"payment_key": "shoes"}', 'foreign'),
('... which is null', '{"payment_key": "shoes", "order_id": null}', 'foreign'),
('... which is not even read', '{"payment_key": "shoes", "refunded": null}', 'foreign'),
('a payment it does not know, asked for it',
 jsonb_build_object('payment_key', 'A ' || :'plain', 'missing', true), 'missing'),
('a payment of the other mode, whatever else',
 jsonb_build_object('payment_key', 'A ' || :'plain', 'live', true, 'missing', true), 'other_mode');
select is(pg_temp.verdict(:audit, l.line), l.expected, l.protects) from lines l;

-- Our side of it
select is(pg_temp.audit(:audit, jsonb_build_array(l.line)) -> 0, l.expected, l.what) from (values
  ('a line shows both sides, and the tokens that went with it',
   jsonb_build_object('payment_key', 'B ' || :'refunded', 'refunded', 2000),
   jsonb_build_object(
     'payment_key', 'B ' || :'refunded', 'order_id', :'refunded', 'currency', 'KRW',
     'paid_at', '2026-01-02T03:04:05+00:00', 'paid', 5000, 'refunded', 2000, 'our_paid', 5000,
     'our_refunded', 1000, 'tokens', 8, 'verdict', 'different', 'problem', null
   )),
  ('... and why it was not credited',
   jsonb_build_object('payment_key', 'F ' || :'tampered', 'paid', 100, 'paid_at', null),
   jsonb_build_object(
     'payment_key', 'F ' || :'tampered', 'order_id', :'tampered', 'currency', 'KRW',
     'paid_at', '2026-01-02T03:04:05+00:00', 'paid', 100, 'refunded', 0, 'our_paid', 100,
     'our_refunded', 0, 'tokens', null, 'verdict', 'matched', 'problem', 'wrong_amount'
   )),
  ('an unknown one shows theirs', '{"payment_key": "nobody", "order_id": "ord_nobody_made_it"}',
   '{"payment_key": "nobody", "order_id": "ord_nobody_made_it", "currency": "KRW",
     "paid_at": "2026-01-02T03:04:05+00:00", "paid": 5000, "refunded": 0, "our_paid": null,
     "our_refunded": null, "tokens": null, "verdict": "unknown", "problem": null}')
) l (what, line, expected);
select is(
  jsonb_path_query_array(pg_temp.audit(:audit, jsonb_build_array(
    jsonb_build_object('payment_key', 'A ' || :'plain'),
    jsonb_build_object('payment_key', 'A ' || :'plain', 'refunded', null)
  )), '$[*].verdict'), '["unread"]', 'a payment listed twice is one line, read if either needs it'
);
select is(pg_temp.audit(:audit, '[]'), 'null', 'an empty page is no line');
select is(
  pg_temp.audit(9007199254740991, '[{"payment_key": "x"}]'), 'null', 'nor is one of no audit'
);

-- The end: totals, and what a person is shown. A page of everything, with B refunded so far.
create function pg_temp.page(audit_id bigint, refunded bigint) returns jsonb
language sql as $$
  select pg_temp.audit(page.audit_id, jsonb_agg(jsonb_build_object(
    'payment_key', a.payment_key, 'paid', a.paid, 'refunded', case
      when a.payment_key like 'B %' then page.refunded else a.refunded + a.withdrawn end
  )) || '[{"payment_key": "nobody", "order_id": "ord_nobody_made_it"}, {"payment_key": "shoes"},
    {"payment_key": "dollars", "order_id": "ord_nobody_made_it", "currency": "USD", "paid": 400},
    {"payment_key": "live", "live": true}]')
  from coinslot.payment_attempts a where a.paid > 0
$$;
select pg_temp.begin_audit(:'since', :'until', again => true) as audit \gset
select pg_temp.page(:audit, 3000) as page \gset
select pg_temp.audit(:audit, jsonb_build_array(
  jsonb_build_object('payment_key', 'C ' || :'withdrawn', 'missing', true, 'paid', 0)
)) as line \gset
select is(
  pg_temp.finish(:audit),
  '[{"verdict": "different", "currency": "KRW", "payments": 1, "paid": 5000, "refunded": 3000,
     "our_paid": 5000, "our_refunded": 1000, "tokens": 8},
    {"verdict": "foreign", "currency": "KRW", "payments": 1, "paid": 5000, "refunded": 0,
     "our_paid": null, "our_refunded": null, "tokens": null},
    {"verdict": "matched", "currency": "KRW", "payments": 4, "paid": 15100, "refunded": 0,
     "our_paid": 15100, "our_refunded": 0, "tokens": 20},
    {"verdict": "missing", "currency": "KRW", "payments": 1, "paid": 0, "refunded": 0,
     "our_paid": 5000, "our_refunded": 2000, "tokens": 6},
    {"verdict": "other_mode", "currency": "KRW", "payments": 1, "paid": 5000, "refunded": 0,
     "our_paid": null, "our_refunded": null, "tokens": null},
    {"verdict": "unknown", "currency": "KRW", "payments": 1, "paid": 5000, "refunded": 0,
     "our_paid": null, "our_refunded": null, "tokens": null},
    {"verdict": "unknown", "currency": "USD", "payments": 1, "paid": 400, "refunded": 0,
     "our_paid": null, "our_refunded": null, "tokens": null}]', 'totals by verdict and currency'
);
select is(
  pg_temp.found(),
  'audit_different B, audit_missing C, audit_unknown dollars, audit_unknown nobody',
  'a person is shown what does not match'
);
select is(
  (select d.detail - 'audit_id' from coinslot.discrepancies d where d.kind = 'audit_different'),
  '{"currency": "KRW", "paid": 5000, "refunded": 3000, "our_paid": 5000, "our_refunded": 1000}',
  '... with both sides of it'
);
select is(
  jsonb_array_length(pg_temp.finish(:audit)), 7, 'ending it again answers the same'
);
select pg_temp.begin_audit(:'since', :'until'::timestamptz + interval '1 s') as overlapping \gset
select pg_temp.page(:overlapping, 3000) as page \gset
select pg_temp.audit(:overlapping, jsonb_build_array(
  jsonb_build_object('payment_key', 'C ' || :'withdrawn', 'refunded', null)
)) as line \gset
select pg_temp.finish(:overlapping) as finished \gset
select is(
  (select count(*) from coinslot.discrepancies d where d.kind like 'audit%'), 4::bigint,
  'a person is shown it once, however often it is found'
);
select is(
  pg_temp.found(),
  'audit_different B, audit_missing C, audit_unknown dollars, audit_unknown nobody',
  '... and for as long as nothing else is known: a line that was not read says nothing'
);
select pg_temp.begin_audit(:'since', :'until', again => true) as audit \gset
select pg_temp.page(:audit, 1000) as page \gset
select pg_temp.audit(:audit, jsonb_build_array(
  '{"payment_key": "nobody", "order_id": "ord_nobody_made_it", "refunded": null}'::jsonb,
  jsonb_build_object('payment_key', 'A ' || :'plain', 'missing', true)
)) as line \gset
select pg_temp.finish(:audit) as finished \gset
select is(
  pg_temp.found(), 'audit_missing A, audit_unknown dollars, audit_unknown nobody',
  'what matches now is shown no longer; what is newly found is'
);
select is(
  (select array_agg(split_part(d.payment_key, ' ', 1) order by d.payment_key)
   from coinslot.discrepancies d where d.kind like 'audit%' and d.resolved_at is not null),
  array['B', 'C'], '... the rest is resolved, not lost'
);
select is(
  pg_temp.read(:'plain', 'A:paid paid=5000 refunded=1000'), 'reversed partially_refunded 32',
  'the gateway has news of a payment'
);
select is(
  pg_temp.found(), 'audit_unknown dollars, audit_unknown nobody',
  '... which end what an audit found of it'
);

-- Money that was not credited, and that nobody looks into any more
select pg_temp.change($$update coinslot.discrepancies set resolved_at = clock_timestamp()
  where kind = 'duplicate_payment' or kind like 'audit%'$$) as resolved \gset
create function pg_temp.audited(line jsonb) returns text
language plpgsql as $$
declare
  v_audit bigint := pg_temp.begin_audit('2025-05-01', '2025-06-01', again => true);
  v_verdict text := pg_temp.verdict(v_audit, audited.line);
begin
  perform pg_temp.finish(v_audit);
  return concat_ws(' ', v_verdict, pg_temp.found());
end
$$;
select is(
  pg_temp.audited(jsonb_build_object('payment_key', 'E ' || :'doubled')),
  'different audit_different E', 'does not match, in whichever audit: the ' || n
) from unnest(array['first', 'second', 'third']) n;
select pg_temp.read(:'doubled', 'E:canceled paid=5000 refunded=5000') as read \gset
select is(
  pg_temp.audited(jsonb_build_object('payment_key', 'E ' || :'doubled', 'refunded', 5000)),
  'matched', 'once it is back, it does'
);
select is(
  pg_temp.audited(jsonb_build_object(
    'payment_key', 'nobody', 'order_id', 'ord_nobody_made_it', 'refunded', a.refunded
  )),
  a.found, 'money for an order that nobody made: ' || a.what
) from (values
  (0, 'unknown audit_unknown nobody', 'needs a person'),
  (4999, 'unknown audit_unknown nobody', 'also what is left of it'),
  (5000, 'unknown', 'and none once it has gone back')
) a (refunded, found, what);

-- What was credited and not listed
select pg_temp.read(pg_temp.order_of(:'mina', 'toss'), 'T:paid paid=5000 gateway=toss') as read
\gset
create function pg_temp.unlisted(audit_id bigint, rest text default '') returns text
language sql as $$
  select pg_temp.as_service(format(
    'select string_agg(concat_ws(%L, split_part(u.payment_key, %1$L, 1), u.currency, u.live), %L
       order by u.payment_key collate "C") as u from coinslot_audit_unlisted(%s%s) u', ' ', ', ',
    unlisted.audit_id, unlisted.rest
  )) ->> 'u'
$$;
select pg_temp.begin_audit(:'since', :'until', again => true) as audit \gset
select is(
  pg_temp.unlisted(:audit), 'A KRW f, B KRW f, C KRW f, D KRW f',
  'what was credited in the window, and neither a duplicate nor another gateway''s'
);
select is(pg_temp.unlisted(:audit, ', page_size => 2'), 'A KRW f, B KRW f', '... by pages');
select is(
  pg_temp.unlisted(:audit, format(', after => %L, page_size => 1', 'B ' || :'refunded')),
  'C KRW f', '... the next of which begins after the last'
);
select is(pg_temp.unlisted(:audit, ', page_size => 0'), 'A KRW f', '... of one at the least');
select pg_temp.audit(:audit, jsonb_build_array(
  jsonb_build_object('payment_key', 'B ' || :'refunded', 'refunded', null)
)) as line \gset
select is(
  pg_temp.unlisted(:audit), 'A KRW f, C KRW f, D KRW f', 'what was listed is not asked for again'
);
select is(
  pg_temp.unlisted(pg_temp.begin_audit('2025-08-01', '2025-09-01')), null,
  'what was credited at another time is no part of it'
);
select is(
  pg_temp.unlisted(pg_temp.begin_audit(:'since', :'until', gateway => 'toss')), 'T KRW f',
  'each gateway has its own'
);
select is(pg_temp.unlisted(9007199254740991), null, 'no audit, nothing');

-- The report
create function pg_temp.report(audit_id bigint, rest text default '') returns text
language sql as $$
  select pg_temp.as_service(format(
    'select string_agg(concat_ws(%L, split_part(l.payment_key, %1$L, 1), l.verdict), %L
       order by l.payment_key collate "C") as r from coinslot_audit_report(%s%s) l', ' ', ', ',
    report.audit_id, report.rest
  )) ->> 'r'
$$;
select pg_temp.audit(:audit, jsonb_build_array(
  jsonb_build_object('payment_key', 'A ' || :'plain', 'refunded', 1000),
  '{"payment_key": "nobody", "order_id": "ord_nobody_made_it"}'::jsonb,
  '{"payment_key": "somebody", "order_id": "ord_nobody_made_it"}'::jsonb
)) as line \gset
select is(pg_temp.report(:audit, r.rest), r.expected, 'a report' || r.what) from (values
  (' by payment key', '', 'A matched, B unread, nobody unknown, somebody unknown'),
  (' of one verdict', ', verdict => ''unknown''', 'nobody unknown, somebody unknown'),
  (' of none', ', verdict => ''nonsense''', null),
  ('''s first page', ', page_size => 2', 'A matched, B unread'),
  ('''s next', format(', page_size => 1, after => %L', 'B ' || :'refunded'), 'nobody unknown'),
  ('''s last', ', after => ''somebody''', null),
  (' of one at the least', ', page_size => -1', 'A matched')
) r (what, rest, expected);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select * from finish();
rollback;
