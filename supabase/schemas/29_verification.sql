-- The proof that the books add up: everything the functions keep is computed again from the rows
-- themselves. Each line of an answer is a wallet and what is wrong with it; no line = sound.
--
-- Ten million entries are read in parallel and without sorting them. plpgsql, because Postgres
-- plans no parallel work for SQL functions that return sets.

-- Each wallet's entries, added up in one pass. They are a chain if each begins where the one before
-- ended: if the hashes of all ends, each with its number, are those of all beginnings, but for the
-- very first beginning and the very last end. That is `chained`: it could be true of a broken chain
-- once in 2^64 times. Where it is false the entries are gone through in order.
create function coinslot.wallet_books(from_user uuid, to_user uuid)
returns table (
  user_id uuid, entries bigint, tokens bigint, bonuses bigint, merged bigint, returned bigint,
  complete boolean, chained boolean
)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select
    l.user_id, count(*), sum(l.delta)::bigint,
    count(*) filter (where l.kind = 'signup_bonus'),
    sum(l.delta) filter (where l.kind in ('merge_in', 'merge_out'))::bigint,
    sum(l.delta) filter (where l.kind = 'spend_refund')::bigint,
    min(l.seq) = 1 and max(l.seq) = count(*),
    sum(hashint8extended(l.balance, l.seq)) - sum(hashint8extended(l.balance - l.delta, l.seq - 1))
    = hashint8extended(sum(l.delta)::bigint, count(*))::numeric - hashint8extended(0, 0)
  from public.token_ledger l
  where (wallet_books.from_user is null or l.user_id >= wallet_books.from_user)
    and (wallet_books.to_user is null or l.user_id < wallet_books.to_user)
  group by l.user_id;
end
$$;
comment on function coinslot.wallet_books(uuid, uuid) is
'Sums of the ledger per wallet, and whether its entries are without gaps and a chain.';
revoke all on function coinslot.wallet_books(uuid, uuid) from public;

-- A merge takes from one wallet what it gives to the other.
create function coinslot.merged_tokens(from_user uuid, to_user uuid)
returns table (user_id uuid, tokens bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select e.user_id, sum(e.tokens)::bigint
  from (
    select m.into_user as user_id, m.tokens from coinslot.merged_wallets m
    union all
    select m.from_user, -m.tokens from coinslot.merged_wallets m
  ) e
  where (merged_tokens.from_user is null or e.user_id >= merged_tokens.from_user)
    and (merged_tokens.to_user is null or e.user_id < merged_tokens.to_user)
  group by e.user_id;
end
$$;
comment on function coinslot.merged_tokens(uuid, uuid) is
'Tokens that merges brought to each wallet, less those that they took.';
revoke all on function coinslot.merged_tokens(uuid, uuid) from public;

create function coinslot.verify_wallets(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  with wallets as (
    select w.* from public.token_wallets w
    where (verify_wallets.from_user is null or w.user_id >= verify_wallets.from_user)
      and (verify_wallets.to_user is null or w.user_id < verify_wallets.to_user)
  ), holds as (
    select h.user_id, sum(h.amount)::bigint as held
    from coinslot.token_holds h
    where h.status = 'held'
      and (verify_wallets.from_user is null or h.user_id >= verify_wallets.from_user)
      and (verify_wallets.to_user is null or h.user_id < verify_wallets.to_user)
    group by h.user_id
  ), returned as (
    select r.user_id, sum(r.tokens)::bigint as tokens
    from coinslot.spend_refunds r
    where (verify_wallets.from_user is null or r.user_id >= verify_wallets.from_user)
      and (verify_wallets.to_user is null or r.user_id < verify_wallets.to_user)
    group by r.user_id
  )
  select c.user_id, c.problem, c.expected, c.found
  from coinslot.wallet_books(verify_wallets.from_user, verify_wallets.to_user) b
  full join wallets w on w.user_id = b.user_id
  left join holds h on h.user_id = w.user_id
  left join coinslot.merged_tokens(verify_wallets.from_user, verify_wallets.to_user) m
    on m.user_id = w.user_id
  left join returned r on r.user_id = w.user_id
  cross join lateral (
    select
      count(*) filter (where e.seq <> e.position) as gaps,
      count(*) filter (where e.balance <> e.running) as wrong_balances
    from (
      select
        l.seq, l.balance,
        row_number() over (order by l.seq) as position,
        sum(l.delta) over (order by l.seq) as running
      from public.token_ledger l
      where l.user_id = b.user_id and not (b.complete and b.chained)
    ) e
  ) o
  cross join lateral (values
    (b.user_id, 'no_wallet', 0, case when w.user_id is null then b.entries end),
    (b.user_id, 'signup_bonus', 1, nullif(greatest(b.bonuses, 1), 1)),
    (b.user_id, 'sequence_gaps', 0, nullif(o.gaps, 0)),
    (b.user_id, 'running_balance', 0, nullif(o.wrong_balances, 0)),
    (w.user_id, 'tokens', coalesce(b.tokens, 0), w.tokens),
    (w.user_id, 'seq', coalesce(b.entries, 0), w.seq),
    (w.user_id, 'held', coalesce(h.held, 0), w.held),
    (w.user_id, 'merged', coalesce(m.tokens, 0), coalesce(b.merged, 0)),
    (w.user_id, 'spend_refund', coalesce(r.tokens, 0), coalesce(b.returned, 0))
  ) as c (user_id, problem, expected, found)
  where c.expected <> c.found;
end
$$;
comment on function coinslot.verify_wallets(uuid, uuid) is
'Wallets that their entries and holds do not add up to.';
revoke all on function coinslot.verify_wallets(uuid, uuid) from public;

-- The unique index answers this in its own order.
create function coinslot.verify_keys(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select l.user_id, 'repeated_key', 1::bigint, count(*)
  from public.token_ledger l
  where l.idempotency_key is not null
    and (verify_keys.from_user is null or l.user_id >= verify_keys.from_user)
    and (verify_keys.to_user is null or l.user_id < verify_keys.to_user)
  group by l.user_id, l.caller, l.idempotency_key
  having count(*) > 1;
end
$$;
comment on function coinslot.verify_keys(uuid, uuid) is 'Idempotency keys that were used twice.';
revoke all on function coinslot.verify_keys(uuid, uuid) from public;

-- The entries of a payment stand in the history of whoever had it then, and count where it is now:
-- all payments of a wallet that was merged are the new owner's.
create function coinslot.moved_tokens(from_user uuid, to_user uuid)
returns table (user_id uuid, payment_id uuid, hold_id uuid, tokens bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select e.user_id, e.payment_id, e.hold_id, sum(e.delta)::bigint
  from (
    select l.user_id, l.payment_id, l.hold_id, l.delta from public.token_ledger l
    where num_nonnulls(l.payment_id, l.hold_id) > 0
      and (moved_tokens.from_user is null or l.user_id >= moved_tokens.from_user)
      and (moved_tokens.to_user is null or l.user_id < moved_tokens.to_user)
      and (l.payment_id is null or l.user_id not in (select m.from_user from coinslot.merged_wallets m))
    union all
    select m.owner_user, l.payment_id, null, l.delta
    from coinslot.merged_wallets m
    inner join public.token_ledger l on l.user_id = m.from_user and l.payment_id is not null
    where (moved_tokens.from_user is null or m.owner_user >= moved_tokens.from_user)
      and (moved_tokens.to_user is null or m.owner_user < moved_tokens.to_user)
  ) e
  group by e.user_id, e.payment_id, e.hold_id;
end
$$;
comment on function coinslot.moved_tokens(uuid, uuid) is
'Sums of the ledger per payment and per hold, with whose they are.';
revoke all on function coinslot.moved_tokens(uuid, uuid) from public;

-- Where tokens come from and go to: each payment moved what its money comes to, less what had
-- expired by then; each hold what was captured of it; and each refund holds its tokens for as long
-- as it is open, but for those. Of a test payment that was reversed all may have expired.
create function coinslot.verify_sources(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  with moved as materialized (
    select t.* from coinslot.moved_tokens(verify_sources.from_user, verify_sources.to_user) t
  ), sources as (
    select p.user_id, 'payment' as problem, p.id, case
      when p.paid = 0 or not p.live and exists (
        select from public.token_payment_events e
        where e.payment_id = p.id and e.source = 'go_live' and e.reason = 'test_payment'
      ) then 0
      else p.tokens - coinslot.tokens_to_reverse(p.tokens, p.paid, p.refunded + p.withdrawn)
    end + coalesce(c.covered, 0) as tokens
    from public.token_payments p left join coinslot.covered_payments() c on c.payment_id = p.id
    union all
    select h.user_id, 'hold', h.id, h.captured from coinslot.token_holds h
    union all
    select r.user_id, 'refund', r.id,
      case when r.finished_at is null then r.tokens - r.covered else 0 end
    from coinslot.refunds r
  ), found as (
    select m.user_id, 'payment' as problem, m.payment_id as id, m.tokens
    from moved m where m.payment_id is not null
    union all
    select m.user_id, 'hold', m.hold_id, -m.tokens from moved m where m.hold_id is not null
    union all
    select h.user_id, 'refund', h.refund_id, h.amount from coinslot.token_holds h
    where h.status = 'held' and h.refund_id is not null
  )
  select
    coalesce(s.user_id, f.user_id), coalesce(s.problem, f.problem),
    coalesce(s.tokens, 0), coalesce(f.tokens, 0)
  from (
    select * from sources o
    where (verify_sources.from_user is null or o.user_id >= verify_sources.from_user)
      and (verify_sources.to_user is null or o.user_id < verify_sources.to_user)
  ) s
  full join (
    select * from found o
    where (verify_sources.from_user is null or o.user_id >= verify_sources.from_user)
      and (verify_sources.to_user is null or o.user_id < verify_sources.to_user)
  ) f on f.id = s.id and f.user_id = s.user_id and f.problem = s.problem
  where coalesce(s.tokens, 0) <> coalesce(f.tokens, 0);
end
$$;
comment on function coinslot.verify_sources(uuid, uuid) is
'Payments, holds and refunds whose tokens the books do not bear out.';
revoke all on function coinslot.verify_sources(uuid, uuid) from public;

-- Each payment has the money of the attempt that was credited for it, in minor units: the ledger
-- follows payments, and audits look at attempts. Money that is on its way back again may stand in
-- its payment as gone, or not: payment_facts says when.
create function coinslot.verify_attempts(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select p.user_id, 'attempt', m.attempt, m.payment
  from public.token_payments p
  left join coinslot.payment_attempts a on a.payment_id = p.id and a.credited
  cross join lateral (
    select
      coalesce(a.paid - a.withdrawn - greatest(
        a.refunded, least(p.refunded, a.refunded + a.refunding)
      ), 0) as attempt,
      p.paid - p.withdrawn - p.refunded as payment
  ) m
  where m.attempt <> m.payment
    and (verify_attempts.from_user is null or p.user_id >= verify_attempts.from_user)
    and (verify_attempts.to_user is null or p.user_id < verify_attempts.to_user);
end
$$;
comment on function coinslot.verify_attempts(uuid, uuid) is
'Payments whose money is not that of their credited attempt.';
revoke all on function coinslot.verify_attempts(uuid, uuid) from public;

-- Nothing is left with somebody who has been merged.
create function coinslot.verify_merges(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select m.from_user, 'left_behind', 0::bigint, count(*)
  from coinslot.merged_wallets m inner join public.token_payments p on p.user_id = m.from_user
  where (verify_merges.from_user is null or m.from_user >= verify_merges.from_user)
    and (verify_merges.to_user is null or m.from_user < verify_merges.to_user)
  group by m.from_user;
end
$$;
comment on function coinslot.verify_merges(uuid, uuid) is 'Merged users who still have orders.';
revoke all on function coinslot.verify_merges(uuid, uuid) from public;

-- Nothing that was spent goes back twice, and nothing but what was spent.
create function coinslot.verify_spend_refunds(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select r.spend_user, 'spend_refunded', coalesce(-l.delta, 0), sum(r.tokens)::bigint
  from coinslot.spend_refunds r
  left join public.token_ledger l on l.user_id = r.spend_user and l.seq = r.spend_seq
  where (verify_spend_refunds.from_user is null or r.spend_user >= verify_spend_refunds.from_user)
    and (verify_spend_refunds.to_user is null or r.spend_user < verify_spend_refunds.to_user)
  group by r.spend_user, r.spend_seq, l.delta, l.kind
  having (sum(r.tokens) <= -l.delta and l.kind = 'spend') is not true;
end
$$;
comment on function coinslot.verify_spend_refunds(uuid, uuid) is
'Spends of which more was given back than they took.';
revoke all on function coinslot.verify_spend_refunds(uuid, uuid) from public;

create function coinslot.verify_ledger(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language sql stable security definer set search_path = '' as $$
  select * from coinslot.verify_wallets(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_keys(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_sources(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_attempts(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_merges(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_spend_refunds(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_lots(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_kept(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_draws(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_lot_entries(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_places(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_refills(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_promotions(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_referrals(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_documents(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_series(verify_ledger.from_user)
  union all
  select * from coinslot.verify_subscriptions(verify_ledger.from_user, verify_ledger.to_user)
$$;
comment on function coinslot.verify_ledger(uuid, uuid) is 'See public.coinslot_verify_ledger.';
revoke all on function coinslot.verify_ledger(uuid, uuid) from public;
grant execute on function coinslot.verify_ledger(uuid, uuid) to service_role;

create function public.coinslot_verify_ledger(
  from_user uuid default null, to_user uuid default null
)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language sql stable set search_path = '' as $$
  select * from coinslot.verify_ledger(
    coinslot_verify_ledger.from_user, coinslot_verify_ledger.to_user
  )
$$;
comment on function public.coinslot_verify_ledger(uuid, uuid) is
'Service: every wallet in [from_user, to_user) that does not add up. No rows = sound.';
revoke all on function public.coinslot_verify_ledger(uuid, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_verify_ledger(uuid, uuid) to service_role;
