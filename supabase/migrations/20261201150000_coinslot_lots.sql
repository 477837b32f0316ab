-- Lots: where the tokens of a wallet come from, how long they last, and what became of each.
--
-- Every credit makes a lot. A spend touches none: the wallet's update and its entry are all that it
-- writes, as before. A wallet is folded when it matters, and then what was spent since is drawn
-- from its lots. Between two folds the set of lots does not change and nothing expires, so that to
-- fold late gives what drawing at each spend would have given.
--
-- Tables and columns come first, and nothing uses them yet. Every column has a constant default, so
-- no table is rewritten.
select coinslot.lock_for_upgrade(array[
  'coinslot.settings', 'coinslot.refunds', 'public.token_products', 'public.token_payments',
  'public.token_wallets', 'public.token_ledger'
]::regclass[]);

-- What an app has under one of the new names is found before anything is made.
do $$
declare
  v_relations constant text[] := array['token_lots'];
  v_functions constant text[] := array['list_expiring_tokens', 'list_token_lots'];
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

alter table public.token_wallets
add column next_change_at timestamptz not null default '-infinity',
add column folded_at timestamptz not null default '-infinity',
add column credited bigint not null default 0;
comment on column public.token_wallets.next_change_at is
'No lot expires before: until then spends are fast. -infinity: tokens are kept for a hold, or the
lots are not made yet.';
comment on column public.token_wallets.folded_at is
'When what was spent was last drawn from the lots; -infinity = the lots are not made yet.';
comment on column public.token_wallets.credited is
'Sum of all entries that are no spends: less tokens, it is all that was ever spent.';

-- An expiry has no payment, or settling that would give it back. The check is validated last: to
-- read the ledger takes time, and this file has it locked.
alter table public.token_ledger drop constraint token_ledger_kind_known;
alter table public.token_ledger add constraint token_ledger_kind_known check (
  kind in (
    'signup_bonus', 'purchase', 'spend', 'spend_refund', 'refund', 'dispute', 'reversal', 'grant',
    'adjustment', 'merge_out', 'merge_in', 'test_reversal', 'expiry'
  )
) not valid;

create table public.token_lots (
  id bigint generated always as identity,
  user_id uuid not null,
  seq bigint not null,
  kind text collate "C" not null,
  payment_id uuid,
  price bigint,
  price_tokens bigint,
  tokens bigint not null,
  remaining bigint not null,
  reserved bigint not null default 0,
  spent bigint not null default 0,
  taken bigint not null default 0,
  expired bigint not null default 0,
  covered bigint not null default 0,
  expires_at timestamptz not null default 'infinity',
  priority bigint not null default 0,
  paid boolean not null default false,
  created_at timestamptz not null default clock_timestamp(),
  constraint token_lots_pkey primary key (id),
  constraint token_lots_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete restrict,
  constraint token_lots_tokens_positive check (tokens > 0),
  constraint token_lots_parts check (tokens = remaining + reserved + spent + taken + expired),
  constraint token_lots_parts_not_negative check (
    least(remaining, reserved, spent, taken, expired, covered) >= 0 and covered <= expired
  ),
  constraint token_lots_priced check (
    (price is null) = (price_tokens is null) and price >= 0 and price_tokens > 0
  )
) with (fillfactor = 70);
comment on table public.token_lots is
'Tokens by where they came from, as of their wallet''s folded_at. list_token_lots() is of now.';
comment on column public.token_lots.seq is
'The ledger entry that made it; 0 = it came from a wallet that was merged, or a refund failed.';
comment on column public.token_lots.price is
'Minor units that were paid for price_tokens tokens; null = nothing was paid.';
comment on column public.token_lots.remaining is 'Tokens that are there, as of folded_at.';
comment on column public.token_lots.reserved is 'Set aside by an open refund of its own order.';
comment on column public.token_lots.taken is 'Went back with money, or into another lot.';
comment on column public.token_lots.covered is
'Expired tokens whose money went back later: nothing more was taken for them.';
comment on column public.token_lots.expires_at is 'infinity = never.';
comment on column public.token_lots.priority is
'Of lots that expire at the same time the lower ones are drawn first.';

-- What is drawn from, what a spend is given back to, what a refund takes, what expires next.
create index token_lots_open on public.token_lots (user_id) where remaining > 0 or reserved > 0;
create index token_lots_user_id on public.token_lots (user_id, seq);
create index token_lots_payment_id on public.token_lots (payment_id) where payment_id is not null;
create index token_lots_expiring on public.token_lots (expires_at, id)
where remaining > 0 and expires_at < 'infinity';

alter table public.token_lots enable row level security;
revoke all on table public.token_lots from anon, authenticated, service_role;
revoke all on sequence public.token_lots_id_seq from anon, authenticated, service_role;
grant select on table public.token_lots to authenticated, service_role;
create policy "People read their own lots" on public.token_lots
for select to authenticated using ((select auth.uid()) = user_id);

-- Sums by cause are the lot's columns: `spent` is of spend, debt and spend_refund; `taken` of
-- refund, dispute, test_reversal, merge, moved and reversal; `expired` of expiry. No foreign keys:
-- lots never go, and a fold would pay for each check. verify_ledger() proves what they would have.
create table coinslot.lot_draws (
  id bigint generated always as identity,
  lot_id bigint,
  user_id uuid not null,
  seq bigint not null,
  cause text collate "C" not null,
  tokens bigint not null,
  drawn_from bigint,
  drawn_to bigint,
  at timestamptz not null default clock_timestamp(),
  constraint lot_draws_pkey primary key (id),
  constraint lot_draws_cause_known check (
    cause in (
      'spend', 'debt', 'spend_refund', 'refund', 'dispute', 'test_reversal', 'merge', 'moved',
      'reversal', 'expiry'
    )
  ),
  constraint lot_draws_signed check (
    case when cause in ('spend_refund', 'reversal') then tokens < 0 else tokens > 0 end
  ),
  constraint lot_draws_spend_has_place check (
    case cause when 'spend' then 2 else 0 end = num_nonnulls(drawn_from, drawn_to)
    and drawn_to - drawn_from = tokens
  )
);
comment on table coinslot.lot_draws is 'Each taking from a lot, and each giving back (negative).';
comment on column coinslot.lot_draws.lot_id is 'null = a debt: no lot had these tokens.';
comment on column coinslot.lot_draws.user_id is 'In whose history it happened.';
comment on column coinslot.lot_draws.seq is
'The entry that it belongs to; of a spend, a debt and a move the latest entry then.';
comment on column coinslot.lot_draws.cause is
'debt: a new lot paid for what had been taken beyond the balance.';
comment on column coinslot.lot_draws.drawn_from is
'Its place on the line of all tokens that the wallet ever spent, by which the ledger tells when.';
comment on column coinslot.lot_draws.at is 'Of an expiry when it ended, else when it was written.';
create index lot_draws_lot_id on coinslot.lot_draws (lot_id);
create index lot_draws_user_id on coinslot.lot_draws (user_id, seq);
alter table coinslot.lot_draws enable row level security;
revoke all on table coinslot.lot_draws from anon, authenticated, service_role;
create policy "Nobody reads draws through the API" on coinslot.lot_draws
for select to anon, authenticated using (false);
create trigger lot_draws_append_only before update or delete on coinslot.lot_draws
for each row execute function coinslot.refuse_change();
create trigger lot_draws_no_truncate before truncate on coinslot.lot_draws
for each statement execute function coinslot.refuse_change();

-- What money took, in order, so that money which comes back gives it back to where it came from.
create table coinslot.lot_takings (
  id bigint generated always as identity,
  payment_id uuid not null,
  refund_id uuid,
  lot_id bigint,
  origin text collate "C" not null,
  tokens bigint not null,
  returned bigint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  constraint lot_takings_pkey primary key (id),
  constraint lot_takings_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete restrict,
  constraint lot_takings_refund_id_fkey foreign key (refund_id)
  references coinslot.refunds (id) on delete restrict,
  constraint lot_takings_origin_known check (origin in ('lot', 'covered', 'debt')),
  constraint lot_takings_debt_has_no_lot check ((origin = 'debt') = (lot_id is null)),
  constraint lot_takings_returned_fits check (returned between 0 and tokens and tokens > 0)
);
comment on table coinslot.lot_takings is 'Tokens that went with the money of an order.';
comment on column coinslot.lot_takings.refund_id is
'Covered when this refund was asked for; while that is open, nothing is settled by it.';
comment on column coinslot.lot_takings.origin is
'lot: taken from it. covered: had expired in it. debt: was taken beyond the balance.';
comment on column coinslot.lot_takings.returned is 'What of it was given back.';
create index lot_takings_payment_id on coinslot.lot_takings (payment_id, id);
create index lot_takings_refund_id on coinslot.lot_takings (refund_id) where refund_id is not null;
alter table coinslot.lot_takings enable row level security;
revoke all on table coinslot.lot_takings from anon, authenticated, service_role;
create policy "Nobody reads takings through the API" on coinslot.lot_takings
for select to anon, authenticated using (false);

alter table coinslot.refunds
add column reserved bigint not null default 0,
add column covered bigint not null default 0;
comment on column coinslot.refunds.reserved is 'Tokens set aside in the lots of its order.';
comment on column coinslot.refunds.covered is
'Tokens that had expired: none are set aside for them.';

-- How long the tokens of a product last; an order keeps what it was made with.
alter table public.token_products
add column tokens_last_days integer,
add column tokens_end_at timestamptz;
comment on column public.token_products.tokens_last_days is
'Days after they were credited; null = no such rule.';
comment on column public.token_products.tokens_end_at is
'When all of them expire; null = no such rule. With neither they never do.';
alter table public.token_products add constraint token_products_expiry_fits check (
  num_nonnulls(tokens_last_days, tokens_end_at) <= 1 and tokens_last_days between 1 and 36500
  and tokens_end_at < '10000-01-01 00:00:00+00'
) not valid;
alter table public.token_payments
add column tokens_last_days integer,
add column tokens_end_at timestamptz;
comment on column public.token_payments.tokens_last_days is
'How many days its tokens last; null = no such rule.';
comment on column public.token_payments.tokens_end_at is
'When its tokens expire; null = no such rule. With neither they never do.';

alter table coinslot.settings
add column returned_lifetime interval not null default interval '7 days';
comment on column coinslot.settings.returned_lifetime is
'How long tokens live that come back when their lot has expired; 0 = not at all.';
alter table coinslot.settings add constraint settings_returned_lifetime_not_negative
check (returned_lifetime >= interval '0') not valid;

notify pgrst, 'reload schema';
