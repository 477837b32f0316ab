select * from coinslot.import_balances('public.profiles', 'id', 'tokens');
select coinslot.close_table('public.payments');
