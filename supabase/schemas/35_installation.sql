-- Is this installation whole? Restores lose triggers and rows, people edit functions by hand, apps
-- bring functions of the same name. The check names each thing that is wrong, and the statement
-- that mends it. It changes nothing.

create function coinslot.on_auth(trigger_name text) returns boolean
language sql immutable parallel safe set search_path = ''
return trigger_name like '% on auth.%';
comment on function coinslot.on_auth(text) is 'True for a trigger on a table of Auth.';
revoke all on function coinslot.on_auth(text) from public;

-- What no statement brings back is left to a person, who looks at the rows first.
create function coinslot.repair_for(
  kind text, name text, change text, differs text[], present jsonb
) returns text
language sql stable set search_path = '' as $$
  select case
    when kind in ('table', 'schema', 'column') and change = 'missing'
      then '-- Restore it from a backup: no release brings what was in it.'
    when kind = 'policy' and change = 'added' then format('drop policy %s;', name)
    when kind = 'rows' and change = 'added' then format(
      'delete from %s t where to_jsonb(t) = %L;', split_part(name, ' ', 1), present
    )
    when kind = 'column' and change = 'added' then format(
      '-- Keep what it has in a table of your own, and drop it: alter table %s drop column %s;',
      split_part(name, ' of ', 2), split_part(name, ' of ', 1)
    )
    when 'owner' = any(differs) then format(
      'alter %s %s owner to %I;', kind, name, pg_get_userbyid(coinslot.usual_owner())
    )
    when kind = 'column' and not differs <@ '{default,not_null}' then format(
      '-- Look at its rows, and change it back: alter table %s alter column %s …',
      split_part(name, ' of ', 2), split_part(name, ' of ', 1)
    )
    when kind = 'type' and 'fields' = any(differs)
      then format('-- Change it back: alter type %s …', name)
    when kind = 'trigger' and coinslot.on_auth(name) and change = 'missing'
      then 'select coinslot.install_auth_triggers();'
    else format('select coinslot.repair(%L, %L);', kind, name)
  end
$$;
comment on function coinslot.repair_for(text, text, text, text[], jsonb) is
'The statement that makes this part of a release again.';
revoke all on function coinslot.repair_for(text, text, text, text[], jsonb) from public;

create function coinslot.fault_of(kind text, change text, differs text[]) returns text
language sql immutable parallel safe set search_path = ''
return case
  when differs in ('{grants_added}', '{grants_missing}') then differs[1]
  when differs = '{enabled}' then 'trigger_disabled'
  when differs = '{row_security}' then 'row_security_off'
  when 'owner' = any(differs) then 'owner_changed'
  else kind || '_' || change
end;
comment on function coinslot.fault_of(text, text, text[]) is 'The code of a fault.';
revoke all on function coinslot.fault_of(text, text, text[]) from public;

create function coinslot.check_objects()
returns table (code text, subject text, problem text, repair text)
language sql stable set search_path = '' as $$
  select coinslot.fault_of(c.kind, c.change, c.differs), c.name,
    case c.change
      when 'missing' then 'It is not there.'
      when 'added' then 'No release brings it.'
      else 'It is not as this release has it: ' || array_to_string(array(
        select d.fact || case when c.kind in ('column', 'type') and c.released ? d.fact then format(
          ' is %s and has to be %s',
          coalesce(c.present ->> d.fact, 'none'), coalesce(c.released ->> d.fact, 'none')
        ) else '' end
        from unnest(c.differs) d (fact)
      ), ', ') || '.'
    end,
    coinslot.repair_for(c.kind, c.name, c.change, c.differs, c.present)
  from coinslot.compare_manifest() c
$$;
comment on function coinslot.check_objects() is
'What of this release is missing or changed, and what is too much.';
revoke all on function coinslot.check_objects() from public;

-- The names that a call may give, and those that it has to: the last arguments have defaults.
create function coinslot.argument_names(function oid, out may text[], out has_to text[])
language sql stable set search_path = '' as $$
  select coalesce(array_agg(a.name), '{}'),
    coalesce(array_agg(a.name) filter (where a.position <= p.pronargs - p.pronargdefaults), '{}')
  from pg_catalog.pg_proc p
  left join lateral (
    select n.name, row_number() over (order by n.place) as position
    from unnest(p.proargnames, p.proargmodes) with ordinality n (name, mode, place)
    where coalesce(n.mode, 'i') in ('i', 'b', 'v')
  ) a on true
  where p.oid = argument_names.function and a.name is not null
$$;
comment on function coinslot.argument_names(oid) is
'Names of the arguments of a function, and of those without a default.';
revoke all on function coinslot.argument_names(oid) from public;

-- PostgREST tells functions of one name by the names of the arguments that a call has. It cannot
-- where some call fits both: one that gives all that each has to have, and nothing that one of
-- them has not. In our own schema calls go by types, and nobody else has any business there. A
-- computed field is no rival: its argument is the row of a table.
create function coinslot.check_rivals()
returns table (code text, subject text, problem text, repair text)
language sql stable set search_path = '' as $$
  with named as materialized (
    select p.oid, p.pronamespace, p.proname, e.name is not null as ours
    from pg_catalog.pg_proc p
    inner join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    left join coinslot.released() e on e.kind = 'function'
      and e.name = format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes))
    where n.nspname in ('public', 'coinslot') and p.proname <> 'tokens'
      and p.oid <> coalesce(to_regprocedure('coinslot.manifest()'), 0)
  )
  select distinct 'function_rival', r.oid::regprocedure::text,
    'It has the name of a function of Coinslot'
    || case r.pronamespace when 'public'::regnamespace
      then ' and arguments of its names: calls through the API end with 300.'
      else ', and calls may find it instead.' end,
    format('alter function %s rename to %I;', r.oid::regprocedure, r.proname || '_of_the_app')
  from named r
  inner join named o using (pronamespace, proname)
  cross join coinslot.argument_names(r.oid) a
  cross join coinslot.argument_names(o.oid) b
  where not r.ours and o.ours and (
    r.pronamespace <> 'public'::regnamespace or a.has_to <@ b.may and b.has_to <@ a.may
  )
$$;
comment on function coinslot.check_rivals() is
'Functions that calls of Coinslot''s cannot be told from.';
revoke all on function coinslot.check_rivals() from public;

-- Between the first file of an upgrade and the last the manifest is of the release before, and what
-- is here of neither: differences are no faults then.
create function coinslot.check_release()
returns table (code text, subject text, problem text, repair text)
language plpgsql stable set search_path = '' as $$
begin
  if coinslot.found_at_upgrade() is not null then
    return query values (
      'upgrade_unfinished', 'coinslot',
      'An upgrade has begun and is not finished: until then nothing can be compared.',
      '-- Push the migrations again: the last one ends the upgrade.'
    );
    return;
  end if;
  return query
  select * from coinslot.check_objects() union all select * from coinslot.check_rivals();
end
$$;
comment on function coinslot.check_release() is
'What here is not as the release has it, or that it is between two releases.';
revoke all on function coinslot.check_release() from public;

-- A rule is of no release: what is written goes elsewhere.
create function coinslot.check_rules()
returns table (code text, subject text, problem text, repair text)
language sql stable set search_path = '' as $$
  select 'rule_added', format('%I on %s', w.rulename, r.name),
    'No release has it: what is written may go elsewhere.',
    format('drop rule %I on %s;', w.rulename, r.name)
  from coinslot.own_relations() r
  inner join pg_catalog.pg_rewrite w on w.ev_class = r.oid and w.rulename <> '_RETURN'
$$;
comment on function coinslot.check_rules() is 'Rules on Coinslot''s tables: it has none.';
revoke all on function coinslot.check_rules() from public;

-- Settings made anew have another salt and are in test mode, and so are no repair once anybody has
-- a wallet.
create function coinslot.check_settings()
returns table (code text, subject text, problem text, repair text)
language sql stable set search_path = '' as $$
  select 'settings_missing', 'coinslot.settings',
    'It has no row. Restore it: a new one has a new identity_salt, and pays everybody again.',
    case when exists (select from public.token_wallets)
      then '-- Restore it from a backup: the mode and identity_salt above all.'
      else 'insert into coinslot.settings default values;'
    end
  where not exists (select from coinslot.settings)
$$;
comment on function coinslot.check_settings() is 'The settings, if they are gone.';
revoke all on function coinslot.check_settings() from public;

-- Whoever got the bonus has the hash of the account among the identities that are used up. Ids are
-- random, so the first thousand are any thousand: another salt, or identities that were left out of
-- a restore, are seen in nearly all of them.
create function coinslot.check_identities()
returns table (code text, subject text, problem text, repair text)
language sql stable set search_path = '' as $$
  with paid as (
    select l.user_id, encode(sha256(convert_to(
      (select s.identity_salt from coinslot.settings s) || 'account:' || l.user_id, 'UTF8'
    )), 'hex') as identity_hash
    from (select w.user_id from public.token_wallets w order by w.user_id limit 1000) w
    inner join public.token_ledger l on l.user_id = w.user_id and l.seq = 1
    where l.kind = 'signup_bonus'
  )
  select 'identities_lost', 'coinslot.identities', format(
      '%s of %s users who got the sign-up bonus are not in it: they can get it again.',
      count(*) filter (where i.identity_hash is null), count(*)
    ),
    '-- Restore coinslot.identities, and settings.identity_salt, both from the same backup.'
  from paid p
  left join coinslot.identities i on i.identity_hash = p.identity_hash
  having count(*) filter (where i.identity_hash is null) > 0
$$;
comment on function coinslot.check_identities() is
'Whether identities and salt fit the bonuses that were paid.';
revoke all on function coinslot.check_identities() from public;

-- Both sides come in the order of their keys. Nobody needs to know of more than a thousand.
create function coinslot.check_wallets()
returns table (code text, subject text, problem text, repair text)
language sql stable set search_path = '' as $$
  select 'wallet_missing', 'auth.users',
    format('%s%s users have no wallet.', case when count(*) = 1000 then 'At least ' end, count(*)),
    'select coinslot.adopt_users();'
  from (
    select from auth.users u
    where not exists (select from public.token_wallets w where w.user_id = u.id)
    limit 1000
  ) missing
  having count(*) > 0
  union all
  select 'user_missing', 'public.token_wallets',
    format(
      '%s%s open wallets have no user.', case when count(*) = 1000 then 'At least ' end, count(*)
    ),
    case when exists (select from auth.users) then 'select coinslot.close_left_wallets();'
      else '-- Restore the rows of Auth: it has no user at all.' end
  from (
    select from public.token_wallets w
    where w.closed_at is null and not exists (select from auth.users u where u.id = w.user_id)
    limit 1000
  ) left_over
  having count(*) > 0
  union all
  select 'user_shut_out', 'public.token_wallets',
    format(
      '%s%s users who are there find their wallets closed.',
      case when count(*) = 1000 then 'At least ' end, count(*)
    ),
    'select coinslot.reopen_left_wallets();'
  from (
    select from public.token_wallets w
    inner join auth.users u on u.id = w.user_id
    where w.closed_at is not null and w.merged_into is null and u.deleted_at is null
    limit 1000
  ) shut_out
  having count(*) > 0
$$;
comment on function coinslot.check_wallets() is
'Users without wallets, wallets without users, and users whose wallets are closed.';
revoke all on function coinslot.check_wallets() from public;

create function coinslot.stops_buyers(code text) returns boolean
language sql immutable parallel safe set search_path = ''
return code in (
  'manifest_missing', 'schema_missing', 'table_missing', 'column_missing', 'type_missing',
  'view_missing', 'function_missing', 'function_rival', 'grants_missing', 'owner_changed',
  'trigger_missing', 'trigger_changed', 'trigger_disabled',
  'rows_missing', 'settings_missing'
);
comment on function coinslot.stops_buyers(text) is
'True for what nobody can sign up, buy or spend with.';
revoke all on function coinslot.stops_buyers(text) from public;

create function coinslot.check_installation(quick boolean default false)
returns table (code text, subject text, problem text, repair text, stops_buyers boolean)
language plpgsql stable security definer set search_path = '' as $$
begin
  if to_regprocedure('coinslot.manifest()') is null then
    return query values (
      'manifest_missing', 'coinslot.manifest()', 'Nothing can be compared.',
      '-- Restore the schema coinslot, or push its migrations, whichever brought it here.', true
    );
    return;
  end if;
  return query
  select p.code, p.subject, p.problem, p.repair, coinslot.stops_buyers(p.code)
  from (
    select * from coinslot.check_release()
    union all select * from coinslot.check_rules()
    union all select * from coinslot.check_settings()
  ) p
  -- Repairs are done in this order: functions are made of types, all else calls functions, and
  -- foreign keys refer to keys.
  order by p.code not like 'type%', p.code not like 'function%', p.subject like '%\_fkey on %',
    p.code collate "C", p.subject collate "C";
  if check_installation.quick then
    return;
  end if;
  return query
  select p.code, p.subject, p.problem, p.repair, coinslot.stops_buyers(p.code)
  from (
    select * from coinslot.check_identities() union all select * from coinslot.check_wallets()
  ) p;
end
$$;
comment on function coinslot.check_installation(boolean) is
'See public.coinslot_check_installation.';
revoke all on function coinslot.check_installation(boolean) from public;
grant execute on function coinslot.check_installation(boolean) to service_role;

create function public.coinslot_check_installation(quick boolean default false)
returns table (code text, subject text, problem text, repair text, stops_buyers boolean)
language sql stable set search_path = '' as $$
  select * from coinslot.check_installation(coinslot_check_installation.quick)
$$;
comment on function public.coinslot_check_installation(boolean) is
'Service: what is wrong with this installation, and the repair of each. No rows = whole.';
revoke all on function public.coinslot_check_installation(boolean)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_check_installation(boolean) to service_role;

-- ---- repairs ----

create function coinslot.repair_grants(object text, grants jsonb) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_grant text;
begin
  execute format(
    'revoke all on %s from public, anon, authenticated, service_role', repair_grants.object
  );
  for v_grant in select g.line from jsonb_array_elements_text(repair_grants.grants) g (line)
  loop
    execute 'grant ' || replace(v_grant, ' to ', format(' on %s to ', repair_grants.object));
  end loop;
end
$$;
comment on function coinslot.repair_grants(text, jsonb) is
'Grants these lines, and nothing else to the roles of the API.';
revoke all on function coinslot.repair_grants(text, jsonb) from public;

create function coinslot.repair_row(relation regclass, fields jsonb) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_columns text := (
    select string_agg(quote_ident(k.key), ', ' order by k.key)
    from jsonb_object_keys(repair_row.fields) k (key)
  );
  v_key text := (
    select quote_ident(c.conname) from pg_catalog.pg_constraint c
    where c.conrelid = repair_row.relation and c.contype = 'p'
  );
begin
  execute format(
    'insert into %1$s as t (%2$s) select %2$s from jsonb_populate_record(null::%1$s, $1) '
    'on conflict on constraint %3$s do update set (%2$s) = (select %4$s)',
    repair_row.relation, v_columns, v_key,
    (select string_agg(format('excluded.%I', k.key), ', ' order by k.key)
     from jsonb_object_keys(repair_row.fields) k (key))
  ) using repair_row.fields;
end
$$;
comment on function coinslot.repair_row(regclass, jsonb) is 'Writes a row of the release again.';
revoke all on function coinslot.repair_row(regclass, jsonb) from public;

-- Only their owner could drop a trigger of Auth's tables, or enable it. One can be replaced, unless
-- it is deferred; that goes with the function that it calls, which is Coinslot's to drop.
create function coinslot.repair_auth_trigger(name text, definition text) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_function constant text := substring(
    repair_auth_trigger.definition from 'EXECUTE FUNCTION (.*)$'
  );
begin
  if starts_with(repair_auth_trigger.definition, 'CREATE TRIGGER') then
    execute regexp_replace(
      repair_auth_trigger.definition, '^CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER'
    );
    return;
  end if;
  execute format('drop function %s cascade', v_function);
  perform coinslot.repair('function', v_function);
  perform coinslot.install_auth_triggers();
  if exists (
    select from coinslot.compare_manifest() c
    where c.kind = 'trigger' and c.name = repair_auth_trigger.name
  ) then
    perform coinslot.refuse_problems(repair_auth_trigger.name || ' cannot be repaired', array[
      'drop it as the owner of that table, then repair it.'
    ]);
  end if;
end
$$;
comment on function coinslot.repair_auth_trigger(text, text) is
'Makes a trigger on a table of Auth again, whatever has become of it.';
revoke all on function coinslot.repair_auth_trigger(text, text) from public;

create function coinslot.repair_rights(kind text, name text, facts jsonb) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if repair_rights.kind = 'table' then
    execute format(
      'alter table %s enable row level security, no force row level security', repair_rights.name
    );
  end if;
  perform coinslot.repair_grants(
    replace(repair_rights.kind, 'view', 'table') || ' ' || repair_rights.name,
    repair_rights.facts -> 'grants'
  );
end
$$;
comment on function coinslot.repair_rights(text, text, jsonb) is
'Gives a thing the rights that this release gives.';
revoke all on function coinslot.repair_rights(text, text, jsonb) from public;

-- Bodies are not checked when functions are made: one may call another that is missing, too.
create function coinslot.repair(kind text, name text) returns void
language plpgsql volatile set search_path = '' set check_function_bodies = off as $$
declare
  v_kind constant text := repair.kind;
  v_name constant text := repair.name;
  v_facts jsonb;
  v_definition text;
begin
  if coinslot.found_at_upgrade() is not null then
    perform coinslot.refuse_problems(v_name || ' cannot be repaired', array[
      'an upgrade has begun and is not finished. Push the migrations again.'
    ]);
  end if;
  select e.facts, e.definition into v_facts, v_definition
  from coinslot.released() e where e.kind = v_kind and e.name = v_name;
  if not found then
    perform coinslot.refuse_problems(v_name || ' cannot be repaired', array[
      format('this release has no %s of that name.', v_kind)
    ]);
  elsif v_kind = 'rows' then
    perform coinslot.repair_row(
      split_part(v_name, ' ', 1)::regclass, coalesce(v_definition::jsonb, v_facts)
    );
  elsif v_kind = 'trigger' and coinslot.on_auth(v_name) then
    perform coinslot.repair_auth_trigger(v_name, v_definition);
  elsif v_kind = 'trigger' then
    execute format('drop trigger if exists %s; %s', v_name, v_definition);
  elsif v_definition is not null and (v_kind <> 'type' or to_regtype(v_name) is null) then
    execute v_definition;
  end if;
  if v_facts ? 'grants' then
    perform coinslot.repair_rights(v_kind, v_name, v_facts);
  end if;
end
$$;
comment on function coinslot.repair(text, text) is
'Makes a thing of this release again, named as the check names it.';
revoke all on function coinslot.repair(text, text) from public;

-- Their users were deleted where no trigger saw it.
create function coinslot.close_left_wallets() returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_user_id uuid;
  v_count bigint := 0;
begin
  for v_user_id in
    select w.user_id from public.token_wallets w
    where w.closed_at is null and not exists (select from auth.users u where u.id = w.user_id)
    order by w.user_id
  loop
    perform coinslot.close_wallet(v_user_id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function coinslot.close_left_wallets() is
'Closes the wallets whose users are gone; how many. Restore auth.users first.';
revoke all on function coinslot.close_left_wallets() from public;

-- Their users came back where no trigger saw it.
create function coinslot.reopen_left_wallets() returns bigint
language sql volatile set search_path = '' as $$
  with due as materialized (
    select w.user_id from public.token_wallets w
    inner join auth.users u on u.id = w.user_id
    where w.closed_at is not null and w.merged_into is null and u.deleted_at is null
    order by w.user_id for update of w
  ), opened as (
    update public.token_wallets w set closed_at = null, updated_at = clock_timestamp()
    from due d where w.user_id = d.user_id
    returning w.user_id
  )
  select count(*) from opened
$$;
comment on function coinslot.reopen_left_wallets() is
'Opens the closed wallets of users who are there; how many. Those that were merged stay closed.';
revoke all on function coinslot.reopen_left_wallets() from public;

-- Before the data of a backup, and nothing else of it, goes into a project that has just been
-- migrated: what the migrations wrote is in the backup, too, and that the app's own have imported
-- a column, in which there was nothing yet. Never where anybody has a wallet. Those of an older
-- backup have no lots, so all are walked for theirs again.
create function coinslot.prepare_restore() returns void
language plpgsql volatile set search_path = '' as $$
begin
  lock table public.token_wallets, public.token_payments in share row exclusive mode;
  if exists (select from public.token_wallets) or exists (select from public.token_payments) then
    perform coinslot.refuse_problems('No backup can be restored here', array[
      'there are wallets or orders: restore into a new project.'
    ]);
  end if;
  delete from public.token_features;
  delete from public.token_prices;
  delete from public.token_products;
  delete from coinslot.payment_transitions;
  delete from coinslot.payment_statuses;
  delete from coinslot.gateways;
  delete from coinslot.errors;
  delete from coinslot.mail_kinds;
  delete from coinslot.event_types;
  delete from coinslot.event_walks;
  delete from coinslot.report_progress;
  delete from coinslot.settings;
  delete from coinslot.lot_backfill;
  delete from coinslot.charges;
  alter table coinslot.imported_columns disable trigger imported_columns_append_only;
  delete from coinslot.imported_columns;
  alter table coinslot.imported_columns enable trigger imported_columns_append_only;
end
$$;
comment on function coinslot.prepare_restore() is
'Empties what the migrations filled, so that the data of a backup fits; only in a new project.';
revoke all on function coinslot.prepare_restore() from public;
