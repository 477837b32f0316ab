-- The roles of a hosted Supabase project. Runs once per cluster, as its superuser
-- supabase_admin. `postgres` is deliberately no superuser: on Supabase it is none either, so a
-- migration that needs one has to fail here, not there.
create role postgres login createrole createdb bypassrls replication password 'postgres';
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit password 'postgres';
create role supabase_auth_admin login noinherit createrole password 'postgres';

grant anon, authenticated, service_role to authenticator, postgres; -- noqa: PRS
-- Whoever runs a project may change the time-outs of these.
grant anon, authenticated, service_role to postgres with admin option; -- noqa: PRS
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres; -- noqa: PRS

-- What hosted projects have: the API's time-outs live on the roles. service_role has none of its
-- own and runs under authenticator's.
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role supabase_auth_admin set search_path = 'auth';
alter role postgres set search_path = '"$user"', 'public', 'extensions';
