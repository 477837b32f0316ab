-- Ways to pay: an order remembers the one that its buyer chose, until its gateway says what it was,
-- and its product's name in both languages. Who sells, under which terms, is known here, for the
-- store and for receipts. New order ids have letters and digits only: some payment companies take
-- nothing else. A deposit's refund may come with the buyer's phone number, as some of them want.

-- Older servers do not take an id without an underscore for one of ours. So a database that
-- was in use goes on as before, until somebody says that no older server is left.
create or replace function coinslot.order_id_form() returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return '^ord(_[A-Za-z0-9_-]{12,36}|[0-9a-f]{32})$';
end
$$;

create function coinslot.new_order_id(plain boolean) returns text
language plpgsql volatile parallel safe set search_path = '' as $$
begin
  return 'ord' || case when new_order_id.plain then '' else '_' end
  || encode(uuid_send(gen_random_uuid()), 'hex');
end
$$;
comment on function coinslot.new_order_id(boolean) is
'An order id of its own; plain: of letters and digits only.';
revoke all on function coinslot.new_order_id(boolean) from public;

create function coinslot.payment_methods() returns text[]
language sql immutable parallel safe set search_path = ''
return array[
  'card', 'kakaopay', 'naverpay', 'tosspay', 'transfer', 'virtual_account', 'mobile', 'applepay',
  'googlepay', 'link'
];
comment on function coinslot.payment_methods() is 'The ways to pay that an order can ask for.';
revoke all on function coinslot.payment_methods() from public;

create function coinslot.are_texts(given jsonb, names text[]) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select jsonb_typeof(are_texts.given) = 'object' and not exists (
    select from jsonb_each(
      case jsonb_typeof(are_texts.given) when 'object' then are_texts.given end
    ) e
    where e.key <> all (are_texts.names) or jsonb_typeof(e.value) <> 'string'
      or length(e.value #>> '{}') not between 1 and 300
  )
$$;
comment on function coinslot.are_texts(jsonb, text[]) is
'True for an object whose fields have these names, and hold a text each.';
revoke all on function coinslot.are_texts(jsonb, text[]) from public;

-- An address of these is followed from a page: it begins no script.
create function coinslot.are_links(given jsonb) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select coinslot.are_texts(are_links.given, array['terms', 'refunds', 'privacy', 'support'])
    and not exists (
      select from jsonb_each_text(
        case jsonb_typeof(are_links.given) when 'object' then are_links.given end
      ) e
      where e.value !~ case e.key when 'support' then '^(https?://|mailto:|tel:)[^\s<>"]+$'
        else '^https?://[^\s<>"]+$' end
    )
$$;
comment on function coinslot.are_links(jsonb) is
'True for addresses of the shop''s pages: terms, refunds, privacy, support.';
revoke all on function coinslot.are_links(jsonb) from public;

select coinslot.lock_for_upgrade(array[
  'coinslot.settings', 'coinslot.refund_accounts', 'public.token_payments'
]::regclass[]);

alter table coinslot.settings
add column business jsonb not null default '{}',
add column links jsonb not null default '{}',
add column refund_days integer default 7,
add column plain_order_ids boolean not null default true;
alter table coinslot.settings add constraint settings_business_known check (
  coinslot.are_texts(
    business, array['name', 'ceo', 'registration', 'mail_order', 'address', 'phone', 'email']
  )
) not valid;
alter table coinslot.settings add constraint settings_links_known
check (coinslot.are_links(links)) not valid;
alter table coinslot.settings add constraint settings_refund_days_positive
check (refund_days > 0) not valid;
alter table coinslot.settings validate constraint settings_business_known;
alter table coinslot.settings validate constraint settings_links_known;
alter table coinslot.settings validate constraint settings_refund_days_positive;
comment on column coinslot.settings.business is
'Who sells: {name, ceo, registration, mail_order, address, phone, email}, what there is of it.';
comment on column coinslot.settings.links is
'The shop''s pages: {terms, refunds, privacy, support}; support may be a mailto: address.';
comment on column coinslot.settings.refund_days is
'For how many days unused tokens are refunded in full, as buyers are told; null = nothing is said.';
comment on column coinslot.settings.plain_order_ids is
'Order ids of letters and digits only. Turn it on once no server of an older release is left.';
-- A server checks the ledger within a day of its first start.
update coinslot.settings s
set
  plain_order_ids = not exists (select from public.token_payments)
  and not exists (select from coinslot.ledger_checks)
where s.id;

alter table public.token_payments add column name_ko text;
comment on column public.token_payments.name_ko is
'The product''s name in Korean, as name; null where it was not kept yet.';
comment on column public.token_payments.method is
'The way to pay: as the buyer chose it, then as the gateway says.';

alter table coinslot.refund_accounts add column phone text;
alter table coinslot.refund_accounts add constraint refund_accounts_phone_shaped
check (phone ~ '^[0-9]{8,15}$') not valid;
alter table coinslot.refund_accounts validate constraint refund_accounts_phone_shaped;

-- The shop, as its store shows it. Currencies are those in which something is on sale.
create function coinslot.get_shop() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'business', s.business, 'links', s.links, 'refund_days', s.refund_days,
    'currencies', coalesce((
      select jsonb_agg(c.currency order by c.products desc, c.currency collate "C")
      from (
        select o.currency, count(*) as products from public.token_offers o group by o.currency
      ) c
    ), '[]')
  )
  from coinslot.settings s where s.id
$$;
comment on function coinslot.get_shop() is 'Who sells, under which terms, in which currencies.';
revoke all on function coinslot.get_shop() from public;

create or replace function coinslot.get_settings() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'mode', s.mode, 'signup_bonus', s.signup_bonus, 'max_open_orders', s.max_open_orders,
    'max_hold_seconds', s.max_hold_seconds,
    'order_lifetime_seconds', extract(epoch from s.order_lifetime)::bigint,
    'now', extract(epoch from now()),
    'schema_version', coinslot.schema_version(), 'oldest_sidecar', coinslot.oldest_sidecar(),
    'gateways', (select jsonb_agg(g.id order by g.id) from coinslot.gateways g),
    'rpcs', (
      select jsonb_agg(p.proname order by p.proname) from pg_catalog.pg_proc p
      where p.pronamespace = 'public'::regnamespace and strpos(p.prosrc, 'coinslot.') > 0
        and (
          has_function_privilege('authenticated', p.oid, 'execute')
          or has_function_privilege('service_role', p.oid, 'execute')
        )
    ),
    'shop', coinslot.get_shop()
  )
  from coinslot.settings s
$$;

create function coinslot.check_method(method text) returns void
language plpgsql immutable set search_path = '' as $$
begin
  if check_method.method <> all (coinslot.payment_methods()) then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'method', 'known', to_jsonb(coinslot.payment_methods())
    ));
  end if;
end
$$;
comment on function coinslot.check_method(text) is
'PT400 for a way to pay that nobody knows; null is none.';
revoke all on function coinslot.check_method(text) from public;

-- Whoever opens the window of an order once more may have chosen another way. What its gateway has
-- said of money, or of an account for it, stands. The caller has the wallet locked, which comes
-- after orders: an order that somebody else has locked is being paid, and keeps its way.
create function coinslot.ask_again(payment public.token_payments, method text)
returns public.token_payments
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.token_payments;
begin
  update public.token_payments p
  set method = ask_again.method, updated_at = clock_timestamp()
  where p.id = (
    select t.id from public.token_payments t
    where t.id = payment.id and t.status = 'pending'
      and t.method is distinct from ask_again.method and ask_again.method is not null
    for update skip locked
  )
  returning p.* into v_payment;
  return case when v_payment.id is null then payment else v_payment end;
end
$$;
comment on function coinslot.ask_again(public.token_payments, text) is
'The order of a repeated call, with the way to pay that is asked for now.';
revoke all on function coinslot.ask_again(public.token_payments, text) from public;

drop function public.create_token_order(text, text, text, text);
drop function coinslot.create_order(text, text, text, text);

create function coinslot.write_order(quoted public.token_payments)
returns public.token_payments
language plpgsql volatile set search_path = '' as $$
declare
  v_settings coinslot.settings;
  v_order public.token_payments;
begin
  select s.* into v_settings from coinslot.settings s where s.id;
  insert into public.token_payments as p (
    order_id, user_id, product_id, name, name_ko, gateway, method, amount, currency, tokens, live,
    idempotency_key, expires_at, deposit_until
  ) values (
    coinslot.new_order_id(v_settings.plain_order_ids), quoted.user_id, quoted.product_id,
    quoted.name,
    (select d.name_ko from public.token_products d where d.id = quoted.product_id),
    quoted.gateway, quoted.method, quoted.amount, quoted.currency, quoted.tokens,
    v_settings.mode = 'live', quoted.idempotency_key,
    clock_timestamp() + v_settings.order_lifetime,
    clock_timestamp() + greatest(v_settings.order_lifetime, v_settings.deposit_lifetime)
  ) returning p.* into v_order;
  perform coinslot.record_event(v_order, null, 'user');
  return v_order;
end
$$;
comment on function coinslot.write_order(public.token_payments) is 'Writes a quoted order.';
revoke all on function coinslot.write_order(public.token_payments) from public;

-- The wallet's lock puts the orders of one user in a row, so that two calls with one key make one
-- order and no cap can be passed by asking twice at once.
create function coinslot.create_order(
  product_id text, gateway text, currency text, idempotency_key text, method text
) returns public.token_payments
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_key text := nullif(create_order.idempotency_key, '');
  v_order public.token_payments;
begin
  perform coinslot.check_text('idempotency_key', coalesce(v_key, '-'), 255);
  perform coinslot.check_method(create_order.method);
  perform pg_advisory_xact_lock_shared(coinslot.account_lock(v_user_id));
  perform coinslot.check_open(coinslot.lock_wallet(v_user_id));
  v_order := coinslot.find_order_replay(
    v_user_id, create_order.product_id, create_order.gateway, create_order.currency, v_key
  );
  if v_order.id is not null then
    return coinslot.ask_again(v_order, create_order.method);
  end if;
  perform coinslot.check_buyer(v_user_id);
  perform coinslot.check_order_limits(v_user_id);
  v_order := coinslot.quote_order(
    v_user_id, create_order.product_id, create_order.gateway, create_order.currency, v_key
  );
  v_order.method := create_order.method;
  return coinslot.write_order(v_order);
end
$$;
comment on function coinslot.create_order(text, text, text, text, text) is
'See public.create_token_order.';
revoke all on function coinslot.create_order(text, text, text, text, text) from public;
grant execute on function coinslot.create_order(text, text, text, text, text) to authenticated;

create function public.create_token_order(
  product_id text, gateway text, currency text default 'KRW', idempotency_key text default null,
  method text default null
) returns public.token_payments
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.create_order(
    create_token_order.product_id, create_token_order.gateway, create_token_order.currency,
    create_token_order.idempotency_key, create_token_order.method
  )
$$;
comment on function public.create_token_order(text, text, text, text, text) is
'Makes an order of the signed-in user at the catalogue''s price. With a key: once per key.';
revoke all on function public.create_token_order(text, text, text, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.create_token_order(text, text, text, text, text) to authenticated;

create or replace function coinslot.check_refund(
  reason text, idempotency_key text, account jsonb
) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_argument text := case
    when (length(btrim(check_refund.reason)) between 1 and 200) is not true then 'reason'
    when (length(check_refund.idempotency_key) between 1 and 255) is not true
    then 'idempotency_key'
    when check_refund.account is not null and (
      check_refund.account ->> 'bank' ~ '^[A-Za-z0-9_]{1,40}$'
      and check_refund.account ->> 'account_number' ~ '^[0-9]{4,20}$'
      and length(check_refund.account ->> 'holder') between 1 and 60
      and coalesce(check_refund.account ->> 'phone', '00000000') ~ '^[0-9]{8,15}$'
    ) is not true then 'account'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
end
$$;

create or replace function coinslot.save_refund(refund coinslot.refunds, account jsonb)
returns coinslot.refunds
language plpgsql volatile set search_path = '' as $$
declare
  v_refund coinslot.refunds;
begin
  insert into coinslot.refunds as r (
    payment_id, order_id, user_id, gateway, payment_key, amount, currency, tokens,
    refunded_before, refundable, reason, requested_by, forced, idempotency_key
  ) values (
    refund.payment_id, refund.order_id, refund.user_id, refund.gateway, refund.payment_key,
    refund.amount, refund.currency, refund.tokens, refund.refunded_before, refund.refundable,
    refund.reason, refund.requested_by, refund.forced, refund.idempotency_key
  ) returning r.* into v_refund;
  if save_refund.account is not null then
    insert into coinslot.refund_accounts (refund_id, bank, account_number, holder, phone)
    values (
      v_refund.id, save_refund.account ->> 'bank', save_refund.account ->> 'account_number',
      save_refund.account ->> 'holder', save_refund.account ->> 'phone'
    );
  end if;
  return v_refund;
end
$$;

create or replace function coinslot.claim_refunds(batch integer, refund_id uuid)
returns setof public.coinslot_refund_job
language sql volatile security definer set search_path = '' as $$
  with due as materialized (
    select r.id from coinslot.refunds r
    where r.next_attempt_at <= clock_timestamp()
      and r.id = coalesce(claim_refunds.refund_id, r.id)
    order by r.next_attempt_at limit least(greatest(claim_refunds.batch, 1), 1000)
    for update skip locked
  ), taken as (
    update coinslot.refunds r set
      attempts = r.attempts + 1,
      next_attempt_at = clock_timestamp() + coinslot.refund_lease(r.attempts + 1)
    from due where r.id = due.id
    returning r.*
  ), shown as (
    insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
    select 'refund_unresolved', t.gateway, t.payment_key, t.order_id, jsonb_build_object(
      'refund_id', t.id, 'amount', t.amount, 'currency', t.currency, 'status', t.status,
      'tries', t.tries, 'answer', t.answer
    )
    from taken t where t.attempts > coinslot.refund_patience()
    on conflict (kind, gateway, payment_key, order_id) where resolved_at is null do nothing
  )
  select
    t.id, 'refund-' || t.id || '-' || t.tries,
    case when t.status = 'requested' and t.answer is null then 'ask' else 'read' end,
    t.tries, t.reason, t.amount, t.refundable, t.currency, t.gateway, t.payment_key,
    (
      select jsonb_strip_nulls(jsonb_build_object(
        'bank', a.bank, 'account_number', a.account_number, 'holder', a.holder, 'phone', a.phone
      )) from coinslot.refund_accounts a where a.refund_id = t.id
    ),
    p
  from taken t inner join public.token_payments p on p.id = t.payment_id
$$;

notify pgrst, 'reload schema';
