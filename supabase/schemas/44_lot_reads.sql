-- Reads that know what has expired, and write nothing: the fold, computed.
--
-- They run as whoever asks, as before: row level security decides whose lots and holds are counted.
-- So people read two more columns of their holds, which tell for which lots a hold may need tokens.
grant select (created_at, refund_id) on table coinslot.token_holds to authenticated, service_role;
grant execute on function coinslot.need_for(uuid, timestamptz, timestamptz)
to authenticated, service_role;

-- Each lot that had tokens at the last fold, in order of drawing, as a fold at this time would
-- leave it: what was spent since is drawn from those that were live then, and then from what was
-- kept; of those that have ended what no hold needs is gone.
create function coinslot.foreseen_lots(wallet public.token_wallets, now timestamptz)
returns table (lot_id bigint, remaining bigint, expired bigint)
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return query
  with found as (
    select l.id, l.expires_at, l.remaining,
      sum(l.remaining) over (
        order by l.expires_at <= wallet.folded_at, l.expires_at, l.priority, l.paid, l.id
      ) - l.remaining as before,
      sum(l.remaining) over () - greatest(0, wallet.tokens - sum(l.reserved) over ()) as spent,
      row_number() over (order by l.expires_at, l.priority, l.paid, l.id) as place
    from public.token_lots l
    where l.user_id = wallet.user_id and (l.remaining > 0 or l.reserved > 0)
  ), drawn as (
    select f.id, f.expires_at, f.place,
      f.remaining - least(f.remaining, greatest(0, f.spent - f.before)) as left_over
    from found f
  ), ended as (
    select d.id, sum(d.left_over) over (order by d.place)
      - coinslot.need_for(wallet.user_id, d.expires_at, foreseen_lots.now) as excess, d.place
    from drawn d where d.expires_at <= foreseen_lots.now
  ), gone as (
    select e.id, e.place, greatest(0, max(e.excess) over (order by e.place)) as up_to from ended e
  ), due as (
    select g.id, g.up_to - coalesce(lag(g.up_to) over (order by g.place), 0) as tokens from gone g
  )
  select d.id, (d.left_over - coalesce(u.tokens, 0))::bigint, coalesce(u.tokens, 0)::bigint
  from drawn d left join due u on u.id = d.id
  order by d.place;
end
$$;
comment on function coinslot.foreseen_lots(public.token_wallets, timestamptz) is
'The lots of a wallet as a fold at this time would leave them.';
revoke all on function coinslot.foreseen_lots(public.token_wallets, timestamptz) from public;
grant execute on function coinslot.foreseen_lots(public.token_wallets, timestamptz)
to authenticated, service_role;

create function coinslot.lapsed(wallet public.token_wallets, now timestamptz) returns bigint
language sql stable set search_path = '' as $$
  select coalesce(sum(f.expired), 0)::bigint
  from coinslot.foreseen_lots(wallet, lapsed.now) f
$$;
comment on function coinslot.lapsed(public.token_wallets, timestamptz) is
'Tokens of a wallet that have expired and have no entry yet.';
revoke all on function coinslot.lapsed(public.token_wallets, timestamptz) from public;
grant execute on function coinslot.lapsed(public.token_wallets, timestamptz)
to authenticated, service_role;

-- What is kept for a hold has ended, and is not listed: it is spent by its hold, or by nobody.
create function coinslot.list_lots(page_size integer, after_id bigint)
returns table (
  id bigint, kind text, tokens bigint, expires_at timestamptz, created_at timestamptz
)
language plpgsql stable security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_wallet public.token_wallets;
  v_now timestamptz;
  v_after public.token_lots;
begin
  select w.* into v_wallet from public.token_wallets w
  where w.user_id = v_user_id and w.closed_at is null;
  v_now := greatest(clock_timestamp(), v_wallet.folded_at);
  select l.* into v_after from public.token_lots l
  where l.id = list_lots.after_id and l.user_id = v_user_id;
  return query
  select l.id, l.kind, f.remaining, nullif(l.expires_at, 'infinity'), l.created_at
  from coinslot.foreseen_lots(v_wallet, v_now) f
  inner join public.token_lots l on l.id = f.lot_id
  where f.remaining > 0 and l.expires_at > v_now and (
    v_after.id is null or (l.expires_at, l.priority, l.paid, l.id)
      > (v_after.expires_at, v_after.priority, v_after.paid, v_after.id)
  )
  order by l.expires_at, l.priority, l.paid, l.id
  limit least(greatest(coalesce(list_lots.page_size, 50), 1), 500);
end
$$;
comment on function coinslot.list_lots(integer, bigint) is 'See public.list_token_lots.';
revoke all on function coinslot.list_lots(integer, bigint) from public;
grant execute on function coinslot.list_lots(integer, bigint) to authenticated;

create function public.list_token_lots(page_size integer default 50, after_id bigint default null)
returns table (
  id bigint, kind text, tokens bigint, expires_at timestamptz, created_at timestamptz
)
language sql stable set search_path = '' set statement_timeout = '1s' as $$
  select * from coinslot.list_lots(list_token_lots.page_size, list_token_lots.after_id)
$$;
comment on function public.list_token_lots(integer, bigint) is
'What the signed-in user has, in the order in which it is spent, and until when: expires_at null =
for ever. after_id = id of the last one of the page before.';
revoke all on function public.list_token_lots(integer, bigint)
from public, anon, authenticated, service_role;
grant execute on function public.list_token_lots(integer, bigint) to authenticated;

-- By their ends, so that whoever reminds people walks them once. A lot that is spent until the last
-- fold is none; what was spent since is drawn as a fold would.
create function coinslot.list_expiring(
  within_days integer, page_size integer, after timestamptz, after_id bigint
) returns table (id bigint, user_id uuid, tokens bigint, expires_at timestamptz)
language plpgsql stable security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_now timestamptz := clock_timestamp();
  v_after timestamptz := greatest(list_expiring.after, v_now);
  v_until timestamptz;
begin
  if (list_expiring.within_days between 1 and 36500) is not true then
    perform coinslot.fail(
      'invalid_argument', '{"argument": "within_days", "min": 1, "max": 36500}'
    );
  end if;
  v_until := v_now + make_interval(days => list_expiring.within_days);
  return query
  select l.id, l.user_id, f.remaining, l.expires_at
  from public.token_lots l
  inner join public.token_wallets w on w.user_id = l.user_id and w.closed_at is null
  cross join lateral coinslot.foreseen_lots(w, greatest(v_now, w.folded_at)) f
  where l.remaining > 0 and l.expires_at < 'infinity'
    and l.expires_at >= v_after and l.expires_at <= v_until
    and (l.expires_at, l.id) > (v_after, coalesce(list_expiring.after_id, 0))
    and f.lot_id = l.id and f.remaining > 0
  order by l.expires_at, l.id
  limit least(greatest(coalesce(list_expiring.page_size, 500), 1), 10000);
end
$$;
comment on function coinslot.list_expiring(integer, integer, timestamptz, bigint) is
'See public.list_expiring_tokens.';
revoke all on function coinslot.list_expiring(integer, integer, timestamptz, bigint) from public;
grant execute on function coinslot.list_expiring(integer, integer, timestamptz, bigint)
to service_role;

create function public.list_expiring_tokens(
  within_days integer default 7, page_size integer default 500, after timestamptz default null,
  after_id bigint default null
) returns table (id bigint, user_id uuid, tokens bigint, expires_at timestamptz)
language sql stable set search_path = '' as $$
  select * from coinslot.list_expiring(
    list_expiring_tokens.within_days, list_expiring_tokens.page_size,
    list_expiring_tokens.after, list_expiring_tokens.after_id
  )
$$;
comment on function public.list_expiring_tokens(integer, integer, timestamptz, bigint) is
'Service: what will expire within so many days if nobody spends it, the next to end first; after,
after_id = expires_at and id of the last one of the page before.';
revoke all on function public.list_expiring_tokens(integer, integer, timestamptz, bigint)
from public, anon, authenticated, service_role;
grant execute on function public.list_expiring_tokens(integer, integer, timestamptz, bigint)
to service_role;
