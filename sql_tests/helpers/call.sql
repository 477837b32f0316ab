-- Calls as PostgREST makes them, for the tests that include this file in their transaction.

set local search_path = public, extensions;

-- Each statement of a test stands for a transaction of Auth's, at whose end the bonus is decided.
set constraints all immediate;

-- Runs one statement as a role, with the JWT of a user where one is given. Answers its first row
-- as JSON; of an error, what PostgREST would answer.
create function pg_temp.call(role text, user_id uuid, statement text) returns jsonb
language plpgsql as $$
declare
  v_row record;
  v_state text;
  v_message text;
  v_detail text;
  v_hint text;
begin
  perform set_config('request.jwt.claims', case when user_id is null then '' else
    jsonb_build_object('sub', user_id, 'role', role)::text
  end, true);
  perform set_config('role', role, true);
  execute statement into v_row;
  perform set_config('role', 'none', true);
  return to_jsonb(v_row);
exception when others then
  get stacked diagnostics v_state = returned_sqlstate, v_message = message_text,
    v_detail = pg_exception_detail, v_hint = pg_exception_hint;
  return jsonb_build_object(
    'error', v_message, 'code', v_state, 'hint', v_hint,
    'details', case when v_state like 'PT%' then v_detail::jsonb else to_jsonb(v_detail) end
  );
end
$$;

-- The same in short: as a signed-in user, and as the service.
create function pg_temp.as_user(user_id uuid, statement text) returns jsonb
language sql as $$ select pg_temp.call('authenticated', user_id, statement) $$;
create function pg_temp.as_service(statement text) returns jsonb
language sql as $$ select pg_temp.call('service_role', null, statement) $$;

-- The project's owner, who may do everything but change history.
create function pg_temp.as_owner(statement text) returns jsonb
language sql as $$ select pg_temp.call('postgres', null, statement) $$;

-- What the owner does to set a test up; fails the test file if it cannot be done.
create function pg_temp.change(statement text) returns void
language plpgsql as $$
begin
  perform set_config('role', 'postgres', true);
  execute statement;
  perform set_config('role', 'none', true);
end
$$;

create function pg_temp.sign_up(email text, confirmed boolean default true) returns uuid
language sql as $$
  insert into auth.users (id, email, email_confirmed_at, created_at)
  values (gen_random_uuid(), sign_up.email, case when confirmed then now() end, now())
  returning id
$$;

-- A user with exactly so many tokens, whatever the bonus is.
create function pg_temp.user_with(tokens bigint) returns uuid
language plpgsql as $$
declare
  v_id uuid := pg_temp.sign_up(gen_random_uuid() || '@example.com', false);
begin
  if tokens > 0 then
    perform pg_temp.change(format(
      'select coinslot.add_tokens(%L, %s, %L, %L, %L)',
      v_id, user_with.tokens, 'opening balance', '', 'grant'
    ));
  end if;
  return v_id;
end
$$;

create function pg_temp.wallet(user_id uuid) returns text
language sql as $$
  select format('tokens=%s held=%s seq=%s', w.tokens, w.held, w.seq)
    || case when w.closed_at is null then '' else ' closed' end
  from public.token_wallets w where w.user_id = wallet.user_id
$$;

create function pg_temp.history(user_id uuid) returns text
language sql as $$
  select coalesce(string_agg(format('%s %s', l.kind, l.delta), ', ' order by l.seq), '')
  from public.token_ledger l where l.user_id = history.user_id
$$;

-- An error in one line: its code, message and details.
create function pg_temp.refusal(answer jsonb) returns text
language sql as $$
  select concat_ws(' ', answer ->> 'code', answer ->> 'error', answer ->> 'details')
$$;

-- The wait that was set, as the time left of it says: the shortest known one that is not shorter. A
-- slow machine has used some of it up.
create function pg_temp.wait_until(moment timestamptz) returns numeric
language sql as $$
  select min(w.seconds) from unnest(array[
    0, 2, 3, 10, 30, 60, 120, 300, 600, 1200, 1800, 2400, 4800, 7200, 10800, 21600, 43200, 86400
  ]) w (seconds)
  where w.seconds >= extract(epoch from wait_until.moment - clock_timestamp())
$$;
