-- From an app that counted tokens before: its balances come here, its payments stay to be read.
--
-- The project's owner calls these functions with SQL; nobody else may. All of an import is one
-- transaction: balances arrive, the old column goes, and a computed field of its name takes its
-- place. What stands in the way is said first, all of it, and nothing has changed then.
--
-- The old balance has what the app gave people for signing up. So the bonus that Coinslot has paid
-- them is part of it, and what comes in is the rest: whatever they have bought or spent here in the
-- meantime stays as it is. A balance is added, never set.

create table coinslot.imported_columns (
  name text not null,
  imported_at timestamptz not null default clock_timestamp(),
  constraint imported_columns_pkey primary key (name)
);
comment on table coinslot.imported_columns is 'Columns whose balances were imported, and are gone.';
comment on column coinslot.imported_columns.name is 'schema.table.column';

-- No foreign key to the column: rows are written with it in one function and never change, and
-- the check would be a seventh of the import.
create table coinslot.imported_balances (
  column_name text not null,
  user_id uuid not null,
  tokens bigint not null,
  bonus bigint not null,
  delta bigint not null,
  constraint imported_balances_pkey primary key (column_name, user_id),
  constraint imported_balances_tokens_in_range
  check (tokens between 0 and 9007199254740991),
  constraint imported_balances_bonus_not_negative check (bonus >= 0),
  constraint imported_balances_takes_the_bonus_at_most
  check (delta between tokens - bonus and tokens)
);
comment on table coinslot.imported_balances is 'Each balance as it was, and what was made of it.';
comment on column coinslot.imported_balances.tokens is 'The old balance.';
comment on column coinslot.imported_balances.bonus is
'The sign-up bonus that Coinslot had paid already, and that the old balance therefore has.';
comment on column coinslot.imported_balances.delta is
'What the import moved: tokens - bonus, but for what had been spent of a larger bonus.';

alter table coinslot.imported_columns enable row level security;
alter table coinslot.imported_balances enable row level security;
revoke all on table coinslot.imported_columns, coinslot.imported_balances
from anon, authenticated, service_role;
create policy "Nobody reads imports through the API" on coinslot.imported_columns
for select to anon, authenticated using (false);
create policy "Nobody reads imports through the API" on coinslot.imported_balances
for select to anon, authenticated using (false);

create trigger imported_columns_append_only before update or delete or truncate
on coinslot.imported_columns
for each statement execute function coinslot.refuse_change();
create trigger imported_balances_append_only before update or delete or truncate
on coinslot.imported_balances
for each statement execute function coinslot.refuse_change();

-- Raises one readable list, or nothing. Somebody with a hundred thousand users sees the first ones.
create function coinslot.refuse_problems(what text, problems text[]) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_shown constant integer := 20;
  v_more integer := cardinality(problems) - v_shown;
begin
  if cardinality(problems) > 0 then
    raise exception using
      errcode = 'object_not_in_prerequisite_state',
      message = what || ', and nothing was changed:' || E'\n- '
        || array_to_string(problems[1:v_shown], E'\n- ')
        || case when v_more > 0 then format(E'\n- and %s more', v_more) else '' end;
  end if;
end
$$;
comment on function coinslot.refuse_problems(text, text[]) is
'Refuses with all that is in the way.';
revoke all on function coinslot.refuse_problems(text, text[]) from public;

-- A table of the app: an ordinary one, whose owner asks. Coinslot's own are out of bounds.
create function coinslot.table_problems(app_table regclass) returns setof text
language sql stable set search_path = '' as $$
  select format('%s: %s', table_problems.app_table, p.problem)
  from pg_catalog.pg_class c
  cross join lateral (values
    (c.relnamespace = 'coinslot'::regnamespace or c.oid = any(array[
      'public.token_documents', 'public.token_features', 'public.token_ledger',
      'public.token_lots', 'public.token_payment_events',
      'public.token_payments', 'public.token_plans', 'public.token_prices',
      'public.token_products', 'public.token_subscription_events',
      'public.token_subscriptions', 'public.token_tiers', 'public.token_wallets'
    ]::regclass[]), 'it is Coinslot''s own.'),
    (c.relkind <> 'r' or c.relispartition or c.relhassubclass, 'it is no ordinary table.'),
    (not pg_has_role(c.relowner, 'usage'), current_user || ' does not own it.')
  ) p (applies, problem)
  where c.oid = table_problems.app_table and p.applies
$$;
comment on function coinslot.table_problems(regclass) is
'Reasons why a table is none that can be imported or closed.';
revoke all on function coinslot.table_problems(regclass) from public;

create function coinslot.column_problems(app_table regclass, user_column name, tokens_column name)
returns setof text
language sql stable set search_path = '' as $$
  select format('%s.%I: %s', column_problems.app_table, w.name, case
    when a.attname is null then 'there is no such column.'
    else format('it is %s, and it has to be %s.', a.atttypid::regtype, w.kind)
  end)
  from (values
    (column_problems.user_column, 'uuid'), (column_problems.tokens_column, 'a number')
  ) w (name, kind)
  left join pg_catalog.pg_attribute a
    on a.attrelid = column_problems.app_table and a.attname = w.name
    and a.attnum > 0 and not a.attisdropped
  left join pg_catalog.pg_type t on t.oid = a.atttypid
  where (
    case w.kind when 'uuid' then t.oid = 'uuid'::regtype else t.typcategory = 'N' end
  ) is not true
$$;
comment on function coinslot.column_problems(regclass, name, name) is
'Columns that are missing or of another type.';
revoke all on function coinslot.column_problems(regclass, name, name) from public;

-- Everything that Postgres knows to use the column, but for what is of the column alone and goes
-- with it: its default, its own constraints, an index on nothing else.
create function coinslot.dependent_objects(app_table regclass, tokens_column name)
returns setof text
language sql stable set search_path = '' as $$
  select distinct
    pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
    || ': it uses the column. Change or drop it first.'
  from pg_catalog.pg_attribute a
  inner join pg_catalog.pg_depend d
    on d.refclassid = 'pg_catalog.pg_class'::regclass
    and d.refobjid = a.attrelid and d.refobjsubid = a.attnum
  left join pg_catalog.pg_attrdef f
    on d.classid = 'pg_catalog.pg_attrdef'::regclass and f.oid = d.objid
    and f.adrelid = a.attrelid and f.adnum = a.attnum
  left join pg_catalog.pg_constraint c
    on d.classid = 'pg_catalog.pg_constraint'::regclass and c.oid = d.objid
    and c.conrelid = a.attrelid and c.conkey = array[a.attnum] and c.contype in ('c', 'n', 'u')
  left join pg_catalog.pg_index i
    on d.classid = 'pg_catalog.pg_class'::regclass and i.indexrelid = d.objid
    and i.indkey::text = a.attnum::text and i.indpred is null
  where a.attrelid = dependent_objects.app_table and a.attname = dependent_objects.tokens_column
    and num_nonnulls(f.oid, c.oid, i.indexrelid) = 0
$$;
comment on function coinslot.dependent_objects(regclass, name) is
'Views, policies, triggers and more that use a column.';
revoke all on function coinslot.dependent_objects(regclass, name) from public;

-- A name as a word in a text, as a regular expression.
create function coinslot.word(name text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select '\m' || regexp_replace(word.name, '(\W)', '\\\1', 'g') || '\M'
$$;
comment on function coinslot.word(text) is 'Matches a name in a text, but not as part of another.';
revoke all on function coinslot.word(text) from public;

-- Postgres does not know what a function's text means. One that names table and column, or that is
-- a trigger of the table and names the column, would fail once the column is gone, perhaps in a
-- sign-up. The owner has looked at those in `checked`.
create function coinslot.dependent_functions(
  app_table regclass, tokens_column name, checked regprocedure[]
) returns setof text
language sql stable set search_path = '' as $$
  select format('function %s: %s', p.oid::regprocedure, case
    when p.proname = dependent_functions.tokens_column
      and p.proargtypes::text = c.reltype::text then 'the computed field needs its name.'
    else 'its text names the column. Change it first, or name it as checked.'
  end)
  from pg_catalog.pg_class c
  cross join pg_catalog.pg_proc p
  where c.oid = dependent_functions.app_table
    and p.pronamespace not in ('coinslot'::regnamespace, 'information_schema'::regnamespace)
    and p.pronamespace::regnamespace::text not like 'pg\_%'
    and p.oid <> all(dependent_functions.checked)
    and p.prosrc !~ '\mcoinslot\.available\M'
    and (
      (p.proname = dependent_functions.tokens_column and p.proargtypes::text = c.reltype::text)
      or p.prosrc ~* coinslot.word(dependent_functions.tokens_column) and (
        p.prosrc ~* coinslot.word(c.relname)
        or exists (select from pg_catalog.pg_trigger t where t.tgrelid = c.oid and t.tgfoid = p.oid)
      )
    )
$$;
comment on function coinslot.dependent_functions(regclass, name, regprocedure[]) is
'Functions whose text seems to use a column.';
revoke all on function coinslot.dependent_functions(regclass, name, regprocedure[]) from public;

create type coinslot.old_balance as (user_id uuid, tokens numeric);
comment on type coinslot.old_balance is 'A row of an app''s table, as far as it is imported.';
revoke all on type coinslot.old_balance from public;

-- With row security off a role that would be shown some of the rows is refused: the column goes.
create function coinslot.old_balances(app_table regclass, user_column name, tokens_column name)
returns setof coinslot.old_balance
language plpgsql stable set search_path = '' set row_security = off as $$
begin
  return query execute format(
    'select t.%I::uuid, t.%I::numeric from %s t', user_column, tokens_column, app_table
  );
end
$$;
comment on function coinslot.old_balances(regclass, name, name) is
'The balances of an app''s table.';
revoke all on function coinslot.old_balances(regclass, name, name) from public;

create function coinslot.balance_problems(app_table regclass, user_column name, tokens_column name)
returns setof text
language sql stable set search_path = '' as $$
  select format(
    'user %s with %s: %s', coalesce(b.user_id::text, 'null'), coalesce(b.tokens::text, 'null'),
    p.problem
  )
  from (
    select o.*, count(*) over (partition by o.user_id) as times
    from coinslot.old_balances(
      balance_problems.app_table, balance_problems.user_column, balance_problems.tokens_column
    ) o
  ) b
  left join public.token_wallets w on w.user_id = b.user_id
  cross join lateral (select case
    when b.tokens is null then 'no balance.'
    when b.tokens < 0 then 'a balance below zero.'
    when b.tokens > coinslot.max_amount() then 'more than ' || coinslot.max_amount() || '.'
    when b.tokens <> trunc(b.tokens) then 'no whole number.'
    when b.times > 1 then 'more than one row.'
    when b.tokens > 0 and w.user_id is null then 'there is no such user.'
    when b.tokens > 0 and w.merged_into is not null
      then format('it was merged into %s: move the balance there.', w.merged_into)
    when w.tokens > coinslot.max_amount() - b.tokens then 'too much, with what the wallet has.'
  end as problem) p
  where p.problem is not null
  order by b.user_id
$$;
comment on function coinslot.balance_problems(regclass, name, name) is
'Balances that cannot be imported as they are.';
revoke all on function coinslot.balance_problems(regclass, name, name) from public;

-- Rows and users of a column are looked at only where there is such a column. A transaction that
-- sees the table as it was before it was locked would lose what was written until then.
create function coinslot.import_problems(
  app_table regclass, user_column name, tokens_column name, checked regprocedure[] default '{}'
) returns setof text
language plpgsql stable set search_path = '' as $$
begin
  return query
  select format('transaction_isolation: it is %s, and has to be read committed.', i.level)
  from current_setting('transaction_isolation') i (level) where i.level <> 'read committed'
  union all
  select t.problem from coinslot.table_problems(app_table) t (problem)
  union all
  select c.problem from coinslot.column_problems(app_table, user_column, tokens_column) c (problem);
  if found then
    return;
  end if;
  return query
  select d.problem from coinslot.dependent_objects(app_table, tokens_column) d (problem)
  union all
  select f.problem
  from coinslot.dependent_functions(app_table, tokens_column, checked) f (problem)
  union all
  select b.problem from coinslot.balance_problems(app_table, user_column, tokens_column) b (problem);
end
$$;
comment on function coinslot.import_problems(regclass, name, name, regprocedure[]) is
'All that is in the way of an import. No rows = nothing.';
revoke all on function coinslot.import_problems(regclass, name, name, regprocedure[]) from public;

-- Merged accounts are one person: their balances are the owner's, and what is left of those of the
-- others is nothing, or the import is refused.
create function coinslot.balances_by_owner(
  app_table regclass, user_column name, tokens_column name
) returns setof coinslot.old_balance
language sql stable set search_path = '' as $$
  select coalesce(m.owner_user, o.user_id), sum(o.tokens)
  from coinslot.old_balances(
    balances_by_owner.app_table, balances_by_owner.user_column, balances_by_owner.tokens_column
  ) o
  left join coinslot.merged_wallets m on m.from_user = o.user_id
  group by coalesce(m.owner_user, o.user_id)
$$;
comment on function coinslot.balances_by_owner(regclass, name, name) is
'The balances of an app''s table, one for each person.';
revoke all on function coinslot.balances_by_owner(regclass, name, name) from public;

-- The tokens of a bonus move with a merge, and no import counts it a second time.
create function coinslot.uncounted_bonuses() returns table (user_id uuid, bonus bigint)
language sql stable set search_path = '' as $$
  select coalesce(m.owner_user, b.user_id), sum(b.bonus)::bigint
  from (
    select l.user_id, l.delta from public.token_ledger l where l.kind = 'signup_bonus'
    union all
    select i.user_id, -i.bonus from coinslot.imported_balances i
  ) b (user_id, bonus)
  left join coinslot.merged_wallets m on m.from_user = b.user_id
  group by coalesce(m.owner_user, b.user_id)
$$;
comment on function coinslot.uncounted_bonuses() is
'Sign-up bonuses of each person that no imported balance was lessened by.';
revoke all on function coinslot.uncounted_bonuses() from public;

-- Lots of what an import brought, one for each balance above zero. A wallet whose lots are not made
-- yet gets them out of its history, with this one.
create function coinslot.make_imported_lots(column_name text) returns void
language sql volatile set search_path = '' as $$
  with made as (
    insert into public.token_lots as t (user_id, seq, kind, tokens, remaining, spent, created_at)
    select l.user_id, l.seq, l.kind, l.delta, l.delta - d.paid, d.paid, l.created_at
    from public.token_ledger l
    inner join public.token_wallets w on w.user_id = l.user_id and w.seq = l.seq
    inner join coinslot.imported_balances i
      on i.user_id = l.user_id and i.column_name = make_imported_lots.column_name
    cross join lateral (
      select least(l.delta, greatest(0, l.delta - w.tokens + (
        select coalesce(sum(o.reserved), 0)::bigint from public.token_lots o
        where o.user_id = w.user_id and o.reserved > 0
      ))) as paid
    ) d
    where i.delta > 0 and w.folded_at > '-infinity'
    returning t.id, t.user_id, t.seq, t.spent
  )
  insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens)
  select m.id, m.user_id, m.seq, 'debt', m.spent from made m where m.spent > 0
$$;
comment on function coinslot.make_imported_lots(text) is
'Makes the lots of an import that was written just now, in wallets that are folded.';
revoke all on function coinslot.make_imported_lots(text) from public;

-- Moves the balances. Nobody is merged meanwhile. Wallets are locked first and by id, so that the
-- statement after that sees every bonus that was paid until then, and nothing moves in between. One
-- that was merged is not waited for: a capture may have it that waits for the owner's. What was
-- asked before is asked again, since a wallet may have been merged until then. A bonus that was
-- larger than the old balance is taken back, but not what was spent of it: nobody gets into debt by
-- it.
create function coinslot.take_balances(
  column_name text, app_table regclass, user_column name, tokens_column name, reason text
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  lock table coinslot.merged_wallets in share mode;
  perform from coinslot.balances_by_owner(app_table, user_column, tokens_column) o
  inner join public.token_wallets w on w.user_id = o.user_id
  order by w.user_id for update of w;
  perform coinslot.fold(w.user_id, coinslot.wallet_time(w))
  from coinslot.balances_by_owner(app_table, user_column, tokens_column) o
  inner join public.token_wallets w on w.user_id = o.user_id
  where w.folded_at > '-infinity';
  perform coinslot.refuse_problems(column_name || ' cannot be imported yet', array(
    select coinslot.balance_problems(app_table, user_column, tokens_column)
  ));
  with due as (
    select w.user_id, o.tokens::bigint as tokens, coalesce(b.bonus, 0) as bonus,
      case when w.held = 0 then w.tokens else coinslot.available(w) end as available
    from coinslot.balances_by_owner(app_table, user_column, tokens_column) o
    inner join public.token_wallets w on w.user_id = o.user_id
    left join coinslot.uncounted_bonuses() b on b.user_id = w.user_id
  ), taken as (
    insert into coinslot.imported_balances as i (column_name, user_id, tokens, bonus, delta)
    select take_balances.column_name, due.user_id, due.tokens, due.bonus,
      greatest(due.tokens - due.bonus, least(0, -due.available))
    from due
    returning i.user_id, i.tokens, i.delta
  ), moved as (
    update public.token_wallets w
    set tokens = w.tokens + t.delta, seq = w.seq + 1, updated_at = clock_timestamp(),
      credited = w.credited + greatest(t.delta, 0)
    from taken t where w.user_id = t.user_id and t.delta <> 0
    returning w.user_id, w.seq, w.tokens as balance, t.tokens, t.delta
  )
  insert into public.token_ledger (
    user_id, seq, delta, balance, kind, caller, reason, metadata
  )
  select m.user_id, m.seq, m.delta, m.balance, 'adjustment', 'system', take_balances.reason,
    jsonb_build_object('imported_from', take_balances.column_name, 'tokens', m.tokens)
  from moved m;
  perform coinslot.make_imported_lots(take_balances.column_name);
end
$$;
comment on function coinslot.take_balances(text, regclass, name, name, text) is
'Adds each old balance to its wallet, less the bonus that was paid.';
revoke all on function coinslot.take_balances(text, regclass, name, name, text) from public;

-- Whoever comes with a balance is no new customer. The account is an identity that is used up, so
-- what it confirms later pays nothing, as coinslot.confirmed_identities hashes it.
create function coinslot.use_up_accounts(column_name text) returns void
language sql volatile set search_path = '' as $$
  insert into coinslot.identities (identity_hash, user_id)
  select
    encode(sha256(convert_to(s.identity_salt || 'account:' || i.user_id, 'UTF8')), 'hex') as hash,
    i.user_id
  from coinslot.imported_balances i
  cross join coinslot.settings s
  where i.column_name = use_up_accounts.column_name
  order by hash
  on conflict do nothing
$$;
comment on function coinslot.use_up_accounts(text) is
'Notes that accounts with an imported balance earn no sign-up bonus any more.';
revoke all on function coinslot.use_up_accounts(text) from public;

-- A function of the row with the name of the column: PostgREST reads it by that name, and there is
-- nothing to write. It reads as the caller, who sees their own wallet and no other, and says what
-- get_user_tokens() says: a wallet that is closed has none.
create function coinslot.make_balance_field(app_table regclass, user_column name, field name)
returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_schema text := (
    select c.relnamespace::regnamespace::text from pg_catalog.pg_class c where c.oid = app_table
  );
  v_function text := format('%s.%I(%s)', v_schema, field, app_table);
begin
  execute format(
    'create or replace function %s.%I(profile %s) returns bigint '
    'language sql stable set search_path = '''' as %L',
    v_schema, field, app_table, format(
      'select case when w.closed_at is null then coinslot.available(w) else 0 end '
      'from public.token_wallets w where w.user_id = profile.%I', user_column
    )
  );
  execute format('comment on function %s is %L', v_function, 'Tokens the person can spend now.');
  execute format(
    'revoke all on function %s from public, anon, authenticated, service_role', v_function
  );
  execute format('grant execute on function %s to authenticated, service_role', v_function);
end
$$;
comment on function coinslot.make_balance_field(regclass, name, name) is
'Lets the rows of an app''s table show the balance as a computed field.';
revoke all on function coinslot.make_balance_field(regclass, name, name) from public;

-- The column is looked for, too: one that came back would have balances that nobody has asked for.
create function coinslot.is_imported(name text, app_table regclass, tokens_column name)
returns boolean
language plpgsql volatile set search_path = '' as $$
declare
  v_imported_at timestamptz := (
    select c.imported_at from coinslot.imported_columns c where c.name = is_imported.name
  );
begin
  if v_imported_at is not null and exists (
    select from pg_catalog.pg_attribute a
    where a.attrelid = app_table and a.attname = tokens_column and not a.attisdropped
  ) then
    perform coinslot.refuse_problems(is_imported.name || ' cannot be imported again', array[
      format('it was imported at %s, and there is such a column again.', v_imported_at)
    ]);
  end if;
  return v_imported_at is not null;
end
$$;
comment on function coinslot.is_imported(text, regclass, name) is
'True if a column was imported before. Refuses if it is there again.';
revoke all on function coinslot.is_imported(text, regclass, name) from public;

-- The table is locked against readers from the beginning: a lock that is widened in the end, to
-- drop the column, waits for readers who may be waiting for it. Not for long, or everybody who
-- reads the table waits behind.
create function coinslot.import_balances(
  app_table regclass, user_column name, tokens_column name, reason text default '',
  checked regprocedure[] default '{}'
) returns table (
  users bigint, tokens bigint, bonuses bigint, forgiven bigint, imported_at timestamptz,
  replayed boolean
)
language plpgsql volatile set search_path = '' set lock_timeout = '3s' as $$
declare
  v_name text := format('%s.%I', app_table, tokens_column);
  v_replayed boolean := coinslot.is_imported(v_name, app_table, tokens_column);
begin
  if not v_replayed then
    execute format('lock table %s in access exclusive mode', app_table);
    v_replayed := coinslot.is_imported(v_name, app_table, tokens_column);
  end if;
  if not v_replayed then
    perform coinslot.check_text('reason', import_balances.reason, 500);
    perform coinslot.refuse_problems(v_name || ' cannot be imported yet', array(
      select coinslot.import_problems(app_table, user_column, tokens_column, checked)
    ));
    insert into coinslot.imported_columns (name) values (v_name);
    perform coinslot.take_balances(v_name, app_table, user_column, tokens_column, reason);
    perform coinslot.use_up_accounts(v_name);
    execute format('alter table %s drop column %I', app_table, tokens_column);
    perform coinslot.make_balance_field(app_table, user_column, tokens_column);
    notify pgrst, 'reload schema';
  end if;
  return query
  select count(i.user_id), coalesce(sum(i.tokens), 0)::bigint, coalesce(sum(i.bonus), 0)::bigint,
    coalesce(sum(i.bonus + i.delta - i.tokens), 0)::bigint, c.imported_at, v_replayed
  from coinslot.imported_columns c
  left join coinslot.imported_balances i on i.column_name = c.name
  where c.name = v_name
  group by c.name;
end
$$;
comment on function coinslot.import_balances(regclass, name, name, text, regprocedure[]) is
'Takes the balances of an app''s column into the wallets, once, and puts a computed field in its
place. Answers what it did; replayed = it had been done.';
revoke all on function coinslot.import_balances(regclass, name, name, text, regprocedure[])
from public;

-- Old records stay to be read. A trigger closes their table, not grants: it also stops functions
-- that run as the owner and servers that connect as the owner, every one of them loudly, and taking
-- it away again leaves everything as it was. A user who is deleted still takes along the rows that
-- the app wants deleted with them: those writes come from a trigger of Postgres's own.
create function coinslot.refuse_write() returns trigger
language plpgsql stable security definer set search_path = '' as $$
begin
  perform coinslot.fail('table_closed', jsonb_build_object(
    'table', tg_relid::regclass::text
  ));
  return null;
end
$$;
comment on function coinslot.refuse_write() is 'Trigger: refuses to write into a closed table.';
revoke all on function coinslot.refuse_write() from public;

-- A trigger that writes into the table would take down what it is a trigger of: with one on
-- auth.users nobody could sign up.
create function coinslot.writing_triggers(app_table regclass, checked regprocedure[])
returns setof text
language sql stable set search_path = '' as $$
  select distinct format(
    'function %s: it is a trigger of %s and names the table. Change it first, or name it as checked.',
    p.oid::regprocedure, t.tgrelid::regclass
  )
  from pg_catalog.pg_class c
  cross join pg_catalog.pg_trigger t
  inner join pg_catalog.pg_proc p on p.oid = t.tgfoid
  where c.oid = writing_triggers.app_table and not t.tgisinternal and t.tgrelid <> c.oid
    and p.oid <> all(writing_triggers.checked) and p.prosrc ~* coinslot.word(c.relname)
$$;
comment on function coinslot.writing_triggers(regclass, regprocedure[]) is
'Trigger functions of other tables whose text names this one.';
revoke all on function coinslot.writing_triggers(regclass, regprocedure[]) from public;

create function coinslot.close_table(app_table regclass, checked regprocedure[] default '{}')
returns void
language plpgsql volatile set search_path = '' set lock_timeout = '3s' as $$
begin
  perform coinslot.refuse_problems(app_table || ' cannot be closed yet', array(
    select t.problem from coinslot.table_problems(app_table) t (problem)
    union all
    select w.problem from coinslot.writing_triggers(app_table, checked) w (problem)
  ));
  execute format(
    'create or replace trigger coinslot_closed_to_rows before insert on %s '
    'for each statement execute function coinslot.refuse_write()', app_table
  );
  execute format(
    'create or replace trigger coinslot_closed before update or delete or truncate on %s '
    'for each statement when (pg_catalog.pg_trigger_depth() = 0) '
    'execute function coinslot.refuse_write()', app_table
  );
end
$$;
comment on function coinslot.close_table(regclass, regprocedure[]) is
'Closes a table of the app to writing; who may read it stays as it is.';
revoke all on function coinslot.close_table(regclass, regprocedure[]) from public;

create function coinslot.open_table(app_table regclass) returns void
language plpgsql volatile set search_path = '' set lock_timeout = '3s' as $$
begin
  execute format('drop trigger if exists coinslot_closed_to_rows on %s', app_table);
  execute format('drop trigger if exists coinslot_closed on %s', app_table);
end
$$;
comment on function coinslot.open_table(regclass) is 'Opens a table that was closed.';
revoke all on function coinslot.open_table(regclass) from public;
