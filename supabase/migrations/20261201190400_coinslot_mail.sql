-- Mail: what buyers and operators are told of events, over SMTP, by the sidecar.
--
-- A mail is a row that names its event, its kind and its recipient. The address is read when it is
-- sent, and kept nowhere: whoever is deleted, anonymous or unconfirmed has none. Rows are written
-- while a sidecar that sends mail has been here within a day, so that none waits for one that never
-- comes. A mail whose fate is unknown is sent once more, under the same Message-ID, and no third
-- time.

do $$
declare
  v_relations constant text[] := array[
    'coinslot_mail_job'
  ];
  v_functions constant text[] := array[
    'coinslot_claim_mails', 'coinslot_finish_mail', 'coinslot_refuse_mail', 'list_token_mails',
    'set_token_mail'
  ];
begin
  perform coinslot.refuse_problems('Coinslot cannot be upgraded yet', array(
    select format('%s: the name is Coinslot''s. Rename yours.', t.name)
    from (
      select format('table public.%s', c.relname) from pg_catalog.pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relname = any(v_relations)
      union all
      select format('function public.%s(%s)', p.proname,
        pg_catalog.pg_get_function_identity_arguments(p.oid))
      from pg_catalog.pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.proname = any(v_functions)
    ) t (name)
  ));
end
$$;

create table coinslot.mail_kinds (
  kind text collate "C" not null,
  event_type text collate "C" not null,
  roles text[],
  optional boolean not null default false,
  active boolean not null default true,
  constraint mail_kinds_pkey primary key (kind),
  constraint mail_kinds_event_type_fkey foreign key (event_type)
  references coinslot.event_types (type) on delete restrict,
  constraint mail_kinds_kind_named check (kind ~ '^[a-z][a-z_]*$'),
  constraint mail_kinds_optional_for_buyers check (not optional or roles is null)
);
comment on table coinslot.mail_kinds is 'Which events make which mails.';
comment on column coinslot.mail_kinds.roles is
'The operators who get it; null = the person whom the event is about.';
comment on column coinslot.mail_kinds.optional is
'People may do without it: it has a link that ends it. Receipts have none.';
create index mail_kinds_event_type on coinslot.mail_kinds (event_type);
insert into coinslot.mail_kinds (kind, event_type, roles, optional, active) values
('receipt', 'payment.completed', null, false, true),
('refund', 'payment.refunded', null, false, true),
-- Who pays in a window sees that at once; it is for charges that nobody watches.
('payment_failed', 'payment.failed', null, false, false),
('deposit', 'deposit.issued', null, false, true),
('deposit_due', 'deposit.due', null, false, true),
('tokens_low', 'wallet.low', null, true, true),
('tokens_expiring', 'wallet.tokens_expiring', null, true, true),
('review', 'payment.review', '{finance,owner}', false, true),
('dispute', 'payment.disputed', '{finance,owner}', false, true),
('discrepancy', 'discrepancy.opened', '{finance,owner}', false, true),
('ledger_unsound', 'ledger.unsound', '{owner}', false, true),
('endpoint_off', 'endpoint.disabled', '{owner}', false, true);
alter table coinslot.mail_kinds enable row level security;
revoke all on table coinslot.mail_kinds from anon, authenticated, service_role;
create policy "Nobody reads mail kinds through the API" on coinslot.mail_kinds
for select to anon, authenticated using (false);

create table coinslot.mailer (
  id boolean not null default true,
  seen_at timestamptz not null,
  constraint mailer_pkey primary key (id),
  constraint mailer_single_row check (id)
);
comment on table coinslot.mailer is 'When a sidecar that sends mail was last here.';
alter table coinslot.mailer enable row level security;
revoke all on table coinslot.mailer from anon, authenticated, service_role;
create policy "Nobody reads the mailer through the API" on coinslot.mailer
for select to anon, authenticated using (false);

create table coinslot.mails (
  id bigint generated always as identity,
  event_id text collate "C" not null,
  kind text collate "C" not null,
  user_id uuid not null,
  state text collate "C" not null default 'pending',
  attempts integer not null default 0,
  in_flight boolean not null default false,
  unknowns integer not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp(),
  code integer,
  answer text,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint mails_pkey primary key (id),
  constraint mails_event_id_kind_user_id_key unique (event_id, kind, user_id),
  constraint mails_event_id_fkey foreign key (event_id)
  references coinslot.outbox (id) on delete cascade,
  constraint mails_kind_fkey foreign key (kind)
  references coinslot.mail_kinds (kind) on delete restrict,
  constraint mails_state_known check (
    state in ('pending', 'sent', 'unknown', 'refused', 'given_up', 'nobody')
  ),
  constraint mails_finished check ((state = 'pending') = (finished_at is null)),
  constraint mails_answer_short check (length(answer) <= 300),
  constraint mails_unknowns_few check (unknowns between 0 and 2)
);
comment on table coinslot.mails is 'Mails to be sent, and what became of them.';
comment on column coinslot.mails.state is
'sent: the mail server took it. unknown: perhaps it did, twice. refused: it said no. given_up: it
could not be reached for days. nobody: there is no address, or it takes nothing, or wants nothing.';
comment on column coinslot.mails.in_flight is 'Claimed, and nothing was reported of it yet.';
comment on column coinslot.mails.unknowns is 'How often nobody knows what became of it.';
create index mails_due on coinslot.mails (next_attempt_at) where state = 'pending';
create index mails_event_id on coinslot.mails (event_id);
create index mails_kind on coinslot.mails (kind);
create index mails_user_id on coinslot.mails (user_id, id);
alter table coinslot.mails enable row level security;
revoke all on table coinslot.mails from anon, authenticated, service_role;
revoke all on sequence coinslot.mails_id_seq from anon, authenticated, service_role;
create policy "Nobody reads mails through the API" on coinslot.mails
for select to anon, authenticated using (false);

-- No foreign key to people: Auth deletes them and waits for nothing here.
create table coinslot.mail_refusals (
  user_id uuid not null,
  kind text collate "C" not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint mail_refusals_pkey primary key (user_id, kind),
  constraint mail_refusals_kind_fkey foreign key (kind)
  references coinslot.mail_kinds (kind) on delete cascade
);
comment on table coinslot.mail_refusals is 'Optional mails that a person does without.';
create index mail_refusals_kind on coinslot.mail_refusals (kind);
alter table coinslot.mail_refusals enable row level security;
revoke all on table coinslot.mail_refusals from anon, authenticated, service_role;
create policy "Nobody reads mail refusals through the API" on coinslot.mail_refusals
for select to anon, authenticated using (false);

create table coinslot.mail_links (
  token_hash text collate "C" not null,
  user_id uuid not null,
  kind text collate "C" not null,
  mail_id bigint not null,
  constraint mail_links_pkey primary key (token_hash),
  constraint mail_links_mail_id_fkey foreign key (mail_id)
  references coinslot.mails (id) on delete cascade
);
comment on table coinslot.mail_links is 'Links that end a kind of mail, each known by its hash.';
create index mail_links_mail_id on coinslot.mail_links (mail_id);
alter table coinslot.mail_links enable row level security;
revoke all on table coinslot.mail_links from anon, authenticated, service_role;
create policy "Nobody reads mail links through the API" on coinslot.mail_links
for select to anon, authenticated using (false);

create table coinslot.dead_addresses (
  address_hash text collate "C" not null,
  code integer,
  created_at timestamptz not null default clock_timestamp(),
  constraint dead_addresses_pkey primary key (address_hash)
);
comment on table coinslot.dead_addresses is 'Hashes of addresses of which a mail server said no.';
alter table coinslot.dead_addresses enable row level security;
revoke all on table coinslot.dead_addresses from anon, authenticated, service_role;
create policy "Nobody reads dead addresses through the API" on coinslot.dead_addresses
for select to anon, authenticated using (false);

create function coinslot.address_hash(address text) returns text
language sql stable set search_path = '' as $$
  select encode(sha256(convert_to(s.identity_salt || 'mail:' || lower(address), 'UTF8')), 'hex')
  from coinslot.settings s where s.id
$$;
comment on function coinslot.address_hash(text) is 'An address as dead ones are kept.';
revoke all on function coinslot.address_hash(text) from public;

-- Of free tokens that end nobody is told by mail: that may count as advertising. Operators in a
-- statement of their own, which most events have no use for.
create function coinslot.write_mails() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
begin
  if not exists (
    select from coinslot.mailer m where m.id and m.seen_at > clock_timestamp() - interval '1 day'
  ) then
    return null;
  end if;
  if new.user_id is not null then
    insert into coinslot.mails (event_id, kind, user_id)
    select new.id, k.kind, new.user_id
    from coinslot.mail_kinds k
    where k.event_type = new.type and k.active and k.roles is null
      and (k.kind <> 'tokens_expiring' or new.data ->> 'paid' = 'true')
      and not exists (
        select from coinslot.mail_refusals r
        where r.user_id = new.user_id and r.kind = k.kind and k.optional
      );
  end if;
  if exists (
    select from coinslot.mail_kinds k
    where k.event_type = new.type and k.active and k.roles is not null
  ) then
    insert into coinslot.mails (event_id, kind, user_id)
    select new.id, k.kind, o.user_id
    from coinslot.mail_kinds k
    inner join coinslot.operators o on o.role = any (k.roles)
    where k.event_type = new.type and k.active;
  end if;
  return null;
end
$$;
comment on function coinslot.write_mails() is 'Trigger: the mails that an event makes.';
revoke all on function coinslot.write_mails() from public;
create trigger outbox_mailed after insert on coinslot.outbox
for each row execute function coinslot.write_mails();

-- ---- sending ----

-- An app's own profiles need not have it, and what is there need not be a language.
create function coinslot.locale_of(user_id uuid) returns text
language plpgsql stable set search_path = '' as $$
declare
  v_locale text;
begin
  if exists (
    select from pg_catalog.pg_attribute a
    inner join pg_catalog.pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relname = 'profiles'
      and c.relkind = 'r' and a.attname = 'locale' and not a.attisdropped
  ) then
    execute 'select p.locale::text from public.profiles p where p.id = $1'
    into v_locale using locale_of.user_id;
  end if;
  return v_locale;
exception when others then
  return null;
end
$$;
comment on function coinslot.locale_of(uuid) is 'The language of a person''s profile, or null.';
revoke all on function coinslot.locale_of(uuid) from public;

create type public.coinslot_mail_job as (
  id bigint,
  attempt integer,
  kind text,
  event_id text,
  address text,
  locale text,
  happened_at timestamptz,
  live boolean,
  data jsonb,
  payment jsonb,
  business jsonb,
  links jsonb,
  unsubscribe text
);
comment on type public.coinslot_mail_job is
'A mail to be sent now; unsubscribe is the token of the link that ends its kind.';
revoke all on type public.coinslot_mail_job from public;
grant usage on type public.coinslot_mail_job to service_role;

-- Nothing was reported of the claim before: what became of it is unknown.
create function coinslot.take_mail(mail coinslot.mails) returns coinslot.mails
language plpgsql volatile set search_path = '' as $$
declare
  v_mail coinslot.mails := mail;
begin
  v_mail.unknowns := mail.unknowns + mail.in_flight::integer;
  update coinslot.mails m set
    unknowns = v_mail.unknowns,
    attempts = m.attempts + case when v_mail.unknowns < 2 then 1 else 0 end,
    in_flight = v_mail.unknowns < 2,
    state = case when v_mail.unknowns < 2 then 'pending' else 'unknown' end,
    finished_at = case when v_mail.unknowns >= 2 then clock_timestamp() end,
    next_attempt_at = clock_timestamp() + interval '15 minutes'
  where m.id = mail.id
  returning m.* into v_mail;
  return v_mail;
end
$$;
comment on function coinslot.take_mail(coinslot.mails) is
'Claims a mail, unless its fate was unknown twice.';
revoke all on function coinslot.take_mail(coinslot.mails) from public;

create function coinslot.end_mail(mail_id bigint, state text) returns void
language sql volatile set search_path = '' as $$
  update coinslot.mails m
  set state = end_mail.state, finished_at = clock_timestamp(), in_flight = false
  where m.id = end_mail.mail_id
$$;
comment on function coinslot.end_mail(bigint, text) is 'Ends a mail.';
revoke all on function coinslot.end_mail(bigint, text) from public;

create function coinslot.mail_address(user_id uuid) returns text
language sql stable set search_path = '' as $$
  select u.email from auth.users u
  where u.id = mail_address.user_id and u.deleted_at is null and not u.is_anonymous
    and u.email_confirmed_at is not null and u.email <> '' and not exists (
      select from coinslot.dead_addresses d
      where d.address_hash = coinslot.address_hash(u.email)
    )
$$;
comment on function coinslot.mail_address(uuid) is
'A confirmed address that takes mail, as far as is known; or null.';
revoke all on function coinslot.mail_address(uuid) from public;

create function coinslot.mail_link(mail coinslot.mails) returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_token text;
begin
  if not exists (
    select from coinslot.mail_kinds k where k.kind = mail.kind and k.optional
  ) then
    return null;
  end if;
  v_token := translate(left(encode(
    uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'base64'
  ), 24), '+/', '-_');
  insert into coinslot.mail_links (token_hash, user_id, kind, mail_id)
  values (
    encode(sha256(convert_to(v_token, 'UTF8')), 'hex'), mail.user_id, mail.kind, mail.id
  );
  return v_token;
end
$$;
comment on function coinslot.mail_link(coinslot.mails) is
'A token that ends this kind of mail; null where it cannot be ended.';
revoke all on function coinslot.mail_link(coinslot.mails) from public;

create function coinslot.mail_job(mail coinslot.mails, address text)
returns public.coinslot_mail_job
language sql volatile set search_path = '' as $$
  select row(
    mail.id, mail.attempts, mail.kind, mail.event_id, mail_job.address,
    coinslot.locale_of(mail.user_id), o.created_at, o.live,
    o.data || jsonb_strip_nulls(jsonb_build_object('user_id', o.user_id)),
    (
      select jsonb_build_object(
        'name', p.name, 'name_ko', p.name_ko, 'quantity', p.quantity, 'amount', p.amount,
        'currency', p.currency, 'tokens', p.tokens, 'refunded', p.refunded,
        'virtual_account', p.virtual_account, 'paid_at', p.confirmed_at, 'method', p.method
      )
      from public.token_payments p where p.order_id = o.data ->> 'order_id'
    ),
    s.business, s.links, coinslot.mail_link(mail)
  )::public.coinslot_mail_job
  from coinslot.outbox o cross join coinslot.settings s
  where o.id = mail.event_id and s.id
$$;
comment on function coinslot.mail_job(coinslot.mails, text) is 'All that a mail is made of.';
revoke all on function coinslot.mail_job(coinslot.mails, text) from public;

create function coinslot.claim_mails(batch integer) returns setof public.coinslot_mail_job
language plpgsql volatile security definer set search_path = '' set enable_seqscan = off as $$
declare
  v_mail coinslot.mails;
  v_address text;
  v_left integer := claim_mails.batch;
begin
  if (claim_mails.batch between 1 and 100) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "batch", "min": 1, "max": 100}');
  end if;
  insert into coinslot.mailer as m (seen_at) values (clock_timestamp())
  on conflict (id) do update set seen_at = clock_timestamp()
  where m.seen_at < clock_timestamp() - interval '1 minute';
  -- Those of nobody take no place: many of them would keep others waiting for turns.
  for v_mail in
    select m.* from coinslot.mails m
    where m.state = 'pending' and m.next_attempt_at <= clock_timestamp()
    order by m.next_attempt_at limit 500
    for update skip locked
  loop
    v_address := coinslot.mail_address(v_mail.user_id);
    if v_address is null or exists (
      select from coinslot.mail_refusals r
      where r.user_id = v_mail.user_id and r.kind = v_mail.kind
    ) then
      perform coinslot.end_mail(v_mail.id, 'nobody');
      continue;
    end if;
    v_mail := coinslot.take_mail(v_mail);
    if v_mail.state = 'pending' then
      return next coinslot.mail_job(v_mail, v_address);
      v_left := v_left - 1;
      exit when v_left = 0;
    end if;
  end loop;
end
$$;
comment on function coinslot.claim_mails(integer) is 'See public.coinslot_claim_mails.';
revoke all on function coinslot.claim_mails(integer) from public;
grant execute on function coinslot.claim_mails(integer) to service_role;

create function public.coinslot_claim_mails(batch integer default 20)
returns setof public.coinslot_mail_job
language sql volatile set search_path = '' as $$
  select * from coinslot.claim_mails(coinslot_claim_mails.batch)
$$;
comment on function public.coinslot_claim_mails(integer) is
'Service: mails to be sent now. From the first call on, events make mails.';
revoke all on function public.coinslot_claim_mails(integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_mails(integer) to service_role;

-- Three days, as a receipt is stale afterwards.
create function coinslot.mail_wait(attempts integer) returns interval
language sql immutable parallel safe set search_path = ''
return case
  when mail_wait.attempts >= 16 then null
  else coalesce((array[
    interval '1 minute', interval '5 minutes', interval '30 minutes', interval '2 hours'
  ])[mail_wait.attempts], interval '6 hours')
end;
comment on function coinslot.mail_wait(integer) is
'How long after so many tries a mail is sent again; null = no more.';
revoke all on function coinslot.mail_wait(integer) from public;

create function coinslot.finish_mail(
  mail_id bigint, attempt integer, outcome text, code integer, answer text, dead boolean
) returns text
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_mail coinslot.mails;
  v_wait interval;
  v_address text;
begin
  if (finish_mail.outcome in ('accepted', 'temporary', 'permanent', 'unknown')) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "outcome"}');
  end if;
  select m.* into v_mail from coinslot.mails m where m.id = finish_mail.mail_id for update;
  if not found or v_mail.state <> 'pending' or v_mail.attempts <> finish_mail.attempt then
    return v_mail.state;
  end if;
  v_address := coinslot.mail_address(v_mail.user_id);
  if finish_mail.dead and v_address is not null then
    insert into coinslot.dead_addresses (address_hash, code)
    values (coinslot.address_hash(v_address), finish_mail.code) on conflict do nothing;
  end if;
  v_wait := case
    when finish_mail.outcome = 'unknown' and v_mail.unknowns = 0 then interval '30 minutes'
    when finish_mail.outcome = 'temporary' then coinslot.mail_wait(v_mail.attempts)
  end;
  update coinslot.mails m set
    in_flight = false, code = finish_mail.code, answer = left(finish_mail.answer, 300),
    unknowns = m.unknowns + case finish_mail.outcome when 'unknown' then 1 else 0 end,
    next_attempt_at = clock_timestamp()
      + coalesce(v_wait * (0.8 + 0.4 * random()), interval '0'),
    finished_at = case when v_wait is null then clock_timestamp() end,
    state = case
      when v_wait is not null then 'pending'
      when finish_mail.outcome = 'accepted' then 'sent'
      when finish_mail.outcome = 'unknown' then 'unknown'
      when finish_mail.outcome = 'permanent' then 'refused'
      else 'given_up'
    end
  where m.id = v_mail.id
  returning m.* into v_mail;
  return v_mail.state;
end
$$;
comment on function coinslot.finish_mail(bigint, integer, text, integer, text, boolean) is
'See public.coinslot_finish_mail.';
revoke all on function coinslot.finish_mail(bigint, integer, text, integer, text, boolean)
from public;
grant execute on function coinslot.finish_mail(bigint, integer, text, integer, text, boolean)
to service_role;

create function public.coinslot_finish_mail(
  mail_id bigint, attempt integer, outcome text, code integer default null,
  answer text default null, dead boolean default false
) returns text
language sql volatile set search_path = '' as $$
  select coinslot.finish_mail(
    coinslot_finish_mail.mail_id, coinslot_finish_mail.attempt, coinslot_finish_mail.outcome,
    coinslot_finish_mail.code, coinslot_finish_mail.answer, coinslot_finish_mail.dead
  )
$$;
comment on function public.coinslot_finish_mail(bigint, integer, text, integer, text, boolean) is
'Service: what became of a mail: accepted, temporary, permanent or unknown; dead = nobody has this
address. How it stands since.';
revoke all on function public.coinslot_finish_mail(bigint, integer, text, integer, text, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_finish_mail(
  bigint, integer, text, integer, text, boolean
) to service_role;

-- ---- doing without ----

create function coinslot.refuse_mail(token text) returns text
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_link coinslot.mail_links;
begin
  select l.* into v_link from coinslot.mail_links l
  where l.token_hash = encode(sha256(convert_to(coalesce(refuse_mail.token, ''), 'UTF8')), 'hex');
  if found then
    insert into coinslot.mail_refusals (user_id, kind) values (v_link.user_id, v_link.kind)
    on conflict do nothing;
  end if;
  return v_link.kind;
end
$$;
comment on function coinslot.refuse_mail(text) is 'See public.coinslot_refuse_mail.';
revoke all on function coinslot.refuse_mail(text) from public;
grant execute on function coinslot.refuse_mail(text) to service_role;

create function public.coinslot_refuse_mail(token text) returns text
language sql volatile set search_path = '' as $$
  select coinslot.refuse_mail(coinslot_refuse_mail.token)
$$;
comment on function public.coinslot_refuse_mail(text) is
'Service: ends the kind of mail that a link is of; the kind, null = there is no such link.';
revoke all on function public.coinslot_refuse_mail(text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_refuse_mail(text) to service_role;

create function coinslot.list_token_mails() returns table (kind text, wanted boolean)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  v_user_id uuid := coinslot.current_user_id();
begin
  return query
  select k.kind, not exists (
    select from coinslot.mail_refusals r where r.user_id = v_user_id and r.kind = k.kind
  )
  from coinslot.mail_kinds k where k.optional and k.active order by k.kind;
end
$$;
comment on function coinslot.list_token_mails() is 'See public.list_token_mails.';
revoke all on function coinslot.list_token_mails() from public;
grant execute on function coinslot.list_token_mails() to authenticated;

create function public.list_token_mails() returns table (kind text, wanted boolean)
language sql stable
set search_path = '' set statement_timeout = '1s' as $$
  select * from coinslot.list_token_mails()
$$;
comment on function public.list_token_mails() is
'Mails that the signed-in user may do without, and which of them they want.';
revoke all on function public.list_token_mails() from public, anon, authenticated, service_role;
grant execute on function public.list_token_mails() to authenticated;

create function coinslot.set_token_mail(kind text, wanted boolean) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
begin
  if set_token_mail.wanted is null or not exists (
    select from coinslot.mail_kinds k where k.kind = set_token_mail.kind and k.optional
  ) then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', case when set_token_mail.wanted is null then 'wanted' else 'kind' end
    ));
  end if;
  if set_token_mail.wanted then
    delete from coinslot.mail_refusals r
    where r.user_id = v_user_id and r.kind = set_token_mail.kind;
  else
    insert into coinslot.mail_refusals (user_id, kind) values (v_user_id, set_token_mail.kind)
    on conflict do nothing;
  end if;
  return set_token_mail.wanted;
end
$$;
comment on function coinslot.set_token_mail(text, boolean) is 'See public.set_token_mail.';
revoke all on function coinslot.set_token_mail(text, boolean) from public;
grant execute on function coinslot.set_token_mail(text, boolean) to authenticated;

create function public.set_token_mail(kind text, wanted boolean) returns boolean
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.set_token_mail(set_token_mail.kind, set_token_mail.wanted)
$$;
comment on function public.set_token_mail(text, boolean) is
'Says if the signed-in user wants a kind of mail that list_token_mails() shows.';
revoke all on function public.set_token_mail(text, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.set_token_mail(text, boolean) to authenticated;

notify pgrst, 'reload schema';
