-- Merging: an anonymous buyer signs into the account they have had for long, and takes along what
-- they bought.
--
-- Tokens, orders, open holds and finished refunds move in one transaction, and whatever comes later
-- about them finds their owner by itself: a payment, a hold and a refund know whose they are. What
-- has happened stays in the history of the wallet where it happened. The other wallet is closed for
-- good: its user may be deleted, or be signed in for as long as they like.
--
-- Locks are taken in the order of all others, orders by id and wallets by id, and before them those
-- of the two accounts, so that no order is made meanwhile. Whoever waits there for another merge
-- has nothing locked, and finds out before anything is locked that a wallet was merged. Before all
-- of them stands the table's own lock, by which an import keeps merges waiting while they have
-- nothing that it could wait for.

create type public.token_merge_receipt as (
  from_user uuid,
  into_user uuid,
  tokens bigint,
  balance bigint,
  orders bigint,
  holds bigint,
  idempotency_key text,
  created_at timestamptz,
  replayed boolean
);
comment on type public.token_merge_receipt is
'What moved, and the tokens of into_user afterwards; replayed = it answers a repeated call.';
revoke all on type public.token_merge_receipt from public;
grant usage on type public.token_merge_receipt to service_role;

create function coinslot.merge_receipt(merge coinslot.merged_wallets, replayed boolean)
returns public.token_merge_receipt
language sql immutable parallel safe set search_path = '' as $$
  select row(
    merge.from_user, merge.into_user, merge.tokens, merge.balance, merge.orders, merge.holds,
    merge.idempotency_key, merge.created_at, merge_receipt.replayed
  )::public.token_merge_receipt
$$;
comment on function coinslot.merge_receipt(coinslot.merged_wallets, boolean) is 'Merge to receipt.';
revoke all on function coinslot.merge_receipt(coinslot.merged_wallets, boolean) from public;

-- An order that was made while the accounts were waited for is seen by nobody whose snapshot is
-- older, and would be left behind.
create function coinslot.check_merge(from_user uuid, into_user uuid, idempotency_key text)
returns void
language plpgsql stable set search_path = '' as $$
declare
  v_argument text := case
    when check_merge.from_user is null then 'from_user'
    when check_merge.into_user is null or check_merge.into_user = check_merge.from_user
    then 'into_user'
    when (length(check_merge.idempotency_key) between 1 and 255) is not true
    then 'idempotency_key'
    when current_setting('transaction_isolation') <> 'read committed' then 'transaction_isolation'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
end
$$;
comment on function coinslot.check_merge(uuid, uuid, text) is
'PT400 unless it names two users and a key, and sees what others have just committed.';
revoke all on function coinslot.check_merge(uuid, uuid, text) from public;

-- Nobody else makes an order of either or merges one of them until the end of the transaction.
create function coinslot.lock_accounts(from_user uuid, into_user uuid) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_from bigint := coinslot.account_lock(lock_accounts.from_user);
  v_into bigint := coinslot.account_lock(lock_accounts.into_user);
begin
  perform pg_advisory_xact_lock(least(v_from, v_into));
  perform pg_advisory_xact_lock(greatest(v_from, v_into));
end
$$;
comment on function coinslot.lock_accounts(uuid, uuid) is
'Keeps two accounts from other merges and from new orders.';
revoke all on function coinslot.lock_accounts(uuid, uuid) from public;

create function coinslot.find_merge_replay(from_user uuid, into_user uuid, idempotency_key text)
returns coinslot.merged_wallets
language plpgsql stable set search_path = '' as $$
declare
  v_merge coinslot.merged_wallets;
begin
  select m.* into v_merge from coinslot.merged_wallets m
  where m.idempotency_key = find_merge_replay.idempotency_key;
  if (v_merge.from_user, v_merge.into_user)
    <> (find_merge_replay.from_user, find_merge_replay.into_user)
  then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  return v_merge;
end
$$;
comment on function coinslot.find_merge_replay(uuid, uuid, text) is
'The merge of an earlier identical call, or null; PT409 if the key was another''s.';
revoke all on function coinslot.find_merge_replay(uuid, uuid, text) from public;

create function coinslot.check_mergeable(user_id uuid) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_wallet public.token_wallets;
begin
  select w.* into v_wallet from public.token_wallets w where w.user_id = check_mergeable.user_id;
  if v_wallet.user_id is null or (v_wallet.closed_at is not null and v_wallet.merged_into is null)
  then
    perform coinslot.fail(
      'wallet_not_found', jsonb_build_object('user_id', check_mergeable.user_id)
    );
  end if;
  perform coinslot.check_open(v_wallet);
end
$$;
comment on function coinslot.check_mergeable(uuid) is
'PT404 unless the wallet is open; PT409 if it was merged.';
revoke all on function coinslot.check_mergeable(uuid) from public;

-- A gateway that is asked for money of an order has been told whose it is, and the tokens set aside
-- stand in that wallet. Looked for among the refunds of the two: asked for by `finished_at`, a
-- planner without statistics would go through those of everybody.
create function coinslot.refuse_open_refund(user_ids uuid[]) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_refund coinslot.refunds;
begin
  select r.* into v_refund from (
    select r.* from coinslot.refunds r where r.user_id = any (refuse_open_refund.user_ids) offset 0
  ) r
  where r.finished_at is null order by r.created_at limit 1;
  if found then
    perform coinslot.fail('refund_in_progress', jsonb_build_object(
      'refund_id', v_refund.id, 'order_id', v_refund.order_id, 'amount', v_refund.amount,
      'status', v_refund.status
    ));
  end if;
end
$$;
comment on function coinslot.refuse_open_refund(uuid[]) is
'PT409 while money of one of these users is asked back. The caller has their wallets locked.';
revoke all on function coinslot.refuse_open_refund(uuid[]) from public;

create function coinslot.check_merged_sums(from_wallet public.token_wallets, into_user uuid)
returns void
language plpgsql stable set search_path = '' as $$
declare
  v_into public.token_wallets;
begin
  select w.* into v_into from public.token_wallets w where w.user_id = check_merged_sums.into_user;
  if abs(v_into.tokens::numeric + from_wallet.tokens) > coinslot.max_amount()
    or v_into.held::numeric + from_wallet.held > coinslot.max_amount()
  then
    perform coinslot.fail('invalid_amount', jsonb_build_object(
      'tokens', v_into.tokens, 'merged', from_wallet.tokens
    ));
  end if;
end
$$;
comment on function coinslot.check_merged_sums(public.token_wallets, uuid) is
'PT400 where one wallet could not hold both.';
revoke all on function coinslot.check_merged_sums(public.token_wallets, uuid) from public;

-- An order keeps its key, so that a retry finds it, unless the new owner has used that for another.
create function coinslot.move_orders(from_user uuid, into_user uuid) returns bigint
language sql volatile set search_path = '' as $$
  with refunds as (
    update coinslot.refunds r set user_id = move_orders.into_user
    where r.user_id = move_orders.from_user
  ), moved as (
    update public.token_payments p set
      user_id = move_orders.into_user, updated_at = clock_timestamp(),
      idempotency_key = case when not exists (
        select from public.token_payments o
        where o.user_id = move_orders.into_user and o.idempotency_key = p.idempotency_key
      ) then p.idempotency_key end
    where p.user_id = move_orders.from_user
    returning p.id, p.status
  ), noted as (
    insert into public.token_payment_events (
      payment_id, user_id, from_status, to_status, source, reason
    )
    select m.id, move_orders.into_user, m.status, m.status, 'merge', 'merged' from moved m
  )
  select count(*) from moved
$$;
comment on function coinslot.move_orders(uuid, uuid) is
'Gives the locked orders of a user and their refunds to another; how many orders.';
revoke all on function coinslot.move_orders(uuid, uuid) from public;

-- A hold keeps its key, too, unless the new owner has used that, be it for a spend. It is not found
-- by its key then: whoever made it has its id.
create function coinslot.move_holds(from_user uuid, into_user uuid) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_moved record;
begin
  with moved as (
    update coinslot.token_holds h set
      user_id = move_holds.into_user,
      idempotency_key = case when exists (
        select from coinslot.token_holds o
        where o.user_id = move_holds.into_user and o.idempotency_key = h.idempotency_key
          and o.status in ('held', 'captured')
      ) or exists (
        select from public.token_ledger l
        where l.user_id = move_holds.into_user and l.caller = 'service'
          and l.idempotency_key = h.idempotency_key
      ) then 'merged:' || h.id else h.idempotency_key end
    where h.user_id = move_holds.from_user and h.status = 'held'
    returning h.amount
  )
  select count(*) as number, coalesce(sum(m.amount), 0)::bigint as tokens into v_moved from moved m;
  update public.token_wallets w set
    held = w.held + case when w.user_id = move_holds.into_user
      then v_moved.tokens else -v_moved.tokens end
  where w.user_id in (move_holds.from_user, move_holds.into_user);
  return v_moved.number;
end
$$;
comment on function coinslot.move_holds(uuid, uuid) is
'Gives the open holds of a locked wallet to another one; how many.';
revoke all on function coinslot.move_holds(uuid, uuid) from public;

-- Below zero it is a debt that moves. The balance of the wallet that takes over.
create function coinslot.move_tokens(from_user uuid, into_user uuid, tokens bigint) returns bigint
language plpgsql volatile set search_path = '' as $$
begin
  if move_tokens.tokens <> 0 then
    perform coinslot.post_entry(coinslot.new_entry(
      move_tokens.from_user, 'merge_out', -move_tokens.tokens, 'system',
      metadata => jsonb_build_object('into_user', move_tokens.into_user)
    ));
    perform coinslot.post_entry(coinslot.new_entry(
      move_tokens.into_user, 'merge_in', move_tokens.tokens, 'system',
      metadata => jsonb_build_object('from_user', move_tokens.from_user)
    ));
  end if;
  return (select w.tokens from public.token_wallets w where w.user_id = move_tokens.into_user);
end
$$;
comment on function coinslot.move_tokens(uuid, uuid, bigint) is
'Writes a merge into both histories; the balance it leads to.';
revoke all on function coinslot.move_tokens(uuid, uuid, bigint) from public;

-- What was merged into the one before belongs to the new owner, too. A key that another merge has
-- taken at this moment is known by the row that was not written.
create function coinslot.record_merge(merge coinslot.merged_wallets)
returns public.token_merge_receipt
language plpgsql volatile set search_path = '' as $$
declare
  v_merge coinslot.merged_wallets;
begin
  update public.token_wallets w set
    closed_at = clock_timestamp(), merged_into = merge.into_user, updated_at = clock_timestamp()
  where w.user_id = merge.from_user;
  update public.token_wallets w set has_merged = true, updated_at = clock_timestamp()
  where w.user_id = merge.into_user;
  update coinslot.merged_wallets m set owner_user = merge.into_user where m.owner_user = merge.from_user;
  insert into coinslot.merged_wallets as m (
    from_user, into_user, owner_user, idempotency_key, tokens, balance, orders, holds
  ) values (
    merge.from_user, merge.into_user, merge.into_user, merge.idempotency_key, merge.tokens,
    merge.balance, merge.orders, merge.holds
  )
  on conflict (idempotency_key) do nothing
  returning m.* into v_merge;
  if not found then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  perform coinslot.note_if_buyer(merge.into_user);
  return coinslot.merge_receipt(v_merge, false);
end
$$;
comment on function coinslot.record_merge(coinslot.merged_wallets) is
'Closes the wallet that was merged, and keeps what the call answers.';
revoke all on function coinslot.record_merge(coinslot.merged_wallets) from public;

-- The orders of both, since a debt of one may be paid with lots of the other. Both are folded at
-- one time, so that nothing is kept for a hold of which the other knows nothing yet.
create function coinslot.lock_for_merge(from_user uuid, into_user uuid)
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
  perform coinslot.fold(lock_for_merge.from_user, v_now);
  perform coinslot.fold(lock_for_merge.into_user, v_now);
  perform coinslot.lapse_refills(lock_for_merge.from_user, lock_for_merge.into_user, v_now);
  v_wallet := coinslot.lock_wallet(lock_for_merge.from_user);
  perform coinslot.check_merged_sums(v_wallet, lock_for_merge.into_user);
  return v_wallet;
end
$$;
comment on function coinslot.lock_for_merge(uuid, uuid) is
'Locks orders and wallets, folds both, and refuses what cannot be merged; the wallet that will be
closed.';
revoke all on function coinslot.lock_for_merge(uuid, uuid) from public;

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

create function coinslot.merge_wallets(
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
  perform coinslot.move_subscriptions(merge_wallets.from_user, merge_wallets.into_user);
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
comment on function coinslot.merge_wallets(uuid, uuid, text) is 'See public.merge_token_wallets.';
revoke all on function coinslot.merge_wallets(uuid, uuid, text) from public;
grant execute on function coinslot.merge_wallets(uuid, uuid, text) to service_role;

create function public.merge_token_wallets(from_user uuid, into_user uuid, idempotency_key text)
returns public.token_merge_receipt
language sql volatile set search_path = '' as $$
  select coinslot.merge_wallets(
    merge_token_wallets.from_user, merge_token_wallets.into_user,
    merge_token_wallets.idempotency_key
  )
$$;
comment on function public.merge_token_wallets(uuid, uuid, text) is
'Service: moves tokens, orders, holds and refunds of one user to another, once and for good.';
revoke all on function public.merge_token_wallets(uuid, uuid, text)
from public, anon, authenticated, service_role;
grant execute on function public.merge_token_wallets(uuid, uuid, text) to service_role;
