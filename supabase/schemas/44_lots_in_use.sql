-- Lots in use: from here on every entry keeps them.
--
-- post_entry() stays the way to write one. Calls that are under way when this comes in go on as
-- they began and end in it, so none of them moves a balance past the lots. Merges and imports,
-- which move balances in their own way, follow in the same transaction.

-- ---- merging ----

-- One may have tokens and the other a debt: then as many are drawn as the debt is. Whoever looks
-- for the lots of a wallet that was merged finds them with its owner.
create function coinslot.move_lots(from_user uuid, into_user uuid, tokens bigint, now timestamptz)
returns void
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_into public.token_wallets;
  v_tokens bigint;
begin
  update public.token_lots l set user_id = move_lots.into_user, seq = 0
  where l.user_id = move_lots.from_user;
  select w.* into strict v_into
  from public.token_wallets w where w.user_id = move_lots.into_user;
  select coalesce(sum(l.remaining), 0)::bigint - greatest(v_into.tokens, 0) into v_tokens
  from public.token_lots l where l.user_id = move_lots.into_user and l.remaining > 0;
  if v_tokens > 0 then
    perform from coinslot.draw_lots(
      move_lots.into_user, v_tokens, case when move_lots.tokens < 0 then 'merge' else 'debt' end,
      v_into.seq, move_lots.now
    );
  end if;
  perform coinslot.note_change(move_lots.from_user, move_lots.now);
  perform coinslot.note_change(move_lots.into_user, move_lots.now);
end
$$;
comment on function coinslot.move_lots(uuid, uuid, bigint, timestamptz) is
'Gives the lots of a locked, folded wallet to another one, whose balance has them already.';
revoke all on function coinslot.move_lots(uuid, uuid, bigint, timestamptz) from public;

-- ---- importing ----

-- Lots of what an import brought, one for each balance above zero. A wallet whose lots are not made
-- yet gets them out of its history, with this one.
create function coinslot.make_imported_lots(column_name text) returns void
language sql volatile set search_path = '' as $$
  with made as (
    insert into public.token_lots as t (user_id, seq, kind, tokens, remaining, spent, created_at)
    select l.user_id, l.seq, l.kind, l.delta, l.delta - d.paid, d.paid, l.created_at
    from public.token_ledger l
    inner join public.token_wallets w on w.user_id = l.user_id and w.seq = l.seq
    inner join coinslot.imported_balances i
      on i.user_id = l.user_id and i.column_name = make_imported_lots.column_name
    cross join lateral (
      select least(l.delta, greatest(0, l.delta - w.tokens + (
        select coalesce(sum(o.reserved), 0)::bigint from public.token_lots o
        where o.user_id = w.user_id and o.reserved > 0
      ))) as paid
    ) d
    where i.delta > 0 and w.folded_at > '-infinity'
    returning t.id, t.user_id, t.seq, t.spent
  )
  insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens)
  select m.id, m.user_id, m.seq, 'debt', m.spent from made m where m.spent > 0
$$;
comment on function coinslot.make_imported_lots(text) is
'Makes the lots of an import that was written just now, in wallets that are folded.';
revoke all on function coinslot.make_imported_lots(text) from public;
