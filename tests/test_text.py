"""Text of others: every character there is, kept, cleaned or shown."""

from __future__ import annotations

import sys
import unicodedata

from coinslot.text import is_whole, shown, storable

ALL = [chr(code) for code in range(sys.maxunicode + 1)]


def test_what_is_stored_of_a_gateway_s_text_can_be_and_nothing_else_is_lost() -> None:
    for each in ALL:
        kept = storable(f"a{each}b")
        kind = unicodedata.category(each)
        expected = {"Cs": "a?b", "Cc": "a b"}.get(kind, f"a{each}b")
        assert kept == ("ab" if each == "\x00" else expected), repr(each)


def test_what_cannot_be_stored_is_told_from_what_can() -> None:
    refused = [each for each in ALL if not is_whole(f"한{each}")]
    assert refused == ["\x00", *map(chr, range(0xD800, 0xE000))]


def test_what_is_shown_is_printable_and_whole() -> None:
    for each in ALL:
        said = shown(each)
        assert said.isprintable()
        assert said == each or said.encode().decode("unicode_escape") == each
    assert shown("a\nb\tc", keep="\n") == "a\nb\\tc"
