-- A person's data: all of it for who asks, nothing of anybody else, and its end with the books kept.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

select plan(51);

create temporary table people (name text primary key, id uuid);
create function pg_temp.id(name text) returns uuid
language sql as $$ select p.id from people p where p.name = id.name $$;
create function pg_temp.arrive(name text) returns void
language plpgsql as $$
begin
  insert into people values (arrive.name, pg_temp.sign_up(arrive.name || '@example.com'));
end
$$;
-- Buys, spends with words of their own, and leaves holds, a refund and a holder's name.
create function pg_temp.live(name text) returns text
language plpgsql as $$
declare
  v_order text := pg_temp.as_user(pg_temp.id(live.name), $o$select * from create_token_order('starter', 'portone')$o$)
    ->> 'order_id';
begin
  perform pg_temp.read(v_order, 'A:awaiting_deposit virtual_account={"bank":"Shinhan","holder":"HongGildong"}');
  perform pg_temp.read(v_order, 'A:paid paid=5000 virtual_account={"bank":"Shinhan","holder":"HongGildong"}');
  perform pg_temp.as_user(pg_temp.id(live.name),
    $o$select spend_tokens(1, 'k' || random(), 'for my sister Ann', '{"to": "ann@example.com"}')$o$);
  perform pg_temp.as_service(format(
    'select add_tokens(%L, 2, %L, ''thanks to Ann'')', pg_temp.id(live.name), gen_random_uuid()
  ));
  perform pg_temp.as_service(format(
    'select hold_tokens_for(%L, 1, ''h'', ''a letter to Ann'', 600)', pg_temp.id(live.name)
  ));
  perform pg_temp.as_service(format(
    'select request_token_refund_for(%L, ''Ann asked'', ''r'', 500, true)', v_order
  ));
  perform pg_temp.read(v_order, 'A:paid paid=5000 refunded=500 virtual_account={"bank":"Shinhan","holder":"HongGildong"}');
  return v_order;
end
$$;
select pg_temp.arrive(n) from unnest(array['ann', 'ben', 'cat', 'dan', 'eve']) n \g /dev/null
select pg_temp.live('ann') as order_id \gset
select pg_temp.live('ben') \g /dev/null

-- ---- the copy ----

create function pg_temp.exported(who text, part text, after jsonb default null, page_size integer default 500)
returns jsonb language sql as $$
  select pg_temp.as_service(format(
    'select coinslot_export_user(%L, %L, %L, %s) as e', who, part, after, page_size
  )) -> 'e'
$$;
select is(pg_temp.exported('ann@example.com', null) ->> 'user_id', pg_temp.id('ann')::text, 'a person is named by e-mail');
select is(pg_temp.exported(pg_temp.id('ann')::text, null) -> 'parts' ->> 0, 'account', '... or by id');
select ok(
  (select bool_and(jsonb_typeof(pg_temp.exported('ann@example.com', e.part) -> 'rows') = 'array') from coinslot.export_parts() e),
  'every part can be read'
);
select is_empty(
  $$select e.part from coinslot.export_parts() e where pg_temp.exported('ann@example.com', e.part)::text ~ pg_temp.id('ben')::text$$,
  'and has nothing of anybody else'
);
select is(jsonb_array_length(pg_temp.exported('ann@example.com', p.part) -> 'rows'), p.rows, 'as many as there are: ' || p.part)
from (values ('account', 1), ('wallet', 1), ('ledger', 5), ('payments', 1), ('documents', 2), ('holds', 2),
  ('refunds', 1), ('payment_attempts', 1)) p (part, rows);
select is(pg_temp.exported('ann@example.com', 'account') #>> '{rows,0,account,email}', 'ann@example.com', 'the address is in it');
select is(pg_temp.exported('ann@example.com', 'account') -> 'rows' -> 0 -> 'account' ? 'encrypted_password', false, '... and no secret');
select is(pg_temp.exported('ann@example.com', 'payment_attempts') -> 'rows' -> 0 ? 'secret', false, '... of a gateway neither');
create function pg_temp.seqs(page_size integer) returns text
language plpgsql as $$
declare
  v_page jsonb;
  v_after jsonb;
  v_found text := '';
begin
  loop
    v_page := pg_temp.exported('ann@example.com', 'ledger', v_after, page_size);
    v_found := v_found || coalesce((select string_agg(r ->> 'seq', '') from jsonb_array_elements(v_page -> 'rows') r), '');
    v_after := v_page -> 'next';
    exit when v_after is null or v_after = 'null';
  end loop;
  return v_found;
end
$$;
select is(pg_temp.seqs(n), '12345', 'page by page, each once: ' || n) from unnest(array[1, 2, 5, 500]) n;
select is(pg_temp.refusal(pg_temp.as_service(s)), e, 'refused: ' || e) from (values
  ($$select coinslot_export_user('ann@example.com', 'secrets')$$, 'PT400 invalid_argument {"argument": "part"}'),
  ($$select coinslot_export_user('ann@example.com', 'ledger', null, 1001)$$,
    'PT400 invalid_argument {"max": 1000, "min": 1, "argument": "page_size"}'),
  ($$select coinslot_export_user('nobody@example.com')$$, 'PT404 user_not_found {"users": 0}')
) r (s, e);

-- ---- erasing ----

create function pg_temp.erased(name text, options text default '') returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select coinslot_erase_user(%L, ''asked for on paper''%s) as e', pg_temp.id(erased.name), options
  ))
$$;
select is(pg_temp.erased('ann') ->> 'error', 'account_exists', 'the account goes first');
delete from auth.users u where u.id = pg_temp.id('ann');
select is(pg_temp.refusal(pg_temp.erased('ann')), 'PT409 not_erasable {"paid_tokens": 9}', 'tokens that were paid for are the person''s');
select is(pg_temp.refusal(pg_temp.as_service(format('select coinslot_erase_user(%L, '' '')', pg_temp.id('ann')))),
  'PT400 invalid_argument {"argument": "reason", "min_length": 1}', 'somebody says why');
select is(pg_temp.erased('ann', ', forfeit => true') #> '{e,done}', 'false', 'by default nothing is done');
select is((select count(*) from coinslot.erasures), 0::bigint, '... nothing');
select is(pg_temp.erased('ann', ', forfeit => true, dry_run => false, batch => 2') #> '{e,done}', 'false', 'long histories go in batches');
select is(pg_temp.as_owner(format($$update public.token_ledger set reason = 'x' where caller = 'user' and user_id = %L$$, pg_temp.id('ann'))) ->> 'error',
  'append_only', 'meanwhile nothing else may change');
select is(pg_temp.as_owner(format($$update public.token_ledger set delta = delta + 1, reason = '', metadata = '{}' where caller = 'user' and user_id = %L$$,
  pg_temp.id('ann'))) ->> 'error', 'append_only', '... no sum');
select is(pg_temp.as_owner(format($$update public.token_ledger set reason = '', metadata = '{}' where caller = 'user' and user_id = %L$$,
  pg_temp.id('ben'))) ->> 'error', 'append_only', '... and nobody else');
select is(pg_temp.erased('ann', ', forfeit => true, dry_run => false, batch => 2') #> '{e,done}', 'false', '... one after the other');
select is(pg_temp.erased('ann', ', forfeit => true, dry_run => false, batch => 2') - 'e' || jsonb_build_object('entries',
  (select e.entries from coinslot.erasures e where e.user_id = pg_temp.id('ann'))), '{"entries": 2}', '... to the end');
select is_empty($$
  select e.part from coinslot.export_parts() e
  where pg_temp.exported(pg_temp.id('ann')::text, e.part)::text ~* 'ann@|for my sister|to Ann|Ann asked|Gildong'
$$, 'nothing that identifies is left');
select is(pg_temp.history(pg_temp.id('ann')), 'signup_bonus 5, purchase 10, spend -1, grant 2, refund -1', 'the books stay');
select is((select count(*) from public.token_documents d where d.order_id = :'order_id'), 2::bigint, '... with their receipts');
select is_empty('select * from coinslot.verify_ledger(null, null)', '... and add up');
select is(
  (select array[a.action, a.reason] from coinslot.operator_actions a order by a.id desc limit 1),
  array['user_erased', 'asked for on paper'], 'why is kept'
);
select is(pg_temp.as_owner(format($$update public.token_ledger set reason = '', metadata = '{}' where caller = 'user' and user_id = %L$$,
  pg_temp.id('ann'))) ->> 'error', 'append_only', 'afterwards the ledger is closed again');
select is(pg_temp.erased('ann', ', forfeit => true, dry_run => false') #> '{e,done}', 'true', 'after a restore it is done again');
select is(
  (select r ->> 'until' from jsonb_array_elements(pg_temp.erased('ann', ', forfeit => true') #> '{e,kept}') r where r ->> 'what' like 'payments%'),
  make_date(extract(year from now() at time zone 'Asia/Seoul')::integer + 6, 12, 31)::text, 'what is kept has its end'
);
select pg_temp.change($$update coinslot.settings set retention = 'eu', keep_books_years = null$$) \g /dev/null
select is(
  (select r ->> 'until' from jsonb_array_elements(pg_temp.erased('ann', ', forfeit => true') #> '{e,kept}') r where r ->> 'what' like 'payments%'),
  make_date(extract(year from now() at time zone 'Asia/Seoul')::integer + 10, 12, 31)::text, '... by the law of the place'
);

select pg_temp.read(:'order_id',
  'A:paid paid=5000 refunded=1000 card={"brand":"Shinhan","last_four":"1234"} virtual_account={"bank":"Shinhan","holder":"HongGildong"}') \g /dev/null
select is(
  (select concat_ws(' ', a.refunded, a.card, a.virtual_account, p.virtual_account) from coinslot.payment_attempts a
   inner join public.token_payments p on p.id = a.payment_id where p.order_id = :'order_id'),
  '1000 {"bank": "Shinhan"} {"bank": "Shinhan"}', 'a later read brings its money, and nobody back'
);
-- ---- who is not erased ----

select is(pg_temp.as_service(format('select merge_token_wallets(%L, %L, ''m'') as m', pg_temp.id('cat'), pg_temp.id('dan'))) ? 'error', false, 'two become one');
delete from auth.users u where u.id in (pg_temp.id('cat'), pg_temp.id('eve'));
select is(pg_temp.refusal(pg_temp.erased('cat')), 'PT409 wallet_merged ' || jsonb_build_object('into_user', pg_temp.id('dan'))::text,
  'what was merged is another''s');
select pg_temp.arrive('fay') \g /dev/null
select pg_temp.read(pg_temp.as_user(pg_temp.id('fay'), $$select * from create_token_order('starter', 'portone')$$) ->> 'order_id',
  'A:paid paid=5000 disputed=5000') \g /dev/null
delete from auth.users u where u.id = pg_temp.id('fay');
select is(pg_temp.refusal(pg_temp.erased('fay', ', forfeit => true')), 'PT409 not_erasable {"orders": 1, "paid_tokens": 10}',
  'nor who disputes a payment');
select is(pg_temp.erased('eve') #> '{e,kept,0,what}', '"salted hashes of confirmed identities and of cards"', 'who bought nothing leaves hashes');
select is(pg_temp.erased('eve', ', dry_run => false') #> '{e,done}', 'true', '... and is erased at once');
select pg_temp.change($$update coinslot.erasures set finished_at = finished_at - interval '4 years'$$) \g /dev/null
select is(pg_temp.as_service('select coinslot_run_maintenance() as n') #>> '{n,purged,hashes}', '2', 'until those go, too');
select is((select count(*) from coinslot.identities i where i.user_id in (pg_temp.id('ann'), pg_temp.id('eve'))), 0::bigint, '... all of them');
select is((select count(*) from coinslot.identities i where i.user_id = pg_temp.id('ben')), 2::bigint, '... and nobody else''s');
select * from finish();
rollback;
