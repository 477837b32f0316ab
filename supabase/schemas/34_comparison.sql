-- What is here, compared with the manifest: for the check of an installation, and for an upgrade,
-- which takes for the release's own only what it has made.

create function coinslot.released()
returns table (kind text, name text, facts jsonb, definition text)
language sql stable set search_path = '' as $$
  select e.* from jsonb_to_recordset(coinslot.manifest()) e (
    kind text, name text, facts jsonb, definition text
  )
$$;
comment on function coinslot.released() is 'The manifest, object by object.';
revoke all on function coinslot.released() from public;

-- Some things of which there may be no more than the release has. A policy shows rows to others, a
-- column is in the way of functions that make whole rows, a transition lets an order go where no
-- rule expects it. An index or a constraint of the app's own is its affair.
create function coinslot.must_not_be_added(kind text, name text) returns boolean
language sql immutable parallel safe set search_path = ''
return kind in ('policy', 'column') or name ~ '^coinslot\.payment_(statuses|transitions) ';
comment on function coinslot.must_not_be_added(text, text) is
'True for what an app may add none of.';
revoke all on function coinslot.must_not_be_added(text, text) from public;

-- From here on each thing that the manifest has is missing, or differs in some facts, or is added.
-- An app that has dropped our table of profiles has dropped what belonged to it, too.
create function coinslot.compare_manifest()
returns table (kind text, name text, change text, differs text[], released jsonb, present jsonb)
language sql stable set search_path = '' as $$
  select kind, name,
    case when f.facts is null then 'missing' when e.facts is null then 'added' else 'changed' end,
    array(
      select case
        when k.key <> 'grants' then k.key
        when f.facts -> 'grants' @> (e.facts -> 'grants') then 'grants_added'
        else 'grants_missing'
      end
      from jsonb_object_keys(case when f.facts is not null then e.facts end) k (key)
      where e.facts -> k.key is distinct from f.facts -> k.key order by k.key collate "C"
    ),
    e.facts, f.facts
  from coinslot.released() e
  full join coinslot.present_objects() f using (kind, name)
  where e.facts is distinct from f.facts
    and (e.facts is not null or coinslot.must_not_be_added(kind, name))
    and (to_regclass('public.profiles') is not null or name !~ '\m(update|create)_profile\M')
$$;
comment on function coinslot.compare_manifest() is
'What of this release is missing here, differs, and in which facts, or is too much.';
revoke all on function coinslot.compare_manifest() from public;

-- An upgrade finds what somebody has changed by hand. A function that the upgrade makes anew has
-- another version even where it comes to the same.
create function coinslot.deviations()
returns table (kind text, name text, facts jsonb, version text)
language sql stable set search_path = '' as $$
  select kind, name, o.facts, case kind when 'function' then (
      select concat(p.xmin, p.ctid) from pg_catalog.pg_proc p where p.oid = to_regprocedure(name)
    ) end
  from coinslot.released() e
  full join coinslot.present_objects() o using (kind, name)
  where o.facts is distinct from e.facts
$$;
comment on function coinslot.deviations() is
'What here is not as the manifest says; facts are null for what is missing.';
revoke all on function coinslot.deviations() from public;

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
create function coinslot.begin_upgrade() returns bigint
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

create function coinslot.without_deviations(objects jsonb, before jsonb) returns jsonb
language sql stable set search_path = '' as $$
  with untouched as materialized (
    select b.kind, b.name, b.facts, b.version
    from jsonb_to_recordset(without_deviations.before) b (
      kind text, name text, facts jsonb, version text
    )
    intersect
    select d.kind, d.name, d.facts, d.version from coinslot.deviations() d
  ), kept as (
    select to_jsonb(e) as entry from coinslot.released() e
    where (e.kind, e.name) in (select u.kind, u.name from untouched u)
    union all
    select o.entry from jsonb_array_elements(without_deviations.objects) o (entry)
    where (o.entry ->> 'kind', o.entry ->> 'name') not in (select u.kind, u.name from untouched u)
  )
  select jsonb_agg(k.entry order by k.entry ->> 'kind' collate "C", k.entry ->> 'name' collate "C")
  from kept k
$$;
comment on function coinslot.without_deviations(jsonb, jsonb) is
'These objects, but as released where a deviation of before is as it was.';
revoke all on function coinslot.without_deviations(jsonb, jsonb) from public;
