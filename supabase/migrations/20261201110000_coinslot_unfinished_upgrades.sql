-- An upgrade of many files: begin_upgrade() in the first, write_manifest() in the last, and nothing
-- in between. The begin_upgrade() that is here yet keeps what it finds for this session alone.
select coinslot.begin_upgrade();

-- A release has many files, each a transaction of its own, and a push may stop between two. What
-- the first has found waits in a function for the last, which another session may run: like the
-- manifest, it goes where the schema goes.
create function coinslot.keep_found(deviations jsonb) returns void
language plpgsql volatile set search_path = '' as $$
begin
  execute format(
    'create function coinslot.unfinished_upgrade() returns jsonb '
    'language sql immutable set search_path = %L as %L', '',
    format('select %L::jsonb', keep_found.deviations)
  );
  execute 'comment on function coinslot.unfinished_upgrade() is '
    '''What was changed by hand before the upgrade that has begun here: see begin_upgrade.''';
  execute 'revoke all on function coinslot.unfinished_upgrade() from public';
end
$$;
comment on function coinslot.keep_found(jsonb) is 'Keeps for write_manifest() what was found.';
revoke all on function coinslot.keep_found(jsonb) from public;

create function coinslot.found_at_upgrade() returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_kept constant regprocedure := to_regprocedure('coinslot.unfinished_upgrade()');
  v_found jsonb;
begin
  if v_kept is not null then
    execute format('select %s', v_kept) into v_found;
  end if;
  return v_found;
end
$$;
comment on function coinslot.found_at_upgrade() is
'What the upgrade that is not finished has found; null where there is none.';
revoke all on function coinslot.found_at_upgrade() from public;

-- Where an upgrade is not finished, what is not as the manifest says may be its own doing: what was
-- found before it counts.
create or replace function coinslot.begin_upgrade() returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_found jsonb := coinslot.found_at_upgrade();
begin
  if v_found is null then
    select coalesce(jsonb_agg(to_jsonb(d)), '[]') into v_found from coinslot.deviations() d;
    perform coinslot.keep_found(v_found);
  end if;
  return jsonb_array_length(v_found);
end
$$;
comment on function coinslot.begin_upgrade() is
'Notes for write_manifest() what was changed by hand; how much. The first statement of an upgrade.';
revoke all on function coinslot.begin_upgrade() from public;

-- What begin_upgrade() found changed by hand, and the migrations have left so, does not become of
-- the release by them: the manifest goes on saying what the release has.
create or replace function coinslot.write_manifest() returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_before jsonb := coinslot.found_at_upgrade();
  v_objects jsonb;
begin
  if v_before is not null then
    drop function coinslot.unfinished_upgrade();
  end if;
  select jsonb_agg(to_jsonb(o) order by o.kind collate "C", o.name collate "C") into v_objects
  from coinslot.present_objects() o;
  if v_before <> '[]' then
    v_objects := coinslot.without_deviations(v_objects, v_before);
  end if;
  execute format(
    'create or replace function coinslot.manifest() returns jsonb '
    'language sql immutable set search_path = %L as %L', '', format('select %L::jsonb', v_objects)
  );
  comment on function coinslot.manifest() is 'The objects of this release: see write_manifest.';
  revoke all on function coinslot.manifest() from public;
  return jsonb_array_length(v_objects);
end
$$;
comment on function coinslot.write_manifest() is
'Takes what is here for this release, and ends its upgrade; the last statement of its migrations.';
revoke all on function coinslot.write_manifest() from public;

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

create or replace function coinslot.check_installation(quick boolean default false)
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

-- Bodies are not checked when functions are made: one may call another that is missing, too.
create or replace function coinslot.repair(kind text, name text) returns void
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

select coinslot.keep_found(current_setting('coinslot.deviations')::jsonb);

notify pgrst, 'reload schema';
