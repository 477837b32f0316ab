-- Trials: days without money, once for a person and a family. What is charged at their end was
-- agreed to, and what they give ends with them.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/subscriptions.sql

select plan(95);
select pg_temp.change('update coinslot.settings set signup_bonus = 0, charge_from_hour = 0,
  charge_until_hour = 24, charge_spread = ''0''') \g /dev/null
select pg_temp.as_service('select coinslot_set_unattended(''portone'', ''periodic'')') \g /dev/null

-- ---- plans ----

create function pg_temp.plan(id text, statement text) returns text
language sql as $$
  select coalesce(a ->> 'p', pg_temp.refusal(a)) from pg_temp.as_service(format(
    'select coinslot_set_plan(%L, %s)::text as p', plan.id, statement
  )) a
$$;
select matches(pg_temp.plan('plus', $$'month', 'Plus', '플러스', 300, '{"KRW": 9900}'$$), '"trial_days": 0', 'a plan has no trial');
select matches(pg_temp.plan('plus', 'trial_days => 14'), '"trial_tokens": 0', '... or one that gives nothing');
select matches(pg_temp.plan('plus', 'trial_days => 31'), 'PT400', '... of a month at most');
select matches(pg_temp.plan('plus', 'trial_tokens => 301'), 'PT400', '... that gives no more than a month');
select matches(pg_temp.plan('plus', 'trial_tokens => 30'), '"trial_days": 14', '... or some of it');
select matches(pg_temp.plan('plus', 'tokens => 29'), 'PT400', '... which a month gives at least');
select matches(pg_temp.plan('plus', 'trial_days => 0'), '"trial_tokens": 0', 'without days it gives nothing');
select matches(pg_temp.plan('plus', 'trial_tokens => 1'), 'PT400', '... and can give nothing');
select pg_temp.plan('plus', 'trial_days => 14, trial_tokens => 30') \g /dev/null
select is((select concat_ws(' ', o.trial_days, o.trial_tokens) from public.token_plan_offers o where o.id = 'plus'), '14 30', 'buyers see it');
select pg_temp.plan('pro', $$'month', 'Pro', '프로', 1000, '{"KRW": 24900}', trial_days => 7$$) \g /dev/null
select pg_temp.plan('side', $$'year', 'Side', '사이드', 100, '{"KRW": 990}', family => 'side', trial_days => 30, trial_tokens => 5$$) \g /dev/null
select pg_temp.plan('bare', $$'month', 'Bare', 'Bare', 10, '{"KRW": 1000}', family => 'bare'$$) \g /dev/null

insert into people select n, pg_temp.sign_up(n || '@example.com') from unnest(array[
  'ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida', 'jon', 'kim', 'leo', 'max', 'nia', 'oli'
]) n;
insert into methods select p.name, pg_temp.method(p.name, p.name || ' key') from people p;
create function pg_temp.try(
  name text, plan text default 'plus', card text default null, trial text default 'asked'
) returns text
language sql as $$
  select coalesce(a ->> 'status', pg_temp.refusal(a)) from pg_temp.as_user(pg_temp.id(try.name), format(
    'select * from subscribe_token_plan(%L, ''portone'', ''KRW'', %L, trial => %L)', plan, pg_temp.card(coalesce(card, try.name)), trial
  )) a
$$;
create function pg_temp.answer(name text, agrees boolean, amount bigint default 9900) returns text
language sql as $$
  select pg_temp.does(answer.name, format('answer_token_price(%%L, %L, %s)', agrees, coalesce(amount::text, 'null')))
$$;
-- The trial is over, a minute ago.
create function pg_temp.tried(name text) returns void
language sql as $$
  update public.token_lots l set expires_at = clock_timestamp()
  from coinslot.trial_grants g, public.token_subscriptions s
  where l.id = g.lot_id and s.id = g.subscription_id and s.user_id = pg_temp.id(tried.name) and l.remaining > 0;
  update public.token_wallets w set next_change_at = '-infinity' where w.user_id = pg_temp.id(tried.name);
  update public.token_subscriptions s set anchor = clock_timestamp() - interval '1 minute',
    period_start = s.period_start - (s.period_end - clock_timestamp()) - interval '1 minute',
    period_end = clock_timestamp() - interval '1 minute', next_charge_at = clock_timestamp()
  where s.user_id = pg_temp.id(tried.name)
$$;
create function pg_temp.told(name text) returns text
language sql as $$
  select string_agg(o.type, ', ' order by o.seq) from coinslot.outbox o
  where o.user_id = pg_temp.id(told.name) and o.type ~ '^subscription\.'
$$;
create function pg_temp.data(name text, type text) returns jsonb
language sql as $$
  select o.data from coinslot.outbox o
  where o.user_id = pg_temp.id(data.name) and o.type = data.type order by o.seq desc limit 1
$$;

-- ---- one who goes on ----

select matches(pg_temp.try('ann', 'bare'), 'PT409 trial_not_offered', 'a plan without a trial');
select is((select count(*) from public.token_subscriptions), 0::bigint, '... which is not sold instead');
select is(pg_temp.try('ann'), 'trialing', 'somebody tries');
select is(pg_temp.state('ann'), 'trialing plus -1 | 30', '... has the tokens of the trial');
select is(pg_temp.try('ann'), 'trialing', '... in another browser, too');
select is(pg_temp.state('ann') || ' ' || (select count(*) from public.token_subscriptions), 'trialing plus -1 | 30 1', '... which is once');
select matches(pg_temp.subscribe('ann'), 'PT409 already_subscribed', '... and is charged nothing');
select is(pg_temp.charge('ann'), 'nothing due', '... before its end');
select is((select count(*) from public.token_payments), 0::bigint, '... nor has an order');
select is((select array[s.period_end = s.anchor, s.period_end at time zone 'Asia/Seoul' = (s.period_start at time zone 'Asia/Seoul') + interval '14 days',
  s.next_charge_at = s.period_end, s.trial = 'asked'] from pg_temp.sub('ann') s), array[true, true, true, true], 'it ends after its days, to the minute');
select is((select l.expires_at - s.period_end from public.token_lots l, pg_temp.sub('ann') s where l.user_id = s.user_id), interval '1 hour', 'its tokens end with it');
select is(pg_temp.told('ann'), 'subscription.trial_started', 'it is told');
select is(pg_temp.data('ann', 'subscription.trial_started') - 'subscription_id' - 'method_id' - 'period_start' - 'period_end' - 'charge_at',
  '{"status": "trialing", "plan_id": "plus", "family": "main", "gateway": "portone", "every": "month", "amount": 9900, "currency": "KRW",
    "tokens": 300, "cancel_at_end": false, "trial_tokens": 30, "agreed": false}', '... with what will be charged');
select is((pg_temp.as_user(pg_temp.id('ann'), 'select list_token_subscriptions() as t') -> 't') @> '{"status": "trialing", "trial": "asked", "next_charge_at": null}', true,
  'before somebody agrees nothing will be charged');
select matches(pg_temp.answer('ann', true, 9000), 'PT409 changed_meanwhile', 'a yes to another price is none');
select matches(pg_temp.answer('ann', true, null), 'PT409 changed_meanwhile', '... nor is one to no price');
select is(pg_temp.answer('ann', true) || ' ' || (pg_temp.sub('ann')).trial, 'trialing agreed', 'somebody agrees');
select is(pg_temp.answer('ann', true) || (select count(*) from coinslot.subscription_consents c where c.kind = 'price'), 'trialing1', '... once');
select is((select array[c.terms ->> 'amount', c.terms ->> 'method_id', ((c.terms ->> 'from')::timestamptz = (pg_temp.sub('ann')).period_end)::text]
  from coinslot.subscription_consents c where c.kind = 'price'), array['9900', pg_temp.card('ann')::text, 'true'], '... to the price, the card and the day');
select is((pg_temp.as_user(pg_temp.id('ann'), 'select list_token_subscriptions() as t') #>> '{t,next_charge_at}')::timestamptz, (pg_temp.sub('ann')).period_end, '... which is shown');
select is((select count(*) from coinslot.recurring_moves), 0::bigint, 'a trial is worth nothing');
select matches(pg_temp.does('ann', 'pause_token_subscription(%L)') || pg_temp.does('ann', 'change_token_plan(%L, ''pro'')') || pg_temp.does('ann', 'pay_token_subscription(%L)'),
  'PT409 subscription_state.*PT409 subscription_state.*PT409 subscription_state', 'it is neither paused, changed nor paid');
select pg_temp.tried('ann') \g /dev/null
select is(pg_temp.charge('ann'), 'credited completed 300', 'its end is charged: what is left of the trial is gone');
select is(pg_temp.state('ann') || ' ' || (pg_temp.sub('ann')).trial, 'active plus 0 | 300 over', '... and the first period runs');
select is((select s.period_start = s.anchor and s.period_end = coinslot.period_at(s.anchor, 'Asia/Seoul', 'month', 1) from pg_temp.sub('ann') s), true, '... from the end of the trial');
select is((select string_agg(m.kind || ' ' || m.worth, ', ') from coinslot.recurring_moves m), 'new 9900', '... and is worth something');
select is(pg_temp.told('ann'), 'subscription.trial_started, subscription.price_agreed, subscription.started', '... which is told');
select matches(pg_temp.answer('ann', true), 'PT409 subscription_state', 'there is nothing to agree to any more');
select pg_temp.over('ann') \g /dev/null
select is(pg_temp.charge('ann') || ' ' || pg_temp.state('ann'), 'credited completed 300 active plus 1 | 300', 'the second period');

-- ---- one who does not ----

select is(pg_temp.try('ben') || pg_temp.does('ben', 'cancel_token_subscription(%L)'), 'trialingtrialing', 'one who cancels keeps the trial');
select is(pg_temp.state('ben') || ' ' || (pg_temp.sub('ben')).cancel_at_end, 'trialing plus -1 | 30 true', '... and its tokens');
select is(pg_temp.does('ben', 'resume_token_subscription(%L)') || (pg_temp.sub('ben')).cancel_at_end || ' ' || (pg_temp.sub('ben')).trial, 'trialingfalse asked', '... may take it back, which is no yes');
select is(pg_temp.answer('ben', true) || pg_temp.does('ben', 'cancel_token_subscription(%L)'), 'trialingtrialing', '... or cancel after a yes');
select pg_temp.tried('ben') \g /dev/null
select is(pg_temp.charge('ben') || ' ' || pg_temp.state('ben'), 'nothing due ended plus -1 canceled | 30', '... is charged nothing');
select is((select w.balance from pg_temp.as_user(pg_temp.id('ben'), 'select get_user_tokens() as balance') a, jsonb_to_record(a) as w(balance bigint)), 0::bigint, '... and has nothing');
select matches(pg_temp.try('ben'), 'PT409 trial_not_offered', '... nor tries again');
select matches(pg_temp.try('ben', 'pro'), 'PT409 trial_not_offered', '... nor another plan of the family');
select is(pg_temp.subscribe('ben'), 'incomplete', '... but may subscribe');
select is(pg_temp.try('ben', 'side'), 'trialing', '... and try one of another family');
select is(pg_temp.try('cat') || pg_temp.answer('cat', false) || (pg_temp.sub('cat')).cancel_at_end, 'trialingtrialingtrue', 'a no ends it with its trial');
select is(pg_temp.try('dan'), 'trialing', 'one who says nothing');
select pg_temp.tried('dan') \g /dev/null
select is(pg_temp.charge('dan') || ' ' || pg_temp.state('dan') || ' ' || (select count(*) from public.token_payments p where p.user_id = pg_temp.id('dan')),
  'nothing due ended plus -1 trial_over | 30 0', '... is never charged');
select is(pg_temp.data('dan', 'subscription.ended') ->> 'reason', 'trial_over', '... which is told');
select matches(pg_temp.try('eve', trial => 'agreed'), 'PT409 trial_not_offered', 'to try is not to agree');
select matches(pg_temp.try('eve', trial => 'true'), 'PT400', '... whatever it is called');
select pg_temp.change('update coinslot.settings set trial_needs_consent = false') \g /dev/null
select pg_temp.change('update coinslot.settings set charge_until_hour = 21, time_zone = ''Asia/Tokyo''') \g /dev/null
select is((select jsonb_agg(distinct o.charge_hours) from public.token_plan_offers o), '[{"time_zone": "Asia/Tokyo", "until": 21}]', 'the hours of charges are shown beside a plan');
select is(pg_temp.as_user(null, 'select count(*) > 0 as t from token_plan_offers where charge_hours is not null') ->> 't', 'true', '... to everybody');
select pg_temp.change('update coinslot.settings set charge_until_hour = 24, time_zone = ''Asia/Seoul''') \g /dev/null
select is((select bool_or(o.trial_asks) from public.token_plan_offers o), false, '... but where the shop says so');
select is(pg_temp.try('eve', trial => 'agreed') || ' ' || (pg_temp.sub('eve')).trial, 'trialing agreed', '... who tries agrees');
select pg_temp.tried('eve') \g /dev/null
select is(pg_temp.charge('eve', 'soft', true), 'true', '... the end is declined');
select is(pg_temp.state('eve'), 'past_due plus 0 | 30', '... which gives nothing');
select is((select count(*) from coinslot.recurring_moves m where m.subscription_id = (pg_temp.sub('eve')).id), 0::bigint, '... and is worth nothing');
select is((select round(extract(epoch from s.next_charge_at - clock_timestamp()) / 86400, 1) from pg_temp.sub('eve') s), 1.0, '... and is tried again');
select pg_temp.later('eve', 1) \g /dev/null
select is(pg_temp.charge('eve') || ' ' || pg_temp.state('eve') || ' ' || (pg_temp.data('eve', 'subscription.started') ->> 'status'), 'credited completed 300 active plus 0 | 300 active', '... and starts when it is paid');
select is(pg_temp.try('fay', trial => 'agreed'), 'trialing', 'one who never pays');
select pg_temp.tried('fay') \g /dev/null
select is(pg_temp.charge('fay', 'hard') || ' ' || (pg_temp.sub('fay')).needs, 'true method', '... needs another card');
select pg_temp.later('fay', 9) \g /dev/null
select is(pg_temp.charge('fay') || ' ' || pg_temp.state('fay'), 'nothing due ended plus 0 unpaid | 30', '... and ends after the grace');
select is(pg_temp.try('gus', trial => 'agreed'), 'trialing', 'one who cancels while it is declined');
select pg_temp.tried('gus') \g /dev/null
select is(pg_temp.charge('gus', 'soft') || pg_temp.does('gus', 'cancel_token_subscription(%L)'), 'trueended', '... is asked for nothing any more');
select is(pg_temp.try('hal', trial => 'agreed'), 'trialing', 'one who cancels while it is charged');
select pg_temp.tried('hal') \g /dev/null
create temporary table claimed as select pg_temp.claim('hal') as c;
select matches(pg_temp.answer('hal', true), 'PT409 subscription_state', '... has no answer to give');
select is(pg_temp.does('hal', 'cancel_token_subscription(%L)'), 'trialing', '... waits for what comes of it');
select is((select pg_temp.as_service(format('select coinslot_finish_charge(%L, 0, ''soft'') as t', c ->> 'id')) ->> 't' from claimed)
  || ' ' || pg_temp.state('hal'), 'true ended plus 0 canceled | 30', '... and is charged no more');

-- ---- once ----

create function pg_temp.has_card(name text, fingerprint text) returns void
language plpgsql as $$
declare
  v_id uuid := pg_temp.as_user(pg_temp.id(has_card.name), 'select begin_token_method(''portone'') as t') #>> '{t,id}';
begin
  perform pg_temp.as_service(format(
    'select coinslot_finish_method(%L, ''sealed'', %L, ''Hyundai'', ''1234'', %L)', v_id, has_card.name || ' its key', has_card.fingerprint
  ));
  insert into methods values (has_card.name || ' card', v_id);
end
$$;
select pg_temp.has_card('ida', 'one card'), pg_temp.has_card('jon', 'one card'), pg_temp.has_card('kim', 'another') \g /dev/null
select is(pg_temp.try('ida', card => 'ida card'), 'trialing', 'a card');
select matches(pg_temp.try('jon', card => 'jon card'), 'PT409 trial_not_offered', '... is tried with once, whoever has it');
select is((select count(*) from public.token_subscriptions s where s.user_id = pg_temp.id('jon'))
  + (select count(*) from public.token_lots l where l.user_id = pg_temp.id('jon')), 0::bigint, '... and gives nothing');
select is(pg_temp.try('jon'), 'trialing', '... with another they may');
select is(pg_temp.try('kim', card => 'kim card', trial => 'agreed'), 'trialing', 'as may anybody with theirs');
insert into auth.users (id, is_anonymous, created_at) values ('00000000-0000-4000-8000-0000000000c1', true, now());
insert into people values ('guest', '00000000-0000-4000-8000-0000000000c1');
insert into methods values ('guest', pg_temp.method('guest', 'guest key'));
select matches(pg_temp.try('guest'), 'PT403 account_required', 'who is nobody tries nothing');
insert into people select 'pat', pg_temp.sign_up('pat@example.com', false);
insert into methods select 'pat', pg_temp.method('pat', 'pat key');
select matches(pg_temp.try('pat'), 'PT403 identity_required', '... nor does one who has confirmed nothing, or could try again and again');
select is(pg_temp.try('max') || pg_temp.state('max'), 'trialingtrialing plus -1 | 30', 'one who has two accounts');
select pg_temp.as_service(format('select merge_token_wallets(%L, %L, ''m'')', pg_temp.id('max'), pg_temp.id('nia'))) \g /dev/null
select is(pg_temp.state('nia'), 'trialing plus -1 | 30', '... goes on with the trial in the other');
select pg_temp.does('nia', 'cancel_token_subscription(%L)') \g /dev/null
select pg_temp.tried('nia') \g /dev/null
select is(pg_temp.charge('nia') || ' ' || (pg_temp.sub('nia')).status, 'nothing due ended', '... where it ends');
select matches(pg_temp.try('nia'), 'PT409 trial_not_offered', '... and has no other');
select is(pg_temp.try('oli', 'side'), 'trialing', 'one who goes');
delete from auth.users u where u.id = pg_temp.id('oli');
update people set id = pg_temp.sign_up('oli@example.com') where name = 'oli';
insert into methods values ('oli again', pg_temp.method('oli', 'oli again'));
select matches(pg_temp.try('oli', 'side', 'oli again'), 'PT409 trial_not_offered', '... and comes back with the same address, has no other');

-- ---- ahead of the end ----

create function pg_temp.tells() returns text
language sql as $$
  select pg_temp.as_service('select coinslot_run_maintenance() as n') -> 'n' ->> 'renewals_told'
$$;
select is(pg_temp.try('leo', 'pro') || ' ' || pg_temp.told('leo'), 'trialing subscription.trial_started, subscription.trial_ending', 'a week has its notice at once');
update public.token_subscriptions s set next_charge_at = clock_timestamp() + interval '8 days' where s.status = 'trialing';
update coinslot.event_walks w set at = clock_timestamp(), after_id = '' where w.name = 'trials';
select is(pg_temp.tells(), '0', 'a longer one is not told of before');
update public.token_subscriptions s set next_charge_at = clock_timestamp() + interval '5 days',
  created_at = s.created_at - interval '9 days' where s.user_id in (pg_temp.id('kim'), pg_temp.id('cat'));
update coinslot.event_walks w set at = clock_timestamp(), after_id = '' where w.name = 'trials';
select is(pg_temp.tells() || ' ' || coalesce(pg_temp.told('cat'), ''), '1 subscription.trial_started, subscription.canceled', '... but a week ahead, unless it was canceled');
select is((select jsonb_build_array(d -> 'amount', d -> 'agreed', d -> 'plan_id', (d ->> 'charge_at')::timestamptz = (pg_temp.sub('kim')).next_charge_at)
  from pg_temp.data('kim', 'subscription.trial_ending') d), '[9900, true, "plus", true]', '... with what is charged, and if that was agreed to');
select is(pg_temp.tells(), '0', '... once');
select is((select array_agg(distinct o.type order by o.type) from coinslot.outbox o where o.type ~ 'trial|price_agreed'),
  array['subscription.price_agreed', 'subscription.trial_ending', 'subscription.trial_started'], 'nothing is told by nobody');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books are sound');
select throws_ok('update coinslot.trial_grants set tokens = 1', null, null, 'what a trial gave is not changed');
select is((select coinslot_go_live(false) ->> 'mode' from (select pg_temp.change('set role postgres')) r), 'live', 'with real money');
insert into methods select 'kim live', pg_temp.method('kim', 'kim live');
select is(pg_temp.try('kim', card => 'kim live'), 'trialing', '... what was tried with test money does not count');

select * from finish();
rollback;
