-- What reports add up besides money: what became of orders, tokens by the kinds of their entries,
-- and what the tokens of lots that were paid are worth. All by quarters of an hour.

-- Running totals: what became of the orders of any time is the difference of two of them, so a
-- report looks up two rows for each of its own and adds nothing up.
create table coinslot.order_totals (
  currency text not null,
  gateway text not null,
  method text not null,
  live boolean not null,
  at timestamptz not null,
  orders bigint not null,
  opened bigint not null,
  tried bigint not null,
  declined bigint not null,
  paid bigint not null,
  first_try bigint not null,
  constraint order_totals_pkey primary key (currency, gateway, method, live, at)
);
comment on table coinslot.order_totals is
'Orders made up to the end of a quarter of an hour, as they were after a week.';
comment on column coinslot.order_totals.opened is 'Of which the gateway knew an attempt.';
comment on column coinslot.order_totals.tried is 'That were paid, or declined at least once.';
comment on column coinslot.order_totals.declined is 'That were declined at least once.';
comment on column coinslot.order_totals.first_try is 'That were paid, and never declined.';
alter table coinslot.order_totals enable row level security;
revoke all on table coinslot.order_totals from anon, authenticated, service_role;
create policy "Nobody reads totals of orders through the API" on coinslot.order_totals
for select to anon, authenticated using (false);

create table coinslot.decline_sums (
  at timestamptz not null,
  currency text not null,
  gateway text not null,
  method text not null,
  live boolean not null,
  reason text not null,
  attempts bigint not null,
  constraint decline_sums_pkey primary key (at, currency, gateway, method, live, reason)
);
comment on table coinslot.decline_sums is
'Attempts that were declined, by when their orders were made.';
alter table coinslot.decline_sums enable row level security;
revoke all on table coinslot.decline_sums from anon, authenticated, service_role;
create policy "Nobody reads sums of declines through the API" on coinslot.decline_sums
for select to anon, authenticated using (false);

-- A deposit is waited for for days: so an order is looked at as it was when it was a week old, and
-- what is said of it does not change after that. Names are sorted byte by byte, which takes a tenth.
create function coinslot.order_facts(since timestamptz, until timestamptz)
returns setof coinslot.order_totals
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return query
  select o.currency collate "C", o.gateway collate "C", coalesce(o.method, '') collate "C", o.live,
    coinslot.quarter_of(o.created_at), count(*), count(*) filter (where o.paid_in_time or a.attempts > 0),
    count(*) filter (where o.paid_in_time or a.declines > 0),
    count(*) filter (where a.declines > 0), count(*) filter (where o.paid_in_time),
    count(*) filter (where o.paid_in_time and a.declines = 0)
  from (
    select p.id, p.created_at, p.currency, p.gateway, p.method, p.live,
      coalesce(p.confirmed_at < p.created_at + interval '7 days', false) as paid_in_time
    from public.token_payments p
    where p.created_at >= order_facts.since and p.created_at < order_facts.until
  ) o
  cross join lateral (
    select count(*) as attempts, count(*) filter (where t.state = 'failed') as declines
    from coinslot.payment_attempts t
    where t.payment_id = o.id and t.created_at < o.created_at + interval '7 days'
  ) a
  group by 1, 2, 3, 4, 5;
end
$$;
comment on function coinslot.order_facts(timestamptz, timestamptz) is
'What became within a week of orders that were made in [since, until), by quarters of an hour.';
revoke all on function coinslot.order_facts(timestamptz, timestamptz) from public;

create function coinslot.decline_facts(since timestamptz, until timestamptz)
returns setof coinslot.decline_sums
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return query
  select coinslot.quarter_of(p.created_at), p.currency, p.gateway, coalesce(p.method, ''), p.live,
    left(coalesce(nullif(btrim(t.failure_reason), ''), 'unknown'), 100), count(*)
  from public.token_payments p
  inner join coinslot.payment_attempts t on t.payment_id = p.id
  where p.created_at >= decline_facts.since and p.created_at < decline_facts.until
    and t.state = 'failed' and t.created_at < p.created_at + interval '7 days'
  group by 1, 2, 3, 4, 5, 6;
end
$$;
comment on function coinslot.decline_facts(timestamptz, timestamptz) is
'Attempts that were declined within a week of orders that were made in [since, until).';
revoke all on function coinslot.decline_facts(timestamptz, timestamptz) from public;

create function coinslot.total_orders(since timestamptz, until timestamptz) returns bigint
language sql volatile set search_path = '' set enable_seqscan = off as $$
  with facts as materialized (
    select f.* from coinslot.order_facts(total_orders.since, total_orders.until) f
  ), made as (
    insert into coinslot.order_totals
    select f.currency, f.gateway, f.method, f.live, f.at,
      coalesce(l.orders, 0) + sum(f.orders) over w, coalesce(l.opened, 0) + sum(f.opened) over w,
      coalesce(l.tried, 0) + sum(f.tried) over w, coalesce(l.declined, 0) + sum(f.declined) over w,
      coalesce(l.paid, 0) + sum(f.paid) over w, coalesce(l.first_try, 0) + sum(f.first_try) over w
    from facts f
    left join lateral (
      select t.* from coinslot.order_totals t
      where t.currency = f.currency and t.gateway = f.gateway and t.method = f.method
        and t.live = f.live
      order by t.at desc limit 1
    ) l on true
    window w as (partition by f.currency, f.gateway, f.method, f.live order by f.at)
  )
  select coalesce(sum(f.orders), 0)::bigint from facts f
$$;
comment on function coinslot.total_orders(timestamptz, timestamptz) is
'Adds orders that were made in [since, until) to the totals, which end there; how many.';
revoke all on function coinslot.total_orders(timestamptz, timestamptz) from public;

-- So many orders at a time, and never a part of a quarter of an hour.
create function coinslot.sum_orders(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_since timestamptz;
  v_until timestamptz;
  v_end timestamptz := date_trunc('hour', clock_timestamp() - interval '8 days', 'UTC');
begin
  select coalesce(p.orders_to, (
    select coinslot.quarter_of(o.created_at) from public.token_payments o
    order by o.created_at, o.id limit 1
  )) into v_since from coinslot.report_progress p for update skip locked;
  if (v_since < v_end) is not true then
    return 0;
  end if;
  select greatest(coinslot.quarter_of(o.created_at), v_since + interval '15 minutes') into v_until
  from public.token_payments o where o.created_at >= v_since
  order by o.created_at, o.id offset sum_orders.batch * 4 limit 1;
  v_until := least(coalesce(v_until, v_end), v_end);
  insert into coinslot.decline_sums select f.* from coinslot.decline_facts(v_since, v_until) f;
  update coinslot.report_progress p set orders_to = v_until;
  return coinslot.total_orders(v_since, v_until);
end
$$;
comment on function coinslot.sum_orders(integer) is
'Adds up orders that are a week old; how many.';
revoke all on function coinslot.sum_orders(integer) from public;

create table coinslot.wallet_marks (
  user_id uuid not null,
  updated_at timestamptz not null,
  seq bigint not null,
  spent bigint not null,
  lot_id bigint not null,
  draw_id bigint not null,
  constraint wallet_marks_pkey primary key (user_id)
);
comment on table coinslot.wallet_marks is
'How far each wallet''s history is in token_sums and lot_sums.';
comment on column coinslot.wallet_marks.updated_at is 'Of the wallet then: another one is news.';
comment on column coinslot.wallet_marks.spent is 'All that was ever spent up to seq.';
alter table coinslot.wallet_marks enable row level security;
revoke all on table coinslot.wallet_marks from anon, authenticated, service_role;
create policy "Nobody reads marks through the API" on coinslot.wallet_marks
for select to anon, authenticated using (false);

create table coinslot.token_sums (
  at timestamptz not null,
  kind text not null,
  correction boolean not null,
  test boolean not null,
  gained bigint not null,
  lost bigint not null,
  entries bigint not null,
  constraint token_sums_pkey primary key (at, kind, correction, test)
);
comment on table coinslot.token_sums is
'Entries of the ledger by kind: of what expired a part for each lot.';
comment on column coinslot.token_sums.correction is
'Was written for a time that had been summed: counted when that was found.';
comment on column coinslot.token_sums.test is 'Of an order that is paid with test money.';
alter table coinslot.token_sums enable row level security;
revoke all on table coinslot.token_sums from anon, authenticated, service_role;
create policy "Nobody reads sums of tokens through the API" on coinslot.token_sums
for select to anon, authenticated using (false);

create table coinslot.lot_sums (
  at timestamptz not null,
  currency text not null,
  live boolean not null,
  kind text not null,
  correction boolean not null,
  tokens bigint not null,
  value bigint not null,
  constraint lot_sums_pkey primary key (at, currency, live, kind, correction),
  constraint lot_sums_kind_known check (kind in ('sold', 'used', 'expired', 'taken', 'moved'))
);
comment on table coinslot.lot_sums is
'What lots that were paid are worth, and what became of it, in minor units.';
comment on column coinslot.lot_sums.kind is
'sold: added by payments. used: recognised as revenue. expired: breakage. taken: went back with
money, or came back with it. moved: out of one lot, and into another.';
alter table coinslot.lot_sums enable row level security;
revoke all on table coinslot.lot_sums from anon, authenticated, service_role;
create policy "Nobody reads sums of lots through the API" on coinslot.lot_sums
for select to anon, authenticated using (false);

-- The worth of the first so many tokens of a lot: of all of them exactly its price.
create function coinslot.worth(price bigint, price_tokens bigint, tokens bigint) returns bigint
language sql immutable parallel safe set search_path = ''
return div(price::numeric * least(greatest(tokens, 0), price_tokens), price_tokens)::bigint;
comment on function coinslot.worth(bigint, bigint, bigint) is
'Minor units of the first so many tokens, rounded down.';
revoke all on function coinslot.worth(bigint, bigint, bigint) from public;

-- What is new in a wallet's ledger since its mark, by kind. What expired counts when its lots
-- ended, as it does as breakage, and not when a fold wrote the entry.
create function coinslot.sum_entries(mark coinslot.wallet_marks, to_seq bigint, closed timestamptz)
returns void
language sql volatile set search_path = '' set enable_seqscan = off as $$
  insert into coinslot.token_sums as s (at, kind, correction, test, gained, lost, entries)
  select coinslot.quarter_of(greatest(e.at, sum_entries.closed)), e.kind,
    e.at < sum_entries.closed, e.test, sum(greatest(e.delta, 0)), sum(greatest(-e.delta, 0)),
    count(*)
  from (
    select l.created_at as at, l.kind, l.delta, coalesce(not p.live, false) as test
    from public.token_ledger l left join public.token_payments p on p.id = l.payment_id
    where l.user_id = mark.user_id and l.seq > mark.seq and l.seq <= sum_entries.to_seq
      and l.kind <> 'expiry'
    union all
    select d.at, 'expiry', -d.tokens, false from coinslot.lot_draws d
    where d.user_id = mark.user_id and d.seq > mark.seq and d.seq <= sum_entries.to_seq
      and d.cause = 'expiry'
  ) e
  group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict on constraint token_sums_pkey do update set gained = s.gained + excluded.gained,
    lost = s.lost + excluded.lost, entries = s.entries + excluded.entries
$$;
comment on function coinslot.sum_entries(coinslot.wallet_marks, bigint, timestamptz) is
'Adds up the entries of a wallet between its mark and this one.';
revoke all on function coinslot.sum_entries(coinslot.wallet_marks, bigint, timestamptz) from public;

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

-- What is new in a wallet's history of paid lots since its mark, wherever these are now. A spend
-- draws later than it was made: its place on the line of all that the wallet ever spent says which
-- entry it was, and so when. Each piece is worth the difference of what the lot was worth before
-- and after it, so nothing is lost in rounding.
create function coinslot.lot_news(mark coinslot.wallet_marks, to_seq bigint)
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

create function coinslot.sum_lots(mark coinslot.wallet_marks, to_seq bigint, closed timestamptz)
returns void
language sql volatile set search_path = '' as $$
  insert into coinslot.lot_sums as s (at, currency, live, kind, correction, tokens, value)
  select coinslot.quarter_of(greatest(n.at, sum_lots.closed)), n.currency, n.live, n.kind,
    n.at < sum_lots.closed, sum(n.tokens), sum(n.value)
  from coinslot.lot_news(mark, sum_lots.to_seq) n
  group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
  on conflict on constraint lot_sums_pkey do update
  set tokens = s.tokens + excluded.tokens, value = s.value + excluded.value
$$;
comment on function coinslot.sum_lots(coinslot.wallet_marks, bigint, timestamptz) is
'Adds up what is new of a wallet''s paid lots.';
revoke all on function coinslot.sum_lots(coinslot.wallet_marks, bigint, timestamptz) from public;

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
create function coinslot.sum_wallet(user_id uuid, closed timestamptz) returns boolean
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

-- Round by round over all wallets, a part of them at each call: those that have changed are summed.
-- When a round is over, all that was done before it began is in the sums. Of a call's wallets each
-- is locked until it is over, and it is short.
create function coinslot.sum_wallets(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_progress coinslot.report_progress;
  v_wallet record;
  v_whole boolean := true;
  v_summed bigint := 0;
  v_seen bigint := 0;
begin
  select p.* into v_progress from coinslot.report_progress p for update skip locked;
  if not found then
    return 0;
  elsif v_progress.walk_began_at is null then
    v_progress.walk_began_at := coinslot.round_begins();
  end if;
  for v_wallet in
    select w.user_id, w.seq > 0 and (m.updated_at, m.seq) is distinct from (w.updated_at, w.seq)
      as changed
    from public.token_wallets w left join coinslot.wallet_marks m on m.user_id = w.user_id
    where w.user_id > coalesce(v_progress.walk_at, '00000000-0000-0000-0000-000000000000')
    order by w.user_id limit 20000
  loop
    v_whole := v_summed < greatest(1, sum_wallets.batch / 10) and (
      not v_wallet.changed or coinslot.sum_wallet(v_wallet.user_id, v_progress.walked_to)
    );
    exit when not v_whole;
    v_summed := v_summed + v_wallet.changed::integer;
    v_seen := v_seen + 1;
    v_progress.walk_at := v_wallet.user_id;
  end loop;
  if v_whole and v_seen < 20000 then
    v_progress.walked_to := greatest(
      v_progress.walked_to, coinslot.quarter_of(v_progress.walk_began_at - interval '1 minute')
    );
    v_progress.walk_began_at := null;
    v_progress.walk_at := null;
  end if;
  update coinslot.report_progress p set walk_began_at = v_progress.walk_began_at,
    walk_at = v_progress.walk_at, walked_to = v_progress.walked_to;
  return v_summed;
end
$$;
comment on function coinslot.sum_wallets(integer) is
'Adds up what a part of all wallets did; of how many that had changed.';
revoke all on function coinslot.sum_wallets(integer) from public;

-- By one server at a time: the sums are rows that all of them would wait for.
create function coinslot.sum_reports(batch integer) returns jsonb
language plpgsql volatile set search_path = '' as $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended('coinslot.sum_reports', 0)) then
    return '{}'::jsonb;
  end if;
  return jsonb_build_object(
    'orders_dated', coinslot.backfill_moves(sum_reports.batch),
    'moves', coinslot.sum_moves(sum_reports.batch * 10),
    'orders', coinslot.sum_orders(sum_reports.batch),
    'wallets', coinslot.sum_wallets(sum_reports.batch)
  );
end
$$;
comment on function coinslot.sum_reports(integer) is 'Keeps what reports add up; how much it did.';
revoke all on function coinslot.sum_reports(integer) from public;
