-- The books of lots: each is proved by the rows that moved it, and all of them by the ledger. Never
-- by comparing an entry's time with a lot's end: a spend is dated a moment after it was decided.
--
-- A wallet whose lots are not made yet has none to prove.

create function coinslot.verified_wallets(from_user uuid, to_user uuid)
returns setof public.token_wallets
language sql stable set search_path = '' as $$
  select w.* from public.token_wallets w
  where w.folded_at > '-infinity'
    and (verified_wallets.from_user is null or w.user_id >= verified_wallets.from_user)
    and (verified_wallets.to_user is null or w.user_id < verified_wallets.to_user)
$$;
comment on function coinslot.verified_wallets(uuid, uuid) is 'Wallets whose lots are made.';
revoke all on function coinslot.verified_wallets(uuid, uuid) from public;

-- Below, what is joined to them has their range once more: else all lots of everybody would be read
-- for the proof of one wallet, since a plan does not know how few wallets there are.

-- Between folds there is more in the lots than the wallet has: what was spent since. `over` is what
-- no spend explains. No lot ends before next_change_at.
create function coinslot.verify_lots(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select w.user_id, c.problem, c.expected, c.found
  from coinslot.verified_wallets(verify_lots.from_user, verify_lots.to_user) w
  left join lateral (
    select sum(l.remaining)::bigint as remaining, sum(l.reserved)::bigint as reserved,
      min(l.expires_at) filter (where l.remaining > 0) as ends_at
    from public.token_lots l
    where l.user_id = w.user_id and (l.remaining > 0 or l.reserved > 0)
  ) s on true
  left join lateral (
    select max(d.drawn_to) as drawn_to from coinslot.lot_draws d
    where d.user_id = w.user_id and d.cause = 'spend'
  ) p on true
  left join lateral (
    select sum(r.reserved)::bigint as reserved from coinslot.refunds r
    where r.user_id = w.user_id and r.finished_at is null
  ) r on true
  cross join lateral (
    select coalesce(s.remaining, 0) as remaining, coalesce(s.reserved, 0) as reserved,
      greatest(w.tokens - coalesce(s.reserved, 0), 0) as base
  ) v
  cross join lateral (values
    ('lots_short', v.base, least(v.remaining, v.base)),
    ('lots_over', w.credited - w.tokens - coalesce(p.drawn_to, 0), greatest(
      v.remaining - v.base, w.credited - w.tokens - coalesce(p.drawn_to, 0)
    )),
    ('reserved', coalesce(r.reserved, 0), v.reserved),
    ('next_change', 0, (w.next_change_at > case
      when s.ends_at <= w.folded_at then '-infinity' else coalesce(s.ends_at, 'infinity')
    end)::integer)
  ) as c (problem, expected, found)
  where c.expected <> c.found;
end
$$;
comment on function coinslot.verify_lots(uuid, uuid) is
'Wallets that their lots do not add up to.';
revoke all on function coinslot.verify_lots(uuid, uuid) from public;

-- Of the lots that have ended, in order, no more is left than the holds may need that were made
-- before each: none of those has been swept without a fold.
create function coinslot.verify_kept(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select k.user_id, 'kept', max(k.need)::bigint, max(k.need)::bigint + max(k.kept - k.need)::bigint
  from (
    select l.user_id,
      sum(l.remaining) over (
        partition by l.user_id order by l.expires_at, l.priority, l.paid, l.id
      ) as kept, (
        select coalesce(sum(h.amount), 0) from coinslot.token_holds h
        where h.user_id = l.user_id and h.status = 'held' and h.refund_id is null
          and h.created_at < l.expires_at
      ) as need
    from coinslot.verified_wallets(verify_kept.from_user, verify_kept.to_user) w
    inner join public.token_lots l on l.user_id = w.user_id
    where l.remaining > 0 and l.expires_at <= w.folded_at
      and (verify_kept.from_user is null or l.user_id >= verify_kept.from_user)
      and (verify_kept.to_user is null or l.user_id < verify_kept.to_user)
  ) k
  group by k.user_id having max(k.kept - k.need) > 0;
end
$$;
comment on function coinslot.verify_kept(uuid, uuid) is
'Wallets that keep more of what has ended than holds may need.';
revoke all on function coinslot.verify_kept(uuid, uuid) from public;

-- What became of a lot is the sum of what was drawn from it, by cause.
create function coinslot.verify_draws(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select l.user_id, c.problem, c.expected, c.found
  from coinslot.verified_wallets(verify_draws.from_user, verify_draws.to_user) w
  inner join public.token_lots l on l.user_id = w.user_id
  left join lateral (
    select
      sum(d.tokens) filter (where d.cause in ('spend', 'debt', 'spend_refund'))::bigint as spent,
      sum(d.tokens) filter (where d.cause = 'expiry')::bigint as expired,
      sum(d.tokens) filter (
        where d.cause not in ('spend', 'debt', 'spend_refund', 'expiry')
      )::bigint as taken
    from coinslot.lot_draws d where d.lot_id = l.id
  ) d on true
  left join lateral (
    select sum(t.tokens - t.returned)::bigint as covered
    from coinslot.lot_takings t
    where t.payment_id = l.payment_id and t.lot_id = l.id and t.origin = 'covered'
  ) t on true
  cross join lateral (values
    ('lot_parts', l.tokens, l.remaining + l.reserved + l.spent + l.taken + l.expired),
    ('lot_draws', coalesce(d.spent, 0), l.spent), ('lot_draws', coalesce(d.taken, 0), l.taken),
    ('lot_draws', coalesce(d.expired, 0), l.expired),
    ('lot_covered', coalesce(t.covered, 0), l.covered)
  ) as c (problem, expected, found)
  where c.expected <> c.found
    and (verify_draws.from_user is null or l.user_id >= verify_draws.from_user)
    and (verify_draws.to_user is null or l.user_id < verify_draws.to_user);
end
$$;
comment on function coinslot.verify_draws(uuid, uuid) is
'Lots that what was drawn from them does not add up to.';
revoke all on function coinslot.verify_draws(uuid, uuid) from public;

-- An entry that adds tokens has made lots and filled them by as many; one that takes them has taken
-- as many from lots, or beyond them. Merges move lots, and a spend draws at a fold.
create function coinslot.verify_lot_entries(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  with entries as (
    select l.user_id, l.seq, l.kind, l.delta
    from coinslot.verified_wallets(verify_lot_entries.from_user, verify_lot_entries.to_user) w
    inner join public.token_ledger l on l.user_id = w.user_id
    where l.kind not in ('spend', 'merge_in', 'merge_out')
      and not (l.kind = 'adjustment' and l.delta < 0) and w.merged_into is null
      and (verify_lot_entries.from_user is null or l.user_id >= verify_lot_entries.from_user)
      and (verify_lot_entries.to_user is null or l.user_id < verify_lot_entries.to_user)
  )
  select e.user_id, case e.kind when 'expiry' then 'lot_expired' else 'lot_entry' end, e.delta,
    coalesce(t.tokens, 0) - coalesce(d.tokens, 0)
  from entries e
  left join lateral (
    select sum(t.tokens)::bigint as tokens from public.token_lots t
    where t.user_id = e.user_id and t.seq = e.seq
  ) t on true
  left join lateral (
    select sum(d.tokens)::bigint as tokens from coinslot.lot_draws d
    where d.user_id = e.user_id and d.seq = e.seq and d.cause not in ('spend', 'debt', 'moved')
  ) d on true
  where e.delta <> coalesce(t.tokens, 0) - coalesce(d.tokens, 0);
end
$$;
comment on function coinslot.verify_lot_entries(uuid, uuid) is
'Entries that the lots do not bear out.';
revoke all on function coinslot.verify_lot_entries(uuid, uuid) from public;

-- All that was ever spent is a line. What folds drew are places on it, none of them twice; between
-- them is what was spent beyond the lots.
create function coinslot.verify_places(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select w.user_id, 'credited', coalesce(s.credited, 0), w.credited
  from coinslot.verified_wallets(verify_places.from_user, verify_places.to_user) w
  left join lateral (
    select sum(l.delta)::bigint as credited from public.token_ledger l
    where l.user_id = w.user_id and l.kind <> 'spend'
      and not (l.kind = 'adjustment' and l.delta < 0)
  ) s on true
  where coalesce(s.credited, 0) <> w.credited
  union all
  select p.user_id, 'lot_places', 0::bigint, count(*)
  from (
    select w.user_id, d.drawn_from, d.drawn_to, w.credited - w.tokens as spent,
      lag(d.drawn_to, 1, 0::bigint) over (
        partition by w.user_id order by d.drawn_from, d.id
      ) as before
    from coinslot.verified_wallets(verify_places.from_user, verify_places.to_user) w
    inner join coinslot.lot_draws d on d.user_id = w.user_id and d.cause = 'spend'
    where (verify_places.from_user is null or d.user_id >= verify_places.from_user)
      and (verify_places.to_user is null or d.user_id < verify_places.to_user)
  ) p
  where p.drawn_from < p.before or p.drawn_to > p.spent
  group by p.user_id;
end
$$;
comment on function coinslot.verify_places(uuid, uuid) is
'Wallets whose draws do not lie one after the other on the line of what was spent.';
revoke all on function coinslot.verify_places(uuid, uuid) from public;
