select coinslot.close_table('public.payments');
