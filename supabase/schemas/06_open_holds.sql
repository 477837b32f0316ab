-- Open holds: made longer while the work goes on, and shown to whoever's tokens they set aside.

-- Counted from now, so that a job says how long it still needs, and says so again as long as it
-- runs. What a repeated call or a late one asks for is no more than that either, and none makes a
-- hold shorter. The life of a hold has an end all the same: a job that never ends keeps nothing
-- from its user for ever. The answer says how long it lives.
create function coinslot.extend_hold(hold_id uuid, ttl_seconds integer)
returns public.token_hold_receipt
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_hold coinslot.token_holds;
begin
  perform coinslot.check_ttl(extend_hold.ttl_seconds);
  v_hold := coinslot.open_hold(extend_hold.hold_id);
  update coinslot.token_holds h
  set expires_at = greatest(h.expires_at, least(
    clock_timestamp() + make_interval(secs => extend_hold.ttl_seconds),
    h.created_at + make_interval(secs => s.max_hold_seconds)
  ))
  from coinslot.settings s
  where h.id = v_hold.id and s.id
  returning h.* into strict v_hold;
  return coinslot.hold_receipt(v_hold, false);
end
$$;
comment on function coinslot.extend_hold(uuid, integer) is 'See public.extend_token_hold.';
revoke all on function coinslot.extend_hold(uuid, integer) from public;
grant execute on function coinslot.extend_hold(uuid, integer) to service_role;

create function public.extend_token_hold(hold_id uuid, ttl_seconds integer default 600)
returns public.token_hold_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.extend_hold(extend_token_hold.hold_id, extend_token_hold.ttl_seconds);
end
$$;
comment on function public.extend_token_hold(uuid, integer) is
'Service: lets an open hold live so long from now, as far as the longest life of a hold allows.';
revoke all on function public.extend_token_hold(uuid, integer)
from public, anon, authenticated, service_role;
grant execute on function public.extend_token_hold(uuid, integer) to service_role;

-- By their ends: those only ever move back, so a hold that is extended between two pages is shown
-- twice, and none is left out. What a refund sets aside ends with the refund, which its buyer sees.
create function coinslot.list_holds(page_size integer, after timestamptz, after_id uuid)
returns table (
  id uuid, amount bigint, feature text, reason text, created_at timestamptz, expires_at timestamptz
)
language plpgsql stable security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_after timestamptz := coalesce(list_holds.after, '-infinity');
  v_after_id uuid := coalesce(list_holds.after_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
begin
  return query
  select h.id, h.amount, h.feature, h.reason, h.created_at, h.expires_at
  from coinslot.token_holds h
  where h.user_id = v_user_id and h.status = 'held' and h.refund_id is null
    and h.expires_at > clock_timestamp()
    and h.expires_at >= v_after and (h.expires_at, h.id) > (v_after, v_after_id)
  order by h.expires_at, h.id
  limit least(greatest(coalesce(list_holds.page_size, 50), 1), 500);
end
$$;
comment on function coinslot.list_holds(integer, timestamptz, uuid) is
'See public.list_token_holds.';
revoke all on function coinslot.list_holds(integer, timestamptz, uuid) from public;
grant execute on function coinslot.list_holds(integer, timestamptz, uuid) to authenticated;

create function public.list_token_holds(
  page_size integer default 50, after timestamptz default null, after_id uuid default null
) returns table (
  id uuid, amount bigint, feature text, reason text, created_at timestamptz, expires_at timestamptz
)
language sql stable set search_path = '' set statement_timeout = '1s' as $$
  select * from coinslot.list_holds(
    list_token_holds.page_size, list_token_holds.after, list_token_holds.after_id
  )
$$;
comment on function public.list_token_holds(integer, timestamptz, uuid) is
'Open holds of the signed-in user, the next to end first; after, after_id = expires_at and id of the
last one of the page before.';
revoke all on function public.list_token_holds(integer, timestamptz, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.list_token_holds(integer, timestamptz, uuid) to authenticated;
