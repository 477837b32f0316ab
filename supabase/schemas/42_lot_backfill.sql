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
  end case;
end
$$;
comment on function coinslot.replay_entry(public.token_ledger, bigint) is
'Does to the lots what an entry from before there were lots would do that is no credit.';
revoke all on function coinslot.replay_entry(public.token_ledger, bigint) from public;

-- `remaining` is of each lot; the first `known` lots were there before. Each draw names its lot by
-- its place in `lots`, and has no place on the line where it pays a debt.
create function coinslot.write_replay(
  user_id uuid, lots public.token_lots[], remaining bigint[], known integer, draws integer[],
  seqs bigint[], tokens bigint[], places bigint[]
) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
begin
  update public.token_lots l
  set remaining = write_replay.remaining[i],
    spent = l.spent + l.remaining - write_replay.remaining[i]
  from generate_series(1, write_replay.known) i
  where l.id = (lots[i]).id and l.remaining > write_replay.remaining[i];
  insert into public.token_lots (
    user_id, seq, kind, payment_id, price, price_tokens, tokens, remaining, spent, expires_at,
    paid, created_at
  )
  select (n.lot).user_id, (n.lot).seq, (n.lot).kind, (n.lot).payment_id, (n.lot).price,
    (n.lot).price_tokens, (n.lot).tokens, n.remaining, (n.lot).tokens - n.remaining,
    (n.lot).expires_at, coalesce((n.lot).paid, false), (n.lot).created_at
  from (
    select lots[i] as lot, write_replay.remaining[i] as remaining
    from generate_series(write_replay.known + 1, cardinality(lots)) i order by i
  ) n;
  insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens, drawn_from, drawn_to)
  select coalesce(d.known_id, l.id), write_replay.user_id, d.seq,
    case when d.place is null then 'debt' else 'spend' end, d.tokens, d.place, d.place + d.tokens
  from (
    select u.n, u.seq, u.tokens, u.place, (lots[u.lot]).seq as lot_seq,
      case when u.lot <= write_replay.known then (lots[u.lot]).id end as known_id
    from unnest(draws, seqs, write_replay.tokens, places) with ordinality
      u (lot, seq, tokens, place, n)
  ) d
  left join public.token_lots l on d.known_id is null
    and l.user_id = write_replay.user_id and l.seq = d.lot_seq
  order by d.n;
end
$$;
comment on function coinslot.write_replay(
  uuid, public.token_lots[], bigint[], integer, integer[], bigint[], bigint[], bigint[]
) is 'Writes what a pass over credits has made and drawn.';
revoke all on function coinslot.write_replay(
  uuid, public.token_lots[], bigint[], integer, integer[], bigint[], bigint[], bigint[]
) from public;

-- Credits, and the spends between them, are gone through in memory and written at once: each by
-- itself would look again at every lot that was used up before it.
create function coinslot.replay_credits(
  user_id uuid, after_seq bigint, before_seq bigint, credited bigint
) returns bigint
language plpgsql volatile
set search_path = '' set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_entry public.token_ledger;
  v_lot public.token_lots;
  v_lots public.token_lots[] := array[]::public.token_lots[];
  v_old integer := 0; -- of the lots, those that were there before
  v_left bigint[] := array[]::bigint[]; -- of each
  v_total bigint := 0; -- of all
  v_queue integer[] := array[]::integer[]; -- in the order of drawing, but for those that were paid for
  v_next integer := 1;
  v_paid integer[] := array[]::integer[];
  v_next_paid integer := 1;
  v_draws integer[] := array[]::integer[]; -- the lot of each
  v_seqs bigint[] := array[]::bigint[];
  v_parts bigint[] := array[]::bigint[];
  v_places bigint[] := array[]::bigint[]; -- null of a debt
  v_tokens bigint;
  v_due bigint;
  v_place bigint;
  v_at integer;
  v_part bigint;
begin
  for v_lot in
    select l.* from public.token_lots l
    where l.user_id = replay_credits.user_id and l.remaining > 0
    order by l.expires_at, l.priority, l.paid, l.id
  loop
    v_old := v_old + 1;
    v_lots := v_lots || v_lot;
    v_left := v_left || v_lot.remaining;
    v_total := v_total + v_lot.remaining;
    if v_lot.paid and v_lot.expires_at = 'infinity' then
      v_paid := v_paid || v_old;
    else
      v_queue := v_queue || v_old;
    end if;
  end loop;
  for v_entry in
    select l.* from public.token_ledger l
    where l.user_id = replay_credits.user_id and l.seq > replay_credits.after_seq
      and (replay_credits.before_seq is null or l.seq < replay_credits.before_seq)
      and not coinslot.is_spend(l.kind, l.delta)
    order by l.seq
  loop
    v_tokens := v_entry.balance - v_entry.delta;
    v_due := v_total - greatest(v_tokens, 0);
    v_place := replay_credits.credited - v_tokens - greatest(-v_tokens, 0) - v_due;
    while v_due > 0 loop
      v_at := coalesce(v_queue[v_next], v_paid[v_next_paid]);
      exit when v_at is null;
      v_part := least(v_left[v_at], v_due);
      v_draws := v_draws || v_at;
      v_seqs := v_seqs || (v_entry.seq - 1);
      v_parts := v_parts || v_part;
      v_places := v_places || v_place;
      v_left[v_at] := v_left[v_at] - v_part;
      v_total := v_total - v_part;
      v_due := v_due - v_part;
      v_place := v_place + v_part;
      if v_left[v_at] = 0 then
        if v_queue[v_next] is null then
          v_next_paid := v_next_paid + 1;
        else
          v_next := v_next + 1;
        end if;
      end if;
    end loop;
    v_lot := coinslot.lot_of(v_entry, '-infinity', null);
    v_lots := v_lots || v_lot;
    v_at := cardinality(v_lots);
    v_part := least(v_lot.tokens, greatest(-v_tokens, 0));
    if v_part > 0 then
      v_draws := v_draws || v_at;
      v_seqs := v_seqs || v_entry.seq;
      v_parts := v_parts || v_part;
      v_places := v_places || null::bigint;
    end if;
    v_left := v_left || (v_lot.tokens - v_part);
    v_total := v_total + v_lot.tokens - v_part;
    if v_lot.tokens = v_part then
      null;
    elsif v_lot.paid then
      v_paid := v_paid || v_at;
    else
      v_queue := v_queue || v_at;
    end if;
    replay_credits.credited := replay_credits.credited + v_entry.delta;
  end loop;
  perform coinslot.write_replay(
    replay_credits.user_id, v_lots, v_left, v_old, v_draws, v_seqs, v_parts, v_places
  );
  return replay_credits.credited;
end
$$;
comment on function coinslot.replay_credits(uuid, bigint, bigint, bigint) is
'Makes the lots of the credits between two entries, and draws what was spent before each; the sum of
all entries so far that are no spends.';
revoke all on function coinslot.replay_credits(uuid, bigint, bigint, bigint) from public;

-- A merge that brought no tokens has no entry, and may have brought lots that are used up.
create function coinslot.replay_history(user_id uuid) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_credited bigint := 0;
  v_after bigint := 0;
  v_entry public.token_ledger;
begin
  perform coinslot.absorb_history(m.from_user, m.into_user) from coinslot.merged_wallets m
  where m.into_user = replay_history.user_id and m.tokens = 0;
  for v_entry in
    select l.* from public.token_ledger l
    where l.user_id = replay_history.user_id and l.kind in (
      'merge_in', 'merge_out', 'refund', 'dispute', 'test_reversal', 'reversal', 'spend_refund'
    )
    order by l.seq
  loop
    v_credited := coinslot.replay_credits(
      replay_history.user_id, v_after, v_entry.seq, v_credited
    );
    v_after := v_entry.seq;
    if v_entry.kind = 'merge_out' then
      perform coinslot.replay_spends(
        v_entry.user_id, v_entry.balance - v_entry.delta, v_credited, v_entry.seq - 1
      );
    else
      perform coinslot.replay_entry(v_entry, v_credited);
    end if;
    v_credited := v_credited + v_entry.delta;
  end loop;
  return coinslot.replay_credits(replay_history.user_id, v_after, null, v_credited);
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
