-- Holds and refunds of the wallets that are proved, and not those of everybody.

create or replace function coinslot.verify_wallets(from_user uuid, to_user uuid)
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
