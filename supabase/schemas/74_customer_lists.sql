-- What operators read of people: their wallets, lots, holds and entries. Addresses are masked; who
-- they are in full is told by an action, which is noted.

create function coinslot.customer_item(user_id uuid, operator coinslot.operators) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'user_id', w.user_id, 'email', coinslot.shown_email(u.email, operator),
    'masked', operator.role <> 'owner' and u.email is not null,
    'anonymous', coalesce(u.is_anonymous, false), 'joined_at', u.created_at,
    'tokens', w.tokens, 'held', w.held, 'available', coinslot.available(w),
    'entries', w.seq, 'closed_at', w.closed_at, 'merged_into', w.merged_into
  )
  from public.token_wallets w
  left join auth.users u on u.id = w.user_id
  where w.user_id = customer_item.user_id
$$;
comment on function coinslot.customer_item(uuid, coinslot.operators) is
'A customer as a line of a list.';
revoke all on function coinslot.customer_item(uuid, coinslot.operators) from public;

-- By their latest orders. Who never ordered anything is found by search.
create function coinslot.list_customers(
  operator coinslot.operators, filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_from record;
  v_items jsonb;
  v_last text;
begin
  perform coinslot.check_filters(list_customers.filters, array['since', 'until']);
  v_from := coinslot.walk_from(list_customers.after, filters ->> 'until');
  with found as (
    select w.* from (
      select p.id, p.user_id, p.order_id, p.created_at from public.token_payments p
      where (p.created_at, p.id) < (v_from.at, v_from.id)
        and p.created_at >= coalesce((filters ->> 'since')::timestamptz, '-infinity')
      order by p.created_at desc, p.id desc limit coinslot.walk_length()
    ) w
    where not exists (
      select from public.token_payments n
      where n.user_id = w.user_id and (n.created_at, n.id) > (w.created_at, w.id)
    )
    order by w.created_at desc, w.id desc limit list_customers.page_size + 1
  )
  select jsonb_agg(coinslot.customer_item(f.user_id, operator) || jsonb_build_object(
    'last_order', f.order_id, 'last_order_at', f.created_at,
    'cursor', coinslot.cursor_of(f.created_at, f.id::text)
  ) order by f.created_at desc, f.id desc) into v_items from found f;
  if coalesce(jsonb_array_length(v_items), 0) <= list_customers.page_size then
    select coinslot.cursor_of(e.created_at, e.id::text) into v_last from (
      select p.created_at, p.id from public.token_payments p
      where (p.created_at, p.id) < (v_from.at, v_from.id)
        and p.created_at >= coalesce((filters ->> 'since')::timestamptz, '-infinity')
      order by p.created_at desc, p.id desc offset coinslot.walk_length() - 1 limit 1
    ) e;
  end if;
  return coinslot.page_of(v_items, list_customers.page_size, v_last);
end
$$;
comment on function coinslot.list_customers(coinslot.operators, jsonb, text, integer) is
'Customers by their latest orders, newest first.';
revoke all on function coinslot.list_customers(coinslot.operators, jsonb, text, integer)
from public;

create function coinslot.list_entries(
  filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_before bigint := coinslot.read_number(list_entries.after);
  v_items jsonb;
  v_last text;
begin
  perform coinslot.check_filters(list_entries.filters, array['user', 'kind']);
  if not list_entries.filters ? 'user' then
    perform coinslot.fail('invalid_argument', '{"argument": "user"}');
  end if;
  with walk as materialized (
    select l.* from public.token_ledger l
    where l.user_id = (filters ->> 'user')::uuid and l.seq < v_before
    order by l.seq desc limit coinslot.walk_for(filters - 'user', page_size)
  ), found as (
    select w.* from walk w where not filters ? 'kind' or w.kind = filters ->> 'kind'
    order by w.seq desc limit list_entries.page_size + 1
  )
  select jsonb_agg(jsonb_build_object(
    'seq', f.seq, 'kind', f.kind, 'delta', f.delta, 'balance', f.balance, 'feature', f.feature,
    'reason', f.reason, 'caller', f.caller, 'created_at', f.created_at,
    'order_id', (select p.order_id from public.token_payments p where p.id = f.payment_id),
    'cursor', f.seq::text
  ) order by f.seq desc), (
    select min(w.seq)::text from walk w having count(*) = coinslot.walk_length()
  ) into v_items, v_last from found f;
  return coinslot.page_of(v_items, list_entries.page_size, v_last);
end
$$;
comment on function coinslot.list_entries(jsonb, text, integer) is
'Entries of the ledger of one user, newest first.';
revoke all on function coinslot.list_entries(jsonb, text, integer) from public;

create function coinslot.lots_of(user_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', l.id, 'kind', l.kind, 'tokens', l.tokens, 'remaining', f.remaining,
    'reserved', l.reserved, 'price', l.price, 'expires_at', nullif(l.expires_at, 'infinity'),
    'created_at', l.created_at,
    'order_id', (select p.order_id from public.token_payments p where p.id = l.payment_id)
  ) order by l.expires_at, l.priority, l.paid, l.id), '[]')
  from public.token_wallets w
  cross join lateral (
    select n.* from coinslot.foreseen_lots(w, greatest(clock_timestamp(), w.folded_at)) n limit 200
  ) f
  inner join public.token_lots l on l.id = f.lot_id
  where w.user_id = lots_of.user_id and (f.remaining > 0 or l.reserved > 0)
$$;
comment on function coinslot.lots_of(uuid) is 'What a wallet has, in the order it is spent in.';
revoke all on function coinslot.lots_of(uuid) from public;

create function coinslot.holds_of(user_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(o) order by o.expires_at), '[]') from (
    select h.id, h.amount, h.feature, h.created_at, h.expires_at
    from coinslot.token_holds h
    where h.user_id = holds_of.user_id and h.status = 'held'
    order by h.expires_at limit 100
  ) o
$$;
comment on function coinslot.holds_of(uuid) is 'The open holds of a wallet.';
revoke all on function coinslot.holds_of(uuid) from public;

-- Money by currency, over all orders: it is not added up. In a live database that is real money.
create function coinslot.money_of(user_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(m) order by m.currency), '[]') from (
    select p.currency, count(*) filter (where p.paid > 0) as orders, sum(p.paid)::bigint as paid,
      sum(p.refunded)::bigint as refunded, sum(p.withdrawn)::bigint as withdrawn
    from public.token_payments p
    where p.user_id = money_of.user_id and p.live = coinslot.is_live()
    group by p.currency
  ) m
$$;
comment on function coinslot.money_of(uuid) is 'What a user has paid and got back, by currency.';
revoke all on function coinslot.money_of(uuid) from public;

create function coinslot.actions_on(subject text) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'at', a.at, 'action', a.action, 'role', a.role, 'reason', a.reason, 'detail', a.detail,
    'actor', coinslot.actor_name(a.actor)
  ) order by a.id desc), '[]')
  from (
    select o.* from coinslot.operator_actions o where o.subject = actions_on.subject
    order by o.id desc limit 50
  ) a
$$;
comment on function coinslot.actions_on(text) is 'What operators did to it, newest first.';
revoke all on function coinslot.actions_on(text) from public;

create function coinslot.get_customer(operator coinslot.operators, user_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_customer jsonb := coinslot.customer_item(get_customer.user_id, operator);
  v_open boolean := v_customer ->> 'closed_at' is null;
  v_left bigint := coinslot.left_to(operator, null);
begin
  if v_customer is null then
    perform coinslot.fail('user_not_found', '{"users": 0}');
  end if;
  return jsonb_build_object(
    'customer', v_customer, 'money', coinslot.money_of(get_customer.user_id),
    'lots', coinslot.lots_of(get_customer.user_id),
    'holds', coinslot.holds_of(get_customer.user_id),
    'actions', coinslot.actions_on(get_customer.user_id::text),
    'can', jsonb_build_object(
      'grant_tokens', v_open and coalesce(v_left, 1) > 0
        and coinslot.may_do(operator, 'grant_tokens'),
      'grant_max', v_left,
      'take_tokens', v_open and coinslot.may_do(operator, 'take_tokens'),
      'note_customer', true,
      'reveal_customer', coinslot.may_do(operator, 'reveal_customer')
    )
  );
end
$$;
comment on function coinslot.get_customer(coinslot.operators, uuid) is
'A customer with wallet, lots, holds and money, and what the operator may do.';
revoke all on function coinslot.get_customer(coinslot.operators, uuid) from public;

-- The first uuid after another, which ends a range of one; null after the last.
create function coinslot.next_uuid(id uuid) returns uuid
language sql immutable parallel safe set search_path = '' as $$
  select case when next_uuid.id <> 'ffffffff-ffff-ffff-ffff-ffffffffffff' then (
    select string_agg(lpad(to_hex(case
      when b.place > l.last then 0
      when b.place = l.last then get_byte(uuid_send(next_uuid.id), b.place) + 1
      else get_byte(uuid_send(next_uuid.id), b.place) end), 2, '0'), '' order by b.place)::uuid
    from generate_series(0, 15) b (place)
    cross join (
      select max(g) as last from generate_series(0, 15) g
      where get_byte(uuid_send(next_uuid.id), g) < 255
    ) l
  ) end
$$;
comment on function coinslot.next_uuid(uuid) is 'The uuid right after this one.';
revoke all on function coinslot.next_uuid(uuid) from public;

-- Whether one wallet adds up, by the same proofs as all of them: as a range of one.
-- Planned for this wallet at each call: a plan for any wallet would read the whole ledger.
create function coinslot.prove_wallet(user_id uuid) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off
set plan_cache_mode = force_custom_plan as $$
  select jsonb_build_object(
    'entries', (select w.seq from public.token_wallets w where w.user_id = prove_wallet.user_id),
    'problems', coalesce(jsonb_agg(to_jsonb(v)), '[]')
  )
  from coinslot.verify_ledger(prove_wallet.user_id, coinslot.next_uuid(prove_wallet.user_id)) v
$$;
comment on function coinslot.prove_wallet(uuid) is
'{entries, problems}: none if the ledger of this user adds up.';
revoke all on function coinslot.prove_wallet(uuid) from public;
