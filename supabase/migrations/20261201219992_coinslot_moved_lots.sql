-- Reports count what a merge moved once: where it was made, and where it was drawn.

select coinslot.lock_for_upgrade(array['public.token_lots']::regclass[]);

-- A merge gives lots to another wallet. They are summed in the history that made them, and what was
-- drawn from them in the one that drew it: by the marks of both, nothing twice and nothing never.
-- There is no foreign key, as draws have none: lots never go.
create table coinslot.moved_lots (
  lot_id bigint not null,
  user_id uuid not null,
  seq bigint not null,
  constraint moved_lots_pkey primary key (lot_id)
);
comment on table coinslot.moved_lots is
'Paid lots that a merge gave to another wallet, and the entry that made each.';
comment on column coinslot.moved_lots.user_id is 'In whose history it was made.';
create index moved_lots_user_id on coinslot.moved_lots (user_id);
alter table coinslot.moved_lots enable row level security;
revoke all on table coinslot.moved_lots from anon, authenticated, service_role;
create policy "Nobody reads moved lots through the API" on coinslot.moved_lots
for select to anon, authenticated using (false);
create trigger moved_lots_append_only before update or delete or truncate
on coinslot.moved_lots
for each statement execute function coinslot.refuse_change();

create function coinslot.note_moved_lot() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  insert into coinslot.moved_lots (lot_id, user_id, seq) values (old.id, old.user_id, old.seq)
  on conflict on constraint moved_lots_pkey do nothing;
  return null;
end
$$;
comment on function coinslot.note_moved_lot() is
'Trigger: writes where a lot was made before a merge gives it away for the first time.';
revoke all on function coinslot.note_moved_lot() from public;
create trigger token_lots_moved after update of user_id on public.token_lots
for each row when (old.user_id <> new.user_id and new.price is not null)
execute function coinslot.note_moved_lot();

comment on column coinslot.lot_sums.kind is
'sold: added by payments. used: recognised as revenue. expired: breakage. taken: went back with
money, or came back with it. moved: out of one lot, and into another.';

-- What is new in a wallet's history of paid lots since its mark, wherever these are now. A spend
-- draws later than it was made: its place on the line of all that the wallet ever spent says which
-- entry it was, and so when. Each piece is worth the difference of what the lot was worth before
-- and after it, so nothing is lost in rounding.
create or replace function coinslot.lot_news(mark coinslot.wallet_marks, to_seq bigint)
returns table (
  at timestamptz, currency text, live boolean, kind text, tokens bigint, value bigint
)
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return query
  with made as (
    select l.id, l.seq from public.token_lots l
    where l.user_id = mark.user_id and l.id > mark.lot_id and l.price is not null
      and not exists (select from coinslot.moved_lots m where m.lot_id = l.id)
    union all
    select m.lot_id, m.seq from coinslot.moved_lots m
    where m.user_id = mark.user_id and m.lot_id > mark.lot_id
  ), news as materialized (
    select d.id, d.lot_id from coinslot.lot_draws d
    where d.user_id = mark.user_id and d.id > mark.draw_id and d.lot_id is not null
  ), lots as materialized (
    select l.id, l.kind, l.created_at, l.tokens, l.price, l.price_tokens,
      greatest(0, l.price_tokens - l.tokens) as already, p.currency, p.live
    from public.token_lots l inner join public.token_payments p on p.id = l.payment_id
    where l.price is not null and l.id = any(array(
      select m.id from made m union select n.lot_id from news n
    ))
  ), draws as (
    select d.id, d.cause, d.tokens, d.drawn_from, d.drawn_to, d.at, l.price, l.price_tokens,
      l.currency, l.live, l.already - d.tokens + sum(d.tokens) over (
        partition by d.lot_id order by d.id
      ) as before
    from lots l inner join coinslot.lot_draws d on d.lot_id = l.id
  ), spends as materialized (
    select e.created_at, sum(-e.delta) over (order by e.seq) + mark.spent as up_to,
      sum(-e.delta) over (order by e.seq) + mark.spent + e.delta as down_to
    from public.token_ledger e
    where e.user_id = mark.user_id and e.seq > mark.seq and e.seq <= lot_news.to_seq
      and coinslot.is_spend(e.kind, e.delta)
  ), pieces as (
    select coalesce(s.created_at, d.at) as moment, d.currency, d.live, d.cause, d.price,
      d.price_tokens,
      d.before + coalesce(greatest(s.down_to, d.drawn_from) - d.drawn_from, 0) as first_token,
      d.before + coalesce(least(s.up_to, d.drawn_to) - d.drawn_from, d.tokens) as last_token
    from draws d
    inner join news n on n.id = d.id
    left join spends s on s.up_to > d.drawn_from and s.down_to < d.drawn_to
  )
  select l.created_at, l.currency, l.live, case
      when m.seq = 0 then 'moved' when l.kind = 'reversal' then 'taken' else 'sold' end,
    l.tokens, l.price - coinslot.worth(l.price, l.price_tokens, l.already)
  from made m inner join lots l on l.id = m.id
  union all
  select i.moment, i.currency, i.live, case
      when i.cause in ('spend', 'debt', 'merge', 'spend_refund') then 'used'
      when i.cause = 'expiry' then 'expired'
      when i.cause in ('refund', 'dispute', 'test_reversal', 'reversal') then 'taken'
      else 'moved' end, -(i.last_token - i.first_token)::bigint,
    coinslot.worth(i.price, i.price_tokens, i.first_token::bigint)
    - coinslot.worth(i.price, i.price_tokens, i.last_token::bigint)
  from pieces i;
end
$$;
comment on function coinslot.lot_news(coinslot.wallet_marks, bigint) is
'What came to paid lots in a wallet''s history and went from them since its mark: signed.';
revoke all on function coinslot.lot_news(coinslot.wallet_marks, bigint) from public;

-- Of one that was merged the lots are its owner's, and may not be made yet: then they are made.
create function coinslot.fold_to_sum(wallet public.token_wallets) returns public.token_wallets
language plpgsql volatile set search_path = '' as $$
declare
  v_owner public.token_wallets;
begin
  if wallet.merged_into is null then
    return coinslot.fold(wallet.user_id, coinslot.wallet_time(wallet));
  end if;
  select w.* into strict v_owner
  from coinslot.merged_wallets m inner join public.token_wallets w on w.user_id = m.owner_user
  where m.from_user = wallet.user_id;
  if v_owner.folded_at = '-infinity' then
    select w.* into v_owner from public.token_wallets w
    where w.user_id = v_owner.user_id for update skip locked;
    if not found then
      return null;
    end if;
    perform coinslot.fold(v_owner.user_id, coinslot.wallet_time(v_owner));
  end if;
  return wallet;
end
$$;
comment on function coinslot.fold_to_sum(public.token_wallets) is
'Draws what a locked wallet has spent from its lots; null if somebody else has them.';
revoke all on function coinslot.fold_to_sum(public.token_wallets) from public;

-- The wallet is locked, and folded first: what it has spent is then drawn from its lots. One that
-- is in use is not waited for.
create or replace function coinslot.sum_wallet(user_id uuid, closed timestamptz) returns boolean
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
  v_mark coinslot.wallet_marks;
begin
  select w.* into v_wallet from public.token_wallets w
  where w.user_id = sum_wallet.user_id for update skip locked;
  if found then
    v_wallet := coinslot.fold_to_sum(v_wallet);
  end if;
  if v_wallet.user_id is null then
    return false;
  end if;
  select m.* into v_mark from coinslot.wallet_marks m where m.user_id = v_wallet.user_id;
  v_mark.user_id := v_wallet.user_id;
  v_mark.seq := coalesce(v_mark.seq, 0);
  v_mark.spent := coalesce(v_mark.spent, 0);
  v_mark.lot_id := coalesce(v_mark.lot_id, 0);
  v_mark.draw_id := coalesce(v_mark.draw_id, 0);
  perform coinslot.sum_entries(v_mark, v_wallet.seq, sum_wallet.closed);
  perform coinslot.sum_lots(v_mark, v_wallet.seq, sum_wallet.closed);
  insert into coinslot.wallet_marks as m (user_id, updated_at, seq, spent, lot_id, draw_id)
  values (
    v_wallet.user_id, v_wallet.updated_at, v_wallet.seq, v_mark.spent + (
      select coalesce(sum(-l.delta), 0) from public.token_ledger l
      where l.user_id = v_wallet.user_id and l.seq > v_mark.seq and l.seq <= v_wallet.seq
        and coinslot.is_spend(l.kind, l.delta)
    ), greatest(
      v_mark.lot_id,
      (select max(l.id) from public.token_lots l where l.user_id = v_wallet.user_id),
      (select max(o.lot_id) from coinslot.moved_lots o where o.user_id = v_wallet.user_id)
    ), greatest(
      v_mark.draw_id,
      (select max(d.id) from coinslot.lot_draws d where d.user_id = v_wallet.user_id)
    )
  )
  on conflict on constraint wallet_marks_pkey do update set updated_at = excluded.updated_at,
    seq = excluded.seq, spent = excluded.spent, lot_id = excluded.lot_id,
    draw_id = excluded.draw_id;
  return true;
end
$$;
comment on function coinslot.sum_wallet(uuid, timestamptz) is
'Adds up what a wallet did since its mark, and marks it; false if somebody else has it.';
revoke all on function coinslot.sum_wallet(uuid, timestamptz) from public;
