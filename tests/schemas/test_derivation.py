"""A schema is a migration without what only a database on its way needs."""

from __future__ import annotations

import pytest

from tests.schemas import __main__ as program
from tests.schemas.derivation import schema
from tests.schemas.statements import statements

MIGRATION = """-- A topic.
--
-- Why it is so.

-- What is in the way is said first.
do $$
begin
  perform 'a; b';
end
$$;

create table coinslot.errors (message text default 'it''s; fine');  -- a remark; of its own
comment on table coinslot.errors is 'Registry -- of errors.';

-- Known to the rules.
insert into coinslot.errors (message) values ('a'), ('b;');

-- For those who are there.
insert into public.profiles (id) select u.id from auth.users u;
select coinslot.adopt_users();

create function coinslot.f() returns text language sql as $body$ select '$$;' $body$;
"""
SCHEMA = """-- A topic.
--
-- Why it is so.

create table coinslot.errors (message text default 'it''s; fine');  -- a remark; of its own
comment on table coinslot.errors is 'Registry -- of errors.';

-- Known to the rules.
insert into coinslot.errors (message) values ('a'), ('b;');

create function coinslot.f() returns text language sql as $body$ select '$$;' $body$;
"""


def test_keeps_structure_and_reference_rows_with_their_comments() -> None:
    assert schema(MIGRATION) == SCHEMA


def test_nothing_is_left_of_a_migration_that_only_does_something() -> None:
    assert schema("-- Once.\nupdate coinslot.settings set mode = 'test';\n") == ""


@pytest.mark.parametrize("text", ["vacuum coinslot.errors;", "create table x ()"])
def test_refuses_what_it_does_not_know(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither of a schema|no statement ends"):
        schema(text)


def test_statements_lose_nothing() -> None:
    assert "".join(s.comments + s.text for s in statements(MIGRATION)) == MIGRATION.rstrip("\n")


def test_schemas_are_up_to_date() -> None:
    assert not program.outdated()
