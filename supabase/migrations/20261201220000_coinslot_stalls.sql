-- What one person can do to others: they wait for less long for a lock, and cause fewer reads.

-- A call that waits for a wallet keeps one of the API's few connections from everybody else. Forty
-- calls a second for a wallet that is locked took them all at 300 ms, and take half at 150.
do $$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.prosrc like '%coinslot.%'
      and 'lock_timeout=300ms' = any (p.proconfig)
  loop
    execute format('alter function %s set lock_timeout = ''150ms''', v_function);
  end loop;
end
$$;

-- Nobody pays for many orders at a time, but anybody can name twenty of theirs.
create or replace function coinslot.plan_hint(user_id uuid, earliest timestamptz)
returns timestamptz
language sql volatile set search_path = '' as $$
  insert into coinslot.hint_rations as r (user_id, used_until)
  values (plan_hint.user_id, clock_timestamp() + interval '2 seconds')
  on conflict (user_id) do update
  set used_until = greatest(r.used_until, clock_timestamp()) + interval '2 seconds'
  returning greatest(plan_hint.earliest, r.used_until - 5 * interval '2 seconds')
$$;

notify pgrst, 'reload schema';
