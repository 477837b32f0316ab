"""Files that an app's folder still needs: their order, their times, and what is recognised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from coinslot.installation.additions import additions
from coinslot.installation.choices import Choices
from coinslot.installation.refusal import InstallationRefused
from coinslot.installation.shipped import database_check, shipped_migrations
from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2027, 1, 31, 23, 59, 58, tzinfo=UTC)
SHIPPED = shipped_migrations()
TOPICS = [migration.topic for migration in SHIPPED]
WHOLE = [TOPICS[0], "choices", *TOPICS[1:]]


def added(files: Mapping[str, bytes], choices: Choices | None = None) -> dict[str, bytes]:
    return additions(files, SHIPPED, choices, NOW)


def topics(files: Mapping[str, bytes]) -> list[str]:
    return [name.partition("_coinslot_")[2].removesuffix(".sql") for name in files]


def times(files: Mapping[str, bytes]) -> list[datetime]:
    versions = [name.partition("_")[0] for name in files]
    assert {len(version) for version in versions} == {14}
    return [datetime.strptime(v, "%Y%m%d%H%M%S").replace(tzinfo=UTC) for v in versions]


def test_the_shipped_ones_are_those_of_the_repository() -> None:
    files = sorted((ROOT / "supabase/migrations").glob("*.sql"))
    assert [migration.name for migration in SHIPPED] == [file.name for file in files]
    assert [migration.text for migration in SHIPPED] == [file.read_bytes() for file in files]
    assert len(set(TOPICS)) == len(TOPICS)
    assert "choices" not in TOPICS


def test_the_check_of_a_database_is_the_beginning_of_the_first() -> None:
    check = database_check(SHIPPED[0])
    assert check.startswith("do $$")
    assert check.endswith("$$;")
    assert "create schema" not in check
    assert f"{check}\n\ncreate schema coinslot;" in SHIPPED[0].text.decode()


def test_an_empty_folder_gets_all_of_them_in_order_up_to_now() -> None:
    files = added({})
    assert topics(files) == WHOLE
    assert times(files) == [NOW - timedelta(seconds=n) for n in reversed(range(len(WHOLE)))]
    texts = [text for name, text in files.items() if not name.endswith("_choices.sql")]
    assert texts == [migration.text for migration in SHIPPED]


@pytest.mark.parametrize(
    ("newest", "first"),
    [
        ("0001_begin.sql", NOW - timedelta(seconds=len(WHOLE) - 1)),
        ("20270131235957_own.sql", NOW),
        ("20270131235958_own.sql", NOW + timedelta(seconds=1)),
        ("20270131235959_own.sql", datetime(2027, 2, 1, tzinfo=UTC)),
        ("20280229235959_own.sql", datetime(2028, 3, 1, tzinfo=UTC)),
        ("20281121100870_own.sql", datetime(2028, 11, 21, 10, 9, tzinfo=UTC)),
        ("20281399999999_own.sql", datetime(2029, 1, 1, tzinfo=UTC)),
        ("20280101_own.sql", datetime(2028, 1, 2, tzinfo=UTC)),
        ("202801010000000_own.sql", datetime(2028, 1, 1, 0, 0, 1, tzinfo=UTC)),
    ],
)
def test_they_come_right_behind_the_newest_of_the_app(newest: str, first: datetime) -> None:
    files = added({newest: b"select 1;", "20200101000000_old.sql": b"select 2;"})
    assert times(files) == [first + timedelta(seconds=n) for n in range(len(WHOLE))]
    assert min(files) > newest
    assert min(files).partition("_")[0] > newest.partition("_")[0]


def test_nothing_comes_behind_the_end_of_time() -> None:
    with pytest.raises(InstallationRefused, match="99991231235959"):
        added({"99991231235959_own.sql": b""})


def test_a_second_time_adds_nothing() -> None:
    files = added({}, Choices(mode="live"))
    assert added(files) == {}
    assert added(files, Choices(mode="live")) == {}
    assert added({name: text.replace(b"\n", b"\r\n") for name, text in files.items()}) == {}


@pytest.mark.parametrize("number", range(1, len(WHOLE)))
def test_a_copy_that_broke_off_is_completed(number: int) -> None:
    files = added({}, Choices(profiles="own"))
    there = dict(list(files.items())[:number])
    rest = added(there | {"20270201000000_own.sql": b"select 1;"}, Choices(profiles="own"))
    assert topics(there) + topics(rest) == WHOLE
    assert list(there.values()) + list(rest.values()) == list(files.values())
    assert min(rest) > "20270201000000_own.sql"


def test_a_copy_by_hand_is_recognised_under_any_name() -> None:
    assert added({migration.name: migration.text for migration in SHIPPED}) == {}
    assert added({f"3{n:013}_mine.sql": m.text for n, m in enumerate(SHIPPED)}) == {}


@pytest.mark.parametrize("name", ["{version}_coinslot_{topic}.sql", "{shipped}"])
def test_an_edited_copy_is_named(name: str) -> None:
    files = {migration.name: migration.text for migration in SHIPPED}
    for edited in (SHIPPED[3], SHIPPED[5]):
        del files[edited.name]
        given = name.format(version=edited.name[:14], topic=edited.topic, shipped=edited.name)
        files[given] = edited.text + b"-- mine\n"
    with pytest.raises(InstallationRefused) as refused:
        added(files)
    _, *named = str(refused.value).splitlines()
    assert [SHIPPED[3].topic in named[0], SHIPPED[5].topic in named[1], len(named)] == [
        True,
        True,
        2,
    ]


def test_an_apps_own_files_of_the_same_topic_are_its_own() -> None:
    own = {"20200101000000_users.sql": b"create table users ();", "20200102000000_holds.sql": b""}
    assert topics(added(own)) == WHOLE


def test_a_copy_that_is_there_twice_is_named() -> None:
    first = SHIPPED[0]
    with pytest.raises(InstallationRefused, match="there twice, as 1_coinslot_fo"):
        added({"1_coinslot_foundation.sql": first.text, "2_coinslot_foundation.sql": first.text})


def test_a_gap_before_what_is_there_is_named() -> None:
    files = {migration.name: migration.text for migration in SHIPPED}
    del files[SHIPPED[2].name], files[SHIPPED[-1].name]
    with pytest.raises(InstallationRefused, match=rf"{SHIPPED[3].name}: {TOPICS[2]} is missing"):
        added(files)


def test_choices_are_written_once_and_never_again() -> None:
    files = added({})
    (name,) = (name for name in files if name.endswith("_coinslot_choices.sql"))
    assert files[name] == Choices().sql()
    files[name] += b"update coinslot.settings set signup_bonus = 3;\n"
    assert added(files) == {}
    with pytest.raises(InstallationRefused, match=f"{name} has other choices, and is yours"):
        added(files, Choices(mode="live"))


def test_choices_that_come_too_late_are_refused() -> None:
    files = {migration.name: migration.text for migration in SHIPPED[:2]}
    assert topics(added(files)) == TOPICS[2:]
    with pytest.raises(InstallationRefused, match="there already"):
        added(files, Choices(mode="live"))
