-- Which release this database is at, told by the last migration of each release.

create or replace function coinslot.schema_version() returns text
language sql immutable parallel safe set search_path = ''
return '0.2.0.dev0';

create or replace function coinslot.oldest_sidecar() returns text
language sql immutable parallel safe set search_path = ''
return '0.1.0';

notify pgrst, 'reload schema';
select coinslot.write_manifest();
