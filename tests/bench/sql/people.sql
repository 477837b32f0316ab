-- People with tokens to spend. They come by them as everybody does: by signing up, and by a grant.
insert into auth.users (id, email)
select
  md5('bench ' || n)::uuid,
  n || '@bench.example'
from generate_series(1, %(users)s) as n;

select count(public.add_tokens(md5('bench ' || n)::uuid, %(tokens)s, 'bench'))
from generate_series(1, %(users)s) as n;
