-- Mail that did not arrive: who is not reached, who is told of it, and who sees what.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/staff.sql
select no_plan();

select pg_temp.sign_up('ann@example.com') as ann \gset
select pg_temp.sign_up('ben@example.com') as ben \gset
select pg_temp.as_service('select coinslot_claim_mails() is null as r') \g /dev/null
-- One mail, and what the mail server makes of it.
create function pg_temp.mailed(user_id uuid, outcome text, code integer, answer text) returns text
language plpgsql as $$
declare
  v_job jsonb;
begin
  perform coinslot.emit('wallet.low', mailed.user_id, '{"tokens": 1, "mark": 5}');
  v_job := pg_temp.as_service('select to_jsonb(c) as j from unnest(coinslot_claim_mails(1)) c') -> 'j';
  return pg_temp.as_service(format(
    'select coinslot_finish_mail(%s, 1, %L, %s, %L) as r', v_job ->> 'id', outcome, code, answer
  )) ->> 'r';
end
$$;
create function pg_temp.backlog() returns jsonb
language sql as $$ select pg_temp.as_service('select coinslot_get_backlog() -> ''mails'' as m') -> 'm' $$;
create function pg_temp.lost(role text) returns text
language sql as $$
  select string_agg(concat_ws(' ', i ->> 'email', i ->> 'state', i ->> 'code', i ->> 'answer'), ', ' order by n)
  from jsonb_array_elements(pg_temp.list(role, 'mails') -> 'items') with ordinality j (i, n)
$$;
create function pg_temp.ago(span interval) returns void
language sql as $$ update coinslot.mails set finished_at = finished_at - span where state <> 'pending' $$;

select is(pg_temp.mailed(:'ann', 'accepted', 250, 'queued'), 'sent', 'one that is taken');
select is(pg_temp.backlog() - 'overdue_seconds', '{"unreached": 0, "oldest_seconds": null, "shown": []}', 'all are reached');
select is(pg_temp.get('support', 'attention') -> 'mails', '0', '... and nobody needs to look');
select is(pg_temp.lost('owner'), null, '... nor finds anything');

select is(pg_temp.mailed(:'ann', 'permanent', 550, '5.7.1 spam'), 'refused', 'one that is refused');
select pg_temp.ago('2 days') \g /dev/null
select is(pg_temp.mailed(:'ann', 'permanent', 550, '5.7.1 again'), 'refused', '... and another of that person');
select is(pg_temp.mailed(:'ben', 'permanent', 552, '5.2.2 full'), 'refused', '... and one of somebody else');
select is(pg_temp.backlog() ->> 'unreached', '2', 'two people are not reached');
select is(
  round((pg_temp.backlog() ->> 'oldest_seconds')::numeric / 86400), 2::numeric, '... the first since the first of those mails'
);
select is(pg_temp.backlog() -> 'shown', '["b***@example.com", "a***@example.com"]', '... who are shown masked');
select is(pg_temp.get('support', 'attention') -> 'mails', '2', 'the console counts them');
select ok(
  (pg_temp.get('support', 'attention') ->> 'oldest_mail')::timestamptz < now() - interval '1 day', '... and says since when'
);
select is(pg_temp.lost('support'),
  'b***@example.com refused 552 5.2.2 full, a***@example.com refused 550 5.7.1 again, a***@example.com refused 550 5.7.1 spam',
  'each mail stands in the list, the newest first, with masked addresses');
select ok(pg_temp.lost('owner') like 'ben@example.com refused%', '... which an owner sees in full');
select is(jsonb_array_length(pg_temp.list('owner', 'mails', '{}', null, 2) -> 'items'), 2, 'a page of it');
select is(
  jsonb_array_length(pg_temp.list('owner', 'mails', '{}', pg_temp.list('owner', 'mails', '{}', null, 2) ->> 'next', 2) -> 'items'),
  1, '... and the rest'
);
select is(pg_temp.list('owner', 'mails', '{"state": "sent"}') ->> 'error', 'invalid_argument', 'there is no filter');

select is(pg_temp.mailed(:'ann', 'accepted', 250, 'queued'), 'sent', 'a mail arrives again');
select is(pg_temp.backlog() -> 'shown', '["b***@example.com"]', '... and that person counts no more');
select pg_temp.ago('31 days') \g /dev/null
select is(pg_temp.backlog() ->> 'unreached', '0', 'after 30 days nobody is asked to look any more');
select is(pg_temp.mailed(:'ben', 'permanent', 552, '5.2.2 full'), 'refused', 'one more');
update auth.users set deleted_at = now() where id = :'ben';
select is(pg_temp.backlog() ->> 'unreached', '0', 'who is deleted is not looked for');
select ok(pg_temp.lost('owner') like 'refused 552%', '... and is named by nothing');

select coinslot.emit('wallet.low', :'ann', '{"tokens": 1, "mark": 5}') \g /dev/null
select ok((pg_temp.backlog() ->> 'overdue_seconds')::numeric < 60, 'what is due waits for a moment');
update coinslot.mails set next_attempt_at = now() - interval '1 hour' where state = 'pending';
select ok((pg_temp.backlog() ->> 'overdue_seconds')::numeric >= 3600, '... or for long');
update coinslot.mailer set seen_at = now() - interval '4 days';
select is(pg_temp.backlog() ->> 'overdue_seconds', null, '... where a server mails');

select * from finish();
rollback;
