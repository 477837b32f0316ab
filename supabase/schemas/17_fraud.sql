-- A first look at fraud: what a gateway warns of, and what a user does again and again. It is
-- listed for a person beside what else needs one. Nothing follows from it by itself: nobody is
-- refused anything, and no money moves.

-- What is signed is believed here, since nothing comes of it but that somebody looks. Again only
-- for what is not open already.
create function coinslot.note_warning(webhook coinslot.webhooks, warning text) returns void
language sql volatile set search_path = '' as $$
  insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
  select 'fraud_warning', a.gateway, a.payment_key, p.order_id, jsonb_build_object(
    'warning', left(note_warning.warning, 100), 'amount', a.amount, 'currency', a.currency,
    'paid', a.paid, 'refunded', a.refunded, 'withdrawn', a.withdrawn
  )
  from coinslot.payment_attempts a
  inner join public.token_payments p on p.id = a.payment_id
  where a.gateway = webhook.gateway and a.payment_key = webhook.payment_key
  on conflict (kind, gateway, payment_key, order_id) where resolved_at is null do nothing
$$;
comment on function coinslot.note_warning(coinslot.webhooks, text) is
'Lists what a gateway says of a payment that it thinks fraud.';
revoke all on function coinslot.note_warning(coinslot.webhooks, text) from public;

-- When a person last dealt with this habit of this user: what was before that is known.
create function coinslot.looked_at(kind text, user_id uuid) returns timestamptz
language sql stable set search_path = '' as $$
  select coalesce(max(d.resolved_at), '-infinity')
  from public.token_payments p
  inner join coinslot.discrepancies d on d.order_id = p.order_id
  where p.user_id = looked_at.user_id and d.kind = looked_at.kind
$$;
comment on function coinslot.looked_at(text, uuid) is
'When a discrepancy of this kind was last resolved for a user.';
revoke all on function coinslot.looked_at(text, uuid) from public;

-- Attempts of a day that were declined, with a reason, since the user last paid.
create function coinslot.declines_in_a_row(user_id uuid) returns bigint
language sql stable set search_path = '' as $$
  with orders as materialized (
    select p.id, p.confirmed_at from public.token_payments p
    where p.user_id = declines_in_a_row.user_id
      and p.created_at > clock_timestamp() - interval '1 day'
  )
  select count(*)
  from orders o
  inner join coinslot.payment_attempts a on a.payment_id = o.id
  where a.state = 'failed' and a.failure_reason is not null and a.updated_at > greatest(
    (select max(c.confirmed_at) from orders c),
    coinslot.looked_at('declines_in_a_row', declines_in_a_row.user_id)
  )
$$;
comment on function coinslot.declines_in_a_row(uuid) is
'Declined attempts of a user within a day, since the last that was paid.';
revoke all on function coinslot.declines_in_a_row(uuid) from public;

-- Of the orders that were paid, newest first, those that went back, in full or in part, before the
-- first that did not.
create function coinslot.refunds_in_a_row(user_id uuid) returns bigint
language sql stable set search_path = '' as $$
  select count(*) from (
    select bool_and(
      p.refunded + p.withdrawn > 0
      and p.updated_at > coinslot.looked_at('refunds_in_a_row', refunds_in_a_row.user_id)
    ) over (order by p.confirmed_at desc, p.id) as in_a_row
    from public.token_payments p
    where p.user_id = refunds_in_a_row.user_id and p.confirmed_at is not null
  ) o
  where o.in_a_row
$$;
comment on function coinslot.refunds_in_a_row(uuid) is
'Latest paid orders of a user that all went back.';
revoke all on function coinslot.refunds_in_a_row(uuid) from public;

-- One open line of a kind and a user, under the order that was the last to add to it. The lock is
-- the last that anybody takes here, and by whoever notes a habit of this user only.
create function coinslot.note_habit(
  habit text, payment public.token_payments, times bigint
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_detail jsonb := jsonb_build_object('user_id', payment.user_id, 'times', note_habit.times);
begin
  perform pg_advisory_xact_lock(hashtextextended('coinslot.habits ' || payment.user_id, 0));
  update coinslot.discrepancies d set detail = v_detail
  from public.token_payments p
  where p.user_id = payment.user_id and d.order_id = p.order_id and d.kind = note_habit.habit
    and d.resolved_at is null;
  if not found then
    insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
    values (note_habit.habit, payment.gateway, '', payment.order_id, v_detail)
    on conflict (kind, gateway, payment_key, order_id) where resolved_at is null do nothing;
  end if;
end
$$;
comment on function coinslot.note_habit(text, public.token_payments, bigint) is
'Lists a habit of a user, once for as long as it is open.';
revoke all on function coinslot.note_habit(text, public.token_payments, bigint) from public;

create function coinslot.note_habits(payment public.token_payments) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_habit record;
begin
  for v_habit in
    select h.kind, h.times
    from coinslot.settings s
    cross join lateral (values
      ('declines_in_a_row', s.declines_in_a_row, coinslot.declines_in_a_row(payment.user_id)),
      ('refunds_in_a_row', s.refunds_in_a_row, coinslot.refunds_in_a_row(payment.user_id))
    ) h (kind, most, times)
    where h.times >= h.most
  loop
    perform coinslot.note_habit(v_habit.kind, payment, v_habit.times);
  end loop;
end
$$;
comment on function coinslot.note_habits(public.token_payments) is
'Lists what the buyer of an order has done too often in a row.';
revoke all on function coinslot.note_habits(public.token_payments) from public;
