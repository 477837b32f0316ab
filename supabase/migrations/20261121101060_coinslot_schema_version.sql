-- Which release this database is at, and which sidecars it serves.
--
-- A migration and a sidecar are never put in at the same moment, and several sidecars may run. So
-- the newer of the two knows the older: a sidecar knows the oldest schema it can work with, and
-- the database the oldest sidecar that it still keeps everything for.

-- The last migration of every release makes both anew, so a push that stopped halfway tells the
-- release before.
create function coinslot.schema_version() returns text
language sql immutable parallel safe set search_path = ''
return '0.1.0';
comment on function coinslot.schema_version() is 'See public.coinslot_schema_version.';
revoke all on function coinslot.schema_version() from public;
grant execute on function coinslot.schema_version() to service_role;

create function coinslot.oldest_sidecar() returns text
language sql immutable parallel safe set search_path = ''
return '0.1.0';
comment on function coinslot.oldest_sidecar() is
'The oldest release whose sidecar works with this database.';
revoke all on function coinslot.oldest_sidecar() from public;

create function public.coinslot_schema_version() returns text
language sql immutable set search_path = '' as $$
  select coinslot.schema_version()
$$;
comment on function public.coinslot_schema_version() is
'Service: the release that this database is at.';
revoke all on function public.coinslot_schema_version()
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_schema_version() to service_role;
