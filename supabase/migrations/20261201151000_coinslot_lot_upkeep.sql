-- Upkeep: expiry and the making of lots in batches, and what the monitoring shows of them. No job
-- is needed for a balance to be right; it makes entries prompt.

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

create or replace function coinslot.run_maintenance(batch integer) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  if (run_maintenance.batch between 1 and 10000) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "batch", "min": 1, "max": 10000}');
  end if;
  return jsonb_build_object(
    'orders_expired', coinslot.expire_orders(run_maintenance.batch),
    'wallets_swept', coinslot.expire_holds(run_maintenance.batch),
    'wallets_expired', coinslot.expire_tokens(run_maintenance.batch),
    'purged', coinslot.purge(run_maintenance.batch),
    'wallets_with_lots', coinslot.backfill_lots(run_maintenance.batch)
  );
end
$$;
comment on function public.coinslot_run_maintenance(integer) is
'Service: expires orders, holds and tokens and deletes what was kept long enough; {orders_expired,
wallets_swept, wallets_expired, purged, wallets_with_lots}.';

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

-- ---- monitoring ----

create or replace function coinslot.get_backlog() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'payments', (select jsonb_agg(to_jsonb(c)) from coinslot.count_payment_reads() c),
    'webhooks', (select jsonb_agg(to_jsonb(c)) from coinslot.count_webhooks() c),
    'refunds', (select jsonb_agg(to_jsonb(c)) from coinslot.count_refunds() c),
    'closings', (select jsonb_agg(to_jsonb(c)) from coinslot.count_closings() c),
    'reviews', (select jsonb_agg(to_jsonb(c)) from coinslot.count_reviews() c),
    'discrepancies',
    (select coalesce(jsonb_agg(to_jsonb(c)), '[]') from coinslot.count_discrepancies() c),
    'lots', coinslot.count_lots(),
    'holds', (select count(*) from coinslot.token_holds h where h.status = 'held'),
    'ledger', (
      select jsonb_build_object(
        'checked_at', extract(epoch from c.finished_at), 'wallets', c.wallets
      )
      from coinslot.ledger_checks c where c.finished_at is not null order by c.id desc limit 1
    ),
    'events', (select coalesce(jsonb_agg(to_jsonb(e)), '[]') from coinslot.seen_events() e)
  )
$$;

-- ---- restoring ----

-- The wallets of an older backup have no lots: they are walked again.
-- Before the data of a backup, and nothing else of it, goes into a project that has just been
-- migrated: what the migrations wrote is in the backup, too, and that the app's own have imported
-- a column, in which there was nothing yet. Never where anybody has a wallet.
create or replace function coinslot.prepare_restore() returns void
language plpgsql volatile set search_path = '' as $$
begin
  lock table public.token_wallets, public.token_payments in share row exclusive mode;
  if exists (select from public.token_wallets) or exists (select from public.token_payments) then
    perform coinslot.refuse_problems('No backup can be restored here', array[
      'there are wallets or orders: restore into a new project.'
    ]);
  end if;
  delete from public.token_features;
  delete from public.token_prices;
  delete from public.token_products;
  delete from coinslot.payment_transitions;
  delete from coinslot.payment_statuses;
  delete from coinslot.gateways;
  delete from coinslot.errors;
  delete from coinslot.settings;
  delete from coinslot.lot_backfill;
  alter table coinslot.imported_columns disable trigger imported_columns_append_only;
  delete from coinslot.imported_columns;
  alter table coinslot.imported_columns enable trigger imported_columns_append_only;
end
$$;

notify pgrst, 'reload schema';
