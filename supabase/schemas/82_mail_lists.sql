-- Mail that did not arrive, as far as the mail server said so: for operators, and for `doctor`.

-- The newest thousand are looked at. Who got a mail afterwards is reached again.
create function coinslot.unreached() returns setof coinslot.mails
language sql stable set search_path = '' set enable_seqscan = off as $$
  select distinct on (m.user_id) m.*
  from (
    select r.* from coinslot.mails r
    where r.state in ('refused', 'given_up', 'unknown') order by r.id desc limit 1000
  ) m
  where m.finished_at > clock_timestamp() - interval '30 days'
    and exists (select from auth.users u where u.id = m.user_id and u.deleted_at is null)
    and not exists (
      select from coinslot.mails l
      where l.user_id = m.user_id and l.state = 'sent' and l.finished_at > m.finished_at
    )
  order by m.user_id, m.id
$$;
comment on function coinslot.unreached() is
'People whom mail has not reached for 30 days or less: the first mail of each that did not arrive.';
revoke all on function coinslot.unreached() from public;

-- Three of them, masked as for anybody: a command prints this. Where no server has mailed for three
-- days, mail was given up there.
create function coinslot.count_mails() returns jsonb
language sql stable set search_path = '' set enable_seqscan = off as $$
  select jsonb_build_object(
    'overdue_seconds', (
      select extract(epoch from statement_timestamp() - m.next_attempt_at) from coinslot.mails m
      where m.state = 'pending' and m.next_attempt_at <= statement_timestamp() and exists (
        select from coinslot.mailer s where s.seen_at > statement_timestamp() - interval '3 days'
      )
      order by m.next_attempt_at limit 1
    ),
    'unreached', count(u.id),
    'oldest_seconds', extract(epoch from statement_timestamp() - min(u.finished_at)),
    'shown', (
      select coalesce(jsonb_agg(coinslot.shown_email(p.email, null) order by n.id desc), '[]')
      from (select s.id, s.user_id from coinslot.unreached() s order by s.id desc limit 3) n
      inner join auth.users p on p.id = n.user_id
    )
  )
  from coinslot.unreached() u
$$;
comment on function coinslot.count_mails() is
'Mail that is late, and people whom it does not reach: how many, for how long, and some, masked.';
revoke all on function coinslot.count_mails() from public;

create function coinslot.mail_item(mail coinslot.mails, operator coinslot.operators) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', mail.id, 'kind', mail.kind, 'state', mail.state, 'user_id', mail.user_id,
    'email', coinslot.shown_email(
      (select u.email from auth.users u where u.id = mail.user_id and u.deleted_at is null),
      operator
    ),
    'tries', mail.attempts, 'code', mail.code, 'answer', mail.answer,
    'at', mail.finished_at, 'cursor', mail.id::text
  )
$$;
comment on function coinslot.mail_item(coinslot.mails, coinslot.operators) is
'A mail as a line of a list.';
revoke all on function coinslot.mail_item(coinslot.mails, coinslot.operators) from public;

create function coinslot.list_lost_mails(
  operator coinslot.operators, filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_before bigint := coinslot.read_number(list_lost_mails.after);
  v_items jsonb;
begin
  perform coinslot.check_filters(list_lost_mails.filters, array[]::text[]);
  select jsonb_agg(coinslot.mail_item(f, list_lost_mails.operator) order by f.id desc)
  into v_items
  from (
    select m.* from coinslot.mails m
    where m.state in ('refused', 'given_up', 'unknown') and m.id < v_before
    order by m.id desc limit list_lost_mails.page_size + 1
  ) f;
  return coinslot.page_of(v_items, list_lost_mails.page_size);
end
$$;
comment on function coinslot.list_lost_mails(coinslot.operators, jsonb, text, integer) is
'Mails that did not arrive, or perhaps not, the newest first.';
revoke all on function coinslot.list_lost_mails(coinslot.operators, jsonb, text, integer)
from public;
