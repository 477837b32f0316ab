"""What the API shows, read from Postgres' own catalogue, so that whatever is new is tested too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

_RELATIONS = """
select c.relname, c.relkind = 'v',
  has_table_privilege('anon', c.oid, 'select'),
  array(
    select a.attname::text from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attidentity = ''
    order by a.attnum
  )
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
order by c.relname
"""

_RPCS = """
select p.proname, has_function_privilege('authenticated', p.oid, 'execute'),
  p.proargnames[:p.pronargs]
from pg_proc p
where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
order by p.proname
"""


@dataclass(frozen=True)
class Relation:
    name: str
    is_view: bool
    is_catalogue: bool
    """Everybody reads it; what is not is somebody's own."""
    columns: list[str]
    """Those that a write may name: not what Postgres numbers itself."""

    @property
    def owner(self) -> str:
        """The column that says whose row it is."""
        return "id" if self.name == "profiles" else "user_id"

    @property
    def row(self) -> dict[str, None]:
        """For a write that fails on privileges before it would fail on values."""
        return dict.fromkeys(self.columns)


@dataclass(frozen=True)
class Rpc:
    name: str
    for_users: bool
    parameters: list[str]

    @property
    def arguments(self) -> dict[str, None]:
        return dict.fromkeys(self.parameters)


@dataclass(frozen=True)
class Surface:
    relations: list[Relation]
    rpcs: list[Rpc]

    @property
    def private(self) -> list[Relation]:
        return [relation for relation in self.relations if not relation.is_catalogue]

    @property
    def service_rpcs(self) -> list[Rpc]:
        return [rpc for rpc in self.rpcs if not rpc.for_users]


def surface(connection: psycopg.Connection) -> Surface:
    relations = [Relation(*row) for row in connection.execute(_RELATIONS)]
    rpcs = [Rpc(name, users, names or []) for name, users, names in connection.execute(_RPCS)]
    assert len(relations) > 5
    assert len(rpcs) > 10
    return Surface(relations, rpcs)
