"""Histories of the first release, of as many entries as are wanted: tokens given and taken in turn.

A tenth of the entries are of one wallet; the others have 90 each, which add up. What is taken is
drawn from lots as a spend is. It is an adjustment, for nobody has asked for these spends.
"""

from __future__ import annotations

import psycopg

EACH = 90
_LONG_PART = 10
# Neither are people greeted, nor entries looked at one by one: what they are adds up.
_FILL = """
create schema if not exists filled;
create table filled.people (id uuid primary key, entries bigint not null);
insert into filled.people select gen_random_uuid(), {each} from generate_series(1, {people});
insert into filled.people values (gen_random_uuid(), {long});
set session_replication_role = replica;
insert into auth.users (id, instance_id, aud, role, email, created_at, updated_at)
select p.id, '00000000-0000-0000-0000-000000000000', 'authenticated', 'authenticated',
  p.id || '@example.com', now(), now()
from filled.people p;
insert into public.token_ledger (
  user_id, seq, delta, balance, kind, caller, idempotency_key, reason
)
select p.id, n, case when n % 2 = 1 then 10 else -7 end, (n + 1) / 2 * 10 - n / 2 * 7,
  case when n % 2 = 1 then 'grant' else 'adjustment' end, 'service', 'filled ' || n, 'from before'
from filled.people p cross join lateral generate_series(1, p.entries) n;
insert into public.token_wallets (user_id, tokens, seq)
select p.id, (p.entries + 1) / 2 * 10 - p.entries / 2 * 7, p.entries from filled.people p;
set session_replication_role = origin;
analyze public.token_ledger;
analyze public.token_wallets;
"""


def fill(url: str, entries: int) -> None:
    """Writes them as the superuser whose `url` this is."""
    long = entries // _LONG_PART
    script = _FILL.format(each=EACH, people=(entries - long) // EACH, long=long)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(script.encode())
