-- Referrals: who may invite whom, when both are rewarded, and what goes back with the money.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

select plan(67);
select pg_temp.change('update coinslot.settings set signup_bonus = 0') \g /dev/null

create temporary table people (name, id) as
select n, pg_temp.sign_up(n || '@example.com') from unnest(array[
  'ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida', 'jon', 'kim', 'leo', 'max', 'ned'
]) n;
create function pg_temp.id(name text) returns uuid
language sql as $$ select p.id from people p where p.name = id.name $$;
create function pg_temp.code(name text) returns text
language sql as $$
  select pg_temp.as_user(pg_temp.id(code.name), 'select get_token_invitation() as t') #>> '{t,code}'
$$;
create function pg_temp.accept(name text, of_whom text) returns text
language sql as $$
  select coalesce(a ->> 't', a ->> 'error') from pg_temp.as_user(pg_temp.id(accept.name), format(
    'select accept_token_invitation(%L) as t', lower(pg_temp.code(of_whom)) || ' '
  )) a
$$;
create function pg_temp.buy(name text) returns text
language plpgsql as $$
declare
  v_order jsonb := pg_temp.as_user(pg_temp.id(buy.name), 'select * from create_token_order(''starter'', ''portone'')');
begin
  return pg_temp.read(v_order ->> 'order_id', 'A:paid paid=5000');
end
$$;
-- The gateway shows this of somebody's latest order.
create function pg_temp.shows(name text, facts text) returns text
language sql as $$
  select pg_temp.read(p.order_id, 'A:paid paid=5000 ' || facts) from public.token_payments p
  where p.user_id = pg_temp.id(shows.name) order by p.created_at desc limit 1
$$;
-- The wait of all that are qualified is over, and the maintenance comes by.
create function pg_temp.later() returns text
language plpgsql as $$
begin
  update coinslot.referrals r set due_at = clock_timestamp() where r.status = 'qualified';
  return pg_temp.as_service('select coinslot_run_maintenance() as n') #>> '{n,referrals_settled}';
end
$$;
create function pg_temp.referral(name text) returns text
language sql as $$
  select concat_ws(' ', r.status, r.reason, case when r.take_back then 'take back' end)
  from coinslot.referrals r where r.referred = pg_temp.id(referral.name)
$$;
create function pg_temp.tokens(name text) returns text
language sql as $$
  select pg_temp.as_user(pg_temp.id(tokens.name), 'select get_user_tokens() as n') ->> 'n'
$$;
create function pg_temp.spend(name text, tokens bigint) returns text
language sql as $$
  select coalesce(a ->> 'balance', pg_temp.refusal(a)) from pg_temp.as_user(pg_temp.id(spend.name), format(
    'select * from spend_tokens(%s, %L)', tokens, gen_random_uuid()
  )) a
$$;

-- ---- inviting ----

select is(pg_temp.accept('ben', 'ann'), 'off', 'without a reward nobody is invited');
select pg_temp.change('update coinslot.settings set referral_reward = 20, referral_bonus = 7, max_referrals = 3') \g /dev/null
select is((pg_temp.as_user(pg_temp.id('ann'), 'select get_token_invitation() as t') -> 't') - 'code',
  '{"most": 3, "bonus": 7, "reward": 20, "invited": {}, "accepted": null}', 'a person has a code');
select is(pg_temp.code('ann'), pg_temp.code('ann'), '... which stays');
select isnt(pg_temp.code('ann'), pg_temp.code('ben'), '... and is nobody else''s');
select is(pg_temp.accept('ann', 'ann'), 'own', 'nobody invites themselves');
select is(pg_temp.as_user(pg_temp.id('ben'), 'select accept_token_invitation(''NOBODYS'') as t') ->> 't', 'not_found',
  'a code of nobody');
insert into people values ('ann again', pg_temp.sign_up('a.n.n+2@example.com', false)),
  ('nobody', pg_temp.sign_up('nobody@example.com', false));
select is(pg_temp.accept('nobody', 'ann'), 'identity_required', 'who has confirmed nothing');
update auth.users u set email = 'ann+more@example.com', email_confirmed_at = now()
where u.id = pg_temp.id('ann again');
select is(pg_temp.accept('ann again', 'ann'), 'own', '... nor another account with their identity');
select is(pg_temp.accept('ben', 'ann'), 'accepted', 'in another case, with spaces');
select is(pg_temp.accept('ben', 'cat'), 'already', 'who was invited is not again');
select is(pg_temp.accept('ann', 'ben'), 'circle', '... nor invites who invited them');
select is(pg_temp.buy('dan'), 'credited completed 10', 'somebody buys');
select is(pg_temp.accept('dan', 'ann'), 'has_bought', '... and is not invited any more');
insert into people values ('ben again', pg_temp.sign_up('ben+2@example.com'));
select is(pg_temp.accept('ben again', 'cat'), 'already', 'an identity is invited once');

-- ---- rewards ----

select is(pg_temp.later(), '0', 'before money there is no reward');
select is(pg_temp.referral('ben'), 'pending', '... to be waited for');
select is(pg_temp.buy('ben'), 'credited completed 10', 'the first money of who was invited');
select is(pg_temp.referral('ben'), 'qualified', '... qualifies them');
select is((select round(extract(epoch from r.due_at - clock_timestamp()) / 86400) from coinslot.referrals r
  where r.referred = pg_temp.id('ben')), 14::numeric, '... for a reward in two weeks');
select is(pg_temp.as_service('select coinslot_run_maintenance() as n') #>> '{n,referrals_settled}', '0', '... and no sooner');
select is(pg_temp.later(), '1', 'then both are rewarded');
select is(pg_temp.tokens('ann') || ' ' || pg_temp.tokens('ben'), '20 17', '... with their tokens');
select is(pg_temp.later(), '0', '... once');
select is((pg_temp.as_user(pg_temp.id('ann'), 'select get_token_invitation() as t') -> 't' -> 'invited')::text,
  '{"rewarded": 1}', '... and see it');
select is((pg_temp.as_user(pg_temp.id('ben'), 'select get_token_invitation() as t') -> 't' ->> 'accepted'), 'rewarded',
  '... each of them');
select is(pg_temp.history(pg_temp.id('ben')), 'purchase 10, referral 7', 'it is in the history');

-- ---- money that goes back ----

select is(pg_temp.spend('ann', 15), '5', 'a part of a reward is spent');
select pg_temp.as_service(format('select add_tokens(%L, 50, ''k'')', pg_temp.id('ann'))) \g /dev/null
select is(pg_temp.shows('ben', 'refunded=2500'), 'reversed partially_refunded 12', 'half of the money goes back');
select is(pg_temp.referral('ben'), 'rewarded', '... which changes nothing');
select is(pg_temp.shows('ben', 'refunded=2500 withdrawn=1000'), 'reversed partially_refunded 10', 'more than half of it');
select is(pg_temp.referral('ben'), 'rewarded money_back take back', '... takes the rewards back');
select is(pg_temp.later(), '1', '... with the maintenance');
select is(pg_temp.tokens('ann') || ' ' || pg_temp.tokens('ben') || ' ' || pg_temp.referral('ben'),
  '50 3 reversed money_back', '... what is left of them and no more');
select is(pg_temp.history(pg_temp.id('ann')), 'referral 20, spend -15, grant 50, referral_reversal -5', '... and is in the history');
select is(pg_temp.shows('ben', 'refunded=2500 withdrawn=0'), 'restored partially_refunded 5', 'money that returns');
select is(pg_temp.later() || ' ' || pg_temp.referral('ben'), '0 reversed money_back', '... brings no reward back');

select is(pg_temp.accept('cat', 'ann') || ' ' || pg_temp.buy('cat'), 'accepted credited completed 10', 'another one');
select is(pg_temp.shows('cat', 'disputed=5000') || ' ' || pg_temp.later(), 'moved disputed 10 0', 'in dispute nothing is decided');
select is(pg_temp.shows('cat', 'withdrawn=5000') || ' ' || pg_temp.referral('cat'), 'reversed charged_back 0 reversed money_back',
  'a chargeback before the reward');

insert into people select n, pg_temp.sign_up(n || '@example.com') from unnest(array['pia', 'quy', 'rob', 'sam']) n;
create function pg_temp.undone(name text) returns text
language sql as $$
  select pg_temp.read(p.order_id, 'A:awaiting_deposit') from public.token_payments p where p.user_id = pg_temp.id(undone.name)
$$;
select is(pg_temp.accept('quy', 'pia') || ' ' || pg_temp.buy('quy') || ' ' || pg_temp.later(),
  'accepted credited completed 10 1', 'a deposit, and the reward for it');
select is(pg_temp.tokens('pia') || ' ' || pg_temp.tokens('quy'), '20 17', '... of both');
select is(pg_temp.undone('quy') || ' ' || pg_temp.referral('quy'), 'reversed awaiting_deposit 7 rewarded money_back take back',
  'a bank that undoes it takes the rewards back');
select is(pg_temp.later() || ' ' || pg_temp.tokens('pia') || ' ' || pg_temp.tokens('quy') || ' ' || pg_temp.referral('quy'),
  '1 0 0 reversed money_back', '... with the maintenance');

create function pg_temp.refund(name text) returns jsonb
language sql as $$
  select pg_temp.invoke('request_token_refund_for', jsonb_build_object(
    'order_id', p.order_id, 'reason', 'why', 'idempotency_key', 'r'
  )) from public.token_payments p where p.user_id = pg_temp.id(refund.name)
$$;
select is(pg_temp.accept('rob', 'pia') || ' ' || pg_temp.buy('rob'), 'accepted credited completed 10', 'another one');
select is(pg_temp.refund('rob') ->> 'status' || ' ' || pg_temp.later() || ' ' || pg_temp.referral('rob'), 'requested 0 qualified',
  'while the money is asked back nothing is decided');
select is(pg_temp.shows('rob', 'refunded=5000') || ' ' || pg_temp.referral('rob'), 'reversed refunded 0 reversed money_back',
  '... until it is back');
select is(pg_temp.accept('sam', 'pia') || ' ' || pg_temp.buy('sam') || ' ' || pg_temp.shows('sam', 'refunding=5000') || ' ' || pg_temp.later(),
  'accepted credited completed 10 unchanged completed 10 0', '... nor while the gateway is at it, whoever asked');
select is(pg_temp.shows('sam', 'refunded=0') || ' ' || pg_temp.later() || ' ' || pg_temp.referral('sam'), 'unchanged completed 10 1 rewarded',
  '... and if it stays there is a reward');
select is(pg_temp.tokens('pia') || ' ' || pg_temp.tokens('rob') || ' ' || pg_temp.tokens('sam'), '20 0 17', '... for that alone');

-- ---- who is gone, who is one, who shares a card ----

select is(pg_temp.accept('eve', 'fay') || ' ' || pg_temp.buy('eve'), 'accepted credited completed 10', 'somebody invites');
delete from auth.users u where u.id = pg_temp.id('fay');
select is(pg_temp.later() || ' ' || pg_temp.tokens('eve') || ' ' || pg_temp.referral('eve'), '1 17 rewarded', '... and is deleted: the invited has theirs');
select is(pg_temp.as_user(pg_temp.id('gus'), format('select accept_token_invitation(%L) as t', (
  select c.code from coinslot.referral_codes c where c.user_id = pg_temp.id('fay')
))) ->> 't', 'not_found', '... and invites nobody any more');
select is(pg_temp.accept('hal', 'gus') || ' ' || pg_temp.buy('hal'), 'accepted credited completed 10', 'two who become one');
select pg_temp.as_service(format('select merge_token_wallets(%L, %L, ''m'')', pg_temp.id('hal'), pg_temp.id('gus'))) \g /dev/null
select is(pg_temp.later() || ' ' || pg_temp.tokens('gus') || ' ' || pg_temp.referral('hal'), '1 10 reversed own', '... are not rewarded');
select is(pg_temp.buy('ida') || ', ' || pg_temp.accept('jon', 'ida') || ' ' || pg_temp.buy('jon'),
  'credited completed 10, accepted credited completed 10', 'two with one card');
select pg_temp.as_service(format('select coinslot_note_instrument(%L, ''card 1'')', p.order_id)) from token_payments p
where p.user_id in (pg_temp.id('ida'), pg_temp.id('jon')) \g /dev/null
select is(pg_temp.later() || ' ' || pg_temp.tokens('ida') || ' ' || pg_temp.referral('jon'), '1 10 reversed same_card', '... are one');

insert into people values ('old', pg_temp.sign_up('old@example.com')), ('new', pg_temp.sign_up('new@example.com'));
select is(pg_temp.buy('old') || ', ' || pg_temp.accept('new', 'ann') || ' ' || pg_temp.buy('new'),
  'credited completed 10, accepted credited completed 10', 'somebody who has bought, with another account');
select pg_temp.as_service(format('select merge_token_wallets(%L, %L, ''n'')', pg_temp.id('old'), pg_temp.id('new'))) \g /dev/null
select is(pg_temp.later() || ' ' || pg_temp.tokens('new') || ' ' || pg_temp.referral('new'), '1 20 reversed has_bought', '... was no new one');

-- ---- the cap ----

update coinslot.settings set max_referrals = 1;
select is((select string_agg(pg_temp.accept(n, 'kim') || ' ' || pg_temp.buy(n), ', ') from unnest(array['leo', 'max']) n),
  'accepted credited completed 10, accepted credited completed 10', 'two who were invited by one');
select is(pg_temp.later() || ' ' || pg_temp.tokens('kim'), '2 20', '... who is rewarded as often as the setting says');
select is(pg_temp.tokens('leo') || ' ' || pg_temp.tokens('max'), '17 17', '... and they both are');

-- ---- going live ----

update coinslot.settings set max_referrals = 20;
select is(pg_temp.accept('ned', 'kim') || ' ' || pg_temp.buy('ned'), 'accepted credited completed 10', 'somebody pays with a test card');
select is(pg_temp.as_service('select coinslot_go_live(false) as n') #>> '{n,mode}', 'live', 'the database goes live');
select is(pg_temp.referral('ned') || ', ' || pg_temp.referral('leo'), 'pending, rewarded test_payment take back',
  'test money qualifies nobody');
select pg_temp.later() \g /dev/null
select is(pg_temp.tokens('kim') || ' ' || pg_temp.referral('leo'), '0 reversed test_payment', '... and what it gave is taken back');
select is(coinslot.has_bought(pg_temp.id('leo'), '{}'), false, 'a test was no purchase');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select * from finish();
rollback;
