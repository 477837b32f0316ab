"""A release is made in a copy of this checkout: what it froze is refused when it changes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from coinslot.release import VERSION
from devstack.settings import ROOT
from tests.releases import checksums, release, versions
from tests.releases.copies import candidate_of, checked_out, copied, migration, telling, upgrade

if TYPE_CHECKING:
    from pathlib import Path

LATER = "29990101000000_coinslot_later.sql"
BETWEEN = "29990101000100_coinslot_between.sql"
LATEST = "29990102000000_coinslot_latest.sql"
KEPT = versions.told(ROOT).oldest_sidecar
"""The oldest sidecar that this checkout's database serves."""


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    """A copy of which a candidate was made."""
    root = copied(tmp_path / "candidate")
    assert release.freeze(root, candidate_of(VERSION)) == []
    return root


def test_this_checkout_is_sound() -> None:
    assert release.problems(ROOT) == []


def test_a_release_renames_and_freezes_everything(candidate: Path) -> None:
    told = versions.told(candidate)
    assert (told.program, told.schema) == (candidate_of(VERSION),) * 2
    assert checksums.unreleased(candidate / "supabase") == []
    check = ["/usr/bin/env", "sha256sum", "--check", "--strict", "--quiet", checksums.LIST]
    subprocess.run(check, cwd=candidate / "supabase", check=True)
    schemas = "".join(
        file.read_text() for file in (candidate / "supabase/schemas").glob("*_schema_version.sql")
    )
    assert schemas.count(f"return '{candidate_of(VERSION)}';") == 1


def test_released_files_that_change_or_vanish_are_refused(candidate: Path) -> None:
    first, second, *_ = sorted((candidate / "supabase/migrations").glob("*.sql"))
    first.write_text(first.read_text() + "\n")
    second.unlink()
    assert release.problems(candidate) == [
        f"{second.name} was released and is gone",
        f"{first.name} was released and has changed: put it back, and write a new migration",
    ]
    assert release.freeze(candidate, "999.0.0rc1")[:2] == release.problems(candidate)


def test_a_migration_before_released_ones_is_refused(candidate: Path) -> None:
    early = migration(candidate, "20261121100001_coinslot_early.sql", "select 1;\n")
    assert any(
        problem.startswith(f"{early.name} comes before ") for problem in release.problems(candidate)
    )


def test_an_upgrade_that_makes_hand_edits_its_own_is_refused(candidate: Path) -> None:
    versions.set_program(candidate, VERSION="999.0.0.dev0")
    told = telling("999.0.0.dev0", KEPT)
    begin, end = checksums.BEGIN, checksums.END
    names = [LATER, BETWEEN, LATEST]
    for texts, refused in (
        ([f"-- Later\n{begin}", "select 1;", f"{told}{end}"], []),
        (["select 1;", "select 1;", f"{told}{end}"], [f"{LATER} has to begin with {begin}"]),
        ([f"select 1; {begin}", "", f"{told}{end}"], [f"{LATER} has to begin with {begin}"]),
        ([begin, "", told], [f"{LATEST} has to end with {end}"]),
        ([begin, "", f"{end}\n{told}"], [f"{LATEST} has to end with {end}"]),
        ([f"{begin}{end}", "", f"{told}{end}"], [f"{LATER} must not end with {end}"]),
        (
            [begin, f"{begin}{end}", f"{told}{end}"],
            [f"{BETWEEN} must not begin with {begin}", f"{BETWEEN} must not end with {end}"],
        ),
    ):
        for name, text in zip(names, texts, strict=True):
            migration(candidate, name, text)
        found = [problem.rpartition(": ")[0] for problem in release.problems(candidate)]
        assert found == refused


def test_the_last_migration_of_a_release_tells_its_version(candidate: Path) -> None:
    versions.set_program(candidate, VERSION="999.0.0.dev0")
    assert release.problems(candidate) == []
    later = f"{checksums.BEGIN} create table coinslot.later ();"
    migration(candidate, LATER, f"{later} {checksums.END}")
    forgotten = release.problems(candidate)
    assert [problem.partition(" ")[2][:20] for problem in forgotten] == [
        f"is {candidate_of(VERSION)}, it has to"[:20],
        "last migration of a ",
    ]
    migration(candidate, LATER, later)
    migration(candidate, LATEST, telling("999.0.0.dev0", KEPT) + checksums.END)
    assert release.problems(candidate) == []
    assert release.freeze(candidate, "999.0.0rc1") == []
    assert versions.told(candidate).schema == "999.0.0rc1"
    assert versions.told(candidate).oldest_sidecar == KEPT


def test_two_releases_are_kept(candidate: Path) -> None:
    for major in (997, 998, 999):
        versions.set_program(candidate, VERSION=f"{major}.0.0.dev0")
        oldest = "997.0.0rc1" if major == 999 else KEPT
        name = f"2999010{major - 990}000000_coinslot_next.sql"
        migration(candidate, name, upgrade(telling(f"{major}.0.0.dev0", oldest)))
        assert release.freeze(candidate, f"{major}.0.0rc1") == []
    versions.set_program(candidate, VERSION="1000.0.0.dev0")
    told = upgrade(telling("1000.0.0.dev0", "999.0.0rc1"))
    migration(candidate, LATEST.replace("0102", "0201"), told)
    assert release.problems(candidate) == [
        "coinslot.oldest_sidecar() is 999.0.0rc1, two releases back is 998.0.0rc1"
    ]


@pytest.mark.parametrize("version", ["0.0.1", "1.0", "999.0.0"])
def test_a_version_that_cannot_be_made_is_refused_and_nothing_changes(
    tmp_path: Path, version: str
) -> None:
    root = copied(tmp_path / "copy")
    assert release.freeze(root, version)
    assert versions.told(root) == versions.told(ROOT)
    assert checksums.releases(root / "supabase") == checksums.releases(ROOT / "supabase")


def test_a_version_is_made_once(candidate: Path) -> None:
    assert "does not come after" in release.freeze(candidate, candidate_of(VERSION))[0]


def test_an_earlier_release_is_taken_from_its_tag(tmp_path: Path) -> None:
    root = checked_out("HEAD", tmp_path / "earlier")
    assert versions.told(root).program
    assert (root / "sidecar/coinslot/__main__.py").exists()
