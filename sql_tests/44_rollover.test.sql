-- What is left of a period goes over into the next, up to a limit: when the next is paid, by the
-- terms of the one before. No token more, no token less, whatever becomes of it.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/subscriptions.sql

select plan(59);
select pg_temp.change('update coinslot.settings set signup_bonus = 0, charge_from_hour = 0,
  charge_until_hour = 24, charge_spread = ''0''') \g /dev/null
select pg_temp.as_service('select coinslot_set_unattended(''portone'', ''periodic'')') \g /dev/null
create function pg_temp.plan(id text, statement text) returns text
language sql as $$
  select coalesce(a ->> 'p', pg_temp.refusal(a)) from pg_temp.as_service(format(
    'select coinslot_set_plan(%L, %s)::text as p', plan.id, statement
  )) a
$$;
select matches(pg_temp.plan('plus', $$'month', 'Plus', '플러스', 300, '{"KRW": 9900}', rollover => 'cap'$$), 'PT400', 'a limit has to be said');
select matches(pg_temp.plan('plus', $$'month', 'Plus', '플러스', 300, '{"KRW": 9900}', rollover_cap => 100$$), 'PT400', '... and only where there is one');
select matches(pg_temp.plan('plus', $$'month', 'Plus', '플러스', 300, '{"KRW": 9900}', rollover => 'cap', rollover_cap => 0$$), 'PT400', '... which is a token at least');
select matches(pg_temp.plan('plus', $$'month', 'Plus', '플러스', 300, '{"KRW": 9900}', rollover => 'cap', rollover_cap => 100, trial_days => 7, trial_tokens => 30$$),
  '"rollover_cap": 100', 'a plan with a limit');
select matches(pg_temp.plan('pro', $$'month', 'Pro', '프로', 1000, '{"KRW": 24900}', rollover => 'cap', rollover_cap => 500$$), '"rollover": "cap"', 'another');
select matches(pg_temp.plan('none', $$'month', 'None', 'None', 200, '{"KRW": 5000}', rollover => 'none'$$), '"rollover_cap": null', '... one without');
select matches(pg_temp.plan('full', $$'month', 'Full', 'Full', 400, '{"KRW": 19900}', rollover => 'full'$$), '"rollover": "full"', '... and one that keeps all');
select is((select o.rollover_cap from public.token_plan_offers o where o.id = 'pro'), 500::bigint, 'buyers see it');

insert into people select n, pg_temp.sign_up(n || '@example.com') from unnest(array[
  'ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida', 'jon', 'kim', 'leo', 'max', 'nia', 'oli', 'pia', 'quy', 'rob', 'sam'
]) n;
insert into methods select p.name, pg_temp.method(p.name, p.name || ' key') from people p;
-- The period is over, a minute ago; what is left of it lives on for now.
create function pg_temp.turn(name text) returns void
language plpgsql as $$
declare
  s public.token_subscriptions := pg_temp.sub(turn.name);
  v_end timestamptz := clock_timestamp() - interval '1 minute';
  v_anchor timestamptz := v_end - (s.period + 1) * interval '1 month';
begin
  update coinslot.subscription_cycles c set period_start = coinslot.period_at(v_anchor, s.time_zone, s.every, c.number),
    period_end = coinslot.period_at(v_anchor, s.time_zone, s.every, c.number + 1)
  where c.subscription_id = s.id and c.period_start >= s.anchor;
  update public.token_lots l set expires_at = l.expires_at - (s.period_end - v_end)
  where l.user_id = s.user_id and l.remaining > 0
    and l.expires_at between clock_timestamp() + interval '1 day' and '9999-01-01';
  update public.token_wallets w set next_change_at = '-infinity' where w.user_id = s.user_id;
  update public.token_subscriptions t set anchor = v_anchor, next_charge_at = clock_timestamp(),
    period_start = coinslot.period_at(v_anchor, s.time_zone, s.every, s.period),
    period_end = coinslot.period_at(v_anchor, s.time_zone, s.every, s.period + 1)
  where t.id = s.id;
end
$$;
-- An hour goes by for what is too much.
create function pg_temp.hour(name text) returns bigint
language plpgsql as $$
begin
  update public.token_lots l set expires_at = clock_timestamp()
  where l.user_id = pg_temp.id(hour.name) and l.expires_at <= clock_timestamp() + interval '1 hour';
  update public.token_wallets w set next_change_at = '-infinity' where w.user_id = pg_temp.id(hour.name);
  return pg_temp.as_user(pg_temp.id(hour.name), 'select get_user_tokens() as t') ->> 't';
end
$$;
create function pg_temp.spends(name text, tokens bigint) returns text
language sql as $$
  select coalesce(a ->> 'tokens', pg_temp.refusal(a)) from pg_temp.as_service(format(
    'select spend_tokens_for(%L, %s, gen_random_uuid()::text)::text as tokens', pg_temp.id(spends.name), spends.tokens)) a
$$;
create function pg_temp.lots(name text) returns text
language sql as $$
  select string_agg(l.remaining || case when l.seq = 0 then ' carried' else '' end, ', ' order by l.expires_at, l.priority, l.paid, l.id)
  from public.token_lots l where l.user_id = pg_temp.id(lots.name) and l.remaining > 0
$$;
create function pg_temp.begins(name text, plan text default 'plus') returns text
language sql as $$ select pg_temp.subscribe(begins.name, begins.plan) || ' ' || pg_temp.charge(begins.name) $$;

-- ---- less than the limit, and more ----

select is(pg_temp.begins('ann'), 'incomplete credited completed 300', 'one who uses most');
select is((select l.expires_at - s.period_end from public.token_lots l, pg_temp.sub('ann') s where l.user_id = s.user_id), interval '8 days 1 hour',
  'what is left waits for the next period, for as long as that may take to be paid');
select matches(pg_temp.spends('ann', 250), '50', '... spends');
select pg_temp.turn('ann') \g /dev/null
select is(pg_temp.charge('ann') || ' | ' || pg_temp.lots('ann'), 'credited completed 350 | 50 carried, 300', '... and has the rest and a new one');
select is(pg_temp.hour('ann') || ' ' || pg_temp.state('ann'), '350 active plus 1 | 350', '... an hour later as well');
select is((select l.expires_at = r.expires_at from public.token_lots l, public.token_lots r where l.user_id = pg_temp.id('ann') and r.user_id = l.user_id
  and l.seq = 0 and r.seq > 0 and r.remaining > 0), true, '... until the end of this one');
select matches(pg_temp.spends('ann', 60), '290', 'what was carried is spent first');
select is(pg_temp.begins('ben'), 'incomplete credited completed 300', 'one who uses nothing');
select pg_temp.turn('ben') \g /dev/null
select is(pg_temp.charge('ben') || ' | ' || pg_temp.lots('ben'), 'credited completed 600 | 200, 100 carried, 300', '... keeps as much as the limit');
select is(pg_temp.hour('ben') || ' ' || pg_temp.state('ben'), '400 active plus 1 | 600', '... and an hour later no more');
select pg_temp.turn('ben') \g /dev/null
select is(pg_temp.charge('ben') || ' | ' || pg_temp.lots('ben'), 'credited completed 700 | 100 carried, 200, 100 carried, 300', 'in the period after that');
select is(pg_temp.hour('ben') || ' ' || pg_temp.state('ben'), '400 active plus 2 | 700', '... the limit is of all that is left');
select is((select count(distinct l.payment_id) from public.token_lots l where l.user_id = pg_temp.id('ben') and l.seq = 0), 2::bigint, '... of which the newest is kept');
select is((select sum(l.delta) from public.token_ledger l where l.user_id = pg_temp.id('ben') and l.kind <> 'expiry'), 900::numeric, 'nothing is credited but what was paid');

-- ---- holds over the end ----

create function pg_temp.holds(name text, tokens bigint) returns text
language sql as $$
  select pg_temp.as_service(format('select (hold_tokens_for(%L, %s, %L)).id as h', pg_temp.id(holds.name), holds.tokens, holds.name || ' holds this')) ->> 'h'
$$;
create temporary table held (name text, id text);
select pg_temp.begins('cat') || pg_temp.begins('dan') \g /dev/null
insert into held select n, pg_temp.holds(n, 250) from unnest(array['cat', 'dan']) n;
select pg_temp.turn('cat'), pg_temp.turn('dan') \g /dev/null
select is(pg_temp.charge('cat') || pg_temp.charge('dan') || ' ' || pg_temp.hour('cat') || ' ' || pg_temp.hour('dan'),
  'credited completed 600credited completed 600 350 350', 'what is held over the end is kept for its hold');
select pg_temp.as_service(format('select capture_token_hold(%L, 250)', h.id)) from held h where h.name = 'cat' \g /dev/null
select is(pg_temp.hour('cat') || ' ' || pg_temp.state('cat'), '350 active plus 1 | 350', 'captured, it is as if it had been spent before');
select pg_temp.as_service(format('select release_token_hold(%L)', h.id)) from held h where h.name = 'dan' \g /dev/null
select is(pg_temp.hour('dan') || ' ' || pg_temp.state('dan'), '400 active plus 1 | 400', 'released, as if it had never been');

-- ---- money that goes back ----

select pg_temp.begins('eve') || pg_temp.spends('eve', 200) \g /dev/null
select pg_temp.turn('eve') \g /dev/null
select is(pg_temp.charge('eve') || ' | ' || pg_temp.lots('eve'), 'credited completed 400 | 100 carried, 300', 'one who gets money back');
select pg_temp.as_service(format('select request_token_refund(%L, %L, 9900)', p.order_id, 'r')) ->> 'error' as refused
from public.token_payments p where p.user_id = pg_temp.id('eve') order by p.created_at limit 1 \gset
select is((select pg_temp.read(p.order_id, 'A:paid paid=9900 refunded=3300') from public.token_payments p where p.user_id = pg_temp.id('eve') order by p.created_at limit 1),
  'reversed partially_refunded 300', 'of the period before');
select is(pg_temp.lots('eve') || ' ' || pg_temp.state('eve'), '300 active plus 1 | 300', '... loses what was carried from it');
select is((select pg_temp.read(p.order_id, 'A:paid paid=9900 refunded=9900') from public.token_payments p where p.user_id = pg_temp.id('eve') order by p.created_at desc limit 1),
  'reversed refunded 0', 'of the period that runs');
select is(pg_temp.state('eve'), 'active plus 1 | 0', '... the books are sound');

-- ---- what comes back when the next period has begun ----

select pg_temp.begins('quy') \g /dev/null
select pg_temp.as_service(format('select spend_tokens_for(%L, 250, ''job'')', pg_temp.id('quy'))) \g /dev/null
select pg_temp.turn('quy') \g /dev/null
select is(pg_temp.charge('quy') || ' | ' || pg_temp.lots('quy'), 'credited completed 350 | 50 carried, 300', 'one whose last job fails');
select pg_temp.as_service(format('select refund_spend_for(%L, ''back'', ''job'')', pg_temp.id('quy'))) \g /dev/null
select is(pg_temp.hour('quy'), 600::bigint, '... has what comes back of it for as long as the rest would have waited');
select pg_temp.begins('rob') || pg_temp.spends('rob', 150) \g /dev/null
select pg_temp.as_service(format('select (request_token_refund_for(%L, ''why'', ''r'', 3300)).id as r', p.order_id)) ->> 'r' as refund
from public.token_payments p where p.user_id = pg_temp.id('rob') \gset
select pg_temp.turn('rob') \g /dev/null
select is(pg_temp.charge('rob') || ' | ' || pg_temp.lots('rob'), 'credited completed 450 | 50 carried, 300', 'one to whom money is about to go back');
select pg_temp.as_service(format('select coinslot_close_refund(%L, ''why'')', :'refund')) \g /dev/null
select is(pg_temp.hour('rob') || ' | ' || pg_temp.lots('rob'), '450 | 100, 50 carried, 300', '... which fails');
select is(pg_temp.state('rob'), 'active plus 1 | 450', '... loses nothing by it');

-- ---- accounts that are merged ----

select pg_temp.begins('fay') || pg_temp.spends('fay', 220) \g /dev/null
select pg_temp.turn('fay') \g /dev/null
select pg_temp.charge('fay') \g /dev/null
select is(pg_temp.as_service(format('select (merge_token_wallets(%L, %L, ''m'')).balance as t', pg_temp.id('fay'), pg_temp.id('gus'))) ->> 't', '380', 'carried tokens move along');
select is(pg_temp.state('gus') || ' | ' || pg_temp.lots('gus'), 'active plus 1 | 380 | 80 carried, 300 carried', '... with the plan');
select pg_temp.turn('gus') \g /dev/null
select is(pg_temp.charge('gus') || ' ' || pg_temp.hour('gus') || ' ' || pg_temp.state('gus'), 'credited completed 680 400 active plus 2 | 680', '... and go over from there');

-- ---- other plans ----

select pg_temp.begins('hal') \g /dev/null
create function pg_temp.half(name text) returns void
language plpgsql as $$
declare
  s public.token_subscriptions := pg_temp.sub(half.name);
begin
  update coinslot.subscription_cycles c set period_start = clock_timestamp() - interval '10 days' + interval '1 minute',
    period_end = clock_timestamp() + interval '10 days 1 minute'
  where c.subscription_id = s.id and c.period_start = s.period_start;
  update public.token_subscriptions t set anchor = c.period_start, period_start = c.period_start, period_end = c.period_end
  from coinslot.subscription_cycles c where c.subscription_id = t.id and t.id = s.id and c.number = s.period;
end
$$;
select pg_temp.half('hal') \g /dev/null
select is(pg_temp.does('hal', 'upgrade_token_plan(%L, ''pro'')') || pg_temp.charge('hal') || ' ' || (pg_temp.sub('hal')).rollover_cap, 'activecredited completed 650 500', 'a dearer plan at once');
select pg_temp.turn('hal') \g /dev/null
select is(pg_temp.charge('hal') || ' ' || pg_temp.hour('hal') || ' ' || pg_temp.state('hal'), 'credited completed 1650 1500 active pro 1 | 1650', '... has its limit, of both orders');
select pg_temp.begins('oli') \g /dev/null
select pg_temp.half('oli') \g /dev/null
select pg_temp.does('oli', 'upgrade_token_plan(%L, ''pro'')') || pg_temp.charge('oli') \g /dev/null
select pg_temp.read(p.order_id, 'A:paid paid=7500 refunded=7500') from public.token_payments p where p.user_id = pg_temp.id('oli') and p.amount = 7500 \g /dev/null
select pg_temp.turn('oli') \g /dev/null
select is(pg_temp.charge('oli') || ' ' || pg_temp.hour('oli') || ' ' || (pg_temp.sub('oli')).rollover_cap, 'credited completed 600 400 100', '... and with its money back the limit before');
select pg_temp.begins('sam') \g /dev/null
select pg_temp.half('sam') \g /dev/null
select pg_temp.does('sam', 'upgrade_token_plan(%L, ''pro'')') || pg_temp.charge('sam') \g /dev/null
select is((select string_agg(pg_temp.read(p.order_id, 'A:paid paid=7500 refunded=' || r), ', ' order by r desc) from public.token_payments p, unnest(array[7500, 0]) r
  where p.user_id = pg_temp.id('sam') and p.amount = 7500), 'reversed refunded 300, restored completed 650', 'a refund that a bank undoes');
select pg_temp.turn('sam') \g /dev/null
select is(pg_temp.charge('sam') || ' ' || pg_temp.hour('sam') || ' ' || pg_temp.state('sam'), 'credited completed 950 800 active plus 1 | 950', '... leaves what was paid for its limit');
select pg_temp.begins('ida') || pg_temp.does('ida', 'change_token_plan(%L, ''none'')') \g /dev/null
select pg_temp.turn('ida') \g /dev/null
select is(pg_temp.charge('ida') || ' ' || pg_temp.hour('ida') || ' ' || pg_temp.state('ida'), 'credited completed 500 300 active none 1 | 500', 'into a plan without one it goes over once');
select pg_temp.turn('ida') \g /dev/null
select is(pg_temp.charge('ida') || ' ' || pg_temp.hour('ida'), 'credited completed 500 200', '... and no further');
select pg_temp.does('ida', 'change_token_plan(%L, ''plus'')') || pg_temp.turn('ida') \g /dev/null
select is(pg_temp.charge('ida') || ' ' || pg_temp.hour('ida'), 'credited completed 500 300', 'out of it nothing does');
select pg_temp.begins('leo') || pg_temp.does('leo', 'change_token_plan(%L, ''full'')') \g /dev/null
select pg_temp.turn('leo') \g /dev/null
select is(pg_temp.charge('leo') || ' ' || pg_temp.hour('leo'), 'credited completed 700 500', 'into one that keeps all');
select is((select count(*) from public.token_lots l where l.user_id = pg_temp.id('leo') and l.remaining > 0 and l.expires_at = 'infinity'), 2::bigint, '... it stays');
select pg_temp.turn('leo') \g /dev/null
select is(pg_temp.charge('leo') || ' ' || pg_temp.hour('leo') || ' ' || pg_temp.state('leo'), 'credited completed 900 900 active full 2 | 900', '... as does all from then on');

-- ---- late, and never ----

select pg_temp.begins('kim') \g /dev/null
select pg_temp.turn('kim') \g /dev/null
select is(pg_temp.charge('kim', 'soft', true) || ' ' || pg_temp.hour('kim'), 'true 300', 'while the next one is unpaid nothing is lost');
select pg_temp.later('kim', 1) \g /dev/null
select is(pg_temp.charge('kim') || ' ' || pg_temp.hour('kim') || ' ' || pg_temp.state('kim'), 'credited completed 600 400 active plus 1 | 600', '... and then it goes over');
select pg_temp.begins('jon') || pg_temp.does('jon', 'cancel_token_subscription(%L)') \g /dev/null
select is(pg_temp.hour('jon'), 300::bigint, 'one who cancels has it to the end');
select pg_temp.turn('jon') \g /dev/null
select is(pg_temp.charge('jon') || ' ' || pg_temp.hour('jon') || ' ' || pg_temp.state('jon'), 'nothing due 0 ended plus 0 canceled | 300', '... and no longer');
select pg_temp.begins('max') || pg_temp.as_service(format('select add_tokens(%L, 7, ''a little gift'', expires_at => now() + interval ''90 minutes'')', pg_temp.id('max'))) \g /dev/null
select pg_temp.spends('max', 7) \g /dev/null
select pg_temp.turn('max') \g /dev/null
select pg_temp.does('max', 'cancel_token_subscription(%L)') || pg_temp.charge('max') \g /dev/null
select is(pg_temp.hour('max') || ' ' || pg_temp.state('max'), '0 ended plus 0 canceled | 300', 'what was spent before was spent in its order');
select is((select sum(l.spent) from public.token_lots l where l.user_id = pg_temp.id('max') and l.payment_id is null), 7::numeric, '... as it was then');
select is(coalesce(pg_temp.as_user(pg_temp.id('nia'), format('select * from subscribe_token_plan(''plus'', ''portone'', ''KRW'', %L, trial => ''asked'')', pg_temp.card('nia'))) ->> 'rollover_cap', ''), '100', 'one who tries');
select pg_temp.does('nia', 'answer_token_price(%L, true, 9900)') \g /dev/null
select pg_temp.turn('nia') \g /dev/null
select is(pg_temp.charge('nia') || ' ' || pg_temp.hour('nia') || ' ' || pg_temp.state('nia'), 'credited completed 330 300 active plus 0 | 330', '... carries nothing over that was free');
select pg_temp.begins('pia') || pg_temp.does('pia', 'pause_token_subscription(%L)') \g /dev/null
select pg_temp.turn('pia') \g /dev/null
select pg_temp.charge('pia') || pg_temp.does('pia', 'resume_token_subscription(%L)') \g /dev/null
select is(pg_temp.charge('pia') || ' ' || pg_temp.hour('pia'), 'credited completed 600 400', 'one who pauses for a moment');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books are sound');

select * from finish();
rollback;
