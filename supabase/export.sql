-- noqa: disable=all
-- The books as CSV, before leaving or for an accountant: psql writes one file each into the folder
-- where it is run. Amounts are minor units, times are UTC. In one snapshot, so that they agree.
--
--   psql "$DATABASE_URL" --file export.sql
\set ON_ERROR_STOP on
begin isolation level repeatable read read only;
set local timezone = 'UTC';
\copy (select * from public.token_wallets order by user_id) to 'wallets.csv' csv header
\copy (select * from public.token_ledger order by user_id, seq) to 'ledger.csv' csv header
\copy (select * from public.token_payments order by created_at, id) to 'payments.csv' csv header
\copy (select * from public.token_payment_events order by id) to 'payment_events.csv' csv header
\copy (select * from coinslot.payment_attempts order by id) to 'payment_attempts.csv' csv header
\copy (select * from coinslot.refunds order by created_at, id) to 'refunds.csv' csv header
\copy (select * from coinslot.token_holds order by created_at, id) to 'holds.csv' csv header
\copy (select * from coinslot.spend_refunds order by user_id, seq) to 'spend_refunds.csv' csv header
\copy (select * from public.token_lots order by id) to 'lots.csv' csv header
\copy (select * from coinslot.lot_draws order by id) to 'lot_draws.csv' csv header
\copy (select * from coinslot.lot_takings order by id) to 'lot_takings.csv' csv header
\copy (select * from coinslot.merged_wallets order by from_user) to 'merged_wallets.csv' csv header
\copy (select * from coinslot.imported_balances order by column_name, user_id) to 'imported_balances.csv' csv header
\copy (select * from coinslot.discrepancies order by id) to 'discrepancies.csv' csv header
\copy (select * from coinslot.operators order by user_id) to 'operators.csv' csv header
\copy (select * from coinslot.money_moves order by id) to 'money_moves.csv' csv header
\copy (select * from coinslot.operator_actions order by id) to 'operator_actions.csv' csv header
\copy (select * from public.token_products order by id) to 'products.csv' csv header
\copy (select * from public.token_prices order by product_id, currency) to 'prices.csv' csv header
commit;
