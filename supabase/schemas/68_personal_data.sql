-- A person's data: all of it as pages for who asks for it, and its end when they are gone.
--
-- What identifies goes, and the books stay: a ledger that lost an entry proves nothing. Once the
-- account is deleted a user's id is a pseudonym. What is erased is noted by that id alone, so that
-- it can be erased again after a restore.

-- Where a person's rows are: what to select from, with a column user_id; the column that orders
-- them, and its type; and the columns that are secrets, or another person's.
create function coinslot.export_parts()
returns table (part text, source text, key text, key_type text, hidden text[])
language sql immutable parallel safe set search_path = '' as $$
  values
    ('account', '(select u.id as user_id, (
      select jsonb_object_agg(e.key, e.value) from jsonb_each(to_jsonb(u)) e where e.key in (
        ''email'', ''phone'', ''created_at'', ''email_confirmed_at'', ''phone_confirmed_at'',
        ''last_sign_in_at'', ''raw_user_meta_data'', ''is_anonymous''
      )
    ) as account from auth.users u)', 'user_id', 'uuid', '{}'::text[]),
    ('wallet', 'public.token_wallets', 'user_id', 'uuid', '{}'),
    ('ledger', 'public.token_ledger', 'seq', 'bigint', '{}'),
    ('lots', 'public.token_lots', 'id', 'bigint', '{}'),
    ('payments', 'public.token_payments', 'id', 'uuid', '{}'),
    ('payment_events', 'public.token_payment_events', 'id', 'bigint', '{}'),
    ('payment_attempts', '(select a.*, p.user_id from coinslot.payment_attempts a
      inner join public.token_payments p on p.id = a.payment_id)', 'id', 'bigint', '{secret}'),
    ('refunds', 'coinslot.refunds', 'id', 'uuid', '{requested_by}'),
    ('documents', 'public.token_documents', 'number', 'text', '{}'),
    ('cash_receipts', '(select r.*, n.number as whose, p.order_id, p.user_id
      from coinslot.cash_receipts r
      inner join public.token_payments p on p.id = r.payment_id
      left join coinslot.cash_receipt_numbers n on n.payment_id = r.payment_id)',
      'payment_id', 'uuid', '{}'),
    ('holds', 'coinslot.token_holds', 'id', 'uuid', '{}'),
    ('spend_refunds', 'coinslot.spend_refunds', 'seq', 'bigint', '{}'),
    ('codes_used', 'coinslot.promotion_uses', 'id', 'bigint', '{}'),
    ('codes_checked', 'coinslot.checked_codes', 'code', 'text', '{}'),
    ('invitation_code', 'coinslot.referral_codes', 'code', 'text', '{}'),
    ('invited', '(select r.id, r.referrer as user_id, r.status, r.reason, r.created_at
      from coinslot.referrals r)', 'id', 'bigint', '{}'),
    ('was_invited', '(select r.id, r.referred as user_id, r.status, r.reason, r.created_at
      from coinslot.referrals r)', 'id', 'bigint', '{}'),
    ('groups', 'coinslot.group_members', 'group_name', 'text', '{}'),
    ('refills', 'coinslot.refill_grants', 'seq', 'bigint', '{}'),
    ('imported_balances', 'coinslot.imported_balances', 'column_name', 'text', '{}'),
    ('merged_wallets', '(select m.owner_user as user_id, m.from_user, m.tokens, m.created_at
      from coinslot.merged_wallets m)', 'from_user', 'uuid', '{}'),
    ('roles', 'coinslot.operators', 'role', 'text', '{}')
$$;
comment on function coinslot.export_parts() is 'Where the rows of a person are, by parts.';
revoke all on function coinslot.export_parts() from public;

create function coinslot.known_user(who text) returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_user_id uuid;
begin
  select w.user_id into v_user_id from public.token_wallets w
  where w.user_id::text = lower(btrim(known_user.who));
  return coalesce(v_user_id, coinslot.user_named(known_user.who));
end
$$;
comment on function coinslot.known_user(text) is
'The user of this id, deleted or not, or of this confirmed e-mail; or PT404.';
revoke all on function coinslot.known_user(text) from public;

-- Years are counted from the end of the year of the last movement of money. Five of Korea's run
-- from the day on which taxes were to be declared, which is in the year after.
create function coinslot.retention_rules()
returns table (region text, what text, years integer, law text)
language sql immutable parallel safe set search_path = '' as $$
  values
    ('kr', 'payments, refunds, disputes, receipts, ledger', 6,
      '전자상거래법 시행령 6조 (5년), 국세기본법 85조의3 (신고기한부터 5년)'),
    ('kr', 'complaints and cases', 3, '전자상거래법 시행령 6조 (3년)'),
    ('eu', 'payments, refunds, disputes, receipts, ledger', 10,
      'Directive 2006/112/EC, Article 247, and national law such as § 147 AO (10 years)'),
    ('eu', 'complaints and cases', 3, 'national limitation periods, such as § 195 BGB (3 years)')
$$;
comment on function coinslot.retention_rules() is 'How long what is kept, by the law of a place.';
revoke all on function coinslot.retention_rules() from public;

create function coinslot.retention_of(user_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'what', r.what, 'law', r.law, 'until', make_date(m.year + coalesce(
      case when r.what like 'payments%' then s.keep_books_years end, r.years
    ), 12, 31)
  ) order by r.what desc) filter (where r.what is not null), '[]') || case when s.keep_identities is null then '[]' else
    jsonb_build_array(jsonb_build_object(
      'what', 'salted hashes of confirmed identities and of cards', 'until', (
        statement_timestamp() + s.keep_identities
      )::date, 'law', 'legitimate interest: nobody takes what is given once twice'
    )) end
  from coinslot.settings s
  left join lateral (
    select extract(year from max(p.updated_at) at time zone s.time_zone)::integer as year
    from public.token_payments p
    where p.user_id = retention_of.user_id and p.confirmed_at is not null
  ) m on true
  left join coinslot.retention_rules() r on r.region = s.retention and m.year is not null
  where s.id
  group by s.keep_identities
$$;
comment on function coinslot.retention_of(uuid) is
'What is kept of a user, until when and by which law: [{what, until, law}].';
revoke all on function coinslot.retention_of(uuid) from public;

create function coinslot.export_page(
  user_id uuid, part text, after jsonb, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_part record;
  v_page jsonb;
begin
  select e.* into v_part from coinslot.export_parts() e where e.part = export_page.part;
  if not found then
    perform coinslot.fail('invalid_argument', '{"argument": "part"}');
  end if;
  execute format(
    'select jsonb_build_object(''rows'', coalesce(jsonb_agg('
    '  to_jsonb(r) - %1$L::text[] order by r.user_id, r.%2$I), ''[]''), ''next'', case when count(*) = $4'
    '  then (jsonb_agg(jsonb_build_array(r.user_id, r.%2$I) order by r.user_id, r.%2$I)) -> -1 end)'
    ' from (select t.* from %3$s t where t.user_id = any ($1) and ($2 is null or (t.user_id, t.%2$I)'
    '   > ($2, $3::%4$s)) order by t.user_id, t.%2$I limit $4) r',
    v_part.hidden, v_part.key, v_part.source, v_part.key_type
  ) into v_page using coinslot.histories_of(export_page.user_id),
    (export_page.after ->> 0)::uuid, export_page.after ->> 1, export_page.page_size;
  return v_page;
end
$$;
comment on function coinslot.export_page(uuid, text, jsonb, integer) is
'A page of a person''s rows: {rows, next}.';
revoke all on function coinslot.export_page(uuid, text, jsonb, integer) from public;

create function coinslot.export_user(who text, part text, after jsonb, page_size integer)
returns jsonb
language plpgsql stable security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.known_user(export_user.who);
begin
  if (export_user.page_size between 1 and 1000) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "page_size", "min": 1, "max": 1000}');
  elsif export_user.part is null then
    return jsonb_build_object(
      'user_id', v_user_id, 'retention', coinslot.retention_of(v_user_id),
      'parts', (select jsonb_agg(e.part) from coinslot.export_parts() e)
    );
  end if;
  return coinslot.export_page(
    v_user_id, export_user.part, export_user.after, export_user.page_size
  );
end
$$;
comment on function coinslot.export_user(text, text, jsonb, integer) is
'See public.coinslot_export_user.';
revoke all on function coinslot.export_user(text, text, jsonb, integer) from public;
grant execute on function coinslot.export_user(text, text, jsonb, integer) to service_role;

create function public.coinslot_export_user(
  who text, part text default null, after jsonb default null, page_size integer default 500
) returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.export_user(
    coinslot_export_user.who, coinslot_export_user.part, coinslot_export_user.after,
    coinslot_export_user.page_size
  )
$$;
comment on function public.coinslot_export_user(text, text, jsonb, integer) is
'Service: a page of everything about a user, who may be deleted: {rows, next}, where next is the
after of the page that follows. Without a part: {user_id, parts, retention}.';
revoke all on function public.coinslot_export_user(text, text, jsonb, integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_export_user(text, text, jsonb, integer) to service_role;

-- ---- erasing ----

create table coinslot.erasures (
  user_id uuid not null,
  begun_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  after_user uuid,
  after_seq bigint,
  entries bigint not null default 0,
  keeps_hashes boolean not null default true,
  constraint erasures_pkey primary key (user_id)
);
comment on table coinslot.erasures is
'Who was erased, and when; nothing else of them. After a restore they are erased again.';
comment on column coinslot.erasures.after_user is
'The ledger is blanked up to this entry, with after_seq.';
comment on column coinslot.erasures.entries is 'Entries whose texts were blanked.';
comment on column coinslot.erasures.keeps_hashes is 'Hashes of identities and cards are kept yet.';
create index erasures_hashes on coinslot.erasures (finished_at) where keeps_hashes;
alter table coinslot.erasures enable row level security;
revoke all on table coinslot.erasures from anon, authenticated, service_role;
create policy "Nobody reads erasures through the API" on coinslot.erasures
for select to anon, authenticated using (false);

-- A later read of a gateway would bring back what was erased.
create function coinslot.is_erased(user_id uuid) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return exists (
    select from coinslot.erasures e where e.user_id = is_erased.user_id
  ) or exists (
    select from coinslot.erasures e
    inner join coinslot.merged_wallets m on m.owner_user = e.user_id
    where m.from_user = is_erased.user_id
  );
end
$$;
comment on function coinslot.is_erased(uuid) is
'True where the one whose wallet this was, or who took it over, was erased.';
revoke all on function coinslot.is_erased(uuid) from public;

-- Money and tokens come before: whose account is there, whose order waits for money, is disputed or
-- goes back, or who has tokens that were paid for, is not erased yet.
create function coinslot.erasure_stakes(user_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'orders', nullif((
      select count(*) from public.token_payments p where p.user_id = erasure_stakes.user_id
        and p.status in ('pending', 'awaiting_deposit', 'disputed', 'review')
    ), 0),
    'refunds', nullif((
      select count(*) from coinslot.refunds r
      where r.user_id = erasure_stakes.user_id and r.finished_at is null
    ), 0),
    'cases', nullif((
      select count(*) from coinslot.discrepancies d
      inner join public.token_payments p on p.order_id = d.order_id
      where p.user_id = erasure_stakes.user_id and d.resolved_at is null
    ), 0),
    'paid_tokens', nullif((
      select case when w.folded_at > '-infinity' then (
        select coalesce(sum(l.remaining + l.reserved), 0) from public.token_lots l
        where l.user_id = w.user_id and l.paid and (l.remaining > 0 or l.reserved > 0)
      ) else greatest(w.tokens, 0) end
      from public.token_wallets w where w.user_id = erasure_stakes.user_id
    ), 0)
  ))
$$;
comment on function coinslot.erasure_stakes(uuid) is
'What is open of a user: {orders, refunds, cases, paid_tokens}, what there is of it.';
revoke all on function coinslot.erasure_stakes(uuid) from public;

create function coinslot.check_erasable(user_id uuid, reason text, forfeit boolean) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_stakes jsonb := coinslot.erasure_stakes(check_erasable.user_id);
  v_open jsonb := v_stakes;
begin
  perform coinslot.check_text('reason', check_erasable.reason, 500);
  if btrim(check_erasable.reason) = '' then
    perform coinslot.fail('invalid_argument', '{"argument": "reason", "min_length": 1}');
  end if;
  if exists (
    select from auth.users u where u.id = check_erasable.user_id and u.deleted_at is null
  ) then
    perform coinslot.fail('account_exists');
  end if;
  if exists (
    select from public.token_wallets w
    where w.user_id = check_erasable.user_id and w.merged_into is not null
  ) then
    perform coinslot.fail('wallet_merged', (
      select jsonb_build_object('into_user', m.owner_user) from coinslot.merged_wallets m
      where m.from_user = check_erasable.user_id
    ));
  end if;
  if check_erasable.forfeit then
    v_open := v_open - 'paid_tokens';
  end if;
  if v_open <> '{}' then
    perform coinslot.fail('not_erasable', v_stakes);
  end if;
end
$$;
comment on function coinslot.check_erasable(uuid, text, boolean) is
'PT409 while an account exists, or something of it is open.';
revoke all on function coinslot.check_erasable(uuid, text, boolean) from public;

-- All but the ledger, which may be long: that is blanked in batches.
create function coinslot.blank_user(user_id uuid) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_ids uuid[] := coinslot.histories_of(blank_user.user_id);
  v_payments uuid[] := array(
    select p.id from public.token_payments p where p.user_id = any (v_ids)
    order by p.id for update
  );
begin
  update coinslot.payment_attempts a
  set virtual_account = a.virtual_account - 'holder', secret = null, card = null
  where a.payment_id = any (v_payments)
    and (a.virtual_account ? 'holder' or num_nonnulls(a.secret, a.card) > 0);
  update public.token_payments p set virtual_account = p.virtual_account - 'holder'
  where p.id = any (v_payments) and p.virtual_account ? 'holder';
  update coinslot.webhooks w set headers = '{}', body = '{}'
  where w.order_id in (
    select p.order_id from public.token_payments p where p.id = any (v_payments)
  ) and w.next_attempt_at is null;
  delete from coinslot.refund_accounts a using coinslot.refunds r
  where r.id = a.refund_id and r.user_id = any (v_ids);
  delete from coinslot.cash_receipt_numbers n where n.payment_id = any (v_payments);
  update coinslot.cash_receipts r set number = null, failure_message = null
  where r.payment_id = any (v_payments) and num_nonnulls(r.number, r.failure_message) > 0;
  update coinslot.refunds r set reason = '' where r.user_id = any (v_ids) and r.reason <> '';
  update coinslot.token_holds h set reason = '' where h.user_id = any (v_ids) and h.reason <> '';
  delete from coinslot.group_members g where g.user_id = any (v_ids);
  delete from coinslot.referral_codes c where c.user_id = any (v_ids);
  delete from coinslot.checked_codes c where c.user_id = any (v_ids);
  delete from coinslot.code_rations r where r.user_id = any (v_ids);
  delete from coinslot.hint_rations r where r.user_id = any (v_ids);
  delete from coinslot.operators o where o.user_id = any (v_ids);
end
$$;
comment on function coinslot.blank_user(uuid) is
'Blanks and deletes what identifies a user, but for the ledger.';
revoke all on function coinslot.blank_user(uuid) from public;

create function coinslot.blank_entries(user_id uuid, batch integer) returns coinslot.erasures
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_erasure coinslot.erasures;
  v_due bigint;
begin
  select e.* into strict v_erasure from coinslot.erasures e
  where e.user_id = blank_entries.user_id for update;
  with due as materialized (
    select l.user_id, l.seq from public.token_ledger l
    where l.user_id = any (coinslot.histories_of(blank_entries.user_id)) and (
      v_erasure.after_user is null
      or (l.user_id, l.seq) > (v_erasure.after_user, v_erasure.after_seq)
    )
    order by l.user_id, l.seq limit blank_entries.batch
  ), blanked as (
    update public.token_ledger l set reason = '', metadata = '{}'
    from due d
    where l.user_id = d.user_id and l.seq = d.seq and l.caller <> 'system'
      and (l.reason <> '' or l.metadata <> '{}')
    returning l.seq
  )
  select count(*), (select count(*) from blanked) + v_erasure.entries
  into v_due, v_erasure.entries from due;
  select l.user_id, l.seq into v_erasure.after_user, v_erasure.after_seq
  from (
    select l.user_id, l.seq from public.token_ledger l
    where l.user_id = any (coinslot.histories_of(blank_entries.user_id)) and (
      v_erasure.after_user is null
      or (l.user_id, l.seq) > (v_erasure.after_user, v_erasure.after_seq)
    )
    order by l.user_id, l.seq limit blank_entries.batch
  ) l
  order by l.user_id desc, l.seq desc limit 1;
  update coinslot.erasures e set
    after_user = coalesce(v_erasure.after_user, e.after_user),
    after_seq = coalesce(v_erasure.after_seq, e.after_seq), entries = v_erasure.entries,
    finished_at = case when v_due < blank_entries.batch then clock_timestamp() end
  where e.user_id = blank_entries.user_id
  returning e.* into v_erasure;
  return v_erasure;
end
$$;
comment on function coinslot.blank_entries(uuid, integer) is
'Blanks the texts of a batch of ledger entries; how far it is.';
revoke all on function coinslot.blank_entries(uuid, integer) from public;

create function coinslot.erase_user(
  who text, reason text, forfeit boolean, dry_run boolean, batch integer
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.known_user(erase_user.who);
  v_erasure coinslot.erasures;
begin
  if (erase_user.batch between 1 and 10000) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "batch", "min": 1, "max": 10000}');
  end if;
  perform coinslot.check_erasable(v_user_id, erase_user.reason, erase_user.forfeit);
  if not erase_user.dry_run then
    select e.* into v_erasure from coinslot.erasures e
    where e.user_id = v_user_id and e.finished_at is null;
    if not found then
      -- Again, after a restore or for what came since.
      insert into coinslot.erasures as e (user_id) values (v_user_id)
      on conflict on constraint erasures_pkey do update
      set finished_at = null, after_user = null, after_seq = null;
      perform coinslot.blank_user(v_user_id);
      perform coinslot.note_action(
        'user_erased', v_user_id::text, erase_user.reason, '{}'
      );
    end if;
    v_erasure := coinslot.blank_entries(v_user_id, erase_user.batch);
  end if;
  return jsonb_build_object(
    'user_id', v_user_id, 'dry_run', erase_user.dry_run,
    'done', v_erasure.finished_at is not null, 'entries', coalesce(v_erasure.entries, 0),
    'forfeited_tokens', coalesce(coinslot.erasure_stakes(v_user_id) -> 'paid_tokens', '0'),
    'kept', coinslot.retention_of(v_user_id)
  );
end
$$;
comment on function coinslot.erase_user(text, text, boolean, boolean, integer) is
'See public.coinslot_erase_user.';
revoke all on function coinslot.erase_user(text, text, boolean, boolean, integer) from public;
grant execute on function coinslot.erase_user(text, text, boolean, boolean, integer)
to service_role;

create function public.coinslot_erase_user(
  who text, reason text, forfeit boolean default false, dry_run boolean default true,
  batch integer default 5000
) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.erase_user(
    coinslot_erase_user.who, coinslot_erase_user.reason, coinslot_erase_user.forfeit,
    coinslot_erase_user.dry_run, coinslot_erase_user.batch
  )
$$;
comment on function public.coinslot_erase_user(text, text, boolean, boolean, integer) is
'Service: erases what identifies a user whose account was deleted; the books stay. By default it
only says what it would do. Call it until it is done: {user_id, dry_run, done, entries,
forfeited_tokens, kept}.';
revoke all on function public.coinslot_erase_user(text, text, boolean, boolean, integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_erase_user(text, text, boolean, boolean, integer)
to service_role;

-- Hashes keep people from taking a bonus, a code or a reward twice, for as long as that is worth
-- knowing more of somebody who is gone.
create function coinslot.purge_hashes(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_before timestamptz := (select clock_timestamp() - s.keep_identities from coinslot.settings s);
  v_erased uuid[] := array(
    select e.user_id from coinslot.erasures e where e.keeps_hashes and e.finished_at < v_before
    order by e.finished_at limit purge_hashes.batch for update skip locked
  );
  v_ids uuid[] := array(
    select h from unnest(v_erased) u, unnest(coinslot.histories_of(u)) h
  );
begin
  if v_erased = '{}' then
    return 0;
  end if;
  delete from coinslot.identities i where i.user_id = any (v_ids);
  delete from coinslot.refill_identities i where i.user_id = any (v_ids);
  delete from coinslot.referral_identities i using coinslot.referrals r
  where r.id = i.referral_id and r.referred = any (v_ids);
  delete from coinslot.promotion_identities i using coinslot.promotion_uses u
  where u.id = i.use_id and u.user_id = any (v_ids);
  delete from coinslot.trial_marks m using public.token_subscriptions s
  where s.id = m.subscription_id and s.user_id = any (v_ids);
  delete from coinslot.instruments i using public.token_payments p
  where p.id = i.payment_id and p.user_id = any (v_ids);
  update coinslot.erasures e set keeps_hashes = false where e.user_id = any (v_erased);
  return cardinality(v_erased);
end
$$;
comment on function coinslot.purge_hashes(integer) is
'Deletes hashes of identities and cards of people who were erased long ago; how many people.';
revoke all on function coinslot.purge_hashes(integer) from public;
