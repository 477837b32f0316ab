-- Refills: granted by the first use after they are due, once for a period, an identity and a user.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/lots.sql

select pg_temp.change('update coinslot.settings set signup_bonus = 0') \gset

-- Where it is about noon now, so that no test sees a midnight.
create function pg_temp.noon() returns text
language sql as $$
  select case
    when o.hours > 0 then format('Etc/GMT-%s', o.hours)
    when o.hours < 0 then format('Etc/GMT+%s', -o.hours) else 'Etc/GMT' end
  from (select 12 - extract(hour from clock_timestamp() at time zone 'UTC')::integer) o (hours)
$$;

create function pg_temp.rule(id text, given jsonb) returns jsonb
language sql as $$
  select pg_temp.invoke('coinslot_set_refill', jsonb_build_object(
    'id', rule.id, 'time_zone', pg_temp.noon(), 'every', 'day'
  ) || rule.given)
$$;

-- Under these rules alone a new user, who has confirmed an address, plays a story.
create function pg_temp.play_refills(rules jsonb, steps text[]) returns text[]
language plpgsql as $$
begin
  perform pg_temp.invoke('coinslot_set_refill', jsonb_build_object('id', r.id, 'active', false))
  from coinslot.refills r;
  perform pg_temp.rule(
    r.key, '{"active": true, "mode": "replace", "group_name": ""}' || r.value
  ) from jsonb_each(rules) r;
  return pg_temp.play_lots(steps, pg_temp.sign_up(gen_random_uuid() || '@example.com'));
end
$$;

create temporary table stories (rule, rules, steps, expected) as values
('a refill is in the balance before it is written, and what is left of it ends with its day',
 '{"a": {"tokens": 5}}',
 array['?tokens', '?history', 's: spend 2', '?history', 't: spend 1', 'pass 24', '?tokens',
   '?history', 'u: spend 1', '?history'],
 array['5', '', '3', 'refill 5, spend -2', '2', '5', '5', 'refill 5, spend -2, spend -1', '4',
   'refill 5, spend -2, spend -1, expiry -2, refill 5, spend -1']),
('one that adds never ends', '{"a": {"tokens": 5, "mode": "add"}}',
 array['s: spend 2', 'pass 24', 't: spend 1', '?lots'],
 array['3', '8', '7', 'refill 2, refill 5']),
('within its period there is no other', '{"a": {"tokens": 5}}',
 array['s: spend 5', 'pass 10', 't: spend 1', 'fold', 'upkeep', '?history'],
 array['0', '0', 'PT402 insufficient_tokens {"tokens": 0, "required": 1}', '0', '0',
   'refill 5, spend -5']),
('missed ones lapse', '{"a": {"tokens": 5, "mode": "add"}}',
 array['s: spend 1', 'pass 240', '?tokens', 't: spend 1', '?history'],
 array['4', '9', '9', '8', 'refill 5, spend -1, refill 5, spend -1']),
('a hold is a use', '{"a": {"tokens": 5}}',
 array['h: hold 3', '?history', 'h: release', '?tokens'], array['2', 'refill 5', '5', '5']),
('a capture is a use, and draws what was kept for its hold', '{"a": {"tokens": 5}}',
 array['h: hold 3 ttl=24', 'pass 14', 'h: capture', '?history', '?lots'],
 array['2', '5', '5', 'refill 5, expiry -2, refill 5, spend -3', 'refill 0, refill 5']),
('no fold, no credit, no merge and no upkeep grants one', '{"a": {"tokens": 5}}',
 array['fold', 'upkeep', 'F: grant 3', 'P: buy 10', 'P: read refunded=500', '?history'],
 array['5', '5', '8', '18', '17', 'grant 3, purchase 10, refund -1']),
('one that is refused takes its refill back with it', '{"a": {"tokens": 5}}',
 array['s: spend 6', '?history', 't: spend 5', '?history'],
 array['PT402 insufficient_tokens {"tokens": 5, "required": 6}', '', '0', 'refill 5, spend -5']),
('it pays a debt that is smaller', '{"a": {"tokens": 5}}',
 array['debt 3', '?tokens', 's: spend 2', '?history', '?lots'],
 array['2', '2', '0', 'refund -3, refill 5, spend -2', 'refill 0']),
('it wears off no larger one', '{"a": {"tokens": 5}}',
 array['debt 5', '?tokens', 's: spend 1', 'pass 24', '?tokens', '?history'],
 array['-5', '-5', 'PT402 insufficient_tokens {"tokens": -5, "required": 1}', '-5', '-5',
   'refund -5']),
('... until something else has', '{"a": {"tokens": 5}}',
 array['debt 8', 'F: grant 4', '?tokens', 's: spend 1', '?history'],
 array['-8', '1', '1', '0', 'refund -8, grant 4, refill 5, spend -1']),
('two rules are two refills', '{"a": {"tokens": 5}, "b": {"tokens": 7, "every": "month"}}',
 array['?tokens', 's: spend 12', '?history', 'pass 24', '?history'],
 array['12', '0', 'refill 5, refill 7, spend -12', '5', 'refill 5, refill 7, spend -12']),
('of two the first may make the second due', '{"a": {"tokens": 5}, "b": {"tokens": 2}}',
 array['debt 4', '?tokens', 's: spend 3', '?history'],
 array['3', '3', '0', 'refund -4, refill 5, refill 2, spend -3']),
('a group''s refill is for its members', '{"a": {"tokens": 5, "group_name": "students"}}',
 array['?tokens', 's: spend 1'],
 array['0', 'PT402 insufficient_tokens {"tokens": 0, "required": 1}']),
('a merge brings what is left of a refill', '{"a": {"tokens": 5}}',
 array['s: spend 2', 'merge 3', '?lots'], array['3', '6', 'refill 3, grant 3']),
('a deleted user gets none', '{"a": {"tokens": 5}}',
 array['s: spend 1', 'pass 24', 'delete', '?history'], array['4', '5', '0', 'refill 5, spend -1, expiry -4']);

select plan((select count(*)::integer from stories) + 45);
select is(pg_temp.play_refills(s.rules::jsonb, s.steps), s.expected, s.rule) from stories s;
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');

-- ---- periods ----

create function pg_temp.period(every text, zone text, at timestamptz) returns text
language sql as $$
  select format('%s to %s', p.period_start at time zone 'UTC', p.period_end at time zone 'UTC')
  from coinslot.refill_period(period.every, period.zone, period.at) p
$$;
select is(pg_temp.period(p.every, p.zone, p.at::timestamptz), p.expected, p.what) from (values
  ('a day', 'day', 'Asia/Seoul', '2026-12-01 20:00Z', '2026-12-01 15:00:00 to 2026-12-02 15:00:00'),
  ('a period begins with its first instant', 'day', 'Asia/Seoul', '2026-12-01 15:00Z',
    '2026-12-01 15:00:00 to 2026-12-02 15:00:00'),
  ('a week begins on Monday', 'week', 'UTC', '2026-12-06 23:59Z',
    '2026-11-30 00:00:00 to 2026-12-07 00:00:00'),
  ('a month', 'month', 'America/New_York', '2027-03-20 12:00Z',
    '2027-03-01 05:00:00 to 2027-04-01 04:00:00'),
  ('a day of 23 hours', 'day', 'America/New_York', '2027-03-14 12:00Z',
    '2027-03-14 05:00:00 to 2027-03-15 04:00:00'),
  ('a day of 25 hours', 'day', 'America/New_York', '2026-11-01 12:00Z',
    '2026-11-01 04:00:00 to 2026-11-02 05:00:00'),
  ('a day whose first hour comes twice', 'day', 'America/Havana', '2023-11-05 04:30Z',
    '2023-11-04 04:00:00 to 2023-11-05 05:00:00'),
  ('a zone that nobody knows', 'day', 'Mars/Olympus', '2026-12-01 20:00Z', ' to ')
) p (what, every, zone, at, expected);
select is_empty($$
  select z, e, at from unnest(array['America/Havana', 'Africa/Cairo', 'Asia/Beirut', 'Pacific/Apia',
    'America/Sao_Paulo', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Antarctica/Troll']) z
  cross join unnest(array['day', 'week', 'month']) e
  cross join (
    select t from generate_series('2011-12-28 00:07Z', '2012-01-02Z', interval '29 minutes') t
    union all select t from generate_series('2018-02-16 23:07Z', '2018-02-19Z', interval '29 minutes') t
    union all select t from generate_series('2018-11-03 00:07Z', '2018-11-06Z', interval '29 minutes') t
    union all select t from generate_series('2023-10-26 00:07Z', '2023-11-06Z', interval '59 minutes') t
    union all select t from generate_series('2023-04-27 00:07Z', '2023-04-29Z', interval '29 minutes') t
  ) times (at)
  cross join lateral coinslot.refill_period(e, z, at) p
  where (p.period_start <= at and at < p.period_end
    and (coinslot.refill_period(e, z, p.period_end)).period_start = p.period_end
    and (coinslot.refill_period(e, z, p.period_start)).period_start = p.period_start) is not true
$$, 'periods follow each other without gaps, whatever clocks do');

-- ---- a rule that changes ----

create temporary table people (name, id) as
select n, pg_temp.sign_up(n || '@example.com') from unnest(array['ann', 'ben', 'cat', 'dan']) n;
create function pg_temp.id(name text) returns uuid
language sql as $$ select p.id from people p where p.name = id.name $$;
create function pg_temp.spend(name text, tokens bigint) returns text
language sql as $$
  select coalesce(a ->> 'balance', pg_temp.refusal(a)) from pg_temp.as_user(pg_temp.id(name), format(
    'select * from spend_tokens(%s, %L)', tokens, gen_random_uuid()
  )) a
$$;
create function pg_temp.tokens(name text) returns text
language sql as $$
  select pg_temp.as_user(pg_temp.id(name), 'select get_user_tokens() as n') ->> 'n'
$$;

select pg_temp.invoke('coinslot_set_refill', jsonb_build_object('id', r.id, 'active', false))
from coinslot.refills r \g /dev/null
delete from coinslot.refill_walks;
select pg_temp.as_service(format('select add_tokens(%L, 1, ''k'')', p.id)) from people p \g /dev/null
select pg_temp.rule('free', '{"tokens": 5}') \g /dev/null
select is(pg_temp.tokens('ann'), '1', 'a wallet that was not told of a rule goes on as before');
select is(pg_temp.spend('ann', 1), '0', '... for spends as for reads');
-- The maintenance looks at wallets for the reports as well, and would hide that none was told.
select cmp_ok(coinslot.spread_refills(1000)::integer, '>=', 4, 'the wallets that are there are told');
select is(pg_temp.tokens('ann'), '5', '... which then have their refill');
select is(
  pg_temp.as_service('select coinslot_run_maintenance() as n') #>> '{n,wallets_told}', '0',
  '... once'
);
select is_empty('select * from coinslot.refill_walks', 'the walk is over');
select is(pg_temp.spend('ann', 2), '3', 'a use grants it');
select pg_temp.rule('free', '{"tokens": 9}') \g /dev/null
select pg_temp.as_service('select coinslot_run_maintenance()') \g /dev/null
select is(pg_temp.spend('ann', 1), '2', 'more tokens are for the next period');
select is(pg_temp.spend('ben', 1), '9', '... but for those who had none in this one');
select pg_temp.rule('free', '{"active": false}') \g /dev/null
select is(pg_temp.spend('ann', 1), '1', 'switched off within a period it takes nothing back');
select is(pg_temp.tokens('cat'), '1', '... and gives nothing more');
select pg_temp.rule('free', '{"active": true}') \g /dev/null
select pg_temp.as_service('select coinslot_run_maintenance()') \g /dev/null
select is(pg_temp.spend('ann', 1), '0', 'switched on again it gives nothing twice');
select pg_temp.rule('free', jsonb_build_object('time_zone', 'Etc/GMT-14')) \g /dev/null
select pg_temp.rule('free', jsonb_build_object('time_zone', 'Etc/GMT+12')) \g /dev/null
select pg_temp.as_service('select coinslot_run_maintenance()') \g /dev/null
select is(pg_temp.tokens('ann'), '0', 'another time zone makes no second period of the same day');
select ok(not coinslot.is_another_period('2026-12-01Z', '2026-12-02Z', '2026-12-01 11:00Z', '2026-12-02 01:00Z'),
  'a period that mostly overlaps the last one is the same');
select ok(coinslot.is_another_period('2026-10-01Z', '2026-11-01Z', '2026-10-31 15:00Z', '2026-11-01Z'),
  'one that mostly follows it is another');
select ok(not coinslot.is_another_period('2026-10-01Z', '2026-11-01Z', '2026-10-31 15:00Z', '2026-10-31 16:00Z'),
  '... once the last one is over');

-- ---- groups ----

select pg_temp.rule('free', '{"active": false}') \g /dev/null
select pg_temp.rule('school', '{"tokens": 3, "group_name": "students"}') \g /dev/null
select is(pg_temp.as_service(format('select set_token_group_for(%L, ''students'') as n', pg_temp.id('dan'))),
  '{"n": true}', 'the app puts somebody into a group');
select is(pg_temp.as_service(format('select set_token_group_for(%L, ''students'') as n', pg_temp.id('dan'))),
  '{"n": false}', '... who is in it then');
select is(pg_temp.tokens('dan'), '4', 'its refill is there at once');
select is(pg_temp.as_service(format('select set_token_group_for(%L, ''students'', false) as n', pg_temp.id('dan'))),
  '{"n": true}', 'and takes them out');
select is(pg_temp.tokens('dan'), '1', '... before it was used');
select is(pg_temp.refusal(pg_temp.as_service(format('select set_token_group_for(%L, ''No Group'')', pg_temp.id('dan')))),
  'PT400 invalid_argument {"example": "students", "argument": "group_name"}', 'a group has a name');

-- ---- identities ----

select pg_temp.rule('free', '{"active": true, "tokens": 5}') \g /dev/null
insert into people values ('eve', pg_temp.sign_up('eve@example.com')),
  ('eve again', pg_temp.sign_up('e.v.e+more@example.com', false)),
  ('nobody', pg_temp.sign_up('nobody@example.com', false));
select pg_temp.change('update coinslot.settings set canonical_emails = true') \g /dev/null
select pg_temp.as_service(format('select add_tokens(%L, 1, ''k'')', pg_temp.id('nobody'))) \g /dev/null
select is(pg_temp.tokens('nobody'), '1', 'who has confirmed nothing gets none');
update auth.users u set email_confirmed_at = now() where u.id = pg_temp.id('nobody');
select is(pg_temp.tokens('nobody'), '6', '... until they have');
select is(pg_temp.spend('eve', 1), '4', 'an identity has its refill');
update auth.users u set email = 'eve+more@example.com', email_confirmed_at = now()
where u.id = pg_temp.id('eve again');
select is(pg_temp.tokens('eve again'), '0', '... and none with another account');
select matches(pg_temp.spend('eve again', 1), 'insufficient_tokens', '... whatever it calls');

-- ---- merging ----

insert into people select n, pg_temp.sign_up(n || '@example.net') from unnest(array['fay', 'gus']) n;
select is(pg_temp.spend('fay', 1) || pg_temp.spend('gus', 2), '43', 'two have had their refills');
select is(pg_temp.as_service(format(
  'select tokens, balance from merge_token_wallets(%L, %L, ''fay into gus'')', pg_temp.id('fay'), pg_temp.id('gus')
)), '{"tokens": 0, "balance": 3}', 'merged, what is left of the second for the same period lapses');
select is(pg_temp.history(pg_temp.id('fay')), 'refill 5, spend -1, expiry -4', '... and is in the history');
select is(pg_temp.spend('gus', 3), '0', 'who took over goes on with their own');
insert into people select n, pg_temp.sign_up(n || '@example.net') from unnest(array['hal', 'ida']) n;
select is(pg_temp.spend('hal', 1), '4', 'one has had a refill');
select pg_temp.as_service(format(
  'select merge_token_wallets(%L, %L, ''hal into ida'')', pg_temp.id('hal'), pg_temp.id('ida')
)) \g /dev/null
select is(pg_temp.tokens('ida'), '4', 'who takes over what is left of it gets none for the same period');
select is(pg_temp.spend('ida', 4), '0', '... whatever they call');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up again');

select * from finish();
rollback;
