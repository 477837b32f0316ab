-- Upkeep: expiry in batches, and what the monitoring shows of lots. No job is needed for a balance
-- to be right; it makes entries prompt.

-- A lot that is kept for a hold was looked at by the fold that kept it: it is the hold's to end.
-- Wallets in use are skipped: whoever has one locked folds it, or the next run will.
create function coinslot.expire_tokens(batch integer) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets;
  v_wallets bigint := 0;
begin
  for v_wallet in
    select w.* from public.token_wallets w
    where w.user_id in (
      select l.user_id from public.token_lots l
      inner join public.token_wallets o on o.user_id = l.user_id
      where l.remaining > 0 and l.expires_at < 'infinity' and l.expires_at <= clock_timestamp()
        and l.expires_at > o.folded_at
      order by l.expires_at limit expire_tokens.batch
    )
    order by w.user_id for update skip locked
  loop
    perform coinslot.fold_if_due(v_wallet, coinslot.wallet_time(v_wallet));
    v_wallets := v_wallets + 1;
  end loop;
  return v_wallets;
end
$$;
comment on function coinslot.expire_tokens(integer) is
'Folds wallets of which a lot has ended; how many.';
revoke all on function coinslot.expire_tokens(integer) from public;

create function coinslot.count_lots() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'overdue', count(*),
    'oldest_seconds', extract(epoch from statement_timestamp() - min(l.expires_at)),
    'made', exists (select from coinslot.lot_backfill b where b.finished_at is not null)
  )
  from public.token_lots l
  where l.remaining > 0 and l.expires_at < 'infinity' and l.expires_at <= statement_timestamp()
$$;
comment on function coinslot.count_lots() is
'Lots that have ended and have tokens yet, and whether those of older wallets are all made.';
revoke all on function coinslot.count_lots() from public;
