-- Balances of an app that counted tokens itself: each arrives once and to the token, or none does.
begin;
\ir helpers/call.sql
select plan(79);

-- The app's own table, as its owner made it, and who is in it: each with an old balance.
select pg_temp.change($$
  create table public.members (
    id uuid primary key references auth.users (id) on delete cascade,
    nickname text not null default '',
    tokens integer default 5 check (tokens > -100)
  );
  create index members_by_tokens on public.members (tokens);
  alter table public.members enable row level security;
  create policy "Everybody sees members" on public.members for select using (true);
  create policy "Members change themselves" on public.members for update using (auth.uid() = id);
  grant select, update on public.members to anon, authenticated, service_role;
$$);
create function pg_temp.member(tokens integer, email text, confirmed boolean default true)
returns uuid
language plpgsql as $$
declare
  v_id uuid := pg_temp.sign_up(member.email, member.confirmed);
begin
  insert into public.members (id, tokens) values (v_id, member.tokens);
  return v_id;
end
$$;
-- What an import answers, in one line; of a refusal, the list.
create function pg_temp.import(
  arguments text default $$'public.members', 'id', 'tokens'$$
) returns text
language sql as $$
  select coalesce(a ->> 'error', format(
    'users=%s tokens=%s bonuses=%s forgiven=%s%s', a ->> 'users', a ->> 'tokens', a ->> 'bonuses',
    a ->> 'forgiven', case when (a ->> 'replayed')::boolean then ' replayed' else '' end
  ))
  from pg_temp.as_owner('select * from coinslot.import_balances(' || arguments || ')') a
$$;
create function pg_temp.refused(variadic problems text[]) returns text
language sql as $$
  select 'public.members.tokens cannot be imported yet, and nothing was changed:' || E'\n- '
    || array_to_string(problems, E'\n- ')
$$;

select pg_temp.member(42, 'rich@example.com') as rich \gset
select pg_temp.member(0, 'poor@example.com') as poor \gset
select pg_temp.member(5, 'fresh@example.com') as fresh \gset
select pg_temp.member(7, 'unconfirmed@example.com', false) as unconfirmed \gset
select pg_temp.member(10, 'busy@example.com') as busy \gset
select pg_temp.member(0, 'spender@example.com') as spender \gset
select pg_temp.member(1, 'holder@example.com') as holder \gset
select pg_temp.member(0, 'debtor@example.com') as debtor \gset
select pg_temp.member(3, 'gone@example.com') as gone \gset
select pg_temp.sign_up('absent@example.com') as absent \gset

-- Meanwhile the app is live.
select pg_temp.as_user(:'busy', $$select * from spend_tokens(3, 'k')$$);
select pg_temp.as_service(format($$select * from add_tokens(%L, 100, 'k')$$, :'busy'));
select pg_temp.as_user(:'spender', $$select * from spend_tokens(4, 'k')$$);
select pg_temp.as_service(format($$select * from hold_tokens_for(%L, 3, 'k')$$, :'holder'));
select coinslot.post_entry(coinslot.new_entry(:'debtor', 'refund', -9, 'system')) as debt \gset
update auth.users set deleted_at = now() where id = :'gone';

-- Whoever is not the owner
select is(pg_temp.call(
  r.role, :'rich', $$select coinslot.import_balances('public.members', 'id', 'tokens')$$
) ->> 'error', 'permission denied for ' || r.what, r.role || ' imports nothing')
from (values
  ('anon', 'schema coinslot'), ('authenticated', 'function import_balances'),
  ('service_role', 'function import_balances')
) r (role, what);

-- What is in the way is said, all of it
update public.members set tokens = null where id = :'rich';
update public.members set tokens = -1 where id = :'poor';
select ok(
  pg_temp.import() like pg_temp.refused('user %with %: %', 'user %with %: %')
  and pg_temp.import() like format('%%user %s with null: no balance.%%', :'rich')
  and pg_temp.import() like format('%%user %s with -1: a balance below zero.%%', :'poor'),
  'balances that are none are listed by user'
);
select is(
  (select count(*) from pg_attribute
   where attrelid = 'public.members'::regclass and attname = 'tokens'), 1::bigint,
  'and the column is still there'
);
update public.members set tokens = 42 where id = :'rich';
update public.members set tokens = 0 where id = :'poor';
select is(pg_temp.wallet(:'rich'), 'tokens=5 held=0 seq=1', 'and no balance has moved');

create function pg_temp.refused_if(change text) returns text
language plpgsql as $$
declare
  v_answer text;
begin
  begin
    perform pg_temp.change(refused_if.change);
    v_answer := pg_temp.import();
    raise exception 'undo' using errcode = 'P0099';
  exception when sqlstate 'P0099' then
    null;
  end;
  perform set_config('role', 'none', true);
  return v_answer;
end
$$;
select is(pg_temp.refused_if(change), pg_temp.refused(problem), 'in the way: ' || name)
from (values
  ('a view', 'create view public.leaders as select id, tokens from public.members',
    'rule _RETURN on view public.leaders: it uses the column. Change or drop it first.'),
  ('a policy', 'create policy "Rich" on public.members for delete using (tokens > 9)',
    'policy Rich on table public.members: it uses the column. Change or drop it first.'),
  ('a generated column',
    'alter table public.members add twice integer generated always as (tokens * 2) stored',
    'default value for column twice of table public.members: it uses the column. Change or drop '
    'it first.'),
  ('an index on more', 'create index both_columns on public.members (nickname, tokens)',
    'index public.both_columns: it uses the column. Change or drop it first.'),
  ('a partial index', 'create index rich on public.members (tokens) where tokens > 9',
    'index public.rich: it uses the column. Change or drop it first.'),
  ('a check on more',
    $$alter table public.members add constraint named check (nickname > '' or tokens < 99)$$,
    'constraint named on table public.members: it uses the column. Change or drop it first.'),
  ('a function by name',
    $$create function public.old_spend(n integer) returns void language sql
      begin atomic; update public.members set tokens = tokens - n where id = auth.uid(); end$$,
    'function public.old_spend(integer): it uses the column. Change or drop it first.'),
  ('a function by its text',
    $$create function public.old_add(n integer) returns void language plpgsql as
      'begin update members set tokens = tokens + n; end'$$,
    'function public.old_add(integer): its text names the column. Change it first, or name it as '
    'checked.'),
  ('a trigger of the table',
    $$create function public.cap() returns trigger language plpgsql as
      'begin new.tokens := least(new.tokens, 9); return new; end';
      create trigger cap before update on public.members for each row
      execute function public.cap()$$,
    'function public.cap(): its text names the column. Change it first, or name it as checked.'),
  ('a computed field of theirs',
    $$create function public.tokens(m public.members) returns bigint language sql as 'select 1'$$,
    'function public.tokens(public.members): the computed field needs its name.')
) c (name, change, problem);
select is(
  pg_temp.refused_if($$alter table public.members alter tokens type numeric;
    update public.members set tokens = 1.5 where nickname = ''$$) like '%with 1.5: no whole number.%',
  true, 'in the way: fractions'
);
select is(
  pg_temp.refused_if($$alter table public.members alter tokens type numeric;
    update public.members set tokens = 'NaN'$$)
  like '%with NaN: more than 9007199254740991.%', true, 'in the way: what is no number'
);
select is(
  pg_temp.refused_if($$alter table public.members alter tokens type bigint;
    update public.members set tokens = 9007199254740991$$)
  like '%with 9007199254740991: too much, with what the wallet has.%', true,
  'in the way: what a wallet cannot have'
);
select is(
  pg_temp.refused_if($$alter table public.members drop constraint members_pkey;
    insert into public.members select * from public.members$$) like '%: more than one row.%',
  true, 'in the way: two balances of one user'
);
select is(
  pg_temp.refused_if($$alter table public.members drop constraint members_id_fkey;
    insert into public.members (id, tokens) values ('00000000-0000-4000-8000-0000000000ff', 1)$$),
  pg_temp.refused('user 00000000-0000-4000-8000-0000000000ff with 1: there is no such user.'),
  'in the way: a balance of nobody'
);
select is(
  pg_temp.refused_if(format($$set local role service_role;
    select merge_token_wallets(%L, %L, 'k'); reset role$$, :'unconfirmed', :'absent')),
  pg_temp.refused(format(
    'user %s with 7: it was merged into %s: move the balance there.', :'unconfirmed', :'absent'
  )),
  'in the way: a balance of somebody who was merged'
);
select is(
  pg_temp.refused_if($$alter table public.members drop constraint members_id_fkey;
    insert into public.members (id, tokens)
    select gen_random_uuid(), 1 from generate_series(1, 23)$$) like '%and 3 more', true,
  'a long list is cut, and says so'
);
select is(
  pg_temp.refused_if($$alter table public.members alter tokens drop default,
    drop constraint members_tokens_check, alter tokens type text$$),
  pg_temp.refused('public.members.tokens: it is text, and it has to be a number.'),
  'in the way: text'
);

-- Tables and columns that there are not
select is(pg_temp.import($$'public.members', 'user_id', 'nickname'$$),
  'public.members.nickname cannot be imported yet, and nothing was changed:' || E'\n- '
  'public.members.user_id: there is no such column.' || E'\n- '
  'public.members.nickname: it is text, and it has to be a number.',
  'columns are looked for first');
select is(pg_temp.import(format('%L, %L, %L', t.name, 'user_id', 'tokens'))
  like format('%%- %s: it is Coinslot''s own.%%', t.name), true, t.name || ' is out of bounds')
from (
  select c.oid::regclass::text as name from pg_class c
  where c.relkind = 'r' and (
    c.relnamespace = 'coinslot'::regnamespace and c.relname like 'imported%'
    or c.relnamespace = 'public'::regnamespace and c.relname like 'token\_%'
  )
) n
cross join lateral (
  select case when n.name like '%.%' then n.name else 'public.' || n.name end as name
) t;

-- Functions that the owner has looked at are no obstacle
select pg_temp.change($$create function public.greet() returns text language sql as
  'select ''members, earn tokens!'''$$);
select is(pg_temp.import(), pg_temp.refused('function public.greet(): its text names the column. '
  'Change it first, or name it as checked.'), 'a text that only mentions both is named');
select is(
  pg_temp.import($$'public.members', 'id', 'tokens', checked => array['public.greet()']::regprocedure[],
    reason => 'From before'$$),
  'users=9 tokens=68 bonuses=40 forgiven=11', 'and imported once somebody has looked at it'
);

-- To the token
select is(pg_temp.wallet(user_id), wallet, who) from (values
  (:'rich'::uuid, 'tokens=42 held=0 seq=2', 'the bonus is part of the old balance'),
  (:'poor', 'tokens=0 held=0 seq=2', 'and goes where there was nothing'),
  (:'fresh', 'tokens=5 held=0 seq=1', 'where it was all there was, nothing moves'),
  (:'unconfirmed', 'tokens=7 held=0 seq=1', 'without a bonus all of the balance comes'),
  (:'busy', 'tokens=107 held=0 seq=4', 'what was bought and spent meanwhile stays'),
  (:'spender', 'tokens=0 held=0 seq=3', 'what was spent of the bonus is forgiven'),
  (:'holder', 'tokens=3 held=3 seq=2', 'what is held stays held'),
  (:'debtor', 'tokens=-4 held=0 seq=2', 'a debt grows by nothing'),
  (:'gone', 'tokens=3 held=0 seq=2 closed', 'the books of somebody deleted are right as well'),
  (:'absent', 'tokens=5 held=0 seq=1', 'who is not in the table keeps the bonus')
) w (user_id, wallet, who);
select is(
  (select concat_ws(' ', l.kind, l.delta, l.balance, l.caller, l.reason, l.metadata)
   from public.token_ledger l where l.user_id = :'rich' and l.seq = 2),
  'adjustment 37 42 system From before {"tokens": 42, "imported_from": "public.members.tokens"}',
  'the entry says where it is from'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select is(
  (select format('%s %s %s', i.tokens, i.bonus, i.delta) from coinslot.imported_balances i
   where i.user_id = :'spender'), '0 5 -1', 'each old balance is kept'
);
select throws_ok('delete from coinslot.imported_balances', 'PT403', 'append_only',
  'and stays kept');

-- The bonus is had
update auth.users set email_confirmed_at = now() where id = :'unconfirmed';
select is(pg_temp.wallet(:'unconfirmed'), 'tokens=7 held=0 seq=1',
  'who came with a balance gets no bonus for what is confirmed later');

-- The computed field
select is(
  pg_temp.as_user(:'rich', format('select m.tokens from public.members m where id = %L', :'rich')),
  '{"tokens": 42}', 'the balance is read by its old name'
);
select is(
  pg_temp.as_user(:'rich', format('select * from public.members where id = %L',
    :'rich')) ? 'tokens',
  false, '* does not show it'
);
select is(
  pg_temp.as_user(:'rich', format('select m.tokens from public.members m where id = %L', :'busy')),
  '{"tokens": null}', 'other people''s balances are not shown, though their rows are'
);
select is(
  pg_temp.as_user(:'gone', format('select m.tokens from public.members m where id = %L', :'gone')),
  '{"tokens": 0}', 'nor has anybody who was deleted any to spend'
);
select is(
  pg_temp.as_user(:'rich', 'update public.members set tokens = 99') ->> 'error',
  'column "tokens" of relation "members" does not exist', 'writing it fails'
);

-- Again
select is(pg_temp.import(), 'users=9 tokens=68 bonuses=40 forgiven=11 replayed',
  'a second time it changes nothing and says so');
select is(pg_temp.wallet(:'rich'), 'tokens=42 held=0 seq=2', 'nothing at all');
select pg_temp.change('alter table public.members add tokens integer default 9');
select is(pg_temp.import() like '%cannot be imported again%there is such a column again.', true,
  'a column that came back is not taken for new balances');

-- A second table of the same app
select pg_temp.change(format(
  'create table public.credits as select %L::uuid as user_id, 8::bigint as amount', :'rich'
));
select is(pg_temp.import($$'public.credits', 'user_id', 'amount'$$),
  'users=1 tokens=8 bonuses=0 forgiven=0', 'the bonus is counted once');
select is(pg_temp.wallet(:'rich'), 'tokens=50 held=0 seq=3', 'and both balances arrive');

-- Merged accounts are one person, whether the import comes after the merge or before it
select pg_temp.sign_up('owner@example.com') as owner, pg_temp.sign_up('guest@example.com') as guest,
  pg_temp.sign_up('stranger@example.com') as stranger \gset
select pg_temp.change(format(
  'create table public.elders as select * from (values (%L::uuid, 12::bigint), (%L, 0)) b (id, old);
  create table public.bonus_points as select %L::uuid as id, 3::bigint as old',
  :'owner', :'guest', :'owner'
));
savepoint merged_afterwards;
select pg_temp.import($$'public.elders', 'id', 'old'$$) \gset
select is(
  pg_temp.as_service(format('select * from merge_token_wallets(%L, %L, %L)', :'guest', :'owner',
    'm'))
  ->> 'balance', '12', 'imported, then merged: the old balances and nothing else'
);
rollback to savepoint merged_afterwards;
select pg_temp.as_service(format(
  'select count(merge_token_wallets(m, %L, m::text)) from unnest(%L::uuid[]) m', :'owner',
  array[:'guest', :'stranger']
)) \gset
select is(pg_temp.import($$'public.elders', 'id', 'old'$$),
  'users=1 tokens=12 bonuses=15 forgiven=0', 'merged, then imported: the bonus of each is in it');
select is(pg_temp.wallet(:'owner'), 'tokens=12 held=0 seq=4', '... and it comes to the same');
select is(pg_temp.import($$'public.bonus_points', 'id', 'old'$$),
  'users=1 tokens=3 bonuses=0 forgiven=0', '... and no bonus is counted twice');

-- Old payments are read and not written, until they are opened again
select pg_temp.change(format($$
  create table public.payments (
    user_id uuid references auth.users (id) on delete cascade, amount integer
  );
  insert into public.payments values (%L, 5000), (%L, 12000);
  grant all on public.payments to anon, authenticated, service_role;
  create function public.pay() returns void language sql security definer as
    'insert into public.payments (amount) values (1)';
  select coinslot.close_table('public.payments');
  select coinslot.close_table('public.payments');
$$, :'rich', :'busy'));
create function pg_temp.writes(role text) returns text
language sql as $$
  select string_agg(distinct pg_temp.refusal(pg_temp.call(writes.role, null, w.statement)), ', ')
  from unnest(array[
    'insert into public.payments (amount) values (1)', 'update public.payments set amount = 1',
    'delete from public.payments', 'truncate public.payments', 'select public.pay()'
  ]) w (statement)
$$;
select is(
  pg_temp.writes(r.role), 'PT403 table_closed {"table": "public.payments"}',
  'closed to ' || r.role
) from unnest(array['anon', 'authenticated', 'service_role', 'postgres']) r (role);
select is(
  pg_temp.as_service('select sum(amount) as n from public.payments') ->> 'n', '17000',
  'and read as before'
);
delete from auth.users where id = :'busy';
select is((select count(*) from public.payments), 1::bigint,
  'a user who is deleted takes along what the app wants deleted');
select pg_temp.change($$select coinslot.open_table('public.payments')$$);
select is(
  pg_temp.as_service('insert into public.payments (amount) values (1) returning amount'),
  '{"amount": 1}', 'opened, it is as it was'
);
select pg_temp.change($$
  create function public.note() returns trigger language plpgsql as
    'begin insert into public.payments (user_id) values (new.id); return new; end';
  create trigger note after insert on public.members for each row execute function public.note();
$$);
select is(
  pg_temp.as_owner($$select coinslot.close_table('public.payments')$$) ->> 'error',
  'public.payments cannot be closed yet, and nothing was changed:' || E'\n- '
  'function public.note(): it is a trigger of public.members and names the table. Change it '
  'first, or name it as checked.', 'a trigger that writes into it is named'
);

select * from finish();
rollback;
