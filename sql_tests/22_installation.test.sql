-- The check of an installation: everything that can be missing or changed is named, and the repair
-- that it gives mends it.
begin;
\ir helpers/call.sql
set local client_min_messages = warning;
select plan(119);

create function pg_temp.found(quick boolean default false) returns text
language sql as $$
  select coalesce(string_agg(format('%s %s', c.code, c.subject), '; '), 'whole')
  from coinslot.check_installation(found.quick) c
$$;

-- Makes every repair that the check gives, as the project's owner. Answers what was found.
create function pg_temp.mended() returns text[]
language plpgsql as $$
declare
  v_found text[] := '{}';
  v_problem record;
begin
  perform set_config('role', 'postgres', true);
  for v_problem in select * from coinslot.check_installation()
  loop
    v_found := v_found || concat_ws(' ', v_problem.code, v_problem.subject);
    execute v_problem.repair;
  end loop;
  perform set_config('role', 'none', true);
  return v_found;
end
$$;

create function pg_temp.harm(somebody text, statement text) returns void
language plpgsql as $$
begin
  perform set_config('role', somebody, true);
  execute statement;
  perform set_config('role', 'none', true);
end
$$;

select is(pg_temp.found(), 'whole', 'a new installation is whole');
select is(
  pg_temp.as_service('select count(*) from public.coinslot_check_installation()'),
  '{"count": 0}', 'the service may ask'
);
select is(
  pg_temp.as_user(gen_random_uuid(), 'select public.coinslot_check_installation()') ->> 'code',
  '42501', 'users may not'
);

create temporary table harms (turn, somebody, harm, found) as values
-- triggers
(
  1, 'supabase_auth_admin',
  'drop trigger coinslot_user_created on auth.users',
  array['trigger_missing coinslot_user_created on auth.users']
),
(
  1, 'supabase_auth_admin',
  'drop trigger coinslot_user_deleted on auth.users',
  array['trigger_missing coinslot_user_deleted on auth.users']
),
(
  1, 'supabase_auth_admin',
  'drop trigger coinslot_user_identified on auth.users',
  array['trigger_missing coinslot_user_identified on auth.users']
),
(
  1, 'supabase_auth_admin',
  'drop trigger coinslot_user_reidentified on auth.users',
  array['trigger_missing coinslot_user_reidentified on auth.users']
),
(
  1, 'supabase_auth_admin',
  'drop trigger coinslot_identity_linked on auth.identities',
  array['trigger_missing coinslot_identity_linked on auth.identities']
),
(
  1, 'supabase_auth_admin',
  'drop trigger coinslot_profile_created on auth.users',
  array['trigger_missing coinslot_profile_created on auth.users']
),
(
  2, 'supabase_auth_admin',
  'alter table auth.users disable trigger coinslot_user_created',
  array['trigger_disabled coinslot_user_created on auth.users']
),
(
  2, 'supabase_auth_admin',
  'alter table auth.users disable trigger coinslot_user_identified',
  array['trigger_disabled coinslot_user_identified on auth.users']
),
(
  2, 'supabase_auth_admin',
  'alter table auth.identities enable replica trigger coinslot_identity_linked',
  array['trigger_disabled coinslot_identity_linked on auth.identities']
),
(
  3, 'postgres',
  'create or replace trigger coinslot_user_created after insert on auth.users for each row '
  'execute function coinslot.create_profile()',
  array['trigger_changed coinslot_user_created on auth.users']
),
(
  2, 'postgres',
  'create or replace trigger coinslot_user_deleted after insert on auth.users for each row '
  'execute function coinslot.follow_user()',
  array['trigger_changed coinslot_user_deleted on auth.users']
),
(
  3, 'postgres',
  'drop function coinslot.follow_identity() cascade',
  array[
    'function_missing coinslot.follow_identity()',
    'trigger_missing coinslot_identity_linked on auth.identities'
  ]
),
(
  1, 'postgres',
  'drop trigger token_ledger_append_only on public.token_ledger',
  array['trigger_missing token_ledger_append_only on public.token_ledger']
),
(
  1, 'postgres',
  'alter table public.token_payments disable trigger user',
  array[
    'trigger_disabled token_payments_cash_receipt on public.token_payments',
    'trigger_disabled token_payments_documented on public.token_payments',
    'trigger_disabled token_payments_ended on public.token_payments',
    'trigger_disabled token_payments_money_moved on public.token_payments',
    'trigger_disabled token_payments_reads_inserted on public.token_payments',
    'trigger_disabled token_payments_reads_moved on public.token_payments',
    'trigger_disabled token_payments_status_inserted on public.token_payments',
    'trigger_disabled token_payments_status_moved on public.token_payments',
    'trigger_disabled token_payments_told on public.token_payments'
  ]
),
-- functions
(
  1, 'postgres',
  'create or replace function coinslot.max_amount() returns bigint language sql immutable '
  'parallel safe set search_path = '''' return 9007199254740992',
  array['function_changed coinslot.max_amount()']
),
(
  1, 'postgres',
  'create or replace function coinslot.first_user(done integer) returns uuid language sql '
  'immutable set search_path = '''' as ''select null::uuid''',
  array['function_changed coinslot.first_user(integer)']
),
(
  1, 'postgres',
  'drop function public.use_feature',
  array['function_missing public.use_feature(text, text, jsonb)']
),
(
  2, 'postgres',
  'drop function coinslot.max_amount() cascade',
  array[
    'function_missing coinslot.max_amount()',
    'constraint_missing planned_prices_amount_positive on coinslot.planned_prices',
    'constraint_missing refunds_amount_positive on coinslot.refunds',
    'constraint_missing settings_signup_bonus_valid on coinslot.settings',
    'constraint_missing token_features_tokens_positive on public.token_features',
    'constraint_missing token_holds_amount_positive on coinslot.token_holds',
    'constraint_missing token_plans_tokens_in_range on public.token_plans',
    'constraint_missing token_plans_cap_with_rollover on public.token_plans',
    'constraint_missing token_prices_amount_positive on public.token_prices',
    'constraint_missing token_products_tokens_fit_kind on public.token_products'
  ]
),
(
  1, 'postgres',
  'alter function coinslot.spend_tokens security invoker',
  array['function_changed coinslot.spend_tokens(bigint, text, text, jsonb)']
),
(
  2, 'postgres',
  'alter function coinslot.spend_tokens reset search_path',
  array['function_changed coinslot.spend_tokens(bigint, text, text, jsonb)']
),
(
  1, 'postgres',
  'alter function public.coinslot_verify_ledger set statement_timeout = ''8s''',
  array['function_changed public.coinslot_verify_ledger(uuid, uuid)']
),
(
  1, 'postgres',
  'create function public.spend_tokens(amount integer, idempotency_key text) returns integer '
  'language sql return 1',
  array['function_rival public.spend_tokens(integer,text)']
),
(
  3, 'postgres',
  'create function public.use_feature(idempotency_key text, feature text, metadata text default '
  ''''', more text default '''') returns bigint language sql as ''select coinslot.max_amount()''',
  array['function_rival public.use_feature(text,text,text,text)']
),
(
  2, 'postgres',
  'alter function coinslot.reopen_wallet(uuid) strict',
  array['function_changed coinslot.reopen_wallet(uuid)']
),
(
  3, 'postgres',
  'drop type public.token_merge_receipt cascade',
  array[
    'type_missing public.token_merge_receipt',
    'function_missing coinslot.merge_receipt(coinslot.merged_wallets, boolean)',
    'function_missing coinslot.merge_wallets(uuid, uuid, text)',
    'function_missing coinslot.record_merge(coinslot.merged_wallets)',
    'function_missing public.merge_token_wallets(uuid, uuid, text)'
  ]
),
(
  1, 'postgres',
  'create function coinslot.available(n integer) returns integer language sql return 1',
  array['function_rival coinslot.available(integer)']
),
-- rights
(
  1, 'postgres',
  'grant execute on function public.add_tokens to authenticated',
  array['grants_added public.add_tokens(uuid, bigint, text, text, text, timestamp with time zone)']
),
(
  2, 'postgres',
  'grant execute on function public.add_tokens to public',
  array['grants_added public.add_tokens(uuid, bigint, text, text, text, timestamp with time zone)']
),
(
  1, 'postgres',
  'revoke execute on function public.spend_tokens(bigint, text, text, jsonb) from '
  'authenticated',
  array['grants_missing public.spend_tokens(bigint, text, text, jsonb)']
),
(
  1, 'postgres',
  'grant select on coinslot.settings to service_role',
  array['grants_added coinslot.settings']
),
(
  1, 'postgres',
  'grant update (tokens) on public.token_wallets to authenticated',
  array['grants_added public.token_wallets']
),
(
  1, 'postgres',
  'revoke select (amount) on coinslot.token_holds from authenticated',
  array['grants_missing coinslot.token_holds']
),
(
  1, 'postgres',
  'grant select on public.token_products to anon with grant option',
  array['grants_added public.token_products']
),
(
  1, 'postgres',
  'revoke usage on type public.token_receipt from authenticated',
  array['grants_missing public.token_receipt']
),
(
  1, 'postgres',
  'alter table coinslot.refunds force row level security',
  array['table_changed coinslot.refunds']
),
(
  1, 'postgres',
  'create policy "Everybody" on public.token_wallets for select to authenticated using (true)',
  array['policy_added "Everybody" on public.token_wallets']
),
(
  3, 'postgres',
  'alter policy "People read their own wallet" on public.token_wallets to anon, authenticated',
  array['policy_changed "People read their own wallet" on public.token_wallets']
),
(
  1, 'postgres',
  'revoke usage on schema coinslot from authenticated',
  array['grants_missing coinslot']
),
(
  2, 'postgres',
  'alter table public.token_wallets disable row level security',
  array['row_security_off public.token_wallets']
),
(
  1, 'postgres',
  'drop policy "Nobody reads settings through the API" on coinslot.settings',
  array['policy_missing "Nobody reads settings through the API" on coinslot.settings']
),
(
  2, 'postgres',
  'alter policy "Nobody reads settings through the API" on coinslot.settings using (true)',
  array['policy_changed "Nobody reads settings through the API" on coinslot.settings']
),
(
  1, 'postgres',
  'alter view public.token_offers reset (security_invoker)',
  array['view_changed public.token_offers']
),
-- tables
(
  1, 'postgres',
  'alter table public.token_wallets drop constraint token_wallets_held_in_range',
  array['constraint_missing token_wallets_held_in_range on public.token_wallets']
),
(
  1, 'postgres',
  'alter table public.token_wallets drop constraint token_wallets_seq_not_negative, '
  'add constraint token_wallets_seq_not_negative check (seq >= -1)',
  array['constraint_changed token_wallets_seq_not_negative on public.token_wallets']
),
(
  1, 'postgres',
  'alter table public.token_prices drop constraint token_prices_product_id_fkey, '
  'add constraint token_prices_product_id_fkey foreign key (product_id) '
  'references public.token_products (id)',
  array['constraint_changed token_prices_product_id_fkey on public.token_prices']
),
(
  2, 'supabase_admin',
  'alter table public.token_prices disable trigger all',
  array[
    'constraint_changed planned_prices_product_id_fkey on coinslot.planned_prices',
    'constraint_changed token_prices_product_id_fkey on public.token_prices'
  ]
),
(
  3, 'postgres',
  'alter table public.token_products drop constraint token_products_pkey cascade',
  array[
    'constraint_missing token_payments_product_id_fkey on public.token_payments',
    'constraint_missing token_plans_id_fkey on public.token_plans',
    'constraint_missing top_ups_product_id_fkey on coinslot.top_ups',
    'constraint_missing token_prices_product_id_fkey on public.token_prices',
    'constraint_missing token_tiers_product_id_fkey on public.token_tiers',
    'constraint_missing token_products_pkey on public.token_products'
  ]
),
(
  1, 'postgres',
  'drop index public.token_ledger_idempotency; create unique index token_ledger_idempotency on '
  'public.token_ledger (user_id, idempotency_key) where idempotency_key is not null',
  array['index_changed public.token_ledger_idempotency']
),
(
  1, 'postgres',
  'alter table public.token_ledger alter delta drop not null, alter kind set default ''grant''',
  array[
    'column_changed delta of public.token_ledger', 'column_changed kind of public.token_ledger'
  ]
),
(
  1, 'postgres',
  'alter table public.token_ledger alter created_at drop default',
  array['column_changed created_at of public.token_ledger']
),
(
  1, 'postgres',
  'create rule lost as on insert to public.token_ledger do instead nothing',
  array['rule_added lost on public.token_ledger']
),
(
  1, 'postgres',
  'drop index coinslot.payment_transitions_to_status',
  array['index_missing coinslot.payment_transitions_to_status']
),
-- rows
(
  1, 'postgres',
  'delete from coinslot.errors where message = ''forbidden''',
  array['rows_missing coinslot.errors forbidden']
),
(
  2, 'postgres',
  'update coinslot.errors set sqlstate = ''PT400'' where message = ''forbidden''',
  array['rows_changed coinslot.errors forbidden']
),
(
  1, 'postgres',
  'delete from coinslot.gateways where id = ''toss''',
  array['rows_missing coinslot.gateways toss']
),
(
  1, 'postgres',
  'delete from coinslot.payment_transitions where (from_status, to_status) = (''pending'', '
  '''completed'')',
  array['rows_missing coinslot.payment_transitions pending completed']
),
(
  1, 'postgres',
  'update coinslot.payment_statuses set settled = true where status = ''pending''',
  array['rows_changed coinslot.payment_statuses pending']
),
(
  1, 'postgres',
  'insert into coinslot.payment_transitions values (''canceled'', ''pending'')',
  array['rows_added coinslot.payment_transitions canceled pending']
),
(
  2, 'postgres',
  'delete from coinslot.settings',
  array['settings_missing coinslot.settings']
);

-- Those of one turn at once, each of another thing.
create temporary table turns (turn integer, found text[], left_over text);
do $$
declare
  v_turn integer;
begin
  for v_turn in select distinct h.turn from harms h order by 1
  loop
    perform pg_temp.harm(h.somebody, h.harm) from harms h where h.turn = v_turn;
    insert into turns values (v_turn, pg_temp.mended(), pg_temp.found());
  end loop;
end
$$;
select is(
  array(select unnest(h.found) intersect select unnest(t.found) order by 1),
  array(select f.line from unnest(h.found) f (line) order by 1), h.harm
) from harms h inner join turns t on t.turn = h.turn;
select is(
  array(select unnest(t.found) except select unnest(h.found) from harms h where h.turn = t.turn),
  '{}', 'nothing else is found in turn ' || t.turn
) from turns t;
select is(t.left_over, 'whole', 'the repairs of turn ' || t.turn || ' mend everything')
from turns t;

-- A table of the app has the name of its row type, and a computed field may be called as ours
select pg_temp.harm('postgres', h.harm) from (values
('a computed field of the app', 'create table public.app_people (id uuid); create function '
  'public.tokens(p public.app_people) returns integer language sql return 1'),
('a gateway of the shop', 'insert into coinslot.gateways (id, name) values (''acme'', ''Acme'')'),
('a gateway that is off', 'update coinslot.gateways set active = false, name = ''P''
  where id = ''portone'''),
('settings of the shop', 'update coinslot.settings set signup_bonus = 7'),
('a trigger of the app', 'create function public.f() returns trigger language plpgsql as '
  '''begin return new; end''; create trigger f after insert on public.token_ledger '
  'for each row execute function public.f()'),
('a table of the app', 'create table public.token_blacklist (id uuid)'),
('an index of the app', 'create index by_amount on public.token_payments (amount)'),
('a product', 'select from coinslot.set_product(''poem'', ''A poem'', prices => ''{"EUR": 300}'')'),
('a function of one of our names that calls can be told from', 'create function '
  'public.spend_tokens(amount integer) returns integer language sql return 1'),
('the same, with the names of ours and one more that it has to have', 'create function '
  'public.use_feature(feature text, idempotency_key text, n integer) returns integer '
  'language sql return 1'),
('the same without names', 'create function public.use_feature(text, text) returns integer '
  'language sql return 1')
) h (what, harm);
select is(pg_temp.found(), 'whole', 'what apps and shops add is not of the release');

-- Whose trigger it is not
create function public.nothing() returns trigger
language plpgsql as $$ begin return null; end $$;
savepoint foreign_trigger;
select pg_temp.harm('supabase_auth_admin', 'drop trigger coinslot_user_identified on auth.users');
select pg_temp.harm('supabase_auth_admin',
  'create constraint trigger coinslot_user_identified after insert on auth.users '
  'deferrable initially deferred for each row execute function public.nothing()');
select is(
  pg_temp.found(), 'trigger_changed coinslot_user_identified on auth.users',
  'a deferred trigger that calls something else'
);
select is(
  pg_temp.as_owner(
    'select coinslot.repair(''trigger'', ''coinslot_user_identified on auth.users'')'
  ) ->> 'code', '55000', '... has to go by the hand of Auth'
);
rollback to savepoint foreign_trigger;

-- What no statement brings back, or only somebody else's: what to do is said
create function pg_temp.told(somebody text, harm text) returns setof text
language plpgsql as $$
declare
  v_problem record;
begin
  perform pg_temp.harm(told.somebody, told.harm);
  for v_problem in select * from coinslot.check_installation()
  loop
    return next concat_ws(
      ' | ', v_problem.code, v_problem.subject, v_problem.problem, v_problem.repair
    );
  end loop;
end
$$;
savepoint by_hand;
select results_eq(
  $$select pg_temp.told('postgres', 'alter table public.token_payment_events drop column reason')$$,
  array['column_missing | reason of public.token_payment_events | It is not there. | '
    '-- Restore it from a backup: no release brings what was in it.'], 'a column is gone'
);
rollback to savepoint by_hand;
select results_eq(
  $$select pg_temp.told(
    'postgres', 'alter table coinslot.discrepancies alter resolution type varchar(99)'
  )$$,
  array['column_changed | resolution of coinslot.discrepancies | It is not as this release has '
    'it: type is character varying(99) and has to be text. | -- Look at its rows, and change it back: '
    'alter table coinslot.discrepancies alter column resolution …'], 'a column has another type'
);
rollback to savepoint by_hand;
select results_eq(
  $$select pg_temp.told('postgres', 'alter table public.token_ledger add note text')$$,
  array['column_added | note of public.token_ledger | No release brings it. | -- Keep what it has '
    'in a table of your own, and drop it: alter table public.token_ledger drop column note;'],
  'a column is too much'
);
rollback to savepoint by_hand;
select results_eq(
  $$select pg_temp.told('postgres', 'alter type public.coinslot_product add attribute note text')$$,
  array['type_changed | public.coinslot_product | It is not as this release has it: fields is id '
    'text, kind text, name text, name_ko text, tokens bigint, active boolean, prices jsonb, '
    'tokens_last_days integer, tokens_end_at timestamp with time zone, note text and has to be id text, kind text, name text, name_ko text, tokens bigint, '
    'active boolean, prices jsonb, tokens_last_days integer, tokens_end_at timestamp with time '
    'zone. | -- Change it back: alter type public.coinslot_product …'],
  'a type has a field too many'
);
rollback to savepoint by_hand;
select results_eq(
  $$select pg_temp.told(
    'supabase_admin', 'alter function public.get_user_tokens owner to supabase_auth_admin'
  )$$,
  array['owner_changed | public.get_user_tokens() | It is not as this release has it: owner. | '
    'alter function public.get_user_tokens() owner to postgres;'], 'a function has another owner'
);
rollback to savepoint by_hand;
select results_eq(
  $$select pg_temp.told('supabase_admin', 'alter table coinslot.settings owner to supabase_auth_admin')$$,
  array['owner_changed | coinslot.settings | It is not as this release has it: owner. | alter table '
    'coinslot.settings owner to postgres;'], 'a table has another owner'
);
rollback to savepoint by_hand;

-- In short, for a server that asks often
savepoint quick;
select pg_temp.harm('supabase_auth_admin', 'drop trigger coinslot_user_created on auth.users');
select is(
  pg_temp.found(true), 'trigger_missing coinslot_user_created on auth.users',
  'the quick check compares with the release, too'
);
rollback to savepoint quick;

-- Users and wallets
select pg_temp.sign_up('mina@example.com') as mina, pg_temp.sign_up('alex@example.com') as alex
\gset
select is(pg_temp.found(), 'whole', 'with people it is whole, too');
select throws_ok(
  'select coinslot.prepare_restore()', '55000', null,
  'nothing is emptied where anybody has a wallet'
);
set local session_replication_role = replica;
select pg_temp.sign_up('unseen@example.com') as unseen \gset
set local session_replication_role = origin;
select is(pg_temp.found(), 'wallet_missing auth.users', 'a sign-up that no trigger saw');
select is(pg_temp.found(true), 'whole', '... is none of the quick check''s affair');
select is(pg_temp.mended(), array['wallet_missing auth.users'], '... is made up for');
select is(pg_temp.wallet(:'unseen'), 'tokens=7 held=0 seq=1', '... with the bonus');
set local session_replication_role = replica;
delete from auth.users where id = :'alex';
set local session_replication_role = origin;
select is(
  pg_temp.mended(), array['user_missing public.token_wallets'],
  'a deletion that no trigger saw'
);
select is(pg_temp.wallet(:'alex'), 'tokens=7 held=0 seq=1 closed', '... closes the wallet');
select is(pg_temp.wallet(:'mina'), 'tokens=7 held=0 seq=1', '... and no other');

set local session_replication_role = replica;
insert into auth.users (id, email, email_confirmed_at) values (:'alex', 'alex@example.com', now());
set local session_replication_role = origin;
select is(
  pg_temp.mended(), array['user_shut_out public.token_wallets'], 'nor one who came back'
);
select is(pg_temp.wallet(:'alex'), 'tokens=7 held=0 seq=1', '... finds it open again');
update auth.users set deleted_at = now() where id = :'alex';
select is(pg_temp.found(), 'whole', '... and who is deleted softly has a closed one by right');
update auth.users set deleted_at = null where id = :'alex';
select pg_temp.sign_up('guest@example.com', false) as guest \gset
select pg_temp.as_service(format(
  'select * from merge_token_wallets(%L, %L, %L)', :'guest', :'alex', 'm'
)) \gset
select is(pg_temp.found(), 'whole', '... as has who was merged');
delete from auth.users where id = :'guest';

-- Settings made anew would pay everybody again, and be in test mode
savepoint settings;
delete from coinslot.settings;
select is(
  (select c.repair from coinslot.check_installation() c where c.code = 'settings_missing'),
  '-- Restore it from a backup: the mode and identity_salt above all.',
  'settings are not made up where anybody has a wallet'
);
rollback to savepoint settings;

-- Nobody is closed out by a restore that has not come to the users yet
savepoint users;
set local session_replication_role = replica;
delete from auth.users;
set local session_replication_role = origin;
select is(
  pg_temp.mended(), array['user_missing public.token_wallets'], 'a database without any user'
);
select is(pg_temp.wallet(:'mina'), 'tokens=7 held=0 seq=1', '... closes nobody''s wallet');
rollback to savepoint users;

-- A user without a wallet does not have the others paid again
savepoint again;
set local session_replication_role = replica;
select pg_temp.sign_up('second@example.com') as second \gset
set local session_replication_role = origin;
delete from coinslot.identities;
select is(
  pg_temp.mended(), array['identities_lost coinslot.identities', 'wallet_missing auth.users'],
  'identities that were lost, and a sign-up that no trigger saw'
);
select is(
  array[pg_temp.wallet(:'mina'), pg_temp.wallet(:'second')],
  array_fill('tokens=7 held=0 seq=1'::text, array[2]), '... pay the one who has no wallet'
);
rollback to savepoint again;

-- What was changed by hand before an upgrade does not become of the release by it
savepoint upgrade;
select pg_temp.harm('postgres', h.harm) from (values
(1, 'create or replace function coinslot.max_amount() returns bigint language sql immutable '
  'parallel safe set search_path = '''' return 5'),
(2, 'create or replace function coinslot.operator_roles() returns text[] language sql immutable '
  'parallel safe set search_path = '''' return array[''owner'']'),
(3, 'drop index coinslot.payment_transitions_to_status'),
(4, 'create policy "Everybody" on public.token_wallets for select to authenticated using (true)'),
(5, 'create index by_tokens on public.token_payments (tokens)'),
(6, 'select coinslot.begin_upgrade()'),
(7, 'create or replace function coinslot.operator_roles() returns text[] language sql immutable '
  'parallel safe set search_path = '''' return array[''owner'']'),
(8, 'create function coinslot.new_in_this_release() returns integer language sql return 1'),
(9, 'select coinslot.write_manifest()'),
(10, 'drop index public.by_tokens')
) h (turn, harm) order by h.turn;
select is(
  pg_temp.mended(), array[
    'function_changed coinslot.max_amount()',
    'index_missing coinslot.payment_transitions_to_status',
    'policy_added "Everybody" on public.token_wallets'
  ], 'the upgrade has made one of them its own, and the check still names the others'
);
select is(pg_temp.found(), 'whole', '... until they are repaired, to what the release before had');
select pg_temp.harm('postgres', 'drop function coinslot.new_in_this_release()');
select is(
  pg_temp.found(), 'function_missing coinslot.new_in_this_release()',
  '... and what the upgrade has made is of the release'
);
rollback to savepoint upgrade;

-- A push may stop between two files: what is here is of neither release then
savepoint unfinished;
select pg_temp.harm('postgres', h.harm) from (values
(1, 'create or replace function coinslot.max_amount() returns bigint language sql immutable '
  'parallel safe set search_path = '''' return 5'),
(2, 'select coinslot.begin_upgrade()'),
(3, 'create or replace function coinslot.operator_roles() returns text[] language sql immutable '
  'parallel safe set search_path = '''' return array[''owner'']'),
(4, 'drop index coinslot.payment_transitions_to_status'),
(5, 'create function public.spend_tokens(amount integer, idempotency_key text) returns integer '
  'language sql return 1')
) h (turn, harm) order by h.turn;
select results_eq(
  'select c.code, c.subject, c.problem, c.repair, c.stops_buyers from coinslot.check_installation() c',
  $$values (
    'upgrade_unfinished', 'coinslot',
    'An upgrade has begun and is not finished: until then nothing can be compared.',
    '-- Push the migrations again: the last one ends the upgrade.', false
  )$$, 'an upgrade that has begun is said, and no difference to the release before'
);
select is(pg_temp.found(true), 'upgrade_unfinished coinslot', '... in short, too');
select is(
  coinslot.stops_buyers('upgrade_unfinished'), false, '... and servers go on during a push'
);
select is(
  pg_temp.as_owner(
    'select coinslot.repair(''function'', ''coinslot.operator_roles()'')'
  ) ->> 'code', '55000', 'nothing of the release before is put over what is newer'
);
select is(
  coinslot.operator_roles(), array['owner'], '... and it stays as the upgrade has made it'
);
select pg_temp.harm(h.somebody, h.harm) from (values
('postgres', 'create rule lost as on insert to public.token_ledger do instead nothing'),
('postgres', 'delete from coinslot.settings')
) h (somebody, harm);
select is(
  pg_temp.found(true),
  'rule_added lost on public.token_ledger; settings_missing coinslot.settings; '
  'upgrade_unfinished coinslot', 'what no release is needed to see is said besides'
);
rollback to savepoint unfinished;
select pg_temp.harm(
  'postgres', 'create or replace function coinslot.max_amount() returns bigint language sql '
  'immutable parallel safe set search_path = '''' return 5'
);
select pg_temp.as_owner('select coinslot.begin_upgrade()') as begun \gset
select pg_temp.harm(
  'postgres', 'create or replace function coinslot.operator_roles() returns text[] language sql '
  'immutable parallel safe set search_path = '''' return array[''owner'']'
);
select is(
  pg_temp.as_owner('select coinslot.begin_upgrade()'), :'begun'::jsonb,
  'begun again, it keeps what was found before it first began'
);
select pg_temp.harm('postgres', 'select coinslot.write_manifest()');
select is(
  pg_temp.found(), 'function_changed coinslot.max_amount()',
  '... which is said when it is finished, and nothing that the upgrade has made'
);
select is(
  to_regprocedure('coinslot.unfinished_upgrade()'), null, '... and nothing is left of it'
);
select is(
  pg_temp.as_owner('select coinslot.begin_upgrade()'), :'begun'::jsonb,
  'the next upgrade finds the same again'
);
select pg_temp.harm('postgres', 'select coinslot.write_manifest()');
select is(pg_temp.mended(), array['function_changed coinslot.max_amount()'], '... until it is');
select is(coinslot.operator_roles(), array['owner'], '... repaired, and nothing else with it');
rollback to savepoint unfinished;

-- What is of the app is of no release, also where it calls Coinslot
savepoint theirs;
select pg_temp.harm('postgres', h.harm) from (values
(1, 'create table public.members (id uuid primary key, of uuid unique, tokens integer)'),
(2, 'create table public.old_payments (id uuid)'),
(3, 'select from coinslot.import_balances(''public.members'', ''of'', ''tokens'')'),
(4, 'select coinslot.close_table(''public.old_payments'')'),
(5, 'select coinslot.write_manifest()'),
(6, 'drop table public.members cascade'),
(7, 'select coinslot.open_table(''public.old_payments'')')
) h (turn, harm) order by h.turn;
select is(pg_temp.found(), 'whole', 'a table of the app opens and goes when the app wants');
rollback to savepoint theirs;

-- The salt, and what it salts
savepoint salt;
update coinslot.settings set identity_salt = 'another';
select is(
  (select c.code || ': ' || c.problem from coinslot.check_installation() c),
  'identities_lost: 3 of 3 users who got the sign-up bonus are not in it: they can get it again.',
  'another salt'
);
rollback to savepoint salt;
delete from coinslot.identities i where i.user_id = :'mina';
select is(
  (select c.code || ': ' || c.problem from coinslot.check_installation() c),
  'identities_lost: 1 of 3 users who got the sign-up bonus are not in it: they can get it again.',
  'identities that were left out of a restore'
);
rollback to savepoint salt;

-- What the sidecar counts as not ready
select is(
  (select string_agg(c.stops_buyers::text, ' ' order by c.code)
   from (values ('function_changed'), ('grants_added'), ('grants_missing'), ('trigger_missing'))
     v (code)
   cross join lateral (select v.code, coinslot.stops_buyers(v.code)) c (code, stops_buyers)),
  'false false true true', 'what lets more happen stops nobody, what lets less happen does'
);

-- The check itself
select is(
  (select count(*) from coinslot.check_installation()), 0::bigint, 'whole again before the last'
);
drop function coinslot.manifest();
select is(
  (select format('%s %s', c.code, c.stops_buyers) from coinslot.check_installation(true) c),
  'manifest_missing t', 'nothing to compare with is not whole'
);
select pg_temp.change('select coinslot.write_manifest()');
select is(pg_temp.found(), 'whole', '... and the check compares with it');
select throws_ok(
  'select coinslot.repair(''function'', ''public.nothing()'')', '55000', null,
  'a repair makes nothing that is not of this release'
);

select * from finish();
rollback;
