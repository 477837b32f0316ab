-- Tokens that expire: who says so, who sees it, and what clocks and settings do to it.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/lots.sql
select plan(64);

-- Grants
select pg_temp.user_with(0) as mina, pg_temp.user_with(0) as alex \gset
create function pg_temp.grant_until(user_id uuid, key text, arguments text) returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select * from add_tokens(%L, idempotency_key => %L, %s)', user_id, key, arguments
  ))
$$;
select is(
  pg_temp.refusal(pg_temp.grant_until(:'mina', 'k', 'amount => 5, expires_at => ' || t.moment))
  like 'PT400 invalid_argument {"after": %, "before": "10000-01-01T00:00:00Z", "argument": "expires_at"}',
  true, 'no grant until ' || t.moment
) from (values
  ($$now() - interval '1 s'$$), ($$now()$$), ($$'-infinity'$$), ($$'infinity'$$),
  ($$'10000-01-01 00:00:00+00'$$), ($$'2000-01-01'$$)
) t (moment);
select is(
  pg_temp.refusal(pg_temp.grant_until(:'mina', 'k',
    $$amount => -5, kind => 'adjustment', expires_at => now() + interval '1 day'$$)),
  'PT400 invalid_argument {"argument": "expires_at"}', 'what takes does not expire'
);
select is(
  pg_temp.grant_until(:'mina', 'k1', $$amount => 5, expires_at => '9999-12-31 23:59:59+00'$$)
  ->> 'balance', '5', 'the last day there is'
);
select is(
  pg_temp.grant_until(:'mina', 'k1', $$amount => 5, expires_at => '2000-01-01'$$) ->> 'replayed',
  'true', 'a repeated call is told what it did, whatever time it names'
);
select is(
  pg_temp.grant_until(:'mina', 'k1', 'amount => 6') ->> 'error', 'idempotency_key_reused',
  'and another amount is another call'
);
select is(pg_temp.grant_until(:'mina', 'k2', 'amount => 2') ->> 'balance', '7', 'or none at all');
select is(
  pg_temp.grant_until(:'mina', 'k3', $$amount => 3, expires_at => now() + interval '2 days'$$)
  ->> 'balance', '10', 'or soon'
);

-- Reads
create function pg_temp.listed(user_id uuid, arguments text default '') returns text
language sql as $$
  select r ->> 'lots' from pg_temp.as_user(listed.user_id, format(
    'select string_agg(format(''%%s %%s %%s'', l.tokens, l.kind,
       coalesce((l.expires_at at time zone ''UTC'')::date::text, ''never'')), '', '') as lots
     from list_token_lots(%s) l', arguments
  )) r
$$;
select is(
  pg_temp.listed(:'mina'), format(
    '3 grant %s, 5 grant 9999-12-31, 2 grant never', ((now() + interval '2 days') at time zone 'UTC')::date
  ), 'people see what they have, in the order in which it is spent'
);
select pg_temp.as_user(:'mina', $$select * from spend_tokens(4, 's1')$$) as spent \gset
select is(
  pg_temp.listed(:'mina'), '4 grant 9999-12-31, 2 grant never', 'what was spent since is drawn'
);
select is(
  (select w.folded_at < l.at from public.token_wallets w,
     lateral (select clock_timestamp() as at) l where w.user_id = :'mina')
  and (select sum(l.remaining) = 10 from public.token_lots l where l.user_id = :'mina'), true,
  'and nothing was written for it'
);
select is(pg_temp.listed(:'mina', '1'), '4 grant 9999-12-31', 'a page');
select is(
  pg_temp.listed(:'mina', '1, ' || (select min(l.id) from public.token_lots l
    where l.user_id = :'mina')), '2 grant never', 'and the next one'
);
select is(pg_temp.listed(:'alex'), null, 'nobody sees those of others');
select is(
  pg_temp.listed(:'alex', '50, ' || (select min(l.id) from public.token_lots l
    where l.user_id = :'mina')), null, '... nor by their ids'
);
select is(
  pg_temp.as_user(:'alex', 'select count(*) as n from token_lots') -> 'n', '0'::jsonb,
  '... nor in the table'
);
select is(
  pg_temp.as_user(:'mina', 'select sum(tokens) as n from token_lots') -> 'n', '10'::jsonb,
  'their own are there to read'
);
select is(
  pg_temp.call('anon', null, 'select * from list_token_lots()') ->> 'code', '42501',
  'a visitor has none'
);
select pg_temp.grant_until(:'alex', 'k1', $$amount => 7, expires_at => now() + interval '3 days'$$) as a,
  pg_temp.grant_until(:'alex', 'k2', $$amount => 2, expires_at => now() + interval '1 day'$$) as b \gset
select pg_temp.as_user(:'alex', $$select * from spend_tokens(1, 's1')$$) as spent \gset
create function pg_temp.expiring(arguments text) returns text
language sql as $$
  select r ->> 'lots' from pg_temp.as_service(format(
    'select string_agg(e.tokens::text, '', '' order by e.expires_at, e.id) as lots
     from list_expiring_tokens(%s) e', arguments
  )) r
$$;
select is(pg_temp.expiring('7'), '1, 7', 'the service sees what will expire, soonest first');
select is(pg_temp.expiring('2'), '1', 'within so many days');
select is(pg_temp.expiring('7, 1'), '1', 'a page');
select is(
  pg_temp.expiring(format('7, 1, %L, %s', l.expires_at, l.id)), '7', 'and the next one'
) from public.token_lots l where l.user_id = :'alex' and l.tokens = 2;
select is(
  pg_temp.refusal(pg_temp.as_service('select * from list_expiring_tokens(0)')),
  'PT400 invalid_argument {"max": 36500, "min": 1, "argument": "within_days"}', 'not within no time'
);
select is(
  pg_temp.as_user(:'alex', 'select * from list_expiring_tokens()') ->> 'code', '42501',
  'and nobody but the service'
);
select pg_temp.pass(:'alex', 30);
select is(
  pg_temp.as_user(:'alex', 'select get_user_tokens() as n') -> 'n', '7'::jsonb,
  'what has expired cannot be spent'
);
select is(
  (select w.tokens from public.token_wallets w where w.user_id = :'alex'), 8::bigint,
  'though nobody has written it'
);
select is(
  pg_temp.as_user(:'alex', 'select (select coinslot.available(w)) as n from token_wallets w') -> 'n',
  '7'::jsonb, 'which is what a computed field says, too'
);
select is(pg_temp.expiring('7'), '7', 'and does not expire again');

-- Products
create function pg_temp.product(arguments text) returns jsonb
language sql as $$
  select pg_temp.as_service(format('select * from coinslot_set_product(%s)', arguments))
$$;
select is(
  pg_temp.product($$'year', 'A year', tokens => 30, prices => '{"KRW": 9000}', tokens_last_days => 365$$)
  -> 'tokens_last_days', '365'::jsonb, 'a product whose tokens last a year'
);
select is(
  pg_temp.product($$'year', tokens => 40$$) -> 'tokens_last_days', '365'::jsonb,
  'which stays so, whatever else is changed'
);
select is(
  pg_temp.product($$'year', tokens_end_at => '2999-01-01'$$) - array[
    'id', 'kind', 'name', 'name_ko', 'tokens', 'active', 'prices'
  ], '{"tokens_last_days": null, "tokens_end_at": "2999-01-01T00:00:00+00:00"}'::jsonb,
  'a date takes the place of days'
);
select is(
  pg_temp.product($$'year', tokens_end_at => 'infinity'$$) -> 'tokens_end_at', 'null'::jsonb,
  'and no end takes it away'
);
select is(
  pg_temp.product($$'year', tokens_last_days => 0$$) -> 'tokens_last_days', 'null'::jsonb,
  'as no days do'
);
select is(
  pg_temp.refusal(pg_temp.product(p.arguments)) like 'PT400 invalid_argument {%"' || p.argument || '"%}',
  true, 'no product has ' || p.arguments
) from (values
  ($$'year', tokens_last_days => -1$$, 'tokens_last_days'),
  ($$'year', tokens_last_days => 36501$$, 'tokens_last_days'),
  ($$'year', tokens_last_days => 5, tokens_end_at => '2999-01-01'$$, 'tokens_last_days'),
  ($$'year', tokens => 0, tokens_last_days => 5$$, 'tokens_last_days'),
  ($$'year', tokens_end_at => '2000-01-01'$$, 'tokens_end_at'),
  ($$'year', tokens_end_at => '-infinity'$$, 'tokens_end_at'),
  ($$'year', tokens_end_at => '10000-01-01'$$, 'tokens_end_at')
) p (arguments, argument);
select pg_temp.product($$'year', tokens_last_days => 30$$) as p \gset
select is(
  pg_temp.call('anon', null, $$select tokens_last_days, tokens_end_at from token_offers where id = 'year'$$),
  '{"tokens_last_days": 30, "tokens_end_at": null}'::jsonb, 'a visitor sees it before paying'
);
select pg_temp.as_user(:'mina', $$select * from create_token_order('year', 'portone')$$)
  ->> 'order_id' as order_id \gset
select pg_temp.product($$'year', tokens_last_days => 1$$) as p \gset
select pg_temp.read(:'order_id', 'A:paid paid=9000') as paid \gset
select is(
  (select round(extract(epoch from l.expires_at - clock_timestamp()) / 86400) from public.token_lots l
   where l.user_id = :'mina' and l.paid), 30::numeric, 'an order keeps what it was made with'
);
select is(
  (select (l.price, l.price_tokens, l.tokens, l.kind)::text from public.token_lots l
   where l.user_id = :'mina' and l.paid), '(9000,40,40,purchase)', 'and its price'
);
select pg_temp.product($$'soon', 'Soon', tokens => 10, prices => '{"KRW": 1000}',
  tokens_end_at => clock_timestamp() + interval '1 hour'$$) as p \gset
select pg_temp.as_user(:'mina', $$select * from create_token_order('soon', 'portone')$$)
  ->> 'order_id' as order_id \gset
select pg_temp.change('update public.token_products set tokens_end_at = clock_timestamp()
  where id = $$soon$$') \gset
select is(
  pg_temp.as_user(:'mina', $$select * from create_token_order('soon', 'portone')$$) ->> 'error',
  'product_not_found', 'a product whose date has passed is not sold'
);
select is_empty($$select from token_offers where id = 'soon'$$, 'nor offered');
update public.token_payments set tokens_end_at = clock_timestamp() where order_id = :'order_id';
select pg_temp.read(:'order_id', 'A:paid paid=1000') as paid \gset
select is(
  (select round(extract(epoch from l.expires_at - clock_timestamp()) / 3600) from public.token_lots l
   where l.user_id = :'mina' and l.price = 1000), 168::numeric,
  'money that comes when the date has passed buys tokens for a week'
);

-- Clocks
select pg_temp.user_with(0) as leo \gset
select pg_temp.grant_until(:'leo', 'k1', $$amount => 5, expires_at => now() + interval '1 hour'$$) as g,
  pg_temp.grant_until(:'leo', 'k2', 'amount => 5') as h \gset
select count(coinslot.fold(:'leo', clock_timestamp() + interval '2 hours')) as folded \gset
select is(pg_temp.history(:'leo'), 'grant 5, grant 5, expiry -5', 'somebody else''s clock is ahead');
select is(
  (select d.at = l.expires_at from coinslot.lot_draws d inner join public.token_lots l on l.id = d.lot_id
   where d.cause = 'expiry' and d.user_id = :'leo'), true, 'it ended when it ended, whenever that is written'
);
select is(pg_temp.available(:'leo'), '5', 'a clock that goes back brings nothing back');
select is(
  pg_temp.grant_until(:'leo', 'k3', $$amount => 5, expires_at => now() + interval '1 hour'$$) ->> 'error',
  'invalid_argument', 'nor does it take what would have ended already'
);
select is(
  pg_temp.as_user(:'leo', $$select * from spend_tokens(2, 's1')$$) ->> 'balance', '3',
  'and people spend'
);
select pg_temp.user_with(0) as nora \gset
select pg_temp.grant_until(:'nora', 'k1', $$amount => 5, expires_at => now() + interval '1 hour'$$) as g \gset
select pg_temp.as_service(format('select * from hold_tokens_for(%L, 5, $$h$$, ttl_seconds => 3600)', :'nora'))
  ->> 'id' as hold_id \gset
select pg_temp.pass(:'nora', 1);
update coinslot.token_holds h set expires_at = l.expires_at
from public.token_lots l where l.user_id = h.user_id and h.id = :'hold_id';
select is(
  pg_temp.as_user(:'nora', 'select get_user_tokens() as n') -> 'n', '0'::jsonb,
  'a hold and a lot that end in the same instant leave nothing'
);
select is(
  pg_temp.as_service(format('select * from capture_token_hold(%L)', :'hold_id')) ->> 'error',
  'hold_resolved', 'for the hold neither'
);
select pg_temp.as_service('select coinslot_run_maintenance()') as kept \gset
select is(pg_temp.wallet(:'nora'), 'tokens=0 held=0 seq=2', 'whichever is ended first');

-- What comes back to a lot that has ended, where the setting gives it no time
update coinslot.settings set returned_lifetime = '0';
select is(
  pg_temp.play_lots(array['P: buy 10 in=2', 'P: refund', 'pass 3', 'P: fail', '?history']),
  array['10', '0', '0', '0', 'purchase 10, expiry -10'], 'a refund that fails'
);
select is(
  pg_temp.play_lots(array['A: grant 5 in=2', 's: spend 5', 'pass 3', 's: back', '?history']),
  array['5', '0', '0', '0', 'grant 5, spend -5, spend_refund 5, expiry -5'],
  'a spend that is given back'
);
select is(
  pg_temp.play_lots(array['P: buy 10 in=2', 'P: read withdrawn=5000', 'pass 3',
    'P: read withdrawn=0', '?history']),
  array['10', '0', '0', '0', 'purchase 10, dispute -10, reversal 10, expiry -10'],
  'a dispute that is won'
);
update coinslot.settings set returned_lifetime = '7 days';

-- A spend beyond the balance, which later tokens paid, has no lot to go back to and no end
update coinslot.settings set overage_into_debt = true;
select is(
  pg_temp.play_lots(array['A: grant 5', 'h: hold 5', 'h: capture 8 over', 'G: grant 10', '?lots']),
  array['5', '0', '-3', '7', 'A 0, G 7'], 'a capture into debt'
);
select pg_temp.as_service(format(
  'select * from refund_spend_for(%L, $$r$$, spend_seq => 2)', w.user_id
)) as back from public.token_lots l inner join public.token_wallets w on w.user_id = l.user_id
where l.id = (select max(o.id) from public.token_lots o) \gset
select is(
  (select string_agg(format('%s %s %s', l.kind, l.remaining, l.expires_at), ', ' order by l.id)
   from public.token_lots l where l.user_id = (:'back'::jsonb ->> 'user_id')::uuid),
  'grant 5 infinity, grant 7 infinity, spend_refund 3 infinity', 'is given back for good'
);

select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select * from finish();
rollback;
