-- Lots: tokens by where they came from. Every credit makes one; a spend touches none. What was spent
-- is drawn from them by a fold, when it matters which ones it used.
--
-- Lots never go, and what moved them is kept, so that each can be proved by the rows that moved it.

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
'The ledger entry that made it; 0 = it came from a wallet that was merged, was carried over from a
period of a plan, or a refund failed.';
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
      'reversal', 'expiry', 'referral_reversal'
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
