-- The app's own: what was generated under which hold, so that a repeated request is answered again.
create table public.answers (
  hold_id uuid not null,
  answer text not null,
  constraint answers_pkey primary key (hold_id)
);
alter table public.answers enable row level security;
revoke all on table public.answers from anon, authenticated, service_role;
grant select, insert on table public.answers to service_role;
