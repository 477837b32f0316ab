-- The webhook inbox: what gateways told us, what we made of it, and what is still to be done.
--
-- A webhook is a hint to read a payment again. It is stored before it is acted on, and finished in
-- the transaction that applies what was read, so that a crash in between leaves work that the next
-- delivery or the sweep picks up. A signed event is stored once for its id. An unsigned one proves
-- nothing by having been seen: hints about one order share a row, and the reads that they cause are
-- spaced by order and rationed by owner, so that nobody's hints keep those of others waiting.

-- How long whoever took a webhook may be at it before another may, and how far apart the reads of
-- one order are that unsigned hints can cause.
create function coinslot.webhook_lease() returns interval
language sql immutable parallel safe set search_path = ''
return interval '30 seconds';
comment on function coinslot.webhook_lease() is 'Time to finish a webhook that was taken.';
revoke all on function coinslot.webhook_lease() from public;

-- Nobody waits at the window for an order that is over.
create function coinslot.webhook_spacing(status text default 'pending') returns interval
language sql immutable parallel safe set search_path = ''
return case
  when webhook_spacing.status in ('canceled', 'expired') then interval '1 minute'
  else interval '3 seconds'
end;
comment on function coinslot.webhook_spacing(text) is
'Least time between two reads for hints about an order of this status.';
revoke all on function coinslot.webhook_spacing(text) from public;

-- How long after so many reads the next one is due; null = there is none. About three days in all.
create function coinslot.webhook_wait(attempts bigint) returns interval
language sql immutable parallel safe set search_path = '' as $$
  select (
    '{2 seconds,10 seconds,1 minute,5 minutes,30 minutes,2 hours,12 hours,1 day,1 day}'::interval[]
  )[webhook_wait.attempts + 1]
$$;
comment on function coinslot.webhook_wait(bigint) is
'Time to the next read of a webhook''s payment; null once it was read often enough.';
revoke all on function coinslot.webhook_wait(bigint) from public;

-- What is stored of a webhook: received, until it has been read for; then what the read came to.
create function coinslot.webhook_outcomes() returns text[]
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return array['received', 'not_yet', 'failed'] || array_remove(coinslot.apply_outcomes(), 'stale');
end
$$;
comment on function coinslot.webhook_outcomes() is
'not_yet: the money it claims is not to be seen yet. failed: the gateway could not be asked. Else
what applying the read came to.';
revoke all on function coinslot.webhook_outcomes() from public;

create table coinslot.webhooks (
  id bigint generated always as identity,
  gateway text not null,
  event_id text collate "C",
  event_type text not null,
  order_id text not null,
  payment_key text not null,
  other_keys text[] not null default '{}',
  claims_paid boolean not null,
  headers jsonb not null,
  body jsonb not null,
  outcome text not null default 'received',
  detail text not null default '',
  deliveries bigint not null default 1,
  taken_deliveries bigint not null default 1,
  attempts bigint not null default 0,
  received_at timestamptz not null default clock_timestamp(),
  waiting_since timestamptz not null default clock_timestamp(),
  taken_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  next_attempt_at timestamptz default clock_timestamp() + coinslot.webhook_lease(),
  constraint webhooks_pkey primary key (id),
  constraint webhooks_gateway_fkey foreign key (gateway)
  references coinslot.gateways (id) on delete restrict,
  constraint webhooks_outcome_known check (outcome = any(coinslot.webhook_outcomes()))
);
comment on table coinslot.webhooks is 'Webhooks of the gateways and what became of them.';
comment on column coinslot.webhooks.event_id is 'Of a signed event; null = unsigned.';
comment on column coinslot.webhooks.order_id is 'The order it names, or empty.';
comment on column coinslot.webhooks.payment_key is
'The payment to be read, or read last; empty = the one that the gateway shows for the order.';
comment on column coinslot.webhooks.other_keys is
'Payments that later hints name, to be read after it; few, then the order''s.';
comment on column coinslot.webhooks.body is 'As received last, personal data blanked.';
comment on column coinslot.webhooks.outcome is
'What the latest read came to; it is the last word once next_attempt_at is null.';
comment on column coinslot.webhooks.waiting_since is
'The first delivery that the present work answers: hints that come later share a finished row.';
comment on column coinslot.webhooks.taken_deliveries is
'Deliveries when the present read began: more of them mean that it may have missed something.';
comment on column coinslot.webhooks.next_attempt_at is 'When to read again; null = no more.';

-- Of signed events only: an index on the missing ids of all others would look selective to a
-- planner without statistics, and be read from end to end.
create unique index webhooks_event_id on coinslot.webhooks (gateway, event_id)
where event_id is not null;
-- Unsigned hints about one order share a row.
create unique index webhooks_unsigned on coinslot.webhooks (gateway, order_id)
where event_id is null;
create index webhooks_due on coinslot.webhooks (next_attempt_at)
where next_attempt_at is not null;
create index webhooks_order_id on coinslot.webhooks (order_id, id);
create index webhooks_finished on coinslot.webhooks (finished_at)
where finished_at is not null;
create index webhooks_outcome on coinslot.webhooks (outcome, id);
alter table coinslot.webhooks enable row level security;
revoke all on table coinslot.webhooks from anon, authenticated, service_role;
create policy "Nobody reads webhooks through the API" on coinslot.webhooks
for select to anon, authenticated using (false);

-- The types of events that webhooks have brought since ever. An endpoint that was set up without
-- one of them says nothing of it: only that none ever came. Webhooks themselves are purged.
create table coinslot.webhook_types (
  gateway text not null,
  event_type text not null,
  first_seen_at timestamptz not null default clock_timestamp(),
  constraint webhook_types_pkey primary key (gateway, event_type),
  constraint webhook_types_gateway_fkey foreign key (gateway)
  references coinslot.gateways (id) on delete restrict
);
comment on table coinslot.webhook_types is 'Types of events that webhooks have ever brought.';
alter table coinslot.webhook_types enable row level security;
revoke all on table coinslot.webhook_types from anon, authenticated, service_role;
create policy "Nobody reads types of events through the API" on coinslot.webhook_types
for select to anon, authenticated using (false);

-- Whoever sends unsigned hints may make types up: of those a few are enough.
create function coinslot.note_webhook_type() returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  if new.event_id is not null or (
    select count(*) from coinslot.webhook_types t where t.gateway = new.gateway
  ) < 30 then
    insert into coinslot.webhook_types (gateway, event_type)
    values (new.gateway, new.event_type)
    on conflict on constraint webhook_types_pkey do nothing;
  end if;
  return null;
end
$$;
comment on function coinslot.note_webhook_type() is
'Trigger: the type of event is remembered when the webhook is not.';
revoke all on function coinslot.note_webhook_type() from public;
create trigger webhooks_type_noted after insert on coinslot.webhooks
for each row execute function coinslot.note_webhook_type();
create trigger webhooks_type_changed after update of event_type on coinslot.webhooks
for each row when (new.event_type is distinct from old.event_type)
execute function coinslot.note_webhook_type();

-- A ration of reads for unsigned hints: five at once, and one more every two seconds. Whoever has a
-- ration left is not kept waiting by it. It is no foreign key: that would wait for the wallet's
-- lock, which its owner may hold.
create table coinslot.hint_rations (
  user_id uuid not null,
  used_until timestamptz not null,
  constraint hint_rations_pkey primary key (user_id)
);
comment on table coinslot.hint_rations is 'What each owner''s unsigned hints have used up.';
comment on column coinslot.hint_rations.used_until is
'When all that was used is made up for: two seconds later for each read.';
create index hint_rations_used_until on coinslot.hint_rations (used_until);
alter table coinslot.hint_rations enable row level security;
revoke all on table coinslot.hint_rations from anon, authenticated, service_role;
create policy "Nobody reads rations through the API" on coinslot.hint_rations
for select to anon, authenticated using (false);

create function coinslot.plan_hint(user_id uuid, earliest timestamptz)
returns timestamptz
language sql volatile set search_path = '' as $$
  insert into coinslot.hint_rations as r (user_id, used_until)
  values (plan_hint.user_id, clock_timestamp() + interval '2 seconds')
  on conflict (user_id) do update
  set used_until = greatest(r.used_until, clock_timestamp()) + interval '2 seconds'
  returning greatest(plan_hint.earliest, r.used_until - 5 * interval '2 seconds')
$$;
comment on function coinslot.plan_hint(uuid, timestamptz) is
'Takes a read out of its owner''s ration; when it may be made.';
revoke all on function coinslot.plan_hint(uuid, timestamptz) from public;

-- The payment that a webhook is about: by the order it names, else by an attempt we know. Looked
-- for by its own key alone: with the gateway beside it, a planner without statistics would go
-- through all payments of the gateway. Two statements rather than one, whose plan would depend on
-- what is given and be made at every call.
create function coinslot.find_payment(gateway text, order_id text, payment_key text)
returns public.token_payments
language plpgsql stable set search_path = '' as $$
declare
  v_payment public.token_payments;
begin
  if find_payment.order_id <> '' then
    select p.* into v_payment from public.token_payments p where p.order_id = find_payment.order_id;
  else
    select p.* into v_payment
    from coinslot.payment_attempts a inner join public.token_payments p on p.id = a.payment_id
    where a.gateway = find_payment.gateway and a.payment_key = find_payment.payment_key;
  end if;
  return case when v_payment.gateway = find_payment.gateway then v_payment end;
end
$$;
comment on function coinslot.find_payment(text, text, text) is
'The payment of a gateway that an order id or a payment key belongs to.';
revoke all on function coinslot.find_payment(text, text, text) from public;

-- Of no column either.
-- squawk-ignore ban-create-domain-with-constraint
create domain coinslot.delivery_verdict as text constraint delivery_verdict_known
check (value in ('read', 'scheduled', 'duplicate', 'unknown_order', 'forged'));
comment on domain coinslot.delivery_verdict is
'read: leased, read the payment now. scheduled: the sweep will. duplicate: done before.
unknown_order, forged: not stored.';
revoke all on type coinslot.delivery_verdict from public;

-- Takes a webhook that is stored and was delivered again: decides when to read, and leases it for
-- a read that begins now. Finished: as soon as news may be read. Waiting after a failure: this may
-- be the news that it waits for, so it need not wait that long. Leased or planned: that read will
-- do, or lead to another. A caller who is busy leaves it to whoever sweeps next. A finished event
-- that was signed stays finished.
create function coinslot.take_webhook(
  webhook coinslot.webhooks, readable_at timestamptz, busy boolean
) returns coinslot.delivery_verdict
language plpgsql volatile set search_path = '' as $$
declare
  v_due timestamptz := case
    when webhook.next_attempt_at <= webhook.taken_at + coinslot.webhook_lease()
    then webhook.next_attempt_at
    when webhook.event_id is not null then readable_at
    else least(webhook.next_attempt_at, readable_at)
  end;
  v_now boolean := v_due <= clock_timestamp() and not take_webhook.busy;
begin
  if webhook.event_id is not null and webhook.next_attempt_at is null then
    return 'duplicate';
  end if;
  update coinslot.webhooks w set
    outcome = case when webhook.next_attempt_at is null then 'received' else w.outcome end,
    attempts = case
      when webhook.next_attempt_at is null or v_due < webhook.next_attempt_at then 0
      else w.attempts
    end,
    waiting_since = case
      when webhook.next_attempt_at is null then clock_timestamp() else w.waiting_since
    end,
    finished_at = null,
    next_attempt_at = v_due + case when v_now then coinslot.webhook_lease() else '0' end,
    taken_at = greatest(w.taken_at, v_due),
    taken_deliveries = case when v_now then w.deliveries else w.taken_deliveries end
  where w.id = webhook.id;
  return case when v_now then 'read' else 'scheduled' end;
end
$$;
comment on function coinslot.take_webhook(coinslot.webhooks, timestamptz, boolean) is
'Leases a stored webhook to whoever delivers it again, or schedules it.';
revoke all on function coinslot.take_webhook(coinslot.webhooks, timestamptz, boolean) from public;

-- Where a gateway repeats a secret it gave us, a hint with another one is not worth a read. None
-- sent, or an attempt whose secret is not known yet, proves nothing either way. Digests are
-- compared, so that the time it takes tells nothing about the secret.
create function coinslot.knows_secret(payment_id uuid, secret text) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  if knows_secret.secret is null then
    return true;
  end if;
  return coalesce((
    select bool_or(
      a.secret is null
      or sha256(convert_to(a.secret, 'UTF8')) = sha256(convert_to(knows_secret.secret, 'UTF8'))
    )
    from coinslot.payment_attempts a where a.payment_id = knows_secret.payment_id
  ), true);
end
$$;
comment on function coinslot.knows_secret(uuid, text) is
'False if the payment has a secret and this is not it.';
revoke all on function coinslot.knows_secret(uuid, text) from public;

create function coinslot.check_webhook(webhook coinslot.webhooks) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_argument text := case
    when length(webhook.event_id) not between 1 and 255 then 'event_id'
    when (length(webhook.event_type) <= 100) is not true then 'event_type'
    when length(webhook.order_id) > 64 then 'order_id'
    when length(webhook.payment_key) > 255 then 'payment_key'
    when webhook.claims_paid is null then 'claims_paid'
    when (octet_length(webhook.headers::text) <= 8192) is not true then 'headers'
    when (octet_length(webhook.body::text) <= 65536) is not true then 'body'
  end;
begin
  -- Asked apart: an expression with a query costs far more.
  if not exists (select from coinslot.gateways g where g.id = webhook.gateway) then
    v_argument := 'gateway';
  end if;
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
end
$$;
comment on function coinslot.check_webhook(coinslot.webhooks) is
'PT400 unless a webhook can be stored.';
revoke all on function coinslot.check_webhook(coinslot.webhooks) from public;

-- Where a delivery belongs: null for what is not stored yet. A signed event has a row of its own,
-- an unsigned hint the row of its order.
create function coinslot.file_webhook(webhook coinslot.webhooks) returns coinslot.webhooks
language plpgsql volatile set search_path = '' as $$
declare
  v_filed coinslot.webhooks;
begin
  if webhook.event_id is not null then
    select w.* into v_filed from coinslot.webhooks w
    where w.gateway = webhook.gateway and w.event_id = webhook.event_id;
  else
    select w.* into v_filed from coinslot.webhooks w
    where w.gateway = webhook.gateway and w.order_id = webhook.order_id and w.event_id is null;
  end if;
  return v_filed;
end
$$;
comment on function coinslot.file_webhook(coinslot.webhooks) is
'The row that a delivery belongs to, or null.';
revoke all on function coinslot.file_webhook(coinslot.webhooks) from public;

-- When what an unsigned hint tells may be read. A read that is planned is not planned again.
create function coinslot.readable_at(
  filed coinslot.webhooks, payment public.token_payments
) returns timestamptz
language plpgsql volatile set search_path = '' as $$
declare
  v_earliest timestamptz := greatest(
    clock_timestamp(), filed.taken_at + coinslot.webhook_spacing(payment.status)
  );
begin
  if filed.next_attempt_at is not null then
    return v_earliest;
  end if;
  return coinslot.plan_hint(payment.user_id, v_earliest);
end
$$;
comment on function coinslot.readable_at(coinslot.webhooks, public.token_payments) is
'When the payment may be read for an unsigned hint that is filed there.';
revoke all on function coinslot.readable_at(coinslot.webhooks, public.token_payments) from public;

-- While a payment waits to be read, others that hints name queue up behind it, four at most: then
-- it is the one that the gateway shows for the order.
create function coinslot.queue_key(filed coinslot.webhooks, payment_key text) returns text[]
language sql immutable parallel safe set search_path = '' as $$
  select case
    when filed.event_id is not null or filed.next_attempt_at is null
      or queue_key.payment_key = filed.payment_key
      or queue_key.payment_key = any (filed.other_keys) or '' = any (filed.other_keys)
    then filed.other_keys
    when cardinality(filed.other_keys) < 4 then filed.other_keys || queue_key.payment_key
    else filed.other_keys || ''::text
  end
$$;
comment on function coinslot.queue_key(coinslot.webhooks, text) is
'The payments to be read after the present one, with this.';
revoke all on function coinslot.queue_key(coinslot.webhooks, text) from public;

-- Stores another delivery in its row and says what is to be done. A payment that had to queue is
-- not read now.
create function coinslot.update_webhook(
  filed coinslot.webhooks, webhook coinslot.webhooks, readable_at timestamptz, busy boolean
) returns coinslot.delivery_verdict
language plpgsql volatile set search_path = '' as $$
declare
  v_webhook coinslot.webhooks;
begin
  update coinslot.webhooks w set
    deliveries = w.deliveries + 1, event_type = webhook.event_type, headers = webhook.headers,
    payment_key = case
      when w.event_id is null and w.next_attempt_at is null then webhook.payment_key
      else w.payment_key
    end,
    other_keys = coinslot.queue_key(filed, webhook.payment_key),
    claims_paid = webhook.claims_paid or (w.claims_paid and w.finished_at is null),
    body = webhook.body
  where w.id = filed.id
  returning w.* into v_webhook;
  return coinslot.take_webhook(
    v_webhook, update_webhook.readable_at,
    update_webhook.busy
    or (v_webhook.event_id is null and v_webhook.payment_key <> webhook.payment_key)
  );
end
$$;
comment on function coinslot.update_webhook(
  coinslot.webhooks, coinslot.webhooks, timestamptz, boolean
) is 'Stores a delivery in the row that it belongs to.';
revoke all on function coinslot.update_webhook(
  coinslot.webhooks, coinslot.webhooks, timestamptz, boolean
) from public;

-- Stores a delivery and says what is to be done. Deliveries about one order, or of one event, take
-- their turns, so that each sees what the one before it left.
create function coinslot.save_webhook(
  webhook coinslot.webhooks, payment public.token_payments, busy boolean,
  out verdict coinslot.delivery_verdict, out webhook_id bigint
)
language plpgsql volatile set search_path = '' as $$
declare
  v_filed coinslot.webhooks;
  v_readable_at timestamptz := clock_timestamp();
begin
  perform pg_advisory_xact_lock(
    hashtextextended(webhook.gateway || coalesce(webhook.event_id, webhook.order_id), 0)
  );
  v_filed := coinslot.file_webhook(webhook);
  if webhook.event_id is null then
    v_readable_at := coinslot.readable_at(v_filed, payment);
  end if;
  webhook_id := v_filed.id;
  if webhook_id is not null then
    verdict := coinslot.update_webhook(v_filed, webhook, v_readable_at, busy);
    return;
  end if;
  verdict := case
    when v_readable_at <= clock_timestamp() and not busy then 'read' else 'scheduled'
  end;
  insert into coinslot.webhooks as w (
    gateway, event_id, event_type, order_id, payment_key, claims_paid, headers, body, taken_at,
    next_attempt_at
  ) values (
    webhook.gateway, webhook.event_id, webhook.event_type, webhook.order_id, webhook.payment_key,
    webhook.claims_paid, webhook.headers, webhook.body, v_readable_at,
    v_readable_at + case verdict when 'read' then coinslot.webhook_lease() else '0' end
  )
  returning w.id into webhook_id;
end
$$;
comment on function coinslot.save_webhook(
  coinslot.webhooks, public.token_payments, boolean
) is 'Stores a delivery; whether to read the payment now.';
revoke all on function coinslot.save_webhook(
  coinslot.webhooks, public.token_payments, boolean
) from public;

-- What proves nothing and is not about a payment of ours leaves no trace, or anybody could fill the
-- inbox. Nor does what is signed and names neither an order, in the form of ours, nor an attempt we
-- know: another app sells through the same account. A warning of fraud is for a person, and for
-- that a signature is enough.
create function coinslot.store_webhook(
  gateway text, event_id text, event_type text, order_id text, payment_key text,
  claims_paid boolean, headers jsonb, body jsonb, secret text, busy boolean, warning text,
  out verdict coinslot.delivery_verdict, out webhook_id bigint, out payment public.token_payments
)
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_webhook coinslot.webhooks;
  v_saved record;
begin
  v_webhook.gateway := store_webhook.gateway;
  v_webhook.event_id := store_webhook.event_id;
  v_webhook.event_type := store_webhook.event_type;
  v_webhook.order_id := store_webhook.order_id;
  v_webhook.payment_key := coalesce(store_webhook.payment_key, '');
  v_webhook.claims_paid := store_webhook.claims_paid;
  v_webhook.headers := store_webhook.headers;
  v_webhook.body := store_webhook.body;
  perform coinslot.check_webhook(v_webhook);
  payment := coinslot.find_payment(
    v_webhook.gateway, v_webhook.order_id, v_webhook.payment_key
  );
  verdict := case
    when payment.id is null then case
      when v_webhook.event_id is null
        or coalesce(v_webhook.order_id, '') !~ coinslot.order_id_form() then 'unknown_order'
    end
    when v_webhook.event_id is not null then null
    when not coinslot.knows_secret(payment.id, store_webhook.secret) then 'forged'
  end;
  if verdict is null then
    v_webhook.order_id := coalesce(payment.order_id, v_webhook.order_id, '');
    v_saved := coinslot.save_webhook(
      v_webhook, payment, coalesce(store_webhook.busy, false)
    );
    verdict := v_saved.verdict;
    webhook_id := v_saved.webhook_id;
  end if;
  if warning <> '' and v_webhook.event_id is not null and verdict in ('read', 'scheduled') then
    perform coinslot.note_warning(v_webhook, warning);
  end if;
end
$$;
comment on function coinslot.store_webhook(
  text, text, text, text, text, boolean, jsonb, jsonb, text, boolean, text
) is 'See public.coinslot_store_webhook.';
revoke all on function coinslot.store_webhook(
  text, text, text, text, text, boolean, jsonb, jsonb, text, boolean, text
) from public;
grant execute on function coinslot.store_webhook(
  text, text, text, text, text, boolean, jsonb, jsonb, text, boolean, text
) to service_role;

create function public.coinslot_store_webhook(
  gateway text, event_id text, event_type text, order_id text, payment_key text,
  claims_paid boolean, headers jsonb, body jsonb, secret text default null,
  busy boolean default false, warning text default null, out verdict text, out webhook_id bigint,
  out payment public.token_payments
)
language plpgsql volatile set search_path = '' as $$
declare
  v_stored record;
begin
  select s.* into v_stored
  from coinslot.store_webhook(
    coinslot_store_webhook.gateway, coinslot_store_webhook.event_id,
    coinslot_store_webhook.event_type, coinslot_store_webhook.order_id,
    coinslot_store_webhook.payment_key, coinslot_store_webhook.claims_paid,
    coinslot_store_webhook.headers, coinslot_store_webhook.body, coinslot_store_webhook.secret,
    coinslot_store_webhook.busy, coinslot_store_webhook.warning
  ) s;
  verdict := v_stored.verdict;
  webhook_id := v_stored.webhook_id;
  if (v_stored.payment).id is not null then
    payment := v_stored.payment;
  end if;
end
$$;
comment on function public.coinslot_store_webhook(
  text, text, text, text, text, boolean, jsonb, jsonb, text, boolean, text
) is
'Service: stores a webhook; verdict read, scheduled, duplicate, unknown_order or forged. busy = the
caller cannot read it now: the sweep will. warning = why the gateway thinks it fraud, for a person.';
revoke all on function public.coinslot_store_webhook(
  text, text, text, text, text, boolean, jsonb, jsonb, text, boolean, text
) from public, anon, authenticated, service_role;
grant execute on function public.coinslot_store_webhook(
  text, text, text, text, text, boolean, jsonb, jsonb, text, boolean, text
) to service_role;

create type public.coinslot_webhook_verdict as (
  webhook_id bigint,
  outcome text,
  finished boolean
);
comment on type public.coinslot_webhook_verdict is
'What a read came to for a webhook; finished = it leads to no other read.';
revoke all on type public.coinslot_webhook_verdict from public;
grant usage on type public.coinslot_webhook_verdict to service_role;

-- When a webhook whose read has ended is read for again. A delivery that came in while the gateway
-- was being asked may know more than was read: it gets a read of its own. What was claimed paid and
-- is not yet, and what could not be read, is tried again at growing distances; thrice, where an
-- unsigned hint names what the gateway does not know. Then the reconciler is left with it.
create function coinslot.next_attempt(
  webhook coinslot.webhooks, again boolean, unknown boolean
) returns timestamptz
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.token_payments;
  v_next timestamptz := clock_timestamp() + case
    when webhook.deliveries > webhook.taken_deliveries or webhook.other_keys <> '{}'
    then coinslot.webhook_spacing()
    when next_attempt.again
      and (webhook.event_id is not null or not next_attempt.unknown or webhook.attempts < 3)
    then coinslot.webhook_wait(webhook.attempts)
  end;
begin
  if webhook.event_id is not null or v_next is null then
    return v_next;
  end if;
  v_payment := coinslot.find_payment(webhook.gateway, webhook.order_id, webhook.payment_key);
  return coinslot.plan_hint(v_payment.user_id, greatest(
    v_next, clock_timestamp() + coinslot.webhook_spacing(v_payment.status)
  ));
end
$$;
comment on function coinslot.next_attempt(coinslot.webhooks, boolean, boolean) is
'When to read again for a webhook, or null.';
revoke all on function coinslot.next_attempt(coinslot.webhooks, boolean, boolean) from public;

-- Ends a read that a webhook led to. Of an unsigned hint only the order is asked about again where
-- the gateway did not know the payment that it names.
create function coinslot.end_webhook(
  webhook coinslot.webhooks, outcome text, detail text, again boolean, unknown boolean
) returns public.coinslot_webhook_verdict
language plpgsql volatile set search_path = '' as $$
declare
  v_verdict public.coinslot_webhook_verdict;
  v_next timestamptz;
begin
  if webhook.next_attempt_at is null then
    return null;
  end if;
  v_next := coinslot.next_attempt(webhook, end_webhook.again, end_webhook.unknown);
  update coinslot.webhooks w set
    outcome = end_webhook.outcome, detail = left(end_webhook.detail, 200),
    attempts = w.attempts + 1, next_attempt_at = v_next,
    payment_key = case
      when w.other_keys <> '{}' then w.other_keys[1]
      when w.event_id is null and end_webhook.unknown and v_next is not null then ''
      else w.payment_key
    end,
    other_keys = w.other_keys[2:],
    finished_at = case when v_next is null then clock_timestamp() end
  where w.id = webhook.id
  returning w.id, w.outcome, w.next_attempt_at is null into v_verdict;
  return v_verdict;
end
$$;
comment on function coinslot.end_webhook(coinslot.webhooks, text, text, boolean, boolean) is
'Writes what a read of a webhook came to, whose row is locked; null if it had ended before.';
revoke all on function coinslot.end_webhook(coinslot.webhooks, text, text, boolean, boolean)
from public;

create function coinslot.finish_webhook(
  webhook_id bigint, outcome text, detail text, again boolean
) returns public.coinslot_webhook_verdict
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_webhook coinslot.webhooks;
begin
  if (finish_webhook.outcome = any (coinslot.webhook_outcomes())) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "outcome"}');
  end if;
  select w.* into v_webhook
  from coinslot.webhooks w where w.id = finish_webhook.webhook_id for update;
  return coinslot.end_webhook(
    v_webhook, finish_webhook.outcome, finish_webhook.detail, finish_webhook.again,
    finish_webhook.outcome = 'not_yet'
  );
end
$$;
comment on function coinslot.finish_webhook(bigint, text, text, boolean) is
'See public.coinslot_finish_webhook.';
revoke all on function coinslot.finish_webhook(bigint, text, text, boolean) from public;
grant execute on function coinslot.finish_webhook(bigint, text, text, boolean) to service_role;

create function public.coinslot_finish_webhook(
  webhook_id bigint, outcome text, detail text default '', again boolean default false
) returns public.coinslot_webhook_verdict
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.finish_webhook(
    coinslot_finish_webhook.webhook_id, coinslot_finish_webhook.outcome,
    coinslot_finish_webhook.detail, coinslot_finish_webhook.again
  );
end
$$;
comment on function public.coinslot_finish_webhook(bigint, text, text, boolean) is
'Service: what came of a webhook whose payment could not be applied; again = try later. Null if it
had ended before.';
revoke all on function public.coinslot_finish_webhook(bigint, text, text, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_finish_webhook(bigint, text, text, boolean)
to service_role;

-- A claim of money that the read does not show yet is not answered: the gateway's records may lag
-- behind its webhooks. So may those of a refund or a dispute: where such a webhook brought nothing
-- new, or no more than the payment itself, or hints of several kinds share a row, the reconciler
-- looks again. So it does where webhooks share a read: another of them may have told the news.
create function coinslot.settle_webhook(
  webhook coinslot.webhooks, outcome text, attempt coinslot.payment_attempts, payment_id uuid,
  shared boolean
) returns public.coinslot_webhook_verdict
language plpgsql volatile set search_path = '' as $$
declare
  v_not_yet boolean;
begin
  v_not_yet := webhook.claims_paid and attempt.paid = 0
    and attempt.state in ('ready', 'awaiting_deposit');
  if attempt.paid > 0 and (
    not webhook.claims_paid and (settle_webhook.outcome in ('unchanged', 'credited') or shared)
    or webhook.event_id is null and webhook.deliveries > 1
    and (settle_webhook.outcome = 'unchanged' or shared)
  ) then
    perform coinslot.read_later(settle_webhook.payment_id);
  end if;
  return coinslot.end_webhook(
    webhook, case when v_not_yet then 'not_yet' else settle_webhook.outcome end, '', v_not_yet,
    false
  );
end
$$;
comment on function coinslot.settle_webhook(
  coinslot.webhooks, text, coinslot.payment_attempts, uuid, boolean
) is 'Judges a webhook, whose row is locked, by what applying its payment came to.';
revoke all on function coinslot.settle_webhook(
  coinslot.webhooks, text, coinslot.payment_attempts, uuid, boolean
) from public;

-- Webhooks about one payment that share a read, each judged by what it claims. Locked in the order
-- of their ids, as everywhere, so that no two callers wait for each other.
create function coinslot.settle_webhooks(
  webhook_ids bigint[], outcome text, attempt coinslot.payment_attempts, payment_id uuid
) returns public.coinslot_webhook_verdict[]
language plpgsql volatile set search_path = '' as $$
declare
  v_webhook coinslot.webhooks;
  v_verdict public.coinslot_webhook_verdict;
  v_verdicts public.coinslot_webhook_verdict[] := array[]::public.coinslot_webhook_verdict[];
begin
  for v_webhook in
    select w.* from coinslot.webhooks w where w.id = any (settle_webhooks.webhook_ids)
    order by w.id for update
  loop
    v_verdict := coinslot.settle_webhook(
      v_webhook, settle_webhooks.outcome, attempt, settle_webhooks.payment_id,
      cardinality(settle_webhooks.webhook_ids) > 1
    );
    if v_verdict.webhook_id is not null then
      v_verdicts := v_verdicts || v_verdict;
    end if;
  end loop;
  return v_verdicts;
end
$$;
comment on function coinslot.settle_webhooks(
  bigint[], text, coinslot.payment_attempts, uuid
) is 'Judges webhooks by what applying their payment came to; those that had not ended before.';
revoke all on function coinslot.settle_webhooks(
  bigint[], text, coinslot.payment_attempts, uuid
) from public;

-- Work that is due, leased to whoever claims it. Many may claim at once: none gets another's.
create function coinslot.claim_webhooks(batch integer) returns setof coinslot.webhooks
language sql volatile security definer
set search_path = '' set enable_seqscan = off as $$
  with due as materialized (
    select w.id, clock_timestamp() as taken_at from coinslot.webhooks w
    where w.next_attempt_at <= clock_timestamp()
    order by w.next_attempt_at limit least(greatest(claim_webhooks.batch, 1), 1000)
    for update skip locked
  )
  update coinslot.webhooks w set
    next_attempt_at = due.taken_at + coinslot.webhook_lease(),
    taken_at = due.taken_at, taken_deliveries = w.deliveries
  from due where w.id = due.id
  returning w.*
$$;
comment on function coinslot.claim_webhooks(integer) is 'See public.coinslot_claim_webhooks.';
revoke all on function coinslot.claim_webhooks(integer) from public;
grant execute on function coinslot.claim_webhooks(integer) to service_role;

create function public.coinslot_claim_webhooks(batch integer default 20)
returns coinslot.webhooks[]
language sql volatile set search_path = '' as $$
  select array(select c from coinslot.claim_webhooks(coinslot_claim_webhooks.batch) c)
$$;
comment on function public.coinslot_claim_webhooks(integer) is
'Service: webhooks that are due, leased to the caller.';
revoke all on function public.coinslot_claim_webhooks(integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_webhooks(integer) to service_role;

-- What its holder has no time for, because it stops, need not wait for the end of the lease. What
-- was finished meanwhile stays so.
create function coinslot.return_webhooks(webhook_ids bigint[]) returns void
language sql volatile security definer set search_path = '' as $$
  with unfinished as materialized (
    select w.id from coinslot.webhooks w
    where w.id = any (return_webhooks.webhook_ids) and w.next_attempt_at is not null
    order by w.id for update
  )
  update coinslot.webhooks w set next_attempt_at = clock_timestamp()
  from unfinished u where w.id = u.id
$$;
comment on function coinslot.return_webhooks(bigint[]) is 'See public.coinslot_return_webhooks.';
revoke all on function coinslot.return_webhooks(bigint[]) from public;
grant execute on function coinslot.return_webhooks(bigint[]) to service_role;

create function public.coinslot_return_webhooks(webhook_ids bigint[]) returns void
language sql volatile set search_path = '' as $$
  select coinslot.return_webhooks(coinslot_return_webhooks.webhook_ids)
$$;
comment on function public.coinslot_return_webhooks(bigint[]) is
'Service: gives back webhooks that are leased to the caller.';
revoke all on function public.coinslot_return_webhooks(bigint[])
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_return_webhooks(bigint[]) to service_role;

create function coinslot.list_webhooks(
  gateway text, outcome text, order_id text, page_size integer, before bigint
) returns setof coinslot.webhooks
language sql stable security definer set search_path = '' as $$
  select w.* from coinslot.webhooks w
  where (list_webhooks.gateway is null or w.gateway = list_webhooks.gateway)
    and (list_webhooks.outcome is null or w.outcome = list_webhooks.outcome)
    and (list_webhooks.order_id is null or w.order_id = list_webhooks.order_id)
    and w.id < coalesce(list_webhooks.before, coinslot.max_amount())
  order by w.id desc
  limit least(greatest(coalesce(list_webhooks.page_size, 100), 1), 1000)
$$;
comment on function coinslot.list_webhooks(text, text, text, integer, bigint) is
'See public.coinslot_list_webhooks.';
revoke all on function coinslot.list_webhooks(text, text, text, integer, bigint) from public;
grant execute on function coinslot.list_webhooks(text, text, text, integer, bigint)
to service_role;

create function public.coinslot_list_webhooks(
  gateway text default null, outcome text default null, order_id text default null,
  page_size integer default 100, before bigint default null
) returns setof coinslot.webhooks
language sql stable set search_path = '' as $$
  select * from coinslot.list_webhooks(
    coinslot_list_webhooks.gateway, coinslot_list_webhooks.outcome, coinslot_list_webhooks.order_id,
    coinslot_list_webhooks.page_size, coinslot_list_webhooks.before
  )
$$;
comment on function public.coinslot_list_webhooks(text, text, text, integer, bigint) is
'Service: webhooks, newest first; before = the last id of the page before.';
revoke all on function public.coinslot_list_webhooks(text, text, text, integer, bigint)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_webhooks(text, text, text, integer, bigint)
to service_role;

create function coinslot.make_webhooks_due(ids bigint[]) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_count bigint;
begin
  with matching as materialized (
    select w.id from coinslot.webhooks w
    where w.id = any (make_webhooks_due.ids) order by w.id for update
  )
  update coinslot.webhooks w set
    outcome = 'received', attempts = 0, finished_at = null, waiting_since = clock_timestamp(),
    next_attempt_at = clock_timestamp()
  from matching m where w.id = m.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function coinslot.make_webhooks_due(bigint[]) is
'Has webhooks read for again, as if they had just come; how many.';
revoke all on function coinslot.make_webhooks_due(bigint[]) from public;

create function coinslot.replay_webhooks(gateway text, outcome text, order_id text)
returns bigint
language sql volatile security definer set search_path = '' as $$
  select coinslot.make_webhooks_due(array(
    select w.id from coinslot.webhooks w
    where (replay_webhooks.gateway is null or w.gateway = replay_webhooks.gateway)
      and (replay_webhooks.outcome is null or w.outcome = replay_webhooks.outcome)
      and (replay_webhooks.order_id is null or w.order_id = replay_webhooks.order_id)
  ))
$$;
comment on function coinslot.replay_webhooks(text, text, text) is
'See public.coinslot_replay_webhooks.';
revoke all on function coinslot.replay_webhooks(text, text, text) from public;
grant execute on function coinslot.replay_webhooks(text, text, text) to service_role;

create function public.coinslot_replay_webhooks(
  gateway text default null, outcome text default null, order_id text default null
) returns bigint
language sql volatile set search_path = '' as $$
  select coinslot.replay_webhooks(
    coinslot_replay_webhooks.gateway, coinslot_replay_webhooks.outcome,
    coinslot_replay_webhooks.order_id
  )
$$;
comment on function public.coinslot_replay_webhooks(text, text, text) is
'Service: makes matching webhooks due again; how many.';
revoke all on function public.coinslot_replay_webhooks(text, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_replay_webhooks(text, text, text) to service_role;
