-- Of nothing and a day the lesser is a day: an endpoint that names no time is tried again soon.

create or replace function coinslot.note_failure(
  delivery coinslot.deliveries, gone boolean, retry_after integer
) returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_wait interval := case when coinslot.delivery_wait(delivery.attempts) is not null then greatest(
    coinslot.delivery_wait(delivery.attempts) * (0.8 + 0.4 * random()),
    make_interval(secs => least(coalesce(note_failure.retry_after, 0), 86400))
  ) end;
  v_since timestamptz;
begin
  update coinslot.deliveries d set
    state = case when v_wait is null then 'parked' else 'pending' end,
    finished_at = case when v_wait is null then clock_timestamp() end,
    next_attempt_at = clock_timestamp() + coalesce(v_wait, interval '0')
  where d.id = delivery.id;
  update coinslot.endpoints e set failing_since = coalesce(e.failing_since, clock_timestamp())
  where e.id = delivery.endpoint_id
  returning e.failing_since into v_since;
  if note_failure.gone then
    perform coinslot.switch_off(delivery.endpoint_id, 'gone');
    return 'parked';
  elsif v_since < clock_timestamp() - (
    select s.endpoint_patience from coinslot.settings s where s.id
  ) then
    perform coinslot.switch_off(delivery.endpoint_id, 'failing');
    return 'parked';
  elsif v_wait is null then
    perform coinslot.call_next(delivery);
    return 'parked';
  end if;
  return 'pending';
end
$$;

notify pgrst, 'reload schema';
