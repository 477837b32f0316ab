-- A top-up goes on after a review, when its owner wants it to.

insert into coinslot.errors (message, sqlstate, hint) values
('top_up_barred', 'PT409', 'Wait until what suspended it is over; the detail says what it is.');

-- Money that was accepted has ended its charge itself. Whatever else a person did with it, the
-- charge is over: it keeps no other from being made.
create function coinslot.end_top_up_reviews(user_id uuid) returns void
language sql volatile set search_path = '' set enable_seqscan = off as $$
  update coinslot.top_up_charges h set state = 'ours'
  from public.token_payments p
  where h.user_id = end_top_up_reviews.user_id and h.state = 'review' and p.id = h.payment_id
    and p.status <> 'review'
$$;
comment on function coinslot.end_top_up_reviews(uuid) is
'Ends charges of a top-up whose money is reviewed no more.';
revoke all on function coinslot.end_top_up_reviews(uuid) from public;
