-- What was there before gets its value in batches of the maintenance.
create function coinslot.backfill_priced_at(batch integer) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_count bigint;
begin
  update public.token_payments p set priced_at = p.created_at
  where p.id in (
    select t.id from public.token_payments t where t.priced_at is null
    order by t.id limit backfill_priced_at.batch for update skip locked
  );
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function coinslot.backfill_priced_at(integer) is
'Gives old orders their time; how many.';
revoke all on function coinslot.backfill_priced_at(integer) from public;

alter function coinslot.run_maintenance(integer) rename to run_earlier_maintenance;
create function coinslot.run_maintenance(batch integer) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  return coinslot.run_earlier_maintenance(run_maintenance.batch) || jsonb_build_object(
    'payments_priced', coinslot.backfill_priced_at(run_maintenance.batch)
  );
end
$$;
comment on function coinslot.run_maintenance(integer) is 'See public.coinslot_run_maintenance.';
revoke all on function coinslot.run_maintenance(integer) from public;
grant execute on function coinslot.run_maintenance(integer) to service_role;

