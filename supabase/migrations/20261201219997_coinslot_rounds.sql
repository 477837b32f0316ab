-- Up to when reports are complete.

-- A lot that ended and was not folded yet will be breakage of the time before it: a round is of no
-- later time, so that this time is not over yet. What a hold keeps does not hold it up.
create function coinslot.round_begins() returns timestamptz
language sql volatile set search_path = '' set enable_seqscan = off as $$
  select least(clock_timestamp(), (
    select l.expires_at from public.token_lots l
    inner join public.token_wallets w on w.user_id = l.user_id
    where l.remaining > 0 and l.expires_at < 'infinity' and l.expires_at <= clock_timestamp()
      and l.expires_at > w.folded_at
    order by l.expires_at limit 1
  ))
$$;
comment on function coinslot.round_begins() is
'The time up to which all that happened is in the ledger.';
revoke all on function coinslot.round_begins() from public;
