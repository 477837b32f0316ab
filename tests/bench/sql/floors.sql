-- The floors: the tables of the product once more, with the same columns, checks, indexes and
-- foreign keys, for statements written by hand that do the least that has to be done. No row level
-- security, no triggers, no functions: whoever calls is trusted.

create schema bench;
grant usage on schema bench to authenticator, authenticated, service_role;

create table bench.wallets (like public.token_wallets including all) with (fillfactor = 50);
create table bench.token_holds (
  like coinslot.token_holds including all,
  foreign key (user_id) references bench.wallets (user_id)
);
create table bench.payments (
  like public.token_payments including all,
  foreign key (product_id) references public.token_products (id),
  foreign key (gateway) references coinslot.gateways (id),
  foreign key (status) references coinslot.payment_statuses (status)
);
create table bench.payment_attempts (
  like coinslot.payment_attempts including all,
  foreign key (payment_id) references bench.payments (id),
  foreign key (gateway) references coinslot.gateways (id)
);
create table bench.payment_events (
  like public.token_payment_events including all,
  foreign key (payment_id) references bench.payments (id)
);
create table bench.token_ledger (
  like public.token_ledger including all,
  foreign key (payment_id) references bench.payments (id)
);

-- Balances alone, as an app would have them that keeps no history.
create table bench.balances (
  user_id uuid primary key,
  tokens bigint not null check (tokens >= 0)
) with (fillfactor = 50);

create sequence bench.applied;
create sequence bench.applied_by_hand;

grant select, insert, update on all tables in schema bench to authenticated, service_role;
grant usage on all sequences in schema bench to authenticator, authenticated, service_role;
-- The checks of the copies call some.
grant execute on all functions in schema coinslot to service_role;
