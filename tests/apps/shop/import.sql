drop function public.spend_credits(integer);
select * from coinslot.import_balances('public.credits', 'user_id', 'amount', reason => 'From before');
