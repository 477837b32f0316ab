-- Audits: a gateway's list of payments beside ours, and what of it needs a person.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
select plan(145);

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
language plpgsql as $$
declare
  v_lines jsonb := (
    select coalesce(jsonb_agg(jsonb_build_object(
      'order_id', '', 'currency', 'KRW', 'moved_at', '2026-01-02T03:04:05Z', 'paid', 5000,
      'refunded', 0, 'live', false
    ) || l.line order by l.n), '[]')
    from jsonb_array_elements(audit.lines) with ordinality l (line, n)
  );
begin
  perform pg_temp.as_service(format(
    'select coinslot_audit_payments(%s, %L)', audit.audit_id, v_lines
  ));
  return (
    select jsonb_agg(to_jsonb(l) - 'audit_id' order by l.payment_key)
    from coinslot.audit_lines l
    where l.audit_id = audit.audit_id and l.payment_key in (
      select k.line ->> 'payment_key' from jsonb_array_elements(v_lines) k (line)
    )
  );
end
$$;
-- Of a line alone, whatever was said of the payment before.
create function pg_temp.verdict(audit_id bigint, line jsonb) returns text
language plpgsql as $$
begin
  delete from coinslot.audit_lines l
  where l.audit_id = verdict.audit_id and l.payment_key = verdict.line ->> 'payment_key';
  return pg_temp.audit(verdict.audit_id, jsonb_build_array(verdict.line)) #>> '{0,verdict}';
end
$$;
create function pg_temp.finish(audit_id bigint) returns jsonb
language sql as $$
  select pg_temp.as_service(format('select coinslot_finish_audit(%s) as ended', finish.audit_id))
  #> '{ended,totals}'
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
select is(pg_temp.audit(:january, '[{"payment_key": "late"}]'), null, '... and takes no lines');
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
('a row that does not tell refunds',
 jsonb_build_object('payment_key', 'B ' || :'refunded', 'refunded', null), 'matched'),
('a row that tells no money at all', jsonb_build_object(
   'payment_key', 'B ' || :'refunded', 'refunded', null, 'paid', null), 'matched'),
('a row that cannot tell', jsonb_build_object(
   'payment_key', 'A ' || :'plain', 'refunded', null, 'unclear', true), 'unread'),
('as much left as we have', jsonb_build_object(
   'payment_key', 'B ' || :'refunded', 'refunded', null, 'left', 4000), 'matched'),
('more left at that time', jsonb_build_object(
   'payment_key', 'B ' || :'refunded', 'refunded', null, 'left', 5000), 'matched'),
('less left than we have', jsonb_build_object(
   'payment_key', 'B ' || :'refunded', 'refunded', null, 'left', 3999), 'different'),
('what banks withdrew is not left', jsonb_build_object(
   'payment_key', 'C ' || :'withdrawn', 'refunded', null, 'left', 3000), 'matched'),
('a dispute we do not know of', jsonb_build_object(
   'payment_key', 'A ' || :'plain', 'disputed', 1), 'different'),
('money on its way back that we do not know of', jsonb_build_object(
   'payment_key', 'A ' || :'plain', 'refunding', 1), 'different'),
('a dispute that was won', jsonb_build_object('payment_key', 'C ' || :'withdrawn',
   'refunded', null, 'withdrawn', 0), 'different'),
('one that was lost', jsonb_build_object('payment_key', 'C ' || :'withdrawn',
   'refunded', null, 'withdrawn', 1000, 'disputed', 0), 'matched'),
('a deposit that was undone', jsonb_build_object(
   'payment_key', 'A ' || :'plain', 'refunded', null, 'paid', 0), 'different'),
('no money for what we know nothing of',
 '{"payment_key": "nobody", "order_id": "ord_nobody_made_it", "paid": 0}', null),
('... nor for what we know of as unpaid',
 jsonb_build_object('payment_key', 'G ' || :'unpaid', 'paid', 0), 'matched'),
('a row that does not tell its mode',
 jsonb_build_object('payment_key', 'A ' || :'plain', 'live', null), 'matched'),
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
     'moved_at', '2026-01-02T03:04:05+00:00', 'paid', 5000, 'refunded', 2000, 'our_paid', 5000,
     'our_refunded', 1000, 'tokens', 8, 'verdict', 'different', 'problem', null
   )),
  ('... and why it was not credited',
   jsonb_build_object('payment_key', 'F ' || :'tampered', 'paid', 100, 'moved_at', null),
   jsonb_build_object(
     'payment_key', 'F ' || :'tampered', 'order_id', :'tampered', 'currency', 'KRW',
     'moved_at', '2026-01-02T03:04:05+00:00', 'paid', 100, 'refunded', 0, 'our_paid', 100,
     'our_refunded', 0, 'tokens', null, 'verdict', 'matched', 'problem', 'wrong_amount'
   )),
  ('an unknown one shows theirs', '{"payment_key": "nobody", "order_id": "ord_nobody_made_it"}',
   '{"payment_key": "nobody", "order_id": "ord_nobody_made_it", "currency": "KRW",
     "moved_at": "2026-01-02T03:04:05+00:00", "paid": 5000, "refunded": 0, "our_paid": null,
     "our_refunded": null, "tokens": null, "verdict": "unknown", "problem": null}')
) l (what, line, expected);
-- Several rows about one payment
create function pg_temp.rows_of(audit_id bigint, key text, rows jsonb) returns text
language plpgsql as $$
declare
  v_row jsonb;
begin
  delete from coinslot.audit_lines l where l.audit_id = rows_of.audit_id;
  for v_row in select * from jsonb_array_elements(rows_of.rows) loop
    perform pg_temp.audit(rows_of.audit_id, jsonb_build_array(
      jsonb_build_object('payment_key', rows_of.key, 'refunded', null) || v_row
    ));
  end loop;
  return (select l.verdict from coinslot.audit_lines l where l.audit_id = rows_of.audit_id);
end
$$;
select is(pg_temp.rows_of(:audit, 'A ' || :'plain', r.rows), r.expected, r.what) from (values
  ('what does not agree is read, whatever another row says', 'different',
   '[{"left": 1000}, {"paid": 5000}]'::jsonb),
  ('... in either order', 'different', '[{"paid": 5000}, {"left": 1000}]'),
  ('what is unclear stays so', 'unread', '[{"unclear": true}, {"paid": 5000}]'),
  ('a row that tells everything says all', 'matched', '[{"unclear": true}, {"refunded": 0}]'),
  ('an account that was issued and then paid', 'matched',
   '[{"paid": 0}, {"paid": 5000, "moved_at": "2026-01-02T04:00:00Z"}]'),
  ('... also where the list is out of order', 'matched',
   '[{"paid": 5000, "moved_at": "2026-01-02T04:00:00Z"}, {"paid": 0}]'),
  ('a deposit that came and was undone', 'different',
   '[{"paid": 5000}, {"paid": 0, "moved_at": "2026-01-02T04:00:00Z"}]')
) r (what, expected, rows);
select is(
  jsonb_path_query_array(pg_temp.audit(:audit, jsonb_build_array(
    jsonb_build_object('payment_key', 'D ' || :'doubled'),
    jsonb_build_object('payment_key', 'D ' || :'doubled', 'refunded', null, 'unclear', true)
  )), '$[*].verdict'), '["unread"]', 'a payment listed twice is one line, read if either needs it'
);
select is(pg_temp.audit(:audit, '[]'), null, 'an empty page is no line');
select is(
  pg_temp.audit(9007199254740991, '[{"payment_key": "x"}]'), null, 'nor is one of no audit'
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
  jsonb_build_object('payment_key', 'C ' || :'withdrawn', 'refunded', null, 'unclear', true)
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

-- What was credited and not listed. Of A, B and C something has gone back.
select pg_temp.order_of(:'mina') as other \gset
select pg_temp.read(:'other', 'H:paid paid=5000') as read \gset
select pg_temp.read(pg_temp.order_of(:'mina', 'toss'), 'T:paid paid=5000 gateway=toss') as read
\gset
create function pg_temp.unlisted(audit_id bigint, rest text default '') returns text
language sql as $$
  select string_agg(concat_ws(
    ' ', split_part(u.line ->> 'payment_key', ' ', 1), u.line ->> 'currency', u.line ->> 'live'
  ), ', ') from jsonb_array_elements(pg_temp.as_service(format(
    'select coinslot_audit_unlisted(%s%s) as u', unlisted.audit_id, unlisted.rest
  )) -> 'u') u (line)
$$;
select pg_temp.begin_audit(:'since', :'until', again => true) as audit \gset
select is(
  pg_temp.unlisted(:audit), 'D KRW false, H KRW false',
  'what was credited in the window, and neither moved since nor is another gateway''s'
);
select is(
  pg_temp.unlisted(:audit, format(', after => %L', 'D ' || :'doubled')),
  'H KRW false', '... the next page begins after the last'
);
select pg_temp.audit(:audit, jsonb_build_array(
  jsonb_build_object('payment_key', 'D ' || :'doubled', 'refunded', null)
)) as line \gset
select is(pg_temp.unlisted(:audit), 'H KRW false', 'what was listed is not asked for again');
select pg_temp.begin_audit(:'since'::timestamptz - interval '1 day', :'since') as before \gset
select pg_temp.audit(:before, jsonb_build_array(
  jsonb_build_object('payment_key', 'H ' || :'other')
)) as line \gset
select is(pg_temp.unlisted(:audit), null, '... nor what the window before it has');
select pg_temp.finish(:audit) as totals \gset
select is(
  (select string_agg(split_part(l.payment_key, ' ', 1), ', ' order by l.payment_key)
   from coinslot.audit_lines l where l.audit_id = :audit and l.verdict = 'later'),
  'A, B, C', 'the report has what moved after it, without a read'
);
select pg_temp.begin_audit(:'since', :'until', again => true) as audit \gset
select is(
  pg_temp.unlisted(pg_temp.begin_audit('2025-08-01', '2025-09-01')), null,
  'what was credited at another time is no part of it'
);
select is(
  pg_temp.unlisted(pg_temp.begin_audit(:'since', :'until', gateway => 'toss')), 'T KRW false',
  'each gateway has its own'
);
select is(pg_temp.unlisted(9007199254740991), null, 'no audit, nothing');

-- The report
create function pg_temp.report(audit_id bigint, rest text default '') returns text
language sql as $$
  select string_agg(concat_ws(
    ' ', split_part(r.line ->> 'payment_key', ' ', 1), r.line ->> 'verdict'
  ), ', ') from jsonb_array_elements(pg_temp.as_service(format(
    'select coinslot_audit_report(%s%s) as r', report.audit_id, report.rest
  )) -> 'r') r (line)
$$;
select pg_temp.audit(:audit, jsonb_build_array(
  jsonb_build_object('payment_key', 'A ' || :'plain', 'refunded', 1000),
  jsonb_build_object('payment_key', 'B ' || :'refunded', 'refunded', null, 'unclear', true),
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
create function pg_temp.open(audit_id bigint, rest text default '') returns text
language sql as $$
  select string_agg(split_part(o.line ->> 'payment_key', ' ', 1), ', ')
  from jsonb_array_elements(pg_temp.as_service(format(
    'select coinslot_audit_open(%s%s) as o', open.audit_id, open.rest
  )) -> 'o') o (line)
$$;
select is(pg_temp.open(:audit), 'B, nobody, somebody', 'what is to be read');
select is(pg_temp.open(:audit, ', ''nobody'''), 'somebody', '... by pages');

-- Odd rows: the window is not finished, and a person is shown it once
create function pg_temp.ends(audit_id bigint, rest text default '') returns text
language sql as $$
  select concat_ws(' ', e.ended ->> 'finished', e.ended ->> 'odd')
  from (select pg_temp.as_service(format(
    'select coinslot_finish_audit(%s%s) as ended', ends.audit_id, ends.rest
  )) -> 'ended' as ended) e
$$;
create function pg_temp.window_of(audit_id bigint) returns text
language sql as $$
  select concat_ws(', ', case when a.finished_at is null then 'open' else 'finished' end,
    'again in ' || round(extract(epoch from a.next_look_at - clock_timestamp()) / 3600) || ' h')
  from coinslot.audits a where a.id = window_of.audit_id
$$;
create function pg_temp.unfinished() returns text
language sql as $$
  select string_agg(concat_ws(' ', d.payment_key, d.detail ->> 'odd'), ', ')
  from coinslot.discrepancies d where d.kind = 'audit_unfinished' and d.resolved_at is null
$$;
select pg_temp.begin_audit('2026-03-01Z', '2026-03-02Z') as odd \gset
select is(
  pg_temp.ends(:odd, ', 2, ''[{"key": "x", "why": "currency"}]'', ''mark'''), 'false 2',
  'a window with odd rows is not finished'
);
select is(pg_temp.window_of(:odd), 'open, again in 1 h', '... is looked at again');
select is(
  pg_temp.unfinished(), '2026-03-01T00:00:00Z/2026-03-02T00:00:00Z 2', '... and a person is told'
);
select is(pg_temp.begin_audit('2026-03-01Z', '2026-03-02Z'), null, '... not before its time');
create function pg_temp.next_look(audit_id bigint, rest text) returns text
language plpgsql as $$
declare
  v_audit coinslot.audits;
begin
  update coinslot.audits a set next_look_at = clock_timestamp() where a.id = next_look.audit_id
  returning * into v_audit;
  perform pg_temp.begin_audit(v_audit.since, v_audit.until);
  perform pg_temp.ends(next_look.audit_id, next_look.rest);
  return pg_temp.window_of(next_look.audit_id);
end
$$;
select is(
  pg_temp.next_look(:odd, ', 2, ''[]'', ''mark'''),
  concat_ws(', ', 'open', 'again in ' || n.hours || ' h'),
  coalesce('... the next time after ' || n.hours || ' hours', '... and no more after a week')
) from unnest(array[2, 4, 8, 16, 24, 24, 24, null]) n (hours);
select is(
  pg_temp.ends(pg_temp.begin_audit('2026-03-01Z', '2026-03-02Z', again => true),
    ', 2, ''[]'', ''mark'', accept => true'), 'true 2', 'a person may accept them'
);
select is(pg_temp.unfinished(), null, '... and is shown them no more');
select is(
  pg_temp.ends(pg_temp.begin_audit('2026-03-01Z', '2026-03-02Z', again => true), r.rest),
  r.expected, r.what
) from (values
  (', 2, ''[]'', ''mark''', 'true 2', 'the same rows are accepted the next time'),
  (', 2, ''[]'', ''another''', 'false 2', 'others are not'),
  (', 2, ''[]'', null', 'false 2', 'nor is a list that ends too early'),
  (', 2, ''[]'', null, accept => true', 'false 2', '... which nobody can accept'),
  ('', 'true 0', 'without odd rows it is finished')
) r (rest, expected, what);

-- Days that are due
create function pg_temp.day(ago integer) returns timestamptz
language sql as $$
  select date_trunc('day', clock_timestamp() - interval '3 hours', 'UTC')
    - day.ago * interval '1 day'
$$;
create function pg_temp.due() returns text
language sql as $$
  select string_agg(
    (extract(epoch from pg_temp.day(0) - (d.day ->> 'since')::timestamptz) / 86400)::integer::text,
    ' ' order by d.n
  )
  from jsonb_array_elements(pg_temp.as_service(
    'select coinslot_due_audits(''stripe'') as d'
  ) -> 'd') with ordinality d (day, n)
$$;
select is(pg_temp.due(), '7 6 5 4 3 2 1', 'a week is audited where nothing is known, oldest first');
select pg_temp.begin_audit(pg_temp.day(7), pg_temp.day(6), gateway => 'stripe') as week,
  pg_temp.begin_audit(pg_temp.day(4), pg_temp.day(3), gateway => 'stripe') as day \gset
select is(pg_temp.due(), '6 5 3 2 1', 'what is being done is not done twice');
select pg_temp.finish(:week) as totals, pg_temp.finish(:day) as totals2 \gset
select is(pg_temp.due(), '6 5 3 2 1', '... nor what is done');
select pg_temp.read(pg_temp.order_of(:'mina', 'stripe'), 'S:paid paid=5000 gateway=stripe') as read
\gset
select pg_temp.change(
  $$update public.token_payments set confirmed_at = pg_temp.day(20)
  where gateway = 'stripe'$$) as changed \gset
select is(
  pg_temp.due(), '20 19 18 17 16 15 14 13 12 11 10 9 8 6 5 3 2 1',
  'after darkness, every day from the first payment on, oldest first'
);
select pg_temp.change(
  $$update public.token_payments set confirmed_at = pg_temp.day(900)
  where gateway = 'stripe'$$) as changed \gset
select matches(pg_temp.due(), '^1(79|80) 17', '... within half a year');
select pg_temp.change($$update coinslot.audits set next_look_at = clock_timestamp()
  where gateway = 'stripe' and since = pg_temp.day(4)$$) as changed \gset
select matches(pg_temp.due(), ' 5 4 3 2 1$', 'a day is looked at again when it is time');

-- What they came to, which a report tells of any time: each quarter of an hour once
select pg_temp.change('delete from coinslot.audit_totals') as emptied \gset
create function pg_temp.found_in(
  since timestamptz, until timestamptz, lines jsonb, again boolean default false
) returns bigint
language plpgsql as $$
declare
  v_id bigint := pg_temp.begin_audit(since, until, again);
begin
  perform pg_temp.audit(v_id, lines);
  perform pg_temp.finish(v_id);
  return v_id;
end
$$;
create function pg_temp.settled(live boolean default false) returns text
language sql as $$
  select string_agg(format('%s %s of %s %s', r.row ->> 'day', r.row ->> 'payments',
    r.row ->> 'their_paid', r.row ->> 'currency'), ', ' order by r.row ->> 'day')
  from jsonb_array_elements(coinslot.make_report('settlement', jsonb_build_object(
    'from', '2024-01-01', 'to', '2024-12-31', 'zone', 'UTC', 'live', settled.live
  )) -> 'rows') r (row)
$$;
select '[{"payment_key": "x1", "order_id": "ord_nobody_made_it", "paid": 100, "moved_at": "2024-03-01T10:07:00Z"},
  {"payment_key": "x2", "order_id": "ord_nobody_made_it", "paid": 20, "moved_at": "2024-03-01T11:30:00Z"},
  {"payment_key": "x3", "order_id": "ord_nobody_made_it", "paid": 3, "moved_at": "2024-03-02T00:00:00Z"}]'::jsonb
  as three \gset
select pg_temp.found_in('2024-03-01', '2024-03-02', :'three'::jsonb - 2) as day \gset
select is(pg_temp.settled(), '2024-03-01 2 of 120 KRW', 'a day that was audited');
select pg_temp.found_in('2024-03-01 10:00', '2024-03-01 11:00', :'three'::jsonb - 2 - 1) as hour \gset
select is(pg_temp.settled(), '2024-03-01 2 of 120 KRW', 'an hour of it as well is there once');
select pg_temp.found_in('2024-03-01', '2024-03-03', :'three') as two \gset
select is(
  pg_temp.settled(), '2024-03-01 2 of 120 KRW, 2024-03-02 1 of 3 KRW',
  '... and so is what is caught up on, each payment on its own day'
);
select pg_temp.found_in('2024-03-01 10:00', '2024-03-01 11:00', '[]', again => true) as hour \gset
select is(
  pg_temp.settled(), '2024-03-01 1 of 20 KRW, 2024-03-02 1 of 3 KRW',
  'what was looked at last counts, for its own time'
);
select pg_temp.found_in('2024-03-01 11:20', '2024-03-01 11:40', '[]') as part \gset
select is(
  pg_temp.settled(), '2024-03-01 1 of 20 KRW, 2024-03-02 1 of 3 KRW',
  'a part of a quarter of an hour changes nothing'
);
select pg_temp.begin_audit('2024-03-01', '2024-03-02', again => true) as day \gset
select is(
  pg_temp.settled(), '2024-03-01 1 of 20 KRW, 2024-03-02 1 of 3 KRW',
  'while a day is looked at again, it is as it was'
);
select pg_temp.as_service(format(
  'select coinslot_finish_audit(%s, 1, ''[]'', ''odd'') as ended', :day
)) as ended \gset
select is(
  pg_temp.settled(), '2024-03-01 1 of 20 KRW, 2024-03-02 1 of 3 KRW',
  '... and where it ends with rows that nobody can read'
);
select pg_temp.found_in('2024-03-01', '2024-03-02', :'three'::jsonb - 2, again => true) as day \gset
select is(
  pg_temp.settled(), '2024-03-01 2 of 120 KRW, 2024-03-02 1 of 3 KRW', 'then it is as it was found'
);
select pg_temp.change($$update coinslot.audits set finished_at = clock_timestamp()
  - interval '100 days' where finished_at is not null$$) as changed \gset
select ok(sum(coinslot.purge_audit_lines(1000)) > 0, 'old lines go') from generate_series(1, 20);
select is(
  pg_temp.settled(), '2024-03-01 2 of 120 KRW, 2024-03-02 1 of 3 KRW',
  '... and the report says what it said'
);

-- Test money and real money
select matches(pg_temp.due(), ' 5 4 3 2 1$', 'a day of test payments is looked at again');
select pg_temp.as_service('select coinslot_go_live(false) as done') as gone_live \gset
select matches(pg_temp.due(), ' 5 3 2 1$', '... but not once the database is live');
select pg_temp.found_in('2024-03-02', '2024-03-04', jsonb_build_array(
  :'three'::jsonb -> 2 || '{"live": true, "paid": 4}', :'three'::jsonb -> 1
)) as live \gset
select is(pg_temp.settled(true), '2024-03-02 1 of 4 KRW', 'real money is told alone');
select is(
  pg_temp.settled(), '2024-03-01 2 of 120 KRW, 2024-03-02 1 of 3 KRW',
  '... and test money as it was, also of the same time'
);
select pg_temp.begin_audit(:'since'::timestamptz - interval '1 hour', :'until') as live_audit \gset
select is(
  pg_temp.as_service(format('select coinslot_audit_unlisted(%s) as lines', :live_audit)) -> 'lines',
  '[]', 'no test payment is looked for among real money'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select * from finish();
rollback;
