-- Spending and holds with lots.
--
-- A spend's fast path asks for one thing more: that nothing of the wallet has ended. Postgres asks
-- it anew when it has waited for a changed row. Whether a spend came before an expiry is what this
-- said.

-- The places of what it draws follow all that was spent before, and the rest of the capture follows
-- them.
create function coinslot.draw_kept(
  wallet public.token_wallets, hold coinslot.token_holds, tokens bigint, now timestamptz
) returns void
language sql volatile set search_path = '' as $$
  select count(*) from coinslot.draw_lots(
    wallet.user_id, draw_kept.tokens, 'spend', wallet.seq + 1, draw_kept.now,
    wallet.credited - wallet.tokens, held_at => hold.created_at
  )
$$;
comment on function coinslot.draw_kept(
  public.token_wallets, coinslot.token_holds, bigint, timestamptz
) is 'Draws from lots that were kept for a hold, at its capture.';
revoke all on function coinslot.draw_kept(
  public.token_wallets, coinslot.token_holds, bigint, timestamptz
) from public;
