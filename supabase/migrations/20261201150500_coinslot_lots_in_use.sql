-- Lots in use: from here on every entry keeps them.
--
-- post_entry() stays the way to write one. Calls that are under way when this comes in go on as
-- they began and end in it, so none of them moves a balance past the lots. Merges and imports,
-- which move balances in their own way, follow in the same transaction.

-- A grant, the bonus and a purchase make a lot. What follows the money of an order, and a spend
-- that is given back, has functions of its own; here it is only what was under way.
create or replace function coinslot.post_entry(entry public.token_ledger)
returns public.token_receipt
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
  v_now timestamptz;
  v_payment public.token_payments;
  v_entry public.token_ledger;
begin
  if coinslot.is_spend(entry.kind, entry.delta) or entry.kind in ('merge_out', 'merge_in') then
    return coinslot.write_entry(entry);
  end if;
  v_wallet := coinslot.lock_wallet(entry.user_id);
  v_now := coinslot.wallet_time(v_wallet);
  if entry.kind = 'spend_refund' then
    select l.* into strict v_entry from public.token_ledger l
    where l.user_id = (entry.metadata ->> 'spend_user')::uuid
      and l.seq = (entry.metadata ->> 'spend_seq')::bigint;
    return coinslot.post_spend_refund(entry, v_entry, v_now);
  elsif entry.kind not in ('refund', 'dispute', 'test_reversal', 'reversal') then
    return coinslot.post_credit(entry, v_wallet, v_now);
  end if;
  select p.* into v_payment from public.token_payments p where p.id = entry.payment_id;
  v_payment.user_id := entry.user_id;
  if entry.delta < 0 then
    perform coinslot.take_tokens(v_payment, -entry.delta, entry.kind);
  else
    perform coinslot.give_back(v_payment, entry.delta);
  end if;
  select l.* into strict v_entry from public.token_ledger l
  where l.user_id = entry.user_id order by l.seq desc limit 1;
  return coinslot.receipt(v_entry, false);
end
$$;
comment on function coinslot.post_entry(public.token_ledger) is
'Writes an entry, moves the balance by it, and keeps the lots.';

-- ---- merging ----

-- The orders of both, since a debt of one may be paid with lots of the other. Both are folded at
-- one time, so that nothing is kept for a hold of which the other knows nothing yet.
create or replace function coinslot.lock_for_merge(from_user uuid, into_user uuid)
returns public.token_wallets
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets;
  v_into public.token_wallets;
  v_now timestamptz;
begin
  perform coinslot.check_mergeable(lock_for_merge.from_user);
  perform coinslot.check_mergeable(lock_for_merge.into_user);
  -- By their ids: to sort them by that, a planner may go through the orders of everybody.
  perform from public.token_payments p
  where p.id = any(array(
    select o.id from public.token_payments o
    where o.user_id in (lock_for_merge.from_user, lock_for_merge.into_user)
  ))
  order by p.id for update;
  perform coinslot.lock_wallet(least(lock_for_merge.from_user, lock_for_merge.into_user));
  perform coinslot.lock_wallet(greatest(lock_for_merge.from_user, lock_for_merge.into_user));
  perform coinslot.check_mergeable(lock_for_merge.from_user);
  perform coinslot.check_mergeable(lock_for_merge.into_user);
  perform coinslot.refuse_open_refund(array[lock_for_merge.from_user, lock_for_merge.into_user]);
  v_wallet := coinslot.lock_wallet(lock_for_merge.from_user);
  v_into := coinslot.lock_wallet(lock_for_merge.into_user);
  v_now := greatest(coinslot.wallet_time(v_wallet), v_into.folded_at);
  v_wallet := coinslot.fold(lock_for_merge.from_user, v_now);
  perform coinslot.fold(lock_for_merge.into_user, v_now);
  perform coinslot.check_merged_sums(v_wallet, lock_for_merge.into_user);
  return v_wallet;
end
$$;
comment on function coinslot.lock_for_merge(uuid, uuid) is
'Locks orders and wallets, folds both, and refuses what cannot be merged; the wallet that will be
closed.';

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

create or replace function coinslot.merge_wallets(
  from_user uuid, into_user uuid, idempotency_key text
) returns public.token_merge_receipt
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
  v_merge coinslot.merged_wallets;
begin
  perform coinslot.check_merge(
    merge_wallets.from_user, merge_wallets.into_user, merge_wallets.idempotency_key
  );
  lock table coinslot.merged_wallets in row exclusive mode;
  perform coinslot.lock_accounts(merge_wallets.from_user, merge_wallets.into_user);
  v_merge := coinslot.find_merge_replay(
    merge_wallets.from_user, merge_wallets.into_user, merge_wallets.idempotency_key
  );
  if v_merge.from_user is not null then
    return coinslot.merge_receipt(v_merge, true);
  end if;
  v_wallet := coinslot.lock_for_merge(merge_wallets.from_user, merge_wallets.into_user);
  v_merge.from_user := merge_wallets.from_user;
  v_merge.into_user := merge_wallets.into_user;
  v_merge.idempotency_key := merge_wallets.idempotency_key;
  v_merge.tokens := v_wallet.tokens;
  v_merge.orders := coinslot.move_orders(merge_wallets.from_user, merge_wallets.into_user);
  v_merge.holds := coinslot.move_holds(merge_wallets.from_user, merge_wallets.into_user);
  v_merge.balance := coinslot.move_tokens(
    merge_wallets.from_user, merge_wallets.into_user, v_wallet.tokens
  );
  perform coinslot.move_lots(
    merge_wallets.from_user, merge_wallets.into_user, v_wallet.tokens, v_wallet.folded_at
  );
  return coinslot.record_merge(v_merge);
end
$$;

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

-- A table of the app: an ordinary one, whose owner asks. Coinslot's own are out of bounds.
create or replace function coinslot.table_problems(app_table regclass) returns setof text
language sql stable set search_path = '' as $$
  select format('%s: %s', table_problems.app_table, p.problem)
  from pg_catalog.pg_class c
  cross join lateral (values
    (c.relnamespace = 'coinslot'::regnamespace or c.oid = any(array[
      'public.token_features', 'public.token_ledger', 'public.token_lots',
      'public.token_payment_events',
      'public.token_payments', 'public.token_prices', 'public.token_products',
      'public.token_wallets'
    ]::regclass[]), 'it is Coinslot''s own.'),
    (c.relkind <> 'r' or c.relispartition or c.relhassubclass, 'it is no ordinary table.'),
    (not pg_has_role(c.relowner, 'usage'), current_user || ' does not own it.')
  ) p (applies, problem)
  where c.oid = table_problems.app_table and p.applies
$$;

-- Moves the balances. Nobody is merged meanwhile. Wallets are locked first and by id, so that the
-- statement after that sees every bonus that was paid until then, and nothing moves in between. One
-- that was merged is not waited for: a capture may have it that waits for the owner's. What was
-- asked before is asked again, since a wallet may have been merged until then. A bonus that was
-- larger than the old balance is taken back, but not what was spent of it: nobody gets into debt by
-- it.
create or replace function coinslot.take_balances(
  column_name text, app_table regclass, user_column name, tokens_column name, reason text
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  lock table coinslot.merged_wallets in share mode;
  perform from coinslot.balances_by_owner(app_table, user_column, tokens_column) o
  inner join public.token_wallets w on w.user_id = o.user_id
  order by w.user_id for update of w;
  perform coinslot.fold(w.user_id, coinslot.wallet_time(w))
  from coinslot.balances_by_owner(app_table, user_column, tokens_column) o
  inner join public.token_wallets w on w.user_id = o.user_id
  where w.folded_at > '-infinity';
  perform coinslot.refuse_problems(column_name || ' cannot be imported yet', array(
    select coinslot.balance_problems(app_table, user_column, tokens_column)
  ));
  with due as (
    select w.user_id, o.tokens::bigint as tokens, coalesce(b.bonus, 0) as bonus,
      case when w.held = 0 then w.tokens else coinslot.available(w) end as available
    from coinslot.balances_by_owner(app_table, user_column, tokens_column) o
    inner join public.token_wallets w on w.user_id = o.user_id
    left join coinslot.uncounted_bonuses() b on b.user_id = w.user_id
  ), taken as (
    insert into coinslot.imported_balances as i (column_name, user_id, tokens, bonus, delta)
    select take_balances.column_name, due.user_id, due.tokens, due.bonus,
      greatest(due.tokens - due.bonus, least(0, -due.available))
    from due
    returning i.user_id, i.tokens, i.delta
  ), moved as (
    update public.token_wallets w
    set tokens = w.tokens + t.delta, seq = w.seq + 1, updated_at = clock_timestamp(),
      credited = w.credited + greatest(t.delta, 0)
    from taken t where w.user_id = t.user_id and t.delta <> 0
    returning w.user_id, w.seq, w.tokens as balance, t.tokens, t.delta
  )
  insert into public.token_ledger (
    user_id, seq, delta, balance, kind, caller, reason, metadata
  )
  select m.user_id, m.seq, m.delta, m.balance, 'adjustment', 'system', take_balances.reason,
    jsonb_build_object('imported_from', take_balances.column_name, 'tokens', m.tokens)
  from moved m;
  perform coinslot.make_imported_lots(take_balances.column_name);
end
$$;

notify pgrst, 'reload schema';
