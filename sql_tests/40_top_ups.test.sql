-- Top-up: when a pack is bought by itself, and all that keeps it from running away.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

select plan(84);
select pg_temp.change('update coinslot.settings set signup_bonus = 0') \g /dev/null
select pg_temp.as_service('select coinslot_set_unattended(''portone'', ''periodic'')') \g /dev/null
create temporary table people (name, id) as
select n, pg_temp.sign_up(n || '@example.com') from unnest(array['ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gil', 'hue', 'ivy', 'joy', 'kay', 'lia', 'mel', 'ned', 'ora', 'pia', 'quy']) n;
create function pg_temp.id(name text) returns uuid
language sql as $$ select p.id from people p where p.name = id.name $$;
create function pg_temp.method(name text, key text) returns uuid
language plpgsql as $$
declare
  v_id uuid := pg_temp.as_user(pg_temp.id(method.name), 'select begin_token_method(''portone'') as t') #>> '{t,id}';
begin
  perform pg_temp.as_service(format('select coinslot_finish_method(%L, ''sealed'', %L)', v_id, method.key));
  return v_id;
end
$$;
create temporary table methods as select n as name, pg_temp.method(n, n || ' key') as id from unnest(array['ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gil', 'hue', 'ivy', 'joy', 'kay', 'lia', 'mel', 'ned', 'ora', 'pia', 'quy']) n;
create function pg_temp.card(name text) returns uuid
language sql as $$ select m.id from methods m where m.name = card.name $$;
create function pg_temp.set_up(name text, threshold bigint default 5, cap bigint default 15000, card text default null, product text default 'starter') returns text
language sql as $$
  select coalesce(a #>> '{t,status}', pg_temp.refusal(a)) from pg_temp.as_user(pg_temp.id(set_up.name), format(
    'select set_token_top_up(%L, ''portone'', ''KRW'', %L, %s, %s) as t', product, pg_temp.card(coalesce(card, set_up.name)), threshold, cap
  )) a
$$;
create function pg_temp.shown(name text) returns text
language sql as $$
  select concat_ws(' ', a #>> '{t,status}', a #>> '{t,reason}', a #>> '{t,spent}', a #>> '{t,times}') || ' | ' || (
    select w.tokens from public.token_wallets w where w.user_id = pg_temp.id(shown.name)
  ) || coalesce((select ' UNSOUND ' || jsonb_agg(v)::text from coinslot.verify_ledger(null, null) v), '')
  from pg_temp.as_user(pg_temp.id(shown.name), 'select get_token_top_up() as t') a
$$;
create function pg_temp.barred(name text) returns text
language sql as $$
  select concat_ws(' ', a #>> '{t,status}', coalesce(a #>> '{t,barred}', 'free'), case a #>> '{t,unanswered}' when 'true' then 'unanswered' end)
  from pg_temp.as_user(pg_temp.id(barred.name), 'select get_token_top_up() as t') a
$$;
create function pg_temp.claim() returns jsonb
language sql as $$
  select nullif(pg_temp.as_service('select c from unnest(coinslot_claim_top_ups(array[''portone''])) c') -> 'c', 'null')
$$;
create function pg_temp.charge(outcome text default 'paid') returns text
language plpgsql as $$
declare
  v_claim jsonb := pg_temp.claim();
begin
  if v_claim is null then
    return 'nothing due';
  elsif charge.outcome = 'paid' then
    return pg_temp.read(v_claim #>> '{payment,order_id}', 'A:paid paid=' || (v_claim #>> '{payment,amount}'));
  end if;
  v_claim := pg_temp.as_service(format('select coinslot_finish_top_up(%L, %s, %L, ''why'') as t',
    v_claim ->> 'id', v_claim ->> 'lease', charge.outcome));
  return coalesce(v_claim ->> 't', pg_temp.refusal(v_claim));
end
$$;
create function pg_temp.later(hours numeric) returns void
language sql as $$
  update coinslot.top_ups t set next_look_at = t.next_look_at - hours * interval '1 hour';
  update coinslot.top_up_charges h set leased_until = h.leased_until - hours * interval '1 hour'
$$;
create function pg_temp.spend(name text, tokens bigint) returns void
language sql as $$
  select pg_temp.as_user(pg_temp.id(spend.name), format('select * from spend_tokens(%s, %L)', tokens, gen_random_uuid()))
$$;

select matches(pg_temp.set_up('ann'), 'PT409 not_unattended', 'where a contract is for periods alone there is none');
select pg_temp.as_service('select coinslot_set_unattended(''portone'', ''at_will'')') \g /dev/null
select is(pg_temp.charge(), 'nothing due', 'nobody has one unasked');
select matches(pg_temp.set_up('ann', 10), 'PT400', 'a pack is more than the threshold');
select matches(pg_temp.set_up('ann', 5, 4999), 'PT400', 'a cap has room for one');
select matches(pg_temp.set_up('ann', card => 'ben'), 'PT404', 'nobody''s but one''s own card');
select matches(pg_temp.set_up('ann', product => 'none'), 'PT404', 'what is on sale');
select is(pg_temp.set_up('ann'), 'on', 'somebody switches it on');
select is(pg_temp.charge(), 'credited completed 10', 'with nothing left a pack is bought');
select is(pg_temp.shown('ann'), 'on 5000 1 | 10', '... which is shown');
select pg_temp.spend('ann', 6) \g /dev/null
select is(pg_temp.charge(), 'nothing due', 'within an hour there is no other');
select pg_temp.later(2) \g /dev/null
select is(pg_temp.charge(), 'credited completed 14', '... and then there is');
select pg_temp.later(2) \g /dev/null
select is(pg_temp.charge(), 'nothing due', '... but with enough left');
select pg_temp.spend('ann', 13) \g /dev/null
select pg_temp.later(2) \g /dev/null
select is(pg_temp.charge(), 'credited completed 11', 'the third');
select pg_temp.spend('ann', 10) \g /dev/null
select pg_temp.later(2) \g /dev/null
select is(pg_temp.charge() || ' ' || pg_temp.shown('ann'), 'nothing due on 15000 3 | 1', '... is the last within its cap');
select is(pg_temp.as_user(pg_temp.id('ann'), 'select stop_token_top_up() as t') #>> '{t,status}', 'off', 'it is switched off');

select is(pg_temp.set_up('pia') || ' ' || pg_temp.charge(), 'on credited completed 10', 'one who wants the money back');
select pg_temp.later(2) \g /dev/null
select p.order_id as unwanted from public.token_payments p where p.user_id = pg_temp.id('pia') \gset
select is(pg_temp.as_service(format('select (request_token_refund_for(%L, ''why'', ''r'')).status as s', :'unwanted')) ->> 's', 'requested', 'while the gateway is asked');
select is(pg_temp.charge() || ' ' || pg_temp.shown('pia'), 'nothing due on 5000 1 | 10', '... what is set aside for it is no reason to charge again');
select is(pg_temp.read(:'unwanted', 'A:paid paid=5000 refunded=5000'), 'reversed refunded 0', '... until it is back');
select pg_temp.later(2) \g /dev/null
select is(pg_temp.charge() || ' ' || pg_temp.shown('pia'), 'nothing due suspended money_back 5000 1 | 0', '... which suspends it');

select is(pg_temp.set_up('quy') || ' ' || pg_temp.charge(), 'on credited completed 10', 'one who wants a part of it back');
select pg_temp.later(2) \g /dev/null
select p.order_id as unwanted from public.token_payments p where p.user_id = pg_temp.id('quy') \gset
select is(pg_temp.as_service(format('select (request_token_refund_for(%L, ''why'', ''r'', 2000)).status as s', :'unwanted')) ->> 's', 'requested', '... of four tokens');
select is(pg_temp.as_service(format('select (spend_tokens_for(%L, 6, ''s'')).balance as b', pg_temp.id('quy'))) ->> 'b', '4', '... and spends the others');
select is(pg_temp.charge() || ' ' || pg_temp.shown('quy'), 'credited completed 14 on 10000 2 | 14', '... is charged for a pack');

select is(pg_temp.set_up('ben'), 'on', 'one whose card is declined');
create temporary table claimed as select pg_temp.claim() as c;
select is(pg_temp.claim(), null, 'is charged once at a time');
select pg_temp.later(0.1) \g /dev/null
update claimed set c = pg_temp.claim();
select is((select c ->> 'again' from claimed), 'true', '... and what nobody answered is looked up');
select is((select pg_temp.as_service(format('select coinslot_finish_top_up(%L, 0, ''soft'') as t', c ->> 'id')) ->> 't' from claimed), 'false', '... by one');
select is((select pg_temp.as_service(format('select coinslot_finish_top_up(%L, 1, ''soft'') as t', c ->> 'id')) ->> 't' from claimed), 'true', '... who says that it was declined');
select is(pg_temp.charge(), 'nothing due', 'it waits');
select pg_temp.later(2) \g /dev/null
select is(pg_temp.charge('soft') || pg_temp.charge(), 'truenothing due', '... an hour');
select pg_temp.later(3) \g /dev/null
select is(pg_temp.charge(), 'nothing due', '... and then six');
select pg_temp.later(4) \g /dev/null
select is(pg_temp.charge('soft') || ' ' || pg_temp.shown('ben'), 'true suspended declined 0 0 | 0', 'the third suspends it');
select pg_temp.later(100) \g /dev/null
select is(pg_temp.charge(), 'nothing due', '... for good');
select matches(pg_temp.set_up('ben'), 'PT404 method_not_found', '... with this card');
insert into methods select 'ben 2', pg_temp.method('ben', 'ben second');
select is(pg_temp.set_up('ben', card => 'ben 2') || ' ' || pg_temp.charge('hard') || ' ' || pg_temp.shown('ben'), 'on true suspended declined 0 0 | 0', 'a lost card does at once');
select pg_temp.later(100) \g /dev/null
insert into methods select 'ben 3', pg_temp.method('ben', 'ben third');
select is(pg_temp.set_up('ben', card => 'ben 3') || ' ' || pg_temp.charge('authentication') || ' ' || pg_temp.shown('ben'), 'on true suspended authentication 0 0 | 0',
  '... and so does one whose bank wants its owner');
select matches(pg_temp.set_up('ben', card => 'ben 3'), 'PT404 method_not_found.*authentication', '... which is not taken again either');
select is((select string_agg(distinct p.status, ' ') from public.token_payments p where p.user_id = pg_temp.id('ben')), 'voided', 'declined orders cannot be paid');
select is((select pg_temp.read(p.order_id, 'L:paid paid=5000') from public.token_payments p where p.user_id = pg_temp.id('ben') order by p.created_at limit 1),
  'review review 0', '... or their money goes back');

select is(pg_temp.set_up('cat') || pg_temp.charge(), 'oncredited completed 10', 'one who wants it back');
select is((select pg_temp.read(p.order_id, 'A:paid paid=5000 refunded=5000') from public.token_payments p where p.user_id = pg_temp.id('cat')), 'reversed refunded 0', 'gets it');
select pg_temp.later(2) \g /dev/null
select is(pg_temp.charge() || ' ' || pg_temp.shown('cat'), 'nothing due suspended money_back 5000 1 | 0', '... and is charged no more');
select is(pg_temp.set_up('dan'), 'on', 'one whose pack is dearer, as was planned');
insert into coinslot.planned_prices (product_id, currency, starts_at, amount) values ('starter', 'KRW', now(), 5001);
select is(pg_temp.charge() || ' ' || pg_temp.shown('dan'), 'nothing due suspended price_changed 0 0 | 0', '... agrees first');
select is(pg_temp.set_up('eve') || ' ' || (select pg_temp.change('update coinslot.settings set auto_top_up = false'))::text || pg_temp.charge(), 'on nothing due', 'the shop ends all at once');
select pg_temp.change('update coinslot.settings set auto_top_up = true') \g /dev/null
delete from auth.users u where u.id = pg_temp.id('eve');
select is(pg_temp.charge() || (select t.status from coinslot.top_ups t where t.user_id = pg_temp.id('eve')), 'nothing dueoff', 'who is gone is not charged');
update public.token_prices r set amount = amount - 1 where r.product_id = 'starter' and r.currency = 'KRW';
select is(pg_temp.set_up('fay') || (pg_temp.claim() ->> 'over'), 'onfalse', 'one who switches it off while nobody knows what a charge came to');
select pg_temp.as_user(pg_temp.id('fay'), 'select stop_token_top_up()') \g /dev/null
select pg_temp.later(0.1) \g /dev/null
select is((select concat(c ->> 'again', ' ', c ->> 'over') from pg_temp.claim() c), 'true true', '... is looked up, and not charged again');

select pg_temp.later(2) \g /dev/null
select is(pg_temp.charge(), 'credited completed 10', '... and credited, where it was made');
select matches(pg_temp.set_up('cat'), 'PT409 top_up_barred.*money_back', 'whose money went back does not switch it on');
select is(pg_temp.shown('cat'), 'suspended money_back 5000 1 | 0', '... which changes nothing');
select is(pg_temp.barred('cat'), 'suspended money_back', '... and is told why');
update coinslot.top_up_orders o set created_at = o.created_at - interval '30 days' where o.user_id = pg_temp.id('cat');
select is(pg_temp.charge() || ' ' || pg_temp.barred('cat'), 'nothing due suspended price_changed', '... for thirty days, and then nothing goes on by itself');
select is(pg_temp.set_up('cat') || pg_temp.charge() || ' ' || pg_temp.barred('cat'), 'oncredited completed 10 on free', '... but by its owner');

select is(pg_temp.set_up('gil'), 'on', 'where the contract allows it no more');
select pg_temp.as_service('select coinslot_set_unattended(''portone'', ''periodic'')') \g /dev/null
select is(pg_temp.charge() || ' ' || pg_temp.barred('gil'), 'nothing due suspended not_allowed', '... nothing is charged');
select pg_temp.as_service('select coinslot_set_unattended(''portone'', ''at_will'')') \g /dev/null
select is(pg_temp.charge() || ' ' || pg_temp.barred('gil'), 'nothing due suspended free', '... nor when it does again');
select is(pg_temp.set_up('gil') || pg_temp.charge(), 'oncredited completed 10', '... before its owner says so');

select is(pg_temp.set_up('hue'), 'on', 'one whose money is not what was ordered');
delete from claimed;
insert into claimed select pg_temp.claim();
select pg_temp.later(0.1) \g /dev/null
update claimed set c = pg_temp.claim();
select is(pg_temp.barred('hue'), 'on free unanswered', '... is told that nobody knows yet');
select matches(pg_temp.read(c #>> '{payment,order_id}', 'A:paid paid=4000'), '^review review', '... then a person decides') from claimed;
select pg_temp.as_service(format('select coinslot_finish_top_up(%L, 1, ''review'')', c ->> 'id')) from claimed \g /dev/null
select is(pg_temp.barred('hue'), 'suspended money_in_review', '... of which they are told');
select matches(pg_temp.set_up('hue'), 'PT409 top_up_barred.*money_in_review', '... and so long it is not switched on');
select pg_temp.read(c #>> '{payment,order_id}', 'A:paid paid=4000 refunded=4000') from claimed \g /dev/null
update coinslot.top_up_orders o set created_at = o.created_at - interval '30 days' where o.user_id = pg_temp.id('hue');
select is(pg_temp.barred('hue'), 'suspended free', '... until it is decided');
select pg_temp.later(30) \g /dev/null
select is(pg_temp.set_up('hue') || pg_temp.charge() || ' ' || pg_temp.barred('hue'), 'oncredited completed 10 on free', '... and then packs are bought again');

select is(pg_temp.set_up('ivy') || pg_temp.charge(), 'oncredited completed 10', 'one who had another currency');
update public.token_payments p set currency = 'USD' where p.user_id = pg_temp.id('ivy');
select pg_temp.spend('ivy', 9) \g /dev/null
select pg_temp.later(2) \g /dev/null
select is(pg_temp.set_up('ivy', cap => 5001) || ' ' || pg_temp.shown('ivy'), 'on on 0 1 | 1', '... has spent nothing of this one');
select is(pg_temp.charge(), 'credited completed 11', '... and has a pack for it');
update public.token_payments p set currency = 'KRW' where p.user_id = pg_temp.id('ivy');
select matches(pg_temp.refusal(pg_temp.as_user(pg_temp.id('ivy'), format('select set_token_top_up(''starter'', ''portone'', ''KRW'', %L, 5, 15000, 5, ''{"amount": 4999}'')', pg_temp.card('ivy')))),
  'PT409 changed_meanwhile', 'nobody agrees to a pack at another price than was shown');

-- What somebody has is what they see: tokens of a hold that has expired, and of a refill that is due.
select pg_temp.as_service(format('select add_tokens(%L, 100, ''k'')', pg_temp.id('kay'))) \g /dev/null
select pg_temp.as_service(format('select hold_tokens_for(%L, 98, ''h'')', pg_temp.id('kay'))) \g /dev/null
select is(pg_temp.set_up('kay'), 'on', 'one whose tokens a hold has set aside');
update coinslot.token_holds h set expires_at = clock_timestamp() where h.user_id = pg_temp.id('kay');
select is(pg_temp.charge(), 'nothing due', '... is not charged once it has expired, swept or not');
select pg_temp.as_service('select coinslot_set_refill(''daily'', 50, ''day'', ''Asia/Seoul'')') \g /dev/null
select pg_temp.as_service('select coinslot_run_maintenance()') \g /dev/null
select is(pg_temp.set_up('lia') || pg_temp.charge(), 'onnothing due', 'whose refill is due is not charged');
select pg_temp.as_service('select coinslot_set_refill(''daily'', active => false)') \g /dev/null
select pg_temp.as_user(pg_temp.id('lia'), 'select stop_token_top_up()') \g /dev/null

-- Of a charge that got no answer nothing is made again that would not be begun now.
create function pg_temp.again(during text) returns text
language plpgsql as $$
declare
  v_claim jsonb := pg_temp.claim();
begin
  if v_claim is null then
    return 'nothing due';
  end if;
  execute during;
  perform pg_temp.later(0.1);
  v_claim := pg_temp.claim();
  perform pg_temp.as_service(format('select coinslot_finish_top_up(%L, %s, ''ours'', ''order_over'')', v_claim ->> 'id', v_claim ->> 'lease'));
  return concat_ws(' ', v_claim ->> 'again', v_claim ->> 'over');
end
$$;
select is(pg_temp.set_up('mel') || ' ' || pg_temp.again('select 1'), 'on true false', 'a charge that got no answer may be made again');
select pg_temp.later(2) \g /dev/null
insert into methods select 'mel 2', pg_temp.method('mel', 'mel second');
select is(pg_temp.again('select pg_temp.set_up(''mel'', card => ''mel 2'')'), 'true true', '... not by a card that was replaced meanwhile');
select is(pg_temp.shown('mel') || ' ' || (select t.failures || ' ' || round(extract(epoch from t.next_look_at - clock_timestamp()) / 3600) from coinslot.top_ups t where t.user_id = pg_temp.id('mel')),
  'on 0 0 | 0 0 1', '... which is no decline: the next look is in an hour');
select pg_temp.later(2) \g /dev/null
select is(pg_temp.again('select pg_temp.set_up(''mel'', 9, 60000, ''mel 2'', ''standard'')'), 'true true', '... nor for a pack that is wanted no more');
select pg_temp.later(2) \g /dev/null
select is(pg_temp.again($$select pg_temp.as_service(format('select add_tokens(%L, 9, ''by hand'')', pg_temp.id('mel')))$$), 'true true', '... nor once there are tokens enough');
select is(pg_temp.set_up('ned') || ' ' || pg_temp.again('select pg_temp.change(''update coinslot.settings set auto_top_up = false'')'), 'on true true', '... nor when the shop has ended all');
select pg_temp.change('update coinslot.settings set auto_top_up = true') \g /dev/null
select pg_temp.later(2) \g /dev/null
select is(pg_temp.again(format('update auth.users set banned_until = ''infinity'' where id = %L', pg_temp.id('ned'))), 'true true', '... nor of who was banned');
select is(pg_temp.set_up('ora') || ' ' || pg_temp.again(format('update public.token_payments set expires_at = clock_timestamp() where user_id = %L', pg_temp.id('ora'))), 'on true true', '... nor for an order whose time is over');
select is((select count(*) from public.token_payments p where p.user_id in (pg_temp.id('mel'), pg_temp.id('ned'), pg_temp.id('ora')) and p.status <> 'voided'), 0::bigint, '... and none of these orders can be paid');
select pg_temp.later(2) \g /dev/null
select is(pg_temp.charge(), 'credited completed 10', 'while who has too few is charged as ever');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books are sound');

select * from finish();
rollback;
