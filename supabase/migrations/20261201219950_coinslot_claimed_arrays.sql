-- What is handed out is an array, as in all other claims: a project's "Max rows" would cut off rows
-- that are leased already.

drop function public.coinslot_claim_forgets(text[], integer);
create function public.coinslot_claim_forgets(gateways text[], batch integer default 20)
returns jsonb[]
language sql volatile set search_path = '' as $$
  select array(select coinslot.claim_forgets(
    coinslot_claim_forgets.gateways, coinslot_claim_forgets.batch
  ))
$$;
comment on function public.coinslot_claim_forgets(text[], integer) is
'Service: removed methods that gateways have yet to forget, leased to the caller.';
revoke all on function public.coinslot_claim_forgets(text[], integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_forgets(text[], integer) to service_role;

drop function public.coinslot_claim_charges(text[], integer, uuid);
create function public.coinslot_claim_charges(
  gateways text[], batch integer default 20, subscription_id uuid default null
) returns jsonb[]
language sql volatile set search_path = '' as $$
  select array(select coinslot.claim_charges(
    coinslot_claim_charges.gateways, coinslot_claim_charges.batch,
    coinslot_claim_charges.subscription_id
  ))
$$;
comment on function public.coinslot_claim_charges(text[], integer, uuid) is
'Service: charges that are to be made, and those whose outcome is to be looked up (again), leased to
the caller; of one subscription where it is given.';
revoke all on function public.coinslot_claim_charges(text[], integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_charges(text[], integer, uuid) to service_role;

drop function public.coinslot_claim_top_ups(text[], integer);
create function public.coinslot_claim_top_ups(gateways text[], batch integer default 20)
returns jsonb[]
language sql volatile set search_path = '' as $$
  select array(select coinslot.claim_top_ups(
    coinslot_claim_top_ups.gateways, coinslot_claim_top_ups.batch
  ))
$$;
comment on function public.coinslot_claim_top_ups(text[], integer) is
'Service: charges of top-ups that are to be made or looked up, as coinslot_claim_charges.';
revoke all on function public.coinslot_claim_top_ups(text[], integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_top_ups(text[], integer) to service_role;

drop function public.coinslot_claim_deliveries(uuid[], integer);
create function public.coinslot_claim_deliveries(busy uuid[] default '{}', batch integer default 20)
returns public.coinslot_delivery_job[]
language sql volatile set search_path = '' as $$
  select array(select c from coinslot.claim_deliveries(
    coinslot_claim_deliveries.busy, coinslot_claim_deliveries.batch
  ) c)
$$;
comment on function public.coinslot_claim_deliveries(uuid[], integer) is
'Service: deliveries to be made now, so many for each endpoint that is not busy.';
revoke all on function public.coinslot_claim_deliveries(uuid[], integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_deliveries(uuid[], integer) to service_role;

drop function public.coinslot_claim_mails(integer);
create function public.coinslot_claim_mails(batch integer default 20)
returns public.coinslot_mail_job[]
language sql volatile set search_path = '' as $$
  select array(select c from coinslot.claim_mails(coinslot_claim_mails.batch) c)
$$;
comment on function public.coinslot_claim_mails(integer) is
'Service: mails to be sent now. From the first call on, events make mails.';
revoke all on function public.coinslot_claim_mails(integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_mails(integer) to service_role;
