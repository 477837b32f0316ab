-- What was there before gets its value in batches of the maintenance.
create function coinslot.backfill_priced_at(batch integer) returns bigint
language plpgsql volatile security definer set search_path = '' as $$
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
grant execute on function coinslot.backfill_priced_at(integer) to service_role;

-- Replaced under the same signature, it keeps its grants.
create or replace function public.coinslot_run_maintenance(batch integer default 500) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.run_maintenance(coinslot_run_maintenance.batch) || jsonb_build_object(
    'payments_priced', coinslot.backfill_priced_at(coinslot_run_maintenance.batch)
  )
$$;

notify pgrst, 'reload schema';

select coinslot.write_manifest();
