-- Tables that an upgrade changes, locked without standing in anybody's way.

-- Calls take tables in more than one order, so an upgrade that waits for the second of two tables
-- may wait for a call that waits for the first. It therefore takes all of them or none, and waits
-- for less long than the calls of users wait for a lock: none of them fails by its waiting.
create function coinslot.lock_for_upgrade(tables regclass[]) returns void
language plpgsql volatile set search_path = '' set lock_timeout = '70ms' as $$
declare
  v_tables text := (select string_agg(t::text, ', ') from unnest(lock_for_upgrade.tables) t);
begin
  for v_try in 1..100 loop
    begin
      execute format('lock table %s in access exclusive mode', v_tables);
      return;
    exception when lock_not_available or deadlock_detected then
      perform pg_catalog.pg_sleep(0.05 + random() * 0.1);
    end;
  end loop;
  perform coinslot.refuse_problems('Coinslot cannot be upgraded now', array[
    v_tables || ': somebody has them in use, a backup maybe. Push again when that is over.'
  ]);
end
$$;
comment on function coinslot.lock_for_upgrade(regclass[]) is
'Locks tables that a migration is about to change: all at once, or not at all.';
revoke all on function coinslot.lock_for_upgrade(regclass[]) from public;

notify pgrst, 'reload schema';
