alter table coinslot.settings
drop constraint settings_business_known,
add constraint settings_business_known check (
  coinslot.are_texts(
    business, array[
      'name', 'ceo', 'registration', 'mail_order', 'address', 'phone', 'email',
      'name_en', 'ceo_en', 'address_en'
    ]
  )
) not valid;
alter table coinslot.settings validate constraint settings_business_known;
comment on column coinslot.settings.business is
'Who sells: {name, ceo, registration, mail_order, address, phone, email}, what there is of it; and
{name_en, ceo_en, address_en} for those who read English.';

create or replace function coinslot.check_seller(business jsonb, tax_status text, time_zone text)
returns void
language plpgsql stable set search_path = '' as $$
declare
  v_argument text := case
    when not coinslot.are_texts(jsonb_strip_nulls(check_seller.business), array[
      'name', 'ceo', 'registration', 'mail_order', 'address', 'phone', 'email',
      'name_en', 'ceo_en', 'address_en'
    ]) then 'business'
    when check_seller.tax_status <> all (coinslot.tax_statuses()) then 'tax_status'
    when check_seller.time_zone is not null and not exists (
      select from pg_catalog.pg_timezone_names z where z.name = check_seller.time_zone
    ) then 'time_zone'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
end
$$;

notify pgrst, 'reload schema';
