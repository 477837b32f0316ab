alter function public.spend_tokens(integer) rename to spend_credits;
