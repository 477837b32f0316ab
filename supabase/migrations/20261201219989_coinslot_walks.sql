-- Where a list begins that is asked for up to a time.

-- A page before `until` begins there, and not at the newest: a scan that is told both reads all
-- that is in between.
create function coinslot.walk_from(after text, until text, out at timestamptz, out id uuid)
language plpgsql stable set search_path = '' as $$
begin
  select c.at, c.id into at, id from coinslot.read_cursor(walk_from.after) c;
  if walk_from.until::timestamptz <= at then
    at := walk_from.until::timestamptz;
    id := '00000000-0000-0000-0000-000000000000'::uuid;
  end if;
end
$$;
comment on function coinslot.walk_from(text, text) is
'The place that a page comes after: its cursor''s, or the end of the time that is asked for.';
revoke all on function coinslot.walk_from(text, text) from public;
