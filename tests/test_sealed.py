"""Secrets that are kept sealed: they open with their key, for what they were sealed for, or not."""

from __future__ import annotations

import base64
import os

import pytest

from coinslot.errors import SecretKeysMissing, SecretUnreadable
from coinslot.sealed import SecretKeys, parse_keys

SECRET = b"whsec_something"
OF = {"purpose": "endpoint", "owner": "6f1c"}


def entry(key_id: str, key: bytes | None = None) -> str:
    return f"{key_id}:{base64.b64encode(key or os.urandom(32)).decode()}"


@pytest.fixture
def keys() -> SecretKeys:
    return parse_keys([entry("new"), entry("old")])


def test_opens_what_it_sealed(keys: SecretKeys) -> None:
    sealed = keys.seal(SECRET, **OF)
    assert sealed.startswith("v1.new.")
    assert keys.open(sealed, **OF) == SECRET
    assert SECRET.decode() not in sealed
    assert keys.seal(SECRET, **OF) != sealed


def test_value_of_an_older_key_opens_and_asks_to_be_sealed_anew(keys: SecretKeys) -> None:
    old = SecretKeys({"old": keys.keys["old"]}).seal(SECRET, **OF)
    assert keys.open(old, **OF) == SECRET
    assert not keys.is_current(old)
    assert keys.is_current(keys.seal(SECRET, **OF))


def test_value_of_a_key_that_is_gone_names_it(keys: SecretKeys) -> None:
    sealed = keys.seal(SECRET, **OF)
    with pytest.raises(SecretKeysMissing, match="'new'"):
        SecretKeys({"old": keys.keys["old"]}).open(sealed, **OF)


@pytest.mark.parametrize(
    "other", [{"purpose": "billing", "owner": "6f1c"}, {"purpose": "endpoint", "owner": "6f1d"}]
)
def test_opens_nothing_in_another_place(keys: SecretKeys, other: dict[str, str]) -> None:
    with pytest.raises(SecretUnreadable):
        keys.open(keys.seal(SECRET, **OF), **other)


def test_purpose_and_owner_do_not_run_together(keys: SecretKeys) -> None:
    sealed = keys.seal(SECRET, purpose="ab", owner="c")
    with pytest.raises(SecretUnreadable):
        keys.open(sealed, purpose="a", owner="bc")


def test_key_under_another_id_opens_nothing(keys: SecretKeys) -> None:
    sealed = keys.seal(SECRET, **OF)
    renamed = SecretKeys({"two": keys.keys["new"]})
    with pytest.raises(SecretUnreadable):
        renamed.open(sealed.replace("v1.new.", "v1.two."), **OF)


@pytest.mark.parametrize("at", [8, 20, -2])
def test_changed_value_opens_nothing(keys: SecretKeys, at: int) -> None:
    letters = list(keys.seal(SECRET, **OF))
    letters[at] = "A" if letters[at] != "A" else "B"
    with pytest.raises(SecretUnreadable):
        keys.open("".join(letters), **OF)


@pytest.mark.parametrize("odd", ["", "v1", "v1.new.", "v1.new.AAAA", "v2.new.AAAA", "v1.new.é"])
def test_what_is_no_sealed_value_opens_nothing(keys: SecretKeys, odd: str) -> None:
    with pytest.raises(SecretUnreadable):
        keys.open(odd, **OF)


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(SecretKeysMissing):
        parse_keys([]).seal(SECRET, **OF)


def test_keys_are_shown_nowhere(keys: SecretKeys) -> None:
    assert repr(keys) == "SecretKeys(new, old)"


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        (["main"], "id:base64"),
        (["ma in:AAAA"], "id:base64"),
        ([entry("main", b"short-of-32-bytes")], "'main'"),
        ([entry("main", os.urandom(33))], "'main'"),
        (["main:" + "A" * 45], "'main'"),
        ([entry("main"), entry("main")], "twice"),
    ],
)
def test_entry_that_is_no_key_is_refused_unquoted(entries: list[str], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        parse_keys(entries)
    assert not any(part in str(caught.value) for each in entries for part in each.split(":")[1:])


def test_either_alphabet_is_a_key() -> None:
    key = b"\xfb\xff" * 16
    plain = base64.b64encode(key).decode()
    safe = base64.urlsafe_b64encode(key).decode().rstrip("=")
    assert parse_keys([f"a:{plain}", f"b:{safe}"]).keys == {"a": key, "b": key}
