-- Products: put on sale, changed and taken off by the shop's own people, and no order changes.
begin;
\ir helpers/call.sql
select plan(37);

create function pg_temp.set_product(arguments text) returns jsonb
language sql as $$
  select pg_temp.as_service('select * from coinslot_set_product(' || arguments || ')')
$$;
create function pg_temp.remove(id text) returns jsonb
language sql as $$
  select pg_temp.as_service(format('select coinslot_remove_product(%L) as ended', remove.id))
$$;
create function pg_temp.offers(id text) returns text
language sql as $$
  select coalesce(string_agg(o.amount || ' ' || o.currency, ', ' order by o.currency), '')
  from public.token_offers o where o.id = offers.id
$$;

-- Added
select is(
  pg_temp.set_product($$ 'reading', 'A reading', '사주', prices => '{"KRW": 13000, "USD": 1e3}' $$),
  '{"id": "reading", "kind": "one_off", "name": "A reading", "name_ko": "사주", "tokens": 0,
    "active": true, "prices": {"KRW": 13000, "USD": 1000}, "tokens_last_days": null,
    "tokens_end_at": null}'::jsonb,
  'a single thing is on sale with its prices'
);
select is(pg_temp.offers('reading'), '13000 KRW, 1000 USD', 'and among the offers');
select is(
  pg_temp.set_product($$ 'reading', 'A reading', '사주', prices => '{"KRW": 13000, "USD": 1000}' $$),
  pg_temp.set_product($$ 'reading' $$),
  'said again it stays as it is'
);
select is(
  pg_temp.set_product($$ 'huge', 'Huge', tokens => 500, prices => '{"KRW": 150000}' $$) - 'prices',
  '{"id": "huge", "kind": "token_pack", "name": "Huge", "name_ko": "Huge", "tokens": 500,
    "active": true, "tokens_last_days": null, "tokens_end_at": null}'::jsonb,
  'tokens make it a pack, and a name stands for both languages'
);

-- Changed
select is(
  pg_temp.set_product($$ 'reading', prices => '{"KRW": 9000}' $$) -> 'prices',
  '{"KRW": 9000, "USD": 1000}'::jsonb, 'a price that is not named stays'
);
select is(
  pg_temp.set_product($$ 'reading', prices => '{"USD": null, "EUR": null}' $$) -> 'prices',
  '{"KRW": 9000}'::jsonb, 'a price is taken away by null'
);
select is(
  pg_temp.set_product($$ 'huge', name_ko => '대형', tokens => 600 $$) - 'prices' - 'active',
  '{"id": "huge", "kind": "token_pack", "name": "Huge", "name_ko": "대형", "tokens": 600,
    "tokens_last_days": null, "tokens_end_at": null}'::jsonb,
  'so does all that is not given'
);
select is(
  pg_temp.set_product($$ 'huge', tokens => 0 $$) -> 'kind', '"one_off"'::jsonb,
  'without tokens it is a single thing'
);

-- Refused, and nothing is left of it
select is(
  pg_temp.set_product(c.arguments) - 'hint',
  jsonb_build_object('error', 'invalid_argument', 'code', 'PT400', 'details', c.details::jsonb),
  'refused: ' || c.arguments
) from (values
  ($$ 'new', prices => '{"KRW": 1}' $$, '{"argument": "name", "reason": "The product is new."}'),
  ($$ 'new', 'New' $$, '{"argument": "prices", "reason": "The product is new."}'),
  ($$ 'new', 'New', prices => '{"KRW": null}' $$,
   '{"argument": "prices", "reason": "The product is new."}'),
  ($$ 'New', 'New', prices => '{"KRW": 1}' $$, '{"argument": "id", "example": "premium_reading"}'),
  ($$ null, 'New', prices => '{"KRW": 1}' $$, '{"argument": "id", "example": "premium_reading"}'),
  ($$ 'new', ' ', prices => '{"KRW": 1}' $$, '{"argument": "name", "example": "A reading"}'),
  ($$ 'new', repeat('x', 101), prices => '{"KRW": 1}' $$,
   '{"argument": "name", "max_length": 100}'),
  ($$ 'new', 'New', tokens => -1, prices => '{"KRW": 1}' $$,
   '{"argument": "tokens", "example": 10}'),
  ($$ 'reading', prices => '{"krw": 1}' $$, '{"reason": "ISO 4217 has no such currency.", '
    '"argument": "prices", "currency": "krw"}'),
  ($$ 'reading', prices => '{"KRW": 1, "KWR": 1}' $$,
   '{"reason": "ISO 4217 has no such currency.", '
    '"argument": "prices", "currency": "KWR"}'),
  ($$ 'reading', prices => '{"XAU": null}' $$, '{"reason": "ISO 4217 has no such currency.", '
    '"argument": "prices", "currency": "XAU"}'),
  ($$ 'reading', prices => '{"KRW": 0}' $$, '{"argument": "prices", "example": {"KRW": 5000}}'),
  ($$ 'reading', prices => '{"KRW": 1.5}' $$, '{"argument": "prices", "example": {"KRW": 5000}}'),
  ($$ 'reading', prices => '{"KRW": "1"}' $$, '{"argument": "prices", "example": {"KRW": 5000}}'),
  ($$ 'reading', prices => '{"KRW": 9007199254740992}' $$,
   '{"argument": "prices", "example": {"KRW": 5000}}'),
  ($$ 'reading', prices => '[1]' $$, '{"argument": "prices", "example": {"KRW": 5000}}'),
  ($$ 'reading', prices => '1' $$, '{"argument": "prices", "example": {"KRW": 5000}}')
) c (arguments, details);
select is(
  (select array_agg(p.id order by p.id) from public.token_products p),
  array['huge', 'premium', 'reading', 'standard', 'starter'], 'nothing is left of a refusal'
);
select is(pg_temp.offers('reading'), '9000 KRW', 'nor is a price changed');

-- Removed
select pg_temp.sign_up('mina@example.com') as mina \gset
select pg_temp.as_user(
  :'mina', $$ select * from create_token_order('reading', 'portone') $$
) as ordered \gset
select is(
  pg_temp.remove('reading') -> 'ended', '"switched_off"'::jsonb, 'what was ordered is switched off'
);
select is(
  pg_temp.remove('reading') -> 'ended', '"switched_off"'::jsonb, 'and stays so when removed again'
);
select is(pg_temp.offers('reading'), '', 'it is on offer no more');
select is(
  (select to_jsonb(p) - 'updated_at' from public.token_payments p where p.product_id = 'reading'),
  (select to_jsonb(p) - 'updated_at' from public.token_payments p where p.user_id = :'mina'),
  'its order stays'
);
select is(pg_temp.remove('huge') -> 'ended', '"deleted"'::jsonb, 'what nobody ordered is deleted');
select is(pg_temp.remove('huge') -> 'ended', 'null'::jsonb, 'and then there is no such one');
select is(
  (select jsonb_object_agg(p ->> 'id', p -> 'active') from jsonb_array_elements(
    pg_temp.as_service('select jsonb_agg(to_jsonb(p)) as all from unnest(coinslot_list_products()) p')
    -> 'all'
  ) p),
  '{"starter": true, "standard": true, "premium": true, "reading": false}'::jsonb,
  'the list shows what is off sale as well'
);
select is(
  pg_temp.set_product($$ 'reading' $$) -> 'active', 'true'::jsonb, 'setting it puts it back on sale'
);
select is(pg_temp.offers('reading'), '9000 KRW', 'at the price that it had');

-- Not even by hand
select throws_ok(
  $$insert into public.token_prices values ('starter', 'KWR', 5000)$$, '23514', null,
  'a price in a currency that there is not is kept out by the table, too'
);
select * from finish();
rollback;
