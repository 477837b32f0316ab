-- A higher price: asked for in time, charged only with a yes to it, and what becomes of a no and of
-- no answer.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/subscriptions.sql

select plan(58);
select pg_temp.change('update coinslot.settings set signup_bonus = 0, charge_from_hour = 0,
  charge_until_hour = 24, charge_spread = ''0''') \g /dev/null
select pg_temp.as_service('select coinslot_set_unattended(''portone'', ''periodic'')') \g /dev/null
select pg_temp.as_service('select coinslot_set_plan(''plus'', ''month'', ''Plus'', ''플러스'', 300, ''{"KRW": 9900}'')') \g /dev/null
select pg_temp.as_service('select coinslot_set_plan(''pro'', ''month'', ''Pro'', ''프로'', 1000, ''{"KRW": 24900}'')') \g /dev/null
insert into people select n, pg_temp.sign_up(n || '@example.com') from unnest(array[
  'ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida', 'jon', 'kim', 'leo', 'max'
]) n;
insert into methods select p.name, pg_temp.method(p.name, p.name || ' key') from people p;
create function pg_temp.proposes(statement text) returns text
language sql as $$
  select coalesce(a ->> 'p', pg_temp.refusal(a)) from pg_temp.as_service(format('select coinslot_propose_price(%s)::text as p', statement)) a
$$;
create function pg_temp.asks() returns text
language sql as $$
  select pg_temp.as_service('select coinslot_run_maintenance() as n') -> 'n' ->> 'renewals_told'
$$;
create function pg_temp.answer(name text, agrees boolean, amount bigint default 11900) returns text
language sql as $$
  select pg_temp.does(answer.name, format('answer_token_price(%%L, %L, %s)', agrees, coalesce(amount::text, 'null')))
$$;
-- So many days are left of the period.
create function pg_temp.left(name text, days numeric) returns void
language plpgsql as $$
declare
  v_time interval := (select s.period_end - clock_timestamp() from pg_temp.sub("left".name) s) - days * interval '1 day';
begin
  update public.token_subscriptions s set anchor = s.anchor - v_time, period_start = s.period_start - v_time,
    period_end = s.period_end - v_time, next_charge_at = s.next_charge_at - v_time
  where s.id = (pg_temp.sub("left".name)).id;
  update coinslot.subscription_cycles c set period_start = c.period_start - v_time, period_end = c.period_end - v_time
  where c.subscription_id = (pg_temp.sub("left".name)).id;
  update coinslot.price_asks a set starts_at = a.starts_at - v_time where a.subscription_id = (pg_temp.sub("left".name)).id;
end
$$;
create function pg_temp.told(name text) returns text
language sql as $$
  select string_agg(o.type, ', ' order by o.seq) from coinslot.outbox o
  where o.user_id = pg_temp.id(told.name) and o.type ~ 'price|renewal|ended'
$$;
create function pg_temp.data(name text, type text) returns jsonb
language sql as $$
  select o.data from coinslot.outbox o
  where o.user_id = pg_temp.id(data.name) and o.type = data.type order by o.seq desc limit 1
$$;
create function pg_temp.price(name text) returns jsonb
language sql as $$
  select t -> 't' from pg_temp.as_user(pg_temp.id(price.name), 'select list_token_subscriptions() as t') t
$$;
create function pg_temp.paid(name text) returns text
language sql as $$
  select string_agg(p.amount::text, ' ' order by p.created_at) from public.token_payments p where p.user_id = pg_temp.id(paid.name) and p.paid > 0
$$;
create function pg_temp.begins(variadic names text[]) returns text
language sql as $$ select string_agg(pg_temp.subscribe(n) || pg_temp.charge(n), ' ') from unnest(names) n $$;

select pg_temp.begins('ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida', 'jon', 'kim') \g /dev/null
select matches(pg_temp.proposes('''none'', ''KRW'''), 'PT404 plan_not_found', 'no such plan');
select matches(pg_temp.proposes('''plus'', ''USD'''), 'PT404 plan_not_found', '... nor such a price');
select pg_temp.as_service('select coinslot_set_plan(''plus'', prices => ''{"KRW": 11900}'')') \g /dev/null
select matches(pg_temp.answer('ann', true), 'PT409 subscription_state', 'before somebody is asked there is nothing to say');
select matches(pg_temp.proposes('''plus'', ''KRW'''), '"amount": 11900.*"subscriptions": 11', 'everybody is to pay the price on offer');

-- ---- when ----

select pg_temp.left(p.name, 30.5) from people p where p.name < 'leo' \g /dev/null
select is(pg_temp.asks(), '0', 'nobody is asked sooner than 30 days before');
select pg_temp.left(n, 20) from unnest(array['ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus']) n \g /dev/null
select pg_temp.left('hal', 6), pg_temp.left('ida', 20), pg_temp.left('jon', 20), pg_temp.left('kim', 20) \g /dev/null
select pg_temp.does('ida', 'cancel_token_subscription(%L)') || pg_temp.does('jon', 'change_token_plan(%L, ''pro'')') || pg_temp.does('kim', 'pause_token_subscription(%L)') \g /dev/null
select is(pg_temp.asks(), '7', '... nor later than a week before, nor who cancels, changes or pauses');
select is(pg_temp.asks(), '0', '... once');
select is(pg_temp.told('ann'), 'subscription.price_proposed', 'it is told');
select is((select d @> '{"amount": 9900, "next_amount": 11900, "ends": true, "currency": "KRW"}' and (d ->> 'from')::timestamptz = (pg_temp.sub('ann')).period_end
  from pg_temp.data('ann', 'subscription.price_proposed') d), true, '... with the price before and after, and the day');
select is((select (p -> 'price') - 'from' from pg_temp.price('ann') p), '{"amount": 11900, "ends": true, "answer": null}', 'and shown');
select is(pg_temp.price('ann') -> 'next_charge_at', 'null', '... as is that nothing is charged without an answer');

-- ---- a yes ----

select matches(pg_temp.answer('ann', true, 9900), 'PT409 changed_meanwhile', 'a yes to another price is none');
select matches(pg_temp.answer('ann', true, null), 'PT409 changed_meanwhile', '... nor is one to none');
select is(pg_temp.answer('ann', true) || pg_temp.answer('ann', true), 'activeactive', 'somebody agrees');
select is((select string_agg(c.terms ->> 'amount', ' ') from coinslot.subscription_consents c where c.kind = 'price'), '11900', '... once');
select is((select (c.terms ->> 'from')::timestamptz = s.period_end and c.terms ->> 'method_id' = s.method_id::text
  from coinslot.subscription_consents c, pg_temp.sub('ann') s where c.kind = 'price'), true, '... from the next period on, by this card');
select is((pg_temp.sub('ann')).amount, 9900::bigint, 'the period that runs costs what it did');
select is((pg_temp.price('ann') ->> 'next_charge_at')::timestamptz, (pg_temp.sub('ann')).next_charge_at, 'the next one is charged');
select pg_temp.left('ann', 2) \g /dev/null
update coinslot.event_walks w set at = clock_timestamp(), after_id = '' where w.name = 'renewals';
select is(pg_temp.asks() || ' ' || (pg_temp.data('ann', 'subscription.renewal_due') ->> 'amount'), '1 11900', '... which is told ahead, with its price');
select is(pg_temp.told('ann'), 'subscription.price_proposed, subscription.price_agreed, subscription.renewal_due', '... after what was agreed to');
select is(pg_temp.data('ann', 'subscription.price_agreed') ->> 'amount', '11900', '... which is the new price');
select pg_temp.over('ann') \g /dev/null
update coinslot.price_asks a set starts_at = (pg_temp.sub('ann')).period_end where a.subscription_id = (pg_temp.sub('ann')).id;
select is((select pg_temp.claim('ann') #>> '{payment,amount}'), '11900', 'the next period costs it');
select is((pg_temp.sub('ann')).amount, 11900::bigint, '... as do those after it');
select is(pg_temp.asks(), '0', '... and nobody asks again');

-- ---- a no, and no answer ----

select is(pg_temp.answer('ben', false, null) || ' ' || pg_temp.told('ben'), 'active subscription.price_proposed, subscription.price_declined', 'somebody does not');
select is(pg_temp.price('ben') #>> '{price,answer}', 'declined', '... which is shown');
select is(pg_temp.answer('ben', true) || (pg_temp.price('ben') #>> '{price,answer}') || pg_temp.answer('ben', false), 'activeagreedactive', '... may think again');
select pg_temp.over('ben') \g /dev/null
update coinslot.price_asks a set starts_at = (pg_temp.sub('ben')).period_end where a.subscription_id = (pg_temp.sub('ben')).id;
select is(pg_temp.charge('ben') || ' ' || pg_temp.state('ben'), 'nothing due ended plus 0 price_not_agreed | 300', '... has no other period');
select is(pg_temp.paid('ben'), '9900', '... and paid what they agreed to');
select pg_temp.left('cat', 2) \g /dev/null
update coinslot.event_walks w set at = clock_timestamp(), after_id = '' where w.name = 'renewals';
select is(substr(pg_temp.asks(), 2) || pg_temp.told('cat'), 'subscription.price_proposed', 'who says nothing is told of no renewal');
select pg_temp.over('cat') \g /dev/null
update coinslot.price_asks a set starts_at = (pg_temp.sub('cat')).period_end where a.subscription_id = (pg_temp.sub('cat')).id;
select is(pg_temp.charge('cat') || ' ' || pg_temp.state('cat') || ' ' || pg_temp.paid('cat'), 'nothing due ended plus 0 price_not_agreed | 300 9900', '... and charged for none');
select is(pg_temp.data('cat', 'subscription.ended') ->> 'reason', 'price_not_agreed', '... and told why');
select is(pg_temp.does('dan', 'change_token_plan(%L, ''pro'')') || (pg_temp.price('dan') -> 'price'), 'activenull', 'who changes the plan is not asked');
select is(pg_temp.does('dan', 'change_token_plan(%L, ''plus'')') || (pg_temp.price('dan') #>> '{price,amount}'), 'active11900', '... unless they take that back');
select pg_temp.does('dan', 'change_token_plan(%L, ''pro'')') || pg_temp.over('dan') \g /dev/null
update coinslot.price_asks a set starts_at = (pg_temp.sub('dan')).period_end where a.subscription_id = (pg_temp.sub('dan')).id;
select is(pg_temp.charge('dan') || ' ' || pg_temp.paid('dan'), 'credited completed 1000 9900 24900', '... and pays that one');
select is(pg_temp.answer('eve', true) || pg_temp.does('eve', 'cancel_token_subscription(%L)') || (pg_temp.price('eve') -> 'price'), 'activeactivenull', 'who cancels after a yes');
select matches(pg_temp.answer('eve', true), 'PT409 subscription_state', '... has nothing more to say');
select pg_temp.over('eve') \g /dev/null
select is(pg_temp.charge('eve') || ' ' || pg_temp.paid('eve'), 'nothing due 9900', '... and is charged nothing');

-- ---- who keeps the price ----

select is(pg_temp.as_service('select coinslot_withdraw_price(''plus'', ''KRW'') as t') ->> 't', 'true', 'the shop thinks again');
select is(pg_temp.as_service('select coinslot_withdraw_price(''plus'', ''KRW'') as t') ->> 't', 'false', '... once');
select is(pg_temp.price('fay') -> 'price', 'null', 'who was asked is so no more');
select matches(pg_temp.answer('fay', true), 'PT409', '... and agrees to nothing');
select matches(pg_temp.proposes(format('''plus'', ''KRW'', %L, false', clock_timestamp() + interval '25 days')), '"ends": false', 'another proposal, for later, and to keep the price');
select is(pg_temp.asks(), '0', '... asks nobody whose period begins before');
select pg_temp.left('fay', 26), pg_temp.left('gus', 26) \g /dev/null
select is(pg_temp.asks(), '2', '... but who has one then');
select is((pg_temp.price('fay') ->> 'next_charge_at')::timestamptz, (pg_temp.sub('fay')).next_charge_at, 'whose next period is charged either way');
select pg_temp.answer('gus', true) \g /dev/null
select pg_temp.over('fay'), pg_temp.over('gus') \g /dev/null
update coinslot.price_asks a set starts_at = s.period_end from public.token_subscriptions s
where s.id = a.subscription_id and s.user_id in (pg_temp.id('fay'), pg_temp.id('gus'));
select is(pg_temp.charge('fay') || ' ' || pg_temp.paid('fay'), 'credited completed 300 9900 9900', 'without an answer at the price before');
select is(pg_temp.charge('gus') || ' ' || pg_temp.paid('gus'), 'credited completed 300 9900 11900', '... with a yes at the new one');
select pg_temp.left('fay', 28) \g /dev/null
select is(pg_temp.asks() || ' ' || (pg_temp.price('fay') -> 'price'), '0 null', 'nobody is asked for the same price twice');
select is((select string_agg(m.kind || ' ' || m.worth, ', ' order by m.id) from coinslot.recurring_moves m where m.subscription_id = (pg_temp.sub('gus')).id), 'new 9900, expansion 2000', 'it is worth more');

-- ---- pauses ----

select pg_temp.over('kim') \g /dev/null
select pg_temp.charge('kim') || pg_temp.does('kim', 'resume_token_subscription(%L)') || pg_temp.charge('kim') \g /dev/null
select pg_temp.left('kim', 26) \g /dev/null
select is(pg_temp.asks(), '1', 'who comes back is asked');
select is(pg_temp.does('kim', 'pause_token_subscription(%L)'), 'active', '... and pauses');
select pg_temp.over('kim') \g /dev/null
select is(pg_temp.charge('kim') || ' ' || pg_temp.state('kim'), 'nothing due paused plus 0 | 300', '... without an answer');
select pg_temp.does('kim', 'resume_token_subscription(%L)') || pg_temp.charge('kim') \g /dev/null
select pg_temp.left('kim', 26) \g /dev/null
select is(pg_temp.asks(), '1', '... and is asked again for the period that comes then');
select is(pg_temp.subscribe('leo') || pg_temp.charge('leo') || ' ' || pg_temp.paid('leo'), 'incompletecredited completed 300 11900', 'newcomers pay it at once');
select throws_ok('update coinslot.settings set price_notice = ''28 days''', '23514', null, 'there is time to ask');
update coinslot.subscription_cycles c set amount = 5 where c.subscription_id = (pg_temp.sub('leo')).id;
select is((select v.problem from coinslot.verify_ledger(null, null) v), 'cycle_not_agreed', 'a period at a price that nobody agreed to is found');
update coinslot.subscription_cycles c set amount = 11900 where c.subscription_id = (pg_temp.sub('leo')).id;
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books are sound');

select * from finish();
rollback;
