-- Exports as operators ask for them. That one was asked for is noted; its pages are read as those
-- of a list are.

create function coinslot.start_export(
  operator coinslot.operators, list text, reason text, arguments jsonb
) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_export coinslot.exports;
begin
  if coinslot.export_columns(start_export.list) is null then
    perform coinslot.fail('invalid_argument', '{"argument": "subject", "known": ["orders",
      "refunds", "subscriptions", "entries", "cash_receipts", "actions"]}');
  elsif (arguments ->> 'format' in ('csv', 'jsonl')) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "format", "known": ["csv", "jsonl"]}');
  elsif (
    select count(*) from coinslot.exports e
    where e.user_id = operator.user_id and e.expires_at > clock_timestamp()
  ) >= coinslot.max_exports() then
    perform coinslot.fail(
      'too_many_exports', jsonb_build_object('most', coinslot.max_exports())
    );
  end if;
  v_export.user_id := operator.user_id;
  v_export.list := start_export.list;
  v_export.filters := coalesce(nullif(arguments -> 'filters', 'null'), '{}');
  v_export.format := arguments ->> 'format';
  v_export.until := clock_timestamp() - coinslot.export_margin();
  perform coinslot.export_rows(operator, v_export, null, 1);
  v_export.until := least(v_export.until, coinslot.time_argument(v_export.filters, 'until'));
  v_export.oldest := least(v_export.until, coalesce(
    coinslot.time_argument(v_export.filters, 'since'), coinslot.oldest_row(v_export.list)
  ));
  insert into coinslot.exports (user_id, list, filters, format, oldest, until) values (
    v_export.user_id, v_export.list, v_export.filters, v_export.format, v_export.oldest,
    v_export.until
  ) returning * into v_export;
  perform coinslot.note_action('list_exported', v_export.list, start_export.reason,
    jsonb_build_object('id', v_export.id, 'format', v_export.format, 'until', v_export.until,
      'filters', v_export.filters));
  return jsonb_build_object(
    'id', v_export.id, 'format', v_export.format, 'until', v_export.until
  );
end
$$;
comment on function coinslot.start_export(coinslot.operators, text, text, jsonb) is
'Begins the export of a list, and notes who takes what.';
revoke all on function coinslot.start_export(coinslot.operators, text, text, jsonb) from public;

create function coinslot.remove_export(operator coinslot.operators, id text) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_export coinslot.exports := coinslot.own_export(operator, remove_export.id);
begin
  delete from coinslot.exports e where e.id = v_export.id;
  return jsonb_build_object('id', v_export.id);
end
$$;
comment on function coinslot.remove_export(coinslot.operators, text) is
'Ends an export: no page of it is read any more.';
revoke all on function coinslot.remove_export(coinslot.operators, text) from public;

create function coinslot.act_on_export(
  operator coinslot.operators, action text, subject text, reason text, arguments jsonb
) returns jsonb
language plpgsql volatile set search_path = '' as $$
begin
  if act_on_export.action = 'start_export' then
    return coinslot.start_export(operator, subject, reason, arguments);
  end if;
  return coinslot.remove_export(operator, subject);
end
$$;
comment on function coinslot.act_on_export(coinslot.operators, text, text, text, jsonb) is
'Begins or ends an export.';
revoke all on function coinslot.act_on_export(coinslot.operators, text, text, text, jsonb)
from public;

create function coinslot.get_exports(operator coinslot.operators) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(
    jsonb_agg(to_jsonb(e) - 'user_id' order by e.started_at desc, e.id), '[]'
  )
  from coinslot.exports e
  where e.user_id = operator.user_id and e.expires_at > clock_timestamp()
$$;
comment on function coinslot.get_exports(coinslot.operators) is
'The exports of this operator that have not expired, newest first.';
revoke all on function coinslot.get_exports(coinslot.operators) from public;

-- Whoever may not export any more reads no further.
create function coinslot.read_export(
  operator coinslot.operators, filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_export coinslot.exports;
  v_page jsonb;
begin
  if not coinslot.may_do(operator, 'start_export') then
    perform coinslot.fail(
      'forbidden', jsonb_build_object('roles', coinslot.roles_for('start_export'))
    );
  end if;
  perform coinslot.check_filters(read_export.filters, array['export']);
  v_export := coinslot.own_export(operator, read_export.filters ->> 'export');
  v_page := coinslot.export_rows(
    operator, v_export, read_export.after, least(greatest(read_export.page_size, 1), 1000)
  );
  return jsonb_build_object(
    'items', coinslot.export_lines(v_export, v_page -> 'items', read_export.after is null),
    'next', v_page -> 'next', 'rows', jsonb_array_length(v_page -> 'items'),
    'share', coinslot.export_share(v_export, v_page ->> 'next')
  );
end
$$;
comment on function coinslot.read_export(coinslot.operators, jsonb, text, integer) is
'{items, next, rows, share}: lines of the file of an export, after those of the page before.';
revoke all on function coinslot.read_export(coinslot.operators, jsonb, text, integer) from public;

create function coinslot.purge_exports(batch integer) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_count bigint;
begin
  with due as materialized (
    select e.id from coinslot.exports e where e.expires_at <= clock_timestamp()
    order by e.expires_at limit purge_exports.batch
    for update skip locked
  )
  delete from coinslot.exports e using due where e.id = due.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function coinslot.purge_exports(integer) is 'Deletes exports that expired; how many.';
revoke all on function coinslot.purge_exports(integer) from public;
