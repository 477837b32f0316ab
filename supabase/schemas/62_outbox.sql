-- The outbox: what happened, for those who are to be told of it. A row is written in the
-- transaction of what it tells, so nothing is told that was rolled back, and nothing that happened
-- is left out.
--
-- Events of one wallet are numbered under its lock. A number of all events would be no order: it is
-- drawn before the transaction commits. What is about no wallet has no number, and no order.
--
-- Rows are written by triggers on what the fact is stored in: no way to it can forget them.

-- What may happen, as receivers know it. Whatever tells of something new adds its rows here.
create table coinslot.event_types (
  type text collate "C" not null,
  version integer not null default 1,
  description text not null,
  constraint event_types_pkey primary key (type),
  constraint event_types_type_dotted check (type ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$'),
  constraint event_types_version_positive check (version > 0)
);
comment on table coinslot.event_types is 'The kinds of events: adding one is adding a row.';
comment on column coinslot.event_types.version is
'Of the fields in data: fields are only added in one version.';
insert into coinslot.event_types (type, description) values
('payment.completed', 'Paid, and its tokens are there.'),
('payment.failed', 'The last attempt to pay was declined.'),
('payment.review', 'Money came that does not fit its order: a person decides.'),
('payment.refunded', 'Money went back, all of it or a part.'),
('payment.disputed', 'The buyer''s bank asks for the money back.'),
('payment.dispute_resolved', 'The bank has decided: won or lost.'),
('refund.failed', 'A refund that was asked for did not happen.'),
('refund.undone', 'Money that had gone back is here again.'),
('deposit.issued', 'There is an account to pay into.'),
('deposit.due', 'A deposit that is awaited is due within a day.'),
('deposit.expired', 'A deposit did not come in time.'),
('wallet.low', 'What is available has fallen below the mark.'),
('wallet.tokens_expiring', 'Tokens are about to expire.'),
('wallet.merged', 'A wallet was merged into another.'),
('discrepancy.opened', 'A person has to decide about something.'),
('ledger.unsound', 'The ledger does not add up.'),
('endpoint.disabled', 'An endpoint was switched off.'),
('endpoint.test', 'Somebody tries an endpoint.');
alter table coinslot.event_types enable row level security;
revoke all on table coinslot.event_types from anon, authenticated, service_role;
create policy "Nobody reads event types through the API" on coinslot.event_types
for select to anon, authenticated using (false);

-- Ids and figures alone: no name, address or account of anybody.
create table coinslot.outbox (
  id text collate "C" not null default 'evt_' || encode(uuid_send(gen_random_uuid()), 'hex'),
  type text collate "C" not null,
  version integer not null,
  user_id uuid,
  seq bigint,
  live boolean not null,
  data jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint outbox_pkey primary key (id),
  constraint outbox_type_fkey foreign key (type)
  references coinslot.event_types (type) on delete restrict,
  constraint outbox_user_id_seq_key unique (user_id, seq),
  constraint outbox_data_small check (octet_length(data::text) <= 8192)
);
comment on table coinslot.outbox is 'What happened, each once, for the endpoints and for mail.';
comment on column coinslot.outbox.seq is 'Gap-free per wallet, from 1; null = about no wallet.';
comment on column coinslot.outbox.live is 'It happened while this database was live.';
comment on column coinslot.outbox.data is 'Ids, and figures of that moment.';
create index outbox_type on coinslot.outbox (type);
create index outbox_created_at on coinslot.outbox (created_at);
alter table coinslot.outbox enable row level security;
revoke all on table coinslot.outbox from anon, authenticated, service_role;
create policy "Nobody reads the outbox through the API" on coinslot.outbox
for select to anon, authenticated using (false);
create trigger outbox_append_only before update on coinslot.outbox
for each row execute function coinslot.refuse_change();
create trigger outbox_no_truncate before truncate on coinslot.outbox
for each statement execute function coinslot.refuse_change();

-- The number is a wallet's own column: its row is the one lock that orders what happens to it. The
-- caller has all payments locked that it will lock.
create function coinslot.emit(type text, user_id uuid, data jsonb) returns text
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_seq bigint;
  v_id text;
begin
  if emit.user_id is not null then
    update public.token_wallets w set events = w.events + 1
    where w.user_id = emit.user_id
    returning w.events into v_seq;
  end if;
  insert into coinslot.outbox as e (type, version, user_id, seq, live, data)
  select t.type, t.version, emit.user_id, v_seq, coinslot.is_live(), emit.data
  from coinslot.event_types t where t.type = emit.type
  returning e.id into strict v_id;
  return v_id;
end
$$;
comment on function coinslot.emit(text, uuid, jsonb) is
'Writes an event, with the wallet''s next number if it is about one; its id.';
revoke all on function coinslot.emit(text, uuid, jsonb) from public;

create function coinslot.payment_data(payment public.token_payments) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'order_id', payment.order_id, 'status', payment.status, 'gateway', payment.gateway,
    'product_id', payment.product_id, 'quantity', payment.quantity, 'amount', payment.amount,
    'currency', payment.currency, 'paid', payment.paid, 'refunded', payment.refunded,
    'tokens', payment.tokens
  );
end
$$;
comment on function coinslot.payment_data(public.token_payments) is 'An order as events show it.';
revoke all on function coinslot.payment_data(public.token_payments) from public;

-- In the order in which they happened, where one read brought several.
create function coinslot.payment_moves(
  before public.token_payments, after public.token_payments
) returns table (type text, more jsonb)
language plpgsql immutable set search_path = '' as $$
begin
  return query select m.type, m.more from (
    values
    ('deposit.issued', jsonb_build_object('due_at', after.expires_at),
      after.status = 'awaiting_deposit' and after.virtual_account is not null and (
        before.status <> 'awaiting_deposit' or before.virtual_account ->> 'account_number'
        is distinct from after.virtual_account ->> 'account_number'
      )),
    ('deposit.expired', '{}',
      after.status = 'expired' and before.status = 'awaiting_deposit'),
    ('payment.failed', '{}', after.status = 'failed' and before.status <> 'failed'),
    ('payment.review', '{}', after.status = 'review' and before.status <> 'review'),
    ('payment.completed', '{}', after.confirmed_at is not null and before.confirmed_at is null),
    ('payment.refunded', jsonb_build_object('amount_refunded', after.refunded - before.refunded),
      after.refunded > before.refunded),
    ('refund.undone', jsonb_build_object('amount_undone', before.refunded - after.refunded),
      after.refunded < before.refunded),
    ('payment.disputed', jsonb_build_object('disputed', after.disputed),
      after.disputed > before.disputed),
    ('payment.dispute_resolved', jsonb_build_object(
        'outcome', case when after.withdrawn > before.withdrawn then 'lost' else 'won' end,
        'withdrawn', after.withdrawn
      ),
      after.disputed < before.disputed or after.withdrawn > before.withdrawn)
  ) m (type, more, happened)
  where m.happened;
end
$$;
comment on function coinslot.payment_moves(public.token_payments, public.token_payments) is
'What is to be told of a change of an order.';
revoke all on function coinslot.payment_moves(public.token_payments, public.token_payments)
from public;

-- Of a statement, so that wallets are locked by their ids where it moves many orders.
create function coinslot.tell_of_payments() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_before public.token_payments;
  v_after public.token_payments;
begin
  for v_before in
    select b.* from before b inner join after a on a.id = b.id
    where (
      a.status, a.refunded, a.disputed, a.withdrawn, a.confirmed_at, a.virtual_account
    ) is distinct from (
      b.status, b.refunded, b.disputed, b.withdrawn, b.confirmed_at, b.virtual_account
    )
    order by a.user_id, a.id
  loop
    select a.* into v_after from after a where a.id = v_before.id;
    perform coinslot.emit(m.type, v_after.user_id, coinslot.payment_data(v_after) || m.more)
    from coinslot.payment_moves(v_before, v_after) m;
  end loop;
  return null;
end
$$;
comment on function coinslot.tell_of_payments() is 'Trigger: writes what happened to orders.';
revoke all on function coinslot.tell_of_payments() from public;
create trigger token_payments_told after update on public.token_payments
referencing old table as before new table as after
for each statement execute function coinslot.tell_of_payments();

-- One that was made and undone is told by its order.
create function coinslot.tell_of_refund() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
begin
  perform coinslot.emit('refund.failed', new.user_id, jsonb_build_object(
    'order_id', new.order_id, 'refund_id', new.id, 'amount', new.amount, 'currency', new.currency
  ));
  return null;
end
$$;
comment on function coinslot.tell_of_refund() is 'Trigger: writes that a refund failed.';
revoke all on function coinslot.tell_of_refund() from public;
create trigger refunds_told after update of status on coinslot.refunds
for each row when (
  new.status = 'failed' and old.status <> 'failed' and new.failure_code is distinct from 'undone'
)
execute function coinslot.tell_of_refund();

create function coinslot.tell_of_merge() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
begin
  perform coinslot.emit('wallet.merged', new.into_user, jsonb_build_object(
    'from_user', new.from_user, 'into_user', new.into_user, 'tokens', new.tokens,
    'balance', new.balance
  ));
  return null;
end
$$;
comment on function coinslot.tell_of_merge() is 'Trigger: writes that a wallet was merged.';
revoke all on function coinslot.tell_of_merge() from public;
create trigger merged_wallets_told after insert on coinslot.merged_wallets
for each row execute function coinslot.tell_of_merge();

create function coinslot.tell_of_discrepancy() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
begin
  perform coinslot.emit(
    case new.kind when 'ledger_unsound' then 'ledger.unsound' else 'discrepancy.opened' end,
    null,
    jsonb_build_object(
      'discrepancy_id', new.id, 'kind', new.kind, 'gateway', new.gateway,
      'order_id', nullif(new.order_id, '')
    )
  );
  return null;
end
$$;
comment on function coinslot.tell_of_discrepancy() is
'Trigger: writes that a person has to decide about something.';
revoke all on function coinslot.tell_of_discrepancy() from public;
create trigger discrepancies_told after insert on coinslot.discrepancies
for each row execute function coinslot.tell_of_discrepancy();
