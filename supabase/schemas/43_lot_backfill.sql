-- Wallets from before there were lots: their lots are made out of their histories, each at its
-- first slow call or by the maintenance, whatever comes first.
--
-- A history is gone through entry by entry, and folded at every one that is no spend. All at once
-- at the end would be wrong: of 10 bought, 10 spent and 5 granted the 5 would be bought ones.

create function coinslot.replay_spends(
  user_id uuid, tokens bigint, credited bigint, seq bigint
) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_tokens bigint := (
    select coalesce(sum(l.remaining), 0)::bigint from public.token_lots l
    where l.user_id = replay_spends.user_id and l.remaining > 0
  ) - greatest(replay_spends.tokens, 0);
begin
  if v_tokens > 0 then
    perform from coinslot.draw_lots(
      replay_spends.user_id, v_tokens, 'spend', replay_spends.seq, '-infinity',
      replay_spends.credited - replay_spends.tokens - greatest(-replay_spends.tokens, 0) - v_tokens
    );
  end if;
end
$$;
comment on function coinslot.replay_spends(uuid, bigint, bigint, bigint) is
'Draws what a wallet had spent when it had so many tokens left.';
revoke all on function coinslot.replay_spends(uuid, bigint, bigint, bigint) from public;

-- The lots of a wallet that was merged, and that nobody else touches any more: it is closed for
-- good. A merge that brought no tokens has no entry at which what was spent before would be drawn.
create function coinslot.absorb_history(from_user uuid, into_user uuid) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_credited bigint := coinslot.replay_history(absorb_history.from_user);
  v_wallet public.token_wallets;
begin
  select w.* into strict v_wallet
  from public.token_wallets w where w.user_id = absorb_history.from_user;
  if (
    select m.tokens from coinslot.merged_wallets m where m.from_user = absorb_history.from_user
  ) = 0 then
    perform coinslot.replay_spends(v_wallet.user_id, 0, v_credited, v_wallet.seq);
  end if;
  update public.token_lots l set user_id = absorb_history.into_user, seq = 0
  where l.user_id = absorb_history.from_user;
end
$$;
comment on function coinslot.absorb_history(uuid, uuid) is
'Makes the lots of a merged wallet and gives them to the one that took over.';
revoke all on function coinslot.absorb_history(uuid, uuid) from public;

create function coinslot.replay_merge(entry public.token_ledger, debt bigint) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_tokens bigint := case when entry.delta > 0 then least(entry.delta, replay_merge.debt)
    else -entry.delta end;
begin
  perform coinslot.absorb_history((entry.metadata ->> 'from_user')::uuid, entry.user_id);
  if v_tokens > 0 then
    perform from coinslot.draw_lots(
      entry.user_id, v_tokens, case when entry.delta > 0 then 'debt' else 'merge' end, entry.seq,
      '-infinity'
    );
  end if;
end
$$;
comment on function coinslot.replay_merge(public.token_ledger, bigint) is
'Brings the lots of a wallet that was merged, and pays a debt of either.';
revoke all on function coinslot.replay_merge(public.token_ledger, bigint) from public;

create function coinslot.replay_entry(entry public.token_ledger, credited bigint) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_tokens bigint := entry.balance - entry.delta;
  v_debt bigint := greatest(-v_tokens, 0);
  v_spend public.token_ledger;
begin
  perform coinslot.replay_spends(
    entry.user_id, v_tokens, replay_entry.credited, entry.seq - 1
  );
  case
    when entry.kind = 'merge_in' then
      perform coinslot.replay_merge(entry, v_debt);
    when entry.kind in ('refund', 'dispute', 'test_reversal') then
      perform coinslot.draw_taking(
        entry.payment_id, entry.user_id, -entry.delta, entry.kind, entry.seq, '-infinity'
      );
    when entry.kind = 'reversal' then
      perform coinslot.undo_takings(
        entry.payment_id, entry.user_id, entry.delta, entry.seq, v_debt, '-infinity'
      );
    when entry.kind = 'spend_refund' then
      select l.* into strict v_spend
      from coinslot.spend_refunds r
      inner join public.token_ledger l on l.user_id = r.spend_user and l.seq = r.spend_seq
      where r.user_id = entry.user_id and r.seq = entry.seq;
      perform coinslot.undo_spend(
        entry.user_id, entry.delta, v_spend, entry.seq, v_debt, '-infinity'
      );
    else
      perform coinslot.make_lot(coinslot.lot_of(entry, '-infinity', null), v_debt);
  end case;
end
$$;
comment on function coinslot.replay_entry(public.token_ledger, bigint) is
'Does to the lots what an entry from before there were lots would do.';
revoke all on function coinslot.replay_entry(public.token_ledger, bigint) from public;

-- A merge that brought no tokens has no entry, and may have brought lots that are used up.
create function coinslot.replay_history(user_id uuid) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_credited bigint := 0;
  v_entry public.token_ledger;
begin
  perform coinslot.absorb_history(m.from_user, m.into_user) from coinslot.merged_wallets m
  where m.into_user = replay_history.user_id and m.tokens = 0;
  for v_entry in
    select l.* from public.token_ledger l
    where l.user_id = replay_history.user_id and l.kind <> 'spend'
      and not (l.kind = 'adjustment' and l.delta < 0)
    order by l.seq
  loop
    if v_entry.kind = 'merge_out' then
      perform coinslot.replay_spends(
        v_entry.user_id, v_entry.balance - v_entry.delta, v_credited, v_entry.seq - 1
      );
    else
      perform coinslot.replay_entry(v_entry, v_credited);
    end if;
    v_credited := v_credited + v_entry.delta;
  end loop;
  return v_credited;
end
$$;
comment on function coinslot.replay_history(uuid) is
'Makes the lots of a wallet out of its ledger; the sum of its entries that are no spends.';
revoke all on function coinslot.replay_history(uuid) from public;

-- A refund that was asked for before there were lots reserves what is left of its own.
create function coinslot.make_lots(wallet public.token_wallets) returns public.token_wallets
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_refund coinslot.refunds;
begin
  wallet.credited := coinslot.replay_history(wallet.user_id);
  perform coinslot.replay_spends(wallet.user_id, wallet.tokens, wallet.credited, wallet.seq);
  for v_refund in
    select r.* from coinslot.refunds r where r.user_id = wallet.user_id order by r.created_at
  loop
    if v_refund.finished_at is null and v_refund.tokens > 0 then
      perform coinslot.reserve_lots(v_refund, v_refund.tokens);
    end if;
  end loop;
  update public.token_wallets w set credited = wallet.credited where w.user_id = wallet.user_id;
  return wallet;
end
$$;
comment on function coinslot.make_lots(public.token_wallets) is
'Makes the lots of a locked wallet that has none yet.';
revoke all on function coinslot.make_lots(public.token_wallets) from public;

-- How far the making of lots has come: wallets are walked by their ids until a whole walk finds
-- none without. Who signs up later, or was in use when it came by, is made at the first slow call.
create table coinslot.lot_backfill (
  id boolean not null default true,
  after_user uuid,
  found boolean not null default false,
  finished_at timestamptz,
  constraint lot_backfill_pkey primary key (id),
  constraint lot_backfill_single_row check (id)
);
comment on table coinslot.lot_backfill is 'How far the lots of older wallets are made: one row.';
comment on column coinslot.lot_backfill.after_user is 'The walk goes on behind this one.';
comment on column coinslot.lot_backfill.found is 'This walk has found a wallet without lots.';
alter table coinslot.lot_backfill enable row level security;
revoke all on table coinslot.lot_backfill from anon, authenticated, service_role;
create policy "Nobody reads the backfill through the API" on coinslot.lot_backfill
for select to anon, authenticated using (false);

create function coinslot.make_lots_of(user_id uuid) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
begin
  select w.* into v_wallet from public.token_wallets w
  where w.user_id = make_lots_of.user_id and w.folded_at = '-infinity' and w.merged_into is null
  for update skip locked;
  if found then
    perform coinslot.fold(v_wallet.user_id, coinslot.wallet_time(v_wallet));
  end if;
end
$$;
comment on function coinslot.make_lots_of(uuid) is
'Makes the lots of a wallet that has none and that nobody uses at this moment.';
revoke all on function coinslot.make_lots_of(uuid) from public;

-- One step goes through twenty times as many wallets as it makes lots for at the most, and makes
-- lots for a fifth of a second: whoever spends waits no longer than that for their wallet. A second
-- server that comes at the same time does nothing.
create function coinslot.backfill_lots(
  batch integer, lasting interval default '200 ms'
) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_until timestamptz := clock_timestamp() + backfill_lots.lasting;
  v_walk coinslot.lot_backfill;
  v_wallet record;
  v_walked bigint := 0;
  v_made bigint := 0;
begin
  insert into coinslot.lot_backfill default values on conflict do nothing;
  select b.* into v_walk from coinslot.lot_backfill b
  where b.id and b.finished_at is null for update skip locked;
  if not found then
    return 0;
  end if;
  for v_wallet in
    select w.user_id, w.folded_at = '-infinity' and w.merged_into is null as due
    from public.token_wallets w
    where w.user_id > coalesce(v_walk.after_user, '00000000-0000-0000-0000-000000000000')
    order by w.user_id limit 20 * backfill_lots.batch
  loop
    v_walked := v_walked + 1;
    v_walk.after_user := v_wallet.user_id;
    if v_wallet.due then
      v_walk.found := true;
      v_made := v_made + 1;
      perform coinslot.make_lots_of(v_wallet.user_id);
    end if;
    -- Behind the first: a step that was late at once would be taken for the end of the walk.
    exit when v_made = backfill_lots.batch or clock_timestamp() > v_until;
  end loop;
  update coinslot.lot_backfill b set
    after_user = case when v_walked > 0 then v_walk.after_user end,
    found = v_walk.found and v_walked > 0,
    finished_at = case when v_walked = 0 and not v_walk.found then clock_timestamp() end
  where b.id;
  return v_made;
end
$$;
comment on function coinslot.backfill_lots(integer, interval) is
'Makes the lots of wallets from before there were any, a step at a time; how many wallets.';
revoke all on function coinslot.backfill_lots(integer, interval) from public;
