-- Refills: so many tokens each day, week or month, for everybody or for a group.
--
-- No job grants them. A wallet says when its next refill is due, as it says when its next lot ends,
-- and the first use after that grants it: a spend, a hold or a capture. Periods that were missed
-- lapse. A read shows what a use would grant, and writes nothing.

-- Rules are never deleted, so that what was granted names one: they are switched off.
create table coinslot.refills (
  id text not null,
  tokens bigint not null,
  every text not null,
  time_zone text not null,
  mode text not null,
  group_name text,
  active boolean not null default true,
  constraint refills_pkey primary key (id),
  constraint refills_id_named check (id ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint refills_tokens_positive check (tokens between 1 and 9007199254740991),
  constraint refills_every_known check (every in ('day', 'week', 'month')),
  constraint refills_time_zone_short check (length(time_zone) between 1 and 100),
  constraint refills_mode_known check (mode in ('replace', 'add')),
  constraint refills_group_named check (group_name ~ '^[a-z][a-z0-9_]{0,62}$')
);
comment on table coinslot.refills is 'Who gets how many tokens how often.';
comment on column coinslot.refills.every is 'day | week | month: weeks begin on Mondays.';
comment on column coinslot.refills.time_zone is 'Where its days begin, such as Asia/Seoul.';
comment on column coinslot.refills.mode is
'replace: what is left of it ends with the period. add: it never ends.';
comment on column coinslot.refills.group_name is 'For this group; null = for everybody.';
comment on column coinslot.refills.active is 'False grants no more; what was granted stays.';
create index refills_active on coinslot.refills (id) where active;
alter table coinslot.refills enable row level security;
revoke all on table coinslot.refills from anon, authenticated, service_role;
create policy "Nobody reads refills through the API" on coinslot.refills
for select to anon, authenticated using (false);

-- Groups are the app's: it says who belongs to one. No foreign key: a wallet never goes.
create table coinslot.group_members (
  user_id uuid not null,
  group_name text not null,
  since timestamptz not null default clock_timestamp(),
  constraint group_members_pkey primary key (user_id, group_name),
  constraint group_members_group_named check (group_name ~ '^[a-z][a-z0-9_]{0,62}$')
);
comment on table coinslot.group_members is 'Who belongs to the groups that the app has named.';
create index group_members_group_name on coinslot.group_members (group_name, user_id);
alter table coinslot.group_members enable row level security;
revoke all on table coinslot.group_members from anon, authenticated, service_role;
create policy "Nobody reads groups through the API" on coinslot.group_members
for select to anon, authenticated using (false);

-- No foreign keys, as lots have none: verify_refills() proves what they would have. A grant stays
-- in the history where it was made, also when its wallet is merged and its lot moves.
create table coinslot.refill_grants (
  user_id uuid not null,
  refill text not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  seq bigint not null,
  lot_id bigint not null,
  tokens bigint not null,
  constraint refill_grants_pkey primary key (user_id, refill, period_start),
  constraint refill_grants_period_forward check (period_end > period_start)
);
comment on table coinslot.refill_grants is 'What was granted for which period.';
comment on column coinslot.refill_grants.seq is 'Its ledger entry.';
create index refill_grants_lot_id on coinslot.refill_grants (lot_id);
alter table coinslot.refill_grants enable row level security;
revoke all on table coinslot.refill_grants from anon, authenticated, service_role;
create policy "Nobody reads grants through the API" on coinslot.refill_grants
for select to anon, authenticated using (false);

-- An identity gets a refill once in a period, whichever account confirms it. Only the latest period
-- is kept: what was before it lapses anyway.
create table coinslot.refill_identities (
  refill text not null,
  identity_hash text collate "C" not null,
  user_id uuid not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  constraint refill_identities_pkey primary key (refill, identity_hash)
);
comment on table coinslot.refill_identities is
'The latest period that an identity had a refill in.';
comment on column coinslot.refill_identities.user_id is 'The account that had it.';
alter table coinslot.refill_identities enable row level security;
revoke all on table coinslot.refill_identities from anon, authenticated, service_role;
create policy "Nobody reads identities of refills through the API" on coinslot.refill_identities
for select to anon, authenticated using (false);

-- A rule that was switched on or changed reaches the wallets that are there in batches. The wallets
-- of those who sign up later look for refills by themselves.
create table coinslot.refill_walks (
  refill text not null,
  after_user uuid,
  constraint refill_walks_pkey primary key (refill),
  constraint refill_walks_refill_fkey foreign key (refill)
  references coinslot.refills (id) on delete cascade
);
comment on table coinslot.refill_walks is 'Rules that not all wallets have been told of yet.';
comment on column coinslot.refill_walks.after_user is 'The walk goes on behind this one.';
alter table coinslot.refill_walks enable row level security;
revoke all on table coinslot.refill_walks from anon, authenticated, service_role;
create policy "Nobody reads walks through the API" on coinslot.refill_walks
for select to anon, authenticated using (false);

-- Of the beginnings around that time the last that has come, and the next. By the local date alone
-- a day could begin after it: where clocks are put back at midnight, its first hour comes twice. A
-- zone that the server does not know, or knows no more, has no periods: spends go on.
create function coinslot.refill_period(
  every text, time_zone text, at timestamptz, out period_start timestamptz,
  out period_end timestamptz
)
language plpgsql stable set search_path = '' as $$
begin
  select max(b.begins) filter (where b.begins <= refill_period.at),
    min(b.begins) filter (where b.begins > refill_period.at)
  into period_start, period_end
  from (
    select (
      date_trunc(refill_period.every, refill_period.at at time zone refill_period.time_zone)
      + n * ('1 ' || refill_period.every)::interval
    ) at time zone refill_period.time_zone as begins
    from generate_series(-1, 2) n
  ) b;
exception when invalid_parameter_value then
  null;
end
$$;
comment on function coinslot.refill_period(text, text, timestamptz) is
'The day, week or month there that a time is in; null where the zone is unknown.';
revoke all on function coinslot.refill_period(text, text, timestamptz) from public;

-- One whose zone, or whose length, was changed overlaps the one before. It counts as another period
-- if most of it is new: nobody gets two for one, and nobody waits for more than one and a half.
create function coinslot.is_another_period(
  had_start timestamptz, had_end timestamptz, period_start timestamptz, now timestamptz
) returns boolean
language sql immutable parallel safe set search_path = ''
return is_another_period.had_end <= is_another_period.now
and is_another_period.period_start
>= is_another_period.had_start + (is_another_period.had_end - is_another_period.had_start) / 2;
comment on function coinslot.is_another_period(
  timestamptz, timestamptz, timestamptz, timestamptz
) is 'True if who had a refill in the first period may have one in the second.';
revoke all on function coinslot.is_another_period(
  timestamptz, timestamptz, timestamptz, timestamptz
) from public;

-- The rules for a user, with the period that is now and the latest for which the user, or one of
-- their identities, had the refill.
create function coinslot.rules_for(user_id uuid, now timestamptz) returns table (
  refill text, tokens bigint, mode text, period_start timestamptz, period_end timestamptz,
  had_start timestamptz, had_end timestamptz
)
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_histories uuid[];
  v_hashes text[];
begin
  if not exists (select from coinslot.refills r where r.active) then
    return;
  end if;
  v_histories := coinslot.histories_of(rules_for.user_id);
  v_hashes := array(
    select c.identity_hash from coinslot.confirmed_identities c
    where c.user_id = rules_for.user_id
  );
  return query
  select r.id, r.tokens, r.mode, p.period_start, p.period_end, h.period_start, h.period_end
  from coinslot.refills r
  cross join lateral coinslot.refill_period(r.every, r.time_zone, rules_for.now) p
  left join lateral (
    select g.period_start, g.period_end from coinslot.refill_grants g
    where g.user_id = any (v_histories) and g.refill = r.id
    union all
    select i.period_start, i.period_end from coinslot.refill_identities i
    where i.refill = r.id and i.identity_hash = any (v_hashes)
    order by 1 desc limit 1
  ) h on true
  where r.active and v_hashes <> '{}' and p.period_end is not null
    and (r.group_name is null or exists (
      select from coinslot.group_members m
      where m.user_id = rules_for.user_id and m.group_name = r.group_name
    ))
  order by r.id;
end
$$;
comment on function coinslot.rules_for(uuid, timestamptz) is
'The refills of a user who has confirmed an identity, in the periods of that time.';
revoke all on function coinslot.rules_for(uuid, timestamptz) from public;

-- `base` is what the wallet has after a fold, less what refunds have reserved; below zero is a
-- debt. What would only make a debt smaller is not granted: the spend that granted it would be
-- refused, and take it back, while reads had promised it.
create function coinslot.refills_of(user_id uuid, base bigint, now timestamptz) returns table (
  refill text, tokens bigint, mode text, period_start timestamptz, period_end timestamptz,
  is_due boolean, next_at timestamptz
)
language plpgsql stable set search_path = '' as $$
declare
  v_rule record;
  v_base bigint := refills_of.base;
begin
  for v_rule in select r.* from coinslot.rules_for(refills_of.user_id, refills_of.now) r loop
    refill := v_rule.refill;
    tokens := v_rule.tokens;
    mode := v_rule.mode;
    period_start := v_rule.period_start;
    period_end := v_rule.period_end;
    is_due := coinslot.is_another_period(
      v_rule.had_start, v_rule.had_end, period_start, refills_of.now
    ) is not false and v_base + tokens between 1 and coinslot.max_amount();
    next_at := case when is_due then period_start
      when v_rule.had_end > refills_of.now then v_rule.had_end else period_end end;
    v_base := v_base + case when is_due then tokens else 0 end;
    return next;
  end loop;
end
$$;
comment on function coinslot.refills_of(uuid, bigint, timestamptz) is
'Each refill of a user: granted by the next use if it is due, else when to look again.';
revoke all on function coinslot.refills_of(uuid, bigint, timestamptz) from public;

-- Sorted, so that two accounts with the same identities wait for each other and never both ways.
-- An account that shares one with another gets nothing, and its others are used up as well.
create function coinslot.use_identities(
  user_id uuid, refill text, period_start timestamptz, period_end timestamptz, now timestamptz
) returns boolean
language sql volatile set search_path = '' as $$
  with confirmed as (
    select distinct c.identity_hash from coinslot.confirmed_identities c
    where c.user_id = use_identities.user_id
  ), recorded as (
    insert into coinslot.refill_identities as i (
      refill, identity_hash, user_id, period_start, period_end
    )
    select use_identities.refill, c.identity_hash, use_identities.user_id,
      use_identities.period_start, use_identities.period_end
    from confirmed c order by c.identity_hash
    on conflict (refill, identity_hash) do update set
      user_id = excluded.user_id, period_start = excluded.period_start,
      period_end = excluded.period_end
    where coinslot.is_another_period(
      i.period_start, i.period_end, excluded.period_start, use_identities.now
    )
    returning i.identity_hash
  )
  select count(*) > 0 and count(*) = count(r.identity_hash)
  from confirmed c left join recorded r on r.identity_hash = c.identity_hash
$$;
comment on function coinslot.use_identities(uuid, text, timestamptz, timestamptz, timestamptz) is
'Uses up the identities of an account for a period of a refill; false if one was used up before.';
revoke all on function coinslot.use_identities(uuid, text, timestamptz, timestamptz, timestamptz)
from public;

create function coinslot.post_refill(
  user_id uuid, refill text, tokens bigint, mode text, period_start timestamptz,
  period_end timestamptz, debt bigint
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_lot public.token_lots;
  v_receipt public.token_receipt;
begin
  v_receipt := coinslot.write_entry(coinslot.new_entry(
    post_refill.user_id, 'refill', post_refill.tokens, 'system',
    metadata => jsonb_build_object(
      'refill', post_refill.refill, 'period_start', post_refill.period_start
    )
  ));
  v_lot.user_id := post_refill.user_id;
  v_lot.seq := v_receipt.seq;
  v_lot.kind := 'refill';
  v_lot.tokens := post_refill.tokens;
  v_lot.expires_at := case post_refill.mode
    when 'replace' then post_refill.period_end else 'infinity' end;
  v_lot.created_at := v_receipt.created_at;
  perform coinslot.make_lot(v_lot, post_refill.debt);
  insert into coinslot.refill_grants (
    user_id, refill, period_start, period_end, seq, lot_id, tokens
  )
  select l.user_id, post_refill.refill, post_refill.period_start, post_refill.period_end, l.seq,
    l.id, l.tokens
  from public.token_lots l where l.user_id = post_refill.user_id and l.seq = v_receipt.seq;
end
$$;
comment on function coinslot.post_refill(
  uuid, text, bigint, text, timestamptz, timestamptz, bigint
) is 'Writes a refill: its entry, its lot and its period.';
revoke all on function coinslot.post_refill(
  uuid, text, bigint, text, timestamptz, timestamptz, bigint
) from public;

create function coinslot.reserved_of(user_id uuid) returns bigint
language sql stable set search_path = '' set enable_seqscan = off as $$
  select coalesce(sum(l.reserved), 0)::bigint from public.token_lots l
  where l.user_id = reserved_of.user_id and (l.remaining > 0 or l.reserved > 0)
$$;
comment on function coinslot.reserved_of(uuid) is 'Tokens that open refunds have set aside.';
revoke all on function coinslot.reserved_of(uuid) from public;

-- Called by a use, after the fold: never by a webhook, a report or a read.
create function coinslot.grant_refills(wallet public.token_wallets, now timestamptz)
returns public.token_wallets
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_base bigint;
  v_due record;
  v_granted boolean := false;
begin
  if wallet.next_change_at > grant_refills.now or wallet.closed_at is not null then
    return wallet;
  end if;
  v_base := wallet.tokens - coinslot.reserved_of(wallet.user_id);
  for v_due in
    select r.* from coinslot.refills_of(wallet.user_id, v_base, grant_refills.now) r where r.is_due
  loop
    if coinslot.use_identities(
      wallet.user_id, v_due.refill, v_due.period_start, v_due.period_end, grant_refills.now
    ) then
      perform coinslot.post_refill(
        wallet.user_id, v_due.refill, v_due.tokens, v_due.mode, v_due.period_start,
        v_due.period_end, greatest(-v_base, 0)
      );
      v_base := v_base + v_due.tokens;
    end if;
    v_granted := true;
  end loop;
  return case when v_granted
    then coinslot.note_change(wallet.user_id, grant_refills.now) else wallet end;
end
$$;
comment on function coinslot.grant_refills(public.token_wallets, timestamptz) is
'Grants what is due of a locked wallet that was folded at this time; the wallet as it is then.';
revoke all on function coinslot.grant_refills(public.token_wallets, timestamptz) from public;

-- Where there are no refills, nothing but their index is asked.
create function coinslot.next_refill(user_id uuid, base bigint, now timestamptz)
returns timestamptz
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  if not exists (select from coinslot.refills r where r.active) then
    return 'infinity'::timestamptz;
  end if;
  return coalesce((
    select min(r.next_at)
    from coinslot.refills_of(next_refill.user_id, next_refill.base, next_refill.now) r
  ), 'infinity');
end
$$;
comment on function coinslot.next_refill(uuid, bigint, timestamptz) is
'When a use of a wallet has to look for refills again.';
revoke all on function coinslot.next_refill(uuid, bigint, timestamptz) from public;

-- For reads of people, who see neither identities nor grants: hence not as whoever asks.
create function coinslot.foreseen_refills(wallet public.token_wallets, lapsed bigint)
returns bigint
language plpgsql stable security definer set search_path = '' as $$
begin
  if wallet.closed_at is not null then
    return 0;
  end if;
  return (
    select coalesce(sum(r.tokens), 0)::bigint
    from coinslot.refills_of(
      wallet.user_id,
      wallet.tokens - foreseen_refills.lapsed - coinslot.reserved_of(wallet.user_id),
      greatest(clock_timestamp(), wallet.folded_at)
    ) r where r.is_due
  );
end
$$;
comment on function coinslot.foreseen_refills(public.token_wallets, bigint) is
'Tokens that the next use of a wallet would be granted.';
revoke all on function coinslot.foreseen_refills(public.token_wallets, bigint) from public;
grant execute on function coinslot.foreseen_refills(public.token_wallets, bigint)
to authenticated, service_role;

-- ---- telling wallets of a rule ----

-- What an identity, a group or a rule changes is found by the next use.
create function coinslot.look_for_refills(user_id uuid) returns void
language sql volatile set search_path = '' set enable_seqscan = off as $$
  update public.token_wallets w set next_change_at = '-infinity'
  where w.user_id = look_for_refills.user_id and w.next_change_at > '-infinity'
    and exists (select from coinslot.refills r where r.active)
$$;
comment on function coinslot.look_for_refills(uuid) is
'Has the next use of a wallet look for refills, if there are any rules.';
revoke all on function coinslot.look_for_refills(uuid) from public;

create function coinslot.concerned_users(refill text, after_user uuid, batch integer)
returns setof uuid
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_after uuid := coalesce(after_user, '00000000-0000-0000-0000-000000000000');
  v_group text;
begin
  select r.group_name into v_group from coinslot.refills r where r.id = concerned_users.refill;
  if v_group is null then
    return query select w.user_id from public.token_wallets w
    where w.user_id > v_after order by w.user_id limit concerned_users.batch;
  else
    return query select m.user_id from coinslot.group_members m
    where m.group_name = v_group and m.user_id > v_after
    order by m.user_id limit concerned_users.batch;
  end if;
end
$$;
comment on function coinslot.concerned_users(text, uuid, integer) is
'The next users that a rule is for, by their ids.';
revoke all on function coinslot.concerned_users(text, uuid, integer) from public;

-- Waits for nobody, since the maintenance has other wallets locked, and passes nobody by: it stops
-- before a wallet that is in use, and goes on there the next time.
create function coinslot.spread_refills(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_walk coinslot.refill_walks;
  v_user uuid;
  v_wallets bigint := 0;
begin
  select k.* into v_walk from coinslot.refill_walks k order by k.refill limit 1
  for update skip locked;
  if not found then
    return 0;
  end if;
  for v_user in
    select u from coinslot.concerned_users(v_walk.refill, v_walk.after_user, batch) u
  loop
    perform from public.token_wallets w where w.user_id = v_user for update skip locked;
    exit when not found;
    perform coinslot.look_for_refills(v_user);
    v_walk.after_user := v_user;
    v_wallets := v_wallets + 1;
  end loop;
  if v_user is null then
    delete from coinslot.refill_walks k where k.refill = v_walk.refill;
  else
    update coinslot.refill_walks k set after_user = v_walk.after_user
    where k.refill = v_walk.refill;
  end if;
  return v_wallets;
end
$$;
comment on function coinslot.spread_refills(integer) is
'Tells the next wallets of a rule that was changed; how many.';
revoke all on function coinslot.spread_refills(integer) from public;

-- ---- rules and groups ----

create function coinslot.check_refill(rule coinslot.refills) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_argument text := case
    when (rule.id ~ '^[a-z][a-z0-9_]{0,62}$') is not true then 'id'
    when (rule.tokens between 1 and coinslot.max_amount()) is not true then 'tokens'
    when (rule.every in ('day', 'week', 'month')) is not true then 'every'
    when (rule.mode in ('replace', 'add')) is not true then 'mode'
    when rule.group_name !~ '^[a-z][a-z0-9_]{0,62}$' then 'group_name'
    when not exists (
      select from pg_catalog.pg_timezone_names z where z.name = rule.time_zone
    ) then 'time_zone'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', v_argument, 'example', case v_argument
        when 'id' then 'daily' when 'tokens' then '5' when 'every' then 'day'
        when 'mode' then 'replace' when 'group_name' then 'students' else 'Asia/Seoul' end
    ));
  end if;
end
$$;
comment on function coinslot.check_refill(coinslot.refills) is
'PT400 for what cannot be the rule of a refill.';
revoke all on function coinslot.check_refill(coinslot.refills) from public;

-- Changes of rules are kept for good, with who made them and why.
create function coinslot.note_action(action text, subject text, reason text, detail jsonb)
returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform coinslot.check_text('reason', note_action.reason, 500);
  insert into coinslot.operator_actions (action, subject, reason, detail) values (
    note_action.action, note_action.subject, btrim(note_action.reason), note_action.detail
  );
end
$$;
comment on function coinslot.note_action(text, text, text, jsonb) is
'Notes what an operator or the service did.';
revoke all on function coinslot.note_action(text, text, text, jsonb) from public;

create function coinslot.require_owner(reason text) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform coinslot.require_operator('owner');
  if btrim(require_owner.reason) = '' is not false then
    perform coinslot.fail('invalid_argument', '{"argument": "reason", "min_length": 1}');
  end if;
end
$$;
comment on function coinslot.require_owner(text) is
'PT403 unless an owner has signed in; PT400 unless they say why.';
revoke all on function coinslot.require_owner(text) from public;

-- What is given is set, the rest stays. An empty group is everybody.
create function coinslot.set_refill(
  id text, tokens bigint, every text, time_zone text, mode text, group_name text, active boolean,
  reason text
) returns coinslot.refills
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_old coinslot.refills;
  v_new coinslot.refills;
begin
  select r.* into v_old from coinslot.refills r where r.id = set_refill.id for update;
  v_new.id := set_refill.id;
  v_new.tokens := coalesce(set_refill.tokens, v_old.tokens);
  v_new.every := coalesce(set_refill.every, v_old.every);
  v_new.time_zone := coalesce(set_refill.time_zone, v_old.time_zone);
  v_new.mode := coalesce(set_refill.mode, v_old.mode, 'replace');
  v_new.group_name := nullif(coalesce(set_refill.group_name, v_old.group_name), '');
  v_new.active := coalesce(set_refill.active, v_old.active, true);
  perform coinslot.check_refill(v_new);
  insert into coinslot.refills as r (id, tokens, every, time_zone, mode, group_name, active)
  values (v_new.id, v_new.tokens, v_new.every, v_new.time_zone, v_new.mode, v_new.group_name,
    v_new.active)
  on conflict on constraint refills_pkey do update set tokens = excluded.tokens,
    every = excluded.every, time_zone = excluded.time_zone, mode = excluded.mode,
    group_name = excluded.group_name, active = excluded.active;
  if v_old is distinct from v_new then
    insert into coinslot.refill_walks (refill) values (v_new.id)
    on conflict on constraint refill_walks_pkey do update set after_user = null;
    perform coinslot.note_action('refill_set', v_new.id, set_refill.reason, jsonb_build_object(
      'from', case when v_old.id is not null then to_jsonb(v_old) end, 'to', to_jsonb(v_new)
    ));
  end if;
  return v_new;
end
$$;
comment on function coinslot.set_refill(
  text, bigint, text, text, text, text, boolean, text
) is 'See public.coinslot_set_refill.';
revoke all on function coinslot.set_refill(
  text, bigint, text, text, text, text, boolean, text
) from public;
grant execute on function coinslot.set_refill(
  text, bigint, text, text, text, text, boolean, text
) to service_role;

create function public.coinslot_set_refill(
  id text, tokens bigint default null, every text default null, time_zone text default null,
  mode text default null, group_name text default null, active boolean default null,
  reason text default ''
) returns coinslot.refills
language sql volatile set search_path = '' as $$
  select coinslot.set_refill(
    coinslot_set_refill.id, coinslot_set_refill.tokens, coinslot_set_refill.every,
    coinslot_set_refill.time_zone, coinslot_set_refill.mode, coinslot_set_refill.group_name,
    coinslot_set_refill.active, coinslot_set_refill.reason
  )
$$;
comment on function public.coinslot_set_refill(
  text, bigint, text, text, text, text, boolean, text
) is
'Service: makes the rule of a refill, or changes what is given of one: so many tokens every day,
week or month of a time zone, for everybody or for a group; mode replace or add.';
revoke all on function public.coinslot_set_refill(
  text, bigint, text, text, text, text, boolean, text
) from public, anon, authenticated, service_role;
grant execute on function public.coinslot_set_refill(
  text, bigint, text, text, text, text, boolean, text
) to service_role;

create function coinslot.set_token_refill(
  id text, reason text, tokens bigint, every text, time_zone text, mode text, group_name text,
  active boolean
) returns coinslot.refills
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.require_owner(set_token_refill.reason);
  return coinslot.set_refill(
    set_token_refill.id, set_token_refill.tokens, set_token_refill.every,
    set_token_refill.time_zone, set_token_refill.mode, set_token_refill.group_name,
    set_token_refill.active, set_token_refill.reason
  );
end
$$;
comment on function coinslot.set_token_refill(
  text, text, bigint, text, text, text, text, boolean
) is 'See public.set_token_refill.';
revoke all on function coinslot.set_token_refill(
  text, text, bigint, text, text, text, text, boolean
) from public;
grant execute on function coinslot.set_token_refill(
  text, text, bigint, text, text, text, text, boolean
) to authenticated;

create function public.set_token_refill(
  id text, reason text, tokens bigint default null, every text default null,
  time_zone text default null, mode text default null, group_name text default null,
  active boolean default null
) returns coinslot.refills
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.set_token_refill(
    set_token_refill.id, set_token_refill.reason, set_token_refill.tokens,
    set_token_refill.every, set_token_refill.time_zone, set_token_refill.mode,
    set_token_refill.group_name, set_token_refill.active
  )
$$;
comment on function public.set_token_refill(
  text, text, bigint, text, text, text, text, boolean
) is 'Operators, owner: the same as coinslot_set_refill, with a reason.';
revoke all on function public.set_token_refill(
  text, text, bigint, text, text, text, text, boolean
) from public, anon, authenticated, service_role;
grant execute on function public.set_token_refill(
  text, text, bigint, text, text, text, text, boolean
) to authenticated;

create function coinslot.list_refills() returns setof coinslot.refills
language sql stable security definer set search_path = '' as $$
  select r.* from coinslot.refills r order by r.id
$$;
comment on function coinslot.list_refills() is 'See public.coinslot_list_refills.';
revoke all on function coinslot.list_refills() from public;
grant execute on function coinslot.list_refills() to service_role;

create function public.coinslot_list_refills() returns setof coinslot.refills
language sql stable set search_path = '' as $$
  select r.* from coinslot.list_refills() r
$$;
comment on function public.coinslot_list_refills() is
'Service: the rules of all refills, those that are switched off as well.';
revoke all on function public.coinslot_list_refills()
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_refills() to service_role;

create function coinslot.set_group(user_id uuid, group_name text, member boolean)
returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_changed bigint;
begin
  if (set_group.group_name ~ '^[a-z][a-z0-9_]{0,62}$') is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "group_name", "example": "students"}');
  elsif set_group.member is null then
    perform coinslot.fail('invalid_argument', '{"argument": "member"}');
  end if;
  perform coinslot.check_open(coinslot.lock_wallet(set_group.user_id));
  if set_group.member then
    insert into coinslot.group_members (user_id, group_name)
    values (set_group.user_id, set_group.group_name)
    on conflict do nothing;
  else
    delete from coinslot.group_members m
    where m.user_id = set_group.user_id and m.group_name = set_group.group_name;
  end if;
  get diagnostics v_changed = row_count;
  perform coinslot.look_for_refills(set_group.user_id);
  return v_changed > 0;
end
$$;
comment on function coinslot.set_group(uuid, text, boolean) is 'See public.set_token_group_for.';
revoke all on function coinslot.set_group(uuid, text, boolean) from public;
grant execute on function coinslot.set_group(uuid, text, boolean) to service_role;

create function public.set_token_group_for(
  user_id uuid, group_name text, member boolean default true
) returns boolean
language sql volatile set search_path = '' as $$
  select coinslot.set_group(
    set_token_group_for.user_id, set_token_group_for.group_name, set_token_group_for.member
  )
$$;
comment on function public.set_token_group_for(uuid, text, boolean) is
'Service: puts a user into a group of the app''s, or takes them out; true if that is new.';
revoke all on function public.set_token_group_for(uuid, text, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.set_token_group_for(uuid, text, boolean) to service_role;

-- ---- what people see ----

create function coinslot.list_own_refills() returns table (
  refill text, tokens bigint, every text, mode text, due boolean, next_at timestamptz
)
language plpgsql stable security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_wallet public.token_wallets;
  v_now timestamptz;
begin
  select w.* into v_wallet from public.token_wallets w
  where w.user_id = v_user_id and w.closed_at is null;
  v_now := greatest(clock_timestamp(), v_wallet.folded_at);
  return query
  select f.refill, f.tokens, r.every, f.mode, f.is_due and v_wallet.next_change_at <= v_now,
    case when f.is_due then f.period_end else f.next_at end
  from coinslot.refills_of(
    v_wallet.user_id,
    v_wallet.tokens - coinslot.reserved_of(v_wallet.user_id)
    - case when v_wallet.next_change_at > v_now then 0 else coinslot.lapsed(v_wallet, v_now) end,
    v_now
  ) f
  inner join coinslot.refills r on r.id = f.refill;
end
$$;
comment on function coinslot.list_own_refills() is 'See public.list_token_refills.';
revoke all on function coinslot.list_own_refills() from public;
grant execute on function coinslot.list_own_refills() to authenticated;

create function public.list_token_refills() returns table (
  refill text, tokens bigint, every text, mode text, due boolean, next_at timestamptz
)
language sql stable set search_path = '' set statement_timeout = '1s' as $$
  select * from coinslot.list_own_refills()
$$;
comment on function public.list_token_refills() is
'The refills of the signed-in user: due = the balance has it already, and the next use writes it;
next_at = when there is the next one.';
revoke all on function public.list_token_refills()
from public, anon, authenticated, service_role;
grant execute on function public.list_token_refills() to authenticated;

-- ---- merging ----

-- A period that both have had is one period now. What open holds need stays.
create function coinslot.lapse_refills(from_user uuid, into_user uuid, now timestamptz)
returns void
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
  v_tokens bigint;
begin
  select w.* into strict v_wallet
  from public.token_wallets w where w.user_id = lapse_refills.from_user;
  with found as (
    select l.id, l.remaining, sum(l.remaining) over (
      order by l.expires_at, l.priority, l.paid, l.id
    ) - l.remaining as before
    from public.token_lots l
    inner join coinslot.refill_grants g on g.lot_id = l.id
    where l.user_id = lapse_refills.from_user and l.remaining > 0 and exists (
      select from coinslot.refill_grants o
      where o.user_id = any (coinslot.histories_of(lapse_refills.into_user))
        and o.refill = g.refill and o.period_start < g.period_end and o.period_end > g.period_start
    )
  ), moved as (
    update public.token_lots l
    set remaining = l.remaining - d.tokens, expired = l.expired + d.tokens
    from (
      select f.id, least(
        f.remaining, v_wallet.tokens - v_wallet.held - f.before
      )::bigint as tokens from found f
    ) d
    where l.id = d.id and d.tokens > 0
    returning l.id, d.tokens
  ), noted as (
    insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens, at)
    select m.id, lapse_refills.from_user, v_wallet.seq + 1, 'expiry', m.tokens, lapse_refills.now
    from moved m order by m.id
  )
  select coalesce(sum(m.tokens), 0) into v_tokens from moved m;
  if v_tokens > 0 then
    perform coinslot.write_entry(
      coinslot.new_entry(lapse_refills.from_user, 'expiry', -v_tokens, 'system')
    );
  end if;
end
$$;
comment on function coinslot.lapse_refills(uuid, uuid, timestamptz) is
'Expires refills of a locked, folded wallet for periods that the one it is merged into has had.';
revoke all on function coinslot.lapse_refills(uuid, uuid, timestamptz) from public;

-- ---- verification ----

-- Each grant has its entry, each entry its grant, and no two are of one period.
create function coinslot.verify_refills(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select coalesce(g.user_id, l.user_id), 'refill', coalesce(g.tokens, 0), coalesce(l.delta, 0)
  from (
    select o.* from coinslot.refill_grants o
    where (verify_refills.from_user is null or o.user_id >= verify_refills.from_user)
      and (verify_refills.to_user is null or o.user_id < verify_refills.to_user)
  ) g
  full join (
    select e.user_id, e.seq, e.delta from public.token_ledger e
    where e.kind = 'refill'
      and (verify_refills.from_user is null or e.user_id >= verify_refills.from_user)
      and (verify_refills.to_user is null or e.user_id < verify_refills.to_user)
  ) l on l.user_id = g.user_id and l.seq = g.seq
  where coalesce(g.tokens, 0) <> coalesce(l.delta, 0)
  union all
  select p.user_id, 'refill_period', 0::bigint, count(*)
  from (
    select g.user_id, g.period_start >= lag(g.period_start + (g.period_end - g.period_start) / 2)
      over (partition by g.user_id, g.refill order by g.period_start) as another
    from coinslot.refill_grants g
    where (verify_refills.from_user is null or g.user_id >= verify_refills.from_user)
      and (verify_refills.to_user is null or g.user_id < verify_refills.to_user)
  ) p
  where not p.another group by p.user_id;
end
$$;
comment on function coinslot.verify_refills(uuid, uuid) is
'Refills that the ledger does not bear out, or of which two were for one period.';
revoke all on function coinslot.verify_refills(uuid, uuid) from public;
