-- Documents: a receipt for the money of each order, and a credit note for what goes back of it.
--
-- They are written when the transaction that moved the money commits, by a trigger that is deferred
-- until then, from what the order holds at that moment: whatever moved it, in whatever steps, its
-- receipts less its credit notes are its money. Numbers have no gaps: a row of document_series
-- counts them, and is locked last. Nothing in a document changes later, and nothing in it says who
-- bought: it has the seller, the taxes and the names as they were.

do $$
declare
  v_relations constant text[] := array['token_documents'];
  v_functions constant text[] := array[
    'coinslot_set_seller', 'get_token_document', 'set_token_seller'
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

-- Nobody credits a payment between the moment from which on payments have documents and the trigger
-- that writes them.
select coinslot.lock_for_upgrade(array[
  'coinslot.settings', 'public.token_payments', 'coinslot.payment_attempts'
]::regclass[]);

create function coinslot.tax_statuses() returns text[]
language sql immutable parallel safe set search_path = ''
return array['general', 'simplified', 'exempt', 'mixed', 'none'];
comment on function coinslot.tax_statuses() is 'How the seller is taxed; none = nothing is said.';
revoke all on function coinslot.tax_statuses() from public;

alter table coinslot.settings
add column tax_status text not null default 'none',
add column time_zone text not null default 'Asia/Seoul',
add column documents_since timestamptz;
alter table coinslot.settings alter column documents_since set default clock_timestamp();
update coinslot.settings set documents_since = clock_timestamp()
where id;
alter table coinslot.settings add constraint settings_tax_status_known check (
  tax_status = any(coinslot.tax_statuses())
) not valid;
alter table coinslot.settings validate constraint settings_tax_status_known;
-- Fails for one that Postgres does not know.
alter table coinslot.settings add constraint settings_time_zone_known check (
  timezone(time_zone, to_timestamp(0)) is not null
) not valid;
alter table coinslot.settings validate constraint settings_time_zone_known;
comment on column coinslot.settings.tax_status is
'How the seller is taxed: general (10 % VAT in prices in won), simplified, exempt, mixed, or none:
receipts show the taxes that a gateway tells.';
comment on column coinslot.settings.time_zone is
'Where the seller''s years begin, by which receipts are numbered.';
comment on column coinslot.settings.documents_since is
'What is credited from then on has receipts; null = nothing new has.';

alter table coinslot.payment_attempts add column vat bigint, add column tax_free bigint,
add column card jsonb;
comment on column coinslot.payment_attempts.vat is
'Of the money that it holds, in minor units, as the gateway split it; null = it does not say.';
comment on column coinslot.payment_attempts.tax_free is
'Of the money that it holds, in minor units, free of tax.';
comment on column coinslot.payment_attempts.card is
'The card that paid, as receipts show it: {brand, last_four, approval}, each as far as it is told.';

insert into coinslot.errors (message, sqlstate, hint) values
('document_not_found', 'PT404', 'Check the number, and that the payment is this user''s.');

create table coinslot.document_series (
  live boolean not null,
  kind text not null,
  year integer not null,
  last bigint not null,
  constraint document_series_pkey primary key (live, kind, year),
  constraint document_series_last_positive check (last > 0)
);
comment on table coinslot.document_series is
'The last number of each series: by mode, kind and the seller''s year.';
alter table coinslot.document_series enable row level security;
revoke all on table coinslot.document_series from anon, authenticated, service_role;
create policy "Nobody reads series through the API" on coinslot.document_series
for select to anon, authenticated using (false);

create table public.token_documents (
  number text collate "C" not null,
  kind text not null,
  live boolean not null,
  year integer not null,
  serial bigint not null,
  payment_id uuid not null,
  order_id text not null,
  user_id uuid not null,
  cause text not null,
  corrects text collate "C",
  name text not null,
  name_ko text,
  quantity integer not null,
  tokens bigint not null,
  list_amount bigint,
  amount bigint not null,
  currency text not null,
  vat bigint,
  tax_free bigint,
  tax_basis text,
  tax_status text not null,
  gateway text not null,
  method text,
  seller jsonb not null,
  time_zone text not null,
  paid_at timestamptz not null,
  issued_at timestamptz not null default clock_timestamp(),
  constraint token_documents_pkey primary key (number),
  constraint token_documents_serial_key unique (live, kind, year, serial),
  constraint token_documents_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete restrict,
  constraint token_documents_corrects_fkey foreign key (corrects)
  references public.token_documents (number) on delete restrict,
  constraint token_documents_kind_known check (kind in ('receipt', 'credit_note')),
  constraint token_documents_cause_known
  check (cause in ('payment', 'restored', 'refund', 'dispute', 'undone')),
  constraint token_documents_corrects_something check ((cause = 'payment') = (corrects is null)),
  -- A literal for coinslot.max_amount(): checks are planned with every statement that writes.
  constraint token_documents_amount_positive check (amount between 1 and 9007199254740991),
  constraint token_documents_tax_fits
  check (least(vat, tax_free) >= 0 and vat + tax_free <= amount),
  constraint token_documents_tax_whole
  check (num_nulls(vat, tax_free, tax_basis) in (0, 3)),
  constraint token_documents_tax_basis_known check (tax_basis in ('gateway', 'computed'))
);
comment on table public.token_documents is
'Receipts and credit notes, numbered without gaps, never changed.';
comment on column public.token_documents.number is
'R2026-000123 of a receipt, C2026-000045 of a credit note; of test payments with TEST- before it.';
comment on column public.token_documents.year is 'In the seller''s time zone.';
comment on column public.token_documents.user_id is 'Whose order it was then.';
comment on column public.token_documents.cause is
'payment, or money that came back to the seller: restored; refund, dispute, or a deposit undone.';
comment on column public.token_documents.corrects is 'The number of the order''s first receipt.';
comment on column public.token_documents.amount is 'Minor units, tax included.';
comment on column public.token_documents.vat is
'Of the amount, in minor units; null = nothing is known. What is neither is the value of supply.';
comment on column public.token_documents.tax_free is 'Of the amount, in minor units, free of tax.';
comment on column public.token_documents.tax_basis is
'gateway: as the gateway split it. computed: from the seller''s tax status.';
comment on column public.token_documents.seller is
'coinslot.settings.business as it was: {name, ceo, registration, …}.';
comment on column public.token_documents.paid_at is 'When the buyer paid, as far as that is known.';
create index token_documents_payment_id on public.token_documents (payment_id);
create unique index token_documents_one_first on public.token_documents (payment_id)
where corrects is null;
create index token_documents_user_id on public.token_documents (user_id, issued_at);
create index token_documents_corrects on public.token_documents (corrects)
where corrects is not null;
alter table public.token_documents enable row level security;
revoke all on table public.token_documents from anon, authenticated, service_role;
grant select on table public.token_documents to authenticated, service_role;
create policy "People read the documents of their own payments" on public.token_documents
for select to authenticated using (user_id = any((select coinslot.own_histories())::uuid[]));
create trigger token_documents_append_only before update or delete on public.token_documents
for each row execute function coinslot.refuse_change();
create trigger token_documents_no_truncate before truncate on public.token_documents
for each statement execute function coinslot.refuse_change();

-- A split that does not fit the money that it is about is none: it decides no state, and no credit
-- waits for it.
create function coinslot.with_tax(
  attempt coinslot.payment_attempts, vat bigint, tax_free bigint
) returns coinslot.payment_attempts
language plpgsql immutable set search_path = '' as $$
declare
  v_attempt coinslot.payment_attempts := attempt;
begin
  if least(with_tax.vat, with_tax.tax_free) >= 0 and num_nulls(with_tax.vat, with_tax.tax_free) = 0
    and attempt.refunding = 0 and with_tax.vat::numeric + with_tax.tax_free
    <= attempt.paid::numeric - attempt.refunded - attempt.withdrawn
  then
    v_attempt.vat := with_tax.vat;
    v_attempt.tax_free := with_tax.tax_free;
  end if;
  return v_attempt;
end
$$;
comment on function coinslot.with_tax(coinslot.payment_attempts, bigint, bigint) is
'An attempt with the VAT and the tax-free part of the money it holds, as its gateway told them.';
revoke all on function coinslot.with_tax(coinslot.payment_attempts, bigint, bigint) from public;
grant execute on function coinslot.with_tax(coinslot.payment_attempts, bigint, bigint)
to service_role;

-- Of a card no more is kept than what a receipt shows: of its number, the last four places, and of
-- those what the gateway shows itself.
create function coinslot.with_card(attempt coinslot.payment_attempts, card jsonb)
returns coinslot.payment_attempts
language plpgsql immutable set search_path = '' as $$
declare
  v_attempt coinslot.payment_attempts := attempt;
begin
  v_attempt.card := nullif(jsonb_strip_nulls(jsonb_build_object(
    'brand', nullif(left(btrim(with_card.card ->> 'brand'), 40), ''),
    'last_four', substring(with_card.card ->> 'last_four' from '^[0-9*]{4}$'),
    'approval', substring(with_card.card ->> 'approval' from '^[0-9A-Za-z-]{1,20}$')
  )), '{}');
  return v_attempt;
end
$$;
comment on function coinslot.with_card(coinslot.payment_attempts, jsonb) is
'An attempt with the card that paid, as its gateway told it.';
revoke all on function coinslot.with_card(coinslot.payment_attempts, jsonb) from public;
grant execute on function coinslot.with_card(coinslot.payment_attempts, jsonb) to service_role;

-- Half a unit is rounded up, of amounts that are not negative.
create function coinslot.share(part bigint, amount bigint, whole bigint) returns bigint
language sql immutable parallel safe set search_path = ''
return div(
  2 * share.part::numeric * share.amount + share.whole, 2 * share.whole::numeric
)::bigint;
comment on function coinslot.share(bigint, bigint, bigint) is 'part * amount / whole, half up.';
revoke all on function coinslot.share(bigint, bigint, bigint) from public;

-- The taxes in so much of an order's money. A seller's own word counts before a gateway's, which
-- splits every payment as its contract says; what neither says is not made up. Documents are
-- differences of these totals: rounded parts would not add up to the rounded whole.
create function coinslot.tax_within(
  payment public.token_payments, held bigint, out vat bigint, out tax_free bigint,
  out tax_basis text, out tax_status text
)
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_first public.token_documents;
  v_attempt coinslot.payment_attempts;
  v_left bigint;
begin
  select d.* into v_first from public.token_documents d
  where d.payment_id = payment.id and d.corrects is null;
  select a.* into v_attempt from coinslot.payment_attempts a
  where a.payment_id = payment.id and a.credited;
  v_left := v_attempt.paid - v_attempt.refunded - v_attempt.withdrawn;
  tax_status := coalesce(
    v_first.tax_status, (select s.tax_status from coinslot.settings s where s.id)
  );
  if tax_status = 'simplified' then
    return;
  end if;
  tax_basis := coalesce(v_first.tax_basis, 'computed');
  tax_free := 0;
  if held = 0 then
    vat := 0;
  elsif tax_status = 'exempt' then
    vat := 0;
    tax_free := held;
  elsif v_attempt.vat is not null and v_left > 0 and (v_left = held or v_first.number is null) then
    vat := coinslot.share(v_attempt.vat, held, v_left);
    tax_free := least(coinslot.share(v_attempt.tax_free, held, v_left), held - vat);
    tax_basis := coalesce(v_first.tax_basis, 'gateway');
  elsif v_first.tax_basis = 'gateway' then
    vat := coinslot.share(v_first.vat, held, v_first.amount);
    tax_free := least(coinslot.share(v_first.tax_free, held, v_first.amount), held - vat);
  elsif payment.currency = 'KRW' and tax_status = 'general' then
    vat := coinslot.share(1, held, 11);
  else
    tax_free := null;
    tax_basis := null;
  end if;
end
$$;
comment on function coinslot.tax_within(public.token_payments, bigint) is
'VAT and tax-free part in so much of an order''s money, and who says so; null = nobody does.';
revoke all on function coinslot.tax_within(public.token_payments, bigint) from public;

create function coinslot.next_serial(live boolean, kind text, year integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_last bigint;
begin
  insert into coinslot.document_series as s (live, kind, year, last)
  values (next_serial.live, next_serial.kind, next_serial.year, 1)
  on conflict on constraint document_series_pkey do update set last = s.last + 1
  returning s.last into v_last;
  return v_last;
end
$$;
comment on function coinslot.next_serial(boolean, text, integer) is
'The next number of a series, which stays locked until the transaction ends.';
revoke all on function coinslot.next_serial(boolean, text, integer) from public;

create function coinslot.document_number(
  live boolean, kind text, year integer, serial bigint
) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return concat(
    case when document_number.live then '' else 'TEST-' end,
    case document_number.kind when 'receipt' then 'R' else 'C' end, document_number.year, '-',
    lpad(document_number.serial::text, greatest(6, length(document_number.serial::text)), '0')
  );
end
$$;
comment on function coinslot.document_number(boolean, text, integer, bigint) is
'A number as people read it.';
revoke all on function coinslot.document_number(boolean, text, integer, bigint) from public;

-- `told` is the money that the order's documents come to, `held` what it is to come to.
create function coinslot.new_document(
  payment public.token_payments, cause text, told bigint, held bigint
) returns public.token_documents
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_document public.token_documents;
  v_before record;
  v_after record;
begin
  v_before := coinslot.tax_within(payment, told);
  v_after := coinslot.tax_within(payment, held);
  select d.number into v_document.corrects from public.token_documents d
  where d.payment_id = payment.id and d.corrects is null;
  select s.business, s.time_zone into v_document.seller, v_document.time_zone
  from coinslot.settings s where s.id;
  select coalesce(min(a.taken_at), payment.confirmed_at) into v_document.paid_at
  from coinslot.payment_attempts a where a.payment_id = payment.id and a.credited;
  if v_document.corrects is not null then
    select
      sum(case d.kind when 'receipt' then d.vat else -d.vat end),
      sum(case d.kind when 'receipt' then d.tax_free else -d.tax_free end)
    into v_before.vat, v_before.tax_free
    from public.token_documents d where d.payment_id = payment.id;
  end if;
  v_document.kind := case when held > told then 'receipt' else 'credit_note' end;
  v_document.cause := new_document.cause;
  v_document.amount := abs(held - told);
  v_document.tax_status := v_after.tax_status;
  if num_nulls(v_before.vat, v_after.vat) = 0 then
    v_document.tax_basis := v_after.tax_basis;
    v_document.vat := least(v_document.amount, greatest(
      0, sign(held - told) * (v_after.vat - v_before.vat)
    ));
    v_document.tax_free := least(v_document.amount - v_document.vat, greatest(
      0, sign(held - told) * (v_after.tax_free - v_before.tax_free)
    ));
  end if;
  return v_document;
end
$$;
comment on function coinslot.new_document(public.token_payments, text, bigint, bigint) is
'What a document says of an order''s money, not yet numbered.';
revoke all on function coinslot.new_document(public.token_payments, text, bigint, bigint)
from public;

create function coinslot.write_document(
  payment public.token_payments, cause text, told bigint, held bigint
) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_new public.token_documents := coinslot.new_document(payment, cause, told, held);
  v_now timestamptz := clock_timestamp();
begin
  v_new.year := extract(year from v_now at time zone v_new.time_zone);
  -- The last lock that a transaction takes.
  v_new.serial := coinslot.next_serial(payment.live, v_new.kind, v_new.year);
  insert into public.token_documents (
    number, kind, live, year, serial, payment_id, order_id, user_id, cause, corrects, name,
    name_ko, quantity, tokens, list_amount, amount, currency, vat, tax_free, tax_basis, tax_status,
    gateway, method, seller, time_zone, paid_at, issued_at
  ) values (
    coinslot.document_number(payment.live, v_new.kind, v_new.year, v_new.serial), v_new.kind,
    payment.live, v_new.year, v_new.serial, payment.id, payment.order_id, payment.user_id,
    v_new.cause, v_new.corrects, payment.name, payment.name_ko, payment.quantity, payment.tokens,
    payment.list_amount, v_new.amount, payment.currency, v_new.vat, v_new.tax_free,
    v_new.tax_basis, v_new.tax_status, payment.gateway, payment.method, v_new.seller,
    v_new.time_zone, v_new.paid_at, v_now
  );
end
$$;
comment on function coinslot.write_document(public.token_payments, text, bigint, bigint) is
'Writes the document that takes an order''s documents from one sum to another.';
revoke all on function coinslot.write_document(public.token_payments, text, bigint, bigint)
from public;

-- More refunded than was paid is nothing held, and no more than that is credited.
create function coinslot.held_money(payment public.token_payments) returns bigint
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return greatest(payment.paid - payment.refunded - payment.withdrawn, 0);
end
$$;
comment on function coinslot.held_money(public.token_payments) is
'Minor units of an order that the seller has: what its documents come to.';
revoke all on function coinslot.held_money(public.token_payments) from public;

-- Money that came and went before anybody looked has both its documents. What was credited before
-- there were documents never has one. A dispute that is open has taken nothing yet; one that is
-- won gives back, as does a refund that did not arrive: a receipt again.
create function coinslot.document_money() returns trigger
language plpgsql volatile security definer set search_path = '' set enable_seqscan = off as $$
declare
  v_payment public.token_payments;
  v_told bigint;
  v_held bigint;
begin
  select p.* into v_payment from public.token_payments p where p.id = new.id;
  select sum(case d.kind when 'receipt' then d.amount else -d.amount end) into v_told
  from public.token_documents d where d.payment_id = v_payment.id;
  if v_told is null then
    if v_payment.paid = 0 or old.confirmed_at is not null or v_payment.confirmed_at is null
      or (select s.documents_since from coinslot.settings s where s.id) is null
    then
      return null;
    end if;
    perform coinslot.write_document(v_payment, 'payment', 0, v_payment.paid);
    v_told := v_payment.paid;
  end if;
  v_held := coinslot.held_money(v_payment);
  if v_held <> v_told then
    perform coinslot.write_document(v_payment, case
      when v_held > v_told then 'restored'
      when v_payment.paid = 0 then 'undone'
      when new.withdrawn > old.withdrawn then 'dispute'
      else 'refund'
    end, v_told, v_held);
  end if;
  return null;
end
$$;
comment on function coinslot.document_money() is
'Trigger: what money moved has a document, when the transaction that moved it commits.';
revoke all on function coinslot.document_money() from public;
create constraint trigger token_payments_documented after update on public.token_payments
deferrable initially deferred for each row
when (
  old.paid <> new.paid or old.refunded <> new.refunded or old.withdrawn <> new.withdrawn
)
execute function coinslot.document_money();

create function coinslot.verify_documents(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  with documented as (
    select
      d.payment_id,
      sum(case d.kind when 'receipt' then d.amount else -d.amount end)::bigint as money
    from public.token_payments o inner join public.token_documents d on d.payment_id = o.id
    where (verify_documents.from_user is null or o.user_id >= verify_documents.from_user)
      and (verify_documents.to_user is null or o.user_id < verify_documents.to_user)
    group by d.payment_id
  )
  select p.user_id, 'documents', coinslot.held_money(p), coalesce(d.money, 0)
  from public.token_payments p
  left join documented d on d.payment_id = p.id
  where (verify_documents.from_user is null or p.user_id >= verify_documents.from_user)
    and (verify_documents.to_user is null or p.user_id < verify_documents.to_user)
    and (d.payment_id is not null or p.confirmed_at >= (
      select s.documents_since from coinslot.settings s
    ))
    and coinslot.held_money(p) <> coalesce(d.money, 0);
end
$$;
comment on function coinslot.verify_documents(uuid, uuid) is
'Orders whose receipts less their credit notes are not their money.';
revoke all on function coinslot.verify_documents(uuid, uuid) from public;

-- Series are nobody's: they are looked at with the first users.
create function coinslot.verify_series(from_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select '00000000-0000-0000-0000-000000000000'::uuid, 'document_series',
    coalesce(s.last, 0), coalesce(d.documents, 0)
  from coinslot.document_series s
  full join (
    select t.live, t.kind, t.year, count(*) as documents, max(t.serial) as last
    from public.token_documents t group by t.live, t.kind, t.year
  ) d on d.live = s.live and d.kind = s.kind and d.year = s.year
  where verify_series.from_user is null
    and (s.last is distinct from d.documents or s.last is distinct from d.last);
end
$$;
comment on function coinslot.verify_series(uuid) is
'Series of documents with gaps, told once: with the users from the first one on.';
revoke all on function coinslot.verify_series(uuid) from public;

create function coinslot.get_document(number text) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_document jsonb;
begin
  select to_jsonb(d) || jsonb_build_object(
    'gateway_name', g.name,
    'card', coalesce((
      select a.card from coinslot.payment_attempts a
      where a.payment_id = d.payment_id and a.credited and a.gateway = d.gateway
    ), '{}'),
    'paid_on', to_char(d.paid_at at time zone d.time_zone, 'YYYY-MM-DD HH24:MI'),
    'issued_on', to_char(d.issued_at at time zone d.time_zone, 'YYYY-MM-DD HH24:MI')
  ) into v_document
  from public.token_documents d inner join coinslot.gateways g on g.id = d.gateway
  where d.number = get_document.number and d.user_id = any (coinslot.histories_of(v_user_id));
  if not found then
    perform coinslot.fail('document_not_found');
  end if;
  return v_document;
end
$$;
comment on function coinslot.get_document(text) is 'See public.get_token_document.';
revoke all on function coinslot.get_document(text) from public;
grant execute on function coinslot.get_document(text) to authenticated;

create function public.get_token_document(number text) returns jsonb
language sql stable
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.get_document(get_token_document.number)
$$;
comment on function public.get_token_document(text) is
'A receipt or a credit note of the signed-in user, with gateway_name, card, and paid_on and
issued_on in the seller''s time zone; PT404 for another''s.';
revoke all on function public.get_token_document(text)
from public, anon, authenticated, service_role;
grant execute on function public.get_token_document(text) to authenticated;

create function coinslot.check_seller(business jsonb, tax_status text, time_zone text)
returns void
language plpgsql stable set search_path = '' as $$
declare
  v_argument text := case
    when not coinslot.are_texts(jsonb_strip_nulls(check_seller.business), array[
      'name', 'ceo', 'registration', 'mail_order', 'address', 'phone', 'email'
    ]) then 'business'
    when check_seller.tax_status <> all (coinslot.tax_statuses()) then 'tax_status'
    when check_seller.time_zone is not null and not exists (
      select from pg_catalog.pg_timezone_names z where z.name = check_seller.time_zone
    ) then 'time_zone'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
end
$$;
comment on function coinslot.check_seller(jsonb, text, text) is
'PT400 for what cannot be said of a seller.';
revoke all on function coinslot.check_seller(jsonb, text, text) from public;

-- What is given is set, the rest stays; a detail of null is taken away. Documents keep what they
-- have.
create function coinslot.set_seller(
  business jsonb, tax_status text, time_zone text, reason text
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_old coinslot.settings;
  v_new coinslot.settings;
begin
  perform coinslot.check_seller(set_seller.business, set_seller.tax_status, set_seller.time_zone);
  select s.* into strict v_old from coinslot.settings s where s.id for no key update;
  update coinslot.settings s set
    business = jsonb_strip_nulls(s.business || coalesce(set_seller.business, '{}')),
    tax_status = coalesce(set_seller.tax_status, s.tax_status),
    time_zone = coalesce(set_seller.time_zone, s.time_zone)
  where s.id
  returning s.* into v_new;
  if (v_new.business, v_new.tax_status, v_new.time_zone)
    is distinct from (v_old.business, v_old.tax_status, v_old.time_zone)
  then
    perform coinslot.note_action('seller_set', 'seller', set_seller.reason, jsonb_build_object(
      'from', jsonb_build_object('business', v_old.business, 'tax_status', v_old.tax_status,
        'time_zone', v_old.time_zone),
      'to', jsonb_build_object('business', v_new.business, 'tax_status', v_new.tax_status,
        'time_zone', v_new.time_zone)
    ));
  end if;
  return jsonb_build_object(
    'business', v_new.business, 'tax_status', v_new.tax_status, 'time_zone', v_new.time_zone
  );
end
$$;
comment on function coinslot.set_seller(jsonb, text, text, text) is
'See public.coinslot_set_seller.';
revoke all on function coinslot.set_seller(jsonb, text, text, text) from public;
grant execute on function coinslot.set_seller(jsonb, text, text, text) to service_role;

create function public.coinslot_set_seller(
  business jsonb default null, tax_status text default null, time_zone text default null,
  reason text default ''
) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.set_seller(
    coinslot_set_seller.business, coinslot_set_seller.tax_status, coinslot_set_seller.time_zone,
    coinslot_set_seller.reason
  )
$$;
comment on function public.coinslot_set_seller(jsonb, text, text, text) is
'Service: sets what stores, receipts and credit notes say of the seller, as far as it is given;
{business, tax_status, time_zone} as they are now.';
revoke all on function public.coinslot_set_seller(jsonb, text, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_set_seller(jsonb, text, text, text) to service_role;

create function coinslot.set_token_seller(
  reason text, business jsonb, tax_status text, time_zone text
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.require_owner(set_token_seller.reason);
  return coinslot.set_seller(
    set_token_seller.business, set_token_seller.tax_status, set_token_seller.time_zone,
    set_token_seller.reason
  );
end
$$;
comment on function coinslot.set_token_seller(text, jsonb, text, text) is
'See public.set_token_seller.';
revoke all on function coinslot.set_token_seller(text, jsonb, text, text) from public;
grant execute on function coinslot.set_token_seller(text, jsonb, text, text) to authenticated;

create function public.set_token_seller(
  reason text, business jsonb default null, tax_status text default null,
  time_zone text default null
) returns jsonb
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.set_token_seller(
    set_token_seller.reason, set_token_seller.business, set_token_seller.tax_status,
    set_token_seller.time_zone
  )
$$;
comment on function public.set_token_seller(text, jsonb, text, text) is
'Operators, owner: the same as coinslot_set_seller, with a reason.';
revoke all on function public.set_token_seller(text, jsonb, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.set_token_seller(text, jsonb, text, text) to authenticated;

-- What the gateway says of the taxes is kept with what it says of the money.
create or replace function coinslot.save_attempt(attempt coinslot.payment_attempts, order_id text)
returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_id bigint;
  v_has_money boolean := attempt.paid > attempt.refunded + attempt.withdrawn;
begin
  insert into coinslot.payment_attempts as a (
    payment_id, gateway, payment_key, state, amount, currency, live, paid, refunded, refunding,
    disputed, withdrawn, method, failure_reason, virtual_account, taken_at, secret, problem,
    credited, vat, tax_free, card
  ) values (
    attempt.payment_id, attempt.gateway, attempt.payment_key, attempt.state, attempt.amount,
    attempt.currency, attempt.live, attempt.paid, attempt.refunded, attempt.refunding,
    attempt.disputed, attempt.withdrawn, attempt.method, attempt.failure_reason,
    attempt.virtual_account, attempt.taken_at, attempt.secret, attempt.problem, attempt.credited,
    attempt.vat, attempt.tax_free, attempt.card
  )
  on conflict (gateway, payment_key) do update set
    state = excluded.state, amount = excluded.amount, currency = excluded.currency,
    live = excluded.live, paid = excluded.paid, refunded = excluded.refunded,
    refunding = excluded.refunding, disputed = excluded.disputed, withdrawn = excluded.withdrawn,
    method = excluded.method, failure_reason = excluded.failure_reason,
    virtual_account = excluded.virtual_account, taken_at = excluded.taken_at,
    secret = coalesce(excluded.secret, a.secret),
    problem = excluded.problem, credited = excluded.credited, vat = excluded.vat,
    tax_free = excluded.tax_free, card = coalesce(excluded.card, a.card),
    updated_at = clock_timestamp()
  where a.payment_id = excluded.payment_id
  returning a.id into v_id;
  if not found then
    return null;
  end if;
  update coinslot.discrepancies d set resolved_at = clock_timestamp()
  where d.gateway = attempt.gateway and d.payment_key = attempt.payment_key
    and d.order_id = save_attempt.order_id and d.resolved_at is null
    and d.kind not in ('refund_unresolved', 'declines_in_a_row', 'refunds_in_a_row')
    and (not v_has_money or d.kind not in (
      coalesce(attempt.problem, ''), 'duplicate_payment', 'fraud_warning'
    ));
  if attempt.problem is not null and v_has_money then
    perform coinslot.record_discrepancy(attempt.problem, attempt, save_attempt.order_id);
  end if;
  return v_id;
end
$$;
drop function public.coinslot_apply_gateway_payment(
  text, text, text, text, bigint, text, boolean, text, bigint, bigint, bigint, bigint, bigint,
  bigint, text, text, jsonb, bigint[], text, timestamptz
);
create function public.coinslot_apply_gateway_payment(
  order_id text, gateway text, payment_key text, state text, amount bigint, currency text,
  live boolean, source text, version bigint, paid bigint default 0, refunded bigint default 0,
  refunding bigint default 0, disputed bigint default 0, withdrawn bigint default 0,
  method text default null, failure_reason text default null, virtual_account jsonb default null,
  webhook_ids bigint[] default '{}', secret text default null,
  taken_at timestamptz default null, vat bigint default null, tax_free bigint default null,
  card jsonb default null, out outcome text, out payment public.token_payments,
  out webhooks public.coinslot_webhook_verdict[]
)
language sql volatile set search_path = '' as $$
  select a.outcome, case when (a.payment).id is not null then a.payment end, a.webhooks
  from coinslot.apply_gateway_payment(
    coinslot_apply_gateway_payment.order_id, coinslot_apply_gateway_payment.version,
    coinslot_apply_gateway_payment.source,
    coinslot.with_card(
      coinslot.with_tax(
        coinslot.new_attempt(
          coinslot_apply_gateway_payment.gateway, coinslot_apply_gateway_payment.payment_key,
          coinslot_apply_gateway_payment.state, coinslot_apply_gateway_payment.amount,
          coinslot_apply_gateway_payment.currency, coinslot_apply_gateway_payment.live,
          coinslot_apply_gateway_payment.paid, coinslot_apply_gateway_payment.refunded,
          coinslot_apply_gateway_payment.refunding, coinslot_apply_gateway_payment.disputed,
          coinslot_apply_gateway_payment.withdrawn, coinslot_apply_gateway_payment.method,
          coinslot_apply_gateway_payment.failure_reason,
          coinslot_apply_gateway_payment.virtual_account,
          coinslot_apply_gateway_payment.taken_at, coinslot_apply_gateway_payment.secret
        ),
        coinslot_apply_gateway_payment.vat, coinslot_apply_gateway_payment.tax_free
      ),
      coinslot_apply_gateway_payment.card
    ),
    coinslot_apply_gateway_payment.webhook_ids
  ) a
$$;
comment on function public.coinslot_apply_gateway_payment(
  text, text, text, text, bigint, text, boolean, text, bigint, bigint, bigint, bigint, bigint,
  bigint, text, text, jsonb, bigint[], text, timestamptz, bigint, bigint, jsonb
) is
'Service: applies what one fresh read of a gateway said about a payment. A verdict for each webhook
that led to it; none where the read was stale, or the webhook had ended before. vat and tax_free are
of the money that the payment holds, where the gateway splits it; card is {brand, last_four,
approval}, as receipts show it.';
revoke all on function public.coinslot_apply_gateway_payment(
  text, text, text, text, bigint, text, boolean, text, bigint, bigint, bigint, bigint, bigint,
  bigint, text, text, jsonb, bigint[], text, timestamptz, bigint, bigint, jsonb
) from public, anon, authenticated, service_role;
grant execute on function public.coinslot_apply_gateway_payment(
  text, text, text, text, bigint, text, boolean, text, bigint, bigint, bigint, bigint, bigint,
  bigint, text, text, jsonb, bigint[], text, timestamptz, bigint, bigint, jsonb
) to service_role;

notify pgrst, 'reload schema';
