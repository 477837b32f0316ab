-- Promotions and their codes: what a code gives, to whom, and how often. A code gives tokens, or
-- makes a pack cheaper by a percent or by an amount.

create function coinslot.are_amounts(given jsonb) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select jsonb_typeof(are_amounts.given) = 'object' and are_amounts.given <> '{}' and not exists (
    select from jsonb_each(
      case jsonb_typeof(are_amounts.given) when 'object' then are_amounts.given end
    ) e
    where e.key !~ '^[A-Z]{3}$' or jsonb_typeof(e.value) <> 'number'
      or e.value::text !~ '^[1-9][0-9]{0,14}$'
  )
$$;
comment on function coinslot.are_amounts(jsonb) is
'True for an object of minor units by currency: {"KRW": 1000}.';
revoke all on function coinslot.are_amounts(jsonb) from public;

create table coinslot.promotions (
  id text not null,
  kind text not null,
  tokens bigint,
  tokens_last_days integer,
  percent_off integer,
  amounts_off jsonb,
  products text[],
  currencies text[],
  starts_at timestamptz,
  ends_at timestamptz,
  max_uses_per_user integer not null default 1,
  first_purchase boolean not null default false,
  active boolean not null default true,
  constraint promotions_pkey primary key (id),
  constraint promotions_id_named check (id ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint promotions_kind_known check (kind in ('tokens', 'percent', 'amount')),
  constraint promotions_gives_one_thing check (
    num_nonnulls(tokens, percent_off, amounts_off) = 1 and (
      kind = 'tokens' and tokens between 1 and 9007199254740991
      or kind = 'percent' and percent_off between 1 and 99
      or kind = 'amount' and coinslot.are_amounts(amounts_off)
    ) is true
  ),
  constraint promotions_tokens_last_some_days check (
    tokens_last_days is null or tokens_last_days between 1 and 36500 and kind = 'tokens'
  ),
  constraint promotions_lists_some check (products <> '{}' and currencies <> '{}'),
  constraint promotions_ends_after_start check (
    ends_at > starts_at and isfinite(starts_at) and isfinite(ends_at)
  ),
  constraint promotions_max_uses_per_user_positive check (max_uses_per_user between 1 and 1000)
);
comment on table coinslot.promotions is 'What codes give, to whom, and when.';
comment on column coinslot.promotions.kind is
'tokens: redeemed for tokens. percent, amount: off the price of an order.';
comment on column coinslot.promotions.tokens_last_days is
'Days that its tokens last; null = for ever.';
comment on column coinslot.promotions.amounts_off is 'Minor units by currency: {"KRW": 1000}.';
comment on column coinslot.promotions.products is 'Of these products alone; null = of all.';
comment on column coinslot.promotions.currencies is 'In these currencies alone; null = in all.';
comment on column coinslot.promotions.starts_at is 'null = at once; ends_at: null = never.';
comment on column coinslot.promotions.max_uses_per_user is 'Of a user and of an identity.';
comment on column coinslot.promotions.first_purchase is 'Only for who has not bought yet.';
alter table coinslot.promotions enable row level security;
revoke all on table coinslot.promotions from anon, authenticated, service_role;
create policy "Nobody reads promotions through the API" on coinslot.promotions
for select to anon, authenticated using (false);

create table coinslot.promotion_codes (
  code text collate "C" not null,
  promotion text not null,
  max_uses integer,
  active boolean not null default true,
  created_at timestamptz not null default clock_timestamp(),
  constraint promotion_codes_pkey primary key (code),
  constraint promotion_codes_promotion_fkey foreign key (promotion)
  references coinslot.promotions (id) on delete restrict,
  constraint promotion_codes_code_shaped check (code ~ '^[A-Z0-9]{3,32}$'),
  constraint promotion_codes_max_uses_in_range check (max_uses between 1 and 100000)
);
comment on table coinslot.promotion_codes is 'Codes as they are compared: capitals and digits.';
comment on column coinslot.promotion_codes.max_uses is 'Of everybody together; null = no limit.';
create index promotion_codes_promotion on coinslot.promotion_codes (promotion, code);
alter table coinslot.promotion_codes enable row level security;
revoke all on table coinslot.promotion_codes from anon, authenticated, service_role;
create policy "Nobody reads codes through the API" on coinslot.promotion_codes
for select to anon, authenticated using (false);

-- A row for each use that a code has: whoever claims one locks a row that nobody else has locked,
-- so that a thousand people who want the same code wait for nobody. A counter would have them in a
-- row.
create table coinslot.promotion_slots (
  code text collate "C" not null,
  slot integer not null,
  until timestamptz not null default '-infinity',
  use_id bigint,
  constraint promotion_slots_pkey primary key (code, slot),
  constraint promotion_slots_code_fkey foreign key (code)
  references coinslot.promotion_codes (code) on delete cascade
) with (fillfactor = 70);
comment on table coinslot.promotion_slots is 'The uses that a limited code has.';
comment on column coinslot.promotion_slots.until is
'Until when it is taken: -infinity = never was, infinity = for good.';
comment on column coinslot.promotion_slots.use_id is 'Who took it last.';
create index promotion_slots_until on coinslot.promotion_slots (code, until);
create index promotion_slots_use_id on coinslot.promotion_slots (use_id) where use_id is not null;
alter table coinslot.promotion_slots enable row level security;
revoke all on table coinslot.promotion_slots from anon, authenticated, service_role;
create policy "Nobody reads slots through the API" on coinslot.promotion_slots
for select to anon, authenticated using (false);

create table coinslot.promotion_uses (
  id bigint generated always as identity,
  promotion text not null,
  code text collate "C" not null,
  user_id uuid not null,
  payment_id uuid,
  seq bigint,
  idempotency_key text collate "C",
  status text not null,
  overrun boolean not null default false,
  reserved_until timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint promotion_uses_pkey primary key (id),
  constraint promotion_uses_code_fkey foreign key (code)
  references coinslot.promotion_codes (code) on delete restrict,
  constraint promotion_uses_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete cascade,
  constraint promotion_uses_payment_id_key unique (payment_id),
  constraint promotion_uses_idempotency_key_key unique (user_id, idempotency_key),
  constraint promotion_uses_status_known check (status in ('reserved', 'used', 'released')),
  constraint promotion_uses_of_one_kind check (
    num_nonnulls(seq, idempotency_key) = 0 and payment_id is not null
    or num_nonnulls(seq, idempotency_key) = 2 and payment_id is null and status = 'used'
  )
);
comment on table coinslot.promotion_uses is 'Who has used which code, or may yet do so.';
comment on column coinslot.promotion_uses.seq is 'The ledger entry of tokens that were redeemed.';
comment on column coinslot.promotion_uses.status is
'reserved: by an order that is not paid. used: for good. released: by one that was called off.';
comment on column coinslot.promotion_uses.overrun is
'Paid when all uses of the code were taken: its order kept the price that it was made with.';
create index promotion_uses_user_id on coinslot.promotion_uses (user_id, promotion);
create index promotion_uses_code on coinslot.promotion_uses (code);
create index promotion_uses_used on coinslot.promotion_uses (promotion) where status = 'used';
alter table coinslot.promotion_uses enable row level security;
revoke all on table coinslot.promotion_uses from anon, authenticated, service_role;
create policy "Nobody reads uses through the API" on coinslot.promotion_uses
for select to anon, authenticated using (false);

create table coinslot.promotion_identities (
  promotion text not null,
  identity_hash text collate "C" not null,
  use_id bigint not null,
  constraint promotion_identities_pkey primary key (promotion, identity_hash, use_id),
  constraint promotion_identities_use_id_fkey foreign key (use_id)
  references coinslot.promotion_uses (id) on delete cascade
);
comment on table coinslot.promotion_identities is 'The identities of who used a promotion, then.';
create index promotion_identities_use_id on coinslot.promotion_identities (use_id);
alter table coinslot.promotion_identities enable row level security;
revoke all on table coinslot.promotion_identities from anon, authenticated, service_role;
create policy "Nobody reads identities of promotions through the API"
on coinslot.promotion_identities for select to anon, authenticated using (false);

-- ---- codes as people write them ----

create function coinslot.normal_code(code text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return upper(regexp_replace(left(normal_code.code, 200), '[\s-]', '', 'g'));
end
$$;
comment on function coinslot.normal_code(text) is
'A code as it is compared: without spaces and hyphens, in capitals.';
revoke all on function coinslot.normal_code(text) from public;

-- Sixty bits, of letters and digits that nobody confuses.
create function coinslot.new_code() returns text
language sql volatile parallel safe set search_path = '' as $$
  select string_agg(substr('ABCDEFGHJKLMNPQRSTUVWXYZ23456789', 1 + get_byte(h.hash, n) % 32, 1), '')
  from (select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))) h (hash)
  cross join generate_series(0, 11) n
$$;
comment on function coinslot.new_code() is 'A code that nobody guesses.';
revoke all on function coinslot.new_code() from public;

-- ---- setting them ----

create function coinslot.check_terms(terms jsonb) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_known constant text[] := array[
    'kind', 'tokens', 'tokens_last_days', 'percent_off', 'amounts_off', 'products', 'currencies',
    'starts_at', 'ends_at', 'max_uses_per_user', 'first_purchase', 'active'
  ];
begin
  if jsonb_typeof(check_terms.terms) is distinct from 'object' or exists (
    select from jsonb_object_keys(
      case jsonb_typeof(check_terms.terms) when 'object' then check_terms.terms end
    ) k (name) where k.name <> all (v_known)
  ) then
    perform coinslot.fail(
      'invalid_argument', jsonb_build_object('argument', 'terms', 'known', to_jsonb(v_known))
    );
  end if;
end
$$;
comment on function coinslot.check_terms(jsonb) is 'PT400 for terms that no promotion has.';
revoke all on function coinslot.check_terms(jsonb) from public;

create function coinslot.save_promotion(promotion coinslot.promotions) returns void
language sql volatile set search_path = '' as $$
  insert into coinslot.promotions as p (
    id, kind, tokens, tokens_last_days, percent_off, amounts_off, products, currencies, starts_at,
    ends_at, max_uses_per_user, first_purchase, active
  ) values (
    promotion.id, promotion.kind, promotion.tokens, promotion.tokens_last_days,
    promotion.percent_off, nullif(promotion.amounts_off, 'null'), promotion.products,
    promotion.currencies, promotion.starts_at, promotion.ends_at,
    coalesce(promotion.max_uses_per_user, 1), coalesce(promotion.first_purchase, false),
    coalesce(promotion.active, true)
  )
  on conflict (id) do update set kind = excluded.kind, tokens = excluded.tokens,
    tokens_last_days = excluded.tokens_last_days, percent_off = excluded.percent_off,
    amounts_off = excluded.amounts_off, products = excluded.products,
    currencies = excluded.currencies, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
    max_uses_per_user = excluded.max_uses_per_user, first_purchase = excluded.first_purchase,
    active = excluded.active
$$;
comment on function coinslot.save_promotion(coinslot.promotions) is 'Writes a promotion.';
revoke all on function coinslot.save_promotion(coinslot.promotions) from public;

-- What is given is set, the rest stays: orders keep the price that they were made with.
create function coinslot.set_promotion(id text, terms jsonb, reason text)
returns coinslot.promotions
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_old coinslot.promotions;
  v_new coinslot.promotions;
begin
  perform coinslot.check_terms(set_promotion.terms);
  select p.* into v_old from coinslot.promotions p where p.id = set_promotion.id for update;
  v_new := v_old;
  v_new.id := set_promotion.id;
  begin
    v_new := jsonb_populate_record(v_new, set_promotion.terms);
    perform coinslot.save_promotion(v_new);
  exception when check_violation or not_null_violation or data_exception then
    perform coinslot.fail(
      'invalid_argument', jsonb_build_object('argument', 'terms', 'reason', sqlerrm)
    );
  end;
  perform coinslot.note_action('promotion_set', set_promotion.id, set_promotion.reason,
    jsonb_build_object('from', to_jsonb(v_old), 'to', set_promotion.terms));
  select p.* into strict v_new from coinslot.promotions p where p.id = set_promotion.id;
  return v_new;
end
$$;
comment on function coinslot.set_promotion(text, jsonb, text) is
'See public.coinslot_set_promotion.';
revoke all on function coinslot.set_promotion(text, jsonb, text) from public;
grant execute on function coinslot.set_promotion(text, jsonb, text) to service_role;

create function public.coinslot_set_promotion(id text, terms jsonb, reason text default '')
returns coinslot.promotions
language sql volatile set search_path = '' as $$
  select coinslot.set_promotion(
    coinslot_set_promotion.id, coinslot_set_promotion.terms, coinslot_set_promotion.reason
  )
$$;
comment on function public.coinslot_set_promotion(text, jsonb, text) is
'Service: makes a promotion, or changes what is given of one: {kind, tokens, tokens_last_days,
percent_off, amounts_off, products, currencies, starts_at, ends_at, max_uses_per_user,
first_purchase, active}.';
revoke all on function public.coinslot_set_promotion(text, jsonb, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_set_promotion(text, jsonb, text) to service_role;

create function coinslot.set_token_promotion(id text, reason text, terms jsonb)
returns coinslot.promotions
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.require_owner(set_token_promotion.reason);
  return coinslot.set_promotion(
    set_token_promotion.id, set_token_promotion.terms, set_token_promotion.reason
  );
end
$$;
comment on function coinslot.set_token_promotion(text, text, jsonb) is
'See public.set_token_promotion.';
revoke all on function coinslot.set_token_promotion(text, text, jsonb) from public;
grant execute on function coinslot.set_token_promotion(text, text, jsonb) to authenticated;

create function public.set_token_promotion(id text, reason text, terms jsonb)
returns coinslot.promotions
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.set_token_promotion(
    set_token_promotion.id, set_token_promotion.reason, set_token_promotion.terms
  )
$$;
comment on function public.set_token_promotion(text, text, jsonb) is
'Operators, owner: the same as coinslot_set_promotion, with a reason.';
revoke all on function public.set_token_promotion(text, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.set_token_promotion(text, text, jsonb) to authenticated;

-- Fewer than are taken cannot be: what is taken stays.
create function coinslot.set_slots(code text, max_uses integer) returns void
language sql volatile set search_path = '' as $$
  delete from coinslot.promotion_slots s
  where s.code = set_slots.code and s.slot > coalesce(set_slots.max_uses, 0)
    and s.until <= clock_timestamp();
  insert into coinslot.promotion_slots (code, slot)
  select set_slots.code, n from generate_series(1, set_slots.max_uses) n
  on conflict do nothing
$$;
comment on function coinslot.set_slots(text, integer) is 'Gives a code so many uses.';
revoke all on function coinslot.set_slots(text, integer) from public;

create function coinslot.set_code(
  code text, promotion text, max_uses integer, active boolean, reason text
) returns coinslot.promotion_codes
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_code coinslot.promotion_codes;
  v_argument text;
begin
  v_code.code := coinslot.normal_code(set_code.code);
  v_argument := case
    when (v_code.code ~ '^[A-Z0-9]{3,32}$') is not true then 'code'
    when set_code.max_uses not between 1 and 100000 then 'max_uses'
    when not exists (select from coinslot.promotions p where p.id = set_code.promotion)
    then 'promotion'
    when exists (
      select from coinslot.promotion_codes c
      where c.code = v_code.code and c.promotion <> set_code.promotion
    ) then 'code'
  end;
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
  insert into coinslot.promotion_codes as c (code, promotion, max_uses, active) values (
    v_code.code, set_code.promotion, set_code.max_uses, coalesce(set_code.active, true)
  )
  on conflict on constraint promotion_codes_pkey do update set max_uses = excluded.max_uses,
    active = excluded.active
  returning c.* into v_code;
  perform coinslot.set_slots(v_code.code, v_code.max_uses);
  perform coinslot.note_action('code_set', v_code.code, set_code.reason, to_jsonb(v_code));
  return v_code;
end
$$;
comment on function coinslot.set_code(text, text, integer, boolean, text) is
'See public.coinslot_set_code.';
revoke all on function coinslot.set_code(text, text, integer, boolean, text) from public;
grant execute on function coinslot.set_code(text, text, integer, boolean, text) to service_role;

create function public.coinslot_set_code(
  code text, promotion text, max_uses integer default null, active boolean default true,
  reason text default ''
) returns coinslot.promotion_codes
language sql volatile set search_path = '' as $$
  select coinslot.set_code(
    coinslot_set_code.code, coinslot_set_code.promotion, coinslot_set_code.max_uses,
    coinslot_set_code.active, coinslot_set_code.reason
  )
$$;
comment on function public.coinslot_set_code(text, text, integer, boolean, text) is
'Service: makes a code of a promotion, or changes how often it can be used; null = as often as
anybody wants.';
revoke all on function public.coinslot_set_code(text, text, integer, boolean, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_set_code(text, text, integer, boolean, text)
to service_role;

create function coinslot.set_token_code(
  code text, promotion text, reason text, max_uses integer, active boolean
) returns coinslot.promotion_codes
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.require_owner(set_token_code.reason);
  return coinslot.set_code(
    set_token_code.code, set_token_code.promotion, set_token_code.max_uses,
    set_token_code.active, set_token_code.reason
  );
end
$$;
comment on function coinslot.set_token_code(text, text, text, integer, boolean) is
'See public.set_token_code.';
revoke all on function coinslot.set_token_code(text, text, text, integer, boolean) from public;
grant execute on function coinslot.set_token_code(text, text, text, integer, boolean)
to authenticated;

create function public.set_token_code(
  code text, promotion text, reason text, max_uses integer default null,
  active boolean default true
) returns coinslot.promotion_codes
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.set_token_code(
    set_token_code.code, set_token_code.promotion, set_token_code.reason,
    set_token_code.max_uses, set_token_code.active
  )
$$;
comment on function public.set_token_code(text, text, text, integer, boolean) is
'Operators, owner: the same as coinslot_set_code, with a reason.';
revoke all on function public.set_token_code(text, text, text, integer, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.set_token_code(text, text, text, integer, boolean)
to authenticated;

-- Each can be used once.
create function coinslot.make_codes(promotion text, number integer, reason text) returns text[]
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_codes text[];
begin
  if (make_codes.number between 1 and 10000) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "number", "min": 1, "max": 10000}');
  elsif not exists (select from coinslot.promotions p where p.id = make_codes.promotion) then
    perform coinslot.fail('invalid_argument', '{"argument": "promotion"}');
  end if;
  with made as (
    insert into coinslot.promotion_codes as c (code, promotion, max_uses)
    select coinslot.new_code(), make_codes.promotion, 1 from generate_series(1, make_codes.number)
    returning c.code
  )
  select array_agg(m.code) into v_codes from made m;
  insert into coinslot.promotion_slots (code, slot) select c, 1 from unnest(v_codes) c;
  perform coinslot.note_action('codes_made', make_codes.promotion, make_codes.reason,
    jsonb_build_object('number', make_codes.number));
  return v_codes;
end
$$;
comment on function coinslot.make_codes(text, integer, text) is 'See public.coinslot_make_codes.';
revoke all on function coinslot.make_codes(text, integer, text) from public;
grant execute on function coinslot.make_codes(text, integer, text) to service_role;

create function public.coinslot_make_codes(promotion text, number integer, reason text default '')
returns text[]
language sql volatile set search_path = '' as $$
  select coinslot.make_codes(
    coinslot_make_codes.promotion, coinslot_make_codes.number, coinslot_make_codes.reason
  )
$$;
comment on function public.coinslot_make_codes(text, integer, text) is
'Service: makes so many codes of a promotion that nobody guesses, of one use each.';
revoke all on function public.coinslot_make_codes(text, integer, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_make_codes(text, integer, text) to service_role;

create function coinslot.list_codes(promotion text, page_size integer, after text) returns table (
  code text, max_uses integer, active boolean, used bigint, reserved bigint, overrun bigint,
  created_at timestamptz
)
language sql stable security definer set search_path = '' as $$
  select c.code, c.max_uses, c.active, u.used, u.reserved, u.overrun, c.created_at
  from coinslot.promotion_codes c
  cross join lateral (
    select count(*) filter (where o.status = 'used') as used,
      count(*) filter (
        where o.status = 'reserved' and o.reserved_until > clock_timestamp()
      ) as reserved,
      count(*) filter (where o.overrun) as overrun
    from coinslot.promotion_uses o where o.code = c.code
  ) u
  where c.promotion = list_codes.promotion and c.code > coalesce(list_codes.after, '')
  order by c.code limit least(greatest(coalesce(list_codes.page_size, 500), 1), 10000)
$$;
comment on function coinslot.list_codes(text, integer, text) is 'See public.coinslot_list_codes.';
revoke all on function coinslot.list_codes(text, integer, text) from public;
grant execute on function coinslot.list_codes(text, integer, text) to service_role;

create function public.coinslot_list_codes(
  promotion text, page_size integer default 500, after text default null
) returns table (
  code text, max_uses integer, active boolean, used bigint, reserved bigint, overrun bigint,
  created_at timestamptz
)
language sql stable set search_path = '' as $$
  select * from coinslot.list_codes(
    coinslot_list_codes.promotion, coinslot_list_codes.page_size, coinslot_list_codes.after
  )
$$;
comment on function public.coinslot_list_codes(text, integer, text) is
'Service: the codes of a promotion and how often they were used; after = the last one of the page
before.';
revoke all on function public.coinslot_list_codes(text, integer, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_codes(text, integer, text) to service_role;

create function coinslot.list_promotions() returns setof coinslot.promotions
language sql stable security definer set search_path = '' as $$
  select p.* from coinslot.promotions p order by p.id
$$;
comment on function coinslot.list_promotions() is 'See public.coinslot_list_promotions.';
revoke all on function coinslot.list_promotions() from public;
grant execute on function coinslot.list_promotions() to service_role;

create function public.coinslot_list_promotions() returns setof coinslot.promotions
language sql stable set search_path = '' as $$
  select p.* from coinslot.list_promotions() p
$$;
comment on function public.coinslot_list_promotions() is
'Service: all promotions, those that are over as well.';
revoke all on function public.coinslot_list_promotions()
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_promotions() to service_role;
