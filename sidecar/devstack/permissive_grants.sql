-- Projects from before 2026-05-30 grant everything on new objects in public to the API's roles.
-- Newer ones grant nothing, which is Postgres' own default and needs no statement.
alter default privileges for role postgres in schema public
grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
grant all on functions to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
grant all on sequences to anon, authenticated, service_role;
