-- Subscriptions: what is charged and when, that each period is paid and given once, what a decline
-- leads to, and what people may do.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/subscriptions.sql

select plan(141);
select pg_temp.change('update coinslot.settings set signup_bonus = 0, charge_from_hour = 0,
  charge_until_hour = 24, charge_spread = ''0''') \g /dev/null

-- ---- periods ----

create function pg_temp.ends(anchor timestamptz, zone text, every text, variadic numbers integer[])
returns text
language sql as $$
  select string_agg(to_char(
    coinslot.period_at(ends.anchor, ends.zone, ends.every, n) at time zone 'UTC', 'YYYY-MM-DD HH24:MI'
  ), ', ' order by n) from unnest(numbers) n
$$;
select is(pg_temp.ends('2027-01-31 10:00+09', 'Asia/Seoul', 'month', 1, 2, 3, 4),
  '2027-02-28 01:00, 2027-03-31 01:00, 2027-04-30 01:00, 2027-05-31 01:00', 'from the 31st on');
select is(pg_temp.ends('2026-12-31 00:30+09', 'Asia/Seoul', 'month', 1, 2, 3),
  '2027-01-30 15:30, 2027-02-27 15:30, 2027-03-30 15:30', 'half past midnight in Seoul');
select is(pg_temp.ends('2026-12-31 00:30+09', 'UTC', 'month', 1, 2, 3),
  '2027-01-30 15:30, 2027-02-28 15:30, 2027-03-30 15:30', '... which is another day elsewhere');
select is(pg_temp.ends('2028-02-29 12:00Z', 'UTC', 'year', 1, 2, 3, 4),
  '2029-02-28 12:00, 2030-02-28 12:00, 2031-02-28 12:00, 2032-02-29 12:00', 'from a leap day on');
select is(pg_temp.ends('2027-02-14 02:30-05', 'America/New_York', 'month', 1, 2),
  '2027-03-14 07:30, 2027-04-14 06:30', 'an hour that is not there on one day');
select is(pg_temp.ends('2026-11-30 10:00+09', 'Asia/Seoul', 'month', 1, 2, 3, 4),
  '2026-12-30 01:00, 2027-01-30 01:00, 2027-02-28 01:00, 2027-03-30 01:00', 'from the 30th on');
select is((
  select count(*) from generate_series(0, 60) n
  cross join (values ('month'), ('year')) e (every)
  where coinslot.period_of('2027-01-31 10:00+09', 'Asia/Seoul', e.every,
    coinslot.period_at('2027-01-31 10:00+09', 'Asia/Seoul', e.every, n)) <> n
  or coinslot.period_of('2027-01-31 10:00+09', 'Asia/Seoul', e.every,
    coinslot.period_at('2027-01-31 10:00+09', 'Asia/Seoul', e.every, n) - interval '1 second') <> n - 1
), 0::bigint, 'a period has its beginning in it, and not its end');

-- ---- plans ----

create function pg_temp.plan(id text, statement text) returns text
language sql as $$
  select coalesce(a ->> 'p', pg_temp.refusal(a)) from pg_temp.as_service(format(
    'select coinslot_set_plan(%L, %s)::text as p', plan.id, statement
  )) a
$$;
select matches(pg_temp.plan('plus', $$'month', 'Plus', '플러스', 300, '{"KRW": 9900, "USD": 790}'$$),
  '"tokens": 300', 'a plan');
select matches(pg_temp.plan('pro', $$'month', 'Pro', '프로', 1000, '{"KRW": 24900}'$$), '"every": "month"', 'another');
select matches(pg_temp.plan('pro_yearly', $$'year', 'Pro', '프로', 12000, '{"KRW": 249000}', rollover => 'full'$$),
  '"rollover": "full"', '... by the year');
select matches(pg_temp.plan('odd', $$'week', 'Odd', 'Odd', 1, '{"KRW": 9900}'$$), 'PT400', 'no plan by the week');
select matches(pg_temp.plan('starter', $$'month', 'Odd', 'Odd', 1, '{"KRW": 9900}'$$), 'PT400', 'a product is no plan');
select matches(pg_temp.plan('new', $$'month', tokens => 1, prices => '{"KRW": 9900}'$$), '"name"', 'a new one has a name');
select matches(pg_temp.refusal(pg_temp.as_service(
  $$select coinslot_set_product('plus', 'Plus', prices => '{"KRW": 1}')$$)), 'PT400', 'a plan is no product');
select matches(pg_temp.refusal(pg_temp.as_service($$select coinslot_remove_product('plus')$$)), 'PT400', '... to be removed');
select is((select count(*) from public.token_offers o where o.id in ('plus', 'pro')), 0::bigint, '... nor on offer as one');
select is((select count(*) from public.token_plan_offers), 4::bigint, 'plans are on offer by currency');

-- ---- people and their methods ----

insert into people
select n, pg_temp.sign_up(n || '@example.com') from unnest(array[
  'ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida', 'jon', 'kim', 'leo', 'max', 'pia'
]) n;
select matches(pg_temp.shop(pg_temp.id('ann'), 'select begin_token_method(''portone'') as t'), 'PT409 not_unattended',
  'a gateway charges nobody before the shop says so');
select is(pg_temp.as_service('select coinslot_set_unattended(''portone'', ''periodic'') as t') ->> 't', 'periodic', 'the shop does');
select matches(pg_temp.refusal(pg_temp.as_service('select coinslot_set_unattended(''portone'', ''often'')')), 'PT400', 'not often');
insert into methods select n, pg_temp.method(n, n || ' key') from unnest(array[
  'ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida', 'jon', 'kim', 'leo', 'max', 'pia'
]) n;
select is((pg_temp.as_user(pg_temp.id('ann'), 'select list_token_methods() as t') -> 't') - 'id' - 'added_at',
  '{"brand": "Hyundai", "broken": false, "gateway": "portone", "last_four": "1234"}', 'a stored method');
select matches(pg_temp.refusal(pg_temp.as_service(format('select coinslot_finish_method(%L, ''s'', ''ben key'')',
  pg_temp.as_user(pg_temp.id('ann'), 'select begin_token_method(''portone'') as t') #>> '{t,id}'))),
  'PT409 method_taken', 'nobody stores the key of another');
select matches(pg_temp.shop(pg_temp.id('ben'), format('select get_token_method(%L) as t', pg_temp.card('ann'))), 'PT404', 'nor sees it');

-- ---- one who pays ----

select matches(pg_temp.subscribe('ann', 'plus', 'ben'), 'PT404 method_not_found', 'nobody is charged for another');
select matches(pg_temp.subscribe('ann', 'none'), 'PT404 plan_not_found', 'no such plan');
select matches(pg_temp.shop(pg_temp.id('ann'), format(
  'select (subscribe_token_plan(''pro'', ''portone'', ''USD'', %L)).status as t', pg_temp.card('ann'))), 'PT4', 'no such price');
select is(pg_temp.subscribe('ann'), 'incomplete', 'somebody subscribes');
select is(pg_temp.subscribe('ann'), 'incomplete', '... again in another browser');
select is((select count(*) from public.token_subscriptions s where s.user_id = pg_temp.id('ann')), 1::bigint, '... which is once');
select matches(pg_temp.subscribe('ann', 'pro'), 'PT409 already_subscribed', '... and not to another');
create temporary table claimed as select pg_temp.claim('ann') as c;
select is((select concat_ws(' ', c #>> '{payment,amount}', c #>> '{payment,tokens}', c ->> 'sealed', c ->> 'again') from claimed),
  '9900 300 sealed false', 'a charge is claimed');
select is(pg_temp.claim('ann'), null, '... once');
select matches(pg_temp.shop(pg_temp.id('ann'), format('select (cancel_token_order(%L)).status as t', (select c #>> '{payment,order_id}' from claimed))),
  'PT409 illegal_transition', '... whose order nobody cancels');
select is((select pg_temp.pays(c) from claimed), 'credited completed 300', 'it is paid');
select is((select pg_temp.pays(c) from claimed), 'unchanged completed 300', '... once');
select is(pg_temp.state('ann'), 'active plus 0 | 300', 'the subscription runs');
select is(pg_temp.claim('ann'), null, '... and nothing is due');
select ok((select l.expires_at between (pg_temp.sub('ann')).period_end + interval '59 minutes' and (pg_temp.sub('ann')).period_end + interval '61 minutes'
  from public.token_lots l where l.user_id = pg_temp.id('ann')), 'its tokens end with the period, a little later');
select pg_temp.over('ann') \g /dev/null
select is(pg_temp.charge('ann'), 'credited completed 300', 'the next period: what is left of the last is gone');
select is(pg_temp.state('ann'), 'active plus 1 | 300', '... the second');
select pg_temp.over('ann', 3) \g /dev/null
select is(pg_temp.charge('ann'), 'credited completed 300', 'after two periods without a charge');
select is(pg_temp.state('ann'), 'active plus 4 | 300', '... the one that runs now is charged');
select is((select count(*) from public.token_subscription_events e where e.user_id = pg_temp.id('ann') and e.event = 'skipped'), 1::bigint, '... which is noted');
select pg_temp.over('ann') \g /dev/null
update claimed set c = pg_temp.claim('ann');
select pg_temp.later('ann', 1) \g /dev/null
create temporary table again as select pg_temp.claim('ann') as c;
select is((select concat_ws(' ', a.c ->> 'again', a.c ->> 'id' = c.c ->> 'id', a.c ->> 'lease') from again a, claimed c), 'true t 1',
  'a charge that nobody answered is looked up, under its id');
select is((select pg_temp.as_service(format('select coinslot_finish_charge(%L, 0, ''soft'') as t', c ->> 'id')) ->> 't' from claimed), 'false',
  '... and who comes late with an answer is not heard');
select is((select pg_temp.pays(c) from again), 'credited completed 300', '... and was paid');

-- ---- declines ----

select is(pg_temp.subscribe('ben') || pg_temp.charge('ben'), 'incompletecredited completed 300', 'another');
select pg_temp.over('ben') \g /dev/null
select is(pg_temp.charge('ben', 'soft', true), 'true', 'a charge is declined');
select is(pg_temp.state('ben'), 'past_due plus 1 | 300', '... and unpaid');
select is((select round(extract(epoch from s.next_charge_at - clock_timestamp()) / 86400, 1)
  || ' ' || round(extract(epoch from s.grace_until - clock_timestamp()) / 86400, 1) from pg_temp.sub('ben') s), '1.0 8.0', '... for a day, and for eight at most');
select pg_temp.later('ben', 1) \g /dev/null
update claimed set c = pg_temp.claim('ben');
select is((select count(*) from public.token_payments p where p.user_id = pg_temp.id('ben')), 3::bigint, 'a dead order is followed by another');
select pg_temp.as_service(format('select coinslot_finish_charge(%L, 0, ''soft'', ''w'', false)', (select c ->> 'id' from claimed))) \g /dev/null
select pg_temp.later('ben', 2) \g /dev/null
update again set c = pg_temp.claim('ben');
select is((select a.c #>> '{payment,order_id}' = c.c #>> '{payment,order_id}' from again a, claimed c), true, 'one that is not dead is charged again');
select is((select pg_temp.pays(c) from again), 'credited completed 300', '... and paid');
select is(pg_temp.state('ben'), 'active plus 1 | 300', '... and all is well');
select is((select pg_temp.read(p.order_id, 'L:paid paid=9900') from public.token_payments p
  where p.user_id = pg_temp.id('ben') and p.paid = 0), 'review review 300', 'the first order is paid after all');
select is((select string_agg(d.kind || ' ' || (d.detail ->> 'proposed'), ', ') from coinslot.discrepancies d
  inner join public.token_payments p on p.order_id = d.order_id where p.user_id = pg_temp.id('ben') and d.resolved_at is null), 'duplicate_payment refund',
  '... which buys nothing, and is to go back');
select is(pg_temp.state('ben'), 'active plus 1 | 300', '... and changes nothing');

select is(pg_temp.subscribe('cat') || pg_temp.charge('cat'), 'incompletecredited completed 300', 'one whose card is lost');
select pg_temp.over('cat') \g /dev/null
select is(pg_temp.charge('cat', 'hard', true), 'true', 'is declined for good');
select is(pg_temp.state('cat'), 'past_due plus 1 method | 300', '... and needs another');
select pg_temp.later('cat', 1) \g /dev/null
select is(pg_temp.claim('cat'), null, '... without which nobody asks again');
insert into methods select 'cat 2', pg_temp.method('cat', 'cat second');
select is(pg_temp.does('cat', format('set_token_subscription_method(%%L, %L)', pg_temp.card('cat 2'))), 'past_due', 'with another');
select is(pg_temp.charge('cat'), 'credited completed 300', '... it is charged at once');
select matches(pg_temp.shop(pg_temp.id('cat'), format('select remove_token_method(%L)::text as t', pg_temp.card('cat 2'))), 'PT409 method_in_use', 'a method in use stays');
select is(pg_temp.shop(pg_temp.id('cat'), format('select remove_token_method(%L)::text as t', pg_temp.card('cat'))), '', '... the old one goes');
select is(pg_temp.as_service('select t from unnest(coinslot_claim_forgets(array[''portone''])) t') #>> '{t,id}', pg_temp.card('cat')::text, '... at its gateway, too');
select pg_temp.as_service(format('select coinslot_finish_forget(%L)', pg_temp.card('cat'))) \g /dev/null
select is((select k.sealed from coinslot.billing_keys k where k.id = pg_temp.card('cat')), null, '... and is forgotten here');

select is(pg_temp.subscribe('dan') || pg_temp.charge('dan'), 'incompletecredited completed 300', 'one who never pays again');
select pg_temp.over('dan') \g /dev/null
create function pg_temp.fail_all(name text) returns text
language plpgsql as $$
declare
  v_tries integer := 0;
begin
  for v_day in 1..12 loop
    if pg_temp.charge(fail_all.name, 'soft') = 'true' then v_tries := v_tries + 1; end if;
    perform pg_temp.later(fail_all.name, 1);
  end loop;
  return v_tries;
end
$$;
select is(pg_temp.fail_all('dan'), '5', 'is charged five times');
select is(pg_temp.state('dan'), 'ended plus 1 unpaid | 300', '... and then no more');
select is((select string_agg(p.status, ' ' order by p.created_at) from public.token_payments p where p.user_id = pg_temp.id('dan')), 'completed voided', '... with the order');
select is((select pg_temp.read(p.order_id, 'L:paid paid=9900') from public.token_payments p where p.user_id = pg_temp.id('dan') and p.paid = 0),
  'review review 300', '... whose money, should it come, goes back');
select is(pg_temp.subscribe('dan'), 'incomplete', '... and may come back');

select is(pg_temp.subscribe('eve') || pg_temp.charge('eve', 'authentication'), 'incompletetrue', 'one whose bank asks');
select is(pg_temp.shop(pg_temp.id('eve'), format('select (get_unpaid_token_order(%L)).amount as t', (pg_temp.sub('eve')).id)), '9900', '... has an order to authenticate');
select matches(pg_temp.does('eve', 'pay_token_subscription(%L)'), 'PT429', '... and is not charged again at once');
select pg_temp.later('eve', 2) \g /dev/null
select is(pg_temp.charge('eve'), 'nothing due', '... and in the end not at all');
select is(pg_temp.state('eve'), 'ended plus 0 not_started | 0', '... and has nothing');

-- ---- what people do ----

select is(pg_temp.subscribe('fay') || pg_temp.charge('fay') || pg_temp.does('fay', 'cancel_token_subscription(%L)'),
  'incompletecredited completed 300active', 'one who cancels keeps the period');
select is(pg_temp.does('fay', 'resume_token_subscription(%L)') || (pg_temp.sub('fay')).cancel_at_end, 'activefalse', '... and takes it back');
select is(pg_temp.does('fay', 'cancel_token_subscription(%L)'), 'active', '... and cancels again');
select pg_temp.over('fay') \g /dev/null
select is(pg_temp.charge('fay') || ' ' || pg_temp.state('fay'), 'nothing due ended plus 0 canceled | 300', '... and is charged no more');
select is(pg_temp.subscribe('gus') || pg_temp.charge('gus') || pg_temp.does('gus', 'pause_token_subscription(%L)'), 'incompletecredited completed 300active', 'one who pauses');
select pg_temp.over('gus') \g /dev/null
select is(pg_temp.charge('gus') || ' ' || pg_temp.state('gus'), 'nothing due paused plus 0 | 300', '... is not charged');
select is(pg_temp.does('gus', 'resume_token_subscription(%L)') || pg_temp.charge('gus') || (pg_temp.sub('gus')).status, 'pausedcredited completed 300active', '... until they resume');
select is(pg_temp.does('gus', 'change_token_plan(%L, ''pro'')') || (pg_temp.sub('gus')).next_plan_id, 'activepro', 'one who changes');
select is(pg_temp.state('gus'), 'active plus 0 | 300', '... has the old plan for now');
select pg_temp.over('gus') \g /dev/null
select pg_temp.as_service('select coinslot_set_plan(''pro'', prices => ''{"KRW": 99000}'')') \g /dev/null
select is(pg_temp.as_user(pg_temp.id('gus'), 'select list_token_subscriptions() -> ''next'' as n') -> 'n',
  '{"plan_id": "pro", "name": "Pro", "name_ko": "프로", "every": "month", "amount": 24900, "currency": "KRW", "tokens": 1000}', '... is told what will be charged');
select is(pg_temp.charge('gus') || ' ' || pg_temp.state('gus'), 'credited completed 1000 active pro 1 | 1000', '... and then the new one, at the price that was agreed to');
select is((select p.amount from public.token_payments p where p.user_id = pg_temp.id('gus') order by p.created_at desc limit 1), 24900::bigint, '... whatever it is by then');
select is(pg_temp.does('gus', 'change_token_plan(%L, ''pro_yearly'')'), 'active', 'to another interval');
select pg_temp.over('gus') \g /dev/null
select is(pg_temp.charge('gus') || ' ' || pg_temp.state('gus') || ' ' || (pg_temp.sub('gus')).every, 'credited completed 12000 active pro_yearly 0 | 12000 year', '... begins there');

-- ---- a plan that was chosen before a pause ----

insert into people select n, pg_temp.sign_up(n || '@example.com') from unnest(array['rob', 'sue']) n;
insert into methods select n, pg_temp.method(n, n || ' key') from unnest(array['rob', 'sue']) n;
select pg_temp.subscribe(n) || pg_temp.charge(n) || pg_temp.does(n, 'change_token_plan(%L, ''pro_yearly'')')
  || pg_temp.does(n, 'pause_token_subscription(%L)') from unnest(array['rob', 'sue']) n \g /dev/null
select pg_temp.over(n) from unnest(array['rob', 'sue']) n \g /dev/null
select is(pg_temp.charge('rob') || ' ' || pg_temp.state('rob'), 'nothing due paused plus 0 | 300', 'who chose a plan, and pauses, has the old one');
select matches(pg_temp.does('rob', 'resume_token_subscription(%L, ''{"amount": 9900}'')'), 'PT409 changed_meanwhile .*249000', '... and is not charged what the old one costs');
select is(pg_temp.does('rob', 'resume_token_subscription(%L, ''{"amount": 249000}'')') || ((pg_temp.sub('rob')).next_plan_id is null), 'pausedtrue', 'it counts from the day they resume');
select is(pg_temp.charge('rob') || ' ' || pg_temp.state('rob') || ' ' || (pg_temp.sub('rob')).every, 'credited completed 12000 active pro_yearly 0 | 12000 year', '... as its price and its length do');
select ok((select s.period_end > s.period_start + interval '364 days' and s.anchor = s.period_start and s.period_start > clock_timestamp() - interval '1 minute' from pg_temp.sub('rob') s), '... for a period that begins then');
select pg_temp.charge('sue') \g /dev/null
select is(pg_temp.does('sue', 'change_token_plan(%L, ''plus'')') || ((pg_temp.sub('sue')).next_plan_id is null), 'pausedtrue', 'who is paused may take it back');
select is(pg_temp.does('sue', 'resume_token_subscription(%L)') || pg_temp.charge('sue') || ' ' || pg_temp.state('sue'), 'pausedcredited completed 300 active plus 0 | 300', '... and resumes with the old one');

select is(pg_temp.subscribe('hal') || pg_temp.charge('hal'), 'incompletecredited completed 300', 'one who cancels while unpaid');
select pg_temp.over('hal') \g /dev/null
select is(pg_temp.charge('hal', 'soft') || pg_temp.does('hal', 'cancel_token_subscription(%L)'), 'trueended', '... is asked for nothing any more');

-- ---- upgrades ----

insert into people values ('nia', pg_temp.sign_up('nia@example.com')), ('oli', pg_temp.sign_up('oli@example.com'));
insert into methods select n, pg_temp.method(n, n || ' key') from unnest(array['nia', 'oli']) n;
select pg_temp.as_service('select coinslot_set_plan(''pro'', prices => ''{"KRW": 24900}'')') \g /dev/null
create function pg_temp.half(name text) returns void
language plpgsql as $$
declare
  s public.token_subscriptions := pg_temp.sub(half.name);
begin
  update coinslot.subscription_cycles c set period_start = clock_timestamp() - interval '10 days' + interval '1 minute',
    period_end = clock_timestamp() + interval '10 days 1 minute'
  where c.subscription_id = s.id and c.period_start = s.period_start;
  update public.token_subscriptions t set
    period_start = c.period_start, period_end = c.period_end
  from coinslot.subscription_cycles c where c.subscription_id = t.id and t.id = s.id and c.number = s.period;
end
$$;
create function pg_temp.quote(name text, plan text) returns text
language sql as $$
  select coalesce(concat_ws(' ', a #>> '{t,at_once}', a #>> '{t,amount}', a #>> '{t,tokens}', a #>> '{t,next_amount}'), '')
    || pg_temp.refusal(a) from pg_temp.as_user(pg_temp.id(quote.name), format(
    'select quote_token_plan(%L, %L) as t', (pg_temp.sub(quote.name)).id, plan)) a
$$;
select is(pg_temp.subscribe('nia') || pg_temp.charge('nia'), 'incompletecredited completed 300', 'one who wants more');
select pg_temp.half('nia') \g /dev/null
select is(pg_temp.quote('nia', 'pro'), 'true 7500 350 24900', 'with half of the period left');
select is(pg_temp.quote('nia', 'pro_yearly'), 'false 249000', 'not for a year');
select is(pg_temp.quote('nia', 'plus'), 'false 9900', 'not the same');
select is(pg_temp.does('nia', 'upgrade_token_plan(%L, ''pro'')'), 'active', 'an upgrade');
select is(pg_temp.state('nia'), 'active plus 0 | 300', '... gives nothing before its money');
select matches(pg_temp.does('nia', 'upgrade_token_plan(%L, ''pro'')'), 'PT409 subscription_state', '... and is not asked for twice');
select is(pg_temp.charge('nia', 'soft', true), 'true', '... is declined');
select is(pg_temp.state('nia'), 'active plus 0 | 300', '... and changes nothing');
select is((select string_agg(p.status, ' ' order by p.created_at) from public.token_payments p where p.user_id = pg_temp.id('nia')), 'completed voided', '... nor can it be paid');
select is(pg_temp.does('nia', 'upgrade_token_plan(%L, ''pro'')') || pg_temp.charge('nia'), 'activecredited completed 650', 'another is paid');
select is(pg_temp.state('nia') || ' ' || (pg_temp.sub('nia')).amount, 'active pro 0 | 650 24900', '... and is the plan from now on');
select matches(pg_temp.does('nia', 'upgrade_token_plan(%L, ''pro'')'), 'PT409', '... once in a period');
select pg_temp.plan('most', $$'month', 'Most', 'Most', 3000, '{"KRW": 59000}'$$) \g /dev/null
select matches(pg_temp.does('nia', 'upgrade_token_plan(%L, ''most'')'), 'PT409 subscription_state', '... nor to one that is dearer still');
select is((select pg_temp.read(p.order_id, 'L:paid paid=' || p.amount) from public.token_payments p where p.user_id = pg_temp.id('nia') and p.paid = 0),
  'review review 650', 'the declined one, should it be paid, buys nothing');
select pg_temp.over('nia') \g /dev/null
select is(pg_temp.charge('nia'), 'credited completed 1000', 'the next period gives what the plan does');
select is((select p.amount from public.token_payments p where p.user_id = pg_temp.id('nia') order by p.created_at desc limit 1), 24900::bigint, '... and costs it');
select is(pg_temp.subscribe('oli') || pg_temp.charge('oli'), 'incompletecredited completed 300', 'one who gets it back');
select pg_temp.half('oli') \g /dev/null
select is(pg_temp.does('oli', 'upgrade_token_plan(%L, ''pro'')') || pg_temp.charge('oli'), 'activecredited completed 650', 'upgrades');
select is((select pg_temp.read(p.order_id, 'A:paid paid=7500 refunded=7500') from public.token_payments p where p.user_id = pg_temp.id('oli') and p.amount = 7500),
  'reversed refunded 300', '... gets the difference back');
select is(pg_temp.state('oli'), 'active plus 0 | 300', '... and has the plan before');

-- ---- accounts ----

select is(pg_temp.subscribe('ida') || pg_temp.charge('ida'), 'incompletecredited completed 300', 'one who goes');
update claimed set c = null;
select pg_temp.over('ida') \g /dev/null
update claimed set c = pg_temp.claim('ida');
delete from auth.users u where u.id = pg_temp.id('ida');
select is(pg_temp.state('ida'), 'ended plus 1 user_deleted | 0', '... ends it');
select is((select pg_temp.pays(c) from claimed), 'review review 0', '... also while a charge is under way');
select is((select k.status from coinslot.billing_keys k where k.id = pg_temp.card('ida')), 'removed', '... and has no method any more');
select is(pg_temp.subscribe('jon') || pg_temp.charge('jon') || pg_temp.subscribe('kim', 'pro') || pg_temp.charge('kim'),
  'incompletecredited completed 300incompletecredited completed 1000', 'two who are one');
select is(pg_temp.as_service(format('select (merge_token_wallets(%L, %L, ''m'')).balance as t', pg_temp.id('jon'), pg_temp.id('kim'))) ->> 't', '1300', '... are merged');
select is((select string_agg(s.plan_id || ' ' || s.status, ', ' order by s.plan_id) from public.token_subscriptions s where s.user_id = pg_temp.id('kim')),
  'plus ended, pro active', '... and have one of a family');
select is(pg_temp.subscribe('leo') || pg_temp.charge('leo'), 'incompletecredited completed 300', 'one who is banned');
update auth.users u set banned_until = 'infinity' where u.id = pg_temp.id('leo');
select pg_temp.over('leo') \g /dev/null
select is(pg_temp.charge('leo') || ' ' || pg_temp.state('leo'), 'nothing due ended plus 0 banned | 300', '... is not charged');
select is(pg_temp.subscribe('max') || pg_temp.charge('max'), 'incompletecredited completed 300', 'one whose bank takes it back');
select is((select pg_temp.read(p.order_id, 'A:paid paid=9900 disputed=9900') from public.token_payments p where p.user_id = pg_temp.id('max')), 'moved disputed 300', '... disputes');
select is((pg_temp.sub('max')).cancel_at_end, true, '... and is charged no more');
select is(pg_temp.subscribe('pia') || pg_temp.charge('pia'), 'incompletecredited completed 300', 'one of whose charge nobody knows anything');
select pg_temp.over('pia') \g /dev/null
select is(pg_temp.claim('pia') ->> 'over', 'false', '... is charged');
select pg_temp.does('pia', 'cancel_token_subscription(%L)') \g /dev/null
select pg_temp.later('pia', 0.01) \g /dev/null
update claimed set c = pg_temp.claim('pia');
select is((select concat(c ->> 'again', ' ', c ->> 'over') from claimed), 'true true', '... and after leaving looked up, not charged again');
select is((select pg_temp.as_service(format('select coinslot_finish_charge(%L, %s, ''ours'', ''order_over'', true) as t', c ->> 'id', c ->> 'lease')) ->> 't' from claimed)
  || ' ' || pg_temp.state('pia'), 'true ended plus 1 canceled | 300', '... so that it ends');
select is((select coinslot_go_live(false) ->> 'mode' from (select pg_temp.change('set role postgres')) r), 'live', 'with real money');
select is((select count(*) from public.token_subscriptions s where s.status <> 'ended'), 0::bigint, '... what began with test money has ended');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books are sound');

select * from finish();
rollback;
