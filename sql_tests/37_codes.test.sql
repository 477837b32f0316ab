-- Promotion codes: who may use which, how often, and what an order with one must have been paid.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

select plan(95);
select pg_temp.change('update coinslot.settings set signup_bonus = 0') \g /dev/null

create temporary table people (name, id) as
select n, pg_temp.sign_up(n || '@example.com') from unnest(array[
  'ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ida', 'jon', 'kim', 'leo'
]) n;
create function pg_temp.id(name text) returns uuid
language sql as $$ select p.id from people p where p.name = id.name $$;
create function pg_temp.as_person(name text, statement text) returns text
language sql as $$
  select coalesce(
    case when a ? 'error' then pg_temp.refusal(a) end, a ->> 't', a::text
  ) from pg_temp.as_user(pg_temp.id(name), statement) a
$$;
create function pg_temp.promote(id text, terms jsonb) returns jsonb
language sql as $$
  select pg_temp.as_service(format('select * from coinslot_set_promotion(%L, %L)', id, terms))
$$;
create function pg_temp.code(code text, promotion text, max_uses integer default null) returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select * from coinslot_set_code(%L, %L, %L)', code, promotion, max_uses
  ))
$$;
create function pg_temp.check(name text, code text, product text default null, quantity integer default 1)
returns text
language sql as $$
  select concat_ws(' ', a ->> 'outcome', a ->> 'amount', a ->> 'list_amount', a ->> 'tokens', a ->> 'error')
  from pg_temp.as_user(pg_temp.id(name), format(
    'select t.* from check_token_code(%L, %L, ''portone'', quantity => %s) t', code, product, quantity
  )) b
  cross join lateral (select coalesce(b -> 't', b) as a) c
$$;
create function pg_temp.redeem(name text, code text, key text default null) returns text
language sql as $$
  select concat_ws(' ', a ->> 'outcome', a ->> 'tokens', a ->> 'balance',
    case when a ->> 'replayed' = 'true' then 'again' end,
    case when a ? 'error' then pg_temp.refusal(a) end)
  from pg_temp.as_user(pg_temp.id(name), format(
    'select * from redeem_token_code(%L, %L)', code, coalesce(key, gen_random_uuid()::text)
  )) a
$$;
create function pg_temp.order(name text, code text, product text default 'starter', more text default '')
returns text
language sql as $$
  select case when a ? 'error' then pg_temp.refusal(a) else concat_ws(' ', a ->> 'amount',
    a ->> 'list_amount', a ->> 'tokens', a ->> 'promo_code') end
  from pg_temp.as_user(pg_temp.id(name), format(
    'select * from create_token_order(%L, ''portone'', promo_code => %L %s)', product, code, more
  )) a
$$;
-- As if so much time had gone by since the latest order.
create function pg_temp.last(name text) returns public.token_payments
language sql as $$
  select p.* from public.token_payments p where p.user_id = pg_temp.id(last.name)
  order by p.created_at desc limit 1
$$;
create function pg_temp.pay(name text, more text default '') returns text
language sql as $$
  select pg_temp.read(p.order_id, rtrim(format('A:paid paid=%s %s', p.amount, more)))
  from pg_temp.last(pay.name) p
$$;
create function pg_temp.uses(code text) returns text
language sql as $$
  select format('%s used, %s reserved, %s overrun', l.used, l.reserved, l.overrun)
  from coinslot.promotion_codes c
  cross join lateral coinslot.list_codes(c.promotion, 1000, null) l
  where c.code = uses.code and l.code = c.code
$$;
create function pg_temp.lapse(code text) returns void
language sql as $$
  update coinslot.promotion_slots s set until = clock_timestamp()
  where s.code = lapse.code and isfinite(s.until);
  update coinslot.promotion_uses u set reserved_until = clock_timestamp()
  where u.code = lapse.code and u.status = 'reserved'
$$;

-- ---- terms ----

select is(pg_temp.refusal(pg_temp.promote(t.id, t.terms::jsonb)) like 'PT400 invalid_argument%', true, t.what)
from (values
  ('a promotion gives something', 'p', '{"kind": "tokens"}'),
  ('... one thing', 'p', '{"kind": "tokens", "tokens": 5, "percent_off": 5}'),
  ('... of its kind', 'p', '{"kind": "percent", "tokens": 5}'),
  ('nothing is free', 'p', '{"kind": "percent", "percent_off": 100}'),
  ('an amount is of a currency', 'p', '{"kind": "amount", "amounts_off": {"won": 5}}'),
  ('... and whole', 'p', '{"kind": "amount", "amounts_off": {"KRW": 0.5}}'),
  ('only tokens last some days', 'p', '{"kind": "percent", "percent_off": 5, "tokens_last_days": 5}'),
  ('it ends after it starts', 'p', '{"kind": "tokens", "tokens": 5, "starts_at": "2030-01-01", "ends_at": "2029-01-01"}'),
  ('a time is one', 'p', '{"kind": "tokens", "tokens": 5, "ends_at": "soon"}'),
  ('what is not known is not guessed', 'p', '{"kind": "tokens", "tokens": 5, "percent": 5}'),
  ('terms are an object', 'p', '[]'),
  ('an id is one', 'No Id', '{"kind": "tokens", "tokens": 5}')
) t (what, id, terms);
select is(pg_temp.promote('gift', '{"kind": "tokens", "tokens": 7}') - array['id'],
  '{"kind": "tokens", "tokens": 7, "tokens_last_days": null, "percent_off": null, "amounts_off": null,
    "products": null, "currencies": null, "starts_at": null, "ends_at": null,
    "max_uses_per_user": 1, "first_purchase": false, "active": true}'::jsonb, 'a promotion');
select is(pg_temp.promote('gift', '{"tokens": 8}') - array['id'] ->> 'tokens', '8', '... of which a term is changed');
select is(pg_temp.refusal(pg_temp.code(c.code, c.promotion, c.uses)), c.expected, c.what) from (values
  ('a code is not too short', 'ab', 'gift', 1, 'PT400 invalid_argument {"argument": "code"}'),
  ('... and of letters and digits', 'no_code', 'gift', 1, 'PT400 invalid_argument {"argument": "code"}'),
  ('it has some uses', 'SPRING', 'gift', 0, 'PT400 invalid_argument {"argument": "max_uses"}'),
  ('... of a promotion', 'SPRING', 'none', 1, 'PT400 invalid_argument {"argument": "promotion"}')
) c (what, code, promotion, uses, expected);
select is(pg_temp.code(' spring-2027 ', 'gift', 2) ->> 'code', 'SPRING2027', 'a code as it is compared');

-- ---- redeeming ----

select is(pg_temp.check('ann', 'Spring 2027'), 'usable 8', 'in another case, with spaces');
select is(pg_temp.check('ann', 'SPRING2028'), 'not_found', 'one that is not there');
select is(pg_temp.redeem('ann', 'spring 2027', 'k'), 'redeemed 8 8', 'a code gives its tokens');
select is(pg_temp.redeem('ann', 'SPRING2027', 'k'), 'redeemed 8 8 again', '... once for a key');
select is(pg_temp.redeem('ann', 'OTHER', 'k'), 'PT409 idempotency_key_reused {}', '... of this code');
select is(pg_temp.redeem('ann', 'SPRING2027'), 'used', '... and once for a user');
select is(pg_temp.as_person('ann', 'select balance::text as t from spend_tokens(1, ''s'')'), '7', 'its tokens are spent');
select is(pg_temp.redeem('ann', 'SPRING2027', 's'), 'PT409 idempotency_key_reused {}', 'a key of a spend is none of a code');
select is(pg_temp.redeem('ben', 'SPRING2027'), 'redeemed 8 8', 'another user has the other use');
select is(pg_temp.redeem('cat', 'SPRING2027'), 'exhausted', 'then there is none');
select pg_temp.code('SPRING2027', 'gift', 3) \g /dev/null
select is(pg_temp.redeem('cat', 'SPRING2027'), 'redeemed 8 8', '... until it has more');
select pg_temp.code('SPRING2027', 'gift', 1) \g /dev/null
select is(pg_temp.uses('SPRING2027'), '3 used, 0 reserved, 0 overrun', 'fewer than were used takes none away');
select is(pg_temp.redeem('dan', 'SPRING2027'), 'exhausted', '... and gives none');
select pg_temp.code('EVERYBODY', 'gift') \g /dev/null
select is(pg_temp.redeem('dan', 'EVERYBODY'), 'redeemed 8 8', 'a code without a limit');
select is(pg_temp.redeem('ann', 'EVERYBODY'), 'used', 'two codes of one promotion are one for a user');
select pg_temp.promote('short', '{"kind": "tokens", "tokens": 3, "tokens_last_days": 10}') \g /dev/null
select pg_temp.code('SHORT', 'short') \g /dev/null
select pg_temp.redeem('dan', 'SHORT') \g /dev/null
select is((select round(extract(epoch from l.expires_at - clock_timestamp()) / 86400) from token_lots l
  where l.user_id = pg_temp.id('dan') and l.tokens = 3), 10::numeric, 'tokens that last some days');
select pg_temp.promote('gift', '{"active": false}') \g /dev/null
select is(pg_temp.redeem('eve', 'EVERYBODY'), 'expired', 'a promotion that was switched off');
select pg_temp.promote('gift', '{"active": true, "starts_at": "2999-01-01"}') \g /dev/null
select is(pg_temp.redeem('eve', 'EVERYBODY'), 'not_started', '... one that has not begun');
select pg_temp.promote('gift', '{"starts_at": "2020-01-01", "ends_at": "2021-01-01"}') \g /dev/null
select is(pg_temp.redeem('eve', 'EVERYBODY'), 'expired', '... and one that is over');
select pg_temp.promote('gift', '{"ends_at": null}') \g /dev/null

-- ---- identities ----

insert into people values ('ann again', pg_temp.sign_up('a.n.n+2@example.com', false)),
  ('nobody', pg_temp.sign_up('nobody@example.com', false)), ('second', pg_temp.sign_up('second@example.com'));
select is(pg_temp.redeem('nobody', 'EVERYBODY'), 'identity_required', 'who has confirmed nothing redeems nothing');
update auth.users u set email = 'ann+more@example.com', email_confirmed_at = now()
where u.id = pg_temp.id('ann again');
select is(pg_temp.redeem('ann again', 'EVERYBODY'), 'used', 'an identity redeems once');
select pg_temp.as_service(format('select merge_token_wallets(%L, %L, ''m'')', pg_temp.id('ben'), pg_temp.id('second'))) \g /dev/null
select is(pg_temp.redeem('second', 'EVERYBODY'), 'used', '... and so does a user, with all that was merged');

-- ---- guessing ----

select is((select string_agg(distinct pg_temp.check('leo', 'GUESS' || n), ', ') from generate_series(1, 10) n),
  'not_found', 'ten guesses');
select is(pg_temp.check('leo', 'GUESS11'), 'too_many_codes', '... and no eleventh');
select is(pg_temp.redeem('leo', 'EVERYBODY') like 'PT429 too_many_codes {"retry_after": %', true, '... though it were right');
select is(pg_temp.order('leo', 'EVERYBODY'), 'PT404 code_not_found {}', '... nor by an order');
select is(pg_temp.check('ann', 'SPRING2027'), 'used 8', 'who knows a code is not counted');

-- ---- orders ----

select pg_temp.promote('half', '{"kind": "percent", "percent_off": 50, "products": ["starter", "drop"], "currencies": ["KRW"]}') \g /dev/null
select pg_temp.code('HALF', 'half', 2) \g /dev/null
select pg_temp.promote('less', '{"kind": "amount", "amounts_off": {"KRW": 1500}, "max_uses_per_user": 2}') \g /dev/null
select pg_temp.code('LESS', 'less') \g /dev/null
select pg_temp.change('select coinslot.set_product(''drop'', ''Drop'', tokens => 1, prices => ''{"KRW": 200}'')') \g /dev/null
select pg_temp.as_service($$select coinslot_set_tiers('starter', '{"5": 10}')$$) \g /dev/null
select is(pg_temp.order('eve', 'HALF'), 'PT404 code_not_found {}', 'an order takes a code that was checked');
select is(pg_temp.check('eve', 'half', 'starter'), 'usable 2500 5000', '... which tells the price');
select is(pg_temp.check('eve', 'half', 'starter', 5), 'usable 11250 25000', '... with the tier');
select is(pg_temp.check('eve', 'half', 'standard'), 'not_for_this', 'a code of another product');
select is(pg_temp.order('eve', 'half', 'standard'), 'PT409 code_not_usable {"reason": "not_for_this"}', '... buys nothing');
select is(pg_temp.as_person('eve', 'select * from create_token_order(''starter'', ''stripe'', ''USD'', promo_code => ''HALF'')'),
  'PT409 code_not_usable {"reason": "not_for_this"}', '... nor does one of another currency');
select is(pg_temp.order('eve', 'half', 'drop'), 'PT409 code_not_usable {"reason": "no_discount"}', 'what cannot be charged less is not');
select is(pg_temp.redeem('eve', 'HALF'), 'for_orders', 'a discount is not redeemed');
select pg_temp.check('eve', 'EVERYBODY') \g /dev/null
select is(pg_temp.order('eve', 'EVERYBODY'), 'PT409 code_not_usable {"reason": "for_tokens"}', '... and tokens are no discount');
select is(pg_temp.order('eve', 'HALF, LESS'), 'PT404 code_not_found {}', 'two codes at once are none');
select is(pg_temp.order('eve', ''), '5000 10', 'no code is no code');
select is(pg_temp.order('eve', ' half ', more => ', idempotency_key => ''o'''), '2500 5000 10 HALF', 'an order with a code');
select is(pg_temp.order('eve', 'HALF', more => ', idempotency_key => ''o'''), '2500 5000 10 HALF', '... is found again');
select is(pg_temp.order('eve', null, more => ', idempotency_key => ''o'''), 'PT409 idempotency_key_reused {}', '... with its code');
select is(pg_temp.uses('HALF'), '0 used, 1 reserved, 0 overrun', 'it reserves its use');
select is((select round(extract(epoch from max(s.until) - clock_timestamp()) / 60) from coinslot.promotion_slots s
  where s.code = 'HALF'), 15::numeric, '... for a short time');
select is(pg_temp.order('eve', 'HALF'), 'PT409 code_not_usable {"reason": "used"}', '... and its buyer''s');
select is(pg_temp.pay('eve', 'amount=5000 paid=5000'), 'review review 0', 'its whole price is the wrong amount');
select is(pg_temp.uses('HALF'), '0 used, 1 reserved, 0 overrun', '... and uses nothing');
select is(pg_temp.check('fay', 'HALF'), 'usable', 'another buyer');
select is(pg_temp.order('fay', 'HALF'), '2500 5000 10 HALF', '... reserves the other use');
select is(pg_temp.pay('fay'), 'credited completed 10', 'the price of the code buys the pack');
select is(pg_temp.uses('HALF'), '1 used, 1 reserved, 0 overrun', '... and uses it');
select is(pg_temp.pay('fay', 'refunded=1250'), 'reversed partially_refunded 5', 'half of what was paid is half of the tokens');
select is(pg_temp.pay('fay', 'refunded=2500'), 'reversed refunded 0', '... and all of it all');
select is(pg_temp.uses('HALF'), '1 used, 1 reserved, 0 overrun', 'a refund gives no use back');
select is(pg_temp.check('gus', 'HALF'), 'exhausted', 'what is reserved is taken');
select pg_temp.lapse('HALF') \g /dev/null
select is(pg_temp.order('gus', 'HALF'), '2500 5000 10 HALF', '... for a short time');
select is(pg_temp.as_person('gus', format('select status as t from cancel_token_order(%L)', (pg_temp.last('gus')).order_id)),
  'canceled', 'an order that is called off');
select is(pg_temp.order('gus', 'HALF'), '2500 5000 10 HALF', '... gives its use back');
select is(pg_temp.pay('gus'), 'credited completed 10', 'the last use is paid for');

-- Of one whose reservation has lapsed, when all uses are taken.
create temporary table late as select p.* from coinslot.promotion_uses u
inner join public.token_payments p on p.id = u.payment_id where u.code = 'HALF' and u.status = 'reserved';
select is(pg_temp.read(l.order_id, 'B:paid paid=2500'), 'credited completed 10', 'money in time keeps the price')
from late l;
select is(pg_temp.uses('HALF'), '3 used, 0 reserved, 1 overrun', '... and the overrun is recorded');
select is((select e.source || ' ' || e.reason from token_payment_events e inner join late l on l.id = e.payment_id
  where e.source = 'promotion'), 'promotion code_overrun', '... in the order''s history');
select pg_temp.check('hal', 'LESS') \g /dev/null
select is(pg_temp.order('hal', 'LESS'), '3500 5000 10 LESS', 'an amount off');
select is(pg_temp.step(p, '!long_ago') || ' ' || pg_temp.pay('hal'), '1 review review 0', 'later money is for a person')
from pg_temp.last('hal') p;
select is(pg_temp.uses('LESS'), '0 used, 0 reserved, 0 overrun', '... and uses nothing')
from (select pg_temp.lapse('LESS')) l;

-- ---- first purchases ----

select pg_temp.promote('first', '{"kind": "percent", "percent_off": 20, "first_purchase": true, "max_uses_per_user": 5}') \g /dev/null
select pg_temp.code('FIRST', 'first') \g /dev/null
select is(pg_temp.check('gus', 'FIRST'), 'first_purchase_only', 'who has bought is told so');
select is(pg_temp.check('ida', 'FIRST'), 'usable', 'who has not may use it');
select is(pg_temp.order('ida', 'FIRST'), '4000 5000 10 FIRST', '... for an order');
select is(pg_temp.order('ida', 'FIRST'), 'PT409 code_not_usable {"reason": "first_purchase_only"}', '... and no second one beside it');
insert into people values ('ida again', pg_temp.sign_up('ida+2@example.com'));
select pg_temp.promote('other_first', '{"kind": "percent", "percent_off": 20, "first_purchase": true}') \g /dev/null
select pg_temp.code('OTHER', 'other_first') \g /dev/null
select is(pg_temp.check('ida again', 'OTHER'), 'first_purchase_only', '... nor of another account of theirs');
select pg_temp.change('update coinslot.settings set signup_bonus = 1') \g /dev/null
insert into people values ('old', pg_temp.sign_up('nora@example.com')), ('new', pg_temp.sign_up('nora@example.org'));
select is(pg_temp.order('old', null) || ' ' || pg_temp.pay('old'), '5000 10 credited completed 11', 'somebody buys');
select pg_temp.as_service(format('select merge_token_wallets(%L, %L, ''nora'')', pg_temp.id('old'), pg_temp.id('new'))) \g /dev/null
delete from auth.users u where u.id = pg_temp.id('old');
insert into people values ('nora again', pg_temp.sign_up('nora@example.com'));
select is(pg_temp.check('nora again', 'OTHER'), 'first_purchase_only', '... which they have done still when that account was merged into another');
insert into people values ('sam', pg_temp.sign_up('sam@example.com')), ('sam two', pg_temp.sign_up('sam@example.org'));
select pg_temp.check('sam', 'FIRST') || pg_temp.order('sam', 'FIRST') \g /dev/null
select pg_temp.as_service(format('select merge_token_wallets(%L, %L, ''sam'')', pg_temp.id('sam'), pg_temp.id('sam two'))) \g /dev/null
select is(pg_temp.check('sam two', 'OTHER'), 'first_purchase_only', '... as is one that was under way then');
select pg_temp.change('update coinslot.settings set signup_bonus = 0') \g /dev/null

-- ---- codes in bulk ----

select is((select count(distinct c) from pg_temp.as_service('select coinslot_make_codes(''gift'', 50) as n') a,
  jsonb_array_elements_text(a -> 'n') c where c ~ '^[A-HJ-NP-Z2-9]{12}$'), 50::bigint, 'codes in bulk, all different');
select is((select pg_temp.redeem('kim', c.code) || ', ' || pg_temp.redeem('jon', c.code) from coinslot.promotion_codes c
  where c.promotion = 'gift' and length(c.code) = 12 limit 1), 'redeemed 8 8, exhausted', '... each of one use');
select is(pg_temp.refusal(pg_temp.as_service('select coinslot_make_codes(''gift'', 10001)')),
  'PT400 invalid_argument {"max": 10000, "min": 1, "argument": "number"}', '... not too many at once');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');

select * from finish();
rollback;
