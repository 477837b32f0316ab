-- What happens to charges when something around them is odd: the plan is sold no more, the currency
-- is none of the gateway's, nobody was there for days, or the clock goes back.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/subscriptions.sql

select plan(52);
select pg_temp.change('update coinslot.settings set signup_bonus = 0, charge_from_hour = 0,
  charge_until_hour = 24, charge_spread = ''0''') \g /dev/null
select pg_temp.as_service('select coinslot_set_unattended(''portone'', ''periodic'')') \g /dev/null
select pg_temp.as_service('select coinslot_set_plan(''plus'', ''month'', ''Plus'', ''플러스'', 300, ''{"KRW": 9900, "USD": 790}'')') \g /dev/null
select pg_temp.as_service('select coinslot_set_plan(''pro'', ''month'', ''Pro'', ''프로'', 1000, ''{"KRW": 24900}'')') \g /dev/null
insert into people select n, pg_temp.sign_up(n || '@example.com') from unnest(array['ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gil', 'hal', 'ida', 'jon', 'kim', 'lea']) n;
insert into methods select p.name, pg_temp.method(p.name, p.name || ' key') from people p;
create function pg_temp.orders(name text) returns bigint
language sql as $$ select count(*) from public.token_payments p where p.user_id = pg_temp.id(orders.name) $$;
-- So far away are all times of somebody from the clock, which is the same as a clock that was moved.
create function pg_temp.clock(name text, back interval) returns void
language plpgsql as $$
declare
  v_id uuid := (pg_temp.sub(clock.name)).id;
begin
  update public.token_subscriptions s set anchor = s.anchor + clock.back, period_start = s.period_start + clock.back,
    period_end = s.period_end + clock.back, next_charge_at = s.next_charge_at + clock.back,
    created_at = s.created_at + clock.back, grace_until = s.grace_until + clock.back where s.id = v_id;
  update coinslot.subscription_cycles c set period_start = c.period_start + clock.back,
    period_end = c.period_end + clock.back, first_try_at = c.first_try_at + clock.back where c.subscription_id = v_id;
  update coinslot.cycle_charges h set created_at = h.created_at + clock.back, leased_until = h.leased_until + clock.back
  from coinslot.subscription_cycles c where c.id = h.cycle_id and c.subscription_id = v_id;
end
$$;

-- ---- a plan that is sold no more ----

select is(pg_temp.subscribe('ann') || pg_temp.charge('ann'), 'incompletecredited completed 300', 'somebody has a plan');
select is(pg_temp.subscribe('ben') || pg_temp.charge('ben') || pg_temp.does('ben', 'change_token_plan(%L, ''pro'')'),
  'incompletecredited completed 300active', '... and somebody changes to another with the next period');
select is(pg_temp.as_service('select coinslot_remove_plan(''plus'')::text as t') ->> 't', 'true', 'the one is taken off sale');
select is(pg_temp.as_service('select coinslot_remove_plan(''pro'')::text as t') ->> 't', 'true', '... and the other');
select matches(pg_temp.subscribe('cat'), 'PT404 plan_not_found', 'nobody else gets it');
select pg_temp.over('ann') \g /dev/null
select is(pg_temp.charge('ann') || ' ' || pg_temp.state('ann'), 'credited completed 300 active plus 1 | 300', 'who has it goes on');
select is((select p.amount from public.token_payments p where p.user_id = pg_temp.id('ann') order by p.created_at desc limit 1),
  9900::bigint, '... at the price that was agreed to');
select pg_temp.over('ben') \g /dev/null
select is(pg_temp.charge('ben') || ' ' || pg_temp.state('ben'), 'credited completed 1000 active pro 1 | 1000', 'who had agreed to the other has it');
select matches(pg_temp.does('ann', 'change_token_plan(%L, ''pro'')'), 'PT404 plan_not_found', 'but nobody changes to it any more');
select is(pg_temp.does('ann', 'pause_token_subscription(%L)'), 'active', 'who pauses one that is off sale');
select pg_temp.over('ann') \g /dev/null
select is(pg_temp.charge('ann') || ' ' || (pg_temp.sub('ann')).status, 'nothing due paused', '... is charged nothing');
select pg_temp.as_service('select coinslot_set_plan(''plus'', ''month'')') \g /dev/null

-- ---- a currency that the gateway lacks ----

select matches(pg_temp.shop(pg_temp.id('cat'), format('select (subscribe_token_plan(''plus'', ''portone'', ''USD'', %L)).status as t', pg_temp.card('cat'))),
  'PT400 currency_not_taken', 'a price in a currency that the gateway does not take');
select matches(pg_temp.shop(pg_temp.id('cat'), format('select (subscribe_token_plan(''plus'', ''portone'', ''EUR'', %L)).status as t', pg_temp.card('cat'))),
  'PT404 plan_not_found', '... and in one that the plan has no price in');
select is(pg_temp.orders('cat') || ' ' || coalesce((pg_temp.sub('cat')).status, 'none'), '0 none', '... make no order and no subscription');

-- ---- nobody was there for two days ----

select is(pg_temp.subscribe('cat') || pg_temp.charge('cat'), 'incompletecredited completed 300', 'somebody');
select pg_temp.over('cat') \g /dev/null
select pg_temp.clock('cat', interval '-2 days') \g /dev/null
select is(pg_temp.charge('cat') || ' ' || pg_temp.state('cat'), 'credited completed 300 active plus 1 | 300', '... is charged two days late, once');
select ok((
  select s.period_start < clock_timestamp() - interval '12 hours' and s.period_start = coinslot.period_at(s.anchor, s.time_zone, s.every, 1)
    and s.period_end = coinslot.period_at(s.anchor, s.time_zone, s.every, 2)
  from pg_temp.sub('cat') s), '... for the period that was due, which ends when it would have');
select is(pg_temp.claim('cat'), null, '... and no other is due');
select is(pg_temp.subscribe('dan') || pg_temp.charge('dan'), 'incompletecredited completed 300', 'one whose charge was begun before');
select pg_temp.over('dan') \g /dev/null
create temporary table claimed as select pg_temp.claim('dan') as c;
select pg_temp.clock('dan', interval '-2 days') \g /dev/null
select is((select concat_ws(' ', a ->> 'again', a ->> 'id' = c ->> 'id') from pg_temp.claim('dan') a, claimed), 'true t', '... is looked up, and not charged anew');
select is((select pg_temp.pays(c) from claimed), 'credited completed 300', '... and was paid');
select pg_temp.over('dan') \g /dev/null
select is(pg_temp.charge('dan', 'soft'), 'true', 'one whose card was declined');
select pg_temp.clock('dan', interval '-9 days') \g /dev/null
select is(pg_temp.charge('dan') || ' ' || pg_temp.state('dan'), 'nothing due ended plus 2 unpaid | 300', '... is not charged after the grace that nobody saw');

-- ---- the clock goes back ----

select is(pg_temp.subscribe('eve') || pg_temp.charge('eve'), 'incompletecredited completed 300', 'one whose period was paid');
select pg_temp.clock('eve', interval '40 days') \g /dev/null
update public.token_subscriptions s set next_charge_at = clock_timestamp() where s.id = (pg_temp.sub('eve')).id;
select is(pg_temp.claim('eve'), null, '... is charged nothing by a clock from before it');
select ok((pg_temp.sub('eve')).next_charge_at > clock_timestamp() + interval '60 days' and pg_temp.orders('eve') = 1, '... but when that period is over');
select pg_temp.clock('eve', interval '-40 days') \g /dev/null
select is(pg_temp.charge('eve') || ' ' || pg_temp.state('eve'), 'nothing due active plus 0 | 300', '... nor when the clock is right again');
select is(pg_temp.subscribe('fay') || pg_temp.charge('fay'), 'incompletecredited completed 300', 'one whose next charge is open');
select pg_temp.over('fay') \g /dev/null
truncate claimed;
insert into claimed select pg_temp.claim('fay');
select pg_temp.clock('fay', interval '40 days') \g /dev/null
update public.token_subscriptions s set next_charge_at = clock_timestamp() where s.id = (pg_temp.sub('fay')).id;
select is(pg_temp.claim('fay'), null, '... is not charged a second time by a clock from before');
select is((select pg_temp.pays(c) from claimed) || ' ' || pg_temp.orders('fay'), 'credited completed 300 2', '... and what was paid is credited once');

-- ---- an upgrade that nobody answers until its period is over ----

create function pg_temp.again(name text) returns text
language plpgsql as $$
begin
  update coinslot.cycle_charges h set leased_until = clock_timestamp() from coinslot.subscription_cycles c
  where c.id = h.cycle_id and c.subscription_id = (pg_temp.sub(again.name)).id;
  return (select concat_ws(' ', c ->> 'again', c ->> 'over') from pg_temp.claim(again.name) c);
end
$$;
select is(pg_temp.subscribe('gil') || pg_temp.charge('gil'), 'incompletecredited completed 300', 'one whose upgrade');
select pg_temp.as_service('select coinslot_set_plan(''pro'', ''month'')') \g /dev/null
select is(pg_temp.does('gil', 'upgrade_token_plan(%L, ''pro'')'), 'active', '... is asked for');
truncate claimed;
insert into claimed select pg_temp.claim('gil');
select pg_temp.over('gil') \g /dev/null
create temporary table renewal as select pg_temp.claim('gil') as c;
select is((select c #>> '{payment,amount}' from renewal), '9900', '... is renewed before anybody knows what it came to');
select is((select pg_temp.as_service(format('select coinslot_finish_charge(%L, %s, ''soft'', ''why'', true) as t', c ->> 'id', c ->> 'lease')) ->> 't' from claimed),
  'true', '... and then it was declined');
select is((select string_agg((p.amount = 9900) || ' ' || p.status, ', ' order by p.created_at) from public.token_payments p where p.user_id = pg_temp.id('gil')),
  'true completed, false voided, true pending', '... which ends its own order, and not that of the period');
select is((select pg_temp.pays(c) from renewal) || ' ' || pg_temp.state('gil'), 'credited completed 300 active plus 1 | 300', '... whose money buys it');
select is(pg_temp.does('gil', 'upgrade_token_plan(%L, ''pro'')') || ' ' || pg_temp.again('gil'), 'active true false', 'another upgrade is charged within its period');
update public.token_payments p set expires_at = clock_timestamp() where p.user_id = pg_temp.id('gil') and p.status = 'pending';
select is(pg_temp.again('gil'), 'true true', '... and not after it');

select is(pg_temp.subscribe('lea') || pg_temp.charge('lea') || pg_temp.does('lea', 'upgrade_token_plan(%L, ''pro'')'), 'incompletecredited completed 300active', 'one whose upgrade');
select matches(pg_temp.read(c #>> '{payment,order_id}', format('A:paid paid=%1$s refunded=%1$s', c #>> '{payment,amount}')), '^credited refunded 300$', '... was refunded before anybody read of it')
from pg_temp.claim('lea') c;
select is(pg_temp.state('lea') || ' ' || (pg_temp.sub('lea')).amount, 'active plus 0 | 300 9900', '... has the plan before, at its price');

-- ---- what has changed while nobody knows what a charge came to ----

select is(pg_temp.subscribe('hal') || (pg_temp.claim('hal') ->> 'over'), 'incompletefalse', 'one who is charged');
insert into methods select 'hal 2', pg_temp.method('hal', 'hal second');
select pg_temp.does('hal', format('set_token_subscription_method(%%L, %L)', pg_temp.card('hal 2'))) \g /dev/null
select is(pg_temp.again('hal'), 'true true', '... is not charged by the card before, once another is named');
select is(pg_temp.subscribe('ida') || (pg_temp.claim('ida') ->> 'over'), 'incompletefalse', 'one who is banned meanwhile');
update auth.users u set banned_until = 'infinity' where u.id = pg_temp.id('ida');
select is(pg_temp.again('ida'), 'true true', '... is not charged again');

-- ---- a plan that costs something else by the second click ----

select pg_temp.subscribe('jon') \g /dev/null
update public.token_prices r set amount = 8900 where r.product_id = 'plus' and r.currency = 'KRW';
select matches(pg_temp.subscribe('jon') || pg_temp.does('jon', 'cancel_token_subscription(%L)') || pg_temp.subscribe('jon') || ' ' || (pg_temp.sub('jon')).amount,
  '^PT409 already_subscribed.*endedincomplete 8900$', 'nobody is charged the price before when they agree to another');

-- ---- a page that was opened before the price changed ----

create function pg_temp.agrees(name text, amount bigint, what text default null) returns text
language sql as $$
  select pg_temp.shop(pg_temp.id(agrees.name), format(coalesce(what,
    'select (subscribe_token_plan(''plus'', ''portone'', ''KRW'', %L, jsonb_build_object(''amount'', %s))).status as t'),
    case when what is null then pg_temp.card(agrees.name) else (pg_temp.sub(agrees.name)).id end, agrees.amount))
$$;
select matches(pg_temp.agrees('kim', 9900), 'PT409 changed_meanwhile {"amount": 8900, "currency": "KRW"}', 'who was shown another price is not charged this one');
select is(pg_temp.orders('kim') || coalesce((pg_temp.sub('kim')).status, 'none'), '0none', '... and has no subscription');
select is(pg_temp.agrees('kim', 8900) || pg_temp.charge('kim'), 'incompletecredited completed 300', '... but at what they were shown');
select matches(pg_temp.agrees('kim', 24000, 'select (upgrade_token_plan(%L, ''pro'', jsonb_build_object(''amount'', %s))).status as t'), 'PT409 changed_meanwhile', 'nor is a dearer plan had');
select matches(pg_temp.agrees('kim', 24000, 'select (change_token_plan(%L, ''pro'', jsonb_build_object(''amount'', %s))).status as t'), 'PT409 changed_meanwhile', '... or chosen');
select is(pg_temp.agrees('kim', 24900, 'select (change_token_plan(%L, ''pro'', jsonb_build_object(''amount'', %s))).status as t'), 'active', '... but at what it costs');

select * from finish();
rollback;
