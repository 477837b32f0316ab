-- Events of subscriptions, stored methods and top-ups: each fact once, in its transaction, in the
-- order of its wallet; and what is told ahead of a charge.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/subscriptions.sql

select plan(61);
select pg_temp.change('update coinslot.settings set signup_bonus = 0, charge_from_hour = 0,
  charge_until_hour = 24, charge_spread = ''0''') \g /dev/null
select pg_temp.as_service('select coinslot_set_plan(''plus'', ''month'', ''Plus'', ''플러스'', 300, ''{"KRW": 9900}'')') \g /dev/null
select pg_temp.as_service('select coinslot_set_plan(''pro'', ''month'', ''Pro'', ''프로'', 1000, ''{"KRW": 24900}'')') \g /dev/null
select pg_temp.as_service('select coinslot_set_plan(''yearly'', ''year'', ''Pro'', ''프로'', 12000, ''{"KRW": 249000}'')') \g /dev/null
select pg_temp.as_service('select coinslot_set_unattended(''portone'', ''at_will'')') \g /dev/null
insert into people select n, pg_temp.sign_up(n || '@example.com') from unnest(array[
  'ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida', 'jon', 'kim', 'leo', 'max', 'nia'
]) n;
insert into methods select p.name, pg_temp.method(p.name, p.name || ' key') from people p;

create temporary table heard (name text, seq bigint);
insert into heard select p.name, 0 from people p;
-- What somebody's wallet was told of since this was asked last, but for orders.
create function pg_temp.told(name text) returns text
language plpgsql as $$
declare
  v_told text;
begin
  select string_agg(o.type, ', ' order by o.seq) into v_told from coinslot.outbox o
  where o.user_id = pg_temp.id(told.name) and o.type !~ '^(payment|refund)\.'
    and o.seq > (select h.seq from heard h where h.name = told.name);
  update heard h set seq = (
    select w.events from public.token_wallets w where w.user_id = pg_temp.id(told.name)
  ) where h.name = told.name;
  return coalesce(v_told, '');
end
$$;
create function pg_temp.data(name text, type text) returns jsonb
language sql as $$
  select o.data from coinslot.outbox o
  where o.user_id = pg_temp.id(data.name) and o.type = data.type order by o.seq desc limit 1
$$;
-- How long before the charge of somebody's next period the page tells them of it.
create function pg_temp.shown_ahead(name text) returns interval
language sql as $$
  select (t ->> 'next_charge_at')::timestamptz - (t ->> 'renewal_told_at')::timestamptz
  from pg_temp.as_user(pg_temp.id(shown_ahead.name), 'select list_token_subscriptions() as t') a
  cross join lateral (select a -> 't' as t) b
$$;
create function pg_temp.renewals() returns text
language sql as $$
  select pg_temp.as_service('select coinslot_run_maintenance() as n') -> 'n' ->> 'renewals_told'
$$;
create function pg_temp.half(name text) returns void
language sql as $$
  update public.token_subscriptions t set period_start = clock_timestamp() - interval '10 days',
    period_end = clock_timestamp() + interval '10 days'
  where t.user_id = pg_temp.id(half.name);
  update coinslot.subscription_cycles c set period_start = s.period_start, period_end = s.period_end
  from public.token_subscriptions s
  where s.id = c.subscription_id and s.user_id = pg_temp.id(half.name) and c.number = s.period
$$;

-- ---- one who pays ----

select is(pg_temp.subscribe('ann') || pg_temp.told('ann'), 'incomplete', 'before it is paid nothing is told');
select is((
  select (t ->> 'grace_until')::timestamptz - (t ->> 'created_at')::timestamptz
  from pg_temp.as_user(pg_temp.id('ann'), 'select list_token_subscriptions() as t') a
  cross join lateral (select a -> 't' as t) b
), '1 day', '... and shown how long it waits for its money');
select is(pg_temp.charge('ann') || ' ' || pg_temp.told('ann'), 'credited completed 300 subscription.started', 'a subscription that begins');
select is(pg_temp.data('ann', 'subscription.started') - 'subscription_id' - 'method_id' - 'order_id' - 'period_start' - 'period_end',
  '{"status": "active", "plan_id": "plus", "family": "main", "gateway": "portone", "every": "month", "amount": 9900,
    "currency": "KRW", "tokens": 300, "cancel_at_end": false}', '... with ids and figures, and no more');
select is((select array[o.data ->> 'subscription_id', o.data ->> 'method_id', o.data ->> 'order_id'] from coinslot.outbox o
    where o.user_id = pg_temp.id('ann') and o.type = 'subscription.started'),
  (select array[(pg_temp.sub('ann')).id::text, pg_temp.card('ann')::text, p.order_id] from public.token_payments p where p.user_id = pg_temp.id('ann')),
  '... of the subscription, its method and its order');
select is((select string_agg(o.type, ', ' order by o.seq) from coinslot.outbox o where o.user_id = pg_temp.id('ann')),
  'payment.completed, subscription.started', 'the money comes first');
select pg_temp.over('ann') \g /dev/null
select is(pg_temp.charge('ann') || ' ' || pg_temp.told('ann'), 'credited completed 300 subscription.renewed', 'the next period');
select pg_temp.does('ann', 'cancel_token_subscription(%L)') || pg_temp.does('ann', 'cancel_token_subscription(%L)') \g /dev/null
select is(pg_temp.told('ann'), 'subscription.canceled', 'canceled twice it is told once');
select is(pg_temp.data('ann', 'subscription.canceled') ->> 'cancel_at_end', 'true', '... and ends with the period');
select is(pg_temp.does('ann', 'resume_token_subscription(%L)') || ' ' || pg_temp.told('ann'), 'active subscription.kept', 'taken back');
select pg_temp.does('ann', 'cancel_token_subscription(%L)') || pg_temp.over('ann') \g /dev/null
select is(pg_temp.charge('ann') || ' ' || pg_temp.told('ann'), 'nothing due subscription.canceled, subscription.ended', 'the end');
select is((select concat_ws(' ', d ->> 'reason', d ->> 'previous_status', d ->> 'status') from pg_temp.data('ann', 'subscription.ended') d),
  'canceled active ended', '... says why');

-- ---- one who does not ----

select pg_temp.subscribe('ben') || pg_temp.charge('ben') || pg_temp.told('ben') || pg_temp.over('ben') \g /dev/null
select is(pg_temp.charge('ben', 'soft') || ' ' || pg_temp.told('ben'), 'true subscription.payment_failed, subscription.past_due', 'a first decline');
select is((select concat_ws(' ', d ->> 'class', d ->> 'attempt', (d ->> 'retry_at')::timestamptz = s.next_charge_at, (d ->> 'ends_at')::timestamptz = s.grace_until)
  from pg_temp.data('ben', 'subscription.payment_failed') d, pg_temp.sub('ben') s), 'soft 1 t t', '... says what comes next');
select pg_temp.later('ben', 1) \g /dev/null
select is(pg_temp.charge('ben', 'soft') || ' ' || pg_temp.told('ben'), 'true subscription.payment_failed', 'the second');
select pg_temp.later('ben', 2) \g /dev/null
select is(pg_temp.charge('ben') || ' ' || pg_temp.told('ben'), 'credited completed 300 subscription.renewed', 'paid at last');
select is(pg_temp.data('ben', 'subscription.renewed') ->> 'previous_status', 'past_due', '... which was late');
select pg_temp.over('ben') \g /dev/null
select is(pg_temp.charge('ben', 'hard') || ' ' || pg_temp.told('ben'), 'true subscription.payment_failed, subscription.past_due', 'a card that is lost');
select is((select jsonb_build_array(d -> 'class', d -> 'attempt', d -> 'retry_at') from pg_temp.data('ben', 'subscription.payment_failed') d),
  '["hard", 1, null]', '... is not tried again');
insert into methods select 'ben 2', pg_temp.method('ben', 'ben second');
select is(pg_temp.does('ben', format('set_token_subscription_method(%%L, %L)', pg_temp.card('ben 2'))) || ' ' || pg_temp.told('ben'),
  'past_due subscription.method_changed', 'another card');
select pg_temp.later('ben', 9) \g /dev/null
select is(pg_temp.charge('ben') || ' ' || pg_temp.told('ben') || ' ' || (pg_temp.data('ben', 'subscription.ended') ->> 'reason'),
  'nothing due subscription.ended unpaid', 'unpaid for too long');

select is(pg_temp.subscribe('cat') || pg_temp.charge('cat', 'soft') || ' ' || pg_temp.told('cat'), 'incompletetrue subscription.payment_failed', 'one who never began');
select pg_temp.later('cat', 2) \g /dev/null
select is(pg_temp.charge('cat') || ' ' || pg_temp.told('cat') || ' ' || (pg_temp.data('cat', 'subscription.ended') ->> 'previous_status'),
  'nothing due subscription.ended incomplete', '... is told so');

select pg_temp.subscribe('dan') || pg_temp.charge('dan') || pg_temp.told('dan') || pg_temp.over('dan') \g /dev/null
create temporary table claimed as select pg_temp.claim('dan') as c;
update coinslot.cycle_charges h set created_at = clock_timestamp() - interval '2 hours';
update public.token_subscriptions s set next_charge_at = clock_timestamp() where s.user_id = pg_temp.id('dan');
select is(pg_temp.claim('dan'), null, 'a charge that nobody answers');
select is(pg_temp.told('dan') || ' ' || (pg_temp.data('dan', 'subscription.past_due') ->> 'status'), 'subscription.past_due past_due',
  '... is unpaid after an hour');
select pg_temp.as_service(format('select coinslot_finish_charge(%L, 0, ''hard'', ''method_gone'')', (select c ->> 'id' from claimed))) \g /dev/null
select is(pg_temp.told('dan'), 'method.broken, subscription.payment_failed', 'a card that its gateway does not know any more');

-- ---- what people do ----

select pg_temp.subscribe('eve') || pg_temp.charge('eve') || pg_temp.told('eve') \g /dev/null
select is(pg_temp.does('eve', 'pause_token_subscription(%L)') || ' ' || pg_temp.told('eve'), 'active subscription.pausing', 'a pause that is asked for');
select pg_temp.over('eve') \g /dev/null
select is(pg_temp.charge('eve') || ' ' || pg_temp.told('eve'), 'nothing due subscription.paused', '... begins with the next period');
select is(pg_temp.does('eve', 'resume_token_subscription(%L)') || ' ' || pg_temp.told('eve'), 'paused ', '... ends when it is paid');
select is(pg_temp.charge('eve') || ' ' || pg_temp.told('eve'), 'credited completed 300 subscription.resumed', '... which is told');
select is(pg_temp.does('eve', 'change_token_plan(%L, ''pro'')') || ' ' || pg_temp.told('eve'), 'active subscription.change_scheduled', 'another plan');
select is(pg_temp.data('eve', 'subscription.change_scheduled') ->> 'next_plan_id', 'pro', '... for the next period');
select pg_temp.does('eve', 'change_token_plan(%L, ''plus'')') \g /dev/null
select is(pg_temp.told('eve') || ' ' || (pg_temp.data('eve', 'subscription.change_scheduled') -> 'next_plan_id'), 'subscription.change_scheduled null', '... or none after all');

select pg_temp.subscribe('fay') || pg_temp.charge('fay') || pg_temp.told('fay') || pg_temp.half('fay') \g /dev/null
select is(pg_temp.does('fay', 'upgrade_token_plan(%L, ''pro'')') || pg_temp.charge('fay', 'soft', true) || ' ' || pg_temp.told('fay'), 'activetrue subscription.upgrade_failed', 'an upgrade that is declined');
select is(pg_temp.does('fay', 'upgrade_token_plan(%L, ''pro'')') || pg_temp.told('fay'), 'active', 'another is nothing yet');
select pg_temp.charge('fay') \g /dev/null
select is(pg_temp.told('fay') || ' ' || (pg_temp.data('fay', 'subscription.changed') ->> 'plan_id'), 'subscription.changed pro', '... before it is paid');
select pg_temp.read(p.order_id, 'A:paid paid=' || p.paid || ' refunded=' || p.paid) from public.token_payments p
where p.user_id = pg_temp.id('fay') and p.paid between 1 and 9000 \g /dev/null
select is(pg_temp.told('fay') || ' ' || (pg_temp.data('fay', 'subscription.changed') ->> 'plan_id'), 'subscription.changed plus', '... and back with its money');

select pg_temp.subscribe('gus') || pg_temp.charge('gus') || pg_temp.told('gus') \g /dev/null
select pg_temp.read(p.order_id, 'A:paid paid=9900 disputed=9900') from public.token_payments p where p.user_id = pg_temp.id('gus') \g /dev/null
select is(pg_temp.told('gus') || ' ' || (pg_temp.data('gus', 'subscription.canceled') ->> 'reason'), 'subscription.canceled disputed', 'one who disputes is charged no more');
select is(pg_temp.shop(pg_temp.id('gus'), format('select remove_token_method(%L)::text as t', pg_temp.card('gus'))) || pg_temp.told('gus'), 'method.removed', 'a card that is removed');
select pg_temp.as_user(pg_temp.id('gus'), 'select begin_token_method(''portone'')') \g /dev/null
delete from auth.users u where u.id = pg_temp.id('gus');
select is(pg_temp.told('gus') || ' ' || (pg_temp.data('gus', 'subscription.ended') ->> 'reason'), 'subscription.ended user_deleted', 'who is gone has none; a card that was never stored is not told of');

-- ---- ahead of a charge ----

select pg_temp.subscribe('hal') || pg_temp.charge('hal') || pg_temp.told('hal') \g /dev/null
select pg_temp.subscribe('ida', 'yearly') || pg_temp.charge('ida') || pg_temp.told('ida') \g /dev/null
select pg_temp.subscribe('jon') || pg_temp.charge('jon') || pg_temp.does('jon', 'cancel_token_subscription(%L)') || pg_temp.told('jon') \g /dev/null
update public.token_subscriptions s set next_charge_at = clock_timestamp() + interval '5 days'
where s.user_id in (pg_temp.id('hal'), pg_temp.id('ida'), pg_temp.id('jon'));
select is(pg_temp.renewals() || ' ' || pg_temp.told('hal') || pg_temp.told('ida'), '1 subscription.renewal_due', 'a year is told of a week ahead, and a month is not');
select is(array[pg_temp.shown_ahead('ida'), pg_temp.shown_ahead('hal')], '{"7 days","3 days"}', '... and shown as long before');
select is(pg_temp.data('ida', 'subscription.renewal_due') ->> 'amount', '249000', '... with its price');
select pg_temp.does('hal', 'change_token_plan(%L, ''pro'')') || pg_temp.told('hal') \g /dev/null
update public.token_subscriptions s set next_charge_at = clock_timestamp() + interval '2 days'
where s.user_id in (pg_temp.id('hal'), pg_temp.id('jon'));
update coinslot.event_walks w set at = clock_timestamp(), after_id = '' where w.name = 'renewals';
select is(pg_temp.renewals() || ' ' || pg_temp.told('hal') || pg_temp.told('jon'), '1 subscription.renewal_due', 'a month three days ahead, but not what ends');
select is((select concat_ws(' ', d ->> 'plan_id', d ->> 'amount', d ->> 'tokens', (d ->> 'charge_at')::timestamptz = s.next_charge_at)
  from pg_temp.data('hal', 'subscription.renewal_due') d, pg_temp.sub('hal') s), 'pro 24900 1000 t', '... as the next period will be');
select is(pg_temp.renewals(), '0', '... once');
update public.token_subscriptions s set next_charge_at = clock_timestamp() + interval '70 hours' where s.user_id = pg_temp.id('hal');
update coinslot.event_walks w set at = clock_timestamp(), after_id = '' where w.name = 'renewals';
select pg_temp.change('update coinslot.settings set renewal_ahead = null') \g /dev/null
select is(pg_temp.renewals(), '0', 'never, where the shop wants none');
select is(pg_temp.shown_ahead('hal'), null, '... nor shown');
select pg_temp.change('update coinslot.settings set renewal_ahead = ''71 hours''') \g /dev/null
select is(pg_temp.renewals(), '1', '... until it does');
select is(pg_temp.shown_ahead('hal'), '71 hours', '... and then shown as long before');
select throws_ok('update coinslot.settings set renewal_ahead = ''28 days''', '23514', null, 'a period is longer than the notice');

-- ---- top-ups ----

create function pg_temp.set_up(name text) returns text
language sql as $$
  select coalesce(a #>> '{t,status}', pg_temp.refusal(a)) from pg_temp.as_user(pg_temp.id(set_up.name), format(
    'select set_token_top_up(''starter'', ''portone'', ''KRW'', %L, 5, 15000) as t', pg_temp.card(set_up.name)
  )) a
$$;
create function pg_temp.tops_up(outcome text) returns text
language sql as $$
  select pg_temp.as_service(format('select coinslot_finish_top_up(%L, 0, %L, ''why'') as t', c -> 'c' ->> 'id', outcome)) ->> 't'
  from pg_temp.as_service('select c from unnest(coinslot_claim_top_ups(array[''portone''])) c') c
$$;
select is(pg_temp.set_up('kim') || pg_temp.tops_up('soft') || ' ' || pg_temp.told('kim'), 'ontrue top_up.failed', 'a pack that is declined');
select is(pg_temp.data('kim', 'top_up.failed') - 'method_id' - 'retry_at', '{"product_id": "starter", "gateway": "portone", "amount": 5000,
  "currency": "KRW", "tokens": 10, "status": "on", "attempt": 1}', '... with ids and figures');
update coinslot.top_ups t set next_look_at = clock_timestamp();
select is(pg_temp.tops_up('hard') || ' ' || pg_temp.told('kim'), 'true top_up.failed, top_up.suspended', 'a card that is lost suspends it');
select is((select jsonb_build_array(f -> 'retry_at', s -> 'reason') from pg_temp.data('kim', 'top_up.failed') f, pg_temp.data('kim', 'top_up.suspended') s),
  '[null, "declined"]', '... and says why');
select pg_temp.set_up('leo') \g /dev/null
update public.token_prices r set amount = amount + 1 where r.product_id = 'starter' and r.currency = 'KRW';
select pg_temp.as_service('select coinslot_claim_top_ups(array[''portone''])') \g /dev/null
select is(pg_temp.told('leo') || ' ' || (pg_temp.data('leo', 'top_up.suspended') ->> 'reason'), 'top_up.suspended price_changed', 'so does a new price');

-- ---- all of them ----

create function pg_temp.undone() returns text
language plpgsql as $$
begin
  perform pg_temp.subscribe('max') || pg_temp.charge('max');
  raise exception 'no' using detail = pg_temp.told('max');
exception when raise_exception then
  return pg_temp.told('max') || (select count(*) from coinslot.outbox o where o.user_id = pg_temp.id('max'));
end
$$;
select is(pg_temp.undone(), '0', 'what is rolled back is not told');
select is((select pg_temp.as_user(pg_temp.id('nia'), 'select cancel_token_subscription(gen_random_uuid())') ->> 'error') || pg_temp.told('nia'),
  'subscription_not_found', 'nor is what was refused');
select is((select count(*) from (
    select o.user_id, count(*) as n, max(o.seq) as last, w.events from coinslot.outbox o
    inner join public.token_wallets w on w.user_id = o.user_id group by o.user_id, w.events
  ) e where e.n <> e.last or e.last <> e.events), 0::bigint, 'numbers of each wallet have no gap');
select is((select string_agg(t.type, ', ' order by t.type) from coinslot.event_types t
    where t.type ~ '^(subscription|method|top_up)\.' and t.type !~ 'trial|price' and not exists (select from coinslot.outbox o where o.type = t.type)),
  null, 'there is no type that nothing tells');
select is((select count(*) from coinslot.outbox o where o.data ?| array['sealed', 'customer', 'last_four', 'brand', 'name', 'email']), 0::bigint,
  'no event has a name, an address or a card');

select * from finish();
rollback;
