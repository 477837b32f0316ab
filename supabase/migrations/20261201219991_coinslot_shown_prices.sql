-- A consent to the price that was shown, and to no other.

-- A page that was opened before a price changed shows another one than is charged. It says in its
-- consent which it showed, and nobody is charged any other.
create function coinslot.check_shown(consent jsonb, amount bigint, currency text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if nullif(check_shown.consent -> 'amount', 'null') <> to_jsonb(check_shown.amount) then
    perform coinslot.fail('changed_meanwhile', jsonb_build_object(
      'amount', check_shown.amount, 'currency', check_shown.currency
    ));
  end if;
end
$$;
comment on function coinslot.check_shown(jsonb, bigint, text) is
'PT409 where a page says that it showed another price than this.';
revoke all on function coinslot.check_shown(jsonb, bigint, text) from public;
