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

-- All webhooks are read for it, so nothing is locked yet. A type that comes first in this moment
-- comes again.
insert into coinslot.webhook_types (gateway, event_type, first_seen_at)
select
  w.gateway,
  w.event_type,
  min(w.received_at) as first_seen_at
from coinslot.webhooks as w
group by w.gateway, w.event_type
order by first_seen_at limit 100;

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

select coinslot.lock_for_upgrade(array['coinslot.webhooks']::regclass[]);
create trigger webhooks_type_noted after insert on coinslot.webhooks
for each row execute function coinslot.note_webhook_type();
create trigger webhooks_type_changed after update of event_type on coinslot.webhooks
for each row when (new.event_type is distinct from old.event_type)
execute function coinslot.note_webhook_type();

create function coinslot.seen_events() returns table (gateway text, types text[])
language sql stable set search_path = '' as $$
  select t.gateway, array_agg(t.event_type order by t.event_type)
  from coinslot.webhook_types t
  group by t.gateway
$$;
comment on function coinslot.seen_events() is
'Types of events that webhooks have ever brought, by gateway.';
revoke all on function coinslot.seen_events() from public;

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

notify pgrst, 'reload schema';
